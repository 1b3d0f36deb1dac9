"""A carrier in the field of another: the operator without mirror symmetry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qdmol.linalg import Factor
from qdmol.mesh import Coefficient, Pattern
from qdmol.states.hamiltonian import Hamiltonian
from qdmol.states.space import BlockSpace, Pair

__all__ = ["FieldHamiltonian"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class _Doubled:
    """A block of a half mesh and its mirror image, joined on the mirror plane."""

    block: BlockSpace
    half: BlockSpace
    joined: Integers

    def add(self, above: Floats, below: Floats) -> Floats:
        """Entries of the joined matrix of those of the two halves."""
        both = np.concatenate([above, below])
        found = np.bincount(self.joined, weights=both, minlength=len(self.block.pattern.rows))
        return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True)
class FieldHamiltonian:
    """A carrier in its landscape and in the potential energy of another one.

    `energies` hold that potential energy (eV) at the quadrature points of each image of the mesh.
    Without a mirror plane the unknowns are those of the mesh; with one they are numbered twice over, first those of
    the upper half, then those of the lower, which share the unknowns on the mirror plane.
    """

    bare: Hamiltonian
    energies: Sequence[Coefficient]
    _doubled: dict[tuple[bool, bool], _Doubled] = field(default_factory=dict, repr=False)

    @property
    def parities(self) -> tuple[int, ...]:
        """(0,): the other carrier's field breaks the mirror symmetry."""
        return (0,)

    @cached_property
    def floor(self) -> float:
        """An energy (eV) below every level."""
        lowest = min(float(values.min()) for image in self.energies for values in image)
        return self.bare.floor + min(lowest, 0.0)

    @cached_property
    def _entries(self) -> list[Floats]:
        return [self.bare.assembler.mass(image) for image in self.energies]

    def pair(self, m: int, parity: int, *, coarse: bool) -> Pair:  # noqa: ARG002 - one parity only
        """The block of one m >= 0 in the fine or the coarse space."""
        space = self.bare.space
        bare = self.bare.energy(m)
        full = [bare + extra for extra in self._entries]
        if not self.bare.half:
            block = space.block(m, 0, coarse=coarse)
            return Pair(block, block.cut(full[0]), block.cut(space.mass))
        key = (m != 0, coarse)
        if key not in self._doubled:
            self._doubled[key] = self._join(space.block(m, 1, coarse=coarse))
        doubled = self._doubled[key]
        cut = doubled.half.cut
        mass = cut(space.mass)
        return Pair(doubled.block, doubled.add(cut(full[0]), cut(full[1])), doubled.add(mass, mass))

    def _join(self, half: BlockSpace) -> _Doubled:
        elements = self.bare.elements
        count = elements.count
        shared = np.isin(half.unknowns, elements.mirror)
        below = np.where(shared, half.unknowns, half.unknowns + count)
        numbering, place = np.unique(np.concatenate([half.unknowns, below]), return_inverse=True)
        places = place.reshape(2, -1)
        rows, columns = places[:, half.pattern.rows].ravel(), places[:, half.pattern.columns].ravel()
        pattern, joined = Pattern.of(rows, columns, len(numbering))
        block = BlockSpace(numbering, pattern, elements.degree_of[numbering % count], np.arange(len(pattern.rows)))
        return _Doubled(block, half, joined)

    def floor_factor(self, m: int, parity: int, *, coarse: bool) -> Factor:
        """Factors of A - floor M of a block."""
        return self.pair(m, parity, coarse=coarse).factor(self.floor)

    def images(self, vector: Floats) -> list[Floats]:
        """The vectors (n,) of each image of a level given on this operator's numbering (n or 2n,)."""
        count = self.bare.elements.count
        if not self.bare.half:
            return [vector]
        above, below = vector[:count], vector[count:].copy()
        below[self.bare.elements.mirror] = above[self.bare.elements.mirror]
        return [above, below]
