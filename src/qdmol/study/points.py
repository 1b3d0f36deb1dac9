"""One point: a job that solves the molecule of a spec and its monomers, in whatever process.

Importing this module does not import the solver; solving a point does.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from qdmol.jobs import Job, Record, job_key
from qdmol.structure import AxialMolecule, Spec, resolve

if TYPE_CHECKING:
    from qdmol.meanfield import MoleculeSolution, Request

# Files and folders of the package that decide the numbers of a solved molecule. Figures and commands do not.
SOLVER_SOURCE = (
    "arrays.py",
    "errors.py",
    "estimates.py",
    "units.py",
    "linalg",
    "materials",
    "structure",
    "fem",
    "potentials",
    "states",
    "meanfield",
    "ci",
    "optics",
    "study",
)
SOLVER_MODULES = ("qdmol.study.job", "qdmol.study.evaluation")
# Monomers that a process keeps solved, about 40 MB each; points come in an order in which few are needed.
KEPT_MONOMERS = 4
EXCITON = "X"
# Keys of the JSON object that do not describe the molecule.
_NOT_RESULTS = ("qdmol", "name", "elapsed_s")


@dataclass(frozen=True, slots=True)
class Point:
    """A spec and its molecule, placed and with the values of its materials; `particles` as of `qdmol.solve`."""

    spec: Spec
    molecule: AxialMolecule
    particles: str | None = None


def point_job(spec: Spec, *, particles: str | None = None) -> Job:
    """Return the job that solves a spec; InputError where the spec is invalid.

    By configuration interaction the complexes `particles` are solved as well; without it, or without `particles`, the
    exciton alone.
    """
    molecule = resolve(spec)
    interacting = spec.calculation.coulomb == "ci"
    particles = (particles or EXCITON) if interacting else None
    return Job(
        function="qdmol.study.points:solve_point",
        payload=Point(spec, molecule, particles),
        key=point_key(spec, molecule, particles=particles),
        record="qdmol.study.records:PointRecord",
        source=SOLVER_SOURCE,
        group=_group(molecule),
    )


def point_key(
    spec: Spec, molecule: AxialMolecule, *, particles: str | None = None, source: tuple[str, ...] = SOLVER_SOURCE
) -> str:
    """Return the key of a point: everything in the spec but its name, the resolved molecule, complexes, and the code.

    The molecule holds the values of the materials, so that a changed material set gives another key.
    """
    content = spec.model_dump(mode="json")
    del content["name"]
    return job_key(json.dumps(content, sort_keys=True), repr(molecule), *filter(None, [particles]), source=source)


def _group(molecule: AxialMolecule) -> int:
    """Equal for molecules of the same dots, so that one solution of each monomer serves them all."""
    shapes = sorted({repr(dot.layers) for dot in molecule.dots})
    return hash((*shapes, repr(molecule.parameters), molecule.field))


def solve_point(point: Point) -> Record:
    """Return ``summary``, the JSON object of ``qdmol solve`` without name and duration, and ``field_levels``.

    Raises
    ------
    InputError
        No level is bound.
    SolverError
        What could not be computed, with the reason.
    """
    # Imported here: what is on disk comes back without the solver.
    from qdmol.ci import parse_complexes
    from qdmol.study.evaluation import evaluate
    from qdmol.study.job import run_job
    from qdmol.study.summary import field_levels_of, summary_of

    complexes = () if point.particles is None else parse_complexes(point.particles)
    job = run_job(point.spec, molecule=point.molecule, monomer=_monomers(), complexes=complexes)
    values = evaluate(job, elapsed=0.0)
    summary = {key: value for key, value in summary_of(values).items() if key not in _NOT_RESULTS}
    return {"summary": summary, "field_levels": field_levels_of(values)}


class MonomerCache:
    """Solves monomers, and keeps the last few: neighbouring points of a map share them."""

    def __init__(self, *, kept: int) -> None:
        self._kept = kept
        self._solutions: OrderedDict[str, MoleculeSolution] = OrderedDict()

    def __call__(self, molecule: AxialMolecule, request: Request) -> MoleculeSolution:
        """Return the solution of one dot, a kept one where possible."""
        from qdmol.study.job import solve_bound

        key = repr((molecule, request))
        if key not in self._solutions:
            while len(self._solutions) >= self._kept:
                self._solutions.popitem(last=False)
            self._solutions[key] = solve_bound(molecule, request)
        self._solutions.move_to_end(key)
        return self._solutions[key]


@cache
def _monomers() -> MonomerCache:
    """The cache of this process."""
    return MonomerCache(kept=KEPT_MONOMERS)
