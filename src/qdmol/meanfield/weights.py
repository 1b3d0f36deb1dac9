"""Weight functions of orbitals: where the carriers of a pair are, and where they can get to.

The density of a pair alone misses two things. Where one carrier is compact and the other fills a thick shell, the shell
has little weight. And where a carrier has levels of nearly equal energy in two layers, the pair occupies one of them,
while the exciton is in both. What the density of the pairs does not cover is therefore added: the density of each
carrier by itself, and that of every bare level in a ground sector which the attraction of the pair can mix in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats
from qdmol.fem import Assembler, Sector
from qdmol.meanfield.carrier import flatten
from qdmol.meanfield.functions import low_levels
from qdmol.meanfield.pairing import SelfConsistentPair
from qdmol.potentials import CARRIERS, Carrier, images_of
from qdmol.states import Hamiltonian

# Levels of each carrier and ground sector that are considered.
LEVELS_PER_SECTOR = 8
# A density is covered where this part of it lies at weights of one or more; what is missing is added in proportion.
COVERED_SHARE = 0.3


@dataclass(frozen=True)
class BareLevel:
    """A bare level of one carrier in a ground sector: its energy (eV) and a vector (n,) for each ground sector."""

    carrier: Carrier
    energy: float
    parts: dict[Sector, Floats]


def low_bare_levels(hamiltonians: Mapping[Carrier, Hamiltonian]) -> tuple[BareLevel, ...]:
    """The lowest bare levels of both carriers in the ground sectors, each carrier's by energy."""
    bare = []
    for carrier in CARRIERS:
        hamiltonian = hamiltonians[carrier]
        sectors = hamiltonian.symmetry.ground_sectors
        for sector in sectors:
            pencil = hamiltonian.pencil(sector, coarse=False)
            factor = hamiltonian.factor_at_floor(sector, coarse=False)
            levels = low_levels(pencil, factor, LEVELS_PER_SECTOR)
            for energy, vector in zip(*levels, strict=True):
                parts = {key: np.zeros(hamiltonian.size) for key in sectors}
                parts[sector][pencil.unknowns] = vector
                bare.append(BareLevel(carrier, float(energy), parts))
        hamiltonian.release()
    return tuple(sorted(bare, key=lambda level: (level.carrier, level.energy)))


def pair_weights(
    assembler: Assembler, pairs: Sequence[SelfConsistentPair], levels: Sequence[BareLevel]
) -> list[Floats]:
    """The weight of each pair at a carrier's quadrature points (P,), in units of its mean.

    The density of both particles, and what the sum of all weights does not cover, each in units of its own mean. Of a
    symmetric molecule, where a pair represents two, the mean of the pair and its mirror image.
    """
    volume = assembler.measure

    def density(parts: Mapping[Sector, Floats]) -> Floats:
        return flatten(images_of(assembler, parts)) ** 2

    def scaled(images: Floats) -> Floats:
        return np.asarray(images.mean(axis=0) * np.sum(volume * images) / np.sum(volume * images**2))

    densities = [[density(state.space.parts(state.vector)) for state in (pair.electron, pair.hole)] for pair in pairs]
    weights = [scaled(electron + hole) for electron, hole in densities]
    for particle in (0, 1):
        total = np.sum(weights, axis=0)
        own = [of_pair[particle] for of_pair in densities]
        weights = [w + _missing(total, n, volume) * scaled(n) for w, n in zip(weights, own, strict=True)]
    for level in levels:
        values = density(level.parts)
        nearest = pairs[int(np.argmax([np.sum(volume * weight * values) for weight in weights]))]
        state = nearest.electron if level.carrier == "electron" else nearest.hole
        if level.energy > state.bare_energy - nearest.attraction:
            continue
        same = [number for number, pair in enumerate(pairs) if pair is nearest]
        missing = _missing(np.sum(weights, axis=0), values, volume) / len(same)
        for number in same if missing else ():
            weights[number] = weights[number] + missing * scaled(values)
    return weights


def _missing(weight: Floats, images: Floats, volume: Floats) -> float:
    """Fraction of a density (images, P) that a weight (P,) leaves uncovered."""
    covered = np.sum(volume * np.minimum(weight, 1.0) * images) / np.sum(volume * images)
    return max(1 - float(covered) / COVERED_SHARE, 0.0)
