"""Polynomials through shapes: exact where the truth is one, honest where it is not."""

import numpy as np
import pytest

from qdmol.prediction.surrogate import DEGREES, best_polynomial, fewest_shapes


def fitted(truth, *, rows=60, lengths=3, own=2):
    rng = np.random.default_rng(3)
    known = rng.normal(size=(rows, lengths))
    outputs = truth(known)
    loss = lambda guess: float(np.mean((guess - outputs) ** 2))  # noqa: E731
    return known, outputs, best_polynomial(known, outputs, np.arange(rows), own=own, loss=loss)


def test_a_quadratic_is_found_exactly():
    def truth(x):
        return np.stack([1 + x[:, 0] - 2 * x[:, 1] * x[:, 2], x[:, 2] ** 2], axis=1)

    _, outputs, (fit, guess) = fitted(truth)
    assert guess == pytest.approx(outputs, abs=1e-10)
    new = np.random.default_rng(4).normal(size=(20, 3))
    assert fit(new) == pytest.approx(truth(new), abs=1e-10)


def test_a_cubic_in_a_dots_own_lengths_is_found_exactly():
    def truth(x):
        return (x[:, 0] ** 3 + x[:, 1] * x[:, 0] ** 2 + x[:, 2])[:, None]

    _, outputs, (_, guess) = fitted(truth)
    assert guess == pytest.approx(outputs, abs=1e-9)


def test_noise_is_not_fitted():
    """Of what no polynomial predicts the simplest one is taken, and its error is that of the noise."""
    rng = np.random.default_rng(5)
    _, outputs, (fit, guess) = fitted(lambda x: rng.normal(size=(len(x), 1)))
    assert len(fit.terms) <= 4
    assert np.std(guess - outputs) == pytest.approx(1.0, abs=0.3)


def test_what_is_held_out_tells_the_error_elsewhere():
    """The error on rows that were not seen is that on new ones, for a function that is no polynomial."""

    def truth(x):
        return np.exp(0.7 * x[:, :1]) * np.cos(x[:, 1:2])

    _, outputs, (fit, guess) = fitted(truth, rows=80)
    new = np.random.default_rng(6).normal(size=(2000, 3))
    true = np.sqrt(np.mean((fit(new) - truth(new)) ** 2))
    stated = np.sqrt(np.mean((guess - outputs) ** 2))
    assert 0.4 * true < stated < 2.5 * true
    assert stated > 1e-3


def test_rows_of_one_shape_are_left_out_together():
    """Two dots of a molecule that are the same row must not tell each other."""
    rng = np.random.default_rng(7)
    known = np.repeat(rng.normal(size=(30, 3)), 2, axis=0)
    outputs = np.repeat(rng.normal(size=(30, 1)), 2, axis=0)
    shape = np.repeat(np.arange(30), 2)
    _, guess = best_polynomial(known, outputs, shape, own=2, loss=lambda g: float(np.mean((g - outputs) ** 2)))
    assert np.std(guess - outputs) > 0.7


def test_few_shapes_ask_for_few_terms():
    known = np.random.default_rng(8).normal(size=(4, 5))
    fit, _ = best_polynomial(known, known[:, :1], np.arange(4), own=2, loss=lambda g: float(np.abs(g).sum()))
    assert len(fit.terms) == 1


@pytest.mark.parametrize("lengths", [1, 2, 5])
def test_as_many_shapes_as_the_quadratic_needs(lengths):
    terms = (lengths + 1) * (lengths + 2) // 2
    assert fewest_shapes(lengths, rows_a_shape=1) >= 1.5 * terms
    assert 2 * fewest_shapes(lengths, rows_a_shape=2) >= 1.5 * terms
    assert fewest_shapes(0, rows_a_shape=1) == 1
    assert (2, 2) in DEGREES
