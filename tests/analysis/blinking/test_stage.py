"""The stage of the levels: JSON, sentences, numbers, dataset, flags; on simulated and measured streams."""

import json

import numpy as np
import pytest
import xarray as xr
from tests.analysis.blinking.light import Stay, in_ticks, pulsed, stays, times_of

from qdmol.analysis.analyzing import after_pulses
from qdmol.analysis.background import BackgroundStage
from qdmol.analysis.blinking import stages as blinking_stages
from qdmol.analysis.blinking.stages import LevelsStage
from qdmol.analysis.stages import Meter, Options, Recording, Results, run_stages
from qdmol.analysis.summary import plain
from qdmol.estimates import Estimate
from qdmol.photons import quality_of_scan, read_photons, scan
from qdmol.results import decode, encode

STAGES = (BackgroundStage, LevelsStage)


def analysed(stream):
    """Results of the stage alone and its flags."""
    scanned = scan(stream)
    quality = quality_of_scan(scanned, stream)
    recording = Recording(stream, after_pulses(stream, quality), scanned, quality, Options())
    values, flags = run_stages(STAGES, recording, Meter(None, 1.0))
    return Results(values), flags


def summary_of(results):
    summary = {}
    LevelsStage().add_to_summary(summary, results)
    return json.loads(json.dumps(plain(summary), allow_nan=False))["levels"]


@pytest.fixture(scope="module")
def telegraph():
    rng = np.random.default_rng(1)
    light = stays(rng, duration_s=20.0, rates_hz=(5e4, 5e3), lifetimes_ns=[20.0, 2.0])
    return analysed(pulsed(rng, light, background_hz=500.0))[0]


def test_summary_has_the_keys_of_the_contract(telegraph):
    summary = summary_of(telegraph)
    assert {"number", "kind", "kind_reason", "false_alarms", "change_points", "change_points_s", "levels"} <= set(
        summary
    )
    assert summary["number"] == len(summary["levels"]) == 2
    assert summary["kind"] == "two-state"
    assert summary["change_points"] == len(summary["change_points_s"])
    assert summary["change_points_s"] == sorted(summary["change_points_s"])
    dark, bright = summary["levels"]
    assert set(dark) == {
        *("rate_Hz", "rate_low_Hz", "rate_high_Hz", "photons", "duration_s", "fraction", "segments"),
        *("lifetime_ns", "lifetime_low_ns", "lifetime_high_ns"),
    }
    assert dark["rate_low_Hz"] < 5.5e3 < dark["rate_high_Hz"]
    # the background before the pulse is known to the stage
    assert dark["lifetime_low_ns"] < 2.0 < dark["lifetime_high_ns"]
    assert bright["lifetime_low_ns"] < 20.0 < bright["lifetime_high_ns"]
    slope = summary["lifetime_intensity_slope_low"], summary["lifetime_intensity_slope_high"]
    assert slope[0] < 1.0 < slope[1]


def test_sentences_and_numbers(telegraph):
    stage = LevelsStage()
    text = " ".join(stage.sentences(telegraph))
    assert "two-state" in text
    assert "of the time" in text
    assert "to the power" in text
    names = [number.name for number in stage.numbers(telegraph)]
    assert names[:2] == ["intensity of level 0", "lifetime of level 0"]


def test_dataset_has_units_and_names(telegraph):
    data = xr.Dataset()
    LevelsStage().add_to_data(data, telegraph)
    for variable in data.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    assert data.segment_photons.sum() == telegraph[LevelsStage].segments.photons.sum()
    assert float(data.flid.sum()) == pytest.approx(1.0)
    np.testing.assert_allclose(data.segment_start[1:], data.segment_end[:-1])
    assert data.sizes["level"] == 2
    # most of the time is where the two levels are
    near = data.flid.sel(flid_lifetime=slice(17, 23)).sum() + data.flid.sel(flid_lifetime=slice(0, 4)).sum()
    assert float(near) > 0.9


def test_saved_and_read_back(telegraph):
    levels = telegraph[LevelsStage]
    arrays = {}
    back = decode(json.loads(json.dumps(encode(levels, arrays))), [*LevelsStage.classes, Estimate], arrays)
    assert back.levels == levels.levels
    np.testing.assert_array_equal(back.segments.edges_s, levels.segments.edges_s)
    assert back.kind_reason == levels.kind_reason


def test_continuous_light_has_levels_without_lifetimes():
    rng = np.random.default_rng(2)
    results, flags = analysed(in_ticks(times_of(rng, stays(rng, duration_s=5.0, rates_hz=(3e4, 2e3)))))
    summary = summary_of(results)
    assert summary["number"] == 2
    assert summary["levels"][0]["lifetime_ns"] is None
    assert summary["lifetime_intensity_slope"] is None
    data = xr.Dataset()
    LevelsStage().add_to_data(data, results)
    assert "flid" not in data
    assert not [flag for flag in flags if flag.name == "no_levels"]


def test_a_constant_source_is_called_constant():
    rng = np.random.default_rng(3)
    results, _ = analysed(pulsed(rng, [Stay(0.0, 2.0, 3e4)]))
    assert summary_of(results)["kind"] == "constant"
    assert LevelsStage().sentences(results)[0].startswith("The intensity is constant.")


def test_too_few_photons_leave_a_flag_and_null():
    results, flags = analysed(in_ticks([0.1, 0.2, 0.5]))
    assert summary_of(results) is None
    assert next(flag.message for flag in flags if flag.name == "no_levels").startswith("The recording has 3 photons")
    assert LevelsStage().sentences(results) == LevelsStage().numbers(results) == ()
    data = xr.Dataset()
    LevelsStage().add_to_data(data, results)
    assert not data


def test_many_change_points_are_counted_but_not_listed(telegraph, monkeypatch):
    listed = summary_of(telegraph)
    assert listed["change_points"] > 20
    monkeypatch.setattr(blinking_stages, "MOST_LISTED", 20)
    summary = summary_of(telegraph)
    assert summary["change_points"] == listed["change_points"]
    assert summary["change_points_s"] is None


@pytest.mark.parametrize(
    ("name", "most_points", "noise"),
    [
        ("hydraharp_t3_80mhz_hbt.ptu", 10, (2.5, 4.5)),
        ("hydraharp_v20_t2.ptu", 3, (1.0, 1.1)),
        ("picoharp_a42f_point_1.pt3", 4, (1.0, 1.1)),
    ],
)
def test_measured_streams_of_steady_light_show_few_changes(data_folder, name, most_points, noise):
    results, _ = analysed(read_photons(data_folder / "photons" / name))
    levels = results[LevelsStage]
    assert len(levels.change_points_s) <= most_points
    assert noise[0] <= levels.excess_noise <= noise[1]


@pytest.mark.parametrize(
    "name", ["beads_image_t3.ptu", "spc132_dna_m000.spc", "hydraharp_v20_t3.ptu", "test_noise.spc"]
)
def test_any_measured_stream_has_a_kind(data_folder, name):
    results, _ = analysed(read_photons(data_folder / "photons" / name))
    levels = results[LevelsStage]
    assert levels.kind in ("constant", "two-state", "several levels", "flickering")
    assert (levels.segments.durations_s > 0).all()
    assert levels.segments.photons.sum() == sum(level.photons for level in levels.levels)
