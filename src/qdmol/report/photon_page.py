"""The page of measured photons: one file or many, self-contained, with everything in it escaped.

In come analyses (summary and labelled arrays); out come one HTML page, the NetCDF file beside it, and on request
figures as PDF and PNG with a CSV of every curve. Nothing is computed here.

Figures as bytes: a page of a hundred files cannot keep a thousand drawn figures in memory.

Tables of the page of measured photons: rows of text read from the summaries.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from qdmol.analysis import Analysed, Number, PhotonAnalysis, files_rows, interval_text, plain_text, shown_number
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
from qdmol.results import NO_VALUE, write_netcdf


@dataclass(frozen=True, slots=True)
class RenderedDrawing:
    """A figure in its final forms; the attributes are those of `Drawing`.

    ``files`` is the figure as PDF and as PNG, or None if no files were requested.
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
    drawings = RenderedDrawing(
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
    return drawings


def files_table(analyses: Sequence[Analysed]) -> PageTable:
    """Table with one row per file: photons, rate, lifetime, g2, and the outcome."""
    header, rows = files_rows(analyses)
    note = (
        "Lifetime: amplitude-weighted average if there is more than one component. g² side is relative to "
        "the side peaks, g² Poisson to independent photons; 95 % intervals in brackets."
    )
    return PageTable("Files", header, tuple(rows), note, frozenset({1, 2, 3}))


def file_table(analysis: PhotonAnalysis) -> PageTable:
    """Table of what the header states and what the records contain."""
    stream = analysis.stream
    rows: list[tuple[str, str | None]]
    if stream is None:
        rows = [("format", analysis.kind)]
    else:
        source = stream.provenance
        rows = [
            ("format", f"{source.format or 'not stated'}, {source.record_type or 'unknown record type'}"),
            ("instrument", source.instrument),
            ("created", source.created),
            ("comment", source.comment),
            ("mode", _MODES[stream.mode]),
            ("tick", _quantity(stream.tick_ps, "ps")),
        ]
    rows += [
        ("pulse period", _quantity(analysis.period_ns, "ns", 7)),
        ("photons or records stated by the header", "" if stream is None else _count(stream.stated_photons)),
        ("photons read", _count(analysis.photons)),
        ("duration stated by the header", "" if stream is None else _quantity(stream.stated_duration_s, "s", 6)),
        ("duration", _quantity(analysis.duration_s, "s", 6)),
    ]
    return PageTable("File", ("quantity", "value"), tuple((name, plain_text(str(text))) for name, text in rows if text))


_MODES = {"T2": "T2: an absolute time for each photon", "T3": "T3: pulse number and delay after the pulse"}


def _quantity(value: float | None, unit: str, digits: int = 4) -> str:
    return "" if value is None else f"{shown_number(value, digits)}\N{NO-BREAK SPACE}{unit}"


def _count(value: int | None) -> str:
    return "" if value is None else shown_number(value, 7)


def numbers_table(analysis: PhotonAnalysis) -> PageTable | None:
    """Table of all results of the analysis with their intervals; None if there are none."""
    rows = tuple(_number_row(number) for number in analysis.numbers)
    header = ("quantity", "value", "from", "to", "unit")
    return PageTable("Numbers", header, rows, "", frozenset({1, 2, 3})) if rows else None


def _number_row(number: Number) -> tuple[str, ...]:
    estimate = number.estimate
    if estimate is None or not (math.isfinite(estimate.low) or math.isfinite(estimate.high)):
        value, unit = (None, "") if estimate is None else (estimate.value, estimate.unit)
        shown = NO_VALUE if value is None else shown_number(value)
        return (number.name, shown, NO_VALUE, NO_VALUE, unit)
    shown, _, ends = interval_text(replace(estimate, unit="")).rstrip(")").partition(" (")
    return (number.name, shown, *ends.split(" to "), estimate.unit)


@dataclass(frozen=True)
class Section:
    """Section of the page about one file."""

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
    g2 = analysis.g2 if isinstance(analysis, PhotonAnalysis) else None
    drawings = (draw_trace(data), draw_decay(data), draw_correlations(data, g2), draw_gate(data))
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
    measured = analysis if isinstance(analysis, PhotonAnalysis) else None
    refusal = "This file could not be read." if measured is None else "This recording was not analysed."
    tables = () if measured is None else tuple(filter(None, (numbers_table(measured), file_table(measured))))
    return Section(
        name=f"file{number}",
        title=analysis.name,
        subtitle="" if measured is None else _subtitle(measured),
        refusal=refusal if measured is None or measured.refused else "",
        reasons=analysis.sentences if measured is None else analysis.messages("fatal"),
        sentences=() if measured is None else analysis.sentences,
        warnings=analysis.messages("warning"),
        notes=analysis.notes,
        drawings=tuple(rendered(drawing, files=files) for drawing in draw_photons(analysis)),
        tables=tables,
    )


def _subtitle(analysis: PhotonAnalysis) -> str:
    if analysis.stream is None:
        return analysis.kind
    source = analysis.stream.provenance
    known = (source.format, source.record_type, source.instrument, source.created)
    return ", ".join(dict.fromkeys(plain_text(part) for part in known if part))


def _render(sections: Sequence[Section], analyses: Sequence[Analysed], *, netcdf: str) -> str:
    if len(sections) == 1:
        title, subtitle, tables = sections[0].title, sections[0].subtitle, ()
        subtitle = f"{subtitle}, analysed by qdmol." if subtitle else "Photon data, read by qdmol."
        return template("photon_page.html.j2").render(
            title=title, subtitle=subtitle, tables=tables, sections=sections, netcdf=netcdf
        )
    table = files_table(analyses)
    return template("photon_page.html.j2").render(
        title=f"{len(sections)} photon files",
        subtitle="Measured photons, analysed by qdmol.",
        tables=(table,),
        sections=sections,
        netcdf=netcdf,
    )


def _named(sections: Sequence[Section]) -> list[RenderedDrawing]:
    """The drawings under names of their own where there are several files."""
    if len(sections) == 1:
        return list(sections[0].drawings)
    drawings = []
    for section in sections:
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(section.title).stem)[:40]
        for drawing in section.drawings:
            before = f"{section.name}_{stem}_"
            tables = tuple(replace(table, name=before + table.name) for table in drawing.tables)
            drawings.append(replace(drawing, name=before + drawing.name, tables=tables))
    return drawings
