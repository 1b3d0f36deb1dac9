"""Mesh: shapes to curved elements to matrices. The only room that knows the finite-element library.

In: an :class:`~qdmol.structure.AxialMolecule` and how finely to mesh. Out: :class:`Elements`, plain arrays of
quadrature points and shape functions, and an :class:`Assembler` that turns values at those points into SciPy
matrices of

    ∫ (a ∇u·∇v + c u v + a m²/r² u v) r dr dz

in the half plane (r, z); for a molecule with a mirror plane in its upper half.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
