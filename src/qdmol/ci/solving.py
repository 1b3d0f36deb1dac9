"""Complexes of a solved molecule by configuration interaction, extrapolated in the basis until the tolerance holds.

Bases are nested and have equally many orbitals per dot (`ladder`). What the exciton lacks in a basis of N orbitals of
each carrier falls as N^-DECAY: electron and hole meet in a cusp, so that all angular momenta from l on bring l^-3
(Hill, J. Chem. Phys. 83, 1173 (1985), doi:10.1063/1.449481), and with about l^3 orbitals up to l that is 1/N; over
the few shells that are affordable the measured exponent is a little smaller. Every earlier basis gives an estimate of
what the last one lacks: the largest, with a margin, is subtracted, and its size and the spread of all are the error.

A larger complex lacks a multiple of what the exciton lacks in the same basis, by the same cusps: the multiple is the
ratio of their falls from one basis to the next. So it gains from the wider bases in which only the exciton is solved.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qdmol.ci.bases import COUNTS, EXCITON, FIRST_STEP, Ladder, Limits, kinds_of
from qdmol.ci.complexes import Complex
from qdmol.ci.diagonalising import Configured, Problem
from qdmol.ci.labelling import Placement, place_carriers
from qdmol.ci.overlaps import contact_density
from qdmol.errors import SolverError
from qdmol.meanfield import Estimate, MoleculeSolution

# What an exciton lacks falls as this power of one over the number of orbitals: the median of random spheres.
DECAY = 0.85
# Part of the largest estimate that is subtracted, and its error in the same unit: with three bases or more beyond the
# smallest, with fewer, and from a single estimate. Calibrated on random spheres, whose exponents scatter.
CENTRE = 1.1
DOUBT = 0.9
EARLY_DOUBT = 1.3
SINGLE_DOUBT = 1.8
# An estimate needs a basis that is smaller by at least this factor.
SMALLER = 0.95
# The smallest basis counts where the others' estimates are below this part of its own.
STALLED = 0.2
# First basis tried where the tolerance (eV) is loose.
FIRST_LOOSE, LOOSE = 2, 2e-3
# A wider basis is tried where the error expected there is at most this many tolerances.
HOPE = 1.2
# States matched between two bases beyond those wanted: their order may differ.
SPARE = 2

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

    Attributes
    ----------
    complex
        How many carriers.
    states
        By energy.
    raw
        Energies (eV) of the lowest state in the last two bases, upper bounds both.
    accurate
        Whether every error is within the tolerance.
    obstacle
        Why no wider basis was tried, where the errors exceed the tolerance; None where the widest was.
    """

    complex: Complex
    states: tuple[ComplexState, ...]
    raw: tuple[float, float]
    accurate: bool
    obstacle: str | None = None

    @property
    def energy(self) -> Estimate:
        """Energy (eV) of the lowest state."""
        return self.states[0].energy


def solve_complexes(
    solution: MoleculeSolution,
    complexes: Iterable[Complex],
    *,
    states: int | Mapping[Complex, int],
    tolerance: float,
    limits: Limits | None = None,
) -> dict[Complex, ComplexStates]:
    """The lowest states of complexes, in growing bases until every error is within the tolerance.

    Parameters
    ----------
    solution
        A molecule solved with its self-consistent pairs.
    complexes
        Which; each is solved until it is accurate or the next basis would be too large.
    states
        How many levels of each, or of all alike.
    tolerance
        In eV, on every energy.
    limits
        What the bases may take; those of a molecule by itself where nothing is given.

    Raises
    ------
    SolverError
        Two bases, the fewest that give an error, would take too long or too much memory.
    """
    ladder = Ladder(solution, limits, first=FIRST_STEP if tolerance < LOOSE else FIRST_LOOSE)
    wanted = dict.fromkeys(complexes, 0)
    for one in wanted:
        wanted[one] = states if isinstance(states, int) else states[one]
    for one in (EXCITON, *wanted):
        _refuse(ladder, one)
    start = _first_step(ladder, EXCITON, tolerance)
    # Kinds of integrals that are needed in one basis cost less together.
    together = {kind for one in wanted if _first_step(ladder, one, tolerance) == start for kind in kinds_of(one)}
    ladder.problem(start, sorted(together | {"eh"}))
    exciton = _solve(ladder, EXCITON, wanted.get(EXCITON, 1), tolerance, None)
    return {
        one: exciton if one == EXCITON else _solve(ladder, one, count, tolerance, exciton)
        for one, count in wanted.items()
    }


def _refuse(ladder: Ladder, one: Complex) -> None:
    """Refuse what has no error: less than two bases."""
    if ladder.last_step(one) >= 1:
        return
    message = (
        f"Configuration interaction of {one.name} is too large here: {ladder.obstacle(one, 1)}. Use "
        "`coulomb: self-consistent`, fewer carriers in a complex, or dots and layers that are less unlike in size."
    )
    raise SolverError(message)


def _first_step(ladder: Ladder, one: Complex, tolerance: float) -> int:
    """The basis to begin with."""
    first = FIRST_STEP if one == EXCITON and tolerance < LOOSE else FIRST_LOOSE
    return min(first, ladder.last_step(one))


def _solve(ladder: Ladder, one: Complex, states: int, tolerance: float, exciton: ComplexStates | None) -> ComplexStates:
    """Basis after basis, until the error is small enough or no wider one would do.

    The exciton, which all others are scaled from, goes on to the widest.
    """
    step, last = _first_step(ladder, one, tolerance), ladder.last_step(one)
    while True:
        known = [ladder.solve(one, at, states + SPARE) for at in range(step, -1, -1)][::-1]
        problems = [ladder.problem(at, kinds_of(one)) for at in range(step + 1)]
        lack = _ExcitonLack.of(problems) if exciton is None else _ScaledLack.of(ladder, step, exciton.energy)
        found = _extrapolated(problems[-2:], known, lack, _numerical(ladder.solution, one))[:states]
        worst = max(state.energy.error for state in found)
        wider = _next_step(step, last, worst, tolerance)
        if worst <= tolerance or step == last or (exciton is not None and wider is None):
            break
        step = last if wider is None else wider
        problems.clear()
    accurate = worst <= tolerance
    obstacle = None if accurate or step == len(COUNTS) - 1 else ladder.obstacle(one, step + 1)
    return ComplexStates(one, tuple(found), (known[-2][0].energy, known[-1][0].energy), accurate, obstacle)


def _next_step(step: int, last: int, error: float, tolerance: float) -> int | None:
    """The first wider basis that is likely to meet the tolerance; None where none is."""
    for wider in range(step + 1, last + 1):
        if error * (COUNTS[wider] / COUNTS[step]) ** -DECAY <= HOPE * tolerance:
            return wider
    return None


def _numerical(solution: MoleculeSolution, complex_: Complex) -> float:
    """Error (eV) of the elements: that of a pair for every pair there is."""
    return solution.pairs[0].exciton.error * complex_.electrons * complex_.holes


class _ExcitonLack:
    """What the last of some bases lacks of an exciton; `sizes`: orbitals of the carrier that has fewer."""

    def __init__(self, sizes: Sequence[int]) -> None:
        powers = np.array(sizes, dtype=float) ** DECAY
        # The smallest basis serves only where there are not two others.
        first = 1 if len(sizes) > 3 else 0
        self._doubt = DOUBT if first else EARLY_DOUBT
        shares = {
            at: float(powers[at] / (powers[-1] - powers[at]))
            for at in range(len(sizes) - 1)
            if powers[at] < SMALLER * powers[-1]
        }
        self._shares = {at: share for at, share in shares.items() if at >= first}
        self._smallest = shares.get(0) if first else None

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> _ExcitonLack:
        """From the bases, the last one last."""
        return cls([min(len(problem.electron), len(problem.hole)) for problem in problems])

    def __call__(self, falls: Mapping[int, float], lowest: float = math.inf) -> tuple[float, float]:
        """What is lacking (eV) and its error, from the falls (eV) from earlier bases to the last one.

        `lowest`: fall of the lowest state from the smallest basis, which has no proper partner of a higher one.
        """
        estimates = [self._shares[at] * fall for at, fall in falls.items() if at in self._shares]
        if self._smallest is not None and 0 in falls and estimates:
            # Bases that gain nothing one after the other have not converged: the wanted orbitals are yet to come.
            early = self._smallest * min(falls[0], lowest)
            if max(map(abs, estimates)) < STALLED * abs(early):
                estimates.append(early)
        return _judged(estimates, self._doubt)


class _ScaledLack:
    """What the last of some bases lacks of a larger complex, from the lowest exciton in the same bases."""

    def __init__(self, exciton: Sequence[float], limit: Estimate) -> None:
        self._falls = {at: energy - exciton[-1] for at, energy in enumerate(exciton[:-1])}
        self._lacking, self._error = exciton[-1] - limit.value, limit.error

    @classmethod
    def of(cls, ladder: Ladder, step: int, limit: Estimate) -> _ScaledLack:
        """From the bases up to a step and the exciton's limit."""
        return cls([ladder.solve(EXCITON, at, 1 + SPARE)[0].energy for at in range(step, -1, -1)][::-1], limit)

    def __call__(self, falls: Mapping[int, float], lowest: float = math.inf) -> tuple[float, float]:  # noqa: ARG002
        """What is lacking (eV) and its error, from the falls (eV) from earlier bases to the last one."""
        nearest = sorted((at for at in falls if self._falls[at] > 0), reverse=True)[:2]
        ratios = [falls[at] / self._falls[at] for at in nearest]
        if not ratios:
            return 0.0, math.inf
        lacking, spread = ratios[0] * self._lacking, (max(ratios) - min(ratios)) * self._lacking
        doubt = self._error if len(ratios) > 1 else self._error + abs(self._lacking)
        return lacking, max(map(abs, ratios)) * doubt + abs(spread)


def _judged(estimates: Sequence[float], doubt: float) -> tuple[float, float]:
    """The largest estimate of what is lacking, and its error; without any estimate nothing is known."""
    if not estimates:
        return 0.0, math.inf
    largest = max(estimates, key=abs)
    if len(estimates) == 1:
        return CENTRE * largest, SINGLE_DOUBT * abs(largest)
    return CENTRE * largest, doubt * abs(largest) + max(estimates) - min(estimates)


def _extrapolated(
    problems: Sequence[Problem],
    known: Sequence[Sequence[Configured]],
    lack: _ExcitonLack | _ScaledLack,
    rest: float,
) -> list[ComplexState]:
    """States of the last basis at the limit.

    `problems` are the last two bases, `known` (bases) (states) the lowest states of each, `rest` (eV) further error.
    States not found in the last two bases are left out. What a state is, the last but one tells.
    """
    by_symmetry = [_by_symmetry(states) for states in known[:-1]]
    listed: list[ComplexState] = []
    lowest = math.inf
    for key, rank, state in _ranked(known[-1]):
        partners = [_at(found.get(key, ()), rank) for found in by_symmetry]
        if partners[-1] is None:
            continue
        falls = {at: one.energy - state.energy for at, one in enumerate(partners) if one is not None}
        lowest = min(lowest, falls.get(0, math.inf)) if not listed else lowest
        lacking, error = lack(falls, lowest)
        energy = Estimate(state.energy - lacking, error + rest)
        listed.append(_state((problems[0], problems[1]), state, partners[-1], energy))
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
    small, large = (len(problem.electron) + len(problem.hole) for problem in problems)
    rest = (many - few) / (math.cbrt(large / small) - 1)
    return Estimate(many + rest, abs(rest))
