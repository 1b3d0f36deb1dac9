"""Labelled arrays to NetCDF4 files that plain ``xarray.open_dataset`` reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.errors import OutputError
from qdmol.results.files import atomic_path

if TYPE_CHECKING:  # xarray is slow to load, and whoever has a dataset has loaded it
    import xarray as xr

_COMPRESS_FROM = 1024  # values; below this the filter costs more bytes than it saves


def _attribute(value: object) -> object:
    """Turn an attribute into what NetCDF4 holds: text, number or array; nested values become JSON text."""
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, str | int | float | np.generic | np.ndarray):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, int | float) for item in value):
        return np.asarray(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _attributes(attributes: Mapping[Any, object]) -> dict[Any, object]:
    return {key: _attribute(value) for key, value in attributes.items()}


def _storable(variable: xr.DataArray) -> xr.DataArray:
    if variable.dtype == bool:
        variable = variable.astype(np.int8)
    elif variable.dtype.kind == "U":
        variable = variable.astype(object)  # variable-length text; fixed-width text would pad
    return variable.assign_attrs(_attributes(variable.attrs))


def _encoding(dataset: xr.Dataset) -> dict[Any, dict[str, object]]:
    encoding: dict[Any, dict[str, object]] = {}
    for name, variable in dataset.variables.items():
        settings: dict[str, object] = {}
        if variable.dtype.kind == "f":
            settings["_FillValue"] = np.array(np.nan, dtype=variable.dtype)
        if variable.dtype.kind in "fiu" and variable.size >= _COMPRESS_FROM:
            settings |= {"zlib": True, "complevel": 4, "shuffle": True}
        encoding[name] = settings
    return encoding


def write_netcdf(
    dataset: xr.Dataset, path: str | os.PathLike[str], *, groups: Mapping[str, xr.Dataset] | None = None
) -> Path:
    """Write a dataset to a NetCDF4 file, atomically; the same dataset gives the same bytes.

    Text arrays become variable-length text, flags become 0 or 1, nested attributes become JSON text and an
    attribute that is None becomes empty text. Compression loses nothing.

    Parameters
    ----------
    dataset
        Variables with attribute ``units``; any dimensions.
    path
        The file to be written, by custom ending in ``.nc``.
    groups
        More datasets, each a group of that name in the same file; ``xarray.open_dataset(path, group=name)`` reads one.

    Returns
    -------
    pathlib.Path
        The path given.

    Raises
    ------
    qdmol.errors.OutputError
        The file cannot be written; an older file at `path` is untouched.
    """
    with atomic_path(path) as temporary:
        try:
            _write(dataset, temporary)
            for name, part in (groups or {}).items():
                _write(part, temporary, group=name)
        except RuntimeError as error:  # HDF5 reports a full disk so
            raise OutputError(f"`{path}` could not be written: {error}.") from error
    return Path(path)


def _write(dataset: xr.Dataset, path: Path, *, group: str | None = None) -> None:
    storable = dataset.copy(deep=False).assign_attrs(_attributes(dataset.attrs))
    storable = storable.assign_coords({name: _storable(value) for name, value in storable.coords.items()})
    storable = storable.assign({name: _storable(value) for name, value in storable.data_vars.items()})
    storable.to_netcdf(
        path, mode="w" if group is None else "a", group=group, engine="h5netcdf", format="NETCDF4",
        encoding=_encoding(storable),
    )  # fmt: skip
