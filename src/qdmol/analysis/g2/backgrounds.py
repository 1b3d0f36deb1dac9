"""What part of the pairs has nothing to do with the emitter, from measured background rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from qdmol.analysis.background import Background
from qdmol.analysis.g2.values import PairHistogram
from qdmol.errors import DataError

__all__ = ["Flat", "Signal", "flat_of_valleys", "signal_of"]

_VALLEY = 0.4  # periods from a peak


@dataclass(frozen=True, slots=True)
class Signal:
    """Shares of the photons that are the emitter's.

    Attributes
    ----------
    fractions : (float, float)
        Signal over all photons for each channel, ρ.
    product, error : float
        ρ1 ρ2 and its standard error: the share of pairs, at the level of steady light, with no background in them.
    """

    fractions: tuple[float, float] = (1.0, 1.0)
    product: float = 1.0
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Flat:
    """Pairs a period in which there is a photon of a steady background, from the pairs themselves; standard error."""

    pairs: float
    error: float


def flat_of_valleys(histogram: PairHistogram, *, period_ns: float, zero_ns: float) -> Flat:
    """Pairs a period from those farthest from all peaks, a fifth of the period; right where the peaks have ended."""
    away = (histogram.lag_ns - zero_ns) / period_ns
    valley = np.abs(away - np.rint(away)) > _VALLEY
    share = period_ns / max(float(valley.sum()) * histogram.bin_width_ns, 1e-9)
    number = float(histogram.counts[valley].sum())
    return Flat(number * share, float(np.sqrt(number + 1.0)) * share)


def signal_of(histogram: PairHistogram, background: Background | None, *, gate_share: float = 1.0) -> Signal:
    """Return the signal fractions of a histogram's two channels.

    A pair is the emitter's with probability ρ1 ρ2, pairs with a background photon fall on all lags alike, so
    g2 = (g2_measured - (1 - ρ1 ρ2)) / (ρ1 ρ2), both against steady light (Brouri, Beveratos, Poizat, Grangier,
    Opt. Lett. 25, 1294 (2000), doi:10.1364/OL.25.001294).

    Parameters
    ----------
    gate_share : float
        Part of the background that a gate on the delay lets through.

    Raises
    ------
    DataError
        The background is as bright as the recording.
    """
    if background is None:
        return Signal()
    if histogram.photons is None or not histogram.duration_s:
        raise DataError("a background can only be taken off where photons and duration of the recording are known")
    fractions, relative = [], 0.0
    for channel, photons in zip(histogram.channels, histogram.photons, strict=True):
        rate = photons / histogram.duration_s
        dark = background.rate_hz(channel) * gate_share
        if rate <= dark:
            raise DataError(
                f"the background of channel {channel}, {dark:.4g} Hz, is no less than its photons, {rate:.4g} Hz, "
                "so no signal is left for g2"
            )
        fraction = 1.0 - dark / rate
        fractions.append(fraction)
        relative += (_error_hz(background, channel) * gate_share / rate / fraction) ** 2
    product = fractions[0] * fractions[1]
    return Signal(fractions=(fractions[0], fractions[1]), product=product, error=product * float(np.sqrt(relative)))


def _error_hz(background: Background, channel: int) -> float:
    if channel not in background.channels:
        return 0.0
    k = background.channels.index(channel)
    width = float(background.high_hz[k] - background.low_hz[k])
    return 0.5 * width / float(stats.norm.ppf(0.5 + 0.5 * background.level)) if np.isfinite(width) else 0.0
