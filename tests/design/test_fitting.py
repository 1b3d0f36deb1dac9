"""Fits of fields with models given by formulas: coverage, degenerate directions, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from tests.design.fake_models import formula_model

from qdmol.design import data as data_module
from qdmol.design.data import CurveData, NumberData, measured_curve
from qdmol.design.fields import Field
from qdmol.design.least_squares import correlation_time, fit, involved, profile
from qdmol.design.polynomials import fit_polynomial, spread_points
from qdmol.design.spec_fitting import _direction, _refuse_ends, _result, fit_spec
from qdmol.errors import DataError, InputError
from qdmol.estimates import Estimate
from qdmol.spectroscopy import Curve
from qdmol.units import HC_EV_NM


def fitted(formula, wanted, errors, ranges):
    model = formula_model(formula, wanted, ranges=ranges, errors=errors)
    data = NumberData(model.targets, model)
    return model, fit(data, model.fields, lambda _: None)


def intervals(model, result):
    ends = [profile(result, place, field)[1:] for place, field in enumerate(model.fields)]
    return [(field.value(low), field.value(high)) for field, (low, high) in zip(model.fields, ends, strict=True)]


def test_polynomials_predict_what_was_left_out():
    points = spread_points(24, 2)
    outputs = np.stack([np.exp(points[:, 0] * 0.4), points[:, 0] * points[:, 1] ** 2], axis=1)
    surface = fit_polynomial(points, outputs)
    at = np.random.default_rng(0).uniform(-0.9, 0.9, (200, 2))
    truth = np.stack([np.exp(at[:, 0] * 0.4), at[:, 0] * at[:, 1] ** 2], axis=1)
    assert np.all(np.std(surface(at) - truth, axis=0) < 3 * surface.error + 1e-9)
    assert np.all(surface.error < 2e-3)


def test_a_fit_finds_the_least_squares_of_a_nonlinear_model():
    model, result = fitted(
        lambda a, b: (a**2, a * b, np.exp(b / 2)), [4.1, 3.9, 2.6], [0.05, 0.05, 0.05], [(1.0, 3.0), (1.0, 3.0)]
    )
    from scipy.optimize import least_squares

    wanted = np.array([4.1, 3.9, 2.6])
    exact = least_squares(lambda p: (wanted - [p[0] ** 2, p[0] * p[1], np.exp(p[1] / 2)]) / 0.05, [2.0, 2.0])
    values = [field.value(u) for field, u in zip(model.fields, result.parameters, strict=True)]
    deviation = np.sqrt(np.diag(np.linalg.inv(exact.jac.T @ exact.jac)))
    assert values == pytest.approx(exact.x, abs=0.1 * deviation.min())
    assert result.chi2 == pytest.approx(2 * exact.cost, abs=0.02)
    widths = [high - low for low, high in intervals(model, result)]
    assert widths == pytest.approx(2 * 1.96 * deviation, rel=0.05)


def coverage(trials, formula, truth, errors, ranges, seed=3):
    rng = np.random.default_rng(seed)
    held = np.zeros(len(truth))
    exact = np.array(formula(*truth))
    for _ in range(trials):
        model, result = fitted(formula, exact + rng.normal(0, errors), errors, ranges)
        held += [low <= value <= high for (low, high), value in zip(intervals(model, result), truth, strict=True)]
    return held / trials


def curved(a, b):
    return a**2 + b, 5 / b, a * b


def test_intervals_hold_the_planted_values():
    held = coverage(8, curved, (1.9, 2.2), [0.1, 0.05, 0.1], [(1.0, 3.0), (1.2, 3.5)])
    assert np.all(held >= 0.75)


@pytest.mark.slow
def test_intervals_hold_the_planted_values_in_93_to_97_percent():
    held = coverage(1000, curved, (1.9, 2.2), [0.1, 0.05, 0.1], [(1.0, 3.0), (1.2, 3.5)])
    assert np.all((held >= 0.93) & (held <= 0.97))


def test_the_interpolation_is_refined_until_it_is_accurate():
    model, result = fitted(lambda a: np.tanh(8 * (a - 1.7)), [0.3], [1e-3], [(1.0, 3.0)])
    value = model.fields[0].value(result.parameters[0])
    assert result.accurate
    assert value == pytest.approx(1.7 + np.arctanh(0.3) / 8, abs=3e-4)
    assert result.fitter.high[0] - result.fitter.low[0] < 1.0


def test_a_combination_that_is_not_determined_is_named():
    model, result = fitted(lambda a, b: (a * b, (a * b) ** 2 / 10), [4.0, 1.6], [0.05, 0.05], [(1.0, 3.0), (1.0, 3.0)])
    (weights,) = result.uncertainty.directions
    # ln a + ln b is determined; its opposite is not.
    assert np.abs(weights) == pytest.approx([np.sqrt(0.5)] * 2, abs=0.05)
    assert weights[0] * weights[1] < 0
    text = _direction(model.fields, result.parameters, weights, involved(result.uncertainty, weights)).text
    assert "a" in text
    assert "cannot be told apart" in text
    assert "raising" in text
    assert "lowering" in text
    assert "by 1 %" in text


def test_a_field_with_a_small_part_in_a_combination_is_named_too():
    model, result = fitted(lambda a, b: (a + 0.1 * b,), [2.2], [0.005], [(1.0, 3.0), (1.0, 3.0)])
    (weights,) = result.uncertainty.directions
    assert np.abs(weights).min() < 0.15
    assert involved(result.uncertainty, weights).all()
    text = _direction(model.fields, result.parameters, weights, involved(result.uncertainty, weights)).text
    assert "a combination of b and a" in text


def test_fewer_numbers_than_fields_leave_a_direction_open():
    _, result = fitted(lambda a, b: (a + b,), [4.0], [0.05], [(1.0, 3.0), (1.0, 3.0)])
    assert len(result.uncertainty.directions) == 1
    assert result.freedom == -1


def test_a_field_without_influence_is_named_alone():
    model, result = fitted(lambda a, b: (a, 2 * a), [2.0, 4.0], [0.05, 0.05], [(1.0, 3.0), (1.0, 3.0)])
    (weights,) = result.uncertainty.directions
    moved = involved(result.uncertainty, weights)
    assert _direction(model.fields, result.parameters, weights, moved).text.startswith("The data say little about b")


def test_numbers_that_scatter_more_than_their_errors_enlarge_the_interval():
    model, close = fitted(lambda a: (a, a, a), [2.0, 2.01, 1.99], [0.05] * 3, [(1.0, 3.0)])
    far_model, far = fitted(lambda a: (a, a, a), [2.0, 2.4, 1.6], [0.05] * 3, [(1.0, 3.0)])
    assert close.uncertainty.scale == 1
    assert far.uncertainty.scale == pytest.approx(np.sqrt(0.32 / 0.05**2 / 2), rel=0.02)
    (near_ends,), (far_ends,) = intervals(model, close), intervals(far_model, far)
    assert np.ptp(far_ends) > 4 * np.ptp(near_ends)


def test_a_model_with_too_few_solved_points_is_refused():
    with pytest.raises(DataError, match="only"):
        fitted(lambda a: None if a > 1.01 else (a,), [2.0], [0.05], [(1.0, 3.0)])


def test_a_best_value_at_the_end_of_the_range_is_refused():
    model, result = fitted(lambda a: (a,), [3.2], [0.01], [(1.0, 3.0)])
    _, _, high = profile(result, 0, model.fields[0])
    assert np.isinf(high)
    entry = SimpleNamespace(value=Estimate(3.0, 2.99, np.inf))
    with pytest.raises(DataError, match="upper end"):
        _refuse_ends(model.fields, [entry], result.parameters)


def test_white_noise_has_no_correlation_time_and_a_smooth_curve_has():
    rng = np.random.default_rng(5)
    assert correlation_time(rng.normal(size=400)) < 1.5
    assert correlation_time(np.convolve(rng.normal(size=420), np.ones(21), "valid")) > 8


GRID = np.arange(1.5, 3.0, 0.003)


def spectrum_of(radius):
    """A spectrum with the peak of a sphere, 60 meV wide."""
    peak = 1.8 + 0.5 / radius**2
    shape = np.exp(-(((GRID - peak) / 0.03) ** 2) / 2)
    higher = shape + 0.8 * np.exp(-(((GRID - peak - 0.3 / radius) / 0.05) ** 2) / 2)
    energy = Estimate.from_error(peak, 1e-5, "eV")
    lines = (SimpleNamespace(energy=energy),)
    return SimpleNamespace(grid=GRID, emission=shape, absorption=higher, emission_peak=energy, lines=lines)


@pytest.fixture
def spheres(monkeypatch):
    """Replace predicted spectra by those of `spectrum_of`; the number of predictions is counted."""
    calls = []

    def predicted(spec, folder):
        calls.append(spec)
        return spectrum_of(spec), True

    monkeypatch.setattr(data_module, "own_spectrum", predicted)
    monkeypatch.setattr(data_module, "spec_at", lambda spec, fields, point: point[0])
    return calls


def measured(radius, rng, *, noise=0.02, quantity="emission"):
    wavelength = np.arange(560.0, 700.0) if quantity == "emission" else np.arange(570.0, 700.0)
    sample = spectrum_of(radius)
    values = sample.emission if quantity == "emission" else sample.absorption
    from scipy.ndimage import gaussian_filter1d

    broad = np.interp(HC_EV_NM / wavelength, GRID, gaussian_filter1d(values, 8))
    if quantity == "emission":
        broad = broad / wavelength**2 * 600**2
    return Curve(wavelength, 500 * (broad + 0.1 + rng.normal(0, noise, len(broad))), quantity=quantity)


def curve_fit(curve):
    field = Field("radius", "radius", "nm", 1.6, 1.2, 2.0)
    points = measured_curve(curve, None, None)
    data = CurveData([points], None, (field,), folder=None, tell=lambda _: None)
    return field, data, fit(data, (field,), lambda _: None)


def spectra_held(trials, planted=(1.5, 1.73)):
    rng, held = np.random.default_rng(11), 0
    for trial in range(trials):
        truth = planted[trial % len(planted)]
        field, _, result = curve_fit(measured(truth, rng))
        _, low, high = profile(result, 0, field)
        held += field.value(low) <= truth <= field.value(high)
    return held / trials


def test_a_spectrum_determines_the_radius_and_the_broadening(spheres):
    field, data, result = curve_fit(measured(1.6, np.random.default_rng(2), noise=0.005))
    assert field.value(result.parameters[0]) == pytest.approx(1.6, abs=2e-3)
    assert result.parameters[1] == pytest.approx(8 * 0.003, rel=0.05)
    vector = result.fitter.surface(result.parameters[None, :1])[0]
    _, _, offset = data.fits(vector, result.parameters[1:])[0]
    assert offset == pytest.approx(50, abs=3)
    assert len(spheres) < 40


def test_intervals_from_spectra_hold_the_planted_radius(spheres):
    assert spectra_held(8) >= 0.75


@pytest.mark.slow
def test_intervals_from_300_spectra_hold_the_planted_radius_in_93_to_97_percent(spheres):
    assert 0.93 <= spectra_held(300) <= 0.97


def test_absorption_is_fitted_with_its_second_peak(spheres):
    field, _, result = curve_fit(measured(1.55, np.random.default_rng(4), quantity="absorption"))
    assert field.value(result.parameters[0]) == pytest.approx(1.55, abs=5e-3)


def test_a_curve_that_is_not_described_is_refused(spheres):
    wavelength = np.arange(560.0, 700.0)
    rng = np.random.default_rng(0)
    curve = Curve(wavelength, np.cos(wavelength / 9.0) + rng.normal(0, 0.02, len(wavelength)), quantity="emission")
    field, data, result = curve_fit(curve)
    with pytest.raises(DataError, match="does not describe"):
        _result(None, (field,), data, result, 0.0)


@pytest.mark.parametrize(
    ("to", "options", "match"),
    [
        ({}, {}, "at least one number"),
        ({"peak": "605nm"}, {}, "error above 0"),
        ({"peak": (605, 0)}, {}, "error above 0"),
        ({"peak": "605±2nm"}, {"window": (500, 600)}, "for curves"),
        (7, {}, "mapping of numbers"),
        ([], {}, "mapping of numbers"),
        ("missing.csv", {}, "missing.csv"),
        (Curve(np.arange(500.0, 600.0), np.ones(100)), {"window": (400, 700)}, "absorption, excitation or emission"),
        (Curve(np.arange(500.0, 600.0), np.ones(100), quantity="emission"), {"window": (600, 500)}, "shorter first"),
        (Curve(np.arange(500.0, 600.0), np.ones(100), quantity="emission"), {"window": (500, 503)}, "10 points"),
    ],
)
def test_data_that_cannot_be_fitted_are_refused(to, options, match):
    with pytest.raises(InputError, match=match):
        fit_spec("@monomer", vary="core_radius", to=to, **options)


def test_too_many_fields_are_refused():
    names = [f"overrides.{m}.{k}" for m in ("CdSe", "CdS") for k in ("electron_mass", "hole_mass", "permittivity")]
    with pytest.raises(InputError, match="at most 5"):
        fit_spec("@monomer", vary=names, to={"peak": "605±2nm"})
