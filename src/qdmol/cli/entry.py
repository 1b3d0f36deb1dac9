"""Entry point of the command line: runs a command, and converts every error to one sentence and an exit status.

Errors of the operating system (its limits, names that it refuses, a working folder that no longer exists) are turned
into errors of qdmol, so that no traceback reaches the user.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from types import FrameType

import typer

from qdmol.cli import (  # noqa: F401  # each registers its commands
    claims_command,
    design_commands,
    map_commands,
    photons_commands,
    spectrum_commands,
    spectrum_compare,
    spectrum_predict,
)  # isort: skip
from qdmol.cli.commands import app
from qdmol.cli.console import drop_stdout, emit, flush, message, standard_output
from qdmol.errors import InputError, OutputError, QdmolError, shorten

# A limit of the system was reached: not a fault of the input.
_LIMITS = {
    errno.EMFILE: "Too many files are open; raise the limit (`ulimit -n`) and try again.",
    errno.ENFILE: "Too many files are open on this machine; close some programs and try again.",
    errno.ENOSPC: "The disk is full.",
    errno.EFBIG: "A file is larger than this process may write; raise the limit (`ulimit -f`) and try again.",
    errno.ENOMEM: "There is not enough memory.",
    errno.EROFS: "The file system is read-only.",
    errno.EAGAIN: "No more threads or processes can be started; raise the limit (`ulimit -u`) and try again.",
}
if hasattr(errno, "EDQUOT"):
    _LIMITS[errno.EDQUOT] = "The disk quota is used up."
# The system refuses a path.
_NAMES = {errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
NO_WORKING_FOLDER = "The working folder no longer exists; change to one that does."


def system_error(error: BaseException) -> QdmolError | None:
    """Return a QdmolError for an error of the operating system; None for any other error."""
    for cause in _causes(error):
        translated = _translated(cause)
        if translated is not None:
            return translated
    return None


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and those that caused it, the first cause last."""
    causes: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in causes:
        causes.append(following)
        following = following.__cause__ or following.__context__
    return causes


def _translated(error: BaseException) -> QdmolError | None:
    limit = _limit_of(error)
    if limit is not None:
        return OutputError(_LIMITS[limit])
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.ENOENT and not _working_folder_exists():
        return InputError(field="working folder", value=None, allowed="a folder that exists", message=NO_WORKING_FOLDER)
    name = error.filename
    if error.errno not in _NAMES or not isinstance(name, str) or name.startswith(sys.prefix):
        return None
    message = f"{shorten(name)} cannot be used: {error.strerror}."
    return InputError(field="path", value=name, allowed="a path that can be used", message=message)


def _limit_of(error: BaseException) -> int | None:
    """Return the error number if a limit was reached; Python and libraries report some limits as other errors."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, ImportError) and os.strerror(errno.EMFILE) in str(error):
        return errno.EMFILE
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return errno.EAGAIN
    return error.errno if isinstance(error, OSError) and error.errno in _LIMITS else None


def _working_folder_exists() -> bool:
    try:
        os.getcwd()  # noqa: PTH109  # no path object is needed
    except OSError:
        return False
    return True


INTERRUPTED = 130
FAILED_WRITE = 1

# Errors of the parser: Typer exports only one of them, whose grandparent is the base of all in every version
_ParserError: type[Exception] = typer.BadParameter.__mro__[2]


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; every error is reported in one sentence."""
    as_json = "--json" in arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a terminal that cannot show µ must not make the command fail
    with _interrupts() as interrupted:
        try:
            status = _run(arguments)
        except (KeyboardInterrupt, typer.Abort):
            status = INTERRUPTED
        except _ParserError as error:
            return _report(_usage(error), as_json=as_json)
        except QdmolError as error:
            return _report(error, as_json=as_json)
        except Exception as error:  # noqa: BLE001  # outermost frame: no traceback reaches a user
            if os.environ.get("QDMOL_DEBUG") == "1":
                traceback.print_exception(error)
            if not interrupted:
                return _report(system_error(error) or _internal_error(error), as_json=as_json)
            status = INTERRUPTED
    if status == INTERRUPTED:  # Typer returns this status for interrupts that it catches itself
        message("Interrupted.")
    return status


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Yield a list that is not empty once the command was interrupted.

    Libraries convert an interrupt during an import or a callback to other errors, or print it.
    """
    seen: list[int] = []
    before, unraisable = signal.getsignal(signal.SIGINT), sys.unraisablehook

    def note(signum: int, frame: FrameType | None) -> None:
        seen.append(signum)
        signal.default_int_handler(signum, frame)

    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield seen
        return
    signal.signal(signal.SIGINT, note)
    sys.unraisablehook = lambda what: None if seen else unraisable(what)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)
        sys.unraisablehook = unraisable


def _run(arguments: Sequence[str]) -> int:
    """Run one command; a closed pipe (`qdmol materials NAME | head -1`) is not reported."""
    try:
        with _printed_by_the_parser(arguments):
            status = app(args=list(arguments), prog_name="qdmol", standalone_mode=False)
        flush()
    except BrokenPipeError:
        drop_stdout()
        return FAILED_WRITE
    except SystemExit as stop:  # raised by Typer and rich on a broken pipe
        drop_stdout()
        return stop.code if isinstance(stop.code, int) else FAILED_WRITE
    return int(status or 0)


def _printed_by_the_parser(arguments: Sequence[str]) -> contextlib.AbstractContextManager[None]:
    """Guard standard output while the parser prints help: it may be closed or full."""
    return standard_output() if {"--help", "-h"} & set(arguments) else contextlib.nullcontext()


def _report(error: QdmolError, *, as_json: bool) -> int:
    """Report an error on standard error, with ``--json`` also as the object on standard output; return its status."""
    if as_json:
        with contextlib.suppress(OutputError, BrokenPipeError):  # the first error is the one to report
            emit({"qdmol": 1, "error": error.as_dict()})
    message(str(error))
    return error.exit_code


def _usage(error: Exception) -> InputError:
    """Return an error of the parser (an unknown option, a missing argument) as an InputError."""
    text = re.sub(r"\s+", " ", error.format_message() if hasattr(error, "format_message") else str(error)).strip()
    option = getattr(error, "option_name", None)
    parameter = getattr(error, "param", None)
    if option is None and parameter is not None:
        option = getattr(parameter, "metavar", None) or max(getattr(parameter, "opts", ["option"]), key=len)
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "qdmol"
    allowed = f"as `{command} --help` says"
    sentence = f"{text.rstrip('.')}; see `{command} --help`."
    return InputError(field=str(option or "command"), value=None, allowed=allowed, message=sentence)


def _internal_error(error: Exception) -> QdmolError:
    text = re.sub(r"\s+", " ", str(error)).strip()
    cause = f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
    return QdmolError(
        f"Something went wrong inside qdmol ({cause}); set QDMOL_DEBUG=1 to see where, and please report it."
    )
