"""Sparse symmetric eigenproblems: block Krylov spaces of the shifted inverse, and the inertia count, which proves that
no eigenvalue was missed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
