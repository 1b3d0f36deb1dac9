"""Figures of measured curves: each curve with its fit and residuals, and peak positions and widths of many curves."""

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
    AxesArray,
    axes_array,
    drawing_on,
    energy_axis,
    figure_of,
    missing,
    new_figure,
    panel_title,
    place_axes,
)
from qdmol.spectroscopy import Measurement, PeakFit, Surveyed, curve_points, shown

_LEFT, _RIGHT, _BOTTOM, _BELOW, _GAP, _HEIGHT, _TOP = 16.0, 3.0, 9.0, 11.0, 2.5, 42.0, 12.0  # mm
_UNITS = {"absorption": "Absorbance", "emission": "Intensity", "excitation": "Intensity"}
_MOST_NAMES = 24


def has_curve_fit(surveyed: Surveyed) -> bool:
    """Whether a curve has a fit."""
    return surveyed.fit is not None


def curve_fit(surveyed: Surveyed, ax: Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot a measured curve with its fit, and the residuals below.

    Parameters
    ----------
    surveyed
        One of the curves of ``qdmol.spectroscopy.survey_curves``.
    ax
        An array of two axes, the curve and the residuals; by default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of curve and residuals (2,).

    Raises
    ------
    qdmol.errors.InputError
        The curve has no fit, or there are not two Axes.
    """
    fit = surveyed.fit
    if fit is None:
        raise missing("fit of this curve", f"curve with a peak or an edge ({surveyed.reason or 'none was found'})")
    with drawing_on(ax, 2, _fit_layout) as (upper, lower):
        _draw_curve(upper, fit)
        _draw_residuals(lower, fit)
        for axes in (upper, lower):
            axes.set_xlim(*_limits(fit))
        upper.tick_params(axis="x", labelbottom=False)
        energy_axis(upper)
        panel_title(upper, "", _short(surveyed.curve.name), offset=7.5)
    return axes_array([upper, lower])


def _fit_layout() -> list[Axes]:
    figure = new_figure(SINGLE_COLUMN, _BOTTOM + _BELOW + _GAP + _HEIGHT + _TOP)
    width = SINGLE_COLUMN - _LEFT - _RIGHT
    upper = place_axes(figure, _LEFT, _BOTTOM + _BELOW + _GAP, width, _HEIGHT)
    return [upper, place_axes(figure, _LEFT, _BOTTOM, width, _BELOW)]


def draw_curve_fit(surveyed: Surveyed, number: int) -> Drawing | None:
    """Figure of a report with its words and numbers, None without a fit; its files have the `number` of the curve."""
    fit = surveyed.fit
    if fit is None:
        return None
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{surveyed.curve.source}-{surveyed.curve.name}")[:50].strip("-")
    name = f"curve{number}_{stem}"
    figure = figure_of(curve_fit(surveyed)[0])
    return Drawing(name, _caption(surveyed, fit), _alternative(surveyed, fit), figure, (_table(name, surveyed),))


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


def _draw_residuals(axes: Axes, fit: PeakFit) -> None:
    measured = np.interp(fit.wavelength_nm, *fit.curve.good)
    residuals = 100 * (measured - fit.fitted) / float(np.ptp(fit.fitted))
    axes.axhline(0, color=BLACK, linewidth=0.6)
    axes.plot(fit.wavelength_nm, residuals, ".", color=BLUE, markersize=1.6, markeredgewidth=0)
    bound = 1.15 * float(np.abs(residuals).max()) or 1.0
    axes.set_ylim(-bound, bound)
    axes.locator_params(axis="y", nbins=3)
    axes.set_xlabel("Wavelength (nm)")
    axes.set_ylabel("Residual (%)")


def _caption(surveyed: Surveyed, fit: PeakFit) -> str:
    kind = {
        "maximum": "with the fitted peak", "shoulder": "with the fitted peak, a shoulder of the rising background",
        "edge": "in which no peak stands out from the background, with the steepest slope",
    }[fit.kind]  # fmt: skip
    text = f"{surveyed.curve.name}: {surveyed.curve.quantity}, {kind}. Bands: 95 % intervals. Model: {fit.model}. "
    return text + "Below: residuals in percent of the height of the fitted curve."


def _alternative(surveyed: Surveyed, fit: PeakFit) -> str:
    text = f"{surveyed.curve.name}: {fit.kind} at {shown(fit.position_nm)} nm ({shown(fit.position_eV)} eV)"
    return f"{text}, width {shown(fit.width_meV)} meV." if fit.width_meV else f"{text}."


def _table(name: str, surveyed: Surveyed) -> Table:
    """Every point as recorded, with the fit at the same wavelengths where the curve was fitted."""
    points = curve_points(surveyed)
    header = ("wavelength (nm)", "energy (eV)", "measured", "fit", "background")
    keys = ("wavelength_nm", "energy_eV", "measured", "fit", "background")
    return Table(name, header, tuple(points[key] for key in keys))


def curve_positions(surveyed: Sequence[Surveyed], ax: Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot position and width of the peaks of several curves with their 95 % intervals.

    Parameters
    ----------
    surveyed
        From ``qdmol.spectroscopy.survey_curves``; curves without a fit are left out.
    ax
        An array of two axes, positions and widths; by default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of positions and widths (2,).

    Raises
    ------
    qdmol.errors.InputError
        No curve has a fit, or there are not two Axes.
    """
    fits = _fits(surveyed)
    if not fits:
        raise missing("fits of curves", "curve with a peak or an edge")
    with drawing_on(ax, 2, _positions_layout) as (left, right):
        _draw_estimates(left, [(fit.position_nm, fit.kind) for _, fit in fits])
        _draw_estimates(right, [(fit.width_meV, fit.kind) for _, fit in fits])
        left.set_ylabel("Position (nm)")
        right.set_ylabel("Width (meV)")
        for axes, letter, title in ((left, "a", "Peak position (open: edge)"), (right, "b", "Peak width")):
            panel_title(axes, letter, title)
            _name_axis(axes, [name for name, _ in fits])
        left.margins(x=0.04)
    return axes_array([left, right])


def has_curve_positions(surveyed: Sequence[Surveyed]) -> bool:
    """Whether any curve has a fit."""
    return bool(_fits(surveyed))


def _fits(surveyed: Sequence[Surveyed]) -> list[tuple[str, PeakFit]]:
    return [(one.curve.name, one.fit) for one in surveyed if one.fit is not None]


def _positions_layout() -> list[Axes]:
    figure = new_figure(DOUBLE_COLUMN, 64.0)
    return [place_axes(figure, left, 20.0, 72.0, 36.0) for left in (14.0, 103.0)]


def draw_curve_positions(surveyed: Sequence[Surveyed]) -> Drawing | None:
    """Figure of a report with its words and numbers; None for fewer than two fits."""
    fits = _fits(surveyed)
    if len(fits) < 2:
        return None
    columns = _columns(fits)
    caption = "Position and width of every fitted peak with 95 % intervals, in the order of the files. Open: an edge."
    words = f"Position and width of the peaks of {len(fits)} curves; the numbers are in the table."
    table = Table("curves", tuple(columns), tuple(columns.values()))
    return Drawing("curves", caption, words, figure_of(curve_positions(surveyed)[0]), (table,))


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
