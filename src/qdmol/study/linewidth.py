"""Width of one line of a molecule, against which a tunnel coupling is judged."""

from __future__ import annotations

from qdmol.structure import AxialMolecule


def linewidth_mev(molecule: AxialMolecule, temperature: float) -> float | None:
    """Full width at half maximum (meV) of one dot's line at a temperature (K); None where the material set has none."""
    if molecule.light is None:
        return None
    # Imported here: a summary in words is not to wait for the room of optics unless there is a width.
    from qdmol.optics import broadening_of

    return 1000 * broadening_of(molecule.light, temperature).fwhm
