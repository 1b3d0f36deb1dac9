"""The rate of photons that are not of the emitter: given, measured in the dark, in an off state, or before the pulse.

Every measured rate is a number of photons in a time chosen without looking at that number, so that its interval is
Garwood's (see `qdmol.statistics.counts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qdmol.analysis.passes import Steps, count, counted
from qdmol.analysis.stages import Number, Recording, Results, Stage
from qdmol.analysis.trace import Trace, TraceTally, intensity_trace
from qdmol.analysis.wording import interval_text
from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.estimates import Estimate
from qdmol.photons import PhotonStream, Scan, ScanTally, channel_label, read_photons, with_sync_detector
from qdmol.statistics import garwood, signal_interval

BEFORE_PULSE = "before the pulse"
_PARTS = 64  # of a period, in which the decay is looked at
_LEAST_SHARE = 0.01  # of the bins that an off state fills
_DARK_BIN_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Background rate of each channel.

    Attributes
    ----------
    rates_hz, low_hz, high_hz : float (channels,)
        Rate and its interval in photons per second.
    source : str
        ``"given"``, ``"dark recording"``, ``"off state"`` or ``"before the pulse"``.
    channels : tuple of int
        The channel of each entry.
    level : float
        Of the interval.
    """

    rates_hz: Floats
    low_hz: Floats
    high_hz: Floats
    source: str
    channels: tuple[int, ...]
    level: float = 0.95

    @property
    def rates(self) -> dict[int, Estimate]:
        """Rate of each channel in photons per second, with its interval."""
        ends = zip(self.channels, self.rates_hz, self.low_hz, self.high_hz, strict=True)
        return {channel: Estimate(float(rate), float(low), float(high), "1/s") for channel, rate, low, high in ends}

    def rate_hz(self, channel: int) -> float:
        """Rate of a channel in Hz; 0 for one that is not here."""
        return float(self.rates_hz[self.channels.index(channel)]) if channel in self.channels else 0.0


def estimate_background(
    source: PhotonStream | Trace | None = None,
    *,
    rates_hz: Mapping[int, float] | None = None,
    dark: PhotonStream | None = None,
    level: float = 0.95,
) -> Background | None:
    """Give the background from the best source at hand; None where the data hold none.

    In this order: `rates_hz` as given; `dark`, a recording without excitation; the level of the decay before the pulse
    (T3 streams); the off state of a blinking emitter (from the intensity trace in bins of 10 ms).

    Parameters
    ----------
    source
        The recording, or its trace.
    rates_hz
        Rate of each channel in Hz.
    dark
        A recording of the same detectors without excitation.
    level
        Of the intervals.

    Raises
    ------
    InputError
        A given rate is below 0 or no number; `level` is not between 0 and 1.
    """
    if rates_hz is not None:
        return background_given(rates_hz, level=level)
    if dark is not None:
        return background_of_dark(dark, level=level)
    if isinstance(source, PhotonStream):
        before = background_before_pulse(source, level=level) if source.mode == "T3" else None
        return before or background_of_off_state(intensity_trace(source), level=level)
    return None if source is None else background_of_off_state(source, level=level)


def background_given(rates_hz: Mapping[int, float], *, level: float = 0.95) -> Background:
    """Take rates as known; their intervals have no width.

    Raises
    ------
    InputError
        A rate is below 0 or no number.
    """
    rates = np.array(list(rates_hz.values()), dtype=np.float64)
    bad = ~np.isfinite(rates) | (rates < 0)
    if np.any(bad):
        raise InputError(field="background", value=float(rates[bad][0]), allowed="0 Hz or more")
    return Background(rates, rates.copy(), rates.copy(), "given", tuple(int(c) for c in rates_hz), level)


def background_of_dark(dark: PhotonStream, *, level: float = 0.95) -> Background:
    """Rate of each channel in a recording without excitation.

    Raises
    ------
    InputError
        The recording has no length.
    """
    trace = intensity_trace(dark, bin_s=_DARK_BIN_S)
    length = _dark_length_s(dark, trace)
    if length <= 0:
        raise InputError(field="dark", value=length, allowed="a recording longer than 0 s")
    return _from_counts(trace.counts.sum(axis=0), np.full(len(trace.channels), length), trace, "dark recording", level)


def _dark_length_s(dark: PhotonStream, trace: Trace) -> float:
    stated = dark.stated_duration_s
    measured = float(len(trace.counts) * trace.bin_s)
    if stated is not None and stated > 0 and not dark.truncated and measured <= 1.01 * stated + trace.bin_s:
        return stated
    return measured


def _from_counts(counts: ArrayLike, seconds: Floats, trace: Trace, source: str, level: float) -> Background:
    low, high = garwood(counts, level=level)
    number = np.asarray(counts, dtype=np.float64)
    return Background(number / seconds, low / seconds, high / seconds, source, trace.channels, level)


def background_of_off_state(trace: Trace, *, level: float = 0.95) -> Background | None:
    """Rate of each channel while a blinking emitter is off; None where no off state stands apart.

    The lowest mode of the counts a bin is taken as one Poisson law: bins up to four standard deviations above its mean,
    the mean taken again until both agree. It must be as narrow as a Poisson law, hold one bin in a hundred, and lie
    below the rest. Only bins between two of its own kind count, for the emitter may switch within the outer ones. The
    emitter may still glow a little in its off state: the background is this rate at most.

    Parameters
    ----------
    trace
        Intensity trace, its bins shorter than the off times.
    level
        Of the intervals.
    """
    total = trace.total[:-1] if len(trace.counts) > 1 else trace.total
    if len(total) < 100:
        return None
    limit = _lowest_mode(total)
    low = total <= limit
    inner = low.copy()
    inner[1:] &= low[:-1]
    inner[:-1] &= low[1:]
    inner[0] = inner[-1] = False
    used = int(inner.sum())
    if low.mean() > 1.0 - _LEAST_SHARE or used < max(_LEAST_SHARE * len(total), 10):
        return None
    mean, spread = float(total[inner].mean()), float(total[inner].var())
    if spread > mean * (1.2 + 4.0 * np.sqrt(2.0 / used)) + 4.0 / used:
        return None
    counts = trace.counts[: len(total)][inner].sum(axis=0)
    return _from_counts(counts, np.full(len(trace.channels), used * trace.bin_s), trace, "off state", level)


def _lowest_mode(total: NDArray[np.int64]) -> float:
    """Counts a bin up to which a bin belongs to the lowest mode."""
    limit = float(np.quantile(total, 0.02))
    limit += 4.0 * np.sqrt(limit) + 3.0
    for _ in range(100):
        mean = float(total[total <= limit].mean())
        fresh = mean + 4.0 * np.sqrt(mean) + 3.0
        if abs(fresh - limit) < 1e-9:
            break
        limit = fresh
    return float(limit)


def background_before_pulse(stream: PhotonStream, *, level: float = 0.95) -> Background | None:
    """Rate of each channel from the level of its decay before the next pulse; None where a decay has not ended.

    Photons of a T3 stream in the part of the period where the decay is over, divided by the time of all those parts.
    Light that comes with the pulse, as scattered laser, is not in it; a slow component of the decay too weak to be told
    from a level is.

    Parameters
    ----------
    stream
        A T3 stream.
    level
        Of the intervals.

    Raises
    ------
    InputError
        The stream is not T3.
    """
    if stream.mode != "T3":
        raise InputError(field="stream", value=stream.mode, allowed="a T3 stream")
    return background_of_scan(count(ScanTally(stream, pairs=False)), stream, level=level)


def background_of_scan(scan: Scan, stream: PhotonStream, *, level: float = 0.95) -> Background | None:
    """Evaluate the delays that a scan of a T3 stream gathered, for :func:`background_before_pulse`."""
    if not scan.photons:
        return None
    width = scan.tick_ps * 2.0**scan.delay_shift
    pulses = _pulses(stream, scan.last_ps)
    order = np.argsort(np.array(scan.channels))
    counts: list[int] = []
    rests: list[float] = []
    seconds: list[float] = []
    for row in order:
        level_here = level_before_pulse(scan.delay_counts[row].sum(axis=0), bins_per_period=scan.unit_ps / width)
        if level_here is None:
            return None
        counts.append(level_here[0])
        rests.append(level_here[2])
        seconds.append(level_here[1] * width * 1e-12 * pulses)
    low, high = signal_interval(counts, rests, level=level)
    number, time = np.maximum(np.array(counts) - np.array(rests), 0.0), np.array(seconds)
    channels = tuple(scan.channels[row] for row in order)
    return Background(number / time, low / time, high / time, BEFORE_PULSE, channels, level)


def _pulses(stream: PhotonStream, last_ps: float) -> float:
    stated = stream.stated_duration_s
    span = last_ps * 1e-12
    if stated is not None and not stream.truncated and span < stated <= 1.1 * span:
        span = stated
    return max(span * 1e12 / stream.time_unit_ps, 1.0)


def level_before_pulse(counts: ArrayLike, *, bins_per_period: float) -> tuple[int, int, float] | None:
    """Find photons and number of bins of a decay histogram between the end of the decay and the next rise.

    The period is cut in 64 parts. A level and one exponential are fitted to the last two thirds before the rise by the
    Poisson likelihood (expectation maximization: Shepp and Vardi, IEEE Trans. Med. Imaging 1, 113 (1982),
    doi:10.1109/TMI.1982.4307558); the stretch begins where what is left of the exponential is below a third of the
    counting noise, and that rest is returned too, as mean counts that do not belong to the background.

    Parameters
    ----------
    counts : (n,)
        Histogram of delays from the sync pulse on.
    bins_per_period
        Bins in a period.

    Returns
    -------
    (photons, bins, rest of the decay in photons), or None where the decay reaches into the next pulse.
    """
    histogram = np.asarray(counts, dtype=np.float64)
    filled = np.flatnonzero(histogram)
    usable = min(int(bins_per_period), int(filled[-1]) + 1 if len(filled) else 0)
    per_part = int(bins_per_period) // _PARTS
    if per_part < 1 or usable < 0.5 * bins_per_period:
        return None
    # an instrument may not see the last part of the period
    parts = np.array([histogram[k * per_part : (k + 1) * per_part].sum() for k in range(usable // per_part)])
    rolled = np.roll(parts, -int(np.argmax(parts)))
    stretch = rolled[len(rolled) // 3 : _before_rise(rolled)]
    fit = _level_and_tail(stretch)
    if fit is None:
        return None
    tail = fit
    for begin in range(len(stretch) - 3):
        photons, tail_photons = float(stretch[begin:].sum()), float(tail[begin:].sum())
        if tail_photons < 0.3 * np.sqrt(photons + 1.0):
            return int(photons), (len(stretch) - begin) * per_part, tail_photons
    return None


def _before_rise(rolled: Floats) -> int:
    """First part of the next rise, in parts counted from the peak of the decay, less one for safety."""
    floor = float(np.median(rolled[len(rolled) // 2 : -2]))
    high = rolled > floor + 5.0 * np.sqrt(floor + 1.0) + 2.0
    end = len(rolled) - 1
    while end > 1 and high[end]:
        end -= 1
    return end - 1


def _level_and_tail(stretch: Floats) -> Floats | None:
    """Mean of the exponential in each part, fitted together with a level; None where it falls too slowly to tell."""
    length = len(stretch)
    if length < 8:
        return None
    falls = np.geomspace(0.7, length / 3.0, 10)
    shapes = np.exp(-np.arange(length) / falls[:, None])
    level = np.full((len(falls), 1), max(float(stretch[length // 2 :].mean()), 0.05))
    height = np.full((len(falls), 1), max(float(stretch[0]), 0.05))
    for _ in range(60):
        ratio = stretch / (level + height * shapes)
        level = level * ratio.mean(axis=1, keepdims=True)
        height = height * (ratio * shapes).sum(axis=1, keepdims=True) / shapes.sum(axis=1, keepdims=True)
        level, height = np.maximum(level, 1e-9), np.maximum(height, 1e-12)
    model = level + height * shapes
    likelihood = (stretch * np.log(model) - model).sum(axis=1)
    best = int(np.argmax(likelihood))
    tail = np.asarray(height[best] * shapes[best], dtype=np.float64)
    slow = best == len(falls) - 1 and tail.sum() > 2.0 * np.sqrt(stretch.sum() + 1.0)
    return None if slow else tail


class BackgroundStage(Stage[Background | None]):
    """Background rate of each channel from the best source in the recording."""

    key = "background"
    name = "background"
    absent = "no_background"
    optional = True
    classes = (Background,)

    def steps(self, recording: Recording) -> Steps[Background | None]:
        """Take the dark recording, else the level before the pulse, else the off state."""
        dark = recording.options.dark
        if dark is not None:
            if not isinstance(dark, PhotonStream):
                dark = with_sync_detector(read_photons(dark))
            return background_of_dark(dark)
        stream = recording.pulsed or recording.stream
        if stream.mode == "T3":
            known = recording.scan if stream is recording.stream else None
            scan = known or (yield from counted(ScanTally(stream, pairs=False)))
            before = background_of_scan(scan, stream)
            if before is not None:
                return before
        return background_of_off_state((yield from counted(TraceTally(stream))))

    def sentences(self, results: Results) -> tuple[str, ...]:
        """Source and rate of each channel."""
        background = results[BackgroundStage]
        if background is None:
            return ()
        rates = ", ".join(
            f"{interval_text(replace(rate, unit=''))} in channel {channel_label(channel)}"
            for channel, rate in background.rates.items()
        )
        return (f"Background, from {background.source}: {rates} photons per second.",)

    def numbers(self, results: Results) -> tuple[Number, ...]:
        """Rate of each channel."""
        background = results[BackgroundStage]
        rates = {} if background is None else background.rates
        return tuple(Number(f"background in channel {channel_label(k)}", rate) for k, rate in rates.items())

    def add_to_summary(self, summary: dict[str, Any], results: Results) -> None:
        """Add the rate of each channel."""
        background = results[BackgroundStage]
        if background is None:
            summary[self.key] = None
            return
        channels = [
            {"channel": channel_label(channel), "rate_Hz": rate.value, "low_Hz": rate.low, "high_Hz": rate.high}
            for channel, rate in background.rates.items()
        ]
        summary[self.key] = {"source": background.source, "channels": channels}
