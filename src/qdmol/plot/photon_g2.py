"""Photon correlations: pairs against a linear lag, the correlation against a logarithmic lag, and g² by gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.estimates import NO_VALUE
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN,
    GREEN,
    GREY,
    SINGLE_COLUMN,
    SMALL,
    VERMILLION,
    drawing_on,
    figure_of,
    missing,
    new_figure,
    panel_title,
    place_axes,
)

if TYPE_CHECKING:
    from qdmol.analysis import G2, PhotonAnalysis

_LEFT, _BOTTOM, _PANEL, _HEIGHT, _GAP, _TOP = 13.0, 9.0, 70.0, 46.0, 17.0, 6.0  # mm
_SHOWN = 1500  # bins in print
_PER_PERIOD = 30  # bins of a pulse period in print, so that sparse pairs make peaks
_AFTERPULSES_NS = 2000.0  # lags of a detector with itself that do not set the height of the panel
_HEADROOM = 1.45  # of the highest bin, for legend and mark
_PERIODS = 8.5  # pulse periods shown on either side of the centre


def has_g2(analysis: PhotonAnalysis) -> bool:
    """Whether an analysis holds pairs of photons on two detectors."""
    return "g2_counts" in analysis.data and bool(analysis.data["g2_counts"].size)


def has_correlation(analysis: PhotonAnalysis) -> bool:
    """Whether an analysis holds a correlation over logarithmic lags."""
    return "correlation" in analysis.data and bool(analysis.data["correlation"].size)


def g2(analysis: PhotonAnalysis, ax: Axes | None = None) -> Axes:
    """Plot the pairs of photons on two detectors against their lag, with the fit and the levels at which g² is 1.

    Parameters
    ----------
    analysis
        From :func:`qdmol.analyze_photons`, or read back from a file.
    ax
        Axes to draw on; by default a new figure in the paper style.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the pairs.

    Raises
    ------
    qdmol.errors.InputError
        The analysis holds no pairs.
    """
    if not has_g2(analysis):
        raise missing("pairs of photons", "recording with two detectors")
    with drawing_on(ax, 1, lambda: _layout(1)) as (axes,):
        _linear(axes, analysis.data, analysis.g2)
        panel_title(axes, "", _TITLES["g2"])
    return axes


def correlation(analysis: PhotonAnalysis, ax: Axes | None = None) -> Axes:
    """Plot the correlation of the photons against the logarithmic lag with its 95 % band.

    Parameters
    ----------
    analysis
        From :func:`qdmol.analyze_photons`, or read back from a file.
    ax
        Axes to draw on; by default a new figure in the paper style.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the correlation.

    Raises
    ------
    qdmol.errors.InputError
        The analysis holds no correlation.
    """
    if not has_correlation(analysis):
        raise missing("correlation", "recording of photons")
    with drawing_on(ax, 1, lambda: _layout(1)) as (axes,):
        _logarithmic(axes, analysis.data)
        panel_title(axes, "", _TITLES["correlation"])
    return axes


_TITLES = {"g2": "Photon pairs", "correlation": "Correlation (logarithmic lag)"}


def _layout(panels: int) -> list[Axes]:
    full = DOUBLE_COLUMN if panels > 1 else SINGLE_COLUMN
    figure = new_figure(full, _BOTTOM + _HEIGHT + _TOP)
    return [place_axes(figure, _LEFT + place * (_PANEL + _GAP), _BOTTOM, _PANEL, _HEIGHT) for place in range(panels)]


def draw_correlations(analysis: PhotonAnalysis) -> Drawing | None:
    """Figure 3 of a report with its words and numbers: pairs and correlation; None where there is neither."""
    data = analysis.data
    panels = [name for name, there in (("g2", has_g2(analysis)), ("correlation", has_correlation(analysis))) if there]
    if not panels:
        return None
    captions, tables = [], []
    with drawing_on(None, len(panels), lambda: _layout(len(panels))) as axes_of:
        for letter, name, axes in zip("ab", panels, axes_of, strict=False):
            if name == "g2":
                _linear(axes, data, analysis.g2)
                caption, table = _linear_caption(data, analysis.g2), _linear_table(data)
            else:
                _logarithmic(axes, data)
                caption, table = _logarithmic_caption(data), _logarithmic_table(data)
            panel_title(axes, letter if len(panels) > 1 else "", _TITLES[name])
            captions.append(f"{letter}, {caption}" if len(panels) > 1 else caption)
            tables.append(table)
    return Drawing("figure3_g2", " ".join(captions), _alternative(analysis.g2), figure_of(axes_of[0]), tuple(tables))


def _linear(axes: Axes, data: xr.Dataset, measured: G2 | None) -> None:
    lag = np.asarray(data["lag"].values, dtype=float)
    counts = np.asarray(data["g2_counts"].values, dtype=float)
    model = np.asarray(data["g2_model"].values, dtype=float) if "g2_model" in data else None
    centre = None if measured is None else measured.zero_delay_ns
    inside, group = _shown_bins(lag, measured)
    shown, pairs = _summed(lag[inside], group) / group, _summed(counts[inside], group)
    axes.fill_between(shown, pairs, step="mid", color=BLUE, linewidth=0, alpha=0.3, rasterized=len(shown) > 800)
    axes.step(shown, pairs, where="mid", color=BLUE, linewidth=0.6, label="pairs", rasterized=len(shown) > 800)
    if model is not None and np.isfinite(model).any():
        axes.plot(shown, _summed(model[inside], group), color=VERMILLION, linewidth=0.8, label="fit", zorder=4)
    highest = max(float(np.nanmax(pairs)), 1.0)
    _mark_levels(axes, _levels(shown, pairs, measured, data, group))
    axes.set_xlim(shown[0], shown[-1])
    axes.set_ylim(0, _HEADROOM * highest)
    axes.set_xlabel("Lag τ (ns)")
    axes.set_ylabel(f"Pairs per {shown[1] - shown[0] if len(shown) > 1 else 1.0:.3g} ns")
    _mark_centre(axes, centre, 1.04 * highest)


def _linear_caption(data: xr.Dataset, measured: G2 | None) -> str:
    group = _shown_bins(np.asarray(data["lag"].values, dtype=float), measured)[1]
    caption = "Pairs of photons on two detectors against their lag; the triangle marks the zero delay."
    return caption + (f" Each point is the sum of {group} bins." if group > 1 else "")


def _shown_bins(lag: Floats, measured: G2 | None) -> tuple[NDArray[np.bool_], int]:
    """Which bins are shown, and how many are summed for each point."""
    centre, period = (None, None) if measured is None else (measured.zero_delay_ns, measured.period_ns)
    inside = _window(lag, centre, period)
    return inside, _group(int(inside.sum()), float(lag[1] - lag[0]), period)


def _group(bins: int, width: float, period: float | None) -> int:
    """Bins that are summed for print."""
    by_period = int(period / width / _PER_PERIOD) if period else 1
    return max(by_period, -(-bins // _SHOWN), 1)


def _levels(
    shown: Floats, pairs: Floats, measured: G2 | None, data: xr.Dataset, group: int
) -> tuple[float | None, float | None]:
    """Heights in print at which either g2 is 1.

    Pulsed: the highest point of the mean side peak, and that over the bunching. Continuous: the level beside the dip,
    and that of steady light.
    """
    if measured is not None and measured.period_ns:
        height = _peak_height(shown - measured.zero_delay_ns, pairs, measured.period_ns)
        bunching = measured.bunching_level
        return height, None if height is None or bunching is None or not bunching.value else height / bunching.value
    poisson = float(data["g2_poisson"].mean()) * group if "g2_poisson" in data else None
    side = None if measured is None or not np.isfinite(measured.side_counts) else measured.side_counts * group
    return side, poisson


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


def _linear_table(data: xr.Dataset) -> Table:
    header, columns = ["lag (ns)", "pairs"], [np.asarray(data[key].values, dtype=float) for key in ("lag", "g2_counts")]
    if "g2_model" in data:
        header.append("fit (pairs)")
        columns.append(np.asarray(data["g2_model"].values, dtype=float))
    return Table("figure3a_pairs", tuple(header), tuple(columns))


def _plain_power(value: float, _position: int | None = None) -> str:
    """Lags in the unit that keeps the number short: ns, µs, ms, s."""
    for size, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if value >= 0.999 * size:
            return f"{value / size:.0f} {unit}"
    return f"{value:g} ns"


def _logarithmic(axes: Axes, data: xr.Dataset) -> None:
    lag, value, low, high = _correlation_columns(data)
    good = np.isfinite(value)
    axes.fill_between(lag[good], low[good], high[good], color=BLUE, alpha=0.25, linewidth=0, label="95 % interval")
    axes.plot(lag[good], value[good], color=BLUE, linewidth=0.9)
    axes.axhline(1, color=GREEN, linewidth=0.9, linestyle="dashed", label="independent photons")
    axes.set_xscale("log")
    axes.set_xlim(lag[good][0], lag[good][-1])
    late = good & (lag > _AFTERPULSES_NS)
    seen = late if _autocorrelation(data) and late.any() else good
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


def _autocorrelation(data: xr.Dataset) -> bool:
    """Whether one detector is correlated with itself."""
    return len(set(np.atleast_1d(data["correlation"].attrs.get("channels", (0, 1))).tolist())) == 1


def _correlation_columns(data: xr.Dataset) -> tuple[Floats, Floats, Floats, Floats]:
    """Lag (ns), correlation and the ends of its interval."""
    lag, value, low, high = (
        np.asarray(data[name].values, dtype=float)
        for name in ("log_lag", "correlation", "correlation_low", "correlation_high")
    )
    return lag, value, low, high


def _logarithmic_caption(data: xr.Dataset) -> str:
    detectors = (
        "one detector with itself, where dead time and afterpulses dominate at short lags"
        if _autocorrelation(data)
        else "two detectors"
    )
    return (
        f"Correlation of {detectors} against the logarithmic lag; 1 for independent photons; band: 95 % interval of "
        "each point."
    )


def _logarithmic_table(data: xr.Dataset) -> Table:
    header = ("lag (ns)", "correlation", "low", "high")
    return Table("figure3b_correlation", header, _correlation_columns(data))


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


def _alternative(measured: G2 | None) -> str:
    if measured is None or measured.against_sides is None:
        return "Pairs of photons against their lag, and the correlation of the photons against the logarithmic lag."
    independent = NO_VALUE if measured.against_independent is None else f"{measured.poisson:.3g}"
    return (
        f"Pairs of photons against their lag: the zero delay is at {measured.zero_delay_ns:.3g} ns; g2 is "
        f"{measured.side:.3g} against the side peaks and {independent} against independent photons."
    )


def has_g2_by_gate(analysis: PhotonAnalysis) -> bool:
    """Whether an analysis holds g² at several gates."""
    data = analysis.data
    return "gated_side" in data and bool(np.isfinite(data["gated_side"].values).any())


def _gate_columns(data: xr.Dataset) -> tuple[Floats, Floats, Floats, Floats]:
    """Gate (ns), g² and the ends of its interval."""
    gate, value, low, high = (
        np.asarray(data[name].values, dtype=float)
        for name in ("gate", "gated_side", "gated_side_low", "gated_side_high")
    )
    return gate, value, low, high


def g2_by_gate(analysis: PhotonAnalysis, ax: Axes | None = None) -> Axes:
    """Plot g²(0) of the photons later than a gate after the pulse, against the gate.

    Parameters
    ----------
    analysis
        From :func:`qdmol.analyze_photons`, or read back from a file.
    ax
        Axes to draw on; by default a new figure in the paper style.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the figure.

    Raises
    ------
    qdmol.errors.InputError
        The analysis holds no g² at several gates.
    """
    if not has_g2_by_gate(analysis):
        raise missing("g² by gate", "recording with pulsed excitation and two detectors")
    gate, value, low, high = _gate_columns(analysis.data)
    good = np.isfinite(value)
    top = max(0.1, 1.2 * float(np.nanmax(np.where(np.isfinite(high), high, value))))
    ends = np.where(np.isfinite(high), high, top)
    with drawing_on(ax, 1, _gate_layout) as (axes,):
        axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
        errors = np.maximum(value - low, 0)[good], np.maximum(ends - value, 0)[good]
        look: dict[str, Any] = {"fmt": "o", "color": BLUE, "markersize": 3, "linewidth": 0.8, "capsize": 1.5}
        axes.errorbar(gate[good], value[good], yerr=errors, **look)
        axes.set_ylim(-0.04 * top, top)  # a value of 0 keeps its whole marker
        axes.locator_params(axis="x", nbins=6)
        axes.set_xlabel("Start of the gate (ns after the pulse)")
        axes.set_ylabel("g²(0) relative to side peaks")
    return axes


def _gate_layout() -> list[Axes]:
    return [
        place_axes(new_figure(SINGLE_COLUMN, _BOTTOM + 36.0 + 3.0), _LEFT + 2, _BOTTOM, SINGLE_COLUMN - _LEFT - 5, 36.0)
    ]


def draw_g2_by_gate(analysis: PhotonAnalysis) -> Drawing | None:
    """Figure 4 of a report with its words and numbers; None without g² at several gates."""
    if not has_g2_by_gate(analysis):
        return None
    gate, value, low, high = _gate_columns(analysis.data)
    good = np.isfinite(value)
    caption = (
        "g²(0) of photons that arrive later than a gate after the pulse, with 95 % intervals. The biexciton emits"
        " early, so its contribution to the central peak vanishes as the gate is moved to later times."
    )
    table = Table("figure4_gate", ("gate (ns)", "g2 side", "low", "high"), (gate, value, low, high))
    points = "; ".join(f"{g:.3g} ns: {v:.3g}" for g, v in zip(gate[good], value[good], strict=True))
    figure = figure_of(g2_by_gate(analysis))
    return Drawing("figure4_gate", caption, f"g2 against the gate. {points}.", figure, (table,))
