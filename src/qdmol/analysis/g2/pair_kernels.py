"""Loops over photons that count pairs; compiled.

Every photon looks back at those before it as far as the window reaches, so each pair is met once, with the later photon,
and what has to be kept from one stretch to the next is what lies within the window of the last photon.
"""

import numpy as np

from qdmol.photons.compiled import compiled

__all__ = ["absolute_pairs", "gather", "synchronous_pairs"]


@compiled
def gather(times, channels, delays, wanted, gate, kept_times, kept_delays, kept_second, start):  # type: ignore[no-untyped-def]
    """Append the photons of the two channels `wanted` and within `gate` (2 or 0, 2) to the kept ones; return their number."""
    # no branches: which channel comes next cannot be foretold
    n = start
    synchronous, gated = len(delays) > 0, len(gate) > 0
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
        n += np.int64(keep)
    return n


@compiled
def _halve(counts, photons):  # type: ignore[no-untyped-def]
    """Join neighbouring blocks, so that each is twice as long."""
    half = counts.shape[0] // 2
    for k in range(half):
        for i in range(counts.shape[1]):
            counts[k, i] = counts[2 * k, i] + counts[2 * k + 1, i]
        for i in range(2):
            photons[k, i] = photons[2 * k, i] + photons[2 * k + 1, i]
    counts[half:] = 0
    photons[half:] = 0


@compiled
def absolute_pairs(times, second, start, stop, origin, length, width, same, counts, photons):  # type: ignore[no-untyped-def]
    """Count pairs of photons start..stop-1 with all before them, by lag in ticks.

    `counts` (B, n) and `photons` (B, 2) are changed; bin n // 2 is centred on lag 0. Return the length
    of a block, which doubles whenever the blocks are full.
    """
    n_bins = counts.shape[1]
    offset = width * (n_bins // 2) + width // 2
    reach = offset + 1
    block = 0
    edge = origin
    for i in range(start, stop):
        t = times[i]
        while t >= edge:
            block = (t - origin) // length
            if block >= counts.shape[0]:
                _halve(counts, photons)
                length *= 2
            else:
                edge = origin + (block + 1) * length
        photons[block, np.int64(second[i])] += 1
        earliest = t - reach
        j = i
        while j > 0 and times[j - 1] >= earliest:
            j -= 1
            if not same and second[j] == second[i]:
                continue
            lag = t - times[j] if second[i] else times[j] - t
            k = (lag + offset) // width
            if 0 <= k < n_bins:
                counts[block, k] += 1
            if same:
                k = (offset - lag) // width
                if 0 <= k < n_bins:
                    counts[block, k] += 1
    return length


@compiled
def synchronous_pairs(times, delays, second, start, stop, origin, length, width, same, table, scale, counts, photons):  # type: ignore[no-untyped-def]
    """Count pairs by lag where times are sync numbers: `table` (M+1,) is the time of m periods in 1/scale ticks.

    Only differences of sync numbers and of delays enter, so lags do not drift however long the recording is.
    """
    n_bins = counts.shape[1]
    wide = width * scale
    offset = wide * (n_bins // 2) + wide // 2
    most = len(table) - 1
    block = 0
    edge = origin
    for i in range(start, stop):
        t = times[i]
        while t >= edge:
            block = (t - origin) // length
            if block >= counts.shape[0]:
                _halve(counts, photons)
                length *= 2
            else:
                edge = origin + (block + 1) * length
        photons[block, np.int64(second[i])] += 1
        earliest = t - most
        j = i
        while j > 0 and times[j - 1] >= earliest:
            j -= 1
            if not same and second[j] == second[i]:
                continue
            lag = table[t - times[j]] + (delays[i] - delays[j]) * scale
            if not second[i]:
                lag = -lag
            k = (lag + offset) // wide
            if 0 <= k < n_bins:
                counts[block, k] += 1
            if same:
                k = (offset - lag) // wide
                if 0 <= k < n_bins:
                    counts[block, k] += 1
    return length
