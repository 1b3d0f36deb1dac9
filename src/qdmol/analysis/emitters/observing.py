"""Observations from counted pairs, the fitted decay, the background, intensity levels and g3."""

from __future__ import annotations

import math

import numpy as np

from qdmol.analysis.background import Background
from qdmol.analysis.emitters.observations import LevelSegments, Observations, Strata, Triples, strata_of
from qdmol.analysis.emitters.pairs import Arrival, DelayPairs
from qdmol.analysis.emitters.shapes import Shapes, alone, shapes_of
from qdmol.analysis.g2.values import G3
from qdmol.analysis.lifetime.values import LifetimeFit
from qdmol.analysis.trace import Trace
from qdmol.arrays import Floats
from qdmol.estimates import Estimate
from qdmol.statistics import garwood

_SHORT = 0.15  # of the mean lifetime, below which a component of the decay is not the exciton's
_SHARP = 0.35  # of the lifetime: a longer rise of the decay hides the order of photons
_LONG = 0.7  # of the period: the decay of a longer lifetime does not end
_NODES = np.array([-1.22, 0.0, 1.22])  # standard deviations: equally likely thirds of a normal distribution
_KNOWN = 0.003  # of the photons: a smaller error of the background is left out
_LEAST_BINS, _LEAST_LAGS = 20, 5
_FEWEST = 20  # photons of a channel


def observe(
    pairs: DelayPairs,
    arrivals: tuple[Arrival, Arrival],
    *,
    tick_ns: float,
    segments: LevelSegments | None = None,
    level_lifetimes: tuple[Floats, Floats] | None = None,
    background: Background | None = None,
    fit: LifetimeFit | None = None,
    trace: Trace | None = None,
    triples: G3 | None = None,
) -> Observations:
    """Gather the observations of a pulsed recording.

    Parameters
    ----------
    pairs, arrivals
        Of the two channels.
    tick_ns
        Length of a tick of delay.
    segments, level_lifetimes
        Stretches of constant intensity; lifetime of each level in ns with its standard error, NaN where unknown.
    background
        Rates; None takes the flat part of the fitted decay.
    fit
        The decay; without it delays are not used.
    trace
        Photons in bins of time, for slow fluctuations.
    triples
        g3.
    """
    photons = sum(pairs.photons)
    seconds = pairs.duration_pulses * pairs.period_s
    rate = photons / seconds
    nodes = np.minimum(background_nodes(arrivals, background, fit, seconds=seconds), 0.95 * rate)
    lifetimes = exciton_lifetimes(fit)
    resolved = lifetimes is not None and delays_resolved(arrivals, lifetimes[1], pairs.period_s * 1e9)
    shapes: tuple[Shapes, ...]
    if resolved and lifetimes is not None:
        shares = [1.0 - node / rate for node in nodes]
        shapes = tuple(shapes_of(arrivals, lifetime_ns=lifetimes[1], tick_ns=tick_ns, share=s) for s in shares)
    else:
        shapes = tuple(alone(1.0 - node / rate) for node in nodes)
    lengths, errors = level_lifetimes or (None, None)
    strata = strata_of(pairs, segments, resolved=resolved, lifetimes_ns=lengths, lifetime_errors_ns=errors)
    slow, error = slow_fluctuations(trace, (arrivals[0].channel, arrivals[1].channel))
    return Observations(
        strata=strata,
        shapes=shapes,
        background_hz=nodes,
        period_s=pairs.period_s,
        photons=photons,
        poisson=pairs.photons[0] * pairs.photons[1] / pairs.duration_pulses,
        lifetime_ns=None if lifetimes is None else lifetimes[0],
        early_lifetime_ns=None if lifetimes is None else lifetimes[1],
        overlap=overlap_of(fit, arrivals, tick_ns=tick_ns),
        slow_bunching=slow,
        level_error=error,
        triples=triples_of(triples, slow),
    )


def background_nodes(
    arrivals: tuple[Arrival, Arrival], background: Background | None, fit: LifetimeFit | None, *, seconds: float
) -> Floats:
    """Background in photons per second on both channels: one value, or three equally likely ones."""
    rate = sum(each.photons for each in arrivals) / seconds
    # the off state may be a grey one, which the flat part of the decay tells from a background
    grey = background is not None and background.source == "off state" and fit is not None
    if background is not None and not grey:
        known = [background.channels.index(each.channel) for each in arrivals if each.channel in background.channels]
        value = float(background.rates_hz[known].sum())
        ends = np.abs(np.stack([background.high_hz[known], background.low_hz[known]]) - background.rates_hz[known])
        error = float(np.sqrt((np.where(np.isfinite(ends), ends, 0.0).max(axis=0) ** 2).sum())) / 1.96
    elif fit is not None and math.isfinite(fit.background_per_bin):
        share = fit.background_per_bin * len(fit.curve) / max(float(np.nansum(fit.curve)), 1e-9)
        value = rate * min(max(share, 0.0), 0.95)
        spread = fit.background_high - fit.background_low
        relative = spread / 3.92 / max(fit.background_per_bin, 1e-12) if math.isfinite(spread) else 0.0
        error = value * relative if fit.background_per_bin > 0 else 0.0
    else:
        return np.zeros(1)
    if error < _KNOWN * rate:
        return np.array([max(value, 0.0)])
    return np.asarray(np.maximum(value + error * _NODES, 0.0), dtype=np.float64)


def exciton_lifetimes(fit: LifetimeFit | None) -> tuple[float, float] | None:
    """Lifetime of the exciton averaged by amplitude, and at early delays; short components are left out."""
    if fit is None:
        return None
    if fit.stretch is not None:
        value = fit.amplitude_average_ns
        return (value, value) if math.isfinite(value) and value > 0 else None
    lifetimes, fractions = np.asarray(fit.components_ns), np.asarray(fit.fractions)
    kept = np.isfinite(lifetimes) & np.isfinite(fractions) & (lifetimes > _SHORT * fit.intensity_average_ns)
    if not kept.any() or not fractions[kept].sum() > 0:
        return None
    share = fractions[kept] / fractions[kept].sum()
    return float(share @ lifetimes[kept]), float(1.0 / (share / lifetimes[kept]).sum())


def delays_resolved(arrivals: tuple[Arrival, Arrival], lifetime_ns: float, period_ns: float) -> bool:
    """Whether the rise of the decay is short against the lifetime, and the lifetime against the period."""
    rise = max(each.rise_ns for each in arrivals)
    enough = min(each.photons for each in arrivals) >= _FEWEST
    return enough and rise < _SHARP * lifetime_ns and lifetime_ns < _LONG * period_ns


def overlap_of(fit: LifetimeFit | None, arrivals: tuple[Arrival, Arrival], *, tick_ns: float) -> float:
    """Share of pairs of neighbouring pulses that come in one period, as decays outlast it: 2 ε (1 - ε).

    ε is the share of photons later than a period after their pulse.
    """
    if fit is None or fit.stretch is not None:
        return 0.0
    period = arrivals[0].period_ticks * tick_ns
    known = np.isfinite(fit.components_ns) & np.isfinite(fit.intensity_fractions) & (fit.components_ns > 0)
    late = float(fit.intensity_fractions[known] @ np.exp(-0.97 * period / fit.components_ns[known]))
    return 2.0 * late * (1.0 - late)


def slow_fluctuations(trace: Trace | None, channels: tuple[int, int]) -> tuple[float, float]:
    """Bunching from one bin of the trace to the next, and the error that fluctuations of a finite recording leave.

    Of two emitters that fluctuate independently with the correlations c, the mean product of intensities over a time T
    has the variance 2 / T ∫ c² dt over all lags (Bartlett, J. R. Stat. Soc. Suppl. 8, 27 (1946)); here c of the whole
    light is taken, times two for N = 2 and more.
    """
    if trace is None or any(channel not in trace.channels for channel in channels):
        return 1.0, 0.0
    counts = np.stack([trace.counts[:-1, trace.channels.index(channel)] for channel in channels]).astype(np.float64)
    number = counts.shape[1]
    if number < _LEAST_BINS or not (counts.sum(axis=1) > 0).all():
        return 1.0, 0.0
    means = counts.mean(axis=1)
    relative = counts / means[:, None] - 1.0
    size = 2 * number
    first, second = np.fft.rfft(relative, size)
    lags = max(number // 10, _LEAST_LAGS)
    correlation = np.fft.irfft(np.conj(first) * second, size)[:lags] / (number - np.arange(lags))
    noise = 1.0 / (means[0] * means[1] * number)
    squares = correlation**2 - noise
    variance = 2.0 / number * (squares[0] + 2.0 * float(squares[1:].sum()))
    excess = max(float(correlation[1]), 0.0)
    # below its noise a correlation is none
    slow = 1.0 + (excess if excess > 3.0 * math.sqrt(noise) else 0.0)
    return slow, math.sqrt(max(variance, 0.0))


def triples_of(g3: G3 | None, slow: float) -> Triples | None:
    """Triples of one pulse and those of independent photons; None where intensity fluctuations would enter."""
    if g3 is None or not math.isfinite(g3.poisson) or slow > 1.3:
        return None
    if g3.centre_counts > 0:
        expected = g3.centre_counts / g3.poisson
    elif math.isfinite(g3.poisson_high) and g3.poisson_high > 0:
        expected = float(garwood(0)[1]) / g3.poisson_high
    else:
        return None
    return Triples(int(g3.centre_counts), float(expected))


def observations_of_g2(
    g2: Estimate, *, bunching: Estimate | None = None, photons: int = 0, rate_hz: float = 1.0
) -> Observations:
    """Observations that g2 at zero delay alone amounts to: Poisson counts with its value and error.

    Parameters
    ----------
    g2
        Against independent photons, background taken off.
    bunching
        Level beside the centre over that of independent photons; None takes steady light.
    photons, rate_hz
        Of the recording.
    """
    error = max((g2.high - g2.low) / 3.92, 1e-4)
    value = max(g2.value, 0.0)
    if not math.isfinite(error):
        error = max(value, 1.0)
    expected = value / error**2 if value > error else float(garwood(0)[1]) / max(g2.high, 1e-4)
    counts = value * expected
    strata = Strata(
        centre=np.array([[counts]]),
        sides=np.zeros((1, 1)),
        poisson=np.array([expected]),
        side_peaks=1,
        rate_hz=np.array([rate_hz]),
        fraction=np.ones(1),
        segments=np.ones(1, dtype=np.int64),
        lifetime_ns=np.full(1, np.nan),
        lifetime_error_ns=np.full(1, np.nan),
        measured_bunching=1.0 if bunching is None else bunching.value,
    )
    return Observations(
        strata=strata,
        shapes=(alone(1.0),),
        background_hz=np.zeros(1),
        period_s=None,
        photons=photons,
        poisson=expected,
    )
