"""One electron and one hole in a layered sphere of one permittivity, without the solver or its meshes.

The lowest state has L = 0: ψ = Σ_l Σ_ab c_lab R_la(r_e) S_lb(r_h) P_l(cos θ), θ the angle between electron and hole.
R and S are the levels of each carrier with angular momentum l in a hard box around the sphere, from radial elements of
high degree. The attraction couples l and l' by Σ_k [(2l + 1)(2l' + 1)]^½ (l k l'; 000)² R^k, R^k Slater's integrals
(Slater, Phys. Rev. 34, 1293 (1929), doi:10.1103/PhysRev.34.1293), from the radial Poisson equation.
"""

import itertools
import math
from functools import cached_property

import numpy as np
import scipy.linalg
from numpy.polynomial import legendre
from threadpoolctl import threadpool_limits

from qdmol.units import COULOMB_EV_NM, HBAR2_OVER_2M0

DEGREE = 10


def three_j_squared(a, b, c):
    """(a b c; 0 0 0)²: Edmonds, Angular Momentum in Quantum Mechanics (1957), eq. 3.7.17."""
    if (a + b + c) % 2 or not abs(a - c) <= b <= a + c:
        return 0.0
    half = (a + b + c) // 2
    parts = [2 * half - 2 * a, 2 * half - 2 * b, 2 * half - 2 * c]
    log = sum(math.lgamma(n + 1) for n in parts) - math.lgamma(2 * half + 2)
    log += 2 * (math.lgamma(half + 1) - sum(math.lgamma(half - n + 1) for n in (a, b, c)))
    return math.exp(log)


class RadialElements:
    """Functions u = r R on [0, end], u(0) = 0: hats and integrated Legendre polynomials on each element."""

    def __init__(self, ends):
        x, weights = legendre.leggauss(2 * DEGREE + 2)
        value, slope = self._shapes(x)
        count, points = len(ends) - 1, len(x)
        size = count * DEGREE + 1
        self.r, self.w = np.empty(count * points), np.empty(count * points)
        self.value, self.slope = (np.zeros((count * points, size)) for _ in range(2))
        for e, (a, b) in enumerate(itertools.pairwise(ends)):
            rows, half = slice(e * points, (e + 1) * points), (b - a) / 2
            self.r[rows], self.w[rows] = a + half * (x + 1), weights * half
            own = np.r_[e, e + 1, count + 1 + e * (DEGREE - 1) + np.arange(DEGREE - 1)]
            self.value[rows, own], self.slope[rows, own] = value.T, slope.T / half
        self.end, self.last = ends[-1], count

    @staticmethod
    def _shapes(x):
        value, slope = np.empty((DEGREE + 1, len(x))), np.empty((DEGREE + 1, len(x)))
        value[0], value[1], slope[0], slope[1] = (1 - x) / 2, (1 + x) / 2, -0.5, 0.5
        for k in range(2, DEGREE + 1):
            low, high = legendre.Legendre.basis(k - 2)(x), legendre.Legendre.basis(k)(x)
            value[k] = (high - low) / math.sqrt(2 * (2 * k - 1))
            slope[k] = legendre.Legendre.basis(k - 1)(x) * math.sqrt((2 * k - 1) / 2)
        return value, slope

    def form(self, weight, left, right):
        """∫ weight left right dr of functions at the points."""
        return (left * (self.w * weight)[:, None]).T @ right

    def levels(self, sphere, ell, count):
        """The lowest energies (count,) and normalised u at the points (points, count), zero at the end."""
        radii = np.array(sphere.radii)
        place = np.searchsorted(radii, self.r)
        stiffness = HBAR2_OVER_2M0 / np.array([*sphere.masses, sphere.outside_mass])[place]
        edge = np.array([*sphere.edges, sphere.barrier if math.isfinite(sphere.barrier) else 0.0])[place]
        gradient = self.slope - self.value / self.r[:, None]
        energy = self.form(stiffness, gradient, gradient)
        energy += self.form(edge + stiffness * ell * (ell + 1) / self.r**2, self.value, self.value)
        keep = np.delete(np.arange(self.value.shape[1]), [0, self.last])
        overlap = self.form(1.0, self.value, self.value)
        values, vectors = scipy.linalg.eigh(
            energy[np.ix_(keep, keep)], overlap[np.ix_(keep, keep)], subset_by_index=(0, count - 1)
        )
        return values, self.value[:, keep] @ vectors

    def slater(self, rank, one, two):
        """∫∫ f r_<^k / r_>^(k+1) g (n1, n2) of densities f (points, n1) and g (points, n2)."""
        operator = self.form(1.0, self.slope, self.slope)
        operator += self.form(rank * (rank + 1) / self.r**2, self.value, self.value)
        # Beyond the end u falls as r^-k.
        operator[self.last, self.last] += rank / self.end
        left, right = (self.form(1 / self.r, self.value, density)[1:] for density in (one, two))
        return (2 * rank + 1) * left.T @ scipy.linalg.solve(operator[1:, 1:], right, assume_a="pos")


class PairInSphere:
    """Electron and hole in a sphere: `electron` and `hole` as tests.exact.radial.Sphere of the same radii.

    `ends` of the elements, the last one the box; `waves` l = 0, 1, .. and `count` radial levels of each.
    """

    def __init__(self, electron, hole, permittivity, *, ends, waves, count):
        self.elements = RadialElements(np.asarray(ends, dtype=float))
        self.strength = COULOMB_EV_NM / permittivity
        self.waves, self.count = waves, count
        self._levels = [[self.elements.levels(one, ell, count) for ell in range(waves)] for one in (electron, hole)]

    def _attraction(self, ell, other):
        """Minus the attraction between (a, b) with l and with l' (n², n²), in e²/ε."""
        n = self.count
        densities = [
            (levels[ell][1][:, :, None] * levels[other][1][:, None, :]).reshape(-1, n * n) for levels in self._levels
        ]
        found = np.zeros((n * n, n * n))
        for rank in range(abs(ell - other), ell + other + 1, 2):
            angular = math.sqrt((2 * ell + 1) * (2 * other + 1)) * three_j_squared(ell, rank, other)
            found += angular * self.elements.slater(rank, *densities)
        return found.reshape(n, n, n, n).transpose(0, 2, 1, 3).reshape(n * n, n * n)

    @cached_property
    def parts(self):
        """Energies without attraction (dim,), and the attraction for e²/ε = 1 (dim, dim)."""
        with threadpool_limits(limits=1, user_api="blas"):
            blocks = [[None] * self.waves for _ in range(self.waves)]
            for ell in range(self.waves):
                for other in range(ell, self.waves):
                    blocks[ell][other] = self._attraction(ell, other)
                    blocks[other][ell] = blocks[ell][other].T
        bare = [np.add.outer(*(levels[ell][0] for levels in self._levels)).ravel() for ell in range(self.waves)]
        return np.concatenate(bare), np.block(blocks)

    def energy(self, waves=None, *, strength=None):
        """Lowest energy (eV), of the first waves."""
        bare, attraction = self.parts
        size = (waves or self.waves) * self.count**2
        scale = self.strength if strength is None else strength
        matrix = np.diag(bare[:size]) - scale * attraction[:size, :size]
        return float(scipy.linalg.eigh(matrix, eigvals_only=True, subset_by_index=(0, 0))[0])

    def limit(self, *, strength=None):
        """The energy of all waves: the last ones fall as (l + 1/2)^-4 (Schwartz, Phys. Rev. 126, 1015 (1962))."""
        last = [self.energy(waves, strength=strength) for waves in (self.waves - 1, self.waves)]
        scale = (last[0] - last[1]) * (self.waves - 0.5) ** 4
        ells = np.arange(self.waves, 4000) + 0.5
        return last[1] - scale * float(np.sum(ells**-4.0))

    def second_order(self):
        """Energies of first and second order in the attraction, for e²/ε = 1; of second each wave's part."""
        bare, attraction = self.parts
        parts = attraction[0] ** 2
        parts[1:] /= bare[0] - bare[1:]
        parts[0] = 0.0
        return -float(attraction[0, 0]), parts.reshape(self.waves, -1).sum(axis=1)
