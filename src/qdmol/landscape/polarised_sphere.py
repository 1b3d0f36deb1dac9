"""The self-polarisation of a sphere of concentric layers, as an exact series."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["sphere_potential"]

Floats = NDArray[np.float64]

CUT = 1e-9
ORDERS = (8, 4000)


def sphere_potential(
    radius: Floats, interfaces: Sequence[float], contrasts: Sequence[float], *, softness: float
) -> Floats:
    """Potential (1/nm) of the interfaces' charges of a unit charge at distances (P,) from the centre, taken there.

    Multipole by multipole; on a sphere of radius R the softened potential has the generating function of
    the Legendre polynomials, 1/√(r² + R² + a² - 2 r R x) = Σ_l v^l / u^{l+1} P_l(x), u² + v² = r² + R² + a², u v = r R.

    Parameters
    ----------
    radius
        Distances (nm) of the charge from the centre.
    interfaces
        Radii (nm) of the interfaces.
    contrasts
        (ε_inside - ε_outside) / (ε_inside + ε_outside) of each.
    softness
        The length a (nm); 0 is the sharp interface, whose potential diverges at it.
    """
    R = np.asarray(interfaces, dtype=np.float64)[:, None]
    strength = np.asarray(contrasts, dtype=np.float64)
    total = np.zeros(len(radius))
    if not len(R):
        return total
    square = radius**2 + R**2 + softness**2
    u = np.sqrt((square + np.sqrt(np.maximum(square**2 - 4 * (radius * R) ** 2, 0.0))) / 2)
    v = radius * R / u
    du = (u * R - v * radius) / (u**2 - v**2)
    ratio = v / u
    orders = int(np.clip(math.log(CUT) / (2 * math.log(min(float(ratio.max()), 1 - 1e-9))), *ORDERS))
    value = 1 / u
    for l in range(orders):  # noqa: E741 - the field's letter
        slope = value * (l / R - (2 * l + 1) * du / u)
        charge = np.linalg.solve(_system(l, R[:, 0], strength), -strength[:, None] / (2 * math.pi) * slope)
        total += np.sum(4 * math.pi * R**2 / (2 * l + 1) * charge * value, axis=0)
        value = value * ratio
    return total


def _system(l: int, R: Floats, strength: Floats) -> Floats:  # noqa: E741
    """1 + (δ/2π) ∂_n of the potential of the surface charges P_l, one for each interface: (K, K)."""
    at, source = R[:, None], R[None, :]
    inside = 4 * math.pi * l / (2 * l + 1) * np.minimum(at / source, 1.0) ** (l - 1)
    outside = -4 * math.pi * (l + 1) / (2 * l + 1) * np.minimum(source / at, 1.0) ** (l + 2)
    own = -2 * math.pi / (2 * l + 1)
    slope = np.where(at < source, inside, np.where(at > source, outside, own))
    return np.eye(len(R)) + strength[:, None] / (2 * math.pi) * slope
