"""Figures of the claims: the red shift of the samples (Fig. 1j of the reference work) and the map (its Fig. R1).

In come solved cases and maps, shifts and splittings in meV, lengths in nm; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from qdmol.claims import SAMPLES, Claims, SplittingMap, measure
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import GREY, SINGLE_COLUMN, SMALL, WITH_COULOMB, WITHOUT_COULOMB, new_figure, place_axes
from qdmol.results import format_number

_LEFT, _RIGHT, _BOTTOM, _TOP, _HEIGHT = 13.0, 3.0, 10.0, 4.0, 56.0  # mm
_MEASURED = 10.0  # meV, the least shift measured on fusion
_APART = 0.13  # of the distance between samples, to either side
_LEVELS = (3, 5, 10, 15, 20, 30, 40, 50, 60)  # meV
_THERMAL = 25.85  # meV, kT at 300 K


@dataclass(frozen=True)
class Series:
    """Shifts in meV of the samples: as shipped, and lowest and highest over the plausible cases."""

    name: str
    stem: str
    colour: str
    marker: str
    side: int
    base: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def shift_series(claims: Claims) -> tuple[Series, Series]:
    """Shifts without and with attraction, read from the cases of each sample."""
    return (
        _series(claims, "without attraction", "redshift_single_particle", WITHOUT_COULOMB, "o", -1),
        _series(claims, "with attraction", "redshift", WITH_COULOMB, "s", 1),
    )


def _series(claims: Claims, name: str, quantity: str, colour: str, marker: str, side: int) -> Series:
    base, low, high = [], [], []
    for sample in SAMPLES:
        own = [one for one in claims.outcomes if one.case.family == sample]
        read = [(one.case.factors, measure(one, quantity)) for one in own]
        found = [(factors, measured[0]) for factors, measured in read if measured is not None]
        base.append(next((value for factors, value in found if not factors), float("nan")))
        low.append(min((value for _, value in found), default=float("nan")))
        high.append(max((value for _, value in found), default=float("nan")))
    return Series(name, quantity, colour, marker, side, tuple(base), tuple(low), tuple(high))


def draw_shifts(claims: Claims) -> Drawing:
    """Draw the red shift of the three samples, without and with attraction, with the range of the plausible cases."""
    series = shift_series(claims)
    figure = new_figure(SINGLE_COLUMN, _BOTTOM + _HEIGHT + _TOP)
    axes = place_axes(figure, _LEFT, _BOTTOM, SINGLE_COLUMN - _LEFT - _RIGHT, _HEIGHT)
    for one in series:
        _draw_series(axes, one)
    top = max(value for one in series for value in one.high)
    axes.axhline(_MEASURED, color=GREY, linewidth=0.6, linestyle=(0, (4, 2)), zorder=1)
    axes.annotate(
        "measured: above 10 meV",
        (2.45, _MEASURED),
        (0, 2),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=SMALL,
        color=GREY,
    )
    axes.set_xticks(range(len(SAMPLES)), [f"{sample} nm" for sample in SAMPLES])
    axes.set_xlim(-0.45, 2.45)
    axes.set_ylim(-0.03 * top, 1.08 * top)
    axes.set_xlabel("Core radius / shell thickness")
    axes.set_ylabel("Red shift on fusion (meV)")
    axes.legend(frameon=False, loc="upper right", handletextpad=0.4)
    tables = (_shift_table(series),)
    return Drawing("figure3_shifts", _SHIFT_CAPTION, _shift_words(series), figure, tables)


_SHIFT_CAPTION = (
    "Red shift of the band gap on fusion for the three samples, after Fig. 1j. Points: the shipped examples, whose "
    "necks are two thirds of the dots' diameter; bars: range over plausible necks (1.5 to 6.2 nm, merged "
    "and filled), conduction offsets and, for 1.4/2.1 nm, all alternatives of the material set, for the others those "
    "of the electron mass in CdS. The paper measured more than 10 meV on fusion and none for 1.9/4.0 nm; the values "
    "of its calculated points are not in the accessible text."
)


def _draw_series(axes: Axes, one: Series) -> None:
    x = np.arange(len(one.base)) + one.side * _APART
    axes.vlines(x, one.low, one.high, color=one.colour, linewidth=4, alpha=0.35, zorder=2)
    axes.plot(x, one.base, one.marker, color=one.colour, markersize=4, label=one.name, zorder=3)
    for place, value in zip(x, one.base, strict=True):
        axes.annotate(
            format_number(value, 1),
            (place, value),
            (5 * one.side, 0),
            textcoords="offset points",
            ha="left" if one.side > 0 else "right",
            va="center_baseline",
            fontsize=SMALL,
        )


def _shift_table(series: Sequence[Series]) -> Table:
    header: list[str] = ["sample"]
    columns: list[Sequence[object]] = [list(SAMPLES)]
    for one in series:
        header += [f"{one.stem} (meV)", f"{one.stem}_low (meV)", f"{one.stem}_high (meV)"]
        columns += [one.base, one.low, one.high]
    return Table("figure3_shifts", tuple(header), tuple(columns))


def _shift_words(series: Sequence[Series]) -> str:
    parts = []
    for one in series:
        shown = [
            f"{sample} nm {format_number(base, 2)} meV (range {format_number(low, 2)} to {format_number(high, 2)})"
            for sample, base, low, high in zip(SAMPLES, one.base, one.low, one.high, strict=True)
        ]
        parts.append(f"{one.name}: {', '.join(shown)}")
    return f"Points with range bars of the red shift, {'; '.join(parts)}. A line marks the measured 10 meV."


def draw_splitting_map(splittings: SplittingMap) -> Drawing:
    """Draw the splitting over barrier and core diameter with labelled contours, one of them at kT."""
    energies = np.array(splittings.grid)[..., 0]
    right = 16.0
    figure = new_figure(SINGLE_COLUMN, _BOTTOM + _HEIGHT + _TOP)
    axes = place_axes(figure, _LEFT, _BOTTOM, SINGLE_COLUMN - _LEFT - right, _HEIGHT)
    image = axes.contourf(splittings.barriers, splittings.diameters, energies, levels=24, cmap="viridis")
    image.set_edgecolor("face")  # no hairlines between the bands
    levels = [level for level in _LEVELS if energies.min() < level < energies.max()]
    style: dict[str, Any] = {"colors": "white", "linewidths": 0.7}
    lines = axes.contour(splittings.barriers, splittings.diameters, energies, levels=levels, **style)
    axes.clabel(lines, fmt="%g", fontsize=SMALL, inline_spacing=2)
    if energies.min() < _THERMAL < energies.max():
        style = {"colors": "white", "linewidths": 1.2, "linestyles": [(0, (3, 1.5))]}
        thermal = axes.contour(splittings.barriers, splittings.diameters, energies, levels=[_THERMAL], **style)
        axes.clabel(thermal, fmt="kT, 300 K", fontsize=SMALL, inline_spacing=2)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_xlabel("Barrier, core surface to core surface (nm)")
    axes.set_ylabel("Core diameter (nm)")
    bar_axes = place_axes(figure, SINGLE_COLUMN - right + 3, _BOTTOM, 2.5, _HEIGHT)
    bar = figure.colorbar(image, cax=bar_axes, ticks=[10, 20, 30, 40, 50, 60, 70])
    bar.outline.set_linewidth(0.5)
    bar.set_label("Splitting (meV)")
    return Drawing("figure4_map", _map_caption(splittings), _map_words(splittings), figure, (_map_table(splittings),))


def _map_caption(one: SplittingMap) -> str:
    return (
        f"Splitting of the bonding and antibonding electron states at a conduction offset of {one.offset:.1f} eV, "
        f"after Fig. R1: merged dots with 2.1 nm of shell, {len(one.diameters)} x {len(one.barriers)} points. White: "
        f"contours in meV; dashed: kT at 300 K, {_THERMAL:g} meV. The axes and the colour scale of the figure are "
        "not in the accessible text, so only trends can be compared."
    )


def _map_words(one: SplittingMap) -> str:
    corners = [
        f"{format_number(one.grid[row][column][0], 1)} meV at core diameter {one.diameters[row]:g} nm and barrier "
        f"{one.barriers[column]:g} nm"
        for row in (0, -1)
        for column in (0, -1)
    ]
    return f"Contour map of the splitting over barrier and core diameter; at the corners {'; '.join(corners)}."


def _map_table(one: SplittingMap) -> Table:
    rows = [
        (diameter, barrier, *one.grid[i][j])
        for i, diameter in enumerate(one.diameters)
        for j, barrier in enumerate(one.barriers)
    ]
    header = ("core_diameter (nm)", "barrier (nm)", "splitting (meV)", "splitting_error (meV)")
    return Table("figure4_map", header, tuple(zip(*rows, strict=True)))
