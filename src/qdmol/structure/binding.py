"""Whether a dot alone binds a carrier, from the nodes of one radial function.

The lowest level of a spherical dot has l = 0. By Sturm's theorem a level lies below the medium's edge if and only if
the regular radial solution at that energy has a node: u = r R obeys u'' = (2 m / hbar^2) (V - E) u in each layer, with
u and (u' - u/r) / m continuous (BenDaniel and Duke, Phys. Rev. 152, 683 (1966), doi:10.1103/PhysRev.152.683), and
R = A + B/r outside. Everything is exact: layers are matched in closed form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from qdmol.units import HBAR2_OVER_2M0

__all__ = ["binds"]

Layer = tuple[float, float, float]  # outer radius (nm), mass (free-electron masses), edge (eV)


def binds(layers: Sequence[Layer], *, barrier: float, medium_mass: float) -> bool:
    """Whether a sphere of ``layers``, inner to outer, has a level below ``barrier`` (eV); always behind a hard wall.

    >>> binds([(0.86, 0.13, 0.0)], barrier=1.0, medium_mass=0.13)  # the threshold is 0.8504 nm
    True
    >>> binds([(0.84, 0.13, 0.0)], barrier=1.0, medium_mass=0.13)
    False
    """
    if barrier == math.inf:
        return True
    inner, u, slope = 0.0, 0.0, 1.0
    for i, (outer, mass, edge) in enumerate(layers):
        node, u, slope = _cross(u, slope, outer - inner, mass * (barrier - edge) / HBAR2_OVER_2M0)
        if node:
            return True
        inner = outer
        next_mass = layers[i + 1][1] if i + 1 < len(layers) else medium_mass
        slope = u / outer + (slope - u / outer) * next_mass / mass
    return slope < 0  # u = A r + B outside with A = slope: R changes sign before infinity if A is negative


def _cross(u: float, slope: float, width: float, k2: float) -> tuple[bool, float, float]:
    """Carry u >= 0 and its slope through a layer: whether u has a node there, u and slope at its end.

    The pair is scaled by a positive number, which changes no node.
    """
    if k2 > 0:
        k = math.sqrt(k2)
        phase = math.atan2(u * k, slope) + k * width
        return phase >= math.pi, math.sin(phase), k * math.cos(phase)
    if k2 == 0:
        return u + slope * width <= 0, u + slope * width, slope
    kappa = math.sqrt(-k2)
    decay = math.exp(-2 * kappa * width)  # cosh and sinh over exp(kappa width), so that thick barriers do not overflow
    cosh, sinh = (1 + decay) / 2, -math.expm1(-2 * kappa * width) / 2
    end = u * cosh + slope / kappa * sinh
    return end <= 0, end, u * kappa * sinh + slope * cosh
