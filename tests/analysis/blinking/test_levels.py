"""Levels, lifetimes and kind of blinking of simulated recordings, and their errors."""

import dataclasses
import re

import numpy as np
import pytest
from tests.analysis.blinking.light import Stay, flickering, in_ticks, pulsed, stays, times_of

from qdmol.analysis import find_change_points, group_levels, intensity_levels, segments_of
from qdmol.analysis.blinking.grouping import MOST_LEVELS
from qdmol.errors import DataError, InputError


def telegraph_levels(seed, *, duration_s=20.0, lifetimes_ns=(20.0, 2.0), background_hz=0.0, **options):
    rng = np.random.default_rng(seed)
    light = stays(rng, duration_s=duration_s, rates_hz=(5e4, 5e3), lifetimes_ns=list(lifetimes_ns))
    stream = pulsed(rng, light, background_hz=background_hz)
    return intensity_levels(stream, background=background_hz, **options), light


def test_two_levels_of_a_telegraph_signal():
    levels, light = telegraph_levels(1)
    assert (levels.number, levels.kind) == (2, "two-state")
    dark, bright = levels.levels
    assert dark.rate_hz.low < 5e3 < dark.rate_hz.high
    assert bright.rate_hz.low < 5e4 < bright.rate_hz.high
    true = sum(stay.stop_s - stay.start_s for stay in light if stay.rate_hz == 5e3) / 20.0
    assert dark.fraction == pytest.approx(true, abs=1e-3)
    assert dark.fraction + bright.fraction == pytest.approx(1.0)
    assert levels.evidence[1] == max(levels.evidence)


def test_levels_add_up_to_the_segments():
    levels, _ = telegraph_levels(2)
    segments = levels.segments
    for k, level in enumerate(levels.levels):
        on = segments.level == k
        assert level.photons == segments.photons[on].sum()
        assert level.segments == on.sum()
        assert level.duration_s == pytest.approx(segments.durations_s[on].sum())
        assert levels.decays[k].photons == pytest.approx(level.photons, rel=1e-3)
    np.testing.assert_allclose(segments.rate_hz, segments.photons / segments.durations_s)
    assert segments.edges_s[1:-1].tolist() == levels.change_points_s.tolist()


def test_lifetime_follows_the_intensity_of_a_charged_dot():
    levels, _ = telegraph_levels(3, background_hz=1000.0)
    dark, bright = (level.lifetime_ns for level in levels.levels)
    assert dark.low < 2.0 < dark.high < 2.3
    assert bright.low < 20.0 < bright.high < 20.5
    assert levels.lifetime_slope.low < 1.0 < levels.lifetime_slope.high
    assert levels.lifetime_correlation.low > 0.5


def test_lifetime_is_constant_where_only_the_intensity_changes():
    levels, _ = telegraph_levels(4, lifetimes_ns=(20.0, 20.0))
    assert levels.lifetime_slope.low < 0.0 < levels.lifetime_slope.high < 0.05
    assert levels.lifetime_correlation.low < 0.0 < levels.lifetime_correlation.high


def test_background_is_not_taken_for_light():
    rng = np.random.default_rng(5)
    light = stays(rng, duration_s=20.0, rates_hz=(5e4, 5e3), lifetimes_ns=[20.0, 2.0])
    stream = pulsed(rng, light, background_hz=2000.0)
    known = intensity_levels(stream, background=2000.0).levels[0].lifetime_ns
    ignored = intensity_levels(stream, background=0.0).levels[0].lifetime_ns
    found = intensity_levels(stream)
    assert known.low < 2.0 < known.high
    assert found.background_hz == pytest.approx(2000.0, rel=0.02)
    assert found.levels[0].lifetime_ns.low < 2.0 < found.levels[0].lifetime_ns.high
    assert ignored.low > 3.0


def test_dark_segments_have_no_lifetime():
    rng = np.random.default_rng(6)
    light = stays(rng, duration_s=10.0, rates_hz=(5e4, 1e-3))
    levels = intensity_levels(pulsed(rng, light, background_hz=1000.0), background=1000.0)
    dark = levels.segments.level == 0
    assert levels.levels[0].lifetime_ns is None
    # three standard deviations are passed by a few in a thousand
    assert np.isnan(levels.segments.lifetime_ns[dark]).mean() > 0.9
    assert np.isfinite(levels.segments.lifetime_ns[~dark]).mean() > 0.9


def test_three_levels():
    rng = np.random.default_rng(7)
    light = stays(rng, duration_s=20.0, rates_hz=(2e3, 15e3, 4e4), mean_s=0.1)
    levels = intensity_levels(in_ticks(times_of(rng, light)))
    assert (levels.number, levels.kind) == (3, "several levels")
    for level, rate in zip(levels.levels, (2e3, 15e3, 4e4), strict=True):
        assert level.rate_hz.value == pytest.approx(rate, rel=0.02)
        assert level.lifetime_ns is None


def test_flickering_is_told_by_its_continuum_and_its_lifetimes():
    rng = np.random.default_rng(9)
    light = flickering(rng, duration_s=8.0)
    levels = intensity_levels(pulsed(rng, light))
    assert levels.kind == "flickering"
    assert levels.continuum_evidence > max(levels.evidence)
    assert levels.lifetime_slope.low < 1.0 < levels.lifetime_slope.high
    # without lifetimes the continuum alone decides
    assert intensity_levels(in_ticks(times_of(rng, light))).kind == "flickering"


def test_close_levels_at_one_lifetime_are_no_flickering():
    rng = np.random.default_rng(10)
    levels = intensity_levels(pulsed(rng, flickering(rng, duration_s=8.0, follows=False)))
    assert levels.kind == "several levels"
    assert "does not follow" in levels.kind_reason


def test_fast_flickering_is_not_taken_for_mixtures_of_two_states():
    rng = np.random.default_rng(23)
    levels = intensity_levels(in_ticks(times_of(rng, flickering(rng, duration_s=10.0, mean_s=0.015))))
    assert levels.kind == "flickering"


def test_stays_too_short_to_be_found_make_no_levels():
    rng = np.random.default_rng(11)
    light = stays(rng, duration_s=40.0, rates_hz=(2e4, 1e3), mean_s=0.005)
    levels = intensity_levels(in_ticks(times_of(rng, light)))
    assert (levels.number, levels.kind) == (2, "two-state")
    assert "too short to be found" in levels.kind_reason
    for level, rate in zip(levels.levels, (1e3, 2e4), strict=True):
        assert level.rate_hz.low < rate < level.rate_hz.high


def test_two_states_that_wander_are_two_states():
    rng = np.random.default_rng(20)
    light = stays(rng, duration_s=20.0, rates_hz=(5e4, 5e3))
    wandering = [Stay(s.start_s, s.stop_s, s.rate_hz * rng.normal(1.0, 0.03)) for s in light]
    levels = intensity_levels(in_ticks(times_of(rng, wandering)))
    assert levels.kind == "two-state"
    # the interval knows of the scatter of the segments
    rate = levels.levels[0].rate_hz
    assert rate.high - rate.low > 1.2 * 2 * 1.96 * np.sqrt(levels.levels[0].photons) / levels.levels[0].duration_s
    assert rate.value == pytest.approx(5e3, rel=0.03)


def test_one_state_that_wanders_is_no_blinking():
    rng = np.random.default_rng(21)
    light = [Stay(k, k + 1.0, 3e4 * rng.normal(1.0, 0.03)) for k in range(20)]
    levels = intensity_levels(in_ticks(times_of(rng, light)))
    assert len(levels.segments) > 5
    assert (levels.number, levels.kind) == (1, "constant")
    assert "but small" in levels.kind_reason


def test_a_constant_source_has_one_level():
    rng = np.random.default_rng(12)
    levels = intensity_levels(pulsed(rng, [Stay(0.0, 4.0, 5e4)]))
    assert (levels.number, levels.kind) == (1, "constant")
    assert len(levels.segments) == 1
    assert levels.lifetime_slope is None
    assert levels.levels[0].lifetime_ns.low < 20.0 < levels.levels[0].lifetime_ns.high


def test_a_drift_is_named():
    rng = np.random.default_rng(13)
    times = times_of(rng, [Stay(0.0, 20.0, 5e4)])
    levels = intensity_levels(in_ticks(times[rng.random(len(times)) > times / 40.0]))
    assert levels.kind == "several levels"
    assert re.search(r"falls steadily by (48|49|50|51|52)% over the recording", levels.kind_reason)


def test_two_states_that_drift_are_two_states():
    rng = np.random.default_rng(14)
    times = times_of(rng, stays(rng, duration_s=40.0, rates_hz=(2e4, 2e3)))
    levels = intensity_levels(in_ticks(times[rng.random(len(times)) > times / 120.0]))
    assert levels.kind == "two-state"
    assert "falls steadily" in levels.kind_reason


def test_continuous_light_in_t3_has_no_lifetime():
    rng = np.random.default_rng(15)
    stream = pulsed(rng, [Stay(0.0, 2.0, 1e-3)], background_hz=2e4)
    levels = intensity_levels(stream)
    assert levels.levels[0].lifetime_ns is None
    assert levels.decays == ()


def test_rates_of_levels_are_covered():
    """95 % intervals of the rates hold the truth; bounds of a binomial law at 1 in 1000."""
    inside = np.zeros(2)
    runs = 30
    for seed in range(runs):
        rng = np.random.default_rng(100 + seed)
        levels = intensity_levels(in_ticks(times_of(rng, stays(rng, duration_s=4.0, rates_hz=(2e4, 2e3)))))
        if levels.number == 1 and levels.kind == "constant":
            runs -= 1
            continue
        for k, (level, rate) in enumerate(zip(levels.levels, (2e3, 2e4), strict=True)):
            inside[k] += level.rate_hz.low <= rate <= level.rate_hz.high
    assert (inside >= 0.78 * runs).all(), inside / runs


@pytest.mark.slow
@pytest.mark.parametrize("background_hz", [0.0, 1000.0])
def test_lifetimes_of_segments_and_levels_are_covered(background_hz):
    inside, total, level_inside, level_total = np.zeros(2), np.zeros(2), 0, 0
    for seed in range(40):
        levels, _ = telegraph_levels(200 + seed, duration_s=10.0, background_hz=background_hz)
        segments = levels.segments
        for k, truth in enumerate((2.0, 20.0)):
            use = (segments.level == k) & np.isfinite(segments.lifetime_ns) & (segments.photons > 200)
            inside[k] += ((segments.lifetime_low_ns <= truth) & (truth <= segments.lifetime_high_ns))[use].sum()
            total[k] += use.sum()
            tau = levels.levels[k].lifetime_ns
            level_inside += tau.low <= truth <= tau.high
            level_total += 1
    assert (inside / total > 0.92).all(), inside / total
    assert (inside / total < 0.98).all(), inside / total
    assert level_inside / level_total > 0.86


@pytest.mark.slow
def test_kinds_are_not_confused():
    """Share of right answers: two-state, three levels and flickering of 3 s to 30 s."""
    right = {"two-state": 0, "several levels": 0, "flickering": 0}
    runs = 30
    for seed in range(runs):
        rng = np.random.default_rng(300 + seed)
        duration = float(rng.uniform(5.0, 30.0))
        lights = {
            "two-state": stays(rng, duration_s=duration, rates_hz=(4e4, 3e3), lifetimes_ns=[20.0, 2.0]),
            "several levels": stays(rng, duration_s=duration, rates_hz=(4e4, 3e3, 15e3), mean_s=0.1),
            "flickering": flickering(rng, duration_s=duration),
        }
        for kind, light in lights.items():
            right[kind] += intensity_levels(pulsed(rng, light, background_hz=300.0), background=300.0).kind == kind
    assert min(right.values()) >= 0.9 * runs, right


def test_segments_of_gives_the_segments():
    rng = np.random.default_rng(16)
    stream = in_ticks(times_of(rng, stays(rng, duration_s=3.0, rates_hz=(2e4, 2e3))))
    np.testing.assert_array_equal(segments_of(stream).photons, find_change_points(stream).photons)


def test_grouping_of_segments_that_are_given():
    grouping = group_levels([100, 1020, 95, 980, 0], [1.0, 1.0, 1.0, 1.0, 1.0])
    assert grouping.level.tolist() == [1, 2, 1, 2, 0]
    assert group_levels([7], [1.0]).level.tolist() == [0]
    assert group_levels([0, 0], [1.0, 2.0]).level.tolist() == [0, 0]


def test_a_hundred_thousand_segments_are_grouped():
    rng = np.random.default_rng(17)
    lengths = rng.exponential(0.02, 100_000) + 1e-3
    true = np.arange(100_000) % 3
    counts = rng.poisson(np.array([2e3, 1e4, 3e4])[true] * lengths)
    grouping = group_levels(counts, lengths)
    assert len(grouping.rates_hz) == 3
    np.testing.assert_allclose(grouping.rates_hz, [2e3, 1e4, 3e4], rtol=0.02)
    assert (grouping.level == true).mean() > 0.97


@pytest.mark.slow
def test_many_segments_of_a_continuum():
    rng = np.random.default_rng(22)
    lengths = rng.exponential(0.02, 50_000) + 1e-3
    grouping = group_levels(rng.poisson(rng.uniform(5e3, 5e4, 50_000) * lengths), lengths)
    assert grouping.continuum_evidence > max(grouping.evidence)


def test_more_levels_than_are_tried_count_as_a_continuum():
    rng = np.random.default_rng(18)
    lengths = np.full(300, 1.0)
    counts = rng.poisson(np.linspace(1e3, 1e5, 300) * lengths)
    grouping = group_levels(counts, lengths)
    assert len(grouping.evidence) == MOST_LEVELS
    assert grouping.continuum_evidence > max(grouping.evidence)


@pytest.mark.parametrize(
    ("photons", "durations"), [([], []), ([1, 2], [1.0]), ([-1], [1.0]), ([1], [0.0]), ([np.nan], [1.0])]
)
def test_segments_that_are_none_are_refused(photons, durations):
    with pytest.raises(InputError):
        group_levels(photons, durations)


def test_background_below_zero_is_refused():
    with pytest.raises(InputError, match="background"):
        intensity_levels(in_ticks(np.arange(20) * 1e-3), background=-1.0)


def test_one_photon_is_refused():
    with pytest.raises(DataError, match="1 photon"):
        intensity_levels(in_ticks([1e-3]))


def test_values_are_frozen():
    levels, _ = telegraph_levels(19, duration_s=1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        levels.kind = "constant"
