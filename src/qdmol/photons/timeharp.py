"""TimeHarp 100 and 200: T3R files, with a header of fixed fields.

Layout after the format chapter of the manual of TimeHarp 200 (file versions 3.0, 5.0 and 6.0), PicoQuant GmbH. Two
things set the board apart. It starts at the photon and stops at the laser's next pulse, so that its delays run
backward. And it takes the photons' times from a clock of its own instead of counting the pulses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qdmol.files import open_input
from qdmol.photons.picoquant import (
    DISPLAY,
    INTEGER,
    MEASUREMENT,
    SINGLE,
    TEXTS,
    Fields,
    RecordFile,
    Recording,
    RecordKind,
    duration_s,
    integers,
    is_t2,
    opened,
    period_ps,
    provenance_of,
    refused,
    resolution_ps,
    stream_of,
)
from qdmol.photons.stream import PhotonStream, Records

KIND = RecordKind("TimeHarp 200 T3R", "T3", "timeharp_t3", 1 << 16)
LOOKED_AT = 1 << 16  # records in which the largest delay is looked for
LARGEST = 0xFFF

# TimeHarp's files before version 6.0 name the board where later ones name the program
TEXTS_OLD: Fields = [*TEXTS[:2], ("HardwareVersion", "S6"), *TEXTS[4:]]


def _fields(version: str) -> Fields:
    """Fields of a TimeHarp file up to its boards."""
    return [
        *(TEXTS if version == "6.0" else TEXTS_OLD),
        *integers("Channels", "Curves", "BitsPerRecord", "RoutingChannels", "Boards", "ActiveCurve"),
        *integers("MeasurementMode", "SubMode", "RangeNo"),
        *MEASUREMENT,
        *DISPLAY,
    ]


def _board(version: str) -> Fields:
    names: Fields = [("HardwareIdent", "S16"), ("HardwareVersion", "S8")] if version == "6.0" else []
    values = integers("HardwareSerial", "CFDZeroCross", "CFDDiscriminator", "SyncLevel", "CurveOffset")
    return [*names, *values, ("Resolution", SINGLE)]


RUN: Fields = [
    *integers("GlobalClock"),
    ("Reserved", INTEGER, (6,)),
    *integers("SyncRate", "CountRate", "StopAfter", "StopReason", "Records"),
]


@dataclass(frozen=True, slots=True)
class TurnedSource:
    """Records of the board with delays that run forward, and times in periods of the laser.

    Attributes
    ----------
    file : RecordFile
        The records as the board wrote them: times in ticks of its clock, delays from the photon to the next pulse.
    ratio : float
        Ticks of the clock in periods of the laser.
    latest : int
        The delay by the board that becomes 0.
    period : int
        Ticks of delay in a period of the laser; delays beyond `latest` belong to the end of it.
    """

    file: RecordFile
    ratio: float
    latest: int
    period: int

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the records; the number of a photon's period is right to about a tick of the clock."""
        for part in self.file.chunks(size):
            assert part.delays is not None
            delays = self.latest - part.delays.astype(np.int64)
            yield replace(
                part,
                times=self._periods(part.times),
                delays=np.where(delays < 0, delays + self.period, delays).clip(0).astype(np.uint32),
                marker_times=self._periods(part.marker_times),
            )

    def _periods(self, ticks: NDArray[np.int64]) -> NDArray[np.int64]:
        periods: NDArray[np.int64] = np.floor(ticks * self.ratio).astype(np.int64)
        return periods


def looks_like_timeharp(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Whether the first bytes are those of a TimeHarp 100 or 200 file (T3R)."""
    return head[:16].split(b"\0")[0] in (b"TimeHarp 200", b"TimeHarp 100")


def read_timeharp(path: Path) -> PhotonStream:
    """Open a file of TimeHarp 100 or 200: T3R, version 3.0, 5.0 or 6.0.

    The board gives its photons the times of a clock of its own, of 100 ns as a rule. They are expressed in periods of
    the
    laser by its rate; which pulse came before a photon is not known, and a note says so.

    Raises
    ------
    InputError
        The header is broken, of another version, or of a histogram.
    DataError
        The header does not define the units of the times.
    """
    cursor = opened(path)
    cursor.take(TEXTS[:2])
    version = cursor.header["FormatVersion"]
    if version not in ("3.0", "5.0", "6.0"):
        raise refused(path, f"is a TimeHarp file of version {version[:6]!r}; supported are 3.0, 5.0 and 6.0")
    cursor.offset = 0
    cursor.take(_fields(version))
    header = cursor.header
    if header["Boards"] != 1:
        raise refused(path, f"has a broken header: it counts {header['Boards']} boards")
    is_t2(path, header)
    cursor.take(_board(version))
    cursor.take(RUN)
    if version != "3.0":
        cursor.take(integers("ImageHeader"))
        cursor.skip_image_header()
    clock_ps = 1e3 * header["GlobalClock"]
    laser_ps = period_ps(header["SyncRate"])
    tick_ps = resolution_ps(header)

    def convert(file: RecordFile) -> TurnedSource:
        # only called once clock, period and resolution are known to be sound
        assert laser_ps is not None
        return TurnedSource(file, clock_ps / laser_ps, _latest_delay(file), round(laser_ps / tick_ps))

    return stream_of(
        Recording(
            path=path,
            kind=KIND,
            offset=cursor.offset,
            stated_records=header["Records"],
            tick_ps=tick_ps,
            sync_period_ps=laser_ps,
            stated_duration_s=duration_s(header),
            provenance=provenance_of(path, "T3R", KIND, header),
            notes=(
                f"This instrument measures times with a clock of {header['GlobalClock']} ns and does not count the "
                "pulses"
                " of the laser: photons of neighbouring pulses are not distinguished.",
            ),
            unit_ps=clock_ps,
            convert=convert,
        )
    )


def _latest_delay(file: RecordFile) -> int:
    """Return the largest delay among the first photons: that of those soonest after a pulse."""
    with open_input(file.path) as stream:
        stream.seek(file.offset)
        words = np.fromfile(stream, dtype="<u4", count=min(LOOKED_AT, file.count))
    delays = (words >> 16 & LARGEST)[words >> 30 & 1 == 1]
    return int(delays.max()) if len(delays) else LARGEST
