"""Stated errors of differences: `python -m benchmarks.calibration.splittings [--count N] [--seed S]`.

Random dimers behind hard and finite barriers, at tolerances from 0.01 to 10 meV, are compared with themselves at
0.0005 meV: splittings of all, and for some of them with Coulomb attraction the spacing in the hole's field, bindings,
the energies of the other pair, and both red shifts. `--write` stores the table for the documentation.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.calibration.coverage import Row, run
from qdmol.errors import InputError
from qdmol.estimates import Estimate
from qdmol.structure import read_spec
from qdmol.study.job import Job, run_job

TOLERANCES = (0.01, 10.0)
REFERENCE = 5e-4
# One in so many systems has Coulomb attraction.
WITH_COULOMB = 4
# Meaningless beside rounding (eV).
LEAST_SPLITTING = 1e-9

Numbers = dict[str, list[Estimate]]


def random_spec(rng: np.random.Generator, *, coulomb: bool) -> dict[str, Any]:
    """A spec of a random dimer of equal or unlike dots, fused or not."""
    hard = rng.random() < 0.25
    shell = {"conduction_offset": rng.uniform(-0.1, 0.5), "valence_offset": rng.uniform(-0.1, 0.7)}
    barriers = {key: "hard" if hard else rng.uniform(1.0, 6.0) for key in ("electron_barrier", "hole_barrier")}
    materials: dict[str, dict[str, Any]] = {
        "CdSe": {"electron_mass": rng.uniform(0.08, 0.2), "hole_mass": rng.uniform(0.4, 1.0)},
        "CdS": {"electron_mass": rng.uniform(0.09, 0.25), "hole_mass": rng.uniform(0.5, 1.0)} | shell,
        "medium": {"electron_mass": rng.uniform(0.3, 1.0), "hole_mass": 1.0} | barriers,
    }
    for part in materials.values():
        part["permittivity"] = 10.0
    dots = [
        {
            "core": {"material": "CdSe", "radius": float(rng.uniform(0.8, 2.4))},
            "shells": [{"material": "CdS", "thickness": float(rng.uniform(0.4, 2.0))}],
        }
        for _ in range(2)
    ]
    if rng.random() < 0.6:
        dots[1] = dots[0]
    cores = sum(dot["core"]["radius"] for dot in dots)
    reach = cores + sum(dot["shells"][0]["thickness"] for dot in dots)
    return {
        "qdmol": 1,
        "materials": "cdse-cds-single-band",
        "overrides": {
            name: {key: value if isinstance(value, str) else float(value) for key, value in part.items()}
            for name, part in materials.items()
        },
        "molecule": {"dots": dots, "neck": "merged", "spacing": float(rng.uniform(cores + 0.2, reach + 0.2))},
        "calculation": {
            "electrons": 2,
            "holes": 1 if coulomb else 0,
            "coulomb": "self-consistent" if coulomb else "none",
            "tolerance": float(np.exp(rng.uniform(*np.log(TOLERANCES)))),
        },
    }


def numbers(spec: Mapping[str, Any]) -> Numbers:
    """The differences reported for a spec, by kind."""
    job = run_job(read_spec(spec))
    found: Numbers = {"splitting": _known(job.solution.splitting)}
    if job.coulomb:
        found |= _with_coulomb(job)
    return found


def _with_coulomb(job: Job) -> Numbers:
    pairs = job.solution.pairs
    return {
        "spacing": _known(job.solution.spacing),
        "binding": [pair.binding for pair in pairs],
        "exciton": [pair.exciton for pair in pairs],
        "red shift": _known(job.redshift),
        "red shift, single-particle": _known(job.redshift_single_particle),
    }


def _known(estimate: Estimate | None) -> list[Estimate]:
    return [] if estimate is None else [estimate]


def finer(spec: Mapping[str, Any]) -> Numbers:
    """The same numbers at the reference's tolerance."""
    return numbers(spec | {"calculation": spec["calculation"] | {"tolerance": REFERENCE}})


def compare(rows: dict[str, Row], found: Numbers, exact: Numbers) -> list[str]:
    """Add one system to the rows; returns the kinds of which a number is outside."""
    outside = []
    for kind, estimates in found.items():
        pairs = [
            (one.value - other.value, one.error)
            for one, other in zip(estimates, exact[kind], strict=False)
            if abs(other.value) > LEAST_SPLITTING
        ]
        if pairs:
            rows.setdefault(kind, Row(kind)).add(*zip(*pairs, strict=True))
            outside += [kind] * any(abs(true) > stated for true, stated in pairs)
    return outside


def calibrate(count: int, seed: int) -> list[Row]:
    """One row for each kind of difference."""
    rng = np.random.default_rng(seed)
    rows: dict[str, Row] = {}
    system = 0
    with threadpool_limits(limits=1, user_api="blas"):
        while system < count:
            spec = random_spec(rng, coulomb=system % WITH_COULOMB == 0)
            try:
                outside = compare(rows, numbers(spec), finer(spec))
            except InputError:
                continue  # no bound level
            system += 1
            for kind in outside:
                sys.stderr.write(f"{kind}: system {system} of seed {seed} is outside\n")
    return list(rows.values())


if __name__ == "__main__":
    run("splittings", calibrate, count=100)
