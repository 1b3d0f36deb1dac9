"""The one door to the compiler of loops, so that its absence is told in words.

Kernels are compiled at their first call and kept on disk; a module with kernels is imported inside the functions that
need it, because the compiler takes half a second to load.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from qdmol.errors import MissingExtraError

njit: Any
try:
    from numba import njit
except ImportError:
    njit = None

__all__ = ["compiled"]

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function of numbers and arrays; it frees the interpreter's lock while it runs.

    Raises
    ------
    MissingExtraError
        The extra `photons` is not installed.
    """
    if njit is None:
        raise MissingExtraError(extra="photons", purpose="Going through photons")
    kernel: F = njit(cache=True, nogil=True)(function)
    return kernel
