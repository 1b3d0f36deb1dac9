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
import scipy.linalg

from qdmol.arrays import Floats
from qdmol.fem import Coefficient, Sector
from qdmol.linalg import Tail
from qdmol.potentials import images_of, part_of
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
        return flatten(images_of(self.assembler, self.parts(x)))

    def load(self, density: Floats) -> Floats:
        """∫ f v over the meshed part for f (images, P), as a vector over all ground sectors."""
        images = self.unflatten(density)
        return self.reduced({s: self.assembler.load(part_of(self.symmetry, images, s)) for s in self.sectors})

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
        self.vectors: list[Floats] = []
        self._energies: list[Floats] = []
        self._overlaps: list[Floats] = []
        self._values: list[Floats] = []
        for seed in seeds:
            self._append(seed)
        self.vector = self.vectors[-1]
        self.values = self._values[-1]
        self.level = math.nan
        self.correction = math.inf

    @property
    def density(self) -> Floats:
        """Density (1/nm³) at the quadrature points (images, P)."""
        return self.values**2 / (self.space.symmetry.turn * self.space.images)

    @property
    def bare_energy(self) -> float:
        """Expectation value (eV) of the bare operator."""
        return float(self.vector @ self.space.energy(self.vector))

    def integral(self, function: Floats) -> float:
        """Expectation value of a function given at the quadrature points (images, P)."""
        return float(np.sum(self.values**2 * function * self.space.measure)) / self.space.images

    def fall(self, potential: Floats) -> float:
        """Estimated decrease (eV) of the level by the shape functions of highest degree, in potential energy (images, P).

        As of levels: see :func:`qdmol.states.truncation_falls`.
        """
        space = self.space
        lower = space.without_highest_degree(self.vector)
        values = space.values(lower)
        energy = float(lower @ space.energy(lower))
        energy += float(np.sum(values**2 * potential * space.measure)) / space.images
        return max(energy / float(lower @ space.overlap(lower)) - self.level, 0.0) / TRUNCATION_EXCESS

    def improve(self, potential: Floats, *, steps: int) -> None:
        """Enlarge the basis `steps` times and take the lowest state in it; `potential` energy (images, P) in eV."""
        self._solve(potential)
        for _ in range(steps):
            residual = (
                self.space.energy(self.vector)
                + self.space.load(potential * self.values)
                - self.level * self.space.overlap(self.vector)
            )
            direction = self.space.precondition(residual)
            # The energy this step can gain, to first order: how far the state is from convergence.
            self.correction = float(residual @ direction)
            if not self._append(direction):
                return
            self._solve(potential)

    def forget_basis(self) -> None:
        """Discard the basis and keep the state."""
        self.vectors, self._values = [self.vector], [self.values]
        self._energies, self._overlaps = [self.space.energy(self.vector)], [self.space.overlap(self.vector)]

    def _append(self, x: Floats) -> bool:
        for _ in range(2):
            for vector, overlap in zip(self.vectors, self._overlaps, strict=True):
                x = x - vector * (overlap @ x)
        norm = math.sqrt(max(float(x @ self.space.overlap(x)), 0.0))
        if norm < 1e-14:
            return False
        x = x / norm
        self.vectors.append(x)
        self._energies.append(self.space.energy(x))
        self._overlaps.append(self.space.overlap(x))
        self._values.append(self.space.values(x))
        return True

    def _solve(self, potential: Floats) -> None:
        basis = np.stack(self.vectors)
        values = np.stack(self._values)
        weighted = values * (potential * self.space.measure / self.space.images)
        inner = basis @ np.stack(self._energies).T
        inner += np.tensordot(weighted, values, axes=([1, 2], [1, 2]))
        levels, mixing = scipy.linalg.eigh((inner + inner.T) / 2)
        self.level = float(levels[0])
        self.vector = mixing[:, 0] @ basis
        self.values = np.tensordot(mixing[:, 0], values, axes=1)
        if len(self.vectors) >= MAX_BASIS_SIZE:
            self._shrink(mixing)

    def _shrink(self, mixing: Floats) -> None:
        keep = mixing[:, : MAX_BASIS_SIZE // 3].T
        self.vectors, self._energies, self._overlaps, self._values = (
            list(np.tensordot(keep, np.stack(rows), axes=1))
            for rows in (self.vectors, self._energies, self._overlaps, self._values)
        )
