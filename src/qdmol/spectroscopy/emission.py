"""Peaks of emission: a peak on the energy axis, measured per nm, on a smooth background."""

from __future__ import annotations

from functools import partial

import lmfit
import numpy as np
from scipy import signal

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.spectroscopy.fitting import (
    Averaged,
    Fitted,
    Model,
    Values,
    asymmetric_peak,
    fit_models,
    points_to_fit,
    polynomial,
    white_level,
)
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

    def models(self) -> list[Model]:
        """Four shapes of the peak, two backgrounds."""
        shapes = (("Gaussian", False, False), ("unlike sides", True, False), ("Voigt", False, True),
                  ("Voigt, unlike sides", True, True))  # fmt: skip
        return [
            Model(
                f"{name}, background of order {order}",
                partial(self._start, skewed=skewed, mixed=mixed, order=order),
                partial(self.curve, self.wavelength),
            )
            for name, skewed, mixed in shapes
            for order in _ORDERS
        ]

    def _start(self, *, skewed: bool, mixed: bool, order: int) -> lmfit.Parameters:
        parameters = lmfit.Parameters()
        low, high = float(self.energy.min()), float(self.energy.max())
        base = float(self.values.min()) / self.scale
        parameters.add("centre", self.centre, min=low - 0.1, max=high + 0.1)
        parameters.add("fwhm", self.width, min=0.1 * self.width, max=6 * self.width)
        parameters.add("height", 1.0, min=0.0, max=20.0)
        parameters.add("skew", 0.0, vary=skewed, min=-0.7, max=0.7)
        parameters.add("lorentz", 0.1 if mixed else 0.0, vary=mixed, min=0.0, max=1.0)
        parameters.add("b0", base)
        for power in (1, 2, 3):
            parameters.add(f"b{power}", 0.0, vary=power <= order)
        return parameters

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

    def derived(self, fit: Fitted, p: Values) -> dict[str, float]:
        """Peak (eV), width (meV), height, and the highest point of the curve (nm; NaN without a maximum)."""
        del fit
        return {
            "peak": p["centre"],
            "width": 1e3 * p["fwhm"],
            "height": self.scale * p["height"],
            "maximum": highest_nm(partial(self.curve, p=p), self.wavelength),
        }


def highest_nm(curve: partial[Floats], wavelength: Floats) -> float:
    """Wavelength of the highest point of a smooth curve inside a window; NaN where it is at an end."""
    grid = np.linspace(wavelength[0], wavelength[-1], 1601)
    values = curve(grid)
    top = int(np.argmax(values))
    if top in {0, len(grid) - 1}:
        return float("nan")
    before, at, after = values[top - 1 : top + 2]
    return float(grid[top] + 0.5 * (grid[1] - grid[0]) * (before - after) / (before - 2 * at + after))


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
    """None for a number that could not be had."""
    return estimate if np.isfinite(estimate.value) and np.isfinite(estimate.error) else None
