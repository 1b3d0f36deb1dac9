"""g2 at zero delay from a stream or from a ready histogram: which way, with what background, and what to beware of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from qdmol.analysis.background import BEFORE_PULSE, Background
from qdmol.analysis.g2.continuous import fit_dip
from qdmol.analysis.g2.corrections import (
    ArrivalTally,
    Flat,
    Signal,
    channel_gates,
    find_spikes,
    flat_of_valleys,
    gate_limits,
    gate_share,
    signal_of,
)
from qdmol.analysis.g2.overlap import CombFit, fit_comb
from qdmol.analysis.g2.pairs import BrightestTally, Gate, PairTally
from qdmol.analysis.g2.peaks import Comb, find_comb, find_period
from qdmol.analysis.g2.ratios import (
    SIDE_WINDOW_NS,
    area_ratios,
    assumed_zero,
    covered,
    dip_ratios,
    fit_flags,
    fit_ratios,
    no_background,
    overlap_flag,
    shifted_zero,
    side_flags,
    sides_of,
    spike_flag,
    wide_peak,
)
from qdmol.analysis.g2.values import G2, PairHistogram, Ratios
from qdmol.analysis.passes import Steps, complete, counted, counted_together
from qdmol.errors import DataError, InputError, SolverError
from qdmol.photons import Flag, PhotonStream

Mask = tuple[tuple[float, float], ...]
Measured = tuple[Signal, Background | None]  # shares of the emitter's photons, and where they come from

_SEARCHED = 9  # periods beyond the side window, for a zero delay that is not at zero
_FEWEST_SIDES = 6  # periods each way at least
_BINS_A_PERIOD = 500
_CONTINUOUS_WINDOW_NS = 500.0
_CONTINUOUS_BIN_NS = 0.25
_DENSE = 5  # pairs a photon within 500 ns above which no longer window is searched for a slow comb
_AGREE = 0.02  # relative difference of a stated period and that of the comb
_LEAK = 0.002  # share of a peak nearer to its neighbours from which on boxes are not used
_NEGLIGIBLE = 0.002  # flat part of the pairs, over those of a side peak, that is not worth its error
_ENOUGH = 30  # pairs from which on flanks can be fitted
_FIT_PERIODS = 7.5
_VALLEY, _EMPTY = 0.4, 2e-4  # periods from a peak; fewer pairs than this share beyond are no background worth a fit


@dataclass(frozen=True, slots=True)
class G2Details:
    """What is rarely set by hand.

    Attributes
    ----------
    zero_delay_ns : float or None
        Lag of the centre; None looks for it.
    period_ns : float or None
        Time between pulses; None takes the stream's, or finds it.
    sides : int or None
        Side peaks each way; None takes those within 750 ns, at least five.
    overlap : bool or None
        Whether peaks are fitted (True) or their areas added up (False, without a correction for an unmeasured
        background); None fits where they run into each other.
    afterglow : "flag", "mask" or "model"
        What to do about sharp peaks beside the centre: tell, leave their lags out, or (fit of overlapping peaks) fit
        them.
    jitter_ns : float
        Continuous light: standard deviation of the difference of two detectors' times.
    """

    zero_delay_ns: float | None = None
    period_ns: float | None = None
    sides: int | None = None
    overlap: bool | None = None
    afterglow: Literal["flag", "mask", "model"] = "flag"
    jitter_ns: float = 0.0


def measure_g2(
    source: PhotonStream | PairHistogram,
    *,
    channels: tuple[int, int] | None = None,
    method: Literal["auto", "pulsed", "continuous"] = "auto",
    gate_ns: float | tuple[float, float] | None = None,
    background: Background | None = None,
    mask: Sequence[tuple[float, float]] = (),
    level: float = 0.95,
    details: G2Details | None = None,
) -> G2:
    """Measure g2 at zero delay in both normalisations.

    Pulsed: pairs of one pulse over pairs of neighbouring pulses (`side`), over those of steady light (`poisson`), and
    the ratio of the two levels (`bunching`). A source that blinks makes the level beside the centre too high, by
    which a `side` of several emitters is too low: emitters are counted from `poisson`. In the weak limit a single
    dot's value is the ratio of the yields of biexciton and exciton: Nair, Zhao, Bawendi, Nano Lett. 11, 1136 (2011),
    doi:10.1021/nl104054t. Peaks that run into each other (more than 0.2 % of a peak nearer to another) are fitted, not
    added up. Continuous: the depth of the dip by a fit.

    Parameters
    ----------
    source : PhotonStream or PairHistogram
        A stream is gone through once, twice with a gate. A histogram, as from a file, gives `side`, and `poisson`
        where it holds photons and duration.
    channels : (int, int) or None
        Inputs; None takes the two with the most photons.
    method : str
        "auto" takes "pulsed" for T3, and for T2 and histograms that show a comb of peaks.
    gate_ns : float or (float, float) or None
        T3: use photons from this delay after the pulse's arrival on each channel, or between these two.
    background : Background or None
        Rates to be taken off.
    mask : sequence of (low, high)
        Lags in ns from the zero delay, to both sides, that are left out: of every peak alike where areas are added up.
    level : float
        Probability of the intervals.
    details : G2Details or None
        Zero delay, period, sides and more, by hand.

    Raises
    ------
    DataError
        There are no two channels with photons, no pairs, no period, or too few pairs for a value.
    SolverError
        The fit did not converge.
    InputError
        A gate without delays, an option out of range, or anything but a stream or a histogram.
    """
    options = details or G2Details()
    if not 0.0 < level < 1.0:
        raise InputError(field="level", value=level, allowed="between 0 and 1")
    if isinstance(source, PairHistogram):
        pairs = _given_pairs(source, method, gate_ns=gate_ns, options=options)
    elif not isinstance(source, PhotonStream):
        allowed = "a PhotonStream or a PairHistogram; open a file with qdmol.read_photons"
        raise InputError(field="source", value=source, allowed=allowed)
    else:
        pairs = complete(pairs_for_g2(source, channels=channels, method=method, gate_ns=gate_ns, options=options))
    return g2_of_pairs(pairs, background=background, mask=mask, level=level, options=options)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of photons that g2 is measured from.

    Attributes
    ----------
    histogram : PairHistogram
        Its `period_ns` is None for continuous light.
    gate_ns : (float, float) or None
        Photons used, by their delay after the pulse.
    pulsed, exact_period : bool
        Whether the light was pulsed; whether the period is that of the pulses by which photons are numbered.
    """

    histogram: PairHistogram
    gate_ns: tuple[float, float] | None
    pulsed: bool
    exact_period: bool


def g2_of_pairs(
    pairs: Pairs,
    *,
    background: Background | None = None,
    mask: Sequence[tuple[float, float]] = (),
    level: float = 0.95,
    options: G2Details,
) -> G2:
    """Evaluate the pairs for :func:`measure_g2`."""
    histogram, limits = pairs.histogram, pairs.gate_ns
    if histogram.pairs == 0:
        raise DataError("There are no pairs of photons on the two channels, so g2 is undefined.")
    share = 1.0 if limits is None or histogram.period_ns is None else gate_share(limits, histogram.period_ns)
    signal = signal_of(histogram, background, gate_share=share)
    masked = tuple((float(low), float(high)) for low, high in mask)
    if pairs.pulsed:
        g2 = _pulsed(histogram, (signal, background), masked, level, options, exact_period=pairs.exact_period)
    else:
        g2 = _continuous(histogram, (signal, background), masked, level, options)
    if not np.isfinite(g2.side):
        raise DataError("There are too few pairs to separate the emitter from the background, so g2 is unknown.")
    return replace(g2, gate_ns=limits)


def gate_curve(
    stream: PhotonStream,
    gates_ns: Sequence[float],
    *,
    channels: tuple[int, int] | None = None,
    background: Background | None = None,
    level: float = 0.95,
    details: G2Details | None = None,
) -> tuple[G2, ...]:
    """Measure g2 with only the photons later than each of `gates_ns` after the pulse (T3).

    A biexciton emits early, so its part of g2 goes away with the gate, while that of a second emitter stays: Mangum,
    Ghosh, Hollingsworth, Htoon, Opt. Express 21, 7419 (2013), doi:10.1364/OE.21.007419. The zero delay is that of all
    photons.
    """
    options = details or G2Details()
    if options.zero_delay_ns is None:
        whole = measure_g2(stream, channels=channels, method="pulsed", details=options)
        options = replace(options, zero_delay_ns=whole.zero_delay_ns)
    steps = gate_curve_steps(stream, gates_ns, channels=channels, background=background, level=level, options=options)
    return complete(steps)


def gate_curve_steps(
    stream: PhotonStream,
    gates_ns: Sequence[float],
    *,
    channels: tuple[int, int] | None,
    options: G2Details,
    background: Background | None = None,
    level: float = 0.95,
    arrivals: tuple[int, int] | None = None,
) -> Steps[tuple[G2, ...]]:
    """Pass and evaluation of :func:`gate_curve`; all gates share one pass."""
    chosen = channels or (yield from _two_brightest(stream))
    period = _known(_stated_period_ns(stream, options))
    limits = [gate_limits(gate, period) for gate in gates_ns]
    _require_delays(stream, gates_ns)
    if arrivals is None:
        arrivals = yield from counted(ArrivalTally(stream, chosen))
    tallies = [
        _tally_of_period(stream, chosen, period, options=options, gate=channel_gates(stream, arrivals, limit))
        for limit in limits
    ]
    counted_pairs = yield from counted_together(tallies)
    results = []
    for histogram, limit in zip(counted_pairs, limits, strict=True):
        pairs = _of_light(replace(histogram, period_ns=period), "pulsed", exact=stream.mode == "T3", gate_ns=limit)
        results.append(g2_of_pairs(pairs, background=background, level=level, options=options))
    return tuple(results)


def _given_pairs(
    histogram: PairHistogram, method: str, *, gate_ns: float | tuple[float, float] | None, options: G2Details
) -> Pairs:
    if gate_ns is not None:
        raise InputError(field="gate_ns", value=gate_ns, allowed="used with a stream, not with a histogram")
    histogram = histogram if options.period_ns is None else replace(histogram, period_ns=options.period_ns)
    return _of_light(histogram, method, exact=False)


def pairs_for_g2(
    stream: PhotonStream,
    *,
    channels: tuple[int, int] | None = None,
    method: str = "auto",
    gate_ns: float | tuple[float, float] | None = None,
    options: G2Details,
) -> Steps[Pairs]:
    """Count the pairs that :func:`measure_g2` evaluates."""
    chosen = channels or (yield from _two_brightest(stream))
    period = _stated_period_ns(stream, options)
    limits = None if gate_ns is None else gate_limits(gate_ns, _known(period))
    gate = None
    if limits is not None:
        _require_delays(stream, limits)
        arrivals = yield from counted(ArrivalTally(stream, chosen))
        gate = channel_gates(stream, arrivals, limits)
    if method == "continuous" or period is None:
        histogram = yield from _searched(stream, chosen, pulsed=method != "continuous" and stream.mode == "T2")
        return _of_light(histogram, method, exact=False)
    histogram = yield from counted(_tally_of_period(stream, chosen, period, options=options, gate=gate))
    histogram = replace(histogram, period_ns=period)
    if stream.mode == "T3" or options.period_ns is not None:
        return _of_light(histogram, method, exact=stream.mode == "T3", gate_ns=limits)
    visible = find_period(histogram)
    if visible is not None and abs(visible / period - 1.0) < _AGREE:
        return _of_light(histogram, method, exact=False)
    # a rate that the header states, and that the light does not follow: a detector's count rate, or another laser's
    histogram = yield from _searched(stream, chosen, pulsed=True)
    return _of_light(histogram, method, exact=False)


def _stated_period_ns(stream: PhotonStream, options: G2Details) -> float | None:
    return options.period_ns or (None if stream.sync_period_ps is None else stream.sync_period_ps * 1e-3)


def _require_delays(stream: PhotonStream, gate_ns: Sequence[float]) -> None:
    if stream.mode != "T3":
        raise InputError(field="gate_ns", value=gate_ns, allowed="used with T3, where photons have a delay")


def _two_brightest(stream: PhotonStream) -> Steps[tuple[int, int]]:
    channels = yield from counted(BrightestTally(stream, number=2))
    if len(channels) < 2:
        raise DataError(f"g2 needs photons on two channels, but only {len(channels)} has photons.")
    return channels[0], channels[1]


def _tally_of_period(
    stream: PhotonStream, pair: tuple[int, int], period: float, *, options: G2Details, gate: Gate | None = None
) -> PairTally:
    """Pairs over as many periods as the side peaks and a shifted zero delay need."""
    sides = max(_FEWEST_SIDES, int(SIDE_WINDOW_NS / period) + 1, (options.sides or 0) + 1)
    window = (sides + _SEARCHED) * period + abs(options.zero_delay_ns or 0.0)
    return PairTally(stream, channels=pair, window_ns=window, bin_width_ns=period / _BINS_A_PERIOD, gate=gate)


def _searched(stream: PhotonStream, pair: tuple[int, int], *, pulsed: bool) -> Steps[PairHistogram]:
    """Pairs within 500 ns; where a comb of pulses shows in them or in those within 5 µs, over enough periods of it."""
    window, width = _CONTINUOUS_WINDOW_NS, _CONTINUOUS_BIN_NS
    histogram = yield from counted(PairTally(stream, channels=pair, window_ns=window, bin_width_ns=width))
    histogram = replace(histogram, period_ns=None)
    if not pulsed or histogram.photons is None:
        return histogram
    period = find_period(histogram)
    if period is None and histogram.pairs < _DENSE * sum(histogram.photons):
        wide = yield from counted(PairTally(stream, channels=pair, window_ns=10 * window, bin_width_ns=10 * width))
        period = find_period(wide)
    if period is None or window > (_FEWEST_SIDES + _SEARCHED) * period:
        return histogram
    histogram = yield from counted(_tally_of_period(stream, pair, period, options=G2Details()))
    return replace(histogram, period_ns=period)


def _of_light(
    histogram: PairHistogram, method: str, *, exact: bool, gate_ns: tuple[float, float] | None = None
) -> Pairs:
    """Pairs of pulsed light with their period, or of continuous light without one."""
    continuous = Pairs(replace(histogram, period_ns=None), gate_ns, pulsed=False, exact_period=exact)
    if method == "continuous":
        return continuous
    if exact:
        return Pairs(histogram, gate_ns, pulsed=True, exact_period=True)
    visible = find_period(histogram)
    if visible is None and method == "auto":
        return continuous
    period = histogram.period_ns or visible
    if period is None:
        raise DataError("The pairs of photons show no equally spaced peaks, and no pulse period is given.")
    refined = find_period(histogram, about_ns=period) or period
    return Pairs(replace(histogram, period_ns=refined), gate_ns, pulsed=True, exact_period=False)


def _known(period: float | None) -> float:
    if period is None:
        raise InputError(field="period_ns", value=None, allowed="given where the stream does not state a sync period")
    return period


def _pulsed(
    histogram: PairHistogram, measured: Measured, mask: Mask, level: float, options: G2Details, *, exact_period: bool
) -> G2:
    period, (signal, background) = _known(histogram.period_ns), measured
    comb = find_comb(histogram, period, zero_ns=options.zero_delay_ns)
    flags = [] if comb.found else [assumed_zero()]
    if comb.order and options.zero_delay_ns is None:
        flags.append(shifted_zero(comb))
    spikes = find_spikes(histogram, comb.zero_ns, reach_ns=0.5 * period)
    flags += [spike_flag(spike, masked=covered(spike, mask)) for spike in spikes]
    if options.afterglow == "mask":
        mask = (*mask, *(spike.mask for spike in spikes if not covered(spike, mask)))
    fit, flat = None, None
    if options.overlap or (options.overlap is None and _may_overlap(histogram, comb)):
        modelled = tuple((s.lag_ns, 0.3 * s.width_ns) for s in spikes) if options.afterglow == "model" else ()
        near = _near(histogram, comb.zero_ns, _FIT_PERIODS * period)
        fit = fit_comb(near, comb, fixed_period=exact_period, mask=mask, spikes=modelled)
        overlapping = fit.leak > _LEAK
        if overlapping and not fit.settled and not options.overlap:
            raise SolverError("the fit of the overlapping peaks did not converge, so g2 is not reported")
        if options.overlap or overlapping:
            return _from_fit(histogram, near, fit, comb, measured, tuple(flags), level=level, options=options)
        flat = Flat(fit.flat, float(np.sqrt(fit.covariance[2, 2]))) if fit.settled else None
    sides = sides_of(histogram, comb, sides=options.sides, mask=mask)
    plain_areas = options.overlap is False  # plain areas, whose valleys may hold flanks as well as background
    if signal == Signal() and not plain_areas:
        flat = flat or flat_of_valleys(histogram, period_ns=period, zero_ns=comb.zero_ns)
        beside = sides.total / max(sides.number, 1)
        flat = flat if flat.pairs > _NEGLIGIBLE * beside else None
    else:
        flat = None
    ratios = area_ratios(sides, signal, level=level, flat=flat)
    flags += side_flags(histogram, comb, sides)
    return G2(
        method="pulsed areas",
        **_fields(ratios),
        zero_delay_ns=comb.zero_ns,
        centre_counts=sides.centre,
        side_counts=sides.total / max(sides.number, 1),
        sides=sides.number,
        period_ns=period,
        lag_ns=histogram.lag_ns - comb.zero_ns,
        counts=histogram.counts,
        curve=np.full(len(histogram.counts), np.nan),
        far_level=float("nan"),
        lifetimes_ns=() if fit is None else fit.lifetimes_ns,
        level=level,
        histogram=histogram,
        flags=tuple(flags),
        signal_fractions=None if signal == Signal() else signal.fractions,
        uncorrected=area_ratios(sides, Signal(), level=level),
        background_source=_area_source(signal, background, plain=plain_areas),
    )


def _area_source(signal: Signal, background: Background | None, *, plain: bool) -> str | None:
    if signal == Signal() or background is None:
        return None if plain else "pairs"
    return background.source


def _from_fit(
    histogram: PairHistogram,
    near: PairHistogram,
    fit: CombFit,
    comb: Comb,
    measured: Measured,
    flags: tuple[Flag, ...],
    *,
    level: float,
    options: G2Details,
) -> G2:
    fitted_comb = replace(comb, period_ns=fit.period_ns, zero_ns=fit.zero_ns)
    sides = sides_of(histogram, fitted_comb, sides=options.sides)
    signal, background = measured
    # the level before the pulse is the flat part of the pairs seen with less: the fit tells it from the decays' tails
    separate = background is not None and background.source != BEFORE_PULSE and signal != Signal()
    known = signal if separate else None
    ratios = fit_ratios(fit, sides, known, level=level)
    return G2(
        method="pulsed fit",
        **_fields(ratios),
        zero_delay_ns=fit.zero_ns,
        centre_counts=fit.centre,
        side_counts=fit.side,
        sides=max(int(len(near.counts) * near.bin_width_ns / fit.period_ns) - 1, 0),
        period_ns=fit.period_ns,
        lag_ns=near.lag_ns - fit.zero_ns,
        counts=near.counts,
        curve=fit.curve,
        far_level=float("nan"),
        lifetimes_ns=fit.lifetimes_ns,
        level=level,
        histogram=histogram,
        flags=(
            *flags,
            overlap_flag(fit.leak),
            *fit_flags(settled=fit.settled, deviance=fit.deviance, degrees=fit.degrees),
        ),
        signal_fractions=None if known is None else known.fractions,
        uncorrected=fit_ratios(fit, sides, None, level=level, raw=True),
        background_source=background.source if separate and background is not None else "pairs",
    )


def _continuous(histogram: PairHistogram, measured: Measured, mask: Mask, level: float, options: G2Details) -> G2:
    signal, background = measured
    fit = fit_dip(histogram, jitter_ns=options.jitter_ns, zero_ns=options.zero_delay_ns, mask=mask, level=level)
    if not fit.settled:
        raise SolverError("the fit of g2 under continuous light did not converge, so g2 is not reported")
    spikes = find_spikes(histogram, fit.zero_ns, reach_ns=50.0)
    flags = [spike_flag(spike, masked=covered(spike, mask)) for spike in spikes]
    if options.afterglow != "flag" and not all(covered(spike, mask) for spike in spikes):
        return _continuous(histogram, measured, (*mask, *(s.mask for s in spikes)), level, options)
    if not fit.found:
        flags.append(assumed_zero())
    if fit.wide:
        flags.append(wide_peak(float(histogram.lag_ns[-1])))
    ratios = dip_ratios(fit, histogram, signal, level=level)
    steady = histogram.poisson_per_bin
    bin_at_zero = int(np.argmin(np.abs(histogram.lag_ns - fit.zero_ns)))
    return G2(
        method="continuous fit",
        **_fields(ratios),
        zero_delay_ns=fit.zero_ns,
        centre_counts=float(histogram.counts[bin_at_zero]),
        side_counts=fit.level,
        sides=0,
        period_ns=None,
        lag_ns=histogram.lag_ns - fit.zero_ns,
        counts=histogram.counts,
        curve=fit.curve,
        far_level=float("nan") if steady is None else fit.far / float(steady.mean()),
        lifetimes_ns=(fit.rise_ns,) if np.isnan(fit.shoulder_ns) else (fit.rise_ns, fit.shoulder_ns),
        level=level,
        histogram=histogram,
        flags=(
            *flags,
            *((no_background(),) if signal == Signal() else ()),
            *fit_flags(settled=fit.settled, deviance=fit.deviance, degrees=fit.degrees),
        ),
        signal_fractions=None if signal == Signal() else signal.fractions,
        uncorrected=dip_ratios(fit, histogram, Signal(), level=level),
        background_source=None if signal == Signal() or background is None else background.source,
    )


def _fields(ratios: Ratios) -> dict[str, Any]:
    """The ratios by name; one that the correction for background puts below zero is given as its interval's end."""
    fields = {name: getattr(ratios, name) for name in Ratios.__slots__}
    for name in ("side", "poisson", "bunching"):
        low, high = fields[f"{name}_low"], fields[f"{name}_high"]
        if np.isfinite(low) and np.isfinite(high):
            fields[name] = float(np.clip(fields[name], low, high))
    return fields


def _may_overlap(histogram: PairHistogram, comb: Comb) -> bool:
    """Whether the valleys between peaks hold pairs: flanks of the peaks, or background, which the fit tells apart."""
    lag = (histogram.lag_ns - comb.zero_ns) / comb.period_ns
    valley = float(histogram.counts[np.abs(lag - np.rint(lag)) > _VALLEY].sum())
    return histogram.pairs >= _ENOUGH and valley > _EMPTY * histogram.pairs


def _near(histogram: PairHistogram, zero_ns: float, reach_ns: float) -> PairHistogram:
    """Cut a histogram to lags near the centre."""
    lag = histogram.lag_ns
    inside = np.flatnonzero(np.abs(lag - zero_ns) <= reach_ns)
    first, last = int(inside[0]), int(inside[-1]) + 1
    return replace(histogram, counts=histogram.counts[first:last], first_lag_ns=float(lag[first]), blocks=None)
