"""Exponent of the autocorrelation of the intensity of a blinking emitter: no threshold between bright and dark.

The autocorrelation of power-law blinking is described by g(τ) = A τ^-C exp(-B τ) (Houel et al., ACS Nano 9, 886
(2015)). C is a property of the correlation. It is 2 - m where dark dwells follow a power law of exponent m between 1
and 2 and bright ones are short, or the other way round. Where dwells of both states are power laws, short lags fall
more slowly than any power that follows from m: C then measures both exponents and the cut-off together, and is none of
them.

The mean intensity of a finite recording fluctuates, which takes a constant off the measured correlation; the model has
it taken off, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from qdmol.analysis.trace import Trace
from qdmol.analysis.wording import interval_text
from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError, SolverError
from qdmol.estimates import Estimate
from qdmol.statistics import t_quantile

_BLOCKS: Final = 16
_FEWEST_BINS: Final = 1024
_LAGS_IN_OCTAVE: Final = 4
_SHORTEST_LAG: Final = 2  # bins: at 1 the average over both bins is far above g, at 2 by 2 % or less
_FINEST: Final = 16  # bins of the finest width: lags of 8 to 15 bins, then bins twice as wide
_LONGEST_SHARE: Final = 0.05  # longest lag over the recording
_STEEPEST: Final = 0.98  # from 1 on the correlation has no integral
_SIGNIFICANT: Final = 3.0  # standard errors of the correlation at short lags above 0


@dataclass(frozen=True, slots=True, eq=False)
class IntensityCorrelation:
    """Autocorrelation of a binned trace at logarithmic lags, 0 where nothing correlates; n lags, B blocks.

    Attributes
    ----------
    lag_s : float64 (n,)
        Multiples of the bin width, from two bins.
    value : float64 (n,)
        <I(t) I(t + τ)> / <I>² - 1, with the mean of the recording.
    left_out : float64 (B, n)
        The same, without each of B stretches of the recording in turn.
    duration_s : float
        Of the trace.
    """

    lag_s: Floats
    value: Floats
    left_out: Floats
    duration_s: float

    @property
    def error(self) -> Floats:
        """Standard error of `value` by the jackknife (n,)."""
        number = len(self.left_out)
        spread = self.left_out - self.left_out.mean(axis=0)
        return np.asarray(np.sqrt((number - 1) / number * (spread**2).sum(axis=0)), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class CorrelationExponent:
    """Fit of A τ^-C exp(-B τ) to the autocorrelation of the intensity.

    Attributes
    ----------
    exponent : Estimate
        C, with its 95 % interval.
    rate_hz : Estimate
        B: rate at which the power law is cut off; the low end is 0 where there may be none.
    amplitude : float
        A: g at a lag of 1 s without the cut-off.
    correlation : IntensityCorrelation
        What was fitted.
    model : float64 (n,)
        The fit at its lags.
    """

    exponent: Estimate
    rate_hz: Estimate
    amplitude: float
    correlation: IntensityCorrelation
    model: Floats

    @property
    def dwell_exponent(self) -> Estimate:
        """2 - C: exponent of the dwell times of one state, if those of the other are short."""
        return Estimate(2.0 - self.exponent.value, 2.0 - self.exponent.high, 2.0 - self.exponent.low)


def correlate_trace(trace: Trace | ArrayLike, *, bin_s: float | None = None) -> IntensityCorrelation:
    """Autocorrelation of a binned trace from two bins to a twentieth of its length.

    From 16 bins on, bins double in width with each octave of the lag. Pairs of photons within a bin are no part of it,
    so shot noise adds nothing to `value`.

    Parameters
    ----------
    trace : Trace, or float (n,)
        Photons in bins; of all channels for a `Trace`. The last bin, which may be cut, is left out.
    bin_s : float or None
        Width of a bin in s; needed where `trace` holds numbers.

    Raises
    ------
    InputError
        There is no bin width.
    DataError
        There are fewer than 1024 bins, or no photons but in one sixteenth of the recording.
    """
    if isinstance(trace, Trace):
        counts, bin_s = np.asarray(trace.total, np.float64), float(trace.bin_s)
    else:
        counts = np.asarray(trace, np.float64).ravel()
    if bin_s is None or not (math.isfinite(bin_s) and bin_s > 0):
        raise InputError(field="bin_s", value=bin_s, allowed="above 0 s")
    counts = counts[:-1]
    if len(counts) < _FEWEST_BINS:
        raise DataError(
            f"A trace of {len(counts) + 1} bins is too short for the correlation of its intensity;"
            f" {_FEWEST_BINS + 1} are needed."
        )
    if not counts.sum() > 0:
        raise DataError("The trace has no photons, and no correlation.")
    total = len(counts)
    starts = np.arange(_BLOCKS + 1) * total // _BLOCKS
    lags, products, pairs = [], [], []
    width, level = 1, counts
    steps = np.arange(_SHORTEST_LAG, _FINEST)
    while steps[0] * width <= _LONGEST_SHARE * total:
        cuts = starts // width
        for step in steps:
            if step * width > _LONGEST_SHARE * total:
                break
            ends = np.minimum(cuts, len(level) - step)
            both = np.concatenate([[0.0], np.cumsum(level[:-step] * level[step:])])
            lags.append(step * width)
            products.append(np.diff(both[ends]) / width**2)
            pairs.append(np.diff(ends).astype(np.float64))
        level = level[: len(level) // 2 * 2].reshape(-1, 2).sum(axis=1)
        width *= 2
        steps = np.arange(_FINEST // 2, _FINEST, _FINEST // 2 // _LAGS_IN_OCTAVE)
    blocks = [np.array(each).T for each in (products, pairs)]
    means = np.diff(np.concatenate([[0.0], np.cumsum(counts)])[starts])
    lengths = np.diff(starts).astype(np.float64)
    if np.any(means.sum() - means <= 0):
        raise DataError("All photons lie within a small part of the recording; their correlation says nothing.")
    full, bins = [block.sum(axis=0) for block in blocks], float(total)
    value = _normalised(full[0], full[1], float(means.sum()) / bins)
    left = [total_ - block for total_, block in zip(full, blocks, strict=True)]
    others = (means.sum() - means) / (bins - lengths)
    left_out = np.array([_normalised(left[0][k], left[1][k], float(others[k])) for k in range(_BLOCKS)])
    return IntensityCorrelation(
        lag_s=bin_s * np.array(lags, np.float64), value=value, left_out=left_out, duration_s=bin_s * bins
    )


def _normalised(products: Floats, pairs: Floats, mean: float) -> Floats:
    scale = np.maximum(pairs, 1.0) * mean**2
    return np.asarray(products / scale - 1.0, dtype=np.float64)


def _offset(power: float, rate: float, duration: float) -> float:
    """Relative variance of the mean over the recording, for A = 1: 2/T times the integral of (1 - τ/T) g."""
    share = (np.arange(64) + 0.5) / 64
    lags = duration * share ** (1.0 / (1.0 - power))  # dτ τ^-C is uniform in the share
    inside = (1.0 - lags / duration) * np.exp(-np.minimum(rate * lags, 700.0))
    return float(2.0 / duration * duration ** (1.0 - power) / (1.0 - power) * inside.mean())


def _shape(lags: Floats, power: float, rate: float, duration: float) -> Floats:
    return np.asarray(
        lags**-power * np.exp(-np.minimum(rate * lags, 700.0)) - _offset(power, rate, duration), dtype=np.float64
    )


def fit_correlation_exponent(
    correlation: IntensityCorrelation, *, shortest_s: float | None = None
) -> CorrelationExponent:
    """Fit A τ^-C exp(-B τ) to the autocorrelation of the intensity.

    Least squares weighted by the errors from stretches of the recording; the fit is repeated without each stretch
    in turn, whose scatter (jackknife) gives the intervals with Student's t.

    Parameters
    ----------
    correlation : IntensityCorrelation
    shortest_s : float or None
        Shortest lag that is used, such as the time from which on dwells follow the law; None for all.

    Raises
    ------
    DataError
        The intensity does not correlate, or its correlation is not one of a power law.
    SolverError
        The fit does not converge, or does not describe the correlation.
    """
    used = correlation.lag_s >= (0.0 if shortest_s is None else shortest_s * (1 - 1e-9))
    lags, value, left_out = correlation.lag_s[used], correlation.value[used], correlation.left_out[:, used]
    if len(lags) < 8:
        raise DataError("Fewer than eight lags are left; the correlation of the intensity has no exponent.")
    error = correlation.error[used]
    floor = 1e-3 * float(np.abs(value).max()) + 1e-300
    error = np.maximum(error, floor)
    short = slice(0, 4)
    if not np.mean(value[short]) > _SIGNIFICANT * np.mean(error[short]):
        raise DataError(
            "The intensity does not correlate beyond its noise; there is no blinking to take an exponent from."
        )
    duration = correlation.duration_s
    first, partial = _fit_all(lags, value, left_out, error, duration)
    number = len(left_out)
    spread = np.sqrt((number - 1) / number * ((partial - partial.mean(axis=0)) ** 2).sum(axis=0))
    reach = float(t_quantile(0.975, number - 1)) * spread
    power, logs = float(first[0]), float(first[1])
    shape = _shape(lags, power, math.exp(logs), duration)
    amplitude = _amplitude(shape, value, error)
    residual = (value - amplitude * shape) / error
    if not amplitude > 0 or float(residual @ residual) > 4.0 * len(lags):
        raise SolverError("A power law with cut-off does not describe the correlation of the intensity.")
    estimate = Estimate.from_error(power, float(reach[0]))
    if estimate.low <= 0:
        raise DataError(
            f"The correlation of the intensity falls with the power {interval_text(estimate)}, which is not"
            " distinguished from 0: it shows no power law of the dwell times."
        )
    if power > _STEEPEST - 0.01:
        raise DataError(
            "The correlation of the intensity falls with a power of 1 or more, which is no power law of dwell times."
        )
    rate = math.exp(logs)
    slowest = math.exp(_rate_range(lags, duration)[0]) * 1.01
    bounds = (rate * math.exp(-min(reach[1], 50.0)), rate * math.exp(min(reach[1], 50.0)))
    everywhere = amplitude * _shape(correlation.lag_s, power, rate, duration)
    return CorrelationExponent(
        exponent=estimate,
        rate_hz=Estimate(rate, 0.0 if bounds[0] <= slowest else bounds[0], bounds[1], "Hz"),
        amplitude=amplitude,
        correlation=correlation,
        model=everywhere,
    )


def _amplitude(shape: Floats, value: Floats, error: Floats) -> float:
    weight = error**-2.0
    return float((weight * shape * value).sum() / max(float((weight * shape**2).sum()), 1e-300))


def _rate_range(lags: Floats, duration: float) -> tuple[float, float]:
    """Logarithms of the cut-off rates that are looked at: none within the recording, to one at the shortest lag."""
    return math.log(0.1 / duration), math.log(1.0 / float(lags[0]))


def _fit_all(lags: Floats, value: Floats, left_out: Floats, error: Floats, duration: float) -> tuple[Floats, Floats]:
    """C and ln B of all blocks, and without each of them (B, 2)."""
    from scipy import optimize  # takes its time to load: stages are imported for a look at a file, too

    low, high = _rate_range(lags, duration)

    def residuals(point: Floats, data: Floats) -> Floats:
        shape = _shape(lags, float(point[0]), math.exp(float(point[1])), duration)
        return np.asarray((data - _amplitude(shape, data, error) * shape) / error)

    grid = [(c, b) for c in np.linspace(-0.4, 0.9, 8) for b in np.linspace(low, high, 8)]
    costs = [float((residuals(np.array(point), value) ** 2).sum()) for point in grid]
    start = np.array(grid[int(np.argmin(costs))])
    bounds = ([-0.9, low], [_STEEPEST, high])
    fit = optimize.least_squares(residuals, start, bounds=bounds, args=(value,), x_scale=(0.1, 0.5))
    if not fit.success:
        raise SolverError("The fit of the correlation of the intensity does not converge.")
    partial = [
        optimize.least_squares(residuals, fit.x, bounds=bounds, args=(data,), x_scale=(0.1, 0.5), max_nfev=20).x
        for data in left_out
    ]
    return np.asarray(fit.x), np.array(partial)
