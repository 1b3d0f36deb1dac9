"""One carrier in the field of the other: its lowest state by preconditioned subspace iteration.

The state is expanded in a small, growing basis. Each step adds the residual, multiplied with the inverse of the
bare operator, whose factors are at hand; the other carrier's potential enters through its values at the quadrature
points, so that nothing is factorised anew while the pair settles (Davidson, J. Comput. Phys. 17, 87 (1975),
doi:10.1016/0021-9991(75)90065-0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import scipy.linalg

from qdmol.arrays import Floats
from qdmol.fem import Coefficient
from qdmol.linalg import Tail
from qdmol.potentials import combine, images_of
from qdmol.states import Hamiltonian, Pair, tail_of

# Basis functions kept: beyond, the basis shrinks to the last states.
LARGEST_BASIS = 24
# A level in the coarse space serves an error estimate only: it may rest this far (eV) from its limit.
COARSE_REST = 1e-8
COARSE_STEPS = 12


class CarrierSpace:
    """Everything of one carrier that stays the same while the pair settles: blocks with m = 0 and their factors.

    A function is one vector over all parities, one behind the other; at the quadrature points it has a value (P,)
    for each image of the mesh, P the points of all blocks.
    """

    def __init__(self, hamiltonian: Hamiltonian, *, coarse: bool) -> None:
        self.hamiltonian = hamiltonian
        self.coarse = coarse
        self.parities = hamiltonian.parities
        self.pairs: dict[int, Pair] = {p: hamiltonian.pair(0, p, coarse=coarse) for p in self.parities}
        self.assembler = hamiltonian.assembler
        sizes = [len(self.pairs[p].unknowns) for p in self.parities]
        ends = np.cumsum([0, *sizes])
        self._parts = {p: slice(ends[k], ends[k + 1]) for k, p in enumerate(self.parities)}
        self.size = int(ends[-1])

    @property
    def images(self) -> int:
        """Copies of the meshed part that make up the molecule."""
        return len(self.parities)

    @cached_property
    def weights(self) -> Floats:
        """Weights (P,) of ∫ r dr dz."""
        return np.concatenate([(b.weight * b.r).ravel() for b in self.assembler.blocks])

    def precondition(self, x: Floats) -> Floats:
        """(A - floor M)^-1 x for the bare operator."""
        factors = {p: self.hamiltonian.floor_factor(0, p, coarse=self.coarse) for p in self.parities}
        return np.concatenate([factors[p].solve(x[self._parts[p]]) for p in self.parities])

    def energy(self, x: Floats) -> Floats:
        """A x, the bare operator."""
        return np.concatenate([self.pairs[p].A @ x[self._parts[p]] for p in self.parities])

    def overlap(self, x: Floats) -> Floats:
        """M x."""
        return np.concatenate([self.pairs[p].M @ x[self._parts[p]] for p in self.parities])

    def parts(self, x: Floats) -> dict[int, Floats]:
        """Full vectors (n,) of each parity."""
        found = {}
        for p in self.parities:
            full = np.zeros(self.hamiltonian.elements.count)
            full[self.pairs[p].unknowns] = x[self._parts[p]]
            found[p] = full
        return found

    def reduced(self, parts: dict[int, Floats]) -> Floats:
        """The vector over all parities of full vectors (n,) of each parity."""
        return np.concatenate([parts[p][self.pairs[p].unknowns] for p in self.parities])

    def values(self, x: Floats) -> Floats:
        """Values at the quadrature points of every image (images, P)."""
        return flatten(images_of(self.assembler, self.parts(x)))

    def load(self, density: Floats) -> Floats:
        """∫ f v r over the meshed part for f (images, P), as a vector over all parities."""
        images = self.unflatten(density)
        loads = {}
        for p in self.parities:
            loads[p] = self.assembler.load(combine(images, p))
        return self.reduced(loads)

    def unflatten(self, values: Floats) -> list[Coefficient]:
        """(images, P) as one list of arrays (E, Q) for each image."""
        shapes = [block.r.shape for block in self.assembler.blocks]
        ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        return [
            [part.reshape(shape) for part, shape in zip(np.split(row, ends), shapes, strict=True)] for row in values
        ]

    def tail(self, x: Floats) -> Tail:
        """How the state's energy decays with the degree: the slowest of the parities that matter, and the sum."""
        weights = {p: float(x[s] @ (self.pairs[p].M @ x[s])) for p, s in self._parts.items()}
        heavy = [p for p in self.parities if weights[p] > 1e-3 * sum(weights.values())]
        tails = [tail_of(self.pairs[p], self.hamiltonian.floor, x[self._parts[p]]) for p in heavy]
        return Tail(max(tail.decay for tail in tails), sum(tail.energy for tail in tails))


def flatten(images: Sequence[Coefficient]) -> Floats:
    """One row (P,) for each image."""
    return np.stack([np.concatenate([part.ravel() for part in image]) for image in images])


class CarrierState:
    """The current state of one carrier, improved step by step in the potential energy of the other.

    Vectors are normalised to x·M x = 1: over the whole molecule ∫ψ² r dr dz is the number of `images`. Densities
    (1/nm³) are normalised to one particle.
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
        return self.values**2 / (2 * math.pi * self.space.images)

    @property
    def bare_energy(self) -> float:
        """Expectation value (eV) of the bare operator."""
        return float(self.vector @ self.space.energy(self.vector))

    def integral(self, function: Floats) -> float:
        """Expectation value of a function given at the quadrature points (images, P)."""
        return float(np.sum(self.values**2 * function * self.space.weights)) / self.space.images

    def fall(self, coarse: CarrierSpace, potential: Floats) -> float:
        """How much lower (eV) the level lies than in a coarser space, in the same potential energy (images, P)."""
        state = CarrierState(coarse, [coarse.reduced(self.space.parts(self.vector))])
        for _ in range(COARSE_STEPS):
            state.improve(potential, steps=1)
            if state.correction < COARSE_REST:
                break
        return max(state.level - self.level, 0.0)

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
            # The energy this step can gain, to first order: how far the state is from resting.
            self.correction = float(residual @ direction)
            if not self._append(direction):
                return
            self._solve(potential)

    def settle(self) -> None:
        """Keep the state only, of the basis it was found in."""
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
        weighted = values * (potential * self.space.weights / self.space.images)
        inner = basis @ np.stack(self._energies).T
        inner += np.tensordot(weighted, values, axes=([1, 2], [1, 2]))
        levels, mixing = scipy.linalg.eigh((inner + inner.T) / 2)
        self.level = float(levels[0])
        self.vector = mixing[:, 0] @ basis
        self.values = np.tensordot(mixing[:, 0], values, axes=1)
        if len(self.vectors) >= LARGEST_BASIS:
            self._shrink(mixing)

    def _shrink(self, mixing: Floats) -> None:
        keep = mixing[:, : LARGEST_BASIS // 3].T
        self.vectors, self._energies, self._overlaps, self._values = (
            list(np.tensordot(keep, np.stack(rows), axes=1))
            for rows in (self.vectors, self._energies, self._overlaps, self._values)
        )
