"""The energy of a carrier in an applied far field along the axis, screened by the permittivities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.landscape.poisson import Poisson
from qdmol.landscape.regions import Carrier, permittivity, screened
from qdmol.mesh import Assembler, Coefficient, Elements
from qdmol.structure import AxialMolecule

__all__ = ["CHARGE", "FieldEnergy", "applied_field"]

CHARGE: dict[Carrier, float] = {"electron": -1.0, "hole": 1.0}


@dataclass(frozen=True)
class FieldEnergy:
    """Electrostatic potential -F z + φ (volts), φ the answer of the permittivities, a vector (n,) or None."""

    field: float
    response: NDArray[np.float64] | None

    def energy(self, assembler: Assembler, carrier: Carrier) -> Coefficient:
        """Potential energy (eV) of a carrier at the quadrature points: +z pushes electrons to -z."""
        values = [-self.field * block.z for block in assembler.blocks]
        if self.response is not None:
            answer = assembler.evaluate(self.response)
            values = [a + b for a, b in zip(values, answer, strict=True)]
        return [CHARGE[carrier] * value for value in values]


def applied_field(elements: Elements, molecule: AxialMolecule) -> FieldEnergy:
    """Solve ∇·ε∇(φ - F z) = 0 with φ vanishing at infinity; F = `molecule.field` in V/nm.

    Weakly: ∫ ε ∇φ·∇v + outside = F ∫ (ε - ε_medium) ∂z v, nothing where the permittivity is uniform.
    """
    if molecule.field == 0 or not screened(molecule):
        return FieldEnergy(molecule.field, None)
    poisson = Poisson(elements, molecule, (0,))
    medium = molecule.parameters["medium"].permittivity
    contrast = [e - medium for e in permittivity(poisson.assembler, molecule)]
    load = molecule.field * poisson.assembler.slope_load(contrast)
    return FieldEnergy(molecule.field, poisson.solve({0: load})[0])
