"""Time of light and spectra: `python -m benchmarks.spectra` writes the table of `docs/speed.md`.

Beside them, in the same run, the overlaps that strengths are made of pair by pair on a plain 3-D grid. The ensemble, a
thousand dimers on two processes, is measured cold and again, each in a process of its own.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

TABLE = Path(__file__).parents[1] / "docs" / "_generated" / "spectra.md"
MOLECULES = {
    "monomer": ("@homodimer", True),
    "fused homodimer": ("@homodimer", False),
    "unfused homodimer": ("@linked", False),
}
RUNS = 5
# Points of the 3-D grid, nm apart.
GRID = 0.25
SPREAD = {"members": 1000, "core_radius": "5 %", "shell_thickness": "5 %", "neck": "5 %"}
WORKERS = 2
# Two unlike dots without a mirror plane, with fewer particles.
UNLIKE = ("@heterodimer", {"members": 300, "core_radius": "5 %", "shell_thickness": "5 %"}, 60.0)
COLD_LIMIT, WARM_LIMIT, AGAIN_RUNS = 120.0, 2.0, 3

Floats = NDArray[np.float64]


def solution_of(example: str, *, alone: bool) -> Any:
    """A shipped example, or its first dot alone, solved with its pairs."""
    from qdmol.meanfield import Request, solve_molecule
    from qdmol.structure import read_spec, resolve

    molecule = resolve(read_spec(example))
    count = 1 if alone else len(molecule.dots)
    request = Request({"electron": count, "hole": count}, coulomb=True, tolerance=1e-4)
    return solve_molecule(molecule.monomer(0) if alone else molecule, request)


@dataclass(frozen=True)
class Lit:
    """Times (s) of solving a molecule and of its light, the best of each, and the orbitals of the last basis."""

    solved: float
    light: float
    orbitals: int


def measure_light(example: str, *, alone: bool) -> Lit:
    """Two bases, in a process that has solved before."""
    from qdmol.optics import solve_light

    solved, light, orbitals = [], [], 0
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(RUNS):
            started = time.perf_counter()
            solution = solution_of(example, alone=alone)
            middle = time.perf_counter()
            orbitals = solve_light(solution, bases=2).edge[-1].orbitals
            solved.append(middle - started)
            light.append(time.perf_counter() - middle)
    return Lit(min(solved), min(light), orbitals)


@dataclass(frozen=True)
class Overlaps:
    """Pairs of orbitals, the time (s) of both ways to their overlaps, and the relative difference of their sums."""

    electrons: int
    holes: int
    seconds: float
    brute: float
    points: int
    difference: float


def measure_overlaps() -> Overlaps:
    """All overlaps of the homodimer's second basis with the Kane energy: by elements, and pair by pair on a grid."""
    from qdmol.ci.bases import Bases
    from qdmol.ci.orbitals import orbital_spacing
    from qdmol.ci.overlaps import weighted_overlaps
    from qdmol.potentials import by_region

    with threadpool_limits(limits=1, user_api="blas"):
        solution = solution_of("@homodimer", alone=False)
        problem = Bases(solution, orbital_spacing(solution)).problem(1)
        electrons, holes = problem.electron, problem.hole
        started = time.perf_counter()
        assembler = solution.hamiltonians["electron"].assembler
        parts = by_region(assembler, solution.molecule, lambda p: math.sqrt(p.kane_energy or 0.0))
        weight = np.concatenate([part.ravel() for part in parts])
        found = weighted_overlaps(electrons, holes, weight, solution.molecule.centres).sum(axis=0)
        seconds = time.perf_counter() - started
        started = time.perf_counter()
        plain, points = _pair_by_pair(solution, electrons, holes)
        brute = time.perf_counter() - started
    sums = [float(np.sum(one**2)) for one in (found, plain)]
    return Overlaps(len(electrons), len(holes), seconds, brute, points, abs(sums[1] / sums[0] - 1))


def _pair_by_pair(solution: Any, electrons: Any, holes: Any) -> tuple[Floats, int]:
    """Sums over a grid in x, y and z, one for each pair of orbitals."""
    from qdmol.structure.painting import materials_at

    molecule = solution.molecule
    reach = max(abs(dot.z) + dot.radius for dot in molecule.dots) + solution.wall.distance
    wide = max(dot.radius for dot in molecule.dots) + solution.wall.distance
    side, length = (np.arange(-end + GRID / 2, end, GRID) for end in (wide, reach))
    x, y, z = (axis.ravel() for axis in np.meshgrid(side, side, length, indexing="ij"))
    r = np.hypot(x, y)
    names = materials_at(molecule, z, r)
    root = np.zeros(len(r))
    for name, parameters in molecule.parameters.items():
        root[names == name] = math.sqrt(parameters.kane_energy or 0.0)
    inside = root > 0
    x, y, z, r, root = (axis[inside] for axis in (x, y, z, r, root))
    angle = np.arctan2(y, x)
    first, second = (_on_grid(solution, basis, r, z, angle) for basis in (electrons, holes))
    found = np.zeros((len(first), len(second)))
    for a, one in enumerate(first):
        for c, two in enumerate(second):
            found[a, c] = float(np.sum(root * one * two).real) * GRID**3
    return found, len(r)


def _on_grid(solution: Any, basis: Any, r: Floats, z: Floats, angle: Floats) -> list[NDArray[np.complex128]]:
    """The orbitals at points: each on the upper half with the sign of its parity below."""
    sample = solution.elements.sample
    half = len(solution.symmetry.images) > 1
    values = []
    for (m, parity), row in zip(basis.numbers, basis.radial, strict=True):
        value = sample(basis.functions.vectors[row], r, np.abs(z) if half else z)
        values.append(np.where((z < 0) & (parity == -1), -value, value) * np.exp(1j * m * angle))
    return values


@dataclass(frozen=True)
class Ensemble:
    """Wall and processor time (s) of a process that predicts the spectra of an ensemble, start-up and all."""

    seconds: float
    used: float
    shapes: str


def predict(folder: Path, example: str, spread: dict[str, Any]) -> dict[str, Any]:
    """Monomer, unfused and fused, as many of each as the ensemble has members."""
    from qdmol.prediction import predict_spectra
    from qdmol.structure import read_spec, spec_mapping

    spec = spec_mapping(read_spec(example)) | {"ensemble": spread}
    return dict(predict_spectra(spec, folder=folder, workers=WORKERS).summary)


def fresh(folder: Path, example: str = "@homodimer") -> Ensemble:
    """`predict` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.spectra", str(folder), example]
    before = os.times()
    started = time.perf_counter()
    done = subprocess.run(command, cwd=Path(__file__).parents[1], check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - started
    after = os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return Ensemble(seconds, used, done.stdout.strip())


def measure_ensemble() -> tuple[Ensemble, Ensemble]:
    """Cold, and the best of a few times again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cold = fresh(folder)
        return cold, min((fresh(folder) for _ in range(AGAIN_RUNS)), key=lambda run: run.seconds)


@dataclass(frozen=True)
class Unlike:
    """An ensemble of unlike dots, and the time (s) of one shape, from which that of solving all particles follows."""

    ensemble: Ensemble
    shape: float


def measure_unlike() -> Unlike:
    """Cold; and one molecule of it with two bases, as a shape has them."""
    with tempfile.TemporaryDirectory() as name:
        ensemble = fresh(Path(name), UNLIKE[0])
    lit = measure_light(UNLIKE[0], alone=False)
    return Unlike(ensemble, lit.solved + lit.light)


def _table(lit: dict[str, Lit], overlaps: Overlaps, cold: Ensemble, warm: Ensemble, unlike: Unlike) -> str:
    lines = ["| light | best | solving before | limit |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {name}: two bases, the last of {one.orbitals} orbitals, pairs, bulk | {one.light:.2f} s "
        f"| {one.solved:.2f} s | |"
        for name, one in lit.items()
    ]
    count = overlaps.electrons * overlaps.holes
    lines += [
        f"| {count:,} overlaps of {overlaps.electrons} electron and {overlaps.holes} hole orbitals "
        f"| {overlaps.seconds:.3f} s | | |",
        f"| the same pair by pair on a plain 3-D grid of {GRID:g} nm ({overlaps.points:,} points): their sum "
        f"{100 * overlaps.difference:.2f} % off | {overlaps.brute:.1f} s | | |",
        f"| spectra of {SPREAD['members']:,} dimers, monomers and unfused dimers on {WORKERS} processes, cold "
        f"| {cold.seconds:.0f} s | | {COLD_LIMIT:.0f} s |",
        f"| again | {warm.seconds:.1f} s | | {WARM_LIMIT:g} s |",
        f"| spectra of {UNLIKE[1]['members']:,} unlike dimers, monomers and unfused dimers, cold "
        f"({unlike.ensemble.used:.0f} s of processor time) | {unlike.ensemble.seconds:.0f} s | | {UNLIKE[2]:g} s |",
        f"| every fused and unfused dimer of them solved by itself, from {unlike.shape:.2f} s for one "
        f"| {2 * UNLIKE[1]['members'] * unlike.shape / WORKERS:.0f} s | | |",
    ]
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    note = (
        f"Best of {RUNS} runs in one process and thread; of the ensemble one process, start-up and all "
        f"({cold.used:.0f} s of processor time cold, {warm.used:.1f} s again), and the best of {AGAIN_RUNS}. "
        f"{os.cpu_count()} cores ({platform.machine()}){load}, Python {platform.python_version()}."
    )
    return "\n".join([*lines, "", note, ""])


def main() -> int:
    """Measure, write, and say whether every limit is kept."""
    if len(sys.argv) == 3:
        spread = UNLIKE[1] if sys.argv[2] == UNLIKE[0] else SPREAD
        print(json.dumps(predict(Path(sys.argv[1]), sys.argv[2], spread)["ensemble"]))
        return 0
    lit = {name: measure_light(example, alone=alone) for name, (example, alone) in MOLECULES.items()}
    overlaps = measure_overlaps()
    cold, warm = measure_ensemble()
    unlike = measure_unlike()
    text = _table(lit, overlaps, cold, warm, unlike)
    TABLE.write_text(text, encoding="utf-8")
    print(text)
    print(cold.shapes)
    limits = {
        f"ensemble under {COLD_LIMIT:g} s": cold.seconds < COLD_LIMIT,
        f"again under {WARM_LIMIT:g} s": warm.seconds < WARM_LIMIT,
        f"unlike dimers under {UNLIKE[2]:g} s": unlike.ensemble.seconds < UNLIKE[2],
    }
    for name, held in limits.items():
        print(f"{name}: {'yes' if held else 'NO'}")
    return 0 if all(limits.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
