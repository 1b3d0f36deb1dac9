"""One model of one decay: its problem, its free parameters, and the place of its largest likelihood.

Background constant and not negative; photons of a component not negative. Kernels are loaded when a fit runs.

Fewer bins for the same answer: bins far from the pulse are joined, where the decay is long known not to change fast.

A bin may be as wide as a fiftieth of its distance from the response, or of the width of a Gaussian one. The model
counts whole bins exactly, so nothing is biased; of the information on a lifetime less than 1e-4 is lost, and thousands
of bins become hundreds.

Intervals by profile likelihood.

A value is inside if the likelihood, at its largest over all other parameters, stays within half the chi-square quantile
of the maximum: Venzon and Moolgavkar, Appl. Stat. 37, 87 (1988), doi:10.2307/2347496; Wilks, Ann. Math. Stat. 9, 60
(1938), doi:10.1214/aoms/1177732360. Where a parameter meets its bound first, that side is open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.kernels import GAUSSIAN, MEASURED, Problem, Slots
from qdmol.arrays import Bools, Floats

FREE_LIKELIHOOD = np.zeros(4)  # no pull towards a quantity: kind, index, target, weight
LONGEST = 20.0  # lifetimes up to this many windows; longer ones are a background
SHORTEST = 0.02  # lifetimes down to this part of a bin
LOWEST_STRETCH = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """A model at its largest likelihood.

    `theta` is laid out as :class:`qdmol.analysis.lifetime.kernels.Slots` says; `free` tells which of it was fitted.
    """

    problem: Problem
    theta: Floats
    free: Bools
    bounds: Floats
    log_likelihood: float

    @property
    def slots(self) -> Slots:
        """Where the parameters stand."""
        return Slots(self.problem.components)

    @property
    def parameters(self) -> int:
        """Number of fitted parameters."""
        return int(self.free.sum())

    @property
    def components_ns(self) -> Floats:
        """Lifetimes, the longest first."""
        taus: Floats = np.exp(self.theta[: self.problem.components])
        return taus

    def at_bound(self, slot: int) -> bool:
        """Whether a parameter ended on one of its bounds."""
        low, high = self.bounds[:, slot]
        reach = 1e-6 * max(1.0, abs(high - low)) if math.isfinite(high - low) else 1e-12
        return bool(self.theta[slot] <= low + reach or self.theta[slot] >= high - reach)


def bounds_of(problem: Problem) -> Floats:
    """Lower and upper bounds (2, parameters) of a problem."""
    slots = Slots(problem.components)
    count = problem.components
    bin_ns = float(np.median(np.sort(np.diff(problem.edges))[:9]))  # of the finest bins; the last may be cut
    span = float(problem.edges[-1] - problem.edges[0])
    total = float(problem.counts[problem.used].sum()) + 10.0
    window = min(span, problem.period)
    bounds = np.empty((2, slots.size))
    bounds[:, :count] = [[math.log(SHORTEST * bin_ns)], [math.log(LONGEST * window)]]
    bounds[:, count : 2 * count] = [[0.0], [1e4 * total]]
    bounds[:, slots.background] = 0.0, total
    # a shift is a delay on a circle: it may go around once, either way
    ends = np.array([problem.edges[0] - span, problem.edges[-1] + span])
    bounds[:, slots.shift] = ends - (problem.response_first if problem.kind == MEASURED else 0.0)
    bounds[:, slots.width] = math.log(0.1 * bin_ns), math.log(window / 15.0)
    bounds[:, slots.stretch] = LOWEST_STRETCH, 1.0
    return bounds


def climb(problem: Problem, theta: Floats, free: Bools, bounds: Floats | None = None) -> Maximum:
    """Return the maximum of the likelihood next to `theta`, its components in order of their lifetimes."""
    from qdmol.analysis.lifetime.kernels import maximise

    limits = bounds_of(problem) if bounds is None else bounds
    place = np.where(free, np.clip(theta, limits[0], limits[1]), theta)
    value = maximise(problem, place, free, limits, FREE_LIKELIHOOD)
    maximum = Maximum(problem, place, free, limits, float(value))
    return _in_order(maximum)


def _in_order(maximum: Maximum) -> Maximum:
    count = maximum.problem.components
    order = np.argsort(-maximum.theta[:count], kind="stable")
    theta = maximum.theta.copy()
    theta[:count] = maximum.theta[order]
    theta[count : 2 * count] = maximum.theta[count + order]
    return replace(maximum, theta=theta)


def expected_counts(maximum: Maximum, theta: Floats | None = None) -> Floats:
    """Mean counts (n,) of the bins, at the maximum or at another `theta`."""
    from qdmol.analysis.lifetime.kernels import expected

    slopes = np.zeros((maximum.slots.size, len(maximum.problem.counts)))
    mean: Floats = expected(maximum.problem, maximum.theta if theta is None else theta, slopes)
    return mean


def fisher(maximum: Maximum) -> tuple[Floats, Bools]:
    """Fisher's matrix of the free parameters that are on no bound, and which these are."""
    from qdmol.analysis.lifetime.kernels import expected, fisher_matrix

    slopes = np.zeros((maximum.slots.size, len(maximum.problem.counts)))
    mean = expected(maximum.problem, maximum.theta, slopes)
    matrix = fisher_matrix(maximum.problem, maximum.theta, mean, slopes, np.zeros(maximum.slots.size))
    inside = maximum.free & np.array([not maximum.at_bound(slot) for slot in range(maximum.slots.size)])
    return matrix[np.ix_(inside, inside)], inside


def free_parameters(problem: Problem, *, shift: bool, width: bool, background: bool) -> Bools:
    """Which parameters of a problem are fitted: lifetimes and photons always."""
    slots = Slots(problem.components)
    free = np.zeros(slots.size, dtype=np.bool_)
    free[: slots.background] = True
    free[slots.background] = background
    free[slots.shift] = shift
    free[slots.width] = width and problem.kind == GAUSSIAN
    free[slots.stretch] = problem.stretched
    return free


_SHARE = 0.02
_FINEST = 0.02  # of the standard deviation of a Gaussian response
_MOST = 8192  # bins in which a first maximum is looked for
_UNEVEN = 1.01  # ratio of the widest bin to the narrowest
_REACH = 6.0  # standard deviations of a Gaussian that stay in fine bins


def coarsened(problem: Problem, maximum: Maximum) -> Problem:
    """Return the problem with bins joined, given a first maximum that knows where the response lies."""
    if len(problem.counts) < 200 or is_uneven(problem):
        return problem
    distance = _distance(problem, maximum)
    finest = _FINEST * math.exp(maximum.theta[maximum.slots.width]) if problem.kind == GAUSSIAN else 0.0
    return _joined(problem, _starts(problem, np.maximum(_SHARE * distance, finest)))


def is_uneven(problem: Problem) -> bool:
    """Whether bins have unequal widths; the last one may be cut by the end of the period."""
    widths = np.diff(problem.edges)[:-1]
    return len(widths) > 1 and float(widths.max()) > _UNEVEN * float(widths.min())


def evenly_joined(problem: Problem) -> Problem:
    """Return the problem with so many neighbouring bins joined that few thousands are left, to find a first maximum.

    Groups that hold an unused bin are unused.
    """
    step = -(-len(problem.counts) // _MOST)
    if step == 1:
        return problem
    joined = _joined(problem, np.arange(0, len(problem.counts), step))
    return joined._replace(used=np.logical_and.reduceat(problem.used, np.arange(0, len(problem.counts), step)))


def _joined(problem: Problem, starts: NDArray[np.int64]) -> Problem:
    stops = np.append(starts[1:], len(problem.counts))
    return problem._replace(
        edges=np.append(problem.edges[starts], problem.edges[-1]),
        widths=np.add.reduceat(problem.widths, starts),
        counts=np.add.reduceat(problem.counts, starts),
        used=np.ascontiguousarray(problem.used[starts]),
        live=np.add.reduceat(problem.live, starts) / (stops - starts),
    )


def _distance(problem: Problem, maximum: Maximum) -> Floats:
    """Time (n,) between the middle of each bin and the response of the pulse before or after it."""
    begin = end = float(maximum.theta[maximum.slots.shift])
    if problem.kind == GAUSSIAN:
        reach = _REACH * math.exp(maximum.theta[maximum.slots.width])
        begin, end = begin - reach, end + reach
    elif problem.kind == MEASURED:
        begin += problem.response_first
        end = begin + problem.response_bin * len(problem.response_height)
    middle = 0.5 * (problem.edges[1:] + problem.edges[:-1])
    since = middle - end
    until = begin - middle
    if problem.period < math.inf:
        since = np.mod(since, problem.period)
        until = np.mod(until, problem.period)
        inside = np.mod(middle - begin, problem.period) < end - begin
    else:
        inside = (middle >= begin) & (middle <= end)
        since = np.where(since < 0, np.inf, since)
        until = np.where(until < 0, np.inf, until)
    nearest: Floats = np.where(inside, 0.0, np.minimum(since, until))
    return nearest


def _starts(problem: Problem, widest_ns: Floats) -> NDArray[np.int64]:
    """First bins of the groups, each at most as wide as `widest_ns` (n,) allows, and all used or all unused."""
    bin_ns = float(problem.edges[1] - problem.edges[0])
    size = np.maximum(np.floor(widest_ns / bin_ns), 1.0)
    starts = [0]
    n = len(widest_ns)
    used = problem.used
    for i in range(1, n):
        first = starts[-1]
        full = i - first >= min(size[first], size[i])
        if full or used[i] != used[first] or i == n - 1:
            starts.append(i)
    return np.array(starts, dtype=np.int64)


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


def standard_error(maximum: Maximum, what: Quantity) -> float:
    """Standard error from Fisher's matrix; of a quantity on a bound, one from its own curvature."""
    from qdmol.analysis.lifetime.kernels import quantity_slope

    slope = quantity_slope(maximum.problem, maximum.theta, what.kind, what.index)
    matrix, inside = fisher(maximum)
    part = slope[inside]
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
    normal = matrix / np.outer(scale, scale) + 1e-12 * np.eye(len(scale))
    variance = float((part / scale) @ np.linalg.solve(normal, part / scale)) if len(part) else 0.0
    if variance > 0 and math.isfinite(variance):
        return math.sqrt(variance)
    total = float(maximum.problem.counts[maximum.problem.used].sum())
    return 1.0 / math.sqrt(total + 1.0)


def profile_interval(maximum: Maximum, what: Quantity, *, threshold: float) -> tuple[float, float]:
    """Return both ends of an interval, where twice the drop of the log-likelihood reaches `threshold`.

    An end is that of the quantity's range where the drop never reaches it. Components keep their order along the
    profile, so that a label stands for the same component throughout: without it two close lifetimes exchange their
    roles, and the interval of one swallows the other.
    """
    error = standard_error(maximum, what)
    low = _end(maximum, what, error=error, side=-1.0, goal=math.sqrt(threshold))
    high = _end(maximum, what, error=error, side=1.0, goal=math.sqrt(threshold))
    return low, high


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """A point of a profile: value of the quantity, root of twice the drop of the log-likelihood, parameters."""

    place: float
    root: float
    theta: Floats


def _end(maximum: Maximum, what: Quantity, *, error: float, side: float, goal: float) -> float:
    from qdmol.analysis.lifetime.kernels import quantity

    centre = float(quantity(maximum.problem, maximum.theta, what.kind, what.index))
    limit = what.highest if side > 0 else what.lowest
    inner, outer = _Point(centre, 0.0, maximum.theta), None
    target, weight = centre + side * goal * error, (_STIFFNESS / error) ** 2
    stride = 0.05 * error
    for _ in range(_MOST_STEPS):
        target = min(target, limit) if side > 0 else max(target, limit)
        point = _profile_point(maximum, what, target, inner.theta, weight=weight)
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


def _profile_point(maximum: Maximum, what: Quantity, target: float, start: Floats, *, weight: float) -> _Point:
    """The largest likelihood with the quantity at `target`: a parameter is held there, another quantity pulled."""
    from qdmol.analysis.lifetime.kernels import LOG_TAU, SLOT, maximise, quantity

    theta, free, bounds = start.copy(), maximum.free, maximum.bounds
    if what.kind in {LOG_TAU, SLOT}:
        free = maximum.free.copy()
        free[what.index] = False
        theta[what.index] = target
        pull = FREE_LIKELIHOOD
    else:
        pull = np.array([what.kind, what.index, target, weight])
    if what.kind == LOG_TAU:
        bounds = maximum.bounds.copy()
        bounds[0, : what.index] = target
        bounds[1, what.index + 1 : maximum.problem.components] = target
        theta = np.where(free, np.clip(theta, bounds[0], bounds[1]), theta)
    value = maximise(maximum.problem, theta, free, bounds, pull)
    root = math.sqrt(max(2.0 * (maximum.log_likelihood - float(value)), 0.0))
    return _Point(float(quantity(maximum.problem, theta, what.kind, what.index)), root, theta)


def _next(inner: _Point, outer: _Point | None, *, side: float, goal: float, stride: float, error: float) -> float:
    """The next place to try: between the two known, or further out by a stride at least."""
    if outer is None:
        grow = goal / inner.root if inner.root > 0 else 4.0
        step = abs(goal - inner.root) * error * min(max(grow, 1.0), 4.0)
        return inner.place + side * max(step, stride)
    share = (goal - inner.root) / (outer.root - inner.root)
    return inner.place + (outer.place - inner.place) * min(max(share, 0.02), 0.98)
