"""PicoQuant's unified files of tagged photons (PTU): a list of named entries, then records.

Layout after the maker's description (PicoQuant GmbH, "Unified TTTR file format", 2014): 8 bytes ``PQTTTR``, 8 bytes of
version, then entries of 48 bytes (32 name, 4 index, 4 type, 8 value), some with a tail of as many bytes as the value
says, up to the entry ``Header_End``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from qdmol.files import open_input, printable
from qdmol.photons.picoquant import RECORD_KINDS, SYNC_TOLERANCE, Recording, RecordKind, refused, stream_of
from qdmol.photons.stream import HeaderValue, PhotonStream, Provenance

MAGIC = b"PQTTTR\0\0"
ENTRY = struct.Struct("<32siI8s")
MOST_ENTRIES = 20_000
LONGEST_TEXT = 1 << 20  # bytes kept of one text; comments are far shorter
LONGEST_TEXTS = 8 << 20  # bytes kept of all

EMPTY, BOOLEAN, INTEGER, BITS, COLOUR = 0xFFFF0008, 0x00000008, 0x10000008, 0x11000008, 0x12000008
REAL, DATE, REALS, TEXT, WIDE_TEXT, BLOB = 0x20000008, 0x21000008, 0x2001FFFF, 0x4001FFFF, 0x4002FFFF, 0xFFFFFFFF
WITH_TAIL = (REALS, TEXT, WIDE_TEXT, BLOB)

# what an instrument calls itself, and the names of the record kinds it may write
FAMILIES = {
    "picoharp 300": ("PicoHarp 300",),
    "hydraharp": ("HydraHarp", "Generic"),
    "timeharp 260": ("TimeHarp 260",),
    "multiharp": ("Generic",),
    "picoharp 330": ("Generic",),
}


def looks_like_ptu(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Whether the first bytes of a file are those of a PTU file."""
    return head.startswith(MAGIC)


def read_ptu(path: Path) -> PhotonStream:
    """Open a PTU file of any instrument, T2 or T3.

    Raises
    ------
    InputError
        The header is broken or the records are of a kind that is not known.
    DataError
        The header does not define the units of the times.
    """
    with open_input(path) as stream:
        header = read_tags(stream, path)
        offset = stream.tell()
    kind = _kind_of(header, path)
    t2 = kind.mode == "T2"
    period_ps = _times(_number(header, "MeasDesc_GlobalResolution"), 1e12)
    rate_hz = _number(header, "TTResult_SyncRate")
    stated_period_ps = 1e12 / rate_hz if rate_hz is not None and rate_hz > 0 and kind.states_sync_rate else None
    base_ps = _times(_number(header, "HW_BaseResolution"), 1e12)
    return stream_of(
        Recording(
            path=path,
            kind=kind,
            offset=offset,
            stated_records=_count(_number(header, "TTResult_NumberOfRecords")),
            tick_ps=_single(_first(period_ps, base_ps) if t2 else _times(_number(header, "MeasDesc_Resolution"), 1e12)),
            sync_period_ps=stated_period_ps if t2 else _first(period_ps, stated_period_ps),
            stated_duration_s=_duration_s(header),
            provenance=_provenance(path, kind, header),
            contradictions=_contradictions(kind, header, None if t2 else period_ps, stated_period_ps),
        )
    )


def read_tags(stream: BinaryIO, path: Path, *, magic: bytes = MAGIC, kind: str = "PTU") -> dict[str, HeaderValue]:
    """Return the entries of a unified header by name, those with indices as lists in order of the index.

    Raises
    ------
    InputError
        The signature is missing, or the header is broken.
    """
    size = path.stat().st_size
    if not stream.read(16).startswith(magic):
        raise refused(path, f"is not a {kind} file: it does not begin with the {kind} signature")
    plain: dict[str, HeaderValue] = {}
    indexed: dict[str, dict[int, HeaderValue]] = {}
    kept = 0
    for _ in range(MOST_ENTRIES):
        entry = stream.read(ENTRY.size)
        if len(entry) < ENTRY.size:
            raise refused(path, "ends within its header")
        raw_name, index, code, raw = ENTRY.unpack(entry)
        name = _text(raw_name)
        if name == "Header_End":
            return plain | {key: [values[k] for k in sorted(values)] for key, values in indexed.items()}
        tail = b""
        if code in WITH_TAIL:
            length = int.from_bytes(raw, "little", signed=True)
            if not 0 <= length <= size - stream.tell():
                raise refused(path, f"has a broken header: its entry {name[:32]!r} reaches beyond the end of the file")
            tail = b"" if code == BLOB else stream.read(min(length, LONGEST_TEXT))
            stream.seek(length - len(tail), 1)
            kept += len(tail)
            if kept > LONGEST_TEXTS:
                raise refused(path, f"has more than {LONGEST_TEXTS >> 20} MB of text in its header")
        value = _value(code, raw, tail)
        if index < 0:
            plain[name] = value
        else:
            indexed.setdefault(name, {})[index] = value
    raise refused(path, "has a broken header: its end is missing")


def _value(kind: int, raw: bytes, tail: bytes) -> HeaderValue:
    """Return the plain value of an entry; blobs and kinds unknown give their bytes' number or the integer there."""
    integer = int.from_bytes(raw, "little", signed=True)
    if kind == EMPTY:
        return None
    if kind == BOOLEAN:
        return integer != 0
    if kind in (REAL, DATE):
        number: float = struct.unpack("<d", raw)[0]
        return number if kind == REAL else _date(number)
    if kind == REALS:
        return list(struct.unpack(f"<{len(tail) // 8}d", tail[: len(tail) // 8 * 8]))
    if kind in (TEXT, WIDE_TEXT):
        return printable(tail.decode("utf-16-le", "replace").split("\0")[0]) if kind == WIDE_TEXT else _text(tail)
    return integer


def _text(raw: bytes) -> str:
    # older programs write the signs of the system, so that a micro sign is one byte; newer ones write UTF-8
    raw = raw.split(b"\0")[0]
    try:
        return printable(raw.decode("utf-8").strip())
    except UnicodeDecodeError:
        return printable(raw.decode("latin-1").strip())


def _date(days: float) -> str | None:
    """Return a date counted in days since 1899-12-30 as ISO text."""
    if not 0.0 < days < 100_000.0:
        return None
    return (datetime(1899, 12, 30) + timedelta(days=days)).isoformat(timespec="seconds")


def _number(header: Mapping[str, HeaderValue], name: str) -> float | None:
    value = header.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _first(*values: float | None) -> float | None:
    """The first that is there and positive; the last otherwise."""
    return next((value for value in values if value is not None and value > 0), values[-1])


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)


def _single(value: float | None) -> float | None:
    """Undo single precision: some programs store 16 ps as 15.999999936."""
    if value is None or value <= 0:
        return value
    rounded = float(f"{value:.6g}")
    return rounded if abs(rounded - value) <= 1e-7 * value else value


def _duration_s(header: Mapping[str, HeaderValue]) -> float | None:
    # the elapsed time, else the requested time; both in ms
    for name in ("TTResult_StopAfter", "MeasDesc_AcquisitionTime"):
        value = _number(header, name)
        if value is not None and value > 0:
            return value * 1e-3
    return None


def _kind_of(header: Mapping[str, HeaderValue], path: Path) -> RecordKind:
    number = _count(_number(header, "TTResultFormat_TTTRRecType"))
    if number is None:
        raise refused(path, "contains no photons: its header does not state the kind of its records")
    if number not in RECORD_KINDS:
        raise refused(path, f"contains records of an unknown kind ({number:#x})")
    bits = _number(header, "TTResultFormat_BitsPerRecord")
    if bits not in (None, 32.0):
        raise refused(
            path, f"contains records of {bits:g} bits, which is not a known format; all known records have 32"
        )
    return RECORD_KINDS[number]


def _contradictions(
    kind: RecordKind, header: Mapping[str, HeaderValue], period_ps: float | None, stated_period_ps: float | None
) -> tuple[str, ...]:
    """Return what in the header cannot be true together."""
    contradictions = []
    mode = _number(header, "Measurement_Mode")
    if mode not in (None, 2.0 if kind.mode == "T2" else 3.0):
        contradictions.append(
            f"The header states measurement mode {mode:g}, but its records are of the kind {kind.name}."
        )
    hardware = str(header.get("HW_Type", "")).lower()
    family = next((known for name, known in FAMILIES.items() if name in hardware), None)
    if family is not None and not kind.name.startswith(family):
        contradictions.append(f"The header names a {header['HW_Type']}, but its records are of the kind {kind.name}.")
    if period_ps is not None and stated_period_ps is not None and period_ps > 0:
        apart = abs(period_ps / stated_period_ps - 1.0)
        if apart > SYNC_TOLERANCE:
            contradictions.append(
                f"The header states a sync period of {period_ps:g} ps and one of {stated_period_ps:g} ps from the "
                "sync rate, "
                f"which differ by {100 * apart:.3g} %."
            )
    return tuple(contradictions)


def _provenance(path: Path, kind: RecordKind, header: Mapping[str, HeaderValue]) -> Provenance:
    names = [str(header[key]) for key in ("HW_Type", "HW_SerialNo") if header.get(key)]
    created = header.get("File_CreatingTime")
    return Provenance(
        format="PicoQuant PTU",
        record_type=kind.name,
        path=str(path),
        instrument=" ".join(names) or None,
        created=created if isinstance(created, str) else None,
        comment=str(header["File_Comment"]) if header.get("File_Comment") else None,
        header=header,
    )
