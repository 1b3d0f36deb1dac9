"""The page of predicted spectra, measured ones laid over: self-contained, with everything in it escaped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

from qdmol.files import refuse_overwriting
from qdmol.report.drawing import Drawing, write_drawings
from qdmol.report.page import fill_page
from qdmol.report.paired import paired_paths, write_pair
from qdmol.report.spectrum_curves import At
from qdmol.report.spectrum_field_figure import draw_field
from qdmol.report.spectrum_figures import draw_spectra
from qdmol.report.spectrum_tables import spectrum_tables
from qdmol.report.style import paper_style
from qdmol.results import write_netcdf
from qdmol.structure import dump_spec, spec_files
from qdmol.study.spectra.overlay import Overlay, SpectraLike
from qdmol.study.spectra.wording import overlay_summary, spectrum_sentences

__all__ = ["write_spectrum_report"]


def write_spectrum_report(
    spectra: SpectraLike,
    overlays: Sequence[Overlay],
    page: str | Path,
    *,
    figures: str | Path | None = None,
    normalise: At = "edge",
) -> Path:
    """Write spectra as one HTML page and a NetCDF file of the same stem beside it.

    Parameters
    ----------
    spectra
        From ``predict_spectra``.
    overlays
        Measured curves, from ``lay_over``; each is a group of the NetCDF file (``measured1``, ``measured2``, ..).
    page
        The page, ending in ``.html``.
    figures
        A folder for every figure as PDF and PNG and every curve as CSV; created if missing.
    normalise
        Where absorption is 1 in the panel of the band edge: at the band edge, or at 300 nm.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    qdmol.errors.InputError
        The path is that of the NetCDF file, or a file to be written is the spec, its material set or a measured curve.
    qdmol.errors.OutputError
        A file cannot be written.
    """
    path, data = paired_paths(page)
    curves = [Path(one.measured.curve.source) for one in overlays if one.measured.curve.source]
    refuse_overwriting((path, data), [*spec_files(spectra.spec), *curves], figures=figures, field="page")
    groups = {f"measured{number}": _measured(one) for number, one in enumerate(overlays, start=1)}
    with paper_style():
        found = (draw_spectra(spectra, overlays, normalise=normalise), draw_field(spectra))
        drawings = tuple(drawing for drawing in found if drawing is not None)
        text = _render(spectra, overlays, drawings, netcdf=data.name)
        drawn = () if figures is None else (partial(write_drawings, drawings, Path(figures)),)
        write_pair(path, data, text, partial(write_netcdf, spectra.data, groups=groups), *drawn)
    return path


def _render(
    spectra: SpectraLike, overlays: Sequence[Overlay], drawings: Sequence[Drawing], *, netcdf: str
) -> str:  # fmt: skip
    summary = spectra.summary
    subtitle = f"Absorption and emission at {summary['temperature_K']:g} K, predicted by qdmol"
    subtitle += ", beside what was measured." if overlays else "."
    warnings = spectra.warnings
    if not spectra.converged:
        warnings = (*warnings, "Not converged: at least one number is not known within what was asked for.")
    return fill_page(
        title=str(summary["name"]),
        subtitle=subtitle,
        sentences=spectrum_sentences(summary, overlays),
        warnings=warnings,
        drawings=drawings,
        tables=spectrum_tables(spectra, overlays),
        tables_first=False,
        spec=dump_spec(spectra.spec),
        netcdf=netcdf,
    )


def _measured(one: Overlay) -> xr.Dataset:
    """A measured curve as it was read and as it is laid over the prediction."""
    curve, laid = one.curve, one.laid()
    wavelength, measured = curve.good
    absorption = curve.quantity == "absorption"
    on = np.full(len(wavelength), np.nan) if laid is None else laid[1]
    known = {key: value for key, value in overlay_summary(one).items() if not isinstance(value, list | dict)}
    return xr.Dataset(
        {
            "measured": ("wavelength", measured, {"units": "", "long_name": f"{curve.quantity} as it was read"}),
            "laid": (
                "wavelength", on,
                {"units": "cm2" if absorption else "1/nm", "long_name": f"{curve.quantity} laid on the prediction"},
            ),
        },
        coords={"wavelength": ("wavelength", wavelength, {"units": "nm", "long_name": "wavelength"})},
        attrs={key: value for key, value in known.items() if value is not None},
    )  # fmt: skip
