"""Intensity levels of a blinking emitter: the trace with its levels, and lifetime against intensity (FLID).

Rates are counts over time, in 1000 per second; the background is included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from qdmol.arrays import Floats
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.photon_trace import (
    bins_per_point,
    draw_occurrence,
    grouped,
    has_intensity_trace,
    milliseconds,
    trace_tables,
)
from qdmol.plot.style import (
    BLUE,
    DOUBLE_COLUMN,
    SINGLE_COLUMN,
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
    size_mm,
    spread,
)

if TYPE_CHECKING:
    from qdmol.analysis import IntensityLevels, LifetimeIntensity, PhotonAnalysis

_LEFT, _BOTTOM, _WIDTH, _HEIGHT, _GAP, _SIDE, _TOP = 13.0, 9.0, 121.0, 38.0, 6.0, 35.0, 6.0  # mm
_BELOW, _BETWEEN = 34.0, 15.0  # mm
_STEPS = 120  # segments that the whole trace can show; with more there is a panel with a part of it
_PART = 30  # segments of that part
_PART_BINS = 60  # time bins that it has at least
_LABELLED = 6  # levels with labels
_FLID_LEFT, _FLID_WIDTH, _FLID_HEIGHT, _BAR = 13.0, 56.0, 50.0, 2.2  # mm
_COLOURS = "YlGnBu"
_NOTHING = 1e-3  # of the highest density, below which the map is white
_FAINT = 0.5  # exponent of the colour scale, so that rare states are seen


def has_intensity_levels(analysis: PhotonAnalysis) -> bool:
    """Whether an analysis holds an intensity trace with its levels."""
    return analysis.levels is not None and len(analysis.levels.segments) > 0 and has_intensity_trace(analysis)


def intensity_levels(analysis: PhotonAnalysis, ax: Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot the count rate with its levels, how often each rate occurs, and a part where the segments are many.

    Parameters
    ----------
    analysis
        From :func:`qdmol.analyze_photons`, or read back from a file.
    ax
        An array of axes: trace, distribution, and for a recording of more than 120 segments the part. By default a
        new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of the panels, (2,) or (3,).

    Raises
    ------
    qdmol.errors.InputError
        The analysis holds no levels, or the number of axes is wrong.
    """
    levels = analysis.levels
    if levels is None or not has_intensity_levels(analysis):
        raise missing("intensity levels", "recording of photons with at least two time bins")
    data = analysis.data
    panels = 2 if len(levels.segments) <= _STEPS else 3
    with drawing_on(ax, panels, lambda: _layout(panels)) as axes_of:
        _draw_trace(axes_of[0], data, levels)
        draw_occurrence(axes_of[1], axes_of[0], data, _bin_s(data), mean=False)
        _mark_levels(axes_of[1], levels)
        panel_title(axes_of[0], "a", "Intensity trace and levels")
        panel_title(axes_of[1], "b", "Distribution")
        if panels > 2:
            _draw_part(axes_of[2], data, levels)
            panel_title(axes_of[2], "c", "Part of the trace")
    return axes_array(axes_of)


def _layout(panels: int) -> list[Axes]:
    below = 0.0 if panels < 3 else _BELOW + _BETWEEN
    figure = new_figure(DOUBLE_COLUMN, _BOTTOM + below + _HEIGHT + _TOP)
    axes_of = [
        place_axes(figure, _LEFT, _BOTTOM + below, _WIDTH, _HEIGHT),
        place_axes(figure, _LEFT + _WIDTH + _GAP, _BOTTOM + below, _SIDE, _HEIGHT),
    ]
    if below:
        axes_of.append(place_axes(figure, _LEFT, _BOTTOM, _WIDTH + _GAP + _SIDE, _BELOW))
    return axes_of


def draw_intensity_levels(analysis: PhotonAnalysis) -> Drawing | None:
    """Figure 1 of a report with levels, with its words and numbers; None without levels."""
    levels = analysis.levels
    if levels is None or not has_intensity_levels(analysis):
        return None
    data = analysis.data
    figure = figure_of(intensity_levels(analysis)[0])
    tables = (*trace_tables(data, _bin_s(data)), _segments_table(levels), _levels_table(levels))
    return Drawing("figure1_trace", _caption(data, levels), _alternative(levels), figure, tables)


def _caption(data: xr.Dataset, levels: IntensityLevels) -> str:
    changes, number = len(levels.segments) - 1, levels.number
    text = f"Count rate of all channels in bins of {milliseconds(_bin_s(data))}"
    group = bins_per_point(data)
    text += f", {group} bins averaged for each point of the line" if group > 1 else ""
    if number == 1:
        text += ". The line is the mean: no change of the intensity is significant"
    else:
        line = "The line shows" if changes < _STEPS else "Lines mark"
        text += f". {line} the {number} intensity levels, between {changes} change points of the photon times"
        text += "; c, a part of the trace with the level of each segment" if changes >= _STEPS else ""
    shares = " and the share of time at each level" if 1 < number <= _LABELLED else ""
    return f"{text}. b, how often each rate occurs{shares}."


def _alternative(levels: IntensityLevels) -> str:
    listed = "; ".join(
        f"level {number}: {level.rate_hz.value:.4g} photons per second for {100 * level.fraction:.3g} % of the time"
        for number, level in enumerate(levels.levels[:_LABELLED])
    )
    more = "; ..." if levels.number > _LABELLED else ""
    return f"Intensity trace with {len(levels.segments)} segments at {levels.number} levels. {listed}{more}."


def _bin_s(data: xr.Dataset) -> float:
    return float(data["trace"].attrs["bin_s"])


def _rates(levels: IntensityLevels) -> Floats:
    """Rate of each level in 1000 per second."""
    return np.array([level.rate_hz.value / 1e3 for level in levels.levels])


def _counts(data: xr.Dataset) -> tuple[Floats, Floats]:
    """Time (s) and rate of all channels (1000 per second) of each bin."""
    counts = np.asarray(data["trace"].values, dtype=float).sum(axis=1)
    return np.asarray(data["time"].values, dtype=float), counts / _bin_s(data) / 1e3


def _draw_trace(axes: Axes, data: xr.Dataset, levels: IntensityLevels) -> None:
    times, rates = _counts(data)
    group, half = bins_per_point(data), _bin_s(data) / 2
    shown = grouped(times, group)
    axes.plot(shown, grouped(rates, group), color=BLUE, linewidth=0.5, alpha=0.75, rasterized=len(shown) > 1000)
    if len(levels.segments) <= _STEPS:
        _step_line(axes, levels, slice(None))
    else:
        for rate in _rates(levels) if levels.number <= 2 * _LABELLED else ():
            axes.axhline(rate, color=VERMILLION, linewidth=0.8)
    axes.set_xlim(times[0] - half, times[-1] + half)
    _finish(axes, float(rates.max()))


def _step_line(axes: Axes, levels: IntensityLevels, part: slice) -> None:
    segments = levels.segments
    first, stop, _ = part.indices(len(segments))
    values = _rates(levels)[segments.level[part]]
    axes.stairs(values, segments.edges_s[first : stop + 1], baseline=None, color=VERMILLION, linewidth=0.9, zorder=4)


def _finish(axes: Axes, highest: float) -> None:
    axes.set_ylim(0, max(1.05 * highest, 1e-9))
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Count rate (10$^3$ s$^{-1}$)")


def _mark_levels(axes: Axes, levels: IntensityLevels) -> None:
    """Lines at the rates of the levels; of a few of them with the share of time."""
    rates = _rates(levels)
    if levels.number > 2 * _LABELLED:
        return
    for rate in rates:
        axes.axhline(rate, color=VERMILLION, linewidth=0.8)
    if not 1 < levels.number <= _LABELLED:
        return
    low, high = axes.get_ylim()
    line = 2.6 / size_mm(axes)[1] * (high - low)  # a line of text
    for place, level in zip(spread((rates + line / 2).tolist(), line), levels.levels, strict=True):
        axes.annotate(
            f"{100 * level.fraction:.2g} %", (1, place), xycoords=("axes fraction", "data"), ha="right", va="center",
            fontsize=SMALL, color=VERMILLION, annotation_clip=False,
        )  # fmt: skip


def _draw_part(axes: Axes, data: xr.Dataset, levels: IntensityLevels) -> None:
    """The first stretch with about as many segments as can be seen."""
    times, rates = _counts(data)
    start, length = _part(levels, _bin_s(data), float(times[-1]))
    inside = (times >= start) & (times <= start + length)
    axes.plot(times[inside], rates[inside], color=BLUE, linewidth=0.6, alpha=0.75)
    edges = levels.segments.edges_s
    first = max(int(np.searchsorted(edges, start, side="right")) - 1, 0)
    stop = min(int(np.searchsorted(edges, start + length)), len(levels.segments))
    _step_line(axes, levels, slice(first, stop))
    axes.set_xlim(start, start + length)
    shown = _rates(levels)[levels.segments.level[first:stop]]
    _finish(axes, max(float(rates[inside].max(initial=0.0)), float(shown.max(initial=0.0))))


def _part(levels: IntensityLevels, bin_s: float, end_s: float) -> tuple[float, float]:
    """Start and length (s) of the part: of all of one length the first whose number of segments comes nearest."""
    edges = levels.segments.edges_s
    whole = max(float(edges[-1] - edges[0]), bin_s)
    length = min(max(_PART * whole / len(levels.segments), _PART_BINS * bin_s), whole)
    pieces = np.arange(edges[0], max(end_s - length, edges[0]) + 1e-12, length)
    inside = np.searchsorted(edges, pieces + length) - np.searchsorted(edges, pieces)
    return float(pieces[int(np.argmin(np.abs(inside - _PART)))]), length


def _segments_table(levels: IntensityLevels) -> Table:
    segments = levels.segments
    header = ("start (s)", "end (s)", "photons", "level", "lifetime (ns)", "lifetime low", "lifetime high")
    columns = (segments.edges_s[:-1], segments.edges_s[1:], segments.photons, segments.level)
    lifetimes = (segments.lifetime_ns, segments.lifetime_low_ns, segments.lifetime_high_ns)
    return Table("figure1c_segments", header, (*columns, *lifetimes))


def _levels_table(levels: IntensityLevels) -> Table:
    rows = [
        (
            number,
            *(level.rate_hz.value, level.rate_hz.low, level.rate_hz.high),
            *(level.photons, level.duration_s, level.fraction, level.segments),
            *(
                (np.nan,) * 3
                if level.lifetime_ns is None
                else (level.lifetime_ns.value, level.lifetime_ns.low, level.lifetime_ns.high)
            ),
        )
        for number, level in enumerate(levels.levels)
    ]
    rate = ("rate (1/s)", "rate low", "rate high")
    lifetime = ("lifetime (ns)", "lifetime low", "lifetime high")
    header = ("level", *rate, "photons", "duration (s)", "fraction of time", "segments", *lifetime)
    return Table("figure1d_levels", header, tuple(zip(*rows, strict=True)))


def _distribution(analysis: PhotonAnalysis) -> LifetimeIntensity | None:
    return None if analysis.levels is None else analysis.levels.lifetime_intensity


def has_lifetime_intensity(analysis: PhotonAnalysis) -> bool:
    """Whether an analysis holds lifetimes of segments."""
    flid = _distribution(analysis)
    return flid is not None and bool(np.any(flid.density > 0))


def lifetime_intensity(analysis: PhotonAnalysis, ax: Axes | None = None) -> Axes:
    """Plot the distribution of lifetime and intensity together (FLID) as a map.

    Parameters
    ----------
    analysis
        From :func:`qdmol.analyze_photons`, or read back from a file.
    ax
        Axes to draw on, which give room to a colour bar; by default a new figure in the paper style.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the map.

    Raises
    ------
    qdmol.errors.InputError
        The analysis holds no lifetimes of segments.
    """
    flid = _distribution(analysis)
    if analysis.levels is None or flid is None or not has_lifetime_intensity(analysis):
        raise missing("lifetimes of segments", "recording with pulsed excitation")
    percent = 100 * np.ma.masked_less_equal(flid.density, _NOTHING * flid.density.max())
    with drawing_on(ax, 1, _map_layout) as (axes,):
        mesh = axes.pcolormesh(
            flid.lifetime_edges_ns, flid.rate_edges_hz / 1e3, percent, cmap=_COLOURS,
            norm=PowerNorm(_FAINT, 0, float(percent.max())), rasterized=True,
        )  # fmt: skip
        _mark_lifetimes(axes, analysis.levels)
        lifetimes = [level.lifetime_ns.value for level in analysis.levels.levels if level.lifetime_ns is not None]
        axes.set_xlim(flid.lifetime_edges_ns[0], _end(flid.lifetime_edges_ns, percent, 0, lifetimes))
        rates = [1e3 * rate for rate in _rates(analysis.levels)]
        axes.set_ylim(flid.rate_edges_hz[0] / 1e3, _end(flid.rate_edges_hz, percent, 1, rates) / 1e3)
        axes.set_xlabel("Lifetime (ns)")
        axes.set_ylabel("Count rate (10$^3$ s$^{-1}$)")
        bar = axes.inset_axes((1.035, 0.0, _BAR / _FLID_WIDTH, 1.0))
        figure_of(axes).colorbar(mesh, cax=bar, label=f"Share of {flid.weight} in a bin (%)")
    return axes


def _end(edges: Floats, percent: np.ma.MaskedArray[Any, Any], axis: int, marks: Sequence[float]) -> float:
    """End of an axis behind the last bin that is not white, and behind the marks of the levels."""
    filled = np.flatnonzero(~np.ma.getmaskarray(percent).all(axis=axis))
    return 1.05 * max(float(edges[filled[-1] + 1]), *marks, 0.0)


def _map_layout() -> list[Axes]:
    figure = new_figure(SINGLE_COLUMN, _BOTTOM + _FLID_HEIGHT + 3.0)
    return [place_axes(figure, _FLID_LEFT, _BOTTOM, _FLID_WIDTH, _FLID_HEIGHT)]


def _mark_lifetimes(axes: Axes, levels: IntensityLevels) -> None:
    """Rate and lifetime of each level with their intervals, where the levels are few."""
    if levels.number > 2 * _LABELLED:
        return
    for level in levels.levels:
        if level.lifetime_ns is None:
            continue
        rate, lifetime = level.rate_hz.scaled(1e-3, ""), level.lifetime_ns
        errors = [[lifetime.error_below], [lifetime.error_above if np.isfinite(lifetime.high) else 0.0]]
        axes.errorbar(
            lifetime.value, rate.value, xerr=np.maximum(errors, 0), fmt="o", markersize=3.5, color=VERMILLION,
            markerfacecolor="white", markeredgewidth=0.8, linewidth=0.8, zorder=5,
        )  # fmt: skip


def draw_lifetime_intensity(analysis: PhotonAnalysis) -> Drawing | None:
    """Figure 6 of a report with its words and numbers; None without lifetimes of segments."""
    levels, flid = analysis.levels, _distribution(analysis)
    if levels is None or flid is None or not has_lifetime_intensity(analysis):
        return None
    caption = (
        "Fluorescence lifetime and intensity of the segments (FLID). Each segment is spread by its errors and "
        f"counts by its {'length' if flid.weight == 'time' else 'photons'}; the colour scale is that of a square root. "
        "Circles: photons of each level together, with the 95 % interval of the lifetime."
    )
    figure = figure_of(lifetime_intensity(analysis))
    return Drawing("figure6_flid", caption, _flid_alternative(flid, levels), figure, (_flid_table(flid),))


def _flid_alternative(flid: LifetimeIntensity, levels: IntensityLevels) -> str:
    row, column = np.unravel_index(int(np.argmax(flid.density)), flid.density.shape)
    rate = float(flid.rate_edges_hz[row : row + 2].mean())
    lifetime = float(flid.lifetime_edges_ns[column : column + 2].mean())
    text = f"Lifetime against intensity: the highest density is at {lifetime:.3g} ns and {rate:.3g} photons per second"
    slope = levels.lifetime_slope
    if slope is not None:
        text += f"; the lifetime follows the intensity with a logarithmic slope of {slope.value:.2g}"
    return f"{text}."


def _flid_table(flid: LifetimeIntensity) -> Table:
    rates, lifetimes = ((edges[:-1] + edges[1:]) / 2 for edges in (flid.rate_edges_hz, flid.lifetime_edges_ns))
    rows, columns = np.nonzero(flid.density > 0)
    header = ("rate (1/s)", "lifetime (ns)", f"share of {flid.weight}")
    return Table("figure6_flid", header, (rates[rows], lifetimes[columns], flid.density[rows, columns]))
