"""Where materials meet in a half plane through the axis, as exact circles and lines.

The surfaces are those of the spec: spheres about the dots' centres and the cylinders of bridges. Of each only the
part is kept where the material on its two sides differs, by the contract's rule for overlaps: the layer nearest to
a core wins, at a tie the first-listed dot, and a bridge covers only the medium.
"""

from collections.abc import Iterator

import numpy as np

from qdmol.report.solution import Floats
from qdmol.structure import AxialMolecule, materials_at

_SIDE = 1e-6  # nm to either side of a surface at which the materials are compared
_STEPS = 721  # points of a half circle


def outlines(molecule: AxialMolecule) -> tuple[Floats, ...]:
    """Curves along which two materials meet.

    Parameters
    ----------
    molecule
        Placed dots and bridges.

    Returns
    -------
    tuple of numpy.ndarray
        Each of shape (points, 2) with columns z and r in nm; a gap in a curve is a row of NaN.
    """
    return tuple(_meeting(molecule, *surface) for surface in _surfaces(molecule))


def _surfaces(molecule: AxialMolecule) -> Iterator[tuple[Floats, Floats]]:
    """Points and outward normals of every sphere and cylinder, each (points, 2)."""
    angle = np.linspace(0, np.pi, _STEPS)
    normals = np.column_stack([np.cos(angle), np.sin(angle)])
    for dot in molecule.dots:
        for layer in dot.layers:
            yield np.array([dot.z, 0.0]) + layer.radius * normals, normals
    for bridge in molecule.bridges:
        z = np.linspace(bridge.z_low, bridge.z_high, _STEPS)
        yield np.column_stack([z, np.full_like(z, bridge.radius)]), np.tile([0.0, 1.0], (_STEPS, 1))


def _meeting(molecule: AxialMolecule, points: Floats, normals: Floats) -> Floats:
    outer, inner = (materials_at(molecule, *(points + sign * _SIDE * normals).T) for sign in (1, -1))
    kept = np.array(points)
    kept[outer == inner] = np.nan
    return kept
