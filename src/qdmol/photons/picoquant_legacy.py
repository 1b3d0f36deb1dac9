"""PicoQuant's files from before PTU: HT2, HT3, PT2 and PT3, with a header of fixed fields.

Layouts after the format chapters of the manuals of HydraHarp 400 (file versions 1.0 and 2.0) and PicoHarp 300 (2.0),
PicoQuant GmbH. The first 16 bytes of a file identify its format.
"""

from __future__ import annotations

from pathlib import Path

from qdmol.photons.picoquant import (
    DISPLAY,
    DOUBLE,
    INTEGER,
    MEASUREMENT,
    RECORD_KINDS,
    SINGLE,
    TEXTS,
    Fields,
    Recording,
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
from qdmol.photons.stream import PhotonStream

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
