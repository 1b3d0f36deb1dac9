"""The photons of a Photon-HDF5 file, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from qdmol.errors import DataError
from qdmol.photons.raw_files import check_span, not_a_file_of
from qdmol.photons.stream import Records

__all__ = ["DAMAGE", "KIND", "Names", "PhotonHdf5Source", "opened"]

KIND = "Photon-HDF5"
# What h5py raises where a file is damaged.
DAMAGE = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    MemoryError,
)


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading.

    Raises
    ------
    InputError
        It is no HDF5 file, or not a whole one.
    """
    try:
        file = h5py.File(path, "r")
    except DAMAGE as error:
        raise not_a_file_of(KIND, path, why="it is damaged or cut short, or it is no HDF5 file") from error
    with file:
        yield file


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

    def up_to(self, time: int | None) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return what has not been given up to `time`, all of it if None; and what is beside it."""
        if self.dataset is None:
            return self.held, self.held_beside
        length = self.dataset.shape[0]
        while self.place < length and (time is None or not len(self.held) or self.held[-1] <= time):
            stop = min(self.place + self.size, length)
            self.held = np.concatenate([self.held, _integers(self.dataset, self.place, stop)])
            if self.beside is not None:
                self.held_beside = np.concatenate([self.held_beside, self.beside[self.place : stop].astype(np.uint8)])
            self.place = stop
        cut = len(self.held) if time is None else int(np.searchsorted(self.held, time, side="right"))
        given = self.held[:cut], self.held_beside[:cut]
        self.held, self.held_beside = self.held[cut:], self.held_beside[cut:]
        return given


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
        """Give the photons, `size` at a time.

        Raises
        ------
        DataError
            The file is damaged further down, or a number is not possible.
        """
        with opened(self.path) as file:
            timestamps = file[self.names.timestamps]
            syncs = _Follower(self._dataset(file, self.names.sync_times))
            markers = _Follower(self._dataset(file, self.names.marker_times), self._dataset(file, self.names.markers))
            total = timestamps.shape[0]
            first: int | None = None
            for start in range(0, total, size) if total else [0]:
                stop = min(start + size, total)
                try:
                    records = self._piece(file, start, stop)
                    last = int(records.times[-1]) if stop < total else None
                    sync_times, (marker_times, bits) = syncs.up_to(last)[0], markers.up_to(last)
                except DAMAGE as error:
                    raise DataError(f"`{self.path.name}` cannot be read from photon {start} on: damaged.") from error
                first = int(records.times[0]) if first is None and len(records) else first
                check_span(records.times, first=first or 0, tick_ps=self.time_unit_ps)
                yield self._with_marks(records, sync_times, marker_times, bits)

    def _dataset(self, file: h5py.File, name: str | None) -> Any:
        return None if name is None else file[name]

    def _piece(self, file: h5py.File, start: int, stop: int) -> Records:
        times = _integers(file[self.names.timestamps], start, stop)
        channels = np.zeros(len(times), dtype=np.int64)
        delays = None
        if self.names.detectors is not None:
            channels = file[self.names.detectors][start:stop].astype(np.int64)
        if len(channels) and not 0 <= int(channels.min()) <= int(channels.max()) <= 255:
            raise DataError("A detector has a number outside 0 to 255; more are not read.")
        if self.names.nanotimes is not None:
            long = file[self.names.nanotimes][start:stop].astype(np.int64)
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
