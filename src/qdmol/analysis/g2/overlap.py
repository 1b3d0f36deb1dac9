"""Pulsed g2 where the peaks run into each other: a likelihood fit of two-sided decays, never boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.g2.peaks import Comb, repeated, two_sided
from qdmol.analysis.g2.values import PairHistogram
from qdmol.arrays import Floats
from qdmol.statistics import Fit, fit_counts

_BINS_A_PERIOD = 200
_MOST_COMPONENTS = 3
_SLOPE_FROM = 8  # side peaks from which on their decline with lag can be told from their scatter
_FIXED = 6  # parameters before those of the components
_PERIOD, _ZERO, _JITTER, _SLOPE, _CENTRE, _FLAT = range(_FIXED)


@dataclass(frozen=True, slots=True, eq=False)
class CombFit:
    """Result of the fit; areas in pairs.

    Attributes
    ----------
    centre : float
        Area of the centre; may be below 0 by chance.
    side : float
        Mean area of the side peaks in the window.
    flat : float
        Pairs a period that belong to no peak: those with steady background.
    covariance : (3, 3)
        Of centre, side and flat, all other parameters free.
    period_ns, zero_ns, jitter_ns : float
        Where the peaks lie and how wide the detectors make them (standard deviation of a difference).
    lifetimes_ns, shares : tuple of float
        Of the flanks, and their parts of the area.
    curve : (n,)
        Expected pairs in each bin of the histogram; NaN where a bin was masked.
    deviance, degrees : float, int
        Of the fit.
    settled : bool
        Whether the search converged.
    afterglow : float
        Pairs in sharp peaks beside the centre, where such were modelled.
    """

    centre: float
    side: float
    flat: float
    covariance: Floats
    period_ns: float
    zero_ns: float
    jitter_ns: float
    lifetimes_ns: tuple[float, ...]
    shares: tuple[float, ...]
    curve: Floats
    deviance: float
    degrees: int
    settled: bool
    afterglow: float = 0.0

    @property
    def leak(self) -> float:
        """Share of a peak's area that lies nearer to other peaks than to its own."""
        pairs = zip(self.lifetimes_ns, self.shares, strict=True)
        return float(sum(share * np.exp(-0.5 * self.period_ns / lifetime) for lifetime, share in pairs))


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    lag: Floats
    counts: Floats
    width: float
    open: NDArray[np.bool_]
    components: int
    spikes: tuple[tuple[float, float], ...]
    moving: tuple[int, ...]


def fit_comb(
    histogram: PairHistogram,
    comb: Comb,
    *,
    fixed_period: bool,
    mask: tuple[tuple[float, float], ...] = (),
    spikes: tuple[tuple[float, float], ...] = (),
    components: int | None = None,
) -> CombFit:
    """Fit an endless comb of two-sided exponential peaks with a centre of its own area to a histogram of pairs.

    Free are the lifetimes of the flanks (1 to 3, as many as the Bayesian information criterion wants), their areas, the
    detectors' jitter, the place of the comb, a flat level of uncorrelated pairs, from 8 side peaks on an exponential
    decline of the side peaks with lag (bunching), and the area of the centre, whose flanks are those of the side peaks.

    Parameters
    ----------
    histogram : PairHistogram
        Of at least three periods.
    comb : Comb
        Period and zero delay to start from.
    fixed_period : bool
        Whether the period is known exactly, as in T3.
    mask : tuple of (low, high)
        Lags in ns from the zero delay, to both sides, that are left out.
    spikes : tuple of (lag, width)
        Sharp peaks of afterglow or crosstalk at both signs of lag, in ns (width: standard deviation), to be fitted too.
    components : int or None
        Number of lifetimes; None lets the data choose.
    """
    numbers = tuple(range(1, _MOST_COMPONENTS + 1)) if components is None else (components,)
    problems = [_problem(histogram, comb, mask, number, spikes, fixed_period=fixed_period) for number in numbers]
    fit, problem = _best(problems, comb, least=-np.inf)
    if not fit.settled and fit.parameters[_CENTRE] < 0.0:
        # an empty centre: below 0 the expected counts reach 0, where the search only creeps
        fit, problem = _best(problems, comb, least=0.0)
    return _result(histogram, fit, problem)


def _best(problems: list[_Problem], comb: Comb, *, least: float) -> tuple[Fit, _Problem]:
    """Fit with as many components as the data want; the area of the centre is not below `least`."""
    best: tuple[Fit, _Problem] | None = None
    for problem in problems:
        fit = _fit(problem, comb, before=None if best is None else best[0], least=least)
        bins = int(problem.open.sum())
        if best is not None and best[0].settled and (not fit.settled or fit.evidence(bins) >= best[0].evidence(bins)):
            break
        best = (fit, problem)
    assert best is not None
    return best


def _problem(
    histogram: PairHistogram,
    comb: Comb,
    mask: tuple[tuple[float, float], ...],
    components: int,
    spikes: tuple[tuple[float, float], ...],
    *,
    fixed_period: bool,
) -> _Problem:
    join = max(1, int(comb.period_ns / (_BINS_A_PERIOD * histogram.bin_width_ns)))
    number = len(histogram.counts) // join * join
    lag = histogram.lag_ns[:number].reshape(-1, join).mean(axis=1)
    counts = histogram.counts[:number].reshape(-1, join).sum(axis=1).astype(np.float64)
    away = np.abs(lag - comb.zero_ns)
    open_ = np.ones(len(lag), dtype=np.bool_)
    for low, high in mask:
        open_ &= (away < low) | (away > high)
    sides = len(lag) * join * histogram.bin_width_ns / comb.period_ns - 1.0
    moving = (_ZERO, _JITTER, *(() if fixed_period else (_PERIOD,)), *((_SLOPE,) if sides >= _SLOPE_FROM else ()))
    return _Problem(lag, counts, join * histogram.bin_width_ns, open_, components, spikes, moving)


def _fit(problem: _Problem, comb: Comb, *, before: Fit | None, least: float) -> Fit:
    n, period = problem.components, comb.period_ns
    pairs_a_period = float(problem.counts.sum()) * period / (len(problem.lag) * problem.width)
    lifetimes = {1: [0.2], 2: [0.07, 0.3], 3: [0.03, 0.12, 0.4]}[n]
    if before is not None:  # the last fit's lifetimes, and a faster one
        known = np.exp(before.parameters[_FIXED : _FIXED + n - 1]) / period
        lifetimes = [0.25 * known.min(), *known]
    spread = 0.5 * period / (len(problem.lag) * problem.width)
    areas = np.full(n, np.log(max(pairs_a_period, 1.0) / n))
    head = [period, comb.zero_ns, 0.5 * problem.width, 0.0, 0.5 * pairs_a_period, 0.02 * pairs_a_period]
    start = np.array([*head, *np.log(np.array(lifetimes) * period), *areas, *[0.0] * len(problem.spikes)])
    free_period = spread * period if _PERIOD in problem.moving else 0.0
    free_slope = 0.5 if _SLOPE in problem.moving else 0.0
    shortest, longest = np.log(max(0.3 * problem.width, 1e-4 * period)), np.log(5.0 * period)
    low = [period - free_period, comb.zero_ns - 0.25 * period, 0.0, -free_slope, least, 0.0]
    high = [period + free_period, comb.zero_ns + 0.25 * period, 0.05 * period, free_slope, np.inf, np.inf]
    low += [shortest] * n + [-10.0] * n + [0.0] * len(problem.spikes)
    high += [longest] * n + [50.0] * n + [np.inf] * len(problem.spikes)
    use = problem.open

    def model(values: Floats) -> tuple[Floats, Callable[[], Floats]]:
        expected, slopes = _model(problem, values)
        return expected[use], lambda: slopes()[use]

    return fit_counts(model, start, problem.counts[use], low=np.array(low), high=np.array(high))


def _shapes(problem: _Problem, values: Floats, k: int, *, centre: Floats | None = None) -> tuple[Floats, Floats]:
    """Centre and side peaks of component k, area 1 each; a `centre` that is known is not computed again."""
    lag = problem.lag - values[_ZERO]
    jitter = float(np.hypot(values[_JITTER], problem.width / np.sqrt(12.0)))  # a bin blurs as well
    lifetime = float(np.exp(values[_FIXED + k]))
    if centre is None:
        centre = two_sided(lag, lifetime, jitter)
    return centre, repeated(lag, values[_PERIOD], lifetime, jitter) - centre


def _peaks(problem: _Problem, values: Floats, shapes: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Centre and side peaks of one component in pairs a bin, the side peaks declining with lag."""
    centre, others = shapes
    decline = np.exp(-values[_SLOPE] * np.abs(problem.lag - values[_ZERO]) / values[_PERIOD])
    return centre * problem.width, others * decline * problem.width


def _moved_peaks(
    problem: _Problem, values: Floats, k: int, index: int, shapes: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Peaks of component k after a step in one parameter, from what the step leaves as it is."""
    if index != _SLOPE:
        shapes = _shapes(problem, values, k, centre=shapes[0] if index == _PERIOD else None)
    return _peaks(problem, values, shapes)


def _model(problem: _Problem, values: Floats) -> tuple[Floats, Callable[[], Floats]]:
    """Expected pairs (n,), and a function that gives their derivatives (n, p)."""
    n, width = problem.components, problem.width
    areas = np.exp(values[_FIXED + n : _FIXED + 2 * n])
    shares = areas / areas.sum()
    expected = np.full(len(problem.lag), values[_FLAT] * width / values[_PERIOD])
    shapes = [_shapes(problem, values, k) for k in range(n)]
    parts = [_peaks(problem, values, each) for each in shapes]
    for k, (centre, others) in enumerate(parts):
        expected += areas[k] * others + values[_CENTRE] * shares[k] * centre
    spikes = [
        _spike(problem.lag - values[_ZERO], lag, float(np.hypot(spread, width / np.sqrt(12.0)))) * width
        for lag, spread in problem.spikes
    ]
    for k, spike in enumerate(spikes):
        expected += values[_FIXED + 2 * n + k] * spike

    def slopes() -> Floats:
        derivatives = np.zeros((len(problem.lag), len(values)))
        derivatives[:, _FLAT] = width / values[_PERIOD]
        none = np.zeros(len(problem.lag))
        mean_centre = sum((share * part[0] for share, part in zip(shares, parts, strict=True)), none)
        derivatives[:, _CENTRE] = mean_centre
        for k, (centre, others) in enumerate(parts):
            derivatives[:, _FIXED + n + k] = areas[k] * others + values[_CENTRE] * shares[k] * (centre - mean_centre)
            for index in (*problem.moving, _FIXED + k):
                step = np.zeros(len(values))
                step[index] = 1e-6 * max(values[_PERIOD], 1e-3) if index in (_PERIOD, _ZERO, _JITTER) else 1e-6
                moved = _moved_peaks(problem, values + step, k, index, shapes[k])
                change = areas[k] * (moved[1] - others) + values[_CENTRE] * shares[k] * (moved[0] - centre)
                derivatives[:, index] += change / step[index]
        for k, spike in enumerate(spikes):
            derivatives[:, _FIXED + 2 * n + k] = spike
        return derivatives

    return expected, slopes


def _spike(lag: Floats, place: float, spread: float) -> Floats:
    """Half a pair at either sign of lag."""
    both = np.exp(-0.5 * ((lag - place) / spread) ** 2) + np.exp(-0.5 * ((lag + place) / spread) ** 2)
    return np.asarray(0.5 * both / (spread * np.sqrt(2.0 * np.pi)), dtype=np.float64)


def _result(histogram: PairHistogram, fit: Fit, problem: _Problem) -> CombFit:
    n, values = problem.components, fit.parameters
    areas = np.exp(values[_FIXED + n : _FIXED + 2 * n])
    orders = _side_orders(problem, values)
    decline = np.exp(-values[_SLOPE] * orders)
    side = float(areas.sum() * decline.mean())
    centre = float(values[_CENTRE])
    slopes = np.zeros((3, len(values)))  # of centre, side and flat
    slopes[0, _CENTRE] = slopes[2, _FLAT] = 1.0
    slopes[1, _FIXED + n : _FIXED + 2 * n] = side * areas / areas.sum()
    slopes[1, _SLOPE] = -side * float((orders * decline).sum() / decline.sum())
    order = np.argsort(values[_FIXED : _FIXED + n])
    join = round(problem.width / histogram.bin_width_ns)
    curve = np.full(len(histogram.counts), np.nan)
    expected = np.where(problem.open, _model(problem, values)[0], np.nan)
    curve[: len(expected) * join] = np.repeat(expected / join, join)
    return CombFit(
        centre=centre,
        side=side,
        flat=float(values[_FLAT]),
        covariance=slopes @ fit.covariance @ slopes.T,
        period_ns=float(values[_PERIOD]),
        zero_ns=float(values[_ZERO]),
        jitter_ns=float(values[_JITTER]),
        lifetimes_ns=tuple(float(v) for v in np.exp(values[_FIXED : _FIXED + n])[order]),
        shares=tuple(float(v) for v in (areas / areas.sum())[order]),
        curve=curve,
        deviance=fit.deviance,
        degrees=int(problem.open.sum()) - int((np.diag(fit.covariance) > 0).sum()),
        settled=fit.settled,
        afterglow=float(values[_FIXED + 2 * n :].sum()),
    )


def _side_orders(problem: _Problem, values: Floats) -> Floats:
    """Periods from the centre of each side peak within the window."""
    first = np.ceil((problem.lag[0] - values[_ZERO]) / values[_PERIOD])
    last = np.floor((problem.lag[-1] - values[_ZERO]) / values[_PERIOD])
    orders = np.arange(first, last + 1)
    return np.asarray(np.abs(orders[orders != 0]), dtype=np.float64)
