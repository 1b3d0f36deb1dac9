"""Intensity against time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.photons import PhotonStream

__all__ = ["Trace", "intensity_trace"]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Photons in bins of time.

    Attributes
    ----------
    bin_s : float
        Width of a bin in s.
    counts : int64 (bins, channels)
        Photons; the last bin is whole only if the recording ends on its edge.
    start_s : float
        Start of the first bin on the clock of the stream.
    channels : tuple of int
        The channel of each column.
    asked_bin_s : float
        The width that was asked for; `bin_s` is larger where that would have needed too many bins.
    """

    bin_s: float
    counts: NDArray[np.int64]
    start_s: float
    channels: tuple[int, ...]
    asked_bin_s: float

    @property
    def total(self) -> NDArray[np.int64]:
        """Photons of all channels (bins,)."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.int64)

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Middle of each bin in s (bins,)."""
        return self.start_s + self.bin_s * (np.arange(len(self.counts)) + 0.5)


def intensity_trace(stream: PhotonStream, *, bin_s: float = 0.01) -> Trace:
    """Bin the photons of a stream in time."""
    raise NotImplementedError
