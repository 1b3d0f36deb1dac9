"""Points on a cluster: a local one that this process starts, or a running one joined by its address.

Points are handed out a few at a time, so that memory does not grow with their number. A worker that dies takes its
point with it; such points are tried again at the end, one at a time, a bounded number of times. A point that overruns
its limit without reacting is given up here, and its worker's process ends itself.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qdmol.errors import InputError, SolverError
from qdmol.study.limits import GRACE
from qdmol.study.points import Task, failed, over_time, solve_point

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["joined_cluster", "local_cluster", "run_on"]

TICK = 0.25  # seconds between looks at the clock and at the workers
# Deaths of workers without a point finished in between, for each worker, after which the cluster is given up.
FRUITLESS = 4
ATTEMPTS = 4
JOINED_ATTEMPTS = 2  # a running scheduler tries three times itself before it says so
CONNECT = 10.0  # seconds
START = 60.0  # seconds that a worker may take to replace a dead one
LOST = "the scheduler was lost before this point was finished"

Finish = Callable[[Task, dict[str, Any]], None]


class LocalWorkers:
    """Worker processes of this one; those that die are replaced."""

    def __init__(self, count: int) -> None:
        self._processes = [_start_worker() for _ in range(count)]
        self._address = ""
        self._deaths = 0

    def join(self, address: str) -> None:
        """Tell every worker its scheduler."""
        self._address = address
        for process in self._processes:
            _tell(process, address)

    def progressed(self) -> None:
        """A point is finished: workers live."""
        self._deaths = 0

    def watch(self) -> None:
        """Replace the dead; SolverError where they die again and again without finishing a point."""
        for place, process in enumerate(self._processes):
            if process.poll() is None:
                continue
            self._deaths += 1
            if self._deaths > FRUITLESS * len(self._processes):
                raise SolverError(f"Worker processes end before they finish a point (status {process.returncode}).")
            _drop(process)
            self._processes[place] = _start_worker()
            _tell(self._processes[place], self._address)

    def stop(self) -> None:
        """End every worker."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            _drop(process)


def _start_worker() -> subprocess.Popen[bytes]:
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **single, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "qdmol.study.worker"]
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, env=environment)


def _tell(process: subprocess.Popen[bytes], address: str) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # dead already: `watch` replaces it
        process.stdin.write(address.encode() + b"\n")
        process.stdin.flush()


def _drop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()


@contextlib.contextmanager
def local_cluster(count: int) -> Iterator[tuple[Client, LocalWorkers]]:
    """Give a client of a scheduler in this process with this many worker processes of one thread each."""
    workers = LocalWorkers(count)  # first, for they load the solver while the scheduler starts
    try:
        import dask
        from distributed import Client, LocalCluster

        # A dead worker's point comes back at once; how often it is tried again is decided here.
        settings = {"distributed.scheduler.allowed-failures": 0, "distributed.admin.log-format": "%(message)s"}
        with (
            _quiet(),
            dask.config.set(settings),
            LocalCluster(
                n_workers=0, processes=False, host="127.0.0.1", protocol="tcp", dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):  # fmt: skip
            workers.join(cluster.scheduler_address)
            try:
                yield client, workers
            finally:
                workers.stop()  # before the scheduler, which would wait for them
    finally:
        workers.stop()


@contextlib.contextmanager
def joined_cluster(address: str) -> Iterator[Client]:
    """Give a client of a running scheduler; InputError where nothing answers at the address."""
    from distributed import Client

    with _quiet():
        try:
            client = Client(address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            allowed = "the address of a running dask scheduler, such as tcp://10.0.0.1:8786"
            message = f"`scheduler` is {address!r:.60}, where no scheduler answers ({_first_line(error)})."
            raise InputError(field="scheduler", value=address, allowed=allowed, message=message) from None
        try:
            yield client
        finally:
            with contextlib.suppress(OSError, TimeoutError):  # the scheduler may be gone
                client.close(timeout=2)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the cluster's remarks on dying workers from the terminal; what they mean for a point is its reason."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client", "distributed.scheduler")]
    loggers += [logging.getLogger(name) for name in ("distributed.core", "distributed.batched", "tornado.application")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def run_point(task: Task, topic: str) -> dict[str, Any]:
    """Solve a point in a worker, having told the command that it has begun."""
    from distributed import get_worker

    get_worker().log_event(topic, task.key)
    return solve_point(task, end_process=True)


@dataclass
class _Run:
    """The points at work, and what is known of them."""

    client: Client
    finish: Finish
    attempts: int
    workers: LocalWorkers | None
    topic: str = field(default_factory=lambda: f"qdmol-{time.time_ns()}")
    flying: dict[str, tuple[Task, Future]] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    suspects: list[Task] = field(default_factory=list)
    alone: float = math.inf
    landed: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def submit(self, task: Task) -> None:
        name = f"{self.topic}-{next(self.numbers)}-{task.key}"
        self.tried[task.key] = self.tried.get(task.key, 0) + 1
        try:
            future = self.client.submit(run_point, task, self.topic, key=name, pure=False)
        except OSError:  # the connection broke, which the client itself has not noticed yet
            self.finish(task, failed(LOST))
            raise SolverError(LOST) from None
        self.flying[task.key] = (task, future)
        future.add_done_callback(lambda _, key=task.key: self.landed.put(key))

    def submit_alone(self, task: Task) -> None:
        """Hand out a point while no other is at work; one stuck before its worker could say so is noticed too."""
        self.submit(task)
        self.alone = time.monotonic()
        self.started[task.key] = self.alone + START

    def begun(self, event: tuple[float, str]) -> None:
        """A worker says that it has begun with a point."""
        self.started[event[1]] = time.monotonic()

    def collect(self, timeout: float) -> None:
        """Wait for a point to land, and take what it brings."""
        try:
            key = self.landed.get(timeout=timeout)
        except queue.Empty:
            return
        found = self.flying.pop(key, None)
        if found is None:  # given up meanwhile
            return
        task, future = found
        self._take(task, future, time.monotonic() - self.started.pop(key, math.inf))
        future.release()

    def _take(self, task: Task, future: Future, elapsed: float) -> None:
        from distributed import KilledWorker

        if future.status == "finished":
            if self.workers is not None:
                self.workers.progressed()
            self.finish(task, _result_of(future))
            return
        if future.status != "error":
            self.finish(task, failed(LOST))
            return
        error = future.exception()
        if not isinstance(error, KilledWorker):
            self.finish(task, failed(f"the worker failed ({type(error).__name__}: {str(error)[:200]})"))
        elif self._overran(task, elapsed):
            self.finish(task, failed(over_time(task.limit)))
        elif self.tried[task.key] < self.attempts:
            self.suspects.append(task)
        else:
            self.finish(task, failed("its worker died each time it was tried, perhaps for want of memory"))

    def _overran(self, task: Task, elapsed: float) -> bool:
        """Whether a worker that died has ended itself: its point began too long ago, or alone took too long."""
        if task.limit is None:
            return False
        alone = time.monotonic() - self.alone
        return elapsed > task.limit or alone > task.limit + GRACE

    def give_up_stuck(self) -> None:
        """Label the points that neither finished nor reacted to their limit; their workers end themselves."""
        now = time.monotonic()
        for key, since in list(self.started.items()):
            if key not in self.flying:
                del self.started[key]
                continue
            task, future = self.flying[key]
            if task.limit is not None and now - since > task.limit + GRACE / 2:
                del self.flying[key], self.started[key]
                future.cancel(force=True)
                self.finish(task, failed(over_time(task.limit)))

    def tick(self) -> None:
        """Look after workers, clock and scheduler; SolverError where the scheduler is gone."""
        self.collect(TICK)
        self.give_up_stuck()
        if self.workers is not None:
            self.workers.watch()
        if self.client.status != "running":
            raise SolverError(LOST)

    def abandon(self, reason: str) -> None:
        """Label whatever is still at work."""
        for task, _ in list(self.flying.values()):
            self.finish(task, failed(reason))
        for task in self.suspects:
            self.finish(task, failed(reason))
        self.flying.clear()
        self.suspects.clear()


def _result_of(future: Future) -> dict[str, Any]:
    """What a finished point brings; lost where the scheduler dies before it can be fetched."""
    try:
        found: dict[str, Any] = future.result()
    except (OSError, TimeoutError, CancelledError):
        return failed(LOST)
    return found


def run_on(
    client: Client,
    tasks: Iterator[Task],
    finish: Finish,
    *,
    width: int | None = None,
    workers: LocalWorkers | None = None,
) -> None:
    """Run tasks, `width` of them or one for each thread at work at a time, and hand on each record as it comes.

    Where the scheduler is lost, what was begun is labelled so and SolverError raised.
    """
    run = _Run(client, finish, ATTEMPTS if workers is not None else JOINED_ATTEMPTS, workers)
    client.subscribe_topic(run.topic, run.begun)
    try:
        for task in tasks:
            run.submit(task)
            while len(run.flying) >= (width or _threads(client) + 2):
                run.tick()
        while run.flying or run.suspects:
            if not run.flying:
                run.submit_alone(run.suspects.pop(0))
            run.tick()
    except SolverError as error:
        run.abandon(str(error))
        raise


def _threads(client: Client) -> int:
    """Threads of a running cluster, as the client last heard."""
    known = client.scheduler_info(n_workers=-1)["workers"]
    return sum(int(worker["nthreads"]) for worker in known.values())
