"""g2 under continuous light: the height of the dip or the peak at zero delay by a likelihood fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from qdmol.analysis.g2.peaks import two_sided
from qdmol.analysis.g2.values import PairHistogram
from qdmol.arrays import Floats
from qdmol.statistics import Fit, chi2_quantile, deviance, fit_counts

Mask = tuple[tuple[float, float], ...]

_ZERO, _RATIO, _LEVEL, _RISE, _SHOULDER, _DECAY = range(6)
_MOVING = (_ZERO, _RISE, _DECAY)  # parameters that change the shapes
_WIDTHS_NS = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 100.0)  # in a histogram of 1000 ns; wider in a wider one
_SPAN_NS = 1000.0
_CERTAIN = 25.0  # deviance by which the counts must stand out for the dip or the peak to give the zero delay
_ANYWHERE_NS = 10.0  # half the reach of the zero delay where nothing stands out: some metres of cable
_HIGHEST = 1e3  # of the value at zero delay
_ROUNDS = 40  # steps of a search for an end of an interval


@dataclass(frozen=True, slots=True, eq=False)
class DipFit:
    """Result of the fit of a dip or a peak.

    Attributes
    ----------
    ratio, low, high : float
        Value at zero delay over the level beside it, and its interval by the profile likelihood.
    level : float
        Pairs a bin at the level beside: the top of the shoulder for a dip that has one, else the level at long lags.
    level_error : float
        Its relative standard error.
    far : float
        Pairs a bin at long lags.
    zero_ns, rise_ns : float
        Where the dip or the peak lies, and the time constant of its flanks.
    shoulder, shoulder_ns : float
        Height of the second, slower part over the far level, and its time constant; 0 and NaN without.
    curve : (n,)
        Expected pairs in each bin; NaN where masked.
    deviance, degrees : float, int
        Of the fit.
    found : bool
        Whether the zero delay was found from the data.
    settled : bool
        Whether the search converged.
    wide : bool
        Whether the dip or the peak is as wide as the histogram can show, so that no level beside it is seen.
    """

    ratio: float
    low: float
    high: float
    level: float
    level_error: float
    far: float
    zero_ns: float
    rise_ns: float
    shoulder: float
    shoulder_ns: float
    curve: Floats
    deviance: float
    degrees: int
    found: bool
    settled: bool
    wide: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Counts of the open bins, and the bounds of the parameters."""

    lag: Floats
    counts: Floats
    blur: float
    low: Floats
    high: Floats
    over_far: bool = False  # whether the ratio is over the level at long lags, not over the top of the shoulder

    def model(self, values: Floats) -> tuple[Floats, Callable[[], Floats]]:
        """Expected counts (n,), and a function that gives their derivatives (n, 6)."""
        expected, derivatives = _model(self, values)
        return expected, lambda: derivatives

    def fit(self, start: Floats) -> Fit:
        """Maximum of the likelihood between the bounds."""
        return fit_counts(self.model, start, self.counts, low=self.low, high=self.high)

    def fixed(self, ratio: float) -> _Problem:
        """The same problem with the value at zero delay held."""
        low, high = self.low.copy(), self.high.copy()
        low[_RATIO] = high[_RATIO] = ratio
        return _Problem(self.lag, self.counts, self.blur, low, high, self.over_far)


def fit_dip(
    histogram: PairHistogram,
    *,
    jitter_ns: float = 0.0,
    zero_ns: float | None = None,
    mask: Mask = (),
    level: float = 0.95,
) -> DipFit:
    """Fit the dip or the peak of a histogram of pairs under continuous light.

    The model is that of an emitter with two levels and, if the Bayesian information criterion wants it, a dark third
    one that gives a bunching shoulder (Kitson, Jonsson, Rarity, Tapster, Phys. Rev. A 58, 620 (1998),
    doi:10.1103/PhysRevA.58.620): level [1 + b exp(-|t|/τb) - (1 + b)(1 - g) exp(-|t|/τ)], seen through the detectors'
    jitter, with g the value at zero delay over the level beside the dip. With b = 0 and g above 1 it is the peak of
    bunched light, such as thermal light with a Lorentzian line, g = 2 (Loudon, The Quantum Theory of Light, 3rd ed.,
    Oxford 2000, ch. 3). Where both parts rise or both fall, g is over the level at long lags.

    Parameters
    ----------
    jitter_ns : float
        Standard deviation of the difference of two detectors' times. With 0 the dip is taken as the detectors show it.
    zero_ns : float or None
        Where the dip or the peak lies; None looks for it.
    mask : tuple of (low, high)
        Lags in ns from the zero delay, to both sides, that are left out.
    level : float
        Probability of the interval, by the profile likelihood (Rolke, López, Conrad, Nucl. Instrum. Methods A 551, 493
        (2005), doi:10.1016/j.nima.2005.05.068).
    """
    places = _find_centres(histogram) if zero_ns is None else [(zero_ns, 10.0, 0.0)]
    found = zero_ns is not None or bool(places)
    free_zero = zero_ns is None
    best: tuple[_Problem, Fit, NDArray[np.bool_]] | None = None
    for guess, width, start in places or [(0.0, _ANYWHERE_NS, 1.0)]:
        use = _open(histogram, guess, mask)
        trial = _fitted(histogram, (guess, width, start), use, jitter_ns, free_zero=free_zero)
        if best is None or trial[1].deviance < best[1].deviance:
            best = (*trial, use)
    assert best is not None
    return _result(histogram, *best, found=found, level=level)


def _open(histogram: PairHistogram, zero_ns: float, mask: Mask) -> NDArray[np.bool_]:
    away = np.abs(histogram.lag_ns - zero_ns)
    use = np.ones(len(away), dtype=np.bool_)
    for low, high in mask:
        use &= (away < low) | (away > high)
    return use


def _find_centres(histogram: PairHistogram) -> list[tuple[float, float, float]]:
    """Return where pairs stand out most for their number, too few or too many: (lag, width, value beside 1).

    Windows of several widths are compared with three on each side. None where the largest deviance may be chance.
    """
    counts = histogram.counts.astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(counts)])
    scale = max(len(counts) * histogram.bin_width_ns / _SPAN_NS, 0.2)
    best = {-1: (_CERTAIN, 0.0, 0.0, 0.0), 1: (_CERTAIN, 0.0, 0.0, 0.0)}
    for wanted in _WIDTHS_NS:
        width = wanted * scale
        bins = max(1, round(width / histogram.bin_width_ns))
        if 8 * bins > len(counts):
            continue
        inside = sums[bins:] - sums[:-bins]
        first = np.arange(len(inside))
        low, high = np.maximum(first - 3 * bins, 0), np.minimum(first + 4 * bins, len(counts))
        beside = sums[high] - sums[low] - inside
        level = beside * bins / np.maximum(high - low - bins, 1)
        # both are counts: the likelihood of two rates over that of one
        others = np.maximum(high - low - bins, 1)
        mean = np.maximum((inside + beside) / (bins + others), 1e-12)
        change = special.xlogy(inside, inside / (mean * bins)) + special.xlogy(beside, beside / (mean * others))
        change *= 2.0
        for sign, deviates in best.items():
            score = np.where((sign * (inside - level) > 0) & (level > 0), change, 0.0)
            k = int(np.argmax(score))
            if score[k] > deviates[0]:
                place = float(histogram.lag_ns[0] + (k + 0.5 * (bins - 1)) * histogram.bin_width_ns)
                best[sign] = (float(score[k]), place, width, float(inside[k] / level[k]))
    return [(place, width, value) for score, place, width, value in best.values() if score > _CERTAIN]


def _fitted(
    histogram: PairHistogram,
    guess: tuple[float, float, float],
    use: NDArray[np.bool_],
    jitter: float,
    *,
    free_zero: bool,
) -> tuple[_Problem, Fit]:
    """Fit one part, and two where the data want them, from a guess of place, width and value."""
    plain = _problem(histogram, guess[:2], use, jitter, shoulder=False, free_zero=free_zero)
    rich = _problem(histogram, guess[:2], use, jitter, shoulder=True, free_zero=free_zero)
    two_level = _best(plain, guess)
    two = _best(rich, guess, before=two_level)
    # two parameters more, and one that may not be told where the shoulder is nothing
    if two.deviance + 2.0 * np.log(use.sum()) >= two_level.deviance:
        return plain, two_level
    if two.parameters[_SHOULDER] >= 0.0 and two.parameters[_RATIO] <= 1.0:
        return rich, two
    over_far = _problem(histogram, guess[:2], use, jitter, shoulder=True, free_zero=free_zero, over_far=True)
    start = two.parameters.copy()
    start[_RATIO] *= 1.0 + start[_SHOULDER]
    return over_far, over_far.fit(start)


def _problem(
    histogram: PairHistogram,
    place: tuple[float, float],
    use: NDArray[np.bool_],
    jitter: float,
    *,
    shoulder: bool,
    free_zero: bool,
    over_far: bool = False,
) -> _Problem:
    lag = histogram.lag_ns[use]
    guess, width = place
    span = float(lag[-1] - lag[0])
    reach = 2.0 * width if free_zero else 0.0
    least, most = np.log(0.5 * histogram.bin_width_ns), np.log(0.25 * span)
    second = (-0.98, 100.0) if shoulder else (0.0, 0.0)
    low = np.array([guess - reach, 0.0, 1e-9, least, second[0], np.log(2.0 * histogram.bin_width_ns)])
    high = np.array([guess + reach, _HIGHEST, np.inf, most, second[1], np.log(span)])
    blur = float(np.hypot(jitter, histogram.bin_width_ns / np.sqrt(12.0)))
    return _Problem(lag, histogram.counts[use].astype(np.float64), blur, low, high, over_far)


def _best(problem: _Problem, guess: tuple[float, float, float], *, before: Fit | None = None) -> Fit:
    place, width, value = guess
    mean = max(float(problem.counts.mean()), 1e-6)
    span = float(problem.lag[-1] - problem.lag[0])
    starts = [[place, value, mean, np.log(rise), 0.0, np.log(0.1 * span)] for rise in (0.3 * width, width)]
    if before is not None:  # a shoulder beside the part that is known, or the known part as the shoulder of another
        known = before.parameters
        rise = float(np.exp(known[_RISE]))
        starts = [[place, 0.3, mean, np.log(0.3 * width), 0.3, np.log(0.1 * span)]]
        starts += [[*known[:_SHOULDER], 0.2, np.log(min(5.0 * rise, 0.3 * span))]]
        height = float(np.clip(known[_RATIO] - 1.0, -0.9, 50.0))
        starts += [[known[_ZERO], 0.5, known[_LEVEL], np.log(0.2 * rise), height, known[_RISE]]]
    fits = [problem.fit(np.clip(np.array(start), problem.low, problem.high)) for start in starts]
    return min(fits, key=lambda fit: fit.deviance)


def _model(problem: _Problem, values: Floats) -> tuple[Floats, Floats]:
    dip, shoulder = _shapes(problem, values)
    level, height, ratio = values[_LEVEL], values[_SHOULDER], values[_RATIO]
    top = 1.0 if problem.over_far else 1.0 + height
    depth = 1.0 + height - top * ratio
    shape = 1.0 + height * shoulder - depth * dip
    slopes = np.zeros((len(problem.lag), len(values)))
    slopes[:, _LEVEL] = shape
    slopes[:, _RATIO] = level * top * dip
    slopes[:, _SHOULDER] = level * (shoulder - (1.0 if problem.over_far else 1.0 - ratio) * dip)
    for k in _MOVING:
        if problem.high[k] <= problem.low[k] or (k == _DECAY and height == 0.0):
            continue
        step = np.zeros(len(values))
        step[k] = 1e-5 * max(abs(float(values[k])), 1e-2)
        up, down = _shapes(problem, values + step), _shapes(problem, values - step)
        change = height * (up[1] - down[1]) - depth * (up[0] - down[0])
        slopes[:, k] = level * change / (2.0 * step[k])
    return np.asarray(np.maximum(level * shape, 1e-9 * level), dtype=np.float64), slopes


def _shapes(problem: _Problem, values: Floats) -> tuple[Floats, Floats]:
    away, rise, decay = problem.lag - values[_ZERO], float(np.exp(values[_RISE])), float(np.exp(values[_DECAY]))
    dip = 2.0 * rise * two_sided(away, rise, problem.blur)
    return dip, 2.0 * decay * two_sided(away, decay, problem.blur)


def _interval(problem: _Problem, fit: Fit, level: float, *, found: bool) -> tuple[float, float]:
    """Ends of the interval of the ratio: where the best fit with that ratio is worse by a quantile of chi squared.

    Where nothing stands out, place and width are as free as the ratio: 3 degrees of freedom instead of 1 (Davies,
    Biometrika 64, 247 (1977), doi:10.1093/biomet/64.2.247, on parameters that exist under the alternative alone).
    """
    target = fit.deviance + float(chi2_quantile(level, 1 if found else 3))
    ratio = float(fit.parameters[_RATIO])
    error = float(np.sqrt(fit.covariance[_RATIO, _RATIO]))
    step = max(error if np.isfinite(error) else 0.0, 1e-3)
    return _end(problem, fit, ratio, -step, target), _end(problem, fit, ratio, step, target)


def _end(problem: _Problem, fit: Fit, ratio: float, step: float, target: float) -> float:
    starts = [fit.parameters]

    def above(value: float) -> float:
        held = problem.fixed(value)
        again = held.fit(np.clip(starts[-1], held.low, held.high))
        starts.append(again.parameters)
        return again.deviance - target

    limit = problem.low[_RATIO] if step < 0 else problem.high[_RATIO]
    inner, outer = ratio, ratio
    for _ in range(_ROUNDS):
        outer = max(inner + step, limit) if step < 0 else min(inner + step, limit)
        if above(outer) > 0:
            break
        if outer == limit:
            return float(limit)
        inner, step = outer, 1.5 * step
    else:
        return float(limit)
    return _crossing(above, inner, outer)


def _crossing(above: Callable[[float], float], inner: float, outer: float) -> float:
    try:
        return float(optimize.brentq(above, inner, outer, xtol=0.01 * abs(outer - inner), maxiter=_ROUNDS))
    except ValueError:  # the best fit itself got better on the way
        return float(outer)


def _result(
    histogram: PairHistogram, problem: _Problem, fit: Fit, use: NDArray[np.bool_], *, found: bool, level: float
) -> DipFit:
    values = fit.parameters
    height = float(values[_SHOULDER])
    top = 1.0 if problem.over_far else 1.0 + height
    slope = np.zeros(len(values))
    slope[_LEVEL] = 1.0 / values[_LEVEL]
    slope[_SHOULDER] = 0.0 if problem.over_far else 1.0 / top
    curve = np.full(len(histogram.counts), np.nan)
    curve[use] = fit.expected
    low, high = _interval(problem, fit, level, found=found)
    return DipFit(
        ratio=float(values[_RATIO]),
        low=low,
        high=high,
        level=float(values[_LEVEL] * top),
        level_error=float(np.sqrt(max(float(slope @ fit.covariance @ slope), 0.0))),
        far=float(values[_LEVEL]),
        zero_ns=float(values[_ZERO]),
        rise_ns=float(np.exp(values[_RISE])),
        shoulder=height,
        shoulder_ns=float(np.exp(values[_DECAY])) if height != 0 else float("nan"),
        curve=curve,
        deviance=deviance(problem.counts, fit.expected),
        degrees=int(use.sum()) - int((np.diag(fit.covariance) > 0).sum()),
        found=found,
        settled=fit.settled,
        wide=found and bool(values[_RISE] > problem.high[_RISE] - 0.1),
    )
