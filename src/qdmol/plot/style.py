"""Style of figures: journal widths, one typeface, colours that colour-blind readers can distinguish.

Text becomes paths in SVG, since an image in a page loads no fonts, and embedded TrueType in PDF, where editors want
text. DejaVu Sans ships with the drawing library, so a figure is the same on every machine. Colours: Okabe and Ito,
Color Universal Design (2008), https://jfly.uni-koeln.de/color; the diverging map is ColorBrewer's red-blue
(Harrower and Brewer, Cartogr. J. 40, 27 (2003), doi:10.1179/000870403235002042), white at zero.

Wavelengths along the bottom of a figure, photon energies along its top.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from qdmol.errors import InputError
from qdmol.units import HC_EV_NM

# What a figure of several panels takes: an array or sequence of axes, one for each panel.
AxesArray: TypeAlias = NDArray[np.object_]

_MOST_TICKS = 6
_STEPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # eV


def energy_axis(axes: Axes, *, most: int = _MOST_TICKS) -> None:
    """Add photon energies (eV) along the top of axes over wavelength (nm), at most `most` of them."""
    twin = axes.secondary_xaxis("top", functions=(to_energy, to_energy))
    twin.set_xlabel("Energy (eV)", labelpad=4)
    low, high = axes.get_xlim()
    span = HC_EV_NM / low - HC_EV_NM / high
    step = next(step for step in _STEPS if span / step <= most or step == _STEPS[-1])
    first = math.ceil(HC_EV_NM / high / step)
    twin.set_xticks([k * step for k in range(first, math.floor(HC_EV_NM / low / step) + 1)])
    twin.xaxis.set_major_formatter("{x:.4g}")
    axes.spines["top"].set_visible(True)


def to_energy(value: ArrayLike) -> NDArray[np.float64]:
    """Energy (eV) of a wavelength (nm), or the other way round."""
    # the formatter is also called for positions left of the end of the axis
    return np.asarray(HC_EV_NM / np.maximum(np.asarray(value, dtype=np.float64), 1e-3))


SINGLE_COLUMN: Final = 86.0  # mm
DOUBLE_COLUMN: Final = 178.0  # mm
RASTER_DPI: Final = 300
MM_PER_INCH: Final = 25.4
MM_PER_POINT: Final = MM_PER_INCH / 72

BLACK: Final = "#000000"
GREY: Final = "#6b6b6b"
LIGHT_GREY: Final = "#e9e9e9"
BLUE: Final = "#0072B2"
GREEN: Final = "#009E73"
VERMILLION: Final = "#D55E00"

# As in Fig. 1f of the reference work: red without, green with attraction, blue the hole.
WITHOUT_COULOMB: Final = VERMILLION
WITH_COULOMB: Final = GREEN
HOLE: Final = BLUE
SIGNED_MAP: Final = "RdBu_r"

SMALL: Final = 6.0  # points; the smallest text in any figure

_STYLE: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "font.size": 7.0,
    "axes.labelsize": 7.0,
    "axes.titlesize": 7.0,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "qdmol",
    "pdf.fonttype": 42,
    "savefig.dpi": RASTER_DPI,
    "figure.dpi": 100,
}


@contextmanager
def paper_style() -> Iterator[None]:
    """Apply the style, whatever the user's own settings, and put theirs back afterwards."""
    with matplotlib.style.context(_STYLE, after_reset=True):
        yield


class PaperFigure(Figure):
    """A figure that needs no display and shows itself in a notebook."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with paper_style():
            self.savefig(buffer, format="png", dpi=2 * float(self.get_dpi()))
        return buffer.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in mm, drawn without a display."""
    figure = PaperFigure(figsize=(width / MM_PER_INCH, height / MM_PER_INCH))
    FigureCanvasAgg(figure)
    return figure


@contextmanager
def drawing_on(
    ax: Axes | Sequence[Axes] | AxesArray | None, panels: int, layout: Callable[[], Sequence[Axes]]
) -> Iterator[list[Axes]]:
    """Axes to draw on, one for each panel: those given, or those that `layout` makes, then in the paper style.

    Raises
    ------
    InputError
        Not as many axes as panels are given.
    """
    if ax is None:
        with paper_style():
            yield list(layout())
        return
    given = [ax] if isinstance(ax, Axes) else list(np.ravel(np.asarray(ax, dtype=object)))
    if len(given) != panels or not all(isinstance(one, Axes) for one in given):
        needed = "one matplotlib Axes" if panels == 1 else f"an array of {panels} matplotlib Axes, one for each panel"
        value = f"{len(given)} of {type(given[0]).__name__}" if given else ax
        raise InputError(field="ax", value=value, allowed=needed)
    yield given


def missing(what: str, needed: str) -> InputError:
    """The refusal of a figure whose data a result does not hold, with what would give them."""
    message = f"This result holds no {what}, so there is nothing to plot; it needs a {needed}."
    return InputError(field="result", value=None, allowed=needed, message=message)


def axes_array(axes: Sequence[Axes]) -> AxesArray:
    """The axes of several panels (panels,) as a figure function returns them."""
    array = np.empty(len(axes), dtype=object)
    array[:] = axes
    return array


def figure_of(axes: Axes) -> Figure:
    """The figure that axes are part of."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def size_mm(axes: Axes) -> tuple[float, float]:
    """Width and height of axes in mm."""
    box, dpi = axes.get_window_extent(), float(figure_of(axes).dpi)
    return MM_PER_INCH * float(box.width) / dpi, MM_PER_INCH * float(box.height) / dpi


def place_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes at a place given in mm from the lower left corner."""
    full_width, full_height = figure.get_size_inches() * MM_PER_INCH
    box = (left / full_width, bottom / full_height, width / full_width, height / full_height)
    return figure.add_axes(box)


def panel_title(axes: Axes, letter: str, text: str, *, offset: float = 1.2) -> None:
    """Write a bold panel letter and a title above the upper left corner, `offset` mm over it."""
    points = offset / MM_PER_POINT
    axes.annotate(
        letter,
        (0, 1),
        (0, points),
        xycoords="axes fraction",
        textcoords="offset points",
        fontweight="bold",
        fontsize=8,
        va="bottom",
    )
    axes.annotate(
        text, (0, 1), (9 if letter else 0, points), xycoords="axes fraction", textcoords="offset points", va="bottom"
    )


def spread(positions: list[float], gap: float) -> list[float]:
    """Move positions apart until neighbours are `gap` from one another, each cluster about its mean.

    Parameters
    ----------
    positions
        In any order.
    gap
        The smallest distance wanted, in the same unit.

    Returns
    -------
    list of float
        New positions in the order given.

    Examples
    --------
    >>> spread([1.0, 1.0, 9.0], 2.0)
    [0.0, 2.0, 9.0]
    """
    order = sorted(range(len(positions)), key=positions.__getitem__)
    clusters: list[list[int]] = []
    for index in order:
        clusters.append([index])
        while len(clusters) > 1 and _overlap(clusters[-2], clusters[-1], positions, gap):
            clusters[-2:] = [clusters[-2] + clusters[-1]]
    placed = [0.0] * len(positions)
    for cluster in clusters:
        for index, position in zip(cluster, _laid_out(cluster, positions, gap), strict=True):
            placed[index] = position
    return placed


def _laid_out(cluster: list[int], positions: list[float], gap: float) -> list[float]:
    centre = sum(positions[index] for index in cluster) / len(cluster)
    first = centre - gap * (len(cluster) - 1) / 2
    return [first + gap * step for step in range(len(cluster))]


def _overlap(lower: list[int], upper: list[int], positions: list[float], gap: float) -> bool:
    return _laid_out(upper, positions, gap)[0] - _laid_out(lower, positions, gap)[-1] < gap
