"""Decay histograms from files: PicoQuant PHU, and text with columns of times and counts.

Text is what instruments and spreadsheets export: lines of numbers split by tabs, semicolons, commas or spaces, with
decimal points or commas, under a header that may name units ("Time [ns]", "ps") or the width of a channel
("ns/channel", as PicoQuant and Becker & Hickl write), or blocks ("*BLOCK 1" .. "*END") of Becker & Hickl.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.restoring import whole_counts
from qdmol.analysis.lifetime.values import Decay
from qdmol.errors import InputError, MissingExtraError

__all__ = ["read_decay", "read_decays"]

Floats = NDArray[np.float64]

_LARGEST_BYTES = 200_000_000
_UNITS = {"fs": 1e-6, "ps": 1e-3, "ns": 1.0, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9}
_UNIT = re.compile(r"(?<![A-Za-zµμ])(fs|ps|ns|us|µs|μs|ms|s)(?![A-Za-z])", re.IGNORECASE)
_NUMBER = r"[-+]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][-+]?\d+)?"
_WIDTH = re.compile(rf"(?:(ps|ns|us|µs)\s*/\s*(?:channel|bin|ch)\b(?:[^\d\n]*?({_NUMBER}))?)", re.IGNORECASE)
_FEWEST_ROWS = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Numbers of a text file (rows, columns), and the lines above them."""

    header: list[str]
    numbers: Floats


def read_decay(path: str | Path, *, column: int = 0, period_ns: float | None = None) -> Decay:
    """Read a decay from a file of histograms.

    Parameters
    ----------
    path
        PHU of PicoQuant, or text.
    column
        Which decay of the file, from 0.
    period_ns
        Time between excitation pulses, where the file does not say it.

    Returns
    -------
    Decay
        Counts as whole numbers. If a background was subtracted before the file was written, counts are restored from
        the step between the values and the noise before the pulse, and `notes` says so.

    Raises
    ------
    InputError
        For a file that holds no decay: no numbers, times that are not evenly spaced, values that are not counts.
    """
    decays = read_decays(path, period_ns=period_ns)
    if not 0 <= column < len(decays):
        raise InputError(field="column", value=column, allowed=f"from 0 to {len(decays) - 1}, the decays of the file")
    return decays[column]


def read_decays(path: str | Path, *, period_ns: float | None = None) -> list[Decay]:
    """Read all decays of a file; else as :func:`read_decay`."""
    place = Path(path)
    try:
        size = place.stat().st_size
        with place.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise _refusal(place, f"a file that can be read ({reason})") from error
    if size > _LARGEST_BYTES:
        raise _refusal(place, f"a histogram of at most {_LARGEST_BYTES // 1_000_000} MB")
    if head.startswith(b"PQHISTO"):
        return _read_phu(place, period_ns)
    if b"\0" in head:
        raise _refusal(place, "a decay histogram as text or PHU; this is binary")
    text = place.read_bytes().decode("utf-8-sig", errors="replace")
    return _from_table(place, _table(place, text), period_ns)


def _refusal(path: Path, allowed: str) -> InputError:
    return InputError(field="FILE", value=path.name, allowed=allowed)


def _read_phu(path: Path, period_ns: float | None) -> list[Decay]:
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
    period = period_ns or (1e9 / float(rates[0]) if len(rates) and rates[0] > 0 else None)
    decays = [
        Decay(counts, width, period_ns=period, label=f"curve {k}")
        for k, (counts, width) in enumerate(zip(histograms, widths, strict=False))
        if len(counts) >= _FEWEST_ROWS and counts.sum() > 0
    ]
    if not decays or len(widths) != len(histograms):
        raise _refusal(path, "a PHU file with a histogram that has counts")
    return decays


def _table(path: Path, text: str) -> _Table:
    """Split text into a header and the longest run of lines with the same number of numbers."""
    lines = [line.strip() for line in text.splitlines()]
    filled = [line for line in lines if line and not line.lower().startswith("*end")]
    decimal_comma = _has_decimal_commas(filled)
    rows: list[list[float]] = []
    header: list[str] = []
    for line in filled:
        numbers = _numbers(line, decimal_comma=decimal_comma)
        if numbers is None:
            if len(rows) >= _FEWEST_ROWS:
                break
            # a few numbers between lines of text belong to the header
            header += [*(" ".join(map(repr, row)) for row in rows), line]
            rows = []
        elif rows and len(numbers) != len(rows[0]):
            raise _refusal(path, f"columns of one length; a row has {len(numbers)} numbers, not {len(rows[0])}")
        else:
            rows.append(numbers)
    if len(rows) < _FEWEST_ROWS:
        raise _refusal(path, f"a table with at least {_FEWEST_ROWS} rows of numbers")
    table = np.array(rows)
    if not np.isfinite(table).all():
        raise _refusal(path, "a table of finite numbers")
    return _Table(header, table)


def _has_decimal_commas(lines: list[str]) -> bool:
    """Commas between digits, and another sign between the columns, and no decimal points."""
    sample = [line for line in lines[:5000] if re.match(r"^[-+.,;\s\deE]+$", line)]
    with_comma = sum(bool(re.search(r"\d,\d", line)) for line in sample)
    split_otherwise = sum(bool(re.search(r"[;\t]|\d\s+[-+\d]", line)) for line in sample)
    points = sum("." in line for line in sample)
    single = all(line.count(",") <= 1 for line in sample) and split_otherwise > 0
    return with_comma > 0 and points == 0 and (single or split_otherwise == len(sample))


def _numbers(line: str, *, decimal_comma: bool) -> list[float] | None:
    """The numbers of a line; None if it holds anything else."""
    parts = re.split(r"[;\t ]+", line) if decimal_comma else re.split(r"[;,\t ]+", line)
    parts = [part for part in parts if part]
    try:
        return [float(part.replace(",", ".")) for part in parts] or None
    except ValueError:
        return None


def _from_table(path: Path, table: _Table, period_ns: float | None) -> list[Decay]:
    numbers = table.numbers
    stated = _stated_width_ns(table.header)
    notes: tuple[str, ...] = ()
    if numbers.shape[1] == 1 or (stated is not None and not _is_time(numbers[:, 0])):
        if stated is None:
            raise _refusal(path, "two columns, times and counts, or a header that states the width of a channel")
        first, width, columns = 0.0, stated, numbers
    else:
        unit = _unit(table.header)
        if unit is None:
            notes = ("The file names no unit of time; it is taken as ns.",)
        times = numbers[:, 0] * _UNITS[unit or "ns"]
        first, width = _even(path, times)
        columns = numbers[:, 1:]
    decays = []
    for k, column in enumerate(columns.T):
        if not (column != 0).any():
            continue
        counts, note = whole_counts(column, name=path.name)
        label = f"{path.stem}, column {k + 1}" if columns.shape[1] > 1 else path.stem
        decays.append(
            Decay(counts, width, first - 0.5 * width, period_ns, label=label, notes=(*notes, *([note] if note else [])))
        )
    if not decays:
        raise _refusal(path, "a column with counts")
    return decays


def _is_time(column: Floats) -> bool:
    steps = np.diff(column)
    return bool((steps > 0).all() and steps.max() < 1.5 * steps.min())


def _unit(header: list[str]) -> str | None:
    """The unit of time in the header: of the last line that names one."""
    for line in reversed(header):
        match = _UNIT.search(line)
        if match is not None and match.group(1) in _UNITS:
            return match.group(1)
        if match is not None and match.group(1).lower() in _UNITS and match.group(1) != "S":
            return match.group(1).lower()
    return None


def _stated_width_ns(header: list[str]) -> float | None:
    """Width of a channel from a header such as "#ns/channel" with the number behind it or in the next line."""
    for k, line in enumerate(header):
        match = _WIDTH.search(line)
        if match is None:
            continue
        number = match.group(2)
        if number is None and k + 1 < len(header):
            following = re.search(_NUMBER, header[k + 1])
            number = following.group(0) if following else None
        if number is not None:
            value = float(number.replace(",", ".")) * _UNITS[match.group(1).lower()]
            return value if math.isfinite(value) and value > 0 else None
    return None


def _even(path: Path, times: Floats) -> tuple[float, float]:
    """First time and step of evenly spaced times, which may be rounded."""
    n = len(times)
    width = float(times[-1] - times[0]) / (n - 1)
    line = times[0] + width * np.arange(n)
    if not (width > 0 and np.abs(times - line).max() <= 1.05 * width):
        raise _refusal(path, "times in the first column that rise in even steps")
    return float(times[0]), width
