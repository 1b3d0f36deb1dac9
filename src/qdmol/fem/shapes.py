"""Boundaries of a molecule with an axis, as arcs and lines in the half plane (r, z).

A molecule becomes :class:`Piece` values, each with the label of the region on its left and on its right. A boundary
between two regions of the same label does not exist: one shell split into two of the same material gives the very same
arrangement. Every boundary is a circle about a point of the axis or a line parallel to it, so that all crossings are
known in closed form and no general curve intersection, with its tolerances, is needed.

Two spheres on one axis can touch only on it, from outside or from inside. No mesh fits into the cusp between them:
where they come closer than a given width there, the sliver between them, out to the radius at which it is that wide, is
given to the region below it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, pairwise, product

from qdmol.structure import MEDIUM, AxialMolecule, Body, bodies

BISECTIONS = 60


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
    """Region between two caps up to the radius `edge` (nm)."""

    one: Cap
    other: Cap
    edge: float

    def span(self, r: float) -> tuple[float, float]:
        """Lowest and highest z (nm) of the sliver at a radius."""
        heights = self.one.height(r), self.other.height(r)
        return min(heights), max(heights)


def slivers(spheres: Iterable[Iterable[tuple[float, float]]], width: float) -> Iterator[Sliver]:
    """Slivers narrower than `width` (nm) between spheres (centre, radius) of different groups."""
    for first, second in _pairs(spheres):
        if abs(first.height(0.0) - second.height(0.0)) < width:
            yield Sliver(first, second, _edge(first, second, width))


def smallest_gap(molecule: AxialMolecule, offsets: Sequence[float]) -> float:
    """Smallest distance (nm) between the surfaces of different dots, each moved out by every one of some offsets."""
    return caps_apart([[(dot.z, dot.radius + offset) for offset in offsets] for dot in molecule.dots])


def caps_apart(spheres: Iterable[Iterable[tuple[float, float]]]) -> float:
    """Smallest distance (nm) along the axis between spheres (centre, radius) of different groups, unless they touch."""
    gaps = (abs(first.height(0.0) - second.height(0.0)) for first, second in _pairs(spheres))
    return min(gaps, default=math.inf)


def _pairs(spheres: Iterable[Iterable[tuple[float, float]]]) -> Iterator[tuple[Cap, Cap]]:
    groups = [[Cap(*sphere, side) for sphere in group for side in (1, -1)] for group in spheres]
    for group, later in combinations(groups, 2):
        yield from product(group, later)


def _edge(first: Cap, second: Cap, width: float) -> float:
    """Radius (nm) at which two caps, closer than `width` on the axis, are `width` apart."""
    inside, outside = 0.0, 0.999 * min(first.radius, second.radius)
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        if abs(first.height(middle) - second.height(middle)) < width:
            inside = middle
        else:
            outside = middle
    return inside


OUTSIDE = ""
# The medium beyond the wall, where only the potential is solved.
FAR_MEDIUM = f"{MEDIUM}/far"
# Crossings closer than this (nm) are one crossing: far below any mesh size, far above rounding.
SAME_NM = 1e-8
# A crossing this near the axis (nm) is a touch of two spheres: what they overlap is thinner than an atom by 1e6.
POLE_NM = 2e-3
# Offset (nm) to either side of a boundary at which its regions are read.
SIDE_NM = 1e-7


def medium_layer(number: int) -> str:
    """Label of a layer of the medium, counted from 0 at the surface."""
    return f"{MEDIUM}/{number}"


def material_of(region: str) -> str:
    """Material of a mesh region: the medium for each of its layers.

    >>> material_of("CdSe"), material_of(medium_layer(1)), material_of(FAR_MEDIUM)
    ('CdSe', 'medium', 'medium')
    """
    return MEDIUM if region.startswith(MEDIUM + "/") else region


@dataclass(frozen=True, slots=True)
class Arc:
    """Half circle about (0, z) in the half plane; parameter: polar angle from +z, clockwise."""

    z: float
    radius: float

    @property
    def domain(self) -> tuple[float, float]:
        """Parameter range (rad)."""
        return 0.0, math.pi

    def point(self, t: float) -> tuple[float, float]:
        """Point (r, z) in nm; exactly on the axis at the poles."""
        r = 0.0 if t in (0.0, math.pi) else self.radius * math.sin(t)
        return r, self.z + self.radius * math.cos(t)

    def left(self, t: float) -> tuple[float, float]:
        """Unit normal (r, z) to the left of growing parameter: outwards."""
        return math.sin(t), math.cos(t)

    def at_height(self, z: float) -> list[float]:
        """Parameters at which the curve reaches height `z`."""
        c = (z - self.z) / self.radius
        if abs(c) >= 1 or self.radius * math.sqrt(1 - c * c) < POLE_NM:
            return []
        return [math.acos(c)]

    def at_radius(self, r: float) -> list[float]:
        """Parameters at which the curve is `r` away from the axis."""
        s = r / self.radius
        if abs(s - 1) * self.radius < SAME_NM:
            return [math.pi / 2]  # a line that only touches the circle still ends an arc there
        return [math.asin(s), math.pi - math.asin(s)] if s < 1 else []


@dataclass(frozen=True, slots=True)
class Line:
    """Line parallel to the axis at distance `r`; parameter: z, upwards."""

    r: float
    z_low: float
    z_high: float

    @property
    def domain(self) -> tuple[float, float]:
        """Parameter range (nm)."""
        return self.z_low, self.z_high

    def point(self, t: float) -> tuple[float, float]:
        """Point (r, z) in nm."""
        return self.r, t

    def left(self, t: float) -> tuple[float, float]:  # noqa: ARG002 - the same everywhere
        """Unit normal to the left of growing parameter: towards the axis."""
        return -1.0, 0.0

    def at_height(self, z: float) -> list[float]:
        """Parameters at which the curve reaches height `z`."""
        return [z] if self.z_low < z < self.z_high else []


Curve = Arc | Line


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a curve between two neighbouring crossings, with the regions beside it."""

    curve: Curve
    start: float
    stop: float
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class ClosedGap:
    """A gap between two spheres that the mesh leaves out: its volume, and that of the smaller sphere, nm³.

    A lens of width w between two spheres that touch, out to the radius r at which they are w apart, has the volume
    π r² w / 2.
    """

    volume: float
    smaller_sphere: float


@dataclass(frozen=True)
class Shapes:
    """The molecule as point sets: which region a point of the half plane belongs to.

    `layers` are the offsets (nm) of the mesh lines that follow the surface through the medium (the last one carries
    the wall of the levels), `box` is the radius (nm) of the ball about the origin in which the potential is solved (0:
    none), `closed_gap` the width (nm) below which what lies between two spheres that nearly touch is closed.
    """

    molecule: AxialMolecule
    layers: tuple[float, ...]
    box: float
    closed_gap: float
    half: bool

    def material(self, r: float, z: float) -> str:
        """Material at a point; the layer nearest to a core wins, at a tie the first-listed dot."""
        for sliver in self.slivers:
            if r < sliver.edge:
                low, high = sliver.span(r)
                if low - SIDE_NM / 2 < z < high + SIDE_NM / 2:
                    return self._open_material(r, low - SIDE_NM)
        return self._open_material(r, z)

    def _open_material(self, r: float, z: float) -> str:
        return next((body.material for body in self._bodies if body.contains(r, 0.0, z)), MEDIUM)

    @cached_property
    def _bodies(self) -> tuple[Body, ...]:
        return tuple(bodies(self.molecule))

    def region(self, r: float, z: float) -> str:
        """Label of the mesh region: the material, or `medium/k` (offset layer k) or `medium/far`."""
        material = self.material(r, z)
        if material != MEDIUM:
            return material
        distance = self.distance(r, z)
        for k, offset in enumerate(self.layers):
            if distance < offset:
                return medium_layer(k)
        return FAR_MEDIUM if math.hypot(r, z) < self.box else OUTSIDE

    def distance(self, r: float, z: float) -> float:
        """Distance (nm) of a point of the medium from the nearest body."""
        distances = [math.hypot(r, z - dot.z) - dot.layers[-1].radius for dot in self.molecule.dots]
        distances += [r - b.radius for b in self.molecule.bridges if b.z_low < z < b.z_high]
        return min(distances)

    @cached_property
    def slivers(self) -> tuple[Sliver, ...]:
        """Narrow gaps that are closed."""
        spheres = [[(dot.z, layer.radius) for layer in dot.layers] for dot in self.molecule.dots]
        return tuple(sliver for sliver in slivers(spheres, self.closed_gap) if self._parts(sliver))

    def _parts(self, sliver: Sliver) -> bool:
        """Whether what is in a sliver differs from what is on either side; else one of its caps is no boundary."""
        low, high = sliver.span(sliver.edge)
        inside = self._open_material(sliver.edge, (low + high) / 2)
        sides = (self._open_material(sliver.edge, z) for z in (low - SIDE_NM, high + SIDE_NM))
        return inside not in set(sides)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Every stretch of boundary between two different regions."""
        return tuple(arrange(self))

    @property
    def regions(self) -> frozenset[str]:
        """Labels of the regions."""
        return frozenset(region for piece in self.pieces for region in (piece.left, piece.right)) - {OUTSIDE}

    @property
    def interfaces(self) -> frozenset[frozenset[str]]:
        """Pairs of regions with a common boundary."""
        inner = (piece for piece in self.pieces if piece.left and piece.right)
        return frozenset(frozenset((piece.left, piece.right)) for piece in inner)

    @property
    def closed_gaps(self) -> tuple[ClosedGap, ...]:
        """The gaps that are closed."""
        return tuple(
            ClosedGap(
                math.pi * sliver.edge**2 * self.closed_gap / 2,
                4 / 3 * math.pi * min(sliver.one.radius, sliver.other.radius) ** 3,
            )
            for sliver in self.slivers
        )

    def curves(self) -> list[Curve]:
        """Every circle and line that may bound a region, each once."""
        curves: list[Curve] = []
        for dot in self.molecule.dots:
            curves += [Arc(dot.z, layer.radius) for layer in dot.layers]
            curves += [Arc(dot.z, dot.layers[-1].radius + offset) for offset in self.layers]
        for bridge in self.molecule.bridges:
            curves += [Line(bridge.radius + x, bridge.z_low, bridge.z_high) for x in (0.0, *self.layers)]
        for sliver in self.slivers:
            low, high = sliver.span(sliver.edge)
            curves.append(Line(sliver.edge, low - SIDE_NM, high + SIDE_NM))
        if self.box:
            curves.append(Arc(0.0, self.box))
        # In an order of their own: the same shape gives the same mesh however its dots are listed.
        return sorted(dict.fromkeys(curves), key=repr)


def arrange(shapes: Shapes) -> list[Piece]:
    """Cut every curve at its crossings and keep the pieces that part two different regions.

    With `half` only z >= 0 is kept. Axis and mirror plane are not among the pieces: :func:`closing_lines` gives them.
    """
    curves = shapes.curves()
    pieces = []
    for curve in curves:
        cuts = _cuts(curve, curves, half=shapes.half)
        for start, stop in pairwise(cuts):
            middle = (start + stop) / 2
            r, z = curve.point(middle)
            if shapes.half and z < 0:
                continue
            nr, nz = curve.left(middle)
            left = shapes.region(r + SIDE_NM * nr, z + SIDE_NM * nz)
            right = shapes.region(r - SIDE_NM * nr, z - SIDE_NM * nz)
            if left != right:
                pieces.append(Piece(curve, start, stop, left, right))
    return _joined(pieces)


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Join neighbours on one curve that meet where no other piece ends: a cut by a boundary that does not exist."""
    ends = Counter(_key(piece.curve.point(t)) for piece in pieces for t in (piece.start, piece.stop))
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.curve == piece.curve
            and last.stop == piece.start
            and (last.left, last.right) == (piece.left, piece.right)
            and ends[_key(piece.curve.point(piece.start))] == 2
        ):
            joined[-1] = replace(last, stop=piece.stop)
        else:
            joined.append(piece)
    return joined


def _key(point: tuple[float, float]) -> tuple[float, float]:
    return round(point[0], 8) + 0.0, round(point[1], 8) + 0.0


def closing_lines(shapes: Shapes, pieces: Sequence[Piece]) -> tuple[list[tuple[float, float, str]], ...]:
    """Parts of the axis and of the mirror plane that bound the domain.

    Returns two lists of (from, to, region): along the axis (z, upwards) and along z = 0 (r, outwards; empty without a
    mirror plane).
    """
    ends = [piece.curve.point(t) for piece in pieces for t in (piece.start, piece.stop)]
    heights = [z for r, z in ends if r < SAME_NM]
    radii = [r for r, z in ends if abs(z) < SAME_NM]
    if shapes.half:
        heights.append(0.0)
        radii.append(0.0)
    axis = _spans(heights, lambda z: shapes.region(SIDE_NM, z))
    mirror = _spans(radii, lambda r: shapes.region(r, SIDE_NM)) if shapes.half else []
    return axis, mirror


def _spans(cuts: Iterable[float], region: Callable[[float], str]) -> list[tuple[float, float, str]]:
    marks = _merged(cuts)
    spans = []
    for a, b in pairwise(marks):
        label = region((a + b) / 2)
        if label != OUTSIDE:
            spans.append((a, b, label))
    return spans


def _cuts(curve: Curve, others: Sequence[Curve], *, half: bool) -> list[float]:
    cuts: list[float] = []
    for neighbour in others:
        if neighbour != curve:
            cuts += _crossings(curve, neighbour)
    if half:
        cuts += curve.at_height(0.0)
    low, high = curve.domain
    return [low, *_merged(t for t in cuts if low + SAME_NM < t < high - SAME_NM), high]


def _merged(values: Iterable[float]) -> list[float]:
    """Sorted, values closer than SAME_NM merged into the first."""
    merged: list[float] = []
    for value in sorted(values):
        if not merged or value - merged[-1] > SAME_NM:
            merged.append(value)
    return merged


def _crossings(curve: Curve, neighbour: Curve) -> list[float]:
    """Parameters on `curve` of its crossings with `other`."""
    if isinstance(curve, Arc) and isinstance(neighbour, Arc):
        distance = neighbour.z - curve.z
        if distance == 0:
            return []
        # Height of the circle in which two spheres meet, from the centre of the first.
        height = (distance**2 + curve.radius**2 - neighbour.radius**2) / (2 * distance)
        return curve.at_height(curve.z + height)
    if isinstance(curve, Arc) and isinstance(neighbour, Line):
        return [
            t
            for t in curve.at_radius(neighbour.r)
            if neighbour.z_low - SAME_NM < curve.point(t)[1] < neighbour.z_high + SAME_NM
        ]
    if isinstance(curve, Line) and isinstance(neighbour, Arc):
        return [neighbour.point(t)[1] for t in neighbour.at_radius(curve.r)]
    return []
