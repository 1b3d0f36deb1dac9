"""Electron wavefunctions in a plane through the axis, without and with Coulomb attraction.

Wavefunctions (nm^-3/2, real) are given on a half plane (z, r) and mirrored to the full cross-section with the sign
(-1)^m of an orbital exp(imφ). All panels share one colour scale, white at zero.

The outlines of materials are exact circles and lines: spheres about the centres of the dots and the cylinders of
bridges, each kept only where the materials on its two sides differ. In an overlap the layer nearest to a core wins, at
a tie the first-listed dot, and a bridge covers only the medium.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from qdmol.arrays import Floats
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.solution import SHOWN_LEVELS, state_names, values
from qdmol.plot.style import (
    BLACK,
    DOUBLE_COLUMN,
    MM_PER_INCH,
    MM_PER_POINT,
    SIGNED_MAP,
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
from qdmol.results import format_number
from qdmol.structure import AxialMolecule, materials_at, resolve
from qdmol.study import Solution

_SIDE = 1e-6  # nm to either side of a surface at which the materials are compared
_STEPS = 721  # points of a half circle


def outlines(molecule: AxialMolecule) -> tuple[Floats, ...]:
    """Curves along which two materials meet.

    Parameters
    ----------
    molecule
        Placed dots and bridges.

    Returns
    -------
    tuple of numpy.ndarray
        Each of shape (points, 2) with columns z and r in nm; a gap in a curve is a row of NaN.
    """
    return tuple(_meeting(molecule, *surface) for surface in _surfaces(molecule))


def _surfaces(molecule: AxialMolecule) -> Iterator[tuple[Floats, Floats]]:
    """Points and outward normals of every sphere and cylinder, each (points, 2)."""
    angle = np.linspace(0, np.pi, _STEPS)
    normals = np.column_stack([np.cos(angle), np.sin(angle)])
    for dot in molecule.dots:
        for layer in dot.layers:
            yield np.array([dot.z, 0.0]) + layer.radius * normals, normals
    for bridge in molecule.bridges:
        z = np.linspace(bridge.z_low, bridge.z_high, _STEPS)
        yield np.column_stack([z, np.full_like(z, bridge.radius)]), np.tile([0.0, 1.0], (_STEPS, 1))


def _meeting(molecule: AxialMolecule, points: Floats, normals: Floats) -> Floats:
    outer, inner = (materials_at(molecule, *(points + sign * _SIDE * normals).T) for sign in (1, -1))
    kept = np.array(points)
    kept[outer == inner] = np.nan
    return kept


_LEFT, _BOTTOM, _TOP, _GAP = 1.0, 1.5, 5.0, 6.5  # mm
_BAR_ROOM = 17.0  # mm to the right, for the colour bar and its label
_MARGIN = 0.7  # nm shown around the molecule
_SCALE_BARS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)  # nm


@dataclass(frozen=True)
class MapPanel:
    """One wavefunction: `psi` of shape (r, z) in nm^-3/2, energy in eV."""

    title: str
    stem: str
    energy: float
    m: int
    psi: Floats


@dataclass(frozen=True)
class Frame:
    """The half plane and what is drawn over every map; lengths in nm."""

    z: Floats
    r: Floats
    curves: tuple[Floats, ...]
    z_window: tuple[float, float]
    radius: float


def _condition(solution: Solution, *, coulomb: bool) -> list[MapPanel]:
    prefix = "electron_coulomb" if coulomb else "electron"
    data, maps = solution.data, values(solution.data, f"{prefix}_wavefunction")
    if maps.size == 0:
        return []
    energies, m = values(data, f"{prefix}_energy"), values(data, f"{prefix}_m")
    m = m if m.size else values(data, "electron_m")
    with_or_without = "with attraction" if coulomb else "without attraction"
    count = min(len(maps), len(energies), SHOWN_LEVELS)
    return [
        MapPanel(
            title=f"{state_names(solution, coulomb=coulomb)[index].capitalize()}, {with_or_without}",
            stem=f"{prefix}_level_{index + 1}",
            energy=float(energies[index]),
            m=int(m[index]) if index < m.size else 0,
            psi=maps[index],
        )
        for index in range(count)
    ]


def full_section(psi: Floats, r: Floats, m: int) -> tuple[Floats, Floats]:
    """Mirror a half plane in the axis: an orbital exp(imφ) has the sign (-1)^m on the other side.

    Parameters
    ----------
    psi
        Shape (r, z).
    r
        Distances from the axis in nm, rising, the first not negative.
    m
        Angular quantum number.

    Returns
    -------
    psi, r
        Shapes (2r, z) and (2r,), or one row fewer where the axis itself is a row.
    """
    below = slice(1, None) if r[0] == 0 else slice(None)
    sign = -1 if m % 2 else 1
    return np.vstack([sign * psi[below][::-1], psi]), np.concatenate([-r[below][::-1], r])


def even_grid(psi: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """The same map on evenly spaced coordinates, linear in between; unchanged where they are even already.

    Parameters
    ----------
    psi
        Shape (y, x).
    x, y
        Rising coordinates.
    """
    even_x, even_y = np.linspace(x[0], x[-1], len(x)), np.linspace(y[0], y[-1], len(y))
    if np.allclose(x, even_x) and np.allclose(y, even_y):
        return psi, x, y
    across = np.array([np.interp(even_x, x, row) for row in psi])
    return np.array([np.interp(even_y, y, column) for column in across.T]).T, even_x, even_y


def _frame(solution: Solution) -> Frame:
    data = solution.data
    z, r = values(data, "map_z"), values(data, "map_r")
    curves = outlines(resolve(solution.spec))
    points = np.concatenate(curves)
    low, high = float(np.nanmin(points[:, 0])), float(np.nanmax(points[:, 0]))
    margin = _margin(high - low)
    window = (max(low - margin, float(z[0])), min(high + margin, float(z[-1])))
    return Frame(z, r, curves, window, min(float(np.nanmax(points[:, 1])) + margin, float(r[-1])))


def _draw_map(axes: Axes, panel: MapPanel, frame: Frame, limit: float) -> AxesImage:
    psi, r = full_section(panel.psi, frame.r, panel.m)
    psi, z, r = even_grid(psi, frame.z, r)
    half_z, half_r = (z[1] - z[0]) / 2, (r[1] - r[0]) / 2
    image = axes.imshow(
        np.ma.masked_invalid(psi),
        cmap=SIGNED_MAP,
        vmin=-limit,
        vmax=limit,
        origin="lower",
        extent=(z[0] - half_z, z[-1] + half_z, r[0] - half_r, r[-1] + half_r),
        interpolation="bilinear",
        aspect="equal",
    )
    for curve in frame.curves:
        for side in (1, -1):
            axes.plot(curve[:, 0], side * curve[:, 1], color=BLACK, linewidth=0.5, solid_capstyle="butt")
    axes.set_xlim(*frame.z_window)
    axes.set_ylim(-frame.radius, frame.radius)
    axes.set_axis_off()
    return image


def _label_map(axes: Axes, panel: MapPanel, letter: str) -> None:
    panel_title(axes, letter, panel.title, offset=0.6)
    level = f"{format_number(1000 * panel.energy, 2)} meV" + (f", m = {panel.m}" if panel.m else "")
    axes.annotate(
        level,
        (1, 1),
        (0, 0.6 / MM_PER_POINT),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=SMALL,
    )


def _scale_bar(axes: Axes, frame: Frame) -> None:
    """A bar and its length in the empty strip below the molecule."""
    low, high = frame.z_window
    length = max(bar for bar in _SCALE_BARS if bar <= max(0.2 * (high - low), _SCALE_BARS[0]))
    left, level = low + 0.02 * (high - low), -frame.radius + _margin(high - low) / 2
    axes.plot([left, left + length], [level, level], color=BLACK, linewidth=1.5, solid_capstyle="butt")
    text = f"{length:g} nm"
    axes.annotate(
        text, (left + length, level), (3, 0), textcoords="offset points", va="center_baseline", fontsize=SMALL
    )


def _margin(length: float) -> float:
    return max(_MARGIN, 0.05 * length)


def _hole_contour(axes: Axes, solution: Solution, frame: Frame) -> None:
    """The hole at half of its largest amplitude, so that one sees what the electron is drawn to."""
    psi = np.nan_to_num(np.abs(values(solution.data, "hole_coulomb_wavefunction")))
    for side in (1, -1):
        axes.contour(
            frame.z,
            side * frame.r,
            psi,
            levels=[psi.max() / 2],
            colors=[BLACK],
            linewidths=0.8,
            linestyles=[(0, (2.5, 1.5))],
        )


def _grid(figure: Figure, panels: int, columns: int, size: tuple[float, float]) -> list[Axes]:
    height = float(figure.get_size_inches()[1]) * MM_PER_INCH
    return [
        place_axes(
            figure,
            _LEFT + panel % columns * (size[0] + _GAP / 2),
            height - _TOP - size[1] - panel // columns * (size[1] + _GAP),
            *size,
        )
        for panel in range(panels)
    ]


def _layout(panels: int, columns: int, frame: Frame) -> list[Axes]:
    """Equal panels in a grid: one panel takes one journal column, more take two."""
    rows = -(-panels // columns)
    total = SINGLE_COLUMN if rows * columns == 1 else DOUBLE_COLUMN
    width = (total - _LEFT - _BAR_ROOM - (columns - 1) * _GAP / 2) / columns
    width = min(width, 75.0)
    shape = 2 * frame.radius / (frame.z_window[1] - frame.z_window[0])
    size = (width, width * shape)
    used = _LEFT + columns * width + (columns - 1) * _GAP / 2 + _BAR_ROOM
    figure = new_figure(used, _TOP + rows * size[1] + (rows - 1) * _GAP + _BOTTOM)
    return _grid(figure, panels, columns, size)


def _colour_bar(image: AxesImage, axes_of: Sequence[Axes], *, own_figure: bool) -> None:
    """Colour bar in the room to the right of the panels; beside axes that were given, at their expense."""
    figure = figure_of(axes_of[0])
    if own_figure:
        width = float(figure.get_size_inches()[0]) * MM_PER_INCH
        panels_high = float(figure.get_size_inches()[1]) * MM_PER_INCH - _TOP - _BOTTOM
        length = min(panels_high - 8, 50.0)
        side = place_axes(figure, width - _BAR_ROOM + 3, _BOTTOM + (panels_high - length) / 2 - 2, 2.5, length)
        bar = figure.colorbar(image, cax=side)
    else:
        bar = figure.colorbar(image, ax=list(axes_of))
    bar.outline.set_linewidth(0.5)
    bar.ax.set_title("ψ (nm$^{-3/2}$)", loc="left", pad=5)


def _axis_table(panels: Sequence[MapPanel], frame: Frame) -> Table:
    """Profiles of the maps along the line nearest to the axis."""
    header = ["z (nm)"] + [f"{panel.stem}_wavefunction at r = {frame.r[0]:g} nm (nm^-3/2)" for panel in panels]
    return Table("figure2_maps_profiles", tuple(header), (frame.z, *(panel.psi[0] for panel in panels)))


def _alternative(panels: Sequence[MapPanel]) -> str:
    parts = []
    for panel in panels:
        where = np.unravel_index(np.nanargmax(np.abs(panel.psi)), panel.psi.shape)
        parts.append(
            f"{panel.title}: level at {format_number(1000 * panel.energy, 2)} meV, largest amplitude "
            f"{panel.psi[where]:.3g}"
        )
    return "Cross-sections of electron wavefunctions in units of nm to the power -3/2. " + "; ".join(parts) + "."


def _caption(panels: Sequence[MapPanel], *, hole: bool) -> str:
    caption = (
        "Electron wavefunctions in a plane through the axis, one colour scale for all, white at zero; black lines: "
        "boundaries between materials. z runs to the right."
    )
    if hole:
        caption += " Dashed: contour of the hole at half its maximum amplitude."
    if any(panel.m for panel in panels):
        caption += " Orbitals with m ≠ 0 are shown at the azimuth where they are real."
    return caption


def _conditions(solution: Solution) -> list[list[MapPanel]]:
    """Panels without attraction and with it, as far as there are any."""
    parts = (_condition(solution, coulomb=False), _condition(solution, coulomb=True))
    return [part for part in parts if part]


def has_wavefunctions(solution: Solution) -> bool:
    """Whether a solution holds maps of electron wavefunctions."""
    return bool(_conditions(solution))


def wavefunctions(
    solution: Solution, ax: Axes | Sequence[Axes] | AxesArray | None = None, *, letters: str = "abcd"
) -> AxesArray:
    """Plot the lowest electron wavefunctions in a plane through the axis, without and with Coulomb attraction.

    Parameters
    ----------
    solution
        Solved molecule, or one read back from a file.
    ax
        An array of axes, one for each wavefunction: the lowest levels without attraction, then those in the field of
        the hole. The colour bar takes its room from them. By default a new figure in the paper style.
    letters
        Letters of the panels.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of the wavefunctions (panels,).

    Raises
    ------
    qdmol.errors.InputError
        The solution holds no wavefunctions, or there is not one Axes for each.
    """
    conditions = _conditions(solution)
    if not conditions:
        raise missing("electron wavefunctions", "calculation with at least one electron level")
    panels = [panel for part in conditions for panel in part]
    frame = _frame(solution)
    columns = len(conditions[0]) if len(conditions[0]) > 1 else len(panels)
    limit = max(float(np.nanmax(np.abs(panel.psi))) for panel in panels)
    hole = _shows_hole(solution, conditions)
    with drawing_on(ax, len(panels), lambda: _layout(len(panels), columns, frame)) as axes_of:
        for letter, panel, axes in zip(letters, panels, axes_of, strict=False):
            image = _draw_map(axes, panel, frame, limit)
            _label_map(axes, panel, letter if len(panels) > 1 else "")
            if hole and panel in conditions[1]:
                _hole_contour(axes, solution, frame)
        _scale_bar(axes_of[0], frame)
        _colour_bar(image, axes_of, own_figure=ax is None)
    return axes_array(axes_of)


def _shows_hole(solution: Solution, conditions: Sequence[Sequence[MapPanel]]) -> bool:
    return "hole_coulomb_wavefunction" in solution.data and len(conditions) > 1


def draw_wavefunctions(solution: Solution, *, letters: str = "abcd") -> Drawing | None:
    """Figure 2 of a report with its words and numbers; None without wavefunctions."""
    conditions = _conditions(solution)
    panels = [panel for part in conditions for panel in part]
    if not panels:
        return None
    caption = _caption(panels, hole=_shows_hole(solution, conditions))
    figure = figure_of(wavefunctions(solution, letters=letters)[0])
    return Drawing("figure2_maps", caption, _alternative(panels), figure, (_axis_table(panels, _frame(solution)),))
