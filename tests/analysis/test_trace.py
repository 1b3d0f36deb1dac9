"""The intensity trace: counts as NumPy's own, bounded in memory, whatever the clock."""

import tracemalloc

import numpy as np
import pytest
from tests.photons.generators import in_memory, poisson_stream, pulsed_stream

from qdmol.analysis.trace import intensity_trace
from qdmol.errors import InputError
from qdmol.photons import ArraySource, PhotonStream, Provenance, Records


def test_counts_are_those_of_a_histogram():
    stream = poisson_stream(np.random.default_rng(1), rate_hz=1e5, duration_s=2.0, shares=(0.3, 0.7))
    trace = intensity_trace(stream, bin_s=0.01)
    records = stream.load()
    edges = np.arange(201) * 1e10
    for column, channel in enumerate(trace.channels):
        expected = np.histogram(records.times[records.channels == channel], edges)[0]
        np.testing.assert_array_equal(trace.counts[:, column], expected)
    assert trace.channels == (0, 1)
    assert trace.bin_s == trace.asked_bin_s == 0.01
    assert trace.note is None
    assert trace.times_s[0] == pytest.approx(0.005)


def test_t3_photons_stand_at_their_pulse():
    stream = pulsed_stream(np.random.default_rng(2), rate_hz=2e4, duration_s=1.0, period_ps=200_000.0)
    trace = intensity_trace(stream, bin_s=0.1)
    assert trace.counts.shape == (10, 2)
    assert trace.total.sum() == len(stream.load())


def test_too_many_bins_are_doubled_and_said_so():
    stream = poisson_stream(np.random.default_rng(3), rate_hz=1e4, duration_s=4.0)
    trace = intensity_trace(stream, bin_s=1e-3, most_bins=512)
    assert len(trace.counts) <= 512
    assert trace.bin_s == 8e-3
    assert trace.total.sum() == len(stream.load())
    assert "0.008 s instead of 0.001 s" in trace.note


def test_a_clock_that_ran_on_starts_at_the_first_photon():
    times = 8 * 10**18 + np.arange(1000, dtype=np.int64) * (10**9 + 10**4)
    records = Records(times=times, channels=np.full(1000, 7, dtype=np.uint8))
    trace = intensity_trace(in_memory(records, mode="T2", tick_ps=1.0), bin_s=0.1)
    assert trace.channels == (7,)
    np.testing.assert_array_equal(trace.total, np.full(10, 100))
    assert trace.start_s == pytest.approx(8e6)


def test_the_longest_pause_takes_no_memory():
    records = Records(times=np.array([0, 9 * 10**18], dtype=np.int64), channels=np.zeros(2, dtype=np.uint8))
    trace = intensity_trace(in_memory(records, mode="T2", tick_ps=1.0), bin_s=1e-6)
    assert len(trace.counts) <= 1 << 21
    assert trace.total.sum() == 2


def test_no_photons_give_no_bins():
    records = Records(times=np.zeros(0, dtype=np.int64), channels=np.zeros(0, dtype=np.uint8))
    trace = intensity_trace(in_memory(records, mode="T2", tick_ps=1.0))
    assert trace.counts.shape == (0, 0)


def test_dark_bins_at_the_end_belong_to_the_recording():
    records = Records(times=np.array([0, 6 * 10**11], dtype=np.int64), channels=np.zeros(2, dtype=np.uint8))
    trace = intensity_trace(in_memory(records, mode="T2", tick_ps=1.0, duration_s=1.0), bin_s=0.1)
    assert len(trace.counts) == 10


@pytest.mark.parametrize("bin_s", [0.0, -1.0, float("nan")])
def test_a_bin_must_have_a_width(bin_s):
    stream = poisson_stream(np.random.default_rng(1), rate_hz=1e3, duration_s=0.1)
    with pytest.raises(InputError, match="bin_s"):
        intensity_trace(stream, bin_s=bin_s)


@pytest.mark.parametrize("chunk", [1200, 1 << 20])
def test_many_channels_share_the_memory(chunk):
    rng = np.random.default_rng(5)
    times = np.sort(rng.integers(0, 20 * 86400 * 10**9, 5000))
    # the last channels come late, when there are many bins already
    channels = np.where(np.arange(5000) < 2500, rng.integers(0, 2, 5000), rng.integers(0, 256, 5000)).astype(np.uint8)
    stream = PhotonStream("T2", 1000.0, Cut(Records(times, channels), chunk), Provenance("made", "T2"))
    trace = intensity_trace(stream, most_bins=1 << 17)  # for 256 channels still four times what is kept
    assert trace.counts.size <= 1 << 23
    assert trace.counts.sum() == 5000
    np.testing.assert_array_equal(trace.counts.sum(axis=0), np.bincount(channels, minlength=256))
    place = (times - times[0]) * 1e-9 / trace.bin_s
    np.testing.assert_array_equal(trace.counts.sum(axis=1), np.bincount(place.astype(int), minlength=len(trace.counts)))


def test_late_channels_take_no_gigabytes():
    """Bins of two channels are joined before 254 others get a column each, which would be 4 GB."""
    times = np.linspace(0, 20 * 86400 * 10**9, 3000).astype(np.int64)
    channels = np.where(np.arange(3000) < 2400, np.arange(3000) % 2, np.arange(3000) % 256).astype(np.uint8)
    stream = PhotonStream("T2", 1000.0, Cut(Records(times, channels), 600), Provenance("made", "T2"))
    tracemalloc.start()
    try:
        trace = intensity_trace(stream)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert trace.counts.sum() == 3000
    assert peak < 400 << 20


class Cut:
    """Records in stretches of one size, whatever size is asked for."""

    def __init__(self, records, size):
        self.records, self.size = records, size

    def chunks(self, size):
        return ArraySource(self.records).chunks(self.size)
