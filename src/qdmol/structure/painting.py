"""Which material stands at a point: the molecule as a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.structure.molecule import MEDIUM, AxialMolecule


def materials_at(molecule: AxialMolecule, z: Floats, r: Floats) -> NDArray[np.object_]:
    """Material names at points of the half plane.

    Parameters
    ----------
    molecule
        Placed dots and bridges.
    z, r
        Coordinates in nm, equal shapes.

    Returns
    -------
    numpy.ndarray
        Text, "medium" outside every body.

    Examples
    --------
    >>> from qdmol.structure import read_spec, resolve
    >>> list(materials_at(resolve(read_spec("@homodimer")), np.array([2.6, 0.0, 9.0]), np.zeros(3)))
    ['CdSe', 'CdS', 'medium']
    """
    names = np.full(np.shape(z), MEDIUM, dtype=object)
    for bridge in molecule.bridges:
        inside = (z >= bridge.z_low) & (z <= bridge.z_high) & (r < bridge.radius)
        names[inside] = bridge.material
    depth = max(len(dot.layers) for dot in molecule.dots)
    # Painted from the outermost layer inwards and from the last dot to the first: the winner is painted last.
    for layer in reversed(range(depth)):
        for dot in reversed(molecule.dots):
            if layer < len(dot.layers):
                inside = np.hypot(z - dot.z, r) < dot.layers[layer].radius
                names[inside] = dot.layers[layer].material
    return names
