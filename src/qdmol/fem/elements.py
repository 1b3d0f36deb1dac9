"""Curved high-order elements as plain arrays: the only form in which a mesh leaves this room.

From an NGSolve mesh and a polynomial degree come :class:`Elements`, NumPy arrays of quadrature points, weights and
shape functions. The shape functions are NGSolve's hierarchical ones (S. Zaglmayr, PhD thesis, JKU Linz 2006): those of
degree p - 1 are a subset of those of degree p, so one tabulation serves both solves of an error estimate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import ngsolve
import numpy as np
import scipy.sparse as sp

from qdmol.arrays import Bools, Floats, Indices
from qdmol.fem.symmetry import Symmetry
from qdmol.linalg import elimination_order

# sample(vectors (..., n), r (P,), z (P,)) gives the values (..., P) of functions at points of the meshed half plane, 0
# outside it; the points are located once for all functions. Elements along a radius take r alone.
Sampler = Callable[..., Floats]


@dataclass(frozen=True, slots=True)
class Block:
    """Elements of one kind: E elements, Q quadrature points each, N shape functions each.

    `unknowns` (E, N); `region` (E,) index into `Elements.regions`; `points` (E, Q, d), nm; `measure` (E, Q) with every
    factor of the volume element but the symmetry's `turn`; `weight` (E, Q) without the factor r, for this room only;
    `values` (E, Q, N); `slopes` (d, E, Q, N) the derivatives, one direction after the other.

    Slopes are stored for every element. In three dimensions, where 20,000 tetrahedra of degree 5 would take 4 GB, they
    have to be stored once for each orientation of the reference element, and mapped where they are used.
    """

    unknowns: Indices
    region: Indices
    points: Floats
    measure: Floats
    weight: Floats
    values: Floats
    slopes: Floats

    @property
    def gradient(self) -> Floats:
        """Gradients (E, Q, N, d) of the shape functions; a view."""
        return np.asarray(np.moveaxis(self.slopes, 0, -1))

    def some(self, chosen: Bools) -> Block:
        """The elements that a mask (E,) chooses."""
        if chosen.all():
            return self
        return Block(
            self.unknowns[chosen],
            self.region[chosen],
            self.points[chosen],
            self.measure[chosen],
            self.weight[chosen],
            self.values[chosen],
            np.stack([slopes[chosen] for slopes in self.slopes]),
        )


@dataclass(frozen=True, slots=True)
class BoundaryBlock:
    """The outer boundary: E elements of it with `unknowns` (E, N), `points` (E, Q, d), `measure` (E, Q) and `values`
    (E, Q, N), as those of :class:`Block`.
    """

    unknowns: Indices
    points: Floats
    measure: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class Elements:
    """A mesh with shape functions of one degree.

    `symmetry` is that of the meshed shapes. Unknowns are numbered in an order of elimination with little fill, which
    every part of them inherits: matrices are factorised as they stand. `degree_of` (n,) is the polynomial degree of
    each unknown's shape function; `boundaries` lists, for the boundaries named "outer" and as the symmetry names them,
    the unknowns that do not vanish there; `regions` the labels the blocks' region indices point to. `with_extra_order`
    tabulates the same functions at the Gauss points of another order, as :func:`tabulate` does.
    """

    symmetry: Symmetry
    degree: int
    count: int
    blocks: tuple[Block, ...]
    outer_boundary: BoundaryBlock | None
    degree_of: Indices
    boundaries: Mapping[str, Indices]
    regions: tuple[str, ...]
    sample: Sampler
    with_extra_order: Callable[[int], Elements]

    @property
    def elements(self) -> int:
        """Number of elements."""
        return sum(len(block.unknowns) for block in self.blocks)

    def values_at(self, images: Sequence[Floats], positions: Floats) -> Floats:
        """Values (..., P) at positions (P, 3) of functions with vectors (..., n) on each image; 0 outside."""
        image, points = self.symmetry.meshed(positions)
        values = np.zeros((*images[0].shape[:-1], len(points)))
        for number, vectors in enumerate(images):
            here = image == number
            values[..., here] = self.sample(vectors, *points[here].T)
        return values

    def allowed(self, boundary_conditions: Iterable[str]) -> Bools:
        """Which unknowns (n,) functions have that vanish on the boundaries of these names."""
        keep = np.ones(self.count, dtype=np.bool_)
        for name in boundary_conditions:
            keep[self.boundaries[name]] = False
        return keep


def tabulate(mesh: ngsolve.Mesh, symmetry: Symmetry, *, degree: int, extra_order: int = 2) -> Elements:
    """Tabulate shape functions and geometry at Gauss points exact to degree 2 `degree` + `extra_order`."""
    space = ngsolve.H1(mesh, order=degree)
    order = 2 * degree + extra_order
    groups = _group(mesh, space)
    boundaries = _library_boundaries(space)
    number = _elimination_numbers(groups, space.ndof, degree, last=boundaries["outer"])
    blocks = tuple(_block(mesh, space, number, kind, members, order) for kind, members in groups.items())
    names = list(mesh.GetMaterials())
    return Elements(
        symmetry=symmetry,
        degree=degree,
        count=space.ndof,
        blocks=blocks,
        outer_boundary=_outer_boundary(mesh, space, number, order),
        degree_of=_degrees(blocks, space.ndof, degree),
        boundaries={name: np.sort(number[unknowns]) for name, unknowns in boundaries.items()},
        regions=tuple(names),
        sample=_sampler(mesh, space, number),
        with_extra_order=lambda extra: tabulate(mesh, symmetry, degree=degree, extra_order=extra),
    )


def _elimination_numbers(groups: dict[ngsolve.ET, list[_Member]], count: int, degree: int, *, last: Indices) -> Indices:
    """Place (n,) of every unknown of the space in an order of elimination, those in `last` at its end: on the outer
    boundary the space outside couples all of them.

    The unknowns of one vertex, edge or interior have the same neighbours, so that the first of them stands for all.
    """
    first = np.arange(count)
    elements, nodes = [], []
    for kind, members in groups.items():
        local = _local_nodes(kind, degree)
        unknowns = np.array([member.unknowns for member in members], dtype=np.intp)
        first[unknowns] = unknowns[:, local]
        here = unknowns[:, np.unique(local)]
        elements.append(np.repeat([member.number for member in members], here.shape[1]))
        nodes.append(here.ravel())
    entries = np.ones(sum(map(len, nodes)), dtype=np.int32), (np.concatenate(elements), np.concatenate(nodes))
    incidence = sp.csr_array(entries, shape=(1 + max(int(part.max()) for part in elements), count))
    present = np.unique(np.concatenate(nodes))
    incidence = incidence[:, present]
    place = np.empty(count, dtype=np.intp)
    place[present] = elimination_order(sp.csc_array(incidence.T @ incidence))
    place = place[first]
    place[last] += count
    order = np.lexsort((np.arange(count), place))
    number = np.empty(count, dtype=np.intp)
    number[order] = np.arange(count)
    return number


def _sampler(mesh: ngsolve.Mesh, space: ngsolve.H1, number: Indices) -> Sampler:
    def sample(vectors: Floats, r: Floats, z: Floats) -> Floats:
        function = ngsolve.GridFunction(space)
        places = mesh(r, z)
        inside = places["nr"] >= 0
        rows = np.atleast_2d(vectors)
        values = np.zeros((len(rows), len(r)))
        for row, vector in zip(values, rows, strict=True):
            function.vec.FV().NumPy()[:] = vector[number]
            if np.any(inside):
                row[inside] = np.asarray(function(places[inside])).ravel()
        return values.reshape(*vectors.shape[:-1], len(r))

    return sample


@dataclass(frozen=True, slots=True)
class _Member:
    number: int
    orientation: tuple[int, ...]
    unknowns: tuple[int, ...]
    region: int


def _group(mesh: ngsolve.Mesh, space: ngsolve.H1) -> dict[ngsolve.ET, list[_Member]]:
    """Elements by kind, each with the orientation class its shape functions depend on."""
    names = {name: k for k, name in enumerate(mesh.GetMaterials())}
    groups: dict[ngsolve.ET, list[_Member]] = defaultdict(list)
    # The space's own elements know their unknowns: to ask for those of each takes ten times as long.
    for element in space.Elements(ngsolve.VOL):
        groups[element.type].append(_Member(element.nr, _orientation(element), tuple(element.dofs), names[element.mat]))
    return dict(groups)


def _orientation(element: ngsolve.FESpaceElement) -> tuple[int, ...]:
    """Local numbers of an element's vertices in the order of their numbers in the mesh."""
    vertices = [vertex.nr for vertex in element.vertices]
    return tuple(sorted(range(len(vertices)), key=vertices.__getitem__))


def _block(
    mesh: ngsolve.Mesh, space: ngsolve.H1, number: Indices, kind: ngsolve.ET, members: list[_Member], order: int
) -> Block:
    rule = ngsolve.IntegrationRule(kind, order)
    numbers = np.array([member.number for member in members])
    points, jacobian = _geometry(mesh, kind, rule, numbers)
    determinant = jacobian[..., 0, 0] * jacobian[..., 1, 1] - jacobian[..., 0, 1] * jacobian[..., 1, 0]
    tables, classes = _tables(space, kind, members, order)
    values, du, dv = (np.stack(parts)[classes] for parts in zip(*tables, strict=True))
    j = (jacobian / determinant[..., None, None])[..., None, :, :]
    weight = np.array(rule.weights) * np.abs(determinant)
    return Block(
        unknowns=number[np.array([member.unknowns for member in members], dtype=np.intp)],
        region=np.array([member.region for member in members], dtype=np.intp),
        points=points,
        measure=weight * points[..., 0],
        weight=weight,
        values=values,
        slopes=_turned(j, du, dv),
    )


def _turned(jacobian: Floats, du: Floats, dv: Floats) -> Floats:
    """Slopes (2, E, Q, N) in space: the inverse transposed Jacobian applied to the reference slopes (E, Q, N).

    `jacobian` (E, Q, 1, 2, 2) is divided by its determinant.
    """
    slopes = np.empty((2, *du.shape))
    for place, (a, first, b, second) in enumerate(
        [(jacobian[..., 1, 1], du, jacobian[..., 1, 0], dv), (jacobian[..., 0, 0], dv, jacobian[..., 0, 1], du)]
    ):
        np.multiply(a, first, out=slopes[place])
        slopes[place] -= b * second
    return slopes


def _tables(
    space: ngsolve.H1, kind: ngsolve.ET, members: list[_Member], order: int
) -> tuple[list[tuple[Floats, Floats, Floats]], Indices]:
    """Reference shape functions of every orientation that occurs, and the number (E,) of each element's."""
    numbers: dict[tuple[int, ...], int] = {}
    tables = []
    for member in members:
        if member.orientation not in numbers:
            numbers[member.orientation] = len(numbers)
            tables.append(_table(_Shape(space, kind, member, order)))
    return tables, np.array([numbers[member.orientation] for member in members], dtype=np.intp)


def _geometry(
    mesh: ngsolve.Mesh, kind: ngsolve.ET, rule: ngsolve.IntegrationRule, numbers: Indices
) -> tuple[Floats, Floats]:
    """Coordinates (E, Q, 2) and Jacobians (E, Q, 2, 2) at the mapped points of the elements of one kind."""
    empty = ngsolve.IntegrationRule([], [])
    other_kind = ngsolve.ET.QUAD if kind == ngsolve.ET.TRIG else ngsolve.ET.TRIG
    points = mesh.MapToAllElements({kind: rule, other_kind: empty}, ngsolve.VOL)
    field = ngsolve.CoefficientFunction((ngsolve.x, ngsolve.y, ngsolve.specialcf.JacobianMatrix(2)))
    samples = np.asarray(field(points)).reshape(len(numbers), len(rule.weights), 6)
    return samples[..., :2].copy(), samples[..., 2:].reshape(*samples.shape[:2], 2, 2)


class _Shape:
    """Reference shape functions of one orientation class; hashable by what they depend on."""

    def __init__(self, space: ngsolve.H1, kind: ngsolve.ET, member: _Member, order: int) -> None:
        self.key = (str(kind), member.orientation, len(member.unknowns), order)
        self.kind, self.order = kind, order
        self.element = space.GetFE(ngsolve.ElementId(ngsolve.VOL, member.number))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shape) and self.key == other.key


@lru_cache(maxsize=256)
def _table(shape: _Shape) -> tuple[Floats, Floats, Floats]:
    """Values and the reference slopes along both coordinates, (Q, N) each."""
    points = [point[:2] for point in ngsolve.IntegrationRule(shape.kind, shape.order).points]
    values = np.array([shape.element.CalcShape(*point) for point in points])
    slopes = np.array([shape.element.CalcDShape(*point) for point in points]).reshape(*values.shape, 2)
    return values, slopes[..., 0].copy(), slopes[..., 1].copy()


def _degrees(blocks: Sequence[Block], count: int, degree: int) -> Indices:
    """Polynomial degree of every unknown's shape function."""
    degrees = np.ones(count, dtype=np.intp)
    for block in blocks:
        triangles = block.unknowns.shape[1] == len(_local_degrees(ngsolve.ET.TRIG, degree))
        degrees[block.unknowns] = _local_degrees(ngsolve.ET.TRIG if triangles else ngsolve.ET.QUAD, degree)
    return degrees


def _local_nodes(kind: ngsolve.ET, degree: int) -> list[int]:
    """For each local unknown in NGSolve's order the first one of the same vertex, edge or interior."""
    corners = 3 if kind == ngsolve.ET.TRIG else 4
    edges = [corners + k * (degree - 1) for k in range(corners) for _ in range(degree - 1)]
    inner = len(_local_degrees(kind, degree)) - corners - len(edges)
    return [*range(corners), *edges, *[corners + len(edges)] * inner]


def _local_degrees(kind: ngsolve.ET, degree: int) -> list[int]:
    """Degrees in NGSolve's order: vertices, edges, interior (Dubiner triangle or tensor square)."""
    edge = list(range(2, degree + 1))
    if kind == ngsolve.ET.TRIG:
        inner = [i + j + 3 for i in range(degree - 2) for j in range(degree - 2 - i)]
        return [1] * 3 + edge * 3 + inner
    inner = [max(i, j) for i in edge for j in edge]
    return [1] * 4 + edge * 4 + inner


def _library_boundaries(space: ngsolve.H1) -> dict[str, Indices]:
    """Unknowns on each named boundary in the library's numbering."""
    unknowns: dict[str, list[tuple[int, ...]]] = {name: [] for name in ("axis", "mirror", "outer")}
    for element in space.Elements(ngsolve.BND):
        if element.mat in unknowns:
            unknowns[element.mat].append(tuple(element.dofs))
    return {name: np.unique(np.array(listed, dtype=np.intp)) for name, listed in unknowns.items()}


def _outer_boundary(mesh: ngsolve.Mesh, space: ngsolve.H1, number: Indices, order: int) -> BoundaryBlock | None:
    if "outer" not in mesh.GetBoundaries():
        return None
    rule = ngsolve.IntegrationRule(ngsolve.ET.SEGM, order)
    unknowns, positions, orientations = [], [], []
    tables: dict[tuple[int, ...], list[Floats]] = {}
    for position, element in enumerate(space.Elements(ngsolve.BND)):
        if element.mat != "outer":
            continue
        orientation = _orientation(element)
        if orientation not in tables:
            shape = space.GetFE(ngsolve.ElementId(ngsolve.BND, element.nr))
            tables[orientation] = [shape.CalcShape(*point[:1]) for point in rule.points]
        unknowns.append(tuple(element.dofs))
        positions.append(position)
        orientations.append(orientation)
    points = mesh.MapToAllElements(rule, ngsolve.BND)
    field = ngsolve.CoefficientFunction((ngsolve.x, ngsolve.y, ngsolve.specialcf.JacobianMatrix(2, 1)))
    samples = np.asarray(field(points)).reshape(-1, len(rule.weights), 4)[positions]
    return BoundaryBlock(
        unknowns=number[np.array(unknowns, dtype=np.intp)],
        points=samples[..., :2],
        measure=np.array(rule.weights) * np.hypot(samples[..., 2], samples[..., 3]) * samples[..., 0],
        values=np.array([tables[orientation] for orientation in orientations]),
    )
