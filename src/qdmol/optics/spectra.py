"""Spectra of one molecule: cross-section, emission at a temperature, radiative lifetime."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.optics.broadening import Broadening
from qdmol.optics.limit import EdgeLimit
from qdmol.optics.lines import Lines, direction_mean
from qdmol.optics.rates import CROSS_SECTION, boltzmann, radiative_rate
from qdmol.optics.values import MoleculeLight
from qdmol.units import BOLTZMANN_EV_K

__all__ = ["Emitters", "cross_section", "emission", "emitters", "hottest"]

Floats = NDArray[np.float64]

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
