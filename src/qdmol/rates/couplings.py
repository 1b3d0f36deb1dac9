"""Rate models of several emitters: independent, identical, or coupled by annihilation, transfer or a shared charge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations_with_replacement
from math import comb
from typing import TypeVar

from qdmol.errors import InputError
from qdmol.rates.checking import positive_rate, rate as checked_rate, whole
from qdmol.rates.emitters import blinking
from qdmol.rates.model import MOST_STATES, Absorption, RateModel, Transition

_Move = TypeVar("_Move", Transition, Absorption)


def independent(*models: RateModel) -> RateModel:
    """Several sources that do not know of each other, seen together.

    States are the combinations of their states, "X,0" for two; channels of the same name are one channel. The
    excitation of the combined model acts on every source with the cross-sections of its own model. For n sources with
    the fractions p_i of the photons, g2 = 1 - Σ p_i² (1 - g2_i).

    Raises
    ------
    InputError
        There is no model, or there are more states than a model can have. For equal sources see `identical`.
    """
    if not models:
        raise InputError(field="models", value=0, allowed="at least one rate model")
    combined = models[0]
    for model in models[1:]:
        _check_size(len(combined.states) * len(model.states))
        combined = RateModel(
            tuple(f"{a},{b}" for a in combined.states for b in model.states),
            tuple(_side_by_side(combined, model, combined.transitions, model.transitions)),
            tuple(_side_by_side(combined, model, combined.absorptions, model.absorptions)),
        )
    return combined


def _side_by_side(
    first: RateModel, second: RateModel, of_first: tuple[_Move, ...], of_second: tuple[_Move, ...]
) -> Iterator[_Move]:
    """Transitions of two models in the combinations of their states."""
    for move in of_first:
        for state in second.states:
            yield replace(move, source=f"{move.source},{state}", target=f"{move.target},{state}")
    for move in of_second:
        for state in first.states:
            yield replace(move, source=f"{state},{move.source}", target=f"{state},{move.target}")


def identical(model: RateModel, number: int) -> RateModel:
    """`number` equal sources that do not know of each other; gives what `independent` gives, with fewer states.

    States say which states are occupied but not by which source, "0,0,X" for three: 15 instead of 81 for four sources
    of three states.

    Raises
    ------
    InputError
        The number is not a whole number above 0, or there are more states than a model can have.
    """
    number = whole("number", number, 1, MOST_STATES)
    _check_size(comb(number + len(model.states) - 1, number))
    order = {state: k for k, state in enumerate(model.states)}
    occupations = list(combinations_with_replacement(model.states, number))

    def moved(occupation: tuple[str, ...], source: str, target: str) -> str:
        left = list(occupation)
        left.remove(source)
        return ",".join(sorted([*left, target], key=order.__getitem__))

    transitions: list[Transition] = []
    absorptions: list[Absorption] = []
    for occupation in occupations:
        name, counts = ",".join(occupation), Counter(occupation)
        for transition in model.transitions:
            if count := counts[transition.source]:
                target = moved(occupation, transition.source, transition.target)
                transitions.append(replace(transition, source=name, target=target, rate=count * transition.rate))
        for driven in model.absorptions:
            if count := counts[driven.source]:
                target = moved(occupation, driven.source, driven.target)
                cross_section = count * driven.cross_section
                absorptions.append(replace(driven, source=name, target=target, cross_section=cross_section))
    return RateModel(tuple(",".join(o) for o in occupations), tuple(transitions), tuple(absorptions))


def annihilating_pair(first: RateModel, second: RateModel, *, annihilation_rate: float) -> RateModel:
    """Two emitters in which an exciton disappears if both are excited.

    Exciton-exciton annihilation: one exciton gives its energy to the other, which loses it as heat. The rate is that
    for one exciton in each emitter, and grows with the product of the numbers of excitons; either emitter loses its
    exciton with equal probability. Such a pair antibunches like a single emitter (Lv et al., *Nat. Commun.* 2018,
    PMC5906464, for clusters of nanocrystals). States are those of `independent`.

    Parameters
    ----------
    first, second
        The emitters. The number of excitons in a state is the number of absorptions that lead to it.
    annihilation_rate
        Rate (1/ns).

    Raises
    ------
    InputError
        The rate is negative, or it is not unique which state an emitter returns to.
    """
    rate = checked_rate("annihilation_rate", annihilation_rate)
    below = _below("first", first), _below("second", second)
    excitons = _excitons(first, below[0]), _excitons(second, below[1])
    lost: list[Transition] = []
    for a, source_a in below[0].items():
        for b, source_b in below[1].items():
            half = 0.5 * rate * excitons[0][a] * excitons[1][b]
            lost.append(Transition(f"{a},{b}", f"{source_a},{b}", half))
            lost.append(Transition(f"{a},{b}", f"{a},{source_b}", half))
    return _with_transitions(independent(first, second), lost)


def energy_transfer(donor: RateModel, acceptor: RateModel, *, rate: float, back_rate: float = 0.0) -> RateModel:
    """Two emitters of which one hands its excitons to the other.

    A transfer undoes an absorption of the donor and makes one of the acceptor, at `rate` for each exciton of the donor
    (T. Förster, *Ann. Phys.* 437, 55, 1948, doi:10.1002/andp.19484370105). It takes place in all states in which the
    acceptor can absorb. States are those of `independent`.

    Parameters
    ----------
    donor, acceptor
        The emitters.
    rate
        Rate of the transfer (1/ns).
    back_rate
        Rate of the transfer from the acceptor to the donor (1/ns); by detailed balance rate · exp(-ΔE/kT) if the
        exciton of the donor is higher by ΔE.

    Raises
    ------
    InputError
        A rate is negative, or it is not unique which state an emitter returns to.
    """
    rates = checked_rate("rate", rate), checked_rate("back_rate", back_rate)
    below = _below("donor", donor), _below("acceptor", acceptor)
    excitons = _excitons(donor, below[0]), _excitons(acceptor, below[1])
    moved: list[Transition] = []
    for upper, lower in below[0].items():
        for excited, relaxed in below[1].items():
            forward = Transition(f"{upper},{relaxed}", f"{lower},{excited}", rates[0] * excitons[0][upper])
            backward = Transition(f"{lower},{excited}", f"{upper},{relaxed}", rates[1] * excitons[1][excited])
            moved += [forward, backward]
    return _with_transitions(independent(donor, acceptor), [transition for transition in moved if transition.rate > 0])


def shared_charging(
    first: RateModel,
    second: RateModel,
    *,
    charging_rate: float,
    neutralization_rate: float,
    charged_yield: float,
    charged_acceleration: float | None = None,
) -> RateModel:
    """Two emitters that share a charge: both are dim while it is there, so that they blink together.

    Parameters
    ----------
    first, second
        The emitters without charge.
    charging_rate, neutralization_rate
        Rates at which the charge comes and goes (1/ns).
    charged_yield, charged_acceleration
        Factors to quantum yields and to rates of emitting transitions with the charge, as in `blinking`.
    """
    return blinking(
        independent(first, second),
        off_rate=positive_rate("charging_rate", charging_rate),
        on_rate=positive_rate("neutralization_rate", neutralization_rate),
        off_yield=charged_yield,
        off_acceleration=charged_acceleration,
        labels=("neutral", "charged"),
    )


def _check_size(states: int) -> None:
    if states > MOST_STATES:
        raise InputError(field="models", value=f"{states} states", allowed=f"at most {MOST_STATES} states together")


def _with_transitions(model: RateModel, transitions: list[Transition]) -> RateModel:
    return replace(model, transitions=(*model.transitions, *transitions))


def _below(name: str, model: RateModel) -> dict[str, str]:
    """For each state that an absorption leads to: the state that the absorption starts from."""
    below: dict[str, str] = {}
    for driven in model.absorptions:
        if below.setdefault(driven.target, driven.source) != driven.source:
            raise InputError(
                field=name, value=driven.target, allowed="a model in which one absorption at most leads to each state"
            )
    if not below:
        raise InputError(field=name, value=model.states[0], allowed="a model that absorbs light")
    return below


def _excitons(model: RateModel, below: dict[str, str]) -> dict[str, int]:
    """Number of absorptions that lead to each state."""
    numbers: dict[str, int] = {}
    for state in model.states:
        count, current = 0, state
        while current in below and count < len(model.states):
            count, current = count + 1, below[current]
        numbers[state] = count
    return numbers
