"""Time tags as text: columns of numbers, with a comma, semicolon, tab or blanks between them.

Columns are `time` and `channel` (T2), or `sync` (number of the pulse), `delay` and `channel` (T3), named in the first
line with their unit, as `channel,time_ps` or `sync;delay [ns];channel`. Comment lines start with #, % or //; they may
state `sync_period_ps: 12500`, `sync_channel: 5`, `tick_ps: 81`, `unit: ns`. Times become whole ps without going
through floating point.

What the columns of a text of time tags are: delimiter, names, units, and what comment lines state.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.errors import DataError, InputError
from qdmol.photons.ordering import ordered
from qdmol.photons.raw_files import check_span, file_size, not_a_file_of, read_bytes
from qdmol.photons.stream import Mode, PhotonStream, Provenance, Records
from qdmol.photons.synchronising import find_sync_channel
from qdmol.photons.tag_files import split_sync

KIND = "a text of time tags"
# Bytes from which the columns are understood.
HEAD = 1 << 16
EXAMPLE = "the first line must name the columns, for example `channel,time_ps` or `sync,delay_ps,channel`"
POWERS = {"ps": 0, "ns": 3, "us": 6, "µs": 6, "μs": 6, "ms": 9, "s": 12, "sec": 12, "seconds": 12}
UNIT = re.compile(r"(?:^|[\s_\[(/.])(ps|ns|us|µs|μs|ms|s|sec|seconds|ticks?|bins?)[\])]?\s*$", re.IGNORECASE)
ROLES = (
    ("counts", re.compile(r"count|intensity|cps|wavelength|absorb|energy", re.IGNORECASE)),
    ("channel", re.compile(r"^\s*(channel|chan|ch|detector|det|input)", re.IGNORECASE)),
    ("delay", re.compile(r"delay|dtime|micro|nano|tcspc|tau", re.IGNORECASE)),
    ("sync", re.compile(r"sync|pulse|period", re.IGNORECASE)),
    ("time", re.compile(r"time|stamp|tag|arriv|toa|macro|^\s*t\s*([\s_\[(/.].*)?$", re.IGNORECASE)),
)
STATEMENT = re.compile(
    r"^[#%/\s]*([A-Za-z][A-Za-z _-]{0,40}?)\s{0,9}(?:[\[(]([A-Za-zµμ]+)[\])])?\s{0,9}[:=]\s*(\S.{0,60}?)\s*$"
)
COMMENT = re.compile(r"^\s*(#|%|//)")
# each part can match in one way only: a long line of digits must not be tried in many
NUMBER = re.compile(r"^[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?$")
LONGEST_NUMBER = 60  # characters
LONGEST_NAMES = 1000  # characters of a line of names or a comment that are looked at
# ticks of 1 fs to 1 s, and pulses from 10 GHz down to one in 10 s
TICKS_PS = (1e-3, 1e12)
PERIODS_PS = (100.0, 1e13)
_FEWEST_STEPS = 7
_UNEVEN = 2.1  # ratio of steps that a histogram's rounded times do not have
_NAMED_LINES = 100  # in which the names of the columns are looked for
FREQUENCIES = {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9}


@dataclass(frozen=True, slots=True)
class Layout:
    """How the lines of a text are to be read.

    Attributes
    ----------
    delimiter, decimal : str
        One character each; a space as delimiter represents any blanks.
    roles : tuple of str
        ``"time"``, ``"channel"``, ``"sync"``, ``"delay"`` or ``""`` for each column.
    powers : tuple of int
        Numbers of a column times ten to this are ps (times and delays), else ticks.
    tick_ps : float
        Length of a tick.
    sync_period_ps : float or None
        As a comment states.
    sync_channel : int or None
        As a comment states.
    first : int
        Byte where the lines of numbers start.
    first_line : int
        Lines before it.
    statements : Mapping
        What the comments state.
    notes : tuple of str
        What had to be taken for granted.
    """

    delimiter: str
    decimal: str
    roles: tuple[str, ...]
    powers: tuple[int, ...]
    tick_ps: float
    sync_period_ps: float | None
    sync_channel: int | None
    first: int
    first_line: int
    statements: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def understand(head: bytes, path: Path) -> Layout:
    """Return how the text that starts with `head` is to be read.

    Raises
    ------
    InputError
        It is no text, has no line of numbers, or columns or units that are not understood.
    """
    lines = _lines(head, path)
    statements: dict[str, str] = {}
    place = 0
    names: str | None = None
    sample: list[str] = []
    first = first_line = 0
    for number, line in enumerate(lines):
        bare = line.strip().lstrip("\ufeff")
        is_numbers = _is_numbers(bare)
        if is_numbers and not sample:
            first, first_line = place, number
        if is_numbers:
            sample.append(bare)
        elif bare and not COMMENT.match(bare) and sample:
            break  # the reader will say which line is bad
        elif bare:
            names = _header(bare, names, statements)
        place += len(line.encode("utf-8", "surrogateescape"))
    if not sample:
        raise not_a_file_of(KIND, path, why="it has no line of numbers near its start")
    return _layout(path, names, sample, statements, (first, first_line))


def _lines(head: bytes, path: Path) -> list[str]:
    if b"\0" in head:
        raise not_a_file_of(KIND, path, why="it contains zero bytes, which text does not (save it as UTF-8)")
    lines = head.decode("utf-8", "surrogateescape").split("\n")
    # of a head that was cut out of a longer file the last line is not whole
    cut = len(lines) > 1 and len(head) >= HEAD
    return [line + "\n" for line in (lines[:-1] if cut else lines)]


def _header(line: str, names: str | None, statements: dict[str, str]) -> str | None:
    """Take what a line before the numbers says: a statement in a comment, or the names of the columns."""
    line = line[:LONGEST_NAMES]
    stated = STATEMENT.match(line)
    if stated:
        key = re.sub(r"[ -]", "_", stated[1].strip().lower())
        statements[key] = f"{stated[3]} {stated[2]}" if stated[2] else stated[3]
        return names
    bare = re.sub(r"^[#%/\s]+", "", line)
    if COMMENT.match(line) and not any(role for role, _ in map(_role, _split(bare, _delimiter([bare])))):
        return names
    return bare


def _is_numbers(line: str) -> bool:
    fields = [part.strip().strip('"') for part in re.split(r"[;,\t ]+", line) if part.strip()]
    return bool(fields) and _looks_numeric(fields[0]) and sum(map(_looks_numeric, fields)) * 2 >= len(fields)


def _looks_numeric(text: str) -> bool:
    return len(text) <= LONGEST_NUMBER and NUMBER.match(text) is not None


def _delimiter(lines: list[str]) -> str:
    for delimiter in ("\t", ";", ","):
        # the last line may be cut
        if sum(delimiter in line for line in lines) > len(lines) / 2:
            return delimiter
    return " "


def _split(line: str, delimiter: str) -> list[str]:
    parts = line.split() if delimiter == " " else line.split(delimiter)
    if len(parts) > 1 and not parts[-1].strip():
        parts = parts[:-1]  # a delimiter at the end of the line
    return [part.strip().strip('"') for part in parts]


def _role(name: str) -> tuple[str, str | None]:
    """Role of a column by its name, and its unit."""
    unit = UNIT.search(name)
    for role, pattern in ROLES:
        if pattern.search(name):
            return role, unit[1].lower() if unit else None
    return "", None


def _layout(
    path: Path, names: str | None, sample: list[str], statements: dict[str, str], start: tuple[int, int]
) -> Layout:
    delimiter = _delimiter(sample)
    # a comma beside another delimiter is a decimal mark
    decimal = "," if delimiter != "," and any("," in line for line in sample) else "."
    rows = [_split(line.replace(",", ".") if decimal == "," else line, delimiter) for line in sample]
    if delimiter == "," and names is not None and len(rows[0]) == 2 * len(_split(names, _delimiter([names]))):
        raise not_a_file_of(KIND, path, why="commas seem to be both decimal marks and delimiters")
    units: list[str | None] = [None] * len(rows[0])
    if names is None:
        roles = _guessed(path, rows[:500])
    else:
        roles, units = _named(path, names, delimiter, rows)
        if _are_counts(roles, rows):
            why = "its times increase in equal steps, like the axis of a histogram"
            raise not_a_file_of(KIND, path, why=why)
    rows = rows[:500]
    notes: list[str] = []
    tick_ps, powers = _units(path, roles, units, rows, statements, notes)
    period = _period_ps(statements)
    if period is not None:
        period = _within(path, "sync period", period, PERIODS_PS)
    if "sync" in roles and period is None:
        raise not_a_file_of(KIND, path, why="it needs a comment with the period, such as `# sync_period_ps: 12500`")
    channel = statements.get("sync_channel", "").strip()
    return Layout(
        delimiter=delimiter,
        decimal=decimal,
        roles=tuple(roles),
        powers=tuple(powers),
        tick_ps=tick_ps,
        sync_period_ps=period,
        sync_channel=int(channel) if re.fullmatch(r"\d{1,3}", channel) else None,
        first=start[0],
        first_line=start[1],
        statements=statements,
        notes=tuple(notes),
    )


def _named(path: Path, names: str, delimiter: str, rows: list[list[str]]) -> tuple[list[str], list[str | None]]:
    split = _split(names, delimiter)
    if len(split) != len(rows[0]):
        split = _split(names, _delimiter([names]))
    if len(split) != len(rows[0]):
        raise not_a_file_of(KIND, path, why=f"{len(split)} columns are named but {len(rows[0])} are present; {EXAMPLE}")
    columns = [_role(name) for name in split]
    roles = [role for role, _ in columns]
    if "counts" in roles:
        raise not_a_file_of(KIND, path, why=f"its columns ({', '.join(split)[:60]}) are not those of a list of photons")
    wanted = {"sync", "delay"} if "sync" in roles else {"time"}
    extra = {role for role in roles if role} - wanted - {"channel"}
    unknown = "channel" not in roles and len(roles) > len(wanted)
    if wanted - set(roles) or extra or unknown or any(roles.count(role) > 1 for role in (*wanted, "channel")):
        raise not_a_file_of(KIND, path, why=f"its columns ({', '.join(split)[:60]}) are not understood; {EXAMPLE}")
    return roles, [unit for _, unit in columns]


def _guessed(path: Path, rows: list[list[str]]) -> list[str]:
    """Roles of columns without names: small whole numbers are channels."""
    columns = list(zip(*[row for row in rows if len(row) == len(rows[0])], strict=True))
    if len(columns) == 1:
        if not _are_arrivals(columns[0]):
            raise not_a_file_of(KIND, path, why="the numbers of its only column do not increase, as photon times must")
        return ["time"]
    small = [all(re.fullmatch(r"[+-]?\d{1,3}", value) and abs(int(value)) < 128 for value in c) for c in columns]
    if len(columns) == 2 and small.count(True) == 1 and _are_arrivals(columns[small.index(False)]):
        return ["channel" if is_small else "time" for is_small in small]
    raise not_a_file_of(KIND, path, why=f"the meaning of its columns is unclear; {EXAMPLE}")


def _are_arrivals(column: Sequence[str]) -> bool:
    """Whether numbers may be times of photons: most of them rise, and not in even steps as the axis of a histogram."""
    if not all(map(_looks_numeric, column)):
        return False
    times = [float(value) for value in column]
    steps = [later - earlier for earlier, later in pairwise(times)]
    if len(steps) < _FEWEST_STEPS:
        return True
    even = max(steps) - min(steps) <= 1e-3 * abs(max(steps))
    return not even and sum(step >= 0 for step in steps) > 0.9 * len(steps)


def _are_counts(roles: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether columns named as times and channels are a histogram: even times beside more than two values.

    Photons do not come in even steps; pulses of a laser do, on one or two channels.
    """
    if not {"time", "channel"} <= set(roles) or "sync" in roles:
        return False
    whole = [row for row in rows if len(row) == len(roles)]
    cells = [row[roles.index("time")] for row in whole]
    if len(cells) <= _FEWEST_STEPS or not all(map(_looks_numeric, cells)):
        return False
    times = [float(cell) for cell in cells]
    steps = [later - earlier for earlier, later in pairwise(times)]
    # even within their rounding
    if not (min(steps) > 0 and max(steps) < _UNEVEN * min(steps)):
        return False
    channels = [k for k, role in enumerate(roles) if role == "channel"]
    return len(channels) > 1 or len({row[channels[0]] for row in whole}) > 2


def names_photons(head: bytes) -> bool:
    """Whether the first lines of a text name the columns of single photons: times and channels, or pulses."""
    lines = head.decode("utf-8", "replace").split("\n")
    for number, line in enumerate(lines[:_NAMED_LINES]):
        bare = re.sub(r"^[#%/\s]+", "", line[:LONGEST_NAMES])
        named = [role for role, _ in map(_role, _split(bare, _delimiter([bare])))]
        roles = set(named)
        if "counts" in roles or not ({"time", "channel"} <= roles or {"sync", "delay"} <= roles):
            continue
        # the last line may be cut
        sample = [row.strip() for row in lines[number + 1 : -1] if _is_numbers(row.strip())]
        delimiter = _delimiter(sample)
        rows = [_split(row if delimiter == "," else row.replace(",", "."), delimiter) for row in sample]
        # a sentence of a comment names no columns
        if (not rows or len(rows[0]) == len(named)) and not _are_counts(named, rows):
            return True
    return False


def _units(
    path: Path,
    roles: list[str],
    units: list[str | None],
    rows: list[list[str]],
    statements: dict[str, str],
    notes: list[str],
) -> tuple[float, list[int]]:
    """Return the tick in ps and, for each column, the power of ten that makes its numbers ticks."""
    timed = [k for k, role in enumerate(roles) if role in {"time", "delay"}]
    stated = next((statements[key] for key in ("unit", "time_unit", "units") if key in statements), None)
    unit = units[timed[0]] or (stated.strip().lower() if stated else None)
    tick = 1.0
    if unit is not None and re.fullmatch(r"(tick|bin)s?", unit):
        tick_ps = _stated_ps(statements, ("tick", "resolution", "bin_width", "bin"))
        if tick_ps is None:
            raise not_a_file_of(
                KIND, path, why="its times are in ticks, but no comment states the tick, such as `# tick_ps: 81`"
            )
        tick, power = _within(path, "tick", tick_ps, TICKS_PS), 0
    elif unit is None:
        if any("." in row[timed[0]] for row in rows if len(row) == len(roles)):
            raise not_a_file_of(KIND, path, why=f"the unit of its times is not stated; {EXAMPLE}")
        notes.append("The unit of the times is not stated; they are taken as ps.")
        power = 0
    elif unit in POWERS:
        power = POWERS[unit]
    else:
        raise not_a_file_of(KIND, path, why=f"the unit of its times is unknown ({unit[:20]!r}); use ps, ns, us or s")
    return tick, [power if k in timed else 0 for k in range(len(roles))]


def _stated_ps(statements: dict[str, str], names: tuple[str, ...]) -> float | None:
    """Return a time that comments state, in ps: ``tick_ps: 81``, ``tick: 0.081 ns``."""
    for key, text in statements.items():
        name, _, suffix = key.rpartition("_")
        unit = suffix if suffix in POWERS and name in names else None
        if unit is None and key not in names:
            continue
        parts = text.split()
        unit = unit or (parts[1].lower() if len(parts) > 1 else None)
        if unit in POWERS and _looks_numeric(parts[0]):
            value = float(parts[0]) * 10.0 ** POWERS[unit]
            return value if value > 0 and math.isfinite(value) else None
    return None


def _within(path: Path, what: str, value_ps: float, limits: tuple[float, float]) -> float:
    """InputError for a stated time that no instrument has."""
    low, high = limits
    if not low <= value_ps <= high:
        raise not_a_file_of(
            KIND, path, why=f"it states a {what} of {value_ps:.3g} ps; from {low:g} to {high:g} ps are allowed"
        )
    return value_ps


def _period_ps(statements: dict[str, str]) -> float | None:
    period = _stated_ps(statements, ("sync_period", "period", "laser_period", "pulse_period"))
    if period is not None:
        return period
    for key in ("sync_rate", "sync_rate_hz", "repetition_rate", "repetition_rate_hz", "sync_rate_mhz"):
        parts = statements.get(key, "").split()
        if parts and _looks_numeric(parts[0]) and float(parts[0]) > 0:
            unit = parts[1].lower() if len(parts) > 1 else key.rpartition("_")[2]
            rate = float(parts[0]) * FREQUENCIES.get(unit, 1.0)
            return 1e12 / rate if rate > 0 and math.isfinite(rate) else None
    return None


def wrong_line(path: Path, number: int, text: str) -> InputError:
    """Return the error for a line that cannot be read."""
    message = f"Line {number} of `{path.name}` cannot be read as numbers: {text[:60]!r}."
    return InputError(field="FILE", value=text[:60], allowed="a line of numbers", message=message)


LONGEST_LINE = 1 << 16
SUFFIXES = {".csv", ".txt", ".tsv", ".dat", ".asc"}


@dataclass(frozen=True, slots=True)
class TextSource:
    """Lines of a text, read piece by piece.

    Attributes
    ----------
    path : pathlib.Path
    layout : Layout
    stop : int
        Byte behind the last line that is read.
    sync_channel : int or None
    """

    path: Path
    layout: Layout
    stop: int
    sync_channel: int | None

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the photons of about `size` lines after the other.

        Raises
        ------
        InputError
            A line cannot be read as numbers; the message says which.
        DataError
            A time lies so far from the first one that it cannot be one.
        """
        line = self.layout.first_line
        first: int | None = None
        # some 16 bytes a line; a piece holds at least one
        for piece in self._pieces(16 * size):
            rows, lines = parse_lines(piece, self.layout, path=self.path, line=line)
            line += lines
            if not len(rows):
                continue
            records = self.records_of(rows)
            all_times = rows[:, self._place("time" if "time" in self.layout.roles else "sync")]
            first = int(all_times[0]) if first is None else first
            check_span(all_times, first=first, tick_ps=self._unit_ps())
            yield records

    def _unit_ps(self) -> float:
        period = self.layout.sync_period_ps
        return period if "sync" in self.layout.roles and period is not None else self.layout.tick_ps

    def _pieces(self, size: int) -> Iterator[bytes]:
        """Give whole lines, about `size` bytes at a time."""
        place, held = self.layout.first, b""
        while place < self.stop:
            fresh = read_bytes(self.path, min(size, self.stop - place), offset=place)
            if not fresh:
                break
            place += len(fresh)
            whole, feed, held = (held + fresh).rpartition(b"\n")
            if feed:
                yield whole
            if len(held) > LONGEST_LINE:
                raise not_a_file_of(KIND, self.path, why=f"a line is longer than {LONGEST_LINE} characters")
        if held.strip():
            yield held

    def _place(self, role: str) -> int:
        return self.layout.roles.index(role)

    def records_of(self, rows: NDArray[np.int64]) -> Records:
        """Return numbers of lines (N, columns) as records."""
        roles = self.layout.roles
        channels = np.zeros(len(rows), dtype=np.uint8)
        if "channel" in roles:
            channels = _channels(rows[:, self._place("channel")])
        if "sync" not in roles:
            times = np.ascontiguousarray(rows[:, self._place("time")])
            return split_sync(times, channels, sync_channel=self.sync_channel)
        delays = rows[:, self._place("delay")]
        if int(delays.min()) < 0 or int(delays.max()) > np.iinfo(np.uint32).max:
            worst = int(delays.min()) if int(delays.min()) < 0 else int(delays.max())
            raise DataError(f"A delay is {worst} ticks, which is impossible after a sync pulse.")
        return Records(
            times=np.ascontiguousarray(rows[:, self._place("sync")]), channels=channels, delays=delays.astype(np.uint32)
        )


def _channels(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return channels as they are numbered; negative ones (falling edges) above 128."""
    if int(numbers.min()) < -127 or int(numbers.max()) > 255:
        worst = int(numbers.min()) if int(numbers.min()) < -127 else int(numbers.max())
        raise DataError(f"A photon has channel {worst}; channels are from -127 to 255.")
    return np.where(numbers >= 0, numbers, 128 - numbers).astype(np.uint8)


def parse_lines(piece: bytes, layout: Layout, *, path: Path, line: int) -> tuple[NDArray[np.int64], int]:
    """Return the numbers of whole lines as integers (N, columns), and how many lines there were.

    `line` lines are before the piece.

    Raises
    ------
    InputError
        A line cannot be read.
    """
    from qdmol.photons import text_kernels as parsing

    text = np.frombuffer(piece, dtype=np.uint8)
    shifts = np.array(
        [power if role else parsing.SKIP for role, power in zip(layout.roles, layout.powers, strict=True)],
        dtype=np.int64,
    )
    rows = np.empty((piece.count(b"\n") + 1, len(shifts)), dtype=np.int64)
    counters = np.zeros(3, dtype=np.int64)
    parsing.parse(text, (ord(layout.delimiter), ord(layout.decimal)), shifts, rows, counters)
    if counters[parsing.BAD] >= 0:
        bad = piece[int(counters[parsing.BAD]) :].split(b"\n", 1)[0].decode("utf-8", "replace").strip()
        raise wrong_line(path, line + int(counters[parsing.LINES]), bad)
    return rows[: counters[parsing.ROWS]], int(counters[parsing.LINES])


def _whole_end(path: Path, size: int, layout: Layout) -> tuple[int, bool]:
    """Return the byte behind the last whole line, and whether a line is cut: it has no end and does not fit."""
    offset = max(layout.first, size - 4096)
    tail = read_bytes(path, size - offset, offset=offset)
    if tail.endswith(b"\n") or b"\n" not in tail:
        return size, False
    whole, _, last = tail.rpartition(b"\n")
    clock = layout.roles.index("time" if "time" in layout.roles else "sync")
    try:
        row, _ = parse_lines(last, layout, path=path, line=0)
        before, _ = parse_lines(whole.rpartition(b"\n")[2], layout, path=path, line=0)
    except InputError:
        return size - len(last), True
    cut = len(row) > 0 and len(before) > 0 and row[-1, clock] < before[-1, clock]
    return (size - len(last), True) if cut else (size, False)


def _sync_channel(head: bytes, path: Path, layout: Layout, notes: list[str]) -> int | None:
    """Channel of the sync: as stated, else the one that holds a steady pulse."""
    if layout.sync_channel is not None or not {"time", "channel"} <= set(layout.roles):
        return layout.sync_channel
    lines = head[layout.first :].rpartition(b"\n")[0]
    source = TextSource(path, layout, len(head), None)
    rows, _ = parse_lines(lines, layout, path=path, line=layout.first_line)
    if not len(rows):
        return None
    records = source.records_of(rows)
    order = np.argsort(records.times, kind="stable")
    sync = find_sync_channel(records.times[order], records.channels[order], tick_ps=layout.tick_ps)
    if sync is None:
        return None
    notes.append(f"Channel {sync[0]} contains periodic pulses and is taken as the sync channel.")
    return sync[0]


def read_text(path: Path) -> PhotonStream:
    """Read time tags from a text.

    Parameters
    ----------
    path
        The file: see the module for its columns.

    Returns
    -------
    PhotonStream
        T2 in ps (or in the ticks a comment states), or T3 where the columns are sync and delay.

    Raises
    ------
    InputError
        There is no such file, or its columns or units are not understood. A bad line further down is found when the
        photons are read.
    """
    size = file_size(path)
    head = read_bytes(path, HEAD)
    if not head.strip():
        raise not_a_file_of(KIND, path, why="it is empty")
    layout = understand(head, path)
    notes = list(layout.notes)
    stop, cut = _whole_end(path, size, layout)
    if cut:
        notes.append("The file ends within a line, which is ignored.")
    contradictions: list[str] = []
    sync_channel = layout.sync_channel
    try:
        sync_channel = _sync_channel(head, path, layout, notes)
    except DataError as error:
        contradictions.append(str(error))
    mode: Mode = "T3" if "sync" in layout.roles else "T2"
    header: dict[str, Any] = {**layout.statements, "sync_channel": sync_channel}
    return PhotonStream(
        mode=mode,
        tick_ps=layout.tick_ps,
        sync_period_ps=layout.sync_period_ps,
        source=ordered(TextSource(path, layout, stop, sync_channel), mode=mode),
        provenance=Provenance(
            format="text", record_type=f"columns {', '.join(layout.roles)}", path=str(path), header=header
        ),
        notes=tuple(notes),
        truncated=cut,
        contradictions=tuple(contradictions),
    )


def looks_like_text(head: bytes, path: Path) -> bool:
    """Whether a file may be one: text with a line of numbers near its start."""
    if b"\0" in head or not head.strip():
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        understand(head, path)
    except InputError:
        return False
    return True
