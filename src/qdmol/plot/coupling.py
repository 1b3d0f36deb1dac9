"""Tunnel splitting 2t over core diameter and barrier, with contours at kT, a linewidth and the detuning.

Two states are hybridised where 2t is above every contour. For more than two dots, or in a map without tunnel couplings,
the splitting is shown. Points without a number are grey.
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
from qdmol.plot.style import (
    BLACK,
    GREY,
    SMALL,
    VERMILLION,
    drawing_on,
    figure_of,
    missing,
    new_figure,
    place_axes,
)
from qdmol.results import format_number
from qdmol.structure import Spec, resolve
from qdmol.study import thermal_energy_mev

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _BAR = 60.0, 50.0, 10.5, 9.0, 9.5, 2.5  # mm
_TOTAL = 86.0
_COLOURS = "viridis"
BALANCE = "#e75fb0"  # distinct from the other contours, and from both ends of the map
_ALIKE = 1e-6  # nm; cores and barriers that differ by less are equal
_LINES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)  # meV, thin lines


class MapLike(Protocol):
    """The part of ``qdmol.study.Map`` that is read; see there."""

    @property
    def spec(self) -> Spec: ...  # noqa: D102

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
    limits = []
    if temperature > 0:
        limits.append(Threshold("kT", thermal_energy_mev(temperature), BLACK, "solid"))
    if linewidth is not None:
        limits.append(Threshold("linewidth", linewidth, VERMILLION, "dashed"))
    return tuple(limits)


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
    inside = [level for level in levels if _inside_range(splitting, level)]
    if not inside:
        return False
    thin = len(levels) > 1
    lines = axes.contour(
        barrier, diameter, splitting, levels=inside, colors=colour, linestyles=style, linewidths=0.4 if thin else 1.3
    )
    if thin:
        axes.clabel(lines, fmt="%g", fontsize=SMALL, inline_spacing=2)
    return True


def has_coupling_map(result: MapLike) -> bool:
    """Whether a map is one of splittings over core diameter and barrier."""
    data = result.data
    return "splitting" in data and set(data["splitting"].dims) == {"core_diameter", "barrier"}


def coupling_map_of(result: MapLike) -> CouplingMap:
    """Read a map: 2t where it has tunnel couplings, else the splitting."""
    data = result.data.transpose("core_diameter", "barrier", ...)
    diameter, barrier, splitting = (values(data, name) for name in ("core_diameter", "barrier", "splitting"))
    coupling, detuning = 2 * values(data, "tunnel_coupling"), np.abs(values(data, "detuning"))
    coupled = bool(np.isfinite(coupling).any())
    detuned = coupled and bool((np.nan_to_num(detuning) > 0).any())
    energy = coupling if coupled else splitting
    return CouplingMap(diameter, barrier, splitting, energy, detuning if detuned else np.empty(0), coupled)


def coupling_map(
    result: MapLike, ax: Axes | None = None, *, spec: Spec | None = None, linewidth: float | None = None
) -> Axes:
    """Plot the tunnel splitting 2t of a map over core diameter and barrier, with contours at kT and a linewidth.

    Parameters
    ----------
    result
        From :func:`qdmol.map` over ``core_diameter`` and ``barrier``.
    ax
        Axes to draw on, which give room to a colour bar; by default a new figure in the paper style.
    spec
        Molecule that is marked in the map and whose temperature is that of kT; the spec of the map if not given.
    linewidth
        Full width of an optical line in meV, for its contour.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the map.

    Raises
    ------
    qdmol.errors.InputError
        The map is not one of splittings over core diameter and barrier.
    """
    if not has_coupling_map(result):
        raise missing("splittings over core diameter and barrier", "map over core_diameter and barrier")
    molecule = spec if spec is not None else result.spec
    shown = coupling_map_of(result)
    with drawing_on(ax, 1, _layout) as (axes,):
        mesh = _draw_energy(axes, shown)
        grid = (shown.diameter, shown.barrier, shown.energy)
        _contour(axes, grid, _LINES, "white", "solid")
        limits = thresholds(float(molecule.environment.temperature), linewidth)
        lines = [(limit.label, limit.colour, limit.style) for limit in limits if _draw_threshold(axes, shown, limit)]
        lines += [("2t = detuning", BALANCE, "dotted")] if _balance(axes, shown) else []
        place = _place(molecule)
        if isinstance(place, tuple) and _inside(place, shown):
            axes.plot(*place, "o", markersize=4.5, color="white", markeredgecolor=BLACK, label="this molecule")
        _legend(axes, lines, failed=bool(np.isnan(shown.energy).any()))
        if np.isfinite(shown.energy).any():
            _colour_bar(axes, mesh, shown, own_figure=ax is None)
    return axes


def _layout() -> list[Axes]:
    return [place_axes(new_figure(_TOTAL, _BOTTOM + _HEIGHT + _TOP), _LEFT, _BOTTOM, _WIDTH, _HEIGHT)]


def _colour_bar(axes: Axes, mesh: QuadMesh, shown: CouplingMap, *, own_figure: bool) -> None:
    figure = figure_of(axes)
    low, high = mesh.get_clim()
    ticks = [line for line in _LINES if low <= line <= high]
    if own_figure:
        side = place_axes(figure, _LEFT + _WIDTH + 2, _BOTTOM, _BAR, _HEIGHT)
        bar = figure.colorbar(mesh, cax=side, ticks=ticks, format="%g")
    else:
        bar = figure.colorbar(mesh, ax=axes, ticks=ticks, format="%g")
    bar.minorticks_off()
    bar.set_label(f"{shown.name} (meV)", labelpad=3)
    bar.outline.set_linewidth(0)


def draw_coupling_map(result: MapLike, *, spec: Spec | None = None, linewidth: float | None = None) -> Drawing | None:
    """Figure 5 of a report with its words and numbers; None for a map over other axes."""
    if not has_coupling_map(result):
        return None
    molecule = spec if spec is not None else result.spec
    shown = coupling_map_of(result)
    limits = thresholds(float(molecule.environment.temperature), linewidth)
    place = _place(molecule)
    reason = place if isinstance(place, str) else ""
    if isinstance(place, tuple) and not _inside(place, shown):
        reason = "This molecule lies outside the map."
    figure = figure_of(coupling_map(result, spec=spec, linewidth=linewidth))
    caption, alternative = _words(shown, limits, reason)
    return Drawing("figure5_map", caption, alternative, figure, (_table(shown),))


def _inside_range(energy: Floats, level: float) -> bool:
    """Whether a level has a contour: it lies between the lowest and the highest number."""
    finite = energy[np.isfinite(energy)]
    return bool(finite.size and finite.min() < level < finite.max())


def _draw_threshold(axes: Axes, shown: CouplingMap, limit: Threshold) -> bool:
    grid = (shown.diameter, shown.barrier, shown.energy)
    return _contour(axes, grid, [limit.energy], limit.colour, limit.style)


def _balance(axes: Axes, shown: CouplingMap) -> bool:
    """Draw where 2t equals the detuning; whether that is inside the map."""
    if not shown.detuning.size:
        return False
    ratio = np.divide(shown.energy, shown.detuning, out=np.full_like(shown.energy, np.nan), where=shown.detuning > 0)
    return _contour(axes, (shown.diameter, shown.barrier, ratio), [1.0], BALANCE, "dotted")


def _place(spec: Spec) -> tuple[float, float] | str:
    """Barrier and core diameter (nm) of a molecule, or why it has no place in a map of equal cores and barriers."""
    dots = sorted(resolve(spec).dots, key=lambda dot: dot.z)
    cores = [dot.layers[0].radius for dot in dots]
    barriers = [
        right.z - left.z - left.layers[0].radius - right.layers[0].radius for left, right in pairwise(dots)
    ] or [float("nan")]
    if max(cores) - min(cores) > _ALIKE:
        return "This molecule is not on the map because its cores differ."
    if max(barriers) - min(barriers) > _ALIKE:
        return "This molecule is not on the map because its barriers differ."
    return barriers[0], 2 * cores[0]


def _inside(place: tuple[float, float], shown: CouplingMap) -> bool:
    """Whether a barrier and core diameter lie in the frame of the map."""
    frames = zip(place, (_edges(shown.barrier), _edges(shown.diameter)), strict=True)
    return all(min(edges) <= value <= max(edges) for value, edges in frames)


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


def _words(shown: CouplingMap, limits: Sequence[Threshold], not_marked: str) -> tuple[str, str]:
    """Caption, and a description for readers who cannot see the figure."""
    finite = shown.energy[np.isfinite(shown.energy)]
    what = "Tunnel splitting 2t" if shown.coupled else "Splitting of the two lowest electron levels"
    sentences = [
        f"{what} without attraction, over core diameter and barrier; "
        "all cores and all barriers equal, shells as in the spec. White contours: energies in meV."
    ]
    if not_marked:
        sentences.append(not_marked)
    for limit in limits:
        share = np.mean(finite > limit.energy) if finite.size else 0.0
        where = "contour drawn" if _inside_range(shown.energy, limit.energy) else "not crossed in this range"
        sentences.append(
            f"{limit.name}: {format_number(limit.energy, 1)} meV, {where}; {100 * share:.0f} % of points above."
        )
    if shown.detuning.size and finite.size:
        share = np.mean((shown.energy > shown.detuning)[np.isfinite(shown.energy)])
        sentences.append(f"The dots are detuned; 2t exceeds the detuning at {100 * share:.0f} % of points.")
    holes = int(shown.energy.size - finite.size)
    if holes:
        sentences.append(f"{holes} of {shown.energy.size} points failed; the reasons are in the file.")
    span = f"from {format_number(finite.min(), 2)} to {format_number(finite.max(), 2)} meV" if finite.size else "absent"
    name = "tunnel splitting 2t" if shown.coupled else "splitting"
    return " ".join(sentences), f"Map of the {name} over core diameter and barrier, {span}. " + " ".join(sentences[1:])


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
