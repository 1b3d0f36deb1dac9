"""Maximum-likelihood fit of histograms with Poisson counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qdmol.arrays import Floats

# From parameters (p,): expected counts (n,), and a function that gives their derivatives (n, p).
Model = Callable[[Floats], tuple[Floats, Callable[[], Floats]]]

_STEPS = 300
_SETTLED = 1e-5  # of the deviance
_LEAST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Where the likelihood is largest.

    Attributes
    ----------
    parameters : (p,)
        Values.
    covariance : (p, p)
        Inverse of the Fisher information; 0 for parameters that are not free.
    expected : (n,)
        Counts of the model.
    deviance : float
        Twice the shortfall of the log-likelihood from that of a perfect model.
    settled : bool
        Whether the search converged.
    """

    parameters: Floats
    covariance: Floats
    expected: Floats
    deviance: float
    settled: bool

    def evidence(self, bins: int) -> float:
        """Bayesian information criterion, the smaller the better (Schwarz 1978, doi:10.1214/aos/1176344136)."""
        return self.deviance + len(self.parameters) * float(np.log(bins))


def deviance(counts: Floats, expected: Floats) -> float:
    """Twice the log-likelihood that `expected` (n,) misses of what a perfect model has; infinite where not > 0."""
    if np.any(expected <= 0) or not np.all(np.isfinite(expected)):
        return float("inf")
    return float(2.0 * (expected - counts + special.xlogy(counts, counts / expected)).sum())


def fit_counts(model: Model, start: Floats, counts: Floats, *, low: Floats, high: Floats) -> Fit:
    """Maximise the Poisson likelihood of `counts` (n,) by Fisher scoring, damped as by Levenberg and Marquardt.

    `model` gives the expected counts (n,) and a function for their derivatives (n, p), called at accepted steps only.
    Parameters stay between `low` and `high`; one at a bound is held there while the likelihood pushes it outward.
    """
    parameters = np.clip(start, low, high)
    expected, derivatives = model(parameters)
    now = deviance(counts, expected)
    gradient, information = _score(derivatives(), expected, counts)
    damping, settled = 1e-3, False
    for _ in range(_STEPS):
        free = ~(((parameters <= low) & (gradient < 0)) | ((parameters >= high) & (gradient > 0)))
        trial = np.clip(parameters + _step(information, gradient, free, damping), low, high)
        trial_expected, derivatives = model(trial)
        then = deviance(counts, trial_expected)
        if then <= now:
            settled = now - then < _SETTLED
            parameters, expected, now = trial, trial_expected, then
            gradient, information = _score(derivatives(), expected, counts)
            damping = max(0.2 * damping, 1e-9)
            if settled:
                break
        else:
            damping *= 8.0
            if damping > 1e12:
                settled = True
                break
    return Fit(parameters, _covariance(information, high > low), expected, now, settled)


def _score(slopes: Floats, expected: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Gradient (p,) of the log-likelihood and Fisher information (p, p)."""
    gradient = slopes.T @ (counts / np.maximum(expected, _LEAST) - 1.0)
    information = slopes.T @ (slopes / np.maximum(expected, _LEAST)[:, None])
    return gradient, information


def _covariance(information: Floats, free: NDArray[np.bool_]) -> Floats:
    """Inverse of the information on what is free; one that stopped at its bound might have gone the other way."""
    scale = np.sqrt(np.maximum(np.diag(information), _LEAST))
    known = free & (np.diag(information) > _LEAST)
    inner = np.ix_(known, known)
    covariance = np.zeros_like(information)
    covariance[inner] = np.linalg.pinv(information[inner] / np.outer(scale, scale)[inner], hermitian=True)
    return np.asarray(covariance / np.outer(scale, scale), dtype=np.float64)


def _step(information: Floats, gradient: Floats, free: NDArray[np.bool_], damping: float) -> Floats:
    step = np.zeros(len(gradient))
    inner = information[np.ix_(free, free)]
    scale = np.maximum(np.diag(inner), 1e-30)
    inner = inner + damping * np.diag(scale)
    step[free] = np.linalg.lstsq(inner / scale[:, None], gradient[free] / scale, rcond=None)[0]
    return step
