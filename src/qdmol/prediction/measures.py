"""Peaks and widths of predicted curves, found on the curve itself as one reads them off a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from qdmol.arrays import Floats
from qdmol.units import HC_EV_NM

# A maximum lower than this part of the curve's highest within REACH (eV) of it is no band edge but a forbidden line.
LEAST = 0.05
REACH = 0.3
# A maximum whose half height lies further (eV) to the red is that of a whole band.
WIDEST = 0.2
# The band edge is what lies up to this far (eV) above its peak.
EDGE_REACH = 0.12


@dataclass(frozen=True, slots=True)
class EdgePeak:
    """The band edge: photon energy (eV) of its maximum, or of the steepest slope where there is none; width; height.

    `width` (eV) is twice the half width at half maximum on the red side, where nothing else absorbs.
    """

    kind: Literal["maximum", "edge"]
    energy: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class EmissionPeak:
    """Emission: energy (eV) of the maximum per eV, wavelength (nm) of the maximum per nm, full width (eV)."""

    energy: float
    wavelength: float
    width: float


def edge_peak(grid: Floats, curve: Floats) -> EdgePeak:
    """The band edge of an absorption curve (n,) on rising energies (n,) in eV."""
    inner = np.flatnonzero((curve[1:-1] >= curve[:-2]) & (curve[1:-1] > curve[2:])) + 1
    for place in inner.tolist():
        near = curve[grid <= grid[place] + REACH]
        if curve[place] >= LEAST * near.max():
            energy, height = _top(grid, curve, place)
            half = _crossing(grid, curve, place, height / 2, step=-1)
            if energy - half > WIDEST:
                break
            return EdgePeak("maximum", energy, 2 * (energy - half), height)
    slope = np.gradient(curve, grid)
    place = int(np.argmax(slope))
    energy, _ = _top(grid, slope, place) if 0 < place < len(grid) - 1 else (float(grid[place]), 0.0)
    return EdgePeak("edge", energy, float("nan"), float(np.interp(energy, grid, curve)))


def emission_peak(grid: Floats, curve: Floats) -> EmissionPeak:
    """The highest peak of an emission curve (n,) per eV."""
    place = int(np.clip(np.argmax(curve), 1, len(grid) - 2))
    energy, height = _top(grid, curve, place)
    low, high = (_crossing(grid, curve, place, height / 2, step=step) for step in (-1, 1))
    by_wavelength = curve * grid**2
    seen, _ = _top(grid, by_wavelength, int(np.clip(np.argmax(by_wavelength), 1, len(grid) - 2)))
    return EmissionPeak(energy, HC_EV_NM / seen, high - low)


def per_nm(grid: Floats, curve: Floats) -> Floats:
    """A curve per eV (n,) as one per nm (n,): times E²/hc."""
    return np.asarray(curve * grid**2 / HC_EV_NM)


def value_at(grid: Floats, curve: Floats, energy: float) -> float:
    """The curve at a photon energy (eV)."""
    return float(np.interp(energy, grid, curve))


def band_edge_area(grid: Floats, curve: Floats, peak: EdgePeak) -> float:
    """∫ σ dE up to a little above the band edge's peak."""
    low = grid <= peak.energy + EDGE_REACH
    return float(np.trapezoid(curve[low], grid[low]))


def _top(grid: Floats, curve: Floats, place: int) -> tuple[float, float]:
    """Place and height of the parabola through a maximum and its neighbours, on an even grid."""
    left, top, right = (float(curve[place + k]) for k in (-1, 0, 1))
    bend = left - 2 * top + right
    offset = 0.0 if bend >= 0 else (left - right) / (2 * bend)
    step = float(grid[place + 1] - grid[place])
    return float(grid[place]) + offset * step, top - (left - right) * offset / 4


def _crossing(grid: Floats, curve: Floats, place: int, level: float, *, step: int) -> float:
    """Where the curve first falls to a level on one side of a point; NaN where it does not."""
    at = place
    while 0 <= at + step < len(grid) and curve[at + step] > level:
        at += step
    if not 0 <= at + step < len(grid):
        return float("nan")
    inside, outside = curve[at], curve[at + step]
    share = (inside - level) / (inside - outside)
    return float(grid[at] + share * (grid[at + step] - grid[at]))
