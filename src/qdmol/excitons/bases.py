"""Orbitals and integrals of one molecule in bases cut by energy, for spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qdmol.excitons.diagonalising import Problem
from qdmol.excitons.integrals import interactions
from qdmol.excitons.orbitals import relaxed_orbitals
from qdmol.excitons.solving import MoleculeSolution
from qdmol.landscape import CARRIERS, Carrier

__all__ = ["CUTS", "Bases"]

# Cuts tried one after the other, in units of the first orbital with m = 1: between the shells of a dot. Two give an
# extrapolated energy.
CUTS = (1.25, 4.2, 5.7, 8.0, 11.5)


class Bases:
    """Orbitals and integrals of one molecule at each cut, kept; those of the first cut are part of the second's."""

    def __init__(self, solution: MoleculeSolution, spacing: Mapping[Carrier, float]) -> None:
        self.solution = solution
        self._spacing = spacing
        self._problems: dict[int, Problem] = {}

    def problem(self, step: int) -> Problem:
        """Orbitals at one cut, and the integrals known so far."""
        if step not in self._problems:
            if step == 0:
                wide, part = self.problem(1), self._part
                orbitals = {carrier: wide.basis(carrier).take(part[carrier]) for carrier in CARRIERS}
            else:
                orbitals = relaxed_orbitals(self.solution, energy=self._cut(step))
            self._problems[step] = Problem(orbitals["electron"], orbitals["hole"], {})
        return self._problems[step]

    def with_integrals(self, step: int, kinds: Sequence[str]) -> Problem:
        """The problem of a cut with these kinds of integrals among those known."""
        problem = self.problem(step)
        missing = [kind for kind in kinds if kind not in problem.integrals]
        if missing and step == 0:
            known, part = self.with_integrals(1, missing).integrals, self._part
            for kind in missing:
                problem.integrals[kind] = known[kind].take(part[known[kind].first], part[known[kind].second])
        elif missing:
            problem.integrals.update(interactions(problem.electron, problem.hole, missing))
        return problem

    @cached_property
    def _part(self) -> dict[Carrier, NDArray[np.intp]]:
        """The orbitals of the first cut among those of the second."""
        wide, cut = self.problem(1), self._cut(0)
        return {carrier: wide.basis(carrier).inside(energy=cut[carrier]) for carrier in CARRIERS}

    def _cut(self, step: int) -> dict[Carrier, float]:
        return {carrier: CUTS[step] * unit for carrier, unit in self._spacing.items()}
