"""Pairs whose hole is held in a dot that it would leave: for orbitals only, they are no fixed points.

Where another dot holds the hole better by more than the attraction gives, as in a field or beside a larger core, the
self-consistent pair of a dot does not exist; the exciton with the hole in that dot does, and needs orbitals that know
of it. A step of HOLD in the hole's potential energy beyond the dot's part of the axis keeps it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qdmol.excitons.carrier import CarrierSpace
from qdmol.excitons.pairing import Pairing, SettledPair, settle
from qdmol.landscape import Poisson

if TYPE_CHECKING:
    from qdmol.excitons.solving import MoleculeSolution

__all__ = ["held_pairs"]

Floats = NDArray[np.float64]

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
