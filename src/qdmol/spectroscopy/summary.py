"""Fits of curves as the JSON object of the command line, and as rows and sentences for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from qdmol.results import NO_VALUE, decimals_for, format_number
from qdmol.spectroscopy.sizing import Size
from qdmol.spectroscopy.surveying import Surveyed
from qdmol.spectroscopy.values import Measurement

_NBSP = "\N{NO-BREAK SPACE}"
_KINDS = {"maximum": "peak", "shoulder": "peak, as a shoulder", "edge": "edge without a peak"}


def _three(name: str, unit: str, found: Measurement | None) -> dict[str, float | None]:
    """Value and interval under keys with the unit; null where there is none."""
    ends = (None, None, None) if found is None else (found.value, found.low, found.high)
    tail = f"_{unit}" if unit else ""
    keys = (f"{name}{tail}", f"{name}_low{tail}", f"{name}_high{tail}")
    return {
        key: value if value is not None and math.isfinite(value) else None
        for key, value in zip(keys, ends, strict=True)
    }


def curve_summary(one: Surveyed) -> dict[str, Any]:
    """Everything known of one curve as an object that JSON holds, with units in its keys."""
    curve, fit = one.curve, one.fit
    summary: dict[str, Any] = {
        "name": curve.name, "file": curve.source, "quantity": curve.quantity, "points": len(curve.values),
        "from_nm": float(curve.wavelength_nm[0]), "to_nm": float(curve.wavelength_nm[-1]),
        "notes": list(curve.notes),
        "flags": [{"code": flag.code, "points": flag.points, "text": flag.text} for flag in curve.flags],
        "kind": None if fit is None else fit.kind, "reason": one.reason or None,
    }  # fmt: skip
    if fit is None:
        return summary
    summary |= _three("peak", "eV", fit.peak_eV)
    summary |= _three("peak", "nm", None if fit.peak_eV is None else fit.peak_eV.as_wavelength())
    summary |= _three("width", "meV", fit.width_meV) | _three("width", "nm", fit.width_nm)
    summary |= _three("edge", "eV", fit.edge_eV)
    summary |= _three("edge", "nm", None if fit.edge_eV is None else fit.edge_eV.as_wavelength())
    summary |= _three("maximum", "nm", fit.maximum_nm) | _three("ratio_edge_to_300nm", "", fit.ratio_300nm)
    summary |= {
        "model": fit.model, "weights": fit.weights, "warnings": list(fit.warnings),
        "noise": {"white": fit.noise.white, "rising": fit.noise.rising, "correlated": fit.noise.correlated,
                  "length_nm": fit.noise.length_nm},
        "against_first": _against(one), "size": _size(one),
    }  # fmt: skip
    return summary


def _against(one: Surveyed) -> dict[str, Any] | None:
    if one.comparison is None:
        return None
    found = one.comparison
    return {
        **_three("redshift", "meV", found.redshift_meV),
        **_three("shift", "nm", found.shift_nm),
        **_three("broadening", "meV", found.broadening_meV),
        "basis": found.basis,
    }


def _size(one: Surveyed) -> dict[str, Any] | None:
    if one.size is None:
        return None
    size, seen = one.size, one.size_from_maximum
    return {
        "material": size.material, **_three("diameter", "nm", size.diameter_nm),
        **_three("diameter_from_maximum", "nm", None if seen is None else seen.diameter_nm),
        "curve_error_nm": size.curve_error_nm, "from_nm": size.range_nm[0], "to_nm": size.range_nm[1],
        "source": size.source,
    }  # fmt: skip


def shown(found: Measurement | None) -> str:
    """A number with half its interval, as 2.301 ± 0.002; n/a where there is none."""
    if found is None or not math.isfinite(found.value):
        return NO_VALUE
    half = found.half_width
    decimals = decimals_for(half, default=3) if half > 0 and math.isfinite(half) else 3
    return f"{format_number(found.value, decimals)} ± {format_number(half, decimals)}"


def _diameter(size: Size | None) -> str:
    return shown(None if size is None else size.diameter_nm)


def curve_rows(surveyed: Sequence[Surveyed]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and one row a curve, for a table of many."""
    sized = any(one.size is not None for one in surveyed)
    files = len({one.curve.source for one in surveyed}) > 1
    header: tuple[str, ...] = ("curve", "found", "position (nm)", "position (eV)", "width (meV)", "red shift (meV)")
    header += ("diameter (nm)", "from maximum (nm)") if sized else ()
    rows: list[tuple[str, ...]] = []
    cells: tuple[str, ...]
    for one in surveyed:
        name = f"{one.curve.source}: {one.curve.name}" if files else one.curve.name
        cells = (name, f"no fit: {one.reason}", *[""] * (len(header) - 2))
        if one.fit is not None:
            shift = None if one.comparison is None else one.comparison.redshift_meV
            cells = (
                name, _KINDS[one.fit.kind], shown(one.fit.position_nm), shown(one.fit.position_eV),
                shown(one.fit.width_meV), shown(shift),
                *((_diameter(one.size), _diameter(one.size_from_maximum)) if sized else ()),
            )  # fmt: skip
        rows.append(cells)
    return header, rows


def survey_sentences(surveyed: Sequence[Surveyed]) -> list[str]:
    """Guesses, flagged points and warnings, each said once with the curves it holds for."""
    said: dict[str, list[str]] = {}
    for one in surveyed:
        texts = (*one.curve.notes, *(flag.text for flag in one.curve.flags if flag.code != "negative"))
        for text in (*texts, *(one.fit.warnings if one.fit else ()), one.size_note):
            if text:
                said.setdefault(text, []).append(one.curve.name)
    return [text if len(names) == len(surveyed) else f"{_names(names)}: {text}" for text, names in said.items()]


def _names(names: list[str]) -> str:
    few = ", ".join(names[:3])
    return few if len(names) <= 3 else f"{few} and {len(names) - 3} more"
