"""The recorded part of histograms."""

import numpy as np
import pytest

from qdmol.analysis import Decay
from qdmol.analysis.lifetime.findings import filled_part


def part(counts, **options):
    filled = filled_part(Decay(counts, 0.1, **options))
    return filled.start, filled.stop


def draw(seed=1, *, photons=20_000, tau=10.0, background=3.0, bins=500, before=40):
    times = 0.1 * (np.arange(bins) - before)
    mean = np.where(times >= 0, np.exp(-times / tau), 0.0)
    return np.random.default_rng(seed).poisson(photons * mean / mean.sum() + background)


@pytest.mark.parametrize("background", [0.3, 3.0, 300.0])
def test_zeros_behind_a_background_are_no_measurement(background):
    counts = draw(background=background)
    last = int(np.flatnonzero(counts)[-1]) + 1
    assert part(np.pad(counts, (0, 5000))) == (0, last)


def test_zeros_behind_a_cut_decay_are_no_measurement():
    counts = draw(tau=30.0, background=0.0)
    assert part(np.pad(counts, (0, 300)))[1] == 500


@pytest.mark.parametrize("seed", range(20))
def test_the_end_of_a_decay_is_a_measurement(seed):
    counts = draw(seed, photons=[300, 20_000][seed % 2], tau=2.0, background=0.0)
    assert part(np.pad(counts, (0, 2000))) == (0, 2500)


def test_zeros_before_a_plateau_are_no_measurement_but_zeros_before_the_rise_are():
    assert part(np.pad(draw(background=5.0, before=100), (60, 0)))[0] == 60
    assert part(draw(background=0.0, before=200))[0] == 0
    # the rise of a broad response, and a decay that begins at its maximum
    broad = np.random.default_rng(3).poisson(1000 * np.exp(-0.5 * ((np.arange(500) - 150) / 20) ** 2))
    assert part(broad)[0] == 0
    assert part(np.pad(draw(background=2.0, before=0), (50, 0)))[0] == 0
    steep = np.random.default_rng(3).poisson(4000 * np.exp(-0.5 * ((np.arange(3000) - 130) / 6) ** 2))
    assert part(steep, period_ns=300.0) == (0, 3000)


def test_stray_counts_far_behind_are_no_hindrance():
    counts = np.pad(draw(), (0, 20_000))
    counts[[5000, 9000, 9001, 15_000]] = 1
    assert part(counts)[1] == 500


def test_channels_beyond_the_period_are_left_out():
    assert part(draw(), period_ns=40.0) == (0, 400)
    assert part(draw(), period_ns=39.96) == (0, 400)


def test_zeros_behind_a_pulse_at_the_end_are_no_measurement():
    counts = draw(background=4.0, bins=500, before=495)
    assert part(np.pad(counts, (0, 3000)))[1] == 500
