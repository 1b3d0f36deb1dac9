"""Zero and normalisation of measured curves, with errors.

A curve is normalised as (y - level) / amplitude. The `level` is what it shows where the sample neither absorbs nor
emits; the `amplitude` is its height above the level at the band edge, at a wavelength, at an isosbestic point, at its
maximum, or its area. Both are weighted sums of the points, so that their errors follow from the noise of the curve.

An emission curve per nm becomes one per eV by the Jacobian, I(E) = I(λ) λ² / hc (Mooney and Kambhampati, J. Phys.
Chem. Lett. 4, 3316 (2013), doi:10.1021/jz401508t); only ratios matter after normalisation.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.spectroscopy.point_noise import PointNoise, value_at
from qdmol.spectroscopy.values import Curve, Measurement, PeakFit

Method = Literal["edge", "wavelength", "isosbestic", "maximum", "area", "none"]
METHODS: Final = "edge, a wavelength such as 300nm, isosbestic, maximum, area or none"
BLUE_NM: Final = 300.0
_AVERAGED: Final = 2.5  # nm to either side of a stated wavelength
_SHARE: Final = 0.16  # of the full width, to either side of a peak
_SLOPE_REACH: Final = 4.0  # nm to either side of an edge without a peak
_BELOW: Final = 2.0  # full widths below an absorption peak at which the transparent range begins
_BELOW_EDGE: Final = 45.0  # nm below an edge without a peak
_LONGEST: Final = 60.0  # nm of the transparent range that is averaged
_FEWEST: Final = 3
_OUTSIDE: Final = 0.02  # of the height of a peak, below which its points show the level
_SHORTEST_NM, _LONGEST_NM = 150.0, 5000.0


@dataclass(frozen=True, slots=True)
class Normalisation:
    """How curves are normalised: the method, and the wavelength (nm) of ``wavelength``."""

    method: Method
    wavelength_nm: float | None = None

    def __str__(self) -> str:
        return self.method if self.wavelength_nm is None else f"{self.wavelength_nm:g}nm"


def normalisation_of(text: str) -> Normalisation:
    """Normalisation from the text of an option.

    Raises
    ------
    qdmol.errors.InputError
        The text is neither a method nor a wavelength of 150 to 5000 nm.

    Examples
    --------
    >>> normalisation_of("300 nm"), str(normalisation_of("edge"))
    (Normalisation(method='wavelength', wavelength_nm=300.0), 'edge')
    """
    compact = text.strip().casefold().replace(" ", "")
    methods: tuple[Method, ...] = ("edge", "isosbestic", "maximum", "area", "none")
    for method in methods:
        if compact == method:
            return Normalisation(method)
    match = re.fullmatch(r"(\d+(?:\.\d*)?)nm", compact)
    if match and _SHORTEST_NM <= float(match[1]) <= _LONGEST_NM:
        return Normalisation("wavelength", float(match[1]))
    raise InputError(field="normalise", value=text, allowed=METHODS)


def level_of(curve: Curve, fit: PeakFit | None, noise: PointNoise) -> tuple[Measurement, str]:
    """Level of a curve where the sample neither absorbs nor emits, in its unit, and a remark on how it is known.

    Absorption: the mean over at most 60 nm of the transparent range, which begins two full widths (of an edge without a
    peak 45 nm) below the band edge. Emission and excitation: the mean of the points outside the fitted peak, in the
    window of the fit. Without a fit the zero of the recorded curve is kept.
    """
    if fit is None:
        return Measurement(0.0, 0.0), "The curve has no fit; its zero is taken as recorded."
    if curve.quantity != "absorption":
        return _emission_level(curve, fit, noise), ""
    position, width = fit.position_nm.value, fit.width_nm
    start = position + (_BELOW_EDGE if width is None else _BELOW * width.value)
    inside = (noise.wavelength >= start) & (noise.wavelength <= start + _LONGEST)
    if inside.sum() < _FEWEST:
        return Measurement(0.0, 0.0), "The curve ends before its transparent range; its zero is taken as recorded."
    weights = inside / inside.sum()
    return Measurement(float(weights @ curve.good[1]), noise.of_sum(weights), noise.freedom), ""


def _emission_level(curve: Curve, fit: PeakFit, noise: PointNoise) -> Measurement:
    """Mean of the points of the fitted window outside the peak; the fitted background if the peak fills the window."""
    above = fit.fitted - fit.background
    top = int(np.argmax(above))
    outside = np.interp(noise.wavelength, fit.wavelength_nm, above) < _OUTSIDE * float(above[top])
    outside &= (noise.wavelength >= fit.wavelength_nm[0]) & (noise.wavelength <= fit.wavelength_nm[-1])
    if outside.sum() < _FEWEST:
        error = 0.0 if fit.height is None else fit.height.error
        return Measurement(float(fit.background[top]), error, noise.freedom)
    weights = outside / outside.sum()
    return Measurement(float(weights @ curve.good[1]), noise.of_sum(weights), noise.freedom)


def edge_amplitude(curve: Curve, fit: PeakFit, noise: PointNoise, level: Measurement) -> Measurement:
    """Height of a curve above its level at the position of its fit, in the unit of the curve.

    The position is that of the fitted peak of absorption (the steepest slope of an edge without one), or of the maximum
    of emission and excitation per nm. The value there is that of a parabola through the points within a sixth of the
    full width; the error includes that of the position.
    """
    position, width = fit.position_nm, fit.width_nm
    if curve.quantity != "absorption" and fit.maximum_nm is not None:
        position = fit.maximum_nm
    reach = _SLOPE_REACH if width is None else max(_SHARE * width.value, _AVERAGED)
    value = value_at(curve, noise, position.value, reach=reach, order=2)
    window, fitted = fit.wavelength_nm, fit.fitted
    slope = float(np.interp(position.value, window, np.gradient(fitted, window)))
    error = math.hypot(value.error, level.error, slope * position.error)
    return _positive(Measurement(value.value - level.value, error, noise.freedom), "at its band edge or maximum")


def amplitude_at(curve: Curve, noise: PointNoise, level: Measurement, wavelength_nm: float) -> Measurement:
    """Height of a curve above its level at a wavelength, from a line through the points within 2.5 nm.

    Raises
    ------
    qdmol.errors.DataError
        The curve does not reach the wavelength, or has no height there.
    """
    value = value_at(curve, noise, wavelength_nm, reach=_AVERAGED, order=1)
    amplitude = Measurement(value.value - level.value, math.hypot(value.error, level.error), noise.freedom)
    return _positive(amplitude, f"at {wavelength_nm:g} nm")


def maximum_amplitude(curve: Curve, fit: PeakFit | None, noise: PointNoise, level: Measurement) -> Measurement:
    """Height of the highest point of a curve above its level; of emission with a fit, that at its fitted maximum.

    The highest point is smoothed by a parabola over 5 nm, so that noise does not raise it.
    """
    if fit is not None and curve.quantity != "absorption":
        return edge_amplitude(curve, fit, noise, level)
    wavelength, values = curve.good
    if not len(values):
        raise DataError("No point of the curve is usable.")
    place = float(wavelength[int(np.argmax(values))])
    value = value_at(curve, noise, place, reach=_AVERAGED, order=2)
    amplitude = Measurement(value.value - level.value, math.hypot(value.error, level.error), noise.freedom)
    return _positive(amplitude, "at its maximum")


def area_amplitude(
    curve: Curve, noise: PointNoise, level: Measurement, window: tuple[float, float]
) -> Measurement:  # fmt: skip
    """Area of a curve above its level between two wavelengths, per nm, by the trapezoidal rule."""
    wavelength, values = curve.good
    inside = (wavelength >= window[0]) & (wavelength <= window[1])
    if inside.sum() < _FEWEST:
        raise DataError(f"The curve has fewer than {_FEWEST} points from {window[0]:.4g} to {window[1]:.4g} nm.")
    weights = np.zeros(len(values))
    steps = np.diff(wavelength[inside])
    part = np.zeros(int(inside.sum()))
    part[:-1] += steps / 2
    part[1:] += steps / 2
    weights[inside] = part
    area = float(weights @ (values - level.value))
    error = math.hypot(noise.of_sum(weights), float(part.sum()) * level.error)
    return _positive(Measurement(area, error, noise.freedom), "as an area")


def _positive(amplitude: Measurement, where: str) -> Measurement:
    if not (math.isfinite(amplitude.value) and amplitude.value > 2 * amplitude.error and amplitude.value > 0):
        raise DataError(f"The curve has no height above its zero {where}, so that it cannot be normalised there.")
    return amplitude


def ratio_of(first: Measurement, second: Measurement) -> Measurement:
    """Ratio of two independent positive numbers, its error to first order; freedom after Welch."""
    value = first.value / second.value
    a, b = (first.error / first.value) ** 2, (second.error / second.value) ** 2
    parts = a**2 / first.freedom + b**2 / second.freedom
    return Measurement(value, abs(value) * math.sqrt(a + b), (a + b) ** 2 / parts if parts > 0 else math.inf)


def per_eV_factor(curve: Curve, wavelength: Floats) -> Floats:  # noqa: N802  # the unit's own letters
    """Factor (n,) that turns an intensity per nm into one per eV up to a constant: λ², and 1 for absorption."""
    if curve.quantity in {"absorption", "transmission", "unknown"} or curve.per == "eV":
        return np.ones_like(wavelength)
    return wavelength**2
