"""Headers of fixed fields, as in PicoQuant's files from before PTU: what they share, and how they are taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qdmol.files import open_input, printable
from qdmol.photons.picoquant import RecordKind, refused
from qdmol.photons.stream import Provenance

__all__ = [
    "DISPLAY",
    "DOUBLE",
    "INTEGER",
    "MEASUREMENT",
    "SINGLE",
    "TEXTS",
    "Cursor",
    "Fields",
    "duration_s",
    "integers",
    "is_t2",
    "opened",
    "period_ps",
    "provenance_of",
    "resolution_ps",
]

Fields = list[tuple[Any, ...]]

LONGEST_HEADER = 1 << 16
INTEGER, SINGLE, DOUBLE = "<i4", "<f4", "<f8"


def integers(*names: str) -> Fields:
    """Fields of 32-bit integers."""
    return [(name, INTEGER) for name in names]


DISPLAY: Fields = [
    *integers("DisplayLinLog", "DisplayTimeFrom", "DisplayTimeTo", "DisplayCountFrom", "DisplayCountTo"),
    ("DisplayCurves", INTEGER, (8, 2)),
    ("Parameters", SINGLE, (3, 3)),
    *integers("RepeatMode", "RepeatsPerCurve", "RepeatTime", "RepeatWaitTime"),
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
MEASUREMENT: Fields = integers("Offset", "AcquisitionTime", "StopAt", "StopOnOverflow", "Restart")


@dataclass(slots=True)
class Cursor:
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
        return printable(value.split(b"\0")[0].decode("latin-1").strip())
    return value.tolist()


def opened(path: Path) -> Cursor:
    """Read the head of a file."""
    with open_input(path) as stream:
        return Cursor(path, stream.read(LONGEST_HEADER))


def is_t2(path: Path, header: Mapping[str, Any]) -> bool:
    """Whether the mode is T2; neither T2 nor T3, or records not of 32 bits, are refused."""
    mode, bits = header["MeasurementMode"], header["BitsPerRecord"]
    if mode not in (2, 3):
        raise refused(path, f"holds no tagged photons: its header states measurement mode {mode}")
    if bits != 32:
        raise refused(path, f"holds records of {bits} bits, of which nothing is known; all known ones have 32")
    return bool(mode == 2)


def period_ps(rate_hz: int) -> float | None:
    """Period of a rate that is known."""
    return 1e12 / rate_hz if rate_hz > 0 else None


def resolution_ps(header: Mapping[str, Any]) -> float:
    """Width of a channel of the delays."""
    # stored in ns with single precision: six digits are meant
    return float(f"{1e3 * header['Resolution']:.6g}")


def duration_s(header: Mapping[str, Any]) -> float | None:
    """Length of the measurement."""
    # the time that passed, else the time that was asked for; both in ms
    return next((1e-3 * header[name] for name in ("StopAfter", "AcquisitionTime") if header[name] > 0), None)


def provenance_of(path: Path, extension: str, kind: RecordKind, header: Mapping[str, Any]) -> Provenance:
    """Where a stream comes from."""
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
