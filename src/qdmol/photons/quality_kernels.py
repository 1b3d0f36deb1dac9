"""The loops of the quality report: every photon once, and pairs of photons close in time.

Differences of times are taken as integers and turned into ps afterwards, so that a clock that has run for months loses
nothing. Import inside functions: this module loads the compiler.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qdmol.photons.compiling import compiled

# Exponent and five bits of the mantissa of a float64 of 32, less 32: see `octave_edges`.
_FIRST_OCTAVE = 1027 * 32


@compiled
def count_photons(
    start: int,
    stretch: tuple[Any, Any, Any],
    clock: tuple[float, float, int, float],
    last_times: Any,
    last_delays: Any,
    smallest_ps: Any,
    rate_counts: Any,
    interval_counts: Any,
) -> int:
    """Count photons in bins of time, and intervals of a channel; return how far it came before the bins were full.

    `stretch` is times, delays (empty in T2) and rows; `clock` is unit and tick in ps, origin, and width of a bin in ps.
    """
    times, delays, rows = stretch
    unit_ps, tick_ps, origin, _ = clock
    t3 = len(delays) > 0
    if len(rows) != len(times) or (t3 and len(delays) != len(times)):
        raise ValueError("times, delays and rows differ in length")
    per_unit = unit_ps / clock[3]
    n_bins = float(rate_counts.shape[0])
    top = interval_counts.shape[1] - 1
    number = np.empty(1)
    bits = number.view(np.int64)
    for i in range(start, len(times)):
        t = times[i]
        row = rows[i]
        place = float(t - origin) * per_unit
        if place >= n_bins:
            return i
        rate_counts[int(max(place, 0.0)), row] += 1
        before, last_times[row] = last_times[row], t
        lag = float(t - before) * unit_ps
        if t3:
            d = np.int64(delays[i])
            lag = abs(lag + float(d - last_delays[row]) * tick_ps)
            last_delays[row] = d
        if before < 0:
            continue
        smallest_ps[row] = min(smallest_ps[row], lag)
        ns = lag * 1e-3
        if ns < 32.0:
            interval_counts[row, int(ns)] += 1
        else:
            number[0] = ns
            interval_counts[row, min((bits[0] >> 47) - _FIRST_OCTAVE, top)] += 1
    return len(times)


@compiled
def count_delays(
    piece: tuple[int, int],
    stretch: tuple[Any, Any, Any],
    clock: tuple[float, float, int, float],
    segment: int,
    shift: int,
    beyond: int,
    counts: Any,
    facts: Any,
) -> None:
    """Count delays in each part of the run; `facts`: largest delay, photons there, photons later than `beyond`."""
    times, delays, rows = stretch
    per_segment = clock[0] / (clock[3] * segment)
    top, last = counts.shape[2] - 1, counts.shape[1] - 1
    if len(rows) != len(times) or len(delays) != len(times) or piece[1] > len(times):
        raise ValueError("times, delays and rows differ in length")
    for i in range(piece[0], piece[1]):
        d = np.int64(delays[i])
        part = float(times[i] - clock[2]) * per_segment
        # rounding may put the last moment of the run into a part behind the last
        counts[rows[i], min(int(part), last) if part > 0.0 else 0, min(d >> shift, top)] += 1
        if d >= facts[0]:
            facts[1] = facts[1] + 1 if d == facts[0] else 1
            facts[0] = d
        if d > beyond:
            facts[2] += 1


@compiled
def count_pairs(
    start: int,
    stretch: tuple[Any, Any, Any],
    clock: tuple[float, float, int, float],
    look: tuple[int, int, float],
    anchors: Any,
    same: Any,
    cross: Any,
    mutual: tuple[Any, Any],
) -> float:
    """Pair photons from `start` on with those before them; return the shortest lag at which some were left out, in ps.

    `look` is: every how many photons, how many back, and how far back in ps. `mutual` is pairs of two channels, lower
    row first, in two ways: T2 by signed lag in ns, T3 by steps of the sync pulse (-8 to 8) and difference of delays in
    ns; and by the size of the lag in ns.
    """
    times, delays, rows = stretch
    unit_ps, tick_ps, near, by_size = clock[0], clock[1], mutual[0], mutual[1]
    stride, most, window_ps = look
    t3 = len(delays) > 0
    reach = np.inf
    last = same.shape[1] - 1
    if len(rows) != len(times) or (t3 and len(delays) != len(times)):
        raise ValueError("times, delays and rows differ in length")
    farthest = int(window_ps / unit_ps) + 2
    for i in range(start, len(times), stride):
        t = times[i]
        row = rows[i]
        anchors[row] += 1
        for k in range(1, min(most, i) + 1):
            apart = t - times[i - k]
            if apart > farthest:
                break
            shift_ps = float(np.int64(delays[i]) - np.int64(delays[i - k])) * tick_ps if t3 else 0.0
            lag = float(apart) * unit_ps + shift_ps
            if lag >= window_ps:
                break
            if lag <= -window_ps:
                continue
            ns = min(int(abs(lag) * 1e-3), last)
            other = rows[i - k]
            if other == row:
                same[row, ns] += 1
            else:
                cross[row, ns] += 1
                if max(row, other) < len(near):
                    by_size[min(row, other), max(row, other), ns] += 1
                    _place_near(near, row, other, (t3, apart, shift_ps, lag))
            if k == most and lag < reach:
                reach = lag
    return reach


@compiled
def _place_near(near: Any, row: int, other: int, where: tuple[bool, int, float, float]) -> None:
    t3, apart, shift_ps, lag = where
    later = row > other
    first, second = (other, row) if later else (row, other)
    sign = 1.0 if later else -1.0
    if not t3:
        place = int(np.floor(sign * lag * 1e-3)) + 1088
        if 0 <= place < 2176:
            near[first, second, place] += 1
    elif 0 <= apart <= 8:
        place = int(np.floor(sign * shift_ps * 1e-3)) + 64
        if 0 <= place < 128:
            near[first, second, ((apart if later else -apart) + 8) * 128 + place] += 1
