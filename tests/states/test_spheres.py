"""Spheres against the radial reference: every level within its stated error, none missed, errors not padded."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from tests.exact.radial import Sphere, lowest_levels
from tests.exact.systems import CARRIERS, draw_sphere, sphere_molecule, sphere_spec, spheres
from threadpoolctl import threadpool_limits

import qdmol
from qdmol.errors import InputError
from qdmol.meanfield import Request, solve_molecule

HARD = float("inf")
CHOSEN = {
    "bare": Sphere((2.0,), (0.13,), (0.0,), 5.0),
    "hard": Sphere((2.5,), (0.2,), (0.0,)),
    "core-shell": Sphere((1.4, 3.5), (0.13, 0.21), (0.0, 0.10), 5.0),
    "hard core-shell": Sphere((1.4, 3.5), (0.13, 0.21), (0.0, 0.10)),
    "deep": Sphere((1.9, 5.9), (0.13, 0.21), (0.0, 0.32), 5.0),
    "heavy": Sphere((1.4, 3.5), (0.45, 0.70), (0.0, 0.64), 5.0),
    "type II": Sphere((1.4, 3.5), (0.13, 0.21), (0.0, -0.9), 3.0),
    "four layers": Sphere((1.2, 1.8, 2.6, 3.4), (0.13, 0.3, 0.13, 0.3), (0.0, 0.5, 0.0, 0.5), 4.0),
    "shallow": Sphere((3.0,), (0.2,), (0.0,), 0.9, 0.2),
}


def _solve(sphere, count, tolerance):
    """Levels of one carrier, `tolerance` in meV."""
    request = Request({"electron": count, "hole": 0}, coulomb=False, tolerance=tolerance / 1000)
    with threadpool_limits(limits=1, user_api="blas"):
        return solve_molecule(sphere_molecule(sphere), request)


def _misses(levels, exact):
    """True distance over stated error of each level in order of energy."""
    ordered = sorted(levels, key=lambda level: level.energy)
    return [abs(level.energy - energy) / level.error for level, (energy, _) in zip(ordered, exact, strict=True)]


@pytest.mark.parametrize("tolerance", [0.1, 0.01])
@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", CHOSEN)
def test_s_p_and_d_levels_of_a_spec_within_their_stated_errors(name, carrier, tolerance):
    sphere = CHOSEN[name]
    exact = lowest_levels(sphere, 9)
    assert {ell for _, ell in exact} >= {0, 1, 2}
    found = qdmol.solve(sphere_spec(sphere, carrier, tolerance=tolerance, **{f"{carrier}s": 9}))
    levels = found.summary[carrier]
    assert found.converged
    assert len(levels["energy_eV"]) in {9, 10}
    exact = lowest_levels(sphere, len(levels["energy_eV"]))
    misses = np.abs(np.sort(levels["energy_eV"]) - [energy for energy, _ in exact])
    stated = np.array(levels["error_meV"])[np.argsort(levels["energy_eV"])] / 1000
    assert np.all(misses <= stated)
    assert max(levels["error_meV"]) <= tolerance


@pytest.mark.parametrize("name", ["hard", "core-shell", "type II"])
def test_m_and_parity_of_every_multiplet(name):
    """A level of ell has every m from -ell to ell once, with the parity (-1)^(ell + m) of Y_lm under z -> -z."""
    sphere = CHOSEN[name]
    exact = lowest_levels(sphere, 9)
    levels = qdmol.solve(sphere_spec(sphere, electrons=9)).summary["electron"]
    order = np.argsort(levels["energy_eV"], kind="stable")[:9]
    for (_, ell), group in itertools.groupby(zip(exact, order, strict=True), key=lambda pair: pair[0]):
        places = [place for _, place in group]
        assert sorted(levels["m"][place] for place in places) == list(range(-ell, ell + 1))
        for place in places:
            assert levels["parity"][place] == ("+" if (ell + levels["m"][place]) % 2 == 0 else "-")


def test_order_within_a_micro_electronvolt_is_by_m_then_sign_then_parity():
    levels = qdmol.solve(sphere_spec(CHOSEN["hard"], electrons=9, tolerance=0.001)).summary["electron"]
    assert levels["m"] == [0, 0, -1, 1, 0, -1, 1, -2, 2]
    assert levels["parity"] == ["+", "-", "+", "+", "+", "-", "-", "+", "+"]


def test_a_pair_of_m_is_never_cut():
    levels = qdmol.solve(sphere_spec(CHOSEN["hard"], electrons=3, tolerance=0.01)).summary["electron"]
    assert levels["m"] == [0, 0, -1, 1]


@pytest.fixture(scope="module")
def sample():
    """Stated and true errors of every level of 40 spheres, the same ones every time."""
    rng = np.random.default_rng(20261)
    stated, true = [], []
    while len(stated) < 40:
        sphere, count, tolerance = draw_sphere(rng), int(rng.choice([1, 4, 9])), float(rng.choice([0.1, 0.01]))
        exact = lowest_levels(sphere, count)
        if len(exact) == count:
            levels = sorted(_solve(sphere, count, tolerance).levels["electron"], key=lambda level: level.energy)
            exact = lowest_levels(sphere, len(levels))
            stated.append([level.error for level in levels])
            true.append([abs(level.energy - energy) for level, (energy, _) in zip(levels, exact, strict=True)])
    return np.concatenate(stated), np.concatenate(true)


def test_no_stated_error_of_a_sample_is_exceeded(sample):
    stated, true = sample
    assert np.max(true / stated) <= 1


def test_stated_errors_are_in_the_median_under_twenty_times_the_truth(sample):
    stated, true = sample
    assert np.median(stated / true) < 20


@settings(max_examples=25)
@given(sphere=spheres())
def test_any_sphere(sphere):
    exact = lowest_levels(sphere, 4)
    assume(exact)
    solution = _solve(sphere, 4, 0.1)
    levels = solution.levels["electron"]
    assert levels.complete == (len(exact) == 4)
    assert len(levels) in {len(exact), len(exact) + 1}
    assert max(_misses(levels, lowest_levels(sphere, len(levels)))) <= 1
    assert solution.accurate


def test_negative_offsets_put_levels_below_zero():
    levels = qdmol.solve(sphere_spec(CHOSEN["type II"], electrons=4)).summary["electron"]["energy_eV"]
    exact = [energy for energy, _ in lowest_levels(CHOSEN["type II"], 4)]
    assert max(exact) < 0
    assert levels == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("count", [12, 40])
def test_more_levels_than_are_bound(count):
    sphere = Sphere((2.3205,), (0.0723,), (0.0,), 1.7709, 0.2)
    bound = lowest_levels(sphere, 100)
    found = qdmol.solve(sphere_spec(sphere, electrons=count))
    energies = np.sort(found.summary["electron"]["energy_eV"])
    assert len(energies) == len(bound) < count
    assert energies == pytest.approx([energy for energy, _ in bound], abs=1e-4)
    assert not found.converged
    assert any(f"{len(bound)} of the {count} requested electron" in warning for warning in found.warnings)


def test_nothing_bound_is_bad_input():
    sphere = Sphere((0.84,), (0.13,), (0.0,), 1.0, 0.13)
    assert not lowest_levels(sphere, 1, margin=0)
    with pytest.raises(InputError):
        qdmol.solve(sphere_spec(sphere, electrons=1))
