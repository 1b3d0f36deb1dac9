"""The single-particle operator, block by block.

-∇·(ħ²/2m ∇ψ) + V ψ = E ψ with ψ and (1/m) ∂ψ/∂n continuous (BenDaniel and Duke, Phys. Rev. 152, 683 (1966),
doi:10.1103/PhysRev.152.683), ψ = u(r, z) e^{imφ}: for every m and each parity under z -> -z a sparse pair (A, M).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from qdmol.landscape import Carrier, FieldEnergy, domain, edge, inverse_mass
from qdmol.mesh import Assembler, Coefficient, Elements
from qdmol.structure import AxialMolecule

__all__ = ["FieldHamiltonian", "Hamiltonian", "Operator", "Pair"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Pair:
    """One block: A x = E M x on `unknowns` of the operator's numbering, `degrees` (n,) those of its shape functions."""

    A: sp.csc_array
    M: sp.csc_array
    unknowns: Integers
    degrees: Integers

    def shifted(self, shift: float) -> sp.csc_array:
        """A - shift M."""
        return self.A - shift * self.M


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


@dataclass(frozen=True)
class Hamiltonian:
    """One carrier in one molecule; `half` if the mesh is the upper half of a mirror-symmetric molecule."""

    elements: Elements
    molecule: AxialMolecule
    carrier: Carrier
    field: FieldEnergy
    half: bool

    @property
    def parities(self) -> tuple[int, ...]:
        """(1, -1) on a half mesh, else (0,)."""
        return (1, -1) if self.half else (0,)

    @cached_property
    def assembler(self) -> Assembler:
        """Over the regions the carrier can enter."""
        return Assembler(self.elements, domain(self.elements.regions, self.molecule, self.carrier))

    @cached_property
    def floor(self) -> float:
        """An energy (eV) below every level: the lowest band edge, less a margin that keeps A - floor M regular."""
        return min(float(v.min()) for v in self._edge) - 0.02

    @cached_property
    def _edge(self) -> Coefficient:
        values = edge(self.assembler, self.molecule, self.carrier)
        if self.molecule.field == 0:
            return values
        energy = self.field.energy(self.assembler, self.carrier)
        return [a + b for a, b in zip(values, energy, strict=True)]

    @cached_property
    def _inverse_mass(self) -> Coefficient:
        return inverse_mass(self.assembler, self.molecule, self.carrier)

    @cached_property
    def energy_matrix(self) -> sp.csc_array:
        """Kinetic energy for m = 0 and band edge, on all unknowns."""
        return self.assembler.stiffness(self._inverse_mass, self._edge)

    @cached_property
    def centrifugal_matrix(self) -> sp.csc_array:
        """ħ²/2m 1/r², on all unknowns."""
        return self.assembler.centrifugal(self._inverse_mass)

    @cached_property
    def mass_matrix(self) -> sp.csc_array:
        """Overlaps, on all unknowns."""
        return self.assembler.mass([np.ones_like(block.r) for block in self.assembler.blocks])

    def unknowns(self, m: int, parity: int, *, coarse: bool) -> Integers:
        """Unknowns that are free in one block."""
        elements = self.elements
        keep = np.zeros(elements.count, dtype=np.bool_)
        keep[self.assembler.unknowns] = True
        keep[self.assembler.rim] = False
        if m:
            keep[elements.axis] = False
        if parity == -1:
            keep[elements.mirror] = False
        if coarse:
            keep &= elements.degree_of < elements.degree
        return np.flatnonzero(keep)

    def energy_with(self, m: int) -> sp.csc_array:
        """Kinetic energy for m and band edge, on all unknowns."""
        return self.energy_matrix + m * m * self.centrifugal_matrix if m else self.energy_matrix

    def pair(self, m: int, parity: int, *, coarse: bool) -> Pair:
        """The block of one m >= 0 and parity in the fine or the coarse space."""
        unknowns = self.unknowns(m, parity, coarse=coarse)
        return Pair(
            A=_cut(self.energy_with(m), unknowns),
            M=_cut(self.mass_matrix, unknowns),
            unknowns=unknowns,
            degrees=self.elements.degree_of[unknowns],
        )


@dataclass(frozen=True)
class FieldHamiltonian:
    """A carrier in its landscape and in the potential energy of another one.

    `energies` (fine, coarse) hold that potential energy (eV) at the quadrature points of each image of the mesh.
    Without a mirror plane the unknowns are those of the mesh; with one they are numbered twice over, first those of the upper
    half, then those of the lower, which share the unknowns on the mirror plane.
    """

    bare: Hamiltonian
    energies: tuple[Sequence[Coefficient], Sequence[Coefficient]]

    @property
    def parities(self) -> tuple[int, ...]:
        """(0,): the other carrier's field breaks the mirror symmetry."""
        return (0,)

    @cached_property
    def floor(self) -> float:
        """An energy (eV) below every level."""
        lowest = min(float(v.min()) for images in self.energies for image in images for v in image)
        return self.bare.floor + min(lowest, 0.0)

    @cached_property
    def _matrices(self) -> tuple[list[sp.csc_array], list[sp.csc_array]]:
        fine, coarse = self.energies
        return [self.bare.assembler.mass(image) for image in fine], [self.bare.assembler.mass(i) for i in coarse]

    def pair(self, m: int, parity: int, *, coarse: bool) -> Pair:  # noqa: ARG002 - one parity only
        """The block of one m >= 0 in the fine or the coarse space."""
        free = self.bare.unknowns(m, 1 if self.bare.half else 0, coarse=coarse)
        bare = self.bare.energy_with(m)
        blocks = [_cut(bare + extra, free) for extra in self._matrices[1 if coarse else 0]]
        mass = _cut(self.bare.mass_matrix, free)
        if not self.bare.half:
            return Pair(blocks[0], mass, free, self.bare.elements.degree_of[free])
        count = self.bare.elements.count
        shared = np.isin(free, self.bare.elements.mirror)
        below = np.where(shared, free, free + count)
        numbering, place = np.unique(np.concatenate([free, below]), return_inverse=True)
        places = (place[: len(free)], place[len(free) :])
        return Pair(
            A=_spread(blocks, places, len(numbering)),
            M=_spread([mass, mass], places, len(numbering)),
            unknowns=numbering,
            degrees=self.bare.elements.degree_of[numbering % count],
        )

    def images(self, vector: Floats) -> list[Floats]:
        """The vectors (n,) of each image of a level given on this operator's `unknowns` numbering (n or 2n,)."""
        count = self.bare.elements.count
        if not self.bare.half:
            return [vector]
        above, below = vector[:count], vector[count:].copy()
        below[self.bare.elements.mirror] = above[self.bare.elements.mirror]
        return [above, below]


def _cut(matrix: sp.csc_array, unknowns: Integers) -> sp.csc_array:
    return matrix[unknowns][:, unknowns].tocsc()


def _spread(blocks: Sequence[sp.csc_array], places: Sequence[Integers], size: int) -> sp.csc_array:
    """Sum matrices, each renumbered by its places."""
    parts = [block.tocoo() for block in blocks]
    rows = np.concatenate([place[part.row] for part, place in zip(parts, places, strict=True)])
    columns = np.concatenate([place[part.col] for part, place in zip(parts, places, strict=True)])
    data = np.concatenate([part.data for part in parts])
    return sp.csc_array((data, (rows, columns)), shape=(size, size))
