"""Made-up spectra of a molecule: curves and numbers of the right kind and size, nothing solved."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

from qdmol.spectroscopy import Curve
from qdmol.structure import read_spec

HC = 1239.841984
ENERGY = np.linspace(1.7, 4.3, 1301)
NM300 = HC / 300
SAMPLES = ("monomer", "unfused", "fused")
# edge (eV), full width (meV), cross-section at the edge (cm²), second peak above the edge (eV), dots
KINDS = {
    "monomer": (2.095, 92.0, 4.1e-15, 0.155, 1),
    "unfused": (2.093, 93.0, 8.3e-15, 0.155, 2),
    "fused": (2.078, 101.0, 8.9e-15, 0.135, 2),
}
WARNING = "Lines of the range pairs are independent pairs: their strength is known to 18 % only."


@dataclass(frozen=True, eq=False)
class FakeSpectra:
    spec: Any
    summary: Any
    data: Any
    converged: bool = True
    warnings: tuple[str, ...] = ()


def gaussian(energy, centre, fwhm):
    return np.exp(-4 * np.log(2) * ((energy - centre) / fwhm) ** 2)


def absorption(kind, energy=ENERGY):
    edge, width, height, second, _ = KINDS[kind]
    fwhm = width / 1e3
    value = gaussian(energy, edge, fwhm) + 1.3 * gaussian(energy, edge + second, 1.4 * fwhm)
    value += 1.1 * gaussian(energy, edge + 0.34, 2 * fwhm) + 1.6 * gaussian(energy, edge + 0.52, 0.22)
    for k in range(1, 60):
        start = edge + 0.45 + 0.045 * k
        value += 0.055 * k**1.15 * gaussian(energy, start, 0.13)
    return height * value


def emission(kind, energy=ENERGY):
    edge, width, *_ = KINDS[kind]
    value = gaussian(energy, edge - 0.022, width / 1e3)
    return value / float(np.sum(value) * (energy[1] - energy[0]))


def lines(kind, count=30):
    edge, _, _, second, dots = KINDS[kind]
    energies = np.sort(np.concatenate([
        edge + 0.012 * np.arange(4 * dots) ** 1.3,
        edge + second + 0.02 * np.arange(count - 4 * dots) ** 1.25,
    ]))  # fmt: skip
    strengths = 2.4 / (1 + 3 * (np.arange(count) % 5)) + 0.01
    return energies, 0.6 + 0.1 * np.arange(count), strengths


def first_maximum(kind):
    """Where the curve has its first maximum (eV), between its points."""
    value = absorption(kind)
    top = int(np.argmax((value[1:-1] > value[:-2]) & (value[1:-1] > value[2:]))) + 1
    before, at, after = value[top - 1 : top + 2]
    return float(ENERGY[top] + (ENERGY[1] - ENERGY[0]) * (before - after) / (2 * (before - 2 * at + after)))


def part(name, low, high, strength, energy, box=None):
    return {
        "name": name, "from_eV": low, "to_eV": high, "strength_error": strength, "energy_error_meV": energy,
        "box_states_from_eV": box,
    }  # fmt: skip


def sample(kind):
    _, width, *_, dots = KINDS[kind]
    edge = first_maximum(kind)
    height = float(absorption(kind, np.array([edge]))[0])
    blue = float(np.interp(NM300, ENERGY, absorption(kind)))
    energies, errors, strengths = lines(kind)
    per_nm = emission(kind) * ENERGY**2
    shares = [1.0] if dots == 1 else [0.5, 0.5]
    return {
        "sample": kind, "dots": dots,
        "absorption_peak_eV": edge, "absorption_peak_error_meV": 3.1, "absorption_peak_nm": HC / edge,
        "absorption_kind": "maximum", "absorption_width_meV": width, "absorption_width_error_meV": 4.0,
        "emission_peak_eV": KINDS[kind][0] - 0.022, "emission_peak_error_meV": 2.4,
        "emission_peak_nm": HC / float(ENERGY[np.argmax(per_nm)]),
        "emission_width_meV": width, "emission_width_error_meV": 1.2,
        "band_edge_cross_section_cm2": height, "band_edge_cross_section_error_cm2": 0.06 * height,
        "cross_section_300nm_cm2": blue, "cross_section_300nm_error_cm2": 0.2 * blue,
        "bulk_cross_section_300nm_cm2": 1.1 * blue, "ratio_to_bulk_300nm": 1 / 1.1,
        "ratio_edge_to_300nm": height / blue, "ratio_edge_to_300nm_error": 0.21 * height / blue,
        "radiative_lifetime_ns": 14.2 + dots, "radiative_lifetime_error_ns": 0.5,
        "polarisation": 0.0 if dots == 1 else 0.06,
        "ranges": [
            part("excitons", edge, 2.53, 0.03, 2.0),
            part("pairs", 2.53, 3.31, 0.18, 40.0, box=3.21),
            part("bulk", 3.31, 4.3, 0.2, None),
        ],
        "lines": [
            {"energy_eV": e, "error_meV": d, "wavelength_nm": HC / e, "oscillator_strength": f,
             "oscillator_strength_error": 0.03 * f, "dot_shares": shares, "thermal_share": float(np.exp(-k / 3) / 4)}
            for k, (e, d, f) in enumerate(zip(energies.tolist(), errors.tolist(), strengths.tolist(), strict=True))
        ],
    }  # fmt: skip


def change(first, second):
    a, b = KINDS[first], KINDS[second]
    return {
        "from": first, "to": second,
        "redshift_absorption_meV": 1e3 * (a[0] - b[0]), "redshift_absorption_error_meV": 0.8,
        "redshift_emission_meV": 1e3 * (a[0] - b[0]), "redshift_emission_error_meV": 0.7,
        "broadening_absorption_meV": b[1] - a[1], "broadening_absorption_error_meV": 1.1,
        "broadening_emission_meV": b[1] - a[1], "broadening_emission_error_meV": 0.9,
        "lifetime_ratio": 1.07, "lifetime_ratio_error": 0.03,
        "band_edge_ratio": b[2] / a[2], "band_edge_ratio_error": 0.05,
        "lifetime_ratio_no_local_field": 1.01, "band_edge_ratio_no_local_field": 1.99,
    }  # fmt: skip


def dataset(names, *, members=False):
    curves = np.array([absorption(name) for name in names])
    emitted = np.array([emission(name) for name in names])
    per_nm = emitted * ENERGY**2 / HC
    error = curves * np.interp(ENERGY, [2.5, 2.6, 3.3, 4.3], [0.03, 0.18, 0.2, 0.2])
    every = [lines(name) for name in names]
    owners = np.repeat(list(names), [len(one[0]) for one in every])
    energies, errors, strengths = (np.concatenate([one[k] for one in every]) for k in range(3))
    over = ("sample", "energy")
    data = xr.Dataset(
        {
            "absorption": (over, curves, {"units": "cm2", "long_name": "absorption cross-section"}),
            "absorption_error": (over, error, {"units": "cm2", "long_name": "its error"}),
            "emission": (over, emitted, {"units": "1/eV", "long_name": "emission per eV"}),
            "emission_per_nm": (over, per_nm, {"units": "1/nm", "long_name": "emission per nm"}),
            "line_sample": ("line", owners, {"units": "", "long_name": "sample of a line"}),
            "line_energy": ("line", energies, {"units": "eV", "long_name": "photon energy"}),
            "line_error": ("line", errors, {"units": "meV", "long_name": "its error"}),
            "line_strength": ("line", strengths, {"units": "1", "long_name": "oscillator strength"}),
        },
        coords={
            "sample": ("sample", list(names), {"units": ""}),
            "energy": ("energy", ENERGY, {"units": "eV", "long_name": "photon energy"}),
            "wavelength": ("energy", HC / ENERGY, {"units": "nm", "long_name": "wavelength"}),
        },
    )
    if members:
        bands = np.stack([curves * factor for factor in (0.82, 1.0, 1.19)], axis=1)
        data["absorption_members"] = (("sample", "quantile", "energy"), bands, {"units": "cm2"})
        data = data.assign_coords(quantile=("quantile", [0.16, 0.5, 0.84], {"units": "1"}))
    return data


def with_field(spectra, *, count=21, holes=()):
    """The same with the emission of two dots that change places as a field is swept."""
    fields = np.linspace(-100, 100, count)
    centres = np.stack([2.062 - 0.00035 * fields, 2.074 + 0.00035 * fields], axis=1)
    weight = np.exp(-(centres - centres.min(axis=1, keepdims=True)) / 0.0129)
    share = weight / weight.sum(axis=1, keepdims=True)
    rate = (share[..., None] * gaussian(ENERGY, centres[..., None], 0.06)).sum(axis=1)
    rate[list(holes)] = np.nan
    share[list(holes)] = np.nan
    peak = ENERGY[np.argmax(np.nan_to_num(rate), axis=1)]
    peak[list(holes)] = np.nan
    absorbed = 2.09 - 1e-6 * fields**2
    absorbed[list(holes)] = np.nan
    data = spectra.data.assign(
        field_emission=(("field", "energy"), rate, {"units": "1/(eV ns)"}),
        field_dot_emission=(("field", "dot"), share, {"units": "1"}),
        field_emission_peak=("field", peak, {"units": "eV"}),
        field_absorption_peak=("field", absorbed, {"units": "eV"}),
    ).assign_coords(field=("field", fields, {"units": "kV/cm"}), dot=("dot", [0, 1], {"units": ""}))
    zero = int(np.argmin(np.abs(fields)))
    clean = [[None if np.isnan(x) else float(x) for x in row] for row in share]
    none = [None if np.isnan(x) else float(x) for x in peak]
    field = {
        "field_kV_cm": fields.tolist(), "emission_peak_eV": none,
        "absorption_peak_eV": [None if np.isnan(x) else float(x) for x in absorbed],
        "stark_shift_meV": [None if x is None else 1e3 * (x - float(peak[zero])) for x in none],
        "dot_emission": clean, "dot_emission_eV": centres.tolist(), "switching_field_kV_cm": -17.1,
        "failed": [{"index": int(k), "reason": "no bound level at this field"} for k in holes],
    }  # fmt: skip
    return replace(spectra, data=data, summary={**spectra.summary, "field": field}, converged=not holes)


@cache
def fake_spectra(example="@homodimer", *, ensemble=False, converged=True):
    """Spectra of a shipped example: three samples, or one for a dot alone."""
    spec = read_spec(example)
    names = SAMPLES if len(spec.molecule.dots) > 1 else SAMPLES[:1]
    pairs = [("monomer", "unfused"), ("monomer", "fused"), ("unfused", "fused")] if len(names) > 1 else []
    summary = {
        "qdmol": 1, "name": spec.name, "converged": converged, "temperature_K": 300.0, "homogeneous_width_meV": 60.0,
        "stokes_shift_meV": 22.0, "calibration_shift_meV": None, "samples": [sample(name) for name in names],
        "changes": [change(*pair) for pair in pairs], "ensemble": None, "field": None, "warnings": [WARNING],
        "elapsed_s": 12.0,
    }  # fmt: skip
    if ensemble:
        summary["ensemble"] = {
            "members": 1000, "impossible": 3, "single_dots": 120, "solved_shapes": 27, "method": "surrogate",
            "error_relative": 0.012, "peak_error_meV": 1.4,
        }  # fmt: skip
    return FakeSpectra(spec, summary, dataset(names, members=ensemble), converged, (WARNING,))


def measured_absorption(
    kind="fused", *, shift=-0.018, noise=0.0015, start=290.0, stop=750.0, name="", source="measured.csv", seed=5
):
    """What a spectrometer would write of a sample `shift` eV off, in absorbance."""
    wavelength = np.arange(start, stop, 2.0)
    energy = HC / wavelength
    value = absorption(kind, energy - shift) / absorption(kind).max() * 1.9 + 0.15 + 3e-6 * (750 - wavelength)
    value = value + noise * np.random.default_rng(seed).normal(size=len(wavelength))
    return Curve(wavelength, value, "absorption", name=name or f"{kind} abs", source=source)


def measured_emission(kind="fused", *, shift=-0.021, fwhm=0.112, name="", source="measured.csv", seed=6, flat=False):
    wavelength = np.arange(500.0, 720.0, 2.0)
    energy = HC / wavelength
    value = gaussian(energy, KINDS[kind][0] - 0.022 + shift, fwhm) * energy**2
    value = 4000 * value / value.max() + 400 if not flat else np.full(len(energy), 400.0)
    value = value + 8 * np.random.default_rng(seed).normal(size=len(value))
    return Curve(wavelength, value, "emission", name=name or f"{kind} PL", source=source)
