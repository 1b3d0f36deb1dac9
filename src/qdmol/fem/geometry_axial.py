"""Curved meshes of molecules with an axis, in the half plane (r, z).

From :class:`~qdmol.fem.shapes.Shapes` and an element size for each region comes an NGSolve mesh, which does not leave
this room. Circles are exact (rational splines) and the elements follow them to high order. Around re-entrant edges the
elements shrink geometrically, so that the singular solution costs a few small elements, not accuracy. Where two
boundaries run close to each other, elements are not much larger than the gap they stand in; where the gap narrows
towards a corner their size follows it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from queue import Empty, Queue
from threading import Thread
from typing import TypeVar, cast

import ngsolve
from netgen.geom2d import SplineGeometry
from netgen.meshing import MeshingParameters, NgException

from qdmol.errors import SolverError
from qdmol.fem.elements import Elements, tabulate
from qdmol.fem.shapes import OUTSIDE, SAME_NM, Arc, Curve, Line, Piece, Shapes, closing_lines, material_of
from qdmol.fem.symmetry import AxialSymmetry
from qdmol.structure import MEDIUM, AxialMolecule

# Element size over gap width: curved elements of this aspect stay well shaped.
SIZE_OVER_GAP = 1.3
# Along a thin layer between concentric arcs elements may be longer, for nothing but a corner varies fast along it: up
# to this many times its thickness, as far as they span no more than LAYER_ANGLE (rad) of the arc.
LENGTH_OVER_THICKNESS = 5.0
LAYER_ANGLE = 0.02
# Corners wider than this need no help: a mesh generator's triangles fit them.
WIDE_CORNER = math.radians(20)


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
    boundary = [Segment(piece.curve, piece.start, piece.stop) for piece in pieces]
    return boundary + [Segment(None, start, stop) for start, stop, _ in mirror]


def proximity_sizes(
    boundary: Sequence[Segment], *, largest: float, smallest: float
) -> Iterator[tuple[float, float, float]]:
    """Yield (r, z, size) along every stretch that has another one nearer than `largest` (nm)."""
    for segment in boundary:
        others = [
            neighbour for neighbour in boundary if neighbour is not segment and not _meet_widely(segment, neighbour)
        ]
        if others:
            yield from _walk(segment, others, segment.start, segment.stop, largest, smallest)


def _walk(
    segment: Segment, others: Sequence[Segment], start: float, stop: float, largest: float, smallest: float
) -> Iterator[tuple[float, float, float]]:
    middle = (start + stop) / 2
    r, z = segment.point(middle)
    size = max(min(_allowed(segment, neighbour, neighbour.distance(r, z)) for neighbour in others), smallest)
    length = (stop - start) * segment.scale
    # The gap at the far end of the stretch may be narrower by as much as the way there.
    if length > 2 * size or (size - length < largest and length > size):
        yield from _walk(segment, others, start, middle, largest, smallest)
        yield from _walk(segment, others, middle, stop, largest, smallest)
    elif size < largest:
        yield r, z, size


def _allowed(segment: Segment, neighbour: Segment, gap: float) -> float:
    """Largest element (nm) on a stretch that is `gap` (nm) from another one."""
    curve, neighbour_curve = segment.curve, neighbour.curve
    if isinstance(curve, Arc) and isinstance(neighbour_curve, Arc) and curve.z == neighbour_curve.z:
        thickness = abs(curve.radius - neighbour_curve.radius)
        if abs(gap - thickness) < SAME_NM:
            return max(SIZE_OVER_GAP * gap, min(LENGTH_OVER_THICKNESS * gap, LAYER_ANGLE * curve.radius))
    return SIZE_OVER_GAP * gap


def _meet_widely(first: Segment, second: Segment) -> bool:
    """Whether two stretches share an end and leave it at a wide angle."""
    for i, p in enumerate(first.ends()):
        for j, q in enumerate(second.ends()):
            if math.dist(p, q) < SAME_NM:
                u, v = first.tangent(i), second.tangent(j)
                angle = math.acos(max(-1.0, min(1.0, u[0] * v[0] + u[1] * v[1])))
                if angle > WIDE_CORNER:
                    return True
    return False


# Ratio of neighbouring element sizes towards a corner (Babuska and Guo, doi:10.1007/BF02576639, advise about 0.15).
CORNER_FACTOR = 0.15
# Widest angle (rad) one element may span along a circle.
ARC_ANGLE = math.radians(60)
# Keeps rounding from losing a level of refinement.
LEVEL_MARGIN = 0.1
# How fast Netgen lets sizes grow from one element to the next (0 slow, 1 fast), tried in turn.
GRADINGS = (1.0, 0.7, 0.5, 0.3)
# Seconds after which the mesh generator is given up (usual meshes take less than one), and between looks at it.
MESH_SECONDS = 40.0
POLL_SECONDS = 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """Fineness of a mesh.

    `sizes`: largest element (nm) for each region label; `corner_levels`: geometric layers of elements around each
    re-entrant edge; `curve_order`: polynomial degree of the curved elements; `most`: largest number of elements.
    `layer_levels`: geometric layers of thin elements along both sides of the interfaces between the pairs of regions in
    `layered`.
    """

    sizes: Mapping[str, float]
    corner_levels: int
    curve_order: int
    layer_levels: int = 0
    layered: frozenset[frozenset[str]] = frozenset()
    most: float = math.inf


class MeshTooLargeError(SolverError):
    """The mesh would have more elements than allowed; `elements` is their number, or a lower bound of it."""

    def __init__(self, elements: int) -> None:
        super().__init__(f"The mesh would have {elements} elements or more.")
        self.elements = elements

    def __reduce__(self) -> tuple[type[MeshTooLargeError], tuple[int]]:
        return type(self), (self.elements,)


def build_mesh(shapes: Shapes, settings: MeshSettings) -> ngsolve.Mesh:
    """Mesh the half plane; boundaries are named "axis", "mirror", "outer", all others are interfaces.

    Raises
    ------
    SolverError
        The mesh generator found no mesh for this shape, or it does not return.
    MeshTooLargeError
        More elements than `settings.most`.
    """
    pieces = shapes.pieces
    axis, mirror = closing_lines(shapes, pieces)
    writer = _Writer(settings, _corners(pieces, half=shapes.half))
    for piece in pieces:
        writer.piece(piece)
    for start, stop, region in axis:
        writer.line((0.0, start), (0.0, stop), OUTSIDE, region, "axis")
    for start, stop, region in mirror:
        writer.line((start, 0.0), (stop, 0.0), region, OUTSIDE, "mirror")
    largest = max(settings.sizes.values())
    sizes = proximity_sizes(segments(pieces, mirror), largest=largest, smallest=0.7 * shapes.closed_gap)
    # Every second boundary element needs an element of its own at least.
    narrow = list(sizes if math.isinf(settings.most) else islice(sizes, int(2 * settings.most) + 1))
    _refuse_large(len(narrow) // 2, settings)
    mesh = _generate(writer.geometry, largest, narrow)
    if writer.levels:
        mesh.RefineHP(writer.levels, CORNER_FACTOR)
    _refuse_large(mesh.ne, settings)
    mesh.Curve(settings.curve_order)
    return mesh


def _refuse_large(elements: int, settings: MeshSettings) -> None:
    if elements > settings.most:
        raise MeshTooLargeError(elements)


def _generate(geometry: SplineGeometry, largest: float, narrow: Sequence[tuple[float, float, float]]) -> ngsolve.Mesh:
    """Netgen's mesh; where it fails, that with elements that grow more slowly."""
    reason: NgException | None = None
    for grading in GRADINGS:
        parameters = MeshingParameters(maxh=largest, grading=grading)
        for r, z, size in narrow:
            parameters.RestrictH(r, z, 0.0, size)
        try:
            return ngsolve.Mesh(_within(MESH_SECONDS, partial(geometry.GenerateMesh, mp=parameters)))
        except NgException as error:
            reason = error
    message = f"The mesh generator failed for this shape: {reason}."
    raise SolverError(message) from reason


def _within(seconds: float, make: Callable[[], T]) -> T:
    """Return or raise the result of `make`; SolverError if it takes longer.

    The mesh generator releases the interpreter's lock while it works, so that a thread can watch it. One that never
    returns is left behind; it ends with the process.
    """
    done: Queue[tuple[T | None, BaseException | None]] = Queue()

    def work() -> None:
        try:
            done.put((make(), None))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            done.put((None, error))

    Thread(target=work, daemon=True).start()
    end = time.monotonic() + seconds
    while True:
        try:
            # In short waits, so that an interrupt and the time limit of a point are noticed.
            made, error = done.get(timeout=POLL_SECONDS)
        except Empty:
            if time.monotonic() < end:
                continue
            message = (
                f"The mesh generator did not return within {seconds:g} s for this shape; "
                "change a radius or the spacing by 0.01 nm."
            )
            raise SolverError(message) from None
        if error is not None:
            raise error
        return cast("T", made)


def _corners(pieces: Sequence[Piece], *, half: bool) -> set[tuple[float, float]]:
    """Points where the surface of the molecule, or an inner interface, has an edge."""
    material = [piece for piece in pieces if not (_medium(piece.left) and _medium(piece.right))]
    curves = defaultdict(set)
    for piece in material:
        for t in (piece.start, piece.stop):
            r, z = piece.curve.point(t)
            if r > SAME_NM:
                curves[_key(r, z)].add(piece.curve)
    return {
        point
        for point, meeting in curves.items()
        if len(meeting) > 1 or (half and abs(point[1]) < SAME_NM and _slanted(next(iter(meeting))))
    }


def _slanted(curve: object) -> bool:
    """Whether a curve meets the plane z = 0 at other than a right angle."""
    return isinstance(curve, Arc) and abs(curve.z) > SAME_NM


def _medium(region: str) -> bool:
    return region == OUTSIDE or material_of(region) == MEDIUM


def _key(r: float, z: float) -> tuple[float, float]:
    return round(r, 8) + 0.0, round(z, 8) + 0.0


class _Writer:
    """Writes points, arcs and lines into a Netgen geometry, each point once."""

    def __init__(self, settings: MeshSettings, corners: set[tuple[float, float]]) -> None:
        self.geometry = SplineGeometry()
        self.corners = corners
        self._points: dict[tuple[float, float], int] = {}
        self._domains = {OUTSIDE: 0}
        self._settings = settings

    @property
    def levels(self) -> int:
        """Levels of geometric refinement towards the corners and along the interfaces."""
        corners = self._settings.corner_levels if self.corners else 0
        return max(corners, self._settings.layer_levels if self._settings.layered else 0)

    def _domain(self, region: str) -> int:
        if region not in self._domains:
            number = len(self._domains)
            self._domains[region] = number
            self.geometry.SetMaterial(number, region)
            self.geometry.SetDomainMaxH(number, self._settings.sizes[region])
        return self._domains[region]

    def _point(self, r: float, z: float) -> int:
        key = _key(r, z)
        if key not in self._points:
            share = self._share(self._settings.corner_levels) if key in self.corners else 0.0
            self._points[key] = self.geometry.AppendPoint(r, z, hpref=share)
        return self._points[key]

    def _share(self, levels: int) -> float:
        """Input of Netgen for refinement up to some of the levels."""
        return min((levels + LEVEL_MARGIN) / self.levels, 1.0) if levels else 0.0

    def _layers(self, left: str, right: str) -> float:
        return self._share(self._settings.layer_levels) if frozenset((left, right)) in self._settings.layered else 0.0

    def line(self, start: tuple[float, float], stop: tuple[float, float], left: str, right: str, name: str) -> None:
        """Straight line with the regions beside it."""
        layers = self._layers(left, right)
        self.geometry.Append(
            ["line", self._point(*start), self._point(*stop)],
            leftdomain=self._domain(left),
            rightdomain=self._domain(right),
            bc=name,
            hprefleft=layers,
            hprefright=layers,
        )

    def piece(self, piece: Piece) -> None:
        """One piece of the arrangement; arcs in parts of at most ARC_ANGLE."""
        name = "outer" if OUTSIDE in (piece.left, piece.right) else "interface"
        curve = piece.curve
        if not isinstance(curve, Arc):
            self.line(curve.point(piece.start), curve.point(piece.stop), piece.left, piece.right, name)
            return
        parts = max(1, math.ceil((piece.stop - piece.start) / ARC_ANGLE - 1e-9))
        for k in range(parts):
            a = piece.start + (piece.stop - piece.start) * k / parts
            b = piece.stop if k == parts - 1 else piece.start + (piece.stop - piece.start) * (k + 1) / parts
            self._arc(curve, a, b, piece, name)

    def _arc(self, curve: Arc, a: float, b: float, piece: Piece, name: str) -> None:
        middle, stretch = (a + b) / 2, curve.radius / math.cos((b - a) / 2)
        layers = self._layers(piece.left, piece.right)
        control = self.geometry.AppendPoint(stretch * math.sin(middle), curve.z + stretch * math.cos(middle))
        self.geometry.Append(
            ["spline3", self._point(*curve.point(a)), control, self._point(*curve.point(b))],
            leftdomain=self._domain(piece.left),
            rightdomain=self._domain(piece.right),
            bc=name,
            hprefleft=layers,
            hprefright=layers,
        )


# Netgen keeps state of its own while it meshes.
_ONE_AT_A_TIME = threading.Lock()


def geometry_of(molecule: AxialMolecule, *, layers: Sequence[float], box: float, closed_gap: float) -> Shapes:
    """The geometry in which a molecule is meshed: the half plane, or half of it for a mirror-symmetric molecule.

    Parameters
    ----------
    molecule
        The molecule.
    layers
        Offsets (nm) of mesh lines that follow the surface through the medium, the last one the wall of the levels.
    box
        Radius (nm) of the ball about the origin in which the potential is solved; 0 without.
    closed_gap
        Width (nm) below which gaps between spheres that nearly touch are closed.
    """
    return Shapes(molecule, tuple(layers), box, closed_gap, half=molecule.mirror_symmetric)


def mesh_elements(shapes: Shapes, settings: MeshSettings, *, degree: int) -> Elements:
    """Mesh a geometry and tabulate shape functions of one degree.

    Raises
    ------
    SolverError
        The mesh generator found no mesh for this shape, or it does not return.
    MeshTooLargeError
        More elements than `settings.most`.
    """
    with _ONE_AT_A_TIME:
        return tabulate(build_mesh(shapes, settings), AxialSymmetry(mirror=shapes.half), degree=degree)
