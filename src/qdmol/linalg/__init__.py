"""Sparse symmetric eigenproblems: shift-invert Lanczos and the count that proves no eigenvalue was missed."""

from qdmol.linalg.symmetric import Factor, eigenpairs

__all__ = ["Factor", "eigenpairs"]
