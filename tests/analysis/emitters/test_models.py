"""What the hypotheses predict, against exact rate models."""

import numpy as np
import pytest

from qdmol import rates
from qdmol.analysis.emitters.models import MODELS, Draw, Expectation, Use, likelihood_of, parameters, yield_reference
from qdmol.analysis.emitters.observations import Observations, Strata
from qdmol.analysis.emitters.shapes import alone
from qdmol.analysis.emitters.values import Monomer
from qdmol.estimates import Estimate

TAU, PERIOD = 20.0, 2000.0


def emitter(yield_ratio):
    return rates.biexciton_cascade(exciton_rate=1.0 / TAU, biexciton_yield=yield_ratio)


def observed(*, levels=1, bunching=1.0, background=0.0, centre=100.0):
    return Observations(
        strata=Strata(
            centre=np.full((levels, 1), centre),
            sides=np.zeros((levels, 1)),
            poisson=np.full(levels, 100.0),
            side_peaks=10,
            rate_hz=np.linspace(0.5, 1.0, levels) * 1e5 if levels > 1 else np.array([1e5]),
            fraction=np.full(levels, 1.0 / levels),
            segments=np.ones(levels, dtype=np.int64),
            lifetime_ns=np.full(levels, np.nan),
            lifetime_error_ns=np.full(levels, np.nan),
            measured_bunching=bunching,
        ),
        shapes=(alone(1.0 - background),),
        background_hz=np.array([1e5 * background]),
        period_s=1e-7,
        photons=100_000,
        poisson=100.0 * levels,
    )


def expected_g2(seen, *, yields=0.0, q=0.0, quenching=1.0, together=False, number=2):
    one = np.ones(1)
    draw = Draw(
        yields=yields * one,
        beta=4.0 * one,
        q=q * one,
        cubes=one,
        share=0.5 * one,
        kappa=0.0 * one,
        level=0.0 * one,
        quenching=quenching * one,
        node=np.zeros(1, dtype=np.int64),
        stray=0.0 * one,
        number=np.array([number]),
        spread=0.0 * one,
    )
    expectation = Expectation(seen)
    pairs = expectation.pairs(seen.top, draw, draw.q, expectation.shapes(draw, seen.top), together=together)
    return float(pairs.sum()) / seen.strata.poisson[seen.top]


@pytest.mark.parametrize("yield_ratio", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_independent_emitters_as_the_rate_model(yield_ratio, number):
    source = rates.identical(emitter(yield_ratio), number) if number > 1 else emitter(yield_ratio)
    exact = source.pulsed(period_ns=PERIOD, excitons=1e-4).g2(pulses_apart=[1]).centre
    assert expected_g2(observed(), yields=yield_ratio, q=1.0 - 1.0 / number) == pytest.approx(exact, rel=2e-3)


@pytest.mark.parametrize("annihilation", [0.5, 10.0, 60.0])
def test_annihilation_as_the_rate_model(annihilation):
    source = rates.annihilating_pair(emitter(0.1), emitter(0.1), annihilation_rate=annihilation / TAU)
    pulsed = source.pulsed(period_ns=PERIOD, excitons=1e-4)
    quenching = 1.0 + 0.5 * annihilation
    assert expected_g2(observed(), yields=0.1, q=0.5, quenching=quenching) == pytest.approx(
        pulsed.g2(pulses_apart=[1]).centre, rel=2e-3
    )
    # delays of the earlier photon: tau / (2 r) for the two excitons, and the biexciton's lifetime
    edges = np.concatenate([np.linspace(0.0, 20.0, 81), [PERIOD]])
    joint = pulsed.pair_delays(edges)
    earlier = np.array([joint[k, k:].sum() + joint[k:, k].sum() - joint[k, k] for k in range(len(joint))])
    parts = [(0.5 / quenching, TAU / (2.0 * quenching)), (0.05, 0.1 * TAU / 4.0)]
    survival = sum(weight * np.exp(-edges / lifetime) for weight, lifetime in parts)
    np.testing.assert_allclose(earlier / earlier.sum(), -np.diff(survival) / survival[0], atol=2e-3)


@pytest.mark.parametrize(("excitons", "change"), [(0.02, 0.05), (0.1, 0.15), (0.5, 0.45)])
def test_how_much_strong_pulses_change(excitons, change):
    """Predictions are those of weak pulses: with half an exciton a pulse more pairs come from three excitons."""
    pair = rates.independent(emitter(0.1), emitter(0.1)).pulsed(period_ns=PERIOD, excitons=excitons)
    assert pair.g2(pulses_apart=[1]).centre == pytest.approx(0.55, rel=0.03)
    coupled = rates.annihilating_pair(emitter(0.1), emitter(0.1), annihilation_rate=10.0 / TAU)
    assert coupled.pulsed(period_ns=PERIOD, excitons=excitons).g2(pulses_apart=[1]).centre == pytest.approx(
        0.1333, rel=change
    )


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.8, 0.2), (0.5, 0.3, 0.2)])
def test_blinking_drops_out_of_the_effective_number(shares):
    """Independent blinking raises the pairs of neighbouring pulses and leaves those of one pulse."""
    p = np.array(shares)
    q = 1.0 - (p**2).sum()
    own = 3.0  # mean square of each emitter's intensity over the square of its mean
    bunching = q + own * (p**2).sum()
    assert expected_g2(observed(bunching=bunching), q=q) == pytest.approx(q)
    assert expected_g2(observed(bunching=bunching), q=q, together=True) == pytest.approx(q * bunching)
    # of biexcitons there are as many more as the emitters blink
    with_biexcitons = expected_g2(observed(bunching=bunching), q=q, yields=0.1)
    assert with_biexcitons == pytest.approx(q + 0.1 * own * (p**2).sum())


def test_background_fills_the_centre():
    share = 0.8
    seen = observed(background=1.0 - share)
    assert expected_g2(seen, yields=0.1) == pytest.approx(share**2 * 0.1 + 1.0 - share**2, rel=1e-6)


def test_priors_are_those_stated():
    seen = observed(levels=2)
    rng = np.random.default_rng(1)
    for model in MODELS:
        draw = parameters(model, rng.standard_normal((20_000, len(model.columns(seen)))), seen, None)
        assert draw.yields.min() >= 1e-6
        assert draw.yields.max() <= 1.0
        assert np.mean(draw.yields < 0.0029) == pytest.approx(0.1 if model.several else 0.05, abs=0.01)
        high = 0.9 * np.log(2.0) / np.log(1 / 0.003)
        high = high if model.several else 0.25 + 0.5 * high
        assert np.mean(draw.yields > 0.5) == pytest.approx(high, abs=0.02)
        if model.annihilating:
            low, middle, high = np.quantile(2.0 * (draw.quenching - 1.0), [0.0, 0.5, 1.0])
            assert 1.0 <= low < high <= 100.0
            assert middle == pytest.approx(10.0, rel=0.1)
        if model.many:
            for number in (3, 4, 10):
                assert np.mean(draw.number == number) == pytest.approx(2.0 / (number * (number - 1)), abs=0.01)
            equal = draw.spread == 0.0
            assert equal.mean() == pytest.approx(0.5, abs=0.02)
            np.testing.assert_allclose(draw.q[equal], 1.0 - 1.0 / draw.number[equal])
        elif model.several:
            ratio = draw.share / (1.0 - draw.share)
            assert np.mean(ratio > 3.0) == pytest.approx(0.17, abs=0.02)


def test_reference_of_single_emitters_narrows_the_yields():
    monomer = Monomer(("a", "b"), (Estimate(0.1, 0.08, 0.12), Estimate(0.1, 0.08, 0.12)))
    mean, scatter = yield_reference(monomer)
    assert mean == pytest.approx(0.1)
    assert 0.15 < scatter < 0.3
    seen = observed()
    pair = next(model for model in MODELS if model.hypothesis == "two_independent")
    z = np.random.default_rng(2).standard_normal((20_000, len(pair.columns(seen))))
    yields = parameters(pair, z, seen, monomer).yields
    assert np.mean((yields > 0.06) & (yields < 0.16)) > 0.8


def test_likelihoods_of_an_unresolved_recording_are_finite():
    for levels in (1, 3):
        seen = observed(levels=levels, centre=0.0)
        expectation = Expectation(seen)
        for model in MODELS:
            z = np.random.default_rng(3).standard_normal((500, len(model.columns(seen))))
            assert np.isfinite(likelihood_of(model, expectation, None, Use())(z)).all()
