"""Functions u(r, z) of one carrier: what orbitals are made of.

A function is a vector (n,) on the carrier's mesh. Of a symmetric molecule the mesh is the upper half, and a function
of parity p continues as p times its mirror image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.linalg
import scipy.sparse as sp

from qdmol.arrays import Floats, Indices
from qdmol.linalg import Factor, lanczos
from qdmol.states import Hamiltonian, Pair

# Values of products of functions that are there at once, and the pairs that are taken at once.
PRODUCTS = 4_000_000
CHUNK = 128
# How well (relative) the functions of a basis need to solve their equation.
LOOSE = 1e-4
# More than this many in one block are not looked for.
MOST = 200
# A shift (eV) below all solutions.
SHIFT = -0.05
# A candidate with less than this norm squared outside the ones before it is dropped.
DEPENDENT = 1e-6


@dataclass(frozen=True)
class Functions:
    """R functions u(r, z) with ∫ u² d³r = 1 over the whole molecule.

    `vectors` (R, n) on the mesh of `hamiltonian`, `m` (R,) >= 0, `parity` (R,).
    """

    hamiltonian: Hamiltonian
    vectors: Floats
    m: Indices
    parity: Indices

    def __len__(self) -> int:
        return len(self.m)

    @property
    def images(self) -> int:
        """Copies of the meshed part that make up the molecule."""
        return len(self.hamiltonian.parities)

    def take(self, chosen: Indices) -> Functions:
        """Some of the functions."""
        return replace(self, vectors=self.vectors[chosen], m=self.m[chosen], parity=self.parity[chosen])

    @cached_property
    def sums(self) -> PointSums:
        """The functions at the quadrature points."""
        return PointSums(self.hamiltonian, self.vectors)

    def near(self, centres: Floats) -> Floats:
        """∫ ψ_a* ψ_b (D, R, R) over the part of space nearest to each centre (D,) along z."""
        sums = self.sums
        found = np.zeros((len(centres), len(self), len(self)))
        for sign in (1, -1)[: self.images]:
            nearest = np.argmin(np.abs(sign * sums.z[:, None] - centres), axis=1)
            # The mirror image of an odd function has the other sign.
            mirrored = np.where(self.parity == -1, sign, 1)
            for dot in range(len(centres)):
                there = np.flatnonzero(nearest == dot)
                values = sums.values[:, there] * mirrored[:, None]
                found[dot] += (values * sums.weights[there]) @ values.T
        found *= 2 * math.pi * (self.m[:, None] == self.m)
        return found


class PointSums:
    """Functions (R, n) at the quadrature points of their carrier."""

    def __init__(self, hamiltonian: Hamiltonian, vectors: Floats) -> None:
        self.hamiltonian = hamiltonian
        blocks = hamiltonian.assembler.blocks
        parts = [np.matmul(b.values, vectors[:, b.unknowns].transpose(1, 2, 0)) for b in blocks]
        self.values: Floats = np.concatenate([part.reshape(-1, len(vectors)) for part in parts]).T.copy()
        self.weights: Floats = np.concatenate([(b.weight * b.r).ravel() for b in blocks])
        self.z: Floats = np.concatenate([b.z.ravel() for b in blocks])

    def loads(self, pairs: Indices) -> Floats:
        """∫ u_a u_b v r dr dz (n, pairs) for shape functions v over the meshed part, of pairs (pairs, 2)."""
        found = np.zeros((self.hamiltonian.elements.count, len(pairs)))
        chunk = min(CHUNK, max(1, PRODUCTS // len(self.weights)))
        for start in range(0, len(pairs), chunk):
            some = pairs[start : start + chunk]
            found[:, start : start + chunk] = self.gather(self.values[some[:, 0]] * self.values[some[:, 1]])
        return found

    def gather(self, values: Floats) -> Floats:
        """∫ f v r dr dz (n, k) for shape functions v over the meshed part, of f (k, P)."""
        found = np.zeros((self.hamiltonian.elements.count, len(values)))
        density = values * self.weights
        end = 0
        for block in self.hamiltonian.assembler.blocks:
            begin, end = end, end + block.r.size
            local = density[:, begin:end].T.reshape(*block.r.shape, len(values))
            gathered = np.matmul(block.values.transpose(0, 2, 1), local).reshape(-1, len(values))
            unknowns = block.unknowns.ravel()
            entries = np.ones(len(unknowns)), (unknowns, np.arange(len(unknowns)))
            found += sp.csr_array(entries, shape=(len(found), len(unknowns))) @ gathered
        return found


def spread(pair: Pair, top: float, *, most: int = MOST) -> tuple[Floats, Floats]:
    """Approximate solutions of A x = β M x with β < `top`, the lowest `most` of them: β (k,) and vectors (k, n).

    A is positive but for the lowest level itself, M positive or zero.
    """
    below = pair.factor(top).negative if math.isfinite(top) else most
    count = min(below, most, len(pair.unknowns) // 3)
    if count == 0:
        return np.empty(0), np.empty((0, len(pair.unknowns)))
    return low_levels(pair, pair.factor(SHIFT), SHIFT, count)


def low_levels(pair: Pair, factor: Factor, shift: float, count: int) -> tuple[Floats, Floats]:
    """Approximate solutions of A x = E M x, the lowest `count` or as many as fit: E (k,) and vectors (k, n).

    `factor` is of A - shift M, the shift below all of them.
    """
    count = min(count, len(pair.unknowns) // 3)
    start = np.cos(1.0 + np.arange(len(pair.unknowns)) ** 1.5)
    orders, vectors = lanczos(pair.M, factor, shift, count, start, tolerance=LOOSE)
    return orders, vectors.T


def independent(candidates: Floats, overlap: sp.csc_array) -> tuple[Indices, Floats]:
    """Orthonormal vectors (k, n) from candidates (c, n) one after the other, and which candidates brought something."""
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
        if norm > DEPENDENT:
            kept.append(number)
            rows = np.concatenate([rows, row[None] / math.sqrt(norm)])
    found = (rows / norms) @ candidates
    # Once more: small norms lose digits.
    root = scipy.linalg.cholesky(found @ (overlap @ found.T), lower=True)
    return np.array(kept, dtype=np.intp), np.asarray(scipy.linalg.solve_triangular(root, found, lower=True))
