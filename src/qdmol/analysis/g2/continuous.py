"""g2 under continuous light: the depth of the antibunching dip by a likelihood fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qdmol.analysis.g2.likelihood import Fit, deviance, fit_counts
from qdmol.analysis.g2.peak_shapes import two_sided
from qdmol.analysis.g2.values import PairHistogram

__all__ = ["DipFit", "fit_dip"]

Floats = NDArray[np.float64]
Mask = tuple[tuple[float, float], ...]

_ZERO, _DEPTH, _LEVEL, _RISE, _SHOULDER, _DECAY = range(6)
_WIDTHS_NS = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
_CERTAIN = 25.0  # deviance by which the counts must fall short for the dip to give the zero delay


@dataclass(frozen=True, slots=True, eq=False)
class DipFit:
    """Result of the fit of a dip.

    Attributes
    ----------
    ratio, ratio_error : float
        Value at zero delay over the level beside the dip, and its standard error.
    level : float
        Pairs a bin beside the dip (the top of the shoulder, where there is one).
    level_error : float
        Its relative standard error.
    far : float
        Pairs a bin at long lags.
    zero_ns, rise_ns : float
        Where the dip lies, and the time constant of its flanks.
    shoulder, shoulder_ns : float
        Height of the bunching shoulder over the far level, and its time constant; 0 and NaN without.
    scale : float
        Counts per unit of the ratio that a single count with the same information would have.
    curve : (n,)
        Expected pairs in each bin; NaN where masked.
    deviance, degrees : float, int
        Of the fit.
    found : bool
        Whether the zero delay was found from the data.
    settled : bool
        Whether the search came to rest.
    """

    ratio: float
    ratio_error: float
    level: float
    level_error: float
    far: float
    zero_ns: float
    rise_ns: float
    shoulder: float
    shoulder_ns: float
    scale: float
    curve: Floats
    deviance: float
    degrees: int
    found: bool
    settled: bool


def fit_dip(
    histogram: PairHistogram, *, jitter_ns: float = 0.0, zero_ns: float | None = None, mask: Mask = ()
) -> DipFit:
    """Fit the dip of a histogram of pairs under continuous light.

    The model is that of an emitter with two levels and, if the Bayesian information criterion wants it, a dark third
    one that gives a bunching shoulder (Kitson, Jonsson, Rarity, Tapster, Phys. Rev. A 58, 620 (1998),
    doi:10.1103/PhysRevA.58.620): level [1 + b exp(-|t|/τb) - (1 + b)(1 - g) exp(-|t|/τ)], seen through the detectors'
    jitter, with g the value at zero delay over the level beside the dip.

    Parameters
    ----------
    jitter_ns : float
        Standard deviation of the difference of two detectors' times. With 0 the dip is taken as the detectors show it.
    zero_ns : float or None
        Where the dip lies; None looks for it.
    mask : tuple of (low, high)
        Lags in ns from the zero delay, to both sides, that are left out.
    """
    guess, width, found = _find_dip(histogram) if zero_ns is None else (zero_ns, 10.0, True)
    away = np.abs(histogram.lag_ns - guess)
    use = np.ones(len(away), dtype=np.bool_)
    for low, high in mask:
        use &= (away < low) | (away > high)
    plain = _fit(histogram, guess, width, use, jitter_ns, shoulder=False, free_zero=zero_ns is None and found)
    rich = _fit(histogram, guess, width, use, jitter_ns, shoulder=True, free_zero=zero_ns is None and found)
    # two parameters more, and one that may not be told where the shoulder is nothing
    better = rich.deviance + 2.0 * np.log(use.sum()) < plain.deviance
    return _result(histogram, rich if better else plain, use, jitter_ns, found=found)


def _find_dip(histogram: PairHistogram) -> tuple[float, float, bool]:
    """Return where pairs are fewest for their number, over windows of several widths; lag 0 if that may be chance."""
    counts = histogram.counts.astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    best = (0.0, 0.0, 10.0)
    for width in _WIDTHS_NS:
        bins = max(1, round(width / histogram.bin_width_ns))
        if 8 * bins > len(counts):
            continue
        inside = sums[bins:] - sums[:-bins]
        first = np.arange(len(inside))
        low, high = np.maximum(first - 3 * bins, 0), np.minimum(first + 4 * bins, len(counts))
        beside = sums[high] - sums[low] - inside
        level = beside * bins / np.maximum(high - low - bins, 1)
        lack = 2.0 * (level - inside + special.xlogy(inside, inside / np.maximum(level, 1e-12)))
        lack = np.where((inside < level) & (level > 0), lack, 0.0)
        k = int(np.argmax(lack))
        if lack[k] > best[0]:
            best = (float(lack[k]), float(histogram.lag_ns[0] + (k + 0.5 * (bins - 1)) * histogram.bin_width_ns), width)
    lack_most, place, width = best
    return (place, width, True) if lack_most > _CERTAIN else (0.0, 10.0, False)


def _fit(
    histogram: PairHistogram,
    guess: float,
    width: float,
    use: NDArray[np.bool_],
    jitter: float,
    *,
    shoulder: bool,
    free_zero: bool,
) -> Fit:
    counts = histogram.counts[use].astype(np.float64)
    lag = histogram.lag_ns[use]
    blur = float(np.hypot(jitter, histogram.bin_width_ns / np.sqrt(12.0)))
    mean = max(float(counts.mean()), 1e-6)
    span = float(lag[-1] - lag[0])
    reach = 2.0 * width if free_zero else 0.0
    least, most = np.log(0.5 * histogram.bin_width_ns), np.log(0.25 * span)
    low = np.array([guess - reach, -0.2, 1e-9, least, 0.0, np.log(min(4.0 * width, 0.2 * span))])
    high = np.array([guess + reach, 3.0, np.inf, most, 100.0 if shoulder else 0.0, np.log(span)])
    best: Fit | None = None
    for rise in (0.3 * width, width):
        start = np.array([guess, 0.3, mean, np.log(rise), 0.3 if shoulder else 0.0, np.log(0.1 * span)])
        fit = fit_counts(lambda values: _model(lag, values, blur), start, counts, low=low, high=high)
        best = fit if best is None or fit.deviance < best.deviance else best
    assert best is not None
    return best


def _model(lag: Floats, values: Floats, blur: float) -> tuple[Floats, Floats]:
    expected = _expected(lag, values, blur)
    slopes = np.zeros((len(lag), len(values)))
    for k in range(len(values)):
        step = np.zeros(len(values))
        step[k] = 1e-5 * max(abs(float(values[k])), 1e-2)
        slopes[:, k] = (_expected(lag, values + step, blur) - _expected(lag, values - step, blur)) / (2.0 * step[k])
    return expected, slopes


def _expected(lag: Floats, values: Floats, blur: float) -> Floats:
    dip, shoulder = _shapes(lag, values, blur)
    top = 1.0 + values[_SHOULDER]
    return np.asarray(
        values[_LEVEL] * (1.0 + values[_SHOULDER] * shoulder - top * (1.0 - values[_DEPTH]) * dip), dtype=np.float64
    )


def _shapes(lag: Floats, values: Floats, blur: float) -> tuple[Floats, Floats]:
    away, rise, decay = lag - values[_ZERO], float(np.exp(values[_RISE])), float(np.exp(values[_DECAY]))
    return 2.0 * rise * two_sided(away, rise, blur), 2.0 * decay * two_sided(away, decay, blur)


def _result(histogram: PairHistogram, fit: Fit, use: NDArray[np.bool_], jitter: float, *, found: bool) -> DipFit:
    values = fit.parameters
    blur = float(np.hypot(jitter, histogram.bin_width_ns / np.sqrt(12.0)))
    top = 1.0 + float(values[_SHOULDER])
    dip, _ = _shapes(histogram.lag_ns[use], values, blur)
    signal = values[_LEVEL] * top * dip
    expected = fit.expected
    first = float((signal**2 / expected).sum())
    second = float((signal**3 / expected**2).sum())
    slope = np.zeros(len(values))
    slope[_LEVEL], slope[_SHOULDER] = 1.0 / values[_LEVEL], 1.0 / top
    curve = np.full(len(histogram.counts), np.nan)
    curve[use] = expected
    return DipFit(
        ratio=float(values[_DEPTH]),
        ratio_error=float(np.sqrt(fit.covariance[_DEPTH, _DEPTH])),
        level=float(values[_LEVEL] * top),
        level_error=float(np.sqrt(max(float(slope @ fit.covariance @ slope), 0.0))),
        far=float(values[_LEVEL]),
        zero_ns=float(values[_ZERO]),
        rise_ns=float(np.exp(values[_RISE])),
        shoulder=float(values[_SHOULDER]),
        shoulder_ns=float(np.exp(values[_DECAY])) if values[_SHOULDER] > 0 else float("nan"),
        scale=first**2 / second,
        curve=curve,
        deviance=deviance(histogram.counts[use].astype(np.float64), expected),
        degrees=int(use.sum()) - int((np.diag(fit.covariance) > 0).sum()),
        found=found,
        settled=fit.settled,
    )
