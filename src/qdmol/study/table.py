"""Tables of points: every number of ``solve --json`` as an array, and the reason of every failed point.

The file is written by h5netcdf: xarray takes longer to load than a finished map. ``xarray.open_dataset`` reads it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qdmol.files import write_bytes_atomic
from qdmol.jobs import Record
from qdmol.results import netcdf_bytes, storable_text
from qdmol.study.listed_columns import DIMENSIONS, Listed, ListedColumns, listed_names

if TYPE_CHECKING:
    import xarray as xr


NUMBERS = (
    "splitting_meV",
    "splitting_error_meV",
    "tunnel_coupling_meV",
    "tunnel_coupling_error_meV",
    "detuning_meV",
    "detuning_error_meV",
    "gap_eV",
    "gap_error_meV",
    "monomer_gap_eV",
    "redshift_meV",
    "redshift_error_meV",
    "redshift_single_particle_meV",
    "redshift_single_particle_error_meV",
)
# Those of the object `coulomb`.
COULOMB_NUMBERS = (
    "spacing_meV",
    "spacing_error_meV",
    "exciton_eV",
    "exciton_error_meV",
    "binding_meV",
    "binding_error_meV",
    "hole_dot",
)
NOT_YET = "not computed yet"
_COMPRESS_FROM = 1024  # values; below this the filter costs more bytes than it saves


@dataclass(frozen=True, slots=True)
class Coordinate:
    """Coordinate along a dimension: numbers or texts (N,)."""

    name: str
    dimension: str
    unit: str
    title: str
    values: tuple[Any, ...]

    @property
    def array(self) -> NDArray[Any]:
        """Numbers as floats, texts as objects."""
        is_text = any(isinstance(value, str) for value in self.values)
        return np.array(self.values, dtype=object if is_text else np.float64)


@dataclass(frozen=True, slots=True)
class _Variable:
    """Values (points, ...) with the dimensions that follow those of the table."""

    name: str
    unit: str
    title: str
    values: NDArray[Any]
    dims: tuple[str, ...] = ()


def split_key(key: str) -> tuple[str, str]:
    """Return the name and the unit in a key of the JSON object.

    >>> split_key("redshift_error_meV"), split_key("hole_dot")
    (('redshift_error', 'meV'), ('hole_dot', '1'))
    """
    stem, _, unit = key.rpartition("_")
    return (stem, unit) if unit in {"meV", "eV"} else (key, "1")


def variable_name(key: str, dims: Sequence[str]) -> str:
    """Return the variable of a key: the key without its unit.

    The level spacing with Coulomb is ``coulomb_spacing`` where ``spacing`` is a dimension already.
    """
    stem, _ = split_key(key)
    return f"coulomb_{stem}" if stem in dims else stem


def quantity_names(dims: Sequence[str], *, coulomb: bool) -> list[str]:
    """Return the names of the variables that have numbers at the points of a table; a table may lack some of them."""
    keys = (*NUMBERS, *(COULOMB_NUMBERS if coulomb else ()))
    return [*(variable_name(key, dims) for key in keys), *listed_names(coulomb=coulomb)]


class Table:
    """Arrays over the points of a plan, filled record by record.

    Parameters
    ----------
    shape, dims
        Of the points, the last dimension fastest.
    coordinates
        Values along the dimensions.
    coulomb
        Whether the table has the numbers of the attraction.
    """

    def __init__(
        self, *, shape: Sequence[int], dims: Sequence[str], coordinates: Iterable[Coordinate], coulomb: bool
    ) -> None:
        self.shape, self.dims, self.coordinates = tuple(shape), tuple(dims), tuple(coordinates)
        self.count = math.prod(shape)
        self._coulomb = coulomb
        keys = (*NUMBERS, *(COULOMB_NUMBERS if coulomb else ()))
        self._numbers = {key: np.full(self.count, np.nan) for key in keys}
        self._converged = np.zeros(self.count, dtype=np.int8)
        self._notes = np.full(self.count, "", dtype=object)
        self._reasons = np.full(self.count, NOT_YET, dtype=object)
        self._listed = ListedColumns(self.count)

    def fill(self, index: int, record: Record) -> None:
        """Enter the record of a point; a record without a result makes it a failed point with its reason."""
        if record["status"] != "done":
            self._reasons[index] = record["reason"]
            return
        summary = record["summary"]
        self._reasons[index] = ""
        self._converged[index] = bool(summary["converged"])
        self._notes[index] = "\n".join(summary["warnings"])
        numbers = {**(summary.get("coulomb") or {}), **summary}
        for key, column in self._numbers.items():
            value = numbers.get(key)
            column[index] = np.nan if value is None else value
        self._listed.fill(index, record)

    def fill_from(self, data: xr.Dataset) -> None:
        """Take every number from a dataset that such a table has written; KeyError where one is missing.

        A dataset of an earlier version has no levels.
        """
        for key, column in self._numbers.items():
            column[:] = data[variable_name(key, self.dims)].values.ravel()
        self._converged[:] = data["converged"].values.ravel()
        self._notes[:] = data["warnings"].values.ravel()
        self._reasons[:] = data["reason"].values.ravel()
        known = {variable.name for variable in self._variables()} | {entry.name for entry in self.coordinates}
        for name in map(str, data.data_vars):
            values = data[name]
            dims = tuple(map(str, values.dims))
            further = dims[len(self.dims) :]
            if name not in known and dims[: len(self.dims)] == self.dims and set(further) <= set(DIMENSIONS):
                listed = Listed(name, values.attrs["units"], values.attrs["long_name"], further)
                self._listed.fill_from(listed, values.values.reshape(self.count, *values.shape[len(self.dims) :]))

    def values(self, name: str) -> NDArray[Any] | None:
        """Return a variable on the grid of the points; None if the table has none of that name."""
        for variable in self._variables():
            if variable.name == name:
                return variable.values.reshape(*self.shape, *variable.values.shape[1:])
        return None

    def __eq__(self, other: object) -> bool:
        """Whether two tables have the same points, numbers, warnings and reasons."""
        if not isinstance(other, Table):
            return NotImplemented
        same = (self.shape, self.dims, self.coordinates) == (other.shape, other.dims, other.coordinates)
        mine, theirs = self._variables(), other._variables()
        return (
            same
            and [variable.name for variable in mine] == [variable.name for variable in theirs]
            and all(
                np.array_equal(one.values, two.values, equal_nan=one.values.dtype != object)
                for one, two in zip(mine, theirs, strict=True)
            )
        )

    __hash__ = None  # type: ignore[assignment]  # tables are filled in place

    @property
    def done(self) -> int:
        """Number of solved points."""
        return int(np.count_nonzero(self._reasons == ""))

    @property
    def converged(self) -> bool:
        """Whether every point was solved and every energy is converged to its tolerance."""
        return bool(self._converged.all())

    @property
    def unconverged(self) -> list[tuple[tuple[int, ...], str]]:
        """Index and first warning of every solved point with an energy that is not converged to its tolerance."""
        places = np.flatnonzero((self._reasons == "") & (self._converged == 0))
        return [
            (tuple(map(int, np.unravel_index(place, self.shape))), str(self._notes[place]).partition("\n")[0])
            for place in places
        ]

    @property
    def failures(self) -> list[tuple[tuple[int, ...], str]]:
        """Index and reason of every failed point."""
        places = np.flatnonzero(self._reasons != "")
        return [
            (tuple(int(i) for i in np.unravel_index(place, self.shape)), str(self._reasons[place])) for place in places
        ]

    def _variables(self) -> list[_Variable]:
        variables = [
            _Variable(variable_name(key, self.dims), split_key(key)[1], split_key(key)[0].replace("_", " "), column)
            for key, column in self._numbers.items()
        ]
        return [
            *variables,
            _Variable(
                "converged",
                "1",
                "whether every energy is converged to its tolerance (0: no, or failed)",
                self._converged,
            ),
            _Variable("warnings", "1", "warnings about the point", self._notes),
            _Variable("reason", "1", "reason why the point failed; empty if it was solved", self._reasons),
            *(_Variable(entry.name, entry.unit, entry.title, values, entry.dims) for entry, values in self._listed),
        ]

    @property
    def _further(self) -> list[_Variable]:
        """Coordinates of the levels, dots and states: numbers from 0."""
        return [
            _Variable(name, "1", DIMENSIONS[name], np.arange(size, dtype=np.int32), (name,))
            for name, size in self._listed.sizes.items()
        ]

    def rows(self, *, leave_out: Sequence[str] = ()) -> Iterator[list[Any]]:
        """Header with units, then one row per point of a one-dimensional table; failed points have empty cells.

        A column of levels, ``electron_energy[0] (eV)``, is one of several.
        """
        columns: list[tuple[str, str, Any]] = [
            (variable.name, variable.unit, variable.values) for variable in self.coordinates
        ]
        for variable in self._variables():
            for entry in np.ndindex(variable.values.shape[1:]):
                suffix = f"[{','.join(map(str, entry))}]" if entry else ""
                values = variable.values[(slice(None), *entry)]
                if not entry or any(_cell(value) != "" for value in values):  # no sample has a level of this place
                    columns.append((f"{variable.name}{suffix}", variable.unit, values))
        columns = [column for column in columns if column[0] not in leave_out]
        yield [name if unit == "1" else f"{name} ({unit})" for name, unit, _ in columns]
        for index in range(self.count):
            yield [_cell(values[index]) for _, _, values in columns]

    def dataset(self, attributes: Mapping[str, str]) -> xr.Dataset:
        """Return the table as labelled arrays with units."""
        import xarray as xr

        along: dict[str, tuple[Any, Any, dict[str, str]]] = {
            variable.name: (variable.dimension, variable.array, {"units": variable.unit, "long_name": variable.title})
            for variable in self.coordinates
        }
        coordinates = {name: along.pop(name) for name in self.dims}
        coordinates |= {
            entry.name: (entry.dims, entry.values, {"units": entry.unit, "long_name": entry.title})
            for entry in self._further
        }
        variables = along | {
            variable.name: (
                (*self.dims, *variable.dims),
                variable.values.reshape(*self.shape, *variable.values.shape[1:]).copy(),
                {"units": variable.unit, "long_name": variable.title},
            )
            for variable in self._variables()
        }
        return xr.Dataset(variables, coordinates, dict(attributes))

    def write(self, path: str | os.PathLike[str], attributes: Mapping[str, str]) -> None:
        """Write the table to a NetCDF4 file, atomically; the same table gives the same bytes.

        Raises OutputError where the file cannot be written.
        """
        write_bytes_atomic(path, netcdf_bytes(lambda file: self._write_into(file, attributes)))

    def _write_into(self, file: Any, attributes: Mapping[str, str]) -> None:
        import h5py

        file.dimensions = dict(zip(self.dims, self.shape, strict=True)) | self._listed.sizes
        file.attrs.update({name: storable_text(text) for name, text in attributes.items()})
        parts: list[tuple[tuple[str, ...], str, str, str, NDArray[Any]]] = [
            ((entry.dimension,), entry.name, entry.unit, entry.title, entry.array) for entry in self.coordinates
        ]
        parts += [(entry.dims, entry.name, entry.unit, entry.title, entry.values) for entry in self._further]
        for entry in self._variables():
            values = entry.values.reshape(*self.shape, *entry.values.shape[1:])
            parts.append(((*self.dims, *entry.dims), entry.name, entry.unit, entry.title, values))
        for dims, name, unit, title, values in parts:
            is_text = values.dtype == object
            content = _storable_texts(values) if is_text else values
            settings: dict[str, Any] = {} if values.dtype != np.float64 else {"fillvalue": np.nan}
            if values.size >= _COMPRESS_FROM and not is_text:
                settings |= {"compression": "gzip", "compression_opts": 4, "shuffle": True}
            kind = h5py.string_dtype() if is_text else values.dtype
            variable = file.create_variable(name, dims, kind, data=content, **settings)
            variable.attrs["units"] = unit
            variable.attrs["long_name"] = title


def _storable_texts(values: NDArray[Any]) -> NDArray[Any]:
    stored = np.empty(values.size, dtype=object)
    stored[:] = [storable_text(str(value)) for value in values.ravel()]
    return stored.reshape(values.shape)


def _cell(value: Any) -> object:
    if isinstance(value, str):
        return value.replace("\n", " ")
    return "" if np.isnan(value) else repr(value.item())
