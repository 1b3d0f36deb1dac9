"""Strengths of light: sums over all states, complete bases, selection rules, closed forms, mirror images."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.ci.samples import REQUEST, bare_basis
from tests.exact.bessel import sphere_pairs
from tests.optics.samples import (
    DIRECTIONS,
    LIGHT,
    centres,
    lit,
    placed,
    problem,
    root_kane,
    solved,
    sphere,
    sphere_light,
)
from threadpoolctl import threadpool_limits

from qdmol.ci.orbitals import in_sector
from qdmol.ci.overlaps import overlaps, weighted_overlaps
from qdmol.fem import AxialSymmetry
from qdmol.meanfield import Request, solve_molecule
from qdmol.meanfield.functions import PointSums
from qdmol.meanfield.solving import _solve
from qdmol.optics import direction_mean, edge, solve_light
from qdmol.optics.pairs import _levels_below
from qdmol.optics.solving import hole_share
from qdmol.states import find_levels
from qdmol.structure import AxialMolecule, PlacedDot, PlacedLayer, RegionParameters
from qdmol.units import HBAR2_OVER_2M0


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@pytest.mark.parametrize("example", ["homodimer", "heterodimer"])
def test_moments_of_all_states_add_up_to_those_of_all_pairs(example, monkeypatch):
    """With any weight, dot by dot: the states are another basis of the same pairs."""
    monkeypatch.setattr(edge, "KEPT_EV", math.inf)
    solution, share = solved(example), np.array([0.3, 0.4])
    one = problem(example, 0)
    root = root_kane(solution)
    wave = 1 + 0.3 * np.cos(np.linspace(0, 9, len(root)))  # some field
    weight = np.stack([root * wave, root / wave, root])
    levels = edge.exciton_levels(one, weight, share, centres(solution))
    for j in (0, 1):
        pairs = weighted_overlaps(one.electron, one.hole, weight[j], centres(solution))
        by_dot = np.sum(pairs * pairs.sum(axis=0), axis=(1, 2))
        found = levels.moment[:, :, j].sum(axis=0)
        assert found == pytest.approx(share[j] * by_dot, rel=1e-10)
        assert found.sum() == pytest.approx(share[j] * np.sum(pairs.sum(axis=0) ** 2), rel=1e-10)
    assert np.all(levels.moment.sum(axis=1) > -1e-9)
    bare = overlaps(one.electron, one.hole)
    kane = np.sum(weighted_overlaps(one.electron, one.hole, root, centres(solution)).sum(axis=0) ** 2)
    assert levels.bare.sum() == pytest.approx(kane / 3, rel=1e-10)
    assert 20 < kane / np.sum(bare**2) < 21  # between the two materials
    dark = ~in_sector(levels.numbers, one.symmetry.identity)
    assert np.any(dark)
    assert not np.any(levels.moment[dark])


def test_a_weight_of_one_gives_the_overlaps_and_each_dot_its_own():
    solution = solved("heterodimer")
    one = problem("heterodimer", 0)
    none = np.ones(len(root_kane(solution)))
    found = weighted_overlaps(one.electron, one.hole, none, centres(solution))
    assert found.sum(axis=0) == pytest.approx(overlaps(one.electron, one.hole), abs=1e-13)
    assert np.abs(found).max(axis=(1, 2)).min() > 0.3
    # Of dots in another order the same, in that order.
    assert weighted_overlaps(one.electron, one.hole, none, centres(solution)[::-1]) == pytest.approx(found[::-1])


def _layered(*, hole_mass, step):
    """Electrons as in one hard sphere, holes with another mass or edge in its shell."""
    parameters = {
        "core": RegionParameters(0.2, 0.5, 0.0, 0.0, 10.0),
        "shell": RegionParameters(0.2, hole_mass, 0.0, step, 10.0),
        "medium": RegionParameters(1.0, 1.0, math.inf, math.inf, 10.0),
    }
    layers = PlacedLayer("core", 1.2), PlacedLayer("shell", 2.5)
    molecule = AxialMolecule((PlacedDot(0.0, layers),), (), parameters, 0.0, 1.75)
    return solve_molecule(molecule, Request({"electron": 30, "hole": 9}, coulomb=True, tolerance=1e-4))


@pytest.mark.parametrize(("hole_mass", "step", "order"), [(1.5, 0.0, 1.5), (0.5, 0.5, 2.5)])
def test_the_electrons_levels_are_complete_for_each_hole(hole_mass, step, order):
    """What is left of 1 falls as E^-3/2 where the hole's function has a kink, as E^-5/2 where a bend."""
    solution = _layered(hole_mass=hole_mass, step=step)
    holes = _levels_below(solution, "hole", solution.levels["hole"].levels[8].energy + 1e-4)
    electrons = _levels_below(solution, "electron", 16.0)
    hamiltonian = solution.hamiltonians["electron"]
    one, two = (PointSums(hamiltonian, levels.vectors) for levels in (electrons, holes))
    same = np.array([[sector == other for other in holes.sectors] for sector in electrons.sectors])
    squares = (((one.values * one.weights) @ two.values.T) * same) ** 2
    rests = np.array([1 - squares[electrons.energy < limit].sum(axis=0) for limit in (1.0, 2.0, 4.0, 8.0, 16.0)])
    assert squares.shape[1] == 6  # 1s, 1p and 1d, of either sign of m
    assert np.all(np.diff(rests, axis=0) < 0)
    assert np.all((rests[-1] > 0) & (rests[-1] < 2e-4))
    last = rests.sum(axis=1)[-2:]
    assert np.log2(last[0] / last[1]) == pytest.approx(order, abs=0.3)


def test_in_a_core_shell_sphere_only_equal_angular_momenta_meet():
    """1s, 1p, 1d of electron and hole: l to l, m to -m, however different the functions of r."""
    solution = solved("homodimer", monomer=True)
    electrons, holes = (bare_basis(solution, carrier, 9) for carrier in ("electron", "hole"))
    ell = np.array([0] + [1] * 3 + [2] * 5)
    assert np.ptp(electrons.energy[1:4]) < 1e-5
    found = weighted_overlaps(electrons, holes, np.ones(len(root_kane(solution))), centres(solution))[0]
    allowed = (ell[:, None] == ell) & (electrons.numbers[:, :1] == -holes.numbers[:, 0])
    # Levels of one l, m and parity: one of each here.
    assert np.count_nonzero(allowed) == 9
    assert np.abs(found[~allowed]).max() < 1e-5
    strengths = found[allowed] ** 2
    assert np.all((strengths > 0.2) & (strengths < 0.99))
    for number in range(3):
        assert np.ptp(strengths[ell == number]) < 1e-5


def test_pairs_of_a_hard_sphere_have_closed_forms():
    """Energies from zeros of j_l, moments E_P κ (2l + 1) for equal functions and nothing else."""
    found = sphere_light(3.0, top=2.0).pairs
    energy, count = sphere_pairs(3.0, (0.2, 0.5), found.complete)
    bright = found.moment[:, 0].sum(axis=1) > 1e-6
    assert len(energy) == np.count_nonzero(bright) == 7
    assert found.energy[bright] == pytest.approx(energy, abs=1e-5)
    assert 1e-5 < found.error < 0.05
    assert found.moment[bright, 0] == pytest.approx(20 / 3 * np.outer(count, [1, 1]), rel=1e-9)
    assert np.abs(found.moment[~bright]).max() < 1e-12
    assert len(found.energy) > 5 * len(energy)
    assert found.box is None


def test_pairs_close_in_energy_are_joined_where_their_strength_is():
    """A dark pair within a bin does not move a bright one; all strengths are kept."""
    from qdmol.optics.pairs import BIN_EV, _binned

    energy = np.array([0.1, 0.1 + 0.1 * BIN_EV, 0.1 + 0.2 * BIN_EV, 0.5])
    moment = np.zeros((4, 2, 2))
    moment[1], moment[2] = [[1.0, 2.0], [0.0, 1.0]], [[0.0, 0.0], [2.0, 2.0]]
    found, joined = _binned(energy, moment)
    assert found == pytest.approx([0.1 + 0.15 * BIN_EV, 0.5], abs=1e-9)
    assert joined[0] == pytest.approx(moment[:3].sum(axis=0))
    assert not np.any(joined[1])


@pytest.mark.parametrize("carrier", ["electron", "hole"])
def test_no_level_is_missing_or_doubled(carrier):
    """Of a hard sphere by Weyl's own sum, of a dimer against the solver's search, which goes block by block upwards."""
    mass = {"electron": 0.2, "hole": 0.5}[carrier]
    solution = solve_molecule(sphere(3.0), Request({"electron": 1, "hole": 1}, coulomb=True, tolerance=1e-5))
    limit = 25 * HBAR2_OVER_2M0 / mass  # kR up to 15
    found = _levels_below(solution, carrier, limit)
    _, count = sphere_pairs(3.0, (mass, math.inf), limit)
    partners = solution.hamiltonians[carrier].symmetry.multiplicity
    assert sum(map(partners, found.sectors)) == count.sum()
    dimer = solved("homodimer")
    limit = dimer.levels[carrier][0].energy + 0.5
    found = _levels_below(dimer, carrier, limit)
    size = sum(map(dimer.hamiltonians[carrier].symmetry.multiplicity, found.sectors))
    searched = find_levels(dimer.hamiltonians[carrier], size + 1, ceiling=4.0).levels
    below = sorted(level.energy for level in searched if level.sector.labels["m"] >= 0 and level.energy <= limit)
    assert sorted(found.energy) == pytest.approx(below, abs=1e-7)


def test_mirror_images_have_the_same_moments_with_dots_swapped():
    """Truly solved upside down, on another mesh, and listed the other way round."""
    here = lit("heterodimer")
    image = solved("heterodimer").molecule.mirrored()
    other = solve_light(_solve(replace(image, dots=image.dots[::-1]), REQUEST), bases=2)
    # Elements lie across the plane between the dots: which dot a point is nearest to is known less well than the sum.
    split = 3e-3
    for one, two in zip(here.edge, other.edge, strict=True):
        assert two.energy[:4] == pytest.approx(one.energy[:4], abs=1e-5)
        assert two.moment[:4, ::-1] == pytest.approx(one.moment[:4], abs=split)
        assert two.moment[:4].sum(axis=1) == pytest.approx(one.moment[:4].sum(axis=1), abs=1e-5)
        assert two.place[:4, ::-1] == pytest.approx(one.place[:4], abs=split)
    one, two = here.pairs.moment, other.pairs.moment
    assert two.sum(axis=0)[::-1] == pytest.approx(one.sum(axis=0), rel=split)
    assert two.sum(axis=(0, 1)) == pytest.approx(one.sum(axis=(0, 1)), rel=1e-5)
    first = here.edge[-1].moment[0].sum(axis=1)
    assert first[1] > 20 * abs(first[0])  # the lowest exciton is in the larger core, listed second


SHARES = [
    (None, 0.0, (1 / 3, 1 / 3)),
    (0.0, 0.0, (1 / 2, 0.0)),  # heavy holes: X ± iY
    (2 / 3, 0.0, (1 / 6, 2 / 3)),  # light ones
    (0.0, 90.0, (1 / 4, 1 / 2)),  # lying: half along, the rest shared by the two across
    (2 / 3, 90.0, (5 / 12, 1 / 6)),
    (1 / 3, 37.0, (1 / 3, 1 / 3)),
    (0.0, math.degrees(math.acos(math.sqrt(1 / 3))), (1 / 3, 1 / 3)),  # the magic angle
]


@pytest.mark.parametrize(("share", "angle", "expected"), SHARES)
def test_shares_of_the_holes_orbitals(share, angle, expected):
    molecule = sphere(2.5, light=replace(LIGHT, axial_share=share, axis_angle=angle))
    found = hole_share(molecule, AxialSymmetry(mirror=False))
    assert found == pytest.approx(expected, abs=1e-12)
    assert 2 * found[0] + found[1] == pytest.approx(1)
    assert direction_mean(found, DIRECTIONS) == pytest.approx(1 / 3)


def test_bloch_functions_turn_the_light_and_keep_its_mean():
    """Heavy holes of a sphere: nothing along the axis, the isotropic strength on average."""
    heavy = solve_light(solve_molecule(sphere(2.5, light=replace(LIGHT, axial_share=0.0)), REQUEST), bases=2, top=0.3)
    even = sphere_light(2.5, top=0.3)
    for one, two in zip((heavy.edge[-1], heavy.pairs), (even.edge[-1], even.pairs), strict=True):
        assert not np.any(one.moment[..., 1])
        assert direction_mean(one.moment, DIRECTIONS).sum() == pytest.approx(
            direction_mean(two.moment, DIRECTIONS).sum(), rel=1e-4
        )
    assert heavy.edge[-1].bare.sum() == pytest.approx(even.edge[-1].bare.sum(), rel=1e-4)


def test_the_local_field_weakens_what_light_along_or_across_does():
    """One permittivity in the dot: every moment of a monomer by the square of 3ε_out/(ε_in + 2ε_out)."""
    dark, even = lit("monomer", optical=(5.0, 2.0)), lit("monomer", optical=2.0)
    factor = (3 * 2.0 / (5.0 + 2 * 2.0)) ** 2
    assert dark.local_field
    assert not even.local_field
    assert dark.edge[-1].bare == pytest.approx(even.edge[-1].bare, abs=1e-12)
    for one, two in zip((dark.edge[-1], dark.pairs), (even.edge[-1], even.pairs), strict=True):
        # Beyond the surface, where the tails are, the field differs.
        total = [light.moment.sum(axis=(0, 1)) for light in (one, two)]
        assert total[0] == pytest.approx(factor * total[1], rel=2e-3)
    for region in even.regions:
        assert region.intensity == pytest.approx([1, 1], abs=1e-12)
    for region in dark.regions:
        assert region.intensity == pytest.approx([factor, factor], rel=1e-4)


def test_of_materials_without_optical_permittivity_no_field_is_asked():
    molecule = placed("monomer")
    parameters = dict(molecule.parameters)
    parameters["CdS"] = replace(parameters["CdS"], optical_permittivity=None)
    light = solve_light(solve_molecule(replace(molecule, parameters=parameters), REQUEST), bases=2)
    assert not light.local_field
    assert "local field of light is neglected" in light.notes[0]
    assert light.edge[-1].moment[0, 0] == pytest.approx([light.edge[-1].bare[0, 0]] * 2)
