"""Single-particle Hamiltonians, one eigenproblem for every sector of the symmetry.

-∇·(ħ²/2m ∇ψ) + V ψ = E ψ with ψ and (1/m) ∂ψ/∂n continuous (BenDaniel and Duke, Phys. Rev. 152, 683 (1966),
doi:10.1103/PhysRev.152.683) becomes a sparse pencil (A, M) in each sector. :class:`Hamiltonian` is that of a carrier
alone; :class:`ScreenedHamiltonian` adds the potential energy in the field of another carrier, screened by the
permittivities, which need not have the molecule's mirror symmetry.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from qdmol.arrays import Floats, Indices
from qdmol.fem import Assembler, Coefficient, Elements, Pattern, Sector, Symmetry
from qdmol.linalg import Factor
from qdmol.potentials import Carrier, FieldEnergy, Polarised, edge, inverse_mass
from qdmol.states.space import Pencil, SectorSpace, Space
from qdmol.structure import AxialMolecule

# Distance (eV) from the floor to the lowest band edge: keeps A - floor M regular.
FLOOR_MARGIN_EV = 0.02
# Unknowns of a mesh from which on factors and matrices are computed anew rather than kept.
LARGE_MESH = 10_000


class Operator(Protocol):
    """Interface of a Hamiltonian for :func:`~qdmol.states.solving.find_levels`."""

    @property
    def symmetry(self) -> Symmetry:
        """Symmetry whose sectors are solved separately."""
        ...

    @property
    def size(self) -> int:
        """Length of vectors in the operator's numbering of unknowns."""
        ...

    @property
    def floor(self) -> float:
        """An energy (eV) below every level."""
        ...

    def pencil(self, sector: Sector, *, coarse: bool) -> Pencil:
        """The eigenproblem of one sector in the fine or the coarse space."""
        ...

    def factor_at_floor(self, sector: Sector, *, coarse: bool) -> Factor:
        """Factors of A - floor M of one sector."""
        ...


@dataclass(frozen=True)
class Hamiltonian:
    """Hamiltonian of one carrier in one molecule.

    `polarisation` is the self-polarisation at the quadrature points, None if it is not included.
    """

    space: Space
    molecule: AxialMolecule
    carrier: Carrier
    field: FieldEnergy
    polarisation: Polarised | None = None
    _factors: dict[tuple[Sector, bool], Factor] = dataclasses.field(default_factory=dict, repr=False)
    _pencils: dict[tuple[Sector, bool], Pencil] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def elements(self) -> Elements:
        """Elements of the mesh."""
        return self.space.elements

    @property
    def assembler(self) -> Assembler:
        """Assembler over the regions that the carrier can enter."""
        return self.space.assembler

    @property
    def symmetry(self) -> Symmetry:
        """Symmetry of the mesh."""
        return self.elements.symmetry

    @property
    def size(self) -> int:
        """Number of unknowns of the mesh."""
        return self.elements.count

    @cached_property
    def floor(self) -> float:
        """An energy (eV) below every level: a little below the lowest band edge."""
        return min(float(v.min()) for v in self._edge) - FLOOR_MARGIN_EV

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

    def energy(self, sector: Sector) -> Floats:
        """Entries of the energy matrix for a sector over all unknowns: kinetic energy and band edge."""
        turning = self.symmetry.angular_factor(sector)
        return self._straight + turning * self._angular if turning else self._straight

    def pencil(self, sector: Sector, *, coarse: bool) -> Pencil:
        """The eigenproblem of one sector in the fine or the coarse space; that of a small mesh is kept."""
        if (sector, coarse) in self._pencils:
            return self._pencils[sector, coarse]
        space = self.space.of(sector, coarse=coarse)
        pencil = Pencil(space, space.cut(self.energy(sector)), space.cut(self.space.mass))
        if self.elements.count <= LARGE_MESH:
            self._pencils[sector, coarse] = pencil
        return pencil

    def factor_at_floor(self, sector: Sector, *, coarse: bool) -> Factor:
        """Factors of A - floor M of one sector, kept: the iteration of a pair needs them again."""
        key = (sector, coarse)
        if key not in self._factors:
            self._factors[key] = self.pencil(sector, coarse=coarse).factor(self.floor)
        return self._factors[key]

    def release(self) -> None:
        """Release the factors of a large mesh, which take a hundred megabytes each; they are recomputed on demand."""
        if self.elements.count > LARGE_MESH:
            self._factors.clear()


def _sum(first: Coefficient, second: Coefficient) -> Coefficient:
    return [a + b for a, b in zip(first, second, strict=True)]


@dataclass(frozen=True)
class _UnfoldedSpace:
    """The whole space on the meshed part, copied to every image and joined where the images meet."""

    space: SectorSpace
    meshed: SectorSpace
    joined: Indices

    def add(self, images: Sequence[Floats]) -> Floats:
        """Entries of the joined matrix from those of the images."""
        entries = np.bincount(self.joined, weights=np.concatenate(images), minlength=len(self.space.pattern.rows))
        return np.asarray(entries, dtype=np.float64)


@dataclass(frozen=True)
class ScreenedHamiltonian:
    """Hamiltonian of a carrier in its band edges and in the screened potential energy of another carrier.

    `energies` hold that potential energy (eV) at the quadrature points of each image of the mesh. Unknowns are numbered
    image by image, n for each; those on the boundary that an image shares with the meshed part are the meshed part's.
    """

    bare: Hamiltonian
    energies: Sequence[Coefficient]
    _sectors: dict[tuple[tuple[str, ...], bool], SectorSpace] = field(default_factory=dict, repr=False)
    _pencils: dict[tuple[Sector, bool], Pencil] = field(default_factory=dict, repr=False)

    @property
    def symmetry(self) -> Symmetry:
        """Symmetry that remains in the field of the other carrier."""
        return self.bare.symmetry.unfolded

    @property
    def size(self) -> int:
        """Number of unknowns of all images."""
        return len(self.energies) * self.bare.size

    @cached_property
    def floor(self) -> float:
        """An energy (eV) below every level."""
        lowest = min(float(values.min()) for image in self.energies for values in image)
        return self.bare.floor + min(lowest, 0.0)

    @cached_property
    def _entries(self) -> list[Floats]:
        return [self.bare.assembler.mass(image) for image in self.energies]

    def pencil(self, sector: Sector, *, coarse: bool) -> Pencil:
        """The eigenproblem of one sector in the fine or the coarse space; that of a small mesh is kept."""
        if (sector, coarse) in self._pencils:
            return self._pencils[sector, coarse]
        pencil = self._pencil(sector, coarse=coarse)
        if self.bare.elements.count <= LARGE_MESH:
            self._pencils[sector, coarse] = pencil
        return pencil

    def _pencil(self, sector: Sector, *, coarse: bool) -> Pencil:
        space = self.bare.space
        folded = self.bare.symmetry.folded(sector)
        bare = self.bare.energy(folded)
        energy = [bare + extra for extra in self._entries]
        if len(energy) == 1:
            meshed = space.of(folded, coarse=coarse)
            return Pencil(meshed, meshed.cut(energy[0]), meshed.cut(space.mass))
        unfolded, sector_space = self._unfolded, self._sector_space(folded, coarse=coarse)
        joined = unfolded.add([unfolded.meshed.cut(image) for image in energy])
        return Pencil(sector_space, sector_space.cut(joined), sector_space.cut(self._mass))

    @cached_property
    def _unfolded(self) -> _UnfoldedSpace:
        return self._unfold(self.bare.space.whole)

    @cached_property
    def _mass(self) -> Floats:
        """Entries of the overlap matrix over all unknowns of all images."""
        mass = self._unfolded.meshed.cut(self.bare.space.mass)
        return self._unfolded.add([mass] * len(self.energies))

    def _sector_space(self, folded: Sector, *, coarse: bool) -> SectorSpace:
        """The functions on all images that are, on the meshed part, those of a sector of the bare Hamiltonian."""
        key = self.bare.symmetry.vanishing(folded), coarse
        if key == ((), False):
            return self._unfolded.space
        if key not in self._sectors:
            whole, count = self._unfolded.space, self.bare.elements.count
            meshed = np.zeros(count, dtype=np.bool_)
            meshed[self.bare.space.of(folded, coarse=coarse).unknowns] = True
            kept = np.flatnonzero(meshed[whole.unknowns % count])
            pattern, places = whole.pattern.restrict(kept)
            self._sectors[key] = SectorSpace(whole.unknowns[kept], pattern, whole.degrees[kept], places)
        return self._sectors[key]

    def _unfold(self, meshed: SectorSpace) -> _UnfoldedSpace:
        elements, images = self.bare.elements, self.bare.symmetry.images
        count = len(meshed.unknowns)
        # What an image shares with the meshed part has its number there.
        shared = np.zeros((len(images), count), dtype=np.bool_)
        for number, image in enumerate(images[1:], start=1):
            on_boundary = np.zeros(elements.count, dtype=np.bool_)
            on_boundary[elements.boundaries[image.shared or ""]] = True
            shared[number] = on_boundary[meshed.unknowns]
        # It is eliminated last: until then the images do not know of each other.
        whole = meshed.unknowns + elements.count * np.arange(len(images))[:, None]
        late = np.zeros_like(shared)
        late[0] = shared.any(axis=0)
        early = ~(shared | late)
        numbering = np.concatenate([whole[early], whole[late]])
        place = np.empty((len(images), count), dtype=np.intp)
        place[early] = np.arange(np.count_nonzero(early))
        place[late] = np.arange(np.count_nonzero(early), len(numbering))
        place[shared] = np.broadcast_to(place[0], place.shape)[shared]
        rows, columns = place[:, meshed.pattern.rows].ravel(), place[:, meshed.pattern.columns].ravel()
        pattern, joined = Pattern.of(rows, columns, len(numbering))
        degrees = elements.degree_of[numbering % elements.count]
        return _UnfoldedSpace(SectorSpace(numbering, pattern, degrees, np.arange(len(pattern.rows))), meshed, joined)

    def factor_at_floor(self, sector: Sector, *, coarse: bool) -> Factor:
        """Factors of A - floor M of one sector."""
        return self.pencil(sector, coarse=coarse).factor(self.floor)

    def unfolded(self, vector: Floats, sector: Sector) -> Floats:
        """A vector of the bare Hamiltonian, of one of its sectors, in this operator's numbering."""
        copies = [vector]
        for image, sign in zip(self.bare.symmetry.images[1:], self.bare.symmetry.signs(sector)[1:], strict=True):
            copy = sign * vector
            copy[self.bare.elements.boundaries[image.shared or ""]] = 0.0
            copies.append(copy)
        return np.concatenate(copies)

    def images(self, vector: Floats) -> list[Floats]:
        """The vectors (n,) on each image of a level given in this operator's numbering."""
        meshed, *others = np.split(vector, len(self.energies))
        copies = [meshed]
        for image, part in zip(self.bare.symmetry.images[1:], others, strict=True):
            copy = part.copy()
            shared = self.bare.elements.boundaries[image.shared or ""]
            copy[shared] = meshed[shared]
            copies.append(copy)
        return copies
