"""Processor time of the parts of a solve: `python -m benchmarks.core [--before FOLDER] [--write]`.

Each part is measured beside the plain way to do the same, in turns within one process, and the whole solve beside
another version of the source (`--before`, the folder that contains `qdmol`) in processes that take turns. Processor
time, not wall time, with one thread: other work on the machine changes it little. The best of several runs counts.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.sparse.linalg as spla
from threadpoolctl import threadpool_limits

from qdmol.meanfield import MoleculeSolution, Request, solve_molecule
from qdmol.meanfield.carrier import CarrierSpace
from qdmol.meanfield.pairing import Pairing, converge_pair
from qdmol.meanfield.solving import LEVEL_CHANGE_EV, _field_start, _ground_vectors
from qdmol.potentials import CARRIERS, Poisson
from qdmol.states import Hamiltonian, ceiling, find_levels, truncation_falls
from qdmol.structure import AxialMolecule, read_spec, resolve

TABLE = Path(__file__).parents[1] / "docs" / "_generated" / "core.md"
RUNS, PROCESSES = 7, 3
TOLERANCE_EV = 1e-4
# One line of Python that prints the processor time (s) of a solve in a process that has solved before.
WARM = """
import time, qdmol
qdmol.solve({spec!r})
best = 9.0
for _ in range(6):
    start = time.process_time(); qdmol.solve({spec!r}); best = min(best, time.process_time() - start)
print(best)
"""
DIMER = "@homodimer"
BARE = {"electrons": 2, "holes": 0, "coulomb": "none", "tolerance": 0.1}

Row = tuple[str, float, float]


def in_turns(*ways: Callable[[], object]) -> list[float]:
    """Best processor time (s) of each of several functions, called in turns."""
    best = [float("inf")] * len(ways)
    for _ in range(RUNS):
        for number, way in enumerate(ways):
            start = time.process_time()
            way()
            best[number] = min(best[number], time.process_time() - start)
    return best


def monomer_row(molecule: AxialMolecule) -> Row:
    """A monomer with its pair, along the radius and in the half plane."""
    alone = molecule.monomer(0)
    single = Request({"electron": 1, "hole": 1}, coulomb=True, tolerance=TOLERANCE_EV)
    ours, plain = in_turns(
        lambda: solve_molecule(alone, replace(single, radial=True)), lambda: solve_molecule(alone, single)
    )
    return "monomer with its pair: along the radius, or in the half plane", ours, plain


def factor_row(hamiltonian: Hamiltonian) -> Row:
    """A factorisation in the mesh's order of elimination, and in one that is looked for."""
    pencil = hamiltonian.pencil(hamiltonian.symmetry.identity, coarse=False)
    matrix = pencil.A - hamiltonian.floor * pencil.M
    ours, plain = in_turns(
        lambda: pencil.factor(hamiltonian.floor),
        lambda: spla.splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}),
    )
    return f"factors of {matrix.shape[0]} unknowns: in the order of the mesh, or ordered anew", ours, plain


def truncation_row(solution: MoleculeSolution) -> Row:
    """What the functions of highest degree add: from the vectors, and by a second solve without them."""
    hamiltonian = solution.hamiltonians["electron"]
    sector = hamiltonian.symmetry.identity
    pencil = hamiltonian.pencil(sector, coarse=False)
    levels = [level for level in solution.levels["electron"] if level.sector == sector]
    vectors = np.stack([level.vector[pencil.unknowns] for level in levels], axis=1)
    energies = np.array([level.energy for level in levels])
    lower = np.flatnonzero(pencil.space.degrees < pencil.space.degrees.max())
    energy, mass = (matrix[lower][:, lower] for matrix in (pencil.A, pencil.M))
    ours, plain = in_turns(
        lambda: truncation_falls(pencil, energies, vectors),
        lambda: spla.eigsh(energy, k=len(levels), M=mass, sigma=hamiltonian.floor, tol=1e-9),
    )
    return "energies without the highest degree: from the vectors, or by a second solve", ours, plain


def pair_row(solution: MoleculeSolution) -> Row:
    """The self-consistent pair, from the bare levels and from a source inside the dot."""
    poisson = Poisson(solution.elements, solution.molecule)
    spaces = [CarrierSpace(solution.hamiltonians[carrier]) for carrier in CARRIERS]
    dot = min(solution.molecule.dots, key=lambda dot: dot.z)
    bare = {carrier: _ground_vectors(space, solution.levels) for carrier, space in zip(CARRIERS, spaces, strict=True)}
    ours, plain = in_turns(
        lambda: converge_pair(Pairing(*spaces, poisson), dot, level_change=LEVEL_CHANGE_EV, bare=bare),
        lambda: converge_pair(Pairing(*spaces, poisson), dot, level_change=LEVEL_CHANGE_EV),
    )
    return "self-consistent pair: from the bare levels, or from a source in the dot", ours, plain


def field_row(solution: MoleculeSolution) -> Row:
    """The electron's levels in the hole's field, from known vectors and from a solve in the coarse space."""
    operator = solution.field_operator
    assert operator is not None
    limit = ceiling(solution.molecule, solution.wall, "electron")
    count = solution.request.counts["electron"]
    start = _field_start(operator, solution.levels["electron"], solution.pairs[0].pair.electron)
    ours, plain = in_turns(
        lambda: find_levels(operator, count, ceiling=limit, start=start),
        lambda: find_levels(operator, count, ceiling=limit),
    )
    return "levels in the hole's field: from bare levels and pair, or from none", ours, plain


def versions(before: Path | None) -> list[Row]:
    """Whole solves in processes of their own, this version and another one in turns."""
    from qdmol.structure import spec_mapping

    rows = []
    bare = {**spec_mapping(read_spec(DIMER)), "calculation": BARE}
    for name, spec in (("the dimer with exciton, errors and red shift", DIMER), ("two electron levels of it", bare)):
        rows.append(
            (f"{name}: solve in a warm process", *_alternate(before, ["-c", WARM.format(spec=spec)], printed=True))
        )
    command = ["-m", "qdmol", "solve", DIMER, "--json", "--quiet"]
    rows.append((f"`qdmol solve {DIMER} --json`: the whole process", *_alternate(before, command, printed=False)))
    return rows


def _alternate(before: Path | None, arguments: list[str], *, printed: bool) -> tuple[float, float]:
    """Best processor time (s) of a command with this source and with the other one, in turns; NaN without one."""
    best = {None: float("inf"), before: float("inf")}
    for _ in range(PROCESSES):
        for folder in dict.fromkeys((None, before)):
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            if folder is not None:
                environment["PYTHONPATH"] = str(folder)
            used = os.times()
            output = subprocess.run(
                [sys.executable, *arguments], env=environment, check=True, capture_output=True, text=True
            ).stdout
            after = os.times()
            process = after.children_user + after.children_system - used.children_user - used.children_system
            best[folder] = min(best[folder], float(output) if printed else process)
    return best[None], best[before] if before is not None else float("nan")


def table(rows: list[Row], whole: list[Row]) -> str:
    """Both tables as Markdown."""

    def milliseconds(seconds: float) -> str:
        return f"{1000 * seconds:.{0 if seconds >= 0.1 else 1}f} ms"

    def line(row: Row) -> str:
        name, ours, other = row
        cells = [milliseconds(ours)] + (["", ""] if np.isnan(other) else [milliseconds(other), f"{other / ours:.1f}"])
        return f"| {name} | {' | '.join(cells)} |"

    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return "\n".join(
        [
            "| | this version | before | ratio |",
            "| --- | ---: | ---: | ---: |",
            *map(line, whole),
            "",
            "| part | as it is done | the other way | ratio |",
            "| --- | ---: | ---: | ---: |",
            *map(line, rows),
            "",
            f"Processor time with one thread, the best of {PROCESSES} processes and of {RUNS} runs in turns; "
            f"{os.cpu_count()} cores ({platform.machine()}), {load}.",
            "",
        ]
    )


def main() -> None:
    """Print the tables; with --write store them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="folder with the package `qdmol` of another version")
    parser.add_argument("--write", action="store_true", help=f"store the tables in {TABLE.name}")
    options = parser.parse_args()
    whole = versions(None if options.before is None else options.before.absolute())
    molecule = resolve(read_spec(DIMER))
    with threadpool_limits(limits=1, user_api="blas"):
        solution = solve_molecule(molecule, Request({"electron": 4, "hole": 2}, coulomb=True, tolerance=TOLERANCE_EV))
        rows = [
            monomer_row(molecule),
            factor_row(solution.hamiltonians["electron"]),
            truncation_row(solution),
            pair_row(solution),
            field_row(solution),
        ]
    text = table(rows, whole)
    print(text)
    if options.write:
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
