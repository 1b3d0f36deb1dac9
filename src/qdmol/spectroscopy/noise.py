r"""Noise of a curve, from the residuals of a fit: independent, rising with the signal, and correlated over some nm.

.. math:: V_{ij} = (w + r s_i)\, \delta_{ij} + c\, e^{-|\lambda_i - \lambda_j| / \ell}

Restricted maximum likelihood (Patterson and Thompson, Biometrika 58, 545 (1971), doi:10.1093/biomet/58.3.545) accounts
for the fitted parameters, so that the noise is not underestimated. It also gives the degrees of freedom of a variance,
after Satterthwaite, Biometrics Bull. 2, 110 (1946), doi:10.2307/3002019.

An exponential correlation is that of a Markov process: the inverse Q of its matrix is tridiagonal. With the diagonal
part D, V⁻¹ = Q (c D⁻¹ + Q)⁻¹ D⁻¹, so that the likelihood and its gradient take a time proportional to the number of
points.
"""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize
from threadpoolctl import ThreadpoolController

from qdmol.arrays import Floats
from qdmol.spectroscopy.values import Noise

_PRIOR = 3.0  # standard deviation of the logarithms about their start, so that none runs away
_LONGEST = 0.3  # of the window; a longer correlation is background
_CONVERGED = 1e-8  # relative change of the likelihood


@functools.cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def single_threaded() -> AbstractContextManager[object]:
    """Context in which linear algebra uses one thread: matrices of a curve are too small to share."""
    context: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return context


@dataclass(frozen=True, slots=True, eq=False)
class NoiseModel:
    """Covariance of the noise.

    Parameters
    ----------
    logarithms
        Of the variances white, rising and correlated, and of the length in nm: (4,).
    signal
        The fitted curve (n,), scaled to 0..1.
    wavelength
        Rising (n,), nm.
    basis
        Orthonormal columns (n, q) of what the fit could follow.
    lower
        Cholesky factor (n, n) of the covariance.
    """

    logarithms: Floats
    signal: Floats
    wavelength: Floats
    basis: Floats
    lower: Floats

    @property
    def described(self) -> Noise:
        """The same as standard deviations."""
        white, rising, correlated = np.exp(0.5 * self.logarithms[:3])
        return Noise(float(white), float(rising), float(correlated), float(np.exp(self.logarithms[3])))

    def whitened(self, columns: Floats) -> Floats:
        """Columns (n, ..) divided by the Cholesky factor: with independent noise of unit variance."""
        solved: Floats = linalg.solve_triangular(self.lower, columns, lower=True, check_finite=False)
        return solved

    def spread(self) -> Floats:
        """Covariance of the four logarithms (4, 4), from the expected information."""
        white, rising, correlated, length = np.exp(self.logarithms)
        distance = np.abs(self.wavelength[:, None] - self.wavelength[None, :]) / length
        alike = correlated * np.exp(-distance)
        inverse = linalg.cho_solve((self.lower, True), np.eye(len(self.signal)), check_finite=False)
        solved = inverse @ self.basis
        inner = linalg.cho_factor(self.basis.T @ solved, lower=True)
        projector = inverse - solved @ linalg.cho_solve(inner, solved.T)
        products = [
            white * projector, projector * (rising * self.signal), projector @ alike, projector @ (alike * distance)
        ]  # fmt: skip
        information = np.zeros((4, 4))
        for row in range(4):
            for column in range(row + 1):
                trace = 0.5 * float(np.vdot(products[row], products[column].T))
                information[row, column] = information[column, row] = trace
        covariance: Floats = linalg.pinvh(information + np.eye(4) / _PRIOR**2)
        return covariance

    def slopes_of(self, weights: Floats) -> Floats:
        """Derivatives (4, m) of the variances of sums of the points with `weights` (n, m) to the four logarithms."""
        white, rising, correlated, length = np.exp(self.logarithms)
        distance = np.abs(self.wavelength[:, None] - self.wavelength[None, :]) / length
        alike = correlated * np.exp(-distance)
        return np.array([
            white * np.sum(weights**2, axis=0), rising * np.sum(self.signal[:, None] * weights**2, axis=0),
            np.sum(weights * (alike @ weights), axis=0), np.sum(weights * ((alike * distance) @ weights), axis=0),
        ])  # fmt: skip

    def freedom(self, jacobian: Floats, gradients: Floats) -> Floats:
        """Degrees of freedom (m,) of the variances of g·parameters, `gradients` (m, p) and `jacobian` (n, p)."""
        solved = linalg.cho_solve((self.lower, True), jacobian, check_finite=False)
        spread = linalg.pinvh(jacobian.T @ solved)
        variances = np.einsum("mp,pq,mq->m", gradients, spread, gradients)
        slopes = self.slopes_of(solved @ (spread @ gradients.T))
        scatter = np.einsum("km,kl,lm->m", slopes, self.spread(), slopes)
        with np.errstate(divide="ignore", invalid="ignore"):
            freedom: Floats = np.where(scatter > 0, np.clip(2 * variances**2 / scatter, 3.0, 1e6), 1e6)
            return freedom


def white_level(values: Floats) -> float:
    """Standard deviation of independent noise, from third differences: smooth curves drop out of them."""
    third = np.diff(values, 3)
    return float(np.sqrt(np.mean(third**2) / 20)) if len(third) else 0.0


def estimate_noise(residual: Floats, jacobian: Floats, *, signal: Floats, wavelength: Floats) -> NoiseModel:
    r"""Estimate the noise from the residuals of a fit.

    Parameters
    ----------
    residual
        Measured minus fitted (n,).
    jacobian
        Of the fit (n, p).
    signal
        The fitted curve (n,), scaled to 0..1: where the noise may be higher.
    wavelength
        Of the points (n,), nm, rising.
    """
    scale = float(np.sqrt(np.mean(residual**2))) or 1.0
    gaps = np.diff(wavelength)
    step, span = float(np.median(gaps)), float(np.ptp(wavelength))
    unit, basis = residual / scale, _basis(jacobian)
    columns = np.column_stack([basis, unit])
    floor = max(white_level(unit), 1e-3)
    start = np.log([floor**2, 0.1 * floor**2, max(1 - floor**2, 0.1), 5 * step])
    bounds = [(-18.0, 4.0)] * 3 + [(np.log(0.7 * step), np.log(max(_LONGEST * span, 2 * step)))]

    def objective(logarithms: Floats) -> tuple[float, Floats]:
        value, slope = restricted_deviance(logarithms, columns, signal, gaps)
        away = (logarithms - start) / _PRIOR
        return value + 0.5 * float(away @ away), slope + away / _PRIOR

    options = {"maxiter": 60, "ftol": _CONVERGED}
    optimum = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    logarithms = np.asarray(optimum.x) + np.array([2.0, 2.0, 2.0, 0.0]) * np.log(scale)
    white, rising, correlated, length = np.exp(logarithms)
    covariance = correlated * np.exp(-np.abs(wavelength[:, None] - wavelength[None, :]) / length)
    covariance.flat[:: len(residual) + 1] += white + rising * signal
    lower = linalg.cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
    return NoiseModel(logarithms, signal, wavelength, basis, lower)


def _basis(jacobian: Floats) -> Floats:
    """Orthonormal columns of what the fit can follow; directions without effect dropped."""
    scaled = jacobian / np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    basis: Floats = left[:, sizes > 1e-9 * sizes[0]]
    return basis


def restricted_deviance(logarithms: Floats, columns: Floats, signal: Floats, gaps: Floats) -> tuple[float, Floats]:
    """Half the restricted deviance and its slope (4,) in time proportional to the number of points.

    Parameters
    ----------
    logarithms
        Of white, rising and correlated variance and of the length (nm).
    columns
        Orthonormal basis of the fit and, as the last column, the residual: (n, q + 1).
    signal
        Scaled to 0..1 (n,).
    gaps
        Between neighbouring points (n - 1,), nm.
    """
    white, rising, correlated, length = np.exp(logarithms)
    diagonal = white + rising * signal
    decay = gaps / length
    kept = np.exp(-decay)
    lost = -np.expm1(-2 * decay)
    outer = kept**2 / lost
    main = np.ones(len(diagonal))
    main[:-1] += outer
    main[1:] += outer
    off = -kept / lost
    pivots, links, status = linalg.lapack.dpttrf(correlated / diagonal + main, off)
    if status:
        raise linalg.LinAlgError("the covariance of the noise is singular")
    inner, _ = linalg.lapack.dpttrs(pivots, links, columns / diagonal[:, None])
    solved = main[:, None] * inner  # Q (c/D + Q)^-1 D^-1 x = V^-1 x; c inner = c K V^-1 x
    solved[:-1] += off[:, None] * inner[1:]
    solved[1:] += off[:, None] * inner[:-1]
    basis, residual = columns[:, :-1], columns[:, -1]
    count = basis.shape[1]
    root = linalg.cholesky(basis.T @ solved[:, :-1], lower=True, check_finite=False)
    # columns of both arrays: V^-1 X R^-T, whose squares give the traces, and P r
    turned = linalg.solve_triangular(root, solved[:, :-1].T, lower=True, check_finite=False)
    inner_turned = linalg.solve_triangular(root, inner[:, :-1].T, lower=True, check_finite=False)
    overlap = turned @ residual
    weighted = np.vstack([turned, solved[:, -1] - overlap @ turned])
    inner_weighted = np.vstack([inner_turned, inner[:, -1] - overlap @ inner_turned])
    square = float(residual @ weighted[-1])
    half_logdet = 0.5 * float(np.sum(np.log(diagonal)) + np.sum(np.log(pivots)) + np.sum(np.log(lost)))
    value = half_logdet + float(np.sum(np.log(np.diag(root)))) + 0.5 * square
    # diagonal and neighbours of (c/D + Q)^-1
    middle = _inverse_diagonal(pivots, links)
    beside = -links * middle[1:]
    squares = np.sum(weighted**2, axis=0)
    per_point = -correlated * middle / diagonal**2 + 1 / diagonal - squares
    outer_slope = 2 * decay * kept**2 / lost**2
    off_slope = -decay * kept * (1 + kept**2) / lost**2
    within = np.sum(inner_weighted**2, axis=0)
    across = np.sum(inner_weighted[:, :-1] * inner_weighted[:, 1:], axis=0)
    bend = outer_slope * (middle[:-1] + middle[1:]) + 2 * off_slope * beside - 2 * decay * outer
    stretch = outer_slope * (within[:-1] + within[1:]) + 2 * off_slope * across
    slope = 0.5 * np.array([
        white * np.sum(per_point),
        rising * np.sum(signal * per_point),
        correlated * np.sum(middle / diagonal) - (count + square - np.sum(diagonal * squares)),
        np.sum(bend) + correlated * np.sum(stretch),
    ])  # fmt: skip
    return value, slope


def _inverse_diagonal(pivots: Floats, links: Floats) -> Floats:
    """Diagonal (n,) of the inverse of the tridiagonal matrix L diag(pivots) Lᵀ, L with `links` below its diagonal."""
    own, kept = (1 / pivots).tolist(), (links**2).tolist()
    values = [own[-1]]
    for number in range(len(kept) - 1, -1, -1):
        values.append(own[number] + kept[number] * values[-1])
    return np.array(values[::-1])
