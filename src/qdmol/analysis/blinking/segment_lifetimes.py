"""Lifetimes of segments and of levels: one exponential each, by the likelihood of the delays behind the pulse.

The delays are counted in a window that begins where the response of the instrument has passed and ends before the next
pulse, so that no response enters; the background is even over the period, at a known rate. The lifetime is that of a
single exponential of the largest likelihood, with the interval where its logarithm is less than 1.92 below. Of a decay
with several components it is an effective one. Likelihood: Maus et al., Anal. Chem. 73, 2078 (2001),
doi:10.1021/ac000877g.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from qdmol.analysis.lifetime.values import Decay
from qdmol.arrays import Floats, Integers
from qdmol.photons import PhotonStream, Records
from qdmol.statistics import chi2_quantile, garwood

_BINS = 64  # coarse bins in the window
_LEAST_PHOTONS = 50  # of a decay, before a pulse is looked for in it
_PULSE_SIGMAS = 6.0  # by which the largest count stands above the mean, where there is a pulse
_WIDEST_RISE = 0.25  # of the period


@dataclass(frozen=True, slots=True, eq=False)
class DelayWindow:
    """Where delays count, in bins of the decay histograms.

    Attributes
    ----------
    shift_of : int64 (256,)
        Bins by which the delays of each channel are moved, so that all pulses lie at the same place.
    bin_of : int64 (n,)
        Coarse bin of each bin, -1 outside the window.
    edges_ns : float64 (B + 1,)
        Edges of the coarse bins, from the pulse.
    step : int
        Ticks in a bin.
    bin_width_ns, period_ns : float
        Width of a bin; time between pulses.
    """

    shift_of: Integers
    bin_of: Integers
    edges_ns: Floats
    step: int
    bin_width_ns: float
    period_ns: float

    @property
    def limits_ns(self) -> tuple[float, float]:
        """Shortest and longest lifetime that the window can tell."""
        return 0.3 * float(self.edges_ns[1] - self.edges_ns[0]), 20.0 * float(self.edges_ns[-1] - self.edges_ns[0])


def delay_window(decays: Mapping[int, Decay], *, tick_ns: float) -> DelayWindow | None:
    """Find the pulse in the decays of all channels (of the same bins); None where there is none, or no decay behind it.

    Parameters
    ----------
    decays
        Of each channel, as `decays_of` counts them.
    tick_ns
        Width of a tick of the delays.
    """
    strongest = max(decays, key=lambda channel: decays[channel].photons)
    first = decays[strongest]
    if first.period_ns is None:
        return None
    n = min(len(first.counts), round(first.period_ns / first.bin_width_ns))
    shift_of = np.zeros(256, dtype=np.int64)
    total = np.zeros(n)
    reference = np.fft.rfft(np.sqrt(first.counts[:n]))
    for channel, decay in decays.items():
        counts = decay.counts[:n]
        overlap = np.fft.irfft(reference * np.conj(np.fft.rfft(np.sqrt(counts))), n)
        lag = 0 if channel == strongest or decay.photons < _LEAST_PHOTONS else int(np.argmax(overlap))
        shift_of[channel] = lag
        total += np.roll(counts, lag)
    found = _window(total)
    if found is None:
        return None
    peak, start, stop = found
    # all pulses at the beginning of the period
    shift_of = (shift_of - peak) % n
    edges = np.unique(np.rint(start + _geometric(stop - start)).astype(np.int64)).astype(np.float64)
    bin_of = np.full(n, -1, dtype=np.int64)
    bin_of[start:stop] = np.searchsorted(edges, np.arange(start, stop), side="right") - 1
    width = first.bin_width_ns
    return DelayWindow(shift_of, bin_of, edges * width, max(1, round(width / tick_ns)), width, first.period_ns)


def _geometric(length: int) -> Floats:
    """Edges from 0 to `length`, the first bin 1 wide, the others wider by a constant factor."""
    bins = min(_BINS, length)
    if bins >= length:
        return np.arange(length + 1, dtype=np.float64)
    low, high = 1.0, 2.0
    while (high**bins - 1.0) / (high - 1.0) < length:
        high *= 1.5
    for _ in range(60):
        middle = 0.5 * (low + high)
        if (middle**bins - 1.0) / (middle - 1.0) < length:
            low = middle
        else:
            high = middle
    edges: Floats = np.concatenate([[0.0], np.cumsum(high ** np.arange(bins))])
    edges[-1] = length
    return edges


def _window(total: Floats) -> tuple[int, int, int] | None:
    """Peak, and first and last bin of the window counted from the peak; None without a pulse."""
    n = len(total)
    if n < 8 or total.sum() < _LEAST_PHOTONS:
        return None
    smooth = (np.roll(total, 1) + total + np.roll(total, -1)) / 3.0
    # where photons are few, a wider mean
    width = 1
    while smooth.max() - smooth.mean() < _PULSE_SIGMAS * np.sqrt((smooth.mean() + 1.0) / (2 * width + 1)):
        width *= 2
        if 2 * width + 1 > n // 4:
            return None
        smooth = _running_mean(total, width)
    peak = int(np.argmax(smooth))
    turned = np.roll(smooth, -peak)
    floor = float(np.quantile(smooth, 0.1))
    low = floor + 0.1 * (float(smooth[peak]) - floor)
    below = np.flatnonzero(turned[::-1] <= low)
    rise = int(below[0]) + 1 if len(below) else n
    if rise > _WIDEST_RISE * n:
        return None
    start, stop = max(rise, 1), n - 2 * rise - 1
    return (peak, start, stop) if stop - start >= 4 else None


def _running_mean(values: Floats, reach: int) -> Floats:
    """Mean over 2 reach + 1 neighbours on a circle."""
    longer = np.concatenate([values[-reach:], values, values[:reach]])
    sums = np.concatenate([[0.0], np.cumsum(longer)])
    mean: Floats = (sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) / (2 * reach + 1)
    return mean


def even_background(counts: Floats, lengths_s: Floats, window: DelayWindow) -> float:
    """Rate of photons in Hz that are even over the period and the same on all levels, by the largest likelihood.

    Each level is one exponential and this rate. It is at most what the last quarter of the window has on any level, and
    0 where that describes the counts as well.

    Parameters
    ----------
    counts : (G, B)
        Photons of each level in the coarse bins of the window.
    lengths_s : (G,)
        Time on each level.
    """
    from qdmol.analysis.blinking.segment_lifetime_kernels import best_log_likelihood

    edges = window.edges_ns
    share = np.diff(edges) / window.period_ns
    limits = (*window.limits_ns, 0.0)
    late = edges[:-1] >= edges[0] + 0.75 * (edges[-1] - edges[0])
    if not late.any():
        return 0.0
    most = float(np.min(garwood(counts[:, late].sum(axis=1))[1] / (lengths_s * share[late].sum())))
    # no level has more of it than photons
    most = min(most, 0.999 * float(np.min(counts.sum(axis=1) / (lengths_s * share.sum()))))

    def deviance(rate: float) -> float:
        terms = [
            best_log_likelihood(n, edges, rate * t * share, limits) for n, t in zip(counts, lengths_s, strict=True)
        ]
        return -2.0 * sum(terms)

    if not most > 0:
        return 0.0
    best = optimize.minimize_scalar(deviance, bounds=(0.0, most), method="bounded", options={"xatol": 1e-3 * most})
    return float(best.x) if deviance(0.0) - float(best.fun) > float(chi2_quantile(0.95, 1)) else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class SegmentLifetimes:
    """Lifetimes with intervals in ns.

    Attributes
    ----------
    segments : float64 (3, n)
        Lifetime, lower and upper end of each segment; nan where photons are too few, inf where nothing bounds it.
    levels : float64 (3, G)
        The same of the photons of each level.
    decays : tuple of Decay
        Of each level, the pulse at the beginning.
    level_counts : float64 (G, B)
        Photons of each level in the coarse bins of the window.
    level_lengths_s : float64 (G,)
        Time on each level.
    """

    segments: Floats
    levels: Floats
    decays: tuple[Decay, ...]
    level_counts: Floats
    level_lengths_s: Floats


class SegmentLifetimeTally:
    """Delays of each segment and level in one pass, in memory that does not grow with the recording.

    Parameters
    ----------
    stream
        T3 photons, those of the change points.
    photons, level, durations_s : (n,)
        Of the segments, one after the other.
    window
        Where delays count.
    background_hz
        Rate of photons that are even over the period, of all channels together.
    fitted
        Whether segments are fitted; else only levels, and lifetimes of segments are nan.
    confidence
        Level of the intervals.
    """

    def __init__(
        self,
        stream: PhotonStream,
        *,
        photons: Integers,
        level: Integers,
        durations_s: Floats,
        window: DelayWindow,
        background_hz: float = 0.0,
        fitted: bool = True,
        confidence: float = 0.95,
    ) -> None:
        from qdmol.analysis.blinking.segment_lifetime_kernels import Counts, Plan

        self.stream = stream
        self._window = window
        edges = window.edges_ns
        self._plan = Plan(
            ends=np.cumsum(photons).astype(np.int64),
            level=level.astype(np.int64),
            lengths=np.asarray(durations_s, dtype=np.float64),
            step=window.step,
            shift_of=window.shift_of,
            bin_of=window.bin_of,
            edges=edges,
            background=background_hz * np.diff(edges) / window.period_ns,
            limits=(*window.limits_ns, 0.5 * float(chi2_quantile(confidence, 1))),
        )
        self._counts = Counts(
            state=np.zeros(1, dtype=np.int64),
            segment=np.zeros(len(edges) - 1),
            levels=np.zeros((int(level.max()) + 1, len(window.bin_of)), dtype=np.int64),
            lifetimes=np.full((3 if fitted else 0, len(photons)), np.nan),
        )
        self._photons = 0

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        if len(records) and records.delays is not None:
            self._count(records.delays, records.channels)

    def _count(self, delays: NDArray[np.uint32], channels: NDArray[np.uint8]) -> None:
        from qdmol.analysis.blinking.segment_lifetime_kernels import Photons, count_segments

        count_segments(Photons(delays, channels, self._photons), self._plan, self._counts)
        self._photons += len(delays)

    def result(self) -> SegmentLifetimes:
        """Lifetimes up to the end of the recording."""
        from qdmol.analysis.blinking.segment_lifetime_kernels import fit_lifetime_of

        # a photon behind the last completes the last segment
        self._count(np.zeros(1, dtype=np.uint32), np.zeros(1, dtype=np.uint8))
        window, plan = self._window, self._plan
        groups = len(self._counts.levels)
        levels = np.full((3, groups), np.nan)
        coarse, lengths = np.zeros((groups, len(plan.background))), np.zeros(groups)
        inside = window.bin_of >= 0
        decays = []
        for g in range(groups):
            fine = self._counts.levels[g].astype(np.float64)
            coarse[g] = np.bincount(window.bin_of[inside], fine[inside], minlength=len(plan.background))
            lengths[g] = float(plan.lengths[plan.level == g].sum())
            levels[:, g] = fit_lifetime_of(coarse[g], plan.edges, plan.background * lengths[g], plan.limits)
            periods = max(float(lengths[g]) * 1e9 / window.period_ns, 1.0)
            decays.append(Decay(fine, window.bin_width_ns, 0.0, window.period_ns, periods, f"level {g}"))
        lifetimes = self._counts.lifetimes
        lifetimes = lifetimes if len(lifetimes) else np.full((3, lifetimes.shape[1]), np.nan)
        return SegmentLifetimes(lifetimes, levels, tuple(decays), coarse, lengths)
