"""Rate models: states of a source, the transitions between them, and the photons that they emit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

import numpy as np

from qdmol.errors import InputError
from qdmol.rates.checking import (
    LONGEST,
    MOST_EXCITONS,
    factor,
    fraction,
    name,
    positive,
    positive_rate,
    rate as checked_rate,
)
from qdmol.rates.continuous import ContinuousEmission
from qdmol.rates.generators import Generators, reachable
from qdmol.rates.pulsed import PulsedEmission

MOST_STATES = 512  # of a model: the answers need dense matrices


@dataclass(frozen=True, slots=True)
class Transition:
    """A spontaneous transition between two states.

    Attributes
    ----------
    source, target
        Names of the states. They are equal only for a source of light that does not change its state, such as a
        background.
    rate
        Rate (1/ns), with and without a photon.
    channel
        Name of the channel of its photon, such as a spectral band or a detector; None if it emits none. A transition
        that emits into several channels is given once for each, with its share of the rate.
    quantum_yield
        Probability that the transition emits a photon, from 0 to 1.
    """

    source: str
    target: str
    rate: float
    channel: str | None = None
    quantum_yield: float = 1.0


@dataclass(frozen=True, slots=True)
class Absorption:
    """A transition driven by light.

    Attributes
    ----------
    source, target
        Names of the states.
    cross_section
        Absorption cross-section relative to that for which the excitation is given.
    """

    source: str
    target: str
    cross_section: float = 1.0


_Move = TypeVar("_Move", Transition, Absorption)


@dataclass(frozen=True, slots=True)
class RateModel:
    """States of a source of light, the transitions between them, and those that emit a photon.

    The model itself has no excitation: `continuous` and `pulsed` give the emission in continuous and pulsed light,
    computed by linear algebra without drawing photons.

    Parameters
    ----------
    states
        Names of the states.
    transitions
        Spontaneous transitions.
    absorptions
        Transitions driven by light.

    Raises
    ------
    InputError
        A state is unknown or has the name of another, a number is out of range, no transition emits a photon, or there
        is no single set of states that the source keeps coming back to.

    Examples
    --------
    >>> model = RateModel(
    ...     states=("0", "X"),
    ...     transitions=(Transition("X", "0", rate=0.05, channel="photon", quantum_yield=0.9),),
    ...     absorptions=(Absorption("0", "X"),),
    ... )
    >>> print(f"{model.quantum_yield('X'):.2f}")
    0.90
    >>> print(f"{model.continuous(absorption_rate=0.05).photon_rate():.4f} photons per ns")
    0.0225 photons per ns
    """

    states: tuple[str, ...]
    transitions: tuple[Transition, ...]
    absorptions: tuple[Absorption, ...] = ()
    generators: Generators = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for sequence in ("states", "transitions", "absorptions"):
            object.__setattr__(self, sequence, _sequence(sequence, getattr(self, sequence)))
        object.__setattr__(self, "generators", _generators_of(self))

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that photons are emitted into."""
        return self.generators.channels

    def continuous(self, *, absorption_rate: float) -> ContinuousEmission:
        """Emission in continuous light, with `absorption_rate` absorbed photons per ns for a cross-section of 1.

        Raises
        ------
        InputError
            The rate is not above 0.
        SolverError
            The slowest rates vanish in rounding.
        """
        rate = positive_rate("absorption_rate", absorption_rate)
        return ContinuousEmission(generators=self.generators, absorption_rate=rate)

    def pulsed(self, *, period_ns: float, excitons: float) -> PulsedEmission:
        """Emission after pulses every `period_ns` (ns) that make `excitons` excitons on average at cross-section 1.

        Raises
        ------
        InputError
            A number is not above 0.
        SolverError
            The slowest rates vanish in rounding.
        """
        return PulsedEmission(
            generators=self.generators,
            period_ns=positive("period_ns", period_ns, LONGEST, " ns"),
            excitons=positive("excitons", excitons, MOST_EXCITONS),
        )

    def lifetime_ns(self, state: str) -> float:
        """Mean time (ns) until the source leaves `state` without light; infinite for a stable state."""
        rate = -float(np.diag(self.generators.dark)[self._index(state)])
        return 1.0 / rate if rate > 0 else float("inf")

    def quantum_yield(self, state: str, target: str | None = None, channel: str | None = None) -> float:
        """Probability that the transition out of `state` emits a photon.

        Parameters
        ----------
        state
            Name of the state.
        target
            Counts only photons of transitions to this state; None counts all.
        channel
            Counts only photons in this channel; None counts all.

        Raises
        ------
        InputError
            A name is unknown, or no transition leaves the state.
        """
        index = self._index(state)
        emitted = self.generators.emission_of(channel)[:, index].copy()
        emitted[index] = 0.0
        if target is not None:
            emitted = emitted[[self._index(target, "target")]]
        leaving = -float(self.generators.dark[index, index])
        if not leaving > 0:
            raise InputError(field="state", value=state, allowed="a state that some spontaneous transition leaves")
        return float(emitted.sum()) / leaving

    def photons_from(self, state: str, channel: str | None = None) -> float:
        """Mean number of photons that follow the preparation of `state` without light, such as 1.1 of a biexciton.

        Raises
        ------
        InputError
            A name is unknown, or photons are emitted for ever.
        """
        index = self._index(state)
        dark, row = self.generators.dark, self.generators.emission_of(channel).sum(axis=0)
        reached = reachable(dark)
        final = (~reached | reached.T).all(axis=0)
        within = reached[:, index]
        if np.any(row[within & final] > 0):
            raise InputError(field="state", value=state, allowed="a state whose emission ends without light")
        passing = within & ~final
        if not passing[index]:
            return 0.0
        start = (np.flatnonzero(passing) == index).astype(np.float64)
        times = np.linalg.solve(-dark[np.ix_(passing, passing)], start)
        return float(row[passing] @ times)

    def to_dict(self) -> dict[str, Any]:
        """The model as values of JSON; `from_dict` reads them."""
        return {
            "states": list(self.states),
            "transitions": [asdict(transition) for transition in self.transitions],
            "absorptions": [asdict(absorption) for absorption in self.absorptions],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RateModel:
        """Model from what `to_dict` gives.

        Raises
        ------
        InputError
            A key is missing or unknown, or the model is invalid.
        """
        parts = _parts(values, ("states", "transitions", "absorptions"))
        return cls(
            states=parts["states"],
            transitions=tuple(_read("transitions", Transition, parts["transitions"])),
            absorptions=tuple(_read("absorptions", Absorption, parts["absorptions"])),
        )

    def _index(self, state: str, field_name: str = "state") -> int:
        if state not in self.states:
            raise InputError(field=field_name, value=state, allowed=f"one of {_listed(self.states)}")
        return self.states.index(state)


def _sequence(field_name: str, values: object) -> tuple[Any, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(field=field_name, value=values, allowed="a list")
    return tuple(values)


def _parts(values: object, keys: tuple[str, ...]) -> Mapping[str, Any]:
    """Mapping with these keys and no others."""
    if not isinstance(values, Mapping) or set(values) != set(keys):
        raise InputError(field="values", value=values, allowed=f"a mapping with the keys {', '.join(keys)}")
    return values


def _read(field_name: str, kind: type[_Move], values: object) -> Iterator[_Move]:
    """Transitions of one kind from mappings of their attributes."""
    for number, value in enumerate(_sequence(field_name, values)):
        try:
            yield kind(**value)
        except TypeError:
            names = ", ".join(attribute.name for attribute in fields(kind))
            field_number = f"{field_name}[{number}]"
            raise InputError(field=field_number, value=value, allowed=f"a mapping with the keys {names}") from None


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown}, .."


def _generators_of(model: RateModel) -> Generators:
    """Matrices of a model, which is checked."""
    index = _checked_states(model.states)
    size = len(index)
    channels = _channels(model.transitions)
    dark, absorption = np.zeros((size, size)), np.zeros((size, size))
    emission = np.zeros((len(channels), size, size))
    for number, transition in enumerate(model.transitions):
        field_name = f"transitions[{number}]"
        source, target = _ends(field_name, transition, Transition, index)
        rate = checked_rate(f"{field_name}.rate", transition.rate)
        quantum_yield = fraction(f"{field_name}.quantum_yield", transition.quantum_yield)
        if transition.channel is not None:
            name(f"{field_name}.channel", transition.channel)
            emission[channels.index(transition.channel), target, source] += rate * quantum_yield
        elif source == target:
            raise InputError(
                field=f"{field_name}.target", value=transition.target, allowed="another state, as it emits no photon"
            )
        if source != target:
            dark[target, source] += rate
    for number, driven in enumerate(model.absorptions):
        field_name = f"absorptions[{number}]"
        source, target = _ends(field_name, driven, Absorption, index)
        if source == target:
            raise InputError(field=f"{field_name}.target", value=driven.target, allowed="another state")
        absorption[target, source] += factor(f"{field_name}.cross_section", driven.cross_section)
    if not emission.any():
        raise InputError(
            field="transitions",
            value=len(model.transitions),
            allowed="such that one emits a photon",
            message="No transition of the rate model emits a photon; give one a channel, a rate and a quantum yield.",
        )
    recurrent = np.asarray(reachable(dark, absorption).all(axis=1))
    if not recurrent.any():
        raise InputError(
            field="transitions",
            value=len(model.transitions),
            allowed="such that the states do not fall apart",
            message="The states of the rate model fall apart: two of them never lead to a common state.",
        )
    for matrix in (dark, absorption):
        matrix[np.diag_indices(size)] = -matrix.sum(axis=0)
    for array in (dark, absorption, emission, recurrent):
        array.flags.writeable = False
    return Generators(model.states, channels, dark, absorption, emission, recurrent)


def _channels(transitions: tuple[object, ...]) -> tuple[str, ...]:
    """Names of the channels in the order of their first transitions."""
    named = (t.channel for t in transitions if isinstance(t, Transition) and isinstance(t.channel, str))
    return tuple(dict.fromkeys(named))


def _checked_states(states: tuple[str, ...]) -> dict[str, int]:
    """Index of each state by name."""
    if not 1 <= len(states) <= MOST_STATES:
        raise InputError(field="states", value=len(states), allowed=f"from 1 to {MOST_STATES} states")
    index: dict[str, int] = {}
    for number, state in enumerate(states):
        if name(f"states[{number}]", state) in index:
            raise InputError(field=f"states[{number}]", value=state, allowed="a name that no other state has")
        index[state] = number
    return index


def _ends(
    field_name: str, transition: object, kind: type[Transition | Absorption], index: dict[str, int]
) -> tuple[int, int]:
    """Indices of the states that a transition of a `kind` connects."""
    if not isinstance(transition, kind):
        raise InputError(field=field_name, value=transition, allowed=f"a value of the class {kind.__name__}")
    for end in ("source", "target"):
        state: object = getattr(transition, end)
        if not isinstance(state, str) or state not in index:
            raise InputError(field=f"{field_name}.{end}", value=state, allowed=f"one of {_listed(tuple(index))}")
    return index[transition.source], index[transition.target]
