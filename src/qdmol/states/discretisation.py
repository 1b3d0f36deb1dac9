"""How finely to mesh, by a stated rule.

Elements are at most SIZE_OSCILLATING radians of the fastest level wide, or SIZE_DECAYING decay lengths.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from qdmol.fem import CORNER_FACTOR, Elements, MeshSettings, Piece, Shapes, arrange, mesh_elements
from qdmol.potentials import CARRIERS, Carrier, edge_of, mass_of
from qdmol.states.wall import Wall, decay_length, lowest_edge
from qdmol.structure import MEDIUM, AxialMolecule
from qdmol.units import HBAR2_OVER_2M0

SIZE_OSCILLATING = 2.2
SIZE_DECAYING = 4.5
# Gaps narrower than this (nm) are closed, or narrower ones only where that is more than GAP_SHARE of the tolerance.
CLOSED_GAP = 4e-3
NARROWEST_CLOSED = 2e-4
GAP_SHARE = 0.05
GAP_SAFETY = 10.0
# Elements along an interface are no thicker than this many of its widths.
WIDTHS_RESOLVED = 1.5
# What a solve may take, and what it takes per entry of the elements' matrices, measured on random molecules of 2,000 to
# 146,000 unknowns without (False) and with a self-consistent pair; a start is worth LEVELS_OF_START levels.
MOST_SECONDS, MOST_BYTES = 60.0, 2.0e9
BASE_BYTES, BYTES_PER_ENTRY = 2.5e8, {False: 410.0, True: 640.0}
SECONDS_PER_ENTRY, LEVELS_OF_START = 3.4e-7, 8
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


def ladder(molecule: AxialMolecule, tops: Mapping[Carrier, float], tolerance: float) -> Iterable[Resolution]:
    """Resolutions to try in turn, for levels up to `tops` and a tolerance in eV."""
    start = 5 if tolerance >= 4e-5 else 6 if tolerance >= 4e-6 else 7
    widest = Resolution(start)
    error = max((gap_error(molecule, widest, carrier, top) for carrier, top in tops.items()), default=0.0)
    # What is closed holds energy as the square of its width.
    share = math.sqrt(GAP_SHARE * tolerance / error) if error else 1.0
    gap = min(max(CLOSED_GAP * share, NARROWEST_CLOSED), CLOSED_GAP)
    for degree in range(start, 9):
        yield Resolution(degree, 1.0, gap)
    yield Resolution(8, 0.6, gap)
    yield Resolution(9, 0.4, gap)


def most_elements(resolution: Resolution, levels: int, *, coulomb: bool) -> float:
    """Elements of a mesh that is still solved: what takes about MOST_SECONDS and MOST_BYTES with so many levels."""
    functions = (resolution.degree + 1) * (resolution.degree + 2) / 2
    entries = functions**2
    memory = (MOST_BYTES - BASE_BYTES) / (BYTES_PER_ENTRY[coulomb] * entries)
    return min(memory, MOST_SECONDS / (SECONDS_PER_ENTRY * (LEVELS_OF_START + levels) * entries))


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
    reach = max(abs(dot.z) + dot.radius for dot in molecule.dots) + wall.distance
    box = reach + BALL_MARGIN if potential else 0.0
    shapes = Shapes(molecule, wall.layers, box, resolution.closed_gap, half=molecule.mirror_symmetric)
    pieces = arrange(shapes)
    regions = {region for piece in pieces for region in (piece.left, piece.right)} - {""}
    largest = resolution.size_factor * reach / 1.5
    sizes = {region: min(largest, resolution.size_factor * _size(molecule, wall, region)) for region in sorted(regions)}
    layered = _polarised_interfaces(molecule, pieces)
    levels = _layer_levels(molecule, sizes, layered)
    settings = MeshSettings(
        sizes, resolution.corner_levels, resolution.degree + 1, layer_levels=levels, layered=layered, most=most
    )
    return mesh_elements(shapes, settings, degree=resolution.degree)


def _polarised_interfaces(molecule: AxialMolecule, pieces: Iterable[Piece]) -> frozenset[frozenset[str]]:
    """Pairs of regions between which self-polarisation changes over the width of an interface."""
    if molecule.interface_width is None:
        return frozenset()

    def permittivity(region: str) -> float:
        return molecule.parameters[MEDIUM if region.startswith(MEDIUM + "/") else region].permittivity

    inner = (piece for piece in pieces if piece.left and piece.right)
    return frozenset(frozenset((p.left, p.right)) for p in inner if permittivity(p.left) != permittivity(p.right))


def _layer_levels(molecule: AxialMolecule, sizes: Mapping[str, float], layered: frozenset[frozenset[str]]) -> int:
    """Layers along interfaces until the thinnest elements resolve the width of an interface."""
    if molecule.interface_width is None or not layered:
        return 0
    largest = max(sizes[region] for pair in layered for region in pair)
    thinnest = WIDTHS_RESOLVED * molecule.interface_width
    return max(1, math.ceil(math.log(thinnest / largest) / math.log(CORNER_FACTOR)))


def gap_error(molecule: AxialMolecule, resolution: Resolution, carrier: Carrier, energy: float) -> float:
    """Error (eV) of closing narrow gaps: GAP_SAFETY times the level's energy in the slivers that are filled.

    The sliver of width w out to the radius r has the volume π r² w / 2; the energy density there is taken as that of
    the smaller sphere on average. Measured for two touching 1.4/2.1 nm dots: a third of it.
    """
    height = energy - lowest_edge(molecule, carrier)
    error = 0.0
    for sliver in Shapes(molecule, (), 0.0, resolution.closed_gap, half=False).slivers:
        lens = math.pi * sliver.edge**2 * resolution.closed_gap / 2
        error += GAP_SAFETY * height * lens / (4 / 3 * math.pi * min(sliver.one.radius, sliver.other.radius) ** 3)
    return error


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
        bottom = lowest_edge(molecule, carrier)
        if height > 0:
            sizes.append(SIZE_OSCILLATING / math.sqrt(mass_of(parameters, carrier) * height / HBAR2_OVER_2M0))
        if height < top - bottom:
            sizes.append(decay_length(parameters, carrier, bottom) * SIZE_DECAYING)
    return min(sizes, default=math.inf)


def carriers_of(counts: Mapping[Carrier, int]) -> tuple[Carrier, ...]:
    """Carriers that have levels to find, in a fixed order."""
    return tuple(carrier for carrier in CARRIERS if counts.get(carrier, 0) > 0)
