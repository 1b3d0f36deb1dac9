"""One pass over a stream that gathers what the quality report judges: counts, intervals, pairs, pauses, sync pulses.

What is carried from stretch to stretch of a pass: sync pulses and the longest pauses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats, Integers
from qdmol.photons.ordering import OrderTally, tallied_chunks
from qdmol.photons.stream import CHUNK, PhotonStream, Records
from qdmol.photons.synchronising import steady_period

_PULSES = 64  # sync pulses that show their period
_LONG = 100  # periods of a step, up to which it is compared


@dataclass(slots=True)
class SyncTally:
    """Recorded sync pulses: how many, how regular.

    Attributes
    ----------
    tick_ps : float
        Tick of the pulses' times.
    pulses, missed : int
        Recorded, and absent where their regular time is.
    steady : bool or None
        Whether all steps of the first stretch are multiples of one period; None for too few pulses.
    length, periods, steps : int
        Sum of the steps of up to `_LONG` periods in ticks, of their periods, and their number.
    sum_square : float
        Of the deviations of those steps from multiples of the period, ticks squared.
    """

    tick_ps: float
    pulses: int = 0
    missed: int = 0
    steady: bool | None = None
    length: int = 0
    periods: int = 0
    steps: int = 0
    sum_square: float = 0.0
    _period: float = 0.0
    _last: int | None = None
    _waiting: list[Integers] = field(default_factory=list)

    def add(self, times: Integers) -> None:
        """Count a stretch of pulses (N,) in ticks."""
        if len(times) == 0:
            return
        self.pulses += len(times)
        if self.steady is False:
            return
        steps = np.diff(times) if self._last is None else np.diff(times, prepend=np.int64(self._last))
        self._last = int(times[-1])
        if self.steady is None:
            self._waiting.append(times)
            if self.pulses < _PULSES:
                return
            joined = np.concatenate(self._waiting)
            self._waiting.clear()
            period = steady_period(joined, tick_ps=self.tick_ps)
            self.steady, self._period = period is not None, period or 0.0
            steps = np.diff(joined)
        if self.steady:
            self._compare(steps[steps > 0])

    def _compare(self, steps: Integers) -> None:
        jumps = np.maximum(np.rint(steps / self._period), 1.0)
        self.missed += int((jumps - 1).sum())
        # over longer steps the error of the period itself would show
        short = jumps <= _LONG
        self.sum_square += float(((steps[short] - jumps[short] * self._period) ** 2).sum())
        self.length += int(steps[short].sum())
        self.periods += int(jumps[short].sum())
        self.steps += int(short.sum())

    @property
    def mean_period(self) -> float | None:
        """Ticks from pulse to pulse over the whole recording; None where no steady pulse was recorded."""
        return self.length / self.periods if self.periods > 0 else None

    @property
    def jitter(self) -> float:
        """Standard deviation of a step in ticks."""
        return float(np.sqrt(self.sum_square / self.steps)) if self.steps > 0 else 0.0


@dataclass(slots=True, eq=False)
class Pauses:
    """The longest intervals between neighbouring photons of any channel.

    Attributes
    ----------
    lengths, starts : int64 (n,)
        In units of `Records.times`, in no order.
    """

    most: int = 64
    lengths: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    starts: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    last: int | None = None

    def add(self, times: Integers) -> None:
        """Go through the times of a stretch (N,)."""
        before = times[0] if self.last is None else self.last
        self.last = int(times[-1])
        steps = np.diff(times, prepend=np.int64(before))
        least = int(self.lengths.min()) if len(self.lengths) == self.most else 0
        pauses = np.flatnonzero(steps > least)
        if len(pauses) > self.most:
            pauses = pauses[np.argpartition(steps[pauses], -self.most)[-self.most :]]
        lengths = np.concatenate([self.lengths, steps[pauses]])
        starts = np.concatenate([self.starts, times[pauses] - steps[pauses]])
        keep = np.argsort(lengths, kind="stable")[-self.most :]
        self.lengths, self.starts = lengths[keep], starts[keep]


PAIR_WINDOW_NS = 5000
NEAR_LAGS = 2176  # T2: 1 ns bins either side of zero; T3: 17 sync pulses of 128 bins
_RATE_BINS = 4096
_SEGMENTS = 32
_DELAY_BINS = 4096
_INTERVAL_BINS = 1920  # up to 2**63 ns
_NEAR_ROWS = 8
_FIRST_BIN_PS = 1e9
_FAR = 1.1  # periods: a delay this long cannot follow the pulse it is said to
_SLACK_TICKS = 5
_LOOK_BACK = 64
_PAIRS_WANTED = 1.0  # a photon, on average: dense streams are sampled


def _zeros(*shape: int) -> Integers:
    return np.zeros(shape, dtype=np.int64)


@dataclass(slots=True, eq=False)
class Scan:
    """What one pass gathered; rows of arrays are channels in the order of `channels`.

    Attributes
    ----------
    unit_ps, tick_ps : float
        Lengths of the units of times and delays.
    delay_shift : int
        A delay bin is 2**delay_shift ticks.
    beyond_tick : int
        Delays above cannot follow the pulse they are said to.
    channels : list of int
        In the order in which they appeared.
    order : OrderTally
        How the file's order was.
    sync : SyncTally
        Recorded sync pulses (T2).
    photons, markers : int
        How many.
    first_time, last_time, origin : int
        Of the first and the last photon, and the zero of the time bins, in units of `Records.times`.
    last_ps : float
        Arrival of the last photon after the origin.
    bin_ps : float
        Width of a time bin.
    delay_facts : int64 (3,)
        Largest delay in ticks, photons there, photons later than `beyond_tick`.
    reach_ps : float
        Lag up to which all pairs of the sampled photons were counted.
    stride : int
        Every so many photons were paired with those before; `anchors` counts them in each row.
    rate_counts : (bins, rows); delay_counts : (rows, parts of the run, bins); interval_counts : (rows, octave bins)
        Photons against time, photons against delay, intervals of a channel.
    same_pairs, cross_pairs : (rows, ns)
        Pairs by lag, by the row of the later photon: with its own channel, with any other.
    near_pairs : (rows, rows, NEAR_LAGS)
        Pairs of two channels, as `count_pairs` says.
    mutual_pairs : (rows, rows, ns)
        Pairs of two channels by the size of their lag, lower row first.
    """

    unit_ps: float
    tick_ps: float
    delay_shift: int = 0
    beyond_tick: int = 1 << 62
    delay_bins: int = 1
    channels: list[int] = field(default_factory=list)
    order: OrderTally = field(default_factory=OrderTally)
    sync: SyncTally = field(default_factory=lambda: SyncTally(1.0))
    pauses: Pauses = field(default_factory=Pauses)
    photons: int = 0
    markers: int = 0
    first_time: int = 0
    last_time: int = 0
    origin: int = 0
    last_ps: float = 0.0
    bin_ps: float = _FIRST_BIN_PS
    reach_ps: float = np.inf
    stride: int = 1
    tail: tuple[Any, Any, Any] | None = None
    delay_facts: Integers = field(default_factory=lambda: _zeros(3))
    anchors: Integers = field(default_factory=lambda: _zeros(0))
    last_times: Integers = field(default_factory=lambda: _zeros(0))
    last_delays: Integers = field(default_factory=lambda: _zeros(0))
    smallest_ps: Floats = field(default_factory=lambda: np.zeros(0))
    rate_counts: Integers = field(default_factory=lambda: _zeros(_RATE_BINS, 0))
    delay_counts: Integers = field(default_factory=lambda: _zeros(0, _SEGMENTS, 1))
    interval_counts: Integers = field(default_factory=lambda: _zeros(0, _INTERVAL_BINS))
    same_pairs: Integers = field(default_factory=lambda: _zeros(0, PAIR_WINDOW_NS))
    cross_pairs: Integers = field(default_factory=lambda: _zeros(0, PAIR_WINDOW_NS))
    near_pairs: Integers = field(default_factory=lambda: _zeros(0, 0, NEAR_LAGS))
    mutual_pairs: Integers = field(default_factory=lambda: _zeros(0, 0, PAIR_WINDOW_NS))

    @property
    def counts(self) -> Integers:
        """Photons of each row."""
        return np.asarray(self.rate_counts.sum(axis=0), dtype=np.int64)

    @property
    def reach_ns(self) -> int:
        """Whole ns up to which all pairs were counted."""
        return int(min(PAIR_WINDOW_NS, self.reach_ps * 1e-3))

    def meet(self, channels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the rows of photons, making room for channels that were not seen before."""
        seen = np.zeros(256, dtype=np.bool_)
        seen[channels] = True
        fresh = [int(c) for c in np.flatnonzero(seen) if int(c) not in self.channels]
        if fresh:
            self.channels += fresh
            self._widen(len(fresh))
        table = np.zeros(256, dtype=np.uint8)
        table[self.channels] = np.arange(len(self.channels))
        return table[channels]

    def _widen(self, more: int) -> None:
        for name in ("interval_counts", "same_pairs", "cross_pairs", "last_delays", "anchors"):
            setattr(self, name, _padded(getattr(self, name), more))
        self.delay_counts = np.concatenate(
            [self.delay_counts, np.zeros((more, _SEGMENTS, self.delay_bins), dtype=np.int64)]
            if len(self.delay_counts)
            else [np.zeros((more, _SEGMENTS, self.delay_bins), dtype=np.int64)]
        )
        self.rate_counts = np.ascontiguousarray(_padded(self.rate_counts.T, more).T)
        self.last_times = np.concatenate([self.last_times, np.full(more, -1, dtype=np.int64)])
        self.smallest_ps = np.concatenate([self.smallest_ps, np.full(more, np.inf)])
        near, old = min(len(self.channels), _NEAR_ROWS), len(self.near_pairs)
        for name, lags in (("near_pairs", NEAR_LAGS), ("mutual_pairs", PAIR_WINDOW_NS)):
            grown = np.zeros((near, near, lags), dtype=np.int64)
            grown[:old, :old] = getattr(self, name)
            setattr(self, name, grown)

    def coarsen(self) -> None:
        """Make the time bins twice as wide."""
        self.rate_counts = _merged(self.rate_counts, axis=0)
        self.delay_counts = _merged(self.delay_counts, axis=1)
        self.bin_ps *= 2.0


def _padded(counts: Integers, more: int) -> Integers:
    return np.concatenate([counts, np.zeros((more, *counts.shape[1:]), dtype=np.int64)])


def _merged(counts: Integers, *, axis: int) -> Integers:
    """Add neighbours along an axis; the second half becomes empty."""
    moved = np.moveaxis(counts, axis, 0)
    summed = moved[0::2] + moved[1::2]
    return np.ascontiguousarray(np.moveaxis(np.concatenate([summed, np.zeros_like(summed)]), 0, axis))


def octave_edges(count: int) -> Floats:
    """Edges (count + 1,) in ns of interval bins: 1 ns up to 32, then 32 bins to each factor of two.

    Examples
    --------
    >>> octave_edges(100)[[0, 1, 32, 64, 65, 96]]
    array([  0.,   1.,  32.,  64.,  66., 128.])
    """
    k = np.arange(count + 1)
    octave, step = np.maximum(k // 32 - 1, 0), k % 32
    return np.where(k < 32, k, (32.0 + step) * 2.0**octave)


def scan(stream: PhotonStream, *, progress: Callable[[int], object] | None = None) -> Scan:
    """Go once over a stream.

    Parameters
    ----------
    stream
        Any photon stream.
    progress
        Called after each stretch with the number of photons so far.
    """
    tally = ScanTally(stream)
    scanned = tally.result()
    for records in tallied_chunks(stream, CHUNK, scanned.order):
        tally.add(records)
        if progress is not None:
            progress(scanned.photons)
    return scanned


class ScanTally:
    """What a scan gathers, chunk by chunk; the order of the file is left to who goes through it.

    Parameters
    ----------
    stream
        Any photon stream.
    pairs
        Whether pairs of photons and pauses are gathered too, which take most of the time.
    """

    def __init__(self, stream: PhotonStream, *, pairs: bool = True) -> None:
        self.stream, self.pairs = stream, pairs
        self._scan = _empty_scan(stream)

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        self._scan.sync.add(records.sync_times)
        self._scan.markers += len(records.marker_times)
        if len(records):
            _add(self._scan, records, self.stream, pairs=self.pairs)

    def result(self) -> Scan:
        """The scan, which `add` goes on filling."""
        return self._scan


def _empty_scan(stream: PhotonStream) -> Scan:
    if stream.mode == "T2":
        return Scan(unit_ps=stream.tick_ps, tick_ps=stream.tick_ps, sync=SyncTally(stream.tick_ps))
    period = stream.time_unit_ps / stream.tick_ps
    # the picture of the delays holds a little more than a period
    shift = max(0, int(np.ceil(np.log2(max(1.25 * period, 1.0) / _DELAY_BINS))))
    return Scan(
        unit_ps=stream.time_unit_ps,
        tick_ps=stream.tick_ps,
        delay_shift=min(shift, 32),
        beyond_tick=int(min(_FAR * period + _SLACK_TICKS, 2.0**62)),
        delay_bins=_DELAY_BINS,
    )


def _add(result: Scan, records: Records, stream: PhotonStream, *, pairs: bool) -> None:
    if result.photons == 0:
        result.first_time = int(records.times[0])
        result.origin = _origin(result.first_time, stream)
        result.stride = _stride(records, stream)
    rows = result.meet(records.channels)
    t3 = stream.mode == "T3" and records.delays is not None
    delays = records.delays if t3 and records.delays is not None else np.zeros(0, dtype=np.uint32)
    stretch = (records.times, delays, rows)
    _count(result, stretch)
    if pairs:
        _pair(result, stretch)
        result.pauses.add(records.times)
    result.photons += len(records)
    result.last_time = int(records.times[-1])
    since = result.last_time - result.origin
    result.last_ps = since * result.unit_ps + (float(delays[-1]) * result.tick_ps if t3 else 0.0)


def _count(result: Scan, stretch: tuple[Any, Any, Any]) -> None:
    from qdmol.photons.quality_kernels import count_delays, count_photons

    position, length = 0, len(stretch[0])
    while position < length:
        clock = (result.unit_ps, result.tick_ps, result.origin, result.bin_ps)
        arrays = (result.last_times, result.last_delays, result.smallest_ps, result.rate_counts)
        stop = count_photons(position, stretch, clock, *arrays, result.interval_counts)
        if len(stretch[1]):
            parts = (_RATE_BINS // _SEGMENTS, result.delay_shift, result.beyond_tick)
            count_delays((position, stop), stretch, clock, *parts, result.delay_counts, result.delay_facts)
        position = stop
        if position < length:
            result.coarsen()


def _pair(result: Scan, stretch: tuple[Any, Any, Any]) -> None:
    from qdmol.photons.quality_kernels import count_pairs

    clock = (result.unit_ps, result.tick_ps, result.origin, result.bin_ps)
    look = (result.stride, _LOOK_BACK, float(PAIR_WINDOW_NS) * 1e3)
    mutual = (result.near_pairs, result.mutual_pairs)
    arrays = (result.anchors, result.same_pairs, result.cross_pairs, mutual)
    start = 0
    if result.tail is not None:
        # the seam: the end of the stretch before, and the photons that may look back into it
        joined = tuple(np.concatenate([old, new[:_LOOK_BACK]]) for old, new in zip(result.tail, stretch, strict=True))
        reach = count_pairs(len(result.tail[0]), (joined[0], joined[1], joined[2]), clock, look, *arrays)
        result.reach_ps = min(result.reach_ps, reach)
        start = min(_LOOK_BACK, len(stretch[0]))
        result.tail = (joined[0], joined[1], joined[2])
    if start < len(stretch[0]):
        result.reach_ps = min(result.reach_ps, count_pairs(start, stretch, clock, look, *arrays))
    if len(stretch[0]) >= _LOOK_BACK or result.tail is None:
        result.tail = stretch
    times, delays, rows = (array[-_LOOK_BACK:].copy() for array in result.tail)
    result.tail = (times, delays, rows)


def _origin(first: int, stream: PhotonStream) -> int:
    """Zero of the clock, where the recording began with it; the first photon for a clock that runs on."""
    late = first * stream.time_unit_ps * 1e-12
    return 0 if first >= 0 and late <= max(1.0, stream.stated_duration_s or 0.0) else first


def _stride(records: Records, stream: PhotonStream) -> int:
    """Every how many photons pairs are looked for, so that dense streams take no longer."""
    span = (int(records.times[-1]) - int(records.times[0])) * stream.time_unit_ps * 1e-3
    pairs = len(records) * PAIR_WINDOW_NS / span if span > 0 else 1.0
    return int(min(max(pairs / _PAIRS_WANTED, 1.0), 1024.0))
