"""The limit of a complete basis: energies and strengths of excitons from several growing bases.

Energies fall as one over the number N of orbitals, as in :mod:`qdmol.ci.solving`. Strengths, which ask for
electron and hole at one place, grow more slowly: of their cusp angular momenta from l on bring 1/l, and there are
about l³ orbitals up to l, so that N^-1/3 is left out. What the limit adds to the last basis is its error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qdmol.arrays import Floats
from qdmol.optics.values import ExcitonLevels

# Lines this far (eV) above the lowest tell how strengths grow: all of them together, for they exchange strength.
LOWEST = 0.1
# More than this part is never added to a strength.
MOST = 0.5
# An energy moves by at most this (eV): beyond, the same rank is another state.
FARTHEST = 0.05


@dataclass(frozen=True, eq=False)
class EdgeLimit:
    """Levels in the limit, with the errors of their energies (n,) in eV.

    `growth` is that of every strength since the last basis, already in the levels' moments.
    """

    levels: ExcitonLevels
    error: Floats
    growth: float

    @property
    def strength_error(self) -> float:
        """Relative error of every strength."""
        return abs(self.growth - 1) / self.growth


def edge_limit(edge: tuple[ExcitonLevels, ...], *, numerical: float, growth: float | None = None) -> EdgeLimit:
    """The limit of growing bases.

    Parameters
    ----------
    edge
        Levels of one basis each, the last one the largest.
    numerical
        Error (eV) of every energy that is not of the basis.
    growth
        Of strengths, where it is known better than these bases tell.
    """
    last = edge[-1]
    lacking, known = np.zeros(len(last.energy)), np.zeros(len(last.energy), dtype=np.bool_)
    for small in edge[:-1]:
        if small.orbitals == last.orbitals:
            continue  # a wider cut that found no further orbital
        share = small.orbitals / (last.orbitals - small.orbitals)
        fall = share * (_partners(small, last) - last.energy)
        lacking = np.where(np.abs(fall) > np.abs(lacking), fall, lacking)
        known |= np.isfinite(fall)
    lacking = np.clip(lacking, 0.0, FARTHEST)
    # Of a level that no smaller basis has nothing tells how far it falls.
    error = _at_least_below(last, np.where(known, lacking, FARTHEST)) + numerical
    growth = growths(edge)[-1] if growth is None else growth
    levels = replace(last, energy=last.energy - lacking, moment=growth * last.moment, bare=growth * last.bare)
    return EdgeLimit(levels, error, growth)


def _at_least_below(levels: ExcitonLevels, error: Floats) -> Floats:
    """The errors (n,), none smaller than that of a lower level of the same m and parity: ranks may have changed."""
    found = error.copy()
    for m, parity in {(int(a), int(b)) for a, b in zip(levels.m, levels.parity, strict=True)}:
        mine = np.flatnonzero((levels.m == m) & (levels.parity == parity))
        found[mine] = np.maximum.accumulate(error[mine])
    return found


def growths(edge: tuple[ExcitonLevels, ...]) -> tuple[float, ...]:
    """Strength of the lowest lines at the limit over that in each basis, by a straight line in N^-1/3."""
    sums = np.array([float(one.moment[one.energy <= one.energy[0] + LOWEST].sum()) for one in edge])
    if len(sums) < 2 or np.any(sums <= 0):
        return (1.0,) * len(sums)
    root = np.array([one.orbitals ** (-1 / 3) for one in edge])
    limit = float(np.polynomial.polynomial.polyfit(root, sums, 1)[0])
    return tuple(float(found) for found in np.clip(limit / sums, 1.0, 1.0 + MOST))


def _partners(small: ExcitonLevels, last: ExcitonLevels) -> Floats:
    """Energies (n,) in the smaller basis of the levels of the last: of the same m, parity and rank; NaN where none."""
    found = np.full(len(last.energy), np.nan)
    for m, parity in {(int(a), int(b)) for a, b in zip(last.m, last.parity, strict=True)}:
        mine = np.flatnonzero((last.m == m) & (last.parity == parity))
        theirs = small.energy[(small.m == m) & (small.parity == parity)]
        count = min(len(mine), len(theirs))
        found[mine[:count]] = theirs[:count]
    return found
