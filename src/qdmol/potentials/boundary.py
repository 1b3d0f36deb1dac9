"""Polarisation charges of interfaces of a molecule with an axis, by boundary integrals on curves of the half plane.

A charge in matter of permittivity ε(x) has the potential of 1/ε(x) charges in empty space, and every interface bears a
surface charge σ such that the normal displacement is continuous. With the normal from ε₁ to ε₂ and δ the contrast,

    σ(y) + (δ/2π) ∫ ∂_n(y) 1/|y - y'| σ(y') dS' = -(δ/2π) ∂_n(y) φ(y),

φ the potential without σ (an integral equation of the second kind: Atkinson, The Numerical Solution of Integral
Equations of the Second Kind, Cambridge University Press 1997). For every m it is one on curves, solved at Gauss points;
near pairs of point and panel are integrated on pieces that shrink towards the point. What couples charge and interface
is softened, 1/√(R² + a²): see :mod:`qdmol.potentials.polarisation`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from qdmol.arrays import Floats, Indices
from qdmol.potentials.surfaces import Panel, RingPoints, Surface, ring_potentials

# A panel nearer to a point than this many of its lengths is integrated anew for it.
NEAR_LENGTHS = 1.0
# Pieces towards the nearest point of a panel: ratio of their distances, how many, Gauss points on each.
PIECE_RATIO, PIECE_COUNT, PIECE_NODES = 3.0, 9, 6
# Terms of the sum over m are taken until e^{-2mη} is this small.
SMALLEST_TERM = 1e-4
# Every m below FIRST_ORDERS is taken, then ORDERS_PER_OCTAVE of every octave, with weights of interpolation: the terms
# are smooth in m.
FIRST_ORDERS, ORDERS_PER_OCTAVE, MAX_OCTAVES = 20, 8, 6
# Rings whose e^{-mη} is below e^{-REACH_EXPONENT} in a whole octave do not feel each other there.
REACH_EXPONENT = 9.5
# Points evaluated at a time: what is kept for them fits a cache.
POINTS_AT_A_TIME = 256
# Rings at a time, where nothing but the memory they take matters.
RINGS_AT_A_TIME = 8000


@dataclass(frozen=True)
class _Near:
    """Pairs of Gauss point and near panel: `row` (K,), `columns` (K, nodes), points (K, Q), weights (K, Q, nodes)."""

    row: Indices
    columns: Indices
    points: RingPoints
    weights: Floats


@dataclass(frozen=True)
class BoundaryResponse:
    """The interfaces' answer to softened point charges."""

    surface: Surface
    softness: float
    _matrices: dict[int, dict[int, Floats]] = field(default_factory=dict, repr=False)

    @property
    def _signs(self) -> tuple[int, ...]:
        """Parities solved apart."""
        return (1, -1) if self.surface.half else (0,)

    @property
    def _images(self) -> tuple[int, ...]:
        """A point above the mirror plane, and its image below."""
        return (1, -1) if self.surface.half else (1,)

    def own_potential(self, r: Floats, z: Floats) -> Floats:
        """Potential (1/nm) of the surface charges of a unit charge at (r, z), taken there: (P,) for points (P,)."""
        distance, panel = self.surface.nearest(r, z)
        octaves = self.octaves(r, distance)
        # Points that need as many terms and lie together are done together.
        ranked = np.lexsort((panel, octaves))
        self._prepare(int(octaves.max(initial=0)))
        potential = np.zeros(len(r))
        for first in range(0, len(r), POINTS_AT_A_TIME):
            chunk = ranked[first : first + POINTS_AT_A_TIME]
            for octave in range(int(octaves[chunk].max()) + 1):
                potential[chunk] += self._sum(r[chunk], z[chunk], octave)
        return potential / (2 * math.pi)

    def octaves(self, r: Floats, distance: Floats) -> Indices:
        """Number of octaves of m that the potential at points needs beyond the first: its terms fall as e^{-2mη}."""
        apart = distance**2 + self.softness**2
        eta = np.arccosh(1 + apart / (2 * r * (r + np.sqrt(apart))))
        wanted = -math.log(SMALLEST_TERM) / (2 * eta)
        return np.clip(np.ceil(np.log2(wanted / FIRST_ORDERS)), 0, MAX_OCTAVES).astype(np.intp)

    def _sum(self, r: Floats, z: Floats, octave: int) -> Floats:
        """The part (P,) of the sum over m that one octave holds, over the Gauss points within its reach."""
        reach = [self._excess(r, z, sign).min(axis=0) < _reach(octave) for sign in self._images]
        # Without a mirror image in reach, even and odd parts differ in the matrices only.
        signs = self._signs if all(np.any(one) for one in reach) else (0,)
        nodes = np.flatnonzero(np.any(reach, axis=0))
        points = self.surface.points[nodes]
        # Most chunks meet every node in the first octave: then nothing is copied.
        both = ... if len(nodes) == len(reach[0]) else np.ix_(nodes, nodes)
        orders, weights = orders_of(octave)
        images = [
            ring_potentials(r[:, None], sign * z[:, None], points, softness=self.softness, orders=orders)
            for sign in self._images[: len(signs)]
        ]
        total = np.zeros(len(r))
        for m, weight, *parts in zip(orders, weights, *images, strict=True):
            for sign in signs:
                value, slope = parts[0]
                if sign:
                    value, slope = value + sign * parts[1][0], (slope + sign * parts[1][1]) / 2
                total += weight * np.einsum("pi,pi->p", value.astype(np.float32) @ self._matrices[m][sign][both], slope)
        return total

    def _excess(self, r: Floats, z: Floats, sign: int) -> Floats:
        """χ - 1 (P, N) of points or their mirror images and the Gauss points."""
        points = self.surface.points
        apart = (points.z - sign * z[:, None]) ** 2 + (points.r - r[:, None]) ** 2
        return np.asarray(apart / (2 * points.r * r[:, None]))

    def _prepare(self, octaves: int) -> None:
        """For each m and parity the matrix (N, N) from slopes at the Gauss points to weighted surface charges; kept.

        In single precision, which the potential bears (2e-7 of it): they fill most of the memory.
        """
        strength = self.surface.contrast / (2 * math.pi)
        for octave in range(octaves + 1):
            orders = orders_of(octave)[0]
            if orders[0] in self._matrices:
                continue
            images = [self._normal_slopes(octave, sign) for sign in self._images]
            for m, *parts in zip(orders, *images, strict=True):
                self._matrices[m] = {}
                for sign in self._signs:
                    slope = parts[0] + sign * parts[1] if sign else parts[0]
                    system = np.eye(len(strength)) + strength[:, None] * slope
                    charge = np.linalg.solve(system, np.diag(-strength))
                    self._matrices[m][sign] = (self.surface.weights[:, None] * charge).astype(np.float32)
                if 0 not in self._matrices[m]:
                    self._matrices[m][0] = (self._matrices[m][1] + self._matrices[m][-1]) / 2

    def _normal_slopes(self, octave: int, sign: int) -> Iterator[Floats]:
        """For each m the matrix (N, N) of ∂_n(y) ∫ k_m(y, y') .. r' ds', y' on the surface or its mirror image."""
        surface = self.surface
        points, near = surface.points, self._near[sign]
        orders = orders_of(octave)[0]
        excess = (points.z[:, None] - sign * points.z) ** 2 + (points.r[:, None] - points.r) ** 2
        excess /= 2 * points.r[:, None] * points.r
        excess[near.row[:, None], near.columns] = np.inf
        at, source = np.nonzero(excess < _reach(octave))
        far = _stacked(points.r[source], sign * points.z[source], points[at], orders)
        row = points[near.row][:, None]
        local = _stacked(near.points.r, near.points.z, row, orders, near.weights)
        matrix = np.zeros_like(excess)
        for k in range(len(orders)):
            matrix[at, source] = far[k] * surface.weights[source]
            matrix[near.row[:, None], near.columns] = local[k]
            yield matrix

    @cached_property
    def _near(self) -> dict[int, _Near]:
        return {sign: _near_pairs(self.surface, sign) for sign in self._images}


def _stacked(r: Floats, z: Floats, points: RingPoints, orders: Sequence[int], weights: Floats | None = None) -> Floats:
    """Slopes of all orders (orders, K, ..), summed with weights (K, Q, n) over Q where given; some rings at a time."""
    shape = r.shape if weights is None else (len(r), weights.shape[-1])
    stacked = np.empty((len(orders), *shape))
    step = max(1, RINGS_AT_A_TIME * len(r) // max(r.size, 1))
    for first in range(0, len(r), step):
        part = slice(first, first + step)
        rings = ring_potentials(r[part], z[part], points[part], softness=0.0, orders=orders)
        for k, (_, slope) in enumerate(rings):
            stacked[k, part] = slope if weights is None else np.einsum("kq,kqn->kn", slope, weights[part])
    return stacked


def _near_pairs(surface: Surface, sign: int) -> _Near:
    """Pairs of Gauss points and near panels, of the surface (1) or its mirror image (-1)."""
    pairs = []
    for number, panel in enumerate(surface.panels):
        for row, (r, z) in enumerate(zip(surface.points.r, surface.points.z, strict=True)):
            t, distance = panel.nearest(r, sign * z)
            if distance < NEAR_LENGTHS * panel.length:
                pairs.append((row, number, t))
    shape = (len(pairs), 2 * PIECE_COUNT * PIECE_NODES)
    r, z, weights = np.empty(shape), np.empty(shape), np.empty((*shape, surface.nodes))
    for k, (_, number, t) in enumerate(pairs):
        panel = surface.panels[number]
        place, weight = _graded(panel, t)
        points = panel.points(place)
        r[k], z[k] = points.r, sign * points.z
        weights[k] = (weight * points.r)[:, None] * _lagrange(surface, panel, place)
    rows = np.array([pair[0] for pair in pairs], dtype=np.intp)
    first = np.array([pair[1] for pair in pairs], dtype=np.intp) * surface.nodes
    return _Near(rows, first[:, None] + np.arange(surface.nodes), RingPoints(r, z, r, z), weights)


def _reach(octave: int) -> float:
    """Largest χ - 1 of rings that feel each other in an octave: e^{-mη} is not small."""
    return math.cosh(REACH_EXPONENT / orders_of(octave)[0][0]) - 1 if octave else math.inf


@lru_cache
def orders_of(octave: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Orders m and weights of the sum over m of either sign in an octave: 0 (m < N), 1 (N to 2 N - 1), ...

    N is FIRST_ORDERS.

    >>> orders, weights = orders_of(2)
    >>> abs(sum(w * 0.98**m for m, w in zip(orders, weights)) / sum(2 * 0.98**m for m in range(40, 80)) - 1) < 1e-9
    True
    """
    if octave == 0:
        return tuple(range(FIRST_ORDERS)), (1.0,) + (2.0,) * (FIRST_ORDERS - 1)
    low = FIRST_ORDERS * 2 ** (octave - 1)
    every = np.arange(low, 2 * low)
    points = np.polynomial.legendre.leggauss(ORDERS_PER_OCTAVE)[0]
    orders = np.rint(low - 0.5 + (points + 1) / 2 * low).astype(np.intp)
    moments = np.polynomial.legendre.legvander(2 * (every - low) / low - 1, ORDERS_PER_OCTAVE - 1).sum(axis=0)
    weights = np.linalg.solve(
        np.polynomial.legendre.legvander(2 * (orders - low) / low - 1, ORDERS_PER_OCTAVE - 1).T, moments
    )
    return tuple(orders.tolist()), tuple((2 * weights).tolist())


def _graded(panel: Panel, t: float) -> tuple[Floats, Floats]:
    """Parameters and weights (of ds) on pieces that shrink towards t."""
    points, weights = np.polynomial.legendre.leggauss(PIECE_NODES)
    cuts = np.concatenate([[0.0], PIECE_RATIO ** -np.arange(PIECE_COUNT - 1.0, -1.0, -1.0)])
    low, high = cuts[:-1, None], cuts[1:, None]
    unit = ((low + high) / 2 + (high - low) / 2 * points).ravel()
    share = ((high - low) / 2 * weights).ravel()
    left, right = t - panel.start, panel.stop - t
    place = np.concatenate([t - left * unit, t + right * unit])
    return place, np.concatenate([left * share, right * share]) * panel.scale


def _lagrange(surface: Surface, panel: Panel, place: Floats) -> Floats:
    """Values (Q, nodes) at parameters of the polynomials that are 1 at one Gauss point and 0 at the others."""
    nodes = surface.rule[0]
    x = (2 * place - panel.start - panel.stop) / (panel.stop - panel.start)
    basis = np.polynomial.legendre.legvander(nodes, len(nodes) - 1)
    return np.asarray(np.linalg.solve(basis.T, np.polynomial.legendre.legvander(x, len(nodes) - 1).T).T)
