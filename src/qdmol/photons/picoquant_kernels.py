"""Loops over the 32-bit records of PicoQuant's instruments.

The layouts are those of the maker's description of its file formats (PicoQuant GmbH, "Unified TTTR file format", 2014,
and the format chapters of the manuals of TimeHarp 200, PicoHarp 300 and HydraHarp 400). Every loop carries the clock's
overflow from stretch to stretch in ``state[0]``, which stops at `latest`: broken records can ask for centuries, and the
64 bits of the times would run over. Each returns how many photons, sync pulses and markers it wrote.
"""

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Integers
from qdmol.photons.compiling import compiled

Words = NDArray[np.uint32]
Bytes = NDArray[np.uint8]
Delays = NDArray[np.uint32]
# times, channels, delays, sync times, marker times, markers
Output = tuple[Integers, Bytes, Delays, Integers, Integers, Bytes]
Written = tuple[int, int, int]

OVERFLOW = 63  # channel number that marks an overflow among HydraHarp's special records
SPECIAL = 15  # channel number of PicoHarp's special records


@compiled
def _check_room(words: Words, room: int) -> None:
    """Refuse output that is shorter than the records, each of which may become a photon, a pulse or a marker."""
    if len(words) > room:
        raise ValueError("there is no room for the records")


@compiled
def hydraharp_t2(words: Words, wrap: int, counted: bool, latest: int, state: Integers, out: Output) -> Written:  # noqa: FBT001
    """Special 1 bit, channel 6, time 25; an overflow record may count several (`counted`)."""
    times, channels, _, sync_times, marker_times, markers = out
    _check_room(words, min(len(times), len(channels), len(sync_times), len(marker_times), len(markers)))
    n = s = m = 0
    clock = state[0]
    for word in words:
        tick = np.int64(word & 0x1FFFFFF)
        channel = (word >> 25) & 0x3F
        if word >> 31 == 0:
            times[n] = clock + tick
            channels[n] = channel
            n += 1
        elif channel == OVERFLOW:
            clock = min(clock + wrap * (tick if counted and tick > 0 else 1), latest)
        elif channel == 0:
            sync_times[s] = clock + tick
            s += 1
        elif channel < 16:
            marker_times[m] = clock + tick
            markers[m] = channel
            m += 1
    state[0] = clock
    return n, s, m


@compiled
def hydraharp_t3(words: Words, wrap: int, counted: bool, latest: int, state: Integers, out: Output) -> Written:  # noqa: FBT001
    """Special 1 bit, channel 6, delay 15, sync number 10; an overflow record may count several (`counted`)."""
    times, channels, delays, _, marker_times, markers = out
    _check_room(words, min(len(times), len(channels), len(delays), len(marker_times), len(markers)))
    n = m = 0
    clock = state[0]
    for word in words:
        pulse = np.int64(word & 0x3FF)
        channel = (word >> 25) & 0x3F
        if word >> 31 == 0:
            times[n] = clock + pulse
            channels[n] = channel
            delays[n] = (word >> 10) & 0x7FFF
            n += 1
        elif channel == OVERFLOW:
            clock = min(clock + wrap * (pulse if counted and pulse > 0 else 1), latest)
        elif 0 < channel < 16:
            marker_times[m] = clock + pulse
            markers[m] = channel
            m += 1
    state[0] = clock
    return n, 0, m


@compiled
def picoharp_t2(words: Words, wrap: int, counted: bool, latest: int, state: Integers, out: Output) -> Written:  # noqa: ARG001, FBT001
    """Channel 4 bits, time 28; the lowest four bits of a special record are the markers, none of them an overflow."""
    times, channels, _, _, marker_times, markers = out
    _check_room(words, min(len(times), len(channels), len(marker_times), len(markers)))
    n = m = 0
    clock = state[0]
    for word in words:
        tick = np.int64(word & 0xFFFFFFF)
        channel = word >> 28
        if channel != SPECIAL:
            times[n] = clock + tick
            channels[n] = channel
            n += 1
        elif tick & 0xF == 0:
            clock = min(clock + wrap, latest)
        else:
            marker_times[m] = clock + (tick - (tick & 0xF))
            markers[m] = tick & 0xF
            m += 1
    state[0] = clock
    return n, 0, m


@compiled
def picoharp_t3(words: Words, wrap: int, counted: bool, latest: int, state: Integers, out: Output) -> Written:  # noqa: ARG001, FBT001
    """Channel 4 bits counted from 1, delay 12, sync number 16; a special record without markers is an overflow."""
    times, channels, delays, _, marker_times, markers = out
    _check_room(words, min(len(times), len(channels), len(delays), len(marker_times), len(markers)))
    n = m = 0
    clock = state[0]
    for word in words:
        pulse = np.int64(word & 0xFFFF)
        channel = word >> 28
        delay = (word >> 16) & 0xFFF
        if channel == SPECIAL:
            if delay == 0:
                clock = min(clock + wrap, latest)
            elif delay & 0xF != 0:
                marker_times[m] = clock + pulse
                markers[m] = delay & 0xF
                m += 1
        elif channel > 0:
            times[n] = clock + pulse
            channels[n] = channel - 1
            delays[n] = delay
            n += 1
    state[0] = clock
    return n, 0, m


@compiled
def timeharp_t3(words: Words, wrap: int, counted: bool, latest: int, state: Integers, out: Output) -> Written:  # noqa: ARG001, FBT001
    """Reserved 1 bit, valid 1, route 2, delay 12, time 16; not valid: an overflow (highest delay bit) or markers."""
    times, channels, delays, _, marker_times, markers = out
    _check_room(words, min(len(times), len(channels), len(delays), len(marker_times), len(markers)))
    n = m = 0
    clock = state[0]
    for word in words:
        tick = np.int64(word & 0xFFFF)
        delay = (word >> 16) & 0xFFF
        if (word >> 30) & 1 == 1:
            times[n] = clock + tick
            channels[n] = (word >> 28) & 3
            delays[n] = delay
            n += 1
        elif delay & 0x800 != 0:
            clock = min(clock + wrap, latest)
        elif delay & 7 != 0:
            marker_times[m] = clock + tick
            markers[m] = delay & 7
            m += 1
    state[0] = clock
    return n, 0, m
