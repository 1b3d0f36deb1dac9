"""Fields of a spec that are varied: where they are, their present value, and the range that is searched.

A field is named like an axis of a map: a dotted path, or an alias such as ``core_radius``. Within its range a field is
described by a coordinate u from -1 to 1, logarithmic for positive ranges that are wide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.materials import load_set
from qdmol.structure import Spec, resolve, spec_mapping
from qdmol.study import GridPlan, make_axes, make_axis

# Factor to both sides of the present value, and the range of a field that is 0 (kV/cm), by default.
DEFAULT_FACTOR: Final = 2.0
DEFAULT_FIELD: Final = 100.0
# Ranges wider than this factor have a logarithmic coordinate.
LOGARITHMIC: Final = 1.3
# Digits of a value: far below every error, and short enough to be read in a spec.
DIGITS: Final = 9
# Points at which the validity of a spec is tested along a range, and steps of bisection to its ends.
VALIDITY_POINTS, VALIDITY_STEPS = 64, 14


@dataclass(frozen=True, slots=True)
class Field:
    """A varied field: name as given, dotted path, unit, present value (None if unknown), and searched range."""

    name: str
    path: str
    unit: str
    current: float | None
    low: float
    high: float

    @property
    def logarithmic(self) -> bool:
        """Whether the coordinate is logarithmic."""
        return self.low > 0 and self.high / self.low > LOGARITHMIC

    def coordinate(self, value: float | Floats) -> Any:
        """Coordinate u of a value, -1 and 1 at the ends of the range."""
        if self.logarithmic:
            return 2 * np.log(np.asarray(value) / self.low) / math.log(self.high / self.low) - 1
        return 2 * (np.asarray(value) - self.low) / (self.high - self.low) - 1

    def value(self, coordinate: float) -> float:
        """Value at a coordinate, rounded to `DIGITS` digits."""
        share = (float(coordinate) + 1) / 2
        if self.logarithmic:
            number = self.low * (self.high / self.low) ** share
        else:
            number = self.low + share * (self.high - self.low)
        return rounded(min(max(number, self.low), self.high))

    def slope(self, value: float) -> float:
        """Derivative of the value with respect to its coordinate."""
        if self.logarithmic:
            return value * math.log(self.high / self.low) / 2
        return (self.high - self.low) / 2


def rounded(value: float) -> float:
    """Value with `DIGITS` significant digits."""
    return float(f"{value:.{DIGITS}g}")


def make_fields(names: Sequence[str], between: Any, spec: Spec) -> tuple[Field, ...]:
    """Fields with their ranges.

    Parameters
    ----------
    names
        Dotted paths or aliases.
    between
        Ranges: a mapping of names to ``"LOW:HIGH"`` or two numbers; for one field the range alone; None for the
        defaults, half to twice the present value.
    spec
        The spec whose fields they are.

    Raises
    ------
    InputError
        A name or range is invalid, or a field has no default range.
    """
    if not names:
        raise InputError(field="vary", value=None, allowed="given at least once: a field of the spec")
    repeated = [name for place, name in enumerate(names) if name in names[:place]]
    if repeated:
        raise InputError(field="vary", value=repeated[0], allowed="given once: a field cannot be varied twice")
    ranges = _ranges(names, between)
    unknown = [name for name in ranges if name not in names]
    if unknown:
        raise InputError(field="between", value=unknown[0], allowed=f"a varied field: {', '.join(names)}")
    fields = tuple(_make_field(name, ranges.get(name), spec) for name in names)
    make_axes({field.name: [field.low, field.high] for field in fields}, spec)  # refuses fields that conflict
    return fields


def _ranges(names: Sequence[str], between: Any) -> dict[str, Any]:
    if between is None:
        return {}
    if isinstance(between, Mapping):
        return {str(name): given for name, given in between.items()}
    if len(names) != 1:
        allowed = "FIELD=LOW:HIGH for each field, since several are varied"
        raise InputError(field="between", value=str(between), allowed=allowed)
    return {names[0]: between}


def _make_field(name: str, given: Any, spec: Spec) -> Field:
    probe = make_axis(name, ["1"], spec)
    if probe.unit == "1" and not isinstance(probe.values[0], float):
        raise InputError(field="vary", value=name, allowed="a field whose values are continuous numbers")
    current = _current(name, probe.field, spec)
    index = re.match(r"molecule\.dots\[(\d+)\]", probe.field)
    count = len(spec.molecule.dots)
    if index is not None and int(index[1]) >= count:
        allowed = (
            f"a field of a dot of the spec: molecule.dots[0] to [{count - 1}]" if count > 1 else "of molecule.dots[0]"
        )
        raise InputError(field="vary", value=name, allowed=allowed)
    if given is None:
        low, high = _default_range(name, probe.unit, current)
    else:
        low, high = _given_range(name, given, spec)
    return Field(name, probe.field, probe.unit, current, low, high)


def _given_range(name: str, given: Any, spec: Spec) -> tuple[float, float]:
    allowed = "LOW:HIGH, two finite values with LOW below HIGH"
    ends = [part.strip() for part in given.split(":")] if isinstance(given, str) else list(given)
    if len(ends) != 2 or any(end == "" for end in ends):
        raise InputError(field="between", value=given, allowed=allowed)
    values = make_axis(name, ends if ends[0] != ends[1] else ends[:1], spec).values
    low, high = float(values[0]), float(values[-1])
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(field="between", value=given, allowed=allowed)
    return low, high


def _default_range(name: str, unit: str, current: float | None) -> tuple[float, float]:
    if current is not None and current != 0 and math.isfinite(current):
        low, high = sorted((current / DEFAULT_FACTOR, current * DEFAULT_FACTOR))
        return rounded(low), rounded(high)
    if unit == "kV/cm":
        return -DEFAULT_FIELD, DEFAULT_FIELD
    reason = "it is 0 in the spec" if current == 0 else "its present value is not known"
    message = f"`{name}` has no default range, because {reason}; give the range to search with `between` (LOW:HIGH)."
    raise InputError(field="between", value=None, allowed="given for this field", message=message)


def _current(name: str, path: str, spec: Spec) -> float | None:
    """Present value of a field in the unit of its axis; None where the spec does not tell it."""
    derived = _derived(path, spec)
    if derived is not None:
        return derived
    material = re.fullmatch(r"overrides\.(\w+)\.(\w+)", path)
    document: Any = spec_mapping(spec)
    for key, place in re.findall(r"([A-Za-z_]\w*)|\[(\d+|\*)\]", path):
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and place and document:
            document = document[0 if place == "*" else min(int(place), len(document) - 1)]
        elif material is not None:
            return _material_value(spec, *material.groups())
        else:
            return None
    try:
        value = make_axis(name, [document], spec).values[0]
    except InputError:
        return None
    return float(value) if isinstance(value, float | int) else None


def _material_value(spec: Spec, material: str, key: str) -> float | None:
    try:
        return float(load_set(spec.materials, relative_to=spec.folder).value(material, key).value)
    except (KeyError, TypeError):
        return None


def _derived(path: str, spec: Spec) -> float | None:
    """Present value of a length that the spec may give in another form, from the placed molecule."""
    molecule = resolve(spec)
    cores = [dot.layers[0].radius for dot in molecule.dots]
    centres = [dot.z for dot in molecule.dots]
    gap = abs(centres[1] - centres[0]) if len(centres) > 1 else None
    lengths = {
        "molecule.dots[*].core.radius": cores[0],
        "molecule.dots[*].core.diameter": 2 * cores[0],
        "molecule.spacing": gap,
        "molecule.barrier": None if gap is None else gap - cores[0] - cores[1],
    }
    if path == "molecule.dots[*].shells[0].thickness" and len(molecule.dots[0].layers) > 1:
        return molecule.dots[0].layers[1].radius - cores[0]
    return lengths.get(path)


def unlike_dots(spec: Spec, field: Field) -> tuple[float, ...]:
    """Present values of a field in each dot, where it sets them all to one value and they differ; else empty."""
    if "[*]" not in field.path:
        return ()
    path = field.path.replace("core.diameter", "core.radius")
    factor = 1.0 if path == field.path else 2.0
    values = []
    for place, dot in enumerate(resolve(spec).dots):
        value = dot.layers[0].radius if path.endswith("core.radius") else None
        if value is None:
            own = path.replace("[*]", f"[{place}]", 1)
            value = _current(own, own, spec)
        values.append(None if value is None else rounded(factor * value))
    known = tuple(value for value in values if value is not None)
    return known if len(set(known)) > 1 else ()


def unlike_warnings(spec: Spec, fields: Sequence[Field]) -> list[str]:
    """Warnings about fields that make alike what differs between the dots of the spec."""
    warnings = []
    for field in fields:
        values = unlike_dots(spec, field)
        if values:
            unit = "" if field.unit == "1" else f" {field.unit}"
            own = field.path.replace("[*]", "[0]", 1)
            warnings.append(
                f"{field.name} sets all dots to one value, but they differ in the spec "
                f"({', '.join(f'{value:g}' for value in values)}{unit}); {own} varies the first dot alone."
            )
    return warnings


def spec_at(spec: Spec, fields: Sequence[Field], values: Sequence[float]) -> Spec:
    """Spec with the fields at some values; InputError where it is invalid."""
    if not fields:
        return spec
    axes = tuple(make_axis(field.name, [rounded(value)], spec) for field, value in zip(fields, values, strict=True))
    return GridPlan(spec, axes).spec_at(0)


def valid_part(spec: Spec, field: Field) -> tuple[Field, str]:
    """Field with the part of its range in which the spec is valid, and the reason why it ends there.

    Of several parts that which holds the present value is kept, else the longest.

    Raises
    ------
    InputError
        The spec is invalid in the whole range.
    """
    values = [field.value(u) for u in np.linspace(-1, 1, VALIDITY_POINTS + 1)]
    if field.current is not None and field.low < field.current < field.high:
        values = sorted({*values, rounded(field.current)})
    refusals = [_refusal(spec, field, value) for value in values]
    if all(refusal is not None for refusal in refusals):
        raise next(refusal for refusal in refusals if refusal is not None)
    first, last = _run(values, [refusal is None for refusal in refusals], field.current)
    low, high, reason = values[first], values[last], ""
    if first > 0:
        low, reason = _end(spec, field, low, values[first - 1])
    if last < len(values) - 1:
        high, reason = _end(spec, field, high, values[last + 1])
    return replace(field, low=low, high=high), reason


def _run(values: Sequence[float], valid: Sequence[bool], current: float | None) -> tuple[int, int]:
    runs: list[tuple[int, int]] = []
    start = None
    for place, good in enumerate([*valid, False]):
        if good and start is None:
            start = place
        elif not good and start is not None:
            runs.append((start, place - 1))
            start = None
    inside = [run for run in runs if current is not None and values[run[0]] <= current <= values[run[1]]]
    return inside[0] if inside else max(runs, key=lambda run: values[run[1]] - values[run[0]])


def _end(spec: Spec, field: Field, good: float, bad: float) -> tuple[float, str]:
    reason = ""
    for _ in range(VALIDITY_STEPS):
        middle = rounded((good + bad) / 2)
        refusal = _refusal(spec, field, middle)
        if refusal is None:
            good = middle
        else:
            bad, reason = middle, str(refusal)
    return good, reason or str(_refusal(spec, field, bad) or "")


def _refusal(spec: Spec, field: Field, value: float) -> InputError | None:
    try:
        resolve(spec_at(spec, (field,), (value,)))
    except InputError as error:
        return error
    return None
