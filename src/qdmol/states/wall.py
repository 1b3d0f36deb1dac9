"""Where the levels may end: a wall in the medium, by a stated rule.

In the medium a level at E below the barrier V decays as exp(-κ s), κ = sqrt(2 m (V - E)) / ħ, so that a hard wall at a
distance L from the surface raises it by about exp(-2 κ L) of the energy in its tail. The wall stands where that is
WALL_SHARE of the tolerance for the highest level reported; what it does is then computed from each level itself, and
where it is more than WALL_LIMIT of the tolerance the wall moves out. A medium that is `hard` ends the levels at the
surface. In an applied field levels are resonances: the wall makes them discrete, its distance is part of the model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats
from qdmol.fem import caps_apart
from qdmol.potentials import Carrier, Density, edge_of, mass_of
from qdmol.states.hamiltonian import Hamiltonian
from qdmol.structure import MEDIUM, AxialMolecule, RegionParameters
from qdmol.units import HBAR2_OVER_2M0

# Energy (eV) of a level's tail in the medium: a first guess.
TAIL_ENERGY = 0.1
# Part of the tolerance the wall should take, and the part it may.
WALL_SHARE = 0.01
WALL_LIMIT = 0.1
# Curved surfaces and tails that are not quite exponential.
WALL_SAFETY = 2.0
# Levels bound by less than this (eV) are not counted as discrete: their tails outgrow any box.
LEAST_BINDING = 1e-3
# Widest distance (nm) of the wall.
WIDEST_WALL = 200.0
# In a field the wall stands at least this far (nm) from the surface.
FIELD_WALL = 1.0
# A first layer of elements through the medium thicker than this many decay lengths is split, each next one
# LAYER_GROWTH times as far from the surface.
SIZE_LAYER = 4.5
LAYER_GROWTH = 2.5
# A mesh line of the medium that comes closer to another than this part of the wall's distance moves by such steps.
CLEAR_GAP = 0.05
CLEAR_STEP = 0.02
CLEAR_STEPS = 20


@dataclass(frozen=True, slots=True)
class Wall:
    """Distance (nm) of the wall from the surface, and the energies (eV) it was chosen for."""

    molecule: AxialMolecule
    distance: float
    tops: Mapping[Carrier, float]

    @property
    def layers(self) -> tuple[float, ...]:
        """Offsets (nm) of the mesh lines through the medium: as thin as the fastest tail, then growing to the wall."""
        if self.distance == 0:
            return ()
        medium = self.molecule.parameters[MEDIUM]
        thinnest = min(decay_length(medium, carrier, top) for carrier, top in self.tops.items())
        offsets = [self.distance]
        while offsets[-1] > 2 * SIZE_LAYER * thinnest:
            offsets.append(offsets[-1] / LAYER_GROWTH)
        return tuple(reversed(offsets))


def choose_wall(
    molecule: AxialMolecule, counts: Mapping[Carrier, int], tops: Mapping[Carrier, float], *, tolerance: float
) -> Wall:
    """The wall for levels up to `tops` (eV), where unknown up to an estimate for `counts` levels; `tolerance` in eV."""
    depth = math.log(TAIL_ENERGY / (WALL_SHARE * tolerance)) / 2
    tops = {carrier: tops.get(carrier, _estimate(molecule, carrier, counts[carrier])) for carrier in counts}
    distance = FIELD_WALL if molecule.field else 0.0
    medium = molecule.parameters[MEDIUM]
    for carrier, top in tops.items():
        if math.isfinite(edge_of(medium, carrier)):
            distance = max(distance, depth * _tail_length(molecule, carrier, top))
    return _clear(Wall(molecule, min(distance, WIDEST_WALL), tops))


def _clear(wall: Wall) -> Wall:
    """A wall whose layers nearly touch nothing: the mesh lines through the medium are free to avoid cusps."""
    for step in range(CLEAR_STEPS):
        moved = Wall(wall.molecule, wall.distance * (1 + CLEAR_STEP * step), wall.tops)
        around = [[(dot.z, dot.radius + offset) for offset in (0.0, *moved.layers)] for dot in wall.molecule.dots]
        bodies = caps_apart([group[:1] for group in around])
        if caps_apart(around) > min(CLEAR_GAP * wall.distance, 0.99 * bodies):
            return moved
    return wall


def further(wall: Wall, errors: Mapping[Carrier, float], *, tolerance: float) -> Wall | None:
    """The wall further out where one of the `errors` (eV) it leaves is too large; None where all will do."""
    distance = wall.distance
    for carrier, error in errors.items():
        if error > WALL_LIMIT * tolerance:
            length = _tail_length(wall.molecule, carrier, wall.tops[carrier])
            distance = max(distance, wall.distance + length * math.log(error / (WALL_SHARE * tolerance)) / 2)
    distance = min(distance, WIDEST_WALL)
    return _clear(Wall(wall.molecule, distance, wall.tops)) if distance > wall.distance else None


def wall_shares(hamiltonian: Hamiltonian, wall: Wall, energy: float, density: Density) -> Floats:
    """Energy (eV) by which the wall raises a state, from its density in each element (E,) of the layer before the wall.

    With the product of two states for the density it is the wall's matrix element between them.

    To first order the wall raises a level by (ħ²/2m) ∮ |∂ψ/∂n|² / 2κ (Hadamard's formula, with the tail beyond the wall
    exp(-κ s)). In a layer of thickness t before it ψ = b sinh(κ s), so that ∂ψ/∂n = κ b follows from ∫ψ² there, which
    is better known than a derivative. Empty where the wall is part of the model.
    """
    molecule, carrier = hamiltonian.molecule, hamiltonian.carrier
    if molecule.field or not math.isfinite(edge_of(molecule.parameters[MEDIUM], carrier)):
        return np.empty(0)
    layers = (0.0, *wall.layers)
    region = hamiltonian.elements.regions.index(f"{MEDIUM}/{len(layers) - 2}")
    assembler = hamiltonian.assembler
    parts = []
    for block, values in zip(assembler.blocks, density(assembler), strict=True):
        outermost = block.region == region
        parts.append((block.measure * values)[outermost].sum(axis=1))
    length = _tail_length(molecule, carrier, energy)
    depth = 2 * (layers[-1] - layers[-2]) / length
    share = length * (math.sinh(min(depth, 600.0)) - depth) / 4
    kinetic = HBAR2_OVER_2M0 / mass_of(molecule.parameters[MEDIUM], carrier)
    return np.asarray(kinetic / (2 * length) / share * np.concatenate(parts))


def ceiling(molecule: AxialMolecule, wall: Wall, carrier: Carrier) -> float:
    """Energy (eV) above which levels are not discrete; inf for a hard medium."""
    barrier = edge_of(molecule.parameters[MEDIUM], carrier)
    reach = max(abs(dot.z) + dot.radius for dot in molecule.dots) + wall.distance
    return barrier - LEAST_BINDING - abs(molecule.field) * reach


def decay_length(parameters: RegionParameters, carrier: Carrier, energy: float) -> float:
    """1/κ (nm) of a level at `energy` in a material; inf where it does not decay or cannot enter."""
    binding = edge_of(parameters, carrier) - energy
    if binding <= 0 or not math.isfinite(binding):
        return math.inf
    return 1 / math.sqrt(mass_of(parameters, carrier) * binding / HBAR2_OVER_2M0)


def _tail_length(molecule: AxialMolecule, carrier: Carrier, energy: float) -> float:
    """1/κ (nm) in the medium, of a level bound by LEAST_BINDING at least."""
    medium = molecule.parameters[MEDIUM]
    return decay_length(medium, carrier, min(energy, edge_of(medium, carrier) - LEAST_BINDING))


def lowest_edge(molecule: AxialMolecule, carrier: Carrier) -> float:
    """Lowest band edge (eV) of a carrier inside the molecule."""
    names = {layer.material for dot in molecule.dots for layer in dot.layers}
    return min(edge_of(molecule.parameters[name], carrier) for name in names)


def _estimate(molecule: AxialMolecule, carrier: Carrier, count: int) -> float:
    """Rough energy (eV) of the highest of `count` levels: of a sphere like the largest dot, its share of the levels."""
    dot = max(molecule.dots, key=lambda dot: dot.radius)
    share = max(count, 1) / len(molecule.dots)
    wave = math.pi / dot.radius * (1 + 0.43 * (math.cbrt(share) - 0.5))
    inner = molecule.parameters[dot.layers[0].material]
    kinetic = HBAR2_OVER_2M0 / mass_of(inner, carrier) * wave**2
    barrier = edge_of(molecule.parameters[MEDIUM], carrier)
    bottom = lowest_edge(molecule, carrier)
    return min(bottom + kinetic, bottom + 0.7 * (barrier - bottom)) if math.isfinite(barrier) else bottom + kinetic
