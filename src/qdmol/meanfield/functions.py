"""Functions of one carrier, from which orbitals are made.

A function is a vector (n,) on the carrier's mesh and a sector, by which it continues to the images of the mesh.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from qdmol.arrays import Floats, Indices
from qdmol.fem import Sector
from qdmol.linalg import Factor, lowest_pairs
from qdmol.states import Hamiltonian, Level, Pencil
from qdmol.structure import nearest_dot

# Values of products of functions that are there at once, and the pairs that are taken at once.
MAX_PRODUCTS = 4_000_000
PAIRS_AT_A_TIME = 128
# Relative accuracy to which the functions of a basis solve their equation.
BASIS_ACCURACY = 1e-4
# Largest number of functions of one sector.
MAX_FUNCTIONS = 200
# A candidate with less than this norm squared outside the ones before it is dropped.
MIN_INDEPENDENT_NORM = 1e-6


@dataclass(frozen=True)
class Functions:
    """Set of R functions with ∫ ψ² d³r = 1 over the whole molecule.

    `vectors` (R, n) lie on the mesh of `hamiltonian`; `sectors` has the sector of each.
    """

    hamiltonian: Hamiltonian
    vectors: Floats
    sectors: tuple[Sector, ...]

    def __len__(self) -> int:
        return len(self.sectors)

    @classmethod
    def of_levels(cls, hamiltonian: Hamiltonian, levels: Iterable[Level]) -> Functions:
        """The functions of levels of a Hamiltonian."""
        listed = tuple(levels)
        norm = math.sqrt(hamiltonian.symmetry.turn * len(hamiltonian.symmetry.images))
        return cls(hamiltonian, np.stack([level.vector for level in listed]) / norm, tuple(x.sector for x in listed))

    @cached_property
    def numbers(self) -> Indices:
        """Quantum numbers (R, K) of the functions, for the symmetry's `combine` and `overlap_locally`."""
        return np.array([sector.numbers for sector in self.sectors], dtype=np.intp)

    @property
    def images(self) -> int:
        """Copies of the meshed part that make up the molecule."""
        return len(self.hamiltonian.symmetry.images)

    def take(self, chosen: Indices) -> Functions:
        """Some of the functions."""
        return replace(self, vectors=self.vectors[chosen], sectors=tuple(self.sectors[k] for k in chosen))

    @cached_property
    def sums(self) -> PointSums:
        """The functions at the quadrature points."""
        return PointSums(self.hamiltonian, self.vectors)

    def near(self, centres: Floats) -> Floats:
        """∫ ψ_a* ψ_b (D, R, R) over the part of space nearest to each centre (D, 3)."""
        sums, symmetry = self.sums, self.hamiltonian.symmetry
        signs = np.array([symmetry.signs(sector) for sector in self.sectors])
        overlaps = np.zeros((len(centres), len(self), len(self)))
        for image, positions in enumerate(sums.assembler.positions):
            nearest = nearest_dot(positions, centres)
            for dot in range(len(centres)):
                there = np.flatnonzero(nearest == dot)
                values = sums.by_point[there] * signs[:, image]
                overlaps[dot] += values.T @ (values * sums.weights[there, None])
        overlaps *= symmetry.turn * symmetry.overlap_locally(self.numbers[:, None], self.numbers[None])
        return overlaps


class PointSums:
    """Functions (R, n) at the quadrature points of their carrier.

    Attributes
    ----------
    by_point
        (P, R): values at every point.
    weights
        (P,): the elements' measure.
    """

    def __init__(self, hamiltonian: Hamiltonian, vectors: Floats) -> None:
        self.hamiltonian = hamiltonian
        self.assembler = hamiltonian.assembler
        parts = [np.matmul(b.values, vectors[:, b.unknowns].transpose(1, 2, 0)) for b in self.assembler.blocks]
        self.by_point: Floats = np.concatenate([part.reshape(-1, len(vectors)) for part in parts])
        self.weights: Floats = self.assembler.measure

    @property
    def values(self) -> Floats:
        """Values (R, P) of every function."""
        return self.by_point.T

    def loads(self, pairs: Indices) -> Floats:
        """∫ u_a u_b v (n, pairs) for shape functions v over the meshed part, of pairs (pairs, 2)."""
        loads = np.zeros((self.hamiltonian.size, len(pairs)))
        chunk = min(PAIRS_AT_A_TIME, max(1, MAX_PRODUCTS // len(self.weights)))
        for start in range(0, len(pairs), chunk):
            first, second = pairs[start : start + chunk].T
            density = self._weighted[:, first] * self.by_point[:, second]
            loads[:, start : start + chunk] = self._gather(density)
        return loads

    @cached_property
    def _weighted(self) -> Floats:
        return self.by_point * self.weights[:, None]

    @cached_property
    def _places(self) -> sp.csr_array:
        """Sum over the shape functions of all elements, one unknown after the other: (n, shape functions)."""
        unknowns = np.concatenate([block.unknowns.ravel() for block in self.assembler.blocks])
        entries = np.ones(len(unknowns)), (unknowns, np.arange(len(unknowns)))
        return sp.csr_array(entries, shape=(self.hamiltonian.size, len(unknowns)))

    def _gather(self, density: Floats) -> Floats:
        """Σ f v (n, k) for shape functions v, of f (P, k) that contains the points' weights."""
        columns, end = density.shape[1], 0
        local = []
        for block in self.assembler.blocks:
            begin, end = end, end + block.measure.size
            values = density[begin:end].reshape(*block.measure.shape, columns)
            local.append(np.matmul(block.values.transpose(0, 2, 1), values).reshape(-1, columns))
        return np.asarray(self._places @ np.concatenate(local))


def low_levels(pencil: Pencil, factor: Factor, count: int) -> tuple[Floats, Floats]:
    """Approximate solutions of A x = E M x, the lowest `count` or as many as fit: E (k,) and vectors (k, n).

    `factor` is of A - σM, the shift σ below all of them.
    """
    count = min(count, len(pencil.unknowns) // 3)
    orders, vectors = lowest_pairs(pencil.M, factor, count, tolerance=BASIS_ACCURACY)
    return orders, vectors.T


def independent(candidates: Floats, overlap: sp.csc_array) -> tuple[Indices, Floats]:
    """Orthonormal vectors (k, n) from candidates (c, n), and the candidates (k,) that do not depend on those before."""
    products = candidates @ (overlap @ candidates.T)
    norms = np.sqrt(np.diagonal(products))
    products = products / norms / norms[:, None]
    kept: list[int] = []
    rows = np.empty((0, len(candidates)))
    for number in range(len(candidates)):
        row = np.zeros(len(candidates))
        row[number] = 1.0
        for _ in range(2):
            row = row - (rows @ (products @ row)) @ rows
        norm = float(row @ products @ row)
        if norm > MIN_INDEPENDENT_NORM:
            kept.append(number)
            rows = np.concatenate([rows, row[None] / math.sqrt(norm)])
    vectors = (rows / norms) @ candidates
    # Once more: small norms lose digits.
    root = scipy.linalg.cholesky(vectors @ (overlap @ vectors.T), lower=True)
    return np.array(kept, dtype=np.intp), np.asarray(scipy.linalg.solve_triangular(root, vectors, lower=True))
