"""The hard wall in the medium at which wavefunctions end: its distance from the surface, and the error it causes.

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
from qdmol.fem import medium_layer, smallest_gap
from qdmol.potentials import Carrier, Density, edge_of, mass_of
from qdmol.states.hamiltonian import Hamiltonian
from qdmol.structure import MEDIUM, AxialMolecule, RegionParameters
from qdmol.units import HBAR2_OVER_2M0

# Energy (eV) of a level's tail in the medium: a first guess.
TAIL_ENERGY_EV = 0.1
# Part of the tolerance the wall should take, and the part it may.
WALL_SHARE = 0.01
WALL_LIMIT = 0.1
# Curved surfaces and tails that are not quite exponential.
WALL_SAFETY = 2.0
# Levels bound by less than this (eV) are not counted as discrete: their tails outgrow any box.
MIN_BINDING_EV = 1e-3
# Widest distance (nm) of the wall.
MAX_WALL_NM = 200.0
# In a field the wall stands at least this far (nm) from the surface.
MIN_FIELD_WALL_NM = 1.0
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
    max_energies: Mapping[Carrier, float]

    @property
    def layers(self) -> tuple[float, ...]:
        """Offsets (nm) of the mesh lines through the medium: as thin as the fastest tail, then growing to the wall."""
        if self.distance == 0:
            return ()
        medium = self.molecule.parameters[MEDIUM]
        thinnest = min(decay_length(medium, carrier, top) for carrier, top in self.max_energies.items())
        offsets = [self.distance]
        while offsets[-1] > 2 * SIZE_LAYER * thinnest:
            offsets.append(offsets[-1] / LAYER_GROWTH)
        return tuple(reversed(offsets))


def choose_wall(
    molecule: AxialMolecule, counts: Mapping[Carrier, int], max_energies: Mapping[Carrier, float], *, tolerance: float
) -> Wall:
    """The wall for levels up to `max_energies` (eV) and a tolerance (eV).

    Where the highest energy of a carrier is not known, it is estimated for its number of levels in `counts`.
    """
    depth = math.log(TAIL_ENERGY_EV / (WALL_SHARE * tolerance)) / 2
    max_energies = {
        carrier: max_energies.get(carrier, _estimate(molecule, carrier, counts[carrier])) for carrier in counts
    }
    distance = MIN_FIELD_WALL_NM if molecule.field else 0.0
    medium = molecule.parameters[MEDIUM]
    for carrier, top in max_energies.items():
        if math.isfinite(edge_of(medium, carrier)):
            distance = max(distance, depth * _tail_length(molecule, carrier, top))
    return _clear(Wall(molecule, min(distance, MAX_WALL_NM), max_energies))


def _clear(wall: Wall) -> Wall:
    """A wall whose layers nearly touch nothing: the mesh lines through the medium are free to avoid cusps."""
    for step in range(CLEAR_STEPS):
        moved = Wall(wall.molecule, wall.distance * (1 + CLEAR_STEP * step), wall.max_energies)
        bodies = smallest_gap(wall.molecule, (0.0,))
        if smallest_gap(wall.molecule, (0.0, *moved.layers)) > min(CLEAR_GAP * wall.distance, 0.99 * bodies):
            return moved
    return wall


def moved_out(wall: Wall, errors: Mapping[Carrier, float], *, tolerance: float) -> Wall | None:
    """The wall moved out so that none of the `errors` (eV) it causes is too large; None where none is."""
    distance = wall.distance
    for carrier, error in errors.items():
        if error > WALL_LIMIT * tolerance:
            length = _tail_length(wall.molecule, carrier, wall.max_energies[carrier])
            distance = max(distance, wall.distance + length * math.log(error / (WALL_SHARE * tolerance)) / 2)
    distance = min(distance, MAX_WALL_NM)
    return _clear(Wall(wall.molecule, distance, wall.max_energies)) if distance > wall.distance else None


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
    region = hamiltonian.elements.regions.index(medium_layer(len(layers) - 2))
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
    reach = molecule.reach + wall.distance
    return barrier - MIN_BINDING_EV - abs(molecule.field) * reach


def decay_length(parameters: RegionParameters, carrier: Carrier, energy: float) -> float:
    """1/κ (nm) of a level at `energy` in a material; inf where it does not decay or cannot enter."""
    binding = edge_of(parameters, carrier) - energy
    if binding <= 0 or not math.isfinite(binding):
        return math.inf
    return 1 / math.sqrt(mass_of(parameters, carrier) * binding / HBAR2_OVER_2M0)


def _tail_length(molecule: AxialMolecule, carrier: Carrier, energy: float) -> float:
    """1/κ (nm) in the medium, of a level bound by MIN_BINDING_EV at least."""
    medium = molecule.parameters[MEDIUM]
    return decay_length(medium, carrier, min(energy, edge_of(medium, carrier) - MIN_BINDING_EV))


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
