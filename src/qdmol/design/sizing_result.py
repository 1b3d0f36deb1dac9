"""Result of sizing: values of the varied fields at which predicted quantities have wanted values."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields as dataclass_fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from qdmol.arrays import Floats
from qdmol.design.fields import Field
from qdmol.design.targets import Target
from qdmol.estimates import Estimate
from qdmol.results import (
    NO_VALUE,
    Drawable,
    SavedResult,
    array_groups,
    decimals_for,
    decode,
    encode,
    format_error,
    format_number,
    provenance,
    save_result,
    saved_attributes,
)
from qdmol.structure import Spec, dump_spec, read_spec, spec_mapping

if TYPE_CHECKING:
    import xarray as xr

KIND = "sizing"


@dataclass(frozen=True, slots=True)
class SizedField:
    """A field with the value that meets the targets.

    Attributes
    ----------
    name, path, unit
        Name as given, dotted path, and unit.
    value
        The value; its interval is that of the numerical error of the model alone.
    low, high
        Interval with everything that was asked for: numerical error, error of the targets, and the spread over the
        alternatives of the material set. None where the targets' errors reach beyond the searched range.
    """

    name: str
    path: str
    unit: str
    value: Estimate
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class SizingSolution:
    """Values at which all targets are met: the fields, and the predicted quantities in the order of the targets."""

    fields: tuple[SizedField, ...]
    predicted: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class SizedAlternative:
    """An alternative value of the material set, and the values of the fields with it; None with a `reason`."""

    label: str
    source: str
    values: tuple[float, ...] | None
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Scan:
    """Solved points: values of the fields (n, k), predicted quantities and their errors (n, t), NaN in holes."""

    points: Floats
    values: Floats
    errors: Floats
    reasons: tuple[str, ...]


_CLASSES = (Estimate, Field, Scan, SizedAlternative, SizedField, SizingSolution, Target)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Sizing(Drawable):
    """Result of :func:`qdmol.size`.

    Attributes
    ----------
    spec : Spec
        The spec with the values of the first solution.
    fields : tuple of Field
        The varied fields with the ranges that were searched.
    targets : tuple of Target
        Wanted quantities.
    solutions : tuple of SizingSolution
        The first is the one nearest to the spec's own values.
    alternatives : tuple of SizedAlternative
        First solution with each alternative value of the material set, if asked for.
    scan : Scan
        All points that were solved.
    converged : bool
        Whether the model is converged at the first solution and the targets are met within its error.
    warnings : tuple of str
        What must be known beside the numbers.
    elapsed : float
        Time of the calculation, s.
    """

    spec: Spec
    fields: tuple[Field, ...]
    targets: tuple[Target, ...]
    solutions: tuple[SizingSolution, ...]
    alternatives: tuple[SizedAlternative, ...]
    scan: Scan
    converged: bool
    warnings: tuple[str, ...]
    elapsed: float

    @property
    def values(self) -> Mapping[str, Estimate]:
        """Value of each field in the first solution, by name, with the numerical error of the model."""
        return {sized.name: sized.value for sized in self.solutions[0].fields}

    @property
    def unique(self) -> bool:
        """Whether the searched range holds one solution only."""
        return len(self.solutions) == 1

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of ``qdmol size --json``."""
        first = self.solutions[0]
        return {
            "qdmol": 1,
            "name": self.spec.name,
            "fields": [_field_object(sized) for sized in first.fields],
            "targets": [
                {
                    "target": target.name,
                    "key": target.key,
                    "unit": target.unit,
                    "value": target.value,
                    "error": target.error,
                    "predicted": predicted.value,
                    "predicted_error": _finite(predicted.error),
                }
                for target, predicted in zip(self.targets, first.predicted, strict=True)
            ],
            "solutions": [
                {
                    "fields": [_field_object(sized) for sized in solution.fields],
                    "predicted": [estimate.value for estimate in solution.predicted],
                }
                for solution in self.solutions
            ],
            "unique": self.unique,
            "searched": [
                {"name": varied.name, "unit": varied.unit, "from": varied.low, "to": varied.high}
                for varied in self.fields
            ],
            "alternatives": [
                {
                    "label": alternative.label,
                    "source": alternative.source,
                    "values": None if alternative.values is None else list(alternative.values),
                    "reason": alternative.reason or None,
                }
                for alternative in self.alternatives
            ],
            "points": len(self.scan.points),
            "converged": self.converged,
            "warnings": list(self.warnings),
            "elapsed_s": self.elapsed,
        }

    @cached_property
    def data(self) -> xr.Dataset:
        """Solved points as a dataset with units: fields and targets on the dimension ``point``."""
        import xarray as xr

        versions = {"qdmol_version" if key == "qdmol" else f"{key}_version": text for key, text in provenance().items()}
        data = xr.Dataset(attrs={**versions, "spec": dump_spec(self.spec), **saved_attributes(KIND, self._encoded[0])})
        for place, varied in enumerate(self.fields):
            attributes = {"units": varied.unit, "long_name": varied.path}
            data[f"field_{varied.name}"] = ("point", self.scan.points[:, place], attributes)
        for place, target in enumerate(self.targets):
            attributes = {"units": target.unit, "long_name": target.key}
            data[f"target_{target.name}"] = ("point", self.scan.values[:, place], attributes)
            data[f"error_{target.name}"] = ("point", self.scan.errors[:, place], attributes)
        data["reason"] = ("point", np.array(self.scan.reasons, dtype=object), {"units": "1"})
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
        """Write the sizing to a NetCDF file that :func:`qdmol.load` reads back.

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
        """Return the sizing in a file; InputError if the file contains no complete one."""
        arrays, record = saved.arrays, dict(saved.values)
        try:
            spec = read_spec(record.pop("spec"), folder=saved.path.absolute().parent)
            return cls(spec=spec, **{name: decode(part, _CLASSES, arrays) for name, part in record.items()})
        except (KeyError, TypeError, ValueError) as error:
            raise saved.incomplete(KIND, error) from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sizing):
            return NotImplemented
        (record, arrays), (other_record, other_arrays) = self._encoded, other._encoded
        return record == other_record and all(
            np.array_equal(array, other_arrays[name], equal_nan=True) for name, array in arrays.items()
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def __repr__(self) -> str:
        values = ", ".join(f"{name} {value!r}" for name, value in self.values.items())
        return f"<Sizing of {self.spec.name}: {values}{'' if self.converged else ', not converged'}>"

    def __str__(self) -> str:
        return "\n".join(sizing_sentences(self))

    def _repr_html_(self) -> str:
        title, *details = (html.escape(text) for text in (self.spec.name, *sizing_sentences(self)))
        return f"<div><p><strong>{title}</strong></p><ul>{''.join(f'<li>{text}</li>' for text in details)}</ul></div>"


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _field_object(sized: SizedField) -> dict[str, Any]:
    return {
        "field": sized.path,
        "name": sized.name,
        "unit": sized.unit,
        "value": sized.value.value,
        "error": _finite(sized.value.error),
        "low": _finite(sized.low),
        "high": _finite(sized.high),
    }


def target_text(target: Target) -> str:
    """Wanted value of a target, such as ``peak 605 nm``."""
    unit = "" if target.unit == "1" else f" {target.unit}"
    error = f" ± {target.error:g}" if target.error else ""
    return f"{target.label} {target.value:g}{error}{unit}"


class HasUnit(Protocol):
    """A field in any form."""

    @property
    def unit(self) -> str:
        """Unit of its values."""
        ...


def value_text(field_: HasUnit, value: float, digits: int = 4) -> str:
    """Value of a field with its unit."""
    return f"{value:.{digits}g}{'' if field_.unit == '1' else ' ' + field_.unit}"


def sizing_sentences(sizing: Sizing) -> list[str]:
    """Solutions and their errors in sentences."""
    first = sizing.solutions[0]
    wanted = " and ".join(target_text(target) for target in sizing.targets)
    values = " and ".join(f"{sized.name} {sized.value}" for sized in first.fields)
    are = "are" if len(sizing.targets) > 1 else "is"
    sentences = [f"{sizing.spec.name}: {wanted} {are} reached at {values}."]
    sentences += [_interval(sizing, sized) for sized in first.fields if _wider(sized)]
    for other in sizing.solutions[1:]:
        values = " and ".join(f"{sized.name} {sized.value}" for sized in other.fields)
        sentences.append(f"The solution is not unique: the same values are also reached at {values}.")
    searched = " and ".join(
        f"{field_.name} from {field_.low:.4g} to {value_text(field_, field_.high)}" for field_ in sizing.fields
    )
    sentences.append(f"Searched range: {searched}; {len(sizing.scan.points)} points were solved.")
    if any(target.name == "peak" for target in sizing.targets):
        sentences.append(
            "The peak is the optical gap that `qdmol solve` reports; emission and absorption maxima of the predicted "
            "spectrum differ from it by line shape and Stokes shift, and are the targets emission and absorption."
        )
    return sentences


def _wider(sized: SizedField) -> bool:
    return sized.low != sized.value.low or sized.high != sized.value.high


def _interval(sizing: Sizing, sized: SizedField) -> str:
    if sized.low is None or sized.high is None:
        return f"The interval of {sized.name} reaches beyond the searched range."
    low, high = (value_text(sized, end) for end in (sized.low, sized.high))
    parts = ["the error of the target"] if any(target.error for target in sizing.targets) else []
    parts += ["the spread of the parameters"] if sizing.alternatives else []
    return f"With {' and '.join(parts)} {sized.name} lies between {low} and {high}."


Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]


def sizing_rows(sizing: Sizing) -> list[Rows]:
    """Tables of the solutions: the fields with their intervals, and the targets with what is predicted there."""
    several = len(sizing.solutions) > 1
    fields: list[tuple[str, ...]] = []
    for number, solution in enumerate(sizing.solutions, start=1):
        for sized in solution.fields:
            mark = f" (solution {number})" if several else ""
            unit = "" if sized.unit == "1" else sized.unit
            decimals = min(decimals_for(sized.value.error), 7)
            ends = [NO_VALUE if end is None else format_number(end, decimals) for end in (sized.low, sized.high)]
            value = format_number(sized.value.value, decimals)
            fields.append((f"{sized.name}{mark}", value, format_error(sized.value.error), *ends, unit))
    targets: list[tuple[str, ...]] = []
    for target, predicted in zip(sizing.targets, sizing.solutions[0].predicted, strict=True):
        unit = "" if target.unit == "1" else target.unit
        wanted = f"{target.value:g}" + (f" ± {target.error:g}" if target.error else "")
        reached = format_number(predicted.value, decimals_for(predicted.error))
        targets.append((target.label, wanted, reached, format_error(predicted.error), unit))
    return [
        (("field", "value", "error", "low", "high", "unit"), fields),
        (("target", "wanted", "predicted", "error", "unit"), targets),
    ]
