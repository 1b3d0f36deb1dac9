"""Series of curves: the time or dose at which each was measured, from the names of columns or files or as given."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from qdmol.errors import InputError
from qdmol.spectroscopy.values import Curve

SeriesKind = Literal["time", "dose"]

_SECONDS: Final = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SPELLINGS: Final = {
    "time": {
        "ms": "ms", "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "min", "mins": "min",
        "minute": "min", "minutes": "min", "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "d": "d",
        "day": "d", "days": "d",
    },
    "dose": {
        "mj/cm2": "mJ/cm²", "mj/cm²": "mJ/cm²", "j/cm2": "J/cm²", "j/cm²": "J/cm²", "mj": "mJ", "j": "J", "gy": "Gy",
        "kgy": "kGy", "eq": "eq", "equiv": "eq", "%": "%", "nm": "nM", "um": "µM", "µm": "µM", "mm": "mM",
        "ul": "µL", "µl": "µL", "ml": "mL",
    },
}  # fmt: skip
_CASED: Final = {"nm": "nM", "um": "uM", "µm": "µM", "mm": "mM"}  # lengths unless written with a capital M
_NUMBER: Final = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"


@dataclass(frozen=True, slots=True)
class Series:
    """Order of curves in a time or a dose.

    Parameters
    ----------
    kind
        ``time`` or ``dose``.
    unit
        Unit of the values; of a time one of ms, s, min, h and d.
    values
        Value of each curve, in the order of the curves; None for a curve without one.
    origin
        Where the values are from: the names of columns, of files, or as given.
    """

    kind: SeriesKind
    unit: str
    values: tuple[float | None, ...]
    origin: str

    @property
    def label(self) -> str:
        """Label of an axis: quantity (unit)."""
        return f"{self.kind.capitalize()} ({self.unit})"


def series_of(curves: Sequence[Curve], *, kind: SeriesKind, given: str | Sequence[float] | None = None) -> Series:
    """Find the time or dose of every curve.

    Parameters
    ----------
    curves
        In the order in which values are given.
    kind
        ``time`` or ``dose``.
    given
        A value for each curve, as numbers (times in s) or as a text such as ``0,5,10min``, where a unit holds for all
        values before it that have none. Without it, a number with a unit is looked for in the names of the columns,
        then of the files.

    Raises
    ------
    qdmol.errors.InputError
        Another kind, a number of values that is not that of the curves, an unknown unit, or names without a value.

    Examples
    --------
    >>> import numpy as np
    >>> curves = [Curve(np.arange(400.0, 500.0), np.ones(100), name=name) for name in ("30 s", "2 min reaction")]
    >>> series_of(curves, kind="time").values
    (30.0, 120.0)
    """
    if kind not in _SPELLINGS:
        raise InputError(field="series", value=kind, allowed="time or dose")
    if given is not None:
        return _given(curves, kind, given)
    for names, origin in (([curve.name for curve in curves], "the names of the columns"),
                          ([_stem(curve.source) for curve in curves], "the names of the files")):  # fmt: skip
        values = [_value_in(name, kind) for name in names]
        if any(value is not None for value in values):
            return _in_one_unit(kind, values, origin)
    raise InputError(
        field="series",
        value=kind,
        allowed=f"a {kind} in the name of each column or file (such as `{_example(kind)}`), or give --{kind}s",
    )


def _example(kind: SeriesKind) -> str:
    return "5 min" if kind == "time" else "10 mJ/cm2"


def _stem(source: str) -> str:
    return source.rpartition(".")[0] or source


def _unit(text: str, kind: SeriesKind) -> str | None:
    """The unit as written here; None for a text that is no unit of this kind."""
    folded = text.strip().casefold().replace("μ", "µ")
    if kind == "dose" and folded in _CASED and not text.strip().endswith("M"):
        return None
    return _SPELLINGS[kind].get(folded)


def _value_in(name: str, kind: SeriesKind) -> tuple[float, str] | None:
    """The first number in a name that is followed by a unit of this kind."""
    for match in re.finditer(rf"(?<![\w.])({_NUMBER})[\s_-]*([A-Za-zµμ%]+(?:/cm[2²])?)", name.replace("_", " ")):
        unit = _unit(match[2], kind)
        if unit is not None:
            return float(match[1]), unit
    return None


def _in_one_unit(kind: SeriesKind, values: Sequence[tuple[float, str] | None], origin: str) -> Series:
    units = {value[1] for value in values if value is not None}
    if kind == "dose":
        if len(units) > 1:
            raise InputError(field="doses", value=", ".join(sorted(units)), allowed="values of one unit")
        return Series(kind, units.pop(), tuple(None if value is None else value[0] for value in values), origin)
    # the largest unit in which the names are written would give small fractions: the smallest is used
    unit = min(units, key=_SECONDS.__getitem__)
    scaled = tuple(None if value is None else value[0] * _SECONDS[value[1]] / _SECONDS[unit] for value in values)
    return Series(kind, unit, scaled, origin)


def _given(curves: Sequence[Curve], kind: SeriesKind, given: str | Sequence[float]) -> Series:
    field = f"{kind}s"
    if not isinstance(given, str):
        numbers = [float(value) for value in given]
        if len(numbers) != len(curves) or not all(map(math.isfinite, numbers)):
            raise InputError(
                field=field, value=list(given), allowed=f"{len(curves)} finite numbers, one for each curve"
            )
        return Series(kind, "s" if kind == "time" else "a.u.", tuple(numbers), "as given")
    parts = [part.strip() for part in given.split(",")]
    pairs: list[tuple[float, str | None]] = []
    for part in parts:
        match = re.fullmatch(rf"({_NUMBER})\s*(\S*)", part)
        unit = _unit(match[2], kind) if match and match[2] else None
        if match is None or (match[2] and unit is None):
            allowed = f"numbers with a unit of {kind}, such as {'0,5,10min' if kind == 'time' else '0,1,2mJ/cm2'}"
            raise InputError(field=field, value=part, allowed=allowed)
        pairs.append((float(match[1]), unit))
    if len(pairs) != len(curves):
        raise InputError(field=field, value=f"{len(pairs)} values", allowed=f"{len(curves)} values, one for each curve")
    last = pairs[-1][1]
    if last is None and all(unit is None for _, unit in pairs):
        raise InputError(field=field, value=given, allowed=f"values with a unit, such as {_example(kind)}")
    filled: list[tuple[float, str]] = []
    for value, unit in reversed(pairs):
        last = unit or last
        if last is None:
            raise InputError(field=field, value=given, allowed="values with a unit at the last one or at each")
        filled.append((value, last))
    return _in_one_unit(kind, filled[::-1], "as given")
