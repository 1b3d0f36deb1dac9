"""Figure 1 of measured photons: count rate against time, and the histogram of the rates.

In come counts in bins of time (s); the rates are these counts over the width of a bin, in 1000 a second.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from qdmol.arrays import Floats
from qdmol.photons import channel_label
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import BLUE, DOUBLE_COLUMN, GREY, VERMILLION, new_figure, panel_title, place_axes

_LEFT, _BOTTOM, _WIDTH, _HEIGHT, _GAP, _SIDE, _TOP = 13.0, 9.0, 121.0, 38.0, 6.0, 35.0, 6.0  # mm
_SHOWN = 4000  # points of a line; more cannot be resolved in print


def _grouped(counts: Floats, group: int) -> Floats:
    """Means of `group` neighbours; what is left over at the end is its own mean."""
    starts = np.arange(0, len(counts), group)
    sizes = np.diff(np.append(starts, len(counts)))
    means: Floats = np.add.reduceat(counts, starts) / sizes
    return means


def draw_trace(data: xr.Dataset) -> Drawing | None:
    """Draw figure 1; None where there is no trace.

    Parameters
    ----------
    data
        Read: ``trace`` (time, channel) with attribute `bin_s`, ``intensity_occurrence`` (intensity).
    """
    if "trace" not in data or data.sizes["time"] < 2:
        return None
    bin_s = float(data["trace"].attrs["bin_s"])
    figure = new_figure(DOUBLE_COLUMN, _BOTTOM + _HEIGHT + _TOP)
    left = place_axes(figure, _LEFT, _BOTTOM, _WIDTH, _HEIGHT)
    group = _draw_rates(left, data, bin_s)
    right = place_axes(figure, _LEFT + _WIDTH + _GAP, _BOTTOM, _SIDE, _HEIGHT)
    _draw_occurrence(right, left, data, bin_s)
    panel_title(left, "a", "Count rate")
    panel_title(right, "b", "Occurrences")
    caption = f"Count rate of all channels against time in bins of {_milliseconds(bin_s)}"
    caption += f", {group} bins averaged for each point of the line" if group > 1 else ""
    caption += (
        ", and the histogram of the rates; single channels in grey."
        if data.sizes["channel"] > 1
        else (", and the histogram of the rates.")
    )
    return Drawing("figure1_trace", caption, _alternative(data, bin_s), figure, _tables(data, bin_s))


def _draw_rates(axes: Axes, data: xr.Dataset, bin_s: float) -> int:
    counts = np.asarray(data["trace"].values, dtype=float)
    times = np.asarray(data["time"].values, dtype=float)
    group = -(-len(times) // _SHOWN)
    shown = _grouped(times, group)
    lines: list[tuple[Floats, dict[str, Any]]] = [(counts.sum(axis=1), {"color": BLUE, "zorder": 3})]
    if counts.shape[1] > 1:
        first = counts[:, int(np.argmax(counts.sum(axis=0)))]
        lines.append((first, {"color": GREY, "alpha": 0.6, "zorder": 2}))
    for line, look in lines:
        axes.plot(shown, _grouped(line, group) / bin_s / 1e3, linewidth=0.5, rasterized=len(shown) > 1000, **look)
    axes.set_xlim(times[0] - bin_s / 2, times[-1] + bin_s / 2)
    axes.set_ylim(0, max(float(counts.sum(axis=1).max()) / bin_s / 1e3 * 1.05, 1e-9))
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Count rate (1000 s$^{-1}$)")
    return group


def _draw_occurrence(axes: Axes, beside: Axes, data: xr.Dataset, bin_s: float) -> None:
    rates = np.asarray(data["intensity"].values, dtype=float) / bin_s / 1e3
    occurrence = np.asarray(data["intensity_occurrence"].values, dtype=float)
    step = rates[1] - rates[0] if len(rates) > 1 else 1.0
    axes.barh(rates, occurrence, height=step, color=BLUE, linewidth=0)
    mean = float(np.average(rates, weights=occurrence))
    axes.axhline(mean, color=VERMILLION, linewidth=0.8, linestyle="dashed")
    axes.annotate(
        "mean", (1, mean), (0, 1.5), xycoords=("axes fraction", "data"), textcoords="offset points",
        ha="right", va="bottom", color=VERMILLION, fontsize=6,
    )  # fmt: skip
    axes.set_ylim(beside.get_ylim())
    axes.set_xlim(0, 1.3 * max(float(occurrence.max()), 1.0))  # room for the word at the end of the line
    axes.tick_params(axis="y", labelleft=False)
    axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("Time bins")


def _milliseconds(bin_s: float) -> str:
    return f"{1e3 * bin_s:.4g} ms"


def _alternative(data: xr.Dataset, bin_s: float) -> str:
    rates = np.asarray(data["trace"].values, dtype=float).sum(axis=1) / bin_s
    return (
        f"Rate against time over {bin_s * len(rates):.4g} s: mean {rates.mean():.4g}, lowest {rates.min():.4g} and "
        f"highest {rates.max():.4g} photons per second in bins of {_milliseconds(bin_s)}."
    )


def _tables(data: xr.Dataset, bin_s: float) -> tuple[Table, ...]:
    counts = np.asarray(data["trace"].values)
    names = [f"channel_{channel_label(int(channel))} (photons in {bin_s:g} s)" for channel in data["channel"].values]
    trace = Table("figure1a_trace", ("time (s)", *names), (data["time"].values, *counts.T))
    header = (f"intensity (photons in {bin_s:g} s)", "bins")
    shown = (data["intensity"].values, data["intensity_occurrence"].values)
    return trace, Table("figure1b_intensities", header, shown)
