"""Fewer bins for the same answer: bins far from the pulse are joined, where the decay is long known not to change fast.

A bin may be as wide as a fiftieth of its distance from the response, or of the width of a Gaussian one. The model
counts whole bins exactly, so nothing is biased; of the information on a lifetime less than 1e-4 is lost, and thousands
of bins become hundreds.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.likelihood import Maximum
from qdmol.analysis.lifetime.problem import GAUSSIAN, MEASURED, Problem

__all__ = ["coarsened", "evenly_joined"]

Floats = NDArray[np.float64]

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
