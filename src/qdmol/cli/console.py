"""Output of the command line: results on standard output, messages and progress on standard error.

Everything printed passes through here. Names from files (columns, samples, material sets) may contain escape codes that
a terminal would execute; they are replaced by question marks.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from qdmol.errors import OutputError
from qdmol.files import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment


def emit(data: Mapping[str, object]) -> None:
    """Write one JSON object to standard output; never NaN."""
    _write(json.dumps(data, allow_nan=False, indent=1) + "\n")


def _write(text: str) -> None:
    """Write to standard output, all of it or an OutputError."""
    stream = sys.stdout
    with standard_output():
        buffer = getattr(stream, "buffer", None)
        if os.name == "posix" and isinstance(getattr(buffer, "raw", buffer), io.FileIO):
            # Without a buffer (PYTHONUNBUFFERED) Python ignores that a write at a file size limit was incomplete.
            stream.flush()
            unwritten = memoryview(text.encode(stream.encoding, errors="backslashreplace"))
            while unwritten:
                unwritten = unwritten[os.write(stream.fileno(), unwritten) :]
        else:
            stream.write(text)
            stream.flush()


@contextlib.contextmanager
def standard_output() -> Iterator[None]:
    """Turn a failed write to standard output into an OutputError; a closed pipe raises BrokenPipeError as usual."""
    if sys.stdout is None:  # closed by whoever started this process
        raise OutputError("Standard output cannot be written: it is closed.")
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_stdout()
        raise OutputError(f"Standard output cannot be written: {error.strerror or error}.") from None


def drop_stdout() -> None:
    """Discard buffered output, so that the interpreter does not report it at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # a standard output without a file behind it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def message(text: str) -> None:
    """Write one line to standard error."""
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError):  # nobody reads the messages
        sys.stderr.write(printable(text).rstrip("\n") + "\n")
        sys.stderr.flush()


def say(text: str) -> None:
    """Write one line to standard output."""
    _write(printable(text) + "\n")


def flush() -> None:
    """Flush standard output; OutputError if that fails."""
    if sys.stdout is not None:
        with standard_output():
            sys.stdout.flush()


class _Printable:
    """A renderable of rich without unprintable characters; its styles are kept."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
        from rich.segment import Segment

        for text, style, control in console.render(self._renderable, options):
            yield Segment(text if control else printable(text), style, control)


def show(*renderables: RenderableType) -> None:
    """Write tables and text to standard output."""
    from rich.console import Console

    with standard_output():
        on_terminal = sys.stdout.isatty()
    # a file or a pipe has no width; 120 columns keep the tables whole
    drawn = io.StringIO()
    console = Console(
        file=drawn, highlight=False, force_terminal=on_terminal or None, width=None if on_terminal else 120
    )
    for renderable in renderables:
        console.print(_Printable(renderable))
    _write(drawn.getvalue())


@contextlib.contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Yield a function that shows the current step on a terminal; None if standard error is not a terminal."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True, highlight=False).status("starting", spinner="dots") as status:
        yield lambda text: status.update(Text(printable(text)))
