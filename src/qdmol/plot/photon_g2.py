"""Figure 3 of measured photons: pairs against their lag on a linear axis, and the correlation on a logarithmic one.

In come pairs in bins of lag (ns), the fitted pairs, the levels that g2 is counted against, and the correlation over
decades of lag with its interval.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from qdmol.analysis import G2
from qdmol.arrays import Floats
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN,
    GREEN,
    SINGLE_COLUMN,
    SMALL,
    VERMILLION,
    new_figure,
    panel_title,
    place_axes,
)

_LEFT, _BOTTOM, _PANEL, _HEIGHT, _GAP, _TOP = 13.0, 9.0, 70.0, 46.0, 17.0, 6.0  # mm
_SHOWN = 1500  # bins in print
_PER_PERIOD = 30  # bins of a pulse period in print, so that sparse pairs make peaks
_AFTERPULSES_NS = 2000.0  # lags of a detector with itself that do not set the height of the panel
_HEADROOM = 1.45  # of the highest bin, for legend and mark
_PERIODS = 8.5  # pulse periods shown on either side of the centre


def draw_correlations(data: xr.Dataset, g2: G2 | None) -> Drawing | None:
    """Draw figure 3: a the pairs with model and levels, b the correlation; None where there is neither.

    Parameters
    ----------
    data
        Read, as far as there: ``g2_counts``, ``g2_model`` (lag); ``correlation``, ``correlation_low``,
        ``correlation_high`` (log_lag).
    g2
        Centre and levels.
    """
    panels = [name for name in ("g2_counts", "correlation") if name in data and data[name].size]
    if not panels:
        return None
    full = DOUBLE_COLUMN if len(panels) > 1 else SINGLE_COLUMN
    figure = new_figure(full, _BOTTOM + _HEIGHT + _TOP)
    captions, tables = [], []
    for place, name in enumerate(panels):
        axes = place_axes(figure, _LEFT + place * (_PANEL + _GAP), _BOTTOM, _PANEL, _HEIGHT)
        letter = "ab"[place] if len(panels) > 1 else ""
        drawn = _linear(axes, data, g2, letter) if name == "g2_counts" else _logarithmic(axes, data, letter)
        caption, table = drawn
        captions.append(f"{letter}, {caption}" if letter else caption[0].upper() + caption[1:])
        tables.append(table)
    return Drawing("figure3_g2", " ".join(captions), _alternative(g2), figure, tuple(tables))


def _linear(axes: Axes, data: xr.Dataset, g2: G2 | None, letter: str) -> tuple[str, Table]:
    lag = np.asarray(data["lag"].values, dtype=float)
    counts = np.asarray(data["g2_counts"].values, dtype=float)
    model = np.asarray(data["g2_model"].values, dtype=float) if "g2_model" in data else None
    centre, period = (None, None) if g2 is None else (g2.zero_delay_ns, g2.period_ns)
    inside = _window(lag, centre, period)
    group = _group(int(inside.sum()), float(lag[1] - lag[0]), period)
    shown, pairs = _summed(lag[inside], group) / group, _summed(counts[inside], group)
    axes.fill_between(shown, pairs, step="mid", color=BLUE, linewidth=0, alpha=0.3, rasterized=len(shown) > 800)
    axes.step(shown, pairs, where="mid", color=BLUE, linewidth=0.6, label="pairs", rasterized=len(shown) > 800)
    if model is not None and np.isfinite(model).any():
        axes.plot(shown, _summed(model[inside], group), color=VERMILLION, linewidth=0.8, label="fit", zorder=4)
    highest = max(float(np.nanmax(pairs)), 1.0)
    _mark_levels(axes, _levels(shown, pairs, g2, data, group))
    axes.set_xlim(shown[0], shown[-1])
    axes.set_ylim(0, _HEADROOM * highest)
    axes.set_xlabel("Lag τ (ns)")
    axes.set_ylabel(f"Pairs per {shown[1] - shown[0] if len(shown) > 1 else 1.0:.3g} ns")
    _mark_centre(axes, centre, 1.04 * highest)
    panel_title(axes, letter, "Pairs of photons")
    caption = "pairs of photons on two detectors against their lag; the triangle marks the zero delay."
    if group > 1:
        caption += f" Each point is the sum of {group} bins."
    return caption, _linear_table(lag, counts, model)


def _group(bins: int, width: float, period: float | None) -> int:
    """Bins that are added up for print."""
    by_period = int(period / width / _PER_PERIOD) if period else 1
    return max(by_period, -(-bins // _SHOWN), 1)


def _levels(
    shown: Floats, pairs: Floats, g2: G2 | None, data: xr.Dataset, group: int
) -> tuple[float | None, float | None]:
    """Heights in print at which either g2 is 1.

    Pulsed: the highest point of the mean side peak, and that over the bunching. Continuous: the level beside the dip,
    and that of steady light.
    """
    if g2 is not None and g2.period_ns:
        height = _peak_height(shown - g2.zero_delay_ns, pairs, g2.period_ns)
        bunching = g2.bunching_level
        return height, None if height is None or bunching is None or not bunching.value else height / bunching.value
    poisson = float(data["g2_poisson"].mean()) * group if "g2_poisson" in data else None
    return None if g2 is None or not np.isfinite(g2.side_counts) else g2.side_counts * group, poisson


def _peak_height(lag: Floats, pairs: Floats, period: float) -> float | None:
    """Highest point of the mean of the side peaks."""
    step = lag[1] - lag[0]
    phase = np.round((lag - period * np.round(lag / period)) / step).astype(int)
    beside = np.abs(lag) > period / 2
    if not beside.any():
        return None
    sums = np.bincount(phase[beside] - phase.min(), weights=pairs[beside])
    bins = np.bincount(phase[beside] - phase.min())
    means = sums[bins > 1] / bins[bins > 1]
    return float(means.max()) if means.size else None


def _window(lag: Floats, centre: float | None, period: float | None) -> NDArray[np.bool_]:
    """Bins to show: some periods about the centre where there are pulses, else all of them."""
    if centre is None or not period:
        return np.ones(len(lag), dtype=bool)
    near: NDArray[np.bool_] = np.abs(lag - centre) <= _PERIODS * period
    return near if near.sum() > 20 else np.ones(len(lag), dtype=bool)


def _summed(values: Floats, group: int) -> Floats:
    whole = len(values) // group * group
    sums: Floats = values[:whole].reshape(-1, group).sum(axis=1)
    return sums


def _mark_levels(axes: Axes, levels: tuple[float | None, float | None]) -> None:
    """The heights at which g2 is 1 by either normalisation, with a legend above the data."""
    looks = (("side peaks", BLACK, "dotted"), ("independent photons", GREEN, "dashed"))
    for height, (label, colour, style) in zip(levels, looks, strict=True):
        if height is not None and np.isfinite(height):
            axes.axhline(height, color=colour, linewidth=0.9, linestyle=style, label=label, zorder=3)
    axes.legend(frameon=False, loc="upper right", ncols=2, handlelength=1.8, borderaxespad=0.1, columnspacing=1.2)


def _mark_centre(axes: Axes, centre: float | None, height: float) -> None:
    low, high = axes.get_xlim()
    if centre is None or not low <= centre <= high:
        return
    axes.plot([centre], [height], marker="v", markersize=4, color=BLACK, zorder=6, linestyle="none")
    axes.vlines(centre, 0, height, color=BLACK, linewidth=0.4, zorder=5)
    axes.annotate(
        f"zero delay {centre:.4g} ns".replace("-", "−"), (centre, height), (0, 3.5), textcoords="offset points",
        ha="center", va="bottom", fontsize=SMALL,
    )  # fmt: skip


def _linear_table(lag: Floats, counts: Floats, model: Floats | None) -> Table:
    header, columns = ["lag (ns)", "pairs"], [lag, counts]
    if model is not None:
        header.append("fit (pairs)")
        columns.append(model)
    return Table("figure3a_pairs", tuple(header), tuple(columns))


def _plain_power(value: float, _position: int | None = None) -> str:
    """Lags in the unit a person would say: ns, µs, ms, s."""
    for size, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if value >= 0.999 * size:
            return f"{value / size:.0f} {unit}"
    return f"{value:g} ns"


def _logarithmic(axes: Axes, data: xr.Dataset, letter: str) -> tuple[str, Table]:
    lag = np.asarray(data["log_lag"].values, dtype=float)
    value, low, high = (
        np.asarray(data[name].values, dtype=float) for name in ("correlation", "correlation_low", "correlation_high")
    )
    good = np.isfinite(value)
    alone = len(set(np.atleast_1d(data["correlation"].attrs.get("channels", (0, 1))).tolist())) == 1
    axes.fill_between(lag[good], low[good], high[good], color=BLUE, alpha=0.25, linewidth=0, label="95 % interval")
    axes.plot(lag[good], value[good], color=BLUE, linewidth=0.9)
    axes.axhline(1, color=GREEN, linewidth=0.9, linestyle="dashed", label="independent photons")
    axes.set_xscale("log")
    axes.set_xlim(lag[good][0], lag[good][-1])
    seen = good & (lag > _AFTERPULSES_NS) if alone and (good & (lag > _AFTERPULSES_NS)).any() else good
    axes.set_ylim(*_heights(value[seen], low[seen], high[seen]))
    axes.xaxis.set_major_locator(LogLocator(base=10, numticks=20))
    axes.xaxis.set_major_formatter(FuncFormatter(_plain_power))
    axes.xaxis.set_minor_formatter(NullFormatter())
    _thin_labels(axes)
    axes.set_xlabel("Lag τ")
    axes.set_ylabel("g²(τ)")
    axes.legend(
        loc="upper right",
        handlelength=1.6,
        borderaxespad=0.1,
        ncols=2,
        columnspacing=1.2,
        edgecolor="none",
        framealpha=0.9,
    )
    panel_title(axes, letter, "Correlation (logarithmic lag)")
    whose = (
        "one detector with itself, where short lags show its dead time and afterpulses" if alone else "two detectors"
    )
    caption = (
        f"correlation of {whose} on a logarithmic lag axis; 1 for independent photons; band: 95 % interval of each"
        " point."
    )
    columns = (lag, value, low, high)
    return caption, Table("figure3b_correlation", ("lag (ns)", "correlation", "low", "high"), columns)


def _thin_labels(axes: Axes) -> None:
    """Label every second decade where ten of them would touch."""
    low, high = axes.get_xlim()
    decades = np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    step = 1 if len(decades) <= 7 else 2
    axes.set_xticks(10.0 ** decades[::step])


def _heights(value: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Limits that show the curve and most of the band; single wild points do not set them."""
    top = max(float(np.nanmax(value)), 1.0)
    sure = np.isfinite(high) & (high - low < max(1.0, top))
    if sure.any():
        top = max(float(high[sure].max()), 1.0)
    return 0.0, 1.22 * top


def _alternative(g2: G2 | None) -> str:
    if g2 is None or g2.against_sides is None:
        return "Pairs of photons against their lag, and their correlation on a logarithmic lag axis."
    independent = "unknown" if g2.against_independent is None else f"{g2.poisson:.3g}"
    return (
        f"Pairs of photons against their lag: the zero delay is at {g2.zero_delay_ns:.3g} ns; g2 is {g2.side:.3g} "
        f"relative to the side peaks and {independent} relative to independent photons."
    )


def draw_gate(data: xr.Dataset) -> Drawing | None:
    """Draw figure 4: g2 of photons later than a gate, against the gate; None where there is no such curve.

    Parameters
    ----------
    data
        Read: ``gated_side``, ``gated_side_low``, ``gated_side_high`` (gate).
    """
    if "gated_side" not in data or not np.isfinite(data["gated_side"].values).any():
        return None
    gate = np.asarray(data["gate"].values, dtype=float)
    value, low, high = (np.asarray(data[f"gated_side{end}"].values, dtype=float) for end in ("", "_low", "_high"))
    figure: Figure = new_figure(SINGLE_COLUMN, _BOTTOM + 36.0 + 3.0)
    axes = place_axes(figure, _LEFT + 2, _BOTTOM, SINGLE_COLUMN - _LEFT - 5, 36.0)
    good = np.isfinite(value)
    top = max(0.1, 1.2 * float(np.nanmax(np.where(np.isfinite(high), high, value))))
    ends = np.where(np.isfinite(high), high, top)
    axes.errorbar(gate[good], value[good], yerr=(np.maximum(value - low, 0)[good], np.maximum(ends - value, 0)[good]),
                  fmt="o", color=BLUE, markersize=3, linewidth=0.8, capsize=1.5)  # fmt: skip
    axes.set_ylim(0, top)
    axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel("Start of the gate (ns after the pulse)")
    axes.set_ylabel("g²(0) relative to side peaks")
    caption = (
        "g²(0) of photons that arrive later than a gate after the pulse, with 95 % intervals. The biexciton emits"
        " early, so its contribution to the central peak vanishes as the gate is moved to later times."
    )
    table = Table("figure4_gate", ("gate (ns)", "g2 side", "low", "high"), (gate, value, low, high))
    points = "; ".join(f"{g:.3g} ns: {v:.3g}" for g, v in zip(gate[good], value[good], strict=True))
    return Drawing("figure4_gate", caption, f"g2 against the gate. {points}.", figure, (table,))
