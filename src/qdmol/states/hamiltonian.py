"""The single-particle operator, block by block.

-∇·(ħ²/2m ∇ψ) + V ψ = E ψ with ψ and (1/m) ∂ψ/∂n continuous (BenDaniel and Duke, Phys. Rev. 152, 683 (1966),
doi:10.1103/PhysRev.152.683), ψ = u(r, z) e^{imφ}: for every m and each parity under z -> -z a sparse pair (A, M).

A carrier in the field of another: the operator without mirror symmetry.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from qdmol.arrays import Floats, Indices
from qdmol.fem import Assembler, Coefficient, Elements, Pattern
from qdmol.linalg import Factor
from qdmol.potentials import Carrier, FieldEnergy, Polarised, edge, inverse_mass
from qdmol.states.space import BlockSpace, Pair, Space
from qdmol.structure import AxialMolecule

# Distance (eV) from the floor to the lowest band edge: keeps A - floor M regular.
FLOOR_MARGIN = 0.02
# Unknowns of a mesh from which on factors are computed anew rather than kept.
LARGE = 10_000


class Operator(Protocol):
    """What :func:`~qdmol.states.solving.find_levels` needs of a Hamiltonian."""

    @property
    def parities(self) -> tuple[int, ...]:
        """Parities solved apart: (1, -1), or (0,) where there is no mirror plane."""
        ...

    @property
    def floor(self) -> float:
        """An energy (eV) below every level."""
        ...

    def pair(self, m: int, parity: int, *, coarse: bool) -> Pair:
        """The block of one m >= 0 and parity in the fine or the coarse space."""
        ...

    def floor_factor(self, m: int, parity: int, *, coarse: bool) -> Factor:
        """Factors of A - floor M of a block."""
        ...


@dataclass(frozen=True)
class Hamiltonian:
    """One carrier in one molecule; `half` if the mesh is the upper half of a mirror-symmetric molecule.

    `polarisation` is the self-polarisation at the quadrature points, None where it is left out.
    """

    space: Space
    molecule: AxialMolecule
    carrier: Carrier
    field: FieldEnergy
    half: bool
    polarisation: Polarised | None = None
    _factors: dict[tuple[int, int, bool], Factor] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def elements(self) -> Elements:
        """The mesh."""
        return self.space.elements

    @property
    def assembler(self) -> Assembler:
        """Over the regions the carrier can enter."""
        return self.space.assembler

    @property
    def parities(self) -> tuple[int, ...]:
        """(1, -1) on a half mesh, else (0,)."""
        return (1, -1) if self.half else (0,)

    @cached_property
    def floor(self) -> float:
        """An energy (eV) below every level: a little below the lowest band edge."""
        return min(float(v.min()) for v in self._edge) - FLOOR_MARGIN

    @cached_property
    def _edge(self) -> Coefficient:
        values = edge(self.assembler, self.molecule, self.carrier)
        if self.molecule.field != 0:
            values = _sum(values, self.field.energy(self.assembler, self.carrier))
        return values if self.polarisation is None else _sum(values, self.polarisation.energy)

    @cached_property
    def _inverse_mass(self) -> Coefficient:
        return inverse_mass(self.assembler, self.molecule, self.carrier)

    @cached_property
    def _straight(self) -> Floats:
        return self.assembler.stiffness(self._inverse_mass, self._edge)

    @cached_property
    def _angular(self) -> Floats:
        return self.assembler.angular(self._inverse_mass)

    def energy(self, m: int) -> Floats:
        """Entries of kinetic energy for m and band edge."""
        return self._straight + m * m * self._angular if m else self._straight

    def pair(self, m: int, parity: int, *, coarse: bool) -> Pair:
        """The block of one m >= 0 and parity in the fine or the coarse space."""
        block = self.space.block(m, parity, coarse=coarse)
        return Pair(block, block.cut(self.energy(m)), block.cut(self.space.mass))

    def floor_factor(self, m: int, parity: int, *, coarse: bool) -> Factor:
        """Factors of A - floor M of a block, kept: the pair's iteration needs them again."""
        key = (m, parity, coarse)
        if key not in self._factors:
            self._factors[key] = self.pair(m, parity, coarse=coarse).factor(self.floor)
        return self._factors[key]

    def release(self) -> None:
        """Forget the factors of a large mesh, which take a hundred megabytes each: on demand they are computed anew."""
        if self.elements.count > LARGE:
            self._factors.clear()


def _sum(one: Coefficient, other: Coefficient) -> Coefficient:
    return [a + b for a, b in zip(one, other, strict=True)]


@dataclass(frozen=True)
class _Doubled:
    """A block of a half mesh and its mirror image, joined on the mirror plane."""

    block: BlockSpace
    half: BlockSpace
    joined: Indices

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
