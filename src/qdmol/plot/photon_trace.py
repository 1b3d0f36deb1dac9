"""Intensity trace of measured photons: the count rate against time, and the distribution of the rates.

Rates are the counts of a time bin over its width, in 1000 per second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from qdmol.arrays import Floats
from qdmol.photons import channel_label
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import (
    BLUE,
    DOUBLE_COLUMN,
    GREY,
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
    from qdmol.analysis import PhotonAnalysis

_LEFT, _BOTTOM, _WIDTH, _HEIGHT, _GAP, _SIDE, _TOP = 13.0, 9.0, 121.0, 38.0, 6.0, 35.0, 6.0  # mm
_SHOWN = 4000  # points of a line; more cannot be resolved in print


def grouped(counts: Floats, group: int) -> Floats:
    """Means of `group` neighbours; the last group may be smaller."""
    starts = np.arange(0, len(counts), group)
    sizes = np.diff(np.append(starts, len(counts)))
    means: Floats = np.add.reduceat(counts, starts) / sizes
    return means


def has_intensity_trace(analysis: PhotonAnalysis) -> bool:
    """Whether an analysis holds an intensity trace."""
    return "trace" in analysis.data and analysis.data.sizes["time"] >= 2


def intensity_trace(analysis: PhotonAnalysis, ax: Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot the count rate against time, and beside it how often each rate occurs.

    Parameters
    ----------
    analysis
        From :func:`qdmol.analyze_photons`, or read back from a file.
    ax
        An array of two axes, trace and distribution; by default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of trace and distribution (2,).

    Raises
    ------
    qdmol.errors.InputError
        The analysis holds no trace, or there are not two Axes.
    """
    data = analysis.data
    if not has_intensity_trace(analysis):
        raise missing("intensity trace", "recording of photons with at least two time bins")
    bin_s = float(data["trace"].attrs["bin_s"])
    with drawing_on(ax, 2, _layout) as (left, right):
        _draw_rates(left, data, bin_s)
        draw_occurrence(right, left, data, bin_s)
        panel_title(left, "a", "Intensity trace")
        panel_title(right, "b", "Distribution")
    return axes_array([left, right])


def _layout() -> list[Axes]:
    figure = new_figure(DOUBLE_COLUMN, _BOTTOM + _HEIGHT + _TOP)
    left = place_axes(figure, _LEFT, _BOTTOM, _WIDTH, _HEIGHT)
    return [left, place_axes(figure, _LEFT + _WIDTH + _GAP, _BOTTOM, _SIDE, _HEIGHT)]


def draw_intensity_trace(analysis: PhotonAnalysis) -> Drawing | None:
    """Figure 1 of a report with its words and numbers; None without a trace."""
    data = analysis.data
    if not has_intensity_trace(analysis):
        return None
    bin_s, group = float(data["trace"].attrs["bin_s"]), bins_per_point(data)
    caption = f"Count rate of all channels against time in bins of {milliseconds(bin_s)}"
    caption += f", {group} bins averaged for each point of the line" if group > 1 else ""
    caption += ", and how often each rate occurs" + ("; grey: one channel alone." if data.sizes["channel"] > 1 else ".")
    figure = figure_of(intensity_trace(analysis)[0])
    return Drawing("figure1_trace", caption, _alternative(data, bin_s), figure, trace_tables(data, bin_s))


def bins_per_point(data: xr.Dataset) -> int:
    """Time bins averaged for each point of a line, so that print can show them."""
    return -(-data.sizes["time"] // _SHOWN)


def _draw_rates(axes: Axes, data: xr.Dataset, bin_s: float) -> None:
    counts = np.asarray(data["trace"].values, dtype=float)
    times = np.asarray(data["time"].values, dtype=float)
    group = bins_per_point(data)
    shown = grouped(times, group)
    lines: list[tuple[Floats, dict[str, Any]]] = [(counts.sum(axis=1), {"color": BLUE, "zorder": 3})]
    if counts.shape[1] > 1:
        brightest = int(np.argmax(counts.sum(axis=0)))
        label = f"channel {channel_label(int(data['channel'].values[brightest]))}"
        lines[0][1]["label"] = "all channels"
        lines.append((counts[:, brightest], {"color": GREY, "alpha": 0.6, "zorder": 2, "label": label}))
    for line, look in lines:
        axes.plot(shown, grouped(line, group) / bin_s / 1e3, linewidth=0.5, rasterized=len(shown) > 1000, **look)
    if len(lines) > 1:  # above the axes, beside the title, where no line can lie under it
        legend = axes.legend(loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=2, borderaxespad=0.1, frameon=False)
        for handle in legend.get_lines():
            handle.set_linewidth(1.2)
    axes.set_xlim(times[0] - bin_s / 2, times[-1] + bin_s / 2)
    axes.set_ylim(0, max(float(counts.sum(axis=1).max()) / bin_s / 1e3 * 1.05, 1e-9))
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Count rate (10$^3$ s$^{-1}$)")


def draw_occurrence(axes: Axes, beside: Axes, data: xr.Dataset, bin_s: float, *, mean: bool = True) -> None:
    """Draw how often each count rate occurs, on the scale of the trace beside it, if wanted with the mean rate."""
    rates = np.asarray(data["intensity"].values, dtype=float) / bin_s / 1e3
    occurrence = np.asarray(data["intensity_occurrence"].values, dtype=float)
    step = rates[1] - rates[0] if len(rates) > 1 else 1.0
    axes.barh(rates, occurrence, height=step, color=BLUE, linewidth=0)
    if mean:
        _mark_mean(axes, float(np.average(rates, weights=occurrence)))
    axes.set_ylim(beside.get_ylim())
    axes.set_xlim(0, 1.3 * max(float(occurrence.max()), 1.0))  # room for the word at the end of the line
    axes.tick_params(axis="y", labelleft=False)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("Occurrences (time bins)")


def _mark_mean(axes: Axes, mean: float) -> None:
    axes.axhline(mean, color=VERMILLION, linewidth=0.8, linestyle="dashed")
    axes.annotate(
        "mean", (1, mean), (0, 1.5), xycoords=("axes fraction", "data"), textcoords="offset points",
        ha="right", va="bottom", color=VERMILLION, fontsize=6,
    )  # fmt: skip


def milliseconds(bin_s: float) -> str:
    """Width of a time bin in ms."""
    return f"{1e3 * bin_s:.4g} ms"


def _alternative(data: xr.Dataset, bin_s: float) -> str:
    rates = np.asarray(data["trace"].values, dtype=float).sum(axis=1) / bin_s
    return (
        f"Rate against time over {bin_s * len(rates):.4g} s: mean {rates.mean():.4g}, lowest {rates.min():.4g} and "
        f"highest {rates.max():.4g} photons per second in bins of {milliseconds(bin_s)}."
    )


def trace_tables(data: xr.Dataset, bin_s: float) -> tuple[Table, ...]:
    """Tables of the trace and of the distribution of its counts."""
    counts = np.asarray(data["trace"].values)
    names = [f"channel_{channel_label(int(channel))} (photons in {bin_s:g} s)" for channel in data["channel"].values]
    trace = Table("figure1a_trace", ("time (s)", *names), (data["time"].values, *counts.T))
    header = (f"intensity (photons in {bin_s:g} s)", "bins")
    shown = (data["intensity"].values, data["intensity_occurrence"].values)
    return trace, Table("figure1b_intensities", header, shown)
