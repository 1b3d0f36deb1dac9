"""Assessment of the claims: solve the cases, evaluate the quantities, decide."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

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
from qdmol.claims.results import Claim, Claims, SplittingMap
from qdmol.claims.rules import Criterion, Finding, Verdict, decide
from qdmol.claims.statements import STATEMENTS, Statement
from qdmol.estimates import NO_VALUE

# Core diameters and barriers of the map, nm; the finer ones, which hold the coarse, are for the figure.
DIAMETERS = (2.0, 2.6, 3.2, 3.8, 4.4)
BARRIERS = (1.0, 1.5, 2.0, 2.5, 3.0)
FINE_DIAMETERS = tuple(round(2.0 + 0.3 * i, 2) for i in range(9))
FINE_BARRIERS = tuple(round(1.0 + 0.25 * i, 2) for i in range(9))


def assess_claims(*, fine_map: bool = False, workers: int = 1, progress: Callable[[str], None] | None = None) -> Claims:
    """Compare every statement of the reference work with the results of qdmol.

    Parameters
    ----------
    fine_map
        The map at the first offset on 9 x 9 points, for a figure; the verdicts rest on its 5 x 5 points either way.
    workers
        Processes; 1 solves in this one.
    progress
        Called with a few words whenever a molecule is solved.
    """
    started = time.perf_counter()
    grids = _grids(fine=fine_map)
    cases = (*spectrum_cases(), *all_cases())  # spectra first: they take longest
    points = [case for offset, axes in grids for case in _map_cases(offset, *axes)]
    solved = solve_cases([*cases, *points], workers=workers, progress=progress)
    outcomes, map_outcomes = solved[: len(cases)], iter(solved[len(cases) :])
    maps = tuple(_map_of(offset, *axes, map_outcomes) for offset, axes in grids)
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
    offset: float, diameters: tuple[float, ...], barriers: tuple[float, ...], outcomes: Iterator[Outcome]
) -> SplittingMap:
    """Map of the next outcomes; a failed point is NaN."""
    nothing = (float("nan"), float("nan"))
    grid = tuple(tuple(quantities.measure(next(outcomes), "splitting") or nothing for _ in barriers) for _ in diameters)
    return SplittingMap(offset, diameters, barriers, grid)


def _assess(statement: Statement, outcomes: Sequence[Outcome], maps: Sequence[SplittingMap]) -> Claim:
    if statement.criterion is None:
        return Claim(statement, Verdict("cannot be compared"), None, None, statement.why_not)
    findings = _findings(statement, outcomes, maps)
    verdict = decide(statement.criterion, findings)
    base = _base(statement, outcomes, findings)
    value, error = (None, None) if base is None else (base.value, base.error)
    impossible = [o for o in outcomes if o.summary is None and statement.family in {o.case.family, "samples"}]
    reason = (
        _reason(statement, verdict, len(impossible)) + _conclusion(statement, verdict) + _samples(statement, outcomes)
    )
    return Claim(statement, verdict, value, error, reason, tuple(findings))


def _findings(statement: Statement, outcomes: Sequence[Outcome], maps: Sequence[SplittingMap]) -> list[Finding]:
    if statement.family == "map":
        grids = [
            (map_case(DIAMETERS[0], BARRIERS[0], splittings.offset).factors, splittings.at(DIAMETERS, BARRIERS))
            for splittings in maps
        ]
        return quantities.grid_falls(grids, axis=0 if statement.quantity == "diameter" else 1)
    if statement.family == "samples":
        compare = quantities.ratios if statement.unit == "1" else quantities.steps
        return compare(outcomes, statement.quantity)
    if statement.family == "matched":
        return _together(statement, outcomes)
    return quantities.readings((o for o in outcomes if o.case.family == statement.family), statement.quantity)


def _base(statement: Statement, outcomes: Sequence[Outcome], findings: Sequence[Finding]) -> Finding | None:
    """Finding whose value is shown: of the base case, or for `matched` always of the shipped homodimer."""
    if statement.family == "matched":
        findings = quantities.readings((o for o in outcomes if o.case.family == MIDDLE), statement.quantity)
    return next((finding for finding in findings if not finding.factors), None)


def _together(statement: Statement, outcomes: Sequence[Outcome]) -> list[Finding]:
    """Every fused case whose splitting and spacing both agree with the paper."""
    both = {quantity: _criterion_of(quantity) for quantity in ("splitting", "spacing")}
    fused = [o for o in outcomes if o.case.family in {*SAMPLES, "matched"}]
    return quantities.readings(fused, statement.quantity, meeting=both)


def _criterion_of(name: str) -> Criterion:
    """Criterion of the statement with this id."""
    criterion = next(statement.criterion for statement in STATEMENTS if statement.id == name)
    assert criterion is not None
    return criterion


def _reason(statement: Statement, verdict: Verdict, impossible: int) -> str:
    cases = verdict.met + verdict.failed + verdict.undecided
    parts = [f"{statement.rule[0].upper()}{statement.rule[1:]}: true in {verdict.met} of {cases} cases"]
    if verdict.undecided:
        parts.append(f"{verdict.undecided} undecided because of the numerical error")
    if impossible:
        parts.append(f"{impossible} impossible (cores would overlap)")
    return ", ".join(parts) + "."


def _conclusion(statement: Statement, verdict: Verdict) -> str:
    """Conclusion about the statement that all values hold together; empty for other statements."""
    if statement.id != "together" or verdict.low is None or verdict.high is None:
        return ""
    shown = f"{verdict.low:.1f} to {verdict.high:.1f} meV"
    if verdict.kind == "disagrees":
        return (
            f" In cases that meet both, the shift is {shown}: a uniform permittivity does not reproduce 60 meV "
            "together with the measured shift."
        )
    return f" In cases that meet both, the shift is {shown}."


def _samples(statement: Statement, outcomes: Sequence[Outcome]) -> str:
    """The numbers of the samples as shipped, for a statement that compares them."""
    if statement.family != "samples":
        return ""
    shifts = []
    for outcome in outcomes:
        if outcome.case.family in SAMPLES and not outcome.case.factors and outcome.summary is not None:
            measured = quantities.measure(outcome, statement.quantity)
            shifts.append(NO_VALUE if measured is None else f"{measured[0]:.2f}")
    return f" Shifts as shipped, smallest sample first: {', '.join(shifts)} meV."
