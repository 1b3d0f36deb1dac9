"""Loops over photons that count pairs; compiled.

Every photon looks back at those before it as far as the window reaches, so each pair is met once, with the later
photon, and what has to be kept from one stretch to the next is what lies within the window of the last photon.
"""

import numpy as np
from numpy.typing import NDArray

from qdmol.photons.compiled import compiled

__all__ = ["absolute_pairs", "gather", "synchronous_pairs"]

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
# times, channels, delays of a stretch; and times, delays, whether on the second channel, of the photons kept
Stretch = tuple[Integers, NDArray[np.uint8], NDArray[np.uint32]]
Kept = tuple[Integers, Integers, Flags]
# pairs (blocks, bins) and photons (blocks, 2); bin n // 2 is centred on lag 0
Tally = tuple[NDArray[np.int32], Integers]
# first and last photon to be taken, where the first block begins, its length
Reach = tuple[int, int, int, int]


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
def absolute_pairs(kept: Kept, reach: Reach, width: int, same: bool, tally: Tally) -> int:  # noqa: FBT001
    """Count pairs of the new photons with all before them, by lag in ticks; return the length of a block."""
    times, _, second = kept
    counts, photons = tally
    start, stop, origin, length = reach
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
def synchronous_pairs(kept: Kept, reach: Reach, width: int, same: bool, table: Integers, tally: Tally) -> int:  # noqa: FBT001
    """Count pairs by lag where times are sync numbers; return the length of a block.

    `table` holds the parts of a tick, then the time of 0, 1, 2 .. periods in such parts. Only differences of sync
    numbers and of delays enter, so lags do not drift however long the recording is.
    """
    times, delays, second = kept
    counts, photons = tally
    start, stop, origin, length = reach
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
