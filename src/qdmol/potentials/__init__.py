"""Potentials: band edges, masses and electrostatics that a carrier feels, at the quadrature points of a mesh.

A molecule and its elements give band edges (eV), inverse masses (eV nm²), permittivities, the electrostatic potential
(eV for a unit charge) of a charge density or of an applied field, the self-polarisation (eV) of a carrier, and the
local field of light. Quadrature points, sectors and images come from :mod:`qdmol.fem`; formulas for an axis (multipoles
outside the mesh, boundary integrals over rings) stay inside this room.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
