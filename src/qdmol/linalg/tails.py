"""How much energy a hierarchical basis leaves out, from how its energy decays with the degree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Part of the energy left out that counts: the shape functions are not orthogonal, and a level falls by half of it.
SHARE = 0.5
# Decay ratios outside this range say more about rounding or a coarse mesh than about convergence; around edges, where
# elements shrink by 0.15 from one to the next, a singular solution converges more slowly than the rest of it.
DECAY_RANGE = (0.1, 0.75)


@dataclass(frozen=True, slots=True)
class Tail:
    """What the highest shape functions of a solution say of those left out.

    `decay` is the ratio of the energies of neighbouring degrees, `energy` (eV) a guess of the energy of all left out.
    """

    decay: float
    energy: float

    def remaining(self, fall: float) -> float:
        """Energy (eV) still to fall, of a level that fell by `fall` in the last degree."""
        return max(fall * self.decay / (1 - self.decay), self.energy)


def left_out(shells: NDArray[np.float64]) -> Tail:
    """The tail of energies `shells` by degree (at least four).

    Even and odd degrees may decay in turns (an element as wide as a layer does that), so that pairs of degrees are
    compared beside single ones.

    >>> left_out(np.array([0.0, 1.0, 0.1, 0.01, 0.001])).decay
    0.1
    """
    last = shells[-4:]
    one, two = float(last[3] / last[2]), float((last[3] + last[2]) / (last[0] + last[1]))
    decay = min(max(one, math.sqrt(two), DECAY_RANGE[0]), DECAY_RANGE[1])
    two = min(two, DECAY_RANGE[1] ** 2)
    return Tail(round(decay, 12), SHARE * float(last[3] + last[2]) * two / (1 - two))
