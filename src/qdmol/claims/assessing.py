"""The verb: solve the cases, read off the numbers, judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qdmol.claims import quantities
from qdmol.claims.cases import (
    MAP_OFFSETS,
    MIDDLE,
    SAMPLES,
    Case,
    Outcome,
    all_cases,
    map_case,
    solve_cases,
    spectrum_cases,
)
from qdmol.claims.rules import Criterion, Finding, Verdict, decide
from qdmol.claims.statement import Statement
from qdmol.claims.statements import PRINTED, STATEMENTS
from qdmol.results import NO_VALUE, format_measured, format_number

if TYPE_CHECKING:
    import xarray as xr


# Core diameters and barriers of the map, nm; the finer ones, which hold the coarse, are for the figure.
DIAMETERS = (2.0, 2.6, 3.2, 3.8, 4.4)
BARRIERS = (1.0, 1.5, 2.0, 2.5, 3.0)
FINE_DIAMETERS = tuple(round(2.0 + 0.3 * i, 2) for i in range(9))
FINE_BARRIERS = tuple(round(1.0 + 0.25 * i, 2) for i in range(9))

# Errors in the table's text are not shown below this; in the JSON object they are.
SMALLEST_SHOWN = 0.001

Measured = tuple[float, float]


@dataclass(frozen=True)
class Claim:
    """A statement with its answer: value and error in the statement's unit, None where there is no number."""

    statement: Statement
    verdict: Verdict
    value: float | None
    error: float | None
    reason: str
    findings: tuple[Finding, ...] = ()

    @property
    def value_text(self) -> str:
        """Value, error and unit; an error far below what the table can show is rounded up."""
        if self.value is None or self.error is None:
            return NO_VALUE
        unit = "" if self.statement.unit == "1" else self.statement.unit
        return format_measured(self.value, max(self.error, SMALLEST_SHOWN), unit)

    @property
    def range_text(self) -> str:
        """Lowest and highest value over the cases."""
        low, high = self.verdict.low, self.verdict.high
        if low is None or high is None:
            return NO_VALUE
        decimals = 3 if abs(high) < 0.1 else 2 if abs(high) < 10 else 1
        return f"{format_number(low, decimals)} to {format_number(high, decimals)}"

    def as_dict(self) -> dict[str, Any]:
        """One row of the JSON object."""
        return {
            "id": self.statement.id,
            "statement": self.statement.words,
            "source": self.statement.source,
            "paper_value": self.statement.number,
            "unit": self.statement.unit,
            "value": self.value,
            "error": self.error,
            "low": self.verdict.low,
            "high": self.verdict.high,
            "assumed": self.statement.assumed,
            "verdict": self.verdict.text,
            "reason": self.reason,
            "command": self.statement.command,
        }


@dataclass(frozen=True)
class SplittingMap:
    """Splittings (meV) with errors on core diameters and barriers (nm): `grid` has shape (diameters, barriers)."""

    offset: float
    diameters: tuple[float, ...]
    barriers: tuple[float, ...]
    grid: tuple[tuple[Measured, ...], ...]

    def at(self, diameters: Sequence[float], barriers: Sequence[float]) -> tuple[tuple[Measured, ...], ...]:
        """The part of the grid on some of its coordinates."""
        rows, columns = (
            [whole.index(one) for one in part]
            for whole, part in ((self.diameters, diameters), (self.barriers, barriers))
        )
        return tuple(tuple(self.grid[row][column] for column in columns) for row in rows)


@dataclass(frozen=True)
class Claims:
    """All claims with the solved cases and maps they rest on."""

    claims: tuple[Claim, ...]
    outcomes: tuple[Outcome, ...]
    maps: tuple[SplittingMap, ...]
    elapsed: float

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """The JSON object of ``qdmol claims --json``."""
        return {"qdmol": 1, "claims": [claim.as_dict() for claim in self.claims], "elapsed_s": self.elapsed}

    @cached_property
    def data(self) -> xr.Dataset:
        """Claims, cases and maps with units."""
        # Imported here: xarray is slow to load, and a table does without.
        from qdmol.claims.dataset import make_claims_dataset

        return make_claims_dataset(self)


def assess_claims(*, fine_map: bool = False, workers: int = 1, progress: Callable[[str], None] | None = None) -> Claims:
    """Compare every statement of the reference work with what qdmol gets.

    Parameters
    ----------
    fine_map
        The map at the first offset on 9 x 9 points, for a figure; the verdicts rest on its 5 x 5 points either way.
    workers
        Processes; with more than one, a script needs a main guard.
    progress
        Called with a few words whenever a molecule is done.
    """
    started = time.perf_counter()
    grids = _grids(fine=fine_map)
    cases = (*spectrum_cases(), *all_cases())  # spectra take longest, and so come first
    points = [case for offset, axes in grids for case in _map_cases(offset, *axes)]
    solved = solve_cases([*cases, *points], workers=workers, progress=progress)
    outcomes, rest = solved[: len(cases)], list(solved[len(cases) :])
    maps = tuple(_map_of(offset, *axes, rest) for offset, axes in grids)
    claims = tuple(_assess(statement, outcomes, maps) for statement in STATEMENTS)
    return Claims(claims, outcomes, maps, time.perf_counter() - started)


Axes = tuple[tuple[float, ...], tuple[float, ...]]


def _grids(*, fine: bool) -> list[tuple[float, Axes]]:
    first, *others = MAP_OFFSETS
    shown = (FINE_DIAMETERS, FINE_BARRIERS) if fine else (DIAMETERS, BARRIERS)
    return [(first, shown), *((offset, (DIAMETERS, BARRIERS)) for offset in others)]


def _map_cases(offset: float, diameters: Sequence[float], barriers: Sequence[float]) -> list[Case]:
    return [map_case(diameter, barrier, offset) for diameter in diameters for barrier in barriers]


def _map_of(
    offset: float, diameters: tuple[float, ...], barriers: tuple[float, ...], rest: list[Outcome]
) -> SplittingMap:
    """Take the points of one map off the front of the list; a point without a number is NaN."""
    count = len(diameters) * len(barriers)
    taken, rest[:] = rest[:count], rest[count:]
    nothing = (float("nan"), float("nan"))
    read = [quantities.measure(one, "splitting") for one in taken]
    found = [measured or nothing for measured in read]
    width = len(barriers)
    rows = tuple(tuple(found[start : start + width]) for start in range(0, count, width))
    return SplittingMap(offset, diameters, barriers, rows)


def _assess(statement: Statement, outcomes: Sequence[Outcome], maps: Sequence[SplittingMap]) -> Claim:
    if statement.criterion is None:
        return Claim(statement, Verdict("cannot be compared"), None, None, statement.why_not)
    findings = _findings(statement, outcomes, maps)
    verdict = decide(statement.criterion, findings)
    base = _base(statement, outcomes, findings)
    value, error = (None, None) if base is None else (base.value, base.error)
    holes = [o for o in outcomes if o.summary is None and statement.family in {o.case.family, "samples"}]
    reason = _reason(statement, verdict, len(holes)) + _conclusion(statement, verdict) + _samples(statement, outcomes)
    return Claim(statement, verdict, value, error, reason, tuple(findings))


def _findings(statement: Statement, outcomes: Sequence[Outcome], maps: Sequence[SplittingMap]) -> list[Finding]:
    if statement.family == "map":
        grids = [(map_case(DIAMETERS[0], BARRIERS[0], one.offset).factors, one.at(DIAMETERS, BARRIERS)) for one in maps]
        return quantities.grid_falls(grids, axis=0 if statement.quantity == "diameter" else 1)
    if statement.family == "samples":
        compare = quantities.ratios if statement.unit == "1" else quantities.steps
        return compare(outcomes, statement.quantity)
    if statement.family == "matched":
        return _together(statement, outcomes)
    return quantities.readings((o for o in outcomes if o.case.family == statement.family), statement.quantity)


def _base(statement: Statement, outcomes: Sequence[Outcome], findings: Sequence[Finding]) -> Finding | None:
    """The number shown: that of the base case, for `matched` the shipped homodimer's whether it is matched or not."""
    if statement.family == "matched":
        findings = quantities.readings((o for o in outcomes if o.case.family == MIDDLE), statement.quantity)
    return next((finding for finding in findings if not finding.factors), None)


def _together(statement: Statement, outcomes: Sequence[Outcome]) -> list[Finding]:
    """Every fused case whose splitting and spacing are both the paper's."""
    both = {"splitting": Criterion("within", 23.0, PRINTED), "spacing": Criterion("within", 60.0, PRINTED)}
    fused = [o for o in outcomes if o.case.family in {*SAMPLES, "matched"}]
    return quantities.readings(fused, statement.quantity, meeting=both)


def _reason(statement: Statement, verdict: Verdict, holes: int) -> str:
    cases = verdict.met + verdict.failed + verdict.undecided
    parts = [f"{statement.rule[0].upper()}{statement.rule[1:]}: so in {verdict.met} of {cases} cases"]
    if verdict.undecided:
        parts.append(f"{verdict.undecided} not decided within the numerical error")
    if holes:
        parts.append(f"{holes} not possible (cores would overlap)")
    return ", ".join(parts) + "."


def _conclusion(statement: Statement, verdict: Verdict) -> str:
    """What follows for the paper, said from the numbers."""
    if statement.id != "together" or verdict.low is None or verdict.high is None:
        return ""
    shown = f"{verdict.low:.1f} to {verdict.high:.1f} meV"
    if verdict.kind == "disagrees":
        return (
            f" Where both are met the shift is {shown}: a uniform permittivity does not give 60 meV together with the "
            "measured shift."
        )
    return f" Where both are met the shift is {shown}."


def _samples(statement: Statement, outcomes: Sequence[Outcome]) -> str:
    """The numbers of the samples as shipped, for a statement that compares them."""
    if statement.family != "samples":
        return ""
    shown = []
    for outcome in outcomes:
        if outcome.case.family in SAMPLES and not outcome.case.factors and outcome.summary is not None:
            measured = quantities.measure(outcome, statement.quantity)
            shown.append("no value" if measured is None else f"{measured[0]:.2f}")
    return f" Shifts as shipped, smallest sample first: {', '.join(shown)} meV."
