"""Command line of qdmol; it contains no physics.

`main` is the entry point. Exit status: 0 done, 1 internal error or failed write, 2 invalid input or missing extra,
3 not converged, 130 interrupted. With ``--json`` exactly one object goes to standard output; messages go to standard
error. Rooms that load the solver or draw are imported inside the commands that need them, so that `qdmol check` starts
fast.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = False  # as in `typing`, which takes long to import: until `main` runs, an interrupt prints a traceback
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line of this process, and exit."""
    _prepare_process()
    interruptible = _end_at_interrupt()
    from qdmol.cli.entry import run_command

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = run_command(sys.argv[1:])
    except KeyboardInterrupt:  # while the command was ending
        status = 130
    if interruptible:
        _end_at_interrupt()  # nothing is left to tidy up
    gc.freeze()  # the last search for garbage goes through every module, and the process ends anyway
    sys.exit(status)


def _end_at_interrupt() -> bool:
    """Make an interrupt end the process at once, while there is nothing to tidy up.

    Returns False if interrupts are ignored, as in the background of a shell; they stay ignored.
    """
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            return False
        signal.signal(signal.SIGINT, _end)
    except ValueError:  # not in the main thread
        return False
    return True


def _end(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature of a handler
    try:
        os.write(2, b"Interrupted.\n")
    finally:
        os._exit(130)


def _prepare_process() -> None:
    """Open closed standard descriptors, select a plotting backend without a display, and collect garbage less often."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # closed: the next file opened would get this number, and with it all output
            os.open(os.devnull, os.O_RDWR)
    os.environ["MPLBACKEND"] = "agg"
    # Imports make a million objects that stay; with the usual thresholds a fifth of a short command is spent on them.
    gc.set_threshold(100_000, 50, 100)
