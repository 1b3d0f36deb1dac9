"""Lifetime against intensity over the segments of a recording: joint distribution (FLID), slope and correlation.

An emitter whose dark states are charged has a lifetime that follows its intensity, while one whose excitations are
trapped before they relax darkens at constant lifetime (types A and B of Galland et al., Nature 479, 203 (2011),
doi:10.1038/nature10569).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scipy.special import erf

from qdmol.analysis.blinking.values import LifetimeIntensity, Segments
from qdmol.arrays import Bools, Floats
from qdmol.errors import DataError, InputError
from qdmol.estimates import Estimate
from qdmol.statistics import normal_quantile, t_quantile

_BINS = 100
_FEWEST = 5  # segments with a lifetime behind a slope
_RESOLVED = 0.5  # largest relative half width of a lifetime's interval that goes into a slope
_MARGIN = 1.05
_BLOCK = 4096  # segments at a time


def lifetime_intensity(
    segments: Segments, *, weight: Literal["time", "photons"] = "time", bins: int = _BINS
) -> LifetimeIntensity:
    """Distribution of lifetime and intensity: each segment is a Gaussian as wide as its errors, cut to the axes.

    Parameters
    ----------
    segments
        With lifetimes.
    weight
        What a segment counts: its time, or its photons.
    bins
        Of each axis, from 0.

    Raises
    ------
    InputError
        `weight` is neither, or `bins` is below 2.
    DataError
        No segment has a lifetime.
    """
    if weight not in ("time", "photons"):
        raise InputError(field="weight", value=weight, allowed='"time" or "photons"')
    if bins < 2:
        raise InputError(field="bins", value=bins, allowed="at least 2")
    use = _with_lifetime(segments)
    if not use.any():
        raise DataError("No segment has enough photons for a lifetime, so there is no lifetime-intensity distribution.")
    rates, taus = segments.rate_hz[use], segments.lifetime_ns[use]
    rate_errors = np.sqrt(np.maximum(segments.photons[use], 1.0)) / segments.durations_s[use]
    tau_errors = _lifetime_errors(segments)[use]
    weights = (segments.durations_s if weight == "time" else segments.photons.astype(np.float64))[use]
    rate_edges = np.linspace(0.0, _top(rates + 2.0 * rate_errors, weights), bins + 1)
    tau_edges = np.linspace(0.0, _top(taus + 2.0 * tau_errors, weights), bins + 1)
    density = np.zeros((bins, bins))
    for start in range(0, len(rates), _BLOCK):
        part = slice(start, start + _BLOCK)
        across = _shares(rates[part], rate_errors[part], rate_edges)
        along = _shares(taus[part], tau_errors[part], tau_edges)
        density += across.T @ (along * weights[part, None])
    return LifetimeIntensity(rate_edges, tau_edges, density / density.sum(), weight)


def _with_lifetime(segments: Segments) -> Bools:
    return np.isfinite(segments.lifetime_ns) & np.isfinite(segments.lifetime_high_ns)


def _lifetime_errors(segments: Segments) -> Floats:
    width = segments.lifetime_high_ns - segments.lifetime_low_ns
    errors: Floats = width / (2.0 * float(normal_quantile(0.975)))
    return errors


def _top(values: Floats, weights: Floats) -> float:
    """End of an axis: nearly all of the weight lies below."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return _MARGIN * float(values[order][min(int(np.searchsorted(share, 0.999)), len(values) - 1)])


def _shares(values: Floats, errors: Floats, edges: Floats) -> Floats:
    """Share of each Gaussian in each bin (n, bins); all of it lies on the axis."""
    step = edges[1] - edges[0]
    # a bin is the least width, and what lies beyond the axis goes to its last bin
    widths = np.maximum(errors, 0.5 * step)[:, None]
    centres = np.minimum(values, edges[-1] - 0.5 * step)[:, None]
    cumulated = 0.5 * (1.0 + erf((edges[None, :] - centres) / (math.sqrt(2.0) * widths)))
    shares = np.diff(cumulated, axis=1)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float64)


def lifetime_slope(segments: Segments, *, background_hz: float = 0.0) -> Estimate | None:
    """Slope d ln(lifetime) / d ln(intensity above background) over the segments, with its 95 % interval.

    Weighted by the errors of the lifetimes; the interval is that of the scatter about the line (White,
    Econometrica 48, 817 (1980), doi:10.2307/1912934, with the correction for few points). None for fewer than five
    segments with a lifetime, or where their intensities differ by less than their errors.
    """
    use, rates = _above_background(segments, background_hz)
    if use.sum() < _FEWEST:
        return None
    x, y = np.log(rates[use]), np.log(segments.lifetime_ns[use])
    x_errors = np.sqrt(np.maximum(segments.photons[use], 1.0)) / segments.durations_s[use] / rates[use]
    errors = np.maximum(_lifetime_errors(segments)[use] / segments.lifetime_ns[use], 1e-6)
    weights = 1.0 / (errors**2 + _excess(y, errors))
    x = x - np.average(x, weights=weights)
    spread = float(weights @ x**2)
    noise = float(weights @ x_errors**2)
    if not spread > 4.0 * noise:
        return None
    y = y - np.average(y, weights=weights)
    slope = float(weights @ (x * y)) / (spread - noise)
    leverage = weights * x**2 / spread + weights / weights.sum()
    residuals = (y - slope * x) / np.maximum(1.0 - leverage, 0.05)
    error = math.sqrt(float((weights * x * residuals) @ (weights * x * residuals))) / (spread - noise)
    # as many degrees of freedom as segments with weight
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    reach = float(t_quantile(0.975, max(effective - 2.0, 1.0))) * error
    return Estimate(slope, slope - reach, slope + reach)


def _excess(values: Floats, errors: Floats) -> float:
    """Variance of the values beyond their errors, so that a few very precise segments do not decide alone."""
    return max(float(np.var(values)) - float(np.mean(errors**2)), 0.0)


def _above_background(segments: Segments, background_hz: float) -> tuple[Bools, Floats]:
    """Segments that are well above the background and have a lifetime that is known to half of itself; their rates."""
    rates = segments.rate_hz - background_hz
    error = np.sqrt(np.maximum(segments.photons, 1.0)) / segments.durations_s
    errors = _lifetime_errors(segments)
    use = _with_lifetime(segments)
    use[use] &= (rates[use] > 3.0 * error[use]) & (errors[use] < _RESOLVED * segments.lifetime_ns[use])
    return use, np.asarray(rates, dtype=np.float64)


def lifetime_correlation(segments: Segments, *, background_hz: float = 0.0) -> Estimate | None:
    """Rank correlation (Spearman's) of lifetime and intensity over the segments, with its 95 % interval.

    The interval is Fisher's with the variance of Bonett and Wright, Psychometrika 65, 23 (2000),
    doi:10.1007/BF02294183. None for fewer than five segments with a lifetime, or where either is the same in all.
    """
    use, rates = _above_background(segments, background_hz)
    n = int(use.sum())
    if n < _FEWEST:
        return None
    a, b = _ranks(rates[use]), _ranks(segments.lifetime_ns[use])
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    value = float(np.clip(np.corrcoef(a, b)[0, 1], -1.0, 1.0))
    inner = math.atanh(float(np.clip(value, -0.9999, 0.9999)))
    reach = float(normal_quantile(0.975)) * math.sqrt((1.0 + 0.5 * value**2) / max(n - 3, 1))
    return Estimate(value, min(math.tanh(inner - reach), value), max(math.tanh(inner + reach), value))


def _ranks(values: Floats) -> Floats:
    """Rank of each value, the mean rank for equal ones."""
    _, inverse, number = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(number)
    ranks: Floats = (last - 0.5 * (number - 1))[inverse]
    return ranks
