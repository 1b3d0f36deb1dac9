"""Single emitters as the reference, bins of the trace, and results that are left out."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.analysis.emitters.sources import emitters
from tests.analysis.test_saving import assert_equal
from tests.photons import generators as make

import qdmol
from qdmol.analysis import Monomer, analyze_many, analyze_photons
from qdmol.analysis.analyzing import INDEPENDENT
from qdmol.analysis.screening import ScreeningTask, examine
from qdmol.analysis.single_emitters import checked_reference, not_single
from qdmol.errors import InputError
from qdmol.estimates import Estimate

QUICK = {"model": "1", "gate_ns": (0.0, None)}
LIGHT = {"photons": 40_000, "per_pulse": 0.1, "lifetime_ns": 8.0}


@cache
def single():
    return emitters(np.random.default_rng(3), **LIGHT)


@cache
def pair():
    return emitters(np.random.default_rng(4), shares=(0.5, 0.5), **LIGHT)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photons")
    for name, stream in (("single.ptu", single()), ("pair.ptu", pair())):
        make.write_ptu(folder / name, stream, kind=make.HYDRAHARP_T3)
    return folder


@pytest.fixture(scope="module")
def reference():
    """A single emitter, analysed."""
    return analyze_photons(single(), **QUICK)


def test_all_results_of_blinking_and_emitters_are_there(reference):
    assert reference.levels.kind == "constant"
    assert reference.dwell is None
    assert "no_dwell" in {flag.name for flag in reference.flags}
    assert reference.emitters.number == 1
    assert reference.emitters.references == 0
    assert reference.summary["emitters"]["hypotheses"].keys() == reference.emitters.hypotheses.keys()


def test_a_reference_holds_the_numbers_of_each_recording(reference):
    monomer = checked_reference([reference, reference])
    assert monomer.names == ("photons", "photons")
    assert monomer.ratios == (reference.g2.against_sides,) * 2
    expected = [reference.lifetime.amplitude_average.value] * 2
    assert [each.value for each in monomer.lifetimes_ns] == pytest.approx(expected, rel=0.01)


def test_a_reference_goes_into_the_test(files):
    with_file = analyze_photons(files / "pair.ptu", monomer=[files / "single.ptu"], **QUICK)
    assert with_file.emitters.references == 1
    assert "two equal independent ones give" in with_file.emitters.g2_alone


def test_a_recording_is_not_its_own_reference(files):
    quick = {**QUICK, "leave_out": INDEPENDENT}
    analyses = analyze_many([files / "pair.ptu", files / "single.ptu"], monomer=[files / "single.ptu"], **quick)
    assert ["monomer_itself" in {flag.name for flag in analysis.flags} for analysis in analyses] == [False, True]
    alone = analyze_photons(files / "single.ptu", monomer=files / "single.ptu", **quick)
    assert "monomer_itself" in {flag.name for flag in alone.flags}


def test_a_reference_that_is_a_pair_is_told(reference):
    tested = replace(reference.emitters, verdict="two_independent", best="two_independent")
    sentence = not_single([replace(reference, emitters=tested, file="pair.ptu")])
    assert sentence.startswith("pair.ptu, given as a single emitter, shows more than one emitter itself.")
    assert not_single([reference]) is None
    analysis = analyze_photons(
        pair(), monomer=replace(reference, emitters=tested, file="pair.ptu"), leave_out=INDEPENDENT, **QUICK
    )
    assert sentence in analysis.messages("warning")


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ({"g2": None}, "it holds no g²(0)."),
        ({"lifetime": None}, "it holds no lifetime."),
        ({"g2": None, "lifetime": None}, "it holds no g²(0) and no lifetime."),
    ],
)
def test_a_reference_without_g2_or_lifetime_is_refused(lacking, words, reference):
    with pytest.raises(InputError) as caught:
        analyze_photons(pair(), monomer=[reference, replace(reference, file="bad.ptu", **lacking)])
    assert caught.value.field == "monomer"
    assert f"`monomer` bad.ptu cannot serve as the reference: {words}" in str(caught.value)


def test_what_is_no_recording_is_no_reference(files, tmp_path):
    decay = tmp_path / "decay.txt"
    decay.write_text("time (ns)\tcounts\n" + "\n".join(f"{k}\t{100 - k}" for k in range(90)), encoding="utf-8")
    for monomer, words in (
        (tmp_path / "missing.ptu", "`monomer` .*does not exist"),
        (decay, "`monomer` decay.txt is a histogram"),
        ([], "at least one recording"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            analyze_photons(files / "pair.ptu", monomer=monomer, **QUICK)
        assert caught.value.field == "monomer"


@pytest.mark.parametrize("option", [{"bin_s": 0.01}, {"monomer": Monomer((), ())}])
def test_histograms_have_no_trace_and_no_emitters(option, tmp_path):
    decay = tmp_path / "decay.txt"
    decay.write_text("time (ns)\tcounts\n" + "\n".join(f"{k}\t{100 - k}" for k in range(90)), encoding="utf-8")
    with pytest.raises(InputError, match="single photons") as caught:
        analyze_photons(decay, **option)
    assert caught.value.field == next(iter(option)).removesuffix("_s")


# ---------------------------------------------------------------- bins


def test_a_trace_has_the_requested_bins_and_nothing_else_depends_on_them(reference):
    analysis = analyze_photons(single(), bin_s=1e-3, **QUICK)
    assert analysis.trace.bin_s == 1e-3
    assert analysis.data["trace"].attrs["bin_s"] == 1e-3
    assert analysis.trace.total.sum() == reference.trace.total.sum()
    for key in ("levels", "dwell", "emitters", "g2", "lifetime", "background"):
        assert analysis.summary[key] == reference.summary[key], key


@pytest.mark.parametrize("bin_s", [0.0, -1.0, 1e-9, 1e3, float("nan"), float("inf")])
def test_a_bin_outside_its_limits_is_refused(bin_s):
    with pytest.raises(InputError, match="1e-06 to 100 s") as caught:
        analyze_photons(single(), bin_s=bin_s)
    assert caught.value.field == "bin"


def test_a_bin_longer_than_half_the_recording_is_refused():
    with pytest.raises(InputError, match="at most half the recording") as caught:
        analyze_photons(single(), bin_s=1.0)
    assert caught.value.field == "bin"


def test_bins_that_are_too_many_are_widened_and_it_is_said():
    stream = make.poisson_stream(np.random.default_rng(1), rate_hz=300.0, duration_s=30.0, shares=(1.0,))
    analysis = analyze_photons(stream, bin_s=1e-6, leave_out=INDEPENDENT)
    assert analysis.trace.bin_s > 1e-6
    assert any("instead of 1e-06 s" in sentence for sentence in analysis.sentences)


# ---------------------------------------------------------------- leaving out, saving


def test_results_may_be_left_out_alone(reference):
    analysis = analyze_photons(single(), leave_out=["levels", "g3"], **QUICK)
    assert analysis.levels is None
    assert analysis.summary["levels"] is None
    assert analysis.g2.against_sides == reference.g2.against_sides
    assert analysis.emitters is not None


def test_a_screening_leaves_blinking_and_emitters_out(files, monkeypatch):
    left_out = []

    def analyze(path, *, leave_out, **options):
        left_out.extend(leave_out)
        return analyze_photons(path, leave_out=leave_out, **options)

    monkeypatch.setattr("qdmol.analysis.analyzing.analyze_photons", analyze)
    assert examine(ScreeningTask(str(files / "single.ptu"), (("model", "1"),)))["numbers"]["g2"] is not None
    assert {"levels", "dwell", "emitters"} <= set(left_out)


def test_blinking_and_emitters_come_back_from_a_file(tmp_path):
    rng = np.random.default_rng(7)
    stream = make.blinking_stream(rng, rate_hz=2e5, duration_s=1.0, period_ps=200_000.0, response_ns=0.3, offset_ns=8.0)
    analysis = analyze_photons(stream, **QUICK)
    assert analysis.levels.number == 2
    assert {state.state for state in analysis.dwell.states} == {"on", "off"}
    assert isinstance(analysis.emitters.number_from_g2, Estimate)
    loaded = qdmol.load(analysis.save(tmp_path / "analysis.nc"))
    for key in ("levels", "dwell", "emitters"):
        assert_equal(getattr(analysis, key), getattr(loaded, key))
    assert loaded.summary == analysis.summary
    assert loaded.sentences == analysis.sentences
    assert list(loaded.figures()) == list(analysis.figures())


def test_one_detector_and_no_pulses_have_levels_and_a_reason():
    rng = np.random.default_rng(2)
    one = analyze_photons(make.poisson_stream(rng, rate_hz=2e4, shares=(1.0,), tick_ps=1e3))
    assert one.levels.kind == "constant"
    assert one.summary["emitters"] is None
    flags = {flag.name: flag.message for flag in one.flags}
    assert "two detectors" in flags["no_emitters"]
    assert "no_dwell" in flags
    assert one.complete
