"""Solving a plan: what is on disk comes back, the rest is computed, here or on a cluster, and kept point by point.

Planning a point takes about a fifth of a millisecond, so that a plan of a million points takes minutes. Computing
begins after `PLANNING` seconds at the latest, and the rest of the plan is made in portions while points are computed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from qdmol.errors import InputError, SolverError
from qdmol.study.plan import Plan, indices, prepare
from qdmol.study.points import Task, failed, is_final, refused, solve_point
from qdmol.study.records import SOLVED
from qdmol.study.store import Store, code_digest
from qdmol.study.table import Table

TIME_LIMIT = 300.0  # seconds a point; the slowest of the shipped examples takes two
REWRITE = 3.0  # seconds between versions of the file, at least
PLANNING = 10.0  # seconds of planning before the first point is computed
PORTION = 0.5  # seconds of planning at a time from then on
SHARE = 20  # and at least this many times as long as writing takes


@dataclass(frozen=True, slots=True)
class State:
    """How far a run is: points known, of those holes, points in all, and seconds left where there is a guess."""

    done: int
    failed: int
    total: int
    left: float | None
    phase: str


Progress = Callable[[State], None]


@dataclass(frozen=True, slots=True)
class Resources:
    """Where points are computed: a scheduler's address, worker processes of this command, or (0) this process."""

    workers: int = 0
    scheduler: str | None = None
    limit: float | None = TIME_LIMIT

    def __post_init__(self) -> None:
        if self.workers < 0 or self.workers > 10_000:
            raise InputError(field="workers", value=self.workers, allowed="0 (this process) to 10000 processes")
        if self.limit is not None and not self.limit > 0:
            raise InputError(field="time_limit", value=self.limit, allowed="above 0 s")


@dataclass
class _Work:
    """One run over a plan: points surveyed, of these the waiting ones, and those handed out."""

    plan: Plan
    table: Table
    store: Store
    write: Callable[[], None]
    progress: Progress | None
    pending: dict[str, list[int]] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    unseen: Iterator[int] = field(init=False)
    seen: int = 0
    refusals: list[InputError] = field(default_factory=list)
    known: int = 0
    holes: int = 0
    first: float = 0.0
    fresh: int = 0
    written: float = 0.0
    cost: float = 0.0

    def __post_init__(self) -> None:
        self.unseen = indices(self.plan)

    def survey(self, code: str, seconds: float) -> None:
        """Find out which points are refused, on disk, or still to be computed.

        Goes on until time is up and at least one point is to be computed, or the plan ends.
        """
        end = time.monotonic() + seconds
        for index in self.unseen:
            self.seen += 1
            if self._plan(index, code) and time.monotonic() > end:
                return

    def _plan(self, index: int, code: str) -> bool:
        """Enter a point that is refused or on disk, or let it wait; whether any waits."""
        try:
            point = prepare(self.plan, index, code=code)
        except InputError as error:
            self.refusals = self.refusals or [error]
            self._enter([index], refused(str(error)))
            return bool(self.waiting)
        if point.key in self.pending:
            self.pending[point.key].append(index)
            return bool(self.waiting)
        record = self.store.read(point.key, SOLVED)
        if record is None:
            self.pending[point.key] = [index]
            self.waiting[point.key] = point.kin
        else:
            self._enter([index], record)
        self._tell("planning" if self.fresh == 0 else "computing")
        return bool(self.waiting)

    @property
    def left(self) -> int:
        """How many points may still have to be computed."""
        return len(self.pending) + self.table.count - self.seen

    def tasks(self, code: str, limit: float | None) -> Iterator[Task]:
        """What is to be computed, portion by portion, in each the points with the same dots one after the other."""
        while self.waiting:
            order: dict[int, int] = {}
            for kin in self.waiting.values():
                order.setdefault(kin, len(order))
            portion = sorted(self.waiting, key=lambda key: order[self.waiting[key]])
            self.waiting = {}
            for key in portion:
                point = prepare(self.plan, self.pending[key][0], code=code)
                yield Task(key, point.spec, point.molecule, code, limit)
            self.survey(code, PORTION)

    def finish(self, task: Task, record: dict[str, Any]) -> None:
        """Keep a record, first on disk."""
        if is_final(record):
            self.store.write(task.key, record)
        now = time.monotonic()
        self.first = self.first or now
        self.fresh += 1
        self._enter(self.pending.pop(task.key), record)
        self._tell("computing")
        if now - self.written > max(REWRITE, SHARE * self.cost):
            self.publish()

    def publish(self) -> None:
        """Write the file as it is now."""
        began = time.monotonic()
        self.write()
        self.written = time.monotonic()
        self.cost = self.written - began

    def _enter(self, places: list[int], record: dict[str, Any]) -> None:
        for index in places:
            self.table.fill(index, record)
        self.known += len(places)
        self.holes += len(places) * (record["status"] != "done")

    def _tell(self, phase: str) -> None:
        if self.progress is None:
            return
        total = self.table.count
        left = None
        if self.fresh > 1:  # the first point waited for everything to start
            left = (time.monotonic() - self.first) / (self.fresh - 1) * (total - self.known)
        self.progress(State(self.known, self.holes, total, left, phase))


def run_plan(
    plan: Plan,
    table: Table,
    *,
    folder: Path | None,
    resources: Resources,
    write: Callable[[], None],
    progress: Progress | None = None,
) -> None:
    """Fill a table with the points of a plan.

    Parameters
    ----------
    plan
        The points.
    table
        Of the plan's shape; holes get their reasons.
    folder
        Where finished points are kept; None keeps none.
    resources
        Where to compute.
    write
        Publishes the table as it is; called now and then, and at the end whatever ends the run.
    progress
        Told how far the run is.

    Raises
    ------
    InputError
        No point of the plan makes sense, or no scheduler answers.
    OutputError
        A point cannot be kept.
    """
    work = _Work(plan, table, Store(folder), write, progress)
    code = code_digest()
    work.survey(code, PLANNING)
    if len(work.refusals) and not work.pending and work.holes == table.count:
        raise work.refusals[0]
    if not work.pending:
        work.publish()
        return
    with executor(resources, work.left) as execute:  # no scheduler: refused before anything is written
        work.store.open()
        tasks = work.tasks(code, resources.limit)
        try:
            work.publish()
            execute(tasks, work.finish)
        except SolverError as error:
            for task in tasks:  # never begun
                work.finish(task, failed(str(error)))
        finally:
            work.publish()


Finish = Callable[[Task, dict[str, Any]], None]


@contextmanager
def executor(resources: Resources, count: int) -> Iterator[Callable[[Iterator[Task], Finish], None]]:
    """Give what runs tasks: this process, a running cluster, or processes for at most `count` points."""
    if resources.scheduler is None and resources.workers == 0:
        yield _run_here
        return
    # Imported here: what is on disk, and what is computed in this process, does without.
    from qdmol.study.cluster import joined_cluster, local_cluster, run_on

    if resources.scheduler is not None:
        with joined_cluster(resources.scheduler) as client:
            yield partial(run_on, client)
    else:
        workers = min(resources.workers, count)
        with local_cluster(workers) as (client, processes):
            yield partial(run_on, client, width=workers + 1, workers=processes)


def _run_here(tasks: Iterator[Task], finish: Finish) -> None:
    for task in tasks:
        finish(task, solve_point(task))


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
