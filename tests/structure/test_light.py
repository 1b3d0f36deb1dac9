"""What light needs of the sets and the overrides: optional, resolved, and of no level."""

import pytest
from tests.materials.test_sets import small_set, write
from tests.structure.samples import REMOVED, changed, dimer, monomer

from qdmol.structure import Light, read_spec, resolve

DOT = {"core": {"material": "A", "radius": 2}, "shells": [{"material": "B", "thickness": 1}]}
LIGHT = {
    "materials.A.kane_energy": {"value": 20, "unit": "eV", "temperature": 300, "source": "us"},
    "materials.A.optical_permittivity": {"value": 6, "unit": "1", "temperature": 300, "source": "us"},
    "materials.A.bulk_absorption_300nm": {"value": 50, "unit": "1/um", "temperature": 300, "source": "us"},
    "materials.A.homogeneous_width": {"value": 0.05, "unit": "eV", "temperature": 293, "source": "us"},
    "materials.A.phonon_energy": {"value": 12, "unit": "meV", "temperature": None, "source": "us"},
    "materials.medium.optical_permittivity": {"value": 2.2, "unit": "1", "temperature": 300, "source": "us"},
}


def own(tmp_path, *changes, overrides=None):
    """The molecule of a dot whose set is our own, with quantities of light."""
    path = write(tmp_path, changed(small_set(), *LIGHT.items(), *changes))
    data = changed(monomer(), ("materials", str(path)), ("molecule.dots", [DOT]), ("overrides", overrides or {}))
    return resolve(read_spec(data))


def test_a_set_without_them_stays_valid(tmp_path):
    molecule = own(tmp_path, *((path, REMOVED) for path in LIGHT))
    assert molecule.light is None
    for region in molecule.parameters.values():
        assert (region.kane_energy, region.optical_permittivity, region.bulk_absorption) == (None, None, None)


def test_values_of_the_set(tmp_path):
    molecule = own(tmp_path)
    inner, outer, medium = (molecule.parameters[name] for name in ("A", "B", "medium"))
    assert (inner.kane_energy, inner.optical_permittivity) == (20, 6)
    assert inner.bulk_absorption == pytest.approx(5e5)
    assert (outer.kane_energy, outer.optical_permittivity, outer.bulk_absorption) == (None, None, None)
    assert (medium.kane_energy, medium.optical_permittivity) == (None, 2.2)
    assert molecule.light == Light(0.05, 293, 0.012, None, 0)
    assert molecule.mirrored().light == molecule.monomer(0).light == molecule.light


@pytest.mark.parametrize("key", ["homogeneous_width", "phonon_energy"])
def test_half_a_line_is_none(tmp_path, key):
    assert own(tmp_path, (f"materials.A.{key}", REMOVED)).light is None
    given = own(tmp_path, (f"materials.A.{key}", REMOVED), overrides={"A": {key: 40}}).light
    assert getattr(given, key) == 0.04


def test_overrides_replace_them_and_a_width_is_then_at_300_kelvin(tmp_path):
    inner = {"kane_energy": "17500 meV", "optical_permittivity": 7, "bulk_absorption_300nm": "20 1/um"}
    inner |= {"homogeneous_width": "0.08 eV", "hole_axial_share": 0.5, "hole_axis_angle": "90 degrees"}
    molecule = own(tmp_path, overrides={"A": inner, "B": {"kane_energy": 21}, "medium": {"optical_permittivity": 1.9}})
    region = molecule.parameters["A"]
    assert (region.kane_energy, region.optical_permittivity, region.bulk_absorption) == (17.5, 7, 2e5)
    assert molecule.parameters["B"].kane_energy == 21
    assert molecule.parameters["medium"].optical_permittivity == 1.9
    assert molecule.light == Light(0.08, 300, 0.012, 0.5, 90)


def test_a_heavy_holes_share_of_zero_is_a_share(tmp_path):
    assert own(tmp_path, overrides={"A": {"hole_axial_share": 0}}).light.axial_share == 0


def test_shipped_cadmium_sets_have_all_that_a_spectrum_needs():
    for name in ("single-band", "deep-offset", "in-toluene", "real-permittivities"):
        molecule = resolve(read_spec(changed(dimer(), ("materials", f"cdse-cds-{name}"), ("overrides", {}))))
        assert molecule.light is not None
        assert molecule.light.axial_share is None
        for material, region in molecule.parameters.items():
            assert region.optical_permittivity > 1
            if material != "medium":
                assert 15 < region.kane_energy < 25
                assert 1e5 < region.bulk_absorption < 1e6
