"""Levels, dot shares and complexes of points: arrays with dimensions beside those of the table.

Along ``level`` and ``state`` values are in order of energy, along ``dot`` in the order of the spec, all from 0. A point
with fewer levels, states or dots than another has NaN, or an empty text, in the places that it lacks. A column exists
once a point has a value of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL, DOT, STATE = "level", "dot", "state"
DIMENSIONS = {
    LEVEL: "level in order of energy; NaN where a point has fewer levels",
    DOT: "dot in the order of the spec",
    STATE: "state in order of energy; NaN where a point has fewer states",
}
CARRIERS = ("electron", "hole")
_TEXTS = ("parity", "label")
# Key of a state in the JSON object, with the name, unit and description of its variable.
_STATE_COLUMNS = (
    ("energy_eV", "energy", "eV", "energy"),
    ("error_meV", "error", "meV", "numerical error"),
    ("m", "m", "1", "angular momentum about the axis"),
    ("parity", "parity", "1", "parity under z -> -z"),
    ("electron_spin", "electron_spin", "1", "spin of the electrons"),
    ("hole_spin", "hole_spin", "1", "spin of the holes"),
    ("total_spin", "total_spin", "1", "total spin"),
    ("degeneracy", "degeneracy", "1", "degeneracy"),
    ("label", "label", "1", "kind"),
)
_COLUMNS = (
    *("energy", "error", "m", "parity", "dot_share", "hole_dot", "electron_spin", "hole_spin", "total_spin"),
    *("degeneracy", "label"),
)
_ORDER = (
    *("electron", "hole", "electron_coulomb", "monomer", "exciton_state", "mean_field_exciton", "mean_field_spacing"),
    *("bright_dark", "complex"),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """Name, unit, description and further dimensions of a column; values are numbers, or texts."""

    name: str
    unit: str
    title: str
    dims: tuple[str, ...]

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return self.name.rpartition("_")[2] in _TEXTS

    @property
    def missing(self) -> Any:
        """What a place without a value holds."""
        return "" if self.is_text else np.nan

    @property
    def rank(self) -> tuple[int, str, int, str]:
        """Place among the columns of a file: by what has the levels, then energy, error, and so on."""
        column = next((column for column in _COLUMNS if self.name.endswith(f"_{column}")), "")
        places = [place for place, prefix in enumerate(_ORDER) if self.name.startswith(prefix)]
        stem = self.name.removesuffix(f"_{column}")
        return max(places, default=len(_ORDER)), stem, _COLUMNS.index(column) if column else -1, self.name


class ListedColumn:
    """Values (points, ...) of a column, which grows with the longest list of a point."""

    def __init__(self, listed: Listed, count: int) -> None:
        self.listed = listed
        self.values = self._empty((count, *(0 for _ in listed.dims)))

    def _empty(self, shape: tuple[int, ...]) -> NDArray[Any]:
        return np.full(shape, self.listed.missing, dtype=object if self.listed.is_text else np.float64)

    def fill(self, index: int, values: Any) -> None:
        """Enter the values of a point, nested lists with one level for each dimension."""
        widths = _widths(values, len(self.listed.dims))
        sizes = tuple(map(max, widths, self.values.shape[1:]))
        self.values = self.padded(sizes)
        self._enter(self.values[index : index + 1], values)

    def _enter(self, place: NDArray[Any], values: Any) -> None:
        """Write nested lists into an array (1, ...); numbers that are None stay NaN, texts empty."""
        dimensions = len(self.listed.dims)
        if dimensions == 0:
            place[0] = values
            return
        rows = [values] if dimensions == 1 else values
        for row, part in zip(rows, place if dimensions == 1 else place[0], strict=False):
            part[: len(row)] = [self.listed.missing if value is None else value for value in row]

    def padded(self, sizes: Sequence[int]) -> NDArray[Any]:
        """Return the values with these sizes, at least the own ones, along the further dimensions."""
        if tuple(sizes) == self.values.shape[1:]:
            return self.values
        wider = self._empty((len(self.values), *sizes))
        wider[tuple(slice(size) for size in self.values.shape)] = self.values
        return wider


def _widths(values: Any, dimensions: int) -> tuple[int, ...]:
    """Lengths of nested lists along each dimension."""
    if dimensions == 0:
        return ()
    if dimensions == 1:
        return (len(values),)
    return len(values), max(map(len, values), default=0)


class ListedColumns:
    """All columns of a table of `count` points that have further dimensions, by name."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._columns: dict[str, ListedColumn] = {}

    def fill(self, index: int, record: Mapping[str, Any]) -> None:
        """Enter levels, shares and complexes of the record of a point."""
        for listed, values in listed_values(record["summary"], record.get("field_levels") or {}):
            if _is_given(values):
                self._column(listed).fill(index, values)

    def fill_from(self, listed: Listed, values: NDArray[Any]) -> None:
        """Take a column (points, ...) of a file."""
        column = self._column(listed)
        column.values = values.astype(column.values.dtype)

    def _column(self, listed: Listed) -> ListedColumn:
        if listed.name not in self._columns:
            self._columns[listed.name] = ListedColumn(listed, self.count)
        return self._columns[listed.name]

    @property
    def sizes(self) -> dict[str, int]:
        """Size of each further dimension that a column has, the longest list of all points."""
        sizes: dict[str, int] = {}
        for column in self._columns.values():
            for dim, size in zip(column.listed.dims, column.values.shape[1:], strict=True):
                sizes[dim] = max(size, sizes.get(dim, 0))
        return {dim: sizes[dim] for dim in DIMENSIONS if dim in sizes}

    def __iter__(self) -> Iterator[tuple[Listed, NDArray[Any]]]:
        sizes = self.sizes
        for column in sorted(self._columns.values(), key=lambda column: column.listed.rank):
            yield column.listed, column.padded([sizes[dim] for dim in column.listed.dims])


def _is_given(values: Any) -> bool:
    """Whether there is a value in nested lists that is not None."""
    if isinstance(values, list | tuple):
        return any(map(_is_given, values))
    return values is not None


def listed_names(*, coulomb: bool) -> list[str]:
    """Return the names of the columns with numbers, but for those of complexes, which depend on the complexes."""
    carriers = (*CARRIERS, "electron_coulomb") if coulomb else CARRIERS
    names = [f"{carrier}_{column}" for carrier in carriers for column in ("energy", "error", "m", "dot_share")]
    names.append("monomer_gaps")
    if coulomb:
        names += ["exciton_state_energy", "exciton_state_error", "exciton_state_hole_dot"]
        for difference in ("mean_field_exciton", "mean_field_spacing", "bright_dark"):
            names += [difference, f"{difference}_error"]
    return names


def listed_values(summary: Mapping[str, Any], field_levels: Mapping[str, Any]) -> Iterator[tuple[Listed, Any]]:
    """Yield what is listed in the JSON object of a point: each column with its values, nested lists or None.

    `field_levels` has m, parity and shares of the electron levels in the field of the hole.
    """
    shares = summary.get("dot_share") or {}
    for carrier in CARRIERS:
        levels = summary[carrier]
        columns = (levels["energy_eV"], levels["error_meV"], levels["m"], levels["parity"], shares.get(carrier))
        yield from _levels(carrier, f"{carrier} levels", columns)
    yield Listed("monomer_gaps", "eV", "gap of each dot alone", (DOT,)), summary.get("monomer_gaps_eV")
    if summary.get("coulomb"):
        yield from _attraction(summary["coulomb"], field_levels)
    for name, states in (summary.get("complexes") or {}).items():
        yield from _complex(name, states)


def _levels(stem: str, what: str, columns: Sequence[Any]) -> Iterator[tuple[Listed, Any]]:
    energies, errors, angular, parities, shares = columns
    yield Listed(f"{stem}_energy", "eV", f"energy of the {what}", (LEVEL,)), energies
    yield Listed(f"{stem}_error", "meV", f"numerical error of the {what}", (LEVEL,)), errors
    yield Listed(f"{stem}_m", "1", f"angular momentum about the axis of the {what}", (LEVEL,)), angular
    yield Listed(f"{stem}_parity", "1", f"parity under z -> -z of the {what}", (LEVEL,)), parities
    yield Listed(f"{stem}_dot_share", "1", f"probability of the {what} in each dot", (LEVEL, DOT)), shares


def _attraction(coulomb: Mapping[str, Any], field_levels: Mapping[str, Any]) -> Iterator[tuple[Listed, Any]]:
    """Levels in the field of the hole, and the states of the exciton."""
    columns = [coulomb[f"electron_{key}"] for key in ("energy_eV", "error_meV")]
    columns += [field_levels.get(key) for key in ("m", "parity", "dot_share")]
    yield from _levels("electron_coulomb", "electron levels in the field of the hole", columns)
    states = [coulomb, *coulomb["other_states"]]
    for key, unit, title in (("exciton_eV", "eV", "energy"), ("exciton_error_meV", "meV", "numerical error")):
        name = "exciton_state_energy" if unit == "eV" else "exciton_state_error"
        yield Listed(name, unit, f"{title} of the exciton's states", (STATE,)), [state[key] for state in states]
    dots = [state["hole_dot"] for state in states]
    yield Listed("exciton_state_hole_dot", "1", "dot of the hole in the exciton's states", (STATE,)), dots
    mean_field = coulomb.get("mean_field") or {}
    for key, unit in (("exciton", "eV"), ("spacing", "meV")):
        title = f"{key} of the self-consistent pair"
        yield Listed(f"mean_field_{key}", unit, title, ()), mean_field.get(f"{key}_{unit}")
        error = mean_field.get(f"{key}_error_meV")
        yield Listed(f"mean_field_{key}_error", "meV", f"numerical error of the {title}", ()), error
    yield from _difference("bright_dark", "bright less dark exciton", coulomb, "bright_dark")


def _complex(name: str, states: Mapping[str, Any]) -> Iterator[tuple[Listed, Any]]:
    stem = f"complex_{states['electrons']}e{states['holes']}h"
    for key, column, unit, title in _STATE_COLUMNS:
        listed = Listed(f"{stem}_{column}", unit, f"{title} of the states of {name}", (STATE,))
        yield listed, [state.get(key) for state in states["states"]]
    yield from _difference(f"{stem}_binding", f"binding energy of {name}", states, "binding")


def _difference(name: str, title: str, values: Mapping[str, Any], key: str) -> Iterator[tuple[Listed, Any]]:
    yield Listed(name, "meV", title, ()), values.get(f"{key}_meV")
    yield Listed(f"{name}_error", "meV", f"numerical error of the {title}", ()), values.get(f"{key}_error_meV")
