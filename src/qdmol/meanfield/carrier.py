"""The lowest state of one carrier in the field of another, by preconditioned subspace iteration.

The state is expanded in a small, growing basis. Each step adds the residual, multiplied with the inverse of the
bare operator, whose factors are known; the other carrier's potential enters through its values at the quadrature
points, so that nothing is factorised anew while the pair converges (Davidson, J. Comput. Phys. 17, 87 (1975),
doi:10.1016/0021-9991(75)90065-0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from qdmol.arrays import Floats
from qdmol.fem import Coefficient, Sector
from qdmol.linalg import Tail
from qdmol.states import TRUNCATION_EXCESS, Hamiltonian, tail_of

# Basis functions kept: beyond, the basis shrinks to the last states.
MAX_BASIS_SIZE = 24


class CarrierSpace:
    """Data of one carrier that do not change while a pair converges: its ground sectors and their factors.

    A function is one vector over all ground sectors, one behind the other; at the quadrature points it has a value (P,)
    for each image of the mesh, P the points of all elements.
    """

    def __init__(self, hamiltonian: Hamiltonian) -> None:
        self.hamiltonian = hamiltonian
        self.symmetry = hamiltonian.symmetry
        self.sectors = self.symmetry.ground_sectors
        self.pencils = {sector: hamiltonian.pencil(sector, coarse=False) for sector in self.sectors}
        self.assembler = hamiltonian.assembler
        ends = np.cumsum([0, *(len(pencil.unknowns) for pencil in self.pencils.values())])
        self._parts = {sector: slice(ends[k], ends[k + 1]) for k, sector in enumerate(self.sectors)}
        self.size = int(ends[-1])
        self._blocks = self.assembler.blocks
        self._unknowns = np.concatenate([block.unknowns.ravel() for block in self._blocks])
        # Signs (images, sectors) of the parts that add up to a function on each image.
        self._signs = np.array([self.symmetry.signs(sector) for sector in self.sectors], dtype=np.float64).T

    @property
    def images(self) -> int:
        """Copies of the meshed part that make up the molecule."""
        return len(self.symmetry.images)

    @property
    def measure(self) -> Floats:
        """Weights (P,) of an integral over the meshed part, without the symmetry's `turn`."""
        return self.assembler.measure

    def precondition(self, x: Floats) -> Floats:
        """Preconditioned vector (A - floor M)^-1 x, for the bare operator."""
        factors = {s: self.hamiltonian.factor_at_floor(s, coarse=False) for s in self.sectors}
        return np.concatenate([factors[s].solve(x[part]) for s, part in self._parts.items()])

    def energy(self, x: Floats) -> Floats:
        """Product A x with the matrix of the bare operator."""
        return np.concatenate([self.pencils[s].A @ x[part] for s, part in self._parts.items()])

    def overlap(self, x: Floats) -> Floats:
        """Product M x with the overlap matrix."""
        return np.concatenate([self.pencils[s].M @ x[part] for s, part in self._parts.items()])

    def parts(self, x: Floats) -> dict[Sector, Floats]:
        """Full vectors (n,) of each ground sector."""
        parts = {}
        for sector, part in self._parts.items():
            full = np.zeros(self.hamiltonian.size)
            full[self.pencils[sector].unknowns] = x[part]
            parts[sector] = full
        return parts

    def without_highest_degree(self, x: Floats) -> Floats:
        """The vector without its shape functions of the highest degree."""
        degrees = np.concatenate([self.pencils[sector].space.degrees for sector in self.sectors])
        return np.where(degrees < degrees.max(), x, 0.0)

    def reduced(self, parts: Mapping[Sector, Floats]) -> Floats:
        """The vector over all ground sectors of full vectors (n,) of each."""
        return np.concatenate([parts[sector][self.pencils[sector].unknowns] for sector in self.sectors])

    def values(self, x: Floats) -> Floats:
        """Values at the quadrature points of every image (images, P)."""
        return self.evaluate(self.parts(x))

    def evaluate(self, parts: Mapping[Sector, Floats]) -> Floats:
        """Values (images, P) of a function given by a full vector (n,) for each ground sector."""
        vectors = np.stack([parts[sector] for sector in self.sectors], axis=1)
        blocks = [np.matmul(b.values, vectors[b.unknowns]).reshape(-1, len(self.sectors)) for b in self._blocks]
        return np.asarray(self._signs @ np.concatenate(blocks).T)

    def loads(self, density: Floats) -> dict[Sector, Floats]:
        """∫ f v over the meshed part for f (images, P), as a full vector (n,) for each ground sector."""
        parts = self._signs.T @ (density * self.measure) / self.images
        begin, local = 0, []
        for block in self._blocks:
            here = parts[:, begin : begin + block.measure.size].reshape(len(parts), *block.measure.shape)
            begin += block.measure.size
            local.append(np.matmul(here.transpose(1, 0, 2), block.values).transpose(1, 0, 2).reshape(len(parts), -1))
        size = self.hamiltonian.size
        sums = [np.bincount(self._unknowns, weights=row, minlength=size) for row in np.concatenate(local, axis=1)]
        return {sector: np.asarray(load, dtype=np.float64) for sector, load in zip(self.sectors, sums, strict=True)}

    def load(self, density: Floats) -> Floats:
        """∫ f v over the meshed part for f (images, P), as a vector over all ground sectors."""
        return self.reduced(self.loads(density))

    def unflatten(self, values: Floats) -> list[Coefficient]:
        """List of arrays (E, Q) for each image, from an array (images, P)."""
        return [self.assembler.split(row) for row in values]

    def tail(self, x: Floats) -> Tail:
        """Decay of the energy with the degree: the slowest among the relevant sectors, and the sum."""
        weights = {s: float(x[part] @ (self.pencils[s].M @ x[part])) for s, part in self._parts.items()}
        heavy = [s for s in self.sectors if weights[s] > 1e-3 * sum(weights.values())]
        tails = [tail_of(self.pencils[s], self.hamiltonian.floor, x[self._parts[s]]) for s in heavy]
        return Tail(max(tail.decay for tail in tails), sum(tail.energy for tail in tails))


def flatten(images: Sequence[Coefficient]) -> Floats:
    """Array with one row (P,) for each image."""
    return np.stack([np.concatenate([part.ravel() for part in image]) for image in images])


class CarrierState:
    """The current state of one carrier, improved step by step in the potential energy of the other.

    Vectors are normalised to x·M x = 1, so that ψ² integrates to the number of images over the whole molecule in the
    elements' measure. Densities (1/nm³) are normalised to one particle.
    """

    def __init__(self, space: CarrierSpace, seeds: Sequence[Floats]) -> None:
        self.space = space
        self._count = 0
        self._basis, self._energies, self._overlaps = (np.empty((MAX_BASIS_SIZE + 1, space.size)) for _ in range(3))
        self._points = np.empty((MAX_BASIS_SIZE + 1, space.images * len(space.measure)))
        # Inner products of the bare operator and of the potential in the basis.
        self._bare, self._field = (np.empty((MAX_BASIS_SIZE + 1, MAX_BASIS_SIZE + 1)) for _ in range(2))
        for seed in seeds:
            self._append(seed)
        self._take(np.eye(self._count)[-1])
        self.level = math.nan
        self.correction = math.inf

    @property
    def density(self) -> Floats:
        """Density (1/nm³) at the quadrature points (images, P)."""
        return self.values**2 / (self.space.symmetry.turn * self.space.images)

    @property
    def bare_energy(self) -> float:
        """Expectation value (eV) of the bare operator."""
        return float(self.vector @ self._energy)

    def integral(self, function: Floats) -> float:
        """Expectation value of a function given at the quadrature points (images, P)."""
        return float(np.sum(self.values**2 * function * self.space.measure)) / self.space.images

    def fall(self, potential: Floats) -> float:
        """Estimated decrease (eV) of the level by the shape functions of the highest degree, as that of bare levels.

        `potential` energy (images, P) in eV; see :func:`qdmol.states.truncation_falls`.
        """
        space = self.space
        lower = space.without_highest_degree(self.vector)
        values = space.values(lower)
        energy = float(lower @ space.energy(lower))
        energy += float(np.sum(values**2 * potential * space.measure)) / space.images
        return max(energy / float(lower @ space.overlap(lower)) - self.level, 0.0) / TRUNCATION_EXCESS

    def improve(self, potential: Floats, *, steps: int) -> None:
        """Enlarge the basis `steps` times and take the lowest state in it; `potential` energy (images, P) in eV."""
        weights = (potential * self.space.measure / self.space.images).ravel()
        points = self._points[: self._count]
        self._field[: self._count, : self._count] = (points * weights) @ points.T
        self._solve()
        for _ in range(steps):
            if self._count > MAX_BASIS_SIZE:
                self._shrink()
            residual = self._energy + self.space.load(potential * self.values) - self.level * self._overlap
            direction = self.space.precondition(residual)
            # The energy this step can gain, to first order: how far the state is from convergence.
            self.correction = float(residual @ direction)
            if not self._append(direction):
                return
            points = self._points[: self._count]
            self._field[self._count - 1, : self._count] = points @ (points[-1] * weights)
            self._solve()

    def forget_basis(self) -> None:
        """Discard the basis and keep the state, which then cannot be improved further."""
        self._count = 0
        self._basis, self._energies, self._overlaps, self._points = (np.empty((0, 0)) for _ in range(4))

    def _append(self, x: Floats) -> bool:
        old = slice(self._count)
        for _ in range(2):
            x = x - (self._overlaps[old] @ x) @ self._basis[old]
        overlap = self.space.overlap(x)
        norm = math.sqrt(max(float(x @ overlap), 0.0))
        if norm < 1e-14:
            return False
        new = self._count
        self._basis[new], self._overlaps[new] = x / norm, overlap / norm
        self._energies[new] = self.space.energy(self._basis[new])
        self._points[new] = self.space.values(self._basis[new]).ravel()
        self._count += 1
        self._bare[new, : self._count] = self._basis[: self._count] @ self._energies[new]
        return True

    def _mixing(self) -> tuple[Floats, Floats]:
        """Levels (k,) and their coefficients (k, k) in the basis, from the lower triangles of the inner products."""
        inner = self._bare[: self._count, : self._count] + self._field[: self._count, : self._count]
        return np.linalg.eigh(inner)

    def _solve(self) -> None:
        levels, mixing = self._mixing()
        self.level = float(levels[0])
        self._take(mixing[:, 0])

    def _take(self, coefficients: Floats) -> None:
        """Set the state to a vector of the basis."""
        here = slice(self._count)
        self.vector = coefficients @ self._basis[here]
        self.values = (coefficients @ self._points[here]).reshape(self.space.images, -1)
        self._energy, self._overlap = coefficients @ self._energies[here], coefficients @ self._overlaps[here]

    def _shrink(self) -> None:
        """Keep the lowest states only."""
        mixing = self._mixing()[1][:, : MAX_BASIS_SIZE // 3].T
        kept, here = len(mixing), slice(self._count)
        for rows in (self._basis, self._energies, self._overlaps, self._points):
            rows[:kept] = mixing @ rows[here]
        for inner in (self._bare, self._field):
            lower = np.tril(inner[here, here])
            full = lower + np.tril(lower, -1).T
            inner[:kept, :kept] = mixing @ full @ mixing.T
        self._count = kept
