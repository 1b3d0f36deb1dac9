"""Intervals by profile likelihood.

A value is inside if the likelihood, at its largest over all other parameters, stays within half the chi-square quantile
of the maximum: Venzon and Moolgavkar, Appl. Stat. 37, 87 (1988), doi:10.2307/2347496; Wilks, Ann. Math. Stat. 9, 60
(1938), doi:10.1214/aoms/1177732360. Where a parameter meets its bound first, that side is open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.likelihood import Maximum, fisher

__all__ = ["Quantity", "profile_interval", "standard_error"]

Floats = NDArray[np.float64]

_STIFFNESS = 20.0  # of the pull, in standard errors: the profile is met within a twentieth of one
_TURNS = 14


@dataclass(frozen=True, slots=True)
class Quantity:
    """What an interval is of: a kind that the kernels know, an index, the ends of its range."""

    kind: int
    index: int = 0
    lowest: float = -math.inf
    highest: float = math.inf


def standard_error(found: Maximum, what: Quantity) -> float:
    """Standard error from Fisher's matrix; of a quantity on a bound, one from its own curvature."""
    from qdmol.analysis.lifetime.scoring import quantity_slope

    slope = quantity_slope(found.problem, found.theta, what.kind, what.index)
    matrix, inside = fisher(found)
    part = slope[inside]
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
    normal = matrix / np.outer(scale, scale) + 1e-12 * np.eye(len(scale))
    variance = float((part / scale) @ np.linalg.solve(normal, part / scale)) if len(part) else 0.0
    if variance > 0 and math.isfinite(variance):
        return math.sqrt(variance)
    total = float(found.problem.counts[found.problem.used].sum())
    return 1.0 / math.sqrt(total + 1.0)


def profile_interval(found: Maximum, what: Quantity, *, threshold: float) -> tuple[float, float]:
    """Return both ends, where twice the drop of the likelihood reaches `threshold`; the range's where it never does."""
    error = standard_error(found, what)
    low = _end(found, what, error=error, side=-1.0, goal=math.sqrt(threshold))
    high = _end(found, what, error=error, side=1.0, goal=math.sqrt(threshold))
    return low, high


def _end(found: Maximum, what: Quantity, *, error: float, side: float, goal: float) -> float:
    from qdmol.analysis.lifetime.scoring import maximise, quantity

    centre = float(quantity(found.problem, found.theta, what.kind, what.index))
    limit = what.highest if side > 0 else what.lowest
    inner, inner_root = centre, 0.0
    outer, outer_root = math.nan, math.nan
    theta = found.theta.copy()
    target = centre + side * goal * error
    for _ in range(_TURNS):
        target = min(target, limit) if side > 0 else max(target, limit)
        pull = np.array([what.kind, what.index, target, (_STIFFNESS / error) ** 2])
        value = maximise(found.problem, theta, found.free, found.bounds, pull)
        place = float(quantity(found.problem, theta, what.kind, what.index))
        root = math.sqrt(max(2.0 * (found.log_likelihood - value), 0.0))
        if abs(root - goal) < 0.004 * goal:
            return place
        if root < goal:
            stuck = side * (place - inner) < 1e-3 * error
            if (target == limit and side * (limit - place) < 1e-3 * error) or (stuck and inner_root > 0):
                return limit
            inner, inner_root = place, root
        else:
            outer, outer_root = place, root
        target = _next(inner, inner_root, outer, outer_root, side=side, goal=goal, error=error)
    return inner + (outer - inner) * (goal - inner_root) / (outer_root - inner_root) if outer_root > 0 else limit


def _next(
    inner: float, inner_root: float, outer: float, outer_root: float, *, side: float, goal: float, error: float
) -> float:
    """The next place to try: between the two known, or further out."""
    if math.isnan(outer):
        grow = goal / inner_root if inner_root > 0 else 4.0
        step = max(abs(goal - inner_root) * error, 0.05 * error)
        return inner + side * step * min(max(grow, 1.0), 4.0)
    share = (goal - inner_root) / (outer_root - inner_root)
    return inner + (outer - inner) * min(max(share, 0.02), 0.98)
