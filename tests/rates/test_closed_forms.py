"""Answers of rate models against formulas."""

import numpy as np
import pytest
from scipy.integrate import dblquad

from qdmol.rates import (
    Absorption,
    RateModel,
    Transition,
    annihilating_pair,
    biexciton_cascade,
    blinking,
    energy_transfer,
    identical,
    independent,
    poisson_light,
    shared_charging,
    three_level,
    two_level,
)

LONG = 3000.0  # ns, a period in which every excitation of these models decays


def test_two_level_g2_is_an_exponential_dip():
    decay, absorption = 0.05, 0.02
    emission = two_level(rate=decay, quantum_yield=0.7).continuous(absorption_rate=absorption)
    lags = np.array([-60.0, -3.0, 0.0, 0.1, 1.0, 14.0, 200.0, 1e9])
    expected = 1.0 - np.exp(-(decay + absorption) * np.abs(lags))
    np.testing.assert_allclose(emission.g2(lags), expected, atol=1e-12)
    np.testing.assert_allclose(
        emission.g2(np.linspace(0, 50, 101)), 1 - np.exp(-0.07 * np.linspace(0, 50, 101)), atol=1e-12
    )
    assert emission.photon_rate() == pytest.approx(0.7 * decay * absorption / (decay + absorption), rel=1e-12)
    np.testing.assert_allclose(emission.steady_state, [decay / 0.07, absorption / 0.07], rtol=1e-12)


def test_three_level_g2_dips_and_bunches():
    """Both exponentials from the characteristic polynomial, their weights from g2(0) = 0 and the slope there."""
    k12, k21, k23, k31 = 0.03, 0.05, 0.004, 0.001
    emission = three_level(rate=k21, shelving_rate=k23, return_rate=k31).continuous(absorption_rate=k12)
    trace, product = k12 + k21 + k23 + k31, k12 * (k23 + k31) + k31 * (k21 + k23)
    root = np.sqrt(trace**2 - 4 * product)
    fast, slow = 0.5 * (trace + root), 0.5 * (trace - root)
    slope = k12 / (k12 * k31 / product)
    bunching = (slope - fast) / (fast - slow)
    lags = np.geomspace(0.01, 1e5, 40)
    expected = 1.0 - (1.0 + bunching) * np.exp(-fast * lags) + bunching * np.exp(-slow * lags)
    np.testing.assert_allclose(emission.g2(lags), expected, atol=1e-10)
    assert emission.g2(lags).max() > 2.0


# Poisson pumping at 0.01, 0.1, 0.5 and 1 excitons per pulse, for ratios of the yields of biexciton and exciton
TABLE = {
    2: {
        0.1: (0.1002, 0.1023, 0.1114, 0.1219),
        0.5: (0.4992, 0.4922, 0.4690, 0.4524),
        1.0: (0.9934, 0.9387, 0.7712, 0.6578),
    },
    16: {
        0.1: (0.1006, 0.1061, 0.1327, 0.1703),
        0.5: (0.5017, 0.5166, 0.5801, 0.6516),
        1.0: (1.0000, 1.0000, 1.0000, 1.0000),
    },
}


@pytest.mark.parametrize("exciton_yield", [1.0, 0.6])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("highest", [2, 16])
def test_biexciton_cascade_table(highest, ratio, exciton_yield):
    dot = biexciton_cascade(
        exciton_rate=0.05, exciton_yield=exciton_yield, biexciton_yield=ratio * exciton_yield, highest=highest
    )
    centres = [dot.pulsed(period_ns=LONG, excitons=mean).g2().centre for mean in (0.01, 0.1, 0.5, 1.0)]
    np.testing.assert_allclose(centres, TABLE[highest][ratio], atol=6e-5)


def test_weak_pulses_give_the_ratio_of_the_yields():
    dot = biexciton_cascade(exciton_rate=0.05, biexciton_rate=1.0, biexciton_yield=0.12, exciton_yield=0.8)
    assert dot.pulsed(period_ns=LONG, excitons=1e-6).g2().centre == pytest.approx(0.15, rel=1e-5)


@pytest.mark.parametrize("biexciton_rate", [0.9, 0.05, 0.05 * (1 + 1e-9)])  # the last two (nearly) defective
def test_decay_of_a_cascade(biexciton_rate):
    fast, slow, mean = biexciton_rate, 0.05, 0.7
    dot = biexciton_cascade(exciton_rate=slow, biexciton_rate=fast, biexciton_yield=0.3, exciton_yield=0.9)
    single, double = mean * np.exp(-mean), 1.0 - (1.0 + mean) * np.exp(-mean)
    for times in (np.linspace(0.0, 200.0, 101), np.geomspace(0.1, 300.0, 37)):
        if fast > 0.1:
            fed = fast / (slow - fast) * (np.exp(-fast * times) - np.exp(-slow * times))
        else:
            fed = slow * times * np.exp(-slow * times)
        expected = 0.9 * slow * (single * np.exp(-slow * times) + double * fed)
        expected += 0.3 * fast * double * np.exp(-fast * times)
        emission = dot.pulsed(period_ns=LONG, excitons=mean)
        np.testing.assert_allclose(emission.decay(times), expected, rtol=2e-7, atol=1e-12)
    assert emission.photons_per_pulse() == pytest.approx(0.9 * (single + double) + 0.3 * double, rel=1e-12)


def test_gated_pairs_and_delays_of_a_cascade():
    """The biexciton photon at t with rate K exp(-K t), that of the exciton afterwards with rate k exp(-k (t' - t))."""
    fast, slow, mean = 0.8, 0.05, 0.5
    dot = biexciton_cascade(exciton_rate=slow, biexciton_rate=fast, biexciton_yield=0.3, exciton_yield=0.9)
    emission = dot.pulsed(period_ns=LONG, excitons=mean)
    double = 1.0 - (1.0 + mean) * np.exp(-mean)

    def density(later: float, earlier: float) -> float:
        return 0.27 * double * fast * np.exp(-fast * earlier) * slow * np.exp(-slow * (later - earlier))

    edges = np.array([0.5, 2.0, 6.0, 20.0])
    pairs = emission.pair_delays(edges)
    for i, j in ((0, 0), (0, 1), (1, 2), (2, 2)):
        bounds = (edges[i], edges[i + 1])
        expected = dblquad(density, *bounds, lambda t, low=edges[j]: max(t, low), edges[j + 1], epsrel=1e-11)[0]
        assert pairs[i, j] == pytest.approx(expected * (2 if i == j else 1), rel=1e-8)
        assert pairs[j, i] == pytest.approx(pairs[i, j], rel=1e-12)
    g2 = emission.g2(gate_ns=(0.5, 20.0))
    assert g2.centre * g2.photons_per_pulse[0] ** 2 == pytest.approx(pairs.sum(), rel=1e-10)
    assert g2.photons_per_pulse[0] == pytest.approx(emission.photons_per_pulse(gate_ns=(0.5, 20.0)), rel=1e-12)


def test_a_late_gate_suppresses_the_biexciton_but_not_a_second_dot():
    dot = biexciton_cascade(exciton_rate=0.05, biexciton_rate=1.0, biexciton_yield=0.4)
    pulses = {"period_ns": LONG, "excitons": 0.1}
    assert dot.pulsed(**pulses).g2().centre == pytest.approx(0.4, abs=0.02)
    assert dot.pulsed(**pulses).g2(gate_ns=(6.0, LONG)).centre < 0.01
    single = biexciton_cascade(exciton_rate=0.05, biexciton_rate=1.0, biexciton_yield=0.01)
    pair = independent(single, single).pulsed(**pulses)
    assert pair.g2(gate_ns=(6.0, LONG)).centre == pytest.approx(0.5, abs=0.001)


def test_cross_correlation_of_biexciton_and_exciton_photons():
    """In continuous light the exciton photon follows that of the biexciton: bunched on one side, a dip on the other."""
    dot = biexciton_cascade(
        exciton_rate=0.05, biexciton_rate=0.2, biexciton_yield=0.5, channel="X", biexciton_channel="XX"
    )
    emission = dot.continuous(absorption_rate=0.005)
    forward, backward = emission.g2([1e-9, -1e-9], ("XX", "X"))
    exciton = emission.steady_state[1]
    assert forward == pytest.approx(1.0 / exciton, rel=1e-6)
    assert backward < 1e-6
    np.testing.assert_allclose(emission.g2([5.0, -5.0], ("XX", "X")), emission.g2([-5.0, 5.0], ("X", "XX")))
    pulsed = dot.pulsed(period_ns=LONG, excitons=0.3)
    assert pulsed.g2(channels=("X", "X")).centre < 1e-12
    double = 1.0 - 1.3 * np.exp(-0.3)
    pairs = pulsed.pair_delays([0.0, LONG], ("XX", "X"))
    assert pairs[0, 0] == pytest.approx(0.5 * double, rel=1e-10)
    assert pulsed.g2(channels=("X", "XX")).centre == pytest.approx(1.0 / (1.0 - np.exp(-0.3)), rel=1e-10)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("build", [identical, lambda model, number: independent(*[model] * number)])
def test_equal_emitters_give_one_minus_one_minus_g_over_n(build, number):
    dot = biexciton_cascade(exciton_rate=0.05, biexciton_rate=0.7, biexciton_yield=0.2)
    group = build(dot, number)
    alone, together = (model.pulsed(period_ns=60.0, excitons=0.6) for model in (dot, group))
    assert together.photons_per_pulse() == pytest.approx(number * alone.photons_per_pulse(), rel=1e-10)
    for gate in (None, (4.0, 30.0)):
        expected = 1.0 - (1.0 - alone.g2(gate_ns=gate).centre) / number
        assert together.g2(gate_ns=gate).centre == pytest.approx(expected, rel=1e-9)
    lags = np.array([0.0, 1.0, 10.0, 40.0])
    alone, together = (model.continuous(absorption_rate=0.04).g2(lags) for model in (dot, group))
    np.testing.assert_allclose(together, 1.0 - (1.0 - alone) / number, atol=1e-10)


def test_unequal_emitters_weigh_with_their_squared_shares():
    dots = [
        biexciton_cascade(exciton_rate=rate, biexciton_rate=1.0, biexciton_yield=g, exciton_yield=bright)
        for rate, g, bright in ((0.05, 0.1, 1.0), (0.03, 0.3, 0.5), (0.08, 0.05, 0.2))
    ]
    pulses = {"period_ns": 100.0, "excitons": 0.4}
    alone = [dot.pulsed(**pulses) for dot in dots]
    share = np.array([emission.photons_per_pulse() for emission in alone])
    share /= share.sum()
    expected = 1.0 - np.sum(share**2 * (1.0 - np.array([emission.g2().centre for emission in alone])))
    assert independent(*dots).pulsed(**pulses).g2().centre == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("number", [2, 3, 5])
def test_g3_of_equal_single_photon_emitters(number):
    """With at most one photon from each: E[m (m-1)(m-2)] / E[m]³ = (1 - 1/n)(1 - 2/n)."""
    group = identical(two_level(rate=0.05, quantum_yield=0.6), number)
    emission = group.pulsed(period_ns=LONG, excitons=0.5)
    assert emission.g3() == pytest.approx((1 - 1 / number) * (1 - 2 / number), abs=1e-12)


def test_poisson_light_has_no_correlation():
    light = poisson_light(rate=0.3)
    np.testing.assert_allclose(light.continuous(absorption_rate=1.0).g2([0.0, 3.0]), 1.0)
    emission = light.pulsed(period_ns=10.0, excitons=1.0)
    assert emission.photons_per_pulse() == pytest.approx(3.0)
    g2 = emission.g2([1, 7], gate_ns=(2.0, 5.0))
    np.testing.assert_allclose([g2.centre, *g2.sides, emission.g3()], 1.0)
    # the cascade without a highest state, all yields 1: a pulse emits a Poisson number of photons
    cascade = biexciton_cascade(exciton_rate=0.05, biexciton_yield=1.0, highest=20)
    assert cascade.pulsed(period_ns=LONG, excitons=1.0).g3() == pytest.approx(1.0, abs=1e-6)


def test_background_adds_to_the_centre():
    """Uncorrelated photons with the share 1 - p raise g2 to 1 - p² (1 - g)."""
    dot = two_level(rate=0.05)
    emission = independent(dot, poisson_light(rate=0.0005)).pulsed(period_ns=200.0, excitons=0.2)
    signal = dot.pulsed(period_ns=200.0, excitons=0.2).photons_per_pulse()
    share = signal / (signal + 0.1)
    assert emission.g2().centre == pytest.approx(1.0 - share**2, abs=1e-4)


def test_slow_blinking_bunches_and_decays_with_distance():
    """Telegraph signal: 1 + var(I)/mean(I)² exp(-(off_rate + on_rate) t) far from the centre."""
    off_rate, on_rate, off_yield, period = 2e-7, 1e-7, 0.2, 200.0
    dot = two_level(rate=0.05)
    source = blinking(dot, off_rate=off_rate, on_rate=on_rate, off_yield=off_yield)
    on = on_rate / (on_rate + off_rate)
    # an excitation that outlives the period would couple the pulses; the type A off state decays faster
    emission = source.pulsed(period_ns=period, excitons=0.1)
    mean, square = on + (1 - on) * off_yield, on + (1 - on) * off_yield**2
    apart = np.array([1, 10, 1000, 20000, 200000, 10**9])
    expected = 1.0 + (square / mean**2 - 1.0) * np.exp(-(off_rate + on_rate) * period * apart)
    np.testing.assert_allclose(emission.g2(apart).sides, expected, rtol=2e-4)
    assert emission.g2(apart).sides[-1] == pytest.approx(1.0, abs=1e-9)
    two = independent(source, source).pulsed(period_ns=period, excitons=0.1).g2([1])
    # blinking separately: 1 - (1 - g)/2 with g = 0 against independent photons
    assert two.centre == pytest.approx(0.5, abs=1e-3)
    assert two.against_sides == pytest.approx(0.5 / (1.0 + 0.5 * (square / mean**2 - 1.0)), rel=1e-3)
    together = shared_charging(
        dot, dot, charging_rate=off_rate, neutralization_rate=on_rate, charged_yield=off_yield
    ).pulsed(period_ns=period, excitons=0.1)
    assert together.g2([1]).sides[0] == pytest.approx(square / mean**2, rel=1e-3)
    assert together.g2([1]).against_sides == pytest.approx(0.5, rel=1e-3)


def test_both_kinds_of_blinking():
    dot = two_level(rate=0.05, quantum_yield=0.8)
    a = blinking(dot, off_rate=1e-6, on_rate=1e-6, off_yield=0.25)
    assert a.quantum_yield("X off", "0 off") == pytest.approx(0.2, rel=1e-4)
    assert a.lifetime_ns("X off") == pytest.approx(5.0, rel=1e-4)
    b = blinking(dot, off_rate=1e-6, on_rate=1e-6, off_yield=0.25, off_acceleration=1.0)
    assert b.quantum_yield("X off", "0 off") == pytest.approx(0.2, rel=1e-4)
    assert b.lifetime_ns("X off") == pytest.approx(20.0, rel=1e-4)


def test_fast_annihilation_makes_two_emitters_antibunch():
    """Two-level emitters: a second photon is emitted if the first decay wins, with probability 2k / (2k + K)."""
    decay, annihilation, mean = 0.05, 0.5, 0.3
    dot = two_level(rate=decay)
    pulses = {"period_ns": LONG, "excitons": mean}
    pair = annihilating_pair(dot, dot, annihilation_rate=annihilation).pulsed(**pulses)
    excited = 1.0 - np.exp(-mean)
    both, second = excited**2, 2 * decay / (2 * decay + annihilation)
    photons = 2 * excited * (1 - excited) + both * (1 + second)
    assert pair.photons_per_pulse() == pytest.approx(photons, rel=1e-10)
    assert pair.g2().centre == pytest.approx(2 * both * second / photons**2, rel=1e-10)
    none = annihilating_pair(dot, dot, annihilation_rate=0.0).pulsed(**pulses)
    assert none.g2().centre == pytest.approx(0.5, rel=1e-10)


def test_annihilation_of_cascades_counts_excitons():
    dot = biexciton_cascade(exciton_rate=0.05, biexciton_rate=0.5, biexciton_yield=0.1)
    pair = annihilating_pair(dot, dot, annihilation_rate=0.3)
    rates = {(t.source, t.target): t.rate for t in pair.transitions if t.channel is None}
    assert rates[("XX,X", "X,X")] == rates[("XX,X", "XX,0")] == pytest.approx(0.3)
    assert rates[("XX,XX", "XX,X")] == pytest.approx(0.6)
    assert rates[("X,X", "0,X")] == pytest.approx(0.15)
    assert not any("0" in source.split(",") for source, _ in rates)


def test_energy_transfer_divides_the_photons():
    """Donor without its own light: transfer wins with probability K / (k + K)."""
    donor, acceptor = two_level(rate=0.05, channel="donor"), two_level(rate=0.1, channel="acceptor")
    pair = energy_transfer(donor, acceptor, rate=0.15)
    assert pair.photons_from("X,0", "donor") == pytest.approx(0.25, rel=1e-12)
    assert pair.photons_from("X,0", "acceptor") == pytest.approx(0.75, rel=1e-12)
    assert pair.quantum_yield("X,0", "0,0") == pytest.approx(0.25, rel=1e-12)
    assert pair.photons_from("0,X", "donor") == 0.0


def test_back_transfer_reaches_thermal_equilibrium():
    """With both transfers faster than every decay the populations are in the Boltzmann ratio."""
    boltzmann = 0.3
    dots = [two_level(rate=1e-7, channel=name) for name in ("donor", "acceptor")]
    pair = energy_transfer(*dots, rate=1.0, back_rate=boltzmann)
    emission = pair.continuous(absorption_rate=1e-9)
    donor, acceptor = (emission.steady_state[pair.states.index(state)] for state in ("X,0", "0,X"))
    assert donor / acceptor == pytest.approx(boltzmann, rel=1e-5)
    assert emission.photon_rate("donor") / emission.photon_rate("acceptor") == pytest.approx(boltzmann, rel=0.02)


def test_detailed_balance():
    """Rates in detailed balance give the Boltzmann distribution, and g2 of a channel and back is symmetric in time."""
    rng = np.random.default_rng(2)
    energies, attempts = rng.uniform(0.0, 12.0, 5), rng.uniform(0.01, 0.1, (5, 5))
    names = tuple("abcde")
    transitions = tuple(
        Transition(names[i], names[j], (attempts[i, j] + attempts[j, i]) * np.exp(0.5 * (energies[i] - energies[j])))
        for i in range(5)
        for j in range(5)
        if i != j
    )
    # photons of both directions of one pair of states, and of one of another
    photons = (
        Transition("a", "b", 1e-3 * np.exp(0.5 * (energies[0] - energies[1])), "one"),
        Transition("b", "a", 1e-3 * np.exp(0.5 * (energies[1] - energies[0])), "one"),
        Transition("c", "d", 1e-3 * np.exp(0.5 * (energies[2] - energies[3])), "two"),
        Transition("d", "c", 1e-3 * np.exp(0.5 * (energies[3] - energies[2])), "two"),
    )
    emission = RateModel(names, transitions + photons).continuous(absorption_rate=1.0)
    boltzmann = np.exp(-energies)
    np.testing.assert_allclose(emission.steady_state, boltzmann / boltzmann.sum(), rtol=1e-12)
    lags = np.linspace(0.1, 60.0, 20)
    np.testing.assert_allclose(emission.g2(lags, ("one", "two")), emission.g2(-lags, ("one", "two")), rtol=1e-9)
    # a cycle that light drives breaks the symmetry
    driven = RateModel(names, transitions + photons, (Absorption("a", "c", 0.5), Absorption("d", "e", 0.2)))
    emission = driven.continuous(absorption_rate=1.0)
    forward, backward = (emission.g2(sign * lags, ("one", "two")) for sign in (1, -1))
    assert np.abs(forward - backward).max() > 1e-3


def test_steady_state_keeps_its_digits_over_many_orders_of_magnitude():
    """A chain of states, each left 10¹⁵ times faster than it is reached: populations in a geometric series."""
    names = tuple(f"s{k}" for k in range(5))
    transitions = []
    for k in range(4):
        transitions.append(Transition(names[k + 1], names[k], 1e5, "photon"))
        transitions.append(Transition(names[k], names[k + 1], 1e-10))
    emission = RateModel(names, tuple(transitions)).continuous(absorption_rate=1.0)
    np.testing.assert_allclose(emission.steady_state, 1e-15 ** np.arange(5.0), rtol=1e-10)


def test_statistical_scaling_of_the_biexciton():
    dot = biexciton_cascade(exciton_rate=0.05, exciton_yield=0.8, biexciton_yield=0.2, highest=3)
    # radiative 0.04 per ns times 4 over the yield
    assert 1.0 / dot.lifetime_ns("XX") == pytest.approx(0.8)
    assert 1.0 / dot.lifetime_ns("3X") == pytest.approx(1.8)
    assert dot.photons_from("XX") == pytest.approx(1.0)
    assert dot.quantum_yield("XX") == pytest.approx(0.2)
    assert np.isinf(dot.lifetime_ns("0"))
