"""Jobs on a cluster: a local one that this process starts, or a running one joined by its address.

Scheduler and workers of the local cluster talk over TLS with a key of this run, which the workers get on their standard
input: whoever else has an account on the machine can connect to them, but is refused. They serve no web pages.

Jobs are handed out a few at a time, so that memory does not grow with their number. A worker that dies takes its job
with it; such jobs are tried again at the end, one at a time, a bounded number of times. A job that overruns its limit
without reacting is given up here. Its worker's process ends itself; one that cannot, because it is suspended, is killed
here or, in a running cluster, removed from its scheduler.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import math
import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qdmol.errors import SolverError
from qdmol.jobs.job import Assignment, compute, over_time
from qdmol.jobs.joining import CONNECT, no_scheduler, refuse_silent
from qdmol.jobs.limits import GRACE
from qdmol.jobs.records import Record, failed

if TYPE_CHECKING:
    from distributed import Client, Future, Security


TICK = 0.25  # seconds between looks at the clock and at the workers
# Deaths of workers without a job finished in between, for each worker, after which the cluster is given up.
MAX_DEATHS = 4
ATTEMPTS = 4
JOINED_ATTEMPTS = 2  # a running scheduler tries three times itself before it says so
START = 60.0  # seconds that a worker may take to replace a dead one
STALLED = 20.0  # seconds after which a local worker that has started jobs before, and takes no more, is replaced
RECOUNT = 5.0  # seconds between counts of a running cluster's threads
# The library watches itself: without this it takes 3 % of a core in every process.
SELF_MONITORING = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "2s",
}
LOST = "the connection to the scheduler was lost before this job finished"
IDLE = "no worker of the scheduler accepted this job"

Finish = Callable[[Assignment, Record], None]


class LocalWorkers:
    """Worker processes that this process started; those that die are replaced."""

    def __init__(self, count: int, preload: Sequence[str] = ()) -> None:
        self._preload = tuple(preload)
        self._processes = [_start_worker(self._preload) for _ in range(count)]
        self._invitation = b""
        self._deaths = 0

    def join(self, address: str, security: Security) -> None:
        """Tell every worker its scheduler, and the key and certificate to talk to it."""
        invitation = {"address": address, "certificate": security.tls_worker_cert, "key": security.tls_worker_key}
        self._invitation = json.dumps(invitation).encode() + b"\n"
        for process in self._processes:
            _send(process, self._invitation)

    def replace(self, pid: int | None) -> None:
        """Kill a worker that does not react, or all workers without a process id, and start new ones."""
        for place, process in enumerate(self._processes):
            if pid is None or process.pid == pid:
                process.kill()
                process.wait()
                self._start_again(place)

    def progressed(self) -> None:
        """Take note that a job is finished, so that workers are alive."""
        self._deaths = 0

    def watch(self) -> None:
        """Replace dead workers; SolverError where they die again and again without finishing a job."""
        for place, process in enumerate(self._processes):
            if process.poll() is None:
                continue
            self._deaths += 1
            if self._deaths > MAX_DEATHS * len(self._processes):
                raise SolverError(f"The worker processes ended before finishing a job (status {process.returncode}).")
            self._start_again(place)

    def _start_again(self, place: int) -> None:
        _close(self._processes[place])
        self._processes[place] = _start_worker(self._preload)
        _send(self._processes[place], self._invitation)

    def stop(self) -> None:
        """End every worker."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            _close(process)


def _start_worker(preload: Sequence[str]) -> subprocess.Popen[bytes]:
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    settings = {_variable(name): str(value) for name, value in SELF_MONITORING.items()}
    environment = {**os.environ, **single, **settings, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "qdmol.jobs.worker", *preload]
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, env=environment)


def _variable(setting: str) -> str:
    """Environment variable of a setting of dask."""
    return f"DASK_{setting.replace('.', '__').replace('-', '_').upper()}"


def _send(process: subprocess.Popen[bytes], invitation: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # dead already: `watch` replaces it
        process.stdin.write(invitation)
        process.stdin.flush()


def _close(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()


@contextlib.contextmanager
def local_cluster(count: int, preload: Sequence[str] = ()) -> Iterator[tuple[Client, LocalWorkers]]:
    """Give a client of a scheduler in this process with this many worker processes of one thread each.

    A worker imports the modules of `preload` before its first job.
    """
    workers = LocalWorkers(count, preload)  # first: they load modules while the scheduler starts
    try:
        import dask
        from distributed import Client, Security, SpecCluster

        from qdmol.jobs.worker import SchedulerWithoutDashboard

        security = Security.temporary()
        # A dead worker's job comes back at once; how often it is tried again is decided here.
        settings = {
            "distributed.scheduler.allowed-failures": 0,
            "distributed.admin.log-format": "%(message)s",
            **SELF_MONITORING,
        }
        with (
            _quiet(),
            dask.config.set(settings),
            SpecCluster(
                workers={}, scheduler={"cls": SchedulerWithoutDashboard, "options": {"host": "127.0.0.1", "protocol": "tls://",
                "port": 0, "dashboard": False, "security": security}}, security=security,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster, set_as_default=False, security=security) as client,
        ):  # fmt: skip
            workers.join(cluster.scheduler_address, security)
            try:
                yield client, workers
            finally:
                workers.stop()  # before the scheduler, which would wait for them
    finally:
        workers.stop()


@contextlib.contextmanager
def joined_cluster(address: str) -> Iterator[Client]:
    """Give a client of a running scheduler; InputError where none answers at the address, or it has no workers."""
    from distributed import Client

    with _quiet():
        refuse_silent(address)
        try:
            client = Client(address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise no_scheduler(address, error) from None
        try:
            yield client
        finally:
            with contextlib.suppress(OSError, TimeoutError):  # the scheduler may be gone
                client.close(timeout=2)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the cluster's remarks on dying workers off the terminal; what they mean for a job is its reason."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client", "distributed.scheduler")]
    loggers += [logging.getLogger(name) for name in ("distributed.core", "distributed.batched", "tornado.application")]
    loggers += [logging.getLogger(name) for name in ("distributed.comm", "tornado", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def compute_in_worker(assignment: Assignment, topic: str) -> Record:
    """Compute a job in a worker, after telling the command that it has started."""
    from distributed import get_worker

    worker = get_worker()
    worker.log_event(topic, {"key": assignment.key, "process": os.getpid(), "worker": worker.address})
    return compute(assignment, end_process=True)


@dataclass
class _Dispatch:
    """The jobs that are handed out to workers.

    By key: `started` has the times at which workers reported a start, `locations` process id and address of the
    workers, `attempted` how often a job was handed out. Jobs whose worker died wait in `to_retry`, to be handed out
    one at a time (`alone_since`).
    """

    client: Client
    finish: Finish
    attempts: int
    workers: LocalWorkers | None
    topic: str = field(default_factory=lambda: f"qdmol-{time.time_ns()}")
    handed_out: dict[str, tuple[Assignment, Future]] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    locations: dict[str, tuple[int, str]] = field(default_factory=dict)
    last_event: float = field(default_factory=time.monotonic)
    stalls: int = 0
    any_started: bool = False
    attempted: dict[str, int] = field(default_factory=dict)
    to_retry: list[Assignment] = field(default_factory=list)
    alone_since: float = math.inf
    finished: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def submit(self, assignment: Assignment) -> None:
        name = f"{self.topic}-{next(self.numbers)}-{assignment.key}"
        self.attempted[assignment.key] = self.attempted.get(assignment.key, 0) + 1
        try:
            future = self.client.submit(compute_in_worker, assignment, self.topic, key=name, pure=False)
        except OSError:  # the connection broke, which the client itself has not noticed yet
            self.finish(assignment, failed(LOST))
            raise SolverError(LOST) from None
        self.handed_out[assignment.key] = (assignment, future)
        future.add_done_callback(lambda _, key=assignment.key: self.finished.put(key))

    def submit_alone(self, assignment: Assignment) -> None:
        """Hand out a job while no other is; one that is stuck before its worker reports its start is noticed too."""
        self.submit(assignment)
        self.alone_since = time.monotonic()
        self.started[assignment.key] = self.alone_since + START

    def note_start(self, event: tuple[float, Mapping[str, str]]) -> None:
        """A worker reports that it has started a job."""
        report = event[1]
        self.last_event = self.started[report["key"]] = time.monotonic()
        self.locations[report["key"]] = (int(report["process"]), str(report["worker"]))
        self.any_started = True

    def collect(self, timeout: float) -> None:
        """Wait for a job to finish, and take its result."""
        try:
            key = self.finished.get(timeout=timeout)
        except queue.Empty:
            return
        entry = self.handed_out.pop(key, None)
        if entry is None:  # given up meanwhile
            return
        assignment, future = entry
        self.last_event, self.stalls = time.monotonic(), 0
        self.locations.pop(key, None)
        self._take(assignment, future, time.monotonic() - self.started.pop(key, math.inf))
        future.release()

    def _take(self, assignment: Assignment, future: Future, elapsed: float) -> None:
        from distributed import KilledWorker

        if future.status == "finished":
            if self.workers is not None:
                self.workers.progressed()
            record = _result_of(future)
            if record is not None:
                self.finish(assignment, record)
            elif self.attempted[assignment.key] < self.attempts:
                self.to_retry.append(assignment)
            else:
                self.finish(assignment, failed(LOST))
            return
        if future.status != "error":
            self.finish(assignment, failed(LOST))
            return
        error = future.exception()
        if not isinstance(error, KilledWorker):
            self.finish(assignment, failed(f"the worker failed ({type(error).__name__}: {str(error)[:200]})"))
        elif self._overran(assignment, elapsed):
            self.finish(assignment, failed(over_time(assignment.limit)))
        elif self.attempted[assignment.key] < self.attempts:
            self.to_retry.append(assignment)
        else:
            self.finish(assignment, failed("its worker process died at every attempt, possibly because memory ran out"))

    def _overran(self, assignment: Assignment, elapsed: float) -> bool:
        """Whether a worker that died has ended itself: its job started too long ago, or alone took too long."""
        if assignment.limit is None:
            return False
        alone = time.monotonic() - self.alone_since
        return elapsed > assignment.limit or alone > assignment.limit + GRACE

    def give_up_stuck(self) -> None:
        """Label the jobs that neither finished nor reacted to their limit, and replace their workers."""
        now = time.monotonic()
        for key, since in list(self.started.items()):
            if key not in self.handed_out:
                self.started.pop(key, None)
                self.locations.pop(key, None)
                continue
            assignment, future = self.handed_out[key]
            if assignment.limit is not None and now - since > assignment.limit + GRACE / 2:
                process, address = self.locations.pop(key, (None, None))
                del self.handed_out[key], self.started[key]
                self.last_event = now
                self.finish(assignment, failed(over_time(assignment.limit)))
                future.cancel(force=True)
                if self.workers is not None:
                    self.workers.replace(process)
                elif address is not None:
                    self._remove([address])

    def unblock(self) -> None:
        """Replace the workers where none takes the jobs that wait; SolverError where there are no others.

        A worker that was suspended before it started a job is noticed by nothing else.
        """
        patience = self._patience()
        if not self.handed_out or time.monotonic() - self.last_event < patience or self._is_working():
            return
        self.last_event = time.monotonic()
        self.stalls += 1
        if self.workers is not None:
            self.workers.replace(None)
            return
        holders = self._holders()
        if not holders or self.stalls > 1:
            raise SolverError(IDLE)
        self._remove(holders)

    def _patience(self) -> float:
        """Seconds without any progress after which workers are taken to be stuck."""
        if self.workers is not None:
            return STALLED if self.any_started else START
        # those of a batch system may be replaced by others that wait in its queue
        return max(
            [START, *(assignment.limit for assignment, _ in self.handed_out.values() if assignment.limit is not None)]
        )

    def _is_working(self) -> bool:
        """Whether a worker computes a job that was started, within its time."""
        return any(key in self.handed_out for key in self.started)

    def _holders(self) -> list[str]:
        """Workers of a running cluster that hold jobs of this run."""
        names = {future.key for _, future in self.handed_out.values()}
        try:
            held = self.client.sync(self.client.scheduler.processing, workers=None, callback_timeout=CONNECT)
        except (OSError, TimeoutError):
            raise SolverError(LOST) from None
        return [worker for worker, keys in held.items() if names & set(keys)]

    def _remove(self, addresses: list[str]) -> None:
        """Take workers that do not react from a running cluster, so that others get what they hold."""
        with contextlib.suppress(OSError, TimeoutError):
            self.client.sync(self.client._run_on_scheduler, remove_workers, addresses, callback_timeout=CONNECT)  # noqa: SLF001  # the public one has no limit of time

    def tick(self) -> None:
        """Look after workers, clock and scheduler; SolverError where the scheduler is gone."""
        self.collect(TICK)
        self.give_up_stuck()
        self.unblock()
        if self.workers is not None:
            self.workers.watch()
        if self.client.status != "running":
            raise SolverError(LOST)

    def abandon(self, reason: str) -> None:
        """Label every job that is handed out."""
        for assignment, _ in list(self.handed_out.values()):
            self.finish(assignment, failed(reason))
        for assignment in self.to_retry:
            self.finish(assignment, failed(reason))
        self.handed_out.clear()
        self.to_retry.clear()


async def remove_workers(addresses: list[str], dask_scheduler: Any) -> None:
    """Remove workers in the scheduler, so that their jobs go to others."""
    for address in addresses:
        await dask_scheduler.remove_worker(address=address, stimulus_id=f"qdmol-{time.time()}")


def _result_of(future: Future) -> Record | None:
    """Record of a finished job; None where its worker or the scheduler is gone before it can be fetched."""
    try:
        record: Record = future.result(timeout=CONNECT)
    except (OSError, TimeoutError, CancelledError):
        return None
    return record


def run_on(
    client: Client,
    assignments: Iterator[Assignment],
    finish: Finish,
    *,
    width: int | None = None,
    workers: LocalWorkers | None = None,
) -> None:
    """Compute jobs, at most `width` or a few more than the cluster has threads at a time; hand on each record.

    Where the scheduler is lost, jobs that were handed out are labelled so and SolverError is raised.
    """
    run = _Dispatch(client, finish, ATTEMPTS if workers is not None else JOINED_ATTEMPTS, workers)
    client.subscribe_topic(run.topic, run.note_start)
    capacity = _Capacity(client, width)
    try:
        for assignment in assignments:
            run.submit(assignment)
            while len(run.handed_out) >= capacity.jobs:
                run.tick()
        while run.handed_out or run.to_retry:
            if not run.handed_out:
                run.submit_alone(run.to_retry.pop(0))
            run.tick()
    except SolverError as error:
        run.abandon(str(error))
        raise


@dataclass
class _Capacity:
    """Number of jobs submitted at a time: a fixed number, or the number of threads of a running cluster."""

    client: Client
    width: int | None
    counted: float = -math.inf
    threads: int = 0

    @property
    def jobs(self) -> int:
        """The number, counted anew every few seconds, since workers of a running cluster come and go."""
        if self.width is not None:
            return self.width
        if time.monotonic() - self.counted > RECOUNT:
            self.threads, self.counted = _threads(self.client), time.monotonic()
        return self.threads + 2


def _threads(client: Client) -> int:
    """Number of threads of a running cluster."""
    try:
        known = client.sync(client.scheduler.ncores, workers=None, callback_timeout=CONNECT)
    except (OSError, TimeoutError):
        raise SolverError(LOST) from None
    return sum(int(threads) for threads in known.values())
