"""Errors of ratios between samples: what one common growth of all strengths leaves out."""

from types import SimpleNamespace

import numpy as np
import pytest

from qdmol.prediction.evaluation import GROWTH_SAFETY, _growth_difference


def _sample(strengths, orbitals=(20, 40, 80, 160), share=1.0):
    edge = tuple(
        SimpleNamespace(energy=np.array([0.1]), moment=np.array([strength]), orbitals=many)
        for strength, many in zip(strengths, orbitals, strict=False)
    )
    return SimpleNamespace(prepared=[(share, SimpleNamespace(light=SimpleNamespace(edge=edge)))])


def _strengths(limit, slope, count=4):
    return [limit - slope * many ** (-1 / 3) for many in (20, 40, 80, 160)[:count]]


def test_samples_that_grow_alike_keep_their_ratio():
    assert _growth_difference(_sample(_strengths(1.0, 0.5)), _sample(_strengths(2.0, 1.0))) == pytest.approx(
        0.0, abs=1e-12
    )


def test_growth_that_differs_is_an_error_of_the_ratio():
    one, two = _sample(_strengths(1.0, 0.5)), _sample(_strengths(1.0, 0.8, 3))
    # Of the three bases both have.
    expected = (1 - 0.5 * 80 ** (-1 / 3)) / (1 - 0.8 * 80 ** (-1 / 3)) - 1
    assert _growth_difference(one, two) == pytest.approx(GROWTH_SAFETY * expected, rel=1e-9)
    assert expected > 0.05
