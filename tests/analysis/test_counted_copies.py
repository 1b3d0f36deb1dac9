"""Counting shifted copies of a measured single emitter, which blinks within microseconds."""

import numpy as np
import pytest
from tests.analysis.sources.recordings import independent_copies

from qdmol.analysis.emitters.counting import count_emitters
from qdmol.photons import read_photons

NUMBERS = (1, 2, 3, 5, 8)


@pytest.fixture(scope="module")
def single(data_folder):
    return read_photons(data_folder / "photons/hydraharp_t3_80mhz_hbt.ptu")


def counted(single, number, seed):
    """Emitters found in so many copies."""
    return count_emitters(independent_copies(single, number, np.random.default_rng([14, number, seed])))


def contains(estimate, number):
    return estimate.low <= number <= estimate.high


def assert_side_peaks_mislead(result, number):
    """Side peaks of a source that blinks in µs are high: far too few emitters, and a narrow interval."""
    sides = result.number_from_sides
    assert sides.value < 0.75 * number
    assert not contains(sides, number)


@pytest.mark.parametrize("number", [3])
def test_copies_are_counted(single, number):
    result = counted(single, number, 0)
    assert result.number_low <= number <= result.number_high
    assert contains(result.number_from_g2, number)
    assert_side_peaks_mislead(result, number)
    assert result.verdict in ("cannot tell", "three_or_more")


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_coverage_over_random_shifts(single, number):
    """50 sets of shifts: the number in the interval of 95 % in at least 90 %, and no wrong verdict beyond 5 %."""
    results = [counted(single, number, seed) for seed in range(50)]
    inside = sum(each.number_low <= number <= (each.number_high or np.inf) for each in results)
    plain = sum(contains(each.number_from_g2, number) for each in results)
    right = {1: "one_emitter", 2: "two_independent"}.get(number, "three_or_more")
    decided = [each.verdict for each in results if each.decided]
    wrong = sum(verdict != right for verdict in decided)
    assert inside >= 45
    assert wrong <= 2
    if number > 1:  # of a single one 1 / (1 - g2) is above 1, for g2 is not 0
        assert plain >= 45
        for each in results:
            assert_side_peaks_mislead(each, number)
