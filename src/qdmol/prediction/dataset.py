"""Predicted spectra as one labelled dataset: what goes into the NetCDF file and under every figure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from qdmol.prediction.measures import per_nm
from qdmol.results import provenance
from qdmol.structure import dump_spec
from qdmol.units import HC_EV_NM

if TYPE_CHECKING:
    from qdmol.prediction.fields import FieldSweep
    from qdmol.prediction.values import Spectra


CM2 = 1e-14
QUANTILES = (0.16, 0.5, 0.84)


def make_spectra_dataset(spectra: Spectra) -> xr.Dataset:
    """Dimensions ``sample``, ``energy`` (eV), ``line`` and, of a sweep, ``field`` (kV/cm) and ``dot``."""
    versions = provenance()
    named = {"qdmol_version" if key == "qdmol" else f"{key}_version": value for key, value in versions.items()}
    data = xr.Dataset(attrs={**named, "spec": dump_spec(spectra.spec), "summary": json.dumps(dict(spectra.summary))})
    names = list(spectra.samples)
    grid = spectra.samples[names[0]].grid
    data.coords["sample"] = ("sample", np.array(names, dtype=object))
    data.coords["energy"] = ("energy", grid, {"units": "eV", "long_name": "photon energy"})
    data.coords["wavelength"] = ("energy", HC_EV_NM / grid, {"units": "nm", "long_name": "wavelength"})
    both = ("sample", "energy")
    curves = [spectra.samples[name] for name in names]
    columns = {
        "absorption": ([CM2 * one.absorption for one in curves], "cm2", "absorption cross-section per particle"),
        "absorption_error": ([CM2 * spectra.errors[name] for name in names], "cm2", "error of the cross-section"),
        "emission": ([one.emission / np.trapezoid(one.emission, grid) for one in curves], "1/eV", "emission per eV"),
    }
    for name, (rows, units, long_name) in columns.items():
        data[name] = (both, np.array(rows), {"units": units, "long_name": long_name})
    seen = np.array([per_nm(grid, row) for row in data["emission"].values])
    data["emission_per_nm"] = (both, seen, {"units": "1/nm", "long_name": "emission per nm, as a spectrometer sees it"})
    _add_lines(data, spectra)
    if spectra.particles:
        data.coords["quantile"] = (
            "quantile",
            np.array(QUANTILES),
            {"units": "1", "long_name": "share of particles below"},
        )
        rows = [CM2 * np.quantile(spectra.particles[name], QUANTILES, axis=0) for name in names]
        attributes = {"units": "cm2", "long_name": "absorption cross-section of single particles"}
        data["absorption_members"] = (("sample", "quantile", "energy"), np.array(rows), attributes)
    if spectra.sweep is not None:
        _add_sweep(data, spectra.sweep)
    return data


def _add_lines(data: xr.Dataset, spectra: Spectra) -> None:
    rows = [(sample["sample"], line) for sample in spectra.summary["samples"] for line in sample["lines"]]
    data["line_sample"] = ("line", np.array([name for name, _ in rows], dtype=object), {"units": "1"})
    for name, key, units in (
        ("energy", "energy_eV", "eV"),
        ("error", "error_meV", "meV"),
        ("strength", "oscillator_strength", "1"),
        ("strength_error", "oscillator_strength_error", "1"),
    ):
        values = np.array([line[key] for _, line in rows], dtype=np.float64)
        data[f"line_{name}"] = ("line", values, {"units": units, "long_name": f"{name} of the line".replace("_", " ")})


def _add_sweep(data: xr.Dataset, sweep: FieldSweep) -> None:
    data.coords["field"] = ("field", sweep.fields, {"units": "kV/cm", "long_name": "applied field along the axis"})
    data.coords["dot"] = ("dot", np.arange(sweep.share.shape[1]), {"units": "1", "long_name": "dot, as in the spec"})
    data["field_emission"] = (
        ("field", "energy"), sweep.emission, {"units": "1/(eV ns)", "long_name": "photons per exciton"},
    )  # fmt: skip
    for name, values, units, long_name in (
        ("dot_emission", sweep.share, "1", "share of the photons from each dot"),
        ("dot_emission_peak", sweep.colour, "eV", "emission peak of each dot"),
        ("emission_peak", sweep.peak, "eV", "emission peak"),
        ("absorption_peak", sweep.absorption, "eV", "absorption peak"),
        ("stark_shift", 1000 * sweep.stark, "meV", "shift of the emission peak"),
        ("lifetime", sweep.lifetime, "ns", "radiative lifetime"),
        ("peak_error", 1000 * sweep.error, "meV", "error of every peak"),
    ):
        dims = ("field", "dot") if values.ndim == 2 else ("field",)
        data[f"field_{name}"] = (dims, values, {"units": units, "long_name": long_name})
