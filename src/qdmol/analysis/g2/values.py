"""What a measurement of g2 takes in and gives back: histograms of pairs, and numbers with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qdmol.analysis.wording import estimate_or_none, interval_text
from qdmol.arrays import Floats, Integers
from qdmol.estimates import Estimate
from qdmol.photons import Flag

Method = Literal["pulsed areas", "pulsed fit", "continuous fit"]


@dataclass(frozen=True, slots=True, eq=False)
class PairBlocks:
    """The same pairs and photons stretch by stretch, for errors that know how the light fluctuates.

    Attributes
    ----------
    counts : int32 (B, n)
        Pairs by the stretch of time in which the later photon fell.
    photons : int64 (B, 2)
        Photons of the two channels in each stretch.
    durations_s : float (B,)
        Length of each stretch.
    """

    counts: NDArray[np.int32]
    photons: Integers
    durations_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class PairHistogram:
    """Pairs of photons, one on each of two channels, by the time between them.

    The lag is the time of the photon on the second channel less that of the photon on the first. Every pair is counted,
    not only the next photon, so the histogram is proportional to g2 at any rate.

    Attributes
    ----------
    counts : int64 (n,)
        Pairs in each bin.
    bin_width_ns : float
        Width of a bin.
    first_lag_ns : float
        Centre of the first bin.
    channels : (int, int)
        Where the photons of a pair came in.
    photons : (int, int) or None
        Photons of the two channels in the whole recording; None where a file does not say.
    duration_s : float or None
        Length of the recording.
    period_ns : float or None
        Time between laser pulses; None for continuous light, or where it is not known.
    blocks : PairBlocks or None
        The same, stretch by stretch.
    """

    counts: Integers
    bin_width_ns: float
    first_lag_ns: float
    channels: tuple[int, int] = (0, 1)
    photons: tuple[int, int] | None = None
    duration_s: float | None = None
    period_ns: float | None = None
    blocks: PairBlocks | None = None

    @property
    def lag_ns(self) -> Floats:
        """Centres of the bins in ns, (n,)."""
        return self.first_lag_ns + self.bin_width_ns * np.arange(len(self.counts), dtype=np.float64)

    @property
    def pairs(self) -> int:
        """All pairs in the histogram."""
        return int(self.counts.sum())

    @property
    def poisson_per_bin(self) -> Floats | None:
        """Pairs expected in each bin, (n,), from steady light of the same mean rates: n1 n2 w (T - |lag|) / T^2.

        None where the photons or the length of the recording are not known.
        """
        if self.photons is None or not self.duration_s:
            return None
        rate = self.photons[0] * self.photons[1] / self.duration_s**2
        overlap = np.clip(self.duration_s - np.abs(self.lag_ns) * 1e-9, 0.0, None)
        return np.asarray(rate * overlap * self.bin_width_ns * 1e-9, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Ratios:
    """g2(0) in both normalisations and what separates them, with intervals. NaN where it is undefined.

    Attributes
    ----------
    side, side_low, side_high : float
        Centre over the level beside it.
    poisson, poisson_low, poisson_high : float
        Centre over the level of steady light of the same mean rates.
    bunching, bunching_low, bunching_high : float
        Level beside the centre over that of steady light.
    """

    side: float
    side_low: float
    side_high: float
    poisson: float
    poisson_low: float
    poisson_high: float
    bunching: float
    bunching_low: float
    bunching_high: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class G2:
    """g2 at zero delay, how it was found, and the curve it comes from.

    Attributes
    ----------
    method : str
        "pulsed areas", "pulsed fit" or "continuous fit".
    side, side_low, side_high : float
        Centre over the mean of the neighbouring side peaks (pulsed), or over the level beside the dip (continuous).
        Corrected for background where one was given.
    poisson, poisson_low, poisson_high : float
        Centre over the level expected from the mean count rates, r1 r2 T times period. NaN where the rates are unknown.
    bunching, bunching_low, bunching_high : float
        Side peaks over that level: 1 for a source that does not blink.
    zero_delay_ns : float
        Lag at which photons of the same pulse, or of the same moment, meet.
    centre_counts, side_counts : float
        Pairs of the centre, and the mean of a side peak: counted, or the area of the fit. Continuous: pairs within a
        bin's width of the zero delay, and those expected there without a dip.
    sides : int
        Side peaks used.
    period_ns : float or None
        Time between pulses.
    lag_ns, counts : (n,)
        The histogram, lags relative to the zero delay.
    curve : float (n,)
        Pairs by the model; NaN where a bin was left out, or where there is no model.
    far_level : float
        Level at lags where the bunching has gone, over the Poisson level; NaN where it was not looked at.
    lifetimes_ns : tuple of float
        Of the peaks' flanks (pulsed fit) or of the dip and the shoulder (continuous).
    level : float
        Probability of the intervals.
    histogram : PairHistogram
        What it was found from.
    flags : tuple of Flag
        What one should know before using the number.
    signal_fractions : (float, float) or None
        Share of each channel's photons that are not background, where a correction was made.
    uncorrected : Ratios or None
        The same numbers of all pairs, those with background among them.
    background_source : str or None
        Where the background comes from that is taken off: as in `Background.source`, or ``"pairs"`` for the flat part
        of the pairs under pulsed light; None where nothing is known of it (continuous light), so that both are equal.
    gate_ns : (float, float) or None
        Photons used, by their delay after the pulse.
    """

    method: Method
    side: float
    side_low: float
    side_high: float
    poisson: float
    poisson_low: float
    poisson_high: float
    bunching: float
    bunching_low: float
    bunching_high: float
    zero_delay_ns: float
    centre_counts: float
    side_counts: float
    sides: int
    period_ns: float | None
    lag_ns: Floats
    counts: Integers
    curve: Floats
    far_level: float
    lifetimes_ns: tuple[float, ...]
    level: float
    histogram: PairHistogram
    flags: tuple[Flag, ...] = ()
    signal_fractions: tuple[float, float] | None = None
    uncorrected: Ratios | None = None
    background_source: str | None = None
    gate_ns: tuple[float, float] | None = None

    @property
    def against_sides(self) -> Estimate | None:
        """Value at zero delay against the neighbouring pulses, or the level beside the dip."""
        return estimate_or_none(self.side, self.side_low, self.side_high)

    @property
    def against_independent(self) -> Estimate | None:
        """Value at zero delay against independent photons of the same mean rates."""
        return estimate_or_none(self.poisson, self.poisson_low, self.poisson_high)

    @property
    def bunching_level(self) -> Estimate | None:
        """Side peaks, or the level beside the dip, against independent photons."""
        return estimate_or_none(self.bunching, self.bunching_low, self.bunching_high)

    def __repr__(self) -> str:
        return f"<G2 by {self.method}: {interval_text(self.against_sides)} relative to the side peaks>"

    def _repr_html_(self) -> str:
        return "".join(f"<p>{escape(line)}</p>" for line in str(self).splitlines())

    def as_dict(self) -> dict[str, float | None]:
        """Return the numbers of a summary as JSON holds them: None for what is undefined."""
        names = (
            *("side", "side_low", "side_high", "poisson", "poisson_low", "poisson_high"),
            *("bunching", "bunching_low", "bunching_high", "zero_delay_ns"),
        )
        values = {name: float(getattr(self, name)) for name in names}
        return {name: value if np.isfinite(value) else None for name, value in values.items()}

    def __str__(self) -> str:
        """Two lines: both normalisations and the bunching."""
        return (
            f"g2(0) by {self.method}: side {self.side:.3g} [{self.side_low:.3g}, {self.side_high:.3g}], "
            f"Poisson {self.poisson:.3g} [{self.poisson_low:.3g}, {self.poisson_high:.3g}]\n"
            f"bunching {self.bunching:.3g}, zero delay {self.zero_delay_ns:.4g} ns, "
            f"centre {self.centre_counts:.4g} against {self.side_counts:.4g} a side"
        )


@dataclass(frozen=True, slots=True, repr=False)
class G3:
    """Three photons of the same pulse against what steady light, or the neighbouring pulses, would give.

    Attributes
    ----------
    side, side_low, side_high : float
        Triples of one pulse over the mean of triples from three different neighbouring pulses.
    poisson, poisson_low, poisson_high : float
        The same over n1 n2 n3 / pulses^2.
    centre_counts : int
        Triples of one pulse.
    side_counts : float
        Mean triples of three given different pulses.
    channels : tuple of int
        The three inputs; two may be the same.
    reason : str or None
        Why there is no number (all of them NaN then), as a sentence.
    flags : tuple of Flag
        What one should know before using the number.
    """

    side: float
    side_low: float
    side_high: float
    poisson: float
    poisson_low: float
    poisson_high: float
    centre_counts: int
    side_counts: float
    channels: tuple[int, ...]
    reason: str | None = None
    flags: tuple[Flag, ...] = ()

    @property
    def against_sides(self) -> Estimate | None:
        """Value at zero delay against the neighbouring pulses, or the level beside the dip."""
        return estimate_or_none(self.side, self.side_low, self.side_high)

    @property
    def against_independent(self) -> Estimate | None:
        """Value at zero delay against independent photons of the same mean rates."""
        return estimate_or_none(self.poisson, self.poisson_low, self.poisson_high)

    def __repr__(self) -> str:
        return f"<G3: {interval_text(self.against_independent)} relative to independent photons>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self)[1:-1])}</p>"
