"""Loop that matches photons of two channels by their pulse; compiled.

Import inside functions: this module loads the compiler.
"""

from __future__ import annotations

from numpy.typing import NDArray

from qdmol.arrays import Integers
from qdmol.photons import compiled

# pulse, delay of a photon in each channel, pulses between them
Columns = tuple[Integers, NDArray, NDArray, NDArray]  # type: ignore[type-arg]


@compiled
def match_pulses(
    first: tuple[Integers, Integers],
    second: tuple[Integers, Integers],
    start: tuple[int, int],
    upto: int,
    reach: int,
    columns: Columns,
) -> tuple[int, int, int]:
    """Write the pairs at most `reach` pulses apart; return (next first photon, next second photon, pairs written).

    `first` and `second` are pulses, in order, and delays. First photons of pulses up to `upto` are matched, or fewer if
    the columns are full.
    """
    pulses, delays = first
    other_pulses, other_delays = second
    pulse_out, delay_out, other_out, apart_out = columns
    i, j = start
    n, room = 0, len(pulse_out)
    if len(delays) != len(pulses) or len(other_delays) != len(other_pulses):
        raise ValueError("pulses and delays differ in length")
    if min(len(delay_out), len(other_out), len(apart_out)) < room:
        raise ValueError("the columns differ in length")
    while i < len(pulses) and pulses[i] <= upto:
        earliest = pulses[i] - reach
        while j < len(other_pulses) and other_pulses[j] < earliest:
            j += 1
        k = j
        while k < len(other_pulses) and other_pulses[k] <= pulses[i] + reach:
            k += 1
        if n + k - j > room:
            return i, j, n
        for m in range(j, k):
            pulse_out[n] = pulses[i]
            delay_out[n] = delays[i]
            other_out[n] = other_delays[m]
            apart_out[n] = other_pulses[m] - pulses[i]
            n += 1
        i += 1
    return i, j, n
