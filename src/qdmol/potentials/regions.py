"""Material properties at the quadrature points, constant in each region of the mesh."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from qdmol.fem import FAR_MEDIUM, Assembler, Coefficient, material_of
from qdmol.structure import AxialMolecule, RegionParameters
from qdmol.units import HBAR2_OVER_2M0

Carrier = Literal["electron", "hole"]
CARRIERS: tuple[Carrier, Carrier] = ("electron", "hole")


def mass_of(parameters: RegionParameters, carrier: Carrier) -> float:
    """Effective mass (free-electron masses) of a carrier in one material."""
    return parameters.electron_mass if carrier == "electron" else parameters.hole_mass


def edge_of(parameters: RegionParameters, carrier: Carrier) -> float:
    """Band edge (eV) of a carrier in one material; inf for a hard wall."""
    return parameters.electron_edge if carrier == "electron" else parameters.hole_edge


def by_region(assembler: Assembler, molecule: AxialMolecule, value: Callable[[RegionParameters], float]) -> Coefficient:
    """One value of each material at all quadrature points: arrays (E, Q), one for each block of elements."""
    table = np.array([value(_parameters(molecule, name)) for name in assembler.elements.regions])
    return [np.broadcast_to(table[block.region][:, None], block.measure.shape) for block in assembler.blocks]


def inverse_mass(assembler: Assembler, molecule: AxialMolecule, carrier: Carrier) -> Coefficient:
    """ħ²/2m (eV nm²) of a carrier at the quadrature points."""
    return by_region(assembler, molecule, lambda p: HBAR2_OVER_2M0 / mass_of(p, carrier))


def edge(assembler: Assembler, molecule: AxialMolecule, carrier: Carrier) -> Coefficient:
    """Band edge (eV) of a carrier at the quadrature points of its domain, without the applied field."""
    return by_region(assembler, molecule, lambda p: edge_of(p, carrier))


def permittivity(assembler: Assembler, molecule: AxialMolecule) -> Coefficient:
    """Relative permittivity at the quadrature points."""
    return by_region(assembler, molecule, lambda p: p.permittivity)


def domain(regions: tuple[str, ...], molecule: AxialMolecule, carrier: Carrier) -> frozenset[str]:
    """Mesh regions a carrier can enter: finite edge, and not the far medium, which only the potential needs."""
    return frozenset(
        region
        for region in regions
        if region != FAR_MEDIUM and math.isfinite(edge_of(_parameters(molecule, region), carrier))
    )


def screened(molecule: AxialMolecule) -> bool:
    """Whether permittivities differ between regions."""
    return len({p.permittivity for p in molecule.parameters.values()}) > 1


def _parameters(molecule: AxialMolecule, region: str) -> RegionParameters:
    return molecule.parameters[material_of(region)]
