"""Limit of a complete basis: energies and strengths of excitons extrapolated from several growing bases.

Errors of energies fall as one over the number N of orbitals, as in configuration interaction of complexes
(:mod:`qdmol.ci`). Strengths depend on electron and hole meeting at one place and converge more slowly: by their cusp,
angular momenta from l on contribute 1/l, and there are about l³ orbitals up to l, so that the error falls as N^-1/3.
The correction of the last basis is also the stated error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.optics.values import ExcitonLevels

# Lines up to this far (eV) above the lowest determine the growth of strengths: all together, as they exchange strength.
LOWEST_LINES_EV: Final = 0.1
# Largest relative correction of a strength.
MAX_GROWTH: Final = 0.5
# Largest correction of an energy (eV): further apart, the same rank is another state.
MAX_SHIFT_EV: Final = 0.05


@dataclass(frozen=True, eq=False)
class EdgeLimit:
    """Levels in the limit of a complete basis, with the errors of their energies (n,) in eV.

    `growth` is the factor of every strength from the last basis to the limit, contained in the levels' moments.
    """

    levels: ExcitonLevels
    error: Floats
    growth: float

    @property
    def strength_error(self) -> float:
        """Relative error of every strength."""
        return abs(self.growth - 1) / self.growth


def edge_limit(edge: tuple[ExcitonLevels, ...], *, numerical: float, growth: float | None = None) -> EdgeLimit:
    """Extrapolate growing bases.

    Parameters
    ----------
    edge
        Levels in each basis, the last one the largest.
    numerical
        Error (eV) of every energy that is not due to the basis.
    growth
        Growth of strengths, if it is known better than from these bases.
    """
    last = edge[-1]
    shift, known = np.zeros(len(last.energy)), np.zeros(len(last.energy), dtype=np.bool_)
    for small in edge[:-1]:
        if small.orbitals == last.orbitals:
            continue  # a wider cut without a further orbital
        share = small.orbitals / (last.orbitals - small.orbitals)
        fall = share * (_partners(small, last) - last.energy)
        shift = np.where(np.abs(fall) > np.abs(shift), fall, shift)
        known |= np.isfinite(fall)
    shift = np.clip(shift, 0.0, MAX_SHIFT_EV)
    # The shift of a level without a counterpart in a smaller basis is unknown.
    error = _at_least_below(last, np.where(known, shift, MAX_SHIFT_EV)) + numerical
    growth = growths(edge)[-1] if growth is None else growth
    levels = replace(last, energy=last.energy - shift, moment=growth * last.moment, bare=growth * last.bare)
    return EdgeLimit(levels, error, growth)


def _at_least_below(levels: ExcitonLevels, error: Floats) -> Floats:
    """Errors (n,), none smaller than that of a lower level in the same sector, since ranks may have changed."""
    errors = error.copy()
    for inside in levels.sectors:
        errors[inside] = np.maximum.accumulate(error[inside])
    return errors


def growths(edge: tuple[ExcitonLevels, ...]) -> tuple[float, ...]:
    """Strength of the lowest lines in the limit over that in each basis, by a straight line in N^-1/3."""
    sums = np.array([float(basis.moment[basis.energy <= basis.energy[0] + LOWEST_LINES_EV].sum()) for basis in edge])
    if len(sums) < 2 or np.any(sums <= 0):
        return (1.0,) * len(sums)
    root = np.array([basis.orbitals ** (-1 / 3) for basis in edge])
    limit = float(np.polynomial.polynomial.polyfit(root, sums, 1)[0])
    return tuple(float(ratio) for ratio in np.clip(limit / sums, 1.0, 1.0 + MAX_GROWTH))


def _partners(small: ExcitonLevels, last: ExcitonLevels) -> Floats:
    """Energies (n,) in the smaller basis of the levels of the last: same sector and rank; NaN without a counterpart."""
    energies = np.full(len(last.energy), np.nan)
    for inside in last.sectors:
        mine = np.flatnonzero(inside)
        theirs = small.energy[np.all(small.numbers == last.numbers[mine[0]], axis=1)]
        count = min(len(mine), len(theirs))
        energies[mine[:count]] = theirs[:count]
    return energies
