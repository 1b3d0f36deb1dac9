"""Labels of states of several carriers: where the carriers are with respect to each other.

The probability that two carriers are in the same dot, averaged over the pairs of a kind, shows whether they are
together; the natural orbitals of the electrons (Löwdin, Phys. Rev. 97, 1474 (1955), doi:10.1103/PhysRev.97.1474) show
whether they share one orbital that spreads over the dots.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Final

import numpy as np
import scipy.sparse as sp

from qdmol.arrays import Floats
from qdmol.ci.configurations import ConfigurationSpace, Species, pair_together, string_together
from qdmol.ci.diagonalising import Configured, Problem
from qdmol.ci.orbitals import OrbitalBasis, in_sector

# Carriers are together, or in one orbital, with at least this probability.
MOSTLY: Final = 0.75


@dataclass(frozen=True)
class Placement:
    """Location of the carriers of a state.

    Attributes
    ----------
    label : str or None
        "localised": all in one dot. "bonding", "antibonding": the electrons share one orbital that spreads over the
        dots. "segregated": carriers are in different dots. None for a single dot.
    electron_hole, electron_electron, hole_hole : float or None
        Probability that a pair is in the same dot; None without such a pair.
    shared : float
        Share of the electrons in the orbital that holds most of them (1 for one orbital, 0.5 for two alike).
    largest_dot : float
        Share of that orbital in the dot that has most of it.
    electron_dots, hole_dots : tuple of float
        Share of the electrons and of the holes in each dot.
    """

    label: str | None
    electron_hole: float
    electron_electron: float | None
    hole_hole: float | None
    shared: float
    largest_dot: float
    electron_dots: tuple[float, ...]
    hole_dots: tuple[float, ...]


def place_carriers(problem: Problem, state: Configured) -> Placement:
    """Locate the carriers of a state."""
    space = state.space
    together = {kind: _together(problem, state, kind) for kind in ("eh", "ee", "hh")}
    density = _density(space, state.vector, problem.electron)
    occupation, natural = (part[..., ::-1] for part in np.linalg.eigh(density))
    shared = float(occupation[0] / occupation.sum())
    weights = np.einsum("dab,a,b->d", problem.electron.dot_weight, natural[:, 0], natural[:, 0])
    eh = together["eh"]
    assert eh is not None
    label = None
    if len(weights) > 1:
        known = [value for value in together.values() if value is not None]
        if min(known) >= MOSTLY:
            label = "localised"
        elif shared >= MOSTLY and weights.max() < MOSTLY:
            label = _kind(problem.electron, natural[:, 0])
        else:
            label = "segregated"
    electrons = _shares(problem.electron, density)
    holes = _shares(problem.hole, _density(space, state.vector, problem.hole))
    return Placement(
        label,
        eh,
        together["ee"],
        together["hh"],
        shared,
        float(weights.max()),
        electron_dots=electrons,
        hole_dots=holes,
    )


def _kind(basis: OrbitalBasis, orbital: Floats) -> str:
    """Bonding or antibonding: by the sign on the mirror image, or without one by which of the lowest two levels is
    nearer in energy.
    """
    symmetry = basis.symmetry
    if len(symmetry.images) > 1:
        signs = np.array([symmetry.signs(symmetry.sector(*row))[-1] for row in basis.numbers.tolist()])
        return "bonding" if float(orbital**2 @ signs) > 0 else "antibonding"
    energy = float(orbital @ basis.one_body @ orbital)
    ground = np.any([in_sector(basis.numbers, sector) for sector in symmetry.ground_sectors], axis=0)
    levels = np.linalg.eigvalsh(basis.one_body[np.ix_(ground, ground)])
    return "bonding" if len(levels) < 2 or energy < levels[:2].mean() else "antibonding"


def _together(problem: Problem, state: Configured, kind: str) -> float | None:
    """Probability that a pair of a kind is in the same dot."""
    names = {"e": "electron", "h": "hole"}
    wanted = sorted(names[letter] for letter in kind)
    space = state.space
    total, pairs = 0.0, 0
    for s, t in combinations(range(len(space.species)), 2):
        left, right = space.species[s], space.species[t]
        if sorted((left.carrier, right.carrier)) == wanted:
            first, second = (problem.electron if x.carrier == "electron" else problem.hole for x in (left, right))
            operator = pair_together((s, t), left, right, first.dot_weight, second.dot_weight)
            gathered = space.gather(operator)
            vector = state.vector[gathered.order]
            total += float(vector @ gathered.times(vector))
            pairs += left.particles * right.particles
    for s, species in enumerate(space.species):
        if species.particles > 1 and wanted == [species.carrier] * 2:
            basis = problem.electron if species.carrier == "electron" else problem.hole
            density = _string_density(space, state.vector, s)
            total += float(np.sum(string_together(species, basis.dot_weight).toarray() * density))
            pairs += comb(species.particles, 2)
    return total / pairs if pairs else None


def _string_density(space: ConfigurationSpace, vector: Floats, s: int) -> Floats:
    """Density matrix of one species over its strings (S, S)."""
    others = np.delete(space.strings, s, axis=0)
    _, column = np.unique(others, axis=1, return_inverse=True)
    shape = (space.species[s].size, int(column.max()) + 1)
    amplitude = sp.csr_array(sp.coo_array((vector, (space.strings[s], column.ravel())), shape=shape))
    return np.asarray((amplitude @ amplitude.T).toarray())


def _density(space: ConfigurationSpace, vector: Floats, basis: OrbitalBasis) -> Floats:
    """<a†_a a_b> (N, N) of one carrier, summed over its spins."""
    density = np.zeros((len(basis), len(basis)))
    for s, species in enumerate(space.species):
        if species.carrier == basis.carrier:
            density += _orbital_density(species, _string_density(space, vector, s))
    return density


def _shares(basis: OrbitalBasis, density: Floats) -> tuple[float, ...]:
    """Share of the carriers in each dot."""
    carriers = np.einsum("dab,ab->d", basis.dot_weight, density)
    return tuple((carriers / carriers.sum()).tolist())


def _orbital_density(species: Species, density: Floats) -> Floats:
    """<a†_a a_b> (N, N) of a density matrix over strings."""
    count = species.orbitals
    return np.asarray(species.transitions.T @ density.ravel()).reshape(count, count)
