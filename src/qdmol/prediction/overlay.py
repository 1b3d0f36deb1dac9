"""Measured curves beside the predicted ones: whose they are, how they are scaled, by how much they differ.

Like is compared with like: a maximum of absorption with a maximum; where one of the two curves has none, the steepest
slopes below it; of emission the maximum and the width per eV. Energies in eV, widths and differences in meV.

Which sample a measured curve belongs to: what the user says, else the names of its column and its file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.units import HC_EV_NM

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.spectroscopy import Curve, Estimate, PeakFit


SAMPLES = ("monomer", "unfused", "fused")
# "unfused" holds "fused", and so does "non-fused"; letters are bounded by hand, for `_` counts as one
_WORDS = (
    ("unfused", re.compile(r"(?<![a-z])(?:un|non|not)[-_ ]?fused(?![a-z])", re.IGNORECASE)),
    ("fused", re.compile(r"(?<![a-z])(?<!un[-_ ])(?<!non[-_ ])(?<!not[-_ ])fused(?![a-z])", re.IGNORECASE)),
    ("monomer", re.compile(r"(?<![a-z])monomers?(?![a-z])", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredFor:
    """A measured curve, the sample it belongs to, in words how that is known, and whether that is a guess."""

    curve: Curve
    sample: str
    because: str
    guessed: bool = False


def named_sample(text: str) -> str | None:
    """The sample that a text speaks of; None where it speaks of none or of several.

    Examples
    --------
    >>> named_sample("run2_non-fused.csv"), named_sample("Fused dimers"), named_sample("monomer and fused")
    ('unfused', 'fused', None)
    """
    found = [sample for sample, word in _WORDS if word.search(text)]
    return found[0] if len(found) == 1 else None


def assign(curves: Sequence[Curve], samples: Sequence[str], given: str | None = None) -> tuple[MeasuredFor, ...]:
    """Decide which sample each curve of a file belongs to.

    Parameters
    ----------
    curves
        From ``read_curves``.
    samples
        Those that are predicted, the spec's own molecule last.
    given
        The sample of all of them, if the user says so. Else it is the one that the name of the column speaks of, then
        that of the file, and the spec's own molecule where none does.

    Raises
    ------
    qdmol.errors.InputError
        A sample given that is not predicted.
    """
    if given is not None and given not in samples:
        raise InputError(field="measured", value=given, allowed=f"a sample of this spec: {', '.join(samples)}")
    return tuple(_belonging(curve, samples, given) for curve in curves)


def _belonging(curve: Curve, samples: Sequence[str], given: str | None) -> MeasuredFor:
    if given is not None:
        return MeasuredFor(curve, given, "as given")
    for text, where in ((curve.name, "column"), (curve.source, "file")):
        found = named_sample(text)
        if found is not None:
            return MeasuredFor(curve, found, f"by the name of its {where}")
    return MeasuredFor(curve, samples[-1], "neither its column nor its file names a sample", guessed=True)


Normalise = Literal["edge", "300nm"]
Basis = Literal["maximum", "slope", "peak"]

BLUE_NM = 300.0
_NEAR_BLUE = 2.5  # nm, over which a measured curve is averaged
_ABOVE_PEAK = 0.02  # eV above the absorption peak up to which the steepest slope is looked for


class SpectraLike(Protocol):
    """The part of ``qdmol.prediction.Spectra`` that is read; see there."""

    @property
    def spec(self) -> Any: ...  # noqa: D102
    @property
    def summary(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def data(self) -> xr.Dataset: ...  # noqa: D102
    @property
    def converged(self) -> bool: ...  # noqa: D102
    @property
    def warnings(self) -> tuple[str, ...]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Compared:
    """A measured number with its 95 % interval beside the predicted one with its error, all in one unit."""

    measured: Estimate
    predicted: float
    predicted_error: float | None

    @property
    def difference(self) -> float:
        """Measured minus predicted."""
        return self.measured.value - self.predicted

    @property
    def error(self) -> float:
        """Half the interval of the measured number plus the error of the predicted one."""
        return self.measured.half_width + (self.predicted_error or 0.0)

    @property
    def agree(self) -> bool:
        """Whether the difference is within its error."""
        return abs(self.difference) <= self.error


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """One measured curve beside the sample it belongs to.

    Parameters
    ----------
    measured
        The curve, its sample, and how that is known.
    fit, reason
        The fit, or why there is none.
    basis
        What is compared: the ``maximum`` of absorption, its steepest ``slope``, or the ``peak`` of emission per eV.
    position_eV, width_meV, ratio_300nm
        Compared numbers; the ratio is that of the band edge to 300 nm. None where one side has none.
    level
        Of the curve below its band edge, or below its peak: taken off before scaling, in the unit of the curve.
    scales
        Factors that lay the curve, its level taken off, on the prediction: for absorption (to cm²) by where they are
        equal, ``edge`` and ``300nm``; for emission (to 1/nm) ``maximum``. Empty without a fit.
    scaled_at
        Which of them was asked for, or had to be taken.
    notes
        What must be known of the scale and of the comparison.
    """

    measured: MeasuredFor
    fit: PeakFit | None = None
    reason: str = ""
    basis: Basis | None = None
    position_eV: Compared | None = None  # noqa: N815  # the unit's own letters
    width_meV: Compared | None = None  # noqa: N815
    ratio_300nm: Compared | None = None
    level: float = 0.0
    scales: Mapping[str, float] = field(default_factory=dict)
    scaled_at: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def curve(self) -> Curve:
        """What was measured."""
        return self.measured.curve

    @property
    def sample(self) -> str:
        """The name of the sample it belongs to."""
        return self.measured.sample

    def laid(self, at: str | None = None) -> tuple[Floats, Floats] | None:
        """Wavelength (n,) in nm and the curve (n,) in the unit of the prediction, cm² or 1/nm; None without a scale.

        `at` is the place where both are equal, `scaled_at` if not given or if the curve does not reach it.
        """
        if self.scaled_at is None:
            return None
        wavelength, values = self.curve.good
        scale = self.scales.get(at or self.scaled_at, self.scales[self.scaled_at])
        return wavelength, scale * (per_nm(self.curve, wavelength, values) - self.level)


def per_nm(curve: Curve, wavelength: Floats, values: Floats) -> Floats:
    """Values of a curve; intensities per eV as those per nm, but for a constant factor: I(λ) = I(E) hc/λ²."""
    return values / wavelength**2 if curve.quantity != "absorption" and curve.per == "eV" else values


def lay_over(
    spectra: SpectraLike,
    measured: Sequence[MeasuredFor],
    *,
    normalise: Normalise = "edge",
    progress: Callable[[str], None] | None = None,
) -> tuple[Overlay, ...]:
    """Fit measured curves, scale them to the predicted ones and say by how much both differ.

    Parameters
    ----------
    spectra
        The prediction.
    measured
        Curves and their samples, from ``assign``.
    normalise
        Where measured and predicted absorption are made equal: at the band edge, or at 300 nm; there a curve that ends
        before is laid over at the band edge, and its notes say so. Emission is always laid over at its maximum.
    progress
        Called with a line before each fit.
    """
    found = []
    for number, one in enumerate(measured, start=1):
        if progress is not None:
            progress(f"fitting {one.curve.name}, curve {number} of {len(measured)}")
        found.append(_laid_over(spectra, one, normalise))
    return tuple(found)


def _laid_over(spectra: SpectraLike, one: MeasuredFor, normalise: Normalise) -> Overlay:
    from qdmol.spectroscopy import fit_curve

    samples = {str(sample["sample"]): sample for sample in spectra.summary["samples"]}
    if one.sample not in samples:
        return Overlay(one, reason=f"There is no prediction of a sample {one.sample}, only of {', '.join(samples)}.")
    if one.curve.quantity not in {"absorption", "emission"}:
        return Overlay(one, reason=f"It is a curve of {one.curve.quantity}; absorption and emission are compared.")
    try:
        fit = fit_curve(one.curve)
    except (DataError, InputError) as error:
        return Overlay(one, reason=str(error))
    of_sample = spectra.data.sel(sample=one.sample)
    if one.curve.quantity == "emission":
        return _emission(one, fit, samples[one.sample], of_sample)
    return _absorption(one, fit, samples[one.sample], of_sample, normalise)


def _compared(measured: Estimate | None, predicted: float | None, error: float | None) -> Compared | None:
    if measured is None or predicted is None or not np.isfinite(predicted):
        return None
    return Compared(measured, predicted, error)


def _in_eV(error_meV: float | None) -> float | None:  # noqa: N802, N803  # the unit's own letters
    return None if error_meV is None else 1e-3 * error_meV


def _emission(one: MeasuredFor, fit: PeakFit, sample: Mapping[str, Any], of_sample: xr.Dataset) -> Overlay:
    notes = list(fit.warnings)
    window, fitted = fit.wavelength_nm, per_nm(fit.curve, fit.wavelength_nm, fit.fitted)
    top = int(np.argmax(fitted))
    level = float(per_nm(fit.curve, window, fit.background)[top])
    scale = float(of_sample["emission_per_nm"].max()) / float(fitted[top] - level)
    usable = np.isfinite(scale) and scale > 0
    if not usable:
        notes.append("Its maximum does not rise above its background, so that it is not drawn.")
    return Overlay(
        one,
        fit,
        basis="peak",
        position_eV=_compared(fit.peak_eV, sample["emission_peak_eV"], _in_eV(sample["emission_peak_error_meV"])),
        width_meV=_compared(fit.width_meV, sample["emission_width_meV"], sample["emission_width_error_meV"]),
        level=level,
        scales={"maximum": scale} if usable else {},
        scaled_at="maximum" if usable else None,
        notes=tuple(notes),
    )


def _absorption(
    one: MeasuredFor, fit: PeakFit, sample: Mapping[str, Any], of_sample: xr.Dataset, normalise: Normalise
) -> Overlay:
    energy, predicted = (np.asarray(of_sample[name].values, dtype=float) for name in ("energy", "absorption"))
    maxima = sample["absorption_kind"] == "maximum" and fit.maximum_nm is not None
    measured_at = _energy_of(fit.maximum_nm) if maxima and fit.maximum_nm is not None else fit.edge_eV
    place = _predicted_place(sample, energy, predicted, maximum=maxima)
    if measured_at is None or place is None:
        return Overlay(one, fit, reason="The predicted absorption has no band edge to compare with.")
    level = float(fit.fitted[-1])  # the reddest point of the window, below the edge
    scales, notes = _scales(fit, level, measured_at.value, (energy, predicted), place)
    at: str | None = normalise if normalise in scales else ("edge" if "edge" in scales else None)
    if at != normalise and at is not None:
        notes.append(f"The curve begins at {fit.curve.good[0][0]:.0f} nm and is laid over at the band edge instead.")
    if not maxima:
        notes.append("Steepest slopes are compared, for one of the two curves has no maximum at its band edge.")
    return Overlay(
        one,
        fit,
        basis="maximum" if maxima else "slope",
        position_eV=_compared(measured_at, place, _in_eV(sample["absorption_peak_error_meV"])),
        width_meV=_compared(fit.width_meV, sample["absorption_width_meV"], sample["absorption_width_error_meV"]),
        ratio_300nm=_ratio(fit, sample, (energy, predicted), place, maximum=maxima),
        level=level,
        scales=scales,
        scaled_at=at,
        notes=(*notes, *fit.warnings),
    )


def _energy_of(wavelength: Estimate) -> Estimate:
    """A wavelength in nm as a photon energy in eV, its error to first order."""
    energy = HC_EV_NM / wavelength.value
    return replace(wavelength, value=energy, error=wavelength.error * energy / wavelength.value)


def _predicted_place(
    sample: Mapping[str, Any], energy: Floats, predicted: Floats, *, maximum: bool
) -> float | None:  # fmt: skip
    """Photon energy (eV) of the predicted maximum, or of the steepest slope below it."""
    peak: float | None = sample["absorption_peak_eV"]
    if peak is None or maximum or sample["absorption_kind"] == "edge":
        return peak
    below = energy <= peak + _ABOVE_PEAK
    if below.sum() < 3:
        return None
    slope = np.gradient(predicted[below], energy[below])
    return float(energy[below][int(np.argmax(slope))])


def _scales(
    fit: PeakFit, level: float, at: float, curve: tuple[Floats, Floats], place: float
) -> tuple[dict[str, float], list[str]]:  # fmt: skip
    """Factors (cm² a unit of the curve) that make both equal, and what is missing."""
    measured = float(np.interp(HC_EV_NM / at, fit.wavelength_nm, fit.fitted)) - level
    pairs = {"edge": (measured, float(np.interp(place, *curve)))}
    notes = []
    blue = _blue(fit.curve)
    energy, predicted = curve
    if blue is None:
        notes.append(f"It does not reach {BLUE_NM:.0f} nm: no ratio to the absorption there.")
    elif energy[0] <= HC_EV_NM / BLUE_NM <= energy[-1]:
        pairs["300nm"] = (blue - level, float(np.interp(HC_EV_NM / BLUE_NM, energy, predicted)))
    return {name: theirs / mine for name, (mine, theirs) in pairs.items() if mine > 0 and theirs > 0}, notes


def _blue(curve: Curve) -> float | None:
    """Measured value at 300 nm; None where the curve does not reach it."""
    wavelength, values = curve.good
    near = np.abs(wavelength - BLUE_NM) <= _NEAR_BLUE
    reached = near.any() and wavelength[0] <= BLUE_NM <= wavelength[-1]
    return float(values[near].mean()) if reached else None


def _ratio(
    fit: PeakFit, sample: Mapping[str, Any], curve: tuple[Floats, Floats], place: float, *, maximum: bool
) -> Compared | None:  # fmt: skip
    """Band edge over 300 nm: at both peaks, or at both slopes with the relative error of the prediction at its peak."""
    predicted, error = sample["ratio_edge_to_300nm"], sample["ratio_edge_to_300nm_error"]
    unlike = sample["absorption_kind"] == "edge" and fit.kind != "edge"
    if predicted is None or fit.ratio_300nm is None or unlike:
        return None
    if maximum or fit.kind != "edge":
        return Compared(fit.ratio_300nm, predicted, error)
    at_slope = float(np.interp(place, *curve)) / float(np.interp(HC_EV_NM / BLUE_NM, *curve))
    return Compared(fit.ratio_300nm, at_slope, None if error is None else error * at_slope / predicted)
