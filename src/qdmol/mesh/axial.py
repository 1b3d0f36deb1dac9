"""The arrangement of boundaries as a curved mesh of the half plane (r, z).

In: :class:`~qdmol.mesh.shapes.Shapes` and an element size for each region. Out: an NGSolve mesh, which stays inside the
room `mesh`. Circles are exact (rational splines) and the elements follow them to high order; around re-entrant edges
the elements shrink geometrically, so that the singular solution costs a few small elements, not accuracy.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
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
from qdmol.mesh.shapes import MEDIUM, OUTSIDE, SAME, Arc, Piece, Shapes, arrange, closing_lines
from qdmol.mesh.sizing import proximity_sizes, segments

__all__ = ["CORNER_FACTOR", "MeshSettings", "MeshTooLargeError", "build_mesh"]

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
WAIT = 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """How finely to mesh.

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
    pieces = arrange(shapes)
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
    message = f"The mesh generator found no mesh for this shape: {reason}."
    raise SolverError(message) from reason


def _within(seconds: float, make: Callable[[], T]) -> T:
    """What `make` returns or raises; SolverError when it takes longer.

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
            made, error = done.get(timeout=WAIT)
        except Empty:
            if time.monotonic() < end:
                continue
            message = (
                f"The mesh generator did not return within {seconds:g} s for this shape; "
                "change a radius or the spacing by a hundredth of a nanometre."
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
            if r > SAME:
                curves[_key(r, z)].add(piece.curve)
    return {
        point
        for point, found in curves.items()
        if len(found) > 1 or (half and abs(point[1]) < SAME and _slanted(next(iter(found))))
    }


def _slanted(curve: object) -> bool:
    """Whether a curve meets the plane z = 0 at other than a right angle."""
    return isinstance(curve, Arc) and abs(curve.z) > SAME


def _medium(region: str) -> bool:
    return region == OUTSIDE or region.startswith(MEDIUM + "/")


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
        """What Netgen takes for refinement up to some of the levels."""
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
