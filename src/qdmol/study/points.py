"""One point: from a task to a record, in whatever process.

A record says what became of the point and nothing that differs from run to run, so that a file made of records is the
same however often the run was stopped. Importing this module does not import the solver; solving a point does.

What light does with one molecule, solved from its shape: the record that is kept on disk.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from qdmol.errors import QdmolError
from qdmol.jobs import TimeLimitError, time_limit
from qdmol.meanfield import Request
from qdmol.optics import solve_light
from qdmol.potentials import CARRIERS
from qdmol.structure import AxialMolecule, Spec
from qdmol.study.job import solve_bound
from qdmol.study.store import code_digest

if TYPE_CHECKING:
    from qdmol.meanfield import MoleculeSolution


def light_record(molecule: AxialMolecule, tolerance: float, request: LightRequest) -> dict[str, Any]:
    """Solve a molecule and give its :class:`~qdmol.optics.MoleculeLight` as plain numbers; `tolerance` in meV.

    Raises
    ------
    InputError
        No level is bound, or the material set says nothing of light.
    SolverError
        What could not be computed, with the reason.
    """
    count = len(molecule.dots)
    spacing = None if request.spacing is None else dict(zip(CARRIERS, request.spacing, strict=True))
    # The matrices are small: threads inside the linear algebra cost more than they bring.
    with threadpool_limits(limits=1, user_api="blas"):
        solution = solve_bound(
            molecule, Request(dict.fromkeys(CARRIERS, count), coulomb=True, tolerance=tolerance / 1000)
        )
        light = solve_light(solution, bases=request.bases, spacing=spacing, contact=request.contact)
    return light.as_record()


Record = Mapping[str, Any]

# Dots alone that a process keeps solved, about 40 MB each; points come in an order in which few are needed.
KEPT_MONOMERS = 4
# The solver's libraries have state of their own: one point at a time in a process.
_ONE_AT_A_TIME = threading.Lock()
# Keys of the JSON object that say nothing about the molecule.
_NOT_RESULTS = ("qdmol", "name", "elapsed_s")


@dataclass(frozen=True, slots=True)
class LightRequest:
    """How well light is to be known: in how many growing bases, whether with contact densities.

    ``spacing`` is the scale (eV) of the bases' cuts for electron and hole, None for the molecule's own.
    """

    bases: int
    contact: bool = False
    spacing: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What a process needs for a point, material values included; ``limit`` in seconds.

    With ``light`` the record holds what light does with the molecule instead of its levels.
    """

    key: str
    spec: Spec
    molecule: AxialMolecule
    code: str
    limit: float | None
    light: LightRequest | None = None


def refused(reason: str) -> dict[str, Any]:
    """A record of what the same code refuses again."""
    return {"status": "refused", "reason": reason}


def failed(reason: str) -> dict[str, Any]:
    """A record of what may go better another time; it is not kept."""
    return {"status": "failed", "reason": reason}


def is_final(record: Record) -> bool:
    """Whether the same code would give the same record."""
    return str(record["status"]) != "failed"


def solve_point(task: Task, *, end_process: bool = False) -> dict[str, Any]:
    """Solve a point; whatever goes wrong is a record with the reason.

    With ``end_process`` a point that overruns its limit in compiled code ends this process.
    """
    if task.code != code_digest():
        return failed("this worker has another version of qdmol than the command that asked it")
    with _ONE_AT_A_TIME:
        try:
            with time_limit(task.limit, end_process=end_process):
                return _solved(task)
        except TimeLimitError:
            return failed(over_time(task.limit))
        except QdmolError as error:
            return refused(str(error))
        except Exception as error:  # noqa: BLE001  # one bad point does not end a map of thousands
            return failed(f"something went wrong inside qdmol ({type(error).__name__}: {str(error)[:200]})")


def over_time(limit: float | None) -> str:
    """Reason of a point that took too long."""
    return f"not finished within the time limit of {limit:g} s"


def _solved(task: Task) -> dict[str, Any]:
    # Imported here: what is on disk comes back without the solver.
    if task.light is not None:
        return {"status": "done", "light": light_record(task.molecule, task.spec.calculation.tolerance, task.light)}
    from qdmol.study.evaluation import evaluate
    from qdmol.study.job import run_job
    from qdmol.study.summary import summary_of

    job = run_job(task.spec, molecule=task.molecule, monomer=_monomers())
    summary = summary_of(evaluate(job, elapsed=0.0))
    return {"status": "done", "summary": {key: value for key, value in summary.items() if key not in _NOT_RESULTS}}


class MonomerCache:
    """Solves dots alone, and keeps the last few: neighbouring points of a map share them."""

    def __init__(self, *, kept: int) -> None:
        self._kept = kept
        self._solutions: OrderedDict[str, MoleculeSolution] = OrderedDict()

    def __call__(self, molecule: AxialMolecule, request: Request) -> MoleculeSolution:
        """Return the solution of one dot, from before where there is one."""
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
    """The one of this process."""
    return MonomerCache(kept=KEPT_MONOMERS)
