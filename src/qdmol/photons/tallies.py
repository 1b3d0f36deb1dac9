"""What is carried from stretch to stretch of a pass: sync pulses and the longest pauses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qdmol.photons.synchronising import steady_period

__all__ = ["Pauses", "SyncTally"]

Integers = NDArray[np.int64]

_PULSES = 64  # sync pulses that show their period
_LONG = 100  # periods of a step, up to which it is compared


@dataclass(slots=True)
class SyncTally:
    """Recorded sync pulses: how many, how regular.

    Attributes
    ----------
    tick_ps : float
        Tick of the pulses' times.
    pulses, missed : int
        Recorded, and absent where their regular time is.
    steady : bool or None
        Whether all steps of the first stretch are multiples of one period; None for too few pulses.
    length, periods, steps : int
        Sum of the steps of up to `_LONG` periods in ticks, of their periods, and their number.
    sum_square : float
        Of the deviations of those steps from multiples of the period, ticks squared.
    """

    tick_ps: float
    pulses: int = 0
    missed: int = 0
    steady: bool | None = None
    length: int = 0
    periods: int = 0
    steps: int = 0
    sum_square: float = 0.0
    _period: float = 0.0
    _last: int | None = None
    _waiting: list[Integers] = field(default_factory=list)

    def add(self, times: Integers) -> None:
        """Count a stretch of pulses (N,) in ticks."""
        if len(times) == 0:
            return
        self.pulses += len(times)
        if self.steady is False:
            return
        steps = np.diff(times) if self._last is None else np.diff(times, prepend=np.int64(self._last))
        self._last = int(times[-1])
        if self.steady is None:
            self._waiting.append(times)
            if self.pulses < _PULSES:
                return
            joined = np.concatenate(self._waiting)
            self._waiting.clear()
            period = steady_period(joined, tick_ps=self.tick_ps)
            self.steady, self._period = period is not None, period or 0.0
            steps = np.diff(joined)
        if self.steady:
            self._compare(steps[steps > 0])

    def _compare(self, steps: Integers) -> None:
        jumps = np.maximum(np.rint(steps / self._period), 1.0)
        self.missed += int((jumps - 1).sum())
        # over longer steps the error of the period itself would show
        short = jumps <= _LONG
        self.sum_square += float(((steps[short] - jumps[short] * self._period) ** 2).sum())
        self.length += int(steps[short].sum())
        self.periods += int(jumps[short].sum())
        self.steps += int(short.sum())

    @property
    def mean_period(self) -> float | None:
        """Ticks from pulse to pulse over the whole recording; None where no steady pulse was recorded."""
        return self.length / self.periods if self.periods > 0 else None

    @property
    def jitter(self) -> float:
        """Standard deviation of a step in ticks."""
        return float(np.sqrt(self.sum_square / self.steps)) if self.steps > 0 else 0.0


@dataclass(slots=True, eq=False)
class Pauses:
    """The longest intervals between neighbouring photons of any channel.

    Attributes
    ----------
    lengths, starts : int64 (n,)
        In units of `Records.times`, in no order.
    """

    most: int = 64
    lengths: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    starts: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    last: int | None = None

    def add(self, times: Integers) -> None:
        """Go through the times of a stretch (N,)."""
        before = times[0] if self.last is None else self.last
        self.last = int(times[-1])
        steps = np.diff(times, prepend=np.int64(before))
        least = int(self.lengths.min()) if len(self.lengths) == self.most else 0
        found = np.flatnonzero(steps > least)
        if len(found) > self.most:
            found = found[np.argpartition(steps[found], -self.most)[-self.most :]]
        lengths = np.concatenate([self.lengths, steps[found]])
        starts = np.concatenate([self.starts, times[found] - steps[found]])
        keep = np.argsort(lengths, kind="stable")[-self.most :]
        self.lengths, self.starts = lengths[keep], starts[keep]
