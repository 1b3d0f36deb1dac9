"""Mesh: shapes to curved elements to matrices. The only room that knows the finite-element library.

In: an :class:`~qdmol.structure.AxialMolecule` and how finely to mesh. Out: :class:`Elements`, plain arrays of
quadrature points and shape functions, and an :class:`Assembler` that turns values at those points into SciPy
matrices of

    ∫ (a ∇u·∇v + c u v + a m²/r² u v) r dr dz

in the half plane (r, z); for a molecule with a mirror plane in its upper half.
"""

from __future__ import annotations

import threading

from qdmol.mesh.assembly import Assembler, Coefficient
from qdmol.mesh.axial import CORNER_FACTOR, MeshSettings, MeshTooLargeError, build_mesh
from qdmol.mesh.elements import Block, BoundaryBlock, Elements, tabulate
from qdmol.mesh.gaps import caps_apart
from qdmol.mesh.pattern import Pattern
from qdmol.mesh.shapes import MEDIUM, Piece, Shapes, arrange

__all__ = [
    "CORNER_FACTOR",
    "MEDIUM",
    "Assembler",
    "Block",
    "BoundaryBlock",
    "Coefficient",
    "Elements",
    "MeshSettings",
    "MeshTooLargeError",
    "Pattern",
    "Piece",
    "Shapes",
    "arrange",
    "caps_apart",
    "mesh_elements",
]


# Netgen keeps state of its own while it meshes.
_ONE_AT_A_TIME = threading.Lock()


def mesh_elements(shapes: Shapes, settings: MeshSettings, *, degree: int) -> Elements:
    """Mesh the shapes and tabulate shape functions of one degree.

    Raises
    ------
    SolverError
        The mesh generator found no mesh for this shape, or it does not return.
    MeshTooLargeError
        More elements than `settings.most`.
    """
    with _ONE_AT_A_TIME:
        return tabulate(build_mesh(shapes, settings), degree=degree)
