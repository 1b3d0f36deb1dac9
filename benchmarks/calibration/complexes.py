"""How often the stated errors of excitons, trions and biexcitons hold: `python -m benchmarks.calibration.complexes`.

Random layered spheres and pairs of them, solved as a user's spec would be and compared with

- excitons of one sphere: partial waves on a radial grid (`tests.exact.partial_waves`), which share nothing with the
  solver and are exact to a few microelectronvolts;
- trions and biexcitons of one sphere: a wider basis, with what it lacks scaled from the exciton, whose limit is known;
- excitons of two dots: a wider basis, extrapolated.

A system counts as outside where the distance to the reference, less the reference's own uncertainty, exceeds the stated
error.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.exact.partial_waves import ExcitonInSphere
from tests.exact.radial import Sphere
from threadpoolctl import threadpool_limits

from qdmol.ci import Complex, bases as ladders, parse_complexes, solve_complexes
from qdmol.ci.bases import EXCITON, Ladder
from qdmol.ci.solving import DECAY
from qdmol.meanfield import MoleculeSolution, Request, solve_molecule
from qdmol.structure import AxialMolecule, PlacedDot, PlacedLayer, RegionParameters

TABLE = Path(__file__).parents[2] / "docs" / "_generated" / "calibration-complexes.md"
# Tolerance (eV) of the levels: the spec's default.
LEVELS = 1e-4
# Orbitals per dot of the references: trions, biexcitons, excitons of two dots.
WIDE = {"X-": 45, "X+": 45, "XX": 28, "dimer": 50}
# Part of what is extrapolated of a reference that is its uncertainty.
UNCERTAIN = 0.3


@dataclass(frozen=True)
class Drawn:
    """A layered sphere for both carriers, and its permittivity."""

    electron: Sphere
    hole: Sphere
    permittivity: float


@dataclass(frozen=True)
class Outcome:
    """One comparison, all energies in eV: stated value and error, reference and its uncertainty; CPU seconds."""

    kind: str
    value: float
    error: float
    reference: float
    uncertainty: float
    accurate: bool
    seconds: float

    @property
    def distance(self) -> float:
        """How far from the reference, less its uncertainty."""
        return max(abs(self.value - self.reference) - self.uncertainty, 0.0)

    @property
    def ratio(self) -> float:
        """Distance over the stated error."""
        return self.distance / self.error


def draw(rng: np.random.Generator, *, layers: int = 3, smallest: float = 0.9, largest: float = 3.2) -> Drawn:
    """A sphere of one to `layers` layers: flat offsets and offsets of both signs, thick shells, some hard walls."""
    count = int(rng.integers(1, layers + 1))
    core = math.exp(rng.uniform(math.log(smallest), math.log(largest)))
    shells = np.exp(rng.uniform(math.log(0.3), math.log(3.5), count - 1))
    radii = tuple(map(float, np.cumsum([core, *shells])))
    hard = rng.random() < 0.2
    sides = []
    for mass, offset in (((0.05, 0.25), (-0.35, 0.45)), ((0.3, 1.0), (-0.35, 0.7))):
        masses = tuple(map(float, np.exp(rng.uniform(*np.log(mass), count))))
        edges = [0.0] + [0.0 if rng.random() < 0.15 else float(rng.uniform(*offset)) for _ in range(count - 1)]
        barrier = math.inf if hard else float(rng.uniform(2, 6))
        sides.append(Sphere(radii, masses, tuple(edges), barrier, 1.0))
    return Drawn(sides[0], sides[1], float(rng.choice([7.0, 10.0, 10.0, 13.0])))


def molecule_of(dots: list[Drawn], gap: float = 0.0) -> AxialMolecule:
    """The dots in a row, `gap` (nm) between their surfaces, in the first one's medium; one permittivity."""
    parameters, placed, end = {}, [], 0.0
    for number, dot in enumerate(dots):
        electron, hole = dot.electron, dot.hole
        for k in range(len(electron.radii)):
            edges = electron.masses[k], hole.masses[k], electron.edges[k], hole.edges[k]
            parameters[f"m{number}{k}"] = RegionParameters(*edges, dots[0].permittivity)
        layers = tuple(PlacedLayer(f"m{number}{k}", radius) for k, radius in enumerate(electron.radii))
        centre = end + electron.radii[-1] + (gap if number else -electron.radii[-1])
        placed.append(PlacedDot(centre, layers))
        end = centre + electron.radii[-1]
    first = dots[0]
    parameters["medium"] = RegionParameters(1.0, 1.0, first.electron.barrier, first.hole.barrier, dots[0].permittivity)
    middle = (placed[0].z + placed[-1].z) / 2
    placed = [PlacedDot(dot.z - middle, dot.layers) for dot in placed]
    return AxialMolecule(tuple(placed), (), parameters, 0.0, 1.75)


def draw_pair(rng: np.random.Generator) -> AxialMolecule:
    """Two dots of one or two layers, alike, nearly alike or unlike, up to 0.6 nm apart."""
    first = draw(rng, layers=2, smallest=1.2, largest=2.6)
    gap = float(rng.uniform(0.1, 0.6))
    kind = rng.random()
    if kind < 0.4:
        return molecule_of([first, first], gap)
    if kind < 0.6:
        radii = tuple(radius + float(rng.uniform(0.02, 0.15)) for radius in first.electron.radii)
        sides = (Sphere(radii, s.masses, s.edges, s.barrier, s.outside_mass) for s in (first.electron, first.hole))
        return molecule_of([first, Drawn(*sides, first.permittivity)], gap)
    return molecule_of([first, draw(rng, layers=2, smallest=1.2, largest=2.6)], gap)


def solution_of(molecule: AxialMolecule) -> MoleculeSolution:
    """Levels and settled pairs at the default tolerance."""
    return solve_molecule(molecule, Request({"electron": 1, "hole": 1}, coulomb=True, tolerance=LEVELS))


def stated(
    kind: str, solution: MoleculeSolution, one: Complex, tolerance: float, limit: tuple[float, float]
) -> Outcome:
    """What is stated for the lowest state of a complex, beside a reference and its uncertainty (eV)."""
    began = time.process_time()
    found = solve_complexes(solution, [one], states=1, tolerance=tolerance)[one]
    seconds = time.process_time() - began
    return Outcome(kind, found.energy.value, found.energy.error, *limit, found.accurate, seconds)


def exact_exciton(dot: Drawn) -> tuple[float, float]:
    """Limit of the partial waves and its uncertainty (eV)."""
    limit = ExcitonInSphere(dot.electron, dot.hole, dot.permittivity).limit()
    return limit.energy, limit.error


def monomer_excitons(rng: np.random.Generator) -> Iterator[Outcome]:
    """X of one random sphere at two tolerances."""
    dot = draw(rng)
    solution = solution_of(molecule_of([dot]))
    limit = exact_exciton(dot)
    for tolerance in (1e-3, 2e-4):
        yield stated(f"X, one dot, ci_tolerance {1000 * tolerance:g}", solution, EXCITON, tolerance, limit)


def monomer_complexes(rng: np.random.Generator) -> Iterator[Outcome]:
    """Trions and the biexciton of one random sphere."""
    dot = draw(rng)
    solution = solution_of(molecule_of([dot]))
    exact = exact_exciton(dot)
    for one in parse_complexes("X-,X+,XX"):
        limit = scaled_limit(solution, one, WIDE[one.name], exact)
        yield stated(f"{one.name}, one dot, ci_tolerance 1", solution, one, 1e-3, limit)


def dimer_excitons(rng: np.random.Generator) -> Iterator[Outcome]:
    """X of two random dots."""
    solution = solution_of(draw_pair(rng))
    limit = wide_limit(solution, WIDE["dimer"])
    for tolerance in (1e-3, 2e-4):
        yield stated(f"X, two dots, ci_tolerance {1000 * tolerance:g}", solution, EXCITON, tolerance, limit)


class Wide:
    """Energies in a basis wider than the solver's, and in two smaller ones."""

    def __init__(self, solution: MoleculeSolution, count: int) -> None:
        self.counts = (round(count / 2.5), round(count / 1.6), count)
        saved, ladders.COUNTS = ladders.COUNTS, self.counts
        try:
            self.ladder = Ladder(solution)
            self.ladder.problem(2, ["eh"])
        finally:
            ladders.COUNTS = saved

    def energies(self, one: Complex) -> list[float]:
        """Lowest energies (eV), the widest basis last."""
        saved, ladders.COUNTS = ladders.COUNTS, self.counts
        try:
            return [self.ladder.solve(one, step, 1)[0].energy for step in (2, 1, 0)][::-1]
        finally:
            ladders.COUNTS = saved


def wide_limit(solution: MoleculeSolution, count: int) -> tuple[float, float]:
    """Exciton in a wide basis, extrapolated with the exponent that random spheres have, and its uncertainty (eV)."""
    wide = Wide(solution, count)
    energies = wide.energies(EXCITON)
    powers = np.array(wide.counts, dtype=float) ** DECAY
    lacking = [powers[k] / (powers[2] - powers[k]) * (energies[k] - energies[2]) for k in (0, 1)]
    return energies[2] - float(np.mean(lacking)), UNCERTAIN * max(lacking)


def scaled_limit(
    solution: MoleculeSolution, one: Complex, count: int, exact: tuple[float, float]
) -> tuple[float, float]:
    """A complex in a wide basis less what it lacks, scaled from the exciton's known limit (eV)."""
    wide = Wide(solution, count)
    own, pair = wide.energies(one), wide.energies(EXCITON)
    ratios = [(own[k] - own[2]) / (pair[k] - pair[2]) for k in (0, 1)]
    lacking = pair[2] - exact[0]
    return own[2] - ratios[1] * lacking, abs(ratios[1] - ratios[0]) * lacking + UNCERTAIN * 0.5 * lacking


STUDIES: dict[str, tuple[Callable[[np.random.Generator], Iterator[Outcome]], float]] = {
    # what is compared, and its share of the count
    "monomer": (monomer_excitons, 1.0),
    "complexes": (monomer_complexes, 0.08),
    "dimer": (dimer_excitons, 0.25),
}


def outcomes(study: str, count: int, seed: int) -> Iterator[Outcome]:
    """Comparisons on so many random systems."""
    for number in range(count):
        yield from compared(study, number, seed)


def compared(study: str, number: int, seed: int) -> list[Outcome]:
    """The comparisons on one random system."""
    run, _ = STUDIES[study]
    with threadpool_limits(limits=1, user_api="blas"):
        return list(run(np.random.default_rng([seed, number, sorted(STUDIES).index(study)])))


def planned(count: int, only: str | None) -> list[tuple[str, int]]:
    """Study and number of every system, all studies side by side, so that what is stopped has some of each."""
    shares = {study: math.ceil(share * count) for study, (_, share) in STUDIES.items() if only in (None, study)}
    systems = [(study, number) for study, total in shares.items() for number in range(total)]
    return sorted(systems, key=lambda one: (one[1] / shares[one[0]], one[0]))


def table_of(found: list[Outcome]) -> str:
    """One row for each kind."""
    lines = [
        "| kind | systems | outside the stated error | worst \\|true\\|/stated | median stated/\\|true\\| "
        "| tolerance met | median CPU (s) |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind in dict.fromkeys(one.kind for one in found):
        own = [one for one in found if one.kind == kind]
        ratios = np.array([abs(one.value - one.reference) / one.error for one in own])
        outside = sum(one.ratio > 1 for one in own)
        lines.append(
            f"| {kind} | {len(own)} | {outside} | {ratios.max():.2f} | {np.median(1 / np.maximum(ratios, 1e-9)):.1f} "
            f"| {np.mean([one.accurate for one in own]):.0%} | {np.median([one.seconds for one in own]):.2f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Draw, compare, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=300, help="random spheres; of the other kinds fewer")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--only", choices=sorted(STUDIES), help="one kind of systems")
    parser.add_argument("--keep", type=Path, help="a file of comparisons: those in it are not repeated")
    parser.add_argument("--write", action="store_true", help=f"store the table in {TABLE.name}")
    arguments = parser.parse_args()
    lines: list[dict[str, Any]] = []
    if arguments.keep is not None and arguments.keep.exists():
        lines = [json.loads(line) for line in arguments.keep.read_text(encoding="utf-8").splitlines()]
    done = {(line["study"], line["number"], line["seed"]) for line in lines}
    for study, number in planned(arguments.count, arguments.only):
        key = {"study": study, "number": number, "seed": arguments.seed}
        if tuple(key.values()) in done:
            continue
        more = [{**key, "outcome": asdict(one)} for one in compared(study, number, arguments.seed)]
        lines += more
        if arguments.keep is not None:
            with arguments.keep.open("a", encoding="utf-8") as file:
                file.write("".join(json.dumps(line) + "\n" for line in more))
    lines.sort(key=lambda line: list(STUDIES).index(line["study"]))
    found = [Outcome(**line["outcome"]) for line in lines]
    table = table_of(found)
    print(table)
    if arguments.write:
        command = (
            f"python -m benchmarks.calibration.complexes --count {arguments.count} --seed {arguments.seed} --write"
        )
        TABLE.write_text(f"{table}\nMade by `{command}`, of the systems that the table counts.\n", encoding="utf-8")


if __name__ == "__main__":
    main()
