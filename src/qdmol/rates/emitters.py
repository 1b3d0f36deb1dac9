"""Rate models of single emitters: two-level system, shelving, biexciton cascade, blinking."""

from __future__ import annotations

from dataclasses import replace

from qdmol.errors import InputError
from qdmol.rates.checking import LARGEST_RATE, fraction, positive, positive_rate, rate as checked_rate, whole
from qdmol.rates.model import Absorption, RateModel, Transition

CHANNEL = "photon"  # of the shipped models


def two_level(*, rate: float, quantum_yield: float = 1.0, channel: str = CHANNEL) -> RateModel:
    """Ground state and one excited state, "0" and "X".

    In continuous light with absorption rate k, g2(τ) = 1 - exp(-(k + rate) τ).

    Parameters
    ----------
    rate
        Decay rate of the excited state (1/ns).
    quantum_yield
        Probability of a photon, from 0 to 1.
    channel
        Name of the channel of the photons.
    """
    decay = Transition("X", "0", positive_rate("rate", rate), channel, fraction("quantum_yield", quantum_yield))
    return RateModel(("0", "X"), (decay,), (Absorption("0", "X"),))


def three_level(
    *, rate: float, shelving_rate: float, return_rate: float, quantum_yield: float = 1.0, channel: str = CHANNEL
) -> RateModel:
    """Two-level emitter with a dark shelving state "S", such as a triplet, which makes it bunch.

    For photon statistics with such a state see A. Molski et al., *Chem. Phys. Lett.* 318, 325 (2000).

    Parameters
    ----------
    rate
        Rate of the decay X to 0 (1/ns).
    shelving_rate
        Rate of the transition X to S (1/ns).
    return_rate
        Rate of the transition S to 0 (1/ns).
    quantum_yield
        Probability that the decay X to 0 emits a photon.
    channel
        Name of the channel of the photons.
    """
    decay = Transition("X", "0", positive_rate("rate", rate), channel, fraction("quantum_yield", quantum_yield))
    shelving = Transition("X", "S", checked_rate("shelving_rate", shelving_rate))
    back = Transition("S", "0", positive_rate("return_rate", return_rate))
    return RateModel(("0", "X", "S"), (decay, shelving, back), (Absorption("0", "X"),))


def biexciton_cascade(
    *,
    exciton_rate: float,
    biexciton_rate: float | None = None,
    biexciton_yield: float,
    exciton_yield: float = 1.0,
    highest: int = 2,
    channel: str = CHANNEL,
    biexciton_channel: str | None = None,
) -> RateModel:
    """Quantum dot with excitons and biexcitons, "0", "X" and "XX", and optionally more excitons, "3X" and so on.

    For weak pulses g2(0) = biexciton_yield / exciton_yield (G. Nair, J. Zhao and M. G. Bawendi, *Nano Lett.* 11, 1136,
    2011, doi:10.1021/nl104054t). Each state absorbs with the same cross-section, except the highest, which absorbs
    no more.

    Parameters
    ----------
    exciton_rate
        Decay rate of the exciton (1/ns).
    biexciton_rate
        Decay rate of the biexciton (1/ns). None: its radiative rate is four times that of the exciton, because each of
        two electrons meets two holes, and its total rate is the radiative rate over `biexciton_yield`.
    biexciton_yield, exciton_yield
        Probabilities that the decays XX to X and X to 0 emit a photon.
    highest
        Number of excitons of the highest state, from 1 to 100. States of n > 2 excitons emit with the yield of the
        biexciton and decay n²/4 times faster.
    channel
        Name of the channel of the photons.
    biexciton_channel
        Name of the channel of the photons of biexcitons and higher states; None for that of the exciton.
    """
    positive_rate("exciton_rate", exciton_rate)
    fraction("exciton_yield", exciton_yield)
    fraction("biexciton_yield", biexciton_yield)
    highest = whole("highest", highest, 1, 100)
    if biexciton_rate is None:
        radiative = 4.0 * exciton_rate * exciton_yield
        if not (biexciton_yield > 0 and radiative > 0):
            raise InputError(
                field="biexciton_rate", value=None, allowed="given if the yield of the exciton or biexciton is 0"
            )
        biexciton_rate = radiative / biexciton_yield
    positive_rate("biexciton_rate", biexciton_rate)
    states = ("0", "X", "XX", *(f"{n}X" for n in range(3, highest + 1)))[: highest + 1]
    transitions = [Transition("X", "0", exciton_rate, channel, exciton_yield)]
    for n in range(2, highest + 1):
        rate = biexciton_rate * n * n / 4.0
        transitions.append(Transition(states[n], states[n - 1], rate, biexciton_channel or channel, biexciton_yield))
    absorptions = [Absorption(states[n], states[n + 1]) for n in range(highest)]
    return RateModel(states, tuple(transitions), tuple(absorptions))


def poisson_light(*, rate: float, channel: str = CHANNEL) -> RateModel:
    """Uncorrelated photons at `rate` (1/ns), such as a background; it does not depend on the excitation."""
    return RateModel(("B",), (Transition("B", "B", positive_rate("rate", rate), channel),))


def blinking(
    model: RateModel,
    *,
    off_rate: float,
    on_rate: float,
    off_yield: float,
    off_acceleration: float | None = None,
    labels: tuple[str, str] = ("on", "off"),
) -> RateModel:
    """A source that switches between its bright state and a dim one, at random and whatever its excitation.

    The states are those of `model` twice, "X on" and "X off". Two kinds of blinking are told apart by C. Galland et
    al., *Nature* 479, 203 (2011), doi:10.1038/nature10569: type A, in which a charge opens another decay channel and
    the lifetime shortens with the intensity, and type B, in which the lifetime stays.

    Parameters
    ----------
    model
        Source in its bright state.
    off_rate
        Rate of switching off (1/ns); 1e-8 means after 0.1 s on average.
    on_rate
        Rate of switching on (1/ns).
    off_yield
        Factor to all quantum yields in the dim state, from 0 to 1.
    off_acceleration
        Factor to the rates of emitting transitions in the dim state. None: 1/off_yield, so that radiative rates are
        those of the bright state (type A); 1: lifetimes do not change (type B).
    labels
        Names of the bright and the dim state.
    """
    factor = fraction("off_yield", off_yield)
    if off_acceleration is None:
        if not factor > 0:
            raise InputError(field="off_acceleration", value=None, allowed="given if `off_yield` is 0")
        off_acceleration = 1.0 / factor
    acceleration = positive("off_acceleration", off_acceleration, LARGEST_RATE)
    on, off = labels
    transitions: list[Transition] = []
    for label, speed, scale in ((on, 1.0, 1.0), (off, acceleration, factor)):
        for transition in model.transitions:
            source, target = f"{transition.source} {label}", f"{transition.target} {label}"
            rate, quantum_yield = transition.rate, transition.quantum_yield
            if transition.channel is not None:
                rate, quantum_yield = rate * speed, quantum_yield * scale
            transitions.append(Transition(source, target, rate, transition.channel, quantum_yield))
    for state in model.states:
        transitions.append(Transition(f"{state} {on}", f"{state} {off}", positive_rate("off_rate", off_rate)))
        transitions.append(Transition(f"{state} {off}", f"{state} {on}", positive_rate("on_rate", on_rate)))
    absorptions = tuple(
        replace(driven, source=f"{driven.source} {label}", target=f"{driven.target} {label}")
        for label in labels
        for driven in model.absorptions
    )
    states = tuple(f"{state} {label}" for label in labels for state in model.states)
    return RateModel(states, tuple(transitions), absorptions)
