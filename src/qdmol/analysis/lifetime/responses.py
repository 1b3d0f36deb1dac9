"""A measured response made ready for a fit: as a density in fine parts, put together over the end of a period."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from qdmol.analysis.lifetime.values import Response
from qdmol.errors import DataError

__all__ = ["density", "nearest_shift", "share_variances"]

Floats = NDArray[np.float64]

_PARTS = 2000  # parts a measured response is split into, eight a bin at most
_NEGLIGIBLE = 1e-8  # share of the response at either end that is left out


def density(response: Response, period_ns: float | None) -> tuple[Floats, float, float]:
    """Return the response as a density over ns (m,) in parts of its bins, their width, and where the first begins.

    A step function would be broader than the truth. The cumulated counts are interpolated by a cubic spline; what it
    makes negative is cut, and each bin keeps its counts.

    Raises
    ------
    DataError
        For a response that is longer than the period.
    """
    counts, first = _joined(response, period_ns)
    start, stop = _ends(counts)
    counts, first = counts[start:stop], first + start * response.bin_width_ns
    if period_ns is not None and len(counts) * response.bin_width_ns > period_ns + 1.5 * response.bin_width_ns:
        raise DataError(f"The response is longer than the period of {period_ns:.4g} ns.")
    parts = max(1, min(8, _PARTS // len(counts)))
    edges = np.arange(len(counts) + 1, dtype=np.float64)
    cumulated = np.concatenate(([0.0], np.cumsum(counts))) / counts.sum()
    fine = np.arange(parts * len(counts) + 1) / parts
    shares = np.maximum(np.diff(CubicSpline(edges, cumulated)(fine)), 0.0)
    within = shares.reshape(-1, parts)
    sums = within.sum(axis=1)
    within = within * np.divide(np.diff(cumulated), sums, out=np.zeros_like(sums), where=sums > 0)[:, None]
    width = response.bin_width_ns / parts
    return within.ravel() / (within.sum() * width), width, first


def share_variances(response: Response, period_ns: float | None) -> Floats:
    """Return the variance of the share of each bin in the response (m,), m as in :func:`density`; 0 if unknown."""
    counts, _ = _joined(response, period_ns)
    start, stop = _ends(counts)
    if not len(response.variances):
        return np.zeros(stop - start)
    # the same bins in the same order
    order, _ = _joined(response, period_ns, response.variances)
    variances: Floats = order[start:stop] / counts.sum() ** 2
    return variances


def _ends(counts: Floats) -> tuple[int, int]:
    """First bin, and the bin behind the last, of all but a negligible share of the counts."""
    cumulated = np.concatenate(([0.0], np.cumsum(counts))) / counts.sum()
    start = int(np.searchsorted(cumulated, _NEGLIGIBLE, side="right")) - 1
    stop = int(np.searchsorted(cumulated, 1.0 - _NEGLIGIBLE)) + 1
    return max(start - 1, 0), min(stop + 1, len(counts))


def _joined(response: Response, period_ns: float | None, values: Floats | None = None) -> tuple[Floats, float]:
    """Counts in one run, and the left edge of the first: what reaches over the end of the period is put together.

    `values` (m,), one for each bin, are put in the order of the counts and returned in their place.
    """
    counts, bin_ns, first = response.counts, response.bin_width_ns, response.first_bin_ns
    ordered = counts if values is None else values
    significant = counts > 1e-6 * counts.max()
    if not (significant[0] and significant[-1]) or significant.all():
        return ordered, first
    begins, ends = _longest_gap(significant)
    peak = int(counts.argmax())
    if period_ns is None or abs(len(counts) * bin_ns - period_ns) > 1.5 * bin_ns:
        # the two ends are not neighbours: only the run about the peak is the response
        alone = ordered.copy()
        alone[begins:] = 0.0 if peak < begins else alone[begins:]
        alone[:ends] = 0.0 if peak >= ends else alone[:ends]
        return alone, first
    middle = (begins + ends) // 2
    # the later part is that of the pulse before
    later = peak < middle
    return np.roll(ordered, -middle), first + middle * bin_ns - (period_ns if later else 0.0)


def _longest_gap(significant: NDArray[np.bool_]) -> tuple[int, int]:
    """Where the longest run of bins without response begins and ends."""
    steps = np.flatnonzero(np.diff(np.concatenate(([0], (~significant).astype(np.int64), [0]))))
    begins, ends = steps[::2], steps[1::2]
    k = int(np.argmax(ends - begins))
    return int(begins[k]), int(ends[k])


def nearest_shift(shift_ns: float, period_ns: float) -> float:
    """Return a shift on the circle of the period as the one nearest to zero."""
    return shift_ns if math.isinf(period_ns) else shift_ns - period_ns * round(shift_ns / period_ns)
