"""Swabian Instruments: raw time tags of 16 bytes.

A tag is its kind (unsigned 8-bit), a reserved byte, the number of missed events (unsigned 16-bit), the channel (signed
32-bit, negative for falling edges) and the time in ps (signed 64-bit), little-endian: the structure `Tag` of the Time
Tagger's C++ interface. Files of the instrument's own software (`.ttbin`) are compressed and are not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.errors import DataError
from qdmol.photons.raw_files import LONGEST_S, file_size, not_a_file_of
from qdmol.photons.stream import PhotonStream, Provenance
from qdmol.photons.tag_files import Survey, TagFile, stream_of_tags

KIND = "Swabian raw tags"
RECORD = np.dtype([("kind", "u1"), ("reserved", "u1"), ("missed", "<u2"), ("channel", "<i4"), ("time", "<i8")])
TAG, ERROR, OVERFLOW_BEGIN, OVERFLOW_END, MISSED = range(5)
HIGHEST_CHANNEL = 127
EXPORT = (
    "its layout is not public; export raw tags (with the Time Tagger software: FileReader, getData, then "
    "getTimestamps and getChannels) as text of the columns `channel` and `time_ps`"
)


def _decode(records: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
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
        raise not_a_file_of(KIND, path, why=EXPORT)
    if size < RECORD.itemsize:
        raise not_a_file_of(KIND, path, why="it is shorter than one tag")
    count, rest = divmod(size, RECORD.itemsize)
    file = TagFile(path, RECORD, 0, count, _decode)
    provenance = Provenance(format=KIND, record_type="Tag, 16 bytes", path=str(path), instrument="Time Tagger")
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
    tags = np.frombuffer(head, dtype=RECORD, count=min(len(head) // RECORD.itemsize, 100))
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
