"""quTAG (quTools): binary files of 40 bytes of header and 10 bytes a tag.

A tag is an unsigned 64-bit time in ps and an unsigned 16-bit channel, little-endian. Buffers of the channels are
written one behind the other, so that tags need not be in order of time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.errors import DataError
from qdmol.photons.raw_files import LONGEST_S, file_size, not_a_file_of, read_bytes
from qdmol.photons.stream import PhotonStream, Provenance
from qdmol.photons.tag_files import TagFile, stream_of_tags

KIND = "quTAG binary"
HEADER = 40
RECORD = np.dtype([("time", "<u8"), ("channel", "<u2")])
HIGHEST_CHANNEL = 127


def _decode(records: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
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
    if size < HEADER:
        raise not_a_file_of(KIND, path, why=f"it is shorter than its header of {HEADER} bytes")
    count, rest = divmod(size - HEADER, RECORD.itemsize)
    file = TagFile(path, RECORD, HEADER, count, _decode)
    provenance = Provenance(
        format=KIND,
        record_type="time and channel, 10 bytes",
        path=str(path),
        instrument="quTAG",
        header={"header_bytes": read_bytes(path, HEADER).hex()},
    )
    return stream_of_tags(file, provenance, rest=rest, sync_channel=sync_channel)


def looks_like_qutag(head: bytes, path: Path) -> bool:
    """Whether a file may be one: its first tags must have channels of the instrument and times near each other."""
    if len(head) < HEADER + RECORD.itemsize:
        return path.suffix.lower() == ".qutag" and len(head) >= HEADER
    tags = np.frombuffer(head[HEADER:], dtype=RECORD, count=min((len(head) - HEADER) // RECORD.itemsize, 100))
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
