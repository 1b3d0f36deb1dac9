"""Quantiles and tails of common distributions, from `scipy.special` alone.

The same numbers as those of `scipy.stats`, whose import takes a large part of the time of a short analysis. A tail is
the probability of a larger value, P(X > x); a quantile has the probability `share` below it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

# SciPy's functions have no types; what they return is a number for numbers and an array for arrays.


def normal_quantile(share: ArrayLike) -> Any:
    """Quantile of the standard normal distribution.

    >>> print(f"{normal_quantile(0.975):.4f}")
    1.9600
    """
    return special.ndtri(share)


def normal_tail(value: ArrayLike) -> Any:
    """Tail of the standard normal distribution."""
    return special.ndtr(-np.asarray(value))


def chi2_quantile(share: ArrayLike, degrees: ArrayLike) -> Any:
    """Quantile of chi-square.

    >>> print(f"{chi2_quantile(0.95, 1):.4f}")
    3.8415
    """
    return 2 * special.gammaincinv(np.asarray(degrees) / 2, share)


def chi2_tail(value: ArrayLike, degrees: ArrayLike) -> Any:
    """Tail of chi-square."""
    return special.chdtrc(degrees, value)


def t_quantile(share: ArrayLike, degrees: ArrayLike) -> Any:
    """Quantile of Student's t."""
    return special.stdtrit(degrees, share)


def t_tail(value: ArrayLike, degrees: ArrayLike) -> Any:
    """Tail of Student's t."""
    return special.stdtr(degrees, -np.asarray(value))


def f_quantile(share: ArrayLike, upper: ArrayLike, lower: ArrayLike) -> Any:
    """Quantile of Fisher's F with degrees of freedom of the numerator and of the denominator."""
    return special.fdtri(upper, lower, share)


def poisson_quantile(share: ArrayLike, mean: ArrayLike) -> Any:
    """Smallest count whose cumulative probability reaches `share`, for a mean above 0."""
    above = np.ceil(special.pdtrik(share, mean))
    below = np.maximum(above - 1, 0)
    return np.where(special.pdtr(below, mean) >= share, below, above)


def poisson_tail(count: ArrayLike, mean: ArrayLike) -> Any:
    """Probability of more than `count`; 1 below 0."""
    whole = np.floor(count)
    return np.where(whole < 0, 1.0, special.pdtrc(np.maximum(whole, 0.0), mean))


def poisson_probability(count: ArrayLike, mean: ArrayLike) -> Any:
    """Probability of exactly `count` (0, 1, 2, ..)."""
    counts = np.asarray(count)
    return np.exp(special.xlogy(counts, mean) - special.gammaln(counts + 1) - mean)


def binomial_tail(count: ArrayLike, trials: ArrayLike, probability: float) -> Any:
    """Probability of more than `count` successes; 1 below 0."""
    counts = np.asarray(count)
    inside = special.bdtrc(np.maximum(counts, 0), np.asarray(trials, dtype=np.int64), probability)
    return np.where(counts < 0, 1.0, np.where(counts >= trials, 0.0, inside))
