"""What a fit returns for decays of known truth."""

import math

import numpy as np
import pytest
from scipy.optimize import curve_fit
from tests.analysis.lifetime.decays import draw_decay, gaussian_histogram

from qdmol.analysis import Decay, Response, fit_lifetime
from qdmol.analysis.background import Background
from qdmol.errors import DataError, InputError


def names(fit):
    return {flag.name for flag in fit.flags}


def test_weighted_least_squares_is_far_off_where_the_likelihood_is_not():
    # 200 photons of 20 ns: square-root weights, empty bins left out, as is still common
    rng = np.random.default_rng(3)
    squares, ours = [], []
    for _ in range(60):
        counts = np.histogram(rng.exponential(20.0, 200), bins=200, range=(0, 200))[0]
        decay = Decay(counts, 1.0)
        times, filled = decay.times_ns, counts > 0
        best, _ = curve_fit(
            lambda t, a, tau: a * np.exp(-t / tau), times[filled], counts[filled], (10.0, 20.0), np.sqrt(counts[filled])
        )
        squares.append(best[1])
        fit = fit_lifetime(decay, response=Response.none(start_ns=0.0), model="1", background=0.0)
        ours.append(fit.components_ns[0])
    assert abs(np.mean(squares) / 20 - 1) > 0.2
    assert abs(np.mean(ours) / 20 - 1) < 3 * np.std(ours) / 20 / math.sqrt(60)


def test_two_lifetimes_are_found_with_their_fractions_and_averages():
    rng = np.random.default_rng(5)
    decay = draw_decay(rng, photons=50_000, lifetimes_ns=(8.0, 1.5), shares=(0.6, 0.4), background=0.05)
    fit = fit_lifetime(decay, response=gaussian_histogram())
    assert fit.model == "2 exponentials"
    assert (fit.low_ns < [8.0, 1.5]).all()
    assert (fit.high_ns > [8.0, 1.5]).all()
    amplitudes = np.array([0.6 / 8.0, 0.4 / 1.5]) / (0.6 / 8.0 + 0.4 / 1.5)
    assert (fit.fractions_low < amplitudes).all()
    assert (fit.fractions_high > amplitudes).all()
    assert (fit.intensity_fractions_low < [0.6, 0.4]).all()
    assert (fit.intensity_fractions_high > [0.6, 0.4]).all()
    assert fit.amplitude_average_low_ns < 1 / (0.6 / 8.0 + 0.4 / 1.5) < fit.amplitude_average_high_ns
    assert fit.intensity_average_low_ns < 0.6 * 8.0 + 0.4 * 1.5 < fit.intensity_average_high_ns
    assert fit.background_low < 50_000 * 0.05 / 125 < fit.background_high
    assert fit.evidence["2 exponentials"] < fit.evidence["1 exponential"] - 6
    assert np.nansum(fit.curve) == pytest.approx(decay.photons, rel=1e-3)


@pytest.mark.parametrize("response", [None, "measured"])
def test_one_lifetime_stays_one(response):
    rng = np.random.default_rng(11)
    given = gaussian_histogram() if response else None
    fits = [
        fit_lifetime(draw_decay(rng, photons=3000, lifetimes_ns=(5.0,), background=0.1), response=given)
        for _ in range(15)
    ]
    assert [fit.model for fit in fits] == ["1 exponential"] * 15
    assert min(fit.goodness for fit in fits) > 1e-4


def test_more_components_than_there_are_can_be_asked_for_and_stay_finite():
    decay = draw_decay(np.random.default_rng(2), photons=2000, lifetimes_ns=(5.0,))
    fit = fit_lifetime(decay, response=gaussian_histogram(), model="3")
    # what is shorter than response and bins resolve is in the curve, and no lifetime
    assert fit.model == f"{len(fit.components_ns)} exponentials"
    assert (len(fit.components_ns) == 3) != ("unresolved_component" in names(fit))
    assert np.isfinite(fit.components_ns).all()
    assert (fit.low_ns <= fit.components_ns).all()
    assert (fit.components_ns <= fit.high_ns).all()


def test_a_shift_of_a_fraction_of_a_bin_is_found():
    decay = draw_decay(np.random.default_rng(4), photons=200_000, lifetimes_ns=(5.0,))
    response = gaussian_histogram()
    moved = Response.measured(response.counts, bin_width_ns=0.4, first_bin_ns=-1.13, background=0.0)
    fit = fit_lifetime(decay, response=moved, model="1")
    assert fit.shift_ns == pytest.approx(1.13, abs=0.02)
    assert fit.low_ns[0] < 5.0 < fit.high_ns[0]


def test_earlier_pulses_are_counted_where_the_period_is_short():
    decay = draw_decay(np.random.default_rng(6), photons=100_000, lifetimes_ns=(25.0,), background=0.0)
    fit = fit_lifetime(decay, response=gaussian_histogram(), model="1")
    assert fit.low_ns[0] < 25.0 < fit.high_ns[0]
    assert "period_short" in names(fit)
    alone = fit_lifetime(Decay(decay.counts, 0.4), response=gaussian_histogram(), model="1")
    assert not alone.low_ns[0] < 25.0 < alone.high_ns[0]


def test_a_stretched_decay_is_fitted_through_its_response():
    rng = np.random.default_rng(8)
    # intensity exp(-(t/3)^0.6): the delay is 3 G^(1/0.6) with G of the gamma law of shape 1/0.6
    delays = 3.0 * rng.gamma(1 / 0.6, 1.0, 60_000) ** (1 / 0.6) + rng.normal(3.0, 0.5, 60_000)
    decay = Decay(np.histogram(delays % 50, bins=125, range=(0, 50))[0], 0.4, period_ns=50.0)
    fit = fit_lifetime(decay, response=gaussian_histogram(), model="stretched")
    assert fit.model == "stretched exponential"
    assert fit.stretch_low < 0.6 < fit.stretch_high
    assert fit.low_ns[0] < 3.0 < fit.high_ns[0]
    mean = 3.0 * math.gamma(2 / 0.6) / math.gamma(1 / 0.6)
    assert fit.intensity_average_low_ns < mean < fit.intensity_average_high_ns


def test_pile_up_of_start_stop_electronics_is_undone():
    rng = np.random.default_rng(1)
    periods, rate = 100_000, 0.5
    seen = rng.poisson(rate, periods)
    delays = np.full(periods, np.inf)
    for k in range(1, seen.max() + 1):
        some = seen >= k
        delays[some] = np.minimum(delays[some], rng.exponential(10.0, some.sum()))
    counts = np.histogram(delays[np.isfinite(delays)], bins=200, range=(0, 100))[0]
    start_stop = Decay(counts, 0.5, exposure_periods=periods, first_photon=True)
    fit = fit_lifetime(start_stop, response=Response.none(start_ns=0.0), model="1")
    assert fit.low_ns[0] < 10.0 < fit.high_ns[0]
    plain = fit_lifetime(Decay(counts, 0.5, exposure_periods=periods), response=Response.none(start_ns=0.0), model="1")
    assert plain.high_ns[0] < 9.5
    assert "pile_up" in names(plain)


def test_a_bump_far_behind_the_decay_is_left_out_and_said_so():
    rng = np.random.default_rng(10)
    decay = draw_decay(rng, photons=50_000, lifetimes_ns=(4.0,), background=0.05)
    bump = np.histogram(rng.normal(40.0, 0.8, 600), bins=125, range=(0, 50))[0]
    fit = fit_lifetime(Decay(decay.counts + bump, 0.4, period_ns=50.0))
    assert fit.model == "1 exponential"
    assert fit.low_ns[0] < 4.0 < fit.high_ns[0]
    assert "afterglow" in names(fit)
    assert not fit.fitted[100]
    assert math.isnan(fit.curve[100])
    assert "afterglow" not in names(fit_lifetime(decay))


def test_a_response_that_is_no_gaussian_leads_to_the_tail():
    rng = np.random.default_rng(12)
    response = rng.normal(3.0, 0.2, 200_000) + np.where(rng.random(200_000) < 0.2, rng.exponential(0.6, 200_000), 0)
    delays = (response + rng.exponential(8.0, 200_000)) % 50
    decay = Decay(np.histogram(delays, bins=500, range=(0, 50))[0], 0.1, period_ns=50.0)
    fit = fit_lifetime(decay, model="1")
    assert fit.response == "none"
    assert fit.start_ns > 3.3
    assert fit.low_ns[0] < 8.0 < fit.high_ns[0]
    assert "tail_fit" in names(fit)


def test_a_wrong_model_is_called_poor_and_its_intervals_are_wider():
    decay = draw_decay(np.random.default_rng(13), photons=50_000, lifetimes_ns=(8.0, 1.5), shares=(0.6, 0.4))
    fit = fit_lifetime(decay, response=gaussian_histogram(), model="1")
    assert "poor_fit" in names(fit)
    assert fit.goodness < 1e-3
    assert fit.reduced_deviance > 5


def test_a_measured_background_narrows_the_interval():
    rng = np.random.default_rng(14)
    decay = draw_decay(rng, photons=300, lifetimes_ns=(15.0,), background=0.3)
    periods = 1e8  # 5 s
    timed = Decay(decay.counts, decay.bin_width_ns, period_ns=50.0, exposure_periods=periods)
    one = np.array([300 * 0.3 / 5.0])
    dark = Background(one, one - 0.4, one + 0.4, source="dark recording", channels=(0,))
    free = fit_lifetime(timed, response=gaussian_histogram(), model="1")
    known = fit_lifetime(timed, response=gaussian_histogram(), model="1", background=dark)
    assert known.high_ns[0] - known.low_ns[0] < 0.8 * (free.high_ns[0] - free.low_ns[0])
    assert known.background_low < 0.3 * 300 / 125 < known.background_high
    with pytest.raises(InputError, match="measurement time"):
        fit_lifetime(decay, background=dark)


def test_an_interval_is_open_where_the_decay_does_not_end_it():
    rng = np.random.default_rng(15)
    delays = rng.uniform(0, 20, 100)
    decay = Decay(np.histogram(delays, bins=50, range=(0, 20))[0], 0.4)
    fit = fit_lifetime(decay, response=Response.none(start_ns=0.0), model="1", background=0.0)
    assert fit.high_ns[0] == math.inf
    assert "open_interval" in names(fit)
    assert "few_photons" in names(fit)


def test_the_end_of_the_recorded_range_is_seen_but_no_end_of_a_decay():
    rng = np.random.default_rng(16)
    cut = np.histogram(rng.exponential(10.0, 20_000), bins=100, range=(0, 20))[0]
    decay = Decay(np.concatenate((cut, np.zeros(150))), 0.2)
    fit = fit_lifetime(decay, response=Response.none(start_ns=0.0), model="1")
    assert fit.low_ns[0] < 10.0 < fit.high_ns[0]
    assert fit.fitted.sum() == 100
    whole = np.histogram(rng.exponential(2.0, 300), bins=250, range=(0, 50))[0]
    assert fit_lifetime(Decay(whole, 0.2), response=Response.none(start_ns=0.0), model="1").fitted.all()


def test_what_cannot_be_fitted_is_refused_in_words():
    decay = Decay(np.ones(10), 1.0)
    with pytest.raises(DataError, match="10 photons"):
        fit_lifetime(decay)
    with pytest.raises(InputError, match="model"):
        fit_lifetime(Decay(10 * np.ones(10), 1.0), model="5")
    with pytest.raises(InputError, match="level"):
        fit_lifetime(Decay(10 * np.ones(10), 1.0), level=1.0)
    with pytest.raises(InputError, match="background"):
        fit_lifetime(Decay(10 * np.ones(10), 1.0), background=-1.0)
    for wrong in ([1.0, -1.0, 2.0], [1.0, math.nan], [[1.0, 2.0]], [1.0]):
        with pytest.raises(InputError, match="counts"):
            Decay(wrong, 1.0)
    with pytest.raises(InputError, match="peak"):
        Response.measured([0.0, 0.0, 0.0], bin_width_ns=1.0)
