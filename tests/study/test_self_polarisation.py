"""Gaps and shifts where permittivities differ, through the whole job."""

import math

import numpy as np
import pytest
import scipy.linalg
from tests.exact.systems import dot, molecule_spec

from qdmol.errors import InputError
from qdmol.potentials.polarisation import sphere_potential
from qdmol.structure import read_spec, resolve, spec_schema, update_spec
from qdmol.study import solve
from qdmol.study.axes import parse_axis
from qdmol.units import COULOMB_EV_NM, HBAR2_OVER_2M0

REAL = {"CdSe": {"permittivity": 9.2}, "CdS": {"permittivity": 8.9}, "medium": {"permittivity": 2.38}}
PAIR = {"electrons": 2, "holes": 1, "coulomb": "self-consistent"}
ON = {**PAIR, "self_polarisation": True}


def _solved(*dots, overrides=REAL, **settings):
    return solve(molecule_spec(dots, overrides=overrides, **settings)).summary


@pytest.fixture(scope="module")
def merged():
    return _solved(dot(), dot(), spacing=5.2, **ON)


@pytest.fixture(scope="module")
def linked():
    return _solved(dot(), dot(), neck={"linker": 0.3}, **ON)


def test_a_level_behind_a_hard_wall_against_a_sine_basis():
    """One sphere, one material: u'' on (0, R) with the series as a potential."""
    radius, inside, outside, width = 2.0, 9.5, 2.0, 0.2
    overrides = {
        "CdSe": {"electron_mass": 0.13, "permittivity": inside},
        "medium": {"electron_barrier": "hard", "permittivity": outside},
    }
    settings = {"electrons": 1, "holes": 0, "self_polarisation": True, "interface_width": width, "tolerance": 0.01}
    found = _solved(dot(radius, 0), overrides=overrides, **settings)["electron"]
    x, w = np.polynomial.legendre.leggauss(300)
    r, w = radius * (x + 1) / 2, radius * w / 2
    basis = math.sqrt(2 / radius) * np.sin(math.pi * np.arange(1, 40)[:, None] * r / radius)
    contrast = (inside - outside) / (inside + outside)
    own = COULOMB_EV_NM / (2 * inside) * sphere_potential(r, [radius], [contrast], softness=width / 2)
    kinetic = HBAR2_OVER_2M0 / 0.13 * (math.pi * np.arange(1, 40) / radius) ** 2
    expected = scipy.linalg.eigvalsh(np.diag(kinetic) + (basis * own * w) @ basis.T)[0]
    bare = HBAR2_OVER_2M0 / 0.13 * (math.pi / radius) ** 2
    assert expected - bare > 0.15  # what is tested is large
    assert abs(found["energy_eV"][0] - expected) < found["error_meV"][0] / 1000 < 1e-5


def test_contrast_with_self_polarisation_gives_gap_and_shift(merged):
    assert merged["converged"]
    assert merged["gap_eV"] == pytest.approx(1.75 + merged["coulomb"]["exciton_eV"], abs=1e-12)
    assert merged["redshift_meV"] == pytest.approx(1000 * (merged["monomer_gap_eV"] - merged["gap_eV"]), abs=1e-9)
    # To the red; without self-polarisation it was 12 meV to the blue.
    assert merged["redshift_meV"] == pytest.approx(3.9, abs=0.3)
    assert merged["redshift_error_meV"] < 0.1
    assert not [text for text in merged["warnings"] if "self-polarisation" in text]


def test_contrast_without_it_gives_none():
    found = _solved(dot(), dot(), spacing=5.2, **PAIR)
    assert (found["gap_eV"], found["redshift_meV"]) == (None, None)
    assert [text for text in found["warnings"] if "self_polarisation" in text]
    shift = 1000 * (_solved(dot(), **PAIR)["coulomb"]["exciton_eV"] - found["coulomb"]["exciton_eV"])
    assert shift == pytest.approx(-11.8, abs=1.5)


def test_linked_dots_shift_no_more_than_their_surroundings_do(linked):
    """Each carrier is stabilised by the other dot's polarisability by meV; a neutral pair hardly is."""
    assert linked["splitting_meV"] < 0.1
    assert linked["redshift_single_particle_meV"] > 5
    assert 0 < linked["redshift_meV"] < 0.5
    # Fluctuating dipole of the pair beside a polarisable sphere, e²(<r_e²> + <r_h²>) α (local field)² / D⁶: 0.1 meV.
    polarisable = 3.5**3 * (8.9 - 2.38) / (8.9 + 2 * 2.38)
    local = 3 * 2.38 / (8.9 + 2 * 2.38)
    dipole = 1000 * COULOMB_EV_NM * 6.0 * polarisable * local**2 / (2.38 * 7.3**6)
    assert 0.5 * dipole < linked["redshift_meV"] < 6 * dipole


def test_the_edge_that_is_drawn_contains_it():
    found = solve(molecule_spec([dot()], overrides=REAL, **{**ON, "coulomb": "none"}))
    z, edge = found.data["z"].values, found.data["electron_edge"].values
    here = np.abs(z - 0.7).argmin()
    contrasts = [(9.2 - 8.9) / (9.2 + 8.9), (8.9 - 2.38) / (8.9 + 2.38)]
    own = COULOMB_EV_NM / (2 * 9.2) * sphere_potential(np.abs(z[here : here + 1]), [1.4, 3.5], contrasts, softness=0.15)
    assert edge[here] == pytest.approx(own[0], abs=1e-9)
    assert edge[here] > 0.06


def test_equal_permittivities_change_nothing():
    same = {name: {"permittivity": 10} for name in REAL}
    pair = [
        _solved(dot(), overrides=same, electrons=1, holes=1, coulomb="none", self_polarisation=on)
        for on in (False, True)
    ]
    assert pair[0]["electron"] == pair[1]["electron"]
    assert pair[0]["gap_eV"] == pair[1]["gap_eV"]


def test_the_keys():
    spec = read_spec("@homodimer")
    assert resolve(spec).interface_width is None
    on = update_spec(spec, "calculation.self_polarisation", True)
    assert resolve(on).interface_width == 0.3
    wide = update_spec(on, "calculation.interface_width", "5 angstrom")
    assert resolve(wide).interface_width == pytest.approx(0.5)
    assert resolve(wide).monomer(0).interface_width == pytest.approx(0.5)
    for path, value in (("self_polarisation", "yes"), ("interface_width", 0.0), ("interface_width", "1 eV")):
        with pytest.raises(InputError, match=path):
            update_spec(spec, f"calculation.{path}", value)
    schema = spec_schema()["$defs"]["Calculation"]["properties"]
    assert schema["self_polarisation"]["default"] is False
    assert schema["interface_width"]["x-unit"] == "nm"


def test_the_shipped_set_differs_in_permittivity_only():
    data = {"qdmol": 1, "molecule": {"dots": [dot()]}}
    uniform, real = (
        resolve(read_spec({**data, "materials": name})).parameters
        for name in ("cdse-cds-single-band", "cdse-cds-real-permittivities")
    )
    assert {p.permittivity for p in uniform.values()} == {10.0}
    assert [real[name].permittivity for name in ("CdSe", "CdS", "medium")] == [9.2, 8.9, 2.38]
    for name in real:
        for key in ("electron_mass", "hole_mass", "electron_edge", "hole_edge"):
            assert getattr(real[name], key) == getattr(uniform[name], key)


def test_ligands_as_a_shell_are_as_good_as_a_medium_of_their_permittivity():
    shells = [{"material": "CdS", "thickness": 2.1}, {"material": "ligand", "thickness": 1.2}]
    calculation = {"electrons": 1, "holes": 1, "coulomb": "none", "self_polarisation": True}
    data = {"qdmol": 1, "materials": "cdse-cds-real-permittivities", "calculation": calculation}
    covered = {**data, "molecule": {"dots": [{**dot(), "shells": shells}]}}
    same = solve({**covered, "overrides": {"ligand": {"permittivity": 2.38}}}).summary["electron"]
    bare = solve({**data, "molecule": {"dots": [dot()]}}).summary["electron"]
    errors = (same["error_meV"][0] + bare["error_meV"][0]) / 1000
    assert abs(same["energy_eV"][0] - bare["energy_eV"][0]) < errors < 1e-4
    # Beyond a ligand shell, the rest of space is the charge's e²/2 (1/ε' - 1/ε) / R away.
    thin = solve(covered).summary["electron"]
    rest = COULOMB_EV_NM / 2 * (1 / 2.38 - 1 / 2.37) / 4.7
    assert thin["energy_eV"][0] - bare["energy_eV"][0] == pytest.approx(
        rest + COULOMB_EV_NM / 2 * (1 / 2.37 - 1 / 2.38) / 3.5, abs=3e-5
    )


def test_the_width_of_an_interface_is_an_axis_of_a_map():
    axis = parse_axis("calculation.interface_width=0.2nm,0.3", read_spec("@homodimer"))
    assert (axis.unit, axis.values) == ("nm", (0.2, 0.3))
