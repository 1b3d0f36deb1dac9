"""Quantiles and tails without `scipy.stats` are those of `scipy.stats`."""

import numpy as np
import pytest
from scipy import stats

from qdmol.statistics import distributions

SHARES = np.array([1e-12, 0.16, 0.5, 0.975, 1 - 1e-9])
VALUES = np.array([0.0, 0.3, 2.0, 40.0])
COUNTS = np.array([-1.0, 0.0, 1.0, 7.0, 300.0])
MEANS = np.array([1e-3, 0.5, 3.7, 310.0])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (distributions.normal_quantile(SHARES), stats.norm.ppf(SHARES)),
        (distributions.normal_tail(VALUES), stats.norm.sf(VALUES)),
        (distributions.chi2_quantile(SHARES, 3), stats.chi2.ppf(SHARES, 3)),
        (distributions.chi2_tail(VALUES, 2.5), stats.chi2.sf(VALUES, 2.5)),
        (distributions.t_quantile(SHARES, 7), stats.t.ppf(SHARES, 7)),
        (distributions.t_tail(VALUES, 7), stats.t.sf(VALUES, 7)),
        (distributions.f_quantile(SHARES, 3.0, 8.0), stats.f.ppf(SHARES, 3.0, 8.0)),
        (distributions.poisson_quantile(0.16, MEANS), stats.poisson.ppf(0.16, MEANS)),
        (distributions.poisson_tail(COUNTS[:, None], MEANS), stats.poisson.sf(COUNTS[:, None], MEANS)),
        (distributions.poisson_probability(COUNTS[1:, None], MEANS), stats.poisson.pmf(COUNTS[1:, None], MEANS)),
    ],
)
def test_to_the_last_digit(ours, theirs):
    np.testing.assert_array_equal(ours, theirs)


def test_binomial_tail():
    counts, trials = np.array([-1, 0, 3, 9, 10, 12]), 10
    expected = stats.binom.sf(counts, trials, 1 / 3)
    np.testing.assert_allclose(distributions.binomial_tail(counts, trials, 1 / 3), expected, rtol=1e-12, atol=0)
