"""Random rate models, and simulations of their photons that share no code with `qdmol.rates`."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from qdmol.rates import Absorption, RateModel, Transition


def random_model(seed: int, states: int = 6) -> RateModel:
    """Model with random rates between all pairs of states; two channels and dark transitions."""
    rng = np.random.default_rng(seed)
    names = [f"s{k}" for k in range(states)]
    transitions, absorptions = [], []
    for a in names:
        for b in names:
            if a == b:
                continue
            channel = (None, "red", "green")[rng.integers(3)]
            quantum_yield = rng.uniform(0.2, 1.0) if channel else 1.0
            transitions.append(Transition(a, b, 10.0 ** rng.uniform(-2.5, -0.5), channel, quantum_yield))
            if rng.random() < 0.3:
                absorptions.append(Absorption(a, b, rng.uniform(0.3, 2.0)))
    transitions.append(Transition(names[0], names[-1], 0.1, "red", 0.7))
    transitions.append(Transition(names[-1], names[0], 0.1, "green", 0.7))
    absorptions.append(Absorption(names[0], names[-1], 1.0))
    return RateModel(tuple(names), tuple(transitions), tuple(absorptions))


@dataclass(frozen=True)
class Photons:
    """Simulated photons of independent copies of a source, in the order of copies and of times."""

    copy: np.ndarray
    time: np.ndarray
    channel: np.ndarray


class Walkers:
    """Independent copies of a source that jump from state to state (D. T. Gillespie, J. Phys. Chem. 81, 2340, 1977)."""

    def __init__(self, model: RateModel, copies: int, rng: np.random.Generator, light: float = 0.0) -> None:
        self.rng, self.index = rng, {name: k for k, name in enumerate(model.states)}
        moves = [(t.source, t.target, t.rate, t.channel, t.quantum_yield) for t in model.transitions]
        moves += [(a.source, a.target, light * a.cross_section, None, 1.0) for a in model.absorptions]
        channels = [None, *model.channels]
        by_state = [[m for m in moves if m[0] == name] for name in model.states]
        longest = max(map(len, by_state))
        self.rates = np.zeros((len(by_state), longest))
        self.targets = np.zeros((len(by_state), longest), dtype=int)
        self.channels = np.zeros((len(by_state), longest), dtype=int)
        self.yields = np.zeros((len(by_state), longest))
        for s, group in enumerate(by_state):
            for k, (_, target, rate, channel, quantum_yield) in enumerate(group):
                self.rates[s, k] = rate
                self.targets[s, k] = self.index[target]
                self.channels[s, k] = channels.index(channel)
                self.yields[s, k] = quantum_yield
        self.names = channels
        self.state = np.zeros(copies, dtype=int)
        self.cross_sections = np.zeros((len(by_state), len(by_state)))
        for a in model.absorptions:
            self.cross_sections[self.index[a.source], self.index[a.target]] += a.cross_section

    def run(self, duration: float, start: float = 0.0) -> Photons:
        """Let all copies run for `duration`, and return the photons, at times from `start` on."""
        cumulated = np.cumsum(self.rates, axis=1)
        total = cumulated[:, -1]
        clock = np.zeros(len(self.state))
        active = np.arange(len(self.state))
        photons = []
        while len(active):
            here = self.state[active]
            clock[active] += self.rng.exponential(size=len(active)) / total[here]
            going = clock[active] < duration
            active, here = active[going], here[going]
            chosen = (self.rng.random(len(active))[:, None] * total[here, None] >= cumulated[here]).sum(axis=1)
            emits = (self.channels[here, chosen] > 0) & (self.rng.random(len(active)) < self.yields[here, chosen])
            photons.append((active[emits], start + clock[active][emits], self.channels[here, chosen][emits]))
            self.state[active] = self.targets[here, chosen]
        copy, time, channel = (np.concatenate(part) for part in zip(*photons, strict=True))
        order = np.lexsort((time, copy))
        return Photons(copy[order], time[order], channel[order])

    def pulse(self, mean: float) -> None:
        """Absorb a Poisson-distributed number of photons one after the other."""
        most = self.cross_sections.sum(axis=1).max()
        left = self.rng.poisson(mean * most, size=len(self.state))
        cumulated = np.cumsum(self.cross_sections, axis=1) / most
        while left.any():
            active = np.flatnonzero(left)
            here = self.state[active]
            target = (self.rng.random(len(active))[:, None] >= cumulated[here]).sum(axis=1)
            absorbed = target < len(cumulated)
            self.state[active[absorbed]] = target[absorbed]
            left[active] -= 1


def agree(samples: np.ndarray, expected: np.ndarray) -> None:
    """Fail if the mean of independent `samples` (n, ..) is not `expected` (..): Hotelling's test, chance 1e-4."""
    samples, expected = samples.reshape(len(samples), -1), np.reshape(expected, -1)
    deviation = samples.mean(axis=0) - expected
    covariance = np.atleast_2d(np.cov(samples, rowvar=False)) / len(samples)
    statistic = deviation @ np.linalg.solve(covariance, deviation)
    probability = chi2.sf(statistic, len(deviation))
    assert probability > 1e-4, (probability, deviation / np.sqrt(np.diag(covariance)))
