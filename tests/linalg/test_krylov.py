"""Many low eigenpairs by block Lanczos, against dense matrices."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp

from qdmol.linalg import Factor, lowest_pairs

SHIFT = -0.3


def pencil(size=160, *, seed=0, empty=0):
    """A positive definite, M positive and vanishing on the last `empty` unknowns."""
    rng = np.random.default_rng(seed)
    a = sp.random_array((size, size), density=0.03, rng=rng)
    stiff = sp.csc_array(a + a.T + sp.diags_array(np.linspace(2.0, 60.0, size)))
    weight = rng.uniform(0.5, 2.0, size)
    weight[size - empty :] = 0.0
    return stiff, sp.csc_array(sp.diags_array(weight))


def exact(stiff, mass):
    """By the inverse, in which directions without mass have the value 0."""
    inverse = scipy.linalg.eigh(mass.toarray(), (stiff - SHIFT * mass).toarray(), eigvals_only=True)
    return SHIFT + 1 / inverse[inverse > 1e-10][::-1]


def solved(stiff, mass, count, **options):
    factor = Factor(sp.csc_array(stiff - SHIFT * mass), SHIFT)
    return lowest_pairs(mass, factor, count, **options)


@pytest.mark.parametrize("empty", [0, 60])
@pytest.mark.parametrize("count", [1, 7, 40])
def test_lowest_pairs_are_those_of_the_dense_problem(count, empty):
    stiff, mass = pencil(empty=empty)
    values, vectors = solved(stiff, mass, count, tolerance=1e-8)
    np.testing.assert_allclose(values, exact(stiff, mass)[:count], rtol=1e-10)
    np.testing.assert_allclose(vectors.T @ (mass @ vectors), np.eye(count), atol=1e-9)
    np.testing.assert_allclose(stiff @ vectors, (mass @ vectors) * values, atol=1e-4)


def test_all_pairs_below_a_bound_are_found_even_degenerate_ones():
    """Two equal halves: every eigenvalue is there twice, or three times."""
    stiff, mass = pencil(60)
    for copies in (2, 3):
        many, weights = (sp.csc_array(sp.block_diag([x] * copies)) for x in (stiff, mass))
        values = np.repeat(exact(stiff, mass), copies)
        top = (values[8 * copies] + values[8 * copies - 1]) / 2
        below, vectors = solved(many, weights, 180, tolerance=1e-6, top=top)
        np.testing.assert_allclose(below, values[: 8 * copies], rtol=1e-9)
        assert vectors.shape == (60 * copies, 8 * copies)


def test_nothing_lies_below_a_low_bound():
    stiff, mass = pencil()
    values, vectors = solved(stiff, mass, 10, tolerance=1e-6, top=0.01)
    assert values.shape == (0,)
    assert vectors.shape == (160, 0)


def test_a_mass_of_low_rank_has_as_few_pairs():
    stiff, mass = pencil(empty=155)
    values, _ = solved(stiff, mass, 20, tolerance=1e-8)
    np.testing.assert_allclose(values, exact(stiff, mass)[:5], rtol=1e-9)


def test_the_result_does_not_depend_on_chance():
    stiff, mass = pencil()
    one, two = (solved(stiff, mass, 5, tolerance=1e-4) for _ in range(2))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
