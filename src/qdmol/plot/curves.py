"""Figures of measured curves: each with its fit and what the fit leaves, and the positions of many.

In come fits; out come drawings in the house's style with their numbers. Nothing is computed but the axes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN,
    GREEN,
    GREY,
    SINGLE_COLUMN,
    VERMILLION,
    energy_axis,
    new_figure,
    panel_title,
    place_axes,
)
from qdmol.spectroscopy import Measurement, PeakFit, Surveyed, shown
from qdmol.units import HC_EV_NM

_LEFT, _RIGHT, _BOTTOM, _BELOW, _GAP, _HEIGHT, _TOP = 16.0, 3.0, 9.0, 11.0, 2.5, 42.0, 12.0  # mm
_UNITS = {"absorption": "Absorbance", "emission": "Intensity", "excitation": "Intensity"}
_MOST_NAMES = 24


def draw_fit(one: Surveyed, number: int) -> Drawing | None:
    """Draw one curve with its fit and, below, what the fit leaves; None where there is no fit.

    Parameters
    ----------
    one
        From ``survey_curves``.
    number
        Of the curve, for the name of its files.
    """
    fit = one.fit
    if fit is None:
        return None
    figure = new_figure(SINGLE_COLUMN, _BOTTOM + _BELOW + _GAP + _HEIGHT + _TOP)
    width = SINGLE_COLUMN - _LEFT - _RIGHT
    upper = place_axes(figure, _LEFT, _BOTTOM + _BELOW + _GAP, width, _HEIGHT)
    lower = place_axes(figure, _LEFT, _BOTTOM, width, _BELOW)
    _draw_curve(upper, fit)
    _draw_left(lower, fit)
    for axes in (upper, lower):
        axes.set_xlim(*_limits(fit))
    upper.tick_params(axis="x", labelbottom=False)
    energy_axis(upper)
    panel_title(upper, "", _short(one.curve.name), offset=7.5)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{one.curve.source}-{one.curve.name}")[:50].strip("-")
    name = f"curve{number}_{stem}"
    return Drawing(name, _caption(one, fit), _alternative(one, fit), figure, (_table(name, fit),))


def _short(text: str) -> str:
    return text if len(text) <= 44 else f"{text[:43]}…"


def _limits(fit: PeakFit) -> tuple[float, float]:
    """The window of the fit and a quarter to either side, as far as the curve goes."""
    low, high = float(fit.wavelength_nm[0]), float(fit.wavelength_nm[-1])
    more = 0.25 * (high - low)
    there = fit.curve.wavelength_nm
    return max(low - more, float(there[0])), min(high + more, float(there[-1]))


def _draw_curve(axes: Axes, fit: PeakFit) -> None:
    curve = fit.curve
    low, high = _limits(fit)
    inside = (curve.wavelength_nm >= low) & (curve.wavelength_nm <= high)
    axes.plot(curve.wavelength_nm[inside], curve.values[inside], ".", color=BLUE, markersize=2.2, markeredgewidth=0,
              label="measured")  # fmt: skip
    axes.plot(fit.wavelength_nm, fit.fitted, color=VERMILLION, label="fit", zorder=3)
    if fit.kind != "edge":
        axes.plot(fit.wavelength_nm, fit.background, color=GREY, linestyle=(0, (3, 1.5)), linewidth=0.8,
                  label="background")  # fmt: skip
    for estimate, colour, label in ((fit.peak_eV, BLACK, "peak"), (fit.edge_eV, GREEN, "steepest slope")):
        if estimate is not None:
            place = estimate.as_wavelength()
            axes.axvline(place.value, color=colour, linewidth=0.7, label=label, zorder=1)
            axes.axvspan(place.low, place.high, color=colour, alpha=0.18, linewidth=0, zorder=0)
    axes.set_ylabel(_UNITS.get(curve.quantity, "Value"))
    blue_side = fit.curve.quantity == "absorption"
    top = float(np.nanmax(curve.values[inside]))
    bottom = min(float(np.nanmin(curve.values[inside])), 0.0)
    axes.set_ylim(bottom - 0.04 * (top - bottom), top + 0.06 * (top - bottom))
    peak_nm = fit.position_nm.value
    right = blue_side or peak_nm < sum(_limits(fit)) / 2
    axes.legend(
        frameon=False,
        loc="upper right" if right else "upper left",
        handlelength=1.4,
        borderaxespad=0.2,
        markerscale=2.5,
    )


def _draw_left(axes: Axes, fit: PeakFit) -> None:
    measured = np.interp(fit.wavelength_nm, *fit.curve.good)
    left = 100 * (measured - fit.fitted) / float(np.ptp(fit.fitted))
    axes.axhline(0, color=BLACK, linewidth=0.6)
    axes.plot(fit.wavelength_nm, left, ".", color=BLUE, markersize=1.6, markeredgewidth=0)
    bound = 1.15 * float(np.abs(left).max()) or 1.0
    axes.set_ylim(-bound, bound)
    axes.locator_params(axis="y", nbins=3)
    axes.set_xlabel("Wavelength (nm)")
    axes.set_ylabel("Residual (%)")


def _caption(one: Surveyed, fit: PeakFit) -> str:
    what = {
        "maximum": "with the fitted peak", "shoulder": "with the fitted peak, a shoulder on the rising background",
        "edge": "without a resolved peak, with the steepest slope",
    }[fit.kind]  # fmt: skip
    text = f"{one.curve.name}: {one.curve.quantity}, {what}. Bands: 95 % intervals. Model: {fit.model}. "
    return text + "Below: residuals, in percent of the height of the fitted curve."


def _alternative(one: Surveyed, fit: PeakFit) -> str:
    text = f"{one.curve.name}: {fit.kind} at {shown(fit.position_nm)} nm ({shown(fit.position_eV)} eV)"
    return f"{text}, width {shown(fit.width_meV)} meV." if fit.width_meV else f"{text}."


def _table(name: str, fit: PeakFit) -> Table:
    measured = np.interp(fit.wavelength_nm, *fit.curve.good)
    header = ("wavelength (nm)", "energy (eV)", "measured", "fit", "background")
    return Table(name, header, (fit.wavelength_nm, HC_EV_NM / fit.wavelength_nm, measured, fit.fitted, fit.background))


def draw_curves(surveyed: Sequence[Surveyed]) -> Drawing | None:
    """Draw position and width of many curves with their intervals; None for fewer than two fits."""
    fits = [(one.curve.name, one.fit) for one in surveyed if one.fit is not None]
    if len(fits) < 2:
        return None
    figure = new_figure(DOUBLE_COLUMN, 64.0)
    left = place_axes(figure, 14.0, 20.0, 72.0, 36.0)
    right = place_axes(figure, 103.0, 20.0, 72.0, 36.0)
    _draw_estimates(left, [(fit.position_nm, fit.kind) for _, fit in fits])
    _draw_estimates(right, [(fit.width_meV, fit.kind) for _, fit in fits])
    left.set_ylabel("Position (nm)")
    right.set_ylabel("Width (meV)")
    for axes, letter, title in ((left, "a", "Peak, or edge (open)"), (right, "b", "Width of the peak")):
        panel_title(axes, letter, title)
        _name_axis(axes, [name for name, _ in fits])
    left.margins(x=0.04)
    columns = _columns(fits)
    caption = "Position and width of every fitted curve with 95 % intervals, in the order of the files. Open: an edge."
    return Drawing("curves", caption, f"{len(fits)} curves; the table lists their values.", figure,
                   (Table("curves", tuple(columns), tuple(columns.values())),))  # fmt: skip


def _draw_estimates(axes: Axes, estimates: Sequence[tuple[Measurement | None, str]]) -> None:
    for place, (found, kind) in enumerate(estimates):
        if found is not None and math.isfinite(found.value):
            face = "white" if kind == "edge" else BLUE
            axes.errorbar(place, found.value, found.half_width, fmt="o", color=BLUE, markerfacecolor=face, markersize=3,
                          markeredgewidth=0.7, elinewidth=0.8, capsize=1.5)  # fmt: skip
    axes.set_xlim(-0.6, len(estimates) - 0.4)


def _name_axis(axes: Axes, names: Sequence[str]) -> None:
    every = -(-len(names) // _MOST_NAMES)
    axes.set_xticks(range(0, len(names), every))
    shortened = [name if len(name) <= 16 else f"{name[:15]}…" for name in names[::every]]
    axes.set_xticklabels(shortened, rotation=60, ha="right", rotation_mode="anchor", fontsize=6)


def _columns(fits: Sequence[tuple[str, PeakFit]]) -> dict[str, list[object]]:
    nan = float("nan")
    rows: dict[str, list[object]] = {"curve": [name for name, _ in fits], "kind": [fit.kind for _, fit in fits]}
    for key, found in (
        ("position (nm)", [fit.position_nm for _, fit in fits]),
        ("position (eV)", [fit.position_eV for _, fit in fits]),
        ("width (meV)", [fit.width_meV for _, fit in fits]),
    ):
        rows[key] = [nan if one is None else one.value for one in found]
        rows[f"{key} half interval"] = [nan if one is None else one.half_width for one in found]
    return rows
