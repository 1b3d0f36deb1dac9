"""Result of a prediction: spectra of all samples, their changes, and JSON object and dataset made from them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from qdmol.arrays import Floats
from qdmol.estimates import Estimate
from qdmol.prediction.fields import FieldSweep
from qdmol.prediction.summary import change_object, ensemble_object, field_object, sample_object
from qdmol.prediction.values import (
    EnsembleResult,
    EnsembleSample,
    Line,
    SampleChange,
    SampleSpectrum,
    SpectralRange,
)
from qdmol.prediction.wording import spectrum_html, spectrum_sentences
from qdmol.results import Drawable, SavedResult, array_groups, decode, encode, save_result, saved_attributes
from qdmol.structure import Spec, dump_spec, read_spec, spec_mapping

if TYPE_CHECKING:
    import xarray as xr

KIND = "spectra"
# Classes of the values in a file of spectra.
_CLASSES = (Estimate, EnsembleResult, EnsembleSample, FieldSweep, Line, SampleChange, SampleSpectrum, SpectralRange)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Spectra(Drawable):
    """Result of :func:`qdmol.predict_spectra`.

    Attributes
    ----------
    spec
        Spec of the molecule.
    temperature
        In K.
    homogeneous_width, stokes_shift
        Full width of a line, and how far emission lies below absorption, in meV.
    calibration_shift
        Shift (meV) of every photon energy by the calibration; None without calibration.
    samples
        Spectrum of each sample by name: ``monomer``, ``unfused``, ``fused``.
    changes
        Changes between each two samples.
    ensemble
        How an ensemble was computed; None without one.
    sweep
        Emission of the molecule in applied fields; None without fields.
    converged
        Whether every tolerance was met and no field of the sweep is missing.
    warnings
        What must be known beside the numbers.
    elapsed
        Duration of the calculation in s.
    """

    spec: Spec = field(repr=False)
    temperature: float
    homogeneous_width: float
    stokes_shift: float
    calibration_shift: float | None
    samples: Mapping[str, SampleSpectrum]
    changes: tuple[SampleChange, ...]
    ensemble: EnsembleResult | None
    sweep: FieldSweep | None = field(repr=False)
    converged: bool
    warnings: tuple[str, ...]
    elapsed: float

    @property
    def own(self) -> SampleSpectrum:
        """Spectrum of the spec's own molecule."""
        return list(self.samples.values())[-1]

    def change(self, before: str, after: str) -> SampleChange | None:
        """Change between two samples; None if one of them is not predicted."""
        return next((change for change in self.changes if (change.before, change.after) == (before, after)), None)

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """JSON object of ``qdmol spectrum --json``."""
        return {
            "qdmol": 1,
            "name": self.spec.name,
            "converged": self.converged,
            "temperature_K": self.temperature,
            "homogeneous_width_meV": self.homogeneous_width,
            "stokes_shift_meV": self.stokes_shift,
            "calibration_shift_meV": self.calibration_shift,
            "samples": [sample_object(sample) for sample in self.samples.values()],
            "changes": [change_object(change) for change in self.changes],
            "ensemble": ensemble_object(self.ensemble),
            "field": field_object(self.sweep),
            "warnings": list(self.warnings),
            "elapsed_s": self.elapsed,
        }

    @cached_property
    def data(self) -> xr.Dataset:
        """Curves, lines and, with fields, the sweep, all with units."""
        # Imported here: xarray takes longer to load than a stored spectrum to assemble.
        from qdmol.prediction.dataset import make_spectra_dataset

        attributes = {
            "spec": dump_spec(self.spec),
            "summary": json.dumps(dict(self.summary)),
            **saved_attributes(KIND, self._encoded[0]),
        }
        return make_spectra_dataset(list(self.samples.values()), self.sweep, attributes)

    @cached_property
    def _encoded(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """The values as JSON, and the arrays they refer to."""
        arrays: dict[str, Floats] = {}
        record = {each.name: encode(getattr(self, each.name), arrays) for each in fields(self) if each.name != "spec"}
        return {"spec": spec_mapping(self.spec), **record}, arrays

    @property
    def groups(self) -> dict[str, xr.Dataset]:
        """Group that a file needs beside `data` to be read back by :func:`qdmol.load`."""
        return array_groups(self._encoded[1])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the spectra to a NetCDF file that :func:`qdmol.load` reads back.

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
        """Return the spectra in a file; InputError if the file contains no complete spectra."""
        arrays, record = saved.arrays, dict(saved.values)
        try:
            spec = read_spec(record.pop("spec"), folder=saved.path.absolute().parent)
            values = {name: decode(part, _CLASSES, arrays) for name, part in record.items()}
            return cls(spec=spec, **values)
        except (KeyError, TypeError, ValueError) as error:
            raise saved.incomplete(KIND, error) from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Spectra):
            return NotImplemented
        (record, arrays), (other_record, other_arrays) = self._encoded, other._encoded
        return record == other_record and all(
            np.array_equal(array, other_arrays[name], equal_nan=True) for name, array in arrays.items()
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def __str__(self) -> str:
        return "\n".join(spectrum_sentences(self))

    def _repr_html_(self) -> str:
        return spectrum_html(self)

    def __repr__(self) -> str:
        names = ", ".join(self.samples)
        state = "" if self.converged else "; not converged"
        return f"<Spectra of {self.spec.name} at {self.temperature:g} K: {names}{state}>"
