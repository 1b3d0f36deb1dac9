"""The figure of a map: lines along one axis, filled contours over two, one panel for each value of a third.

Axes with a single value are named in the caption. More axes than that need chosen values.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from qdmol.errors import InputError
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.map_contours import add_bar, bands_of, draw_contours, grid_columns, hole_handles
from qdmol.plot.map_lines import draw_quantity, line_columns
from qdmol.plot.map_quantities import (
    MapAxis,
    MapLike,
    Quantity,
    Selection,
    default_keys,
    quantity_of,
    select,
    text_of,
)
from qdmol.plot.style import (
    DOUBLE_COLUMN,
    SINGLE_COLUMN,
    SMALL,
    AxesArray,
    axes_array,
    drawing_on,
    figure_of,
    missing,
    new_figure,
    panel_title,
    place_axes,
)
from qdmol.study import Anticrossing

MOST_AXES = 3
SLICES = 6
# Layout in mm: lines above each other, contours beside each other.
_LEFT, _WIDTH, _BOTTOM, _TOP, _GAP = 14.0, 48.0, 9.0, 6.0, 7.5
_LEVELS, _NUMBERS = 48.0, 27.0
_PANEL, _PANEL_HEIGHT, _PANEL_LEFT, _PANEL_TOP, _BAR = 53.0, 46.0, 13.0, 6.5, 2.5
# Parts of a figure's width that stay free right of legends, and of a panel's width that legends leave at least.
_EDGE, _LEAST = 0.01, 0.5
_SLICE, _SLICE_HEIGHT, _SLICE_GAP, _SLICE_ROW = 41.0, 38.0, 7.0, 8.0


def has_map(result: MapLike) -> bool:
    """Whether a map can be drawn without choosing values, and has a number to draw."""
    if not hasattr(result, "axes"):
        return False
    selection = select(result)
    return len(selection.axes) <= MOST_AXES and bool(default_keys(selection))


def map(  # noqa: A001  # the name of the command and of the function that makes it
    result: MapLike,
    quantity: str | Sequence[str] | None = None,
    ax: Axes | Sequence[Axes] | AxesArray | None = None,
    *,
    at: Mapping[str, Any] | None = None,
) -> AxesArray:
    """Plot quantities of a map: lines along one axis, filled contours over two, and a panel for each value of a third.

    Along one axis levels of one symmetry are joined, and the smallest distance of two of them is marked; bands are
    numerical errors. Points without a result are hatched.

    Parameters
    ----------
    result
        From :func:`qdmol.map`, or read back from a file.
    quantity
        Names of variables of ``result.data``, one for each panel; ``"electron_energy[0]"`` is one level of several.
        By default levels, splitting and red shift along one axis, splitting or coupling and red shift over two.
    ax
        One axes for each panel. By default a new figure in the paper style.
    at
        Values of axes that are not drawn, by name: ``{"barrier": 1.2}``. Axes with a single value need none.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of the panels (panels,).

    Raises
    ------
    qdmol.errors.InputError
        The map has no such quantity, axis or value, more than three axes are left, or the number of axes is wrong.
    """
    selection = _drawn(result, at)
    quantities = _quantities(selection, quantity)
    if len(selection.axes) == 1:
        return _lines(result, selection, quantities, ax)
    if len(selection.axes) == 2:
        return _contours(selection, quantities, ax)
    return _slices(selection, quantities, ax)


def draw_map(
    result: MapLike,
    quantity: str | Sequence[str] | None = None,
    *,
    at: Mapping[str, Any] | None = None,
    name: str = "map",
) -> Drawing:
    """Figure of a map with its words and the table of every quantity; `name` begins the names of its files."""
    selection = _drawn(result, at)
    quantities = _quantities(selection, quantity)
    axes_of = map(result, quantity, at=at)
    columns_of = line_columns if len(selection.axes) == 1 else grid_columns
    tables = tuple(Table(f"{name}_{shown.stem}", *columns_of(selection, shown)) for shown in quantities)
    caption = _caption(result, selection, quantities)
    ranges = "; ".join(_range_text(shown) for shown in quantities)
    return Drawing(name, caption, f"{caption} {ranges}.", figure_of(axes_of[0]), tables)


def check_map(axes: Sequence[tuple[str, int]], at: Mapping[str, Any] | None) -> None:
    """Raise InputError unless a map over axes, by name and number of values, can be drawn at chosen values."""
    chosen = dict(at or {})
    for name in chosen:
        if name not in [axis for axis, _ in axes]:
            names = ", ".join(axis for axis, _ in axes)
            raise InputError(field="at", value=name, allowed=f"the name of an axis of the map: {names}")
    _refuse_many([name for name, count in axes if count > 1 and name not in chosen])


def _refuse_many(names: Sequence[str]) -> None:
    if len(names) > MOST_AXES:
        message = (
            f"A figure shows at most {MOST_AXES} axes, and the map has {len(names)} with several values "
            f"({', '.join(names)}); choose a value for the others, such as --at {names[0]}=VALUE (`at=` in Python)."
        )
        allowed = f"a value for all but {MOST_AXES} axes"
        raise InputError(field="at", value=None, allowed=allowed, message=message)


def _drawn(result: MapLike, at: Mapping[str, Any] | None) -> Selection:
    selection = select(result, at)
    _refuse_many([axis.name for axis in selection.axes])
    return selection


def _quantities(selection: Selection, given: str | Sequence[str] | None) -> list[Quantity]:
    """Quantities to draw; over several axes of a list the first entry, unless another one is chosen."""
    keys = default_keys(selection) if given is None else [given] if isinstance(given, str) else list(given)
    if not keys:
        raise missing("number at any point", "map with at least one solved point")
    quantities = []
    for key in keys:
        shown = quantity_of(selection, key)
        if len(selection.axes) > 1 and shown.further:
            places = [0] * len(shown.further)
            if "[" in key:
                places = [int(key.partition("[")[2].rstrip("] ").split(",")[0]), *places]
            shown = quantity_of(selection, f"{key.partition('[')[0]}[{','.join(str(place) for place in places)}]")
        if not np.isfinite(shown.values).any():
            raise missing(f"value of {shown.key} at any point", f"map with {shown.key} at one point at least")
        quantities.append(shown)
    return quantities


# ---------------------------------------------------------------- one axis


def _lines(
    result: MapLike, selection: Selection, quantities: Sequence[Quantity], ax: Axes | Sequence[Axes] | AxesArray | None
) -> AxesArray:
    crossings: Sequence[Anticrossing] = ()
    if not selection.fixed or all(len(axis.values) == 1 for axis, _ in selection.fixed):
        crossings = getattr(result, "anticrossings", ())
    with drawing_on(ax, len(quantities), lambda: _line_layout(quantities)) as axes_of:
        for place, (axes, shown) in enumerate(zip(axes_of, quantities, strict=True)):
            last = ax is not None or place == len(quantities) - 1
            draw_quantity(axes, selection, shown, crossings, labelled=last)
            if len(quantities) > 1:
                panel_title(axes, string.ascii_lowercase[place % 26], shown.title)
        if ax is None:
            _fit_legends(axes_of)
    return axes_array(axes_of)


def _fit_legends(panels: Sequence[Axes]) -> None:
    """Narrow the panels of a figure until the legends beside them lie within it."""
    figure = figure_of(panels[0])
    legends = [legend for axes in panels if (legend := axes.get_legend()) is not None]
    width = float(figure.bbox.width)
    beyond = max((float(legend.get_window_extent().x1) for legend in legends), default=0.0) + _EDGE * width - width
    if beyond <= 0:
        return
    for axes in panels:
        box = axes.get_position()
        axes.set_position((box.x0, box.y0, max(box.width - beyond / width, _LEAST * box.width), box.height))


def _line_layout(quantities: Sequence[Quantity]) -> list[Axes]:
    heights = [_LEVELS if shown.further else _NUMBERS for shown in quantities]
    if len(heights) == 1:
        heights = [_LEVELS]
    total = _BOTTOM + sum(heights) + _GAP * (len(heights) - 1) + _TOP
    figure = new_figure(SINGLE_COLUMN, total)
    placed, top = [], total - _TOP
    for height in heights:
        placed.append(place_axes(figure, _LEFT, top - height, _WIDTH, height))
        top -= height + _GAP
    return placed


# ---------------------------------------------------------------- two axes and more


def _contours(
    selection: Selection, quantities: Sequence[Quantity], ax: Axes | Sequence[Axes] | AxesArray | None
) -> AxesArray:
    own = ax is None
    with drawing_on(ax, len(quantities), lambda: _contour_layout(len(quantities))) as axes_of:
        for place, (axes, shown) in enumerate(zip(axes_of, quantities, strict=True)):
            bands = bands_of([shown.values])
            mappable = draw_contours(axes, selection, shown, bands)
            side = axes.inset_axes((1.04, 0.0, _BAR / _PANEL, 1.0)) if own else None
            add_bar(mappable, shown.label, bands, side=side, beside=[axes])
            if len(quantities) > 1:
                panel_title(axes, string.ascii_lowercase[place % 26], "")
    return axes_array(axes_of)


def _contour_layout(panels: int) -> list[Axes]:
    columns = 1 if panels == 1 else 2
    rows = -(-panels // columns)
    pitch, row = (DOUBLE_COLUMN if columns == 2 else 2 * SINGLE_COLUMN) / 2, _BOTTOM + _PANEL_HEIGHT + _PANEL_TOP
    figure = new_figure(columns * pitch, rows * row)
    return [
        place_axes(
            figure,
            (panel % columns) * pitch + _PANEL_LEFT,
            (rows - 1 - panel // columns) * row + _BOTTOM,
            _PANEL,
            _PANEL_HEIGHT,
        )
        for panel in range(panels)
    ]


def _slice_places(axis: MapAxis) -> list[int]:
    """Places of the values of the first axis that are drawn, evenly over all of them."""
    return sorted({round(place) for place in np.linspace(0, len(axis.values) - 1, min(SLICES, len(axis.values)))})


def _slices(
    selection: Selection, quantities: Sequence[Quantity], ax: Axes | Sequence[Axes] | AxesArray | None
) -> AxesArray:
    """One panel for each of some values of the first axis, for each quantity, in common colours."""
    first, *others = selection.axes
    places = _slice_places(first)
    own = ax is None
    with drawing_on(ax, len(places) * len(quantities), lambda: _slice_layout(len(quantities), len(places))) as axes_of:
        for number, shown in enumerate(quantities):
            group = axes_of[number * len(places) : (number + 1) * len(places)]
            bands = bands_of([shown.values[places]])
            mappable = None
            for axes, place in zip(group, places, strict=True):
                part = Selection(tuple(others), selection.fixed, selection.data.isel({first.name: place}))
                panel = Quantity(
                    shown.key, shown.title, shown.unit, shown.values[place], shown.errors[place], shown.further
                )
                mappable = draw_contours(axes, part, panel, bands, legend=not own and axes is group[0])
                unit = "" if first.unit == "1" else f" {first.unit}"
                axes.annotate(
                    f"{first.title} {text_of(first.values[place])}{unit}", (0, 1), (0, 3), xycoords="axes fraction",
                    textcoords="offset points", ha="left", va="bottom", parse_math=False,
                )  # fmt: skip
            if own:
                _tidy(group)
                _explain(group[0], selection, shown)
            if mappable is not None:
                side = _slice_bar(group[0]) if own else None
                add_bar(mappable, shown.label, bands, side=side, beside=group)
    return axes_array(axes_of)


def _explain(first: Axes, selection: Selection, quantity: Quantity) -> None:
    """Explain points without a result in the upper right corner, above the colour bar."""
    handles = hole_handles(selection, quantity)
    if handles:
        figure_of(first).legend(
            handles=handles, loc="lower right", bbox_to_anchor=(1.0, float(first.get_position().y1)), frameon=False,
            handlelength=1.6, borderaxespad=0.2, fontsize=SMALL,
        )  # fmt: skip


def _tidy(group: Sequence[Axes]) -> None:
    """Keep the titles of the axes on the left and at the bottom only."""
    columns = min(3, len(group))
    for place, axes in enumerate(group):
        if place % columns:
            axes.set_ylabel("")
            axes.tick_params(axis="y", labelleft=False)
        if place + columns < len(group):
            axes.set_xlabel("")
            axes.tick_params(axis="x", labelbottom=False)


def _slice_layout(quantities: int, slices: int) -> list[Axes]:
    columns = min(3, slices)
    rows = -(-slices // columns)
    block = _BOTTOM + rows * (_SLICE_HEIGHT + _SLICE_ROW)
    width = _PANEL_LEFT + columns * (_SLICE + _SLICE_GAP) + 18.0
    figure = new_figure(width, quantities * block)
    placed = []
    for quantity in range(quantities):
        base = (quantities - 1 - quantity) * block + _BOTTOM
        for slice_ in range(slices):
            left = _PANEL_LEFT + (slice_ % columns) * (_SLICE + _SLICE_GAP)
            bottom = base + (rows - 1 - slice_ // columns) * (_SLICE_HEIGHT + _SLICE_ROW)
            placed.append(place_axes(figure, left, bottom, _SLICE, _SLICE_HEIGHT))
    return placed


def _slice_bar(first: Axes) -> Axes:
    """Axes of the colour bar of a group of panels, right of its first row."""
    figure = figure_of(first)
    box = first.get_position()
    width = float(figure.get_size_inches()[0]) * 25.4
    return figure.add_axes((1 - 15.5 / width, box.y0, _BAR / width, box.height))


# ---------------------------------------------------------------- words


def _caption(result: MapLike, selection: Selection, quantities: Sequence[Quantity]) -> str:
    names = " and ".join(axis.title[0].lower() + axis.title[1:] for axis in selection.axes)
    what = "; ".join(f"{shown.title[0].lower()}{shown.title[1:]}" for shown in quantities)
    sentences = [f"{result.spec.name}: {what} over {names}."]
    if selection.where:
        sentences.append(f"At {selection.where}.")
    if len(selection.axes) == MOST_AXES and len(selection.axes[0].values) > SLICES:
        shown = len(_slice_places(selection.axes[0]))
        sentences.append(f"{shown} of {len(selection.axes[0].values)} values of {selection.axes[0].name} are drawn.")
    if len(selection.axes) == 1:
        sentences.append("Bands: numerical errors. Levels of one symmetry are joined.")
    holes = int(selection.failed.sum())
    if holes:
        sentences.append(f"Hatched: {holes} of {selection.failed.size} points have no result.")
    return " ".join(sentences)


def _range_text(quantity: Quantity) -> str:
    finite = quantity.values[np.isfinite(quantity.values)]
    unit = "" if quantity.unit == "1" else f" {quantity.unit}"
    if not finite.size:
        return f"{quantity.title}: no number"
    return f"{quantity.title} from {finite.min():.4g} to {finite.max():.4g}{unit}"
