"""Stretches of a decay that stand above the fitted curve: afterglow of a detector, a reflection, crosstalk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

__all__ = ["Bump", "find_bump"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_ACCIDENT = 1e-3  # chance that a decay without a bump shows one
_LEAST = 0.1  # excess over the curve


@dataclass(frozen=True, slots=True)
class Bump:
    """Bins from `start` to before `stop`, and how many photons stand above the curve there."""

    start: int
    stop: int
    photons: float


def find_bump(counts: Floats, curve: Floats, where: Bools) -> Bump | None:
    """Return the most significant stretch of bins `where` (n,), of 4, 8, 16 .. bins to an eighth of all, or None."""
    excess = np.concatenate(([0.0], np.cumsum(np.where(where, counts - curve, 0.0))))
    level = np.concatenate(([0.0], np.cumsum(np.where(where, curve, 0.0))))
    n = len(counts)
    # the normal law is too narrow for a few counts: so four bins at least, and ten photons
    limit = float(norm.isf(_ACCIDENT / (2 * n)))
    best, found = limit, None
    width = 4
    while width <= max(n // 8, 4):
        gain, mean = excess[width:] - excess[:-width], level[width:] - level[:-width]
        score = np.where((gain > _LEAST * mean) & (gain > 10.0), gain / np.sqrt(mean + 1.0), 0.0)
        at = int(np.argmax(score)) if len(score) else 0
        if len(score) and score[at] > best:
            best, found = float(score[at]), Bump(at, at + width, float(gain[at]))
        width *= 2
    return found
