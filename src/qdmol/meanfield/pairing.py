"""The self-consistent pair: an electron and a hole, each in the other's field, no self-interaction (Hartree).

The energy of the pair, X[ψe, ψh] = <Te + Ve> + <Th + Vh> - ∫∫ ne nh e²/(4πε0 ε |r - r'|), is lowered by turns over
the one state with the other held: each turn can only lower X, so that the iteration cannot oscillate and needs no
damping. It rests at a fixed point.

Pairs whose hole is held in a dot that it would leave: for orbitals only, they are no fixed points.

Where another dot holds the hole better by more than the attraction gives, as in a field or beside a larger core, the
self-consistent pair of a dot does not exist; the exciton with the hole in that dot does, and needs orbitals that know
of it. A step of HOLD in the hole's potential energy beyond the dot's part of the axis keeps it there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qdmol.arrays import Floats
from qdmol.meanfield.carrier import CarrierSpace, CarrierState, flatten
from qdmol.potentials import Poisson, images_of
from qdmol.structure import PlacedDot
from qdmol.units import COULOMB_EV_NM

if TYPE_CHECKING:
    from qdmol.meanfield.solving import MoleculeSolution


# A pair rests when neither state can gain more than this (eV), and a turn changes the levels by less than `level_rest`.
STATE_REST = 1e-10
TURNS = 300
# New basis functions a turn: the field changes as fast as the states settle in it.
STEPS = 1


@dataclass(frozen=True)
class Pairing:
    """The two carriers' spaces and the Poisson solver of one degree."""

    electron: CarrierSpace
    hole: CarrierSpace
    poisson: Poisson

    def potential_of(self, source: CarrierState) -> dict[int, Floats]:
        """Potential (eV for a unit charge) of one carrier, a vector (n,) for each parity."""
        return self.poisson.potential(source.space.assembler, source.space.unflatten(source.density))

    def energy_of(self, source: CarrierState, target: CarrierSpace) -> Floats:
        """Potential energy (images, P) of the target carrier in the field of the source, attractive."""
        return -flatten(images_of(target.assembler, self.potential_of(source)))


@dataclass(frozen=True)
class SettledPair:
    """A fixed point (or where the turns ran out: `settled` False).

    `exciton` and `attraction` in eV; `electron_energy` is the electron's potential energy (images, P) in the hole's
    field, `hole_energy` the hole's in the electron's; the carriers' potentials (eV for a unit charge) are one
    vector (n,) for each parity.
    """

    exciton: float
    attraction: float
    electron: CarrierState
    hole: CarrierState
    electron_energy: Floats
    hole_energy: Floats
    electron_potential: dict[int, Floats]
    hole_potential: dict[int, Floats]
    settled: bool
    turns: int


def settle(pairing: Pairing, dot: PlacedDot, *, level_rest: float, hold: Floats | float = 0.0) -> SettledPair:
    """Find the pair with the hole started in one dot.

    `level_rest`: change of the levels (eV) in one turn below which the pair rests; a turn leaves about a fifth of it.
    `hold` (images, P) is a potential energy (eV) that the hole feels on the way, and that its energy does not contain.
    """
    electron, hole = _seeded(pairing.electron, dot), _seeded(pairing.hole, dot)
    hole_energy = _ball_energy(pairing, dot)
    hole.improve(hole_energy + hold, steps=4)
    last = math.inf
    turn = 0
    while turn < TURNS:
        turn += 1
        hole.improve(hole_energy + hold, steps=STEPS)
        electron_energy = pairing.energy_of(hole, pairing.electron)
        electron.improve(electron_energy, steps=STEPS)
        hole_energy = pairing.energy_of(electron, pairing.hole)
        rest = electron.level + hole.level
        if max(electron.correction, hole.correction) < STATE_REST and abs(rest - last) < level_rest:
            break
        last = rest
    attraction = electron.integral(electron_energy)
    electron.settle()
    hole.settle()
    return SettledPair(
        exciton=electron.bare_energy + hole.bare_energy + attraction,
        attraction=attraction,
        electron=electron,
        hole=hole,
        electron_energy=electron_energy,
        hole_energy=hole_energy,
        electron_potential=pairing.potential_of(electron),
        hole_potential=pairing.potential_of(hole),
        settled=turn < TURNS,
        turns=turn,
    )


def _seeded(space: CarrierSpace, dot: PlacedDot) -> CarrierState:
    """A first guess: the bare operator's answer to a source inside the dot."""
    rows = []
    for image in range(space.images):
        sign = 1 if image == 0 else -1
        inside = [np.hypot(b.r, sign * b.z - dot.z).ravel() < dot.radius for b in space.assembler.blocks]
        rows.append(np.concatenate(inside).astype(float))
    return CarrierState(space, [space.precondition(space.load(np.stack(rows)))])


def _ball_energy(pairing: Pairing, dot: PlacedDot) -> Floats:
    """Energy of the hole in the field of one electron spread evenly over the dot."""
    scale = COULOMB_EV_NM / pairing.poisson.molecule.parameters[dot.layers[0].material].permittivity
    rows = []
    for image in range(pairing.hole.images):
        sign = 1 if image == 0 else -1
        distance = np.concatenate([np.hypot(b.r, sign * b.z - dot.z).ravel() for b in pairing.hole.assembler.blocks])
        far = np.maximum(distance, dot.radius)
        inside = (3 * dot.radius**2 - distance**2) / (2 * dot.radius**3)
        rows.append(-scale * np.where(distance < dot.radius, inside, 1 / far))
    return np.stack(rows)


HOLD = 0.5  # eV
# Orbitals need no more than that the levels rest to this (eV).
LEVEL_REST = 1e-5


def held_pairs(solution: MoleculeSolution) -> tuple[SettledPair, ...]:
    """One pair for each dot that has none of its own; of a symmetric molecule's mirror images both are the same one."""
    electron, hole = (solution.hamiltonians[carrier] for carrier in ("electron", "hole"))
    dots = solution.molecule.dots
    own = {state.hole_dot for state in solution.pairs}
    missing = [number for number in range(len(dots)) if number not in own]
    if not missing:
        return ()
    poisson = Poisson(hole.elements, solution.molecule, hole.parities)
    pairing = Pairing(CarrierSpace(electron, coarse=False), CarrierSpace(hole, coarse=False), poisson)
    centres = np.array([dot.z for dot in dots])
    found = []
    for number in missing:
        if hole.half and centres[number] > 0:
            continue
        pair = settle(pairing, dots[number], level_rest=LEVEL_REST, hold=_hold(pairing.hole, centres, number))
        found += [pair] * (2 if hole.half and centres[number] < 0 else 1)
    for hamiltonian in (electron, hole):
        hamiltonian.release()
    return tuple(found)


def _hold(space: CarrierSpace, centres: Floats, dot: int) -> Floats:
    """The step (images, P) at the hole's quadrature points."""
    z = np.concatenate([block.z.ravel() for block in space.assembler.blocks])
    rows = [np.argmin(np.abs(sign * z[:, None] - centres), axis=1) != dot for sign in (1, -1)[: space.images]]
    return HOLD * np.stack(rows)
