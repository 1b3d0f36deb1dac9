"""Polynomials through solved points, which replace the model where it has to be evaluated thousands of times.

The degree is the one with the smallest error in leave-one-out cross-validation, which for linear least squares follows
from the residuals and the diagonal of the hat matrix (D. M. Allen, Technometrics 16, 125 (1974),
doi:10.1080/00401706.1974.10489157).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Final

import numpy as np

from qdmol.arrays import Floats

MAX_DEGREE: Final = {1: 8, 2: 5, 3: 4, 4: 3}
ROWS_PER_TERM: Final = 1.3


@dataclass(frozen=True, eq=False)
class PolynomialFit:
    """Polynomials (outputs) of coordinates (k,), about `centre` in units of `half`.

    `error` (outputs,) is the root mean square of the leave-one-out errors, `left_out` (n, outputs) the prediction of
    each point by a fit without it.
    """

    centre: Floats
    half: Floats
    terms: tuple[tuple[int, ...], ...]
    coefficients: Floats
    error: Floats
    left_out: Floats

    def __call__(self, points: Floats) -> Floats:
        """Outputs (s, m) at points (s, k)."""
        return np.asarray(_columns((points - self.centre) / self.half, self.terms) @ self.coefficients)


def fit_polynomial(points: Floats, outputs: Floats) -> PolynomialFit:
    """Fit outputs (n, m) at points (n, k), each with the degree that predicts its left-out points best."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-12)
    scaled = (points - centre) / half
    dimensions = points.shape[1]
    degrees = [
        degree
        for degree in range(MAX_DEGREE.get(dimensions, 2) + 1)
        if degree == 0 or len(terms_of(dimensions, degree)) * ROWS_PER_TERM <= len(points)
    ]
    terms = terms_of(dimensions, degrees[-1])
    coefficients = np.zeros((len(terms), outputs.shape[1]))
    error = np.full(outputs.shape[1], np.inf)
    left_out = np.zeros_like(outputs)
    for degree in degrees:
        columns = _columns(scaled, terms_of(dimensions, degree))
        inverse = np.linalg.pinv(columns)
        fitted = inverse @ outputs
        free = np.maximum(1 - np.einsum("ij,ji->i", columns, inverse), 1e-6)
        missed = (outputs - columns @ fitted) / free[:, None]
        size = np.sqrt(np.mean(missed**2, axis=0))
        better = size < error
        coefficients[:, better] = 0.0
        coefficients[: len(fitted), better] = fitted[:, better]
        error[better], left_out[:, better] = size[better], (outputs - missed)[:, better]
    return PolynomialFit(centre, half, terms, coefficients, error, left_out)


def terms_of(dimensions: int, degree: int) -> tuple[tuple[int, ...], ...]:
    """Products of coordinates up to a degree.

    >>> terms_of(2, 1)
    ((), (0,), (1,))
    """
    return tuple(
        term for order in range(degree + 1) for term in combinations_with_replacement(range(dimensions), order)
    )


def _columns(scaled: Floats, terms: tuple[tuple[int, ...], ...]) -> Floats:
    columns = np.ones((len(scaled), len(terms)))
    place = {term: number for number, term in enumerate(terms)}
    for number, term in enumerate(terms):
        if term:
            columns[:, number] = columns[:, place[term[:-1]]] * scaled[:, term[-1]]
    return columns


def spread_points(count: int, dimensions: int) -> Floats:
    """Points (count, k) in the cube from -1 to 1, spread evenly and denser towards its faces.

    In one dimension they are Chebyshev points; in more, the additive recurrence of the root of x^(k+1) = x + 1 (H.
    Niederreiter, Random Number Generation and Quasi-Monte Carlo Methods, SIAM 1992, section 3.1, for such sequences)
    with the density of Chebyshev points.
    """
    if dimensions == 1:
        return np.asarray(-np.cos(np.pi * np.arange(count) / max(count - 1, 1)))[:, None]
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    even = (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0
    # Halfway between even and Chebyshev density: the corners need not be crowded.
    return np.asarray(0.5 * (-np.cos(np.pi * even)) + 0.5 * (2 * even - 1))


def point_count(dimensions: int) -> int:
    """Number of points that determine the polynomials well."""
    return {1: 9, 2: 24, 3: 42, 4: 56}.get(dimensions, 3 * (dimensions + 1) * (dimensions + 2) // 4 + 10)
