"""The reported g2 is that of the emitter's light in every method, and the value of all photons stands beside it."""

import numpy as np
import pytest
from benchmarks.calibration.g2_coverage import LIGHT, continuous_cases, draw_dip, draw_emitter, pulsed_cases

from qdmol.analysis import G2Details, PairHistogram, measure_g2
from qdmol.analysis.background import background_given, estimate_background
from qdmol.errors import DataError

TRUE = 0.2
# a tenth of background: pairs (1 - 0.1)² of the emitter at the level of steady light, the rest flat
RAW = (TRUE * 0.81 + 0.19) / 1.0


def mean_of(values):
    return np.mean(values), np.std(values) / np.sqrt(len(values) - 1)


@pytest.mark.parametrize("lifetime", [0.02, 0.1])
def test_one_estimand_whatever_the_method(lifetime):
    """Background unknown, measured before the pulse, or given; areas or a fit: the same two numbers."""
    rng = np.random.default_rng(300)
    own, raw = {}, {}
    for _ in range(4):
        stream = draw_emitter(rng, photons=60_000, lifetime=lifetime, brightness=0.04)
        seconds = 60_000 * 0.9 / 0.04 * 100e-9
        rate = 0.5 * 0.1 * 60_000 / seconds
        for source in (None, estimate_background(stream), background_given({0: rate, 1: rate})):
            for overlap in (False, True):
                if not overlap and lifetime > 0.05:
                    continue  # areas of peaks that run into each other are no method
                found = measure_g2(stream, background=source, details=G2Details(overlap=overlap or None))
                key = (found.method, found.background_source)
                own.setdefault(key, []).append(found.side)
                raw.setdefault(key, []).append(found.uncorrected.side)
    methods = {method for method, _ in own}
    assert methods == {"pulsed areas", "pulsed fit"} if lifetime < 0.05 else methods == {"pulsed fit"}
    for key, values in own.items():
        mean, error = mean_of(values)
        assert abs(mean - TRUE) < 4 * error + 0.01, key
        mean, error = mean_of(raw[key])
        assert abs(mean - RAW) < 4 * error + 0.02, key
        assert mean - np.mean(values) > 0.1


def test_continuous_light_says_that_its_background_is_unknown():
    found = measure_g2(draw_dip(np.random.default_rng(1), **case(0.1)), method="continuous")
    assert found.background_source is None
    assert found.uncorrected.side == found.side
    assert "background_unknown" in {flag.name for flag in found.flags}


def case(ratio):
    values = next(light for light in LIGHT if light[0] == ratio)
    return dict(zip(("ratio", "rise_ns", "level", "shoulder", "shoulder_ns"), values, strict=True))


def test_too_few_pairs_are_refused_in_words():
    """Two pairs beside the centre, and a background that promises more of them."""
    counts = np.zeros(1100, dtype=np.int64)
    counts[[260, 760]] = 1
    pairs = PairHistogram(counts, 1.0, -549.5, photons=(1000, 1000), duration_s=0.05, period_ns=100.0)
    with pytest.raises(DataError, match="too few"):
        measure_g2(pairs, method="pulsed", background=background_given({0: 9e3, 1: 9e3}))


def coverage(cases):
    """Trials and how many hold the truth, over all cases."""
    rows = list(cases)
    return sum(row[1] for row in rows), sum(row[3] for row in rows)


def test_coverage_of_pulsed_light():
    trials, inside = coverage(pulsed_cases(4, 7, lifetimes=(0.1, 0.4), photons=(10_000,)))
    assert trials == 8
    assert inside >= 6


def test_coverage_of_continuous_light():
    trials, inside = coverage(continuous_cases(1, 7))
    assert trials == len(LIGHT)
    assert inside >= len(LIGHT) - 2


@pytest.mark.slow
def test_coverage_of_pulsed_light_in_many_trials():
    """Lifetimes of 0.05 to 1 period, 10⁴ to 10⁵ photons; fewer pairs have exact intervals, which hold more often."""
    trials, inside = coverage(pulsed_cases(100, 300, photons=(10_000, 100_000)))
    assert 0.93 - 0.02 <= inside / trials <= 0.975 + 0.01


@pytest.mark.slow
def test_coverage_of_continuous_light_in_many_trials():
    trials, inside = coverage(continuous_cases(60, 300))
    assert 0.93 - 0.02 <= inside / trials <= 0.975 + 0.01
