"""Molecules in a uniform far field: the energy of a carrier in an applied field, and the local field of light.

Both solve ∇·ε∇(φ - F·r) = 0 with φ vanishing at infinity: with the static permittivities for an applied field along the
axis, with the optical ones for light, whose wavelength is much longer than the molecule, once for each direction of
polarisation: along the axis (φ(r, z), m = 0) and across it (φ(r, z) cos φ, m = 1). Inside a sphere the field is
uniform, 3 ε_out / (ε_in + 2 ε_out) of the far one (J. D. Jackson, Classical Electrodynamics, 3rd ed., section 4.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.fem import Assembler, Coefficient, Elements
from qdmol.potentials.poisson import Poisson
from qdmol.potentials.regions import Carrier, permittivity, screened
from qdmol.structure import MEDIUM, AxialMolecule

CHARGE: dict[Carrier, float] = {"electron": -1.0, "hole": 1.0}


@dataclass(frozen=True)
class FieldEnergy:
    """Electrostatic potential -F z + φ (volts), φ the answer of the permittivities, a vector (n,) or None."""

    field: float
    response: NDArray[np.float64] | None

    def energy(self, assembler: Assembler, carrier: Carrier) -> Coefficient:
        """Potential energy (eV) of a carrier at the quadrature points: +z pushes electrons to -z."""
        values = [-self.field * block.points[..., -1] for block in assembler.blocks]
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
    poisson = Poisson(elements, molecule)
    along = next(direction for direction in poisson.symmetry.directions if direction.axis[2])
    medium = molecule.parameters[MEDIUM].permittivity
    contrast = [e - medium for e in permittivity(poisson.assembler, molecule)]
    load = molecule.field * poisson.assembler.dipole_load(along, contrast)
    return FieldEnergy(molecule.field, poisson.solve({along.sector: load})[along.sector])


@dataclass(frozen=True)
class OpticalField:
    """The answer of the permittivities to unit fields across and along the axis, vectors (n,); None: no contrast."""

    across: Floats | None
    along: Floats | None

    def parallel(self, assembler: Assembler) -> Floats:
        """The component along the far field at the quadrature points (2, P), across and along, averaged about the axis.

        The part in another direction drives transitions of another angular momentum and is omitted.
        """
        if self.across is None or self.along is None:
            return np.ones((2, len(assembler.measure)))
        radial, turning, _ = self._across(assembler, self.across)
        along = np.concatenate([1 - slope.ravel() for _, slope in assembler.gradient(self.along)])
        return np.stack([(radial + turning) / 2, along])

    def intensity(self, assembler: Assembler) -> Floats:
        """|E|² over that of the far field at the quadrature points (2, P), averaged about the axis."""
        if self.across is None or self.along is None:
            return np.ones((2, len(assembler.measure)))
        radial, turning, axial = self._across(assembler, self.across)
        slopes = assembler.gradient(self.along)
        along = np.concatenate([(r**2 + (1 - z) ** 2).ravel() for r, z in slopes])
        return np.stack([(radial**2 + turning**2 + axial**2) / 2, along])

    def _across(self, assembler: Assembler, answer: Floats) -> tuple[Floats, Floats, Floats]:
        """Radial, turning and axial component (P,) for a field across, without their cos φ, sin φ and cos φ."""
        slopes, values = assembler.gradient(answer), assembler.evaluate(answer)
        radial = np.concatenate([1 - slope.ravel() for slope, _ in slopes])
        axial = np.concatenate([-slope.ravel() for _, slope in slopes])
        turning = np.concatenate(
            [(1 - value / block.points[..., 0]).ravel() for value, block in zip(values, assembler.blocks, strict=True)]
        )
        return radial, turning, axial


def optical_molecule(molecule: AxialMolecule) -> AxialMolecule:
    """The molecule with its optical permittivities in place of the static ones.

    Raises
    ------
    ValueError
        A material without one.
    """
    parameters = {}
    for name, region in molecule.parameters.items():
        if region.optical_permittivity is None:
            message = f"{name} has no optical permittivity"
            raise ValueError(message)
        parameters[name] = replace(region, permittivity=region.optical_permittivity)
    return replace(molecule, parameters=parameters)


def optical_field(elements: Elements, molecule: AxialMolecule) -> OpticalField:
    """Solve for every direction of the far field; `molecule` as of `optical_molecule`."""
    if not screened(molecule):
        return OpticalField(None, None)
    poisson = Poisson(elements, molecule)
    medium = molecule.parameters[MEDIUM].permittivity
    contrast = [e - medium for e in permittivity(poisson.assembler, molecule)]
    answers = {}
    for direction in poisson.symmetry.directions:
        load = poisson.assembler.dipole_load(direction, contrast)
        answers[direction.name] = poisson.answers(load[:, None], direction.sector)[:, 0]
    return OpticalField(answers["across"], answers["along"])
