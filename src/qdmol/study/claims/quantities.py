"""What is read off the solved cases for each statement: values with numerical errors, case by case."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from qdmol.study.claims.cases import SAMPLES, Outcome
from qdmol.study.claims.rules import Criterion, Finding
from qdmol.study.claims.spectrum_quantities import SPECTRUM_READERS

__all__ = ["READERS", "grid_falls", "measure", "ratios", "readings", "steps"]

Summary = Mapping[str, Any]
Measured = tuple[float, float]
Reader = Callable[[Summary], Measured | None]


def _pair(part: Summary | None, key: str) -> Measured | None:
    if part is None or part[f"{key}_meV"] is None:
        return None
    return part[f"{key}_meV"], part[f"{key}_error_meV"]


def _widening(summary: Summary) -> Measured | None:
    """Spacing with attraction less splitting without; the errors add up."""
    spacing, splitting = READERS["spacing"](summary), READERS["splitting"](summary)
    if spacing is None or splitting is None:
        return None
    return spacing[0] - splitting[0], spacing[1] + splitting[1]


def _tunnel_splitting(summary: Summary) -> Measured | None:
    """2t, twice the tunnel coupling; of equal dots, where a summary has no coupling, the splitting."""
    if "tunnel_coupling_meV" not in summary:
        return _pair(summary, "splitting")
    coupling = _pair(summary, "tunnel_coupling")
    return None if coupling is None else (2 * coupling[0], 2 * coupling[1])


# Each reads a value and its error in meV off the JSON object of a solution.
READERS: Mapping[str, Reader] = {
    "splitting": lambda summary: _pair(summary, "splitting"),
    "tunnel_splitting": _tunnel_splitting,
    "spacing": lambda summary: _pair(summary["coulomb"], "spacing"),
    "redshift": lambda summary: _pair(summary, "redshift"),
    "redshift_single_particle": lambda summary: _pair(summary, "redshift_single_particle"),
    "widening": _widening,
}


def measure(outcome: Outcome, quantity: str) -> Measured | None:
    """A quantity of a case with its error; None where the case has no such number or was not solved."""
    readers = READERS if outcome.case.what == "levels" else SPECTRUM_READERS
    if outcome.summary is None or quantity not in readers:
        return None
    return readers[quantity](outcome.summary)


def readings(
    outcomes: Iterable[Outcome], quantity: str, *, meeting: Mapping[str, Criterion] | None = None
) -> list[Finding]:
    """One quantity of each case that has it; with `meeting`, of those whose other quantities meet the criteria."""
    found = []
    for outcome in outcomes:
        measured = measure(outcome, quantity)
        if measured is not None and _meets(outcome, meeting or {}):
            found.append(Finding(outcome.case.label, outcome.case.factors, *measured))
    return found


def _meets(outcome: Outcome, criteria: Mapping[str, Criterion]) -> bool:
    for quantity, criterion in criteria.items():
        measured = measure(outcome, quantity)
        if measured is None or not criterion.met(*measured):
            return False
    return True


def _by_variation(outcomes: Sequence[Outcome]) -> list[tuple[str, tuple[str, ...], list[Summary]]]:
    """Label, factors and the summaries of all samples, smallest first, for variations that every sample has."""
    found = []
    first = [outcome for outcome in outcomes if outcome.case.family == next(iter(SAMPLES))]
    for one in first:
        same = {o.case.family: o.summary for o in outcomes if o.case.label == one.case.label and o.summary is not None}
        if set(SAMPLES) <= set(same):
            found.append((one.case.label, one.case.factors, [same[sample] for sample in SAMPLES]))
    return found


def steps(outcomes: Sequence[Outcome], quantity: str) -> list[Finding]:
    """The smaller of the two steps of a quantity down from the smallest sample to the largest; positive: it falls."""
    found = []
    for label, factors, summaries in _by_variation(outcomes):
        read = [READERS[quantity](summary) for summary in summaries]
        known = [measured for measured in read if measured is not None]
        if len(known) == len(read):
            pairs = pairwise(known)
            value, error = min((a[0] - b[0], a[1] + b[1]) for a, b in pairs)
            found.append(Finding(label, factors, value, error))
    return found


def ratios(outcomes: Sequence[Outcome], quantity: str) -> list[Finding]:
    """Largest over smallest of quantity / 2t, twice the tunnel coupling, among the samples: 1 where the two are
    proportional.

    Cases in which a quantity is not above its numerical error are left out. The relative errors add up.
    """
    found = []
    for label, factors, summaries in _by_variation(outcomes):
        read = [(READERS[quantity](summary), READERS["tunnel_splitting"](summary)) for summary in summaries]
        known = [(top, low) for top, low in read if top and low and top[0] > top[1] and low[0] > low[1]]
        if len(known) == len(read):
            shares = [(top[0] / low[0], top[1] / top[0] + low[1] / low[0]) for top, low in known]
            largest, smallest = max(shares), min(shares)
            value = largest[0] / smallest[0]
            found.append(Finding(label, factors, value, value * (largest[1] + smallest[1])))
    return found


def grid_falls(maps: Iterable[tuple[tuple[str, ...], Sequence[Sequence[Measured]]]], *, axis: int) -> list[Finding]:
    """The least fall between neighbours along an axis of each map of (diameter, barrier); positive: a fall everywhere.

    A map with a hole has no value.
    """
    found = []
    for factors, grid in maps:
        lines = [list(line) for line in grid] if axis == 1 else [list(line) for line in zip(*grid, strict=True)]
        falls = [(a[0] - b[0], a[1] + b[1]) for line in lines for a, b in pairwise(line)]
        if all(math.isfinite(fall) for fall, _ in falls):
            found.append(Finding(", ".join(factors) or "as shipped", factors, *min(falls)))
    return found
