"""g2 at zero delay from a stream or from a ready histogram: which way, with what background, and what to beware of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from qdmol.analysis.background import BEFORE_PULSE, Background
from qdmol.analysis.g2.continuous import fit_dip
from qdmol.analysis.g2.corrections import (
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
from qdmol.analysis.g2.pairs import Gate, pair_histogram
from qdmol.analysis.g2.peaks import Comb, find_comb, find_period
from qdmol.analysis.g2.ratios import SIDE_WINDOW_NS, area_ratios, dip_ratios, fit_ratios, sides_of
from qdmol.analysis.g2.remarks import (
    assumed_zero,
    covered,
    fit_flags,
    no_background,
    overlap_flag,
    shifted_zero,
    side_flags,
    spike_flag,
    wide_peak,
)
from qdmol.analysis.g2.values import G2, PairHistogram, Ratios
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
        A gate without delays, or an option out of range.
    """
    options = details or G2Details()
    if not 0.0 < level < 1.0:
        raise InputError(field="level", value=level, allowed="between 0 and 1")
    histogram, limits, pulsed = _prepared(source, channels=channels, method=method, gate_ns=gate_ns, options=options)
    if histogram.pairs == 0:
        raise DataError("there is no pair of photons on the two channels, so g2 cannot be said")
    share = 1.0 if limits is None or histogram.period_ns is None else gate_share(limits, histogram.period_ns)
    signal = signal_of(histogram, background, gate_share=share)
    masked = tuple((float(low), float(high)) for low, high in mask)
    if pulsed:
        exact = isinstance(source, PhotonStream) and source.mode == "T3"
        found = _pulsed(histogram, (signal, background), masked, level, options, exact_period=exact)
    else:
        found = _continuous(histogram, (signal, background), masked, level, options)
    if not np.isfinite(found.side):
        raise DataError(
            "the pairs are too few to tell those of the emitter from those with background, so g2 is unknown"
        )
    return replace(found, gate_ns=limits)


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
    return tuple(
        measure_g2(
            stream,
            channels=channels,
            method="pulsed",
            gate_ns=gate,
            background=background,
            level=level,
            details=options,
        )
        for gate in gates_ns
    )


def _prepared(
    source: PhotonStream | PairHistogram,
    *,
    channels: tuple[int, int] | None,
    method: str,
    gate_ns: float | tuple[float, float] | None,
    options: G2Details,
) -> tuple[PairHistogram, tuple[float, float] | None, bool]:
    """Return the histogram to look at, the gate, and whether the light was pulsed."""
    if isinstance(source, PairHistogram):
        if gate_ns is not None:
            raise InputError(field="gate_ns", value=gate_ns, allowed="used with a stream, not with a histogram")
        histogram = source if options.period_ns is None else replace(source, period_ns=options.period_ns)
        return _with_period(histogram, method, exact=False)
    pair = channels or _brightest(source)
    period = options.period_ns or (None if source.sync_period_ps is None else source.sync_period_ps * 1e-3)
    limits = None if gate_ns is None else gate_limits(gate_ns, _known(period))
    gate = None if limits is None else channel_gates(source, pair, limits)
    if method == "continuous" or period is None:
        histogram = _searched(source, pair, pulsed=method != "continuous" and source.mode == "T2")
        return _with_period(histogram, method, exact=False)
    histogram = _of_period(source, pair, period, options=options, gate=gate)
    if source.mode == "T3" or options.period_ns is not None:
        found, _, pulsed = _with_period(histogram, method, exact=source.mode == "T3")
        return found, limits, pulsed
    visible = find_period(histogram)
    if visible is not None and abs(visible / period - 1.0) < _AGREE:
        return _with_period(histogram, method, exact=False)
    # a rate that the header states, and that the light does not follow: a detector's count rate, or another laser's
    return _with_period(_searched(source, pair, pulsed=True), method, exact=False)


def _of_period(
    stream: PhotonStream, pair: tuple[int, int], period: float, *, options: G2Details, gate: Gate | None = None
) -> PairHistogram:
    """Pairs over as many periods as the side peaks and a shifted zero delay need."""
    sides = max(_FEWEST_SIDES, int(SIDE_WINDOW_NS / period) + 1, (options.sides or 0) + 1)
    window = (sides + _SEARCHED) * period + abs(options.zero_delay_ns or 0.0)
    histogram = pair_histogram(stream, channels=pair, window_ns=window, bin_width_ns=period / _BINS_A_PERIOD, gate=gate)
    return replace(histogram, period_ns=period)


def _searched(stream: PhotonStream, pair: tuple[int, int], *, pulsed: bool) -> PairHistogram:
    """Pairs within 500 ns; where a comb of pulses shows in them or in those within 5 µs, over enough periods of it."""
    window, width = _CONTINUOUS_WINDOW_NS, _CONTINUOUS_BIN_NS
    histogram = pair_histogram(stream, channels=pair, window_ns=window, bin_width_ns=width)
    histogram = replace(histogram, period_ns=None)
    if not pulsed or histogram.photons is None:
        return histogram
    period = find_period(histogram)
    if period is None and histogram.pairs < _DENSE * sum(histogram.photons):
        wide = pair_histogram(stream, channels=pair, window_ns=10 * window, bin_width_ns=10 * width)
        period = find_period(wide)
    if period is None or window > (_FEWEST_SIDES + _SEARCHED) * period:
        return histogram
    return _of_period(stream, pair, period, options=G2Details())


def _with_period(
    histogram: PairHistogram, method: str, *, exact: bool
) -> tuple[PairHistogram, tuple[float, float] | None, bool]:
    if method == "continuous":
        return replace(histogram, period_ns=None), None, False
    if exact:
        return histogram, None, True
    visible = find_period(histogram)
    if visible is None and method == "auto":
        return replace(histogram, period_ns=None), None, False
    period = histogram.period_ns or visible
    if period is None:
        raise DataError("the pairs of photons show no peaks at equal distances, and no pulse period is given")
    return replace(histogram, period_ns=find_period(histogram, about_ns=period) or period), None, True


def _known(period: float | None) -> float:
    if period is None:
        raise InputError(field="period_ns", value=None, allowed="given where the stream does not state a sync period")
    return period


def _brightest(stream: PhotonStream) -> tuple[int, int]:
    total = np.zeros(256, dtype=np.int64)
    for records in stream.chunks():
        total += np.bincount(records.channels, minlength=256)
    if (total > 0).sum() < 2:
        raise DataError(f"g2 needs photons on two channels, but there are some on {int((total > 0).sum())} only")
    first, second = sorted(np.argsort(-total, kind="stable")[:2].tolist())
    return int(first), int(second)


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
    asked = options.overlap is False  # plain areas, whose valleys may hold flanks as well as background
    if signal == Signal() and not asked:
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
        background_source=_area_source(signal, background, plain=asked),
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
    found = replace(comb, period_ns=fit.period_ns, zero_ns=fit.zero_ns)
    sides = sides_of(histogram, found, sides=options.sides)
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
