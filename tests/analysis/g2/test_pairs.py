"""Pairs are all counted, each once, however the stream is cut."""

import numpy as np
import pytest
from tests.analysis.g2.emitters import biexciton_stream
from tests.photons.generators import in_memory, poisson_stream, pulsed_stream

from qdmol.analysis import pair_histogram
from qdmol.errors import InputError
from qdmol.photons import PhotonStream, Records


def brute(stream: PhotonStream, *, channels, width: int, half: int) -> np.ndarray:
    """All pairs one by one, lags in ticks as exact fractions."""
    from fractions import Fraction

    records = stream.load()
    period = Fraction(stream.sync_period_ps or 1) / Fraction(stream.tick_ps)
    counts = np.zeros(2 * half + 1, dtype=np.int64)
    for i in np.flatnonzero(records.channels == channels[0]):
        for j in np.flatnonzero(records.channels == channels[1]):
            if i == j:
                continue
            lag = Fraction(int(records.times[j] - records.times[i]))
            if stream.mode == "T3":
                lag = lag * period + int(records.delays[j]) - int(records.delays[i])
            k = (lag + half * width + Fraction(width, 2)) // width  # bin 0 is centred on lag 0
            if 0 <= k <= 2 * half:
                counts[k] += 1
    return counts


def small_t2(rng, *, n: int = 300, channels: int = 2) -> PhotonStream:
    times = np.sort(rng.integers(0, 3000, n)) + 10**17
    return in_memory(Records(times, rng.integers(0, channels, n).astype(np.uint8)), mode="T2", tick_ps=4.0)


def small_t3(rng, *, n: int = 300) -> PhotonStream:
    times = np.sort(rng.integers(10**9, 10**9 + 200, n))
    delays = rng.integers(0, 900, n).astype(np.uint32)  # some longer than the period of 781
    records = Records(times, rng.integers(0, 3, n).astype(np.uint8), delays)
    return in_memory(records, mode="T3", tick_ps=16.0, sync_period_ps=12495.5)


@pytest.mark.parametrize("channels", [(0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("make", [small_t2, small_t3])
def test_all_pairs_are_counted(make, channels):
    stream = make(np.random.default_rng(1))
    width, half = 37, 100
    tick_ns = stream.tick_ps * 1e-3
    found = pair_histogram(
        stream, channels=channels, window_ns=(width * half + 3) * tick_ns, bin_width_ns=width * tick_ns
    )
    assert found.pairs > 400
    np.testing.assert_array_equal(found.counts, brute(stream, channels=channels, width=width, half=half))
    assert found.lag_ns[half] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("mode", ["T2", "T3"])
def test_cutting_the_stream_changes_nothing(mode):
    rng = np.random.default_rng(2)
    stream = poisson_stream(rng, rate_hz=3e5, duration_s=0.05)
    if mode == "T3":
        stream = pulsed_stream(rng, rate_hz=3e5, duration_s=0.05, period_ps=12_345.6)
    whole = pair_histogram(stream, window_ns=5000, bin_width_ns=1, chunk=10**6)
    for chunk in (1, 17, 1000):
        parts = pair_histogram(stream, window_ns=5000, bin_width_ns=1, chunk=chunk)
        np.testing.assert_array_equal(parts.counts, whole.counts)
        np.testing.assert_array_equal(parts.blocks.counts, whole.blocks.counts)
        np.testing.assert_array_equal(parts.blocks.photons, whole.blocks.photons)
    assert whole.blocks.counts.sum() == whole.pairs
    assert whole.photons == tuple(np.bincount(stream.load().channels))
    assert whole.blocks.photons.sum(axis=0).tolist() == list(whole.photons)
    assert whole.blocks.durations_s.sum() == pytest.approx(whole.duration_s)


def test_long_lags_of_sync_pulses_do_not_drift():
    # one photon a channel, 10^6 periods apart: rounding each period to whole ticks would be off by 480 000 ticks
    apart = 1_000_000
    for start in (0, 10**12):
        records = Records(np.array([start, start + apart]), np.array([0, 1], np.uint8), np.array([100, 300], np.uint32))
        stream = in_memory(records, mode="T3", tick_ps=16.0, sync_period_ps=12495.52)
        expected_ns = (apart * 12495.52 + 200 * 16.0) * 1e-3
        found = pair_histogram(stream, window_ns=1.3e7, bin_width_ns=8.0)
        assert found.lag_ns[np.argmax(found.counts)] == pytest.approx(expected_ns, abs=4.0)


def test_steady_light_is_flat_at_the_poisson_level():
    found = pair_histogram(
        poisson_stream(np.random.default_rng(3), rate_hz=2e6, duration_s=0.5), window_ns=1000, bin_width_ns=10
    )
    excess = (found.counts - found.poisson_per_bin) / np.sqrt(found.poisson_per_bin)
    assert abs(excess.mean()) < 4 / np.sqrt(len(excess))
    assert excess.std() == pytest.approx(1.0, abs=0.25)


def test_a_gate_on_delays_is_a_selection_of_photons():
    stream = biexciton_stream(np.random.default_rng(4), pulses=100_000, brightness=0.1)
    records = stream.load()
    low, high = 210, 260
    chosen = records.select((records.delays >= low) & (records.delays < high))
    by_hand = in_memory(chosen, mode="T3", tick_ps=stream.tick_ps, sync_period_ps=stream.sync_period_ps)
    gate = np.array([[low, high], [low, high]])
    np.testing.assert_array_equal(
        pair_histogram(stream, window_ns=500, bin_width_ns=1, gate=gate).counts,
        pair_histogram(by_hand, window_ns=500, bin_width_ns=1).counts,
    )


@pytest.mark.parametrize("options", [{"window_ns": 0.0}, {"window_ns": 1.0, "bin_width_ns": -1.0}, {"window_ns": 1e12}])
def test_senseless_windows_are_refused(options):
    options = {"bin_width_ns": 0.1, **options}
    with pytest.raises(InputError, match=r"window_ns|bin_width_ns"):
        pair_histogram(small_t2(np.random.default_rng(5)), **options)
