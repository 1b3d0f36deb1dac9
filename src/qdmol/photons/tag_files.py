"""Files of time tags: records of a time and a channel each, where a channel may be the laser's sync.

Swabian Instruments: raw time tags of 16 bytes. A tag is its kind (unsigned 8-bit), a reserved byte, the number of
missed events (unsigned 16-bit), the channel (signed 32-bit, negative for falling edges) and the time in ps (signed
64-bit), little-endian: the structure `Tag` of the Time Tagger's C++ interface. Files of the instrument's own software
(``.ttbin``) are compressed and are not read.

quTAG (quTools): 40 bytes of header and tags of 10 bytes. A tag is an unsigned 64-bit time in ps and an unsigned 16-bit
channel, little-endian. Buffers of the channels are written one behind the other, so that tags need not be in order of
time.
"""

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
from qdmol.photons.raw_files import LONGEST_S, check_span, file_size, not_a_file_of, read_bytes, record_pieces, windows
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


SWABIAN_KIND = "Swabian raw tags"
SWABIAN_RECORD = np.dtype([("kind", "u1"), ("reserved", "u1"), ("missed", "<u2"), ("channel", "<i4"), ("time", "<i8")])
TAG, ERROR, OVERFLOW_BEGIN, OVERFLOW_END, MISSED = range(5)
HIGHEST_CHANNEL = 127
EXPORT = (
    "its layout is not public; export raw tags (with the Time Tagger software: FileReader, getData, then "
    "getTimestamps and getChannels) as text of the columns `channel` and `time_ps`"
)


def _decode_swabian(records: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    kinds = records["kind"]
    if len(records) and int(kinds.max()) > MISSED:
        raise DataError(f"A record has the kind {int(kinds.max())}, which does not exist: the records are damaged.")
    tags = records if not kinds.any() else records[kinds == TAG]
    channels = tags["channel"]
    if len(tags) and (int(channels.max()) > HIGHEST_CHANNEL or int(channels.min()) < -HIGHEST_CHANNEL):
        worst = max(int(channels.max()), int(channels.min()), key=abs)
        raise DataError(f"A tag has channel {worst}, which the instrument does not have: the records are damaged.")
    # falling edges get numbers of their own above those of the inputs
    numbers = np.where(channels >= 0, channels, 128 - channels)
    return tags["time"].astype(np.int64), numbers.astype(np.uint8)


def _losses(file: TagFile) -> list[str]:
    """Sentences about what the instrument says it lost, among the records looked at."""
    parts = file.windows()
    looked_at = sum(len(part) for part in parts)
    overflows = sum(int((part["kind"] == OVERFLOW_BEGIN).sum()) for part in parts)
    missed = sum(int(part["missed"][part["kind"] == MISSED].sum()) for part in parts)
    errors = sum(int((part["kind"] == ERROR).sum()) for part in parts)
    said = [
        (overflows, f"{overflows} times the instrument overflowed and lost tags"),
        (missed, f"{missed} tags were counted but not recorded"),
        (errors, f"{errors} records report a clock failure"),
    ]
    return [f"Among {looked_at} records: {sentence}." for number, sentence in said if number]


def read_swabian(path: Path, *, sync_channel: int | None = None) -> PhotonStream:
    """Read a file of raw 16-byte tags.

    Channels keep the numbers of the file; the falling edge of input n is channel 128 + n. The channel that holds a
    steady pulse is taken as the laser's sync.

    Parameters
    ----------
    path
        The file.
    sync_channel
        Channel of the sync pulses, numbered as above; found if None.

    Returns
    -------
    PhotonStream
        Mode T2 with ticks of 1 ps.

    Raises
    ------
    InputError
        There is no such file, it is empty, or it is a `.ttbin` file.
    """
    size = file_size(path)
    if path.suffix.lower() == ".ttbin":
        raise not_a_file_of(SWABIAN_KIND, path, why=EXPORT)
    if size < SWABIAN_RECORD.itemsize:
        raise not_a_file_of(SWABIAN_KIND, path, why="it is shorter than one tag")
    count, rest = divmod(size, SWABIAN_RECORD.itemsize)
    file = TagFile(path, SWABIAN_RECORD, 0, count, _decode_swabian)
    provenance = Provenance(format=SWABIAN_KIND, record_type="Tag, 16 bytes", path=str(path), instrument="Time Tagger")
    return stream_of_tags(
        file, provenance, rest=rest, sync_channel=sync_channel, notes=_losses(file), noted=_falling_edges
    )


def _falling_edges(survey: Survey) -> list[str]:
    falling = [channel - 128 for channel in survey.channels if channel > 128]
    if not falling:
        return []
    return [f"Falling edges of the inputs {falling} are the channels {[128 + n for n in falling]}."]


def looks_like_swabian(head: bytes, path: Path) -> bool:
    """Whether a file may be one: kinds, reserved bytes, channels and times of its first tags must all be possible."""
    if path.suffix.lower() == ".ttbin":
        return True  # so that reading it can say what to do
    tags = np.frombuffer(head, dtype=SWABIAN_RECORD, count=min(len(head) // SWABIAN_RECORD.itemsize, 100))
    if not len(tags):
        return False
    times = tags["time"].astype(np.float64)
    return bool(
        (tags["kind"] <= MISSED).all()
        and not tags["reserved"].any()
        and (np.abs(tags["channel"].astype(np.int64)) <= HIGHEST_CHANNEL).all()
        and tags["channel"].any()
        and np.ptp(times) * 1e-12 < LONGEST_S
        and (len(tags) == 1 or (np.diff(times) >= 0).mean() > 0.9)
    )


QUTAG_KIND = "quTAG binary"
QUTAG_HEADER = 40
QUTAG_RECORD = np.dtype([("time", "<u8"), ("channel", "<u2")])


def _decode_qutag(records: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    channels = records["channel"]
    times = records["time"].astype(np.int64)
    if len(records) and int(channels.max()) > HIGHEST_CHANNEL:
        raise DataError(
            f"A tag has channel {int(channels.max())}, which a quTAG does not have: the records are damaged."
        )
    if len(records) and int(times.min()) < 0:
        raise DataError("The time of a tag exceeds the range of the quTAG clock: the records are damaged.")
    return times, channels.astype(np.uint8)


def read_qutag(path: Path, *, sync_channel: int | None = None) -> PhotonStream:
    """Read a binary file of a quTAG.

    Channels keep the numbers of the file. The file does not say which channel is the laser's sync: it is the one that
    holds a steady pulse.

    Parameters
    ----------
    path
        The file.
    sync_channel
        Channel of the sync pulses; found if None.

    Returns
    -------
    PhotonStream
        Mode T2 with ticks of 1 ps, in order of time; tags of the sync channel are `Records.sync_times`.

    Raises
    ------
    InputError
        There is no such file, or it is shorter than its header.
    """
    size = file_size(path)
    if size < QUTAG_HEADER:
        raise not_a_file_of(QUTAG_KIND, path, why=f"it is shorter than its header of {QUTAG_HEADER} bytes")
    count, rest = divmod(size - QUTAG_HEADER, QUTAG_RECORD.itemsize)
    file = TagFile(path, QUTAG_RECORD, QUTAG_HEADER, count, _decode_qutag)
    provenance = Provenance(
        format=QUTAG_KIND,
        record_type="time and channel, 10 bytes",
        path=str(path),
        instrument="quTAG",
        header={"header_bytes": read_bytes(path, QUTAG_HEADER).hex()},
    )
    return stream_of_tags(file, provenance, rest=rest, sync_channel=sync_channel)


def looks_like_qutag(head: bytes, path: Path) -> bool:
    """Whether a file may be one: its first tags must have channels of the instrument and times near each other."""
    if len(head) < QUTAG_HEADER + QUTAG_RECORD.itemsize:
        return path.suffix.lower() == ".qutag" and len(head) >= QUTAG_HEADER
    tags = np.frombuffer(
        head[QUTAG_HEADER:], dtype=QUTAG_RECORD, count=min((len(head) - QUTAG_HEADER) // QUTAG_RECORD.itemsize, 100)
    )
    if path.suffix.lower() == ".qutag":
        return True
    times = tags["time"].astype(np.float64)
    return bool(
        len(tags) > 3
        and tags["channel"].max() <= 32
        and tags["time"].max() > 0
        and np.ptp(times) * 1e-12 < LONGEST_S
        and (np.diff(times) >= 0).mean() > 0.9
    )
