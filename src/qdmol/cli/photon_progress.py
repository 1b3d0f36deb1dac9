"""How far an analysis of photons is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from qdmol.cli.console import message, printable

__all__ = ["photon_progress"]

EVERY = 5.0  # seconds between lines
Tell = Callable[[str, float], None]


@contextlib.contextmanager
def photon_progress(*, quiet: bool) -> Iterator[Tell | None]:
    """Give a function that shows what is being done and what fraction of it is, on standard error; None for nobody."""
    if quiet:
        yield None
    elif sys.stderr is not None and sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _lines()


@contextlib.contextmanager
def _bar() -> Iterator[Tell]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=1.0)

        def show(phase: str, fraction: float) -> None:
            bar.update(task, description=escape(printable(phase)), completed=fraction)

        yield show


def _lines() -> Tell:
    last = time.monotonic()

    def show(phase: str, fraction: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > EVERY:
            last = now
            message(f"{phase}: {100 * fraction:.0f} %")

    return show
