"""What one should know about a value of g2, in sentences."""

from __future__ import annotations

import numpy as np

from qdmol.analysis.g2.corrections import Spike
from qdmol.analysis.g2.peaks import Comb, peaks_of
from qdmol.analysis.g2.ratios import Sides
from qdmol.analysis.g2.values import PairHistogram
from qdmol.photons import Flag
from qdmol.statistics import chi2_tail

Mask = tuple[tuple[float, float], ...]

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
