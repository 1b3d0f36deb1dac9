"""Intervals that hold and estimates without bias, by simulation with seeds.

The default suite runs the hardest case, 200 photons with background and response, at the full 2,000 trials and two more
cases at 150; `slow` runs all at 2,000.
"""

import math

import numpy as np
import pytest
from benchmarks.calibration.lifetimes import CASES as CALIBRATED, PHOTONS, coverage
from tests.analysis.lifetime.decays import draw_decay, gaussian_histogram

from qdmol.analysis import Response, fit_lifetime

HOLDS, TOO_WIDE = 0.93, 0.975


def simulate(trials, *, seed, response, model="1", **truth):
    """Lifetimes (trials, K), whether their intervals hold, and whether those of averages, fractions, background do."""
    rng = np.random.default_rng(seed)
    taus = np.asarray(truth["lifetimes_ns"])
    shares = np.asarray(truth.get("shares", (1.0,)))
    amplitudes = shares / taus / (shares / taus).sum()
    means = 1 / (shares / taus).sum(), (shares * taus).sum()
    found, inside, others = [], [], []
    for _ in range(trials):
        fit = fit_lifetime(draw_decay(rng, **truth), response=response, model=model)
        found.append(fit.components_ns)
        inside.append((fit.low_ns <= taus) & (taus <= fit.high_ns))
        others.append(
            [
                fit.amplitude_average_low_ns <= means[0] <= fit.amplitude_average_high_ns,
                fit.intensity_average_low_ns <= means[1] <= fit.intensity_average_high_ns,
                fit.fractions_low[0] <= amplitudes[0] <= fit.fractions_high[0],
                fit.intensity_fractions_low[0] <= shares[0] <= fit.intensity_fractions_high[0],
            ]
        )
    return np.array(found), np.mean(inside, axis=0), np.mean(others, axis=0)


def check(found, coverage, truth_ns, *, trials, bias=0.01):
    # three standard deviations of the simulation itself
    slack = 3 * math.sqrt(0.05 * 0.95 / trials) if trials < 2000 else 0.0
    assert (coverage >= HOLDS - slack).all(), coverage
    assert (coverage <= TOO_WIDE + slack).all(), coverage
    off = np.abs(found.mean(axis=0) / truth_ns - 1)
    noise = found.std(axis=0) / truth_ns / math.sqrt(trials)
    assert (off <= bias + (3 * noise if trials < 2000 else 0)).all(), (off, noise)


def test_200_photons_with_background_and_response():
    found, coverage, _ = simulate(
        2000, seed=1, response=gaussian_histogram(bins=64), bins=64, photons=200, lifetimes_ns=(5.0,), background=0.05
    )
    check(found, coverage, 5.0, trials=2000)


@pytest.mark.parametrize("photons", [1000, 10_000])
def test_more_photons(photons):
    found, coverage, _ = simulate(
        150, seed=2, response=gaussian_histogram(), photons=photons, lifetimes_ns=(5.0,), background=0.1
    )
    check(found, coverage, 5.0, trials=150)


def test_two_lifetimes():
    found, coverage, others = simulate(
        60,
        seed=3,
        response=gaussian_histogram(bins=100),
        bins=100,
        model="2",
        photons=20_000,
        lifetimes_ns=(8.0, 1.5),
        shares=(0.6, 0.4),
        background=0.05,
    )
    check(found, coverage, np.array([8.0, 1.5]), trials=60)
    assert (others >= HOLDS - 3 * math.sqrt(0.05 * 0.95 / 60)).all(), others


CASES = {
    "no background": {"photons": 200, "lifetimes_ns": (5.0,), "background": 0.0},
    "much background": {"photons": 200, "lifetimes_ns": (5.0,), "background": 0.2},
    "1,000": {"photons": 1000, "lifetimes_ns": (5.0,), "background": 0.1},
    "10,000": {"photons": 10_000, "lifetimes_ns": (5.0,), "background": 0.1},
    "long period": {"photons": 200, "lifetimes_ns": (20.0,), "background": 0.05, "period_ns": 200.0, "bins": 256},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["measured", "gaussian"])
@pytest.mark.parametrize("case", CASES)
def test_every_case(case, kind):
    truth = {"period_ns": 50.0, "bins": 125} | CASES[case]
    response = Response.gaussian()
    if kind == "measured":
        response = gaussian_histogram(period_ns=truth["period_ns"], bins=truth["bins"])
    found, coverage, _ = simulate(2000, seed=4, response=response, **truth)
    check(found, coverage, np.array(truth["lifetimes_ns"]), trials=2000)


@pytest.mark.slow
def test_two_lifetimes_at_length():
    found, coverage, others = simulate(
        2000,
        seed=5,
        response=gaussian_histogram(),
        model="2",
        photons=20_000,
        lifetimes_ns=(8.0, 1.5),
        shares=(0.6, 0.4),
        background=0.05,
    )
    check(found, coverage, np.array([8.0, 1.5]), trials=2000)
    assert (others >= HOLDS).all(), others
    assert (others <= TOO_WIDE).all(), others


@pytest.mark.parametrize(
    ("name", "photons"),
    [
        ("two lifetimes, ratio 1.5", 100_000),
        ("one lifetime, no background, no response given", 10_000),
        ("response anywhere in the period", 1000),
    ],
)
def test_coverage_of_the_calibrated_cases(name, photons):
    case = next(case for case in CALIBRATED if case.name == name)
    found = coverage(case, photons, count=20, rng=np.random.default_rng(6))
    slack = 3 * math.sqrt(0.05 * 0.95 / 20)
    assert found.refused == 0
    assert found.percent >= 100 * (HOLDS - slack), found


@pytest.mark.slow
@pytest.mark.parametrize("photons", PHOTONS)
@pytest.mark.parametrize("case", CALIBRATED, ids=lambda case: case.name)
def test_coverage_of_every_calibrated_case(case, photons):
    found = coverage(case, photons, count=300, rng=np.random.default_rng(7))
    # three standard deviations of the simulation
    slack = 300 * math.sqrt(0.05 * 0.95 / 300)
    assert found.refused <= 6
    assert 100 * HOLDS - slack <= found.percent <= 100 * TOO_WIDE + slack, found
