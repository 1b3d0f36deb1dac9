"""Far above the edge: the density of states of bulk, region by region.

The strength of all pairs of levels per energy tends, averaged over many levels, to that of plane waves of equal
momentum in every region: Σ_r V_r / 4π² (2μ_r/ħ²)^{3/2} √(E - E_r), E_r the gap and μ_r the reduced mass in region r
(H. Weyl, Math. Ann. 71, 441 (1912), doi:10.1007/BF01456804, for each carrier; equal momenta are what overlaps leave).
It knows of one hole band, as the levels do: neither of the other two nor of the attraction of continuum states.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qdmol.optics.values import BulkRegion
from qdmol.units import HBAR2_OVER_2M0

__all__ = ["bulk_density"]

Floats = NDArray[np.float64]


def bulk_density(region: BulkRegion, energy: Floats) -> Floats:
    """Moment per energy (n, D, 2) of a region at energies (n,) above the band gap, without spin."""
    height = np.maximum(energy - region.gap, 0.0)
    density = (region.mass / HBAR2_OVER_2M0) ** 1.5 * np.sqrt(height) / (4 * math.pi**2)
    return np.asarray(density[:, None, None] * region.volume[:, None] * region.moment)
