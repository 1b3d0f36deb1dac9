"""Give memory that a solve has freed back to the system.

The allocator of the GNU C library keeps what is freed between blocks that are still in use: after molecules of
different sizes, one after the other, a process holds several hundred MB that nobody uses.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

__all__ = ["release_freed_memory"]


def release_freed_memory() -> None:
    """Return freed memory to the operating system; does nothing where the C library has no such call."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> ctypes._NamedFuncPointer | None:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
