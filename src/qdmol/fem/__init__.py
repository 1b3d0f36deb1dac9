"""Finite elements: from the shapes of a molecule to matrices. The only room that knows the finite-element library.

A molecule and the fineness of the mesh give :class:`Elements`, plain arrays of quadrature points and shape functions
with their :class:`Symmetry`; an :class:`Assembler` turns values at those points into SciPy matrices and vectors of

    ∫ (a ∇u·∇v + c u v) d³r

in every sector of the symmetry. Molecules with an axis are meshed in the half plane (r, z), those with a mirror plane
in its upper half; what is particular to an axis stays in this room and in :mod:`qdmol.potentials`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
