"""Decay histograms of streams."""

import numpy as np
import pytest
from tests.photons.generators import in_memory

from qdmol.analysis import Response, decay_of, decays_of, fit_lifetime
from qdmol.errors import DataError, InputError
from qdmol.photons import Records


def pulsed(rng, *, photons=20_000, lag_ns=0.0, period_ps=50_100.0, tick_ps=16.0):
    """Two channels, the second later by `lag_ns`."""
    times = np.sort(rng.integers(0, 10**6, photons))
    channels = rng.integers(0, 2, photons).astype(np.uint8)
    delays = 5.0 + rng.normal(0, 0.1, photons) + rng.exponential(6.0, photons) + lag_ns * channels
    ticks = ((delays * 1e3) % period_ps / tick_ps).astype(np.uint32)
    return in_memory(Records(times, channels, ticks), mode="T3", tick_ps=tick_ps, sync_period_ps=period_ps)


def test_every_photon_is_counted_once_whatever_the_stretch():
    stream = pulsed(np.random.default_rng(1))
    records = stream.load()
    decay = decay_of(stream, align=False)
    assert decay.photons == 20_000
    assert decay.bin_width_ns == 0.016
    np.testing.assert_array_equal(decay.counts, np.bincount(records.delays, minlength=len(decay.counts)))
    assert decay.period_ns == pytest.approx(50.1)
    assert decay.exposure_periods == records.times[-1] - records.times[0] + 1
    assert decay.edges_ns[-1] == pytest.approx(50.1)
    per_channel = decays_of(stream)
    np.testing.assert_array_equal(per_channel[0].counts + per_channel[1].counts, decay.counts)
    coarse = decay_of(stream, bin_width_ns=0.161, channels=[1])
    assert coarse.bin_width_ns == pytest.approx(0.16)
    np.testing.assert_array_equal(coarse.counts[:100], per_channel[1].counts[:1000].reshape(100, 10).sum(axis=1))


def test_channels_that_lie_apart_are_laid_on_each_other():
    stream = pulsed(np.random.default_rng(2), lag_ns=1.2)
    decay = decay_of(stream)
    assert "shifted by" in decay.notes[0]
    fit = fit_lifetime(decay)
    assert fit.model == "1 exponential"
    assert fit.low_ns[0] < 6.0 < fit.high_ns[0]
    assert fit.response_width_ns == pytest.approx(0.1, abs=0.02)
    apart = fit_lifetime(decay_of(stream, align=False), response=Response.gaussian(), model="1")
    assert apart.response_width_ns > 0.4
    assert decay_of(pulsed(np.random.default_rng(3))).notes == ()


def test_delays_beyond_the_period_are_left_out_and_said_so():
    records = Records(np.arange(5), np.zeros(5, np.uint8), np.array([1, 2, 3, 4000, 4], np.uint32))
    decay = decay_of(in_memory(records, mode="T3", tick_ps=16.0, sync_period_ps=50_000.0))
    assert decay.photons == 4
    assert "beyond the sync period" in decay.notes[0]


def test_what_has_no_decay_is_refused():
    stream = pulsed(np.random.default_rng(4), photons=100)
    with pytest.raises(InputError, match="channels"):
        decay_of(stream, channels=[5])
    with pytest.raises(InputError, match="bin_width_ns"):
        decay_of(stream, bin_width_ns=1e-6)
    none = Records(np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.uint32))
    with pytest.raises(DataError, match="no photons"):
        decay_of(in_memory(none, mode="T3", tick_ps=16.0, sync_period_ps=50_000.0))
