"""The contract's dimer: the numbers it names, each within its stated error and against independent solves."""

from dataclasses import replace

import numpy as np
import pytest
from tests.exact.systems import dimer_spec, dot, molecule_spec

import qdmol
from qdmol.structure import read_spec, update_spec
from qdmol.study.evaluation import is_converged, notes
from qdmol.study.job import run_job

PAIR = {"electrons": 4, "holes": 2, "coulomb": "self-consistent"}


@pytest.fixture(scope="module")
def dimer(solve_once):
    return solve_once(dimer_spec(**PAIR))


@pytest.fixture(scope="module")
def linked(solve_once):
    return solve_once(molecule_spec([dot(), dot()], neck={"linker": 0.3}, **PAIR))


@pytest.mark.parametrize(
    ("key", "value", "within"),
    [
        ("splitting_meV", 22.867, 0.03),
        ("redshift_meV", 3.25, 0.1),
        ("redshift_single_particle_meV", 13.71, 0.05),
        ("coulomb.spacing_meV", 61.63, 0.05),
        ("coulomb.exciton_eV", 0.3307, 0.0002),
        ("coulomb.binding_meV", 77.65, 0.2),
    ],
)
def test_the_fused_dimer_has_the_known_numbers(dimer, key, value, within):
    part = dimer.summary
    for name in key.split("."):
        part = part[name]
    assert part == pytest.approx(value, abs=within)
    assert dimer.converged


def test_the_hole_pair_is_split_by_sixteen_micro_electronvolts(dimer):
    low, high = dimer.summary["hole"]["energy_eV"]
    assert 1e6 * (high - low) == pytest.approx(16.5, abs=0.3)
    assert dimer.summary["hole"]["parity"] == ["+", "-"]


def test_levels_without_coulomb(dimer):
    assert dimer.summary["electron"]["energy_eV"][:2] == pytest.approx([0.177670, 0.200537], abs=1e-5)
    assert dimer.summary["electron"]["m"] == [0, 0, 0, -1, 1]
    assert dimer.summary["electron"]["parity"] == ["+", "-", "+", "+", "+"]


def test_linked_dots_are_uncoupled(linked):
    assert linked.summary["splitting_meV"] == pytest.approx(0.018, abs=0.001)
    assert abs(linked.summary["redshift_meV"]) < 0.05
    assert linked.summary["redshift_single_particle_meV"] == pytest.approx(0.010, abs=0.004)


def test_the_pair_sits_in_either_dot_with_one_energy(dimer):
    coulomb = dimer.summary["coulomb"]
    assert coulomb["hole_dot"] == 0
    assert [state["hole_dot"] for state in coulomb["other_states"]] == [1]
    assert coulomb["other_states"][0]["exciton_eV"] == coulomb["exciton_eV"]


def test_identities_between_the_numbers(dimer):
    found = dimer.summary
    pair = found["coulomb"]
    bare = found["electron"]["energy_eV"][0] + found["hole"]["energy_eV"][0]
    assert pair["binding_meV"] == pytest.approx(1000 * (bare - pair["exciton_eV"]), abs=1e-9)
    assert found["gap_eV"] == pytest.approx(1.75 + pair["exciton_eV"], abs=1e-12)
    assert found["redshift_meV"] == pytest.approx(1000 * (found["monomer_gap_eV"] - found["gap_eV"]), abs=1e-9)
    low, high = pair["electron_energy_eV"][:2]
    assert pair["spacing_meV"] == pytest.approx(1000 * (high - low), abs=1e-9)
    low, high = found["electron"]["energy_eV"][:2]
    assert found["splitting_meV"] == pytest.approx(1000 * (high - low), abs=1e-9)


def test_the_exciton_is_a_variational_energy(dimer):
    """X = <Te> + <Th> + attraction, and each carrier's level in the other's field is its own part of it."""
    pair = dimer.job.solution.pairs[0].pair
    assert pair.exciton == pytest.approx(pair.electron.bare_energy + pair.hole.bare_energy + pair.attraction, abs=1e-12)
    for state in (pair.electron, pair.hole):
        assert state.level == pytest.approx(state.bare_energy + pair.attraction, abs=1e-8)
    assert dimer.summary["coulomb"]["electron_energy_eV"][0] == pytest.approx(pair.electron.level, abs=1e-7)
    assert 1000 * pair.attraction == pytest.approx(-87.64, abs=0.02)


def test_unlike_dots_have_a_pair_in_each():
    found = qdmol.solve(molecule_spec([dot(1.2), dot(1.4)], spacing=5.2, **PAIR)).summary["coulomb"]
    assert found["hole_dot"] == 1
    assert found["exciton_eV"] == pytest.approx(0.3315, abs=1e-4)
    assert [state["hole_dot"] for state in found["other_states"]] == [0]
    assert found["other_states"][0]["exciton_eV"] == pytest.approx(0.3971, abs=1e-4)


def _energies(summary):
    """Every number with a stated error, in meV, as two dictionaries."""
    values, errors = {}, {}
    for carrier in ("electron", "hole"):
        for k, energy in enumerate(summary[carrier]["energy_eV"]):
            values[f"{carrier} {k}"] = 1000 * energy
            errors[f"{carrier} {k}"] = summary[carrier]["error_meV"][k]
    pair = summary["coulomb"] or {}
    for k, energy in enumerate(pair.get("electron_energy_eV", [])):
        values[f"in the field {k}"] = 1000 * energy
        errors[f"in the field {k}"] = pair["electron_error_meV"][k]
    for part, names in (
        (summary, ("splitting", "redshift", "redshift_single_particle")),
        (pair, ("spacing", "binding")),
    ):
        for name in names:
            if part.get(f"{name}_meV") is not None:
                values[name], errors[name] = part[f"{name}_meV"], part[f"{name}_error_meV"]
    if pair:
        values["exciton"], errors["exciton"] = 1000 * pair["exciton_eV"], pair["exciton_error_meV"]
    return values, errors


HARD = {"medium": {"electron_barrier": "hard", "hole_barrier": "hard"}}
TYPE_II = {"CdS": {"conduction_offset": -0.5}}
MOLECULES = {
    "homodimer": dimer_spec(**PAIR),
    "linked": molecule_spec([dot(), dot()], neck={"linker": 0.3}, **PAIR),
    "heterodimer": molecule_spec([dot(1.2), dot(1.4)], spacing=5.2, **PAIR),
    "hard wall": dimer_spec(overrides=HARD, **PAIR),
    "filled neck": molecule_spec([dot(), dot()], spacing=6.84, neck={"filled": 4.0}, **PAIR),
    "field": dimer_spec(field=50, **(PAIR | {"coulomb": "none"})),
    "type II": dimer_spec(overrides=TYPE_II, **PAIR),
    "thin neck": molecule_spec([dot(), dot()], neck={"merged": 1.0}, **PAIR),
    "touching": molecule_spec([dot(), dot()], spacing=7.0, **PAIR),
    "chain": molecule_spec([dot()] * 3, spacing=5.6, **PAIR),
    "one dot": molecule_spec([dot()], **PAIR),
}


@pytest.mark.parametrize("name", MOLECULES)
def test_stated_errors_hold_against_a_much_finer_solve(name):
    spec = MOLECULES[name]
    values, errors = _energies(qdmol.solve(spec).summary)
    # A cusp takes the longer the finer it is: there a tenth of the tolerance must do.
    fine = spec | {"calculation": spec["calculation"] | {"tolerance": 0.01 if name == "touching" else 0.001}}
    truth, rest = _energies(qdmol.solve(fine).summary)
    assert values.keys() == truth.keys()
    exceeded = {
        key: (values[key], truth[key], errors[key])
        for key in values
        if abs(values[key] - truth[key]) > errors[key] + rest[key]
    }
    assert not exceeded
    ratios = [errors[key] / max(abs(values[key] - truth[key]), 1e-12) for key in values]
    assert np.median(ratios) < 20


@pytest.mark.parametrize("name", ["homodimer", "heterodimer"])
def test_doubling_the_poisson_box_moves_no_energy(name, monkeypatch):
    values, _ = _energies(qdmol.solve(MOLECULES[name]).summary)
    monkeypatch.setattr("qdmol.states.discretisation.BALL_MARGIN", 8.5)
    solution = qdmol.solve(MOLECULES[name])
    moved, _ = _energies(solution.summary)
    sphere = solution.job.solution.elements.outer_boundary
    assert np.linalg.norm(sphere.points, axis=-1).mean() > 14
    assert moved == pytest.approx(values, abs=0.02)


def test_a_difference_that_misses_the_tolerance_is_named_in_a_warning():
    job = run_job(read_spec(dimer_spec(electrons=2, holes=0, coulomb="none", tolerance=1.0)))
    assert is_converged(job)
    strict = replace(job, spec=update_spec(job.spec, "calculation.tolerance", 1e-6))
    assert job.solution.accurate
    assert not is_converged(strict)
    assert any(text.startswith("The error of the splitting, ") for text in notes(strict))
