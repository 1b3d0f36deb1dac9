"""Real recordings: the numbers that are known of them."""

import numpy as np
import pytest
from tests.photons.generators import in_memory

from qdmol.analysis import G2Details, measure_g2, read_pair_histogram
from qdmol.photons import Records
from qdmol.photons.reading import read_photons
from qdmol.statistics.counts import garwood


@pytest.fixture(scope="module")
def pulsed_source(data_folder):
    return read_photons(data_folder / "photons/hydraharp_t3_80mhz_hbt.ptu")


def test_a_single_photon_source_that_blinks(pulsed_source):
    found = measure_g2(pulsed_source)
    assert found.method == "pulsed areas"
    assert found.centre_counts == 1
    assert found.side_counts == pytest.approx(352, abs=5)
    assert found.bunching == pytest.approx(3.72, abs=0.05)
    # two sync periods, and the difference of the two inputs' delays within a period
    assert round(found.zero_delay_ns / found.period_ns) == 2
    assert {"zero_delay_shifted", "bunching_decays"} == {flag.name for flag in found.flags}
    assert found.side == pytest.approx(1 / 352, rel=0.02)
    low, high = (float(end) for end in garwood(1))
    assert found.side_low == pytest.approx(low / found.side_counts, rel=0.1)
    assert found.side_high == pytest.approx(high / found.side_counts, rel=0.05)
    assert found.poisson == pytest.approx(found.side * found.bunching)
    assert found.poisson_low < found.poisson < found.poisson_high < 0.07


@pytest.mark.parametrize(("number", "side"), [(2, 0.217), (3, 0.349), (5, 0.495), (8, 0.649)])
def test_emitters_are_counted_from_the_poisson_level(pulsed_source, number, side):
    """Copies of one blinking emitter, shifted in time: the side peaks hide half of them, steady light does not."""
    one = pulsed_source.load()
    last = int(one.times[-1]) + 1
    times = np.concatenate([(one.times + k * 1_000_003) % last for k in range(number)])
    order = np.argsort(times, kind="stable")
    records = Records(times[order], np.tile(one.channels, number)[order], np.tile(one.delays, number)[order])
    mixed = in_memory(records, mode="T3", tick_ps=pulsed_source.tick_ps, sync_period_ps=pulsed_source.sync_period_ps)
    found = measure_g2(mixed)
    assert found.side == pytest.approx(side, abs=0.05)
    assert found.side < 1 - 1 / number - 0.1
    assert found.poisson == pytest.approx(1 - 1 / number, abs=0.06)
    assert found.poisson_low < 1 - 1 / number < found.poisson_high
    assert round(found.zero_delay_ns / found.period_ns) == 2


def test_overlapping_decays_are_fitted_not_boxed(data_folder):
    pairs = read_pair_histogram(data_folder / "photons/perovskite_dot_segments/g2.txt")
    assert len(pairs.counts) == 2550
    assert pairs.bin_width_ns == pytest.approx(0.1646, abs=1e-4)
    found = measure_g2(pairs)
    assert found.method == "pulsed fit"
    assert found.side == pytest.approx(0.13, abs=0.01)
    assert 0.09 < found.side_low < found.side < found.side_high < 0.17
    assert max(found.lifetimes_ns) == pytest.approx(28, abs=2)
    assert found.period_ns == pytest.approx(100, abs=0.5)
    assert np.isnan(found.poisson)
    boxed = measure_g2(pairs, details=G2Details(overlap=False))
    assert boxed.side == pytest.approx(0.28, abs=0.01)
