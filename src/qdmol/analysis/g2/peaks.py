"""The comb of peaks that pulses make in a histogram of pairs: its period, where it lies, which peak is the centre.

The shape of a peak of pairs: two-sided exponentials, as wide as the detectors see them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from qdmol.analysis.g2.values import PairHistogram
from qdmol.arrays import Floats

_FAR = 8.5  # standard deviations of the jitter: what is left of it there is below 1e-16


def two_sided(lag: Floats, lifetime: float, jitter: float) -> Floats:
    """exp(-|t|/τ) / 2τ seen through a Gaussian of standard deviation `jitter`; area 1 over all lags.

    Both photons of a pair of pulses come after an exponential time, so their difference is two-sided exponential.

    >>> print(two_sided(np.array([0.0]), 2.0, 1e-6).round(4))
    [0.25]
    """
    # far from the middle the jitter only lifts the exponential
    away = np.abs(lag)
    total = np.exp(np.minimum(0.5 * (jitter / lifetime) ** 2 - away / lifetime, 700.0)) / (2.0 * lifetime)
    near = np.flatnonzero(away < jitter**2 / lifetime + _FAR * jitter)
    if len(near):
        total[near] = _blurred(lag[near], lifetime, jitter)
    return np.asarray(total, dtype=np.float64)


def _blurred(lag: Floats, lifetime: float, jitter: float) -> Floats:
    total = np.zeros_like(lag)
    for side in (lag, -lag):
        u = (jitter / lifetime - side / jitter) / np.sqrt(2.0)
        gentle, steep = np.flatnonzero(u > 0), np.flatnonzero(~(u > 0))
        total[gentle] += np.exp(-0.5 * (side[gentle] / jitter) ** 2) * special.erfcx(u[gentle])
        exponent = np.minimum(0.5 * (jitter / lifetime) ** 2 - side[steep] / lifetime, 700.0)
        total[steep] += np.exp(exponent) * special.erfc(np.minimum(u[steep], 0.0))
    return np.asarray(total / (4.0 * lifetime), dtype=np.float64)


def repeated(lag: Floats, period: float, lifetime: float, jitter: float) -> Floats:
    """An endless row of such peaks, one a period.

    The nearest peak in full, the flanks of all others as a geometric series; the jitter must be well below the period.

    >>> row = repeated(np.arange(0.0, 10.0, 0.01), 10.0, 30.0, 0.1)
    >>> print(f"{row.mean() * 10:.4f}")
    1.0000
    """
    nearest = lag - period * np.round(lag / period)
    lift = 0.5 * (jitter / lifetime) ** 2 - period / lifetime
    both = sum(np.exp(np.minimum(lift + side / lifetime, 0.0)) for side in (nearest, -nearest))
    flanks = 0.5 * both / (lifetime * (1.0 - np.exp(-period / lifetime)))
    return np.asarray(two_sided(nearest, lifetime, jitter) + flanks, dtype=np.float64)


_ORDERS = 8  # periods either way in which the zero delay is looked for: 100 ns of cable at 80 MHz
_NEIGHBOURS = 5
_CERTAIN = 15.1  # deviance of 1 degree of freedom: 1e-4 for one peak, 2e-3 for all that are looked at
_LIKE = 0.3  # correlation with a period later less that with half a period later; 2 for a sine, 0 for a dip
_VISIBLE = 12.0  # power of the comb's first harmonic over that of noise, exp(-12) by chance


@dataclass(frozen=True, slots=True)
class Comb:
    """Period, where the peaks lie, and which is the centre.

    Attributes
    ----------
    period_ns : float
        Between peaks.
    zero_ns : float
        Lag of the centre.
    order : int
        Periods from the peak nearest to lag 0.
    found : bool
        Whether the data determine it: one peak is lower than all others. Otherwise the order is 0, an assumption.
    """

    period_ns: float
    zero_ns: float
    order: int
    found: bool


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Areas of the peaks that lie in the histogram with their whole period.

    Attributes
    ----------
    orders : int64 (K,)
        Periods from the centre.
    areas : float (K,)
        Pairs nearer to this peak than to its neighbours, masked lags left out.
    kept : float
        Share of the side peaks' pairs that the mask leaves.
    flat : float
        Share of a period that the mask leaves.
    blocks : float (B, K) or None
        Areas by stretch of the recording.
    """

    orders: NDArray[np.int64]
    areas: Floats
    kept: float
    flat: float
    blocks: Floats | None

    @property
    def centre(self) -> float:
        """Pairs of the centre."""
        return float(self.areas[self.orders == 0].sum())


def find_period(histogram: PairHistogram, *, about_ns: float | None = None) -> float | None:
    """Return the period of the comb in ns, refined from `about_ns`; None where there is none to be seen.

    The first harmonics of the counts are made as large as they go: the maximum of a periodogram.
    """
    counts = histogram.counts.astype(np.float64)
    if counts.sum() < 10:
        return None
    if about_ns is None:
        about_ns = _strongest(counts, histogram.bin_width_ns)
        if about_ns is None:
            return None
    lag = histogram.lag_ns
    span = lag[-1] - lag[0]
    step = about_ns**2 / span  # one more period in the whole window

    def power(period: float) -> float:
        return -float(sum(np.abs(np.exp(2j * np.pi * k / period * lag) @ counts) ** 2 for k in (1, 2, 3)))

    trials = about_ns + step * np.linspace(-0.5, 0.5, 41)
    best = trials[int(np.argmin([power(trial) for trial in trials]))]
    found = optimize.minimize_scalar(power, bounds=(best - 0.03 * step, best + 0.03 * step), method="bounded")
    return float(found.x)


def _strongest(counts: Floats, width: float) -> float | None:
    size = 4 * len(counts)
    spectrum = np.abs(np.fft.rfft(counts - counts.mean(), size)) ** 2
    lowest = 3 * 4  # at least three periods in the window
    k = lowest + int(np.argmax(spectrum[lowest:]))
    period = size * width / k
    visible = spectrum[k] > _VISIBLE * counts.sum() and _repeats(counts, period / width)
    return period if visible else None


def _repeats(counts: Floats, period: float) -> bool:
    """Whether counts resemble those a period (in bins) later more than half a period later; a lone dip does not."""
    join = max(1, int(period / 12.0))
    rough = counts[: len(counts) // join * join].reshape(-1, join).sum(axis=1)
    rough = rough - rough.mean()
    whole, half = round(period / join), round(0.5 * period / join)
    gain = float(rough[:-whole] @ rough[whole:] - rough[:-half] @ rough[half:])
    return gain > _LIKE * float(rough.var()) * (len(rough) - whole)


def find_comb(histogram: PairHistogram, period_ns: float, *, zero_ns: float | None = None) -> Comb:
    """Find the centre of a comb of known period.

    The peaks lie where the counts folded by the period have their mean angle. The centre is the peak within 8 periods
    of lag 0 that falls short of its neighbours most, by the Poisson deviance of its pairs against the mean of five
    neighbours on each side; it is found if that shortage would come by chance in fewer than 1 of 10^4 peaks and is at
    least twice that of any other peak. Otherwise order 0 is assumed.
    """
    if zero_ns is not None:
        return Comb(period_ns, zero_ns, round(zero_ns / period_ns), found=True)
    angle = np.angle(np.exp(2j * np.pi / period_ns * histogram.lag_ns) @ histogram.counts)
    offset = float(angle / (2 * np.pi) * period_ns)
    peaks = peaks_of(histogram, period_ns, offset)
    candidates, shortages = _shortages(peaks)
    if len(candidates) == 0:
        return Comb(period_ns, offset, 0, found=False)
    ranked = np.argsort(shortages)[::-1]
    best = shortages[ranked[0]]
    second = shortages[ranked[1]] if len(ranked) > 1 else 0.0
    if best < _CERTAIN or second > 0.5 * best:
        return Comb(period_ns, offset, 0, found=False)
    order = int(candidates[ranked[0]])
    return Comb(period_ns, offset + order * period_ns, order, found=True)


def _shortages(peaks: Peaks) -> tuple[NDArray[np.int64], Floats]:
    candidates, shortages = [], []
    for order, area in zip(peaks.orders, peaks.areas, strict=True):
        away = np.abs(peaks.orders - order)
        beside = peaks.areas[(away > 0) & (away <= _NEIGHBOURS)]
        if abs(order) > _ORDERS or len(beside) < 2:
            continue
        # the deepest neighbour may be the centre itself, which must not lower the level of another peak
        level = float((beside.sum() - beside.min()) / (len(beside) - 1))
        candidates.append(int(order))
        deviance = 2.0 * (level - area + float(special.xlogy(area, area / level))) if level > 0 else 0.0
        shortages.append(deviance if area < level else 0.0)
    return np.array(candidates, dtype=np.int64), np.array(shortages)


def peaks_of(
    histogram: PairHistogram,
    period_ns: float,
    zero_ns: float,
    *,
    mask: tuple[tuple[float, float], ...] = (),
    sides: int | None = None,
) -> Peaks:
    """Add up the pairs that are nearer to one peak than to the next.

    Lags in `mask` (ns from the peak, to both sides) are left out of every peak alike.
    """
    lag = histogram.lag_ns - zero_ns
    order = np.floor(lag / period_ns + 0.5).astype(np.int64)
    half = 0.5 * histogram.bin_width_ns
    first = int(np.ceil((lag[0] - half) / period_ns + 0.5 - 1e-9))
    last = int(np.floor((lag[-1] + half) / period_ns - 0.5 + 1e-9))
    if sides is not None:
        first, last = max(first, -sides), min(last, sides)
    number = max(last - first + 1, 0)
    away = np.abs(lag - order * period_ns)
    open_ = np.ones(len(lag), dtype=np.bool_)
    for low, high in mask:
        open_ &= (away < low) | (away > high)
    inside = (order >= first) & (order <= last)
    use = inside & open_
    index = order[use] - first
    areas = np.bincount(index, histogram.counts[use], minlength=number).astype(np.float64)
    beside = inside & (order != 0)
    everything = float(histogram.counts[beside].sum())
    kept = float(histogram.counts[beside & open_].sum()) / everything if everything > 0 else 1.0
    blocks = None
    if histogram.blocks is not None:
        rows = histogram.blocks.counts[:, use]
        blocks = np.stack([np.bincount(index, row, minlength=number) for row in rows]).astype(np.float64)
    flat = float(open_[inside].mean()) if inside.any() else 1.0
    return Peaks(np.arange(first, last + 1), areas, kept if mask else 1.0, flat if mask else 1.0, blocks)
