"""The entry point: runs a command, and turns whatever goes wrong into one sentence and an exit status.

Errors of the surroundings: limits of the system, names it refuses, a working folder that is gone.
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

from qdmol.cli import map_commands, photons_commands, spectrum_commands, spectrum_predict  # noqa: F401  # they add their verbs
from qdmol.cli.commands import app
from qdmol.cli.console import drop_stdout, emit, flush, message, standard_output
from qdmol.errors import InputError, OutputError, QdmolError, shorten

# The system is out of something; nothing in what the user wrote is wrong.
_LIMITS = {
    errno.EMFILE: "Too many files are open; raise the limit (`ulimit -n`) and try again.",
    errno.ENFILE: "Too many files are open on this machine; close some programs and try again.",
    errno.ENOSPC: "The disk is full.",
    errno.EFBIG: "A file is larger than this process may write; raise the limit (`ulimit -f`) and try again.",
    errno.ENOMEM: "There is not enough memory.",
    errno.EROFS: "The file system is read-only.",
    errno.EAGAIN: "The system starts no more threads or processes; raise the limit (`ulimit -u`) and try again.",
}
if hasattr(errno, "EDQUOT"):
    _LIMITS[errno.EDQUOT] = "The disk quota is used up."
# The system refuses a name.
_NAMES = {errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
GONE = "The working folder no longer exists; change to one that does."


def fault_of_surroundings(error: BaseException) -> QdmolError | None:
    """Return an error of the tree for what the system refused; None for anything else."""
    for one in _causes(error):
        found = _of_one(one)
        if found is not None:
            return found
    return None


def _causes(error: BaseException) -> list[BaseException]:
    """An error and those it came from, the first cause last."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found


def _of_one(error: BaseException) -> QdmolError | None:
    limit = _limit_of(error)
    if limit is not None:
        return OutputError(_LIMITS[limit])
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.ENOENT and not _working_folder_exists():
        return InputError(field="working folder", value=None, allowed="a folder that exists", message=GONE)
    name = error.filename
    if error.errno not in _NAMES or not isinstance(name, str) or name.startswith(sys.prefix):
        return None
    message = f"{shorten(name)} cannot be used: {error.strerror}."
    return InputError(field="path", value=name, allowed="a path that can be used", message=message)


def _limit_of(error: BaseException) -> int | None:
    """The number of the system's error where it is out of something; libraries and Python have words of their own."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, ImportError) and os.strerror(errno.EMFILE) in str(error):
        return errno.EMFILE
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return errno.EAGAIN
    return error.errno if isinstance(error, OSError) and error.errno in _LIMITS else None


def _working_folder_exists() -> bool:
    try:
        os.getcwd()  # noqa: PTH109  # a path object is of no use here
    except OSError:
        return False
    return True


INTERRUPTED = 130
FAILED_WRITE = 1

# The parser's errors: Typer exports one of them only, whose grandparent is the root of all in every version
_ParserError: type[Exception] = typer.BadParameter.__mro__[2]


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; whatever goes wrong is told in one sentence."""
    as_json = "--json" in arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without µ is no reason to fail
    with _interrupts() as interrupted:
        try:
            status = _run(arguments)
        except (KeyboardInterrupt, typer.Abort):
            status = INTERRUPTED
        except _ParserError as error:
            return _tell(_usage(error), as_json=as_json)
        except QdmolError as error:
            return _tell(error, as_json=as_json)
        except Exception as error:  # noqa: BLE001  # the outermost frame: no traceback reaches a user
            if os.environ.get("QDMOL_DEBUG") == "1":
                traceback.print_exception(error)
            if not interrupted:
                return _tell(fault_of_surroundings(error) or _own_fault(error), as_json=as_json)
            status = INTERRUPTED
    if status == INTERRUPTED:  # Typer returns it too, for an interrupt that it has seen itself
        message("Interrupted.")
    return status


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Give a list that is not empty once the command was interrupted.

    Libraries turn an interrupt in the middle of an import or a callback into errors of their own, or print it.
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
    """Run one command; the reader of a pipe may go away (`qdmol materials NAME | head -1`), and is not told."""
    try:
        with _printed_by_the_parser(arguments):
            status = app(args=list(arguments), prog_name="qdmol", standalone_mode=False)
        flush()
    except BrokenPipeError:
        drop_stdout()
        return FAILED_WRITE
    except SystemExit as stop:  # Typer and rich end so on a broken pipe
        drop_stdout()
        return stop.code if isinstance(stop.code, int) else FAILED_WRITE
    return int(status or 0)


def _printed_by_the_parser(arguments: Sequence[str]) -> contextlib.AbstractContextManager[None]:
    """Help is printed by the parser, and may meet a closed or full standard output."""
    return standard_output() if {"--help", "-h"} & set(arguments) else contextlib.nullcontext()


def _tell(error: QdmolError, *, as_json: bool) -> int:
    """Say an error, on standard error and with ``--json`` as the object on standard output; return its status."""
    if as_json:
        with contextlib.suppress(OutputError, BrokenPipeError):  # the first error is the one to tell
            emit({"qdmol": 1, "error": error.as_dict()})
    message(str(error))
    return error.exit_code


def _usage(error: Exception) -> InputError:
    """Return the parser's complaint (an unknown option, a missing argument) as an input error."""
    said = re.sub(r"\s+", " ", error.format_message() if hasattr(error, "format_message") else str(error)).strip()
    option = getattr(error, "option_name", None)
    parameter = getattr(error, "param", None)
    if option is None and parameter is not None:
        option = getattr(parameter, "metavar", None) or max(getattr(parameter, "opts", ["option"]), key=len)
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "qdmol"
    allowed = f"as `{command} --help` says"
    sentence = f"{said.rstrip('.')}; see `{command} --help`."
    return InputError(field=str(option or "command"), value=None, allowed=allowed, message=sentence)


def _own_fault(error: Exception) -> QdmolError:
    said = re.sub(r"\s+", " ", str(error)).strip()
    what = f"{type(error).__name__}: {said[:200]}" if said else type(error).__name__
    return QdmolError(
        f"Something went wrong inside qdmol ({what}); set QDMOL_DEBUG=1 to see where, and please report it."
    )
