"""Simulated recordings of emitters on two detectors, with the truth behind them.

Independent of `qdmol.rates`: excitons are followed one by one (see `emission_kernels`), so that the closed forms and
matrix exponentials of the product can be checked against them.
"""

from dataclasses import dataclass, replace

import numpy as np
from tests.analysis.sources import emission_kernels as kernels
from tests.analysis.sources.emitters import Emitter, Interaction, Trajectory, common_timeline
from tests.photons.generators import in_memory

from qdmol.photons import PhotonStream, Records

BACKGROUND, AFTERPULSE = -1, -2
MANY = 1_000_000  # excitons on one emitter: no limit


@dataclass(frozen=True, slots=True)
class Detector:
    """One of the two detectors behind the beam splitter.

    Attributes
    ----------
    efficiency : float
        Share of the photons on its side of the beam splitter that it registers.
    jitter_ns, offset_ns : float
        Standard deviation of its response, and its time zero after the pulse.
    dead_ns : float
        Time after a count in which it registers nothing.
    afterpulsing, afterpulse_ns : float
        Probability that a count is followed by another, and the mean wait for it after the dead time.
    dark_hz : float
        Counts without light.
    """

    efficiency: float = 0.2
    jitter_ns: float = 0.0
    offset_ns: float = 0.0
    dead_ns: float = 0.0
    afterpulsing: float = 0.0
    afterpulse_ns: float = 50.0
    dark_hz: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A simulated recording and its truth.

    Attributes
    ----------
    stream : PhotonStream
        T3 after pulses, T2 under continuous light.
    photon_emitter : int (n,)
        Emitter of each photon; -1 for background and dark counts, -2 for afterpulses.
    trajectories : tuple of Trajectory
        States of each emitter, with the times of all switches.
    duration_s : float
    """

    stream: PhotonStream
    photon_emitter: np.ndarray
    trajectories: tuple[Trajectory, ...]
    duration_s: float

    @property
    def emitters(self) -> int:
        """True number of emitters."""
        return len(self.trajectories)

    @property
    def switches_s(self) -> np.ndarray:
        """Times in s at which any emitter changes its state, ends of the recording left out."""
        inner = [each.edges_s[1:-1] for each in self.trajectories]
        return np.unique(np.concatenate(inner))


@dataclass(frozen=True, slots=True)
class Light:
    """What is common to all emitters of a recording.

    Attributes
    ----------
    detectors : pair of Detector
    background_fraction : float
        Share of uncorrelated photons, at any delay, in all counts.
    background_hz : float
        Uncorrelated photons per s on both detectors together, added to those.
    drift : float
        Relative fall (negative) or rise (positive) of the detected signal from start to end, above -1 and below 1.
    most_excitons : int
        Excitons beyond this number on one emitter are lost at once (2: the cascade ends at the biexciton). Steps above
        the biexciton have its yield and lifetime.
    tick_ps : float
        Clock of the recording.
    """

    detectors: tuple[Detector, Detector] = (Detector(), Detector())
    background_fraction: float = 0.0
    background_hz: float = 0.0
    drift: float = 0.0
    most_excitons: int = 2
    tick_ps: float = 16.0


def after_pulses(
    rng: np.random.Generator,
    emitters: tuple[Emitter, ...],
    *,
    period_ns: float = 200.0,
    duration_s: float | None = None,
    photons: int | None = None,
    interaction: Interaction | None = None,
    light: Light | None = None,
) -> Recording:
    """Simulate a T3 recording of `duration_s`, or with about this number of photons."""
    return _simulated(rng, emitters, period_ns, duration_s, photons, interaction or Interaction(), light or Light())


def continuous(
    rng: np.random.Generator,
    emitters: tuple[Emitter, ...],
    *,
    duration_s: float | None = None,
    photons: int | None = None,
    interaction: Interaction | None = None,
    light: Light | None = None,
) -> Recording:
    """Simulate a T2 recording under continuous light; the excitation of the emitters is in excitons per ns."""
    return _simulated(rng, emitters, None, duration_s, photons, interaction or Interaction(), light or Light())


def _simulated(rng, emitters, period_ns, duration_s, photons, interaction, light):
    if duration_s is None:
        duration_s, trajectories = _sized(rng, emitters, period_ns, photons, interaction, light)
    else:
        trajectories = interaction.joint(tuple(each.trajectory(rng, duration_s) for each in emitters))
    times, who, where = _emitted(rng, emitters, trajectories, period_ns, interaction, light, duration_s)
    times, who, where = _registered(rng, times, who, where, light, duration_s)
    stream, inside = _stream(times, where, period_ns, light.tick_ps, duration_s)
    return Recording(stream, who[inside].astype(np.int64), trajectories, duration_s)


def _sized(rng, emitters, period_ns, photons, interaction, light):
    """Duration (s) in which about so many photons come, and the trajectories up to there."""
    rate = _bright_rate_hz(rng, emitters, period_ns, interaction, light) * (1.0 - 0.5 * abs(light.drift))
    dark_hz = light.background_hz + sum(each.dark_hz for each in light.detectors)
    whole = sum(each.excitation * each.bright.quantum_yield for each in emitters)
    guess = 2.0 * photons / rate
    while True:
        drawn = interaction.joint(tuple(each.trajectory(rng, guess) for each in emitters))
        edges, state = common_timeline(drawn)
        signal = np.zeros(len(state))
        for k, (emitter, path) in enumerate(zip(emitters, drawn, strict=True)):
            yields = np.array([each.quantum_yield for each in path.states])
            signal += rate * emitter.excitation * yields[state[:, k]] / whole
        expected = np.cumsum((signal / (1.0 - light.background_fraction) + dark_hz) * np.diff(edges))
        if expected[-1] >= photons:
            duration = float(np.interp(photons, np.concatenate([[0.0], expected]), edges))
            return duration, tuple(each.until(duration) for each in drawn)
        guess *= 4.0


def _bright_rate_hz(rng, emitters, period_ns, interaction, light):
    """Rate of signal photons while all emitters are bright, by a trial of some thousand photons."""
    plain = tuple(replace(each, blinking=None) for each in emitters)
    trial_s = 4000.0 * 1e-9 / sum(each.excitation / (period_ns or 1.0) for each in emitters)
    trial_s /= max(0.5 * sum(each.efficiency for each in light.detectors), 1e-3)
    bright = tuple(each.trajectory(rng, trial_s) for each in plain)
    constant = replace(light, drift=0.0)
    return len(_emitted(rng, plain, bright, period_ns, interaction, constant, trial_s)[0]) / trial_s


def _emitted(rng, emitters, trajectories, period_ns, interaction, light, duration_s):
    """Times (ns), emitters and detectors of the photons that reach a working detector, in order of emission."""
    edges_s, state = common_timeline(trajectories)
    first = np.cumsum([0, *(len(each.states) for each in trajectories)])
    table = np.array([item.row for each in trajectories for item in each.states])
    timeline = np.ascontiguousarray(state + first[:-1])
    excitation = np.array([float(each.excitation) for each in emitters])
    n = len(emitters)
    transfer = np.zeros((n, n))
    for (donor, acceptor), rate in interaction.transfer_per_ns.items():
        transfer[donor, acceptor] = rate
    fast = np.zeros((n, 2))
    for i, each in enumerate(emitters):
        if each.fast_bright_us is not None:
            fast[i] = 1e-3 / each.fast_bright_us, 1e-3 / each.fast_dark_us
    whole = fast.sum(axis=1)
    share = np.divide(fast[:, 0], whole, out=np.zeros(n), where=whole > 0.0)
    dark, since = (rng.random(n) < share).astype(float), np.zeros(n)
    lit = np.array([period_ns or 0.0, *(0.5 * each.efficiency for each in light.detectors), light.drift])
    if period_ns is not None:
        edges = np.unique(np.round(edges_s * 1e9 / period_ns).astype(np.int64), return_index=True)
        timeline, edges = timeline[np.minimum(edges[1][1:] - 1, len(timeline) - 1)], edges[0]
        place = np.zeros(2, dtype=np.int64)
        kernel = kernels.emit_after_pulses
    else:
        edges = edges_s * 1e9
        place = np.zeros(2)
        kernel = kernels.emit_continuously
    room = 1 << 20
    times, who, where = np.empty(room), np.empty(room, dtype=np.int8), np.empty(room, dtype=np.uint8)
    excitons = np.zeros(n, dtype=np.int64)
    parts = []
    while place[0] < edges[-1]:
        count = kernel(
            rng, place, excitons, excitation, edges, timeline, table, (interaction.annihilation_per_ns, transfer),
            light.most_excitons, fast, dark, since, lit, times, who, where,
        )  # fmt: skip
        parts.append((times[:count].copy(), who[:count].copy(), where[:count].copy()))
    return tuple(np.concatenate(each) for each in zip(*parts, strict=True))


def _registered(rng, times, who, where, light, duration_s):
    """Counts of the detectors in order of time: jitter, background, dead time and afterpulses included."""
    fraction = light.background_fraction
    stray = rng.poisson(light.background_hz * duration_s + len(times) * fraction / (1.0 - fraction))
    dark = [rng.poisson(each.dark_hz * duration_s) for each in light.detectors]
    extra = stray + sum(dark)
    jitter = np.array([each.jitter_ns for each in light.detectors])
    offset = np.array([each.offset_ns for each in light.detectors])
    if jitter.any():
        times = times + rng.normal(size=len(times)) * jitter[where]
    if offset.any():
        times = times + offset[where]
    if extra:
        times = np.concatenate([times, rng.random(extra) * duration_s * 1e9])
        who = np.concatenate([who, np.full(extra, BACKGROUND, dtype=np.int8)])
        side = [rng.integers(0, 2, stray).astype(np.uint8), np.repeat(np.arange(2, dtype=np.uint8), dark)]
        where = np.concatenate([where, *side])
    if extra or jitter.any() or offset.any():
        order = np.argsort(times, kind="stable")
        times, who, where = times[order], who[order], where[order]
    dead, chance, delay = (
        np.array([getattr(each, name) for each in light.detectors])
        for name in ("dead_ns", "afterpulsing", "afterpulse_ns")
    )
    if not dead.any() and not chance.any():
        return times, who, where
    room = int(len(times) * (1.0 + 2.0 * chance.max()) + 1000)
    out = np.empty(room), np.empty(room, dtype=np.uint8), np.empty(room, dtype=np.int8)
    count = kernels.register(rng, times, where, who, dead, chance, delay, *out)
    assert count >= 0, "more afterpulses than expected"
    times, where, who = (each[:count] for each in out)
    return times, who, where


def _stream(times, where, period_ns, tick_ps, duration_s):
    """The stream, and which of the photons lie within the recording."""
    inside = (times >= 0.0) & (times < duration_s * 1e9)
    times, where = times[inside], where[inside]
    if period_ns is None:
        ticks = np.asarray(times * 1e3 / tick_ps, dtype=np.int64)
        stream = in_memory(Records(ticks, where), mode="T2", tick_ps=tick_ps, duration_s=duration_s)
        return stream, inside
    pulse = np.floor(times / period_ns).astype(np.int64)
    delays = np.clip(times - pulse * period_ns, 0.0, None)
    most = int(period_ns * 1e3 / tick_ps)
    delays = np.minimum((delays * 1e3 / tick_ps).astype(np.int64), most).astype(np.uint32)
    records = Records(pulse, where, delays)
    stream = in_memory(
        records, mode="T3", tick_ps=tick_ps, sync_period_ps=period_ns * 1e3, duration_s=duration_s
    )  # fmt: skip
    return stream, inside


def independent_copies(stream: PhotonStream, number: int, rng: np.random.Generator) -> PhotonStream:
    """Superpose copies at random shifts, none within 1 ms of another: nearer ones know of each other's blinking."""
    last = int(stream.load().times[-1]) + 1
    least = 1e9 / stream.time_unit_ps
    while True:
        shifts = np.sort(rng.integers(0, last, number))
        if np.all(np.diff(np.append(shifts, shifts[0] + last)) > least):
            return superposed_copies(stream, shifts)


def superposed_copies(stream: PhotonStream, shifts: np.ndarray) -> PhotonStream:
    """Superpose copies of a stream, each shifted in a circle by so many units of its `Records.times`.

    Copies of one emitter that are far apart in time are as good as that many independent emitters.
    """
    single = stream.load()
    last = int(single.times[-1]) + 1
    parts = []
    for shift in shifts:
        times = single.times + int(shift) % last
        cut = int(np.searchsorted(times, last))  # circular: what runs over the end comes first
        parts.append((np.concatenate([times[cut:] - last, times[:cut]]), cut))
    times = np.concatenate([each for each, _ in parts])
    order = np.argsort(times, kind="stable")
    n = len(single)

    def rolled(values):
        return np.concatenate([np.roll(values, n - cut) for _, cut in parts])[order]

    records = Records(
        times[order], rolled(single.channels), None if single.delays is None else rolled(single.delays)
    )  # fmt: skip
    return in_memory(
        records,
        mode=stream.mode,
        tick_ps=stream.tick_ps,
        sync_period_ps=stream.sync_period_ps,
        duration_s=stream.stated_duration_s,
        record_type="copies",
    )
