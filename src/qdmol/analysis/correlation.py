"""Correlation of two channels at logarithmically spaced lags, from ns to s.

Short lags: every pair is counted, by its integer lag. Long lags, from where a photon has some eight others within the
lag: pairs of counts in bins of at most 1/16 of the lag, which double in width from octave to octave; the products of
counts are pairs as well, spread over a triangle of one bin to either side of the lag. What is kept is one stretch of
photons and, for each octave, 32 bins: the memory does not grow with the lag nor with the recording.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.passes import Steps, count, counted
from qdmol.analysis.stages import Recording, Results, Stage, labels
from qdmol.arrays import Floats, Integers, lengthened
from qdmol.errors import DataError, InputError
from qdmol.photons import CHUNK, PhotonStream, Records, channel_label

if TYPE_CHECKING:
    import xarray as xr

_BLOCKS = 32
_PIECE = 1 << 15
_LEAST = 1 << 12  # bins passed on to the next octave at a time
_NEIGHBOURS = 8.0  # photons within the longest lag at which pairs are counted one by one
_SHORTEST = 16  # bins to the shortest lag of an octave
_MOST_CODES = 64 * 63


@dataclass(frozen=True, slots=True, eq=False)
class LogCorrelation:
    """Correlation at logarithmically spaced lags, 1 for steady light.

    Attributes
    ----------
    lag_ns : float (n,)
        Mean lag of each bin.
    low_ns, high_ns : float (n,)
        Edges of the bins. Lags go both ways: a pair counts by how far its photons are apart.
    value : float (n,)
        Pairs over those of steady light with the same mean rates, which is 1 where nothing correlates.
    error : float (n,)
        Standard error of `value`, from stretches of the recording.
    pairs : int64 (n,)
        Pairs counted.
    expected : float (n,)
        Pairs that steady light would give.
    channels : (int, int)
        Which inputs; twice the same for an autocorrelation.
    duration_s : float
        From the first to the last photon.
    """

    lag_ns: Floats
    low_ns: Floats
    high_ns: Floats
    value: Floats
    error: Floats
    pairs: Integers
    expected: Floats
    channels: tuple[int, int]
    duration_s: float


@dataclass(frozen=True, slots=True)
class Extent:
    """First and last time of a stream, and its photons on the two channels."""

    first: int
    last: int
    photons: int

    @property
    def span(self) -> int:
        """Length in units of the times."""
        return self.last - self.first + 1


@dataclass(slots=True)
class _Octave:
    """Bins of one width: those of the last 32 that later ones still need, and sums of products by lag and block."""

    width: int
    first_bins: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    second_bins: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    done: int = 0
    sums: Integers = field(default_factory=lambda: np.zeros((_BLOCKS, _SHORTEST), np.int64))
    odd: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None


def correlate_log(
    stream: PhotonStream,
    *,
    channels: tuple[int, int] = (0, 1),
    lag_min_ns: float | None = None,
    lag_max_s: float | None = None,
    per_decade: int = 10,
    chunk: int = CHUNK,
) -> LogCorrelation:
    """Correlate two channels at lags spaced logarithmically, both signs of lag together.

    value(τ) = pairs(τ) T² / (2 n1 n2 w (T - τ)) with w the lag bin's width (for an autocorrelation, which has each pair
    once, the 2 is left out): 1 at every lag for steady light, also at lags comparable with the recording. Counting
    pairs in logarithmic bins: Laurence, Fore, Huser, Opt. Lett. 31, 829 (2006), doi:10.1364/OL.31.000829; bins that
    widen with lag: Wahl, Gregor, Patting, Enderlein, Opt. Express 11, 3583 (2003), doi:10.1364/OE.11.003583. The
    error is that of leaving out each of 32 stretches of the recording in turn, at least that of the counts.

    In T3 the lag is that of the sync pulses, in whole periods: within a period a pulsed source's correlation is its
    decay, which `pair_histogram` shows.

    Parameters
    ----------
    stream : PhotonStream
        Gone through twice: for its length, and for its pairs.
    channels : (int, int)
        Which inputs; twice the same for an autocorrelation, in which dead time and afterpulses show.
    lag_min_ns : float or None
        Shortest lag; None for 1 ns, or one tick or sync period where that is longer.
    lag_max_s : float or None
        Longest lag, below the length of the recording; None for a tenth of it.
    per_decade : int
        Lag bins in a decade, 1 to 40; at long lags each is at least 1/16 of the lag wide.
    chunk : int
        Photons handed out at a time; the result does not depend on it.

    Raises
    ------
    InputError
        A lag or the number of bins is out of range.
    DataError
        There are fewer than two photons.
    """
    extent = count(ExtentTally(stream, channels), chunk=chunk)
    tally = CorrelationTally(
        stream, extent, channels=channels, lag_min_ns=lag_min_ns, lag_max_s=lag_max_s, per_decade=per_decade
    )
    return count(tally, chunk=chunk)


def far_level(correlation: LogCorrelation) -> float:
    """Mean value over the last half decade of lags, weighted by pairs: where bunching has gone, if it goes at all.

    A source that still blinks there is not back at 1.
    """
    far = correlation.lag_ns > correlation.lag_ns[-1] / np.sqrt(10.0)
    expected = float(correlation.expected[far].sum())
    return float(correlation.pairs[far].sum()) / expected if expected > 0 else float("nan")


class ExtentTally:
    """First and last time of a stream, and its photons on two channels."""

    def __init__(self, stream: PhotonStream, channels: tuple[int, int]) -> None:
        self.stream, self.channels = stream, channels
        self.first: int | None = None
        self.last = 0
        self.photons = 0

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        if len(records) == 0:
            return
        self.first = int(records.times[0]) if self.first is None else self.first
        self.last = int(records.times[-1])
        per_channel = np.bincount(records.channels, minlength=max(self.channels) + 1)
        self.photons += int(sum(per_channel[channel] for channel in set(self.channels)))

    def result(self) -> Extent:
        """Extent of the stream.

        Raises
        ------
        DataError
            There are fewer than two photons on the channels.
        """
        return extent_of(self.first, self.last, self.photons, channels=self.channels)


def extent_of(first: int | None, last: int, photons: int, *, channels: tuple[int, int]) -> Extent:
    """Extent of a stream whose times and photons are known; DataError for fewer than two photons."""
    if first is None or photons < 2:
        names = " and ".join(str(channel_label(channel)) for channel in channels)
        raise DataError(f"Channels {names} contain {photons} photons; a correlation needs at least two.")
    return Extent(first, last, photons)


class CorrelationTally:
    """Pairs of photons by the logarithm of their lag; parameters and errors as in :func:`correlate_log`."""

    def __init__(
        self,
        stream: PhotonStream,
        extent: Extent,
        *,
        channels: tuple[int, int],
        lag_min_ns: float | None = None,
        lag_max_s: float | None = None,
        per_decade: int = 10,
    ) -> None:
        if not 1 <= per_decade <= 40:
            raise InputError(field="per_decade", value=per_decade, allowed="between 1 and 40")
        self.stream, self.extent, self.channels, self.per_decade = stream, extent, channels, per_decade
        shortest, longest = _lag_range(stream, extent, lag_min_ns, lag_max_s)
        self.length = -(-extent.span // _BLOCKS)
        close = _NEIGHBOURS * extent.span / extent.photons
        # even, so that half a bin is a whole number
        width = 2 * max(1, round(min(max(close, shortest), 2.0 * longest) / (2 * _SHORTEST)))
        self.reach = width * _SHORTEST - width // 2  # lags below are counted one by one
        self.octaves: list[_Octave] = []
        while width * _SHORTEST <= longest:
            self.octaves.append(_Octave(width))
            width *= 2
        self.edges, self.bin_of_code = _short_bins(shortest, min(self.reach, int(longest) + 1), per_decade)
        self.limits = (self.length, int(self.edges[0]), int(self.edges[-1]) - 1 if len(self.edges) > 1 else 0)
        self.longest = longest
        self.short = np.zeros((_BLOCKS, 2, len(self.edges) - 1), dtype=np.int64)
        self.photons = np.zeros((_BLOCKS, 2), dtype=np.int64)
        # photons within reach of the last one
        self._times, self._second, self._kept = np.zeros(0, np.int64), np.zeros(0, np.bool_), 0

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        from qdmol.analysis.kernels import count_short, gather

        wanted = np.array(self.channels, dtype=np.int64)
        nothing, no_gate = np.zeros(0, np.uint32), np.zeros((0, 2), np.int64)
        times, second, kept = self._times, self._second, self._kept
        for start in range(0, len(records), _PIECE):
            piece = slice(start, start + _PIECE)
            new = len(records.times[piece])
            if kept + new >= len(times):
                times, second = lengthened(times[:kept], 2 * (kept + new)), lengthened(second[:kept], 2 * (kept + new))
            part = (records.times[piece] - self.extent.first, records.channels[piece], nothing)
            stop = gather(part, wanted, no_gate, (times, times, second), kept)
            tally = (self.short, self.photons)
            count_short((times, second), kept, stop, self.limits, self.bin_of_code, tally)
            if self.octaves and stop > kept:
                self._fill_octaves(times, second, kept, stop, same=self.channels[0] == self.channels[1])
            first = int(np.searchsorted(times[:stop], times[stop - 1] - self.reach)) if stop else 0
            times[: stop - first], second[: stop - first] = times[first:stop].copy(), second[first:stop].copy()
            kept = stop - first
        self._times, self._second, self._kept = times, second, kept

    def _fill_octaves(self, times: Integers, second: NDArray[np.bool_], start: int, stop: int, *, same: bool) -> None:
        """Put photons into the bins of the finest octave, and those that are full through all octaves."""
        from qdmol.analysis.kernels import fill_bins

        finest = self.octaves[0]
        while start < stop:
            # open bins go on from where the last stretch stopped; long gaps are walked through piece by piece
            first = finest.done
            most = first + _PIECE
            upto = start + int(np.searchsorted(times[start:stop], most * finest.width))
            size = most - first if upto < stop else int(times[stop - 1] // finest.width) - first + 1
            first_bins, second_bins = np.zeros(size, np.int32), np.zeros(size, np.int32)
            if finest.odd is not None:
                first_bins[0], second_bins[0] = finest.odd[0][0], finest.odd[1][0]
                finest.odd = None
            fill_bins((times, second), start, upto, first, finest.width, (first_bins, second_bins))
            if same:  # all photons are in the second set; in an autocorrelation they meet themselves
                first_bins = second_bins
            full = size if upto < stop else size - 1
            if full < size:
                finest.odd = (first_bins[full:], second_bins[full:])
            self._push(0, first_bins[:full], second_bins[:full])
            start = upto

    def _push(
        self, level: int, first_bins: NDArray[np.int32], second_bins: NDArray[np.int32], *, all_of_it: bool = False
    ) -> None:
        from qdmol.analysis.kernels import count_products

        octave = self.octaves[level]
        if len(first_bins) == 0:
            return
        past = len(octave.first_bins)
        all_first, all_second = (
            np.concatenate([octave.first_bins, first_bins]),
            np.concatenate([octave.second_bins, second_bins]),
        )
        lead = 2 * _SHORTEST
        if past < lead:  # at the start nothing came before
            none = np.zeros(lead - past, np.int32)
            all_first, all_second, past = np.concatenate([none, all_first]), np.concatenate([none, all_second]), lead
        for block, low, high in self._parts(octave, len(first_bins)):
            span = slice(low, past + high)
            count_products(all_first[span], all_second[span], past, _SHORTEST, octave.sums[block])
        octave.first_bins, octave.second_bins = all_first[-lead:], all_second[-lead:]
        octave.done += len(first_bins)
        if level + 1 < len(self.octaves):
            self._coarsen(level, first_bins, second_bins, all_of_it=all_of_it)

    def _coarsen(
        self, level: int, first_bins: NDArray[np.int32], second_bins: NDArray[np.int32], *, all_of_it: bool
    ) -> None:
        above = self.octaves[level + 1]
        if above.odd is not None:
            first_bins, second_bins = (
                np.concatenate([above.odd[0], first_bins]),
                np.concatenate([above.odd[1], second_bins]),
            )
        if len(first_bins) < _LEAST and not all_of_it:  # a call costs as much as some thousand bins
            above.odd = (first_bins, second_bins)
            return
        even = len(first_bins) // 2 * 2
        above.odd = (first_bins[even:].copy(), second_bins[even:].copy())
        self._push(
            level + 1,
            first_bins[:even:2] + first_bins[1:even:2],
            second_bins[:even:2] + second_bins[1:even:2],
            all_of_it=all_of_it,
        )

    def _finish(self) -> None:
        """Bring full bins that wait to be many through all octaves."""
        none = np.zeros(0, np.int32)
        for level in range(len(self.octaves) - 1):
            self._coarsen(level, none, none, all_of_it=True)

    def _parts(self, octave: _Octave, new: int) -> list[tuple[int, int, int]]:
        """Cut new bins where blocks begin: block, first and last of them."""
        first, parts, low = octave.done, [], 0
        while low < new:
            block = min((first + low) * octave.width // self.length, _BLOCKS - 1)
            end = new if block == _BLOCKS - 1 else -(-(block + 1) * self.length // octave.width) - first
            high = min(max(end, low + 1), new)
            parts.append((block, low, high))
            low = high
        return parts

    def result(self) -> LogCorrelation:
        """Join short and long lags, and normalise."""
        unit_ns, channels = self.stream.time_unit_ps * 1e-3, self.channels
        self._finish()
        same = channels[0] == channels[1]
        photons = self.photons[:, [1, 1]] if same else self.photons
        rows = [self.short[:, 0 if same else 1].T]
        low, high = self.edges[:-1].astype(np.float64), self.edges[1:].astype(np.float64)
        lag = 0.5 * (low + high - 1.0)
        starts = np.minimum(np.arange(_BLOCKS + 1) * self.length, self.extent.span).astype(np.float64)
        lows, highs, lags = [low], [high], [lag]
        exposures = [(high - low)[:, None] * _overlap(starts, lag)]
        for octave in self.octaves:
            for first, last in self._groups(octave.width):
                m = np.arange(first, last) + _SHORTEST
                rows.append(octave.sums[:, first:last].sum(axis=1)[None, :] // (2 if same else 1))
                lows.append(np.array([(first + _SHORTEST - 0.5) * octave.width]))
                highs.append(np.array([(last + _SHORTEST - 0.5) * octave.width]))
                lags.append(np.array([m.mean() * octave.width]))
                bins = np.minimum(-(-np.arange(_BLOCKS + 1) * self.length // octave.width), octave.done)
                exposures.append(_overlap(bins, m).sum(axis=0, keepdims=True) * float(octave.width) ** 2)
        lag = np.concatenate(lags)
        value, error, pairs, expected = _normalised(
            *(np.concatenate(rows), np.concatenate(exposures) * (1.0 if same else 2.0), photons),
            lengths=np.diff(starts),
        )
        return LogCorrelation(
            lag_ns=lag * unit_ns,
            low_ns=np.concatenate(lows) * unit_ns,
            high_ns=np.concatenate(highs) * unit_ns,
            value=value,
            error=error,
            pairs=pairs,
            expected=expected,
            channels=channels,
            duration_s=self.extent.span * unit_ns * 1e-9,
        )

    def _groups(self, width: int) -> list[tuple[int, int]]:
        """Runs of lags of an octave that share a bin."""
        lags = np.arange(_SHORTEST, 2 * _SHORTEST) * width
        lags = lags[lags <= self.longest]
        number = np.floor(np.log10(lags) * self.per_decade + 1e-9)
        cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(lags)]
        return [(a, b) for a, b in pairwise(cuts) if b > a]


def _overlap(starts: NDArray[Any], lag: NDArray[Any]) -> Floats:
    """Time, or bins, of each block (B + 1 `starts`) that lie at least each `lag` (n,) after the beginning: (n, B)."""
    late = np.maximum(starts[None, :-1], lag[:, None])
    return np.asarray(np.clip(starts[None, 1:] - late, 0, None), dtype=np.float64)


def _normalised(
    pairs: Integers, exposure: Floats, photons: Integers, *, lengths: Floats
) -> tuple[Floats, Floats, Integers, Floats]:
    """Value, standard error, pairs, expected pairs at each lag, from pairs and exposure (n, B) and photons (B, 2)."""
    totals, span = photons.sum(axis=0).astype(np.float64), float(lengths.sum())
    everything = exposure.sum(axis=1)
    expected = totals.prod() * everything / span**2
    counts = pairs.sum(axis=1)
    value = np.divide(counts, expected, out=np.full(len(counts), np.nan), where=expected > 0)
    # each block left out in turn: its pairs, its photons, and the time in which it could have had pairs
    others = (totals[None, :] - photons).prod(axis=1) / np.maximum(span - lengths, 1.0) ** 2
    left = (everything[:, None] - exposure) * others[None, :]
    partial = np.divide(counts[:, None] - pairs, left, out=np.zeros(left.shape), where=left > 0)
    number = len(lengths)
    scatter = np.sqrt((number - 1) / number * ((partial - partial.mean(axis=1, keepdims=True)) ** 2).sum(axis=1))
    least = np.divide(np.sqrt(np.maximum(counts, 1.0)), expected, out=np.full(len(counts), np.nan), where=expected > 0)
    return value, np.fmax(scatter, least), counts, expected


def _short_bins(shortest: int, end: int, per_decade: int) -> tuple[Integers, Integers]:
    """Edges of bins from `shortest` to `end`, on fine steps, and the bin of each fine step."""
    from qdmol.analysis.kernels import code_of

    bin_of_code = np.zeros(_MOST_CODES, dtype=np.int64)
    if end <= shortest:
        return np.array([shortest], dtype=np.int64), bin_of_code
    number = max(1, int(np.ceil(np.log10(end / shortest) * per_decade)))
    wanted = np.unique(np.rint(np.geomspace(shortest, end, number + 1)).astype(np.int64))[1:-1]
    starts = [_first_of(int(code_of(edge))) for edge in wanted]
    edges = np.unique(np.array([shortest, *[s for s in starts if shortest < s < end], end], dtype=np.int64))
    for k, (low, high) in enumerate(pairwise(edges.tolist())):
        bin_of_code[code_of(low) : code_of(high - 1) + 1] = k
    return edges, bin_of_code


def _first_of(code: int) -> int:
    """Smallest integer lag of a fine step."""
    return int(np.ceil((64 + code % 64) * 2.0 ** (code // 64) / 64))


def _lag_range(
    stream: PhotonStream, extent: Extent, lag_min_ns: float | None, lag_max_s: float | None
) -> tuple[int, float]:
    """Shortest and longest lag in units of the stream's times."""
    unit_ns = stream.time_unit_ps * 1e-3
    shortest = max(1, round((1.0 if lag_min_ns is None else lag_min_ns) / unit_ns))
    longest = 0.1 * extent.span if lag_max_s is None else lag_max_s * 1e9 / unit_ns
    if lag_max_s is None and not shortest < longest:
        raise DataError(
            f"All photons of the recording lie within {extent.span * unit_ns * 1e-9:.3g} s, too short a time for a "
            "correlation."
        )
    if not shortest < longest < extent.span:
        allowed = (
            f"above {shortest * unit_ns * 1e-9:.3g} s and below the recording's {extent.span * unit_ns * 1e-9:.4g} s"
        )
        raise InputError(field="lag_max_s", value=lag_max_s, allowed=allowed)
    return shortest, longest


class CorrelationStage(Stage[LogCorrelation]):
    """Correlation of the two brightest channels, or the autocorrelation of the only one."""

    key = "correlation"
    name = "correlation"
    absent = "no_correlation"
    effort = 4.0
    classes = (LogCorrelation,)

    def steps(self, recording: Recording) -> Steps[LogCorrelation]:
        """Count pairs; the extent of the recording is known from the scan."""
        only = next(iter(recording.quality.per_channel))
        channels, scan = recording.channels or (only, only), recording.scan
        photons = sum(recording.quality.per_channel.get(channel, 0) for channel in set(channels))
        extent = extent_of(scan.first_time, scan.last_time, photons, channels=channels)
        return (yield from counted(CorrelationTally(recording.stream, extent, channels=channels)))

    def add_to_data(self, data: xr.Dataset, results: Results) -> None:
        """Add the correlation with its interval."""
        correlation = results[CorrelationStage]
        if correlation is None:
            return
        data.coords["log_lag"] = ("log_lag", correlation.lag_ns, labels("ns", "mean lag of the bin"))
        # 1.96: 95 % of a normal distribution
        reach = 1.96 * correlation.error
        for end, values in {
            "": correlation.value,
            "_low": correlation.value - reach,
            "_high": correlation.value + reach,
        }.items():
            about = labels("1", f"correlation of two channels{end}", channels=list(correlation.channels))
            data[f"correlation{end}"] = ("log_lag", values, about)
        data["correlation_pairs"] = ("log_lag", correlation.pairs, labels("1", "pairs counted"))
