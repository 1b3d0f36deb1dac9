"""Exact answers against photons drawn one by one from random models."""

import numpy as np
import pytest
from tests.rates.random_models import Photons, Walkers, agree, random_model

from qdmol.rates import RateModel

CHANNELS = (None, "red", "green")


def of_channel(walkers: Walkers, photons: Photons, channel: str | None) -> np.ndarray:
    if channel is None:
        return np.ones(len(photons.time), dtype=bool)
    return photons.channel == walkers.names.index(channel)


def pair_lags(walkers: Walkers, photons: Photons, first: str | None, second: str | None, longest: float):
    """Copy and lag of all ordered pairs of different photons up to `longest`."""
    is_first, is_second = of_channel(walkers, photons, first), of_channel(walkers, photons, second)
    copies, lags = [], []
    for k in range(1, len(photons.time)):
        lag = photons.time[k:] - photons.time[:-k]
        near = (photons.copy[k:] == photons.copy[:-k]) & (lag < longest)
        if not near.any():
            break
        chosen = near & is_first[:-k] & is_second[k:]
        copies.append(photons.copy[:-k][chosen])
        lags.append(lag[chosen])
    return np.concatenate(copies), np.concatenate(lags)


@pytest.mark.parametrize("channels", [(None, None), ("red", "green"), ("green", "red")])
def test_continuous_g2_of_a_random_model(channels):
    model, copies, duration = random_model(11), 3000, 300.0
    walkers = Walkers(model, copies, np.random.default_rng(5), light=0.05)
    walkers.run(300.0)  # into the steady state
    photons = walkers.run(duration)
    edges = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    copy, lag = pair_lags(walkers, photons, *channels, edges[-1])
    counted = np.histogram2d(copy, lag, bins=(np.arange(copies + 1), edges))[0]

    emission = model.continuous(absorption_rate=0.05)
    fine = np.linspace(0.0, edges[-1], 3201)
    # a window of finite length has fewer pairs of long lag
    density = emission.g2(fine, channels) * (duration - fine)
    cumulated = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(fine))])
    rates = emission.photon_rate(channels[0]) * emission.photon_rate(channels[1])
    agree(counted, rates * np.diff(np.interp(edges, fine, cumulated)))

    for channel in CHANNELS:
        number = np.bincount(photons.copy[of_channel(walkers, photons, channel)], minlength=copies)
        agree(number, np.array([emission.photon_rate(channel) * duration]))


PERIOD, MEAN, PULSES, COPIES = 25.0, 0.8, 12, 20000


@pytest.fixture(scope="module")
def pulsed() -> tuple[RateModel, Walkers, list[Photons]]:
    model = random_model(23)
    walkers = Walkers(model, COPIES, np.random.default_rng(8))
    photons = []
    for _ in range(PULSES + 4):
        walkers.pulse(MEAN)
        photons.append(walkers.run(PERIOD))
    return model, walkers, photons[4:]


def counts(walkers: Walkers, photons: list[Photons], channel: str | None, edges: np.ndarray) -> np.ndarray:
    """Numbers (pulses, copies, bins) of photons by delay."""
    numbers = []
    for after in photons:
        chosen = of_channel(walkers, after, channel)
        bins = (np.arange(COPIES + 1), edges)
        numbers.append(np.histogram2d(after.copy[chosen], after.time[chosen], bins=bins)[0])
    return np.array(numbers)


def test_decay_of_a_random_model(pulsed):
    model, walkers, photons = pulsed
    edges = np.array([0.0, 1.0, 2.0, 4.0, 7.0, 12.0, 18.0, 25.0])
    emission = model.pulsed(period_ns=PERIOD, excitons=MEAN)
    for channel in CHANNELS:
        measured = counts(walkers, photons, channel, edges).mean(axis=0)
        agree(measured, emission.decay_counts(edges, channel))


@pytest.mark.parametrize("gate", [(0.0, PERIOD), (3.0, 15.0)])
@pytest.mark.parametrize("channels", [(None, None), ("red", "green"), ("red", None)])
def test_pulsed_g2_of_a_random_model(pulsed, channels, gate):
    model, walkers, photons = pulsed
    first, second = (counts(walkers, photons, channel, np.array(gate))[..., 0] for channel in channels)
    # a photon is no pair with itself; those of the first channel are among those of the second, or none is
    same = 0.0 if channels == ("red", "green") else first
    g2 = model.pulsed(period_ns=PERIOD, excitons=MEAN).g2([1, 2, 5, -3], channels, gate_ns=gate)
    product = g2.photons_per_pulse[0] * g2.photons_per_pulse[1]
    measured = [(first * second - same).mean(axis=0)]
    measured += [(first[:-n] * second[n:]).mean(axis=0) for n in (1, 2, 5)]
    measured += [(first[3:] * second[:-3]).mean(axis=0)]
    agree(np.transpose(measured), product * np.array([g2.centre, *g2.sides]))


@pytest.mark.parametrize("channels", [(None, None), ("red", "green"), ("green", "red")])
def test_pair_delays_of_a_random_model(pulsed, channels):
    model, walkers, photons = pulsed
    edges = np.array([0.5, 2.0, 5.0, 11.0, 25.0])
    emission = model.pulsed(period_ns=PERIOD, excitons=MEAN)
    first, second = (counts(walkers, photons, channel, edges) for channel in channels)
    same = np.einsum("pcb,bd->pcbd", first, np.eye(4)) if channels[0] == channels[1] else 0.0
    measured = (np.einsum("pcb,pcd->pcbd", first, second) - same).mean(axis=0)
    if channels[0] == channels[1]:  # the matrix is symmetric
        rows, columns = np.triu_indices(4)
        agree(measured[:, rows, columns], emission.pair_delays(edges, channels)[rows, columns])
    else:
        agree(measured, emission.pair_delays(edges, channels))
    measured = np.einsum("pcb,pcd->pcbd", first[:-2], second[2:]).mean(axis=0)
    agree(measured, emission.pair_delays(edges, channels, pulses_apart=2))


@pytest.mark.parametrize("gate", [(0.0, PERIOD), (2.0, 20.0)])
def test_g3_of_a_random_model(pulsed, gate):
    model, walkers, photons = pulsed
    emission = model.pulsed(period_ns=PERIOD, excitons=MEAN)
    total, red, green = (counts(walkers, photons, channel, np.array(gate))[..., 0] for channel in CHANNELS)
    mean = [emission.photons_per_pulse(channel, gate_ns=gate) for channel in CHANNELS]
    measured = [(total * (total - 1) * (total - 2)).mean(axis=0), (red * (red - 1) * green).mean(axis=0)]
    expected = [emission.g3(gate_ns=gate) * mean[0] ** 3]
    expected.append(emission.g3(("red", "green", "red"), gate_ns=gate) * mean[1] ** 2 * mean[2])
    agree(np.transpose(measured), np.array(expected))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_many_random_models(seed):
    """Photons per pulse, centre, side peak and g3, and g2 in continuous light, of models of two to eight states."""
    rng = np.random.default_rng(seed)
    model = random_model(seed, int(rng.integers(2, 9)))
    period, mean, light = rng.uniform(5.0, 60.0), rng.uniform(0.1, 1.5), 10.0 ** rng.uniform(-2.0, -0.5)
    emission = model.pulsed(period_ns=period, excitons=mean)
    walkers = Walkers(model, 100_000, rng)
    numbers = []
    for _ in range(10):
        walkers.pulse(mean)
        photons = walkers.run(period)
        numbers.append(np.bincount(photons.copy, minlength=100_000))
    earlier, m = numbers[-2:]
    photons = emission.photons_per_pulse()
    g2 = emission.g2([1])
    expected = [photons, g2.centre * photons**2, g2.sides[0] * photons**2, emission.g3() * photons**3]
    agree(np.transpose([m, m * (m - 1), earlier * m, m * (m - 1) * (m - 2)]), np.array(expected))

    walkers = Walkers(model, 20_000, rng, light=light)
    walkers.run(400.0)
    photons = walkers.run(100.0)
    edges = np.array([0.0, 1.0, 3.0, 9.0, 27.0])
    copy, lag = pair_lags(walkers, photons, None, None, edges[-1])
    counted = np.histogram2d(copy, lag, bins=(np.arange(20_001), edges))[0]
    fine = np.linspace(0.0, edges[-1], 2701)
    steady = model.continuous(absorption_rate=light)
    density = steady.g2(fine) * (100.0 - fine) * steady.photon_rate() ** 2
    cumulated = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(fine))])
    agree(counted, np.diff(np.interp(edges, fine, cumulated)))
