"""PicoQuant's files of histograms: PHD, HHD, THD, and PHU of the unified format.

Layouts after the format chapters of the manuals of PicoHarp 300 (file version 2.0), HydraHarp 400 (1.0 and 2.0) and
TimeHarp 200 (2.0 to 6.0), and after "Unified histogram file format" (PHU), PicoQuant GmbH. A header as in files of
tagged photons is followed by a header for each curve. PHD and HHD state where the counts of a curve lie; in THD they
follow its header. All counts are unsigned integers of 32 bits, in order of the delay after the pulse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qdmol.arrays import Floats
from qdmol.errors import InputError
from qdmol.files import open_input
from qdmol.photons.histogram import (
    FEWEST_BINS,
    MOST_BINS,
    MOST_CURVES,
    Histogram,
    HistogramFile,
    checked_width,
    period_of,
    refuse_file,
)
from qdmol.photons.picoquant import DOUBLE, INTEGER, SINGLE, TEXTS, Cursor, Fields, integers, opened
from qdmol.photons.picoquant_legacy import (
    HYDRAHARP,
    MOST_INPUTS,
    PICOHARP,
    TICKS_HYDRAHARP_PS,
    timeharp_board,
    timeharp_fields,
)
from qdmol.photons.picoquant_ptu import read_tags
from qdmol.photons.stream import HeaderValue

PHU = b"PQHISTO\0"
HISTOGRAM_MODE = 0  # measurement mode of a header
LARGEST_BYTES = 1 << 30  # of a file, whose counts are read curve by curve
TIMEHARP_VERSIONS = ("2.0", "3.0", "5.0", "6.0")
MOST_BOARDS = 4

# the fields of a tagged-photon header up to the router, which is where a PHD header ends
PICOHARP_HEADER: Fields = PICOHARP[: next(k for k, each in enumerate(PICOHARP) if each[0] == "ExtDevices")]
PICOHARP_CURVE: Fields = [
    *integers("CurveIndex", "TimeOfRecording"),
    ("HardwareIdent", "S16"),
    ("HardwareVersion", "S8"),
    *integers("HardwareSerial", "SyncDivider", "CFDZeroCross0", "CFDLevel0", "CFDZeroCross1", "CFDLevel1"),
    *integers("Offset", "RoutingChannel", "ExtDevices", "MeasurementMode", "SubMode"),
    ("Parameters", SINGLE, (3,)),
    *integers("RangeNo"),
    ("Resolution", SINGLE),
    *integers("Bins", "AcquisitionTime", "StopAfter", "StopReason", "SyncRate", "InputRate", "HistogramRate"),
    ("IntegralCount", "<i8"),
    *integers("Reserved", "DataOffset", "RouterModel", "RouterEnabled"),
    ("RouterChannel", INTEGER, (6,)),
]
HYDRAHARP_CURVE: Fields = [
    *integers("CurveIndex", "TimeOfRecording"),
    ("HardwareIdent", "S16"),
    ("HardwarePartNo", "S8"),
    *integers("HardwareSerial", "Modules"),
    ("ModuleInfo", INTEGER, (10, 2)),
    ("BaseResolution", DOUBLE),
    ("InputsEnabled", "<i8"),
    *integers("Inputs", "RefClockSource", "ExtDevices", "MarkerSettings"),
    *integers("SyncDivider", "SyncCFDLevel", "SyncCFDZeroCross", "SyncOffset"),
    *integers("InputModule", "InputCFDLevel", "InputCFDZeroCross", "InputOffset", "InputChannel"),
    *integers("MeasurementMode", "SubMode", "Binning"),
    ("Resolution", DOUBLE),
    *integers("Offset", "AcquisitionTime", "StopAfter", "StopReason"),
    ("Parameters", SINGLE, (3,)),
    *integers("SyncRate", "InputRate", "HistogramRate"),
    ("IntegralCount", "<i8"),
    *integers("Bins", "DataOffset"),
]
TIMEHARP_CURVE: Fields = [
    *integers("CurveIndex", "TimeOfRecording", "HardwareSerial", "CFDZeroCross", "CFDDiscriminator", "SyncLevel"),
    *integers("CurveOffset", "RoutingChannel", "SubMode", "MeasurementMode"),
    ("Parameters", SINGLE, (3,)),
    *integers("RangeNo", "Offset", "AcquisitionTime", "StopAfter", "StopReason", "SyncRate", "InputRate"),
    *integers("HistogramRate", "IntegralCount"),
    ("Resolution", SINGLE),
    *integers("ExtDevices", "Reserved"),
]


def holds_histograms(head: bytes, path: Path) -> bool:
    """Whether the first bytes are those of a PHU file, or of an older file in histogram mode."""
    if head.startswith(PHU):
        return True
    ident = head[:16].split(b"\0")[0]
    cursor = Cursor(path, head)
    try:
        if ident == b"PicoHarp 300":
            cursor.take(PICOHARP_HEADER[:13])
        elif ident == b"HydraHarp":
            cursor.take(HYDRAHARP[:11])
        elif ident in (b"TimeHarp 200", b"TimeHarp 100"):
            cursor.take(TEXTS[:2])
            version = str(cursor.header["FormatVersion"])
            cursor.offset = 0
            cursor.take(timeharp_fields(version)[:16])
        else:
            return False
    except InputError:
        return False
    return bool(cursor.header["MeasurementMode"] == HISTOGRAM_MODE)


def read_picoquant(path: Path) -> HistogramFile:
    """Read a PHU, PHD, HHD or THD file.

    Raises
    ------
    InputError
        It is none, of an unknown version, damaged or cut short, or has no counts.
    """
    with open_input(path, largest=LARGEST_BYTES) as file:
        head = file.read(16)
    if head.startswith(PHU):
        return _read_phu(path)
    ident = head.split(b"\0")[0]
    if ident == b"PicoHarp 300":
        return _read_picoharp(path)
    if ident == b"HydraHarp":
        return _read_hydraharp(path)
    if ident in (b"TimeHarp 200", b"TimeHarp 100"):
        return _read_timeharp(path)
    raise refuse_file(path, "is no PHU, PHD, HHD or THD file of PicoQuant")


def _read_picoharp(path: Path) -> HistogramFile:
    cursor = opened(path)
    cursor.take(PICOHARP_HEADER)
    header = cursor.header
    _check_version(path, header, ("2.0",), "PicoHarp")
    _check_boards(path, header, exactly=1)
    curves = _curve_headers(path, header, cursor.offset, PICOHARP_CURVE)
    # the resolution is stated in ns
    found = [(each, 1.0 * each["Resolution"], each["DataOffset"]) for each in curves]
    return _file(path, "PHD", header, found)


def _read_hydraharp(path: Path) -> HistogramFile:
    cursor = opened(path)
    cursor.take(HYDRAHARP)
    header = cursor.header
    _check_version(path, header, tuple(TICKS_HYDRAHARP_PS), "HydraHarp")
    inputs = header["Inputs"]
    if not 0 <= inputs <= MOST_INPUTS:
        raise refuse_file(
            path, f"has a broken header: it counts {inputs} inputs, but at most {MOST_INPUTS} are allowed"
        )
    if inputs > 0:
        # without the count rates of the inputs, which only files of tagged photons have
        cursor.take([("InputSettings", INTEGER, (inputs, 4))])
    curves = _curve_headers(path, header, cursor.offset, HYDRAHARP_CURVE)
    # and here in ps
    found = [(each, 1e-3 * each["Resolution"], each["DataOffset"]) for each in curves]
    return _file(path, "HHD", header, found)


def _read_timeharp(path: Path) -> HistogramFile:
    cursor = opened(path)
    cursor.take(TEXTS[:2])
    version = cursor.header["FormatVersion"]
    _check_version(path, cursor.header, TIMEHARP_VERSIONS, "TimeHarp")
    cursor.offset = 0
    cursor.take(timeharp_fields(version))
    header = cursor.header
    boards = _check_boards(path, header)
    for _ in range(boards):
        cursor.take(timeharp_board(version))
    bins = _checked_bins(path, header["Channels"], "the header")
    # the header of a curve, and its counts behind it
    size = np.dtype(TIMEHARP_CURVE).itemsize
    curves = _curve_headers(path, header, cursor.offset, TIMEHARP_CURVE, apart=4 * bins)
    found = []
    for k, curve in enumerate(curves):
        place = cursor.offset + k * (size + 4 * bins) + size
        found.append(({**curve, "Bins": bins}, 1.0 * curve["Resolution"], place))
    return _file(path, "THD", header, found)


def _check_version(path: Path, header: Mapping[str, Any], versions: Sequence[str], what: str) -> None:
    version = header["FormatVersion"]
    if version not in versions:
        raise refuse_file(path, f"is a {what} file of version {version[:6]!r}; supported are {', '.join(versions)}")


def _check_boards(path: Path, header: Mapping[str, Any], *, exactly: int | None = None) -> int:
    boards = int(header["Boards"])
    if not 1 <= boards <= (exactly or MOST_BOARDS):
        raise refuse_file(path, f"has a broken header: it counts {boards} boards")
    return boards


def _curve_headers(
    path: Path, header: Mapping[str, Any], offset: int, fields: Fields, *, apart: int = 0
) -> list[dict[str, Any]]:
    """Headers of all curves, which lie `apart` bytes from the end of one to the start of the next."""
    mode, bits, curves = header["MeasurementMode"], header["BitsPerRecord"], header["Curves"]
    if mode != HISTOGRAM_MODE:
        raise refuse_file(path, f"contains no histograms: its header states measurement mode {mode}")
    if bits != 32:
        raise refuse_file(path, f"states counts of {bits} bits; all known files have 32")
    if not 1 <= curves <= MOST_CURVES:
        raise refuse_file(path, f"has a broken header: it counts {curves} curves; from 1 to {MOST_CURVES} are allowed")
    layout = np.dtype(fields)
    stride = layout.itemsize + apart
    headers = []
    with open_input(path) as file:
        for k in range(curves):
            file.seek(offset + k * stride)
            raw = file.read(layout.itemsize)
            if len(raw) < layout.itemsize:
                raise refuse_file(path, f"ends early: of {curves} curves the header of curve {k} is missing")
            cursor = Cursor(path, raw)
            cursor.take(fields)
            headers.append(cursor.header)
    return headers


def _checked_bins(path: Path, bins: int, what: str) -> int:
    if not FEWEST_BINS <= bins <= MOST_BINS:
        raise refuse_file(path, f"states {bins} bins in {what}; from {FEWEST_BINS} to {MOST_BINS} are allowed")
    return int(bins)


def _counts(path: Path, place: int, bins: int, k: int, size: int) -> Floats:
    if not (place > 0 and place + 4 * bins <= size):
        raise refuse_file(path, f"ends early or is damaged: the {bins} bins of curve {k} are not within the file")
    with open_input(path) as file:
        file.seek(place)
        counts: Floats = np.fromfile(file, dtype="<u4", count=bins).astype(np.float64)
    return counts


def _file(path: Path, extension: str, header: Mapping[str, Any], found: list[tuple[Any, float, int]]) -> HistogramFile:
    """Read the counts of the curves, given as header, bin width in ns and place of the counts."""
    size = path.stat().st_size
    curves, empty = [], 0
    for k, (curve, stated_ns, place) in enumerate(found):
        bins = _checked_bins(path, curve["Bins"], f"curve {k}")
        counts = _counts(path, place, bins, k, size)
        if not counts.any():
            empty += 1
            continue
        # single precision: six digits are meant
        width = checked_width(path, float(f"{stated_ns:.6g}"), f"in curve {k}")
        channel = curve.get("InputChannel", curve.get("RoutingChannel"))
        name = f"curve {k}" if channel is None else f"channel {channel}"
        curves.append(
            Histogram(k, name, counts, width, unit="ns", period_ns=period_of(curve["SyncRate"]), header=curve)
        )
    named = [header.get("HardwareIdent") or header["Ident"], header.get("HardwareSerial")]
    return _with_counts(
        path,
        f"PicoQuant {extension} {header['FormatVersion']}",
        curves,
        empty,
        instrument=" ".join(str(part) for part in named if part not in (None, "")),
        created=header["FileTime"] or None,
        comment=header["Comment"] or None,
        header=dict(header),
    )


def _with_counts(path: Path, name: str, curves: list[Histogram], empty: int, **about: Any) -> HistogramFile:
    if not curves:
        raise refuse_file(path, "contains no counts: all its curves are empty")
    notes = (f"{empty} curve{'s' if empty > 1 else ''} without counts {'are' if empty > 1 else 'is'} left out.",)
    return HistogramFile(str(path), name, tuple(curves), notes=notes if empty else (), **about)


def _read_phu(path: Path) -> HistogramFile:
    with open_input(path) as file:
        tags = read_tags(file, path, magic=PHU, kind="PHU")
    size = path.stat().st_size
    bins = _listed(tags, "HistResDscr_HistogramBins")
    places = _listed(tags, "HistResDscr_DataOffset")
    widths = _listed(tags, "HistResDscr_MDescResolution")
    if not bins or not len(bins) == len(places) == len(widths):
        raise refuse_file(path, "is a damaged PHU file: its curves are not fully described")
    if len(bins) > MOST_CURVES:
        raise refuse_file(
            path, f"has a broken header: it describes {len(bins)} curves; at most {MOST_CURVES} are allowed"
        )
    rates = _listed(tags, "HistResDscr_SyncRate") or _listed(tags, "TTResult_SyncRate")
    curves, empty = [], 0
    for k in range(len(bins)):
        number = _checked_bins(path, int(bins[k]), f"curve {k}")
        counts = _counts(path, int(places[k]), number, k, size)
        if not counts.any():
            empty += 1
            continue
        width = checked_width(path, 1e9 * widths[k], f"in curve {k}")
        rounded = float(f"{width:.6g}")
        width = rounded if abs(rounded - width) <= 1e-7 * width else width
        rate = rates[min(k, len(rates) - 1)] if rates else 0.0
        entries = {name: entry for name, values in tags.items() if (entry := _entry(name, values, k)) is not None}
        curves.append(Histogram(k, f"curve {k}", counts, width, unit="ns", period_ns=period_of(rate), header=entries))
    instrument = " ".join(str(tags[name]) for name in ("HW_Type", "HW_SerialNo") if tags.get(name))
    return _with_counts(
        path,
        "PicoQuant PHU",
        curves,
        empty,
        instrument=instrument or None,
        created=_text_or_none(tags.get("File_CreatingTime")),
        comment=_text_or_none(tags.get("File_Comment")),
        header=tags,
    )


def _entry(name: str, values: HeaderValue, k: int) -> HeaderValue:
    """What an entry of the header states about curve `k`."""
    if name.startswith("HistResDscr_") and isinstance(values, list) and k < len(values):
        return values[k]
    return None


def _listed(tags: Mapping[str, HeaderValue], name: str) -> list[float]:
    """Numbers of an entry, a single one as a list; empty where any is not a finite number."""
    value = tags.get(name)
    values = value if isinstance(value, list) else [value]
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return numbers if len(numbers) == len(values) and all(map(math.isfinite, numbers)) else []


def _text_or_none(value: HeaderValue) -> str | None:
    return str(value) if value else None
