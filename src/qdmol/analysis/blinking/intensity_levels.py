"""Segments, intensity levels and kind of blinking of a recording."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qdmol.analysis.background import Background
from qdmol.analysis.blinking.change_points import (
    FALSE_ALARMS,
    SHORTEST_S,
    ChangePoints,
    ChangePointTally,
    extent,
)
from qdmol.analysis.blinking.grouping import MOST_LEVELS, Grouping, group_levels
from qdmol.analysis.blinking.lifetime_intensity import lifetime_correlation, lifetime_intensity, lifetime_slope
from qdmol.analysis.blinking.segment_lifetimes import (
    DelayWindow,
    SegmentLifetimes,
    SegmentLifetimeTally,
    delay_window,
    even_background,
)
from qdmol.analysis.blinking.values import IntensityLevel, IntensityLevels, Kind, Segments
from qdmol.analysis.lifetime.histogram import DecayTally
from qdmol.analysis.lifetime.values import Decay
from qdmol.analysis.passes import Steps, Tally, complete, counted, counted_together
from qdmol.analysis.wording import estimate_or_none, interval_text, shown_number
from qdmol.arrays import Floats
from qdmol.errors import DataError, InputError
from qdmol.estimates import Estimate
from qdmol.photons import PhotonStream, Records
from qdmol.statistics import chi2_tail, garwood

OFF_STATE = "off state"
CONTINUUM_ODDS = 3.0  # ln of the odds above which rates come from a continuum rather than from levels
_MANY_LEVELS = 4  # which must be visited twice on average to be levels
_FEWEST = 6  # segments behind a continuum or a drift
_CLOSE = 1.25  # factor within which levels may be one state
_DRIFT = 0.8  # share of the variance of a level's rates that a straight line explains, where it drifts
_SCATTER = 0.01  # probability below which a level's segments scatter more than their counts


def segments_of(
    stream: PhotonStream,
    *,
    false_alarms: float = FALSE_ALARMS,
    shortest_s: float = SHORTEST_S,
    background: Background | float | None = None,
) -> Segments:
    """Stretches of constant intensity with their levels and lifetimes; see :func:`intensity_levels`."""
    return intensity_levels(stream, false_alarms=false_alarms, shortest_s=shortest_s, background=background).segments


def intensity_levels(
    stream: PhotonStream,
    *,
    false_alarms: float = FALSE_ALARMS,
    shortest_s: float = SHORTEST_S,
    background: Background | float | None = None,
) -> IntensityLevels:
    """Find segments and levels of intensity, their lifetimes, and what kind of blinking they show.

    Three or four passes in bounded memory, two without pulses: see :func:`find_change_points`, :func:`group_levels`,
    :func:`lifetime_intensity` and :class:`SegmentLifetimeTally`.

    Parameters
    ----------
    stream
        Any photon stream; T3 for lifetimes (`qdmol.photons.to_t3` makes it of T2 with sync pulses).
    false_alarms
        Expected number of false change points in a recording of constant intensity.
    shortest_s
        Shortest segment in s.
    background
        Rate of photons that are even over the period, in Hz or as measured; None: found from the decays of all levels
        together, as that of an off state is, which may hold light of the emitter.

    Raises
    ------
    InputError
        A parameter is out of range.
    DataError
        There are fewer than 10 photons.
    """
    if isinstance(background, float | int) and not (math.isfinite(background) and background >= 0):
        raise InputError(field="background", value=background, allowed="0 Hz or more")
    photons, duration_s = extent(stream)
    tallies = first_tallies(
        stream, photons=photons, duration_s=duration_s, false_alarms=false_alarms, shortest_s=shortest_s
    )
    return complete(_steps(stream, tallies, background))


def _steps(
    stream: PhotonStream, tallies: Sequence[Tally[object]], background: Background | float | None
) -> Steps[IntensityLevels]:
    counts = yield from counted_together(tallies)
    return (yield from level_steps(stream, counts, background_hz(background)))


class DelayTally:
    """Delays of each channel; None where the stream has none that are valid."""

    def __init__(self, stream: PhotonStream) -> None:
        self.stream = stream
        self._tally: DecayTally | None = None
        try:
            self._tally = DecayTally(stream, align=False)
        except DataError:
            return

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        if self._tally is not None:
            self._tally.add(records)

    def result(self) -> dict[int, Decay] | None:
        """Decay of each channel."""
        try:
            return None if self._tally is None else self._tally.by_channel()
        except DataError:
            return None


def first_tallies(
    stream: PhotonStream,
    *,
    photons: int,
    duration_s: float,
    false_alarms: float = FALSE_ALARMS,
    shortest_s: float = SHORTEST_S,
) -> tuple[Tally[object], ...]:
    """Give what is counted in the first pass: change points, and delays by channel where there are pulses."""
    changes = ChangePointTally(
        stream, photons=photons, duration_s=duration_s, false_alarms=false_alarms, shortest_s=shortest_s
    )
    return (changes,) if stream.mode != "T3" else (changes, DelayTally(stream))


def background_hz(background: Background | float | None) -> float | None:
    """Rate of all channels that is even over the period; None for an off state, which may hold light of the emitter."""
    if isinstance(background, Background):
        return None if background.source == OFF_STATE else float(background.rates_hz.sum())
    return None if background is None else float(background)


def level_steps(stream: PhotonStream, counts: Sequence[object], dark_hz: float | None) -> Steps[IntensityLevels]:
    """Group the segments and ask for a pass for their lifetimes, from what `first_tallies` counted.

    Where the background is not known (None), a pass more comes first, to find it.
    """
    changes: ChangePoints = counts[0]  # type: ignore[assignment]
    decays: Mapping[int, Decay] | None = counts[1] if len(counts) > 1 else None  # type: ignore[assignment]
    durations = np.diff(changes.edges_s)
    grouping = group_levels(
        changes.photons, durations, excess_noise=changes.excess_noise, resolution_s=_resolution(changes)
    )
    window = delay_window(decays, tick_ns=stream.tick_ps * 1e-3) if decays else None
    lifetimes = None
    if window is not None:
        if dark_hz is None:
            alone = yield from counted(_lifetime_tally(stream, changes, grouping, window, None))
            dark_hz = even_background(alone.level_counts, alone.level_lengths_s, window)
        lifetimes = yield from counted(_lifetime_tally(stream, changes, grouping, window, dark_hz))
    return _assemble(changes, grouping, lifetimes, dark_hz or 0.0)


def _resolution(changes: ChangePoints) -> float:
    """Time in which the rate of most photons gives twice the evidence that a change needs, in s."""
    rates = changes.photons / np.diff(changes.edges_s)
    rate = float(changes.photons @ rates) / float(changes.photons.sum())
    return 2.0 * changes.threshold * changes.excess_noise / rate


def _lifetime_tally(
    stream: PhotonStream, changes: ChangePoints, grouping: Grouping, window: DelayWindow, dark_hz: float | None
) -> SegmentLifetimeTally:
    return SegmentLifetimeTally(
        stream,
        photons=changes.photons,
        level=grouping.level,
        durations_s=np.diff(changes.edges_s),
        window=window,
        background_hz=dark_hz or 0.0,
        fitted=dark_hz is not None,
    )


def _assemble(
    changes: ChangePoints, grouping: Grouping, lifetimes: SegmentLifetimes | None, dark_hz: float
) -> IntensityLevels:
    nothing = np.full((3, len(changes.photons)), np.nan)
    ns = nothing if lifetimes is None else lifetimes.segments
    segments = Segments(changes.edges_s, changes.photons, grouping.level, ns[0], ns[1], ns[2])
    slope = lifetime_slope(segments, background_hz=dark_hz)
    known = bool((np.isfinite(ns[0]) & np.isfinite(ns[2])).any())
    kind, reason = _kind(segments, grouping, changes, slope)
    return IntensityLevels(
        segments=segments,
        levels=_levels(segments, grouping, lifetimes, changes.excess_noise),
        false_alarms=changes.false_alarms,
        kind=kind,
        kind_reason=reason,
        evidence=grouping.evidence,
        continuum_evidence=grouping.continuum_evidence,
        excess_noise=changes.excess_noise,
        shortest_s=changes.shortest_s,
        lifetime_intensity=lifetime_intensity(segments) if known else None,
        lifetime_slope=slope,
        lifetime_correlation=lifetime_correlation(segments, background_hz=dark_hz),
        background_hz=dark_hz,
        decays=() if lifetimes is None else lifetimes.decays,
    )


def _levels(
    segments: Segments, grouping: Grouping, lifetimes: SegmentLifetimes | None, excess_noise: float
) -> tuple[IntensityLevel, ...]:
    durations = segments.durations_s
    whole = float(durations.sum())
    levels = []
    for g in range(int(segments.level.max()) + 1):
        on = segments.level == g
        photons, time = int(segments.photons[on].sum()), float(durations[on].sum())
        value = photons / time
        noise = max(excess_noise, _scatter(segments.photons[on], durations[on]))
        low, high = (float(end) / time for end in garwood(photons))
        widened = [value + math.sqrt(noise) * (end - value) for end in (low, high)]
        if grouping.purest_hz[g] != grouping.rates_hz[g]:  # stays on other levels that were too short to be found
            widened = [min(widened[0], float(grouping.purest_hz[g])), max(widened[1], float(grouping.purest_hz[g]))]
        rate = Estimate(value, max(widened[0], 0.0), widened[1], "1/s")
        ns = np.full(3, np.nan) if lifetimes is None else lifetimes.levels[:, g]
        tau = estimate_or_none(float(ns[0]), float(ns[1]), float(ns[2]), "ns")
        levels.append(IntensityLevel(rate, photons, time, time / whole, int(on.sum()), tau))
    return tuple(levels)


def _scatter(photons: Floats, durations: Floats) -> float:
    """Variance over mean of the counts of a level's segments about its rate, 1 where chance explains it."""
    mean = durations * photons.sum() / durations.sum()
    use = mean >= 5.0  # below, chi-square does not hold
    degrees = int(use.sum()) - 1
    if degrees < 1:
        return 1.0
    total = float(((photons[use] - mean[use]) ** 2 / mean[use]).sum())
    return total / degrees if float(chi2_tail(total, degrees)) < _SCATTER else 1.0


@dataclass(frozen=True, slots=True)
class _Drift:
    """Drift of the bright level: relative change over the recording, and levels that are left without it."""

    change: float
    levels: int


def _kind(segments: Segments, grouping: Grouping, changes: ChangePoints, slope: Estimate | None) -> tuple[Kind, str]:
    n, number = len(segments), len(grouping.rates_hz)
    if n == 1:
        return "constant", (
            f"No change was found among {shown_number(int(segments.photons[0]))} photons, where "
            f"{changes.false_alarms:g} false ones would be expected."
        )
    if number == 1:
        mean = float(segments.photons.sum() / segments.durations_s.sum())
        scatter = math.sqrt(float(np.average((segments.rate_hz / mean - 1.0) ** 2, weights=segments.durations_s)))
        return "constant", (
            f"There {'is one change' if n == 2 else f'are {shown_number(n - 1)} changes'}, but small: the intensity of "
            f"the segments scatters by {scatter:.2g} of its mean, and one level describes them as well as several do."
        )
    drift = _drift(segments, changes.excess_noise) if number > 2 else None
    if drift is not None and drift.levels <= 2:
        return _drifting(drift)
    if number > 2 and _are_two_groups(grouping.rates_hz):
        return "two-state", (
            f"There are two states; in either, the {number} levels are within a factor of {_CLOSE:g} of each other, as "
            "where the intensity wanders."
        )
    if number > 2 and _is_continuum(grouping, n):
        return _continuum(slope)
    best = f"{'Two' if number == 2 else f'{number} separate'} levels describe the {n} segments best"
    if number < int(np.argmax(grouping.evidence)) + 1:
        reason = f"{best}; segments between them hold stays too short to be found, or levels too rare to count."
    else:
        reason = f"{best}: {_odds(grouping)}."
    return "two-state" if number == 2 else "several levels", reason


def _are_two_groups(rates: Floats) -> bool:
    """Whether rates (G,), rising, are in two groups, narrower than the factor `_CLOSE` and further apart."""
    steps = rates[1:] / np.maximum(rates[:-1], 1e-300)
    split = int(np.argmax(steps)) + 1
    groups = rates[:split], rates[split:]
    return bool(steps.max() > _CLOSE) and all(each[-1] <= _CLOSE * each[0] for each in groups)


def _drifting(drift: _Drift) -> tuple[Kind, str]:
    said = f"{'rises' if drift.change > 0 else 'falls'} steadily by {abs(drift.change):.0%} over the recording"
    if drift.levels == 1:
        return "several levels", f"The intensity {said}; the levels follow this drift and are no states."
    return "two-state", f"There are two states, and the intensity of the brighter one {said}; further levels follow it."


def _continuum(slope: Estimate | None) -> tuple[Kind, str]:
    reason = "A continuum of intensities describes the segments better than separate levels do"
    if slope is None:
        return "flickering", f"{reason}; there are too few lifetimes to tell whether they follow the intensity."
    text = f"the lifetime is proportional to the intensity to the power {interval_text(slope)}"
    if slope.low > 0:
        return "flickering", f"{reason}, and {text}."
    return "several levels", f"{reason}, but {text}, so that it does not follow the intensity."


def _is_continuum(grouping: Grouping, segments: int) -> bool:
    if segments < _FEWEST or grouping.continuum_evidence is None:
        return False
    best = max(grouping.evidence)
    rising = len(grouping.evidence) == MOST_LEVELS and best == grouping.evidence[-1]
    number = len(grouping.rates_hz)
    unvisited = number >= _MANY_LEVELS and 2 * number >= segments  # hardly a level that is visited twice
    return rising or unvisited or grouping.continuum_evidence > best + CONTINUUM_ODDS


def _odds(grouping: Grouping) -> str:
    """How much less likely the next best description is."""
    best = int(np.argmax(grouping.evidence))
    others = {f"{k + 1} level{'s' * (k > 0)}": value for k, value in enumerate(grouping.evidence) if k != best}
    if grouping.continuum_evidence is not None:
        others["a continuum"] = grouping.continuum_evidence
    name = max(others, key=lambda key: others[key])
    gain = grouping.evidence[best] - others[name]
    if gain < 0:
        return f"{name} would describe them as well, but they are too few to tell"
    times = shown_number(math.exp(gain), 2) if gain < 7.0 else "more than a thousand"
    return f"the next best description, {name}, is {times} times less likely"


def _drift(segments: Segments, excess_noise: float) -> _Drift | None:
    """A straight line through the rates of the bright segments that explains nearly all of their scatter."""
    durations, rates = segments.durations_s, segments.rate_hz
    bright = rates > 0.5 * float(np.max(rates[segments.level == segments.level.max()]))
    if bright.sum() < _FEWEST:
        return None
    middle = 0.5 * (segments.edges_s[1:] + segments.edges_s[:-1])
    t, r, w = middle[bright], rates[bright], durations[bright]
    t_mean, r_mean = np.average(t, weights=w), np.average(r, weights=w)
    spread = float(w @ (t - t_mean) ** 2)
    slope = float(w @ ((t - t_mean) * (r - r_mean))) / spread
    line = r_mean + slope * (middle - t_mean)
    total = float(w @ (r - r_mean) ** 2)
    # what counting alone gives is no scatter to explain
    noise = float(r.sum())
    if total <= 2.0 * noise or float(w @ (r - line[bright]) ** 2) - noise > (1.0 - _DRIFT) * (total - noise):
        return None
    if line.min() <= 0.1 * r_mean:
        return None
    levelled = group_levels(segments.photons, durations * line / r_mean, excess_noise=excess_noise)
    length = float(segments.edges_s[-1] - segments.edges_s[0])
    rates_here = np.exp(np.diff(np.log(levelled.rates_hz)))
    # neighbours within a few per cent are what a straight line leaves of a curved drift
    return _Drift(slope * length / float(line[0]), 1 + int((rates_here > 1.1).sum()))
