"""Laws of dwell times: likelihood of times that are bounded, binned and cut, evidence, intervals, goodness of fit.

A recording of fixed length is a renewal process that is stopped: its dwells are independent, and the last of a
recording is cut by its end. The likelihood of such a recording is exact as the density of each whole dwell times the
survival function of the dwell that is cut, with laws that have no upper bound. (Laws that end at the length of the
recording are biased: whether a long dwell is seen depends on when it starts.) Only dwells from a shortest one on count,
each with its probability given that it is at least so long; nothing is assumed of shorter ones.

All laws are a density proportional to x^-a exp(-x/t): the power law has no t, the exponential has a = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.estimates import Estimate
from qdmol.statistics import chi2_quantile, chi2_tail

LawName = Literal["power law", "power law with cut-off", "exponential"]
Rounding = Literal["ends", "nearest", "down"]

LAWS: Final[tuple[LawName, ...]] = ("power law", "power law with cut-off", "exponential")
FEWEST_DWELLS: Final = 20  # whole dwells: below, no law is fitted
REJECTED_BELOW: Final = 0.01  # a right law is rejected in 1 % of recordings
LEAST_PROBABILITY: Final = 0.01  # a law less probable than this beside the others is not the result

_EXPONENTS: Final = (0.0, 5.0)  # prior of the exponent: uniform; from 1 on where there is no cut-off
_SHORTEST_SCALE: Final = 0.1  # prior of a cut-off or mean: uniform logarithm, from this times the shortest dwell
_SCANNED: Final = (-3.0, 12.0)  # exponents that are looked at
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
_NODES, _WEIGHTS = 0.5 * (_NODES + 1.0), 0.5 * _WEIGHTS
_FEW_NODES, _FEW_WEIGHTS = np.polynomial.legendre.leggauss(6)
_FEW_NODES, _FEW_WEIGHTS = 0.5 * (_FEW_NODES + 1.0), 0.5 * _FEW_WEIGHTS
_EXACT_BINS: Final = 12  # dwells of more bins: the bin as a series, with an error below 1e-4 of the probability
_DROP_95: Final = 0.5 * float(chi2_quantile(0.95, 1))
_GRID: Final = 65  # scales at which the likelihood is computed
_CELLS: Final = 30
_CELL_COUNT: Final = 6.0  # dwells expected in a cell of the test


@dataclass(frozen=True, slots=True)
class DwellLaw:
    """A law fitted to the dwell times of one state.

    Attributes
    ----------
    name : "power law", "power law with cut-off" or "exponential"
    parameters : mapping of str to Estimate
        With 95 % intervals of the profile likelihood. Power law: `exponent`. With cut-off: `exponent` and `cutoff_s`,
        whose high end is infinite where the data are also those of a power law without. Exponential: `mean_s`.
    log_evidence : float
        Logarithm of the likelihood averaged over the prior; only differences between laws matter. Priors: exponent
        uniform from 1 to 5, with cut-off from 0 to 5; logarithm of the cut-off or the mean uniform from a tenth of
        the shortest dwell to the length of the recording.
    probability : float
        Of this law if one of the three is right and each was as likely before.
    p_value : float or None
        Of the goodness of fit: how often data that follow the law fit it no better. None where the dwells are too few
        to tell.
    rejected : bool
        Whether `p_value` is below 0.01.
    """

    name: LawName
    parameters: Mapping[str, Estimate]
    log_evidence: float
    probability: float
    p_value: float | None
    rejected: bool


def scaled_integral(exponent: ArrayLike, scale: ArrayLike) -> Floats:
    """Integral of x^-a exp(-z (x - 1)) for x from 1 to infinity: the exponential integral E_a(z) times exp(z).

    It is z^(a - 1) exp(z) times the incomplete gamma function of 1 - a, which SciPy has for a below 1 only; here by 96
    nodes of Gauss-Legendre in ln x, to 1e-9 for z from 1e-9 to 100 and a from -3 to 12.

    Parameters
    ----------
    exponent, scale : array_like
        a and z of one broadcast shape; z >= 0. For z = 0 the result is 1 / (a - 1), infinite for a <= 1.
    """
    a, z = np.broadcast_arrays(np.asarray(exponent, np.float64), np.asarray(scale, np.float64))
    cut = z > 0
    plain = np.where(a > 1.0, 1.0 / np.where(a > 1.0, a - 1.0, 1.0), np.inf)
    if not cut.any():
        return np.asarray(plain, dtype=np.float64)
    if not a.any():  # exponential
        return np.asarray(np.where(cut, 1.0 / np.where(cut, z, 1.0), np.inf), dtype=np.float64)
    safe = np.where(cut, z, 1.0)
    reach = np.log1p((45.0 + 10.0 * np.maximum(1.0 - a, 0.0)) / safe)
    y = reach[..., None] * _NODES
    with np.errstate(under="ignore"):
        inside = np.exp((1.0 - a)[..., None] * y - safe[..., None] * np.expm1(y))
    value = reach * (inside @ _WEIGHTS)
    return np.asarray(np.where(cut, value, plain), dtype=np.float64)


def log_survival(exponent: ArrayLike, scale: ArrayLike, ratio: ArrayLike) -> Floats:
    """Logarithm of the share of dwells that last longer than `ratio` times the shortest.

    Parameters
    ----------
    exponent, scale : array_like
        a, and shortest dwell over cut-off time (0 for none).
    ratio : array_like
        Dwell over shortest dwell; below 1 the share is 1.
    """
    r = np.maximum(np.asarray(ratio, np.float64), 1.0)
    a, v = np.asarray(exponent, np.float64), np.asarray(scale, np.float64)
    return np.asarray(
        (1.0 - a) * np.log(r) - v * (r - 1.0) + np.log(scaled_integral(a, v * r)) - np.log(scaled_integral(a, v)),
        dtype=np.float64,
    )


def survival(law: DwellLaw, times_s: ArrayLike, *, shortest_s: float) -> Floats:
    """Share of the dwells from `shortest_s` on that last longer than `times_s` (n,), by a fitted law."""
    exponent = law.parameters["exponent"].value if "exponent" in law.parameters else 0.0
    name = "cutoff_s" if law.name == "power law with cut-off" else "mean_s"
    scale = shortest_s / law.parameters[name].value if name in law.parameters else 0.0
    ratio = np.asarray(times_s, np.float64) / shortest_s
    return np.asarray(np.exp(log_survival(exponent, scale, ratio)), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Bins:
    """What a dwell of k bins says of its length x: k = x / bin + offset + something between -reach and reach.

    The probability of that something is uniform for a rounded length; where both ends of the dwell are rounded it is a
    triangle, for the phase of its beginning is uniform.
    """

    width: float  # over the shortest length of the law
    offset: float
    triangle: bool

    def nodes(self) -> tuple[Floats, Floats]:
        """Nodes and weights of the average over the bin, in bins."""
        x, w = _FEW_NODES, _FEW_WEIGHTS
        if not self.triangle:
            return x - 0.5, w
        return np.concatenate([-x, x]), np.concatenate([w * (1.0 - x), w * (1.0 - x)])


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """Dwell times over the shortest length of the law, as far as the likelihood needs them."""

    whole: Floats  # sorted; for bins the middle of the bin
    cut: Floats  # for bins, as `whole`
    counts: NDArray[np.int64]  # dwells in bins of both: whole ones (k), empty without bins
    cut_counts: NDArray[np.int64]
    fewest: int  # shortest dwell in bins
    bins: _Bins | None
    unit_s: float
    longest: float  # of the recording

    @property
    def number(self) -> int:
        return len(self.whole)

    def survival_of_bins(self, a: Floats, v: Floats, counts: ArrayLike) -> Floats:
        """Logarithm of the share of all dwells from the unit on that are measured as `counts` bins or more."""
        assert self.bins is not None
        k = np.asarray(counts, np.float64)
        edge = (k - 0.5 - self.bins.offset) * self.bins.width
        if not self.bins.triangle:
            return log_survival(a, v, edge)
        phases = edge[..., None] + (_FEW_NODES - 0.5) * self.bins.width
        logs = log_survival(np.asarray(a)[..., None], np.asarray(v)[..., None], phases)
        top = logs[..., :1]
        with np.errstate(under="ignore", invalid="ignore"):
            return np.asarray(top[..., 0] + np.log(np.exp(logs - top) @ _FEW_WEIGHTS), dtype=np.float64)

    def survival_at(self, a: Floats, v: Floats, edges: Floats) -> Floats:
        """Logarithm of the share of the sample's dwells beyond `edges`: times, or numbers of bins."""
        if self.bins is None:
            return log_survival(a, v, edges)
        return self.survival_of_bins(a, v, edges) - self.survival_of_bins(a, v, np.float64(self.fewest))

    def likelihood(self) -> Callable[[Floats, Floats], Floats]:
        """Logarithm of the likelihood as a function of exponents and scales of one shape (...)."""
        number, logs, total = self.number, float(np.log(self.whole).sum()), float((self.whole - 1.0).sum())
        cut = self.cut if self.bins is None else self.cut_counts.astype(np.float64)
        cut, times = np.unique(cut, return_counts=True)
        binned = None if self.bins is None else self._bin_terms()

        def value(a: Floats, v: Floats) -> Floats:
            a, v = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(v, np.float64))
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                sum_ = -a * logs - v * total - number * np.log(scaled_integral(a, v))
                if binned is not None:
                    sum_ = sum_ + binned(a, v) - number * self.survival_of_bins(a, v, np.float64(self.fewest))
                for edge, repeats in zip(cut, times, strict=True):
                    sum_ = sum_ + repeats * self.survival_at(a, v, np.asarray(edge))
            return np.asarray(np.where(np.isfinite(sum_), sum_, -np.inf), dtype=np.float64)

        return value

    def _bin_terms(self) -> Callable[[Floats, Floats], Floats]:
        """Sum over dwells of the logarithm of density averaged over the bin, over that in its middle, times width."""
        bins = self.bins
        assert bins is not None
        few = self.counts <= _EXACT_BINS
        middle, repeats = np.unique(self.whole[few], return_counts=True)
        many = self.whole[~few] / bins.width
        inverse, square = float((1.0 / many).sum()), float((many**-2.0).sum())
        u, w = bins.nodes()
        width = bins.width
        variance = 1.0 / 6.0 if bins.triangle else 1.0 / 12.0
        logs = np.log1p(u * width / middle[:, None]) if len(middle) else np.zeros((0, len(u)))

        def value(a: Floats, v: Floats) -> Floats:
            sum_ = np.full(a.shape, self.number * math.log(width))
            if len(logs):
                inside = np.exp(-a[..., None, None] * logs - (v[..., None, None] * width) * u) @ w
                sum_ += np.log(inside) @ repeats
            if len(many):
                half = 0.5 * v * width
                flat = np.where(half > 1e-4, np.sinh(np.minimum(half, 300.0)) / np.where(half > 0, half, 1.0), 1.0)
                sum_ += len(many) * (2.0 if bins.triangle else 1.0) * np.log(flat)
                sum_ += 0.5 * variance * (a * (a + 1.0) * square + 2.0 * a * v * width * inverse)
            return np.asarray(sum_)

        return value


def fit_dwell_laws(
    durations_s: ArrayLike,
    *,
    shortest_s: float,
    recording_s: float,
    censored: ArrayLike | None = None,
    bin_s: float | None = None,
    rounding: Rounding = "ends",
) -> tuple[DwellLaw, ...]:
    """Fit the three laws to dwell times, and compare them.

    Parameters
    ----------
    durations_s : float (n,)
        Dwell times; those below `shortest_s` are left out. A dwell that was under way when the recording began must not
        be among them: long dwells are met more often than they begin.
    shortest_s : float
        Dwell from which on all are seen, and the law is to hold.
    recording_s : float
        Length of the recording: the upper end of the prior for the cut-off and the mean. It is no bound of the laws.
    censored : bool (n,) or None
        Dwells that the end of the recording has cut.
    bin_s : float or None
        Bin width of which the times are multiples; None for times as they are.
    rounding : "ends", "nearest" or "down"
        What k bins mean. "ends": beginning and end were each rounded to the nearest edge of a bin, as in a binned trace
        in which a bin belongs to the state that fills the larger part of it: the length is between k - 1 and k + 1
        bins, with a triangular weight. "nearest", "down": the length was rounded.

    Returns
    -------
    tuple of DwellLaw
        In the order of `LAWS`. Goodness of fit: dwells in up to 30 cells of equal probability, compared with those at
        risk as in a life table, which holds with dwells that are cut; the effect of fitted parameters is projected out
        (Dzhaparidze and Nikulin, Theory Probab. Appl. 19, 851, 1974), so that the statistic is chi-square.

    Raises
    ------
    InputError
        A number is out of range.
    DataError
        There are fewer than 20 whole dwells from `shortest_s` on, or all are of the same length.
    """
    sample = _sample(durations_s, shortest_s, recording_s, censored, bin_s, rounding)
    value = sample.likelihood()
    fits = (_fit_power(value), _fit_cutoff(sample, value), _fit_exponential(sample, value))
    evidence = np.array([fit.log_evidence for fit in fits])
    if not np.isfinite(evidence.max()):
        raise DataError("The dwell times lie so close together that none of the laws can describe them.")
    weights = np.exp(evidence - evidence.max())
    weights = weights / weights.sum()
    laws = []
    for name, fit, probability in zip(LAWS, fits, weights, strict=True):
        p_value = _goodness(sample, fit)
        rejected = p_value is not None and p_value < REJECTED_BELOW
        laws.append(DwellLaw(name, dict(fit.parameters), fit.log_evidence, float(probability), p_value, rejected))
    return tuple(laws)


def best_law(laws: tuple[DwellLaw, ...]) -> DwellLaw | None:
    """Most probable law of those that are not rejected; None where all are, or the others exclude it."""
    kept = [law for law in laws if not law.rejected and law.probability >= LEAST_PROBABILITY]
    return max(kept, key=lambda law: law.probability, default=None)


def _sample(
    durations_s: ArrayLike,
    shortest_s: float,
    recording_s: float,
    censored: ArrayLike | None,
    bin_s: float | None,
    rounding: Rounding,
) -> _Sample:
    durations = np.asarray(durations_s, np.float64).ravel()
    cut = np.zeros(len(durations), np.bool_) if censored is None else np.asarray(censored, np.bool_).ravel()
    if len(cut) != len(durations):
        raise InputError(field="censored", value=len(cut), allowed=f"one for each of {len(durations)} dwell times")
    if not np.all(np.isfinite(durations)) or np.any(durations < 0):
        raise InputError(field="durations_s", value="some", allowed="finite numbers from 0 s")
    for name, number in (("shortest_s", shortest_s), ("recording_s", recording_s), ("bin_s", bin_s)):
        if number is not None and not (math.isfinite(number) and number > 0):
            raise InputError(field=name, value=number, allowed="above 0 s")
    if rounding not in ("ends", "nearest", "down"):
        raise InputError(field="rounding", value=rounding, allowed="one of ends, nearest, down")
    lengths: Floats
    if bin_s is None:
        counts, fewest, unit = np.zeros(len(durations), np.int64), 0, shortest_s
        bins, lengths = None, durations / unit
        kept = lengths >= 1.0
    else:
        triangle, offset = rounding == "ends", -0.5 if rounding == "down" else 0.0
        least = 2 if triangle else 1
        fewest = max(math.ceil(shortest_s / bin_s - 1e-6), least)
        counts = np.rint(durations / bin_s).astype(np.int64)
        unit = (fewest - (1.0 if triangle else 0.5 + offset)) * bin_s
        bins = _Bins(bin_s / unit, offset, triangle)
        lengths = np.asarray((counts - offset) * bins.width, dtype=np.float64)
        kept = counts >= fewest
    whole = kept & ~cut
    order = np.argsort(lengths[whole])
    number = int(whole.sum())
    if number < FEWEST_DWELLS:
        raise DataError(
            f"{number} whole dwells of at least {shortest_s:.3g} s are too few for a law; {FEWEST_DWELLS} are needed."
        )
    if np.ptp(lengths[whole]) <= 0:
        raise DataError("All dwells last equally long; no law of dwell times can be fitted to them.")
    return _Sample(
        whole=lengths[whole][order],
        cut=lengths[kept & cut],
        counts=counts[whole][order],
        cut_counts=counts[kept & cut],
        fewest=fewest,
        bins=bins,
        unit_s=unit,
        longest=max(recording_s / unit, float(lengths[whole].max())),
    )


@dataclass(frozen=True, slots=True)
class _LawFit:
    exponent: float
    scale: float  # unit over cut-off or mean
    free: tuple[bool, bool]
    parameters: Mapping[str, Estimate]
    log_evidence: float


def _maximum(function: Callable[[Floats], Floats], low: float, high: float) -> tuple[float, float]:
    """Place and height of the highest point of a function with one maximum."""
    first, last = low, high
    for _ in range(5):
        grid = np.linspace(first, last, 33)
        values = function(grid)
        best = int(np.argmax(values))
        first, last = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 32)])
    return float(grid[best]), float(values[best])


def _end(function: Callable[[Floats], Floats], best: float, bound: float, target: float) -> float | None:
    """Where a function that falls from `best` towards `bound` reaches `target`; None if it does not."""
    sign = 1.0 if bound > best else -1.0
    span = abs(bound - best)
    if span <= 0:
        return None
    steps = best + sign * span * np.concatenate([np.geomspace(1e-5, 1.0, 41)])
    below = np.flatnonzero(function(steps) < target)
    if len(below) == 0:
        return None
    outer = float(steps[below[0]])
    inner = float(steps[below[0] - 1]) if below[0] else best
    for _ in range(2):
        grid = np.linspace(inner, outer, 25)
        values = function(grid)
        k = max(int(np.argmax(values < target)), 1)
        inner, outer = float(grid[k - 1]), float(grid[k])
    above, under = float(values[k - 1]), float(values[k])
    if not math.isfinite(under) or above <= under:
        return inner
    return inner + (outer - inner) * min((above - target) / (above - under), 1.0)


def _integral(
    function: Callable[[Floats], Floats],
    best: float,
    height: float,
    scanned: tuple[float, float],
    prior: tuple[float, float],
) -> float:
    """Logarithm of the average of exp(function) over a uniform prior."""
    low, high = (_end(function, best, bound, height - 25.0) for bound in scanned)
    first = max(scanned[0] if low is None else low, prior[0])
    last = min(scanned[1] if high is None else high, prior[1])
    if not last > first:
        return -math.inf
    grid = np.linspace(first, last, 241)
    values = function(grid)
    return float(_log_trapezoid(values, grid) - math.log(prior[1] - prior[0]))


def _log_trapezoid(values: Floats, grid: Floats) -> float:
    weights = np.gradient(grid)
    weights[[0, -1]] *= 0.5 if len(grid) > 1 else 1.0
    weights[0], weights[-1] = 0.5 * (grid[1] - grid[0]), 0.5 * (grid[-1] - grid[-2])
    return float(special.logsumexp(values, b=weights))


def _fit_power(value: Callable[[Floats, Floats], Floats]) -> _LawFit:
    zero = np.zeros(1)

    def profile(a: Floats) -> Floats:
        return value(a, zero)

    scanned = (1.0 + 1e-6, 60.0)
    exponent, height = _maximum(lambda logs: profile(1.0 + np.exp(logs)), -13.0, 4.0)
    exponent = 1.0 + math.exp(exponent)
    low, high = (_end(profile, exponent, bound, height - _DROP_95) for bound in scanned)
    estimate = Estimate(exponent, 1.0 if low is None else low, math.inf if high is None else high)
    evidence = _integral(profile, exponent, height, scanned, (1.0, _EXPONENTS[1]))
    return _LawFit(exponent, 0.0, (True, False), {"exponent": estimate}, evidence)


def _scale_range(sample: _Sample) -> tuple[float, float]:
    """Prior of the logarithm of unit over cut-off or mean."""
    return -math.log(sample.longest), -math.log(_SHORTEST_SCALE)


def _fit_exponential(sample: _Sample, value: Callable[[Floats, Floats], Floats]) -> _LawFit:
    zero = np.zeros(1)

    def profile(logs: Floats) -> Floats:
        return value(zero, np.exp(logs))

    prior = _scale_range(sample)
    scanned = (prior[0] - 7.0, prior[1] + 4.0)
    best, height = _maximum(profile, *scanned)
    low, high = (_end(profile, best, bound, height - _DROP_95) for bound in scanned)
    ends = (0.0 if high is None else math.exp(-high), math.inf if low is None else math.exp(-low))
    mean = Estimate(sample.unit_s * math.exp(-best), sample.unit_s * ends[0], sample.unit_s * ends[1], "s")
    evidence = _integral(profile, best, height, scanned, prior)
    return _LawFit(0.0, math.exp(best), (False, True), {"mean_s": mean}, evidence)


def _best_exponents(
    value: Callable[[Floats, Floats], Floats], v: Floats, start: Floats, *, step: float = 1e-3
) -> tuple[Floats, Floats, Floats]:
    """Best exponent at each scale (B,), its likelihood, and the curvature there: the likelihood is concave."""
    a, shifts = start.copy(), np.array([-step, 0.0, step])
    best = np.full(a.shape, -np.inf)
    for _ in range(60):
        lower, middle, upper = np.moveaxis(value(a[:, None] + shifts, v[:, None]), 1, 0)
        slope, bend = (upper - lower) / (2 * step), (upper - 2 * middle + lower) / step**2
        best = middle
        move = np.clip(np.where(bend < 0, -slope / np.where(bend < 0, bend, 1.0), np.sign(slope)), -0.7, 0.7)
        moved = np.clip(a + move, *_SCANNED)
        if np.all(np.abs(moved - a) * np.sqrt(np.maximum(-bend, 1e-12)) < 1e-3):
            break
        a = moved
    return a, best, np.maximum(-bend, 1e-9)


def _fit_cutoff(sample: _Sample, value: Callable[[Floats, Floats], Floats]) -> _LawFit:
    prior = _scale_range(sample)
    low, high = prior[0] - 5.0, prior[1] + 2.0
    start = np.full(_GRID, 1.5)
    size = 33
    for _ in range(7):  # until the region of high likelihood fills a grid of 65
        logs = np.linspace(low, high, size)
        exponents, heights, bends = _best_exponents(value, np.exp(logs), start[:size])
        near = np.flatnonzero(heights > heights.max() - 20.0)
        first, last = max(int(near[0]) - 1, 0), min(int(near[-1]) + 1, size - 1)
        filled = last - first > 0.6 * size
        if filled and size == _GRID:
            break
        low, high = float(logs[first]), float(logs[last])
        size = _GRID if filled or last - first > 0.3 * size else size
        start = np.interp(np.linspace(low, high, size), logs, exponents)
    place, height = _vertex(logs, heights)
    exponent = float(np.interp(place, logs, exponents))
    (exponent,), (height,), _ = _best_exponents(value, np.exp([place]), np.array([exponent]))
    height = max(float(height), float(heights.max()))
    target = height - _DROP_95
    no_cut = value(np.linspace(1.02, 6.0, 400), np.zeros(400))
    longest = (
        math.inf if no_cut.max() >= target or heights[0] >= target else math.exp(-_crossing(logs, heights, target))
    )
    shortest = 0.0 if heights[-1] >= target else math.exp(_crossing(-logs[::-1], heights[::-1], target))
    inside = heights > target - 2.0
    ends = [_exponent_ends(value, logs[inside], exponents[inside], bends[inside], target, sign) for sign in (-1.0, 1.0)]
    unit = sample.unit_s
    cutoff = math.inf if no_cut.max() >= height - 1e-9 or place <= logs[0] else math.exp(-place)
    parameters = {
        "exponent": Estimate(exponent, min(ends[0], exponent), max(ends[1], exponent)),
        "cutoff_s": Estimate(unit * cutoff, unit * min(shortest, cutoff), unit * max(longest, cutoff), "s"),
    }
    evidence = _cutoff_evidence(value, logs, exponents, bends, prior)
    return _LawFit(exponent, math.exp(place), (True, True), parameters, evidence)


def _vertex(grid: Floats, values: Floats) -> tuple[float, float]:
    """Highest point of values on a grid, with a parabola through the three highest neighbours."""
    k = int(np.argmax(values))
    if not 0 < k < len(grid) - 1:
        return float(grid[k]), float(values[k])
    below, middle, above = (float(x) for x in values[k - 1 : k + 2])
    bend = below - 2 * middle + above
    shift = 0.5 * (below - above) / bend if bend < 0 else 0.0
    return float(grid[k] + shift * (grid[1] - grid[0])), middle - 0.25 * (below - above) * shift


def _crossing(grid: Floats, values: Floats, target: float) -> float:
    """Where values on a rising grid first come up to a target, between points by the cube root of the likelihood."""
    k = int(np.flatnonzero(values >= target)[0])
    peak = float(values.max()) + 1e-9
    roots = np.sqrt(peak - values[k - 1 : k + 1])  # of a parabola: linear
    share = (roots[0] - math.sqrt(peak - target)) / (roots[0] - roots[1])
    return float(grid[k - 1] + share * (grid[k] - grid[k - 1]))


def _exponent_ends(
    value: Callable[[Floats, Floats], Floats],
    logs: Floats,
    exponents: Floats,
    bends: Floats,
    target: float,
    sign: float,
) -> float:
    """Most extreme exponent at which the likelihood, with the best scale, still reaches a target."""
    v = np.exp(logs)
    reach = np.sqrt(2.0 * (_DROP_95 + 3.0) / bends)
    near, far = np.zeros(len(v)), 2.0 * reach
    top = value(exponents, v)
    reached = top >= target
    if not reached.any():
        return float(exponents[int(np.argmax(top))])
    v, exponents, near, far = v[reached], exponents[reached], near[reached], far[reached]
    for _ in range(26):
        middle = 0.5 * (near + far)
        above = value(exponents + sign * middle, v) >= target
        near, far = np.where(above, middle, near), np.where(above, far, middle)
    ends = sign * (exponents + sign * near)
    return sign * _vertex(logs[reached], ends)[1] if len(ends) > 2 else sign * float(ends.max())


def _cutoff_evidence(
    value: Callable[[Floats, Floats], Floats],
    logs: Floats,
    exponents: Floats,
    bends: Floats,
    prior: tuple[float, float],
) -> float:
    inside = np.linspace(max(prior[0], logs[0]), min(prior[1], logs[-1]), 65)
    if not inside[-1] > inside[0]:
        return -math.inf
    a, bend = np.interp(inside, logs, exponents), np.exp(np.interp(inside, logs, np.log(bends)))
    grid = a[:, None] + np.linspace(-6.5, 6.5, 27) / np.sqrt(bend)[:, None]
    heights = value(grid, np.exp(inside)[:, None])
    heights = np.where((grid >= _EXPONENTS[0]) & (grid <= _EXPONENTS[1]), heights, -np.inf)
    step = grid[:, 1] - grid[:, 0]
    top = heights.max()
    if not np.isfinite(top):
        return -math.inf
    with np.errstate(divide="ignore", under="ignore"):
        rows = np.log(np.exp(heights - top).sum(axis=1) * step) + top
    area = math.log(_EXPONENTS[1] - _EXPONENTS[0]) + math.log(prior[1] - prior[0])
    return _log_trapezoid(rows, inside) - area


def _goodness(sample: _Sample, fit: _LawFit) -> float | None:
    """p-value of the law at its best parameters; None where the cells are too few."""
    a, v = fit.exponent, fit.scale
    whole, cut = (sample.whole, sample.cut) if sample.bins is None else (sample.counts, sample.cut_counts)
    whole = np.sort(np.asarray(whole, np.float64))
    edges = _cells(sample, a, v, whole)
    if len(edges) < 3:
        return None
    at_risk = np.array([(whole >= edge).sum() for edge in edges[:-1]], np.float64)
    at_risk += np.array([(cut >= edge).sum() for edge in edges[1:]])  # those cut within a cell say nothing of it
    ended = np.diff(np.searchsorted(whole, edges)).astype(np.float64)

    def shares(a: ArrayLike, v: ArrayLike) -> Floats:
        return np.asarray(-np.expm1(np.diff(sample.survival_at(np.asarray(a), np.asarray(v), edges))))

    share = np.clip(shares(a, v), 1e-12, 1 - 1e-12)
    error = np.sqrt(at_risk * share * (1 - share))
    kept = error > 0
    z = (ended - at_risk * share)[kept] / error[kept]
    slopes = []
    if fit.free[0]:
        step = 1e-3
        slopes.append(shares(a + step, v) - shares(max(a - step, 1.0 + 1e-9 if v == 0 else -9.0), v))
    if fit.free[1]:
        step = max(1e-3 * v, 1e-9)
        slopes.append(shares(a, v + step) - shares(a, v))
    matrix = np.array(slopes).T[kept] * (at_risk / np.where(error > 0, error, 1.0))[kept, None]
    basis, size, _ = np.linalg.svd(matrix / np.maximum(np.linalg.norm(matrix, axis=0), 1e-300), full_matrices=False)
    basis = basis[:, size > 1e-6]
    degrees = len(z) - len(slopes)
    if degrees < 1:
        return None
    statistic = float(z @ z - ((basis.T @ z) ** 2).sum())
    return float(chi2_tail(max(statistic, 0.0), degrees))


def _cells(sample: _Sample, a: float, v: float, whole: Floats) -> Floats:
    """Edges of cells of equal probability, as far as there are dwells; the last cell, open above, is left out."""
    number = int(np.clip(sample.number / _CELL_COUNT, 4, _CELLS))
    first, last = (1.0, float(whole[-1])) if sample.bins is None else (float(sample.fewest), float(whole[-1]) + 1.0)
    grid = np.geomspace(first, last, 400)
    grid[0], grid[-1] = first, last
    if sample.bins is not None:
        grid = np.unique(np.rint(grid))
    share = -np.expm1(sample.survival_at(np.asarray(a), np.asarray(v), grid))
    levels = np.arange(1, number) / number
    levels = levels[levels < share[-1]]
    if sample.bins is None:
        inner = np.exp(np.interp(levels, share, np.log(grid)))
    else:
        inner = grid[np.minimum(np.searchsorted(share, levels), len(grid) - 1)]
    edges = np.unique(np.concatenate([grid[:1], inner]))
    return np.asarray(edges, dtype=np.float64)
