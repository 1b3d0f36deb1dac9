"""Fits of curves as the JSON object of the command line, and as rows and sentences for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import interpolate

from qdmol.arrays import Floats
from qdmol.results import NO_VALUE, decimals_for, format_number
from qdmol.spectroscopy.sizing import Size
from qdmol.spectroscopy.values import Measurement

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.spectroscopy.surveying import Surveyed

_NBSP = "\N{NO-BREAK SPACE}"
_KINDS = {"maximum": "peak", "shoulder": "shoulder", "edge": "edge"}


def _with_interval(name: str, unit: str, measurement: Measurement | None) -> dict[str, float | None]:
    """Value and interval under keys with the unit; null where there is none."""
    ends = (None, None, None) if measurement is None else (measurement.value, measurement.low, measurement.high)
    tail = f"_{unit}" if unit else ""
    keys = (f"{name}{tail}", f"{name}_low{tail}", f"{name}_high{tail}")
    return {
        key: value if value is not None and math.isfinite(value) else None
        for key, value in zip(keys, ends, strict=True)
    }


def curve_summary(surveyed: Surveyed) -> dict[str, Any]:
    """Everything known of one curve as an object that JSON holds, with units in its keys."""
    curve, fit = surveyed.curve, surveyed.fit
    summary: dict[str, Any] = {
        "name": curve.name, "file": curve.source, "quantity": curve.quantity, "points": len(curve.values),
        "from_nm": float(curve.wavelength_nm[0]), "to_nm": float(curve.wavelength_nm[-1]),
        "notes": list(curve.notes),
        "flags": [{"code": flag.code, "points": flag.points, "text": flag.text} for flag in curve.flags],
        "kind": None if fit is None else fit.kind, "reason": surveyed.reason or None,
    }  # fmt: skip
    if fit is None:
        return summary
    summary |= _with_interval("peak", "eV", fit.peak_eV)
    summary |= _with_interval("peak", "nm", None if fit.peak_eV is None else fit.peak_eV.as_wavelength())
    summary |= _with_interval("width", "meV", fit.width_meV) | _with_interval("width", "nm", fit.width_nm)
    summary |= _with_interval("edge", "eV", fit.edge_eV)
    summary |= _with_interval("edge", "nm", None if fit.edge_eV is None else fit.edge_eV.as_wavelength())
    summary |= _with_interval("maximum", "nm", fit.maximum_nm) | _with_interval(
        "ratio_edge_to_300nm", "", fit.ratio_300nm
    )
    summary |= {
        "model": fit.model, "weights": fit.weights, "warnings": list(fit.warnings),
        "noise": {"white": fit.noise.white, "rising": fit.noise.rising, "correlated": fit.noise.correlated,
                  "length_nm": fit.noise.length_nm},
        "against_first": _against(surveyed), "size": _size(surveyed),
    }  # fmt: skip
    return summary


def _against(surveyed: Surveyed) -> dict[str, Any] | None:
    if surveyed.comparison is None:
        return None
    change = surveyed.comparison
    return {
        **_with_interval("redshift", "meV", change.redshift_meV),
        **_with_interval("shift", "nm", change.shift_nm),
        **_with_interval("broadening", "meV", change.broadening_meV),
        "basis": change.basis,
    }


def _size(surveyed: Surveyed) -> dict[str, Any] | None:
    if surveyed.size is None:
        return None
    size, seen = surveyed.size, surveyed.size_from_maximum
    return {
        "material": size.material, **_with_interval("diameter", "nm", size.diameter_nm),
        **_with_interval("diameter_from_maximum", "nm", None if seen is None else seen.diameter_nm),
        "curve_error_nm": size.curve_error_nm, "from_nm": size.range_nm[0], "to_nm": size.range_nm[1],
        "source": size.source,
    }  # fmt: skip


def shown(measurement: Measurement | None) -> str:
    """A number with half its interval, as 2.301 ± 0.002; n/a where there is none."""
    if measurement is None or not math.isfinite(measurement.value):
        return NO_VALUE
    half = measurement.half_width
    decimals = decimals_for(half, default=3) if half > 0 and math.isfinite(half) else 3
    return f"{format_number(measurement.value, decimals)} ± {format_number(half, decimals)}"


def _diameter(size: Size | None) -> str:
    return shown(None if size is None else size.diameter_nm)


def curve_rows(surveyed: Sequence[Surveyed]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and one row a curve, for a table of many; file and quantity have columns if there are several."""
    sized = any(entry.size is not None for entry in surveyed)
    files = len({entry.curve.source for entry in surveyed}) > 1
    quantities = len({entry.curve.quantity for entry in surveyed}) > 1
    header: tuple[str, ...] = ("file",) if files else ()
    header += ("curve", "quantity") if quantities else ("curve",)
    header += ("result", "position (nm)", "position (eV)", "FWHM (meV)", "red shift (meV)")
    header += ("diameter (nm)", "from maximum (nm)") if sized else ()
    rows: list[tuple[str, ...]] = []
    for entry in surveyed:
        cells: tuple[str, ...] = (entry.curve.source,) if files else ()
        cells += (entry.curve.name, entry.curve.quantity) if quantities else (entry.curve.name,)
        if entry.fit is None:
            cells += (f"no fit: {entry.reason}",)
            rows.append((*cells, *[""] * (len(header) - len(cells))))
            continue
        shift = None if entry.comparison is None else entry.comparison.redshift_meV
        cells += (
            _KINDS[entry.fit.kind], shown(entry.fit.position_nm), shown(entry.fit.position_eV),
            shown(entry.fit.width_meV), shown(shift),
        )  # fmt: skip
        rows.append(cells + ((_diameter(entry.size), _diameter(entry.size_from_maximum)) if sized else ()))
    return header, rows


Cell = str | int | float | None
_RECORD = ("file", "number", "curve", "measured", "result", "quantity", "value", "low", "high", "unit", "note")


def curve_records(surveyed: Sequence[Surveyed]) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
    """Header and one row for each number of each curve: value, ends of its 95 % interval, unit.

    A curve without a fit has one row, with its reason as the note. Curves are numbered from 1, in the order given.
    """
    rows: list[tuple[Cell, ...]] = []
    for number, entry in enumerate(surveyed, start=1):
        curve, fit = entry.curve, entry.fit
        start = (curve.source, number, curve.name, curve.quantity)
        if fit is None:
            rows.append((*start, "no fit", "", None, None, None, "", entry.reason))
            continue
        note = " ".join(fit.warnings)
        for quantity, measurement, unit in _numbers(entry):
            if measurement is not None and math.isfinite(measurement.value):
                ends = (measurement.value, measurement.low, measurement.high)
                rows.append((*start, _KINDS[fit.kind], quantity, *ends, unit, note))
    return _RECORD, rows


def _numbers(entry: Surveyed) -> list[tuple[str, Measurement | None, str]]:
    """Every number of a fitted curve, with its unit."""
    fit, change, size = entry.fit, entry.comparison, entry.size
    if fit is None:
        return []
    numbers = [
        ("peak", None if fit.peak_eV is None else fit.peak_eV.as_wavelength(), "nm"), ("peak", fit.peak_eV, "eV"),
        ("full width at half maximum", fit.width_meV, "meV"), ("full width at half maximum", fit.width_nm, "nm"),
        ("height", fit.height, ""), ("edge", None if fit.edge_eV is None else fit.edge_eV.as_wavelength(), "nm"),
        ("edge", fit.edge_eV, "eV"), ("maximum", fit.maximum_nm, "nm"),
        ("ratio of edge to 300 nm", fit.ratio_300nm, ""),
    ]  # fmt: skip
    if change is not None:
        numbers += [
            ("red shift", change.redshift_meV, "meV"), ("shift", change.shift_nm, "nm"),
            ("broadening", change.broadening_meV, "meV"),
        ]  # fmt: skip
    if size is not None:
        seen = entry.size_from_maximum
        numbers.append(("diameter", size.diameter_nm, "nm"))
        numbers.append(("diameter from maximum", None if seen is None else seen.diameter_nm, "nm"))
    return numbers


def curve_points(surveyed: Surveyed) -> dict[str, Floats]:
    """Every recorded point of a curve, in rising wavelength, with the fit at the same wavelengths.

    Returns
    -------
    dict
        ``wavelength_nm``, ``energy_eV``, ``measured`` as in the file, ``usable`` (1 if the point can be fitted, else
        0), ``fit`` and ``background``: (n,) each. The last two are NaN outside the fitted window. Long curves are
        fitted after averaging neighbours; between the averaged points the smooth fit is interpolated by a cubic spline.
    """
    curve, fit = surveyed.curve, surveyed.fit
    wavelength = np.asarray(curve.wavelength_nm)
    points = {
        "wavelength_nm": wavelength, "energy_eV": curve.energy_eV, "measured": np.asarray(curve.values),
        "usable": np.asarray(curve.usable, dtype=float),
    }  # fmt: skip
    for name in ("fit", "background"):
        points[name] = np.full(len(wavelength), np.nan)
    if fit is not None:
        inside = (wavelength >= fit.wavelength_nm[0]) & (wavelength <= fit.wavelength_nm[-1])
        for name, values in (("fit", fit.fitted), ("background", fit.background)):
            points[name][inside] = interpolate.CubicSpline(fit.wavelength_nm, values)(wavelength[inside])
    return points


def survey_sentences(surveyed: Sequence[Surveyed]) -> list[str]:
    """Guesses, flagged points and warnings, each said once with the curves it holds for."""
    said: dict[str, list[str]] = {}
    for entry in surveyed:
        texts = (*entry.curve.notes, *(flag.text for flag in entry.curve.flags if flag.code != "negative"))
        for text in (*texts, *(entry.fit.warnings if entry.fit else ()), entry.size_note):
            if text:
                said.setdefault(text, []).append(entry.curve.name)
    return [text if len(names) == len(surveyed) else f"{_names(names)}: {text}" for text, names in said.items()]


def _names(names: list[str]) -> str:
    first = ", ".join(names[:3])
    return first if len(names) <= 3 else f"{first} and {len(names) - 3} more"


def curve_dataset(surveyed: Sequence[Surveyed]) -> xr.Dataset:
    """Fitted numbers with their intervals along the dimension ``curve``; NaN where a curve has none."""
    import xarray as xr

    names = np.array([entry.curve.name for entry in surveyed], dtype=object)
    data = xr.Dataset(coords={"name": ("curve", names, {"units": "1", "long_name": "name of the curve"})})
    numbers = (
        ("peak_eV", "eV", "peak position"),
        ("width_meV", "meV", "full width at half maximum"),
        ("edge_eV", "eV", "steepest slope"),
        ("maximum_nm", "nm", "maximum of the curve"),
        ("ratio_300nm", "1", "absorbance at the edge over that at 300 nm"),
    )
    for attribute, unit, title in numbers:
        stem = attribute.removesuffix(f"_{unit}")
        for end, ending, words in (
            ("value", "", ""),
            ("low", "_low", ", lower limit"),
            ("high", "_high", ", upper limit"),
        ):
            values = [_end(entry, attribute, end) for entry in surveyed]
            data[stem + ending] = ("curve", np.array(values, dtype=float), {"units": unit, "long_name": title + words})
    return data.assign(_point_arrays(surveyed))


def _point_arrays(surveyed: Sequence[Surveyed]) -> dict[str, Any]:
    """Recorded points of all curves, one after the other along the dimension ``point``."""
    each = [curve_points(entry) for entry in surveyed]
    numbers = np.repeat(np.arange(len(each)), [len(points["measured"]) for points in each])
    arrays: dict[str, Any] = {
        "curve_of_point": ("point", numbers, {"units": "1", "long_name": "number of the curve, from 0"})
    }
    for name, unit, title in (
        ("wavelength_nm", "nm", "wavelength"),
        ("energy_eV", "eV", "photon energy"),
        ("measured", "1", "value as recorded"),
        ("usable", "1", "1 if the point can be fitted"),
        ("fit", "1", "fit, in the unit of the curve"),
        ("background", "1", "background of the fit, in the unit of the curve"),
    ):
        values = np.concatenate([points[name] for points in each]) if each else np.zeros(0)
        arrays[name.removesuffix(f"_{unit}")] = ("point", values, {"units": unit, "long_name": title})
    return arrays


def _end(surveyed: Surveyed, attribute: str, end: str) -> float:
    """Value or end of the interval of one number of a fit."""
    measurement = None if surveyed.fit is None else getattr(surveyed.fit, attribute)
    return math.nan if measurement is None else float(getattr(measurement, end))
