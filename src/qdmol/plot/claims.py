"""Figures of the claims: the red shift of the samples (Fig. 1j of the reference work) and the map (its Fig. R1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from qdmol.claims import SAMPLES, Claims, SplittingMap, measure
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import (
    GREY,
    SINGLE_COLUMN,
    SMALL,
    WITH_COULOMB,
    WITHOUT_COULOMB,
    drawing_on,
    figure_of,
    new_figure,
    place_axes,
)
from qdmol.results import format_number

_LEFT, _RIGHT, _BOTTOM, _TOP, _HEIGHT = 13.0, 3.0, 10.0, 4.0, 56.0  # mm
_BAR_ROOM = 16.0  # mm to the right of the map
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


def has_claims_redshift(claims: Claims) -> bool:
    """Whether there are solved cases of the samples."""
    return bool(claims.outcomes)


def has_claims_splitting(claims: Claims) -> bool:
    """Whether there is a map of the splitting."""
    return bool(claims.maps)


def claims_redshift(claims: Claims, ax: Axes | None = None) -> Axes:
    """Plot the red shift of the three samples, without and with attraction, with the range over the plausible cases.

    Parameters
    ----------
    claims
        From ``qdmol.claims.assess_claims``.
    ax
        Axes to draw on; by default a new figure in the paper style.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the figure.
    """
    series = shift_series(claims)
    top = max(value for one in series for value in one.high)
    with drawing_on(ax, 1, lambda: _layout(_RIGHT)) as (axes,):
        for one in series:
            _draw_series(axes, one)
        axes.axhline(_MEASURED, color=GREY, linewidth=0.6, linestyle=(0, (4, 2)), zorder=1)
        axes.annotate(
            "measured: above this line",
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
    return axes


def _layout(right: float) -> list[Axes]:
    figure = new_figure(SINGLE_COLUMN, _BOTTOM + _HEIGHT + _TOP)
    return [place_axes(figure, _LEFT, _BOTTOM, SINGLE_COLUMN - _LEFT - right, _HEIGHT)]


def draw_claims_redshift(claims: Claims) -> Drawing:
    """Figure 3 of the page of the claims with its words and numbers."""
    series = shift_series(claims)
    figure = figure_of(claims_redshift(claims))
    return Drawing("figure3_shifts", _SHIFT_CAPTION, _shift_words(series), figure, (_shift_table(series),))


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


def claims_splitting(claims: Claims, ax: Axes | None = None) -> Axes:
    """Plot the splitting over barrier and core diameter with labelled contours, one of them at kT.

    Parameters
    ----------
    claims
        From ``qdmol.claims.assess_claims``; the first of its maps is drawn.
    ax
        Axes to draw on, which give room to a colour bar; by default a new figure in the paper style.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the map.
    """
    splittings = claims.maps[0]
    energies = np.array(splittings.grid)[..., 0]
    with drawing_on(ax, 1, lambda: _layout(_BAR_ROOM)) as (axes,):
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
        axes.set_xlabel("Barrier between core surfaces (nm)")
        axes.set_ylabel("Core diameter (nm)")
        figure = figure_of(axes)
        ticks = [10, 20, 30, 40, 50, 60, 70]
        if ax is None:
            side = place_axes(figure, SINGLE_COLUMN - _BAR_ROOM + 3, _BOTTOM, 2.5, _HEIGHT)
            bar = figure.colorbar(image, cax=side, ticks=ticks)
        else:
            bar = figure.colorbar(image, ax=axes, ticks=ticks)
        bar.outline.set_linewidth(0.5)
        bar.set_label("Splitting (meV)")
    return axes


def draw_claims_splitting(claims: Claims) -> Drawing:
    """Figure 4 of the page of the claims with its words and numbers."""
    splittings = claims.maps[0]
    figure = figure_of(claims_splitting(claims))
    caption, words = _map_caption(splittings), _map_words(splittings)
    return Drawing("figure4_map", caption, words, figure, (_map_table(splittings),))


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
