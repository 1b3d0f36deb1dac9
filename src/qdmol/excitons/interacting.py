"""Complexes of a solved molecule by configuration interaction, extrapolated in the basis until the tolerance holds.

The orbitals grow with one energy cut E, the same for a molecule and its monomers. What a cut leaves out falls as
E^(-3/2): electron and hole meet in a cusp, so that the part of angular momentum l falls as l^-4 and its sum as l^-3
(Hill, J. Chem. Phys. 83, 1173 (1985), doi:10.1063/1.449481), while the energy of that part grows as l².

A complex with too many configurations for the second cut takes its limit from the exciton's: in two small bases its
energy E falls along with the exciton's X, and the line through both points is followed to the exciton's limit. The rest
that an extrapolation adds is counted as its error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from qdmol.excitons.complexes import Complex
from qdmol.excitons.diagonalising import Configured, Problem, lowest_states
from qdmol.excitons.integrals import interactions
from qdmol.excitons.labelling import Placement, place_carriers
from qdmol.excitons.relaxing import DEPENDENT as FINE
from qdmol.excitons.relaxing import relaxed_orbitals
from qdmol.excitons.solving import Estimate, MoleculeSolution
from qdmol.landscape import Carrier

__all__ = ["CUTS", "ComplexState", "ComplexStates", "solve_complexes"]

# Cuts (eV) tried one after the other; two give an extrapolated energy.
CUTS = (0.2, 0.4, 0.6, 0.8)
POWER = -1.5
# The same first cut with fewer functions: for the line of a large complex.
COARSE = 1e-3
# Part of the extrapolated rest that is its error.
DOUBT = 1.0
# States matched between two bases beyond those wanted: their order may differ.
SPARE = 2
# Configurations of one sector that are still solved.
LARGEST = 150_000


@dataclass(frozen=True)
class ComplexState:
    """A state of a complex: its energy above the band gaps of its pairs, quantum numbers, and what it is.

    `degeneracy`: how many states have this energy, both signs of m and all directions of the spins.
    """

    energy: Estimate
    m: int
    parity: int
    electron_spin: float | None
    hole_spin: float | None
    degeneracy: int
    placement: Placement


@dataclass(frozen=True)
class ComplexStates:
    """The lowest states of a complex.

    `raw` are the energies (eV) of the lowest state in the last two bases, upper bounds both; `accurate`: whether every
    error is within the tolerance.
    """

    complex: Complex
    states: tuple[ComplexState, ...]
    raw: tuple[float, float]
    accurate: bool

    @property
    def energy(self) -> Estimate:
        """Of the lowest state."""
        return self.states[0].energy


def solve_complexes(
    solution: MoleculeSolution, complexes: Iterable[Complex], *, states: int, tolerance: float, least: int = 1
) -> dict[Complex, ComplexStates]:
    """The lowest states of complexes, in growing bases until every error is within the tolerance.

    Parameters
    ----------
    solution
        A molecule solved with its self-consistent pairs.
    complexes
        Which; each is solved until it is accurate or too large.
    states
        How many levels of each.
    tolerance
        In eV, on every energy.
    least
        Place in CUTS of the first cut that may be the last: what a molecule needed, for its monomers.
    """
    asked = tuple(complexes)
    bases = _Bases(solution)
    found: dict[Complex, ComplexStates] = {}
    for one in sorted(asked):
        found[one] = _solve(bases, one, states, tolerance, least)
    return {one: found[one] for one in asked}


class _Bases:
    """Orbitals and integrals of one molecule at each cut, kept; and what was solved in them."""

    def __init__(self, solution: MoleculeSolution) -> None:
        self.solution = solution
        self._orbitals: dict[tuple[tuple[Carrier, ...], float, float], Problem] = {}
        self._solved: dict[tuple[Complex, Complex, float, float, int], list[Configured]] = {}

    def problem(self, alike: Complex, cut: float, weight: float) -> Problem:
        """Orbitals for a complex, and the integrals known so far."""
        carriers: list[Carrier] = [c for c, n in (("electron", alike.electrons), ("hole", alike.holes)) if n > 1]
        key = tuple(carriers), cut, weight
        if key not in self._orbitals:
            orbitals = relaxed_orbitals(self.solution, energy=cut, weight=weight, alike=carriers)
            self._orbitals[key] = Problem(orbitals["electron"], orbitals["hole"], {})
        return self._orbitals[key]

    def solve(
        self, one: Complex, cut: float, weight: float, states: int, *, alike: Complex | None = None
    ) -> list[Configured]:
        """The lowest states of a complex, in the orbitals of another one if asked."""
        basis = alike or one
        key = one, basis, cut, weight, states
        if key not in self._solved:
            problem = self.problem(basis, cut, weight)
            kinds = ["eh"] + ["ee"] * (one.electrons > 1) + ["hh"] * (one.holes > 1)
            missing = [kind for kind in kinds if kind not in problem.integrals]
            if missing:
                problem.integrals.update(interactions(problem.electron, problem.hole, missing))
            self._solved[key] = lowest_states(problem, one, states=states)
        return self._solved[key]


def _solve(bases: _Bases, one: Complex, states: int, tolerance: float, least: int) -> ComplexStates:
    """Cheapest first: where four carriers or more make many configurations, along the exciton; else cut after cut."""
    best: ComplexStates | None = None
    attempts = [_along_exciton(one, alike) for alike in (Complex(1, 1), one)] if one.electrons + one.holes > 3 else []
    attempts += [_between_cuts(one, step) for step in range(max(least - 1, 0), len(CUTS) - 1)]
    for attempt in attempts:
        found = attempt(bases, states, tolerance)
        if found is None:
            break
        if best is None or found.energy.error < best.energy.error:
            best = found
        if found.accurate:
            return found
    assert best is not None
    return best


Attempt = Callable[[_Bases, int, float], ComplexStates | None]


def _between_cuts(one: Complex, step: int) -> Attempt:
    """States at two cuts, followed to none; nothing where they are too many."""

    def attempt(bases: _Bases, states: int, tolerance: float) -> ComplexStates | None:
        low, high = CUTS[step : step + 2]
        if step and _size(bases.problem(one, high, FINE), one) > LARGEST:
            return None
        small, large = (bases.solve(one, cut, FINE, states + SPARE) for cut in (low, high))
        share = high**POWER / (low**POWER - high**POWER)
        return _result(bases, one, (bases.problem(one, low, FINE), small, large), share, tolerance, states)

    return attempt


def _along_exciton(one: Complex, alike: Complex) -> Attempt:
    """States in two small bases, followed to the exciton's limit; in the orbitals of another complex."""

    def attempt(bases: _Bases, states: int, tolerance: float) -> ComplexStates:
        cut, exciton = CUTS[0], Complex(1, 1)
        low, high = (bases.solve(exciton, cut, weight, 1, alike=alike)[0].energy for weight in (COARSE, FINE))
        last, further = (bases.solve(exciton, at, FINE, 1)[0].energy for at in CUTS[:2])
        limit = further - (last - further) * CUTS[1] ** POWER / (cut**POWER - CUTS[1] ** POWER)
        small, large = (bases.solve(one, cut, weight, states + SPARE, alike=alike) for weight in (COARSE, FINE))
        share = (high - limit) / (low - high)
        return _result(bases, one, (bases.problem(alike, cut, COARSE), small, large), share, tolerance, states)

    return attempt


def _result(
    bases: _Bases,
    one: Complex,
    solved: tuple[Problem, Sequence[Configured], Sequence[Configured]],
    share: float,
    tolerance: float,
    states: int,
) -> ComplexStates:
    listed = _extrapolated(*solved, share, _numerical(bases.solution, one))[:states]
    accurate = all(state.energy.error <= tolerance for state in listed)
    raw = (solved[1][0].energy, solved[2][0].energy)
    return ComplexStates(one, tuple(listed), raw, accurate)


def _size(problem: Problem, complex_: Complex) -> float:
    """About how many configurations the largest sector has."""
    product = float(len(problem.electron) ** complex_.electrons * len(problem.hole) ** complex_.holes)
    # parity halves it, m takes the width of the sum of all m
    reach = complex_.electrons * problem.electron.m.max() + complex_.holes * problem.hole.m.max()
    return float(product / (len(set(problem.electron.parity.tolist())) * (1.0 + reach)))


def _numerical(solution: MoleculeSolution, complex_: Complex) -> float:
    """Error (eV) of the elements: that of a pair for every pair there is."""
    return solution.pairs[0].exciton.error * complex_.electrons * complex_.holes


def _extrapolated(
    problem: Problem, small: Sequence[Configured], large: Sequence[Configured], share: float, rest: float
) -> list[ComplexState]:
    """States of two bases at the limit, `share` of their difference below the larger one's.

    States not found in both are left out. What a state is, the smaller basis tells.
    """
    partners = _by_symmetry(small)
    matched: list[Configured | None] = []
    for key, rank, _ in _ranked(large):
        same = partners.get(key, ())
        matched.append(same[rank] if rank < len(same) else None)
    rests = [None if a is None else share * (a.energy - b.energy) for a, b in zip(matched, large, strict=True)]
    listed = []
    for state, partner, known in zip(large, matched, rests, strict=True):
        if partner is None or known is None:
            continue
        listed.append(_state(problem, state, partner, Estimate(state.energy - known, DOUBT * abs(known) + rest)))
    return sorted(listed, key=lambda state: state.energy.value)


Key = tuple[int, int, float | None, float | None]


def _by_symmetry(states: Sequence[Configured]) -> Mapping[Key, Sequence[Configured]]:
    found: dict[Key, list[Configured]] = {}
    for state in states:
        found.setdefault(_key(state), []).append(state)
    return found


def _key(state: Configured) -> Key:
    return state.m, state.parity, state.electron_spin, state.hole_spin


def _ranked(states: Sequence[Configured]) -> Iterable[tuple[Key, int, Configured]]:
    seen: dict[Key, int] = {}
    for state in states:
        key = _key(state)
        yield key, seen.get(key, 0), state
        seen[key] = seen.get(key, 0) + 1


def _state(problem: Problem, state: Configured, partner: Configured, energy: Estimate) -> ComplexState:
    placement = place_carriers(problem, partner)
    spins = state.electron_spin, state.hole_spin
    return ComplexState(energy, state.m, state.parity, *spins, state.degeneracy, placement)
