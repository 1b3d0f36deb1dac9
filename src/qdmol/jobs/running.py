"""Run: records on disk come back, the other jobs are computed, here or on a cluster, and kept one by one.

Planning a job takes about a fifth of a millisecond for a point of a map, so that a plan of a million jobs takes
minutes. Computing begins after `PLANNING` seconds at the latest, and the rest of the plan is made in portions while
jobs are computed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from qdmol.errors import InputError, SolverError
from qdmol.jobs.job import Assignment, Job, compute
from qdmol.jobs.records import Record, failed, is_done, is_final, refused
from qdmol.jobs.store import Store, source_digest

TIME_LIMIT = 300.0  # seconds a job; the slowest of the shipped examples takes two
REWRITE = 3.0  # seconds between versions of the output file, at least
PLANNING = 10.0  # seconds of planning before the first job is computed
PORTION = 0.5  # seconds of planning at a time from then on
WRITING_SHARE = 20  # versions are at least this many times as far apart as writing one takes


class Plan(Protocol):
    """Jobs in the order of the result, each made when it is needed: ten thousand are never in memory at once."""

    @property
    def count(self) -> int:
        """Number of jobs."""

    @property
    def preload(self) -> Sequence[str]:
        """Modules that a new process imports before its first job, such as the solver."""

    def job_at(self, index: int) -> Job:
        """Return a job; InputError, whose message is the reason of the missing result, where it is invalid."""


@dataclass(frozen=True)
class JobList:
    """A plan of few jobs, all in memory; an invalid one is given as its InputError."""

    jobs: Sequence[Job | InputError]
    preload: Sequence[str] = ()

    @property
    def count(self) -> int:
        """Number of jobs."""
        return len(self.jobs)

    def job_at(self, index: int) -> Job:
        """Return a job; InputError where it is invalid."""
        job = self.jobs[index]
        if isinstance(job, InputError):
            raise job
        return job


@dataclass(frozen=True, slots=True)
class State:
    """Progress of a run.

    Attributes
    ----------
    done, failed, total : int
        Jobs with a record, those of them without a result, and all jobs.
    left : float or None
        Estimated seconds to the end; None without an estimate.
    phase : str
        ``planning`` or ``computing``.
    """

    done: int
    failed: int
    total: int
    left: float | None
    phase: str


Progress = Callable[[State], None]


@dataclass(frozen=True, slots=True)
class Resources:
    """Settings for running jobs: a scheduler's address, worker processes of this command, or (0) this process.

    `limit` is the time limit of a job in seconds, None for no limit.
    """

    workers: int = 0
    scheduler: str | None = None
    limit: float | None = TIME_LIMIT

    def __post_init__(self) -> None:
        if self.workers < 0 or self.workers > 10_000:
            raise InputError(field="workers", value=self.workers, allowed="0 (this process) to 10000 processes")
        if self.limit is not None and not self.limit > 0:
            raise InputError(field="time_limit", value=self.limit, allowed="above 0 s")


Enter = Callable[[int, Record], None]


@dataclass
class _Run:
    """A run over a plan.

    `pending` holds the indices of each key that has no record yet; `waiting` the groups of those keys not handed out.
    """

    plan: Plan
    store: Store
    enter: Enter
    write: Callable[[], None]
    progress: Progress | None
    pending: dict[str, list[int]] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    unplanned: Iterator[int] = field(init=False)
    planned: int = 0
    first_refusal: InputError | None = None
    known: int = 0
    failed: int = 0
    first_finished: float = 0.0
    computed: int = 0
    written: float = 0.0
    writing_time: float = 0.0

    def __post_init__(self) -> None:
        self.unplanned = iter(range(self.plan.count))

    def plan_ahead(self, seconds: float) -> None:
        """Find out which jobs are invalid, on disk, or still to be computed.

        Continues until the time is up and at least one job is waiting, or the plan ends.
        """
        end = time.monotonic() + seconds
        for index in self.unplanned:
            self.planned += 1
            self._plan_one(index)
            if self.waiting and time.monotonic() > end:
                return

    def _plan_one(self, index: int) -> None:
        """Enter a job that is invalid or on disk, or let it wait."""
        try:
            job = self.plan.job_at(index)
        except InputError as error:
            self.first_refusal = self.first_refusal or error
            self._enter([index], refused(str(error)))
            return
        if job.key in self.pending:
            self.pending[job.key].append(index)
            return
        record = self.store.read(job.key, job.record)
        if record is None:
            self.pending[job.key] = [index]
            self.waiting[job.key] = job.group
        else:
            self._enter([index], record)
        self._report("planning" if self.computed == 0 else "computing")

    @property
    def uncomputed(self) -> int:
        """Upper bound of the number of jobs still to be computed."""
        return len(self.pending) + self.plan.count - self.planned

    @property
    def all_holes(self) -> bool:
        """Whether all jobs are known and none has a result."""
        return not self.pending and self.failed == self.plan.count

    def assignments(self, limit: float | None) -> Iterator[Assignment]:
        """Yield the jobs to compute in portions; within a portion the jobs of one group follow each other."""
        while self.waiting:
            order: dict[int, int] = {}
            for group in self.waiting.values():
                order.setdefault(group, len(order))
            portion = sorted(self.waiting, key=lambda key: order[self.waiting[key]])
            self.waiting = {}
            for key in portion:
                job = self.plan.job_at(self.pending[key][0])
                yield Assignment(job, source_digest(job.source), limit)
            self.plan_ahead(PORTION)

    def finish(self, assignment: Assignment, record: Record) -> None:
        """Keep a record, on disk first."""
        if is_final(record):
            self.store.write(assignment.key, record)
        now = time.monotonic()
        self.first_finished = self.first_finished or now
        self.computed += 1
        self._enter(self.pending.pop(assignment.key), record)
        self._report("computing")
        if now - self.written > max(REWRITE, WRITING_SHARE * self.writing_time):
            self.write_output()

    def write_output(self) -> None:
        """Write the output file as it is now."""
        started = time.monotonic()
        self.write()
        self.written = time.monotonic()
        self.writing_time = self.written - started

    def _enter(self, indices: list[int], record: Record) -> None:
        for index in indices:
            self.enter(index, record)
        self.known += len(indices)
        self.failed += len(indices) * (not is_done(record))

    def _report(self, phase: str) -> None:
        if self.progress is None:
            return
        total = self.plan.count
        left = None
        if self.computed > 1:  # the first job waited for everything to start
            left = (time.monotonic() - self.first_finished) / (self.computed - 1) * (total - self.known)
        self.progress(State(self.known, self.failed, total, left, phase))


def run_jobs(
    plan: Plan,
    *,
    folder: Path | None,
    resources: Resources,
    enter: Enter,
    write: Callable[[], None] = lambda: None,
    progress: Progress | None = None,
    require_valid: bool = False,
) -> None:
    """Compute the jobs of a plan that are not on disk.

    Parameters
    ----------
    plan
        The jobs; equal ones are computed once.
    folder
        Where records are kept; None keeps none.
    resources
        Where to compute.
    enter
        Called with index and record of every job, in the order in which they become known.
    write
        Writes what was entered so far; called now and then, and at the end however the run ends.
    progress
        Called with a `State` whenever a job is known.
    require_valid
        Refuse a plan without a valid job before anything is written.

    Raises
    ------
    InputError
        No scheduler answers, or, with `require_valid`, no job of the plan is valid.
    OutputError
        A record cannot be kept.
    """
    run = _Run(plan, Store(folder), enter, write, progress)
    run.plan_ahead(PLANNING)
    if require_valid and run.first_refusal is not None and run.all_holes:
        raise run.first_refusal
    if not run.pending:
        run.write_output()
        return
    with _executor(resources, run.uncomputed, plan.preload) as execute:  # no scheduler: refused before writing
        run.store.open()
        assignments = run.assignments(resources.limit)
        try:
            run.write_output()
            execute(assignments, run.finish)
        except SolverError as error:
            for assignment in assignments:  # never started
                run.finish(assignment, failed(str(error)))
        finally:
            run.write_output()


Finish = Callable[[Assignment, Record], None]


@contextmanager
def _executor(
    resources: Resources, count: int, preload: Sequence[str]
) -> Iterator[Callable[[Iterator[Assignment], Finish], None]]:
    """Give what computes jobs: this process, a running cluster, or processes for at most `count` jobs."""
    if resources.scheduler is None and resources.workers == 0:
        yield _compute_here
        return
    # Imported here: what is on disk, and what is computed in this process, does without.
    from qdmol.jobs.cluster import joined_cluster, local_cluster, run_on

    if resources.scheduler is not None:
        with joined_cluster(resources.scheduler) as client:
            yield partial(run_on, client)
    else:
        workers = min(resources.workers, count)
        with local_cluster(workers, preload) as (client, processes):
            yield partial(run_on, client, width=workers + 1, workers=processes)


def _compute_here(assignments: Iterator[Assignment], finish: Finish) -> None:
    for assignment in assignments:
        finish(assignment, compute(assignment))


def cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
