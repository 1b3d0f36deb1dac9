"""The independent reference with self-polarisation: against quadrature, a series and the radial levels without it."""

import itertools

import numpy as np
import pytest
from numpy.polynomial import legendre
from tests.exact.polarised import PolarisedSphere, polarisation_potential, softened
from tests.exact.radial import Sphere, radial_levels

from qdmol.potentials.polarisation import sphere_potential


def test_multipoles_of_the_softened_potential():
    r, radius, softness = np.array([0.7, 1.9, 2.6]), 2.0, 0.3
    x, w = legendre.leggauss(400)
    distance = np.sqrt(r[:, None] ** 2 + radius**2 - 2 * radius * r[:, None] * x + softness**2)
    push = (r[:, None] * x - radius) / distance**3
    value, slope = softened(r, radius, softness, 12)
    for l in (0, 1, 5, 11):  # noqa: E741 - the field's letter
        weight = (2 * l + 1) / 2 * w * legendre.Legendre.basis(l)(x)
        assert value[l] == pytest.approx((weight / distance).sum(axis=1), rel=1e-10)
        assert slope[l] == pytest.approx((weight * push).sum(axis=1), rel=1e-9)


def test_two_series_agree():
    radii, values = (1.2, 2.0, 3.1), (10.0, 6.0, 8.0, 2.0)
    r = np.linspace(0.1, 4.0, 30)
    contrasts = [(a - b) / (a + b) for a, b in itertools.pairwise(values)]
    expected = sphere_potential(r, radii, contrasts, softness=0.05)
    assert polarisation_potential(r, radii, values, 0.05) == pytest.approx(expected, abs=1e-8)


def test_without_contrast_the_levels_are_the_plain_ones():
    sphere = Sphere((1.5, 2.6), (0.13, 0.2), (0.0, 0.2), 3.0, 0.8)
    plain = radial_levels(sphere, 1, top=1.0)
    found = PolarisedSphere(sphere, [7.0, 7.0, 7.0], 0.2).levels(1, len(plain))
    assert found == pytest.approx(plain, abs=1e-9)
