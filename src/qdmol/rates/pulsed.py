"""What a rate model emits after pulses of light."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations, repeat

import numpy as np
from numpy.typing import ArrayLike

from qdmol.arrays import Floats, Integers
from qdmol.errors import InputError
from qdmol.rates.checking import (
    LEAST_PHOTONS,
    channels as checked_channels,
    edges as checked_edges,
    gate as checked_gate,
    numbers,
    whole,
)
from qdmol.rates.generators import (
    Generators,
    chained,
    even_step,
    evolved,
    evolved_sums,
    exponential,
    squared,
    stationary,
)

Channels = tuple[str | None, ...]
_MOST_PULSES = 2**53


@dataclass(frozen=True, slots=True, eq=False)
class PulsedG2:
    """Areas of the peaks of g2 with pulsed excitation, relative to photons that are independent from pulse to pulse.

    Attributes
    ----------
    centre
        Pairs of photons after the same pulse.
    pulses_apart : (n,)
        Distances of the side peaks in pulses; a negative one has the photon of the first channel later.
    sides : (n,)
        Areas of these side peaks; they approach 1 far from the centre.
    photons_per_pulse
        Mean numbers of photons after a pulse, within the gate, in both channels.
    """

    centre: float
    pulses_apart: Integers
    sides: Floats
    photons_per_pulse: tuple[float, float]

    @property
    def against_sides(self) -> float:
        """Area of the centre relative to the mean of the side peaks in `sides`."""
        return self.centre / float(self.sides.mean())


@dataclass(frozen=True, slots=True, eq=False)
class PulsedEmission:
    """Emission of a source under periodic pulses, in its periodic steady state; made by `RateModel.pulsed`.

    A pulse is short beside every lifetime. It absorbs a Poisson-distributed number of photons, with mean `excitons`
    for a transition with cross-section 1, and changes the states by the exponential of the generator of absorption,
    exp(excitons · A). A photon counts as one of the last pulse before it, and its delay is the time since that pulse.

    Attributes
    ----------
    generators
        Matrices of the model.
    period_ns
        Time from pulse to pulse (ns).
    excitons
        Mean number of excitons that a pulse makes by a transition with cross-section 1.
    before_pulse, after_pulse : (s,)
        Probability of each state just before and just after a pulse.
    """

    generators: Generators
    period_ns: float
    excitons: float
    before_pulse: Floats = field(init=False)
    after_pulse: Floats = field(init=False)
    _pulse: Floats = field(init=False, repr=False)
    _decayed: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = len(self.generators.states)
        pulse = exponential(self.generators.absorption, self.excitons, size)
        decayed = exponential(self.generators.dark, self.period_ns, size)
        before = stationary(decayed @ pulse, self.generators.recurrent)
        for name, value in (("_pulse", pulse), ("_decayed", decayed), ("before_pulse", before)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "after_pulse", pulse @ before)

    def photons_per_pulse(self, channel: str | None = None, *, gate_ns: Sequence[float] | None = None) -> float:
        """Mean number of photons per pulse in `channel`, or in all channels if it is None, with delays in the gate."""
        return float(self.decay_counts(checked_gate(gate_ns, self.period_ns), channel)[0])

    def photon_rate(self, channel: str | None = None) -> float:
        """Photons per ns in `channel`, or in all channels if it is None."""
        return self.photons_per_pulse(channel) / self.period_ns

    def decay(self, times_ns: ArrayLike, channel: str | None = None) -> Floats:
        """Emission (photons per pulse and ns) at `times_ns` (n,) after the pulse, 0 to the period (ns).

        Raises
        ------
        InputError
            A time is outside the period, or the channel is unknown.
        """
        times = numbers("times_ns", times_ns, 0.0, self.period_ns)
        row = self.generators.emission_of(channel).sum(axis=0)
        curve: Floats = np.maximum(row @ evolved(self.generators.dark, self.after_pulse, times), 0.0)
        return curve

    def decay_counts(self, edges_ns: ArrayLike, channel: str | None = None) -> Floats:
        """Mean number of photons per pulse (n,) in bins of the delay with edges `edges_ns` (n + 1,) (ns).

        Raises
        ------
        InputError
            The edges do not rise or are outside the period, or the channel is unknown.
        """
        edges = checked_edges("edges_ns", edges_ns, self.period_ns)
        row = self.generators.emission_of(channel).sum(axis=0)
        return evolved_sums(self.generators.dark, row, self.after_pulse, edges)

    def g2(
        self,
        pulses_apart: ArrayLike = (1,),
        channels: Channels = (None, None),
        *,
        gate_ns: Sequence[float] | None = None,
    ) -> PulsedG2:
        """Areas of the centre peak and of the side peaks of g2.

        The centre is E[m (m - 1)] / E[m]² for the number m of photons after a pulse, or E[m_a m_b] / (E[m_a] E[m_b])
        for two channels. Pairs are assigned to peaks by their pulses, not by their lag.

        Parameters
        ----------
        pulses_apart : (n,)
            Which side peaks, in pulses from the centre; any whole numbers but 0.
        channels
            The two channels; None counts the photons of all.
        gate_ns
            First and last delay (ns) of the photons that count, both photons of a pair; None counts all.

        Raises
        ------
        InputError
            A side peak is not a whole number or 0, the gate is outside the period, a channel is unknown, or no photon
            is emitted.
        """
        apart = _whole(pulses_apart)
        channels = checked_channels(channels, 2)
        gate = checked_gate(gate_ns, self.period_ns)
        first = self._chain(channels, gate)
        second = first if channels[0] == channels[1] else self._chain((channels[1], channels[0]), gate)
        photons = (first.photons, second.photons)
        self._check_emission(min(photons), gate)
        sides = np.empty(len(apart))
        for chosen, chain in ((apart > 0, first), (apart < 0, second)):
            if chosen.any():
                sides[chosen] = self._sides(chain, np.abs(apart[chosen]))
        centre = (first.pairs + second.pairs) / (photons[0] * photons[1])
        return PulsedG2(centre=centre, pulses_apart=apart, sides=sides, photons_per_pulse=photons)

    def g3(
        self,
        channels: Channels = (None, None, None),
        *,
        gate_ns: Sequence[float] | None = None,
    ) -> float:
        """Third-order correlation of photons after the same pulse: E[m (m - 1)(m - 2)] / E[m]³, or of three channels.

        Raises
        ------
        InputError
            The gate is outside the period, a channel is unknown, or no photon is emitted.
        """
        gate = checked_gate(gate_ns, self.period_ns)
        channels = checked_channels(channels, 3)
        photons = [self.photons_per_pulse(channel, gate_ns=gate) for channel in channels]
        self._check_emission(min(photons), gate)
        start = self._at(gate[0])
        triples = 0.0
        known: dict[tuple[str | None, ...], float] = {}
        for order in permutations(channels):
            if order not in known:
                jumps = [self.generators.emission_of(channel) for channel in order]
                matrix = exponential(chained(self.generators.dark, jumps), gate[1] - gate[0], len(start))
                known[order] = float(matrix[-1, : len(start)] @ start)
            triples += known[order]
        return max(triples, 0.0) / float(np.prod(photons))

    def pair_delays(self, edges_ns: ArrayLike, channels: Channels = (None, None), *, pulses_apart: int = 0) -> Floats:
        """Mean number of pairs per pulse by the delays of both photons.

        Pairs are counted in both orders, so that without channels the matrix is symmetric, and its sum over the whole
        period is the area of the peak times the squared number of photons per pulse. Independent photons give the
        outer product of `decay_counts`.

        Parameters
        ----------
        edges_ns : (n + 1,)
            Edges of the bins of the delays (ns), 0 to the period.
        channels
            Channels of both photons; None counts the photons of all.
        pulses_apart
            0 for photons after the same pulse; n for a second photon n pulses later.

        Returns
        -------
        (n, n) array; rows are the delay of the photon in the first channel, columns that in the second.

        Raises
        ------
        InputError
            The edges do not rise or are outside the period, a channel is unknown, or `pulses_apart` is negative.
        """
        edges = checked_edges("edges_ns", edges_ns, self.period_ns)
        channels = checked_channels(channels, 2)
        apart = whole("pulses_apart", pulses_apart, 0, _MOST_PULSES)
        if apart > 0:
            return self._distant_pairs(edges, channels, apart)
        ordered = self._ordered_pairs(edges, channels)
        reverse = ordered if channels[0] == channels[1] else self._ordered_pairs(edges, (channels[1], channels[0]))
        return ordered + reverse.T

    def _check_emission(self, photons: float, gate: tuple[float, float]) -> None:
        """Refuse a gate without photons."""
        if photons < LEAST_PHOTONS:
            within = f"with delays from {gate[0]:g} to {gate[1]:g} ns"
            message = f"g2 and g3 are undefined: the source emits no photons {within} in one of the channels."
            raise InputError(field="gate_ns", value=gate, allowed="a gate with photons", message=message)

    def _at(self, time: float) -> Floats:
        """Probability of the states `time` after the pulse."""
        return self._propagator(time) @ self.after_pulse if time > 0 else self.after_pulse

    def _rest(self, time: float) -> Floats:
        """Propagator from `time` after a pulse to the next pulse."""
        if time == 0.0:
            return self._decayed
        return self._propagator(self.period_ns - time)

    def _propagator(self, duration: float) -> Floats:
        """Propagator without light."""
        return exponential(self.generators.dark, duration, len(self.after_pulse))

    def _chain(self, channels: Channels, gate: tuple[float, float]) -> _Chain:
        """Photons of the first channel, and pairs with a later photon of the second, in the gate after one pulse."""
        jumps = [self.generators.emission_of(channel) for channel in channels]
        start = self._at(gate[0])
        size = len(start)
        matrix = exponential(chained(self.generators.dark, jumps), gate[1] - gate[0], len(start))
        behind = matrix[size : 2 * size, :size] @ start
        row = matrix[-1, size : 2 * size]
        if gate[0] > 0:
            row = row @ self._propagator(gate[0])
        if gate[1] < self.period_ns:
            behind = self._rest(gate[1]) @ behind
        return _Chain(
            photons=max(float(behind.sum()), 0.0),
            pairs=max(float(matrix[-1, :size] @ start), 0.0),
            behind=behind,
            row=row @ self._pulse,
        )

    def _sides(self, chain: _Chain, apart: Integers) -> Floats:
        """Areas of side peaks at `apart` (n,) > 0 pulses relative to independent photons."""
        # the deviation from the steady state decays to zero without rounding at large distances
        deviation = chain.behind / chain.photons - self.before_pulse
        partner = float(chain.row @ self.before_pulse)
        vectors = self._later(np.repeat(deviation[:, np.newaxis], len(apart), axis=1), apart - 1)
        return np.maximum(1.0 + chain.row @ vectors / partner, 0.0)

    def _later(self, vectors: Floats, periods: Integers) -> Floats:
        """States (s, n) before a pulse that follow states `vectors` (s, n) before the pulse `periods` (n,) earlier."""
        vectors = vectors.copy()
        step = self._decayed @ self._pulse
        bit = 1
        while bit <= int(periods.max(initial=0)):
            chosen = (periods & bit) > 0
            vectors[:, chosen] = step @ vectors[:, chosen]
            step = squared(step)
            bit *= 2
        return vectors

    def _bins(self, edges: Floats, channels: Channels) -> Iterator[_Bin]:
        """Matrices of every bin of the delay."""
        jumps = [self.generators.emission_of(channel) for channel in channels]
        matrix, size = chained(self.generators.dark, jumps), len(self.after_pulse)
        step = even_step(edges)
        if step is not None:
            yield from repeat(_bin_of(exponential(matrix, step, size), size), len(edges) - 1)
        else:
            for width in np.diff(edges):
                yield _bin_of(exponential(matrix, float(width), size), size)

    def _ordered_pairs(self, edges: Floats, channels: Channels) -> Floats:
        """Pairs (n, n) after one pulse with the photon of the first channel before that of the second."""
        counts = np.zeros((len(edges) - 1, len(edges) - 1))
        state = self._at(float(edges[0]))
        behind = np.empty((len(state), 0))
        for k, within in enumerate(self._bins(edges, channels)):
            counts[:k, k] = within.row @ behind
            counts[k, k] = within.pairs @ state
            behind = np.column_stack([within.propagator @ behind, within.photons @ state])
            state = within.propagator @ state
        return np.maximum(counts, 0.0)

    def _distant_pairs(self, edges: Floats, channels: Channels, apart: int) -> Floats:
        """Pairs (n, n) with the photon of the second channel `apart` > 0 pulses later."""
        state = self._at(float(edges[0]))
        behind = np.empty((len(state), 0))
        for within in self._bins(edges, channels):
            behind = np.column_stack([within.propagator @ behind, within.photons @ state])
            state = within.propagator @ state
        behind = self._later(self._rest(float(edges[-1])) @ behind, np.full(behind.shape[1], apart - 1))
        behind = self._propagator(float(edges[0])) @ self._pulse @ behind
        counts = np.empty((behind.shape[1], behind.shape[1]))
        for k, within in enumerate(self._bins(edges, channels)):
            counts[:, k] = within.row @ behind
            behind = within.propagator @ behind
        return np.maximum(counts, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Bin:
    """Matrices of a bin of the delay.

    Attributes
    ----------
    propagator : (s, s)
        From the start of the bin to its end.
    photons : (s, s)
        The same behind a photon of the first channel within the bin.
    row : (s,)
        Mean number of photons of the second channel.
    pairs : (s,)
        Mean number of pairs, first channel first.
    """

    propagator: Floats
    photons: Floats
    row: Floats
    pairs: Floats


def _bin_of(matrix: Floats, size: int) -> _Bin:
    """Parts of the exponential of what `chained` gives for two jumps."""
    middle = slice(size, 2 * size)
    return _Bin(matrix[:size, :size], matrix[middle, :size], matrix[-1, middle], matrix[-1, :size])


@dataclass(frozen=True, slots=True, eq=False)
class _Chain:
    """Photons of one channel and what follows them.

    Attributes
    ----------
    photons
        Mean number per pulse.
    pairs
        Mean number of pairs with a later photon of the other channel after the same pulse.
    behind : (s,)
        Sum over these photons of the distribution of states just before the next pulse.
    row : (s,)
        Mean number of photons of the other channel after a pulse that finds the source in each state.
    """

    photons: float
    pairs: float
    behind: Floats
    row: Floats


def _whole(pulses_apart: ArrayLike) -> Integers:
    """Distances of side peaks (n,) as whole numbers."""
    apart = numbers("pulses_apart", pulses_apart, -_MOST_PULSES, _MOST_PULSES)
    if np.any(apart == 0) or np.any(apart != np.round(apart)):
        raise InputError(field="pulses_apart", value=pulses_apart, allowed="a list of whole numbers other than 0")
    return apart.astype(np.int64)
