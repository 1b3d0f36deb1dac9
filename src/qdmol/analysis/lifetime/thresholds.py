"""How far intervals reach where the instrument response was measured: its counts have noise of their own.

To first order a change dh of the response moves the maximum of the likelihood by
-F^(-1) J^T diag(1/mu) (dmu/dh) dh, with Fisher's matrix F and the derivatives J of the expected counts mu by the
parameters, as errors propagate through the equations of the maximum. The counts of a response have Poisson variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.intervals import Quantity, standard_error
from qdmol.analysis.lifetime.likelihood import Maximum, expected_counts, fisher
from qdmol.analysis.lifetime.problem import MEASURED
from qdmol.analysis.lifetime.responses import share_variances
from qdmol.analysis.lifetime.values import Response

__all__ = ["Thresholds"]

Floats = NDArray[np.float64]

_PLACES, _PLACES_STRETCHED = 100, 16  # bins of the response that are moved; the effect of the others lies between


@dataclass(frozen=True, slots=True, eq=False)
class Thresholds:
    """Drops of twice the log-likelihood at the ends of intervals.

    Attributes
    ----------
    alone : float
        Drop for the noise of the decay under the fitted model.
    moves : float64 (parameters, m)
        Changes of the parameters by a standard deviation of each of the m bins of the response.
    """

    alone: float
    moves: Floats

    @classmethod
    def at(cls, found: Maximum, alone: float, response: Response) -> Thresholds:
        """Return the thresholds at a maximum; a response whose noise is unknown has none."""
        problem = found.problem
        if problem.kind != MEASURED:
            return cls(alone, np.zeros((found.slots.size, 0)))
        variances = share_variances(response, None if np.isinf(problem.period) else problem.period)
        return cls(alone, _moves(found, np.sqrt(variances)))

    def of(self, found: Maximum, what: Quantity) -> float:
        """Return the drop for a quantity, larger by the ratio of both variances together to that of the decay."""
        from qdmol.analysis.lifetime.scoring import quantity_slope

        if not self.moves.shape[1]:
            return self.alone
        slope = quantity_slope(found.problem, found.theta, what.kind, what.index)
        added = float(((slope @ self.moves) ** 2).sum())
        total = self.alone * (1.0 + added / standard_error(found, what) ** 2)
        return total if np.isfinite(total) else self.alone


def _influence(found: Maximum) -> Floats:
    """Change of each parameter (parameters, n) by one count more in each bin."""
    from qdmol.analysis.lifetime.scoring import expected

    problem, slots = found.problem, found.slots
    slopes = np.zeros((slots.size, len(problem.counts)))
    mean = np.maximum(expected(problem, found.theta, slopes), 1e-10)
    influence = np.zeros_like(slopes)
    matrix, inside = fisher(found)
    if inside.any():
        scale = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
        normal = matrix / np.outer(scale, scale) + 1e-12 * np.eye(len(scale))
        pulls = np.where(problem.used, slopes[inside] / mean, 0.0) / scale[:, None]
        influence[inside] = np.linalg.solve(normal, pulls) / scale[:, None]
    return influence


def _moves(found: Maximum, errors: Floats) -> Floats:
    """Change of each parameter (parameters, m) by the error of each bin of the response."""
    problem, slots = found.problem, found.slots
    noisy = np.flatnonzero(errors)
    if not len(noisy):
        return np.zeros((slots.size, len(errors)))
    influence = _influence(found)
    parts = len(problem.response_height) // len(errors)
    theta = found.theta.copy()
    theta[slots.background] = 0.0
    most = _PLACES_STRETCHED if problem.stretched else _PLACES
    places = np.unique(np.linspace(noisy[0], noisy[-1], min(most, noisy[-1] - noisy[0] + 1)).astype(np.int64))
    effects = np.empty((slots.size, len(places)))
    for k, place in enumerate(places):
        height = np.zeros(len(problem.response_height))
        height[place * parts : (place + 1) * parts] = 1.0 / (parts * problem.response_bin)
        moved = problem._replace(response_height=height, periods=0.0)
        effects[:, k] = influence @ expected_counts(Maximum(moved, theta, found.free, found.bounds, 0.0))
    between = np.stack([np.interp(np.arange(len(errors)), places, effect) for effect in effects])
    moves: Floats = between * errors
    return moves
