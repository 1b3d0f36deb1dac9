"""Points on a cluster: a local one that this process starts, or a running one joined by its address.

Scheduler and workers of the local cluster talk over TLS with a key of this run, which the workers get on their standard
input: whoever else has an account on the machine can connect to them, but is refused. They serve no web pages.

Points are handed out a few at a time, so that memory does not grow with their number. A worker that dies takes its
point with it; such points are tried again at the end, one at a time, a bounded number of times. A point that overruns
its limit without reacting is given up here. Its worker's process ends itself; one that cannot, since it was stopped, is
killed here or, in a running cluster, taken from its scheduler.
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
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qdmol.errors import SolverError
from qdmol.jobs import CONNECT, GRACE, no_scheduler, refuse_silent
from qdmol.study.points import Task, failed, over_time, solve_point

if TYPE_CHECKING:
    from distributed import Client, Future, Security


TICK = 0.25  # seconds between looks at the clock and at the workers
# Deaths of workers without a point finished in between, for each worker, after which the cluster is given up.
FRUITLESS = 4
ATTEMPTS = 4
JOINED_ATTEMPTS = 2  # a running scheduler tries three times itself before it says so
START = 60.0  # seconds that a worker may take to replace a dead one
STALLED = 20.0  # seconds after which a local worker that has begun points before, and takes no more, is replaced
RECOUNT = 5.0  # seconds between counts of a running cluster's threads
LOST = "the scheduler was lost before this point was finished"
IDLE = "no worker of the scheduler took this point"

Finish = Callable[[Task, dict[str, Any]], None]


class LocalWorkers:
    """Worker processes of this one; those that die are replaced."""

    def __init__(self, count: int) -> None:
        self._processes = [_start_worker() for _ in range(count)]
        self._invitation = b""
        self._deaths = 0

    def join(self, address: str, security: Security) -> None:
        """Tell every worker its scheduler, and the key and certificate to talk to it."""
        told = {"address": address, "certificate": security.tls_worker_cert, "key": security.tls_worker_key}
        self._invitation = json.dumps(told).encode() + b"\n"
        for process in self._processes:
            _tell(process, self._invitation)

    def replace(self, pid: int | None) -> None:
        """Kill a worker that does not react, or all where it is unknown which, and start another."""
        for place, process in enumerate(self._processes):
            if pid is None or process.pid == pid:
                process.kill()
                process.wait()
                self._start_again(place)

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
            self._start_again(place)

    def _start_again(self, place: int) -> None:
        _drop(self._processes[place])
        self._processes[place] = _start_worker()
        _tell(self._processes[place], self._invitation)

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


def _tell(process: subprocess.Popen[bytes], invitation: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # dead already: `watch` replaces it
        process.stdin.write(invitation)
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
        from distributed import Client, Security, SpecCluster

        from qdmol.study.unserved import UnservedScheduler

        security = Security.temporary()
        # A dead worker's point comes back at once; how often it is tried again is decided here.
        settings = {"distributed.scheduler.allowed-failures": 0, "distributed.admin.log-format": "%(message)s"}
        with (
            _quiet(),
            dask.config.set(settings),
            SpecCluster(
                workers={}, scheduler={"cls": UnservedScheduler, "options": {"host": "127.0.0.1", "protocol": "tls://",
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
    """Keep the cluster's remarks on dying workers from the terminal; what they mean for a point is its reason."""
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


def run_point(task: Task, topic: str) -> dict[str, Any]:
    """Solve a point in a worker, having told the command that it has begun."""
    from distributed import get_worker

    worker = get_worker()
    worker.log_event(topic, {"key": task.key, "process": os.getpid(), "worker": worker.address})
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
    places: dict[str, tuple[int, str]] = field(default_factory=dict)
    moved: float = field(default_factory=time.monotonic)
    stalls: int = 0
    begun_any: bool = False
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

    def begun(self, event: tuple[float, dict[str, Any]]) -> None:
        """A worker says that it has begun with a point."""
        said = event[1]
        self.moved = self.started[said["key"]] = time.monotonic()
        self.places[said["key"]] = (int(said["process"]), str(said["worker"]))
        self.begun_any = True

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
        self.moved, self.stalls = time.monotonic(), 0
        self.places.pop(key, None)
        self._take(task, future, time.monotonic() - self.started.pop(key, math.inf))
        future.release()

    def _take(self, task: Task, future: Future, elapsed: float) -> None:
        from distributed import KilledWorker

        if future.status == "finished":
            if self.workers is not None:
                self.workers.progressed()
            record = _result_of(future)
            if record is not None:
                self.finish(task, record)
            elif self.tried[task.key] < self.attempts:
                self.suspects.append(task)
            else:
                self.finish(task, failed(LOST))
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
        """Label the points that neither finished nor reacted to their limit, and replace their workers."""
        now = time.monotonic()
        for key, since in list(self.started.items()):
            if key not in self.flying:
                self.started.pop(key, None)
                self.places.pop(key, None)
                continue
            task, future = self.flying[key]
            if task.limit is not None and now - since > task.limit + GRACE / 2:
                process, address = self.places.pop(key, (None, None))
                del self.flying[key], self.started[key]
                self.moved = now
                self.finish(task, failed(over_time(task.limit)))
                future.cancel(force=True)
                if self.workers is not None:
                    self.workers.replace(process)
                elif address is not None:
                    self._remove([address])

    def unblock(self) -> None:
        """Where no worker takes the points that wait: other workers; SolverError where there are none.

        A worker that was stopped before it began with a point is noticed by nothing else.
        """
        patience = self._patience()
        if not self.flying or time.monotonic() - self.moved < patience or self._is_working():
            return
        self.moved = time.monotonic()
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
            return STALLED if self.begun_any else START
        # those of a batch system may be replaced by others that wait in its queue
        return max([START, *(task.limit for task, _ in self.flying.values() if task.limit is not None)])

    def _is_working(self) -> bool:
        """Whether a worker is at a point that was begun, and within its time."""
        return any(key in self.flying for key in self.started)

    def _holders(self) -> list[str]:
        """Workers of a running cluster that hold points of this run."""
        names = {future.key for _, future in self.flying.values()}
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
        """Label whatever is still at work."""
        for task, _ in list(self.flying.values()):
            self.finish(task, failed(reason))
        for task in self.suspects:
            self.finish(task, failed(reason))
        self.flying.clear()
        self.suspects.clear()


async def remove_workers(addresses: list[str], dask_scheduler: Any) -> None:
    """In a scheduler: forget workers, whose points go to others."""
    for address in addresses:
        await dask_scheduler.remove_worker(address=address, stimulus_id=f"qdmol-{time.time()}")


def _result_of(future: Future) -> dict[str, Any] | None:
    """What a finished point brings; None where its worker or the scheduler is gone before it can be fetched."""
    try:
        found: dict[str, Any] = future.result(timeout=CONNECT)
    except (OSError, TimeoutError, CancelledError):
        return None
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
    room = _Room(client, width)
    try:
        for task in tasks:
            run.submit(task)
            while len(run.flying) >= room.places:
                run.tick()
        while run.flying or run.suspects:
            if not run.flying:
                run.submit_alone(run.suspects.pop(0))
            run.tick()
    except SolverError as error:
        run.abandon(str(error))
        raise


@dataclass
class _Room:
    """How many points may be at work at a time: a fixed number, or what a running cluster has threads for."""

    client: Client
    width: int | None
    counted: float = -math.inf
    threads: int = 0

    @property
    def places(self) -> int:
        """The number, counted anew every few seconds, since workers of a running cluster come and go."""
        if self.width is not None:
            return self.width
        if time.monotonic() - self.counted > RECOUNT:
            self.threads, self.counted = _threads(self.client), time.monotonic()
        return self.threads + 2


def _threads(client: Client) -> int:
    """Threads of a running cluster."""
    try:
        known = client.sync(client.scheduler.ncores, workers=None, callback_timeout=CONNECT)
    except (OSError, TimeoutError):
        raise SolverError(LOST) from None
    return sum(int(threads) for threads in known.values())
