"""Comparisons of curves as the JSON object of the command line, as rows and sentences for people, and as arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.spectroscopy.summary import shown
from qdmol.spectroscopy.values import Measurement

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.spectroscopy.overlaying import ComparedCurve, CurveComparison

_KINDS = {"maximum": "peak", "shoulder": "shoulder", "edge": "edge"}


def _numbers(name: str, unit: str, measurement: Measurement | None) -> dict[str, float | None]:
    """Value and interval under keys with the unit; null where there is none."""
    ends = (None, None, None) if measurement is None else (measurement.value, measurement.low, measurement.high)
    tail = f"_{unit}" if unit else ""
    return {
        f"{name}{end}{tail}": value if value is not None and math.isfinite(value) else None
        for end, value in zip(("", "_low", "_high"), ends, strict=True)
    }


def overlay_summary(comparison: CurveComparison) -> dict[str, Any]:
    """Everything known of a comparison as an object that JSON holds, with units in its keys."""
    series = comparison.series
    return {
        "qdmol": 1,
        "normalise": comparison.normalise,
        "references": dict(comparison.references),
        "series": None if series is None else {
            "kind": series.kind, "unit": series.unit, "values": list(series.values), "origin": series.origin,
        },
        "isosbestic": [
            {
                **_numbers("wavelength", "nm", point.wavelength_nm), **_numbers("value", "", point.value),
                "chi_square": point.chi_square, "degrees_of_freedom": point.freedom, "probability": point.probability,
            }
            for point in comparison.isosbestic
        ],
        "curves": [_curve_object(comparison, number) for number in range(len(comparison))],
        "notes": overlay_sentences(comparison),
    }  # fmt: skip


def _curve_object(comparison: CurveComparison, number: int) -> dict[str, Any]:
    entry = comparison.curves[number]
    curve, fit, change = entry.curve, entry.fit, entry.change
    values = None if comparison.series is None else comparison.series.values
    return {
        "number": number, "name": curve.name, "file": curve.source, "quantity": curve.quantity, "sample": entry.sample,
        "points": len(curve.values), "from_nm": float(curve.wavelength_nm[0]), "to_nm": float(curve.wavelength_nm[-1]),
        "series_value": None if values is None else values[number],
        "reference": comparison.references.get(curve.quantity),
        "kind": None if fit is None else fit.kind, "reason": entry.reason or None,
        **_numbers("position", "eV", None if fit is None else fit.position_eV),
        **_numbers("position", "nm", None if fit is None else fit.position_nm),
        **_numbers("width", "meV", None if fit is None else fit.width_meV),
        **_numbers("redshift", "meV", None if change is None else change.redshift_meV),
        **_numbers("shift", "nm", None if change is None else change.shift_nm),
        **_numbers("broadening", "meV", None if change is None else change.broadening_meV),
        "basis": None if change is None else change.basis,
        **_numbers("level", "", entry.level), **_numbers("amplitude", "", entry.amplitude),
        "normalised_at": entry.normalised_at if entry.amplitude is not None else None,
        "normalised_at_nm": entry.place_nm, "not_normalised": entry.refusal or None,
        **_numbers("peak_amplitude", "", entry.peak_amplitude),
        **_numbers("ratio_edge_to_300nm", "", entry.relative_300nm),
    }  # fmt: skip


def overlay_rows(comparison: CurveComparison) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and one row a curve, for a table."""
    entries, series = comparison.curves, comparison.series
    names = curve_labels(comparison)
    blue = any(entry.relative_300nm is not None for entry in entries)
    header = ["", "curve"]
    if series is not None:
        header.append(f"{series.kind} ({series.unit})")
    header += ["type", "position (nm)", "position (eV)", "red shift (meV)", "FWHM (meV)"]
    header += ["edge / 300 nm"] if blue else []
    header.append("amplitude")
    rows = []
    for number, entry in enumerate(entries):
        cells = [str(number), names[number]]
        if series is not None:
            value = series.values[number]
            cells.append("n/a" if value is None else f"{value:g}")
        cells.append(_type(entry))
        if entry.fit is None:
            cells += ["no fit", "", "", ""]
        else:
            is_reference = comparison.references.get(entry.curve.quantity) == number
            shift = "reference" if is_reference else shown(None if entry.change is None else entry.change.redshift_meV)
            cells += [shown(entry.fit.position_nm), shown(entry.fit.position_eV), shift, shown(entry.fit.width_meV)]
        cells += [shown(entry.relative_300nm)] if blue else []
        cells.append(shown(entry.amplitude) if entry.amplitude is not None else "not normalised")
        rows.append(tuple(cells))
    return tuple(header), rows


def curve_labels(comparison: CurveComparison) -> list[str]:
    """Name of each curve: that of its sample if this is unique in its quantity, else of its column and its file."""
    entries = comparison.curves
    samples = [(entry.sample, entry.curve.quantity) for entry in entries]
    if comparison.series is None and len(set(samples)) == len(samples):
        return [entry.sample for entry in entries]
    names = [entry.curve.name or entry.sample for entry in entries]
    if len({entry.curve.source for entry in entries}) == 1 or len(set(names)) == len(names):
        return names
    return [
        f"{entry.curve.source}: {name}" if entry.curve.source else name
        for entry, name in zip(entries, names, strict=True)
    ]


def _type(entry: ComparedCurve) -> str:
    kind = "" if entry.fit is None or entry.curve.quantity != "absorption" else f", {_KINDS[entry.fit.kind]}"
    return f"{entry.curve.quantity}{kind}"


def overlay_sentences(comparison: CurveComparison) -> list[str]:
    """What was done and what must be known, each said once."""
    sentences = [*_references(comparison), *_crossing(comparison), *_series(comparison), *comparison.notes]
    said: dict[str, list[str]] = {}
    for entry in comparison.curves:
        texts = [*entry.notes]
        if entry.change is not None and entry.change.basis == "edge":
            texts.append("The shift is that of the steepest slopes, because one of both curves has no resolved peak.")
        if entry.fit is None:
            texts.append(f"Not fitted: {entry.reason}")
        if entry.amplitude is None:
            texts.append(f"Not normalised: {entry.refusal}")
        for text in texts:
            said.setdefault(text, []).append(entry.curve.name or entry.sample)
    for text, names in said.items():
        sentences.append(text if len(names) == len(comparison) > 1 else f"{_listed(names)}: {text}")
    return sentences


def _references(comparison: CurveComparison) -> list[str]:
    places = {
        "edge": "at the band edge (emission at its maximum)", "isosbestic": "at the isosbestic point",
        "maximum": "at the maximum", "area": "to equal areas", "none": "",
    }  # fmt: skip
    where = places.get(comparison.normalise, f"at {comparison.normalise.replace('nm', ' nm')}")
    shifts = [entry for entry in comparison.curves if entry.change is not None]
    sentences = [f"Curves are normalised {where}." if where else "Curves are not normalised."]
    if shifts:
        labels = curve_labels(comparison)
        names = ", ".join(f"{labels[number]} ({quantity})" for quantity, number in comparison.references.items())
        sentences.append(f"Shifts are relative to {names}; positive is to the red. ±: half the 95 % interval.")
    return sentences


def _crossing(comparison: CurveComparison) -> list[str]:
    points = comparison.isosbestic
    if not points:
        return []
    text = f"All curves cross at {shown(points[0].wavelength_nm)} nm within their noise"
    text += f" (chi square {points[0].chi_square:.3g} for {points[0].freedom} degrees of freedom)."
    if len(points) > 1:
        text += f" Other isosbestic points: {', '.join(f'{shown(point.wavelength_nm)} nm' for point in points[1:])}."
    return [text]


def _series(comparison: CurveComparison) -> list[str]:
    series = comparison.series
    if series is None:
        return []
    sentences = [f"The {series.kind} of each curve is from {series.origin}."
                 if series.origin != "as given" else f"The {series.kind}s are as given."]  # fmt: skip
    missing = [comparison.curves[k].curve.name for k, value in enumerate(series.values) if value is None]
    if missing:
        sentences.append(f"{_listed(missing)}: no {series.kind} in the name; placed at the end.")
    values = [
        (entry.curve.quantity, value)
        for entry, value in zip(comparison.curves, series.values, strict=True)
        if value is not None
    ]
    if len(set(values)) < len(values):
        sentences.append(f"Several curves have the same {series.kind}.")
    return sentences


def _listed(names: Sequence[str]) -> str:
    first = ", ".join(names[:3])
    return first if len(names) <= 3 else f"{first} and {len(names) - 3} more"


def overlay_dataset(comparison: CurveComparison) -> xr.Dataset:
    """Numbers with their intervals along the dimension ``curve``; NaN where a curve has none."""
    import xarray as xr

    entries = comparison.curves
    names = np.array([entry.curve.name for entry in entries], dtype=object)
    data = xr.Dataset(coords={"name": ("curve", names, {"units": "1", "long_name": "name of the curve"})})
    data["quantity"] = ("curve", np.array([entry.curve.quantity for entry in entries], dtype=object), {"units": "1"})
    columns: tuple[tuple[str, str, str, list[Measurement | None]], ...] = (
        ("position", "eV", "position of peak or edge", [e.fit.position_eV if e.fit else None for e in entries]),
        ("width", "meV", "full width at half maximum", [e.fit.width_meV if e.fit else None for e in entries]),
        ("redshift", "meV", "red shift relative to the reference",
         [e.change.redshift_meV if e.change else None for e in entries]),
        ("amplitude", "1", "height that is normalised to 1", [e.amplitude for e in entries]),
        ("peak_amplitude", "1", "height at the band edge or maximum", [e.peak_amplitude for e in entries]),
        ("ratio_300nm", "1", "height at the band edge over that at 300 nm", [e.relative_300nm for e in entries]),
    )  # fmt: skip
    for name, unit, title, measurements in columns:
        for end, words in (("value", ""), ("low", ", lower limit"), ("high", ", upper limit")):
            values = [math.nan if one is None else float(getattr(one, end)) for one in measurements]
            ending = "" if end == "value" else f"_{end}"
            data[name + ending] = ("curve", np.array(values), {"units": unit, "long_name": title + words})
    if comparison.series is not None:
        values = [math.nan if value is None else value for value in comparison.series.values]
        label = {"units": comparison.series.unit, "long_name": comparison.series.kind}
        data.coords["series"] = ("curve", np.array(values), label)
    return data
