"""The logarithmic correlation counts what it says, is 1 for steady light, and its errors hold."""

import numpy as np
import pytest
from tests.photons.generators import blinking_stream, in_memory, poisson_stream

from qdmol.analysis.correlation import correlate_log, far_level
from qdmol.errors import DataError, InputError
from qdmol.photons import Records


def small_stream(*, n: int = 3000, ticks: int = 10**6):
    rng = np.random.default_rng(1)
    times = np.sort(rng.integers(0, ticks, n)) + 10**15
    return in_memory(Records(times, rng.integers(0, 2, n).astype(np.uint8)), mode="T2", tick_ps=1000.0)


def counted(stream, low: float, high: float, *, same: bool) -> int:
    records = stream.load()
    one, two = (records.times[records.channels == k] for k in (0, 1))
    ways = [(one, one)] if same else [(one, two), (two, one)]
    return sum(
        int((np.searchsorted(late, early + high) - np.searchsorted(late, early + low)).sum()) for early, late in ways
    )


@pytest.mark.parametrize("same", [False, True])
def test_short_lags_count_every_pair(same):
    stream = small_stream()
    found = correlate_log(stream, channels=(0, 0) if same else (0, 1), lag_max_s=1e-4)
    short = found.high_ns < 2500  # eight photons within the lag: pairs one by one
    assert short.sum() > 25
    for low, high, pairs in zip(found.low_ns[short], found.high_ns[short], found.pairs[short], strict=True):
        assert pairs == counted(stream, low, high, same=same)
    assert np.all(found.high_ns[:-1][short[1:]] == found.low_ns[1:][short[1:]])


def test_long_lags_are_sums_of_products_of_bins():
    stream = small_stream()
    found = correlate_log(stream, lag_max_s=5e-4, per_decade=40)
    times = stream.load().times - 10**15
    channels = stream.load().channels
    far = int(np.argmax(found.lag_ns > 3e5))
    width = round(found.high_ns[far] - found.low_ns[far])
    first = times.min()
    done = (times.max() - first + 1) // width
    one, two = (np.bincount((times[channels == k] - first) // width, minlength=done + 1)[:done] for k in (0, 1))
    m = round(found.lag_ns[far] / width)
    assert found.pairs[far] == int((one[:-m] * two[m:]).sum() + (two[:-m] * one[m:]).sum())


def test_cutting_the_stream_changes_nothing():
    stream = small_stream()
    whole = correlate_log(stream)
    for chunk in (1, 13, 1000):
        parts = correlate_log(stream, chunk=chunk)
        np.testing.assert_array_equal(parts.pairs, whole.pairs)
        np.testing.assert_array_equal(parts.error, whole.error)


def test_steady_light_is_one_at_every_lag_up_to_half_the_recording():
    inside, total = 0, 0
    for seed in range(8):
        stream = poisson_stream(np.random.default_rng(seed), rate_hz=1e5, duration_s=1.0)
        found = correlate_log(stream, lag_min_ns=1000.0, lag_max_s=0.5, per_decade=5)
        assert found.lag_ns[-1] > 0.4e9
        # to its end: without (T - lag) the last would be 0.55
        np.testing.assert_allclose(found.value[found.pairs > 10**5], 1.0, atol=0.02)
        inside += int((np.abs(found.value - 1) < 1.96 * found.error).sum())
        total += len(found.value)
    assert inside / total > 0.93


@pytest.mark.parametrize("chunk", [1 << 20, 777])
def test_one_detector_alone_is_one_at_long_lags_too(chunk):
    stream = poisson_stream(np.random.default_rng(6), rate_hz=3e4, duration_s=2.0)
    found = correlate_log(stream, channels=(1, 1), lag_max_s=0.5, chunk=chunk)
    late = found.lag_ns > 1e5
    assert late.sum() > 30
    assert np.all(np.abs(found.value[late] - 1) < 5 * found.error[late] + 1e-3)
    assert np.abs(found.value[found.lag_ns > 1e7] - 1).max() < 0.02


def test_blinking_shows_with_its_height_and_time():
    stream = blinking_stream(
        np.random.default_rng(7), rate_hz=3e5, duration_s=4.0, on_s=0.001, off_s=0.003, period_ps=1e6
    )
    found = correlate_log(stream, lag_max_s=0.3)
    # telegraph: 1 + off/on exp(-t (1/on + 1/off))
    expected = 1 + 3.0 * np.exp(-found.lag_ns * 1e-6 * (1 + 1 / 3))
    steady = found.lag_ns > 3e3
    pull = (found.value - expected)[steady] / np.maximum(found.error, 0.01 * expected)[steady]
    assert np.abs(pull).max() < 5
    assert found.value[found.lag_ns > 5e3][0] == pytest.approx(4.0, rel=0.1)
    assert far_level(found) == pytest.approx(1.0, abs=0.03)


def test_lags_of_t3_are_whole_periods():
    stream = blinking_stream(np.random.default_rng(8), rate_hz=1e6, duration_s=0.05, period_ps=1e5)
    found = correlate_log(stream, lag_max_s=1e-3)
    assert found.low_ns[0] == pytest.approx(100.0)


@pytest.mark.parametrize("options", [{"lag_max_s": 1e9}, {"lag_max_s": 1e-9}, {"per_decade": 0}])
def test_lags_out_of_range_are_refused(options):
    with pytest.raises(InputError, match=r"lag_max_s|per_decade"):
        correlate_log(small_stream(), **options)


def test_a_channel_without_photons_is_refused():
    with pytest.raises(DataError, match="at least two"):
        correlate_log(small_stream(), channels=(4, 5))
