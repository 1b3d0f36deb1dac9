"""The self-consistent pair: an electron and a hole, each in the field of the other, without self-interaction (Hartree).

The energy of the pair, X[ψe, ψh] = <Te + Ve> + <Th + Vh> - ∫∫ ne nh e²/(4πε0 ε |r - r'|), is minimised alternately
over one
state with the other kept fixed: each iteration can only lower X, so that the iteration cannot oscillate and needs no
damping. It converges to a fixed point.

Where another dot binds the hole more strongly by more than the attraction gives, as in a field or beside a larger core,
a dot has no self-consistent pair. The exciton with the hole in that dot still exists and needs orbitals of that kind. A
constrained pair provides them: a step of CONSTRAINT_EV in the hole's potential energy outside the part of space nearest
to the dot keeps the hole there. Constrained pairs are no fixed points; only their orbitals are used.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats
from qdmol.fem import Sector
from qdmol.meanfield.carrier import CarrierSpace, CarrierState
from qdmol.potentials import CARRIERS, Carrier, Poisson
from qdmol.states import Hamiltonian
from qdmol.structure import PlacedDot, nearest_dot
from qdmol.units import COULOMB_EV_NM

# A pair has converged when neither state can gain more than this (eV), and an iteration changes the levels by less than
# `level_change`.
STATE_CONVERGENCE_EV = 1e-10
MAX_ITERATIONS = 300
# New basis functions in an iteration: the field changes as fast as the states follow it.
STEPS = 1
# New basis functions of a hole in a new field at first, where no bare level is known.
FIRST_STEPS = 4
# Step (eV) in the hole's potential energy that keeps it in its dot.
CONSTRAINT_EV = 0.5
# Orbitals need levels converged to this (eV) only.
CONSTRAINED_LEVEL_CHANGE_EV = 1e-5


@dataclass(frozen=True)
class Pairing:
    """The two carriers' spaces and the Poisson solver of one degree."""

    electron: CarrierSpace
    hole: CarrierSpace
    poisson: Poisson

    def potential_of(self, source: CarrierState) -> dict[Sector, Floats]:
        """Potential (eV for a unit charge) of one carrier, a vector (n,) for each ground sector."""
        loads = source.space.loads(source.density)
        return self.poisson.solve({sector: 4 * math.pi * COULOMB_EV_NM * load for sector, load in loads.items()})


@dataclass(frozen=True)
class SelfConsistentPair:
    """A self-consistent pair; `converged` is False if MAX_ITERATIONS `iterations` were not sufficient.

    `exciton` and `attraction` in eV; `electron_energy` is the electron's potential energy (images, P) in the hole's
    field, `hole_energy` the hole's in the electron's; the carriers' potentials (eV for a unit charge) are one
    vector (n,) for each ground sector.
    """

    exciton: float
    attraction: float
    electron: CarrierState
    hole: CarrierState
    electron_energy: Floats
    hole_energy: Floats
    electron_potential: dict[Sector, Floats]
    hole_potential: dict[Sector, Floats]
    converged: bool
    iterations: int


def converge_pair(
    pairing: Pairing,
    dot: PlacedDot,
    *,
    level_change: float,
    constraint: Floats | float = 0.0,
    bare: Mapping[Carrier, Sequence[Floats]] | None = None,
) -> SelfConsistentPair:
    """Find the pair with the hole started in one dot.

    Parameters
    ----------
    pairing
        The carriers' spaces.
    dot
        Where both carriers start.
    level_change
        Change of the levels (eV) in one iteration at which it ends; an iteration leaves about a fifth of it.
    constraint
        Potential energy (eV; images, P) that the hole feels during the iteration, and that its energy does not contain.
    bare
        Vectors of bare levels over all ground sectors, from which the states are close by. Where another dot has lower
        levels it must not contain them: the hole would leave its dot.
    """
    near = bare or dict.fromkeys(CARRIERS, ())
    electron, hole = _seeded(pairing.electron, dot, near["electron"]), _seeded(pairing.hole, dot, near["hole"])
    hole_energy = _ball_energy(pairing, dot)
    hole.improve(hole_energy + constraint, steps=STEPS if bare else FIRST_STEPS)
    last = math.inf
    iteration = 0
    while iteration < MAX_ITERATIONS:
        iteration += 1
        hole.improve(hole_energy + constraint, steps=STEPS)
        hole_potential = pairing.potential_of(hole)
        electron_energy = -pairing.electron.evaluate(hole_potential)
        electron.improve(electron_energy, steps=STEPS)
        electron_potential = pairing.potential_of(electron)
        hole_energy = -pairing.hole.evaluate(electron_potential)
        levels = electron.level + hole.level
        if max(electron.correction, hole.correction) < STATE_CONVERGENCE_EV and abs(levels - last) < level_change:
            break
        last = levels
    attraction = electron.integral(electron_energy)
    electron.forget_basis()
    hole.forget_basis()
    return SelfConsistentPair(
        exciton=electron.bare_energy + hole.bare_energy + attraction,
        attraction=attraction,
        electron=electron,
        hole=hole,
        electron_energy=electron_energy,
        hole_energy=hole_energy,
        electron_potential=electron_potential,
        hole_potential=hole_potential,
        converged=iteration < MAX_ITERATIONS,
        iterations=iteration,
    )


def _seeded(space: CarrierSpace, dot: PlacedDot, bare: Sequence[Floats]) -> CarrierState:
    """Starting vectors: bare levels, and the response of the bare operator to a source inside the dot."""
    inside = [dot.distance(positions) < dot.radius for positions in space.assembler.positions]
    return CarrierState(space, [*bare, space.precondition(space.load(np.stack(inside).astype(float)))])


def _ball_energy(pairing: Pairing, dot: PlacedDot) -> Floats:
    """Energy (eV; images, P) of the hole in the field of one electron spread evenly over the dot."""
    scale = COULOMB_EV_NM / pairing.poisson.molecule.parameters[dot.layers[0].material].permittivity
    energies = []
    for positions in pairing.hole.assembler.positions:
        distance = dot.distance(positions)
        far = np.maximum(distance, dot.radius)
        inside = (3 * dot.radius**2 - distance**2) / (2 * dot.radius**3)
        energies.append(-scale * np.where(distance < dot.radius, inside, 1 / far))
    return np.stack(energies)


def constrained_pairs(
    hamiltonians: Mapping[Carrier, Hamiltonian], poisson: Poisson, dots: Collection[int]
) -> tuple[SelfConsistentPair, ...]:
    """A constrained pair for each of some dots of a molecule.

    Of dots that are images of each other both get the same pair, that of the one which comes first along z.
    """
    if not dots:
        return ()
    electron, hole = (hamiltonians[carrier] for carrier in CARRIERS)
    molecule = hole.molecule
    pairing = Pairing(CarrierSpace(electron), CarrierSpace(hole), poisson)
    pairs = []
    for number in sorted(dots):
        position = molecule.dots[number].position
        orbit = hole.symmetry.orbit(position)
        if position != orbit[0]:
            continue
        constraint = CONSTRAINT_EV * np.stack(
            [nearest_dot(positions, molecule.centres) != number for positions in hole.assembler.positions]
        )
        pair = converge_pair(
            pairing, molecule.dots[number], level_change=CONSTRAINED_LEVEL_CHANGE_EV, constraint=constraint
        )
        pairs += [pair] * len(orbit)
    for hamiltonian in (electron, hole):
        hamiltonian.release()
    return tuple(pairs)
