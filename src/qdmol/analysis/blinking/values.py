"""The values of blinking: segments of constant intensity, the levels they belong to, lifetime against intensity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from qdmol.analysis.lifetime.values import Decay
from qdmol.arrays import Floats, Integers
from qdmol.estimates import Estimate

Kind = Literal["constant", "two-state", "several levels", "flickering"]


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Stretches of a recording in which the intensity is constant as far as the photons tell; n of them.

    Attributes
    ----------
    edges_s : float64 (n + 1,)
        Where they begin and end, on the clock of the stream: start of the recording, change points, end.
    photons : int64 (n,)
        Photons of each, one after the other: the photons of a segment follow those of the segment before it in the
        stream, so that ``numpy.cumsum(photons)`` counts photons up to each edge.
    level : int64 (n,)
        The intensity level, 0 for the darkest.
    lifetime_ns, lifetime_low_ns, lifetime_high_ns : float64 (n,)
        Lifetime and its 95 % interval; nan without pulses or where the photons are too few, a high end of inf where
        the lifetime has no upper limit.
    """

    edges_s: Floats
    photons: Integers
    level: Integers
    lifetime_ns: Floats
    lifetime_low_ns: Floats
    lifetime_high_ns: Floats

    def __len__(self) -> int:
        return len(self.photons)

    @property
    def durations_s(self) -> Floats:
        """Length of each in s (n,)."""
        return np.diff(self.edges_s)

    @property
    def rate_hz(self) -> Floats:
        """Photons per second of each (n,)."""
        return np.asarray(self.photons / self.durations_s, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class IntensityLevel:
    """One level of intensity: all segments that belong to it.

    Attributes
    ----------
    rate_hz : Estimate
        Photons per second, background included, with its 95 % interval. Where stays on other levels are too short to be
        found, the value is that of the mixture, and the interval reaches to the rate of the least mixed segments.
    photons : int
        In all its segments.
    duration_s : float
        Of all its segments.
    fraction : float
        Share of the recording's time.
    segments : int
        How many.
    lifetime_ns : Estimate or None
        Of all its photons, as that of a segment; None without pulses or with too few photons.
    """

    rate_hz: Estimate
    photons: int
    duration_s: float
    fraction: float
    segments: int
    lifetime_ns: Estimate | None


@dataclass(frozen=True, slots=True, eq=False)
class LifetimeIntensity:
    """Distribution of lifetime and intensity together (FLID).

    Attributes
    ----------
    rate_edges_hz : float64 (n_rate + 1,)
        Edges of the bins of intensity.
    lifetime_edges_ns : float64 (n_lifetime + 1,)
        Edges of the bins of lifetime.
    density : float64 (n_rate, n_lifetime)
        Share of `weight` in each bin; sums to 1. Each segment is spread by its errors.
    weight : "time" or "photons"
        What is shared out.
    """

    rate_edges_hz: Floats
    lifetime_edges_ns: Floats
    density: Floats
    weight: Literal["time", "photons"] = "time"


@dataclass(frozen=True, slots=True, eq=False)
class IntensityLevels:
    """Segments and levels of a recording, and what kind of blinking they show.

    Attributes
    ----------
    segments : Segments
        In order of time.
    levels : tuple of IntensityLevel
        The darkest first.
    false_alarms : float
        Stated rate: change points that a source of constant intensity would be expected to show in this recording.
    kind : "constant", "two-state", "several levels" or "flickering"
        constant: no change point, or one level about which the segments scatter a little. two-state: two levels, also
        if they wander or drift. flickering: a continuum of intensities whose lifetimes, if known, follow the intensity.
    kind_reason : str
        Sentence: why.
    evidence : tuple of float
        Logarithm of the evidence for 1, 2, .. levels, as far as they were tried; only differences matter.
    continuum_evidence : float or None
        The same for a continuum of intensities; None without change points.
    excess_noise : float
        Variance over mean of the counts in `shortest_s`, at least 1: what bunching at shorter times adds.
    shortest_s : float
        Shortest segment; changes that last less count as noise.
    lifetime_intensity : LifetimeIntensity or None
        None without lifetimes.
    lifetime_slope : Estimate or None
        d ln(lifetime) / d ln(intensity above background) over the segments: 1 where both follow the quantum yield
        alone, 0 where the lifetime is constant.
    lifetime_correlation : Estimate or None
        Rank correlation of lifetime and intensity, -1 to 1.
    background_hz : float
        Rate of photons that are even over the period, taken off for lifetimes and slope: as known, else from the decays
        of all levels together.
    decays : tuple of Decay
        Photons of each level by delay, all its segments together, the pulse at the beginning; empty without pulses.
    """

    segments: Segments
    levels: tuple[IntensityLevel, ...]
    false_alarms: float
    kind: Kind
    kind_reason: str
    evidence: tuple[float, ...]
    continuum_evidence: float | None = None
    excess_noise: float = 1.0
    shortest_s: float = 0.0
    lifetime_intensity: LifetimeIntensity | None = None
    lifetime_slope: Estimate | None = None
    lifetime_correlation: Estimate | None = None
    background_hz: float = 0.0
    decays: tuple[Decay, ...] = ()

    @property
    def number(self) -> int:
        """Number of levels."""
        return len(self.levels)

    @property
    def change_points_s(self) -> Floats:
        """Times of the changes in s (n - 1,)."""
        return self.segments.edges_s[1:-1]
