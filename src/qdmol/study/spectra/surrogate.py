"""A polynomial through solved shapes: what the dots of any other shape do, and how far off that is.

Rows of features are fitted by least squares in the varied lengths, in units of their standard deviations. The degree is
the one that predicts best what it has not seen: each shape in turn is left out with its neighbours of one fold
(cross-validation: M. Stone, J. R. Stat. Soc. B 36, 111 (1974), doi:10.1111/j.2517-6161.1974.tb00994.x).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

__all__ = ["Polynomial", "best_polynomial", "fewest_shapes", "held_out"]

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

FOLDS = 6
# At least this many rows for each term.
ROWS_A_TERM = 1.5
# Shapes beyond what the quadratic terms need.
SPARE = 4

# A degree: that of all lengths together, and that of a dot's own lengths alone.
Degree = tuple[int, int]
DEGREES: tuple[Degree, ...] = ((0, 0), (1, 1), (1, 2), (2, 2), (2, 3))


@dataclass(frozen=True, eq=False)
class Polynomial:
    """Coefficients (terms, outputs) of products of lengths, each a tuple of the lengths' numbers."""

    terms: tuple[tuple[int, ...], ...]
    coefficients: Floats

    def __call__(self, lengths: Floats) -> Floats:
        """Outputs (s, outputs) at scaled lengths (s, P)."""
        return np.asarray(_products(lengths, self.terms) @ self.coefficients)


def fewest_shapes(lengths: int, *, rows_a_shape: int) -> int:
    """How many shapes tell the quadratic terms of so many lengths."""
    if lengths == 0:
        return 1
    terms = (lengths + 1) * (lengths + 2) // 2
    return int(np.ceil(ROWS_A_TERM * terms / rows_a_shape)) + SPARE


def best_polynomial(
    lengths: Floats, outputs: Floats, shape: Integers, *, own: int, loss: Callable[[Floats], float]
) -> tuple[Polynomial, Floats]:
    """The polynomial of the degree that predicts best, and its predictions (rows, outputs) of what it has not seen.

    Parameters
    ----------
    lengths
        Scaled (rows, P); a dot's own lengths come first.
    outputs
        (rows, outputs).
    shape
        (rows,) number of the shape a row belongs to: its rows are left out together.
    own
        How many lengths are a dot's own.
    loss
        Of predictions (rows, outputs): the smaller the better.
    """
    tried: list[tuple[float, int, list[tuple[int, ...]], Floats]] = []
    for degree in DEGREES:
        terms = _terms(lengths.shape[1], own, degree)
        if len(terms) * ROWS_A_TERM <= len(lengths) * (FOLDS - 1) / FOLDS or not tried:
            guess = held_out(lengths, outputs, shape, terms)
            tried.append((loss(guess), len(terms), terms, guess))
    _, _, terms, guess = min(tried, key=lambda one: one[:2])
    return _fit(lengths, outputs, terms), guess


def held_out(lengths: Floats, outputs: Floats, shape: Integers, terms: Sequence[tuple[int, ...]]) -> Floats:
    """Predictions (rows, outputs) of every row by a fit without its fold."""
    found = np.zeros_like(outputs)
    numbers = np.unique(shape)
    folds = min(FOLDS, len(numbers))
    for fold in range(folds):
        out = np.isin(shape, numbers[fold::folds])
        if out.all():
            return outputs.copy()
        found[out] = _fit(lengths[~out], outputs[~out], terms)(lengths[out])
    return found


def _fit(lengths: Floats, outputs: Floats, terms: Sequence[tuple[int, ...]]) -> Polynomial:
    return Polynomial(tuple(terms), np.linalg.pinv(_products(lengths, terms)) @ outputs)


def _products(lengths: Floats, terms: Sequence[tuple[int, ...]]) -> Floats:
    return np.stack([np.prod(lengths[:, list(term)], axis=1) for term in terms], axis=1)


def _terms(lengths: int, own: int, degree: Degree) -> list[tuple[int, ...]]:
    """Products of lengths up to a degree, and of a dot's own lengths up to another."""
    common, alone = degree
    products = (
        term for order in range(max(degree) + 1) for term in combinations_with_replacement(range(lengths), order)
    )
    return [term for term in products if len(term) <= common or (len(term) <= alone and all(k < own for k in term))]
