"""Excitons: electrons and holes that feel each other.

In: an :class:`~qdmol.structure.AxialMolecule`, how many levels, and a tolerance. Out: levels of both carriers, the
self-consistent pair of every dot, and the electron's levels in the field of the hole; from these, by configuration
interaction, the lowest states of excitons, trions, biexcitons. Each energy has an error.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
