"""Time tags as text: columns of numbers, with a comma, semicolon, tab or blanks between them.

Columns are `time` and `channel` (T2), or `sync` (number of the pulse), `delay` and `channel` (T3), named in the first
line with their unit, as `channel,time_ps` or `sync;delay [ns];channel`. Comment lines start with #, % or //; they may
state `sync_period_ps: 12500`, `sync_channel: 5`, `tick_ps: 81`, `unit: ns`. Times become whole ps without going
through floating point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
from qdmol.photons.text_columns import HEAD, KIND, Layout, understand, wrong_line

__all__ = ["looks_like_text", "read_text"]

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
            raise DataError(f"A delay is {worst} ticks, which no delay after a sync pulse is.")
        return Records(
            times=np.ascontiguousarray(rows[:, self._place("sync")]), channels=channels, delays=delays.astype(np.uint32)
        )


def _channels(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return channels as they are numbered; negative ones (falling edges) above 128."""
    if int(numbers.min()) < -127 or int(numbers.max()) > 255:
        worst = int(numbers.min()) if int(numbers.min()) < -127 else int(numbers.max())
        raise DataError(f"A photon is of channel {worst}; channels are from -127 to 255.")
    return np.where(numbers >= 0, numbers, 128 - numbers).astype(np.uint8)


def parse_lines(piece: bytes, layout: Layout, *, path: Path, line: int) -> tuple[NDArray[np.int64], int]:
    """Return the numbers of whole lines as integers (N, columns), and how many lines there were.

    `line` lines are before the piece.

    Raises
    ------
    InputError
        A line cannot be read.
    """
    from qdmol.photons import text_parsing as parsing

    text = np.frombuffer(piece, dtype=np.uint8)
    shifts = np.array(
        [power if role else parsing.SKIP for role, power in zip(layout.roles, layout.powers, strict=True)],
        dtype=np.int64,
    )
    rows = np.empty((piece.count(b"\n") + 1, len(shifts)), dtype=np.int64)
    found = np.zeros(3, dtype=np.int64)
    parsing.parse(text, (ord(layout.delimiter), ord(layout.decimal)), shifts, rows, found)
    if found[parsing.BAD] >= 0:
        bad = piece[int(found[parsing.BAD]) :].split(b"\n", 1)[0].decode("utf-8", "replace").strip()
        raise wrong_line(path, line + int(found[parsing.LINES]), bad)
    return rows[: found[parsing.ROWS]], int(found[parsing.LINES])


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
    found = find_sync_channel(records.times[order], records.channels[order], tick_ps=layout.tick_ps)
    if found is None:
        return None
    notes.append(f"Channel {found[0]} holds a steady pulse and is taken as the sync.")
    return found[0]


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
        notes.append("The file ends within a line, which is left out.")
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
