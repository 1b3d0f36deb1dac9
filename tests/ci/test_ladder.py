"""Nested bases, their predicted cost, and the stated errors of what is extrapolated from them."""

import json
from functools import cache
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.ci.samples import solved
from tests.exact.pair_sphere import PairInSphere
from tests.exact.partial_waves import ExcitonInSphere
from tests.exact.radial import Sphere

from qdmol.ci import Complex, bases as ladders, integrals, solve_complexes
from qdmol.ci.bases import COUNTS, EXCITON, MAX_BASES_SECONDS, MAX_CONFIGURATIONS, Ladder, shared_limits
from qdmol.ci.diagonalising import lowest_states
from qdmol.ci.integrals import interactions
from qdmol.ci.orbitals import counted_orbitals
from qdmol.ci.solving import _ExcitonError, _ScaledError
from qdmol.errors import SolverError
from qdmol.estimates import Estimate
from qdmol.fem import AxialSymmetry
from qdmol.meanfield import MoleculeSolution, Request, solve_molecule
from qdmol.potentials import Poisson
from qdmol.states.discretisation import MAX_SECONDS
from qdmol.structure import AxialMolecule, PlacedDot, PlacedLayer, RegionParameters
from qdmol.study import solve

CASES = Path(__file__).parent / "cases"
XX, MANY = Complex(2, 2), Complex(3, 3)


@cache
def ladder(example="homodimer", *, monomer=False):
    return Ladder(solved(example, monomer=monomer))


def sphere_pair(spec):
    """Electron and hole of a spec with one dot, as spheres."""
    dot, materials = spec["molecule"]["dots"][0], spec["overrides"]
    layers = [(dot["core"]["material"], dot["core"]["radius"])]
    layers += [(shell["material"], shell["thickness"]) for shell in dot["shells"]]
    radii = tuple(float(radius) for radius in np.cumsum([thickness for _, thickness in layers]))
    medium = materials["medium"]
    return [
        Sphere(
            radii,
            tuple(materials[name][f"{carrier}_mass"] for name, _ in layers),
            tuple(materials[name].get(offset, 0.0) for name, _ in layers),
            medium[f"{carrier}_barrier"],
            medium[f"{carrier}_mass"],
        )
        for carrier, offset in (("electron", "conduction_offset"), ("hole", "valence_offset"))
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("1.4-3.0-offset-minus-0.1", 0.150532), ("error-1", -0.050781), ("error-2", 0.098079)],
)
@pytest.mark.parametrize("tolerance", [1.0, 0.2])
def test_stated_errors_hold_for_type_two_and_flat_offsets(name, value, tolerance):
    """Values of another code (radial hp elements), which lie up to 0.015 meV above the limit, and of partial waves."""
    spec = json.loads((CASES / f"ci-exciton-{name}.json").read_text(encoding="utf-8"))
    exact = ExcitonInSphere(*sphere_pair(spec), 10.0).limit()
    assert exact.energy == pytest.approx(value, abs=1.5e-5)
    assert exact.energy < value
    spec["calculation"]["ci_tolerance"] = tolerance
    coulomb = solve(spec).summary["coulomb"]
    for reference in (value, exact.energy):
        assert abs(coulomb["exciton_eV"] - reference) < coulomb["exciton_error_meV"] / 1000
    assert coulomb["exciton_error_meV"] < 0.8


def two_places() -> tuple[Sphere, Sphere, MoleculeSolution]:
    """A hole with levels of 0.332 eV in the core and 0.345 eV in the outer shell, the electron in the outer shell."""
    radii = (1.008245634655898, 3.2851610035188887, 6.755538763184266)
    electron = Sphere(radii, (0.17908448, 0.15489071, 0.1723052), (0.0, 0.39330192, 0.0), 3.06497586, 1.0)
    hole = Sphere(radii, (0.64495282, 0.40515875, 0.82356689), (0.0, 0.4784791, 0.31736715), 2.72897406, 1.0)
    parameters = {"medium": RegionParameters(1.0, 1.0, electron.barrier, hole.barrier, 10.0)}
    for k in range(3):
        values = electron.masses[k], hole.masses[k], electron.edges[k], hole.edges[k]
        parameters[f"m{k}"] = RegionParameters(*values, 10.0)
    layers = tuple(PlacedLayer(f"m{k}", radius) for k, radius in enumerate(radii))
    molecule = AxialMolecule((PlacedDot(0.0, layers),), (), parameters, 0.0, 1.75)
    request = Request({"electron": 1, "hole": 1}, coulomb=True, tolerance=1e-4)
    return electron, hole, solve_molecule(molecule, request)


def test_stated_errors_hold_where_the_hole_has_two_places():
    """The pair settles with the hole in the core, the exciton has a third of it in the shell."""
    electron, hole, solution = two_places()
    exact = ExcitonInSphere(electron, hole, 10.0).limit().energy
    assert solution.pairs[0].exciton.value - exact > 1.3e-3
    for tolerance in (1e-3, 2e-4):
        found = solve_complexes(solution, [EXCITON], states=1, tolerance=tolerance)[EXCITON].energy
        assert abs(found.value - exact) < found.error < 1e-3


def test_all_bases_of_a_calculation_share_one_time():
    """Molecule and monomers together stay within the limit, and the larger one has more of it."""
    whole, alone = shared_limits([solved("heterodimer"), solved("homodimer", monomer=True)])
    assert 0 < alone.seconds < whole.seconds
    assert 0.8 * MAX_SECONDS < alone.seconds + whole.seconds < MAX_SECONDS


def test_bases_that_are_computed_one_after_the_other_count_together():
    bases = ladder(monomer=True)
    assert bases.cost_up_to(3).seconds == bases.cost(3).seconds
    assert bases.cost_up_to(4).seconds == pytest.approx(bases.cost(3).seconds + bases.cost(4).seconds)


def test_partial_waves_agree_with_legendre_polynomials_on_other_elements():
    electron = Sphere((1.4, 3.5), (0.13, 0.21), (0.0, 0.10), 5.0)
    hole = Sphere((1.4, 3.5), (0.45, 0.70), (0.0, 0.64), 5.0)
    coarse, fine = (
        ExcitonInSphere(electron, hole, 10.0, waves=waves, degree=degree).limit()
        for waves, degree in ((8, 8), (12, 12))
    )
    assert coarse.energy == pytest.approx(fine.energy, abs=1e-7)
    ends = [*np.linspace(0, 1.4, 4), *np.linspace(1.4, 3.5, 5)[1:], 4.1]
    above = PairInSphere(electron, hole, 10.0, ends=ends, waves=6, count=12).limit()
    assert 0 < above - fine.energy < 1e-5


def test_smaller_bases_are_parts_of_the_widest():
    """The same energies as from orbitals and integrals of their own, and rising as the basis shrinks."""
    bases = ladder(monomer=True)
    energies = [bases.solve(EXCITON, step, 1)[0].energy for step in (3, 2, 1, 0)]
    assert np.all(np.diff(energies) > 0)
    orbitals = counted_orbitals(bases.solution, count=COUNTS[1])
    pair = orbitals["electron"], orbitals["hole"]
    alone = ladders.Problem(*pair, interactions(*pair, ["eh"]))
    assert lowest_states(alone, EXCITON, states=1)[0].energy == pytest.approx(energies[2], abs=1e-6)


@pytest.mark.parametrize("example", ["homodimer", "heterodimer"])
def test_both_carriers_and_all_dots_have_about_as_many_orbitals(example):
    solution = solved(example)
    for basis in counted_orbitals(solution, count=12).values():
        assert 18 <= len(basis) <= 24
        shares = np.einsum("daa->d", basis.dot_weight)
        assert shares.min() > 0.4 * len(basis)


@pytest.mark.parametrize("example", ["homodimer", "heterodimer"])
def test_the_cost_of_a_basis_is_predicted(example):
    """Potentials and configurations within a factor of two, or three, of what there are."""
    bases = Ladder(solved(example))
    problem = bases.problem(2, ["eh"])
    sides = integrals._Side(problem.electron)
    symmetry = problem.symmetry
    searched = [sector for family in islice(symmetry.families(), 20) for sector in family]
    assert sides.sectors <= {partner for sector in searched for partner in symmetry.partners(sector)}
    potentials = sum(len(sides.densities(sector)[0]) for sector in searched)
    assert 0.5 < (0.62 * COUNTS[2] * 2) ** 2 / potentials < 2
    largest = max(state.space.size for state in bases.solve(EXCITON, 2, 4))
    assert 1 / 3 < bases.size(EXCITON, 2) / largest < 3


def test_states_refer_to_the_orbitals_of_the_widened_basis():
    """Coefficients of a state that was solved before belong to other orbitals, whose signs are free."""
    solution = solved("heterodimer")
    early, late = Ladder(solution), Ladder(solution)
    before = early.solve(EXCITON, 0, 3)
    for bases in (early, late):
        bases.problem(1, ["eh"])
    assert early.solve(EXCITON, 0, 3) is not before
    for kept, fresh in zip(early.solve(EXCITON, 0, 3), late.solve(EXCITON, 0, 3), strict=True):
        assert abs(kept.vector @ fresh.vector) == pytest.approx(1, abs=1e-6)
        assert kept.energy == pytest.approx(fresh.energy, abs=1e-9)


def stub(unknowns, dots=2):
    carrier = SimpleNamespace(symmetry=AxialSymmetry(mirror=False))
    molecule = SimpleNamespace(dots=[None] * dots)
    return Ladder(
        SimpleNamespace(molecule=molecule, elements=SimpleNamespace(count=unknowns), hamiltonians={"electron": carrier})
    )


def test_a_large_mesh_gets_a_smaller_basis_and_a_huge_one_none():
    steps = [stub(unknowns).last_step(EXCITON) for unknowns in (2_000, 30_000, 60_000, 120_000, 1_000_000)]
    assert steps[0] == len(COUNTS) - 1
    assert steps[-1] == -1
    assert np.all(np.diff(steps) <= 0)
    for unknowns, step in zip((2_000, 30_000, 60_000, 120_000), steps, strict=False):
        cost = stub(unknowns).cost(step)
        assert cost.seconds <= MAX_BASES_SECONDS
        assert cost.memory <= ladders.MAX_BASIS_BYTES
    reason = stub(1_000_000).obstacle(EXCITON, 1)
    assert reason is not None
    assert "1000000 unknowns" in reason


def test_many_carriers_in_a_molecule_are_refused_before_anything_is_computed(monkeypatch):
    """Three electrons and three holes of two dots have ten million configurations in the second basis."""

    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr(ladders, "counted_orbitals", never)
    with pytest.raises(SolverError, match=r"3e3h is too large: .* configurations .*fewer carriers"):
        solve_complexes(solved("homodimer"), [MANY], states=1, tolerance=1e-3)
    assert Ladder(solved("homodimer")).size(MANY, 1) > MAX_CONFIGURATIONS


def test_a_small_basis_is_said_to_be_one(monkeypatch):
    """Where the predicted cost stops the ladder the result is not converged, and says why."""
    monkeypatch.setattr(ladders, "MAX_BASES_SECONDS", ladder(monomer=True).cost(2).seconds * 1.01)
    found = solve_complexes(solved("homodimer", monomer=True), [EXCITON], states=1, tolerance=1e-5)[EXCITON]
    assert not found.accurate
    assert found.obstacle is not None
    assert f"{COUNTS[3]} orbitals of each carrier would take about" in found.obstacle


def test_integrals_do_not_depend_on_how_many_potentials_are_there_at_once(monkeypatch):
    """And no factors stay: on a mesh of 60,000 unknowns each would hold 70 MB."""
    orbitals = counted_orbitals(solved("homodimer"), count=6)
    pair = orbitals["electron"], orbitals["hole"]
    kept = []

    def recorded(*arguments):
        kept.append(Poisson(*arguments))
        return kept[-1]

    monkeypatch.setattr(integrals, "Poisson", recorded)
    for kinds in (["eh"], ["eh", "ee", "hh"], ["eh", "hh"]):
        monkeypatch.setattr(integrals, "COLUMNS", 256)
        whole = interactions(*pair, kinds)
        monkeypatch.setattr(integrals, "COLUMNS", 7)
        parts = interactions(*pair, kinds)
        for kind in kinds:
            for one, two in zip(whole[kind].blocks, parts[kind].blocks, strict=True):
                assert one.value == pytest.approx(two.value, abs=1e-12)
    assert all(not poisson._factors for poisson in kept)


def test_a_power_law_is_extrapolated_within_its_error():
    sizes = [2, 6, 12, 24, 40]
    for power in (0.6, 0.85, 1.0):
        energies = [size**-power for size in sizes]
        lacking, error = _ExcitonError(sizes)({k: energies[k] - energies[-1] for k in range(4)})
        assert abs(lacking - energies[-1]) < error < 2 * energies[-1]


def test_bases_that_gain_nothing_have_not_converged():
    """An exciton of two dots (eV) that three bases leave alone and the fourth lowers by 0.3 meV."""
    energies = [-0.2353553, -0.2368801, -0.2368801, -0.2368803]
    falls = {k: energies[k] - energies[-1] for k in range(3)}
    lacking, error = _ExcitonError([4, 10, 21, 35])(falls, falls[0])
    assert abs(-0.2368803 - lacking + 0.2373215) < error < 2e-3
    # a higher state, whose partner in the smallest basis is another state
    assert _ExcitonError([4, 10, 21, 35])({**falls, 0: 0.1}, falls[0])[1] == pytest.approx(error)


def test_without_a_smaller_basis_nothing_is_known():
    assert _ExcitonError([6, 6])({0: 0.1})[1] == np.inf


def test_a_complex_lacks_a_multiple_of_what_the_exciton_lacks():
    exciton = [0.9, 0.5, 0.3, 0.2]
    lack = _ScaledError(exciton, Estimate.from_error(0.15, 0.01, "eV"))
    lacking, error = lack({k: 3 * (energy - exciton[-1]) for k, energy in enumerate(exciton[:-1])})
    assert lacking == pytest.approx(3 * 0.05)
    assert error == pytest.approx(3 * 0.01)
    # ratios that disagree are part of the error
    lacking, error = lack({1: 3 * 0.3, 2: 4 * 0.1})
    assert lacking == pytest.approx(4 * 0.05)
    assert error == pytest.approx(4 * 0.01 + 0.05)


@pytest.mark.slow
def test_stated_errors_hold_in_random_systems():
    """A part of `benchmarks.calibration.complexes`, with other systems."""
    from benchmarks.calibration.complexes import outcomes

    found = [*outcomes("monomer", 30, 11), *outcomes("complexes", 3, 11), *outcomes("dimer", 5, 11)]
    assert [one for one in found if one.ratio > 1] == []
    assert np.median([abs(one.value - one.reference) / one.error for one in found]) > 0.05
