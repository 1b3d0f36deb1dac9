"""Loops over photons that count pairs; compiled.

Every photon looks back at those before it as far as the window reaches, so each pair is met once, with the later
photon, and what has to be kept from one stretch to the next is what lies within the window of the last photon.

Loops that count pairs at logarithmic lags; compiled.

The loop of the intensity trace. Import inside functions: this module loads the compiler.

Kernel: photons counted by channel and delay.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Integers
from qdmol.photons import compiled

Flags = NDArray[np.bool_]
# times, channels, delays of a stretch; and times, delays, whether on the second channel, of the photons kept
Stretch = tuple[Integers, NDArray[np.uint8], NDArray[np.uint32]]
Kept = tuple[Integers, Integers, Flags]
# pairs (blocks, bins) and photons (blocks, 2); bin n // 2 is centred on lag 0
Tally = tuple[NDArray[np.int32], Integers]


@compiled
def gather(stretch: Stretch, wanted: Integers, gate: Integers, kept: Kept, start: int) -> int:
    """Append the photons of the two channels `wanted` and within `gate` (2 or 0, 2) to the kept; return how many."""
    times, channels, delays = stretch
    kept_times, kept_delays, kept_second = kept
    # no branches: which channel comes next cannot be foretold
    n = start
    synchronous, gated = len(delays) > 0, len(gate) > 0
    # one place past the last photon is written before it is judged
    if len(channels) != len(times) or (synchronous and len(delays) != len(times)):
        raise ValueError("times, channels and delays differ in length")
    if min(len(kept_times), len(kept_second)) < start + len(times) or (
        synchronous and len(kept_delays) < start + len(times)
    ):
        raise ValueError("there is no room for the photons")
    for i in range(len(times)):
        second = channels[i] == wanted[1]
        keep = second | (channels[i] == wanted[0])
        if synchronous:
            delay = np.int64(delays[i])
            kept_delays[n] = delay
            if gated:
                row = np.int64(second)
                keep &= (delay >= gate[row, 0]) & (delay < gate[row, 1])
        kept_times[n] = times[i]
        kept_second[n] = second
        n += int(keep)
    return n


@compiled
def _make_block(tally: Tally, since: int, length: int) -> tuple[int, int]:
    """Return the block of a time `since` the first one's beginning and the length of blocks, which double when full."""
    counts, photons = tally
    while since // len(counts) >= length:  # a product would overflow
        half = len(counts) // 2
        for k in range(half):
            counts[k] = counts[2 * k] + counts[2 * k + 1]
            photons[k] = photons[2 * k] + photons[2 * k + 1]
        counts[half:] = 0
        photons[half:] = 0
        length *= 2
    return since // length, length


@compiled
def absolute_pairs(
    kept: Kept,
    start: int,
    stop: int,
    origin: int,
    length: int,
    width: int,
    same: bool,  # noqa: FBT001
    tally: Tally,
) -> int:
    """Count pairs of photons start..stop-1 with all before them, by lag in ticks; return the length of a block.

    The first block begins at `origin`; blocks are `length` long, more where that would be too many.
    """
    times, _, second = kept
    counts, photons = tally
    n_bins = counts.shape[1]
    offset = width * (n_bins // 2) + width // 2
    block, edge = 0, origin
    for i in range(start, stop):
        t = times[i]
        if t >= edge:
            block, length = _make_block(tally, t - origin, length)
            edge = origin + (block + 1) * length
        photons[block, np.int64(second[i])] += 1
        earliest = t - offset - 1
        j = i - 1
        while j >= 0 and times[j] >= earliest:
            if same or second[j] != second[i]:
                lag = t - times[j] if second[i] else times[j] - t
                k = (lag + offset) // width
                if 0 <= k < n_bins:
                    counts[block, k] += 1
                k = (offset - lag) // width
                if same and 0 <= k < n_bins:
                    counts[block, k] += 1
            j -= 1
    return length


@compiled
def synchronous_pairs(
    kept: Kept,
    start: int,
    stop: int,
    origin: int,
    length: int,
    width: int,
    same: bool,  # noqa: FBT001
    table: Integers,
    tally: Tally,
) -> int:
    """Count pairs by lag where times are sync numbers, else as `absolute_pairs`; return the length of a block.

    `table` holds the parts of a tick, then the time of 0, 1, 2 .. periods in such parts. Only differences of sync
    numbers and of delays enter, so lags do not drift however long the recording is.
    """
    times, delays, second = kept
    counts, photons = tally
    scale, n_bins, most = table[0], counts.shape[1], len(table) - 2
    wide = width * scale
    offset = wide * (n_bins // 2) + wide // 2
    block, edge = 0, origin
    for i in range(start, stop):
        t = times[i]
        if t >= edge:
            block, length = _make_block(tally, t - origin, length)
            edge = origin + (block + 1) * length
        photons[block, np.int64(second[i])] += 1
        j = i - 1
        while j >= 0 and times[j] >= t - most:
            if same or second[j] != second[i]:
                lag = table[1 + t - times[j]] + (delays[i] - delays[j]) * scale
                lag = lag if second[i] else -lag
                k = (lag + offset) // wide
                if 0 <= k < n_bins:
                    counts[block, k] += 1
                k = (offset - lag) // wide
                if same and 0 <= k < n_bins:
                    counts[block, k] += 1
            j -= 1
    return length


Counts = NDArray[np.int32]
# times, and whether on the second channel
Photons = tuple[Integers, NDArray[np.bool_]]

FINE_BITS = 6  # 64 steps to an octave of lag, in which the edges of bins may lie


@compiled
def code_of(lag: int) -> int:
    """Number of the fine step an integer lag >= 1 falls in: exponent and leading bits of its floating-point form."""
    return (np.float64(lag).view(np.int64) >> (52 - FINE_BITS)) - (np.int64(1023) << FINE_BITS)  # type: ignore[return-value]


@compiled
def count_short(
    kept: Photons,
    start: int,
    stop: int,
    limits: tuple[int, int, int],
    bin_of_code: Integers,
    tally: tuple[Integers, Integers],
) -> None:
    """Count pairs of photons start..stop-1 with all before them, by fine step of the lag.

    `limits` are the length of a block, the shortest and the longest lag. The tally is of pairs (blocks, 2, bins),
    within a channel and across, and of photons (blocks, 2). Times count from the start of the first block.
    """
    times, second = kept
    length, shortest, reach = limits
    counts, photons = tally
    last = counts.shape[0] - 1
    if stop > min(len(times), len(second)):
        raise ValueError("there are fewer photons than are to be counted")
    for i in range(start, stop):
        t = times[i]
        block = min(t // length, last)
        mine = np.int64(second[i])
        photons[block, mine] += 1
        earliest = t - reach
        j = i - 1
        while j >= 0 and times[j] >= earliest:
            lag = t - times[j]
            if lag >= shortest:
                counts[block, mine ^ np.int64(second[j]), bin_of_code[code_of(lag)]] += 1
            j -= 1


@compiled
def fill_bins(kept: Photons, start: int, stop: int, first: int, width: int, bins: tuple[Counts, Counts]) -> None:
    """Add photons start..stop-1 to bins of `width`, bin 0 of the two arrays being bin number `first`."""
    times, second = kept
    one, other = bins
    if stop > min(len(times), len(second)):
        raise ValueError("there are fewer photons than are to be counted")
    for i in range(start, stop):
        k = times[i] // width - first
        if not 0 <= k < min(len(one), len(other)):
            raise ValueError("a photon lies outside the bins")
        if second[i]:
            other[k] += 1
        else:
            one[k] += 1


@compiled
def count_products(one: Counts, other: Counts, past: int, shortest: int, sums: Integers) -> None:
    """Add the products of bins past.. with those `shortest` .. 2 `shortest` - 1 bins before, across channels."""
    n = len(one)
    if len(other) != n or past < 2 * shortest - 1 or len(sums) < shortest:
        raise ValueError("the bins before the first product are missing")
    for k in range(shortest):
        m = shortest + k
        # slices, so that the loop runs in vectors
        late_one, late_other = one[past:n], other[past:n]
        early_one, early_other = one[past - m : n - m], other[past - m : n - m]
        total = np.int64(0)
        for i in range(len(late_one)):
            total += np.int64(late_one[i]) * np.int64(early_other[i])
            total += np.int64(late_other[i]) * np.int64(early_one[i])
        sums[k] += total


@compiled
def bin_times(start: int, times: Any, columns: Any, origin: int, bins_per_unit: float, counts: Any) -> int:
    """Count photons in bins of time; return how far it came before the bins were full."""
    top = float(counts.shape[0])
    if len(columns) != len(times):
        raise ValueError("times and columns differ in length")
    for i in range(start, len(times)):
        place = float(times[i] - origin) * bins_per_unit
        if place >= top:
            return i
        counts[int(max(place, 0.0)), columns[i]] += 1
    return len(times)


@compiled
def count_delays(channels: Any, delays: Any, counts: Any) -> int:
    """Add each photon to `counts` (channels, ticks); return how many lie outside."""
    late = 0
    if len(channels) != len(delays):
        raise ValueError("channels and delays differ in length")
    for i in range(len(delays)):
        channel, delay = channels[i], delays[i]
        if channel < counts.shape[0] and delay < counts.shape[1]:
            counts[channel, delay] += 1
        else:
            late += 1
    return late
