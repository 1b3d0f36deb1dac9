"""Segments grouped into intensity levels: how many levels, which rates, which segment on which.

The counts n of a segment of length T on a level of rate r follow Poisson's law with mean r T; a segment is on level g
with the probability w_g. Rates and shares are those of the largest likelihood, by expectation maximisation (Dempster,
Laird and Rubin, J. R. Stat. Soc. B 39, 1 (1977)), for each number of levels from the best partition of the segments in
order of rate, which dynamic programming finds exactly. Up to a tenth of the segments may be on no level: those in which
several stays too short to be found follow each other. Where this leaves more than two levels, the rates of segments may
also scatter by up to 4 % about those of their levels, by a gamma law, as the light of a laser or the focus wanders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize
from scipy.special import gammainc, gammaln, xlogy

from qdmol.arrays import Floats, Integers
from qdmol.errors import InputError

MOST_LEVELS = 20
_PATIENCE = 3  # further numbers of levels that are tried after the best
_SORTED = 256  # parts of the segments in order of rate, between which partitions are made
_RATES, _LENGTHS = 64, 16  # cells in which many segments are put together
_MANY = 400  # segments
_ITERATIONS = 60
_SAMPLE = 2000  # segments behind the parameters of a continuum
_TOLERANCE = 0.03  # of the logarithm of the likelihood
_SPREADS = (0.01, 0.02, 0.04)  # of the rates of segments about their level, relative, that are tried
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
    spread : float
        Relative standard deviation of the rates of segments about that of their level, beyond their counts.
    evidence : tuple of float
        Logarithm of the evidence for 1, 2, .. levels.
    continuum_evidence : float or None
        The same for rates that are drawn from a gamma law or evenly in ln(rate); None for a single segment.
    """

    level: Integers
    rates_hz: Floats
    purest_hz: Floats
    spread: float
    evidence: tuple[float, ...]
    continuum_evidence: float | None


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Segments, or many of about the same rate and length put together.

    Means of counts and lengths (c,), how many segments each is, and the mean of what does not depend on the level,
    n ln T - ln n!: with it the logarithm of Poisson's law is exact for the sum of a cell, for it is linear in n and T.
    """

    counts: Floats
    lengths: Floats
    number: Floats
    constant: Floats

    @property
    def segments(self) -> float:
        """How many."""
        return float(self.number.sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Mixture:
    """Levels: rates and shares of the segments (G,), the shape of the gamma law about each, and the share on none."""

    rates: Floats
    shares: Floats
    shape: float = math.inf
    mixed: float = 0.01
    evidence: float = -math.inf


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
    every, cells = _alone(counts, lengths), _cells(counts, lengths)
    width = _prior_width(cells)
    partitions = _partitions(cells, most)
    sharp, evidence = _best_number(cells, partitions, width, math.inf)
    continuum = _continuum_evidence(every, width) if len(counts) > 1 else None
    # a continuum has no levels between which there could be mixtures
    is_mixed = continuum is None or continuum < sharp.evidence + _cell_error(every, cells, sharp, width)
    unresolved = resolution_s / (float(np.median(lengths)) * excess_noise) if is_mixed else 0.0
    least = min(max(_RARE, unresolved), _OFTEN)
    best, (rates, level) = sharp, _frequent(cells, sharp, width, every, least)
    if len(rates) > 2:  # two states whose intensity wanders a little look like many
        for spread in _SPREADS:
            other, others = _best_number(cells, partitions, width, spread**-2)
            if other.evidence <= best.evidence:
                break
            best, evidence = other, others
        if best is not sharp:
            rates, level = _frequent(cells, best, width, every, least)
    purest = rates
    if len(rates) < len(best.rates):
        before = np.argmax(_logs(every, sharp), axis=1)
        main = [int(np.argmax(np.bincount(before[level == g]))) for g in range(len(rates))]
        purest = sharp.rates[main]
    more = _cell_error(every, cells, best, width)
    return Grouping(level, rates, purest, best.shape**-0.5, tuple(each + more for each in evidence), continuum)


def _cell_error(every: _Cells, cells: _Cells, mixture: _Mixture, width: float) -> float:
    """What cells lack of the logarithm of the likelihood: the same for any number of levels, not for a continuum."""
    return _log_likelihood(every, mixture, width) - _log_likelihood(cells, mixture, width)


def _log_likelihood(cells: _Cells, mixture: _Mixture, width: float) -> float:
    logs = _log_sums(_logs(cells, mixture)) + math.log1p(-mixture.mixed)
    each = np.logaddexp(logs, _unresolved_logs(cells, width) + math.log(mixture.mixed))
    return float(cells.number @ (each + cells.constant))


def _best_number(
    cells: _Cells, partitions: Sequence[tuple[Floats, Floats]], width: float, shape: float
) -> tuple[_Mixture, list[float]]:
    """The mixture of the largest evidence, and the evidence for 1, 2, .. levels."""
    best: _Mixture | None = None
    evidence: list[float] = []
    for rates, shares in partitions:
        mixture = _maximise(cells, _Mixture(rates, shares, shape), width)
        evidence.append(mixture.evidence)
        if best is None or mixture.evidence > best.evidence:
            best = mixture
        if len(evidence) - int(np.argmax(evidence)) > _PATIENCE:
            break
    assert best is not None  # there is at least one partition
    return best, evidence


def _frequent(cells: _Cells, mixture: _Mixture, width: float, every: _Cells, least: float) -> tuple[Floats, Integers]:
    """Rates of the levels with a share of at least `least`, and the level of each segment; the rarest goes first."""
    lengths = every.lengths
    while True:
        level = np.argmax(_logs(every, mixture), axis=1)
        groups = len(mixture.rates)
        often = np.bincount(level, minlength=groups) / len(level)
        time = np.bincount(level, lengths, minlength=groups) / lengths.sum()
        share = np.maximum(often, time)
        rarest = int(np.argmin(share))
        if share[rarest] >= least or groups == 1:
            return mixture.rates, level.astype(np.int64)
        others = np.arange(groups) != rarest
        shares = mixture.shares[others] / mixture.shares[others].sum()
        mixture = _maximise(cells, replace(mixture, rates=mixture.rates[others], shares=shares), width)


def _alone(counts: Floats, lengths: Floats) -> _Cells:
    """Each segment in a cell of its own."""
    return _Cells(counts, lengths, np.ones(len(counts)), xlogy(counts, lengths) - gammaln(counts + 1.0))


def _cells(counts: Floats, lengths: Floats) -> _Cells:
    every = _alone(counts, lengths)
    if len(counts) <= _MANY:
        return every
    rate, length = np.log((counts + 0.5) / lengths), np.log(lengths)
    # half the edges divide the range evenly, half the segments
    row = np.searchsorted(_edges(rate, _RATES), rate)
    column = np.searchsorted(_edges(length, _LENGTHS), length)
    _, cell, number = np.unique(row * (_LENGTHS + 1) + column, return_inverse=True, return_counts=True)
    means = [np.bincount(cell, each) / number for each in (counts, lengths, every.constant)]
    return _Cells(means[0], means[1], number.astype(np.float64), means[2])


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


def _logs(cells: _Cells, mixture: _Mixture) -> Floats:
    """Logarithm of the probability of each count and level (c, G), less the constant of the cell."""
    n, mean = cells.counts[:, None], cells.lengths[:, None] * mixture.rates
    logs = xlogy(n, mixture.rates)
    shape = mixture.shape
    if math.isinf(shape):
        logs = logs - mean
    else:  # the rate of a segment is drawn from a gamma law about that of the level
        logs = logs + gammaln(n + shape) - gammaln(shape) - xlogy(n, shape) - (n + shape) * np.log1p(mean / shape)
    return np.asarray(logs + np.log(mixture.shares), dtype=np.float64)


def _log_sums(logs: Floats) -> Floats:
    """Logarithm of the sum of exponentials of each row (n, G)."""
    largest = logs.max(axis=1)
    return np.asarray(largest + np.log(np.exp(logs - largest[:, None]).sum(axis=1)), dtype=np.float64)


def _unresolved_logs(cells: _Cells, width: float) -> Floats:
    """As `_logs`, of counts (c,) whose rate may be any within the range, evenly in its logarithm."""
    return np.asarray(-np.log(cells.counts + 0.5) - math.log(width) - cells.constant, dtype=np.float64)


def _maximise(cells: _Cells, start: _Mixture, width: float) -> _Mixture:
    """Rates and shares of the largest likelihood, from a start, and the evidence."""
    least = 1e-3 / float((cells.lengths * cells.number).sum())
    rates, shares = np.maximum(start.rates, least), np.maximum(start.shares, 1e-12)
    unresolved, mixed = _unresolved_logs(cells, width), 0.01
    total, weights = -math.inf, np.zeros((len(cells.counts), len(rates)))
    for _ in range(_ITERATIONS):
        before = total
        mixture = replace(start, rates=rates, shares=shares)
        logs = _logs(cells, mixture) + math.log1p(-mixed)
        extra = unresolved + math.log(mixed)
        each = np.logaddexp(_log_sums(logs), extra)
        total = float(cells.number @ each)
        if total - before < _TOLERANCE:
            break
        weights = np.exp(logs - each[:, None]) * cells.number[:, None]
        mixed = float(np.clip(cells.number @ np.exp(extra - each) / cells.segments, 1e-6, _MOST_UNRESOLVED))
        shares = np.maximum(weights.sum(axis=0), 1e-12)
        shares = shares / shares.sum()
        # a long segment tells little more of its level than its own rate
        held = weights / (1.0 + cells.lengths[:, None] * rates / start.shape)
        rates = np.maximum((cells.counts @ held) / np.maximum(cells.lengths @ held, 1e-300), least)
    total += float(cells.number @ cells.constant)
    order = np.argsort(rates)
    known = weights / (1.0 + cells.counts[:, None] / start.shape)
    evidence = total + _volume(cells, known, shares, width)
    return _Mixture(rates[order], shares[order], start.shape, mixed, evidence)


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


def _continuum_evidence(every: _Cells, width: float) -> float:
    """Evidence of rates drawn from a gamma law, or evenly in the rate or in its logarithm between limits: the largest.

    The two parameters of each law are found from some of the segments where there are many.
    """
    sample = slice(None, None, -(-len(every.counts) // _SAMPLE))
    some = _Cells(every.counts[sample], every.lengths[sample], every.number[sample], every.constant[sample])
    rates = (some.counts + 0.5) / some.lengths
    mean = float((some.counts.sum() + 0.5) / some.lengths.sum())
    # limits from segments that know their rate best
    precise = rates[some.counts >= np.median(some.counts)]
    low, high = math.log(0.99 * float(precise.min())), math.log(1.01 * float(precise.max()))
    starts = (
        (_log_gamma, (0.0, math.log(mean))),
        (_log_even, (low, math.log(max(high - low, 1e-3)))),
        (_log_even_in_logarithm, (low, math.log(max(high - low, 1e-3)))),
    )
    best = -math.inf
    for law, start in starts:
        fit = optimize.minimize(
            lambda x, law=law: -law(some, x), np.array(start), method="Nelder-Mead", options={"maxfev": 80}
        )
        best = max(best, law(every, fit.x))
    # two parameters known to about one over the root of the number of segments, each within `width`
    return best + 2.0 * (0.5 * math.log(2.0 * math.pi / max(every.segments, 2.0)) - math.log(width))


def _log_gamma(cells: _Cells, logs: Floats) -> float:
    """Logarithm of the likelihood where rates have a gamma law; logarithms of its shape and mean."""
    shape = math.exp(min(max(logs[0], -5.0), 18.0))
    mean = cells.lengths * math.exp(min(max(logs[1], -300.0), 300.0)) / shape
    n = cells.counts
    each = gammaln(n + shape) - gammaln(shape) - gammaln(n + 1.0) + xlogy(n, mean) - (n + shape) * np.log1p(mean)
    return float(cells.number @ each)


def _log_even(cells: _Cells, logs: Floats) -> float:
    """The same where rates are spread evenly; logarithm of the lower limit, and of the difference of logarithms."""
    low, high = _limits_of(logs)
    inside = gammainc(cells.counts + 1.0, high * cells.lengths) - gammainc(cells.counts + 1.0, low * cells.lengths)
    each = np.log(np.maximum(inside, 1e-300)) - np.log(cells.lengths) - math.log(high - low)
    return float(cells.number @ each)


def _log_even_in_logarithm(cells: _Cells, logs: Floats) -> float:
    """The same where logarithms of rates are spread evenly."""
    low, high = _limits_of(logs)
    shape = cells.counts + 1e-3  # no rate is infinitely small
    inside = gammainc(shape, high * cells.lengths) - gammainc(shape, low * cells.lengths)
    each = np.log(np.maximum(inside, 1e-300)) + gammaln(shape) - gammaln(cells.counts + 1.0)
    return float(cells.number @ (each - math.log(math.log(high / low))))


def _limits_of(logs: Floats) -> tuple[float, float]:
    low = min(max(float(logs[0]), -300.0), 300.0)
    return math.exp(low), math.exp(low + math.exp(min(max(float(logs[1]), -12.0), 4.0)))
