"""The placed molecule: what the solver computes, free of names, units and choices of the spec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from qdmol.arrays import Floats, Indices

MEDIUM = "medium"  # the name of what surrounds the molecule
MIRROR_TOLERANCE = 1e-12  # nm: rounding of sums of lengths, nothing a person meant


@dataclass(frozen=True, slots=True)
class RegionParameters:
    """One material as the carriers see it: free-electron masses, edges in eV, relative permittivity.

    Edges count from the reference material's, positive away from the gap; ``math.inf`` is a hard wall. What light sees
    may be missing: ``kane_energy`` (eV), ``optical_permittivity``, ``bulk_absorption`` (1/cm, at 300 nm).
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
    """How one dot's line is broadened and polarised.

    ``homogeneous_width`` (eV) is its full width at half maximum at ``width_temperature`` (K); it goes with temperature
    as the root of coth(``phonon_energy`` / 2kT), with ``phonon_energy`` in eV. ``axial_share`` is the share of the p
    orbital along the crystal's axis in the hole's Bloch function, None where it is isotropic; ``axis_angle`` (degrees)
    lies between that axis and the molecule's.
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
        x, y, z = (positions[..., k] - self.position[k] for k in range(3))
        return np.asarray(np.hypot(np.hypot(x, y), z))

    @property
    def radius(self) -> float:
        """Outer radius, nm."""
        return self.layers[-1].radius


@dataclass(frozen=True, slots=True)
class Bridge:
    """A cylinder about the axis that fills a neck; lengths in nm. It replaces medium, never a dot."""

    z_low: float
    z_high: float
    radius: float
    material: str


@dataclass(frozen=True, slots=True)
class AxialMolecule:
    """Dots on the z axis with every parameter resolved.

    ``dots`` stand in the order of the spec, z = 0 midway between the outer dots' centres. Where layers overlap the
    one nearest to a core (lowest index) wins, at a tie the first-listed dot. ``parameters`` has every material used
    and ``"medium"``. ``field`` is the applied far field along +z in V/nm; ``band_gap`` the reference material's, eV.
    ``interface_width`` (nm) is that of the interfaces in self-polarisation, None where that is left out. ``light`` is
    None where the material set does not say how a line is broadened.
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
        """What sentences call each dot: its number as listed, core material and core radius.

        >>> AxialMolecule((PlacedDot(0.0, (PlacedLayer("CdSe", 1.4),)),), (), {}, 0.0, 1.75).dot_names
        ('dot 0 (CdSe 1.40 nm)',)
        """
        cores = [dot.layers[0] for dot in self.dots]
        return tuple(f"dot {number} ({core.material} {core.radius:.2f} nm)" for number, core in enumerate(cores))

    @property
    def centres(self) -> Floats:
        """Centres (D, 3) of the dots, nm."""
        return np.array([dot.position for dot in self.dots])

    @property
    def reach(self) -> float:
        """Radius (nm) of the smallest ball about the origin that holds every dot."""
        return max(math.hypot(*dot.position) + dot.radius for dot in self.dots)

    @property
    def mirror_symmetric(self) -> bool:
        """Whether z -> -z about z = 0 changes nothing: bodies, materials, and no field."""
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


def nearest_dot(positions: Floats, centres: Floats) -> Indices:
    """Number (...) of the nearest of some centres (D, 3) for positions (..., 3); at a tie the lowest number.

    >>> centres = np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 1.0]])
    >>> nearest_dot(np.array([[1.0, 0.0, 0.1], [0.0, 0.0, 0.0]]), centres).tolist()
    [1, 0]
    """
    # |x - c|² less |x|², which is common to all centres: no digits are lost far from them.
    return np.asarray(np.argmin(np.sum(centres**2, axis=1) / 2 - positions @ centres.T, axis=-1))


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= MIRROR_TOLERANCE


def _image(dots: tuple[PlacedDot, ...], dot: PlacedDot) -> int | None:
    """Return the index of the dot that ``dot`` is mirrored to, or None."""
    for i, other in enumerate(dots):
        if _close(other.z, -dot.z) and len(other.layers) == len(dot.layers):
            pairs = zip(dot.layers, other.layers, strict=True)
            if all(a.material == b.material and _close(a.radius, b.radius) for a, b in pairs):
                return i
    return None


def _ties_mirrored(dots: tuple[PlacedDot, ...], images: list[int]) -> bool:
    """Whether ties between unlike overlapping layers fall the same way in the mirror image.

    The first-listed dot wins a tie, so a chain A-B-A of unlike shells favours B on one side only.
    """
    for i, one in enumerate(dots):
        for j in range(i):
            two = dots[j]
            unlike = any(a.material != b.material for a, b in zip(one.layers, two.layers, strict=False))
            overlap = abs(one.z - two.z) < one.radius + two.radius
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
