"""Emitters of a simulated recording: their states, how they blink, and how two of them interact."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np


@dataclass(frozen=True, slots=True)
class State:
    """One emissive state of an emitter.

    Attributes
    ----------
    quantum_yield : float
        Probability that an exciton ends in a photon.
    lifetime_ns : float
        Lifetime of the exciton.
    biexciton_yield : float
        Probability that the step from two excitons to one ends in a photon; at weak excitation g2(0) is this over
        `quantum_yield`.
    biexciton_lifetime_ns : float or None
        Lifetime of the biexciton; None for that of a radiative rate four times the exciton's: a quarter of
        `lifetime_ns` times the ratio of the yields, or a hundredth of `lifetime_ns` where it emits nothing.
    """

    quantum_yield: float = 1.0
    lifetime_ns: float = 20.0
    biexciton_yield: float = 0.0
    biexciton_lifetime_ns: float | None = None

    @property
    def row(self) -> tuple[float, float, float, float]:
        """Yield and rate (1/ns) of the exciton, then of the biexciton: a row of the table of the kernels."""
        fast = self.biexciton_lifetime_ns
        if fast is None:
            ratio = self.biexciton_yield / self.quantum_yield if self.quantum_yield > 0.0 else 0.0
            fast = 0.25 * self.lifetime_ns * (ratio or 0.04)
        return self.quantum_yield, 1.0 / self.lifetime_ns, self.biexciton_yield, 1.0 / fast

    def dimmed(self, factor: float) -> "State":
        """Return the state with a further nonradiative path: lifetime and yields fall by the same factor."""
        return replace(
            self,
            quantum_yield=self.quantum_yield * factor,
            lifetime_ns=self.lifetime_ns * factor,
            biexciton_yield=self.biexciton_yield * factor,
            biexciton_lifetime_ns=None if self.biexciton_lifetime_ns is None else self.biexciton_lifetime_ns * factor,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """States of an emitter over time.

    Attributes
    ----------
    edges_s : float (M + 1,)
        Beginning of each dwell and the end of the last one, in s.
    state : int (M,)
        State in each dwell.
    states : tuple of State
    """

    edges_s: np.ndarray
    state: np.ndarray
    states: tuple[State, ...]

    @property
    def dwells_s(self) -> np.ndarray:
        """Length of each dwell (M,) in s."""
        return np.diff(self.edges_s)

    def until(self, duration_s: float) -> "Trajectory":
        """Return the trajectory up to this time."""
        number = int(np.searchsorted(self.edges_s, duration_s))
        edges = np.concatenate([self.edges_s[:number], [duration_s]])
        return replace(self, edges_s=edges, state=self.state[:number])

    def at(self, times_s: np.ndarray) -> np.ndarray:
        """State at each time."""
        place = np.searchsorted(self.edges_s, times_s, side="right") - 1
        return self.state[np.clip(place, 0, len(self.state) - 1)]


# Draws a trajectory of at least some duration (s) for an emitter with this bright state.
Blinking = Callable[[np.random.Generator, State, float], Trajectory]
DARK = State(quantum_yield=0.0, lifetime_ns=1.0)


def steady(rng: np.random.Generator, bright: State, duration_s: float) -> Trajectory:
    """No blinking."""
    return Trajectory(np.array([0.0, duration_s]), np.zeros(1, dtype=np.int64), (bright,))


def _in_turns(rng: np.random.Generator, draw: tuple, duration_s: float, states: tuple[State, ...]) -> Trajectory:
    """Dwells of two states in turn, either one first; `draw` gives n dwells of each state in s."""
    first = int(rng.integers(2))
    dwells, total = [], 0.0
    while total <= duration_s:
        pair = np.empty((256, 2))
        pair[:, 0], pair[:, 1] = draw[first](256), draw[1 - first](256)
        dwells.append(pair.ravel())
        total += float(pair.sum())
    edges = np.concatenate([[0.0], np.cumsum(np.concatenate(dwells))])
    number = int(np.searchsorted(edges, duration_s))
    edges = edges[: number + 1]
    edges[-1] = duration_s
    return Trajectory(edges, (np.arange(number) + first) % 2, states)


def telegraph(on_s: float, off_s: float, off: State = DARK) -> Blinking:
    """Two states with exponential dwells of these means; `off` may be grey."""

    def draw(rng, bright, duration_s):
        return _in_turns(
            rng, (lambda n: rng.exponential(on_s, n), lambda n: rng.exponential(off_s, n)), duration_s, (bright, off)
        )

    return draw


def power_law_dwells(
    rng: np.random.Generator, n: int, *, exponent: float, shortest_s: float, longest_s: float, cutoff_s: float = np.inf
) -> np.ndarray:
    """Draw dwells (n,) in s of density t^-exponent exp(-t / cutoff) between the shortest and the longest."""
    drawn = np.empty(0)
    a = 1.0 - exponent
    while len(drawn) < n:
        u = rng.random(2 * n)
        if abs(a) < 1e-12:
            t = shortest_s * (longest_s / shortest_s) ** u
        else:
            low, high = shortest_s**a, longest_s**a
            t = (low + u * (high - low)) ** (1.0 / a)
        drawn = np.concatenate([drawn, t[rng.random(2 * n) < np.exp(-(t - shortest_s) / cutoff_s)]])
    return drawn[:n]


def power_law(
    *,
    on_exponent: float = 1.5,
    off_exponent: float = 1.5,
    shortest_s: float = 1e-3,
    longest_s: float = 100.0,
    on_cutoff_s: float = np.inf,
    off_cutoff_s: float = np.inf,
    off: State = DARK,
) -> Blinking:
    """Two states with dwells of power laws, each with a cut-off if one is given."""

    def draw(rng, bright, duration_s):
        limits = {"shortest_s": shortest_s, "longest_s": longest_s}
        return _in_turns(
            rng,
            (
                lambda n: power_law_dwells(rng, n, exponent=on_exponent, cutoff_s=on_cutoff_s, **limits),
                lambda n: power_law_dwells(rng, n, exponent=off_exponent, cutoff_s=off_cutoff_s, **limits),
            ),
            duration_s,
            (bright, off),
        )

    return draw


def several_levels(factors: tuple[float, ...], dwell_s: float) -> Blinking:
    """Levels of these fractions of the bright yield and lifetime, exponential dwells, any other level next."""

    def draw(rng, bright, duration_s):
        number = int(duration_s / dwell_s + 10 * np.sqrt(duration_s / dwell_s) + 20)
        edges = np.concatenate([[0.0], np.cumsum(rng.exponential(dwell_s, number))])
        number = int(np.searchsorted(edges, duration_s))
        edges = edges[: number + 1]
        edges[-1] = duration_s
        steps = rng.integers(1, max(len(factors), 2), number)
        state = np.cumsum(steps) % len(factors)
        return Trajectory(edges, state, tuple(bright.dimmed(factor) for factor in factors))

    return draw


def flickering(dwell_s: float, lowest: float = 0.1, levels: int = 256) -> Blinking:
    """Yields anywhere between `lowest` and 1 of the bright one, lifetime in proportion, exponential dwells.

    The continuum is drawn as many equally spaced levels.
    """
    factors = tuple(np.linspace(lowest, 1.0, levels))
    return several_levels(factors, dwell_s)


@dataclass(frozen=True, slots=True)
class Emitter:
    """One emitter.

    Attributes
    ----------
    excitation : float
        Mean number of excitons a pulse; under continuous light excitons per ns.
    bright : State
        State in which it begins and, without `blinking`, stays.
    blinking : Blinking or None
        As `telegraph(...)`.
    fast_bright_us, fast_dark_us : float or None
        Mean lengths of fast bright and dark times, far below a time bin: bunching without visible blinking.
    """

    excitation: float = 0.1
    bright: State = State()
    blinking: Blinking | None = None
    fast_bright_us: float | None = None
    fast_dark_us: float | None = None

    def trajectory(self, rng: np.random.Generator, duration_s: float) -> Trajectory:
        """Draw its states over a time."""
        return (self.blinking or steady)(rng, self.bright, duration_s)


@dataclass(frozen=True, slots=True)
class Interaction:
    """How the emitters of a source influence each other.

    Attributes
    ----------
    annihilation_per_ns : float
        Rate at which two excitons on two emitters become one, on either.
    transfer_per_ns : mapping of (donor, acceptor) to float
        Rates of energy transfer from one emitter to another.
    charging : "alone", "together" or "quenching"
        Whether they blink alone; all with the first one's trajectory; or whether a charge on any one puts all into
        their last state.
    """

    annihilation_per_ns: float = 0.0
    transfer_per_ns: dict[tuple[int, int], float] = field(default_factory=dict)
    charging: str = "alone"

    def joint(self, trajectories: tuple[Trajectory, ...]) -> tuple[Trajectory, ...]:
        """Return the trajectories with what charging does to them."""
        if self.charging == "alone":
            return trajectories
        if self.charging == "together":
            first = trajectories[0]
            return tuple(Trajectory(first.edges_s, first.state, each.states) for each in trajectories)
        edges, state = common_timeline(trajectories)
        charged = (state > 0).any(axis=1)
        return tuple(
            Trajectory(edges, np.where(charged, len(each.states) - 1, 0), each.states) for each in trajectories
        )


def common_timeline(trajectories: tuple[Trajectory, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Edges (M + 1,) in s at which any emitter switches, and the state (M, N) of each emitter between them."""
    edges = np.unique(np.concatenate([each.edges_s for each in trajectories]))
    return edges, np.stack([each.at(edges[:-1]) for each in trajectories], axis=1)
