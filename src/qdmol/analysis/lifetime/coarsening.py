"""Fewer bins for the same answer: bins far from the pulse are joined, where the decay is long known not to change fast.

A bin may be as wide as a fiftieth of its distance from the response. The model counts whole bins exactly, so nothing is
biased; of the information on a lifetime less than 1e-4 is lost, and thousands of bins become hundreds.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.likelihood import Maximum
from qdmol.analysis.lifetime.problem import GAUSSIAN, MEASURED, Problem

__all__ = ["coarsened"]

Floats = NDArray[np.float64]

_SHARE = 0.02
_REACH = 6.0  # standard deviations of a Gaussian that stay in fine bins


def coarsened(problem: Problem, found: Maximum) -> Problem:
    """Return the problem with bins joined, given a first maximum that knows where the response lies."""
    if len(problem.counts) < 200:
        return problem
    distance = _distance(problem, found)
    starts = _starts(problem, distance)
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


def _starts(problem: Problem, distance: Floats) -> NDArray[np.int64]:
    """First bins of the groups; a group is all used or all unused."""
    bin_ns = float(problem.edges[1] - problem.edges[0])
    size = np.maximum(np.floor(_SHARE * distance / bin_ns), 1.0)
    starts = [0]
    n = len(distance)
    used = problem.used
    for i in range(1, n):
        first = starts[-1]
        full = i - first >= min(size[first], size[i])
        if full or used[i] != used[first] or i == n - 1:
            starts.append(i)
    return np.array(starts, dtype=np.int64)
