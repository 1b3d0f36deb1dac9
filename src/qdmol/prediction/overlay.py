"""Measured curves overlaid on predicted ones: their sample, their scale, and the differences.

The sample of a measured curve is given by the user, else recognised in the name of its column or its file. A maximum of
absorption is compared with a maximum; if one of the two curves has none, the steepest slopes below it are compared. Of
emission the maximum and the width per eV are compared. Energies are in eV, widths and differences in meV.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.estimates import Estimate
from qdmol.prediction.spectra import Spectra
from qdmol.prediction.values import SampleSpectrum
from qdmol.units import HC_EV_NM

if TYPE_CHECKING:
    import xarray as xr

    from qdmol.spectroscopy import Curve, Measurement as MeasuredNumber, PeakFit

Normalise = Literal["edge", "300nm"]
Basis = Literal["maximum", "slope", "peak"]

SAMPLES: Final = ("monomer", "unfused", "fused")
# "unfused" holds "fused", and so does "non-fused"; letters are bounded by hand, for `_` counts as one
_WORDS = (
    ("unfused", re.compile(r"(?<![a-z])(?:un|non|not)[-_ ]?fused(?![a-z])", re.IGNORECASE)),
    ("fused", re.compile(r"(?<![a-z])(?<!un[-_ ])(?<!non[-_ ])(?<!not[-_ ])fused(?![a-z])", re.IGNORECASE)),
    ("monomer", re.compile(r"(?<![a-z])monomers?(?![a-z])", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredFor:
    """A measured curve and its sample; `because` explains the assignment, `guessed` is True if it is a guess."""

    curve: Curve
    sample: str
    because: str
    guessed: bool = False


def named_sample(text: str) -> str | None:
    """Sample named in a text; None if it names none or several.

    Examples
    --------
    >>> named_sample("run2_non-fused.csv"), named_sample("Fused dimers"), named_sample("monomer and fused")
    ('unfused', 'fused', None)
    """
    samples = [sample for sample, word in _WORDS if word.search(text)]
    return samples[0] if len(samples) == 1 else None


def assign(curves: Sequence[Curve], samples: Sequence[str], given: str | None = None) -> tuple[MeasuredFor, ...]:
    """Decide which sample each curve of a file belongs to.

    Parameters
    ----------
    curves
        Curves from :func:`qdmol.spectroscopy.read_curves`.
    samples
        Names of the predicted samples, the spec's own molecule last.
    given
        Sample of all curves, if the user gives it. Otherwise it is taken from the name of the column, then of the
        file; if neither names a sample, the spec's own molecule is assumed.

    Raises
    ------
    qdmol.errors.InputError
        The given sample is not predicted.
    """
    if given is not None and given not in samples:
        raise InputError(field="measured", value=given, allowed=f"a sample of this spec: {', '.join(samples)}")
    return tuple(_assigned(curve, samples, given) for curve in curves)


def _assigned(curve: Curve, samples: Sequence[str], given: str | None) -> MeasuredFor:
    if given is not None:
        return MeasuredFor(curve, given, "as given")
    for text, where in ((curve.name, "column"), (curve.source, "file")):
        sample = named_sample(text)
        if sample is not None:
            return MeasuredFor(curve, sample, f"by the name of its {where}")
    return MeasuredFor(curve, samples[-1], "neither its column nor its file names a sample", guessed=True)


BLUE_NM: Final = 300.0
_AVERAGED_NM: Final = 2.5  # around 300 nm, over which a measured curve is averaged
_ABOVE_PEAK: Final = 0.02  # eV above the absorption peak up to which the steepest slope is looked for


@dataclass(frozen=True, slots=True)
class Compared:
    """A measured number with its 95 % interval beside the predicted one with its error, both in one unit."""

    measured: MeasuredNumber
    predicted: Estimate

    @property
    def difference(self) -> float:
        """Measured minus predicted."""
        return self.measured.value - self.predicted.value

    @property
    def error(self) -> float:
        """Half the interval of the measured number plus the error of the predicted one, if that is known."""
        return self.measured.half_width + (self.predicted.error if np.isfinite(self.predicted.error) else 0.0)

    @property
    def agree(self) -> bool:
        """Whether the difference is within its error."""
        return abs(self.difference) <= self.error


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """One measured curve compared with the predicted spectrum of its sample.

    Parameters
    ----------
    measured
        The curve and its sample.
    fit, reason
        The fit, or the reason why there is none.
    basis
        What is compared: the ``maximum`` of absorption, its steepest ``slope``, or the ``peak`` of emission per eV.
    position_eV, width_meV, ratio_300nm
        Compared numbers; the ratio is that of the band edge to 300 nm. None where one side has no such number.
    level
        Value of the curve below its band edge or its peak, subtracted before scaling, in the unit of the curve.
    scales
        Factors that scale the curve, less its level, to the prediction. For absorption (to cm²) there is one for each
        place at which both are made equal, ``edge`` and ``300nm``; for emission (to 1/nm) ``maximum``. Empty without a
        fit.
    scaled_at
        Place that is used: the requested one, or the band edge if the curve does not reach that.
    notes
        Remarks on the scale and the comparison.
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
        """The measured curve."""
        return self.measured.curve

    @property
    def sample(self) -> str:
        """Name of the curve's sample."""
        return self.measured.sample

    def laid(self, at: str | None = None) -> tuple[Floats, Floats] | None:
        """Wavelength (n,) in nm and the scaled curve (n,) in cm² or 1/nm, as the prediction; None without a scale.

        `at` is the place where both are made equal; `scaled_at` if not given or not reached by the curve.
        """
        if self.scaled_at is None:
            return None
        wavelength, values = self.curve.good
        scale = self.scales.get(at or self.scaled_at, self.scales[self.scaled_at])
        return wavelength, scale * (per_nm(self.curve, wavelength, values) - self.level)


def per_nm(curve: Curve, wavelength: Floats, values: Floats) -> Floats:
    """Values of a curve, with intensities per eV converted to per nm up to a constant factor: I(λ) = I(E) hc/λ²."""
    return values / wavelength**2 if curve.quantity != "absorption" and curve.per == "eV" else values


def lay_over(
    spectra: Spectra,
    measured: Sequence[MeasuredFor],
    *,
    normalise: Normalise = "edge",
    progress: Callable[[str], None] | None = None,
) -> tuple[Overlay, ...]:
    """Fit measured curves, scale them to the predicted ones and compare both.

    Parameters
    ----------
    spectra
        The prediction.
    measured
        Curves and their samples, from :func:`assign`.
    normalise
        Where measured and predicted absorption are made equal: at the band edge, or at 300 nm. A curve that does not
        reach 300 nm is scaled at the band edge, and its notes say so. Emission is always scaled at its maximum.
    progress
        Called with a line of text before each fit.
    """
    overlays = []
    for number, measurement in enumerate(measured, start=1):
        if progress is not None:
            progress(f"fitting {measurement.curve.name}, curve {number} of {len(measured)}")
        overlays.append(_overlay(spectra, measurement, normalise))
    return tuple(overlays)


def _overlay(spectra: Spectra, measured: MeasuredFor, normalise: Normalise) -> Overlay:
    from qdmol.spectroscopy import fit_curve

    curve, sample = measured.curve, spectra.samples.get(measured.sample)
    if sample is None:
        names = ", ".join(spectra.samples)
        return Overlay(
            measured, reason=f"The sample {measured.sample} was not predicted; predicted samples are {names}."
        )
    if curve.quantity not in {"absorption", "emission"}:
        return Overlay(
            measured, reason=f"It is a curve of {curve.quantity}; only absorption and emission are compared."
        )
    try:
        fit = fit_curve(curve)
    except (DataError, InputError) as error:
        return Overlay(measured, reason=str(error))
    data = spectra.data.sel(sample=sample.name)
    if curve.quantity == "emission":
        return _emission(measured, fit, sample, data)
    return _absorption(measured, fit, sample, data, normalise)


def _compared(measured: MeasuredNumber | None, predicted: Estimate | None) -> Compared | None:
    return None if measured is None or predicted is None else Compared(measured, predicted)


def _emission(measured: MeasuredFor, fit: PeakFit, sample: SampleSpectrum, data: xr.Dataset) -> Overlay:
    notes = list(fit.warnings)
    window, fitted = fit.wavelength_nm, per_nm(fit.curve, fit.wavelength_nm, fit.fitted)
    highest = int(np.argmax(fitted))
    level = float(per_nm(fit.curve, window, fit.background)[highest])
    scale = float(data["emission_per_nm"].max()) / float(fitted[highest] - level)
    usable = np.isfinite(scale) and scale > 0
    if not usable:
        notes.append("Its maximum does not exceed its background, so it is not drawn.")
    return Overlay(
        measured,
        fit,
        basis="peak",
        position_eV=_compared(fit.peak_eV, sample.emission_peak),
        width_meV=_compared(fit.width_meV, sample.emission_width),
        level=level,
        scales={"maximum": scale} if usable else {},
        scaled_at="maximum" if usable else None,
        notes=tuple(notes),
    )


def _absorption(
    measured: MeasuredFor, fit: PeakFit, sample: SampleSpectrum, data: xr.Dataset, normalise: Normalise
) -> Overlay:
    energy, predicted = (np.asarray(data[name].values, dtype=float) for name in ("energy", "absorption"))
    maxima = sample.absorption_kind == "maximum" and fit.maximum_nm is not None
    measured_at = _energy_of(fit.maximum_nm) if maxima and fit.maximum_nm is not None else fit.edge_eV
    place = _predicted_place(sample, energy, predicted, maximum=maxima)
    if measured_at is None or place is None:
        return Overlay(measured, fit, reason="The predicted absorption has no band edge to compare with.")
    level = float(fit.fitted[-1])  # the reddest point of the window, below the edge
    scales, notes = _scales(fit, level, measured_at.value, (energy, predicted), place.value)
    at: str | None = normalise if normalise in scales else ("edge" if "edge" in scales else None)
    if at != normalise and at is not None:
        notes.append(f"The curve begins at {fit.curve.good[0][0]:.0f} nm and is scaled at the band edge instead.")
    if not maxima:
        notes.append("Steepest slopes are compared because one of the two curves has no maximum at its band edge.")
    return Overlay(
        measured,
        fit,
        basis="maximum" if maxima else "slope",
        position_eV=_compared(measured_at, place),
        width_meV=_compared(fit.width_meV, sample.absorption_width),
        ratio_300nm=_ratio(fit, sample, (energy, predicted), place.value, maximum=maxima),
        level=level,
        scales=scales,
        scaled_at=at,
        notes=(*notes, *fit.warnings),
    )


def _energy_of(wavelength: MeasuredNumber) -> MeasuredNumber:
    """A wavelength in nm as a photon energy in eV, its error to first order."""
    energy = HC_EV_NM / wavelength.value
    return replace(wavelength, value=energy, error=wavelength.error * energy / wavelength.value)


def _predicted_place(
    sample: SampleSpectrum, energy: Floats, predicted: Floats, *, maximum: bool
) -> Estimate | None:  # fmt: skip
    """Photon energy (eV) of the predicted maximum, or of the steepest slope below it, with the error of the peak."""
    peak = sample.absorption_peak
    if peak is None or maximum or sample.absorption_kind == "edge":
        return peak
    below = energy <= peak.value + _ABOVE_PEAK
    if below.sum() < 3:
        return None
    slope = np.gradient(predicted[below], energy[below])
    return Estimate.from_error(float(energy[below][int(np.argmax(slope))]), peak.error, "eV")


def _scales(
    fit: PeakFit, level: float, at: float, curve: tuple[Floats, Floats], place: float
) -> tuple[dict[str, float], list[str]]:  # fmt: skip
    """Factors (cm² per unit of the curve) that make both equal at each place, and remarks on missing places."""
    measured = float(np.interp(HC_EV_NM / at, fit.wavelength_nm, fit.fitted)) - level
    pairs = {"edge": (measured, float(np.interp(place, *curve)))}
    notes = []
    blue = _blue(fit.curve)
    energy, predicted = curve
    if blue is None:
        notes.append(f"It does not reach {BLUE_NM:.0f} nm, so the ratio to the absorption there is undefined.")
    elif energy[0] <= HC_EV_NM / BLUE_NM <= energy[-1]:
        pairs["300nm"] = (blue - level, float(np.interp(HC_EV_NM / BLUE_NM, energy, predicted)))
    return {name: theirs / mine for name, (mine, theirs) in pairs.items() if mine > 0 and theirs > 0}, notes


def _blue(curve: Curve) -> float | None:
    """Measured value at 300 nm; None if the curve does not reach it."""
    wavelength, values = curve.good
    near = np.abs(wavelength - BLUE_NM) <= _AVERAGED_NM
    reached = near.any() and wavelength[0] <= BLUE_NM <= wavelength[-1]
    return float(values[near].mean()) if reached else None


def _ratio(
    fit: PeakFit, sample: SampleSpectrum, curve: tuple[Floats, Floats], place: float, *, maximum: bool
) -> Compared | None:  # fmt: skip
    """Band edge over 300 nm: at both peaks, or at both slopes with the relative error of the prediction at its peak."""
    predicted = sample.ratio_edge_to_300nm
    unlike = sample.absorption_kind == "edge" and fit.kind != "edge"
    if predicted is None or fit.ratio_300nm is None or unlike:
        return None
    if maximum or fit.kind != "edge":
        return Compared(fit.ratio_300nm, predicted)
    at_slope = float(np.interp(place, *curve)) / float(np.interp(HC_EV_NM / BLUE_NM, *curve))
    return Compared(fit.ratio_300nm, Estimate.from_error(at_slope, predicted.error * at_slope / predicted.value))
