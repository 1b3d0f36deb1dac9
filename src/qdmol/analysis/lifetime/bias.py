"""The bias of few photons, taken off: Cox and Snell, J. R. Stat. Soc. B 30, 248 (1968),
doi:10.1111/j.2517-6161.1968.tb00724.x.

For Poisson counts of mean mu(theta) with F = J^T diag(1/mu) J and Hessians H_i of mu_i, the bias of theta is to first
order -(1/2) F^(-1) J^T v with v_i = tr(F^(-1) H_i) / mu_i. A lifetime is exp(theta): its bias has half the variance of
theta more. A background cannot be negative: where it is not far above zero, its estimate is too high on average by
s (phi(z) - z Phi(-z)), with s its standard error and z = b / s, and takes the lifetimes along by their covariance: the
mean of a normal estimate cut at its bound, Self and Liang, J. Am. Stat. Assoc. 82, 605 (1987),
doi:10.1080/01621459.1987.10478472.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from qdmol.analysis.lifetime.likelihood import Maximum, expected_counts, fisher

__all__ = ["relative_bias"]

Floats = NDArray[np.float64]

_LEAST = 1.0  # photons
_LARGEST = 0.5  # in standard errors: beyond it the expansion says nothing


def relative_bias(found: Maximum) -> Floats:
    """Return the expected (estimate - truth) / truth of each lifetime (K,)."""
    from qdmol.analysis.lifetime.scoring import expected

    count = found.problem.components
    matrix, inside = fisher(found)
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
    if not np.isfinite(matrix).all():
        return np.zeros(count)
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    if len(values) == 0 or values[0] < 1e-10 * values[-1]:
        return np.zeros(count)
    # columns whose outer products sum to the inverse
    roots = (vectors / np.sqrt(values)) / scale[:, None]
    slopes = np.zeros((found.slots.size, len(found.problem.counts)))
    mean = expected(found.problem, found.theta, slopes)
    used = found.problem.used & (mean > 0)
    curvature = np.zeros(int(used.sum()))
    for column in roots.T:
        curvature += _bend(found, column, inside, mean)[used]
    pull = slopes[inside][:, used] @ (curvature / mean[used])
    inverse = roots @ roots.T
    bias = np.zeros(found.slots.size)
    variance = np.zeros(found.slots.size)
    bias[inside] = -0.5 * inverse @ pull
    variance[inside] = np.diag(inverse)
    relative = bias[:count] + 0.5 * variance[:count] + _by_bound(found)
    error = np.sqrt(variance[:count])
    return np.clip(relative, -_LARGEST * error, _LARGEST * error)


def _by_bound(found: Maximum) -> Floats:
    """Relative bias of the lifetimes (K,) from a background that cannot be negative."""
    slot, count = found.slots.background, found.problem.components
    if not found.free[slot]:
        return np.zeros(count)
    theta = found.theta.copy()
    # on the bound the information is that of a background of one photon
    theta[slot] = max(theta[slot], _LEAST / float(found.problem.widths[found.problem.used].sum()))
    matrix, inside = fisher(replace(found, theta=theta))
    if not inside[slot] or not inside[:count].all():
        return np.zeros(count)
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-30))
    inverse = np.linalg.inv(matrix / np.outer(scale, scale) + 1e-10 * np.eye(len(scale))) / np.outer(scale, scale)
    at = int(inside[:slot].sum())
    error = np.sqrt(inverse[at, at])
    z = found.theta[slot] / error
    excess = norm.pdf(z) - z * norm.sf(z)
    shifts: Floats = inverse[:count, at] / error * excess
    return shifts


def _bend(found: Maximum, direction: Floats, inside: NDArray[np.bool_], mean: Floats) -> Floats:
    """Second derivative of the mean counts along a direction."""
    step = 0.05  # in standard errors of that direction
    move = np.zeros(found.slots.size)
    move[inside] = direction
    # a direction nobody knows, as towards an endless lifetime, is followed a little only
    logarithms = [*range(found.problem.components), found.slots.width]
    step /= max(1.0, float(np.abs(move[logarithms]).max()))
    ahead, behind = found.theta + step * move, found.theta - step * move
    bend: Floats = (expected_counts(found, ahead) - 2.0 * mean + expected_counts(found, behind)) / step**2
    return bend
