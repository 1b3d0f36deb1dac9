"""What one transition absorbs and emits: cross-section and radiative rate of an oscillator strength.

A transition of photon energy E and oscillator strength f (averaged over the directions of light, fields inside the
molecule included) absorbs ∫ σ dE = (4π² α ħ²/2m) f / n in a medium of refractive index n, and emits at the rate
k = (2 α / ħ m c²) n E² f. Both follow from the golden rule (W. Demtröder, Laser Spectroscopy 1, 5th ed., section 2.7);
they obey Einstein's relation k = n² E² / (π² ħ³ c²) ∫ σ dE for levels without degeneracy.

>>> round(float(radiative_rate(1.0, 1.0, index=1.0)), 7)  # 1/ns
0.043392
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qdmol.units import BOLTZMANN_EV_K, COULOMB_EV_NM, HBAR2_OVER_2M0, HC_EV_NM

__all__ = ["CROSS_SECTION", "SPEED_OF_LIGHT", "boltzmann", "photon_modes", "radiative_rate"]

Floats = NDArray[np.float64]

SPEED_OF_LIGHT: Final = 299792458.0  # m/s, which is nm/ns; exact in the SI
HBAR_C: Final = HC_EV_NM / (2 * math.pi)
HBAR_EV_NS: Final = HBAR_C / SPEED_OF_LIGHT
FINE_STRUCTURE: Final = COULOMB_EV_NM / HBAR_C
ELECTRON_REST_EV: Final = HBAR_C**2 / (2 * HBAR2_OVER_2M0)
# ∫ σ dE of f = 1 where n = 1, eV nm².
CROSS_SECTION: Final = 4 * math.pi**2 * FINE_STRUCTURE * HBAR2_OVER_2M0


def radiative_rate(strength: float | Floats, energy: float | Floats, *, index: float) -> Floats:
    """Rate (1/ns) of spontaneous emission of an oscillator strength at a photon energy (eV)."""
    rate = 2 * FINE_STRUCTURE / (HBAR_EV_NS * ELECTRON_REST_EV)
    return np.asarray(rate * index * np.square(energy) * strength)


def photon_modes(energy: float | Floats, *, index: float) -> Floats:
    """n² E² / (π² ħ³ c²), 1/(eV ns nm²): what turns ∫ σ dE (eV nm²) of a line into its rate of emission (1/ns)."""
    return np.asarray((index * np.asarray(energy)) ** 2 / (math.pi**2 * HBAR_EV_NS**3 * SPEED_OF_LIGHT**2))


def boltzmann(height: Floats, degeneracy: Floats, *, temperature: float) -> Floats:
    """Share of the particles in each level of a height (eV) and degeneracy; at 0 K all are in the lowest."""
    if temperature <= 0:
        weight = degeneracy * (height <= height.min() + 1e-12)
    else:
        weight = degeneracy * np.exp(-(height - height.min()) / (BOLTZMANN_EV_K * temperature))
    return np.asarray(weight / weight.sum())
