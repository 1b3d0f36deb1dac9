"""How benchmarks score change points, and that all searches they compare work."""

import numpy as np
import pytest
from benchmarks.blinking import SEARCHES, SIGNALS, Score, critical_ratio, score


@pytest.mark.parametrize(
    ("points", "switches", "expected"),
    [
        ([], [], Score(0, 0, 0, 0)),
        ([], [1.0, 2.0], Score(2, 0, 0, 0)),
        ([1.0], [], Score(0, 0, 1, 1)),
        ([1.001, 2.5], [1.0, 2.0], Score(2, 1, 2, 1)),
        # nearer than 2 ms: one group, and either or both may be found
        ([1.0005], [1.0, 1.001], Score(1, 1, 1, 0)),
        ([1.0, 1.001], [1.0, 1.001], Score(1, 1, 2, 0)),
        # a switch accounts for one point
        ([1.0, 1.001], [1.0], Score(1, 1, 2, 1)),
    ],
)
def test_score(points, switches, expected):
    assert score(np.array(points), np.array(switches)) == expected


def test_critical_ratio_rises_with_photons_and_certainty():
    assert critical_ratio(10_000, 0.01) < critical_ratio(1_000_000, 0.01) < critical_ratio(1_000_000, 1e-4)


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_find_switches(name):
    pytest.importorskip("ruptures")
    stream, switches = SIGNALS[0].draw(np.random.default_rng(14))
    records = stream.load().between(0, 300_000)
    part = type(stream)(
        stream.mode, stream.tick_ps, type(stream.source)(records), stream.provenance
    )  # fmt: skip
    end = float(records.times[-1]) * 1e-9
    result = score(SEARCHES[name](part), switches[switches < end])
    assert result.groups > 30
    assert result.recall > 0.9
    assert result.false_share < 0.05
