"""Marginal likelihood of a model with few parameters, by adaptive importance sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from qdmol.arrays import Floats

_FIRST, _LATER, _ROUNDS = 1500, 600, 9
_CENTRES = 40  # of the kernels of a proposal
_SHRINK = 0.5  # width of a kernel over that of all points
_WANTED = 0.1  # effective share of the points, to which the likelihood is tempered
_ENOUGH = 250.0  # effective points at which to stop
_WIDER = 0.15  # share of each proposal that is the prior


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


def marginal(log_likelihood: Callable[[Floats], Floats], dimensions: int, rng: np.random.Generator) -> Marginal:
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
    """
    points = rng.standard_normal((_FIRST, dimensions))
    values = log_likelihood(points)
    prior = _log_normal(points)
    proposals: list[tuple[Floats, Floats]] = []
    numbers = [float(len(points))]
    densities = [prior]
    for _ in range(_ROUNDS):
        mixture = _mixture(densities, numbers)
        logs = prior + values - mixture
        temper, weights = _tempered(values, prior - mixture)
        if temper == 1.0 and 1.0 / float((weights**2).sum()) >= _ENOUGH:
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
    total = float(special.logsumexp(logs))
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
    return np.asarray(special.logsumexp(np.stack(densities) + shares[:, None], axis=0), dtype=np.float64)


def _tempered(values: Floats, ratio: Floats) -> tuple[float, Floats]:
    """Weights under the likelihood to the largest power that leaves enough points effective."""
    low, high = 0.0, 1.0
    wanted = _WANTED * min(len(values), 2000)
    for power in (1.0, *([0.5] * 30)):
        trial = 1.0 if power == 1.0 else 0.5 * (low + high)
        logs = ratio + trial * values
        weights = np.exp(logs - special.logsumexp(logs))
        if 1.0 / float((weights**2).sum()) >= wanted:
            if trial == 1.0:
                return 1.0, weights
            low = trial
        else:
            high = trial
    return low, weights


def _kernels(points: Floats, weights: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    mean = weights @ points
    away = points - mean
    covariance = (away * weights[:, None]).T @ away + 1e-6 * np.eye(points.shape[1])
    chosen = rng.choice(len(points), _CENTRES, p=weights)
    return points[chosen], np.linalg.cholesky(covariance) * _SHRINK


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
    terms = constant - 0.5 * (5.0 + dimensions) * np.log1p(np.maximum(away, 0.0) / 5.0)
    kernel = special.logsumexp(terms, axis=1) - np.log(len(centres))
    return np.asarray(np.logaddexp(np.log(1.0 - _WIDER) + kernel, np.log(_WIDER) + prior), dtype=np.float64)
