"""Time limits of computations: first an exception, then the end of the process.

When the time is over, an exception is raised in the thread that computes, at its next Python instruction. Where that
never comes, because compiled code does not return, the process can be ended (`end_process`); another process has to
notice that.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

GRACE = 10.0  # seconds beyond the limit after which a process that did not react is ended


class TimeLimitError(Exception):
    """A computation exceeded its time limit."""


def _raise_in(thread: int, error: type[Exception] | None) -> None:
    argument = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), argument)


@contextmanager
def time_limit(seconds: float | None, *, end_process: bool = False) -> Iterator[None]:
    """Raise TimeLimitError in the block when it takes longer than this; None sets no limit.

    With ``end_process`` the whole process ends `GRACE` seconds later if the block still runs; the watchdog needs
    neither the interpreter nor its lock.
    """
    if seconds is None:
        yield
        return
    thread, guard, over = threading.get_ident(), threading.Lock(), threading.Event()

    def interrupt() -> None:
        with guard:
            if not over.is_set():
                over.set()
                _raise_in(thread, TimeLimitError)

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  # the device, not a path
        if end_process:
            faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=nowhere)
        timer.start()
        try:
            yield
        finally:
            try:  # the interrupt may still arrive here; after the guard it cannot
                timer.cancel()
                with guard:
                    if over.is_set():
                        _raise_in(thread, None)
                    over.set()
            finally:
                if end_process:
                    faulthandler.cancel_dump_traceback_later()
