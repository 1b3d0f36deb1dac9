"""Figure 5: splitting over core diameter and barrier, with contours at kT and at a linewidth.

In come splittings (meV) on two axes (nm), NaN where a point has no number. Above a contour the bonding and the
antibonding level are further apart than what smears them out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.patches import Patch

from qdmol.report.drawing import Drawing, Table
from qdmol.report.solution import Floats, SolutionLike, values
from qdmol.report.style import BLACK, GREY, SMALL, VERMILLION, new_figure, place_axes
from qdmol.results import format_number, thermal_energy_mev
from qdmol.structure import resolve

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _BAR = 60.0, 50.0, 10.5, 9.0, 9.5, 2.5  # mm
_TOTAL = 86.0
_COLOURS = "viridis"
_LINES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)  # meV, thin lines


class MapLike(Protocol):
    """The part of ``qdmol.study.Map`` that is read; see there."""

    @property
    def data(self) -> xr.Dataset: ...  # noqa: D102


@dataclass(frozen=True)
class Threshold:
    """An energy (meV) that smears levels out, drawn as a contour."""

    name: str
    energy: float
    colour: str
    style: str


def thresholds(temperature: float, linewidth: float | None) -> tuple[Threshold, ...]:
    """Return kT and, where given, the linewidth (meV)."""
    found = []
    if temperature > 0:
        found.append(Threshold("kT", thermal_energy_mev(temperature), BLACK, "solid"))
    if linewidth is not None:
        found.append(Threshold("linewidth", linewidth, VERMILLION, "dashed"))
    return tuple(found)


def _edges(centres: Floats) -> Floats:
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _draw_splitting(axes: Axes, diameter: Floats, barrier: Floats, splitting: Floats) -> QuadMesh:
    shown = np.ma.masked_invalid(np.where(splitting > 0, splitting, np.nan))
    norm = LogNorm(float(shown.min()), float(shown.max())) if shown.count() else None
    axes.set_facecolor("#d9d9d9")
    mesh = axes.pcolormesh(_edges(barrier), _edges(diameter), shown, norm=norm, cmap=_COLOURS, rasterized=True)
    axes.set_xlabel("Barrier between core surfaces (nm)")
    axes.set_ylabel("Core diameter (nm)")
    return mesh


def _contour(axes: Axes, grid: tuple[Floats, Floats, Floats], levels: Sequence[float], colour: str, style: str) -> bool:
    """Draw the contours that lie inside the map; whether there are any."""
    diameter, barrier, splitting = grid
    finite = splitting[np.isfinite(splitting)]
    inside = [level for level in levels if finite.size and finite.min() < level < finite.max()]
    if not inside:
        return False
    thin = len(levels) > 1
    lines = axes.contour(
        barrier, diameter, splitting, levels=inside, colors=colour, linestyles=style, linewidths=0.4 if thin else 1.3
    )
    if thin:
        axes.clabel(lines, fmt="%g", fontsize=SMALL, inline_spacing=2)
    return True


def draw_coupling(solution: SolutionLike, found: MapLike, *, linewidth: float | None = None) -> Drawing:
    """Draw figure 5.

    Parameters
    ----------
    solution
        The molecule of the report; it is marked in the map.
    found
        Read: ``splitting`` over ``core_diameter`` and ``barrier`` of its `data`.
    linewidth
        Full width of a line in meV, for its contour.
    """
    data = found.data.transpose("core_diameter", "barrier", ...)
    diameter, barrier, splitting = (values(data, name) for name in ("core_diameter", "barrier", "splitting"))
    figure = new_figure(_TOTAL, _BOTTOM + _HEIGHT + _TOP)
    axes = place_axes(figure, _LEFT, _BOTTOM, _WIDTH, _HEIGHT)
    mesh = _draw_splitting(axes, diameter, barrier, splitting)
    grid = (diameter, barrier, splitting)
    _contour(axes, grid, _LINES, "white", "solid")
    limits = thresholds(float(solution.spec.environment.temperature), linewidth)
    drawn = {limit.name: _contour(axes, grid, [limit.energy], limit.colour, limit.style) for limit in limits}
    _mark(axes, solution)
    _legend(axes, [limit for limit in limits if drawn[limit.name]], holes=bool(np.isnan(splitting).any()))
    if np.isfinite(splitting).any():
        side = place_axes(figure, _LEFT + _WIDTH + 2, _BOTTOM, _BAR, _HEIGHT)
        low, high = mesh.get_clim()
        shown = [line for line in _LINES if low <= line <= high]
        bar = figure.colorbar(mesh, cax=side, ticks=shown, format="%g")
        bar.minorticks_off()
        bar.set_label("Splitting (meV)", labelpad=3)
        bar.outline.set_linewidth(0)
    words = _words(splitting, limits, drawn)
    return Drawing("figure5_map", words[0], words[1], figure, (_table(diameter, barrier, splitting),))


def _mark(axes: Axes, solution: SolutionLike) -> None:
    """Mark the molecule of the report where it lies inside the map."""
    one, two = resolve(solution.spec).dots[:2]
    cores = one.layers[0].radius, two.layers[0].radius
    barrier, diameter = abs(two.z - one.z) - sum(cores), sum(cores)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    if left <= barrier <= right and low <= diameter <= high:
        axes.plot(barrier, diameter, "o", markersize=4.5, color="white", markeredgecolor=BLACK, label="this molecule")


def _legend(axes: Axes, limits: Sequence[Threshold], *, holes: bool) -> None:
    handles, labels = axes.get_legend_handles_labels()
    for limit in limits:
        handles += axes.plot([], [], color=limit.colour, linestyle=limit.style, linewidth=1.3)
        labels.append(f"{limit.name} ({limit.energy:.3g} meV)")
    if holes:
        handles.append(Patch(facecolor="#d9d9d9", edgecolor=GREY, linewidth=0.4))
        labels.append("no number")
    if handles:
        axes.legend(
            handles, labels, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, frameon=False,
            handlelength=1.6, columnspacing=1.2, borderaxespad=0.2,
        )  # fmt: skip


def _words(splitting: Floats, limits: Sequence[Threshold], drawn: dict[str, bool]) -> tuple[str, str]:
    """Caption and text for who cannot see it."""
    finite = splitting[np.isfinite(splitting)]
    said = [
        "Splitting of the two lowest electron levels without attraction, over core diameter and barrier; "
        "all cores and all barriers alike, shells as in the spec. White lines: meV."
    ]
    for limit in limits:
        part = np.mean(finite > limit.energy) if finite.size else 0.0
        where = "contour drawn" if drawn[limit.name] else "not crossed in this range"
        said.append(f"{limit.name}: {format_number(limit.energy, 1)} meV, {where}; {100 * part:.0f} % of points above.")
    holes = int(splitting.size - finite.size)
    if holes:
        said.append(f"{holes} of {splitting.size} points have no number; the file says why.")
    span = f"from {format_number(finite.min(), 2)} to {format_number(finite.max(), 2)} meV" if finite.size else "absent"
    return " ".join(said), f"Map of the splitting over core diameter and barrier, {span}. " + " ".join(said[1:])


def _table(diameter: Floats, barrier: Floats, splitting: Floats) -> Table:
    across, along = np.meshgrid(barrier, diameter)
    header = ("core_diameter (nm)", "barrier (nm)", "splitting (meV)")
    return Table("figure5_map", header, (along.ravel(), across.ravel(), splitting.ravel()))
