"""Pairs with both delays against a direct count; ranks and shapes against what they are for known emitters."""

import numpy as np
import pytest
from tests.analysis.emitters.sources import emitters
from tests.photons.generators import in_memory

from qdmol.analysis.emitters.observing import delays_resolved
from qdmol.analysis.emitters.pairs import DelayPairTally, DelayTally, _columns
from qdmol.analysis.emitters.shapes import EDGES, shapes_of
from qdmol.analysis.passes import count
from qdmol.errors import DataError
from qdmol.photons import Records


def rng(number):
    return np.random.default_rng([17, number])


def random_stream(generator, *, photons=3000, pulses=4000, period=100, shift=0):
    times = np.sort(generator.integers(0, pulses, photons))
    delays = (shift + generator.exponential(12.0, photons)).astype(np.int64) % period
    order = np.lexsort((delays, times))
    records = Records(
        times=times, channels=generator.integers(0, 3, photons).astype(np.uint8), delays=delays[order].astype(np.uint32)
    )
    return in_memory(records, mode="T3", tick_ps=1000.0, sync_period_ps=1000.0 * period), records


@pytest.mark.parametrize("shift", [5, 20, 97])
@pytest.mark.parametrize("order", [0, 2, -1])
def test_pairs_are_those_of_a_direct_count(shift, order):
    stream, records = random_stream(rng(shift), shift=shift)
    arrivals = count(DelayTally(stream, (0, 2)))
    for chunk in (137, 1 << 20):
        pairs = count(DelayPairTally(stream, arrivals, order=order, reach=2), chunk=chunk)
        pulse = []
        for arrival, late in zip(arrivals, (0, order), strict=True):
            chosen = records.channels == arrival.channel
            turns = np.floor((records.delays[chosen].astype(float) - arrival.start) / 100).astype(np.int64)
            pulse.append(records.times[chosen] + turns - late)
        apart = pulse[1][None, :] - pulse[0][:, None]
        for distance in range(-2, 3):
            assert (pairs.apart == distance).sum() == (apart == distance).sum()
        assert len(pairs.pulses) == (np.abs(apart) <= 2).sum()


def test_columns_grow_where_a_pulse_has_many_pairs(monkeypatch):
    monkeypatch.setattr("qdmol.analysis.emitters.pairs._ROOM", 4)
    stream, _ = random_stream(rng(3), photons=2000, pulses=100)
    arrivals = count(DelayTally(stream, (0, 1)))
    pairs = count(DelayPairTally(stream, arrivals, order=0, reach=1))
    assert len(pairs.pulses) > 10_000
    assert len(_columns(4)[0]) == 4


def test_a_cable_delay_does_not_move_photons_to_another_pulse():
    """Photons that arrive after the next sync pulse belong to the pulse that excited them."""
    stream, records = random_stream(rng(4), shift=5)
    late = records.delays.astype(np.int64) + 90
    moved = Records(records.times + late // 100, records.channels, (late % 100).astype(np.uint32))
    order = np.lexsort((moved.delays, moved.times))
    moved = Records(moved.times[order], moved.channels[order], moved.delays[order])
    other = in_memory(moved, mode="T3", tick_ps=1000.0, sync_period_ps=1e5)
    numbers = []
    for each in (stream, other):
        arrivals = count(DelayTally(each, (0, 1)))
        pairs = count(DelayPairTally(each, arrivals, order=0, reach=1))
        numbers.append([(pairs.apart == k).sum() for k in (-1, 0, 1)])
    np.testing.assert_allclose(numbers[0], numbers[1], atol=3)


def test_independent_pairs_have_uniform_ranks():
    stream = emitters(rng(5), photons=150_000, shares=(1.0, 1.0), ratio=0.0, background=0.1, per_pulse=0.1)
    arrivals = count(DelayTally(stream, (0, 1)))
    pairs = count(DelayPairTally(stream, arrivals, order=0, reach=1))
    same = pairs.apart == 0
    assert same.sum() > 1500
    smaller = 1.0 - (1.0 - pairs.ranks[same].min(axis=1)) ** 2
    counts = np.histogram(smaller, 10, (0.0, 1.0))[0]
    mean = same.sum() / 10
    assert ((counts - mean) ** 2 / mean).sum() < 27.9  # chi squared of 9 degrees of freedom, 0.001


@pytest.mark.parametrize(("ratio", "background"), [(0.5, 0.0), (0.2, 0.15)])
def test_a_cascade_has_the_shape_that_is_computed(ratio, background):
    stream = emitters(rng(6), photons=300_000, ratio=ratio, background=background, per_pulse=0.1)
    arrivals = count(DelayTally(stream, (0, 1)))
    assert delays_resolved(arrivals, 20.0, 200.0)
    pairs = count(DelayPairTally(stream, arrivals, order=0, reach=1))
    same = pairs.apart == 0
    counts = np.histogram(pairs.ranks[same].min(axis=1), EDGES)[0]
    share = 1.0 - background
    shapes = shapes_of(arrivals, lifetime_ns=20.0, tick_ns=stream.tick_ps * 1e-3, share=share)
    level = np.prod([float(n) for n in pairs.photons]) / pairs.duration_pulses
    cascade = shapes.cascade(np.array([ratio / 4.0]))[0]
    expected = level * (
        share**2 * ratio * cascade + 2.0 * share * background * shapes.mixed + background**2 * shapes.background
    )
    assert counts.sum() == pytest.approx(expected.sum(), rel=0.08)
    deviates = (counts - expected) / np.sqrt(expected + (0.03 * expected) ** 2)
    assert (deviates**2).sum() < 32.9  # 12 degrees of freedom, 0.001
    wrong = level * share**2 * ratio * shapes.cascade(np.array([ratio / 2.0]))[0]
    assert (((counts - wrong) / np.sqrt(wrong)) ** 2).sum() > 200.0


def test_a_channel_without_photons_is_refused():
    stream, _ = random_stream(rng(7))
    with pytest.raises(DataError, match="Channel 9 has no photons"):
        count(DelayTally(stream, (0, 9)))
