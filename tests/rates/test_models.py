"""Rate models as values: what they refuse, how they are saved, yields, and the states of combined sources."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from tests.rates.random_models import random_model

from qdmol.errors import InputError, SolverError
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

DECAY = Transition("X", "0", 0.05, "photon", 0.9)
LIGHT = Absorption("0", "X")
MODEL = RateModel(("0", "X"), (DECAY,), (LIGHT,))


@pytest.mark.parametrize(
    ("states", "transitions", "absorptions", "field"),
    [
        ((), (DECAY,), (), "states"),
        (tuple(f"s{k}" for k in range(1000)), (DECAY,), (), "states"),
        ("0X", (DECAY,), (), "states"),
        (("0", "X", "X"), (DECAY,), (), "states[2]"),
        (("0", "X", ""), (DECAY,), (), "states[2]"),
        (("0", "X", 3), (DECAY,), (), "states[2]"),
        (("0", "X"), (replace(DECAY, source="Y"),), (), "transitions[0].source"),
        (("0", "X"), (DECAY, replace(DECAY, target="Y")), (), "transitions[1].target"),
        (("0", "X"), (replace(DECAY, target=["0"]),), (), "transitions[0].target"),
        (("0", "X"), (replace(DECAY, rate=-0.1),), (), "transitions[0].rate"),
        (("0", "X"), (replace(DECAY, rate=float("nan")),), (), "transitions[0].rate"),
        (("0", "X"), (replace(DECAY, rate=1e300),), (), "transitions[0].rate"),
        (("0", "X"), (replace(DECAY, rate="fast"),), (), "transitions[0].rate"),
        (("0", "X"), (replace(DECAY, quantum_yield=1.1),), (), "transitions[0].quantum_yield"),
        (("0", "X"), (replace(DECAY, channel=""),), (), "transitions[0].channel"),
        (("0", "X"), (replace(DECAY, channel=1),), (), "transitions[0].channel"),
        (("0", "X"), (Transition("X", "X", 0.1), DECAY), (), "transitions[0].target"),
        (("0", "X"), (("X", "0", 0.05),), (), "transitions[0]"),
        (("0", "X"), 3, (), "transitions"),
        (("0", "X"), (DECAY,), (Absorption("0", "Y"),), "absorptions[0].target"),
        (("0", "X"), (DECAY,), (Absorption("0", "0"),), "absorptions[0].target"),
        (("0", "X"), (DECAY,), (Absorption("0", "X", -1.0),), "absorptions[0].cross_section"),
        (("0", "X"), (DECAY,), (DECAY,), "absorptions[0]"),
        (("0", "X"), (replace(DECAY, channel=None),), (LIGHT,), "transitions"),
        (("0", "X"), (replace(DECAY, quantum_yield=0.0),), (LIGHT,), "transitions"),
        (("0", "X"), (replace(DECAY, rate=0.0),), (LIGHT,), "transitions"),
        (("0", "X", "lost"), (DECAY,), (LIGHT,), "transitions"),
    ],
)
def test_an_invalid_model_is_refused(states, transitions, absorptions, field):
    with pytest.raises(InputError) as refused:
        RateModel(states, transitions, absorptions)
    assert refused.value.field == field


def test_sentences_of_a_model_without_photons_and_of_one_that_falls_apart():
    with pytest.raises(InputError, match=r"No transition of the rate model emits a photon; .*\.$"):
        RateModel(("0", "X"), (replace(DECAY, channel=None),), (LIGHT,))
    with pytest.raises(InputError, match=r"fall apart"):
        RateModel(("0", "X", "lost"), (DECAY,), (LIGHT,))


EMISSION = MODEL.pulsed(period_ns=100.0, excitons=0.1)
STEADY = MODEL.continuous(absorption_rate=0.1)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: MODEL.continuous(absorption_rate=0.0), "absorption_rate"),
        (lambda: MODEL.continuous(absorption_rate=-1.0), "absorption_rate"),
        (lambda: MODEL.pulsed(period_ns=0.0, excitons=1.0), "period_ns"),
        (lambda: MODEL.pulsed(period_ns=float("inf"), excitons=1.0), "period_ns"),
        (lambda: MODEL.pulsed(period_ns=100.0, excitons=0.0), "excitons"),
        (lambda: MODEL.pulsed(period_ns=100.0, excitons=True), "excitons"),
        (lambda: MODEL.quantum_yield("Y"), "state"),
        (lambda: MODEL.quantum_yield("0"), "state"),
        (lambda: MODEL.quantum_yield("X", "Y"), "target"),
        (lambda: MODEL.quantum_yield("X", channel="red"), "channel"),
        (lambda: MODEL.photons_from("Y"), "state"),
        (lambda: poisson_light(rate=1.0).photons_from("B"), "state"),
        (lambda: MODEL.lifetime_ns("Y"), "state"),
        (lambda: STEADY.g2([]), "lags_ns"),
        (lambda: STEADY.g2([1.0, float("nan")]), "lags_ns"),
        (lambda: STEADY.g2([[1.0]]), "lags_ns"),
        (lambda: STEADY.g2(["a"]), "lags_ns"),
        (lambda: STEADY.g2([1.0], ("red", None)), "channel"),
        (lambda: STEADY.g2([1.0], "ab"), "channels"),
        (lambda: STEADY.photon_rate("red"), "channel"),
        (lambda: EMISSION.g2(channels=("photon",)), "channels"),
        (lambda: EMISSION.g3(channels=("photon", None)), "channels"),
        (lambda: EMISSION.pair_delays([0.0, 1.0], 5), "channels"),
        (lambda: EMISSION.decay([-1.0]), "times_ns"),
        (lambda: EMISSION.decay([101.0]), "times_ns"),
        (lambda: EMISSION.decay_counts([1.0]), "edges_ns"),
        (lambda: EMISSION.decay_counts([2.0, 1.0]), "edges_ns"),
        (lambda: EMISSION.decay_counts([0.0, 101.0]), "edges_ns"),
        (lambda: EMISSION.decay_counts([0.0, 1.0], "red"), "channel"),
        (lambda: EMISSION.photons_per_pulse(gate_ns=(5.0, 5.0)), "gate_ns"),
        (lambda: EMISSION.photons_per_pulse(gate_ns=(5.0, 10.0, 15.0)), "gate_ns"),
        (lambda: EMISSION.g2([0]), "pulses_apart"),
        (lambda: EMISSION.g2([1.5]), "pulses_apart"),
        (lambda: EMISSION.g2(gate_ns=(0.0, 200.0)), "gate_ns"),
        (lambda: EMISSION.g3(("red", None, None)), "channel"),
        (lambda: EMISSION.pair_delays([0.0, 1.0], pulses_apart=-1), "pulses_apart"),
        (lambda: EMISSION.pair_delays([0.0, 1.0], pulses_apart=1.0), "pulses_apart"),
        (lambda: two_level(rate=0.0), "rate"),
        (lambda: two_level(rate=1.0, quantum_yield=2.0), "quantum_yield"),
        (lambda: three_level(rate=1.0, shelving_rate=-1.0, return_rate=1.0), "shelving_rate"),
        (lambda: three_level(rate=1.0, shelving_rate=1.0, return_rate=0.0), "return_rate"),
        (lambda: biexciton_cascade(exciton_rate=1.0, biexciton_yield=0.0), "biexciton_rate"),
        (lambda: biexciton_cascade(exciton_rate=1.0, biexciton_yield=-0.1), "biexciton_yield"),
        (lambda: biexciton_cascade(exciton_rate=1.0, biexciton_yield=0.1, highest=0), "highest"),
        (lambda: biexciton_cascade(exciton_rate=1.0, biexciton_yield=0.1, highest=2.0), "highest"),
        (lambda: blinking(MODEL, off_rate=1.0, on_rate=1.0, off_yield=0.0), "off_acceleration"),
        (lambda: blinking(MODEL, off_rate=0.0, on_rate=1.0, off_yield=0.5), "off_rate"),
        (independent, "models"),
        (lambda: independent(*[MODEL] * 12), "models"),
        (lambda: identical(MODEL, 0), "number"),
        (lambda: identical(random_model(1), 30), "models"),
        (lambda: annihilating_pair(MODEL, MODEL, annihilation_rate=-1.0), "annihilation_rate"),
        (lambda: annihilating_pair(MODEL, poisson_light(rate=1.0), annihilation_rate=1.0), "second"),
        (lambda: energy_transfer(MODEL, MODEL, rate=1.0, back_rate=-1.0), "back_rate"),
    ],
)
def test_an_invalid_number_is_refused(call, field):
    with pytest.raises(InputError) as refused:
        call()
    assert refused.value.field == field
    assert str(refused.value).endswith(".")


def test_emission_that_ends_is_refused_where_it_is_divided_by():
    """The shelving state is never left: no photons in the long run."""
    trap = RateModel(("0", "X", "S"), (DECAY, Transition("X", "S", 0.01)), (LIGHT,))
    continuous, pulsed = trap.continuous(absorption_rate=0.1), trap.pulsed(period_ns=100.0, excitons=1.0)
    np.testing.assert_allclose(continuous.steady_state, [0.0, 0.0, 1.0])
    assert pulsed.photons_per_pulse() == 0.0
    for call in (lambda: continuous.g2([1.0]), pulsed.g2, pulsed.g3):
        with pytest.raises(InputError, match="undefined: the source emits no photons"):
            call()
    with pytest.raises(InputError, match="no photons with delays from 9000 to 10000 ns"):
        MODEL.pulsed(period_ns=1e4, excitons=1e-90).g2(gate_ns=(9e3, 1e4))
    assert trap.photons_from("X") == pytest.approx(0.045 / 0.06)


def test_rates_that_vanish_in_rounding_are_refused():
    """Excited again with a probability of exp(-10⁷) only: on and off cannot be told apart by a steady state."""
    slow = blinking(MODEL, off_rate=1e-310, on_rate=1e-310, off_yield=0.5)
    with pytest.raises(SolverError, match="too slow"):
        slow.pulsed(period_ns=1e-15, excitons=0.1)


def test_a_source_without_absorption_is_dark_in_light():
    assert RateModel(("0", "X"), (DECAY,)).pulsed(period_ns=10.0, excitons=1.0).photons_per_pulse() == 0.0


def test_values_compare_pickle_and_go_through_json():
    model = blinking(
        biexciton_cascade(exciton_rate=0.05, biexciton_yield=0.2, biexciton_channel="blue"),
        off_rate=1e-6,
        on_rate=1e-5,
        off_yield=0.1,
    )
    read = RateModel.from_dict(json.loads(json.dumps(model.to_dict())))
    assert read == model == pickle.loads(pickle.dumps(model))
    assert hash(read) == hash(model)
    assert read != replace(model, absorptions=model.absorptions[:-1])
    assert model.channels == ("photon", "blue")
    with pytest.raises(AttributeError):
        model.states = ()
    with pytest.raises(ValueError, match="read-only"):
        model.generators.dark[0, 0] = 1.0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"states": None}, "states"),
        ({"transitions": [{"source": "X"}]}, "transitions[0]"),
        ({"transitions": ["X"]}, "transitions[0]"),
        ({"absorptions": [{"source": "0", "target": "X", "colour": 1}]}, "absorptions[0]"),
        ({"lifetimes": []}, "values"),
    ],
)
def test_an_invalid_dictionary_is_refused(change, field):
    with pytest.raises(InputError) as refused:
        RateModel.from_dict(MODEL.to_dict() | change)
    assert refused.value.field == field
    with pytest.raises(InputError, match="a mapping with the keys states, transitions, absorptions"):
        RateModel.from_dict(None)


def test_yields_of_states_and_transitions():
    dot = biexciton_cascade(
        exciton_rate=0.05,
        exciton_yield=0.8,
        biexciton_rate=1.0,
        biexciton_yield=0.1,
        channel="X",
        biexciton_channel="XX",
    )
    assert dot.quantum_yield("XX") == pytest.approx(0.1)
    assert dot.photons_from("XX") == pytest.approx(0.9)
    assert dot.photons_from("XX", "XX") == pytest.approx(0.1)
    assert dot.photons_from("0") == 0.0
    shelved = three_level(rate=0.06, shelving_rate=0.02, return_rate=1e-4, quantum_yield=0.5)
    assert shelved.quantum_yield("X") == pytest.approx(0.375)
    assert shelved.quantum_yield("X", "0") == pytest.approx(0.375)
    assert shelved.quantum_yield("X", "S") == 0.0
    assert shelved.quantum_yield("S") == 0.0
    assert shelved.lifetime_ns("X") == pytest.approx(12.5)
    # a background does not count
    assert independent(MODEL, poisson_light(rate=3.0)).quantum_yield("X,B") == pytest.approx(0.9)


def test_photons_from_a_state_are_those_of_its_decay():
    """A weak excitation of a shelving emitter: photons after a pulse per excited emitter, if it has time to decay."""
    model = three_level(rate=0.05, shelving_rate=0.02, return_rate=0.01, quantum_yield=0.7)
    excited = -np.expm1(-1e-3)
    photons = model.pulsed(period_ns=1e4, excitons=1e-3).photons_per_pulse()
    assert photons == pytest.approx(excited * model.photons_from("X"), rel=1e-10)


def test_names_and_numbers_of_states():
    dot = biexciton_cascade(exciton_rate=0.05, biexciton_yield=0.1, highest=4)
    assert dot.states == ("0", "X", "XX", "3X", "4X")
    assert biexciton_cascade(exciton_rate=0.05, biexciton_yield=0.1, highest=1).states == ("0", "X")
    pair = independent(MODEL, MODEL)
    assert pair.states == ("0,0", "0,X", "X,0", "X,X")
    assert identical(MODEL, 2).states == ("0,0", "0,X", "X,X")
    assert len(identical(biexciton_cascade(exciton_rate=0.05, biexciton_yield=0.1), 4).states) == 15
    assert blinking(MODEL, off_rate=1.0, on_rate=1.0, off_yield=0.5).states == ("0 on", "X on", "0 off", "X off")
    charged = shared_charging(MODEL, MODEL, charging_rate=1.0, neutralization_rate=1.0, charged_yield=0.5)
    assert charged.states[-1] == "X,X charged"
    assert len(charged.states) == 8


def test_builders_refuse_models_with_two_ways_to_a_state():
    ladder = RateModel(("0", "1", "X"), (DECAY, Transition("0", "1", 0.1)), (LIGHT, Absorption("1", "X")))
    with pytest.raises(InputError, match="one absorption at most leads to each state"):
        annihilating_pair(ladder, MODEL, annihilation_rate=1.0)
