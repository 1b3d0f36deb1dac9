"""What is to be solved: points, each with its spec, in the order of the result.

A plan builds the spec of a point when it is asked for it, so that ten thousand points are never in memory at once. A
point whose spec makes no sense raises InputError there; its message is the reason of the hole.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from qdmol.errors import InputError
from qdmol.structure import NECKS, AxialMolecule, PlainNeck, Spec, resolve, spec_mapping, update_mapping
from qdmol.study.axes import Axis, AxisValue

MOST_POINTS = 1_000_000
DISTANCES = ("spacing", "barrier", "positions")


class Plan(Protocol):
    """Points in the order of the result, the last dimension fastest."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def dims(self) -> tuple[str, ...]: ...  # noqa: D102
    def spec_at(self, index: int) -> Spec: ...  # noqa: D102


@dataclass(frozen=True)
class GridPlan:
    """Every combination of the axes' values, applied to one spec."""

    spec: Spec
    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        if math.prod(self.shape) > MOST_POINTS:
            allowed = f"such that the map has at most {MOST_POINTS} points"
            raise InputError(field="axis", value=math.prod(self.shape), allowed=allowed)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes, as given."""
        return tuple(axis.name for axis in self.axes)

    @cached_property
    def _base(self) -> tuple[Mapping[str, Any], Path | None]:
        """The spec without what the axes replace."""
        data = spec_mapping(self.spec)
        molecule = data["molecule"]
        fields = [axis.field for axis in self.axes]
        placing = any(field.partition("[")[0] == f"molecule.{name}" for field in fields for name in DISTANCES)
        necks = [field for field in fields if field.startswith("molecule.neck.")]
        if placing and not necks and self.spec.molecule.neck.fixes_spacing:
            molecule["neck"] = PlainNeck().written  # bodies as placed: the axis now says where
        if not placing and any(_fixes_spacing(field) for field in necks):
            for name in DISTANCES:
                molecule.pop(name, None)
        return data, self.spec.folder

    def spec_at(self, index: int) -> Spec:
        """Return the spec of a point; InputError where the values make no sense together."""
        changes = {}
        for axis, place in zip(self.axes, unravel(index, self.shape), strict=True):
            path, value = _change(axis, axis.values[place])
            changes[path] = value
        data, folder = self._base
        return update_mapping(data, changes, folder=folder)


def _fixes_spacing(field: str) -> bool:
    """Whether the neck that a path sets fixes the spacing of the dots."""
    neck = NECKS.get(field.rpartition(".")[2])
    return neck is not None and neck.fixes_spacing


def _change(axis: Axis, value: AxisValue) -> tuple[str, object]:
    """Return path and value of one axis; a neck is set as a whole, for it may be a word in the spec."""
    if axis.field.startswith("molecule.neck."):
        return "molecule.neck", {axis.field.removeprefix("molecule.neck."): value}
    return axis.field, "hard" if value == math.inf else value


@dataclass(frozen=True)
class ListPlan:
    """Named samples, one dimension; a sample may be the refusal of its spec instead."""

    names: tuple[str, ...]
    specs: Sequence[Spec | InputError]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of samples."""
        return (len(self.names),)

    @property
    def dims(self) -> tuple[str, ...]:
        """The one dimension."""
        return ("sample",)

    def spec_at(self, index: int) -> Spec:
        """Return the spec of a sample; InputError where it makes no sense."""
        found = self.specs[index]
        if isinstance(found, InputError):
            raise found
        return found


def unravel(index: int, shape: Sequence[int]) -> tuple[int, ...]:
    """Return the place of a point along each dimension, the last one fastest.

    >>> unravel(5, (2, 3))
    (1, 2)
    """
    places = []
    for size in reversed(shape):
        index, place = divmod(index, size)
        places.append(place)
    return tuple(reversed(places))


@dataclass(frozen=True, slots=True)
class Point:
    """A point ready to be solved: its spec, the placed molecule, and the key its result is kept under."""

    key: str
    spec: Spec
    molecule: AxialMolecule

    @property
    def kin(self) -> int:
        """Equal for points whose dots are the same, so that one solution of each dot alone serves them all."""
        shapes = sorted({repr(dot.layers) for dot in self.molecule.dots})
        return hash((*shapes, repr(self.molecule.parameters), self.molecule.field))


def prepare(plan: Plan, index: int, *, code: str) -> Point:
    """Return a point of a plan, resolved; InputError where its spec makes no sense."""
    spec = plan.spec_at(index)
    molecule = resolve(spec)
    return Point(spec_key(spec, molecule, code=code), spec, molecule)


def spec_key(spec: Spec, molecule: AxialMolecule, *, code: str) -> str:
    """Return the key of a result: everything the spec says but its name, its molecule as resolved, and the code.

    The molecule holds the values of the materials, so that a changed material set is another key.
    """
    said = spec.model_dump(mode="json")
    del said["name"]
    text = json.dumps(said, sort_keys=True) + repr(molecule) + code
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def indices(plan: Plan) -> Iterator[int]:
    """Every point of a plan, in order."""
    return iter(range(math.prod(plan.shape)))
