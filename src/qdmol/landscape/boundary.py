"""Polarisation charges of interfaces, by boundary integrals on curves of the half plane.

A charge in matter of permittivity ε(x) has the potential of 1/ε(x) charges in empty space, and every interface bears a
surface charge σ such that the normal displacement is continuous. With the normal from ε₁ to ε₂ and δ the contrast,

    σ(y) + (δ/2π) ∫ ∂_n(y) 1/|y - y'| σ(y') dS' = -(δ/2π) ∂_n(y) φ(y),

φ the potential without σ (an integral equation of the second kind: Atkinson, The Numerical Solution of Integral
Equations of the Second Kind, Cambridge 1997, doi:10.1017/CBO9780511626340). For every m it is one on curves, solved at Gauss
points; near pairs of point and panel are integrated on pieces that shrink towards the point. What couples charge and
interface is softened, 1/√(R² + a²): see :mod:`qdmol.landscape.polarisation`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qdmol.landscape.rings import RingPoints, ring_potentials
from qdmol.landscape.surfaces import Panel, Surface

__all__ = ["BoundaryResponse"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

# A panel nearer to a point than this many of its lengths is integrated anew for it.
NEAR = 1.0
# Pieces towards the nearest point of a panel: ratio of their distances, how many, Gauss points on each.
RATIO, PIECES, GAUSS = 3.0, 9, 6
# Terms of the sum over m still to come, relative to the first, at which it is cut; their sum is extrapolated.
CUT = 3e-4
ORDERS = (4, 400)
# From this m on, only Gauss points with χ - 1 < REACH count: beyond, rings feel each other less than e^{-SPLIT η}.
SPLIT, REACH = 20, 0.11
# Points evaluated at a time: what is kept for them fits a cache.
CHUNK = 96


@dataclass(frozen=True)
class _Near:
    """Pairs of Gauss point and near panel: `row` (K,), first `column` (K,), points (K, Q), weights (K, Q, nodes)."""

    row: Integers
    column: Integers
    points: RingPoints
    weights: Floats


@dataclass(frozen=True)
class BoundaryResponse:
    """The interfaces' answer to softened point charges."""

    surface: Surface
    softness: float
    _matrices: list[dict[int, Floats]] = field(default_factory=list, repr=False)

    @cached_property
    def _signs(self) -> tuple[int, ...]:
        return (1, -1) if self.surface.half else (0,)

    def own_potential(self, r: Floats, z: Floats) -> Floats:
        """Potential (1/nm) of the surface charges of a unit charge at (r, z), taken there: (P,) for points (P,)."""
        distance, panel = self.surface.nearest(r, z)
        orders = self._orders(r, distance)
        # Points that need about as many terms and lie together are done together.
        ranked = np.lexsort((panel, np.ceil(2 * np.log2(orders))))
        self._prepare(int(orders.max(initial=1)))
        found = np.empty(len(r))
        for first in range(0, len(r), CHUNK):
            chunk = ranked[first : first + CHUNK]
            found[chunk] = self._sum(r[chunk], z[chunk], int(orders[chunk].max()))
        return found

    def _orders(self, r: Floats, distance: Floats) -> Integers:
        """How many m the potential at points needs: its terms fall as e^{-2mη}."""
        apart = distance**2 + self.softness**2
        eta = np.arccosh(1 + apart / (2 * r * (r + np.sqrt(apart))))
        return np.clip(np.ceil(-math.log(CUT) / (2 * eta)), *ORDERS).astype(np.intp)

    def _sum(self, r: Floats, z: Floats, orders: int) -> Floats:
        """Σ_m over all Gauss points for the first m, over those within reach for higher ones."""
        split = min(orders, SPLIT)
        every = np.arange(len(self.surface.weights))
        terms = list(self._terms(r, z, every, range(split)))
        if orders > split:
            terms += self._terms(r, z, self._within_reach(r, z), range(split, orders))
        total = 2 * np.sum(terms, axis=0) - terms[0]
        term, last = terms[-1], terms[-2]
        ratio = np.clip(np.divide(term, last, out=np.zeros_like(term), where=last != 0), 0, 0.99)
        return np.asarray(total + 2 * term * ratio / (1 - ratio)) / (2 * math.pi)

    def _within_reach(self, r: Floats, z: Floats) -> Integers:
        """Gauss points whose rings the points' rings of order SPLIT still feel."""
        points = self.surface.points
        apart = (points.r - r[:, None]) ** 2 + (points.z - z[:, None]) ** 2
        if self.surface.half:
            apart = np.minimum(apart, (points.r - r[:, None]) ** 2 + (points.z + z[:, None]) ** 2)
        return np.flatnonzero(np.min(apart / (2 * points.r * r[:, None]), axis=0) < REACH)

    def _terms(self, r: Floats, z: Floats, nodes: Integers, orders: range) -> Iterator[Floats]:
        """Terms (P,) of the sum over m that count the Gauss points `nodes`."""
        points, both = self.surface.points[nodes], np.ix_(nodes, nodes)
        images = [
            ring_potentials(r[:, None], sign * z[:, None], points, softness=self.softness, orders=orders.stop)
            for sign in (1, -1)[: len(self._signs)]
        ]
        for m, parts in enumerate(zip(*images, strict=True)):
            if m not in orders:
                continue
            term = np.zeros(len(r))
            for sign, matrix in self._matrices[m].items():
                value, slope = parts[0]
                if sign:
                    value, slope = value + sign * parts[1][0], (slope + sign * parts[1][1]) / 2
                term += np.einsum("pi,pi->p", value @ matrix[both], slope)
            yield term

    def _prepare(self, orders: int) -> None:
        """For each m and parity the matrix (N, N) from slopes at the Gauss points to weighted surface charges."""
        if orders <= len(self._matrices):
            return
        surface = self.surface
        strength = surface.contrast / (2 * math.pi)
        images = [self._normal_slopes(orders, sign) for sign in (1, -1)[: len(self._signs)]]
        self._matrices.clear()
        for parts in zip(*images, strict=True):
            matrices = {}
            for sign in self._signs:
                slope = parts[0] + sign * parts[1] if sign else parts[0]
                system = np.eye(len(strength)) + strength[:, None] * slope
                matrices[sign] = surface.weights[:, None] * np.linalg.solve(system, np.diag(-strength))
            self._matrices.append(matrices)

    def _normal_slopes(self, orders: int, sign: int) -> Iterator[Floats]:
        """For each m the matrix (N, N) of ∂_n(y) ∫ k_m(y, y') .. r' ds', y' on the surface or its mirror image."""
        surface = self.surface
        points, near = surface.points, self._near(sign)
        count, nodes = len(points.r), surface.nodes
        # The own panel's diagonal is replaced, and must not be singular before.
        columns = near.column[:, None] + np.arange(nodes)
        shifted = np.where(sign * points.z == points.z[:, None], 1.0, 0.0) * (points.r == points.r[:, None])
        far = ring_potentials(
            (points.r + shifted), sign * points.z + 0 * shifted, points[:, None], softness=0.0, orders=orders
        )
        close = ring_potentials(
            near.points.r, near.points.z, points[near.row][:, None], softness=0.0, orders=orders
        )
        for (_, slope), (_, local) in zip(far, close, strict=True):
            matrix = slope * surface.weights
            matrix[near.row[:, None], columns] = np.einsum("kq,kqn->kn", local, near.weights)
            assert matrix.shape == (count, count)
            yield matrix

    def _near(self, sign: int) -> _Near:
        surface = self.surface
        rows, columns, starts, points, weights = [], [], [], [], []
        for number, panel in enumerate(surface.panels):
            for row, (r, z) in enumerate(zip(surface.points.r, surface.points.z, strict=True)):
                t, distance = panel.nearest(r, sign * z)
                if distance < NEAR * panel.length:
                    rows.append(row)
                    columns.append(number * surface.nodes)
                    starts.append((panel, t))
        for panel, t in starts:
            place, weight = _graded(panel, t)
            found = panel.points(place)
            points.append((found.r, sign * found.z))
            weights.append((weight * found.r)[:, None] * _lagrange(surface, panel, place))
        if not rows:
            empty = np.empty((0, 1))
            return _Near(np.empty(0, np.intp), np.empty(0, np.intp), RingPoints(*[empty] * 4), np.empty((0, 1, surface.nodes)))
        r, z = (np.array(part) for part in zip(*points, strict=True))
        return _Near(np.array(rows), np.array(columns), RingPoints(r, z, r, z), np.array(weights))


def _graded(panel: Panel, t: float) -> tuple[Floats, Floats]:
    """Parameters and weights (of ds) on pieces that shrink towards t."""
    points, weights = np.polynomial.legendre.leggauss(GAUSS)
    cuts = np.concatenate([[0.0], RATIO ** -np.arange(PIECES - 1.0, -1.0, -1.0)])
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
