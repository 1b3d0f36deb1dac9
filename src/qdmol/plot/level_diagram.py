"""Diagram of the electron levels of monomer, molecule, and molecule with Coulomb attraction, with kT on the same scale.

A dashed line joins a monomer's level only to those levels of the molecule that are partly in the same dot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from qdmol.arrays import Floats
from qdmol.estimates import Estimate, format_measured, format_number
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.solution import values
from qdmol.plot.style import (
    BLACK,
    GREY,
    SINGLE_COLUMN,
    SMALL,
    WITH_COULOMB,
    WITHOUT_COULOMB,
    drawing_on,
    figure_of,
    missing,
    new_figure,
    place_axes,
)
from qdmol.study import Pair, Solution, thermal_energy_mev

_LEFT, _RIGHT, _BOTTOM, _TOP, _HEIGHT = 11.0, 1.0, 9.0, 2.5, 62.0  # mm
_WIDTH = SINGLE_COLUMN - _LEFT - _RIGHT  # mm
_HALF = 5.0  # mm, half of a level's length
_FIRST = 12.5  # mm from the axis to the middle of the first column; kT stands before it
_SHORTEST_ARROW = 0.05  # of the frame; below this its heads would cross
_PITCH, _PITCH_AFTER_MONOMER = 25.0, 16.0  # mm; the first has room for the distance's label


_PARTLY = 0.1  # probability of a level in a dot from which a line joins the two


@dataclass(frozen=True)
class Column:
    """One set of levels in meV, with the distance of its two lowest where there is one.

    `shares` (levels, dots) is the probability of each level in each dot; empty where it is not known. `parts` say what
    the distance is made of.
    """

    title: str
    colour: str
    levels: Floats
    distance: Estimate | None = None
    distance_name: str = ""
    shares: Floats = field(default_factory=lambda: np.empty((0, 0)))
    parts: tuple[str, ...] = ()

    @property
    def lowest(self) -> list[int]:
        """Places of the two lowest levels, the lowest first."""
        return [int(place) for place in np.argsort(self.levels, kind="stable")[:2]]


def level_columns(solution: Solution) -> tuple[Column, ...]:
    """The columns for which there are levels, from left to right."""
    data = solution.data
    several = values(data, "monomer_electron_energy").size > 1
    one_dot = len(solution.spec.molecule.dots) == 1
    columns = (
        Column(
            "monomers" if several else "monomer",
            BLACK,
            1000 * values(data, "monomer_electron_energy"),
            shares=_monomer_shares(values(data, "monomer_of_dot")),
        ),
        Column(
            "dot" if one_dot else "molecule",
            WITHOUT_COULOMB,
            1000 * values(data, "electron_energy"),
            solution.splitting,
            "splitting",
            values(data, "electron_dot_share"),
            _short_parts(solution),
        ),
        _in_the_field(
            1000 * values(data, "electron_coulomb_energy"),
            solution.pair,
            "dot" if one_dot else "molecule",
            values(data, "electron_coulomb_dot_share"),
        ),
    )
    if not columns[1].levels.size:
        return ()
    # A comparison of a monomer with itself is meaningless.
    return tuple(column for column in columns[1 if one_dot else 0 :] if column.levels.size)


def _monomer_shares(monomer_of_dot: Floats) -> Floats:
    """Matrix (monomers, dots) of 1 where a dot has this distinct monomer, else 0."""
    if not monomer_of_dot.size:
        return np.empty((0, 0))
    return np.asarray(np.arange(monomer_of_dot.max() + 1)[:, None] == monomer_of_dot, dtype=np.float64)


def _in_the_field(levels: Floats, pair: Pair | None, what: str, shares: Floats) -> Column:
    """Levels in the hole's mean field; the spacing by configuration interaction is not theirs."""
    mean_field = None if pair is None else pair.mean_field
    if mean_field is None:
        spacing = None if pair is None else pair.spacing
        return Column(f"{what} with\nattraction", WITH_COULOMB, levels, spacing, "spacing", shares)
    # A dot alone has levels, but no second dot that its electron could go to.
    spacing = None if what == "dot" else mean_field.spacing
    return Column(f"{what} in the\nhole's mean field", WITH_COULOMB, levels, spacing, "spacing", shares)


def level_window(columns: Sequence[Column], thermal: float) -> tuple[float, float]:
    """Lowest and highest energy in meV: the two lowest levels of each column and room for kT."""
    low_levels = np.concatenate([np.sort(column.levels)[:2] for column in columns])
    low, high = float(low_levels.min()), float(low_levels.max())
    span = max(high - low, 1.8 * thermal, 1.0)
    middle = (low + high) / 2
    return middle - 0.68 * span, middle + 0.64 * span


def column_places(columns: Sequence[Column]) -> list[float]:
    """Middles of the columns in mm from the axis, the whole centred in what is left of the width."""
    steps = [_PITCH_AFTER_MONOMER if column.distance_name == "" else _PITCH for column in columns]
    free = _WIDTH - _FIRST - sum(steps) + _HALF
    return [_FIRST + max(free, 0.0) / 2 + sum(steps[:index]) for index in range(len(columns))]


def _draw_levels(axes: Axes, place: float, column: Column, window: tuple[float, float]) -> None:
    # A ±m pair is drawn once; equal lines would print darker.
    shown = [level for level in column.levels if window[0] < level < window[1]]
    axes.hlines(shown, place - _HALF, place + _HALF, color=column.colour, linewidth=1.4, zorder=3)
    lowest = sorted(shown)[:2]
    for order, level in enumerate(lowest):
        below = order == 0 and len(lowest) > 1
        axes.annotate(
            format_number(level, 2),
            (place - (0.8 if column.distance is not None else 0), level),
            (0, -2.0 if below else 2.0),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            fontsize=SMALL,
            color=column.colour,
        )


def _draw_distance(axes: Axes, place: float, column: Column) -> None:
    if column.distance is None or column.levels.size < 2:
        return
    low, high = np.sort(column.levels)[:2]
    arrow = {"arrowstyle": "<->", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
    edge = place + _HALF
    if high - low > _SHORTEST_ARROW * np.diff(axes.get_ylim())[0]:
        axes.annotate("", (edge - 0.8, high), (edge - 0.8, low), arrowprops=arrow, zorder=4)
    number, *error = format_measured(column.distance.value, column.distance.error).split("\N{NO-BREAK SPACE}±")
    lines = [column.distance_name, f"{number} meV", *(f"±{text}" for text in error), *column.parts]
    axes.text(
        edge + 1.2,
        (low + high) / 2,
        "\n".join(lines),
        va="center",
        fontsize=SMALL,
        linespacing=1.25,
        zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
    )


def guides(left: Column, right: Column) -> list[tuple[float, float]]:
    """Energies (meV) that a dashed line joins, from a column to the next.

    A monomer's level is joined to the levels that are partly in its dot. Of levels with and without attraction those in
    the same dot are joined, else the lower with the lower.
    """
    starts, ends = left.lowest, right.lowest
    known = left.shares.size > 0 and right.shares.size > 0
    if left.distance_name == "":
        pairs = [
            (start, end)
            for start in starts
            for end in ends
            if not known or float(left.shares[start] @ right.shares[end]) >= _PARTLY
        ]
        return [(left.levels[start], right.levels[end]) for start, end in pairs]
    if known and len(starts) == len(ends) == 2:
        together = left.shares[starts] @ right.shares[ends].T
        if together[0, 1] + together[1, 0] > together[0, 0] + together[1, 1] + 2 * _PARTLY:
            ends = ends[::-1]
    return [(left.levels[start], right.levels[end]) for start, end in zip(starts, ends, strict=False)]


def _connect(axes: Axes, places: tuple[float, float], left: Column, right: Column) -> None:
    """Draw the dashed lines from a column to the next."""
    ends_at = [places[0] + _HALF, places[1] - _HALF]
    for energies in guides(left, right):
        axes.plot(ends_at, energies, color=GREY, linewidth=0.5, linestyle=(0, (3, 2)), zorder=1)


def _draw_thermal(axes: Axes, thermal: float, temperature: float, window: tuple[float, float]) -> None:
    low = window[0] + 0.06 * (window[1] - window[0])
    middle = low + thermal / 2
    axes.errorbar([2.5], [middle], yerr=[thermal / 2], color=GREY, linewidth=1.0, capsize=2.2, capthick=1.0)
    label = f"kT = {thermal:.1f} meV at {temperature:g} K"
    axes.text(4.0, low, label, rotation=90, va="bottom", fontsize=SMALL, color=GREY)


def _table(columns: Sequence[Column]) -> Table:
    rows = [
        (column.title.replace("\n", " "), index, level)
        for column in columns
        for index, level in enumerate(column.levels, 1)
    ]
    names, numbers, levels = zip(*rows, strict=True)
    return Table("figure3_levels", ("column", "level", "energy (meV)"), (names, numbers, levels))


def _alternative(columns: Sequence[Column], thermal: float) -> str:
    parts = []
    for column in columns:
        low = " and ".join(format_number(level, 2) for level in np.sort(column.levels)[:2])
        text = f"{column.title}: {low} meV".replace("\n", " ")
        if column.distance is not None:
            text += f", {column.distance_name} {column.distance}"
        parts.append(text)
    return f"Electron level diagram. Lowest levels of {'; '.join(parts)}; kT is {thermal:.1f} meV."


def _caption(columns: Sequence[Column], window: tuple[float, float], parts: str) -> str:
    hidden = any((column.levels > window[1]).any() for column in columns)
    errors = "; ± are numerical errors" if any(column.distance is not None for column in columns) else ""
    caption = f"The lowest electron levels, relative to the conduction edge of the reference material{errors}."
    if parts:
        caption += f" {parts}"
    if columns[0].shares.size and len(columns) > 1:
        caption += (
            " Dashed lines connect the level of an isolated dot to molecular levels with at least "
            f"{100 * _PARTLY:.0f} % of their probability "
            "in that dot."
        )
    return caption + (" Levels above the frame are listed in the table." if hidden else "")


def _short_parts(solution: Solution) -> tuple[str, ...]:
    """Twice the tunnel coupling and the detuning of unlike dots, one line each."""
    coupling, detuning = solution.tunnel_coupling, solution.detuning
    if coupling is None or detuning is None or not detuning.value:
        return ()
    twice = str(coupling.scaled(2, "meV")).partition("\N{NO-BREAK SPACE}")[0]
    size = format_measured(abs(detuning.value), detuning.error).partition("\N{NO-BREAK SPACE}")[0]
    return (f"2t = {twice}", f"Δ = {size}")


def _splitting_parts(solution: Solution) -> str:
    """Sentence on tunnel coupling and detuning of two dots; empty where they are not known."""
    coupling, detuning = solution.tunnel_coupling, solution.detuning
    if coupling is None or detuning is None:
        return ""
    twice = coupling.scaled(2, "meV")
    if detuning.value == 0:
        return f"The splitting is tunnel coupling alone, 2t = {twice}."
    size = format_measured(abs(detuning.value), detuning.error, "meV")
    return f"The splitting combines tunnel coupling, 2t = {twice}, and detuning, Δ = {size}, in quadrature."


def has_levels(solution: Solution) -> bool:
    """Whether a solution holds electron levels."""
    return bool(level_columns(solution))


def levels(solution: Solution, ax: Axes | None = None) -> Axes:
    """Plot the electron levels of monomer, molecule, and molecule with Coulomb attraction, with kT as a scale.

    Parameters
    ----------
    solution
        Solved molecule, or one read back from a file.
    ax
        Axes to draw on; by default a new figure in the paper style.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the diagram.

    Raises
    ------
    qdmol.errors.InputError
        The solution holds no electron level.
    """
    columns = level_columns(solution)
    if not columns:
        raise missing("electron levels", "calculation with at least one electron level")
    temperature = float(solution.spec.environment.temperature)
    thermal = thermal_energy_mev(temperature)
    window = level_window(columns, thermal)
    with drawing_on(ax, 1, _layout) as (axes,):
        axes.set_ylim(*window)
        places = column_places(columns)
        for place, column in zip(places, columns, strict=True):
            _draw_levels(axes, place, column, window)
            _draw_distance(axes, place, column)
        for both, (left, right) in zip(pairwise(places), pairwise(columns), strict=True):
            _connect(axes, both, left, right)
        if thermal > 0:
            _draw_thermal(axes, thermal, temperature, window)
        axes.set_xlim(0, _WIDTH)
        axes.set_xticks(places, [column.title for column in columns])
        axes.tick_params(axis="x", length=0, pad=3)
        axes.set_ylabel("Electron energy (meV)", labelpad=2)
    return axes


def _layout() -> list[Axes]:
    figure = new_figure(SINGLE_COLUMN, _BOTTOM + _HEIGHT + _TOP)
    return [place_axes(figure, _LEFT, _BOTTOM, SINGLE_COLUMN - _LEFT - _RIGHT, _HEIGHT)]


def draw_levels(solution: Solution) -> Drawing | None:
    """Figure 3 of a report with its words and numbers; None without electron levels."""
    columns = level_columns(solution)
    if not columns:
        return None
    thermal = thermal_energy_mev(float(solution.spec.environment.temperature))
    parts = _splitting_parts(solution)
    caption = _caption(columns, level_window(columns, thermal), parts)
    alternative = " ".join(filter(None, [_alternative(columns, thermal), parts]))
    return Drawing("figure3_levels", caption, alternative, figure_of(levels(solution)), (_table(columns),))
