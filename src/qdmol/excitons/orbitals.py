"""Orbitals of one carrier, in which states of several particles are expanded.

They are relaxed: levels of every m in the field of the other carrier of each self-consistent pair, beside the levels
without that field, which suit particles in a neutral surrounding. A symmetric molecule's are projected on the
parities, so that those around the mirror image of a pair are in the span too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from qdmol.excitons.carrier import CarrierState
from qdmol.excitons.functions import Functions, levels_below
from qdmol.excitons.pairing import SettledPair
from qdmol.excitons.solving import MoleculeSolution
from qdmol.landscape import CARRIERS, Carrier
from qdmol.states import FieldHamiltonian, Hamiltonian

__all__ = ["OrbitalBasis", "relaxed_orbitals"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

# Energies (eV) that differ by less lie on one side of a cut.
CUT_SLACK = 1e-9
# Energies (eV) that differ by less belong to one multiplet, and those of an even and an odd orbital of one rank.
DEGENERATE = 5e-4
SPLIT = 0.03
# Of candidates for a basis, a direction with less than this norm squared outside the others is dropped.
DEPENDENT = 1e-4
# The same for the states of the pairs.
OWN = 1e-9
# |m| that are looked through.
LARGEST_M = 40


@dataclass(frozen=True)
class OrbitalBasis:
    """N orbitals ψ_a = u_a(r, z) e^{i m_a φ} of one carrier, u real, orthonormal over the whole molecule.

    Attributes
    ----------
    carrier
        Electron or hole.
    m
        (N,), both signs; +m and -m share u.
    parity
        (N,), +1 or -1 of u under z -> -z on a symmetric molecule, 0 where there is no mirror plane.
    energy
        (N,) in eV, ascending: expectation value of the carrier's operator and the other carrier's mean field.
    one_body
        (N, N) in eV: the carrier's bare Hamiltonian, real symmetric, block diagonal in (m, parity).
    multiplet
        (N,): orbitals with the same number are kept or left out together.
    dot_weight
        (D, N, N): ∫ ψ_a* ψ_b over the part of space nearest to each dot's centre along z.
    radial
        (N,): row of `functions` that holds u; None for orbitals that are given by their integrals only.
    functions
        The functions u; None for orbitals that are given by their integrals only.
    """

    carrier: Carrier
    m: Integers
    parity: Integers
    energy: Floats
    one_body: Floats
    multiplet: Integers
    dot_weight: Floats
    radial: Integers | None = None
    functions: Functions | None = None

    def __len__(self) -> int:
        return len(self.m)

    def cut(self, *, count: int | None = None, energy: float | None = None) -> OrbitalBasis:
        """The lowest whole multiplets: at most `count` orbitals, at most `energy` (eV) above the lowest.

        The multiplet numbered lowest is always kept.
        """
        top = np.array([self.energy[self.multiplet == number].max() for number in self.multiplet])
        keep = np.ones(len(self), dtype=np.bool_)
        if energy is not None:
            keep &= top <= self.energy[0] + energy + CUT_SLACK
        if count is not None:
            keep &= np.array([np.sum(top <= value) <= count for value in top])
        keep |= self.multiplet == self.multiplet.min()
        return self.take(np.flatnonzero(keep))

    def take(self, chosen: Integers) -> OrbitalBasis:
        """Some of the orbitals, in the order given."""
        return replace(
            self,
            m=self.m[chosen],
            parity=self.parity[chosen],
            energy=self.energy[chosen],
            one_body=self.one_body[np.ix_(chosen, chosen)],
            multiplet=self.multiplet[chosen],
            dot_weight=self.dot_weight[:, chosen][:, :, chosen],
            radial=None if self.radial is None else self.radial[chosen],
        )


def relaxed_orbitals(
    solution: MoleculeSolution, *, energy: float, bare: bool = True
) -> dict[Carrier, OrbitalBasis]:
    """Orbitals of both carriers up to `energy` (eV) above the lowest; `bare`: levels without a field among them.

    The orbitals of each settled pair are in the span of the lowest multiplet.

    Raises
    ------
    ValueError
        The solution has no settled pair.
    """
    if not solution.pairs:
        message = "orbitals relax in the field of a settled pair: solve with coulomb=True"
        raise ValueError(message)
    pairs = list({id(state.pair): state.pair for state in solution.pairs}.values())
    return {carrier: _orbitals(solution, carrier, pairs, energy, bare=bare) for carrier in CARRIERS}


def _orbitals(
    solution: MoleculeSolution, carrier: Carrier, pairs: Sequence[SettledPair], energy: float, *, bare: bool
) -> OrbitalBasis:
    hamiltonian = solution.hamiltonians[carrier]
    if carrier == "electron":
        source = _Source(hamiltonian, [(pair.electron, pair.electron_energy) for pair in pairs])
    else:
        source = _Source(hamiltonian, [(pair.hole, pair.hole_energy) for pair in pairs])
    blocks = [block for block in source.blocks(energy, bare=bare) if len(block.energy)]
    functions = Functions(
        hamiltonian,
        np.concatenate([block.vectors for block in blocks]),
        np.concatenate([np.full(len(block.energy), block.m) for block in blocks]),
        np.concatenate([np.full(len(block.energy), block.parity) for block in blocks]),
    )
    one_body = scipy.linalg.block_diag(*[block.one_body for block in blocks])
    mean = np.concatenate([block.energy for block in blocks])
    number = _multiplets(functions, mean)
    weight = functions.sums.near(np.array([dot.z for dot in solution.molecule.dots]))
    weight *= functions.m[:, None] == functions.m
    whole = OrbitalBasis(carrier, functions.m, functions.parity, mean, one_body, number, weight, None, functions)
    return _signed(whole).cut(energy=energy)


@dataclass(frozen=True)
class _Block:
    """Functions (R, n) of one m >= 0 and parity, orthonormal over the molecule; bare operator (R, R) and energies (R,)
    in the mean field.
    """

    m: int
    parity: int
    vectors: Floats
    one_body: Floats
    energy: Floats


class _Source:
    """Where one carrier's orbitals come from: its states in the pairs, lowest first, and the fields it feels there."""

    def __init__(self, hamiltonian: Hamiltonian, settled: Sequence[tuple[CarrierState, Floats]]) -> None:
        self.hamiltonian = hamiltonian
        space = settled[0][0].space
        self.states = [state for state, _ in settled]
        self.fields = [FieldHamiltonian(hamiltonian, space.unflatten(energy)) for _, energy in settled]
        # Over the pairs and their mirror images.
        average = np.mean([energy.mean(axis=0) for _, energy in settled], axis=0)
        self.mean = hamiltonian.assembler.mass(space.unflatten(average[None])[0])

    def blocks(self, energy: float, *, bare: bool) -> Iterator[_Block]:
        """Blocks of every m up to the first that has no function."""
        hamiltonian = self.hamiltonian
        lowest = min(float(levels_below(hamiltonian, 0, p, math.inf, most=1)[0][0]) for p in hamiltonian.parities)
        for m in range(LARGEST_M):
            found: dict[int, list[Floats]] = {parity: [] for parity in hamiltonian.parities}
            for state, operator in zip(self.states, self.fields, strict=True):
                vectors = levels_below(operator, m, 0, state.level + energy)[1]
                for parity, part in self._projected(operator, m, vectors).items():
                    found[parity].append(part)
            for parity in hamiltonian.parities if bare else ():
                found[parity].append(levels_below(hamiltonian, m, parity, lowest + energy)[1])
            blocks = [self._block(m, parity, np.concatenate(rows)) for parity, rows in found.items()]
            if not any(len(block.energy) for block in blocks):
                return
            yield from blocks

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

    def _block(self, m: int, parity: int, candidates: Floats) -> _Block:
        """The orthonormal basis of the candidates (k, unknowns): the pairs' own states, then states of the mean field."""
        pair = self.hamiltonian.pair(m, parity, coarse=False)
        own = np.empty((0, len(pair.unknowns)))
        if m == 0:
            for state in self.states:
                vector = state.space.parts(state.vector)[parity][pair.unknowns][None]
                own = np.concatenate([own, _beside(own, vector, pair.M, least=OWN)])
        rest = _beside(own, candidates, pair.M, least=DEPENDENT)
        field = pair.space.pattern.matrix(pair.energy + pair.space.cut(self.mean))
        energies, mixing = scipy.linalg.eigh(rest @ (field @ rest.T)) if len(rest) else (np.empty(0), np.empty((0, 0)))
        basis = np.concatenate([own, mixing.T @ rest])
        vectors = np.zeros((len(basis), self.hamiltonian.elements.count))
        vectors[:, pair.unknowns] = basis / math.sqrt(2 * math.pi * len(self.hamiltonian.parities))
        first = np.einsum("an,an->a", own, (field @ own.T).T)
        one_body = basis @ (pair.A @ basis.T)
        return _Block(m, parity, vectors, (one_body + one_body.T) / 2, np.concatenate([first, energies]))


def _beside(own: Floats, candidates: Floats, overlap: sp.csc_array, *, least: float) -> Floats:
    """An orthonormal basis (k, n) of what the candidates have outside the span of `own` (j, n), orthonormal too."""
    for _ in range(2):
        candidates = candidates - (candidates @ (overlap @ own.T)) @ own
    weights, mixing = scipy.linalg.eigh(candidates @ (overlap @ candidates.T))
    keep = weights > least
    found = (mixing[:, keep] / np.sqrt(weights[keep])).T @ candidates
    # Once more: small weights lose digits.
    root = scipy.linalg.cholesky(found @ (overlap @ found.T), lower=True)
    return np.asarray(scipy.linalg.solve_triangular(root, found, lower=True))


def _multiplets(functions: Functions, energy: Floats) -> Integers:
    """Number the multiplets (R,): 0 for the lowest pair's own states, then ascending in energy.

    Together are: the first functions of m = 0; levels closer than DEGENERATE, as of a sphere's l; the even and the odd
    function of one rank in their blocks, where closer than SPLIT, as of two dots.
    """
    order = np.argsort(energy, kind="stable")
    links = [(a, b) for a, b in pairwise(order) if energy[b] - energy[a] < DEGENERATE]
    members = {
        (int(m), int(p)): np.flatnonzero((functions.m == m) & (functions.parity == p))
        for m, p in set(zip(functions.m, functions.parity, strict=True))
    }
    for (m, parity), even in members.items():
        for rank, (a, b) in enumerate(zip(even, members.get((m, -1), ()), strict=False)):
            if parity == 1 and ((m == 0 and rank == 0) or abs(energy[a] - energy[b]) < SPLIT):
                links.append((a, b))
    size = len(energy)
    graph = sp.coo_array((np.ones(len(links)), tuple(np.array(links, dtype=int).reshape(-1, 2).T)), shape=(size, size))
    label = connected_components(graph, directed=False)[1]
    first = label == label[members[0, functions.parity[0]][0]]
    lowest = np.array([np.min(energy[label == one]) for one in label])
    lowest[first] = -math.inf
    return np.unique(lowest, return_inverse=True)[1]


def _signed(radial: OrbitalBasis) -> OrbitalBasis:
    """Orbitals of both signs of m, in the order of their energies, of a basis that has one of each |m|."""
    rows = [(energy, row, sign) for row, energy in enumerate(radial.energy) for sign in ((-1, 1) if radial.m[row] else (1,))]
    chosen = np.array([row for _, row, _ in sorted(rows)], dtype=np.intp)
    signs = np.array([sign for _, _, sign in sorted(rows)])
    found = replace(radial, radial=np.arange(len(radial))).take(chosen)
    m = signs * found.m
    same = m[:, None] == m
    return replace(found, m=m, one_body=found.one_body * same, dot_weight=found.dot_weight * same)
