"""What the columns of a table of decays are: time axes with their units, curves with their names.

Nothing is guessed: missing or ambiguous information has to be given as an option.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qdmol.analysis.wording import plain_text
from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.text_tables import Table, split_header

UNITS = {"fs": 1e-6, "ps": 1e-3, "ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
_SPELT = {
    "µs": "us", "μs": "us", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "nsec": "ns", "psec": "ps",
    "usec": "us", "µsec": "us", "μsec": "us", "msec": "ms", "femtoseconds": "fs", "picoseconds": "ps",
    "nanoseconds": "ns", "microseconds": "us", "milliseconds": "ms", "nanosecond": "ns", "picosecond": "ps",
    "microsecond": "us", "millisecond": "ms",
}  # fmt: skip
_WORDS = "|".join(sorted({*UNITS, *_SPELT}, key=len, reverse=True))
# a unit stands alone: no letter of any alphabet before or behind it
_UNIT = re.compile(rf"(?<![^\W\d_])(?<!\ufffd)({_WORDS})(?![^\W\d_])", re.IGNORECASE)
_ALONE = re.compile(rf"[\[(/\s]*({_WORDS})[\])\s]*", re.IGNORECASE)
_NUMBER = r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?"
_CHANNEL = r"(?:channels?|chan|chn|ch|bins?|points?|pt)"
_PER_CHANNEL = re.compile(rf"({_WORDS})\s*(?:/|per)\s*{_CHANNEL}(?![a-z])", re.IGNORECASE)
_WIDTH = re.compile(
    r"(?:(?:time\s*per\s*|width\s*of\s*(?:a\s*)?)(?:channel|bin)|(?:channel|bin|time)[\s_-]*(?:width|size|step)|"
    r"(?:time\s*)?resolution|time\s*calibration)",
    re.IGNORECASE,
)
# lines that tell how long it was measured, or something else that is no time axis
_OTHER_TIMES = re.compile(
    r"acq|integrat|measur|expos|collect|dwell|real\s*time|live\s*time|dead|duration|elapsed|stop|start|date|offset|cps|"
    r"counts?\s*(?:/|per)",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"time|zeit|temps|tiempo|tempo|delay|^\s*[tx]\b|x\s*-?\s*units?|time\s*base|^\W*units?", re.IGNORECASE
)
_SPECTRAL = re.compile(
    r"wave\s*-?length|wellenl|longueur|wave\s*-?number|lambda|λ|raman|photon\s*energy|\benergy\b|emission\s*\(?nm|"
    r"(?<![^\W\d_])(?:nm|µm|um|[mk]?eV|cm-1|cm\^-1|1/cm|cm⁻¹|[TG]Hz)(?![^\W\d_])",
    re.IGNORECASE,
)
# names of an axis that no unit of time makes a time
_SPECTRAL_NAME = re.compile(
    r"wave\s*-?length|wellenl|longueur|wave\s*-?number|lambda|raman|photon\s*energy", re.IGNORECASE
)
_X_AXIS = re.compile(r"\W*x\s*-?\s*(?:axis|units?|label)", re.IGNORECASE)
_NAMED_LINES = 4  # above the numbers, in which names and units of the columns may stand


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One column of values over evenly spaced bins.

    Attributes
    ----------
    column : int
        Its number in the file, from 0; a time axis counts.
    name : str
        As the file has it, or empty.
    values : float64 (n,)
    width_ns, first_ns : float
        Width of a bin, and left edge of the first.
    unit : str or None
        Of its times, as the file states it.
    notes : tuple of str
    """

    column: int
    name: str
    values: Floats
    width_ns: float
    first_ns: float
    unit: str | None = None
    notes: tuple[str, ...] = ()


def unit_ns(unit: str, *, field: str = "unit") -> float:
    """Return a unit of time in ns.

    Raises
    ------
    InputError
        For what is no unit of time.
    """
    key = unit.strip().lower() if unit.strip() != "S" else ""
    key = _SPELT.get(key, key)
    if key not in UNITS:
        raise InputError(field=field, value=unit, allowed=f"one of {', '.join(UNITS)}")
    return UNITS[key]


def curves_of(tables: Sequence[Table], *, name: str, unit: str | None) -> list[Curve]:
    """Return the curves of the tables of a file; columns are numbered through all tables.

    Raises
    ------
    InputError
        For an axis that is no time, a time axis without a unit, uneven steps, or no axis and no stated width.
    """
    curves: list[Curve] = []
    before = 0
    for table in tables:
        curves += _curves(table, name=name, unit=unit, before=before)
        before += table.numbers.shape[1]
    return curves


def _curves(table: Table, *, name: str, unit: str | None, before: int) -> list[Curve]:
    columns = table.numbers.shape[1]
    names = _names(table)
    axes = [_is_axis(table, k, names) for k in range(columns)]
    _refuse_spectrum(table, names, axes, name)
    widths = _stated_widths_ns(table.header)
    curves = []
    for k in range(columns):
        if axes[k]:
            continue
        values = _whole(table.numbers[:, k], name)
        if values is None:
            continue
        # the nearest axis to the left, or the only one of the table
        axis = next((j for j in range(k - 1, -1, -1) if axes[j]), axes.index(True) if axes.count(True) == 1 else None)
        rows = len(values)
        notes: tuple[str, ...] = ()
        own = None if axis is None else _axis_unit(table, axis, names)
        if axis is None or (widths and own is None and _is_channels(table.numbers[:rows, axis])):
            width, first = _width_of(widths, k, axes, name), 0.0
        else:
            times = table.numbers[:rows, axis]
            if np.isnan(times).any():
                raise _refusal(name, "a time for each count")
            scale, notes = _scale(table, axis, names, unit, name)
            start, width = _even(name, times * scale)
            first = start - 0.5 * width
        stated = next((key for key, value in UNITS.items() if value == own), None)
        curves.append(Curve(before + k, names[k], values, width, first, stated, notes))
    return curves


def _refusal(name: str, allowed: str) -> InputError:
    return InputError(field="FILE", value=name, allowed=allowed)


def _names(table: Table) -> list[str]:
    """Names of the columns: of the last line above the numbers that has one for each."""
    columns = table.numbers.shape[1]
    for line in reversed(table.header[-_NAMED_LINES:]):
        fields = split_header(line)
        while len(fields) > columns and not fields[-1]:
            fields.pop()
        worded = any(re.search(r"[^\W\d_]", field) for field in fields)
        if worded and len(fields) == columns and not _are_units(fields) and not _PER_CHANNEL.search(line):
            return fields
    block = next((match[0] for line in table.header if (match := re.match(r"(?i)\*block \w+", line))), "")
    return [block.lstrip("*").lower()] * columns


def _are_units(fields: Sequence[str]) -> bool:
    """Whether a line holds units alone, as "ns, counts" or "Xunits, ns, ns"."""
    return any(_ALONE.fullmatch(field) for field in fields)


def _refuse_spectrum(table: Table, names: Sequence[str], axes: Sequence[bool], name: str) -> None:
    """InputError where the axis is a wavelength or an energy."""
    fields = [split_header(line) for line in table.header[-_NAMED_LINES:]]
    firsts = [line[0] for line in fields if len(line) == len(names)] if len(names) > 1 else []
    firsts += [own for own, is_axis in zip(names, axes, strict=True) if is_axis and len(names) > 1]
    stated = [parts[1] for line in table.header if len(parts := split_header(line)) > 1 and _X_AXIS.match(parts[0])]
    for field in (*firsts, *stated):
        named = _SPECTRAL_NAME.search(field) and not _TIME.search(field)
        if named or (_SPECTRAL.search(field) and not _UNIT.search(field)):
            message = f"`{name}` has {plain_text(field[:40])!r} for its axis; an emission spectrum is not a decay."
            raise InputError(field="FILE", value=name, allowed="counts against a time axis", message=message)


def _is_axis(table: Table, k: int, names: Sequence[str]) -> bool:
    """Whether a column is a time axis or numbers channels: even steps that rise."""
    column = table.numbers[:, k]
    column = column[~np.isnan(column)]
    if len(column) < 2:
        return False
    steps = np.diff(column)
    if (steps > 0).all() and steps.max() < 1.5 * steps.min():
        return True
    if k > 0 or table.numbers.shape[1] == 1:
        return False
    # times that are rounded, or that are not even and will be refused for it
    return bool((steps >= 0).all() and column[-1] > column[0]) or bool(
        _TIME.search(names[0]) and (steps > 0).mean() > 0.5
    )


def _is_channels(axis: Floats) -> bool:
    return bool((np.diff(axis) == 1.0).all() and float(axis[0]).is_integer())


def _whole(column: Floats, name: str) -> Floats | None:
    """The filled cells of a column; None for a column without counts."""
    there = ~np.isnan(column)
    length = int(np.flatnonzero(there)[-1]) + 1 if there.any() else 0
    if length == 0 or not (column[:length][there[:length]] != 0).any():
        return None
    if not there[:length].all():
        raise _refusal(name, "columns of counts without empty cells")
    return np.ascontiguousarray(column[:length])


def _scale(table: Table, axis: int, names: Sequence[str], unit: str | None, name: str) -> tuple[float, tuple[str, ...]]:
    """The unit of an axis in ns: as given, else as the file states it."""
    stated = _axis_unit(table, axis, names)
    if unit is not None:
        scale = unit_ns(unit)
        if stated is not None and stated != scale:
            there = next(key for key, value in UNITS.items() if value == stated)
            return scale, (
                f"The file states times in {there}; they are read in {unit.strip()}, the unit given by --unit.",
            )
        return scale, ()
    if stated is None:
        units = ", ".join(UNITS)
        message = f"`{name}` does not state the unit of its times unambiguously; give it with --unit (one of {units})."
        raise InputError(field="unit", value=None, allowed=f"one of {units}", message=message)
    return stated, ()


def _axis_unit(table: Table, axis: int, names: Sequence[str]) -> float | None:
    """Unit of an axis in ns, where the file states exactly one."""
    own = {unit_ns(found) for found in _UNIT.findall(names[axis])}
    if own:
        return own.pop() if len(own) == 1 else None
    near, far = set(), set()
    columns = table.numbers.shape[1]
    for line in table.header:
        fields = split_header(line)
        while len(fields) > columns and not fields[-1]:
            fields.pop()
        if re.match(r"\W*(?:x|time)\s*-?\s*units?", fields[0] if fields else "", re.IGNORECASE):
            # a line of units: one for each curve, or one for all
            near |= {unit_ns(found) for field in fields for found in _UNIT.findall(field)}
        elif len(fields) == columns and (match := _ALONE.fullmatch(fields[axis])) is not None:
            near.add(unit_ns(match[1]))
        elif (
            _TIME.search(line)
            and not _OTHER_TIMES.search(line)
            and not _WIDTH.search(line)
            and not _PER_CHANNEL.search(line)
        ):
            far |= {unit_ns(found) for found in _UNIT.findall(line)}
    units = near or far
    return units.pop() if len(units) == 1 else None


def _stated_widths_ns(header: Sequence[str]) -> list[float]:
    """Widths of channels that the header states, one or one for each curve; empty where it states none.

    As "#ns/channel" with numbers behind it or in the next line, "Time Calibration (sec/ch): 1.0E-10" or
    "Bin width: 16 ps".
    """
    for k, line in enumerate(header):
        match = _PER_CHANNEL.search(line)
        if match is not None:
            numbers = re.findall(_NUMBER, line[match.end() :])
            if not numbers and k + 1 < len(header):
                numbers = re.findall(_NUMBER, header[k + 1])
            if not numbers:  # "channel width 0.1 ns/ch"
                numbers = re.findall(_NUMBER + r"(?=\s*$)", line[: match.start()])
            return _positive(numbers, unit_ns(match[1]))
        match = _WIDTH.search(line)
        if match is not None:
            numbers = re.findall(_NUMBER, line[match.end() :])
            units = {unit_ns(found) for found in _UNIT.findall(line[match.end() :])}
            if len(numbers) == 1 and len(units) == 1:
                return _positive(numbers, units.pop())
    return []


def _positive(numbers: Sequence[str], scale: float) -> list[float]:
    widths = [float(number.replace(",", ".")) * scale for number in numbers]
    return widths if widths and all(math.isfinite(width) and width > 0 for width in widths) else []


def _width_of(widths: Sequence[float], k: int, axes: Sequence[bool], name: str) -> float:
    if not widths:
        raise _refusal(name, "two columns, times and counts, or a header that states the channel width")
    place = sum(not axis for axis in axes[:k])
    if len(widths) == 1:
        return widths[0]
    if len(widths) != axes.count(False):
        allowed = f"one channel width for all curves, or one for each, not {len(widths)} for {axes.count(False)}"
        raise _refusal(name, allowed)
    return widths[place]


def _even(name: str, times: Floats) -> tuple[float, float]:
    """First time and step of evenly spaced times, which may be rounded."""
    n = len(times)
    width = float(times[-1] - times[0]) / (n - 1)
    line = times[0] + width * np.arange(n)
    if not (math.isfinite(width) and width > 0 and np.abs(times - line).max() <= 1.05 * width):
        raise _refusal(name, "times that increase in equal steps")
    return float(times[0]), width
