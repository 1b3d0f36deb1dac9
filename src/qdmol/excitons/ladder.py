"""Nested bases of one molecule and the energies of its complexes in each of them.

A basis has the lowest whole multiplets of both carriers with at most COUNTS[step] orbitals per dot. Orbitals and
integrals are computed once for the widest basis; all smaller ones are parts of it, so that their energies cost only
the diagonalisation.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.excitons.complexes import Complex
from qdmol.excitons.diagonalising import Configured, Problem, lowest_states
from qdmol.excitons.integrals import interactions
from qdmol.excitons.orbitals import OrbitalBasis, counted_orbitals
from qdmol.excitons.solving import MoleculeSolution
from qdmol.landscape import CARRIERS, Carrier

__all__ = ["COUNTS", "EXCITON", "Cost", "Ladder", "kinds_of"]

Integers = NDArray[np.intp]

EXCITON = Complex(1, 1)
# Orbitals of each carrier per dot: the shells of a sphere up to s, p, d, f, g, counted with their first excitations.
COUNTS = (2, 6, 12, 24, 40)
# Configurations of one sector that are still solved.
LARGEST_SECTOR = 100_000
# What orbitals and integrals of one basis may take on this mesh.
LONGEST = 30.0  # s
MOST_MEMORY = 8e8  # bytes
# Seconds per unknown of the mesh, measured with 2,000 to 60,000 unknowns on one core of 2024: a block of orbitals,
# and the potential of one pair of functions with what it is multiplied by.
SECONDS_PER_BLOCK = 1.4e-5
SECONDS_PER_POTENTIAL = 1.5e-7


@dataclass(frozen=True)
class Cost:
    """What a basis takes before it is computed: seconds, bytes, and orbitals of each carrier."""

    seconds: float
    memory: float
    orbitals: int

    @property
    def affordable(self) -> bool:
        """Whether it stays within the limits."""
        return self.seconds <= LONGEST and self.memory <= MOST_MEMORY


def kinds_of(one: Complex) -> list[str]:
    """Kinds of integrals that a complex needs."""
    return ["eh"] + ["ee"] * (one.electrons > 1) + ["hh"] * (one.holes > 1)


class Ladder:
    """Bases of one molecule, from the smallest up."""

    def __init__(self, solution: MoleculeSolution) -> None:
        self.solution = solution
        self._wide: dict[int, Problem] = {}
        self._energies: dict[tuple[Complex, int, int], list[Configured]] = {}

    @property
    def dots(self) -> int:
        """Dots of the molecule."""
        return len(self.solution.molecule.dots)

    def cost(self, step: int) -> Cost:
        """Predicted from the size of the mesh and the number of orbitals."""
        orbitals = COUNTS[step] * self.dots
        parities = len(self.solution.hamiltonians["electron"].parities)
        unknowns = self.solution.elements.count
        # of each carrier a block for every |m| and parity: about as many |m| as a sphere has shells
        blocks = 2 * parities * (2 + 1.3 * math.sqrt(COUNTS[step]))
        # functions of one sign of m; each two of them have two densities, of the difference and the sum of their m
        functions = 0.62 * orbitals
        potentials = functions**2
        seconds = unknowns * (SECONDS_PER_BLOCK * blocks + SECONDS_PER_POTENTIAL * potentials)
        # the densities of one m: up to a third of all; and the functions at the quadrature points, some 3 an unknown
        memory = 8 * unknowns * (potentials / (3 * parities) + 6 * functions + 256)
        return Cost(seconds, memory, orbitals)

    def size(self, one: Complex, step: int) -> float:
        """About how many configurations the largest sector of a complex has."""
        orbitals = COUNTS[step] * self.dots
        product = float(orbitals) ** (one.electrons + one.holes)
        parities = len(self.solution.hamiltonians["electron"].parities)
        # parity halves it, m takes the width of the sum of all m
        reach = (one.electrons + one.holes) * max(1, round(math.sqrt(COUNTS[step]) - 1.5))
        return product / (parities * (1 + reach))

    def fits(self, one: Complex, step: int) -> bool:
        """Whether a complex is solved in a basis: both the basis and its configurations are within the limits."""
        return self.cost(step).affordable and self.size(one, step) <= LARGEST_SECTOR

    def widen(self, step: int, kinds: Collection[str]) -> None:
        """Compute a basis with these kinds of integrals, unless one at least as wide is there."""
        missing = [kind for kind in kinds if self._holding(step, [kind]) is None]
        if not missing:
            return
        if step not in self._wide:
            orbitals = counted_orbitals(self.solution, count=COUNTS[step])
            self._wide[step] = Problem(orbitals["electron"], orbitals["hole"], {})
        problem = self._wide[step]
        problem.integrals.update(interactions(problem.electron, problem.hole, missing))

    def _holding(self, step: int, kinds: Collection[str]) -> int | None:
        """The narrowest basis that is there, at least as wide as a step, with all kinds of integrals."""
        fitting = [s for s, problem in self._wide.items() if s >= step and all(k in problem.integrals for k in kinds)]
        return min(fitting, default=None)

    def problem(self, step: int, kinds: Sequence[str]) -> Problem:
        """Orbitals and integrals of one step."""
        self.widen(step, kinds)
        wide = self._holding(step, kinds)
        if wide is None:
            # the kinds stand in bases of several widths: all together in this one
            orbitals = counted_orbitals(self.solution, count=COUNTS[step])
            self._wide[step] = Problem(
                orbitals["electron"], orbitals["hole"], interactions(orbitals["electron"], orbitals["hole"], kinds)
            )
            wide = step
        problem = self._wide[wide]
        if wide == step:
            return problem
        part = {carrier: problem.basis(carrier).inside(count=COUNTS[step] * self.dots) for carrier in CARRIERS}
        return _part(problem, part, kinds)

    def solve(self, one: Complex, step: int, states: int) -> list[Configured]:
        """The lowest states of a complex in one basis."""
        key = one, step, states
        if key not in self._energies:
            self._energies[key] = lowest_states(self.problem(step, kinds_of(one)), one, states=states)
        return self._energies[key]


def _part(problem: Problem, part: dict[Carrier, Integers], kinds: Sequence[str]) -> Problem:
    bases: dict[Carrier, OrbitalBasis] = {carrier: problem.basis(carrier).take(part[carrier]) for carrier in CARRIERS}
    known = problem.integrals
    integrals = {kind: known[kind].take(part[known[kind].first], part[known[kind].second]) for kind in kinds}
    return Problem(bases["electron"], bases["hole"], integrals)
