"""Noise of a curve, from what a fit leaves: independent, rising with the signal, and alike over some nm.

Restricted maximum likelihood (Patterson and Thompson, Biometrika 58, 545 (1971), doi:10.1093/biomet/58.3.545) counts
the parameters that were fitted, so that the noise does not come out too small. With it come degrees of freedom of a
variance, after Satterthwaite, Biometrics Bull. 2, 110 (1946), doi:10.2307/3002019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from qdmol.analysis.curves.values import Floats, Noise

__all__ = ["NoiseModel", "estimate_noise", "white_level"]

_PRIOR = 3.0  # standard deviation of the logarithms about their start, so that none runs away
_LONGEST = 0.3  # of the window; what stays alike for longer is background


@dataclass(frozen=True, slots=True, eq=False)
class NoiseModel:
    """Covariance of the noise.

    Parameters
    ----------
    logarithms
        Of the variances white, rising and correlated, and of the length in nm: (4,).
    spread
        Covariance of these four (4, 4).
    covariance
        Of the points (n, n).
    slopes
        Its derivatives to the four (4, n, n).
    """

    logarithms: Floats
    spread: Floats
    covariance: Floats
    slopes: Floats

    @property
    def lower(self) -> Floats:
        """Cholesky factor of the covariance."""
        factor: Floats = linalg.cholesky(self.covariance, lower=True)
        return factor

    @property
    def described(self) -> Noise:
        """The same as standard deviations."""
        white, rising, correlated = np.exp(0.5 * self.logarithms[:3])
        return Noise(float(white), float(rising), float(correlated), float(np.exp(self.logarithms[3])))

    def freedom(self, jacobian: Floats, gradient: Floats) -> float:
        """Degrees of freedom of the variance of g·parameters, g the `gradient` (p,), `jacobian` (n, p)."""
        solved = linalg.cho_solve((self.lower, True), jacobian)
        spread = linalg.pinvh(jacobian.T @ solved)
        weights = solved @ (spread @ gradient)
        variance = float(gradient @ spread @ gradient)
        slopes = np.array([weights @ slope @ weights for slope in self.slopes])
        scatter = float(slopes @ self.spread @ slopes)
        return float(np.clip(2 * variance**2 / scatter, 3.0, 1e6)) if scatter > 0 else 1e6


def white_level(values: Floats) -> float:
    """Standard deviation of independent noise, from third differences: smooth curves drop out of them."""
    third = np.diff(values, 3)
    return float(np.sqrt(np.mean(third**2) / 20)) if len(third) else 0.0


def _covariance(logarithms: Floats, signal: Floats, distance: Floats) -> tuple[Floats, Floats]:
    white, rising, correlated, length = np.exp(logarithms)
    alike = correlated * np.exp(-distance / length)
    slopes = np.zeros((4, *distance.shape))
    np.fill_diagonal(slopes[0], white)
    np.fill_diagonal(slopes[1], rising * signal)
    slopes[2] = alike
    slopes[3] = alike * distance / length
    return slopes[0] + slopes[1] + alike, slopes


def estimate_noise(residual: Floats, jacobian: Floats, *, signal: Floats, wavelength: Floats) -> NoiseModel:
    r"""Find the noise that the residuals of a fit speak for.

    .. math:: V_{ij} = (w + r s_i) \delta_{ij} + c\, e^{-|\lambda_i - \lambda_j| / \ell}

    Parameters
    ----------
    residual
        Measured minus fitted (n,).
    jacobian
        Of the fit (n, p).
    signal
        The fitted curve (n,), scaled to 0..1: where the noise may be higher.
    wavelength
        Of the points (n,), nm.
    """
    scale = float(np.sqrt(np.mean(residual**2))) or 1.0
    distance = np.abs(wavelength[:, None] - wavelength[None, :])
    step, span = float(np.median(np.diff(wavelength))), float(np.ptp(wavelength))
    unit, basis = residual / scale, _basis(jacobian)
    floor = max(white_level(unit), 1e-3)
    start = np.log([floor**2, 0.1 * floor**2, max(1 - floor**2, 0.1), 5 * step])
    bounds = [(-18.0, 4.0)] * 3 + [(np.log(0.7 * step), np.log(max(_LONGEST * span, 2 * step)))]

    def objective(logarithms: Floats) -> tuple[float, Floats]:
        value, slope, _ = _restricted(logarithms, unit, basis, signal, distance)
        away = (logarithms - start) / _PRIOR
        return value + 0.5 * float(away @ away), slope + away / _PRIOR

    found = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60})
    logarithms = np.asarray(found.x)
    information = _restricted(logarithms, unit, basis, signal, distance, with_information=True)[2]
    spread = linalg.pinvh(information + np.eye(4) / _PRIOR**2)
    logarithms = logarithms + np.array([2.0, 2.0, 2.0, 0.0]) * np.log(scale)
    covariance, slopes = _covariance(logarithms, signal, distance)
    return NoiseModel(logarithms, spread, covariance, slopes)


def _basis(jacobian: Floats) -> Floats:
    """Orthonormal columns of what the fit can follow; directions without effect dropped."""
    scaled = jacobian / np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    basis: Floats = left[:, sizes > 1e-9 * sizes[0]]
    return basis


def _restricted(
    logarithms: Floats, residual: Floats, basis: Floats, signal: Floats, distance: Floats, *,
    with_information: bool = False,
) -> tuple[float, Floats, Floats]:  # fmt: skip
    """Half the restricted deviance, its slope (4,) and, if wanted, the expected information (4, 4)."""
    covariance, slopes = _covariance(logarithms, signal, distance)
    factor = linalg.cho_factor(covariance, lower=True, check_finite=False)
    inverse = linalg.cho_solve(factor, np.eye(len(residual)), check_finite=False)
    solved = inverse @ basis
    inner = linalg.cho_factor(basis.T @ solved, lower=True)
    projector = inverse - solved @ linalg.cho_solve(inner, solved.T)
    weighted = projector @ residual
    logdet = np.sum(np.log(np.diag(factor[0]))) + np.sum(np.log(np.diag(inner[0])))
    value = float(logdet + 0.5 * residual @ weighted)
    traces = np.einsum("ij,kij->k", projector, slopes)
    slope = 0.5 * (traces - np.einsum("i,kij,j->k", weighted, slopes, weighted))
    information = np.zeros((4, 4))
    if with_information:
        products = [projector @ one for one in slopes]
        information = 0.5 * np.array([[np.sum(a * b.T) for b in products] for a in products])
    return value, slope, information
