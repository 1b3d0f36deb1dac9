"""The fast likelihood of the noise against dense matrices, and analytic slopes against differences."""

import numpy as np
import pytest
from scipy import optimize
from tests.spectroscopy import simulated

from qdmol.spectroscopy import emission, fitting
from qdmol.spectroscopy.absorption import _Scene as AbsorptionScene
from qdmol.spectroscopy.noise import NoiseModel, estimate_noise, restricted_deviance

RNG = np.random.default_rng(4)
COUNT = 60
WAVELENGTH = np.sort(RNG.uniform(400, 700, COUNT))
SIGNAL = RNG.uniform(0, 1, COUNT)
BASIS = np.linalg.qr(RNG.normal(size=(COUNT, 5)))[0]
RESIDUAL = RNG.normal(size=COUNT)


def covariance(logarithms):
    white, rising, correlated, length = np.exp(logarithms)
    distance = np.abs(WAVELENGTH[:, None] - WAVELENGTH)
    return correlated * np.exp(-distance / length) + np.diag(white + rising * SIGNAL)


def dense_deviance(logarithms):
    inverse = np.linalg.inv(covariance(logarithms))
    inner = BASIS.T @ inverse @ BASIS
    projector = inverse - inverse @ BASIS @ np.linalg.solve(inner, BASIS.T @ inverse)
    logdet = np.linalg.slogdet(covariance(logarithms))[1] + np.linalg.slogdet(inner)[1]
    return 0.5 * (logdet + RESIDUAL @ projector @ RESIDUAL)


@pytest.mark.parametrize(
    "variances", [(0.5, 0.2, 0.7, 5.0), (1e-3, 1e-4, 1.0, 20.0), (1.0, 1e-5, 1e-7, 2.0), (1e-4, 0.3, 0.3, 80.0)]
)
def test_the_likelihood_and_its_slope_are_those_of_dense_matrices(variances):
    logarithms = np.log(variances)
    columns = np.column_stack([BASIS, RESIDUAL])
    value, slope = restricted_deviance(logarithms, columns, SIGNAL, np.diff(WAVELENGTH))
    assert value == pytest.approx(dense_deviance(logarithms), rel=1e-9)
    numeric = optimize.approx_fprime(logarithms, dense_deviance, 1e-6)
    assert slope == pytest.approx(numeric, rel=1e-3, abs=2e-3)


def test_slopes_of_a_variance_are_those_of_the_covariance():
    logarithms = np.log([0.5, 0.2, 0.7, 15.0])
    lower = np.linalg.cholesky(covariance(logarithms))
    noise = NoiseModel(logarithms, SIGNAL, WAVELENGTH, BASIS, lower)
    weights = RNG.normal(size=(COUNT, 2))
    slopes = noise.slopes_of(weights)
    for column in range(2):
        variance = lambda x, w=weights[:, column]: w @ covariance(x) @ w  # noqa: E731
        assert slopes[:, column] == pytest.approx(optimize.approx_fprime(logarithms, variance, 1e-7), rel=1e-4)


def test_the_spread_follows_from_the_expected_information():
    logarithms = np.log([0.5, 0.2, 0.7, 15.0])
    noise = NoiseModel(logarithms, SIGNAL, WAVELENGTH, BASIS, np.linalg.cholesky(covariance(logarithms)))
    inverse = np.linalg.inv(covariance(logarithms))
    projector = inverse - inverse @ BASIS @ np.linalg.solve(BASIS.T @ inverse @ BASIS, BASIS.T @ inverse)
    shift = 1e-5
    slopes = [
        (covariance(logarithms + shift * unit) - covariance(logarithms - shift * unit)) / (2 * shift)
        for unit in np.eye(4)
    ]
    information = [[0.5 * np.trace(projector @ a @ projector @ b) for b in slopes] for a in slopes]
    assert noise.spread() == pytest.approx(np.linalg.inv(np.array(information) + np.eye(4) / 9), rel=1e-5)


def models():
    rng = np.random.default_rng(5)
    curve = simulated.emission(rng).curve
    wavelength, values, top, width = emission._window(curve)
    yield from emission._Scene(wavelength, values, HC / top, width, per_nm=True).models()
    curve = simulated.absorption(rng).curve
    inside = (curve.wavelength_nm > 450) & (curve.wavelength_nm < 650)
    scene = AbsorptionScene(curve.wavelength_nm[inside], curve.values[inside], 2.3)
    yield from (*scene.peak_models(), *scene.edge_models())


HC = 1239.841984


@pytest.mark.parametrize("model", list(models()), ids=lambda model: model.name)
def test_analytic_slopes_of_the_models(model):
    values = model.start | {
        name: parameter.value * 1.07 + 0.02 for name, parameter in model.parameters.items() if not parameter.fixed
    }
    curve, slopes = model.evaluate(values)
    for name, parameter in model.parameters.items():
        if not parameter.fixed:
            step = 1e-6
            up, down = (model.evaluate({**values, name: values[name] + shift})[0] for shift in (step, -step))
            numeric = (up - down) / (2 * step)
            # a peak with unlike sides has a bend at its centre
            near = 1e-5 * np.abs(numeric).max() + 1e-6 * np.abs(curve).max()
            assert np.abs(slopes[name] - numeric).max() < near, name


def test_a_fit_spends_no_more_than_its_evaluations(monkeypatch):
    calls = []
    solver = optimize.least_squares

    def counted(residual, first, *, jac, **options):
        calls.append(0)

        def count(function, cost):
            def counting(point):
                calls[-1] += cost
                return function(point)

            return counting

        return solver(count(residual, 1), first, jac=count(jac, len(first)), **options)

    monkeypatch.setattr(fitting.optimize, "least_squares", counted)
    emission.fit_emission(simulated.emission(np.random.default_rng(7)).curve)
    assert len(calls) > 16
    assert max(calls) <= fitting._EVALUATIONS + 10


def test_noise_is_estimated_at_a_stationary_point():
    """The likelihood at the estimate, with its prior, is not exceeded nearby."""
    made = simulated.noise(
        np.random.default_rng(3), WAVELENGTH, white=0.5, rising=0 * SIGNAL, correlated=1.0, length=20.0
    )
    residual = made - BASIS @ (BASIS.T @ made)
    noise = estimate_noise(residual, BASIS, signal=SIGNAL, wavelength=WAVELENGTH)
    scale = np.sqrt(np.mean(residual**2))
    logarithms = noise.logarithms - np.array([2, 2, 2, 0]) * np.log(scale)
    columns = np.column_stack([BASIS, residual / scale])
    slope = restricted_deviance(logarithms, columns, SIGNAL, np.diff(WAVELENGTH))[1]
    assert np.abs(slope).max() < 1.0  # what the prior of three logarithmic units can hold
    assert np.allclose(noise.lower @ noise.lower.T, covariance(noise.logarithms))
