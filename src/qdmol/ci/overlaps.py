"""Electron and hole at one place: what an exciton's recombination and its short-range exchange go by.

The hole's function is the conjugate of that of the electron it lacks, so that a pair in ψ_a, ψ_c recombines with the
amplitude ∫ ψ_a ψ_c d³r (Brus, J. Chem. Phys. 80, 4403 (1984), doi:10.1063/1.447218), times what the bands' Bloch
functions bring, which is the same for all states.
"""

from __future__ import annotations

import math

import numpy as np

from qdmol.arrays import Floats, Indices
from qdmol.ci.diagonalising import Configured, Problem
from qdmol.ci.orbitals import OrbitalBasis
from qdmol.meanfield import PointSums


def overlaps(electrons: OrbitalBasis, holes: OrbitalBasis) -> Floats:
    """∫ ψ_a ψ_c d³r (N_e, N_h) over the whole molecule; it vanishes but for m_a = -m_c and equal parity.

    Raises
    ------
    ValueError
        Orbitals that come without their functions.
    """
    first, second, weights = _at_points(electrons, holes)
    same = (electrons.m[:, None] == -holes.m) & (electrons.parity[:, None] == holes.parity)
    return np.asarray(((first * weights) @ second.T) * same)


def weighted_overlaps(electrons: OrbitalBasis, holes: OrbitalBasis, weight: Floats, dots: Floats) -> Floats:
    """∫ ψ_a w ψ_c d³r (D, N_e, N_h) over the part of space nearest to each dot's centre along z.

    `weight` (P,) is w at the electron's quadrature points, of a symmetric molecule even in z; `dots` (D,) the z (nm)
    of the centres. The sum over the dots with w = 1 is `overlaps`.

    Raises
    ------
    ValueError
        Orbitals that come without their functions.
    """
    first, second, weights = _at_points(electrons, holes)
    assert electrons.functions is not None  # refused by _at_points
    sums, images = electrons.functions.sums, electrons.functions.images
    same = (electrons.m[:, None] == -holes.m) & (electrons.parity[:, None] == holes.parity)
    found = np.zeros((len(dots), len(electrons), len(holes)))
    for sign in (1, -1)[:images]:
        nearest = np.argmin(np.abs(sign * sums.z[:, None] - dots), axis=1)
        for dot in range(len(dots)):
            there = np.flatnonzero(nearest == dot)
            share = weight[there] * weights[there] / images
            found[dot] += (first[:, there] * share) @ second[:, there].T
    return np.asarray(found * same)


def strength(problem: Problem, state: Configured) -> float:
    """|<0| Σ S_ac e_a h_c |state>|² of an exciton, S the overlaps: 1 for an electron and a hole in one function.

    For one direction of the spins; the sum over all states is that over all pairs of orbitals, Σ S_ac².

    Raises
    ------
    ValueError
        The state is not of one electron and one hole.
    """
    electron, hole = _orbitals(state)
    return float((overlaps(problem.electron, problem.hole)[electron, hole] @ state.vector) ** 2)


def contact_density(problem: Problem, state: Configured) -> float:
    """∫ |Ψ(r, r)|² d³r (1/nm³) of an exciton: how likely electron and hole are at one place.

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
    species = state.sector.species
    if [(one.carrier, one.particles) for one in species] != [("electron", 1), ("hole", 1)]:
        message = "only one electron and one hole recombine to nothing"
        raise ValueError(message)
    electron, hole = (one.strings[rows, 0] for one, rows in zip(species, state.sector.strings, strict=True))
    return electron, hole


def _at_points(electrons: OrbitalBasis, holes: OrbitalBasis) -> tuple[Floats, Floats, Floats]:
    """Both carriers' functions u (N, P) at the electron's points, and the weights (P,) of an integral over all space.

    Where only the hole can be, the electron's function is zero: the electron's points are enough.
    """
    one, two = electrons.functions, holes.functions
    if one is None or two is None or electrons.radial is None or holes.radial is None:
        message = "overlaps need the orbitals' functions"
        raise ValueError(message)
    sums = one.sums
    second = PointSums(one.hamiltonian, two.vectors).values
    return sums.values[electrons.radial], second[holes.radial], 2 * math.pi * one.images * sums.weights
