"""How finely to mesh, and where the levels may end: both from the molecule, by a stated rule.

The wall. In the medium a level at E below the barrier V decays as exp(-κ s), κ = sqrt(m (V - E)) / ħ, so a hard
wall at a distance L from the surface raises it by about exp(-2 κ L) of its energy in the tail. The wall stands
where that is WALL_SHARE of the tolerance for the highest level reported. A medium that is `hard` ends the levels at
the surface itself. In an applied field levels are resonances; the wall makes them discrete and its distance is part
of the model.

The size of elements: SIZE_OSCILLATING radians of the fastest level, or SIZE_DECAYING decay lengths.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qdmol.landscape import CARRIERS, Carrier, edge_of, mass_of
from qdmol.mesh import MEDIUM, Elements, MeshSettings, Shapes, arrange, mesh_elements
from qdmol.structure import AxialMolecule, RegionParameters
from qdmol.units import HBAR2_OVER_2M0

__all__ = [
    "Resolution",
    "Wall",
    "carriers_of",
    "ceiling",
    "choose_wall",
    "discretise",
    "gap_error",
    "ladder",
    "wall_error",
]

# Energy (eV) of a level's tail in the medium, at most: sets the error the wall leaves.
TAIL_ENERGY = 0.1
# Part of the tolerance the wall may take.
WALL_SHARE = 0.01
# Levels bound by less than this (eV) are not counted as discrete: their tails outgrow any box.
LEAST_BINDING = 1e-3
# Widest distance (nm) of the wall.
WIDEST_WALL = 200.0
# In a field the wall stands at least this far (nm) from the surface.
FIELD_WALL = 1.0
SIZE_OSCILLATING = 2.2
SIZE_DECAYING = 4.5
SIZE_LAYER = 4.5
# A gap of medium narrower than this (nm) is closed at a tolerance of 0.1 meV, at others with the root of the tolerance.
CLOSED_GAP = 4e-3
NARROWEST_CLOSED = 2e-4
GAP_SAFETY = 10.0
# Free space (nm) between the wall and the ball on which the potential meets its multipoles.
BALL_MARGIN = 1.0


@dataclass(frozen=True, slots=True)
class Resolution:
    """Degree of the shape functions, factor on all element sizes, width (nm) of gaps that are closed."""

    degree: int
    size_factor: float = 1.0
    closed_gap: float = CLOSED_GAP

    @property
    def corner_levels(self) -> int:
        """Layers of small elements around an edge: one a degree, so that the edge never limits the accuracy."""
        return self.degree


@dataclass(frozen=True, slots=True)
class Wall:
    """Distance (nm) of the wall from the surface, and the energy (eV) below which each carrier's tail has decayed
    there.
    """

    distance: float
    tops: Mapping[Carrier, float]


def ladder(tolerance: float) -> Iterable[Resolution]:
    """Resolutions to try in turn for a tolerance in eV."""
    start = 5 if tolerance >= 4e-5 else 6 if tolerance >= 4e-6 else 7
    gap = min(max(CLOSED_GAP * math.sqrt(tolerance / 1e-4), NARROWEST_CLOSED), CLOSED_GAP)
    for degree in range(start, 9):
        yield Resolution(degree, 1.0, gap)
    yield Resolution(8, 0.6, gap)
    yield Resolution(9, 0.4, gap)


def choose_wall(
    molecule: AxialMolecule, counts: Mapping[Carrier, int], tops: Mapping[Carrier, float], *, tolerance: float
) -> Wall:
    """The wall for levels up to `tops` (eV), where unknown up to an estimate for `counts` levels; `tolerance` in eV."""
    depth = math.log(TAIL_ENERGY / (WALL_SHARE * tolerance)) / 2
    tops = {carrier: tops.get(carrier, _estimate(molecule, carrier, counts[carrier])) for carrier in counts}
    distance = FIELD_WALL if molecule.field else 0.0
    medium = molecule.parameters[MEDIUM]
    for carrier, top in tops.items():
        barrier = edge_of(medium, carrier)
        if math.isfinite(barrier):
            binding = max(barrier - top, LEAST_BINDING)
            decay = math.sqrt(mass_of(medium, carrier) * binding / HBAR2_OVER_2M0)
            distance = max(distance, depth / decay)
    return Wall(min(distance, WIDEST_WALL), tops)


def wall_error(molecule: AxialMolecule, wall: Wall, carrier: Carrier, energy: float) -> float:
    """Error (eV) the wall leaves in levels up to `energy`."""
    medium = molecule.parameters[MEDIUM]
    barrier = edge_of(medium, carrier)
    if not math.isfinite(barrier) or molecule.field:
        return 0.0
    binding = max(barrier - energy, LEAST_BINDING)
    decay = math.sqrt(mass_of(medium, carrier) * binding / HBAR2_OVER_2M0)
    return TAIL_ENERGY * math.exp(-2 * decay * wall.distance)


def gap_error(molecule: AxialMolecule, resolution: Resolution, carrier: Carrier, energy: float) -> float:
    """Error (eV) of closing a narrow gap of medium: GAP_SAFETY times the level's energy in the lens that is filled.

    The lens under a gap of width w between spheres of radius R has the volume π R w² / 2; the energy density at the
    surface is taken as that of the smallest dot on average. Measured for two touching 1.4/2.1 nm dots: a third of it.
    """
    shapes = Shapes(molecule, (), 0.0, resolution.closed_gap, half=False)
    if not shapes.closed_gaps():
        return 0.0
    radius = min(dot.radius for dot in molecule.dots)
    lens = math.pi * radius * resolution.closed_gap**2 / 2
    return GAP_SAFETY * (energy - _bottom(molecule, carrier)) * lens / (4 / 3 * math.pi * radius**3)


def ceiling(molecule: AxialMolecule, wall: Wall, carrier: Carrier) -> float:
    """Energy (eV) above which levels are not discrete; inf for a hard medium."""
    barrier = edge_of(molecule.parameters[MEDIUM], carrier)
    reach = max(abs(dot.z) + dot.radius for dot in molecule.dots) + wall.distance
    return barrier - LEAST_BINDING - abs(molecule.field) * reach


def discretise(molecule: AxialMolecule, wall: Wall, resolution: Resolution, *, potential: bool) -> Elements:
    """Mesh the molecule; with `potential` also the space its electrostatic potential needs.

    Raises
    ------
    SolverError
        The mesh generator found no mesh for this shape.
    """
    reach = max(abs(dot.z) + dot.radius for dot in molecule.dots) + wall.distance
    box = reach + BALL_MARGIN if potential else 0.0
    shapes = Shapes(molecule, _layers(molecule, wall), box, resolution.closed_gap, half=molecule.mirror_symmetric)
    regions = {region for piece in arrange(shapes) for region in (piece.left, piece.right)} - {""}
    largest = resolution.size_factor * reach / 1.5
    sizes = {region: min(largest, resolution.size_factor * _size(molecule, wall, region)) for region in sorted(regions)}
    settings = MeshSettings(sizes, resolution.corner_levels, resolution.degree + 1)
    return mesh_elements(shapes, settings, degree=resolution.degree)


def _layers(molecule: AxialMolecule, wall: Wall) -> tuple[float, ...]:
    """Offsets (nm) of the mesh lines through the medium: as thin as the fastest tail, then doubling, up to the wall."""
    if wall.distance == 0:
        return ()
    thinnest = min(_decaying(molecule.parameters[MEDIUM], carrier, wall.tops[carrier]) for carrier in wall.tops)
    offsets = [wall.distance]
    while offsets[-1] > 2 * SIZE_LAYER * thinnest:
        offsets.append(offsets[-1] / 2.5)
    return tuple(reversed(offsets))


def _size(molecule: AxialMolecule, wall: Wall, region: str) -> float:
    """Largest element size (nm) the carriers' waves allow in a region."""
    if region.endswith("/far"):
        return math.inf
    if region.startswith(MEDIUM + "/"):
        return wall.distance
    parameters = molecule.parameters[region]
    sizes = []
    for carrier, top in wall.tops.items():
        height = top - edge_of(parameters, carrier)
        mass = mass_of(parameters, carrier)
        if height > 0:
            sizes.append(SIZE_OSCILLATING / math.sqrt(mass * height / HBAR2_OVER_2M0))
        if height < top - _bottom(molecule, carrier):
            sizes.append(_decaying(parameters, carrier, _bottom(molecule, carrier)) * SIZE_DECAYING)
    return min(sizes, default=math.inf)


def _decaying(parameters: RegionParameters, carrier: Carrier, energy: float) -> float:
    """Decay length (nm) of a level at `energy` in a material."""
    binding = edge_of(parameters, carrier) - energy
    if binding <= 0 or not math.isfinite(binding):
        return math.inf
    return 1 / math.sqrt(mass_of(parameters, carrier) * binding / HBAR2_OVER_2M0)


def _bottom(molecule: AxialMolecule, carrier: Carrier) -> float:
    names = {layer.material for dot in molecule.dots for layer in dot.layers}
    return min(edge_of(molecule.parameters[name], carrier) for name in names)


def _estimate(molecule: AxialMolecule, carrier: Carrier, count: int) -> float:
    """Rough energy (eV) of the highest of `count` levels: a sphere of the largest dot's size, its share of the
    levels.
    """
    dot = max(molecule.dots, key=lambda dot: dot.radius)
    share = max(count, 1) / len(molecule.dots)
    wave = math.pi / dot.radius * (1 + 0.43 * (math.cbrt(share) - 0.5))
    inner = molecule.parameters[dot.layers[0].material]
    kinetic = HBAR2_OVER_2M0 / mass_of(inner, carrier) * wave**2
    barrier = edge_of(molecule.parameters[MEDIUM], carrier)
    bottom = _bottom(molecule, carrier)
    return min(bottom + kinetic, bottom + 0.7 * (barrier - bottom)) if math.isfinite(barrier) else bottom + kinetic


def carriers_of(counts: Mapping[Carrier, int]) -> tuple[Carrier, ...]:
    """Carriers that have levels to find, in a fixed order."""
    return tuple(carrier for carrier in CARRIERS if counts.get(carrier, 0) > 0)
