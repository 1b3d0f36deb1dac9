"""Intervals for counts: exact where counts are few, and where a known background lies under them.

All functions take numbers or arrays, which broadcast, and return lower and upper limits as float arrays of that shape.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["binomial_interval", "garwood", "ratio_interval", "signal_interval"]

Floats = NDArray[np.float64]
Interval = tuple[Floats, Floats]


def garwood(counts: ArrayLike, *, level: float = 0.95) -> Interval:
    """Limits of the mean of a Poisson count: Garwood, Biometrika 28, 437 (1936), doi:10.1093/biomet/28.3-4.437."""
    raise NotImplementedError


def binomial_interval(
    successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95, method: Literal["exact", "mid-p"] = "mid-p"
) -> Interval:
    """Limits of a probability from `successes` of `trials`."""
    raise NotImplementedError


def signal_interval(counts: ArrayLike, background: ArrayLike, *, level: float = 0.95) -> Interval:
    """Limits of the mean signal of a Poisson count on top of a known mean `background`."""
    raise NotImplementedError


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
    """Limits of the ratio of two Poisson means per exposure, known backgrounds (in counts) taken off.

    The ratio is ((numerator - background)/exposure) / ((denominator - background)/exposure); with no count below, the
    upper limit is infinite. For g2: centre counts over all side counts, `denominator_exposure` the number of side peaks.
    """
    raise NotImplementedError
