"""Result of a fit of a spec: fields with profile intervals, and what the data cannot tell apart."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields as dataclass_fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from qdmol.arrays import Floats
from qdmol.design.fields import Field
from qdmol.design.sizing_result import Rows, value_text
from qdmol.design.targets import Target
from qdmol.estimates import Estimate
from qdmol.results import (
    NO_VALUE,
    Drawable,
    SavedResult,
    array_groups,
    decode,
    encode,
    format_error,
    provenance,
    save_result,
    saved_attributes,
)
from qdmol.structure import Spec, dump_spec, read_spec, spec_mapping

if TYPE_CHECKING:
    import xarray as xr

KIND = "fit of a spec"


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Profile likelihood of a field: its values (n,), and the increase of χ² (n,) with the other fields refitted."""

    values: Floats
    increase: Floats


@dataclass(frozen=True, slots=True)
class FittedField:
    """A fitted field.

    Attributes
    ----------
    name, path, unit
        Name as given, dotted path, and unit.
    value
        Best value with the 95 % interval of its profile; an end is infinite where the profile does not leave the
        searched range.
    determined
        Whether the interval is closed within the searched range.
    model_error
        How far the value may move by the numerical error of the model, which is not part of the interval.
    profile
        Profile likelihood.
    """

    name: str
    path: str
    unit: str
    value: Estimate
    determined: bool
    model_error: float
    profile: Profile = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Direction:
    """A combination of fields that the data do not determine, with its weight (k,) in each field, and in words."""

    fields: tuple[str, ...]
    weights: tuple[float, ...]
    text: str


@dataclass(frozen=True, slots=True)
class FittedNumber:
    """A number that was fitted, and its prediction at the best values."""

    target: Target
    predicted: Estimate

    @property
    def residual(self) -> float:
        """Measured less predicted value over the error."""
        return (self.target.value - self.predicted.value) / self.target.error


@dataclass(frozen=True, slots=True, eq=False)
class FittedCurve:
    """A curve that was fitted.

    Attributes
    ----------
    name, quantity
        Of the measured curve.
    wavelength, values, fitted
        In nm, and in the unit of the curve (n,).
    scale, offset
        Factor on the predicted curve, normalised at its peak, and what is added to it.
    broadening
        Full width at half maximum of the Gaussian that broadens the prediction, meV.
    noise
        Standard deviation of the residuals.
    """

    name: str
    quantity: str
    wavelength: Floats = field(repr=False)
    values: Floats = field(repr=False)
    fitted: Floats = field(repr=False)
    scale: float
    offset: float
    broadening: float
    noise: float


_CLASSES = (Direction, Estimate, Field, FittedCurve, FittedField, FittedNumber, Profile, Target)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SpecFit(Drawable):
    """Result of :func:`qdmol.fit_spec`.

    Attributes
    ----------
    spec : Spec
        The spec with the best values.
    searched : tuple of Field
        The fields with the ranges that were searched.
    fields : tuple of FittedField
        Best values with their intervals.
    correlation : numpy.ndarray
        Of the fields (k, k), from the curvature at the best values.
    undetermined : tuple of Direction
        Combinations of fields that the data do not determine.
    numbers : tuple of FittedNumber
        Numbers that were fitted; empty for curves.
    curves : tuple of FittedCurve
        Curves that were fitted; empty for numbers.
    chi2, freedom : float, int
        Sum of squared residuals over their errors, and degrees of freedom.
    scale : float
        Factor by which errors were enlarged, or estimated from the residuals.
    points : int
        Number of points at which the model was solved.
    converged : bool
        Whether every field is determined, the model describes the data within their errors, and the interpolation
        between solved points is accurate.
    warnings : tuple of str
        What must be known beside the numbers.
    elapsed : float
        Time of the calculation, s.
    """

    spec: Spec
    searched: tuple[Field, ...]
    fields: tuple[FittedField, ...]
    correlation: Floats
    undetermined: tuple[Direction, ...]
    numbers: tuple[FittedNumber, ...]
    curves: tuple[FittedCurve, ...]
    chi2: float
    freedom: int
    scale: float
    points: int
    converged: bool
    warnings: tuple[str, ...]
    elapsed: float

    @property
    def values(self) -> Mapping[str, Estimate]:
        """Best value of each field by name, with its 95 % interval."""
        return {fitted.name: fitted.value for fitted in self.fields}

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of ``qdmol fit --json``."""
        return {
            "qdmol": 1,
            "name": self.spec.name,
            "fields": [
                {
                    "field": fitted.path,
                    "name": fitted.name,
                    "unit": fitted.unit,
                    "value": fitted.value.value,
                    "error": _finite(fitted.value.half_width),
                    "low": _finite(fitted.value.low),
                    "high": _finite(fitted.value.high),
                    "determined": fitted.determined,
                    "model_error": _finite(fitted.model_error),
                }
                for fitted in self.fields
            ],
            "correlation": [[_finite(float(value)) for value in row] for row in self.correlation],
            "undetermined": [
                {"fields": list(direction.fields), "weights": list(direction.weights), "text": direction.text}
                for direction in self.undetermined
            ],
            "numbers": [
                {
                    "target": number.target.name,
                    "key": number.target.key,
                    "unit": number.target.unit,
                    "value": number.target.value,
                    "error": number.target.error,
                    "predicted": number.predicted.value,
                    "predicted_error": _finite(number.predicted.error),
                    "residual": number.residual,
                }
                for number in self.numbers
            ],
            "curves": [
                {
                    "name": curve.name,
                    "quantity": curve.quantity,
                    "points": len(curve.values),
                    "broadening_meV": curve.broadening,
                    "scale": curve.scale,
                    "offset": curve.offset,
                    "noise": curve.noise,
                }
                for curve in self.curves
            ],
            "chi2": self.chi2,
            "freedom": self.freedom,
            "scale": self.scale,
            "searched": [
                {"name": field.name, "unit": field.unit, "from": field.low, "to": field.high} for field in self.searched
            ],
            "points": self.points,
            "converged": self.converged,
            "warnings": list(self.warnings),
            "elapsed_s": self.elapsed,
        }

    @cached_property
    def data(self) -> xr.Dataset:
        """Profiles and curves as a dataset with units."""
        import xarray as xr

        versions = {"qdmol_version" if key == "qdmol" else f"{key}_version": text for key, text in provenance().items()}
        data = xr.Dataset(attrs={**versions, "spec": dump_spec(self.spec), **saved_attributes(KIND, self._encoded[0])})
        for fitted in self.fields:
            name, over = fitted.name, f"profile_{fitted.name}_point"
            attributes = {"units": fitted.unit, "long_name": fitted.path}
            data[f"profile_{name}"] = (over, fitted.profile.values, attributes)
            attributes = {"units": "1", "long_name": "increase of chi squared"}
            data[f"increase_{name}"] = (over, fitted.profile.increase, attributes)
        for number, curve in enumerate(self.curves):
            over = f"curve_{number}_point"
            data[f"wavelength_{number}"] = (over, curve.wavelength, {"units": "nm", "long_name": curve.name})
            data[f"measured_{number}"] = (over, curve.values, {"units": "1", "long_name": curve.quantity})
            data[f"fitted_{number}"] = (over, curve.fitted, {"units": "1", "long_name": f"fitted {curve.quantity}"})
        return data

    @cached_property
    def _encoded(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        arrays: dict[str, Floats] = {}
        names = [each.name for each in dataclass_fields(self) if each.name != "spec"]
        return {
            "spec": spec_mapping(self.spec),
            **{name: encode(getattr(self, name), arrays) for name in names},
        }, arrays

    @property
    def groups(self) -> dict[str, xr.Dataset]:
        """Group that a file needs beside `data` to be read back by :func:`qdmol.load`."""
        return array_groups(self._encoded[1])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the fit to a NetCDF file that :func:`qdmol.load` reads back.

        Raises
        ------
        InputError
            The file name does not end in ``.nc``.
        OutputError
            The file cannot be written.
        """
        record, arrays = self._encoded
        return save_result(path, kind=KIND, values=record, data=self.data, arrays=arrays)

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the fit in a file; InputError if the file contains no complete one."""
        arrays, record = saved.arrays, dict(saved.values)
        try:
            spec = read_spec(record.pop("spec"), folder=saved.path.absolute().parent)
            return cls(spec=spec, **{name: decode(part, _CLASSES, arrays) for name, part in record.items()})
        except (KeyError, TypeError, ValueError) as error:
            raise saved.incomplete(KIND, error) from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpecFit):
            return NotImplemented
        (record, arrays), (other_record, other_arrays) = self._encoded, other._encoded
        return record == other_record and all(
            np.array_equal(array, other_arrays[name], equal_nan=True) for name, array in arrays.items()
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def __repr__(self) -> str:
        values = ", ".join(
            f"{fitted.name} {fitted.value!r}" if fitted.determined else f"{fitted.name} not determined"
            for fitted in self.fields
        )
        return f"<SpecFit of {self.spec.name}: {values}{'' if self.converged else ', not converged'}>"

    def __str__(self) -> str:
        return "\n".join(fit_sentences(self))

    def _repr_html_(self) -> str:
        title, *details = (html.escape(text) for text in (self.spec.name, *fit_sentences(self)))
        return f"<div><p><strong>{title}</strong></p><ul>{''.join(f'<li>{text}</li>' for text in details)}</ul></div>"


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def fit_rows(fit: SpecFit) -> list[Rows]:
    """Tables of a fit: the fields, and the numbers or curves beside what is predicted."""
    fields = []
    for fitted in fit.fields:
        unit = "" if fitted.unit == "1" else fitted.unit
        if fitted.determined:
            spread = fitted.value.half_width
            ends = [value_digits(end, spread) for end in (fitted.value.low, fitted.value.high)]
            row = (value_digits(fitted.value.value, spread), *ends, format_error(fitted.model_error))
        else:
            spread = (fitted.profile.values.max() - fitted.profile.values.min()) / 4
            ends = [
                value_digits(end, spread) if np.isfinite(end) else NO_VALUE
                for end in (fitted.value.low, fitted.value.high)
            ]
            row = ("not determined", *ends, NO_VALUE)
        fields.append((fitted.name, *row, unit))
    tables: list[Rows] = [(("field", "value", "95 % from", "to", "model error", "unit"), fields)]
    if fit.numbers:
        rows: list[tuple[str, ...]] = [
            (
                number.target.label,
                f"{number.target.value:g} ± {number.target.error:g}",
                value_digits(number.predicted.value, number.target.error),
                f"{number.residual:+.2f}".replace("-", "−"),
                "" if number.target.unit == "1" else number.target.unit,
            )
            for number in fit.numbers
        ]
        tables.append((("number", "measured", "predicted", "residual (σ)", "unit"), rows))
    if fit.curves:
        curve_rows: list[tuple[str, ...]] = [
            (
                curve.name or "curve",
                curve.quantity,
                str(len(curve.values)),
                f"{curve.broadening:.1f}",
                f"{curve.noise:.2g}",
            )
            for curve in fit.curves
        ]
        tables.append((("curve", "quantity", "points", "broadening (meV)", "noise"), curve_rows))
    return tables


def value_digits(value: float, spread: float) -> str:
    """Value with two digits of its error."""
    if not spread > 0 or not np.isfinite(spread):
        return f"{value:.5g}"
    return f"{value:.{int(max(0, 1 - np.floor(np.log10(spread))))}f}".replace("-", "−")


def fit_sentences(fit: SpecFit) -> list[str]:
    """Fit in sentences: fields, quality, and what the data cannot tell apart."""
    sentences = []
    for fitted in fit.fields:
        if fitted.determined:
            low, high = (value_digits(end, fitted.value.half_width) for end in (fitted.value.low, fitted.value.high))
            sentences.append(f"{fitted.name} is {fitted.value} (95 % interval {low} to {high}).")
        else:
            sentences.append(_undetermined(fitted))
    sentences += [direction.text for direction in fit.undetermined]
    sentences += _correlated(fit)
    if fit.curves:
        sentences.append(
            f"Noise and its correlation were estimated from the residuals ({fit.freedom} degrees of freedom)."
        )
    elif fit.freedom > 0:
        sentences.append(f"χ² is {fit.chi2:.3g} for {fit.freedom} degrees of freedom.")
    else:
        sentences.append("There are no more numbers than fields, so that the quality of the fit cannot be judged.")
    searched = " and ".join(
        f"{field.name} from {field.low:.4g} to {value_text(field, field.high)}" for field in fit.searched
    )
    return [*sentences, f"Searched range: {searched}; the model was solved at {fit.points} points."]


def _undetermined(fitted: FittedField) -> str:
    text = f"{fitted.name} is not determined by the data"
    ends = [end for end in (fitted.value.low, fitted.value.high) if np.isfinite(end)]
    if len(ends) < 2:
        return f"{text}."
    low, high = (value_text(fitted, end) for end in ends)
    return f"{text}; within the searched ranges of the other fields it lies between {low} and {high}."


def _correlated(fit: SpecFit) -> list[str]:
    """Pairs of determined fields that are strongly correlated."""
    determined = [place for place, fitted in enumerate(fit.fields) if fitted.determined]
    sentences = []
    for i in determined:
        for j in determined:
            value = float(fit.correlation[i, j])
            if i < j and abs(value) > 0.9:
                names = f"{fit.fields[i].name} and {fit.fields[j].name}"
                sentences.append(
                    f"{names} are strongly correlated ({value:+.2f}): the data determine a combination of them better "
                    "than each."
                )
    return sentences
