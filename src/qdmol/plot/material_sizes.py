"""Gap of bare cores over their diameter by material sets, beside published sizing curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from qdmol.errors import InputError
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN,
    GREEN,
    GREY,
    SMALL,
    VERMILLION,
    AxesArray,
    axes_array,
    drawing_on,
    figure_of,
    new_figure,
    panel_title,
    place_axes,
)
from qdmol.spectroscopy import PublishedSizes
from qdmol.study import BareCoreSizes

_COLUMNS = 3
_LEFT, _RIGHT, _BOTTOM, _TOP, _GAP_X, _GAP_Y, _HEIGHT = 11.0, 2.0, 9.0, 6.0, 12.0, 16.0, 46.0  # mm
_MODEL_COLOURS = (VERMILLION, BLUE, GREEN, "#CC79A7", "#E69F00")  # Okabe and Ito
_ALIKE = 0.03  # eV; sets whose gaps differ by less share a line
_MARGIN = 0.3  # of the range of the published energies, left above and below it
_LINE = 0.1  # of that range, left above for each line of the legend


def material_sizes(results: Sequence[BareCoreSizes], ax: Axes | Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Draw the gap of bare cores by material sets beside published sizing data.

    Parameters
    ----------
    results
        From `qdmol.study.size_bare_cores`, one for each set.
    ax
        One axes for each material, in the order of `results`; a new figure if None.

    Returns
    -------
    ndarray of Axes
        One for each material. Energies far from the published ones are outside the frame.

    Raises
    ------
    InputError
        There are no results, or not as many axes as materials.
    """
    if not results:
        raise InputError(field="results", value=[], allowed="at least one result of size_bare_cores")
    groups = _by_material(results)
    with drawing_on(ax, len(groups), lambda: _layout(len(groups))) as panels:
        for letter, axes, group in zip("abcdefghijkl", panels, groups, strict=False):
            _draw_panel(axes, group)
            panel_title(axes, letter if len(groups) > 1 else "", group[0].material)
    return axes_array(panels)


def _by_material(results: Sequence[BareCoreSizes]) -> list[list[BareCoreSizes]]:
    groups: dict[str, list[BareCoreSizes]] = {}
    for result in results:
        groups.setdefault(result.material, []).append(result)
    return list(groups.values())


def _layout(panels: int) -> list[Axes]:
    columns = min(_COLUMNS, panels)
    rows = -(-panels // columns)
    width = (DOUBLE_COLUMN - _LEFT - _RIGHT - (_COLUMNS - 1) * _GAP_X) / _COLUMNS
    total_width = _LEFT + columns * width + (columns - 1) * _GAP_X + _RIGHT
    total_height = _BOTTOM + rows * _HEIGHT + (rows - 1) * _GAP_Y + _TOP
    figure = new_figure(total_width, total_height)
    return [
        place_axes(
            figure,
            _LEFT + (i % columns) * (width + _GAP_X),
            _BOTTOM + (rows - 1 - i // columns) * (_HEIGHT + _GAP_Y),
            width,
            _HEIGHT,
        )
        for i in range(panels)
    ]


def _draw_panel(axes: Axes, group: Sequence[BareCoreSizes]) -> None:
    published = group[0].published
    for style, curve in zip(("solid", "dashed", "dotted"), published, strict=False):
        if curve.measured:
            axes.plot(curve.diameter_nm, curve.energy_ev, "o", color=BLACK, markersize=3, label=curve.label)
        else:
            axes.plot(curve.diameter_nm, curve.energy_ev, color=BLACK, linestyle=style, label=curve.label)
    low, high = _frame(published)
    lines = len(published)
    for colour, alike in zip(_MODEL_COLOURS, _alike(group), strict=False):
        first = alike[0]
        order = np.argsort(first.diameter_nm)
        names = _lines([result.name for result in alike])
        lines += len(names)
        label = "\n".join(names)
        if float(first.gap_ev.min()) > high:
            label += " (above the frame)"
        axes.plot(
            first.diameter_nm[order], first.gap_ev[order], color=colour, marker="s", markersize=2, label=label, zorder=3
        )
    axes.set_ylim(low, high + _LINE * lines * (high - low))
    axes.axhline(group[0].bulk_gap, color=GREY, linewidth=0.6, linestyle=(0, (1, 2)), zorder=0)
    axes.set_xlabel("Core diameter (nm)", labelpad=2)
    axes.set_ylabel("Gap (eV)", labelpad=2)
    legend = axes.legend(fontsize=SMALL, loc="upper right", handlelength=1.6, labelspacing=0.3, borderaxespad=0.2)
    legend.get_frame().set(edgecolor="none", alpha=0.85)


def _frame(published: Sequence[PublishedSizes]) -> tuple[float, float]:
    energies = np.concatenate([curve.energy_ev for curve in published])
    low, high = float(energies.min()), float(energies.max())
    return low - _MARGIN * (high - low), high + _MARGIN * (high - low)


def _alike(group: Sequence[BareCoreSizes]) -> list[list[BareCoreSizes]]:
    """Sets of one material, those with nearly equal gaps together."""
    lines: list[list[BareCoreSizes]] = []
    for result in group:
        for line in lines:
            if _distance(line[0], result) < _ALIKE:
                line.append(result)
                break
        else:
            lines.append([result])
    return lines


def _distance(one: BareCoreSizes, other: BareCoreSizes) -> float:
    order = np.argsort(one.diameter_nm)
    gaps = np.interp(other.diameter_nm, one.diameter_nm[order], one.gap_ev[order])
    return float(np.abs(gaps - other.gap_ev).max())


def _lines(names: Sequence[str], longest: int = 38) -> list[str]:
    """Names joined by commas, in lines of limited length."""
    lines = [""]
    for i, name in enumerate(names):
        text = name + ("," if i < len(names) - 1 else "")
        if lines[-1] and len(lines[-1]) + len(text) >= longest:
            lines.append(text)
        else:
            lines[-1] = f"{lines[-1]} {text}".strip()
    return lines


def draw_material_sizes(results: Sequence[BareCoreSizes]) -> Drawing:
    """`material_sizes` with caption, alternative text and the table of every curve."""
    axes = material_sizes(results)
    caption = (
        "Gap of bare cores over their diameter: material sets (coloured squares) beside published sizing curves and "
        "samples (black). Dotted: bulk gap. Sets whose gaps differ by less than 30 meV share a line."
    )
    return Drawing("material-sizes", caption, _alternative(results), figure_of(axes[0]), (_table(results),))


def _alternative(results: Sequence[BareCoreSizes]) -> str:
    """Largest and smallest gap of every set, in words."""
    parts = [
        f"{result.name} ({result.material}): {result.gap_ev.max():.2f} to {result.gap_ev.min():.2f} eV for "
        f"{result.diameter_nm.min():.1f} to {result.diameter_nm.max():.1f} nm"
        for result in results
    ]
    return "Gap by material set. " + "; ".join(parts) + "."


def _table(results: Sequence[BareCoreSizes]) -> Table:
    rows: list[tuple[str, str, float, float]] = []
    for group in _by_material(results):
        curves = [(curve.label, curve.diameter_nm, curve.energy_ev) for curve in group[0].published]
        curves += [(result.name, result.diameter_nm, result.gap_ev) for result in group]
        for label, diameters, energies in curves:
            rows += [(group[0].material, label, float(d), float(e)) for d, e in zip(diameters, energies, strict=True)]
    header = ("material", "curve", "diameter (nm)", "energy (eV)")
    return Table("material-sizes", header, tuple(zip(*rows, strict=True)))
