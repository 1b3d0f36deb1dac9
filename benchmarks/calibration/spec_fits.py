"""How often the 95 % intervals of `qdmol.fit_spec` hold planted fields: `python -m benchmarks.calibration.spec_fits`.

Spectra are predicted at planted values of the fields, broadened, scaled, offset, sampled at whole nanometres and given
white noise; numbers are predicted at planted values and scattered by their errors. The planted values lie between the
points at which the fit computes the model.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

import qdmol
from qdmol.design import own_spectrum
from qdmol.errors import QdmolError
from qdmol.jobs import store_folder
from qdmol.prediction import SampleSpectrum
from qdmol.spectroscopy import Curve
from qdmol.structure import Spec, update_spec
from qdmol.units import HC_EV_NM

__all__ = ["Case", "draw_curve", "main", "run"]

COMMAND = "python -m benchmarks.calibration.spec_fits"
TABLE = Path(__file__).parents[2] / "docs" / "_generated" / "calibration-spec_fits.md"
BROADENING = 0.03  # eV, standard deviation
OFFSET = 0.04  # of the peak
PATHS = {
    "core_radius": "molecule.dots[*].core.radius",
    "spacing": "molecule.spacing",
    "shell_thickness": "molecule.dots[*].shells[0].thickness",
}


@dataclass(frozen=True)
class Case:
    """Planted fields of an example and the data that they are fitted to.

    `between` are the searched ranges, `middle` the part of them in which values are planted; `noise` is relative to the
    peak. Without `numbers` the data are a curve of `quantity`.
    """

    name: str
    example: str
    between: dict[str, tuple[float, float]]
    quantity: str = "emission"
    noise: float = 0.02
    window: tuple[float, float] | None = None
    numbers: dict[str, float] | None = None  # target -> standard error
    planted: int = 10
    trials: int = 300


CASES = (
    Case("emission, 2 % noise", "@monomer", {"core_radius": (1.0, 2.0)}),
    Case("emission, 10 % noise", "@monomer", {"core_radius": (1.0, 2.0)}, noise=0.1),
    Case("absorption, 1 % noise", "@monomer", {"core_radius": (1.0, 2.0)}, quantity="absorption", noise=0.01),
    Case(
        "gap ± 3 meV, splitting ± 0.5 meV, red shift ± 0.5 meV",
        "@homodimer",
        {"core_radius": (1.1, 1.8), "spacing": (4.6, 6.0)},
        numbers={"gap": 0.003, "splitting": 0.5, "redshift": 0.5},
    ),
)


def planted_spec(case: Case, values: Sequence[float]) -> Spec:
    """Spec of a case with planted values."""
    spec = qdmol.read_spec(case.example)
    for name, value in zip(case.between, values, strict=True):
        spec = update_spec(spec, PATHS[name], float(value))
    return spec


def planted_values(case: Case) -> Iterator[tuple[float, ...]]:
    """Planted values, spread over the middle of the ranges, the same at every run."""
    golden = (1 + 5**0.5) / 2
    for number in range(case.planted):
        share = [0.15 + 0.7 * ((0.31 + number * golden ** -(k + 1)) % 1) for k in range(len(case.between))]
        yield tuple(low + part * (high - low) for part, (low, high) in zip(share, case.between.values(), strict=True))


def draw_curve(
    sample: SampleSpectrum, quantity: str, noise: float, rng: np.random.Generator, broadening: float = BROADENING
) -> Curve:
    """Draw a measured curve about the first peak of a predicted spectrum, as a spectrometer sees it."""
    step = float(sample.grid[1] - sample.grid[0])
    per_ev = gaussian_filter1d(sample.emission if quantity == "emission" else sample.absorption, broadening / step)
    assert sample.emission_peak is not None
    peak = sample.emission_peak.value if quantity == "emission" else sample.lines[0].energy.value
    red, blue = HC_EV_NM / (peak - 0.2), HC_EV_NM / (peak + (0.2 if quantity == "emission" else 0.1))
    wavelength = np.arange(np.ceil(blue), np.floor(red), 1.0)
    energy = HC_EV_NM / wavelength
    values = np.interp(energy, sample.grid, per_ev) * (energy**2 if quantity == "emission" else 1.0)
    values = 800 * (values / values.max() + OFFSET + rng.normal(0, noise, len(values)))
    return Curve(wavelength, values, quantity=quantity, name=f"planted {quantity}")


def run(case: Case, *, trials: int, seed: int = 1) -> tuple[dict[str, int], int, int]:
    """Number of intervals of each field that hold the planted value, trials with a result, and refused ones."""
    rng = np.random.default_rng(seed)
    held = dict.fromkeys(case.between, 0)
    done = refused = 0
    planted = list(planted_values(case))
    specs = [planted_spec(case, values) for values in planted]
    samples = [None if case.numbers else own_spectrum(spec, store_folder(None))[0] for spec in specs]
    summaries = [qdmol.solve(spec).summary if case.numbers else {} for spec in specs]
    for trial in range(trials):
        place = trial % len(planted)
        sample = samples[place]
        data = (
            _numbers(case, summaries[place], rng)
            if sample is None
            else draw_curve(sample, case.quantity, case.noise, rng)
        )
        # The window of a curve follows from its points.
        window = (100.0, 3000.0) if sample is not None else None
        try:
            fit = qdmol.fit_spec(case.example, vary=list(case.between), to=data, between=case.between, window=window)
        except QdmolError:
            refused += 1
            continue
        done += 1
        for name, value in zip(case.between, planted[place], strict=True):
            held[name] += fit.values[name].holds(value)
    return held, done, refused


def _numbers(case: Case, summary: dict[str, float], rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    assert case.numbers is not None
    keys = {"gap": "gap_eV", "splitting": "splitting_meV", "redshift": "redshift_meV"}
    return {name: (summary[keys[name]] + rng.normal(0, error), error) for name, error in case.numbers.items()}


def main() -> None:
    """Print the table, or write it to the documentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table to the documentation")
    parser.add_argument("--trials", type=int, default=300)
    options = parser.parse_args()
    lines = ["| data | field | trials | refused | coverage (%) |", "| --- | --- | --- | --- | --- |"]
    for case in CASES:
        started = time.process_time()
        held, done, refused = run(case, trials=options.trials)
        for name, count in held.items():
            lines.append(f"| {case.name} | {name} | {done} | {refused} | {100 * count / max(done, 1):.1f} |")
        print("\n".join(lines), f"\n{time.process_time() - started:.0f} s", flush=True)
    if options.write:
        TABLE.write_text("\n".join(lines) + f"\n\nMade by `{COMMAND} --write`.\n", encoding="utf-8")


if __name__ == "__main__":
    main()
