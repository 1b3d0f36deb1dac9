"""The page of predicted spectra, measured ones laid over: self-contained, with everything in it escaped.

Tables of the page of spectra: samples, changes, measured curves, ranges, lines, ensemble, fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from qdmol.files import refuse_overwriting
from qdmol.plot import At, Drawing, draw_field, draw_spectra, paper_style, write_drawings
from qdmol.prediction import (
    Overlay,
    SpectraLike,
    change_rows,
    measured_rows,
    overlay_summary,
    sample_rows,
    spectrum_sentences,
)
from qdmol.report.page import fill_page
from qdmol.report.tables import PageTable
from qdmol.report.writing import paired_paths, write_pair
from qdmol.results import NO_VALUE, format_error, format_measured, format_number, provenance, write_netcdf
from qdmol.structure import dump_spec, spec_files

_MOST_LINES = 12  # of each sample; all are in the data file
_SAMPLES_NOTE = (
    "Numbers of one particle. ±: error of the prediction. Full width: at half maximum. Bulk: the same volume of each "
    "material with its coefficient of absorption from the literature."
)
_CHANGES_NOTE = (
    "Red shift: the first minus the second, positive to the red. Ratios: the second over the first; absorption at the "
    "band edge is the area of the first peak. ±: errors of differences and ratios, in which alike errors cancel."
)
_MEASURED_NOTE = (
    "±: half the 95 % interval. Off by: measured minus predicted, with the interval and the error of the "
    "prediction added. A maximum is compared with a maximum; where one of the two has none, steepest slopes are."
)
_RANGES_NOTE = (
    "Excitons by configuration interaction, pairs of carriers without attraction, and the density of states of bulk. "
    "Box states: pairs with a carrier above the medium's barrier, whose levels belong to the box of the calculation."
)


def spectrum_tables(spectra: SpectraLike, overlays: Sequence[Overlay]) -> tuple[PageTable, ...]:
    """Every table there is something for."""
    summary = spectra.summary
    found = (
        _plain("Samples", sample_rows(summary), _SAMPLES_NOTE),
        _plain("Changes", change_rows(summary), _CHANGES_NOTE) if summary["changes"] else None,
        _plain("Measured curves", measured_rows(overlays), _MEASURED_NOTE, left=2) if overlays else None,
        _ranges(summary["samples"]),
        _lines(summary["samples"]),
        _field(summary.get("field")),
        _ensemble(summary.get("ensemble")),
        _settings(spectra),
    )
    return tuple(table for table in found if table is not None)


def _plain(title: str, found: tuple[tuple[str, ...], list[tuple[str, ...]]], note: str, *, left: int = 1) -> PageTable:
    header, rows = found
    return PageTable(title, header, tuple(rows), note, frozenset(range(left, len(header))))


def _number(value: float | None, decimals: int) -> str:
    return NO_VALUE if value is None else format_number(value, decimals)


def _ranges(samples: Sequence[Mapping[str, Any]]) -> PageTable:
    rows = [
        (
            str(sample["sample"]), str(one["name"]), _number(one["from_eV"], 2), _number(one["to_eV"], 2),
            NO_VALUE if one["strength_error"] is None else f"{format_error(100 * one['strength_error'])} %",
            NO_VALUE if one["energy_error_meV"] is None else format_error(one["energy_error_meV"]),
            _number(one["box_states_from_eV"], 2),
        )
        for sample in samples
        for one in sample["ranges"]
    ]  # fmt: skip
    header = (
        "sample", "absorption of", "from (eV)", "to (eV)", "strength ±", "energy ± (meV)", "box states from (eV)",
    )  # fmt: skip
    return PageTable("Where absorption comes from", header, tuple(rows), _RANGES_NOTE, frozenset(range(2, 7)))


def _lines(samples: Sequence[Mapping[str, Any]]) -> PageTable | None:
    rows = [_line(str(sample["sample"]), one) for sample in samples for one in _strongest(sample["lines"])]
    if not rows:
        return None
    header = (
        "sample", "energy (eV)", "wavelength (nm)", "oscillator strength", "share of each dot", "thermal share",
    )  # fmt: skip
    note = (
        f"The lowest {_MOST_LINES} lines of each sample that carry strength; all are in the data file. Thermal share: "
        "of the population from which emission comes."
    )
    return PageTable("Lines at the band edge", header, tuple(rows), note, frozenset(range(1, 6)))


def _strongest(lines: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The lowest lines that are not dark."""
    top = max((one["oscillator_strength"] or 0.0 for one in lines), default=0.0)
    seen = [one for one in lines if (one["oscillator_strength"] or 0.0) > 1e-3 * top]
    return sorted(seen, key=lambda one: float(one["energy_eV"]))[:_MOST_LINES]


def _line(sample: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    error = one["error_meV"]
    shares = " : ".join(_number(share, 2) for share in one["dot_shares"] or ())
    return (
        sample,
        format_measured(one["energy_eV"], None if error is None else error / 1000),
        _number(one["wavelength_nm"], 1),
        format_measured(one["oscillator_strength"], one["oscillator_strength_error"]),
        shares or NO_VALUE,
        _number(one["thermal_share"], 3),
    )


def _field(field: Mapping[str, Any] | None) -> PageTable | None:
    if field is None:
        return None
    keys = ("field_kV_cm", "emission_peak_eV", "absorption_peak_eV", "stark_shift_meV", "dot_emission")
    reasons = {int(one["index"]): str(one["reason"]) for one in field["failed"]}
    rows = [
        (
            f"{at:g}".replace("-", "−"), _number(emitted, 4), _number(absorbed, 4), _number(shift, 2),
            " : ".join(_number(share, 3) for share in shares or ()) or NO_VALUE, reasons.get(number, ""),
        )
        for number, (at, emitted, absorbed, shift, shares) in enumerate(zip(*(field[key] for key in keys), strict=True))
    ]  # fmt: skip
    header = ("field (kV/cm)", "emission (eV)", "absorption (eV)", "Stark shift (meV)", "share of each dot", "")
    return PageTable("Fields", header, tuple(rows), "", frozenset(range(5)))


def _ensemble(ensemble: Mapping[str, Any] | None) -> PageTable | None:
    if ensemble is None:
        return None
    rows = tuple(_said(key, value) for key, value in ensemble.items() if not isinstance(value, Mapping | list | tuple))
    return PageTable("Ensemble", ("what", "value"), rows)


def _said(key: str, value: object) -> tuple[str, str]:
    """A key of the summary in words, with its unit behind the value."""
    name, _, unit = key.rpartition("_")
    if unit not in {"meV", "eV", "nm", "K", "s"}:
        name, unit = key, ""
    text = NO_VALUE if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return name.replace("_", " "), f"{text} {unit}".rstrip()


def _settings(spectra: SpectraLike) -> PageTable:
    summary = spectra.summary
    keys = ("temperature_K", "homogeneous_width_meV", "stokes_shift_meV", "calibration_shift_meV")
    rows = [_said(key, summary[key]) for key in keys]
    rows.append(("converged", "yes" if spectra.converged else "no"))
    return PageTable("Conditions, versions", ("what", "value"), (*rows, *provenance().items()))


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
