"""Plans of maps and batches: points, each with its spec, in the order of the result.

A plan builds the spec of a point when it is needed, so that ten thousand points are never in memory at once. A point
whose spec is invalid raises InputError there; its message is the reason why the point has no numbers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from qdmol.errors import InputError
from qdmol.jobs import Job
from qdmol.structure import NECKS, PlainNeck, Spec, spec_mapping, update_mapping
from qdmol.study.axes import Axis, AxisValue
from qdmol.study.points import SOLVER_MODULES, point_job

MAX_POINTS = 1_000_000
DISTANCES = ("spacing", "barrier", "positions")


class SpecPlan(ABC):
    """Points of a result, the last dimension fastest; a plan of jobs that solve them."""

    preload = SOLVER_MODULES
    particles: str | None = None

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Number of points along each dimension."""

    @property
    @abstractmethod
    def dims(self) -> tuple[str, ...]:
        """Names of the dimensions."""

    @abstractmethod
    def spec_at(self, index: int) -> Spec:
        """Return the spec of a point; InputError where it is invalid."""

    @property
    def count(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    def job_at(self, index: int) -> Job:
        """Return the job of a point; InputError where its spec is invalid."""
        return point_job(self.spec_at(index), particles=self.particles)


@dataclass(frozen=True)
class GridPlan(SpecPlan):
    """Every combination of the axes' values, applied to one spec."""

    spec: Spec
    axes: tuple[Axis, ...]
    particles: str | None = None

    def __post_init__(self) -> None:
        if self.count > MAX_POINTS:
            allowed = f"such that the map has at most {MAX_POINTS} points"
            raise InputError(field="axis", value=self.count, allowed=allowed)

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
        """Document and folder of the spec, without what the axes replace."""
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
        """Return the spec of a point; InputError where the values are invalid together."""
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
    """Return path and value of one axis; a neck is set as a whole, since it may be a word in the spec."""
    if axis.field.startswith("molecule.neck."):
        return "molecule.neck", {axis.field.removeprefix("molecule.neck."): value}
    return axis.field, "hard" if value == math.inf else value


@dataclass(frozen=True)
class ListPlan(SpecPlan):
    """Named samples, one dimension; an invalid spec is given as its InputError."""

    names: tuple[str, ...]
    specs: Sequence[Spec | InputError]
    particles: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of samples."""
        return (len(self.names),)

    @property
    def dims(self) -> tuple[str, ...]:
        """Name of the only dimension."""
        return ("sample",)

    def spec_at(self, index: int) -> Spec:
        """Return the spec of a sample; InputError where it is invalid."""
        spec = self.specs[index]
        if isinstance(spec, InputError):
            raise spec
        return spec


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
