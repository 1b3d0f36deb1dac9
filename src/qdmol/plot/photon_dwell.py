"""Dwell times of a blinking emitter with the fitted laws, and the autocorrelation of the intensity."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from qdmol.arrays import Floats
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import (
    BLUE,
    DOUBLE_COLUMN,
    GREEN,
    GREY,
    SINGLE_COLUMN,
    VERMILLION,
    AxesArray,
    axes_array,
    drawing_on,
    figure_of,
    missing,
    new_figure,
    panel_title,
    place_axes,
    size_mm,
)

if TYPE_CHECKING:
    from qdmol.analysis import CorrelationExponent, Dwell, DwellLaw, DwellTimes, PhotonAnalysis

_LEFT, _BOTTOM, _PANEL, _HEIGHT, _ACROSS, _BETWEEN, _TOP = 13.0, 9.0, 70.0, 44.0, 17.0, 16.0, 6.0  # mm
_MOST = 3  # states that are drawn
_FEWEST = 5  # dwells of a state that is drawn
_POINTS = 160
_COLOURS = {"power law": VERMILLION, "power law with cut-off": GREEN, "exponential": "#CC79A7"}
_TITLES = {"segment": "Times between changes"}
_NORMAL_95 = 1.959964
_LINE = 2.75  # mm, of a legend
_DEEPEST = 1e-3  # of the highest correlation, below which nothing is drawn
_LABELS = 7  # of an axis


def has_dwell_times(analysis: PhotonAnalysis) -> bool:
    """Whether an analysis holds dwell times of a state, or the autocorrelation of the intensity."""
    return analysis.dwell is not None and bool(_states(analysis.dwell) or analysis.dwell.correlation is not None)


def _states(dwell: Dwell) -> list[DwellTimes]:
    """States that are drawn: those with most dwells, the darkest first."""
    enough = [state for state in dwell.states if int((state.used & ~state.censored).sum()) >= _FEWEST]
    most = sorted(enough, key=lambda state: -int(state.used.sum()))[:_MOST]
    return [state for state in enough if any(state is each for each in most)]


def dwell_times(analysis: PhotonAnalysis, ax: Axes | Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot how many dwells of each state last longer than a time, the fitted laws, and the autocorrelation.

    Parameters
    ----------
    analysis
        From :func:`qdmol.analyze_photons`, or read back from a file.
    ax
        An array of axes: one for each of up to three states, one for the autocorrelation of the intensity if there is
        an exponent of it. By default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of the panels (1 to 4,).

    Raises
    ------
    qdmol.errors.InputError
        The analysis holds no dwell times, or the number of axes is wrong.
    """
    dwell = analysis.dwell
    if dwell is None or not has_dwell_times(analysis):
        raise missing("dwell times", "recording whose intensity changes between levels")
    states = _states(dwell)
    panels = len(states) + (dwell.correlation is not None)
    letters = string.ascii_lowercase if panels > 1 else [""]
    with drawing_on(ax, panels, lambda: _layout(panels)) as axes_of:
        for letter, axes, state in zip(letters, axes_of, states, strict=False):
            _draw_state(axes, state)
            panel_title(axes, letter, _TITLES.get(state.state, f"Dwell times, {state.state}"))
        if dwell.correlation is not None:
            _draw_correlation(axes_of[-1], dwell.correlation)
            panel_title(axes_of[-1], letters[panels - 1], "Autocorrelation of the intensity")
    return axes_array(axes_of)


def _layout(panels: int) -> list[Axes]:
    rows = -(-panels // 2)
    height = _BOTTOM + rows * _HEIGHT + (rows - 1) * _BETWEEN + _TOP
    figure = new_figure(DOUBLE_COLUMN if panels > 1 else SINGLE_COLUMN, height)
    return [
        place_axes(
            figure,
            _LEFT + (place % 2) * (_PANEL + _ACROSS),
            _BOTTOM + (rows - 1 - place // 2) * (_HEIGHT + _BETWEEN),
            _PANEL,
            _HEIGHT,
        )
        for place in range(panels)
    ]


def _empirical(state: DwellTimes) -> tuple[Floats, Floats, Floats, Floats]:
    """Time (s), share of the dwells that last longer, and the ends of its pointwise 95 % interval.

    Greenwood's variance on the scale of ln(-ln S), which keeps the interval between 0 and 1 (Kalbfleisch and Prentice,
    The Statistical Analysis of Failure Time Data, 1980).
    """
    from qdmol.analysis import kaplan_meier

    durations, cut = state.durations_s[state.used], state.censored[state.used]
    times, share = kaplan_meier(durations, cut)
    ended = np.unique(durations[~cut], return_counts=True)[1]
    at_risk = len(durations) - np.searchsorted(np.sort(durations), times, side="left")
    left = at_risk - ended
    inside = (share > 0) & (share < 1) & (left > 0)
    times, share = times[inside], share[inside]
    variance = np.cumsum(ended[inside] / (at_risk[inside] * left[inside])) / np.log(share) ** 2
    spread = np.exp(_NORMAL_95 * np.sqrt(variance))
    return times, share, share**spread, share ** (1 / spread)


def _excluded(law: DwellLaw, state: DwellTimes) -> bool:
    """Whether a law is rejected, or the others exclude it."""
    return law.rejected or (law.name != state.best and law.probability < 0.01)


def _draw_state(axes: Axes, state: DwellTimes) -> None:
    from qdmol.analysis import survival

    times, share, low, high = _empirical(state)
    many = len(times) > 1000
    axes.fill_between(times, low, high, step="post", color=BLUE, alpha=0.25, linewidth=0, rasterized=many)
    axes.step(times, share, where="post", color=BLUE, linewidth=0.9, label="dwell times", rasterized=many)
    end = float(times[-1]) if len(times) else 10 * state.shortest_s
    grid = np.geomspace(state.shortest_s, 1.5 * end, _POINTS)
    bottom = 0.5 * float(share[-1]) if len(share) else 0.1
    for law in state.laws:
        excluded = _excluded(law, state)
        axes.plot(
            grid, survival(law, grid, shortest_s=state.shortest_s), color=GREY if excluded else _COLOURS[law.name],
            linewidth=1.1 if law.name == state.best else 0.8, linestyle=_style(law, excluded=excluded),
            label=_label(law, state), zorder=4 if law.name == state.best else 3,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.9 * state.shortest_s, 1.5 * end)
    _finish(axes, bottom, 1.0, lines=1 + len(state.laws))
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Share of longer dwells")


def _style(law: DwellLaw, *, excluded: bool) -> str | tuple[float, tuple[float, ...]]:
    if not excluded:
        return "solid"
    return {"power law": "dashed", "exponential": "dotted"}.get(law.name, (0, (4, 1.5, 1, 1.5)))


def _label(law: DwellLaw, state: DwellTimes) -> str:
    from qdmol.analysis import interval_text

    if law.rejected:
        return f"{law.name} (rejected)"
    if _excluded(law, state):
        return f"{law.name} (improbable)"
    name = "exponent" if "exponent" in law.parameters else "mean_s"
    return f"{law.name}, {_SYMBOLS[name]} {interval_text(law.parameters[name])}"


_SYMBOLS = {"exponent": "exponent", "mean_s": "mean"}


def _finish(axes: Axes, bottom: float, top: float, *, lines: int) -> None:
    """Limits with a legend of some lines above the data, and ticks up to the data."""
    share = (_LINE * lines + 1.0) / size_mm(axes)[1]
    axes.set_ylim(bottom, top * (top / bottom) ** (share / (1.0 - share)))
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, (bottom, top))):
        places = 10.0 ** np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
        between = np.outer(
            10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high))), np.arange(2, 10)
        ).ravel()
        between = between[(between >= low) & (between <= high)]
        if len(places) < 2:
            places = np.union1d(places, [value for value in between if _first_digit(value) in {2, 5}])
        axis.set_ticks(places[:: 1 if len(places) <= _LABELS else 2])
        axis.set_ticks(np.setdiff1d(between, places), minor=True)
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_formatter(NullFormatter())
    axes.legend(frameon=False, loc="upper right", handlelength=1.8, borderaxespad=0.1, labelspacing=0.2)


def _first_digit(value: float) -> int:
    return int(np.round(value / 10.0 ** np.floor(np.log10(value) + 1e-9)))


def _plain(value: float, _position: int | None = None) -> str:
    """A number between 0.001 and 1000 as it is, others as powers of ten."""
    if 0.999e-3 <= value <= 1.001e3:
        return f"{value:.4g}"
    power = np.floor(np.log10(value) + 1e-9)
    factor = round(value / 10.0**power)
    return f"$10^{{{power:.0f}}}$" if factor == 1 else f"${factor}\\times 10^{{{power:.0f}}}$"


def _draw_correlation(axes: Axes, fit: CorrelationExponent) -> None:
    from qdmol.analysis import interval_text

    correlation = fit.correlation
    lag, value, error = correlation.lag_s, correlation.value, correlation.error
    positive = value > 0
    ends = np.minimum(_NORMAL_95 * error[positive], 0.999 * value[positive]), _NORMAL_95 * error[positive]
    look: dict[str, Any] = {"fmt": "o", "color": BLUE, "markersize": 2.0, "linewidth": 0.6, "label": "correlation"}
    axes.errorbar(lag[positive], value[positive], yerr=ends, **look)
    label = f"fit, $C$ = {interval_text(fit.exponent)}"
    axes.plot(lag, np.where(fit.model > 0, fit.model, np.nan), color=VERMILLION, label=label, zorder=4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.8 * lag[0], 1.25 * lag[-1])
    top = 1.2 * float((value + _NORMAL_95 * error)[positive].max())
    _finish(axes, max(0.7 * float(value[positive].min()), _DEEPEST * top), top, lines=2)
    axes.set_xlabel("Lag τ (s)")
    axes.set_ylabel("g(τ) − 1")


def draw_dwell_times(analysis: PhotonAnalysis) -> Drawing | None:
    """Figure 5 of a report with its words and numbers; None without dwell times."""
    dwell = analysis.dwell
    if dwell is None or not has_dwell_times(analysis):
        return None
    parts = []
    if states := _states(dwell):
        parts.append(
            "Share of the dwells that last longer than a time (Kaplan-Meier, with dwells that the end of the recording "
            "cuts; band: 95 % interval), and the laws fitted to the dwells from the shortest one on that is surely seen"
        )
        if any(_excluded(law, state) for state in states for law in state.laws):
            parts[-1] += "; grey lines that are not solid: laws that the data exclude"
    if dwell.correlation is not None:
        parts.append(
            "Autocorrelation of the binned intensity, which needs no threshold, with the fit of A τ^−C exp(−Bτ)"
        )
    figure = figure_of(dwell_times(analysis)[0])
    return Drawing("figure5_dwell", f"{'. '.join(parts)}.", _alternative(dwell), figure, _tables(dwell))


def _alternative(dwell: Dwell) -> str:
    parts = []
    for state in _states(dwell):
        law = state.best or "no law that holds"
        parts.append(f"{state.state}: {int(state.used.sum())} dwells from {state.shortest_s:.3g} s, {law}")
    if dwell.correlation is not None:
        parts.append(f"exponent of the autocorrelation {dwell.correlation.exponent.value:.3g}")
    return f"Dwell times. {'; '.join(parts)}."


def _tables(dwell: Dwell) -> tuple[Table, ...]:
    tables = []
    for letter, state in zip(string.ascii_lowercase, _states(dwell), strict=False):
        header = ("time (s)", "share of longer dwells", "low", "high")
        tables.append(Table(f"figure5{letter}_dwell_{state.state.replace(' ', '_')}", header, _empirical(state)))
    if dwell.correlation is not None:
        letter, fit = string.ascii_lowercase[len(tables)], dwell.correlation
        columns = (fit.correlation.lag_s, fit.correlation.value, fit.correlation.error, fit.model)
        header = ("lag (s)", "correlation - 1", "standard error", "fit")
        tables.append(Table(f"figure5{letter}_correlation", header, columns))
    return tuple(tables)
