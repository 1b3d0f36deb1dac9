"""Simple photon streams of known truth, for tests: nothing here is taken from the product but the value."""

from pathlib import Path

import numpy as np

from qdmol.photons import ArraySource, Mode, PhotonStream, Provenance, Records

PS = 1e-12


def in_memory(
    records: Records,
    *,
    mode: Mode,
    tick_ps: float,
    sync_period_ps: float | None = None,
    duration_s: float | None = None,
    record_type: str = "made in memory",
) -> PhotonStream:
    """Wrap records as a stream whose header says nothing wrong."""
    return PhotonStream(
        mode=mode,
        tick_ps=tick_ps,
        source=ArraySource(records),
        provenance=Provenance(format="generator", record_type=record_type),
        sync_period_ps=sync_period_ps,
        stated_photons=len(records),
        stated_duration_s=duration_s,
    )


def share_out(rng: np.random.Generator, n: int, shares: tuple[float, ...]) -> np.ndarray:
    """Draw a channel for each of `n` photons; channel k gets the k-th share."""
    edges = np.cumsum(shares) / np.sum(shares)
    return np.searchsorted(edges, rng.random(n), side="right").astype(np.uint8)


def poisson_stream(
    rng: np.random.Generator,
    *,
    rate_hz: float = 1e5,
    duration_s: float = 1.0,
    shares: tuple[float, ...] = (0.5, 0.5),
    tick_ps: float = 1.0,
) -> PhotonStream:
    """T2: light without memory at `rate_hz` in all, on as many channels as there are `shares`."""
    n = int(rng.poisson(rate_hz * duration_s))
    times = np.sort(rng.integers(0, int(duration_s / (tick_ps * PS)), n))
    records = Records(times=times, channels=share_out(rng, n, shares))
    return in_memory(records, mode="T2", tick_ps=tick_ps, duration_s=duration_s)


def antibunched_stream(
    rng: np.random.Generator,
    *,
    excitation_ns: float = 100.0,
    lifetime_ns: float = 20.0,
    efficiency: float = 0.1,
    duration_s: float = 0.1,
    shares: tuple[float, ...] = (0.5, 0.5),
    tick_ps: float = 1.0,
) -> PhotonStream:
    """T2: one two-level emitter, continuously excited; g2(t) = 1 - exp(-t (1/excitation + 1/lifetime)).

    Each cycle lasts an exponential wait for excitation and one for emission; a share `efficiency` is detected.
    """
    cycles = int(1.2 * duration_s * 1e9 / (excitation_ns + lifetime_ns)) + 1000
    wait_ns = rng.exponential(excitation_ns, cycles) + rng.exponential(lifetime_ns, cycles)
    times = np.cumsum(wait_ns)
    times = times[(times < duration_s * 1e9) & (rng.random(cycles) < efficiency)]
    ticks = np.asarray(times * 1e3 / tick_ps, dtype=np.int64)
    records = Records(times=ticks, channels=share_out(rng, len(ticks), shares))
    return in_memory(records, mode="T2", tick_ps=tick_ps, duration_s=duration_s)


def decay_delays_ns(
    rng: np.random.Generator,
    n: int,
    *,
    lifetimes_ns: tuple[float, ...],
    amplitudes: tuple[float, ...] | None = None,
    response_ns: float = 0.0,
    offset_ns: float = 0.0,
) -> np.ndarray:
    """Draw delays (n,) from a sum of exponentials, amplitude a_k at time zero, blurred by a Gaussian of that sigma."""
    lifetimes = np.asarray(lifetimes_ns, dtype=float)
    heights = np.ones_like(lifetimes) if amplitudes is None else np.asarray(amplitudes, dtype=float)
    # an exponential of amplitude a emits a tau photons
    photons = heights * lifetimes
    which = rng.choice(len(lifetimes), n, p=photons / photons.sum())
    delays = rng.exponential(lifetimes[which]) + offset_ns
    return delays + rng.normal(0.0, response_ns, n) if response_ns > 0.0 else delays


def pulsed_stream(
    rng: np.random.Generator,
    *,
    rate_hz: float = 1e5,
    duration_s: float = 1.0,
    period_ps: float = 200_000.0,
    lifetimes_ns: tuple[float, ...] = (20.0,),
    amplitudes: tuple[float, ...] | None = None,
    response_ns: float = 0.0,
    offset_ns: float = 0.0,
    background_hz: float = 0.0,
    shares: tuple[float, ...] = (0.5, 0.5),
    tick_ps: float = 16.0,
    single: bool = False,
    on_s: float | None = None,
    off_s: float | None = None,
) -> PhotonStream:
    """T3: pulses every `period_ps`; delays wrap at the period, and the photon goes to the pulse before it.

    Parameters
    ----------
    single : bool
        At most one signal photon a pulse (perfect antibunching) instead of a Poisson number.
    on_s, off_s : float, optional
        Mean lengths of bright and dark times; `rate_hz` is the rate while bright. Background stays on.
    """
    pulses = int(duration_s / (period_ps * PS))
    per_pulse = rate_hz * period_ps * PS
    if single:
        gaps = rng.geometric(per_pulse, int(1.2 * pulses * per_pulse) + 1000)
        pulse = np.cumsum(gaps) - 1
        pulse = pulse[pulse < pulses]
    else:
        pulse = np.sort(rng.integers(0, pulses, rng.poisson(per_pulse * pulses)))
    if on_s is not None and off_s is not None:
        pulse = pulse[_bright(rng, pulse * period_ps * PS, duration_s, on_s, off_s)]
    delays_ps = 1e3 * decay_delays_ns(
        rng,
        len(pulse),
        lifetimes_ns=lifetimes_ns,
        amplitudes=amplitudes,
        response_ns=response_ns,
        offset_ns=offset_ns,
    )
    dark = int(rng.poisson(background_hz * duration_s))
    arrival_ps = np.concatenate([delays_ps, rng.random(dark) * period_ps])
    pulse = np.concatenate([pulse, rng.integers(0, pulses, dark)])
    late = np.floor(arrival_ps / period_ps).astype(np.int64)
    pulse, arrival_ps = pulse + late, arrival_ps - late * period_ps
    inside = (pulse >= 0) & (pulse < pulses)
    pulse, arrival_ps = pulse[inside], arrival_ps[inside]
    order = np.lexsort((arrival_ps, pulse))
    records = Records(
        times=pulse[order],
        channels=share_out(rng, len(order), shares),
        delays=np.asarray(arrival_ps[order] / tick_ps, dtype=np.uint32),
    )
    return in_memory(records, mode="T3", tick_ps=tick_ps, sync_period_ps=period_ps, duration_s=duration_s)


def _bright(rng: np.random.Generator, times_s: np.ndarray, duration_s: float, on_s: float, off_s: float) -> np.ndarray:
    """Whether the emitter is bright at each time: exponential dwell times in turn, bright first."""
    turns = int(3 * duration_s / (on_s + off_s)) + 100
    dwell = np.stack([rng.exponential(on_s, turns), rng.exponential(off_s, turns)], axis=1).ravel()
    return np.searchsorted(np.cumsum(dwell), times_s) % 2 == 0


def blinking_stream(rng: np.random.Generator, *, on_s: float = 0.05, off_s: float = 0.05, **options) -> PhotonStream:
    """T3: a pulsed single emitter that is dark in between; options as of `pulsed_stream`."""
    return pulsed_stream(rng, on_s=on_s, off_s=off_s, **{"single": True, **options})


def write_ptu_t2(path: Path, records: Records, *, tick_ps: float = 1.0, duration_s: float | None = None) -> Path:
    """Write a valid HydraHarp V2 T2 PTU file; sync pulses and markers as well."""
    raise NotImplementedError


def write_ptu_t3(
    path: Path, records: Records, *, tick_ps: float, sync_period_ps: float, duration_s: float | None = None
) -> Path:
    """Write a valid HydraHarp V2 T3 PTU file; markers as well."""
    raise NotImplementedError
