"""The functions a carrier may have: unknowns and sparsity of every block, shared by all carriers of one domain."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from qdmol.arrays import Floats, Indices
from qdmol.fem import Assembler, Elements, Pattern
from qdmol.linalg import Factor


@dataclass(frozen=True)
class BlockSpace:
    """Unknowns of one block in the operator's numbering, pattern of its matrices, degrees (n,) of its shape
    functions.
    """

    unknowns: Indices
    pattern: Pattern
    degrees: Indices
    places: Indices

    def cut(self, entries: Floats) -> Floats:
        """Entries of this block of those over the whole pattern."""
        return entries[self.places]


@dataclass(frozen=True)
class Pair:
    """One block: A x = E M x, both given by the entries of one pattern."""

    space: BlockSpace
    energy: Floats
    mass: Floats

    @cached_property
    def A(self) -> sp.csc_array:  # noqa: N802 - as in the equation
        """The energy matrix (n, n)."""
        return self.space.pattern.matrix(self.energy)

    @cached_property
    def M(self) -> sp.csc_array:  # noqa: N802
        """The overlap matrix (n, n)."""
        return self.space.pattern.matrix(self.mass)

    @property
    def unknowns(self) -> Indices:
        """Unknowns in the operator's numbering, sorted."""
        return self.space.unknowns

    def factor(self, shift: float) -> Factor:
        """Factors of A - shift M."""
        return Factor(self.space.pattern.matrix(self.energy - shift * self.mass), shift)

    def diagonal(self, shift: float) -> Floats:
        """Diagonal (n,) of A - shift M."""
        where = self.space.pattern.diagonal
        return self.energy[where] - shift * self.mass[where]


@dataclass(frozen=True)
class Space:
    """Functions on some regions of a mesh that vanish at their rim."""

    elements: Elements
    regions: frozenset[str]
    _blocks: dict[tuple[bool, int, bool], BlockSpace] = field(default_factory=dict, repr=False)

    @cached_property
    def assembler(self) -> Assembler:
        """Over the regions."""
        return Assembler(self.elements, self.regions)

    @cached_property
    def mass(self) -> Floats:
        """Entries of the overlap matrix."""
        return self.assembler.mass([np.ones_like(block.r) for block in self.assembler.blocks])

    def block(self, m: int, parity: int, *, coarse: bool) -> BlockSpace:
        """Unknowns and pattern of one block."""
        key = (m != 0, parity, coarse)
        if key not in self._blocks:
            self._blocks[key] = self._block(*key)
        return self._blocks[key]

    def _block(self, turning: bool, parity: int, coarse: bool) -> BlockSpace:  # noqa: FBT001 - the key, spread
        elements = self.elements
        keep = np.zeros(elements.count, dtype=np.bool_)
        keep[self.assembler.unknowns] = True
        keep[self.assembler.rim] = False
        if turning:
            keep[elements.axis] = False
        if parity == -1:
            keep[elements.mirror] = False
        if coarse:
            keep &= elements.degree_of < elements.degree
        unknowns = np.flatnonzero(keep)
        pattern, places = self.assembler.pattern.restrict(unknowns)
        return BlockSpace(unknowns, pattern, elements.degree_of[unknowns], places)
