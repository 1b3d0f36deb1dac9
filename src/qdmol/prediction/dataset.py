"""Dataset of predicted spectra: the contents of the NetCDF file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import xarray as xr

from qdmol.prediction.fields import FieldSweep
from qdmol.prediction.measures import per_nm
from qdmol.prediction.values import SampleSpectrum
from qdmol.results import provenance
from qdmol.units import HC_EV_NM

CM2: Final = 1e-14  # cm² in a nm²
QUANTILES: Final = (0.16, 0.5, 0.84)


def make_spectra_dataset(
    samples: Sequence[SampleSpectrum], sweep: FieldSweep | None, attributes: Mapping[str, str]
) -> xr.Dataset:
    """Dataset with dimensions ``sample``, ``energy`` (eV), ``line`` and, of a sweep, ``field`` (kV/cm) and ``dot``."""
    versions = {"qdmol_version" if key == "qdmol" else f"{key}_version": value for key, value in provenance().items()}
    data = xr.Dataset(attrs={**versions, **attributes})
    grid = samples[0].grid
    data.coords["sample"] = ("sample", np.array([sample.name for sample in samples], dtype=object))
    data.coords["energy"] = ("energy", grid, {"units": "eV", "long_name": "photon energy"})
    data.coords["wavelength"] = ("energy", HC_EV_NM / grid, {"units": "nm", "long_name": "wavelength"})
    over = ("sample", "energy")
    absorption = [CM2 * sample.absorption for sample in samples]
    errors = [CM2 * sample.absorption_error for sample in samples]
    emission = [sample.emission / np.trapezoid(sample.emission, grid) for sample in samples]
    columns = {
        "absorption": (absorption, "cm2", "absorption cross-section per particle"),
        "absorption_error": (errors, "cm2", "error of the cross-section"),
        "emission": (emission, "1/eV", "emission per eV"),
    }
    for name, (rows, units, long_name) in columns.items():
        data[name] = (over, np.array(rows), {"units": units, "long_name": long_name})
    by_wavelength = np.array([per_nm(grid, row) for row in data["emission"].values])
    attrs = {"units": "1/nm", "long_name": "emission per nm, as a spectrometer sees it"}
    data["emission_per_nm"] = (over, by_wavelength, attrs)
    _add_lines(data, samples)
    members = [sample.members for sample in samples if sample.members is not None]
    if members:
        attrs = {"units": "1", "long_name": "share of particles below"}
        data.coords["quantile"] = ("quantile", np.array(QUANTILES), attrs)
        bands = [CM2 * np.quantile(curves, QUANTILES, axis=0) for curves in members]
        attrs = {"units": "cm2", "long_name": "absorption cross-section of single particles"}
        data["absorption_members"] = (("sample", "quantile", "energy"), np.array(bands), attrs)
    if sweep is not None:
        _add_sweep(data, sweep)
    return data


def _add_lines(data: xr.Dataset, samples: Sequence[SampleSpectrum]) -> None:
    rows = [(sample.name, line) for sample in samples for line in sample.lines]
    data["line_sample"] = ("line", np.array([name for name, _ in rows], dtype=object), {"units": "1"})
    for name, numbers, units in (
        ("energy", [line.energy.value for _, line in rows], "eV"),
        ("error", [1000 * line.energy.error for _, line in rows], "meV"),
        ("strength", [line.strength.value for _, line in rows], "1"),
        ("strength_error", [line.strength.error for _, line in rows], "1"),
    ):
        values = np.array(numbers, dtype=np.float64)
        values[~np.isfinite(values)] = np.nan
        data[f"line_{name}"] = ("line", values, {"units": units, "long_name": f"{name} of the line".replace("_", " ")})


def _add_sweep(data: xr.Dataset, sweep: FieldSweep) -> None:
    data.coords["field"] = ("field", sweep.fields, {"units": "kV/cm", "long_name": "applied field along the axis"})
    data.coords["dot"] = ("dot", np.arange(sweep.share.shape[1]), {"units": "1", "long_name": "dot, as in the spec"})
    data["field_emission"] = (
        ("field", "energy"), sweep.emission, {"units": "1/(eV ns)", "long_name": "photons per exciton"},
    )  # fmt: skip
    for name, values, units, long_name in (
        ("dot_emission", sweep.share, "1", "share of the photons from each dot"),
        ("dot_emission_peak", sweep.dot_peak, "eV", "emission peak of each dot"),
        ("emission_peak", sweep.peak, "eV", "emission peak"),
        ("absorption_peak", sweep.absorption, "eV", "absorption peak"),
        ("stark_shift", 1000 * sweep.stark, "meV", "shift of the emission peak"),
        ("lifetime", sweep.lifetime, "ns", "radiative lifetime"),
        ("peak_error", 1000 * sweep.error, "meV", "error of every peak"),
    ):
        dims = ("field", "dot") if values.ndim == 2 else ("field",)
        data[f"field_{name}"] = (dims, values, {"units": units, "long_name": long_name})
