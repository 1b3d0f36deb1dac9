"""The quality report on detectors of known faults, on clean streams over many seeds, and on streams of nothing."""

import numpy as np
import pytest
from tests.photons.generators import (
    antibunched_stream,
    blinking_stream,
    in_memory,
    poisson_stream,
    pulsed_stream,
)

from qdmol.photons import ArraySource, PhotonStream, Provenance, Records
from qdmol.photons.quality import assess_quality

PS_PER_S = 10**12


def t2(times, channels, duration_s=None, **options):
    order = np.argsort(times, kind="stable")
    records = Records(
        times=np.asarray(times, dtype=np.int64)[order], channels=np.asarray(channels, dtype=np.uint8)[order]
    )
    return in_memory(records, mode="T2", tick_ps=1.0, duration_s=duration_s, **options)


def t3(records, period_ps=200_000.0, **options):
    order = np.lexsort((records.delays, records.times))
    ordered = Records(
        times=records.times[order], channels=records.channels[order], delays=records.delays[order].astype(np.uint32)
    )
    return in_memory(ordered, mode="T3", tick_ps=16.0, sync_period_ps=period_ps, **options)


def dead(times, dead_ps):
    """Drop what follows a photon that is seen within the dead time."""
    kept, last = [], -(10**18)
    for time in times.tolist():
        if time - last >= dead_ps:
            kept.append(time)
            last = time
    return np.array(kept, dtype=np.int64)


def names(report, *severities):
    return {flag.name for flag in report.flags if flag.severity in severities}


@pytest.fixture(scope="module")
def faulty_detectors():
    """Two detectors of 50 and 70 ns dead time, 2 % afterpulses 60 ns and more behind their photon."""
    rng = np.random.default_rng(5)
    times = []
    for channel in (0, 1):
        photons = np.sort(rng.integers(0, 8 * PS_PER_S, 160_000))
        false = rng.random(len(photons)) < 0.02
        late = photons[false] + (rng.exponential(150e3, false.sum()) + 60e3).astype(np.int64)
        times.append(dead(np.sort(np.concatenate([photons, late])), 50_000 + 20_000 * channel))
    return times


@pytest.mark.parametrize("channels", [1, 2])
def test_dead_time_and_afterpulses_are_recovered(faulty_detectors, channels):
    used = faulty_detectors[:channels]
    stream = t2(np.concatenate(used), np.concatenate([np.full(len(t), c) for c, t in enumerate(used)]), 8.0)
    report = assess_quality(stream)
    # those that fall into the dead time of their photon are lost; afterpulses are photons too
    truths = [0.02 / 1.02, 0.02 * np.exp(-10 / 150) / 1.02]
    for channel, one in enumerate(report.detectors):
        dead_ns = 50 + 20 * channel
        assert one.dead_time_low_ns <= dead_ns <= one.dead_time_high_ns
        assert one.dead_time_high_ns - one.dead_time_low_ns < 10
        assert one.smallest_interval_ns >= dead_ns
        assert one.afterpulsing_low <= truths[channel] <= one.afterpulsing_high
        assert one.afterpulsing_high - one.afterpulsing_low < 0.008
        assert one.afterpulsing_controlled == (channels == 2)
    assert "dead_time" in names(report, "note")
    assert "afterpulsing" in names(report, "note", "warning")
    doubt = "bunched" in report.flag("afterpulsing").message
    assert doubt == (channels == 1)


def test_a_dead_time_alone_makes_no_afterpulses():
    """A detector that is ready again catches more than its mean rate: no afterpulse."""
    rng = np.random.default_rng(6)
    times = np.cumsum(rng.exponential(1e6 / 3, 1_900_000) + 80_000)
    report = assess_quality(t2(times, np.zeros(len(times)), times[-1] * 1e-12))
    assert report.detectors[0].dead_time_ns == pytest.approx(80.0, abs=1.0)
    assert report.detectors[0].afterpulsing < 0.01  # 0.02 where readiness is not counted in
    assert report.flag("afterpulsing") is None
    assert report.flag("dead_time").severity == "warning"  # a fifth of the photons is lost


def test_crosstalk_of_steady_light_is_recovered():
    rng = np.random.default_rng(7)
    one, other = (np.sort(rng.integers(0, 10 * PS_PER_S, 200_000)) for _ in range(2))
    seen = rng.random(len(one)) < 1e-3
    false = one[seen] + rng.normal(8000, 400, seen.sum()).astype(np.int64)
    channels = np.concatenate([np.zeros(len(one)), np.ones(len(other) + len(false))])
    flag = assess_quality(t2(np.concatenate([one, other, false]), channels, 10.0)).flag("crosstalk")
    assert flag.severity == "warning"
    assert flag.value == pytest.approx(0.1, abs=0.025)
    assert "8" in flag.message


def test_crosstalk_of_a_pulsed_single_emitter_is_recovered():
    rng = np.random.default_rng(8)
    stream = pulsed_stream(
        rng, rate_hz=1e5, duration_s=4.0, single=True, period_ps=100_000.0, lifetimes_ns=(10.0,), offset_ns=5.0
    )
    light = stream.load()
    seen = (rng.random(len(light)) < 2e-3) & (light.channels == 0)
    records = Records(
        times=np.concatenate([light.times, light.times[seen]]),
        channels=np.concatenate([light.channels, np.ones(seen.sum(), dtype=np.uint8)]),
        delays=np.concatenate([light.delays, light.delays[seen] + 500]),  # 8 ns
    )
    flag = assess_quality(t3(records, 100_000.0, duration_s=4.0)).flag("crosstalk")
    assert flag.value == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("blinking", [False, True])
def test_a_gap_is_found(blinking):
    rng = np.random.default_rng(9)
    options = {"rate_hz": 6e4, "duration_s": 6.0, "background_hz": 500.0, "offset_ns": 10.0}
    light = (blinking_stream if blinking else pulsed_stream)(rng, **options).load()
    seconds = light.times * 2e-7
    report = assess_quality(t3(light.select((seconds < 2.0) | (seconds > 2.5)), duration_s=6.0))
    flag = report.flag("gap")
    assert flag.severity == "warning"
    assert flag.value == pytest.approx(0.5, abs=0.02)
    assert "blinking" in flag.message


def test_dark_off_times_are_not_called_interruptions():
    stream = blinking_stream(np.random.default_rng(1), rate_hz=5e4, duration_s=6.0, on_s=0.2, off_s=0.2)
    flag = assess_quality(stream).flag("gap")
    assert flag.severity == "note"
    assert "does not distinguish them" in flag.message


def test_an_off_time_at_the_end_is_no_contradiction():
    light = blinking_stream(np.random.default_rng(3), rate_hz=5e4, duration_s=6.0, on_s=0.3, off_s=0.3).load()
    longest = np.diff(light.times).max() * 2e-7
    end = light.times[-1] * 2e-7 + longest
    report = assess_quality(t3(light, duration_s=end))
    assert report.flag("header_mismatch") is None
    assert report.duration_s == end


def test_a_falling_rate_is_drift():
    rng = np.random.default_rng(10)
    share = rng.random(100_000)  # the rate falls to half over 10 s
    times = 10 * (1 - np.sqrt(1 - share * 0.75)) / 0.5 * PS_PER_S
    flag = assess_quality(t2(times.astype(np.int64), np.zeros(len(times)), 10.0)).flag("drift")
    assert flag.severity == "warning"
    assert flag.value == pytest.approx(-100 * 0.5 / 0.75, abs=3.0)


def test_a_moving_rise_is_drift():
    rng = np.random.default_rng(11)
    light = pulsed_stream(rng, rate_hz=5e4, duration_s=4.0, offset_ns=10.0, response_ns=0.2).load()
    late = light.delays + (light.times / light.times[-1] * 100).astype(np.uint32)  # 1.6 ns over the run
    report = assess_quality(t3(Records(light.times, light.channels, late), duration_s=4.0))
    # between the middles of the first and last two fifths
    assert report.flag("delay_drift").value == pytest.approx(0.6 * 1.6, abs=0.2)
    assert report.flag("drift") is None


@pytest.mark.parametrize(("mean", "severity"), [(0.01, None), (0.05, "note"), (0.2, "warning")])
def test_pile_up(mean, severity):
    rng = np.random.default_rng(12)
    hit = np.flatnonzero(rng.random(2_000_000) < 1 - np.exp(-mean))
    delays = rng.exponential(5000, len(hit)) % 100_000 / 16
    records = Records(hit, np.zeros(len(hit), dtype=np.uint8), delays.astype(np.uint32))
    flag = assess_quality(t3(records, 100_000.0, duration_s=0.2)).flag("pile_up")
    assert (flag and flag.severity) == severity
    if flag:
        assert flag.value == pytest.approx(100 * (1 - (1 - np.exp(-mean)) / mean), rel=0.05)


def test_recorded_sync_pulses_are_measured():
    rng = np.random.default_rng(13)
    pulses = np.arange(0, 10**11, 100_000)
    pulses = (pulses + rng.normal(0, 50, len(pulses))).astype(np.int64)[rng.random(len(pulses)) > 0.01]
    times = np.sort(rng.integers(0, 10**11, 5000))
    records = Records(times, np.zeros(5000, dtype=np.uint8), sync_times=np.sort(pulses))
    right = in_memory(records, mode="T2", tick_ps=1.0, duration_s=0.1, sync_period_ps=100_000.0)
    report = assess_quality(right)
    assert report.sync_period_ns == pytest.approx(100.0, rel=1e-5)
    assert report.flag("sync_missed").value == pytest.approx(1.0, abs=0.1)
    assert report.flag("sync_rate") is None
    wrong = in_memory(records, mode="T2", tick_ps=1.0, duration_s=0.1, sync_period_ps=130_000.0)
    assert assess_quality(wrong).flag("sync_rate").severity == "warning"


CLEAN = {
    "steady, two channels": lambda rng: poisson_stream(rng, rate_hz=1e5, duration_s=1.0),
    "steady, one channel": lambda rng: poisson_stream(rng, rate_hz=3e4, duration_s=2.0, shares=(1.0,)),
    "dense": lambda rng: poisson_stream(rng, rate_hz=2e6, duration_s=0.05),
    "faint": lambda rng: poisson_stream(rng, rate_hz=200.0, duration_s=5.0),
    "antibunched": lambda rng: antibunched_stream(rng, duration_s=0.1),
    "pulsed": lambda rng: pulsed_stream(rng, rate_hz=5e4, duration_s=1.0, background_hz=300.0),
    "pulsed at 80 MHz": lambda rng: pulsed_stream(
        rng, rate_hz=5e4, duration_s=1.0, period_ps=12_500.0, lifetimes_ns=(2.0,), response_ns=0.1, offset_ns=3.0
    ),
    "blinking": lambda rng: blinking_stream(rng, rate_hz=1e5, duration_s=1.5, background_hz=500.0, offset_ns=10.0),
    "blinking slowly": lambda rng: blinking_stream(
        rng, rate_hz=5e4, duration_s=4.0, background_hz=300.0, on_s=0.2, off_s=0.2, offset_ns=10.0
    ),
    "blinking in microseconds": lambda rng: blinking_stream(
        rng, rate_hz=3e5, duration_s=0.5, on_s=5e-6, off_s=2e-5, period_ps=12_500.0, lifetimes_ns=(1.0,), offset_ns=3.0
    ),
}


@pytest.mark.parametrize("kind", CLEAN)
def test_clean_streams_raise_no_false_alarm(kind):
    """12 seeds of each of ten kinds: one false alarm in 120 streams would be one too many at the chosen chances."""
    for seed in range(12):
        report = assess_quality(CLEAN[kind](np.random.default_rng([seed, 99])))
        assert report.analysable
        assert names(report, "warning", "fatal") == set(), (seed, report.flags)


def test_a_wrong_clock_is_fatal():
    """T3 photons whose delays go far beyond the period that is stated."""
    light = pulsed_stream(np.random.default_rng(14), rate_hz=5e4, duration_s=1.0).load()
    report = assess_quality(t3(light, 20_000.0, duration_s=0.1))
    assert not report.analysable
    assert names(report, "fatal") == {"sync_rate"}
    assert report.flags[0].severity == "fatal"


def test_few_delays_beyond_the_period_are_a_note():
    light = pulsed_stream(np.random.default_rng(15), rate_hz=1e5, duration_s=1.0).load()
    delays = light.delays.copy()
    delays[:20] = 14_500  # 232 ns of 200
    report = assess_quality(t3(Records(light.times, light.channels, delays), duration_s=1.0))
    assert report.analysable
    assert report.flag("sync_rate").severity == "note"


def test_header_against_records():
    photons = poisson_stream(np.random.default_rng(16), rate_hz=1e4, duration_s=2.0).load()
    long = assess_quality(in_memory(photons, mode="T2", tick_ps=1.0, duration_s=0.1))
    assert long.flag("header_mismatch").severity == "fatal"
    stopped = assess_quality(in_memory(photons, mode="T2", tick_ps=1.0, duration_s=4.0))
    assert stopped.flag("header_mismatch").severity == "warning"
    assert stopped.duration_s == pytest.approx(2.0, rel=1e-3)
    nearly = assess_quality(in_memory(photons, mode="T2", tick_ps=1.0, duration_s=2.08))
    assert nearly.flags == ()
    assert nearly.duration_s == 2.08
    provenance = Provenance("test", "T2")
    lying = PhotonStream("T2", 1.0, ArraySource(photons), provenance, stated_photons=100, contradictions=("It lies.",))
    report = assess_quality(lying)
    assert [flag.severity for flag in report.flags if flag.name == "header_mismatch"] == ["fatal", "warning"]
    assert report.flags[0].message == "It lies."


def test_truncated_unordered_and_notes_are_told():
    photons = poisson_stream(np.random.default_rng(17), rate_hz=1e4, duration_s=1.0).load()
    times = photons.times.copy()
    times[[100, 5000]] = times[[101, 5001]] + 1
    source = ArraySource(Records(times, photons.channels))
    stream = PhotonStream("T2", 1.0, source, Provenance("test", "T2"), notes=("A count was mended.",), truncated=True)
    report = assess_quality(stream)
    assert report.flag("unordered").value == 2
    assert report.flag("truncated").severity == "warning"
    assert report.truncated
    assert report.flag("reading").message == "A count was mended."
    assert report.analysable


@pytest.mark.parametrize("times", [[], [5], [5, 9], [0, 2**63 - 1], [2**63 - 2, 2**63 - 1], [0, 1, 9 * 10**18]])
@pytest.mark.parametrize("mode", ["T2", "T3"])
def test_streams_of_nothing_and_of_endless_time(times, mode):
    delays = np.zeros(len(times), dtype=np.uint32) if mode == "T3" else None
    records = Records(np.array(times, dtype=np.int64), np.arange(len(times), dtype=np.uint8), delays)
    period = 12_500.0 if mode == "T3" else None
    report = assess_quality(in_memory(records, mode=mode, tick_ps=1.0, sync_period_ps=period))
    assert report.photons == len(times)
    assert 0.0 <= report.duration_s <= 31 * 86400
    endless = bool(times) and times[-1] - times[0] > 10**18
    assert report.analysable == (bool(times) and not endless)
    assert (report.flag("empty") is not None) == (not times)


def test_the_report_holds_what_is_behind_it():
    stream = pulsed_stream(np.random.default_rng(18), rate_hz=1e5, duration_s=0.5, shares=(0.2, 0.8))
    seen = []
    report = assess_quality(stream, progress=seen.append)
    photons = stream.load()
    assert seen[-1] == report.photons == len(photons)
    assert dict(report.per_channel) == {c: int((photons.channels == c).sum()) for c in (0, 1)}
    assert report.duration_s == 0.5
    assert report.count_rate_hz == pytest.approx(len(photons) / 0.5)
    np.testing.assert_array_equal(report.rate_counts.sum(axis=0), list(report.per_channel.values()))
    np.testing.assert_array_equal(report.delay_counts.sum(axis=1), list(report.per_channel.values()))
    own = photons.times[photons.channels == 1] * 200.0 + photons.delays[photons.channels == 1] * 0.016
    expected = np.histogram(np.abs(np.diff(own)), report.interval_edges_ns)[0]
    np.testing.assert_array_equal(report.interval_counts[1], expected)
    flag = report.flags[0].as_dict() if report.flags else {"flag", "severity", "message", "value", "unit"}
    assert set(flag) == {"flag", "severity", "message", "value", "unit"}


def test_pairs_do_not_depend_on_the_stretches(monkeypatch):
    """What a pass gathers is the same whatever pieces the recording is cut into."""
    from qdmol.photons import scanning

    stream = poisson_stream(np.random.default_rng(19), rate_hz=1e5, duration_s=0.3, shares=(0.3, 0.3, 0.4))
    whole = scanning.scan(stream)
    for size in (7, 63, 64, 1000):
        monkeypatch.setattr(scanning, "CHUNK", size)
        cut = scanning.scan(stream)
        rows = [whole.channels.index(channel) for channel in cut.channels]
        for name in ("same_pairs", "cross_pairs", "interval_counts", "anchors"):
            np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name)[rows])
        assert cut.near_pairs.sum() == whole.near_pairs.sum() > 0
        np.testing.assert_array_equal(np.sort(cut.pauses.lengths), np.sort(whole.pauses.lengths))
