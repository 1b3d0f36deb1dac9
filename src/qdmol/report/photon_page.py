"""Report of analysed photons as one self-contained page, for one file or many."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from qdmol.analysis import Analysed, Number, PhotonAnalysis, files_rows, interval_text, plain_text, shown_number
from qdmol.estimates import NO_VALUE, Estimate
from qdmol.plot import (
    HYPOTHESIS_NAMES,
    Drawing,
    draw_correlations,
    draw_decay,
    draw_dwell_times,
    draw_emitters,
    draw_g2_by_gate,
    draw_intensity_levels,
    draw_intensity_trace,
    draw_lifetime_intensity,
    probability_text,
)
from qdmol.report.page import PageFigure, PageTable, Section, planned_pair, write_page
from qdmol.results import write_netcdf


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
    return PageTable(
        "The file", ("property", "value"), tuple((name, plain_text(str(text))) for name, text in rows if text)
    )


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
    if not math.isfinite(estimate.value):
        low, high = (
            shown_number(end, 3) if math.isfinite(end) else "no limit" for end in (estimate.low, estimate.high)
        )
        return (number.name, NO_VALUE, low, high, estimate.unit)
    shown, _, ends = interval_text(replace(estimate, unit="")).rstrip(")").partition(" (")
    return (number.name, shown, *ends.split(" to "), estimate.unit)


_MOST_LEVELS = 12  # levels and states that have a row


def levels_table(analysis: PhotonAnalysis) -> PageTable | None:
    """Table of the intensity levels with rate, share of time and lifetime; None without several of them."""
    levels = () if analysis.levels is None else analysis.levels.levels
    if not 1 < len(levels) <= _MOST_LEVELS:
        return None
    header = ("level", "rate (1/s)", "share of time (%)", "segments", "photons", "lifetime (ns)")
    rows = tuple(
        (
            str(number),
            interval_text(replace(level.rate_hz, unit="")),
            shown_number(100 * level.fraction, 3),
            shown_number(level.segments),
            shown_number(level.photons, 7),
            NO_VALUE if level.lifetime_ns is None else interval_text(replace(level.lifetime_ns, unit="")),
        )
        for number, level in enumerate(levels)
    )
    note = "Level 0 is the darkest. Rates include the background; 95 % intervals in brackets."
    return PageTable("Intensity levels", header, rows, note, frozenset({0, 2, 3, 4}))


def dwell_table(analysis: PhotonAnalysis) -> PageTable | None:
    """Table of the laws of dwell times with their parameters; None where none was fitted."""
    states = () if analysis.dwell is None else analysis.dwell.states
    rows = tuple(
        (
            state.state,
            str(int(state.used.sum())),
            f"{state.shortest_s:.3g}",
            law.name,
            "" if law.rejected else _parameters(law.parameters),
            f"{law.probability:.2g}",
            NO_VALUE if law.p_value is None else f"{law.p_value:.2g}",
            "rejected" if law.rejected else ("best" if law.name == state.best else ""),
        )
        for state in states[:_MOST_LEVELS]
        for law in state.laws
    )
    if not rows:
        return None
    header = ("state", "dwells", "from (s)", "law", "parameters", "probability", "p-value", "")
    note = (
        "Probability: of the law among these three. p-value: how often data that follow the law deviate more from it; "
        "below 0.01 the law is rejected, and its parameters are not given."
    )
    return PageTable("Laws of the dwell times", header, rows, note, frozenset({1, 2, 5, 6}))


def _parameters(parameters: Mapping[str, Estimate]) -> str:
    names = {"exponent": "exponent", "cutoff_s": "cut-off", "mean_s": "mean"}
    return "; ".join(f"{names.get(name, name)} {interval_text(each)}" for name, each in parameters.items())


def evidence_table(analysis: PhotonAnalysis) -> PageTable | None:
    """Table of the probability of each hypothesis as evidence is added; None without the test."""
    tested = analysis.emitters
    if tested is None or not tested.evidence:
        return None
    header = ("evidence", *HYPOTHESIS_NAMES.values())
    rows = tuple(
        (
            step.name if number == 0 else f"and {step.name}",
            *(probability_text(step.hypotheses[name]) for name in HYPOTHESIS_NAMES),
        )
        for number, step in enumerate(tested.evidence)
    )
    note = "Probability of each hypothesis from the evidence of its row and the rows above; equal before any evidence."
    return PageTable("Number of emitters: evidence", header, rows, note, frozenset({1, 2, 3, 4}))


def draw_photons(analysis: Analysed) -> tuple[Drawing, ...]:
    """Every figure that the analysis holds data for; the trace is that with levels where there are levels."""
    if not isinstance(analysis, PhotonAnalysis):
        return ()
    drawings = (
        draw_intensity_levels(analysis) or draw_intensity_trace(analysis),
        draw_decay(analysis),
        draw_correlations(analysis),
        draw_g2_by_gate(analysis),
        draw_dwell_times(analysis),
        draw_lifetime_intensity(analysis),
        draw_emitters(analysis),
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
        title = names[0]
        known = _subtitle(several[0]) if isinstance(several[0], PhotonAnalysis) else ""
        subtitle = f"{known}, analysed by qdmol." if known else "Photons, read by qdmol."
        sections = []
    else:
        title, subtitle = f"{len(several)} photon files", "Photon recordings, analysed by qdmol."
        sections = [Section(label="Files", tables=(files_table(several),))]
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
    measured = analysis if isinstance(analysis, PhotonAnalysis) else None
    refusal = "This file could not be read." if measured is None else "This recording was not analysed."
    numbers = None if measured is None else numbers_table(measured)
    tables = () if measured is None else _tables(measured)
    return Section(
        name=f"file{number}",
        label=analysis.name,
        title=analysis.name if heading else "",
        subtitle=_subtitle(measured) if heading and measured is not None else "",
        refusal=refusal if measured is None or measured.refused else "",
        reasons=analysis.sentences if measured is None else analysis.messages("fatal"),
        numbers=() if numbers is None else (numbers,),
        sentences=() if measured is None else _sentences(measured),
        warnings=analysis.messages("warning"),
        notes=analysis.notes,
        figures=tuple(PageFigure.of(drawing, files=files) for drawing in draw_photons(analysis)),
        tables=tables,
    )


def _tables(analysis: PhotonAnalysis) -> tuple[PageTable, ...]:
    tables = (evidence_table(analysis), levels_table(analysis), dwell_table(analysis), file_table(analysis))
    return tuple(table for table in tables if table is not None)


def _sentences(analysis: PhotonAnalysis) -> tuple[str, ...]:
    """Sentences of the analysis, the verdict on the number of emitters first."""
    verdict = () if analysis.emitters is None else (analysis.emitters.statement,)
    return tuple(dict.fromkeys((*verdict, *analysis.sentences)))


def _subtitle(analysis: PhotonAnalysis) -> str:
    if analysis.stream is None:
        return analysis.kind
    source = analysis.stream.provenance
    known = (source.format, source.record_type, source.instrument, source.created)
    return ", ".join(dict.fromkeys(plain_text(part) for part in known if part))


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
