"""The band edge of absorption: a peak on a rising background, or a slope where there is no peak."""

from __future__ import annotations

from functools import partial

import lmfit
import numpy as np
from scipy import signal

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.spectroscopy.emission import finite_or_none, highest_nm
from qdmol.spectroscopy.fitting import (
    Averaged,
    Fitted,
    Model,
    Values,
    fit_models,
    gain_over,
    gaussian,
    points_to_fit,
    polynomial,
    ramp,
    step,
    white_level,
)
from qdmol.spectroscopy.values import Curve, Kind, Measurement, PeakFit
from qdmol.units import HC_EV_NM

_BELOW, _ABOVE = 0.32, 0.20  # eV of the window below and above the start
_FEWEST = 30
_SURE = 3.0  # standard errors of height and width that make a shoulder
_NEEDED = 6.0  # of Akaike's criterion, by which a shoulder must be better than a step without a peak
_LOOSE = 0.05  # eV; a peak known no better is none
_SMOOTH = 0.030  # eV over which derivatives are smoothed for the start
_DEEP = 0.35  # of the deepest minimum of the second derivative; a shallower one is no transition
_FOOT, _SHARE, _AHEAD = 0.12, 0.3, 0.5  # of the height so many eV on: below the first lies no transition
_ROUNDING = 1e-9  # of the highest value: a smaller rise is none
_FAINT = 8.0  # times the noise: a lower rise is no edge


def fit_absorption(curve: Curve) -> PeakFit:
    """Fit the lowest peak of an absorption curve, or its edge if no peak is resolved from the background.

    The start is the minimum of the second derivative with the lowest energy. In a window around it three models are
    fitted and averaged: a Gaussian on a straight line (scattering, blank) with, above it, a ramp, a step that rises
    on, or a second Gaussian with a ramp. Where there is no maximum and the height is under three standard errors,
    or a step alone does as well, the `kind` is ``edge``; the steepest slope is given for every kind.

    Parameters
    ----------
    curve
        Absorbance against wavelength.

    Returns
    -------
    PeakFit
        `kind` says what was found.

    Raises
    ------
    qdmol.errors.InputError
        An emission, excitation or transmission curve.
    qdmol.errors.DataError
        No rise that stands out of the noise, or too few points around it.
    """
    if curve.quantity not in {"absorption", "unknown"}:
        raise InputError(field="curve", value=curve.quantity, allowed="absorbance; convert transmission with -log10")
    wavelength, values = points_to_fit(curve)
    start = _start_of(wavelength, values)
    energy = HC_EV_NM / wavelength
    inside = (energy > start - _BELOW) & (energy < start + _ABOVE)
    if inside.sum() < _FEWEST:
        raise DataError(f"Only {inside.sum()} points lie around the band edge; a fit needs {_FEWEST}.")
    scene = _Scene(wavelength[inside], values[inside], start)
    averaged = fit_models(scene.peak_models(), scene.wavelength, scene.values, derived=scene.derived)
    kind = scene.kind_of(averaged)
    if kind == "edge":
        averaged = fit_models(scene.edge_models(), scene.wavelength, scene.values, derived=scene.derived)
    return _result(curve, scene, averaged, kind)


def _start_of(wavelength: Floats, values: Floats) -> float:
    """Energy (eV) of the first minimum of the second derivative above the foot of the curve."""
    if len(values) < _FEWEST:
        raise DataError(f"The curve has {len(values)} usable points; an edge needs {_FEWEST}.")
    grid = np.linspace(HC_EV_NM / wavelength[-1], HC_EV_NM / wavelength[0], 4 * len(values))
    even = np.interp(grid, HC_EV_NM / wavelength[::-1], values[::-1])
    step_ = float(grid[1] - grid[0])
    points = max(int(2 * _SMOOTH / step_) | 1, 7)
    if points >= len(grid) // 2:
        raise DataError("The curve spans too few energies for an edge.")
    smooth = signal.savgol_filter(even, points, 2)
    second = signal.savgol_filter(even, points, 3, deriv=2, delta=step_)
    rise = float(smooth.max() - np.median(smooth[: max(len(smooth) // 20, 3)]))
    if rise <= max(_FAINT * white_level(values), _ROUNDING * float(np.abs(values).max())):
        raise DataError("No absorption edge rises above the noise.")
    dips, properties = signal.find_peaks(-second, prominence=0)
    above = smooth - np.median(smooth[: max(len(smooth) // 20, 3)])
    # against the height half an electronvolt on, or the far blue decides what is a foot
    ahead = above[np.minimum(dips + int(_AHEAD / step_), len(grid) - 1)]
    inside = (above[dips] > _FOOT * ahead) & (dips > points // 2) & (dips < len(grid) - points // 2)
    inside &= above[dips] > _FAINT * white_level(values)
    # against the height there, or the deeper structure of the blue hides the first transition
    depths = (properties["prominences"] / np.maximum(above[dips], _SHARE * ahead))[inside]
    dips = dips[inside]
    if len(dips):
        return float(grid[dips[depths >= _DEEP * depths.max()][0]])
    slope = signal.savgol_filter(even, points, 2, deriv=1, delta=step_)[points:-points]
    return float(grid[points + int(np.argmax(slope))])


class _Scene:
    """The models of one window in the energy, and what follows from their parameters."""

    def __init__(self, wavelength: Floats, values: Floats, start: float) -> None:
        self.wavelength, self.values, self.start = wavelength, values, start
        self.energy = HC_EV_NM / wavelength
        self.scale = float(np.ptp(values))

    def peak_models(self) -> list[Model]:
        """A Gaussian on three backgrounds."""
        named = {"ramp": ("ramp",), "rising step": ("step", "ramp"), "second Gaussian": ("second", "ramp")}
        return [
            Model(
                f"Gaussian and {name}",
                partial(self._parameters, parts=("peak", *parts)),
                partial(self.curve, self.wavelength),
                self._expected(),
            )
            for name, parts in named.items()
        ]

    def _expected(self) -> dict[str, tuple[float, float]]:
        """Where the continuum of a nanocrystal starts above its first peak: it may be open, and is no result."""
        e = self.start
        return {
            "step_at": (e + 0.10, 0.07), "step_sigma": (0.05, 0.03), "ramp_at": (e + 0.08, 0.08),
            "ramp_sigma": (0.05, 0.03), "second_at": (e + 0.17, 0.07), "second_fwhm": (0.15, 0.05),
        }  # fmt: skip

    def edge_models(self) -> list[Model]:
        """Steps that rise on, straight or bent."""
        return [
            Model(name, partial(self._parameters, parts=parts), partial(self.curve, self.wavelength))
            for name, parts in {"ramp": ("ramp",), "step and ramp": ("step", "ramp")}.items()
        ]

    def _parameters(self, *, parts: tuple[str, ...]) -> lmfit.Parameters:
        e, p = self.start, lmfit.Parameters()
        peak, step_, ramp_, second = (part in parts for part in ("peak", "step", "ramp", "second"))
        p.add("centre", e, vary=peak, min=e - 0.12, max=e + 0.12)
        p.add("fwhm", 0.12, vary=peak, min=0.03, max=0.5)
        p.add("height", 0.3 if peak else 0.0, vary=peak, min=-0.5, max=5.0)
        p.add("c0", float(self.values[-1]) / self.scale)
        p.add("c1", 0.0)
        p.add("step", 0.2 if step_ else 0.0, vary=step_, min=0.0, max=5.0)
        p.add("step_at", e + (0.08 if peak else -0.02), vary=step_, min=e - 0.15, max=e + 0.25)
        p.add("step_sigma", 0.05, vary=step_, min=0.01, max=0.25)
        p.add("ramp", 2.0 if ramp_ else 0.0, vary=ramp_, min=-5.0, max=100.0)
        p.add("ramp_at", e + (0.08 if peak else -0.02), vary=ramp_, min=e - 0.2, max=e + 0.3)
        p.add("ramp_sigma", 0.05, vary=ramp_, min=0.01, max=0.25)
        p.add("second", 0.3 if second else 0.0, vary=second, min=0.0, max=5.0)
        p.add("second_at", e + 0.15, vary=second, min=e + 0.07, max=e + 0.35)
        p.add("second_fwhm", 0.15, vary=second, min=0.05, max=0.5)
        return p

    def background(self, wavelength: Floats, p: Values) -> Floats:
        """All but the first Gaussian, in the unit of the curve."""
        energy = HC_EV_NM / wavelength
        value = polynomial(energy - self.start, p["c0"], p["c1"])
        value = value + p["step"] * step(energy, p["step_at"], p["step_sigma"])
        value = value + p["ramp"] * ramp(energy, p["ramp_at"], p["ramp_sigma"])
        return self.scale * (value + p["second"] * gaussian(energy, p["second_at"], p["second_fwhm"]))

    def curve(self, wavelength: Floats, p: Values) -> Floats:
        """Everything, in the unit of the curve."""
        energy = HC_EV_NM / wavelength
        return self.background(wavelength, p) + self.scale * p["height"] * gaussian(energy, p["centre"], p["fwhm"])

    def runs_out(self, edge: float) -> bool:
        """Whether the slope still rises where the window for the edge ends."""
        return edge > min(self.start + 0.05, float(self.energy.max())) - 0.002

    def derived(self, fit: Fitted, p: Values) -> dict[str, float]:
        """Peak (eV), width (meV), height, steepest slope (eV), local maximum (nm; NaN without), value at the edge."""
        del fit
        edge = self.steepest(p)
        return {
            "peak": p["centre"], "width": 1e3 * p["fwhm"], "height": self.scale * p["height"], "edge": edge,
            "maximum": self.local_maximum(p),
            "value": float(self.curve(np.array([HC_EV_NM / p["centre"]]), p)[0]),
            "edge_value": float(self.curve(np.array([HC_EV_NM / edge]), p)[0]),
        }  # fmt: skip

    def steepest(self, p: Values) -> float:
        """Energy of the steepest rise, in the half of the window that holds the edge."""
        top = min(max(p["centre"], self.start) + 0.05, float(self.energy.max()))
        grid = np.linspace(float(self.energy.min()), top, 1200)
        slope = np.gradient(self.curve(HC_EV_NM / grid, p), grid)
        k = int(np.clip(np.argmax(slope), 1, len(grid) - 2))
        before, at, after = slope[k - 1 : k + 2]
        bend = before - 2 * at + after
        return float(grid[k] + (0.5 * (grid[1] - grid[0]) * (before - after) / bend if bend < 0 else 0.0))

    def local_maximum(self, p: Values) -> float:
        """Wavelength (nm) of the maximum of the whole curve near the peak; NaN without one."""
        reach = 0.6 * p["fwhm"]
        near = np.array([HC_EV_NM / (p["centre"] + reach), HC_EV_NM / (p["centre"] - reach)])
        return highest_nm(partial(self.curve, p=p), near)

    def kind_of(self, averaged: Averaged) -> Kind:
        """A maximum, a shoulder, or an edge without a peak that is sure."""
        height, width, peak = averaged.numbers["height"], averaged.numbers["width"], averaged.numbers["peak"]
        inside = self.energy.min() < peak.value < self.energy.max() and peak.error < _LOOSE
        if inside and height.value > 2 * height.error and np.isfinite(averaged.numbers["maximum"].value):
            return "maximum"
        sure = inside and height.value > _SURE * height.error and width.value > _SURE * width.error
        needed = sure and gain_over(averaged, self.edge_models(), self.values) > _NEEDED
        return "shoulder" if needed else "edge"


def _result(curve: Curve, scene: _Scene, averaged: Averaged, kind: Kind) -> PeakFit:
    numbers, best = averaged.numbers, averaged.best
    peak = None if kind == "edge" else numbers["peak"]
    width = None if kind == "edge" else numbers["width"]
    warnings = []
    if kind == "edge":
        warnings.append("No peak is resolved from the rising background; the steepest slope is taken as the edge.")
    edge = numbers["edge"]
    if kind == "edge" and scene.runs_out(edge.value):
        warnings.append("The slope keeps increasing to the blue, so the edge is uncertain by at least 30 meV.")
        edge = Measurement(edge.value, max(edge.error, _SMOOTH), edge.freedom)
    if np.any(scene.values < -0.02 * scene.scale):
        warnings.append("The absorbance is negative below the edge: the blank does not match the sample.")
    return PeakFit(
        curve=curve, kind=kind, peak_eV=peak, width_meV=width, height=None if kind == "edge" else numbers["height"],
        edge_eV=edge, maximum_nm=finite_or_none(numbers["maximum"]) if kind == "maximum" else None,
        ratio_300nm=_ratio(curve, numbers["edge_value" if kind == "edge" else "value"], best, scene),
        model=best.model.name,
        weights={fit.model.name: weight for fit, weight in zip(averaged.fits, averaged.weights, strict=True)},
        noise=averaged.noise.described, wavelength_nm=scene.wavelength, fitted=best.curve,
        background=scene.background(scene.wavelength, best.values), warnings=tuple(warnings),
    )  # fmt: skip


def _ratio(curve: Curve, at_edge: Measurement, best: Fitted, scene: _Scene) -> Measurement | None:
    """Absorbance of the fitted curve at the band edge over that measured at 300 nm, both above the level below it."""
    wavelength, values = curve.good
    near = np.abs(wavelength - 300) <= 2.5
    if not near.any() or wavelength[0] > 300 or wavelength[-1] < 300:
        return None
    level = scene.scale * best.values["c0"]
    blue = float(values[near].mean()) - level
    if blue <= 0:
        return None
    noise = float(np.hypot(at_edge.error, white_level(scene.values)))
    ratio = (at_edge.value - level) / blue
    return Measurement(ratio, noise / blue * float(np.hypot(1, ratio)), at_edge.freedom)
