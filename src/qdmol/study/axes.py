"""Axes of a map: a field of the spec, and the values that it takes.

An axis is written ``AXIS=VALUES``: AXIS is a dotted path (``molecule.dots[*].core.radius``) or an alias, VALUES is
``START:STOP:COUNT``, both ends included, or a list. The values of an `Axis` are in the unit that plain numbers of the
field have in a spec.

>>> import qdmol
>>> axis = parse_axis("core_diameter=2nm:4.4nm:4", qdmol.read_spec("@homodimer"))
>>> axis.field, axis.unit, axis.values
('molecule.dots[*].core.diameter', 'nm', (2.0, 2.8, 3.6, 4.4))
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from qdmol.errors import InputError
from qdmol.materials import QUANTITIES
from qdmol.structure import NECKS, Spec, exclude_each_other
from qdmol.units import Kind, parse_quantity, unit_of

AxisValue = float | int | str

ALIASES = ("core_radius", "core_diameter", "shell_thickness", "spacing", "barrier", "neck_diameter", "field")
AXIS_ALLOWED = (
    "AXIS=VALUES, where AXIS is a dotted path or one of "
    + ", ".join(ALIASES)
    + ", and VALUES is START:STOP:COUNT or a list such as 1.2,1.4"
)
MAX_VALUES = 100_000

_FIXED = {
    "core_radius": "molecule.dots[*].core.radius",
    "core_diameter": "molecule.dots[*].core.diameter",
    "spacing": "molecule.spacing",
    "barrier": "molecule.barrier",
    "field": "environment.field[2]",
}
# Kind of quantity by the last key of a path; values of other keys are taken as text.
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("radius", "diameter", "thickness", "spacing", "barrier"), "length"),
    **{key: quantity.kind for key, neck in NECKS.items() if (quantity := neck.quantity()) is not None},
    "positions": "length",
    "monolayers": "number",
    "field": "field",
    "temperature": "temperature",
    "interface_width": "length",
    "tolerance": "energy_mev",
    **{key: quantity.kind for key, quantity in QUANTITIES.items()},
}
_COUNTS = ("electrons", "holes")


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of a map: ``name`` as given, the dotted path behind it, the unit of its values."""

    name: str
    field: str
    unit: str
    values: tuple[AxisValue, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the axis as the JSON object of ``qdmol map``; an infinite barrier is ``"hard"``."""
        values = ["hard" if value == math.inf else value for value in self.values]
        return {"field": self.field, "name": self.name, "unit": self.unit, "values": values}


def parse_axis(text: str, spec: Spec) -> Axis:
    """Return the axis written as ``AXIS=VALUES`` for this spec; InputError naming the axis if it is invalid."""
    name, separator, values = text.partition("=")
    if not separator or not name.strip() or not values.strip():
        raise InputError(field="axis", value=text, allowed=AXIS_ALLOWED)
    return make_axis(name.strip(), values.strip(), spec)


def make_axis(name: str, values: str | Iterable[Any], spec: Spec) -> Axis:
    """Return an axis from its name and its values: text as above, or a sequence of numbers or of text with units.

    Raises InputError naming the axis.
    """
    field = _field_of(name, spec)
    last = field.rpartition(".")[2].partition("[")[0]
    parsed = _from_text(values, last, name) if isinstance(values, str) else _each(list(values), last, name)
    if not 0 < len(parsed) <= MAX_VALUES:
        raise InputError(field=name, value=len(parsed), allowed=f"an axis of 1 to {MAX_VALUES} values")
    if len(set(parsed)) < len(parsed):
        raise InputError(field=name, value=values, allowed="an axis without repeated values")
    kind = _KINDS.get(last)
    return Axis(name, field, "1" if kind is None else unit_of(kind), tuple(parsed))


def make_axes(given: Mapping[str, Any] | Sequence[str], spec: Spec) -> tuple[Axis, ...]:
    """Return axes from a mapping of names to values, or from ``AXIS=VALUES``; InputError if two axes conflict."""
    if isinstance(given, str):
        given = [given]
    if isinstance(given, Mapping):
        axes = tuple(make_axis(str(name), values, spec) for name, values in given.items())
    else:
        axes = tuple(parse_axis(text, spec) for text in given)
    if not axes:
        raise InputError(field="axis", value=None, allowed=f"given at least once: {AXIS_ALLOWED}")
    for first, second in itertools.combinations(axes, 2):
        if exclude_each_other(first.field, second.field):
            allowed = (
                f"absent where `{first.name}` is an axis: both set the same quantity ({first.field}, {second.field})"
            )
            raise InputError(field=second.name, value=second.name, allowed=allowed)
    return axes


def _field_of(name: str, spec: Spec) -> str:
    """Return the dotted path of a name; whether it exists in the spec is checked when it is used."""
    if name in _FIXED:
        return _FIXED[name]
    if name == "shell_thickness":
        if any(len(dot.shells) != 1 for dot in spec.molecule.dots):
            allowed = "a path such as molecule.dots[*].shells[0].thickness, unless every dot has exactly one shell"
            raise InputError(field="axis", value=name, allowed=allowed)
        return "molecule.dots[*].shells[0].thickness"
    if name == "neck_diameter":
        neck = spec.molecule.neck
        if neck.diameter_key is None:
            allowed = f"absent with a neck {neck.form}, which has no diameter"
            raise InputError(field="axis", value=name, allowed=allowed)
        return f"molecule.neck.{neck.diameter_key}"
    if "." not in name:
        raise InputError(field="axis", value=name, allowed="a dotted path or one of " + ", ".join(ALIASES))
    return name


def _from_text(text: str, last: str, name: str) -> list[AxisValue]:
    parts = text.split(":")
    if len(parts) == 1:
        return _each([part.strip() for part in text.split(",")], last, name)
    allowed = "START:STOP:COUNT: two values, and the number of values including both ends"
    if len(parts) != 3 or not parts[2].strip().isdecimal() or len(parts[2]) > 12:
        raise InputError(field=name, value=text, allowed=allowed)
    count = int(parts[2])
    start, stop = _each([part.strip() for part in parts[:2]], last, name)
    if isinstance(start, str) or isinstance(stop, str) or not math.isfinite(start) or not math.isfinite(stop):
        raise InputError(field=name, value=text, allowed=f"{allowed}, for a field that is a number")
    if not 0 < count <= MAX_VALUES or (count == 1) != (start == stop):
        raise InputError(field=name, value=text, allowed=f"{allowed}; at least 2 for different ends")
    values: list[AxisValue] = [_between(start, stop, i, count) for i in range(count)]
    return _each(values, last, name) if last in _COUNTS else values


def _between(start: float, stop: float, i: int, count: int) -> float:
    """Return point ``i`` of ``count`` from start to stop, in decimal: 2:4.4:4 is exactly 2, 2.8, 3.6, 4.4."""
    if i == 0 or count == 1:
        return float(start)
    low, high = Decimal(repr(float(start))), Decimal(repr(float(stop)))
    return float(low + (high - low) * i / (count - 1))


def _each(values: Sequence[Any], last: str, name: str) -> list[AxisValue]:
    return [_value(value, last, name) for value in values]


def _value(value: Any, last: str, name: str) -> AxisValue:
    kind = _KINDS.get(last)
    if kind is not None:
        plain = value if isinstance(value, str) else _number(value)
        return parse_quantity(plain, kind=kind, field=name, hard=last in QUANTITIES and QUANTITIES[last].hard)
    if last in _COUNTS:
        number = parse_quantity(value if isinstance(value, str) else _number(value), kind="number", field=name)
        if not number.is_integer():
            raise InputError(field=name, value=value, allowed="whole numbers")
        return int(number)
    if not isinstance(value, str) or not value:
        raise InputError(field=name, value=value, allowed="text: values of the field, separated by commas")
    return value


def _number(value: Any) -> Any:
    """Return a NumPy number as a Python number, and anything else unchanged."""
    return value.item() if hasattr(value, "item") and not isinstance(value, str) else value
