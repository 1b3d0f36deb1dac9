"""Pairs of photons by the time between them: all pairs, both signs, in one pass over the stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.g2.values import PairBlocks, PairHistogram
from qdmol.analysis.passes import count
from qdmol.arrays import lengthened
from qdmol.errors import InputError
from qdmol.photons import CHUNK, PhotonStream, Records

# Delays of T3 photons in ticks, from and to, for each of the two channels.
Gate = NDArray[np.int64]

_BLOCKS = 64  # between half of this and this many stretches; they double in length when more would be needed
_FIRST_BLOCK_S = 1e-3
_PIECE = 1 << 15  # photons
_SCALE = 1 << 10  # parts of a tick in which whole periods are rounded, each on its own
_MOST_BINS = 20_000_000
_MOST_LOOKUP = 10_000_000


@dataclass(slots=True)
class _Kept:
    """Photons within the window of the last one, and room for the next stretch."""

    times: NDArray[np.int64]
    delays: NDArray[np.int64]
    second: NDArray[np.bool_]
    number: int = 0

    @property
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """All of them, as the loops take them."""
        return self.times, self.delays, self.second

    def make_room(self, size: int) -> None:
        if self.number + size >= len(self.times):
            room = self.number + size + size // 4 + 1  # one past the end is written before it is judged
            self.times = lengthened(self.times[: self.number], room)
            self.delays = lengthened(self.delays[: self.number], room)
            self.second = lengthened(self.second[: self.number], room)

    def drop(self, first: int, number: int) -> None:
        """Keep photons first..number-1 only."""
        for values in (self.times, self.delays, self.second):
            values[: number - first] = values[first:number].copy()
        self.number = number - first


def pair_histogram(
    stream: PhotonStream,
    *,
    channels: tuple[int, int] = (0, 1),
    window_ns: float,
    bin_width_ns: float | None = None,
    gate: Gate | None = None,
    chunk: int = CHUNK,
) -> PairHistogram:
    """Count all pairs of photons on two channels by the time between them, of both signs.

    The recording is gone through once in stretches; photons within the window of a stretch's end are carried over, so
    the counts do not depend on how it is cut, and the memory is that of a stretch and of the histogram. Lags are
    differences of integers. In T3 a lag is a whole number of periods plus a difference of delays; the periods are
    rounded to 1/1024 tick each for itself, so that the lag axis is not stretched.

    Parameters
    ----------
    stream : PhotonStream
        T2 (lags by absolute time) or T3 (by sync number and delay).
    channels : (int, int)
        First and second input; a lag is the second's time less the first's. Twice the same for an autocorrelation, in
        which every pair counts at both signs.
    window_ns : float
        Lags from -window to +window, bin 0 centred on lag 0.
    bin_width_ns : float or None
        Rounded to a multiple of the tick, at least one; None takes a thousandth of the window.
    gate : int64 (2, 2) or None
        T3: only photons with delays from [k, 0] to below [k, 1], in ticks, for the first and the second channel.
    chunk : int
        Photons handed out at a time.

    Raises
    ------
    InputError
        Window or bin width are not above 0, or ask for too many bins.
    """
    tally = PairTally(stream, channels=channels, window_ns=window_ns, bin_width_ns=bin_width_ns, gate=gate)
    return count(tally, chunk=chunk)


class BrightestTally:
    """Channels with the most photons, at most `number` of them, in order of their numbers."""

    def __init__(self, stream: PhotonStream, *, number: int) -> None:
        self.stream, self.number = stream, number
        self._photons = np.zeros(256, dtype=np.int64)

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        self._photons += np.bincount(records.channels, minlength=256)

    def result(self) -> tuple[int, ...]:
        """Channels that have photons, the brightest of them."""
        brightest = np.argsort(-self._photons, kind="stable")[: self.number]
        return tuple(sorted(int(channel) for channel in brightest if self._photons[channel] > 0))


class PairTally:
    """Pairs of photons by the time between them; parameters and errors as in :func:`pair_histogram`."""

    def __init__(
        self,
        stream: PhotonStream,
        *,
        channels: tuple[int, int],
        window_ns: float,
        bin_width_ns: float | None = None,
        gate: Gate | None = None,
    ) -> None:
        tick_ns = stream.tick_ps * 1e-3
        wanted_width = window_ns / 1000 if bin_width_ns is None else bin_width_ns
        for name, value in (("window_ns", window_ns), ("bin_width_ns", wanted_width)):
            if not (np.isfinite(value) and value > 0):
                raise InputError(field=name, value=value, allowed="above 0 ns")
        self.stream, self.channels = stream, channels
        self._width = max(1, round(wanted_width / tick_ns))
        bins = 2 * (round(window_ns / tick_ns) // self._width) + 1
        if bins > _MOST_BINS:
            allowed = f"such that there are <= {_MOST_BINS} bins"
            raise InputError(field="bin_width_ns", value=bin_width_ns, allowed=allowed)
        blocks = _BLOCKS if bins * _BLOCKS <= _MOST_BINS else 2
        # by block; blocks start at the first photon
        self._counts = np.zeros((blocks, bins), dtype=np.int32)
        self._photons = np.zeros((blocks, 2), dtype=np.int64)
        self._length = max(1, round(_FIRST_BLOCK_S * 1e12 / stream.time_unit_ps))
        self._first: int | None = None
        self._last = 0
        self._kept = _Kept(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_))
        self._gate = np.zeros((0, 2), dtype=np.int64) if gate is None else np.asarray(gate, dtype=np.int64)
        self._reach = self._width * (bins // 2 + 1)
        self._periods = None if stream.mode == "T2" else _whole_periods(stream, self._reach)
        self._longest = 0  # of the delays so far; an earlier photon can be later by no more than this

    def add(self, records: Records) -> None:
        """Count the next chunk, in pieces small enough to stay in the processor's cache."""
        for start in range(0, len(records), _PIECE):
            self._add(records.between(start, start + _PIECE))

    def _add(self, records: Records) -> None:
        from qdmol.analysis.kernels import absolute_pairs, gather, synchronous_pairs

        kept, same = self._kept, self.channels[0] == self.channels[1]
        kept.make_room(len(records))
        delays = np.zeros(0, np.uint32) if records.delays is None else records.delays
        start = kept.number
        wanted = np.array(self.channels, dtype=np.int64)
        stop = gather((records.times, records.channels, delays), wanted, self._gate, kept.arrays, start)
        self._first = int(records.times[0]) if self._first is None else self._first
        self._last = int(records.times[-1])
        blocks, tally = (start, stop, self._first, self._length), (self._counts, self._photons)
        if self._periods is None:
            self._length = absolute_pairs(kept.arrays, *blocks, self._width, same, tally)
            back = self._reach
        else:
            if stop > start and kept.delays[start:stop].max() > self._longest:
                self._longest = int(kept.delays[start:stop].max())
                self._periods = _whole_periods(self.stream, self._reach + self._longest)
            self._length = synchronous_pairs(kept.arrays, *blocks, self._width, same, self._periods, tally)
            back = len(self._periods)
        kept.drop(int(np.searchsorted(kept.times[:stop], self._last - back)), stop)

    def result(self) -> PairHistogram:
        """Histogram of all pairs so far."""
        stream = self.stream
        unit_s, width_ns = stream.time_unit_ps * 1e-12, self._width * stream.tick_ps * 1e-3
        span = self._last - (self._first or 0)
        used = min(len(self._counts), span // self._length + 1)
        durations = np.full(used, self._length * unit_s)
        durations[-1] = (span - (used - 1) * self._length) * unit_s
        photons = self._photons[:used].copy()
        if self.channels[0] == self.channels[1]:
            photons[:, 0] = photons[:, 1]
        totals = photons.sum(axis=0)
        period = stream.sync_period_ps
        return PairHistogram(
            counts=self._counts.sum(axis=0, dtype=np.int64),
            bin_width_ns=width_ns,
            first_lag_ns=-(self._counts.shape[1] // 2) * width_ns,
            channels=self.channels,
            photons=(int(totals[0]), int(totals[1])),
            duration_s=span * unit_s,
            period_ns=None if period is None else period * 1e-3,
            blocks=PairBlocks(counts=self._counts[:used], photons=photons, durations_s=durations),
        )


def _whole_periods(stream: PhotonStream, reach: int) -> NDArray[np.int64]:
    """Parts of a tick, then the time of 0, 1, 2 .. periods in them, as far back as `reach` ticks can lie."""
    period = stream.time_unit_ps / stream.tick_ps
    farthest = int(np.ceil(reach / period)) + 1
    if farthest > _MOST_LOOKUP:
        raise InputError(field="window_ns", value=reach * stream.tick_ps * 1e-3, allowed="at most 10^7 sync periods")
    return np.concatenate([[_SCALE], np.rint(np.arange(farthest + 1) * (period * _SCALE))]).astype(np.int64)
