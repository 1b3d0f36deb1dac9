"""Loops that count delays by segment and fit a lifetime to each; compiled. Import inside functions.

In a window of the period behind the pulse, photons of one exponential that repeats with the period have the delays
u of exp(-u / tau) cut to the window, whatever the period, because the sum over earlier pulses is geometric; photons of
the background are even. With S photons of the first kind and the means b_j of the second in the bins j,

    ln L(tau) = sum_j n_j ln(S p_j(tau) + b_j),

where S is the number of photons less sum_j b_j.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats, Integers
from qdmol.photons import compiled

_STEPS = 60
_ENDS = 40
_LEAST = 10.0  # photons above background behind a lifetime


class Photons(NamedTuple):
    """Photons in order: `delays` and `channels` (N,), and the number of the first one."""

    delays: NDArray[np.uint32]
    channels: NDArray[np.uint8]
    first: int


class Plan(NamedTuple):
    """Where photons belong; n segments, B coarse bins behind the pulse.

    `ends` (n,) are numbers of the first photon behind each segment, `level` (n,) and `lengths` (n,) its level and
    length in s. A bin has `step` ticks, delays of a channel are moved by `shift_of` (256,) bins, `bin_of` is the coarse
    bin of each bin or -1. `edges` (B + 1,) are those of coarse bins in ns, `background` (B,) the photons in each per
    second, `limits` those of `fit_lifetime_of`.
    """

    ends: Integers
    level: Integers
    lengths: Floats
    step: int
    shift_of: Integers
    bin_of: Integers
    edges: Floats
    background: Floats
    limits: tuple[float, float, float]


class Counts(NamedTuple):
    """What is counted: the open segment (1,) and its delays (B,), those of levels (G, bins), lifetimes (3, n).

    No row of lifetimes where segments are not to be fitted.
    """

    state: Integers
    segment: Floats
    levels: Integers
    lifetimes: Floats


@compiled
def _log_likelihood(counts: Floats, edges: Floats, background: Floats, signal: float, theta: float) -> float:
    rate = math.exp(-theta)
    n = len(counts)
    all_of_it = -math.expm1(-rate * (edges[n] - edges[0]))
    total, left = 0.0, 1.0
    for j in range(n):
        right = math.exp(-rate * (edges[j + 1] - edges[0]))
        if counts[j] > 0:
            share = -math.expm1(-rate * (edges[j + 1] - edges[j])) * left / all_of_it
            total += counts[j] * math.log(signal * share + background[j] + 1e-300)
        left = right
    return total


@compiled
def _score(counts: Floats, edges: Floats, background: Floats, signal: float, theta: float) -> tuple[float, float]:
    """Derivative of the log-likelihood by theta = ln tau, and Fisher's information."""
    rate = math.exp(-theta)
    n = len(counts)
    width = edges[n] - edges[0]
    fall = math.exp(-rate * width)
    all_of_it = 1.0 - fall
    all_slope = -rate * width * fall
    score, information = 0.0, 0.0
    left, left_slope = 1.0, 0.0
    for j in range(n):
        x = rate * (edges[j + 1] - edges[0])
        right = math.exp(-x)
        right_slope = x * right
        share = (left - right) / all_of_it
        slope = (left_slope - right_slope - share * all_slope) / all_of_it
        mean = signal * share + background[j] + 1e-300
        score += counts[j] * signal * slope / mean
        information += (signal * slope) ** 2 / mean
        left, left_slope = right, right_slope
    return score, information


@compiled
def _end(
    counts: Floats, edges: Floats, background: Floats, signal: float, ends: tuple[float, float, float, float]
) -> float:
    """Where the log-likelihood has fallen by `ends[3]` from its largest value `ends[2]`, at `ends[0]`; nan if beyond.

    The root of the fall is nearly linear in ln tau: regula falsi (Illinois) between the maximum and `ends[1]`.
    """
    inside, outside, best, fall = ends
    target = math.sqrt(fall)
    above = math.sqrt(max(best - _log_likelihood(counts, edges, background, signal, outside), 0.0)) - target
    if above < 0.0:
        return math.nan
    below = -target
    kept = 0
    middle = outside
    for _ in range(_ENDS):
        middle = (inside * above - outside * below) / (above - below)
        value = math.sqrt(max(best - _log_likelihood(counts, edges, background, signal, middle), 0.0)) - target
        if abs(value) < 1e-3 * target:
            break
        if value > 0.0:
            outside, above = middle, value
            below = 0.5 * below if kept > 0 else below
            kept = 1
        else:
            inside, below = middle, value
            above = 0.5 * above if kept < 0 else above
            kept = -1
    return middle


@compiled
def best_log_likelihood(counts: Floats, edges: Floats, background: Floats, limits: tuple[float, float, float]) -> float:
    """Logarithm of the likelihood at the best lifetime within the limits; -inf for more background than photons."""
    photons, dark, moment = 0.0, 0.0, 0.0
    for j in range(len(counts)):
        photons += counts[j]
        dark += background[j]
        moment += (counts[j] - background[j]) * (0.5 * (edges[j] + edges[j + 1]) - edges[0])
    signal = photons - dark
    if signal <= 0.0:
        return -math.inf
    theta = _maximise(counts, edges, background, signal, moment, limits)
    return _log_likelihood(counts, edges, background, signal, theta)


@compiled
def _maximise(
    counts: Floats,
    edges: Floats,
    background: Floats,
    signal: float,
    moment: float,
    limits: tuple[float, float, float],
) -> float:
    """Find ln tau of the largest likelihood, by Fisher's scoring from the mean delay."""
    shortest, longest = math.log(limits[0]), math.log(limits[1])
    theta = math.log(min(max(moment / signal, limits[0]), limits[1]))
    for _ in range(_STEPS):
        score, information = _score(counts, edges, background, signal, theta)
        step = min(max(score / max(information, 1e-300), -0.7), 0.7)
        fresh = min(max(theta + step, shortest), longest)
        moved = abs(fresh - theta)
        theta = fresh
        if moved < 1e-7:
            break
    return theta


@compiled
def fit_lifetime_of(
    counts: Floats, edges: Floats, background: Floats, limits: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Lifetime and its interval; nan where there is none, inf as the high end where nothing bounds it.

    `limits` are the shortest and the longest lifetime, and the fall of the log-likelihood at the ends of the interval.
    """
    nothing = (math.nan, math.nan, math.nan)
    photons, dark, moment = 0.0, 0.0, 0.0
    for j in range(len(counts)):
        photons += counts[j]
        dark += background[j]
        moment += (counts[j] - background[j]) * (0.5 * (edges[j] + edges[j + 1]) - edges[0])
    signal = photons - dark
    if signal < _LEAST or signal < 3.0 * math.sqrt(dark):
        return nothing
    shortest, longest = math.log(limits[0]), math.log(limits[1])
    theta = _maximise(counts, edges, background, signal, moment, limits)
    if theta <= shortest + 1e-6 or theta >= longest - 1e-6:
        return nothing
    _, information = _score(counts, edges, background, signal, theta)
    best = _log_likelihood(counts, edges, background, signal, theta)
    reach = 1.5 * math.sqrt(2.0 * limits[2] / max(information, 1e-12))
    low = math.nan
    high = math.nan
    for _ in range(4):  # wider where the likelihood is not yet low enough there
        if math.isnan(low):
            least = max(theta - reach, shortest - 1.0)
            low = _end(counts, edges, background, signal, (theta, least, best, limits[2]))
        if math.isnan(high):
            most = min(theta + reach, longest + 1.0)
            high = _end(counts, edges, background, signal, (theta, most, best, limits[2]))
        reach *= 2.0
    tau_low = 0.0 if math.isnan(low) else math.exp(low)
    tau_high = math.inf if math.isnan(high) else math.exp(high)
    return math.exp(theta), tau_low, tau_high


@compiled
def count_segments(photons: Photons, plan: Plan, counts: Counts) -> None:
    """Count delays by segment and by level; fit each segment once its last photon has come."""
    s = counts.state[0]
    period = len(plan.bin_of)
    for i in range(len(photons.delays)):
        while s < len(plan.ends) and photons.first + i >= plan.ends[s]:
            if len(counts.lifetimes) > 0:
                background = plan.background * plan.lengths[s]
                tau, low, high = fit_lifetime_of(counts.segment, plan.edges, background, plan.limits)
                counts.lifetimes[0, s], counts.lifetimes[1, s], counts.lifetimes[2, s] = tau, low, high
            counts.segment[:] = 0.0
            s += 1
        if s >= len(plan.ends):
            break
        moved = np.int64(photons.delays[i]) // plan.step
        if moved >= period:
            continue
        moved += plan.shift_of[photons.channels[i]]
        if moved >= period:
            moved -= period
        counts.levels[plan.level[s], moved] += 1
        coarse = plan.bin_of[moved]
        if coarse >= 0:
            counts.segment[coarse] += 1.0
    counts.state[0] = s
