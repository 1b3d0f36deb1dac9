"""Exponent of the intensity's correlation: against direct sums, sources of known correlation, refusals, real data."""

import numpy as np
import pytest
from scipy import signal, special
from tests.analysis.blinking.test_dwell_coverage import cut_power, edges_of
from tests.analysis.blinking.test_dwell_times import trace_of

from qdmol.analysis.blinking.intensity_exponents import (
    IntensityCorrelation,
    correlate_trace,
    fit_correlation_exponent,
)
from qdmol.analysis.trace import Trace
from qdmol.errors import DataError, InputError, QdmolError, SolverError


def correlated_trace(rng, bins, bin_s, power, rate_hz, *, photons=150.0):
    """Counts of a source whose correlation is A τ^-C exp(-B τ): many exponentials, with g = 0.05 at 10 ms.

    τ^-C is the integral of k^(C - 1) exp(-k τ) over k, divided by the gamma function of C.
    """
    rates = np.exp(np.arange(np.log(1e-3), np.log(30 / bin_s), np.log(2.0)))
    weights = 0.05 * 0.01**power * np.log(2.0) * rates**power / special.gamma(power)
    light = np.ones(bins)
    for weight, rate in zip(weights, rates + rate_hz, strict=True):
        kept = np.exp(-rate * bin_s)
        kicks = rng.standard_normal(bins)
        kicks[1:] *= np.sqrt(1 - kept**2)
        light += np.sqrt(weight) * signal.lfilter([1], [1, -kept], kicks)
    return rng.poisson(np.maximum(photons * light, 0))


def test_correlation_is_that_of_direct_sums():
    counts = np.random.default_rng(1).poisson(3 + 2 * np.sin(np.arange(3001) / 40.0))
    correlation = correlate_trace(counts, bin_s=0.5)
    used = counts[:-1].astype(float)  # the last bin may be cut
    assert correlation.duration_s == 1500.0
    lags = np.rint(correlation.lag_s / 0.5).astype(int)
    assert lags[0] == 2
    assert lags[-1] <= 150
    for lag, value in zip(lags[lags < 16], correlation.value[lags < 16], strict=True):
        direct = (used[:-lag] * used[lag:]).mean() / used.mean() ** 2 - 1
        assert value == pytest.approx(direct, abs=1e-12)
    lag = 16  # bins twice as wide
    pairs = used.reshape(-1, 2).sum(axis=1)
    direct = (pairs[:-8] * pairs[8:]).mean() / 4 / used.mean() ** 2 - 1
    assert correlation.value[lags == lag][0] == pytest.approx(direct, abs=1e-12)


def test_trace_and_numbers_are_alike():
    counts = np.random.default_rng(2).poisson(5.0, (2000, 2))
    trace = Trace(0.01, counts, 0.0, (0, 1), 0.01)
    one, other = correlate_trace(trace), correlate_trace(counts.sum(axis=1), bin_s=0.01)
    np.testing.assert_array_equal(one.value, other.value)


@pytest.mark.parametrize(("power", "rate_hz"), [(0.3, 1.0), (0.5, 0.3)])
def test_interval_holds_the_exponent(power, rate_hz):
    rng = np.random.default_rng(3)
    held = []
    for _ in range(5):
        counts = correlated_trace(rng, 30_000, 0.005, power, rate_hz)
        fit = fit_correlation_exponent(correlate_trace(counts, bin_s=0.005))
        held.append(fit.exponent.holds(power))
        assert fit.exponent.half_width < 0.3
    assert sum(held) >= 3


@pytest.mark.slow
@pytest.mark.parametrize(("power", "rate_hz"), [(0.3, 1.0), (0.5, 1.0), (0.5, 0.05), (0.7, 0.9)])
def test_coverage_of_the_exponent(power, rate_hz):
    rng, held = np.random.default_rng(4), []
    for _ in range(200):
        counts = correlated_trace(rng, 60_000, 0.005, power, rate_hz)
        try:
            held.append(fit_correlation_exponent(correlate_trace(counts, bin_s=0.005)).exponent.holds(power))
        except QdmolError:
            continue
    assert len(held) > 180
    assert 0.91 <= np.mean(held) <= 0.99


def test_dark_dwells_of_a_power_law_between_short_bright_ones():
    """The case in which C is 2 - m."""
    rng = np.random.default_rng(5)
    edges = edges_of(600.0, lambda n: rng.exponential(0.03, n), lambda n: cut_power(rng, n, 1.5, 3.0, 0.01))
    counts = trace_of(rng, edges, 600.0, 0.01, (2e3, 5e4))
    fit = fit_correlation_exponent(correlate_trace(counts, bin_s=0.01))
    assert fit.dwell_exponent.holds(1.5)
    assert fit.dwell_exponent.value == pytest.approx(2 - fit.exponent.value)
    assert fit.model.shape == fit.correlation.value.shape


@pytest.mark.filterwarnings("error")
def test_sources_without_an_exponent_are_refused():
    rng = np.random.default_rng(6)
    steady = correlate_trace(rng.poisson(50.0, 50_000), bin_s=0.01)
    with pytest.raises(DataError, match="does not correlate"):
        fit_correlation_exponent(steady)
    edges = edges_of(1000.0, lambda n: rng.exponential(1.0, n), lambda n: rng.exponential(1.0, n))
    telegraph = correlate_trace(trace_of(rng, edges, 1000.0, 0.01, (2e3, 5e4)), bin_s=0.01)
    with pytest.raises(DataError, match="not distinguished from 0"):
        fit_correlation_exponent(telegraph)
    with pytest.raises(DataError, match="Fewer than eight lags"):
        fit_correlation_exponent(telegraph, shortest_s=45.0)
    wave = correlate_trace(rng.poisson(50 + 40 * np.sin(np.arange(50_000) / 30.0)), bin_s=0.01)
    with pytest.raises((SolverError, DataError)):
        fit_correlation_exponent(wave)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("counts", [[], [1, 2], np.zeros(5000), np.zeros(5000, int)])
def test_traces_without_a_correlation(counts):
    with pytest.raises(DataError):
        correlate_trace(counts, bin_s=0.01)


def test_one_photon_in_a_long_trace():
    counts = np.zeros(5000, int)
    counts[77] = 1
    with pytest.raises(QdmolError):
        fit_correlation_exponent(correlate_trace(counts, bin_s=0.01))


def test_numbers_need_a_bin_width():
    with pytest.raises(InputError):
        correlate_trace(np.ones(5000))


def test_published_correlation_of_the_perovskite_dot(data_folder):
    """The intensity of its segments correlates as its photons do, and gives their published exponent of 0.69.

    The published rate B of 0.90 Hz, without an error, is not met: there the constant that the mean of 60 s takes off
    the correlation is not part of the fit, and the exponential bends the curve down to it.
    """
    folder = data_folder / "photons/perovskite_dot_segments"
    bounds = np.loadtxt(folder / "segmentbounds.txt")
    lines = (folder / "Houel_autocorr.txt").read_text().splitlines()
    _, rate, power = (float(number) for number in lines[4].strip("[] ").split())
    table = np.loadtxt(lines[7:])
    photons = np.interp(1e-3 * np.arange(60_001), bounds[:, 1] * 0.16461e-9, bounds[:, 0])
    correlation = correlate_trace(np.diff(photons), bin_s=1e-3)
    early = (table[:, 0] > 4e-3) & (table[:, 0] < 0.04)
    ours = np.exp(np.interp(np.log(table[early, 0]), np.log(correlation.lag_s), np.log(np.abs(correlation.value))))
    np.testing.assert_allclose(ours, table[early, 1], rtol=0.1)
    fit = fit_correlation_exponent(correlation)
    assert fit.exponent.holds(power)
    assert fit.exponent.half_width < 0.25
    assert fit.rate_hz.high < rate


def test_error_is_that_of_the_jackknife():
    left_out = np.array([[0.1, 0.2], [0.3, 0.2], [0.2, 0.2]])
    correlation = IntensityCorrelation(np.array([1.0, 2.0]), np.array([0.2, 0.2]), left_out, 10.0)
    np.testing.assert_allclose(correlation.error, [np.sqrt(2 / 3 * 0.02), 0.0], atol=1e-12)
