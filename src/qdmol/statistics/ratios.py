"""Intervals of ratios whose scale is itself uncertain, and the scatter of a level over stretches of a recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from qdmol.arrays import Floats
from qdmol.statistics.distributions import chi2_quantile, normal_quantile, poisson_quantile, t_quantile

_SCALE_NODES = 32
_BACKGROUND_NODES = 9
_LOW_BACKGROUND = 0.16  # see counting.signal_interval: a lucky shortage is not knowledge


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Equally likely values of what is not known exactly: counts per unit of the ratio, and background counts, (N,)."""

    scale: Floats
    background: Floats


def nodes_of(
    *, scale: float, scatter: float, background: float = 0.0, background_error: float = 0.0, follows: bool = False
) -> Spread:
    """Return equally likely pairs of scale (gamma-distributed, relative `scatter`) and background (normal).

    With `follows` the background was taken off to get the scale, so that where it is more, the scale is less.
    """
    relative = np.ones(1)
    if scatter > 0:
        shape = scatter**-2
        share = (np.arange(_SCALE_NODES) + 0.5) / _SCALE_NODES
        relative = special.gammaincinv(shape, share) / shape
    extra = np.zeros(1)
    if background_error > 0:
        extra = background_error * normal_quantile((np.arange(_BACKGROUND_NODES) + 0.5) / _BACKGROUND_NODES)
    scales, shifts = np.broadcast_arrays(scale * relative[:, None], extra[None, :])
    if follows:
        scales = scales - shifts
    backgrounds = np.maximum(background + shifts, 0.0)
    return Spread(scale=np.maximum(scales, 1e-9 * scale).ravel(), background=backgrounds.ravel())


def scaled_interval(count: float, spread: Spread, *, level: float) -> tuple[float, float]:
    """Return the limits of g where `count` is Poisson with mean g times a scale plus a background.

    Each tail holds half of 1 - level, averaged over what is not known exactly (Cousins and Highland, Nucl. Instrum.
    Methods A 320, 331 (1992), doi:10.1016/0168-9002(92)90794-5); with a known scale and no background these are
    Garwood's limits, Biometrika 28, 437 (1936), doi:10.1093/biomet/28.3-4.437. `count` may be a broken number, as
    that of a fit.
    """
    tail = 0.5 * (1.0 - level)
    background = float(spread.background.mean())
    lucky = max(count, float(poisson_quantile(_LOW_BACKGROUND, background)) if background > 0 else 0.0)

    def at_least(ratio: float) -> float:
        return float(special.gammainc(count, ratio * spread.scale + spread.background).mean())

    def more(ratio: float) -> float:
        return float(special.gammainc(lucky + 1.0, ratio * spread.scale + spread.background).mean())

    top = (4.0 * lucky + 40.0) / float(spread.scale.min())
    low = 0.0 if count <= 0 or at_least(0.0) >= tail else _solve(at_least, tail, top)
    return low, _solve(more, 1.0 - tail, top)


def likelihood_interval(
    count: float, *, scale: float, background: float, scatter: float, level: float
) -> tuple[float, float]:
    """Return the limits of g >= 0 where `count` is Poisson with mean g times `scale` plus a known background.

    Ends of the likelihood ratio with the bound taken as one of the best values (Feldman, Cousins, Phys. Rev. D 57, 3873
    (1998), doi:10.1103/PhysRevD.57.3873, on bounded means): for many counts it holds the truth with the probability
    `level` to half way between that and 1, where exact limits of a few counts hold it nearly always. A relative error
    of the scale, `scatter`, is added to both ends in quadrature.
    """
    quantile = float(chi2_quantile(level, 1))
    best = max(count, background)

    def above(mean: float) -> float:
        return 2.0 * (mean - best - count * float(np.log(mean / best))) - quantile

    top = best + 4.0 * np.sqrt(quantile * best) + 4.0 * quantile
    high = (float(optimize.brentq(above, best, top)) - background) / scale
    low = 0.0
    if above(max(background, 1e-9 * best)) > 0.0:
        low = (float(optimize.brentq(above, max(background, 1e-9 * best), best)) - background) / scale
    value = (best - background) / scale
    more = float(np.sqrt(quantile)) * scatter * value
    return max(value - float(np.hypot(value - low, more)), 0.0), value + float(np.hypot(high - value, more))


def _solve(rising: Callable[[float], float], target: float, top: float) -> float:
    if rising(0.0) >= target:
        return 0.0
    if rising(top) <= target:
        return top
    return float(optimize.brentq(lambda ratio: rising(ratio) - target, 0.0, top, rtol=1e-7))


def level_scatter(sides: Floats, photons: Floats, durations_s: Floats) -> tuple[float, float]:
    """Return the relative error of a bunching level from stretches of a recording, and the factor for its interval.

    The level is sides T / (n1 n2); each stretch is left out in turn (jackknife: Efron, The Jackknife, the Bootstrap and
    Other Resampling Plans, SIAM 1982, doi:10.1137/1.9781611970319). Light that switches on and off makes it scatter
    more than its counts would, which is what this sees. The factor corrects for the number of stretches (Student's t
    over the normal).

    Parameters
    ----------
    sides : (B,)
        Pairs in the side peaks by stretch.
    photons : (B, 2)
        Photons of the two channels.
    durations_s : (B,)
        Lengths of the stretches.
    """
    used = durations_s > 0
    sides, photons, durations = sides[used], photons[used], durations_s[used]
    number = len(sides)
    left = sides.sum() - sides
    others = photons.sum(axis=0) - photons
    if number < 4 or np.any(left <= 0) or np.any(others <= 0):
        return (float(sides.sum()) ** -0.5 if sides.sum() > 0 else 0.0), 1.0
    logs = np.log(left) + np.log(durations.sum() - durations) - np.log(others).sum(axis=1)
    variance = (number - 1) / number * float(((logs - logs.mean()) ** 2).sum())
    factor = float(t_quantile(0.975, number - 1) / normal_quantile(0.975))
    return variance**0.5, factor


def with_scatter(value: float, scatter: float, *, level: float) -> tuple[float, float]:
    """Return the limits of a positive value known to a relative standard error (log-normal)."""
    reach = float(normal_quantile(0.5 + 0.5 * level)) * scatter
    return float(value * np.exp(-reach)), float(value * np.exp(reach))
