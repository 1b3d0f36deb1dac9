"""Results in files: one self-describing NetCDF file for each result, and what a file says it holds.

A saved result has two attributes beside its arrays: ``qdmol_kind`` (which class reads it back) and ``qdmol_values``
(its numbers as JSON, to the last digit).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from numpy.typing import NDArray

from qdmol.errors import InputError
from qdmol.results.encoding import arrays_dataset, arrays_of
from qdmol.results.netcdf import write_netcdf

if TYPE_CHECKING:
    import xarray as xr

KIND = "qdmol_kind"
VALUES = "qdmol_values"
ARRAYS = "qdmol_arrays"


@dataclass(frozen=True)
class SavedResult:
    """Content of a file: kind, numbers, arrays, and further datasets by the name of their group."""

    path: Path
    kind: str
    values: Mapping[str, Any]
    data: xr.Dataset
    groups: Mapping[str, xr.Dataset]

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays that belong to the values."""
        return arrays_of(self.groups[ARRAYS]) if ARRAYS in self.groups else {}

    def incomplete(self, kind: str, error: Exception) -> InputError:
        """Return the refusal of a file whose values are not those of a result of this kind."""
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        message = f"{self.path.name} does not contain a complete {kind} ({reason})."
        return InputError(field="path", value=str(self.path), allowed=f"a {kind} saved by qdmol", message=message)


class Loadable(Protocol):
    """A class of results that files are read back as."""

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the result that a file holds."""
        ...


def saved_attributes(kind: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Attributes that make a dataset a saved result.

    >>> saved_attributes("map", {"elapsed": 1.5})
    {'qdmol_kind': 'map', 'qdmol_values': '{"elapsed": 1.5}'}
    """
    return {KIND: kind, VALUES: json.dumps(values, ensure_ascii=False)}


def save_result(
    path: str | os.PathLike[str],
    *,
    kind: str,
    values: Mapping[str, Any],
    data: xr.Dataset,
    groups: Mapping[str, xr.Dataset] | None = None,
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> Path:
    """Write a result to a NetCDF file, atomically.

    Parameters
    ----------
    path
        The file, ending in ``.nc``.
    kind
        Name under which `read_result` finds it.
    values
        Numbers and texts that JSON holds; floats keep every digit, infinities included.
    data, groups
        Arrays, as of :func:`write_netcdf`.
    arrays
        Arrays that `encode` has taken out of the values; they go into a group of their own.

    Raises
    ------
    InputError
        The file name does not end in ``.nc``.
    OutputError
        The file cannot be written.
    """
    if Path(path).suffix.lower() != ".nc":
        raise InputError(field="path", value=str(path), allowed="a file name that ends in .nc")
    groups = {**(groups or {}), **array_groups(arrays or {})}
    return write_netcdf(data.assign_attrs(saved_attributes(kind, values)), path, groups=groups)


def array_groups(arrays: Mapping[str, NDArray[Any]]) -> dict[str, xr.Dataset]:
    """Return the group of a file that holds the arrays of its values; empty where there are none."""
    return {ARRAYS: arrays_dataset(arrays)} if arrays else {}


def read_result(path: str | os.PathLike[str]) -> SavedResult:
    """Read a file that `save_result` has written.

    Raises
    ------
    InputError
        There is no such file, it is no NetCDF file, or it contains no qdmol result.
    """
    import h5py
    import xarray as xr

    file = Path(path)
    if not file.is_file():
        raise InputError(field="path", value=str(path), allowed="an existing file")
    try:
        with h5py.File(file, "r") as opened:
            names = [name for name, item in opened.items() if isinstance(item, h5py.Group)]
        open_part = partial(xr.load_dataset, file, engine="h5netcdf", phony_dims="access")
        data = open_part()
        groups = {name: open_part(group=name) for name in names}
    except (OSError, RuntimeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        # RuntimeError is how the HDF5 library reports damaged bytes; the others follow from such bytes in xarray.
        allowed = "a NetCDF file"
        message = f"{file.name} cannot be read as a NetCDF file ({type(error).__name__}); give a file saved by qdmol."
        raise InputError(field="path", value=str(path), allowed=allowed, message=message) from None
    if KIND not in data.attrs or VALUES not in data.attrs:
        old = "qdmol_version" in data.attrs
        reason = "holds arrays only, without the result that they belong to" if old else "contains no qdmol result"
        message = f"{file.name} {reason}; give a file written by `.save`, `qdmol run` or `qdmol map`."
        raise InputError(field="path", value=str(path), allowed="a file saved by qdmol", message=message)
    return SavedResult(file, str(data.attrs[KIND]), _values(file, data.attrs[VALUES]), data, groups)


def _values(file: Path, text: object) -> Mapping[str, Any]:
    try:
        values = json.loads(str(text))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        message = f"{file.name} is damaged: its values are not JSON."
        raise InputError(field="path", value=str(file), allowed="a file saved by qdmol", message=message)
    return values
