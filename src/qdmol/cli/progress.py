"""Progress of maps, batches and photon analyses: a bar on a terminal, otherwise a line every few seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from qdmol.cli.console import message
from qdmol.files import printable
from qdmol.stages import duration_text

if TYPE_CHECKING:
    from qdmol.jobs import State


INTERVAL = 5.0  # seconds between lines


@contextlib.contextmanager
def map_progress(*, quiet: bool, unit: str = "points") -> Iterator[Callable[[State], None] | None]:
    """Yield a function that shows the progress of a run on standard error, in points or another unit; None if quiet."""
    if quiet:
        yield None
    elif sys.stderr is not None and sys.stderr.isatty():
        with _map_bar(unit) as show:
            yield show
    else:
        yield _map_lines(unit)


@contextlib.contextmanager
def _map_bar(unit: str) -> Iterator[Callable[[State], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    class Remaining(ProgressColumn):
        """The estimated time to the end, which runs on between two points."""

        def render(self, task: Task) -> Text:
            return Text(remaining_text(task.fields["end"]))

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[counts]}"), Remaining())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("planning", total=None, counts="", end=None)

        def show(state: State) -> None:
            end = None if state.left is None else time.monotonic() + state.left
            counts = _count_text(replace(state, left=None), unit)
            bar.update(task, description=state.phase, total=state.total, completed=state.done, counts=counts, end=end)

        yield show


def remaining_text(end: float | None) -> str:
    """Return the time from now to an end on the monotonic clock; empty if the end is unknown."""
    return "" if end is None else f"{duration_text(max(end - time.monotonic(), 0.0))} left"


def _map_lines(unit: str) -> Callable[[State], None]:
    last = time.monotonic()

    def show(state: State) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > INTERVAL:
            last = now
            message(progress_line(state, unit))

    return show


def progress_line(state: State, unit: str = "points") -> str:
    """Return, for example, ``computing: 120 of 400 points, 3 without numbers, 0:12 left``."""
    return f"{state.phase}: {_count_text(state, unit)}"


def _count_text(state: State, unit: str) -> str:
    text = f"{state.done} of {state.total} {unit}"
    if state.failed:
        text += f", {state.failed} failed"
    return text if state.left is None else f"{text}, {duration_text(state.left)} left"


Tell = Callable[[str, float], None]


@contextlib.contextmanager
def photon_progress(*, quiet: bool) -> Iterator[Tell | None]:
    """Yield a function that shows the current step and its completed fraction on standard error; None if quiet."""
    if quiet:
        yield None
    elif sys.stderr is not None and sys.stderr.isatty():
        with _photon_bar() as show:
            yield show
    else:
        yield _photon_lines()


@contextlib.contextmanager
def _photon_bar() -> Iterator[Tell]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=1.0)

        def show(phase: str, fraction: float) -> None:
            bar.update(task, description=escape(printable(phase)), completed=fraction)

        yield show


def _photon_lines() -> Tell:
    last = time.monotonic()

    def show(phase: str, fraction: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > INTERVAL:
            last = now
            message(f"{phase}: {100 * fraction:.0f} %")

    return show
