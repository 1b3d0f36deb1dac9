"""Configuration interaction: complexes of a few electrons and holes in a basis of orbitals."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
