"""Solver of optical properties: from a solved molecule to excitons with moments, pairs, and bulk regions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.ci import Bases
from qdmol.fem import Symmetry
from qdmol.meanfield import MoleculeSolution
from qdmol.optics.broadening import light_of
from qdmol.optics.edge import exciton_levels
from qdmol.optics.pairs import bulk_regions, pair_levels
from qdmol.optics.values import MoleculeLight
from qdmol.potentials import CARRIERS, Carrier, OpticalField, by_region, optical_field, optical_molecule
from qdmol.stages import begin
from qdmol.structure import MEDIUM, AxialMolecule

# Pairs are listed up to this far (eV) above the lowest.
PAIRS_UP_TO_EV: Final = 0.7
# κ of an isotropic Bloch function.
ISOTROPIC: Final = 1 / 3


def solve_light(
    solution: MoleculeSolution,
    *,
    bases: int,
    spacing: Mapping[Carrier, float] | None = None,
    contact: bool = False,
    top: float = PAIRS_UP_TO_EV,
) -> MoleculeLight:
    """Excitons with their moments, pairs above them, and bulk far above.

    Parameters
    ----------
    solution
        A molecule solved with its self-consistent pairs.
    bases
        Number of growing bases, at least two: their differences give the error.
    spacing
        Scale (eV) of the cuts for each carrier; by default the molecule's own. Monomers take that of the molecule.
    contact
        Whether to compute contact densities of excitons, for exchange.
    top
        Energy (eV) above the lowest pair up to which pairs are listed.

    Raises
    ------
    InputError
        The material set has no Kane energies.
    """
    molecule = solution.molecule
    light_of(molecule)
    hamiltonian = solution.hamiltonians["electron"]
    field = _field(solution)
    share = hole_share(molecule, hamiltonian.symmetry)
    root = _kane_root(solution)
    weight = np.concatenate([root * field.parallel(hamiltonian.assembler), root[None]])
    growing = Bases(solution, spacing)
    problems = []
    for step in range(bases):
        begin(f"excitons in basis {step + 1} of {bases}")
        problems.append(growing.with_integrals(step, ["eh"]))
    begin("pairs of levels above the band edge")
    bare, exciton = solution.bare_gap, solution.pairs[0].exciton
    assert bare is not None
    return MoleculeLight(
        band_gap=molecule.band_gap,
        dots=len(molecule.dots),
        directions={direction.name: direction.axes for direction in hamiltonian.symmetry.directions},
        edge=tuple(exciton_levels(problem, weight, share, molecule.centres, contact=contact) for problem in problems),
        pairs=pair_levels(solution, weight[:-1], share, top=top),
        regions=bulk_regions(solution, field, share),
        binding=bare.value - exciton.value,
        numerical=exciton.error,
        index=_index(molecule),
        spacing={carrier: growing.spacing[carrier] for carrier in CARRIERS},
        local_field=field.across is not None,
        notes=_notes(molecule),
    )


def hole_share(molecule: AxialMolecule, symmetry: Symmetry) -> Floats:
    """κ (J,): the share of the hole's p orbitals to which light along each direction of the symmetry couples.

    A Bloch function with the share s of the orbital along the crystal's axis, at the angle θ to the molecule's, has
    s cos²θ + (1 - s)/2 sin²θ along the molecule's axis (heavy holes: s = 0, light ones: 2/3; Bastard, Wave mechanics
    applied to semiconductor heterostructures, 1988, table 3.3), and half of the remainder across it.
    """
    light = molecule.light
    along_axis = np.array([direction.axis[2] ** 2 for direction in symmetry.directions])
    if light is None or light.axial_share is None:
        return np.full(len(along_axis), ISOTROPIC)
    cosine = math.cos(math.radians(light.axis_angle)) ** 2
    along = light.axial_share * cosine + (1 - light.axial_share) / 2 * (1 - cosine)
    return np.asarray(along_axis * along + (1 - along_axis) * ((1 - along) / 2))


def _field(solution: MoleculeSolution) -> OpticalField:
    if not _optical(solution.molecule):
        return OpticalField(None, None)
    return optical_field(solution.elements, optical_molecule(solution.molecule))


def _optical(molecule: AxialMolecule) -> bool:
    return all(parameters.optical_permittivity is not None for parameters in molecule.parameters.values())


def _index(molecule: AxialMolecule) -> float:
    return math.sqrt(molecule.parameters[MEDIUM].optical_permittivity or 1.0)


def _notes(molecule: AxialMolecule) -> tuple[str, ...]:
    if _optical(molecule):
        return ()
    return (
        "Optical permittivities are missing in the material set: the local field of light is neglected, and the "
        f"refractive index of the medium is assumed to be {_index(molecule):.3g}.",
    )


def _kane_root(solution: MoleculeSolution) -> Floats:
    """√E_P (√eV) at the electron's quadrature points (P,); zero in the medium."""
    assembler = solution.hamiltonians["electron"].assembler
    values = by_region(assembler, solution.molecule, lambda p: math.sqrt(p.kane_energy or 0.0))
    return np.concatenate([part.ravel() for part in values])
