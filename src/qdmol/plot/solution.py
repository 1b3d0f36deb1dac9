"""Variables and names that several figures of a solution read; nothing is computed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from qdmol.arrays import Floats

if TYPE_CHECKING:
    from qdmol.study import Solution

# Electron levels that figures draw, the lowest ones; the dataset holds all.
SHOWN_LEVELS = 2


def values(data: xr.Dataset, name: str) -> Floats:
    """A variable or coordinate as floats; empty where it is absent."""
    if name not in data.variables:
        return np.empty(0)
    return np.asarray(data[name].values, dtype=np.float64)


def region_names(variable: xr.DataArray) -> list[str]:
    """Names of the regions in the order of their numbers, from the attribute ``regions``."""
    names = variable.attrs["regions"]
    if isinstance(names, str):
        return [name.strip() for name in names.split(",")]
    return [str(name) for name in names]


def state_names(solution: Solution, *, coulomb: bool = False) -> tuple[str, ...]:
    """Names of the mapped electron levels: bonding and antibonding where two dots and a mirror make them so.

    The hole in one dot breaks the mirror symmetry: with its attraction (`coulomb`) the levels are only numbered.
    """
    lowest = [(level.m, level.parity) for level in solution.levels.electron[:2]]
    mirror_pair = lowest == [(0, "+"), (0, "-")]
    if not coulomb and mirror_pair and len(solution.spec.molecule.dots) == 2:
        return ("bonding", "antibonding")
    return ("first level", "second level")
