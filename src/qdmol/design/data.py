"""Measured data beside predictions: numbers with errors, and curves with scale, offset and extra broadening.

Both kinds tell the fit the same things: a vector of predictions at a point of the fields, which varies smoothly with
them, and the whitened residuals for such a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import numpy as np

from qdmol.arrays import Floats
from qdmol.design.fields import Field, rounded, spec_at
from qdmol.design.model import Evaluation, Model, Point
from qdmol.design.spectra import own_spectrum
from qdmol.design.targets import Target
from qdmol.errors import DataError, InputError, SolverError
from qdmol.units import HC_EV_NM

if TYPE_CHECKING:
    from pathlib import Path

    from qdmol.prediction import SampleSpectrum
    from qdmol.spectroscopy import Curve
    from qdmol.structure import Spec

# Range (eV) of a curve about its peak, and its step.
BELOW, ABOVE, STEP = 0.45, 0.45, 2e-3
# Bounds of the extra broadening (eV, standard deviation), and where its search starts.
WIDTHS, WIDTH_START = (0.0, 0.15), 0.02
# Standard deviation of a normal distribution over its median absolute deviation.
MAD: Final = 1.4826
FEWEST_POINTS: Final = 10
# Range (eV) above the lowest exciton in which an absorption curve is fitted by default.
ABSORPTION_REACH: Final = 0.12


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Vector (m,) of predictions at a point with its numerical error, or the reason why there is none."""

    point: Point
    vector: Floats | None
    error: Floats | None = None
    converged: bool = True
    reason: str = ""


class Data(Protocol):
    """What a fit needs to know of measured data."""

    count: int
    nuisances: int
    linear: int
    known_errors: bool
    start: Floats
    bounds: tuple[Floats, Floats]

    def predict(self, points: Sequence[Sequence[float]]) -> list[Prediction]:
        """Predictions at points of the fields."""
        ...

    def residuals(self, vector: Floats, nuisance: Floats) -> Floats:
        """Whitened residuals (n,) of a vector of predictions (m,) and nuisance parameters."""
        ...

    @property
    def predictions(self) -> Sequence[Prediction]:
        """Predictions at all points that were computed."""
        ...


class NumberData:
    """Numbers with errors."""

    nuisances, linear, known_errors = 0, 0, True

    def __init__(self, targets: Sequence[Target], model: Model) -> None:
        self.targets, self.model = tuple(targets), model
        self.count = len(self.targets)
        self.start = np.zeros(0)
        self.bounds = (np.zeros(0), np.zeros(0))
        self._values = np.array([target.value for target in targets])
        self._errors = np.array([target.error for target in targets])

    def predict(self, points: Sequence[Sequence[float]]) -> list[Prediction]:
        """Predicted numbers at points of the fields."""
        return [_number_prediction(evaluation) for evaluation in self.model.evaluate(points)]

    @property
    def predictions(self) -> list[Prediction]:
        """Predictions at all points that were computed."""
        return [_number_prediction(evaluation) for evaluation in self.model.known.values()]

    def residuals(self, vector: Floats, nuisance: Floats) -> Floats:  # noqa: ARG002  # numbers have none
        """Measured less predicted numbers, over their errors."""
        return np.asarray((self._values - vector) / self._errors)


def _number_prediction(evaluation: Evaluation) -> Prediction:
    if evaluation.is_hole:
        return Prediction(evaluation.point, None, None, converged=False, reason=evaluation.reason)
    vector, error = np.array(evaluation.values), np.array(evaluation.errors)
    return Prediction(evaluation.point, vector, error, converged=evaluation.converged)


@dataclass(frozen=True, eq=False)
class MeasuredCurve:
    """Usable points of a measured curve: photon energies (n,) in eV, values, and their noise."""

    name: str
    quantity: Literal["absorption", "emission"]
    per: Literal["nm", "eV"]
    wavelength: Floats
    values: Floats
    noise: float

    @property
    def energy(self) -> Floats:
        """Photon energies (n,) in eV."""
        return np.asarray(HC_EV_NM / self.wavelength)


def measured_curve(curve: Curve, window: tuple[float, float] | None, blue_end: float | None) -> MeasuredCurve:
    """Points of a curve to be fitted, in a window of wavelengths (nm).

    Without one, absorption is fitted up to `blue_end` (eV).

    Raises
    ------
    InputError
        The curve is neither absorption nor emission, or has too few points in the window.
    """
    quantity: Literal["absorption", "emission"]
    if curve.quantity in {"absorption", "excitation"}:
        quantity = "absorption"
    elif curve.quantity == "emission":
        quantity = "emission"
    else:
        raise InputError(field="to", value=curve.quantity, allowed="a curve of absorption, excitation or emission")
    wavelength, values = curve.good
    low, high = (0.0, np.inf) if window is None else window
    inside = (wavelength >= low) & (wavelength <= high)
    if window is None and quantity == "absorption" and blue_end is not None:
        inside &= wavelength >= HC_EV_NM / blue_end
    wavelength, values = wavelength[inside], values[inside]
    if len(values) < FEWEST_POINTS:
        raise InputError(
            field="window", value=len(values), allowed=f"such that the curve has {FEWEST_POINTS} points inside"
        )
    return MeasuredCurve(curve.name or curve.source, quantity, curve.per, wavelength, values, _noise(values))


def _noise(values: Floats) -> float:
    """Standard deviation of the noise, from second differences, in which a smooth curve cancels."""
    second = values[:-2] - 2 * values[1:-1] + values[2:]
    noise = MAD * float(np.median(np.abs(second - np.median(second)))) / np.sqrt(6)
    return float(max(noise, 1e-6 * float(np.ptp(values)), 1e-300))


class CurveData:
    """Measured curves; the nuisance parameters are the extra broadening of each, scale and offset are eliminated."""

    known_errors = False

    def __init__(
        self, curves: Sequence[MeasuredCurve], spec: Spec, fields: Sequence[Field], *, folder: Path | None, tell: Any
    ) -> None:
        self.curves, self.spec, self.fields, self.folder, self.tell = tuple(curves), spec, tuple(fields), folder, tell
        self.count = sum(len(curve.values) for curve in curves)
        self.nuisances, self.linear = len(self.curves), 2 * len(self.curves)
        self.start = np.full(self.nuisances, WIDTH_START)
        self.bounds = (np.full(self.nuisances, WIDTHS[0]), np.full(self.nuisances, WIDTHS[1]))
        self.grid = np.arange(-BELOW, ABOVE + STEP / 2, STEP)
        self.known: dict[Point, Prediction] = {}

    def predict(self, points: Sequence[Sequence[float]]) -> list[Prediction]:
        """Predicted curves at points of the fields, each with its peak: energy (eV), then values on the grid."""
        wanted = [tuple(rounded(value) for value in point) for point in points]
        new = [point for point in dict.fromkeys(wanted) if point not in self.known]
        for number, point in enumerate(new, start=1):
            self.tell(f"predicting spectrum {number} of {len(new)}")
            self.known[point] = self._predict(point)
        return [self.known[point] for point in wanted]

    @property
    def predictions(self) -> list[Prediction]:
        """Predictions at all points that were computed."""
        return list(self.known.values())

    def _predict(self, point: Point) -> Prediction:
        try:
            own, converged = own_spectrum(spec_at(self.spec, self.fields, point), self.folder)
        except (InputError, SolverError) as error:
            return Prediction(point, None, None, converged=False, reason=str(error))
        vectors = [self._vector(curve, own) for curve in self.curves]
        peak_error = max((line.energy.error for line in own.lines[:1]), default=0.0)
        errors = [np.r_[peak_error, np.zeros(len(self.grid))] for _ in self.curves]
        return Prediction(point, np.concatenate(vectors), np.concatenate(errors), converged=converged)

    def _vector(self, curve: MeasuredCurve, sample: SampleSpectrum) -> Floats:
        first = sample.lines[0].energy.value
        if curve.quantity == "emission":
            assert sample.emission_peak is not None
            first, values = sample.emission_peak.value, sample.emission
        else:
            values = sample.absorption
        along = np.interp(first + self.grid, sample.grid, values)
        scale = np.max(along[np.abs(self.grid) < 0.1])
        return np.concatenate([[first], along / scale])

    def residuals(self, vector: Floats, nuisance: Floats) -> Floats:
        """Measured less fitted values over the noise, after the best scale and offset of each curve."""
        parts = [
            (curve.values - self.fitted(curve, part, width)[0]) / curve.noise
            for curve, part, width in zip(self.curves, self._parts(vector), nuisance, strict=True)
        ]
        return np.concatenate(parts)

    def _parts(self, vector: Floats) -> Floats:
        return np.asarray(vector.reshape(len(self.curves), len(self.grid) + 1))

    def fits(self, vector: Floats, nuisance: Floats) -> list[tuple[Floats, float, float]]:
        """Fitted values, scale and offset of each curve."""
        parts = zip(self.curves, self._parts(vector), nuisance, strict=True)
        return [self.fitted(curve, part, width) for curve, part, width in parts]

    def fitted(self, curve: MeasuredCurve, part: Floats, width: float) -> tuple[Floats, float, float]:
        """Values (n,) of a predicted curve at the points of a measured one, with its scale and offset.

        `part` holds the energy of the peak and the values on the grid; `width` (eV) is the standard deviation of the
        Gaussian that broadens them.
        """
        from scipy.ndimage import gaussian_filter1d

        values = part[1:]
        if width > 0:
            values = gaussian_filter1d(values, width / STEP, mode="nearest", truncate=5)
        shape = np.interp(curve.energy - part[0], self.grid, values)
        if curve.quantity == "emission" and curve.per == "nm":
            shape = shape * (curve.energy / part[0]) ** 2
        centred, data = shape - shape.mean(), curve.values - curve.values.mean()
        power = float(centred @ centred)
        scale = float(centred @ data) / power if power > 0 else 0.0
        offset = float(curve.values.mean() - scale * shape.mean())
        return np.asarray(scale * shape + offset), scale, offset

    def refuse_unlike(self, vector: Floats, nuisance: Floats) -> None:
        """Refuse curves that the prediction does not describe.

        Raises
        ------
        DataError
            Less than 80 % of a curve's variance is described, or the curve is upside down.
        """
        for curve, (values, scale, _) in zip(self.curves, self.fits(vector, nuisance), strict=True):
            left = float(np.var(curve.values - values) / np.var(curve.values))
            if left > 0.2 or scale <= 0:
                raise DataError(
                    f"The predicted {curve.quantity} does not describe the curve {curve.name or 'given'}: "
                    f"{100 * left:.0f} % of its variance is left; check the spec, or give the window of the first peak."
                )
