"""Sizes from published sizing curves: values by hand, errors carried over, ranges."""

from itertools import pairwise

import numpy as np
import pytest

from qdmol.errors import InputError
from qdmol.spectroscopy import Curve, Measurement, size_from_peak
from qdmol.spectroscopy.summary import curve_rows
from qdmol.spectroscopy.surveying import survey_curves
from qdmol.spectroscopy.values import HC_EV_NM


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
    size = size_from_peak(Measurement(550.0, 1.0, 7.0), material="CdSe").diameter_nm
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


def test_a_series_has_one_definition_of_size():
    """A peak that moves to the red while its background grows: first a maximum, then a shoulder; sizes only rise."""
    wavelength = np.arange(400.0, 620.0)
    energy = HC_EV_NM / wavelength
    curves = []
    for number, (peak, slope) in enumerate([(484, 1.0), (487, 2.0), (490, 3.0), (493, 3.5), (496, 1.0)]):
        centre = HC_EV_NM / peak
        values = np.exp(-4 * np.log(2) * ((energy - centre) / 0.13) ** 2)
        values = values + slope * np.logaddexp(0, (energy - centre - 0.02) / 0.05) * 0.05 / 0.13
        noise = 1e-3 * np.random.default_rng(number).normal(size=len(values))
        curves.append(Curve(wavelength, values + noise, "absorption"))
    surveyed = survey_curves(curves, material="CdSe")
    assert {one.fit.kind for one in surveyed} == {"maximum", "shoulder"}
    sizes = [one.size.diameter_nm.value for one in surveyed]
    assert all(a < b for a, b in pairwise(sizes))
    for one in surveyed:
        expected = size_from_peak(one.fit.peak_eV.as_wavelength(), material="CdSe").diameter_nm
        assert one.size.diameter_nm == expected
        if one.fit.kind == "maximum":
            assert one.size_from_maximum.diameter_nm.value < one.size.diameter_nm.value
        else:
            assert one.size_from_maximum is None
    header, rows = curve_rows(surveyed)
    assert header[-2:] == ("diameter (nm)", "from maximum (nm)")
    assert [row[-1] == "n/a" for row in rows] == [one.fit.kind == "shoulder" for one in surveyed]
