"""Sparse matrices and vectors from elements and values at their quadrature points.

Coefficients are one array (E, Q) for each block of elements, made by :mod:`qdmol.potentials`. Matrices are given by
their entries on a sparsity :class:`Pattern` that all of one assembler share. Integrals run over the meshed part in the
elements' measure, without the symmetry's `turn`:

    stiffness  ∫ a ∇u·∇v,   mass  ∫ c u v,   angular  ∫ a u v / r²,

the last only about an axis, where the kinetic energy of the functions u e^{imφ} is stiffness + m² angular.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qdmol.arrays import Floats, Indices
from qdmol.fem.elements import Block, Elements
from qdmol.fem.symmetry import Direction, Symmetry


@dataclass(frozen=True)
class Pattern:
    """Sparsity pattern of a symmetric matrix (n, n): compressed columns, rows sorted."""

    rows: NDArray[np.int32]
    starts: NDArray[np.int32]

    @classmethod
    def of(cls, rows: Indices, columns: Indices, size: int) -> tuple[Pattern, Indices]:
        """Pattern of entries that may repeat, and for each its place among the pattern's entries."""
        order = _counting_sort(rows, size)
        order = order[_counting_sort(columns[order], size)]
        rows, columns = rows[order], columns[order]
        first = np.empty(len(order), dtype=np.bool_)
        first[:1] = True
        first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
        place = np.empty(len(order), dtype=np.intp)
        place[order] = np.cumsum(first) - 1
        starts = np.concatenate([[0], np.cumsum(np.bincount(columns[first], minlength=size))])
        return cls(rows[first].astype(np.int32), starts.astype(np.int32)), place

    @property
    def size(self) -> int:
        """Number n of rows and columns."""
        return len(self.starts) - 1

    @cached_property
    def columns(self) -> NDArray[np.int32]:
        """Column of every entry."""
        return np.repeat(np.arange(self.size, dtype=np.int32), np.diff(self.starts))

    @cached_property
    def diagonal(self) -> Indices:
        """Place of every diagonal entry; all are present."""
        return np.flatnonzero(self.rows == self.columns)

    @cached_property
    def _template(self) -> sp.csc_array:
        matrix = sp.csc_array((np.empty(len(self.rows)), self.rows, self.starts), shape=(self.size, self.size))
        matrix.has_sorted_indices = matrix.has_canonical_format = True
        return matrix

    def matrix(self, entries: Floats) -> sp.csc_array:
        """The matrix with these entries."""
        # A copy of one that has been checked: the same checks would take as long as a product with a vector.
        matrix = sp.csc_array.__new__(sp.csc_array)
        matrix.__dict__.update(self._template.__dict__, data=entries)
        return matrix

    def restrict(self, unknowns: Indices) -> tuple[Pattern, Indices]:
        """Pattern of some rows and the same columns, and the places of its entries in this one's."""
        kept = np.zeros(self.size, dtype=np.bool_)
        kept[unknowns] = True
        number = np.zeros(self.size, dtype=np.int32)
        number[unknowns] = np.arange(len(unknowns), dtype=np.int32)
        entries = np.flatnonzero(kept[self.rows] & np.repeat(kept, np.diff(self.starts)))
        # No entry of a column that is left out is kept, so that the ends of all columns are those of the kept ones.
        ends = np.searchsorted(entries, self.starts[1:][unknowns])
        return Pattern(number[self.rows[entries]], np.concatenate([[0], ends]).astype(np.int32)), entries


def _counting_sort(keys: Indices, size: int) -> Indices:
    """Stable order (k,) of keys (k,) in 0 to size - 1, in linear time: compressed rows turned into columns."""
    count = len(keys)
    by_row = sp.csr_array((np.ones(count, dtype=np.int8), keys, np.arange(count + 1)), shape=(count, size))
    return np.asarray(by_row.tocsc().indices, dtype=np.intp)


Coefficient = Sequence[Floats]


@dataclass(frozen=True)
class Assembler:
    """Assembles over the elements whose region is in `regions` (all where None)."""

    elements: Elements
    regions: frozenset[str] | None = None

    @cached_property
    def members(self) -> tuple[NDArray[np.bool_], ...]:
        """For each block, which of its elements are assembled."""
        names = self.elements.regions
        inside = np.array([self.regions is None or name in self.regions for name in names])
        return tuple(inside[block.region] for block in self.elements.blocks)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks with only the elements that are assembled."""
        if self.regions is None:
            return self.elements.blocks
        return tuple(block.some(member) for block, member in zip(self.elements.blocks, self.members, strict=True))

    @property
    def symmetry(self) -> Symmetry:
        """Symmetry of the elements."""
        return self.elements.symmetry

    @cached_property
    def points(self) -> Floats:
        """All quadrature points (P, d), nm."""
        return np.concatenate([block.points.reshape(-1, block.points.shape[-1]) for block in self.blocks])

    @cached_property
    def measure(self) -> Floats:
        """The elements' measure (P,) at all quadrature points."""
        return np.concatenate([block.measure.ravel() for block in self.blocks])

    @property
    def positions(self) -> list[Floats]:
        """Positions (P, 3) in space of all quadrature points, in each image."""
        return [image.place(self.points) for image in self.symmetry.images]

    def split(self, values: Floats) -> Coefficient:
        """Values (P,) at all quadrature points as arrays (E, Q), one for each block."""
        shapes = [block.measure.shape for block in self.blocks]
        ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(values, ends), shapes, strict=True)]

    @cached_property
    def unknowns(self) -> Indices:
        """Unknowns touched by these elements, sorted."""
        return np.flatnonzero(self._touched(self.members))

    @cached_property
    def rim(self) -> Indices:
        """Unknowns shared with excluded elements, and those on the outer boundary, where a wall is."""
        beside = self._touched([~member for member in self.members])
        beside[self.elements.boundaries["outer"]] = True
        return np.flatnonzero(beside & self._touched(self.members))

    def _touched(self, members: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Which unknowns (n,) belong to some elements of each block."""
        touched = np.zeros(self.elements.count, dtype=np.bool_)
        for block, member in zip(self.elements.blocks, members, strict=True):
            touched[block.unknowns[member]] = True
        return touched

    @cached_property
    def _pattern_and_places(self) -> tuple[Pattern, Indices]:
        rows = np.concatenate([np.repeat(b.unknowns, b.unknowns.shape[1], axis=0).ravel() for b in self.blocks])
        columns = np.concatenate([np.repeat(b.unknowns.ravel(), b.unknowns.shape[1]) for b in self.blocks])
        return Pattern.of(rows, columns, self.elements.count)

    @property
    def pattern(self) -> Pattern:
        """The pattern of every matrix made here."""
        return self._pattern_and_places[0]

    def entries(self, local: Sequence[Floats]) -> Floats:
        """Sum local symmetric matrices (E, N, N) of every block into the pattern's entries."""
        pattern, places = self._pattern_and_places
        flat = np.concatenate([a.ravel() for a in local])
        return np.asarray(np.bincount(places, weights=flat, minlength=len(pattern.rows)), dtype=np.float64)

    def stiffness(self, coefficient: Coefficient, potential: Coefficient | None = None) -> Floats:
        """∫ (a ∇u·∇v + c u v) for `coefficient` a and `potential` c (E, Q; none: 0)."""
        local = []
        for k, (block, a) in enumerate(zip(self.blocks, coefficient, strict=True)):
            w = (block.measure * a)[..., None]
            matrices = _gram(block.slopes[0], w)
            for slopes in block.slopes[1:]:
                matrices = matrices + _gram(slopes, w)
            if potential is not None:
                matrices += _gram(block.values, (block.measure * potential[k])[..., None])
            local.append(matrices)
        return self.entries(local)

    def mass(self, coefficient: Coefficient) -> Floats:
        """∫ c u v for `coefficient` c (E, Q)."""
        return self.entries(self._weighted([b.measure * c for b, c in zip(self.blocks, coefficient, strict=True)]))

    def angular(self, coefficient: Coefficient) -> Floats:
        """∫ a u v / r² for `coefficient` a (E, Q).

        In the kinetic energy of a sector it is multiplied with :meth:`Symmetry.angular_factor`.
        """
        return self.entries(
            self._weighted([b.weight / b.points[..., 0] * a for b, a in zip(self.blocks, coefficient, strict=True)])
        )

    def _weighted(self, weights: Sequence[Floats]) -> list[Floats]:
        return [_gram(block.values, w[..., None]) for block, w in zip(self.blocks, weights, strict=True)]

    def evaluate(self, vector: Floats) -> list[Floats]:
        """Values (E, Q) of a function given by its unknowns (n,)."""
        return [np.matmul(block.values, vector[block.unknowns][..., None])[..., 0] for block in self.blocks]

    def load(self, density: Coefficient) -> Floats:
        """∫ f v for `density` f (E, Q): a vector (n,)."""
        weights = [b.measure * f for b, f in zip(self.blocks, density, strict=True)]
        local = [np.matmul(w[:, None, :], block.values)[:, 0, :] for w, block in zip(weights, self.blocks, strict=True)]
        return self._gather(local)

    def dipole_load(self, direction: Direction, density: Coefficient) -> Floats:
        """∫ f e·∇(v χ) for `density` f (E, Q) and the unit vector e of a direction: a vector (n,).

        χ is the angular part of functions of the direction's sector. The mean of e·∇(v χ) about the axis is ∂z v along
        it, and half of ∂r v + v/r across it; the half is left out, as it is in the matrices.
        """
        return self._axial_load(density) if direction.axes == 1 else self._transverse_load(density)

    def _axial_load(self, density: Coefficient) -> Floats:
        """∫ f ∂z v for `density` f (E, Q): a vector (n,)."""
        weights = [b.measure * f for b, f in zip(self.blocks, density, strict=True)]
        local = [
            np.matmul(w[:, None, :], block.slopes[1])[:, 0, :] for w, block in zip(weights, self.blocks, strict=True)
        ]
        return self._gather(local)

    def _transverse_load(self, density: Coefficient) -> Floats:
        """∫ f (∂r v + v/r) for `density` f (E, Q): a vector (n,); the load of v cos φ in a field across the axis."""
        local = []
        for block, f in zip(self.blocks, density, strict=True):
            weight = (block.weight * f)[:, None, :]
            both = np.matmul(weight * block.points[:, None, :, 0], block.slopes[0]) + np.matmul(weight, block.values)
            local.append(both[:, 0, :])
        return self._gather(local)

    def gradient(self, vector: Floats) -> list[tuple[Floats, ...]]:
        """Derivatives (E, Q) along each coordinate of a function given by its unknowns (n,)."""
        return [
            tuple(np.matmul(slopes, vector[block.unknowns][..., None])[..., 0] for slopes in block.slopes)
            for block in self.blocks
        ]

    def integral(self, density: Coefficient) -> float:
        """∫ f for `density` f (E, Q)."""
        return float(sum(np.sum(b.measure * f) for b, f in zip(self.blocks, density, strict=True)))

    def _gather(self, local: Sequence[Floats]) -> Floats:
        places = np.concatenate([block.unknowns.ravel() for block in self.blocks])
        sums = np.bincount(places, weights=np.concatenate([a.ravel() for a in local]), minlength=self.elements.count)
        return np.asarray(sums, dtype=np.float64)


def _gram(values: Floats, weight: Floats) -> Floats:
    return np.asarray(np.matmul(np.swapaxes(values, 1, 2), values * weight))
