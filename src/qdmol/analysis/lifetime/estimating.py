"""From a model at its maximum to the fit as it is reported: estimates, intervals, curve.

How far intervals reach where the instrument response was measured: its counts have noise of their own.

To first order a change dh of the response moves the maximum of the likelihood by
-F^(-1) J^T diag(1/mu) (dmu/dh) dh, with Fisher's matrix F and the derivatives J of the expected counts mu by the
parameters, as errors propagate through the equations of the maximum. The counts of a response have Poisson variance.

The bias of few photons, taken off: Cox and Snell, J. R. Stat. Soc. B 30, 248 (1968),
doi:10.1111/j.2517-6161.1968.tb00724.x.

For Poisson counts of mean mu(theta) with F = J^T diag(1/mu) J and Hessians H_i of mu_i, the bias of theta is to first
order -(1/2) F^(-1) J^T v with v_i = tr(F^(-1) H_i) / mu_i. A lifetime is exp(theta): its bias has half the variance of
theta more. A background cannot be negative: where it is not far above zero, its estimate is too high on average by
s (phi(z) - z Phi(-z)), with s its standard error and z = b / s, and takes the lifetimes along by their covariance: the
mean of a normal estimate cut at its bound, Self and Liang, J. Am. Stat. Assoc. 82, 605 (1987),
doi:10.1080/01621459.1987.10478472.

Whether a fit is one: what the instrument cannot resolve is no lifetime, and a failed fit is refused.

The limits are choices of this package, not derived: a tenth of the full width of a measured response, below which
small differences between its shape and that of the decay pass for a lifetime; half of the width of a Gaussian that was
fitted together with the decay; and the width of a bin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from qdmol.analysis.lifetime.kernels import GAUSSIAN, MEASURED, PULSE
from qdmol.analysis.lifetime.likelihood import (
    Maximum,
    Quantity,
    expected_counts,
    fisher,
    profile_interval,
    standard_error,
)
from qdmol.analysis.lifetime.models import Trial, model_name, nearest_shift, share_variances
from qdmol.analysis.lifetime.values import Decay, LifetimeFit, Response, ResponseKind
from qdmol.arrays import Floats
from qdmol.errors import SolverError
from qdmol.statistics import deviance_residuals, normal_tail

_PLACES, _PLACES_STRETCHED = 100, 16  # bins of the response that are moved; the effect of the others lies between


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """Drops of twice the log-likelihood at the ends of intervals.

    Attributes
    ----------
    alone : float
        Drop for the noise of the decay under the fitted model.
    moves : float64 (parameters, m)
        Changes of the parameters by a standard deviation of each of the m bins of the response.
    """

    alone: float
    moves: Floats

    @classmethod
    def at(cls, maximum: Maximum, alone: float, response: Response) -> Thresholds:
        """Return the thresholds at a maximum; a response whose noise is unknown has none."""
        problem = maximum.problem
        if problem.kind != MEASURED:
            return cls(alone, np.zeros((maximum.slots.size, 0)))
        variances = share_variances(response, None if np.isinf(problem.period) else problem.period)
        return cls(alone, _moves(maximum, np.sqrt(variances)))

    def of(self, maximum: Maximum, what: Quantity) -> float:
        """Return the drop for a quantity, larger by the ratio of both variances together to that of the decay."""
        from qdmol.analysis.lifetime.kernels import quantity_slope

        if not self.moves.shape[1]:
            return self.alone
        slope = quantity_slope(maximum.problem, maximum.theta, what.kind, what.index)
        added = float(((slope @ self.moves) ** 2).sum())
        total = self.alone * (1.0 + added / standard_error(maximum, what) ** 2)
        return total if np.isfinite(total) else self.alone


def _influence(maximum: Maximum) -> Floats:
    """Change of each parameter (parameters, n) by one count more in each bin."""
    from qdmol.analysis.lifetime.kernels import expected

    problem, slots = maximum.problem, maximum.slots
    slopes = np.zeros((slots.size, len(problem.counts)))
    mean = np.maximum(expected(problem, maximum.theta, slopes), 1e-10)
    influence = np.zeros_like(slopes)
    matrix, inside = fisher(maximum)
    if inside.any():
        scale = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
        normal = matrix / np.outer(scale, scale) + 1e-12 * np.eye(len(scale))
        pulls = np.where(problem.used, slopes[inside] / mean, 0.0) / scale[:, None]
        influence[inside] = np.linalg.solve(normal, pulls) / scale[:, None]
    return influence


def _moves(maximum: Maximum, errors: Floats) -> Floats:
    """Change of each parameter (parameters, m) by the error of each bin of the response."""
    problem, slots = maximum.problem, maximum.slots
    noisy = np.flatnonzero(errors)
    if not len(noisy):
        return np.zeros((slots.size, len(errors)))
    influence = _influence(maximum)
    parts = len(problem.response_height) // len(errors)
    theta = maximum.theta.copy()
    theta[slots.background] = 0.0
    most = _PLACES_STRETCHED if problem.stretched else _PLACES
    places = np.unique(np.linspace(noisy[0], noisy[-1], min(most, noisy[-1] - noisy[0] + 1)).astype(np.int64))
    effects = np.empty((slots.size, len(places)))
    for k, place in enumerate(places):
        height = np.zeros(len(problem.response_height))
        height[place * parts : (place + 1) * parts] = 1.0 / (parts * problem.response_bin)
        moved = problem._replace(response_height=height, periods=0.0)
        effects[:, k] = influence @ expected_counts(Maximum(moved, theta, maximum.free, maximum.bounds, 0.0))
    between = np.stack([np.interp(np.arange(len(errors)), places, effect) for effect in effects])
    moves: Floats = between * errors
    return moves


_LEAST = 1.0  # photons
_LARGEST = 0.5  # in standard errors: beyond it the expansion says nothing


def relative_bias(maximum: Maximum) -> Floats:
    """Return the expected (estimate - truth) / truth of each lifetime (K,)."""
    from qdmol.analysis.lifetime.kernels import expected

    count = maximum.problem.components
    matrix, inside = fisher(maximum)
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
    if not np.isfinite(matrix).all():
        return np.zeros(count)
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    if len(values) == 0 or values[0] < 1e-10 * values[-1]:
        return np.zeros(count)
    # columns whose outer products sum to the inverse
    roots = (vectors / np.sqrt(values)) / scale[:, None]
    slopes = np.zeros((maximum.slots.size, len(maximum.problem.counts)))
    mean = expected(maximum.problem, maximum.theta, slopes)
    used = maximum.problem.used & (mean > 0)
    curvature = np.zeros(int(used.sum()))
    for column in roots.T:
        curvature += _bend(maximum, column, inside, mean)[used]
    pull = slopes[inside][:, used] @ (curvature / mean[used])
    inverse = roots @ roots.T
    bias = np.zeros(maximum.slots.size)
    variance = np.zeros(maximum.slots.size)
    bias[inside] = -0.5 * inverse @ pull
    variance[inside] = np.diag(inverse)
    relative = bias[:count] + 0.5 * variance[:count] + _by_bound(maximum)
    error = np.sqrt(variance[:count])
    return np.clip(relative, -_LARGEST * error, _LARGEST * error)


def _by_bound(maximum: Maximum) -> Floats:
    """Relative bias of the lifetimes (K,) from a background that cannot be negative."""
    slot, count = maximum.slots.background, maximum.problem.components
    if not maximum.free[slot]:
        return np.zeros(count)
    theta = maximum.theta.copy()
    # on the bound the information is that of a background of one photon
    theta[slot] = max(theta[slot], _LEAST / float(maximum.problem.widths[maximum.problem.used].sum()))
    matrix, inside = fisher(replace(maximum, theta=theta))
    if not inside[slot] or not inside[:count].all():
        return np.zeros(count)
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
    inverse = np.linalg.inv(matrix / np.outer(scale, scale) + 1e-10 * np.eye(len(scale))) / np.outer(scale, scale)
    at = int(inside[:slot].sum())
    error = np.sqrt(inverse[at, at])
    z = maximum.theta[slot] / error
    excess = np.exp(-(z**2) / 2.0) / np.sqrt(2 * np.pi) - z * normal_tail(z)
    shifts: Floats = inverse[:count, at] / error * excess
    return shifts


def _bend(maximum: Maximum, direction: Floats, inside: NDArray[np.bool_], mean: Floats) -> Floats:
    """Second derivative of the mean counts along a direction."""
    step = 0.05  # in standard errors of that direction
    move = np.zeros(maximum.slots.size)
    move[inside] = direction
    # a direction nobody knows, as towards an endless lifetime, is followed a little only
    logarithms = [*range(maximum.problem.components), maximum.slots.width]
    step /= max(1.0, float(np.abs(move[logarithms]).max()))
    ahead, behind = maximum.theta + step * move, maximum.theta - step * move
    bend: Floats = (expected_counts(maximum, ahead) - 2.0 * mean + expected_counts(maximum, behind)) / step**2
    return bend


@dataclass(frozen=True, slots=True, eq=False)
class _Range:
    """Estimate and interval."""

    value: float
    low: float
    high: float


def assemble(
    decay: Decay, trial: Trial, evidence: dict[str, float], *, response: Response, level: float, threshold: float
) -> LifetimeFit:
    """Return the fit of a trial, its intervals at the given drop of twice the log-likelihood.

    The noise of a measured response widens them where its values are counts.

    Components shorter than response and bins resolve are part of the curve, but no lifetimes.

    Raises
    ------
    SolverError
        If no component is resolved.
    """
    from qdmol.analysis.lifetime.kernels import SLOT

    maximum, kind = trial.maximum, response.kind
    width_ns = _width(maximum, kind)
    shortest = resolution_ns(maximum, bin_ns=decay.bin_width_ns, width_ns=width_ns)
    reported = maximum.problem.components if maximum.problem.stretched else resolved(maximum, shortest)
    if reported == 0:
        raise SolverError(
            f"The fit failed: the decay is faster than the resolution of response and bins, {shortest:.3g} ns; it "
            "may be scattered light or an instrument response."
        )
    maximum = replace(maximum, problem=maximum.problem._replace(reported=reported))
    slots, used, mean = maximum.slots, trial.used, trial.curve
    thresholds = Thresholds.at(maximum, threshold, response)
    lifetimes = _lifetimes(maximum, thresholds)
    amplitudes, intensities = _fractions(maximum, thresholds)
    by_amplitude, by_intensity = _averages(maximum, lifetimes, thresholds)
    background = float(maximum.theta[slots.background])
    dark = (math.nan, math.nan)
    if maximum.free[slots.background]:
        dark = _interval(maximum, Quantity(SLOT, slots.background, 0.0), thresholds)
    stretch = _stretch(maximum, thresholds)
    pulse = float(maximum.theta[slots.shift])
    if kind == "measured":
        pulse = nearest_shift(pulse, maximum.problem.period)
    return LifetimeFit(
        *_columns(lifetimes),
        *_columns(amplitudes),
        *_columns(intensities),
        trial.name if maximum.problem.stretched else model_name(reported),
        *(by_amplitude.value, by_amplitude.low, by_amplitude.high),
        *(by_intensity.value, by_intensity.low, by_intensity.high),
        *(background, *dark),
        response=kind,
        response_width_ns=width_ns,
        shift_ns=pulse,
        stretch=stretch.value if stretch else None,
        stretch_low=stretch.low if stretch else None,
        stretch_high=stretch.high if stretch else None,
        curve=np.where(used, mean, np.nan),
        residuals=np.where(used, deviance_residuals(decay.counts, mean), np.nan),
        fitted=used.copy(),
        start_ns=_first_bin(decay, trial, pulse),
        photons=float(decay.counts[used].sum()),
        goodness=trial.goodness.probability,
        reduced_deviance=trial.goodness.reduced_deviance,
        evidence=evidence,
        level=level,
    )


def _interval(maximum: Maximum, what: Quantity, thresholds: Thresholds) -> tuple[float, float]:
    return profile_interval(maximum, what, threshold=thresholds.of(maximum, what))


def _columns(ranges: list[_Range]) -> tuple[Floats, Floats, Floats]:
    return (
        np.array([one.value for one in ranges]),
        np.array([one.low for one in ranges]),
        np.array([one.high for one in ranges]),
    )


def _lifetimes(maximum: Maximum, thresholds: Thresholds) -> list[_Range]:
    from qdmol.analysis.lifetime.kernels import LOG_TAU

    # a correction beyond a third belongs to a component that the decay does not bound
    values = maximum.components_ns * (1.0 - np.clip(relative_bias(maximum), -1 / 3, 1 / 3))
    ranges = []
    for k, value in enumerate(values[: maximum.problem.reported]):
        low, high = _interval(maximum, Quantity(LOG_TAU, k, *maximum.bounds[:, k]), thresholds)
        ranges.append(_opened(float(value), low, high, maximum.bounds[:, k]))
    return ranges


def _opened(value: float, low: float, high: float, bounds: Floats) -> _Range:
    """From logarithms; an end on its bound is open."""
    bottom = 0.0 if low <= bounds[0] + 1e-6 else math.exp(low)
    top = math.inf if high >= bounds[1] - 1e-6 else math.exp(high)
    bottom, top = min(bottom, value), max(top, value)
    return _Range(value, bottom, top)


def _fractions(maximum: Maximum, thresholds: Thresholds) -> tuple[list[_Range], list[_Range]]:
    from qdmol.analysis.lifetime.kernels import AMPLITUDE, INTENSITY, quantity

    count = maximum.problem.reported
    if count == 1:
        one = [_Range(1.0, 1.0, 1.0)]
        return one, one
    columns = []
    for kind in (AMPLITUDE, INTENSITY):
        ranges: list[_Range] = []
        for k in range(count):
            value = float(quantity(maximum.problem, maximum.theta, kind, k))
            if count == 2 and k == 1:
                first = ranges[0]
                ranges.append(_Range(1.0 - first.value, 1.0 - first.high, 1.0 - first.low))
                continue
            low, high = _interval(maximum, Quantity(kind, k, 0.0, 1.0), thresholds)
            ranges.append(_Range(value, max(low, 0.0), min(high, 1.0)))
        columns.append(ranges)
    return columns[0], columns[1]


def _averages(maximum: Maximum, lifetimes: list[_Range], thresholds: Thresholds) -> tuple[_Range, _Range]:
    """Amplitude- and intensity-weighted lifetime."""
    from qdmol.analysis.lifetime.kernels import AMPLITUDE_MEAN, INTENSITY_MEAN, quantity

    if maximum.problem.reported == 1 and not maximum.problem.stretched:
        return lifetimes[0], lifetimes[0]
    ranges = []
    # a mean of lifetimes is within their bounds, one of a stretched law within those of its shape
    ends = maximum.bounds[:, 0] if not maximum.problem.stretched else np.array([-np.inf, np.inf])
    for kind in (AMPLITUDE_MEAN, INTENSITY_MEAN):
        value = float(quantity(maximum.problem, maximum.theta, kind, 0))
        low, high = _interval(maximum, Quantity(kind, 0, *ends), thresholds)
        ranges.append(_opened(math.exp(value), low, high, ends))
    return ranges[0], ranges[1]


def _stretch(maximum: Maximum, thresholds: Thresholds) -> _Range | None:
    from qdmol.analysis.lifetime.kernels import SLOT

    if not maximum.problem.stretched:
        return None
    slot = maximum.slots.stretch
    low, high = _interval(maximum, Quantity(SLOT, slot, *maximum.bounds[:, slot]), thresholds)
    return _Range(float(maximum.theta[slot]), low, high)


def _width(maximum: Maximum, kind: ResponseKind) -> float | None:
    """Standard deviation of the response in ns."""
    if kind == "gaussian":
        return math.exp(maximum.theta[maximum.slots.width])
    if kind == "none":
        return None
    height = maximum.problem.response_height
    times = maximum.problem.response_bin * np.arange(len(height))
    weights = height / height.sum()
    return float(np.sqrt(weights @ (times - weights @ times) ** 2))


def _first_bin(decay: Decay, trial: Trial, pulse: float) -> float:
    """Left edge of the first fitted bin behind the pulse in a fit of the tail, else of the first fitted bin."""
    left = decay.edges_ns[:-1]
    if trial.maximum.problem.kind != PULSE:
        return float(left[int(np.flatnonzero(trial.used)[0])])
    since = left - pulse
    if decay.period_ns is not None:
        since = np.mod(since + 1e-9 * decay.bin_width_ns, decay.period_ns)
    return float(left[int(np.argmin(np.where(trial.used & (since >= -decay.bin_width_ns), since, np.inf)))])


_FWHM = 2.0 * math.sqrt(2.0 * math.log(2.0))
_OF_MEASURED, _OF_FITTED = 0.1, 0.5  # of the full width at half maximum
_NO_ACCIDENT = 1e-6  # probability below which a misfit is not chance
_LARGEST_MISFIT = 0.25  # relative deviation from the decay without its background, beyond the noise
_FLAT = 25.0  # twice the log-likelihood by which a decay must beat a constant: five standard deviations
_UNBOUNDED = 1e4  # ratio of the ends of an interval from which it is taken as unbounded


def resolution_ns(maximum: Maximum, *, bin_ns: float, width_ns: float | None) -> float:
    """Return the shortest lifetime in ns that response and bins resolve.

    `width_ns` is the standard deviation of a Gaussian response.
    """
    if maximum.problem.kind == MEASURED:
        height = maximum.problem.response_height
        return max(bin_ns, _OF_MEASURED * maximum.problem.response_bin * int((height > 0.5 * height.max()).sum()))
    if maximum.problem.kind == GAUSSIAN and width_ns is not None:
        share = _OF_FITTED if maximum.free[maximum.slots.width] else _OF_MEASURED
        return max(bin_ns, share * _FWHM * width_ns)
    return bin_ns


def resolved(maximum: Maximum, shortest_ns: float) -> int:
    """Return how many components are at least `shortest_ns` long."""
    return int((maximum.components_ns >= shortest_ns).sum())


def is_resolved(maximum: Maximum, *, bin_ns: float) -> bool:
    """Whether the component of most photons is longer than a fitted Gaussian and the bins resolve."""
    if maximum.problem.stretched:
        return True
    main = int(maximum.theta[maximum.slots.components : 2 * maximum.slots.components].argmax())
    width_ns = math.exp(maximum.theta[maximum.slots.width])
    return bool(maximum.components_ns[main] >= resolution_ns(maximum, bin_ns=bin_ns, width_ns=width_ns))


def failure(fit: LifetimeFit, trial: Trial) -> str | None:
    """Return why the fit is none, as a sentence; None for a fit."""
    misfit = _misfit(trial)
    if fit.goodness < _NO_ACCIDENT and misfit > _LARGEST_MISFIT:
        return (
            f"The fit failed: the best curve deviates from the decay by {100 * misfit:.0f} % "
            f"beyond their noise (reduced deviance {fit.reduced_deviance:.3g}); check response, period and column."
        )
    low, high = fit.intensity_average_low_ns, fit.intensity_average_high_ns
    shortest = float(np.diff(trial.maximum.problem.edges).min())
    if not low > shortest and not math.isfinite(high):
        return "The fit failed: the counts constrain the lifetime on neither side."
    if low > 0 and math.isfinite(high) and high > _UNBOUNDED * low:
        return f"The fit failed: any lifetime from {low:.3g} to {high:.3g} ns describes the counts."
    return None


def _misfit(trial: Trial) -> float:
    """Relative deviation of the curve from the counts, of those that are not background."""
    maximum = trial.maximum
    photons = float(maximum.theta[maximum.slots.components : 2 * maximum.slots.components].sum())
    total = float(trial.curve[trial.used].sum())
    share = min(max(photons / max(total, 1.0), 1e-6), 1.0)
    return trial.goodness.misfit / math.sqrt(share)


def is_flat(trial: Trial) -> bool:
    """Whether a constant describes the counts nearly as well as the fit."""
    problem = trial.maximum.problem
    known = not trial.maximum.free[trial.maximum.slots.background]
    if known or problem.dark_bins > 0 or problem.periods > 0:
        return False
    counts, widths = problem.counts[problem.used], problem.widths[problem.used]
    constant = widths * counts.sum() / widths.sum()
    gain = trial.maximum.log_likelihood - float((xlogy(counts, constant) - constant).sum())
    return 2.0 * gain < _FLAT
