"""Peaks of emission: a peak on the energy axis, measured per nm, on a smooth background."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from scipy import signal

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.spectroscopy.fitting import (
    Averaged,
    Fitted,
    Model,
    Parameter,
    Values,
    fit_models,
    points_to_fit,
    slopes_to_parameters,
)
from qdmol.spectroscopy.noise import white_level
from qdmol.spectroscopy.shapes import asymmetric_peak, asymmetric_peak_slopes, polynomial
from qdmol.spectroscopy.values import Curve, Measurement, PeakFit
from qdmol.units import HC_EV_NM

_REACH = 2.2  # full widths to either side that are fitted
_ORDERS = (2, 3)  # of the background; a straight line hides a broad band in the noise
_FEWEST = 25
_ROUNDING = 1e-9  # of the highest value: a smaller rise is none
_FAINT = 5.0  # times the noise: lower is no peak


def fit_emission(curve: Curve) -> PeakFit:
    r"""Fit the strongest peak of an emission curve.

    An intensity per nm is one per eV times the Jacobian,

    .. math:: I_\lambda(\lambda) = I_E(hc/\lambda)\, hc/\lambda^2

    (Mooney and Kambhampati, J. Phys. Chem. Lett. 4, 3316 (2013), doi:10.1021/jz401508t). The peak is a Gaussian, or
    one with unlike sides, mixed with a Lorentzian, or both, per eV; the background a polynomial in the wavelength.

    Parameters
    ----------
    curve
        Intensity against wavelength.

    Returns
    -------
    PeakFit
        Maximum and width of the peak per eV; `maximum_nm` is where the measured curve is highest.

    Raises
    ------
    qdmol.errors.InputError
        An absorption or transmission curve.
    qdmol.errors.DataError
        No peak that stands out of the noise, or too few points around it.
    """
    if curve.quantity in {"absorption", "transmission"}:
        raise InputError(field="curve", value=curve.quantity, allowed="one of emission or excitation")
    wavelength, values, top, width = _window(curve)
    scene = _Scene(wavelength, values, HC_EV_NM / top, width, per_nm=curve.per == "nm")
    averaged = fit_models(scene.models(), wavelength, values, derived=scene.derived)
    return _result(curve, scene, averaged)


def _window(curve: Curve) -> tuple[Floats, Floats, float, float]:
    """Points around the strongest peak; its wavelength (nm) and a first width (eV)."""
    wavelength, values = points_to_fit(curve)
    if len(values) < _FEWEST:
        raise DataError(f"The curve has {len(values)} usable points; a peak needs {_FEWEST}.")
    smooth = signal.savgol_filter(values, min(11, len(values) // 3 | 1), 2)
    top = _strongest(smooth)
    rise = float(smooth[top] - smooth.min())
    if rise <= max(_FAINT * white_level(values), _ROUNDING * float(np.abs(values).max())):
        raise DataError("No peak rises above the noise.")
    half = smooth.min() + rise / 2
    below = np.flatnonzero(smooth < half)
    left = wavelength[below[below < top].max()] if (below < top).any() else None
    right = wavelength[below[below > top].min()] if (below > top).any() else None
    centre = float(wavelength[top])
    reach = min([abs(edge - centre) for edge in (left, right) if edge is not None], default=20.0)
    low, high = centre - 2 * _REACH * reach, centre + 2 * _REACH * reach
    inside = (wavelength >= low) & (wavelength <= high)
    if inside.sum() < _FEWEST:
        nearest = np.sort(np.argsort(np.abs(wavelength - centre))[:_FEWEST])
        inside = np.zeros(len(values), dtype=bool)
        inside[nearest] = True
    return wavelength[inside], values[inside], centre, 2 * reach * HC_EV_NM / centre**2


def _strongest(smooth: Floats) -> int:
    """Index of the maximum with the highest prominence; the highest point where there is none inside."""
    peaks, properties = signal.find_peaks(smooth, prominence=0)
    return int(peaks[np.argmax(properties["prominences"])]) if len(peaks) else int(np.argmax(smooth))


class _Scene:
    """The models of one window, and what follows from their parameters."""

    def __init__(self, wavelength: Floats, values: Floats, centre: float, width: float, *, per_nm: bool) -> None:
        self.wavelength, self.values, self.per_nm = wavelength, values, per_nm
        self.centre, self.width = centre, width
        self.energy = HC_EV_NM / wavelength
        self.middle, self.half = float(np.mean(wavelength[[0, -1]])), float(np.ptp(wavelength)) / 2
        self.scale = float(np.ptp(values))
        self.factor = self.scale * ((self.energy / centre) ** 2 if per_nm else np.ones(len(wavelength)))
        t = (wavelength - self.middle) / self.half
        self.powers = {f"b{power}": self.scale * t**power for power in range(4)}

    def models(self) -> list[Model]:
        """Four shapes of the peak, two backgrounds."""
        shapes = (("Gaussian", False, False), ("unlike sides", True, False), ("Voigt", False, True),
                  ("Voigt, unlike sides", True, True))  # fmt: skip
        return [
            Model(
                f"{name}, background of order {order}",
                self._parameters(skewed=skewed, mixed=mixed, order=order),
                self._evaluate,
            )
            for name, skewed, mixed in shapes
            for order in _ORDERS
        ]

    def _parameters(self, *, skewed: bool, mixed: bool, order: int) -> dict[str, Parameter]:
        low, high = float(self.energy.min()), float(self.energy.max())
        return {
            "centre": Parameter(self.centre, low - 0.1, high + 0.1),
            "fwhm": Parameter(self.width, 0.1 * self.width, 6 * self.width),
            "height": Parameter(1.0, 0.0, 20.0),
            "skew": Parameter(0.0, -0.7, 0.7, fixed=not skewed),
            "lorentz": Parameter(0.1 if mixed else 0.0, 0.0, 1.0, fixed=not mixed),
            "b0": Parameter(float(self.values.min()) / self.scale),
            **{f"b{power}": Parameter(0.0, fixed=power > order) for power in (1, 2, 3)},
        }

    def _evaluate(self, p: Values) -> tuple[Floats, Mapping[str, Floats]]:
        """Peak and background in the window, in the unit of the curve, and their slopes to the parameters."""
        peak = asymmetric_peak_slopes(self.energy, p["centre"], p["fwhm"], skew=p["skew"], lorentz=p["lorentz"])
        value = self.factor * peak.value
        height = p["height"] * self.factor
        slopes = {
            "centre": height * peak.centre, "fwhm": height * peak.fwhm, "height": value, "skew": height * peak.skew,
            "lorentz": height * peak.lorentz, **self.powers,
        }  # fmt: skip
        background = sum((p[name] * power for name, power in self.powers.items()), np.zeros(len(value)))
        return p["height"] * value + background, slopes

    def background(self, wavelength: Floats, p: Values) -> Floats:
        """The polynomial, in the unit of the curve."""
        t = (wavelength - self.middle) / self.half
        return self.scale * polynomial(t, p["b0"], p["b1"], p["b2"], p["b3"])

    def curve(self, wavelength: Floats, p: Values) -> Floats:
        """Peak and background, in the unit of the curve."""
        energy = HC_EV_NM / wavelength
        peak = p["height"] * asymmetric_peak(energy, p["centre"], p["fwhm"], skew=p["skew"], lorentz=p["lorentz"])
        if self.per_nm:
            peak = peak * (energy / self.centre) ** 2
        return self.scale * peak + self.background(wavelength, p)

    def derived(self, fit: Fitted) -> tuple[dict[str, float], dict[str, Floats]]:
        """Peak (eV), width (meV), height, the highest point of the curve (nm; NaN without one), and their slopes."""
        grid = highest_points(partial(self.curve, p=fit.values), self.wavelength)

        def numbers(p: Values) -> dict[str, float]:
            return {
                "peak": p["centre"],
                "width": 1e3 * p["fwhm"],
                "height": self.scale * p["height"],
                "maximum": vertex(partial(self.curve, p=p), grid),
            }

        return numbers(fit.values), slopes_to_parameters(fit, numbers)


def highest_points(curve: Callable[[Floats], Floats], wavelength: Floats) -> Floats:
    """Three points (nm) around the highest of a smooth curve inside a window (n,); empty where it is at an end."""
    grid = np.linspace(wavelength[0], wavelength[-1], 1601)
    top = int(np.argmax(curve(grid)))
    return grid[:0] if top in {0, len(grid) - 1} else grid[top - 1 : top + 2]


def vertex(curve: Callable[[Floats], Floats], points: Floats) -> float:
    """Place of the vertex of the parabola through three points of a curve; NaN without points."""
    if not len(points):
        return float("nan")
    before, at, after = curve(points)
    return float(points[1] + 0.5 * (points[1] - points[0]) * (before - after) / (before - 2 * at + after))


def _result(curve: Curve, scene: _Scene, averaged: Averaged) -> PeakFit:
    numbers = averaged.numbers
    best = averaged.best
    peak = numbers["peak"]
    warnings = []
    if not scene.energy.min() < peak.value < scene.energy.max():
        warnings.append("The peak lies outside the measured range.")
    span = (float(scene.energy.min()), float(scene.energy.max()))
    if min(peak.value - span[0], span[1] - peak.value) < 0.5e-3 * numbers["width"].value:
        warnings.append("The measured range ends within half a linewidth of the peak, where the background is unknown.")
    if numbers["height"].error * 3 > numbers["height"].value:
        warnings.append("The peak is barely resolved from the background.")
    return PeakFit(
        curve=curve, kind="maximum", peak_eV=peak, width_meV=numbers["width"], height=numbers["height"], edge_eV=None,
        maximum_nm=finite_or_none(numbers["maximum"]), ratio_300nm=None, model=best.model.name,
        weights={fit.model.name: weight for fit, weight in zip(averaged.fits, averaged.weights, strict=True)},
        noise=averaged.noise.described, wavelength_nm=scene.wavelength, fitted=best.curve,
        background=scene.background(scene.wavelength, best.values), warnings=tuple(warnings),
    )  # fmt: skip


def finite_or_none(estimate: Measurement) -> Measurement | None:
    """The number, or None where it is not finite."""
    return estimate if np.isfinite(estimate.value) and np.isfinite(estimate.error) else None
