"""Quantities that answer the statements: values with numerical errors, from the solved cases.

Those of levels are read off the JSON object of ``qdmol solve``, those of spectra off that of ``qdmol spectrum``. Shifts
and widths are in meV, positive to the red and where lines become broader; ratios have no unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from qdmol.claims.cases import SAMPLES, Outcome
from qdmol.claims.rules import Criterion, Finding

Summary = Mapping[str, Any]
Measured = tuple[float, float]
Reader = Callable[[Summary], Measured | None]
Samples = tuple[str, str]

UNFUSED: Samples = ("monomer", "unfused")
FUSED: Samples = ("monomer", "fused")
FUSION: Samples = ("unfused", "fused")


def _change(summary: Summary, between: Samples, key: str, unit: str = "") -> Measured | None:
    """A change between two samples with its error; None where a sample has no such number."""
    changes = {(change["from"], change["to"]): change for change in summary["changes"]}
    change = changes.get(between)
    if change is None:
        return None
    value, error = change[f"{key}{unit}"], change[f"{key}_error{unit}"]
    return None if value is None or error is None else (value, error)


def _energy(between: Samples, key: str) -> Reader:
    return partial(_change, between=between, key=key, unit="_meV")


def _ratio(between: Samples, key: str) -> Reader:
    return partial(_change, between=between, key=key)


def _sample(summary: Summary, name: str) -> Summary | None:
    return next((sample for sample in summary["samples"] if sample["sample"] == name), None)


def _high_energy(summary: Summary) -> Measured | None:
    """Absorption at 300 nm over that at the band edge, fused over unfused.

    The basis error at the band edge is common to both samples, and most of the error of the density of states at 300
    nm: both ratios have errors of their own.
    """
    samples = [_sample(summary, name) for name in FUSION]
    edge, blue = _ratio(FUSION, "band_edge_ratio")(summary), _ratio(FUSION, "cross_section_300nm_ratio")(summary)
    if edge is None or blue is None:
        return None
    unfused, fused = (sample["ratio_edge_to_300nm"] for sample in samples if sample is not None)
    ratio = unfused / fused
    return ratio, ratio * (edge[1] / edge[0] + blue[1] / blue[0])


SPECTRUM_READERS: Mapping[str, Reader] = {
    "absorption_redshift": _energy(FUSED, "redshift_absorption"),
    "emission_redshift": _energy(FUSED, "redshift_emission"),
    "unfused_absorption_redshift": _energy(UNFUSED, "redshift_absorption"),
    "unfused_emission_redshift": _energy(UNFUSED, "redshift_emission"),
    "absorption_broadening": _energy(FUSION, "broadening_absorption"),
    "emission_broadening": _energy(FUSION, "broadening_emission"),
    "unfused_band_edge_ratio": _ratio(UNFUSED, "band_edge_ratio"),
    "band_edge_ratio": _ratio(FUSION, "band_edge_ratio"),
    "unfused_300nm_ratio": _ratio(UNFUSED, "cross_section_300nm_ratio"),
    "high_energy_ratio": _high_energy,
    "lifetime_ratio": _ratio(FUSED, "lifetime_ratio"),
}


def _pair(part: Summary | None, key: str) -> Measured | None:
    if part is None or part[f"{key}_meV"] is None:
        return None
    return part[f"{key}_meV"], part[f"{key}_error_meV"]


def _widening(summary: Summary) -> Measured | None:
    """Spacing with attraction minus splitting without; the errors add up."""
    spacing, splitting = READERS["spacing"](summary), READERS["splitting"](summary)
    if spacing is None or splitting is None:
        return None
    return spacing[0] - splitting[0], spacing[1] + splitting[1]


def _tunnel_splitting(summary: Summary) -> Measured | None:
    """Twice the tunnel coupling, 2t; the splitting of equal dots where a summary has no coupling."""
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
    """Return a quantity of a case with its error; None where the case has no such number or was not solved."""
    readers = READERS if outcome.case.what == "levels" else SPECTRUM_READERS
    if outcome.summary is None or quantity not in readers:
        return None
    return readers[quantity](outcome.summary)


def readings(
    outcomes: Iterable[Outcome], quantity: str, *, meeting: Mapping[str, Criterion] | None = None
) -> list[Finding]:
    """Return one quantity of each case that has it; with `meeting`, only of cases that meet these criteria."""
    findings = []
    for outcome in outcomes:
        measured = measure(outcome, quantity)
        if measured is not None and _meets(outcome, meeting or {}):
            findings.append(Finding(outcome.case.label, outcome.case.factors, *measured))
    return findings


def _meets(outcome: Outcome, criteria: Mapping[str, Criterion]) -> bool:
    for quantity, criterion in criteria.items():
        measured = measure(outcome, quantity)
        if measured is None or not criterion.met(*measured):
            return False
    return True


def _by_variation(outcomes: Sequence[Outcome]) -> list[tuple[str, tuple[str, ...], list[Summary]]]:
    """Label, factors and the summaries of all samples, smallest first, for variations that every sample has."""
    variations = []
    for case in [outcome.case for outcome in outcomes if outcome.case.family == next(iter(SAMPLES))]:
        same = {o.case.family: o.summary for o in outcomes if o.case.label == case.label and o.summary is not None}
        if set(SAMPLES) <= set(same):
            variations.append((case.label, case.factors, [same[sample] for sample in SAMPLES]))
    return variations


def steps(outcomes: Sequence[Outcome], quantity: str) -> list[Finding]:
    """Return the smaller of the two steps of a quantity from the smallest sample to the largest; positive: it falls."""
    findings = []
    for label, factors, summaries in _by_variation(outcomes):
        read = [READERS[quantity](summary) for summary in summaries]
        known = [measured for measured in read if measured is not None]
        if len(known) == len(read):
            pairs = pairwise(known)
            value, error = min((a[0] - b[0], a[1] + b[1]) for a, b in pairs)
            findings.append(Finding(label, factors, value, error))
    return findings


def ratios(outcomes: Sequence[Outcome], quantity: str) -> list[Finding]:
    """Return the largest ratio of a quantity to 2t among the samples over the smallest: 1 where both are proportional.

    2t is twice the tunnel coupling. Cases in which a quantity does not exceed its numerical error are omitted. The
    relative errors add up.
    """
    findings = []
    for label, factors, summaries in _by_variation(outcomes):
        read = [(READERS[quantity](summary), READERS["tunnel_splitting"](summary)) for summary in summaries]
        known = [(top, low) for top, low in read if top and low and top[0] > top[1] and low[0] > low[1]]
        if len(known) == len(read):
            shares = [(top[0] / low[0], top[1] / top[0] + low[1] / low[0]) for top, low in known]
            largest, smallest = max(shares), min(shares)
            value = largest[0] / smallest[0]
            findings.append(Finding(label, factors, value, value * (largest[1] + smallest[1])))
    return findings


def grid_falls(maps: Iterable[tuple[tuple[str, ...], Sequence[Sequence[Measured]]]], *, axis: int) -> list[Finding]:
    """Return the smallest decrease between neighbours along an axis of each map of (diameter, barrier).

    Positive where the splitting falls everywhere. A map with a hole has no value.
    """
    findings = []
    for factors, grid in maps:
        lines = [list(line) for line in grid] if axis == 1 else [list(line) for line in zip(*grid, strict=True)]
        falls = [(a[0] - b[0], a[1] + b[1]) for line in lines for a, b in pairwise(line)]
        if all(math.isfinite(fall) for fall, _ in falls):
            findings.append(Finding(", ".join(factors) or "as shipped", factors, *min(falls)))
    return findings
