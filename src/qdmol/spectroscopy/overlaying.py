"""Many measured curves on one axis: a reference, one normalisation, shifts, differences and series, with errors."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.results import Drawable, SavedResult, array_groups, decode, encode, save_result, saved_attributes
from qdmol.spectroscopy.comparing import compare_curves, fit_curve
from qdmol.spectroscopy.crossings import IsosbesticPoint, isosbestic_points
from qdmol.spectroscopy.derivative import DerivativeCurve, second_derivative
from qdmol.spectroscopy.overlay_summary import overlay_dataset, overlay_rows, overlay_sentences, overlay_summary
from qdmol.spectroscopy.point_noise import PointNoise, point_noise
from qdmol.spectroscopy.reading import read_curves
from qdmol.spectroscopy.scaling import (
    BLUE_NM,
    Normalisation,
    amplitude_at,
    area_amplitude,
    edge_amplitude,
    level_of,
    maximum_amplitude,
    normalisation_of,
    per_eV_factor,
    ratio_of,
)
from qdmol.spectroscopy.series import Series, SeriesKind, series_of
from qdmol.spectroscopy.values import LEVEL, Comparison, Curve, CurveFlag, Measurement, Noise, PeakFit
from qdmol.statistics import normal_quantile
from qdmol.units import HC_EV_NM

if TYPE_CHECKING:
    import xarray as xr

KIND = "curve comparison"
QUANTITIES: Final = ("absorption", "excitation", "emission")
AxisKind = Literal["wavelength", "energy"]
Baseline = Literal["auto", "none"]
_ABOVE: Final = 0.7  # eV above the position, over which a second derivative is complete
_POINTS_INSIDE: Final = 7.5  # points in its window
_MOST_POINTS: Final = 320
_LEAST_COMMON: Final = 5  # points in a common range
_WORDS: Final = re.compile(
    r"[(\[]\s*(?:counts?(?:\s*/\s*s)?|cps|1/s|a\.?\s?u\.?|arb\.?[^)\]]*|m?od|m?au)\s*[)\]]|"
    r"(?<![a-z])(?:counts?|cps|normali[sz]ed|absorption|absorbance|abs|extinction|emission|fluorescence|"
    r"photoluminescence|luminescence|intensity|"
    r"excitation|spectrum|spectra|uv[-_ ]?vis|ple|pl|fl|em)(?![a-z])|[()\[\]]",
    re.IGNORECASE,
)
_NO_INTERVAL: Final = "The curve has no fit, so that its shift is unknown."


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ComparedCurve:
    """One curve of a comparison.

    Parameters
    ----------
    curve
        As recorded.
    sample
        Name of the sample: that of the column or file without the words for its quantity. Curves of one sample share
        one colour.
    fit, reason
        The fit, or why there is none.
    level
        Zero of the curve, which is subtracted before it is normalised.
    amplitude
        Height above the level that is drawn as 1 (an area in the unit of the curve times nm); None where the curve
        cannot be normalised, and then `refusal` says why.
    normalised_at
        What the amplitude is: ``edge``, ``maximum``, a wavelength, ``isosbestic``, ``area`` or ``none``.
    place_nm
        Wavelength of the amplitude; None for an area or without normalisation.
    peak_amplitude
        Height above the level at the band edge or maximum, in the unit of the curve.
    relative_300nm
        Height at the band edge over that at 300 nm, both above the level; None where the curve does not reach 300 nm.
    change
        Shift and broadening relative to the reference of the same quantity; None for the reference itself.
    notes
        Remarks on level, normalisation and fit.
    """

    curve: Curve
    sample: str
    fit: PeakFit | None
    reason: str
    level: Measurement
    amplitude: Measurement | None
    refusal: str
    normalised_at: str
    place_nm: float | None
    peak_amplitude: Measurement | None
    relative_300nm: Measurement | None
    change: Comparison | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<ComparedCurve {self.curve.name or self.sample}: {self.curve.quantity}>"

    @property
    def noise(self) -> PointNoise:
        """Noise of the usable points."""
        return point_noise(self.curve, self.fit)

    def factor(self, wavelength: Floats, axis: AxisKind = "wavelength") -> Floats | None:
        """Factor (n,) from the recorded curve, less its level, to the normalised one at wavelengths (n,) in nm.

        On the energy axis an intensity is per eV. None where the curve cannot be normalised.
        """
        if self.amplitude is None:
            return None
        jacobian = np.ones_like(wavelength)
        if axis == "energy":
            unit = HC_EV_NM if self.place_nm is None else 1.0
            jacobian = per_eV_factor(self.curve, wavelength) / unit
            if self.place_nm is not None:
                jacobian = jacobian / per_eV_factor(self.curve, np.array([self.place_nm]))[0]
            elif self.curve.quantity == "absorption":
                jacobian = np.ones_like(wavelength)
        return jacobian / self.amplitude.value

    def normalised(self, axis: AxisKind = "wavelength") -> tuple[Floats, Floats, Floats] | None:
        """Wavelength (n,) in nm, normalised value (n,) and its standard error (n,) of the usable points.

        The error holds the noise of the points alone; that of the amplitude is common to all, and is given by
        `amplitude`. None where the curve cannot be normalised.
        """
        wavelength, values = self.curve.good
        factor = self.factor(wavelength, axis)
        if factor is None:
            return None
        return wavelength, factor * (values - self.level.value), np.abs(factor) * self.noise.deviation


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Difference:
    """Difference of a normalised curve and its reference.

    Parameters
    ----------
    wavelength_nm
        Points of the curve in the range of both (n,), nm.
    value
        Curve minus reference (n,); the reference is interpolated linearly.
    error
        Standard error (n,): noise of both curves, of both amplitudes and of both levels.
    """

    wavelength_nm: Floats
    value: Floats
    error: Floats

    def __repr__(self) -> str:
        low, high = self.wavelength_nm[0], self.wavelength_nm[-1]
        return f"<Difference: {len(self.value)} points, {low:.4g} to {high:.4g} nm>"

    @property
    def half_width(self) -> Floats:
        """Half the 95 % interval of each point (n,)."""
        half: Floats = float(normal_quantile((1 + LEVEL) / 2)) * self.error
        return half


@dataclass(frozen=True, eq=False, repr=False)
class CurveComparison(Drawable):
    """Result of :func:`qdmol.compare_curves`: curves on one axis, normalised and compared with a reference.

    Attributes
    ----------
    curves : tuple of ComparedCurve
        In the order given, or of the series.
    references : dict
        Number of the reference in `curves` (from 0), by quantity.
    normalise : str
        Requested normalisation.
    isosbestic : tuple of IsosbesticPoint
        Where all curves cross, the one used first; empty unless requested.
    series : Series or None
        Times or doses in the order of `curves`.
    notes : tuple of str
        Remarks on the whole.
    """

    curves: tuple[ComparedCurve, ...]
    references: dict[str, int]
    normalise: str
    isosbestic: tuple[IsosbesticPoint, ...] = ()
    series: Series | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.curves)

    def __getitem__(self, index: int) -> ComparedCurve:
        return self.curves[index]

    def __repr__(self) -> str:
        quantities = ", ".join(self.quantities)
        return f"<CurveComparison: {len(self)} curves of {quantities}, normalised at {self.normalise}>"

    def __str__(self) -> str:
        header, rows = overlay_rows(self)
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (header, *rows)]
        return "\n".join((*table, "", *overlay_sentences(self)))

    def _repr_html_(self) -> str:
        header, rows = overlay_rows(self)
        head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    @property
    def quantities(self) -> tuple[str, ...]:
        """Quantities that were measured, absorption first."""
        measured = {entry.curve.quantity for entry in self.curves}
        return tuple(quantity for quantity in QUANTITIES if quantity in measured)

    @property
    def complete(self) -> bool:
        """Whether every curve is fitted and normalised."""
        return all(entry.fit is not None and entry.amplitude is not None for entry in self.curves)

    def reference_of(self, index: int) -> ComparedCurve | None:
        """Reference of a curve; None for the reference itself."""
        number = self.references.get(self.curves[index].curve.quantity)
        return None if number is None or number == index else self.curves[number]

    def difference(self, index: int) -> Difference:
        """Difference of a normalised curve (number from 0) and its reference.

        Raises
        ------
        qdmol.errors.DataError
            The curve is the reference, one of both is not normalised, or they have no range in common.
        """
        entry, reference = self.curves[index], self.reference_of(index)
        if reference is None:
            raise DataError(f"{entry.curve.name} is the reference of its quantity.")
        return _difference(entry, reference)

    @cached_property
    def differences(self) -> dict[int, Difference | str]:
        """Difference of every curve that is no reference, by its number, or the reason why there is none."""
        differences: dict[int, Difference | str] = {}
        for index in range(len(self)):
            if self.reference_of(index) is None:
                continue
            try:
                differences[index] = self.difference(index)
            except DataError as error:
                differences[index] = str(error)
        return differences

    @cached_property
    def derivatives(self) -> dict[int, DerivativeCurve | str]:
        """Second derivative of every normalised curve with respect to the energy (eV⁻²), or why there is none.

        All curves have the window of the curve that needs the widest one, so that they can be compared.
        """
        derivatives: dict[int, DerivativeCurve | str] = {}
        window = max(map(_window_of, self.curves), default=0.0) or None
        for index, entry in enumerate(self.curves):
            if entry.amplitude is None:
                derivatives[index] = entry.refusal
                continue
            try:
                derivative = second_derivative(entry.curve, window_meV=window)
            except (DataError, InputError) as error:
                derivatives[index] = str(error)
                continue
            value, error_of = (part / entry.amplitude.value for part in (derivative.value, derivative.error))
            derivatives[index] = replace(derivative, value=value, error=error_of)
        return derivatives

    @property
    def summary(self) -> dict[str, Any]:
        """JSON object with all numbers, as of ``qdmol spectrum compare --json``."""
        return overlay_summary(self)

    @cached_property
    def data(self) -> xr.Dataset:
        """Numbers with their intervals and units along the dimension ``curve``; NaN where there is none."""
        return overlay_dataset(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the comparison with its curves and fits to a NetCDF file that :func:`qdmol.load` reads back.

        Raises
        ------
        InputError
            The file name does not end in ``.nc``.
        OutputError
            The file cannot be written.
        """
        arrays: dict[str, Any] = {}
        record = {"comparison": encode(self, arrays)}
        return save_result(path, kind=KIND, values=record, data=self.data, arrays=arrays)

    def contents(self) -> tuple[xr.Dataset, dict[str, xr.Dataset]]:
        """Dataset and groups of the file that :meth:`save` writes."""
        arrays: dict[str, Any] = {}
        record = {"comparison": encode(self, arrays)}
        return self.data.assign_attrs(saved_attributes(KIND, record)), array_groups(arrays)

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the comparison that a file holds; InputError where it holds no complete one."""
        try:
            result: Self = decode(saved.values["comparison"], _CLASSES, saved.arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise saved.incomplete("comparison of curves", error) from None
        return result


_CLASSES = (
    CurveComparison, ComparedCurve, Comparison, Curve, CurveFlag, Measurement, Noise, PeakFit, IsosbesticPoint, Series,
)  # fmt: skip


def overlay_curves(
    curves: str | Path | Curve | PeakFit | Iterable[str | Path | Curve | PeakFit],
    *,
    reference: str | int | None = None,
    normalise: str = "edge",
    series: SeriesKind | None = None,
    times: str | Sequence[float] | None = None,
    doses: str | Sequence[float] | None = None,
    baseline: Baseline = "auto",
    progress: Callable[[str], None] | None = None,
) -> CurveComparison:
    """Compare measured curves with a reference, all normalised in one way; the root calls it ``qdmol.compare_curves``.

    Parameters
    ----------
    curves
        Curves, fits of curves, and files of curves, in any order; quantities may be mixed, and each quantity has a
        reference of its own.
    reference
        Number of the reference curve (from 0, as in the printed table), or a name: of a column, a sample, or a file. A
        name may select one curve of each quantity. By default the first curve of each quantity, or of the series.
    normalise
        ``edge`` (the band edge as fitted; of emission the maximum), a wavelength such as ``300nm``, ``isosbestic``,
        ``maximum``, ``area`` or ``none``. A wavelength and an isosbestic point are those of absorption if there is any,
        and emission is then normalised at its maximum.
    series
        ``time`` or ``dose``: sort the curves by the value in their names.
    times, doses
        The values of the series instead, one for each curve in the order given: numbers (s), or a text with units.
    baseline
        ``auto`` subtracts the mean of the transparent range from absorption, and the mean outside the fitted peak from
        emission; ``none`` takes the zero as recorded.
    progress
        Called with a line of text before each fit.

    Returns
    -------
    CurveComparison
        Numbers, differences and figures; printed, a table.

    Raises
    ------
    qdmol.errors.InputError
        No curve, a curve that is neither absorption, excitation nor emission, a reference that does not exist or is
        ambiguous, an unknown normalisation, a wavelength that no curve reaches, or invalid times.
    qdmol.errors.DataError
        No isosbestic point.
    """
    normalisation = normalisation_of(normalise)
    if baseline not in ("auto", "none"):
        raise InputError(field="baseline", value=baseline, allowed="auto or none")
    read = _read(curves)
    order, places = _order([curve for curve, _ in read], series, times, doses)
    read = [read[number] for number in order]
    listed = [curve for curve, _ in read]
    names = _sample_names(listed)
    references = _references(listed, names, reference)
    parts = []
    for number, (curve, fit) in enumerate(read):
        if progress is not None:
            progress(f"curve {number + 1} of {len(read)}")
        parts.append(_Part.of(curve, fit, names[number], baseline))
    points = _isosbestic(parts) if normalisation.method == "isosbestic" else ()
    entries = _normalised(parts, normalisation, points)
    entries = [_compared(entry, entries, references) for entry in entries]
    notes = _notes(entries, normalisation)
    return CurveComparison(tuple(entries), references, str(normalisation), points, places, notes)


def _read(curves: Any) -> list[tuple[Curve, PeakFit | None]]:
    if not isinstance(curves, str | Path | Curve | PeakFit | Iterable):
        raise InputError(field="curves", value=type(curves).__name__, allowed="curves, fits of curves, or files")
    listed = [curves] if isinstance(curves, str | Path | Curve | PeakFit) else list(curves)
    read: list[tuple[Curve, PeakFit | None]] = []
    for each in listed:
        if isinstance(each, PeakFit):
            read.append((each.curve, each))
        elif isinstance(each, Curve):
            read.append((each, None))
        elif isinstance(each, str | os.PathLike):
            read += [(curve, None) for curve in read_curves(Path(each))]
        else:
            raise InputError(field="curves", value=type(each).__name__, allowed="curves, fits of curves, or files")
    if not read:
        raise InputError(field="curves", value=0, allowed="at least one curve")
    for curve, _ in read:
        if curve.quantity not in QUANTITIES:
            allowed = f"one of {', '.join(QUANTITIES)}; convert transmission with -log10"
            raise InputError(field="curve", value=f"{curve.quantity} ({curve.name})", allowed=allowed)
    return read


def _order(
    curves: Sequence[Curve],
    series: SeriesKind | None,
    times: str | Sequence[float] | None,
    doses: str | Sequence[float] | None,
) -> tuple[list[int], Series | None]:
    """Numbers of the curves in the order of the series, and the series in that order."""
    if times is not None and doses is not None:
        raise InputError(field="doses", value=doses, allowed="absent if times are given")
    if times is not None or doses is not None:
        kind: SeriesKind = "time" if times is not None else "dose"
        if series not in {None, kind}:
            raise InputError(field="series", value=series, allowed=f"{kind} if {kind}s are given")
        found = series_of(curves, kind=kind, given=times if times is not None else doses)
    elif series is not None:
        found = series_of(curves, kind=series)
    else:
        return list(range(len(curves))), None

    def rank(number: int) -> tuple[int, float]:
        value = found.values[number]  # curves without one stand at the end
        return QUANTITIES.index(curves[number].quantity), math.inf if value is None else value

    order = sorted(range(len(curves)), key=rank)
    return order, replace(found, values=tuple(found.values[k] for k in order))


def _sample_names(curves: Sequence[Curve]) -> list[str]:
    """Names of samples: the columns without words for quantities; the files where nothing is left."""
    names = []
    for curve in curves:
        stem = curve.source.rpartition(".")[0] or curve.source
        texts = (curve.name, stem)
        stripped = [re.sub(r"[\s_-]+", " ", _WORDS.sub(" ", text.replace("_", " "))).strip(" ,;:-") for text in texts]
        names.append(next((text for text in stripped if text), curve.name or stem or curve.quantity))
    return names


def _references(curves: Sequence[Curve], samples: Sequence[str], reference: str | int | None) -> dict[str, int]:
    """Number of the reference of each quantity."""
    firsts: dict[str, int] = {}
    for number, curve in enumerate(curves):
        firsts.setdefault(curve.quantity, number)
    if reference is None:
        return firsts
    text = str(reference).strip()
    if not any(text.casefold() in _names_of(curve, sample)[0] for curve, sample in zip(curves, samples, strict=True)):
        try:
            number = int(text)
        except ValueError:
            number = -1
        if text.lstrip("+-").isdigit():
            if not 0 <= number < len(curves):
                raise InputError(field="reference", value=reference, allowed=f"0 to {len(curves) - 1}, or a name")
            # the same sample is the reference of the other quantities
            same: dict[str, int] = {}
            for k, (curve, sample) in enumerate(zip(curves, samples, strict=True)):
                if sample == samples[number]:
                    same.setdefault(curve.quantity, k)
            return {**firsts, **same, curves[number].quantity: number}
    return {**firsts, **_named_references(curves, samples, text)}


def _names_of(curve: Curve, sample: str) -> tuple[tuple[str, ...], ...]:
    """Names of a curve in small letters, the most specific first."""
    stem = curve.source.rpartition(".")[0] or curve.source
    exact = (curve.name, f"{curve.source}: {curve.name}")
    return tuple(tuple(name.casefold() for name in names if name) for names in (exact, (sample,), (curve.source, stem)))


def _named_references(curves: Sequence[Curve], samples: Sequence[str], text: str) -> dict[str, int]:
    for rank in range(3):
        matches: dict[str, list[int]] = {}
        for number, (curve, sample) in enumerate(zip(curves, samples, strict=True)):
            if text.casefold() in _names_of(curve, sample)[rank]:
                matches.setdefault(curve.quantity, []).append(number)
        ambiguous = [numbers for numbers in matches.values() if len(numbers) > 1]
        if ambiguous:
            choices = ", ".join(f"{k} ({curves[k].source}: {curves[k].name})" for k in ambiguous[0][:4])
            raise InputError(field="reference", value=text, allowed=f"the number of one curve: {choices}")
        if matches:
            return {quantity: numbers[0] for quantity, numbers in matches.items()}
    known = ", ".join(dict.fromkeys(curve.name or curve.source for curve in curves))
    shown = known if len(known) < 200 else f"{known[:200]}…"
    raise InputError(field="reference", value=text, allowed=f"a number from 0 to {len(curves) - 1}, or one of {shown}")


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A curve with its fit, noise and level, before it is normalised."""

    curve: Curve
    sample: str
    fit: PeakFit | None
    reason: str
    noise: PointNoise
    level: Measurement
    note: str

    @classmethod
    def of(cls, curve: Curve, fit: PeakFit | None, sample: str, baseline: Baseline) -> _Part:
        reason = ""
        if fit is None:
            try:
                fit = fit_curve(curve)
            except (DataError, InputError) as error:
                reason = str(error)
        noise = point_noise(curve, fit)
        level, note = (Measurement(0.0, 0.0), "") if baseline == "none" else level_of(curve, fit, noise)
        return cls(curve, sample, fit, reason, noise, level, note if fit is not None else "")


def _isosbestic(parts: Sequence[_Part]) -> tuple[IsosbesticPoint, ...]:
    """Isosbestic points of the absorption curves, or of the only quantity."""
    quantity = _leading(parts)
    series = [part for part in parts if part.curve.quantity == quantity]
    return isosbestic_points(
        [part.curve for part in series], [part.noise for part in series], levels=[part.level for part in series]
    )


def _leading(parts: Sequence[_Part]) -> str:
    """Quantity that a wavelength of normalisation belongs to: absorption if there is any."""
    measured = {part.curve.quantity for part in parts}
    return next(quantity for quantity in QUANTITIES if quantity in measured)


def _normalised(
    parts: Sequence[_Part], normalisation: Normalisation, points: Sequence[IsosbesticPoint]
) -> list[ComparedCurve]:
    leading, windows = _leading(parts), _common_windows(parts)
    entries = []
    for part in parts:
        method = normalisation.method
        if method in {"wavelength", "isosbestic"} and part.curve.quantity == "emission" != leading:
            method = "maximum"
        place = points[0].wavelength_nm.value if method == "isosbestic" else normalisation.wavelength_nm
        entries.append(_entry(part, method, place, windows[part.curve.quantity]))
    if normalisation.method == "wavelength" and not any(
        entry.amplitude is not None for entry in entries if entry.normalised_at == str(normalisation)
    ):
        ranges = ", ".join(sorted({f"{_span(part.curve)}" for part in parts if part.curve.quantity == leading}))
        allowed = f"a wavelength at which the curves have a value; they reach from {ranges}"
        raise InputError(field="normalise", value=str(normalisation), allowed=allowed)
    return entries


def _span(curve: Curve) -> str:
    wavelength = curve.good[0]
    return f"{wavelength[0]:.0f} to {wavelength[-1]:.0f} nm" if len(wavelength) else "no usable point"


def _common_windows(parts: Sequence[_Part]) -> dict[str, tuple[float, float]]:
    """Range of wavelengths that all curves of a quantity have in common, for areas; empty if low exceeds high."""
    windows: dict[str, tuple[float, float]] = {}
    for part in parts:
        wavelength = part.noise.wavelength
        if not len(wavelength):
            continue
        low, high = windows.get(part.curve.quantity, (-math.inf, math.inf))
        windows[part.curve.quantity] = (max(low, float(wavelength[0])), min(high, float(wavelength[-1])))
    return {part.curve.quantity: windows.get(part.curve.quantity, (0.0, 0.0)) for part in parts}


def _entry(part: _Part, method: str, place: float | None, window: tuple[float, float]) -> ComparedCurve:
    curve, fit, noise, level = part.curve, part.fit, part.noise, part.level
    peak = None
    if fit is not None:
        try:
            peak = edge_amplitude(curve, fit, noise, level)
        except DataError:
            peak = None
    amplitude, refusal = None, ""
    at: float | None = None
    try:
        if method == "edge" and fit is None:
            raise DataError(f"The curve is not fitted and has no band edge or maximum: {part.reason}")
        if method == "edge" and fit is not None:
            place_of = fit.position_nm.value if curve.quantity == "absorption" else _highest(curve, fit)
            amplitude, at = edge_amplitude(curve, fit, noise, level), place_of
        elif method in {"wavelength", "isosbestic"} and place is not None:
            amplitude, at = amplitude_at(curve, noise, level, place), place
        elif method == "maximum":
            amplitude, at = maximum_amplitude(curve, fit, noise, level), _highest(curve, fit)
        elif method == "area":
            amplitude = area_amplitude(curve, noise, level, window)
        else:
            amplitude = Measurement(1.0, 0.0)
    except DataError as error:
        refusal = str(error)
    label = f"{place:g}nm" if method == "wavelength" and place is not None else method
    if method == "edge" and curve.quantity != "absorption":
        label = "maximum"
    notes = tuple(filter(None, (part.note, *(fit.warnings if fit is not None else ()))))
    return ComparedCurve(
        curve=curve, sample=part.sample, fit=fit, reason=part.reason, level=level, amplitude=amplitude, refusal=refusal,
        normalised_at=label, place_nm=at, peak_amplitude=peak, relative_300nm=_relative(part, peak), notes=notes,
    )  # fmt: skip


def _highest(curve: Curve, fit: PeakFit | None) -> float:
    if fit is not None and curve.quantity != "absorption":
        return (fit.maximum_nm or fit.position_nm).value
    wavelength, values = curve.good
    return float(wavelength[int(np.argmax(values))])


def _relative(part: _Part, peak: Measurement | None) -> Measurement | None:
    """Height at the band edge over that at 300 nm; None for emission, or where the curve does not reach it."""
    if peak is None or part.curve.quantity == "emission":
        return None
    try:
        return ratio_of(peak, amplitude_at(part.curve, part.noise, part.level, BLUE_NM))
    except DataError:
        return None


def _compared(
    entry: ComparedCurve, entries: Sequence[ComparedCurve], references: dict[str, int]
) -> ComparedCurve:  # fmt: skip
    """The entry with its shift to the reference."""
    reference = entries[references[entry.curve.quantity]]
    if reference is entry or entry.fit is None or reference.fit is None:
        return entry
    change = compare_curves(reference.fit, entry.fit)
    return replace(entry, change=change)


def _notes(entries: Sequence[ComparedCurve], normalisation: Normalisation) -> tuple[str, ...]:
    notes = []
    quantities: set[str] = {entry.curve.quantity for entry in entries}
    if normalisation.method in {"wavelength", "isosbestic"} and {"emission"} < quantities:
        notes.append(f"Emission is normalised at its maximum; {normalisation} applies to absorption.")
    if normalisation.method == "area":
        notes.append("Areas are taken over the range that all curves of a quantity have in common.")
    return tuple(notes)


def _window_of(entry: ComparedCurve) -> float:
    """Window (meV) of the second derivative that a curve needs: out of the noise, and with enough points in it."""
    wavelength = entry.curve.good[0]
    if entry.amplitude is None or len(wavelength) < _LEAST_COMMON:
        return 0.0
    try:
        clear = second_derivative(entry.curve).window_meV
    except (DataError, InputError):
        return 0.0
    highest = HC_EV_NM / float(wavelength[0])
    if entry.fit is not None:
        highest = min(highest, entry.fit.position_eV.value + _ABOVE)
    # derivatives and fits average neighbouring points of long curves
    spacing = float(np.median(np.diff(wavelength))) * max(1, -(-len(wavelength) // _MOST_POINTS))
    return float(max(clear, 1e3 * _POINTS_INSIDE * spacing * highest**2 / HC_EV_NM))


def _difference(entry: ComparedCurve, reference: ComparedCurve) -> Difference:
    names = f"{entry.curve.name} and {reference.curve.name}"
    for each in (entry, reference):
        if each.amplitude is None:
            raise DataError(f"{each.curve.name} is not normalised: {each.refusal}")
    theirs, values = reference.curve.good
    wavelength, mine = entry.curve.good
    if len(theirs) < 2 or len(wavelength) < 2:
        raise DataError(f"{names} have no range of wavelengths in common.")
    inside = (wavelength >= theirs[0]) & (wavelength <= theirs[-1])
    if inside.sum() < _LEAST_COMMON:
        raise DataError(f"{names} have no range of wavelengths in common.")
    place = wavelength[inside]
    factor, other_factor = entry.factor(place), reference.factor(place)
    if factor is None or other_factor is None or entry.amplitude is None or reference.amplitude is None:
        raise DataError(f"{names} are not both normalised.")
    own = factor * (mine[inside] - entry.level.value)
    right = np.clip(np.searchsorted(theirs, place), 1, len(theirs) - 1)
    share = (place - theirs[right - 1]) / (theirs[right] - theirs[right - 1])
    other = other_factor * ((1 - share) * values[right - 1] + share * values[right] - reference.level.value)
    noise = reference.noise
    independent = (1 - share) ** 2 * noise.independent[right - 1] + share**2 * noise.independent[right]
    variance = (factor * entry.noise.deviation[inside]) ** 2 + other_factor**2 * (independent + noise.correlated)
    amplitudes = entry.amplitude, reference.amplitude
    levels = entry.level, reference.level
    for shown, scale, amplitude, level in zip((own, other), (factor, other_factor), amplitudes, levels, strict=True):
        variance = variance + (shown * amplitude.error / amplitude.value) ** 2 + (scale * level.error) ** 2
    return Difference(place, own - other, np.sqrt(variance))
