"""Errors of levels that no refinement of the shape functions removes, and the parts that remain in differences.

Three shares: the wall in the medium (Hadamard's formula), the quadrature and the surface charges of the
self-polarisation, and narrow gaps that are closed. The first two are known element by element, so that the error of a
difference of two levels counts only where their densities differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats
from qdmol.fem import Assembler, Coefficient
from qdmol.potentials import Density
from qdmol.states.discretisation import Resolution, gap_error
from qdmol.states.hamiltonian import Hamiltonian, ScreenedHamiltonian
from qdmol.states.solving import CURVATURE_SHARE, ROUNDING_EV, Level
from qdmol.states.wall import WALL_SAFETY, Wall, wall_shares


@dataclass(frozen=True, slots=True)
class State:
    """A one-particle state.

    `energy` is the expectation value (eV) of the bare Hamiltonian, `density` ψ², normalised to 1 in the elements'
    measure.
    """

    energy: float
    density: Density

    @classmethod
    def of_level(cls, level: Level) -> State:
        """State of a level of the bare Hamiltonian."""

        def density(assembler: Assembler) -> Coefficient:
            return [values**2 for values in assembler.evaluate(level.vector)]

        return cls(level.energy, density)

    @classmethod
    def of_field_level(cls, operator: ScreenedHamiltonian, level: Level) -> State:
        """State of a level in the other carrier's field, both images of the mesh added up."""
        images = operator.images(level.vector)

        def density(assembler: Assembler) -> Coefficient:
            return _sum_of_squares(assembler, images)

        assembler = operator.bare.assembler
        field = 0.0
        for vector, energies in zip(images, operator.energies, strict=True):
            squares = (values**2 for values in assembler.evaluate(vector))
            field += assembler.integral([v * e for v, e in zip(squares, energies, strict=True)])
        return cls(level.energy - field, density)


def _sum_of_squares(assembler: Assembler, vectors: list[Floats]) -> Coefficient:
    parts = [[values**2 for values in assembler.evaluate(vector)] for vector in vectors]
    return [np.sum(blocks, axis=0) for blocks in zip(*parts, strict=True)]


@dataclass(frozen=True)
class ModelErrors:
    """Errors (eV) of one carrier's states at one resolution and distance of the wall."""

    hamiltonian: Hamiltonian
    wall: Wall
    resolution: Resolution

    def of(self, state: State) -> float:
        """Error (eV) of the energy of a state."""
        return self.of_either_sign(state) + WALL_SAFETY * float(self._wall(state).sum())

    def of_either_sign(self, state: State) -> float:
        """The part of the error (eV) that may raise or lower the energy: a wall only raises it."""
        polarised = self.hamiltonian.polarisation
        own = 0.0 if polarised is None else polarised.error(state.density)
        return self._gap(state) + own

    def difference(self, low: State, high: State) -> float:
        """Error (eV) of the difference of two states' energies.

        Closing a gap may move bonding and antibonding states apart, so that its share counts for both.
        """
        polarised = self.hamiltonian.polarisation
        own = 0.0 if polarised is None else polarised.difference_error(low.density, high.density)
        wall = float(np.abs(self._wall(high) - self._wall(low)).sum())
        return self._gap(low) + self._gap(high) + own + WALL_SAFETY * wall

    def rounding(self, energy: float) -> float:
        """Error (eV) of an energy from rounding and from curved elements of finite degree."""
        return ROUNDING_EV + CURVATURE_SHARE * abs(energy - self.hamiltonian.floor)

    def _gap(self, state: State) -> float:
        hamiltonian = self.hamiltonian
        return gap_error(hamiltonian.molecule, self.resolution, hamiltonian.carrier, state.energy)

    def _wall(self, state: State) -> Floats:
        return wall_shares(self.hamiltonian, self.wall, state.energy, state.density)
