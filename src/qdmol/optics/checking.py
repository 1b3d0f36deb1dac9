"""Whether a molecule's materials say what light needs."""

from __future__ import annotations

from qdmol.errors import InputError
from qdmol.structure import AxialMolecule, Light

__all__ = ["light_of"]

MEDIUM = "medium"


def light_of(molecule: AxialMolecule) -> Light:
    """The molecule's line shape.

    Raises
    ------
    InputError
        A material without Kane energy, or no line shape in the set.
    """
    for name, parameters in molecule.parameters.items():
        if name != MEDIUM and parameters.kane_energy is None:
            raise InputError(
                field="materials",
                value=f"no kane_energy of {name}",
                allowed=f"a set with the kane_energy of every material, or overrides.{name}.kane_energy",
            )
    if molecule.light is None:
        allowed = "a set with homogeneous_width and phonon_energy of its reference material, or overrides of them"
        raise InputError(field="materials", value="no homogeneous_width or phonon_energy", allowed=allowed)
    return molecule.light
