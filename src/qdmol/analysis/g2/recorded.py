"""g2 of histograms of pairs that an instrument recorded: period from the peaks, lags of one sign, missing rates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qdmol.analysis.g2.measuring import G2Details, measure_g2
from qdmol.analysis.g2.peaks import find_comb, find_period
from qdmol.analysis.g2.values import G2, PairHistogram
from qdmol.analysis.stages import Afterglow
from qdmol.analysis.wording import shown_number
from qdmol.errors import DataError, InputError, SolverError
from qdmol.photons import Flag

_FEWEST_PAIRS = 30  # below, pulsed light cannot be told from continuous light
_AGREE = 0.02  # relative difference of a given period and that of the peaks
_SEARCHED = 8  # periods each way of an origin in which `find_comb` looks for the centre
_RISES = 2.0  # lifetimes of a dip between it and the shortest lag, from which it counts as inside


def recorded_g2(
    pairs: PairHistogram, *, period_given: bool = False, afterglow: Afterglow = "flag"
) -> tuple[G2, tuple[Flag, ...]]:
    """Measure g2 of a recorded histogram, with notes on what was assumed.

    Lags of one sign alone, as a start-stop instrument without delay records them, hold half of the centre. g2 is
    the same for both signs, so each pair gets a sign at random. A Poisson number divided at random makes two
    independent Poisson numbers, so that intervals stay valid.

    Parameters
    ----------
    pairs : PairHistogram
    period_given : bool
        Whether `pairs.period_ns` comes from the user: then the light is pulsed.
    afterglow : "flag", "mask" or "model"
        As in `G2Details`.

    Raises
    ------
    DataError
        Too few pairs, or no zero delay in the histogram.
    SolverError
        The fit did not converge.
    InputError
        The given period contradicts the peaks.
    """
    if pairs.pairs < _FEWEST_PAIRS:
        raise DataError(
            f"The histogram contains {pairs.pairs} pairs, too few for g2; at least {_FEWEST_PAIRS} are needed."
        )
    visible = find_period(pairs)
    if period_given:
        _require_agreement(pairs, visible)
    details, notes = G2Details(afterglow=afterglow), []
    if _is_one_sided(pairs):
        zero = _delayed_zero(pairs, pairs.period_ns if period_given else visible)
        if zero is None:
            pairs, zero = _with_both_signs(pairs), 0.0
            notes.append(_one_sided())
        details = replace(details, zero_delay_ns=zero)
    g2 = measure_g2(pairs, method="pulsed" if period_given else "auto", details=details)
    _require_centre(g2, pairs)
    if g2.period_ns is None:
        notes.append(_continuous_assumed())
    elif pairs.period_ns is None:
        notes.append(_period_of_peaks(g2.period_ns))
    if pairs.poisson_per_bin is None and not any(note.name == "one_sided" for note in notes):
        notes.append(_no_rates())
    return replace(g2, flags=tuple(map(_without_dark, g2.flags))), tuple(notes)


def _without_dark(flag: Flag) -> Flag:
    """The flag of an unknown background without the advice that applies to single photons."""
    if flag.name != "background_unknown":
        return flag
    message = (
        "The background is unknown under continuous excitation, so g2 is that of all photons, with the background."
    )
    return replace(flag, message=message)


def _require_agreement(pairs: PairHistogram, visible: float | None) -> None:
    period = pairs.period_ns
    if period is None or visible is None or abs(visible / period - 1.0) < _AGREE:
        return
    allowed = f"the distance of the peaks of the histogram, {visible:.5g} ns; leave it out to use that"
    raise InputError(field="period", value=period, allowed=allowed)


def _is_one_sided(pairs: PairHistogram) -> bool:
    """Whether all lags have one sign, but for a bin."""
    lag = pairs.lag_ns
    return bool(lag[0] > -pairs.bin_width_ns or lag[-1] < pairs.bin_width_ns)


def _delayed_zero(pairs: PairHistogram, period: float | None) -> float | None:
    """Zero delay that lies within lags of one sign because a cable delays one channel; None where there is none."""
    first, last = float(pairs.lag_ns[0]), float(pairs.lag_ns[-1])
    if period is None:
        try:
            g2 = measure_g2(pairs, method="continuous")
        except (DataError, SolverError):
            return None
        margin = _RISES * g2.lifetimes_ns[0]
        inside = first + margin < g2.zero_delay_ns < last - margin
        assumed = any(flag.name == "zero_delay_assumed" for flag in g2.flags)
        return g2.zero_delay_ns if inside and not assumed else None
    period = find_period(pairs, about_ns=period) or period
    zeros = []
    for origin in np.arange(first + 0.5 * period, last, _SEARCHED * period):
        comb = find_comb(replace(pairs, first_lag_ns=first - float(origin)), period)
        zero = comb.zero_ns + float(origin)
        if comb.found and first + 0.5 * period <= zero <= last - 0.5 * period:
            zeros.append(zero)
    # the same centre is seen from neighbouring origins
    same = bool(zeros) and max(zeros) - min(zeros) < 0.5 * period
    return float(np.mean(zeros)) if same else None


def _with_both_signs(pairs: PairHistogram) -> PairHistogram:
    """Give each pair a sign at random, always the same for the same counts; rates are dropped."""
    positive = pairs.lag_ns[-1] >= pairs.bin_width_ns
    counts = pairs.counts if positive else pairs.counts[::-1]
    if abs(pairs.lag_ns[0] if positive else pairs.lag_ns[-1]) > 1.5 * pairs.bin_width_ns:
        raise DataError("The histogram does not reach the zero delay, so g2 is unknown; export lags from zero on.")
    kept = np.random.default_rng(0).binomial(counts, 0.5)
    return replace(
        pairs,
        counts=np.concatenate([(counts - kept)[::-1], kept]),
        first_lag_ns=-(len(counts) - 0.5) * pairs.bin_width_ns,
        photons=None,
        duration_s=None,
    )


def _require_centre(g2: G2, pairs: PairHistogram) -> None:
    """DataError where the histogram does not hold the whole peak of the zero delay, whose pairs would be missing."""
    if g2.period_ns is None:
        return
    reach = 0.5 * (g2.period_ns - pairs.bin_width_ns)
    lag, slack = pairs.lag_ns, 0.02 * g2.period_ns
    if g2.zero_delay_ns - reach < lag[0] - slack or g2.zero_delay_ns + reach > lag[-1] + slack:
        raise DataError(
            f"The histogram ends within half a pulse period of the zero delay at {g2.zero_delay_ns:.4g} ns, so g2 is "
            "unknown; export more lags of both signs."
        )


def _one_sided() -> Flag:
    message = (
        "The histogram has lags of one sign only (start-stop without delay), and lag 0 is taken as the zero delay; "
        "each pair was given a sign at random, and the figure shows both. A start-stop histogram contains only the "
        "next photon, so at high rates it falls with the lag, and g2 relative to independent photons is not known."
    )
    return Flag("one_sided", "note", message)


def _period_of_peaks(period: float) -> Flag:
    message = (
        f"The pulse period, {shown_number(period, 6)} ns, was determined from the distance of the peaks; --period "
        "gives another."
    )
    return Flag("period_from_peaks", "note", message, period, "ns")


def _continuous_assumed() -> Flag:
    message = (
        "The histogram shows no equally spaced peaks, so continuous excitation is assumed; give --period for pulsed "
        "excitation."
    )
    return Flag("continuous_assumed", "note", message)


def _no_rates() -> Flag:
    message = (
        "g2 relative to independent photons is unknown, because the photons of the two detectors and the duration are "
        "not known; give them with --photons and --duration."
    )
    return Flag("no_rates", "note", message)
