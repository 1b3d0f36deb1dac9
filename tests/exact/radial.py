"""Layered spheres: every level of every angular momentum by two methods, neither of them the solver's.

R(r) obeys -(1/r²) (r² a R')' + (a ell(ell+1)/r² + V) R = E R with a = ħ²/2m, R and a R' continuous (BenDaniel and Duke,
Phys. Rev. 152, 683 (1966), doi:10.1103/PhysRev.152.683).

`radial_levels`: spectral elements, Gauss-Lobatto nodes of degree DEGREE in every element (Patera, J. Comput. Phys.
54, 468 (1984), doi:10.1016/0021-9991(84)90128-1), a dense eigenproblem.
`mismatch`: closed form, spherical Bessel functions in every layer; it vanishes at a level.
"""

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.linalg
from numpy.polynomial import legendre
from scipy.special import ive, kve, spherical_jn, spherical_yn
from threadpoolctl import threadpool_limits

from qdmol.units import HBAR2_OVER_2M0

DEGREE = 24
# Elements span at most this many radians or decay lengths of the fastest function below the top.
PHASE = 7.0
# The outermost wall stands this many decay lengths out.
TAIL = 22.0


@dataclass(frozen=True)
class Sphere:
    """Layers from the centre: outer radii (nm), masses, edges (eV); barrier (inf: hard) and mass outside."""

    radii: tuple[float, ...]
    masses: tuple[float, ...]
    edges: tuple[float, ...]
    barrier: float = math.inf
    outside_mass: float = 1.0


@lru_cache
def lobatto(degree):
    """Nodes on [-1, 1], weights, and the matrix that differentiates nodal values."""
    inner = legendre.Legendre.basis(degree).deriv().roots()
    x = np.concatenate([[-1.0], np.real(inner), [1.0]])
    values = legendre.Legendre.basis(degree)(x)
    weights = 2 / (degree * (degree + 1) * values**2)
    gaps = x[:, None] - x[None, :]
    np.fill_diagonal(gaps, 1.0)
    derivative = values[:, None] / values[None, :] / gaps
    np.fill_diagonal(derivative, 0.0)
    derivative[0, 0], derivative[-1, -1] = -degree * (degree + 1) / 4, degree * (degree + 1) / 4
    return x, weights, derivative


def _ends(sphere, top):
    """Ends of the elements with the inverse mass and edge in each."""
    shells = list(zip(sphere.radii, sphere.masses, sphere.edges, strict=True))
    elements, inner = [], 0.0
    for outer, mass, edge in shells:
        wave = math.sqrt(mass * max(abs(top - edge), abs(min(sphere.edges) - edge), 1e-3) / HBAR2_OVER_2M0)
        parts = max(1, math.ceil((outer - inner) * wave / PHASE))
        marks = np.linspace(inner, outer, parts + 1)
        elements += [(a, b, HBAR2_OVER_2M0 / mass, edge) for a, b in itertools.pairwise(marks)]
        inner = outer
    if math.isfinite(sphere.barrier):
        mass = sphere.outside_mass
        slow = 1 / math.sqrt(mass * max(sphere.barrier - top, 1e-4) / HBAR2_OVER_2M0)
        size = 4 / math.sqrt(mass * (sphere.barrier - min(sphere.edges)) / HBAR2_OVER_2M0)
        end = inner + TAIL * slow
        while inner < end:
            outer = min(inner + size, end)
            elements.append((inner, outer, HBAR2_OVER_2M0 / mass, sphere.barrier))
            inner, size = outer, min(1.5 * size, 5 * slow)
    return elements


def radial_levels(sphere, ell, *, top):
    """All levels (eV) of one ell below `top`, ascending."""
    x, weights, derivative = lobatto(DEGREE)
    elements = _ends(sphere, top)
    size = DEGREE * len(elements) + 1
    energy, overlap = np.zeros((size, size)), np.zeros(size)
    for k, (a, b, stiffness, edge) in enumerate(elements):
        half = (b - a) / 2
        r = a + half * (x + 1)
        w = weights * half
        part = slice(k * DEGREE, (k + 1) * DEGREE + 1)
        energy[part, part] += (derivative.T * (w * stiffness * r**2 / half**2)) @ derivative
        energy[part, part] += np.diag(w * (edge * r**2 + stiffness * ell * (ell + 1)))
        overlap[part] += w * r**2
    # The centre carries no weight of r²: for ell = 0 its value follows from the others, for ell > 0 it is 0.
    if ell == 0:
        energy = energy[1:, 1:] - np.outer(energy[1:, 0], energy[0, 1:]) / energy[0, 0]
    else:
        energy = energy[1:, 1:]
    energy, overlap = energy[:-1, :-1], overlap[1:-1]
    scale = 1 / np.sqrt(overlap)
    with threadpool_limits(limits=1, user_api="blas"):
        values = scipy.linalg.eigvalsh(energy * scale[:, None] * scale)
    return values[values < top]


def sphere_levels(sphere, *, top):
    """All levels below `top` as (energy, ell), ascending, each ell once for its 2l + 1 values of m."""
    found = []
    ell = 0
    while True:
        values = radial_levels(sphere, ell, top=top)
        if not len(values):
            return sorted(found)
        found += [(float(value), ell) for value in values]
        ell += 1


def lowest_levels(sphere, count, *, margin=1e-3):
    """The `count` lowest levels, +m and -m apart, as (energy, ell); only those `margin` below the barrier."""
    limit = sphere.barrier - margin
    spread = HBAR2_OVER_2M0 / min(sphere.masses) / sphere.radii[-1] ** 2
    top = min(min(sphere.edges) + 12 * spread, limit)
    while True:
        found = [pair for pair in sphere_levels(sphere, top=top) for _ in range(2 * pair[1] + 1)]
        if len(found) >= count or top >= limit:
            return found[:count]
        top = min(top + 12 * spread, limit)


def _pair(ell, k2, r):
    """Two independent radial functions and their slopes at r, scaled by positive numbers that do not matter."""
    k = math.sqrt(abs(k2))
    x = k * r
    if k2 > 0:
        return [
            (spherical_jn(ell, x), k * spherical_jn(ell, x, derivative=True)),
            (spherical_yn(ell, x), k * spherical_yn(ell, x, derivative=True)),
        ]
    grow, fall = ive(ell + 0.5, x), kve(ell + 0.5, x)
    grow_slope = ive(ell + 1.5, x) + ell / x * grow
    fall_slope = -kve(ell + 1.5, x) + ell / x * fall
    return [(grow, k * grow_slope), (fall, k * fall_slope)]


def mismatch(sphere, ell, energy):
    """Vanishes at a level: the Wronskian with the decaying function outside, or the value at a hard wall."""
    value, slope, inner = None, None, 0.0
    for radius, mass, edge in zip(sphere.radii, sphere.masses, sphere.edges, strict=True):
        k2 = (energy - edge) * mass / HBAR2_OVER_2M0
        first, second = _pair(ell, k2, radius)
        if value is None:
            value, slope = first
        else:
            # Scaled Bessel functions at two radii: the factors exp(±k r) are put back.
            one, two = _pair(ell, k2, inner)
            shift = math.sqrt(-k2) * (radius - inner) if k2 < 0 else 0.0
            a = value * two[1] - slope * two[0]
            b = slope * one[0] - value * one[1]
            # The Wronskians of the two kinds of pairs have opposite signs.
            sign = 1.0 if k2 > 0 else -1.0
            up, down = sign * a, sign * b * math.exp(-2 * shift)
            value, slope = up * first[0] + down * second[0], up * first[1] + down * second[1]
            norm = math.hypot(value, slope)
            value, slope = value / norm, slope / norm
        slope /= mass
        following = sphere.radii.index(radius) + 1
        slope *= sphere.masses[following] if following < len(sphere.masses) else sphere.outside_mass
        inner = radius
    if math.isinf(sphere.barrier):
        return value
    _, out = _pair(ell, (energy - sphere.barrier) * sphere.outside_mass / HBAR2_OVER_2M0, inner)
    return value * out[1] - slope * out[0]
