"""The number of emitters of simulated and superposed recordings, and of g2 alone."""

import numpy as np
import pytest
from tests.analysis.emitters.sources import emitters
from tests.photons.generators import in_memory

from qdmol.analysis import Emitters, count_emitters, emitters_from_g2
from qdmol.analysis.emitters.judging import goodness, verdict_of
from qdmol.analysis.emitters.observing import observations_of_g2, slow_fluctuations
from qdmol.analysis.emitters.values import CANNOT_TELL, HYPOTHESES, Monomer, monomer_of
from qdmol.analysis.trace import Trace
from qdmol.errors import DataError, InputError
from qdmol.estimates import Estimate
from qdmol.photons import Records
from qdmol.photons.reading import read_photons

REFERENCE = Monomer(
    ("single",), (Estimate(0.1, 0.09, 0.11),), (Estimate(20.0, 19.9, 20.1),), (Estimate(0.5, 0.45, 0.55),)
)
CASES = {
    "one_emitter": {},
    "two_independent": {"shares": (1.0, 1.0)},
    "two_interacting": {"shares": (1.0, 1.0), "annihilation": 10.0},
    "three_or_more": {"shares": (1.0, 1.0, 1.0)},
}
NUMBERS = {"one_emitter": 1, "two_independent": 2, "two_interacting": 2, "three_or_more": 3}


def count(kind, seed=1, *, photons=250_000, per_pulse=0.1, monomer=REFERENCE, **more):
    stream = emitters(np.random.default_rng([9, seed]), photons=photons, per_pulse=per_pulse, **CASES[kind], **more)
    return count_emitters(stream, monomer=monomer)


def assert_consistent(result):
    assert set(result.hypotheses) == set(HYPOTHESES)
    assert sum(result.hypotheses.values()) == pytest.approx(1.0)
    assert result.best == max(result.hypotheses, key=result.hypotheses.get)
    assert result.number_low <= result.number
    assert result.number_high is None or result.number <= result.number_high
    assert result.verdict in (result.best, CANNOT_TELL)
    assert result.statement.endswith(".")


@pytest.mark.parametrize("kind", HYPOTHESES)
def test_each_kind_of_source_is_recognised(kind):
    result = count(kind)
    assert_consistent(result)
    assert result.verdict == kind
    assert result.number_low <= NUMBERS[kind] <= result.number_high
    assert result.goodness is None or result.goodness > 1e-3
    alone = result.evidence[0]
    assert alone.name == "g2(0)"
    if kind != "three_or_more":
        assert max(alone.hypotheses.values()) < 0.95


def test_parameters_are_those_of_the_source():
    single = count("one_emitter", monomer=None)
    assert single.parameters["yield_ratio"].holds(0.1)
    assert single.parameters["biexciton_lifetime_ns"].value == pytest.approx(0.5, rel=0.25)
    pair = count("two_interacting", 2)
    assert pair.parameters["annihilation_per_ns"].value == pytest.approx(0.5, rel=0.4)
    assert pair.number_from_g2.value == pytest.approx(1.0 / (1.0 - 0.133), rel=0.05)  # g2 alone would count one


def test_few_photons_do_not_decide_and_more_would():
    result = count("two_interacting", 3, photons=10_000)
    assert_consistent(result)
    assert result.verdict == CANNOT_TELL
    assert result.photons_needed > 10_000
    assert "photons at this count rate would decide" in result.statement


def test_background_does_not_look_like_a_second_emitter():
    result = count("one_emitter", 4, background=0.2)
    assert result.verdict in ("one_emitter", CANNOT_TELL)
    assert result.hypotheses["two_independent"] < 0.01
    assert result.number_from_g2.value < 1.25


def test_an_analysis_repeats():
    first, second = (count("one_emitter", 5, photons=20_000) for _ in range(2))
    assert dict(first.hypotheses) == dict(second.hypotheses)


def copies(stream, number, generator):
    """Superpose copies of a recording, each moved in time by whole pulses on a circle."""
    single = stream.load()
    last = int(single.times[-1]) + 1
    times = np.concatenate([(single.times + generator.integers(0, last)) % last for _ in range(number)])
    order = np.argsort(times, kind="stable")
    records = Records(times[order], np.tile(single.channels, number)[order], np.tile(single.delays, number)[order])
    return in_memory(records, mode="T3", tick_ps=stream.tick_ps, sync_period_ps=stream.sync_period_ps)


@pytest.fixture(scope="module")
def single_source(data_folder):
    return read_photons(data_folder / "photons/hydraharp_t3_80mhz_hbt.ptu")


@pytest.mark.parametrize("number", [1, 3])
def test_superposed_copies_of_a_blinking_emitter_are_counted(single_source, number):
    result = count_emitters(copies(single_source, number, np.random.default_rng([8, number])))
    assert_consistent(result)
    assert result.number_low <= number <= result.number_high
    # the pairs of one pulse over those of neighbouring pulses count too few, for the emitters blink
    if number > 1:
        assert result.number_from_sides.high < 0.8 * number
        assert result.number_from_g2.value == pytest.approx(number, rel=0.25)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 3, 5, 8])
def test_the_interval_covers_the_number_of_copies(single_source, number):
    """Issue of the reviewers: without a reference, and with the emitter itself as the reference."""
    monomer = Monomer(("single",), (Estimate(0.003, 0.0001, 0.016),), bunching=(Estimate(3.72, 3.68, 3.76),))
    inside = {"without": 0, "with": 0}
    for seed in range(50):
        mixed = copies(single_source, number, np.random.default_rng([18, number, seed]))
        for name, reference in (("without", None), ("with", monomer)):
            result = count_emitters(mixed, monomer=reference)
            inside[name] += result.number_low <= number <= (result.number_high or np.inf)
    assert inside["without"] >= 45
    assert inside["with"] >= 45


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "least"), [("two_independent", 18), ("two_interacting", 18)])
def test_independent_pairs_are_told_from_annihilating_ones(kind, least):
    verdicts = [count(kind, seed, photons=1_000_000, per_pulse=0.03).verdict for seed in range(20)]
    assert verdicts.count(kind) >= least
    assert sum(verdict not in (kind, CANNOT_TELL) for verdict in verdicts) <= 1


@pytest.mark.parametrize("value", [0.1, 0.33, 0.55, 0.6])
def test_g2_alone_never_decides(value):
    result = emitters_from_g2(Estimate(value, value - 0.01, value + 0.01), monomer_g2=Estimate(0.1, 0.09, 0.11))
    assert isinstance(result, Emitters)
    assert_consistent(result)
    assert result.verdict == CANNOT_TELL
    assert result.photons_needed is None
    assert "g²(0) alone" in result.photons_needed_reason
    assert result.hypotheses["one_emitter"] > 0.005


def test_what_g2_of_06_is_worth_when_the_monomer_has_01():
    text = emitters_from_g2(Estimate(0.6, 0.57, 0.63), monomer_g2=Estimate(0.1, 0.09, 0.11)).statement
    assert "two equal independent ones give 0.55" in text
    assert "does not tell how many emitters there are" in text


def test_g2_of_a_coherent_source_has_no_upper_limit():
    result = emitters_from_g2(Estimate(0.9999, 0.98, 1.02))
    assert result.number_high is None or result.number_high > 500
    assert result.number_low >= 1


def test_impossible_g2_is_refused():
    with pytest.raises(InputError, match="g2"):
        emitters_from_g2(Estimate(-0.5, -0.6, -0.4))


def test_counts_stand_for_an_estimate():
    seen = observations_of_g2(Estimate(0.5, 0.45, 0.55))
    centre, poisson = float(seen.strata.centre.sum()), float(seen.strata.poisson.sum())
    assert centre / poisson == pytest.approx(0.5)
    assert np.sqrt(centre) / poisson == pytest.approx(0.1 / 3.92, rel=1e-6)


def test_a_poor_fit_is_no_verdict():
    certain = {"one_emitter": 0.999, "two_independent": 0.001, "two_interacting": 0.0, "three_or_more": 0.0}
    assert verdict_of(certain, 0.5) == "one_emitter"
    assert verdict_of(certain, None) == "one_emitter"
    assert verdict_of(certain, 1e-6) == CANNOT_TELL
    assert verdict_of({**certain, "one_emitter": 0.9}, 0.5) == CANNOT_TELL


def test_goodness_of_counts_is_uniform_and_sees_a_wrong_shape():
    generator = np.random.default_rng(6)
    mean = np.array([[20.0, 30.0, 50.0, 80.0, 40.0, 20.0, 12.0, 3.0]])
    values = [goodness(generator.poisson(mean).astype(float), mean, fitted=0) for _ in range(500)]
    assert 0.4 < np.mean(values) < 0.6
    assert goodness(generator.poisson(mean[:, ::-1]).astype(float), mean, fitted=2) < 1e-6
    assert goodness(np.zeros((1, 3)), np.full((1, 3), 0.5), fitted=2) is None


def test_slow_fluctuations_of_a_trace():
    generator = np.random.default_rng(7)
    steady = Trace(0.01, generator.poisson(100.0, (2000, 2)), 0.0, (0, 1), 0.01)
    slow, error = slow_fluctuations(steady, (0, 1))
    assert slow == pytest.approx(1.0, abs=0.002)
    assert error < 0.002
    on = np.repeat(generator.random(100) < 0.5, 20)
    blinking = Trace(0.01, generator.poisson(200.0 * on[:, None], (2000, 2)), 0.0, (0, 1), 0.01)
    slow, error = slow_fluctuations(blinking, (0, 1))
    assert slow == pytest.approx(2.0 - 1 / 20, abs=0.25)
    assert error == pytest.approx(np.sqrt(2.0 * 20 * 2.0 / 3.0 / 2000), rel=0.4)  # triangle of 20 bins
    assert slow_fluctuations(None, (0, 1)) == (1.0, 0.0)


def degenerate(times, channels, delays):
    records = Records(np.array(times), np.array(channels, dtype=np.uint8), np.array(delays, dtype=np.uint32))
    return in_memory(records, mode="T3", tick_ps=100.0, sync_period_ps=1e5)


@pytest.mark.parametrize(
    ("times", "channels", "delays"),
    [
        ([5], [0], [10]),
        ([5, 5], [0, 1], [10, 12]),
        (list(range(200)), [0] * 200, [10] * 200),
    ],
)
def test_recordings_that_hold_nothing_are_refused_with_a_sentence(times, channels, delays):
    with pytest.raises(DataError, match=r"\.$"):
        count_emitters(degenerate(times, channels, delays))


def test_steady_light_is_no_small_number_of_emitters():
    generator = np.random.default_rng(12)
    number = 60_000
    times = np.sort(generator.integers(0, 300_000, number))
    stream = degenerate(times, generator.integers(0, 2, number), (100 + generator.exponential(200.0, number)) % 1000)
    result = count_emitters(stream)
    assert_consistent(result)
    assert result.number_high is None or result.number_high > 50
    assert result.best in ("three_or_more", "one_emitter")


def test_a_stream_without_delays_is_refused():
    records = Records(np.arange(1000), np.tile([0, 1], 500).astype(np.uint8))
    with pytest.raises(InputError, match="T3"):
        count_emitters(in_memory(records, mode="T2", tick_ps=1.0))


def test_no_reference_without_g2():
    with pytest.raises(DataError, match="no reference"):
        monomer_of([])
