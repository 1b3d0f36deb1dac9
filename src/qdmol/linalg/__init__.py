"""Sparse symmetric eigenproblems: block Krylov spaces of the shifted inverse, and the count that proves none was
missed.
"""

from qdmol.linalg.symmetric import Factor, lanczos, lowest_ritz

__all__ = ["Factor", "lanczos", "lowest_ritz"]
