"""Shapes of peaks and backgrounds."""

from __future__ import annotations

import numpy as np
from scipy import special

from qdmol.analysis.curves.values import Floats

__all__ = ["asymmetric_peak", "gaussian", "polynomial", "ramp", "step"]

_LN2 = float(np.log(2.0))


def gaussian(x: Floats, centre: float, fwhm: float) -> Floats:
    """A Gaussian of height 1."""
    value: Floats = np.exp(-4 * _LN2 * ((x - centre) / fwhm) ** 2)
    return value


def asymmetric_peak(x: Floats, centre: float, fwhm: float, *, skew: float = 0.0, lorentz: float = 0.0) -> Floats:
    """A peak of height 1 with its maximum at `centre`: Gaussian, or mixed with a share of a Lorentzian.

    Its half widths are fwhm (1 + skew) / 2 below the centre and fwhm (1 - skew) / 2 above, so that the full width at
    half maximum is `fwhm` whatever the other two.
    """
    width = np.where(x < centre, fwhm * (1 + skew), fwhm * (1 - skew))
    distance = (x - centre) / width
    peak: Floats = (1 - lorentz) * np.exp(-4 * _LN2 * distance**2) + lorentz / (1 + 4 * distance**2)
    return peak


def polynomial(t: Floats, *coefficients: float) -> Floats:
    """Sum of coefficients times powers of t, the constant first."""
    value: Floats = np.polynomial.polynomial.polyval(t, np.array(coefficients))
    return value


def step(x: Floats, centre: float, sigma: float) -> Floats:
    """A step from 0 to 1, the integral of a Gaussian."""
    value: Floats = special.ndtr((x - centre) / sigma)
    return value


def ramp(x: Floats, start: float, sigma: float) -> Floats:
    """A straight rise from `start` on with slope 1, its corner rounded by a Gaussian."""
    z = (x - start) / sigma
    value: Floats = sigma * (z * special.ndtr(z) + np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi))
    return value
