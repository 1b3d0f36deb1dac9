"""Intervals for counts: exact where counts are few, and where a known background lies under them.

All functions take numbers or arrays, which broadcast, and return lower and upper limits as float arrays of that shape.
The limits of a Poisson mean μ from a count n are quantiles of gamma distributions, Gamma(n) for the lower and
Gamma(n + 1) for the upper one; what is made of two means takes the quantiles of what is made of two gamma variables.

>>> low, high = ratio_interval(1, 352 * 20, denominator_exposure=20)
>>> print(f"{low:.5f} {high:.4f}")
0.00007 0.0158
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.statistics.distributions import f_quantile, poisson_quantile

Interval = tuple[Floats, Floats]
_Rising = Callable[[Floats], Floats]

# Upper limits are not pushed below what a background lower by one standard deviation would give.
_LOW_BACKGROUND = 0.16
_BISECTIONS = 38
_NODES = 40


def garwood(counts: ArrayLike, *, level: float = 0.95) -> Interval:
    """Return the limits of the mean of a Poisson count.

    Garwood, Biometrika 28, 437 (1936), doi:10.1093/biomet/28.3-4.437: each tail holds at most half of what is left.

    Parameters
    ----------
    counts : (...)
        Counts from 0.
    level : float
        Share of cases in which the mean lies inside, at least.

    Raises
    ------
    InputError
        A count is below 0 or no number; `level` is not between 0 and 1.

    Examples
    --------
    >>> low, high = garwood([0, 3])
    >>> print(low.round(3), high.round(3))
    [0.    0.619] [3.689 8.767]
    """
    count, tail = _checked("counts", counts), _tail(level)
    return _gamma_quantile(count, tail), _gamma_quantile(count + 1.0, 1.0 - tail)


def binomial_interval(
    successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95, method: Literal["exact", "mid-p"] = "exact"
) -> Interval:
    """Return the limits of a probability from `successes` of `trials`.

    exact: Clopper and Pearson, Biometrika 26, 404 (1934), doi:10.1093/biomet/26.4.404; never covers less than `level`.
    mid-p: Lancaster, J. Am. Stat. Assoc. 56, 223 (1961), doi:10.1080/01621459.1961.10482105; half the probability of
    what was seen goes to each side, so that it is narrower and covers `level` on average, 0.92 for 0.95 in places.

    Raises
    ------
    InputError
        A number is negative, or there are more successes than trials.

    Examples
    --------
    >>> low, high = binomial_interval(1, 10)
    >>> print(f"{low:.4f} {high:.4f}")
    0.0025 0.4450
    """
    tail = _tail(level)
    k, n = np.broadcast_arrays(_checked("successes", successes), _checked("trials", trials))
    if np.any(k > n):
        raise InputError(field="successes", value=float(k[k > n][0]), allowed="at most the number of trials")
    low = np.where(k > 0, special.betaincinv(np.maximum(k, 0.5), n - k + 1.0, tail), 0.0)
    high = np.where(k < n, special.betaincinv(k + 1.0, np.maximum(n - k, 0.5), 1.0 - tail), 1.0)
    if method == "exact":
        return low, high
    return _mid_p(k, n, tail, start=(low, high))


def _mid_p(k: Floats, n: Floats, tail: float, *, start: Interval) -> Interval:
    """Narrow the exact limits to those of the mid-p method, between them and the other side's."""

    def above(p: Floats) -> Floats:  # P(K > k) + P(K = k)/2, rising in p
        return np.asarray(0.5 * (_at_least(k, n, p) + _at_least(k + 1.0, n, p)), dtype=np.float64)

    low = _bisect(above, tail, *start)
    high = _bisect(above, 1.0 - tail, *start)
    return np.where(k > 0, low, 0.0), np.where(k < n, high, 1.0)


def _at_least(k: Floats, n: Floats, p: Floats) -> Floats:
    inside = special.betainc(np.maximum(k, 0.5), np.maximum(n - k + 1.0, 0.5), p)
    return np.asarray(np.where(k <= 0, 1.0, np.where(k > n, 0.0, inside)), dtype=np.float64)


def signal_interval(counts: ArrayLike, background: ArrayLike, *, level: float = 0.95) -> Interval:
    """Return the limits of the mean signal of a Poisson count on top of a known mean `background`.

    Garwood's limits less the background, not below 0. Where the count falls below the background by chance, the upper
    limit is that of a count one standard deviation below (a power-constrained limit: Cowan, Cranmer, Gross, Vitells,
    arXiv:1105.3166 (2011)): a lucky shortage is not taken for knowledge, and no interval is empty.

    Raises
    ------
    InputError
        A number is below 0 or no number.

    Examples
    --------
    >>> low, high = signal_interval([0, 12], 3.0)
    >>> print(low.round(2), high.round(2))
    [0.  3.2] [ 2.57 17.96]
    """
    tail = _tail(level)
    n, b = np.broadcast_arrays(_checked("counts", counts), _checked("background", background))
    low = np.maximum(_gamma_quantile(n, tail) - b, 0.0)
    return low, _gamma_quantile(_not_lucky(n, b) + 1.0, 1.0 - tail) - b


def ratio_interval(
    numerator: ArrayLike,
    denominator: ArrayLike,
    *,
    numerator_exposure: ArrayLike = 1.0,
    denominator_exposure: ArrayLike = 1.0,
    numerator_background: ArrayLike = 0.0,
    denominator_background: ArrayLike = 0.0,
    level: float = 0.95,
) -> Interval:
    """Return the limits of the ratio of two Poisson means per exposure, known backgrounds taken off.

    The ratio is ((numerator - background) / exposure) / ((denominator - background) / exposure), backgrounds in mean
    counts of the same bins. With too few counts below, the upper limit is infinite. For g2: counts of the centre over
    all counts of the side peaks, with `denominator_exposure` the number of side peaks.

    Without background this is the exact conditional interval of Clopper and Pearson, Biometrika 26, 404 (1934),
    doi:10.1093/biomet/26.4.404, for the share of the numerator (Przyborowski and Wilenski, Biometrika 31, 313 (1940),
    doi:10.1093/biomet/31.3-4.313), written with the F distribution. With background the two means' gamma distributions
    are melded the same way (Fay, Proschan, Brittain, Biometrics 71, 146 (2015), doi:10.1111/biom.12231); a numerator
    below its background is treated as in `signal_interval`.

    Parameters
    ----------
    numerator, denominator : (...)
        Counts from 0.
    numerator_exposure, denominator_exposure : (...)
        Time, number of peaks or bins that each count was collected over; above 0.
    numerator_background, denominator_background : (...)
        Mean counts that do not belong to the signal.
    level : float
        Share of cases in which the ratio lies inside, at least.

    Raises
    ------
    InputError
        A count or background is below 0 or no number; an exposure is not above 0.

    Examples
    --------
    >>> low, high = ratio_interval(3, 100, denominator_exposure=10)
    >>> print(f"{low:.3f} {high:.3f}")
    0.061 0.902
    """
    tail = _tail(level)
    values = (
        _checked("numerator", numerator),
        _checked("denominator", denominator),
        _checked("numerator_background", numerator_background),
        _checked("denominator_background", denominator_background),
        _checked("denominator_exposure", denominator_exposure, above_zero=True)
        / _checked("numerator_exposure", numerator_exposure, above_zero=True),
    )
    n1, n2, b1, b2, scale = np.broadcast_arrays(*values)
    if np.any(b1 > 0) or np.any(b2 > 0):
        low, high = _melded(n1.ravel(), n2.ravel(), b1.ravel(), b2.ravel(), tail)
        return low.reshape(n1.shape) * scale, high.reshape(n1.shape) * scale
    low = np.where(n1 > 0, _f_quantile(tail, np.maximum(n1, 0.5), n2 + 1.0), 0.0)
    high = np.where(n2 > 0, _f_quantile(1.0 - tail, n1 + 1.0, np.maximum(n2, 0.5)), np.inf)
    return low * scale, high * scale


def _f_quantile(share: float, upper: Floats, lower: Floats) -> Floats:
    """Quantile of Gamma(upper) / Gamma(lower)."""
    return np.asarray(f_quantile(share, 2.0 * upper, 2.0 * lower) * upper / lower, dtype=np.float64)


def _melded(n1: Floats, n2: Floats, b1: Floats, b2: Floats, tail: float) -> Interval:
    """Limits of (μ1 - b1) / (μ2 - b2), each (N,)."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    share, weight = 0.5 * (nodes + 1.0), 0.5 * weights
    most = np.maximum(_gamma_quantile((n2 + 1.0)[:, None], share) - b2[:, None], 0.0)
    least = np.maximum(_gamma_quantile(n2[:, None], share) - b2[:, None], 0.0)
    lucky = _not_lucky(n1, b1)

    def lower(ratio: Floats) -> Floats:
        return np.asarray(_gamma_below(n1[:, None], b1[:, None] + ratio[:, None] * most) @ weight, dtype=np.float64)

    def upper(ratio: Floats) -> Floats:
        below = _gamma_below(lucky[:, None] + 1.0, b1[:, None] + ratio[:, None] * least)
        return np.asarray(np.where(least > 0, below, 0.0) @ weight, dtype=np.float64)

    # brackets: the widest numerator over the far ends of the denominator
    top = _gamma_quantile(lucky + 1.0, 1.0 - 1e-3 * tail)
    farthest = np.full(len(n1), 1e9) * np.maximum(top, 1.0)
    low = _bisect_log(lower, tail, np.maximum(n1, 1.0) / np.maximum(n2, 1.0), farthest)
    high = _bisect_log(upper, 1.0 - tail, np.maximum(n1, 1.0) / np.maximum(n2, 1.0), farthest)
    return np.where(lower(np.zeros(len(n1))) >= tail, 0.0, low), np.where(high > 1e8, np.inf, high)


def _not_lucky(n: Floats, b: Floats) -> Floats:
    """Counts raised to what the background alone undercuts in one of six cases."""
    return np.asarray(np.maximum(n, np.where(b > 0, poisson_quantile(_LOW_BACKGROUND, b), 0.0)), dtype=np.float64)


def _bisect_log(function: _Rising, target: float, start: Floats, top: Floats) -> Floats:
    """Solve by bisection in the logarithm, from 1e-9 of `start` to `top`."""
    bottom = 1e-9 * start
    solution = _bisect(lambda x: function(np.exp(x)), target, np.log(bottom), np.log(top))
    return np.asarray(np.exp(solution), dtype=np.float64)


def _bisect(function: _Rising, target: float, low: Floats, high: Floats) -> Floats:
    """Solve function(x) = target for a rising function, each entry between its ends."""
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        under = function(middle) < target
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray(0.5 * (low + high), dtype=np.float64)


def _gamma_quantile(shape: Floats, share: float | Floats) -> Floats:
    """Quantile of Gamma(shape), 0 where the shape is 0."""
    quantile = special.gammaincinv(np.maximum(shape, 0.5), share)
    return np.asarray(np.where(shape > 0, quantile, 0.0), dtype=np.float64)


def _gamma_below(shape: Floats, value: Floats) -> Floats:
    """Return the probability that Gamma(shape) is at most `value`; with shape 0 it is."""
    inside = special.gammainc(np.maximum(shape, 0.5), value)
    return np.asarray(np.where(shape > 0, inside, 1.0), dtype=np.float64)


def _checked(name: str, values: ArrayLike, *, above_zero: bool = False) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    bad = ~np.isfinite(numbers) | (numbers <= 0 if above_zero else numbers < 0)
    if np.any(bad):
        raise InputError(field=name, value=float(numbers[bad][0]), allowed="above 0" if above_zero else "0 or more")
    return numbers


def _tail(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise InputError(field="level", value=level, allowed="between 0 and 1")
    return 0.5 * (1.0 - level)
