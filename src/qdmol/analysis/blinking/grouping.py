"""Segments grouped into intensity levels: how many levels, which rates, which segment on which.

The counts n of a segment of length T on a level of rate r follow Poisson's law with mean r T; a segment is on level g
with the probability w_g. Rates and shares are those of the largest likelihood, by expectation maximisation (Dempster,
Laird and Rubin, J. R. Stat. Soc. B 39, 1 (1977)), for each number of levels from the best partition of the segments in
order of rate, which dynamic programming finds exactly. Up to a tenth of the segments may be on no level: those in which
several stays too short to be found follow each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize
from scipy.special import gammainc, gammaln, xlogy

from qdmol.arrays import Floats, Integers
from qdmol.errors import InputError

MOST_LEVELS = 20
_PATIENCE = 3  # further numbers of levels that are tried after the best
_SORTED = 256  # parts of the segments in order of rate, between which partitions are made
_RATES, _LENGTHS = 128, 10  # cells in which many segments are put together
_MANY = 1500  # segments
_ITERATIONS = 200
_TOLERANCE = 0.01  # of the logarithm of the likelihood
_RARE = 0.02  # share of segments and of time below which a level is not counted
_OFTEN = 0.3  # and above which it is, however many stays are too short to be found
_MOST_UNRESOLVED = 0.1  # share of segments that hold several levels too short to be told apart
_NARROWEST = math.log(10.0)  # range of ln(rate) that is thought possible, at least


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Levels of segments.

    Attributes
    ----------
    level : int64 (n,)
        Level of each segment, 0 for the darkest.
    rates_hz : float64 (G,)
        Rate of each level, rising.
    purest_hz : float64 (G,)
        Rate of those segments of each level that are least mixed with others: differs from `rates_hz` where levels were
        not counted.
    evidence : tuple of float
        Logarithm of the evidence for 1, 2, .. levels.
    continuum_evidence : float or None
        The same for rates that are drawn from a gamma law or evenly in ln(rate); None for a single segment.
    """

    level: Integers
    rates_hz: Floats
    purest_hz: Floats
    evidence: tuple[float, ...]
    continuum_evidence: float | None


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Segments, or many of about the same rate and length put together: counts, lengths (c,) and how many each is."""

    counts: Floats
    lengths: Floats
    number: Floats

    @property
    def segments(self) -> float:
        return float(self.number.sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Mixture:
    rates: Floats
    shares: Floats
    evidence: float


def group_levels(
    photons: ArrayLike,
    durations_s: ArrayLike,
    *,
    excess_noise: float = 1.0,
    resolution_s: float = 0.0,
    most: int = MOST_LEVELS,
) -> Grouping:
    """Group segments into intensity levels; their number is that of the largest evidence, less those that are rare.

    The evidence is the likelihood of a mixture of Poisson laws integrated over rates (evenly distributed in their
    logarithm over the range of the segments, at least a decade) and over shares (evenly distributed), by Laplace's
    approximation. A level is not counted if its share of the segments and of the time is below a fiftieth, or below the
    share of stays that were too short to be found: segments that hold such stays have rates between those of levels.

    Parameters
    ----------
    photons : (n,)
        Counts of each segment.
    durations_s : (n,)
        Lengths.
    excess_noise
        Variance over mean of the counts: logarithms of likelihoods are divided by it.
    resolution_s
        Shortest stay on a level that is found with certainty.
    most
        Levels that are tried at most.

    Raises
    ------
    InputError
        There is no segment, a count is negative or a length not above 0, or `most` is below 1.

    Examples
    --------
    >>> grouping = group_levels([100, 1020, 95, 980], [1.0, 1.0, 1.0, 1.0])
    >>> grouping.level
    array([0, 1, 0, 1])
    """
    counts, lengths = np.asarray(photons, dtype=np.float64), np.asarray(durations_s, dtype=np.float64)
    if counts.ndim != 1 or counts.shape != lengths.shape or not len(counts):
        raise InputError(field="photons", value=f"shape {counts.shape}", allowed="one row, as long as durations_s")
    if not (np.isfinite(counts).all() and counts.min() >= 0):
        raise InputError(field="photons", value=float(counts.min()), allowed="counts from 0")
    if not (np.isfinite(lengths).all() and lengths.min() > 0):
        raise InputError(field="durations_s", value=float(lengths.min()), allowed="above 0 s")
    if most < 1:
        raise InputError(field="most", value=most, allowed="at least 1")
    counts, lengths = counts / excess_noise, lengths / excess_noise
    cells = _cells(counts, lengths)
    width = _prior_width(cells)
    best: _Mixture | None = None
    evidence: list[float] = []
    for rates, shares in _partitions(cells, most):
        mixture = _maximise(cells, rates, shares, width)
        evidence.append(mixture.evidence)
        if best is None or mixture.evidence > best.evidence:
            best = mixture
        if len(evidence) - int(np.argmax(evidence)) > _PATIENCE:
            break
    assert best is not None  # there is at least one partition
    least = min(max(_RARE, resolution_s / (float(np.median(lengths)) * excess_noise)), _OFTEN)
    rates, level = _frequent(cells, best, width, (counts, lengths), least)
    continuum = _continuum_evidence(cells, width) if len(counts) > 1 else None
    purest = rates
    if len(rates) < len(best.rates):
        before = np.argmax(_logs(counts, lengths, best.rates, best.shares), axis=1)
        main = [int(np.argmax(np.bincount(before[level == g]))) for g in range(len(rates))]
        purest = best.rates[main]
    return Grouping(level, rates, purest, tuple(evidence), continuum)


def _frequent(
    cells: _Cells, mixture: _Mixture, width: float, segments: tuple[Floats, Floats], least: float
) -> tuple[Floats, Integers]:
    """Rates of the levels with a share of at least `least`, and the level of each segment; the rarest goes first."""
    counts, lengths = segments
    while True:
        level = np.argmax(_logs(counts, lengths, mixture.rates, mixture.shares), axis=1)
        groups = len(mixture.rates)
        often = np.bincount(level, minlength=groups) / len(level)
        time = np.bincount(level, lengths, minlength=groups) / lengths.sum()
        share = np.maximum(often, time)
        rarest = int(np.argmin(share))
        if share[rarest] >= least or groups == 1:
            return mixture.rates, level.astype(np.int64)
        others = np.arange(groups) != rarest
        shares = mixture.shares[others] / mixture.shares[others].sum()
        mixture = _maximise(cells, mixture.rates[others], shares, width)


def _cells(counts: Floats, lengths: Floats) -> _Cells:
    if len(counts) <= _MANY:
        return _Cells(counts, lengths, np.ones(len(counts)))
    rate, length = np.log((counts + 0.5) / lengths), np.log(lengths)
    # half the edges divide the range evenly, half the segments
    row = np.searchsorted(_edges(rate, _RATES), rate)
    column = np.searchsorted(_edges(length, _LENGTHS), length)
    _, cell, number = np.unique(row * (_LENGTHS + 1) + column, return_inverse=True, return_counts=True)
    return _Cells(np.bincount(cell, counts) / number, np.bincount(cell, lengths) / number, number.astype(np.float64))


def _edges(values: Floats, parts: int) -> Floats:
    even = np.linspace(values.min(), values.max(), parts // 2 + 1)[1:-1]
    return np.unique(np.concatenate([even, np.quantile(values, np.linspace(0, 1, parts // 2 + 1)[1:-1])]))


def _prior_width(cells: _Cells) -> float:
    rates = (cells.counts + 0.5) / cells.lengths
    return max(math.log(float(rates.max() / rates.min())), _NARROWEST)


def _partitions(cells: _Cells, most: int) -> list[tuple[Floats, Floats]]:
    """Rates and shares of the best partition into 1, 2, .. groups that follow each other in rate."""
    order = np.argsort(cells.counts / cells.lengths, kind="stable")
    parts = min(len(order), _SORTED)
    information = np.cumsum(np.sqrt(cells.counts[order] + 1.0) * cells.number[order])
    cuts = np.unique(np.searchsorted(information, np.linspace(0, information[-1], parts + 1)[1:-1], side="right"))
    if len(order) <= _SORTED:
        cuts = np.arange(1, len(order))
    starts = np.concatenate([[0], cuts[(cuts > 0) & (cuts < len(order))]])
    sums = [
        np.concatenate([[0.0], np.cumsum(np.add.reduceat((each * cells.number)[order], starts))])
        for each in (cells.counts, cells.lengths)
    ]
    photons, time = sums
    number = np.concatenate([[0.0], np.cumsum(np.add.reduceat(cells.number[order], starts))])
    n, t, s = (each[None, :] - each[:, None] for each in (photons, time, number))
    inside = s > 0
    safe_t, safe_s = np.where(inside, t, 1.0), np.where(inside, s, 1.0)
    gain = np.where(inside, xlogy(n, np.maximum(n, 0.0) / safe_t) + safe_s * np.log(safe_s / number[-1]), -np.inf)
    size = len(starts)
    best = gain[0].copy()
    back: list[Integers] = []
    results = []
    for groups in range(1, min(most, size) + 1):
        if groups > 1:
            total = best[:, None] + gain
            total[0] = -np.inf
            back.append(np.argmax(total, axis=0))
            best = np.max(total, axis=0)
        edges = [size]
        for step in reversed(back):
            edges.append(int(step[edges[-1]]))
        edges = [0, *reversed(edges)]
        rates = np.diff(photons[edges]) / np.diff(time[edges])
        results.append((rates, np.diff(number[edges]) / number[-1]))
    return results


def _logs(counts: Floats, lengths: Floats, rates: Floats, shares: Floats) -> Floats:
    """Logarithm of the probability of each count and level (n, G), but for the factorial of the count."""
    mean = lengths[:, None] * rates
    return np.asarray(xlogy(counts[:, None], mean) - mean + np.log(shares), dtype=np.float64)


def _log_sums(logs: Floats) -> Floats:
    """Logarithm of the sum of exponentials of each row (n, G)."""
    largest = logs.max(axis=1)
    return np.asarray(largest + np.log(np.exp(logs - largest[:, None]).sum(axis=1)), dtype=np.float64)


def _unresolved_logs(cells: _Cells, width: float) -> Floats:
    """As `_logs`, of counts (n,) whose rate may be any within the range, evenly in its logarithm."""
    return np.asarray(gammaln(cells.counts + 1.0) - np.log(cells.counts + 0.5) - math.log(width), dtype=np.float64)


def _maximise(cells: _Cells, rates: Floats, shares: Floats, width: float) -> _Mixture:
    """Rates and shares of the largest likelihood, from a start, and the evidence."""
    least = 1e-3 / float((cells.lengths * cells.number).sum())
    rates, shares = np.maximum(rates, least), np.maximum(shares, 1e-12)
    unresolved, mixed = _unresolved_logs(cells, width), 0.01
    total, weights = -math.inf, np.zeros((len(cells.counts), len(rates)))
    for _ in range(_ITERATIONS):
        before = total
        logs = _logs(cells.counts, cells.lengths, rates, shares) + math.log1p(-mixed)
        extra = unresolved + math.log(mixed)
        each = np.logaddexp(_log_sums(logs), extra)
        total = float(cells.number @ each)
        if total - before < _TOLERANCE:
            break
        weights = np.exp(logs - each[:, None]) * cells.number[:, None]
        mixed = float(np.clip(cells.number @ np.exp(extra - each) / cells.segments, 1e-6, _MOST_UNRESOLVED))
        shares = np.maximum(weights.sum(axis=0), 1e-12)
        shares = shares / shares.sum()
        time = np.maximum(cells.lengths @ weights, 1e-300)
        rates = np.maximum((cells.counts @ weights) / time, least)
    total -= float(cells.number @ gammaln(cells.counts + 1.0))
    order = np.argsort(rates)
    return _Mixture(rates[order], shares[order], total + _volume(cells, weights, shares, width))


def _volume(cells: _Cells, weights: Floats, shares: Floats, width: float) -> float:
    """Logarithm of the share of the prior that the likelihood leaves: Laplace's approximation."""
    groups = len(shares)
    photons = np.maximum(cells.counts @ weights, 1.0)
    rates = float((0.5 * np.log(2.0 * math.pi / photons) - math.log(width)).sum())
    segments = max(cells.segments, 2.0)
    held = np.maximum(shares, 1.0 / segments)
    # variances of shares: determinant of a multinomial; the prior is (G - 1)! and levels may be numbered in G! ways
    free = 0.5 * ((groups - 1) * math.log(2.0 * math.pi / segments) + float(np.log(held).sum()))
    several = free + float(gammaln(groups)) if groups > 1 else 0.0
    return rates + several + float(gammaln(groups + 1))


def _continuum_evidence(cells: _Cells, width: float) -> float:
    """Evidence of rates drawn from a gamma law, or evenly in ln(rate) between two limits: the larger of both."""
    counts, lengths, number = cells.counts, cells.lengths, cells.number
    rate = counts.dot(number) / lengths.dot(number)
    factorials = float(number @ gammaln(counts + 1.0))

    def gamma(logs: Floats) -> float:
        shape, scale = math.exp(logs[0]), math.exp(logs[1] - logs[0])
        mean = lengths * scale
        each = gammaln(counts + shape) - gammaln(shape) + xlogy(counts, mean) - (counts + shape) * np.log1p(mean)
        return -float(number @ each)

    bounds = ((math.log(1e-2), math.log(1e8)), (math.log(rate + 1e-300) - 5.0, math.log(rate + 1e-300) + 5.0))
    start = np.array([0.0, math.log(rate + 1e-300)])
    fit = optimize.minimize(gamma, start, method="Nelder-Mead", bounds=bounds, options={"maxfev": 120})
    # two parameters known to about one over the root of the number of segments, each within `width`
    volume = 2.0 * (0.5 * math.log(2.0 * math.pi / max(cells.segments, 2.0)) - math.log(width))
    even = max(_even_evidence(cells, power) for power in (0, 1))
    return max(float(-fit.fun) - factorials, even) + volume


def _even_evidence(cells: _Cells, power: int) -> float:
    """Likelihood of rates drawn evenly in the rate (`power` 0) or in its logarithm (1) between the outermost ones."""
    counts, lengths = cells.counts, cells.lengths
    rates = (counts + 0.5) / lengths
    # the outermost segments are not known better than their counts
    low, high = float(np.min(rates - np.sqrt(counts + 1.0) / lengths)), float(np.max(rates))
    low = max(low, 1e-3 * high)
    shape = counts + 1.0 - 0.999 * power
    inside = np.maximum(gammainc(shape, high * lengths) - gammainc(shape, low * lengths), 1e-300)
    integral = np.log(inside) + gammaln(shape) - gammaln(counts + 1.0) - (1 - power) * np.log(lengths)
    range_of = math.log(high / low) if power else high - low
    return float(cells.number @ (integral - math.log(range_of)))
