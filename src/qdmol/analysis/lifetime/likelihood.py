"""One model of one decay: its problem, its free parameters, and the place of its largest likelihood.

Background constant and not negative; photons of a component not negative. Kernels are loaded when a fit runs.

Fewer bins for the same answer: bins far from the pulse are joined, where the decay is long known not to change fast.

A bin may be as wide as a fiftieth of its distance from the response, or of the width of a Gaussian one. The model
counts whole bins exactly, so nothing is biased; of the information on a lifetime less than 1e-4 is lost, and thousands
of bins become hundreds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.problem import GAUSSIAN, MEASURED, Problem, Slots
from qdmol.arrays import Bools, Floats

FREE_LIKELIHOOD = np.zeros(4)  # no pull towards a quantity: kind, index, target, weight
LONGEST = 20.0  # lifetimes up to this many windows; longer ones are a background
SHORTEST = 0.02  # lifetimes down to this part of a bin
LOWEST_STRETCH = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """A model at its largest likelihood.

    `theta` is laid out as :class:`qdmol.analysis.lifetime.problem.Slots` says; `free` tells which of it was fitted.
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
    found = Maximum(problem, place, free, limits, float(value))
    return _in_order(found)


def _in_order(found: Maximum) -> Maximum:
    count = found.problem.components
    order = np.argsort(-found.theta[:count], kind="stable")
    theta = found.theta.copy()
    theta[:count] = found.theta[order]
    theta[count : 2 * count] = found.theta[count + order]
    return replace(found, theta=theta)


def expected_counts(found: Maximum, theta: Floats | None = None) -> Floats:
    """Mean counts (n,) of the bins, at the maximum or at another `theta`."""
    from qdmol.analysis.lifetime.kernels import expected

    slopes = np.zeros((found.slots.size, len(found.problem.counts)))
    mean: Floats = expected(found.problem, found.theta if theta is None else theta, slopes)
    return mean


def fisher(found: Maximum) -> tuple[Floats, Bools]:
    """Fisher's matrix of the free parameters that are on no bound, and which these are."""
    from qdmol.analysis.lifetime.kernels import expected, fisher_matrix

    slopes = np.zeros((found.slots.size, len(found.problem.counts)))
    mean = expected(found.problem, found.theta, slopes)
    matrix = fisher_matrix(found.problem, found.theta, mean, slopes, np.zeros(found.slots.size))
    inside = found.free & np.array([not found.at_bound(slot) for slot in range(found.slots.size)])
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
_REACH = 6.0  # standard deviations of a Gaussian that stay in fine bins


def coarsened(problem: Problem, found: Maximum) -> Problem:
    """Return the problem with bins joined, given a first maximum that knows where the response lies."""
    if len(problem.counts) < 200:
        return problem
    distance = _distance(problem, found)
    finest = _FINEST * math.exp(found.theta[found.slots.width]) if problem.kind == GAUSSIAN else 0.0
    return _joined(problem, _starts(problem, np.maximum(_SHARE * distance, finest)))


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


def _distance(problem: Problem, found: Maximum) -> Floats:
    """Time (n,) between the middle of each bin and the response of the pulse before or after it."""
    begin = end = float(found.theta[found.slots.shift])
    if problem.kind == GAUSSIAN:
        reach = _REACH * math.exp(found.theta[found.slots.width])
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
