"""Least squares against correlated noise, over several models, their results averaged.

Each model is fitted by SciPy to residuals made independent by the Cholesky factor of the noise. Models are weighted by
Akaike's information criterion, and what they differ by goes into the error: Buckland, Burnham, Augustin, Biometrics
53, 603 (1997), doi:10.2307/2533961. Weights that come from the same points make a variance too small; it is raised by
two over its degrees of freedom, the order of the correction of Kenward and Roger, Biometrics 53, 983 (1997),
doi:10.2307/2533558.

Points of a curve that a fit uses: usable, of numbers that can be squared, and averaged where there are many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from scipy import linalg, optimize

from qdmol.arrays import Floats
from qdmol.errors import DataError
from qdmol.spectroscopy.noise import NoiseModel, estimate_noise, single_threaded, white_level
from qdmol.spectroscopy.values import Curve, Measurement

_MOST = 320
# Squares and products of values stay within double precision.
_SMALLEST, _LARGEST = 1e-50, 1e50


def points_to_fit(curve: Curve) -> tuple[Floats, Floats]:
    """Wavelength (m,) in nm and value (m,) of the usable points, at most 320 after averaging neighbours.

    Raises
    ------
    qdmol.errors.DataError
        No point is usable, or the values are too large or too small to be fitted.
    """
    wavelength, values = curve.good
    if not len(values):
        flagged = " ".join(flag.text for flag in curve.flags)
        raise DataError(f"No point of the curve is usable. {flagged}".rstrip())
    highest = float(np.abs(values).max())
    if highest > _LARGEST or 0 < highest < _SMALLEST:
        raise DataError(f"The largest value is {highest:.3g}; curves are fitted from {_SMALLEST:g} to {_LARGEST:g}.")
    return thinned(wavelength, values)


def thinned(wavelength: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Means of as many neighbours as leave at most 320 points; points (n,) in, points (m,) out."""
    group = max(-(-len(values) // _MOST), 1)
    whole = len(values) // group * group
    return wavelength[:whole].reshape(-1, group).mean(axis=1), values[:whole].reshape(-1, group).mean(axis=1)


Values = Mapping[str, float]
_ROUNDS = 2  # of noise and fit in turns
# A step costs one evaluation and one for each parameter; there are 5 to 10 steps from a start, and as many after each
# estimate of the noise. The fit keeps the last point it tried. The limit is part of the method: fits of absorption that
# go on until they converge follow flat valleys, in which the backgrounds take over the peak, and their intervals hold
# in 90 instead of 95 % of 200 simulated curves.
_EVALUATIONS = 60
_CONVERGED = 1e-8  # relative change of the sum of squares or of the parameters
_INSIDE = 1e-10  # of the distance of two bounds, that a start keeps from them
_NEGLIGIBLE = 1e-3  # weight of a model that is left out
_HOPELESS = 1e-5  # weight of a model that is not fitted again
# Differences of the criterion are halved: against correlated noise they are themselves uncertain by as much.
_TEMPER = 2.0


@dataclass(frozen=True, slots=True)
class Parameter:
    """Start of a parameter and its bounds; a fixed one keeps its start."""

    value: float
    low: float = -np.inf
    high: float = np.inf
    fixed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A curve with parameters.

    Parameters
    ----------
    name
        In words.
    parameters
        Start and bounds, by name.
    evaluate
        The curve (n,) at values of all parameters, and its derivatives (n,) by name.
    expected
        Where a parameter that the data may leave open is expected: by name, value and standard deviation.
    """

    name: str
    parameters: Mapping[str, Parameter]
    evaluate: Callable[[Values], tuple[Floats, Mapping[str, Floats]]]
    expected: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def start(self) -> dict[str, float]:
        """Values of all parameters before a fit."""
        return {name: parameter.value for name, parameter in self.parameters.items()}


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
    numbers: dict[str, Measurement]

    @property
    def best(self) -> Fitted:
        """The fit of the largest weight."""
        return self.fits[0]


class _LimitReachedError(Exception):
    """The evaluations of a fit are used up."""


Whiten = Callable[[Floats], Floats]
# Numbers that follow from the parameters, and their slopes (p,) to the varied ones.
Derived = Callable[[Fitted], tuple[dict[str, float], dict[str, Floats]]]


@dataclass(eq=False)
class _Problem:
    """Residuals of a model with independent noise of unit variance, and their Jacobian, at the varied parameters."""

    model: Model
    measured: Floats
    whiten: Whiten
    fixed: dict[str, float]
    names: tuple[str, ...] = field(init=False)
    centres: Floats = field(init=False)
    sharpness: Floats = field(init=False)
    at: Floats | None = None
    spent: int = 0

    def __post_init__(self) -> None:
        self.names = tuple(name for name, parameter in self.model.parameters.items() if not parameter.fixed)
        priors = [(k, *self.model.expected[name]) for k, name in enumerate(self.names) if name in self.model.expected]
        self.sharpness = np.zeros((len(priors), len(self.names)))
        self.centres = np.array([centre / spread for _, centre, spread in priors])
        for row, (column, _, spread) in enumerate(priors):
            self.sharpness[row, column] = 1 / spread

    def evaluate(self, point: Floats) -> None:
        """Curve and whitened residuals and Jacobian, once for a point."""
        if self.at is not None and np.array_equal(point, self.at):
            return
        self.at = point.copy()
        self.values = {**self.fixed, **dict(zip(self.names, point.tolist(), strict=True))}
        self.curve, slopes = self.model.evaluate(self.values)
        self.slopes = np.column_stack([slopes[name] for name in self.names])
        white = self.whiten(np.column_stack([self.slopes, self.curve - self.measured]))
        self.residuals = np.concatenate([white[:, -1], self.sharpness @ point - self.centres])
        self.jacobian = np.vstack([white[:, :-1], self.sharpness])

    def residual_at(self, point: Floats) -> Floats:
        """Whitened residuals and distances from what is expected."""
        self.evaluate(point)
        self._spend(1)
        return self.residuals

    def jacobian_at(self, point: Floats) -> Floats:
        """Their derivatives."""
        self.evaluate(point)
        self._spend(len(point))
        return self.jacobian

    def _spend(self, evaluations: int) -> None:
        self.spent += evaluations
        if self.spent > _EVALUATIONS:
            raise _LimitReachedError


def _fit(model: Model, measured: Floats, whiten: Whiten, start: Values) -> Fitted:
    """Fit by least squares to residuals that `whiten` makes independent, from values of the parameters."""
    problem = _Problem(model, measured, whiten, model.start)
    bounded = [model.parameters[name] for name in problem.names]
    low, high = np.array([each.low for each in bounded]), np.array([each.high for each in bounded])
    room = _INSIDE * np.where(np.isfinite(high - low), high - low, 0.0)
    first = np.clip([start[name] for name in problem.names], low + room, high - room)
    with suppress(_LimitReachedError):
        done = optimize.least_squares(
            problem.residual_at, first, jac=problem.jacobian_at, bounds=(low, high), method="trf", tr_solver="exact",
            ftol=_CONVERGED, xtol=_CONVERGED, gtol=_CONVERGED, max_nfev=_EVALUATIONS + 1,
        )  # fmt: skip
        problem.evaluate(done.x)
    covariance = linalg.pinvh(problem.jacobian.T @ problem.jacobian)
    chi_square = float(problem.residuals @ problem.residuals)
    return Fitted(model, problem.values, problem.names, problem.curve, problem.slopes, covariance, chi_square)


def fit_models(models: Sequence[Model], wavelength: Floats, values: Floats, *, derived: Derived) -> Averaged:
    """Fit every model and average what follows from them.

    Parameters
    ----------
    models
        At least one.
    wavelength, values
        The points (n,), nm and the curve's unit.
    derived
        Numbers, by name, that follow from the parameters of a fit, and their slopes to the varied parameters.
    """
    floor = max(white_level(values), 1e-6 * float(np.ptp(values)) or 1e-12)
    with single_threaded():
        fits = [_fit(model, values, lambda columns: columns / floor, model.start) for model in models]
        noise = None
        for turn in range(_ROUNDS):
            ranked = _ranked(fits)
            noise = _noise_of(ranked[0][0], wavelength, values)
            # the first ranking is against white noise, and rules nothing out
            kept = [fit for fit, weight in ranked if turn == 0 or weight > _HOPELESS]
            whiten = _whitening(noise)
            fits = [_fit(fit.model, values, whiten, fit.values) for fit in kept]
        if noise is None:
            raise ValueError("no rounds")
        ranked = _ranked(fits)
        last = [(fit, weight) for fit, weight in ranked if weight > _NEGLIGIBLE]
        total = sum(weight for _, weight in last)
        weights = tuple(weight / total for _, weight in last)
        chosen = tuple(fit for fit, _ in last)
        return Averaged(chosen, weights, noise, _averaged(chosen, weights, noise, derived))


def gain_over(averaged: Averaged, models: Sequence[Model], values: Floats) -> float:
    """By how much the best fit is better than the best of other `models` by Akaike's criterion, the noise alike."""
    with single_threaded():
        whiten = _whitening(averaged.noise)
        others = [_fit(model, values, whiten, model.start) for model in models]
    return min(map(_criterion, others)) - min(map(_criterion, averaged.fits))


def _criterion(fit: Fitted) -> float:
    return fit.chi_square + 2 * len(fit.names)


def _whitening(noise: NoiseModel) -> Whiten:
    """Product with the inverse of the Cholesky factor, for many products of the same noise."""
    inverse, status = linalg.lapack.dtrtri(noise.lower, lower=1)
    if status:
        raise linalg.LinAlgError("the covariance of the noise is singular")
    whiten: Whiten = np.asarray(inverse).__matmul__
    return whiten


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
    fits: Sequence[Fitted], weights: Sequence[float], noise: NoiseModel, derived: Derived
) -> dict[str, Measurement]:
    followed = [derived(fit) for fit in fits]
    names = tuple(followed[0][0])
    each = np.array([[numbers[name] for name in names] for numbers, _ in followed])
    gradients = [np.array([slopes[name] for name in names]) for _, slopes in followed]
    variances = np.array(
        [np.einsum("mp,pq,mq->m", g, fit.covariance, g) for fit, g in zip(fits, gradients, strict=True)]
    )
    share = np.asarray(weights)
    mean = share @ each
    errors = np.sqrt(share @ (variances + (each - mean) ** 2))
    freedom = noise.freedom(fits[0].jacobian, gradients[0])
    errors = errors * np.sqrt(1 + 2 / freedom)
    return {
        name: Measurement(float(mean[k]), float(errors[k]), float(freedom[k])) for k, name in enumerate(names)
    }  # fmt: skip


Numbers = Callable[[Values], dict[str, float]]


def slopes_to_parameters(fit: Fitted, numbers: Numbers) -> dict[str, Floats]:
    """Slopes of numbers to the varied parameters, each (p,), by central differences."""
    rows: dict[str, list[float]] = {}
    for name in fit.names:
        step = 1e-4 * max(abs(fit.values[name]), 1e-3)
        up = numbers({**fit.values, name: fit.values[name] + step})
        down = numbers({**fit.values, name: fit.values[name] - step})
        for key in up:
            rows.setdefault(key, []).append((up[key] - down[key]) / (2 * step))
    return {key: np.array(row) for key, row in rows.items()}
