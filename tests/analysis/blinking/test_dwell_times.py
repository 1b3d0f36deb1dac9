"""Dwell times from segments and traces: merging, cut dwells, the shortest that is seen, refusals, real data."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.analysis.blinking.test_dwell_coverage import cut_power, edges_of, power

from qdmol.analysis.blinking.dwell_laws import fit_dwell_laws
from qdmol.analysis.blinking.dwell_times import (
    dwell_times,
    dwell_times_of_trace,
    dwells_of,
    kaplan_meier,
    shortest_dwell,
)
from qdmol.analysis.blinking.values import IntensityLevel, IntensityLevels, Segments
from qdmol.errors import DataError, InputError
from qdmol.estimates import Estimate


def levels_of(edges, level, rates):
    """Levels as the analysis of a recording gives them, of known segments."""
    edges, level, rates = np.asarray(edges, float), np.asarray(level), np.asarray(rates, float)
    photons = np.rint(rates[level] * np.diff(edges)).astype(np.int64)
    unknown = np.full(len(level), np.nan)
    segments = Segments(edges, photons, level, unknown, unknown, unknown)
    each = tuple(
        IntensityLevel(Estimate(rate, rate, rate, "1/s"), int(photons[level == k].sum()), 1.0, 0.5, 1, None)
        for k, rate in enumerate(rates)
    )
    return IntensityLevels(segments, each, 1.0, "two-state", "", ())


def blinking(rng, duration, draw, rates=(2e3, 5e4)):
    edges = edges_of(duration, draw, draw)
    return levels_of(edges, np.arange(len(edges) - 1) % 2, rates)


def test_neighbours_of_one_level_are_one_dwell():
    durations, level, cut = dwells_of([0, 1, 3, 4, 6, 9, 10], [0, 1, 1, 0, 1, 1])
    np.testing.assert_array_equal(durations, [3, 2, 4])
    np.testing.assert_array_equal(level, [1, 0, 1])
    np.testing.assert_array_equal(cut, [False, False, True])


def test_one_segment_has_no_dwells():
    assert [len(part) for part in dwells_of([0, 5], [0])] == [0, 0, 0]
    assert [len(part) for part in dwells_of([0, 5, 6], [1, 1])] == [0, 0, 0]


def test_kaplan_meier_of_a_cut_dwell():
    times, share = kaplan_meier([1.0, 2.0, 2.0, 3.0, 5.0], [False, False, False, True, False])
    np.testing.assert_array_equal(times, [1.0, 2.0, 5.0])
    np.testing.assert_allclose(share, [0.8, 0.4, 0.0])
    assert [len(part) for part in kaplan_meier([], [])] == [0, 0]


def test_states_of_two_levels_are_off_and_on():
    rng = np.random.default_rng(1)
    off, on = dwell_times(blinking(rng, 3e3, lambda n: power(rng, n, 1.7, 0.05)))
    assert (off.state, on.state) == ("off", "on")
    for times in (off, on):
        assert times.best == "power law"
        assert times.law.parameters["exponent"].holds(1.7)
        assert times.longest_s == pytest.approx(3e3)
        assert times.shortest_s >= 1e-4
        assert times.bin_s is None
    assert off.censored.sum() + on.censored.sum() == 1


def test_each_of_three_levels_is_a_state():
    rng = np.random.default_rng(2)
    count = 900
    edges = np.concatenate([[0.0], np.cumsum(rng.exponential(0.1, count))])
    level = np.cumsum(rng.integers(1, 3, count)) % 3
    states = dwell_times(levels_of(edges, level, [2e3, 2e4, 6e4]))
    assert [times.state for times in states] == ["level 0", "level 1", "level 2"]
    assert all(times.best == "exponential" and times.law.parameters["mean_s"].holds(0.1) for times in states)


def test_shortest_dwell_is_seen_nearly_always():
    """Share of simulated dwells of that length whose likelihood ratio exceeds that of a false alarm."""
    rng = np.random.default_rng(3)
    for rate, other in ((5e4, 5e3), (5e3, 5e4), (3e4, 2e4), (200.0, 4e4)):
        shortest, back = shortest_dwell(rate, other, photons=1_000_000)
        photons = rng.poisson(rate * shortest, 4000)
        ratio = photons * math.log(rate / other) - (rate - other) * shortest
        assert (ratio > math.log(1e6)).mean() > 0.973
        half = rng.poisson(0.5 * rate * shortest, 4000) * math.log(rate / other) - 0.5 * (rate - other) * shortest
        assert (half > math.log(1e6)).mean() < 0.8  # not needlessly long
        assert back == shortest_dwell(other, rate, photons=1_000_000)[0]
    assert shortest_dwell(1e4, 1e4, photons=100) == (math.inf, math.inf)
    assert 0 < shortest_dwell(0.0, 1e4, photons=100)[0] < 0.01
    with pytest.raises(InputError):
        shortest_dwell(-1.0, 1e4, photons=100)


def test_levels_of_one_rate_have_a_reason_and_no_law():
    rng = np.random.default_rng(4)
    for times in dwell_times(blinking(rng, 100.0, lambda n: rng.exponential(0.5, n), rates=(1e4, 1e4))):
        assert times.best is None
        assert "too close in intensity" in times.reason


def test_law_that_begins_later_than_dwells_are_seen():
    """A sharp onset and a false dwell below it: the law is found from the onset on, and the result says so."""
    rng = np.random.default_rng(5)
    drawn = power(rng, 400, 1.6, 0.05)
    drawn[7] = 0.004
    edges = np.concatenate([[0.0], np.cumsum(drawn)])
    off, on = dwell_times(levels_of(edges, np.arange(400) % 2, [1e3, 4e4]))
    assert {off.best, on.best} == {"power law"}
    late = next(times for times in (off, on) if times.reason is not None)
    assert late.shortest_s > 0.05
    assert "do not follow it" in late.reason
    assert late.law.parameters["exponent"].holds(1.6)


def without_short(dwells, shortest):
    """Edges and levels of alternating dwells of which short ones are not seen and join their neighbours."""
    edges, level, now = [0.0], [0], 0.0
    for k, dwell in enumerate(dwells):
        if dwell >= shortest and k % 2 != level[-1] and k:
            edges.append(now)
            level.append(k % 2)
        now += dwell
    return [*edges, now], level


def test_missed_dwells_bias_less_from_ten_times_the_shortest_on():
    rng = np.random.default_rng(10)
    plain, late = [], []
    for _ in range(2):
        dwells = np.diff(edges_of(1e5, *[lambda n: cut_power(rng, n, 1.5, 2000.0, 0.1)] * 2))
        levels = replace(levels_of(*without_short(dwells, 1.0), [2e3, 5e4]), shortest_s=1.0)
        plain += [times.laws[1].parameters["exponent"].value for times in dwell_times(levels, shortest_s=1.0)]
        for times in dwell_times(levels):
            assert times.shortest_s >= 10.0
            assert "are missed and join dwells" in times.reason
            late.append(times.law.parameters["exponent"].value)
    assert np.mean(plain) < 1.4
    assert np.mean(late) == pytest.approx(1.45, abs=0.1)


def test_few_dwells_are_refused_with_the_number_that_is_needed():
    off, on = dwell_times(levels_of(np.arange(12.0), np.arange(11) % 2, [1e3, 4e4]))
    assert off.best is None
    assert off.laws == ()
    assert "too few for a law; 20 are needed" in on.reason


def test_one_level_has_no_dwell_times():
    with pytest.raises(DataError, match="one level"):
        dwell_times(levels_of([0.0, 5.0], [0], [1e4]))


@pytest.mark.parametrize(("number", "kind"), [(13, "several levels"), (5, "flickering")])
def test_a_continuum_of_levels_has_times_between_changes(number, kind):
    rng = np.random.default_rng(9)
    edges = np.concatenate([[0.0], np.cumsum(rng.exponential(0.2, 600))])
    level = np.cumsum(rng.integers(1, number, 600)) % number
    levels = replace(levels_of(edges, level, np.geomspace(2e3, 1e5, number)), kind=kind)
    (times,) = dwell_times(levels)
    assert times.state == "segment"
    assert len(times.durations_s) == 599
    assert times.censored[-1]
    assert times.best == "exponential"
    assert times.law.parameters["mean_s"].holds(0.2)
    assert 1e-4 < times.shortest_s < 0.05


def test_shortest_dwell_may_be_given():
    rng = np.random.default_rng(6)
    levels = blinking(rng, 300.0, lambda n: rng.exponential(0.5, n))
    assert {times.shortest_s for times in dwell_times(levels, shortest_s=0.2)} == {0.2}
    with pytest.raises(InputError):
        dwell_times(levels, shortest_s=0.0)


def trace_of(rng, edges, duration, bin_s, rates):
    """Poisson counts of a switching source in bins."""
    ends = bin_s * np.arange(round(duration / bin_s) + 1)
    light = np.diff(edges) * np.where(np.arange(len(edges) - 1) % 2, rates[1], rates[0])
    return rng.poisson(np.diff(np.interp(ends, edges, np.concatenate([[0.0], np.cumsum(light)]))))


def test_trace_with_a_threshold():
    rng = np.random.default_rng(7)
    edges = edges_of(400.0, lambda n: cut_power(rng, n, 1.5, 1.0, 0.02), lambda n: 0.02 + rng.exponential(0.3, n))
    counts = trace_of(rng, edges, 400.0, 0.01, (1e3, 3e4))
    off, on = dwell_times_of_trace(counts, bin_s=0.01)
    assert (off.best, on.best) == ("exponential", "power law with cut-off")
    assert off.law.parameters["mean_s"].holds(0.3)
    assert on.law.parameters["exponent"].holds(1.5)
    assert on.law.parameters["cutoff_s"].holds(1.0)
    assert on.bin_s == 0.01
    np.testing.assert_allclose(on.durations_s / 0.01, np.rint(on.durations_s / 0.01), atol=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (np.zeros(1000, int), "no dwells"),
        (np.full(1000, 7), "no dwells"),
        ([3], "1 bins"),
        (np.random.default_rng(8).poisson(20, 4000), "noise makes"),
        (np.random.default_rng(8).poisson(0.1, 4000), "noise makes"),
    ],
)
def test_traces_without_dwells(counts, message):
    with pytest.raises(DataError, match=message):
        dwell_times_of_trace(counts, bin_s=0.01)


@pytest.mark.parametrize("options", [{}, {"bin_s": -1.0}, {"bin_s": 0.01, "shortest_bins": 1}])
def test_options_of_a_trace(options):
    with pytest.raises(InputError):
        dwell_times_of_trace([1, 50, 2, 60], **options)


def test_published_exponent_of_the_perovskite_dot_is_a_cut_off(data_folder):
    """The published slope of 3.25 is that of a histogram of the durations of segments, whatever their levels.

    A line through the logarithm of their histogram gives it. The likelihood of the same durations gives 3.15 and
    rejects the power law: it is the mean slope of one of exponent 2.2 that is cut off at 23 ms.
    """
    folder = data_folder / "photons/perovskite_dot_segments"
    bounds = np.loadtxt(folder / "segmentbounds.txt")
    durations = np.diff(bounds[:, 1]) * 0.16461e-9
    assert len(durations) == 11_999
    lines = (folder / "switchinghist.txt").read_text().splitlines()[10:]
    histogram = np.array([line.split() for line in lines], float)[22:]
    assert np.polyfit(*histogram.T, 1)[0] == pytest.approx(-3.2495, abs=1e-3)
    onset = 10.0 ** histogram[0, 0]
    inner = durations[1:-1]  # neither of the ends of the recording
    laws = {law.name: law for law in fit_dwell_laws(inner, shortest_s=onset, recording_s=60.0)}
    plain, cut = laws["power law"], laws["power law with cut-off"]
    assert plain.rejected
    assert plain.parameters["exponent"].value == pytest.approx(3.15, abs=0.05)
    assert not cut.rejected
    assert cut.probability > 0.99
    assert cut.parameters["exponent"].value == pytest.approx(2.2, abs=0.2)
    assert cut.parameters["cutoff_s"].value == pytest.approx(0.023, abs=0.004)
    # over all durations that their change points resolve no law holds
    assert all(law.rejected for law in fit_dwell_laws(inner, shortest_s=1e-3, recording_s=60.0))
