"""PicoQuant's files from before PTU: HT2, HT3, PT2, PT3 and T3R, with a header of fixed fields.

Layouts after the format chapters of the manuals of HydraHarp 400 (file versions 1.0 and 2.0) and PicoHarp 300 (2.0),
PicoQuant GmbH. The first 16 bytes of a file identify its format.

T3R is the format of TimeHarp 100 and 200. Layout after the format chapter of the manual of TimeHarp 200 (file versions
3.0, 5.0 and 6.0), PicoQuant GmbH. Two things set the board apart. It starts at the photon and stops at the laser's next
pulse, so that its delays run backward. And it takes the photons' times from a clock of its own instead of counting the
pulses.
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
    DOUBLE,
    INTEGER,
    MEASUREMENT,
    RECORD_KINDS,
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

MOST_INPUTS = 64
TICK_PICOHARP_PS = 4.0
# T2 runs on the base clock, whatever the width of the bins on screen; version 1 counts it twice
TICKS_HYDRAHARP_PS = {"1.0": 0.5, "2.0": 1.0}

HYDRAHARP: Fields = [
    *TEXTS,
    *integers("Curves", "BitsPerRecord", "ActiveCurve", "MeasurementMode", "SubMode", "Binning"),
    ("Resolution", DOUBLE),
    *MEASUREMENT,
    *DISPLAY,
    ("HardwareIdent", "S16"),
    ("HardwarePartNo", "S8"),
    *integers("HardwareSerial", "Modules"),
    ("ModuleInfo", INTEGER, (10, 2)),
    ("BaseResolution", DOUBLE),
    ("InputsEnabled", "<i8"),
    *integers("Inputs", "RefClockSource", "ExtDevices", "MarkerSettings"),
    *integers("SyncDivider", "SyncCFDLevel", "SyncCFDZeroCross", "SyncOffset"),
]
HYDRAHARP_RUN: Fields = [*integers("SyncRate", "StopAfter", "StopReason", "ImageHeader"), ("Records", "<i8")]
PICOHARP: Fields = [
    *TEXTS,
    *integers("Curves", "BitsPerRecord", "RoutingChannels", "Boards", "ActiveCurve", "MeasurementMode", "SubMode"),
    *integers("RangeNo"),
    *MEASUREMENT,
    *DISPLAY,
    ("HardwareIdent", "S16"),
    ("HardwareVersion", "S8"),
    *integers("HardwareSerial", "SyncDivider", "CFDZeroCross0", "CFDLevel0", "CFDZeroCross1", "CFDLevel1"),
    ("Resolution", SINGLE),
    *integers("RouterModel", "RouterEnabled"),
    ("RouterChannels", INTEGER, (4, 6)),
    *integers("ExtDevices", "Reserved1", "Reserved2", "InputRate0", "InputRate1", "StopAfter", "StopReason"),
    *integers("Records", "ImageHeader"),
]


def looks_like_hydraharp(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Whether the first bytes are those of a HydraHarp file before PTU (HT2, HT3)."""
    return head[:16].split(b"\0")[0] == b"HydraHarp"


def looks_like_picoharp(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Whether the first bytes are those of a PicoHarp file before PTU (PT2, PT3)."""
    return head[:16].split(b"\0")[0] == b"PicoHarp 300"


def read_hydraharp(path: Path) -> PhotonStream:
    """Open a file of HydraHarp before PTU: HT2 or HT3, version 1.0 or 2.0.

    Raises
    ------
    InputError
        The header is broken, of another version, or of a histogram.
    DataError
        The header does not define the units of the times.
    """
    cursor = opened(path)
    cursor.take(HYDRAHARP)
    header = cursor.header
    version = header["FormatVersion"]
    if version not in TICKS_HYDRAHARP_PS:
        raise refused(path, f"is a HydraHarp file of version {version[:6]!r}; supported are 1.0 and 2.0")
    t2 = is_t2(path, header)
    inputs = header["Inputs"]
    if not 0 <= inputs <= MOST_INPUTS:
        raise refused(path, f"has a broken header: it counts {inputs} inputs")
    if inputs > 0:
        cursor.take([("InputSettings", INTEGER, (inputs, 4)), ("InputRates", INTEGER, (inputs,))])
    cursor.take(HYDRAHARP_RUN)
    cursor.skip_image_header()
    number = (0x00010204 if t2 else 0x00010304) + (0x01000000 if version == "2.0" else 0)
    return stream_of(
        Recording(
            path=path,
            kind=RECORD_KINDS[number],
            offset=cursor.offset,
            stated_records=header["Records"],
            tick_ps=TICKS_HYDRAHARP_PS[version] if t2 else header["Resolution"],
            sync_period_ps=period_ps(header["SyncRate"]),
            stated_duration_s=duration_s(header),
            provenance=provenance_of(path, "HT2" if t2 else "HT3", RECORD_KINDS[number], header),
        )
    )


def read_picoharp(path: Path) -> PhotonStream:
    """Open a file of PicoHarp 300 before PTU: PT2 or PT3, version 2.0.

    Raises
    ------
    InputError
        The header is broken, of another version, or of a histogram.
    DataError
        The header does not define the units of the times.
    """
    cursor = opened(path)
    cursor.take(PICOHARP)
    header = cursor.header
    if header["FormatVersion"] != "2.0":
        raise refused(path, f"is a PicoHarp file of version {header['FormatVersion'][:6]!r}; known is 2.0")
    t2 = is_t2(path, header)
    cursor.skip_image_header()
    kind = RECORD_KINDS[0x00010203 if t2 else 0x00010303]
    return stream_of(
        Recording(
            path=path,
            kind=kind,
            offset=cursor.offset,
            stated_records=header["Records"],
            tick_ps=TICK_PICOHARP_PS if t2 else resolution_ps(header),
            # in T2 both inputs see photons
            sync_period_ps=None if t2 else period_ps(header["InputRate0"]),
            stated_duration_s=duration_s(header),
            provenance=provenance_of(path, "PT2" if t2 else "PT3", kind, header),
        )
    )


KIND = RecordKind("TimeHarp 200 T3R", "T3", "timeharp_t3", 1 << 16)
LOOKED_AT = 1 << 16  # records in which the largest delay is looked for
LARGEST = 0xFFF

# TimeHarp's files before version 6.0 name the board where later ones name the program
TEXTS_OLD: Fields = [*TEXTS[:2], ("HardwareVersion", "S6"), *TEXTS[4:]]


def timeharp_fields(version: str) -> Fields:
    """Return the fields of a TimeHarp file up to its boards."""
    return [
        *(TEXTS if version == "6.0" else TEXTS_OLD),
        *integers("Channels", "Curves", "BitsPerRecord", "RoutingChannels", "Boards", "ActiveCurve"),
        *integers("MeasurementMode", "SubMode", "RangeNo"),
        *MEASUREMENT,
        *DISPLAY,
    ]


def timeharp_board(version: str) -> Fields:
    """Return the fields of a TimeHarp board."""
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
    cursor.take(timeharp_fields(version))
    header = cursor.header
    if header["Boards"] != 1:
        raise refused(path, f"has a broken header: it counts {header['Boards']} boards")
    is_t2(path, header)
    cursor.take(timeharp_board(version))
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
