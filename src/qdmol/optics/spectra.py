"""Spectra of one molecule: absorption cross-section, thermal emission, and radiative lifetime.

A transition of photon energy E and oscillator strength f (averaged over the directions of light, with the fields inside
the molecule) absorbs ∫ σ dE = (4π² α ħ²/2m) f / n in a medium of refractive index n, and emits at the rate
k = (2 α / ħ m c²) n E² f. Both follow from the golden rule (W. Demtröder, Laser Spectroscopy 1, 5th ed., section 2.7);
they obey Einstein's relation k = n² E² / (π² ħ³ c²) ∫ σ dE for levels without degeneracy.

>>> round(float(radiative_rate(1.0, 1.0, index=1.0)), 7)  # 1/ns
0.043392
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.optics.broadening import Broadening
from qdmol.optics.limit import EdgeLimit
from qdmol.optics.lines import Lines
from qdmol.optics.values import MoleculeLight, direction_mean
from qdmol.units import BOLTZMANN_EV_K, COULOMB_EV_NM, HBAR2_OVER_2M0, HC_EV_NM

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
    """n² E² / (π² ħ³ c²) in 1/(eV ns nm²): ratio of a line's emission rate (1/ns) to its ∫ σ dE (eV nm²)."""
    return np.asarray((index * np.asarray(energy)) ** 2 / (math.pi**2 * HBAR_EV_NS**3 * SPEED_OF_LIGHT**2))


def boltzmann(height: Floats, degeneracy: Floats, *, temperature: float) -> Floats:
    """Thermal population of levels with energies `height` (eV) and degeneracies; at 0 K all are in the lowest."""
    if temperature <= 0:
        weight = degeneracy * (height <= height.min() + 1e-12)
    else:
        weight = degeneracy * np.exp(-(height - height.min()) / (BOLTZMANN_EV_K * temperature))
    return np.asarray(weight / weight.sum())


SPINS: Final = 4
# Population of the computed excitons within kT below the highest one above which further excitons matter.
MAX_TOP_POPULATION: Final = 0.01
# Upper end (K) of the bisection for a temperature, far beyond any of a spec, and its steps.
MAX_TEMPERATURE, BISECTIONS = 1e5, 50


def cross_section(lines: Lines, grid: Floats, broadening: Broadening, *, index: float) -> Floats:
    """Absorption cross-section (n, D) in nm² at photon energies (n,) in eV, of the space nearest to each dot."""
    weight = CROSS_SECTION / index * lines.strength
    return broadening.spread(grid, lines.energy, weight)


@dataclass(frozen=True, eq=False)
class Emitters:
    """Thermal excitons that emit: photon `energy` (n,) in eV and `rate` (n, D) in 1/ns, weighted by population.

    `place` (D,) is the probability of the hole in each dot, `free_energy` (eV) -kT ln Σ g exp(-E/kT) with the band gap.
    `population_error` is the relative error of the total rate due to the errors of levels and thus of populations.
    """

    energy: Floats
    rate: Floats
    place: Floats
    free_energy: float
    population_error: float = 0.0

    @property
    def lifetime(self) -> float:
        """Radiative lifetime in ns of excitons that thermalise faster than they emit."""
        total = float(self.rate.sum())
        return 1 / total if total > 0 else float("inf")


def emitters(
    light: MoleculeLight,
    limit: EdgeLimit,
    *,
    temperature: float,
    broadening: Broadening,
    exchange: float | None = None,
) -> Emitters:
    """Thermal population and emission of each exciton level.

    A level has four directions of the spins, which absorb together and emit a quarter each. With `exchange` (eV nm³)
    one of them, the bright one, lies higher by that times the contact density and has all the strength.
    """
    levels = limit.levels
    strength = 2 * direction_mean(levels.moment, light.directions)
    energy = light.band_gap + levels.energy
    split = np.zeros(len(energy)) if exchange is None else exchange * np.nan_to_num(levels.contact)
    heights = np.concatenate([energy, energy + split])
    degeneracy = np.concatenate([(SPINS - 1) * levels.degeneracy, levels.degeneracy])
    if exchange is None:
        heights, degeneracy = energy, SPINS * levels.degeneracy
    share = boltzmann(heights, degeneracy, temperature=temperature)
    bright = energy + split
    bright_population = share[-len(energy) :] / degeneracy[-len(energy) :]
    emitted = bright - broadening.stokes
    # The mean of E² over a line that is as wide as σ.
    square = np.sqrt(emitted**2 + broadening.deviation**2)
    oscillator = strength / bright[:, None]
    rate = bright_population[:, None] * radiative_rate(oscillator, square[:, None], index=light.index)
    emitting = np.any(rate != 0, axis=1)
    population = share.reshape(-1, len(energy)).sum(axis=0)
    level_error = np.minimum(energy - energy.min(), light.numerical)
    return Emitters(
        energy=emitted[emitting],
        rate=rate[emitting],
        place=population @ levels.place,
        free_energy=_free_energy(heights, degeneracy, temperature),
        population_error=_population_error(population, rate.sum(axis=1), level_error, temperature),
    )


def _population_error(population: Floats, rate: Floats, level_error: Floats, temperature: float) -> float:
    """Relative error of k = Σ p_i k_i for errors (n,) of the levels relative to the lowest, in eV.

    p_i ~ exp(-E_i/kT), so that ∂k/∂E_i = -p_i (k_i - k)/kT; `population` are the p_i, `rate` the p_i k_i. Levels close
    to the lowest have most of their errors in common with it, so that these are smaller than their distance.
    """
    total = float(rate.sum())
    if temperature <= 0 or total <= 0:
        return 0.0
    return float((np.abs(rate / total - population) * level_error).sum() / (BOLTZMANN_EV_K * temperature))


def hottest(light: MoleculeLight) -> float:
    """Highest temperature (K) at which only the computed excitons are populated; infinite if only one is computed.

    There the excitons within kT below the highest computed one hold MAX_TOP_POPULATION of the population.
    """
    levels = light.edge[-1]
    heights = levels.energy - levels.energy.min()
    if heights.max() == 0:
        return float("inf")
    low, high = 0.0, MAX_TEMPERATURE
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        share = boltzmann(heights, levels.degeneracy, temperature=middle)
        if share[heights > heights.max() - BOLTZMANN_EV_K * middle].sum() < MAX_TOP_POPULATION:
            low = middle
        else:
            high = middle
    return low


def _free_energy(heights: Floats, degeneracy: Floats, temperature: float) -> float:
    lowest = float(heights.min())
    if temperature <= 0:
        return lowest
    thermal = BOLTZMANN_EV_K * temperature
    return lowest - thermal * float(np.log(np.sum(degeneracy * np.exp(-(heights - lowest) / thermal))))


def emission(emitting: Emitters, grid: Floats, broadening: Broadening) -> Floats:
    """Photons emitted per exciton, ns and eV (n, D) at photon energies (n,) in eV."""
    return broadening.spread(grid, emitting.energy, emitting.rate)
