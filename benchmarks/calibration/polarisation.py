"""Stated errors with self-polarisation: `python -m benchmarks.calibration.polarisation [--count N] [--seed S]`.

Four in five systems are random monomers, whose levels are compared with the radial equation and a series of its own
(:mod:`tests.exact.polarised`); the others are dimers, compared with themselves at a smaller tolerance on thinner
elements. Interfaces are 0.1 to 0.5 nm wide. `--write` stores the table for the documentation.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from tests.exact.polarised import PolarisedSphere
from tests.exact.radial import Sphere
from threadpoolctl import threadpool_limits

from benchmarks.calibration.coverage import Row, run
from qdmol.estimates import Estimate
from qdmol.meanfield import Request, solve_molecule
from qdmol.potentials import CARRIERS
from qdmol.states import discretisation as resolving
from qdmol.structure import AxialMolecule, read_spec, resolve
from qdmol.study.job import run_job

WIDTHS = (0.1, 0.5)
TOLERANCES = (0.03, 0.1, 0.3, 1.0)
DIMER_TOLERANCES = (0.05, 0.1, 0.3)
# The reference of a dimer: tolerance (meV) and thickness of the elements at an interface, in widths.
FINER_TOLERANCE, FINER_LAYERS = 0.02, 0.3
ELLS = 6


def random_spec(rng: np.random.Generator, *, dots: int) -> dict[str, Any]:
    """A spec with random materials and sizes, self-polarisation included."""
    materials = {
        "CdSe": {
            "electron_mass": rng.uniform(0.08, 0.2),
            "hole_mass": rng.uniform(0.4, 1.0),
            "permittivity": rng.uniform(6, 14),
        },
        "CdS": {
            "electron_mass": rng.uniform(0.09, 0.25),
            "hole_mass": rng.uniform(0.5, 1.0),
            "conduction_offset": rng.uniform(0.0, 0.5),
            "valence_offset": rng.uniform(0.1, 0.7),
            "permittivity": rng.uniform(4, 10),
        },
        "medium": {
            "electron_mass": rng.uniform(0.5, 1),
            "hole_mass": 1.0,
            "electron_barrier": rng.uniform(2.5, 6),
            "hole_barrier": rng.uniform(2.5, 6),
            "permittivity": rng.uniform(1.5, 7),
        },
    }
    largest = 1.0 if dots == 1 else 0.7
    layers = [
        {
            "core": {"material": "CdSe", "radius": rng.uniform(1.0, 3.0 * largest)},
            "shells": [{"material": "CdS", "thickness": rng.uniform(0.6, 2.4 * largest)}],
        }
        for _ in range(dots)
    ]
    molecule: dict[str, Any] = {"dots": layers}
    if dots == 2:
        if rng.random() < 0.6:
            layers[1] = layers[0]
        cores = sum(dot["core"]["radius"] for dot in layers)
        reach = cores + sum(dot["shells"][0]["thickness"] for dot in layers)
        spacing = rng.uniform(cores + 0.3, reach + 0.3)
        molecule |= {"neck": "merged", "spacing": spacing}
    return {
        "qdmol": 1,
        "materials": "cdse-cds-single-band",
        "overrides": {name: {key: float(value) for key, value in part.items()} for name, part in materials.items()},
        "molecule": molecule,
        "calculation": {
            "electrons": 4 if dots == 1 else 2,
            "holes": 4 if dots == 1 else 1,
            "coulomb": "none" if dots == 1 else "self-consistent",
            "tolerance": float(rng.choice(TOLERANCES if dots == 1 else DIMER_TOLERANCES)),
            "self_polarisation": True,
            "interface_width": float(rng.uniform(*WIDTHS)),
        },
    }


def reference(molecule: AxialMolecule, carrier: str, count: int) -> list[float]:
    """The lowest energies (eV) of a monomer, +m and -m apart."""
    layers = molecule.dots[0].layers
    regions = [molecule.parameters[name] for name in (*(layer.material for layer in layers), "medium")]
    masses, edges = ([getattr(one, f"{carrier}_{key}") for one in regions] for key in ("mass", "edge"))
    sphere = Sphere(
        tuple(layer.radius for layer in layers), tuple(masses[:-1]), tuple(edges[:-1]), edges[-1], masses[-1]
    )
    assert molecule.interface_width is not None
    exact = PolarisedSphere(sphere, [one.permittivity for one in regions], molecule.interface_width)
    return sorted(float(energy) for ell in range(ELLS) for energy in exact.levels(ell, 2) for _ in range(2 * ell + 1))[
        :count
    ]


def monomer(rng: np.random.Generator) -> tuple[list[float], list[float]]:
    """True and stated errors (eV) of every level of a random monomer."""
    spec = read_spec(random_spec(rng, dots=1))
    molecule = resolve(spec)
    calculation = spec.calculation
    counts = {"electron": calculation.electrons, "hole": calculation.holes}
    solution = solve_molecule(molecule, Request(counts, coulomb=False, tolerance=calculation.tolerance / 1000))
    true, stated = [], []
    for carrier in CARRIERS:
        levels = sorted((level.energy, level.error) for level in solution.levels[carrier])
        exact = reference(molecule, carrier, len(levels))
        true += [energy - other for (energy, _), other in zip(levels, exact, strict=True)]
        stated += [error for _, error in levels]
    return true, stated


def numbers(spec: Mapping[str, Any]) -> list[Estimate]:
    """What is reported of a dimer: exciton, binding, splitting, spacing, and both red shifts."""
    job = run_job(read_spec(spec))
    solution = job.solution
    found = [
        solution.pairs[0].exciton,
        solution.pairs[0].binding,
        solution.splitting,
        solution.spacing,
        job.redshift,
        job.redshift_single_particle,
    ]
    return [one for one in found if one is not None]


def dimer(rng: np.random.Generator) -> tuple[list[float], list[float]]:
    """True and stated errors (eV) of the reported numbers of a random dimer."""
    spec = random_spec(rng, dots=2)
    found = numbers(spec)
    with finer_layers():
        exact = numbers(spec | {"calculation": spec["calculation"] | {"tolerance": FINER_TOLERANCE}})
    true = [one.value - other.value for one, other in zip(found, exact, strict=True)]
    return true, [one.error for one in found]


@contextmanager
def finer_layers() -> Iterator[None]:
    """Elements at interfaces thinner than the solver's own."""
    usual = resolving.WIDTHS_RESOLVED
    resolving.WIDTHS_RESOLVED = FINER_LAYERS
    try:
        yield
    finally:
        resolving.WIDTHS_RESOLVED = usual


def calibrate(count: int, seed: int) -> list[Row]:
    """One row for monomers, one for dimers."""
    rng = np.random.default_rng(seed)
    rows = [Row("levels of monomers"), Row("dimers")]
    dimers = math.ceil(count / 5)
    kinds = [(monomer, rows[0], count - dimers), (dimer, rows[1], dimers)]
    with threadpool_limits(limits=1, user_api="blas"):
        for solve, row, number in kinds:
            for _ in range(number):
                row.add(*solve(rng))
                if max(row.ratios[-8:]) > 1:
                    sys.stderr.write(f"{row.kind}: system {row.systems} of seed {seed} is outside\n")
    return [row for row in rows if row.systems]


if __name__ == "__main__":
    run("polarisation", calibrate, count=100)
