"""Landscape: what a carrier feels, point by point.

In: an :class:`~qdmol.structure.AxialMolecule` and the quadrature points of its elements. Out: band edges (eV),
inverse masses (eV nm²), permittivities, the electrostatic potential (eV for a unit charge) of a charge density
or of an applied field, and the self-polarisation (eV) of a carrier.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
