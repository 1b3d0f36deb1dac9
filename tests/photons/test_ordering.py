"""Photons out of order: sorted within the window, refused beyond it, and counted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from tests.photons import generators as make

from qdmol.errors import DataError
from qdmol.photons import Records
from qdmol.photons.ordering import OrderTally, ordered, scan_order
from qdmol.photons.stream import join_records


@dataclass(frozen=True)
class AsStored:
    """Records handed out as they are, in order or not."""

    records: Records

    def chunks(self, size: int) -> Iterator[Records]:
        whole = self.records
        for start in range(0, max(len(whole), len(whole.sync_times), 1), size):
            cut = slice(start, start + size)
            yield Records(
                times=whole.times[cut],
                channels=whole.channels[cut],
                delays=None if whole.delays is None else whole.delays[cut],
                sync_times=whole.sync_times[cut],
                marker_times=whole.marker_times[cut],
                markers=whole.markers[cut],
            )


def shuffled(rng: np.random.Generator, n: int, reach: int) -> Records:
    """T3 records whose photons stand up to about `reach` places from where they belong."""
    times = np.sort(rng.integers(0, 10 * n, n))
    order = np.argsort(np.arange(n) + rng.uniform(0, reach, n), kind="stable")
    syncs = np.argsort(np.arange(n) + rng.uniform(0, reach, n), kind="stable")
    return Records(
        times=times[order],
        channels=(times[order] % 3).astype(np.uint8),
        delays=(times[order] % 997).astype(np.uint32),
        sync_times=times[syncs] + 1,
        marker_times=times[order] + 2,
        markers=((times[order] + 2) % 5).astype(np.uint8),
    )


@pytest.mark.parametrize("size", [50, 333, 1000, 5000])
@pytest.mark.parametrize("reach", [1, 20, 200])
def test_disorder_within_the_window_is_sorted(size, reach):
    stored = shuffled(np.random.default_rng(size + reach), 4000, reach)
    parts = list(ordered(AsStored(stored), mode="T3", window=1000).chunks(size))
    last = -1
    for part in parts:
        events = np.concatenate([part.times, part.sync_times, part.marker_times])
        for kind in (part.times, part.sync_times, part.marker_times):
            assert np.all(np.diff(kind) >= 0)
        assert events.min() >= last
        last = events.max()
    whole = join_records(parts, mode="T3")
    np.testing.assert_array_equal(whole.times, np.sort(stored.times))
    np.testing.assert_array_equal(whole.sync_times, np.sort(stored.sync_times))
    np.testing.assert_array_equal(whole.marker_times, np.sort(stored.marker_times))
    # channels, delays and marker bits went with their times
    np.testing.assert_array_equal(whole.channels, whole.times % 3)
    np.testing.assert_array_equal(whole.delays, whole.times % 997)
    np.testing.assert_array_equal(whole.markers, whole.marker_times % 5)


def test_photons_of_one_time_keep_the_order_of_the_file():
    # enough of them that an unstable sort shows; the delay counts the photons in the file's order
    times = np.random.default_rng(6).integers(0, 50, 3000)
    stored = Records(times=times, channels=np.zeros(3000, dtype=np.uint8), delays=np.arange(3000, dtype=np.uint32))
    (whole,) = ordered(AsStored(stored), mode="T3").chunks(3000)
    assert whole.delays is not None
    assert np.all(np.diff(whole.delays.astype(np.int64))[np.diff(whole.times) == 0] > 0)


def test_disorder_beyond_the_window_is_refused():
    times = np.arange(10_000)
    times[9_000] = 10
    stored = Records(times=times, channels=np.zeros(10_000, dtype=np.uint8))
    with pytest.raises(DataError, match="more than 2000 events"):
        list(ordered(AsStored(stored), mode="T2", window=2000).chunks(500))
    (whole,) = ordered(AsStored(stored), mode="T2", window=20_000).chunks(20_000)
    assert whole.times[11] == 10


def test_pieces_stay_of_the_size_asked_for():
    stored = shuffled(np.random.default_rng(4), 20_000, 30)
    sizes = [len(part) for part in ordered(AsStored(stored), mode="T3", window=1000).chunks(500)]
    assert max(sizes) <= 1100
    assert sum(sizes) == 20_000


def test_a_stream_in_order_is_handed_on_untouched():
    stored = make.pulsed_stream(np.random.default_rng(3), duration_s=0.05).load()
    parts = list(ordered(AsStored(stored), mode="T3", window=100).chunks(200))
    assert [len(part) for part in parts[:-1]] == [200] * (len(parts) - 1)
    assert np.shares_memory(parts[0].times, stored.times)


def test_what_was_out_of_order_is_counted():
    times = np.array([0, 10, 20, 15, 30, 40, 12, 50])
    stored = Records(times=times, channels=np.zeros(8, dtype=np.uint8), sync_times=np.array([5, 4, 6]))
    for size in (1, 3, 100):
        tally = OrderTally()
        list(ordered(AsStored(stored), mode="T2").tallied(size, tally))
        assert (tally.photons, tally.falls, tally.deepest) == (8, 3, 28)
    stream = make.in_memory(stored, mode="T2", tick_ps=1.0)
    assert scan_order(stream).falls == 3
    assert scan_order(make.poisson_stream(np.random.default_rng(1), duration_s=0.01)).falls == 0


def test_an_empty_source_gives_nothing():
    stored = Records(times=np.zeros(0, dtype=np.int64), channels=np.zeros(0, dtype=np.uint8))
    assert list(ordered(AsStored(stored), mode="T2").chunks(10)) == []
