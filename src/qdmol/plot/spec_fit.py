"""Figures of the fit of a spec: the data with the fitted prediction, and the profile likelihood of each field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from qdmol.plot.sizing import field_label
from qdmol.plot.style import (
    BLACK,
    BLUE,
    GREY,
    LIGHT_GREY,
    SINGLE_COLUMN,
    SMALL,
    VERMILLION,
    AxesArray,
    axes_array,
    drawing_on,
    missing,
    new_figure,
    panel_title,
    place_axes,
)

if TYPE_CHECKING:
    from qdmol.design import FittedCurve, FittedField, SpecFit

_LEFT, _RIGHT, _BOTTOM, _TOP, _HEIGHT = 15.0, 4.0, 10.0, 6.0, 40.0  # mm
_RESIDUALS, _GAP, _WIDTH = 13.0, 2.5, 55.0  # mm
_LEVEL = 3.841  # increase of χ² at the 95 % interval
_UNITS = {"absorption": "Absorbance", "emission": "Intensity"}


def has_fit_data(fit: SpecFit) -> bool:
    """Whether curves were fitted."""
    return bool(fit.curves)


def has_fit_profiles(fit: SpecFit) -> bool:
    """Whether there are profiles."""
    return bool(fit.fields)


def fit_data(fit: SpecFit, ax: Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot each fitted curve with its fit, and the residuals below.

    Parameters
    ----------
    fit
        From ``qdmol.fit_spec`` with a curve.
    ax
        An array of axes, two for each curve; by default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of curves and residuals.

    Raises
    ------
    InputError
        Numbers were fitted.
    """
    if not has_fit_data(fit):
        raise missing("curve", "fit of a spec to a measured curve")
    with drawing_on(ax, 2 * len(fit.curves), lambda: _curve_layout(len(fit.curves))) as panels:
        for number, curve in enumerate(fit.curves):
            _draw_curve(panels[2 * number], panels[2 * number + 1], curve)
    return axes_array(panels)


def _curve_layout(count: int) -> list[Axes]:
    block = _BOTTOM + _RESIDUALS + _GAP + _HEIGHT + _TOP
    figure = new_figure(SINGLE_COLUMN, count * block)
    width = SINGLE_COLUMN - _LEFT - _RIGHT
    panels = []
    for number in range(count):
        bottom = (count - 1 - number) * block + _BOTTOM
        panels.append(place_axes(figure, _LEFT, bottom + _RESIDUALS + _GAP, width, _HEIGHT))
        panels.append(place_axes(figure, _LEFT, bottom, width, _RESIDUALS))
    return panels


def _draw_curve(axes: Axes, below: Axes, curve: FittedCurve) -> None:
    axes.plot(curve.wavelength, curve.values, ".", color=GREY, markersize=2, label="measured")
    axes.plot(curve.wavelength, curve.fitted, color=VERMILLION, label="fitted")
    axes.set_ylabel(_UNITS.get(curve.quantity, "Signal"))
    axes.tick_params(labelbottom=False)
    axes.legend(frameon=False, loc="best", handletextpad=0.5)
    panel_title(axes, "", curve.name)
    residual = 100 * (curve.values - curve.fitted) / max(float(np.ptp(curve.fitted)), 1e-300)
    below.axhline(0, color=BLACK, linewidth=0.6)
    below.plot(curve.wavelength, residual, color=GREY, linewidth=0.7)
    below.set_ylabel("Residual (%)")
    below.set_xlabel("Wavelength (nm)")
    below.set_xlim(axes.get_xlim())


def fit_profiles(fit: SpecFit, ax: Sequence[Axes] | AxesArray | Axes | None = None) -> AxesArray:
    """Plot the profile likelihood of each field with its 95 % interval.

    Parameters
    ----------
    fit
        From ``qdmol.fit_spec``.
    ax
        An array of axes, one for each field; by default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of the profiles (k,).
    """
    with drawing_on(ax, len(fit.fields), lambda: _profile_layout(len(fit.fields))) as panels:
        for axes, fitted in zip(panels, fit.fields, strict=True):
            _draw_profile(axes, fitted)
    return axes_array(panels)


def _profile_layout(count: int) -> list[Axes]:
    step = _LEFT + _WIDTH + _RIGHT
    figure = new_figure(count * step, _BOTTOM + _HEIGHT + _TOP)
    return [place_axes(figure, number * step + _LEFT, _BOTTOM, _WIDTH, _HEIGHT) for number in range(count)]


def _draw_profile(axes: Axes, fitted: FittedField) -> None:
    from scipy.interpolate import PchipInterpolator

    values, increase = fitted.profile.values, fitted.profile.increase
    distinct = np.r_[True, np.diff(values) > 0]
    values, increase = values[distinct], increase[distinct]
    dense = np.linspace(values[0], values[-1], 300)
    signed = np.sqrt(increase) * np.sign(values - fitted.value.value)
    curve = PchipInterpolator(values, signed)(dense) ** 2 if len(values) > 1 else np.full(300, np.nan)
    axes.plot(dense, curve, color=BLUE)
    axes.plot(values, increase, "o", color=BLUE, markersize=2)
    axes.axhline(_LEVEL, color=GREY, linewidth=0.6, linestyle=(0, (4, 2)))
    low, high = max(fitted.value.low, values[0]), min(fitted.value.high, values[-1])
    axes.axvspan(low, high, color=LIGHT_GREY, linewidth=0, zorder=0)
    axes.set_ylim(0, max(2 * _LEVEL, 1.1 * float(min(increase.max(), 3 * _LEVEL))))
    axes.annotate("95 %", (1, _LEVEL), (0, 1.5), xycoords=("axes fraction", "data"), textcoords="offset points",
                  ha="right", va="bottom", fontsize=SMALL, color=GREY)  # fmt: skip
    axes.set_xlabel(field_label(fitted.name, fitted.unit))
    axes.set_ylabel("Increase of χ²")
    panel_title(axes, "", str(fitted.value) if fitted.determined else "not determined")
