"""Correlation of two channels over many decades of lag, from ns to s."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LogCorrelation"]


@dataclass(frozen=True, slots=True, eq=False)
class LogCorrelation:
    """Correlation at logarithmically spaced lags, 1 for steady light.

    Attributes
    ----------
    lag_ns : float (n,)
        Mean lag of each bin.
    low_ns, high_ns : float (n,)
        Edges of the bins. Lags go both ways: a pair counts by how far its photons are apart.
    value : float (n,)
        Pairs over those of steady light with the same mean rates, which is 1 where nothing correlates.
    error : float (n,)
        Standard error of `value`, from stretches of the recording.
    pairs : int64 (n,)
        Pairs counted.
    expected : float (n,)
        Pairs that steady light would give.
    channels : (int, int)
        Which inputs; twice the same for an autocorrelation.
    duration_s : float
        From the first to the last photon.
    """

    lag_ns: NDArray[np.float64]
    low_ns: NDArray[np.float64]
    high_ns: NDArray[np.float64]
    value: NDArray[np.float64]
    error: NDArray[np.float64]
    pairs: NDArray[np.int64]
    expected: NDArray[np.float64]
    channels: tuple[int, int]
    duration_s: float
