"""Made-up spectra of a molecule: curves and numbers of the right kind and size, nothing solved."""

from dataclasses import replace
from functools import cache

import numpy as np

from qdmol.estimates import Estimate
from qdmol.prediction import FieldSweep, SampleSpectrum, Spectra
from qdmol.prediction.values import EnsembleResult, EnsembleSample, Line, SampleChange, SpectralRange
from qdmol.spectroscopy import Curve
from qdmol.structure import read_spec

HC = 1239.841984
ENERGY = np.linspace(1.7, 4.3, 1301)
NM300 = HC / 300
CM2 = 1e-14  # cm² in a nm²
SAMPLES = ("monomer", "unfused", "fused")
# edge (eV), full width (meV), cross-section at the edge (cm²), second peak above the edge (eV), dots
KINDS = {
    "monomer": (2.095, 92.0, 4.1e-15, 0.155, 1),
    "unfused": (2.093, 93.0, 8.3e-15, 0.155, 2),
    "fused": (2.078, 101.0, 8.9e-15, 0.135, 2),
}
WARNING = "Lines of the range pairs are independent pairs: their strength is known to 18 % only."


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


def sample(kind, *, members=False):
    _, width, *_, dots = KINDS[kind]
    edge = first_maximum(kind)
    height = float(absorption(kind, np.array([edge]))[0])
    blue = float(np.interp(NM300, ENERGY, absorption(kind)))
    curve, of = absorption(kind) / CM2, Estimate.from_error
    energies, errors, strengths = (part.tolist() for part in lines(kind))
    shares = (1.0,) if dots == 1 else (0.5, 0.5)
    return SampleSpectrum(
        name=kind,
        dots=dots,
        grid=ENERGY,
        absorption=curve,
        absorption_error=curve * np.interp(ENERGY, [2.5, 2.6, 3.3, 4.3], [0.03, 0.18, 0.2, 0.2]),
        emission=emission(kind),
        absorption_kind="maximum",
        absorption_peak=of(edge, 3.1e-3, "eV"),
        absorption_width=of(width, 4.0, "meV"),
        emission_peak=of(KINDS[kind][0] - 0.022, 2.4e-3, "eV"),
        emission_width=of(width, 1.2, "meV"),
        emission_wavelength=HC / float(ENERGY[np.argmax(emission(kind) * ENERGY**2)]),
        band_edge_cross_section=of(height, 0.06 * height, "cm2"),
        cross_section_300nm=of(blue, 0.2 * blue, "cm2"),
        bulk_cross_section_300nm=1.1 * blue,
        ratio_to_bulk_300nm=of(1 / 1.1, 0.2),
        ratio_edge_to_300nm=of(height / blue, 0.21 * height / blue),
        lifetime=of(14.2 + dots, 0.5, "ns"),
        polarisation=0.0 if dots == 1 else 0.06,
        ranges=(
            SpectralRange("excitons", edge, 2.53, 0.03, 2e-3),
            SpectralRange("pairs", 2.53, 3.31, 0.18, 40e-3, box_states=3.21),
            SpectralRange("bulk", 3.31, 4.3, 0.2, None),
        ),
        lines=tuple(
            Line(of(e, 1e-3 * d, "eV"), of(f, 0.03 * f), shares, float(np.exp(-k / 3) / 4))
            for k, (e, d, f) in enumerate(zip(energies, errors, strengths, strict=True))
        ),
        members=np.stack([curve * factor for factor in np.linspace(0.72, 1.28, 101)]) if members else None,
    )


def change(first, second):
    a, b, of = KINDS[first], KINDS[second], Estimate.from_error
    shift, wider = 1e3 * (a[0] - b[0]), b[1] - a[1]
    return SampleChange(
        before=first,
        after=second,
        redshift={"absorption": of(shift, 0.8, "meV"), "emission": of(shift, 0.7, "meV")},
        broadening={"absorption": of(wider, 1.1, "meV"), "emission": of(wider, 0.9, "meV")},
        lifetime_ratio=of(1.07, 0.03),
        band_edge_ratio=of(b[2] / a[2], 0.05),
        cross_section_300nm_ratio=of(2.0, 0.1),
        lifetime_ratio_no_local_field=of(1.01, np.inf),
        band_edge_ratio_no_local_field=of(1.99, np.inf),
    )


def with_field(spectra, *, count=21, holes=()):
    """The same with the emission of two dots that change places as a field is swept."""
    fields = np.linspace(-100, 100, count)
    centres = np.stack([2.062 - 0.00035 * fields, 2.074 + 0.00035 * fields], axis=1)
    weight = np.exp(-(centres - centres.min(axis=1, keepdims=True)) / 0.0129)
    share = weight / weight.sum(axis=1, keepdims=True)
    rate = (share[..., None] * gaussian(ENERGY, centres[..., None], 0.06)).sum(axis=1)
    peak = ENERGY[np.argmax(rate, axis=1)]
    absorbed, error = 2.09 - 1e-6 * fields**2, np.full(count, 1e-3)
    for values in (rate, share, peak, absorbed, error):
        values[list(holes)] = np.nan
    sweep = FieldSweep(
        fields=fields,
        grid=ENERGY,
        emission=rate,
        share=share,
        dot_peak=centres,
        peak=peak,
        absorption=absorbed,
        lifetime=np.full(count, 14.0),
        error=error,
        numerical=0.1 * error,
        failed=tuple((int(k), "no bound level at this field") for k in holes),
    )
    return replace(spectra, sweep=sweep, converged=not holes)


@cache
def fake_spectra(example="@homodimer", *, ensemble=False, converged=True):
    """Spectra of a shipped example: three samples, or one for a dot alone."""
    spec = read_spec(example)
    names = SAMPLES if len(spec.molecule.dots) > 1 else SAMPLES[:1]
    pairs = [("monomer", "unfused"), ("monomer", "fused"), ("unfused", "fused")] if len(names) > 1 else []
    parts = tuple(EnsembleSample(name, 3, 9, 0, 0.012, 1.4e-3, 1.1e-3) for name in names)
    return Spectra(
        spec=spec,
        temperature=300.0,
        homogeneous_width=60.0,
        stokes_shift=22.0,
        calibration_shift=None,
        samples={name: sample(name, members=ensemble) for name in names},
        changes=tuple(change(*pair) for pair in pairs),
        ensemble=EnsembleResult(1000, 120, False, parts) if ensemble else None,
        sweep=None,
        converged=converged,
        warnings=(WARNING,),
        elapsed=12.0,
    )


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
