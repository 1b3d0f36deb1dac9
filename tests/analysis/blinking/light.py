"""Simulated light whose changes are known: telegraph signals, levels, flickering, bunching; for tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdmol.photons import ArraySource, PhotonStream, Provenance, Records

PERIOD_NS = 200.0
TICK_NS = 0.1


@dataclass(frozen=True)
class Stay:
    """A stretch of constant rate and lifetime."""

    start_s: float
    stop_s: float
    rate_hz: float
    lifetime_ns: float = 20.0


def stays(rng, *, duration_s, rates_hz, lifetimes_ns=None, mean_s=0.2):
    """Stays of exponential length on levels in random order, never twice the same."""
    taus = lifetimes_ns or [20.0] * len(rates_hz)
    start, level, result = 0.0, 0, []
    while start < duration_s:
        stop = min(start + rng.exponential(mean_s), duration_s)
        result.append(Stay(start, stop, rates_hz[level], taus[level]))
        start = stop
        level = int(rng.choice([k for k in range(len(rates_hz)) if k != level]))
    return result


def flickering(rng, *, duration_s, lowest_hz=5e3, highest_hz=5e4, longest_ns=20.0, follows=True, mean_s=0.1):
    """Stays whose rates are anywhere in a range; the lifetime follows the rate or not."""
    start, result = 0.0, []
    while start < duration_s:
        stop = min(start + rng.exponential(mean_s), duration_s)
        rate = rng.uniform(lowest_hz, highest_hz)
        result.append(Stay(start, stop, rate, longest_ns * rate / highest_hz if follows else longest_ns))
        start = stop
    return result


def switches(light):
    """Times between stays in s."""
    return np.array([stay.start_s for stay in light[1:]])


def times_of(rng, light):
    """Photon times in s, in order."""
    parts = [rng.uniform(s.start_s, s.stop_s, rng.poisson(s.rate_hz * (s.stop_s - s.start_s))) for s in light]
    return np.sort(np.concatenate(parts))


def in_ticks(times_s, *, tick_ps=100.0, duration_s=None, channels=1, rng=None):
    """T2 stream of photon times in s."""
    times = np.sort(np.rint(np.asarray(times_s) * 1e12 / tick_ps).astype(np.int64))
    inputs = np.zeros(len(times), np.uint8) if channels == 1 else rng.integers(0, channels, len(times)).astype(np.uint8)
    source = ArraySource(Records(times, inputs))
    return PhotonStream("T2", tick_ps, source, Provenance("simulated", "T2"), stated_duration_s=duration_s)


def pulsed(rng, light, *, background_hz=0.0, jitter_ns=0.15, pulse_ns=(20.0, 27.0)):
    """T3 stream on two channels whose pulses are at different delays; the background is even over the period."""
    duration = light[-1].stop_s
    times, delays = [], []
    for stay in light:
        n = rng.poisson(stay.rate_hz * (stay.stop_s - stay.start_s))
        times.append(rng.uniform(stay.start_s, stay.stop_s, n) * 1e9)
        delays.append(rng.exponential(stay.lifetime_ns, n) + rng.normal(0.0, jitter_ns, n))
    n = rng.poisson(background_hz * duration)
    times.append(rng.uniform(0.0, duration, n) * 1e9)
    delays.append(rng.uniform(0.0, PERIOD_NS, n))
    all_times, all_delays = np.concatenate(times), np.concatenate(delays)
    channels = rng.integers(0, 2, len(all_times)).astype(np.uint8)
    all_delays = all_delays + np.array(pulse_ns)[channels]
    later = np.floor(all_delays / PERIOD_NS)
    periods = (all_times // PERIOD_NS + later).astype(np.int64)
    ticks = ((all_delays - later * PERIOD_NS) / TICK_NS).astype(np.int64)
    ticks = np.minimum(ticks, round(PERIOD_NS / TICK_NS) - 1).astype(np.uint32)
    order = np.lexsort((ticks, periods))
    records = Records(periods[order], channels[order], ticks[order])
    about = Provenance("simulated", "T3")
    return PhotonStream(
        *("T3", TICK_NS * 1e3, ArraySource(records), about),
        sync_period_ps=PERIOD_NS * 1e3,
        stated_duration_s=duration,
    )


def bunched(rng, *, rate_hz, duration_s, on_s=3e-6, off_s=3e-6):
    """Photon times in s of an emitter that blinks within microseconds, with that mean rate."""
    cycles = int(1.3 * duration_s / (on_s + off_s)) + 10
    on, off = np.cumsum(rng.exponential(on_s, cycles)), np.cumsum(rng.exponential(off_s, cycles))
    # photons by the time spent on, then with the off times between
    lit = np.sort(rng.uniform(0.0, on[-1], rng.poisson(rate_hz * (on_s + off_s) / on_s * on[-1])))
    times = lit + np.concatenate([[0.0], off])[np.searchsorted(on, lit)]
    return times[times < duration_s]


def with_afterpulses(rng, times_s, *, probability=0.05, mean_s=5e-6):
    """Photon times with afterpulses among them."""
    again = times_s[rng.random(len(times_s)) < probability]
    return np.sort(np.concatenate([times_s, again + 1e-7 + rng.exponential(mean_s, len(again))]))


def recall_and_false(true_s, found_s, *, within_s=2e-3):
    """Switches found, switches (those nearer than `within_s` counted once), change points that are near none."""
    groups = np.split(true_s, np.flatnonzero(np.diff(true_s) > within_s) + 1)
    hits = sum(np.any((found_s >= g[0] - within_s) & (found_s <= g[-1] + within_s)) for g in groups)
    false = sum(not np.any(np.abs(true_s - time) <= within_s) for time in found_s)
    return int(hits), len(groups), int(false)
