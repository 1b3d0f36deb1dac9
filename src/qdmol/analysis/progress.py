"""How far an analysis is, seen from the photons that its passes have been handed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from qdmol.photons import PhotonStream, Records, Source

__all__ = ["Progress", "Stages", "watched"]

Progress = Callable[[str, float], object]


@dataclass(frozen=True, slots=True)
class _Watched:
    """A source that tells how many photons it has handed out."""

    source: Source
    tell: Callable[[int], object]

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the stretches of the source, and say of each that it is done when the next is asked for."""
        for records in self.source.chunks(size):
            yield records
            self.tell(len(records))


def watched(stream: PhotonStream, tell: Callable[[int], object]) -> PhotonStream:
    """Return the same stream; `tell` is called with the number of photons after each stretch of every pass."""
    return replace(stream, source=_Watched(stream.source, tell))


@dataclass(slots=True)
class Stages:
    """The stages of an analysis and how much of the work is done; it never goes back.

    Attributes
    ----------
    weights : Mapping of str to float
        Name of each stage and about how long it takes, in any unit.
    progress : callable or None
        Called with the stage and the fraction of all the work, 0 to 1.
    photons : int
        In one pass, as far as known.
    """

    weights: Mapping[str, float]
    progress: Progress | None = None
    photons: int = 0
    _done: float = field(default=0.0)
    _stage: str = field(default="")
    _seen: int = field(default=0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Go through one stage; its weight counts as done at the end, however it ends."""
        self._stage, self._seen = name, 0
        self._say(0.0)
        try:
            yield
        finally:
            self._done += self.weights.get(name, 0.0)
            self._stage = ""

    def saw(self, photons: int) -> None:
        """Count photons handed out in the running stage; of several passes the first one moves the bar."""
        self._seen += photons
        if self._stage and self.photons:
            self._say(min(self._seen / self.photons, 1.0))

    def finish(self) -> None:
        """Say that all is done."""
        if self.progress is not None:
            self.progress("done", 1.0)

    def _say(self, fraction: float) -> None:
        if self.progress is None:
            return
        whole = sum(self.weights.values())
        self.progress(self._stage, min((self._done + fraction * self.weights.get(self._stage, 0.0)) / whole, 1.0))
