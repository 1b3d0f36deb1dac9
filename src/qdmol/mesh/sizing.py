"""Local element sizes where two boundaries of the arrangement run close to each other.

In: the boundary segments. Out: points (r, z) with the largest element size allowed there. An element cannot be much
larger than the gap it stands in; where the gap narrows towards a corner the size follows it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qdmol.mesh.shapes import Arc, Curve, Line, Piece

__all__ = ["Segment", "proximity_sizes", "segments"]

# Element size over gap width: curved elements of this aspect stay well shaped.
SIZE_OVER_GAP = 1.3
# Along a thin layer between concentric arcs elements may be longer, for nothing but a corner varies fast along it: up
# to this many times its thickness, as far as they span no more than LAYER_ANGLE (rad) of the arc.
LENGTH_OVER_THICKNESS = 5.0
LAYER_ANGLE = 0.02
# Corners wider than this need no help: a mesh generator's triangles fit them.
WIDE_CORNER = math.radians(20)
SAME = 1e-8


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of boundary: of a curve, or (curve None) straight along the mirror plane from r = start to stop."""

    curve: Curve | None
    start: float
    stop: float

    def point(self, t: float) -> tuple[float, float]:
        """Point (r, z) in nm."""
        return (t, 0.0) if self.curve is None else self.curve.point(t)

    @property
    def scale(self) -> float:
        """Length (nm) per unit of the parameter."""
        return self.curve.radius if isinstance(self.curve, Arc) else 1.0

    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Both end points."""
        return self.point(self.start), self.point(self.stop)

    def tangent(self, end: int) -> tuple[float, float]:
        """Unit direction (r, z) pointing into the segment from its end 0 or 1."""
        sign = 1.0 if end == 0 else -1.0
        if self.curve is None:
            return sign, 0.0
        nr, nz = self.curve.left((self.start, self.stop)[end])
        return sign * nz, -sign * nr

    def distance(self, r: float, z: float) -> float:
        """Distance (nm) of a point from the segment."""
        if self.curve is None:
            t, gap = r, abs(z)
        elif isinstance(self.curve, Line):
            t, gap = z, abs(r - self.curve.r)
        else:
            t = math.atan2(r, z - self.curve.z)
            gap = abs(math.hypot(r, z - self.curve.z) - self.curve.radius)
        if self.start <= t <= self.stop:
            return gap
        return min(math.dist((r, z), end) for end in self.ends())


def segments(pieces: Sequence[Piece], mirror: Sequence[tuple[float, float, str]]) -> list[Segment]:
    """Every boundary stretch of the arrangement and of the mirror plane."""
    found = [Segment(piece.curve, piece.start, piece.stop) for piece in pieces]
    return found + [Segment(None, start, stop) for start, stop, _ in mirror]


def proximity_sizes(
    boundary: Sequence[Segment], *, largest: float, smallest: float
) -> Iterator[tuple[float, float, float]]:
    """Yield (r, z, size) along every stretch that has another one nearer than `largest` (nm)."""
    for segment in boundary:
        others = [other for other in boundary if other is not segment and not _meet_widely(segment, other)]
        if others:
            yield from _walk(segment, others, segment.start, segment.stop, largest, smallest)


def _walk(
    segment: Segment, others: Sequence[Segment], start: float, stop: float, largest: float, smallest: float
) -> Iterator[tuple[float, float, float]]:
    middle = (start + stop) / 2
    r, z = segment.point(middle)
    size = max(min(_allowed(segment, other, other.distance(r, z)) for other in others), smallest)
    length = (stop - start) * segment.scale
    # The gap at the far end of the stretch may be narrower by as much as the way there.
    if length > 2 * size or (size - length < largest and length > size):
        yield from _walk(segment, others, start, middle, largest, smallest)
        yield from _walk(segment, others, middle, stop, largest, smallest)
    elif size < largest:
        yield r, z, size


def _allowed(segment: Segment, other: Segment, gap: float) -> float:
    """Largest element (nm) on a stretch that is `gap` (nm) from another one."""
    one, two = segment.curve, other.curve
    if isinstance(one, Arc) and isinstance(two, Arc) and one.z == two.z:
        thickness = abs(one.radius - two.radius)
        if abs(gap - thickness) < SAME:
            return max(SIZE_OVER_GAP * gap, min(LENGTH_OVER_THICKNESS * gap, LAYER_ANGLE * one.radius))
    return SIZE_OVER_GAP * gap


def _meet_widely(one: Segment, other: Segment) -> bool:
    """Whether two stretches share an end and leave it at a wide angle."""
    for i, p in enumerate(one.ends()):
        for j, q in enumerate(other.ends()):
            if math.dist(p, q) < SAME:
                u, v = one.tangent(i), other.tangent(j)
                angle = math.acos(max(-1.0, min(1.0, u[0] * v[0] + u[1] * v[1])))
                if angle > WIDE_CORNER:
                    return True
    return False
