"""Which material is where in a molecule: the one rule for meshes and for pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Bools, Floats
from qdmol.structure.molecule import MEDIUM, AxialMolecule, Bridge, PlacedDot


class Body(NamedTuple):
    """A solid of one material; `contains` takes coordinates x, y, z (nm), all numbers or arrays of one shape."""

    material: str
    contains: Callable[..., Bools]


def bodies(molecule: AxialMolecule) -> Iterator[Body]:
    """Yield the bodies of a molecule, each before those it replaces where they overlap.

    The layer nearest to a core wins, at a tie that of the first-listed dot; bridges replace medium only.
    """
    for layer in range(max(len(dot.layers) for dot in molecule.dots)):
        for dot in molecule.dots:
            if layer < len(dot.layers):
                yield _ball(dot, layer)
    for bridge in molecule.bridges:
        yield _cylinder(bridge)


def material_at(molecule: AxialMolecule, positions: Floats) -> NDArray[np.object_]:
    """Material names at positions in space.

    Parameters
    ----------
    molecule
        Placed dots and bridges.
    positions
        Coordinates (..., 3) in nm.

    Returns
    -------
    numpy.ndarray
        Text (...), "medium" outside every body.

    Examples
    --------
    >>> from qdmol.structure import read_spec, resolve
    >>> heights = np.array([2.6, 0.0, 9.0])
    >>> list(material_at(resolve(read_spec("@homodimer")), heights[:, None] * np.array([0.0, 0.0, 1.0])))
    ['CdSe', 'CdS', 'medium']
    """
    names = np.full(np.shape(positions)[:-1], MEDIUM, dtype=object)
    coordinates = [positions[..., axis] for axis in range(3)]
    for body in reversed(list(bodies(molecule))):
        names[body.contains(*coordinates)] = body.material
    return names


def materials_at(molecule: AxialMolecule, z: Floats, r: Floats) -> NDArray[np.object_]:
    """Material names at points of a half plane through the axis: z along it, r across it, nm, equal shapes."""
    return material_at(molecule, np.stack([r, np.zeros_like(r), z], axis=-1))


def _ball(dot: PlacedDot, layer: int) -> Body:
    radius, (cx, cy, cz) = dot.layers[layer].radius, dot.position

    def contains(x: Floats, y: Floats, z: Floats) -> Bools:
        return np.asarray(np.hypot(np.hypot(x - cx, y - cy), z - cz) < radius)

    return Body(dot.layers[layer].material, contains)


def _cylinder(bridge: Bridge) -> Body:
    def contains(x: Floats, y: Floats, z: Floats) -> Bools:
        return np.asarray((bridge.z_low < z) & (z < bridge.z_high) & (np.hypot(x, y) < bridge.radius))

    return Body(bridge.material, contains)
