"""Few bound levels, whole ±m pairs, molecules in which a dot alone binds nothing, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.calibration.few_bound import calibrate
from tests.exact.radial import Sphere, lowest_levels
from tests.exact.systems import dimer_spec, dot, molecule_spec, sphere_spec

import qdmol
from qdmol.errors import InputError, SolverError
from qdmol.structure import read_spec, update_spec

CASES = Path(__file__).parent / "cases"


def _spec(name, **calculation):
    spec = read_spec(CASES / f"{name}.json")
    for key, value in calculation.items():
        spec = update_spec(spec, f"calculation.{key}", value)
    return spec


@pytest.mark.parametrize(
    ("name", "electron", "hole"),
    [
        ("bare-core-default-set", 2.129201, None),
        ("bare-core-fewer-bound-than-asked", 0.528804, None),
        ("levels-did-not-settle", 2.587679, 0.907936),
    ],
)
def test_the_bound_levels_of_a_bare_core_are_found_whatever_is_asked_for(name, electron, hole):
    summary = qdmol.solve(_spec(name)).summary
    for carrier, value in (("electron", electron), ("hole", hole)):
        if value is not None:
            stated = summary[carrier]["error_meV"][0] / 1000 + 5e-7  # the value has six digits
            assert abs(summary[carrier]["energy_eV"][0] - value) <= stated
    assert len(summary["electron"]["energy_eV"]) == 1
    assert any("Only 1 of the" in warning for warning in summary["warnings"])
    assert summary["coulomb"]["exciton_eV"] is not None


@pytest.mark.parametrize("radius", [0.87, 0.9])
def test_a_level_bound_by_a_few_millielectronvolts(radius):
    sphere = Sphere((radius,), (0.13,), (0.0,), 1.0, 0.13)
    ((exact, _),) = lowest_levels(sphere, 3)
    levels = qdmol.solve(sphere_spec(sphere, electrons=3)).summary["electron"]
    assert len(levels["energy_eV"]) == 1
    assert abs(levels["energy_eV"][0] - exact) <= levels["error_meV"][0] / 1000


@pytest.mark.parametrize("count", [5, 6, 7, 8])
def test_no_pair_of_m_is_cut_in_a_weakly_coupled_dimer(count):
    levels = qdmol.solve(_spec("m-pair-cut", electrons=count)).summary["electron"]
    assert len(levels["m"]) == count + count % 2
    assert sorted(m for m in levels["m"] if m < 0) == sorted(-m for m in levels["m"] if m > 0)
    pairs = zip(levels["m"], levels["parity"], levels["energy_eV"], strict=True)
    listed = {(m, parity, energy) for m, parity, energy in pairs}
    assert all((-m, parity, energy) in listed for m, parity, energy in listed)


@pytest.mark.parametrize("field", [0.0, 5.0])
@pytest.mark.parametrize("count", [7, 8])
def test_no_pair_of_m_is_cut_in_a_chain(count, field):
    spec = molecule_spec([dot(), dot(), dot()], neck={"linker": 1.0}, electrons=count, holes=0, field=field)
    m = qdmol.solve(spec).summary["electron"]["m"]
    assert len(m) in {count, count + 1}
    assert m.count(-1) == m.count(1) > 0


@pytest.mark.parametrize("coulomb", ["none", "self-consistent"])
def test_a_dot_that_binds_nothing_alone_has_no_monomer(coulomb):
    summary = qdmol.solve(_spec("monomer-unbound-refuses-molecule", coulomb=coulomb)).summary
    assert summary["converged"]
    stated = summary["electron"]["error_meV"][0] / 1000 + 5e-6
    assert abs(summary["electron"]["energy_eV"][0] - 0.42968) <= stated
    assert summary["redshift_meV"] is None
    assert summary["redshift_single_particle_meV"] is None
    assert [gap is None for gap in summary["monomer_gaps_eV"]] == [False, True]
    assert any(text.startswith("Dot 1 (CdSe 0.70 nm) alone binds no electron level") for text in summary["warnings"])


def test_a_refusal_names_the_field_where_the_field_unbinds():
    spec = molecule_spec(
        [dot(2.0, 0)],
        overrides={"medium": {"electron_barrier": 0.6, "electron_mass": 0.13}},
        holes=0,
        electrons=1,
        field=3000.0,
    )
    with pytest.raises(InputError) as caught:
        qdmol.solve(spec)
    assert caught.value.field == "environment.field"
    assert caught.value.value == [0, 0, 3000.0]


def test_too_many_levels_of_too_fine_a_molecule_are_refused_in_words():
    layers = [{"material": ("CdS", "CdSe")[k % 2], "thickness": 0.05} for k in range(6)]
    dots = [{"core": {"material": "CdSe", "radius": 14}, "shells": layers}, dot(9.0, 0.05)]
    spec = molecule_spec(dots, neck={"linker": 0.1}, electrons=200, holes=2)
    with pytest.raises(SolverError, match=r"needs \d+ finite elements or more, and at most \d+ are allowed"):
        qdmol.solve(spec)


@pytest.mark.parametrize("mass", [100, 0.001])
def test_extreme_masses(mass):
    found = qdmol.solve(dimer_spec(overrides={"CdS": {"electron_mass": mass}}, holes=0))
    assert found.converged
    assert np.all(np.diff(found.summary["electron"]["energy_eV"]) >= -1e-6)


@pytest.mark.slow
def test_stated_errors_with_few_bound_levels():
    *_, total = calibrate(100, seed=7)
    assert total.systems == 100
    assert total.missed == total.invented == 0
    assert np.mean(np.array(total.ratios) > 1) < 0.01
    assert np.median(1 / np.array(total.ratios)) < 20
