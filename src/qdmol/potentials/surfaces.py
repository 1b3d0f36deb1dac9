"""Interfaces of a molecule with an axis: curved panels with Gauss points, and potentials of charged rings on them.

Every stretch of boundary across which the permittivity changes is cut into panels, short where another stretch is near
and around edges; of a mirror-symmetric molecule in the upper half only. A point of a panel represents a ring about the
axis, and the potential of a charged ring is a sum over azimuthal parts of 1/√(R² + a²):

    1/√(|x - y|² + a²) = (1/2π) Σ_m k_m(x, y) e^{im(φ - φ')},   k_m = 2 Q_{m-1/2}(χ) / √(r r'),
    χ = 1 + ((r - r')² + (z - z')² + a²) / (2 r r'),

Q the Legendre function of the second kind (Cohl and Tohline, Astrophys. J. 527, 86 (1999), doi:10.1086/308062; a = 0
there). Every m follows from m = 0, a complete elliptic integral, by the ratios of neighbours: from above, where the
recurrence of Q is stable.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.fem import Arc, Line, Piece, geometry_of
from qdmol.structure import MEDIUM, AxialMolecule

# The ratios start from their asymptotic form this many orders above the last one wanted: what it is off decays.
EXTRA_ORDERS = 10
ORDER_SHIFT = math.sqrt(1 / 12)
# From this η on the start is forgotten after EXTRA_ORDERS orders, whatever it is.
FORGETTING_ETA = 1.2


@dataclass(frozen=True, slots=True)
class RingPoints:
    """Points (r, z) of a surface with its unit normal, all of one shape."""

    r: Floats
    z: Floats
    normal_r: Floats
    normal_z: Floats

    def __getitem__(self, index: object) -> RingPoints:
        """Some of the points."""
        return RingPoints(*(getattr(self, name)[index] for name in self.__slots__))


def ring_potentials(
    r: Floats, z: Floats, points: RingPoints, *, softness: float, orders: Sequence[int]
) -> Iterator[tuple[Floats, Floats]]:
    """Yield k_m and its derivative along the points' normals for some m, in growing order.

    Parameters
    ----------
    r, z
        Rings of charge (nm), of a shape that broadcasts with the points'.
    points
        Where the potential is taken.
    softness
        The length a (nm).
    orders
        The m wanted, growing.
    """
    from scipy.special import ellipkm1  # takes long to load, and only self-polarisation needs it

    apart = (points.r - r) ** 2 + (points.z - z) ** 2 + softness**2
    product = points.r * r
    excess = apart / (2 * product)
    chi = 1 + excess
    ratios = _ratios(excess, orders[-1] + 1)
    value = 2 / np.sqrt(product) * np.sqrt(2 / (2 + excess)) * ellipkm1(excess / (2 + excess))
    along = points.normal_r * (1 / r - chi / points.r) + points.normal_z * (points.z - z) / product
    along /= excess * (2 + excess)
    own = points.normal_r / (2 * points.r)
    wanted = set(orders)
    for m, ratio in enumerate(ratios):
        if m in wanted:
            yield value, value * ((m + 0.5) * (ratio - chi) * along - own)
        value = value * ratio


def _ratios(excess: Floats, orders: int) -> Floats:
    """Q_{m+1/2} / Q_{m-1/2} at 1 + excess for m = 0 .. orders - 1: (orders, ...)."""
    top = orders + EXTRA_ORDERS
    ratio = _start(excess, top)
    ratios = np.empty((orders, *excess.shape))
    twice = 2 + 2 * excess
    step = np.empty_like(excess)
    for m in range(top, 0, -1):
        # Q_{m+1/2} (m + 1/2) = 2 m χ Q_{m-1/2} - (m - 1/2) Q_{m-3/2}
        ratio *= -(m + 0.5)
        np.multiply(twice, m, out=step)
        ratio += step
        np.divide(m - 0.5, ratio, out=ratios[m - 1] if m <= orders else ratio)
        if m <= orders:
            ratio[...] = ratios[m - 1]
    return ratios


def _start(excess: Floats, top: int) -> Floats:
    """Q_{top+1/2} / Q_{top-1/2}: Q_{m-1/2} tends to √(η / sinh η) K_0(m η), with √(m² + 1/12) for m to order m^-4."""
    from scipy.special import k0e

    eta = np.log1p(excess + np.sqrt(excess * (2 + excess)))
    ratio = np.exp(-eta)
    low, high = math.hypot(top, ORDER_SHIFT), math.hypot(top + 1, ORDER_SHIFT)
    small = eta < FORGETTING_ETA
    close = eta[small]
    ratio[small] = k0e(high * close) / k0e(low * close) * np.exp((low - high) * close)
    return ratio


# Panel length over its distance from the next stretch of boundary.
LENGTH_OVER_DISTANCE = 1.5
# Interfaces of a contrast below WEAK_CONTRAST bear little charge, and panels longer by WEAK_CONTRAST_LENGTH serve.
WEAK_CONTRAST, WEAK_CONTRAST_LENGTH = 0.06, 1.5


@dataclass(frozen=True, slots=True)
class Panel:
    """Part of an interface; `contrast` is (ε₁ - ε₂)/(ε₁ + ε₂), the normal pointing from 1 to 2."""

    curve: Arc | Line
    start: float
    stop: float
    contrast: float

    @property
    def scale(self) -> float:
        """Length (nm) per unit of the parameter."""
        return self.curve.radius if isinstance(self.curve, Arc) else 1.0

    @property
    def length(self) -> float:
        """Length, nm."""
        return (self.stop - self.start) * self.scale

    def points(self, t: Floats) -> RingPoints:
        """Points with normals at parameters of any shape."""
        if isinstance(self.curve, Arc):
            sine, cosine = np.sin(t), np.cos(t)
            return RingPoints(self.curve.radius * sine, self.curve.z + self.curve.radius * cosine, sine, cosine)
        ones = np.ones_like(t)
        return RingPoints(self.curve.r * ones, t, -ones, 0 * ones)

    def nearest(self, r: float, z: float) -> tuple[float, float]:
        """Parameter of the panel's point nearest to (r, z), and the distance (nm)."""
        if isinstance(self.curve, Arc):
            t = math.atan2(r, z - self.curve.z)
            # Below the centre on the other side of the axis is still the same half circle.
            t = t if t >= self.start - math.pi else t + 2 * math.pi
        else:
            t = z
        t = min(max(t, self.start), self.stop)
        return t, math.dist(self.curve.point(t), (r, z))


@dataclass(frozen=True)
class Surface:
    """Panels with Gauss points; `half` if they are those of the upper half only."""

    panels: tuple[Panel, ...]
    nodes: int
    half: bool

    @cached_property
    def rule(self) -> tuple[Floats, Floats]:
        """Gauss points and weights on (-1, 1)."""
        points, weights = np.polynomial.legendre.leggauss(self.nodes)
        return np.asarray(points), np.asarray(weights)

    @cached_property
    def points(self) -> RingPoints:
        """All Gauss points (N,)."""
        points = [panel.points(self.parameters(panel)) for panel in self.panels]
        return RingPoints(*(np.concatenate([getattr(part, name) for part in points]) for name in RingPoints.__slots__))

    @cached_property
    def weights(self) -> Floats:
        """Weights (N,) of ∫ r ds."""
        return np.concatenate([panel.length / 2 * self.rule[1] for panel in self.panels]) * self.points.r

    @cached_property
    def contrast(self) -> Floats:
        """The contrast (N,) at the Gauss points."""
        return np.repeat([panel.contrast for panel in self.panels], self.nodes)

    def parameters(self, panel: Panel) -> Floats:
        """Parameters of a panel's Gauss points."""
        return (panel.start + panel.stop) / 2 + (panel.stop - panel.start) / 2 * self.rule[0]

    def nearest(self, r: Floats, z: Floats) -> tuple[Floats, NDArray[np.intp]]:
        """Distance (nm) of points (P,) from the nearest interface, and the number of the panel there."""
        distances = np.full(len(r), np.inf)
        number = np.zeros(len(r), dtype=np.intp)
        for k, panel in enumerate(self.panels):
            for sign in (1, -1) if self.half else (1,):
                distance = _distance(panel, r, sign * z)
                number = np.where(distance < distances, k, number)
                distances = np.minimum(distance, distances)
        return distances, number


def _distance(panel: Panel, r: Floats, z: Floats) -> Floats:
    t = np.arctan2(r, z - panel.curve.z) if isinstance(panel.curve, Arc) else z
    foot = panel.points(np.clip(t, panel.start, panel.stop))
    return np.hypot(foot.r - r, foot.z - z)


def interfaces(molecule: AxialMolecule, *, closed_gap: float, nodes: int, longest: float, shortest: float) -> Surface:
    """Panels of every interface across which the permittivity changes.

    Parameters
    ----------
    molecule
        The molecule.
    closed_gap
        Width (nm) below which what lies between two spheres that nearly touch is closed.
    nodes
        Gauss points of a panel.
    longest, shortest
        Lengths (nm) panels are cut down to everywhere, and at most.
    """
    half = molecule.mirror_symmetric
    pieces = geometry_of(molecule, layers=(), box=0.0, closed_gap=closed_gap).pieces
    contrasts = [(piece, _contrast(molecule, piece)) for piece in pieces]
    stretches = [Panel(piece.curve, piece.start, piece.stop, contrast) for piece, contrast in contrasts if contrast]
    panels: list[Panel] = []
    for stretch in stretches:
        others = [(neighbour, 1) for neighbour in stretches if neighbour is not stretch]
        others += [
            (neighbour, -1) for neighbour in stretches if half and not (neighbour is stretch and _crosses(stretch))
        ]
        allowed = longest if abs(stretch.contrast) > WEAK_CONTRAST else WEAK_CONTRAST_LENGTH * longest
        cuts = np.linspace(stretch.start, stretch.stop, math.ceil(stretch.length / allowed) + 1)
        for start, stop in pairwise(cuts.tolist()):
            panels += _cut(replace(stretch, start=start, stop=stop), others, shortest)
    return Surface(tuple(panels), nodes, half)


def _contrast(molecule: AxialMolecule, piece: Piece) -> float:
    """The curve's own normal points to its left."""
    inner, outer = (molecule.parameters[name or MEDIUM].permittivity for name in (piece.right, piece.left))
    return (inner - outer) / (inner + outer)


def _crosses(panel: Panel) -> bool:
    """Whether a curve's mirror image is the curve itself."""
    return isinstance(panel.curve, Line) or panel.curve.z == 0


def _cut(panel: Panel, others: list[tuple[Panel, int]], shortest: float) -> Iterator[Panel]:
    """Halve a panel until it is short against its distance from the other stretches and their mirror images."""
    middle = (panel.start + panel.stop) / 2
    allowed = math.inf
    for t in (panel.start, middle, panel.stop):
        r, z = panel.curve.point(t)
        for neighbour, sign in others:
            distance = neighbour.nearest(r, sign * z)[1]
            allowed = min(allowed, LENGTH_OVER_DISTANCE * (distance + (panel.length / 2 if t != middle else 0)))
    if panel.length <= max(allowed, shortest):
        yield panel
        return
    for start, stop in ((panel.start, middle), (middle, panel.stop)):
        yield from _cut(replace(panel, start=start, stop=stop), others, shortest)
