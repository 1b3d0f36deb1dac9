"""What the test for the number of emitters goes by: counts of pairs by intensity level and delay, and a few numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from qdmol.analysis.emitters.pairs import DelayPairs
from qdmol.analysis.emitters.shapes import EDGES, Shapes, alone
from qdmol.arrays import Floats, Integers

MOST_STRATA: Final = 5
_STEADY = 50.0  # pairs of neighbouring pulses that the expectation of independent photons counts as much as
_DARK = 0.08  # of the brightest level's rate, below which a level is dark


class LevelSegments(Protocol):
    """Segments of constant intensity, as :class:`qdmol.analysis.blinking.Segments` holds them."""

    @property
    def edges_s(self) -> Floats:
        """Edges of the segments in s (n + 1,)."""
        ...

    @property
    def photons(self) -> Integers:
        """Photons of each segment (n,)."""
        ...

    @property
    def level(self) -> Integers:
        """Level of each segment (n,), 0 the darkest."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """The recording by intensity level, the darkest first; L strata, b bins of delay.

    Attributes
    ----------
    centre : float (L, b)
        Pairs of one pulse by bin of the smaller rank.
    sides : float (L, b)
        The same of pairs of neighbouring pulses, all of them together.
    poisson : float (L,)
        Pairs of one pulse that independent photons of the rates in each segment would give.
    side_peaks : int
        Neighbouring pulses that `sides` adds up.
    rate_hz : float (L,)
        Photons per second on both channels, background among them.
    fraction : float (L,)
        Of the time.
    segments : int64 (L,)
        Stretches of time in each.
    lifetime_ns, lifetime_error_ns : float (L,)
        NaN where unknown.
    direct, stepwise : int
        Changes between the brightest level and the dark one without and with a level between.
    measured_bunching : float or None
        Where there are no pairs of neighbouring pulses: the level beside the zero delay over that of independent
        photons.
    """

    centre: Floats
    sides: Floats
    poisson: Floats
    side_peaks: int
    rate_hz: Floats
    fraction: Floats
    segments: Integers
    lifetime_ns: Floats
    lifetime_error_ns: Floats
    direct: int = 0
    stepwise: int = 0
    measured_bunching: float | None = None

    @property
    def bunching(self) -> Floats:
        """Pairs of neighbouring pulses over those of independent photons, drawn to 1 where few are expected, (L,)."""
        if self.measured_bunching is not None:
            return np.full(len(self.poisson), self.measured_bunching)
        expected = self.poisson * max(self.side_peaks, 1)
        return np.asarray((self.sides.sum(axis=1) + _STEADY) / (expected + _STEADY), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Triples:
    """Photons of one pulse on three detectors: counted, and expected of independent photons."""

    counted: int
    expected: float


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Everything the hypotheses are compared on.

    Attributes
    ----------
    strata : Strata
        Pairs by intensity level.
    shapes : tuple of Shapes
        Of the delays, for equally likely values of the background.
    background_hz : float (k,)
        Those values, photons per second on both channels.
    period_s : float or None
        Time between pulses.
    lifetime_ns, early_lifetime_ns : float or None
        Of the exciton: averaged by amplitude, and at early delays.
    overlap : float
        Share of the pairs of neighbouring pulses that decays longer than the period put into one pulse.
    slow_bunching : float
        Bunching at lags long against fast blinking, where strata do not resolve it: 1 for steady light.
    level_error : float
        Relative standard error of the level of independent pairs, from the scatter over the recording.
    triples : Triples or None
        Of three detectors.
    poisson : float
        Pairs of one pulse that independent photons of the mean rates of the whole recording would give.
    photons : int
        Of the two channels.
    """

    strata: Strata
    shapes: tuple[Shapes, ...]
    background_hz: Floats
    period_s: float | None
    photons: int
    poisson: float
    lifetime_ns: float | None = None
    early_lifetime_ns: float | None = None
    overlap: float = 0.0
    slow_bunching: float = 1.0
    level_error: float = 0.0
    triples: Triples | None = None

    @property
    def top(self) -> int:
        """The brightest stratum."""
        return len(self.strata.rate_hz) - 1

    @property
    def resolved(self) -> bool:
        """Whether the delays of pairs say something."""
        return bool(self.strata.centre.shape[1] > 1)

    @property
    def whole_bunching(self) -> float | None:
        """Pairs of neighbouring pulses over independent ones in the whole recording."""
        strata = self.strata
        if strata.measured_bunching is not None:
            return strata.measured_bunching
        expected = self.poisson * max(strata.side_peaks, 1)
        return float(strata.sides.sum()) / expected if expected > _STEADY else None

    @property
    def brightness(self) -> float | None:
        """Photons per pulse in the brightest stratum, background taken off."""
        if self.period_s is None:
            return None
        middle = float(np.median(self.background_hz))
        return max(float(self.strata.rate_hz[self.top]) - middle, 0.0) * self.period_s

    def whole(self, *, delays: bool) -> Observations:
        """The same without intensity levels, and without delays unless they are wanted."""
        strata = self.strata
        centre, sides = strata.centre.sum(axis=0, keepdims=True), strata.sides.sum(axis=0, keepdims=True)
        if not delays:
            centre, sides = centre.sum(axis=1, keepdims=True), sides.sum(axis=1, keepdims=True)
        single = Strata(
            centre=centre,
            sides=sides,
            poisson=np.array([self.poisson]),
            side_peaks=strata.side_peaks,
            rate_hz=np.array([float(strata.rate_hz @ strata.fraction)]),
            fraction=np.ones(1),
            segments=np.array([int(strata.segments.sum())]),
            lifetime_ns=np.full(1, np.nan),
            lifetime_error_ns=np.full(1, np.nan),
            measured_bunching=strata.measured_bunching,
        )
        shapes = self.shapes if delays else tuple(alone(each.share) for each in self.shapes)
        return replace(self, strata=single, shapes=shapes)

    def scaled(self, factor: float, expected: Floats) -> Observations:
        """A recording `factor` times as long in which the expected pairs (L, b) were counted."""
        strata = self.strata
        triples = self.triples
        if triples is not None:
            triples = Triples(round(triples.counted * factor), triples.expected * factor)
        longer = replace(
            strata,
            centre=expected * factor,
            sides=strata.sides * factor,
            poisson=strata.poisson * factor,
            direct=round(strata.direct * factor),
            stepwise=round(strata.stepwise * factor),
        )
        return replace(
            self,
            strata=longer,
            triples=triples,
            poisson=self.poisson * factor,
            photons=round(self.photons * factor),
            level_error=self.level_error * factor**-0.5,
        )


def strata_of(
    pairs: DelayPairs,
    segments: LevelSegments | None,
    *,
    resolved: bool,
    lifetimes_ns: Floats | None = None,
    lifetime_errors_ns: Floats | None = None,
) -> Strata:
    """Sort pairs by the intensity level of their time.

    Parameters
    ----------
    pairs
        Of one pulse and of neighbouring pulses.
    segments
        Stretches of constant intensity; None takes the recording as one.
    resolved
        Whether to keep the delays.
    lifetimes_ns, lifetime_errors_ns
        Of each level; NaN where unknown.
    """
    edges_s, photons, level = _segments(pairs, segments)
    group = _groups(edges_s, photons, level)
    stratum = group[level]
    number = int(group.max()) + 1
    first, second = (n / max(sum(pairs.photons), 1) for n in pairs.photons)
    length = np.diff(edges_s)
    pulses = np.maximum(length / pairs.period_s, 1.0)
    counts = photons.astype(np.float64)
    # n (n - 1) has the mean of the square of a rate without its noise
    expected = first * second * counts * np.maximum(counts - 1.0, 0.0) / pulses
    place = np.searchsorted(edges_s[1:-1], (pairs.pulses + 0.5) * pairs.period_s, side="right")
    smaller = pairs.ranks.min(axis=1)
    bins = len(EDGES) - 1 if resolved else 1
    column = np.clip(np.searchsorted(EDGES, smaller, side="right") - 1, 0, bins - 1) if resolved else 0
    cell = stratum[place] * bins + column
    same = pairs.apart == 0

    def table(chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Floats:
        return np.bincount(cell[chosen], minlength=number * bins).reshape(number, bins).astype(np.float64)

    time = np.bincount(stratum, length, minlength=number)
    direct, stepwise = _jumps(stratum, np.bincount(stratum, counts, minlength=number) / np.maximum(time, 1e-12))
    return Strata(
        centre=table(same),
        sides=table(~same),
        poisson=np.bincount(stratum, expected, minlength=number).astype(np.float64),
        side_peaks=2 * pairs.reach,
        rate_hz=np.bincount(stratum, counts, minlength=number) / np.maximum(time, 1e-12),
        fraction=time / max(float(time.sum()), 1e-12),
        segments=np.bincount(stratum, minlength=number),
        lifetime_ns=_of_strata(lifetimes_ns, group, number),
        lifetime_error_ns=_of_strata(lifetime_errors_ns, group, number),
        direct=direct,
        stepwise=stepwise,
    )


def _segments(pairs: DelayPairs, segments: LevelSegments | None) -> tuple[Floats, Integers, Integers]:
    if segments is None or len(segments.photons) == 0:
        ends = np.array([pairs.first_pulse, pairs.last_pulse + 1], dtype=np.float64) * pairs.period_s
        return ends, np.array([sum(pairs.photons)]), np.zeros(1, dtype=np.int64)
    edges = np.asarray(segments.edges_s, dtype=np.float64)
    photons = np.asarray(segments.photons, dtype=np.int64)
    # levels are found from photons of all channels, of which the two here are a part
    share = sum(pairs.photons) / max(int(photons.sum()), 1)
    return edges, np.rint(photons * share).astype(np.int64), np.asarray(segments.level, dtype=np.int64)


def _groups(edges_s: Floats, photons: Integers, level: Integers) -> Integers:
    """Stratum of each level: levels next to each other in rate are joined until there are few."""
    number = int(level.max()) + 1
    time = np.bincount(level, np.diff(edges_s), minlength=number)
    counts = np.bincount(level, photons, minlength=number).astype(np.float64)
    members = [[k] for k in np.argsort(counts / np.maximum(time, 1e-12))]
    while len(members) > 1:
        rates = np.array([counts[each].sum() / max(time[each].sum(), 1e-12) for each in members])
        steps = np.diff(rates) / max(float(rates[-1]), 1e-12)
        closest = int(np.argmin(steps))
        few = min(range(len(members)), key=lambda k: counts[members[k]].sum())
        rare = counts[members[few]].sum() < 1e-3 * counts.sum() and time[members[few]].sum() < 1e-2 * time.sum()
        if rare:  # a short stretch between two levels is none
            closest = min(few, len(members) - 2)
        elif len(members) <= MOST_STRATA and steps[closest] > _DARK:
            break
        members[closest] += members.pop(closest + 1)
    group = np.zeros(number, dtype=np.int64)
    for k, each in enumerate(members):
        group[each] = k
    return group


def _of_strata(values: Floats | None, group: Integers, number: int) -> Floats:
    result = np.full(number, np.nan)
    if values is not None and len(values) == len(group):
        for k in range(number):
            inside = values[group == k]
            known = inside[np.isfinite(inside)]
            if len(known):
                result[k] = float(known.mean())
    return result


def _jumps(stratum: Integers, rates: Floats) -> tuple[int, int]:
    """Changes between the brightest stratum and a dark one, without and with another between."""
    top = len(rates) - 1
    if top == 0 or rates[0] > _DARK * 4 * rates[top]:
        return 0, 0
    kept = stratum[np.concatenate([[True], np.diff(stratum) != 0])]
    direct = int(((kept[:-1] == 0) & (kept[1:] == top)).sum() + ((kept[:-1] == top) & (kept[1:] == 0)).sum())
    stepwise = int(((kept[:-1] == 0) & (kept[1:] != top) & (kept[1:] != 0)).sum())
    stepwise += int(((kept[1:] == 0) & (kept[:-1] != top) & (kept[:-1] != 0)).sum())
    return direct, stepwise
