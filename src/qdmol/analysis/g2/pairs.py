"""Pairs of photons by the time between them: all pairs, both signs, in one pass over the stream.

Ready histograms of pairs from text files: a column of lags in ns and one of counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.g2.values import PairBlocks, PairHistogram
from qdmol.errors import InputError
from qdmol.files import read_input
from qdmol.photons import CHUNK, PhotonStream, Records

_UNEVEN = 1e-3  # of a bin
_LARGEST = 200_000_000  # bytes


def read_pair_histogram(
    path: Path | str,
    *,
    period_ns: float | None = None,
    photons: tuple[int, int] | None = None,
    duration_s: float | None = None,
) -> PairHistogram:
    """Read a histogram of pairs from a text file.

    Lines that are not two numbers, separated by spaces, a tab, a comma or a semicolon, are taken for a header.

    Parameters
    ----------
    path : path
        The file: lags in ns, evenly spaced, and whole numbers of pairs.
    period_ns, photons, duration_s : float, (int, int), float or None
        What the file does not say: time between pulses, photons of the two channels, length of the recording.

    Raises
    ------
    InputError
        The file cannot be read, or it is no such histogram.
    """
    rows = _rows(Path(path))
    if len(rows) < 3:
        raise InputError(field="FILE", value=str(path), allowed="a text file with columns of lags in ns and of pairs")
    lag, counts = np.array(rows).T
    steps = np.diff(lag)
    width = (lag[-1] - lag[0]) / (len(lag) - 1)
    if width <= 0 or np.abs(steps - width).max() > max(_UNEVEN, 1e-6 * np.abs(lag).max() / width) * width:
        raise InputError(field="FILE", value=str(path), allowed="a histogram whose lags rise in equal steps")
    if np.any(counts < 0) or np.any(counts != np.rint(counts)) or counts.max() > 2**53:
        raise InputError(field="FILE", value=str(path), allowed="a histogram of whole numbers of pairs, not normalised")
    return PairHistogram(
        counts=counts.astype(np.int64),
        bin_width_ns=float(width),
        first_lag_ns=float(lag[0]),
        photons=photons,
        duration_s=duration_s,
        period_ns=period_ns,
    )


def _rows(path: Path) -> list[tuple[float, float]]:
    text = read_input(path, largest=_LARGEST).decode("utf-8", errors="replace")
    rows = []
    for line in text.splitlines():
        words = line.replace(",", " ").replace(";", " ").split()
        try:
            values = [float(word) for word in words]
        except ValueError:
            continue
        if len(values) == 2 and np.all(np.isfinite(values)):
            rows.append((values[0], values[1]))
    return rows


# Delays of T3 photons in ticks, from and to, for each of the two channels.
Gate = NDArray[np.int64]

_BLOCKS = 64  # between half of this and this many stretches; they double in length when more would be needed
_FIRST_BLOCK_S = 1e-3
_PIECE = 1 << 15  # photons
_SCALE = 1 << 10  # parts of a tick in which whole periods are rounded, each on its own
_MOST_BINS = 20_000_000
_MOST_LOOKUP = 10_000_000


@dataclass(slots=True)
class _Kept:
    """Photons within the window of the last one, and room for the next stretch."""

    times: NDArray[np.int64]
    delays: NDArray[np.int64]
    second: NDArray[np.bool_]
    number: int = 0

    @property
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """All of them, as the loops take them."""
        return self.times, self.delays, self.second

    def make_room(self, size: int) -> None:
        if self.number + size >= len(self.times):
            room = self.number + size + size // 4 + 1  # one past the end is written before it is judged
            self.times = _longer(self.times[: self.number], room)
            self.delays = _longer(self.delays[: self.number], room)
            self.second = _longer(self.second[: self.number], room)

    def drop(self, first: int, number: int) -> None:
        """Keep photons first..number-1 only."""
        for values in (self.times, self.delays, self.second):
            values[: number - first] = values[first:number].copy()
        self.number = number - first


def _longer(values: NDArray[Any], size: int) -> NDArray[Any]:
    room = np.zeros(size, dtype=values.dtype)
    room[: len(values)] = values
    return room


@dataclass(slots=True)
class _Tally:
    """Counts so far, by block; blocks start at the first photon."""

    counts: NDArray[np.int32]
    photons: NDArray[np.int64]
    length: int
    origin: int | None = None
    last: int = 0


def pair_histogram(
    stream: PhotonStream,
    *,
    channels: tuple[int, int] = (0, 1),
    window_ns: float,
    bin_width_ns: float | None = None,
    gate: Gate | None = None,
    chunk: int = CHUNK,
) -> PairHistogram:
    """Count all pairs of photons on two channels by the time between them, of both signs.

    The recording is gone through once in stretches; photons within the window of a stretch's end are carried over, so
    the counts do not depend on how it is cut, and the memory is that of a stretch and of the histogram. Lags are
    differences of integers. In T3 a lag is a whole number of periods plus a difference of delays; the periods are
    rounded to 1/1024 tick each for itself, so that the lag axis is not stretched.

    Parameters
    ----------
    stream : PhotonStream
        T2 (lags by absolute time) or T3 (by sync number and delay).
    channels : (int, int)
        First and second input; a lag is the second's time less the first's. Twice the same for an autocorrelation, in
        which every pair counts at both signs.
    window_ns : float
        Lags from -window to +window, bin 0 centred on lag 0.
    bin_width_ns : float or None
        Rounded to a multiple of the tick, at least one; None takes a thousandth of the window.
    gate : int64 (2, 2) or None
        T3: only photons with delays from [k, 0] to below [k, 1], in ticks, for the first and the second channel.
    chunk : int
        Photons handed out at a time.

    Raises
    ------
    InputError
        Window or bin width are not above 0, or ask for too many bins.
    """
    tick_ns = stream.tick_ps * 1e-3
    wanted_width = window_ns / 1000 if bin_width_ns is None else bin_width_ns
    for name, value in (("window_ns", window_ns), ("bin_width_ns", wanted_width)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(field=name, value=value, allowed="above 0 ns")
    width = max(1, round(wanted_width / tick_ns))
    half = round(window_ns / tick_ns) // width
    if 2 * half + 1 > _MOST_BINS:
        raise InputError(field="bin_width_ns", value=bin_width_ns, allowed=f"such that there are <= {_MOST_BINS} bins")
    blocks = _BLOCKS if (2 * half + 1) * _BLOCKS <= _MOST_BINS else 2
    tally = _Tally(
        counts=np.zeros((blocks, 2 * half + 1), dtype=np.int32),
        photons=np.zeros((blocks, 2), dtype=np.int64),
        length=max(1, round(_FIRST_BLOCK_S * 1e12 / stream.time_unit_ps)),
    )
    _count(stream, tally, channels=channels, width=width, gate=gate, chunk=chunk)
    return _histogram(stream, tally, channels=channels, width_ns=width * tick_ns)


def _count(
    stream: PhotonStream, tally: _Tally, *, channels: tuple[int, int], width: int, gate: Gate | None, chunk: int
) -> None:
    from qdmol.analysis.kernels import absolute_pairs, gather, synchronous_pairs

    kept = _Kept(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_))
    wanted = np.array(channels, dtype=np.int64)
    limits = np.zeros((0, 2), dtype=np.int64) if gate is None else np.asarray(gate, dtype=np.int64)
    reach = width * (tally.counts.shape[1] // 2 + 1)
    table = None if stream.mode == "T2" else _whole_periods(stream, reach)
    longest = 0  # of the delays so far; an earlier photon can be later by no more than this
    same = channels[0] == channels[1]
    for records in _pieces(stream, chunk):
        kept.make_room(len(records))
        delays = np.zeros(0, np.uint32) if records.delays is None else records.delays
        start = kept.number
        stop = gather((records.times, records.channels, delays), wanted, limits, kept.arrays, start)
        tally.origin = int(records.times[0]) if tally.origin is None else tally.origin
        tally.last = int(records.times[-1])
        span = (start, stop, tally.origin, tally.length)
        if table is None:
            tally.length = absolute_pairs(kept.arrays, span, width, same, (tally.counts, tally.photons))
            back = reach
        else:
            if stop > start and kept.delays[start:stop].max() > longest:
                longest = int(kept.delays[start:stop].max())
                table = _whole_periods(stream, reach + longest)
            tally.length = synchronous_pairs(kept.arrays, span, width, same, table, (tally.counts, tally.photons))
            back = len(table)
        kept.drop(int(np.searchsorted(kept.times[:stop], tally.last - back)), stop)


def _pieces(stream: PhotonStream, chunk: int) -> Iterator[Records]:
    """Stretches small enough to stay in the processor's cache."""
    for records in stream.chunks(chunk):
        for start in range(0, len(records), _PIECE):
            piece = slice(start, start + _PIECE)
            delays = None if records.delays is None else records.delays[piece]
            yield Records(times=records.times[piece], channels=records.channels[piece], delays=delays)


def _whole_periods(stream: PhotonStream, reach: int) -> NDArray[np.int64]:
    """Parts of a tick, then the time of 0, 1, 2 .. periods in them, as far back as `reach` ticks can lie."""
    period = stream.time_unit_ps / stream.tick_ps
    farthest = int(np.ceil(reach / period)) + 1
    if farthest > _MOST_LOOKUP:
        raise InputError(field="window_ns", value=reach * stream.tick_ps * 1e-3, allowed="at most 10^7 sync periods")
    return np.concatenate([[_SCALE], np.rint(np.arange(farthest + 1) * (period * _SCALE))]).astype(np.int64)


def _histogram(stream: PhotonStream, tally: _Tally, *, channels: tuple[int, int], width_ns: float) -> PairHistogram:
    unit_s = stream.time_unit_ps * 1e-12
    span = tally.last - (tally.origin or 0)
    used = min(len(tally.counts), span // tally.length + 1)
    durations = np.full(used, tally.length * unit_s)
    durations[-1] = (span - (used - 1) * tally.length) * unit_s
    photons = tally.photons[:used].copy()
    if channels[0] == channels[1]:
        photons[:, 0] = photons[:, 1]
    half = tally.counts.shape[1] // 2
    totals = photons.sum(axis=0)
    period = stream.sync_period_ps
    return PairHistogram(
        counts=tally.counts.sum(axis=0, dtype=np.int64),
        bin_width_ns=width_ns,
        first_lag_ns=-half * width_ns,
        channels=channels,
        photons=(int(totals[0]), int(totals[1])),
        duration_s=span * unit_s,
        period_ns=None if period is None else period * 1e-3,
        blocks=PairBlocks(counts=tally.counts[:used], photons=photons, durations_s=durations),
    )
