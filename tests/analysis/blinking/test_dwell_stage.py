"""The stage of dwell times: JSON, sentences, numbers and NetCDF of known sources; reasons where there is no result."""

import json

import numpy as np
import pytest
import xarray as xr
from tests.analysis.blinking.test_dwell_coverage import cut_power, edges_of
from tests.analysis.blinking.test_dwell_times import levels_of
from tests.photons.generators import in_memory

from qdmol.analysis.background import BackgroundStage
from qdmol.analysis.blinking.dwell_stage import DwellStage, measure_dwell
from qdmol.analysis.blinking.stages import LevelsStage
from qdmol.analysis.stages import Meter, Options, Recording, Results, run_stages
from qdmol.analysis.summary import plain
from qdmol.analysis.trace import Trace
from qdmol.errors import DataError
from qdmol.estimates import Estimate
from qdmol.photons import Records
from qdmol.photons.quality import quality_of_scan
from qdmol.photons.scanning import scan
from qdmol.results.encoding import decode, encode


def stream_of(rng, edges, rates):
    """Photons of a source that switches between dark and bright at known times."""
    spans = np.diff(edges)
    photons = rng.poisson(spans * np.where(np.arange(len(spans)) % 2, rates[1], rates[0]))
    times = np.repeat(edges[:-1], photons) + rng.random(photons.sum()) * np.repeat(spans, photons)
    records = Records(np.sort((times * 1e9).astype(np.int64)), rng.integers(0, 2, len(times)).astype(np.uint8))
    return in_memory(records, mode="T2", tick_ps=1000.0, duration_s=float(edges[-1]))


@pytest.fixture(scope="module")
def blinking():
    """Levels, trace and true dwell law of a dot: exponent 1.5, cut-off 1 s, from 5 ms on."""
    rng = np.random.default_rng(1)
    edges = edges_of(200.0, lambda n: cut_power(rng, n, 1.5, 1.0, 0.005), lambda n: cut_power(rng, n, 1.5, 1.0, 0.005))
    levels = levels_of(edges, np.arange(len(edges) - 1) % 2, (2e3, 4e4))
    light = np.concatenate([[0.0], np.cumsum(levels.segments.photons)])
    counts = rng.poisson(np.diff(np.interp(1e-3 * np.arange(200_001), edges, light)))
    return measure_dwell(levels, Trace(1e-3, counts[:, None], 0.0, (0,), 1e-3))


def test_json_has_the_keys_of_the_contract(blinking):
    summary = {}
    DwellStage().add_to_summary(summary, Results({"dwell": blinking}))
    dwell = json.loads(json.dumps(plain(summary)))["dwell"]
    assert {"states", "correlation_exponent", "correlation_exponent_low", "correlation_exponent_high"} <= dwell.keys()
    assert [state["state"] for state in dwell["states"]] == ["off", "on"]
    for state in dwell["states"]:
        assert {"dwells", "censored", "shortest_s", "longest_s", "best", "laws"} <= state.keys()
        assert [law["law"] for law in state["laws"]] == ["power law", "power law with cut-off", "exponential"]
        assert state["best"] == "power law with cut-off"
        assert sum(law["probability"] for law in state["laws"]) == pytest.approx(1.0)
        for law in state["laws"]:
            assert law["rejected"] == (law["p_value"] < 0.01)
            assert (law["parameters"] == {}) == law["rejected"]
        exponent = state["laws"][1]["parameters"]["exponent"]
        assert exponent["low"] < 1.5 < exponent["high"]
    assert dwell["correlation_exponent_low"] < dwell["correlation_exponent"] < dwell["correlation_exponent_high"]
    DwellStage().add_to_summary(summary, Results({}))
    assert summary["dwell"] is None


def test_sentences_and_numbers(blinking):
    results = Results({"dwell": blinking})
    said = DwellStage().sentences(results)
    assert "Dwell times in the state off from" in said[0]
    assert "follow a power law with cut-off, exponent 1.4" in said[0]
    assert len(said) == 3
    names = [number.name for number in DwellStage().numbers(results)]
    assert names[:2] == ["exponent, off", "cut-off time, off"]
    assert DwellStage().sentences(Results({})) == ()
    assert DwellStage().numbers(Results({})) == ()


def test_dataset_has_the_survival_functions(blinking):
    data = xr.Dataset()
    DwellStage().add_to_data(data, Results({"dwell": blinking}))
    share = data["dwell_survival_on"].values
    assert len(share) <= 1001
    assert np.all(np.diff(share) <= 0)
    fit = data["dwell_survival_law_on"].sel(dwell_law="power law with cut-off").values
    known = np.isfinite(fit)
    assert known.sum() > 0.6 * len(fit)
    np.testing.assert_allclose(fit[known], share[known], atol=0.03)
    assert all({"units", "long_name"} <= variable.attrs.keys() for variable in data.variables.values())
    data.to_netcdf()
    DwellStage().add_to_data(empty := xr.Dataset(), Results({}))
    assert not empty.variables


def test_result_is_read_back_as_it_was(blinking):
    arrays = {}
    record = json.loads(json.dumps(encode(blinking, arrays)))
    again = decode(record, (*DwellStage.classes, Estimate), arrays)
    assert again.states[1].law == blinking.states[1].law
    np.testing.assert_array_equal(again.states[0].durations_s, blinking.states[0].durations_s)
    assert again.correlation_exponent == blinking.correlation_exponent


def recording_of(stream):
    scanned = scan(stream)
    return Recording(stream, None, scanned, quality_of_scan(scanned, stream), Options())


def test_stage_on_photons():
    rng = np.random.default_rng(2)
    edges = edges_of(60.0, lambda n: rng.exponential(0.1, n), lambda n: rng.exponential(0.3, n))
    recording = recording_of(stream_of(rng, edges, (2e3, 3e4)))
    results, _ = run_stages((BackgroundStage, LevelsStage, DwellStage), recording, Meter(None, 1.0))
    off, on = results["dwell"].states
    assert (off.best, on.best) == ("exponential", "exponential")
    assert off.law.parameters["mean_s"].holds(0.3)
    assert on.law.parameters["mean_s"].holds(0.1)
    assert results["dwell"].correlation_exponent is None


def test_constant_source_has_a_reason():
    rng = np.random.default_rng(3)
    recording = recording_of(stream_of(rng, np.array([0.0, 5.0]), (1e4, 1e4)))
    results, flags = run_stages((BackgroundStage, LevelsStage, DwellStage), recording, Meter(None, 1.0))
    assert results["dwell"] is None
    (flag,) = [flag for flag in flags if flag.name == "no_dwell"]
    assert flag.severity == "note"
    assert "one level" in flag.message or "not known" in flag.message


@pytest.mark.parametrize("photons", [0, 1])
def test_traces_of_few_photons(photons):
    trace = Trace(0.01, np.full((photons, 1), 1), 0.0, (0,), 0.01)
    with pytest.raises(DataError, match="no dwell times"):
        measure_dwell(None, trace)


def test_hundred_thousand_dwells(blinking):
    """Every dwell is used, and the file keeps a thousand points of the survival function."""
    rng = np.random.default_rng(4)
    edges = np.concatenate([[0.0], np.cumsum(cut_power(rng, 100_001, 1.5, 1.0, 0.005))])
    levels = levels_of(edges, np.arange(100_001) % 2, (2e3, 4e4))
    dwell = measure_dwell(levels, Trace(0.01, np.zeros((0, 1), int), 0.0, (0,), 0.01))
    assert sum(len(times.durations_s) for times in dwell.states) == 100_000
    assert all(times.law.parameters["exponent"].holds(1.5) for times in dwell.states)
    data = xr.Dataset()
    DwellStage().add_to_data(data, Results({"dwell": dwell}))
    assert data.sizes["dwell_time_on"] <= 1000
    assert dwell.correlation is None
    assert dwell.correlation_reason
    assert blinking.correlation_reason is None
