"""PicoQuant's recordings: the kinds of records, the file as a source of photons, and what its header may not say.

Each header reader (:mod:`~qdmol.photons.picoquant_ptu`, :mod:`~qdmol.photons.picoquant_legacy`,
:mod:`~qdmol.photons.picoquant_legacy`) fills a `Recording`; :func:`stream_of` checks it and makes the stream.

Headers of fixed fields, as in PicoQuant's files from before PTU: what they share, and how they are taken apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qdmol.errors import LONGEST_VALUE, DataError, InputError, shorten
from qdmol.files import open_input, printable
from qdmol.photons.ordering import ordered
from qdmol.photons.raw_files import LONGEST_S
from qdmol.photons.stream import Mode, PhotonStream, Provenance, Records, Source

WORD = 4  # bytes of a record
# A header may round its sync rate and give the period besides; more than this apart, one of the two is wrong.
SYNC_TOLERANCE = 0.02
# No instrument counts pulses of more than 10 GHz; a shorter period would put millions of them into one delay.
SHORTEST_PERIOD_PS = 100.0
# No clock of a T2 mode is slower.
SLOWEST_T2_PS = 1e4


@dataclass(frozen=True, slots=True)
class RecordKind:
    """One layout of 32-bit records.

    Attributes
    ----------
    name : str
        As ``"HydraHarp T3 v2"``.
    mode : "T2" or "T3"
    kernel : str
        Name of the loop in :mod:`~qdmol.photons.picoquant_kernels`.
    wrap : int
        How far one overflow moves the clock, in units of `Records.times`.
    counted : bool
        Whether an overflow record may count several overflows.
    """

    name: str
    mode: Mode
    kernel: str
    wrap: int
    counted: bool = False

    @property
    def states_sync_rate(self) -> bool:
        """Whether the header's sync rate may be that of a laser; T2 of PicoHarp 300 has a detector on that input."""
        return self.kernel != "picoharp_t2"


T2_WRAP = 1 << 25
T2_WRAP_V1 = 33_552_000
RECORD_KINDS: Mapping[int, RecordKind] = {
    0x00010203: RecordKind("PicoHarp 300 T2", "T2", "picoharp_t2", 210_698_240),
    0x00010303: RecordKind("PicoHarp 300 T3", "T3", "picoharp_t3", 1 << 16),
    0x00010204: RecordKind("HydraHarp T2 v1", "T2", "hydraharp_t2", T2_WRAP_V1),
    0x00010304: RecordKind("HydraHarp T3 v1", "T3", "hydraharp_t3", 1 << 10),
    0x01010204: RecordKind("HydraHarp T2 v2", "T2", "hydraharp_t2", T2_WRAP, counted=True),
    0x01010304: RecordKind("HydraHarp T3 v2", "T3", "hydraharp_t3", 1 << 10, counted=True),
    0x00010205: RecordKind("TimeHarp 260 N T2", "T2", "hydraharp_t2", T2_WRAP, counted=True),
    0x00010305: RecordKind("TimeHarp 260 N T3", "T3", "hydraharp_t3", 1 << 10, counted=True),
    0x00010206: RecordKind("TimeHarp 260 P T2", "T2", "hydraharp_t2", T2_WRAP, counted=True),
    0x00010306: RecordKind("TimeHarp 260 P T3", "T3", "hydraharp_t3", 1 << 10, counted=True),
    # MultiHarp, PicoHarp 330 and what came after them
    0x00010207: RecordKind("Generic T2", "T2", "hydraharp_t2", T2_WRAP, counted=True),
    0x00010307: RecordKind("Generic T3", "T3", "hydraharp_t3", 1 << 10, counted=True),
}


@dataclass(frozen=True, slots=True)
class RecordFile:
    """The records of a file, decoded stretch by stretch.

    Attributes
    ----------
    path : Path
    offset : int
        Where the records begin, in bytes.
    count : int
        How many records are read.
    kind : RecordKind
    unit_ps : float
        Length of a unit of `Records.times`, for the guard against centuries.
    """

    path: Path
    offset: int
    count: int
    kind: RecordKind
    unit_ps: float

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the records in stretches of `size`, as the file has them.

        Raises
        ------
        DataError
            The overflow records move the clock beyond a month.
        InputError
            The file is gone or cannot be read any more.
        """
        latest = min(LONGEST_S * 1e12 / self.unit_ps, 2.0**62)
        state = np.zeros(1, dtype=np.int64)
        left = self.count
        with open_input(self.path) as stream:
            stream.seek(self.offset)
            while left > 0:
                words = np.fromfile(stream, dtype="<u4", count=min(size, left))
                if len(words) == 0:
                    break
                left -= len(words)
                yield self._decoded(words, state, int(latest))

    def _decoded(self, words: np.ndarray[Any, Any], state: np.ndarray[Any, Any], latest: int) -> Records:
        from qdmol.photons import picoquant_kernels

        n = len(words)
        kind = self.kind
        t3 = kind.mode == "T3"
        times, marker_times = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
        channels, markers = np.empty(n, dtype=np.uint8), np.empty(n, dtype=np.uint8)
        delays = np.empty(n if t3 else 0, dtype=np.uint32)
        sync_times = np.empty(0 if t3 else n, dtype=np.int64)
        photons, syncs, marks = getattr(picoquant_kernels, kind.kernel)(
            words, kind.wrap, kind.counted, latest, state, (times, channels, delays, sync_times, marker_times, markers)
        )
        if state[0] >= latest:
            raise DataError(
                "The overflow records of the file add up to more than a month, longer than any measurement: the file "
                "is damaged, or its records are not of the kind stated in the header."
            )
        return Records(
            times=times[:photons],
            channels=channels[:photons],
            delays=delays[:photons] if t3 else None,
            sync_times=sync_times[:syncs].copy(),
            marker_times=marker_times[:marks].copy(),
            markers=markers[:marks].copy(),
        )


@dataclass(frozen=True, slots=True)
class Recording:
    """What a header says, in the units of the value.

    Attributes
    ----------
    path : Path
    kind : RecordKind
    offset : int
        Where the records begin, in bytes.
    stated_records : int or None
        Number of records by the header.
    tick_ps : float or None
        Length of a tick; of the delays in T3.
    sync_period_ps : float or None
    stated_duration_s : float or None
    provenance : Provenance
    notes, contradictions : tuple of str
    unit_ps : float or None
        Length of a unit of the file's times where that is not the stream's.
    convert : callable or None
        Makes of the file's source the stream's, where the two differ.
    """

    path: Path
    kind: RecordKind
    offset: int
    stated_records: int | None
    tick_ps: float | None
    sync_period_ps: float | None
    stated_duration_s: float | None
    provenance: Provenance
    notes: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    unit_ps: float | None = None
    convert: Callable[[RecordFile], Source] | None = None


def refused(path: Path, reason: str) -> InputError:
    """Return the error of a file that is no file of photons, or that cannot be read."""
    return InputError(
        field="FILE",
        value=str(path),
        allowed="a file of photons",
        message=printable(f"`FILE` {_end_of(str(path))} {reason}."),
    )


def _end_of(name: str) -> str:
    """Return a path as printable text; for a long one its end, which is more informative."""
    longest = LONGEST_VALUE - 5
    return shorten(name if len(name) <= longest else f"...{name[3 - longest :]}")


def stream_of(recording: Recording) -> PhotonStream:
    """Return the stream of a file whose header is read.

    Raises
    ------
    DataError
        The header does not define the units of the times: no resolution, or in T3 no sync rate or one beyond the
        resolution.
    """
    tick_ps = _sane(recording.tick_ps, "resolution", recording)
    mode = recording.kind.mode
    period_ps = recording.sync_period_ps
    contradictions = list(recording.contradictions)
    if mode == "T3":
        period_ps = _sane(period_ps, "sync rate", recording, lowest=SHORTEST_PERIOD_PS)
        if tick_ps > period_ps:
            raise DataError(
                f"The header's resolution of {tick_ps:g} ps is coarser than its sync period of {period_ps:g} ps, so "
                "its delays cannot be converted to time."
            )
    elif tick_ps > SLOWEST_T2_PS:
        contradictions.append(f"The header's clock of {tick_ps:g} ps a tick is slower than in any T2 mode.")
    count, truncated, notes = _records_in(recording)
    unit_ps = (period_ps if mode == "T3" else None) or tick_ps
    if recording.unit_ps is not None:
        unit_ps = _sane(recording.unit_ps, "clock", recording)
    file = RecordFile(recording.path, recording.offset, count, recording.kind, unit_ps)
    source: Source = file if recording.convert is None else recording.convert(file)
    return PhotonStream(
        mode=mode,
        tick_ps=tick_ps,
        source=ordered(source, mode=mode),
        provenance=recording.provenance,
        sync_period_ps=period_ps,
        stated_photons=recording.stated_records,
        stated_duration_s=recording.stated_duration_s,
        notes=(*recording.notes, *notes),
        truncated=truncated,
        contradictions=tuple(contradictions),
    )


def _sane(value: float | None, what: str, recording: Recording, *, lowest: float = 1e-3) -> float:
    # the default is from a femtosecond to an hour: outside, sums of ticks would leave 64 bits
    if value is None or not math.isfinite(value) or not lowest <= value <= 3.6e15:
        raise DataError(
            f"The header of {shorten(recording.path.name)} gives no valid {what}, so its times cannot be converted "
            "to seconds."
        )
    return value


def _records_in(recording: Recording) -> tuple[int, bool, tuple[str, ...]]:
    """Return how many records to read, whether the file ends early, and what to say about it."""
    size = recording.path.stat().st_size - recording.offset
    there = max(0, size // WORD)
    stated = recording.stated_records
    if stated is None or stated <= 0:
        return there, False, (f"The header states no number of records; all {there} records in the file are read.",)
    if stated > there:
        text = f"The file ends early: its header states {stated} records, of which {there} are intact and were read."
        return there, True, (text,)
    if stated < there:
        text = f"The file holds {there - stated} records more than its header states; they are ignored."
        return stated, False, (text,)
    return stated, False, ()


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
        raise refused(path, f"contains no time-tagged photons: its header states measurement mode {mode}")
    if bits != 32:
        raise refused(path, f"holds records of {bits} bits, which is not a known format; all known records have 32")
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
    # the elapsed time, else the requested time; both in ms
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
