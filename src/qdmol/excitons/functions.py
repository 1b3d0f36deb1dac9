"""Functions u(r, z) of one carrier: what orbitals are made of.

A function is a vector (n,) on the carrier's mesh. Of a symmetric molecule the mesh is the upper half, and a function
of parity p continues as p times its mirror image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qdmol.linalg import lanczos
from qdmol.mesh import Coefficient
from qdmol.states import Hamiltonian, Operator

__all__ = ["Functions", "PointSums", "levels_below"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

# How well (relative) the functions of a basis need to be eigenfunctions.
LOOSE = 1e-4
# More than this many levels in one block are not looked for.
MOST_LEVELS = 200


@dataclass(frozen=True)
class Functions:
    """R functions u(r, z) with ∫ u² d³r = 1 over the whole molecule.

    `vectors` (R, n) on the mesh of `hamiltonian`, `m` (R,) >= 0, `parity` (R,).
    """

    hamiltonian: Hamiltonian
    vectors: Floats
    m: Integers
    parity: Integers

    def __len__(self) -> int:
        return len(self.m)

    @property
    def images(self) -> int:
        """Copies of the meshed part that make up the molecule."""
        return len(self.hamiltonian.parities)

    def take(self, chosen: Integers) -> Functions:
        """Some of the functions."""
        return replace(self, vectors=self.vectors[chosen], m=self.m[chosen], parity=self.parity[chosen])

    @cached_property
    def sums(self) -> PointSums:
        """Integrals of products of these functions."""
        return PointSums(self.hamiltonian, self.vectors)


class PointSums:
    """Functions (R, n) at the quadrature points of their carrier."""

    def __init__(self, hamiltonian: Hamiltonian, vectors: Floats) -> None:
        self.hamiltonian = hamiltonian
        blocks = hamiltonian.assembler.blocks
        parts = [np.matmul(b.values, vectors[:, b.unknowns].transpose(1, 2, 0)) for b in blocks]
        self.values: Floats = np.concatenate([part.reshape(-1, len(vectors)) for part in parts]).T.copy()
        self.weights: Floats = np.concatenate([(b.weight * b.r).ravel() for b in blocks])
        self.z: Floats = np.concatenate([b.z.ravel() for b in blocks])

    def __call__(self, coefficient: Floats) -> Floats:
        """∫ c u_a u_b d³r (R, R) over the meshed part for c (P,)."""
        return np.asarray(2 * math.pi * (self.values * (coefficient * self.weights)) @ self.values.T)

    def loads(self, pairs: Integers) -> Floats:
        """∫ u_a u_b v r dr dz (n, pairs) for shape functions v over the meshed part, of pairs (pairs, 2)."""
        found = np.zeros((self.hamiltonian.elements.count, len(pairs)))
        start = 0
        density = self.values[pairs[:, 0]] * self.values[pairs[:, 1]] * self.weights
        for block in self.hamiltonian.assembler.blocks:
            points = block.r.size
            local = density[:, start : start + points].T.reshape(*block.r.shape, len(pairs))
            np.add.at(found, block.unknowns, np.matmul(block.values.transpose(0, 2, 1), local))
            start += points
        return found

    def near(self, centres: Floats) -> Floats:
        """∫ u_a u_b d³r (D, R, R) over the part of space nearest to each centre (D,) along z."""
        signs = (1, -1) if self.hamiltonian.half else (1,)
        found = np.zeros((len(centres), len(self.values), len(self.values)))
        for sign in signs:
            nearest = np.argmin(np.abs(sign * self.z[:, None] - centres), axis=1)
            for dot in range(len(centres)):
                found[dot] += self((nearest == dot).astype(float))
        return found


def levels_below(operator: Operator, m: int, parity: int, top: float, *, most: int = MOST_LEVELS) -> tuple[Floats, Floats]:
    """Approximate levels (eV) of one block below `top` and their vectors (k, n), normalised on the mesh."""
    pair = operator.pair(m, parity, coarse=False)
    count = pair.factor(top).negative if math.isfinite(top) else most
    count = min(count, most, len(pair.unknowns) // 3)
    if count == 0:
        return np.empty(0), np.empty((0, len(pair.unknowns)))
    start = np.cos(1.0 + np.arange(len(pair.unknowns)) ** 1.5)
    factor = operator.floor_factor(m, parity, coarse=False)
    energies, vectors = lanczos(pair.M, factor, operator.floor, count, start, tolerance=LOOSE)
    return energies, vectors.T


def joined(coefficient: Coefficient) -> Floats:
    """Values at all quadrature points (P,)."""
    return np.concatenate([part.ravel() for part in coefficient])
