"""Davidson method: the lowest eigenpairs of a symmetric operator that is given by its product with vectors.

The subspace is expanded by the residuals, each divided by the difference between diagonal and Ritz value (Davidson,
J. Comput. Phys. 17, 87 (1975), doi:10.1016/0021-9991(75)90065-0); the Ritz values decrease towards the eigenvalues,
of which they are upper bounds. All vectors of a step are handled as one block, so that almost all the work is done in
products of matrices.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg

from qdmol.arrays import Floats
from qdmol.errors import SolverError

MAX_ITERATIONS = 200
# The subspace is restarted from the Ritz vectors when it has this many vectors for each wanted one.
MAX_VECTORS = 12
# Denominators are kept this far from zero (eV), where rounding errors would dominate.
MIN_DENOMINATOR = 1e-3
# Relative norm of the part of a vector outside a subspace that is due to rounding.
DEPENDENT = 1e-9
# A vector that orthogonalising leaves at least this part of its norm is orthogonal to rounding.
SHRUNK = 0.7


def davidson(
    apply: Callable[[Floats], Floats], diagonal: Floats, start: Floats, *, tolerance: float
) -> tuple[Floats, Floats]:
    """Return the lowest eigenpairs, as many as there are start vectors.

    Parameters
    ----------
    apply
        Product of the operator with each of several vectors (k, n).
    diagonal
        Its diagonal (n,), or an estimate of it.
    start
        Start vectors (k, n), linearly independent.
    tolerance
        Largest norm of a residual at convergence.

    Returns
    -------
    values (k,), vectors (k, n)

    Raises
    ------
    SolverError
        The iteration does not converge.
    """
    count, size = start.shape
    space = _Subspace(apply, size, MAX_VECTORS * max(count, 2) + count)
    space.add(start)
    last = 0
    for _ in range(MAX_ITERATIONS):
        values, mixing = space.ritz(count)
        residuals = space.residuals(values, mixing)
        norms = np.linalg.norm(residuals, axis=1)
        if np.all(norms < tolerance) or len(space) >= size or len(space) == last:
            return values, space.vectors(mixing)
        if len(space) >= MAX_VECTORS * max(count, 2):
            space.shrink(2 * count)
        last = len(space)
        missing = norms >= tolerance
        space.add(_corrected(residuals[missing], values[missing, None] - diagonal))
    message = f"The Davidson iteration did not converge in {MAX_ITERATIONS} iterations."
    raise SolverError(message)


def _corrected(residuals: Floats, distance: Floats) -> Floats:
    near = np.abs(distance) < MIN_DENOMINATOR
    distance[near] = np.copysign(MIN_DENOMINATOR, distance[near])
    return residuals / distance


def _orthogonal(x: Floats, basis: Floats) -> Floats:
    """Part of a vector (n,) orthogonal to a basis; again if it shrinks, by which it loses digits."""
    norm = float(np.linalg.norm(x))
    for _ in range(3):
        before = norm
        x = x - (basis @ x) @ basis
        norm = float(np.linalg.norm(x))
        if norm >= SHRUNK * before:
            break
    return x


class _Subspace:
    """An orthonormal basis of at most `most` vectors (n,), its images under the operator, and the operator in it."""

    def __init__(self, apply: Callable[[Floats], Floats], size: int, most: int) -> None:
        self._apply = apply
        self._basis = np.empty((most, size))
        self._images = np.empty((most, size))
        self._inner = np.empty((most, most))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, vectors: Floats) -> None:
        """Add the parts of vectors (k, n) that are orthogonal to the basis, unless they vanish."""
        first = self._count
        known = self._basis[:first]
        scales = np.linalg.norm(vectors, axis=1)
        vectors = vectors - (vectors @ known.T) @ known
        for vector, scale in zip(vectors, scales, strict=True):
            x = _orthogonal(vector, self._basis[: self._count])
            norm = float(np.linalg.norm(x))
            if norm > DEPENDENT * scale:
                self._basis[self._count] = x / norm
                self._count += 1
        new, end = slice(first, self._count), self._count
        if first == end:
            return
        self._images[new] = self._apply(self._basis[new])
        self._inner[new, :end] = self._images[new] @ self._basis[:end].T
        self._inner[:first, new] = self._inner[new, :first].T

    def ritz(self, count: int) -> tuple[Floats, Floats]:
        """Lowest Ritz values (count,), and the coefficients (count, basis) of the Ritz vectors in the basis."""
        inner = self._inner[: self._count, : self._count]
        values, mixing = scipy.linalg.eigh((inner + inner.T) / 2, check_finite=False)
        return values[:count], mixing[:, :count].T

    def residuals(self, values: Floats, mixing: Floats) -> Floats:
        """Residuals H x - E x (count, n) of the Ritz vectors."""
        return np.asarray(mixing @ self._images[: self._count] - values[:, None] * self.vectors(mixing))

    def vectors(self, mixing: Floats) -> Floats:
        """Ritz vectors (count, n)."""
        return np.asarray(mixing @ self._basis[: self._count])

    def shrink(self, count: int) -> None:
        """Restart with some Ritz vectors."""
        values, mixing = self.ritz(min(count, self._count))
        kept = len(values)
        self._basis[:kept], self._images[:kept] = self.vectors(mixing), mixing @ self._images[: self._count]
        self._inner[:kept, :kept] = np.diag(values)
        self._count = kept
