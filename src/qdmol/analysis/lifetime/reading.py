"""Decay histograms from files: PicoQuant PHU, and text with columns of times and counts.

Text is what instruments and spreadsheets export: lines of numbers split by tabs, semicolons, commas or spaces, with
decimal points or commas, under a header that may name units ("Time [ns]", "ps") or the width of a channel
("ns/channel", "sec/ch", as PicoQuant, Becker & Hickl and Horiba write), or blocks ("*BLOCK 1" .. "*END") of Becker &
Hickl. A file that holds several decays, or does not state the unit of its times, is refused with the option to give.

Counts from values that were counts once: a background taken off, or a mean over repeats.

Such values still lie on a ladder of even steps. Photons have a variance equal to their mean, so the noise before the
pulse shows how many counts the lowest step represents.

Columns of a table are time axes with their units and curves with their names. Nothing is guessed: missing or ambiguous
information has to be given as an option.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qdmol.analysis.lifetime.values import Decay, Response
from qdmol.analysis.wording import plain_text
from qdmol.arrays import Floats
from qdmol.errors import InputError, MissingExtraError
from qdmol.files import open_input, read_input
from qdmol.text_tables import FEWEST_ROWS, LARGEST_BYTES, Table, decoded, split_header, tables_of

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
        curves += _table_curves(table, name=name, unit=unit, before=before)
        before += table.numbers.shape[1]
    return curves


def _table_curves(table: Table, *, name: str, unit: str | None, before: int) -> list[Curve]:
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
                raise _table_refusal(name, "a time for each count")
            scale, notes = _scale(table, axis, names, unit, name)
            start, width = _even(name, times * scale)
            first = start - 0.5 * width
        stated = next((key for key, value in UNITS.items() if value == own), None)
        curves.append(Curve(before + k, names[k], values, width, first, stated, notes))
    return curves


def _table_refusal(name: str, allowed: str) -> InputError:
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
        raise _table_refusal(name, "columns of counts without empty cells")
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
        raise _table_refusal(name, "two columns, times and counts, or a header that states the channel width")
    place = sum(not axis for axis in axes[:k])
    if len(widths) == 1:
        return widths[0]
    if len(widths) != axes.count(False):
        allowed = f"one channel width for all curves, or one for each, not {len(widths)} for {axes.count(False)}"
        raise _table_refusal(name, allowed)
    return widths[place]


def _even(name: str, times: Floats) -> tuple[float, float]:
    """First time and step of evenly spaced times, which may be rounded."""
    n = len(times)
    width = float(times[-1] - times[0]) / (n - 1)
    line = times[0] + width * np.arange(n)
    if not (math.isfinite(width) and width > 0 and np.abs(times - line).max() <= 1.05 * width):
        raise _table_refusal(name, "times that increase in equal steps")
    return float(times[0]), width


_LARGEST = 1e15  # counts of a bin, beyond which whole numbers are not distinguishable
_LOOSE = 0.1  # of a step: how far a value may be off its rung


def whole_counts(values: Floats, *, name: str) -> tuple[Floats, str | None]:
    """Return counts (n,), and a sentence if they had to be restored.

    Raises
    ------
    InputError
        Where the values lie on no ladder: smoothed, normalised or rounded.
    """
    if np.abs(values).max() > _LARGEST:
        raise InputError(field="FILE", value=name, allowed=f"counts per bin of at most {_LARGEST:.0e}")
    if values.min() >= 0 and np.abs(values - np.round(values)).max() < 1e-6:
        return np.round(values), None
    step = _step(values)
    if step is None:
        allowed = "counts per bin as whole numbers; these values are smoothed, normalised or rounded"
        raise InputError(field="FILE", value=name, allowed=allowed)
    rungs = np.round((values - values.min()) / step)
    dark = _before_the_pulse(rungs)
    # half the variance of steps: a slow drift is no noise
    noise = 0.5 * float(np.diff(dark).var()) if len(dark) > 10 else 0.0
    lift = max(float(np.round(noise - dark.mean())), 0.0) if len(dark) > 10 else 0.0
    zero = values.min() - lift * step
    note = (
        f"The values are not counts: counts are restored as (value {-zero:+.4g}) / {step:.4g}, from the step between "
        "values and the noise before the pulse."
    )
    return rungs + lift, note


def _step(values: Floats) -> float | None:
    """The step of the ladder, or None."""
    rungs = np.unique(values)
    gaps = np.diff(rungs)
    noise = 1e-7 * float(np.abs(values).max())
    gaps = gaps[gaps > noise]
    if len(gaps) < 3:
        return None
    smallest = float(np.quantile(gaps, 0.02))
    near = gaps[np.abs(gaps - smallest) < 0.02 * smallest]
    smallest = float(near.mean()) if len(near) else smallest
    # only where the rungs are dense is the step sharp enough to tell
    dense = values[values < np.quantile(values, 0.8)]
    if not len(dense):
        return None
    for part in (1, 2, 3, 4):
        step = smallest / part
        place = (dense - dense.min()) / step
        if np.abs(place - np.round(place)).max() < _LOOSE and place.max() > 3:
            return step
    return None


def _before_the_pulse(rungs: Floats) -> Floats:
    """Bins well before the rise."""
    peak = int(np.argmax(rungs))
    low, high = np.median(rungs[: max(peak // 2, 1)]), rungs[peak]
    rise = int(np.argmax(rungs > low + 0.02 * (high - low) + 6 * np.sqrt(max(low, 1.0))))
    return rungs[: int(0.9 * rise)]


_LARGEST_PHU = 200_000_000
_PHU, _HEAD = b"PQHISTO", 1 << 16
_RESPONSE = re.compile(r"irf|response|prompt|instr|lamp|scatter|laser", re.IGNORECASE)


def read_decay(
    path: str | Path, *, column: int | str | None = None, unit: str | None = None, period_ns: float | None = None
) -> Decay:
    """Read a decay from a file of histograms.

    Parameters
    ----------
    path
        PHU of PicoQuant, or text.
    column
        Which decay of the file: its number from 0, where a column of times counts, or its name. Needed for a file that
        holds several. The decays of a PHU file are numbered as curves from 0.
    unit
        Unit of the times, as "ns", where the file does not state it.
    period_ns
        Time between excitation pulses, where the file does not state it.

    Returns
    -------
    Decay
        Counts as whole numbers. If a background was subtracted before the file was written, counts are restored from
        the step between the values and the noise before the pulse, and `notes` says so.

    Raises
    ------
    InputError
        For a file that holds no decay: no numbers, times that are not evenly spaced, values that are not counts, a
        spectrum; for several decays without `column`, and times without a unit.
    """
    place = Path(path)
    curves, stated_ns = _curves(place, unit=unit)
    curve = _chosen(curves, column, name=place.name)
    return _decay(curve, place, period_ns or stated_ns, several=len(curves) > 1)


def read_decays(path: str | Path, *, unit: str | None = None, period_ns: float | None = None) -> list[Decay]:
    """Read all decays of a file, leaving out columns that are not counts; else as :func:`read_decay`."""
    place = Path(path)
    curves, stated_ns = _curves(place, unit=unit)
    decays, errors = [], []
    for curve in curves:
        try:
            decays.append(_decay(curve, place, period_ns or stated_ns, several=len(curves) > 1))
        except InputError as error:
            errors.append(error)
    if errors and not decays:
        raise errors[0]
    return decays


def read_response(path: str | Path, *, unit: str | None = None) -> Response:
    """Read an instrument response: any values that are proportional to counts.

    Parameters
    ----------
    path
        PHU of PicoQuant, or text, as for :func:`read_decay`. Of several columns the one is taken that is named as a
        response ("IRF", "prompt", ..).
    unit
        Unit of the times, where the file does not state it.

    Raises
    ------
    InputError
        As for :func:`read_decay`; several columns of which none or more than one is named as a response.
    """
    place = Path(path)
    curves, _ = _curves(place, unit=unit, field="response")
    named = [curve for curve in curves if _RESPONSE.search(curve.name)]
    if len(curves) > 1 and len(named) != 1:
        message = (
            f"`{place.name}` contains {len(curves)} curves; save the response in a separate file, or name its column "
            "IRF."
        )
        raise InputError(field="response", value=place.name, allowed="one curve", message=message)
    curve = named[0] if len(curves) > 1 else curves[0]
    return Response.measured(curve.values, bin_width_ns=curve.width_ns, first_bin_ns=curve.first_ns)


def stated_unit(path: str | Path, *, column: int | str | None) -> str | None:
    """Return the unit that a text states for the times of a decay, None where it states none."""
    place = Path(path)
    try:
        curves, _ = _curves(place, unit=None)
        return _chosen(curves, column, name=place.name).unit
    except InputError:
        return None


def is_histogram(path: str | Path, *, field: str = "FILE") -> bool:
    """Whether a file is a PHU, or text that does not name the columns of single photons."""
    from qdmol.photons import names_photons

    with open_input(path, field=field) as file:
        head = file.read(_HEAD)
    if head.startswith(_PHU):
        return True
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return marked or (b"\0" not in head and not names_photons(head))


def _curves(path: Path, *, unit: str | None, field: str = "FILE") -> tuple[list[Curve], float | None]:
    """The curves of a file, and the period that it states in ns."""
    if unit is not None:
        unit_ns(unit)
    with open_input(path, field=field, largest=_LARGEST_PHU) as file:
        head = file.read(len(_PHU))
    if head == _PHU:
        return _read_phu(path)
    content = read_input(path, field=field, largest=LARGEST_BYTES)
    text = decoded(content, name=path.name)
    del content
    curves = curves_of(tables_of(text, name=path.name), name=path.name, unit=unit)
    if not curves:
        raise _refusal(path, "a column with counts")
    return curves, None


def _refusal(path: Path, allowed: str) -> InputError:
    return InputError(field="FILE", value=path.name, allowed=allowed)


def _chosen(curves: Sequence[Curve], column: int | str | None, *, name: str) -> Curve:
    """The requested curve, or the only one."""
    if column is None and len(curves) == 1:
        return curves[0]
    listed = ", ".join(
        f"{curve.column} ({curve.name[:30]})" if curve.name else str(curve.column) for curve in curves[:20]
    )
    if column is None:
        message = f"`{name}` contains {len(curves)} decays; choose one with --column: {listed}."
        raise InputError(field="column", value=None, allowed=f"one of {listed}", message=plain_text(message))
    wanted = str(column).strip()
    for curve in curves:
        if wanted == str(curve.column):
            return curve
    named = [curve for curve in curves if curve.name and curve.name.lower() == wanted.lower()]
    if len(named) == 1:
        return named[0]
    raise InputError(field="column", value=column, allowed=f"one of the decays of `{name}`: {listed}")


def _decay(curve: Curve, path: Path, period_ns: float | None, *, several: bool) -> Decay:
    counts, note = whole_counts(curve.values, name=path.name)
    label = f"{path.stem}, column {curve.column}" if several else path.stem
    notes = (*curve.notes, *([note] if note else []))
    return Decay(counts, curve.width_ns, curve.first_ns, period_ns, label=label, notes=notes)


def _read_phu(path: Path) -> tuple[list[Curve], float | None]:
    import struct

    try:
        import ptufile
    except ImportError:
        raise MissingExtraError(extra="photons", purpose="Reading a PHU file") from None
    try:
        with ptufile.PhuFile(path) as file:
            histograms = [np.asarray(one, dtype=np.float64) for one in file.histograms()]
            tags = dict(file.tags)
            stated = tags.get("HistResDscr_MDescResolution") or file.histogram_resolutions or ()
            widths = [float(one) * 1e9 for one in np.atleast_1d(stated)]
    except (
        ptufile.PqFileError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        OSError,
        struct.error,
        NameError,
    ) as error:
        raise _refusal(path, f"a whole PHU file ({error})") from error
    rates = np.atleast_1d(np.asarray(tags.get("HistResDscr_SyncRate", tags.get("TTResult_SyncRate", 0)), dtype=float))
    period = 1e9 / float(rates[0]) if len(rates) and rates[0] > 0 else None
    curves = [
        Curve(k, f"curve {k}", counts, width, 0.0, "ns")
        for k, (counts, width) in enumerate(zip(histograms, widths, strict=False))
        if len(counts) >= FEWEST_ROWS and counts.sum() > 0
    ]
    if not curves or len(widths) != len(histograms):
        raise _refusal(path, "a PHU file with a histogram that has counts")
    return curves, period
