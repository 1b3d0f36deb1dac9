"""Intervals by profile likelihood.

A value is inside if the likelihood, at its largest over all other parameters, stays within half the chi-square quantile
of the maximum: Venzon and Moolgavkar, Appl. Stat. 37, 87 (1988), doi:10.2307/2347496; Wilks, Ann. Math. Stat. 9, 60
(1938), doi:10.1214/aoms/1177732360. Where a parameter meets its bound first, that side is open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qdmol.analysis.lifetime.likelihood import FREE_LIKELIHOOD, Maximum, fisher
from qdmol.arrays import Floats

_STIFFNESS = 20.0  # of the pull, in standard errors: the profile is met within a twentieth of one
_STIFFEST = 2e3
_MOST_STEPS = 24


@dataclass(frozen=True, slots=True)
class Quantity:
    """What an interval is of: a kind that the kernels know, an index, the ends of its range."""

    kind: int
    index: int = 0
    lowest: float = -math.inf
    highest: float = math.inf


def standard_error(found: Maximum, what: Quantity) -> float:
    """Standard error from Fisher's matrix; of a quantity on a bound, one from its own curvature."""
    from qdmol.analysis.lifetime.kernels import quantity_slope

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
    """Return both ends of an interval, where twice the drop of the log-likelihood reaches `threshold`.

    An end is that of the quantity's range where the drop never reaches it. Components keep their order along the
    profile, so that a label stands for the same component throughout: without it two close lifetimes exchange their
    roles, and the interval of one swallows the other.
    """
    error = standard_error(found, what)
    low = _end(found, what, error=error, side=-1.0, goal=math.sqrt(threshold))
    high = _end(found, what, error=error, side=1.0, goal=math.sqrt(threshold))
    return low, high


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """A point of a profile: value of the quantity, root of twice the drop of the log-likelihood, parameters."""

    place: float
    root: float
    theta: Floats


def _end(found: Maximum, what: Quantity, *, error: float, side: float, goal: float) -> float:
    from qdmol.analysis.lifetime.kernels import quantity

    centre = float(quantity(found.problem, found.theta, what.kind, what.index))
    limit = what.highest if side > 0 else what.lowest
    inner, outer = _Point(centre, 0.0, found.theta), None
    target, weight = centre + side * goal * error, (_STIFFNESS / error) ** 2
    stride = 0.05 * error
    for _ in range(_MOST_STEPS):
        target = min(target, limit) if side > 0 else max(target, limit)
        point = _profile_point(found, what, target, inner.theta, weight=weight)
        ahead = side * (point.place - inner.place)
        if ahead <= 1e-6 * error:
            # the pull was too weak to leave the maximum, or the quantity is at the end of its range
            if target == limit or weight > (_STIFFEST / error) ** 2:
                break
            weight *= 100.0
            continue
        if abs(point.root - goal) < 0.004 * goal:
            return point.place
        if point.root < goal:
            if side * (limit - point.place) <= 1e-3 * error:
                return limit
            inner = point
            stride *= 2.0
        else:
            outer = point
        target = _next(inner, outer, side=side, goal=goal, stride=stride, error=error)
    if outer is None:
        return limit
    return inner.place + (outer.place - inner.place) * (goal - inner.root) / (outer.root - inner.root)


def _profile_point(found: Maximum, what: Quantity, target: float, start: Floats, *, weight: float) -> _Point:
    """The largest likelihood with the quantity at `target`: a parameter is held there, another quantity pulled."""
    from qdmol.analysis.lifetime.kernels import LOG_TAU, SLOT, maximise, quantity

    theta, free, bounds = start.copy(), found.free, found.bounds
    if what.kind in {LOG_TAU, SLOT}:
        free = found.free.copy()
        free[what.index] = False
        theta[what.index] = target
        pull = FREE_LIKELIHOOD
    else:
        pull = np.array([what.kind, what.index, target, weight])
    if what.kind == LOG_TAU:
        bounds = found.bounds.copy()
        bounds[0, : what.index] = target
        bounds[1, what.index + 1 : found.problem.components] = target
        theta = np.where(free, np.clip(theta, bounds[0], bounds[1]), theta)
    value = maximise(found.problem, theta, free, bounds, pull)
    root = math.sqrt(max(2.0 * (found.log_likelihood - float(value)), 0.0))
    return _Point(float(quantity(found.problem, theta, what.kind, what.index)), root, theta)


def _next(inner: _Point, outer: _Point | None, *, side: float, goal: float, stride: float, error: float) -> float:
    """The next place to try: between the two known, or further out by a stride at least."""
    if outer is None:
        grow = goal / inner.root if inner.root > 0 else 4.0
        step = abs(goal - inner.root) * error * min(max(grow, 1.0), 4.0)
        return inner.place + side * max(step, stride)
    share = (goal - inner.root) / (outer.root - inner.root)
    return inner.place + (outer.place - inner.place) * min(max(share, 0.02), 0.98)
