"""Factorisation, inertia and shift-invert Lanczos for A x = λ M x, A symmetric, M symmetric positive definite.

Sylvester's law of inertia: the factors of A - σM have as many negative pivots as there are eigenvalues below σ. It is the proof
that no level was missed. SuperLU in symmetric mode with pivot threshold 0 keeps the pivots on the diagonal (X. S. Li,
ACM Trans. Math. Softw. 31, 302 (2005), doi:10.1145/1089014.1089017).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla
from numpy.typing import NDArray

from qdmol.errors import SolverError

__all__ = ["Factor", "eigenpairs"]

Floats = NDArray[np.float64]


class Factor:
    """LU factors of a sparse symmetric matrix.

    Raises
    ------
    SolverError
        The matrix is singular to rounding: for A - σM that means that σ is an eigenvalue.
    """

    def __init__(self, matrix: sp.csc_array) -> None:
        try:
            self._lu = spla.splu(
                matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
            )
        except RuntimeError as error:
            raise SolverError(f"A sparse matrix could not be factorised: {error}.") from error
        self.shape = matrix.shape

    def solve(self, right: Floats) -> Floats:
        """Solution for one right side (n,) or several (n, k)."""
        return np.asarray(self._lu.solve(right))

    @cached_property
    def negative(self) -> int:
        """Number of negative pivots: of eigenvalues below the shift."""
        return int(np.count_nonzero(self._lu.U.diagonal() < 0))


def eigenpairs(
    mass: sp.csc_array, factor: Factor, shift: float, count: int, *, start: Floats, tolerance: float = 0.0
) -> tuple[Floats, Floats]:
    """The `count` eigenpairs nearest above or below `shift`, in ascending order.

    Parameters
    ----------
    mass
        M (n, n).
    factor
        Of A - shift M.
    start
        Starting vector (n,): never random, so that results repeat.
    tolerance
        Relative accuracy asked of ARPACK (0: rounding).

    Returns
    -------
    values (count,), vectors (n, count), M-orthonormal.

    Raises
    ------
    SolverError
        The iteration did not converge.
    """
    inverse = spla.LinearOperator(factor.shape, matvec=factor.solve, dtype=np.float64)
    try:
        values, vectors = spla.eigsh(
            mass,  # stands for the shape: with OPinv given ARPACK never asks for A
            k=count,
            M=mass,
            sigma=shift,
            OPinv=inverse,
            v0=mass @ start,
            tol=tolerance,
        )
    except spla.ArpackError as error:
        raise SolverError(f"The eigenvalue iteration did not converge: {error}") from error
    order = np.argsort(values)
    return values[order], vectors[:, order]
