"""What pairs of photons say about the detectors: dead time, afterpulsing, crosstalk.

Light that is bunched or antibunched also bends the number of pairs at short lags. So a channel's pairs are compared
with what the same recording has where the detector cannot matter: with the pairs of different channels at the same
lag, or, with one channel, with its own pairs at longer lags. Pulsed light has its pairs at multiples of the pulse
period; the picture of delays says how they lie around them.

Two detectors behind one timing circuit: no pair of their photons closer than its dead time is ever recorded.

A router sends the signals of several detectors to one time-to-digital converter. While it is busy with a photon of one
detector it misses those of all others, so that pairs of different channels are absent at short lags, as if the light
were antibunched. Antibunched light recovers smoothly with lag, or lacks one pulse's pairs and no other's; a dead time
ends at once and takes every kind of pair alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.fft import irfft, next_fast_len, rfft

from qdmol.arrays import Floats
from qdmol.photons.scanning import PAIR_WINDOW_NS, Scan
from qdmol.statistics import poisson_tail

_SHORT_NS = 2000  # afterpulses come within, the comparison is made beyond
_STRAY = 1e-3  # share of the usual pairs that may stand inside a dead time: crosstalk, a second detector on the channel
_SURE = 14.0  # logarithm of the likelihood ratio from which a dead time is believed
_NEAR_NS = 32  # crosstalk comes within
_MOST_PULSES = 20_000  # within the lags looked at; pulses closer than 0.25 ns are not distinguished
_FEW = 20  # pairs that a comparison needs
_Z = 1.96
_Excess = tuple[float, float, float, tuple[bool, bool]]


@dataclass(frozen=True, slots=True)
class DeadTime:
    """Time after a photon without another in ns, with its interval at 95 %."""

    value_ns: float
    low_ns: float
    high_ns: float


@dataclass(frozen=True, slots=True)
class Afterpulsing:
    """Probability of a false photon after a photon, its interval at 95 %, and how many standard errors it is from 0.

    `controlled` says whether other channels served as the comparison, so that bunched light is not taken for it.
    """

    probability: float
    low: float
    high: float
    significance: float
    controlled: bool


@dataclass(frozen=True, slots=True)
class Crosstalk:
    """Pairs of two channels beyond those of the light: probability a photon, interval, lag (second less first)."""

    first: int
    second: int
    probability: float
    low: float
    high: float
    lag_ns: float


def expected_shape(scan: Scan, row: int, *, dead_ns: float = 0.0, per_photon: float = 0.0) -> Floats:
    """Return how many pairs of a channel light without memory would have in each ns, relative to the mean.

    Parameters
    ----------
    scan, row
        The pass, and the row of the channel.
    dead_ns
        Dead time; pairs right behind it stand above those later, as the detector is known to be ready.
    per_photon
        Pairs a ns and photon at long lags: the rate while it shines.
    """
    shape = np.ones(PAIR_WINDOW_NS)
    if scan.delay_counts.shape[2] > 1:
        shape = _comb(scan, row)
    if dead_ns > 0.0 and 0.0 < per_photon * dead_ns < 0.9:
        shape = shape * _renewal(dead_ns, per_photon)
    return shape


def _comb(scan: Scan, row: int) -> Floats:
    """Pairs of photons of different pulses against lag, mean 1 at long lags."""
    period = scan.unit_ps * 1e-3
    width = scan.tick_ps * 2.0**scan.delay_shift * 1e-3
    # no delay of a sound file is longer than two periods
    delays = scan.delay_counts[row].sum(axis=0)[: max(int(2.0 * period / width), 1) + 1].astype(np.float64)
    if delays.sum() == 0 or period > PAIR_WINDOW_NS or _MOST_PULSES * period < PAIR_WINDOW_NS:
        return np.ones(PAIR_WINDOW_NS)
    own = _convolved(delays, delays[::-1])
    # cumulated, so that each ns gets its whole share however fine the delays are
    total = np.concatenate([[0.0], np.cumsum(np.maximum(own, 0.0))])
    places = (np.arange(len(total)) - len(delays) + 0.5) * width
    edges = np.arange(PAIR_WINDOW_NS + 1, dtype=np.float64)
    shape = np.zeros(PAIR_WINDOW_NS)
    reach = len(delays) * width
    for n in range(1, int((PAIR_WINDOW_NS + reach) / period) + 2):
        low, high = max(int(n * period - reach), 0), min(int(n * period + reach) + 2, PAIR_WINDOW_NS)
        if low < high:
            shape[low:high] += np.diff(np.interp(edges[low : high + 1] - n * period, places, total))
    return np.asarray(shape * period / total[-1], dtype=np.float64)


def _renewal(dead_ns: float, per_photon: float) -> Floats:
    """Rate of a detector with a dead time at each ns after a photon, relative to that at long lags.

    The renewal density of Cox, Renewal Theory (Methuen, 1962), ISBN 0-412-20570-X: ready with the probability that
    no photon came within the dead time before.
    """
    rate = per_photon / (1.0 - per_photon * dead_ns)
    whole = max(round(dead_ns), 1)
    density = np.zeros(PAIR_WINDOW_NS)
    within = 0.0
    for j in range(int(dead_ns), PAIR_WINDOW_NS):
        density[j] = rate * (1.0 - within)
        within += density[j] - (density[j - whole] if j >= whole else 0.0)
    return density / per_photon


def _level(pairs: Floats, shape: Floats, low: int, high: int) -> float:
    """Pairs a ns at long lags."""
    return float(pairs[low:high].sum() / max(shape[low:high].sum(), 1e-9)) if high > low else 0.0


def _windows(scan: Scan) -> tuple[int, int]:
    """End of the short lags and of the comparison in ns: both half way between pulses."""
    reach = scan.reach_ns
    short = min(_SHORT_NS, int(0.4 * reach))
    if scan.delay_counts.shape[2] <= 1:
        return short, reach
    period = scan.unit_ps * 1e-3
    short = int((max(np.floor(short / period), 1.0) + 0.5) * period)
    steps = np.floor((reach - short) / period)
    return short, int(short + steps * period) if steps > 0 else short


def dead_time(scan: Scan, row: int) -> DeadTime | None:
    """Find the time after a photon in which its channel sees no other; None where the photons cannot tell.

    The end of the stretch of short lags in which the channel's pairs are all but absent, against the number that is
    expected there: the change point of the largest likelihood. Where it falls on the smallest interval, the dead time
    is that at most, and shorter by the time in which three more pairs would be expected at most.
    """
    low, high = _windows(scan)
    pairs = scan.same_pairs[row].astype(np.float64)
    level = _level(pairs, expected_shape(scan, row), low, high)
    expected = level * _local_shape(scan, row, low, high)
    stop = min(scan.reach_ns, high)
    gain = np.cumsum(pairs[:stop] * np.log(_STRAY) + expected[:stop] * (1.0 - _STRAY))
    if len(gain) == 0 or gain.max() < _SURE:
        return None
    end = int(np.argmax(gain)) + 1
    smallest = float(scan.smallest_ps[row]) * 1e-3
    tick = scan.tick_ps * 1e-3
    value = smallest if abs(smallest - end) <= 1.0 + tick else float(end)
    before = np.cumsum(expected[: int(value) + 1][::-1])
    short = int(np.searchsorted(before, 3.7))
    return DeadTime(value, max(value - short - 1.0 - tick, 0.0), value + (tick if value == smallest else 1.0 + tick))


def _local_shape(scan: Scan, row: int, low: int, high: int) -> Floats:
    """Shape of the pairs without the detector: of different channels where there are enough, else of the delays."""
    shape = expected_shape(scan, row)
    cross = scan.cross_pairs[row].astype(np.float64)
    level = _level(cross, np.ones(PAIR_WINDOW_NS), low, high)
    if cross[low:high].sum() < _FEW**2 or level <= 0:
        return shape
    wide = max(1, int(np.ceil(_FEW / level)))
    if wide > 100:
        return shape
    smooth = np.convolve(np.concatenate([cross[wide:0:-1], cross]), np.ones(wide) / wide, "same")[wide:] / level
    return np.asarray(np.minimum(smooth, shape) if scan.delay_counts.shape[2] <= 1 else shape, dtype=np.float64)


def afterpulsing(scan: Scan, row: int, *, dead_ns: float) -> Afterpulsing | None:
    """Find the probability that a photon is followed by a false one of its channel within some microseconds.

    The channel's pairs beyond those expected from longer lags, and from the pairs with other channels at the same lags
    (Zhao, Jin, Chen et al., Appl. Opt. 42, 4031 (2003), doi:10.1364/AO.42.004031, on autocorrelation and afterpulses).
    None where there are too few pairs to compare with.
    """
    short, high = _windows(scan)
    begin = int(np.ceil(dead_ns)) if dead_ns > 0 else 0
    anchors = float(scan.anchors[row])
    if high <= short or begin >= short or anchors < 1:
        return None
    same, cross = scan.same_pairs[row].astype(np.float64), scan.cross_pairs[row].astype(np.float64)
    far = same[short:high].sum()
    if far < _FEW:
        return None
    shape = expected_shape(scan, row, dead_ns=dead_ns, per_photon=far / (high - short) / anchors)
    expected = far * shape[begin:short].sum() / shape[short:high].sum()
    relative = 1.0 / far
    controlled = cross[short:high].sum() >= 0.2 * far and cross[begin:short].sum() >= _FEW
    if controlled:
        plain = expected_shape(scan, row)
        flat = plain[begin:short].sum() / plain[short:high].sum()
        near, beyond = cross[begin:short].sum(), cross[short:high].sum()
        expected *= near / beyond / flat
        relative += 1.0 / near + 1.0 / beyond
    pairs = same[begin:short].sum()
    error = float(np.sqrt(pairs + expected**2 * relative + 1.0)) / anchors
    value = (pairs - expected) / anchors
    low, top = max(value - _Z * error, 0.0), max(value + _Z * error, 0.0)
    return Afterpulsing(max(float(value), 0.0), float(low), float(top), float(value / error), bool(controlled))


def crosstalk(scan: Scan) -> tuple[Crosstalk, ...]:
    """Find pairs of channels with more photons within some ns of each other than the light has at any other lag.

    T3: coincidences of one pulse beside those with the pulses before and after; T2: lags within 32 ns beside those up
    to 1.1 µs. Antibunched light and biexcitons stay below that level, so that they are not taken for crosstalk.
    """
    crosstalks = []
    for first in range(len(scan.near_pairs)):
        for second in range(first + 1, len(scan.near_pairs)):
            near = scan.near_pairs[first, second].astype(np.float64)
            excess = _excess_t3(near) if scan.delay_counts.shape[2] > 1 else _excess_t2(near)
            if excess is not None:
                value, error, lag, sides = excess
                # the photon that came first is the cause
                photons = float(sides[1] * scan.anchors[first] + sides[0] * scan.anchors[second])
                limits = (max(value - _Z * error, 0.0) / photons, (value + _Z * error) / photons)
                crosstalks.append(Crosstalk(first, second, value / photons, *limits, lag))
    return tuple(crosstalks)


def _excess_t2(near: Floats) -> _Excess | None:
    centre = len(near) // 2
    lags = np.arange(len(near)) - centre
    inside = np.abs(lags + 0.5) < _NEAR_NS
    outside = near[np.abs(lags + 0.5) >= 2 * _NEAR_NS]
    mean, highest = float(outside.mean()), float(outside.max())
    # a comb of pulses has peaks everywhere: there the highest is the level
    level = mean if highest < mean + 6.0 * np.sqrt(mean + 1.0) + 3.0 else highest
    return _peak(near, inside, np.full(len(near), level), max(level, highest), lags + 0.5)


def _excess_t3(near: Floats) -> _Excess | None:
    pulses = near.reshape(17, 128)
    totals = pulses.sum(axis=1)
    best = int(np.argmax(pulses.max(axis=1)))
    others = np.delete(pulses, best, axis=0)
    if totals.sum() < _FEW:
        return None
    level, highest = others.mean(axis=0), others.max(axis=0)
    # neighbouring bins too, for one bin of another pulse may be low by chance
    highest = np.max([highest, np.roll(highest, 1), np.roll(highest, -1)], axis=0)
    lags = np.arange(128) - 63.5
    inside = np.abs(lags) < _NEAR_NS
    return _peak(pulses[best], inside, level, highest, lags)


def _convolved(first: Floats, second: Floats) -> Floats:
    """Full linear convolution (n + m - 1,) of two rows."""
    length = len(first) + len(second) - 1
    padded = next_fast_len(length, real=True)
    product: Floats = irfft(rfft(first, padded) * rfft(second, padded), padded)[:length]
    return product


def _peak(
    counts: Floats, inside: NDArray[np.bool_], level: Floats, threshold: Floats | float, lags: NDArray[np.floating[Any]]
) -> _Excess | None:
    """Excess, its standard error, its lag and its sides, where some bin cannot be chance."""
    chance = poisson_tail(counts - 1.0, np.maximum(threshold, 0.5)) * inside.sum()
    sure = inside & (chance < 1e-5) & (counts > threshold + 5.0)
    if not sure.any():
        return None
    peak = inside & np.convolve(sure, np.ones(7), "same").astype(bool)
    # antibunched light has fewer pairs there than elsewhere: as many as beside the peak
    beside = inside & ~peak
    own = min(float(counts[beside].sum()) / max(float(level[beside].sum()), 1e-9), 1.0) if beside.any() else 1.0
    level = level * own
    excess = float((counts - level)[peak].sum())
    error = float(np.sqrt(counts[peak].sum() + 1.0))
    weights = np.maximum((counts - level)[peak], 0.0)
    sides = bool((sure & (lags < 0)).any()), bool((sure & (lags > 0)).any())
    return max(excess, 0.0), error, float((weights * lags[peak]).sum() / max(weights.sum(), 1e-9)), sides


_SHORTEST_NS, _LONGEST_NS = 15, 1000  # of the dead time of a timing circuit
_ROUTED_NS = 60  # every circuit behind a router is blind for longer: 80 ns (PicoHarp 300) to 350 ns (TimeHarp 200)
_ROUTED_PAIRS = 4.6  # pairs expected in that time, of which none is seen by chance in one of a hundred recordings
_FEW_SHARED = 100  # pairs that show the level
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
    period_ns: float | None  # where delays do not distinguish these two


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
    dead_times = [_of_pair(scan, first, second, record_type) for first, second in _row_pairs(scan)]
    return tuple(dead_time for dead_time in dead_times if dead_time is not None)


def _row_pairs(scan: Scan) -> Iterator[tuple[int, int]]:
    rows = len(scan.mutual_pairs)
    yield from ((first, second) for first in range(rows) for second in range(first + 1, rows))


def _of_pair(scan: Scan, first: int, second: int, record_type: str) -> SharedDeadTime | None:
    reach = min(scan.reach_ns, PAIR_WINDOW_NS)
    pairs = scan.mutual_pairs[first, second, :reach].astype(np.float64)
    low = reach // 3
    if reach < 3 * _SHORTEST_NS or pairs[low:].sum() < _FEW_SHARED:
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
    bins = max(1, min(int(period), int(pairs[low:].sum() / _FEW_SHARED)))
    phase = np.minimum((lags / period % 1.0 * bins).astype(np.int64), bins - 1)
    number = np.bincount(phase[low:], minlength=bins)
    shape = (np.bincount(phase[low:], pairs[low:], minlength=bins) / np.maximum(number, 1))[phase]
    shape = np.maximum(shape / max(float(pairs[low:].mean()), 1e-9), 1e-3)
    return _Light(np.zeros(len(pairs)), shape, period)


def _pulsed_light(scan: Scan, rows: tuple[int, int], reach: int) -> _Light:
    """Pairs against lag by the pictures of the delays: of the same pulse, and of all others."""
    period, width = scan.unit_ps * 1e-3, scan.tick_ps * 2.0**scan.delay_shift * 1e-3
    first, second = (scan.delay_counts[row].sum(axis=0).astype(np.float64) for row in rows)
    joint = np.maximum(_convolved(second, first[::-1]), 0.0)
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
