"""Functions u(r, z) of one carrier: what orbitals are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.states import Hamiltonian

__all__ = ["Functions"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class Functions:
    """R functions u(r, z) with ∫ u² d³r = 1 over the whole molecule.

    `vectors` (R, n) on the mesh of `hamiltonian`, `m` (R,) >= 0, `parity` (R,).
    """

    hamiltonian: Hamiltonian
    vectors: Floats
    m: Integers
    parity: Integers
