"""Intervals for counts: known values, coverage summed exactly or over seeded trials, widths beside Garwood's."""

import numpy as np
import pytest
from scipy import stats

from qdmol.errors import InputError
from qdmol.statistics.counts import binomial_interval, garwood, ratio_interval, signal_interval

TRIALS = 2000


def inside(limits, truth):
    low, high = limits
    return float(np.mean((low <= truth) & (truth <= high)))


def poisson_coverage(interval, mean, truth):
    """Coverage summed over every count the mean allows, without random numbers."""
    counts = np.arange(0, int(mean + 12 * np.sqrt(mean) + 30))
    low, high = interval(counts)
    return float(stats.poisson.pmf(counts, mean) @ ((low <= truth) & (truth <= high)))


def test_garwood_has_the_published_limits():
    low, high = garwood([0, 1, 5, 20])  # table of the chi-square limits, e.g. Gehrels (1986)
    np.testing.assert_allclose(low, [0.0, 0.0253, 1.6235, 12.217], rtol=1e-3)
    np.testing.assert_allclose(high, [3.6889, 5.5716, 11.668, 30.888], rtol=1e-3)


@pytest.mark.parametrize("mean", [0.1, 1.0, 3.3, 10.0, 51.0, 200.0, 1000.0])
def test_garwood_covers(mean):
    covered = poisson_coverage(garwood, mean, mean)
    assert covered >= 0.95
    assert mean < 50 or covered <= 0.975


@pytest.mark.parametrize(("signal", "background"), [(0.0, 3.0), (0.5, 0.2), (3.0, 1.0), (3.0, 20.0), (60.0, 30.0)])
def test_signal_over_background_covers_and_is_not_wider_than_garwood(signal, background):
    covered = poisson_coverage(lambda n: signal_interval(n, background), signal + background, signal)
    assert covered >= 0.95
    assert signal < 50 or covered <= 0.975
    counts = np.arange(int(background) // 2, int(background) + 80)
    widths = np.diff(signal_interval(counts, background), axis=0)
    assert np.all(widths > 0)
    assert np.all(widths <= 1.3 * np.diff(garwood(counts), axis=0))


def test_a_shortage_of_counts_leaves_no_empty_interval():
    low, high = signal_interval([0, 0, 5], [5.0, 100.0, 20.0])
    assert np.all(low == 0)
    assert np.all(high > 1.0)


@pytest.mark.parametrize(("probability", "trials"), [(0.001, 500), (0.03, 100), (0.5, 10), (0.3, 400)])
def test_binomial_limits_cover(probability, trials):
    k = np.arange(trials + 1)
    weights = stats.binom.pmf(k, trials, probability)
    low, high = binomial_interval(k, trials)
    exact = float(weights @ ((low <= probability) & (probability <= high)))
    low, high = binomial_interval(k, trials, method="mid-p")
    narrow = float(weights @ ((low <= probability) & (probability <= high)))
    assert exact >= 0.95
    assert 0.91 <= narrow <= exact  # on average it covers 0.95, not everywhere


def test_mid_p_solves_its_equation_and_lies_inside_the_exact_limits():
    low, high = binomial_interval([0, 3, 10], [10, 40, 10], method="mid-p")
    outer_low, outer_high = binomial_interval([0, 3, 10], [10, 40, 10])
    assert np.all(outer_low <= low)
    assert np.all(high <= outer_high)
    law = stats.binom(40, high[1])
    assert law.cdf(2) + 0.5 * law.pmf(3) == pytest.approx(0.025, rel=1e-4)


def test_one_of_352():
    """The centre of a real g2: 1 count where a side peak has 352."""
    low, high = ratio_interval(1, 352 * 20, denominator_exposure=20)
    assert low == pytest.approx(0.0253 / 352, rel=0.02)
    assert high == pytest.approx(5.572 / 352, rel=0.02)
    assert ratio_interval(0, 7040, denominator_exposure=20)[0] == 0.0


def test_ratio_without_background_is_the_conditional_binomial():
    n1, n2, k = np.array([0, 1, 3, 40]), np.array([12, 100, 7, 900]), 10.0
    low, high = ratio_interval(n1, n2, denominator_exposure=k)
    p_low, p_high = binomial_interval(n1, n1 + n2)
    np.testing.assert_allclose(low, k * p_low / (1 - p_low), rtol=1e-9)
    np.testing.assert_allclose(high, k * p_high / (1 - p_high), rtol=1e-9)


def test_ratio_with_background_runs_into_the_one_without():
    n1, n2 = np.array([1, 3, 60]), np.array([40, 400, 200])
    plain = ratio_interval(n1, n2, denominator_exposure=4)
    melded = ratio_interval(n1, n2, denominator_exposure=4, numerator_background=1e-9)
    np.testing.assert_allclose(melded, plain, rtol=1e-4)


# mean of a side peak, number of side peaks, mean centre counts
CASES = [(352, 20, 1.0), (352, 20, 3.0), (10, 20, 0.3), (10, 20, 3.0), (100, 6, 10.0), (352, 6, 60.0), (900, 40, 300.0)]


@pytest.mark.parametrize(
    ("side", "peaks", "centre", "background"),
    [(*case, 0.0) for case in CASES] + [(*CASES[k], 0.05) for k in (1, 2, 5)],
)
def test_ratio_covers_in_seeded_trials(side, peaks, centre, background):
    rng = np.random.default_rng([side, peaks, int(10 * centre)])
    under = background * side
    n1 = rng.poisson(centre + under, TRIALS)
    n2 = rng.poisson((side + under) * peaks, TRIALS)
    low, high = ratio_interval(
        n1, n2, denominator_exposure=peaks, numerator_background=under, denominator_background=under * peaks
    )
    covered = inside((low, high), centre / side)
    assert covered >= 0.93
    assert centre < 50 or covered <= 0.975
    if centre <= 10:
        garwood_low, garwood_high = garwood(n1)
        widths = (high - low) * (n2 - under * peaks) / peaks
        assert np.all(widths <= 1.3 * (garwood_high - garwood_low))


def test_unequal_exposures_and_nothing_below():
    low, high = ratio_interval(10, 10, numerator_exposure=2.0, denominator_exposure=4.0)
    assert low < 2.0 < high
    low, high = ratio_interval(5, 0)
    assert low > 0
    assert high == np.inf
    low, high = ratio_interval(5, 1, denominator_background=1.0)
    assert high == np.inf
    low, high = ratio_interval(0, 0, numerator_background=1.0)
    assert low == 0
    assert high == np.inf


def test_large_counts_are_those_of_the_normal_law():
    low, high = ratio_interval(10**8, 10**10, denominator_exposure=100)
    assert high - low == pytest.approx(2 * 1.96e-4 * np.sqrt(1.01), rel=1e-3)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: garwood(-1), "counts"),
        (lambda: garwood(np.nan), "counts"),
        (lambda: garwood(1, level=1.0), "level"),
        (lambda: binomial_interval(3, 2), "successes"),
        (lambda: ratio_interval(1, 1, denominator_exposure=0), "denominator_exposure"),
        (lambda: signal_interval(1, -0.1), "background"),
    ],
)
def test_nonsense_is_refused(call, field):
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.field == field
