"""The stated rate of false alarms on sources of constant intensity."""

import numpy as np
import pytest
from tests.analysis.blinking.light import in_ticks

from qdmol.analysis.blinking.change_points import ChangePointTally
from qdmol.analysis.passes import count
from qdmol.statistics import garwood


def false_points(rng, *, photons, rate_hz, recordings, false_alarms):
    """Change points in recordings of constant Poisson light."""
    total = 0
    for _ in range(recordings):
        times = np.cumsum(rng.exponential(1.0 / rate_hz, photons))
        tally = ChangePointTally(
            in_ticks(times), photons=photons, duration_s=float(times[-1]), false_alarms=false_alarms
        )
        total += len(count(tally).times_s)
    return total


def check(photons, rate_hz, recordings, false_alarms):
    seed = photons + int(rate_hz)
    points = false_points(
        np.random.default_rng(seed), photons=photons, rate_hz=rate_hz, recordings=recordings, false_alarms=false_alarms
    )
    expected = false_alarms * recordings
    # points come in pairs, so that the interval is that of half as many alarms
    low, high = garwood(0.5 * points, level=0.999)
    assert 2.0 * float(low) < 1.3 * expected, f"{points} change points where {expected:g} are stated"
    assert 2.0 * float(high) > 0.4 * expected, f"only {points} change points where {expected:g} are stated"


@pytest.mark.parametrize(("photons", "recordings"), [(1000, 400), (30_000, 40)])
def test_stated_rate_holds(photons, recordings):
    check(photons, 2e4, recordings, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [1e3, 2e4, 2e5])
@pytest.mark.parametrize(
    ("photons", "recordings", "false_alarms"),
    [(1000, 4000, 0.1), (10_000, 1500, 0.1), (100_000, 200, 0.3), (1_000_000, 30, 1.0)],
)
def test_stated_rate_holds_from_a_thousand_to_a_million_photons(photons, recordings, false_alarms, rate_hz):
    check(photons, rate_hz, recordings, false_alarms)
