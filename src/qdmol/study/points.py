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
# Keys of the JSON object that do not describe the molecule.
_NOT_RESULTS = ("qdmol", "name", "elapsed_s")


@dataclass(frozen=True, slots=True)
class Point:
    """A spec and its molecule, placed and with the values of its materials."""

    spec: Spec
    molecule: AxialMolecule


def point_job(spec: Spec) -> Job:
    """Return the job that solves a spec; InputError where the spec is invalid."""
    molecule = resolve(spec)
    return Job(
        function="qdmol.study.points:solve_point",
        payload=Point(spec, molecule),
        key=point_key(spec, molecule),
        record="qdmol.study.records:PointRecord",
        source=SOLVER_SOURCE,
        group=_group(molecule),
    )


def point_key(spec: Spec, molecule: AxialMolecule, *, source: tuple[str, ...] = SOLVER_SOURCE) -> str:
    """Return the key of a point: everything in the spec but its name, the resolved molecule, and the code.

    The molecule holds the values of the materials, so that a changed material set gives another key.
    """
    content = spec.model_dump(mode="json")
    del content["name"]
    return job_key(json.dumps(content, sort_keys=True), repr(molecule), source=source)


def _group(molecule: AxialMolecule) -> int:
    """Equal for molecules of the same dots, so that one solution of each monomer serves them all."""
    shapes = sorted({repr(dot.layers) for dot in molecule.dots})
    return hash((*shapes, repr(molecule.parameters), molecule.field))


def solve_point(point: Point) -> Record:
    """Return ``summary``, the JSON object of ``qdmol solve`` without name and duration.

    Raises
    ------
    InputError
        No level is bound.
    SolverError
        What could not be computed, with the reason.
    """
    # Imported here: what is on disk comes back without the solver.
    from qdmol.study.evaluation import evaluate
    from qdmol.study.job import run_job
    from qdmol.study.summary import summary_of

    job = run_job(point.spec, molecule=point.molecule, monomer=_monomers())
    summary = summary_of(evaluate(job, elapsed=0.0))
    return {"summary": {key: value for key, value in summary.items() if key not in _NOT_RESULTS}}


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
