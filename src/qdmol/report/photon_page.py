"""Report of analysed photons as one self-contained page, for one file or many."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qdmol.analysis import (
    Interval,
    analysis_sentences,
    files_rows,
    flag_sentences,
    interval_text,
    note_sentences,
    shown_number,
    three,
)
from qdmol.plot import (
    Drawing,
    draw_correlations,
    draw_decay,
    draw_g2_by_gate,
    draw_intensity_trace,
)
from qdmol.report.page import PageFigure, PageTable, Section, planned_pair, write_page
from qdmol.results import write_netcdf

if TYPE_CHECKING:
    from qdmol.analysis import Analysed


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
    """What the header of the file states, beside what its records hold."""
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
    return PageTable("The file", ("property", "value"), tuple((name, str(text)) for name, text in rows if text))


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


def draw_photons(analysis: Analysed) -> tuple[Drawing, ...]:
    """Every figure that the analysis holds data for."""
    drawings = (
        draw_intensity_trace(analysis),
        draw_decay(analysis),
        draw_correlations(analysis),
        draw_g2_by_gate(analysis),
    )
    return tuple(drawing for drawing in drawings if drawing is not None)


def write_photon_report(
    analyses: Analysed | Sequence[Analysed], path: str | Path, *, figures: str | Path | None = None
) -> Path:
    """Write analyses as one HTML page and a NetCDF file of the same stem beside it.

    Parameters
    ----------
    analyses
        From ``analyze_photons``, or those of ``analyze_many``. With more than one the page begins with a table of
        all files, and the NetCDF file has that table at its root and one group a file (``file1``, ``file2``, ..).
    path
        The page, ending in ``.html``.
    figures
        A folder for every figure as PDF and PNG and every curve as CSV; created if missing.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    qdmol.errors.InputError
        The path is that of the NetCDF file, or a file to be written is one of the recordings.
    qdmol.errors.OutputError
        A file cannot be written.
    """
    several = tuple(analyses) if isinstance(analyses, Sequence) else (analyses,)
    page, data = planned_pair(path, _recordings(several), figures=figures)
    footnote = (
        f"95 % intervals: of 100 recordings, 95 have the true value inside. All numbers and curves of this page are in "
        f"{data.name} beside it, with units."
    )
    names = [analysis.name for analysis in several]
    if len(several) == 1:
        title, known = names[0], _subtitle(several[0])
        subtitle = f"{known}, analysed by qdmol." if known else "Photons, read by qdmol."
        sections = []
    else:
        title, subtitle = f"{len(several)} recordings of photons", "Photon recordings, analysed by qdmol."
        sections = [Section(label="Files", tables=(files_table(names, [one.summary for one in several]),))]
    own = [
        _section(analysis, number, files=figures is not None, heading=len(several) > 1)
        for number, analysis in enumerate(several, start=1)
    ]
    write_page(
        [*sections, *own, Section(footnote=footnote)],
        page,
        title=title,
        subtitle=subtitle,
        write_data=partial(_write_data, several),
        figures=figures,
        drawings=_named(own, names) if figures is not None else (),
    )
    return page


def _recordings(analyses: Sequence[Analysed]) -> list[str]:
    """Files that the analyses were read from."""
    streams = [getattr(analysis, "stream", None) for analysis in analyses]
    paths = [stream.provenance.path for stream in streams if stream is not None]
    return [path for path in paths if path is not None]


def _write_data(analyses: Sequence[Analysed], path: Path) -> None:
    if len(analyses) == 1:
        write_netcdf(analyses[0].data, path)
        return
    from qdmol.analysis import files_dataset

    groups = {f"file{number}": analysis.data for number, analysis in enumerate(analyses, start=1)}
    write_netcdf(files_dataset(analyses), path, groups=groups)


def _section(analysis: Analysed, number: int, *, files: bool, heading: bool) -> Section:
    """What the page says of one file."""
    summary = analysis.summary
    failed, refused = bool(summary.get("error")), bool(summary.get("refused"))
    refusal = "This file could not be read." if failed else "This recording was not analysed." if refused else ""
    sentences = analysis_sentences(summary)
    tables = () if failed else tuple(filter(None, (numbers_table(summary), file_table(summary))))
    return Section(
        name=f"file{number}",
        label=analysis.name,
        title=analysis.name if heading else "",
        subtitle=_subtitle(analysis) if heading and not failed else "",
        refusal=refusal,
        reasons=sentences if failed else flag_sentences(summary, "fatal"),
        sentences=() if failed else sentences,
        warnings=flag_sentences(summary, "warning"),
        notes=note_sentences(summary),
        figures=tuple(PageFigure.of(drawing, files=files) for drawing in draw_photons(analysis)),
        tables=tables,
    )


def _subtitle(analysis: Analysed) -> str:
    summary = analysis.summary
    known = (summary.get("format"), summary.get("record_type"), summary.get("instrument"), summary.get("created"))
    return ", ".join(dict.fromkeys(str(part) for part in known if part))


def _named(sections: Sequence[Section], titles: Sequence[str]) -> list[PageFigure]:
    """The figures under names of their own where there are several files."""
    figures = [[figure for figure in section.figures if isinstance(figure, PageFigure)] for section in sections]
    if len(sections) == 1:
        return figures[0]
    named = []
    for section, title, own in zip(sections, titles, figures, strict=True):
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(title).stem)[:40]
        prefix = f"{section.name}_{stem}_"
        for figure in own:
            tables = tuple(replace(table, name=prefix + table.name) for table in figure.tables)
            named.append(replace(figure, name=prefix + figure.name, tables=tables))
    return named
