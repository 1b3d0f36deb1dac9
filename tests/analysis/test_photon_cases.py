"""Recordings that once gave wrong values in silence, and the right ones."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.photons import generators as make
from tests.photons.test_shared_dead_time import behind, light, recording

from qdmol.analysis import analyze_photons, inspect_photons
from qdmol.cli.entry import run_command
from qdmol.photons import Records, read_photons

CASES = Path(__file__).parents[1] / "photons" / "cases"


def flags(summary):
    return {flag["flag"]: flag for flag in summary["quality"]}


def test_two_detectors_behind_one_dead_time_have_no_g2():
    """README: light is Poisson, no pair below 87 ns is recorded; g2 0.013 was an artefact."""
    summary = analyze_photons(CASES / "shared_dead_5MHz.ptu", model="1").summary
    assert summary["g2"] is None
    assert summary["g3"] is None
    assert flags(summary)["shared_dead_time"]["value"] == pytest.approx(87.0, abs=1.0)
    assert "dead time" in flags(summary)["no_g2"]["message"]
    assert summary["lifetime"]["components_ns"][0] == pytest.approx(20.0, abs=0.5)


def test_nothing_but_a_shared_dead_time_ends_with_status_3(tmp_path, capsys):
    rng = np.random.default_rng(5)
    times = light(rng, "steady", period_ns=200.0, lifetime_ns=1.0)
    stream = recording(
        *behind(times, rng.integers(0, 2, len(times)), dead_ns=87.0, shared=True), mode="T2", period_ns=200.0
    )
    path = make.write_ptu(tmp_path / "router.ptu", stream, kind=make.HYDRAHARP_T2)
    status = run_command(["photons", "analyze", str(path), "-o", str(tmp_path / "a.html"), "--json"])
    summary = json.loads(capsys.readouterr().out)
    assert status == 3
    assert summary["g2"] is None
    assert summary["lifetime"] is None
    assert "shared_dead_time" in flags(summary)


def test_picoharp_t2_has_its_period_from_the_light():
    """README: period 12.539 ns, centre 0 of 59.7 a side; the header's sync rate is that of a detector."""
    summary = analyze_photons(CASES / "one_emitter.ptu").summary
    g2 = summary["g2"]
    assert summary["sync_period_ns"] is None
    assert g2["period_ns"] == pytest.approx(12.539, abs=0.003)
    assert summary["pulse_period_ns"] == g2["period_ns"]
    assert g2["centre_counts"] == pytest.approx(0.0, abs=0.5)
    assert g2["side_counts"] == pytest.approx(59.7, abs=0.5)
    assert g2["side_low"] == 0.0
    assert g2["side"] < 0.02
    assert 0.04 < g2["side_high"] < 0.08


def test_a_stated_rate_that_the_light_does_not_follow_is_left(tmp_path):
    """The same recording as of an instrument whose T2 header may state a laser's rate."""
    stream = replace(read_photons(CASES / "one_emitter.ptu"), sync_period_ps=7_074_000.0)
    g2 = analyze_photons(stream).summary["g2"]
    assert g2["period_ns"] == pytest.approx(12.539, abs=0.003)
    assert g2["side_high"] < 0.08


@pytest.mark.parametrize("channels", [None, "sync,0"])
def test_the_sync_input_as_a_detector(channels, tmp_path, capsys):
    """README: antibunched, g2(0) = 0, dip of 15 ns."""
    words = [] if channels is None else ["--channels", channels]
    path = str(CASES / "hbt_sync_and_input1.ptu")
    assert run_command(["photons", "analyze", path, "-o", str(tmp_path / "a.html"), "--json", *words]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["photons_per_channel"] == {"0": 35066, "sync": 34934}
    assert sorted(map(str, summary["g2"]["channels"])) == ["0", "sync"]
    assert summary["g2"]["side"] < 0.05
    assert summary["g2"]["side_high"] < 0.15
    assert summary["g2"]["lifetimes_ns"][0] == pytest.approx(15.0, rel=0.25)
    assert "sync_rate" not in flags(summary)


def test_a_sync_channel_that_is_not_there_is_refused(capsys):
    path = str(CASES / "one_emitter.ptu")
    assert run_command(["photons", "analyze", path, "--channels", "sync,0", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["field"] == "channels"
    assert error["value"] == "sync"


def test_bunched_continuous_light_has_a_peak():
    """README: thermal light, g2(tau) = 1 + exp(-2 tau / 40 ns)."""
    g2 = analyze_photons(CASES / "thermal_g2_is_2.ptu").summary["g2"]
    for name in ("side", "poisson"):
        assert g2[f"{name}_low"] < 2.0 < g2[f"{name}_high"]
        assert g2[f"{name}_high"] - g2[f"{name}_low"] < 0.6
    assert g2["zero_delay_ns"] == pytest.approx(0.0, abs=2.0)
    assert g2["lifetimes_ns"][0] == pytest.approx(20.0, rel=0.2)
    assert g2["background_source"] is None
    assert g2["uncorrected"]["side"] == g2["side"]
    assert "background_unknown" in {flag["flag"] for flag in g2["flags"]}


def test_info_and_analyze_tell_one_period_of_a_divided_sync():
    rng = np.random.default_rng(4)
    period, pulses = 12_500, 1_000_000
    lit = np.flatnonzero(rng.random(pulses) < 0.01)
    times = lit * period + 3000 + rng.exponential(1500, len(lit)).astype(np.int64)
    records = Records(
        times=np.sort(times),
        channels=rng.integers(0, 2, len(times)).astype(np.uint8),
        sync_times=np.arange(0, pulses * period, 8 * period, dtype=np.int64),
    )
    stream = make.in_memory(records, mode="T2", tick_ps=1.0, duration_s=pulses * period * 1e-12)
    shown, analysed = inspect_photons(stream).summary, analyze_photons(stream, model="1", gate_ns=(0.0, None)).summary
    assert shown["pulse_period_ns"] == analysed["pulse_period_ns"] == pytest.approx(12.5)
    assert shown["sync_period_ns"] == analysed["sync_period_ns"] == pytest.approx(100.0)
