"""Photons in order of time, though the file has them in another.

Some instruments write each channel's buffer in turn, so that a photon may stand behind later ones. Records are held
back until nothing earlier can follow within the window; a photon that comes later still is not put anywhere by guess.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from qdmol.arrays import Integers
from qdmol.errors import DataError
from qdmol.photons.stream import CHUNK, Mode, PhotonStream, Records, Source, join_records

_LONGEST = (1 << 63) - 1  # ticks; so that differences of times stay within 64 bits


@dataclass(slots=True)
class OrderTally:
    """What one pass over a stream found about the order of its file.

    Attributes
    ----------
    photons : int
        Photons gone through.
    falls : int
        Photons and sync pulses that stood right behind a later one of their kind.
    deepest : int
        The longest way back between two such neighbours, in units of `Records.times`.
    """

    photons: int = 0
    falls: int = 0
    deepest: int = 0
    _last: dict[str, int] = field(default_factory=dict)

    def add(self, records: Records) -> bool:
        """Count a stretch as the file has it; return whether each kind of its events rises throughout."""
        self.photons += len(records)
        kinds = {"photon": records.times, "sync": records.sync_times, "marker": records.marker_times}
        # every kind is counted, also behind one that falls
        rises = [self._rises(kind, times) for kind, times in kinds.items()]
        return all(rises)

    def _rises(self, kind: str, times: Integers) -> bool:
        if len(times) == 0:
            return True
        back = self._last.get(kind, int(times[0])) - int(times[0])
        self._last[kind] = int(times[-1])
        rises = bool((times[1:] >= times[:-1]).all())
        steps = np.diff(times[:1] if rises else times)
        if kind != "marker":
            self.falls += int(back > 0) + int((steps < 0).sum())
            self.deepest = max(self.deepest, back, 0 if rises else -int(steps.min()))
        return rises


@dataclass(frozen=True, slots=True)
class OrderedSource:
    """Records of another source in order of time.

    Attributes
    ----------
    source : Source
        Hands out the records as the file has them.
    mode : "T2" or "T3"
    window : int
        Events held back, among which the order is mended.
    """

    source: Source
    mode: Mode
    window: int = CHUNK

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the stretches in order of time.

        Raises
        ------
        DataError
            An event is further behind a later one than the window is long.
        """
        return self.tallied(size, OrderTally())

    def tallied(self, size: int, tally: OrderTally) -> Iterator[Records]:
        """Give the stretches in order of time, and write into `tally` what the file's order was."""
        held: deque[Records] = deque()
        waiting = 0
        given: int | None = None
        low, high = 1 << 63, -(1 << 63)
        for fresh in self.source.chunks(size):
            rises = tally.add(fresh)
            if _events(fresh) == 0:
                continue
            pieces = [fresh if rises else _by_time(fresh)]
            earliest = _earliest(pieces[0])
            latest = _latest(pieces[0])
            low, high = min(low, earliest), max(high, latest)
            if high - low > _LONGEST:
                raise DataError(
                    "The times span more than 63 bits, which is impossible in a measurement: the records are damaged."
                )
            if given is not None and earliest < given:
                raise DataError(
                    f"The photons are not in chronological order: one is more than {self.window} events behind a "
                    "later one, beyond the range that is sorted while reading."
                )
            waiting += _events(fresh)
            while held and _latest(held[-1]) > earliest:
                pieces.insert(0, held.pop())
            held.extend(pieces if len(pieces) == 1 else _split(_by_time(join_records(pieces, mode=self.mode)), size))
            while waiting - _events(held[0]) >= self.window:
                ready = held.popleft()
                waiting -= _events(ready)
                given = _latest(ready)
                yield ready
        yield from held


def _events(records: Records) -> int:
    return len(records.times) + len(records.sync_times) + len(records.marker_times)


def _earliest(records: Records) -> int:
    return min(int(t[0]) for t in (records.times, records.sync_times, records.marker_times) if len(t) > 0)


def _latest(records: Records) -> int:
    return max(int(t[-1]) for t in (records.times, records.sync_times, records.marker_times) if len(t) > 0)


def _by_time(records: Records) -> Records:
    """Sort each kind of event by time; those of one time keep their order."""
    order = np.argsort(records.times, kind="stable")
    marks = np.argsort(records.marker_times, kind="stable")
    return Records(
        times=records.times[order],
        channels=records.channels[order],
        delays=None if records.delays is None else records.delays[order],
        sync_times=np.sort(records.sync_times),
        marker_times=records.marker_times[marks],
        markers=records.markers[marks],
    )


def _split(records: Records, size: int) -> list[Records]:
    """Cut sorted records into stretches of about `size` of whichever there are more, photons or sync pulses."""
    by = max(records.times, records.sync_times, key=len)
    edges = np.unique(by[size::size])
    photons, syncs, marks = (
        [0, *np.searchsorted(times, edges), len(times)]
        for times in (records.times, records.sync_times, records.marker_times)
    )
    pieces = [
        Records(
            times=records.times[photons[k] : photons[k + 1]],
            channels=records.channels[photons[k] : photons[k + 1]],
            delays=None if records.delays is None else records.delays[photons[k] : photons[k + 1]],
            sync_times=records.sync_times[syncs[k] : syncs[k + 1]],
            marker_times=records.marker_times[marks[k] : marks[k + 1]],
            markers=records.markers[marks[k] : marks[k + 1]],
        )
        for k in range(len(edges) + 1)
    ]
    return [piece for piece in pieces if _events(piece) > 0]


def ordered(source: Source, *, mode: Mode, window: int = CHUNK) -> OrderedSource:
    """Return a source that gives the records of `source` in order of time.

    Photons of one time keep the order of the file. Sync pulses and markers are sorted too.

    Parameters
    ----------
    source : Source
        As the file has them.
    mode : "T2" or "T3"
        What the times mean; T3 streams carry delays along.
    window : int
        Events among which the order is mended; disorder beyond it ends a pass with a DataError.
    """
    return OrderedSource(source, mode, window)


def tallied_chunks(stream: PhotonStream, size: int, tally: OrderTally) -> Iterator[Records]:
    """Give the chunks of any stream in order, filling `tally` with what the order of the file was."""
    if isinstance(stream.source, OrderedSource):
        return stream.source.tallied(size, tally)
    return ordered(stream.source, mode=stream.mode).tallied(size, tally)


def scan_order(stream: PhotonStream) -> OrderTally:
    """Go through the file once and return what its order was."""
    tally = OrderTally()
    for _ in tallied_chunks(stream, CHUNK, tally):
        pass
    return tally
