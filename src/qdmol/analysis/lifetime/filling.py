"""Filled range of a histogram: exports of fixed length are padded with zeros, which are no measurement.

Programs of photon counters write a fixed number of channels, often 65,536, whatever the period of the excitation. Empty
channels at either end are cut where Poisson statistics does not allow them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.lifetime.values import Decay

__all__ = ["Filled", "filled_part"]

Floats = NDArray[np.float64]

_EMPTY_RUN = 10.0  # counts that ought to be in empty channels for them to be outside the recorded range
_ENOUGH = 40.0  # counts of a group from which the fall at the end is told
_STRAY = 1e-3  # share of all counts that may lie behind the filled range, as stray counts
_LONGEST_RUNS = 8  # runs of empty channels that are looked at
_FEWEST = 8  # channels
_PLATEAU = 0.5  # of the peak: above it the first counts belong to the pulse


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """The part of a decay that was recorded.

    Attributes
    ----------
    decay : Decay
        The channels from `start` to before `stop`.
    start, stop : int
    channels : int
        Number of channels of the whole.
    """

    decay: Decay
    start: int
    stop: int
    channels: int

    @property
    def padded(self) -> bool:
        """Whether empty channels were cut."""
        return self.stop - self.start < self.channels

    def widened(self, values: Floats) -> Floats:
        """Return values of the part (m,) over all channels (n,), nan elsewhere."""
        whole = np.full(self.channels, np.nan)
        whole[self.start : self.stop] = values
        return whole


def filled_part(decay: Decay) -> Filled:
    """Return the recorded part of a decay: without empty ends that Poisson statistics does not allow.

    At the end, channels are cut if the counts before them, going on to fall as steeply as three standard deviations
    permit, should have left ten counts more; some stray counts far behind them are no hindrance. At the beginning they
    are cut if a plateau follows, the background before the pulse, of which ten counts should have fallen into them;
    zeros directly before the rise are a measurement. A stated period begins with the first channel, or with the first
    filled one where more of the counts lie within it then.
    """
    counts, total = decay.counts, len(decay.counts)
    first, stop = _within_period(decay)
    stop = first + _end(counts[first:stop], stray=_STRAY if decay.period_ns is None else 0.0)
    start = first + _beginning(counts[first:stop], closed=_is_closed(decay, stop - first))
    if start == 0 and stop == total:
        return Filled(decay, 0, total, total)
    part = replace(decay, counts=counts[start:stop], first_bin_ns=decay.first_bin_ns + start * decay.bin_width_ns)
    return Filled(part, start, stop, total)


def _within_period(decay: Decay) -> tuple[int, int]:
    """First channel of the stated period, and the channel behind its last."""
    total = len(decay.counts)
    if decay.period_ns is None:
        return 0, total
    channels = min(max(math.ceil(decay.period_ns / decay.bin_width_ns - 1e-6), 2), total)
    filled = int(np.argmax(decay.counts > 0))
    late = min(filled, total - channels)
    if float(decay.counts[late : late + channels].sum()) > float(decay.counts[:channels].sum()):
        return late, late + channels
    return 0, channels


def _is_closed(decay: Decay, stop: int) -> bool:
    """Whether the channels up to `stop` cover the period, so that their beginning follows on their end."""
    return decay.period_ns is not None and (stop + 1) * decay.bin_width_ns > decay.period_ns


def _end(counts: Floats, *, stray: float) -> int:
    """Channel behind the last one recorded; the share `stray` of the counts may lie behind a long run of empty ones."""
    filled = np.flatnonzero(counts)
    if not len(filled):
        return len(counts)
    # runs of empty channels behind each filled one, the longest first
    gaps = np.diff(np.append(filled, len(counts))) - 1
    behind = float(counts.sum()) - np.cumsum(counts[filled])
    candidates = np.flatnonzero((gaps > 0) & (behind <= stray * float(counts.sum())))
    longest = candidates[np.argsort(-gaps[candidates], kind="stable")[:_LONGEST_RUNS]]
    for k in np.sort(longest):
        last = int(filled[k]) + 1
        if behind[k] > 0 and 4 * gaps[k] < last:
            continue
        if last >= _FEWEST and _expected_behind(counts[:last], int(gaps[k])) > _EMPTY_RUN:
            return last
    return len(counts)


def _expected_behind(counts: Floats, empty: int) -> float:
    """Counts that `empty` channels behind the last of `counts` should hold, at the least."""
    last, half = len(counts), 4
    peak = last - 1 - int(np.argmax(counts[::-1]))
    # behind the pulse there is no less than in front of it
    most = empty * _plateau(counts[:peak])
    while 2 * half <= last - peak:
        early, late = float(counts[last - 2 * half : last - half].sum()), float(counts[last - half :].sum())
        if late >= _ENOUGH or 4 * half > last - peak:
            steps = empty / half
            # the steepest fall that three standard deviations allow
            fall = max(late - 3.0 * math.sqrt(late), 0.0) / (early + 3.0 * math.sqrt(early) + 1.0)
            left = late * (steps if fall >= 1.0 else fall / (1.0 - fall) * (1.0 - fall**steps))
            most = max(most, left)
        if late >= 4.0 * _ENOUGH:
            break
        half *= 2
    return most


def _plateau(counts: Floats) -> float:
    """Counts per channel in the emptiest of sixteen groups, less four standard deviations, for it is the least of many.

    0 where no three groups agree, as on the rise of a pulse.
    """
    size = max(len(counts) // 16, 8)
    groups = len(counts) // size
    if groups < 3:
        return 0.0
    least, _, third = (float(total) for total in np.sort(counts[: groups * size].reshape(groups, size).sum(axis=1))[:3])
    if third - least > 4.0 * math.sqrt(third + least):
        return 0.0
    return max(least - 4.0 * math.sqrt(least), 0.0) / size


def _beginning(counts: Floats, *, closed: bool) -> int:
    """First channel recorded."""
    filled = np.flatnonzero(counts)
    if not len(filled) or filled[0] == 0:
        return 0
    first = int(filled[0])
    if closed and _expected_behind(counts[first:], first) > _EMPTY_RUN:
        return first
    half, peak = 4, float(counts.max())
    while 2 * half <= len(counts) - first:
        near = float(counts[first : first + half].sum())
        far = float(counts[first + half : first + 2 * half].sum())
        rising = far - near > 3.0 * math.sqrt(far + near) and far > 2.0 * near
        if max(near, far) > _PLATEAU * peak * half or rising:
            return 0
        if near >= _ENOUGH:
            least = (near - 3.0 * math.sqrt(near)) / half
            return first if least * first > _EMPTY_RUN else 0
        half *= 2
    return 0
