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

from qdmol.arrays import Floats
from qdmol.ci.complexes import Complex
from qdmol.ci.configurations import ConfigurationSpace, Species, make_species, pair_operators
from qdmol.ci.integrals import Interaction
from qdmol.ci.orbitals import OrbitalBasis
from qdmol.ci.spins import Orbits, Spin, SpinSpace
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
# Functions of lowest energy among which the start vectors are computed, at least.
START_FUNCTIONS: Final = 80


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
                orbits = Orbits(space, spins[0].exchanges)
                towers += [_Tower(SpinSpace(orbits, spin)) for spin in spins]
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


def _species(problem: Problem, complex_: Complex) -> tuple[list[Species], list[Spin]]:
    species: list[Species] = []
    exchanges: list[tuple[int, int]] = []
    choices: list[list[tuple[float | None, tuple[int, ...]]]] = []
    carriers: tuple[tuple[Carrier, int], ...] = (("electron", complex_.electrons), ("hole", complex_.holes))
    for carrier, count in carriers:
        basis, repulsion = problem.basis(carrier), problem.repulsion(carrier)
        first = len(species)
        species += [make_species(basis, n, repulsion) for n in ((count + 1) // 2, count // 2) if n]
        if count == 1:
            choices.append([(0.5, ())])
        elif count == 2:
            exchanges.append((first, first + 1))
            choices.append([(0.0, (1,)), (1.0, (-1,))])
        else:
            choices.append([(None, ())])
    spins = [
        Spin(electron, hole, tuple(exchanges), (*of_electrons, *of_holes))
        for (electron, of_electrons), (hole, of_holes) in product(*choices)
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

    def __init__(self, functions: SpinSpace) -> None:
        self.functions = functions
        self.states: list[Configured] = []
        self.complete = False
        self._vectors = np.empty((0, functions.size))

    def grow(self) -> None:
        """Compute some more states."""
        functions, spin = self.functions, self.functions.spin
        count = min(len(self.states) + STATES_AT_A_TIME, functions.size)
        self.complete = count < len(self.states) + STATES_AT_A_TIME
        if not count:
            return
        start = _start(functions, count)
        # known states need no search
        start[: len(self._vectors)] = self._vectors
        values, self._vectors = davidson(functions.apply, functions.diagonal, start, tolerance=RESIDUAL_EV)
        self.states = [
            Configured(float(value), spin.electron, spin.hole, functions.space, vector)
            for value, vector in zip(values, functions.expand(self._vectors), strict=True)
        ]


def _start(functions: SpinSpace, count: int) -> Floats:
    """The lowest states (count, functions) among the functions of lowest energy."""
    chosen = np.argsort(functions.diagonal, kind="stable")[: max(START_FUNCTIONS, 2 * count)]
    vectors = np.zeros((count, functions.size))
    inner = functions.among(chosen)
    vectors[:, chosen] = scipy.linalg.eigh(inner, subset_by_index=(0, count - 1))[1].T
    return vectors
