"""Published sizing data: formulas at single sizes, ranges, and agreement of independent curves."""

import numpy as np
import pytest

from qdmol.errors import InputError
from qdmol.spectroscopy import SIZED_MATERIALS, published_sizes, size_from_peak, sizing_range
from qdmol.units import HC_EV_NM

MATERIALS = ("CdS", "CdSe", "CdTe", "InP", "PbSe", "ZnSe")


@pytest.mark.parametrize("material", MATERIALS)
def test_every_relation_is_in_order_and_says_where_it_is_from(material):
    for sizes in published_sizes(material):
        assert sizes.material == material
        assert sizes.diameter_nm.shape == sizes.energy_ev.shape
        assert np.all(np.diff(sizes.diameter_nm) > 0)
        assert np.all(np.diff(sizes.energy_ev) < 0)  # a smaller dot has the larger gap
        assert 0.5 < sizes.diameter_nm[0] < sizes.diameter_nm[-1] < 13
        assert "not accessible" in sizes.note
        assert "doi:" in sizes.source or material == "CdSe"


@pytest.mark.parametrize("material", SIZED_MATERIALS)
def test_the_polynomials_are_those_of_size_from_peak(material):
    sizes = published_sizes(material)[0]
    wavelengths = HC_EV_NM / sizes.energy_ev
    assert (wavelengths[0], wavelengths[-1]) == pytest.approx(sizing_range(material))
    middle = len(wavelengths) // 2
    found = size_from_peak(wavelengths[middle], material=material)
    assert found.diameter_nm.value == pytest.approx(sizes.diameter_nm[middle])


def test_two_curves_of_cdse_agree():
    """Yu et al. (2003) and Jasieniak et al. (2009), independent samples."""
    first, second = published_sizes("CdSe")
    energies = np.interp([3, 4, 5, 6], first.diameter_nm, first.energy_ev)
    assert np.interp([3, 4, 5, 6], second.diameter_nm, second.energy_ev) == pytest.approx(energies, abs=0.05)


def test_numbers_by_hand():
    (lead,) = published_sizes("PbSe")
    assert np.interp(5.0, lead.diameter_nm, lead.energy_ev) == pytest.approx(0.278 + 1 / 1.895, abs=1e-3)
    (indium,) = published_sizes("InP")
    # its sample of 3.136 nm edge length peaks at 580 nm, 2.138 eV; a sphere of equal volume has 0.6083 of the edge
    assert np.interp(0.6083 * 3.136, indium.diameter_nm, indium.energy_ev) == pytest.approx(2.138, abs=0.08)
    assert (0.6083 * 2) ** 3 * np.pi / 6 == pytest.approx(2**3 / (6 * np.sqrt(2)), rel=1e-3)
    (zinc,) = published_sizes("ZnSe")
    assert zinc.measured
    assert zinc.energy_ev[0] == pytest.approx(3.435, abs=1e-3)


def test_another_material_is_refused():
    with pytest.raises(InputError) as caught:
        published_sizes("ZnS")
    assert caught.value.allowed == "one of CdS, CdSe, CdTe, InP, PbSe, ZnSe"
