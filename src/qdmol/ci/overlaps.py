"""Overlaps of electron and hole, which determine an exciton's recombination and short-range exchange.

The hole's function is the conjugate of that of the missing electron, so that a pair in ψ_a, ψ_c recombines with the
amplitude ∫ ψ_a ψ_c d³r (Brus, J. Chem. Phys. 80, 4403 (1984), doi:10.1063/1.447218), times a factor of the bands' Bloch
functions that is the same for all states.
"""

from __future__ import annotations

import numpy as np

from qdmol.arrays import Bools, Floats, Indices
from qdmol.ci.diagonalising import Configured, Problem
from qdmol.ci.orbitals import OrbitalBasis, in_sector
from qdmol.meanfield import PointSums
from qdmol.structure import nearest_dot


def overlaps(electrons: OrbitalBasis, holes: OrbitalBasis) -> Floats:
    """∫ ψ_a ψ_c d³r (N_e, N_h) over the whole molecule; zero unless the product is in the identity's sector.

    Raises
    ------
    ValueError
        Orbitals are given without their functions.
    """
    first, second, weights = _at_points(electrons, holes)
    return np.asarray(((first * weights) @ second.T) * _totally_symmetric(electrons, holes))


def weighted_overlaps(electrons: OrbitalBasis, holes: OrbitalBasis, weight: Floats, centres: Floats) -> Floats:
    """∫ ψ_a w ψ_c d³r (D, N_e, N_h) over the part of space nearest to each dot's centre.

    `weight` (P,) is w at the electron's quadrature points, the same on all images; `centres` (D, 3) are those of the
    dots in nm. The sum over the dots with w = 1 is `overlaps`.

    Raises
    ------
    ValueError
        Orbitals are given without their functions.
    """
    first, second, weights = _at_points(electrons, holes)
    assert electrons.functions is not None  # refused by _at_points
    assembler, images = electrons.functions.sums.assembler, electrons.functions.images
    products = np.zeros((len(centres), len(electrons), len(holes)))
    for positions in assembler.positions:
        nearest = nearest_dot(positions, centres)
        for dot in range(len(centres)):
            there = np.flatnonzero(nearest == dot)
            share = weight[there] * weights[there] / images
            products[dot] += (first[:, there] * share) @ second[:, there].T
    return np.asarray(products * _totally_symmetric(electrons, holes))


def _totally_symmetric(electrons: OrbitalBasis, holes: OrbitalBasis) -> Bools:
    """Whether products (N_e, N_h) are in the identity's sector, so that their integral does not vanish."""
    symmetry = electrons.symmetry
    numbers = symmetry.combine(electrons.numbers[:, None], holes.numbers[None, :])
    return in_sector(numbers, symmetry.identity)


def strength(problem: Problem, state: Configured) -> float:
    """|<0| Σ S_ac e_a h_c |state>|² of an exciton, with overlaps S: 1 for an electron and a hole in one function.

    It applies to one direction of the spins; the sum over all states is that over all pairs of orbitals, Σ S_ac².

    Raises
    ------
    ValueError
        The state is not of one electron and one hole.
    """
    electron, hole = _orbitals(state)
    return float((overlaps(problem.electron, problem.hole)[electron, hole] @ state.vector) ** 2)


def contact_density(problem: Problem, state: Configured) -> float:
    """Contact density ∫ |Ψ(r, r)|² d³r (1/nm³) of an exciton, with electron and hole at the same place.

    Raises
    ------
    ValueError
        The state is not of one electron and one hole.
    """
    electron, hole = _orbitals(state)
    first, second, weights = _at_points(problem.electron, problem.hole)
    amplitude = np.zeros((len(problem.electron), len(problem.hole)))
    amplitude[electron, hole] = state.vector
    return float(weights @ np.einsum("ap,ap->p", first, amplitude @ second) ** 2)


def _orbitals(state: Configured) -> tuple[Indices, Indices]:
    """The electron's and the hole's orbital (n,) in each configuration."""
    species = state.space.species
    if [(kind.carrier, kind.particles) for kind in species] != [("electron", 1), ("hole", 1)]:
        message = "the state has to consist of one electron and one hole"
        raise ValueError(message)
    electron, hole = (carrier.strings[rows, 0] for carrier, rows in zip(species, state.space.strings, strict=True))
    return electron, hole


def _at_points(electrons: OrbitalBasis, holes: OrbitalBasis) -> tuple[Floats, Floats, Floats]:
    """Both carriers' functions u (N, P) at the electron's points, and the weights (P,) of an integral over all space.

    The electron's points suffice, since its function is zero where only the hole can be.
    """
    electron, hole = electrons.functions, holes.functions
    if electron is None or hole is None or electrons.radial is None or holes.radial is None:
        message = "overlaps need the orbitals' functions"
        raise ValueError(message)
    sums = electron.sums
    second = PointSums(electron.hamiltonian, hole.vectors).values
    weights = electrons.symmetry.turn * electron.images * sums.weights
    return sums.values[electrons.radial], second[holes.radial], weights
