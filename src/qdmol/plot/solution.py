"""What a report needs of a solution, and how it reads it; nothing is computed here."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import xarray as xr

from qdmol.arrays import Floats
from qdmol.structure import Spec


class SolutionLike(Protocol):
    """The part of ``qdmol.study.Solution`` that is read; see there."""

    @property
    def spec(self) -> Spec: ...  # noqa: D102
    @property
    def converged(self) -> bool: ...  # noqa: D102
    @property
    def summary(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def data(self) -> xr.Dataset: ...  # noqa: D102
    @property
    def warnings(self) -> tuple[str, ...]: ...  # noqa: D102


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


def state_names(solution: SolutionLike, *, coulomb: bool = False) -> tuple[str, ...]:
    """Names of the mapped electron levels: bonding and antibonding where two dots and a mirror make them so.

    The hole in one dot breaks the mirror symmetry: with its attraction (`coulomb`) the levels are only numbered.
    """
    electron = solution.summary["electron"]
    mirror_pair = list(electron["parity"][:2]) == ["+", "-"] and list(electron["m"][:2]) == [0, 0]
    if not coulomb and mirror_pair and len(solution.spec.molecule.dots) == 2:
        return ("bonding", "antibonding")
    return ("first level", "second level")


def errors_of(part: Mapping[str, Any], index: int) -> float | None:
    """The error of a level in meV, None where it is not given."""
    errors = part["error_meV"]
    return float(errors[index]) if index < len(errors) and errors[index] is not None else None
