"""Simulated measurements that stand for the reader's own files in the how-to guides."""

import csv
from pathlib import Path

import numpy as np
from tests.analysis.emitters.sources import emitters
from tests.photons import generators as make

from qdmol.photons import Records

HC = 1239.842
PHOTONS, BLINKING_S = 250_000, 30.0
LIGHT = {"period_ps": 200_000.0, "response_ns": 0.3, "offset_ns": 8.0, "background_hz": 300.0}


def write_all(folder: Path) -> None:
    """Write recordings, decays, pairs and spectra into a folder."""
    rng = np.random.default_rng(13)
    _photons(rng, folder)
    _emitters(np.random.default_rng(14), folder)
    _histograms(rng, folder)
    _spectra(rng, folder)


def _photons(rng, folder):
    """One emitter, the response of the instrument, and a folder of a night: a single dot, two dots, a short one."""
    dot = make.blinking_stream(rng, rate_hz=5e4, duration_s=1.0, **LIGHT)
    make.write_ptu(folder / "dot.ptu", dot, kind=make.HYDRAHARP_T3)
    response = make.pulsed_stream(rng, rate_hz=2e5, duration_s=0.3, lifetimes_ns=(0.01,), **LIGHT)
    make.write_ptu(folder / "irf.ptu", response, kind=make.HYDRAHARP_T3)
    night = folder / "night"
    night.mkdir()
    make.write_ptu(night / "dot1.ptu", dot, kind=make.HYDRAHARP_T3)
    pair = make.pulsed_stream(rng, rate_hz=5e4, duration_s=1.0, **LIGHT)
    make.write_ptu(night / "dot2.ptu", pair, kind=make.HYDRAHARP_T3)
    dim = make.pulsed_stream(rng, rate_hz=2e3, duration_s=0.2, single=True, **LIGHT)
    make.write_ptu(night / "dot3.ptu", dim, kind=make.HYDRAHARP_T3)


def _emitters(rng, folder):
    """Two single dots, a pair, a coupled pair, each steady; and a dot that blinks with dwells of a power law."""
    kinds = {
        "single1": {},
        "single2": {},
        "pair": {"shares": (0.5, 0.5)},
        "coupled": {"shares": (0.5, 0.5), "annihilation": 10.0},
    }
    for name, kind in kinds.items():
        stream = emitters(rng, photons=PHOTONS, per_pulse=0.1, lifetime_ns=8.0, **kind)
        make.write_ptu(folder / f"{name}.ptu", stream, kind=make.HYDRAHARP_T3)
    dwells = 0.01 * rng.random(4000) ** (-1 / 0.8)  # exponent 1.8, from 10 ms
    edges = np.cumsum(dwells)
    edges = edges[edges < BLINKING_S]
    period_s = LIGHT["period_ps"] * 1e-12
    pulses = int(BLINKING_S / period_s)
    pulse = np.unique(rng.integers(0, pulses, rng.poisson(1e4 * BLINKING_S)))  # one photon a pulse at most
    bright = np.searchsorted(edges, pulse * period_s) % 2 == 0
    pulse = pulse[bright | (rng.random(len(pulse)) < 0.05)]
    delays = (8e3 + rng.exponential(8e3, len(pulse))) % LIGHT["period_ps"]
    records = Records(pulse, rng.integers(0, 2, len(pulse)).astype(np.uint8), (delays / 16).astype(np.uint32))
    stream = make.in_memory(records, mode="T3", tick_ps=16.0, sync_period_ps=LIGHT["period_ps"], duration_s=BLINKING_S)
    make.write_ptu(folder / "blinking.ptu", stream, kind=make.HYDRAHARP_T3)


def _histograms(rng, folder):
    """A decay of 20 ns as text, and the coincidences of one emitter."""
    time = np.arange(0.0, 200.0, 0.256)
    decay = rng.poisson(3000 * np.exp(-(time - 10) / 20) * (time > 10) + 3)
    _write(folder / "decay.txt", ("time (ns)", "counts"), (time, decay))
    lag = np.arange(-1000.0, 1000.5, 1.0)
    peaks = sum((0.1 if order == 0 else 1.0) * np.exp(-np.abs(lag - 200 * order) / 20) for order in range(-7, 8))
    _write(folder / "g2.txt", ("tau (ns)", "coincidences"), (lag, rng.poisson(80 * peaks + 0.5)))


def _spectra(rng, folder):
    """Absorption and emission of a monomer, an unfused and a fused dimer, the last 15 meV to the red and broader."""
    wavelength = np.arange(300.0, 721.0)
    energy = HC / wavelength
    for name, shift, broader in (("monomer", 0.0, 0.0), ("unfused", 0.0, 0.0), ("fused", 0.015, 0.02)):
        edge, width = 2.10 - shift, 0.11 + broader
        bulk = np.clip(energy - edge - 0.25, 0, None) ** 1.5
        step = 0.5 / (1 + np.exp(-(energy - edge - 0.16) / 0.05))
        absorbance = 0.1 * (np.exp(-4 * np.log(2) * ((energy - edge) / width) ** 2) + step + 1.2 * bulk)
        absorbance += rng.normal(0, 2e-4, len(energy))
        _write(folder / f"{name}-absorption.csv", ("Wavelength (nm)", "Absorbance"), (wavelength, absorbance))
        shown = wavelength > 500
        peak = np.exp(-4 * np.log(2) * ((energy - 2.03 + shift) / (0.09 + broader)) ** 2) * (energy / 2.03) ** 2
        counts = rng.poisson(5000 * peak + 100)
        _write(
            folder / f"{name}-emission.csv",
            ("Wavelength (nm)", "Intensity (counts)"),
            (wavelength[shown], counts[shown]),
        )


def _write(path, header, columns):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(zip(*(np.round(column, 6).tolist() for column in columns), strict=True))
