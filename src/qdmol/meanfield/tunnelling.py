"""Tunnel coupling and detuning of two dots, and the probability of each level in each dot.

Two dots whose own levels lie Δ apart (the detuning) and that are coupled by a tunnel coupling t ≥ 0 have two levels
sqrt(Δ² + 4t²) apart. Both numbers follow from the two lowest levels of the molecule by the generalised Mulliken-Hush
rotation: in the space of the two states z is diagonalised; its eigenstates are as far apart as any two states of that
space, one in each dot, and the Hamiltonian between them has the dots' own levels on its diagonal and t beside it
(Cave and Newton, Chem. Phys. Lett. 249, 15 (1996), doi:10.1016/0009-2614(95)01310-5).

With E₂ - E₁ = S and tan φ = 2 z₁₂ / (z₂₂ - z₁₁) it is 2t = S sin φ and Δ = ± S cos φ. Where the eigenstates of z do not
lie one in each dot, as where the second level is the p level of a large dot beside a small one, there is no such pair
of levels, and no number is given.

Errors: that of S, weighted with sin φ or cos φ, and S times that of φ, which is estimated as an energy is, from the
change of φ where the states lose their shape functions of the highest degree. What moves levels beside the finite
elements (wall, closed gaps, self-polarisation) also acts between the two states and is added.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from qdmol.arrays import Floats
from qdmol.estimates import Estimate
from qdmol.fem import Assembler, Coefficient, Sector
from qdmol.linalg import lowest_ritz
from qdmol.meanfield.functions import Functions, PointSums
from qdmol.meanfield.solving import MoleculeSolution
from qdmol.states import SAFETY, WALL_SAFETY, Hamiltonian, Level, Pencil, gap_error, truncated_ritz, wall_shares
from qdmol.structure import nearest_dot

# A state with at least this probability in a dot lies in that dot.
LOCALISED_SHARE = 2 / 3
# The two states have converged when a step changes their energies by less than this (eV); a step gains two digits or
# more.
CONVERGENCE_EV = 1e-12
# Error (rad) of the angle from what such a state still lacks: the root of what it lacks in energy.
ROUNDING_ANGLE = 1e-7
# Error of the wall's matrix element over its estimate: the tails of two states meet the wall at unlike angles. Measured
# for two very unlike dots 0.7 nm apart: 3.
WALL_COUPLING_FACTOR = 4.0
# Distance (eV) of the iteration's shift from the lower level, at least.
MIN_SHIFT_EV = 1e-3
# States of one sector that are refined together: with its neighbours beside it a state converges faster.
REFINED_STATES = 4


@dataclass(frozen=True, slots=True)
class Tunnelling:
    """Tunnel coupling and detuning (eV) of two dots.

    ``detuning`` is the own level of dot 1 less that of dot 0, in the order of the spec. Both are None where the two
    lowest levels do not lie one in each dot; ``same_dot`` then is the dot that has both, None where one is spread
    over both dots.
    """

    coupling: Estimate | None
    detuning: Estimate | None
    same_dot: int | None = None


def dot_shares(solution: MoleculeSolution, levels: Iterable[Level], hamiltonian: Hamiltonian) -> Floats:
    """Probability (L, D) of each of L levels in each of D dots, space being divided by the nearest centre."""
    functions = Functions.of_levels(hamiltonian, levels)
    shares = np.diagonal(functions.near(solution.molecule.centres), axis1=1, axis2=2).T
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def field_dot_shares(solution: MoleculeSolution) -> Floats:
    """Probability (L, D) of each electron level in the field of the hole in each dot; empty without a pair."""
    operator, levels = solution.field_operator, solution.field_levels
    centres = solution.molecule.centres
    if operator is None or levels is None or not len(levels):
        return np.empty((0, len(centres)))
    assembler = operator.bare.assembler
    shares = np.zeros((len(levels), len(centres)))
    for row, level in enumerate(levels):
        for positions, vector in zip(assembler.positions, operator.images(level.vector), strict=True):
            sums = PointSums(operator.bare, vector[None])
            density = sums.weights * sums.values[0] ** 2
            shares[row] += np.bincount(nearest_dot(positions, centres), weights=density, minlength=len(centres))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def tunnelling(solution: MoleculeSolution) -> Tunnelling | None:
    """Tunnel coupling and detuning of the two lowest electron levels; None unless two dots have two levels."""
    splitting = solution.splitting
    if len(solution.molecule.dots) != 2 or splitting is None:
        return None
    hamiltonian = solution.hamiltonians["electron"]
    low, high = solution.levels["electron"].levels[:2]
    ground = hamiltonian.symmetry.ground_sectors
    if low.sector not in ground or high.sector not in ground:
        return _same_dot(dot_shares(solution, [low, high], hamiltonian))
    return _symmetric(solution, splitting) if len(ground) > 1 else _rotated(solution, splitting)


def _symmetric(solution: MoleculeSolution, splitting: Estimate) -> Tunnelling:
    """Tunnelling between equal dots: no detuning, and the whole splitting is coupling."""
    hamiltonian = solution.hamiltonians["electron"]
    low, high = solution.levels["electron"].levels[:2]
    functions = Functions.of_levels(hamiltonian, [low, high])
    upper = functions.near(solution.molecule.centres)[_along_axis(solution)[1]]
    # (low ± high) / sqrt(2), which exchange the dots under reflection, have this share in their own dot.
    if low.sector == high.sector or 0.5 + abs(upper[0, 1]) < LOCALISED_SHARE:
        return Tunnelling(None, None)
    half = Estimate.from_error(abs(splitting.value) / 2, splitting.error / 2, "eV")
    return Tunnelling(half, Estimate.from_error(0.0, 0.0, "eV"))


@dataclass(frozen=True, slots=True)
class _Rotation:
    """Two states on one space, by their angle φ: `vectors` (2, n) of the states with lower and with higher z."""

    angle: float
    vectors: Floats


def _rotated(solution: MoleculeSolution, splitting: Estimate) -> Tunnelling:
    hamiltonian = solution.hamiltonians["electron"]
    low, high = solution.levels["electron"].levels[:2]
    below, above = _along_axis(solution)
    centres = solution.molecule.centres
    axis = (centres[above] - centres[below]) / np.linalg.norm(centres[above] - centres[below])
    sector = low.sector
    start = np.stack([level.vector for level in solution.levels["electron"] if level.sector == sector][:REFINED_STATES])
    shift = low.energy - max(splitting.value, MIN_SHIFT_EV)
    fine, truncated = _rotations(hamiltonian, axis, sector, start, shift)
    own = Functions(hamiltonian, fine.vectors, (sector, sector))
    near = own.near(centres)
    if min(near[below, 0, 0], near[above, 1, 1]) < LOCALISED_SHARE:
        return _same_dot(dot_shares(solution, [low, high], hamiltonian))
    sine, cosine = math.sin(fine.angle), math.cos(fine.angle)
    apart = max(splitting.error, *(_wall_error(solution, x.energy, x.vector, x.vector) for x in (low, high)))
    turned = splitting.value * _angle_error(fine.angle, truncated, low, high, hamiltonian)
    overlap = hamiltonian.symmetry.turn * float(own.sums.weights @ np.abs(own.sums.values[0] * own.sums.values[1]))
    between = _acting_between(solution, fine.vectors, overlap)
    error = (sine * apart + abs(cosine) * turned + between) / 2
    coupling = Estimate.from_error(splitting.value * sine / 2, error, "eV")
    # cos φ > 0: the lower level has the lower z, so that the upper dot has the higher level.
    side = 1 if above == 1 else -1
    error = abs(cosine) * apart + sine * turned + between
    detuning = Estimate.from_error(side * splitting.value * cosine, error, "eV")
    return Tunnelling(coupling, detuning)


def _along_axis(solution: MoleculeSolution) -> tuple[int, int]:
    """The two dots in the order of their positions."""
    below, above = sorted((0, 1), key=lambda dot: solution.molecule.dots[dot].position)
    return below, above


def _angle_error(fine: float, truncated: float, low: Level, high: Level, hamiltonian: Hamiltonian) -> float:
    """Error (rad) of the angle: z between the states falls into place as their energies do."""
    decay = max(low.tail.decay, high.tail.decay)
    change = abs(fine - truncated) * decay / (1 - decay)
    left = low.tail.remaining(low.fall) + high.tail.remaining(high.fall)
    change += math.sin(fine) * left / (low.energy - hamiltonian.floor)
    return SAFETY * change + ROUNDING_ANGLE


def _acting_between(solution: MoleculeSolution, vectors: Floats, overlap: float) -> float:
    """Largest change (eV) of 2t and Δ by errors that no refinement removes, acting between the states `vectors` (2, n).

    That is the wall, closed gaps and the error of the self-polarisation; `overlap` is ∫|ψ_a ψ_b|, which bounds what a
    potential does between them.
    """
    pair = solution.levels["electron"].levels[:2]
    further = max(level.error - SAFETY * level.tail.remaining(level.fall) for level in pair)
    closed = gap_error(solution.molecule, solution.resolution, "electron", pair[1].energy)
    wall = _wall_error(solution, pair[1].energy, *(vectors * math.sqrt(solution.symmetry.turn)))
    return 2 * (max(further, 0.0) * overlap + closed + WALL_COUPLING_FACTOR * wall)


def _wall_error(solution: MoleculeSolution, energy: float, bra: Floats, ket: Floats) -> float:
    """Upper bound (eV) of the wall's contribution to a matrix element, or to a level if both states are the same."""

    def density(assembler: Assembler) -> Coefficient:
        pairs = zip(assembler.evaluate(bra), assembler.evaluate(ket), strict=True)
        return [np.abs(first * second) for first, second in pairs]

    return WALL_SAFETY * float(wall_shares(solution.hamiltonians["electron"], solution.wall, energy, density).sum())


def _rotations(
    hamiltonian: Hamiltonian, axis: Floats, sector: Sector, start: Floats, shift: float
) -> tuple[_Rotation, float]:
    """The two lowest states, rotated so that the position along `axis` is diagonal, and the angle of these states
    without the shape functions of the highest degree.

    `start` (k, n) are vectors close to them. `shift` (eV) lies below both: then a continuum close above does not
    slow the iteration down.
    """
    pencil = hamiltonian.pencil(sector, coarse=False)
    factor = pencil.factor(shift)
    _, states = lowest_ritz(pencil.A, pencil.M, factor, start[:, pencil.unknowns].T, tolerance=CONVERGENCE_EV, count=2)
    _, truncated = truncated_ritz(pencil, states)
    return _rotation(hamiltonian, axis, pencil, states), _rotation(hamiltonian, axis, pencil, truncated).angle


def _rotation(hamiltonian: Hamiltonian, axis: Floats, pencil: Pencil, states: Floats) -> _Rotation:
    """Two states (n, 2) of a pencil, rotated so that the position along `axis` is diagonal."""
    turn = hamiltonian.symmetry.turn
    full = np.zeros((2, hamiltonian.size))
    full[:, pencil.unknowns] = states.T / math.sqrt(turn)
    sums = PointSums(hamiltonian, full)
    (positions,) = hamiltonian.assembler.positions
    z = turn * (sums.values * sums.weights * (positions @ axis)) @ sums.values.T
    angle = math.atan2(2 * abs(z[0, 1]), z[1, 1] - z[0, 0])
    _, rotation = np.linalg.eigh(z)
    return _Rotation(angle, rotation.T @ full)


def _same_dot(shares: Floats) -> Tunnelling:
    """Result without coupling and detuning, with the dot that contains both levels according to their shares (2, D)."""
    both = np.flatnonzero(shares.min(axis=0) >= LOCALISED_SHARE)
    return Tunnelling(None, None, int(both[0]) if len(both) else None)
