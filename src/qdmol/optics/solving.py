"""Optical properties of a solved molecule: excitons, electron-hole pairs above them, and the bulk far above."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from qdmol.arrays import Floats
from qdmol.ci import Bases, orbital_spacing
from qdmol.meanfield import MoleculeSolution
from qdmol.optics.broadening import light_of
from qdmol.optics.edge import exciton_levels
from qdmol.optics.pairs import bulk_regions, pair_levels
from qdmol.optics.values import MoleculeLight
from qdmol.potentials import CARRIERS, Carrier, OpticalField, by_region, optical_field, optical_molecule
from qdmol.structure import MEDIUM, AxialMolecule

# Pairs are listed up to this far (eV) above the lowest.
PAIRS_UP_TO = 0.7
ISOTROPIC = 1 / 3


def solve_light(
    solution: MoleculeSolution,
    *,
    bases: int,
    spacing: Mapping[Carrier, float] | None = None,
    contact: bool = False,
    top: float = PAIRS_UP_TO,
) -> MoleculeLight:
    """Excitons with their moments, pairs above them, and bulk far above.

    Parameters
    ----------
    solution
        A molecule solved with its self-consistent pairs.
    bases
        How many growing bases, two at least: what they differ by is the error.
    spacing
        Scale (eV) of the cuts for each carrier: of the molecule, for its monomers; its own without.
    contact
        Whether the contact density of excitons is wanted, for exchange.
    top
        How far above the lowest pair (eV) pairs are listed one by one.

    Raises
    ------
    InputError
        A material set without Kane energies.
    """
    molecule = solution.molecule
    light_of(molecule)
    hamiltonian = solution.hamiltonians["electron"]
    field = _field(solution)
    share = hole_share(molecule)
    root = _kane_root(solution)
    weight = np.concatenate([root * field.parallel(hamiltonian.assembler), root[None]])
    dots = np.array([dot.z for dot in molecule.dots])
    spacing = spacing or orbital_spacing(solution)
    growing = Bases(solution, spacing)
    problems = [growing.with_integrals(step, ["eh"]) for step in range(bases)]
    bare, exciton = solution.bare_gap, solution.pairs[0].exciton
    assert bare is not None
    return MoleculeLight(
        band_gap=molecule.band_gap,
        dots=len(dots),
        edge=tuple(exciton_levels(problem, weight, share, dots, contact=contact) for problem in problems),
        pairs=pair_levels(solution, weight, share, top=top),
        regions=bulk_regions(solution, field, share),
        binding=bare.value - exciton.value,
        numerical=exciton.error,
        index=_index(molecule),
        spacing={carrier: spacing[carrier] for carrier in CARRIERS},
        local_field=field.across is not None,
        notes=_notes(molecule),
    )


def hole_share(molecule: AxialMolecule) -> Floats:
    """κ (2,) across and along the axis: the share of the hole's p orbitals that light of that direction meets.

    A Bloch function with the share s of the orbital along the crystal's axis, at the angle θ to the molecule's, has
    s cos²θ + (1 - s)/2 sin²θ along it (heavy holes: s = 0, light ones: 2/3; Bastard, Wave mechanics applied to
    semiconductor heterostructures, 1988, table 3.3).
    """
    light = molecule.light
    if light is None or light.axial_share is None:
        return np.full(2, ISOTROPIC)
    cosine = math.cos(math.radians(light.axis_angle)) ** 2
    along = light.axial_share * cosine + (1 - light.axial_share) / 2 * (1 - cosine)
    return np.array([(1 - along) / 2, along])


def _field(solution: MoleculeSolution) -> OpticalField:
    if not _optical(solution.molecule):
        return OpticalField(None, None)
    molecule = optical_molecule(solution.molecule)
    return optical_field(solution.elements, molecule, solution.hamiltonians["electron"].parities)


def _optical(molecule: AxialMolecule) -> bool:
    return all(parameters.optical_permittivity is not None for parameters in molecule.parameters.values())


def _index(molecule: AxialMolecule) -> float:
    return math.sqrt(molecule.parameters[MEDIUM].optical_permittivity or 1.0)


def _notes(molecule: AxialMolecule) -> tuple[str, ...]:
    if _optical(molecule):
        return ()
    return (
        "The set has no optical permittivity of every material: no local field is included, and the refractive index "
        f"of the medium is taken as {_index(molecule):.3g}.",
    )


def _kane_root(solution: MoleculeSolution) -> Floats:
    """√E_P (√eV) at the electron's quadrature points (P,); nothing outside."""
    assembler = solution.hamiltonians["electron"].assembler
    values = by_region(assembler, solution.molecule, lambda p: math.sqrt(p.kane_energy or 0.0))
    return np.concatenate([part.ravel() for part in values])
