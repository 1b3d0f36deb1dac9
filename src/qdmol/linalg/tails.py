"""Truncation error of a hierarchical basis, from the decay of the energy with the polynomial degree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Share of the omitted energy by which a level decreases: the shape functions are not orthogonal.
SHARE = 0.5
# Decay ratios outside this range reflect rounding or a coarse mesh, not convergence; around edges, where each element
# is 0.15 times as large as the next, a singular solution converges more slowly than elsewhere.
DECAY_RANGE = (0.1, 0.75)


@dataclass(frozen=True, slots=True)
class Tail:
    """Estimated contribution of the shape functions above the highest degree of a solution.

    `decay` is the ratio of the energies of neighbouring degrees, `energy` (eV) that of all higher degrees, estimated.
    """

    decay: float
    energy: float

    def remaining(self, fall: float) -> float:
        """Remaining decrease (eV) of a level that decreased by `fall` in the last degree."""
        return max(fall * self.decay / (1 - self.decay), self.energy)


def left_out(shells: NDArray[np.float64]) -> Tail:
    """Return the tail of the energies `shells` by degree (at least four).

    Even and odd degrees may decay alternately (in an element as wide as a layer), so that pairs of degrees are compared
    as well as single ones.

    >>> left_out(np.array([0.0, 1.0, 0.1, 0.01, 0.001])).decay
    0.1
    """
    last = shells[-4:]
    single, double = float(last[3] / last[2]), float((last[3] + last[2]) / (last[0] + last[1]))
    decay = min(max(single, math.sqrt(double), DECAY_RANGE[0]), DECAY_RANGE[1])
    double = min(double, DECAY_RANGE[1] ** 2)
    return Tail(round(decay, 12), SHARE * float(last[3] + last[2]) * double / (1 - double))
