"""Potentials of charged rings about the axis: the azimuthal parts of 1/√(R² + a²).

    1/√(|x - y|² + a²) = (1/2π) Σ_m k_m(x, y) e^{im(φ - φ')},   k_m = 2 Q_{m-1/2}(χ) / √(r r'),
    χ = 1 + ((r - r')² + (z - z')² + a²) / (2 r r'),

Q the Legendre function of the second kind (Cohl and Tohline, Astrophys. J. 527, 86 (1999), doi:10.1086/308062; a = 0
there). Every m follows from m = 0, a complete elliptic integral, by the ratios of neighbours: from above, where the
recurrence of Q is stable.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ellipkm1, k0e

__all__ = ["RingPoints", "ring_potentials"]

Floats = NDArray[np.float64]

# The ratios start from their asymptotic form this many orders above the last one wanted: what it is off decays.
LEAD = 10
SHIFT = math.sqrt(1 / 12)
# From this η on the start is forgotten after LEAD orders, whatever it is.
FORGOTTEN = 1.2


@dataclass(frozen=True, slots=True)
class RingPoints:
    """Points (r, z) of a surface with its unit normal, all of one shape."""

    r: Floats
    z: Floats
    normal_r: Floats
    normal_z: Floats

    def __getitem__(self, index: object) -> RingPoints:
        """Some of the points."""
        return RingPoints(*(getattr(self, name)[index] for name in self.__slots__))


def ring_potentials(
    r: Floats, z: Floats, points: RingPoints, *, softness: float, orders: Sequence[int]
) -> Iterator[tuple[Floats, Floats]]:
    """Yield k_m and its derivative along the points' normals for some m, in growing order.

    Parameters
    ----------
    r, z
        Rings of charge (nm), of a shape that broadcasts with the points'.
    points
        Where the potential is taken.
    softness
        The length a (nm).
    orders
        The m wanted, growing.
    """
    apart = (points.r - r) ** 2 + (points.z - z) ** 2 + softness**2
    product = points.r * r
    excess = apart / (2 * product)
    chi = 1 + excess
    ratios = _ratios(excess, orders[-1] + 1)
    value = 2 / np.sqrt(product) * np.sqrt(2 / (2 + excess)) * ellipkm1(excess / (2 + excess))
    along = points.normal_r * (1 / r - chi / points.r) + points.normal_z * (points.z - z) / product
    along /= excess * (2 + excess)
    own = points.normal_r / (2 * points.r)
    wanted = set(orders)
    for m, ratio in enumerate(ratios):
        if m in wanted:
            yield value, value * ((m + 0.5) * (ratio - chi) * along - own)
        value = value * ratio


def _ratios(excess: Floats, orders: int) -> Floats:
    """Q_{m+1/2} / Q_{m-1/2} at 1 + excess for m = 0 .. orders - 1: (orders, ...)."""
    top = orders + LEAD
    ratio = _start(excess, top)
    found = np.empty((orders, *excess.shape))
    twice = 2 + 2 * excess
    step = np.empty_like(excess)
    for m in range(top, 0, -1):
        # Q_{m+1/2} (m + 1/2) = 2 m χ Q_{m-1/2} - (m - 1/2) Q_{m-3/2}
        ratio *= -(m + 0.5)
        np.multiply(twice, m, out=step)
        ratio += step
        np.divide(m - 0.5, ratio, out=found[m - 1] if m <= orders else ratio)
        if m <= orders:
            ratio[...] = found[m - 1]
    return found


def _start(excess: Floats, top: int) -> Floats:
    """Q_{top+1/2} / Q_{top-1/2}: Q_{m-1/2} tends to √(η / sinh η) K_0(m η), with √(m² + 1/12) for m to order m^-4."""
    eta = np.log1p(excess + np.sqrt(excess * (2 + excess)))
    ratio = np.exp(-eta)
    low, high = math.hypot(top, SHIFT), math.hypot(top + 1, SHIFT)
    small = eta < FORGOTTEN
    close = eta[small]
    ratio[small] = k0e(high * close) / k0e(low * close) * np.exp((low - high) * close)
    return ratio
