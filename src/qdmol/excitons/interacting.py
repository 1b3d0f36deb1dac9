"""Complexes of a solved molecule by configuration interaction, extrapolated in the basis until the tolerance holds.

The orbitals grow with one cut, the same for a molecule and its monomers. What a cut leaves out falls as one over the
number N of orbitals: electron and hole meet in a cusp, so that angular momentum l brings l^-4 and all from l on l^-3
(Hill, J. Chem. Phys. 83, 1173 (1985), doi:10.1063/1.449481), and there are about l^3 orbitals up to l. Of the
differences to all smaller bases the one that leaves most is taken; what the extrapolation adds is counted as its error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qdmol.excitons.complexes import Complex
from qdmol.excitons.diagonalising import Configured, Problem, lowest_states
from qdmol.excitons.integrals import interactions
from qdmol.excitons.labelling import Placement, place_carriers
from qdmol.excitons.orbitals import orbital_spacing, relaxed_orbitals
from qdmol.excitons.overlaps import contact_density
from qdmol.excitons.solving import Estimate, MoleculeSolution
from qdmol.landscape import CARRIERS, Carrier

__all__ = ["CUTS", "Bases", "ComplexState", "ComplexStates", "solve_complexes"]

# Cuts tried one after the other, in units of the first orbital with m = 1: between the shells of a dot. Two give an
# extrapolated energy.
CUTS = (1.25, 4.2, 5.7, 8.0, 11.5)
# Part of the extrapolated rest that is its error.
DOUBT = 1.0
# States matched between two bases beyond those wanted: their order may differ.
SPARE = 2
# Configurations of one sector that are still solved.
LARGEST = 100_000

# The same in two bases, the smaller one first.
Problems = tuple[Problem, Problem]


@dataclass(frozen=True)
class ComplexState:
    """A state of a complex: its energy above the band gaps of its pairs, quantum numbers, and what it is.

    `degeneracy`: how many states have this energy, both signs of m and all directions of the spins. `contact`: of an
    exciton, how likely electron and hole are at one place (1/nm³).
    """

    energy: Estimate
    m: int
    parity: int
    electron_spin: float | None
    hole_spin: float | None
    degeneracy: int
    placement: Placement
    contact: Estimate | None = None


@dataclass(frozen=True)
class ComplexStates:
    """The lowest states of a complex.

    `raw` are the energies (eV) of the lowest state in the last two bases, upper bounds both; `accurate`: whether every
    error is within the tolerance.
    """

    complex: Complex
    states: tuple[ComplexState, ...]
    raw: tuple[float, float]
    accurate: bool

    @property
    def energy(self) -> Estimate:
        """Of the lowest state."""
        return self.states[0].energy


def solve_complexes(
    solution: MoleculeSolution,
    complexes: Iterable[Complex],
    *,
    states: int | Mapping[Complex, int],
    tolerance: float,
    spacing: Mapping[Carrier, float] | None = None,
) -> dict[Complex, ComplexStates]:
    """The lowest states of complexes, in growing bases until every error is within the tolerance.

    Parameters
    ----------
    solution
        A molecule solved with its self-consistent pairs.
    complexes
        Which; each is solved until it is accurate or too large.
    states
        How many levels of each, or of all alike.
    tolerance
        In eV, on every energy.
    spacing
        Scale (eV) of the cuts for each carrier: of the molecule, for its monomers; its own without.
    """
    bases = Bases(solution, spacing or orbital_spacing(solution))
    wanted = (lambda _: states) if isinstance(states, int) else states.__getitem__
    return {one: _solve(bases, one, wanted(one), tolerance) for one in complexes}


class Bases:
    """Orbitals and integrals of one molecule at each cut, kept; those of the first cut are part of the second's."""

    def __init__(self, solution: MoleculeSolution, spacing: Mapping[Carrier, float]) -> None:
        self.solution = solution
        self._spacing = spacing
        self._problems: dict[int, Problem] = {}

    def problem(self, step: int) -> Problem:
        """Orbitals at one cut, and the integrals known so far."""
        if step not in self._problems:
            if step == 0:
                wide, part = self.problem(1), self._part
                orbitals = {carrier: wide.basis(carrier).take(part[carrier]) for carrier in CARRIERS}
            else:
                orbitals = relaxed_orbitals(self.solution, energy=self._cut(step))
            self._problems[step] = Problem(orbitals["electron"], orbitals["hole"], {})
        return self._problems[step]

    def solve(self, one: Complex, step: int, states: int) -> list[Configured]:
        """The lowest states of a complex at one cut."""
        kinds = ["eh"] + ["ee"] * (one.electrons > 1) + ["hh"] * (one.holes > 1)
        return lowest_states(self.with_integrals(step, kinds), one, states=states)

    def with_integrals(self, step: int, kinds: Sequence[str]) -> Problem:
        """The problem of a cut with these kinds of integrals among those known."""
        problem = self.problem(step)
        missing = [kind for kind in kinds if kind not in problem.integrals]
        if missing and step == 0:
            known, part = self.with_integrals(1, missing).integrals, self._part
            for kind in missing:
                problem.integrals[kind] = known[kind].take(part[known[kind].first], part[known[kind].second])
        elif missing:
            problem.integrals.update(interactions(problem.electron, problem.hole, missing))
        return problem

    @cached_property
    def _part(self) -> dict[Carrier, NDArray[np.intp]]:
        """The orbitals of the first cut among those of the second."""
        wide, cut = self.problem(1), self._cut(0)
        return {carrier: wide.basis(carrier).inside(energy=cut[carrier]) for carrier in CARRIERS}

    def _cut(self, step: int) -> dict[Carrier, float]:
        return {carrier: CUTS[step] * unit for carrier, unit in self._spacing.items()}


def _solve(bases: Bases, one: Complex, states: int, tolerance: float) -> ComplexStates:
    """Cut after cut, until the error is small enough or there are too many configurations."""
    known = [bases.solve(one, 0, states + SPARE)]
    best: ComplexStates | None = None
    for step in range(1, len(CUTS)):
        if step > 1 and _size(bases.problem(step), one) > LARGEST:
            break
        known.append(bases.solve(one, step, states + SPARE))
        problems = [bases.problem(at) for at in range(step + 1)]
        found = _extrapolated(problems, known, _numerical(bases.solution, one))[:states]
        accurate = all(state.energy.error <= tolerance for state in found)
        best = ComplexStates(one, tuple(found), (known[-2][0].energy, known[-1][0].energy), accurate)
        if accurate:
            break
    assert best is not None
    return best


def _orbitals(problem: Problem) -> int:
    """Orbitals of both carriers."""
    return len(problem.electron) + len(problem.hole)


def _size(problem: Problem, complex_: Complex) -> float:
    """About how many configurations the largest sector has."""
    product = float(len(problem.electron) ** complex_.electrons * len(problem.hole) ** complex_.holes)
    # parity halves it, m takes the width of the sum of all m
    reach = complex_.electrons * problem.electron.m.max() + complex_.holes * problem.hole.m.max()
    return float(product / (len(set(problem.electron.parity.tolist())) * (1.0 + reach)))


def _numerical(solution: MoleculeSolution, complex_: Complex) -> float:
    """Error (eV) of the elements: that of a pair for every pair there is."""
    return solution.pairs[0].exciton.error * complex_.electrons * complex_.holes


def _extrapolated(
    problems: Sequence[Problem], known: Sequence[Sequence[Configured]], rest: float
) -> list[ComplexState]:
    """States of the last basis at the limit; `known` (bases) (states) the lowest of each, `rest` (eV) further error.

    What the last basis lacks is the largest of what each earlier one says: some cuts bring little that matters.
    States not found in the last two bases are left out. What a state is, the last but one tells.
    """
    many = _orbitals(problems[-1])
    shares = [_orbitals(problem) / (many - _orbitals(problem)) for problem in problems[:-1]]
    by_symmetry = [_by_symmetry(states) for states in known[:-1]]
    listed = []
    for key, rank, state in _ranked(known[-1]):
        partners = [_at(found.get(key, ()), rank) for found in by_symmetry]
        if partners[-1] is None:
            continue
        falls = [share * (a.energy - state.energy) for share, a in zip(shares, partners, strict=True) if a is not None]
        lacking = max(falls, key=abs)
        energy = Estimate(state.energy - lacking, DOUBT * abs(lacking) + rest)
        listed.append(_state((problems[-2], problems[-1]), state, partners[-1], energy))
    return sorted(listed, key=lambda state: state.energy.value)


def _at(states: Sequence[Configured], rank: int) -> Configured | None:
    return states[rank] if rank < len(states) else None


Key = tuple[int, int, float | None, float | None]


def _by_symmetry(states: Sequence[Configured]) -> Mapping[Key, Sequence[Configured]]:
    found: dict[Key, list[Configured]] = {}
    for state in states:
        found.setdefault(_key(state), []).append(state)
    return found


def _key(state: Configured) -> Key:
    return state.m, state.parity, state.electron_spin, state.hole_spin


def _ranked(states: Sequence[Configured]) -> Iterable[tuple[Key, int, Configured]]:
    seen: dict[Key, int] = {}
    for state in states:
        key = _key(state)
        yield key, seen.get(key, 0), state
        seen[key] = seen.get(key, 0) + 1


def _state(problems: Problems, state: Configured, partner: Configured, energy: Estimate) -> ComplexState:
    placement = place_carriers(problems[0], partner)
    spins = state.electron_spin, state.hole_spin
    contact = _contact(problems, state, partner) if sum(one.particles for one in state.sector.species) == 2 else None
    return ComplexState(energy, state.m, state.parity, *spins, state.degeneracy, placement, contact)


def _contact(problems: Problems, state: Configured, partner: Configured) -> Estimate:
    """Electron and hole at one place, at the limit: of the cusp there angular momenta from l on bring 1/l."""
    few, many = (contact_density(*one) for one in zip(problems, (partner, state), strict=True))
    small, large = (_orbitals(problem) for problem in problems)
    rest = (many - few) / (math.cbrt(large / small) - 1)
    return Estimate(many + rest, DOUBT * abs(rest))
