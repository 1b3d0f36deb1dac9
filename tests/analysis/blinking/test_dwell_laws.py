"""Laws of dwell times against quadrature, closed forms and brute force; intervals and tests by simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats
from tests.analysis.blinking.test_dwell_coverage import cut_power, on_dwells, power

from qdmol.analysis.blinking.dwell_laws import (
    FEWEST_DWELLS,
    LAWS,
    best_law,
    fit_dwell_laws,
    log_survival,
    scaled_integral,
    survival,
)
from qdmol.errors import DataError, InputError


def law_of(laws, name):
    return laws[LAWS.index(name)]


def quadrature(function, low, high):
    """Integral in pieces of a smooth function over a wide range."""
    edges = np.linspace(low, high, 13)
    parts = [integrate.quad(function, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in itertools.pairwise(edges)]
    return sum(parts)


@pytest.mark.parametrize("exponent", [-3.0, 0.0, 0.5, 1.0, 1.0 + 1e-9, 1.5, 2.0, 3.2, 12.0])
@pytest.mark.parametrize("scale", [1e-9, 1e-4, 0.1, 1.0, 30.0, 100.0])
def test_incomplete_gamma_of_any_index_agrees_with_quadrature(exponent, scale):
    top = math.log1p((60.0 + 15.0 * abs(exponent)) / scale)
    exact = quadrature(lambda y: math.exp((1 - exponent) * y - scale * math.expm1(y)), 0.0, top)
    assert scaled_integral(exponent, scale) == pytest.approx(exact, rel=1e-8)


def test_integral_without_cut_off():
    assert scaled_integral(1.5, 0.0) == pytest.approx(2.0)
    assert scaled_integral(1.0, 0.0) == math.inf
    assert scaled_integral(1.5, 1e-13) == pytest.approx(2.0, rel=1e-5)


def test_survival_is_the_integral_of_the_density():
    def density(x):
        return x**-0.7 * math.exp(-x / 20.0)

    whole = integrate.quad(density, 2.0, 2000.0, limit=400, epsabs=0)[0]
    for time in (3.0, 17.0, 90.0):
        beyond = integrate.quad(density, time, 2000.0, limit=400, epsabs=0)[0]
        assert math.exp(log_survival(0.7, 2.0 / 20.0, time / 2.0)) == pytest.approx(beyond / whole, rel=1e-7)
    assert log_survival(1.5, 0.0, 4.0) == pytest.approx(-0.5 * math.log(4.0))
    assert log_survival(1.5, 0.1, 0.5) == 0.0


def test_closed_forms_of_single_laws():
    times = power(np.random.default_rng(1), 50, 1.7, shortest=0.2)
    cut = np.zeros(50, bool)
    cut[-1] = True
    laws = fit_dwell_laws(times, censored=cut, shortest_s=0.2, recording_s=times.sum())
    exponent = 1.0 + 49 / np.log(times / 0.2).sum()
    assert law_of(laws, "power law").parameters["exponent"].value == pytest.approx(exponent, abs=1e-5)
    mean = (times - 0.2).sum() / 49
    estimate = law_of(laws, "exponential").parameters["mean_s"]
    assert estimate.value == pytest.approx(mean, rel=1e-5)
    assert estimate.unit == "s"
    for end in (estimate.low, estimate.high):  # of the profile likelihood of an exponential: n (u - 1 - ln u) = 1.92
        ratio = mean / end
        assert 49 * (ratio - 1 - math.log(ratio)) == pytest.approx(1.9207, abs=1e-3)


def brute_force(times, cut, shortest, exponents, logs):
    """Logarithm of the likelihood on a grid, by quadrature of the density alone."""
    grid = np.zeros((len(exponents), len(logs)))
    for i, a in enumerate(exponents):
        for j, log in enumerate(logs):
            scale = math.exp(log)
            y = np.linspace(0.0, math.log(60.0 * max(scale, 1.0) / shortest + 60.0), 401)
            inside = np.exp((1 - a) * y - shortest * np.expm1(y) / scale)
            norm = math.log(integrate.simpson(inside, x=y) * shortest ** (1 - a)) - shortest / scale
            value = float((-a * np.log(times[~cut]) - times[~cut] / scale - norm).sum())
            for time in times[cut]:
                late = np.exp((1 - a) * y - time * np.expm1(y) / scale)
                value += math.log(integrate.simpson(late, x=y) * time ** (1 - a)) - time / scale - norm
            grid[i, j] = value
    return grid


def test_law_with_cut_off_against_brute_force():
    """Best values, intervals and evidence of 60 dwells, two of them cut."""
    times = cut_power(np.random.default_rng(4), 60, 1.4, 12.0)
    cut = np.zeros(60, bool)
    cut[[20, 59]] = True
    fit = law_of(fit_dwell_laws(times, censored=cut, shortest_s=1.0, recording_s=900.0), "power law with cut-off")
    exponents, logs = np.linspace(-1.0, 3.0, 61), np.linspace(math.log(0.1), math.log(900.0), 81)
    grid = brute_force(times, cut, 1.0, exponents, logs)
    weights = np.exp(grid - grid.max())[exponents > -0.01]
    average = integrate.simpson(integrate.simpson(weights, x=logs, axis=1), x=exponents[exponents > -0.01])
    evidence = math.log(average) + grid.max()
    evidence -= math.log(5.0 * (logs[-1] - logs[0]))
    assert fit.log_evidence == pytest.approx(evidence, abs=0.02)
    i, j = np.unravel_index(np.argmax(grid), grid.shape)
    exponent, cutoff = fit.parameters["exponent"], fit.parameters["cutoff_s"]
    assert exponent.value == pytest.approx(exponents[i], abs=0.1)
    assert cutoff.value == pytest.approx(math.exp(logs[j]), rel=0.12)
    inside = exponents[grid.max(axis=1) >= grid.max() - 1.9207]
    assert exponent.low == pytest.approx(inside[0], abs=0.08)
    assert exponent.high == pytest.approx(inside[-1], abs=0.08)
    near = logs[grid.max(axis=0) >= grid.max() - 1.9207]
    assert math.log(cutoff.low) == pytest.approx(near[0], abs=0.12)
    assert math.log(cutoff.high) == pytest.approx(near[-1], abs=0.13)


@pytest.mark.parametrize("rounding", ["ends", "nearest", "down"])
def test_binned_dwells_have_the_parameters_of_exact_ones(rounding):
    """20,000 dwells in wide bins: unbiased, where the wrong meaning of a bin is not."""
    rng = np.random.default_rng(7)
    times = cut_power(rng, 20_000, 1.6, 30.0)
    phase = rng.random(len(times)) if rounding == "ends" else 0.0
    shift = {"ends": 0.5, "nearest": 0.5, "down": 0.0}[rounding]
    bins = np.floor(times + phase + shift) - np.floor(phase + shift)
    fit = law_of(fit_dwell_laws(bins, shortest_s=3.0, recording_s=1e5, bin_s=1.0, rounding=rounding), LAWS[1])
    assert fit.parameters["exponent"].holds(1.6)
    assert fit.parameters["cutoff_s"].holds(30.0)
    assert fit.p_value > 0.001
    wrong = "nearest" if rounding == "down" else "down"
    biased = law_of(fit_dwell_laws(bins, shortest_s=3.0, recording_s=1e5, bin_s=1.0, rounding=wrong), LAWS[1])
    assert not biased.parameters["exponent"].holds(1.6)


def test_bins_much_finer_than_dwells_change_nothing():
    times = cut_power(np.random.default_rng(2), 500, 1.5, 40.0)
    exact = fit_dwell_laws(times, shortest_s=1.0, recording_s=5e3)
    binned = fit_dwell_laws(np.rint(times / 1e-3) * 1e-3, shortest_s=1.0, recording_s=5e3, bin_s=1e-3)
    for one, other in zip(exact, binned, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=0.02)
        for name, estimate in one.parameters.items():
            assert other.parameters[name].value == pytest.approx(estimate.value, rel=0.01)


def test_long_dwell_in_bins_is_the_series_of_a_short_one():
    """The exact sum over a bin and its series agree where one takes over from the other."""
    from qdmol.analysis.blinking import dwell_laws

    times = np.repeat(np.arange(8.0, 24.0), 3)
    values = []
    for exact in (5, 40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dwell_laws, "_EXACT_BINS", exact)
            sample = dwell_laws._sample(times, 8.0, 1e3, None, 1.0, "ends")
            values.append(sample.likelihood()(np.array([0.0, 1.5, 3.0]), np.array([2.0, 0.1, 0.0])))
    np.testing.assert_allclose(values[0], values[1], atol=48 * 3e-4)


def test_wrong_laws_are_rejected_and_the_right_one_is_found():
    rng = np.random.default_rng(4)
    for draw, name in (
        (lambda: power(rng, 600, 1.5), "power law"),
        (lambda: cut_power(rng, 600, 1.3, 40.0), "power law with cut-off"),
        (lambda: 1.0 + rng.exponential(5.0, 600), "exponential"),
    ):
        times = draw()
        laws = fit_dwell_laws(times, shortest_s=1.0, recording_s=times.sum())
        assert best_law(laws).name == name
        assert sum(law.probability for law in laws) == pytest.approx(1.0)
        wrong = {"power law": ["exponential"], "exponential": ["power law"]}.get(name, ["power law", "exponential"])
        assert all(law_of(laws, each).rejected for each in wrong)


@pytest.mark.parametrize("bin_s", [None, 0.25])
def test_no_law_holds_for_dwells_of_another_kind(bin_s):
    """Two times scales far apart, and times about a mean."""
    rng = np.random.default_rng(5)
    mixed = 1.0 + np.where(rng.random(1500) < 0.5, rng.exponential(0.5, 1500), rng.exponential(200.0, 1500))
    regular = 5.0 + rng.gamma(30.0, 0.5, 1500)
    for times in (mixed, regular):
        shown = times if bin_s is None else np.rint(times / bin_s) * bin_s
        laws = fit_dwell_laws(shown, shortest_s=1.0, recording_s=times.sum(), bin_s=bin_s)
        assert best_law(laws) is None
        assert all(law.rejected for law in laws)


def test_a_cut_off_beyond_the_data_has_no_upper_limit():
    times = power(np.random.default_rng(8), 300, 1.6)
    fit = law_of(fit_dwell_laws(times, shortest_s=1.0, recording_s=times.sum()), "power law with cut-off")
    assert fit.parameters["cutoff_s"].high == math.inf
    assert 0 < fit.parameters["cutoff_s"].low < math.inf


def test_survival_of_fitted_laws():
    times = cut_power(np.random.default_rng(9), 4000, 1.5, 20.0)
    laws = fit_dwell_laws(times, shortest_s=1.0, recording_s=times.sum())
    at = np.array([1.0, 2.0, 10.0, 40.0])
    np.testing.assert_allclose(survival(laws[1], at, shortest_s=1.0), [(times > t).mean() for t in at], atol=0.02)
    exponential = law_of(laws, "exponential")
    decay = np.exp(-(at - 1.0) / exponential.parameters["mean_s"].value)
    np.testing.assert_allclose(survival(exponential, at, shortest_s=1.0), decay, rtol=1e-8)


def test_too_few_or_equal_dwells_are_refused():
    times = power(np.random.default_rng(1), FEWEST_DWELLS - 1, 1.5)
    with pytest.raises(DataError, match="19 whole dwells of at least 1 s are too few for a law; 20 are needed"):
        fit_dwell_laws(times, shortest_s=1.0, recording_s=100.0)
    with pytest.raises(DataError, match="equally long"):
        fit_dwell_laws(np.full(50, 2.0), shortest_s=1.0, recording_s=100.0)
    with pytest.raises(DataError, match="0 whole dwells"):
        fit_dwell_laws([], shortest_s=1.0, recording_s=100.0)
    assert best_law(()) is None


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("shortest_s", {"shortest_s": 0.0}),
        ("shortest_s", {"shortest_s": math.inf}),
        ("recording_s", {"recording_s": -1.0}),
        ("bin_s", {"bin_s": 0.0}),
        ("rounding", {"bin_s": 1.0, "rounding": "up"}),
        ("censored", {"censored": [True]}),
    ],
)
def test_input_out_of_range(field, options):
    with pytest.raises(InputError) as raised:
        fit_dwell_laws(np.arange(1.0, 40.0), **{"shortest_s": 1.0, "recording_s": 100.0, **options})
    assert raised.value.field == field


@pytest.mark.parametrize("hostile", [np.nan, -1.0])
def test_times_that_are_none(hostile):
    with pytest.raises(InputError):
        fit_dwell_laws(np.append(np.arange(1.0, 40.0), hostile), shortest_s=1.0, recording_s=100.0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("factor", [1e-12, 1.0, 1e9])
def test_units_do_not_matter_and_nothing_warns(factor):
    times = factor * np.concatenate([power(np.random.default_rng(1), 200, 1.05), [1e6]])
    laws = fit_dwell_laws(times, shortest_s=factor, recording_s=times.sum())
    assert laws[0].parameters["exponent"].value == pytest.approx(1.05, abs=0.02)
    narrow = factor * (1.0 + 1e-6 * np.random.default_rng(2).random(100))
    with pytest.raises(DataError, match="close together"):
        fit_dwell_laws(narrow, shortest_s=factor, recording_s=1e3 * factor)


def test_p_values_are_uniform_for_the_right_law():
    """40 recordings of fixed length; the last dwell of each is cut."""
    rng = np.random.default_rng(6)
    values = []
    for _ in range(40):
        times, cut = on_dwells(rng, 900.0, lambda n: 1.0 + rng.exponential(2.0, n), lambda n: rng.exponential(2.0, n))
        values.append(
            law_of(fit_dwell_laws(times, censored=cut, shortest_s=1.0, recording_s=900.0), "exponential").p_value
        )
    assert stats.kstest(values, "uniform").pvalue > 0.01
