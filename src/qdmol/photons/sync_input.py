"""The SYNC input of a time tagger in T2 mode: a laser's pulses, or a second detector.

Instruments with two inputs (TimeHarp 260, HydraHarp with one module) have a second detector on the SYNC input for a
Hanbury Brown and Twiss experiment. T2 records of that input carry a mark of their own, and only their times tell
whether they are pulses at equal distances or photons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qdmol.photons.ordering import ordered
from qdmol.photons.stream import SYNC_CHANNEL, PhotonStream, Records, Source
from qdmol.photons.synchronising import steady_period

__all__ = ["SyncAsDetector", "holds_photons", "with_sync_detector"]

_PULSES = 4096  # events that are looked at
_FEWEST = 64
_RECORDS = 1 << 18  # records a stretch, and stretches, in which they are looked for
_STRETCHES = 16
_SPREAD = 0.4  # standard deviation of the intervals over their mean: 1 for photons, 0 for pulses
_COMB_SPREAD = 0.1  # of intervals around multiples of the shortest, in periods; 0.29 without a comb
_NOTE = (
    "The events of the SYNC input come at irregular times, so they are the photons of a detector there; they are"
    " analysed as channel `sync`."
)
_SPARSE = 3.0  # mean interval in periods from which on a comb is pulsed light on a detector, not the pulses themselves


def holds_photons(times: NDArray[np.int64], *, tick_ps: float) -> bool:
    """Whether events at `times` (N,) in ticks are photons and not the pulses of a laser.

    Pulses come at multiples of one period, nearly all of them recorded or every n-th, even where they jitter. Photons
    have intervals as long as they are spread. Fewer than 64 events tell nothing and are taken for pulses.
    """
    if len(times) < _FEWEST or steady_period(times, tick_ps=tick_ps) is not None:
        return False
    intervals = np.diff(times)
    intervals = intervals[intervals > 0].astype(np.float64)
    if len(intervals) < _FEWEST // 2 or intervals.std() < _SPREAD * intervals.mean():
        return False
    period = float(np.quantile(intervals, 0.05))
    near = intervals[(intervals > 0.5 * period) & (intervals < 5.5 * period)] / period
    comb = len(near) > 8 and float((near - np.rint(near)).std()) < _COMB_SPREAD
    return not comb or bool(intervals.mean() > _SPARSE * period)


def with_sync_detector(stream: PhotonStream) -> PhotonStream:
    """Return a T2 stream whose sync events are photons with them in the channel `SYNC_CHANNEL`, others as they are.

    The first 4096 sync events decide. A sync rate that the header states is then that of the detector, and is dropped.
    """
    if stream.mode != "T2" or not _sync_is_detector(stream):
        return stream
    source = ordered(SyncAsDetector(stream.source), mode="T2")
    return replace(stream, source=source, sync_period_ps=None, notes=(*stream.notes, _NOTE))


def _sync_is_detector(stream: PhotonStream) -> bool:
    times = np.zeros(0, dtype=np.int64)
    for k, records in enumerate(stream.chunks(_RECORDS)):
        times = np.concatenate([times, records.sync_times])
        if len(times) >= _PULSES or k + 1 == _STRETCHES or (k > 0 and len(times) == 0):
            break
    return holds_photons(np.sort(times[:_PULSES]), tick_ps=stream.tick_ps)


@dataclass(frozen=True, slots=True)
class SyncAsDetector:
    """A T2 source whose sync events are photons of the channel `SYNC_CHANNEL`."""

    source: Source

    def chunks(self, size: int) -> Iterator[Records]:
        """Give the records with the sync events among the photons, in order of time within a stretch."""
        for records in self.source.chunks(size):
            times = np.concatenate([records.times, records.sync_times])
            added = np.full(len(records.sync_times), SYNC_CHANNEL, dtype=np.uint8)
            order = np.argsort(times, kind="stable")
            yield replace(
                records,
                times=times[order],
                channels=np.concatenate([records.channels, added])[order],
                sync_times=np.zeros(0, dtype=np.int64),
            )
