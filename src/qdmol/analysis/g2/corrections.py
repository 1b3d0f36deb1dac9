"""Sharp peaks beside the centre: light that one detector emits and the other sees, or echoes in the electronics.

Gates on the delay after the pulse: only photons that come late enough, or early enough.

What part of the pairs has nothing to do with the emitter, from measured background rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.background import Background
from qdmol.analysis.g2.values import PairHistogram
from qdmol.errors import DataError, InputError
from qdmol.photons import PhotonStream, Records, channel_label
from qdmol.statistics import binomial_tail, normal_quantile


def gate_limits(gate_ns: float | tuple[float, float], period_ns: float) -> tuple[float, float]:
    """Return a gate as (from, to) in ns after the pulse; a single number is where it opens.

    Raises
    ------
    InputError
        The gate is empty or not within a period.
    """
    low, high = (gate_ns, period_ns) if isinstance(gate_ns, int | float) else gate_ns
    if not 0.0 <= low < high <= period_ns * (1.0 + 1e-9):
        raise InputError(field="gate_ns", value=gate_ns, allowed=f"rising and between 0 and {period_ns:.4g} ns")
    return float(low), float(high)


def gate_share(limits: tuple[float, float], period_ns: float) -> float:
    """Part of a steady background that falls into the gate."""
    return (limits[1] - limits[0]) / period_ns


class ArrivalTally:
    """Delay in ticks at which the decay of each of two channels rises: where the light of the pulse arrives."""

    def __init__(self, stream: PhotonStream, channels: tuple[int, int]) -> None:
        self.stream, self.channels = stream, channels
        self._decays: list[NDArray[np.int64]] = [np.zeros(1, dtype=np.int64) for _ in channels]
        self._most = int(2 * stream.time_unit_ps / stream.tick_ps) + 1

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        if records.delays is None:
            return
        delays = np.minimum(records.delays, self._most)
        for k, channel in enumerate(self.channels):
            counts = np.bincount(delays[records.channels == channel], minlength=len(self._decays[k]))
            counts[: len(self._decays[k])] += self._decays[k]
            self._decays[k] = counts

    def result(self) -> tuple[int, int]:
        """Arrival on each channel; DataError for a channel without photons."""
        for channel, decay in zip(self.channels, self._decays, strict=True):
            if decay.sum() == 0:
                name = channel_label(channel)
                raise DataError(f"Channel {name} has no photons, so the arrival time of the pulse is unknown.")
        return _edge(self._decays[0]), _edge(self._decays[1])


def _edge(decay: NDArray[np.int64]) -> int:
    """Where the rise to the highest count passes half of it."""
    top = int(np.argmax(decay))
    below = np.flatnonzero(decay[:top] < 0.5 * decay[top])
    return int(below[-1]) + 1 if len(below) else 0


def channel_gates(stream: PhotonStream, arrivals: tuple[int, int], limits: tuple[float, float]) -> NDArray[np.int64]:
    """Return the gate of each channel in ticks of delay, (2, 2), from the arrival of the pulse there in ticks."""
    ticks = np.rint(np.array(limits) * 1e3 / stream.tick_ps).astype(np.int64)
    gates = np.array([arrival + ticks for arrival in arrivals])
    if limits[0] == 0.0:  # nothing is cut at the rise
        gates[:, 0] = 0
    return gates


_ONE_SIDE, _OTHER_SIDE = 1e-5, 1e-3  # chance of the excess at one sign of lag, and at the other
_FARTHEST_NS = 1e4  # light and echoes between two detectors take far less, however slow the laser is
_SHORTEST_NS = 1.5  # nearer to the zero delay a peak cannot be told from the centre itself


@dataclass(frozen=True, slots=True)
class Spike:
    """A pair of sharp peaks at lags of both signs.

    Attributes
    ----------
    lag_ns, width_ns : float
        Distance from the zero delay, and full width of the window in which they stand out.
    excess : float
        Pairs above what lies beside them, both signs together.
    """

    lag_ns: float
    width_ns: float
    excess: float

    @property
    def mask(self) -> tuple[float, float]:
        """Lags to leave out."""
        return max(self.lag_ns - self.width_ns, 0.0), self.lag_ns + self.width_ns


def find_spikes(histogram: PairHistogram, zero_ns: float, *, reach_ns: float) -> tuple[Spike, ...]:
    """Look for sharp peaks at the same distance on both sides of the zero delay.

    The afterglow of avalanche diodes reaches the other detector some ns later (Kurtsiefer, Zarda, Mayer, Weinfurter, J.
    Mod. Opt. 48, 2039 (2001), doi:10.1080/09500340108240905). A window stands out if its pairs are too many, against an
    equally wide one on each side of it together, to come by chance (binomial, 1e-5 over the number of windows at one
    sign and 1e-3 at the other); a smooth flank does not do that.
    """
    spikes: list[Spike] = []
    for width in (0.5, 1.0, 2.0):
        spikes += _of_width(histogram, zero_ns, reach_ns, width)
    spikes.sort(key=lambda spike: -spike.excess)
    apart: list[Spike] = []
    for spike in spikes:
        if all(abs(spike.lag_ns - other.lag_ns) > 2.0 * max(spike.width_ns, other.width_ns) for other in apart):
            apart.append(spike)
    return tuple(sorted(apart, key=lambda spike: spike.lag_ns))


def _of_width(histogram: PairHistogram, zero_ns: float, reach_ns: float, width: float) -> list[Spike]:
    places = np.arange(max(_SHORTEST_NS, 2.0 * width), min(reach_ns, _FARTHEST_NS) - 1.5 * width, 0.5 * width)
    if len(places) == 0 or width < 2.0 * histogram.bin_width_ns:
        return []
    sums = np.concatenate([[0], np.cumsum(histogram.counts)])
    edge = histogram.first_lag_ns - 0.5 * histogram.bin_width_ns - zero_ns

    def pairs(low: NDArray[np.float64]) -> NDArray[np.int64]:
        first = np.clip(np.rint((low - edge) / histogram.bin_width_ns), 0, len(sums) - 1).astype(np.int64)
        last = np.clip(first + round(width / histogram.bin_width_ns), 0, len(sums) - 1)
        return np.asarray(sums[last] - sums[first], dtype=np.int64)

    chances, excess = [], np.zeros(len(places))
    for sign in (1.0, -1.0):
        middle = pairs(sign * places - 0.5 * width)
        beside = pairs(sign * places - 1.75 * width) + pairs(sign * places + 0.75 * width)
        # a convex flank is higher beside than in the middle, so a third is the most it can have by itself
        chances.append(binomial_tail(middle - 1, middle + beside, 1.0 / 3.0))
        excess += middle - 0.5 * beside
    least, most = np.minimum(*chances), np.maximum(*chances)
    hits = (least < _ONE_SIDE / len(places)) & (most < _OTHER_SIDE)
    return [Spike(float(p), width, float(e)) for p, e in zip(places[hits], excess[hits], strict=True)]


_VALLEY = 0.4  # periods from a peak


@dataclass(frozen=True, slots=True)
class Signal:
    """Shares of the photons that are the emitter's.

    Attributes
    ----------
    fractions : (float, float)
        Signal over all photons for each channel, ρ.
    product, error : float
        ρ1 ρ2 and its standard error: the share of pairs, at the level of steady light, with no background in them.
    """

    fractions: tuple[float, float] = (1.0, 1.0)
    product: float = 1.0
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Flat:
    """Pairs a period in which there is a photon of a steady background, from the pairs themselves; standard error."""

    pairs: float
    error: float


def flat_of_valleys(histogram: PairHistogram, *, period_ns: float, zero_ns: float) -> Flat:
    """Pairs a period from those farthest from all peaks, a fifth of the period; right where the peaks have ended."""
    away = (histogram.lag_ns - zero_ns) / period_ns
    valley = np.abs(away - np.rint(away)) > _VALLEY
    share = period_ns / max(float(valley.sum()) * histogram.bin_width_ns, 1e-9)
    number = float(histogram.counts[valley].sum())
    return Flat(number * share, float(np.sqrt(number + 1.0)) * share)


def signal_of(histogram: PairHistogram, background: Background | None, *, gate_share: float = 1.0) -> Signal:
    """Return the signal fractions of a histogram's two channels.

    A pair is the emitter's with probability ρ1 ρ2, pairs with a background photon fall on all lags alike, so
    g2 = (g2_measured - (1 - ρ1 ρ2)) / (ρ1 ρ2), both against steady light (Brouri, Beveratos, Poizat, Grangier,
    Opt. Lett. 25, 1294 (2000), doi:10.1364/OL.25.001294).

    Parameters
    ----------
    gate_share : float
        Part of the background that a gate on the delay lets through.

    Raises
    ------
    DataError
        The background is as bright as the recording.
    """
    if background is None:
        return Signal()
    if histogram.photons is None or not histogram.duration_s:
        raise DataError(
            "a background can be subtracted only if the photons and the duration of the recording are known"
        )
    fractions, relative = [], 0.0
    for channel, photons in zip(histogram.channels, histogram.photons, strict=True):
        rate = photons / histogram.duration_s
        dark = background.rate_hz(channel) * gate_share
        if rate <= dark:
            raise DataError(
                f"the background of channel {channel}, {dark:.4g} Hz, is not below its count rate, {rate:.4g} Hz, so "
                "no signal is left for g2"
            )
        fraction = 1.0 - dark / rate
        fractions.append(fraction)
        relative += (_error_hz(background, channel) * gate_share / rate / fraction) ** 2
    product = fractions[0] * fractions[1]
    return Signal(fractions=(fractions[0], fractions[1]), product=product, error=product * float(np.sqrt(relative)))


def _error_hz(background: Background, channel: int) -> float:
    if channel not in background.channels:
        return 0.0
    k = background.channels.index(channel)
    width = float(background.high_hz[k] - background.low_hz[k])
    return 0.5 * width / float(normal_quantile(0.5 + 0.5 * background.level)) if np.isfinite(width) else 0.0
