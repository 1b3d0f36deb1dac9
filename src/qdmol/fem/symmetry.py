"""Symmetry of a molecule: the only owner of quantum numbers, mirror images and boundary conditions.

The functions of a molecule fall into sectors that its operators do not mix. Rooms above this one ask a
:class:`Symmetry` which sectors there are, in which order to search them, how they combine, and how a function of a
sector continues from the meshed part to the mirror images that make up the molecule; the numbers inside a
:class:`Sector` are never read there. :class:`AxialSymmetry` serves molecules with an axis, ψ = u(r, z) e^{imφ}, with or
without a mirror plane at z = 0. A three-dimensional geometry brings its own: one sector
without any symmetry, or the irreducible representations of its mirror planes, with `turn` = 1 and one family.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from qdmol.arrays import Bools, Floats, Indices
from qdmol.errors import SolverError

# Levels in more families of sectors than this are needed by no spectrum of bound levels.
MAX_FAMILIES = 60
# Points on a boundary of the mesh may fall outside by rounding: they are moved in by this much.
INSIDE_NM = 1e-7
# Coordinates x, y, z in nm.
Position = tuple[float, float, float]
PARITY_LABELS = {1: "+", -1: "-", 0: None}


@dataclass(frozen=True, slots=True)
class Sector:
    """A set of functions closed under every operator of the molecule.

    `numbers` are quantum numbers whose meaning only the symmetry knows; arrays of them (..., K) are combined by
    :meth:`Symmetry.combine`. `labels` are the names and values under which they are reported: for an axis the signed
    ``m`` and the ``parity`` under z -> -z, "+" or "-", None without a mirror plane.
    """

    numbers: tuple[int, ...]
    labels: Mapping[str, int | str | None] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Image:
    """One of the congruent copies of the meshed part that make up the molecule.

    `place` takes points of the meshed part (..., d) to positions (..., 3) in this image, nm. `shared` names the
    boundary that the image has in common with the meshed part, None for the meshed part itself.
    """

    place: Callable[[Floats], Floats]
    shared: str | None = None


@dataclass(frozen=True, slots=True)
class Direction:
    """A direction of polarisation: the sector of the dipole along it, and how many axes of space it represents.

    `axis` is a unit vector along it: of a direction across the molecule's axis, one of two equivalent ones.
    """

    name: str
    sector: Sector
    axes: int
    axis: Position


class Symmetry(ABC):
    """Symmetry of a molecule, as used by all packages above the finite elements."""

    @property
    @abstractmethod
    def turn(self) -> float:
        """Volume per unit of the elements' `measure`: ∫ f d³r = turn Σ measure f, summed over the images.

        2π about an axis, where `measure` is r dr dz, so that sums over quadrature points keep their rounding; 1 in
        three dimensions.
        """

    @property
    @abstractmethod
    def images(self) -> tuple[Image, ...]:
        """The copies of the meshed part that make up the molecule, the meshed part first."""

    @abstractmethod
    def meshed(self, positions: Floats) -> tuple[Indices, Floats]:
        """The image (P,) in which positions (P, 3) lie, and the points (P, d) of the meshed part they are images of."""

    @abstractmethod
    def orbit(self, position: Position) -> tuple[Position, ...]:
        """The distinct positions (nm) to which the operations that make images take one, sorted."""

    @property
    @abstractmethod
    def directions(self) -> tuple[Direction, ...]:
        """Directions of polarisation that differ; their `axes` add up to three."""

    @property
    @abstractmethod
    def identity(self) -> Sector:
        """The sector of functions that no operation of the symmetry changes, such as a constant."""

    @abstractmethod
    def sector(self, *numbers: int) -> Sector:
        """The sector with these quantum numbers."""

    @abstractmethod
    def families(self) -> Iterator[tuple[Sector, ...]]:
        """Groups of sectors in the order of a search, one sector of each set of partners.

        Below any energy no group holds a level where the one before holds none: the first group without a level ends
        a search. All groups have as many sectors, and the k-th sector of a group holds no more levels below an energy
        than the k-th of the group before. Nor does any sector of a group hold a level below an energy where the first
        of the group holds none. The first group is `ground_sectors`. A finite symmetry yields one group.

        Raises
        ------
        SolverError
            More than MAX_FAMILIES groups are requested.
        """

    @property
    def ground_sectors(self) -> tuple[Sector, ...]:
        """The first group: the sectors of the lowest level, and of every density and potential made of its functions.

        Closed under products; there is one for each image, so that they make up any function on all images.
        """
        return next(self.families())

    @property
    def dipole_sectors(self) -> dict[str, Sector]:
        """The sector of the dipole along each direction of polarisation."""
        return {direction.name: direction.sector for direction in self.directions}

    @abstractmethod
    def partners(self, sector: Sector) -> tuple[Sector, ...]:
        """The sectors with the same energies, `sector` first: about an axis m and -m."""

    def multiplicity(self, sector: Sector) -> int:
        """Number of sectors with the same energies: 2 for m ≠ 0 about an axis, else 1."""
        return len(self.partners(sector))

    @abstractmethod
    def conjugate(self, sector: Sector) -> Sector:
        """The sector of the complex conjugate functions."""

    @abstractmethod
    def combine(self, first: Indices, second: Indices) -> Indices:
        """Quantum numbers (..., K) of the products of functions with numbers (..., K)."""

    def product(self, first: Sector, second: Sector) -> Sector:
        """The sector of the product of two functions."""
        return self.sector(*(int(n) for n in self.combine(np.array(first.numbers), np.array(second.numbers))))

    @abstractmethod
    def signs(self, sector: Sector) -> tuple[int, ...]:
        """The sign that a function of the sector takes on each image."""

    def image_values(self, parts: Mapping[Sector, Floats]) -> list[Floats]:
        """Values on every image of a function given by the part (..) of it in each sector, on the meshed part."""
        signs = {sector: self.signs(sector) for sector in parts}
        images = []
        for image in range(len(self.images)):
            first, *others = parts
            values = signs[first][image] * parts[first]
            for sector in others:
                values = values + signs[sector][image] * parts[sector]
            images.append(values)
        return images

    def part(self, images: Sequence[Floats], sector: Sector) -> Floats:
        """The part (..) in one of the ground sectors of a function given by its values (..) on every image."""
        signs = self.signs(sector)
        total = images[0]
        for sign, values in zip(signs[1:], images[1:], strict=True):
            total = total + sign * values
        return total / len(images) if len(images) > 1 else total

    @abstractmethod
    def mirrored(self, sector: Sector) -> Sector | None:
        """The sector with the opposite signs on the second image, bonding against antibonding; None with one image."""

    @abstractmethod
    def overlap_locally(self, first: Indices, second: Indices) -> Bools:
        """Whether functions with numbers (..., K) overlap in a part of space of any shape the symmetry of the elements
        allows: about an axis, equal m. Their signs on the images are not looked at.
        """

    @abstractmethod
    def vanishing(self, sector: Sector) -> tuple[str, ...]:
        """Names of the boundaries on which functions of the sector vanish."""

    @abstractmethod
    def angular_factor(self, sector: Sector) -> int:
        """Weight of :meth:`~qdmol.fem.Assembler.angular` in the sector's kinetic energy: m²; 0 in three dimensions."""

    @abstractmethod
    def sort_key(self, sector: Sector) -> tuple[int, ...]:
        """Order in which levels of equal energy are listed."""

    @property
    @abstractmethod
    def unfolded(self) -> Symmetry:
        """The symmetry left where a potential differs between the images: the same, with one image."""

    @abstractmethod
    def unfolded_sector(self, sector: Sector) -> Sector:
        """The sector of `unfolded` to which the functions of a sector of this symmetry belong."""

    @abstractmethod
    def folded(self, sector: Sector) -> Sector:
        """The sector of this symmetry for one of `unfolded` whose functions vanish on no boundary between images."""


@dataclass(frozen=True)
class AxialSymmetry(Symmetry):
    """Rotation about the z axis, and with `mirror` the reflection z -> -z; points are (r, z).

    Sectors have the numbers (m, parity), parity 1 or -1 with a mirror plane and 0 without. Energies grow with |m|.

    >>> symmetry = AxialSymmetry(mirror=True)
    >>> [sector.numbers for sector in symmetry.ground_sectors]
    [(0, 1), (0, -1)]
    >>> symmetry.product(symmetry.sector(1, -1), symmetry.sector(-1, 1)).labels
    {'m': 0, 'parity': '-'}
    """

    mirror: bool

    @property
    def turn(self) -> float:
        """2π: `measure` is r dr dz."""
        return 2 * math.pi

    @cached_property
    def images(self) -> tuple[Image, ...]:
        """The half plane itself, and with a mirror plane its reflection."""
        upper = Image(partial(_in_space, sign=1.0))
        return (upper, Image(partial(_in_space, sign=-1.0), "mirror")) if self.mirror else (upper,)

    def meshed(self, positions: Floats) -> tuple[Indices, Floats]:
        """Distance from the axis and, with a mirror plane, from it; both at least INSIDE_NM."""
        r = np.maximum(np.hypot(positions[:, 0], positions[:, 1]), INSIDE_NM)
        z = positions[:, 2]
        if not self.mirror:
            return np.zeros(len(z), dtype=np.intp), np.stack([r, z], axis=-1)
        return (z < 0).astype(np.intp), np.stack([r, np.maximum(np.abs(z), INSIDE_NM)], axis=-1)

    def orbit(self, position: Position) -> tuple[Position, ...]:
        """The position and, with a mirror plane, its reflection."""
        x, y, z = position
        return tuple(sorted({position, (x, y, -z)})) if self.mirror else (position,)

    @property
    def _parities(self) -> tuple[int, ...]:
        return (1, -1) if self.mirror else (0,)

    @cached_property
    def directions(self) -> tuple[Direction, ...]:
        """Across the axis (m = 1, even) and along it (m = 0, odd)."""
        even, odd = self._parities[0], self._parities[-1]
        return (
            Direction("across", self.sector(1, even), 2, (1.0, 0.0, 0.0)),
            Direction("along", self.sector(0, odd), 1, (0.0, 0.0, 1.0)),
        )

    @property
    def identity(self) -> Sector:
        """Even functions with m = 0."""
        return self.sector(0, self._parities[0])

    def sector(self, *numbers: int) -> Sector:
        """The sector (m, parity)."""
        m, parity = numbers
        return Sector((m, parity), {"m": m, "parity": PARITY_LABELS[parity]})

    def families(self) -> Iterator[tuple[Sector, ...]]:
        """For m = 0, 1, 2 .. both parities."""
        for m in range(MAX_FAMILIES):
            yield tuple(self.sector(m, parity) for parity in self._parities)
        message = f"All |m| below {MAX_FAMILIES} are used up; request fewer levels."
        raise SolverError(message)

    def partners(self, sector: Sector) -> tuple[Sector, ...]:
        """The sectors m and -m."""
        return (sector, self.conjugate(sector)) if sector.numbers[0] else (sector,)

    def conjugate(self, sector: Sector) -> Sector:
        """The sector -m."""
        m, parity = sector.numbers
        return self.sector(-m, parity)

    def combine(self, first: Indices, second: Indices) -> Indices:
        """Sums of m and products of parities."""
        return np.stack([first[..., 0] + second[..., 0], first[..., 1] * second[..., 1]], axis=-1)

    def signs(self, sector: Sector) -> tuple[int, ...]:
        """1 above the mirror plane, the parity below it."""
        return (1, sector.numbers[1]) if self.mirror else (1,)

    def mirrored(self, sector: Sector) -> Sector | None:
        """The other parity."""
        m, parity = sector.numbers
        return self.sector(m, -parity) if self.mirror else None

    def overlap_locally(self, first: Indices, second: Indices) -> Bools:
        """Equal m."""
        return np.asarray(first[..., 0] == second[..., 0])

    def vanishing(self, sector: Sector) -> tuple[str, ...]:
        """The axis for m ≠ 0, the mirror plane for odd functions."""
        m, parity = sector.numbers
        return ("axis",) * (m != 0) + ("mirror",) * (parity == -1)

    def angular_factor(self, sector: Sector) -> int:
        """The square of m."""
        return sector.numbers[0] ** 2

    def sort_key(self, sector: Sector) -> tuple[int, ...]:
        """Sort key: by |m|, then -m before +m, then "+" before "-"."""
        m, parity = sector.numbers
        return abs(m), m, -parity

    @property
    def unfolded(self) -> AxialSymmetry:
        """Rotation only."""
        return AxialSymmetry(mirror=False)

    def unfolded_sector(self, sector: Sector) -> Sector:
        """The same m."""
        return self.unfolded.sector(sector.numbers[0], 0)

    def folded(self, sector: Sector) -> Sector:
        """The even sector of the same m."""
        return self.sector(sector.numbers[0], self._parities[0])


@dataclass(frozen=True)
class SphericalSymmetry(Symmetry):
    """All rotations about the origin; points are (r,), functions u(r) Y_lm.

    Sectors have the numbers (l, m). A function of the sector l, m has the parity (-1)^(l + m) under z -> -z. Products
    of functions with l > 0 fall into several sectors, so that `combine` takes one function with l = 0.

    >>> symmetry = SphericalSymmetry()
    >>> [sector.labels["m"] for sector in symmetry.partners(symmetry.sector(1, 0))]
    [0, 1, -1]
    """

    @property
    def turn(self) -> float:
        """4π: `measure` is r² dr."""
        return 4 * math.pi

    @property
    def images(self) -> tuple[Image, ...]:
        """The sphere itself; points stand for those above the centre on the z axis."""
        return (Image(_above_centre),)

    def meshed(self, positions: Floats) -> tuple[Indices, Floats]:
        """Distance from the centre."""
        return np.zeros(len(positions), dtype=np.intp), np.linalg.norm(positions, axis=1)[:, None]

    def orbit(self, position: Position) -> tuple[Position, ...]:
        """The position alone: only the centre is asked for."""
        return (position,)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """All directions are alike."""
        return (Direction("along", self.sector(1, 0), 3, (0.0, 0.0, 1.0)),)

    @property
    def identity(self) -> Sector:
        """L = 0."""
        return self.sector(0, 0)

    def sector(self, *numbers: int) -> Sector:
        """The sector (l, m)."""
        l, m = numbers  # noqa: E741 - the field's letter
        return Sector((l, m), {"m": m, "parity": PARITY_LABELS[1 if (l + m) % 2 == 0 else -1]})

    def families(self) -> Iterator[tuple[Sector, ...]]:
        """L = 0, 1, 2 .."""
        for l in range(MAX_FAMILIES):  # noqa: E741
            yield (self.sector(l, 0),)
        message = f"All l below {MAX_FAMILIES} are used up; request fewer levels."
        raise SolverError(message)

    def partners(self, sector: Sector) -> tuple[Sector, ...]:
        """Every m of the same l: the sector itself, then 0, 1, -1, 2, -2 .."""
        l = sector.numbers[0]  # noqa: E741
        every = [self.sector(l, sign * m) for m in range(l + 1) for sign in ((1, -1) if m else (1,))]
        return (sector, *(partner for partner in every if partner != sector))

    def conjugate(self, sector: Sector) -> Sector:
        """The sector -m."""
        l, m = sector.numbers  # noqa: E741
        return self.sector(l, -m)

    def combine(self, first: Indices, second: Indices) -> Indices:
        """Sums of l and of m, where one l is 0."""
        if np.any((first[..., 0] != 0) & (second[..., 0] != 0)):
            message = "products of functions with l > 0 belong to several sectors of a sphere"
            raise ValueError(message)
        return np.asarray(first + second)

    def signs(self, sector: Sector) -> tuple[int, ...]:  # noqa: ARG002
        """There is one image."""
        return (1,)

    def mirrored(self, sector: Sector) -> Sector | None:  # noqa: ARG002
        """There is one image."""
        return None

    def overlap_locally(self, first: Indices, second: Indices) -> Bools:
        """Equal l and m."""
        return np.asarray(np.all(first == second, axis=-1), dtype=np.bool_)

    def vanishing(self, sector: Sector) -> tuple[str, ...]:
        """The centre for l > 0."""
        return ("centre",) if sector.numbers[0] else ()

    def angular_factor(self, sector: Sector) -> int:
        """L (l + 1)."""
        return sector.numbers[0] * (sector.numbers[0] + 1)

    def sort_key(self, sector: Sector) -> tuple[int, ...]:
        """As about an axis: by |m|, then -m before +m, then "+" before "-"."""
        l, m = sector.numbers  # noqa: E741
        return abs(m), m, (l + m) % 2, l

    @property
    def unfolded(self) -> SphericalSymmetry:
        """The same."""
        return self

    def unfolded_sector(self, sector: Sector) -> Sector:
        """The same."""
        return sector

    def folded(self, sector: Sector) -> Sector:
        """The same."""
        return sector


def _above_centre(points: Floats) -> Floats:
    """Positions (..., 3) on the z axis of points (..., 1) at their distance from the centre."""
    positions = np.zeros((*points.shape[:-1], 3))
    positions[..., 2] = points[..., 0]
    return positions


def _in_space(points: Floats, *, sign: float) -> Floats:
    """Positions (..., 3) in the plane y = 0 of points (..., 2) in the half plane, z times `sign`."""
    positions = np.zeros((*points.shape[:-1], 3))
    positions[..., 0] = points[..., 0]
    positions[..., 2] = sign * points[..., 1]
    return positions
