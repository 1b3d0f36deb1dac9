"""Levels of a layered sphere with self-polarisation, without the solver, its meshes or its series.

Of every multipole l of a charge at r, the surface charges on the spheres R_k have a potential u with values u_k on them
that is A r^l + B r^-(l+1) in each layer. Continuity of ε ∂_n(u + φ), φ the softened potential of the charge, is a
tridiagonal system in the u_k. The radial equation is solved by spectral elements (:mod:`tests.exact.radial`), smaller
near the interfaces.
"""

import itertools
import math

import numpy as np
import scipy.linalg
from tests.exact.radial import TAIL, lobatto
from threadpoolctl import threadpool_limits

from qdmol.units import COULOMB_EV_NM, HBAR2_OVER_2M0

# Multipoles are added up until the next ones bring less than this part.
CUT = 1e-13
# Elements: degree, least distance of their ends in widths, and distances of the ends from an interface in widths. The
# potential changes over half a width.
DEGREE = 14
CLOSEST = 0.15
GRADED = (0.25, 0.6, 1.2, 2.5, 5.0, 10.0)


def softened(r, radius, softness, orders):
    """Multipoles g_l (orders, P) of 1/√(r² + R² - 2rR x + a²) = Σ g_l P_l(x), and their derivatives along R."""
    far, near = np.hypot(r + radius, softness), np.hypot(r - radius, softness)
    far_slope, near_slope = (r + radius) / far, (radius - r) / near
    u, v = (far + near) / 2, (far - near) / 2
    du, dv = (far_slope + near_slope) / 2, (far_slope - near_slope) / 2
    l = np.arange(orders)[:, None]  # noqa: E741
    value = (v / u) ** l / u
    return value, value * (l * dv / v - (l + 1) * du / u)


def polarisation_potential(r, radii, permittivities, softness):
    """Potential (1/nm) of the surface charges induced by a unit charge at distances (P,) > 0, taken there."""
    radii = np.asarray(radii, dtype=float)
    softest = softness / radii.max()
    orders = min(6000, math.ceil(-math.log(CUT) / (2 * softest)))
    parts = [softened(r, radius, softness, orders) for radius in radii]
    push = np.stack([slope for _, slope in parts], axis=1)  # (orders, K, P)
    size = len(radii)
    total = np.zeros(len(r))
    for l in range(orders):  # noqa: E741
        inner, outer = _slopes(l, radii)
        eps = np.asarray(permittivities, dtype=float)
        system = eps[:-1, None] * inner - eps[1:, None] * outer
        values = np.linalg.solve(system, -(eps[:-1] - eps[1:])[:, None] * push[l])
        charge = (inner - outer) @ values / (4 * math.pi)
        for k in range(size):
            total += 4 * math.pi * radii[k] ** 2 / (2 * l + 1) * charge[k] * parts[k][0][l]
    return total


def _slopes(l, radii):  # noqa: E741
    """Matrices (K, K) from values on the spheres to the slopes just inside and just outside each."""
    size = len(radii)
    inner, outer = np.zeros((size, size)), np.zeros((size, size))
    inner[0, 0] = l / radii[0]
    outer[-1, -1] = -(l + 1) / radii[-1]
    for k in range(size - 1):
        a, b = radii[k], radii[k + 1]
        ratio = a / b
        # u = x (r/b)^l + y (a/r)^(l+1): values at a and b.
        shape = np.array([[ratio**l, 1.0], [1.0, ratio ** (l + 1)]])
        at_a = np.array([l / a * ratio**l, -(l + 1) / a])
        at_b = np.array([l / b, -(l + 1) / b * ratio ** (l + 1)])
        outer[k, [k, k + 1]] += np.linalg.solve(shape.T, at_a)
        inner[k + 1, [k, k + 1]] += np.linalg.solve(shape.T, at_b)
    return inner, outer


class PolarisedSphere:
    """`sphere` as tests.exact.radial.Sphere, `permittivities` of the layers and the medium, `width` of interfaces."""

    def __init__(self, sphere, permittivities, width, *, binding=0.05):
        self.sphere = sphere
        x, self._weights, self._derivative = lobatto(DEGREE)
        self._elements = _elements(sphere, width, binding)
        nodes = [a + (b - a) / 2 * (x + 1) for a, b, _ in self._elements]
        r = np.maximum(np.unique(np.concatenate(nodes)), 1e-6)
        potential = polarisation_potential(r, sphere.radii, permittivities, width / 2)
        self._r = nodes
        self._energy = [
            COULOMB_EV_NM / (2 * permittivities[layer]) * np.interp(np.maximum(one, 1e-6), r, potential)
            for one, (_, _, layer) in zip(nodes, self._elements, strict=True)
        ]

    def levels(self, ell, count):
        """The `count` lowest energies (eV) of one angular momentum."""
        sphere = self.sphere
        masses, edges = [*sphere.masses, sphere.outside_mass], [*sphere.edges, sphere.barrier]
        size = DEGREE * len(self._elements) + 1
        energy, overlap = np.zeros((size, size)), np.zeros(size)
        for k, (a, b, layer) in enumerate(self._elements):
            half, r = (b - a) / 2, self._r[k]
            w, stiffness = self._weights * half, HBAR2_OVER_2M0 / masses[layer]
            part = slice(k * DEGREE, (k + 1) * DEGREE + 1)
            energy[part, part] += (self._derivative.T * (w * stiffness * r**2 / half**2)) @ self._derivative
            local = (edges[layer] + self._energy[k]) * r**2 + stiffness * ell * (ell + 1)
            energy[part, part] += np.diag(w * local)
            overlap[part] += w * r**2
        if ell == 0:
            energy = energy[1:, 1:] - np.outer(energy[1:, 0], energy[0, 1:]) / energy[0, 0]
        else:
            energy = energy[1:, 1:]
        scale = 1 / np.sqrt(overlap[1:-1])
        with threadpool_limits(limits=1, user_api="blas"):
            return scipy.linalg.eigvalsh(energy[:-1, :-1] * scale[:, None] * scale, subset_by_index=(0, count - 1))


def _elements(sphere, width, binding):
    """(start, stop, layer) of elements that shrink towards every interface; `binding` (eV) of the slowest tail."""
    ends = [0.0, *sphere.radii]
    if math.isfinite(sphere.barrier):
        ends.append(sphere.radii[-1] + TAIL / math.sqrt(sphere.outside_mass * binding / HBAR2_OVER_2M0))
    marks = set(ends)
    for radius in sphere.radii:
        marks |= {radius + sign * step * width for sign in (1, -1) for step in GRADED}
    marks |= set(np.arange(0.0, sphere.radii[-1], 1.0).tolist())
    marks |= {sphere.radii[-1] + 0.5 * 1.5**k for k in range(12)}
    # No element is far smaller than the width: that would cost digits.
    near = CLOSEST * width
    kept = sorted(ends)
    for mark in sorted(marks):
        if 0 < mark < ends[-1] and min(abs(mark - other) for other in kept) > near:
            kept.append(mark)
    kept.sort()
    return [(a, b, int(np.searchsorted(sphere.radii, (a + b) / 2))) for a, b in itertools.pairwise(kept)]
