"""Excitons near the band edge by configuration interaction: every sector diagonalised whole, with its moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.ci import Configured, Problem, Sector, contact_density, make_species, pair_operators, weighted_overlaps
from qdmol.optics.values import ExcitonLevels

# Levels kept above the lowest (eV), and of which the hole's place and the contact are found: what heat can reach.
KEPT = 0.8
THERMAL = 0.35


@dataclass(frozen=True, eq=False)
class _Whole:
    """All states of one sector: energies (n,) and vectors (size, n)."""

    sector: Sector
    m: int
    parity: int
    energy: Floats
    vectors: Floats


def whole_sectors(problem: Problem, *, top: float) -> Iterator[_Whole]:
    """Every state (of m >= 0 and each parity) of the sectors that hold one within `top` (eV) of the lowest of all."""
    species = [make_species(problem.electron, 1, None), make_species(problem.hole, 1, None)]
    operators = pair_operators(species, problem.signed)
    parities = sorted({int(p) for p in problem.electron.parity}, reverse=True)
    lowest = np.inf
    for m in range(int(problem.electron.m.max() + problem.hole.m.max()) + 1):
        found = [_diagonalised(Sector(species, operators, m=m, parity=p), m, p) for p in parities]
        found = [one for one in found if len(one.energy)]
        lowest = min([lowest, *(float(one.energy[0]) for one in found)])
        if not any(one.energy[0] <= lowest + top for one in found):
            return
        yield from found


def _diagonalised(sector: Sector, m: int, parity: int) -> _Whole:
    if not sector.size:
        return _Whole(sector, m, parity, np.empty(0), np.empty((0, 0)))
    matrix = np.stack([sector.apply(row) for row in np.eye(sector.size)])
    return _Whole(sector, m, parity, *np.linalg.eigh((matrix + matrix.T) / 2))


def exciton_levels(
    problem: Problem, weight: Floats, share: Floats, dots: Floats, *, contact: bool = False
) -> ExcitonLevels:
    """Levels within KEPT of the lowest, with their moments.

    Parameters
    ----------
    problem
        Orbitals of both carriers and their attraction.
    weight
        √E_P F at the electron's quadrature points (3, P), for light across and along the axis, and √E_P alone.
    share
        κ (2,) of the hole's Bloch function.
    dots
        The centres' z (D,), nm.
    contact
        Whether the contact density is wanted.
    """
    products = [weighted_overlaps(problem.electron, problem.hole, one, dots) for one in weight]
    parts = [_levels(problem, whole, products, share, contact=contact) for whole in whole_sectors(problem, top=KEPT)]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    energy = columns[0]
    order = np.argsort(energy, kind="stable")
    order = order[energy[order] <= energy.min() + KEPT]
    return ExcitonLevels(len(problem.electron) + len(problem.hole), *(column[order] for column in columns))


def _levels(
    problem: Problem, whole: _Whole, products: list[Floats], share: Floats, *, contact: bool
) -> tuple[NDArray[Any], ...]:
    """Energy, m, parity, moment, bare moment, place, contact of a sector's states."""
    species, sector = whole.sector.species, whole.sector
    electron, hole = (one.strings[rows, 0] for one, rows in zip(species, sector.strings, strict=True))
    count, dots = len(whole.energy), len(products[0])
    moment, bare = np.zeros((count, dots, 2)), np.zeros((count, dots))
    if whole.m == 0 and whole.parity >= 0:
        for j, product in enumerate(products):
            amplitude = (product[:, electron, hole] @ whole.vectors).T
            by_dot = amplitude * amplitude.sum(axis=1, keepdims=True)
            if j < len(share):
                moment[:, :, j] = share[j] * by_dot
            else:
                bare = by_dot / 3
    place = np.full((count, dots), 1 / dots)
    touch = np.full(count, np.nan)
    low = np.flatnonzero(whole.energy <= whole.energy[0] + THERMAL)
    for k in low:
        table = np.zeros((len(problem.electron), len(problem.hole)))
        table[electron, hole] = whole.vectors[:, k]
        place[k] = np.einsum("dab,ab->d", problem.hole.dot_weight, table.T @ table)
        if contact:
            touch[k] = contact_density(problem, _configured(whole, int(k)))
    kind = np.full(count, whole.m), np.full(count, whole.parity)
    return whole.energy, *kind, moment, bare, place, touch


def _configured(whole: _Whole, k: int) -> Configured:
    return Configured(float(whole.energy[k]), whole.m, whole.parity, 0.5, 0.5, whole.sector, whole.vectors[:, k])
