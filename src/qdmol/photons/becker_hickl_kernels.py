"""Records of Becker & Hickl cards, decoded in one compiled loop.

Layouts as in W. Becker, The bh TCSPC Handbook, chapter on the data file structure of the FIFO mode.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qdmol.photons.compiling import compiled

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
def _fields(words: Any, i: int, layout: int) -> tuple[int, int, int, int, int]:
    # as int64, since shifts of 16-bit numbers lose bits
    first: Any = np.int64(words[i, 0])
    second: Any = np.int64(words[i, 1])
    if layout == 2:
        third: Any = np.int64(words[i, 2])
        return _fields48(first, second, third)
    return _fields32(first, second, layout)


@compiled
def _is_late(words: Any, i: int, layout: int, macro: int, previous: int, half: int) -> bool:
    """Whether a record from before the last overflow came after it: up by half a range, and down again at once."""
    if previous < 0 or macro - previous <= half or i + 1 >= len(words):
        return False
    following, _, _, flags, _ = _fields(words, i + 1, layout)
    return flags & 12 == 0 and macro - following > half


@compiled
def _kind(flags: int, layout: int) -> int:
    """Return 0 for a record without event, 1 for a photon, 2 for a marker, 3 for bits no card sets."""
    if flags & 1:
        return 2 if layout == 0 and flags & 8 else 3
    return 0 if flags & 8 else 1


@compiled
def _advance(counters: Any, flags: int, overflows: int, period: int) -> None:
    """Let the clock go on by the overflows of a record: many in one without event, else one."""
    counters[GAPS] += (flags >> 1) & 1
    if flags & 4:
        counters[BASE] += period * (overflows if flags & 9 == 8 else 1)
        counters[PREVIOUS] = -1


@compiled
def _photon_time(words: Any, i: int, layout: int, macro: int, period: int, counters: Any) -> int:
    """Time of a photon in ticks; its order is counted."""
    previous = counters[PREVIOUS]
    if _is_late(words, i, layout, macro, previous, period >> 1):
        return counters[BASE] + macro - period  # type: ignore[no-any-return]
    counters[COMPARED] += previous >= 0
    counters[BACKWARD] += macro < previous
    counters[PREVIOUS] = macro
    return counters[BASE] + macro  # type: ignore[no-any-return]


@compiled
def decode(words: Any, layout: int, count: int, counters: Any, limit: int, out: tuple[Any, Any, Any, Any, Any]) -> bool:
    """Decode the first `count` of `words` (N, 2 or 3) uint16 and return whether the clock stayed below `limit` ticks.

    A record behind `count` is looked at only. `counters` (8,) int64 carries the clock from piece to piece. `out`:
    times, channels, ADC values, marker times, markers, each of at least `count`.
    """
    times, channels, adcs, marker_times, markers = out
    room = min(len(times), len(channels), len(adcs), len(marker_times), len(markers))
    if count > len(words) or count > room or words.shape[1] < (3 if layout == 2 else 2) or len(counters) < 8:
        raise ValueError("there is no room for the records")
    period = 1 << (12, 17, 24)[layout]
    photons = 0
    marks = 0
    for i in range(count):
        macro, route, adc, flags, overflows = _fields(words, i, layout)
        _advance(counters, flags, overflows, period)
        if counters[BASE] > limit:
            return False
        kind = _kind(flags, layout)
        if kind == 1:
            times[photons] = _photon_time(words, i, layout, macro, period, counters)
            channels[photons] = route
            adcs[photons] = adc
            photons += 1
        elif kind == 2:
            marker_times[marks] = counters[BASE] + macro
            markers[marks] = route
            marks += 1
        counters[ILLEGAL] += kind == 3
    counters[PHOTONS] = photons
    counters[MARKERS] = marks
    return True
