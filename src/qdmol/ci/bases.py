"""Nested bases of orbitals of one molecule, with their integrals.

:class:`Ladder` has bases by number, for complexes: the lowest whole multiplets of both carriers with at most
COUNTS[step] orbitals per dot. Orbitals and integrals are computed once for the widest basis; smaller ones are parts of
it, so that their energies cost only the diagonalisation. :class:`Bases` has bases cut by energy, for spectra.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Indices
from qdmol.ci.complexes import Complex
from qdmol.ci.diagonalising import Configured, Problem, lowest_states
from qdmol.ci.integrals import KINDS, Interaction, interactions
from qdmol.ci.orbitals import OrbitalBasis, counted_orbitals, orbital_sources, relaxed_orbitals
from qdmol.fem import Symmetry
from qdmol.linalg import release_freed_memory
from qdmol.meanfield import MoleculeSolution
from qdmol.potentials import CARRIERS, Carrier
from qdmol.stages import duration_text
from qdmol.states import BASE_BYTES, MAX_BYTES, MAX_SECONDS, solve_cost

EXCITON = Complex(1, 1)
# Orbitals of each carrier per dot: the shells of a sphere up to s, p, d, f, g, counted with their first excitations.
COUNTS = (2, 6, 12, 24, 40)
# Largest number of configurations of one sector.
MAX_CONFIGURATIONS = 100_000
# First basis of a calculation, unless the tolerance is loose.
FIRST_STEP: Final = 3
# Limits on the bases of one molecule by default: seconds for all, and bytes of the widest.
MAX_BASES_SECONDS: Final = 30.0
MAX_BASIS_BYTES: Final = 8e8
# Times (s) of a basis that are worth telling.
LONG_SECONDS: Final = 3.0
# Part of the memory of a solve that stays in use, and peak over final memory of a basis.
MEMORY_KEPT, MEMORY_PEAK = 0.5, 2.0
# Seconds per unknown of the mesh, measured with 2,000 to 60,000 unknowns on one core of 2024: for a sector of orbitals,
# and for the potential of one pair of functions with its products.
SECONDS_PER_BLOCK = 1.4e-5
SECONDS_PER_POTENTIAL = 1.5e-7


@dataclass(frozen=True)
class Cost:
    """Predicted cost of a basis: seconds, bytes, and orbitals of each carrier."""

    seconds: float
    memory: float
    orbitals: int


@dataclass(frozen=True)
class Limits:
    """Limits on all bases of one molecule together in seconds, and on the widest one in bytes."""

    seconds: float
    memory: float

    def allow(self, cost: Cost) -> bool:
        """Whether a cost stays within the limits."""
        return cost.seconds <= self.seconds and cost.memory <= self.memory


def kinds_of(complex_: Complex) -> list[str]:
    """Kinds of integrals that a complex needs."""
    return ["eh"] + ["ee"] * (complex_.electrons > 1) + ["hh"] * (complex_.holes > 1)


class Ladder:
    """Bases of one molecule, from the smallest up."""

    def __init__(self, solution: MoleculeSolution, limits: Limits | None = None, *, first: int = FIRST_STEP) -> None:
        self.solution = solution
        self.limits = Limits(MAX_BASES_SECONDS, MAX_BASIS_BYTES) if limits is None else limits
        self._first = first
        self._widest = -1
        self._orbitals: dict[Carrier, OrbitalBasis] = {}
        self._integrals: dict[tuple[str, int], Interaction] = {}
        self._pace = 1.0
        self._states: dict[tuple[Complex, int, int], list[Configured]] = {}

    @property
    def _symmetry(self) -> Symmetry:
        return self.solution.hamiltonians["electron"].symmetry

    @property
    def dots(self) -> int:
        """Number of dots of the molecule."""
        return len(self.solution.molecule.dots)

    def cost(self, step: int) -> Cost:
        """Cost predicted from the size of the mesh and the number of orbitals."""
        orbitals = COUNTS[step] * self.dots
        sectors = len(self._symmetry.ground_sectors)
        unknowns = self.solution.elements.count
        # for each carrier every sector of each family: about as many families as a sphere has shells
        blocks = 2 * sectors * (2 + 1.3 * math.sqrt(COUNTS[step]))
        # one function for each set of partners; two of them have two densities, in the sectors of their products
        functions = 0.62 * orbitals
        potentials = functions**2
        seconds = unknowns * (SECONDS_PER_BLOCK * blocks + SECONDS_PER_POTENTIAL * potentials)
        # the densities of one family: up to a third of all; and the functions at the quadrature points, some 3 an
        # unknown
        memory = 8 * unknowns * (potentials / (3 * sectors) + 6 * functions + 256)
        return Cost(seconds, memory, orbitals)

    def cost_up_to(self, step: int) -> Cost:
        """Cost of a step and the narrower ones that are computed before it, from the first on."""
        cost = self.cost(step)
        before = sum(self.cost(at).seconds for at in range(self._first, step))
        return replace(cost, seconds=cost.seconds + before)

    def size(self, complex_: Complex, step: int) -> float:
        """Approximate number of configurations in the largest sector of a complex."""
        orbitals = COUNTS[step] * self.dots
        carriers = complex_.electrons + complex_.holes
        product = float(orbitals) ** carriers
        # configurations spread over the sectors of a family, and over the families up to the highest product
        reach = carriers * max(1, round(math.sqrt(COUNTS[step]) - 1.5))
        return product / (len(self._symmetry.ground_sectors) * (1 + reach))

    def last_step(self, complex_: Complex) -> int:
        """The widest basis in which a complex is solved; -1 if even the smallest exceeds the limits."""
        fitting = (step for step in range(len(COUNTS)) if self.obstacle(complex_, step) is None)
        return max(fitting, default=-1)

    def obstacle(self, complex_: Complex, step: int) -> str | None:
        """Reason why a complex is not solved in a basis; None if it is."""
        cost, size = self.cost_up_to(step), self.size(complex_, step)
        if not self.limits.allow(cost):
            return (
                f"{cost.orbitals} orbitals of each carrier would take about {cost.seconds:.0f} s and "
                f"{cost.memory / 1e9:.1f} GB on a mesh of {self.solution.elements.count} unknowns, and "
                f"{max(self.limits.seconds, 0):.0f} s and {max(self.limits.memory, 0) / 1e9:.1f} GB are available"
            )
        if size > MAX_CONFIGURATIONS:
            return (
                f"{cost.orbitals} orbitals of each carrier give about {size:.2g} configurations of {complex_.name}, "
                f"more than {MAX_CONFIGURATIONS}"
            )
        return None

    def problem(self, step: int, kinds: Collection[str]) -> Problem:
        """Orbitals of one step and integrals of some kinds, computed unless they are part of known ones."""
        started, widest = time.perf_counter(), self._widest
        self._widen(step)
        part = self._part(step)
        electron, hole = (self._orbitals[carrier].take(part[carrier]) for carrier in CARRIERS)
        missing = [kind for kind in kinds if self._known(kind, step) is None]
        if missing:
            for kind, interaction in interactions(electron, hole, missing, poisson=self.solution.poisson).items():
                self._integrals[kind, step] = interaction
        if step > widest:
            self._pace = (time.perf_counter() - started) / self.cost(step).seconds
        return Problem(electron, hole, {kind: self._integrals_of(kind, step) for kind in kinds})

    def solve(self, complex_: Complex, step: int, states: int) -> list[Configured]:
        """The lowest states of a complex in one basis."""
        key = complex_, step, states
        if key not in self._states:
            self._states[key] = lowest_states(self.problem(step, kinds_of(complex_)), complex_, states=states)
        return self._states[key]

    def time_text(self, step: int) -> str:
        """Expected time of the orbitals and integrals of a basis, in words, if it is long and they are unknown."""
        seconds = self._pace * self.cost(step).seconds
        return f", about {duration_text(seconds)}" if step > self._widest and seconds >= LONG_SECONDS else ""

    def _widen(self, step: int) -> None:
        """Compute the orbitals of a step that is wider than all before."""
        if step > self._widest:
            # A narrower basis is not kept beside the wider one.
            self._orbitals.clear()
            self._integrals.clear()
            # States hold coefficients in those orbitals; in the wider basis these may have other signs.
            self._states.clear()
            self._orbitals = counted_orbitals(self.solution, count=COUNTS[step])
            release_freed_memory()
            self._widest = step

    def _part(self, step: int) -> dict[Carrier, Indices]:
        """The orbitals of a step among those of the widest."""
        count = COUNTS[step] * self.dots
        return {carrier: self._orbitals[carrier].inside(count=count) for carrier in CARRIERS}

    def _known(self, kind: str, step: int) -> int | None:
        """The narrowest step, at least as wide as this one, with integrals of a kind."""
        return min((at for name, at in self._integrals if name == kind and at >= step), default=None)

    def _integrals_of(self, kind: str, step: int) -> Interaction:
        at = self._known(kind, step)
        assert at is not None
        if at > step:
            wide, part = self._part(at), self._part(step)
            chosen = [np.searchsorted(wide[carrier], part[carrier]) for carrier in KINDS[kind]]
            self._integrals[kind, step] = self._integrals[kind, at].take(*chosen)
        return self._integrals[kind, step]


def shared_limits(solutions: Sequence[MoleculeSolution]) -> list[Limits]:
    """Limits on the bases of each of several molecules that are solved and kept in one calculation.

    The remaining time is divided in proportion to the cost of a basis of each molecule.
    """
    solves = [_solve_cost(solution) for solution in solutions]
    left = MAX_SECONDS - sum(seconds for seconds, _ in solves)
    memory = (MAX_BYTES - BASE_BYTES - MEMORY_KEPT * sum(taken for _, taken in solves)) / MEMORY_PEAK
    parts = [Ladder(solution).cost(min(FIRST_STEP, len(COUNTS) - 1)).seconds for solution in solutions]
    return [Limits(left * part / sum(parts), min(memory, MAX_BASIS_BYTES)) for part in parts]


def _solve_cost(solution: MoleculeSolution) -> tuple[float, float]:
    levels = sum(solution.request.counts.values())
    return solve_cost(solution.resolution, solution.elements.count, levels, coulomb=True)


# Energies of successive cuts, in units of the first orbital of the second family (`orbital_spacing`): between the
# shells of a dot. Two cuts give an extrapolated energy.
CUTS = (1.25, 4.2, 5.7, 8.0, 11.5)


class Bases:
    """Orbitals and integrals of one molecule at each energy cut; those of the first cut are part of the second's.

    `spacing` (eV) is the scale of the cuts, by default the molecule's own.
    """

    def __init__(self, solution: MoleculeSolution, spacing: Mapping[Carrier, float] | None = None) -> None:
        self.solution = solution
        self._sources = orbital_sources(solution)
        if spacing is None:
            spacing = {carrier: source.spacing for carrier, source in self._sources.items()}
        self.spacing = spacing
        self._problems: dict[int, Problem] = {}

    def problem(self, step: int) -> Problem:
        """Orbitals at one cut, and the integrals known so far."""
        if step not in self._problems:
            if step == 0:
                wide, part = self.problem(1), self._part
                orbitals = {carrier: wide.basis(carrier).take(part[carrier]) for carrier in CARRIERS}
            else:
                orbitals = relaxed_orbitals(self.solution, energy=self._cut(step), sources=self._sources)
            self._problems[step] = Problem(orbitals["electron"], orbitals["hole"], {})
        return self._problems[step]

    def with_integrals(self, step: int, kinds: Sequence[str]) -> Problem:
        """The problem of a cut with at least these kinds of integrals."""
        problem = self.problem(step)
        missing = [kind for kind in kinds if kind not in problem.integrals]
        if missing and step == 0:
            known, part = self.with_integrals(1, missing).integrals, self._part
            for kind in missing:
                problem.integrals[kind] = known[kind].take(part[known[kind].first], part[known[kind].second])
        elif missing:
            poisson = self.solution.poisson
            problem.integrals.update(interactions(problem.electron, problem.hole, missing, poisson=poisson))
        return problem

    @cached_property
    def _part(self) -> dict[Carrier, NDArray[np.intp]]:
        """The orbitals of the first cut among those of the second."""
        wide, cut = self.problem(1), self._cut(0)
        return {carrier: wide.basis(carrier).inside(energy=cut[carrier]) for carrier in CARRIERS}

    def _cut(self, step: int) -> dict[Carrier, float]:
        return {carrier: CUTS[step] * unit for carrier, unit in self.spacing.items()}
