"""How well a curve describes counts: the deviance against what Poisson's law expects of it.

The deviance is 2 sum [n ln(n / nu) - n + nu], Baker and Cousins, Nucl. Instrum. Methods 221, 437 (1984),
doi:10.1016/0167-5087(84)90016-4. It follows chi-square only where counts are high; so neighbouring bins are joined
until five counts are expected, and mean and variance of each term are the exact ones of Poisson's law.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import xlogy

from qdmol.arrays import Floats
from qdmol.statistics.distributions import chi2_tail, poisson_probability

_MIN_EXPECTED = 5.0  # smallest expected number of counts in a group of bins


@dataclass(frozen=True, slots=True)
class Goodness:
    """Goodness of a fit to Poisson counts.

    Attributes
    ----------
    probability : float
        Of a larger deviance, if the model is true.
    reduced_deviance : float
        Deviance over its expected value.
    groups : int
        Groups of bins that were compared.
    misfit : float
        Relative deviation of the curve from the counts beyond the noise.
    """

    probability: float
    reduced_deviance: float
    groups: int
    misfit: float


def _deviance(counts: Floats, mean: Floats) -> Floats:
    terms: Floats = 2.0 * (xlogy(counts, counts) - xlogy(counts, mean) - counts + mean)
    return np.maximum(terms, 0.0)


def deviance_residuals(counts: Floats, mean: Floats) -> Floats:
    """Signed roots of the deviance of each bin (n,)."""
    safe = np.maximum(mean, 1e-12)
    residuals: Floats = np.sign(counts - safe) * np.sqrt(_deviance(counts, safe))
    return residuals


def goodness_of_fit(counts: Floats, mean: Floats, *, parameters: int) -> Goodness:
    """Goodness of a curve `mean` (n,) with so many fitted parameters for `counts` (n,)."""
    grouped_counts, grouped_mean = _group(counts, mean)
    groups = len(grouped_mean)
    if groups <= parameters:
        return Goodness(1.0, 1.0, groups, 0.0)
    total = float(_deviance(grouped_counts, grouped_mean).sum())
    means, variances = _moments(grouped_mean)
    share = (groups - parameters) / groups
    centre, spread = float(means.sum()) * share, float(variances.sum()) * share
    # a chi-square with the same mean and variance
    scale = spread / (2.0 * centre)
    probability = float(chi2_tail(total / scale, centre / scale))
    misfit = np.sqrt(max(total - centre, 0.0) / max(float(grouped_mean.sum()), 1.0))
    return Goodness(probability, total / centre, groups, float(misfit))


def _group(counts: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """Join neighbours until each group expects enough counts."""
    marks = np.floor(np.cumsum(mean) / _MIN_EXPECTED).astype(np.int64)
    starts = np.flatnonzero(np.diff(marks, prepend=-1) > 0)
    # a group ends with the bin that completes it
    starts = np.concatenate(([0], starts[:-1] + 1)) if len(starts) > 1 else np.array([0])
    starts = np.unique(np.clip(starts, 0, len(mean) - 1))
    joined = np.add.reduceat(mean, starts)
    keep = joined >= 0.5 * _MIN_EXPECTED
    return np.add.reduceat(counts, starts)[keep], joined[keep]


@cache
def _table() -> tuple[Floats, Floats, Floats]:
    """Mean and variance of a term of the deviance, on a grid of ln(mean counts)."""
    grid = np.geomspace(0.5 * _MIN_EXPECTED, 1e4, 120)
    means, variances = np.empty_like(grid), np.empty_like(grid)
    for k, mean in enumerate(grid):
        reach = np.arange(max(0.0, np.floor(mean - 12 * np.sqrt(mean))), np.ceil(mean + 12 * np.sqrt(mean) + 20))
        weights = poisson_probability(reach, mean)
        terms = _deviance(reach, np.full_like(reach, mean))
        means[k] = weights @ terms
        variances[k] = weights @ terms**2 - means[k] ** 2
    return np.log(grid), means, variances


def _moments(mean: Floats) -> tuple[Floats, Floats]:
    grid, means, variances = _table()
    at = np.log(mean)
    return np.interp(at, grid, means), np.interp(at, grid, variances)
