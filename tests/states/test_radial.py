"""Spheres solved along the radius: beside the closed radial condition, and beside the half plane."""

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.exact.radial import lowest_levels
from tests.exact.systems import dimer_spec, dot, draw_sphere, molecule_spec, sphere_molecule
from tests.states.test_spheres import CHOSEN

from qdmol.fem import SphericalSymmetry
from qdmol.meanfield import Request, solve_molecule
from qdmol.states import has_radial_solution
from qdmol.structure import read_spec, resolve


def _solve(molecule, *, radial, electrons=1, holes=0, coulomb=False, tolerance=1e-4):
    counts = {"electron": electrons, "hole": holes}
    return solve_molecule(molecule, Request(counts, coulomb=coulomb, tolerance=tolerance, radial=radial))


def _labels(levels):
    return [(level.sector.labels["m"], level.sector.labels["parity"]) for level in levels]


@pytest.mark.parametrize("count", [1, 2, 3, 9])
@pytest.mark.parametrize("name", ["hard", "core-shell", "type II", "shallow"])
def test_lists_are_those_of_the_half_plane(name, count):
    molecule = sphere_molecule(CHOSEN[name])
    along, plane = (_solve(molecule, radial=radial, electrons=count, tolerance=1e-6) for radial in (True, False))
    assert isinstance(along.symmetry, SphericalSymmetry)
    assert not isinstance(plane.symmetry, SphericalSymmetry)
    found, expected = along.levels["electron"], plane.levels["electron"]
    assert found.complete == expected.complete
    assert _labels(found) == _labels(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert abs(ours.energy - theirs.energy) <= ours.error + theirs.error


@pytest.fixture(scope="module")
def sample():
    """Stated and true errors of the levels of 50 random spheres."""
    rng = np.random.default_rng(7)
    stated, true = [], []
    for _ in range(50):
        sphere, count, tolerance = draw_sphere(rng), int(rng.choice([1, 4, 9])), float(rng.choice([1e-4, 1e-5]))
        solution = _solve(sphere_molecule(sphere), radial=True, electrons=count, tolerance=tolerance)
        levels = sorted(solution.levels["electron"], key=lambda level: level.energy)
        bound = len(lowest_levels(sphere, count))
        assert solution.accurate
        assert bound <= len(levels) <= bound + 1
        exact = lowest_levels(sphere, len(levels))
        stated += [level.error for level in levels]
        true += [abs(level.energy - energy) for level, (energy, _) in zip(levels, exact, strict=True)]
    return np.array(stated), np.array(true)


def test_no_stated_error_is_exceeded(sample):
    stated, true = sample
    assert np.max(true / stated) <= 1


def test_errors_are_not_padded(sample):
    stated, true = sample
    assert np.median(stated / true) < 20


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"CdSe": {"permittivity": 10}, "CdS": {"permittivity": 6}, "medium": {"permittivity": 2}},
        {"medium": {"electron_barrier": "hard", "hole_barrier": "hard"}},
        {"medium": {"hole_barrier": "hard"}},
        {"CdS": {"conduction_offset": -0.2}},
    ],
)
def test_the_pair_is_that_of_the_half_plane(overrides):
    molecule = resolve(read_spec(molecule_spec([dot(core=1.6, shell=1.2)], overrides=overrides)))
    along, plane = (_solve(molecule, radial=radial, holes=1, coulomb=True, tolerance=1e-5) for radial in (True, False))
    for ours, theirs in (
        (along.pairs[0].exciton, plane.pairs[0].exciton),
        (along.pairs[0].binding, plane.pairs[0].binding),
        (along.bare_gap, plane.bare_gap),
    ):
        assert abs(ours.value - theirs.value) <= ours.error + theirs.error
        assert ours.error <= 1e-5
    assert along.complete
    low, high = along.field_levels[0], plane.field_levels[0]
    assert abs(low.energy - high.energy) <= low.error + high.error


def test_errors_of_pairs_are_true_and_not_padded():
    rng = np.random.default_rng(3)
    ratios = []
    while len(ratios) < 12:
        sphere = draw_sphere(rng)
        if math.isinf(sphere.barrier) or lowest_levels(sphere, 1):
            molecule = sphere_molecule(sphere)
            found, exact = (
                _solve(molecule, radial=True, holes=1, coulomb=True, tolerance=tolerance).pairs[0].exciton
                for tolerance in (1e-4, 1e-7)
            )
            ratios.append(abs(found.value - exact.value) / found.error)
    assert max(ratios) <= 1
    assert np.median(1 / np.array(ratios)) < 20


def test_what_is_not_a_sphere_is_solved_in_the_half_plane():
    monomer = resolve(read_spec(molecule_spec([dot()])))
    assert has_radial_solution(monomer)
    assert not has_radial_solution(replace(monomer, field=1e-3))
    assert not has_radial_solution(resolve(read_spec(dimer_spec())))
    in_field = _solve(replace(monomer, field=1e-3), radial=True)
    assert not isinstance(in_field.symmetry, SphericalSymmetry)
