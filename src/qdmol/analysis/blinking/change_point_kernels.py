"""Loops over photons that find changes of their rate; compiled. Import inside functions: this loads the compiler.

Photons are numbered from 1; number 0 is the start of the recording. A segment from number a to number b consists of the
b - a intervals between them. Two segments of n1 and n2 intervals in the times T1 and T2 differ by

    L = n1 ln(n1 / T1) + n2 ln(n2 / T2) - (n1 + n2) ln((n1 + n2) / (T1 + T2)),

the logarithm of the likelihood ratio of two rates to one (Watkins and Yang, J. Phys. Chem. B 109, 617 (2005),
doi:10.1021/jp0467548).

A `Buffer` holds the times of the latest photons one by one, and the time of every 64th photon of the recording.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from qdmol.arrays import Floats, Integers
from qdmol.photons import compiled

CELL = 64  # photons between those whose time is kept for good
_STRIDE = 16  # photons between positions that are tried first
_CLOSE = 4  # shortest segments between changes that may be one
_NEAR = 40  # photons to either side of the best of them that are tried one by one


class Buffer(NamedTuple):
    """Times in ticks from the start of the recording: `times[k]` of photon `base + k`, `cells[k]` of photon 64 k."""

    times: Integers
    base: int
    cells: Integers


class Windows(NamedTuple):
    """Windows that end at a photon: their photons, at multiples of which photon number they are tried, and limits.

    A window of m intervals deviates from a rate beyond doubt that expects fewer than `low` or more than `high` in it.
    """

    photons: Integers
    steps: Integers
    low: Floats
    high: Floats


class Points(NamedTuple):
    """Change points: number of the photon, its time, and the intervals before and after it, in ticks."""

    number: Integers
    time: Integers
    before: Integers
    after: Integers


@compiled
def likelihood_ratio(n1: float, t1: float, n2: float, t2: float) -> float:
    """Logarithm of the likelihood ratio of two rates to one, for n1 intervals in t1 and n2 in t2; times above 0."""
    ratio = 0.0
    if n1 > 0:
        ratio += n1 * math.log(n1 / t1)
    if n2 > 0:
        ratio += n2 * math.log(n2 / t2)
    if n1 + n2 > 0:
        ratio -= (n1 + n2) * math.log((n1 + n2) / (t1 + t2))
    return ratio


@compiled
def count_bunching(times: Integers, width: int, state: Integers, sums: Floats) -> None:
    """Add to `sums` the squared differences and the sums of the counts in neighbouring bins, and the number of pairs.

    `state` holds the pair of bins that is being filled and its two counts.
    """
    pair, first, second = state[0], state[1], state[2]
    edge = (2 * pair + 2) * width
    for k in range(len(times)):
        t = times[k]
        if t >= edge:
            sums[0] += float(first - second) ** 2
            sums[1] += first + second
            pair = t // (2 * width)
            edge = (2 * pair + 2) * width
            first, second = 0, 0
        if t >= edge - width:
            second += 1
        else:
            first += 1
    state[0], state[1], state[2] = pair, first, second


@compiled
def _time_of(buffer: Buffer, number: int) -> int:
    """Time of a photon that is in the buffer, or of one whose number is a multiple of `CELL`."""
    if number >= buffer.base:
        return buffer.times[number - buffer.base]  # type: ignore[no-any-return]
    return buffer.cells[number // CELL]  # type: ignore[no-any-return]


@compiled
def _better(
    buffer: Buffer, ends: tuple[int, int, int, int], span: tuple[int, int, int], shortest: int, best: tuple[float, int]
) -> tuple[float, int]:
    """Best position of a change between `ends` (numbers a, b, times of a, b) at start, start + step .. below stop."""
    a, b, ta, tb = ends
    start, stop, step = span
    value, position = best
    for k in range(start, stop, step):
        t = _time_of(buffer, k)
        if t - ta >= shortest and tb - t >= shortest:
            ratio = likelihood_ratio(float(k - a), float(t - ta), float(b - k), float(tb - t))
            if ratio > value:
                value, position = ratio, k
    return value, position


@compiled
def locate(
    buffer: Buffer, ends: tuple[int, int, int, int], low: int, high: int, near: int, shortest: int
) -> tuple[float, int]:
    """Likelihood ratio and position of the best change between two photons, among the numbers low to high - 1.

    Positions are tried at a stride, then one by one about the best of them and about `near`.
    """
    best = (-1.0, -1)
    start = max(low, buffer.base)
    if low < start:  # before the buffer only every 64th photon is known
        first = -(-low // CELL) * CELL
        best = _better(buffer, ends, (first, min(start, high), CELL), shortest, best)
    if high - start <= 4 * _STRIDE:
        return _better(buffer, ends, (start, high, 1), shortest, best)
    best = _better(buffer, ends, (start, high, _STRIDE), shortest, best)
    centre = best[1]
    best = _better(buffer, ends, (max(start, near - _NEAR), min(high, near + _NEAR), 1), shortest, best)
    if centre >= start:
        best = _better(buffer, ends, (max(start, centre - _NEAR), min(high, centre + _NEAR), 1), shortest, best)
    return best


@compiled
def set_point(buffer: Buffer, points: Points, j: int, number: int, last: int) -> None:
    """Put change point j at a photon; intervals beside it that are not in the buffer count as 0."""
    points.number[j] = number
    t = _time_of(buffer, number)
    points.time[j] = t
    points.before[j], points.after[j] = 0, 0
    k = number - buffer.base
    if k >= 1:
        points.before[j] = t - buffer.times[k - 1]
    if k >= 0 and number < last:
        points.after[j] = buffer.times[k + 1] - t


@compiled
def find_changes(
    buffer: Buffer,
    number: int,
    stop: int,
    windows: Windows,
    start: tuple[int, int],
    limits: tuple[float, int],
    points: Points,
    n_points: int,
) -> tuple[int, int, int, int]:
    """Look for changes up to each photon from `number` to stop - 1, since the latest change, number and time `start`.

    At each photon, windows that end there are compared with all that came before them in the segment. `limits` are the
    smallest likelihood ratio and the shortest segment in ticks. A change is put where the ratio is largest.

    Returns
    -------
    (the photon to go on with, number and time of the latest change, number of change points); it stops early where
    there is no room for further points.
    """
    times, base = buffer.times, buffer.base
    threshold, shortest = limits
    s, ts = start
    sizes, steps = windows.photons, windows.steps
    for i in range(number, stop):
        t = times[i - base]
        if t - ts < 2 * shortest:
            continue
        for w in range(len(sizes)):
            if i & (steps[w] - 1):
                break  # those behind it have steps that are multiples of this one
            m = sizes[w]
            n0 = i - m - s
            if n0 < 1:
                break
            tm = _time_of(buffer, i - m)
            t0, d = tm - ts, t - tm
            if t0 < shortest:
                break
            expected = float(n0) * float(d)
            if d < shortest or (windows.low[w] * float(t0) <= expected <= windows.high[w] * float(t0)):
                continue
            if likelihood_ratio(float(n0), float(t0), float(m), float(d)) <= threshold:
                continue
            ends = (s, i, ts, t)
            _, position = locate(buffer, ends, max(s + 1, i - 2 * m - CELL), i, i - m, shortest)
            if position < 0:
                continue
            if n_points == len(points.number):
                return i, s, ts, n_points
            set_point(buffer, points, n_points, position, i)
            n_points += 1
            s, ts = position, points.time[n_points - 1]
            break
    return stop, s, ts, n_points


@compiled
def refine(
    buffer: Buffer,
    points: Points,
    first: int,
    n_points: int,
    last: int,
    limits: tuple[float, int],
) -> int:
    """Put change points `first` to the last but one where they fit best between their neighbours; return how many stay.

    Those whose likelihood ratio is below the threshold are dropped. `last` is the latest photon in the buffer.
    """
    threshold, shortest = limits
    kept = first
    for j in range(first, n_points):
        number = points.number[j]
        a, ta = (0, 0) if kept == 0 else (points.number[kept - 1], points.time[kept - 1])
        whole = j == n_points - 1
        b = last if whole else points.number[j + 1]
        tb = buffer.times[last - buffer.base] if whole else points.time[j + 1]
        if not whole and number >= buffer.base:
            low = max(a + 1, buffer.base)
            ratio, position = locate(buffer, (a, b, ta, tb), low, b, number, shortest)
            if ratio <= threshold:
                continue
            set_point(buffer, points, kept, position, last)
        else:
            points.number[kept], points.time[kept] = number, points.time[j]
            if number >= buffer.base:
                set_point(buffer, points, kept, number, last)
            else:
                points.before[kept], points.after[kept] = points.before[j], points.after[j]
        kept += 1
    return kept


@compiled
def join_close(buffer: Buffer, points: Points, first: int, n_points: int, last: int, limits: tuple[float, int]) -> int:
    """Put one change in place of two that are close, where a second one does not pay; return how many are left.

    A change within the shortest segment gives rise to two, about a segment of mixed rate. From point `first` on.
    """
    threshold, shortest = limits
    kept = first
    j = first
    while j < n_points:
        joined = False
        if j + 1 < n_points and points.number[j] >= buffer.base:
            t1, t2 = points.time[j], points.time[j + 1]
            if t2 - t1 < _CLOSE * shortest:
                a, ta = (0, 0) if kept == 0 else (points.number[kept - 1], points.time[kept - 1])
                whole = j + 2 >= n_points
                b = last if whole else points.number[j + 2]
                tb = buffer.times[last - buffer.base] if whole else points.time[j + 2]
                n1, n2 = points.number[j], points.number[j + 1]
                if tb > t2 > t1 > ta:
                    low = max(a + 1, buffer.base)
                    ratio, position = locate(buffer, (a, b, ta, tb), low, b, n1, shortest)
                    both = likelihood_ratio(float(n1 - a), float(t1 - ta), float(b - n1), float(tb - t1))
                    both += likelihood_ratio(float(n2 - n1), float(t2 - t1), float(b - n2), float(tb - t2))
                    if position >= 0 and both - ratio <= threshold:
                        set_point(buffer, points, kept, position, last)
                        joined = True
        if not joined and kept != j:
            points.number[kept], points.time[kept] = points.number[j], points.time[j]
            points.before[kept], points.after[kept] = points.before[j], points.after[j]
        kept += 1
        j += 2 if joined else 1
    return kept


@compiled
def prune(points: Points, n_points: int, end: tuple[int, int], limits: tuple[float, int]) -> int:
    """Drop change points that are not significant between their neighbours, the least significant of a run first.

    `end` is the last photon and the end of the recording. Returns how many stay.
    """
    threshold, shortest = limits
    n, dropped = n_points, True
    ratios = np.empty(n_points)
    while dropped and n > 0:
        dropped = False
        for j in range(n):
            a, ta = (0, 0) if j == 0 else (points.number[j - 1], points.time[j - 1])
            b, tb = end if j == n - 1 else (points.number[j + 1], points.time[j + 1])
            k, t = points.number[j], points.time[j]
            ratios[j] = -1.0
            if t - ta >= shortest and tb - t >= shortest:
                ratios[j] = likelihood_ratio(float(k - a), float(t - ta), float(b - k), float(tb - t))
        kept = 0
        previous = False  # whether the point before this one was dropped in this sweep
        for j in range(n):
            low = ratios[j] <= threshold
            least = (j == 0 or ratios[j - 1] > ratios[j] or previous) and (j == n - 1 or ratios[j + 1] >= ratios[j])
            if low and least and not previous:
                previous, dropped = True, True
                continue
            previous = False
            points.number[kept], points.time[kept] = points.number[j], points.time[j]
            points.before[kept], points.after[kept] = points.before[j], points.after[j]
            kept += 1
        n = kept
    return n
