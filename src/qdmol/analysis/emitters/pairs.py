"""Pairs of photons of one pulse, and of neighbouring pulses, with both delays: counted in one pass each.

A delay is counted from shortly before the light of the pulse arrives on its channel, so that a photon belongs to the
pulse that excited it even where a cable delay makes it arrive after the next sync pulse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats, Integers
from qdmol.errors import DataError
from qdmol.photons import PhotonStream, Records, channel_label

_MOST_BINS = 16384  # of the histogram of delays in a period
_FOOT = 0.05  # of the height of a decay, at which its rise begins
_SMOOTH = 512  # parts of a period over which a decay is averaged to find its rise
_PEAK = 400.0  # photons in the highest of these sums, for a finer one
_ROOM = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """Delays of one channel, counted from just before the light of the pulse arrives.

    Attributes
    ----------
    channel : int
        The input.
    start : int
        Delay in ticks that is taken as 0; it may be negative.
    edge_ns : float
        Delay, as recorded, at which the decay has risen to half of its height.
    rise_ns : float
        Twice the time from the foot of the rise to half the height: the width of the instrument response.
    risen : int
        Bin of `counts` by which the response is over.
    counts : int64 (n,)
        Photons by delay from `start`, over one period.
    bin_ticks : int
        Ticks in a bin of `counts`.
    period_ticks : int
        Ticks in a period.
    """

    channel: int
    start: int
    edge_ns: float
    rise_ns: float
    risen: int
    counts: Integers
    bin_ticks: int
    period_ticks: int

    @property
    def photons(self) -> int:
        """Photons of the channel."""
        return int(self.counts.sum())


class DelayTally:
    """Photons of two channels by their delay (T3)."""

    def __init__(self, stream: PhotonStream, channels: tuple[int, int]) -> None:
        self.stream, self.channels = stream, channels
        self.period = max(1, round(stream.time_unit_ps / stream.tick_ps))
        self.width = -(-self.period // _MOST_BINS)
        bins = -(-self.period // self.width)
        self._counts = [np.zeros(bins, dtype=np.int64) for _ in channels]

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        if records.delays is None:
            return
        for k, channel in enumerate(self.channels):
            delays = records.delays[records.channels == channel].astype(np.int64) % self.period // self.width
            self._counts[k] += np.bincount(delays, minlength=len(self._counts[k]))

    def result(self) -> tuple[Arrival, Arrival]:
        """Arrival on each channel; DataError for a channel without photons."""
        tick_ns = self.stream.tick_ps * 1e-3
        first, second = (
            _arrival(channel, counts, self.width, self.period, tick_ns)
            for channel, counts in zip(self.channels, self._counts, strict=True)
        )
        return first, second


def _arrival(channel: int, counts: Integers, width: int, period: int, tick_ns: float) -> Arrival:
    if counts.sum() == 0:
        raise DataError(
            f"Channel {channel_label(channel)} has no photons, so the arrival time of the pulse is unknown."
        )
    bins = len(counts)
    smooth = max(1, bins // _SMOOTH)
    decay = _averaged(counts, smooth)
    # as fine as the noise allows
    smooth = int(np.clip(np.ceil(smooth * _PEAK / max(float(decay.max()), 1.0)), 0, smooth))
    decay = _averaged(counts, smooth)
    top = int(np.argmax(decay))
    back = decay[(top - np.arange(bins)) % bins]  # from the top backwards
    height, floor = float(back[0]), float(back.min())
    half = int(np.argmax(back <= floor + 0.5 * (height - floor)))
    foot = int(np.argmax(back <= floor + _FOOT * (height - floor)))
    start = top - foot - smooth
    flank = max(foot - half, 1)
    return Arrival(
        channel=channel,
        start=start * width,
        edge_ns=((top - half) % bins) * width * tick_ns,
        rise_ns=2 * flank * width * tick_ns,
        risen=min(3 * flank + smooth, bins - 1),
        counts=np.roll(counts, -(start % bins)),
        bin_ticks=width,
        period_ticks=period,
    )


def _averaged(counts: Integers, reach: int) -> Floats:
    """Sums over bins at most `reach` away on the circle of the period."""
    bins = len(counts)
    around = np.concatenate([counts[bins - reach :], counts, counts[:reach]]).astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(around)])
    return np.asarray(sums[2 * reach + 1 :] - sums[:bins], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class DelayPairs:
    """Pairs of photons on two channels whose pulses are at most some pulses apart.

    Attributes
    ----------
    pulses : int64 (n,)
        Pulse of the photon on the first channel.
    ranks : float32 (n, 2)
        Share of the photons of its channel that arrive earlier after their pulse than this photon, for each of the
        two: uniform between 0 and 1 for photons that are independent of each other.
    apart : int8 (n,)
        Pulses from the first to the second photon; 0 for pairs of one pulse.
    reach : int
        Most pulses apart.
    photons : (int, int)
        Photons of the two channels.
    first_pulse, last_pulse : int
        Of the recording.
    period_s : float
        Time between pulses.
    """

    pulses: Integers
    ranks: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    apart: np.ndarray[tuple[int], np.dtype[np.int8]]
    reach: int
    photons: tuple[int, int]
    first_pulse: int
    last_pulse: int
    period_s: float

    @property
    def duration_pulses(self) -> int:
        """Pulses in the recording."""
        return max(self.last_pulse - self.first_pulse + 1, 1)


class DelayPairTally:
    """Pairs by pulse, with the ranks of both delays (T3).

    Parameters
    ----------
    stream
        T3.
    arrivals
        Of the two channels.
    order
        Pulses by which the second channel lags behind the first.
    reach
        Most pulses apart.
    """

    def __init__(self, stream: PhotonStream, arrivals: tuple[Arrival, Arrival], *, order: int, reach: int) -> None:
        self.stream, self.arrivals, self.reach = stream, arrivals, reach
        self._late = (0, order)
        self._margin = reach + abs(order) + 2
        none = np.zeros(0, dtype=np.int64)
        self._kept = [(none, none), (none, none)]
        self._parts: list[tuple[Integers, Integers, Integers, Integers]] = []
        self._columns = _columns(_ROOM)
        self._first: int | None = None
        self._last = 0

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        if records.delays is None or len(records) == 0:
            return
        self._first = int(records.times[0]) if self._first is None else self._first
        self._last = int(records.times[-1])
        for k, arrival in enumerate(self.arrivals):
            chosen = records.channels == arrival.channel
            delays = records.delays[chosen].astype(np.int64) - arrival.start
            turns = delays // arrival.period_ticks
            pulses = records.times[chosen] + turns - self._late[k]
            delays -= turns * arrival.period_ticks
            if len(pulses) > 1 and (np.diff(pulses) < 0).any():
                order = np.argsort(pulses, kind="stable")
                pulses, delays = pulses[order], delays[order]
            before = self._kept[k]
            if len(before[0]) and len(pulses) and pulses[0] < before[0][-1]:
                pulses, delays = np.concatenate([before[0], pulses]), np.concatenate([before[1], delays])
                order = np.argsort(pulses, kind="stable")
                self._kept[k] = pulses[order], delays[order]
            else:
                self._kept[k] = np.concatenate([before[0], pulses]), np.concatenate([before[1], delays])
        self._match(self._last - self._margin)

    def _match(self, upto: int) -> None:
        from qdmol.analysis.emitters.kernels import match_pulses

        start = (0, 0)
        while True:
            i, j, n = match_pulses(self._kept[0], self._kept[1], start, upto, self.reach, self._columns)
            self._parts.append(tuple(column[:n].copy() for column in self._columns))  # type: ignore[arg-type]
            if start == (i, j) and n == 0 and i < len(self._kept[0][0]) and self._kept[0][0][i] <= upto:
                self._columns = _columns(2 * len(self._columns[0]))
            start = (i, j)
            if i >= len(self._kept[0][0]) or self._kept[0][0][i] > upto:
                break
        keep = [start[0], start[1]]
        self._kept = [(pulses[k:], delays[k:]) for (pulses, delays), k in zip(self._kept, keep, strict=True)]

    def result(self) -> DelayPairs:
        """Pairs of the whole recording."""
        self._match(np.iinfo(np.int64).max // 2)
        pulses, first, second, apart = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        ranks = np.stack([_ranks(self.arrivals[0], first, 0), _ranks(self.arrivals[1], second, 1)], axis=1)
        return DelayPairs(
            pulses=pulses,
            ranks=ranks,
            apart=apart.astype(np.int8),
            reach=self.reach,
            photons=(self.arrivals[0].photons, self.arrivals[1].photons),
            first_pulse=self._first or 0,
            last_pulse=self._last,
            period_s=self.stream.time_unit_ps * 1e-12,
        )


def _columns(room: int) -> tuple[Integers, Integers, Integers, Integers]:
    first, second, third, fourth = (np.zeros(room, dtype=np.int64) for _ in range(4))
    return first, second, third, fourth


def _ranks(arrival: Arrival, delays: Integers, turn: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Probability integral transform of delays; within a bin a photon is put by a sequence of low discrepancy."""
    below = np.concatenate([[0], np.cumsum(arrival.counts)]).astype(np.float64)
    bins = np.minimum(delays // arrival.bin_ticks, len(arrival.counts) - 1)
    golden = 0.6180339887498949 if turn == 0 else 0.7548776662466927  # irrational, and unlike for the two channels
    within = (0.5 + golden * np.arange(len(delays))) % 1.0
    return np.asarray((below[bins] + within * arrival.counts[bins]) / max(below[-1], 1.0), dtype=np.float32)


def empirical_shares(arrival: Arrival) -> Floats:
    """Share of a channel's photons before each edge of its bins of delay, (n + 1,)."""
    below = np.concatenate([[0], np.cumsum(arrival.counts)]).astype(np.float64)
    return np.asarray(below / max(below[-1], 1.0), dtype=np.float64)
