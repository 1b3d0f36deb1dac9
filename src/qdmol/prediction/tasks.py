"""Optical properties of single molecules: jobs that compute them, here or in processes, each kept on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qdmol.errors import InputError
from qdmol.jobs import Job, JobList, Record, Resources, State, is_done, job_key, run_jobs
from qdmol.optics import MoleculeLight
from qdmol.stages import duration_text, listening, part
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


def order_cost(order: Order) -> float:
    """Relative time that a molecule takes: it doubles about with each dot and basis, and without a mirror plane.

    Measured on the shipped examples with two to four bases, within a factor of 1.5.
    """
    if isinstance(order.spec, InputError):
        return 0.0
    dots = order.spec.molecule.dots
    mirrored = len(dots) > 1 and list(dots) == list(reversed(dots))
    return float(len(dots)) * 2.0 ** (order.request.bases - 2) * (0.5 if mirrored else 1.0)


class RemainingTime:
    """Estimate of the time that is left in a run of jobs of unequal cost, from those that were computed.

    The time is counted from the first job on, which waits for processes to start; jobs that come back from disk
    before it count for nothing.
    """

    def __init__(self, costs: Sequence[float], clock: Callable[[], float] = time.monotonic) -> None:
        self._costs = dict(enumerate(costs))
        self._clock = clock
        self._started: float | None = None
        self._computed = 0.0

    def done(self, index: int) -> None:
        """Enter that a job has a record."""
        cost = self._costs.pop(index, 0.0)
        if self._started is not None:
            self._computed += cost

    def seconds(self) -> float | None:
        """Seconds left, None before two jobs were computed. To be called whenever a job was computed."""
        now = self._clock()
        if self._started is None:
            self._started = now
        if not self._computed or now <= self._started:
            return None
        return (now - self._started) / self._computed * sum(self._costs.values())


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
        remaining = RemainingTime([order_cost(order) for order in orders])

        def enter(index: int, record: Record) -> None:
            answers[index] = _answer(record)
            remaining.done(index)

        def report(state: State) -> None:
            if state.phase == "computing":
                seconds = remaining.seconds()
                left = "" if seconds is None else f", {duration_text(seconds)} left"
                self.tell(f"{what}: {state.done} of {state.total}{left}")

        # A single molecule is solved before processes have started.
        resources = self.resources if len(orders) > 1 else Resources(limit=self.resources.limit)
        plan = JobList([_job(order) for order in orders], SOLVER_MODULES)
        # Of several molecules the number says how far it is, of a single one the stages do.
        with listening(self.tell if len(orders) == 1 else None), part(what):
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
