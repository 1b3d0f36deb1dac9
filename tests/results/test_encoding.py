"""Values come back equal from their record, and only the classes that were named."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

from qdmol.errors import DataError, InputError
from qdmol.estimates import Estimate
from qdmol.results import decode, encode, read_result, save_result
from qdmol.results.encoding import arrays_dataset, arrays_of


@dataclass(frozen=True)
class Inner:
    number: float
    array: np.ndarray | None


@dataclass(frozen=True)
class Outer:
    name: str
    parts: tuple[Inner, ...]
    by_dot: dict[int, Estimate | None]


def test_nested_values_come_back():
    flags = np.array([True, False])
    estimate = Estimate.from_error(2.1, 1.2345e-5, "eV")
    value = Outer("a", (Inner(math.inf, np.arange(6.0).reshape(2, 3)), Inner(0.1, flags)), {0: estimate, 1: None})
    arrays = {}
    record = json.loads(json.dumps(encode(value, arrays), allow_nan=False))
    back = decode(record, [Outer, Inner, Estimate], arrays_of(arrays_dataset(arrays)))
    assert (back.name, back.by_dot, back.parts[0].number) == ("a", value.by_dot, math.inf)
    assert back.by_dot[0].error == estimate.error
    for mine, theirs in zip(value.parts, back.parts, strict=True):
        np.testing.assert_array_equal(mine.array, theirs.array)
        assert mine.array.dtype == theirs.array.dtype


@pytest.mark.parametrize(
    "error",
    [InputError(field="path", value="a.ptu", allowed="an existing file"), DataError("The recording holds no photons.")],
)
def test_errors_come_back(error):
    back = decode(json.loads(json.dumps(encode(error, {}))), [], {})
    assert type(back) is type(error)
    assert back.as_dict() == error.as_dict()


def test_flags_come_back_from_a_file(tmp_path):
    arrays = {"flags": np.array([True, False, True]), "none": np.zeros((0, 2), dtype=np.int32)}
    path = save_result(tmp_path / "a.nc", kind="map", values={}, data=xr.Dataset(), arrays=arrays)
    for name, array in read_result(path).arrays.items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype


def test_other_classes_are_not_made():
    record = encode(Inner(1.0, None), {})
    with pytest.raises(KeyError):
        decode(record, [Outer], {})


def test_what_no_file_holds_is_refused():
    with pytest.raises(TypeError, match="cannot be stored"):
        encode(object(), {})
