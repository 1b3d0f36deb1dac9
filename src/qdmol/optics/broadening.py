"""Line shape of one dot: a Gaussian whose width follows from the temperature, and its Stokes shift.

Phonons of energy E_p, coupled linearly with a reorganisation energy λ, give a transition the variance σ² = λ E_p
coth(E_p / 2kT) and shift its emission 2λ below its absorption (Markham, Rev. Mod. Phys. 31, 956 (1959),
doi:10.1103/RevModPhys.31.956). For kT well above E_p, 2λ is σ²/kT, as detailed balance between absorption and emission
requires at every photon energy for a Gaussian (Kennard, Phys. Rev. 11, 29 (1918), doi:10.1103/PhysRev.11.29).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.structure import MEDIUM, AxialMolecule, Light
from qdmol.units import BOLTZMANN_EV_K

# Full width at half maximum of a Gaussian over its standard deviation.
FWHM: Final = 2 * math.sqrt(2 * math.log(2))
# Smallest standard deviation (eV) that a grid resolves.
MIN_DEVIATION: Final = 1e-4
# A line is cut off this many standard deviations from its centre, where it is 1e-8 of its height.
CUTOFF: Final = 6.1


@dataclass(frozen=True, slots=True)
class Broadening:
    """Standard deviation σ (eV) of a line, and Stokes shift (eV) of its emission below its absorption."""

    deviation: float
    stokes: float

    @property
    def fwhm(self) -> float:
        """Full width at half maximum in eV."""
        return FWHM * self.deviation

    def spread(self, grid: Floats, energy: Floats, weight: Floats) -> Floats:
        """Σ w_k G(E - E_k), (n,) or (n, c), on an even grid (n,) of lines at (k,) with weights (k,) or (k, c)."""
        step = float(grid[1] - grid[0])
        reach = math.ceil(CUTOFF * self.deviation / step)
        nearest = np.rint((energy - grid[0]) / step).astype(np.intp)
        near = np.flatnonzero((nearest > -reach) & (nearest < len(grid) + reach))
        places = nearest[near, None] + np.arange(-reach, reach + 1)
        offset = (grid[0] + step * places - energy[near, None]) / self.deviation
        shape = np.exp(-(offset**2) / 2) / (self.deviation * math.sqrt(2 * math.pi))
        # Parts of a line beyond the grid are collected in one bin on either side.
        places = np.clip(places, -1, len(grid)).ravel() + 1
        columns = weight.reshape(len(weight), -1)[near].T
        spectra = [
            np.bincount(places, weights=(shape * column[:, None]).ravel(), minlength=len(grid) + 2)[1:-1]
            for column in columns
        ]
        return np.asarray(np.stack(spectra, axis=1), dtype=np.float64).reshape(len(grid), *weight.shape[1:])


def light_of(molecule: AxialMolecule) -> Light:
    """Line shape of a molecule.

    Raises
    ------
    InputError
        A material has no Kane energy, or the material set has no line shape.
    """
    for name, parameters in molecule.parameters.items():
        if name != MEDIUM and parameters.kane_energy is None:
            raise InputError(
                field="materials",
                value=f"without kane_energy of {name}",
                allowed=f"a set with the kane_energy of every material, or overrides.{name}.kane_energy",
            )
    if molecule.light is None:
        allowed = "a set with homogeneous_width and phonon_energy of its reference material, or overrides of them"
        raise InputError(field="materials", value="without homogeneous_width or phonon_energy", allowed=allowed)
    return molecule.light


def broadening_of(light: Light, temperature: float) -> Broadening:
    """Width and Stokes shift at a temperature (K) from the width and phonon energy of the material set; the shift is
    2λ.
    """
    now, then = (_occupation(light.phonon_energy, at) for at in (temperature, light.width_temperature))
    deviation = max(light.homogeneous_width * math.sqrt(now / then) / FWHM, MIN_DEVIATION)
    return Broadening(deviation, 2 * deviation**2 / (light.phonon_energy * now))


def _occupation(phonon: float, temperature: float) -> float:
    """coth(E_p / 2kT), 1 at 0 K."""
    if temperature <= 0:
        return 1.0
    return 1 / math.tanh(phonon / (2 * BOLTZMANN_EV_K * temperature))
