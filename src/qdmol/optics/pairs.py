"""Independent pairs of an electron's and a hole's level above the band edge, and the bulk materials far above it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.fem import Sector, material_of
from qdmol.linalg import lowest_pairs
from qdmol.meanfield import MoleculeSolution, PointSums
from qdmol.optics.values import BulkRegion, PairLevels
from qdmol.potentials import CARRIERS, Carrier, OpticalField
from qdmol.states import ceiling, tail_of
from qdmol.structure import MEDIUM, nearest_dot

# Pairs closer than this (eV) are joined.
BIN_EV: Final = 2e-3
# A moment (eV) that is negligible.
DARK: Final = 1e-12
# Relative residual of levels, whose errors in energy are of its square: far better than those of independent pairs.
LEVEL_ACCURACY: Final = 1e-4


def pair_levels(solution: MoleculeSolution, weight: Floats, share: Floats, *, top: float) -> PairLevels:
    """Every pair up to `top` (eV) above the lowest.

    `weight` (J, P) is √E_P F at the electron's quadrature points for light along each direction, `share` (J,) κ.
    """
    lowest = {carrier: solution.levels[carrier][0].energy for carrier in CARRIERS}
    levels = {carrier: _levels_below(solution, carrier, lowest[carrier] + top) for carrier in CARRIERS}
    complete = sum(lowest.values()) + top
    energy, moment = _moments(solution, levels, weight, share)
    kept = energy <= complete
    barriers = [
        levels[carrier].barrier + lowest[partner]  # type: ignore[operator]
        for carrier, partner in zip(CARRIERS, reversed(CARRIERS), strict=True)
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
    """Levels of one carrier up to `limit` (eV), one of each set of partners: energy (n,), functions, and sectors.

    `barrier` (eV) is that of the medium if it lies below the limit; `error` (eV) is that of the shape functions.
    """

    energy: Floats
    sectors: tuple[Sector, ...]
    vectors: Floats
    limit: float
    barrier: float | None
    error: float


def _levels_below(solution: MoleculeSolution, carrier: Carrier, limit: float) -> _Levels:
    """Every level of a carrier up to `limit` (eV), box states included."""
    hamiltonian = solution.hamiltonians[carrier]
    energies: list[Floats] = []
    vectors: list[Floats] = []
    sectors: list[Sector] = []
    error = 0.0
    for family in hamiltonian.symmetry.families():
        before = len(sectors)
        for sector in family:
            pencil = hamiltonian.pencil(sector, coarse=False)
            factor = hamiltonian.factor_at_floor(sector, coarse=False)
            energy, vector = lowest_pairs(pencil.M, factor, len(pencil.unknowns), tolerance=LEVEL_ACCURACY, top=limit)
            if not len(energy):
                continue
            full = np.zeros((len(energy), solution.elements.count))
            full[:, pencil.unknowns] = vector.T
            error = max(error, tail_of(pencil, hamiltonian.floor, vector[:, -1]).energy)
            energies.append(energy)
            vectors.append(full)
            sectors += [sector] * len(energy)
        if len(sectors) == before:
            break
    barrier = ceiling(solution.molecule, solution.wall, carrier)
    return _Levels(
        np.concatenate(energies),
        tuple(sectors),
        np.concatenate(vectors),
        limit,
        barrier if barrier < limit else None,
        error,
    )


def _moments(
    solution: MoleculeSolution, levels: dict[Carrier, _Levels], weight: Floats, share: Floats
) -> tuple[Floats, Floats]:
    """Energy (n,) and moment (n, D, J) of every pair; one counts for all its partners by symmetry."""
    hamiltonian, centres = solution.hamiltonians["electron"], solution.molecule.centres
    symmetry = hamiltonian.symmetry
    electron, hole = (levels[carrier] for carrier in CARRIERS)
    sums, others = (PointSums(hamiltonian, carrier.vectors) for carrier in (electron, hole))
    # The hole's partner is in the conjugate sector, so that the pair recombines.
    pairs = [
        (a, c)
        for a, electron_sector in enumerate(electron.sectors)
        for c, hole_sector in enumerate(hole.sectors)
        if electron_sector == hole_sector
    ]
    rows, columns = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    amplitude = np.zeros((len(weight), len(centres), len(rows)))
    for positions in hamiltonian.assembler.positions:
        nearest = nearest_dot(positions, centres)
        for dot in range(len(centres)):
            there = np.flatnonzero(nearest == dot)
            for j, row in enumerate(weight):
                # A level is normalised on the meshed part, of which there is one for each image.
                factor = row[there] * sums.weights[there] / len(symmetry.images)
                product = (sums.values[:, there] * factor) @ others.values[:, there].T
                amplitude[j, dot] += product[rows, columns]
    partners = np.array([float(symmetry.multiplicity(electron.sectors[row])) for row in rows])
    moment = amplitude * amplitude.sum(axis=1, keepdims=True) * share[:, None, None] * partners
    return electron.energy[rows] + hole.energy[columns], np.transpose(moment, (2, 1, 0))


def _binned(energy: Floats, moment: Floats) -> tuple[Floats, Floats]:
    """Join pairs of close energy, at the mean energy weighted by their moments; dark ones at their mean energy."""
    place = np.floor(energy / BIN_EV).astype(np.intp)
    _, place = np.unique(place, return_inverse=True)
    joined = np.zeros((place.max(initial=-1) + 1, *moment.shape[1:]))
    np.add.at(joined, place, moment)
    weight = moment.sum(axis=(1, 2)) + DARK
    return np.bincount(place, weights=weight * energy) / np.bincount(place, weights=weight), joined


def _volumes(solution: MoleculeSolution) -> dict[str, Floats]:
    """Volume (D,) of every material inside the molecule nearest to each dot, nm³."""
    elements, centres = solution.elements, solution.molecule.centres
    volumes: dict[str, Floats] = {}
    for block in elements.blocks:
        names = np.array(elements.regions)[block.region]
        for name in {name for name in names if material_of(name) != MEDIUM}:
            member = names == name
            volume = elements.symmetry.turn * block.measure[member]
            for image in elements.symmetry.images:
                nearest = nearest_dot(image.place(block.points[member]), centres)
                part = np.bincount(nearest.ravel(), weights=volume.ravel(), minlength=len(centres))
                volumes[name] = volumes.get(name, np.zeros(len(centres))) + part
    return volumes


def bulk_regions(solution: MoleculeSolution, field: OpticalField, share: Floats) -> tuple[BulkRegion, ...]:
    """Every material inside the molecule, its moment with the mean intensity of light in it."""
    molecule = solution.molecule
    assembler = solution.hamiltonians["electron"].assembler
    intensity = field.intensity(assembler)
    names = np.concatenate([np.repeat(block.region, block.measure.shape[1]) for block in assembler.blocks])
    regions = []
    for name, volume in sorted(_volumes(solution).items()):
        here = names == solution.elements.regions.index(name)
        mean = (intensity[:, here] @ assembler.measure[here]) / assembler.measure[here].sum()
        parameters = molecule.parameters[name]
        kane = parameters.kane_energy or 0.0
        mass = 1 / (1 / parameters.electron_mass + 1 / parameters.hole_mass)
        gap = parameters.electron_edge + parameters.hole_edge
        moment = np.outer(np.ones(len(volume)), share * kane * mean)
        index = None if parameters.optical_permittivity is None else math.sqrt(parameters.optical_permittivity)
        regions.append(BulkRegion(str(name), volume, gap, mass, moment, mean, parameters.bulk_absorption, index))
    return tuple(regions)
