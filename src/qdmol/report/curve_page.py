"""The page of measured curves: a table of all, a figure of each, self-contained, with everything in it escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qdmol.files import refuse_overwriting, write_text_atomic
from qdmol.plot import Drawing, draw_curves, draw_fit, paper_style, write_drawings
from qdmol.report.page import template
from qdmol.report.tables import PageTable
from qdmol.spectroscopy import SIZING_SOURCE, Surveyed, curve_rows, survey_sentences


def write_curve_report(
    surveyed: Sequence[Surveyed], path: str | Path | None, *, figures: str | Path | None = None
) -> Path | None:
    """Write fits of curves as one HTML page, and on request every figure as PDF and PNG and every curve as CSV.

    Parameters
    ----------
    surveyed
        From ``survey_curves``.
    path
        The page; None for figures alone.
    figures
        A folder for the figures; created if missing.

    Returns
    -------
    pathlib.Path or None
        The page.

    Raises
    ------
    qdmol.errors.InputError
        A file to be written is one of the curves.
    qdmol.errors.OutputError
        A file cannot be written.
    """
    read = filter(None, (one.curve.source for one in surveyed))
    refuse_overwriting([] if path is None else [path], read, figures=figures, field="path")
    with paper_style():
        drawings = _drawings(surveyed)
        text = "" if path is None else _render(surveyed, drawings)
        if figures is not None:
            write_drawings(drawings, Path(figures))
    return None if path is None else write_text_atomic(path, text)


def _drawings(surveyed: Sequence[Surveyed]) -> list[Drawing]:
    each = (draw_fit(one, number) for number, one in enumerate(surveyed, start=1))
    return [drawing for drawing in (draw_curves(surveyed), *each) if drawing is not None]


def _render(surveyed: Sequence[Surveyed], drawings: Sequence[Drawing]) -> str:
    header, rows = curve_rows(surveyed)
    note = (
        "Position: maximum of the background-subtracted peak; for emission, of the intensity per eV; for an edge, "
        "the steepest slope. Red shift: relative to the first curve of the same quantity. ±: half the 95 % "
        "interval."
    )
    if any(one.size is not None for one in surveyed):
        note += f" Diameter of a bare core: {SIZING_SOURCE}; the sizing curve itself has an uncertainty of about 5 %."
    table = PageTable("Curves", header, tuple(rows), note, frozenset(range(2, len(header))))
    files = list(dict.fromkeys(one.curve.source for one in surveyed))
    return template("curve_page.html.j2").render(
        title=files[0] if len(files) == 1 else f"{len(files)} files of spectra",
        subtitle="Measured spectra, fitted by qdmol.",
        table=table,
        sentences=survey_sentences(surveyed),
        drawings=drawings,
    )
