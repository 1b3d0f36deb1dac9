"""Quantities of a map along one axis: levels by symmetry or by dot, and numbers with bands of their errors.

Levels of one symmetry are joined, so that an avoided crossing is seen as one; where two dots and no mirror give levels
no parity, the colour is the probability in each dot. The smallest distance of two levels is marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from qdmol.arrays import Floats
from qdmol.estimates import format_measured
from qdmol.plot.map_quantities import DOT, LEVEL, MapAxis, Quantity, Selection, quantity_of
from qdmol.plot.style import BLACK, BLUE, GREEN, GREY, SMALL, VERMILLION
from qdmol.study import Anticrossing, LevelLine, level_lines

ORANGE, PURPLE, SKY = "#E69F00", "#8E5A8A", "#56B4E9"
HOLE_FACE, HOLE_EDGE, HATCH = "#f2f2f2", "#b8b8b8", "/////"
NO_RESULT = "no result"
_SYMMETRIES = {
    (0, ""): BLUE, (1, ""): GREEN, (2, ""): PURPLE, (0, "+"): BLUE, (0, "-"): VERMILLION, (1, "+"): GREEN,
    (1, "-"): ORANGE, (2, "+"): PURPLE, (2, "-"): SKY,
}  # fmt: skip
_SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
Dashes: TypeAlias = str | tuple[int, tuple[float, ...]]
_DOTTED: Dashes = (0, (1, 1.5))
_DASHES: tuple[Dashes, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1, 1, 1)))
SHARES = LinearSegmentedColormap.from_list("shares", [BLUE, "#c9b6c9", VERMILLION])
_MARGIN = 0.02  # of an axis, so that markers at its ends are whole
_DECADES = 100.0  # ratio of positive values from which their axis is logarithmic
_PIECES = 12  # of a segment, for its colour
_BESIDE = 0.4  # of an axis from its end: there a label stands beside its line, in the middle upon it
_MARKED = 3  # anticrossings
_MARKER = 2.0
_LEGEND: dict[str, Any] = {
    "frameon": False,
    "loc": "upper left",
    "bbox_to_anchor": (1.01, 1.0),
    "handlelength": 1.5,
    "handletextpad": 0.5,
    "borderaxespad": 0.1,
    "labelspacing": 0.35,
    "fontsize": SMALL,
}
_CARRIERS = {"electron_energy": "electron", "hole_energy": "hole", "electron_coulomb_energy": "electron_coulomb"}
_COMPANIONS = {
    "splitting": (("tunnel_coupling", "2t", 2.0), ("detuning", "|detuning|", 1.0)),
    "redshift": (("redshift_single_particle", "without attraction", 1.0),),
}
_OWN_NAME = {"splitting": "splitting", "redshift": "with attraction"}


def draw_quantity(
    axes: Axes, selection: Selection, quantity: Quantity, crossings: Sequence[Anticrossing], *, labelled: bool
) -> None:
    """Draw a quantity along the only axis of a selection; `labelled`: with the title of the axis."""
    (axis,) = selection.axes
    hatched = _draw_holes(axes, axis, selection.failed)
    carrier = _CARRIERS.get(quantity.key)
    lines = [] if carrier is None else level_lines(lambda name: _values(selection, name), carrier)
    if lines:
        _draw_levels(axes, selection, lines, carrier or "")
        coupled = carrier == "electron" and _is_coupled(selection)
        _mark(axes, [crossing for crossing in crossings if crossing.carrier == carrier], axis, coupled=coupled)
    else:
        _draw_numbers(axes, selection, quantity)
        if quantity.key == "splitting":
            lowest = [
                crossing for crossing in crossings if crossing.carrier == "electron" and crossing.levels == (0, 1)
            ]
            for crossing in lowest:
                axes.axvline(crossing.position, color=GREY, linewidth=0.6, linestyle=_DOTTED, zorder=1)
    _finish(axes, axis, quantity, labelled=labelled)
    _legend(axes, hatched=hatched)


def _values(selection: Selection, name: str) -> np.ndarray | None:
    """A variable of the selection with its axis first; None if it has none of that name."""
    if name not in selection.data:
        return None
    return np.asarray(selection.data[name].transpose(selection.axes[0].name, ...).values)


def _finish(axes: Axes, axis: MapAxis, quantity: Quantity, *, labelled: bool) -> None:
    axes.set_ylabel(quantity.label)
    if quantity.unit == "1" and quantity.title.startswith("Dot"):
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if labelled:
        axes.set_xlabel(axis.label, parse_math=False)
    places = axis.places
    if not axis.numeric:
        axes.set_xticks(places, axis.labels, parse_math=False)
        axes.set_xlim(-0.5, len(places) - 0.5)
    elif len(places) == 1:
        axes.set_xlim(*axis.edges)
    else:
        margin = _MARGIN * (places[-1] - places[0])
        axes.set_xlim(places[0] - margin, places[-1] + margin)
    if quantity.key not in _CARRIERS and _is_logarithmic(axes):
        axes.set_yscale("log")
    if not labelled:
        axes.tick_params(axis="x", labelbottom=False)


def _is_logarithmic(axes: Axes) -> bool:
    """Whether all lines are positive and span decades."""
    curves = [line for line in axes.lines if line.get_transform() == axes.transData]
    drawn = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in curves] or [np.empty(0)])
    finite = drawn[np.isfinite(drawn)]
    return bool(finite.size and finite.min() > 0 and finite.max() / finite.min() > _DECADES)


def _draw_holes(axes: Axes, axis: MapAxis, failed: np.ndarray) -> bool:
    """Hatch the points without a result; whether there are any."""
    edges = axis.edges
    for place in np.flatnonzero(failed):
        axes.axvspan(
            edges[place], edges[place + 1], facecolor=HOLE_FACE, edgecolor=HOLE_EDGE, hatch=HATCH, linewidth=0, zorder=0
        )
    return bool(failed.any())


def _draw_numbers(axes: Axes, selection: Selection, quantity: Quantity) -> None:
    """Draw one line for each entry of the further dimensions, with its band; and what belongs beside it."""
    (axis,) = selection.axes
    entries = list(np.ndindex(quantity.values.shape[1:]))
    companions = _companions(selection, quantity)
    own = _OWN_NAME.get(quantity.key, "") if companions else ""
    series = [
        (_entry_name(quantity, entry) or own, quantity.values[:, *entry], quantity.errors[:, *entry])
        for entry in entries
    ]
    for place, (name, values, errors) in enumerate([*series, *companions]):
        colour, dashes = _SERIES[place % len(_SERIES)], _DASHES[place // len(_SERIES) % len(_DASHES)]
        if companions and place:
            dashes = _DASHES[place % len(_DASHES)]
        _draw_line(axes, axis, values, errors, colour, dashes, name)


def _draw_line(
    axes: Axes, axis: MapAxis, values: Floats, errors: Floats, colour: str, dashes: Dashes, name: str
) -> None:
    """Draw values with a band of their errors, or points with bars where the axis has no numbers."""
    places = axis.places
    if axis.numeric:
        axes.fill_between(places, values - errors, values + errors, color=colour, alpha=0.25, linewidth=0, zorder=2)
    else:
        bars = np.nan_to_num(errors)
        axes.errorbar(places, values, bars, color=colour, linestyle="none", elinewidth=0.8, capsize=2)
    axes.plot(
        places, values, color=colour, linestyle=dashes if axis.numeric else "none", marker="o", markersize=_MARKER,
        label=name or None, zorder=3,
    )  # fmt: skip


def _companions(selection: Selection, quantity: Quantity) -> list[tuple[str, Floats, Floats]]:
    """Numbers drawn beside a quantity: 2t and the detuning of unlike dots, and the shift without attraction."""
    listed = []
    for key, name, factor in _COMPANIONS.get(quantity.key, ()):
        if key not in selection.data:
            continue
        other = quantity_of(selection, key)
        values = factor * np.abs(other.values) if quantity.key == "splitting" else other.values
        detuned = quantity.key != "splitting" or _is_detuned(selection)
        if np.isfinite(values).any() and detuned:
            listed.append((name, values, factor * other.errors))
    return listed


def _is_detuned(selection: Selection) -> bool:
    detuning = np.nan_to_num(np.asarray(selection.data["detuning"].values, dtype=float))
    return bool((np.abs(detuning) > 1e-6).any())


def _entry_name(quantity: Quantity, entry: Sequence[int]) -> str:
    """The entry of the further dimensions in words, as "level 0, dot 1"."""
    return ", ".join(f"{dim} {place}" for dim, place in zip(quantity.further, entry, strict=True))


# ---------------------------------------------------------------- levels


def _draw_levels(axes: Axes, selection: Selection, lines: Sequence[LevelLine], carrier: str) -> None:
    (axis,) = selection.axes
    shares = _values(selection, f"{carrier}_dot_share")
    if shares is not None and shares.shape[-1] == 2 and all(line.parity == "" for line in lines) and axis.numeric:
        _draw_by_dot(axes, axis, lines, shares)
        return
    named: set[tuple[int, str]] = set()
    for line in lines:
        if line.m < 0:
            continue  # the same energy as +m
        colour = _SYMMETRIES.get(line.symmetry, GREY)
        dashes = _DASHES[1] if line.parity == "-" else _DASHES[0]
        name = "" if line.symmetry in named else _symmetry_name(line)
        named.add(line.symmetry)
        _draw_line(axes, axis, 1000 * line.energy, line.error, colour, dashes, name)


def _symmetry_name(line: LevelLine) -> str:
    m = f"|m| = {abs(line.m)}" if line.m else "m = 0"
    parity = {"+": ", even", "-": ", odd"}.get(line.parity, "")
    return m + parity


def _draw_by_dot(axes: Axes, axis: MapAxis, lines: Sequence[LevelLine], shares: np.ndarray) -> None:
    """Draw levels with the probability in dot 1 as their colour, from one point to the next."""
    named: set[int] = set()
    for line in lines:
        if line.m < 0:
            continue
        place = np.where(line.places >= 0, line.places, 0)
        share = np.where(line.places >= 0, shares[np.arange(len(place)), place, 1], np.nan)
        energy = 1000 * line.energy
        dashes = _DASHES[min(line.m, len(_DASHES) - 1)]
        _draw_coloured(axes, axis.places, energy, share, dashed=line.m > 0)
        axes.scatter(axis.places, energy, c=share, cmap=SHARES, norm=Normalize(0, 1), s=3.0, linewidths=0, zorder=4)
        if line.m not in named and any(other.m for other in lines):
            axes.plot([], [], color=GREY, linestyle=dashes, label=f"|m| = {line.m}" if line.m else "m = 0")
        named.add(line.m)
    lowest = min(float(np.nanmin(line.energy)) for line in lines)
    highest = max(float(np.nanmax(line.energy)) for line in lines)
    margin = 0.06 * (highest - lowest) or 1e-4
    axes.set_ylim(1000 * (lowest - margin), 1000 * (highest + margin))
    _share_bar(axes)


def _draw_coloured(axes: Axes, x: Floats, y: Floats, share: Floats, *, dashed: bool) -> None:
    """Draw straight segments between the points, each in short pieces of their own colour."""
    pieces, colours = [], []
    kept = [piece for piece in range(_PIECES) if not dashed or piece % 4 < 2]
    steps = np.linspace(0, 1, _PIECES + 1)
    for left in range(len(x) - 1):
        if not np.isfinite(y[left : left + 2]).all():
            continue
        xs, ys, shares = (part[left] + steps * (part[left + 1] - part[left]) for part in (x, y, share))
        for piece in kept:
            pieces.append([(xs[piece], ys[piece]), (xs[piece + 1], ys[piece + 1])])
            colours.append((shares[piece] + shares[piece + 1]) / 2)
    ends = "butt" if dashed else "projecting"
    lines = LineCollection(pieces, cmap=SHARES, norm=Normalize(0, 1), linewidths=1.3, capstyle=ends, zorder=3)
    lines.set_array(np.array(colours))
    axes.add_collection(lines)


def _share_bar(axes: Axes) -> None:
    """Draw the colours of the shares as a bar right of the axes."""
    bar = axes.inset_axes((1.045, 0.02, 0.035, 0.6))
    gradient = np.linspace(0, 1, 128)[:, None]
    bar.imshow(gradient, aspect="auto", origin="lower", cmap=SHARES, extent=(0, 1, 0, 1), rasterized=True)
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.set_yticks([0, 0.5, 1], ["dot 0", "both", "dot 1"], fontsize=SMALL)
    bar.tick_params(length=1.5, pad=1.5)
    for spine in bar.spines.values():
        spine.set_visible(False)


def _is_coupled(selection: Selection) -> bool:
    """Whether the two lowest levels lie one in each of two dots, so that their smallest distance is 2t."""
    coupling = _values(selection, "tunnel_coupling")
    return coupling is not None and bool(np.isfinite(coupling.astype(float)).any())


def _mark(axes: Axes, crossings: Sequence[Anticrossing], axis: MapAxis, *, coupled: bool) -> None:
    """Mark the smallest distances of levels with a dotted line and their size above the levels."""
    shown = sorted(crossings, key=lambda crossing: crossing.gap.value)[:_MARKED]
    if not shown:
        return
    low, high = axes.get_ylim()
    row = 0.085 * (high - low)
    axes.set_ylim(low, high + row * len(shown))
    for place, crossing in enumerate(shown):
        axes.axvline(crossing.position, color=GREY, linewidth=0.6, linestyle=_DOTTED, zorder=1)
        fraction = (crossing.position - axis.places[0]) / (axis.places[-1] - axis.places[0])
        side = "left" if fraction < _BESIDE else "right" if fraction > 1 - _BESIDE else "center"
        gap, name = crossing.gap, "2t" if coupled and crossing.levels == (0, 1) else "ΔE"
        axes.annotate(
            f"{name} = {format_measured(gap.value, gap.error, 'meV')}",
            (crossing.position, high + row * (place + 0.5)),
            ({"left": 3, "right": -3, "center": 0}[side], 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=SMALL,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )


def _legend(axes: Axes, *, hatched: bool) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if hatched:
        handles.append(Patch(facecolor=HOLE_FACE, edgecolor=HOLE_EDGE, hatch=HATCH, linewidth=0))
        labels.append(NO_RESULT)
    if handles:
        axes.legend(handles, labels, **_LEGEND)


def line_columns(selection: Selection, quantity: Quantity) -> tuple[tuple[str, ...], tuple[Sequence[object], ...]]:
    """Header and columns of a quantity along one axis: a row for each point, and for each level, state or dot."""
    (axis,) = selection.axes
    shape = quantity.values.shape
    places = np.indices(shape).reshape(len(shape), -1)
    header = [axis.name if axis.unit == "1" else f"{axis.name} ({axis.unit})", *quantity.further]
    columns: list[Sequence[object]] = [[axis.values[place] for place in places[0]]]
    columns += [[int(place) for place in part] for part in places[1:]]
    unit = "" if quantity.unit == "1" else f" ({quantity.unit})"
    header += [f"{quantity.stem}{unit}", f"error{unit}"]
    columns += [list(quantity.values.ravel()), list(quantity.errors.ravel())]
    if quantity.further == (LEVEL,):
        _add_symmetry(selection, quantity, header, columns)
    if not quantity.further:
        for name, values, errors in _companions(selection, quantity):
            header += [f"{name}{unit}", f"error of {name}{unit}"]
            columns += [list(values), list(errors)]
    return tuple(header), tuple(columns)


def _add_symmetry(selection: Selection, quantity: Quantity, header: list[str], columns: list[Sequence[object]]) -> None:
    """Add angular momentum, parity and shares of levels to their table, as far as the map has them."""
    stem = quantity.key.removesuffix("_energy")
    for column in ("m", "parity"):
        values = _values(selection, f"{stem}_{column}")
        if values is not None:
            header.append(column)
            columns.append(list(values.ravel()))
    shares = _values(selection, f"{stem}_dot_share")
    if shares is not None:
        header += [f"share in {DOT} {dot}" for dot in range(shares.shape[-1])]
        columns += [list(shares[..., dot].ravel()) for dot in range(shares.shape[-1])]
