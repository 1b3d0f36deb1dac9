"""Least squares against correlated noise, over several models, their results averaged.

Each model is fitted by lmfit to residuals made independent by the Cholesky factor of the noise. Models are weighted by
Akaike's information criterion, and what they differ by goes into the error: Buckland, Burnham, Augustin, Biometrics
53, 603 (1997), doi:10.2307/2533961. Weights that come from the same points make a variance too small; it is raised by
two over its degrees of freedom, the order of the correction of Kenward and Roger, Biometrics 53, 983 (1997),
doi:10.2307/2533558.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import lmfit
import numpy as np
from scipy import linalg

from qdmol.analysis.curves.noise import NoiseModel, estimate_noise, white_level
from qdmol.analysis.curves.values import Estimate, Floats

__all__ = ["Averaged", "Fitted", "Model", "fit_models", "gain_over"]

Values = Mapping[str, float]
_STEP = 1e-5  # of a parameter's scale, for slopes
_ROUNDS = 2  # of noise and fit in turns
_NEGLIGIBLE = 1e-3  # weight of a model that is left out
_HOPELESS = 1e-5  # weight of a model that is not fitted again
# Differences of the criterion are halved: against correlated noise they are themselves uncertain by as much.
_TEMPER = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A curve with parameters.

    Parameters
    ----------
    name
        In words.
    start
        Gives the parameters with their start and bounds.
    curve
        The curve (n,) at their values.
    expected
        Where a parameter that the data may leave open is expected: by name, value and standard deviation.
    """

    name: str
    start: Callable[[], lmfit.Parameters]
    curve: Callable[[Values], Floats]
    expected: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """One model at its best: values, curve (n,), Jacobian (n, p) in the names' order, covariance (p, p), chi square."""

    model: Model
    values: dict[str, float]
    names: tuple[str, ...]
    curve: Floats
    jacobian: Floats
    covariance: Floats
    chi_square: float


@dataclass(frozen=True, slots=True, eq=False)
class Averaged:
    """All models: the fits, their weights (falling), the noise, and each derived number with its error."""

    fits: tuple[Fitted, ...]
    weights: tuple[float, ...]
    noise: NoiseModel
    numbers: dict[str, Estimate]

    @property
    def best(self) -> Fitted:
        """The fit of the largest weight."""
        return self.fits[0]


def _varied(parameters: lmfit.Parameters) -> tuple[str, ...]:
    return tuple(name for name, one in parameters.items() if one.vary)


def _fit(model: Model, values: Floats, lower: Floats, start: lmfit.Parameters) -> Fitted:
    """Fit by least squares to residuals divided by the noise's factor `lower` (n, n)."""
    names = _varied(start)
    expected = {name: model.expected[name] for name in names if name in model.expected}

    def residual(parameters: lmfit.Parameters) -> Floats:
        found = parameters.valuesdict()
        white = linalg.solve_triangular(lower, values - model.curve(found), lower=True, check_finite=False)
        away = [(found[name] - value) / spread for name, (value, spread) in expected.items()]
        return np.concatenate([white, np.array(away)])

    done = lmfit.minimize(residual, start, method="least_squares", calc_covar=False, max_nfev=60)
    found = {name: float(value) for name, value in done.params.valuesdict().items()}
    curve = model.curve(found)
    jacobian = np.column_stack([_slope(model, found, name, done.params[name]) for name in names])
    white = linalg.solve_triangular(lower, jacobian, lower=True, check_finite=False)
    certain = np.array([expected[name][1] ** -2 if name in expected else 0.0 for name in names])
    covariance = linalg.pinvh(white.T @ white + np.diag(certain))
    return Fitted(model, found, names, curve, jacobian, covariance, float(np.sum(done.residual**2)))


def _slope(model: Model, values: dict[str, float], name: str, parameter: lmfit.Parameter) -> Floats:
    step = _STEP * max(abs(values[name]), 1e-3)
    up, down = min(values[name] + step, parameter.max), max(values[name] - step, parameter.min)
    slope: Floats = (model.curve({**values, name: up}) - model.curve({**values, name: down})) / (up - down)
    return slope


def fit_models(
    models: Sequence[Model], wavelength: Floats, values: Floats, *, derived: Callable[[Fitted, Values], Values]
) -> Averaged:
    """Fit every model and average what follows from them.

    Parameters
    ----------
    models
        At least one.
    wavelength, values
        The points (n,), nm and the curve's unit.
    derived
        Numbers, by name, that follow from the parameters of a fit.
    """
    floor = max(white_level(values), 1e-6 * float(np.ptp(values)) or 1e-12)
    lower = floor * np.eye(len(values))
    fits = [_fit(model, values, lower, model.start()) for model in models]
    noise = None
    for turn in range(_ROUNDS):
        ranked = _ranked(fits)
        noise = _noise_of(ranked[0][0], wavelength, values)
        lower = noise.lower
        # the first ranking is against white noise, and rules nothing out
        kept = [fit for fit, weight in ranked if turn == 0 or weight > _HOPELESS]
        fits = [_fit(one.model, values, lower, _restart(one)) for one in kept]
    if noise is None:
        raise ValueError("no rounds")
    ranked = _ranked(fits)
    last = [(fit, weight) for fit, weight in ranked if weight > _NEGLIGIBLE]
    total = sum(weight for _, weight in last)
    weights = tuple(weight / total for _, weight in last)
    chosen = tuple(fit for fit, _ in last)
    return Averaged(chosen, weights, noise, _averaged(chosen, weights, noise, derived))


def gain_over(found: Averaged, models: Sequence[Model], values: Floats) -> float:
    """By how much the best fit is better than the best of other `models` by Akaike's criterion, the noise alike."""
    others = [_fit(model, values, found.noise.lower, model.start()) for model in models]
    return min(map(_criterion, others)) - min(map(_criterion, found.fits))


def _criterion(fit: Fitted) -> float:
    return fit.chi_square + 2 * len(fit.names)


def _restart(fitted: Fitted) -> lmfit.Parameters:
    parameters = fitted.model.start()
    for name in fitted.names:
        parameters[name].value = fitted.values[name]
    return parameters


def _noise_of(fitted: Fitted, wavelength: Floats, values: Floats) -> NoiseModel:
    signal = np.clip(fitted.curve, 0, None)
    top = float(signal.max()) or 1.0
    return estimate_noise(values - fitted.curve, fitted.jacobian, signal=signal / top, wavelength=wavelength)


def _ranked(fits: Sequence[Fitted]) -> list[tuple[Fitted, float]]:
    """Fits and weights by the information criterion, the best first."""
    criteria = np.array([_criterion(fit) for fit in fits])
    weights = np.exp(-0.5 * (criteria - criteria.min()) / _TEMPER)
    order = np.argsort(-weights, kind="stable")
    return [(fits[k], float(weights[k] / weights.sum())) for k in order]


def _averaged(
    fits: Sequence[Fitted], weights: Sequence[float], noise: NoiseModel, derived: Callable[[Fitted, Values], Values]
) -> dict[str, Estimate]:
    centres = [derived(fit, fit.values) for fit in fits]
    gradients = [_gradients(fit, derived) for fit in fits]
    numbers = {}
    for name in centres[0]:
        each = np.array([centre[name] for centre in centres])
        variances = np.array([float(g[name] @ f.covariance @ g[name]) for f, g in zip(fits, gradients, strict=True)])
        share = np.asarray(weights)
        mean = float(share @ each)
        error = float(np.sqrt(share @ (variances + (each - mean) ** 2)))
        freedom = noise.freedom(fits[0].jacobian, gradients[0][name])
        numbers[name] = Estimate(mean, error * float(np.sqrt(1 + 2 / freedom)), freedom)
    return numbers


def _gradients(fit: Fitted, derived: Callable[[Fitted, Values], Values]) -> dict[str, Floats]:
    """Slopes of the derived numbers to the parameters, each (p,)."""
    rows: dict[str, list[float]] = {}
    for name in fit.names:
        step = 1e-4 * max(abs(fit.values[name]), 1e-3)
        up = derived(fit, {**fit.values, name: fit.values[name] + step})
        down = derived(fit, {**fit.values, name: fit.values[name] - step})
        for key in up:
            rows.setdefault(key, []).append((up[key] - down[key]) / (2 * step))
    return {key: np.array(row) for key, row in rows.items()}
