"""Lowest exciton of a layered sphere of uniform permittivity by partial waves on a radial grid.

Shares nothing with the solver: no mesh of the half plane, no orbitals, no self-consistent pair. The lowest state has
L = 0,

    ψ(r_e, r_h) = Σ_l u_l(r_e, r_h) / (r_e r_h) · (2l + 1)^½ / 4π · P_l(cos θ),

θ the angle between electron and hole. Both radial coordinates have the same spectral elements (Gauss-Lobatto nodes);
with lumped quadrature the attraction is diagonal on the grid (Rescigno and McCurdy, Phys. Rev. A 62, 032706 (2000),
doi:10.1103/PhysRevA.62.032706): its multipole k is the inverse of the radial Poisson operator, and l and l' are coupled
by [(2l + 1)(2l' + 1)]^½ (l k l'; 000)². The lowest state comes from Davidson's method with the exact inverse of the
Hamiltonian without attraction.

What the waves from l = L on would bring falls as (l + ½)^-4 (Schwartz, Phys. Rev. 126, 1015 (1962),
doi:10.1103/PhysRev.126.1015); the limit is extrapolated with this and the next power.
"""

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
from tests.exact.pair_sphere import three_j_squared
from tests.exact.radial import lobatto, radial_levels
from threadpoolctl import threadpool_limits

from qdmol.units import COULOMB_EV_NM, HBAR2_OVER_2M0

DEGREE = 8
# Energy (eV) above the lowest edge whose waves an element resolves, in radians per element.
REACH = 0.8
PHASE = 3.5
# The hard wall of the grid stands this many decay lengths out.
TAIL = 10.0
SUBSPACE = 40


@dataclass(frozen=True)
class Limit:
    """Extrapolated energy and the uncertainty of the extrapolation, both in eV."""

    energy: float
    error: float


class RadialGrid:
    """Nodes of spectral elements on [0, end] for u = r R, without the two ends where u = 0.

    `ends` are the ends of the elements (nm), the interfaces of the layers among them.
    """

    def __init__(self, ends, degree=DEGREE):
        x, weights, derivative = lobatto(degree)
        count = len(ends) - 1
        self.size = count * degree + 1
        self.r, self.w = np.zeros(self.size), np.zeros(self.size)
        self.elements = []
        for e, (a, b) in enumerate(itertools.pairwise(ends)):
            part, half = slice(e * degree, (e + 1) * degree + 1), (b - a) / 2
            r = a + half * (x + 1)
            self.r[part] = r
            self.w[part] += weights * half
            with np.errstate(divide="ignore", invalid="ignore"):
                gradient = derivative / half - np.diag(np.where(r > 0, 1 / r, 0.0))
            if r[0] == 0:
                # u' - u/r vanishes at the centre
                gradient[0] = 0.0
            self.elements.append((part, r, weights * half, derivative / half, gradient))
        self.end = float(ends[-1])

    def hamiltonian(self, sphere, ell):
        """Radial Hamiltonian (n, n) in eV of one carrier and one angular momentum, in normalised nodal functions."""
        matrix = np.zeros((self.size, self.size))
        for part, r, w, _, gradient in self.elements:
            middle = (r[0] + r[-1]) / 2
            layer = int(np.searchsorted(sphere.radii, middle))
            mass = [*sphere.masses, sphere.outside_mass][layer]
            edge = [*sphere.edges, sphere.barrier][layer]
            stiffness = HBAR2_OVER_2M0 / mass
            matrix[part, part] += (gradient.T * (w * stiffness)) @ gradient
            with np.errstate(divide="ignore", invalid="ignore"):
                centrifugal = np.where(r > 0, stiffness * ell * (ell + 1) / r**2, 0.0)
            matrix[part, part] += np.diag(w * (edge + centrifugal))
        root = np.sqrt(self.w)
        return (matrix / root / root[:, None])[1:-1, 1:-1]

    def multipole(self, rank):
        """r_<^k / r_>^(k+1) between the densities of the nodal functions (n, n), in 1/nm."""
        matrix = np.zeros((self.size, self.size))
        for part, r, w, derivative, _ in self.elements:
            matrix[part, part] += (derivative.T * w) @ derivative
            with np.errstate(divide="ignore", invalid="ignore"):
                matrix[part, part] += np.diag(np.where(r > 0, w * rank * (rank + 1) / r**2, 0.0))
        matrix[-1, -1] += rank / self.end
        inverse = scipy.linalg.inv(matrix[1:, 1:])[:-1, :-1]
        r = self.r[1:-1]
        return (2 * rank + 1) * inverse / r / r[:, None]


def element_ends(spheres, *, reach=REACH, phase=PHASE):
    """Ends of elements that suit both carriers: a few radians of a wave of `reach` eV each."""
    radii = spheres[0].radii
    ends, inner = [0.0], 0.0
    for layer, outer in enumerate(radii):
        wave = max(math.sqrt(s.masses[layer] * reach / HBAR2_OVER_2M0) for s in spheres)
        parts = max(1, math.ceil((outer - inner) * wave / phase))
        ends += list(np.linspace(inner, outer, parts + 1)[1:])
        inner = outer
    walls = [s for s in spheres if math.isfinite(s.barrier)]
    if walls:
        size = min(HBAR2_OVER_2M0 / s.outside_mass / s.barrier for s in walls) ** 0.5
        longest = max(_tail(s) for s in walls)
        end = inner + TAIL * longest
        while ends[-1] < end:
            ends.append(min(ends[-1] + phase * size, end))
            size = min(1.5 * size, longest)
    return np.array(ends)


def _tail(sphere):
    """Decay length (nm) of the lowest level outside the sphere."""
    spread = HBAR2_OVER_2M0 / min(sphere.masses) / sphere.radii[-1] ** 2
    top, levels = min(sphere.edges), np.empty(0)
    while not len(levels):
        top = min(top + 10 * spread, sphere.barrier - 1e-3)
        levels = radial_levels(sphere, 0, top=top)
        if top == sphere.barrier - 1e-3 and not len(levels):
            message = "the sphere binds no level"
            raise ValueError(message)
    return 1 / math.sqrt(sphere.outside_mass * (sphere.barrier - levels[0]) / HBAR2_OVER_2M0)


class ExcitonInSphere:
    """One electron and one hole; `electron`, `hole` are `tests.exact.radial.Sphere` of the same radii.

    A carrier with a hard wall needs the other's wall hard too, or a barrier high enough to stand for it.
    """

    def __init__(self, electron, hole, permittivity, *, waves=10, degree=DEGREE, phase=PHASE):
        self.grid = RadialGrid(element_ends((electron, hole), phase=phase), degree)
        self.strength = COULOMB_EV_NM / permittivity
        self.spheres = electron, hole
        self.waves = waves

    @cached_property
    def _levels(self):
        with threadpool_limits(limits=1, user_api="blas"):
            return [
                [scipy.linalg.eigh(self.grid.hamiltonian(sphere, ell)) for ell in range(self.waves)]
                for sphere in self.spheres
            ]

    @cached_property
    def _attraction(self):
        """Minus the attraction (waves, waves, n, n) on the grid in eV."""
        n = self.grid.size - 2
        multipoles = [self.grid.multipole(rank) for rank in range(2 * self.waves - 1)]
        found = np.zeros((self.waves, self.waves, n, n))
        for one in range(self.waves):
            for two in range(one, self.waves):
                for rank in range(two - one, one + two + 1, 2):
                    scale = math.sqrt((2 * one + 1) * (2 * two + 1)) * three_j_squared(one, rank, two)
                    found[one, two] += scale * multipoles[rank]
                found[two, one] = found[one, two]
        return self.strength * found

    def energy(self, waves, start=None):
        """Lowest energy (eV) of the first `waves`, and u (waves, n, n)."""
        with threadpool_limits(limits=1, user_api="blas"):
            return self._lowest(waves, start)

    def _lowest(self, waves, start):
        attraction = self._attraction[:waves, :waves]
        levels = [[side[ell] for side in self._levels] for ell in range(waves)]
        mean = attraction[0, 0].mean()

        def bare(u):
            return np.stack([_apply(levels[ell], u[ell], lambda a, b: a[:, None] + b) for ell in range(waves)])

        def apply(u):
            return bare(u) - np.einsum("klij,lij->kij", attraction, u)

        def precondition(u, energy):
            inverse = lambda a, b: 1 / _away(a[:, None] + b - mean - energy)  # noqa: E731
            return np.stack([_apply(levels[ell], u[ell], inverse) for ell in range(waves)])

        n = attraction.shape[-1]
        if start is None:
            start = np.zeros((1, n, n))
            weight = np.outer(levels[0][0][1][:, 0], levels[0][1][1][:, 0])
            start[0] = weight
        x = np.zeros((waves, n, n))
        x[: len(start)] = start
        basis, images = [], []
        for _ in range(400):
            for _ in range(2):
                for b in basis:
                    x = x - b * np.vdot(b, x)
            x = x / np.linalg.norm(x)
            basis.append(x)
            images.append(apply(x))
            inner = np.array([[np.vdot(b, c) for c in images] for b in basis])
            values, mixing = scipy.linalg.eigh((inner + inner.T) / 2)
            vector = np.tensordot(mixing[:, 0], np.array(basis), 1)
            residual = np.tensordot(mixing[:, 0], np.array(images), 1) - values[0] * vector
            # the error of the energy is the square of the residual over the spacing of levels
            if np.linalg.norm(residual) < 2e-5:
                return float(values[0]), vector
            if len(basis) == SUBSPACE:
                keep = mixing[:, :6].T
                basis, images = (list(np.tensordot(keep, np.array(rows), 1)) for rows in (basis, images))
            x = precondition(residual, values[0])
        message = "the lowest state was not found"
        raise RuntimeError(message)

    @cached_property
    def energies(self):
        """Lowest energies (eV) of the first `waves` - 2, - 1, - 0 waves."""
        found, vector = [], None
        for waves in (self.waves - 2, self.waves - 1, self.waves):
            energy, vector = self.energy(waves, vector)
            found.append(energy)
        return found

    def limit(self):
        """The energy of all waves."""
        one, two, three = self.energies
        falls = np.array([one - two, two - three])
        last = np.array([self.waves - 1.5, self.waves - 0.5])
        ells = np.arange(self.waves, 20_000) + 0.5
        leading = falls[1] * last[1] ** 4 * np.sum(ells**-4.0)
        matrix = np.stack([last**-4.0, last**-5.0], axis=1)
        a, b = np.linalg.solve(matrix, falls)
        both = a * np.sum(ells**-4.0) + b * np.sum(ells**-5.0)
        return Limit(float(three - both), float(abs(both - leading)))


def _apply(levels, u, function):
    """A function of the two carriers' bare energies, applied to u (n, n)."""
    (a, left), (b, right) = levels
    return left @ (function(a, b) * (left.T @ u @ right)) @ right.T


def _away(values):
    return np.where(np.abs(values) < 5e-3, 5e-3, values)
