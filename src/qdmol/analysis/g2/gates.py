"""Gates on the delay after the pulse: only photons that come late enough, or early enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qdmol.errors import DataError, InputError
from qdmol.photons.stream import PhotonStream

__all__ = ["arrivals", "channel_gates", "gate_limits", "gate_share"]


def gate_limits(gate_ns: float | tuple[float, float], period_ns: float) -> tuple[float, float]:
    """Return a gate as (from, to) in ns after the pulse; a single number is where it opens.

    Raises
    ------
    InputError
        The gate is empty or not within a period.
    """
    low, high = (gate_ns, period_ns) if isinstance(gate_ns, int | float) else gate_ns
    if not 0.0 <= low < high <= period_ns * (1.0 + 1e-9):
        raise InputError(field="gate_ns", value=gate_ns, allowed=f"rising and between 0 and {period_ns:.4g} ns")
    return float(low), float(high)


def gate_share(limits: tuple[float, float], period_ns: float) -> float:
    """Part of a steady background that falls into the gate."""
    return (limits[1] - limits[0]) / period_ns


def arrivals(stream: PhotonStream, channels: tuple[int, int]) -> tuple[int, int]:
    """Return the delay in ticks at which the decay of each channel rises: where the pulse's light arrives.

    Raises
    ------
    DataError
        A channel holds no photons.
    """
    highest: list[NDArray[np.int64]] = [np.zeros(1, dtype=np.int64) for _ in channels]
    most = int(2 * stream.time_unit_ps / stream.tick_ps) + 1
    for records in stream.chunks():
        if records.delays is None:
            continue
        delays = np.minimum(records.delays, most)
        for k, channel in enumerate(channels):
            found = np.bincount(delays[records.channels == channel], minlength=len(highest[k]))
            found[: len(highest[k])] += highest[k]
            highest[k] = found
    for channel, decay in zip(channels, highest, strict=True):
        if decay.sum() == 0:
            raise DataError(f"channel {channel} holds no photons to find the arrival of the pulse from")
    return _edge(highest[0]), _edge(highest[1])


def _edge(decay: NDArray[np.int64]) -> int:
    """Where the rise to the highest count passes half of it."""
    top = int(np.argmax(decay))
    below = np.flatnonzero(decay[:top] < 0.5 * decay[top])
    return int(below[-1]) + 1 if len(below) else 0


def channel_gates(stream: PhotonStream, channels: tuple[int, int], limits: tuple[float, float]) -> NDArray[np.int64]:
    """Return the gate of each channel in ticks of delay, (2, 2), from the arrival of the pulse there.

    Raises
    ------
    InputError
        The stream is T2, whose photons have no delay.
    """
    if stream.mode != "T3":
        raise InputError(field="gate_ns", value=limits, allowed="used with T3, where photons have a delay")
    ticks = np.rint(np.array(limits) * 1e3 / stream.tick_ps).astype(np.int64)
    gates = np.array([arrival + ticks for arrival in arrivals(stream, channels)])
    if limits[0] == 0.0:  # nothing is cut at the rise
        gates[:, 0] = 0
    return gates
