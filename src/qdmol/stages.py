"""Stages of a long calculation, reported to whoever listens.

A calculation names each stage where it begins, whatever room it is in; without a listener this costs nothing. Worker
processes have no listener.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str], None]

_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)
_PARTS: ContextVar[tuple[str, ...]] = ContextVar("parts", default=())


@contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Report the stages of calculations inside the block to a listener.

    >>> with listening(print), part("monomer 1 of 2"):
    ...     begin("levels")
    monomer 1 of 2: levels
    """
    listener_token, parts_token = _LISTENER.set(listener), _PARTS.set(())
    try:
        yield
    finally:
        _LISTENER.reset(listener_token)
        _PARTS.reset(parts_token)


@contextmanager
def part(name: str) -> Iterator[None]:
    """Name the part of the calculation that the stages inside the block belong to."""
    token = _PARTS.set((*_PARTS.get(), name))
    try:
        yield
    finally:
        _PARTS.reset(token)


def begin(stage: str) -> None:
    """Report that a stage begins, after the parts that it belongs to."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(": ".join((*_PARTS.get(), stage)))


def duration_text(seconds: float) -> str:
    """Return a duration as hours, minutes and seconds.

    >>> duration_text(72.3), duration_text(3725)
    ('1:12', '1:02:05')
    """
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
