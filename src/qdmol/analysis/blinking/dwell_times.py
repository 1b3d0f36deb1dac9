"""Dwell times of the states of an emitter: how long it stays bright, dark, or on each level.

From segments of constant intensity, or from a trace in bins with a threshold. The dwell that is under way when the
recording begins is left out: long dwells are met more often than they begin, and how long it has lasted is not known.
The one that the end of the recording cuts is kept, as a dwell that lasts at least so long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qdmol.analysis.blinking.dwell_laws import DwellLaw, best_law, fit_dwell_laws
from qdmol.analysis.blinking.intensity_exponents import CorrelationExponent
from qdmol.analysis.blinking.values import IntensityLevels
from qdmol.analysis.trace import Trace
from qdmol.arrays import Floats, Integers
from qdmol.errors import DataError, InputError
from qdmol.estimates import Estimate
from qdmol.statistics import normal_quantile, poisson_tail

_SEEN: Final = 0.98  # dwells of the shortest time that change points must show
_LEAST_RATIO: Final = 8.0  # log-likelihood ratio of a change that is surely not noise
_FALSE_CROSSINGS: Final = 0.02  # of the dwells: crossings of the threshold by noise
_LEFT_OUT: Final = (0.05, 0.15, 0.3)  # shares of the dwells, the shortest, without which a law is tried
_MOST_LEVELS: Final = 12  # beyond, levels are taken as a continuum
_CLOSE_SHARE: Final = 0.05  # of the dwells within twice the shortest time: beyond, many are likely to be missed
_ONSETS: Final = (10.0, 3.0)  # times the shortest dwell that is seen, from where a law is fitted then
_FEWEST_LATE: Final = 60  # whole dwells that must be left for that
_SAMPLED: Final = 400  # changes from which the shortest dwell of a continuum is estimated


@dataclass(frozen=True, slots=True, eq=False)
class DwellTimes:
    """Dwell times of one state, and the laws that were fitted to them.

    Attributes
    ----------
    state : str
        "on" or "off" where there are two levels, else "level 0" (the darkest), "level 1", ..; "segment" where the
        intensities are a continuum: the times from one change to the next, whatever the intensity.
    durations_s : float64 (n,)
        Dwell times in order of time, without one that was under way when the recording began.
    censored : bool (n,)
        Whether the end of the recording cuts the dwell: only the last of all can be.
    shortest_s : float
        Dwell time from which on all are seen and the law holds; shorter ones are not used.
    longest_s : float
        Length of the recording: no dwell is seen to be longer.
    bin_s : float or None
        Width of the bins of which the times are multiples, beginning and end rounded to the nearest edge; None for
        times that are not binned.
    laws : tuple of DwellLaw
        Power law, power law with cut-off, exponential; empty where the dwells are too few.
    best : str or None
        Name of the law that holds; None where every law is rejected or none was fitted. Parameters of the other laws
        are no result.
    reason : str or None
        Sentence: why there is no best law, or which short dwells it leaves out and why; None where neither applies.
    """

    state: str
    durations_s: Floats
    censored: NDArray[np.bool_]
    shortest_s: float
    longest_s: float
    bin_s: float | None
    laws: tuple[DwellLaw, ...]
    best: str | None
    reason: str | None = None

    @property
    def used(self) -> NDArray[np.bool_]:
        """Dwells that are long enough to be used (n,)."""
        return np.asarray(self.durations_s >= self.shortest_s * (1.0 - 1e-9), dtype=np.bool_)

    @property
    def law(self) -> DwellLaw | None:
        """The law that holds."""
        return next((law for law in self.laws if law.name == self.best), None)


@dataclass(frozen=True, slots=True, eq=False)
class Dwell:
    """Dwell-time statistics of a recording.

    Attributes
    ----------
    states : tuple of DwellTimes
        The darkest first.
    correlation : CorrelationExponent or None
        Exponent from the autocorrelation of the intensity, without a threshold; None where there is none.
    correlation_reason : str or None
        Sentence: why there is none.
    """

    states: tuple[DwellTimes, ...]
    correlation: CorrelationExponent | None
    correlation_reason: str | None = None

    @property
    def correlation_exponent(self) -> Estimate | None:
        """Exponent of the dwell times from the autocorrelation, with its 95 % interval."""
        return None if self.correlation is None else self.correlation.exponent


def kaplan_meier(durations_s: ArrayLike, censored: ArrayLike) -> tuple[Floats, Floats]:
    """Share of dwells that last longer than each time at which one ends, with dwells that are cut.

    Kaplan and Meier, J. Am. Stat. Assoc. 53, 457 (1958), doi:10.1080/01621459.1958.10501452.

    Parameters
    ----------
    durations_s : float (n,)
    censored : bool (n,)
        Dwells that are cut: they last at least so long.

    Returns
    -------
    (times, share), each (m,): the distinct durations of whole dwells, rising, and the share beyond each.
    """
    durations, cut = np.asarray(durations_s, np.float64), np.asarray(censored, np.bool_)
    times, ended = np.unique(durations[~cut], return_counts=True)
    at_risk = len(durations) - np.searchsorted(np.sort(durations), times, side="left")
    return times, np.asarray(np.cumprod(1.0 - ended / np.maximum(at_risk, 1)), dtype=np.float64)


def shortest_dwell(
    first_hz: float, second_hz: float, *, photons: int, false_alarms: float = 1.0
) -> tuple[float, float]:
    """Shortest dwells at two count rates that change points show nearly always, each between dwells at the other rate.

    A dwell of length t at the rate r among photons at the rate q has, on average, the log-likelihood ratio
    t (r ln(r/q) - r + q). It is seen where the ratio exceeds that of a false alarm, ln(photons / false alarms), at
    least 8, as it does for 98 % of the dwells of the length that is returned, by Poisson's distribution of their
    photons (likelihood ratio of change points: Watkins and Yang, J. Phys. Chem. B 109, 617 (2005),
    doi:10.1021/jp0467548).

    Parameters
    ----------
    first_hz, second_hz : float
        Rates of the two levels, background included.
    photons : int
        In the recording.
    false_alarms : float
        Change points that light of constant intensity would show in the recording.

    Returns
    -------
    Shortest dwell at the first and at the second rate in s; infinite for equal rates.

    Raises
    ------
    InputError
        A rate is negative or not finite.
    """
    for name, rate in (("first_hz", first_hz), ("second_hz", second_hz)):
        if not (math.isfinite(rate) and rate >= 0):
            raise InputError(field=name, value=rate, allowed="0 Hz or more")
    threshold = max(math.log(max(photons, 1) / max(false_alarms, 1e-12)), _LEAST_RATIO)
    return _complete_s(first_hz, second_hz, threshold), _complete_s(second_hz, first_hz, threshold)


def _complete_s(rate: float, other: float, threshold: float) -> float:
    dark = 1e-3 * max(rate, other)  # a level without photons: its rate is not exactly 0
    rate, other = max(rate, dark), max(other, dark)
    if rate == other:
        return math.inf
    log = math.log(rate / other)
    gain = rate * log - rate + other
    noise = float(normal_quantile(_SEEN)) * math.sqrt(rate) * abs(log)
    # close for many photons; from there to the exact share of Poisson counts
    close = ((noise + math.sqrt(noise**2 + 4.0 * gain * threshold)) / (2.0 * gain)) ** 2
    lengths = close * np.geomspace(0.2, 5.0, 600)
    limit = (threshold + (rate - other) * lengths) / log  # photons at which the ratio is that of a false alarm
    above = poisson_tail(np.maximum(np.floor(limit), -1.0), rate * lengths)
    seen = above if log > 0 else np.where(limit > 0, 1.0 - poisson_tail(np.ceil(limit) - 1.0, rate * lengths), 0.0)
    missed = np.flatnonzero(np.asarray(seen) < _SEEN)
    return float(lengths[min(int(missed[-1]) + 1, len(lengths) - 1)]) if len(missed) else float(lengths[0])


def dwells_of(edges_s: ArrayLike, level: ArrayLike) -> tuple[Floats, Integers, NDArray[np.bool_]]:
    """Merge neighbouring segments of one level into dwells.

    Parameters
    ----------
    edges_s : float (n + 1,)
    level : int (n,)

    Returns
    -------
    (durations in s, level, whether the end of the recording cuts it), each (m,), without the first dwell.
    """
    edges, levels = np.asarray(edges_s, np.float64), np.asarray(level, np.int64)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(levels)) + 1]) if len(levels) else np.zeros(0, np.int64)
    bounds = np.concatenate([edges[starts], edges[-1:]])
    durations = np.diff(bounds)
    cut = np.zeros(len(durations), np.bool_)
    cut[-1:] = True
    return durations[1:], levels[starts][1:], cut[1:]


def dwell_times(levels: IntensityLevels, *, shortest_s: float | None = None) -> tuple[DwellTimes, ...]:
    """Dwell times of each level of a recording, with their laws.

    Where the emitter flickers or has more than 12 levels, levels are a matter of where they are drawn: the one state is
    then "segment", the times between changes, seen from the shortest that shows at half of the changes.

    Parameters
    ----------
    levels : IntensityLevels
    shortest_s : float or None
        Shortest dwell to use; None for that which change points show nearly always at the rates of the level and of
        its neighbours (see :func:`shortest_dwell`). Dwells missed at one level join those at its neighbours, which
        makes an exponent of 1.5 seem 0.25 smaller at the shortest time that is seen, 0.07 at ten times that, and 0.03
        at thirty times (simulated). Where more than 5 % of the dwells at other levels are within twice their shortest
        time, the law is therefore fitted from ten times the shortest dwell on (three times where fewer than 60 dwells
        would be left), and `reason` says so. The mean of exponential dwells stays too long by the share missed.

    Raises
    ------
    InputError
        `shortest_s` is not above 0.
    DataError
        There are fewer than two levels.
    """
    if shortest_s is not None and not (math.isfinite(shortest_s) and shortest_s > 0):
        raise InputError(field="shortest_s", value=shortest_s, allowed="above 0 s")
    number = levels.number
    if number < 2:
        raise DataError("The intensity has one level; there are no dwell times.")
    segments = levels.segments
    if number > _MOST_LEVELS or levels.kind == "flickering":
        return (_times_between_changes(levels, shortest_s),)
    rates = [level.rate_hz.value for level in levels.levels]
    photons = int(segments.photons.sum())
    complete = [max(levels.shortest_s, 0.0)] * number
    for k, (dark, bright) in enumerate(pairwise(rates)):
        lower, upper = shortest_dwell(dark, bright, photons=photons, false_alarms=levels.false_alarms)
        complete[k], complete[k + 1] = max(complete[k], lower), max(complete[k + 1], upper)
    names = ("off", "on") if number == 2 else tuple(f"level {k}" for k in range(number))
    durations, states, cut = dwells_of(segments.edges_s, segments.level)
    length = float(segments.edges_s[-1] - segments.edges_s[0])
    fits = []
    for k in range(number):
        mine = states == k
        onset, note = (complete[k], None) if shortest_s is None else (shortest_s, None)
        if shortest_s is None and _many_missed(durations, states, complete, k):
            whole = durations[mine & ~cut]
            for factor in _ONSETS:
                if int((whole >= factor * complete[k]).sum()) >= _FEWEST_LATE:
                    onset = factor * complete[k]
                    break
            note = (
                f"Dwells at other levels below about {min(complete[:k] + complete[k + 1 :]):.2g} s are missed and join"
                f" dwells of this state, which makes long ones too many; the law is fitted from {onset:.3g} s on."
            )
        times = fit_dwells(names[k], durations[mine], cut[mine], shortest_s=onset, longest_s=length)
        fits.append(times if note is None else replace(times, reason=" ".join(filter(None, (times.reason, note)))))
    return tuple(fits)


def _many_missed(durations: Floats, states: Integers, complete: list[float], state: int) -> bool:
    """Whether dwells at other levels are so frequent at the shortest time that is seen that many are shorter."""
    shortest = np.asarray(complete)[states]
    others = (states != state) & (durations >= shortest)
    close = others & (durations < 2.0 * shortest)
    return bool(close.sum() > _CLOSE_SHARE * max(int(others.sum()), 1))


def _times_between_changes(levels: IntensityLevels, shortest_s: float | None) -> DwellTimes:
    """Durations of segments as one state."""
    segments = levels.segments
    if shortest_s is None:
        rates, photons = segments.rate_hz, int(segments.photons.sum())
        chosen = np.unique(np.linspace(1, len(rates) - 1, min(len(rates) - 1, _SAMPLED)).astype(np.int64))
        lengths = [
            shortest_dwell(float(rates[k]), float(rates[k - 1]), photons=photons, false_alarms=levels.false_alarms)[0]
            for k in chosen
        ]
        shortest_s = max(levels.shortest_s, float(np.median(lengths)))
    durations, _, cut = dwells_of(segments.edges_s, np.arange(len(segments)))
    length = float(segments.edges_s[-1] - segments.edges_s[0])
    return fit_dwells("segment", durations, cut, shortest_s=shortest_s, longest_s=length)


def fit_dwells(
    state: str,
    durations_s: Floats,
    censored: NDArray[np.bool_],
    *,
    shortest_s: float,
    longest_s: float,
    bin_s: float | None = None,
) -> DwellTimes:
    """Fit the laws to the dwell times of a state.

    Where every law is rejected from `shortest_s` on, the fit is repeated without the shortest 5, 15 and 30 % of the
    dwells, as the law may begin later than dwells are seen; the first at which a law holds is the result, and
    its `shortest_s` says from where. If there is none, the laws are those of all dwells.
    """
    shown = DwellTimes(state, durations_s, censored, shortest_s, longest_s, bin_s, (), None)
    try:
        laws = _laws(shown)
    except DataError as error:
        return replace(shown, reason=str(error))
    if best_law(laws) is None:
        lengths = np.sort(durations_s[shown.used & ~censored])
        for share in _LEFT_OUT:
            later = replace(shown, shortest_s=float(lengths[round(share * len(lengths))]))
            try:
                fit = _laws(later)
            except DataError:  # too few are left
                break
            best = best_law(fit)
            if best is not None:
                count = int((shown.used & ~later.used).sum())
                reason = f"{count} dwells from {shortest_s:.3g} to {later.shortest_s:.3g} s do not follow it."
                return replace(later, laws=fit, best=best.name, reason=reason)
    return _with_best(replace(shown, laws=laws))


def _laws(times: DwellTimes) -> tuple[DwellLaw, ...]:
    if not math.isfinite(times.shortest_s):
        raise DataError("The levels are too close in intensity for dwells to be seen surely.")
    return fit_dwell_laws(
        times.durations_s,
        censored=times.censored,
        shortest_s=times.shortest_s,
        recording_s=times.longest_s,
        bin_s=times.bin_s,
    )


def _with_best(times: DwellTimes) -> DwellTimes:
    best = best_law(times.laws)
    if best is not None:
        return replace(times, best=best.name)
    reason = (
        "Neither a power law, nor one with cut-off, nor an exponential describes the dwell times"
        f" from {times.shortest_s:.3g} s on."
    )
    return replace(times, reason=reason)


def dwell_times_of_trace(
    trace: Trace | ArrayLike,
    *,
    bin_s: float | None = None,
    threshold: float | None = None,
    shortest_bins: int = 10,
) -> tuple[DwellTimes, ...]:
    """Dwell times above and below a threshold of a binned trace, "off" first.

    A dwell of k bins began and ended where most of a bin was in the next state: the length is between k - 1 and k + 1
    bins, with a triangular weight, as the beginning has any phase. Dwells shorter than about half a bin do not show
    and make their neighbours seem longer: the law is fitted from `shortest_bins` on.

    Parameters
    ----------
    trace : Trace, or int (n,)
        Photons in bins; of all channels for a `Trace`.
    bin_s : float or None
        Width of a bin in s; needed where `trace` holds numbers.
    threshold : float or None
        In photons per bin; None for half way between the means of the two states, found by iteration, so that a bin
        belongs to the state that fills the larger part of it.
    shortest_bins : int
        Shortest dwell that is used, from 2. Dwells below half a bin are missed; where there are many, the exponent from
        3 bins on is 0.1 too small, from 10 bins on 0.03 (simulated, for 1.5).

    Raises
    ------
    InputError
        A number is out of range.
    DataError
        There is no second state, or noise crosses the threshold so often that dwells are not those of the emitter.
    """
    if isinstance(trace, Trace):
        counts, bin_s = trace.total, trace.bin_s
    else:
        counts = np.asarray(trace).ravel()
    if bin_s is None or not (math.isfinite(bin_s) and bin_s > 0):
        raise InputError(field="bin_s", value=bin_s, allowed="above 0 s")
    if shortest_bins < 2:
        raise InputError(field="shortest_bins", value=shortest_bins, allowed="2 or more")
    if len(counts) < 2:
        raise DataError(f"A trace of {len(counts)} bins has no dwell times.")
    if threshold is None:
        threshold = _half_way(np.asarray(counts, np.float64))
    bright = counts > threshold
    if bright.all() or not bright.any():
        raise DataError(
            f"No bin is on the other side of the threshold of {threshold:.4g} photons; there are no dwells."
        )
    _refuse_noise(np.asarray(counts, np.float64), bright, threshold)
    edges = bin_s * np.arange(len(counts) + 1)
    durations, states, cut = dwells_of(edges, bright.astype(np.int64))
    return tuple(
        fit_dwells(
            name,
            durations[states == k],
            cut[states == k],
            shortest_s=shortest_bins * bin_s,
            longest_s=float(edges[-1]),
            bin_s=bin_s,
        )
        for k, name in enumerate(("off", "on"))
    )


def _half_way(counts: Floats) -> float:
    """Threshold half way between the means of the bins on either side of it."""
    threshold = 0.5 * float(counts.min() + counts.max())
    for _ in range(100):
        bright = counts > threshold
        if bright.all() or not bright.any():
            break
        moved = 0.5 * float(counts[bright].mean() + counts[~bright].mean())
        if moved == threshold:
            break
        threshold = moved
    return threshold


def _refuse_noise(counts: Floats, bright: NDArray[np.bool_], threshold: float) -> None:
    """DataError where Poisson noise alone would make a notable share of the crossings."""
    high, low = float(np.median(counts[bright])), float(np.median(counts[~bright]))
    up = float(poisson_tail(math.floor(threshold), low)) if low > 0 else 0.0
    down = 1.0 - float(poisson_tail(math.floor(threshold), high))
    false = up * float((~bright).sum()) + down * float(bright.sum())
    crossings = float(np.abs(np.diff(bright.astype(np.int8))).sum())
    if false > _FALSE_CROSSINGS * max(crossings, 1.0):
        raise DataError(
            f"At {low:.3g} and {high:.3g} photons per bin, noise makes about {false:.3g} of the {crossings:.0f}"
            " crossings of the threshold; the bins are too short or the states too close for dwell times."
        )
