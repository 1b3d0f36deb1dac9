"""The line of one dot: a Gaussian whose width follows from the temperature, and the Stokes shift that goes with it.

Phonons of energy E_p, coupled linearly with a reorganisation energy λ, give a transition the variance σ² = λ E_p
coth(E_p / 2kT), and put its emission 2λ below its absorption (Markham, Rev. Mod. Phys. 31, 956 (1959),
doi:10.1103/RevModPhys.31.956). Where kT is well above E_p, 2λ is σ²/kT, which is what detailed balance between
absorption and emission at every photon energy asks of a Gaussian (Kennard, Phys. Rev. 11, 29 (1918),
doi:10.1103/PhysRev.11.29).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.structure import MEDIUM, AxialMolecule, Light
from qdmol.units import BOLTZMANN_EV_K

FWHM = 2 * math.sqrt(2 * math.log(2))
# Lines narrower than this (eV) are drawn as wide as this: no grid resolves less.
NARROWEST = 1e-4
# A line ends this many standard deviations from its middle, where it is 1e-8 of its height.
REACH = 6.1


def light_of(molecule: AxialMolecule) -> Light:
    """Return the line shape of a molecule.

    Raises
    ------
    InputError
        A material without Kane energy, or no line shape in the set.
    """
    for name, parameters in molecule.parameters.items():
        if name != MEDIUM and parameters.kane_energy is None:
            raise InputError(
                field="materials",
                value=f"no kane_energy of {name}",
                allowed=f"a set with the kane_energy of every material, or overrides.{name}.kane_energy",
            )
    if molecule.light is None:
        allowed = "a set with homogeneous_width and phonon_energy of its reference material, or overrides of them"
        raise InputError(field="materials", value="no homogeneous_width or phonon_energy", allowed=allowed)
    return molecule.light


@dataclass(frozen=True, slots=True)
class Broadening:
    """Standard deviation σ (eV) of a line, and by how much (eV) its emission lies below its absorption."""

    deviation: float
    stokes: float

    @property
    def fwhm(self) -> float:
        """Full width at half maximum, eV."""
        return FWHM * self.deviation

    def spread(self, grid: Floats, energy: Floats, weight: Floats) -> Floats:
        """Σ w_k G(E - E_k) on an even grid (n,): lines at energies (k,) with weights (k,) or (k, c); (n,) or (n, c)."""
        step = float(grid[1] - grid[0])
        reach = math.ceil(REACH * self.deviation / step)
        nearest = np.rint((energy - grid[0]) / step).astype(np.intp)
        near = np.flatnonzero((nearest > -reach) & (nearest < len(grid) + reach))
        places = nearest[near, None] + np.arange(-reach, reach + 1)
        offset = (grid[0] + step * places - energy[near, None]) / self.deviation
        shape = np.exp(-(offset**2) / 2) / (self.deviation * math.sqrt(2 * math.pi))
        # Where a line reaches beyond the grid, it ends in a bin on either side.
        places = np.clip(places, -1, len(grid)).ravel() + 1
        columns = weight.reshape(len(weight), -1)[near].T
        found = [
            np.bincount(places, weights=(shape * column[:, None]).ravel(), minlength=len(grid) + 2)[1:-1]
            for column in columns
        ]
        return np.asarray(np.stack(found, axis=1), dtype=np.float64).reshape(len(grid), *weight.shape[1:])


def broadening_of(light: Light, temperature: float) -> Broadening:
    """Width and Stokes shift at a temperature (K) from those of the material set; the shift is always 2λ."""
    now, then = (_occupation(light.phonon_energy, at) for at in (temperature, light.width_temperature))
    deviation = max(light.homogeneous_width * math.sqrt(now / then) / FWHM, NARROWEST)
    return Broadening(deviation, 2 * deviation**2 / (light.phonon_energy * now))


def _occupation(phonon: float, temperature: float) -> float:
    """coth(E_p / 2kT), 1 at 0 K."""
    if temperature <= 0:
        return 1.0
    return 1 / math.tanh(phonon / (2 * BOLTZMANN_EV_K * temperature))
