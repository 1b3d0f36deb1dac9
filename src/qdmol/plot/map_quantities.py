"""What figures of maps read: axes with their titles, quantities with their errors, and points without a result."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import xarray as xr

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.structure import Spec
from qdmol.study import make_axis

LEVEL, DOT, STATE = "level", "dot", "state"
FURTHER = (LEVEL, DOT, STATE)
# Titles of quantities; any other takes its description in the file.
TITLES = {
    "splitting": "Splitting",
    "tunnel_coupling": "Tunnel coupling t",
    "detuning": "Detuning",
    "gap": "Optical gap",
    "monomer_gap": "Lowest monomer gap",
    "monomer_gaps": "Monomer gap",
    "redshift": "Red shift",
    "redshift_single_particle": "Red shift without attraction",
    "spacing": "Level spacing with attraction",
    "coulomb_spacing": "Level spacing with attraction",
    "exciton": "Exciton energy",
    "binding": "Exciton binding energy",
    "hole_dot": "Dot of the hole",
    "electron_energy": "Electron energy",
    "hole_energy": "Hole energy",
    "electron_coulomb_energy": "Electron energy, hole's field",
    "exciton_state_energy": "Exciton energy",
    "electron_dot_share": "Electron share",
    "hole_dot_share": "Hole share",
    "electron_coulomb_dot_share": "Electron share, hole's field",
}
LINE_KEYS: tuple[str, ...] = ("electron_energy", "splitting", "redshift")
NOT_DRAWN = ("warnings", "reason")
_COMPLEX = re.compile(r"complex_(\d)e(\d)h_(\w+)")
_COMPLEX_NAMES = {("1", "1"): "X", ("2", "1"): "X-", ("1", "2"): "X+", ("2", "2"): "XX"}
_QUANTITY = re.compile(r"(\w+)(?:\[(\d+)(?:,\s*(\d+))?\])?")
_AXES = (
    (r"molecule\.dots\[(\d+|\*)\]\.core\.(radius|diameter)", "Core {1}{0}"),
    (r"molecule\.dots\[(\d+|\*)\]\.shells\[(\d+|\*)\]\.(thickness|monolayers)", "Shell {2}{0}"),
    (r"molecule\.spacing", "Spacing between centres"),
    (r"molecule\.barrier", "Barrier between core surfaces"),
    (r"molecule\.neck\.linker", "Gap between dots"),
    (r"molecule\.neck\.\w+", "Neck diameter"),
    (r"environment\.field(?:\[2\])?", "Field along the axis"),
    (r"environment\.temperature", "Temperature"),
)


class MapLike(Protocol):
    """The part of ``qdmol.study.Map`` that is read; see there."""

    @property
    def spec(self) -> Spec: ...  # noqa: D102

    @property
    def axes(self) -> Sequence[AxisLike]: ...  # noqa: D102

    @property
    def data(self) -> xr.Dataset: ...  # noqa: D102


class AxisLike(Protocol):
    """The part of an axis of a map that is read."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def field(self) -> str: ...  # noqa: D102

    @property
    def unit(self) -> str: ...  # noqa: D102

    @property
    def values(self) -> Sequence[Any]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class MapAxis:
    """An axis of a figure: values in rising order, or as given where they are texts or infinite.

    `places` (P,) are positions in the figure, `labels` those of values that are no numbers.
    """

    name: str
    title: str
    unit: str
    values: tuple[Any, ...]

    @property
    def numeric(self) -> bool:
        """Whether all values are finite numbers."""
        return all(isinstance(value, int | float) and math.isfinite(value) for value in self.values)

    @property
    def places(self) -> Floats:
        """Positions in the figure."""
        return np.array(self.values if self.numeric else range(len(self.values)), dtype=np.float64)

    @property
    def labels(self) -> list[str]:
        """Labels of values that are no numbers."""
        return [text_of(value) for value in self.values]

    @property
    def label(self) -> str:
        """Title with the unit."""
        return self.title if self.unit == "1" else f"{self.title} ({self.unit})"

    @property
    def edges(self) -> Floats:
        """Borders (P + 1,) of the cells around the positions."""
        places = self.places
        if len(places) == 1:
            width = 0.5 * abs(places[0]) or 0.5
            return np.array([places[0] - width, places[0] + width])
        middle = (places[1:] + places[:-1]) / 2
        return np.concatenate([[2 * places[0] - middle[0]], middle, [2 * places[-1] - middle[-1]]])


def text_of(value: Any) -> str:
    """A value of an axis as text: short, and ``hard`` for an infinite barrier."""
    if isinstance(value, str):
        return value
    return "hard" if value == math.inf else f"{value:.6g}"


def axis_title(axis: AxisLike) -> str:
    """What an axis varies, in words.

    >>> from types import SimpleNamespace
    >>> axis_title(SimpleNamespace(name="a", field="molecule.dots[0].core.radius"))
    'Core radius of dot 0'
    """
    for pattern, title in _AXES:
        match = re.fullmatch(pattern, axis.field)
        if match:
            of_dot = ["" if part == "*" else f" of dot {part}" for part in match.groups()[:1]]
            return title.format(*of_dot, *match.groups()[1:])
    owner, _, key = axis.field.removeprefix("overrides.").rpartition(".")
    if axis.field.startswith("overrides.") and owner:
        return f"{key.replace('_', ' ').capitalize()} of {owner}"
    return axis.field


@dataclass(frozen=True, eq=False)
class Selection:
    """A map at chosen values: axes with several values, the others with the only one they have, and the data."""

    axes: tuple[MapAxis, ...]
    fixed: tuple[tuple[MapAxis, Any], ...]
    data: xr.Dataset

    @property
    def where(self) -> str:
        """The fixed values in words; empty where there are none."""
        return ", ".join(
            f"{axis.title[0].lower()}{axis.title[1:]} {text_of(value)}{'' if axis.unit == '1' else ' ' + axis.unit}"
            for axis, value in self.fixed
        )

    @cached_property
    def failed(self) -> np.ndarray:
        """Whether each point has no result."""
        return np.array(self.data["reason"].values != "", dtype=bool)


def select(result: MapLike, at: Mapping[str, Any] | None = None) -> Selection:
    """Return a map with its axes in rising order, at the values given.

    Parameters
    ----------
    at
        Value of an axis by its name, as in the spec; it must be one of the axis.

    Raises
    ------
    InputError
        There is no such axis, or the axis does not have this value.
    """
    chosen = dict(at or {})
    data = result.data
    axes: list[MapAxis] = []
    fixed: list[tuple[MapAxis, Any]] = []
    for axis in result.axes:
        named = MapAxis(axis.name, axis_title(axis), axis.unit, tuple(axis.values))
        if axis.name in chosen or len(axis.values) == 1:
            place = _place(axis, chosen.pop(axis.name), result.spec) if axis.name in chosen else 0
            fixed.append((named, axis.values[place]))
            data = data.isel({axis.name: place})
            continue
        if named.numeric:
            order = np.argsort(named.places)
            data = data.isel({axis.name: order})
            named = MapAxis(axis.name, named.title, axis.unit, tuple(axis.values[place] for place in order))
        axes.append(named)
    for name in chosen:
        names = ", ".join(axis.name for axis in result.axes)
        raise InputError(field="at", value=name, allowed=f"the name of an axis of the map: {names}")
    if not axes:  # every axis has a single value: the first is drawn
        first, _ = fixed.pop(0)
        return Selection((first,), tuple(fixed), data.expand_dims(first.name))
    return Selection(tuple(axes), tuple(fixed), data)


def _place(axis: AxisLike, value: Any, spec: Spec) -> int:
    """Place of a value on an axis."""
    (wanted,) = make_axis(axis.name, [value], spec).values
    for place, known in enumerate(axis.values):
        if known == wanted or _close(known, wanted):
            return place
    listed = ", ".join(text_of(known) for known in axis.values[:12]) + (", ..." if len(axis.values) > 12 else "")
    raise InputError(field=axis.name, value=value, allowed=f"a value of this axis of the map: {listed}")


def _close(known: Any, wanted: Any) -> bool:
    numbers = isinstance(known, int | float) and isinstance(wanted, int | float)
    return numbers and math.isclose(known, wanted, rel_tol=1e-6, abs_tol=1e-9)


@dataclass(frozen=True, eq=False)
class Quantity:
    """A quantity over the axes of a selection, with errors in its unit; NaN where there is none.

    `further` names the dimensions that follow the axes: levels, states, dots.
    """

    key: str
    title: str
    unit: str
    values: Floats
    errors: Floats
    further: tuple[str, ...]

    @property
    def label(self) -> str:
        """Title with the unit."""
        return self.title if self.unit == "1" else f"{self.title} ({self.unit})"

    @property
    def stem(self) -> str:
        """The key as part of a file name."""
        return re.sub(r"\W+", "_", self.key).strip("_")


def drawable_keys(data: xr.Dataset, dims: Sequence[str]) -> list[str]:
    """Names of the variables of a map that have numbers at its points."""
    return [
        str(name)
        for name, variable in data.data_vars.items()
        if variable.dtype.kind in "fiu" and set(dims) <= set(variable.dims) and str(name) not in NOT_DRAWN
    ]


def quantity_of(selection: Selection, key: str) -> Quantity:
    """Return a quantity by its name in the file; ``name[i]`` is one level, ``name[i,j]`` its share in one dot.

    Levels are in meV, in which their differences are seen.

    Raises
    ------
    InputError
        The map has no such quantity.
    """
    data, dims = selection.data, [axis.name for axis in selection.axes]
    match = _QUANTITY.fullmatch(key.strip())
    keys = drawable_keys(data, dims)
    if match is None or match[1] not in keys:
        raise InputError(field="quantity", value=key, allowed=f"a quantity of this map: {', '.join(keys)}")
    name, places = match[1], [int(place) for place in match.groups()[1:] if place is not None]
    further = [str(dim) for dim in data[name].dims if dim not in dims]
    chosen = dict(zip(further, places, strict=False))
    if len(places) > len(further) or any(place >= data.sizes[dim] for dim, place in chosen.items()):
        sizes = " and ".join(f"a {dim} from 0 to {data.sizes[dim] - 1}" for dim in further) or "none, as in " + name
        raise InputError(field="quantity", value=key, allowed=f"{name} with {sizes} in brackets")
    unit = str(data[name].attrs.get("units", "1"))
    error_name = f"{name.removesuffix('_energy')}_error"
    factor = 1000.0 if unit == "eV" and LEVEL in further else 1.0
    order = (*dims, *further)
    numbers = data[name].transpose(*order).isel(chosen)
    errors = xr.full_like(numbers, np.nan, dtype=float)
    if error_name in data and error_name != name:
        scale = 0.001 if unit == "eV" and str(data[error_name].attrs.get("units")) == "meV" else 1.0
        errors = scale * data[error_name].transpose(*order).isel(chosen)
    left = tuple(dim for dim in further if dim not in chosen)
    return Quantity(
        key.strip(),
        _title(name, data, chosen),
        "meV" if factor > 1 else unit,
        factor * np.asarray(numbers.values, dtype=np.float64),
        factor * np.asarray(errors.values, dtype=np.float64),
        left,
    )


def _title(name: str, data: xr.Dataset, chosen: Mapping[str, int]) -> str:
    title = TITLES.get(name)
    complex_ = _COMPLEX.fullmatch(name)
    if complex_:
        electrons, holes, column = complex_.groups()
        particle = _COMPLEX_NAMES.get((electrons, holes), f"{electrons}e{holes}h").replace("-", "−")
        title = f"{column.replace('_', ' ').capitalize()} of {particle}"
    if title is None:
        words = str(data[name].attrs.get("long_name", name.replace("_", " ")))
        title = words[0].upper() + words[1:]
    return title + "".join(f", {dim} {place}" for dim, place in chosen.items())


def default_keys(selection: Selection) -> list[str]:
    """Quantities that a map is drawn with: levels along one axis, splitting or coupling, and shift."""
    data, dims = selection.data, [axis.name for axis in selection.axes]
    keys = [key for key in drawable_keys(data, dims) if np.isfinite(data[key].values.astype(float)).any()]
    if len(dims) == 1:
        wanted = [key for key in LINE_KEYS if key in keys]
        return wanted or [key for key in ("hole_energy", "gap", *keys) if key in keys][:1]
    detuned = "detuning" in keys and bool((np.abs(np.nan_to_num(data["detuning"].values)) > 1e-6).any())
    first = "tunnel_coupling" if detuned and "tunnel_coupling" in keys else "splitting"
    wanted = [key for key in keys if key in (first, "redshift")]
    return (
        wanted or [key for key in ("gap", "electron_energy[0]", "hole_energy[0]") if key.partition("[")[0] in keys][:1]
    )
