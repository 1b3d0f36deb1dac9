"""The model against simulated photons, closed forms and its own derivatives."""

import math

import numpy as np
import pytest
from scipy.special import gammainc

from qdmol.analysis.lifetime.kernels import GAUSSIAN, MEASURED, PULSE, Problem, expected, stretched_nodes

NO_RESPONSE = np.zeros(0)


def problem(*, bins=125, width=0.4, kind=PULSE, period=math.inf, heights=NO_RESPONSE, response_bin=1.0, first=0.0,
            components=1, stretched=False, periods=0.0):  # fmt: skip
    ones = np.ones(bins)
    edges = width * np.arange(bins + 1)
    return Problem(edges, ones, 0 * ones, ones > 0, ones, periods, period, kind, heights, response_bin, first,
                   components, stretched, 0.0, 0.0)  # fmt: skip


def theta_of(tau, photons, *, background=0.5, shift=3.0, width=0.3, stretch=1.0):
    return np.array([math.log(tau), photons, background, shift, math.log(width), stretch])


def mean_of(task, theta):
    return expected(task, theta, np.zeros((len(theta), len(task.counts))))


UNEVEN = np.array([1.0, 4.0, 3.0, 2.0, 1.0, 0.5, 0.25])


def response_of(kind):
    if kind != MEASURED:
        return {}
    return {"heights": UNEVEN / (UNEVEN.sum() * 0.3), "response_bin": 0.3, "first": 1.0}


@pytest.mark.parametrize("kind", [PULSE, GAUSSIAN, MEASURED])
def test_bins_hold_what_simulated_photons_put_there(kind):
    # the lifetime is a quarter of the period: each bin holds photons of many pulses
    rng = np.random.default_rng(7)
    n, tau, period = 2_000_000, 12.0, 50.0
    start = {
        PULSE: np.full(n, 3.0),
        GAUSSIAN: rng.normal(3.0, 0.3, n),
        MEASURED: 4.0 + 0.3 * (rng.choice(7, n, p=UNEVEN / UNEVEN.sum()) + rng.random(n)),
    }[kind]
    task = problem(kind=kind, period=period, **response_of(kind))
    mean = mean_of(task, theta_of(tau, n, background=0.0))
    counts = np.histogram((start + rng.exponential(tau, n)) % period, bins=task.edges)[0]
    chi2 = ((counts - mean) ** 2 / mean).sum()
    assert abs(chi2 - 125) < 5 * math.sqrt(250)
    assert mean.sum() == pytest.approx(n, rel=1e-9)


@pytest.mark.parametrize("kind", [PULSE, GAUSSIAN, MEASURED])
@pytest.mark.parametrize("period", [50.0, math.inf])
def test_derivatives_are_those_of_the_mean(kind, period):
    task = problem(kind=kind, period=period, **response_of(kind))
    theta = theta_of(12.0, 1000.0, shift=3.21)
    slopes = np.zeros((6, 125))
    expected(task, theta, slopes)
    free = [0, 1, 2] if kind == PULSE else [0, 1, 2, 3, 4] if kind == GAUSSIAN else [0, 1, 2, 3]
    for slot in free:
        step = np.zeros(6)
        step[slot] = 1e-5
        change = (mean_of(task, theta + step) - mean_of(task, theta - step)) / 2e-5
        np.testing.assert_allclose(slopes[slot], change, atol=3e-4 * np.abs(change).max())


def test_coarse_bins_are_sums_of_fine_ones():
    fine = mean_of(problem(bins=1000, width=0.05, kind=GAUSSIAN, period=50.0), theta_of(4.0, 1e4, background=0.0))
    coarse = mean_of(problem(bins=10, width=5.0, kind=GAUSSIAN, period=50.0), theta_of(4.0, 1e4, background=0.0))
    np.testing.assert_allclose(coarse, fine.reshape(10, 100).sum(axis=1), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("stretch", [0.25, 0.5, 0.8, 0.95])
def test_a_stretched_decay_is_the_incomplete_gamma_function(stretch):
    task = problem(stretched=True)
    mean = mean_of(task, theta_of(3.0, 1.0, background=0.0, shift=0.0, stretch=stretch))
    whole = gammainc(1 / stretch, (task.edges / 3.0) ** stretch)
    np.testing.assert_allclose(mean, np.diff(whole), atol=2e-6)


def test_weights_of_a_stretched_decay_sum_to_one_and_narrow_towards_one_lifetime():
    wide, narrow = stretched_nodes(0.4), stretched_nodes(0.98)
    assert wide.sum() == pytest.approx(1.0) == narrow.sum()
    assert narrow.max() > 0.5 > wide.max()


def test_pile_up_takes_from_late_bins_what_early_ones_hide():
    periods = 1000.0
    task = problem(periods=periods)
    light = mean_of(task._replace(periods=0.0), theta_of(4.0, 500.0, background=0.0))
    # the first photon of each period: none before, one here
    alone = np.exp(-np.concatenate(([0.0], np.cumsum(light)[:-1])) / periods)
    truth = periods * alone * -np.expm1(-light / periods)
    live = 1 - np.concatenate(([0.0], np.cumsum(truth)[:-1])) / periods
    mean = mean_of(task._replace(live=live), theta_of(4.0, 500.0, background=0.0))
    np.testing.assert_allclose(mean, truth, rtol=1e-9)
