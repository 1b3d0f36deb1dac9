"""Compiler of loops over photons, with an error that names the extra where it is not installed.

Kernels are compiled at their first call and kept on disk (:mod:`~qdmol.photons.kernel_cache`). A module with kernels is
imported inside the functions that need it, because the compiler takes half a second to load.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from qdmol.errors import MissingExtraError

njit: Any
try:
    from numba import njit
except ImportError:
    njit = None

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
    kernel: F = njit(nogil=True)(function)
    _keep_on_disk(kernel, function)
    return kernel


def _keep_on_disk(kernel: Any, function: Any) -> None:
    try:
        from qdmol.photons.kernel_cache import attach_cache
    except ImportError:
        return  # a version of the compiler with another inside: every start compiles
    if hasattr(kernel, "_cache"):  # not where NUMBA_DISABLE_JIT leaves the function as it is
        attach_cache(kernel, function)
