"""Fineness of the mesh for given levels and a tolerance.

Elements are at most SIZE_OSCILLATING radians of the fastest level wide, or SIZE_DECAYING decay lengths.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qdmol.fem import (
    CORNER_FACTOR,
    FAR_MEDIUM,
    Elements,
    MeshSettings,
    geometry_of,
    material_of,
    medium_layer,
    mesh_elements,
    radial_elements,
)
from qdmol.potentials import CARRIERS, Carrier, edge_of, mass_of
from qdmol.states.wall import Wall, decay_length, lowest_edge
from qdmol.structure import MEDIUM, AxialMolecule
from qdmol.units import HBAR2_OVER_2M0

SIZE_OSCILLATING = 2.2
SIZE_DECAYING = 4.5
# Elements along a radius are this many times as long: then monomers are about as accurate as in the half plane.
RADIAL_SIZE = 0.9
# Gaps narrower than this (nm) are closed, or narrower ones only where that is more than GAP_SHARE of the tolerance.
CLOSED_GAP_NM = 4e-3
MIN_CLOSED_GAP_NM = 2e-4
GAP_SHARE = 0.05
GAP_SAFETY = 10.0
# Elements along an interface are no thicker than this many of its widths.
WIDTHS_RESOLVED = 1.5
# What a solve may take, and what it takes per entry of the elements' matrices, measured on random molecules of 2,000 to
# 146,000 unknowns without (False) and with a self-consistent pair; a start is worth LEVELS_OF_START levels.
MAX_SECONDS, MAX_BYTES = 60.0, 2.0e9
BASE_BYTES, BYTES_PER_ENTRY = 2.5e8, {False: 410.0, True: 640.0}
SECONDS_PER_ENTRY, LEVELS_OF_START = 3.4e-7, 8
# Free space (nm) between the wall and the ball on which the potential meets its multipoles.
BALL_MARGIN = 1.0


@dataclass(frozen=True, slots=True)
class Resolution:
    """Resolution of a mesh: degree, factor on all element sizes, and width (nm) of gaps that are closed."""

    degree: int
    size_factor: float = 1.0
    closed_gap: float = CLOSED_GAP_NM

    @property
    def corner_levels(self) -> int:
        """Number of layers of small elements around an edge: one per degree, so that no edge limits the accuracy."""
        return self.degree


def resolutions(
    molecule: AxialMolecule, max_energies: Mapping[Carrier, float], tolerance: float
) -> Iterable[Resolution]:
    """Resolutions to try in turn, for levels up to `max_energies` and a tolerance in eV."""
    start = 5 if tolerance >= 4e-5 else 6 if tolerance >= 4e-6 else 7
    widest = Resolution(start)
    error = max((gap_error(molecule, widest, carrier, top) for carrier, top in max_energies.items()), default=0.0)
    # What is closed holds energy as the square of its width.
    share = math.sqrt(GAP_SHARE * tolerance / error) if error else 1.0
    gap = min(max(CLOSED_GAP_NM * share, MIN_CLOSED_GAP_NM), CLOSED_GAP_NM)
    for degree in range(start, 9):
        yield Resolution(degree, 1.0, gap)
    yield Resolution(8, 0.6, gap)
    yield Resolution(9, 0.4, gap)


def max_elements(resolution: Resolution, levels: int, *, coulomb: bool) -> float:
    """Largest number of elements of a mesh that takes at most about MAX_SECONDS and MAX_BYTES for so many levels."""
    functions = (resolution.degree + 1) * (resolution.degree + 2) / 2
    entries = functions**2
    memory = (MAX_BYTES - BASE_BYTES) / (BYTES_PER_ENTRY[coulomb] * entries)
    return min(memory, MAX_SECONDS / (SECONDS_PER_ENTRY * (LEVELS_OF_START + levels) * entries))


def solve_cost(resolution: Resolution, unknowns: int, levels: int, *, coulomb: bool) -> tuple[float, float]:
    """Seconds and bytes of one solve with so many levels, on a mesh of so many unknowns."""
    degree = resolution.degree
    entries = ((degree + 1) * (degree + 2) / 2) ** 2 * 2 * unknowns / degree**2
    return SECONDS_PER_ENTRY * (LEVELS_OF_START + levels) * entries, BYTES_PER_ENTRY[coulomb] * entries


def discretise(
    molecule: AxialMolecule, wall: Wall, resolution: Resolution, *, potential: bool, most: float = math.inf
) -> Elements:
    """Mesh the molecule; with `potential` also the space its electrostatic potential needs.

    Raises
    ------
    SolverError
        The mesh generator found no mesh for this shape.
    MeshTooLargeError
        More than `most` elements.
    """
    reach = molecule.reach + wall.distance
    box = reach + BALL_MARGIN if potential else 0.0
    geometry = geometry_of(molecule, layers=wall.layers, box=box, closed_gap=resolution.closed_gap)
    largest = resolution.size_factor * reach / 1.5
    sizes = {
        region: min(largest, resolution.size_factor * _size(molecule, wall, region))
        for region in sorted(geometry.regions)
    }
    layered = _polarised_interfaces(molecule, geometry.interfaces)
    levels = _layer_levels(molecule, sizes, layered)
    settings = MeshSettings(
        sizes, resolution.corner_levels, resolution.degree + 1, layer_levels=levels, layered=layered, most=most
    )
    return mesh_elements(geometry, settings, degree=resolution.degree)


def has_radial_solution(molecule: AxialMolecule) -> bool:
    """Whether everything a carrier feels depends on the distance from the centre of a single dot alone."""
    alone = len(molecule.dots) == 1 and molecule.dots[0].position == (0.0, 0.0, 0.0) and not molecule.bridges
    return alone and molecule.field == 0 and molecule.interface_width is None


def discretise_radially(molecule: AxialMolecule, wall: Wall, resolution: Resolution) -> Elements:
    """Elements along the radius of a dot for which :func:`has_radial_solution` holds.

    Outside the wall, where no charge is, the potential is known: it needs no elements there.
    """
    (dot,) = molecule.dots
    # Neighbouring layers of one material count as one, so that a shell written as two gives the same elements.
    layers = itertools.groupby(dot.layers, key=lambda layer: layer.material)
    radii = [(material, max(layer.radius for layer in same)) for material, same in layers]
    radii += [(medium_layer(number), dot.radius + offset) for number, offset in enumerate(wall.layers)]
    largest = molecule.reach / 1.5
    sized = [
        (region, radius, RADIAL_SIZE * resolution.size_factor * min(largest, _size(molecule, wall, region)))
        for region, radius in radii
    ]
    return radial_elements(sized, degree=resolution.degree)


def _polarised_interfaces(molecule: AxialMolecule, interfaces: Iterable[frozenset[str]]) -> frozenset[frozenset[str]]:
    """Pairs of regions between which self-polarisation changes over the width of an interface."""
    if molecule.interface_width is None:
        return frozenset()

    def permittivities(regions: frozenset[str]) -> set[float]:
        return {molecule.parameters[material_of(region)].permittivity for region in regions}

    return frozenset(regions for regions in interfaces if len(permittivities(regions)) > 1)


def _layer_levels(molecule: AxialMolecule, sizes: Mapping[str, float], layered: frozenset[frozenset[str]]) -> int:
    """Layers along interfaces until the thinnest elements resolve the width of an interface."""
    if molecule.interface_width is None or not layered:
        return 0
    largest = max(sizes[region] for pair in layered for region in pair)
    thinnest = WIDTHS_RESOLVED * molecule.interface_width
    return max(1, math.ceil(math.log(thinnest / largest) / math.log(CORNER_FACTOR)))


def gap_error(molecule: AxialMolecule, resolution: Resolution, carrier: Carrier, energy: float) -> float:
    """Error (eV) of closing narrow gaps: GAP_SAFETY times the level's energy in the gaps.

    The energy density in a gap is taken as that of the smaller sphere on average. Measured for two touching 1.4/2.1 nm
    dots: a third of it.
    """
    height = energy - lowest_edge(molecule, carrier)
    error = 0.0
    for gap in geometry_of(molecule, layers=(), box=0.0, closed_gap=resolution.closed_gap).closed_gaps:
        error += GAP_SAFETY * height * gap.volume / gap.smaller_sphere
    return error


def _size(molecule: AxialMolecule, wall: Wall, region: str) -> float:
    """Largest element size (nm) the carriers' waves allow in a region."""
    if region == FAR_MEDIUM:
        return math.inf
    if material_of(region) == MEDIUM:
        return wall.distance
    parameters = molecule.parameters[region]
    sizes = []
    for carrier, top in wall.max_energies.items():
        height = top - edge_of(parameters, carrier)
        bottom = lowest_edge(molecule, carrier)
        if height > 0:
            sizes.append(SIZE_OSCILLATING / math.sqrt(mass_of(parameters, carrier) * height / HBAR2_OVER_2M0))
        if height < top - bottom:
            sizes.append(decay_length(parameters, carrier, bottom) * SIZE_DECAYING)
    return min(sizes, default=math.inf)


def carriers_of(counts: Mapping[Carrier, int]) -> tuple[Carrier, ...]:
    """Carriers that have levels to find, in a fixed order."""
    return tuple(carrier for carrier in CARRIERS if counts.get(carrier, 0) > 0)
