"""Records of Becker & Hickl cards, decoded in one compiled loop.

Layouts as in W. Becker, The bh TCSPC Handbook, chapter on the data file structure of the FIFO mode.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.photons.compiled import compiled

__all__ = ["BACKWARD", "BASE", "COMPARED", "GAPS", "ILLEGAL", "MARKERS", "PHOTONS", "PREVIOUS", "decode"]

# Places in the array of counters that goes in and out of the loop.
PHOTONS, MARKERS, BASE, PREVIOUS, GAPS, ILLEGAL, COMPARED, BACKWARD = range(8)


@compiled
def _fields32(low: int, high: int, layout: int) -> tuple[int, int, int, int, int]:
    """Macro time, routing, ADC value, flags (invalid 8, overflow 4, gap 2, mark 1), overflows of a 4-byte record."""
    word = low | (high << 16)
    flags = word >> 28
    if layout == 0:
        return word & 0xFFF, (word >> 12) & 0xF, (word >> 16) & 0xFFF, flags, word & 0xFFFFFFF
    return (word >> 8) & 0x1FFFF, (word >> 25) & 0x7, word & 0xFF, flags, word & 0xFFFFFFF


@compiled
def _fields48(first: int, second: int, third: int) -> tuple[int, int, int, int, int]:
    """Return the same of a 6-byte record; its bit 15 is always 0 and comes out as the mark."""
    flags = ((first >> 12) & 1) << 3 | ((first >> 13) & 1) << 2 | ((first >> 14) & 1) << 1 | first >> 15
    return third | (second & 0xFF) << 16, second >> 8, first & 0xFFF, flags, 1


@compiled
def _fields(words: NDArray[np.uint16], i: int, layout: int) -> tuple[int, int, int, int, int]:
    if layout == 2:
        return _fields48(np.int64(words[i, 0]), np.int64(words[i, 1]), np.int64(words[i, 2]))
    return _fields32(np.int64(words[i, 0]), np.int64(words[i, 1]), layout)


@compiled
def _late(words: NDArray[np.uint16], i: int, layout: int, macro: int, previous: int, half: int) -> bool:
    """Whether a record from before the last overflow came after it: up by half a range, and down again at once."""
    if previous < 0 or macro - previous <= half or i + 1 >= len(words):
        return False
    following, _, _, flags, _ = _fields(words, i + 1, layout)
    return flags & 12 == 0 and macro - following > half


@compiled
def decode(words: Any, layout: int, count: int, counters: Any, limit: int, out: tuple[Any, Any, Any, Any, Any]) -> bool:
    """Decode the first `count` of `words` (N, 2 or 3) uint16 and return whether the clock stayed below `limit` ticks.

    A record behind `count` is looked at only. `counters` (8,) int64 carries the clock from piece to piece. `out`:
    times, channels, ADC values, marker times, markers, each of at least `count`.
    """
    times, channels, adcs, marker_times, markers = out
    period = 1 << 12
    if layout == 1:
        period = 1 << 17
    elif layout == 2:
        period = 1 << 24
    photons = 0
    marks = 0
    base = counters[BASE]
    previous = counters[PREVIOUS]
    for i in range(count):
        macro, route, adc, flags, overflows = _fields(words, i, layout)
        invalid = flags & 8 != 0
        mark = flags & 1 != 0
        counters[GAPS] += (flags >> 1) & 1
        if flags & 4:
            # an invalid record with an overflow and no mark holds the number of overflows
            base += period * (overflows if invalid and not mark else 1)
            previous = -1
            if base > limit:
                return False
        if mark and (layout != 0 or not invalid):
            counters[ILLEGAL] += 1
            continue
        if mark:
            marker_times[marks] = base + macro
            markers[marks] = route
            marks += 1
        elif not invalid:
            late = _late(words, i, layout, macro, previous, period >> 1)
            times[photons] = base + macro - (period if late else 0)
            channels[photons] = route
            adcs[photons] = adc
            photons += 1
            if not late:
                counters[COMPARED] += previous >= 0
                counters[BACKWARD] += macro < previous
                previous = macro
    counters[PHOTONS] = photons
    counters[MARKERS] = marks
    counters[BASE] = base
    counters[PREVIOUS] = previous
    return True
