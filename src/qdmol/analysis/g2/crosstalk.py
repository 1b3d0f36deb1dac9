"""Sharp peaks beside the centre: light that one detector emits and the other sees, or echoes in the electronics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from qdmol.analysis.g2.values import PairHistogram

__all__ = ["Spike", "find_spikes"]

_ONE_SIDE, _OTHER_SIDE = 1e-5, 1e-3  # chance of the excess at one sign of lag, and at the other
_FARTHEST_NS = 1e4  # light and echoes between two detectors take far less, however slow the laser is
_SHORTEST_NS = 1.5  # nearer to the zero delay a peak cannot be told from the centre itself


@dataclass(frozen=True, slots=True)
class Spike:
    """A pair of sharp peaks at lags of both signs.

    Attributes
    ----------
    lag_ns, width_ns : float
        Distance from the zero delay, and full width of the window in which they stand out.
    excess : float
        Pairs above what lies beside them, both signs together.
    """

    lag_ns: float
    width_ns: float
    excess: float

    @property
    def mask(self) -> tuple[float, float]:
        """Lags to leave out."""
        return max(self.lag_ns - self.width_ns, 0.0), self.lag_ns + self.width_ns


def find_spikes(histogram: PairHistogram, zero_ns: float, *, reach_ns: float) -> tuple[Spike, ...]:
    """Look for sharp peaks at the same distance on both sides of the zero delay.

    The afterglow of avalanche diodes reaches the other detector some ns later (Kurtsiefer, Zarda, Mayer, Weinfurter, J.
    Mod. Opt. 48, 2039 (2001), doi:10.1080/09500340108240905). A window stands out if its pairs are too many, against an
    equally wide one on each side of it together, to come by chance (binomial, 1e-5 over the number of windows at one
    sign and 1e-3 at the other); a smooth flank does not do that.
    """
    found: list[Spike] = []
    for width in (0.5, 1.0, 2.0):
        found += _of_width(histogram, zero_ns, reach_ns, width)
    found.sort(key=lambda spike: -spike.excess)
    apart: list[Spike] = []
    for spike in found:
        if all(abs(spike.lag_ns - other.lag_ns) > 2.0 * max(spike.width_ns, other.width_ns) for other in apart):
            apart.append(spike)
    return tuple(sorted(apart, key=lambda spike: spike.lag_ns))


def _of_width(histogram: PairHistogram, zero_ns: float, reach_ns: float, width: float) -> list[Spike]:
    places = np.arange(max(_SHORTEST_NS, 2.0 * width), min(reach_ns, _FARTHEST_NS) - 1.5 * width, 0.5 * width)
    if len(places) == 0 or width < 2.0 * histogram.bin_width_ns:
        return []
    sums = np.concatenate([[0], np.cumsum(histogram.counts)])
    edge = histogram.first_lag_ns - 0.5 * histogram.bin_width_ns - zero_ns

    def pairs(low: NDArray[np.float64]) -> NDArray[np.int64]:
        first = np.clip(np.rint((low - edge) / histogram.bin_width_ns), 0, len(sums) - 1).astype(np.int64)
        last = np.clip(first + round(width / histogram.bin_width_ns), 0, len(sums) - 1)
        return np.asarray(sums[last] - sums[first], dtype=np.int64)

    chances, excess = [], np.zeros(len(places))
    for sign in (1.0, -1.0):
        middle = pairs(sign * places - 0.5 * width)
        beside = pairs(sign * places - 1.75 * width) + pairs(sign * places + 0.75 * width)
        # a convex flank is higher beside than in the middle, so a third is the most it can have by itself
        chances.append(stats.binom.sf(middle - 1, middle + beside, 1.0 / 3.0))
        excess += middle - 0.5 * beside
    least, most = np.minimum(*chances), np.maximum(*chances)
    hits = (least < _ONE_SIDE / len(places)) & (most < _OTHER_SIDE)
    return [Spike(float(p), width, float(e)) for p, e in zip(places[hits], excess[hits], strict=True)]
