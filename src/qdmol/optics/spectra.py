"""Spectra of one molecule: cross-section, emission at a temperature, radiative lifetime.

What one transition absorbs and emits: cross-section and radiative rate of an oscillator strength.

A transition of photon energy E and oscillator strength f (averaged over the directions of light, fields inside the
molecule included) absorbs ∫ σ dE = (4π² α ħ²/2m) f / n in a medium of refractive index n, and emits at the rate
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
from qdmol.optics.lines import Lines, direction_mean
from qdmol.optics.values import MoleculeLight
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
    """n² E² / (π² ħ³ c²), 1/(eV ns nm²): what turns ∫ σ dE (eV nm²) of a line into its rate of emission (1/ns)."""
    return np.asarray((index * np.asarray(energy)) ** 2 / (math.pi**2 * HBAR_EV_NS**3 * SPEED_OF_LIGHT**2))


def boltzmann(height: Floats, degeneracy: Floats, *, temperature: float) -> Floats:
    """Share of the particles in each level of a height (eV) and degeneracy; at 0 K all are in the lowest."""
    if temperature <= 0:
        weight = degeneracy * (height <= height.min() + 1e-12)
    else:
        weight = degeneracy * np.exp(-(height - height.min()) / (BOLTZMANN_EV_K * temperature))
    return np.asarray(weight / weight.sum())


SPINS = 4
# Population of the highest computed excitons, within kT below the last one, from which on those above matter too.
HIGHEST_SHARE = 0.01
# Far beyond any temperature (K) of a spec, and bisections of it.
BEYOND, BISECTIONS = 1e5, 50


def cross_section(lines: Lines, grid: Floats, broadening: Broadening, *, index: float) -> Floats:
    """Absorption cross-section (n, D) in nm² at photon energies (n,) in eV, of what lies nearest to each dot."""
    weight = CROSS_SECTION / index * lines.strength
    return broadening.spread(grid, lines.energy, weight)


@dataclass(frozen=True, eq=False)
class Emitters:
    """Thermal excitons that emit: photon `energy` (n,) in eV and `rate` (n, D) in 1/ns, populations included.

    `place` (D,) is the probability of the hole in each dot, `free_energy` (eV) -kT ln Σ g exp(-E/kT), gap included.
    `population_error` is the relative error of the total rate because levels, and so their populations, have errors.
    """

    energy: Floats
    rate: Floats
    place: Floats
    free_energy: float
    population_error: float = 0.0

    @property
    def lifetime(self) -> float:
        """Radiative lifetime in ns of excitons that exchange heat faster than they emit."""
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
    """The thermal population of excitons, by level, and what each emits.

    A level has four directions of the spins, which absorb together and of which each emits a quarter; with `exchange`
    (eV nm³) one of them, the bright one, lies higher by that times the contact density and holds all the strength.
    """
    levels = limit.levels
    strength = 2 * direction_mean(levels.moment)
    energy = light.band_gap + levels.energy
    split = np.zeros(len(energy)) if exchange is None else exchange * np.nan_to_num(levels.contact)
    heights = np.concatenate([energy, energy + split])
    degeneracy = np.concatenate([(SPINS - 1) * levels.degeneracy, levels.degeneracy])
    if exchange is None:
        heights, degeneracy = energy, SPINS * levels.degeneracy
    share = boltzmann(heights, degeneracy, temperature=temperature)
    bright = energy + split
    population = share[-len(energy) :] / degeneracy[-len(energy) :]
    emitted = bright - broadening.stokes
    # The mean of E² over a line that is as wide as σ.
    square = np.sqrt(emitted**2 + broadening.deviation**2)
    oscillator = strength / bright[:, None]
    rate = population[:, None] * radiative_rate(oscillator, square[:, None], index=light.index)
    seen = np.any(rate != 0, axis=1)
    where = share.reshape(-1, len(energy)).sum(axis=0) @ levels.place
    doubt = np.minimum(energy - energy.min(), light.numerical)
    wrong = _population_error(share.reshape(-1, len(energy)).sum(axis=0), rate.sum(axis=1), doubt, temperature)
    return Emitters(emitted[seen], rate[seen], where, _free_energy(heights, degeneracy, temperature), wrong)


def _population_error(share: Floats, rate: Floats, doubt: Floats, temperature: float) -> float:
    """Relative error of k = Σ p_i k_i when levels (n,) are off by `doubt` (eV) against the lowest.

    p_i ~ exp(-E_i/kT), so that ∂k/∂E_i = -p_i (k_i - k)/kT; `share` are the p_i, `rate` the p_i k_i. Neighbours of the
    lowest level are off by less than their distance from it, as they have most of their errors in common.
    """
    total = float(rate.sum())
    if temperature <= 0 or total <= 0:
        return 0.0
    return float((np.abs(rate / total - share) * doubt).sum() / (BOLTZMANN_EV_K * temperature))


def hottest(light: MoleculeLight) -> float:
    """Temperature (K) up to which the computed excitons are all that are populated; inf where only one is computed.

    At it the excitons within kT below the highest computed one hold HIGHEST_SHARE of the population.
    """
    levels = light.edge[-1]
    heights = levels.energy - levels.energy.min()
    if heights.max() == 0:
        return float("inf")
    low, high = 0.0, BEYOND
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        share = boltzmann(heights, levels.degeneracy, temperature=middle)
        if share[heights > heights.max() - BOLTZMANN_EV_K * middle].sum() < HIGHEST_SHARE:
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
