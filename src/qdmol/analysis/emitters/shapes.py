"""Delays of the earlier photon of a pair, as independent emitters, a cascade and the background give them.

The rank of a photon is the share of all photons of its channel that arrive earlier after the pulse. For independent
photons it is uniform whatever the decay and the instrument response are, so the smaller rank m of the two photons of a
pair has P(m > x) = (1 - x)². A cascade starts with a photon of a shorter lifetime, so that m is smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from qdmol.analysis.emitters.pairs import Arrival, empirical_shares
from qdmol.arrays import Floats

EDGES: Final = np.array([0.0, 0.008, 0.016, 0.03, 0.05, 0.08, 0.12, 0.18, 0.26, 0.36, 0.5, 0.68, 1.0])
_SHORTEST, _LONGEST, _LIFETIMES = 0.004, 1.0, 40  # lifetimes of the first photon, over that of the exciton


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Shares of pairs by bin of the smaller rank, for one value of the background.

    Attributes
    ----------
    emitters, mixed, background : float (b,)
        Pairs of two independent photons: both of emitters, one of them, none.
    log_lifetimes : float (n,)
        Logarithm of the lifetime of the first photon of a cascade, over that of the exciton.
    cascades : float (n, b)
        Pairs whose first photon has that lifetime.
    share : float
        Of the photons, those that are not background.
    """

    emitters: Floats
    mixed: Floats
    background: Floats
    log_lifetimes: Floats
    cascades: Floats
    share: float

    def cascade(self, lifetime: Floats) -> Floats:
        """Pairs whose first photon has these lifetimes over that of the exciton, (m,); (m, b)."""
        place = np.interp(np.log(np.maximum(lifetime, 1e-12)), self.log_lifetimes, np.arange(len(self.log_lifetimes)))
        low = np.minimum(place.astype(np.int64), len(self.log_lifetimes) - 2)
        part = (place - low)[:, None]
        return np.asarray((1.0 - part) * self.cascades[low] + part * self.cascades[low + 1], dtype=np.float64)


def shapes_of(arrivals: tuple[Arrival, Arrival], *, lifetime_ns: float, tick_ns: float, share: float) -> Shapes:
    """Compute the shapes from the measured decays.

    The decay of a photon with a shorter lifetime τ' seen through the same response R is found without knowing R: with
    the measured cumulative decay F = R * exp(τ), it is (τ/τ') F - (τ/τ' - 1) exp(τ') * F, where * is a convolution
    and exp(τ) the normalised exponential; once the response is over, it is exponential.

    Parameters
    ----------
    arrivals
        Decays of the two channels.
    lifetime_ns
        Lifetime τ of the exciton at early delays.
    tick_ns
        Length of a tick.
    share
        Of the photons, those that are not background.
    """
    ratios = np.exp(np.linspace(np.log(_SHORTEST), np.log(_LONGEST), _LIFETIMES))
    own, flat = [], []
    fast = np.zeros((_LIFETIMES, len(EDGES)))
    for arrival in arrivals:
        below = empirical_shares(arrival)
        position = np.linspace(0.0, 1.0, len(below))
        decay = np.clip((below - (1.0 - share) * position) / share, 0.0, 1.0)
        own.append(1.0 - _at(below, decay))
        flat.append(1.0 - _at(below, position))
        bin_ns = arrival.bin_ticks * tick_ns
        for k, ratio in enumerate(ratios):
            keep = np.exp(-bin_ns / (ratio * lifetime_ns))
            smooth = _smoothed(decay, keep)
            early = np.clip(decay / ratio - (1.0 / ratio - 1.0) * smooth, 0.0, 1.0)
            # once the response is over, the decay is exponential, whatever the noise
            end = min(arrival.risen, len(early) - 1)
            early[end:] = 1.0 - (1.0 - early[end]) * keep ** np.arange(len(early) - end)
            fast[k] += 0.5 * (1.0 - _at(below, np.maximum.accumulate(early)))
    mixed = 0.5 * (own[0] * flat[1] + own[1] * flat[0])
    return Shapes(
        emitters=_bins(own[0] * own[1]),
        mixed=_bins(mixed),
        background=_bins(flat[0] * flat[1]),
        log_lifetimes=np.log(ratios),
        cascades=np.stack([_bins(row) for row in fast]),
        share=share,
    )


def _smoothed(values: Floats, keep: float) -> Floats:
    """Geometric average of each value and those before it: (1 - k) Σ k^j x[n - j], in steps that double."""
    smooth, step, weight = (1.0 - keep) * values, 1, keep
    while step < len(smooth) and weight > 0.0:
        smooth[step:] += weight * smooth[:-step]
        step, weight = 2 * step, weight * weight
    return smooth


def alone(share: float) -> Shapes:
    """Shapes of a single bin: of pairs whose delays say nothing."""
    one = np.ones(1)
    return Shapes(one, one, one, np.log([_SHORTEST, _LONGEST]), np.ones((2, 1)), share)


def _at(below: Floats, values: Floats) -> Floats:
    """Values at the edges of the bins of rank; `below` are the ranks at which they are given."""
    rising = np.concatenate([[True], np.diff(below) > 0])
    last = np.asarray(np.interp(EDGES, below[rising], values[rising]), dtype=np.float64)
    last[0], last[-1] = 0.0, 1.0
    return last


def _bins(survival: Floats) -> Floats:
    shares = np.maximum(-np.diff(survival), 1e-6)
    return np.asarray(shares / shares.sum(), dtype=np.float64)
