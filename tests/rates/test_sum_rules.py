"""Identities that hold for every rate model, and different ways to one number."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.linalg import expm
from tests.rates.random_models import random_model

from qdmol.rates import RateModel, biexciton_cascade, blinking, identical, independent, poisson_light, two_level
from qdmol.rates.generators import evolved, evolved_sums

MODELS = [(seed, states) for states in (2, 3, 6, 9) for seed in (1, 2, 3)]
PAIRS = [(None, None), ("red", "green"), ("green", None)]


@pytest.fixture(params=MODELS, ids=lambda pair: f"seed {pair[0]}, {pair[1]} states")
def model(request) -> RateModel:
    return random_model(*request.param)


def test_steady_states_are_stationary(model):
    continuous = model.continuous(absorption_rate=0.2)
    matrices = model.generators
    np.testing.assert_allclose((matrices.dark + 0.2 * matrices.absorption) @ continuous.steady_state, 0.0, atol=1e-15)
    pulsed = model.pulsed(period_ns=12.0, excitons=0.7)
    after = expm(0.7 * matrices.absorption) @ pulsed.before_pulse
    np.testing.assert_allclose(pulsed.after_pulse, after, rtol=1e-12)
    np.testing.assert_allclose(expm(12.0 * matrices.dark) @ after, pulsed.before_pulse, rtol=1e-12)


def test_g2_starts_symmetric_and_ends_at_one(model):
    emission = model.continuous(absorption_rate=0.1)
    for channels in PAIRS:
        np.testing.assert_allclose(emission.g2([-1e6, 1e5, 1e12], channels), 1.0, atol=1e-12)
        lags = np.array([0.3, 2.0, 11.0])
        np.testing.assert_allclose(emission.g2(lags, channels), emission.g2(-lags, channels[::-1]), rtol=1e-12)
    rate = {channel: emission.photon_rate(channel) for channel in (None, "red", "green")}
    assert rate["red"] + rate["green"] == pytest.approx(rate[None], rel=1e-13)
    total = sum(rate[a] * rate[b] * emission.g2(lags, (a, b)) for a in ("red", "green") for b in ("red", "green"))
    np.testing.assert_allclose(total, rate[None] ** 2 * emission.g2(lags), rtol=1e-12)


def test_decay_adds_up_to_the_photons_per_pulse(model):
    emission = model.pulsed(period_ns=40.0, excitons=0.5)
    fine = np.linspace(0.0, 40.0, 4001)
    for channel in (None, "red", "green"):
        photons = emission.photons_per_pulse(channel)
        assert emission.decay_counts(np.linspace(0, 40, 81), channel).sum() == pytest.approx(photons, rel=1e-12)
        uneven = np.concatenate([[0.0], np.geomspace(1e-3, 40.0, 50)])
        assert emission.decay_counts(uneven, channel).sum() == pytest.approx(photons, rel=1e-10)
        curve = emission.decay(fine, channel)
        simpson = (curve[:-2:2] + 4 * curve[1:-1:2] + curve[2::2]).sum() * 0.01 / 3
        assert simpson == pytest.approx(photons, rel=1e-9)
        assert emission.photon_rate(channel) == pytest.approx(photons / 40.0, rel=1e-14)
        np.testing.assert_allclose(emission.decay(fine[[5, 900, 17]], channel), curve[[5, 900, 17]], rtol=1e-9)
        np.testing.assert_allclose(emission.decay(uneven, channel)[::7], np.interp(uneven, fine, curve)[::7], rtol=1e-4)


@pytest.mark.parametrize("channels", PAIRS)
def test_pair_delays_add_up_to_the_peaks(model, channels):
    emission = model.pulsed(period_ns=30.0, excitons=0.5)
    g2 = emission.g2([1, 4, -4], channels)
    product = g2.photons_per_pulse[0] * g2.photons_per_pulse[1]
    for edges in (np.linspace(0.0, 30.0, 31), np.concatenate([[0.0], np.geomspace(0.1, 30.0, 12)])):
        pairs = emission.pair_delays(edges, channels)
        assert pairs.sum() == pytest.approx(g2.centre * product, rel=1e-11)
        np.testing.assert_allclose(emission.pair_delays(edges, channels[::-1]), pairs.T, rtol=1e-11)
        for side, apart in ((0, 1), (1, 4)):
            pairs = emission.pair_delays(edges, channels, pulses_apart=apart)
            assert pairs.sum() == pytest.approx(g2.sides[side] * product, rel=1e-11)
        pairs = emission.pair_delays(edges, channels[::-1], pulses_apart=4)
        assert pairs.sum() == pytest.approx(g2.sides[2] * product, rel=1e-11)
    counts = [emission.decay_counts(edges, channel) for channel in channels]
    np.testing.assert_allclose(emission.pair_delays(edges, channels, pulses_apart=10**9), np.outer(*counts), rtol=1e-9)
    gate = (2.0, 21.0)
    gated = emission.g2([1, 4, -4, 10**12], channels, gate_ns=gate)
    product = gated.photons_per_pulse[0] * gated.photons_per_pulse[1]
    edges = np.linspace(*gate, 20)
    assert emission.pair_delays(edges, channels).sum() == pytest.approx(gated.centre * product, rel=1e-11)
    pairs = emission.pair_delays(edges, channels, pulses_apart=4)
    assert pairs.sum() == pytest.approx(gated.sides[1] * product, rel=1e-11)
    assert gated.sides[-1] == pytest.approx(1.0, abs=1e-12)
    assert g2.against_sides == pytest.approx(g2.centre / g2.sides.mean())


def test_g3_of_channels_adds_up_to_that_of_all_photons(model):
    emission = model.pulsed(period_ns=30.0, excitons=0.9)
    names = ("red", "green")
    for gate in (None, (1.0, 18.0)):
        photons = {name: emission.photons_per_pulse(name, gate_ns=gate) for name in (None, *names)}
        triples = sum(
            emission.g3((a, b, c), gate_ns=gate) * photons[a] * photons[b] * photons[c]
            for a in names
            for b in names
            for c in names
        )
        order = emission.g3(("red", "green", "red"), gate_ns=gate)
        assert order == pytest.approx(emission.g3(("green", "red", "red"), gate_ns=gate), rel=1e-12)
        assert triples == pytest.approx(emission.g3(gate_ns=gate) * photons[None] ** 3, rel=1e-11)


def test_short_periods_become_continuous_light(model):
    """Weak pulses at intervals far below every lifetime."""
    period = 1e-3
    pulsed, continuous = (
        model.pulsed(period_ns=period, excitons=0.2 * period),
        model.continuous(absorption_rate=0.2),
    )
    np.testing.assert_allclose(pulsed.before_pulse, continuous.steady_state, rtol=2e-3)
    apart = np.array([500, 3000, 20000])
    np.testing.assert_allclose(pulsed.g2(apart).sides, continuous.g2(apart * period), rtol=2e-3)
    assert pulsed.g2().centre == pytest.approx(continuous.g2([0.0])[0], rel=2e-3)


def test_detection_cancels_in_g2_and_g3():
    full, dim = (
        blinking(
            biexciton_cascade(
                exciton_rate=0.05, biexciton_rate=0.8, biexciton_yield=0.2 * seen, exciton_yield=0.9 * seen, highest=3
            ),
            off_rate=1e-4,
            on_rate=2e-4,
            off_yield=0.3,
            off_acceleration=3.0,
        ).pulsed(period_ns=90.0, excitons=0.7)
        for seen in (1.0, 0.03)
    )
    assert dim.photons_per_pulse() == pytest.approx(0.03 * full.photons_per_pulse(), rel=1e-12)
    assert dim.g3() == pytest.approx(full.g3(), rel=1e-11)
    np.testing.assert_allclose(
        [dim.g2().centre, *dim.g2([1, 20]).sides], [full.g2().centre, *full.g2([1, 20]).sides], rtol=1e-11
    )


def test_identical_sources_are_independent_sources():
    source = blinking(
        biexciton_cascade(exciton_rate=0.05, biexciton_rate=0.8, biexciton_yield=0.2),
        off_rate=1e-3,
        on_rate=2e-3,
        off_yield=0.3,
    )
    lumped, full = identical(source, 2), independent(source, source)
    assert (len(lumped.states), len(full.states)) == (21, 36)
    a, b = (model.pulsed(period_ns=50.0, excitons=0.7) for model in (lumped, full))
    np.testing.assert_allclose(a.decay(np.linspace(0, 50, 9)), b.decay(np.linspace(0, 50, 9)), rtol=1e-11)
    np.testing.assert_allclose(a.pair_delays([0, 3, 9, 50]), b.pair_delays([0, 3, 9, 50]), rtol=1e-11)
    assert a.g3() == pytest.approx(b.g3(), rel=1e-11)
    np.testing.assert_allclose(a.g2([1, 30]).sides, b.g2([1, 30]).sides, rtol=1e-11)
    lags = np.geomspace(0.1, 1e4, 15)
    a, b = (model.continuous(absorption_rate=0.03).g2(lags) for model in (lumped, full))
    np.testing.assert_allclose(a, b, rtol=1e-9)


def test_periods_of_many_lifetimes_lose_no_digits():
    """On and off last for seconds, a biexciton for a femtosecond: 15 orders of magnitude."""
    dot = biexciton_cascade(exciton_rate=1.0, biexciton_rate=1e6, biexciton_yield=0.1)
    source = blinking(dot, off_rate=1e-9, on_rate=2e-9, off_yield=0.3)
    expected = source.pulsed(period_ns=1e2, excitons=1.0).g2().centre
    for period in (1e4, 1e6, 1e8):
        emission = source.pulsed(period_ns=period, excitons=1.0)
        g2 = emission.g2([1, int(1e10 / period), 10**12])
        assert g2.centre == pytest.approx(expected, rel=1e-10)
        assert g2.sides[-1] == pytest.approx(1.0, abs=1e-12)
        share, square = 2 / 3 + 0.3 / 3, 2 / 3 + 0.09 / 3
        bunching = (square / share**2 - 1.0) * np.exp(-3e-9 * 1e10)
        assert g2.sides[1] - 1.0 == pytest.approx(bunching, rel=1e-3)


def test_long_lags_of_fast_decays_lose_no_digits():
    """Bunching by blinking within seconds, beside decays within picoseconds and femtoseconds."""
    curves = []
    for rate in (1.0, 1e3, 1e6):
        source = blinking(two_level(rate=rate), off_rate=1e-9, on_rate=2e-9, off_yield=0.3)
        emission = source.continuous(absorption_rate=1e-3 * rate)
        curves.append(emission.g2([1e6, 1e8, 3e8, 1e9, 1e10, 1e15]))
    np.testing.assert_allclose(curves[0], curves[2], rtol=1e-6)
    np.testing.assert_allclose(curves[1], curves[2], rtol=1e-6)
    assert curves[0][0] > 1.1


@pytest.mark.parametrize("defective", [False, True])
def test_all_ways_to_evolve_agree(defective):
    """Even steps by squaring, uneven ones by eigenvectors, and by exponentials where there are too few eigenvectors."""
    rates = np.array([[0.0, 0.3, 0.0], [0.0, -0.3, 0.3 if defective else 0.8], [0.0, 0.0, -0.3 if defective else -0.8]])
    start, row = np.array([0.0, 0.1, 0.9]), np.array([0.0, 0.2, 0.7])
    uneven = np.array([7.0, 0.0, 0.4, 0.41, 100.0])
    expected = np.transpose([expm(rates * time) @ start for time in uneven])
    np.testing.assert_allclose(evolved(rates, start, uneven), expected, atol=1e-13)
    even = np.linspace(0.5, 30.0, 60)
    expected = np.transpose([expm(rates * time) @ start for time in even])
    np.testing.assert_allclose(evolved(rates, start, even), expected, atol=1e-13)
    edges = np.array([0.0, 0.2, 1.0, 1.1, 6.0, 50.0])
    fine = [np.linspace(low, high, 2001) for low, high in pairwise(edges)]
    sums = [np.trapezoid(row @ evolved(rates, start, times), times) for times in fine]
    np.testing.assert_allclose(evolved_sums(rates, row, start, edges), sums, rtol=1e-4)


def test_background_beside_a_dot_in_its_own_channel():
    source = independent(two_level(rate=0.05, channel="dot"), poisson_light(rate=0.01, channel="background"))
    emission = source.pulsed(period_ns=80.0, excitons=0.5)
    assert emission.photons_per_pulse("background") == pytest.approx(0.8, rel=1e-12)
    assert emission.g2(channels=("dot", "background")).centre == pytest.approx(1.0, rel=1e-12)
    assert emission.g2(channels=("background", "background")).centre == pytest.approx(1.0, rel=1e-12)
