"""Many of the lowest eigenpairs of A x = λ M x, A - σM positive definite, M positive definite or only semidefinite.

Block Lanczos method for the inverse (A - σM)^-1 M (Ericsson and Ruhe, Math. Comp. 35, 1251 (1980),
doi:10.1090/S0025-5718-1980-0583502-2). The space is kept orthonormal in full and is not restarted, so that it takes
fewer products than a restarted one; all vectors but the start are products, which have no part where M vanishes.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp

from qdmol.arrays import Floats
from qdmol.errors import SolverError
from qdmol.linalg.symmetric import Factor

# Vectors that are solved for at once: more cost less each, but less of the space that they span is useful.
BLOCK = 3
# Norm of a part of a block, relative to the block, that is due to rounding; and the least square of a norm relative to
# that of the largest part.
DEPENDENT, ROUNDING = 1e-11, 1e-13
# The Ritz values are computed whenever the space has grown by this part.
GROWTH = 0.15
# Vectors for which the space has room at first, if their number is not known.
FIRST_ROOM = 300
# Largest number of blocks.
STEPS = 1000


def lowest_pairs(
    M: sp.csc_array,
    factor: Factor,
    count: int,
    *,
    tolerance: float,
    top: float = math.inf,
) -> tuple[Floats, Floats]:
    """Return the lowest eigenpairs: at most `count`, at most those below `top`, at most as many as M has.

    Parameters
    ----------
    M
        Symmetric positive semidefinite matrix (n, n).
    factor
        Factors of A - σM, positive definite: the shift σ is below all eigenvalues.
    count
        Largest number of eigenpairs.
    tolerance
        Relative residual of (A - σM)^-1 M x = x / (λ - σ) at convergence; the relative error of λ - σ is of its square.
    top
        Upper bound of the eigenvalues.

    Returns
    -------
    values (k,) ascending, vectors (n, k), M-orthonormal

    Raises
    ------
    SolverError
        The iteration did not converge.
    """
    size = factor.shape[0]
    width = min(BLOCK, size)
    # Fixed, so that results are reproducible, and unlike any function of a molecule.
    start = np.cos(1.0 + np.arange(size)[:, None] ** 1.5 * (1.0 + 0.618 * np.arange(width)))
    # Memory that is not written takes no room.
    space = _Space(M, min(size, 4 * BLOCK + (2 * count if math.isinf(top) else FIRST_ROOM)))
    space.extend(factor.solve(np.asarray(M @ start)))
    bound = 0.0 if math.isinf(top) else 1 / (top - factor.shift)
    tested = count + 2 * BLOCK if math.isinf(top) else 3 * BLOCK
    for _ in range(STEPS):
        if not len(space):
            break
        outside = space.extend(factor.solve(space.last))
        exhausted = not len(outside)
        if len(space) < tested and not exhausted:
            continue
        tested = len(space) + max(BLOCK, math.ceil(GROWTH * len(space)))
        inverse, mixing, residual = space.ritz(outside)
        converged = residual <= tolerance * inverse
        inside = min(count, int(np.count_nonzero(inverse > bound)))
        # The next value is beyond the bound even with its error.
        beyond = inverse[inside : inside + 1] + residual[inside : inside + 1] < bound
        complete = exhausted or inside == count or beyond.any()
        if complete and (exhausted or converged[:inside].all()):
            return factor.shift + 1 / inverse[:inside], space.vectors(mixing[:, :inside])
    else:
        message = f"The levels did not converge in {STEPS} steps of a block Krylov space."
        raise SolverError(message)
    return np.empty(0), np.empty((size, 0))


class _Space:
    """M-orthonormal vectors V (m, n) with M V, and V' M (A - σM)^-1 M V of all but the last block of them."""

    def __init__(self, M: sp.csc_array, room: int) -> None:
        self._matrix = M
        self._vectors, self._images = np.empty((room, M.shape[0])), np.empty((room, M.shape[0]))
        self._inner = np.zeros((room, room))
        self._count, self._last = 0, slice(0, 0)

    def __len__(self) -> int:
        return self._count

    @property
    def last(self) -> Floats:
        """M v (n, k) of the vectors added last."""
        return self._images[self._last].T

    def extend(self, block: Floats) -> Floats:
        """Enter the products (A - σM)^-1 M v (n, k) of the last vectors, and add their part outside the space.

        Returns
        -------
        (r, k): the coefficients of that part in the r vectors that were added.
        """
        rows, known = block.T, self._count
        vectors, images = self._vectors[:known], self._images[:known]
        inner = images @ rows.T
        if known:
            self._inner[:known, self._last] = inner
        rows = rows - inner.T @ vectors
        # Twice is enough (Kahan).
        rows = rows - (rows @ images.T) @ vectors
        image = np.asarray(self._matrix @ rows.T).T
        norm, axes = np.linalg.eigh(rows @ image.T)
        whole = float(np.vdot(inner, inner)) + float(norm[-1])
        kept = norm > max(DEPENDENT**2 * whole, ROUNDING * float(norm[-1]))
        root, axes = np.sqrt(norm[kept]), axes[:, kept]
        self._last = slice(known, known + len(root))
        self._count = self._last.stop
        self._make_room()
        self._vectors[self._last], self._images[self._last] = (axes / root).T @ rows, (axes / root).T @ image
        return np.asarray(root[:, None] * axes.T)

    def _make_room(self) -> None:
        room = len(self._inner)
        if self._count > room:
            more = max(self._count, 2 * room) - room
            self._vectors, self._images = (np.pad(x, ((0, more), (0, 0))) for x in (self._vectors, self._images))
            self._inner = np.pad(self._inner, ((0, more), (0, more)))

    def ritz(self, outside: Floats) -> tuple[Floats, Floats, Floats]:
        """Ritz values (k,), largest first, their vectors (known, k), and the norms of their residuals (k,).

        `outside` are the coefficients of the last products in the vectors added last.
        """
        known, width = self._last.start, outside.shape[1]
        values, mixing = np.linalg.eigh(self._inner[:known, :known], UPLO="U")
        kept = values[::-1] > 0
        values, mixing = values[::-1][kept], mixing[:, ::-1][:, kept]
        return values, mixing, np.linalg.norm(outside @ mixing[known - width :], axis=0)

    def vectors(self, mixing: Floats) -> Floats:
        """Combinations (n, k) of the first vectors."""
        return np.asarray(self._vectors[: len(mixing)].T @ mixing)
