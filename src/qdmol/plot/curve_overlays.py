"""Figures of many measured curves: on one axis, as differences, as second derivatives, and as kinetics of a series.

Absorption and excitation belong to the left axis, emission to an axis of its own on the right. Curves of one sample
have one colour; curves of a series have colours along a sequential map. Legends stand below the axes, where they cover
no data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize, to_hex
from matplotlib.lines import Line2D

from qdmol.arrays import Floats
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN,
    GREEN,
    GREY,
    VERMILLION,
    AxesArray,
    axes_array,
    drawing_on,
    energy_axis,
    figure_of,
    missing,
    new_figure,
    panel_title,
    place_axes,
    to_energy,
)
from qdmol.spectroscopy import (
    LEVEL,
    AxisKind,
    ComparedCurve,
    CurveComparison,
    DerivativeCurve,
    Difference,
    Measurement,
    shown,
)
from qdmol.statistics import normal_quantile
from qdmol.units import HC_EV_NM

SAMPLE_COLOURS: Final = {"monomer": BLUE, "monomers": BLUE, "unfused": GREEN, "fused": VERMILLION}
# Okabe and Ito (see the style); yellow is left out, which is too faint for lines
_CYCLE: Final = (BLUE, VERMILLION, GREEN, "#CC79A7", "#E69F00", "#56B4E9", BLACK)
_SEQUENCE, _LIGHTEST = "viridis", 0.88  # the yellow end is too faint for lines
_LEFT, _RIGHT, _RIGHT_AXIS, _BAR, _BOTTOM, _TOP, _HEIGHT = 14.0, 4.0, 12.0, 15.0, 10.0, 10.0, 66.0  # mm
_LEGEND_ROW, _LEGEND_GAP = 4.0, 2.0  # mm
_WIDTHS: Final = (2.0, 1.3, 0.8)  # points
_FOCUSED: Final = ("edge", "isosbestic")  # normalisations whose figure shows the region of the band edge
_RED_OF: Final = 100.0  # nm shown to the red of the last position
_MOST_NAMES = 24  # names of curves in a legend
_HIGHEST = 3.6  # of the band edge, to which curves are normalised; more of the blue is cut off
_EMISSION_DASHES, _EXCITATION_DASHES = (0, (4.0, 1.4)), (0, (1.2, 1.0))
_AXIS_LABELS = {"absorption": "absorbance", "excitation": "excitation", "emission": "emission"}
_WIDE_RANGE = 30.0  # ratio of the largest to the smallest value from which colours are logarithmic
_LONGEST_NAME = 34
_FEWEST = 16  # points of a second derivative
_NEAR = 0.35  # eV about a fitted position, which sets the scale of second derivatives
_HALF = float(normal_quantile((1 + LEVEL) / 2))
_MARKS = {"absorption": ("o", BLUE), "excitation": ("s", GREEN), "emission": ("D", VERMILLION)}


def has_curve_overlay(comparison: CurveComparison) -> bool:
    """Whether any curve is normalised."""
    return any(entry.amplitude is not None for entry in comparison.curves)


def curve_overlay(
    comparison: CurveComparison, ax: Axes | None = None, *, fits: bool = False, axis: AxisKind = "wavelength"
) -> Axes:
    """Plot all curves of a comparison on one axis, normalised.

    Parameters
    ----------
    comparison
        From :func:`qdmol.compare_curves`.
    ax
        By default a new figure in the paper style.
    fits
        Draw each curve as points and its fit as a line.
    axis
        ``wavelength`` (nm, intensities per nm) or ``energy`` (eV, intensities per eV by the Jacobian λ²/hc).

    Returns
    -------
    matplotlib.axes.Axes
        The axes of absorption, or of the only quantity; emission beside absorption has an axis on the right.

    Raises
    ------
    qdmol.errors.InputError
        No curve is normalised.
    """
    if not has_curve_overlay(comparison):
        raise missing("normalised curve", "curve with a band edge, or another normalisation")
    with drawing_on(ax, 1, lambda: _layout(comparison, two=_two_axes(comparison))) as (left,):
        right = left.twinx() if _two_axes(comparison) else None
        colours = _colours(comparison)
        for number, entry in enumerate(comparison.curves):
            axes = right if right is not None and entry.curve.quantity == "emission" else left
            width = _width(comparison, number)
            _draw_curve(axes, comparison, entry, colours[number], width=width, fits=fits, axis=axis)
        _dress_left(left, comparison, axis)
        if right is not None:
            _dress_right(right, comparison)
        _mark_isosbestic(left, comparison, axis)
        _finish(left, comparison, colours, right=right is not None, fits=fits)
    return left


def _two_axes(comparison: CurveComparison) -> bool:
    return "emission" in comparison.quantities and len(comparison.quantities) > 1


def _layout(comparison: CurveComparison, *, two: bool) -> list[Axes]:
    rows = _legend_rows(comparison)
    below = _BOTTOM + (_LEGEND_GAP + _LEGEND_ROW * rows if rows else 0.0)
    right = (_RIGHT_AXIS if two else _RIGHT) + (_BAR if comparison.series is not None else 0.0)
    figure = new_figure(DOUBLE_COLUMN, below + _HEIGHT + _TOP)
    return [place_axes(figure, _LEFT, below, DOUBLE_COLUMN - _LEFT - right, _HEIGHT)]


def _colours(comparison: CurveComparison) -> list[str]:
    """Colour of each curve: along the series, else of its sample."""
    if comparison.series is not None:
        norm, values = _norm(comparison), comparison.series.values
        return [
            GREY if value is None else to_hex(colormaps[_SEQUENCE](_LIGHTEST * float(norm(value)))) for value in values
        ]
    samples = list(dict.fromkeys(entry.sample for entry in comparison.curves))
    if all(sample.casefold() in SAMPLE_COLOURS for sample in samples):
        return [SAMPLE_COLOURS[entry.sample.casefold()] for entry in comparison.curves]
    if len(samples) <= len(_CYCLE):
        return [_CYCLE[samples.index(entry.sample)] for entry in comparison.curves]
    place = [_LIGHTEST * samples.index(entry.sample) / (len(samples) - 1) for entry in comparison.curves]
    return [to_hex(colormaps[_SEQUENCE](at)) for at in place]


def _norm(comparison: CurveComparison) -> Normalize:
    assert comparison.series is not None
    values = [value for value in comparison.series.values if value is not None]
    low, high = min(values), max(values)
    if low == high:
        return Normalize(low - 0.5, high + 0.5)
    return LogNorm(low, high) if low > 0 and high / low > _WIDE_RANGE else Normalize(low, high)


def _width(comparison: CurveComparison, number: int) -> float:
    """Width of a line: of few samples, the first are wider, so that curves that coincide are all seen."""
    samples = list(dict.fromkeys(entry.sample for entry in comparison.curves))
    if comparison.series is not None or len(samples) > len(_WIDTHS):
        return 0.9
    return _WIDTHS[len(_WIDTHS) - len(samples) + samples.index(comparison.curves[number].sample)]


def _draw_curve(
    axes: Axes,
    comparison: CurveComparison,
    entry: ComparedCurve,
    colour: str,
    *,
    width: float,
    fits: bool,
    axis: AxisKind,
) -> None:
    normalised = entry.normalised(axis)
    if normalised is None:
        return
    wavelength, values, _ = normalised
    x = _position(wavelength, axis)
    emission = entry.curve.quantity == "emission" and _two_axes(comparison)
    style = _EMISSION_DASHES if emission else _EXCITATION_DASHES if entry.curve.quantity == "excitation" else "-"
    if not fits or entry.fit is None:
        axes.plot(x, values, color=colour, linewidth=width, linestyle=style, zorder=3)
        return
    mark = "D" if emission else "o"
    axes.plot(x, values, mark, color=colour, markersize=1.5 if emission else 1.8, markeredgewidth=0, alpha=0.45,
              zorder=2)  # fmt: skip
    window = entry.fit.wavelength_nm
    factor = entry.factor(window, axis)
    assert factor is not None
    fitted = factor * (entry.fit.fitted - entry.level.value)
    axes.plot(_position(window, axis), fitted, color=colour, linewidth=width, linestyle=style, zorder=4)


def _position(wavelength: Floats, axis: AxisKind) -> Floats:
    return wavelength if axis == "wavelength" else HC_EV_NM / wavelength


def _dress_left(axes: Axes, comparison: CurveComparison, axis: AxisKind) -> None:
    quantities = [q for q in comparison.quantities if not (q == "emission" and _two_axes(comparison))]
    names = " and ".join(_AXIS_LABELS[quantity] for quantity in quantities)
    drawn = [e for e in comparison.curves if e.curve.quantity in quantities and e.amplitude is not None]
    top, bottom = _extent(drawn, axis)
    if comparison.normalise == "none":
        axes.set_ylabel(names.capitalize() + (" intensity" if quantities == ["emission"] else ""))
    else:
        unit = " (1/nm)" if axis == "wavelength" else " (1/eV)"
        area = unit if comparison.normalise == "area" and quantities == ["emission"] else ""
        axes.set_ylabel(f"Normalised {names}{area}")
    if comparison.normalise in _FOCUSED and "absorption" in quantities:
        top = min(top, _HIGHEST)
    axes.set_ylim(bottom - 0.03 * (top - bottom), top + 0.06 * (top - bottom))
    axes.set_xlim(*_limits(comparison, axis))
    if axis == "wavelength":
        axes.set_xlabel("Wavelength (nm)")
        energy_axis(axes, most=12)
    else:
        axes.set_xlabel("Energy (eV)")
        _wavelength_axis(axes)


def _dress_right(axes: Axes, comparison: CurveComparison) -> None:
    drawn = [e for e in comparison.curves if e.curve.quantity == "emission" and e.amplitude is not None]
    top, bottom = _extent(drawn, "wavelength")
    label = "Emission intensity" if comparison.normalise == "none" else "Normalised emission"
    axes.set_ylabel(label, rotation=270, va="bottom")
    axes.tick_params(axis="x", bottom=False, labelbottom=False)
    axes.spines["right"].set_visible(True)
    axes.spines["right"].set_linestyle(_EMISSION_DASHES)
    axes.set_ylim(bottom - 0.03 * (top - bottom), top + 0.06 * (top - bottom))


def _extent(entries: Sequence[ComparedCurve], axis: AxisKind) -> tuple[float, float]:
    tops, bottoms = [1e-300], [0.0]
    for entry in entries:
        normalised = entry.normalised(axis)
        if normalised is not None and len(normalised[1]):
            tops.append(float(normalised[1].max()))
            # noise below zero belongs into the figure, a few wild points do not
            bottoms.append(float(np.quantile(normalised[1], 0.01)))
    return max(tops), min(bottoms)


def _limits(comparison: CurveComparison, axis: AxisKind) -> tuple[float, float]:
    """Wavelengths of all curves; the far blue is left out where it is cut off anyway."""
    entries = [entry for entry in comparison.curves if entry.amplitude is not None and len(entry.curve.good[0])]
    low = min(float(entry.curve.good[0][0]) for entry in entries)
    high = max(float(entry.curve.good[0][-1]) for entry in entries)
    if comparison.normalise in _FOCUSED:
        positions = [entry.fit.position_nm.value for entry in entries if entry.fit is not None]
        high = min(high, max(positions) + _RED_OF) if positions else high
        starts = []
        for entry in entries:
            normalised = entry.normalised()
            if entry.curve.quantity == "absorption" and normalised is not None:
                above = normalised[0][normalised[1] > _HIGHEST]
                starts.append(float(above.max()) if len(above) else float(normalised[0][0]))
        low = max(low, min(starts, default=low) - 5.0) if starts else low
    return (low, high) if axis == "wavelength" else (HC_EV_NM / high, HC_EV_NM / low)


def _wavelength_axis(axes: Axes) -> None:
    """Wavelengths (nm) along the top of axes over energy (eV)."""
    twin = axes.secondary_xaxis("top", functions=(to_energy, to_energy))
    twin.set_xlabel("Wavelength (nm)", labelpad=4)
    low, high = axes.get_xlim()
    short, long = HC_EV_NM / high, HC_EV_NM / max(low, 1e-3)
    span = long - short
    step = next(step for step in (5, 10, 20, 50, 100, 200, 500) if span / step <= 8 or step == 500)
    ticks = np.arange(math.ceil(short / step) * step, long, step)
    keep: list[float] = []
    for tick in ticks:  # towards the red, wavelengths crowd on an axis of energy
        if not keep or HC_EV_NM / keep[-1] - HC_EV_NM / tick > 0.055 * (high - low):
            keep.append(float(tick))
    twin.set_xticks(keep)
    twin.xaxis.set_major_formatter("{x:g}")
    axes.spines["top"].set_visible(True)


def _mark_isosbestic(axes: Axes, comparison: CurveComparison, axis: AxisKind) -> None:
    for point in comparison.isosbestic[:1]:
        place = point.wavelength_nm
        low, high = sorted(float(x) for x in _position(np.array([place.low, place.high]), axis))
        middle = float(_position(np.array([place.value]), axis)[0])
        axes.axvline(middle, color=GREY, linewidth=0.6, linestyle=(0, (1, 1.5)), zorder=1)
        axes.axvspan(low, high, color=GREY, alpha=0.25, linewidth=0, zorder=0)
        axes.annotate(
            f"{shown(place)} nm", (middle, 1.0), (3, -3), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="left", va="top", fontsize=6, color=GREY,
        )  # fmt: skip


def _legend_labels(comparison: CurveComparison, *, references: bool = True) -> list[str]:
    """Names in the legend: samples, or the kinds of lines of a series."""
    if comparison.series is not None:
        return []
    omitted = () if references else comparison.references.values()
    drawn = [e for k, e in enumerate(comparison.curves) if e.amplitude is not None and k not in omitted]
    names = list(dict.fromkeys(entry.sample for entry in drawn))
    return names[:_MOST_NAMES]


def _columns(comparison: CurveComparison) -> int:
    labels = _legend_labels(comparison)
    longest = min(max(map(len, labels), default=1), _LONGEST_NAME)
    return max(1, min(len(labels), int(150 // (1.35 * longest + 9.0))))


def _legend_rows(comparison: CurveComparison) -> int:
    labels = len(_legend_labels(comparison))
    rows = -(-labels // _columns(comparison)) if labels else 0
    return rows + 1  # the last row names the kinds of lines


def _finish(
    axes: Axes,
    comparison: CurveComparison,
    colours: Sequence[str],
    *,
    right: bool = False,
    fits: bool = False,
    references: bool = True,
    kinds: bool = True,
) -> None:
    """Legends below the axes, and the colour bar of a series."""
    names = _legend_labels(comparison, references=references)
    of_sample = {entry.sample: colours[k] for k, entry in reversed([*enumerate(comparison.curves)])}
    handles = [Line2D([], [], color=of_sample[name], linewidth=1.4, label=_short(name)) for name in names]
    height = float(axes.get_window_extent().height) / float(figure_of(axes).dpi) * 25.4
    offset = (_BOTTOM - 0.5) / height
    if handles:
        first = axes.legend(
            handles=handles, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -offset), borderaxespad=0.0,
            ncols=_columns(comparison), handlelength=1.6, columnspacing=1.4, labelspacing=0.35,
        )  # fmt: skip
        axes.add_artist(first)
    lines = _kind_handles(comparison, fits=fits, right=right) if kinds else []
    if len(lines) > 1:
        rows = (_legend_rows(comparison) - 1) * _LEGEND_ROW / height
        axes.legend(
            handles=lines, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -offset - rows), borderaxespad=0.0,
            ncols=len(lines), handlelength=2.2, columnspacing=1.6,
        )  # fmt: skip
    if comparison.series is not None:
        _colour_bar(axes, comparison, right=right)


def _kind_handles(comparison: CurveComparison, *, fits: bool, right: bool) -> list[Line2D]:
    styles: dict[str, Any] = {"absorption": "-", "excitation": _EXCITATION_DASHES, "emission": _EMISSION_DASHES}
    several = len(comparison.quantities) > 1
    handles: list[Line2D] = []
    if fits:
        label = "measured" if not _two_axes(comparison) else "measured (emission: diamonds)"
        handles.append(Line2D([], [], color=GREY, marker="o", linestyle="none", markersize=2.4, markeredgewidth=0,
                              label=label))  # fmt: skip
    for quantity in comparison.quantities:
        style: Any = styles[quantity] if several else "-"
        suffix = " (right axis)" if quantity == "emission" and right else ""
        name = f"{quantity}{', fit' if fits and several else ''}{suffix}" if several else "fit" if fits else quantity
        handles.append(Line2D([], [], color=GREY, linewidth=1.1, linestyle=style, label=name))
    return handles


def _colour_bar(axes: Axes, comparison: CurveComparison, *, right: bool) -> None:
    assert comparison.series is not None
    width = float(axes.get_window_extent().width) / float(figure_of(axes).dpi) * 25.4
    gap = (_RIGHT_AXIS + 1.0 if right else _RIGHT) / width
    inset = axes.inset_axes((1.0 + gap, 0.0, 2.6 / width, 1.0))
    full = colormaps[_SEQUENCE](np.linspace(0.0, _LIGHTEST, 256))
    from matplotlib.colors import ListedColormap

    bar = figure_of(axes).colorbar(ScalarMappable(_norm(comparison), ListedColormap(full)), cax=inset)
    bar.set_label(comparison.series.label)
    bar.outline.set_linewidth(0.5)
    if isinstance(bar.norm, LogNorm):
        bar.ax.yaxis.set_major_formatter("{x:g}")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def draw_curve_overlay(
    comparison: CurveComparison, *, fits: bool = False, axis: AxisKind = "wavelength"
) -> Drawing | None:
    """Figure of a report with its words and numbers: every curve as recorded and normalised, at its own points."""
    if not has_curve_overlay(comparison):
        return None
    figure = figure_of(curve_overlay(comparison, fits=fits, axis=axis))
    text = f"{len(comparison)} measured curves, {_normalisation_words(comparison)}."
    if axis == "energy" and comparison.quantities != ("absorption",):
        text += " Intensities are per eV: multiplied by λ²/hc."
    if fits:
        text += " Points: as measured; lines: fits, in the fitted range."
    if comparison.series is not None:
        text += f" Colours: {comparison.series.kind}."
    if _two_axes(comparison):
        text += " Dashed, right axis: emission."
    if comparison.normalise in _FOCUSED and "absorption" in comparison.quantities:
        text += f" Absorption above {_HIGHEST} times that value is cut off; the CSV files hold it."
    words = "; ".join(
        f"{entry.curve.name}: {entry.curve.quantity} at {shown(entry.fit.position_nm)} nm"
        for entry in comparison.curves[:12] if entry.fit is not None
    )  # fmt: skip
    tables = tuple(recorded_table(entry, number) for number, entry in enumerate(comparison.curves))
    return Drawing("figure1_curves", text, f"Measured curves. {words}.", figure, tables)


def _normalisation_words(comparison: CurveComparison) -> str:
    words = {
        "edge": "normalised at the band edge (emission at its maximum)",
        "isosbestic": "normalised at the isosbestic point",
        "maximum": "normalised at the maximum",
        "area": "normalised to equal areas",
        "none": "not normalised",
    }
    return words.get(comparison.normalise, f"normalised at {comparison.normalise.replace('nm', ' nm')}")


def recorded_table(entry: ComparedCurve, number: int) -> Table:
    """Every recorded point of a curve with its normalised value; values that are not used are marked."""
    curve = entry.curve
    wavelength = curve.wavelength_nm
    factor = entry.factor(wavelength)
    unknown = np.full(len(wavelength), np.nan)
    normalised = unknown if factor is None else factor * (curve.values - entry.level.value)
    error = unknown.copy()
    usable = np.asarray(curve.usable, dtype=bool)
    if factor is not None:
        error[usable] = np.abs(factor[usable]) * entry.noise.deviation
    header = ("wavelength (nm)", "energy (eV)", "recorded", "used", "normalised", "noise of normalised")
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{curve.source}-{curve.name}")[:50].strip("-")
    columns = (wavelength, HC_EV_NM / wavelength, curve.values, usable.astype(int), normalised, error)
    return Table(f"curve{number}_{stem}", header, columns)


def has_curve_differences(comparison: CurveComparison) -> bool:
    """Whether any curve has a difference to its reference."""
    return any(isinstance(each, Difference) for each in comparison.differences.values())


def curve_differences(comparison: CurveComparison, ax: Axes | None = None) -> Axes:
    """Plot the differences of the normalised curves and their references, each with its 95 % band.

    Parameters
    ----------
    comparison
        From :func:`qdmol.compare_curves`, of at least two curves of one quantity.
    ax
        By default a new figure in the paper style.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    qdmol.errors.InputError
        There is no difference.
    """
    if not has_curve_differences(comparison):
        raise missing("difference", "second curve of the same quantity that overlaps with the first")
    with drawing_on(ax, 1, lambda: _layout(comparison, two=False)) as (axes,):
        colours = _colours(comparison)
        low, high = math.inf, -math.inf
        for number, each in comparison.differences.items():
            if not isinstance(each, Difference):
                continue
            half, colour = each.half_width, colours[number]
            emission = comparison.curves[number].curve.quantity == "emission" and _two_axes(comparison)
            axes.fill_between(each.wavelength_nm, each.value - half, each.value + half, color=colour, alpha=0.16,
                              linewidth=0, zorder=1)  # fmt: skip
            axes.plot(each.wavelength_nm, each.value, color=colour, linewidth=0.9,
                      linestyle=_EMISSION_DASHES if emission else "-", zorder=3)  # fmt: skip
            low, high = min(low, float(each.value.min())), max(high, float(each.value.max()))
        axes.axhline(0, color=BLACK, linewidth=0.6, zorder=2)
        axes.set_xlim(*_limits(comparison, "wavelength"))
        visible = _visible_range(comparison, axes.get_xlim()) or (low, high)
        room = 0.08 * (visible[1] - visible[0]) or 1.0
        axes.set_ylim(visible[0] - room, visible[1] + room)
        axes.set_xlabel("Wavelength (nm)")
        axes.set_ylabel("Difference of normalised curves")
        energy_axis(axes, most=12)
        _mark_isosbestic(axes, comparison, "wavelength")
        _finish(axes, comparison, colours, references=False)
    return axes


def _visible_range(comparison: CurveComparison, limits: tuple[float, float]) -> tuple[float, float] | None:
    """Smallest and largest difference within the limits of the axis."""
    values = [
        each.value[(each.wavelength_nm >= limits[0]) & (each.wavelength_nm <= limits[1])]
        for each in comparison.differences.values() if isinstance(each, Difference)
    ]  # fmt: skip
    visible = np.concatenate(values) if values else np.array([])
    return (float(visible.min()), float(visible.max())) if len(visible) else None


def draw_curve_differences(comparison: CurveComparison) -> Drawing | None:
    """Figure of a report with its words and numbers; None without differences."""
    if not has_curve_differences(comparison):
        return None
    figure = figure_of(curve_differences(comparison))
    names = ", ".join(comparison.curves[number].curve.name for number in comparison.references.values())
    text = (
        f"Each curve minus its reference ({names}), {_normalisation_words(comparison)}. Bands: 95 %, from the noise of "
        "both curves, of their normalisation and of their zero."
    )
    tables = []
    for number, each in comparison.differences.items():
        if isinstance(each, Difference):
            header = ("wavelength (nm)", "energy (eV)", "difference", "standard error")
            columns = (each.wavelength_nm, HC_EV_NM / each.wavelength_nm, each.value, each.error)
            tables.append(Table(f"difference{number}", header, columns))
    return Drawing(
        "figure2_differences", text, "Difference spectra; the numbers are in the tables.", figure, tuple(tables)
    )


def has_curve_derivatives(comparison: CurveComparison) -> bool:
    """Whether any curve is normalised and has enough points for a second derivative."""
    return any(entry.amplitude is not None and len(entry.curve.good[0]) >= _FEWEST for entry in comparison.curves)


def curve_derivatives(comparison: CurveComparison, ax: Axes | None = None) -> Axes:
    """Plot the second derivatives of the normalised curves with respect to energy, each with its 95 % band.

    Parameters
    ----------
    comparison
        From :func:`qdmol.compare_curves`.
    ax
        By default a new figure in the paper style.

    Returns
    -------
    matplotlib.axes.Axes
        The axes over photon energy, with emission only where nothing else was measured. Transitions are minima; dotted
        lines show the fitted positions.

    Raises
    ------
    qdmol.errors.InputError
        No curve has a second derivative.
    """
    if not any(isinstance(each, DerivativeCurve) for each in comparison.derivatives.values()):
        raise missing("second derivative", f"curve of at least {_FEWEST} points")
    with drawing_on(ax, 1, lambda: _layout(comparison, two=False)) as (axes,):
        colours, bounds = _colours(comparison), [0.0]
        places: list[float] = []
        for number, each in comparison.derivatives.items():
            if not isinstance(each, DerivativeCurve):
                continue
            entry, colour = comparison.curves[number], colours[number]
            if entry.curve.quantity == "emission" and _two_axes(comparison):
                continue
            axes.fill_between(each.energy_eV, each.value - _HALF * each.error, each.value + _HALF * each.error,
                              color=colour, alpha=0.16, linewidth=0, zorder=1)  # fmt: skip
            axes.plot(each.energy_eV, each.value, color=colour, linewidth=_width(comparison, number), zorder=3)
            if entry.fit is not None:
                places.append(entry.fit.position_eV.value)
                position = entry.fit.position_eV.value
                axes.axvline(position, color=colour, linewidth=0.6, linestyle=(0, (1, 1.5)), zorder=0)
                # structure far from the edge and noise at the ends of the range would set the scale
                near = np.isfinite(each.value) & (np.abs(each.energy_eV - position) < _NEAR)
                bounds += [*each.value[near]]
        axes.axhline(0, color=BLACK, linewidth=0.6, zorder=2)
        low, high = min(bounds), max(bounds)
        room = 0.1 * (high - low) or 1.0
        axes.set_ylim(low - room, high + room)
        limits = _limits(comparison, "energy")
        if places:
            limits = max(limits[0], min(places) - _NEAR), min(limits[1], max(places) + 2 * _NEAR)
        axes.set_xlim(*limits)
        axes.set_xlabel("Energy (eV)")
        axes.set_ylabel("Second derivative (eV⁻²)")
        _wavelength_axis(axes)
        _finish(axes, comparison, colours, kinds=False)
    return axes


def draw_curve_derivatives(comparison: CurveComparison) -> Drawing | None:
    """Figure of a report with its words and numbers; None without a derivative."""
    if not any(isinstance(each, DerivativeCurve) for each in comparison.derivatives.values()):
        return None
    figure = figure_of(curve_derivatives(comparison))
    tables = [
        Table(f"derivative{number}", ("energy (eV)", "second derivative (1/eV2)", "standard error"),
              (each.energy_eV, each.value, each.error))
        for number, each in comparison.derivatives.items() if isinstance(each, DerivativeCurve)
    ]  # fmt: skip
    windows = sorted({f"{each.window_meV:.0f}" for each in comparison.derivatives.values()
                      if isinstance(each, DerivativeCurve)}, key=float)  # fmt: skip
    text = (
        f"Second derivative of the curves, {_normalisation_words(comparison)}, with respect to the photon energy, by a "
        f"cubic in a window of {' or '.join(windows)} meV. Transitions are minima; dotted: fitted positions. Bands: "
        "95 %, from the noise. The scale is that of the region around the fitted positions."
    )
    return Drawing(
        "figure4_derivatives", text, "Second derivatives; the numbers are in the tables.", figure, tuple(tables)
    )


def has_curve_kinetics(comparison: CurveComparison) -> bool:
    """Whether a series holds at least two fitted curves of one quantity."""
    return comparison.series is not None and any(
        len(_kinetic(comparison, quantity)) > 1 for quantity in comparison.quantities
    )


def _kinetic(comparison: CurveComparison, quantity: str) -> list[tuple[float, ComparedCurve]]:
    assert comparison.series is not None
    return [
        (value, entry)
        for value, entry in zip(comparison.series.values, comparison.curves, strict=True)
        if value is not None and entry.curve.quantity == quantity and entry.fit is not None
    ]


def curve_kinetics(comparison: CurveComparison, ax: Sequence[Axes] | AxesArray | None = None) -> AxesArray:
    """Plot peak position and peak height of a series against time or dose, with 95 % intervals.

    Parameters
    ----------
    comparison
        From :func:`qdmol.compare_curves` with a series.
    ax
        An array of two axes, positions and heights; by default a new figure in the paper style.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of positions and heights (2,).

    Raises
    ------
    qdmol.errors.InputError
        There is no series of fitted curves, or there are not two Axes.
    """
    if not has_curve_kinetics(comparison):
        raise missing("series of fitted curves", "series of at least two curves with a peak or an edge")
    assert comparison.series is not None
    series = comparison.series
    with drawing_on(ax, 2, _kinetics_layout) as (left, right):
        handles = []
        for quantity in comparison.quantities:
            mark, colour = {"absorption": ("o", BLUE), "excitation": ("s", GREEN), "emission": ("D", VERMILLION)}[
                quantity
            ]
            points = _kinetic(comparison, quantity)
            for value, entry in points:
                assert entry.fit is not None
                face = "white" if entry.fit.kind == "edge" else colour
                _point(left, value, entry.fit.position_nm, mark, colour, face)
                height = _relative_height(comparison, entry)
                if height is not None:
                    _point(right, value, height, mark, colour, face)
            handles.append(Line2D([], [], color=colour, marker=mark, markersize=3, linestyle="none", label=quantity))
        left.set_ylabel("Position (nm)")
        right.set_ylabel("Peak height / reference")
        for axes, letter, title in ((left, "a", "Peak position (open: edge)"), (right, "b", "Peak height as recorded")):
            axes.set_xlabel(series.label)
            panel_title(axes, letter, title)
            if isinstance(_norm(comparison), LogNorm):
                axes.set_xscale("log")
                axes.xaxis.set_major_formatter("{x:g}")
            axes.margins(x=0.05, y=0.08)
        if len(handles) > 1:
            left.legend(handles=handles, frameon=False, loc="upper center", bbox_to_anchor=(1.12, -0.27), ncols=3)
    return axes_array([left, right])


def _point(axes: Axes, x: float, measurement: Measurement, mark: str, colour: str, face: str) -> None:
    axes.errorbar(
        x, measurement.value, measurement.half_width, fmt=mark, color=colour, markerfacecolor=face, markersize=3,
        markeredgewidth=0.7, elinewidth=0.8, capsize=1.5,
    )  # fmt: skip


def _relative_height(comparison: CurveComparison, entry: ComparedCurve) -> Measurement | None:
    """Peak height over that of the reference, whose error is not added: it is shown at the reference itself."""
    reference = comparison.curves[comparison.references[entry.curve.quantity]]
    if entry.peak_amplitude is None or reference.peak_amplitude is None:
        return None
    return entry.peak_amplitude.scaled(1 / reference.peak_amplitude.value)


def _kinetics_layout() -> list[Axes]:
    figure = new_figure(DOUBLE_COLUMN, 66.0)
    return [place_axes(figure, left, 17.0, 72.0, 42.0) for left in (14.0, 103.0)]


def draw_curve_kinetics(comparison: CurveComparison) -> Drawing | None:
    """Figure of a report with its words and numbers; None without a series of fits."""
    if not has_curve_kinetics(comparison):
        return None
    assert comparison.series is not None
    figure, series = figure_of(curve_kinetics(comparison)[0]), comparison.series
    rows: dict[str, list[object]] = {}
    for quantity in comparison.quantities:
        for value, entry in _kinetic(comparison, quantity):
            assert entry.fit is not None
            position, height = entry.fit.position_nm, _relative_height(comparison, entry)
            cells = {
                "curve": entry.curve.name, "quantity": quantity, f"{series.kind} ({series.unit})": value,
                "position (nm)": position.value, "position half interval (nm)": position.half_width,
                "height over reference": math.nan if height is None else height.value,
                "height half interval": math.nan if height is None else height.half_width,
            }  # fmt: skip
            for key, cell in cells.items():
                rows.setdefault(key, []).append(cell)
    text = (
        f"a, Position of each peak (open: steepest slope of an edge) against {series.kind}. b, Its height as recorded, "
        "over that of the reference. Bars: 95 % intervals."
    )
    table = Table("kinetics", tuple(rows), tuple(rows.values()))
    return Drawing("figure3_kinetics", text, "Kinetics of peak position and height; see the table.", figure, (table,))
