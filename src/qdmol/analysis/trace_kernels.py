"""The loop of the intensity trace. Import inside functions: this module loads the compiler."""

from __future__ import annotations

from typing import Any

from qdmol.photons.compiled import compiled

__all__ = ["bin_times"]


@compiled
def bin_times(start: int, times: Any, columns: Any, origin: int, bins_per_unit: float, counts: Any) -> int:
    """Count photons in bins of time; return how far it came before the bins were full."""
    top = float(counts.shape[0])
    if len(columns) != len(times):
        raise ValueError("times and columns differ in length")
    for i in range(start, len(times)):
        place = float(times[i] - origin) * bins_per_unit
        if place >= top:
            return i
        counts[int(max(place, 0.0)), columns[i]] += 1
    return len(times)
