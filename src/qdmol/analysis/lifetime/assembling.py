"""From a model at its maximum to the fit as it is reported: estimates, intervals, curve."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.acceptance import resolution_ns, resolved
from qdmol.analysis.lifetime.bias import relative_bias
from qdmol.analysis.lifetime.goodness import deviance_residuals
from qdmol.analysis.lifetime.intervals import Quantity, profile_interval
from qdmol.analysis.lifetime.likelihood import Maximum
from qdmol.analysis.lifetime.models import Trial, model_name
from qdmol.analysis.lifetime.problem import PULSE
from qdmol.analysis.lifetime.responses import nearest_shift
from qdmol.analysis.lifetime.thresholds import Thresholds
from qdmol.analysis.lifetime.values import Decay, LifetimeFit, Response, ResponseKind
from qdmol.errors import SolverError

__all__ = ["assemble"]

Floats = NDArray[np.float64]


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
    from qdmol.analysis.lifetime.scoring import SLOT

    found, kind = trial.maximum, response.kind
    width_ns = _width(found, kind)
    shortest = resolution_ns(found, bin_ns=decay.bin_width_ns, width_ns=width_ns)
    reported = found.problem.components if found.problem.stretched else resolved(found, shortest)
    if reported == 0:
        raise SolverError(
            f"The fit failed: the decay is faster than response and bins resolve, {shortest:.3g} ns, "
            "as that of scattered light or of a response is."
        )
    found = replace(found, problem=found.problem._replace(reported=reported))
    slots, used, mean = found.slots, trial.used, trial.curve
    thresholds = Thresholds.at(found, threshold, response)
    lifetimes = _lifetimes(found, thresholds)
    amplitudes, intensities = _fractions(found, thresholds)
    by_amplitude, by_intensity = _averages(found, lifetimes, thresholds)
    background = float(found.theta[slots.background])
    dark = (math.nan, math.nan)
    if found.free[slots.background]:
        dark = _interval(found, Quantity(SLOT, slots.background, 0.0), thresholds)
    stretch = _stretch(found, thresholds)
    pulse = float(found.theta[slots.shift])
    if kind == "measured":
        pulse = nearest_shift(pulse, found.problem.period)
    return LifetimeFit(
        *_columns(lifetimes),
        *_columns(amplitudes),
        *_columns(intensities),
        trial.name if found.problem.stretched else model_name(reported),
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


def _interval(found: Maximum, what: Quantity, thresholds: Thresholds) -> tuple[float, float]:
    return profile_interval(found, what, threshold=thresholds.of(found, what))


def _columns(ranges: list[_Range]) -> tuple[Floats, Floats, Floats]:
    return (
        np.array([one.value for one in ranges]),
        np.array([one.low for one in ranges]),
        np.array([one.high for one in ranges]),
    )


def _lifetimes(found: Maximum, thresholds: Thresholds) -> list[_Range]:
    from qdmol.analysis.lifetime.scoring import LOG_TAU

    # a correction beyond a third belongs to a component that the decay does not bound
    values = found.components_ns * (1.0 - np.clip(relative_bias(found), -1 / 3, 1 / 3))
    ranges = []
    for k, value in enumerate(values[: found.problem.reported]):
        low, high = _interval(found, Quantity(LOG_TAU, k, *found.bounds[:, k]), thresholds)
        ranges.append(_opened(float(value), low, high, found.bounds[:, k]))
    return ranges


def _opened(value: float, low: float, high: float, bounds: Floats) -> _Range:
    """From logarithms; an end on its bound is open."""
    bottom = 0.0 if low <= bounds[0] + 1e-6 else math.exp(low)
    top = math.inf if high >= bounds[1] - 1e-6 else math.exp(high)
    bottom, top = min(bottom, value), max(top, value)
    return _Range(value, bottom, top)


def _fractions(found: Maximum, thresholds: Thresholds) -> tuple[list[_Range], list[_Range]]:
    from qdmol.analysis.lifetime.scoring import AMPLITUDE, INTENSITY, quantity

    count = found.problem.reported
    if count == 1:
        one = [_Range(1.0, 1.0, 1.0)]
        return one, one
    columns = []
    for kind in (AMPLITUDE, INTENSITY):
        ranges: list[_Range] = []
        for k in range(count):
            value = float(quantity(found.problem, found.theta, kind, k))
            if count == 2 and k == 1:
                first = ranges[0]
                ranges.append(_Range(1.0 - first.value, 1.0 - first.high, 1.0 - first.low))
                continue
            low, high = _interval(found, Quantity(kind, k, 0.0, 1.0), thresholds)
            ranges.append(_Range(value, max(low, 0.0), min(high, 1.0)))
        columns.append(ranges)
    return columns[0], columns[1]


def _averages(found: Maximum, lifetimes: list[_Range], thresholds: Thresholds) -> tuple[_Range, _Range]:
    """Amplitude- and intensity-weighted lifetime."""
    from qdmol.analysis.lifetime.scoring import AMPLITUDE_MEAN, INTENSITY_MEAN, quantity

    if found.problem.reported == 1 and not found.problem.stretched:
        return lifetimes[0], lifetimes[0]
    ranges = []
    # a mean of lifetimes is within their bounds, one of a stretched law within those of its shape
    ends = found.bounds[:, 0] if not found.problem.stretched else np.array([-np.inf, np.inf])
    for kind in (AMPLITUDE_MEAN, INTENSITY_MEAN):
        value = float(quantity(found.problem, found.theta, kind, 0))
        low, high = _interval(found, Quantity(kind, 0, *ends), thresholds)
        ranges.append(_opened(math.exp(value), low, high, ends))
    return ranges[0], ranges[1]


def _stretch(found: Maximum, thresholds: Thresholds) -> _Range | None:
    from qdmol.analysis.lifetime.scoring import SLOT

    if not found.problem.stretched:
        return None
    slot = found.slots.stretch
    low, high = _interval(found, Quantity(SLOT, slot, *found.bounds[:, slot]), thresholds)
    return _Range(float(found.theta[slot]), low, high)


def _width(found: Maximum, kind: ResponseKind) -> float | None:
    """Standard deviation of the response in ns."""
    if kind == "gaussian":
        return math.exp(found.theta[found.slots.width])
    if kind == "none":
        return None
    height = found.problem.response_height
    times = found.problem.response_bin * np.arange(len(height))
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
