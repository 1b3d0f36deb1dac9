"""Configurations against the same Hamiltonian written out whole."""

from itertools import product

import numpy as np
import pytest
from tests.ci.few_particles import SYMMETRY, as_interaction, random_basis, random_values, whole_hamiltonian

from qdmol.ci.configurations import ConfigurationSpace, make_species, pair_operators
from qdmol.ci.spins import Orbits, Spin, SpinSpace
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


COMPLEXES = {
    "X": [("e", 1), ("h", 1)],
    "X-": [("e", 1), ("e", 1), ("h", 1)],
    "X+": [("e", 1), ("h", 1), ("h", 1)],
    "XX": [("e", 1), ("e", 1), ("h", 1), ("h", 1)],
    "3e2h": [("e", 2), ("e", 1), ("h", 1), ("h", 1)],
}


def complex_species(small, name):
    e, h, _, interactions = small
    bases = {"e": (e, "electron"), "h": (h, "hole")}
    return [
        make_species(bases[kind][0], count, interactions[bases[kind][1], bases[kind][1]][1] if count > 1 else None)
        for kind, count in COMPLEXES[name]
    ]


def all_spins(species):
    alike = [
        (s, s + 1)
        for s in range(len(species) - 1)
        if species[s].carrier == species[s + 1].carrier and species[s].particles == species[s + 1].particles
    ]
    return [Spin(None, None, tuple(alike), signs) for signs in product((1, -1), repeat=len(alike))]


@pytest.mark.parametrize("name", COMPLEXES)
def test_functions_of_all_spins_have_the_levels_of_all_configurations(small, name):
    species = complex_species(small, name)
    operators = pair_operators(species, small[3])
    for sector in (SYMMETRY.sector(0, 1), SYMMETRY.sector(1, -1)):
        space = ConfigurationSpace(species, operators, sector)
        spins = all_spins(species)
        orbits = Orbits(space, spins[0].exchanges)
        levels = []
        for spin in spins:
            functions = SpinSpace(orbits, spin)
            matrix = functions.apply(np.eye(functions.size))
            np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
            np.testing.assert_allclose(matrix, functions.among(np.arange(functions.size)), atol=1e-12)
            values, vectors = np.linalg.eigh(matrix)
            wide = functions.expand(vectors.T)
            np.testing.assert_allclose(wide @ wide.T, np.eye(len(wide)), atol=1e-12)
            np.testing.assert_allclose(space.apply(wide), values[:, None] * wide, atol=1e-10)
            for pair, sign in zip(spin.exchanges, spin.signs, strict=True):
                np.testing.assert_allclose(wide[:, space.swapped(*pair)], sign * wide, atol=1e-12)
            levels.append(values)
        np.testing.assert_allclose(np.sort(np.concatenate(levels)), np.linalg.eigvalsh(dense(space)), atol=1e-10)


def test_davidson_finds_the_lowest_levels_of_one_symmetry(small):
    species = complex_species(small, "X-")
    space = ConfigurationSpace(species, pair_operators(species, small[3]), SYMMETRY.identity)
    functions = SpinSpace(Orbits(space, [(0, 1)]), Spin(1.0, 0.5, ((0, 1),), (-1,)))
    exact = np.linalg.eigvalsh(functions.apply(np.eye(functions.size)))
    start = np.random.default_rng(1).normal(size=(3, functions.size))
    values, vectors = davidson(functions.apply, functions.diagonal, start, tolerance=1e-8)
    np.testing.assert_allclose(values, exact[:3], atol=1e-10)
    np.testing.assert_allclose(functions.apply(vectors), values[:, None] * vectors, atol=1e-7)


def test_davidson_restarts_from_its_best_vectors():
    """More iterations than the subspace has room for, with a diagonal that tells little."""
    rng = np.random.default_rng(2)
    matrix = np.diag(np.linspace(0, 5, 400)) + rng.normal(size=(400, 400)) / 10
    matrix = (matrix + matrix.T) / 2
    exact, vectors = np.linalg.eigh(matrix)
    values, found = davidson(lambda x: x @ matrix, np.diag(matrix), rng.normal(size=(2, 400)), tolerance=1e-7)
    np.testing.assert_allclose(values, exact[:2], atol=1e-10)
    np.testing.assert_allclose(np.abs(found @ vectors[:, :2]), np.eye(2), atol=1e-5)
