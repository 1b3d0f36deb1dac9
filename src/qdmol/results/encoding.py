"""Frozen values as JSON and arrays, and back: how results are kept in files to the last digit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qdmol.errors import DataError, InputError, OutputError, QdmolError, SolverError

if TYPE_CHECKING:
    import xarray as xr

_CLASS = "class"
_ARRAY = "array"
_ERROR = "error"
_ERRORS = {each.__name__: each for each in (DataError, OutputError, SolverError)}
_FLAGS = "flags"  # of an array: true or false, which NetCDF keeps as 1 or 0
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def encode(value: object, arrays: dict[str, Any]) -> Any:
    """Turn a frozen value into what JSON holds; arrays go into `arrays`, a plain reference in their place.

    Dataclasses are kept with their class's name and fields; mappings need text or numbers for keys; sequences become
    lists; an error keeps what its JSON object says.

    Raises
    ------
    TypeError
        A value is none of these.

    Examples
    --------
    >>> from qdmol.estimates import Estimate
    >>> arrays = {}
    >>> record = encode({"lifetime": Estimate.from_error(2.5, 0.5, "ns")}, arrays)
    >>> decode(record, [Estimate], arrays)
    {'lifetime': 2.5 ± 0.5 ns}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, np.ndarray):
        name = f"array_{len(arrays)}"
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": str(value)}
    if isinstance(value, QdmolError) or dataclasses.is_dataclass(value):
        return _encode_object(value, arrays)
    if isinstance(value, Mapping):
        return {"mapping": [[encode(key, arrays), encode(part, arrays)] for key, part in value.items()]}
    if isinstance(value, Sequence):
        return [encode(part, arrays) for part in value]
    raise TypeError(f"{type(value).__name__} cannot be stored in a file")


def _encode_object(value: object, arrays: dict[str, Any]) -> dict[str, Any]:
    """Turn an error or a dataclass into what JSON holds."""
    if isinstance(value, QdmolError):
        return {_ERROR: type(value).__name__, "content": value.as_dict()}
    content = {each.name: encode(getattr(value, each.name), arrays) for each in dataclasses.fields(value) if each.init}  # type: ignore[arg-type]
    return {_CLASS: type(value).__name__, "fields": content}


def decode(record: Any, classes: Sequence[type], arrays: Mapping[str, Any]) -> Any:
    """Return the value that `encode` has turned into `record` and `arrays`; lists come back as tuples.

    Only the `classes` given are made, so that a file decides nothing else.

    Raises
    ------
    KeyError, TypeError, ValueError
        The record is incomplete, or names a class that is not among them.
    """
    if isinstance(record, list):
        return tuple(decode(part, classes, arrays) for part in record)
    if not isinstance(record, dict):
        return record
    if _ARRAY in record:
        return arrays[record[_ARRAY]]
    if "number" in record:
        return _NUMBERS[record["number"]]
    if "mapping" in record:
        return {decode(key, classes, arrays): decode(part, classes, arrays) for key, part in record["mapping"]}
    return _decode_object(record, classes, arrays)


def _decode_object(record: Mapping[str, Any], classes: Sequence[type], arrays: Mapping[str, Any]) -> Any:
    """Return the error or the dataclass of a record."""
    if _ERROR in record:
        content = record["content"]
        if record[_ERROR] == InputError.__name__:
            return InputError(**content)
        return _ERRORS[record[_ERROR]](content["message"])
    made = {each.__name__: each for each in classes}[record[_CLASS]]
    return made(**{name: decode(part, classes, arrays) for name, part in record["fields"].items()})


def arrays_dataset(arrays: Mapping[str, Any]) -> xr.Dataset:
    """Return the arrays of a record as a dataset, each on dimensions of its own."""
    import xarray as xr

    return xr.Dataset(
        {
            name: ([f"{name}_{axis}" for axis in range(array.ndim)], array, _array_attributes(name, array))
            for name, array in arrays.items()
        }
    )


def _array_attributes(name: str, array: Any) -> dict[str, str]:
    return {"units": "1", "long_name": name, **({"content": _FLAGS} if array.dtype == bool else {})}


def arrays_of(data: xr.Dataset) -> dict[str, Any]:
    """Return the arrays that `arrays_dataset` has put into a dataset."""
    return {
        str(name): variable.values.astype(bool) if variable.attrs.get("content") == _FLAGS else variable.values
        for name, variable in data.data_vars.items()
    }
