"""The analysis from end to end: known truth comes back, measured files give what is known of them, bad ones say why."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.photons import generators as make

from qdmol.analysis import FailedAnalysis, analyze_many, analyze_photons, inspect_photons
from qdmol.analysis.g2.pairs import BrightestTally
from qdmol.analysis.passes import counted
from qdmol.analysis.registry import STAGES
from qdmol.analysis.stages import AFTERGLOW, MODELS, Meter, Stage, result_of, watched
from qdmol.cli.entry import run_command
from qdmol.errors import InputError
from qdmol.photons import ArraySource, Records, read_photons

KEYS = {"photons", "duration_s", "mode", "sync_period_ns", "count_rate_Hz", "quality", "lifetime", "g2"}
# Without the search for a model and the curve over gates, which take most of the time.
QUICK = {"model": "1", "gate_ns": (0.0, None)}
WORDS = ("--model", "1", "--gate", "0")
EMITTER = {"rate_hz": 1e5, "duration_s": 2.0, "period_ps": 200_000.0, "response_ns": 0.3, "offset_ns": 8.0}


@cache
def emitter():
    """A single emitter that blinks: 20 ns, half of the time dark, with background; some 100,000 photons."""
    rng = np.random.default_rng(11)
    return make.blinking_stream(rng, background_hz=400.0, **EMITTER)


@pytest.fixture(scope="module")
def whole():
    return analyze_photons(emitter())


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("photons") / "emitter.ptu"
    return make.write_ptu(path, emitter(), kind=make.HYDRAHARP_T3)


def no_nan(value):
    """No number of a JSON object is NaN or infinite."""
    if isinstance(value, dict):
        return all(no_nan(entry) for entry in value.values())
    if isinstance(value, list):
        return all(no_nan(entry) for entry in value)
    return not isinstance(value, float) or math.isfinite(value)


def names(summary):
    return {flag["flag"] for flag in summary["quality"]}


# ---------------------------------------------------------------- known truth


def test_a_single_emitter_comes_back(whole):
    found = whole.summary
    assert whole.complete
    assert not whole.refused
    assert found["photons"] == len(emitter().load())
    assert found["mode"] == "T3"
    assert found["sync_period_ns"] == pytest.approx(200.0)
    assert found["duration_s"] == pytest.approx(2.0)
    lifetime, g2 = found["lifetime"], found["g2"]
    assert lifetime["low_ns"][0] < 20.0 < lifetime["high_ns"][0]
    assert lifetime["high_ns"][0] - lifetime["low_ns"][0] < 1.0
    assert g2["side"] < 0.05
    assert g2["side_low"] <= max(g2["side"], 0.0) <= g2["side_high"]
    assert g2["bunching"] == pytest.approx(2.0, rel=0.15)
    assert g2["poisson"] == pytest.approx(g2["side"] * g2["bunching"], rel=0.05, abs=1e-6)
    assert abs(g2["zero_delay_ns"]) < 2.0


def test_two_emitters_are_not_one():
    """Against independent photons two blinking emitters give a half; against the side peaks less."""
    one, other = (make.blinking_stream(np.random.default_rng(k), **EMITTER).load() for k in (1, 2))
    order = np.argsort(np.concatenate([one.times, other.times]), kind="stable")
    both = Records(
        *(np.concatenate([getattr(one, k), getattr(other, k)])[order] for k in ("times", "channels", "delays"))
    )
    found = analyze_photons(replace(emitter(), source=ArraySource(both), stated_photons=len(both)), **QUICK).summary[
        "g2"
    ]
    assert found["poisson"] == pytest.approx(0.5, abs=0.08)
    assert found["side"] < 0.42


def test_the_summary_is_a_json_object_without_nan(whole):
    assert set(whole.summary) >= KEYS
    assert no_nan(whole.summary)
    assert json.loads(json.dumps(whole.summary, allow_nan=False)) == whole.summary


def test_the_data_have_units_and_hold_the_curves(whole):
    data = whole.data
    assert {"trace", "decay", "decay_fit", "decay_residual", "g2_counts", "correlation", "correlation_low"} <= set(data)
    assert all({"units", "long_name"} <= set(data[name].attrs) for name in data.variables)
    assert int(data["trace"].sum()) == whole.quality.photons
    assert int(data["decay"].sum()) == whole.quality.photons
    assert abs(float(data["correlation"].sel(log_lag=1e5, method="nearest")) - 2.0) < 0.4


def test_a_result_prints_its_numbers_and_what_is_to_be_known(whole):
    text = str(whole).replace("\N{NO-BREAK SPACE}", " ")
    assert "photons in 2 s" in text
    assert "relative to the side peaks" in text
    assert "<li>" in whole._repr_html_()
    assert len(repr(whole)) < 100


def test_continuous_light_has_a_dip_and_no_lifetime():
    stream = make.antibunched_stream(np.random.default_rng(3), duration_s=0.3, efficiency=0.3)
    found = analyze_photons(stream).summary
    assert found["mode"] == "T2"
    assert found["sync_period_ns"] is None
    assert found["lifetime"] is None
    assert found["g2"]["side"] < 0.3
    assert found["g2"]["method"].startswith("continuous")


def test_one_detector_has_a_lifetime_and_no_g2():
    stream = make.pulsed_stream(np.random.default_rng(4), duration_s=0.2, shares=(1.0,), response_ns=0.3, offset_ns=5.0)
    found = analyze_photons(stream)
    assert found.complete
    assert found.summary["g2"] is None
    assert "one_channel" in names(found.summary)
    assert found.summary["lifetime"]["components_ns"][0] == pytest.approx(20.0, rel=0.05)


def test_too_few_photons_are_said_to_be_too_few():
    rng = np.random.default_rng(5)
    stream = make.pulsed_stream(rng, rate_hz=100.0, duration_s=0.1)
    found = analyze_photons(stream)
    assert found.summary["lifetime"] is None
    assert "no_lifetime" in names(found.summary)
    assert no_nan(found.summary)


def test_no_photons_at_all():
    nothing = Records(np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.uint32))
    found = analyze_photons(replace(emitter(), source=ArraySource(nothing), stated_photons=0))
    assert found.summary["photons"] == 0
    assert found.summary["g2"] is None
    assert no_nan(found.summary)
    assert len(found.data.variables) == 0 or all(size >= 0 for size in found.data.sizes.values())


def test_a_histogram_of_delays_is_a_lifetime(tmp_path):
    counts = np.random.default_rng(6).poisson(400 * np.exp(-np.arange(300) * 0.25 / 12.0) + 3)
    path = tmp_path / "decay.csv"
    rows = "".join(f"{0.25 * k:.2f},{count}\n" for k, count in enumerate(counts))
    path.write_text(f"time_ns,counts\n{rows}", encoding="utf-8")
    found = analyze_photons(path).summary
    assert found["mode"] == "histogram"
    assert found["photons"] == counts.sum()
    assert found["lifetime"]["low_ns"][0] < 12.0 < found["lifetime"]["high_ns"][0]
    assert found["g2"] is None
    assert no_nan(found)


# ---------------------------------------------------------------- options


def test_a_model_a_gate_and_channels_are_used(file):
    found = analyze_photons(file, model="1", gate_ns=(10.0, None), channels=(1, 0))
    assert found.summary["lifetime"]["model"] == "1 exponential"
    assert found.summary["g2"]["channels"] == [1, 0]
    assert found.summary["g2"]["gate_ns"][0] == pytest.approx(10.0, abs=0.1)
    assert found.gated == ()


def test_a_dark_recording_is_the_background(tmp_path):
    rng = np.random.default_rng(7)
    dark = make.poisson_stream(rng, rate_hz=800.0, duration_s=5.0)
    found = analyze_photons(emitter(), dark=dark, **QUICK).summary["background"]
    assert found["source"] == "dark recording"
    assert found["channels"][0]["low_Hz"] < 400.0 < found["channels"][0]["high_Hz"]


def test_a_response_is_a_recording_of_it():
    rng = np.random.default_rng(8)
    options = {**EMITTER, "duration_s": 1.0}
    response = make.pulsed_stream(rng, **{**options, "lifetimes_ns": (1e-3,)})
    fast = make.pulsed_stream(rng, **{**options, "lifetimes_ns": (1.0,)})
    found = analyze_photons(fast, response=response, **QUICK)
    assert found.summary["lifetime"]["response"] == "measured"
    assert found.summary["lifetime"]["components_ns"][0] == pytest.approx(1.0, rel=0.05)
    assert "decay_response" in found.data


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"model": "5"}, "model"),
        ({"afterglow": "ignore"}, "afterglow"),
        ({"channels": (0, 7)}, "channels"),
        ({"gate_ns": (-1.0, None)}, "gate_ns"),
        ({"gate_ns": (5.0, 2.0)}, "gate_ns"),
        ({"gate_ns": (math.nan, None)}, "gate_ns"),
    ],
)
def test_what_makes_no_sense_is_refused(options, field):
    with pytest.raises(InputError) as caught:
        analyze_photons(emitter(), **options)
    assert caught.value.field == field


def test_the_words_are_those_of_the_parts():
    from typing import get_args, get_type_hints

    from qdmol.analysis import G2Details, Model

    assert set(MODELS) == set(get_args(Model))
    assert set(AFTERGLOW) == set(get_args(get_type_hints(G2Details)["afterglow"]))


# ---------------------------------------------------------------- progress, memory, many


def test_progress_goes_from_0_to_1_and_never_back(file):
    told = []
    analyze_photons(file, **QUICK, progress=lambda stage, fraction: told.append((stage, fraction)))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert told[-1] == ("done", 1.0)
    assert {"checking the recording", "lifetime", "pairs of photons", "correlation"} <= {stage for stage, _ in told}


def test_a_pass_over_a_long_file_moves_the_bar():
    told = []
    meter = Meter(lambda name, fraction: told.append((name, fraction)), total=4.0, photons=100)
    records = Records(np.arange(100), np.zeros(100, dtype=np.uint8))
    stream = watched(replace(emitter(), mode="T2", source=ArraySource(records)), meter.saw)
    meter.start("one", effort=1.0)
    assert sum(len(part) for part in stream.chunks(25)) == 100
    meter.finish(1.0)
    meter.start("other")
    assert told == [("one", 0.0), *(("one", k / 16) for k in range(1, 5)), ("other", 0.25)]


def test_stages_share_passes(monkeypatch):
    """Checking, then all counts that need nothing but the channels, then those behind gates: three passes.

    A fourth is made for the lifetimes of segments, where the background is known from the third.
    """
    passes, records = [], emitter().load()
    monkeypatch.setattr(
        ArraySource,
        "chunks",
        lambda self, size: passes.append(size) or iter([records]),
    )
    assert analyze_photons(emitter()).gated
    assert len(passes) == 4
    passes.clear()
    assert analyze_photons(emitter(), leave_out=["levels"]).gated
    assert len(passes) == 3


class BrightestChannel(Stage):
    key, name, absent = "brightest", "brightest channel", "no_brightest"

    def steps(self, recording):
        return (yield from counted(BrightestTally(recording.stream, number=1)))[0]

    def add_to_summary(self, summary, results):
        summary["brightest_channel"] = results[BrightestChannel]


class Waiting(Stage):
    key, name, absent = "waiting", "waiting", "no_waiting"

    def steps(self, recording):
        yield from result_of(Waiting)


def test_a_stage_is_a_class_and_a_line_in_the_registry(monkeypatch):
    monkeypatch.setattr("qdmol.analysis.registry.STAGES", (*STAGES, BrightestChannel))
    analysis = analyze_photons(emitter(), **QUICK)
    brightest = max(analysis.quality.per_channel, key=analysis.quality.per_channel.get)
    assert analysis.brightest == analysis.summary["brightest_channel"] == brightest
    assert "brightest" in dir(analysis)
    with pytest.raises(AttributeError, match="dimmest"):
        analysis.dimmest  # noqa: B018


def test_stages_that_wait_for_each_other_are_a_fault_of_ours(monkeypatch):
    monkeypatch.setattr("qdmol.analysis.registry.STAGES", (Waiting,))
    with pytest.raises(RuntimeError, match="depend on each other"):
        analyze_photons(emitter(), **QUICK)


def test_no_part_asks_for_the_whole_file_at_once(file, monkeypatch):
    """Every pass is in stretches: a stream that cannot be loaded as a whole is analysed all the same."""
    monkeypatch.setattr("qdmol.photons.stream.PhotonStream.load", lambda self: pytest.fail("loaded as a whole"))
    assert analyze_photons(file, **QUICK).complete


def test_many_files_with_a_bad_one_among_them(file, tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear colleague,\nthe sample has arrived.\n", encoding="utf-8")
    found = analyze_many([file, letter, tmp_path / "none.ptu"], **QUICK)
    assert [isinstance(one, FailedAnalysis) for one in found] == [False, True, True]
    assert not found.complete
    assert found.summary["files"][1]["error"]["field"] == "FILE"
    assert "not read" in str(found)
    assert "<table>" in found._repr_html_()
    assert found.data["lifetime"].values[0] == pytest.approx(20.0, rel=0.05)
    # the pairs of each stretch of time would fill the memory where there are many files
    assert found[0].g2.histogram.blocks is None
    assert np.isnan(found.data["lifetime"].values[1])
    assert no_nan(found.summary)


def test_a_truncated_file_gives_what_is_whole_and_says_so(file, tmp_path, monkeypatch, capsys):
    cut = tmp_path / "cut.ptu"
    cut.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    monkeypatch.chdir(tmp_path)
    assert run_command(["photons", "analyze", "cut.ptu", "--json", "--quiet", *WORDS]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["truncated"]
    assert "truncated" in names(found)
    assert 0.45 < found["photons"] / len(emitter().load()) < 0.55
    assert found["lifetime"]["components_ns"][0] == pytest.approx(20.0, rel=0.05)
    assert (tmp_path / "cut.html").exists()


# ---------------------------------------------------------------- measured files


def test_the_blinking_single_photon_source(data_folder):
    """1 pair in the centre against 352 a side peak, two periods from zero, near side peaks 3.72 times Poisson."""
    found = analyze_photons(data_folder / "photons/hydraharp_t3_80mhz_hbt.ptu").summary
    g2 = found["g2"]
    assert found["photons"] == 160_953 + 235_373
    assert found["duration_s"] == pytest.approx(5.0, abs=1e-3)
    assert g2["centre_counts"] == 1
    assert g2["side_counts"] == pytest.approx(352, abs=2)
    assert round(g2["zero_delay_ns"] / g2["period_ns"]) == 2
    assert g2["bunching"] == pytest.approx(3.72, abs=0.05)
    assert g2["side_low"] < 1 / 352 < g2["side_high"] < 0.02
    assert g2["poisson"] == pytest.approx(3.72 / 352, rel=0.05)


def test_the_file_that_contradicts_itself_is_refused(data_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = data_folder / "photons/hydraharp_t3_320mhz_inconsistent_sync.ptu"
    assert run_command(["photons", "analyze", str(path), "--json", "-o", "bad.html", "--quiet"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["refused"]
    assert found["lifetime"] is None
    assert found["g2"] is None
    assert "fatal" in {flag["severity"] for flag in found["quality"]}
    assert "was not analysed" in (tmp_path / "bad.html").read_text(encoding="utf-8")


def test_the_unordered_file_is_sorted_and_said_so(data_folder):
    found = inspect_photons(data_folder / "photons/qutag_80mhz_unordered.qutag")
    assert not found.refused
    assert "unordered" in names(found.summary)
    assert any("sorted" in flag["message"] for flag in found.summary["quality"])


def test_the_lifetime_of_the_dye(data_folder):
    found = analyze_photons(data_folder / "photons/picoharp_a42f_point_1.pt3", model="1").summary
    assert found["photons"] == 191_790
    assert found["lifetime"]["components_ns"][0] == pytest.approx(3.98, abs=0.1)


def test_a_measured_file_cut_short(data_folder, tmp_path):
    whole = (data_folder / "photons/hydraharp_v20_t3.ptu").read_bytes()
    path = tmp_path / "cut.ptu"
    path.write_bytes(whole[: 2 * len(whole) // 3])
    found = inspect_photons(path)
    assert found.truncated
    assert not found.complete
    assert 0 < found.summary["photons"] < 77_883
    assert read_photons(path).truncated


def test_the_command_of_a_terminal_does_it_all(data_folder, tmp_path):
    """A process of its own, as a user starts it: page and data beside the caller, one object on standard output."""
    path = Path(data_folder / "photons/hydraharp_v20_t3.ptu")
    command = [sys.executable, "-m", "qdmol", "photons", "analyze", str(path), "--json", "--quiet", *WORDS]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["photons"] == 77_883
    assert found["photons_per_channel"] == {"0": 45_012, "1": 32_871}
    assert {file.name for file in tmp_path.iterdir()} == {"hydraharp_v20_t3.html", "hydraharp_v20_t3.nc"}


# ---------------------------------------------------------------- typed values


def test_numbers_are_estimates_with_units(whole):
    lifetime = whole.lifetime.mean
    assert lifetime.unit == "ns"
    assert lifetime.low < 20.0 < lifetime.high
    assert (lifetime.value, lifetime.low) == (whole.lifetime.components_ns[0], whole.lifetime.low_ns[0])
    assert whole.g2.against_sides.value == whole.summary["g2"]["side"]
    assert {number.name for number in whole.numbers} >= {"lifetime", "g²(0), relative to the side peaks", "zero delay"}
    assert "ns" in repr(whole)
    assert repr(whole.g2).startswith("<G2 by pulsed")


def test_missing_numbers_are_none_and_never_nan(whole):
    assert replace(whole.g2, poisson=float("nan")).against_independent is None
    assert replace(whole.lifetime, amplitude_average_ns=float("nan")).amplitude_average is None
