"""Three photons of one pulse: g3 of a pulsed source."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations

import numpy as np

from qdmol.analysis.g2.pairs import pair_histogram
from qdmol.analysis.g2.peaks import find_comb
from qdmol.analysis.g2.values import G3
from qdmol.arrays import Integers
from qdmol.errors import InputError
from qdmol.photons import CHUNK, Flag, PhotonStream
from qdmol.statistics import garwood, ratio_interval

_FARTHEST = 3  # pulses either way from which triples of different pulses are taken
_NAN = float("nan")
# pulses of the second and the third photon after that of the first, all three different
_OFFSETS = tuple(pair for pair in permutations(range(-_FARTHEST, _FARTHEST + 1), 2) if 0 not in pair)
_FEWEST_EXPECTED = 3.0


@dataclass(slots=True)
class _Tally:
    photons: list[int]
    centre: int = 0
    sides: int = 0
    first: int | None = None
    last: int = 0
    kept: list[Integers] = field(default_factory=list)


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
    if stream.mode != "T3":
        return _nothing((), "g3 is counted by laser pulses, which T2 photons are not assigned to.")
    chosen = channels or _three_brightest(stream)
    if len(chosen) < 3:
        return _nothing(
            chosen,
            f"g3 needs photons on three detectors, and there are {len(chosen)}: with two, the third of a "
            "pulse falls into a detector's dead time.",
        )
    if len(set(chosen)) < 3:
        raise InputError(field="channels", value=chosen, allowed="three different inputs")
    delays = zero_delays or (_delay(stream, (chosen[0], chosen[1])), _delay(stream, (chosen[0], chosen[2])))
    tally = _count(stream, (chosen[0], chosen[1], chosen[2]), delays, chunk)
    return _result(tally, chosen, level)


def _delay(stream: PhotonStream, channels: tuple[int, int]) -> int:
    period = stream.time_unit_ps * 1e-3
    histogram = pair_histogram(stream, channels=channels, window_ns=15 * period, bin_width_ns=period / 50)
    return find_comb(histogram, period).order if histogram.pairs else 0


def _three_brightest(stream: PhotonStream) -> tuple[int, ...]:
    total = np.zeros(256, dtype=np.int64)
    for records in stream.chunks():
        total += np.bincount(records.channels, minlength=256)
    order = np.argsort(-total, kind="stable")[:3]
    return tuple(sorted(int(channel) for channel in order if total[channel] > 0))


def _nothing(channels: tuple[int, ...], reason: str) -> G3:
    none = (_NAN, _NAN, _NAN)
    return G3(*none, *none, centre_counts=0, side_counts=_NAN, channels=channels, reason=reason)


def _count(stream: PhotonStream, channels: tuple[int, int, int], zero_delays: tuple[int, int], chunk: int) -> _Tally:
    """Add up triples; each belongs to its photon on the first channel, and pulses near a stretch's end wait."""
    tally = _Tally(photons=[0, 0, 0], kept=[np.zeros(0, np.int64)] * 3)
    late = (0, *zero_delays)
    margin = _FARTHEST + max(abs(delay) for delay in late) + 1
    for records in stream.chunks(chunk):
        if len(records) == 0:
            continue
        tally.first = int(records.times[0]) if tally.first is None else tally.first
        tally.last = int(records.times[-1])
        for k, channel in enumerate(channels):
            found = records.times[records.channels == channel] - late[k]
            tally.photons[k] += len(found)
            tally.kept[k] = np.concatenate([tally.kept[k], found])
        _take(tally, upto=tally.last - margin, margin=margin)
    _take(tally, upto=None, margin=margin)
    return tally


def _take(tally: _Tally, *, upto: int | None, margin: int) -> None:
    """Count the triples of first photons before pulse `upto` and forget what no later one needs."""
    firsts = tally.kept[0]
    ready = len(firsts) if upto is None else int(np.searchsorted(firsts, upto))
    pulses, others = firsts[:ready], tally.kept[1:]
    near = [{m: _number(other, pulses + m) for m in range(-_FARTHEST, _FARTHEST + 1)} for other in others]
    tally.centre += int((near[0][0] * near[1][0]).sum())
    tally.sides += int(sum((near[0][m] * near[1][n]).sum() for m, n in _OFFSETS))
    tally.kept[0] = firsts[ready:]
    if upto is not None:
        oldest = min(upto, int(firsts[ready]) if ready < len(firsts) else upto) - 2 * margin
        tally.kept[1:] = [other[np.searchsorted(other, oldest) :] for other in others]


def _number(times: Integers, pulses: Integers) -> Integers:
    """Photons in each of the pulses."""
    return np.asarray(np.searchsorted(times, pulses, "right") - np.searchsorted(times, pulses, "left"), dtype=np.int64)


def _result(tally: _Tally, channels: tuple[int, ...], level: float) -> G3:
    pulses = tally.last - (tally.first or 0) + 1
    expected = float(np.prod([float(n) for n in tally.photons])) / pulses**2
    mean = tally.sides / len(_OFFSETS)
    if expected < _FEWEST_EXPECTED and mean < _FEWEST_EXPECTED:
        return _nothing(
            channels,
            f"Steady light of these rates would give {expected:.2g} triples in the whole recording, too few for g3.",
        )
    low, high = ratio_interval(tally.centre, tally.sides, denominator_exposure=len(_OFFSETS), level=level)
    least, most = garwood(tally.centre, level=level)
    few = Flag(
        name="few_triples",
        severity="note",
        message=f"g3 rests on {tally.centre} triples where the neighbouring pulses give {mean:.3g}.",
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
