"""The photons of a Photon-HDF5 file, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from qdmol.errors import DataError
from qdmol.photons.photon_hdf5_access import DAMAGE, integer_array, opened
from qdmol.photons.raw_files import check_span
from qdmol.photons.stream import Records

__all__ = ["Names", "PhotonHdf5Source"]


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
                    raise DataError(f"`{self.path.name}` cannot be read from photon {start} on: damaged.") from error

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
            raise DataError("A detector has a number outside 0 to 255; more are not read.")
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
