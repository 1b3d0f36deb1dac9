"""A quantity of a map over two axes: filled contours with labelled lines; points without a result are hatched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import BoundaryNorm, Colormap
from matplotlib.contour import QuadContourSet
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from qdmol.arrays import Floats
from qdmol.plot.map_lines import HATCH, HOLE_EDGE, HOLE_FACE, NO_RESULT
from qdmol.plot.map_quantities import MapAxis, Quantity, Selection
from qdmol.plot.style import SIGNED_MAP, SMALL, figure_of, size_mm

_COLOURS = "viridis"
_BANDS = 9
_DECADES = 1.3  # of a positive quantity, from which contours are spaced by 1, 2, 5
_LABEL_ROOM = 2.6  # mm from the middle of a contour's label to the frame, at least
_UNDEFINED = "not defined"
_UNDEFINED_FACE = "#ffffff"


@dataclass(frozen=True, eq=False)
class Bands:
    """Borders of the bands of colour, and the colours."""

    borders: Floats
    colours: Colormap

    @property
    def norm(self) -> BoundaryNorm:
        """From a value to a band."""
        return BoundaryNorm(self.borders, self.colours.N)


def bands_of(values: Sequence[Floats]) -> Bands:
    """Bands with round borders over all values: by 1, 2, 5 over decades, about zero where there are both signs."""
    finite = np.concatenate([part[np.isfinite(part)].ravel() for part in values] or [np.empty(0)])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if not high - low > 1e-9 * max(abs(low), abs(high), 1e-9):
        margin = 0.05 * abs(low) or 0.5
        return Bands(np.array([low - margin, low + margin]), mpl.colormaps[_COLOURS])
    if low > 0 and np.log10(high / low) > _DECADES:
        return Bands(_decade_borders(low, high), mpl.colormaps[_COLOURS])
    if low < 0 < high:
        largest = max(-low, high)
        return Bands(_even_borders(-largest, largest), mpl.colormaps[SIGNED_MAP])
    return Bands(_even_borders(low, high), mpl.colormaps[_COLOURS])


def _even_borders(low: float, high: float) -> Floats:
    return np.asarray(MaxNLocator(_BANDS, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high), dtype=np.float64)


def _decade_borders(low: float, high: float) -> Floats:
    """Borders from below the lowest to above the highest value: 1, 2, 5, or powers of ten over many decades."""
    first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
    digits = (1, 2, 5) if last - first <= 4 else (1,)
    borders = np.array([digit * 10.0**power for power in range(first, last + 1) for digit in digits])
    start = max(int(np.searchsorted(borders, low, side="right")) - 1, 0)
    stop = int(np.searchsorted(borders, high, side="left")) + 1
    return borders[start:stop]


def draw_contours(
    axes: Axes, selection: Selection, quantity: Quantity, bands: Bands, *, legend: bool = True
) -> ScalarMappable:
    """Draw a quantity over the two axes of a selection, the second along x; returns what a colour bar is made of."""
    upright, across = selection.axes
    axes.set_facecolor(_UNDEFINED_FACE)
    failed = selection.failed
    values = quantity.values
    smooth = upright.numeric and across.numeric and min(values.shape) > 1 and len(bands.borders) > 2
    if smooth:
        _hatch(axes, selection, np.isnan(values) & failed)
        _fill(axes, upright, across, values, bands)
    else:
        _hatch(axes, selection, failed)
        masked = np.ma.masked_invalid(values)
        axes.pcolormesh(across.edges, upright.edges, masked, cmap=bands.colours, norm=bands.norm, rasterized=True)
        _label_cells(axes, upright, across, values, bands)
    for axis, set_label, set_ticks in (
        (across, axes.set_xlabel, axes.set_xticks),
        (upright, axes.set_ylabel, axes.set_yticks),
    ):
        set_label(axis.label, parse_math=False)
        if not axis.numeric:
            set_ticks(axis.places, axis.labels, parse_math=False)
    _frame(axes, across, upright, cells=not smooth)
    if legend:
        _legend(axes, hole_handles(selection, quantity))
    return ScalarMappable(norm=bands.norm, cmap=bands.colours)


def _frame(axes: Axes, across: MapAxis, upright: MapAxis, *, cells: bool) -> None:
    """Let the axes end at the first and last points, or around their cells."""
    for axis, set_limits in ((across, axes.set_xlim), (upright, axes.set_ylim)):
        ends = axis.edges if cells else axis.places
        set_limits(float(ends[0]), float(ends[-1]))


def _hatch(axes: Axes, selection: Selection, holes: np.ndarray) -> None:
    """Hatch the cells of points without a result."""
    upright, across = selection.axes
    for row, column in zip(*np.nonzero(holes), strict=True):
        x, y = across.edges[column : column + 2], upright.edges[row : row + 2]
        axes.fill_between(x, y[0], y[1], facecolor=HOLE_FACE, edgecolor=HOLE_EDGE, hatch=HATCH, linewidth=0, zorder=0.5)


def _fill(axes: Axes, upright: MapAxis, across: MapAxis, values: Floats, bands: Bands) -> None:
    """Fill the cells of all points in their colour, and where all around are known draw contours over them."""
    masked = np.ma.masked_invalid(values)
    axes.pcolormesh(
        across.edges, upright.edges, masked, cmap=bands.colours, norm=bands.norm, rasterized=True, zorder=0.8
    )
    grid = across.places, upright.places, masked
    axes.contourf(*grid, levels=bands.borders, cmap=bands.colours, norm=bands.norm, zorder=1)
    lines = axes.contour(*grid, levels=bands.borders, colors="white", linewidths=0.5, zorder=1.5)
    _frame(axes, across, upright, cells=False)
    axes.clabel(lines, fmt=_plain, fontsize=SMALL, inline_spacing=2, manual=_label_places(axes, lines))
    for text in lines.labelTexts:
        text.set_color(_readable(bands, float(text.get_text().replace("−", "-"))))


def _label_places(axes: Axes, lines: QuadContourSet) -> list[tuple[float, float]]:
    """Where each contour line is farthest from the frame, unless its label would not have room there."""
    width, height = size_mm(axes)
    places = []
    for path in lines.get_paths():
        polygons = [np.asarray(part, dtype=np.float64) for part in path.to_polygons(closed_only=False)]
        parts = [part for part in polygons if len(part) > 1]
        if not parts:
            continue
        points = np.concatenate([_refined(part) for part in parts])
        across, upright = axes.transAxes.inverted().transform(axes.transData.transform(points)).T
        room = np.min([across * width, (1 - across) * width, upright * height, (1 - upright) * height], axis=0)
        best = int(np.argmax(room))
        if room[best] > _LABEL_ROOM:
            places.append((float(points[best, 0]), float(points[best, 1])))
    return places


def _refined(points: np.ndarray) -> np.ndarray:
    """Points (N, 2) of a line with further points between them."""
    steps = np.linspace(0, 1, 4, endpoint=False)[:, None]
    between = points[:-1, None] + steps * (points[1:] - points[:-1])[:, None]
    return np.asarray(np.concatenate([between.reshape(-1, 2), points[-1:]]))


def _plain(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _readable(bands: Bands, value: float) -> str:
    """Black or white, whichever is seen on the colour of a value (luminance of ITU-R BT.709)."""
    red, green, blue, _ = bands.colours(bands.norm(value))
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5 else "white"


def _label_cells(axes: Axes, upright: MapAxis, across: MapAxis, values: Floats, bands: Bands) -> None:
    """Write the value into each cell of a small map."""
    if values.size > 60:
        return
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.annotate(
                f"{value:.4g}".replace("-", "−"),
                (across.places[column], upright.places[row]),
                ha="center",
                va="center",
                fontsize=SMALL,
                color=_readable(bands, float(value)),
            )


def hole_handles(selection: Selection, quantity: Quantity) -> list[Patch]:
    """Entries of a legend that explain points without a result, and results without this quantity."""
    undefined = np.isnan(quantity.values) & ~selection.failed
    handles = []
    if selection.failed.any():
        handles.append(Patch(facecolor=HOLE_FACE, edgecolor=HOLE_EDGE, hatch=HATCH, linewidth=0, label=NO_RESULT))
    if undefined.any():
        handles.append(Patch(facecolor=_UNDEFINED_FACE, edgecolor=HOLE_EDGE, linewidth=0.4, label=_UNDEFINED))
    return handles


def _legend(axes: Axes, handles: list[Patch]) -> None:
    if handles:
        axes.legend(
            handles=handles, loc="lower right", bbox_to_anchor=(1.02, 1.0), ncols=2, frameon=False, handlelength=1.6,
            borderaxespad=0.2, fontsize=SMALL,
        )  # fmt: skip


def add_bar(
    mappable: ScalarMappable, label: str, bands: Bands, *, side: Axes | None, beside: Sequence[Axes]
) -> Colorbar:
    """Add a colour bar with its label, on an axes of its own or beside others."""
    figure = figure_of(beside[0])
    if side is not None:
        bar = figure.colorbar(mappable, cax=side, spacing="uniform")
    else:
        bar = figure.colorbar(mappable, ax=list(beside), spacing="uniform")
    bar.set_ticks(list(bands.borders), labels=[_plain(round(border, 9)) for border in bands.borders])
    bar.minorticks_off()
    bar.set_label(label, labelpad=3)
    bar.outline.set_linewidth(0)
    bar.ax.tick_params(length=1.5, pad=1.5)
    return bar


def grid_columns(selection: Selection, quantity: Quantity) -> tuple[tuple[str, ...], tuple[Sequence[object], ...]]:
    """Header and columns of a quantity over several axes: a row for each point."""
    places = np.indices(quantity.values.shape).reshape(quantity.values.ndim, -1)
    header = [axis.name if axis.unit == "1" else f"{axis.name} ({axis.unit})" for axis in selection.axes]
    columns: list[Sequence[object]] = [
        [axis.values[place] for place in row] for axis, row in zip(selection.axes, places, strict=True)
    ]
    unit = "" if quantity.unit == "1" else f" ({quantity.unit})"
    header += [f"{quantity.stem}{unit}", f"error{unit}"]
    columns += [list(quantity.values.ravel()), list(quantity.errors.ravel())]
    return tuple(header), tuple(columns)
