"""Histograms as text: columns of times and counts, as instruments and spreadsheets export them.

Lines of numbers split by tabs, semicolons, commas or spaces, with decimal points or commas, under a header that may
name units ("Time [ns]", "ps") or the width of a channel ("ns/channel", "sec/ch", as PicoQuant, Becker & Hickl and
Horiba write), or blocks ("*BLOCK 1" .. "*END") of Becker & Hickl. In exports of Edinburgh Instruments the rows
"Labels", "Type" and "XAxis" describe each column. Coincidence histograms (g2) are recognised by the words of their
header.

Bins of unequal width, as of logarithmic binning, are read if the file states where they begin and end: columns of both
edges, of one and the width, or a single column whose name says which edge or that it is the centre.

Columns of a table are time axes with their units and curves with their names. Nothing is guessed: missing or ambiguous
information has to be given as an option.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qdmol.arrays import Bools, Floats
from qdmol.errors import InputError
from qdmol.files import printable, read_input
from qdmol.photons.histogram import FEWEST_BINS, Histogram, HistogramFile, HistogramKind, refuse_file
from qdmol.text_tables import LARGEST_BYTES, Table, decoded, split_header, tables_of

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
    r"time|zeit|temps|tiempo|tempo|delay|^\s*[tx]\b|x\s*-?\s*units?|time\s*base|^\W*units?|(?<![^\W\d_])(?:tau|lag)|τ",
    re.IGNORECASE,
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

# words of a coincidence histogram: in the lines above a table, and in the name of a column
_TITLES = (
    r"coinciden|koinzid|co[ïi]ncid|anti\s*-?\s*bunch|second.?order\s+correl|"
    r"(?<![^\W_])g\s?\^?\s?\(2\)|(?<![^\W_])g2(?![\w.])|g²|g⁽²⁾"
)
_COINCIDENCE_TITLE = re.compile(_TITLES, re.IGNORECASE)
_COINCIDENCE_NAME = re.compile(
    rf"{_TITLES}|\bhbt\b|correlations?\b|start\s*-?\s*stop|(?<![^\W_])pairs(?![^\W_])", re.IGNORECASE
)
_DECAY_NAME = re.compile(r"decay|lifetime|tcspc|trpl|irf|prompt|response", re.IGNORECASE)
_RESPONSE_TYPE = re.compile(r"response|irf|prompt", re.IGNORECASE)
# which part of its bin a time is
_START = re.compile(
    r"(?<![^\W_])(?:start|begin(?:ning)?|from|left|lower|low)(?![^\W_])|bin\s*start|^\s*(?:bin\s*)?edges?\b",
    re.IGNORECASE,
)
_END = re.compile(r"(?<![^\W_])(?:ends?|stop|to|right|upper|until)(?![^\W_])|bin\s*end", re.IGNORECASE)
_CENTRE = re.compile(r"(?<![^\W_])(?:centers?|centres?|middle|mid|midpoints?)(?![^\W_])", re.IGNORECASE)
_GATE = re.compile(
    r"(?<![^\W_])(?:bin|gate|channel)[\s_-]*(?:width|size|length)|(?<![^\W_])widths?(?![^\W_])|^\s*(?:d_?t|Δt)\b",
    re.IGNORECASE,
)
_DENSITY = re.compile(
    r"(?:counts?|photons?|events?|intensity)\s*(?:/|per\s)\s*(fs|ps|ns|us|µs|μs|ms)(?![^\W\d_])", re.I
)
_LEAST_RATIO = 1.5  # of the widest bin to the narrowest, from which bins are unequal
_SAME = 1e-3  # of a bin: how far two statements of an edge may differ
_SPC_PARAMETER = re.compile(r"#SP\s*\[\s*(SP_TAC_R|SP_TAC_G|SP_ADC_RE)\s*,\s*\w\s*,\s*([-+.\deE]{1,30})\s*\]")
_LABELS = re.compile(r"\W*labels\s*[\t,;]", re.IGNORECASE)
_INSTRUMENTS = (
    ("Becker & Hickl", re.compile(r"\*block\s|spc\s+setup|#sp\s*\[sp_", re.IGNORECASE)),
    ("PicoQuant", re.compile(r"picoharp|hydraharp|timeharp|multiharp|picoquant", re.IGNORECASE)),
    ("Horiba", re.compile(r"horiba|^item\s+name\s*:|time\s+calibration|datastation|das6", re.IGNORECASE)),
    ("Edinburgh Instruments", re.compile(r"fluoracle|\bf9[08]0\b|\bfls\s?\d{3,4}|edinburgh", re.IGNORECASE)),
)


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


def read_histogram_text(
    path: Path, *, unit: str | None = None, field: str = "FILE", fewest_bins: int = FEWEST_BINS
) -> HistogramFile:
    """Read the curves of a text; columns are numbered through all its tables.

    Parameters
    ----------
    path
        The file, of at most 32 MB: UTF-8, UTF-16 or latin-1.
    unit
        Unit of the times, as "ns", where the file does not state it.
    field
        Name of the argument that has the path; named in the error.
    fewest_bins
        Rows below which numbers are no table but part of a header.

    Raises
    ------
    InputError
        For a text without a table, an axis that is no time, a time axis without a unit, no axis and no stated width, or
        unequal bins whose edges are not stated.
    """
    if unit is not None:
        unit_ns(unit)
    content = read_input(path, field=field, largest=LARGEST_BYTES)
    text = decoded(content, name=path.name)
    del content
    tables = tables_of(text, name=path.name, fewest=fewest_bins)
    curves = curves_of(tables, name=path.name, unit=unit)
    if not curves:
        raise refuse_file(path, "has no column with counts", field=field)
    header = [line for table in tables for line in table.header]
    return HistogramFile(
        str(path), "text", tuple(curves), instrument=_instrument(header), comment=_title(header), header={}
    )


def _instrument(header: Sequence[str]) -> str | None:
    if any(_LABELS.match(line) for line in header) and any(_X_AXIS.match(line) for line in header):
        return "Edinburgh Instruments"
    for name, pattern in _INSTRUMENTS:
        if any(pattern.search(line) for line in header):
            return name
    return None


def _title(header: Sequence[str]) -> str | None:
    for line in header:
        match = re.match(r"\W*(?:title|item\s+name|comment)\s*[:=]\s*(\S.*)", line, re.IGNORECASE)
        if match:
            return printable(match[1].strip(), longest=200)
    return None


def curves_of(tables: Sequence[Table], *, name: str, unit: str | None) -> list[Histogram]:
    """Return the curves of the tables of a file; columns are numbered through all tables.

    Raises
    ------
    InputError
        As for :func:`read_histogram_text`.
    """
    curves: list[Histogram] = []
    before = 0
    shared = [line for table in tables for line in table.header if _SPC_PARAMETER.search(line)]
    titled = any(_COINCIDENCE_TITLE.search(line) for line in tables[0].header) if tables else False
    for table in tables:
        curves += _table_curves(table, name=name, unit=unit, before=before, shared=shared, titled=titled)
        before += table.numbers.shape[1]
    return curves


@dataclass(frozen=True, slots=True)
class _Columns:
    """What the columns of a table are: their names, which are time axes, and which state edges or widths of bins."""

    names: list[str]
    axes: list[bool]
    start: int | None = None
    end: int | None = None
    centre: int | None = None
    gate: int | None = None

    @property
    def states_bins(self) -> bool:
        """Whether two columns state the bins, so that nothing is left open."""
        pair = self.start is not None and self.end is not None
        return pair or (self.gate is not None and True in self.axes)


def _columns(table: Table) -> _Columns:
    names = _names(table)
    axes = [_is_axis(table, k, names) for k in range(len(names))]
    rising = [_rises(table.numbers[:, k]) for k in range(len(names))]
    # with three columns or more: what the names say about the bins
    places: dict[str, int] = {}
    if len(names) > 2:
        for role, pattern in (("gate", _GATE), ("centre", _CENTRE), ("start", _START), ("end", _END)):
            found = [k for k, own in enumerate(names) if pattern.search(own) and k not in places.values()]
            found = [k for k in found if rising[k] or (role == "gate" and _are_widths(table.numbers[:, k]))]
            if len(found) == 1:
                places[role] = found[0]
    if not ({"start", "end"} <= set(places) or ("gate" in places and (rising[0] or len(places) > 1))):
        return _Columns(names, axes)
    for k in places.values():
        axes[k] = True
    return _Columns(names, axes, **places)


@dataclass(frozen=True, slots=True)
class _Header:
    """What the lines above a table say about all of its columns; found once, as there may be thousands of columns.

    `near` are units of time of a line of units, `far` those of other lines about times; `rows` are lines with a field
    for each column. `density` is the unit of values that are counts per time, `titled` tells coincidences, and `bins`
    is the text of the lines about bins.
    """

    near: frozenset[float]
    far: frozenset[float]
    rows: tuple[list[str], ...]
    density: str | None
    titled: bool
    bins: str

    @classmethod
    def of(cls, table: Table, *, titled: bool) -> _Header:
        columns = table.numbers.shape[1]
        near, far, rows = set(), set(), []
        for line in table.header:
            fields = split_header(line)
            while len(fields) > columns and not fields[-1]:
                fields.pop()
            if re.match(r"\W*(?:x|time)\s*-?\s*units?", fields[0] if fields else "", re.IGNORECASE):
                # a line of units: one for each curve, or one for all
                near |= {unit_ns(found) for field in fields for found in _UNIT.findall(field)}
                continue
            if len(fields) == columns:
                rows.append(fields)
            if (
                _TIME.search(line)
                and not _OTHER_TIMES.search(line)
                and not _WIDTH.search(line)
                and not _PER_CHANNEL.search(line)
            ):
                far |= {unit_ns(found) for found in _UNIT.findall(line)}
        density = next((match[1] for line in table.header if (match := _DENSITY.search(line))), None)
        titled = titled or any(_COINCIDENCE_TITLE.search(line) for line in table.header)
        about = [line for line in table.header if re.search(r"\bbins?\b|\bedges?\b|\bchannels?\b", line, re.IGNORECASE)]
        return cls(frozenset(near), frozenset(far), tuple(rows), density, titled, " ".join(about))


def _rises(column: Floats) -> bool:
    column = column[~np.isnan(column)]
    return len(column) > 1 and bool((np.diff(column) > 0).all())


def _are_widths(column: Floats) -> bool:
    column = column[~np.isnan(column)]
    return len(column) > 1 and bool((column > 0).all())


def _table_curves(
    table: Table, *, name: str, unit: str | None, before: int, shared: Sequence[str], titled: bool
) -> list[Histogram]:
    known = _columns(table)
    names, axes = known.names, known.axes
    _refuse_spectrum(table, names, axes, name)
    widths = _stated_widths_ns(table.header) or _spc_width_ns(shared)
    types, header = _types(table), _Header.of(table, titled=titled)
    curves = []
    for k in range(len(names)):
        if axes[k]:
            continue
        values = _whole(table.numbers[:, k], name)
        if values is None:
            continue
        # the nearest axis to the left, or the only one of the table
        axis = next((j for j in range(k - 1, -1, -1) if axes[j]), axes.index(True) if axes.count(True) == 1 else None)
        curve = Histogram(before + k, names[k], values, 1.0, kind=_kind(names[k], titled=header.titled))
        if types and k < len(types):
            marked = _RESPONSE_TYPE.search(types[k]) and not _RESPONSE_TYPE.search(names[k])
            label = f"{names[k]} (instrument response)" if marked else names[k]
            curve = replace(curve, name=label, header={"Type": types[k]})
        own = None if axis is None else _axis_unit(header, axis, names)
        stated = next((key for key, value in UNITS.items() if value == own), None)
        curve = replace(curve, unit=stated)
        if known.states_bins:
            curves.append(_with_stated_bins(curve, table.numbers, header, known, unit, name))
        elif axis is None or (widths and own is None and _is_channels(table.numbers[: len(values), axis])):
            curve = replace(curve, width_ns=_width_of(widths, k, axes, name))
            curves.append(_as_counts(curve, header, name))
        else:
            curves.append(_on_axis(curve, table.numbers, header, axis, names, unit, name))
    return curves


def _on_axis(  # of one table
    curve: Histogram, numbers: Floats, header: _Header, axis: int, names: Sequence[str], unit: str | None, name: str
) -> Histogram:
    """The curve on a column of times: evenly spaced ones are centres of the bins."""
    times = numbers[: len(curve.values), axis]
    if np.isnan(times).any():
        raise _table_refusal(name, "a time for each count")
    scale, notes = _scale(header, axis, names, unit, name)
    times = times * scale
    even = _even(times)
    if even is not None:
        start, width = even
        deviation = float(np.abs(times - (start + width * np.arange(len(times)))).max()) / width
        curve = replace(
            curve,
            width_ns=width,
            first_ns=start - 0.5 * width,
            unevenness=deviation,
            notes=(*curve.notes, *notes),
        )
        return _as_counts(curve, header, name)
    edges, remark = _edges_from(times, _words_of_bins(header, names[axis]), name)
    return _unequal(curve, edges, (*notes, *remark), header, name)


def _with_stated_bins(  # of one table
    curve: Histogram, numbers: Floats, header: _Header, known: _Columns, unit: str | None, name: str
) -> Histogram:
    """The curve in bins that two columns state."""
    n = len(curve.values)

    def column(k: int) -> Floats:
        values = numbers[:n, k]
        if np.isnan(values).any():
            raise _table_refusal(name, "edges for each bin")
        scaled: Floats = values * _scale(header, k, known.names, unit, name)[0]
        return scaled

    if known.start is not None and known.end is not None:
        left, right = column(known.start), column(known.end)
    else:
        assert known.gate is not None
        gate = column(known.gate)
        if known.start is not None:
            left = column(known.start)
        elif known.end is not None:
            left = column(known.end) - gate
        elif known.centre is not None:
            left = column(known.centre) - 0.5 * gate
        else:
            times = column(known.axes.index(True))
            # the one of both that leaves no gaps
            gaps = [float(np.abs(np.diff(first) - gate[:-1]).max()) for first in (times, times - 0.5 * gate)]
            left = times if gaps[0] <= gaps[1] else times - 0.5 * gate
        right = left + gate
    width = right - left
    narrowest = float(width.min())
    if not narrowest > 0 or np.abs(right[:-1] - left[1:]).max() > max(
        _SAME * narrowest, 1e-9 * float(np.abs(right).max())
    ):
        raise _table_refusal(name, "bins that follow each other without gaps and overlaps")
    edges = np.append(left, right[-1])
    notes = _scale(header, known.axes.index(True), known.names, unit, name)[1]
    return _unequal(curve, edges, notes, header, name)


def _words_of_bins(header: _Header, own: str) -> str:
    """The text that may say which part of a bin a time is: the name of the column, else the lines about bins."""
    return own if _START.search(own) or _END.search(own) or _CENTRE.search(own) else header.bins


def _edges_from(times: Floats, words: str, name: str) -> tuple[Floats, tuple[str, ...]]:
    """Edges of unequal bins from one time of each bin (n,), with a note on what was assumed."""
    steps = np.diff(times)
    if not (steps > 0).all():
        raise _table_refusal(name, "times that increase in equal steps")
    said = [role for role, pattern in (("start", _START), ("end", _END), ("centre", _CENTRE)) if pattern.search(words)]
    if said == ["start"]:
        last = steps[-1] * steps[-1] / steps[-2]
        text = f"The width of the last bin, {last:.4g} ns, is continued from the bins before it."
        return np.append(times, times[-1] + last), (text,)
    if said == ["end"]:
        first = steps[0] * steps[0] / steps[1]
        text = f"The width of the first bin, {first:.4g} ns, is continued from the bins behind it."
        return np.concatenate(([times[0] - first], times)), (text,)
    ratios = times[1:] / times[:-1] if (times > 0).all() else np.zeros(0)
    if said == ["centre"] and len(ratios) and ratios.max() - ratios.min() < 0.02 * (ratios.mean() - 1.0) + 1e-6:
        q = float((times[-1] / times[0]) ** (1.0 / (len(times) - 1)))
        edges = 2.0 / (1.0 + q) * times[0] * q ** np.arange(len(times) + 1)
        shift = 100.0 * ((1.0 + q) / (2.0 * math.sqrt(q)) - 1.0)
        text = (
            "The times are taken as arithmetic means of the edges of their bins; if they are geometric means, "
            f"lifetimes are {shift:.2g} % longer."
        )
        return edges, (text,)
    allowed = (
        "times that increase in equal steps, or bins of stated edges: columns of start and end, or of one of them or "
        "the centre and the width, or one column named bin start, bin end or (for logarithmic bins) bin centre"
    )
    raise _table_refusal(name, allowed)


def _unequal(curve: Histogram, edges: Floats, notes: tuple[str, ...], header: _Header, name: str) -> Histogram:
    widths = np.diff(edges)
    if widths.max() < (1.0 + 2.0 * _SAME) * widths.min():
        width = float(edges[-1] - edges[0]) / len(widths)
        even = replace(curve, width_ns=width, first_ns=float(edges[0]), notes=(*curve.notes, *notes))
        return _as_counts(even, header, name)
    edges = np.ascontiguousarray(edges)
    remark = f"The bins are unequal, {widths.min():.4g} to {widths.max():.4g} ns wide."
    uneven = replace(
        curve, edges=edges, width_ns=float(widths.min()), first_ns=float(edges[0]), notes=(*curve.notes, *notes, remark)
    )
    return _as_counts(uneven, header, name)


def _as_counts(curve: Histogram, header: _Header, name: str) -> Histogram:
    """Counts per bin; a density ("counts/ns") is multiplied by the widths, where that gives whole numbers."""
    if curve.kind != "decay":
        return curve
    match = _DENSITY.search(curve.name)
    stated = header.density if match is None else match[1]
    widths = np.diff(curve.edges_ns)
    if stated is not None:
        scale = unit_ns(stated)
        counts = _rounded(curve.values * widths / scale)
        if counts is None:
            allowed = f"counts/{stated} that make whole numbers of counts in their bins; these do not"
            raise _table_refusal(name, allowed)
        text = f"The values are counts per {stated}; they were multiplied by the widths of the bins."
        return replace(curve, values=counts, notes=(*curve.notes, text))
    if curve.edges is None or curve.is_counts:
        return curve
    # unequal bins, and no word about the values
    unit = curve.unit or "ns"
    counts = _rounded(curve.values * widths / UNITS[unit])
    if counts is not None:
        text = (
            f"The values are taken as counts per {unit}: multiplied by the widths of the bins they are whole numbers."
        )
        return replace(curve, values=counts, notes=(*curve.notes, text))
    raise _table_refusal(
        name, "counts per bin as whole numbers, or counts/ns stated as such, for bins of unequal width"
    )


def _rounded(values: Floats) -> Floats | None:
    """Whole numbers, where the values are such within the digits of a text; else None."""
    whole = np.round(values)
    off: Bools = np.abs(values - whole) > np.maximum(0.02, 1e-5 * np.abs(whole))
    return None if off.any() or whole.min() < 0 else whole


def _kind(own: str, *, titled: bool) -> HistogramKind:
    """Whether a curve is of coincidences: by its name, else by the lines above it."""
    if _COINCIDENCE_NAME.search(own):
        return "coincidences"
    return "coincidences" if titled and not _DECAY_NAME.search(own) else "decay"


def _types(table: Table) -> list[str]:
    """Row "Type" of an export of Edinburgh Instruments: one for each column, the first the word itself."""
    labelled = any(_LABELS.match(line) for line in table.header)
    rows = [split_header(line) for line in table.header if re.match(r"\W*type\s*[\t,;]", line, re.IGNORECASE)]
    return rows[0] if labelled and rows else []


def _labels(table: Table) -> list[str] | None:
    """Names of the columns from the rows "Labels" and "XAxis"; None where there are no such rows."""
    columns = table.numbers.shape[1]
    labels = next((split_header(line) for line in table.header if _LABELS.match(line)), None)
    axis = next((split_header(line) for line in table.header if _X_AXIS.match(line)), None)
    if labels is None or axis is None or len(axis) < 2:
        return None
    padded = (labels[1:] + [""] * columns)[: columns - 1]
    return [axis[1], *padded]


def _spc_width_ns(lines: Sequence[str]) -> list[float]:
    """Width of a bin from the parameters of the card: range of the TAC over its gain and the number of bins."""
    found: dict[str, float] = {}
    for line in lines:
        for key, value in _SPC_PARAMETER.findall(line):
            try:
                found[key] = float(value)
            except ValueError:
                return []
    if len(found) < 3 or not all(math.isfinite(value) and value > 0 for value in found.values()):
        return []
    return _positive([repr(1e9 * found["SP_TAC_R"] / (found["SP_TAC_G"] * found["SP_ADC_RE"]))], 1.0)


def _table_refusal(name: str, allowed: str) -> InputError:
    return InputError(field="FILE", value=name, allowed=allowed)


def _names(table: Table) -> list[str]:
    """Names of the columns: of the last line above the numbers that has one for each."""
    labels = _labels(table)
    if labels is not None:
        return labels
    columns = table.numbers.shape[1]
    block = re.match(r"\*(block\s+\w+)", table.header[-1], re.IGNORECASE) if table.header else None
    if block is not None:
        return [block[1].lower()] * columns
    for line in reversed(table.header[-_NAMED_LINES:]):
        fields = split_header(line)
        while len(fields) > columns and not fields[-1]:
            fields.pop()
        worded = any(re.search(r"[^\W\d_]", field) for field in fields)
        if worded and len(fields) == columns and not _are_units(fields) and not _PER_CHANNEL.search(line):
            return fields
    return [""] * columns


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
            message = f"`{name}` has {printable(field[:40])!r} for its axis; an emission spectrum is not a decay."
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


def _scale(
    header: _Header, axis: int, names: Sequence[str], unit: str | None, name: str
) -> tuple[float, tuple[str, ...]]:
    """The unit of an axis in ns: as given, else as the file states it."""
    stated = _axis_unit(header, axis, names)
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


def _axis_unit(header: _Header, axis: int, names: Sequence[str]) -> float | None:
    """Unit of an axis in ns, where the file states exactly one."""
    own = {unit_ns(found) for found in _UNIT.findall(names[axis])}
    if own:
        return own.pop() if len(own) == 1 else None
    alone = {unit_ns(match[1]) for fields in header.rows if (match := _ALONE.fullmatch(fields[axis])) is not None}
    units = header.near | alone or header.far
    return next(iter(units)) if len(units) == 1 else None


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


def _even(times: Floats) -> tuple[float, float] | None:
    """First time and step of evenly spaced times, which may be rounded; None for others."""
    n = len(times)
    width = float(times[-1] - times[0]) / (n - 1)
    line = times[0] + width * np.arange(n)
    if not (math.isfinite(width) and width > 0 and np.abs(times - line).max() <= 1.05 * width):
        return None
    return float(times[0]), width
