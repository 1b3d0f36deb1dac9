"""Lines and ranges of a spectrum as they stand in the JSON object."""

from __future__ import annotations

from typing import Any

import numpy as np

from qdmol.optics import direction_mean
from qdmol.study.spectra.molecules import Prepared
from qdmol.study.spectra.values import Conditions
from qdmol.units import BOLTZMANN_EV_K, HC_EV_NM

__all__ = ["line_objects", "range_objects"]

# Lines weaker than this part of the strongest are not listed, nor those further (eV) above the first.
WEAKEST = 0.01
FARTHEST = 0.45


def line_objects(prepared: Prepared, conditions: Conditions, *, share: float) -> list[dict[str, Any]]:
    """The excitons that absorb near the band edge: energy, oscillator strength, where, and how many heat puts there.

    Strengths are times the `share` of the particles that are of this kind.
    """
    levels, gap = prepared.limit.levels, prepared.light.band_gap
    energy = gap + levels.energy
    if conditions.exchange is not None:
        energy = energy + conditions.exchange * np.nan_to_num(levels.contact)
    strength = 2 * direction_mean(levels.moment) / energy[:, None]
    total = strength.sum(axis=1)
    chosen = np.flatnonzero((total > WEAKEST * total.max()) & (levels.energy <= levels.energy[0] + FARTHEST))
    heat = BOLTZMANN_EV_K * max(conditions.temperature, 1e-3)
    population = levels.degeneracy * np.exp(-(levels.energy - levels.energy[0]) / heat)
    population = population / population.sum()
    doubt = 1 - 1 / prepared.limit.growth
    return [
        {
            "energy_eV": float(energy[k]),
            "error_meV": 1000 * float(prepared.limit.error[k]),
            "wavelength_nm": HC_EV_NM / float(energy[k]),
            "oscillator_strength": share * float(total[k]),
            "oscillator_strength_error": share * float(total[k]) * doubt,
            "dot_shares": [float(value) for value in strength[k] / total[k]],
            "thermal_share": float(population[k]),
        }
        for k in chosen
    ]


def range_objects(prepared: Prepared) -> list[dict[str, Any]]:
    """The parts of the spectrum, and how wrong each may be."""
    box = prepared.light.pairs.box
    return [
        {
            "name": one.name,
            "from_eV": one.low,
            "to_eV": one.high,
            "strength_error": one.strength_error,
            "energy_error_meV": None if one.energy_error is None else 1000 * one.energy_error,
            "box_states_from_eV": None
            if box is None or prepared.light.band_gap + box > one.high or one.name == "excitons"
            else prepared.light.band_gap + box,
        }
        for one in prepared.lines.ranges
    ]
