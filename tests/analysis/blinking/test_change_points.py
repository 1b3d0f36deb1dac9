"""Change points: those of known signals, none where light is constant or bunched, whatever the chunks."""

import numpy as np
import pytest
from tests.analysis.blinking.light import (
    Stay,
    bunched,
    in_ticks,
    pulsed,
    recall_and_false,
    stays,
    switches,
    times_of,
    with_afterpulses,
)

from qdmol.analysis import find_change_points
from qdmol.analysis.blinking.change_points import ChangePointTally, threshold_for
from qdmol.analysis.passes import count
from qdmol.errors import DataError, InputError


def telegraph(rng, *, duration_s, bright_hz=5e4, dark_hz=5e3, mean_s=0.2):
    light = stays(rng, duration_s=duration_s, rates_hz=(bright_hz, dark_hz), mean_s=mean_s)
    return in_ticks(times_of(rng, light), duration_s=duration_s), switches(light)


def test_switches_of_a_telegraph_signal():
    hits = groups = false = points = 0
    for seed in range(2):
        stream, true = telegraph(np.random.default_rng(seed), duration_s=30.0)
        changes = find_change_points(stream)
        each = recall_and_false(true, changes.times_s)
        hits, groups, false, points = hits + each[0], groups + each[1], false + each[2], points + len(changes.times_s)
    assert groups > 250
    assert hits / groups >= 0.98
    assert false / points < 0.01


def test_a_change_is_put_within_a_photon_or_two():
    stream, true = telegraph(np.random.default_rng(3), duration_s=20.0)
    found = find_change_points(stream).times_s
    nearest = np.abs(true[:, None] - found[None, :]).min(axis=1)
    assert np.median(nearest) < 3 / 5e4
    # edges are not shifted to either side
    signed = (true[:, None] - found[None, :])[np.arange(len(true)), np.abs(true[:, None] - found).argmin(axis=1)]
    close = np.abs(signed) < 1e-3
    assert abs(signed[close].mean()) < 4 * signed[close].std() / np.sqrt(close.sum())


def test_photons_between_edges_are_those_of_the_stream():
    rng = np.random.default_rng(4)
    stream, _ = telegraph(rng, duration_s=5.0)
    changes = find_change_points(stream)
    times = stream.load().times * 1e-10
    counted = np.histogram(times, changes.edges_s)[0]
    np.testing.assert_array_equal(changes.photons, counted)
    assert changes.edges_s[0] == 0.0
    assert changes.edges_s[-1] == pytest.approx(5.0)


def test_chunks_do_not_matter():
    stream, _ = telegraph(np.random.default_rng(5), duration_s=4.0)
    whole = find_change_points(stream)
    photons = int(whole.photons.sum())
    for chunk in (777, 20_000):
        tally = ChangePointTally(stream, photons=photons, duration_s=4.0)
        parts = count(tally, chunk=chunk)
        assert len(parts.times_s) == len(whole.times_s)
        np.testing.assert_allclose(parts.times_s, whole.times_s, atol=2e-4)


def test_a_weak_change_far_into_a_recording():
    rng = np.random.default_rng(6)
    light = [Stay(0.0, 20.0, 2e4), Stay(20.0, 30.0, 2.06e4)]
    changes = find_change_points(in_ticks(times_of(rng, light)))
    assert len(changes.times_s) == 1
    assert abs(changes.times_s[0] - 20.0) < 1.0


@pytest.mark.parametrize("dark_s", [1e-3, 2e-3])
def test_one_short_gap_has_two_ends(dark_s):
    rng = np.random.default_rng(7)
    light = [Stay(0.0, 5.0, 5e4), Stay(5.0, 5.0 + dark_s, 2e3), Stay(5.0 + dark_s, 10.0, 5e4)]
    changes = find_change_points(in_ticks(times_of(rng, light)))
    np.testing.assert_allclose(changes.times_s, [5.0, 5.0 + dark_s], atol=2e-4)


def test_darkness_at_both_ends_of_a_recording():
    rng = np.random.default_rng(8)
    stream = in_ticks(times_of(rng, [Stay(0.3, 2.0, 1e4)]), duration_s=2.5)
    changes = find_change_points(stream)
    np.testing.assert_allclose(changes.times_s, [0.3, 2.0], atol=1e-3)
    assert changes.photons.tolist()[::2] == [0, 0]


@pytest.mark.parametrize("rate_hz", [2e4, 1e5, 1e6])
def test_bunching_within_microseconds_is_no_change(rate_hz):
    rng = np.random.default_rng(9)
    times = bunched(rng, rate_hz=rate_hz, duration_s=3e5 / rate_hz)
    changes = find_change_points(in_ticks(times))
    assert changes.excess_noise > 1.03
    assert len(changes.times_s) == 0


def test_afterpulses_are_no_changes():
    rng = np.random.default_rng(10)
    times = with_afterpulses(rng, times_of(rng, [Stay(0.0, 3.0, 1e5)]))
    changes = find_change_points(in_ticks(times))
    assert 1.05 < changes.excess_noise < 1.15
    assert len(changes.times_s) == 0


def test_dead_time_is_no_change():
    times = times_of(np.random.default_rng(11), [Stay(0.0, 0.5, 1e6)])
    kept = times[np.concatenate([[True], np.diff(times) > 5e-7])]
    assert len(find_change_points(in_ticks(kept)).times_s) == 0


def test_switches_stand_out_of_bunched_light():
    rng = np.random.default_rng(12)
    times = bunched(rng, rate_hz=2e5, duration_s=4.0)
    dim = (times % 0.4 > 0.2) & (rng.random(len(times)) > 0.2)
    changes = find_change_points(in_ticks(times[~dim], duration_s=4.0))
    np.testing.assert_allclose(changes.times_s, np.arange(1, 20) * 0.2, atol=2e-3)


def test_photons_of_many_pulses_at_one_time():
    # T3: several photons share a sync pulse
    rng = np.random.default_rng(13)
    light = [Stay(0.0, 0.2, 3e6), Stay(0.2, 0.4, 3e5)]
    changes = find_change_points(pulsed(rng, light))
    np.testing.assert_allclose(changes.times_s, [0.2], atol=1e-3)


def test_the_clock_may_begin_anywhere():
    rng = np.random.default_rng(14)
    light = [Stay(5000.0, 5002.0, 1e4), Stay(5002.0, 5004.0, 1e3)]
    changes = find_change_points(in_ticks(times_of(rng, light)))
    assert changes.edges_s[0] == pytest.approx(5000.0, abs=1e-2)
    np.testing.assert_allclose(changes.times_s, [5002.0], atol=2e-3)


@pytest.mark.parametrize("photons", [0, 1, 9])
def test_too_few_photons_are_refused(photons):
    with pytest.raises(DataError, match="too few"):
        find_change_points(in_ticks(np.arange(photons) * 1e-3))


def test_photons_at_one_time_are_refused():
    with pytest.raises(DataError, match="same time"):
        find_change_points(in_ticks(np.zeros(20)))


@pytest.mark.parametrize(("name", "value"), [("false_alarms", 0.0), ("false_alarms", 2.0), ("shortest_s", 0.0)])
def test_parameters_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=name):
        find_change_points(in_ticks(np.arange(20) * 1e-3), **{name: value})


def test_memory_does_not_grow_with_the_recording():
    tally = ChangePointTally(in_ticks([0.0]), photons=10**7, duration_s=100.0)
    from qdmol.photons import Records

    start = 0
    for _ in range(40):
        times = start + np.arange(1, 20_001) * 100_000
        start = int(times[-1])
        tally.add(Records(times, np.zeros(len(times), np.uint8)))
    assert len(tally._times) <= 1 << 18


def test_the_threshold_rises_with_photons_and_falls_with_the_rate():
    assert threshold_for(10**7) - threshold_for(10**6) == pytest.approx(np.log(10))
    assert threshold_for(10**6, photons_in_shortest=30.0) < threshold_for(10**6, photons_in_shortest=1.0)
