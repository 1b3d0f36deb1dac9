"""Targets: values with units and errors, and how they are read from a solution."""

import pytest

from qdmol.design import parse_target
from qdmol.errors import InputError
from qdmol.units import HC_EV_NM

SUMMARY = {
    "gap_eV": 2.0,
    "gap_error_meV": 1.0,
    "monomer_gap_eV": 2.1,
    "splitting_meV": 20.0,
    "splitting_error_meV": 0.5,
    "redshift_meV": None,
    "redshift_error_meV": None,
    "electron": {"energy_eV": [0.1, 0.2], "error_meV": [0.3, 0.4]},
    "coulomb": {"binding_meV": 80.0, "binding_error_meV": 0.2, "exciton_eV": 0.3, "exciton_error_meV": 0.1},
    "elapsed_s": 1.0,
}


@pytest.mark.parametrize(
    ("name", "given", "key", "value", "error", "unit"),
    [
        ("peak", "605nm", "gap_eV", 605.0, 0.0, "nm"),
        ("peak", "605 ± 2 nm", "gap_eV", 605.0, 2.0, "nm"),
        ("peak", "605nm+-2nm", "gap_eV", 605.0, 2.0, "nm"),
        ("peak", "605nm±2", "gap_eV", 605.0, 2.0, "nm"),
        ("peak", 605, "gap_eV", 605.0, 0.0, "nm"),
        ("peak", "2.05eV", "gap_eV", 2.05, 0.0, "eV"),
        ("peak", "2050meV±10meV", "gap_eV", 2.05, 0.01, "eV"),
        ("gap", (2.05, 0.01), "gap_eV", 2.05, 0.01, "eV"),
        ("splitting", "0.02 eV", "splitting_meV", 20.0, 0.0, "meV"),
        ("lifetime", "25000ps", "radiative_lifetime_ns", 25.0, 0.0, "ns"),
        ("emission", "610nm", "emission_peak_nm", 610.0, 0.0, "nm"),
        ("emission", "2.03eV", "emission_peak_eV", 2.03, 0.0, "eV"),
        ("absorption", "600nm", "absorption_peak_eV", 600.0, 0.0, "nm"),
        ("coulomb.binding_meV", "75", "coulomb.binding_meV", 75.0, 0.0, "meV"),
        ("electron.energy_eV[1]", "210meV", "electron.energy_eV[1]", 0.21, 0.0, "eV"),
        ("radiative_lifetime", "25ns", "radiative_lifetime_ns", 25.0, 0.0, "ns"),
        ("detuning", "-3 meV", "detuning_meV", -3.0, 0.0, "meV"),
    ],
)
def test_a_target_is_read(name, given, key, value, error, unit):
    target = parse_target(name, given)
    assert (target.key, target.unit) == (key, unit)
    assert target.value == pytest.approx(value, rel=1e-12)
    assert target.error == pytest.approx(error, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("peak", "605"[:0]),
        ("peak", "red"),
        ("peak", "605 K"),
        ("peak", "-605nm"),
        ("peak", "605nm±5meV"),
        ("peak", (605, -1)),
        ("splitting", "605nm"),
        ("lifetime", "25meV"),
        ("elapsed_s", "1"),
        ("colour", "605nm"),
        ("peak", True),
    ],
)
def test_an_invalid_target_is_refused(name, given):
    with pytest.raises(InputError):
        parse_target(name, given)


def test_values_and_errors_come_in_the_unit_of_the_target():
    read = {
        given: parse_target(*given).read(SUMMARY, tolerance=0.1)
        for given in [
            ("peak", "600nm"),
            ("gap", "2eV"),
            ("splitting", "20meV"),
            ("coulomb.binding_meV", "1"),
            ("electron.energy_eV[1]", "1"),
            ("monomer_gap_eV", "1"),
        ]
    }
    values = list(read.values())
    assert values[0] == pytest.approx((HC_EV_NM / 2, HC_EV_NM / 4 * 1e-3))
    assert values[1:] == [
        pytest.approx((2.0, 1e-3)),
        pytest.approx((20.0, 0.5)),
        pytest.approx((80.0, 0.2)),
        pytest.approx((0.2, 4e-4)),
        pytest.approx((2.1, 1e-4)),  # an energy without an error of its own is within the tolerance
    ]


def test_a_null_has_no_value_and_an_unknown_key_is_an_error():
    assert parse_target("redshift", "1meV").read(SUMMARY, tolerance=0.1) is None
    with pytest.raises(KeyError):
        parse_target("coulomb.distance_nm", "1nm").read(SUMMARY, tolerance=0.1)
    with pytest.raises(KeyError):
        parse_target("electron.energy_eV[7]", "1eV").read(SUMMARY, tolerance=0.1)
