"""The number of emitters as part of an analysis: levels, JSON, sentences, dataset, references."""

import json
import math

import numpy as np
import pytest
from tests.analysis.emitters.sources import emitters
from tests.photons.generators import antibunched_stream, in_memory

from qdmol.analysis import PhotonAnalysis, analyze_photons
from qdmol.analysis.emitters.values import HYPOTHESES, monomer_of
from qdmol.photons import Records

KEYS = {"best", "number", "number_low", "number_high", "hypotheses", "verdict", "photons_needed", "number_from_sides"}


def analysed(seed, **source):
    return analyze_photons(emitters(np.random.default_rng([4, seed]), photons=80_000, per_pulse=0.15, **source))


@pytest.fixture(scope="module")
def blinking_pair():
    return analysed(1, shares=(1.0, 1.0), dwell_s=0.01)


def test_blinking_emitters_are_told_by_their_levels(blinking_pair):
    result = blinking_pair.emitters
    assert result.best == "two_independent"
    assert [step.name for step in result.evidence] == ["g2(0)", "delays of pairs", "intensity levels"]
    assert result.evidence[-1].hypotheses == result.hypotheses
    assert result.hypotheses["two_independent"] > result.evidence[0].hypotheses["two_independent"]


@pytest.mark.slow
def test_emitters_that_blink_together_interact():
    result = analysed(2, shares=(1.0, 1.0), dwell_s=0.01, together=True).emitters
    assert result.best == "two_interacting"
    assert result.hypotheses["two_independent"] < 0.05


def test_the_json_object_holds_what_it_must(blinking_pair):
    summary = json.loads(json.dumps(blinking_pair.summary))["emitters"]
    assert summary.keys() >= KEYS
    assert set(summary["hypotheses"]) == set(HYPOTHESES)
    assert sum(summary["hypotheses"].values()) == pytest.approx(1.0)
    assert summary["number_low"] <= summary["number"] <= summary["number_high"]
    # the ratio to the side peaks counts too few emitters, for they blink
    assert summary["number_from_sides"]["value"] < summary["number_from_g2"]["value"]


def test_sentences_numbers_and_dataset(blinking_pair):
    result = blinking_pair.emitters
    assert result.statement in blinking_pair.sentences
    assert result.g2_alone in blinking_pair.sentences
    names = {number.name for number in blinking_pair.numbers}
    assert {"number of emitters", "probability of two independent emitters"} <= names
    table = blinking_pair.data["emitters_probability"]
    assert table.dims == ("evidence", "hypothesis")
    np.testing.assert_allclose(table.sum("hypothesis"), 1.0)
    assert table.attrs["units"] == "1"


def test_a_saved_analysis_keeps_the_verdict(blinking_pair, tmp_path):
    import qdmol

    path = blinking_pair.save(tmp_path / "pair.nc")
    again = qdmol.load(path)
    assert isinstance(again, PhotonAnalysis)
    assert again.emitters == blinking_pair.emitters


def test_analyses_are_a_reference(blinking_pair):
    monomer = monomer_of([blinking_pair, blinking_pair])
    assert len(monomer.names) == 2
    assert monomer.ratios[0] == blinking_pair.g2.against_sides
    assert monomer.bunching[0] == blinking_pair.g2.bunching_level
    assert monomer.lifetimes_ns[0].value == pytest.approx(20.0, rel=0.03)
    assert monomer.brightness[0] == pytest.approx(0.3, rel=0.1)  # both on, in the brightest level
    assert monomer.biexciton_lifetimes_ns == ()  # known of single emitters only


def test_continuous_light_gives_numbers_and_no_verdict():
    result = analyze_photons(antibunched_stream(np.random.default_rng(5), duration_s=0.2)).emitters
    assert result is None or result.verdict == "cannot tell"
    assert result is None or math.isclose(sum(result.hypotheses.values()), 1.0)


def test_one_detector_has_a_reason():
    records = Records(np.arange(5000), np.zeros(5000, np.uint8), np.full(5000, 100, np.uint32))
    analysis = analyze_photons(in_memory(records, mode="T3", tick_ps=100.0, sync_period_ps=1e5))
    assert analysis.emitters is None
    assert analysis.summary["emitters"] is None
    (flag,) = (flag for flag in analysis.flags if flag.name == "no_emitters")
    assert flag.severity == "note"
    assert "two detectors" in flag.message
