"""How many emitters: the probability of each hypothesis, and the number of emitters with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN,
    GREEN,
    GREY,
    SMALL,
    VERMILLION,
    AxesArray,
    axes_array,
    drawing_on,
    figure_of,
    missing,
    new_figure,
    panel_title,
    place_axes,
)

if TYPE_CHECKING:
    from qdmol.analysis import Emitters, PhotonAnalysis
    from qdmol.estimates import Estimate

_LEFT, _BOTTOM, _WIDTH, _HEIGHT, _GAP, _SIDE, _TOP = 24.0, 9.0, 78.0, 32.0, 16.0, 56.0, 6.0  # mm
HYPOTHESIS_NAMES: Final = {
    "one_emitter": "one emitter",
    "two_independent": "two, independent",
    "two_interacting": "two, interacting",
    "three_or_more": "three or more",
}
_BAR = 0.34  # height of a bar
_ROOM = 1.35  # of the largest number
_MOST = 10.0  # emitters that the axis shows beyond the interval


def has_emitters(analysis: PhotonAnalysis) -> bool:
    """Whether an analysis holds the test for the number of emitters."""
    return analysis.emitters is not None


def emitters(analysis: PhotonAnalysis, ax: Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot the probability of each hypothesis, and the number of emitters with its interval.

    Parameters
    ----------
    analysis
        From :func:`qdmol.analyze_photons`, or read back from a file.
    ax
        An array of two axes, probabilities and number; by default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of probabilities and number (2,).

    Raises
    ------
    qdmol.errors.InputError
        The analysis holds no test for the number of emitters, or there are not two Axes.
    """
    tested = analysis.emitters
    if tested is None:
        raise missing("test for the number of emitters", "recording with pulsed excitation and two detectors")
    with drawing_on(ax, 2, _layout) as (left, right):
        _draw_probabilities(left, tested)
        _draw_number(right, tested)
        panel_title(left, "a", "Hypotheses")
        panel_title(right, "b", "Number of emitters")
    return axes_array([left, right])


def _layout() -> list[Axes]:
    figure = new_figure(DOUBLE_COLUMN, _BOTTOM + _HEIGHT + _TOP)
    left = place_axes(figure, _LEFT, _BOTTOM, _WIDTH, _HEIGHT)
    return [left, place_axes(figure, _LEFT + _WIDTH + _GAP, _BOTTOM, _SIDE, _HEIGHT)]


def _alone(tested: Emitters) -> dict[str, float] | None:
    """Probabilities from g2 at zero delay alone, where more kinds of evidence went in."""
    return dict(tested.evidence[0].hypotheses) if len(tested.evidence) > 1 else None


def _draw_probabilities(axes: Axes, tested: Emitters) -> None:
    places = np.arange(len(HYPOTHESIS_NAMES), dtype=float)
    alone = _alone(tested)
    values = [tested.hypotheses[name] for name in HYPOTHESIS_NAMES]
    shift = 0.0 if alone is None else _BAR / 2
    axes.barh(places - shift, values, height=_BAR if alone else 1.6 * _BAR, color=BLUE, label="all evidence", zorder=3)
    if alone is not None:
        axes.barh(places + shift, [alone[name] for name in HYPOTHESIS_NAMES], height=_BAR, color=GREY, alpha=0.55,
                  label="g²(0) alone", zorder=3)  # fmt: skip
        axes.legend(
            frameon=False, loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=2, borderaxespad=0.1, handlelength=1.2
        )
    for place, value in zip(places, values, strict=True):
        axes.annotate(
            probability_text(value), (value, place - shift), (3, 0), textcoords="offset points", va="center",
            fontsize=SMALL, color=BLUE, zorder=5,
        )  # fmt: skip
    axes.axvline(_decisive(), color=VERMILLION, linewidth=0.7, linestyle="dashed", zorder=2)
    axes.set_yticks(places, list(HYPOTHESIS_NAMES.values()))
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(HYPOTHESIS_NAMES) - 0.45, -0.55)
    axes.set_xlim(0, 1.16)  # room for a number beside a full bar
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_xlabel("Probability")


def _decisive() -> float:
    from qdmol.analysis import DECISIVE

    return DECISIVE


def probability_text(value: float) -> str:
    """A probability in print: two digits, and no 0 or 1 for what is neither.

    >>> probability_text(0.9996), probability_text(0.42), probability_text(1e-9)
    ('> 0.999', '0.42', '< 0.001')
    """
    if value > 0.999:
        return "> 0.999"
    if value < 0.001:
        return "< 0.001"
    return f"{value:.3f}" if value > 0.99 or value < 0.01 else f"{value:.2f}"


def _numbers(tested: Emitters) -> list[tuple[str, Estimate | None, str]]:
    """The estimates of the number beside the result, each with its colour."""
    return [
        ("1/(1 − g²), independent photons", tested.number_from_g2, GREEN),
        ("1/(1 − g²), side peaks", tested.number_from_sides, GREY),
    ]


def _draw_number(axes: Axes, tested: Emitters) -> None:
    high = tested.number_high
    others = [(name, each, colour) for name, each, colour in _numbers(tested) if each is not None and each.value > 0]
    values = [tested.number, *([] if high is None else [high]), *(min(each.value, _MOST) for _, each, _ in others)]
    top = max(_ROOM * max(values), 3.5)
    rows: list[tuple[str, float, float, float | None, str]] = [
        ("all evidence", tested.number, tested.number_low, high, BLUE)
    ]
    rows += [
        (name, each.value, each.low, each.high if np.isfinite(each.high) else None, colour)
        for name, each, colour in others
    ]
    for place, (name, value, low, end, colour) in enumerate(rows):
        stop = top if end is None or end > top else end
        axes.plot([max(low, 0.0), stop], [place, place], color=colour, linewidth=1.4, solid_capstyle="butt", zorder=3)
        if stop == top:  # goes on beyond the axis
            axes.plot([0.985 * top], [place], marker=">", markersize=3.5, color=colour, zorder=4, clip_on=False)
        if value <= top:
            axes.plot([value], [place], "o", color=colour, markersize=4.5, zorder=5)
        axes.annotate(
            name, (0, place), (2, 7), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
            fontsize=SMALL, color=BLACK if colour == GREY else colour,
        )  # fmt: skip
    axes.set_xlim(0, top)
    axes.set_ylim(len(rows) - 0.5, -0.9)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_xlabel("Number of emitters")


def draw_emitters(analysis: PhotonAnalysis) -> Drawing | None:
    """Figure 7 of a report with its words and numbers; None without the test."""
    tested = analysis.emitters
    if tested is None:
        return None
    caption = f"{tested.statement} a, probability of each hypothesis"
    if _alone(tested) is not None:
        caption += " from all evidence, and from g²(0) alone (grey)"
    caption += f"; from {_decisive():g} on (dashed) it is the verdict. b, number of emitters with its 95 % interval"
    if any(each is not None for _, each, _ in _numbers(tested)):
        caption += ", beside the numbers that g²(0) would give for independent, equal emitters without biexcitons"
    figure = figure_of(emitters(analysis)[0])
    return Drawing("figure7_emitters", f"{caption}.", _alternative(tested), figure, _tables(tested))


def _alternative(tested: Emitters) -> str:
    listed = "; ".join(f"{name}: {probability_text(tested.hypotheses[key])}" for key, name in HYPOTHESIS_NAMES.items())
    high = "no upper limit" if tested.number_high is None else str(tested.number_high)
    return f"Probabilities: {listed}. Number of emitters {tested.number} ({tested.number_low} to {high})."


def _tables(tested: Emitters) -> tuple[Table, ...]:
    steps = tested.evidence
    header = ("hypothesis", "probability", *(f"up to {step.name}" for step in steps))
    columns: list[list[object]] = [list(HYPOTHESIS_NAMES), [tested.hypotheses[name] for name in HYPOTHESIS_NAMES]]
    columns += [[step.hypotheses[name] for name in HYPOTHESIS_NAMES] for step in steps]
    high = np.nan if tested.number_high is None else float(tested.number_high)
    rows = [("all evidence", float(tested.number), float(tested.number_low), high)]
    rows += [(name, each.value, each.low, each.high) for name, each, _ in _numbers(tested) if each is not None]
    number = Table("figure7b_number", ("from", "number", "low", "high"), tuple(zip(*rows, strict=True)))
    return Table("figure7a_hypotheses", header, tuple(columns)), number
