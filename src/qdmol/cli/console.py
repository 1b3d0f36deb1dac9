"""What goes to the terminal: one object on standard output, messages and progress on standard error."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["emit", "message", "progress", "show"]


def emit(data: Mapping[str, Any]) -> None:
    """Write one JSON object to standard output; never NaN."""
    sys.stdout.write(json.dumps(data, allow_nan=False, indent=1) + "\n")
    sys.stdout.flush()


def message(text: str) -> None:
    """Write one line to standard error."""
    with contextlib.suppress(BrokenPipeError):  # nobody reads the messages
        sys.stderr.write(text.rstrip("\n") + "\n")
        sys.stderr.flush()


def show(*renderables: RenderableType) -> None:
    """Write tables and text to standard output."""
    from rich.console import Console

    # a file or a pipe has no width; 120 columns keep the tables whole
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 120)
    for renderable in renderables:
        console.print(renderable)


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Give a function that shows what is being done, on a terminal; None where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status("starting", spinner="dots") as status:

        def say(text: str) -> None:
            status.update(text)

        yield say
