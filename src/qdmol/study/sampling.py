"""Wavefunctions, densities and edges on regular grids, for figures and files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.excitons import MoleculeSolution
from qdmol.landscape import CHARGE, Carrier, edge_of
from qdmol.states import Level
from qdmol.structure import AxialMolecule, materials_at
from qdmol.units import COULOMB_EV_NM

__all__ = [
    "Grid",
    "band_edge",
    "electron_pull",
    "field_level_values",
    "hole_pull",
    "hole_values",
    "level_values",
    "make_grid",
]

Floats = NDArray[np.float64]

AXIS_POINTS = 801
MAP_POINTS = (121, 321)
MARGIN = 1.0
# Just off the axis (nm): points on a boundary of the mesh may fall outside by rounding.
OFF_AXIS = 1e-7


@dataclass(frozen=True, slots=True)
class Grid:
    """Points (nm): along the axis `z` (Z,), and in the half plane `map_r` (R,), `map_z` (M,)."""

    z: Floats
    map_r: Floats
    map_z: Floats

    @property
    def axis(self) -> tuple[Floats, Floats]:
        """Flat r and z of the points along the axis."""
        return np.full_like(self.z, OFF_AXIS), self.z

    @property
    def plane(self) -> tuple[Floats, Floats]:
        """Flat r and z of the points of the map."""
        r, z = np.meshgrid(np.maximum(self.map_r, OFF_AXIS), self.map_z, indexing="ij")
        return r.ravel(), z.ravel()


def make_grid(solution: MoleculeSolution) -> Grid:
    """Grids over the molecule and MARGIN nm beyond."""
    molecule = molecule_of(solution)
    low = min(dot.z - dot.radius for dot in molecule.dots) - MARGIN
    high = max(dot.z + dot.radius for dot in molecule.dots) + MARGIN
    widest = max(dot.radius for dot in molecule.dots) + MARGIN
    return Grid(
        z=np.linspace(low, high, AXIS_POINTS),
        map_r=np.linspace(0, widest, MAP_POINTS[0]),
        map_z=np.linspace(low, high, MAP_POINTS[1]),
    )


def molecule_of(solution: MoleculeSolution) -> AxialMolecule:
    """The molecule as the spec has it."""
    return solution.molecule.mirrored() if solution.flipped else solution.molecule


def _images(solution: MoleculeSolution, above: Floats, below: Floats | None, r: Floats, z: Floats) -> Floats:
    """Values of a function given by its vector above and, on a half mesh, its mirrored one below."""
    sample = solution.elements.sample
    z = -z if solution.flipped else z
    if below is None:
        return sample(above, r, z)
    upper = z >= 0
    height = np.maximum(np.abs(z), OFF_AXIS)
    values = np.empty_like(z)
    values[upper] = sample(above, r[upper], height[upper])
    values[~upper] = sample(below, r[~upper], height[~upper])
    return values


def _normal(solution: MoleculeSolution) -> float:
    """From ∫ψ² r dr dz = 1 over the mesh to ∫ψ² d³r = 1 over the molecule."""
    half = solution.molecule.mirror_symmetric
    return 1 / math.sqrt(2 * math.pi * (2 if half else 1))


def level_values(solution: MoleculeSolution, level: Level, r: Floats, z: Floats) -> Floats:
    """Wavefunction (nm^-3/2, the factor e^{imφ} left out) of a level without Coulomb at points (P,)."""
    below = level.parity * level.vector if level.parity else None
    return _normal(solution) * _images(solution, level.vector, below, r, z)


def field_level_values(solution: MoleculeSolution, level: Level, r: Floats, z: Floats) -> Floats:
    """Wavefunction of an electron level in the hole's field at points (P,).

    Normalised over both images of a half mesh already.
    """
    operator = solution.field_operator
    if operator is None:
        message = "there is no level in a hole's field without a pair"
        raise ValueError(message)
    images = operator.images(level.vector)
    below = images[1] if len(images) > 1 else None
    return _images(solution, images[0], below, r, z) / math.sqrt(2 * math.pi)


def hole_values(solution: MoleculeSolution, r: Floats, z: Floats) -> Floats:
    """Wavefunction of the hole at points (P,): of the lowest pair, or the lowest level without Coulomb."""
    if not solution.pairs:
        return level_values(solution, solution.levels["hole"][0], r, z)
    state = solution.pairs[0].pair.hole
    parts = state.space.parts(state.vector)
    return _normal(solution) * _from_parts(solution, parts, r, z)


def electron_pull(solution: MoleculeSolution, r: Floats, z: Floats) -> Floats:
    """Potential energy (eV) of the electron in the field of the lowest pair's hole at points (P,)."""
    return -_from_parts(solution, solution.pairs[0].pair.hole_potential, r, z)


def hole_pull(solution: MoleculeSolution, r: Floats, z: Floats) -> Floats:
    """Potential energy (eV) of the hole in the field of the lowest pair's electron at points (P,)."""
    return -_from_parts(solution, solution.pairs[0].pair.electron_potential, r, z)


def _from_parts(solution: MoleculeSolution, parts: dict[int, Floats], r: Floats, z: Floats) -> Floats:
    if 0 in parts:
        return _images(solution, parts[0], None, r, z)
    return _images(solution, parts[1] + parts[-1], parts[1] - parts[-1], r, z)


def band_edge(solution: MoleculeSolution, carrier: Carrier, r: Floats, z: Floats) -> Floats:
    """Band edge (eV) of a carrier at points (P,), with self-polarisation and field; infinite behind a hard wall."""
    molecule = molecule_of(solution)
    names = materials_at(molecule, z, r)
    edges = np.array([edge_of(molecule.parameters[material], carrier) for material in names])
    polarised = next((h.polarisation for h in solution.hamiltonians.values()), None)
    if polarised is not None:
        permittivities = np.array([molecule.parameters[material].permittivity for material in names])
        own = polarised.source.potential(r, -z if solution.flipped else z)
        edges = edges + COULOMB_EV_NM / (2 * permittivities) * own
    if molecule.field == 0:
        return edges
    energy = -molecule.field * z
    response = solution.field.response
    if response is not None:
        energy = energy + _images(solution, response, None, r, z)
    return edges + CHARGE[carrier] * energy


def fixed_sign(values: Sequence[Floats], z: Floats) -> list[Floats]:
    """Each function with the sign that makes it mostly positive at the upper end, or everywhere."""
    fixed = []
    for function in values:
        total = float(np.sum(function))
        upper = float(np.sum(function[z > 0]))
        measure = total if abs(total) > 0.1 * float(np.sum(np.abs(function))) else upper
        fixed.append(function if measure >= 0 else -function)
    return fixed
