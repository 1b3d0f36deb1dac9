"""The lowest states of a complex in one set of orbitals.

Every sector of the symmetry and every spin is solved separately. Two carriers of a kind form a singlet or a triplet:
with one spin up and one down these are the functions that are even or odd under exchange of the two orbitals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Final

import numpy as np
import scipy.linalg

from qdmol.arrays import Floats, Indices
from qdmol.ci.complexes import Complex
from qdmol.ci.configurations import ConfigurationSpace, Species, make_species, pair_operators
from qdmol.ci.integrals import Interaction
from qdmol.ci.orbitals import OrbitalBasis
from qdmol.fem import Sector, Symmetry
from qdmol.linalg import davidson
from qdmol.potentials import Carrier

# Norm of the residual (eV) at which a state has converged; the error of its energy is its square over the spacing.
RESIDUAL_EV: Final = 2e-5
# Sectors whose lowest configuration lies this far (eV) above the highest requested state are skipped.
MARGIN_EV: Final = 0.03
# Families of sectors that are searched: about an axis |m| up to 2.
FAMILIES: Final = 3
# States of a sector and spin that are computed at a time.
STATES_AT_A_TIME: Final = 2
# Configurations of lowest energy among which the start vectors are computed.
START_CONFIGURATIONS: Final = 200


@dataclass(frozen=True)
class Problem:
    """Orbitals of both carriers and the integrals between them by kind, "eh", "ee", "hh"."""

    electron: OrbitalBasis
    hole: OrbitalBasis
    integrals: dict[str, Interaction]

    def basis(self, carrier: Carrier) -> OrbitalBasis:
        """The orbitals of one carrier."""
        return self.electron if carrier == "electron" else self.hole

    @property
    def symmetry(self) -> Symmetry:
        """Symmetry of the orbitals."""
        return self.electron.symmetry

    @property
    def signed(self) -> dict[tuple[str, str], tuple[float, Interaction]]:
        """The interactions by carriers, with their signs."""
        signs = {"ee": 1.0, "hh": 1.0, "eh": -1.0}
        return {
            (integrals.first, integrals.second): (signs[kind], integrals) for kind, integrals in self.integrals.items()
        }

    def repulsion(self, carrier: Carrier) -> Interaction | None:
        """Integrals between carriers of one kind."""
        return self.integrals.get(2 * carrier[0])


@dataclass(frozen=True, eq=False)
class Configured:
    """A state of a complex: energy (eV), spins, and its vector (n,) in a space of configurations.

    Spins are None for more than two carriers of a kind: the state is then one of a multiplet.
    """

    energy: float
    electron_spin: float | None
    hole_spin: float | None
    space: ConfigurationSpace
    vector: Floats

    @property
    def sector(self) -> Sector:
        """Sector of the state."""
        return self.space.sector

    @property
    def degeneracy(self) -> int:
        """Number of states with this energy: partners by symmetry, and all directions of known spins."""
        spins = [spin for spin in (self.electron_spin, self.hole_spin) if spin is not None]
        return int(np.prod([2 * spin + 1 for spin in spins])) * self.space.symmetry.multiplicity(self.sector)


@dataclass(frozen=True)
class _Spin:
    """Total spins, and which species are exchanged with which sign."""

    electron: float | None
    hole: float | None
    exchanges: tuple[tuple[int, int, int], ...]


def lowest_states(problem: Problem, complex_: Complex, *, states: int) -> list[Configured]:
    """The lowest states of a complex by energy; a level of several states counts once.

    Parameters
    ----------
    problem
        Orbitals and integrals; "ee" and "hh" are needed for two carriers of a kind.
    complex_
        Numbers of carriers.
    states
        Number of levels.
    """
    species, spins = _species(problem, complex_)
    operators = pair_operators(species, problem.signed)
    towers: list[_Tower] = []
    for family in islice(problem.symmetry.families(), FAMILIES):
        for sector in family:
            space = ConfigurationSpace(species, operators, sector)
            if space.size and not _too_high(problem, space, _collected(towers), states):
                towers += [_Tower(space, spin) for spin in spins]
                _fill(towers, states)
    return _collected(towers)[:states]


def _collected(towers: Sequence[_Tower]) -> list[Configured]:
    return sorted((state for tower in towers for state in tower.states), key=lambda state: state.energy)


def _fill(towers: Sequence[_Tower], states: int) -> None:
    """Compute more states of each tower while its highest is among the lowest of all."""
    for tower in towers:
        if not tower.states:
            tower.grow()
    while True:
        lowest = _collected(towers)[:states]
        growing = [tower for tower in towers if not tower.complete and tower.states[-1].energy <= lowest[-1].energy]
        if not growing:
            return
        for tower in growing:
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
        _Spin(electron[0], hole[0], tuple(exchange for exchange in (electron[1], hole[1]) if exchange is not None))
        for electron, hole in product(*choices)
    ]
    return species, spins


def _too_high(problem: Problem, space: ConfigurationSpace, known: Sequence[Configured], states: int) -> bool:
    """Whether no state of a sector can be among the lowest: judged by its lowest sum of orbital energies."""
    if space.sector in space.symmetry.ground_sectors or len(known) < states:
        return False
    energies = {"electron": problem.electron.energy, "hole": problem.hole.energy}
    sums = np.zeros(space.size)
    for kind, strings in zip(space.species, space.strings, strict=True):
        sums += energies[kind.carrier][kind.strings].sum(axis=1)[strings]
    lowest = sum(species.particles * energies[species.carrier][0] for species in space.species)
    wanted = np.sort([state.energy for state in known])
    return bool(sums.min() - lowest > wanted[states - 1] - wanted[0] + MARGIN_EV)


class _Tower:
    """The states of one sector and spin from the lowest up, as many as were needed so far."""

    def __init__(self, space: ConfigurationSpace, spin: _Spin) -> None:
        self.space, self.spin = space, spin
        self.states: list[Configured] = []
        self.complete = False
        self._exchanges = [(space.swapped(s, t), sign) for s, t, sign in spin.exchanges]

    def grow(self) -> None:
        """Compute some more states."""
        count = len(self.states) + STATES_AT_A_TIME
        start = _start(self.space, self._exchanges, count)
        self.complete = start.shape[1] < count
        if not start.shape[1]:
            return
        # known states need no search
        for k, state in enumerate(self.states):
            start[:, k] = state.vector
        projection = self._projected if self._exchanges else None
        values, vectors = davidson(
            self.space.apply, self.space.diagonal, start, tolerance=RESIDUAL_EV, project=projection
        )
        spin = self.spin
        self.states = [
            Configured(float(value), spin.electron, spin.hole, self.space, vector)
            for value, vector in zip(values, vectors.T, strict=True)
        ]

    def _projected(self, vector: Floats) -> Floats:
        for places, sign in self._exchanges:
            vector = (vector + sign * vector[places]) / 2
        return vector


def _start(space: ConfigurationSpace, exchanges: Sequence[tuple[Indices, int]], count: int) -> Floats:
    """The lowest states (n, at most `count`) of the right spin among the configurations of lowest energy."""
    chosen = np.argsort(space.diagonal, kind="stable")[:START_CONFIGURATIONS]
    for places, _ in exchanges:
        chosen = np.union1d(chosen, places[chosen])
    symmetric = np.eye(len(chosen))
    for places, sign in exchanges:
        swap = np.eye(len(chosen))[np.searchsorted(chosen, places[chosen])]
        symmetric = (symmetric + sign * swap @ symmetric) / 2
    weights, kept = np.linalg.eigh(symmetric)
    kept = kept[:, weights > 0.5]
    count = min(count, kept.shape[1])
    vectors = np.zeros((space.size, count))
    if count:
        inner = kept.T @ space.among(chosen) @ kept
        vectors[chosen] = kept @ scipy.linalg.eigh(inner, subset_by_index=(0, count - 1))[1]
    return vectors
