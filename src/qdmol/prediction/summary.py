"""JSON object of ``qdmol spectrum``, made from the values of a prediction.

Energies are in eV, shifts, widths and errors in meV, cross-sections in cm² and lifetimes in ns, as each key says; a
number that is missing or not finite is null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from qdmol.arrays import Floats
from qdmol.estimates import Estimate
from qdmol.prediction.fields import FieldSweep
from qdmol.prediction.values import EnsembleResult, EnsembleSample, Line, SampleChange, SampleSpectrum, SpectralRange

Json = dict[str, Any]


def sample_object(sample: SampleSpectrum) -> Json:
    """Object of a sample."""
    return {
        "sample": sample.name,
        "dots": sample.dots,
        **_energy("absorption_peak", sample.absorption_peak),
        "absorption_peak_nm": _finite(sample.absorption_wavelength),
        "absorption_kind": sample.absorption_kind,
        **_number("absorption_width", sample.absorption_width, "_meV"),
        **_energy("emission_peak", sample.emission_peak),
        "emission_peak_nm": _finite(sample.emission_wavelength),
        **_number("emission_width", sample.emission_width, "_meV"),
        **_number("band_edge_cross_section", sample.band_edge_cross_section, "_cm2"),
        **_number("cross_section_300nm", sample.cross_section_300nm, "_cm2"),
        "bulk_cross_section_300nm_cm2": _finite(sample.bulk_cross_section_300nm),
        **_number("ratio_to_bulk_300nm", sample.ratio_to_bulk_300nm),
        **_number("ratio_edge_to_300nm", sample.ratio_edge_to_300nm),
        **_number("radiative_lifetime", sample.lifetime, "_ns"),
        "polarisation": _finite(sample.polarisation),
        "ranges": [_range_object(part) for part in sample.ranges],
        "lines": [_line_object(line) for line in sample.lines],
    }


def _range_object(part: SpectralRange) -> Json:
    return {
        "name": part.name,
        "from_eV": _finite(part.low),
        "to_eV": _finite(part.high),
        "strength_error": _finite(part.strength_error),
        "energy_error_meV": _finite(part.energy_error, 1000),
        "box_states_from_eV": _finite(part.box_states),
    }


def _line_object(line: Line) -> Json:
    return {
        "dot": line.dot,
        "energy_eV": _finite(line.energy.value),
        "error_meV": _finite(line.energy.error, 1000),
        "wavelength_nm": _finite(line.wavelength),
        "oscillator_strength": _finite(line.strength.value),
        "oscillator_strength_error": _finite(line.strength.error),
        "dot_shares": [_finite(share) for share in line.dot_shares],
        "thermal_share": _finite(line.thermal_share),
    }


def change_object(change: SampleChange) -> Json:
    """Object of a change from one sample to another."""
    numbers: Json = {"from": change.before, "to": change.after}
    for quantity in change.redshift:
        numbers |= _number(f"redshift_{quantity}", change.redshift[quantity], "_meV")
        numbers |= _number(f"broadening_{quantity}", change.broadening[quantity], "_meV")
    return {
        **numbers,
        **_number("lifetime_ratio", change.lifetime_ratio),
        **_number("band_edge_ratio", change.band_edge_ratio),
        **_number("cross_section_300nm_ratio", change.cross_section_300nm_ratio),
        **_number("lifetime_ratio_no_local_field", change.lifetime_ratio_no_local_field),
        **_number("band_edge_ratio_no_local_field", change.band_edge_ratio_no_local_field),
    }


def ensemble_object(ensemble: EnsembleResult | None) -> Json | None:
    """Object of an ensemble."""
    if ensemble is None:
        return None
    return {
        "members": ensemble.members,
        "single_dots": ensemble.single_dots,
        "impossible": ensemble.impossible,
        "solved_shapes": ensemble.solved_shapes,
        "method": ensemble.method,
        "error_relative": _finite(ensemble.error_relative),
        "peak_error_meV": _finite(ensemble.peak_error, 1000),
        "samples": [_ensemble_sample_object(sample) for sample in ensemble.samples],
    }


def _ensemble_sample_object(sample: EnsembleSample) -> Json:
    return {
        "sample": sample.name,
        "impossible": sample.impossible,
        "solved_shapes": sample.solved_shapes,
        "failed_shapes": sample.failed_shapes,
        "error_relative": _finite(sample.error_relative),
        "absorption_peak_error_meV": _finite(sample.absorption_peak_error, 1000),
        "emission_peak_error_meV": _finite(sample.emission_peak_error, 1000),
    }


def field_object(sweep: FieldSweep | None) -> Json | None:
    """Object of a field sweep."""
    if sweep is None:
        return None
    return {
        "field_kV_cm": _list(sweep.fields),
        "emission_peak_eV": _list(sweep.peak),
        "absorption_peak_eV": _list(sweep.absorption),
        "peak_error_meV": _list(1000 * sweep.error),
        "stark_shift_meV": _list(1000 * sweep.stark),
        "stark_shift_error_meV": _list(1000 * sweep.stark_error),
        "dot_emission": [_list(row) for row in sweep.share],
        "dot_emission_eV": [_list(row) for row in sweep.dot_peak],
        "radiative_lifetime_ns": _list(sweep.lifetime),
        "switching_field_kV_cm": _finite(sweep.switching),
        "failed": [{"index": index, "reason": reason} for index, reason in sweep.failed],
    }


def _number(name: str, number: Estimate | None, unit: str = "") -> Mapping[str, float | None]:
    """Value and error under their keys, both in the unit of the estimate."""
    if number is None:
        return {f"{name}{unit}": None, f"{name}_error{unit}": None}
    return {f"{name}{unit}": _finite(number.value), f"{name}_error{unit}": _finite(number.error)}


def _energy(name: str, energy: Estimate | None) -> Mapping[str, float | None]:
    """An energy in eV and its error in meV under their keys."""
    if energy is None:
        return {f"{name}_eV": None, f"{name}_error_meV": None}
    return {f"{name}_eV": _finite(energy.value), f"{name}_error_meV": _finite(energy.error, 1000)}


def _finite(value: float | None, factor: float = 1) -> float | None:
    """The number times a factor; None unless it is finite."""
    return float(factor * value) if value is not None and math.isfinite(value) else None


def _list(values: Floats | Sequence[float]) -> list[float | None]:
    return [_finite(value) for value in values]
