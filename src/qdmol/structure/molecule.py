"""The placed molecule that the solver takes: positions, radii and parameters, without the alternatives of the spec."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from qdmol.materials import MEDIUM as SURROUNDINGS

# `qdmol check` loads no array library: NumPy is imported in the functions that use it.
if TYPE_CHECKING:
    from qdmol.arrays import Floats, Indices

# The name of what surrounds the molecule.
MEDIUM: Final = SURROUNDINGS
MIRROR_TOLERANCE = 1e-12  # nm: rounding of sums of lengths


@dataclass(frozen=True, slots=True)
class RegionParameters:
    """Parameters of one material: masses in free-electron masses, edges in eV, relative permittivity.

    Edges count from those of the reference material, positive away from the gap; ``math.inf`` is a hard wall. The
    optical parameters may be None: ``kane_energy`` (eV), ``optical_permittivity``, ``bulk_absorption`` (1/cm, at
    300 nm).
    """

    electron_mass: float
    hole_mass: float
    electron_edge: float
    hole_edge: float
    permittivity: float
    kane_energy: float | None = None
    optical_permittivity: float | None = None
    bulk_absorption: float | None = None


@dataclass(frozen=True, slots=True)
class Light:
    """Broadening and polarisation of the line of a single dot.

    ``homogeneous_width`` (eV) is the full width at half maximum at ``width_temperature`` (K); it varies with
    temperature as the square root of coth(``phonon_energy`` / 2kT), with ``phonon_energy`` in eV. ``axial_share`` is
    the share of the p orbital along the crystal axis in the Bloch function of the hole, None if isotropic;
    ``axis_angle`` (degrees) is the angle between the crystal axis and the axis of the molecule.
    """

    homogeneous_width: float
    width_temperature: float
    phonon_energy: float
    axial_share: float | None
    axis_angle: float


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """A core or shell: its material and outer radius (nm)."""

    material: str
    radius: float


@dataclass(frozen=True, slots=True)
class PlacedDot:
    """A dot centred at ``z`` (nm) on the axis; ``layers`` from the core outwards."""

    z: float
    layers: tuple[PlacedLayer, ...]

    @property
    def position(self) -> tuple[float, float, float]:
        """Centre (x, y, z), nm."""
        return 0.0, 0.0, self.z

    def distance(self, positions: Floats) -> Floats:
        """Distances (...) of positions (..., 3) from the centre, nm."""
        import numpy as np

        x, y, z = (positions[..., k] - self.position[k] for k in range(3))
        return np.asarray(np.hypot(np.hypot(x, y), z))

    @property
    def radius(self) -> float:
        """Outer radius, nm."""
        return self.layers[-1].radius


@dataclass(frozen=True, slots=True)
class Bridge:
    """A cylinder about the axis that fills a neck; lengths in nm. It replaces medium, never a part of a dot."""

    z_low: float
    z_high: float
    radius: float
    material: str


@dataclass(frozen=True, slots=True)
class AxialMolecule:
    """Dots on the z axis with every parameter resolved.

    ``dots`` are in the order of the spec, z = 0 midway between the centres of the outer dots. Where layers overlap, the
    one nearest to a core (lowest index) wins, at a tie the first-listed dot. ``parameters`` has every material used
    and ``"medium"``. ``field`` is the applied far field along +z in V/nm; ``band_gap`` is that of the reference
    material, eV. ``interface_width`` (nm) is the width of interfaces in self-polarisation, None if self-polarisation is
    disabled. ``light`` is None if the material set has no line width.
    """

    dots: tuple[PlacedDot, ...]
    bridges: tuple[Bridge, ...]
    parameters: Mapping[str, RegionParameters]
    field: float
    band_gap: float
    notes: tuple[str, ...] = ()
    interface_width: float | None = None
    light: Light | None = None

    @property
    def dot_names(self) -> tuple[str, ...]:
        """Names of the dots in sentences: index from 0, core material and core radius.

        >>> AxialMolecule((PlacedDot(0.0, (PlacedLayer("CdSe", 1.4),)),), (), {}, 0.0, 1.75).dot_names
        ('dot 0 (CdSe 1.40 nm)',)
        """
        return tuple(dot_name(number, dot.layers) for number, dot in enumerate(self.dots))

    @property
    def centres(self) -> Floats:
        """Centres (D, 3) of the dots, nm."""
        import numpy as np

        return np.array([dot.position for dot in self.dots])

    @property
    def reach(self) -> float:
        """Radius (nm) of the smallest ball about the origin that holds every dot."""
        return max(math.hypot(*dot.position) + dot.radius for dot in self.dots)

    @property
    def mirror_symmetric(self) -> bool:
        """Whether the molecule is symmetric under z -> -z: bodies and materials are, and there is no field."""
        if self.field != 0 or not _mirrored_bridges(self.bridges):
            return False
        images = [_image(self.dots, dot) for dot in self.dots]
        return None not in images and _ties_mirrored(self.dots, [i for i in images if i is not None])

    def mirrored(self) -> AxialMolecule:
        """Return the image under z -> -z, field included, the dots in the same order."""
        dots = tuple(replace(dot, z=0.0 - dot.z) for dot in self.dots)
        bridges = tuple(replace(b, z_low=0.0 - b.z_high, z_high=0.0 - b.z_low) for b in self.bridges)
        return replace(self, dots=dots, bridges=bridges, field=0.0 - self.field)

    def monomer(self, dot: int) -> AxialMolecule:
        """Return one dot alone at z = 0, same parameters and field, no bridges."""
        return replace(self, dots=(replace(self.dots[dot], z=0.0),), bridges=(), notes=())


def dot_name(number: int, layers: Sequence[PlacedLayer]) -> str:
    """Return the name of a dot in sentences: index from 0, core material and core radius."""
    return f"dot {number} ({layers[0].material} {layers[0].radius:.2f} nm)"


def nearest_dot(positions: Floats, centres: Floats) -> Indices:
    """Return the number (...) of the nearest centre (D, 3) for positions (..., 3); at a tie the lowest number.

    >>> import numpy as np
    >>> centres = np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]])
    >>> nearest_dot(np.array([[1.0, 0.0, 0.1], [0.0, 0.0, 0.0]]), centres).tolist()
    [1, 0]
    """
    import numpy as np

    # |x - c|² less |x|², which is common to all centres: no digits are lost far from them.
    return np.asarray(np.argmin(np.sum(centres**2, axis=1) / 2 - positions @ centres.T, axis=-1))


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= MIRROR_TOLERANCE


def _image(dots: tuple[PlacedDot, ...], dot: PlacedDot) -> int | None:
    """Return the index of the mirror image of ``dot``, or None."""
    for i, candidate in enumerate(dots):
        if _close(candidate.z, -dot.z) and len(candidate.layers) == len(dot.layers):
            pairs = zip(dot.layers, candidate.layers, strict=True)
            if all(a.material == b.material and _close(a.radius, b.radius) for a, b in pairs):
                return i
    return None


def _ties_mirrored(dots: tuple[PlacedDot, ...], images: list[int]) -> bool:
    """Whether ties between overlapping layers of unlike materials are resolved alike in the mirror image.

    The first-listed dot wins a tie, so that in a chain A-B-A of unlike shells B wins on one side only.
    """
    for i, dot in enumerate(dots):
        for j in range(i):
            earlier = dots[j]
            unlike = any(a.material != b.material for a, b in zip(dot.layers, earlier.layers, strict=False))
            overlap = abs(dot.z - earlier.z) < dot.radius + earlier.radius
            if unlike and overlap and not images[j] < images[i]:
                return False
    return True


def _mirrored_bridges(bridges: tuple[Bridge, ...]) -> bool:
    return all(
        any(
            _close(a.z_low, -b.z_high)
            and _close(a.z_high, -b.z_low)
            and _close(a.radius, b.radius)
            and a.material == b.material
            for b in bridges
        )
        for a in bridges
    )
