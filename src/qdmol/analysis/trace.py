"""Intensity against time: photons in bins, of any recording in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.passes import Steps, count, counted
from qdmol.analysis.stages import Recording, Results, Stage, labels
from qdmol.arrays import Integers
from qdmol.errors import InputError
from qdmol.photons import PhotonStream, Records

if TYPE_CHECKING:
    import xarray as xr

MOST_BINS = 1 << 21  # 16 MB a channel
_MOST_COUNTS = 1 << 23  # bins of all channels: a damaged file may have photons on 256


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Photons in bins of time.

    Attributes
    ----------
    bin_s : float
        Width of a bin in s.
    counts : int64 (bins, channels)
        Photons; the last bin is whole only if the recording ends on its edge.
    start_s : float
        Start of the first bin on the clock of the stream.
    channels : tuple of int
        The channel of each column.
    asked_bin_s : float
        The requested width; `bin_s` is larger if this would need too many bins.
    """

    bin_s: float
    counts: Integers
    start_s: float
    channels: tuple[int, ...]
    asked_bin_s: float

    @property
    def total(self) -> Integers:
        """Photons of all channels (bins,)."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.int64)

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Middle of each bin in s (bins,)."""
        return np.asarray(self.start_s + self.bin_s * (np.arange(len(self.counts)) + 0.5), dtype=np.float64)

    @property
    def note(self) -> str | None:
        """Note that the bins are wider than requested; None otherwise."""
        if self.bin_s == self.asked_bin_s:
            return None
        return (
            f"The trace has bins of {self.bin_s:.4g} s instead of {self.asked_bin_s:.4g} s, to limit their number in "
            "a recording of this length."
        )


def intensity_trace(stream: PhotonStream, *, bin_s: float = 0.01, most_bins: int = MOST_BINS) -> Trace:
    """Bin the photons of a stream in time.

    One pass in bounded memory: where the recording needs more than `most_bins`, bins are doubled in width until it
    fits, and the trace says so. Bins start at the zero of the clock, or at the first photon if that comes more than a
    second and the stated duration later (a clock that runs on between recordings).

    Parameters
    ----------
    stream
        Any photon stream; T3 photons stand at their sync pulse.
    bin_s
        Width of a bin in s.
    most_bins
        Bins that are kept at most.

    Raises
    ------
    InputError
        `bin_s` is not above 0, or `most_bins` is not an even number from 2.
    """
    if not (np.isfinite(bin_s) and bin_s > 0):
        raise InputError(field="bin_s", value=bin_s, allowed="above 0 s")
    if most_bins < 2 or most_bins % 2:
        raise InputError(field="most_bins", value=most_bins, allowed="an even number from 2")
    return count(TraceTally(stream, bin_s=bin_s, most_bins=most_bins))


class TraceTally:
    """Photons by time, in bins that grow in number up to a limit, then in width; else as :func:`intensity_trace`."""

    def __init__(self, stream: PhotonStream, *, bin_s: float = 0.01, most_bins: int = MOST_BINS) -> None:
        self.stream, self.bin_s, self.most = stream, bin_s, most_bins
        self.wanted_bin_s = bin_s
        self.unit_s = stream.time_unit_ps * 1e-12
        self.channels: list[int] = []
        self.counts: Integers = np.zeros((min(1024, most_bins), 0), dtype=np.int64)
        self.origin: int | None = None
        self.last = 0

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        from qdmol.analysis.kernels import bin_times

        times, channels = records.times, records.channels
        if len(records) == 0:
            return
        if self.origin is None:
            first = int(times[0])
            late = first * self.unit_s
            self.origin = 0 if first >= 0 and late <= max(1.0, self.stream.stated_duration_s or 0.0) else first
        columns = self._columns(channels)
        position = 0
        while position < len(times):
            position = bin_times(position, times, columns, self.origin, self.unit_s / self.bin_s, self.counts)
            if position < len(times):
                self._grow()
        self.last = int(times[-1])

    def _columns(self, channels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        seen = np.zeros(256, dtype=np.bool_)
        seen[channels] = True
        fresh = [int(c) for c in np.flatnonzero(seen) if int(c) not in self.channels]
        self.channels += fresh
        # bins are joined before there are columns for the new channels, which would need gigabytes
        while fresh and len(self.counts) > self._limit():
            self._merge()
        self.counts = np.pad(self.counts, ((0, 0), (0, len(fresh)))) if fresh else self.counts
        table = np.zeros(256, dtype=np.uint8)
        table[self.channels] = np.arange(len(self.channels))
        return table[channels]

    def _limit(self) -> int:
        """Bins that are kept at most: fewer where there are many channels."""
        return min(self.most, 1 << (_MOST_COUNTS // max(len(self.channels), 1)).bit_length() - 1)

    def _merge(self) -> None:
        """Make bins twice as wide and half as many."""
        self.counts = np.pad(self.counts, ((0, len(self.counts) % 2), (0, 0)))
        self.counts = self.counts[0::2] + self.counts[1::2]
        self.bin_s *= 2.0

    def _grow(self) -> None:
        now, most = len(self.counts), self._limit()
        if now >= most:
            self._merge()
        self.counts = np.pad(self.counts, ((0, min(len(self.counts), most - len(self.counts))), (0, 0)))

    def result(self) -> Trace:
        """Trace up to the end of the recording."""
        order = np.argsort(np.array(self.channels, dtype=np.int64))
        origin = self.origin or 0
        span = (self.last - origin) * self.unit_s
        stated = self.stream.stated_duration_s
        # silence at the end belongs to the recording, if the header can be believed
        if stated is not None and not self.stream.truncated and span < stated <= 2.0 * span:
            span = stated
        bins = 0 if self.origin is None else min(max(int(np.ceil(span / self.bin_s - 1e-9)), 1), self._limit())
        filled = np.flatnonzero(self.counts.sum(axis=1))
        bins = max(bins, int(filled[-1]) + 1 if len(filled) else 0)
        counts = np.zeros((bins, len(order)), dtype=np.int64)
        counts[: len(self.counts)] = self.counts[:bins, order]
        channels = tuple(self.channels[k] for k in order)
        return Trace(self.bin_s, counts, origin * self.unit_s, channels, self.wanted_bin_s)


class IntensityStage(Stage[Trace]):
    """Intensity in bins of the options, else of 10 ms, or narrower so that there are a hundred of them."""

    key = "trace"
    name = "intensity"
    absent = "no_trace"
    classes = (Trace,)

    def steps(self, recording: Recording) -> Steps[Trace]:
        """Count photons by time.

        Raises
        ------
        InputError
            The requested bins are longer than half the recording.
        """
        asked, duration_s = recording.options.bin_s, recording.quality.duration_s
        if asked is not None and asked > 0.5 * duration_s:
            allowed = f"at most half the recording, {0.5 * duration_s:.3g} s"
            raise InputError(field="bin", value=asked, allowed=allowed)
        bin_s = asked or min(0.01, duration_s / 100)
        return (yield from counted(TraceTally(recording.stream, bin_s=bin_s)))

    def sentences(self, results: Results) -> tuple[str, ...]:
        """Bins that are wider than requested."""
        trace = results[IntensityStage]
        return () if trace is None or trace.note is None else (trace.note,)

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add counts against time, and how often each intensity occurs."""
        trace = results[IntensityStage]
        if trace is None or not len(trace.counts):
            return
        data.coords["time"] = ("time", trace.times_s, labels("s", "centre of the bin"))
        data.coords["channel"] = ("channel", list(trace.channels), labels("1", "input channel"))
        data["trace"] = (("time", "channel"), trace.counts, labels("1", "photons in a bin", bin_s=trace.bin_s))
        # the last bin may be cut by the end of the recording
        total = trace.total[:-1] if len(trace.total) > 1 else trace.total
        # as many bins as resolve a shape in noise: Rice's rule
        bins = int(np.clip(2 * len(total) ** (1 / 3), 10, 80))
        step = max(1, -(-int(total.max() - total.min()) // bins))
        low = int(total.min())
        occurrences = np.bincount((total - low) // step)
        intensities = low + step * (np.arange(len(occurrences)) + 0.5) - 0.5
        about = labels("1", "photons of all channels in a time bin", bin_width=step)
        data.coords["intensity"] = ("intensity", intensities, about)
        data["intensity_occurrence"] = ("intensity", occurrences, labels("1", "time bins with that many photons"))
