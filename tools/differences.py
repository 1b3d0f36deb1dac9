"""Differences between two outputs: JSON objects, tables and datasets, compared value by value."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

__all__ = ["FAILURES", "Difference", "Kind", "compare_values", "load_file"]

# Relative difference below which two numbers differ by rounding only.
ROUNDING = 1e-9
# Size below which a difference is noise about zero: absolute, and relative to the largest number of an array.
NOISE = 1e-12
# Keys and attributes that belong to a run or a version and not to its result; `code` is a digest of the source.
IGNORED_KEYS = re.compile(r"(.*/)?(elapsed_s|(\w+_)?versions?|platform|creation_time|code)")
# Where the package is installed, in the path of one of its files.
INSTALLATION = re.compile(r"^/\S*/(?=src/qdmol/|site-packages/qdmol/)")
# Keys whose strings are words, even where they hold a single one.
WORD_KEYS = frozenset(
    {"allowed", "description", "long_name", "message", "note", "notes", "reason", "title", "warnings", "stderr"}
)
NUMBER = re.compile(r"[-−+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
# Bookkeeping of dimensions inside NetCDF files; the names of the dimensions are compared instead.
DIMENSION_ATTRIBUTES = frozenset(
    {"CLASS", "DIMENSION_LIST", "NAME", "REFERENCE_LIST", "_Netcdf4Coordinates", "_Netcdf4Dimid", "_NCProperties"}
)


class Kind(StrEnum):
    """How a value compares with the one before."""

    IDENTICAL = "identical"
    ROUNDING = "rounding"
    DIFFERENT = "different"
    MISSING = "missing"
    NEW = "new"
    WORDS = "words"


FAILURES = frozenset({Kind.DIFFERENT, Kind.MISSING})


@dataclass(frozen=True)
class Difference:
    """Outcome for one value, or for `count` values of an array.

    Attributes
    ----------
    place
        Path of the value, as ``stdout.electron.energy_eV[0]``.
    kind
        Its class.
    text
        Both values and their relative difference.
    count
        Number of values.
    """

    place: str
    kind: Kind
    text: str = ""
    count: int = 1


def compare_values(before: Any, after: Any, place: str) -> Iterator[Difference]:
    """Compare two values made of mappings, lists, arrays, numbers and strings.

    Parameters
    ----------
    before, after
        The values, as JSON or `load_file` gives them.
    place
        Path of the values in their file.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _compare_mappings(before, after, place)
    elif isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
        yield from _compare_arrays(before, after, place)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _compare_lists(before, after, place)
    elif isinstance(before, str) and isinstance(after, str):
        yield from _compare_strings(before, after, place)
    elif _is_number(before) and _is_number(after):
        yield _compare_numbers(before, after, place)
    elif type(before) is type(after) and before == after:
        yield Difference(place, Kind.IDENTICAL)
    else:
        yield Difference(place, Kind.DIFFERENT, f"{_shown(before)} -> {_shown(after)}")


def _compare_mappings(before: dict[str, Any], after: dict[str, Any], place: str) -> Iterator[Difference]:
    """Compare key by key; keys of a run or a version are left out."""
    for key in before | after:
        inner = f"{place}.{key}" if place else key
        if IGNORED_KEYS.fullmatch(key):
            continue
        if key not in after:
            yield Difference(inner, Kind.MISSING, _shown(before[key]))
        elif key not in before:
            yield Difference(inner, Kind.NEW, _shown(after[key]))
        else:
            yield from compare_values(before[key], after[key], inner)


def _compare_lists(before: list[Any], after: list[Any], place: str) -> Iterator[Difference]:
    """Compare element by element."""
    absent = object()
    for index, (old, new) in enumerate(zip_longest(before, after, fillvalue=absent)):
        inner = f"{place}[{index}]"
        if new is absent:
            yield Difference(inner, Kind.MISSING, _shown(old))
        elif old is absent:
            yield Difference(inner, Kind.NEW, _shown(new))
        else:
            yield from compare_values(old, new, inner)


def _compare_numbers(before: float, after: float, place: str) -> Difference:
    """Compare two numbers; NaN equals NaN, and -0 equals 0."""
    if before == after or (math.isnan(before) and math.isnan(after)):
        return Difference(place, Kind.IDENTICAL)
    size = max(abs(before), abs(after))
    relative = abs(before - after) / size
    kind = Kind.ROUNDING if relative < ROUNDING or size < NOISE else Kind.DIFFERENT
    return Difference(place, kind, f"{before!r} -> {after!r} (relative {relative:.1e})")


def _compare_strings(before: str, after: str, place: str) -> Iterator[Difference]:
    """Compare texts: documents by their content, names exactly, sentences as words."""
    if INSTALLATION.sub("", before) == INSTALLATION.sub("", after):
        yield Difference(place, Kind.IDENTICAL)
        return
    key = re.sub(r"\[\d+\]", "", place).rpartition(".")[2]
    documents = (None, None) if key in WORD_KEYS else (_as_document(before), _as_document(after))
    if all(document is not None for document in documents):
        yield from compare_values(*documents, place)
    elif key != "stdout" or documents == (None, None):
        numbers = Counter(NUMBER.findall(before)), Counter(NUMBER.findall(after))
        changed = "" if numbers[0] == numbers[1] else " [its numbers changed]"
        are_words = key in WORD_KEYS or _is_sentence(before) or _is_sentence(after)
        kind = Kind.WORDS if are_words else Kind.DIFFERENT
        yield Difference(place, kind, f"{_shown(before)} -> {_shown(after)}{changed}")
    else:
        yield Difference(place, Kind.DIFFERENT, f"{_shown(before)} -> {_shown(after)}")


def _compare_arrays(before: np.ndarray[Any, Any], after: np.ndarray[Any, Any], place: str) -> Iterator[Difference]:
    """Compare two arrays; where one is longer, the part that both have."""
    if before.ndim != after.ndim:
        yield Difference(place, Kind.DIFFERENT, f"shape {before.shape} -> {after.shape}")
        return
    if before.shape != after.shape:
        shrunk = any(new < old for old, new in zip(before.shape, after.shape, strict=True))
        yield Difference(place, Kind.MISSING if shrunk else Kind.NEW, f"shape {before.shape} -> {after.shape}")
        common = tuple(slice(min(sizes)) for sizes in zip(before.shape, after.shape, strict=True))
        before, after = before[common], after[common]
    if not (np.issubdtype(before.dtype, np.number) and np.issubdtype(after.dtype, np.number)):
        yield from compare_values(before.tolist(), after.tolist(), place)
        return
    old, new = before.astype(float), after.astype(float)
    equal = (old == new) | (np.isnan(old) & np.isnan(new))
    yield Difference(place, Kind.IDENTICAL, count=int(equal.sum()))
    if not equal.all():
        yield from _compare_unequal(old[~equal], new[~equal], _largest(old), place)


def _compare_unequal(
    old: np.ndarray[Any, Any], new: np.ndarray[Any, Any], largest: float, place: str
) -> Iterator[Difference]:
    """Class numbers of an array that differ; `largest` is the size of its largest number."""
    size = np.maximum(np.abs(old), np.abs(new))
    gap = np.abs(old - new)
    with np.errstate(invalid="ignore"):
        relative = gap / size
        rounding = (relative < ROUNDING) | (gap < NOISE * largest) | (size < NOISE)
    for kind, chosen in ((Kind.ROUNDING, rounding), (Kind.DIFFERENT, ~rounding)):
        if chosen.any():
            shares = relative[chosen]
            worst = int(np.argmax(np.where(np.isnan(shares), np.inf, shares)))
            example = f"{old[chosen][worst]!r} -> {new[chosen][worst]!r}"
            count = int(chosen.sum())
            yield Difference(place, kind, f"{count} values, worst {example} (relative {shares[worst]:.1e})", count)


def _largest(values: np.ndarray[Any, Any]) -> float:
    """Size of the largest finite number of an array, 0 if there is none."""
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_sentence(text: str) -> bool:
    """Whether a text is made of words and is not a name or a code."""
    return not text or bool(re.search(r"\s", text.strip()))


def _as_document(text: str) -> dict[str, Any] | list[Any] | None:
    """Mapping or list that a text holds as JSON or YAML, None if it is neither."""
    try:
        if text.lstrip().startswith(("{", "[")):
            content = json.loads(text)
        elif re.search(r"^[\w]+:( |$)", text, re.MULTILINE) and text.count("\n") > 2:
            content = YAML(typ="safe", pure=True).load(text)
        else:
            return None
    except (ValueError, YAMLError):
        return None
    return content if isinstance(content, dict | list) else None


def _shown(value: object) -> str:
    """Value in at most 200 characters."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


def load_file(path: Path) -> Any:
    """Content of a data file as mappings, lists, arrays, numbers and strings.

    HDF5 and NetCDF files give the path of each variable with its ``values``, ``dimensions`` and attributes. CSV files
    give their columns if all rows are equally long, else their rows. Other files give their text.
    """
    if path.suffix in {".nc", ".h5"}:
        return _load_hdf5(path)
    text = path.read_text(encoding="utf-8", errors="replace")
    return _load_csv(text) if path.suffix == ".csv" else text


def _load_hdf5(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = {}
    with h5py.File(path) as file:

        def add(name: str, item: h5py.Dataset | h5py.Group) -> None:
            entry: dict[str, Any] = {"attributes": _attributes(item)}
            if isinstance(item, h5py.Dataset):
                entry["values"] = _decoded(item[()])
                if "DIMENSION_LIST" in item.attrs:
                    entry["dimensions"] = [[scale.name for scale in axis.values()] for axis in item.dims]
            content[name] = entry

        add("/", file)
        file.visititems(add)
    return content


def _attributes(item: h5py.Dataset | h5py.Group) -> dict[str, Any]:
    return {name: _decoded(item.attrs[name]) for name in item.attrs if name not in DIMENSION_ATTRIBUTES}


def _decoded(value: Any) -> Any:
    """Value of an HDF5 variable or attribute with bytes as text and arrays without dimension as scalars."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.generic):
        return _decoded(value.item())
    if isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        return [_decoded(element) for element in value.tolist()]
    return value


def _load_csv(text: str) -> Any:
    rows = [[_as_cell(cell) for cell in row] for row in csv.reader(text.splitlines())]
    header = [str(cell) for cell in rows[0]] if rows else []
    if len(set(header)) == len(header) and len({len(row) for row in rows}) == 1:
        return {name: [row[index] for row in rows[1:]] for index, name in enumerate(header)}
    return rows


def _as_cell(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
