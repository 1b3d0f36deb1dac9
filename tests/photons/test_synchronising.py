"""Photons counted from sync pulses: against how they were made."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from qdmol.errors import DataError, InputError
from qdmol.photons.stream import ArraySource, PhotonStream, Provenance, Records, join_records
from qdmol.photons.synchronising import find_sync_channel, pulses_per_sync, steady_period, to_t3

PERIOD = 12_500


def t2_stream(records, *, tick_ps=1.0):
    return PhotonStream(
        mode="T2", tick_ps=tick_ps, source=ArraySource(records), provenance=Provenance(format="made", record_type="T2")
    )


def pulsed(rng, *, photons=3000, pulses=20_000, kept=None, start=777):
    """T2 records with their true period numbers and delays; `kept` picks the pulses that are recorded."""
    numbers = np.sort(rng.integers(0, pulses, photons))
    delays = rng.integers(0, PERIOD, photons)
    times = start + PERIOD * numbers + delays
    order = np.argsort(times, kind="stable")
    every = start + PERIOD * np.arange(pulses + 1)
    records = Records(
        times=times[order],
        channels=rng.integers(0, 2, photons).astype(np.uint8),
        sync_times=every if kept is None else every[kept(pulses + 1)],
        marker_times=np.array([start + 5 * PERIOD + 1]),
        markers=np.array([4], dtype=np.uint8),
    )
    return records, numbers[order], delays[order]


class TestCounting:
    @pytest.mark.parametrize("size", [1, 7, 1 << 20])
    def test_every_pulse_recorded(self, size):
        records, numbers, delays = pulsed(np.random.default_rng(1), photons=400, pulses=500)
        stream = to_t3(t2_stream(records))
        assert stream.mode == "T3"
        assert stream.sync_period_ps == PERIOD
        found = join_records(list(stream.chunks(size)), mode="T3")
        assert np.array_equal(found.times, numbers)
        assert np.array_equal(found.delays, delays)
        assert np.array_equal(found.channels, records.channels)
        assert found.marker_times.tolist() == [5]
        assert found.markers.tolist() == [4]
        assert "12.5 ns apart" in stream.notes[-1]

    @pytest.mark.parametrize(
        "kept",
        [lambda n: np.sort(np.random.default_rng(5).choice(n, n // 10, replace=False)), lambda n: np.arange(0, n, 8)],
        ids=["some at random", "every eighth"],
    )
    def test_pulses_between_the_recorded_ones_are_put_in(self, kept):
        records, numbers, delays = pulsed(np.random.default_rng(2), kept=kept)
        stream = to_t3(t2_stream(records), period_ps=PERIOD)
        found = stream.load()
        behind = records.times >= records.sync_times[0]
        lost = (records.sync_times[0] - 777) // PERIOD
        assert np.array_equal(found.times, numbers[behind] - lost)
        assert np.array_equal(found.delays, delays[behind])

    def test_period_is_found_although_most_pulses_are_missing(self):
        records, _, _ = pulsed(
            np.random.default_rng(2), kept=lambda n: np.sort(np.random.default_rng(5).choice(n, n // 10, replace=False))
        )
        assert to_t3(t2_stream(records)).sync_period_ps == PERIOD

    def test_photons_before_the_first_pulse_are_left_out(self):
        records = Records(
            times=np.array([5, 90, 110, 1000]),
            channels=np.zeros(4, dtype=np.uint8),
            sync_times=100 + 400 * np.arange(50),
        )
        found = to_t3(t2_stream(records, tick_ps=100.0)).load()
        assert found.times.tolist() == [0, 2]
        assert found.delays.tolist() == [10, 100]

    def test_times_are_kept_over_a_drifting_clock(self):
        # the mean period is used, so that the length of the recording is right
        pulses = np.cumsum(np.linspace(10_000, 10_001, 200_000)).astype(np.int64)
        records = Records(times=pulses[1:] - 1, channels=np.zeros(len(pulses) - 1, dtype=np.uint8), sync_times=pulses)
        stream = to_t3(t2_stream(records))
        found = stream.load()
        length = (found.times[-1] + 1 - found.times[0]) * stream.sync_period_ps
        assert length == pytest.approx(pulses[-1] - pulses[0], rel=1e-6)

    def test_t3_is_returned_as_it_is(self):
        records, _, _ = pulsed(np.random.default_rng(1))
        stream = to_t3(t2_stream(records))
        assert to_t3(stream) is stream


class TestRefusal:
    def test_no_pulses(self):
        records = Records(times=np.arange(5), channels=np.zeros(5, dtype=np.uint8))
        with pytest.raises(DataError, match="no recorded sync pulses"):
            to_t3(t2_stream(records))
        with pytest.raises(DataError, match="no recorded sync pulses"):
            to_t3(t2_stream(records), period_ps=100.0)

    def test_pulses_at_random(self):
        times = np.sort(np.random.default_rng(1).integers(0, 10**9, 5000))
        records = Records(times=times, channels=np.zeros(5000, dtype=np.uint8), sync_times=times)
        with pytest.raises(DataError, match="neither equally spaced"):
            to_t3(t2_stream(records))

    def test_wrong_period(self):
        records, _, _ = pulsed(np.random.default_rng(1))
        with pytest.raises(DataError, match=r"do not fit a period of 12\.3 ns"):
            to_t3(t2_stream(records), period_ps=12_300.0)

    @pytest.mark.parametrize("period", [0.0, -5.0, np.nan, np.inf, 0.5])
    def test_no_period(self, period):
        records, _, _ = pulsed(np.random.default_rng(1))
        with pytest.raises(InputError, match="period_ps"):
            to_t3(t2_stream(records), period_ps=period)


def light(rng, *, pulses, lifetime, photons, background=0.0, period=100_000):
    """Delays after a sync of `pulses` laser pulses a period, on two channels with cables of their own."""
    dark = rng.random(photons) < background
    channels = rng.integers(0, 2, photons).astype(np.uint8)
    pulse = rng.integers(0, pulses, photons) * (period / pulses)
    lit = pulse + rng.exponential(lifetime * period / pulses, photons) + 31_000.0 * channels
    delays = np.where(dark, rng.random(photons) * period, lit) % period
    return Records(times=np.arange(photons), channels=channels, delays=delays.astype(np.uint32))


class TestDivider:
    @given(
        pulses=st.integers(1, 16),
        lifetime=st.floats(0.01, 1.0),
        background=st.floats(0.0, 0.5),
        seed=st.integers(0, 1000),
    )
    def test_pulses_in_a_period_are_counted(self, pulses, lifetime, background, seed):
        rng = np.random.default_rng(seed)
        records = light(rng, pulses=pulses, lifetime=lifetime, photons=20_000, background=background)
        assert pulses_per_sync(records, period=100_000.0) == pulses

    def test_light_without_pulses_is_not_parted(self):
        rng = np.random.default_rng(1)
        for photons in (0, 1, 10, 50_000):
            records = light(rng, pulses=1, lifetime=0.1, photons=photons, background=1.0)
            assert pulses_per_sync(records, period=100_000.0) == 1

    def test_unequal_pulses_are_not_taken_for_one(self):
        # two lasers in turn, one of them half as bright
        rng = np.random.default_rng(1)
        for parts in (1, 3):
            one, two = (light(rng, pulses=parts, lifetime=0.02, photons=n) for n in (20_000, 10_000))
            delays = np.concatenate([one.delays, (two.delays + 50_000 // parts) % 100_000])
            channels = np.concatenate([one.channels, two.channels])
            records = Records(times=np.arange(30_000), channels=channels, delays=delays)
            assert pulses_per_sync(records, period=100_000.0) == parts

    def test_a_trace_of_modulation_is_not_enough(self):
        rng = np.random.default_rng(1)
        delays = rng.integers(0, 100_000, 150_000)
        delays[:4500] = 12_500 * rng.integers(0, 8, 4500)  # 3 % of modulation, eight times a period
        records = Records(
            times=np.arange(150_000), channels=np.zeros(150_000, dtype=np.uint8), delays=delays.astype(np.uint32)
        )
        assert pulses_per_sync(records, period=100_000.0) == 1

    def test_every_eighth_pulse_recorded_gives_the_period_of_the_laser(self):
        rng = np.random.default_rng(3)
        numbers = np.sort(rng.integers(8, 40_000, 5000))
        times = np.sort(PERIOD * numbers + rng.exponential(800, 5000).astype(np.int64))
        records = Records(times=times, channels=np.zeros(5000, dtype=np.uint8), sync_times=8 * PERIOD * np.arange(5002))
        stream = to_t3(t2_stream(records))
        assert stream.sync_period_ps == PERIOD
        assert "every 8th laser pulse" in stream.notes[-1]
        found = stream.load()
        assert np.array_equal(found.times * PERIOD + found.delays, times)
        assert to_t3(t2_stream(records), period_ps=8.0 * PERIOD).sync_period_ps == 8 * PERIOD


class TestCombs:
    @given(
        period=st.integers(1_000, 10_000_000),
        share=st.floats(0.02, 1.0),
        seed=st.integers(0, 1000),
    )
    def test_comb_with_gaps_is_found(self, period, share, seed):
        rng = np.random.default_rng(seed)
        numbers = np.flatnonzero(rng.random(int(400 / share)) < share)
        times = period * numbers + np.rint(rng.normal(0, min(15.0, 2e-4 * period), len(numbers))).astype(np.int64)
        assert steady_period(np.sort(times), tick_ps=1.0) == pytest.approx(period, rel=1e-3)

    @given(seed=st.integers(0, 1000), lifetime_ns=st.floats(0.5, 50.0), period_ns=st.floats(12.5, 10_000.0))
    def test_light_is_no_comb(self, seed, lifetime_ns, period_ns):
        rng = np.random.default_rng(seed)
        numbers = np.sort(rng.integers(0, 20_000, 4000))
        times = np.sort((1e3 * (period_ns * numbers + rng.exponential(lifetime_ns, 4000))).astype(np.int64))
        assert steady_period(times, tick_ps=1.0) is None

    def test_short_lived_light_is_no_comb(self):
        rng = np.random.default_rng(1)
        numbers = np.flatnonzero(rng.random(20_000) < 0.2)
        times = 12_500 * numbers + rng.exponential(60, len(numbers)).astype(np.int64)
        assert steady_period(np.sort(times), tick_ps=1.0) is None

    def test_few_pulses_show_nothing(self):
        assert steady_period(np.arange(20) * 1000, tick_ps=1.0) is None

    def test_of_two_combs_none_is_chosen(self):
        times = np.arange(4000) * 12_500
        assert find_sync_channel(times, (np.arange(4000) % 2).astype(np.uint8), tick_ps=1.0) is None

    def test_a_comb_alone_is_light(self):
        times = np.arange(4000) * 12_500
        assert find_sync_channel(times, np.zeros(4000, dtype=np.uint8), tick_ps=1.0) is None
