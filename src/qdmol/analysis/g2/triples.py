"""Three photons of one pulse: g3 of a pulsed source."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from qdmol.analysis.g2.pairs import BrightestTally, PairTally
from qdmol.analysis.g2.peaks import find_comb
from qdmol.analysis.g2.values import G3
from qdmol.analysis.passes import Steps, complete, counted, counted_together
from qdmol.arrays import Integers
from qdmol.errors import InputError
from qdmol.photons import CHUNK, Flag, PhotonStream, Records
from qdmol.statistics import garwood, ratio_interval

_FARTHEST = 3  # pulses either way from which triples of different pulses are taken
_NAN = float("nan")
# pulses of the second and the third photon after that of the first, all three different
_OFFSETS = tuple(pair for pair in permutations(range(-_FARTHEST, _FARTHEST + 1), 2) if 0 not in pair)
_FEWEST_EXPECTED = 3.0


def measure_g3(
    stream: PhotonStream,
    *,
    channels: tuple[int, int, int] | None = None,
    zero_delays: tuple[int, int] | None = None,
    level: float = 0.95,
    chunk: int = CHUNK,
) -> G3:
    """Measure g3 at zero delay: triples of one pulse, one photon on each of three channels.

    Normalised as g2: `side` by the mean triples of three different pulses at most three apart from the first,
    `poisson` by n1 n2 n3 / pulses². Intervals are exact for the triples counted, as Poisson counts. Two detectors
    cannot tell: the third photon falls into the dead time of one of them.

    Parameters
    ----------
    stream : PhotonStream
        T3.
    channels : (int, int, int) or None
        Three inputs; None takes the three with the most photons.
    zero_delays : (int, int) or None
        Periods by which the second and the third channel lag behind the first; None finds them as for g2.
    level : float
        Probability of the intervals.
    chunk : int
        Photons handed out at a time.

    Raises
    ------
    InputError
        A channel is named twice.
    """
    return complete(g3_steps(stream, channels=channels, zero_delays=zero_delays, level=level), chunk=chunk)


def g3_steps(
    stream: PhotonStream,
    *,
    channels: tuple[int, ...] | None = None,
    zero_delays: tuple[int, int] | None = None,
    level: float = 0.95,
) -> Steps[G3]:
    """Passes and evaluation of :func:`measure_g3`; `channels` may be fewer than three, of which no g3 is known."""
    if stream.mode != "T3":
        return _nothing(
            (), "g3 is counted per laser pulse, but the photons of a T2 recording are not assigned to pulses."
        )
    chosen = channels or (yield from counted(BrightestTally(stream, number=3)))
    if len(chosen) < 3:
        return _nothing(
            chosen,
            f"g3 needs photons on three detectors, and there are {len(chosen)}: with two, the third photon of a "
            "pulse arrives within the dead time of a detector.",
        )
    if len(set(chosen)) < 3:
        raise InputError(field="channels", value=chosen, allowed="three different inputs")
    if zero_delays is None:
        first, second = yield from _zero_delays(stream, chosen)
        zero_delays = first, second
    tally = TripleTally(stream, channels=(chosen[0], chosen[1], chosen[2]), zero_delays=zero_delays, level=level)
    return (yield from counted(tally))


def _zero_delays(stream: PhotonStream, channels: tuple[int, ...]) -> Steps[list[int]]:
    """Periods by which the second and the third channel lag behind the first."""
    period = stream.time_unit_ps * 1e-3
    pairs = [(channels[0], channels[1]), (channels[0], channels[2])]
    tallies = [PairTally(stream, channels=pair, window_ns=15 * period, bin_width_ns=period / 50) for pair in pairs]
    histograms = yield from counted_together(tallies)
    return [find_comb(histogram, period).order if histogram.pairs else 0 for histogram in histograms]


def _nothing(channels: tuple[int, ...], reason: str) -> G3:
    none = (_NAN, _NAN, _NAN)
    return G3(*none, *none, centre_counts=0, side_counts=_NAN, channels=channels, reason=reason)


class TripleTally:
    """Triples of one pulse and of three different pulses; each belongs to its photon on the first channel."""

    def __init__(
        self, stream: PhotonStream, *, channels: tuple[int, int, int], zero_delays: tuple[int, int], level: float
    ) -> None:
        self.stream, self.channels, self.level = stream, channels, level
        self.photons, self.centre, self.sides = [0, 0, 0], 0, 0
        self.first: int | None = None
        self.last = 0
        self._late = (0, *zero_delays)
        # pulses near the end of a chunk wait for the next one
        self._margin = _FARTHEST + max(abs(delay) for delay in self._late) + 1
        self._kept: list[Integers] = [np.zeros(0, np.int64)] * 3

    def add(self, records: Records) -> None:
        """Count the next chunk."""
        if len(records) == 0:
            return
        self.first = int(records.times[0]) if self.first is None else self.first
        self.last = int(records.times[-1])
        for k, channel in enumerate(self.channels):
            pulses = records.times[records.channels == channel] - self._late[k]
            self.photons[k] += len(pulses)
            self._kept[k] = np.concatenate([self._kept[k], pulses])
        self._take(upto=self.last - self._margin)

    def _take(self, *, upto: int | None) -> None:
        """Count the triples of first photons before pulse `upto` and forget what no later one needs."""
        firsts = self._kept[0]
        ready = len(firsts) if upto is None else int(np.searchsorted(firsts, upto))
        pulses, others = firsts[:ready], self._kept[1:]
        near = [{m: _number(other, pulses + m) for m in range(-_FARTHEST, _FARTHEST + 1)} for other in others]
        self.centre += int((near[0][0] * near[1][0]).sum())
        self.sides += int(sum((near[0][m] * near[1][n]).sum() for m, n in _OFFSETS))
        self._kept[0] = firsts[ready:]
        if upto is not None:
            oldest = min(upto, int(firsts[ready]) if ready < len(firsts) else upto) - 2 * self._margin
            self._kept[1:] = [other[np.searchsorted(other, oldest) :] for other in others]

    def result(self) -> G3:
        """g3 from the triples of the whole recording."""
        self._take(upto=None)
        return _result(self, self.channels, self.level)


def _number(times: Integers, pulses: Integers) -> Integers:
    """Photons in each of the pulses."""
    return np.asarray(np.searchsorted(times, pulses, "right") - np.searchsorted(times, pulses, "left"), dtype=np.int64)


def _result(tally: TripleTally, channels: tuple[int, ...], level: float) -> G3:
    pulses = tally.last - (tally.first or 0) + 1
    expected = float(np.prod([float(n) for n in tally.photons])) / pulses**2
    mean = tally.sides / len(_OFFSETS)
    if expected < _FEWEST_EXPECTED and mean < _FEWEST_EXPECTED:
        return _nothing(
            channels,
            f"Steady light at these count rates would give {expected:.2g} triples in the whole recording, too few "
            "for g3.",
        )
    low, high = ratio_interval(tally.centre, tally.sides, denominator_exposure=len(_OFFSETS), level=level)
    least, most = garwood(tally.centre, level=level)
    few = Flag(
        name="few_triples",
        severity="note",
        message=f"g3 is based on {tally.centre} triples, compared with {mean:.3g} from neighbouring pulses.",
        value=float(tally.centre),
    )
    return G3(
        side=tally.centre / mean if mean > 0 else _NAN,
        side_low=float(low),
        side_high=float(high),
        poisson=tally.centre / expected,
        poisson_low=float(least) / expected,
        poisson_high=float(most) / expected,
        centre_counts=tally.centre,
        side_counts=mean,
        channels=channels,
        flags=(few,) if tally.centre < 20 else (),
    )
