"""Wavelengths along the bottom of a figure, photon energies along its top."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from qdmol.units import HC_EV_NM

__all__ = ["energy_axis", "to_energy"]

_MOST_TICKS = 6
_STEPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # eV


def energy_axis(axes: Axes, *, most: int = _MOST_TICKS) -> None:
    """Add photon energies (eV) along the top of axes over wavelength (nm), at most `most` of them."""
    twin = axes.secondary_xaxis("top", functions=(to_energy, to_energy))
    twin.set_xlabel("Energy (eV)", labelpad=2)
    low, high = axes.get_xlim()
    span = HC_EV_NM / low - HC_EV_NM / high
    step = next(step for step in _STEPS if span / step <= most or step == _STEPS[-1])
    first = math.ceil(HC_EV_NM / high / step)
    twin.set_xticks([k * step for k in range(first, math.floor(HC_EV_NM / low / step) + 1)])
    twin.xaxis.set_major_formatter("{x:.4g}")
    axes.spines["top"].set_visible(True)


def to_energy(value: ArrayLike) -> NDArray[np.float64]:
    """Energy (eV) of a wavelength (nm), or the other way round."""
    # an axis is asked about places left of its end as well
    return np.asarray(HC_EV_NM / np.maximum(np.asarray(value, dtype=np.float64), 1e-3))
