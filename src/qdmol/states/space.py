"""Function spaces of a carrier: unknowns and sparsity of every sector, shared by all carriers of one domain."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from qdmol.arrays import Floats, Indices
from qdmol.fem import Assembler, Elements, Pattern, Sector
from qdmol.linalg import Factor


@dataclass(frozen=True)
class SectorSpace:
    """Functions of one sector: unknowns in the operator's numbering, pattern of their matrices, and degrees (n,) of
    their shape functions; `places` are the pattern's entries among those over all unknowns. The unknowns stand in an
    order of elimination with little fill.
    """

    unknowns: Indices
    pattern: Pattern
    degrees: Indices
    places: Indices

    def cut(self, entries: Floats) -> Floats:
        """The entries of this sector among those of the whole pattern."""
        return entries[self.places]


@dataclass(frozen=True)
class Pencil:
    """The eigenproblem A x = E M x of one sector, both matrices given by the entries of one pattern."""

    space: SectorSpace
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
        """Unknowns in the operator's numbering."""
        return self.space.unknowns

    def factor(self, shift: float) -> Factor:
        """Factors of A - shift M."""
        return Factor(self.space.pattern.matrix(self.energy - shift * self.mass), shift, ordered=True)

    def diagonal(self, shift: float) -> Floats:
        """Diagonal (n,) of A - shift M."""
        where = self.space.pattern.diagonal
        return self.energy[where] - shift * self.mass[where]


@dataclass(frozen=True)
class Space:
    """Space of functions on some regions of a mesh that vanish at the outer boundary of these regions."""

    elements: Elements
    regions: frozenset[str]
    _sectors: dict[tuple[tuple[str, ...], bool], SectorSpace] = field(default_factory=dict, repr=False)

    @cached_property
    def assembler(self) -> Assembler:
        """Assembler over the regions of the space."""
        return Assembler(self.elements, self.regions)

    @cached_property
    def mass(self) -> Floats:
        """Entries of the overlap matrix."""
        return self.assembler.mass([np.ones_like(block.measure) for block in self.assembler.blocks])

    def of(self, sector: Sector, *, coarse: bool) -> SectorSpace:
        """Unknowns and pattern of one sector, with shape functions of all degrees or (coarse) about half of them."""
        return self._kept(self.elements.symmetry.vanishing(sector), coarse=coarse)

    @property
    def whole(self) -> SectorSpace:
        """Functions that vanish nowhere but at the outer boundary, those of every sector among them."""
        return self._kept((), coarse=False)

    def _kept(self, boundary_conditions: tuple[str, ...], *, coarse: bool) -> SectorSpace:
        key = boundary_conditions, coarse
        if key not in self._sectors:
            self._sectors[key] = self._sector_space(*key)
        return self._sectors[key]

    def _sector_space(self, boundary_conditions: tuple[str, ...], coarse: bool) -> SectorSpace:  # noqa: FBT001 - the key, spread
        elements = self.elements
        keep = np.zeros(elements.count, dtype=np.bool_)
        keep[self.assembler.unknowns] = True
        keep[self.assembler.rim] = False
        keep &= elements.allowed(boundary_conditions)
        if coarse:
            keep &= elements.degree_of <= elements.degree // 2 + 1
        unknowns = np.flatnonzero(keep)
        pattern, places = self.assembler.pattern.restrict(unknowns)
        return SectorSpace(unknowns, pattern, elements.degree_of[unknowns], places)
