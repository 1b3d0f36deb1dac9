"""The entry point: runs a command, and turns whatever goes wrong into one sentence and an exit status."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import typer

from qdmol.cli.commands import app
from qdmol.cli.console import emit, message
from qdmol.errors import InputError, QdmolError

__all__ = ["main", "run_command"]

INTERRUPTED = 130
OWN_FAULT = 1
FAILED_WRITE = 1

# The parser's errors: Typer exports one of them only, whose grandparent is the root of all in every version
_ParserError: type[Exception] = typer.BadParameter.__mro__[2]


def main() -> NoReturn:
    """Run the command line of this process, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without µ is no reason to fail
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; nothing but a broken interpreter raises."""
    as_json = "--json" in arguments
    try:
        status = app(args=list(arguments), prog_name="qdmol", standalone_mode=False)
        sys.stdout.flush()
        return int(status or 0)
    except (KeyboardInterrupt, typer.Abort):
        message("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader went away (`qdmol materials NAME | head -1`)
        _drop_stdout()
        return FAILED_WRITE
    except SystemExit as stop:  # Typer and rich end so on a broken pipe
        _drop_stdout()
        return stop.code if isinstance(stop.code, int) else FAILED_WRITE
    except QdmolError as error:
        return _report(error, as_json=as_json)
    except _ParserError as error:
        return _report(_usage(error), as_json=as_json)
    except Exception as error:  # noqa: BLE001  # the outermost frame: no traceback reaches a user
        return _own_fault(error, as_json=as_json)


def _report(error: QdmolError, *, as_json: bool) -> int:
    if as_json:
        emit({"qdmol": 1, "error": error.as_dict()})
    message(str(error))
    return error.exit_code


def _usage(error: Exception) -> InputError:
    """Return the parser's complaint (an unknown option, a missing argument) as an input error."""
    said = re.sub(r"\s+", " ", error.format_message() if hasattr(error, "format_message") else str(error)).strip()
    option = getattr(error, "option_name", None)
    parameter = getattr(error, "param", None)
    if option is None and parameter is not None:
        option = max([*parameter.opts, parameter.human_readable_name], key=len)
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "qdmol"
    allowed = f"as `{command} --help` says"
    sentence = f"{said.rstrip('.')}; see `{command} --help`."
    return InputError(field=str(option or "command"), value=None, allowed=allowed, message=sentence)


def _own_fault(error: Exception, *, as_json: bool) -> int:
    said = re.sub(r"\s+", " ", str(error)).strip()
    sentence = (
        f"Something went wrong inside qdmol ({type(error).__name__}{': ' + said[:200] if said else ''}); "
        "set QDMOL_DEBUG=1 to see where, and please report it."
    )
    if as_json:
        emit({"qdmol": 1, "error": {"field": None, "value": None, "allowed": None, "message": sentence}})
    message(sentence)
    if os.environ.get("QDMOL_DEBUG") == "1":
        traceback.print_exception(error)
    return OWN_FAULT


def _drop_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain about the pipe at exit."""
    with contextlib.suppress(OSError):
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")
