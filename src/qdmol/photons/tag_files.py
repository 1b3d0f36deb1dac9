"""Files of time tags: records of a time and a channel each, where a channel may be the laser's sync."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Integers
from qdmol.errors import DataError
from qdmol.photons.ordering import ordered
from qdmol.photons.raw_files import check_span, record_pieces, windows
from qdmol.photons.stream import PhotonStream, Provenance, Records
from qdmol.photons.synchronising import find_sync_channel

Tags = tuple[Integers, NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class TagFile:
    """Where the tags of a file are, and how a piece of them is decoded.

    Attributes
    ----------
    path : pathlib.Path
    dtype : numpy.dtype
        Of one record.
    offset, count : int
        Byte of the first record, and number of records.
    decode : callable
        Takes records, returns times in ticks, int64 (N,), and channels, uint8 (N,).
    tick_ps : float
        Length of a tick.
    """

    path: Path
    dtype: np.dtype[Any]
    offset: int
    count: int
    decode: Callable[[NDArray[Any]], Tags]
    tick_ps: float = 1.0

    def pieces(self, size: int) -> Iterator[NDArray[Any]]:
        """Give the records, `size` at a time."""
        return record_pieces(self.path, dtype=self.dtype, offset=self.offset, count=self.count, size=size)

    def windows(self) -> list[NDArray[Any]]:
        """Return records of the start, the middle and the end."""
        return windows(self.path, dtype=self.dtype, offset=self.offset, count=self.count)


def split_sync(times: Integers, channels: NDArray[np.uint8], *, sync_channel: int | None) -> Records:
    """Return tags as photons, and those of `sync_channel` as sync pulses."""
    if sync_channel is None:
        return Records(times=times, channels=channels)
    pulse = channels == sync_channel
    return Records(times=times[~pulse], channels=channels[~pulse], sync_times=times[pulse])


@dataclass(frozen=True, slots=True)
class TagSource:
    """Tags as photons and sync pulses, in the order of the file."""

    file: TagFile
    sync_channel: int | None

    def chunks(self, size: int) -> Iterator[Records]:
        """Give what is in `size` records after the other.

        Raises
        ------
        DataError
            A time lies so far from the first one that it cannot be one.
        """
        first: int | None = None
        for piece in self.file.pieces(size):
            times, channels = self.file.decode(piece)
            if len(times):
                first = int(times[0]) if first is None else first
                check_span(times, first=first, tick_ps=self.file.tick_ps)
            yield split_sync(times, channels, sync_channel=self.sync_channel)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a look at three places of a file shows.

    Attributes
    ----------
    channels : tuple of int
        Channels that occur.
    falls, looked_at : int
        Tags earlier than the one before them, of how many.
    sync : tuple or None
        Channel that holds a steady pulse, and its period in ticks.
    """

    channels: tuple[int, ...]
    falls: int
    looked_at: int
    sync: tuple[int, float] | None


def survey_tags(file: TagFile) -> Survey:
    """Look at the start, the middle and the end of a file.

    Raises
    ------
    DataError
        Records are of no known kind, or their times no measurement has.
    """
    parts = [file.decode(piece) for piece in file.windows()]
    parts = [(times, channels) for times, channels in parts if len(times)]
    if not parts:
        return Survey((), 0, 0, None)
    for times, _ in parts:
        check_span(times, first=int(parts[0][0][0]), tick_ps=file.tick_ps)
    times, channels = max(parts, key=lambda part: len(part[0]))
    order = np.argsort(times, kind="stable")
    return Survey(
        channels=tuple(int(c) for c in np.unique(np.concatenate([c for _, c in parts]))),
        falls=sum(int((t[1:] < t[:-1]).sum()) for t, _ in parts),
        looked_at=sum(len(t) for t, _ in parts),
        sync=find_sync_channel(times[order], channels[order], tick_ps=file.tick_ps),
    )


def stream_of_tags(
    file: TagFile,
    provenance: Provenance,
    *,
    rest: int,
    sync_channel: int | None,
    notes: Sequence[str] = (),
    noted: Callable[[Survey], Sequence[str]] = lambda _: (),
) -> PhotonStream:
    """Make the stream of a file of tags in ps after a look at it.

    Parameters
    ----------
    file : TagFile
        Its whole tags.
    provenance : Provenance
        Where they come from; the sync channel is added to its header.
    rest : int
        Bytes behind the last whole tag.
    sync_channel : int or None
        Channel of the sync pulses; None to look for a steady one.
    notes : sequence of str
        What the reader saw.
    noted : callable
        Gives notes on what the look shows.
    """
    said = [f"The file ends {rest} bytes into a tag, which is ignored."] if rest else []
    said += notes
    contradictions = []
    survey = Survey((), 0, 0, None)
    try:
        survey = survey_tags(file)
    except DataError as error:
        contradictions.append(str(error))
    if sync_channel is None and survey.sync is not None:
        sync_channel = survey.sync[0]
        said.append(f"Channel {sync_channel} contains periodic pulses and is taken as the sync channel.")
    said += noted(survey)
    if survey.falls:
        said.append(f"Tags are not in chronological order ({survey.falls} of {survey.looked_at}); they are sorted.")
    return PhotonStream(
        mode="T2",
        tick_ps=1.0,
        source=ordered(TagSource(file, sync_channel), mode="T2"),
        provenance=replace(provenance, header={**provenance.header, "sync_channel": sync_channel}),
        notes=tuple(said),
        truncated=rest != 0,
        unordered=survey.falls > 0,
        contradictions=tuple(contradictions),
    )
