"""Sparse symmetric eigenproblems: block Krylov spaces of the shifted inverse, and the count that proves none was
missed.
"""

from qdmol.linalg.davidson import davidson
from qdmol.linalg.memory import release_freed_memory
from qdmol.linalg.symmetric import Factor, lanczos, lowest_ritz
from qdmol.linalg.tails import Tail, left_out

__all__ = ["Factor", "Tail", "davidson", "lanczos", "left_out", "lowest_ritz", "release_freed_memory"]
