"""Complexes of a solved molecule by configuration interaction, extrapolated in the basis until the tolerance holds.

The orbitals grow with one energy cut E, the same for a molecule and its monomers. What a cut leaves out falls
as E^(-3/2): electron and hole meet in a cusp, so that the part of angular momentum l falls as l^-4 and its sum as l^-3
(Hill, J. Chem. Phys. 83, 1173 (1985), doi:10.1063/1.449481), while the energy of that part grows as l².
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qdmol.excitons.complexes import Complex
from qdmol.excitons.diagonalising import Configured, Problem, lowest_states
from qdmol.excitons.integrals import interactions
from qdmol.excitons.labelling import Placement, place_carriers
from qdmol.excitons.relaxing import relaxed_orbitals
from qdmol.excitons.solving import Estimate, MoleculeSolution

__all__ = ["CUTS", "ComplexState", "ComplexStates", "solve_complexes"]

# Cuts (eV) tried one after the other; two give an extrapolated energy.
CUTS = (0.2, 0.4, 0.6, 0.8)
POWER = -1.5
# Part of the extrapolated rest that is its error.
DOUBT = 1.0
# States matched between two cuts beyond those wanted: their order may differ.
SPARE = 2
# Configurations of one sector that are still solved.
LARGEST = 600_000


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

    `raw` are the energies (eV) of the lowest state at each cut, upper bounds all of them; `accurate`: whether every
    error is within the tolerance.
    """

    complex: Complex
    states: tuple[ComplexState, ...]
    raw: tuple[tuple[float, float], ...]
    accurate: bool

    @property
    def energy(self) -> Estimate:
        """Of the lowest state."""
        return self.states[0].energy


def solve_complexes(
    solution: MoleculeSolution, complexes: Iterable[Complex], *, states: int, tolerance: float, least: int = 1
) -> dict[Complex, ComplexStates]:
    """The lowest states of complexes, at growing cuts until every error is within the tolerance.

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
        Place in CUTS of the first cut that may be the last: what the molecule needed, for its monomers.
    """
    found: dict[Complex, ComplexStates] = {}
    before: dict[Complex, list[Configured]] = {}
    raw: dict[Complex, list[tuple[float, float]]] = {one: [] for one in complexes}
    for step in range(max(least - 1, 0), len(CUTS)):
        left = [one for one in raw if not (one in found and found[one].accurate)]
        if not left:
            break
        problem = _problem(solution, left, CUTS[step])
        for one in left:
            if before.get(one) and _size(problem, one) > LARGEST:
                continue
            now = lowest_states(problem, one, states=states + SPARE)
            raw[one].append((CUTS[step], now[0].energy))
            if one in before:
                rest = _numerical(solution, one)
                listed = _extrapolated(problem, before[one], now, CUTS[step - 1 : step + 1], rest)[:states]
                accurate = all(state.energy.error <= tolerance for state in listed)
                found[one] = ComplexStates(one, tuple(listed), tuple(raw[one]), accurate)
            before[one] = now
    return found


def _problem(solution: MoleculeSolution, complexes: Sequence[Complex], cut: float) -> Problem:
    orbitals = relaxed_orbitals(solution, energy=cut)
    kinds = ["eh"]
    kinds += ["ee"] if any(one.electrons > 1 for one in complexes) else []
    kinds += ["hh"] if any(one.holes > 1 for one in complexes) else []
    electron, hole = orbitals["electron"], orbitals["hole"]
    return Problem(electron, hole, interactions(electron, hole, kinds))


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
    problem: Problem, small: Sequence[Configured], large: Sequence[Configured], cuts: Sequence[float], rest: float
) -> list[ComplexState]:
    """States at two cuts as states at none; a state not found in the smaller basis has the largest rest of all."""
    low, high = (cut**POWER for cut in cuts)
    share = high / (low - high)
    partners = _by_symmetry(small)
    rests: list[float | None] = []
    for key, rank, state in _ranked(large):
        same = partners.get(key, ())
        rests.append(share * (same[rank].energy - state.energy) if rank < len(same) else None)
    largest = max((abs(one) for one in rests if one is not None), default=float("inf"))
    listed = []
    for state, known in zip(large, rests, strict=True):
        left = largest if known is None else known
        doubt = DOUBT * abs(left) if known is not None else 2 * largest
        listed.append(_state(problem, state, Estimate(state.energy - left, doubt + rest)))
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


def _state(problem: Problem, state: Configured, energy: Estimate) -> ComplexState:
    placement = place_carriers(problem, state)
    spins = state.electron_spin, state.hole_spin
    return ComplexState(energy, state.m, state.parity, *spins, state.degeneracy, placement)
