"""Points of a curve that a fit uses: usable, of numbers that can be squared, and averaged where there are many."""

from __future__ import annotations

import numpy as np

from qdmol.analysis.curves.values import Curve, Floats
from qdmol.errors import DataError

__all__ = ["points_to_fit", "thinned"]

_MOST = 320
# Squares and products of values stay within double precision.
_SMALLEST, _LARGEST = 1e-50, 1e50


def points_to_fit(curve: Curve) -> tuple[Floats, Floats]:
    """Wavelength (m,) in nm and value (m,) of the usable points, at most 320 after averaging neighbours.

    Raises
    ------
    qdmol.errors.DataError
        No point is usable, or the values are too large or too small to be fitted.
    """
    wavelength, values = curve.good
    if not len(values):
        flagged = " ".join(flag.text for flag in curve.flags)
        raise DataError(f"No point of the curve is usable. {flagged}".rstrip())
    highest = float(np.abs(values).max())
    if highest > _LARGEST or 0 < highest < _SMALLEST:
        raise DataError(f"The largest value is {highest:.3g}; curves are fitted from {_SMALLEST:g} to {_LARGEST:g}.")
    return thinned(wavelength, values)


def thinned(wavelength: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Means of as many neighbours as leave at most 320 points; points (n,) in, points (m,) out."""
    group = max(-(-len(values) // _MOST), 1)
    whole = len(values) // group * group
    return wavelength[:whole].reshape(-1, group).mean(axis=1), values[:whole].reshape(-1, group).mean(axis=1)
