"""Least squares against correlated noise, over several models, their results averaged.

Each model is fitted by lmfit to residuals made independent by the Cholesky factor of the noise. Models are weighted by
Akaike's information criterion, and what they differ by goes into the error: Buckland, Burnham, Augustin, Biometrics
53, 603 (1997), doi:10.2307/2533961. Weights that come from the same points make a variance too small; it is raised by
two over its degrees of freedom, the order of the correction of Kenward and Roger, Biometrics 53, 983 (1997),
doi:10.2307/2533558.

Points of a curve that a fit uses: usable, of numbers that can be squared, and averaged where there are many.

Shapes of peaks and backgrounds.

Noise of a curve, from what a fit leaves: independent, rising with the signal, and alike over some nm.

Restricted maximum likelihood (Patterson and Thompson, Biometrika 58, 545 (1971), doi:10.1093/biomet/58.3.545) counts
the parameters that were fitted, so that the noise does not come out too small. With it come degrees of freedom of a
variance, after Satterthwaite, Biometrics Bull. 2, 110 (1946), doi:10.2307/3002019.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import lmfit
import numpy as np
from scipy import linalg, optimize, special

from qdmol.arrays import Floats
from qdmol.errors import DataError
from qdmol.spectroscopy.values import Curve, Measurement, Noise

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


_LN2 = float(np.log(2.0))


def gaussian(x: Floats, centre: float, fwhm: float) -> Floats:
    """A Gaussian of height 1."""
    value: Floats = np.exp(-4 * _LN2 * ((x - centre) / fwhm) ** 2)
    return value


def asymmetric_peak(x: Floats, centre: float, fwhm: float, *, skew: float = 0.0, lorentz: float = 0.0) -> Floats:
    """A peak of height 1 with its maximum at `centre`: Gaussian, or mixed with a share of a Lorentzian.

    Its half widths are fwhm (1 + skew) / 2 below the centre and fwhm (1 - skew) / 2 above, so that the full width at
    half maximum is `fwhm` whatever the other two.
    """
    width = np.where(x < centre, fwhm * (1 + skew), fwhm * (1 - skew))
    distance = (x - centre) / width
    peak: Floats = (1 - lorentz) * np.exp(-4 * _LN2 * distance**2) + lorentz / (1 + 4 * distance**2)
    return peak


def polynomial(t: Floats, *coefficients: float) -> Floats:
    """Sum of coefficients times powers of t, the constant first."""
    value: Floats = np.polynomial.polynomial.polyval(t, np.array(coefficients))
    return value


def step(x: Floats, centre: float, sigma: float) -> Floats:
    """A step from 0 to 1, the integral of a Gaussian."""
    value: Floats = special.ndtr((x - centre) / sigma)
    return value


def ramp(x: Floats, start: float, sigma: float) -> Floats:
    """A straight rise from `start` on with slope 1, its corner rounded by a Gaussian."""
    z = (x - start) / sigma
    value: Floats = sigma * (z * special.ndtr(z) + np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi))
    return value


_PRIOR = 3.0  # standard deviation of the logarithms about their start, so that none runs away
_LONGEST = 0.3  # of the window; what stays alike for longer is background


@dataclass(frozen=True, slots=True, eq=False)
class NoiseModel:
    """Covariance of the noise.

    Parameters
    ----------
    logarithms
        Of the variances white, rising and correlated, and of the length in nm: (4,).
    spread
        Covariance of these four (4, 4).
    covariance
        Of the points (n, n).
    slopes
        Its derivatives to the four (4, n, n).
    """

    logarithms: Floats
    spread: Floats
    covariance: Floats
    slopes: Floats

    @property
    def lower(self) -> Floats:
        """Cholesky factor of the covariance."""
        factor: Floats = linalg.cholesky(self.covariance, lower=True)
        return factor

    @property
    def described(self) -> Noise:
        """The same as standard deviations."""
        white, rising, correlated = np.exp(0.5 * self.logarithms[:3])
        return Noise(float(white), float(rising), float(correlated), float(np.exp(self.logarithms[3])))

    def freedom(self, jacobian: Floats, gradient: Floats) -> float:
        """Degrees of freedom of the variance of g·parameters, g the `gradient` (p,), `jacobian` (n, p)."""
        solved = linalg.cho_solve((self.lower, True), jacobian)
        spread = linalg.pinvh(jacobian.T @ solved)
        weights = solved @ (spread @ gradient)
        variance = float(gradient @ spread @ gradient)
        slopes = np.array([weights @ slope @ weights for slope in self.slopes])
        scatter = float(slopes @ self.spread @ slopes)
        return float(np.clip(2 * variance**2 / scatter, 3.0, 1e6)) if scatter > 0 else 1e6


def white_level(values: Floats) -> float:
    """Standard deviation of independent noise, from third differences: smooth curves drop out of them."""
    third = np.diff(values, 3)
    return float(np.sqrt(np.mean(third**2) / 20)) if len(third) else 0.0


def _covariance(logarithms: Floats, signal: Floats, distance: Floats) -> tuple[Floats, Floats]:
    white, rising, correlated, length = np.exp(logarithms)
    alike = correlated * np.exp(-distance / length)
    slopes = np.zeros((4, *distance.shape))
    np.fill_diagonal(slopes[0], white)
    np.fill_diagonal(slopes[1], rising * signal)
    slopes[2] = alike
    slopes[3] = alike * distance / length
    return slopes[0] + slopes[1] + alike, slopes


def estimate_noise(residual: Floats, jacobian: Floats, *, signal: Floats, wavelength: Floats) -> NoiseModel:
    r"""Find the noise that the residuals of a fit speak for.

    .. math:: V_{ij} = (w + r s_i) \delta_{ij} + c\, e^{-|\lambda_i - \lambda_j| / \ell}

    Parameters
    ----------
    residual
        Measured minus fitted (n,).
    jacobian
        Of the fit (n, p).
    signal
        The fitted curve (n,), scaled to 0..1: where the noise may be higher.
    wavelength
        Of the points (n,), nm.
    """
    scale = float(np.sqrt(np.mean(residual**2))) or 1.0
    distance = np.abs(wavelength[:, None] - wavelength[None, :])
    step, span = float(np.median(np.diff(wavelength))), float(np.ptp(wavelength))
    unit, basis = residual / scale, _basis(jacobian)
    floor = max(white_level(unit), 1e-3)
    start = np.log([floor**2, 0.1 * floor**2, max(1 - floor**2, 0.1), 5 * step])
    bounds = [(-18.0, 4.0)] * 3 + [(np.log(0.7 * step), np.log(max(_LONGEST * span, 2 * step)))]

    def objective(logarithms: Floats) -> tuple[float, Floats]:
        value, slope, _ = _restricted(logarithms, unit, basis, signal, distance)
        away = (logarithms - start) / _PRIOR
        return value + 0.5 * float(away @ away), slope + away / _PRIOR

    optimum = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60})
    logarithms = np.asarray(optimum.x)
    information = _restricted(logarithms, unit, basis, signal, distance, with_information=True)[2]
    spread = linalg.pinvh(information + np.eye(4) / _PRIOR**2)
    logarithms = logarithms + np.array([2.0, 2.0, 2.0, 0.0]) * np.log(scale)
    covariance, slopes = _covariance(logarithms, signal, distance)
    return NoiseModel(logarithms, spread, covariance, slopes)


def _basis(jacobian: Floats) -> Floats:
    """Orthonormal columns of what the fit can follow; directions without effect dropped."""
    scaled = jacobian / np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    basis: Floats = left[:, sizes > 1e-9 * sizes[0]]
    return basis


def _restricted(
    logarithms: Floats, residual: Floats, basis: Floats, signal: Floats, distance: Floats, *,
    with_information: bool = False,
) -> tuple[float, Floats, Floats]:  # fmt: skip
    """Half the restricted deviance, its slope (4,) and, if wanted, the expected information (4, 4)."""
    covariance, slopes = _covariance(logarithms, signal, distance)
    factor = linalg.cho_factor(covariance, lower=True, check_finite=False)
    inverse = linalg.cho_solve(factor, np.eye(len(residual)), check_finite=False)
    solved = inverse @ basis
    inner = linalg.cho_factor(basis.T @ solved, lower=True)
    projector = inverse - solved @ linalg.cho_solve(inner, solved.T)
    weighted = projector @ residual
    logdet = np.sum(np.log(np.diag(factor[0]))) + np.sum(np.log(np.diag(inner[0])))
    value = float(logdet + 0.5 * residual @ weighted)
    traces = np.einsum("ij,kij->k", projector, slopes)
    slope = 0.5 * (traces - np.einsum("i,kij,j->k", weighted, slopes, weighted))
    information = np.zeros((4, 4))
    if with_information:
        products = [projector @ one for one in slopes]
        information = 0.5 * np.array([[np.sum(a * b.T) for b in products] for a in products])
    return value, slope, information


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
    numbers: dict[str, Measurement]

    @property
    def best(self) -> Fitted:
        """The fit of the largest weight."""
        return self.fits[0]


def _varied(parameters: lmfit.Parameters) -> tuple[str, ...]:
    return tuple(name for name, parameter in parameters.items() if parameter.vary)


def _fit(model: Model, values: Floats, lower: Floats, start: lmfit.Parameters) -> Fitted:
    """Fit by least squares to residuals divided by the noise's factor `lower` (n, n)."""
    names = _varied(start)
    expected = {name: model.expected[name] for name in names if name in model.expected}

    def residual(parameters: lmfit.Parameters) -> Floats:
        values_now = parameters.valuesdict()
        white = linalg.solve_triangular(lower, values - model.curve(values_now), lower=True, check_finite=False)
        away = [(values_now[name] - value) / spread for name, (value, spread) in expected.items()]
        return np.concatenate([white, np.array(away)])

    done = lmfit.minimize(residual, start, method="least_squares", calc_covar=False, max_nfev=60)
    best = {name: float(value) for name, value in done.params.valuesdict().items()}
    curve = model.curve(best)
    jacobian = np.column_stack([_slope(model, best, name, done.params[name]) for name in names])
    white = linalg.solve_triangular(lower, jacobian, lower=True, check_finite=False)
    certain = np.array([expected[name][1] ** -2 if name in expected else 0.0 for name in names])
    covariance = linalg.pinvh(white.T @ white + np.diag(certain))
    return Fitted(model, best, names, curve, jacobian, covariance, float(np.sum(done.residual**2)))


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
        fits = [_fit(fit.model, values, lower, _restart(fit)) for fit in kept]
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
    others = [_fit(model, values, averaged.noise.lower, model.start()) for model in models]
    return min(map(_criterion, others)) - min(map(_criterion, averaged.fits))


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
) -> dict[str, Measurement]:
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
        numbers[name] = Measurement(mean, error * float(np.sqrt(1 + 2 / freedom)), freedom)
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
