"""Shapes of peaks and backgrounds, with their slopes to the parameters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from qdmol.arrays import Floats

_LN2 = float(np.log(2.0))
_ROOT = float(np.sqrt(2 * np.pi))


class PeakSlopes(NamedTuple):
    """Value of a peak of height 1 (n,) and its derivatives (n,) to centre, full width, skew and Lorentzian share."""

    value: Floats
    centre: Floats
    fwhm: Floats
    skew: Floats
    lorentz: Floats


def gaussian(x: Floats, centre: float, fwhm: float) -> Floats:
    """A Gaussian of height 1."""
    value: Floats = np.exp(-4 * _LN2 * ((x - centre) / fwhm) ** 2)
    return value


def gaussian_slopes(x: Floats, centre: float, fwhm: float) -> tuple[Floats, Floats, Floats]:
    """A Gaussian of height 1 and its derivatives to centre and full width at half maximum."""
    distance = (x - centre) / fwhm
    value = np.exp(-4 * _LN2 * distance**2)
    by_centre = value * distance * (8 * _LN2 / fwhm)
    return value, by_centre, by_centre * distance


def asymmetric_peak(x: Floats, centre: float, fwhm: float, *, skew: float = 0.0, lorentz: float = 0.0) -> Floats:
    """A peak of height 1 with its maximum at `centre`: Gaussian, or mixed with a share of a Lorentzian.

    Its half widths are fwhm (1 + skew) / 2 below the centre and fwhm (1 - skew) / 2 above, so that the full width at
    half maximum is `fwhm` whatever the other two.
    """
    width = np.where(x < centre, fwhm * (1 + skew), fwhm * (1 - skew))
    distance = (x - centre) / width
    peak: Floats = (1 - lorentz) * np.exp(-4 * _LN2 * distance**2) + lorentz / (1 + 4 * distance**2)
    return peak


def asymmetric_peak_slopes(x: Floats, centre: float, fwhm: float, *, skew: float, lorentz: float) -> PeakSlopes:
    """The same peak with its derivatives to all parameters."""
    side = np.where(x < centre, 1.0, -1.0)
    stretch = 1 + side * skew
    width = fwhm * stretch
    distance = (x - centre) / width
    bell, tail = np.exp(-4 * _LN2 * distance**2), 1 / (1 + 4 * distance**2)
    by_distance = -8 * distance * ((1 - lorentz) * _LN2 * bell + lorentz * tail**2)
    outward = -by_distance * distance
    return PeakSlopes(
        (1 - lorentz) * bell + lorentz * tail, -by_distance / width, outward / fwhm, outward * side / stretch,
        tail - bell,
    )  # fmt: skip


def polynomial(t: Floats, *coefficients: float) -> Floats:
    """Sum of coefficients times powers of t, the constant first."""
    value: Floats = np.polynomial.polynomial.polyval(t, np.array(coefficients))
    return value


def step(x: Floats, centre: float, sigma: float) -> Floats:
    """A step from 0 to 1, the integral of a Gaussian."""
    value: Floats = special.ndtr((x - centre) / sigma)
    return value


def step_slopes(x: Floats, centre: float, sigma: float) -> tuple[Floats, Floats, Floats]:
    """A step from 0 to 1 and its derivatives to centre and sigma."""
    z = (x - centre) / sigma
    by_centre = -np.exp(-0.5 * z**2) / (_ROOT * sigma)
    return special.ndtr(z), by_centre, by_centre * z


def ramp(x: Floats, start: float, sigma: float) -> Floats:
    """A straight rise from `start` on with slope 1, its corner rounded by a Gaussian."""
    return ramp_slopes(x, start, sigma)[0]


def ramp_slopes(x: Floats, start: float, sigma: float) -> tuple[Floats, Floats, Floats]:
    """A rounded ramp and its derivatives to start and sigma."""
    z = (x - start) / sigma
    rise, density = special.ndtr(z), np.exp(-0.5 * z**2) / _ROOT
    return sigma * (z * rise + density), -rise, density
