"""Figure 5: tunnel splitting 2t over core diameter and barrier, with contours at kT, a linewidth and the detuning.

In come tunnel couplings, detunings and splittings (meV) on two axes (nm), NaN where a point has no number. Two states
are hybridised where 2t is above every contour. For more than two dots, or in a map without couplings, the splitting is
shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.patches import Patch

from qdmol.arrays import Floats
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.solution import values
from qdmol.plot.style import BLACK, GREY, SMALL, VERMILLION, new_figure, place_axes
from qdmol.results import format_number
from qdmol.structure import resolve
from qdmol.study import Solution, thermal_energy_mev

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _BAR = 60.0, 50.0, 10.5, 9.0, 9.5, 2.5  # mm
_TOTAL = 86.0
_COLOURS = "viridis"
BALANCE = "#e75fb0"  # distinct from the other contours, and from both ends of the map
_ALIKE = 1e-6  # nm; cores and barriers that differ by less are equal
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

    @property
    def label(self) -> str:
        """Its name and energy."""
        return f"{self.name} ({self.energy:.3g} meV)"


@dataclass(frozen=True)
class CouplingMap:
    """Quantity shown as a function of core diameter (D,) and barrier (B,), both in nm.

    ``energy`` (D, B) in meV is 2t where ``coupled``, else the splitting; ``detuning`` (D, B) in meV is empty for
    equal dots.
    """

    diameter: Floats
    barrier: Floats
    splitting: Floats
    energy: Floats
    detuning: Floats
    coupled: bool

    @property
    def name(self) -> str:
        """Label of the colour bar."""
        return "Tunnel splitting 2t" if self.coupled else "Splitting"


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


def _draw_energy(axes: Axes, shown: CouplingMap) -> QuadMesh:
    energy = np.ma.masked_invalid(np.where(shown.energy > 0, shown.energy, np.nan))
    norm = LogNorm(float(energy.min()), float(energy.max())) if energy.count() else None
    axes.set_facecolor("#d9d9d9")
    edges = _edges(shown.barrier), _edges(shown.diameter)
    mesh = axes.pcolormesh(*edges, energy, norm=norm, cmap=_COLOURS, rasterized=True)
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


def coupling_map_of(found: MapLike) -> CouplingMap:
    """Read a map: 2t where it has tunnel couplings, else the splitting."""
    data = found.data.transpose("core_diameter", "barrier", ...)
    diameter, barrier, splitting = (values(data, name) for name in ("core_diameter", "barrier", "splitting"))
    coupling, detuning = 2 * values(data, "tunnel_coupling"), np.abs(values(data, "detuning"))
    coupled = bool(np.isfinite(coupling).any())
    detuned = coupled and bool((np.nan_to_num(detuning) > 0).any())
    energy = coupling if coupled else splitting
    return CouplingMap(diameter, barrier, splitting, energy, detuning if detuned else np.empty(0), coupled)


def draw_coupling(solution: Solution, found: MapLike, *, linewidth: float | None = None) -> Drawing:
    """Draw figure 5.

    Parameters
    ----------
    solution
        The molecule of the report; it is marked where the map holds it.
    found
        Read: ``tunnel_coupling``, ``detuning`` and ``splitting`` over ``core_diameter`` and ``barrier`` of its `data`.
    linewidth
        Full width of a line in meV, for its contour.
    """
    shown = coupling_map_of(found)
    figure = new_figure(_TOTAL, _BOTTOM + _HEIGHT + _TOP)
    axes = place_axes(figure, _LEFT, _BOTTOM, _WIDTH, _HEIGHT)
    mesh = _draw_energy(axes, shown)
    grid = (shown.diameter, shown.barrier, shown.energy)
    _contour(axes, grid, _LINES, "white", "solid")
    limits = thresholds(float(solution.spec.environment.temperature), linewidth)
    drawn = {limit.name: _contour(axes, grid, [limit.energy], limit.colour, limit.style) for limit in limits}
    balanced = _balance(axes, shown)
    marked = _mark(axes, solution)
    lines = [(limit.label, limit.colour, limit.style) for limit in limits if drawn[limit.name]]
    lines += [("2t = detuning", BALANCE, "dotted")] if balanced else []
    _legend(axes, lines, failed=bool(np.isnan(shown.energy).any()))
    if np.isfinite(shown.energy).any():
        side = place_axes(figure, _LEFT + _WIDTH + 2, _BOTTOM, _BAR, _HEIGHT)
        low, high = mesh.get_clim()
        bar = figure.colorbar(mesh, cax=side, ticks=[line for line in _LINES if low <= line <= high], format="%g")
        bar.minorticks_off()
        bar.set_label(f"{shown.name} (meV)", labelpad=3)
        bar.outline.set_linewidth(0)
    words = _words(shown, limits, drawn, marked)
    return Drawing("figure5_map", words[0], words[1], figure, (_table(shown),))


def _balance(axes: Axes, shown: CouplingMap) -> bool:
    """Draw where 2t equals the detuning; whether that is inside the map."""
    if not shown.detuning.size:
        return False
    ratio = np.divide(shown.energy, shown.detuning, out=np.full_like(shown.energy, np.nan), where=shown.detuning > 0)
    return _contour(axes, (shown.diameter, shown.barrier, ratio), [1.0], BALANCE, "dotted")


def _mark(axes: Axes, solution: Solution) -> str:
    """Mark the molecule of the report where it is one of the map's; else return why it is not."""
    dots = sorted(resolve(solution.spec).dots, key=lambda dot: dot.z)
    cores = [dot.layers[0].radius for dot in dots]
    barriers = [two.z - one.z - one.layers[0].radius - two.layers[0].radius for one, two in pairwise(dots)]
    if max(cores) - min(cores) > _ALIKE:
        return "This molecule is not on the map because its cores differ."
    if max(barriers) - min(barriers) > _ALIKE:
        return "This molecule is not on the map because its barriers differ."
    barrier, diameter = barriers[0], 2 * cores[0]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    if not (left <= barrier <= right and low <= diameter <= high):
        return "This molecule lies outside the map."
    axes.plot(barrier, diameter, "o", markersize=4.5, color="white", markeredgecolor=BLACK, label="this molecule")
    return ""


def _legend(axes: Axes, lines: Sequence[tuple[str, str, str]], *, failed: bool) -> None:
    """Legend of the mark and of lines, each by label, colour and style."""
    handles, labels = axes.get_legend_handles_labels()
    for label, colour, style in lines:
        handles += axes.plot([], [], color=colour, linestyle=style, linewidth=1.3)
        labels.append(label)
    if failed:
        handles.append(Patch(facecolor="#d9d9d9", edgecolor=GREY, linewidth=0.4))
        labels.append("failed point")
    if handles:
        axes.legend(
            handles, labels, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, frameon=False,
            handlelength=1.6, columnspacing=1.2, borderaxespad=0.2,
        )  # fmt: skip


def _words(shown: CouplingMap, limits: Sequence[Threshold], drawn: dict[str, bool], not_marked: str) -> tuple[str, str]:
    """Caption and text for who cannot see it."""
    finite = shown.energy[np.isfinite(shown.energy)]
    what = "Tunnel splitting 2t" if shown.coupled else "Splitting of the two lowest electron levels"
    said = [
        f"{what} without attraction, as a function of core diameter and barrier; all cores and all barriers are "
        "equal, shells as in the spec. White contours: meV."
    ]
    if not_marked:
        said.append(not_marked)
    for limit in limits:
        part = np.mean(finite > limit.energy) if finite.size else 0.0
        where = "contour drawn" if drawn[limit.name] else "not crossed in this range"
        said.append(f"{limit.name}: {format_number(limit.energy, 1)} meV, {where}; {100 * part:.0f} % of points above.")
    if shown.detuning.size and finite.size:
        part = np.mean((shown.energy > shown.detuning)[np.isfinite(shown.energy)])
        said.append(f"The dots are detuned; 2t exceeds the detuning at {100 * part:.0f} % of points.")
    failed = int(shown.energy.size - finite.size)
    if failed:
        said.append(f"{failed} of {shown.energy.size} points failed; see the variable `reason` in the file.")
    span = f"from {format_number(finite.min(), 2)} to {format_number(finite.max(), 2)} meV" if finite.size else "absent"
    name = "tunnel splitting 2t" if shown.coupled else "splitting"
    return " ".join(said), f"Map of the {name} over core diameter and barrier, {span}. " + " ".join(said[1:])


def _table(shown: CouplingMap) -> Table:
    across, along = np.meshgrid(shown.barrier, shown.diameter)
    header = ["core_diameter (nm)", "barrier (nm)", "splitting (meV)"]
    columns = [along.ravel(), across.ravel(), shown.splitting.ravel()]
    if shown.coupled:
        header.append("tunnel_splitting_2t (meV)")
        columns.append(shown.energy.ravel())
    if shown.detuning.size:
        header.append("detuning (meV)")
        columns.append(shown.detuning.ravel())
    return Table("figure5_map", tuple(header), tuple(columns))
