"""Configurations against the same Hamiltonian written out whole."""

from itertools import product

import numpy as np
import pytest
from tests.ci.few_particles import SYMMETRY, as_interaction, random_basis, random_values, whole_hamiltonian

from qdmol.ci.configurations import ConfigurationSpace, make_species, pair_operators
from qdmol.linalg import davidson

M = [0, 0, 1, -1, 0]
PARITY = [1, -1, 1, 1, 1]


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(5)
    e, h = random_basis(rng, "electron", M, PARITY), random_basis(rng, "hole", M[:4], PARITY[:4])
    values = {
        "ee": random_values(rng, e, e),
        "hh": random_values(rng, h, h),
        "eh": random_values(rng, e, h),
    }
    interactions = {
        ("electron", "electron"): (1.0, as_interaction(e, e, values["ee"])),
        ("hole", "hole"): (1.0, as_interaction(h, h, values["hh"])),
        ("electron", "hole"): (-1.0, as_interaction(e, h, values["eh"])),
    }
    return e, h, values, interactions


def dense(space):
    return np.stack([space.apply(row) for row in np.eye(space.size)])


def all_levels(species, interactions):
    operators = pair_operators(species, interactions)
    found = []
    for m, parity in product(range(-5, 6), (1, -1)):
        space = ConfigurationSpace(species, operators, SYMMETRY.sector(m, parity))
        if space.size:
            matrix = dense(space)
            np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
            np.testing.assert_allclose(np.diag(matrix), space.diagonal, atol=1e-12)
            found.append(np.linalg.eigvalsh(matrix))
    return np.sort(np.concatenate(found))


def test_exciton_of_every_sector(small):
    e, h, values, interactions = small
    species = [make_species(e, 1, None), make_species(h, 1, None)]
    exact = np.linalg.eigvalsh(whole_hamiltonian([e, h], {(0, 1): -values["eh"]}))
    np.testing.assert_allclose(all_levels(species, interactions), exact, atol=1e-10)


def test_biexciton_of_opposite_spins_is_four_particles_told_apart(small):
    e, h, values, interactions = small
    species = [make_species(e, 1, None)] * 2 + [make_species(h, 1, None)] * 2
    pairs = {(0, 1): values["ee"], (2, 3): values["hh"]}
    pairs |= {(i, j): -values["eh"] for i in (0, 1) for j in (2, 3)}
    exact = np.linalg.eigvalsh(whole_hamiltonian([e, e, h, h], pairs))
    np.testing.assert_allclose(all_levels(species, interactions), exact, atol=1e-10)


def test_three_electrons_and_a_hole_have_the_antisymmetric_levels(small):
    e, h, values, interactions = small
    n = len(e)
    up = make_species(e, 2, interactions["electron", "electron"][1])
    species = [up, make_species(e, 1, None), make_species(h, 1, None)]
    pairs = {(0, 1): values["ee"], (0, 2): values["ee"], (1, 2): values["ee"]}
    pairs |= {(i, 3): -values["eh"] for i in (0, 1, 2)}
    whole = whole_hamiltonian([e, e, e, h], pairs)
    swap = np.eye(n**2).reshape(n, n, n, n).transpose(1, 0, 2, 3).reshape(n**2, n**2)
    antisymmetric = np.kron(swap, np.eye(n * len(h)))
    # everything that is not odd under exchange of the first two is moved out of the way
    exact = np.linalg.eigvalsh(whole + 1000 * (np.eye(len(whole)) + antisymmetric) / 2)
    exact = exact[exact < 500]
    np.testing.assert_allclose(all_levels(species, interactions), exact, atol=1e-9)


def test_two_of_one_spin_are_the_triplet_of_two_of_opposite_spins(small):
    e, h, _, interactions = small
    hole = make_species(h, 1, None)
    parallel = [make_species(e, 2, interactions["electron", "electron"][1]), hole]
    opposite = [make_species(e, 1, None)] * 2 + [hole]
    triplet = all_levels(parallel, interactions)
    both = all_levels(opposite, interactions)
    nearest = np.abs(both[None, :] - triplet[:, None]).min(axis=1)
    assert nearest.max() < 1e-9
    assert len(triplet) < len(both) / 2


def test_davidson_finds_the_lowest_levels_of_one_symmetry(small):
    e, h, _, interactions = small
    species = [make_species(e, 1, None)] * 2 + [make_species(h, 1, None)] * 2
    space = ConfigurationSpace(species, pair_operators(species, interactions), SYMMETRY.identity)
    swap = space.swapped(0, 1)
    exact, vectors = np.linalg.eigh(dense(space))
    odd = [value for value, x in zip(exact, vectors.T, strict=True) if np.allclose(x[swap], -x, atol=1e-8)]
    rng = np.random.default_rng(1)
    values, found = davidson(
        space.apply,
        space.diagonal,
        rng.normal(size=(space.size, 3)),
        tolerance=1e-8,
        project=lambda x: (x - x[swap]) / 2,
    )
    np.testing.assert_allclose(values, odd[:3], atol=1e-10)
    np.testing.assert_allclose(found[swap], -found, atol=1e-10)
