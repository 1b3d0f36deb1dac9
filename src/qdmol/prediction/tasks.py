"""Optical properties of single molecules: jobs that compute them, here or in processes, each kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qdmol.errors import InputError
from qdmol.jobs import Job, JobList, Record, Resources, State, is_done, job_key, run_jobs
from qdmol.optics import MoleculeLight
from qdmol.structure import AxialMolecule, Spec, resolve
from qdmol.study import SOLVER_MODULES, SOLVER_SOURCE

LIGHT_SOURCE = (*SOLVER_SOURCE, "prediction/tasks.py")


@dataclass(frozen=True, slots=True)
class LightRequest:
    """Accuracy of the optical properties: the number of growing bases, and whether contact densities are included.

    ``spacing`` is the scale (eV) of the bases' cuts for electron and hole, None for the molecule's own.
    """

    bases: int
    contact: bool = False
    spacing: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A molecule whose optical properties are wanted; an invalid spec is given as its InputError."""

    spec: Spec | InputError
    request: LightRequest


@dataclass(frozen=True, eq=False)
class Answer:
    """The optical properties of a molecule, or the reason why they could not be computed."""

    light: MoleculeLight | None
    reason: str = ""


@dataclass(frozen=True)
class Solver:
    """Settings for solving and storing molecules; `tell` is called with a message whenever a molecule is solved."""

    folder: Path | None
    resources: Resources
    tell: Callable[[str], None]

    def solve(self, orders: Sequence[Order], *, what: str) -> list[Answer]:
        """Return the answers in the order of the orders; equal molecules are solved once.

        `what` names the molecules in messages on progress.

        Raises
        ------
        OutputError
            A record cannot be kept.
        """
        answers: dict[int, Answer] = {}

        def enter(index: int, record: Record) -> None:
            answers[index] = _answer(record)

        def report(state: State) -> None:
            if state.phase == "computing":
                self.tell(f"{what}: {state.done} of {state.total}")

        # A single molecule is solved before processes have started.
        resources = self.resources if len(orders) > 1 else Resources(limit=self.resources.limit)
        plan = JobList([_job(order) for order in orders], SOLVER_MODULES)
        run_jobs(plan, folder=self.folder, resources=resources, enter=enter, progress=report)
        return [answers[index] for index in range(len(orders))]


@dataclass(frozen=True, slots=True)
class LightTask:
    """Input of `solve_light_task`: a molecule with the values of its materials, the tolerance in meV, the request."""

    molecule: AxialMolecule
    tolerance: float
    request: LightRequest


def _job(order: Order) -> Job | InputError:
    if isinstance(order.spec, InputError):
        return order.spec
    try:
        molecule = resolve(order.spec)
    except InputError as error:
        return error
    task = LightTask(molecule, order.spec.calculation.tolerance, order.request)  # the temperature is no part of it
    return Job(
        function="qdmol.prediction.tasks:solve_light_task",
        payload=task,
        key=job_key("light", repr(task), source=LIGHT_SOURCE),
        record="qdmol.prediction.records:LightRecord",
        source=LIGHT_SOURCE,
    )


def _answer(record: Record) -> Answer:
    if not is_done(record):
        return Answer(None, str(record["reason"]))
    return Answer(MoleculeLight.from_record(record["light"]))


def solve_light_task(task: LightTask) -> Record:
    """Solve a molecule and return ``light``, its :class:`~qdmol.optics.MoleculeLight` as plain numbers.

    Raises
    ------
    InputError
        No level is bound, or the material set has no optical parameters.
    SolverError
        What could not be computed, with the reason.
    """
    # Imported here: what is on disk comes back without the solver.
    from threadpoolctl import threadpool_limits

    from qdmol.meanfield import Request
    from qdmol.optics import solve_light
    from qdmol.potentials import CARRIERS
    from qdmol.study import solve_bound

    request = task.request
    counts = dict.fromkeys(CARRIERS, len(task.molecule.dots))
    spacing = None if request.spacing is None else dict(zip(CARRIERS, request.spacing, strict=True))
    # The matrices are small: threads inside the linear algebra cost more than they bring.
    with threadpool_limits(limits=1, user_api="blas"):
        solution = solve_bound(task.molecule, Request(counts, coulomb=True, tolerance=task.tolerance / 1000))
        light = solve_light(solution, bases=request.bases, spacing=spacing, contact=request.contact)
    return {"light": light.as_record()}
