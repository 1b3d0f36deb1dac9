"""The shape of a peak of pairs: two-sided exponentials, as wide as the detectors see them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["repeated", "two_sided"]

Floats = NDArray[np.float64]

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
    near = away < jitter**2 / lifetime + _FAR * jitter
    if near.any():
        total[near] = _blurred(lag[near], lifetime, jitter)
    return np.asarray(total, dtype=np.float64)


def _blurred(lag: Floats, lifetime: float, jitter: float) -> Floats:
    total = np.zeros_like(lag)
    for side in (lag, -lag):
        u = (jitter / lifetime - side / jitter) / np.sqrt(2.0)
        gentle = np.exp(-0.5 * (side / jitter) ** 2) * special.erfcx(np.maximum(u, 0.0))
        exponent = np.minimum(0.5 * (jitter / lifetime) ** 2 - side / lifetime, 700.0)
        steep = np.exp(np.where(u > 0, 0.0, exponent)) * special.erfc(np.minimum(u, 0.0))
        total += np.where(u > 0, gentle, steep)
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
