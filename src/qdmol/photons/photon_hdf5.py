"""Photon-HDF5: photons with their clock and setup in one HDF5 file.

The format is that of A. Ingargiola et al., Biophys. J. 110, 26 (2016), doi:10.1016/j.bpj.2015.11.013; versions up to
0.5 are read. Timestamps without nanotimes are T2; with nanotimes they are T3, where a tick of the timestamps is taken
as a period of the laser.

The photons of a Photon-HDF5 file, piece by piece.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from qdmol.errors import DataError, InputError
from qdmol.files import printable
from qdmol.photons.ordering import ordered
from qdmol.photons.photon_hdf5_access import (
    DAMAGE,
    KIND,
    child_names,
    integer_array,
    number_of,
    opened,
    small_integers,
    text_of,
)
from qdmol.photons.photon_hdf5_writing import OWN
from qdmol.photons.raw_files import LONGEST_S, check_span, file_size, not_a_file_of
from qdmol.photons.stream import Mode, PhotonStream, Provenance, Records


@dataclass(frozen=True, slots=True)
class Names:
    """Where the arrays are: paths in the file, None for what is not there; `marker_ids` are no detectors."""

    timestamps: str
    detectors: str | None
    nanotimes: str | None
    sync_times: str | None = None
    marker_times: str | None = None
    markers: str | None = None
    marker_ids: tuple[int, ...] = ()


class _Follower:
    """Values of a rising dataset, handed out as far as a clock has come."""

    def __init__(self, dataset: Any, beside: Any = None, *, size: int = 1 << 18) -> None:
        self.dataset, self.beside, self.size, self.place = dataset, beside, size, 0
        self.held = np.zeros(0, dtype=np.int64)
        self.held_beside = np.zeros(0, dtype=np.uint8)

    def up_to(self, time: int | None, *, most: int) -> tuple[NDArray[np.int64], NDArray[np.uint8], bool]:
        """Return what has not been given up to `time`, all of it if None; what is beside it; and whether that is all.

        At most about `most` are given at once.
        """
        if self.dataset is None:
            return self.held, self.held_beside, True
        while self._may_follow(time) and len(self.held) <= most:
            stop = min(self.place + self.size, self.dataset.shape[0])
            self.held = np.concatenate([self.held, _integers(self.dataset, self.place, stop)])
            if self.beside is not None:
                self.held_beside = np.concatenate([self.held_beside, self.beside[self.place : stop].astype(np.uint8)])
            self.place = stop
        cut = len(self.held) if time is None else int(np.searchsorted(self.held, time, side="right"))
        # numbers in no order are given as they come: what reads them finds that out
        cut = min(cut, most) if cut or not self._may_follow(time) else min(len(self.held), most)
        given = self.held[:cut], self.held_beside[:cut]
        self.held, self.held_beside = self.held[cut:], self.held_beside[cut:]
        more = self._may_follow(time) or (len(self.held) > 0 and (time is None or int(self.held[0]) <= time))
        return *given, not more

    def _may_follow(self, time: int | None) -> bool:
        """Whether values up to `time` may stand in what is not read yet."""
        if self.dataset is None or self.place >= self.dataset.shape[0]:
            return False
        return time is None or not len(self.held) or int(self.held[-1]) <= time


def _integers(dataset: Any, start: int, stop: int) -> NDArray[np.int64]:
    values = dataset[start:stop]
    if values.dtype.kind == "u" and values.dtype.itemsize == 8 and len(values) and int(values.max()) > 2**63 - 1:
        raise DataError("A timestamp exceeds 63 bits; the file is damaged.")
    whole: NDArray[np.int64] = values.astype(np.int64)
    return whole


@dataclass(frozen=True, slots=True)
class PhotonHdf5Source:
    """Photons of a file, read piece by piece."""

    path: Path
    names: Names
    time_unit_ps: float

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the photons, `size` at a time; sync pulses and markers come with the photons of their time.

        Raises
        ------
        DataError
            The file is damaged further down, or a number is not possible.
        """
        with opened(self.path) as file:
            syncs = _Follower(self._array(file, self.names.sync_times))
            markers = _Follower(self._array(file, self.names.marker_times), self._array(file, self.names.markers))
            total = self._array(file, self.names.timestamps).shape[0]
            first: int | None = None
            for start in range(0, total, size) if total else [0]:
                stop = min(start + size, total)
                try:
                    records = self._piece(file, start, stop)
                    first = int(records.times[0]) if first is None and len(records) else first
                    check_span(records.times, first=first or 0, tick_ps=self.time_unit_ps)
                    last = int(records.times[-1]) if stop < total else None
                    for part in self._beside(records, syncs, markers, last=last, size=size):
                        for times in (part.sync_times, part.marker_times):
                            check_span(times, first=first or 0, tick_ps=self.time_unit_ps)
                        yield part
                except DAMAGE as error:
                    raise DataError(f"`{self.path.name}` is damaged from photon {start} on.") from error

    def _beside(
        self, records: Records, syncs: _Follower, markers: _Follower, *, last: int | None, size: int
    ) -> Iterator[Records]:
        """Give photons with their sync pulses and markers, in parts where there are more of those than photons."""
        complete = False
        while not complete:
            upto = last
            sync_times, _, no_syncs = syncs.up_to(upto, most=size)
            if not no_syncs:
                upto = int(sync_times[-1])
            marker_times, bits, no_markers = markers.up_to(upto, most=size)
            if not no_markers:
                upto = int(marker_times[-1])
            complete = no_syncs and no_markers
            part = records
            if not complete and upto is not None:
                cut = int(np.searchsorted(records.times, upto, side="right"))
                part, records = records.between(0, cut), records.between(cut, len(records))
            yield self._with_marks(part, sync_times, marker_times, bits)

    def _array(self, file: h5py.File, name: str | None) -> Any:
        return None if name is None else integer_array(file, name)

    def _piece(self, file: h5py.File, start: int, stop: int) -> Records:
        times = _integers(self._array(file, self.names.timestamps), start, stop)
        channels = np.zeros(len(times), dtype=np.int64)
        delays = None
        if self.names.detectors is not None:
            channels = self._array(file, self.names.detectors)[start:stop].astype(np.int64)
        if len(channels) and not 0 <= int(channels.min()) <= int(channels.max()) <= 255:
            raise DataError("A detector number is outside 0 to 255; other numbers are not supported.")
        if self.names.nanotimes is not None:
            long = self._array(file, self.names.nanotimes)[start:stop].astype(np.int64)
            if len(long) and not 0 <= int(long.min()) <= int(long.max()) < 2**32:
                raise DataError("A nanotime is negative or longer than 32 bits; the file is damaged.")
            delays = long.astype(np.uint32)
        return Records(times=times, channels=channels.astype(np.uint8), delays=delays)

    def _with_marks(
        self, records: Records, sync_times: NDArray[np.int64], times: NDArray[np.int64], bits: NDArray[np.uint8]
    ) -> Records:
        if self.names.marker_ids:
            marked = np.isin(records.channels, self.names.marker_ids)
            places = np.searchsorted(self.names.marker_ids, records.channels[marked])
            times, bits = records.times[marked], np.left_shift(1, np.minimum(places, 7)).astype(np.uint8)
            records = records.select(~marked)
        return replace(records, sync_times=sync_times, marker_times=times, markers=bits[: len(times)])


MAGIC = b"\x89HDF\r\n\x1a\n"
# Our own entry under /user, as text of JSON, is a few levels deep.
DEEPEST = 20


def _scalar(file: h5py.File, name: str) -> float | None:
    """Return a finite positive number of the file; None if there is none."""
    value = number_of(file, name)
    return value if value is not None and math.isfinite(value) and value > 0 else None


@dataclass(slots=True)
class _Content:
    """What is read from a file before its photons."""

    names: Names
    time_unit_ps: float | None
    delay_unit_ps: float | None
    laser_rate_hz: float | None
    photons: int
    ends: tuple[int, int] | None
    duration_s: float | None
    texts: dict[str, str]
    own: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)


TEXTS = (
    "description",
    "identity/format_version",
    "identity/software",
    "identity/creation_time",
    "identity/author",
    "provenance/filename",
    "provenance/creation_time",
    "provenance/software",
    "sample/sample_name",
)


def _spot(file: h5py.File, path: Path, notes: list[str]) -> str:
    """Return the group of photons: the first, if there are several spots."""
    groups = [name for name in child_names(file) if re.fullmatch(r"photon_data\d*", name)]
    if not groups:
        raise not_a_file_of(KIND, path, why="it has no /photon_data")
    if len(groups) > 1:
        notes.append(f"The file holds {len(groups)} spots; only the first ({groups[0]}) is read.")
    return f"/{groups[0]}"


def _marker_ids(file: h5py.File, group: str) -> tuple[int, ...]:
    specs = f"{group}/measurement_specs/detectors_specs"
    # the format counts them from 1; some programs write one without a number
    names = ["non_photon_id", *(f"non_photon_id{k}" for k in range(1, 9))]
    ids = {value for name in names for value in small_integers(file, f"{specs}/{name}")}
    return tuple(sorted(value for value in ids if 0 <= value <= 255))


def _own_state(file: h5py.File, path: Path) -> dict[str, Any]:
    text = text_of(file, f"{OWN}/stream")
    try:
        state = json.loads(text) if text else {}
        deep = _is_deeper(state, DEEPEST)
    except RecursionError:
        deep = True
    if deep:
        raise not_a_file_of(KIND, path, why=f"{OWN}/stream is nested deeper than {DEEPEST} levels")
    return _printable_values(state) if isinstance(state, dict) else {}


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def _printable_values(value: Any) -> Any:
    if isinstance(value, dict):
        return {printable(str(key)): _printable_values(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_printable_values(each) for each in value]
    return printable(value) if isinstance(value, str) else value


def _examine(file: h5py.File, path: Path) -> _Content:
    notes: list[str] = []
    group = _spot(file, path, notes)
    stamps = integer_array(file, f"{group}/timestamps")
    if stamps is None:
        raise not_a_file_of(KIND, path, why=f"it has no {group}/timestamps")
    photons = int(stamps.shape[0])
    marker_times = integer_array(file, f"{OWN}/marker_times")
    marks = 0 if marker_times is None else int(marker_times.shape[0])

    def there(name: str, length: int | None) -> str | None:
        return None if integer_array(file, name, length=length) is None else name

    names = Names(
        timestamps=f"{group}/timestamps",
        detectors=there(f"{group}/detectors", photons),
        nanotimes=there(f"{group}/nanotimes", photons),
        sync_times=there(f"{OWN}/sync_times", None),
        marker_times=there(f"{OWN}/marker_times", None),
        markers=there(f"{OWN}/markers", marks),
        marker_ids=_marker_ids(file, group),
    )
    ends = (int(stamps[0]), int(stamps[photons - 1])) if photons else None
    return _Content(
        names=names,
        time_unit_ps=_ps(_scalar(file, f"{group}/timestamps_specs/timestamps_unit")),
        delay_unit_ps=_ps(_scalar(file, f"{group}/nanotimes_specs/tcspc_unit")),
        laser_rate_hz=_scalar(file, f"{group}/measurement_specs/laser_repetition_rate"),
        photons=photons,
        ends=ends,
        duration_s=_scalar(file, "/acquisition_duration"),
        texts={name: text for name in TEXTS if (text := text_of(file, f"/{name}")) is not None},
        own=_own_state(file, path),
        notes=notes,
    )


def _ps(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e12


def _check(content: _Content, path: Path) -> float:
    """Return the unit of the timestamps in ps; what cannot be is noted."""
    unit = content.time_unit_ps
    if unit is None:
        raise not_a_file_of(KIND, path, why="it does not state the unit of its timestamps")
    if not 1e-3 <= unit <= 1e10:
        content.contradictions.append(f"The unit of the timestamps is stated as {unit * 1e-12:.3g} s.")
    if content.ends is not None and abs(content.ends[1] - content.ends[0]) * unit * 1e-12 > LONGEST_S:
        span = abs(content.ends[1] - content.ends[0]) * unit * 1e-12
        content.contradictions.append(
            f"First and last photon are {span:.3g} s apart; no measurement is that long, so "
            "the timestamps or their unit are wrong."
        )
    if content.names.detectors is None:
        content.notes.append("The file does not state the detector of each photon; all are assigned to channel 0.")
    return unit


def _exact(own: dict[str, Any], key: str, value: float | None) -> float | None:
    """Return the number as it was before it became seconds, if the file has it."""
    exact = own.get(key)
    if not isinstance(exact, float | int) or isinstance(exact, bool) or value is None:
        return value
    # an integer may be too long for a number with decimals
    close = abs(exact) < 1e300 and math.isclose(exact, value, rel_tol=1e-9)
    return float(exact) if close else value


def _clocks(content: _Content, unit: float, path: Path) -> tuple[Mode, float, float | None]:
    """Return mode, tick and sync period in ps."""
    laser = None if content.laser_rate_hz is None else 1e12 / content.laser_rate_hz
    if content.names.nanotimes is not None and content.delay_unit_ps is None:
        raise not_a_file_of(KIND, path, why="it has nanotimes but does not state their unit")
    if content.names.nanotimes is None or content.delay_unit_ps is None:
        return "T2", _exact(content.own, "tick_ps", unit) or unit, _exact(content.own, "sync_period_ps", laser)
    if laser is not None and abs(laser / unit - 1) > 0.01:
        content.notes.append(
            f"A tick of the timestamps ({unit / 1e3:.6g} ns) is not the period of the laser ({laser / 1e3:.6g} ns); "
            "delays are taken within the tick."
        )
    tick = _exact(content.own, "tick_ps", content.delay_unit_ps) or content.delay_unit_ps
    return "T3", tick, _exact(content.own, "sync_period_ps", unit)


def _provenance(path: Path, content: _Content, mode: Mode) -> Provenance:
    origin = content.own.get("origin")
    header: dict[str, Any] = dict(content.texts)
    if isinstance(origin, dict):
        header["origin"] = origin
    return Provenance(
        format=KIND,
        record_type=f"version {content.texts.get('identity/format_version', 'not stated')}, {mode}",
        path=str(path),
        instrument=content.texts.get("provenance/software"),
        created=content.texts.get("provenance/creation_time") or content.texts.get("identity/creation_time"),
        comment=content.texts.get("description"),
        header=header,
    )


def read_photon_hdf5(path: Path) -> PhotonStream:
    """Read a Photon-HDF5 file.

    Parameters
    ----------
    path
        The file. Of several spots the first is read.

    Returns
    -------
    PhotonStream
        T2, or T3 where there are nanotimes.

    Raises
    ------
    InputError
        There is no such file, it is damaged, or it has no timestamps or no unit for them.
    """
    file_size(path)
    with opened(path) as file:
        try:
            content = _examine(file, path)
        except InputError:
            raise
        except DAMAGE as error:
            raise not_a_file_of(KIND, path, why="it is damaged") from error
    unit = _check(content, path)
    mode, tick, period = _clocks(content, unit, path)
    names = content.names if mode == "T3" else replace(content.names, nanotimes=None)
    own = content.own
    notes = [str(note) for note in own.get("notes", [])] if isinstance(own.get("notes"), list) else []
    return PhotonStream(
        mode=mode,
        tick_ps=tick,
        sync_period_ps=period,
        source=ordered(PhotonHdf5Source(path, names, unit), mode=mode),
        provenance=_provenance(path, content, mode),
        stated_photons=content.photons if not names.marker_ids else None,
        stated_duration_s=content.duration_s,
        notes=(*notes, *content.notes),
        truncated=own.get("truncated") is True,
        unordered=own.get("unordered") is True,
        contradictions=tuple(content.contradictions),
    )


def looks_like_photon_hdf5(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Whether a file may be one: it begins as HDF5 files do."""
    return head.startswith(MAGIC)
