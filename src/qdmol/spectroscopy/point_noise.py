"""Noise of the points of a measured curve, and values of a curve at a wavelength with the error that follows from it.

The covariance of the points is that of the fits: a part independent from point to point, which may rise with the
signal, and a part that decays exponentially with the distance of the points. Every value here is a weighted sum of
points, so that its variance is exact for this covariance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import DataError
from qdmol.spectroscopy.values import Curve, Measurement, PeakFit

_AROUND = 75  # points to either side over which the independent noise is also estimated locally
_FEWEST = 4  # points of a local polynomial
# Third differences overlap, so that their squares are correlated: 1 + 2 (15² + 6² + 1²) / 20² of them count as one.
_SHARED = 1 + 2 * (15**2 + 6**2 + 1) / 20**2


@dataclass(frozen=True, slots=True, eq=False)
class PointNoise:
    """Noise of the usable points of a curve.

    Parameters
    ----------
    wavelength
        Of the points (n,), nm, rising.
    independent
        Variance of what is independent from point to point (n,), in the squared unit of the curve.
    correlated
        Variance of the part that is correlated over `length` nm.
    length
        Length of that correlation, nm.
    freedom
        Degrees of freedom of the variances.
    """

    wavelength: Floats
    independent: Floats
    correlated: float
    length: float
    freedom: float = math.inf

    @property
    def deviation(self) -> Floats:
        """Standard deviation of each point (n,)."""
        deviation: Floats = np.sqrt(self.independent + self.correlated)
        return deviation

    def of_sum(self, weights: Floats) -> float:
        """Standard error of the sum of all points times `weights` (n,)."""
        return math.sqrt(max(self.product(weights, weights), 0.0))

    def product(self, first: Floats, second: Floats) -> float:
        """Covariance of two weighted sums of the points, weights (n,) each."""
        used = np.flatnonzero((first != 0) | (second != 0))
        if not len(used):
            return 0.0
        part = slice(int(used[0]), int(used[-1]) + 1)
        a, b = first[part], second[part]
        total = float(np.sum(a * b * self.independent[part]))
        if self.correlated > 0:
            total += self.correlated * _decaying_product(a, b, np.diff(self.wavelength[part]), self.length)
        return total


def _decaying_product(a: Floats, b: Floats, step: Floats, length: float) -> float:
    r"""Sum over all pairs of :math:`a_i b_j e^{-|x_i - x_j|/\ell}`, in one pass."""
    keep = np.exp(-step / max(length, 1e-12))
    total, left_a, left_b = 0.0, 0.0, 0.0
    for k in range(len(a)):
        if k:
            left_a, left_b = keep[k - 1] * left_a, keep[k - 1] * left_b
        total += float(a[k] * b[k] + a[k] * left_b + b[k] * left_a)
        left_a, left_b = left_a + float(a[k]), left_b + float(b[k])
    return total


def point_noise(curve: Curve, fit: PeakFit | None = None) -> PointNoise:
    """Noise of the usable points of a curve, from its fit if there is one, and from the points themselves.

    The independent part is at least what third differences of neighbouring points show locally (a smooth curve drops
    out of these), because noise outside the fitted window, as at 300 nm, may be higher than inside.

    Parameters
    ----------
    curve
        A measured curve.
    fit
        Its fit. Without one the noise is taken as independent from point to point.
    """
    wavelength, values = curve.good
    independent = _local_variance(values)
    correlated, length = 0.0, 1.0
    freedom = max(min(len(values), 2 * _AROUND + 1) / _SHARED, 3.0)
    if fit is not None and len(wavelength) > 1:
        noise, top = fit.noise, float(np.max(np.clip(fit.fitted, 0, None))) or 1.0
        # a fit averages neighbouring points, whose independent noise is lower by their number
        group = 1.0
        if len(fit.wavelength_nm) > 1:
            group = max(1.0, round(float(np.median(np.diff(fit.wavelength_nm)) / np.median(np.diff(wavelength)))))
        modelled = group * (noise.white**2 + noise.rising**2 * np.clip(values, 0, None) / top)
        independent = np.maximum(independent, modelled)
        correlated, length = noise.correlated**2, noise.length_nm
        freedom = fit.position_eV.freedom
    return PointNoise(wavelength, independent, correlated, length, freedom)


def _local_variance(values: Floats) -> Floats:
    """Variance of independent noise about each point (n,), from third differences."""
    count = len(values)
    if count < 2 * _FEWEST:
        return np.zeros(count)
    third = np.diff(values, 3) ** 2 / 20
    padded = np.pad(third, (1, 2), mode="edge")
    total = np.concatenate([[0.0], np.cumsum(padded)])
    low = np.maximum(np.arange(count) - _AROUND, 0)
    high = np.minimum(np.arange(count) + _AROUND + 1, count)
    local: Floats = (total[high] - total[low]) / (high - low)
    return np.maximum(local, 0.0)


def local_weights(wavelength: Floats, place: float, reach: float, *, order: int) -> tuple[Floats, Floats]:
    """Weights of points for the value and the slope at a place, by a polynomial fitted to the points within `reach` nm.

    Parameters
    ----------
    wavelength
        Of the points (n,), nm, rising.
    place, reach
        Centre and half width of the window, nm; it is widened to hold enough points.
    order
        Of the polynomial, 1 or 2.

    Returns
    -------
    tuple of numpy.ndarray
        Weights for the value (n,), and for the slope per nm (n,).

    Raises
    ------
    qdmol.errors.DataError
        The place lies outside the points.
    """
    if not len(wavelength) or not wavelength[0] <= place <= wavelength[-1]:
        raise DataError(f"The curve does not reach {place:.4g} nm.")
    distance = np.abs(wavelength - place)
    needed = min(max(order + 2, _FEWEST), len(wavelength))
    inside = np.flatnonzero(distance <= max(reach, float(np.partition(distance, needed - 1)[needed - 1])))
    x = wavelength[inside] - place
    scale = float(np.abs(x).max()) or 1.0
    inverse = np.linalg.pinv(np.vander(x / scale, order + 1, increasing=True))
    value, slope = np.zeros(len(wavelength)), np.zeros(len(wavelength))
    value[inside], slope[inside] = inverse[0], inverse[1] / scale
    return value, slope


def value_at(
    curve: Curve, noise: PointNoise, place: float, *, reach: float, order: int = 1
) -> Measurement:  # fmt: skip
    """Value of a curve at a wavelength (nm), from the points within `reach` nm, with its error.

    Raises
    ------
    qdmol.errors.DataError
        The wavelength lies outside the curve.
    """
    weights, _ = local_weights(noise.wavelength, place, reach, order=order)
    return Measurement(float(weights @ curve.good[1]), noise.of_sum(weights), noise.freedom)
