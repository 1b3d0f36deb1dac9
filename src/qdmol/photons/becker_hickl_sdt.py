"""Becker & Hickl's SDT files: decays, pages of decays and images, as SPCM saves them, compressed or not.

Layout after the maker's description ("SPC_data_file_structure.h", Becker & Hickl GmbH, distributed with SPCM): a header
of 42 bytes, texts, descriptions of measurements, and a chain of data blocks, each with a header that points to its data
and to the next one. The width of a bin is the range of the TAC divided by its gain and by the number of bins.

A file from someone else may state any length. Blocks are taken from the file in pieces; what is kept is bounded by the
number of curves and bins, whatever the header says, and the chain of blocks may only go forward.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.files import open_input, printable
from qdmol.photons.histogram import (
    FEWEST_BINS,
    MOST_BINS,
    MOST_CURVES,
    Histogram,
    HistogramFile,
    checked_width,
    refuse_file,
)

LARGEST_BYTES = 4 << 30  # of a file
LARGEST_BLOCK = 1 << 30  # bytes of a block, not compressed
LARGEST_ZIP = 256 << 20  # bytes of a compressed block
LARGEST_TEXT = 1 << 20  # bytes of the texts that are looked at
MOST_BLOCKS = 1 << 16
PIECE = 8 << 20  # bytes of a block that are taken at a time
MOST_LISTED = 64  # curves of a block that are listed one by one; more are the pixels of an image
FULL = 0xFFFF  # of a counter of 16 bits

HEADER = np.dtype(
    [
        ("revision", "<u2"), ("info_offset", "<u4"), ("info_length", "<u2"), ("setup_offset", "<u4"),
        ("setup_length", "<u2"), ("block_offset", "<u4"), ("blocks", "<u2"), ("longest_block", "<u4"),
        ("measurement_offset", "<u4"), ("measurements", "<u2"), ("measurement_length", "<u2"), ("valid", "<u2"),
        ("many_blocks", "<u4"), ("extension", "<u2"), ("checksum", "<u2"),
    ]
)  # fmt: skip
VALID, CHECKSUMS, MANY = 0x5555, (0x55AA, 0xAA55), 0x7FFF
REVISION_LARGE = 15  # from which offsets of blocks have 40 bits
# the parts of a measurement's description that are used, at their places
MEASUREMENT = {
    "time": (0, "S9"), "date": (9, "S11"), "serial": (20, "S16"), "mode": (36, "<i2"), "tac_range_s": (64, "<f4"),
    "tac_gain": (68, "<i2"), "bins": (82, "<u2"), "collection_s": (92, "<f4"), "module": (117, "S16"),
    "scan_x": (173, "<i4"), "scan_y": (177, "<i4"),
    "min_sync_hz": (231, "<f4"), "max_sync_hz": (247, "<f4"), "fcs_points": (287, "<i4"),
}  # fmt: skip
SHORTEST_MEASUREMENT = 133  # bytes, up to the module's name
BLOCK_OLD = np.dtype(
    [("block", "<i2"), ("data", "<u4"), ("next", "<u4"), ("type", "<u2"), ("measurement", "<i2"), ("number", "<u4"),
     ("length", "<u4")]
)  # fmt: skip
BLOCK_LARGE = np.dtype([("data_high", "u1"), ("next_high", "u1"), *BLOCK_OLD.descr[1:]])
FIFO = (8, 9)  # modes of creation
DECAY, PAGE, FCS, IMAGE = 0x00, 0x10, 0x20, 0x60
CONTENTS = {
    0x20: "FCS", 0x30: "FIDA", 0x40: "FILDA", 0x50: "MCS", 0x70: "triggered MCS", 0x80: "MCS image", 0x90: "moments",
    0xA0: "intensity image", 0xB0: "waveform image", 0xC0: "lifetime image",
}  # fmt: skip
TYPES = {0x000: "<u2", 0x100: "<u4", 0x200: "<f8"}
ZIPPED, COINCIDENCE, LZ4 = 0x1000, 0x2000, 0x4000


@dataclass(frozen=True, slots=True)
class _Block:
    """A data block: where its data begin, and what they are."""

    data: int
    stop: int
    type: int
    measurement: int
    number: int
    length: int

    @property
    def contents(self) -> int:
        return self.type & 0xF0

    @property
    def channel(self) -> int:
        """Number of the routing channel or of the block, as far as the block states it."""
        return self.number & 0xFF


def holds_decays(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Whether the first bytes are those of an SDT file (or of a SET file, which has no data)."""
    if len(head) < HEADER.itemsize:
        return False
    header = np.frombuffer(head, HEADER, 1)[0]
    return bool(header["valid"] == VALID and header["checksum"] in CHECKSUMS)


def read_sdt(path: Path) -> HistogramFile:
    """Read the decays of an SDT file.

    Parameters
    ----------
    path
        The file. A block of one decay is a curve; the curves of a page are listed one by one up to 64, and those of an
        image are summed over its pixels.

    Returns
    -------
    HistogramFile
        Blocks of other contents (FCS, MCS, ..) are left out with a note.

    Raises
    ------
    InputError
        It is none, damaged or cut short, compressed by a method that is not supported, or has no decay with counts.
    """
    with open_input(path, largest=LARGEST_BYTES) as file:
        size = path.stat().st_size
        raw = file.read(HEADER.itemsize)
        if not holds_decays(raw, path):
            raise refuse_file(path, "is not an SDT file: its header is not valid")
        header = {
            name: int(value) for name, value in zip(HEADER.names or (), np.frombuffer(raw, HEADER)[0], strict=True)
        }
        info = _texts(file, header["info_offset"], header["info_length"])
        measurements = _measurements(file, path, header, size)
        curves, notes = _curves(file, path, header, measurements, size)
    if not curves:
        reason = "contains no data blocks" if not header["blocks"] else "contains no decay with counts"
        raise refuse_file(path, f"{reason}{'; ' + notes[0][:-1] if notes else ''}")
    first = measurements[0]
    return HistogramFile(
        str(path),
        "Becker & Hickl SDT",
        tuple(curves),
        instrument=" ".join(part for part in (first["module"], first["serial"]) if part) or None,
        created=" ".join(part for part in (first["date"], first["time"]) if part) or None,
        comment=info.get("Title") or None,
        notes=notes,
        header={**info, "revision": header["revision"] & 0xF, "measurements": len(measurements)},
    )


def _texts(file: BinaryIO, offset: int, length: int) -> dict[str, str]:
    """Entries of the identification, as "Title : startup"."""
    file.seek(offset)
    lines = file.read(min(length, LARGEST_TEXT)).decode("latin-1").splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {printable(key.strip(), longest=40): printable(value.strip(), longest=200) for key, _, value in pairs}


def _measurements(file: BinaryIO, path: Path, header: Mapping[str, int], size: int) -> list[dict[str, Any]]:
    number, length = header["measurements"], header["measurement_length"]
    if not header["blocks"] and not number:
        return []
    if not (number and length >= SHORTEST_MEASUREMENT):
        raise refuse_file(path, f"has a broken header: {number} measurement descriptions of {length} bytes")
    if header["measurement_offset"] + number * length > size:
        raise refuse_file(path, "ends early or is damaged: its measurement descriptions are not within the file")
    file.seek(header["measurement_offset"])
    raw = file.read(number * length)
    found = []
    for k in range(number):
        piece = raw[k * length : (k + 1) * length]
        values: dict[str, Any] = {}
        for name, (place, code) in MEASUREMENT.items():
            # later programs append fields, so that older files lack the last ones
            whole = place + np.dtype(code).itemsize <= length
            value = np.frombuffer(piece, code, 1, place)[0] if whole else np.zeros(1, code)[0]
            values[name] = (
                printable(value.split(b"\0")[0].decode("latin-1").strip()) if code[0] == "S" else value.item()
            )
        values["bins"] = values["bins"] or 1 << 16
        found.append(values)
    return found


def _blocks(file: BinaryIO, path: Path, header: Mapping[str, int], size: int) -> Iterator[_Block]:
    """Headers of the data blocks, one after the other."""
    number = header["many_blocks"] if header["blocks"] == MANY else header["blocks"]
    if number > MOST_BLOCKS:
        raise refuse_file(
            path, f"has a broken header: it counts {number} data blocks; at most {MOST_BLOCKS} are allowed"
        )
    large = header["revision"] & 0xF >= REVISION_LARGE
    layout = BLOCK_LARGE if large else BLOCK_OLD
    place = header["block_offset"]
    for k in range(number):
        if place + layout.itemsize > size:
            raise refuse_file(path, f"ends early or is damaged: data block {k} of {number} is not within the file")
        file.seek(place)
        row = np.frombuffer(file.read(layout.itemsize), layout)[0]
        data = int(row["data"]) | (int(row["data_high"]) << 32 if large else 0)
        following = int(row["next"]) | (int(row["next_high"]) << 32 if large else 0)
        if not place < data < size:
            raise refuse_file(path, f"is damaged: the data of block {k} are not within the file")
        stop = min(following, size) if following > data else size
        yield _Block(data, stop, int(row["type"]), int(row["measurement"]), int(row["number"]), int(row["length"]))
        if k + 1 < number and following <= place:
            raise refuse_file(path, f"is damaged: block {k} does not point forward to the next one")
        place = following


def _curves(
    file: BinaryIO, path: Path, header: Mapping[str, int], measurements: list[dict[str, Any]], size: int
) -> tuple[list[Histogram], tuple[str, ...]]:
    curves: list[Histogram] = []
    left_out: dict[str, int] = {}
    number = empty = 0
    for k, block in enumerate(_blocks(file, path, header, size)):
        if block.contents not in (DECAY, PAGE, IMAGE):
            name = CONTENTS.get(block.contents, "unknown contents")
            left_out[name] = left_out.get(name, 0) + 1
            continue
        if not 0 <= block.measurement < len(measurements):
            raise refuse_file(path, f"is damaged: block {k} names measurement {block.measurement}, which is missing")
        measurement = measurements[block.measurement]
        for values, notes in _values(file, path, block, measurement, k):
            if values.any():
                curves.append(_curve(path, number, values, block, measurement, notes))
            else:
                empty += 1
            number += 1
            if number > MOST_CURVES:
                raise refuse_file(path, f"contains more than {MOST_CURVES} curves")
    notes = tuple(
        f"{count} block{'s' if count > 1 else ''} of {name} {'are' if count > 1 else 'is'} left out."
        for name, count in left_out.items()
    )
    if empty and curves:
        notes += (f"{empty} curve{'s' if empty > 1 else ''} without counts {'are' if empty > 1 else 'is'} left out.",)
    return curves, notes


def _curve(
    path: Path, number: int, values: Floats, block: _Block, measurement: Mapping[str, Any], notes: tuple[str, ...]
) -> Histogram:
    gain, bins = measurement["tac_gain"], measurement["bins"]
    if not gain > 0:
        raise refuse_file(path, f"states a TAC gain of {gain}, so that the width of its bins is unknown")
    # single precision: six digits are meant
    tac_s = float(f"{measurement['tac_range_s']:.6g}")
    width = checked_width(path, 1e9 * tac_s / (gain * bins), f"in curve {number}")
    low, high = measurement["min_sync_hz"], measurement["max_sync_hz"]
    if 0 < low <= high < 1e10 and np.isfinite(high):
        period = 2e9 / (low + high)
        notes += (
            f"The file states a sync rate of {1e3 / period:.5g} MHz, a period of {period:.5g} ns; it is not used, "
            "because it may be divided: give the period with --period if excitation repeats within the decay.",
        )
    if block.type & 0xF00 == 0 and block.contents != IMAGE and (full := int((values >= FULL).sum())):
        notes += (f"{full} bins hold {FULL} counts, the largest number they can; they may have overflown.",)
    name = f"channel {block.channel}" if block.channel else f"curve {number}"
    return Histogram(number, name, values, width, unit="ns", notes=notes, header=dict(measurement))


def _values(
    file: BinaryIO, path: Path, block: _Block, measurement: Mapping[str, Any], k: int
) -> list[tuple[Floats, tuple[str, ...]]]:
    """Curves of a block, with what was done to them."""
    bins = int(measurement["bins"])
    if not FEWEST_BINS <= bins <= MOST_BINS:
        raise refuse_file(path, f"states {bins} bins in block {k}; from {FEWEST_BINS} to {MOST_BINS} are allowed")
    code = TYPES.get(block.type & 0xF00)
    if code is None or block.type & 0x8000:
        raise refuse_file(path, f"has data of unknown type {block.type:#06x} in block {k}")
    if block.type & LZ4:
        raise refuse_file(path, f"compresses block {k} by LZ4, which is not supported; save it uncompressed or zipped")
    dtype = np.dtype(code)
    count, rest = divmod(block.length, dtype.itemsize)
    if block.contents == DECAY and (block.type & 0xF) in FIFO and count > bins:
        # programs before version 8.3 store an FCS curve behind the decay
        fcs = measurement["fcs_points"]
        if fcs > 0 and block.length - bins * dtype.itemsize == 16 * fcs:
            count, rest = bins, 0
    if block.length > LARGEST_BLOCK:
        raise refuse_file(path, f"states {block.length} bytes in block {k}; at most {LARGEST_BLOCK} are allowed")
    curves, over = divmod(count, bins)
    if rest or over or not curves:
        raise refuse_file(path, f"is damaged: block {k} of {block.length} bytes holds no whole curves of {bins} bins")
    with _opened(file, path, block, k) as data:
        pieces = _pieces(data, path, dtype, curves, bins, k)
        if curves <= MOST_LISTED and block.contents != IMAGE and measurement["scan_x"] * measurement["scan_y"] <= 1:
            return [(row.astype(np.float64), ()) for piece in pieces for row in piece]
        total = np.zeros(bins)
        for piece in pieces:
            total += piece.sum(axis=0, dtype=np.float64)
    return [(total, (f"The decay is the sum over {curves} pixels of an image.",) if curves > 1 else ())]


def _pieces(
    data: IO[bytes], path: Path, dtype: np.dtype[Any], curves: int, bins: int, k: int
) -> Iterator[NDArray[Any]]:
    """Whole curves (m, bins), as many as fit into a piece."""
    size = bins * dtype.itemsize
    step = max(1, PIECE // size)
    for first in range(0, curves, step):
        wanted = min(step, curves - first) * size
        try:
            raw = data.read(wanted)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
            raise refuse_file(path, f"is damaged: block {k} cannot be decompressed ({error})") from error
        if len(raw) < wanted:
            raise refuse_file(path, f"ends early or is damaged: block {k} is not whole")
        values = np.frombuffer(raw, dtype).reshape(-1, bins)
        if dtype.kind == "f" and not (np.isfinite(values).all() and values.min() >= 0):
            raise refuse_file(path, f"is damaged: block {k} holds values that are not counts")
        yield values


@contextmanager
def _opened(file: BinaryIO, path: Path, block: _Block, k: int) -> Iterator[IO[bytes]]:
    """The data of a block from their first byte, decompressed as they are read."""
    if not block.type & ZIPPED:
        file.seek(block.data)
        yield file
        return
    compressed = block.stop - block.data
    if compressed > LARGEST_ZIP:
        raise refuse_file(path, f"has {compressed} compressed bytes in block {k}; at most {LARGEST_ZIP} are allowed")
    file.seek(block.data)
    raw = file.read(compressed)
    archive = _archive(raw, path, k)
    with archive:
        names = archive.infolist()
        if len(names) != 1:
            raise refuse_file(path, f"is damaged: the archive of block {k} holds {len(names)} files instead of one")
        try:
            stream = archive.open(names[0])
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as error:
            raise refuse_file(path, f"is damaged: block {k} cannot be decompressed ({error})") from error
        with stream:
            yield stream


def _archive(raw: bytes, path: Path, k: int) -> zipfile.ZipFile:
    # some programs leave out the last byte, the length of an empty comment
    for content in (raw, raw + b"\0"):
        try:
            return zipfile.ZipFile(BytesIO(content))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError):
            continue
    raise refuse_file(path, f"ends early or is damaged: block {k} is marked as compressed but holds no whole archive")
