"""Above the edge: independent pairs of an electron's and a hole's level, and the regions of bulk far above."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats, Indices
from qdmol.fem import MEDIUM
from qdmol.linalg import lanczos
from qdmol.meanfield import MoleculeSolution, PointSums
from qdmol.optics.values import BulkRegion, PairLevels
from qdmol.potentials import CARRIERS, Carrier, OpticalField
from qdmol.states import ceiling, tail_of

# Pairs closer than this (eV) are listed as one.
BIN = 2e-3
# A moment (eV) that is none.
DARK = 1e-12
# More |m| than this hold levels only where far more are asked for than any spectrum needs.
LARGEST_M = 60
# How well (relative) levels are found: far better than independent pairs are true.
LOOSE = 1e-8


def pair_levels(solution: MoleculeSolution, weight: Floats, share: Floats, *, top: float) -> PairLevels:
    """Every pair up to `top` (eV) above the lowest.

    `weight` (2, P) is √E_P F at the electron's quadrature points, `share` (2,) κ.
    """
    lowest = {carrier: solution.levels[carrier][0].energy for carrier in CARRIERS}
    levels = {carrier: _levels_below(solution, carrier, lowest[carrier] + top) for carrier in CARRIERS}
    complete = sum(lowest.values()) + top
    energy, moment = _moments(solution, levels, weight, share)
    kept = energy <= complete
    barriers = [
        levels[carrier].barrier + lowest[other]  # type: ignore[operator]
        for carrier, other in zip(CARRIERS, reversed(CARRIERS), strict=True)
        if levels[carrier].barrier is not None
    ]
    return PairLevels(
        *_binned(energy[kept], moment[kept]),
        complete,
        min(barriers, default=None),
        solution.wall.distance,
        sum(levels[carrier].error for carrier in CARRIERS),
    )


@dataclass(frozen=True, eq=False)
class _Levels:
    """Levels of one carrier with m >= 0 up to `limit` (eV): energy, m, parity (n,), and vectors (n, unknowns).

    `barrier` (eV) is the medium's, where it lies below the limit; `error` (eV) what the shape functions leave out.
    """

    energy: Floats
    m: Indices
    parity: Indices
    vectors: Floats
    limit: float
    barrier: float | None
    error: float


def _levels_below(solution: MoleculeSolution, carrier: Carrier, limit: float) -> _Levels:
    """Every level of a carrier up to `limit` (eV), as many as the inertia of each block says; box states among them."""
    hamiltonian = solution.hamiltonians[carrier]
    energies, vectors, numbers, error = [], [], [], 0.0
    for m in range(LARGEST_M):
        counts = {p: hamiltonian.pair(m, p, coarse=False).factor(limit).negative for p in hamiltonian.parities}
        if not any(counts.values()):
            break
        for parity, count in counts.items():
            if not count:
                continue
            pair = hamiltonian.pair(m, parity, coarse=False)
            factor = hamiltonian.floor_factor(m, parity, coarse=False)
            start = np.cos(np.arange(1, len(pair.unknowns) + 1) * math.sqrt(2))
            energy, vector = lanczos(pair.M, factor, hamiltonian.floor, count, start, tolerance=LOOSE)
            full = np.zeros((count, solution.elements.count))
            full[:, pair.unknowns] = vector.T
            error = max(error, tail_of(pair, hamiltonian.floor, vector[:, -1]).energy)
            energies.append(energy)
            vectors.append(full)
            numbers += [(m, parity)] * count
    barrier = ceiling(solution.molecule, solution.wall, carrier)
    m_of, parity_of = np.array(numbers, dtype=np.intp).reshape(-1, 2).T
    return _Levels(
        np.concatenate(energies), m_of, parity_of, np.concatenate(vectors), limit,
        barrier if barrier < limit else None, error,
    )  # fmt: skip


def _moments(
    solution: MoleculeSolution, levels: dict[Carrier, _Levels], weight: Floats, share: Floats
) -> tuple[Floats, Floats]:
    """Energy (n,) and moment (n, D, 2) of every pair; one of m > 0 counts for both signs."""
    hamiltonian = solution.hamiltonians["electron"]
    images = len(hamiltonian.parities)
    electron, hole = (levels[carrier] for carrier in CARRIERS)
    sums, others = (PointSums(hamiltonian, one.vectors) for one in (electron, hole))
    dots = np.array([dot.z for dot in solution.molecule.dots])
    rows, columns = np.nonzero((electron.m[:, None] == hole.m) & (electron.parity[:, None] == hole.parity))
    amplitude = np.zeros((2, len(dots), len(rows)))
    for sign in (1, -1)[:images]:
        nearest = np.argmin(np.abs(sign * sums.z[:, None] - dots), axis=1)
        for dot in range(len(dots)):
            there = np.flatnonzero(nearest == dot)
            for j in (0, 1):
                # A level has the norm of one mesh, which is half of a symmetric molecule.
                factor = weight[j, there] * sums.weights[there] / images
                product = (sums.values[:, there] * factor) @ others.values[:, there].T
                amplitude[j, dot] += product[rows, columns]
    signs = np.where(electron.m[rows] > 0, 2.0, 1.0)
    moment = amplitude * amplitude.sum(axis=1, keepdims=True) * share[:, None, None] * signs
    return electron.energy[rows] + hole.energy[columns], np.transpose(moment, (2, 1, 0))


def _binned(energy: Floats, moment: Floats) -> tuple[Floats, Floats]:
    """Pairs close in energy as one, at the mean energy of their moments; of dark ones at their own."""
    place = np.floor(energy / BIN).astype(np.intp)
    _, place = np.unique(place, return_inverse=True)
    joined = np.zeros((place.max(initial=-1) + 1, *moment.shape[1:]))
    np.add.at(joined, place, moment)
    weight = moment.sum(axis=(1, 2)) + DARK
    return np.bincount(place, weights=weight * energy) / np.bincount(place, weights=weight), joined


def _volumes(solution: MoleculeSolution) -> dict[str, Floats]:
    """Volume (D,) of every material inside the molecule nearest to each dot, nm³."""
    elements = solution.elements
    dots = np.array([dot.z for dot in solution.molecule.dots])
    images = len(solution.hamiltonians["electron"].parities)
    found: dict[str, Floats] = {}
    for block in elements.blocks:
        names = np.array(elements.regions)[block.region]
        for name in {name for name in names if not name.startswith(MEDIUM + "/")}:
            member = names == name
            volume = 2 * math.pi * (block.weight * block.r)[member]
            for sign in (1, -1)[:images]:
                nearest = np.argmin(np.abs(sign * block.z[member][..., None] - dots), axis=-1)
                part = np.bincount(nearest.ravel(), weights=volume.ravel(), minlength=len(dots))
                found[name] = found.get(name, np.zeros(len(dots))) + part
    return found


def bulk_regions(solution: MoleculeSolution, field: OpticalField, share: Floats) -> tuple[BulkRegion, ...]:
    """Every material inside the molecule, its moment with the mean intensity of light in it."""
    molecule = solution.molecule
    hamiltonian = solution.hamiltonians["electron"]
    intensity = field.intensity(hamiltonian.assembler)
    blocks = hamiltonian.assembler.blocks
    names = np.concatenate([np.repeat(block.region, block.r.shape[1]) for block in blocks])
    weights = np.concatenate([(block.weight * block.r).ravel() for block in blocks])
    found = []
    for name, volume in sorted(_volumes(solution).items()):
        here = names == solution.elements.regions.index(name)
        mean = (intensity[:, here] @ weights[here]) / weights[here].sum()
        parameters = molecule.parameters[name]
        kane = parameters.kane_energy or 0.0
        mass = 1 / (1 / parameters.electron_mass + 1 / parameters.hole_mass)
        gap = parameters.electron_edge + parameters.hole_edge
        moment = np.outer(np.ones(len(volume)), share * kane * mean)
        index = None if parameters.optical_permittivity is None else math.sqrt(parameters.optical_permittivity)
        found.append(BulkRegion(str(name), volume, gap, mass, moment, mean, parameters.bulk_absorption, index))
    return tuple(found)
