"""Complexes of a solved molecule by configuration interaction, extrapolated in the basis to a tolerance.

Bases are nested and have equally many orbitals per dot (:mod:`qdmol.ci.bases`). The error of the exciton in a basis of
N orbitals of each carrier falls as N^-DECAY: electron and hole meet in a cusp, so that all angular momenta from l on
contribute l^-3 (Hill, J. Chem. Phys. 83, 1173 (1985), doi:10.1063/1.449481), and with about l^3 orbitals up to l this
is 1/N; over the few shells that are affordable the measured exponent is a little smaller. Every earlier basis gives an
estimate of the error of the last one: the largest, with a margin, is subtracted, and its size and the spread of all are
the stated error.

The error of a larger complex is a multiple of that of the exciton in the same basis, from the same cusps: the multiple
is the ratio of their changes from one basis to the next. A complex thus gains from wider bases in which only the
exciton is solved.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from qdmol.ci.bases import COUNTS, EXCITON, FIRST_STEP, Ladder, Limits, kinds_of
from qdmol.ci.complexes import Complex
from qdmol.ci.diagonalising import Configured, Problem
from qdmol.ci.labelling import Placement, place_carriers
from qdmol.ci.overlaps import contact_density
from qdmol.errors import SolverError
from qdmol.estimates import Estimate
from qdmol.fem import Sector
from qdmol.meanfield import MoleculeSolution
from qdmol.stages import begin

# The error of an exciton falls as this power of one over the number of orbitals: the median of random spheres.
DECAY: Final = 0.85
# Part of the largest estimate that is subtracted, and the stated error in the same unit: from three or more bases
# beyond the smallest, from fewer, and from a single estimate. Calibrated on random spheres, whose exponents scatter.
CORRECTION: Final = 1.1
ERROR_MANY_BASES: Final = 0.9
ERROR_FEW_BASES: Final = 1.3
ERROR_SINGLE_ESTIMATE: Final = 1.8
# An estimate needs a basis that is smaller by at least this factor.
SMALLER: Final = 0.95
# The smallest basis counts where the others' estimates are below this part of its own.
STALLED: Final = 0.2
# First basis for a tolerance (eV) of at least LOOSE.
FIRST_LOOSE, LOOSE = 2, 2e-3
# A wider basis is tried if the error expected there is at most this many tolerances.
MAX_EXPECTED: Final = 1.2
# States matched between two bases beyond those wanted: their order may differ.
SPARE: Final = 2

# A problem in two bases, the smaller one first.
Problems = tuple[Problem, Problem]


@dataclass(frozen=True)
class ComplexState:
    """A state of a complex: its energy above the band gaps of its pairs, sector, spins, and location of the carriers.

    `degeneracy` is the number of states with this energy: partners by symmetry and all directions of the spins.
    `contact` is the contact density (1/nm³) of an exciton.
    """

    energy: Estimate
    sector: Sector
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
        Numbers of carriers.
    states
        Ordered by energy.
    raw
        Energies (eV) of the lowest state in the last two bases, both upper bounds.
    accurate
        Whether every error is within the tolerance.
    obstacle
        Why no wider basis was tried although errors exceed the tolerance; None if the widest was used.
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
        Each complex is solved until it is accurate or the next basis would be too large.
    states
        Number of levels, of each complex or the same for all.
    tolerance
        Of every energy, in eV.
    limits
        Limits on the bases; by default those of a single molecule.

    Raises
    ------
    SolverError
        Two bases, the fewest that give an error, would take too long or too much memory.
    """
    ladder = Ladder(solution, limits, first=FIRST_STEP if tolerance < LOOSE else FIRST_LOOSE)
    wanted = {
        complex_: states if isinstance(states, int) else states[complex_] for complex_ in dict.fromkeys(complexes)
    }
    for complex_ in (EXCITON, *wanted):
        _refuse(ladder, complex_)
    start = _first_step(ladder, EXCITON, tolerance)
    # Kinds of integrals that are needed in the same basis cost less if computed together.
    first = [complex_ for complex_ in wanted if _first_step(ladder, complex_, tolerance) == start]
    begin(f"orbitals and integrals of basis {start + 1}{ladder.time_text(start)}")
    together = {kind for complex_ in first for kind in kinds_of(complex_)}
    ladder.problem(start, sorted(together | {"eh"}))
    exciton = _solve(ladder, EXCITON, wanted.get(EXCITON, 1), tolerance, None)
    return {
        complex_: exciton if complex_ == EXCITON else _solve(ladder, complex_, count, tolerance, exciton)
        for complex_, count in wanted.items()
    }


def _refuse(ladder: Ladder, complex_: Complex) -> None:
    """Refuse a complex for which there are fewer than two bases, so that no error is known."""
    if ladder.last_step(complex_) >= 1:
        return
    message = (
        f"Configuration interaction of {complex_.name} is too large: {ladder.obstacle(complex_, 1)}. Use "
        "`coulomb: self-consistent`, fewer carriers in a complex, or dots and layers of more similar sizes."
    )
    raise SolverError(message)


def _first_step(ladder: Ladder, complex_: Complex, tolerance: float) -> int:
    """The first basis."""
    first = FIRST_STEP if complex_ == EXCITON and tolerance < LOOSE else FIRST_LOOSE
    return min(first, ladder.last_step(complex_))


def _solve(
    ladder: Ladder, complex_: Complex, count: int, tolerance: float, exciton: ComplexStates | None
) -> ComplexStates:
    """Solve one basis after the other until the error is small enough or no wider basis would help.

    The exciton, from which all others are scaled, goes on to the widest basis.
    """
    step, last = _first_step(ladder, complex_, tolerance), ladder.last_step(complex_)
    while True:
        begin(f"{complex_.name} in basis {step + 1} of at most {last + 1}{ladder.time_text(step)}")
        known = [ladder.solve(complex_, at, count + SPARE) for at in range(step, -1, -1)][::-1]
        problems = [ladder.problem(at, kinds_of(complex_)) for at in range(step + 1)]
        basis_error = _ExcitonError.of(problems) if exciton is None else _ScaledError.of(ladder, step, exciton.energy)
        numerical = _numerical(ladder.solution, complex_)
        states = _extrapolated(problems[-2:], known, basis_error, numerical, count)
        worst = max(state.energy.error for state in states)
        wider = _next_step(step, last, worst, tolerance)
        if worst <= tolerance or step == last or (exciton is not None and wider is None):
            break
        step = last if wider is None else wider
        problems.clear()
    accurate = worst <= tolerance
    obstacle = None if accurate or step == len(COUNTS) - 1 else ladder.obstacle(complex_, step + 1)
    return ComplexStates(complex_, tuple(states), (known[-2][0].energy, known[-1][0].energy), accurate, obstacle)


def _next_step(step: int, last: int, error: float, tolerance: float) -> int | None:
    """The first wider basis that is likely to meet the tolerance; None if there is none."""
    for wider in range(step + 1, last + 1):
        if error * (COUNTS[wider] / COUNTS[step]) ** -DECAY <= MAX_EXPECTED * tolerance:
            return wider
    return None


def _numerical(solution: MoleculeSolution, complex_: Complex) -> float:
    """Error (eV) of the finite elements: that of an electron-hole pair for every pair."""
    return solution.pairs[0].exciton.error * complex_.electrons * complex_.holes


class _ExcitonError:
    """Basis error of an exciton in the last of several bases; `sizes` are the orbitals of the carrier with fewer."""

    def __init__(self, sizes: Sequence[int]) -> None:
        powers = np.array(sizes, dtype=float) ** DECAY
        # The smallest basis is used only if there are not two others.
        first = 1 if len(sizes) > 3 else 0
        self._error = ERROR_MANY_BASES if first else ERROR_FEW_BASES
        shares = {
            at: float(powers[at] / (powers[-1] - powers[at]))
            for at in range(len(sizes) - 1)
            if powers[at] < SMALLER * powers[-1]
        }
        self._shares = {at: share for at, share in shares.items() if at >= first}
        self._smallest = shares.get(0) if first else None

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> _ExcitonError:
        """Basis error from the bases, in order of their size."""
        return cls([min(len(problem.electron), len(problem.hole)) for problem in problems])

    def __call__(self, falls: Mapping[int, float], lowest: float = math.inf) -> tuple[float, float]:
        """Correction (eV) and its error, from the falls (eV) of the energy from earlier bases to the last one.

        `lowest` is the fall of the lowest state from the smallest basis, in which higher states have no proper partner.
        """
        estimates = [self._shares[at] * fall for at, fall in falls.items() if at in self._shares]
        if self._smallest is not None and 0 in falls and estimates:
            # Successive bases that gain nothing have not converged: the relevant orbitals are still missing.
            early = self._smallest * min(falls[0], lowest)
            if max(map(abs, estimates)) < STALLED * abs(early):
                estimates.append(early)
        return _corrected(estimates, self._error)


class _ScaledError:
    """Basis error of a larger complex in the last of several bases, from the lowest exciton in the same bases."""

    def __init__(self, exciton: Sequence[float], limit: Estimate) -> None:
        self._falls = {at: energy - exciton[-1] for at, energy in enumerate(exciton[:-1])}
        self._correction, self._error = exciton[-1] - limit.value, limit.error

    @classmethod
    def of(cls, ladder: Ladder, step: int, limit: Estimate) -> _ScaledError:
        """Basis error from the bases up to a step and the limit of the exciton."""
        return cls([ladder.solve(EXCITON, at, 1 + SPARE)[0].energy for at in range(step, -1, -1)][::-1], limit)

    def __call__(self, falls: Mapping[int, float], lowest: float = math.inf) -> tuple[float, float]:  # noqa: ARG002
        """Correction (eV) and its error, from the falls (eV) of the energy from earlier bases to the last one."""
        nearest = sorted((at for at in falls if self._falls[at] > 0), reverse=True)[:2]
        ratios = [falls[at] / self._falls[at] for at in nearest]
        if not ratios:
            return 0.0, math.inf
        correction, spread = ratios[0] * self._correction, (max(ratios) - min(ratios)) * self._correction
        error = self._error if len(ratios) > 1 else self._error + abs(self._correction)
        return correction, max(map(abs, ratios)) * error + abs(spread)


def _corrected(estimates: Sequence[float], error: float) -> tuple[float, float]:
    """Correction from the largest estimate of the basis error, and its error; infinite without an estimate."""
    if not estimates:
        return 0.0, math.inf
    largest = max(estimates, key=abs)
    if len(estimates) == 1:
        return CORRECTION * largest, ERROR_SINGLE_ESTIMATE * abs(largest)
    return CORRECTION * largest, error * abs(largest) + max(estimates) - min(estimates)


def _extrapolated(
    problems: Sequence[Problem],
    known: Sequence[Sequence[Configured]],
    basis_error: _ExcitonError | _ScaledError,
    numerical: float,
    count: int,
) -> list[ComplexState]:
    """The lowest `count` states of the last basis, extrapolated to a complete one.

    `problems` are the last two bases, `known` (bases) (states) the lowest states of each, `numerical` (eV) the error of
    the elements. States that are not in both of the last two bases are omitted. Labels are those of the last basis but
    one.
    """
    by_symmetry = [_by_symmetry(states) for states in known[:-1]]
    listed: list[tuple[Estimate, Configured, Configured]] = []
    lowest = math.inf
    for key, rank, state in _ranked(known[-1]):
        partners = [_at(groups.get(key, ()), rank) for groups in by_symmetry]
        if partners[-1] is None:
            continue
        falls = {at: partner.energy - state.energy for at, partner in enumerate(partners) if partner is not None}
        lowest = min(lowest, falls.get(0, math.inf)) if not listed else lowest
        correction, error = basis_error(falls, lowest)
        energy = Estimate.from_error(state.energy - correction, error + numerical, "eV")
        listed.append((energy, state, partners[-1]))
    lowest_first = sorted(listed, key=lambda entry: entry[0].value)[:count]
    return [_state((problems[0], problems[1]), state, partner, energy) for energy, state, partner in lowest_first]


def _at(states: Sequence[Configured], rank: int) -> Configured | None:
    return states[rank] if rank < len(states) else None


Key = tuple[Sector, float | None, float | None]


def _by_symmetry(states: Sequence[Configured]) -> Mapping[Key, Sequence[Configured]]:
    groups: dict[Key, list[Configured]] = {}
    for state in states:
        groups.setdefault(_key(state), []).append(state)
    return groups


def _key(state: Configured) -> Key:
    return state.sector, state.electron_spin, state.hole_spin


def _ranked(states: Sequence[Configured]) -> Iterable[tuple[Key, int, Configured]]:
    """States with their key and their rank among those of the same key."""
    ranks: dict[Key, int] = {}
    for state in states:
        key = _key(state)
        yield key, ranks.get(key, 0), state
        ranks[key] = ranks.get(key, 0) + 1


def _state(problems: Problems, state: Configured, partner: Configured, energy: Estimate) -> ComplexState:
    placement = place_carriers(problems[0], partner)
    exciton = sum(species.particles for species in state.space.species) == 2
    contact = _contact(problems, state, partner) if exciton else None
    return ComplexState(
        energy, state.sector, state.electron_spin, state.hole_spin, state.degeneracy, placement, contact
    )


def _contact(problems: Problems, state: Configured, partner: Configured) -> Estimate:
    """Contact density in the limit of a complete basis: by the cusp, angular momenta from l on contribute 1/l."""
    before, last = (contact_density(*pair) for pair in zip(problems, (partner, state), strict=True))
    small, large = (len(problem.electron) + len(problem.hole) for problem in problems)
    correction = (last - before) / (math.cbrt(large / small) - 1)
    return Estimate.from_error(last + correction, abs(correction), "nm^-3")
