"""Davidson method: the lowest eigenpairs of a symmetric operator that is given by its product with a vector.

The subspace is expanded by the residuals, each divided by the difference between diagonal and Ritz value (Davidson,
J. Comput. Phys. 17, 87 (1975), doi:10.1016/0021-9991(75)90065-0); the Ritz values decrease towards the eigenvalues,
of which they are upper bounds.
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


def davidson(
    apply: Callable[[Floats], Floats],
    diagonal: Floats,
    start: Floats,
    *,
    tolerance: float,
    project: Callable[[Floats], Floats] | None = None,
) -> tuple[Floats, Floats]:
    """Return the lowest eigenpairs, as many as there are start vectors.

    Parameters
    ----------
    apply
        Product of the operator with a vector (n,).
    diagonal
        Its diagonal (n,).
    start
        Start vectors (n, k), linearly independent.
    tolerance
        Largest norm of a residual at convergence.
    project
        Projection of a vector (n,) onto the wanted symmetry of the operator.

    Returns
    -------
    values (k,), vectors (n, k)

    Raises
    ------
    SolverError
        The iteration does not converge.
    """
    count = start.shape[1]
    space = _Subspace(apply, project or (lambda x: x), len(diagonal))
    for column in start.T:
        space.add(column)
    for _ in range(MAX_ITERATIONS):
        values, mixing = space.ritz(count)
        residuals = space.residuals(values, mixing)
        norms = np.linalg.norm(residuals, axis=0)
        if np.all(norms < tolerance) or len(space) >= space.dimension:
            return values, space.vectors(mixing)
        if len(space) >= MAX_VECTORS * max(count, 2):
            space.shrink(count)
        for k in np.flatnonzero(norms >= tolerance):
            space.add(_corrected(residuals[:, k], values[k] - diagonal))
        if len(space) == space.last:
            return values, space.vectors(mixing)
        space.last = len(space)
    message = f"The Davidson iteration did not converge in {MAX_ITERATIONS} iterations."
    raise SolverError(message)


def _corrected(residual: Floats, distance: Floats) -> Floats:
    safe = np.where(np.abs(distance) < MIN_DENOMINATOR, np.copysign(MIN_DENOMINATOR, distance), distance)
    return residual / safe


class _Subspace:
    """An orthonormal basis and its images under the operator."""

    def __init__(self, apply: Callable[[Floats], Floats], project: Callable[[Floats], Floats], size: int) -> None:
        self._apply = apply
        self._project = project
        self.dimension = size
        self._basis: list[Floats] = []
        self._images: list[Floats] = []
        self.last = 0

    def __len__(self) -> int:
        return len(self._basis)

    def add(self, vector: Floats) -> None:
        """Add the part of a vector that is orthogonal to the basis and has the wanted symmetry, unless it vanishes."""
        x = self._project(vector)
        scale = float(np.linalg.norm(x))
        for _ in range(3):
            if self._basis:
                basis = np.stack(self._basis)
                x = x - basis.T @ (basis @ x)
        x = self._project(x)
        norm = float(np.linalg.norm(x))
        if scale == 0 or norm < 1e-9 * scale:
            return
        self._basis.append(x / norm)
        self._images.append(self._apply(x / norm))

    def ritz(self, count: int) -> tuple[Floats, Floats]:
        """Lowest Ritz values (count,), and the coefficients of the Ritz vectors in the basis."""
        inner = np.stack(self._basis) @ np.stack(self._images).T
        values, mixing = scipy.linalg.eigh((inner + inner.T) / 2)
        return values[:count], mixing[:, :count]

    def residuals(self, values: Floats, mixing: Floats) -> Floats:
        """Residuals H x - E x of the Ritz vectors (n, count)."""
        return np.stack(self._images).T @ mixing - (np.stack(self._basis).T @ mixing) * values

    def vectors(self, mixing: Floats) -> Floats:
        """Ritz vectors (n, count)."""
        return np.stack(self._basis).T @ mixing

    def shrink(self, count: int) -> None:
        """Restart with twice as many Ritz vectors as are wanted."""
        _, mixing = self.ritz(min(2 * count, len(self)))
        basis, images = mixing.T @ np.stack(self._basis), mixing.T @ np.stack(self._images)
        self._basis, self._images = list(basis), list(images)
        self.last = len(self)
