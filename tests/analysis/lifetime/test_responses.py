"""A measured response, wherever it lies."""

import numpy as np
import pytest

from qdmol.analysis import Decay, Response, fit_lifetime
from qdmol.analysis.lifetime.models import density
from qdmol.errors import DataError, InputError

PERIOD_NS, BINS = 100.0, 1000


def histogram(times):
    return np.histogram(times % PERIOD_NS, bins=BINS, range=(0, PERIOD_NS))[0]


def decay_at(rng, place_ns, *, lifetime_ns=5.0, photons=50_000, background=1.0, period_ns=PERIOD_NS):
    times = place_ns + rng.normal(0, 0.2, photons) + rng.exponential(lifetime_ns, photons)
    return Decay(histogram(times) + rng.poisson(background, BINS), 0.1, period_ns=period_ns)


def response_at(rng, place_ns, *, background=1.0):
    return histogram(place_ns + rng.normal(0, 0.2, 200_000)) + rng.poisson(background, BINS)


@pytest.mark.parametrize("offset_ns", [-45.0, -20.0, 0.0, 0.3, 20.0, 49.9, 69.9, 74.0])
def test_the_shift_is_found_over_the_whole_period(offset_ns):
    rng = np.random.default_rng(1)
    response = Response.measured(response_at(rng, 30.0 + offset_ns), bin_width_ns=0.1)
    fit = fit_lifetime(decay_at(rng, 30.0), response=response)
    assert fit.low_ns[0] < 5.0 < fit.high_ns[0]
    assert fit.goodness > 1e-3
    apart = (fit.shift_ns + offset_ns + PERIOD_NS / 2) % PERIOD_NS - PERIOD_NS / 2
    assert apart == pytest.approx(0.0, abs=0.02)
    assert abs(fit.shift_ns) <= PERIOD_NS / 2


@pytest.mark.parametrize("offset_ns", [-15.0, 20.0, 60.0])
def test_the_shift_is_found_without_a_period(offset_ns):
    rng = np.random.default_rng(2)
    response = Response.measured(response_at(rng, 20.0 + offset_ns), bin_width_ns=0.1)
    fit = fit_lifetime(decay_at(rng, 20.0, period_ns=None), response=response)
    assert fit.low_ns[0] < 5.0 < fit.high_ns[0]


def test_the_shift_is_found_under_a_large_background():
    rng = np.random.default_rng(3)
    response = Response.measured(response_at(rng, 70.0), bin_width_ns=0.1)
    fit = fit_lifetime(decay_at(rng, 30.0, lifetime_ns=3.0, background=500.0), response=response)
    assert fit.low_ns[0] < 3.0 < fit.high_ns[0]


def test_a_response_on_an_axis_of_its_own():
    rng = np.random.default_rng(4)
    moved = Response.measured(response_at(rng, 30.0), bin_width_ns=0.1, first_bin_ns=-760.0)
    fit = fit_lifetime(decay_at(rng, 30.0), response=moved)
    assert fit.low_ns[0] < 5.0 < fit.high_ns[0]


def test_a_response_padded_with_zeros_loses_its_background():
    rng = np.random.default_rng(5)
    padded = np.pad(response_at(rng, 30.0, background=300.0), (0, 60_000))
    response = Response.measured(padded, bin_width_ns=0.1)
    assert response.counts[:250].sum() == 0
    assert response.counts.sum() == pytest.approx(200_000, rel=0.01)


def test_scaling_a_response_changes_nothing():
    rng = np.random.default_rng(6)
    counts, decay = response_at(rng, 30.0), decay_at(rng, 30.0)
    fits = [
        fit_lifetime(decay, response=Response.measured(scale * counts, bin_width_ns=0.1)) for scale in (1.0, 1e-7, 1e9)
    ]
    assert fits[1].components_ns == pytest.approx(fits[0].components_ns, rel=1e-6)
    assert fits[2].components_ns == pytest.approx(fits[0].components_ns, rel=1e-6)


def test_a_response_over_the_end_of_the_period_is_put_together():
    rng = np.random.default_rng(7)
    response = Response.measured(response_at(rng, 100.0), bin_width_ns=0.1)
    height, width, first = density(response, PERIOD_NS)
    middle = first + width * float((height / height.sum()) @ (np.arange(len(height)) + 0.5))
    assert middle == pytest.approx(0.0, abs=0.01) or middle == pytest.approx(100.0, abs=0.01)
    assert len(height) * width < 5.0


def test_a_response_longer_than_the_period_is_refused():
    wide = Response.measured(np.ones(300), bin_width_ns=0.1, background=0.0)
    with pytest.raises(DataError, match="longer than the period"):
        density(wide, 10.0)
    with pytest.raises(InputError, match="peak"):
        Response.measured(-np.ones(300), bin_width_ns=0.1)


def test_the_shift_of_a_narrow_response_is_found_between_coarse_steps():
    rng = np.random.default_rng(8)
    bins, bin_ns = 20_000, 0.005
    times = 30.0 + rng.normal(0, 0.006, 40_000)
    moved = np.histogram(times + 40.043 + rng.exponential(5.0, 40_000), bins=bins, range=(0, bins * bin_ns))[0]
    response = Response.measured(np.histogram(times, bins=bins, range=(0, bins * bin_ns))[0], bin_width_ns=bin_ns)
    fit = fit_lifetime(Decay(moved, bin_ns, period_ns=bins * bin_ns), response=response)
    assert fit.shift_ns == pytest.approx(40.043, abs=0.005)
    assert fit.low_ns[0] < 5.0 < fit.high_ns[0]


def response_counts(rng, photons, *, background=1.0):
    return np.histogram(6.0 + rng.normal(0, 0.15, photons), bins=1000, range=(0, 25.0))[0] + rng.poisson(
        background, 1000
    )


def short_decay(rng, *, lifetime_ns):
    times = 6.0 + rng.normal(0, 0.15, 100_000) + rng.exponential(lifetime_ns, 100_000)
    return Decay(
        np.histogram(times % 25.0, bins=1000, range=(0, 25.0))[0] + rng.poisson(2.0, 1000), 0.025, period_ns=25.0
    )


def test_the_noise_of_a_response_widens_intervals():
    """A response of a tenth of the photons, and a lifetime near its width: three in five of the intervals missed."""
    rng = np.random.default_rng(9)
    held, trials = 0, 40
    for _ in range(trials):
        response = Response.measured(response_counts(rng, 10_000), bin_width_ns=0.025)
        fit = fit_lifetime(short_decay(rng, lifetime_ns=0.1), response=response, model="1")
        held += bool(fit.low_ns[0] <= 0.1 <= fit.high_ns[0])
    assert held >= 34


def test_the_noise_of_a_response_is_known_only_from_counts():
    rng = np.random.default_rng(10)
    counts, decay = response_counts(rng, 10_000), short_decay(rng, lifetime_ns=0.2)
    counted = fit_lifetime(decay, response=Response.measured(counts, bin_width_ns=0.025), model="1")
    scaled = fit_lifetime(decay, response=Response.measured(counts / counts.max(), bin_width_ns=0.025), model="1")
    many = fit_lifetime(decay, response=Response.measured(1e6 * counts, bin_width_ns=0.025), model="1")
    widths = [float(fit.high_ns[0] - fit.low_ns[0]) for fit in (counted, scaled, many)]
    assert widths[0] > 1.2 * widths[1]
    assert widths[2] == pytest.approx(widths[1], rel=0.01)


def test_the_foot_of_a_response_reaches_down_to_its_background():
    """A foot below a thousandth of the peak is part of a response whose background is lower still."""
    counts = np.full(1000, 2)
    counts[300:310] = 1_000_000
    counts[310:350] = 300
    assert Response.measured(counts, bin_width_ns=0.1).counts[310:350] == pytest.approx(298.0)
