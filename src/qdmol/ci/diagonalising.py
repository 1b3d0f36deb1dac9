"""The lowest states of a complex in one set of orbitals.

Every sector of m, parity and spin is solved apart. Two carriers of a kind are in a singlet or a triplet: with one spin
up and one down these are the functions that are even or odd under exchange of the two orbitals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy.linalg

from qdmol.arrays import Floats, Indices
from qdmol.ci.complexes import Complex
from qdmol.ci.configurations import Sector, Species, make_species, pair_operators
from qdmol.ci.integrals import Interaction
from qdmol.ci.orbitals import OrbitalBasis
from qdmol.linalg import davidson
from qdmol.potentials import Carrier

# Norm of the residual (eV) at which a state rests; its energy is then right to the square of it over the spacing.
REST = 2e-5
# Sectors of higher m are left out where their lowest configuration lies this far (eV) above the highest state wanted.
MARGIN = 0.03
HIGHEST_M = 2
# States of a sector and spin that are looked for at once.
STEP = 2
# Configurations of lowest energy among which the first vectors are found.
FIRST = 200


@dataclass(frozen=True)
class Problem:
    """Orbitals of both carriers and the integrals between them, by kind: "eh", "ee", "hh"."""

    electron: OrbitalBasis
    hole: OrbitalBasis
    integrals: dict[str, Interaction]

    def basis(self, carrier: Carrier) -> OrbitalBasis:
        """The orbitals of one carrier."""
        return self.electron if carrier == "electron" else self.hole

    @property
    def signed(self) -> dict[tuple[str, str], tuple[float, Interaction]]:
        """The interactions by carriers, with their signs."""
        signs = {"ee": 1.0, "hh": 1.0, "eh": -1.0}
        return {(one.first, one.second): (signs[kind], one) for kind, one in self.integrals.items()}

    def repulsion(self, carrier: Carrier) -> Interaction | None:
        """Integrals between carriers of one kind."""
        return self.integrals.get(2 * carrier[0])


@dataclass(frozen=True, eq=False)
class Configured:
    """A state of a complex: energy (eV), quantum numbers, and its vector (n,) in a sector.

    Spins are None where more than two carriers of a kind are there: then the state is one of a multiplet.
    """

    energy: float
    m: int
    parity: int
    electron_spin: float | None
    hole_spin: float | None
    sector: Sector
    vector: Floats

    @property
    def degeneracy(self) -> int:
        """How many states have this energy: both signs of m, all directions of the spins known."""
        spins = [spin for spin in (self.electron_spin, self.hole_spin) if spin is not None]
        return int(np.prod([2 * spin + 1 for spin in spins])) * (2 if self.m else 1)


@dataclass(frozen=True)
class _Spin:
    """A symmetry of the spins: which species are exchanged, with which sign."""

    electron: float | None
    hole: float | None
    exchanges: tuple[tuple[int, int, int], ...]


def lowest_states(problem: Problem, complex_: Complex, *, states: int) -> list[Configured]:
    """The lowest states of a complex by energy; a level of several states counts once.

    Parameters
    ----------
    problem
        Orbitals and integrals; "ee" and "hh" where there are two of a kind.
    complex_
        How many carriers.
    states
        How many levels.
    """
    species, spins = _species(problem, complex_)
    operators = pair_operators(species, problem.signed)
    parities = sorted({int(p) for p in problem.electron.parity}, reverse=True)
    towers: list[_Tower] = []
    for m in range(HIGHEST_M + 1):
        for parity in parities:
            sector = Sector(species, operators, m=m, parity=parity)
            if sector.size and not _too_high(problem, sector, _collected(towers), states):
                towers += [_Tower(sector, spin) for spin in spins]
                _fill(towers, states)
    return _collected(towers)[:states]


def _collected(towers: Sequence[_Tower]) -> list[Configured]:
    return sorted((state for tower in towers for state in tower.states), key=lambda state: state.energy)


def _fill(towers: Sequence[_Tower], states: int) -> None:
    """Solve for more states of a tower as long as its highest is among the lowest of all."""
    for tower in towers:
        if not tower.states:
            tower.grow()
    while True:
        among = _collected(towers)[:states]
        open_ = [tower for tower in towers if not tower.complete and tower.states[-1].energy <= among[-1].energy]
        if not open_:
            return
        for tower in open_:
            tower.grow()


def _species(problem: Problem, complex_: Complex) -> tuple[list[Species], list[_Spin]]:
    species: list[Species] = []
    choices: list[list[tuple[float | None, tuple[int, int, int] | None]]] = []
    carriers: tuple[tuple[Carrier, int], ...] = (("electron", complex_.electrons), ("hole", complex_.holes))
    for carrier, count in carriers:
        basis, repulsion = problem.basis(carrier), problem.repulsion(carrier)
        first = len(species)
        species += [make_species(basis, n, repulsion) for n in ((count + 1) // 2, count // 2) if n]
        if count == 1:
            choices.append([(0.5, None)])
        elif count == 2:
            choices.append([(0.0, (first, first + 1, 1)), (1.0, (first, first + 1, -1))])
        else:
            choices.append([(None, None)])
    spins = [
        _Spin(electron[0], hole[0], tuple(one for one in (electron[1], hole[1]) if one is not None))
        for electron, hole in product(*choices)
    ]
    return species, spins


def _too_high(problem: Problem, sector: Sector, found: Sequence[Configured], states: int) -> bool:
    """Whether no state of a sector can be among the lowest: judged by its lowest sum of orbital energies."""
    if sector.m == 0 or len(found) < states:
        return False
    energies = {"electron": problem.electron.energy, "hole": problem.hole.energy}
    sums = np.zeros(sector.size)
    for one, strings in zip(sector.species, sector.strings, strict=True):
        sums += energies[one.carrier][one.strings].sum(axis=1)[strings]
    lowest = sum(one.particles * energies[one.carrier][0] for one in sector.species)
    wanted = np.sort([state.energy for state in found])
    return bool(sums.min() - lowest > wanted[states - 1] - wanted[0] + MARGIN)


class _Tower:
    """The states of one sector and spin, from the lowest up, as many as were asked for so far."""

    def __init__(self, sector: Sector, spin: _Spin) -> None:
        self.sector, self.spin = sector, spin
        self.states: list[Configured] = []
        self.complete = False
        self._exchanges = [(sector.swapped(s, t), sign) for s, t, sign in spin.exchanges]

    def grow(self) -> None:
        """Find a few more states."""
        count = len(self.states) + STEP
        start = _start(self.sector, self._exchanges, count)
        self.complete = start.shape[1] < count
        if not start.shape[1]:
            return
        # what is known already needs no search
        for k, state in enumerate(self.states):
            start[:, k] = state.vector
        symmetry = self._projected if self._exchanges else None
        values, vectors = davidson(self.sector.apply, self.sector.diagonal, start, rest=REST, project=symmetry)
        spin = self.spin
        self.states = [
            Configured(float(value), self.sector.m, self.sector.parity, spin.electron, spin.hole, self.sector, vector)
            for value, vector in zip(values, vectors.T, strict=True)
        ]

    def _projected(self, vector: Floats) -> Floats:
        for places, sign in self._exchanges:
            vector = (vector + sign * vector[places]) / 2
        return vector


def _start(sector: Sector, exchanges: Sequence[tuple[Indices, int]], count: int) -> Floats:
    """The lowest states (n, count or fewer) among the configurations of lowest energy, of the right symmetry."""
    chosen = np.argsort(sector.diagonal, kind="stable")[:FIRST]
    for places, _ in exchanges:
        chosen = np.union1d(chosen, places[chosen])
    symmetric = np.eye(len(chosen))
    for places, sign in exchanges:
        swap = np.eye(len(chosen))[np.searchsorted(chosen, places[chosen])]
        symmetric = (symmetric + sign * swap @ symmetric) / 2
    weights, kept = np.linalg.eigh(symmetric)
    kept = kept[:, weights > 0.5]
    count = min(count, kept.shape[1])
    found = np.zeros((sector.size, count))
    if count:
        inner = kept.T @ sector.among(chosen) @ kept
        found[chosen] = kept @ scipy.linalg.eigh(inner, subset_by_index=(0, count - 1))[1]
    return found
