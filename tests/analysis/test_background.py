"""Background rates: each source by 2,000 seeded trials, and as the recording offers it."""

import numpy as np
import pytest
from scipy import stats
from tests.photons.generators import poisson_stream, pulsed_stream

from qdmol.analysis.background import (
    background_before_pulse,
    background_given,
    background_of_dark,
    background_of_off_state,
    estimate_background,
    level_before_pulse,
)
from qdmol.analysis.trace import Trace
from qdmol.errors import InputError
from qdmol.statistics.counts import garwood, signal_interval

TRIALS = 2000


def decay_means(*, period_ns, lifetime_ns, photons, background, bins=1536, rise_ns=5.0, sigma_ns=0.2):
    """Mean counts of a wrapped exponential decay with a Gaussian response on a level."""
    edges = np.linspace(0.0, period_ns, bins + 1)
    law = stats.exponnorm(lifetime_ns / sigma_ns, loc=rise_ns, scale=sigma_ns)
    shape = sum(np.diff(law.cdf(edges + k * period_ns)) for k in range(6))
    return photons * shape + background / bins


@pytest.mark.parametrize(
    ("case", "trials"),
    [
        ({"period_ns": 200.0, "lifetime_ns": 12.0, "photons": 1e5, "background": 4000.0}, TRIALS),
        ({"period_ns": 12.5, "lifetime_ns": 0.5, "photons": 2e4, "background": 60.0, "rise_ns": 4.0}, TRIALS),
    ],
)
def test_level_before_the_pulse_covers(case, trials):
    rng = np.random.default_rng(11)
    means = decay_means(**case)
    found = [level_before_pulse(rng.poisson(means), bins_per_period=len(means)) for _ in range(trials)]
    counts, bins, rests = np.array([one for one in found if one is not None]).T
    assert len(counts) > 0.85 * trials
    truth = case["background"] / len(means) * bins
    low, high = signal_interval(counts, rests)
    covered = np.mean((low <= truth) & (truth <= high))
    assert covered >= 0.93
    assert np.median(counts) < 50 or covered <= 0.975
    garwood_low, garwood_high = garwood(counts)
    assert np.all(high - low <= 1.3 * (garwood_high - garwood_low))


def test_a_decay_that_has_not_ended_gives_no_level():
    rng = np.random.default_rng(12)
    means = decay_means(period_ns=100.0, lifetime_ns=60.0, photons=1e5, background=1000.0)
    assert level_before_pulse(rng.poisson(means), bins_per_period=len(means)) is None


@pytest.mark.parametrize(("off_hz", "on_s", "bins"), [(300.0, 0.5, 1500), (10.0, 0.5, 1500), (300.0, 0.06, 1500)])
def test_off_state_covers(off_hz, on_s, bins):
    rng = np.random.default_rng(int(off_hz))
    covered = []
    for _ in range(TRIALS):
        share = np.diff(np.interp(np.arange(bins + 1) * 0.01, *_telegraph(rng, on_s, 0.01 * bins))) / 0.01
        counts = rng.poisson(0.5 * ((share * 2e4 + off_hz) * 0.01)[:, None] * np.ones(2))
        found = background_of_off_state(Trace(0.01, counts, 0.0, (0, 1), 0.01))
        if found is not None:
            covered.append((found.low_hz <= off_hz / 2) & (off_hz / 2 <= found.high_hz))
    assert len(covered) > 0.98 * TRIALS
    assert np.mean(covered) >= 0.93
    assert off_hz < 100 or np.mean(covered) <= 0.975


def _telegraph(rng, dwell_s, length_s):
    """Corners of the time spent on against time, in equal mean times on and off."""
    dwell = rng.exponential(dwell_s, 2 * int(2 * length_s / dwell_s) + 200)
    spent = np.where(np.arange(len(dwell)) % 2 == 0, dwell, 0.0)
    return np.concatenate([[0.0], np.cumsum(dwell)]), np.concatenate([[0.0], np.cumsum(spent)])


def test_steady_light_has_no_off_state():
    rng = np.random.default_rng(4)
    for mean in (0.5, 5.0, 200.0):
        for _ in range(50):
            trace = Trace(0.01, rng.poisson(mean, (1000, 1)), 0.0, (0,), 0.01)
            assert background_of_off_state(trace) is None


def test_dark_recording():
    dark = poisson_stream(np.random.default_rng(5), rate_hz=300.0, duration_s=20.0, shares=(1.0, 2.0))
    found = background_of_dark(dark)
    assert found.source == "dark recording"
    for channel, truth in ((0, 100.0), (1, 200.0)):
        assert found.low_hz[channel] < truth < found.high_hz[channel]
        assert found.rate_hz(channel) == pytest.approx(truth, rel=0.1)
    assert found.rate_hz(5) == 0.0


def test_a_pulsed_stream_shows_its_background():
    stream = pulsed_stream(
        np.random.default_rng(6),
        rate_hz=1e5,
        duration_s=5.0,
        lifetimes_ns=(10.0,),
        offset_ns=20.0,
        background_hz=4000.0,
    )
    found = background_before_pulse(stream)
    assert found.source == "before the pulse"
    np.testing.assert_allclose(found.rates_hz, 2000.0, atol=120.0)  # four standard errors
    assert np.all(found.high_hz - found.low_hz < 300.0)
    assert estimate_background(stream).source == "before the pulse"


def test_the_order_of_the_sources():
    dark = poisson_stream(np.random.default_rng(5), rate_hz=300.0, duration_s=2.0)
    given = estimate_background(dark, rates_hz={0: 10.0, 1: 20.0}, dark=dark)
    assert given.source == "given"
    assert given.low_hz[1] == given.high_hz[1] == given.rate_hz(1) == 20.0
    assert estimate_background(dark, dark=dark).source == "dark recording"
    assert estimate_background(dark) is None
    assert estimate_background(None) is None


def test_nonsense_is_refused():
    with pytest.raises(InputError, match="background"):
        background_given({0: -1.0})
    with pytest.raises(InputError, match="T3"):
        background_before_pulse(poisson_stream(np.random.default_rng(5), rate_hz=300.0, duration_s=2.0))
