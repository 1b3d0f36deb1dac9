"""The lowest eigenpairs of a symmetric operator that is known by what it does to a vector.

A subspace grows by the residuals, each divided by the distance of the diagonal from the value (Davidson, J. Comput.
Phys. 17, 87 (1975), doi:10.1016/0021-9991(75)90065-0); its Ritz values fall towards the eigenvalues they bound.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg

from qdmol.arrays import Floats
from qdmol.errors import SolverError

ROUNDS = 200
# The subspace shrinks to the last Ritz vectors when it has this many vectors for each wanted one.
LARGEST = 12
# A denominator nearer to zero than this (eV) would let rounding lead.
NEAREST = 1e-3


def davidson(
    apply: Callable[[Floats], Floats],
    diagonal: Floats,
    start: Floats,
    *,
    rest: float,
    project: Callable[[Floats], Floats] | None = None,
) -> tuple[Floats, Floats]:
    """The lowest eigenpairs, as many as start vectors.

    Parameters
    ----------
    apply
        The operator on one vector (n,).
    diagonal
        Its diagonal (n,).
    start
        First vectors (n, k), linearly independent.
    rest
        The norm of each residual at the end.
    project
        A symmetry of the operator: keeps a vector (n,) in the wanted subspace.

    Returns
    -------
    values (k,), vectors (n, k)

    Raises
    ------
    SolverError
        It does not come to rest.
    """
    count = start.shape[1]
    space = _Subspace(apply, project or (lambda x: x), len(diagonal))
    for column in start.T:
        space.add(column)
    for _ in range(ROUNDS):
        values, mixing = space.ritz(count)
        residuals = space.residuals(values, mixing)
        norms = np.linalg.norm(residuals, axis=0)
        if np.all(norms < rest) or len(space) >= space.dimension:
            return values, space.vectors(mixing)
        if len(space) >= LARGEST * max(count, 2):
            space.shrink(count)
        for k in np.flatnonzero(norms >= rest):
            space.add(_corrected(residuals[:, k], values[k] - diagonal))
        if len(space) == space.last:
            return values, space.vectors(mixing)
        space.last = len(space)
    message = "The lowest states of several particles did not come to rest."
    raise SolverError(message)


def _corrected(residual: Floats, distance: Floats) -> Floats:
    safe = np.where(np.abs(distance) < NEAREST, np.copysign(NEAREST, distance), distance)
    return residual / safe


class _Subspace:
    """An orthonormal set and what the operator does to it."""

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
        """Take in what of a vector is new and of the right symmetry; nothing where nothing is."""
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
        """The lowest Ritz values (count,) and how they mix the set."""
        inner = np.stack(self._basis) @ np.stack(self._images).T
        values, mixing = scipy.linalg.eigh((inner + inner.T) / 2)
        return values[:count], mixing[:, :count]

    def residuals(self, values: Floats, mixing: Floats) -> Floats:
        """H x - E x of each Ritz vector (n, count)."""
        return np.stack(self._images).T @ mixing - (np.stack(self._basis).T @ mixing) * values

    def vectors(self, mixing: Floats) -> Floats:
        """The Ritz vectors (n, count)."""
        return np.stack(self._basis).T @ mixing

    def shrink(self, count: int) -> None:
        """Keep twice as many Ritz vectors as are wanted."""
        _, mixing = self.ritz(min(2 * count, len(self)))
        basis, images = mixing.T @ np.stack(self._basis), mixing.T @ np.stack(self._images)
        self._basis, self._images = list(basis), list(images)
        self.last = len(self)
