"""The page of measured photons: one file or many, self-contained, with everything in it escaped.

In come analyses (summary and labelled arrays); out come one HTML page, the NetCDF file beside it, and on request
figures as PDF and PNG with a CSV of every curve. Nothing is computed here.

Figures as bytes: a page of a hundred files cannot keep a thousand drawn figures in memory.

Tables of the page of measured photons: rows of text read from the summaries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from qdmol.files import refuse_overwriting
from qdmol.plot import (
    Drawing,
    Table,
    draw_correlations,
    draw_decay,
    draw_gate,
    draw_trace,
    paper_style,
    write_drawings,
)
from qdmol.report.page import template
from qdmol.report.tables import PageTable
from qdmol.report.writing import paired_paths, write_pair
from qdmol.results import write_netcdf

if TYPE_CHECKING:
    from qdmol.analysis import Analysed


@dataclass(frozen=True, slots=True)
class RenderedDrawing:
    """A figure in its final forms; the attributes are those of `Drawing`.

    ``files`` is the figure as PDF and as PNG, or None if no files were asked for.
    """

    name: str
    number: int | None
    caption: str
    alternative: str
    width: float
    address: str
    files: tuple[bytes, bytes] | None
    tables: tuple[Table, ...] = field(default=())

    def data_address(self) -> str:
        """The SVG as an address that an image element takes."""
        return self.address

    def pdf(self) -> bytes:
        """The figure as PDF."""
        return self._file(0)

    def png(self) -> bytes:
        """The figure as PNG."""
        return self._file(1)

    def _file(self, which: int) -> bytes:
        if self.files is None:
            raise ValueError("the figure was rendered without files")
        return self.files[which]


def rendered(drawing: Drawing, *, files: bool) -> RenderedDrawing:
    """Render a figure and clear it.

    Parameters
    ----------
    drawing
        Drawn under ``paper_style``, which must still hold.
    files
        Whether PDF and PNG are wanted too.
    """
    found = RenderedDrawing(
        name=drawing.name,
        number=drawing.number,
        caption=drawing.caption,
        alternative=drawing.alternative,
        width=drawing.width,
        address=drawing.data_address(),
        files=(drawing.pdf(), drawing.png()) if files else None,
        tables=drawing.tables if files else (),
    )
    drawing.figure.clear()
    return found


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


@dataclass(frozen=True)
class Section:
    """What the page says of one file."""

    name: str
    title: str
    subtitle: str
    refusal: str
    reasons: tuple[str, ...]
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    drawings: tuple[RenderedDrawing, ...]
    tables: tuple[PageTable, ...]


def draw_photons(analysis: Analysed) -> tuple[Drawing, ...]:
    """Every figure that the analysis holds data for; call it under ``paper_style``."""
    data = analysis.data
    found = (
        draw_trace(data),
        draw_decay(data),
        draw_correlations(data, analysis.summary.get("g2")),
        draw_gate(data),
    )
    return tuple(drawing for drawing in found if drawing is not None)


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
    page, data = paired_paths(path)
    several = tuple(analyses) if isinstance(analyses, Sequence) else (analyses,)
    refuse_overwriting((page, data), _recordings(several), figures=figures, field="path")
    with paper_style():
        sections = [
            _section(analysis, number, files=figures is not None) for number, analysis in enumerate(several, start=1)
        ]
        text = _render(sections, several, netcdf=data.name)
        drawn = () if figures is None else (partial(write_drawings, _named(sections), Path(figures)),)
        write_pair(page, data, text, partial(_write_data, several), *drawn)
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


def _section(analysis: Analysed, number: int, *, files: bool) -> Section:
    summary = analysis.summary
    failed, refused = bool(summary.get("error")), bool(summary.get("refused"))
    refusal = "This file could not be read." if failed else "This recording was not analysed." if refused else ""
    sentences = analysis_sentences(summary)
    tables = () if failed else tuple(filter(None, (numbers_table(summary), file_table(summary))))
    return Section(
        name=f"file{number}",
        title=analysis.name,
        subtitle="" if failed else _subtitle(analysis),
        refusal=refusal,
        reasons=sentences if failed else flag_sentences(summary, "fatal"),
        sentences=() if failed else sentences,
        warnings=flag_sentences(summary, "warning"),
        notes=note_sentences(summary),
        drawings=tuple(rendered(drawing, files=files) for drawing in draw_photons(analysis)),
        tables=tables,
    )


def _subtitle(analysis: Analysed) -> str:
    summary = analysis.summary
    known = (summary.get("format"), summary.get("record_type"), summary.get("instrument"), summary.get("created"))
    return ", ".join(dict.fromkeys(str(part) for part in known if part))


def _render(sections: Sequence[Section], analyses: Sequence[Analysed], *, netcdf: str) -> str:
    if len(sections) == 1:
        title, subtitle, tables = sections[0].title, sections[0].subtitle, ()
        subtitle = f"{subtitle}, analysed by qdmol." if subtitle else "Photons, read by qdmol."
        return template("photon_page.html.j2").render(
            title=title, subtitle=subtitle, tables=tables, sections=sections, netcdf=netcdf
        )
    table = files_table([section.title for section in sections], [analysis.summary for analysis in analyses])
    return template("photon_page.html.j2").render(
        title=f"{len(sections)} files of photons",
        subtitle="Photons of an instrument, analysed by qdmol.",
        tables=(table,),
        sections=sections,
        netcdf=netcdf,
    )


def _named(sections: Sequence[Section]) -> list[RenderedDrawing]:
    """The drawings under names of their own where there are several files."""
    if len(sections) == 1:
        return list(sections[0].drawings)
    found = []
    for section in sections:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(section.title).stem)[:40]
        for drawing in section.drawings:
            before = f"{section.name}_{stem}_"
            tables = tuple(replace(table, name=before + table.name) for table in drawing.tables)
            found.append(replace(drawing, name=before + drawing.name, tables=tables))
    return found
