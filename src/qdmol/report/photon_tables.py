"""Tables of the page of measured photons: rows of text read from the summaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qdmol.analysis.wording import Interval, files_rows, interval_text, shown_number, three
from qdmol.report.tables import PageTable

__all__ = ["file_table", "files_table", "numbers_table"]

Summary = Mapping[str, Any]
_NBSP = "\N{NO-BREAK SPACE}"


def files_table(names: Sequence[str], summaries: Sequence[Summary]) -> PageTable:
    """One row a file: photons, rate, lifetime, g2, and what became of it."""
    header, rows = files_rows(names, summaries)
    note = (
        "Lifetime: the average weighted by amplitude where there is more than one component. g² side is counted "
        "against the side peaks, g² Poisson against independent photons; 95 % intervals in brackets."
    )
    return PageTable("The files", header, tuple(rows), note, frozenset({1, 2, 3}))


def file_table(summary: Summary) -> PageTable:
    """What the file says of itself, beside what its records say."""
    stated = summary.get("stated") or {}
    rows = [
        ("format", f"{summary.get('format') or 'not stated'}, {summary.get('record_type') or 'records of no name'}"),
        ("instrument", summary.get("instrument")),
        ("created", summary.get("created")),
        ("comment", summary.get("comment")),
        ("mode", _mode(summary)),
        ("tick", _quantity(summary.get("tick_ps"), "ps")),
        ("pulse period", _quantity(summary.get("sync_period_ns"), "ns", 7)),
        ("photons or records promised by the header", _plain(stated.get("photons"))),
        ("photons found", _plain(summary.get("photons"))),
        ("length by the header", _quantity(stated.get("duration_s"), "s", 6)),
        ("length", _quantity(summary.get("duration_s"), "s", 6)),
    ]
    return PageTable("The file", ("what", "value"), tuple((name, str(text)) for name, text in rows if text))


def _mode(summary: Summary) -> str:
    kinds = {"T2": "T2: one absolute time a photon", "T3": "T3: pulse number and delay after the pulse"}
    return kinds.get(str(summary.get("mode")), "not known")


def _quantity(value: float | None, unit: str, digits: int = 4) -> str:
    return "" if value is None else f"{shown_number(value, digits)}{_NBSP}{unit}"


def _plain(value: float | None) -> str:
    return "" if value is None else shown_number(value, 7)


def numbers_table(summary: Summary) -> PageTable | None:
    """Every number of the analysis with its interval; None where there is none."""
    rows = [*_rate_rows(summary), *_lifetime_rows(summary.get("lifetime")), *_g2_rows(summary.get("g2"))]
    g3 = summary.get("g3") or {}
    for key, name in (("side", "the side peaks"), ("poisson", "independent photons")):
        if g3.get(key) is not None:
            rows.append(_row(f"g³(0), against {name}", three(g3, key), ""))
    if not rows:
        return None
    header = ("quantity", "value", "from", "to", "unit")
    return PageTable("Numbers", header, tuple(rows), "", frozenset({1, 2, 3}))


def _row(name: str, interval: Interval, unit: str) -> tuple[str, ...]:
    value, low, high = interval
    if value is None or (low is None and high is None):
        return (name, shown_number(value), "", "", unit)
    shown, _, ends = interval_text(value, low, high).rstrip(")").partition(" (")
    return (name, shown, *ends.split(" to "), unit)


def _rate_rows(summary: Summary) -> list[tuple[str, ...]]:
    rows = []
    for one in (summary.get("background") or {}).get("channels") or ():
        name = f"background in channel {one['channel']}"
        rows.append(_row(name, (one["rate_Hz"], one["low_Hz"], one["high_Hz"]), "1/s"))
    return rows


def _lifetime_rows(found: Summary | None) -> list[tuple[str, ...]]:
    if not found:
        return []
    rows = []
    many = len(found["components_ns"]) > 1
    for k, value in enumerate(found["components_ns"]):
        name = f"lifetime {k + 1}" if many else "lifetime"
        rows.append(_row(name, (value, found["low_ns"][k], found["high_ns"][k]), "ns"))
        if many:
            share = tuple(found[f"fractions{end}"][k] for end in ("", "_low", "_high"))
            rows.append(_row(f"amplitude of lifetime {k + 1}", share, ""))
    keys = ("amplitude", "intensity") if many or found.get("stretch") is not None else ()
    rows += [_row(f"average weighted by {key}", three(found, f"{key}_average", "_ns"), "ns") for key in keys]
    if found.get("stretch") is not None:
        rows.append(_row("exponent of the stretched decay", three(found, "stretch"), ""))
    return rows


def _g2_rows(found: Summary | None) -> list[tuple[str, ...]]:
    if not found:
        return []
    rows = []
    if found.get("side") is not None:
        rows.append(_row("g²(0), against the side peaks", three(found, "side"), ""))
    rows.append(_row("g²(0), against independent photons", three(found, "poisson"), ""))
    if found.get("bunching") is not None:
        rows.append(_row("bunching: side peaks over independent photons", three(found, "bunching"), ""))
    rows.append(_row("zero delay", (found.get("zero_delay_ns"), None, None), "ns"))
    for key, name in (("centre_counts", "pairs in the centre"), ("side_counts", "pairs in a side peak, in the mean")):
        if found.get(key) is not None:
            rows.append((name, shown_number(found[key]), "", "", ""))
    return rows
