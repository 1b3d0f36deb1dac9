"""Report of a comparison of measured curves as a self-contained page, with the saved result beside it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qdmol.plot import (
    draw_curve_derivatives,
    draw_curve_differences,
    draw_curve_kinetics,
    draw_curve_overlay,
)
from qdmol.report.page import PageTable, Section, planned_pair, write_page
from qdmol.results import provenance, write_netcdf
from qdmol.spectroscopy import AxisKind, CurveComparison, overlay_rows, overlay_sentences

_NOTE = (
    "Position: the fitted peak without background (emission: per eV), or the steepest slope of an edge. Amplitude: the "
    "height above the zero of the curve, in its own unit, that is drawn as 1. edge / 300 nm: ratio of the heights at "
    "the band edge and at 300 nm. ±: half the 95 % interval."
)


def write_overlay_report(
    comparison: CurveComparison,
    path: str | Path | None,
    *,
    figures: str | Path | None = None,
    fits: bool = False,
    difference: bool = False,
    derivative: bool = False,
    axis: AxisKind = "wavelength",
) -> Path | None:
    """Write a comparison of curves as one HTML page with a NetCDF file of the same stem, or its figures alone.

    Parameters
    ----------
    comparison
        From ``qdmol.compare_curves``.
    path
        The page; None for figures alone.
    figures
        A folder for every figure as PDF and PNG and every curve, as recorded, as CSV; created if missing.
    fits, difference, derivative
        Draw fits over the curves; difference spectra; second derivatives. The kinetics of a series are always drawn.
    axis
        ``wavelength`` or ``energy``, of the figure of all curves.

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
    inputs = [entry.curve.source for entry in comparison.curves if entry.curve.source]
    page = data = None
    if path is not None:
        page, data = planned_pair(path, inputs, figures=figures, field="path")
    drawings = [
        draw_curve_overlay(comparison, fits=fits, axis=axis),
        draw_curve_differences(comparison) if difference else None,
        draw_curve_kinetics(comparison),
        draw_curve_derivatives(comparison) if derivative else None,
    ]
    header, rows = overlay_rows(comparison)
    first = 3 if comparison.series is not None else 2
    numeric = frozenset({0, *range(first, len(header))}) - {header.index("type")}
    versions = PageTable("Versions", ("what", "value"), tuple(provenance().items()))
    sections = [
        Section(label="Results", tables=(PageTable("Curves", header, tuple(rows), _NOTE, numeric),)),
        Section(title="Notes", sentences=overlay_sentences(comparison)),
        Section(label="Figures", figures=[drawing for drawing in drawings if drawing is not None]),
        Section(label="Versions", tables=(versions,)),
    ]
    files = list(dict.fromkeys(inputs))
    title = files[0] if len(files) == 1 else f"{len(comparison)} measured curves"
    write_data = None if data is None else partial(_save, comparison)
    return write_page(
        sections,
        page,
        title=title,
        subtitle="Measured spectra, compared by qdmol.",
        write_data=write_data,
        figures=figures,
    )


def _save(comparison: CurveComparison, path: Path) -> None:
    data, groups = comparison.contents()
    write_netcdf(data, path, groups=groups)
