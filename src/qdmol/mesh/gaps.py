"""Where two spheres nearly touch: the sliver between them is closed, since no mesh fits into a cusp.

Two spheres on one axis can touch only on it, from outside or from inside. Where they come closer than a given width
there, the sliver between them, out to the radius at which it is that wide, is given to the region below it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, product

__all__ = ["Cap", "Sliver", "caps_apart", "slivers"]

STEPS = 60


@dataclass(frozen=True, slots=True)
class Cap:
    """Upper (`side` 1) or lower (-1) half of a sphere about (0, `centre`), nm."""

    centre: float
    radius: float
    side: int

    def height(self, r: float) -> float:
        """Height z (nm) of the cap at the distance `r` from the axis."""
        return self.centre + self.side * math.sqrt(max(self.radius**2 - r * r, 0.0))


@dataclass(frozen=True, slots=True)
class Sliver:
    """What lies between two caps up to the radius `edge` (nm)."""

    one: Cap
    other: Cap
    edge: float

    def span(self, r: float) -> tuple[float, float]:
        """Lowest and highest z (nm) of the sliver at a radius."""
        heights = self.one.height(r), self.other.height(r)
        return min(heights), max(heights)


def slivers(spheres: Iterable[Iterable[tuple[float, float]]], width: float) -> Iterator[Sliver]:
    """Slivers narrower than `width` (nm) between spheres (centre, radius) of different groups."""
    for one, other in _pairs(spheres):
        if abs(one.height(0.0) - other.height(0.0)) < width:
            yield Sliver(one, other, _edge(one, other, width))


def caps_apart(spheres: Iterable[Iterable[tuple[float, float]]]) -> float:
    """Smallest distance (nm) along the axis between spheres of different groups that do not touch exactly."""
    gaps = (abs(one.height(0.0) - other.height(0.0)) for one, other in _pairs(spheres))
    return min(gaps, default=math.inf)


def _pairs(spheres: Iterable[Iterable[tuple[float, float]]]) -> Iterator[tuple[Cap, Cap]]:
    groups = [[Cap(*sphere, side) for sphere in group for side in (1, -1)] for group in spheres]
    for group, rest in combinations(groups, 2):
        yield from product(group, rest)


def _edge(one: Cap, other: Cap, width: float) -> float:
    """Radius (nm) at which two caps, closer than `width` on the axis, are `width` apart."""
    inside, outside = 0.0, 0.999 * min(one.radius, other.radius)
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        if abs(one.height(middle) - other.height(middle)) < width:
            inside = middle
        else:
            outside = middle
    return inside
