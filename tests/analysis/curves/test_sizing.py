"""Sizes from published sizing curves: values by hand, errors carried over, ranges."""

from itertools import pairwise

import pytest

from qdmol.analysis.curves import Estimate, size_from_peak
from qdmol.errors import InputError


@pytest.mark.parametrize(
    ("material", "wavelength", "diameter"),
    [
        # the polynomials added up by hand, in whole powers
        ("CdSe", 550.0, 1.6122e-9 * 550**4 - 2.6575e-6 * 550**3 + 1.6242e-3 * 550**2 - 0.4277 * 550 + 41.57),
        ("CdS", 400.0, -6.6521e-8 * 400**3 + 1.9557e-4 * 400**2 - 9.2352e-2 * 400 + 13.29),
        ("CdTe", 600.0, 9.8127e-7 * 600**3 - 1.7147e-3 * 600**2 + 1.0064 * 600 - 194.84),
    ],
)
def test_published_polynomials(material, wavelength, diameter):
    size = size_from_peak(wavelength, material=material)
    assert size.diameter_nm.value == pytest.approx(diameter, rel=1e-12)
    assert size.diameter_nm.error == 0.0
    assert size.curve_error_nm == pytest.approx(0.05 * diameter)
    assert "cm034081k" in size.source


def test_errors_are_carried_over():
    size = size_from_peak(Estimate(550.0, 1.0, 7.0), material="CdSe").diameter_nm
    above, below = (size_from_peak(550.0 + step, material="CdSe").diameter_nm.value for step in (0.5, -0.5))
    assert size.error == pytest.approx(above - below, rel=1e-4)
    assert size.freedom == 7.0


@pytest.mark.parametrize("material", ["CdSe", "CdS", "CdTe"])
def test_diameters_rise_over_the_whole_range(material):
    low, high = size_from_peak({"CdSe": 500.0, "CdS": 400.0, "CdTe": 600.0}[material], material=material).range_nm
    steps = [low + (high - low) * k / 100 for k in range(101)]
    diameters = [size_from_peak(step, material=material).diameter_nm.value for step in steps]
    assert all(a < b for a, b in pairwise(diameters))


@pytest.mark.parametrize(
    ("wavelength", "material"), [(700.0, "CdSe"), (300.0, "CdSe"), (float("nan"), "CdS"), (500, "PbS")]
)
def test_outside_the_range_is_refused(wavelength, material):
    with pytest.raises(InputError) as caught:
        size_from_peak(wavelength, material=material)
    assert caught.value.field == ("material" if material == "PbS" else "wavelength")
