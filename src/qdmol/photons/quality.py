"""Whether a recording can be trusted: one pass over its photons, a list of findings in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qdmol.photons.flags import Flag, Severity
from qdmol.photons.stream import Mode, PhotonStream

__all__ = ["Detector", "Flag", "QualityReport", "Severity", "assess_quality"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Detector:
    """What the photons of one channel say about its detector.

    Attributes
    ----------
    channel, photons : int
        Input channel counted from 0; photons in it.
    rate_hz : float
        Photons over the length of the recording.
    smallest_interval_ns : float or None
        Between two photons of this channel; None for fewer than two.
    dead_time_ns, dead_time_low_ns, dead_time_high_ns : float or None
        Time after a photon in which no other is seen, with its interval at 95 %; None where the photons cannot tell.
    afterpulsing, afterpulsing_low, afterpulsing_high : float or None
        Probability that a photon is followed by a false one, with its interval at 95 %; None where they cannot tell.
    """

    channel: int
    photons: int
    rate_hz: float
    smallest_interval_ns: float | None = None
    dead_time_ns: float | None = None
    dead_time_low_ns: float | None = None
    dead_time_high_ns: float | None = None
    afterpulsing: float | None = None
    afterpulsing_low: float | None = None
    afterpulsing_high: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class QualityReport:
    """What one pass over a stream found.

    Attributes
    ----------
    photons : int
        All photons.
    per_channel : Mapping of int to int
        Photons of each channel that has any.
    duration_s : float
        Length of the recording: stated by the header where the records agree with it, else from the records.
    count_rate_hz : float
        Photons over duration; 0 where there is no duration.
    mode : "T2" or "T3"
        Of the stream.
    sync_period_ns : float or None
        Measured where sync pulses were recorded, else as stated.
    flags : tuple of Flag
        Worst first.
    truncated : bool
        Whether the file ended early.
    detectors : tuple of Detector
        One a channel that has photons, in order of channel.
    interval_edges_ns : float (n + 1,)
        Edges of the bins of `interval_counts`.
    interval_counts : int64 (channels, n)
        Intervals between neighbouring photons of the same channel; rows as `detectors`.
    delay_bin_ns : float or None
        Width of a bin of `delay_counts`; None for T2.
    delay_counts : int64 (channels, m)
        T3: photons against the delay after the sync pulse; rows as `detectors`; empty for T2.
    rate_bin_s : float
        Width of a bin of `rate_counts`.
    rate_counts : int64 (bins, channels)
        Photons against time; columns as `detectors`.
    """

    photons: int
    per_channel: Mapping[int, int]
    duration_s: float
    count_rate_hz: float
    mode: Mode
    sync_period_ns: float | None
    flags: tuple[Flag, ...]
    truncated: bool
    detectors: tuple[Detector, ...]
    interval_edges_ns: Floats
    interval_counts: Integers
    delay_bin_ns: float | None
    delay_counts: Integers
    rate_bin_s: float
    rate_counts: Integers

    @property
    def analysable(self) -> bool:
        """Whether nothing fatal was found."""
        return not any(flag.severity == "fatal" for flag in self.flags)

    def flag(self, name: str) -> Flag | None:
        """Return the first flag of a name, or None."""
        return next((flag for flag in self.flags if flag.name == name), None)


def assess_quality(stream: PhotonStream, *, progress: Callable[[int], object] | None = None) -> QualityReport:
    """Go once over the photons and report what is wrong with them.

    Parameters
    ----------
    stream
        Any photon stream.
    progress
        Called after each stretch with the number of photons gone through.
    """
    raise NotImplementedError
