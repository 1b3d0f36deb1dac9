"""Zero delay, background, gates, masks, afterglow, T2, continuous light, triples, files."""

import numpy as np
import pytest
from tests.analysis.g2.emitters import biexciton_stream, comb_histogram, dip_histogram
from tests.photons.generators import antibunched_stream, in_memory, poisson_stream, pulsed_stream

from qdmol.analysis import G2Details, gate_curve, measure_g2, measure_g3, read_pair_histogram
from qdmol.analysis.background import Background
from qdmol.errors import DataError, InputError
from qdmol.photons import Records

HAND = G2Details(zero_delay_ns=0.0)


def names(found) -> set[str]:
    return {flag.name for flag in found.flags}


def holds(found, name: str, truth: float) -> bool:
    return getattr(found, f"{name}_low") <= truth <= getattr(found, f"{name}_high")


@pytest.mark.parametrize("periods", [-3, 0, 5])
def test_the_zero_delay_is_found(periods):
    found = measure_g2(biexciton_stream(np.random.default_rng(1), brightness=0.05, zero_periods=periods))
    assert found.zero_delay_ns == pytest.approx(100.0 * periods, abs=0.5)
    assert ("zero_delay_shifted" in names(found)) == (periods != 0)
    assert holds(found, "side", 0.1)
    assert holds(found, "poisson", 0.1)
    assert holds(found, "bunching", 1.0)


def test_an_ambiguous_zero_delay_is_assumed_and_said():
    found = measure_g2(pulsed_stream(np.random.default_rng(2), period_ps=1e5, lifetimes_ns=(2.0,)))
    assert "zero_delay_assumed" in names(found)
    assert abs(found.zero_delay_ns) < 50.0
    assert found.side == pytest.approx(1.0, abs=0.1)


def test_a_correction_leaves_no_number_outside_its_interval():
    stream = biexciton_stream(np.random.default_rng(5), pulses=400_000, brightness=0.05, background=0.002)
    # far more background than there is
    many = Background(channels=(0, 1), rates_hz=(20_000.0, 20_000.0), low_hz=(0.0, 0.0), high_hz=(4e4, 4e4), source="x")
    found = measure_g2(stream, background=many, details=G2Details(zero_delay_ns=0.0, overlap=False))
    assert found.side_low <= found.side <= found.side_high
    assert found.poisson_low <= found.poisson <= found.poisson_high


def test_background_of_measured_rates_is_taken_off():
    stream = biexciton_stream(np.random.default_rng(3), pulses=2_000_000, brightness=0.05, background=0.01)
    rate = 0.005 / 100e-9
    dark = Background(
        rates_hz=np.full(2, rate), low_hz=np.full(2, 0.97 * rate), high_hz=np.full(2, 1.03 * rate),
        source="given", channels=(0, 1),
    )  # fmt: skip
    found = measure_g2(stream, background=dark, details=G2Details(zero_delay_ns=0.0, overlap=False))
    assert found.signal_fractions == pytest.approx((5 / 6, 5 / 6), abs=0.01)
    assert holds(found, "side", 0.1)
    assert holds(found, "poisson", 0.1)
    # as measured: g rho^2 + 1 - rho^2
    assert found.uncorrected.side == pytest.approx(0.1 * 25 / 36 + 11 / 36, abs=0.04)
    product = found.signal_fractions[0] * found.signal_fractions[1]
    assert found.poisson == pytest.approx((found.uncorrected.poisson - (1 - product)) / product)
    assert found.side_high - found.side_low > 1.2 * (found.uncorrected.side_high - found.uncorrected.side_low)


def test_background_as_bright_as_the_recording_is_refused():
    stream = biexciton_stream(np.random.default_rng(4), pulses=100_000)
    rates = np.full(2, 1e9)
    with pytest.raises(DataError, match="no signal"):
        measure_g2(stream, background=Background(rates, rates, rates, source="given", channels=(0, 1)))


def test_a_gate_takes_the_biexciton_away():
    stream = biexciton_stream(
        np.random.default_rng(5), pulses=4_000_000, brightness=0.1, ratio=0.4, lifetime_ns=5.0, early_ns=1.0
    )
    curve = gate_curve(stream, [0.0, 5.0], details=G2Details(zero_delay_ns=0.0, overlap=False))
    assert holds(curve[0], "side", 0.4)
    # both photons of a pair must come later than 5 ns: exp(-5) exp(-1), against exp(-2) of the sides
    single, double = 0.1 - 0.004, 0.002
    late = single * np.exp(-1.0) + double * (np.exp(-1.0) + np.exp(-5.0))
    assert holds(curve[1], "side", 2 * double * np.exp(-6.0) / late**2)
    assert curve[1].side < 0.1
    assert curve[1].gate_ns == (5.0, 100.0)


def test_a_gate_needs_delays_and_sense():
    with pytest.raises(InputError, match="gate_ns"):
        measure_g2(comb_histogram(np.random.default_rng(6), ratio=0.1, side=100), gate_ns=1.0)
    with pytest.raises(InputError, match="gate_ns"):
        measure_g2(biexciton_stream(np.random.default_rng(6), pulses=10_000), gate_ns=(5.0, 2.0))


@pytest.mark.parametrize("afterglow", ["flag", "mask", "model"])
def test_afterglow_is_found_masked_and_modelled(afterglow):
    pairs = comb_histogram(
        np.random.default_rng(7), ratio=0.05, side=3000, bin_width_ns=0.2, lifetimes_ns=(20.0,), spikes=(12.0, 400)
    )
    found = measure_g2(pairs, details=G2Details(zero_delay_ns=0.0, afterglow=afterglow))
    flag = next(flag for flag in found.flags if flag.name == "afterglow")
    assert flag.value == pytest.approx(12.0, abs=0.5)
    assert holds(found, "side", 0.05) == (afterglow != "flag")
    if afterglow == "flag":
        assert found.side > 0.08


def test_a_smooth_centre_has_no_afterglow():
    for seed in range(5):
        pairs = comb_histogram(np.random.default_rng(seed), ratio=0.5, side=3000, bin_width_ns=0.2)
        assert "afterglow" not in names(measure_g2(pairs, details=HAND))


def test_a_mask_leaves_the_ratio_as_it_is():
    stream = biexciton_stream(np.random.default_rng(8), brightness=0.1, ratio=0.3)
    found = measure_g2(stream, mask=[(1.0, 3.0)])
    assert found.centre_counts < 0.75 * measure_g2(stream).centre_counts
    assert holds(found, "side", 0.3)
    assert holds(found, "poisson", 0.3)


def test_pulsed_light_recorded_by_absolute_time():
    source = biexciton_stream(np.random.default_rng(9), brightness=0.1)
    records = source.load()
    times = records.times * 100_000 + records.delays.astype(np.int64) * 50
    order = np.argsort(times, kind="stable")
    stream = in_memory(Records(times[order], records.channels[order]), mode="T2", tick_ps=1.0, sync_period_ps=100_020.0)
    found = measure_g2(stream)
    assert found.method == "pulsed areas"
    assert found.period_ns == pytest.approx(100.0, abs=0.01)
    assert holds(found, "side", 0.1)


def test_continuous_light():
    stream = antibunched_stream(np.random.default_rng(10), duration_s=0.3, efficiency=0.5)
    found = measure_g2(stream)
    assert found.method == "continuous fit"
    assert found.side_high < 0.1
    assert found.lifetimes_ns[0] == pytest.approx(1 / (1 / 100 + 1 / 20), rel=0.1)
    assert holds(found, "bunching", 1.0)
    assert found.zero_delay_ns == pytest.approx(0.0, abs=1.0)


def test_a_dip_with_a_shoulder_off_zero():
    pairs = dip_histogram(np.random.default_rng(11), ratio=0.2, level=300, shoulder=0.8, zero_ns=37.0)
    found = measure_g2(pairs, method="continuous")
    assert found.zero_delay_ns == pytest.approx(37.0, abs=1.0)
    assert holds(found, "side", 0.2)
    assert len(found.lifetimes_ns) == 2


def test_no_pairs_and_one_detector_are_told():
    lone = in_memory(Records(np.arange(10), np.zeros(10, np.uint8)), mode="T2", tick_ps=1.0)
    with pytest.raises(DataError, match="two channels"):
        measure_g2(lone)
    far = in_memory(Records(np.array([0, 10**12]), np.array([0, 1], np.uint8)), mode="T2", tick_ps=1.0)
    with pytest.raises(DataError, match="no pair"):
        measure_g2(far)


def test_the_summary_holds_numbers_or_none():
    found = measure_g2(comb_histogram(np.random.default_rng(12), ratio=0.1, side=1000))
    assert found.as_dict()["poisson"] is None
    assert found.as_dict()["side"] == found.side


def test_triples_of_independent_light_and_of_single_photons():
    rng = np.random.default_rng(13)
    options = {"rate_hz": 3e6, "duration_s": 0.1, "period_ps": 1e5, "lifetimes_ns": (2.0,), "shares": (1.0, 1.0, 1.0)}
    steady = measure_g3(pulsed_stream(rng, **options))
    assert steady.side == pytest.approx(1.0, abs=0.12)
    assert steady.poisson == pytest.approx(1.0, abs=0.12)
    assert steady.centre_counts > 300
    single = measure_g3(pulsed_stream(rng, single=True, **options))
    assert single.centre_counts == 0
    assert single.poisson_high < 0.03
    parts = measure_g3(pulsed_stream(np.random.default_rng(14), **options), chunk=997)
    whole = measure_g3(pulsed_stream(np.random.default_rng(14), **options))
    assert (parts.centre_counts, parts.side_counts) == (whole.centre_counts, whole.side_counts)


def test_triples_that_cannot_be_are_null_with_a_reason():
    rng = np.random.default_rng(15)
    assert "three detectors" in measure_g3(pulsed_stream(rng)).reason
    assert "pulses" in measure_g3(poisson_stream(rng)).reason
    assert "too few" in measure_g3(pulsed_stream(rng, rate_hz=1e3, shares=(1.0, 1.0, 1.0))).reason


def test_histogram_files(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("lag; pairs\n-1.0; 3\n0.0; 0\n1.0; 4\n")
    found = read_pair_histogram(path, period_ns=1.0)
    assert found.counts.tolist() == [3, 0, 4]
    assert found.lag_ns.tolist() == [-1.0, 0.0, 1.0]
    for text in ("nothing", "0 1\n1 2\n5 3\n6 1", "0 1.5\n1 2\n2 3", "0 1\n1 -2\n2 3"):
        path.write_text(text)
        with pytest.raises(InputError, match="FILE"):
            read_pair_histogram(path)
    with pytest.raises(InputError, match="FILE"):
        read_pair_histogram(tmp_path / "missing.txt")
