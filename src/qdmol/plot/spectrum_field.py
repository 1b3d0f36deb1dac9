"""Emission spectra over an applied field along the axis, the share of each dot, and the Stark shift of the maximum.

Fields without numbers are left grey.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.ticker import MaxNLocator

from qdmol.arrays import Floats
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.solution import values
from qdmol.plot.style import (
    BLACK,
    GREY,
    SINGLE_COLUMN,
    SMALL,
    AxesArray,
    axes_array,
    drawing_on,
    figure_of,
    missing,
    new_figure,
    panel_title,
    place_axes,
    to_energy,
)
from qdmol.prediction import FieldSweep, Spectra
from qdmol.units import HC_EV_NM

_LEFT, _WIDTH, _BAR, _BOTTOM, _TOP = 13.5, 50.5, 2.2, 9.0, 6.0  # mm
_MAP, _SHARE, _SHIFT, _GAP = 46.0, 18.0, 24.0, 7.0  # mm
_COLOURS = "viridis"
_NOTHING = "#d9d9d9"
# Not those of the samples (Okabe and Ito, as in the style): orange, purple, sky blue, black.
_DOTS = ("#E69F00", "#8E5A8A", "#56B4E9", BLACK)
_STYLES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1, 1, 1)))
_FAINT = 0.01  # of the brightest; dimmer energies are cut off


def has_field_sweep(spectra: Spectra) -> bool:
    """Whether a prediction holds a sweep of at least two fields, one of them with numbers."""
    sweep = spectra.sweep
    return sweep is not None and len(sweep.fields) > 1 and bool(np.isfinite(sweep.emission).any())


def field_sweep(spectra: Spectra, ax: Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot the emission over the applied field, the share of each dot in it, and the Stark shift of its maximum.

    Parameters
    ----------
    spectra
        From :func:`qdmol.predict_spectra` with ``fields=``, or read back from a file.
    ax
        An array of three axes: map, shares, shift; the map gives room to a colour bar. By default a new figure in the
        paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of the panels (3,).

    Raises
    ------
    qdmol.errors.InputError
        There is no sweep of fields with numbers, or there are not three Axes.
    """
    sweep = spectra.sweep
    if sweep is None or not has_field_sweep(spectra):
        raise missing("field sweep", "prediction with at least two fields (`fields=`, `--field`)")
    data = spectra.data.sortby("field")
    field, energy = values(data, "field"), values(data, "energy")
    rate = np.asarray(data["field_emission"].transpose("field", "energy").values, dtype=float)
    with drawing_on(ax, 3, _layout) as axes_of:
        mesh = _draw_map(axes_of[0], field, energy, rate)
        peak = values(data, "field_emission_peak")
        axes_of[0].plot(field, peak, color=BLACK, linewidth=0.9, linestyle=(0, (2.5, 1.5)))
        _draw_shares(axes_of[1], field, data["field_dot_emission"].transpose("field", "dot").values)
        _draw_shift(axes_of[2], sweep)
        for axes, letter, title in zip(axes_of, "abc", ("Emission", "Emission share", "Stark shift"), strict=True):
            panel_title(axes, letter, title)
            axes.set_xlim(field[0] - 0.5 * (field[1] - field[0]), field[-1] + 0.5 * (field[-1] - field[-2]))
            if sweep.switching is not None:
                colour = "white" if letter == "a" else GREY
                axes.axvline(sweep.switching, color=colour, linewidth=0.7, linestyle=":")
        axes_of[2].set_xlabel("Field along the axis (kV/cm)")
        _colour_bar(axes_of[0], mesh, own_figure=ax is None)
    return axes_array(axes_of)


def draw_field_sweep(spectra: Spectra) -> Drawing | None:
    """Figure 2 of a report of spectra with its words and numbers; None without a sweep of fields with numbers."""
    sweep = spectra.sweep
    if sweep is None or not has_field_sweep(spectra):
        return None
    figure = figure_of(field_sweep(spectra)[0])
    words, tables = _words(sweep), _tables(spectra.data.sortby("field"), sweep)
    return Drawing("figure2_field", words, f"Map of emission over field and energy. {words}", figure, tables)


def _layout() -> list[Axes]:
    figure = new_figure(SINGLE_COLUMN, _BOTTOM + _SHIFT + _SHARE + _MAP + 2 * _GAP + _TOP)
    heights = (_MAP, _SHARE, _SHIFT)
    bottoms = (_BOTTOM + _SHIFT + _SHARE + 2 * _GAP, _BOTTOM + _SHIFT + _GAP, _BOTTOM)
    axes_of = [
        place_axes(figure, _LEFT, bottom, _WIDTH, height) for bottom, height in zip(bottoms, heights, strict=True)
    ]
    for upper in axes_of[:2]:
        upper.tick_params(axis="x", labelbottom=False)
    return axes_of


def _edges(centres: Floats) -> Floats:
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _draw_map(axes: Axes, field: Floats, energy: Floats, rate: Floats) -> QuadMesh:
    axes.set_facecolor(_NOTHING)
    bright = np.nanmax(rate, axis=0) > _FAINT * np.nanmax(rate)
    first, last = int(np.argmax(bright)), len(bright) - int(np.argmax(bright[::-1]))
    shown = slice(max(first - 5, 0), min(last + 5, len(energy)))
    mesh = axes.pcolormesh(
        _edges(field), _edges(energy[shown]), np.ma.masked_invalid(rate[:, shown].T), cmap=_COLOURS, vmin=0,
        rasterized=True,
    )  # fmt: skip
    axes.set_ylabel("Energy (eV)")
    axes.locator_params(axis="y", nbins=6)
    right = axes.secondary_yaxis("right", functions=(to_energy, to_energy))
    low, high = axes.get_ylim()
    span = HC_EV_NM / low - HC_EV_NM / high
    step = next((step for step in (2, 5, 10, 20, 50) if span / step <= 6), 100)
    right.set_yticks(np.arange(np.ceil(HC_EV_NM / high / step) * step, HC_EV_NM / low, step))
    right.yaxis.set_major_formatter("{x:g}")
    right.set_ylabel("Wavelength (nm)", labelpad=2)
    return mesh


def _colour_bar(axes: Axes, mesh: QuadMesh, *, own_figure: bool) -> None:
    figure = figure_of(axes)
    if own_figure:
        side = place_axes(figure, SINGLE_COLUMN - 9.5, _BOTTOM + _SHIFT + _SHARE + 2 * _GAP, _BAR, _MAP)
        bar = figure.colorbar(mesh, cax=side, ticks=MaxNLocator(5))
    else:
        bar = figure.colorbar(mesh, ax=axes, ticks=MaxNLocator(5), pad=0.2)
    bar.outline.set_linewidth(0)
    bar.ax.set_title("1/(eV ns)", fontsize=SMALL, pad=4)
    bar.ax.tick_params(length=1.5, pad=1.5, labelsize=SMALL)


def _draw_shares(axes: Axes, field: Floats, shares: Floats) -> None:
    for dot, share in enumerate(np.asarray(shares, dtype=float).T):
        axes.plot(
            field, share, color=_DOTS[dot % len(_DOTS)], linestyle=_STYLES[dot % len(_STYLES)], marker="o",
            markersize=2.0, label=f"dot {dot}",
        )  # fmt: skip
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("Share")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5), handlelength=1.8, borderaxespad=0.1)


def _draw_shift(axes: Axes, sweep: FieldSweep) -> None:
    field, shift = sweep.fields, 1000 * sweep.stark
    order = np.argsort(field)
    axes.axhline(0, color=GREY, linewidth=0.4)
    axes.plot(field[order], shift[order], color=BLACK, marker="o", markersize=2.0)
    axes.set_ylabel("Shift (meV)")


def _words(sweep: FieldSweep) -> str:
    text = (
        "Emission against a field along the axis. a, Photons per exciton, time and energy; dashed: the maximum. b, "
        "Share of each dot, numbered as listed from 0. c, Shift of the emission maximum from that in the weakest field."
    )
    if sweep.switching is not None:
        text += f" Dotted: {sweep.switching:.3g} kV/cm, where emission moves from one dot to the other.".replace(
            "-", "−"
        )
    if sweep.failed:
        text += f" Grey areas and gaps in the curves: failed fields ({len(sweep.failed)})."
    return text


def _tables(data: xr.Dataset, sweep: FieldSweep) -> tuple[Table, ...]:
    field, energy = values(data, "field"), values(data, "energy")
    rate = np.asarray(data["field_emission"].transpose("field", "energy").values, dtype=float)
    along, across = np.meshgrid(field, energy, indexing="ij")
    named = Table(
        "figure2a_field_emission",
        ("field (kV/cm)", "energy (eV)", "emission (1/(eV ns))"),
        (along.ravel(), across.ravel(), rate.ravel()),
    )
    shares = np.asarray(data["field_dot_emission"].transpose("field", "dot").values, dtype=float)
    order = np.argsort(sweep.fields)
    header = ("field (kV/cm)", "emission peak (eV)", "absorption peak (eV)", "Stark shift (meV)")
    columns = (
        field, values(data, "field_emission_peak"), values(data, "field_absorption_peak"),
        (1000 * sweep.stark)[order],
    )  # fmt: skip
    dots = tuple(f"share of dot {dot}" for dot in range(shares.shape[1]))
    return named, Table("figure2bc_field", header + dots, (*columns, *shares.T))
