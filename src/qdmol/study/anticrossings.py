"""Levels followed along an axis by their symmetry, and where two of one symmetry come closest.

Levels of one symmetry do not cross (von Neumann and Wigner, Phys. Z. 30, 467 (1929)): two levels of two coupled states
whose detuning Δ passes through zero are sqrt(Δ² + 4t²) apart, at least 2t. The square of the distance is a parabola
where Δ is linear and t constant, so the smallest distance is taken from a parabola through the squares at three points.
Its error contains the errors of the levels, and how far the parabola through the next points gives another distance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qdmol.arrays import Floats
from qdmol.estimates import Estimate

# On both sides the distance rises to at least this many times the smallest one; a flatter curve has no anticrossing.
RISE = 1.1


@dataclass(frozen=True, slots=True, eq=False)
class LevelLine:
    """One level of a symmetry along an axis: energies and errors (P,), NaN where there is none.

    `places` (P,) are its places in the lists of levels, -1 where there is none. `parity` is empty without a mirror.
    """

    m: int
    parity: str
    energy: Floats
    error: Floats
    places: np.ndarray

    @property
    def symmetry(self) -> tuple[int, str]:
        """Absolute angular momentum about the axis, and parity."""
        return abs(self.m), self.parity


@dataclass(frozen=True, slots=True)
class Anticrossing:
    """Smallest distance of two neighbouring levels of one symmetry along an axis.

    Attributes
    ----------
    carrier : str
        ``electron``, ``hole``, or ``electron_coulomb`` for the electron in the field of the hole.
    levels : tuple of int
        Places of both in the list of levels, from 0, at the nearest point.
    position : float
        On the axis, in its unit.
    gap : Estimate
        Smallest distance, meV.
    """

    carrier: str
    levels: tuple[int, int]
    position: float
    gap: Estimate


def follow_levels(energy: Floats, error: Floats, m: Floats, parity: np.ndarray) -> list[LevelLine]:
    """Return the levels (P, L) of points along an axis as lines, one for each level of each symmetry, lowest first.

    Parity separates levels only if every point with levels has it: in a field, or with unlike dots, it is lost.
    """
    there = np.isfinite(energy)
    marks = np.asarray(parity, dtype=object)
    mirror = bool(there.any()) and bool((marks[there] != "").all())
    symmetries = sorted(
        {(int(m[place]), str(marks[place]) if mirror else "") for place in zip(*np.nonzero(there), strict=True)}
    )
    lines: list[LevelLine] = []
    for angular, sign in symmetries:
        members = there & (m == angular) & ((marks == sign) if mirror else True)
        for order in range(int(members.sum(axis=1).max())):
            places = np.array([_nth(row, order) for row in members])
            given = places >= 0
            picked = np.where(given, places, 0)[:, None]
            energies, errors = (
                np.where(given, np.take_along_axis(numbers, picked, axis=1)[:, 0], np.nan)
                for numbers in (energy, error)
            )
            lines.append(LevelLine(angular, sign, energies, errors, places))
    return sorted(lines, key=lambda line: float(np.nanmin(line.energy)))


def level_lines(
    values: Callable[[str], np.ndarray | None], carrier: str, order: np.ndarray | None = None
) -> list[LevelLine]:
    """Return the levels of a carrier along an axis as lines; none where they are not known.

    Parameters
    ----------
    values
        Gives the variables of a map over one axis, ``electron_energy`` (P, L) and others, by name.
    carrier
        ``electron``, ``hole`` or ``electron_coulomb``.
    order
        Of the points along the axis; as they are by default.
    """
    energy, error, m = (values(f"{carrier}_{key}") for key in ("energy", "error", "m"))
    if energy is None or error is None or m is None:
        return []
    shape = (-1, energy.shape[-1])
    parity = values(f"{carrier}_parity")
    marks = np.full(energy.shape, "", dtype=object) if parity is None else parity
    columns = [part.reshape(shape) for part in (energy, error, m, marks)]
    if order is not None:
        columns = [part[order] for part in columns]
    return follow_levels(*columns)


def _nth(row: np.ndarray, order: int) -> int:
    """Place of the n-th true entry, -1 if there are fewer."""
    places = np.flatnonzero(row)
    return int(places[order]) if order < len(places) else -1


def anticrossings(carrier: str, position: Floats, lines: Sequence[LevelLine]) -> list[Anticrossing]:
    """Return where neighbouring levels of one symmetry come closest, in order of position (P,), which rises.

    Energies are in eV, their errors in meV. Levels with angular momentum m and -m are listed once.
    """
    results = []
    for symmetry in dict.fromkeys((line.m, line.parity) for line in lines if line.m >= 0):
        alike = sorted(
            (line for line in lines if (line.m, line.parity) == symmetry),
            key=lambda line: float(np.nanmean(line.places)),
        )
        for lower, upper in pairwise(alike):
            gap, error = 1000 * (upper.energy - lower.energy), upper.error + lower.error
            for place in _minima(gap):
                levels = (int(lower.places[place]), int(upper.places[place]))
                if levels[1] == levels[0] + 1:  # no level of another symmetry between them
                    where, smallest = _closest(position, gap, error, place)
                    results.append(Anticrossing(carrier, levels, where, smallest))
    return sorted(results, key=lambda crossing: (crossing.levels, crossing.position))


def _minima(gap: Floats) -> list[int]:
    """Places of the minima (not at an end, nor beside a missing value) on both sides of which the gap rises."""
    places = []
    for place in range(1, len(gap) - 1):
        around = gap[place - 1 : place + 2]
        if np.isfinite(around).all() and gap[place] < gap[place - 1] and gap[place] <= gap[place + 1]:
            sides = (_run(gap[place::-1]), _run(gap[place:]))
            if all(side >= RISE * gap[place] for side in sides):
                places.append(place)
    return places


def _run(gap: Floats) -> float:
    """Largest value up to the first missing one."""
    missing = np.flatnonzero(~np.isfinite(gap))
    return float(np.max(gap[: missing[0]] if missing.size else gap))


def _closest(position: Floats, gap: Floats, error: Floats, place: int) -> tuple[float, Estimate]:
    """Position and size of the smallest gap (meV) near a minimum of the sampled ones."""
    own = _vertex(position, gap, error, place)
    if own is None:  # flat to rounding
        return float(position[place]), Estimate.from_error(float(gap[place]), float(error[place]), "meV")
    where, square, spread = own
    smallest = float(np.sqrt(max(square, 0.0)))
    neighbours = (_vertex(position, gap, error, other) for other in (place - 1, place + 1))
    others = [float(np.sqrt(max(vertex[1], 0.0))) for vertex in neighbours if vertex is not None]
    curvature = max((abs(other - smallest) for other in others), default=float(gap[place]) - smallest)
    # From a square v ± s: the root is within s / (sqrt(v) + sqrt(v - s)).
    below = spread / (smallest + float(np.sqrt(max(square - spread, 0.0)))) if smallest > 0 else float(np.sqrt(spread))
    uncertainty = min(curvature + below, max(float(gap[place]), smallest))
    return where, Estimate.from_error(smallest, uncertainty, "meV")


def _vertex(position: Floats, gap: Floats, error: Floats, place: int) -> tuple[float, float, float] | None:
    """Vertex of the parabola through the squared gaps around a point: position, square and its error (meV²)."""
    if not 1 <= place <= len(gap) - 2:
        return None
    nearby = slice(place - 1, place + 2)
    x, y, spread = position[nearby] - position[place], gap[nearby] ** 2, 2 * gap[nearby] * error[nearby]
    if not np.isfinite(y).all():
        return None
    curvature, slope, _ = np.polynomial.Polynomial.fit(x, y, 2).convert().coef[::-1]
    if not curvature > 0:
        return None
    vertex = float(np.clip(-slope / (2 * curvature), x[0], x[-1]))
    weights = [
        np.prod([(vertex - x[other]) / (x[own] - x[other]) for other in range(3) if other != own]) for own in range(3)
    ]
    return float(position[place] + vertex), float(np.dot(weights, y)), float(np.dot(np.abs(weights), spread))
