"""Levels of a hard-walled sphere: zeros of spherical Bessel functions."""

import itertools
import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import spherical_jn

from qdmol.units import HBAR2_OVER_2M0


def bessel_zeros(ell, largest):
    """Every zero of j_l up to `largest`, ascending."""
    # Neighbouring zeros lie farther apart than 3, and none below l.
    marks = np.arange(max(ell, 0.5), largest + 0.2, 0.2)
    values = spherical_jn(ell, marks)
    found = [
        brentq(lambda x: spherical_jn(ell, x), a, b, xtol=1e-13)
        for (a, one), (b, two) in itertools.pairwise(zip(marks, values, strict=True))
        if one * two < 0
    ]
    return [zero for zero in found if zero <= largest]


def sphere_pairs(radius, masses, top):
    """Energies (n,) eV up to `top` and 2l + 1 (n,) of the pairs of equal functions of a hard-walled sphere."""
    scale = HBAR2_OVER_2M0 * sum(1 / mass for mass in masses) / radius**2
    largest = math.sqrt(top / scale)
    listed = [(scale * zero**2, 2 * ell + 1) for ell in range(int(largest) + 1) for zero in bessel_zeros(ell, largest)]
    energy, count = np.array(sorted(listed)).T
    return energy, count
