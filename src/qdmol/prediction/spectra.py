"""Result of a prediction: spectra of all samples, their changes, and JSON object and dataset made from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from qdmol.prediction.fields import FieldSweep
from qdmol.prediction.summary import change_object, ensemble_object, field_object, sample_object
from qdmol.prediction.values import EnsembleResult, SampleChange, SampleSpectrum
from qdmol.results import Drawable
from qdmol.structure import Spec, dump_spec

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False, kw_only=True)
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
        """Change between two samples; None where one of them is not predicted."""
        return next((one for one in self.changes if (one.before, one.after) == (before, after)), None)

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

        attributes = {"spec": dump_spec(self.spec), "summary": json.dumps(dict(self.summary))}
        return make_spectra_dataset(list(self.samples.values()), self.sweep, attributes)
