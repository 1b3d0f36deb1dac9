"""The band edge of absorption: a peak on a rising background, or a slope where there is no peak."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from scipy import signal

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.spectroscopy.emission import finite_or_none, highest_points, vertex
from qdmol.spectroscopy.fitting import (
    Averaged,
    Fitted,
    Model,
    Parameter,
    Values,
    fit_models,
    gain_over,
    points_to_fit,
    slopes_to_parameters,
)
from qdmol.spectroscopy.noise import white_level
from qdmol.spectroscopy.shapes import gaussian, gaussian_slopes, polynomial, ramp, ramp_slopes, step, step_slopes
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


# Names of the amount, place and width of each part of a model, and its shape.
_PARTS = {
    "peak": ("height", "centre", "fwhm", gaussian_slopes),
    "step": ("step", "step_at", "step_sigma", step_slopes),
    "ramp": ("ramp", "ramp_at", "ramp_sigma", ramp_slopes),
    "second": ("second", "second_at", "second_fwhm", gaussian_slopes),
}


class _Scene:
    """The models of one window in the energy, and what follows from their parameters."""

    def __init__(self, wavelength: Floats, values: Floats, start: float) -> None:
        self.wavelength, self.values, self.start = wavelength, values, start
        self.energy = HC_EV_NM / wavelength
        self.scale = float(np.ptp(values))
        self.constant = np.full(len(values), self.scale)
        self.linear = self.scale * (self.energy - start)

    def peak_models(self) -> list[Model]:
        """A Gaussian on three backgrounds."""
        named = {"ramp": ("ramp",), "rising step": ("step", "ramp"), "second Gaussian": ("second", "ramp")}
        return [
            self._model(f"Gaussian and {name}", ("peak", *parts), self._expected()) for name, parts in named.items()
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
            self._model(name, parts, {})
            for name, parts in {"ramp": ("ramp",), "step and ramp": ("step", "ramp")}.items()
        ]

    def _model(self, name: str, parts: tuple[str, ...], expected: Mapping[str, tuple[float, float]]) -> Model:
        return Model(name, self._parameters(parts), partial(self._evaluate, parts), expected)

    def _parameters(self, parts: tuple[str, ...]) -> dict[str, Parameter]:
        e = self.start
        peak, no_step, no_ramp, no_second = "peak" in parts, *(part not in parts for part in ("step", "ramp", "second"))
        above = e + (0.08 if peak else -0.02)
        return {
            "centre": Parameter(e, e - 0.12, e + 0.12, not peak),
            "fwhm": Parameter(0.12, 0.03, 0.5, not peak),
            "height": Parameter(0.3 if peak else 0.0, -0.5, 5.0, not peak),
            "c0": Parameter(float(self.values[-1]) / self.scale),
            "c1": Parameter(0.0),
            "step": Parameter(0.0 if no_step else 0.2, 0.0, 5.0, no_step),
            "step_at": Parameter(above, e - 0.15, e + 0.25, no_step),
            "step_sigma": Parameter(0.05, 0.01, 0.25, no_step),
            "ramp": Parameter(0.0 if no_ramp else 2.0, -5.0, 100.0, no_ramp),
            "ramp_at": Parameter(above, e - 0.2, e + 0.3, no_ramp),
            "ramp_sigma": Parameter(0.05, 0.01, 0.25, no_ramp),
            "second": Parameter(0.0 if no_second else 0.3, 0.0, 5.0, no_second),
            "second_at": Parameter(e + 0.15, e + 0.07, e + 0.35, no_second),
            "second_fwhm": Parameter(0.15, 0.05, 0.5, no_second),
        }

    def _evaluate(self, parts: tuple[str, ...], p: Values) -> tuple[Floats, Mapping[str, Floats]]:
        """Sum of some parts in the window, in the unit of the curve, and its slopes to their parameters."""
        slopes = {"c0": self.constant, "c1": self.linear}
        value = p["c0"] * self.constant + p["c1"] * self.linear
        for part in parts:
            amount, place, width, shape = _PARTS[part]
            own, by_place, by_width = shape(self.energy, p[place], p[width])
            factor = self.scale * p[amount]
            value = value + factor * own
            slopes |= {amount: self.scale * own, place: factor * by_place, width: factor * by_width}
        return value, slopes

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

    def derived(self, fit: Fitted) -> tuple[dict[str, float], dict[str, Floats]]:
        """Numbers and their slopes to the parameters.

        Peak (eV), width (meV), height, steepest slope (eV), local maximum (nm; NaN without one), and the curve at
        peak and edge.
        """
        edge_grid, top_grid = self._steepest_points(fit.values), self._maximum_points(fit.values)

        def numbers(p: Values) -> dict[str, float]:
            edge = self._steepest(p, edge_grid)
            at_peak, at_edge = self.curve(HC_EV_NM / np.array([p["centre"], edge]), p)
            return {
                "peak": p["centre"], "width": 1e3 * p["fwhm"], "height": self.scale * p["height"], "edge": edge,
                "maximum": vertex(partial(self.curve, p=p), top_grid), "value": float(at_peak),
                "edge_value": float(at_edge),
            }  # fmt: skip

        return numbers(fit.values), slopes_to_parameters(fit, numbers)

    def _steepest_points(self, p: Values) -> Floats:
        """Five energies around the steepest rise, in the half of the window that holds the edge; one at its end."""
        top = min(max(p["centre"], self.start) + 0.05, float(self.energy.max()))
        grid = np.linspace(float(self.energy.min()), top, 1200)
        steepest = int(np.argmax(np.gradient(self.curve(HC_EV_NM / grid, p), grid)))
        if not 2 <= steepest <= len(grid) - 3:
            return grid[[1 if steepest < 2 else -2]]
        return grid[steepest - 2 : steepest + 3]

    def _steepest(self, p: Values, grid: Floats) -> float:
        """Energy of the steepest rise, near the middle of five."""
        if len(grid) == 1:
            return float(grid[0])
        values = self.curve(HC_EV_NM / grid, p)
        before, at, after = values[2:] - values[:-2]
        bend = before - 2 * at + after
        return float(grid[2] + (0.5 * (grid[1] - grid[0]) * (before - after) / bend if bend < 0 else 0.0))

    def _maximum_points(self, p: Values) -> Floats:
        """Three wavelengths (nm) around the maximum of the whole curve near the peak; empty without one."""
        reach = 0.6 * p["fwhm"]
        near = np.array([HC_EV_NM / (p["centre"] + reach), HC_EV_NM / (p["centre"] - reach)])
        return highest_points(partial(self.curve, p=p), near)

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
