"""Absorption and emission of monomer, unfused and fused molecule, with measured curves overlaid.

Absorption (cm²) is divided by its value at the band edge or at 300 nm; emission is per nm, on an axis of its own. Each
sample has one colour in all panels. The grey band is the error of the normalised absorption of the spec's own sample:
it is common to all samples, whose differences are known much better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from qdmol.arrays import Floats
from qdmol.plot.drawing import Drawing, Table
from qdmol.plot.solution import values
from qdmol.plot.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    SMALL,
    VERMILLION,
    AxesArray,
    axes_array,
    drawing_on,
    energy_axis,
    figure_of,
    new_figure,
    panel_title,
    place_axes,
    size_mm,
)
from qdmol.prediction import BLUE_NM, Overlay, SampleSpectrum, Spectra
from qdmol.units import HC_EV_NM

At = Literal["edge", "300nm"]

COLOURS = {"monomer": BLUE, "unfused": GREEN, "fused": VERMILLION}


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Curves of one sample in rising wavelength (n,), nm: absorption and its error in cm², emission in 1/nm.

    `members` (2, n) are the 16 and 84 % quantiles over an ensemble, None without one; `edge` and `blue` the absorption
    at the band edge and at 300 nm, NaN where there is none; `errors` those of the absorption normalised at each (n,).
    """

    name: str
    wavelength: Floats
    absorption: Floats
    error: Floats
    members: Floats | None
    emission: Floats
    edge: float
    blue: float
    errors: Mapping[At, Floats]

    @property
    def colour(self) -> str:
        """Colour of the sample, in every panel."""
        return COLOURS.get(self.name, BLACK)

    def unit(self, at: At) -> float:
        """The absorption (cm²) that is drawn as 1."""
        return self.edge if at == "edge" else self.blue


def shown_samples(spectra: Spectra) -> tuple[Shown, ...]:
    """The curves of every sample, in the order of the summary."""
    return tuple(_shown(spectra, sample) for sample in spectra.samples.values())


def _shown(spectra: Spectra, sample: SampleSpectrum) -> Shown:
    data = spectra.data.sel(sample=sample.name)
    back = slice(None, None, -1)  # rising energy is falling wavelength
    energy, absorption = values(data, "energy"), values(data, "absorption")
    members = None
    if "absorption_members" in data:
        bands = data["absorption_members"].transpose("quantile", "energy").values
        members = np.asarray(bands, dtype=float)[[0, -1]][:, back]
    peak = sample.absorption_peak
    inside = energy[0] <= HC_EV_NM / BLUE_NM <= energy[-1]
    return Shown(
        sample.name,
        HC_EV_NM / energy[back],
        absorption[back],
        values(data, "absorption_error")[back],
        members,
        values(data, "emission_per_nm")[back],
        float("nan") if peak is None else float(np.interp(peak.value, energy, absorption)),
        float(np.interp(HC_EV_NM / BLUE_NM, energy, absorption)) if inside else float("nan"),
        {
            "edge": sample.normalised_error(float("nan") if peak is None else peak.value)[back],
            "300nm": sample.normalised_error(HC_EV_NM / BLUE_NM)[back],
        },
    )


def curve_tables(spectra: Spectra, samples: Sequence[Shown], overlays: Sequence[Overlay]) -> tuple[Table, ...]:
    """Every curve with its units: one table a sample, one of the lines, one a measured curve."""
    found = [_sample_table(spectra, one) for one in samples]
    data = spectra.data
    if "line_energy" in data:
        energy = values(data, "line_energy")
        header = ("sample", "energy (eV)", "error (meV)", "wavelength (nm)", "oscillator strength")
        columns = (
            [str(name) for name in data["line_sample"].values], energy, values(data, "line_error"), HC_EV_NM / energy,
            values(data, "line_strength"),
        )  # fmt: skip
        found.append(Table("spectrum_lines", header, columns))
    return (*found, *(_measured_table(one, number) for number, one in enumerate(overlays, start=1)))


def _sample_table(spectra: Spectra, one: Shown) -> Table:
    header = (
        "wavelength (nm)", "energy (eV)", "absorption (cm2)", "error of absorption (cm2)", "absorption over band edge",
        "absorption over 300 nm", "emission (1/nm)", "emission (1/eV)",
    )  # fmt: skip
    per_eV = values(spectra.data.sel(sample=one.name), "emission")[::-1]  # noqa: N806  # the unit's own letters
    columns = (
        one.wavelength, HC_EV_NM / one.wavelength, one.absorption, one.error, one.absorption / one.edge,
        one.absorption / one.blue, one.emission, per_eV,
    )  # fmt: skip
    return Table(f"spectrum_{one.name}", header, columns)


def _measured_table(one: Overlay, number: int) -> Table:
    curve, laid = one.curve, one.laid()
    wavelength, measured = curve.good
    unit = "cm2" if curve.quantity == "absorption" else "1/nm"
    header = ("wavelength (nm)", "energy (eV)", "measured", f"scaled to the prediction ({unit})")
    on = np.full(len(wavelength), np.nan) if laid is None else laid[1]
    return Table(
        f"measured{number}_{one.sample}_{curve.quantity}", header, (wavelength, HC_EV_NM / wavelength, measured, on)
    )


_WIDTH = 130.0  # mm; at this width the text is still read in a picture of 400 pixels
_LEFT, _RIGHT, _BOTTOM, _LOWER, _ROOM, _STICKS, _GAP, _UPPER, _TOP = 12.0, 12.0, 9.0, 38.0, 25.0, 15.0, 1.5, 50.0, 14.0
_BETWEEN, _RIGHT_BELOW = 15.0, 3.0  # mm between the lower panels, and to their right
_LABELLED, _MOST_LABELS, _APART = 0.1, 3, 8.0  # of the strongest line; labels of a sample; mm between them
_ERROR_GREY = "#e2e2e2"
_ABOVE, _BELOW = 0.62, 0.24  # eV shown above the highest absorption and below the lowest emission
_HIGHEST = 3.4  # of the band edge; more of it is in the panels below
_FAINTEST = 2e-3  # of the strongest line; fainter ones are not drawn
_POINTS, _POINTS_BELOW = 90, 45  # circles of a measured curve, in the upper panel and in the lower ones
_LETTER = 1.3  # mm of a name in the strip of ranges; where it does not fit it is left out
_MANY = 2  # curves of one sample; more are drawn as lines
_STEPS = {"edge": "at the band edge", "300nm": "at 300 nm"}
_DASHES = (0, (3.2, 1.4))
_WIDTHS = {"monomer": 1.9, "unfused": 1.2}  # points; wider beneath, so that curves that coincide are all seen
_DARK = 2e-3  # of the maximum of emission; below it nothing is drawn


def has_spectra(spectra: Spectra) -> bool:
    """Whether a prediction holds spectra of any sample."""
    return bool(spectra.samples)


def spectra(
    spectra: Spectra,
    ax: Sequence[Axes] | AxesArray | None = None,
    *,
    overlays: Sequence[Overlay] = (),
    normalise: At = "edge",
) -> AxesArray:
    """Plot absorption and emission of all samples, the lines at the band edge, and the absorption over the whole range.

    Parameters
    ----------
    spectra
        From :func:`qdmol.predict_spectra`, or read back from a file.
    ax
        An array of four axes: the band edge, where emission gets an axis of its own on the right; the oscillator
        strengths below it; the whole absorption normalised at the
        band edge; the same normalised at 300 nm. By default a new figure in the paper style.
    overlays
        Measured curves from ``qdmol.prediction.lay_over``; those without a scale are left out.
    normalise
        Where the absorption in the first panel is 1: ``"edge"`` or ``"300nm"``.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        The axes of the panels (4,).

    Raises
    ------
    qdmol.errors.InputError
        There are not four Axes.
    """
    samples = shown_samples(spectra)
    with drawing_on(ax, 4, _layout) as (upper, sticks, left, right):
        _draw_edge(upper, spectra, samples, overlays, normalise)
        _draw_sticks(sticks, spectra, samples, upper.get_xlim())
        _draw_whole(left, spectra, samples, overlays, "edge")
        _draw_whole(right, spectra, samples, overlays, "300nm")
        panel_title(upper, "a", "Band edge", offset=8.5)
        panel_title(left, "b", "Normalised at the band edge", offset=8.5)
        panel_title(right, "c", "Normalised at 300 nm", offset=8.5)
    return axes_array([upper, sticks, left, right])


def _layout() -> list[Axes]:
    figure = new_figure(_WIDTH, _BOTTOM + _LOWER + _ROOM + _STICKS + _GAP + _UPPER + _TOP)
    wide = _WIDTH - _LEFT - _RIGHT
    half = (_WIDTH - _LEFT - _RIGHT_BELOW - _BETWEEN) / 2
    base = _BOTTOM + _LOWER + _ROOM
    return [
        place_axes(figure, _LEFT, base + _STICKS + _GAP, wide, _UPPER),
        place_axes(figure, _LEFT, base, wide, _STICKS),
        place_axes(figure, _LEFT, _BOTTOM, half, _LOWER),
        place_axes(figure, _LEFT + half + _BETWEEN, _BOTTOM, half, _LOWER),
    ]


def draw_spectra(predicted: Spectra, overlays: Sequence[Overlay] = (), *, normalise: At = "edge") -> Drawing:
    """Figure 1 of a report of spectra with its words and numbers."""
    samples = shown_samples(predicted)
    figure = figure_of(spectra(predicted, overlays=overlays, normalise=normalise)[0])
    caption, words = _caption(samples, overlays, normalise), _alternative(predicted, overlays)
    return Drawing("figure1_spectrum", caption, words, figure, curve_tables(predicted, samples, overlays))


def _window(spectra: Spectra, samples: Sequence[Shown]) -> tuple[float, float]:
    """Wavelengths (nm) around the band edges of all samples."""
    high = [one.absorption_peak.value for one in spectra.samples.values() if one.absorption_peak is not None]
    low = [one.emission_peak.value for one in spectra.samples.values() if one.emission_peak is not None] or high
    ends = float(samples[0].wavelength[0]), float(samples[0].wavelength[-1])
    if not high:
        return ends
    return max(ends[0], HC_EV_NM / (max(high) + _ABOVE)), min(ends[1], HC_EV_NM / (min(low) - _BELOW))


def _draw_edge(
    axes: Axes, spectra: Spectra, samples: Sequence[Shown], overlays: Sequence[Overlay], at: At
) -> None:  # fmt: skip
    window = _window(spectra, samples)
    axes.set_xlim(*window)
    edges = [one.edge / one.unit(at) for one in samples]
    height = float(np.nanmax(edges)) if np.isfinite(edges).any() else 1.0
    top, emission = height, axes.twinx()
    _draw_error(axes, samples[-1], at)
    for one in samples:
        inside = (one.wavelength >= window[0]) & (one.wavelength <= window[1])
        _draw_absorption(axes, one, at)
        _draw_emission(emission, one)
        if np.isfinite(one.unit(at)):
            top = max(top, float(one.absorption[inside].max()) / one.unit(at))
    _draw_measured(axes, samples, overlays, at, emission=emission)
    highest = min(top, _HIGHEST * height)
    axes.set_ylim(0, highest * 1.06)
    axes.locator_params(axis="y", nbins=6)
    axes.set_ylabel("Normalised absorption")
    axes.tick_params(axis="x", labelbottom=False)
    energy_axis(axes, most=9)
    emission.set_ylim(0, 1.06 * max(highest / height, 1.0))  # as high as the band edge
    emission.set_yticks([0.0, 0.5, 1.0])
    emission.tick_params(axis="x", bottom=False, labelbottom=False)
    emission.set_ylabel("Normalised emission (per nm)", rotation=270, va="bottom")
    emission.spines["right"].set_visible(True)
    emission.spines["right"].set_linestyle(_DASHES)
    _legend(axes, samples, overlays)


def _draw_error(axes: Axes, one: Shown, at: At) -> None:
    """Error of the normalised absorption of a sample, and the spread of its particles."""
    unit, error = one.unit(at), one.errors[at]
    if not np.isfinite(unit) or unit <= 0:
        return
    shape = one.absorption / unit
    if one.members is not None:
        for quantile in one.members / unit:
            axes.plot(one.wavelength, quantile, color=one.colour, linewidth=0.5, linestyle=(0, (1, 1)), zorder=2)
    if np.isfinite(error).all():
        low, high = np.maximum(shape - error, 1e-9), shape + error
        axes.fill_between(one.wavelength, low, high, color=_ERROR_GREY, linewidth=0, zorder=0.5)


def _draw_absorption(axes: Axes, one: Shown, at: At) -> None:
    unit = one.unit(at)
    if not np.isfinite(unit) or unit <= 0:
        return
    axes.plot(one.wavelength, one.absorption / unit, color=one.colour, linewidth=_WIDTHS.get(one.name, 1.0), zorder=3)


def _draw_emission(axes: Axes, one: Shown) -> None:
    top = float(np.nanmax(one.emission)) if np.isfinite(one.emission).any() else 0.0
    if top > 0:
        shape = np.where(one.emission > _DARK * top, one.emission / top, np.nan)
        width = _WIDTHS.get(one.name, 1.0)
        axes.plot(one.wavelength, shape, color=one.colour, linestyle=_DASHES, linewidth=width, zorder=3)


def _draw_measured(
    axes: Axes, samples: Sequence[Shown], overlays: Sequence[Overlay], at: At, *, emission: Axes | None
) -> None:  # fmt: skip
    """Measured curves in the colour of their sample; emission only where axes for it are given."""
    by_name = {one.name: one for one in samples}
    window = axes.get_xlim()
    for one in overlays:
        laid, sample = one.laid(at), by_name.get(one.sample)
        emitted = one.curve.quantity == "emission"
        if laid is None or sample is None or (emitted and emission is None):
            continue
        unit = float(np.nanmax(sample.emission)) if emitted else sample.unit(at)
        inside = (laid[0] >= window[0]) & (laid[0] <= window[1])
        points = _POINTS if emission is not None else _POINTS_BELOW
        shape = laid[1][inside] / unit
        mark = "D" if emitted else "o"
        _draw_points(
            emission if emitted and emission is not None else axes,
            laid[0][inside],
            shape,
            sample.colour,
            mark=mark,
            most=0 if _alike(one, overlays) > _MANY else points,
        )


def _draw_points(axes: Axes, wavelength: Floats, shape: Floats, colour: str, *, mark: str, most: int) -> None:
    """At most so many open marks, or a thin line for 0."""
    if not most:
        axes.plot(wavelength, shape, color=colour, linewidth=0.4, alpha=0.7, zorder=2)
        return
    every = max(1, -(-len(wavelength) // most))
    axes.plot(
        wavelength[::every], shape[::every], mark, color=colour, markersize=2.1 if mark == "o" else 1.7,
        markerfacecolor="white", markeredgewidth=0.5, zorder=4,
    )  # fmt: skip


def _legend(axes: Axes, samples: Sequence[Shown], overlays: Sequence[Overlay]) -> None:
    handles = [_sample_handle(one) for one in samples]
    many = [_alike(one, overlays) > _MANY for one in overlays if one.scaled_at is not None]
    if not all(many):
        handles.append(
            Line2D([], [], color=BLACK, linestyle="none", marker="o", markersize=2.6, markerfacecolor="white",
                   markeredgewidth=0.6, label="measured")
        )  # fmt: skip
    if any(many):
        handles.append(Line2D([], [], color=BLACK, linewidth=0.4, label="measured"))
    handles.append(Line2D([], [], color=GREY, linewidth=1.0, linestyle=_DASHES, label="emission"))
    # on the line of the title, where it covers no curve
    height = size_mm(axes)[1]
    axes.legend(
        handles=handles, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0 + 8.6 / height), ncols=len(handles),
        handlelength=1.7, columnspacing=1.1, handletextpad=0.5, borderaxespad=0.0, borderpad=0.0,
    )  # fmt: skip


def _alike(one: Overlay, overlays: Sequence[Overlay]) -> int:
    """Number of curves of the same sample and quantity."""
    return sum(other.sample == one.sample and other.curve.quantity == one.curve.quantity for other in overlays)


def _sample_handle(one: Shown) -> Line2D:
    return Line2D([], [], color=one.colour, linewidth=_WIDTHS.get(one.name, 1.0), label=one.name)


def _draw_sticks(axes: Axes, spectra: Spectra, samples: Sequence[Shown], window: tuple[float, float]) -> None:
    """Oscillator strengths as sticks, a row a sample, all to one scale."""
    data = spectra.data
    owner = np.array([str(name) for name in data["line_sample"].values]) if "line_sample" in data else np.array([])
    place, strength = HC_EV_NM / values(data, "line_energy"), values(data, "line_strength")
    inside = (place >= window[0]) & (place <= window[1])
    strongest = float(strength[inside].max()) if inside.any() else 1.0
    for row, one in enumerate(reversed(samples)):
        mine = inside & (owner == one.name) & (strength > _FAINTEST * strongest)
        axes.axhline(row, color=GREY, linewidth=0.3, zorder=1)
        axes.vlines(place[mine], row, row + 0.9 * strength[mine] / strongest, color=one.colour, linewidth=1.0, zorder=2)
        width = size_mm(axes)[0] / (window[1] - window[0])  # mm per nm
        for number in _labelled(place[mine], strength[mine], strongest, _APART / width):
            nm = float(place[mine][number])
            beside = _side(nm, np.append(place[mine & (strength > _LABELLED * strongest)], window))
            axes.annotate(
                f"{HC_EV_NM / nm:.3f}", (nm, row + 0.45), (beside[0], 0), textcoords="offset points", ha=beside[1],
                va="center", fontsize=SMALL, color=one.colour, zorder=3,
            )  # fmt: skip
    axes.set_xlim(*window)
    axes.set_ylim(0, len(samples))
    axes.set_yticks([])
    axes.set_ylabel("Transitions\n(eV)")
    axes.set_xlabel("Wavelength (nm)")


def _side(nm: float, places: Floats) -> tuple[float, Literal["left", "right"]]:
    """Offset (points) and alignment of a label beside a line, on the side where the next line is further away."""
    to_right = min((place - nm for place in places if place > nm), default=0.0)
    to_left = min((nm - place for place in places if place < nm), default=0.0)
    return (2.5, "left") if to_right >= to_left else (-2.5, "right")


def _labelled(place: Floats, strength: Floats, strongest: float, apart: float) -> list[int]:
    """The strongest lines that have a label: at least so strong, and so far (nm) from the label of a stronger one."""
    chosen: list[int] = []
    for number in np.argsort(-strength, kind="stable"):
        near = any(abs(place[number] - place[other]) < apart for other in chosen)
        if strength[number] >= _LABELLED * strongest and not near and len(chosen) < _MOST_LABELS:
            chosen.append(int(number))
    return chosen


def _draw_whole(
    axes: Axes, spectra: Spectra, samples: Sequence[Shown], overlays: Sequence[Overlay], at: At
) -> None:  # fmt: skip
    window = _whole_window(spectra, samples)
    axes.set_xlim(*window)
    _draw_error(axes, samples[-1], at)
    for one in samples:
        _draw_absorption(axes, one, at)
    _draw_measured(axes, samples, overlays, at, emission=None)
    drawn = [one for one in samples if np.isfinite(one.unit(at))]
    top = max((float(one.absorption.max()) / one.unit(at) for one in drawn), default=1.0)
    if at == "300nm":
        axes.set_yscale("log")
        low = min((one.edge / one.blue for one in drawn if np.isfinite(one.edge)), default=0.01)
        axes.set_ylim(0.25 * low, 2.6 * top)
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, 1.32 * top)
    axes.set_xlabel("Wavelength (nm)")
    axes.set_ylabel("Normalised absorption")
    energy_axis(axes, most=5)
    _mark_ranges(axes, spectra)


def _whole_window(spectra: Spectra, samples: Sequence[Shown]) -> tuple[float, float]:
    return float(samples[0].wavelength[0]), _window(spectra, samples)[1] - 20.0


def _mark_ranges(axes: Axes, spectra: Spectra) -> None:
    """A strip along the top that names the model of each spectral range, and thin lines between the ranges."""
    low, high = axes.get_xlim()
    across = axes.get_xaxis_transform()
    width = size_mm(axes)[0] / (high - low)  # mm per nm
    for number, part in enumerate(spectra.own.ranges):
        if not (np.isfinite(part.low) and np.isfinite(part.high)):
            continue
        start, stop = max(HC_EV_NM / part.high, low), min(HC_EV_NM / part.low, high)
        if stop <= start:
            continue
        axes.axvspan(start, stop, 0.925, 0.993, color="#cfcfcf" if number % 2 else "#e4e4e4", linewidth=0, zorder=5)
        axes.axvline(stop, color=GREY, linewidth=0.4, linestyle=(0, (1, 1.5)), zorder=0)
        if width * (stop - start) > _LETTER * len(part.name):
            middle = (start + stop) / 2
            axes.text(
                middle, 0.96, part.name, transform=across, ha="center", va="center", fontsize=SMALL, zorder=6
            )  # fmt: skip


def _caption(samples: Sequence[Shown], overlays: Sequence[Overlay], normalise: At) -> str:
    names = ", ".join(one.name for one in samples)
    own = samples[-1].name
    text = (
        f"Predicted spectra ({names}). a, Absorption divided by its value {_STEPS[normalise]} (solid, left axis), and "
        "emission per nm (dashed, right axis); below, the oscillator strength of each transition, the strongest "
        "labelled with their energies. b, c, Absorption over the whole range; grey strips: from red to blue the ranges "
        f"of excitons, of independent pairs and of the bulk density of states (of the {own} sample). Grey band: error "
        f"of the normalised absorption of the {own} sample; it is common to all samples, whose differences are known "
        "better."
    )
    if any(one.members is not None for one in samples):
        text += f" Dotted: 16th and 84th percentile of the particles of the {own} sample."
    if any(one.scaled_at is not None for one in overlays):
        text += (
            " Open circles (emission: diamonds) or thin lines: measured, in the colour of their sample; absorption is "
            "scaled to the prediction where that is 1 (at the band edge if the curve does not reach 300 nm), emission "
            "at its maximum."
        )
    return text


def _alternative(spectra: Spectra, overlays: Sequence[Overlay]) -> str:
    parts = []
    for sample in spectra.samples.values():
        absorbed, emitted = sample.absorption_wavelength, sample.emission_wavelength
        if absorbed is not None and emitted is not None:
            parts.append(f"{sample.name}: absorption from {absorbed:.1f} nm, emission at {emitted:.1f} nm")
    drawn = sum(one.scaled_at is not None for one in overlays)
    return f"Spectra. {'; '.join(parts)}. {drawn} measured curves are overlaid."
