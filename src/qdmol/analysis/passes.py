"""Passes over a stream of photons, shared by everything that counts in them.

A tally counts photons: `add` takes each chunk of its stream, `result` gives what was counted. A computation that needs
counts is written as a generator that yields tallies and is resumed with their results, so that computations that are
ready at the same time share one pass.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from qdmol.errors import QdmolError
from qdmol.photons import CHUNK, PhotonStream, Records

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Tally(Protocol[T_co]):
    """Counts over one pass through a stream."""

    @property
    def stream(self) -> PhotonStream:
        """Stream whose photons are counted."""
        ...

    def add(self, records: Records) -> None:
        """Count the next chunk of the stream."""
        ...

    def result(self) -> T_co:
        """Result of the counts, once the stream is at its end."""
        ...


# What is yielded: a tally, or (in an analysis) the class of the stage whose result is needed. What comes back differs
# from one to the other; `counted` and `qdmol.analysis.stages.result_of` give it its type.
Steps = Generator[Any, Any, T]


def counted(tally: Tally[T]) -> Steps[T]:
    """Ask for one pass: ``histogram = yield from counted(tally)``."""
    result: T = yield tally
    return result


def counted_together(tallies: Sequence[Tally[T]]) -> Steps[list[T]]:
    """Ask for one pass that feeds several tallies."""
    if not tallies:
        return []
    results: list[T] = yield tuple(tallies)
    return results


def count(tally: Tally[T], *, chunk: int = CHUNK) -> T:
    """Go through the stream of a tally once and return its result."""
    for records in tally.stream.chunks(chunk):
        tally.add(records)
    return tally.result()


def complete(steps: Steps[T], *, chunk: int = CHUNK) -> T:
    """Run a computation alone, with passes of its own."""
    answer: object = None
    while True:
        try:
            request = steps.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        group = request if isinstance(request, tuple) else (request,)
        answers = share_pass(group, chunk=chunk)
        failed = next((each for each in answers if isinstance(each, QdmolError)), None)
        if failed is not None:
            raise failed
        answer = answers if isinstance(request, tuple) else answers[0]


def share_pass(tallies: Sequence[Tally[object]], *, chunk: int = CHUNK) -> list[object]:
    """Count in as few passes as there are streams; the results, or in place of each that failed its error.

    Errors of a stream are those of all its tallies.
    """
    failed: dict[int, QdmolError] = {}
    for stream in _distinct(tally.stream for tally in tallies):
        group = [k for k, tally in enumerate(tallies) if tally.stream is stream]
        try:
            for records in stream.chunks(chunk):
                for k in group:
                    if k not in failed:
                        _add(tallies[k], records, failed, k)
        except QdmolError as error:
            failed |= {k: error for k in group if k not in failed}
    return [failed[k] if k in failed else _result(tally) for k, tally in enumerate(tallies)]


def _add(tally: Tally[object], records: Records, failed: dict[int, QdmolError], number: int) -> None:
    try:
        tally.add(records)
    except QdmolError as error:
        failed[number] = error


def _result(tally: Tally[object]) -> object:
    try:
        return tally.result()
    except QdmolError as error:
        return error


def _distinct(streams: Iterable[PhotonStream]) -> list[PhotonStream]:
    distinct: list[PhotonStream] = []
    for stream in streams:
        if not any(stream is other for other in distinct):
            distinct.append(stream)
    return distinct
