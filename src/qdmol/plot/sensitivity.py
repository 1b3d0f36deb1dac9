"""How far alternative material values of the literature move splitting and red shift: one bar for each alternative.

The bars run from the value with the parameters of the material set to that with one of them replaced.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from qdmol.arrays import Floats
from qdmol.estimates import NO_VALUE, format_number
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.solution import values
from qdmol.plot.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN,
    GREY,
    SMALL,
    VERMILLION,
    AxesArray,
    axes_array,
    drawing_on,
    figure_of,
    missing,
    new_figure,
    panel_title,
    place_axes,
)
from qdmol.study import Solution

_LABELS, _RIGHT, _BOTTOM, _TOP, _GAP, _ROW = 50.0, 2.0, 9.0, 7.5, 7.0, 5.0  # mm
_DECIMALS = 2  # of meV, in the labels
_BAR = 0.62  # of a row


@dataclass(frozen=True)
class Quantity:
    """A quantity of the tornado in meV: its base value and one value for each alternative, NaN where there is none."""

    name: str
    key: str
    base: float
    alternatives: Floats


def range_quantities(solution: Solution) -> tuple[Quantity, ...]:
    """Splitting and red shift, as far as base and alternatives are there."""
    quantities = []
    for name, key, base in (
        ("Splitting", "splitting", solution.splitting),
        ("Red shift", "redshift", solution.redshift),
    ):
        changed = values(solution.data, f"range_{key}")
        if changed.size and base is not None and np.isfinite(changed).any():
            quantities.append(Quantity(name, key, base.value, changed))
    return tuple(quantities)


def order_of_rows(quantities: Sequence[Quantity]) -> list[int]:
    """Rows from the largest effect on the first quantity to the smallest, missing values last.

    Effects that print as equal are ordered by the next quantity.
    """
    effects = [np.abs(quantity.alternatives - quantity.base) for quantity in quantities]
    printed = [np.round(np.nan_to_num(effect, nan=-1.0), _DECIMALS) for effect in effects]
    return [int(row) for row in np.lexsort([-effect for effect in reversed(printed)])]


def _draw_quantity(axes: Axes, quantity: Quantity, order: Sequence[int]) -> None:
    ordered = quantity.alternatives[list(order)]
    colours = [VERMILLION if value > quantity.base else BLUE for value in ordered]
    rows = np.arange(len(order))
    lengths = np.nan_to_num(ordered - quantity.base)
    axes.barh(rows, lengths, height=_BAR, left=quantity.base, color=colours, linewidth=0, zorder=2)
    axes.axvline(quantity.base, color=BLACK, linewidth=0.8, zorder=3)
    for row, value in zip(rows, ordered, strict=True):
        _label_bar(axes, float(row), float(value), quantity.base)
    extremes = [quantity.base, *ordered[np.isfinite(ordered)]]
    span = max(max(extremes) - min(extremes), 0.02 * abs(quantity.base), 1e-3)
    axes.set_xlim(min(extremes) - 0.24 * span, max(extremes) + 0.24 * span)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlabel(f"{quantity.name} (meV)")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _label_bar(axes: Axes, row: float, value: float, base: float) -> None:
    missing = math.isnan(value)
    right = missing or round(value - base, _DECIMALS) >= 0
    axes.annotate(
        NO_VALUE if missing else format_number(value, _DECIMALS),
        (base if missing else value, row),
        (2 if right else -2, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center_baseline",
        fontsize=SMALL,
        color=GREY if missing else BLACK,
    )


def _labels(solution: Solution) -> list[str]:
    return [str(label) for label in solution.data["alternative"].values]


def _table(solution: Solution, quantities: Sequence[Quantity]) -> Table:
    header: list[str] = ["alternative"]
    columns: list[Sequence[object]] = [_labels(solution)]
    for quantity in quantities:
        header += [f"{quantity.key} (meV)", f"base_{quantity.key} (meV)"]
        columns += [list(quantity.alternatives), [quantity.base] * len(quantity.alternatives)]
    return Table("figure4_range", tuple(header), tuple(columns))


def _alternative(solution: Solution, quantities: Sequence[Quantity]) -> str:
    labels, parts = _labels(solution), []
    for quantity in quantities:
        shown = [
            f"{label}: {format_number(value, 2)} meV"
            for label, value in zip(labels, quantity.alternatives, strict=True)
            if math.isfinite(value)
        ]
        parts.append(f"{quantity.name}, base {format_number(quantity.base, 2)} meV; {'; '.join(shown)}")
    return "Bars of the change with each alternative material value. " + ". ".join(parts) + "."


def has_alternatives(solution: Solution) -> bool:
    """Whether a solution holds the change with alternative material values."""
    return bool(range_quantities(solution))


def alternatives(solution: Solution, ax: Axes | Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot splitting and red shift with every alternative value of a material parameter, one bar for each.

    Parameters
    ----------
    solution
        Solved with ``range_=True``.
    ax
        An array of axes, one for the splitting and one for the red shift, as far as the solution holds them. By default
        a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of the quantities (panels,).

    Raises
    ------
    qdmol.errors.InputError
        The solution holds no alternatives, or there is not one Axes for each quantity.
    """
    quantities = range_quantities(solution)
    if not quantities:
        raise missing("alternatives of the literature", "solution made with `range_=True` (`--range`)")
    labels, order = _labels(solution), order_of_rows(quantities)
    with drawing_on(ax, len(quantities), lambda: _layout(len(quantities), len(order))) as axes_of:
        for place, (axes, quantity) in enumerate(zip(axes_of, quantities, strict=True)):
            _draw_quantity(axes, quantity, order)
            axes.set_yticks(range(len(order)), [labels[row] for row in order] if place == 0 else [""] * len(order))
            title = f"{quantity.name}, base {format_number(quantity.base, 2)} meV"
            panel_title(axes, "ab"[place] if len(quantities) > 1 else "", title)
    return axes_array(axes_of)


def _layout(panels: int, rows: int) -> list[Axes]:
    height = _ROW * rows
    width = (DOUBLE_COLUMN - _LABELS - _RIGHT - _GAP) / 2
    total = DOUBLE_COLUMN if panels > 1 else _LABELS + width + _RIGHT
    figure = new_figure(total, _BOTTOM + height + _TOP)
    return [place_axes(figure, _LABELS + place * (width + _GAP), _BOTTOM, width, height) for place in range(panels)]


def draw_alternatives(solution: Solution) -> Drawing | None:
    """Figure 4 of a report with its words and numbers; None without alternatives."""
    quantities = range_quantities(solution)
    if not quantities:
        return None
    caption = (
        "Splitting and red shift when one material value at a time is replaced by an alternative that the material set "
        "lists; black line: the values used above. Sources are in the table."
    )
    figure = figure_of(alternatives(solution)[0])
    words, table = _alternative(solution, quantities), _table(solution, quantities)
    return Drawing("figure4_range", caption, words, figure, (table,))
