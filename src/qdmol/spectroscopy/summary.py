"""Fits of curves as the JSON object of the command line, and as rows and sentences for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.results import NO_VALUE, decimals_for, format_number
from qdmol.spectroscopy.sizing import Size
from qdmol.spectroscopy.values import Measurement

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.spectroscopy.surveying import Surveyed

_NBSP = "\N{NO-BREAK SPACE}"
_KINDS = {"maximum": "peak", "shoulder": "peak, as a shoulder", "edge": "edge without a peak"}


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
    """Header and one row a curve, for a table of many."""
    sized = any(entry.size is not None for entry in surveyed)
    files = len({entry.curve.source for entry in surveyed}) > 1
    header: tuple[str, ...] = ("curve", "found", "position (nm)", "position (eV)", "width (meV)", "red shift (meV)")
    header += ("diameter (nm)", "from maximum (nm)") if sized else ()
    rows: list[tuple[str, ...]] = []
    cells: tuple[str, ...]
    for entry in surveyed:
        name = f"{entry.curve.source}: {entry.curve.name}" if files else entry.curve.name
        cells = (name, f"no fit: {entry.reason}", *[""] * (len(header) - 2))
        if entry.fit is not None:
            shift = None if entry.comparison is None else entry.comparison.redshift_meV
            cells = (
                name, _KINDS[entry.fit.kind], shown(entry.fit.position_nm), shown(entry.fit.position_eV),
                shown(entry.fit.width_meV), shown(shift),
                *((_diameter(entry.size), _diameter(entry.size_from_maximum)) if sized else ()),
            )  # fmt: skip
        rows.append(cells)
    return header, rows


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
    return data


def _end(surveyed: Surveyed, attribute: str, end: str) -> float:
    """Value or end of the interval of one number of a fit."""
    measurement = None if surveyed.fit is None else getattr(surveyed.fit, attribute)
    return math.nan if measurement is None else float(getattr(measurement, end))
