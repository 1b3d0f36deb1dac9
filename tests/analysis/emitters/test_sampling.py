"""Marginal likelihoods against closed forms."""

import numpy as np
import pytest

from qdmol.analysis.emitters.sampling import marginal


def gaussian(width):
    """Likelihood of two sums of normal parameters, and its exact marginal."""
    mean, prior = np.array([1.0, 0.5]), np.array([[1.0, 1.0], [1.0, 2.0]])
    spread = prior + width**2 * np.eye(2)
    exact = -0.5 * mean @ np.linalg.solve(spread, mean) - 0.5 * np.log(np.linalg.det(spread)) + np.log(width**2)

    def log_likelihood(z):
        sums = np.stack([z[:, 0], z[:, 0] + z[:, 1]])
        return -0.5 * (((sums - mean[:, None]) / width) ** 2).sum(axis=0)

    return log_likelihood, exact


@pytest.mark.parametrize("dimensions", [2, 4, 6])
@pytest.mark.parametrize("width", [1.0, 0.1, 0.02])
def test_marginal_of_a_gaussian(dimensions, width):
    log_likelihood, exact = gaussian(width)
    result = marginal(log_likelihood, dimensions, np.random.default_rng(3))
    assert result.log_evidence == pytest.approx(exact, abs=0.5)
    assert result.weights.sum() == pytest.approx(1.0)
    posterior = result.weights @ result.points
    assert posterior[0] == pytest.approx(1.0, abs=0.2 + 2.0 * width**2)


def test_two_separate_maxima_are_both_counted():
    def log_likelihood(z):
        return np.logaddexp(*(-0.5 * ((z[:, 0] - m) / 0.05) ** 2 for m in (-1.5, 1.0)))

    exact = np.log(sum(0.05 * np.exp(-0.5 * m**2 / (1 + 0.05**2)) for m in (-1.5, 1.0)) / np.sqrt(1 + 0.05**2))
    result = marginal(log_likelihood, 3, np.random.default_rng(4))
    assert result.log_evidence == pytest.approx(exact, abs=0.3)
    assert 0.1 < result.weights[result.points[:, 0] < 0].sum() < 0.6


def test_a_hopeless_model_is_given_up():
    calls = []

    def log_likelihood(z):
        calls.append(len(z))
        return -0.5 * ((z[:, 0] - 8.0) / 0.01) ** 2

    marginal(log_likelihood, 4, np.random.default_rng(5), rival=0.0)
    patient = len(calls)
    calls.clear()
    marginal(log_likelihood, 4, np.random.default_rng(5))
    assert patient < len(calls)
