"""Two detectors behind one timing circuit: no pair of their photons closer than its dead time is ever recorded.

A router sends the signals of several detectors to one time-to-digital converter. While it is busy with a photon of one
detector it misses those of all others, so that pairs of different channels are absent at short lags, as if the light
were antibunched. Antibunched light recovers smoothly with lag, or lacks one pulse's pairs and no other's; a dead time
ends at once and takes every kind of pair alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal, special

from qdmol.photons.scanning import PAIR_WINDOW_NS, Scan

__all__ = ["SharedDeadTime", "has_router", "shared_dead_times"]

Floats = NDArray[np.float64]

_SURE = 14.0  # logarithm of the likelihood ratio of a sharp end over a smooth one
_STRAY = 1e-3  # share of the usual pairs that may stand inside a dead time
_SHORTEST_NS, _LONGEST_NS = 15, 1000  # of the dead time of a timing circuit
_ROUTED_NS = 60  # every circuit behind a router is blind for longer: 80 ns (PicoHarp 300) to 350 ns (TimeHarp 200)
_ROUTED_PAIRS = 4.6  # pairs expected in that time, of which none is seen by chance in one of a hundred recordings
_FEW = 100  # pairs that show the level
_EDGE_NS, _EDGE = 3, 0.2  # behind the dead time the pairs are back at once, at a fifth of their level at least
_VISIBLE = 12.0  # power of a comb's first harmonic over that of noise
_ROUTERS = ("PicoHarp 300 T3", "TimeHarp 200", "TimeHarp 100", "SPC-")
_DIPS = np.geomspace(1.0, 3000.0, 18)  # ns
_CENTRES = np.array([0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0])  # g2(0)
_BLINKING = ((0.5, 300.0), (0.5, 2000.0), (1.5, 300.0), (1.5, 2000.0), (5.0, 2000.0))  # height, time in ns
_SOFTNESS = np.array([0.01, 0.03, 0.06, 0.12, 0.25, 0.5, 1.0])  # of a period


@dataclass(frozen=True, slots=True)
class SharedDeadTime:
    """Two channels that are blind together.

    Attributes
    ----------
    channels : (int, int)
        Input channels, the lower first.
    value_ns : float
        Lag below which no pair of the two is recorded.
    expected, pairs : float, int
        Pairs that the level at long lags promises within that lag, and pairs that are there; of the photons sampled.
    """

    channels: tuple[int, int]
    value_ns: float
    expected: float
    pairs: int


@dataclass(frozen=True, slots=True, eq=False)
class _Light:
    """Pairs a ns relative to their mean at long lags: of the same pulse, and of different ones, (ns,) each."""

    same_pulse: Floats
    others: Floats
    period_ns: float | None  # where these two are not told apart by delays


def has_router(record_type: str) -> bool:
    """Whether an instrument that writes such records has one timing circuit for all its channels.

    PicoHarp 300 in T3 mode has one input beside its sync, and gets more channels from a router (PHR 402, 403, 800);
    TimeHarp 100 and 200 and each module of Becker & Hickl's SPC likewise (manuals of the makers).
    """
    return record_type.startswith(_ROUTERS)


def shared_dead_times(scan: Scan, *, record_type: str = "") -> tuple[SharedDeadTime, ...]:
    """Find pairs of channels whose photons are never recorded closer together than some dead time.

    The pairs of two channels by lag are described by light whose level at long lags is known and that is antibunched or
    bunched smoothly: by an exponential dip or peak, or by another number of pairs within a pulse. A dead time is
    believed where a sharp end on top of that raises the likelihood by a factor of 10⁶, where the channels' own pairs
    are absent as well, and where the pairs are back at once behind it. Pulsed light with a period of more than twice
    the dead time looks the same as an emitter of single photons; there the kind of instrument decides: behind a router
    (`has_router`) the absence of pairs below 60 ns, where at least 4.6 are expected, is the router's.

    Parameters
    ----------
    scan
        The pass over the photons.
    record_type : str
        Of `Provenance`.
    """
    found = [_of_pair(scan, first, second, record_type) for first, second in _row_pairs(scan)]
    return tuple(one for one in found if one is not None)


def _row_pairs(scan: Scan) -> Iterator[tuple[int, int]]:
    rows = len(scan.mutual_pairs)
    yield from ((first, second) for first in range(rows) for second in range(first + 1, rows))


def _of_pair(scan: Scan, first: int, second: int, record_type: str) -> SharedDeadTime | None:
    reach = min(scan.reach_ns, PAIR_WINDOW_NS)
    pairs = scan.mutual_pairs[first, second, :reach].astype(np.float64)
    low = reach // 3
    if reach < 3 * _SHORTEST_NS or pairs[low:].sum() < _FEW:
        return None
    light = _light(scan, (first, second), pairs, low)
    whole = light.same_pulse + light.others
    level = float(pairs[low:].sum() / max(whole[low:reach].sum(), 1e-9))
    stop = min(_LONGEST_NS, reach)
    end = _sharp_end(pairs[:stop], light, level)
    if end is None and has_router(record_type):
        end = _routed_end(pairs[:stop], level * whole[:stop])
    if end is None or not _blind_alone(scan, (first, second), end, level):
        return None
    a, b = sorted((scan.channels[first], scan.channels[second]))
    return SharedDeadTime((a, b), float(end), float(level * whole[:end].sum()), int(pairs[:end].sum()))


def _light(scan: Scan, rows: tuple[int, int], pairs: Floats, low: int) -> _Light:
    if scan.delay_counts.shape[2] > 1:
        return _pulsed_light(scan, rows, len(pairs))
    period = _comb_period(pairs[low:])
    shape = np.ones(len(pairs))
    if period is None:
        return _Light(np.zeros(len(pairs)), shape, None)
    # the comb as it is at longer lags
    lags = np.arange(len(pairs)) + 0.5
    bins = max(1, min(int(period), int(pairs[low:].sum() / _FEW)))
    phase = np.minimum((lags / period % 1.0 * bins).astype(np.int64), bins - 1)
    number = np.bincount(phase[low:], minlength=bins)
    shape = (np.bincount(phase[low:], pairs[low:], minlength=bins) / np.maximum(number, 1))[phase]
    shape = np.maximum(shape / max(float(pairs[low:].mean()), 1e-9), 1e-3)
    return _Light(np.zeros(len(pairs)), shape, period)


def _pulsed_light(scan: Scan, rows: tuple[int, int], reach: int) -> _Light:
    """Pairs against lag by the pictures of the delays: of the same pulse, and of all others."""
    period, width = scan.unit_ps * 1e-3, scan.tick_ps * 2.0**scan.delay_shift * 1e-3
    first, second = (scan.delay_counts[row].sum(axis=0).astype(np.float64) for row in rows)
    joint = np.maximum(signal.fftconvolve(second, first[::-1]), 0.0)
    joint = joint + joint[::-1]  # the size of a lag: both signs
    total = np.concatenate([[0.0], np.cumsum(joint)])
    places = (np.arange(len(total)) - len(first) + 0.5) * width
    edges = np.arange(reach + 1, dtype=np.float64)

    def peak(number: int) -> Floats:
        share = np.diff(np.interp(edges - number * period, places, total)) * period / total[-1]
        return np.asarray(share, dtype=np.float64)

    same = peak(0)
    others = np.zeros(reach)
    if period < 2 * reach:
        for number in range(1, int((reach + len(first) * width) / period) + 2):
            others += peak(number)
    return _Light(np.maximum(same, 0.0), np.maximum(others, 1e-9), None)


def _comb_period(pairs: Floats) -> float | None:
    """Period in ns of a comb of pairs; None where there is none."""
    n = len(pairs)
    power = np.abs(np.fft.rfft(pairs - pairs.mean(), 4 * n)) ** 2
    lowest = 12
    at = lowest + int(np.argmax(power[lowest:]))
    if power[at] <= _VISIBLE * pairs.sum():
        return None
    lags, about = np.arange(n) + 0.5, 4 * n / at
    trials = about + about**2 / n * np.linspace(-0.25, 0.25, 81)
    waves = [sum(abs(np.exp(2j * np.pi * k / trial * lags) @ pairs) ** 2 for k in (1, 2, 3)) for trial in trials]
    return float(trials[int(np.argmax(waves))])


def _models(light: _Light) -> Iterator[Floats]:
    """Pairs a ns relative to the level, for smooth antibunching and for blinking on top of it."""
    lags = np.arange(len(light.others)) + 0.5
    blinking = [np.ones(len(lags)), *(1.0 + height * np.exp(-lags / time) for height, time in _BLINKING)]
    for shape in _emitters(light):
        yield from (shape * factor for factor in blinking)


def _emitters(light: _Light) -> Iterator[Floats]:
    lags = np.arange(len(light.others)) + 0.5
    whole = light.same_pulse + light.others
    for centre in _CENTRES:
        yield light.others + centre * light.same_pulse
        for dip in _DIPS:
            yield whole * (1.0 - (1.0 - centre) * np.exp(-lags / dip))
        if light.period_ns is not None:
            for soft in _SOFTNESS:
                share = special.expit((light.period_ns - 2.0 * lags) / (soft * light.period_ns))
                yield whole * (1.0 - (1.0 - centre) * share)


def _sharp_end(pairs: Floats, light: _Light, level: float) -> int | None:
    """Lag in ns of an end of the blind time that smooth light cannot have; None without one."""
    n = len(pairs)
    first = slice(0, _SHORTEST_NS)
    if pairs[first].sum() > 2.0 + 0.1 * level * (light.same_pulse + light.others)[first].sum():
        return None
    cut = _Light(light.same_pulse[:n], light.others[:n], light.period_ns)
    smooth, sharp, end = -np.inf, -np.inf, 0
    for model in _models(cut):
        expected = np.maximum(level * model, 1e-6 * level)
        likelihood = float((special.xlogy(pairs, expected) - expected).sum())
        gain = np.cumsum(pairs * np.log(_STRAY) + expected * (1.0 - _STRAY))[_SHORTEST_NS - 1 :]
        at = int(np.argmax(gain))
        smooth = max(smooth, likelihood)
        if likelihood + gain[at] > sharp:
            sharp, end = likelihood + float(gain[at]), at + _SHORTEST_NS
    whole = level * (cut.same_pulse + cut.others)
    inside, behind = float(whole[:end].sum()), float(whole[end : end + _EDGE_NS].sum())
    if sharp - smooth < _SURE or pairs[:end].sum() > 0.01 * inside:
        return None
    back = pairs[end : end + _EDGE_NS].sum() >= _EDGE * behind - 2.0 * np.sqrt(_EDGE * behind)
    return end if back else None


def _routed_end(pairs: Floats, expected: Floats) -> int | None:
    """Smallest lag of a pair behind a router, where the first 60 ns are empty."""
    within = slice(0, _ROUTED_NS)
    if expected[within].sum() < _ROUTED_PAIRS or pairs[within].sum() > 0.01 * expected[within].sum():
        return None
    behind = np.flatnonzero(pairs[_ROUTED_NS:])
    return _ROUTED_NS + int(behind[0]) if len(behind) else _ROUTED_NS


def _blind_alone(scan: Scan, rows: tuple[int, int], end: int, level: float) -> bool:
    """Whether neither channel records a photon within that time after one of its own."""
    own = sum(float(scan.same_pairs[row, : max(end - 2, 1)].sum()) for row in rows)
    return own <= 3.0 + 0.02 * level * end
