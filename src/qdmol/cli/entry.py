"""The entry point: runs a command, and turns whatever goes wrong into one sentence and an exit status."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import traceback
from collections.abc import Sequence

import typer

from qdmol.cli import map_commands, photons_commands, spectrum_commands, spectrum_predict  # noqa: F401  # they add their verbs
from qdmol.cli.commands import app
from qdmol.cli.console import emit, flush, message
from qdmol.errors import InputError, OutputError, QdmolError

__all__ = ["run_command"]

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
        return _tell(_own_fault(error), as_json=as_json)
    if status == INTERRUPTED:  # Typer returns it too, for an interrupt that it has seen itself
        message("Interrupted.")
    return status


def _run(arguments: Sequence[str]) -> int:
    """Run one command; the reader of a pipe may go away (`qdmol materials NAME | head -1`), and is not told."""
    try:
        status = app(args=list(arguments), prog_name="qdmol", standalone_mode=False)
        flush()
    except BrokenPipeError:
        _drop_stdout()
        return FAILED_WRITE
    except SystemExit as stop:  # Typer and rich end so on a broken pipe
        _drop_stdout()
        return stop.code if isinstance(stop.code, int) else FAILED_WRITE
    return int(status or 0)


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


def _drop_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain about the pipe at exit."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: a standard output without a file behind it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
