"""Where the carriers of a pair are and can get to: the weight that orbitals are made with.

The density of a pair alone misses two things. Where one carrier is compact and the other fills a thick shell, it hardly
weighs the shell. And where a carrier has levels in two layers that are nearly equal in energy, the pair settles in one
of them, while the exciton is in both. So what a weight does not cover is added: the density of each carrier by itself,
and that of every bare level with m = 0 that the attraction of the pair can mix in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qdmol.arrays import Floats
from qdmol.meanfield.carrier import flatten
from qdmol.meanfield.functions import low_levels
from qdmol.meanfield.pairing import SettledPair
from qdmol.potentials import CARRIERS, Carrier, images_of
from qdmol.states import Hamiltonian

if TYPE_CHECKING:
    from qdmol.meanfield.solving import MoleculeSolution


# Levels of each carrier and parity that are looked at.
LEVELS = 8
# A density is covered where this part of it lies at weights of one or more; less than that is filled up in proportion.
COVERED = 0.3


@dataclass(frozen=True)
class Place:
    """A bare level with m = 0 of one carrier: its energy (eV) and a vector (n,) for each parity."""

    carrier: Carrier
    energy: float
    parts: dict[int, Floats]


def low_places(solution: MoleculeSolution) -> tuple[Place, ...]:
    """The lowest bare levels with m = 0 of both carriers, each carrier's by energy."""
    found = []
    for carrier in CARRIERS:
        hamiltonian = solution.hamiltonians[carrier]
        for parity in hamiltonian.parities:
            pair = hamiltonian.pair(0, parity, coarse=False)
            factor = hamiltonian.floor_factor(0, parity, coarse=False)
            for energy, vector in zip(*low_levels(pair, factor, hamiltonian.floor, LEVELS), strict=True):
                parts = {p: np.zeros(hamiltonian.elements.count) for p in hamiltonian.parities}
                parts[parity][pair.unknowns] = vector
                found.append(Place(carrier, float(energy), parts))
        hamiltonian.release()
    return tuple(sorted(found, key=lambda place: (place.carrier, place.energy)))


def pair_weights(hamiltonian: Hamiltonian, pairs: Sequence[SettledPair], places: Sequence[Place]) -> list[Floats]:
    """The weight of each pair at a carrier's quadrature points (P,), in units of its mean.

    The density of both particles, and what the sum of all weights does not cover, each in units of its own mean. Of a
    symmetric molecule, where a pair stands for two, the mean of the pair and its mirror image.
    """
    assembler = hamiltonian.assembler
    volume = np.concatenate([(block.weight * block.r).ravel() for block in assembler.blocks])

    def density(parts: dict[int, Floats]) -> Floats:
        return flatten(images_of(assembler, parts)) ** 2

    def scaled(images: Floats) -> Floats:
        return np.asarray(images.mean(axis=0) * np.sum(volume * images) / np.sum(volume * images**2))

    own = [[density(one.space.parts(one.vector)) for one in (pair.electron, pair.hole)] for pair in pairs]
    weights = [scaled(electron + hole) for electron, hole in own]
    for particle in (0, 1):
        total = np.sum(weights, axis=0)
        more = [one[particle] for one in own]
        weights = [w + _missing(total, one, volume) * scaled(one) for w, one in zip(weights, more, strict=True)]
    for place in places:
        values = density(place.parts)
        nearest = pairs[int(np.argmax([np.sum(volume * weight * values) for weight in weights]))]
        state = nearest.electron if place.carrier == "electron" else nearest.hole
        if place.energy > state.bare_energy - nearest.attraction:
            continue
        same = [number for number, pair in enumerate(pairs) if pair is nearest]
        missing = _missing(np.sum(weights, axis=0), values, volume) / len(same)
        for number in same if missing else ():
            weights[number] = weights[number] + missing * scaled(values)
    return weights


def _missing(weight: Floats, images: Floats, volume: Floats) -> float:
    """How much of a density (images, P) a weight (P,) leaves uncovered: 0 to 1."""
    covered = np.sum(volume * np.minimum(weight, 1.0) * images) / np.sum(volume * images)
    return max(1 - float(covered) / COVERED, 0.0)
