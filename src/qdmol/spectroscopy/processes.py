"""Fits of curves in other processes, started as ``python -m qdmol.spectroscopy.processes``.

A worker is a program of its own and not a copy of the one that starts it, so that a script needs no main guard. It
reads curves from standard input and writes their fits to standard output, one after the other, and ends when its input
ends.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import SimpleQueue

from qdmol.errors import DataError, InputError
from qdmol.spectroscopy.comparing import fit_curve
from qdmol.spectroscopy.values import Curve, PeakFit

DIED = "The fit failed: its worker process ended, possibly because memory ran out."
_SINGLE_THREADED = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def fit_or_reason(curve: Curve) -> PeakFit | str:
    """Return the fit of a curve, or the reason why it has none."""
    try:
        return fit_curve(curve)
    except (DataError, InputError) as error:
        return str(error)


class _Worker:
    """A process that fits curves; it is started when it is needed, and again after it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def fit(self, curve: Curve) -> PeakFit | str:
        """Return the fit of a curve, or the reason why it has none."""
        if self._process is None:
            command = [sys.executable, "-m", "qdmol.spectroscopy.processes"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env={**os.environ, **_SINGLE_THREADED},
            )  # fmt: skip
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump(curve, process.stdin)
            process.stdin.flush()
            fit: PeakFit | str = pickle.load(process.stdout)  # written by the process started above
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self.stop()
            return DIED
        return fit

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()


@contextmanager
def fitting_processes(count: int) -> Iterator[Callable[[Sequence[Curve]], Iterator[PeakFit | str]]]:
    """Give a function that fits curves in `count` processes and yields fits or reasons in the order of the curves."""
    workers = [_Worker() for _ in range(count)]
    idle: SimpleQueue[_Worker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def fit(curve: Curve) -> PeakFit | str:
        worker = idle.get()
        try:
            return worker.fit(curve)
        finally:
            idle.put(worker)

    pool = ThreadPoolExecutor(count)
    try:
        yield lambda curves: pool.map(fit, curves)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.stop()
        pool.shutdown()


def main() -> None:
    """Fit the curves on standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command is the one to be interrupted
    curves, fits = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else is printed between the fits
    while True:
        try:
            curve = pickle.load(curves)  # written by the process that started this one
        except EOFError:
            return
        pickle.dump(fit_or_reason(curve), fits)
        fits.flush()


if __name__ == "__main__":
    main()
