"""Figure of a sizing: the predicted quantity over the varied field, or the targets' lines over two fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from qdmol.arrays import Floats
from qdmol.plot.style import (
    BLUE,
    GREEN,
    GREY,
    LIGHT_GREY,
    SINGLE_COLUMN,
    SMALL,
    VERMILLION,
    drawing_on,
    missing,
    new_figure,
    place_axes,
)

if TYPE_CHECKING:
    from qdmol.design import Scan, Sizing, Target

_LEFT, _RIGHT, _BOTTOM, _TOP, _HEIGHT = 15.0, 4.0, 10.0, 5.0, 50.0  # mm
_LEGEND = 13.0  # mm above the plane of two fields
_GRID = 120
_COLOURS = (VERMILLION, BLUE)
QUANTITIES = {
    "peak": "Optical gap as wavelength",
    "gap": "Optical gap",
    "absorption": "Absorption maximum",
    "emission": "Emission maximum",
    "lifetime": "Radiative lifetime",
    "splitting": "Splitting",
    "redshift": "Red shift",
}


def has_sizing_scan(sizing: Sizing) -> bool:
    """Whether one or two fields were varied."""
    return len(sizing.fields) <= 2


def sizing_scan(sizing: Sizing, ax: Axes | None = None) -> Axes:
    """Plot how the values of a sizing were found.

    With one field: the predicted quantity over the field, the wanted value with its error, and the solutions. With two
    fields: the lines in their plane on which each target is met, and the solutions where they cross.

    Parameters
    ----------
    sizing
        From ``qdmol.size``.
    ax
        Axes to draw on; by default a new figure in the paper style.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the figure.

    Raises
    ------
    InputError
        More than two fields were varied.
    """
    if not has_sizing_scan(sizing):
        raise missing("curve of one or two fields", "sizing of one or two fields")
    with drawing_on(ax, 1, lambda: _layout(_TOP if len(sizing.fields) == 1 else _LEGEND)) as (axes,):
        if len(sizing.fields) == 1:
            _draw_curve(axes, sizing)
        else:
            _draw_plane(axes, sizing)
    return axes


def _layout(top: float) -> list[Axes]:
    figure = new_figure(SINGLE_COLUMN, _BOTTOM + _HEIGHT + top)
    return [place_axes(figure, _LEFT, _BOTTOM, SINGLE_COLUMN - _LEFT - _RIGHT, _HEIGHT)]


def quantity_label(target: Target) -> str:
    """Axis label of a target: quantity and unit."""
    unit = "" if target.unit == "1" else f" ({target.unit.replace('cm2', 'cm²')})"
    return f"{QUANTITIES.get(target.name, target.key)}{unit}"


def field_label(name: str, unit: str) -> str:
    """Axis label of a field: its last key in words, and its unit.

    >>> field_label("overrides.CdS.conduction_offset", "eV")
    'Conduction offset of CdS (eV)'
    """
    parts = name.split(".")
    words = parts[-1].partition("[")[0].replace("_", " ")
    words = f"{words[:1].upper()}{words[1:]}"
    if parts[0] == "overrides" and len(parts) == 3:
        words = f"{words} of {parts[1]}"
    return words if unit == "1" else f"{words} ({unit})"


def _draw_curve(axes: Axes, sizing: Sizing) -> None:
    from scipy.interpolate import PchipInterpolator

    scan, target, field = sizing.scan, sizing.targets[0], sizing.fields[0]
    x, y = scan.points[:, 0], scan.values[:, 0]
    if target.error:
        axes.axhspan(target.value - target.error, target.value + target.error, color=LIGHT_GREY, linewidth=0, zorder=0)
    axes.axhline(target.value, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    for run in _runs(scan):
        if len(run) > 1:
            dense = np.linspace(x[run[0]], x[run[-1]], 300)
            axes.plot(dense, PchipInterpolator(x[run], y[run])(dense), color=BLUE, zorder=2)
    axes.plot(x, y, "o", color=BLUE, markersize=2.5, zorder=3, label="solved points")
    holes = x[~np.isfinite(y)]
    if len(holes):
        axes.plot(holes, np.full(len(holes), 0.02), "x", color=GREY, markersize=3,
                  transform=axes.get_xaxis_transform(), label="no solution")  # fmt: skip
    for number, solution in enumerate(sizing.solutions):
        sized = solution.fields[0]
        axes.plot(sized.value.value, solution.predicted[0].value, "D", color=VERMILLION, markersize=4.5,
                  zorder=4, label="solution" if number == 0 else None)  # fmt: skip
    first = sizing.solutions[0].fields[0]
    if first.low is not None and first.high is not None and first.high - first.low > 0.01 * (field.high - field.low):
        axes.axvspan(first.low, first.high, color=VERMILLION, alpha=0.12, linewidth=0, zorder=0)
    axes.set_xlabel(field_label(first.name, field.unit))
    axes.set_ylabel(quantity_label(target))
    axes.legend(frameon=False, loc="best", handletextpad=0.4)
    axes.annotate(
        str(first.value), (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", fontsize=SMALL,
        va="bottom",
    )  # fmt: skip


def _runs(scan: Scan) -> list[list[int]]:
    """Numbers of neighbouring points without a hole between them."""
    runs: list[list[int]] = [[]]
    for place, value in enumerate(scan.values[:, 0]):
        if np.isfinite(value):
            runs[-1].append(place)
        elif runs[-1]:
            runs.append([])
    return runs


def _draw_plane(axes: Axes, sizing: Sizing) -> None:
    from matplotlib.lines import Line2D

    scan = sizing.scan
    good = np.isfinite(scan.values).all(axis=1)
    axes.plot(*scan.points[good].T, "o", color=LIGHT_GREY, markersize=2.5, zorder=1)
    if not good.all():
        axes.plot(*scan.points[~good].T, "x", color=GREY, markersize=3, zorder=1)
    x, y, surfaces = _surfaces(scan)
    handles = []
    for place, (target, colour) in enumerate(zip(sizing.targets, _COLOURS, strict=True)):
        axes.contour(x, y, surfaces[place], levels=[target.value], colors=[colour], linewidths=1.0)
        unit = "" if target.unit == "1" else f" {target.unit}"
        label = f"{QUANTITIES.get(target.name, target.key)} {target.value:g}{unit}"
        handles.append(Line2D([], [], color=colour, label=label))
    for solution in sizing.solutions:
        axes.plot(*(sized.value.value for sized in solution.fields), "D", color=GREEN, markersize=4.5, zorder=4)
    handles.append(Line2D([], [], color=GREEN, marker="D", linestyle="", markersize=4.5, label="solution"))
    across, up = sizing.fields
    axes.set_xlabel(field_label(across.name, across.unit))
    axes.set_ylabel(field_label(up.name, up.unit))
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(-0.02, 1.0), frameon=False, handletextpad=0.5)


def _surfaces(scan: Scan) -> tuple[Floats, Floats, list[Floats]]:
    """Grid of both fields (n,), (n,), and each quantity on it (n, n), NaN nearest to points without a solution."""
    from scipy.interpolate import RBFInterpolator
    from scipy.spatial import cKDTree

    good = np.asarray(np.isfinite(scan.values).all(axis=1))
    low, high = scan.points.min(axis=0), scan.points.max(axis=0)
    x, y = (np.linspace(low[place], high[place], _GRID) for place in range(2))
    at = (np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2) - low) / (high - low)
    points = (scan.points - low) / (high - low)
    _, nearest = cKDTree(points).query(at)
    values = RBFInterpolator(points[good], scan.values[good], kernel="cubic", smoothing=1e-9)(at)
    values[~good[nearest]] = np.nan
    return x, y, [values[:, place].reshape(_GRID, _GRID) for place in range(values.shape[1])]
