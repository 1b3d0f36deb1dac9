"""Inertia and eigenpairs of sparse symmetric matrices against dense ones."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp

from qdmol.errors import SolverError
from qdmol.linalg import Factor, lowest_ritz


def _pair(seed, size=60):
    """A random symmetric A and positive definite M, sparse."""
    rng = np.random.default_rng(seed)
    A = sp.random_array((size, size), density=0.08, rng=rng, data_sampler=rng.standard_normal)
    B = sp.random_array((size, size), density=0.05, rng=rng, data_sampler=rng.standard_normal)
    return (A + A.T).tocsc(), (B @ B.T + sp.eye_array(size)).tocsc()


@pytest.mark.parametrize("seed", range(20))
def test_negative_pivots_are_the_eigenvalues_below_the_shift(seed):
    A, M = _pair(seed)
    values = scipy.linalg.eigvalsh(A.toarray(), M.toarray())
    for shift in np.concatenate([(values[:-1] + values[1:])[::7] / 2, [values[0] - 1, values[-1] + 1]]):
        assert Factor((A - shift * M).tocsc()).negative == np.count_nonzero(values < shift)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("place", ["below", "among"])
def test_the_lowest_eigenpairs_are_those_of_a_dense_solve(seed, place):
    A, M = _pair(seed, size=200)
    exact, vectors = scipy.linalg.eigh(A.toarray(), M.toarray())
    shift = exact[0] - 0.5 if place == "below" else (exact[3] + exact[4]) / 2
    start = np.random.default_rng(1).standard_normal((200, 5))
    values, found = lowest_ritz(A, M, Factor((A - shift * M).tocsc()), start, tolerance=1e-12, count=4)
    assert values == pytest.approx(exact[:4], abs=1e-9)
    assert found.T @ (M @ found) == pytest.approx(np.eye(4), abs=1e-9)
    assert np.abs(found.T @ (M @ vectors[:, :4])) == pytest.approx(np.eye(4), abs=1e-4)


def test_a_degenerate_pair_is_found_whole():
    values = np.concatenate([[-1.0, -1.0, 0.5], np.linspace(1, 9, 97)])
    basis = scipy.linalg.qr(np.random.default_rng(3).standard_normal((100, 100)))[0]
    A, M = sp.csc_array(basis * values @ basis.T), sp.eye_array(100, format="csc")
    start = np.random.default_rng(4).standard_normal((100, 3))
    found, _ = lowest_ritz(A, M, Factor((A + 2 * M).tocsc()), start, tolerance=1e-12)
    assert found == pytest.approx([-1, -1, 0.5], abs=1e-10)


def test_ritz_values_are_upper_bounds():
    A, M = _pair(9, size=200)
    exact = scipy.linalg.eigvalsh(A.toarray(), M.toarray())
    start = np.random.default_rng(1).standard_normal((200, 2))
    values, _ = lowest_ritz(A, M, Factor((A - (exact[0] - 1) * M).tocsc()), start, tolerance=1e-3)
    assert np.all(values >= exact[:2] - 1e-12)


def test_a_singular_matrix_is_a_solver_error():
    with pytest.raises(SolverError, match="factorised"):
        Factor(sp.csc_array((3, 3)))
