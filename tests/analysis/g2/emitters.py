"""Emitters of known g2, as streams and as histograms."""

import numpy as np
from tests.photons.generators import in_memory

from qdmol.analysis import PairHistogram
from qdmol.photons import PhotonStream, Records


def biexciton_stream(
    rng: np.random.Generator,
    *,
    pulses: int = 1_000_000,
    period_ns: float = 100.0,
    lifetime_ns: float = 2.0,
    brightness: float = 0.02,
    ratio: float = 0.1,
    on_pulses: float | None = None,
    off_pulses: float | None = None,
    background: float = 0.0,
    background_channels: int = 2,
    early_ns: float | None = None,
    zero_periods: int = 0,
) -> PhotonStream:
    """T3 on two channels: `brightness` photons a bright pulse, pairs of the same pulse `ratio` times those of others.

    Bright and dark times are exponential with these means. `background` photons a pulse come at any delay. With
    `early_ns` one photon of each pair has that lifetime, as a biexciton has. The second channel lags by `zero_periods`.
    """
    tick_ps = 50.0
    double = 0.5 * ratio * brightness**2
    single = brightness - 2 * double
    fate = rng.random(pulses)
    twos, ones = np.flatnonzero(fate < double), np.flatnonzero((fate >= double) & (fate < double + single))
    if on_pulses is not None and off_pulses is not None:
        bright = _bright(rng, pulses, on_pulses, off_pulses)
        ones, twos = ones[bright(ones)], twos[bright(twos)]
    first = rng.exponential(lifetime_ns if early_ns is None else early_ns, len(twos))
    dark = rng.poisson(background * pulses)
    times = np.concatenate([ones, twos, twos, rng.integers(0, pulses, dark)])
    delays = np.concatenate(
        [
            rng.exponential(lifetime_ns, len(ones)),
            first,
            rng.exponential(lifetime_ns, len(twos)),
            rng.random(dark) * period_ns,
        ]
    )
    channels = rng.integers(0, 2, len(times)).astype(np.uint8)
    delays = np.where(np.arange(len(times)) < len(times) - dark, delays + 0.1 * period_ns, delays)
    late = (delays // period_ns).astype(np.int64)
    times, delays = times + late + zero_periods * channels.astype(np.int64), delays - late * period_ns
    order = np.lexsort((delays, times))
    ticks = (delays[order] * 1e3 / tick_ps).astype(np.uint32)
    records = Records(times=times[order], channels=channels[order], delays=ticks)
    return in_memory(records, mode="T3", tick_ps=tick_ps, sync_period_ps=period_ns * 1e3)


def _bright(rng: np.random.Generator, pulses: int, on: float, off: float):
    """Return a function of pulse numbers: whether the emitter is bright there; begins in either state."""
    turns = int(3 * pulses / (on + off)) + 100
    dwell = np.stack([rng.exponential(on, turns), rng.exponential(off, turns)], axis=1).ravel()
    start = int(rng.random() < off / (on + off))
    edges = np.cumsum(dwell[start:])
    return lambda times: (np.searchsorted(edges, times) + start) % 2 == 0


def comb_histogram(
    rng: np.random.Generator,
    *,
    ratio: float,
    side: float,
    lifetimes_ns: tuple[float, ...] = (30.0,),
    shares: tuple[float, ...] = (1.0,),
    flat: float = 0.0,
    period_ns: float = 100.0,
    sides: int = 5,
    bin_width_ns: float = 1.0,
    spikes: tuple[float, float] = (0.0, 0.0),
) -> PairHistogram:
    """Draw the pairs of overlapping peaks: `side` pairs a side peak, `flat` a period, `spikes` (lag, pairs)."""
    reach = (sides + 0.5) * period_ns
    lags = [rng.uniform(-reach, reach, rng.poisson(flat * (2 * sides + 1)))]
    for order in range(-sides - 8, sides + 9):
        n = rng.poisson(side * (ratio if order == 0 else 1.0))
        tau = rng.choice(lifetimes_ns, n, p=shares)
        lags.append(order * period_ns + rng.laplace(0.0, tau) + rng.normal(0.0, 0.4, n))
    n = rng.poisson(spikes[1])
    lags.append(spikes[0] * rng.choice([-1.0, 1.0], n) + rng.normal(0.0, 0.4, n))
    edges = np.arange(-reach, reach + 0.5 * bin_width_ns, bin_width_ns)
    counts = np.histogram(np.concatenate(lags), edges)[0]
    return PairHistogram(
        counts=counts, bin_width_ns=bin_width_ns, first_lag_ns=float(edges[0] + 0.5 * bin_width_ns), period_ns=period_ns
    )


def dip_histogram(
    rng: np.random.Generator,
    *,
    ratio: float,
    level: float,
    rise_ns: float = 20.0,
    shoulder: float = 0.0,
    shoulder_ns: float = 100.0,
    zero_ns: float = 0.0,
    window_ns: float = 400.0,
    bin_width_ns: float = 1.0,
) -> PairHistogram:
    """Draw the pairs of an emitter under continuous light: `level` pairs a bin at long lags."""
    lag = np.arange(-window_ns, window_ns + 0.5 * bin_width_ns, bin_width_ns)
    away = np.abs(lag - zero_ns)
    shape = 1 + shoulder * np.exp(-away / shoulder_ns) - (1 + shoulder) * (1 - ratio) * np.exp(-away / rise_ns)
    return PairHistogram(counts=rng.poisson(level * shape), bin_width_ns=bin_width_ns, first_lag_ns=-window_ns)
