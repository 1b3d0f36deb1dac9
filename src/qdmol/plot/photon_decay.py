"""Fluorescence decay on a logarithmic axis with its fit, and the residuals below.

Where there are more bins than print can show, neighbouring bins are summed; their residual is the signed root of the
Poisson deviance of the sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from qdmol.arrays import Floats
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import (
    BLACK,
    BLUE,
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
)

if TYPE_CHECKING:
    from qdmol.analysis import PhotonAnalysis

_LEFT, _RIGHT, _BOTTOM, _BELOW, _GAP, _HEIGHT, _TOP = 13.0, 3.0, 9.0, 13.0, 2.5, 42.0, 6.0  # mm
_DRAWN = ("decay_fit", "decay_response")
_DECADE = 10.0  # ratio of the widest bin to the narrowest
_SHOWN = 500  # bins in print
_PER_BIN = 5.0  # photons that a bin holds in the mean, so that a weak decay is more than dots at one


@dataclass(frozen=True)
class _Shown:
    """Curves as drawn: delays (ns), counts, and fit and response in the same bins, None where there are none.

    `width` has the widths of unequal bins (ns), None where all are equal: their heights are counts per ns.
    """

    delay: Floats
    counts: Floats
    fit: Floats | None
    response: Floats | None
    group: int
    width: Floats | None = None

    def height(self, values: Floats) -> Floats:
        """Values of bins as they are drawn: of unequal bins per ns."""
        return values if self.width is None else np.asarray(values / self.width, dtype=np.float64)

    @property
    def logarithmic(self) -> bool:
        """Whether bins are so unequal that the axis of delays is logarithmic."""
        return self.width is not None and bool(self.delay[0] > 0 and self.width.max() > _DECADE * self.width.min())

    @property
    def residual(self) -> Floats | None:
        """Signed root of the Poisson deviance of the counts: near a standard deviation where they are many."""
        if self.fit is None:
            return None
        with np.errstate(invalid="ignore", divide="ignore"):
            logarithm = np.where(self.counts > 0, self.counts * np.log(self.counts / self.fit), 0.0)
            deviance = 2 * np.clip(logarithm - (self.counts - self.fit), 0, None)
            return np.where(self.fit > 0, np.sign(self.counts - self.fit) * np.sqrt(deviance), np.nan)


def _sums(values: Floats, group: int) -> Floats:
    whole = len(values) // group * group
    sums: Floats = values[:whole].reshape(-1, group).sum(axis=1)
    return sums


def _shown(data: xr.Dataset) -> _Shown:
    counts = np.asarray(data["decay"].values, dtype=float)
    if "decay_bin_width" in data:
        own = {name: np.asarray(data[name].values, dtype=float) for name in _DRAWN if name in data}
        delay, width = (np.asarray(data[name].values, dtype=float) for name in ("delay", "decay_bin_width"))
        return _Shown(delay, counts, own.get("decay_fit"), own.get("decay_response"), 1, width)
    by_print = -(-len(counts) // _SHOWN)
    by_counts = int(np.ceil(_PER_BIN * len(counts) / max(counts.sum(), 1.0)))
    group = int(np.clip(max(by_print, by_counts), 1, max(len(counts) // 20, 1)))
    delay = _sums(np.asarray(data["delay"].values, dtype=float), group) / group
    fit, response = (
        _sums(np.asarray(data[name].values, dtype=float), group) if name in data else None for name in _DRAWN
    )
    return _Shown(delay, _sums(counts, group), fit, response, group)


def has_decay(analysis: PhotonAnalysis) -> bool:
    """Whether an analysis holds a decay with photons."""
    data = analysis.data
    return "decay" in data and bool(data.sizes["delay"]) and float(data["decay"].sum()) > 0


def decay(analysis: PhotonAnalysis, ax: Axes | Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot the fluorescence decay on a logarithmic axis with its fit, and the residuals below.

    Parameters
    ----------
    analysis
        From :func:`qdmol.analyze_photons`, or read back from a file.
    ax
        Two axes, decay and residuals; without a fit one. By default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of decay and residuals, (2,) or (1,).

    Raises
    ------
    qdmol.errors.InputError
        The analysis holds no decay, or the number of axes is wrong.
    """
    data = analysis.data
    if not has_decay(analysis):
        raise missing("fluorescence decay", "recording with pulsed excitation")
    shown = _shown(data)
    panels = 1 if shown.fit is None else 2
    with drawing_on(ax, panels, lambda: _layout(panels)) as axes_of:
        upper = axes_of[0]
        _draw_counts(upper, shown)
        panel_title(upper, "", "Fluorescence decay")
        if panels == 1:
            upper.set_xlabel("Delay (ns)")
        else:
            upper.tick_params(axis="x", labelbottom=False)
            _draw_residuals(axes_of[1], shown, upper.get_xlim())
    return axes_array(axes_of)


def _layout(panels: int) -> list[Axes]:
    below = _BELOW + _GAP if panels > 1 else 0.0
    figure = new_figure(SINGLE_COLUMN, _BOTTOM + below + _HEIGHT + _TOP)
    width = SINGLE_COLUMN - _LEFT - _RIGHT
    axes_of = [place_axes(figure, _LEFT, _BOTTOM + below, width, _HEIGHT)]
    if panels > 1:
        axes_of.append(place_axes(figure, _LEFT, _BOTTOM, width, _BELOW))
    return axes_of


def draw_decay(analysis: PhotonAnalysis) -> Drawing | None:
    """Figure 2 of a report with its words and numbers; None without a decay."""
    data = analysis.data
    if not has_decay(analysis):
        return None
    shown, figure = _shown(data), figure_of(decay(analysis)[0])
    return Drawing("figure2_decay", _caption(shown, data), _alternative(shown), figure, (_table(data),))


def _draw_counts(axes: Axes, shown: _Shown) -> None:
    positive = np.where(shown.counts > 0, shown.height(shown.counts), np.nan)
    axes.plot(shown.delay, positive, ".", color=BLUE, markersize=1.8, markeredgewidth=0, zorder=2, label="counts")
    top = float(np.nanmax(positive))
    if shown.response is not None and shown.response.max() > 0:
        scaled = shown.response * top / shown.response.max()
        axes.plot(shown.delay, np.where(scaled > 0, scaled, np.nan), color=GREY, linewidth=0.7, label="IRF")
    if shown.fit is not None:
        axes.plot(
            shown.delay,
            np.where(shown.fit > 0, shown.height(shown.fit), np.nan),
            color=VERMILLION,
            zorder=3,
            label="fit",
        )
    axes.set_yscale("log")
    axes.set_ylim(0.6 * max(float(np.nanmin(positive)), 1e-3), 2.0 * top)
    step = shown.delay[1] - shown.delay[0] if len(shown.delay) > 1 else 1.0
    if shown.logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(0.8 * shown.delay[0], 1.25 * shown.delay[-1])
    else:
        axes.set_xlim(shown.delay[0] - step / 2, shown.delay[-1] + step / 2)
    width = "" if shown.group == 1 and step < 1e-9 else f" per {step:.3g} ns"
    axes.set_ylabel("Counts per ns" if shown.width is not None else f"Counts{width}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    if shown.fit is not None or shown.response is not None:
        axes.legend(frameon=False, loc="upper right", handlelength=1.4, borderaxespad=0.2, markerscale=3)


def _draw_residuals(axes: Axes, shown: _Shown, limits: tuple[float, float]) -> None:
    residual = shown.residual
    if residual is None:  # the caller draws this panel only beside a fit
        return
    axes.axhline(0, color=BLACK, linewidth=0.6)
    axes.plot(shown.delay, residual, ".", color=BLUE, markersize=1.5, markeredgewidth=0)
    finite = residual[np.isfinite(residual)]
    bound = max(4.0, float(np.abs(finite).max()) * 1.1) if finite.size else 4.0
    axes.set_ylim(-bound, bound)
    if shown.logarithmic:
        axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.locator_params(axis="y", nbins=3)
    axes.set_xlabel("Delay (ns)")
    axes.set_ylabel("Residual (σ)")


def _caption(shown: _Shown, data: xr.Dataset) -> str:
    parts = ["Fluorescence decay: photon counts against the delay after the pulse"]
    if shown.fit is not None:
        model = str(data["decay_fit"].attrs.get("model", "the fit"))
        parts.append(f"with the fit of {model} by Poisson likelihood, and the residuals in standard deviations")
    text = ", ".join(parts) + "."
    if shown.group > 1:
        text += f" Each point is the sum of {shown.group} bins of the histogram that was fitted."
    if shown.width is not None:
        text += " The bins are unequal, so that counts are divided by the width of their bin."
    if shown.response is not None:
        text += " The instrument response is scaled to the height of the decay."
    return text


def _alternative(shown: _Shown) -> str:
    top = int(np.argmax(shown.counts))
    text = f"Decay of {shown.counts.sum():.0f} photons with its maximum at {shown.delay[top]:.4g} ns"
    residual = shown.residual
    if residual is not None and np.isfinite(residual).any():
        text += f"; the residuals have a standard deviation of {np.nanstd(residual):.2f}"
    return text + "."


def _table(data: xr.Dataset) -> Table:
    named = {
        "decay_bin_width": "bin width (ns)",
        "decay": "photons",
        "decay_fit": "fit (photons)",
        "decay_response": "response (photons)",
    }
    there = [name for name in named if name in data]
    header = ("delay (ns)", *(named[name] for name in there))
    return Table("figure2_decay", header, (data["delay"].values, *(data[name].values for name in there)))
