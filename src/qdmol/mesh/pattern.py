"""Sparsity patterns that many matrices share: a matrix is then one array of entries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["Pattern"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Pattern:
    """Where a symmetric sparse matrix (n, n) has entries: compressed columns, rows sorted."""

    rows: NDArray[np.int32]
    starts: NDArray[np.int32]

    @classmethod
    def of(cls, rows: Integers, columns: Integers, size: int) -> tuple[Pattern, Integers]:
        """Pattern of entries that may repeat, and for each its place among the pattern's entries."""
        unique, place = np.unique(columns * size + rows, return_inverse=True)
        found_columns, found_rows = np.divmod(unique, size)
        starts = np.searchsorted(found_columns, np.arange(size + 1))
        return cls(found_rows.astype(np.int32), starts.astype(np.int32)), place

    @property
    def size(self) -> int:
        """Number n of rows and columns."""
        return len(self.starts) - 1

    @cached_property
    def columns(self) -> NDArray[np.int32]:
        """Column of every entry."""
        return np.repeat(np.arange(self.size, dtype=np.int32), np.diff(self.starts))

    @cached_property
    def diagonal(self) -> Integers:
        """Place of every diagonal entry; all are present."""
        return np.flatnonzero(self.rows == self.columns)

    def matrix(self, entries: Floats) -> sp.csc_array:
        """The matrix with these entries."""
        return sp.csc_array((entries, self.rows, self.starts), shape=(self.size, self.size))

    def restrict(self, unknowns: Integers) -> tuple[Pattern, Integers]:
        """Pattern of some rows and the same columns, and the places of its entries in this one's."""
        number = np.full(self.size, -1, dtype=np.int32)
        number[unknowns] = np.arange(len(unknowns), dtype=np.int32)
        entries = np.flatnonzero((number[self.rows] >= 0) & (number[self.columns] >= 0))
        counts = np.bincount(number[self.columns[entries]], minlength=len(unknowns))
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        return Pattern(number[self.rows[entries]], starts), entries
