"""Orbitals that answer the other carrier: what one carrier does when the other leaves its lowest state.

To second order a pair gains energy through products of an excited state b of one carrier with

    χ_b = (T + V - E)^-1 φ_0b ψ_0,   φ_0b the potential of the transition density ψ_0 ψ_b of the other,

so that one such function for each b does what all excited states of the carrier would do together. Levels of rising
energy need hundreds for that. (Functions made for each pair, not for the molecule, are the idea of pair natural
orbitals: Edmiston and Krauss, J. Chem. Phys. 42, 1119 (1965), doi:10.1063/1.1696050.) The inverse is that of the bare
operator a little below its lowest edge, whose factors are at hand: it need not be exact, for the functions only span a
space in which everything is then diagonalised.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from qdmol.excitons.functions import Functions
from qdmol.excitons.orbitals import OrbitalBasis, _assembled, _source, relaxed_orbitals
from qdmol.excitons.solving import MoleculeSolution
from qdmol.landscape import Carrier, Poisson
from qdmol.states import Hamiltonian
from qdmol.units import COULOMB_EV_NM

__all__ = ["correlated_orbitals", "responses"]

Floats = NDArray[np.float64]
Candidates = dict[tuple[int, int], Floats]

# Share of the electrons' cut up to which the holes' own relaxed levels are taken: the rest are answers.
HOLE_SHARE = 0.5
# Answers smaller than this beside the largest of their block are rounding.
SMALLEST = 1e-9


def correlated_orbitals(solution: MoleculeSolution, *, energy: float) -> dict[Carrier, OrbitalBasis]:
    """Relaxed orbitals up to an energy, with the answers of each carrier to the other's.

    Parameters
    ----------
    solution
        A molecule with its settled pairs.
    energy
        The cut (eV) above the lowest electron orbital in the pair's field; one for a molecule and its monomers.
    """
    electron = relaxed_orbitals(solution, energy=energy, bare=False)["electron"]
    hole = relaxed_orbitals(solution, energy=HOLE_SHARE * energy, bare=False)["hole"]
    hole = extended_orbitals(solution, hole, responses(electron, hole))
    electron = extended_orbitals(solution, electron, responses(hole, electron))
    return {"electron": electron, "hole": hole}


def extended_orbitals(solution: MoleculeSolution, basis: OrbitalBasis, candidates: Candidates) -> OrbitalBasis:
    """A basis with more functions in it: vectors (k, unknowns) for each m and parity, of any norm."""
    functions = basis.functions
    assert functions is not None and basis.radial is not None
    source = _source(solution, basis.carrier)
    used = functions.take(np.unique(basis.radial))
    keys = set(candidates) | set(zip(used.m.tolist(), used.parity.tolist(), strict=True))
    blocks = []
    for m, parity in sorted(keys):
        pair = source.hamiltonian.pair(m, parity, coarse=False)
        old = used.vectors[(used.m == m) & (used.parity == parity)][:, pair.unknowns]
        new = candidates.get((m, parity), np.empty((0, old.shape[1])))
        together = np.concatenate([old, new])
        norms = np.sqrt(np.einsum("an,an->a", together, (pair.M @ together.T).T))
        kept = together[norms > SMALLEST * norms.max()] / norms[norms > SMALLEST * norms.max(), None]
        blocks.append(source.block(m, parity, kept))
    return _assembled(solution, basis.carrier, blocks)


def responses(source: OrbitalBasis, answering: OrbitalBasis) -> Candidates:
    """Answers of one carrier to every excitation of the other: vectors (k, unknowns) for each m and parity.

    Raises
    ------
    ValueError
        Orbitals that come without their functions.
    """
    if source.functions is None or answering.functions is None:
        message = "answers need the orbitals' functions"
        raise ValueError(message)
    hamiltonian = answering.functions.hamiltonian
    poisson = Poisson(hamiltonian.elements, hamiltonian.molecule, hamiltonian.parities)
    lowest = answering.functions.take(_lowest(answering))
    found: dict[tuple[int, int], list[Floats]] = {}
    for m, potentials in _transitions(source, poisson):
        for parity, load in _loads(hamiltonian, lowest, potentials).items():
            unknowns = hamiltonian.pair(m, parity, coarse=False).unknowns
            answer = hamiltonian.floor_factor(m, parity, coarse=False).solve(load[unknowns])
            found.setdefault((m, parity), []).append(answer)
    return {key: np.stack(rows) for key, rows in found.items()}


def _lowest(basis: OrbitalBasis) -> NDArray[np.intp]:
    """Rows of the functions of the pairs' own states."""
    assert basis.radial is not None
    return np.unique(basis.radial[(basis.multiplet == basis.multiplet.min()) & (basis.m == 0)])


def _transitions(source: OrbitalBasis, poisson: Poisson) -> Iterator[tuple[int, list[tuple[int, Floats]]]]:
    """For each function b its m, and the potentials (n,) of ψ_0 ψ_b for each of the lowest functions, with parities."""
    functions, own = source.functions, _lowest(source)
    assert functions is not None and source.radial is not None
    used = np.unique(source.radial)
    for m in np.unique(functions.m[used]):
        rows = used[functions.m[used] == m]
        pairs = np.array([(a, b) for b in rows for a in own])
        parity = functions.parity[pairs[:, 0]] * functions.parity[pairs[:, 1]]
        potentials = _potentials(functions, pairs, parity, poisson, int(m))
        for k in range(0, len(pairs), len(own)):
            chosen = range(k, k + len(own))
            yield int(m), [(int(parity[i]), potentials[:, i]) for i in chosen]


def _potentials(functions: Functions, pairs: NDArray[np.intp], parity: NDArray[np.intp], poisson: Poisson, m: int) -> Floats:
    loads = 4 * math.pi * COULOMB_EV_NM * functions.sums.loads(pairs)
    for p in np.unique(parity):
        loads[:, parity == p] = poisson.answers(loads[:, parity == p], m=m, parity=int(p))
    return loads


def _loads(hamiltonian: Hamiltonian, lowest: Functions, potentials: list[tuple[int, Floats]]) -> dict[int, Floats]:
    """∫ φ ψ_0 v r (n,) for each parity: every potential times every lowest function, added up.

    Of a symmetric molecule the even and odd functions add up to those of one dot, their products to what one dot feels.
    """
    assembler = hamiltonian.assembler
    products: dict[int, Floats] = {}
    for parity, potential in potentials:
        values = np.concatenate([part.ravel() for part in assembler.evaluate(potential)])
        for function, own in zip(lowest.sums.values, lowest.parity, strict=True):
            key = parity * int(own)
            products[key] = products.get(key, 0.0) + values * function
    shapes = [block.r.shape for block in assembler.blocks]
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    return {
        parity: assembler.load([part.reshape(s) for part, s in zip(np.split(product, ends), shapes, strict=True)])
        for parity, product in products.items()
    }
