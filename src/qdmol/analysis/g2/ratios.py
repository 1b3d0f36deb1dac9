"""Both normalisations of g2, with intervals: from areas of separate peaks, from a fit of the peaks, from a dip.

With them the flags of a value of g2, in sentences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdmol.analysis.g2.continuous import DipFit
from qdmol.analysis.g2.corrections import Flat, Signal, Spike
from qdmol.analysis.g2.overlap import CombFit
from qdmol.analysis.g2.peaks import Comb, Peaks, peaks_of
from qdmol.analysis.g2.values import PairHistogram, Ratios
from qdmol.photons import Flag
from qdmol.statistics import (
    chi2_tail,
    level_scatter,
    likelihood_interval,
    nodes_of,
    normal_quantile,
    ratio_interval,
    scaled_interval,
    with_scatter,
)

# Side peaks nearer than this, and at least five each way, make the level beside the centre.
SIDE_WINDOW_NS = 750.0
_FEWEST = 5
_MANY = 30.0  # counts from which the likelihood ratio has its limiting law
_NAN = float("nan")
Mask = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The centre and the peaks beside it.

    Attributes
    ----------
    centre : float
        Pairs of the centre.
    total : float
        Pairs of all side peaks used.
    number : int
        Side peaks used.
    level : float
        Pairs that steady light of the same rates would give in a peak; NaN where rates are unknown.
    flat, open : float
        Share of a period the mask leaves, over that of the pairs it leaves; share of a period it leaves.
    scatter, factor : float
        Relative error of the bunching from stretches of the recording, and the factor for its interval.
    """

    centre: float
    total: float
    number: int
    level: float
    flat: float
    scatter: float
    factor: float
    open: float = 1.0


def poisson_level(histogram: PairHistogram, period_ns: float) -> float:
    """Pairs that steady light gives in a peak: r1 r2 T times the period; NaN where the rates are not known."""
    if histogram.photons is None or not histogram.duration_s:
        return _NAN
    first, second = histogram.photons
    return first * second * period_ns * 1e-9 / histogram.duration_s


def sides_of(histogram: PairHistogram, comb: Comb, *, sides: int | None, mask: Mask = ()) -> Sides:
    """Add up the centre and its neighbours: those within 750 ns and at least five each way, or as many as `sides`."""
    number = max(_FEWEST, int(SIDE_WINDOW_NS / comb.period_ns)) if sides is None else sides
    peaks = peaks_of(histogram, comb.period_ns, comb.zero_ns, mask=mask, sides=number)
    beside = peaks.orders != 0
    total = float(peaks.areas[beside].sum())
    scatter, factor = _scatter(histogram, peaks, total)
    return Sides(
        centre=peaks.centre,
        total=total,
        number=int(beside.sum()),
        level=poisson_level(histogram, comb.period_ns) * peaks.kept,
        flat=peaks.flat / peaks.kept if peaks.kept > 0 else 1.0,
        scatter=scatter,
        factor=factor,
        open=peaks.flat,
    )


def _scatter(histogram: PairHistogram, peaks: Peaks, total: float) -> tuple[float, float]:
    if histogram.blocks is None or peaks.blocks is None:
        return (total**-0.5 if total > 0 else _NAN), 1.0
    by_block = peaks.blocks[:, peaks.orders != 0].sum(axis=1)
    return level_scatter(by_block, histogram.blocks.photons.astype(np.float64), histogram.blocks.durations_s)


def area_ratios(sides: Sides, signal: Signal, *, level: float, flat: Flat | None = None) -> Ratios:
    """Both normalisations from areas, pairs with background taken off.

    The background is that of the measured rates (`signal`), or the flat part of the pairs (`flat`). side: centre over
    the mean of the sides, both Poisson: the exact interval of a ratio of two counts. poisson: the
    centre's counts are Poisson around g2 times a level; that level is known from the rates, but the light may fluctuate
    more in another hour: its scatter over stretches of the recording, less that of the sides' own counts, is averaged
    over. bunching: sides over the Poisson level with the whole scatter.
    """
    if sides.number == 0 or sides.total <= 0:
        return Ratios(*[_NAN] * 9)
    mean = sides.total / sides.number
    known = np.isfinite(sides.level)
    others, others_error = 0.0, 0.0
    if flat is not None:
        others, others_error = flat.pairs * sides.open, flat.error * sides.open
    elif known:
        others = sides.level * (1.0 - signal.product) * sides.flat
        others_error = sides.level * signal.error * sides.flat
    beside = mean - others
    if beside <= 0:
        return Ratios(*[_NAN] * 9)
    side = (sides.centre - others) / beside
    side_limits = _side_limits(sides, others, others_error, level=level)
    scale = sides.level - others / max(sides.flat, 1e-9) if known else _NAN
    if not known or scale <= 0:
        return Ratios(side, *side_limits, *[_NAN] * 6)
    fluctuation = sides.factor * float(np.sqrt(max(sides.scatter**2 - 1.0 / sides.total, 0.0)))
    spread = nodes_of(scale=scale, scatter=fluctuation, background=others, background_error=others_error, follows=True)
    poisson_limits = scaled_interval(sides.centre, spread, level=level)
    bunching = beside / scale
    # a signal fraction that is off moves both levels, and cancels where there is no bunching
    relative = abs(1.0 - bunching) * others_error / max(sides.flat, 1e-9) / scale / bunching if bunching > 0 else 0.0
    whole = float(np.hypot(sides.factor * sides.scatter * mean / beside, relative))
    limits = with_scatter(bunching, whole, level=level) if whole > 0 else (bunching, bunching)
    return Ratios(side, *side_limits, (sides.centre - others) / scale, *poisson_limits, bunching, *limits)


def _share_error(bunching: float, signal: Signal) -> float:
    """Relative error of the bunching from that of the signal fractions."""
    return abs(1.0 - bunching) * signal.error / signal.product / bunching if bunching > 0 else 0.0


def _side_limits(sides: Sides, others: float, others_error: float, *, level: float) -> tuple[float, float]:
    if others <= 0:
        low, high = ratio_interval(sides.centre, sides.total, denominator_exposure=sides.number, level=level)
        return float(low), float(high)
    mean = sides.total / sides.number
    spread = nodes_of(
        scale=mean - others,
        scatter=sides.total**-0.5 * mean / (mean - others),
        background=others,
        background_error=others_error,
        follows=True,
    )
    return scaled_interval(sides.centre, spread, level=level)


def fit_ratios(fit: CombFit, sides: Sides, signal: Signal | None, *, level: float, raw: bool = False) -> Ratios:
    """Both normalisations from a fit of overlapping peaks.

    The area of the centre and its error are those of a number of Poisson counts over a background of counts that leak
    from the neighbours; the interval is that of these counts. What the fit finds flat under the peaks is the pairs with
    background, and is left out; with a measured background (`signal`) the pairs that its rates promise are left out
    instead. With `raw` nothing is left out, as if areas of whole periods were compared.
    """
    others, others_error, slope = fit.flat, 0.0, 0.0  # slope: how centre and side follow the flat part
    if raw or signal is not None:
        slope, others = 1.0, 0.0
        if not raw and signal is not None:
            others, others_error = sides.level * (1.0 - signal.product), sides.level * signal.error
    kept = slope * fit.flat - (others if slope else 0.0)
    centre, beside = fit.centre + kept, fit.side + kept
    if not beside > 0:
        return Ratios(*[_NAN] * 9)
    side = centre / beside
    gradient = np.array([1.0, -side, slope * (1.0 - side)]) / beside
    variance = float(gradient @ fit.covariance @ gradient) + ((1.0 - side) * others_error / beside) ** 2
    counts = max(variance * beside**2, centre, 0.0)
    leaked = counts - centre
    side_limits = _fit_limits(counts, leaked, scale=beside, scatter=0.0, level=level)
    scale = sides.level if raw else sides.level - others
    if not np.isfinite(scale) or scale <= 0:
        return Ratios(side, *side_limits, *[_NAN] * 6)
    fluctuation = sides.factor * float(np.sqrt(max(sides.scatter**2 - 1.0 / max(sides.total, 1.0), 0.0)))
    fluctuation = float(np.hypot(fluctuation, others_error / scale))
    poisson_limits = _fit_limits(counts, leaked, scale=scale, scatter=fluctuation, level=level)
    bunching = beside / scale
    limits = with_scatter(bunching, sides.factor * sides.scatter, level=level)
    return Ratios(side, *side_limits, centre / scale, *poisson_limits, bunching, *limits)


def _fit_limits(counts: float, leaked: float, *, scale: float, scatter: float, level: float) -> tuple[float, float]:
    """Exact limits for few counts, those of the likelihood ratio for many."""
    if counts < _MANY:
        return scaled_interval(counts, nodes_of(scale=scale, scatter=scatter, background=leaked), level=level)
    return likelihood_interval(counts, scale=scale, background=leaked, scatter=scatter, level=level)


def dip_ratios(fit: DipFit, histogram: PairHistogram, signal: Signal, *, level: float) -> Ratios:
    """Both normalisations from the dip or peak under continuous light, pairs with background taken off.

    The interval of the fit is that of the profile likelihood; errors of the background and of the level are added to
    its ends in quadrature.
    """
    known = histogram.poisson_per_bin
    steady = _NAN if known is None else float(np.interp(fit.zero_ns, histogram.lag_ns, known))
    others = steady * (1.0 - signal.product) / fit.level if known is not None else 0.0
    others_error = steady * signal.error / fit.level if known is not None else 0.0
    if others >= 1.0:
        return Ratios(*[_NAN] * 9)
    reach = float(normal_quantile(0.5 + 0.5 * level))
    side, low, high = ((value - others) / (1.0 - others) for value in (fit.ratio, fit.low, fit.high))
    shift = reach * others_error * abs(fit.ratio - 1.0) / (1.0 - others) ** 2
    side_limits = _widened(side, (low, high), shift)
    if known is None:
        return Ratios(side, *side_limits, *[_NAN] * 6)
    bunching = (fit.level / steady - (1.0 - signal.product)) / signal.product
    scatter, factor = fit.level_error, 1.0
    if histogram.blocks is not None:
        pairs = histogram.blocks.counts.sum(axis=1).astype(np.float64)
        whole, factor = level_scatter(pairs, histogram.blocks.photons.astype(np.float64), histogram.blocks.durations_s)
        scatter = float(np.hypot(fit.level_error, np.sqrt(max(whole**2 - 1.0 / max(pairs.sum(), 1.0), 0.0))))
    ends = (side_limits[0] * bunching, side_limits[1] * bunching)
    limits = _widened(side * bunching, ends, reach * factor * scatter * abs(side) * bunching)
    whole = float(np.hypot(factor * scatter, _share_error(bunching, signal)))
    return Ratios(side, *side_limits, side * bunching, *limits, bunching, *with_scatter(bunching, whole, level=level))


def _widened(value: float, limits: tuple[float, float], more: float) -> tuple[float, float]:
    """Add an error to both ends of an interval in quadrature; a ratio is never below 0."""
    low, high = limits
    below, above = float(np.hypot(max(value - low, 0.0), more)), float(np.hypot(max(high - value, 0.0), more))
    return max(value - below, 0.0), max(value + above, 0.0)


_UNEVEN = 0.05  # of the sides' level
_SURE = 3.0  # standard deviations
_UNLIKELY = 1e-4
_FEW = 20


def assumed_zero() -> Flag:
    """No lag stands out as the centre."""
    return Flag(
        name="zero_delay_assumed",
        severity="warning",
        message=(
            "No lag has clearly fewer pairs than its neighbours, so the peak nearest to zero is assumed to be the zero"
            " delay."
        ),
    )


def no_background() -> Flag:
    """Continuous light does not show its background."""
    return Flag(
        name="background_unknown",
        severity="note",
        message=(
            "The background is unknown and cannot be determined under continuous excitation, so g2 is not corrected "
            "for it; add a dark recording (--dark) for the correction."
        ),
    )


def wide_peak(reach_ns: float) -> Flag:
    """No level is seen beside the dip or the peak."""
    return Flag(
        name="wide_peak",
        severity="warning",
        message=(
            f"The pairs change up to lags of {reach_ns:.4g} ns, the longest examined, so the level beside the zero "
            "delay is undetermined: use g2 relative to independent photons."
        ),
        value=reach_ns,
        unit="ns",
    )


def shifted_zero(comb: Comb) -> Flag:
    """The centre is not the peak at lag 0."""
    return Flag(
        name="zero_delay_shifted",
        severity="note",
        message=(
            f"Photons of the same pulse coincide at {comb.zero_ns:.4g} ns, {comb.order:+d} sync periods from lag 0, "
            "because cables or inputs delay one channel."
        ),
        value=comb.zero_ns,
        unit="ns",
    )


def covered(spike: Spike, mask: Mask) -> bool:
    """Whether a mask leaves a sharp peak out."""
    return any(low <= spike.lag_ns <= high for low, high in mask)


def spike_flag(spike: Spike, *, masked: bool) -> Flag:
    """Afterglow or crosstalk of the detectors."""
    what = "they are masked" if masked else f"mask lags of {spike.mask[0]:.3g} to {spike.mask[1]:.3g} ns or model them"
    return Flag(
        name="afterglow",
        severity="note" if masked else "warning",
        message=(
            f"Sharp peaks {spike.lag_ns:.3g} ns on both sides of the zero delay, {spike.excess:.3g} pairs in excess, "
            f"look like afterglow or crosstalk of the detectors and raise g2: {what}."
        ),
        value=spike.lag_ns,
        unit="ns",
    )


def overlap_flag(leak: float) -> Flag:
    """Boxes would not do."""
    return Flag(
        name="overlapping_decays",
        severity="note",
        message=(
            f"{100 * leak:.2g} % of a peak's pairs lie nearer to another peak, so the peaks were fitted: counting"
            " pairs in boxes would make g2 too large."
        ),
        value=leak,
    )


def side_flags(histogram: PairHistogram, comb: Comb, sides: Sides) -> list[Flag]:
    """Side peaks that are few, or that fall with the lag."""
    flags = []
    if sides.number < 2 or sides.total < _FEW:
        flags.append(
            Flag(
                name="few_pairs",
                severity="warning",
                message=f"The {sides.number} side peaks contain {sides.total:.0f} pairs, too few for a meaningful g2.",
                value=sides.total,
            )
        )
    near = peaks_of(histogram, comb.period_ns, comb.zero_ns, sides=5)
    beside = near.areas[near.orders != 0]
    if sides.number <= len(beside) or len(beside) == 0 or sides.total == 0:
        return flags
    mean, close = sides.total / sides.number, float(beside.mean())
    if close > (1.0 + _UNEVEN) * mean and close - mean > _SURE * np.sqrt(close / len(beside)):
        level = "" if not np.isfinite(sides.level) else f" (bunching {close / sides.level:.3g})"
        flags.append(
            Flag(
                name="bunching_decays",
                severity="note",
                message=(
                    f"The side peaks decrease with lag: the ten nearest contain {close:.4g} pairs each{level}, all "
                    f"{sides.number} that were used {mean:.4g}; g2 relative to the nearest is correspondingly smaller."
                ),
                value=close / mean,
            )
        )
    return flags


def fit_flags(*, settled: bool, deviance: float, degrees: int) -> list[Flag]:
    """A fit that did not converge, or does not describe the counts."""
    flags = []
    if not settled:
        flags.append(Flag(name="fit_unsettled", severity="warning", message="The fit of g2 did not converge."))
    if degrees > 0 and chi2_tail(deviance, degrees) < _UNLIKELY and deviance > 1.1 * degrees:
        flags.append(
            Flag(
                name="poor_fit",
                severity="warning",
                message=(
                    f"The model of g2 deviates from the counts by more than their noise (deviance {deviance:.0f} for "
                    f"{degrees} "
                    "degrees of freedom), so its intervals may be too narrow."
                ),
                value=deviance / degrees,
            )
        )
    return flags
