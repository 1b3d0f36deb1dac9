"""Sync pulses: how steady they are, and photons counted from them.

A laser's pulses come at equal distances. Where they are recorded, all of them or some, each photon has a pulse before
it: the number of that pulse and the delay after it are what a T3 instrument would have written.

The SYNC input of a time tagger in T2 mode: a laser's pulses, or a second detector.

Instruments with two inputs (TimeHarp 260, HydraHarp with one module) have a second detector on the SYNC input for a
Hanbury Brown and Twiss experiment. T2 records of that input carry a mark of their own, and only their times tell
whether they are pulses at equal distances or photons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Integers
from qdmol.errors import DataError, InputError
from qdmol.photons.ordering import ordered
from qdmol.photons.stream import CHUNK, SYNC_CHANNEL, PhotonStream, Records, Source, join_records

# Fewer intervals do not show a comb.
ENOUGH = 32
# Intervals longer than this many periods say little about one period.
LONG = 1000
# Dividers of a sync input go no further; photons looked at for one, which show 5 % of modulation 10 times over.
MOST_PULSES = 64
LOOKED_AT = 200_000
# Electronic pulses stray less than this from a comb, light more: lifetimes are longer.
STRAY_PS = 100.0
STRAY_SHARE = 0.002


def steady_period(times: Integers, *, tick_ps: float) -> float | None:
    """Return the period in ticks of which all intervals are whole multiples; None if there is none.

    Parameters
    ----------
    times : int64 (N,)
        In order. Pulses may be missing.
    tick_ps : float
        Length of a tick in ps; pulses may stray by 0.1 ns from their comb, and by 0.2 % of the period.
    """
    intervals = np.sort(np.diff(times))
    intervals = intervals[intervals > 0].astype(float)
    if len(intervals) < ENOUGH:
        return None
    # not the very shortest: that may be an echo on the line
    shortest = intervals[min(5, len(intervals) // 20)]
    for parts in range(1, 7):
        period = _refined(intervals, shortest / parts)
        if _is_comb(intervals, period, tick_ps=tick_ps):
            return period
    return None


def _refined(intervals: NDArray[np.float64], period: float) -> float:
    """Fit the period to ever longer intervals: each fit is good enough to count the periods in the next."""
    for reach in (1.5, 4.5, 13.5, 40.5, 121.5, 364.5, LONG + 0.5):
        some = intervals[: np.searchsorted(intervals, reach * period)]
        counts = np.rint(some / period)
        if counts.sum() > 0:
            period = float(some[counts > 0].sum() / counts.sum())
    return period


def _is_comb(intervals: NDArray[np.float64], period: float, *, tick_ps: float) -> bool:
    some = intervals[: np.searchsorted(intervals, (LONG + 0.5) * period)]
    if len(some) < ENOUGH:
        return False
    stray = np.abs(some - np.rint(some / period) * period)
    allowed = max(min(STRAY_PS / tick_ps, STRAY_SHARE * period), 1.0)
    # a comb of a few ticks fits everything
    return period > 8 * allowed and bool(
        np.quantile(stray, 0.68) <= allowed and np.quantile(stray, 0.95) <= 3 * allowed
    )


def find_sync_channel(times: Integers, channels: NDArray[np.uint8], *, tick_ps: float) -> tuple[int, float] | None:
    """Return the channel whose tags are a comb, and its period in ticks; None if no channel's are.

    Parameters
    ----------
    times : int64 (N,)
        Tags in order of time.
    channels : uint8 (N,)
        The channel of each.
    tick_ps : float
        Length of a tick in ps.
    """
    present = np.unique(channels)
    if len(present) < 2:
        return None  # something must be left to be a photon
    periods = [(channel, steady_period(times[channels == channel], tick_ps=tick_ps)) for channel in present]
    combs = [(int(channel), period) for channel, period in periods if period is not None]
    return combs[0] if len(combs) == 1 else None


def pulses_per_sync(records: Records, *, period: float) -> int:
    """Return how many laser pulses there are in a sync period: more than 1 where the sync input divides.

    Light of n equal pulses has no component at a frequency below the n-th multiple of the sync's, light of one pulse is
    strongest at the first. The powers are those of N. I. Fisher, Statistical Analysis of Circular Data (1993), ch. 4
    (Rayleigh's test), summed over channels, since each has a cable of its own.

    Parameters
    ----------
    records : Records
        T3, counted from the recorded pulses.
    period : float
        Length of a sync period in ticks of the delays.
    """
    if records.delays is None or not len(records):
        return 1
    present = np.unique(records.channels)
    powers = np.zeros(MOST_PULSES)
    for channel in present:
        turns = records.delays[records.channels == channel][:LOOKED_AT] / period
        step = np.exp(2j * np.pi * turns)
        wave = np.ones(len(turns), dtype=complex)
        for k in range(MOST_PULSES):
            wave *= step
            powers[k] += abs(wave.sum()) ** 2 / len(turns)
    photons = min(len(records), LOOKED_AT)
    # without any modulation each channel gives a power of 1, exponentially distributed
    seen = powers > max(25.0 * len(present), 0.0025 * powers.max())
    first = int(np.argmax(seen))
    return first + 1 if seen[first] and powers[first] > 0.0025 * photons else 1


@dataclass(frozen=True, slots=True)
class SynchronisedSource:
    """Photons of a T2 source counted from its sync pulses.

    Attributes
    ----------
    source : Source
        T2, with sync pulses.
    period : float
        Length of a sync period in ticks.
    """

    source: Source
    period: float

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the photons behind the first pulse, with the number of their period and their delay."""
        pulse_time = np.zeros(0, dtype=np.int64)
        pulse_number = np.zeros(0, dtype=np.int64)
        for records in self.source.chunks(size):
            pulses = np.concatenate([pulse_time, records.sync_times])
            if not len(pulses):
                continue
            first = int(pulse_number[0]) if len(pulse_number) else 0
            numbers = first + np.concatenate([[0], np.cumsum(_periods(np.diff(pulses), self.period))]).astype(np.int64)
            yield self._counted(records, pulses, numbers)
            pulse_time, pulse_number = pulses[-1:], numbers[-1:]

    def _counted(self, records: Records, pulses: Integers, numbers: Integers) -> Records:
        behind = records.times >= pulses[0]
        periods, delays = self._place(records.times[behind], pulses, numbers)
        marked = records.marker_times >= pulses[0]
        return Records(
            times=periods,
            channels=records.channels[behind],
            delays=delays,
            marker_times=self._place(records.marker_times[marked], pulses, numbers)[0],
            markers=records.markers[marked],
        )

    def _place(self, times: Integers, pulses: Integers, numbers: Integers) -> tuple[Integers, NDArray[np.uint32]]:
        """Return number of the period and delay: pulses that were not recorded are put where the comb has them."""
        last = np.searchsorted(pulses, times, side="right") - 1
        since = times - pulses[last]
        skipped = np.floor(since / self.period).astype(np.int64)
        delays = np.rint(since - skipped * self.period)
        return numbers[last] + skipped, np.maximum(delays, 0).astype(np.uint32)


def _periods(intervals: Integers, period: float) -> Integers:
    return np.rint(intervals / period).astype(np.int64)


def to_t3(stream: PhotonStream, *, period_ps: float | None = None) -> PhotonStream:
    """Return a T2 stream with recorded sync pulses as T3: each photon by its sync period and the delay in it.

    Pulses need not all be recorded: those between two recorded ones are put at equal distances. Photons before the
    first pulse are left out.

    Parameters
    ----------
    stream
        T2 with sync pulses. A T3 stream is returned as it is.
    period_ps
        Length of a laser period in ps. If None it is measured from the pulses, and parted where the light shows that
        only every n-th pulse of the laser was given to the sync input.

    Returns
    -------
    PhotonStream
        T3 with the ticks of the original for delays. The period is the mean over the whole recording.

    Raises
    ------
    InputError
        `period_ps` is not a positive number.
    DataError
        There are no sync pulses, or they are not at equal distances.
    """
    if stream.mode == "T3":
        return stream
    if period_ps is not None and not (np.isfinite(period_ps) and period_ps > stream.tick_ps):
        raise InputError(field="period_ps", value=period_ps, allowed=f"above a tick, {stream.tick_ps:g} ps")
    period = _mean_period(stream, None if period_ps is None else period_ps / stream.tick_ps)
    notes = [f"Photons are counted from the recorded sync pulses, {period * stream.tick_ps / 1e3:.6g} ns apart."]
    parts = 1 if period_ps is not None else _parts(stream, period)
    if parts > 1:
        period /= parts
        notes[0] = (
            f"There are {parts} laser pulses in each period of the recorded sync pulses: every {parts}th laser pulse "
            f"is assumed to be recorded, so the pulse period is {period * stream.tick_ps / 1e3:.6g} ns."
        )
    return replace(
        stream,
        mode="T3",
        sync_period_ps=period * stream.tick_ps,
        source=SynchronisedSource(stream.source, period),
        stated_photons=None,
        notes=(*stream.notes, *notes),
    )


def _parts(stream: PhotonStream, period: float) -> int:
    """Laser pulses in a recorded period, by the first photons."""
    parts: list[Records] = []
    for records in SynchronisedSource(stream.source, period).chunks(LOOKED_AT):
        parts.append(records)
        if sum(map(len, parts)) >= LOOKED_AT:
            break
    return pulses_per_sync(join_records(parts, mode="T3"), period=period)


def _mean_period(stream: PhotonStream, period: float | None) -> float:
    """Period in ticks over the whole recording, starting from one that is given or seen in the first pulses."""
    given = period
    first: int | None = None
    last = periods = 0
    pulses = np.zeros(0, dtype=np.int64)
    for records in stream.chunks(CHUNK):
        pulses = np.concatenate([pulses[-1:] if period else pulses, records.sync_times])
        if period is None and len(pulses) > CHUNK // 8:
            period = _seen(pulses, stream)
        if period is not None and len(pulses):
            first = int(pulses[0]) if first is None else first
            last = int(pulses[-1])
            periods += int(_periods(np.diff(pulses), period).sum())
    if period is None:
        period = _seen(pulses, stream)
        first, last = int(pulses[0]), int(pulses[-1])
        periods = int(_periods(np.diff(pulses), period).sum())
    if first is None:
        raise _no_pulses()
    mean = (last - first) / periods if periods else period
    if given is not None and abs(mean / given - 1) > 1e-3:
        raise DataError(
            f"The recorded sync pulses do not fit a period of {given * stream.tick_ps / 1e3:.6g} ns; "
            "they are not at multiples of it."
        )
    return mean


def _no_pulses() -> DataError:
    return DataError("The stream has no recorded sync pulses, so photons cannot be counted from them.")


def _seen(pulses: Integers, stream: PhotonStream) -> float:
    if len(pulses) < 2:
        raise _no_pulses()
    period = steady_period(pulses, tick_ps=stream.tick_ps)
    if period is None:
        raise DataError(
            "The recorded sync pulses are neither equally spaced nor at multiples of one period; state the period."
        )
    return period


_PULSES = 4096  # events that are looked at
_FEWEST = 64
_RECORDS = 1 << 18  # records a stretch, and stretches, in which they are looked for
_STRETCHES = 16
_SPREAD = 0.4  # standard deviation of the intervals over their mean: 1 for photons, 0 for pulses
_COMB_SPREAD = 0.1  # of intervals around multiples of the shortest, in periods; 0.29 without a comb
_NOTE = (
    "The events of the SYNC input are irregular, so a detector is assumed to be connected to it; they are analysed "
    "as channel `sync`."
)
_SPARSE = 3.0  # mean interval in periods from which on a comb is pulsed light on a detector, not the pulses themselves


def holds_photons(times: NDArray[np.int64], *, tick_ps: float) -> bool:
    """Whether events at `times` (N,) in ticks are photons and not the pulses of a laser.

    Pulses come at multiples of one period, nearly all of them recorded or every n-th, even where they jitter. Photons
    have intervals as long as they are spread. Fewer than 64 events tell nothing and are taken for pulses.
    """
    if len(times) < _FEWEST or steady_period(times, tick_ps=tick_ps) is not None:
        return False
    intervals = np.diff(times)
    intervals = intervals[intervals > 0].astype(np.float64)
    if len(intervals) < _FEWEST // 2 or intervals.std() < _SPREAD * intervals.mean():
        return False
    period = float(np.quantile(intervals, 0.05))
    near = intervals[(intervals > 0.5 * period) & (intervals < 5.5 * period)] / period
    comb = len(near) > 8 and float((near - np.rint(near)).std()) < _COMB_SPREAD
    return not comb or bool(intervals.mean() > _SPARSE * period)


def with_sync_detector(stream: PhotonStream) -> PhotonStream:
    """Return a T2 stream whose sync events are photons with them in the channel `SYNC_CHANNEL`, others as they are.

    The first 4096 sync events decide. A sync rate that the header states is then that of the detector, and is dropped.
    """
    if stream.mode != "T2" or not _sync_is_detector(stream):
        return stream
    source = ordered(SyncAsDetector(stream.source), mode="T2")
    return replace(stream, source=source, sync_period_ps=None, notes=(*stream.notes, _NOTE))


def _sync_is_detector(stream: PhotonStream) -> bool:
    times = np.zeros(0, dtype=np.int64)
    for k, records in enumerate(stream.chunks(_RECORDS)):
        times = np.concatenate([times, records.sync_times])
        if len(times) >= _PULSES or k + 1 == _STRETCHES or (k > 0 and len(times) == 0):
            break
    return holds_photons(np.sort(times[:_PULSES]), tick_ps=stream.tick_ps)


@dataclass(frozen=True, slots=True)
class SyncAsDetector:
    """A T2 source whose sync events are photons of the channel `SYNC_CHANNEL`."""

    source: Source

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the records with the sync events among the photons, in order of time within a stretch."""
        for records in self.source.chunks(size):
            times = np.concatenate([records.times, records.sync_times])
            added = np.full(len(records.sync_times), SYNC_CHANNEL, dtype=np.uint8)
            order = np.argsort(times, kind="stable")
            yield replace(
                records,
                times=times[order],
                channels=np.concatenate([records.channels, added])[order],
                sync_times=np.zeros(0, dtype=np.int64),
            )
