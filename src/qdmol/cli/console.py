"""What goes to the terminal: one object on standard output, messages and progress on standard error."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qdmol.errors import OutputError

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["emit", "flush", "message", "progress", "say", "show"]


def emit(data: Mapping[str, Any]) -> None:
    """Write one JSON object to standard output; never NaN."""
    text = json.dumps(data, allow_nan=False, indent=1)
    with _standard_output():
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


@contextlib.contextmanager
def _standard_output() -> Iterator[None]:
    """Turn a full disk behind standard output into an error in words; a closed pipe is no error."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"Standard output cannot be written: {error.strerror or error}.") from None


def message(text: str) -> None:
    """Write one line to standard error."""
    with contextlib.suppress(OSError):  # nobody reads the messages
        sys.stderr.write(text.rstrip("\n") + "\n")
        sys.stderr.flush()


def say(text: str) -> None:
    """Write one line to standard output."""
    with _standard_output():
        sys.stdout.write(text + "\n")


def flush() -> None:
    """Bring what was written to standard output to where it goes, or say that it cannot be."""
    with _standard_output():
        sys.stdout.flush()


def show(*renderables: RenderableType) -> None:
    """Write tables and text to standard output."""
    from rich.console import Console

    # a file or a pipe has no width; 120 columns keep the tables whole
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 120)
    with _standard_output():
        for renderable in renderables:
            console.print(renderable)
        sys.stdout.flush()


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Give a function that shows what is being done, on a terminal; None where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status("starting", spinner="dots") as status:
        yield status.update
