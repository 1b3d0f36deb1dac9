"""The samples of a batch beside each other: a panel for each quantity, a row for each sample, with errors."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import xarray as xr
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Patch
from matplotlib.textpath import TextPath

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.map_lines import HATCH, HOLE_EDGE, HOLE_FACE, NO_RESULT
from qdmol.plot.map_quantities import MapAxis, Quantity, Selection, drawable_keys, quantity_of
from qdmol.plot.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN,
    LIGHT_GREY,
    MM_PER_POINT,
    SMALL,
    AxesArray,
    axes_array,
    drawing_on,
    figure_of,
    missing,
    new_figure,
    place_axes,
)

DEFAULT_KEYS = ("splitting", "tunnel_coupling", "redshift", "gap")
MOST_NAMES = 80  # rows with a name; more samples are numbered
LONGEST_NAME = 26  # characters
_NARROWEST, _RIGHT, _BOTTOM, _TOP, _GAP, _ROW, _THIN_ROW = 13.0, 3.0, 9.0, 5.0, 5.0, 4.2, 0.9  # mm
_SHORTEST, _PAD = 12.0, 4.0  # mm


class BatchLike(Protocol):
    """The part of ``qdmol.study.Batch`` that is read; see there."""

    @property
    def names(self) -> Sequence[str]: ...  # noqa: D102

    @property
    def data(self) -> xr.Dataset: ...  # noqa: D102


def _selection(result: BatchLike) -> Selection:
    return Selection((MapAxis("sample", "Sample", "1", tuple(result.names)),), (), result.data)


def _default_keys(selection: Selection) -> list[str]:
    data = selection.data
    keys = [key for key in drawable_keys(data, ["sample"]) if np.isfinite(data[key].values.astype(float)).any()]
    wanted = [key for key in DEFAULT_KEYS if key in keys]
    if "tunnel_coupling" in wanted:
        detuning = np.abs(np.nan_to_num(data["detuning"].values.astype(float)))
        if not (detuning > 1e-6).any():
            wanted.remove("tunnel_coupling")  # half the splitting in every sample
    return wanted or [f"{key}[0]" for key in ("electron_energy", "hole_energy") if key in keys]


def _quantities(selection: Selection, given: str | Sequence[str] | None) -> list[Quantity]:
    keys = _default_keys(selection) if given is None else [given] if isinstance(given, str) else list(given)
    if not keys:
        raise missing("number for any sample", "batch with at least one solved sample")
    quantities = [quantity_of(selection, key) for key in keys]
    for shown in quantities:
        if len(shown.further) > 1:
            allowed = f"one entry of it, such as {shown.key}[0,0]"
            raise InputError(field="quantity", value=shown.key, allowed=allowed)
        if not np.isfinite(shown.values).any():
            raise missing(f"value of {shown.key} for any sample", f"batch with {shown.key} of one sample at least")
    return quantities


def has_samples(result: BatchLike) -> bool:
    """Whether a batch has a number of a sample."""
    return bool(_default_keys(_selection(result)))


def samples(
    result: BatchLike,
    quantity: str | Sequence[str] | None = None,
    ax: Axes | Sequence[Axes] | AxesArray | None = None,
) -> AxesArray:
    """Plot quantities of the samples of a batch, a row for each sample, the first at the top.

    Bars are numerical errors. Samples without a result are hatched.

    Parameters
    ----------
    result
        From :func:`qdmol.batch`, or read back from a file.
    quantity
        Names of variables of ``result.data``, one for each panel; ``"electron_energy[0]"`` is one level of several.
        By default splitting, tunnel coupling of unlike dots, red shift and gap, as far as the batch has them.
    ax
        One axes for each panel. By default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of the panels (panels,).

    Raises
    ------
    qdmol.errors.InputError
        The batch has no such quantity, or the number of axes is wrong.
    """
    selection = _selection(result)
    quantities = _quantities(selection, quantity)
    with drawing_on(ax, len(quantities), lambda: _layout(result.names, len(quantities))) as axes_of:
        for place, (axes, shown) in enumerate(zip(axes_of, quantities, strict=True)):
            _draw(axes, selection, shown, named=place == 0 or ax is not None)
            if len(quantities) > 1:
                letter = string.ascii_lowercase[place % 26]
                axes.annotate(
                    letter, (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", fontweight="bold",
                    fontsize=8, va="bottom",
                )  # fmt: skip
        if selection.failed.any():
            _legend(axes_of[-1])
    return axes_array(axes_of)


def draw_samples(result: BatchLike, quantity: str | Sequence[str] | None = None, *, name: str = "samples") -> Drawing:
    """Figure of the samples of a batch with its words and numbers; `name` begins the names of its files."""
    selection = _selection(result)
    quantities = _quantities(selection, quantity)
    axes_of = samples(result, quantity)
    what = ", ".join(f"{shown.title[0].lower()}{shown.title[1:]}" for shown in quantities)
    caption = f"{len(result.names)} samples: {what}. Bars: numerical errors."
    holes = int(selection.failed.sum())
    if holes:
        caption += f" Hatched: {holes} of {len(result.names)} samples have no result."
    header, columns = ["sample"], [list(result.names)]
    for shown in quantities:
        unit = "" if shown.unit == "1" else f" ({shown.unit})"
        for entry in np.ndindex(shown.values.shape[1:]):
            suffix = "".join(f" {dim} {place}" for dim, place in zip(shown.further, entry, strict=True))
            header += [f"{shown.stem}{suffix}{unit}", f"error of {shown.stem}{suffix}{unit}"]
            columns += [list(shown.values[:, *entry]), list(shown.errors[:, *entry])]
    table = Table(f"{name}_figure", tuple(header), tuple(columns))
    return Drawing(name, caption, caption, figure_of(axes_of[0]), (table,))


def _layout(names: Sequence[str], panels: int) -> list[Axes]:
    rows = len(names)
    height = max((_ROW if rows <= MOST_NAMES else _THIN_ROW) * rows, _SHORTEST)
    left = _NARROWEST if rows > MOST_NAMES else max(_NARROWEST, *(_width(shortened(name)) for name in names))
    columns = max(panels, 2)  # one panel alone is as wide as one of two
    width = max((DOUBLE_COLUMN - left - _RIGHT - _GAP * (columns - 1)) / columns, _SHORTEST)
    total = left + panels * width + (panels - 1) * _GAP + _RIGHT
    figure = new_figure(total, _BOTTOM + height + _TOP)
    return [place_axes(figure, left + place * (width + _GAP), _BOTTOM, width, height) for place in range(panels)]


def _width(name: str) -> float:
    """Room (mm) for a name beside the axes."""
    if not name:
        return _PAD
    font = FontProperties(family=rcParams["font.family"])
    path = TextPath((0, 0), name.replace("$", "S"), size=float(rcParams["ytick.labelsize"]), prop=font)
    return float(path.get_extents().width) * MM_PER_POINT + _PAD


def _draw(axes: Axes, selection: Selection, quantity: Quantity, *, named: bool) -> None:
    (axis,) = selection.axes
    count = len(axis.values)
    rows = np.arange(count)
    for row in rows[::2] if count <= MOST_NAMES else ():
        axes.axhspan(row - 0.5, row + 0.5, facecolor=LIGHT_GREY, alpha=0.5, linewidth=0, zorder=0)
    for row in np.flatnonzero(selection.failed):
        axes.axhspan(
            row - 0.5, row + 0.5, facecolor=HOLE_FACE, edgecolor=HOLE_EDGE, hatch=HATCH, linewidth=0, zorder=0.5
        )
    entries = list(np.ndindex(quantity.values.shape[1:]))
    for entry in entries:
        _draw_points(axes, rows, quantity.values[:, *entry], quantity.errors[:, *entry])
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_xlabel(quantity.label)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if count > MOST_NAMES:
        if named:
            axes.set_ylabel("Sample (row of the table, from 0)")
    else:
        labels = [shortened(str(name)) for name in axis.values] if named else [""] * count
        axes.set_yticks(rows, labels, parse_math=False)
    if not named:
        axes.tick_params(axis="y", labelleft=False)


def _draw_points(axes: Axes, rows: np.ndarray, values: Floats, errors: Floats) -> None:
    if not np.isfinite(values).any():
        return
    axes.errorbar(
        values, rows, xerr=np.nan_to_num(errors), color=BLACK, linestyle="none", marker="o", markersize=3.0,
        markerfacecolor=BLUE, markeredgewidth=0, elinewidth=0.8, capsize=1.5, zorder=3,
    )  # fmt: skip
    axes.margins(x=0.1)


def shortened(name: str) -> str:
    """A name on one line, at most `LONGEST_NAME` characters.

    >>> shortened("a very long name of a sample that was dried")
    'a very long n…at was dried'
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if len(line) <= LONGEST_NAME:
        return line
    half = LONGEST_NAME // 2
    return f"{line[:half]}…{line[1 - half :]}"


def _legend(axes: Axes) -> None:
    hole = Patch(facecolor=HOLE_FACE, edgecolor=HOLE_EDGE, hatch=HATCH, linewidth=0, label=NO_RESULT)
    axes.legend(
        handles=[hole], loc="lower right", bbox_to_anchor=(1.02, 1.0), frameon=False, handlelength=1.6,
        borderaxespad=0.2, fontsize=SMALL,
    )  # fmt: skip
