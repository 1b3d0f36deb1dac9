"""Marginal likelihood of a model with few parameters, by adaptive importance sampling."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from qdmol.arrays import Floats

_FIRST, _LATER, _ROUNDS = 1200, 500, 14
_CENTRES = 24  # of the kernels of a proposal
_SHRINK = 0.5  # width of a kernel over that of all points
_MOST_WANTED, _BISECTIONS = 1500, 20
_WANTED = 0.1  # effective share of the points, to which the likelihood is tempered
_ENOUGH = 150.0  # effective points at which to stop
_WIDER = 0.15  # share of each proposal that is the prior
_HOPELESS = 25.0  # logarithm of a likelihood ratio that makes a model irrelevant
_PATIENCE = 3  # rounds before a model is given up


@dataclass(frozen=True, slots=True, eq=False)
class Marginal:
    """Marginal likelihood, and a weighted sample of the posterior.

    Attributes
    ----------
    log_evidence : float
        Natural logarithm of the marginal likelihood.
    points : float (n, d)
        Parameters, standard normal under the prior.
    weights : float (n,)
        Of the points in the posterior; they sum to 1.
    best : float (d,)
        The point of the highest likelihood.
    log_likelihood : float
        Its logarithm there.
    """

    log_evidence: float
    points: Floats
    weights: Floats
    best: Floats
    log_likelihood: float

    @property
    def determined(self) -> float:
        """Number of parameters that the data determine: each counts by how much narrower it is than its prior."""
        variance = self.weights @ (self.points - self.weights @ self.points) ** 2
        return float(np.clip(1.0 - variance, 0.0, 1.0).sum())


def marginal(
    log_likelihood: Callable[[Floats], Floats],
    dimensions: int,
    rng: np.random.Generator,
    *,
    rival: float = -math.inf,
) -> Marginal:
    """Integrate a likelihood over parameters that are standard normal under the prior.

    Points are first drawn from the prior, then from kernels around likely points, the likelihood tempered until they
    are found; all points are weighted by the mixture of all proposals (Cornuet, Marin, Mira, Robert, Scand. J.
    Stat. 39, 798 (2012), doi:10.1111/j.1467-9469.2011.00756.x).

    Parameters
    ----------
    log_likelihood
        Logarithms (n,) at points (n, d).
    dimensions
        d.
    rng
        Draws the points.
    rival
        Logarithm of the marginal likelihood of another model: a model far below it is given up early.
    """
    points = rng.standard_normal((_FIRST, dimensions))
    values = log_likelihood(points)
    prior = _log_normal(points)
    proposals: list[tuple[Floats, Floats]] = []
    numbers = [float(len(points))]
    densities = [prior]
    for round_ in range(_ROUNDS):
        mixture = _mixture(densities, numbers)
        logs = prior + values - mixture
        temper, weights = _tempered(values, prior - mixture)
        if temper == 1.0 and 1.0 / float((weights**2).sum()) >= _ENOUGH:
            break
        if round_ >= _PATIENCE and float(values.max()) < rival - _HOPELESS:
            break
        centres, root = _kernels(points, weights, rng)
        proposals.append((centres, root))
        fresh = _draw(centres, root, rng)
        fresh_prior = _log_normal(fresh)
        densities = [
            np.concatenate([known, _density(fresh, *each)])
            for known, each in zip(densities, [(None, None), *proposals[:-1]], strict=True)
        ]
        points, values = np.concatenate([points, fresh]), np.concatenate([values, log_likelihood(fresh)])
        prior = np.concatenate([prior, fresh_prior])
        densities.append(_density(points, centres, root))
        numbers.append(float(_LATER))
    mixture = _mixture(densities, numbers)
    logs = prior + values - mixture
    total = float(_log_sum(logs))
    best = int(np.argmax(values))
    return Marginal(
        log_evidence=total - float(np.log(sum(numbers))),
        points=points,
        weights=np.exp(logs - total),
        best=points[best],
        log_likelihood=float(values[best]),
    )


def _log_normal(points: Floats) -> Floats:
    dimensions = points.shape[1]
    return np.asarray(-0.5 * (points**2).sum(axis=1) - 0.5 * dimensions * np.log(2.0 * np.pi), dtype=np.float64)


def _mixture(densities: list[Floats], numbers: list[float]) -> Floats:
    shares = np.log(np.array(numbers) / sum(numbers))
    return _log_sum(np.stack(densities) + shares[:, None])


def _tempered(values: Floats, ratio: Floats) -> tuple[float, Floats]:
    """Weights under the likelihood to the largest power that leaves enough points effective."""
    low, high, power = 0.0, 1.0, 1.0
    wanted = _WANTED * min(len(values), _MOST_WANTED)
    weights = _normalised(ratio + values)
    if 1.0 / float(weights @ weights) >= wanted:
        return 1.0, weights
    for _ in range(_BISECTIONS):
        power = 0.5 * (low + high)
        weights = _normalised(ratio + power * values)
        low, high = (power, high) if 1.0 / float(weights @ weights) >= wanted else (low, power)
    return power, weights


def _normalised(logs: Floats) -> Floats:
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _log_sum(rows: Floats) -> Floats:
    """Logarithm of the sum of exponentials over the first axis."""
    top = rows.max(axis=0)
    return np.asarray(top + np.log(np.exp(rows - top).sum(axis=0)), dtype=np.float64)


def _kernels(points: Floats, weights: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    mean = weights @ points
    away = points - mean
    covariance = (away * weights[:, None]).T @ away + 1e-6 * np.eye(points.shape[1])
    chosen = rng.choice(len(points), _CENTRES, p=weights)
    return points[chosen], np.asarray(np.linalg.cholesky(covariance) * _SHRINK, dtype=np.float64)


def _draw(centres: Floats, root: Floats, rng: np.random.Generator) -> Floats:
    dimensions = centres.shape[1]
    normal = rng.standard_normal((_LATER, dimensions))
    # Student's t with 5 degrees of freedom, for its tails
    heavy = normal / np.sqrt(rng.chisquare(5.0, _LATER) / 5.0)[:, None]
    points = centres[rng.integers(0, len(centres), _LATER)] + heavy @ root.T
    wide = rng.random(_LATER) < _WIDER
    points[wide] = normal[wide]
    return np.asarray(points, dtype=np.float64)


def _density(points: Floats, centres: Floats | None, root: Floats | None) -> Floats:
    """Logarithm of the density of a proposal; the prior without centres."""
    prior = _log_normal(points)
    if centres is None or root is None:
        return prior
    dimensions = points.shape[1]
    inverse = np.linalg.inv(root)
    scaled, middles = points @ inverse.T, centres @ inverse.T
    away = (scaled**2).sum(axis=1)[:, None] + (middles**2).sum(axis=1)[None, :] - 2.0 * scaled @ middles.T
    constant = (
        special.gammaln(0.5 * (5.0 + dimensions))
        - special.gammaln(2.5)
        - 0.5 * dimensions * np.log(5.0 * np.pi)
        - float(np.log(np.abs(np.diag(root))).sum())
    )
    heights = ((1.0 + np.maximum(away, 0.0) / 5.0) ** (-0.5 * (5.0 + dimensions))).mean(axis=1)
    kernel = constant + np.log(np.maximum(heights, 1e-300))
    return np.asarray(np.logaddexp(np.log(1.0 - _WIDER) + kernel, np.log(_WIDER) + prior), dtype=np.float64)
