"""Short-range exchange through the whole job: dark excitons stay, bright ones lie above."""

import math

import pytest
from tests.ci.samples import hard_sphere
from tests.exact.systems import dot, molecule_spec

import qdmol
from qdmol.ci import Complex, solve_complexes
from qdmol.errors import InputError
from qdmol.structure import read_spec

CI = {"electrons": 2, "holes": 1, "coulomb": "ci", "ci_tolerance": 20}


@pytest.fixture(scope="module")
def found():
    return {
        on: qdmol.solve(molecule_spec([dot()], **CI, exchange=on), particles="X,X-").summary for on in (False, True)
    }


def test_the_constant_is_that_of_bulk_selenide():
    """π a³ ħω of 5.6 nm and 0.13 meV."""
    constant = read_spec(molecule_spec([dot()])).calculation.exchange_constant
    assert constant == pytest.approx(math.pi * 5.6**3 * 0.13, rel=1e-3)


def test_without_it_nothing_is_said(found):
    assert "bright_dark_meV" not in found[False]["coulomb"]
    assert "total_spin" not in found[False]["complexes"]["X"]["states"][0]
    assert found[False]["warnings"] == []


def test_with_it_the_dark_exciton_stays_and_the_bright_one_rises(found):
    plain, split = found[False]["complexes"], found[True]["complexes"]
    (state,), (dark, bright) = plain["X"]["states"], split["X"]["states"]
    assert (dark["total_spin"], bright["total_spin"]) == (1, 0)
    assert (dark["degeneracy"], bright["degeneracy"], state["degeneracy"]) == (3, 1, 4)
    assert dark["energy_eV"] == state["energy_eV"]
    above = found[True]["coulomb"]["bright_dark_meV"]
    assert above == split["X"]["bright_dark_meV"]
    assert bright["above_exciton_meV"] == pytest.approx(above, abs=1e-9)
    assert 1.5 < above < 4
    assert 0 < found[True]["coulomb"]["bright_dark_error_meV"] < 1
    for key in ("exciton_eV", "binding_meV"):
        assert found[True]["coulomb"][key] == found[False]["coulomb"][key]
    assert split["X-"] == plain["X-"]


def test_trions_without_it_and_pairs_of_a_mean_field_are_warned_of(found):
    assert [text for text in found[True]["warnings"] if "not included for X-" in text]
    mean = qdmol.solve(molecule_spec([dot()], electrons=1, holes=1, coulomb="self-consistent", exchange=True))
    assert [text for text in mean.warnings if "coulomb: ci" in text]


def test_the_constant_scales_it(found):
    twice = qdmol.solve(molecule_spec([dot()], **CI, exchange=True, exchange_constant=143.4)).summary["coulomb"]
    assert twice["bright_dark_meV"] == pytest.approx(2 * found[True]["coulomb"]["bright_dark_meV"], rel=1e-12)


@pytest.mark.parametrize(("key", "value"), [("exchange", "yes"), ("exchange_constant", 0), ("exchange_constant", -1)])
def test_what_is_no_exchange_is_refused(key, value):
    with pytest.raises(InputError) as refused:
        read_spec(molecule_spec([dot()], **{key: value}))
    assert refused.value.field == f"calculation.{key}"


def test_at_one_place_in_a_hard_sphere():
    """A Bohr radius far above the radius: ∫ sin⁴x / x² dx / R³ = 0.672071 / R³ of the two lowest levels."""
    solution = hard_sphere(1.0, permittivity=1e6, levels=1)
    exciton = solve_complexes(solution, [Complex(1, 1)], states=1, tolerance=1.0)[Complex(1, 1)].states[0]
    assert exciton.contact is not None
    assert exciton.contact.value == pytest.approx(0.672071, abs=3e-6)


def test_the_file_holds_both_spins(tmp_path):
    solution = qdmol.solve(molecule_spec([dot()], **CI, exchange=True), particles="X")
    energies = [state["energy_eV"] for state in solution.summary["complexes"]["X"]["states"]]
    assert solution.data["complex_1e1h_energy"].values.tolist() == energies
