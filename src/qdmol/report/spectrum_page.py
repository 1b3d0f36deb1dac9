"""Reports of spectra as self-contained pages: predictions with measured curves, and fits of measured curves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

from qdmol.files import refuse_overwriting
from qdmol.plot import (
    At,
    draw_curve_fit,
    draw_curve_positions,
    draw_field_sweep,
    draw_spectra,
)
from qdmol.prediction import (
    EnsembleResult,
    FieldSweep,
    Line,
    Overlay,
    Rows,
    SampleSpectrum,
    Spectra,
    change_rows,
    measured_rows,
    measured_text,
    overlay_summary,
    sample_rows,
    spectrum_sentences,
)
from qdmol.report.page import PageTable, Section, planned_pair, write_page
from qdmol.report.solution_page import figure_sections, spec_section
from qdmol.results import NO_VALUE, format_error, format_number, provenance, write_netcdf
from qdmol.spectroscopy import SIZING_SOURCE, Surveyed, curve_rows, survey_sentences
from qdmol.structure import spec_files

_MOST_LINES = 12  # of each sample; all are in the data file
_SAMPLES_NOTE = (
    "Values are per particle. ±: error of the prediction. Full width: at half maximum. Bulk: the same volume of each "
    "material with its absorption coefficient from the literature."
)
_CHANGES_NOTE = (
    "Red shift: the first minus the second, positive to the red. Ratios: the second over the first; absorption at the "
    "band edge is the area of the first peak. ±: errors of differences and ratios, in which common errors cancel."
)
_MEASURED_NOTE = (
    "±: half the 95 % interval. The error of a difference combines the measured interval and the error of the "
    "prediction. Maxima are compared if both curves have one, otherwise steepest slopes."
)
_RANGES_NOTE = (
    "Excitons by configuration interaction, pairs of carriers without attraction, and the density of states of bulk. "
    "Box states: pairs with a carrier above the medium's barrier, whose levels belong to the box of the calculation."
)


def number_tables(spectra: Spectra, overlays: Sequence[Overlay]) -> tuple[PageTable, ...]:
    """Tables of the main results: samples, changes between them, measured curves."""
    tables = (
        _plain("Samples", sample_rows(spectra), _SAMPLES_NOTE),
        _plain("Changes", change_rows(spectra), _CHANGES_NOTE) if spectra.changes else None,
        _plain("Measured curves", measured_rows(overlays), _MEASURED_NOTE, left=2) if overlays else None,
    )
    return tuple(table for table in tables if table is not None)


def detail_tables(spectra: Spectra) -> tuple[PageTable, ...]:
    """Tables of everything behind the main results, as far as there is any."""
    samples = list(spectra.samples.values())
    tables = (
        _ranges(samples),
        _lines(samples),
        _field(spectra.sweep),
        _ensemble(spectra.ensemble),
        _settings(spectra),
    )
    return tuple(table for table in tables if table is not None)


def _plain(title: str, rows: Rows, note: str, *, left: int = 1) -> PageTable:
    header, cells = rows
    return PageTable(title, header, tuple(cells), note, frozenset(range(left, len(header))))


def _number(value: float | None, decimals: int) -> str:
    return NO_VALUE if value is None or not np.isfinite(value) else format_number(value, decimals)


def _ranges(samples: Sequence[SampleSpectrum]) -> PageTable:
    rows = [
        (
            sample.name,
            part.name,
            _number(part.low, 2),
            _number(part.high, 2),
            f"{format_error(100 * part.strength_error)} %" if np.isfinite(part.strength_error) else NO_VALUE,
            NO_VALUE if part.energy_error is None else format_error(1000 * part.energy_error),
            _number(part.box_states, 2),
        )
        for sample in samples
        for part in sample.ranges
    ]
    header = (
        "sample", "absorption of", "from (eV)", "to (eV)", "strength ±", "energy ± (meV)", "box states from (eV)",
    )  # fmt: skip
    return PageTable("Origin of the absorption", header, tuple(rows), _RANGES_NOTE, frozenset(range(2, 7)))


def _lines(samples: Sequence[SampleSpectrum]) -> PageTable | None:
    rows = [_line(sample.name, line) for sample in samples for line in _strongest(sample.lines)]
    if not rows:
        return None
    header = (
        "sample", "energy (eV)", "wavelength (nm)", "oscillator strength", "share of each dot", "thermal share",
    )  # fmt: skip
    note = (
        f"The lowest {_MOST_LINES} lines of each sample with oscillator strength; the data file lists all. Thermal "
        f"share: fraction of the thermal exciton population."
    )
    return PageTable("Lines at the band edge", header, tuple(rows), note, frozenset(range(1, 6)))


def _strongest(lines: Sequence[Line]) -> Sequence[Line]:
    """The lowest lines that are not dark."""
    strongest = max((line.strength.value for line in lines), default=0.0)
    bright = [line for line in lines if line.strength.value > 1e-3 * strongest]
    return sorted(bright, key=lambda line: line.energy.value)[:_MOST_LINES]


def _line(sample: str, line: Line) -> tuple[str, ...]:
    return (
        sample,
        measured_text(line.energy),
        _number(line.wavelength, 1),
        measured_text(line.strength),
        " : ".join(_number(share, 2) for share in line.dot_shares) or NO_VALUE,
        _number(line.thermal_share, 3),
    )


def _field(sweep: FieldSweep | None) -> PageTable | None:
    if sweep is None:
        return None
    reasons = dict(sweep.failed)
    columns = zip(sweep.fields, sweep.peak, sweep.absorption, 1000 * sweep.stark, sweep.share, strict=True)
    rows = [
        (
            f"{field:g}".replace("-", "−"),
            _number(emitted, 4),
            _number(absorbed, 4),
            _number(shift, 2),
            " : ".join(_number(share, 3) for share in shares) or NO_VALUE,
            reasons.get(number, ""),
        )
        for number, (field, emitted, absorbed, shift, shares) in enumerate(columns)
    ]
    header = ("field (kV/cm)", "emission (eV)", "absorption (eV)", "Stark shift (meV)", "share of each dot", "")
    return PageTable("Fields", header, tuple(rows), "", frozenset(range(5)))


def _ensemble(ensemble: EnsembleResult | None) -> PageTable | None:
    if ensemble is None:
        return None
    rows = (
        ("members", str(ensemble.members)),
        ("single dots", str(ensemble.single_dots)),
        ("impossible", str(ensemble.impossible)),
        ("solved shapes", str(ensemble.solved_shapes)),
        ("method", ensemble.method),
        ("error relative", _short(ensemble.error_relative)),
        ("peak error", _short(None if ensemble.peak_error is None else 1000 * ensemble.peak_error, "meV")),
    )
    return PageTable("Ensemble", ("what", "value"), rows)


def _short(value: float | None, unit: str = "") -> str:
    """A number to four digits with its unit."""
    return f"{NO_VALUE if value is None else f'{value:.4g}'} {unit}".rstrip()


def _settings(spectra: Spectra) -> PageTable:
    rows = (
        ("temperature", _short(spectra.temperature, "K")),
        ("homogeneous width", _short(spectra.homogeneous_width, "meV")),
        ("stokes shift", _short(spectra.stokes_shift, "meV")),
        ("calibration shift", _short(spectra.calibration_shift, "meV")),
        ("converged", "yes" if spectra.converged else "no"),
    )
    return PageTable("Conditions, versions", ("what", "value"), (*rows, *provenance().items()))


def write_spectrum_report(
    spectra: Spectra,
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
    curves = [Path(one.measured.curve.source) for one in overlays if one.measured.curve.source]
    path, data = planned_pair(page, [*spec_files(spectra.spec), *curves], figures=figures, field="page")
    groups = {f"measured{number}": _measured(one) for number, one in enumerate(overlays, start=1)}
    drawings = [draw_spectra(spectra, overlays, normalise=normalise)]
    sweep = draw_field_sweep(spectra)
    if sweep is not None:
        drawings.append(sweep)
    warnings = spectra.warnings
    if not spectra.converged:
        warnings = (*warnings, "Not converged: at least one number is not known within its tolerance.")
    sections = [
        Section(
            label="Summary",
            numbers=number_tables(spectra, overlays),
            sentences=spectrum_sentences(spectra, overlays),
            warnings=warnings,
        ),
        *figure_sections(drawings),
        Section(label="Tables", tables=detail_tables(spectra)),
        spec_section(spectra.spec, netcdf=data.name),
    ]
    subtitle = f"Absorption and emission at {spectra.temperature:g} K, predicted by qdmol"
    subtitle += ", beside measured curves." if overlays else "."
    write_data = partial(write_netcdf, spectra.data, groups={**groups, **spectra.groups})
    write_page(sections, path, title=spectra.spec.name, subtitle=subtitle, write_data=write_data, figures=figures)
    return path


def _measured(one: Overlay) -> xr.Dataset:
    """A measured curve as it was read and as it is laid over the prediction."""
    curve, laid = one.curve, one.laid()
    wavelength, measured = curve.good
    absorption = curve.quantity == "absorption"
    on = np.full(len(wavelength), np.nan) if laid is None else laid[1]
    known = {key: value for key, value in overlay_summary(one).items() if not isinstance(value, list | dict)}
    return xr.Dataset(
        {
            "measured": ("wavelength", measured, {"units": "", "long_name": f"{curve.quantity} as read"}),
            "laid": (
                "wavelength", on,
                {"units": "cm2" if absorption else "1/nm", "long_name": f"{curve.quantity} scaled to the prediction"},
            ),
        },
        coords={"wavelength": ("wavelength", wavelength, {"units": "nm", "long_name": "wavelength"})},
        attrs={key: value for key, value in known.items() if value is not None},
    )  # fmt: skip


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
    fits = [draw_curve_fit(one, number) for number, one in enumerate(surveyed, start=1)]
    drawings = [drawing for drawing in (draw_curve_positions(surveyed), *fits) if drawing is not None]
    sentences = survey_sentences(surveyed)
    footnote = (
        "95 % intervals: of 100 curves whose background and noise follow the models, 95 have the true value inside."
    )
    sections = [
        Section(label="Results", tables=(_curve_table(surveyed),)),
        *([Section(title="Assumptions and notes", sentences=sentences)] if sentences else []),
        Section(label="Figures", figures=drawings, footnote=footnote),
    ]
    files = list(dict.fromkeys(one.curve.source for one in surveyed))
    title = files[0] if len(files) == 1 else f"{len(files)} files of spectra"
    page = None if path is None else Path(path)
    return write_page(sections, page, title=title, subtitle="Measured spectra, fitted by qdmol.", figures=figures)


def _curve_table(surveyed: Sequence[Surveyed]) -> PageTable:
    header, rows = curve_rows(surveyed)
    note = (
        "Position: the maximum of the peak alone, without background; for emission that of the intensity per eV, and "
        "for an edge the steepest slope. Red shift: against the first curve of the same quantity. ±: half the 95 % "
        "interval."
    )
    if any(one.size is not None for one in surveyed):
        note += f" Diameter of a bare core: {SIZING_SOURCE}; the sizing curve itself adds about 5 %."
    numbers = frozenset(k for k, heading in enumerate(header) if heading.endswith(")"))
    return PageTable("Curves", header, tuple(rows), note, numbers)
