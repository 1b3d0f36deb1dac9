"""States: the lowest levels of one carrier, each with an error, and a proof that none was missed.

The Hamiltonian is one sparse eigenproblem for every sector of the symmetry (:class:`Hamiltonian`, and in the field of
another carrier :class:`ScreenedHamiltonian`); :func:`find_levels` solves them in the order the symmetry names.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
