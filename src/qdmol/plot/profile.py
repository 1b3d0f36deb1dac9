"""Band edges and carrier densities along the axis, in the manner of Cui et al.'s Fig. 1f.

One panel shows the electron alone, one the electron in the field of the hole, one the hole. Densities stand on their
levels; both electron panels share one scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from qdmol.arrays import Floats
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.solution import SHOWN_LEVELS, region_names, state_names, values
from qdmol.plot.style import (
    BLACK,
    GREY,
    HOLE,
    LIGHT_GREY,
    MM_PER_POINT,
    SINGLE_COLUMN,
    SMALL,
    WITH_COULOMB,
    WITHOUT_COULOMB,
    AxesArray,
    axes_array,
    drawing_on,
    figure_of,
    missing,
    new_figure,
    panel_title,
    place_axes,
    size_mm,
    spread,
)
from qdmol.results import format_number
from qdmol.study import Solution

_LEFT, _RIGHT, _BOTTOM, _TOP, _GAP = 13.0, 20.5, 8.5, 5.5, 7.0  # mm
_WIDTH = SINGLE_COLUMN - _LEFT - _RIGHT  # mm
_HEIGHTS = {"electron": 33.0, "hole": 30.0}  # mm
_DENSITY_HEIGHT = 0.26  # of the panel, for the highest peak
_EDGE_CAP = 6.0  # an edge higher than this many level heights is cut off, and said to be


@dataclass(frozen=True)
class Panel:
    """One carrier along the axis: lengths in nm, energies in eV, densities in 1/nm³."""

    carrier: str
    title: str
    colour: str
    symbols: tuple[str, ...]
    edge: Floats
    other_edge: Floats  # drawn dotted for comparison; may be empty
    energies: tuple[float, ...]
    densities: tuple[Floats, ...]
    stem: str  # of the table's column names


def _electron_panel(data: xr.Dataset, *, coulomb: bool) -> Panel | None:
    prefix = "electron_coulomb" if coulomb else "electron"
    densities = values(data, f"{prefix}_density_axis")
    edge = values(data, "electron_edge")
    seen = values(data, "electron_edge_coulomb") if coulomb else edge
    if densities.size == 0 or edge.size == 0:
        return None
    densities = np.atleast_2d(densities)[:SHOWN_LEVELS]
    energies = values(data, f"{prefix}_energy")[: len(densities)]
    prime = "'" if coulomb else ""
    return Panel(
        carrier="electron",
        title="Electron in the field of the hole" if coulomb else "Electron",
        colour=WITH_COULOMB if coulomb else WITHOUT_COULOMB,
        symbols=tuple(f"$e_{index + 1}{prime}$" for index in range(len(energies))),
        edge=seen if seen.size else edge,
        other_edge=edge if coulomb and seen.size else np.empty(0),
        energies=tuple(energies),
        densities=tuple(densities[: len(energies)]),
        stem=prefix,
    )


def _hole_panel(data: xr.Dataset) -> Panel | None:
    paired = "hole_coulomb_energy" in data
    density = values(data, "hole_coulomb_density_axis" if paired else "hole_density_axis")
    edge, bare = (values(data, name) for name in ("hole_edge", "hole_energy"))
    if density.size == 0 or edge.size == 0 or bare.size == 0:
        return None
    own, felt = values(data, "hole_coulomb_energy"), values(data, "hole_edge_coulomb")
    return Panel(
        carrier="hole",
        title="Hole in the field of the electron" if paired else "Hole",
        colour=HOLE,
        symbols=("$h'$" if paired else "$h$",),
        edge=felt if paired and felt.size else edge,
        other_edge=edge if paired and felt.size else np.empty(0),
        energies=(float(own.flat[0]) if paired else float(bare[0]),),
        densities=(np.atleast_2d(density)[0],),
        stem="hole",
    )


def axis_panels(data: xr.Dataset) -> tuple[Panel, ...]:
    """The panels for which there are data, from top to bottom."""
    found = (_electron_panel(data, coulomb=False), _electron_panel(data, coulomb=True), _hole_panel(data))
    return tuple(panel for panel in found if panel is not None)


def energy_window(panels: Sequence[Panel]) -> tuple[float, float]:
    """Lowest and highest energy to show, in eV, so that levels, densities and the low edges are seen."""
    energies = [energy for panel in panels for energy in panel.energies]
    edges = np.concatenate([edge for panel in panels for edge in (panel.edge, panel.other_edge)])
    floor = min(*energies, float(edges.min()))
    cap = floor + _EDGE_CAP * max(max(energies) - floor, 1e-3)
    highest_edge = float(edges[edges <= cap].max(initial=floor))
    span = max(*energies, highest_edge) - floor
    low, peak = floor - 0.2 * span, 1.08 * _DENSITY_HEIGHT
    # The highest level plus its peak, a share of the whole window, just fits.
    return low, max((max(energies) - peak * low) / (1 - peak), highest_edge + 0.12 * span)


def off_scale(edge: Floats, region: xr.DataArray, roof: float) -> list[str]:
    """Say which regions' edges lie above the frame, with their heights."""
    sentences = []
    for number, name in enumerate(region_names(region)):
        heights = edge[region.values == number]
        if heights.size and heights.max() > roof:
            hard = np.isinf(heights).any()
            sentences.append(f"{name} {'(hard wall)' if hard else f'{heights.max():.3g} eV'}")
    return sentences


def _draw_edge(axes: Axes, z: Floats, panel: Panel, window: tuple[float, float]) -> None:
    beyond = window[1] + 0.2 * (window[1] - window[0])  # cut edges leave the frame upright
    edge = np.minimum(panel.edge, beyond)
    axes.fill_between(z, edge, window[0], color=LIGHT_GREY, linewidth=0, zorder=0)
    axes.plot(z, edge, color=BLACK, linewidth=0.8, zorder=2)
    if panel.other_edge.size:
        axes.plot(z, np.minimum(panel.other_edge, beyond), color=GREY, linewidth=0.6, linestyle=(0, (1, 1.2)), zorder=1)


def _draw_states(axes: Axes, z: Floats, panel: Panel, scale: float) -> None:
    for order, (energy, density) in enumerate(zip(panel.energies, panel.densities, strict=True)):
        curve = energy + scale * np.nan_to_num(density)
        axes.axhline(energy, color=panel.colour, linewidth=0.4, zorder=3)
        if order == 0:
            axes.fill_between(z, energy, curve, color=panel.colour, alpha=0.25, linewidth=0, zorder=3)
        axes.plot(z, curve, color=panel.colour, linestyle="-" if order == 0 else (0, (3.5, 1.3)), zorder=4)


def _label_levels(axes: Axes, panel: Panel, window: tuple[float, float]) -> None:
    """Name the levels to the right of the frame, pushed apart where they are close."""
    gap = 3.0 / size_mm(axes)[1]  # mm of text over the panel's height
    span = window[1] - window[0]
    at = [(energy - window[0]) / span for energy in panel.energies]
    down = -1 if panel.carrier == "hole" else 1
    for y, where, symbol, energy in zip(at, spread(at, gap), panel.symbols, panel.energies, strict=True):
        y_shown, where_shown = (y, where) if down == 1 else (1 - y, 1 - where)
        axes.annotate(
            f"{symbol}  {format_number(1000 * energy, 2)} meV",
            (1.0, y_shown),
            (1.055, where_shown),
            xycoords="axes fraction",
            textcoords="axes fraction",
            fontsize=SMALL,
            color=panel.colour,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": panel.colour, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 0},
        )


def _name_regions(axes: Axes, z: Floats, region: xr.DataArray, carrier: str) -> None:
    """Write material names in the shaded gap wherever a stretch is wide enough for its name."""
    names, numbers = region_names(region), np.asarray(region.values)
    width = size_mm(axes)[0]
    height, anchor = (0.03, "bottom") if carrier == "electron" else (0.97, "top")
    bounds = np.flatnonzero(np.diff(numbers)) + 1
    for stretch in np.split(np.arange(len(numbers)), bounds):
        low, high = z[stretch[0]], z[stretch[-1]]
        name = names[int(numbers[stretch[0]])]
        if (high - low) / (z[-1] - z[0]) * width > 0.62 * SMALL * MM_PER_POINT * len(name) + 0.4:
            axes.text(
                (low + high) / 2,
                height,
                name,
                transform=axes.get_xaxis_transform(),
                fontsize=SMALL,
                color=GREY,
                ha="center",
                va=anchor,
            )


def _draw_panel(axes: Axes, data: xr.Dataset, panel: Panel, window: tuple[float, float], scale: float) -> None:
    z = values(data, "z")
    _draw_edge(axes, z, panel, window)
    _draw_states(axes, z, panel, scale)
    axes.set_xlim(z[0], z[-1])
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.set_ylim(*(window if panel.carrier == "electron" else window[::-1]))
    axes.set_ylabel(f"{panel.carrier.capitalize()} energy (eV)")
    axes.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))


def _note_off_scale(axes: Axes, notes: Sequence[str], *, inside: bool) -> None:
    """Say what is cut off: above the frame, or inside it where the title needs the line and the frame is empty."""
    if notes:
        axes.annotate(
            "off scale: " + ", ".join(notes),
            (1, 1),
            (-1.2 / MM_PER_POINT, -1.2 / MM_PER_POINT) if inside else (0, 1.2 / MM_PER_POINT),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=SMALL,
            color=GREY,
            ha="right",
            va="top" if inside else "bottom",
        )


def _windows(panels: Sequence[Panel]) -> dict[str, tuple[float, float]]:
    carriers = dict.fromkeys(panel.carrier for panel in panels)  # in the order of the panels
    return {carrier: energy_window([panel for panel in panels if panel.carrier == carrier]) for carrier in carriers}


def _density_scales(panels: Sequence[Panel], windows: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Height in eV for a density of 1/nm³, one for each carrier."""
    scales = {}
    for carrier, (low, high) in windows.items():
        peak = max(np.nanmax(density) for panel in panels if panel.carrier == carrier for density in panel.densities)
        scales[carrier] = _DENSITY_HEIGHT * (high - low) / max(float(peak), 1e-12)
    return scales


def _table(data: xr.Dataset, panel: Panel, letter: str) -> Table:
    header = ["z (nm)", f"{panel.carrier}_edge (eV)"]
    columns = [values(data, "z"), panel.edge]
    if panel.other_edge.size:
        header = ["z (nm)", f"{panel.carrier}_edge_with_coulomb (eV)", f"{panel.carrier}_edge (eV)"]
        columns.append(panel.other_edge)
    for index, density in enumerate(panel.densities):
        header.append(f"{panel.stem}_density_level_{index + 1} (1/nm^3)")
        columns.append(density)
    return Table(f"figure1{letter}_axis_{panel.stem}", tuple(header), tuple(columns))


def _electron_sentence(panels: Sequence[Panel], solution: Solution) -> str:
    count = max((len(panel.energies) for panel in panels if panel.carrier == "electron"), default=0)
    names = [f"{name} (e{index})" for index, name in enumerate(state_names(solution), 1)][:count]
    order = "; the first solid, the second dashed" if count > 1 else ""
    return f" Electron: {' and '.join(names)}{order}." if names else ""


def _caption(panels: Sequence[Panel], solution: Solution, cut: Sequence[str]) -> str:
    caption = (
        "Along the axis: band edges (black, with the side of the gap shaded) and carrier densities, drawn on their "
        "levels. Energies are relative to the band edges of the reference material, positive away from the gap."
    )
    caption += _electron_sentence(panels, solution)
    if any(panel.other_edge.size for panel in panels):
        caption += (
            " With attraction each carrier moves in the field of the other (dotted: its band edge without that field)."
        )
    hole_at_bare_level = any(panel.carrier == "hole" and not panel.other_edge.size for panel in panels)
    if hole_at_bare_level and any(panel.stem == "electron_coulomb" for panel in panels):
        caption += " The density of the hole is that in the bound pair, drawn at the hole level without attraction."
    if cut:
        caption += f" Band edges beyond the frame are cut off: {'; '.join(cut)}."
    return caption + " Densities of the same carrier share one scale."


def _alternative(panels: Sequence[Panel]) -> str:
    parts = []
    for panel in panels:
        levels = " and ".join(f"{format_number(1000 * energy, 2)} meV" for energy in panel.energies)
        peak = max(float(np.nanmax(density)) for density in panel.densities)
        parts.append(f"{panel.title}: levels at {levels}, highest density on the axis {peak:.3g} per cubic nanometre")
    return "Band edges and carrier densities along the axis. " + "; ".join(parts) + "."


def has_axis_profile(solution: Solution) -> bool:
    """Whether a solution holds densities along the axis."""
    return bool(axis_panels(solution.data))


def axis_profile(solution: Solution, ax: Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot band edges and carrier densities along the axis.

    Parameters
    ----------
    solution
        Solved molecule, or one read back from a file.
    ax
        An array of axes, one for each panel from top to bottom: the electron, the electron in the field of the hole,
        the hole, as far as the solution holds them. By default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of the panels (panels,).

    Raises
    ------
    qdmol.errors.InputError
        The solution holds no densities, or there is not one Axes for each panel.
    """
    data, panels = solution.data, axis_panels(solution.data)
    if not panels:
        raise missing("densities along the axis", "calculation with at least one electron or hole level")
    windows = _windows(panels)
    scales = _density_scales(panels, windows)
    with drawing_on(ax, len(panels), lambda: _stack(panels)) as axes_of:
        for letter, panel, axes in zip("abc", panels, axes_of, strict=False):
            window = windows[panel.carrier]
            _draw_panel(axes, data, panel, window, scales[panel.carrier])
            _label_levels(axes, panel, window)
            panel_title(axes, letter if len(panels) > 1 else "", panel.title)
            if panel is next(other for other in panels if other.carrier == panel.carrier):
                # Energies of holes grow downwards: the top of their panel is the gap, empty but for names in a first
                # panel.
                cut = _cut_edges(data, panel.carrier, window[1])
                _note_off_scale(axes, cut, inside=panel.carrier == "hole" and letter != "a")
        axes_of[-1].set_xlabel("z (nm)")
        _name_regions(axes_of[0], values(data, "z"), data["region"], panels[0].carrier)
    return axes_array(axes_of)


def draw_axis_profile(solution: Solution) -> Drawing | None:
    """Figure 1 of a report with its words and numbers; None without densities along the axis."""
    data, panels = solution.data, axis_panels(solution.data)
    if not panels:
        return None
    axes_of = axis_profile(solution)
    windows = _windows(panels)
    tables = tuple(_table(data, panel, letter) for letter, panel in zip("abc", panels, strict=False))
    notes = [f"{carrier}, {note}" for carrier in windows for note in _cut_edges(data, carrier, windows[carrier][1])]
    caption = _caption(panels, solution, notes)
    return Drawing("figure1_axis", caption, _alternative(panels), figure_of(axes_of[0]), tables)


def _cut_edges(data: xr.Dataset, carrier: str, roof: float) -> list[str]:
    return off_scale(values(data, f"{carrier}_edge"), data["region"], roof)


def _stack(panels: Sequence[Panel]) -> list[Axes]:
    """Axes one above the other with one z axis, lowest panel labelled."""
    heights = [_HEIGHTS[panel.carrier] for panel in panels]
    top = _BOTTOM + sum(heights) + _GAP * (len(panels) - 1)
    figure = new_figure(SINGLE_COLUMN, top + _TOP)
    axes_of = []
    for height in heights:
        axes_of.append(place_axes(figure, _LEFT, top - height, _WIDTH, height))
        axes_of[-1].tick_params(labelbottom=False)
        axes_of[-1].yaxis.set_label_coords(-10.2 / _WIDTH, 0.5)  # the same for all panels
        top -= height + _GAP
    axes_of[-1].tick_params(labelbottom=True)
    return axes_of
