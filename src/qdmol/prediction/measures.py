"""Peaks, widths and other numbers of predicted curves, determined from the curves as from a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from qdmol.arrays import Floats
from qdmol.prediction.values import Curves
from qdmol.units import HC_EV_NM

# A maximum lower than this part of the highest absorption up to MAXIMUM_REACH (eV) above it is a forbidden line.
MIN_RELATIVE_HEIGHT: Final = 0.05
MAXIMUM_REACH: Final = 0.3
# A maximum whose half height lies further (eV) to the red belongs to a whole band.
MAX_HALF_WIDTH: Final = 0.2
# The band edge reaches up to this energy (eV) above its peak.
EDGE_REACH: Final = 0.12
# Photon energy (eV) of the excitation, far above every band edge: 300 nm.
EXCITATION_EV: Final = HC_EV_NM / 300

Reading = Literal[
    "absorption_peak",
    "absorption_width",
    "band_edge_height",
    "emission_peak",
    "emission_wavelength",
    "emission_width",
    "cross_section_300nm",
    "ratio_edge_to_300nm",
    "band_edge_area",
    "lifetime",
]


@dataclass(frozen=True, slots=True)
class EdgePeak:
    """Band edge of an absorption curve.

    `energy` (eV) is that of its maximum, or of the steepest slope where there is none. `width` (eV) is twice the half
    width at half maximum on the red side, where nothing else absorbs; `height` is the absorption at `energy`.
    """

    kind: Literal["maximum", "edge"]
    energy: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class EmissionPeak:
    """Peak of emission: `energy` (eV) of the maximum per eV, `wavelength` (nm) per nm, full `width` (eV)."""

    energy: float
    wavelength: float
    width: float


def read_curves(curves: Curves) -> Mapping[Reading, float]:
    """Numbers read off the curves of a sample.

    Peaks and widths in eV, `emission_wavelength` in nm, `band_edge_height` and `cross_section_300nm` in nm²,
    `band_edge_area` in eV nm², `lifetime` in ns; NaN where a curve has no such number.
    """
    edge = edge_peak(curves.grid, curves.absorption)
    peak = emission_peak(curves.grid, curves.emission)
    blue = value_at(curves.grid, curves.absorption, EXCITATION_EV)
    return {
        "absorption_peak": edge.energy,
        "absorption_width": edge.width,
        "band_edge_height": edge.height,
        "emission_peak": peak.energy,
        "emission_wavelength": peak.wavelength,
        "emission_width": peak.width,
        "cross_section_300nm": blue,
        "ratio_edge_to_300nm": edge.height / blue,
        "band_edge_area": band_edge_area(curves.grid, curves.absorption, edge),
        "lifetime": curves.lifetime,
    }


def edge_peak(grid: Floats, curve: Floats) -> EdgePeak:
    """Band edge of an absorption curve (n,) on rising energies (n,) in eV."""
    inner = np.flatnonzero((curve[1:-1] >= curve[:-2]) & (curve[1:-1] > curve[2:])) + 1
    for place in inner.tolist():
        near = curve[grid <= grid[place] + MAXIMUM_REACH]
        if curve[place] >= MIN_RELATIVE_HEIGHT * near.max():
            energy, height = _top(grid, curve, place)
            half = _crossing(grid, curve, place, height / 2, step=-1)
            if energy - half > MAX_HALF_WIDTH:
                break
            return EdgePeak("maximum", energy, 2 * (energy - half), height)
    slope = np.gradient(curve, grid)
    place = int(np.argmax(slope))
    energy, _ = _top(grid, slope, place) if 0 < place < len(grid) - 1 else (float(grid[place]), 0.0)
    return EdgePeak("edge", energy, float("nan"), float(np.interp(energy, grid, curve)))


def emission_peak(grid: Floats, curve: Floats) -> EmissionPeak:
    """Highest peak of an emission curve (n,) per eV."""
    place = int(np.clip(np.argmax(curve), 1, len(grid) - 2))
    energy, height = _top(grid, curve, place)
    low, high = (_crossing(grid, curve, place, height / 2, step=step) for step in (-1, 1))
    by_wavelength = curve * grid**2
    seen, _ = _top(grid, by_wavelength, int(np.clip(np.argmax(by_wavelength), 1, len(grid) - 2)))
    return EmissionPeak(energy, HC_EV_NM / seen, high - low)


def per_nm(grid: Floats, curve: Floats) -> Floats:
    """Convert a curve (n,) per eV to one per nm: times E²/hc."""
    return np.asarray(curve * grid**2 / HC_EV_NM)


def value_at(grid: Floats, curve: Floats, energy: float) -> float:
    """Value of a curve at a photon energy (eV)."""
    return float(np.interp(energy, grid, curve))


def band_edge_area(grid: Floats, curve: Floats, peak: EdgePeak) -> float:
    """∫ σ dE up to EDGE_REACH above the band edge's peak."""
    low = grid <= peak.energy + EDGE_REACH
    return float(np.trapezoid(curve[low], grid[low]))


def _top(grid: Floats, curve: Floats, place: int) -> tuple[float, float]:
    """Energy and height of the maximum of the parabola through three points of an even grid."""
    left, top, right = (float(curve[place + k]) for k in (-1, 0, 1))
    bend = left - 2 * top + right
    offset = 0.0 if bend >= 0 else (left - right) / (2 * bend)
    step = float(grid[place + 1] - grid[place])
    return float(grid[place]) + offset * step, top - (left - right) * offset / 4


def _crossing(grid: Floats, curve: Floats, place: int, level: float, *, step: int) -> float:
    """Energy at which the curve first falls to a level on one side of a point; NaN where it does not."""
    at = place
    while 0 <= at + step < len(grid) and curve[at + step] > level:
        at += step
    if not 0 <= at + step < len(grid):
        return float("nan")
    inside, outside = curve[at], curve[at + step]
    share = (inside - level) / (inside - outside)
    return float(grid[at] + share * (grid[at + step] - grid[at]))
