"""Coulomb integrals between pairs of orbitals.

value = ∫∫ ψ_a*(1) ψ_b(1) G(1, 2) ψ_c*(2) ψ_d(2), G > 0 the energy of two like unit charges, screened by the
permittivity of every region: ∇·(ε ∇G) = -4π (e²/4πε0) δ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.landscape import Carrier

__all__ = ["Interaction", "InteractionBlock"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclass(frozen=True)
class InteractionBlock:
    """All integrals of one k and parity product p.

    `left` (n1, 2): pairs (a, b) of the first carrier with m_b - m_a = k and parity_a parity_b = p; `right` (n2, 2):
    pairs (c, d) of the second with m_d - m_c = -k and the same p; `value` (n1, n2) in eV.
    """

    left: Integers
    right: Integers
    value: Floats
    k: int = 0
    parity: int = 0


@dataclass(frozen=True)
class Interaction:
    """The integrals of one pair of carriers: every (k, p) once; what is not listed vanishes."""

    first: Carrier
    second: Carrier
    blocks: tuple[InteractionBlock, ...]
