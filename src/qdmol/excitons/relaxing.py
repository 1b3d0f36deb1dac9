"""Orbitals for configuration interaction: levels in the other carrier's field, and what each carrier answers the other.

To second order a pair gains energy by products of an excited state b of one carrier with

    χ_b = (T + V - E)^-1 φ_0b ψ_0,   φ_0b the potential of the transition density ψ_0 ψ_b of the other,

so that one such answer for each b does what all excited states of the carrier do together; levels of rising energy,
which spread over the molecule, need hundreds for that. (Functions made for a pair are the idea of pair natural
orbitals: Edmiston and Krauss, J. Chem. Phys. 42, 1119 (1965), doi:10.1063/1.1696050.) The inverse is that of the bare
operator a little below its lowest edge, whose factors are at hand: it need not be exact, for the functions only span a
space in which everything is diagonalised.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray

from qdmol.excitons.carrier import CarrierState
from qdmol.excitons.functions import Functions, PointSums, independent, levels_below
from qdmol.excitons.orbitals import OrbitalBasis, OrbitalBlock, join_blocks
from qdmol.excitons.pairing import SettledPair
from qdmol.excitons.solving import MoleculeSolution
from qdmol.landscape import CARRIERS, Carrier, Poisson
from qdmol.states import FieldHamiltonian, Hamiltonian
from qdmol.units import COULOMB_EV_NM

__all__ = ["DEPENDENT", "relaxed_orbitals"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
# Vectors (k, unknowns) of one m >= 0 and parity, of any norm.
Candidates = Mapping[tuple[int, int], Floats]

# Part of the electrons' cut up to which the holes' own levels are taken: they lie closer, and the rest are answers.
HOLE_SHARE = 0.5
# Answers smaller than this beside the largest of their block are rounding.
SMALLEST = 1e-9
# Directions of the candidates, each of norm 1, with less than this weight are left out.
DEPENDENT = 1e-4
# |m| that are looked through.
LARGEST_M = 40


def relaxed_orbitals(
    solution: MoleculeSolution, *, energy: float, weight: float = DEPENDENT, alike: Collection[Carrier] = ()
) -> dict[Carrier, OrbitalBasis]:
    """Orbitals of both carriers.

    The settled pairs' own states are in the span of the lowest multiplet, so that the energy of each pair is an upper
    bound of the lowest state in these orbitals.

    Parameters
    ----------
    solution
        A molecule with its settled pairs.
    energy
        The cut (eV): levels of the electron up to so far above its lowest in the field of a pair's hole, of the hole up
        to half of that, and the answers to them all. One for a molecule and its monomers.
    weight
        Directions of the functions, each of norm 1, with less weight than this are left out.
    alike
        Carriers of which there are two or more: they answer each other too.

    Raises
    ------
    ValueError
        The solution has no settled pair.
    """
    if not solution.pairs:
        message = "orbitals relax in the field of a settled pair: solve with coulomb=True"
        raise ValueError(message)
    electron, hole = (_Relaxing.of(solution, carrier, weight) for carrier in CARRIERS)
    dots = np.array([dot.z for dot in solution.molecule.dots])
    found: dict[Carrier, OrbitalBasis] = {"electron": electron.basis(electron.levels(energy), dots)}
    for one, other, cut in ((hole, electron, HOLE_SHARE * energy), (electron, hole, energy)):
        candidates = _together(one.levels(cut), one.answers(found[other.carrier], other))
        if one.carrier in alike:
            candidates = _together(candidates, one.answers(one.basis(candidates, dots), one))
        found[one.carrier] = one.basis(candidates, dots)
    return found


def _together(one: Candidates, two: Candidates) -> Candidates:
    return {
        key: np.concatenate([part[key] for part in (one, two) if key in part]) for key in sorted(set(one) | set(two))
    }


@dataclass(frozen=True)
class _Relaxing:
    """One carrier in the fields of the settled pairs: its `states` there and its potential `energies` (images, P)."""

    hamiltonian: Hamiltonian
    carrier: Carrier
    states: tuple[CarrierState, ...]
    energies: tuple[Floats, ...]
    weight: float

    @classmethod
    def of(cls, solution: MoleculeSolution, carrier: Carrier, weight: float) -> _Relaxing:
        pairs: list[SettledPair] = list({id(state.pair): state.pair for state in solution.pairs}.values())
        if carrier == "electron":
            states, energies = [pair.electron for pair in pairs], [pair.electron_energy for pair in pairs]
        else:
            states, energies = [pair.hole for pair in pairs], [pair.hole_energy for pair in pairs]
        return cls(solution.hamiltonians[carrier], carrier, tuple(states), tuple(energies), weight)

    @cached_property
    def _mean(self) -> Floats:
        """Entries of the mean field: over the pairs and their mirror images."""
        average = np.mean([energy.mean(axis=0) for energy in self.energies], axis=0)
        entries: Floats = self.hamiltonian.assembler.mass(self.states[0].space.unflatten(average[None])[0])
        return entries

    def own(self, state: CarrierState) -> Functions:
        """The parts of one state of each parity, as functions that add up to it."""
        parts = state.space.parts(state.vector)
        vectors = np.array(list(parts.values())) / math.sqrt(2 * math.pi * len(parts))
        return Functions(self.hamiltonian, vectors, np.zeros(len(parts), dtype=np.intp), np.array(list(parts)))

    def levels(self, energy: float) -> Candidates:
        """Levels (k, unknowns) of every m in each pair's field, up to `energy` (eV) above the pair's own."""
        found: dict[tuple[int, int], list[Floats]] = {}
        space = self.states[0].space
        for state, field in zip(self.states, self.energies, strict=True):
            operator = FieldHamiltonian(self.hamiltonian, space.unflatten(field))
            for m in range(LARGEST_M):
                vectors = levels_below(operator.pair(m, 0, coarse=False), operator.floor, state.level + energy)
                if not len(vectors):
                    break
                for parity, part in self._projected(operator, m, vectors).items():
                    found.setdefault((m, parity), []).append(part)
        return {key: np.concatenate(parts) for key, parts in found.items()}

    def _projected(self, operator: FieldHamiltonian, m: int, vectors: Floats) -> dict[int, Floats]:
        """Vectors of the operator in a field, on the unknowns of the bare operator's block of each parity."""
        hamiltonian = self.hamiltonian
        if not hamiltonian.half:
            return {0: vectors}
        count = hamiltonian.elements.count
        full = np.zeros((len(vectors), 2 * count))
        full[:, operator.pair(m, 0, coarse=False).unknowns] = vectors
        above, below = full[:, :count], full[:, count:].copy()
        below[:, hamiltonian.elements.mirror] = above[:, hamiltonian.elements.mirror]
        return {
            parity: ((above + parity * below) / 2)[:, hamiltonian.pair(m, parity, coarse=False).unknowns]
            for parity in hamiltonian.parities
        }

    def answers(self, others: OrbitalBasis, other: _Relaxing) -> Candidates:
        """Answers (k, unknowns) to every excitation of another carrier in each pair."""
        functions = others.functions
        if functions is None or others.radial is None:
            message = "answers need the orbitals' functions"
            raise ValueError(message)
        excited = functions.take(np.unique(others.radial))
        hamiltonian = self.hamiltonian
        poisson = Poisson(hamiltonian.elements, hamiltonian.molecule, hamiltonian.parities)
        found: dict[tuple[int, int], list[Floats]] = {}
        for state, source in zip(self.states, other.states, strict=True):
            own = self.own(state)
            for m, potentials in _transitions(excited, other.own(source), poisson):
                for key, loads in _loads(own, potentials).items():
                    unknowns = hamiltonian.pair(m, key, coarse=False).unknowns
                    answer = hamiltonian.floor_factor(m, key, coarse=False).solve(loads[unknowns])
                    found.setdefault((m, key), []).append(answer.T)
        return {key: np.concatenate(rows) for key, rows in found.items()}

    def basis(self, candidates: Candidates, dots: Floats) -> OrbitalBasis:
        """The orbitals that span the pairs' own states and the candidates."""
        blocks = [self._block(m, parity, rows) for (m, parity), rows in sorted(candidates.items())]
        return join_blocks(self.hamiltonian, self.carrier, blocks, dots)

    def _block(self, m: int, parity: int, candidates: Floats) -> OrbitalBlock:
        """The own states first, then what else there is, diagonal in the mean field."""
        pair = self.hamiltonian.pair(m, parity, coarse=False)
        own = self._own_rows(parity)[:, pair.unknowns] if m == 0 else np.empty((0, len(pair.unknowns)))
        own = independent(own, pair.M)[1] if len(own) else own
        rest = _beside(own, candidates, pair.M, least=self.weight)
        field = pair.space.pattern.matrix(pair.energy + pair.space.cut(self._mean))
        energies, mixing = scipy.linalg.eigh(rest @ (field @ rest.T))
        basis = np.concatenate([own, mixing.T @ rest])
        lowest = np.einsum("an,na->a", own, field @ own.T)
        vectors = np.zeros((len(basis), self.hamiltonian.elements.count))
        vectors[:, pair.unknowns] = basis / math.sqrt(2 * math.pi * len(self.hamiltonian.parities))
        one_body = basis @ (pair.A @ basis.T)
        return OrbitalBlock(m, parity, vectors, (one_body + one_body.T) / 2, np.concatenate([lowest, energies]))

    def _own_rows(self, parity: int) -> Floats:
        rows = np.array([state.space.parts(state.vector)[parity] for state in self.states])
        heavy = np.linalg.norm(rows, axis=1)
        return rows[heavy > SMALLEST * heavy.max()]


def _beside(own: Floats, candidates: Floats, overlap: sp.csc_array, *, least: float) -> Floats:
    """An orthonormal basis (k, n) of what the candidates have in common outside `own` (j, n), orthonormal too.

    Directions that few candidates point in, and those little, are left out: they would bring next to nothing.
    """
    norms = np.sqrt(np.einsum("an,na->a", candidates, overlap @ candidates.T))
    large = norms > SMALLEST * norms.max()
    candidates = candidates[large] / norms[large, None]
    for _ in range(2):
        candidates = candidates - (candidates @ (overlap @ own.T)) @ own
    weights, mixing = scipy.linalg.eigh(candidates @ (overlap @ candidates.T))
    keep = weights > least
    found = (mixing[:, keep] / np.sqrt(weights[keep])).T @ candidates
    # once more: small weights lose digits
    root = scipy.linalg.cholesky(found @ (overlap @ found.T), lower=True)
    return np.asarray(scipy.linalg.solve_triangular(root, found, lower=True))


def _transitions(excited: Functions, own: Functions, poisson: Poisson) -> Iterator[tuple[int, dict[int, Floats]]]:
    """For each m and parity of functions b: m, and by parity the potentials (n, B) of ψ_0 ψ_b, part by part of ψ_0."""
    for m in np.unique(excited.m):
        for parity in np.unique(excited.parity[excited.m == m]):
            some = excited.take(np.flatnonzero((excited.m == m) & (excited.parity == parity)))
            found = {}
            for part, own_parity in zip(own.vectors, own.parity, strict=True):
                values = PointSums(own.hamiltonian, part[None]).values * some.sums.values
                loads = 4 * math.pi * COULOMB_EV_NM * some.sums.gather(values)
                key = int(parity * own_parity)
                found[key] = poisson.answers(loads, m=int(m), parity=key)
            yield int(m), found


def _loads(own: Functions, potentials: Mapping[int, Floats]) -> dict[int, Floats]:
    """∫ φ ψ_0 v r (n, B) for each parity of the product."""
    products: dict[int, Floats] = {}
    for parity, potential in potentials.items():
        values = PointSums(own.hamiltonian, potential.T).values
        for function, own_parity in zip(own.sums.values, own.parity, strict=True):
            key = int(parity * own_parity)
            products[key] = products.get(key, 0.0) + values * function
    return {key: own.sums.gather(np.asarray(product)) for key, product in products.items()}
