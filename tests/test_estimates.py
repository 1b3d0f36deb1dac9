"""Estimates keep their errors to the last digit, convert exactly, and are written as their errors warrant."""

import dataclasses
import math
import pickle

import pytest

from qdmol.estimates import Estimate


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(2.21, 2.18, 2.24, "ns"), "2.21 ± 0.03 ns"),
        (Estimate(2.21, 2.18, 2.26, "ns"), "2.21 +0.05/−0.03 ns"),
        (Estimate(-3.2, -3.3, -3.2, "meV"), "−3.20 +0.00/−0.10 meV"),
        (Estimate(5, 6, 7), "5 (6 to 7)"),
        (Estimate.from_error(1.0, math.inf, "eV"), "1.000 eV (error unknown)"),
        (Estimate(1.0, 0.9, math.inf), "1.000 (error unknown)"),
        (Estimate.from_error(0.0, 0.0), "0.000 ± 0.000"),
        (Estimate.from_error(22.86712, 0.00342, "meV"), "22.867 ± 0.004 meV"),
    ],
)
def test_text(estimate: Estimate, text: str):
    assert repr(estimate) == text
    assert text.replace(" ", "\N{NO-BREAK SPACE}") in estimate._repr_html_().replace(" ", "\N{NO-BREAK SPACE}")


def test_an_error_is_kept_to_the_last_digit():
    """2.1 - (2.1 - 1.2345e-5) has lost five digits of the error."""
    value, error = 2.1, 1.2345e-5
    assert value - (value - error) != error
    estimate = Estimate.from_error(value, error, "eV")
    assert estimate.error == error
    assert estimate.to("meV").error == 1000 * error
    assert pickle.loads(pickle.dumps(estimate)).error == error


def test_either_side_has_its_error():
    estimate = Estimate.from_errors(1.0, 0.5, 0.25, "eV")
    assert (estimate.low, estimate.high) == (0.5, 1.25)
    assert (estimate.error, estimate.half_width) == (0.5, 0.375)
    assert estimate.holds(0.6)
    assert not estimate.holds(1.3)


def test_conversion_stays_within_a_kind():
    assert Estimate(0.5, 0.25, 0.75, "ns").to("ps") == Estimate(500.0, 250.0, 750.0, "ps")
    with pytest.raises(ValueError, match="'ns' cannot be converted to 'meV'"):
        Estimate(0.5, 0.25, 0.75, "ns").to("meV")
    with pytest.raises(ValueError, match="positive factor"):
        Estimate(0.5, 0.25, 0.75).scaled(-1.0, "")


def test_a_difference_adds_the_opposite_sides():
    low, high = Estimate.from_errors(1.0, 0.125, 0.25, "eV"), Estimate.from_errors(3.0, 0.5, 1.0, "eV")
    difference = high.minus(low)
    assert (difference.value, difference.error_below, difference.error_above) == (2.0, 0.75, 1.125)
    with pytest.raises(ValueError, match="no difference"):
        high.minus(low.to("meV"))


@pytest.mark.parametrize("numbers", [(math.nan, 0.0, 1.0), (0.0, math.nan, 1.0), (0.0, -1.0, math.nan)])
def test_nan_is_refused(numbers: tuple[float, float, float]):
    with pytest.raises(ValueError, match="a missing quantity is None"):
        Estimate(*numbers)


def test_an_empty_interval_is_refused():
    with pytest.raises(ValueError, match="is empty"):
        Estimate(0.0, 1.0, -1.0)


def test_significance_is_that_of_the_error():
    assert Estimate.from_error(0.3, 0.2).is_significant
    assert not Estimate.from_error(0.3, 0.3).is_significant


def test_small_numbers_have_a_power_of_ten_and_small_energies_do_not():
    assert repr(Estimate.from_error(8.31e-15, 0.05e-15, "cm2")) == "(8.31 ± 0.05)·10⁻¹⁵ cm2"
    assert repr(Estimate.from_error(0.0, 2e-9, "meV")) == "0.000000 ± 0.000001 meV"


def test_an_estimate_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Estimate(0.0, 0.0, 0.0).value = 1.0  # type: ignore[misc]
