"""Labelled arrays to NetCDF4 files that plain ``xarray.open_dataset`` reads.

A file is made in memory, then written as bytes and renamed: the HDF5 library crashes where a disk is full.

Which code made a result: versions read from package metadata, nothing imported for it.
"""

from __future__ import annotations

import io
import json
import os
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.files import write_bytes_atomic

if TYPE_CHECKING:
    import xarray as xr


_PACKAGES = ("qdmol", "numpy", "scipy", "ngsolve")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def provenance() -> dict[str, str]:
    """Versions of qdmol, Python, NumPy, SciPy and NGSolve, and the platform.

    Returns
    -------
    dict
        Keys ``qdmol``, ``numpy``, ``scipy``, ``ngsolve``, ``python``, ``platform``; a package that is absent has the
        value ``"not installed"``.

    Examples
    --------
    >>> sorted(provenance())
    ['ngsolve', 'numpy', 'platform', 'python', 'qdmol', 'scipy']
    """
    versions = {package: _version(package) for package in _PACKAGES}
    return versions | {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


_COMPRESS_FROM = 1024  # values; below this the filter costs more bytes than it saves


def _attribute(value: object) -> object:
    """Turn an attribute into what NetCDF4 holds: text, number or array; nested values become JSON text."""
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, int | float | np.generic | np.ndarray):
        return value
    if isinstance(value, list | tuple) and all(isinstance(item, int | float) for item in value):
        return np.asarray(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def storable_text(text: str) -> str:
    """Return text that UTF-8 can hold; the bytes of file names that are not UTF-8 become question marks."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _attributes(attributes: Mapping[Any, object]) -> dict[Any, object]:
    return {key: _attribute(value) for key, value in attributes.items()}


def _storable(variable: xr.DataArray) -> xr.DataArray:
    if variable.dtype == bool:
        variable = variable.astype(np.int8)
    elif variable.dtype.kind == "U":
        variable = variable.astype(object)  # variable-length text; fixed-width text would pad
    if variable.dtype.kind == "O":
        texts = [storable_text(value) if isinstance(value, str) else value for value in variable.values.ravel()]
        stored = np.empty(variable.shape, dtype=object)
        stored.ravel()[:] = texts
        variable = variable.copy(data=stored)
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
    import h5netcdf

    def fill(file: h5netcdf.File) -> None:
        _add(dataset, file)
        for name, part in (groups or {}).items():
            _add(part, file.create_group(name))

    return write_bytes_atomic(path, netcdf_bytes(fill))


def netcdf_bytes(fill: Callable[[Any], None]) -> bytes:
    """Return the content of a NetCDF4 file; `fill` gets it as an open, empty ``h5netcdf.File`` in memory."""
    import h5netcdf

    content = io.BytesIO()
    with h5netcdf.File(content, "w") as file:
        fill(file)
    return content.getvalue()


def _add(dataset: xr.Dataset, group: Any) -> None:
    from xarray.backends import H5NetCDFStore

    storable = dataset.copy(deep=False).assign_attrs(_attributes(dataset.attrs))
    storable = storable.assign_coords({name: _storable(value) for name, value in storable.coords.items()})
    storable = storable.assign({name: _storable(value) for name, value in storable.data_vars.items()})
    storable.dump_to_store(H5NetCDFStore(group), encoding=_encoding(storable))
