"""PicoQuant's files from before PTU: HT2, HT3, PT2, PT3 and T3R, with a header of fixed fields.

Layouts after the format chapters of the manuals of HydraHarp 400 (file versions 1.0 and 2.0), PicoHarp 300 (2.0) and
TimeHarp 200 (3.0, 5.0 and 6.0), PicoQuant GmbH. A file says what it is in its first 16 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qdmol.photons.picoquant import RECORD_KINDS, Recording, RecordKind, refused, stream_of
from qdmol.photons.stream import PhotonStream, Provenance

__all__ = [
    "looks_like_hydraharp",
    "looks_like_picoharp",
    "looks_like_timeharp",
    "read_hydraharp",
    "read_picoharp",
    "read_timeharp",
]

Fields = list[tuple[Any, ...]]

LONGEST_HEADER = 1 << 16
INTEGER, SINGLE, DOUBLE = "<i4", "<f4", "<f8"
MOST_INPUTS = 64
TICK_PICOHARP_PS = 4.0
# T2 runs on the base clock, whatever the width of the bins on screen; version 1 counts it twice
TICKS_HYDRAHARP_PS = {"1.0": 0.5, "2.0": 1.0}
TIMEHARP = RecordKind("TimeHarp 200 T3R", "T3", "timeharp_t3", 1 << 16)


def _integers(*names: str) -> Fields:
    return [(name, INTEGER) for name in names]


DISPLAY: Fields = [
    *_integers("DisplayLinLog", "DisplayTimeFrom", "DisplayTimeTo", "DisplayCountFrom", "DisplayCountTo"),
    ("DisplayCurves", INTEGER, (8, 2)),
    ("Parameters", SINGLE, (3, 3)),
    *_integers("RepeatMode", "RepeatsPerCurve", "RepeatTime", "RepeatWaitTime"),
    ("ScriptName", "S20"),
]
TEXTS: Fields = [
    ("Ident", "S16"),
    ("FormatVersion", "S6"),
    ("CreatorName", "S18"),
    ("CreatorVersion", "S12"),
    ("FileTime", "S18"),
    ("LineEnd", "S2"),
    ("Comment", "S256"),
]
# TimeHarp's files before version 6.0 name the board where later ones name the program
TEXTS_OLD: Fields = [*TEXTS[:2], ("HardwareVersion", "S6"), *TEXTS[4:]]
MEASUREMENT: Fields = _integers("Offset", "AcquisitionTime", "StopAt", "StopOnOverflow", "Restart")

HYDRAHARP: Fields = [
    *TEXTS,
    *_integers("Curves", "BitsPerRecord", "ActiveCurve", "MeasurementMode", "SubMode", "Binning"),
    ("Resolution", DOUBLE),
    *MEASUREMENT,
    *DISPLAY,
    ("HardwareIdent", "S16"),
    ("HardwarePartNo", "S8"),
    *_integers("HardwareSerial", "Modules"),
    ("ModuleInfo", INTEGER, (10, 2)),
    ("BaseResolution", DOUBLE),
    ("InputsEnabled", "<i8"),
    *_integers("Inputs", "RefClockSource", "ExtDevices", "MarkerSettings"),
    *_integers("SyncDivider", "SyncCFDLevel", "SyncCFDZeroCross", "SyncOffset"),
]
HYDRAHARP_RUN: Fields = [*_integers("SyncRate", "StopAfter", "StopReason", "ImageHeader"), ("Records", "<i8")]
PICOHARP: Fields = [
    *TEXTS,
    *_integers("Curves", "BitsPerRecord", "RoutingChannels", "Boards", "ActiveCurve", "MeasurementMode", "SubMode"),
    *_integers("RangeNo"),
    *MEASUREMENT,
    *DISPLAY,
    ("HardwareIdent", "S16"),
    ("HardwareVersion", "S8"),
    *_integers("HardwareSerial", "SyncDivider", "CFDZeroCross0", "CFDLevel0", "CFDZeroCross1", "CFDLevel1"),
    ("Resolution", SINGLE),
    *_integers("RouterModel", "RouterEnabled"),
    ("RouterChannels", INTEGER, (4, 6)),
    *_integers("ExtDevices", "Reserved1", "Reserved2", "InputRate0", "InputRate1", "StopAfter", "StopReason"),
    *_integers("Records", "ImageHeader"),
]


def _timeharp(version: str) -> Fields:
    """Fields of a TimeHarp file up to its boards."""
    return [
        *(TEXTS if version == "6.0" else TEXTS_OLD),
        *_integers("Channels", "Curves", "BitsPerRecord", "RoutingChannels", "Boards", "ActiveCurve"),
        *_integers("MeasurementMode", "SubMode", "RangeNo"),
        *MEASUREMENT,
        *DISPLAY,
    ]


def _timeharp_board(version: str) -> Fields:
    names: Fields = [("HardwareIdent", "S16"), ("HardwareVersion", "S8")] if version == "6.0" else []
    values = _integers("HardwareSerial", "CFDZeroCross", "CFDDiscriminator", "SyncLevel", "CurveOffset")
    return [*names, *values, ("Resolution", SINGLE)]


TIMEHARP_RUN: Fields = [
    *_integers("GlobalClock"),
    ("Reserved", INTEGER, (6,)),
    *_integers("SyncRate", "CountRate", "StopAfter", "StopReason", "Records"),
]


@dataclass(slots=True)
class _Cursor:
    """Takes fields off the head of a file, one group after the other."""

    path: Path
    head: bytes
    offset: int = 0
    header: dict[str, Any] = field(default_factory=dict)

    def take(self, fields: Fields) -> None:
        """Read a group of fields into the header."""
        layout = np.dtype(fields)
        if self.offset + layout.itemsize > len(self.head):
            raise refused(self.path, "ends within its header")
        row = np.frombuffer(self.head, layout, 1, self.offset)[0]
        self.header |= {name: _plain(row[name]) for name in layout.names or ()}
        self.offset += layout.itemsize

    def skip_image_header(self) -> None:
        """Pass over the words of the scanner, whose number the header states."""
        words = self.header["ImageHeader"]
        size = self.path.stat().st_size
        if not 0 <= 4 * words <= size - self.offset:
            raise refused(self.path, "has a broken header: its part for images reaches beyond the end of the file")
        self.offset += 4 * words


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        # written in the signs of the system, so that a micro sign is one byte
        return value.split(b"\0")[0].decode("latin-1").strip()
    return value.tolist()


def _opened(path: Path) -> _Cursor:
    try:
        with path.open("rb") as stream:
            return _Cursor(path, stream.read(LONGEST_HEADER))
    except OSError as error:
        raise refused(path, f"cannot be read: {error.strerror}") from error


def looks_like_hydraharp(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Whether the first bytes are those of a HydraHarp file before PTU (HT2, HT3)."""
    return head[:16].split(b"\0")[0] == b"HydraHarp"


def looks_like_picoharp(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Whether the first bytes are those of a PicoHarp file before PTU (PT2, PT3)."""
    return head[:16].split(b"\0")[0] == b"PicoHarp 300"


def looks_like_timeharp(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Whether the first bytes are those of a TimeHarp 100 or 200 file (T3R)."""
    return head[:16].split(b"\0")[0] in (b"TimeHarp 200", b"TimeHarp 100")


def read_hydraharp(path: Path) -> PhotonStream:
    """Open a file of HydraHarp before PTU: HT2 or HT3, version 1.0 or 2.0.

    Raises
    ------
    InputError
        The header is broken, of another version, or of a histogram.
    DataError
        The header gives the times no scale.
    """
    cursor = _opened(path)
    cursor.take(HYDRAHARP)
    header = cursor.header
    version = header["FormatVersion"]
    if version not in TICKS_HYDRAHARP_PS:
        raise refused(path, f"is a HydraHarp file of version {version[:6]!r}; known are 1.0 and 2.0")
    t2 = _is_t2(path, header)
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
            sync_period_ps=_period_ps(header["SyncRate"]),
            stated_duration_s=_duration_s(header),
            provenance=_provenance(path, "HT2" if t2 else "HT3", RECORD_KINDS[number], header),
        )
    )


def read_picoharp(path: Path) -> PhotonStream:
    """Open a file of PicoHarp 300 before PTU: PT2 or PT3, version 2.0.

    Raises
    ------
    InputError
        The header is broken, of another version, or of a histogram.
    DataError
        The header gives the times no scale.
    """
    cursor = _opened(path)
    cursor.take(PICOHARP)
    header = cursor.header
    if header["FormatVersion"] != "2.0":
        raise refused(path, f"is a PicoHarp file of version {header['FormatVersion'][:6]!r}; known is 2.0")
    t2 = _is_t2(path, header)
    cursor.skip_image_header()
    kind = RECORD_KINDS[0x00010203 if t2 else 0x00010303]
    return stream_of(
        Recording(
            path=path,
            kind=kind,
            offset=cursor.offset,
            stated_records=header["Records"],
            tick_ps=TICK_PICOHARP_PS if t2 else _resolution_ps(header),
            # in T2 both inputs see photons
            sync_period_ps=None if t2 else _period_ps(header["InputRate0"]),
            stated_duration_s=_duration_s(header),
            provenance=_provenance(path, "PT2" if t2 else "PT3", kind, header),
        )
    )


def read_timeharp(path: Path) -> PhotonStream:
    """Open a file of TimeHarp 100 or 200: T3R, version 3.0, 5.0 or 6.0.

    The board gives its photons the times of a clock of its own, of 100 ns as a rule. They are told in periods of the
    laser by its rate; which pulse came before a photon is not known, and a note says so.

    Raises
    ------
    InputError
        The header is broken, of another version, or of a histogram.
    DataError
        The header gives the times no scale.
    """
    cursor = _opened(path)
    cursor.take(TEXTS[:2])
    version = cursor.header["FormatVersion"]
    if version not in ("3.0", "5.0", "6.0"):
        raise refused(path, f"is a TimeHarp file of version {version[:6]!r}; known are 3.0, 5.0 and 6.0")
    cursor.offset = 0
    cursor.take(_timeharp(version))
    header = cursor.header
    if header["Boards"] != 1:
        raise refused(path, f"has a broken header: it counts {header['Boards']} boards")
    _is_t2(path, header)
    cursor.take(_timeharp_board(version))
    cursor.take(TIMEHARP_RUN)
    if version != "3.0":
        cursor.take(_integers("ImageHeader"))
        cursor.skip_image_header()
    return stream_of(
        Recording(
            path=path,
            kind=TIMEHARP,
            offset=cursor.offset,
            stated_records=header["Records"],
            tick_ps=_resolution_ps(header),
            sync_period_ps=_period_ps(header["SyncRate"]),
            stated_duration_s=_duration_s(header),
            provenance=_provenance(path, "T3R", TIMEHARP, header),
            notes=(
                f"This instrument takes times from a clock of {header['GlobalClock']} ns and does not count the pulses"
                " of the laser: photons of one pulse and of its neighbours are not told apart.",
            ),
            clock_ps=1e3 * header["GlobalClock"],
        )
    )


def _is_t2(path: Path, header: Mapping[str, Any]) -> bool:
    mode, bits = header["MeasurementMode"], header["BitsPerRecord"]
    if mode not in (2, 3):
        raise refused(path, f"holds no tagged photons: its header states measurement mode {mode}")
    if bits != 32:
        raise refused(path, f"holds records of {bits} bits, of which nothing is known; all known ones have 32")
    return bool(mode == 2)


def _period_ps(rate_hz: int) -> float | None:
    return 1e12 / rate_hz if rate_hz > 0 else None


def _resolution_ps(header: Mapping[str, Any]) -> float:
    # stored in ns with single precision: six digits are meant
    return float(f"{1e3 * header['Resolution']:.6g}")


def _duration_s(header: Mapping[str, Any]) -> float | None:
    # the time that passed, else the time that was asked for; both in ms
    return next((1e-3 * header[name] for name in ("StopAfter", "AcquisitionTime") if header[name] > 0), None)


def _provenance(path: Path, extension: str, kind: RecordKind, header: Mapping[str, Any]) -> Provenance:
    names = [header.get("HardwareIdent") or header["Ident"], header["HardwareSerial"]]
    return Provenance(
        format=f"PicoQuant {extension} {header['FormatVersion']}",
        record_type=kind.name,
        path=str(path),
        instrument=" ".join(str(name) for name in names),
        created=header["FileTime"] or None,
        comment=header["Comment"] or None,
        header=header,
    )
