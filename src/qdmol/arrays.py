"""Types of NumPy arrays, as annotations name them, and what NumPy lacks."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]

Element = TypeVar("Element", bound=np.generic)


def lengthened(values: NDArray[Element], size: int) -> NDArray[Element]:
    """Copy of `values` (n,) with zeros after them, (size,)."""
    longer = np.zeros(size, dtype=values.dtype)
    longer[: len(values)] = values
    return longer
