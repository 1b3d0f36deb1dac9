"""Excitons near the band edge by configuration interaction: every sector diagonalised completely, with its moments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.ci import (
    ConfigurationSpace,
    Configured,
    Problem,
    contact_density,
    make_species,
    pair_operators,
    weighted_overlaps,
)
from qdmol.optics.values import ExcitonLevels

# Levels up to this far (eV) above the lowest are kept.
KEPT_EV: Final = 0.8
# Levels up to this far (eV) above the lowest of their sector get a place of the hole and a contact density: those that
# are thermally populated.
THERMAL_EV: Final = 0.35


@dataclass(frozen=True, eq=False)
class SectorStates:
    """All states of one sector: energies (n,) in eV and vectors (size, n) over its configurations."""

    space: ConfigurationSpace
    energy: Floats
    vectors: Floats


def sector_states(problem: Problem, *, top: float) -> Iterator[SectorStates]:
    """All states of the families of sectors with at least one state within `top` (eV) of the lowest state."""
    species = [make_species(problem.electron, 1, None), make_species(problem.hole, 1, None)]
    operators = pair_operators(species, problem.signed)
    lowest = np.inf
    for family in problem.symmetry.families():
        states = [_diagonalised(ConfigurationSpace(species, operators, sector)) for sector in family]
        states = [part for part in states if len(part.energy)]
        lowest = min([lowest, *(float(part.energy[0]) for part in states)])
        if not any(part.energy[0] <= lowest + top for part in states):
            return
        yield from states


def _diagonalised(space: ConfigurationSpace) -> SectorStates:
    if not space.size:
        return SectorStates(space, np.empty(0), np.empty((0, 0)))
    matrix = np.stack([space.apply(row) for row in np.eye(space.size)])
    return SectorStates(space, *np.linalg.eigh((matrix + matrix.T) / 2))


def exciton_levels(
    problem: Problem, weight: Floats, share: Floats, centres: Floats, *, contact: bool = False
) -> ExcitonLevels:
    """Levels within KEPT_EV of the lowest, with their moments.

    Parameters
    ----------
    problem
        Orbitals of both carriers and their attraction.
    weight
        √E_P F at the electron's quadrature points (J + 1, P): for light along each of the J directions, and √E_P alone.
    share
        κ (J,) of the hole's Bloch function.
    centres
        Of the dots, (D, 3) in nm.
    contact
        Whether to compute contact densities.
    """
    products = [weighted_overlaps(problem.electron, problem.hole, row, centres) for row in weight]
    parts = [
        _levels(problem, states, products, share, contact=contact) for states in sector_states(problem, top=KEPT_EV)
    ]
    energy = np.concatenate([part.energy for part in parts])
    order = np.argsort(energy, kind="stable")
    order = order[energy[order] <= energy.min() + KEPT_EV]
    return ExcitonLevels(
        len(problem.electron) + len(problem.hole),
        energy[order],
        np.concatenate([part.numbers for part in parts])[order],
        np.concatenate([part.degeneracy for part in parts])[order],
        np.concatenate([part.moment for part in parts])[order],
        np.concatenate([part.bare for part in parts])[order],
        np.concatenate([part.place for part in parts])[order],
        np.concatenate([part.contact for part in parts])[order],
    )


def _levels(
    problem: Problem, states: SectorStates, products: Sequence[Floats], share: Floats, *, contact: bool
) -> ExcitonLevels:
    """Levels of one sector; only those in the sector of the identity recombine."""
    space, symmetry = states.space, states.space.symmetry
    electron, hole = (kind.strings[rows, 0] for kind, rows in zip(space.species, space.strings, strict=True))
    count, dots = len(states.energy), len(products[0])
    moment, bare = np.zeros((count, dots, len(share))), np.zeros((count, dots))
    if space.sector == symmetry.identity:
        for j, product in enumerate(products):
            amplitude = (product[:, electron, hole] @ states.vectors).T
            by_dot = amplitude * amplitude.sum(axis=1, keepdims=True)
            if j < len(share):
                moment[:, :, j] = share[j] * by_dot
            else:
                bare = by_dot / 3
    place = np.full((count, dots), 1 / dots)
    contacts = np.full(count, np.nan)
    for k in np.flatnonzero(states.energy <= states.energy[0] + THERMAL_EV).tolist():
        table = np.zeros((len(problem.electron), len(problem.hole)))
        table[electron, hole] = states.vectors[:, k]
        place[k] = np.einsum("dab,ab->d", problem.hole.dot_weight, table.T @ table)
        if contact:
            state = Configured(float(states.energy[k]), 0.5, 0.5, space, states.vectors[:, k])
            contacts[k] = contact_density(problem, state)
    return ExcitonLevels(
        orbitals=len(problem.electron) + len(problem.hole),
        energy=states.energy,
        numbers=np.tile(np.array(space.sector.numbers), (count, 1)),
        degeneracy=np.full(count, float(symmetry.multiplicity(space.sector))),
        moment=moment,
        bare=bare,
        place=place,
        contact=contacts,
    )
