"""A small simulator of emitters under weak pulsed light: nothing here is taken from the product but the stream.

Photons of different emitters come at independent pulses; those of one emitter at different ones, but for biexcitons.
"""

import numpy as np
from tests.photons.generators import in_memory

from qdmol.photons import PhotonStream, Records

TICK_PS = 64.0


def emitters(
    rng: np.random.Generator,
    *,
    photons: int = 1_000_000,
    shares: tuple[float, ...] = (1.0,),
    ratio: float = 0.1,
    beta: float = 4.0,
    lifetime_ns: float = 20.0,
    period_ns: float = 200.0,
    per_pulse: float = 0.02,
    annihilation: float = 0.0,
    background: float = 0.0,
    dwell_s: float | None = None,
    together: bool = False,
    response_ns: float = 0.15,
) -> PhotonStream:
    """T3 on two channels.

    `per_pulse` photons are detected a pulse; `shares` of the emitters' light; `ratio` is the biexciton's yield over
    that of the exciton, with the lifetime ratio / beta of the exciton's; `annihilation` is a rate over that of the
    decay; `background` is a share of all photons. With `dwell_s` each emitter is on and off for exponential times of
    that mean.
    """
    pulses = int(photons / per_pulse)
    signal = per_pulse * (1.0 - background)
    shares = tuple(np.array(shares) / np.sum(shares))
    on = 1.0 if dwell_s is None else 2.0
    traces = [_telegraph(rng, pulses, dwell_s * 1e9 / period_ns) if dwell_s else None for _ in shares]
    if together:
        traces = [traces[0]] * len(shares)
    columns = []
    for k, share in enumerate(shares):
        rate = signal * share * on
        number = rng.poisson(pulses * rate)
        singles = np.unique(rng.integers(0, pulses, number))  # one at most a pulse
        twos = np.unique(rng.integers(0, pulses, rng.poisson(0.5 * ratio * rate**2 * pulses)))
        if traces[k] is not None:
            singles, twos = singles[traces[k](singles)], twos[traces[k](twos)]
        singles = singles[~np.isin(singles, twos, assume_unique=True)]
        early = rng.exponential(ratio / beta * lifetime_ns, len(twos))
        late = early + rng.exponential(lifetime_ns, len(twos))
        when = np.concatenate([singles, twos, twos])
        delay = np.concatenate([rng.exponential(lifetime_ns, len(singles)), early, late])
        columns.append((when, delay, np.full(len(when), k)))
    when, delay, source = (np.concatenate(part) for part in zip(*columns, strict=True))
    order = np.lexsort((delay, when))
    when, delay, source = when[order], delay[order], source[order]
    if annihilation:
        when, delay = _annihilate(rng, when, delay, source, annihilation / lifetime_ns, lifetime_ns)
    dark = rng.poisson(background * per_pulse * pulses)
    when = np.concatenate([when, rng.integers(0, pulses, dark)])
    delay = np.concatenate([delay + 10.0 + rng.normal(0.0, response_ns, len(delay)), rng.random(dark) * period_ns])
    turns = np.floor(delay / period_ns).astype(np.int64)
    when, delay = when + turns, delay - turns * period_ns
    order = np.lexsort((delay, when))
    channels = rng.integers(0, 2, len(when)).astype(np.uint8)
    ticks = (delay[order] * 1e3 / TICK_PS).astype(np.uint32)
    records = Records(times=when[order], channels=channels, delays=ticks)
    return in_memory(records, mode="T3", tick_ps=TICK_PS, sync_period_ps=period_ns * 1e3)


def _telegraph(rng, pulses, mean):
    turns = int(3 * pulses / (2 * mean)) + 100
    edges = np.cumsum(rng.exponential(mean, turns))
    start = int(rng.random() < 0.5)
    return lambda times: (np.searchsorted(edges, times) + start) % 2 == 0


def _annihilate(rng, when, delay, source, rate, lifetime):
    """Two excitons in one pulse: the first of three fates comes after an exponential time of their rates' sum."""
    pair = np.flatnonzero((np.diff(when) == 0) & (np.diff(source) != 0))
    pair = pair[np.concatenate([[True], np.diff(pair) > 1])]
    total = 2.0 / lifetime + rate
    first = rng.exponential(1.0 / total, len(pair))
    emits = rng.random(len(pair)) < 2.0 / lifetime / total
    delay = delay.copy()
    delay[pair], delay[pair + 1] = first, first + rng.exponential(lifetime, len(pair))
    keep = np.ones(len(when), dtype=bool)
    keep[pair[~emits]] = False
    return when[keep], delay[keep]
