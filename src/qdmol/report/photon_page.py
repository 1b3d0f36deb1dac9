"""The page of measured photons: one file or many, self-contained, with everything in it escaped.

In come analyses (summary and labelled arrays); out come one HTML page, the NetCDF file beside it, and on request
figures as PDF and PNG with a CSV of every curve. Nothing is computed here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qdmol.analysis.wording import analysis_sentences, flag_sentences, note_sentences
from qdmol.files import refuse_overwriting
from qdmol.report.drawing import Drawing, write_drawings
from qdmol.report.paired import paired_paths, write_pair
from qdmol.report.photon_decay_figure import draw_decay
from qdmol.report.photon_g2_figure import draw_correlations, draw_gate
from qdmol.report.photon_tables import file_table, files_table, numbers_table
from qdmol.report.photon_trace_figure import draw_trace
from qdmol.report.rendered import RenderedDrawing, rendered
from qdmol.report.style import paper_style
from qdmol.report.tables import PageTable
from qdmol.report.templates import template
from qdmol.results import write_netcdf

if TYPE_CHECKING:
    from qdmol.analysis.result import Analysed

__all__ = ["draw_photons", "write_photon_report"]


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
    from qdmol.analysis.result import files_dataset

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
