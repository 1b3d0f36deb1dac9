"""Stated errors of spheres with few bound levels: `python -m benchmarks.calibration.few_bound [--count N] [--seed S]`.

Random spheres of one to three layers behind finite barriers, from one bound level up; any number of levels is asked
for. The truth is the closed radial condition: spherical Bessel functions matched from layer to layer, its roots
bracketed by spectral elements (:mod:`tests.exact.radial`). `--write` stores the table for the documentation.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from tests.exact.radial import Sphere, mismatch, sphere_levels
from tests.exact.systems import sphere_molecule
from threadpoolctl import threadpool_limits

from qdmol.meanfield import Request, solve_molecule
from qdmol.structure import AxialMolecule, PlacedDot, PlacedLayer
from qdmol.units import HBAR2_OVER_2M0

TABLE = Path(__file__).parents[2] / "docs" / "_generated" / "calibration-few_bound.md"
# Levels bound by less (eV) are not counted as discrete.
LEAST_BINDING = 1e-3
# Spheres with more bound levels than this are not "few".
MOST_BOUND = 24
# Near the threshold: the binding (eV) of the only level.
THRESHOLD = (1.1e-3, 1e-2)
# Two dots so many decay lengths apart do not know of each other.
APART = 24.0
TOLERANCES = (1e-4, 1e-5)

Levels = list[float]


@dataclass
class Row:
    """What one kind of system has shown; ratios are true over stated errors."""

    kind: str
    systems: int = 0
    ratios: list[float] = field(default_factory=list)
    missed: int = 0
    invented: int = 0

    def add(self, found: list[tuple[float, float]], exact: Levels, asked: int) -> None:
        """Compare levels (energy, error) in order of energy with the exact ones."""
        self.systems += 1
        self.missed += max(min(asked, len(exact)) - len(found), 0)
        self.invented += max(len(found) - min(asked + 1, len(exact)), 0)
        self.ratios += [abs(energy - true) / error for (energy, error), true in zip(found, exact, strict=False)]

    def __str__(self) -> str:
        ratios = np.array(self.ratios)
        outside = np.count_nonzero(ratios > 1)
        return (
            f"| {self.kind} | {self.systems} | {len(ratios)} | {outside} ({100 * outside / len(ratios):.2f} %) | "
            f"{ratios.max():.2f} | {np.median(1 / ratios):.1f} | {self.missed} | {self.invented} |"
        )


def exact_levels(sphere: Sphere) -> Levels:
    """Every level bound by LEAST_BINDING at least, (2 l + 1)-fold, to 1e-12 eV: roots of the closed condition."""
    found: Levels = []
    for energy, ell in sphere_levels(sphere, top=sphere.barrier - LEAST_BINDING):
        found += [_polished(sphere, ell, energy)] * (2 * ell + 1)
    return sorted(found)


def _polished(sphere: Sphere, ell: int, energy: float) -> float:
    for width in (1e-8, 1e-7, 1e-6):
        low, high = energy - width, energy + width
        if mismatch(sphere, ell, low) * mismatch(sphere, ell, high) < 0:
            return float(brentq(lambda e: mismatch(sphere, ell, e), low, high, xtol=1e-13))
    return energy


def draw(rng: np.random.Generator, layers: int) -> tuple[Sphere, Levels]:
    """A sphere with one to MOST_BOUND bound levels, and these."""
    while True:
        thickness = np.exp(rng.uniform(math.log(0.2), math.log(1.5), layers))
        thickness[0] = math.exp(rng.uniform(math.log(0.4), math.log(2.5)))
        masses = np.exp(rng.uniform(math.log(0.05), math.log(0.8), layers))
        edges = (0.0, *map(float, rng.uniform(-0.3, 0.5, layers - 1)))
        barrier, outside = float(rng.uniform(0.3, 3.0)), float(np.exp(rng.uniform(math.log(0.1), 0.0)))
        radii = tuple(map(float, np.cumsum(thickness)))
        sphere = Sphere(radii, tuple(map(float, masses)), edges, barrier, outside)
        if barrier > max(edges):
            exact = exact_levels(sphere)
            if 0 < len(exact) <= MOST_BOUND:
                return sphere, exact


def draw_near_threshold(rng: np.random.Generator) -> tuple[Sphere, Levels]:
    """A bare sphere whose only level is bound by a few meV: its radius is near π/2 over the wave number."""
    while True:
        mass, barrier = math.exp(rng.uniform(math.log(0.05), math.log(0.6))), float(rng.uniform(0.3, 3.0))
        wave = math.sqrt(mass * barrier / HBAR2_OVER_2M0)
        outside = mass * math.exp(rng.uniform(-0.7, 0.7))
        sphere = Sphere((float(rng.uniform(0.3, 0.7)) * math.pi / wave,), (mass,), (0.0,), barrier, outside)
        exact = exact_levels(sphere)
        if len(exact) == 1 and THRESHOLD[0] < barrier - exact[0] < THRESHOLD[1]:
            return sphere, exact


def draw_pair(rng: np.random.Generator) -> tuple[AxialMolecule, Levels]:
    """Two spheres of one medium, alike or not, too far apart to know of each other, and the levels of both."""
    while True:
        one, levels = draw(rng, int(rng.integers(1, 3)))
        if rng.random() < 0.5:
            other, more = one, levels
        else:
            other, _ = draw(rng, len(one.radii))
            other = Sphere(other.radii, one.masses, one.edges, one.barrier, one.outside_mass)
            more = exact_levels(other)
        exact = sorted(levels + more)
        if exact and len(exact) <= MOST_BOUND:
            binding = one.barrier - exact[-1]
            gap = APART / math.sqrt(one.outside_mass * binding / HBAR2_OVER_2M0)
            if gap < 60.0:
                return _pair(one, other, gap), exact


def _pair(one: Sphere, other: Sphere, gap: float) -> AxialMolecule:
    half = (one.radii[-1] + other.radii[-1] + gap) / 2
    dots = [
        PlacedDot(z, tuple(PlacedLayer(f"m{k}", radius) for k, radius in enumerate(sphere.radii)))
        for z, sphere in ((-half, one), (half, other))
    ]
    single = sphere_molecule(one)
    return AxialMolecule(tuple(dots), (), single.parameters, 0.0, single.band_gap)


def systems(rng: np.random.Generator, count: int) -> Iterator[tuple[str, AxialMolecule, Levels]]:
    """About `count` systems, kind by kind."""
    kinds: list[tuple[str, Callable[[], tuple[AxialMolecule, Levels]]]] = [
        (f"{layers} layer{'s' * (layers > 1)}", lambda layers=layers: _placed(draw(rng, layers)))
        for layers in (1, 2, 3)
    ]
    kinds += [
        ("near the threshold", lambda: _placed(draw_near_threshold(rng))),
        ("two dots apart", lambda: draw_pair(rng)),
    ]
    for kind, make in kinds:
        for _ in range(math.ceil(count / len(kinds))):
            molecule, exact = make()
            yield kind, molecule, exact


def _placed(drawn: tuple[Sphere, Levels]) -> tuple[AxialMolecule, Levels]:
    return sphere_molecule(drawn[0]), drawn[1]


def calibrate(count: int, seed: int) -> list[Row]:
    """One row for each kind, and one for all."""
    rng = np.random.default_rng(seed)
    rows: dict[str, Row] = {}
    total = Row("all")
    for kind, molecule, exact in systems(rng, count):
        asked, tolerance = int(rng.integers(1, len(exact) + 5)), float(rng.choice(TOLERANCES))
        request = Request({"electron": asked, "hole": 0}, coulomb=False, tolerance=tolerance)
        with threadpool_limits(limits=1, user_api="blas"):
            levels = solve_molecule(molecule, request).levels["electron"]
        found = sorted((level.energy, level.error) for level in levels)
        for row in (rows.setdefault(kind, Row(kind)), total):
            row.add(found, exact, asked)
    return [*rows.values(), total]


def table(rows: list[Row], command: str) -> str:
    """The rows as Markdown, the command below."""
    head = (
        "| kind | systems | levels | outside the stated error | worst true/stated | median stated/true | missed | "
        "invented |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    return "\n".join([head, *map(str, rows), "", f"Made by `{command}`."]) + "\n"


def main() -> None:
    """Print the table; with --write store it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500, help="systems")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"store the table in {TABLE.name}")
    options = parser.parse_args()
    started = time.process_time()
    command = f"python -m benchmarks.calibration.few_bound --count {options.count} --seed {options.seed}"
    text = table(calibrate(options.count, options.seed), command)
    print(text)
    print(f"{time.process_time() - started:.0f} s of processor time")
    if options.write:
        TABLE.write_text(text)


if __name__ == "__main__":
    main()
