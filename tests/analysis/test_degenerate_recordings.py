"""Broken and degenerate recordings through the whole analysis: sentences, never a traceback or a warning of NumPy."""

import json
from functools import cache

import numpy as np
import pytest
from tests.analysis.sources.emitters import DARK, Emitter, State, several_levels, telegraph
from tests.analysis.sources.recordings import Detector, Light, after_pulses
from tests.photons import generators as make

from qdmol.analysis import analyze_photons
from qdmol.photons import Records

PERIOD_PS, TICK_PS = 200_000.0, 16.0
PARTS = ("levels", "dwell", "emitters")
FEW = 5000  # photons: enough for every part of the analysis


def t2(times, channels=None, **options):
    """T2 in ticks of 1 ns."""
    times = np.asarray(times, dtype=np.int64)
    channels = np.arange(len(times)) % 2 if channels is None else channels
    records = Records(times, np.asarray(channels, dtype=np.uint8))
    return make.in_memory(records, mode="T2", tick_ps=1000.0, **options)


def t3(pulses, delays=None, channels=None, **options):
    """T3 with pulses every 200 ns."""
    pulses = np.asarray(pulses, dtype=np.int64)
    channels = np.arange(len(pulses)) % 2 if channels is None else channels
    delays = np.full(len(pulses), 700) if delays is None else delays
    records = Records(pulses, np.asarray(channels, dtype=np.uint8), np.asarray(delays, dtype=np.uint32))
    return make.in_memory(records, mode="T3", tick_ps=TICK_PS, sync_period_ps=PERIOD_PS, **options)


def rng():
    return np.random.default_rng(14)


def decays(n):
    return rng().exponential(20e3 / TICK_PS, n).astype(np.int64) % int(PERIOD_PS / TICK_PS)


def emitter(blinking=None, photons=FEW, **options):
    source = Emitter(0.1, State(1.0, 20.0, 0.1), blinking)
    return after_pulses(rng(), (source,), photons=photons, **options).stream


def poisson(n, last):
    return np.sort(rng().integers(0, last, n))


def burst_in_the_dark():
    """A burst of a second in the middle of an hour."""
    return t2(1_800_000_000_000 + poisson(1500, 1_000_000_000), duration_s=3600.0)


def drifting():
    """A rate that falls steadily to nothing."""
    return t3(np.sort((5e7 * (1.0 - np.sqrt(rng().random(FEW)))).astype(np.int64)), decays(FEW))


def bright_then_dark():
    return t3(poisson(FEW, 10_000_000), decays(FEW), duration_s=20.0)


RECORDINGS = {
    "T2 without photons": lambda: t2([]),
    "T3 without photons": lambda: t3([]),
    "one photon, T2": lambda: t2([12345]),
    "one photon, T3": lambda: t3([12345]),
    "two photons, T2": lambda: t2([5, 1_000_000]),
    "two photons, T3": lambda: t3([5, 5], [100, 200]),
    "ten photons": lambda: t3(np.arange(10) * 1000),
    "twenty-five photons": lambda: t3(poisson(25, 5_000_000), decays(25)),
    "equal times, T2": lambda: t2(np.full(5000, 777)),
    "equal pulses, T3": lambda: t3(np.full(5000, 777), np.sort(decays(5000))),
    "all at zero": lambda: t2(np.zeros(500)),
    "two at zero": lambda: t2(np.zeros(2)),
    "within a few ticks": lambda: t2(np.arange(100) // 20),
    "equal delays": lambda: t3(poisson(FEW, 5_000_000)),
    "one detector, T2": lambda: t2(poisson(FEW, 10**9), np.zeros(FEW)),
    "one detector, T3": lambda: t3(poisson(FEW, 5_000_000), decays(FEW), np.zeros(FEW)),
    "second detector sees one photon": lambda: t3(
        poisson(FEW, 5_000_000), decays(FEW), np.arange(FEW) == 900
    ),
    "constant light, T2": lambda: t2(poisson(FEW, 10**9), duration_s=1.0),
    "constant light, T3": lambda: t3(poisson(FEW, 5_000_000), rng().integers(0, 12_500, FEW)),
    "steady emitter": emitter,
    "dark counts alone": lambda: after_pulses(
        rng(), (Emitter(1e-6, DARK),), duration_s=20.0, light=Light((Detector(dark_hz=100.0),) * 2)
    ).stream,
    "regular photons": lambda: t2(np.arange(FEW) * 50_000),
    "every pulse": lambda: t3(np.arange(FEW), decays(FEW)),
    "burst in the dark": burst_in_the_dark,
    "bright, then dark": bright_then_dark,
    "drifting": drifting,
    "two levels": lambda: emitter(telegraph(0.02, 0.02)),
    "one change": lambda: t3(np.concatenate([poisson(FEW, 10**7), 10**7 + poisson(500, 10**7)]), decays(FEW + 500)),
    "many levels": lambda: emitter(several_levels(tuple(np.linspace(0.05, 1.0, 40)), 0.005), photons=FEW // 2),
    "clock that began long ago": lambda: t2(10**17 + poisson(FEW, 10**9)),
    "delays beyond the period": lambda: t3(poisson(FEW, 5_000_000), 12_500 + decays(FEW)),
    "pauses of hours": lambda: t2(np.cumsum(rng().pareto(0.4, 3000) * 1e4 + 1).clip(max=5e13).astype(np.int64)),
}  # fmt: skip


def checked(analysis):
    """Assert that an analysis is whole: JSON without NaN, sentences, and a flag for each part that is missing."""
    summary = analysis.summary
    json.dumps(summary, allow_nan=False)
    flags = {flag["flag"]: flag["message"] for flag in summary["quality"]}
    for message in flags.values():
        assert message.rstrip().endswith((".", ")")), message
        assert "nan" not in message.split(), message
    analyzed = not summary["refused"] and summary["photons"] > 0
    for part in PARTS:
        assert part in summary
        if summary[part] is None and analyzed:
            assert f"no_{part}" in flags, (part, sorted(flags))
    assert str(analysis)
    assert analysis._repr_html_()
    data = analysis.data
    for name in data:
        assert "long_name" in data[name].attrs
    return summary


@cache
def analyzed(name):
    """Whole analysis but for the delay gates of g2, which take most of the time."""
    return analyze_photons(RECORDINGS[name](), leave_out=("gated",))


@pytest.mark.parametrize("name", RECORDINGS)
def test_degenerate_recording(name):
    assert_sound(analyzed(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDINGS)
def test_degenerate_recording_with_gates(name):
    assert_sound(analyze_photons(RECORDINGS[name]()))


def assert_sound(analysis):
    summary = checked(analysis)
    levels, emitters = summary["levels"], summary["emitters"]
    if levels is not None:
        assert sum(each["fraction"] for each in levels["levels"]) == pytest.approx(1.0, abs=1e-6)
        assert sum(each["photons"] for each in levels["levels"]) == summary["photons"]
    if emitters is not None:
        assert sum(emitters["hypotheses"].values()) == pytest.approx(1.0, abs=1e-6)
        high = emitters["number_high"]
        assert emitters["number_low"] <= emitters["number"]
        assert high is None or emitters["number"] <= high


@pytest.mark.parametrize("name", ["constant light, T2", "constant light, T3", "steady emitter", "regular photons"])
def test_constant_light_has_one_level_and_no_dwells(name):
    summary = analyzed(name).summary
    assert summary["levels"]["kind"] == "constant"
    assert len(summary["levels"]["levels"]) == 1
    assert summary["dwell"] is None


@pytest.mark.parametrize("name", ["one detector, T2", "one detector, T3", "dark counts alone"])
def test_no_verdict_without_pairs(name):
    summary = analyzed(name).summary
    assert summary["emitters"] is None or summary["emitters"]["verdict"] == "cannot tell"


@pytest.mark.slow
def test_a_hundred_thousand_levels():
    """As many dwells, each at a rate of its own."""
    generator = rng()
    number = 100_000
    lengths, rates = generator.exponential(2e-3, number) + 1e-3, np.exp(generator.uniform(8.0, 12.5, number))
    edges = np.concatenate([[0.0], np.cumsum(lengths)])
    counts = generator.poisson(rates * lengths)
    place = np.repeat(np.arange(number), counts)
    pulses = np.sort((edges[place] + generator.random(len(place)) * lengths[place]) / (PERIOD_PS * 1e-12)).astype(int)
    delays = generator.exponential(20e3 / TICK_PS, len(place)).astype(np.int64) % 12_500
    summary = checked(analyze_photons(t3(pulses, delays)))
    assert summary["levels"]["kind"] in ("several levels", "flickering")
