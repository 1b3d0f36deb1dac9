"""Kernel: photons counted by channel and delay."""

from typing import Any

from qdmol.photons.compiled import compiled

__all__ = ["count_delays"]


@compiled
def count_delays(channels: Any, delays: Any, counts: Any) -> int:
    """Add each photon to `counts` (channels, ticks); return how many lie outside."""
    late = 0
    if len(channels) != len(delays):
        raise ValueError("channels and delays differ in length")
    for i in range(len(delays)):
        channel, delay = channels[i], delays[i]
        if channel < counts.shape[0] and delay < counts.shape[1]:
            counts[channel, delay] += 1
        else:
            late += 1
    return late
