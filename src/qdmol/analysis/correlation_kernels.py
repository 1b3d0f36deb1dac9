"""Loops that count pairs at logarithmic lags; compiled."""

import numpy as np
from numpy.typing import NDArray

from qdmol.photons.compiled import compiled

__all__ = ["code_of", "count_products", "count_short", "fill_bins"]

Integers = NDArray[np.int64]
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
