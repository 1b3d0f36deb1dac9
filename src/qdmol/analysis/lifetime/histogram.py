"""Decay histograms of streams: delays of T3 photons, counted in one pass."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from qdmol.analysis.lifetime.values import Decay
from qdmol.analysis.passes import count
from qdmol.arrays import Floats, Integers
from qdmol.errors import DataError, InputError
from qdmol.photons import PhotonStream, Records

_MOST_BINS = 4096
_MOST_TICKS = 1 << 22


def decay_of(
    stream: PhotonStream,
    *,
    channels: Iterable[int] | None = None,
    bin_width_ns: float | None = None,
    align: bool | None = None,
) -> Decay:
    """Count photons against the delay after the excitation pulse, over channels together.

    Parameters
    ----------
    stream
        T3, or T2 with recorded sync pulses.
    channels
        Input channels from 0; None: all.
    bin_width_ns
        Rounded to whole ticks; None: the fewest ticks that give at most 4096 bins a period.
    align
        Whether the delays of the channels are moved on the circle of the period, by whole ticks, until their decays lie
        on that of the strongest; cables differ, and without it a sum of channels has a response as broad as they lie
        apart. None: where the decays plainly differ as they are, and less when moved; `notes` then says by how much.

    Returns
    -------
    Decay
        `exposure_periods` is the number of periods from the first photon to the last.

    Raises
    ------
    InputError
        For a channel or width that cannot be.
    DataError
        For a stream without sync pulses or without photons.
    """
    return count(DecayTally(with_delays(stream), channels=channels, bin_width_ns=bin_width_ns, align=align))


def decays_of(
    stream: PhotonStream, *, channels: Iterable[int] | None = None, bin_width_ns: float | None = None
) -> dict[int, Decay]:
    """Count photons against their delay, each channel for itself; else as :func:`decay_of`."""
    tally = DecayTally(with_delays(stream), channels=channels, bin_width_ns=bin_width_ns, align=False)
    for records in tally.stream.chunks():
        tally.add(records)
    return tally.by_channel()


def with_delays(stream: PhotonStream) -> PhotonStream:
    """Return a stream whose photons have delays: T3, or T2 with recorded sync pulses as T3."""
    if stream.mode == "T3":
        if stream.sync_period_ps is None or not stream.sync_period_ps > 0:
            raise DataError("The recording states no sync period, so the range of its delays is unknown.")
        return stream
    from qdmol.photons import to_t3

    return to_t3(stream)


class DecayTally:
    """Photons by their delay after the pulse (T3); parameters and errors as in :func:`decay_of`."""

    def __init__(
        self,
        stream: PhotonStream,
        *,
        channels: Iterable[int] | None = None,
        bin_width_ns: float | None = None,
        align: bool | None = None,
    ) -> None:
        self.stream = stream
        self._channels = None if channels is None else sorted(set(channels))
        self._bin_width_ns, self._align = bin_width_ns, align
        self._period_ns, self._tick_ns = float(stream.sync_period_ps or 0.0) * 1e-3, stream.tick_ps * 1e-3
        ticks = math.ceil(self._period_ns / self._tick_ns)
        if not 1 < ticks <= _MOST_TICKS:
            raise DataError(f"A sync period of {ticks} ticks is invalid for a histogram of delays.")
        self._counts = np.zeros((256 if ticks <= 1 << 16 else 16, ticks), dtype=np.int64)
        self._late = 0
        self._first: int | None = None
        self._last = 0

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        from qdmol.analysis.kernels import count_delays

        if len(records) == 0 or records.delays is None:
            return
        self._first = int(records.times[0]) if self._first is None else self._first
        self._last = int(records.times[-1])
        self._late += int(count_delays(records.channels, records.delays, self._counts))

    def result(self) -> Decay:
        """Decay of the channels together."""
        decays = self.by_channel()
        counts = np.sum([decay.counts for decay in decays.values()], axis=0)
        first = next(iter(decays.values()))
        names = ", ".join(map(str, decays))
        label = f"channel{'s' if len(decays) > 1 else ''} {names}"
        return Decay(counts, first.bin_width_ns, 0.0, first.period_ns, first.exposure_periods, label, notes=first.notes)

    def by_channel(self) -> dict[int, Decay]:
        """Decay of each channel."""
        if self._first is None:
            raise DataError("The recording contains no photons, so there is no decay.")
        present = [int(channel) for channel in np.flatnonzero(self._counts.sum(axis=1))]
        wanted = present if self._channels is None else self._channels
        missing = [channel for channel in wanted if channel not in present]
        if missing:
            raise InputError(field="channels", value=missing[0], allowed=f"among {present}, which have photons")
        if not wanted:
            raise DataError("No photon has a delay within the sync period, so there is no decay.")
        step, tick_ns = _step(self._period_ns, self._tick_ns, self._bin_width_ns), self._tick_ns
        notes = _notes(self._late)
        fine = {channel: self._counts[channel] for channel in wanted}
        if self._align is not False:
            fine, lags = _aligned(fine, step, always=bool(self._align))
            notes += tuple(
                f"Channel {channel} is shifted by {lag * tick_ns:+.4g} ns to align it with the brightest channel."
                for channel, lag in lags.items()
            )
        periods = float(self._last - self._first + 1)
        return {
            channel: Decay(
                _merge(counts, step), step * tick_ns, 0.0, self._period_ns, periods, f"channel {channel}", notes=notes
            )
            for channel, counts in fine.items()
        }


def _notes(late: int) -> tuple[str, ...]:
    return (f"{late} photons with a delay beyond the sync period are excluded.",) if late else ()


def _step(period_ns: float, tick_ns: float, bin_width_ns: float | None) -> int:
    ticks = period_ns / tick_ns
    if bin_width_ns is None:
        return max(1, math.ceil(ticks / _MOST_BINS))
    if not (math.isfinite(bin_width_ns) and tick_ns / 2 <= bin_width_ns <= period_ns / 2):
        allowed = f"from one tick, {tick_ns:.4g} ns, to half the period, {period_ns / 2:.4g} ns"
        raise InputError(field="bin_width_ns", value=bin_width_ns, allowed=allowed)
    return max(1, round(bin_width_ns / tick_ns))


def _merge(counts: Integers, step: int) -> Floats:
    padded = np.pad(counts, (0, -len(counts) % step))
    merged: Floats = padded.reshape(-1, step).sum(axis=1).astype(np.float64)
    return merged


def _aligned(fine: dict[int, Integers], step: int, *, always: bool) -> tuple[dict[int, Integers], dict[int, int]]:
    """Turn each channel against the strongest by the lag of their largest correlation; and the lags, in ticks."""
    strongest = max(fine, key=lambda channel: int(fine[channel].sum()))
    ticks = len(fine[strongest])
    kernel = np.zeros(ticks)
    kernel[:step] = 1.0
    smooth = np.abs(np.fft.rfft(kernel)) ** 2
    reference = np.fft.rfft(np.sqrt(fine[strongest]))
    turned, lags = {}, {}
    for channel, counts in fine.items():
        turned[channel] = counts
        if channel == strongest:
            continue
        overlap = np.fft.irfft(reference * np.conj(np.fft.rfft(np.sqrt(counts))) * smooth, ticks)
        lag = int(np.argmax(overlap))
        moved = np.roll(counts, lag)
        if always or _differ(fine[strongest], counts) > max(6.0, 2.0 * _differ(fine[strongest], moved)):
            turned[channel] = moved
            lags[channel] = lag if lag <= ticks // 2 else lag - ticks
    return turned, lags


def _differ(one: Integers, other: Integers) -> float:
    """How many standard deviations the shapes of two histograms differ by: chi-square of about a hundred groups."""
    both = one + other
    marks = np.floor(np.cumsum(both) * (100.0 / both.sum())).astype(np.int64)
    starts = np.unique(marks, return_index=True)[1]
    a, b = np.add.reduceat(one, starts), np.add.reduceat(other, starts)
    ratio = np.sqrt(b.sum() / a.sum())
    total = float((((a * ratio - b / ratio) ** 2) / np.maximum(a + b, 1)).sum())
    return (total - len(starts)) / float(np.sqrt(2.0 * len(starts)))
