"""Complexes of a molecule and the exciton of each monomer by configuration interaction, and their values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from qdmol.ci import Complex
from qdmol.estimates import Estimate
from qdmol.fem import Sector
from qdmol.meanfield import MoleculeSolution
from qdmol.stages import part
from qdmol.structure import AxialMolecule, PlacedLayer
from qdmol.study.values import ComplexLevel, ComplexStates, ExcitonState, MeanField, Pair, Parity, SameDot

if TYPE_CHECKING:
    from qdmol.ci import ComplexState, ComplexStates as SolvedStates

EXCITON = Complex(1, 1)
# Most levels of a complex that are listed; of the exciton, whose doublets give the spacing, more.
STATES, EXCITONS = 4, 9
# A hole with this share in a dot is taken to be there.
MOSTLY = 0.75


@dataclass(frozen=True)
class Interacting:
    """Complexes of the molecule, and the exciton of each distinct monomer by its layers.

    `exchange` (eV nm³) splits each exciton into a dark and a bright one; None if exchange is not included.
    """

    complexes: Mapping[Complex, SolvedStates]
    monomers: Mapping[tuple[PlacedLayer, ...], SolvedStates]
    exchange: float | None = None

    @property
    def exciton(self) -> SolvedStates:
        """The exciton of the molecule."""
        return self.complexes[EXCITON]

    @property
    def accurate(self) -> bool:
        """Whether every energy is converged to the tolerance."""
        return all(states.accurate for states in (*self.complexes.values(), *self.monomers.values()))


def interact(
    solution: MoleculeSolution,
    monomers: Mapping[tuple[PlacedLayer, ...], MoleculeSolution],
    complexes: Iterable[Complex],
    *,
    tolerance: float,
    exchange: float | None = None,
) -> Interacting:
    """Solve the complexes, the exciton always among them, and the exciton of every distinct monomer.

    `tolerance` in eV, `exchange` in eV nm³.
    """
    # Imported here: a solve without configuration interaction starts faster.
    from qdmol.ci import shared_limits, solve_complexes

    requested = dict.fromkeys((EXCITON, *complexes))
    states = {complex_: listed(complex_, len(solution.molecule.dots)) for complex_ in requested}
    others = {layers: monomer for layers, monomer in monomers.items() if monomer is not solution and monomer.pairs}
    limits, *limits_alone = shared_limits([solution, *others.values()])
    with part("molecule") if others else nullcontext():
        solved = solve_complexes(solution, requested, states=states, tolerance=tolerance, limits=limits)
    alone = {layers: solved[EXCITON] for layers, monomer in monomers.items() if monomer is solution}
    for number, ((layers, monomer), own) in enumerate(zip(others.items(), limits_alone, strict=True), start=1):
        with part(f"monomer {number} of {len(others)}"):
            exciton = solve_complexes(monomer, [EXCITON], states=1, tolerance=tolerance, limits=own)
        alone[layers] = exciton[EXCITON]
    return Interacting(solved, alone, exchange)


def listed(complex_: Complex, dots: int) -> int:
    """Number of listed levels of a complex: one for each pair of dots, up to a limit.

    Higher levels have a carrier in a higher orbital of its dot and lie far above the lowest ones.
    """
    return min(dots**2, EXCITONS if complex_ == EXCITON else STATES)


def spacing_of(exciton: SolvedStates, molecule: AxialMolecule) -> Estimate | None:
    """Energy to move the electron from the dot of the hole to the next dot.

    Of a symmetric pair of dots the mean of the second doublet less that of the first; else the two lowest states with
    the hole in the dot where the lowest state has it; None where there is no such pair.
    """
    states = [state for state in exciton.states if state.sector.labels["m"] == 0]
    if molecule.mirror_symmetric and len(molecule.dots) == 2:
        even, odd = (
            [state.energy for state in states if state.sector.labels["parity"] == sign][:2] for sign in ("+", "-")
        )
        if len(even) < 2 or len(odd) < 2:
            return None
        value = (even[1].value + odd[1].value - even[0].value - odd[0].value) / 2
        return Estimate.from_error(value, max(even[0].error, odd[0].error) + max(even[1].error, odd[1].error), "eV")
    if not states:
        return None
    place = _hole_dot(states[0])
    if place is None:
        return None
    same = [state for state in states[1:] if state.placement.hole_dots[place] >= MOSTLY]
    if not same:
        return None
    low, high = states[0].energy, same[0].energy
    return Estimate.from_error(high.value - low.value, high.error + low.error, "eV")


def _hole_dot(state: ComplexState) -> int | None:
    """The dot that has most of the holes; None where they are spread, as in every state of a symmetric molecule."""
    shares = state.placement.hole_dots
    return shares.index(max(shares)) if max(shares) >= MOSTLY else None


def ci_pair(interacting: Interacting, solution: MoleculeSolution) -> Pair:
    """The exciton by configuration interaction."""
    exciton, bare = interacting.exciton, solution.bare_gap
    lowest, *others = (_exciton_state(state, bare) for state in exciton.states)
    spacing = spacing_of(exciton, solution.molecule) if len(solution.molecule.dots) > 1 else None
    return Pair(
        scheme="ci",
        hole_dot=lowest.hole_dot,
        exciton=lowest.exciton,
        binding=lowest.binding,
        spacing=difference_of(spacing),
        electron_levels=None,
        other_states=tuple(others),
        mean_field=MeanField(_energy(solution.pairs[0].exciton), difference_of(solution.spacing)),
        bright_dark=_bright_dark(interacting),
    )


def _exciton_state(state: ComplexState, bare: Estimate | None) -> ExcitonState:
    energy = state.energy
    binding = None if bare is None else Estimate.from_error(bare.value - energy.value, bare.error + energy.error, "eV")
    return ExcitonState(_hole_dot(state), _energy(energy), difference_of(binding))


def _energy(energy: Estimate) -> Estimate:
    return Estimate.from_error(energy.value, energy.error, "eV")


def energy_of(energy: Estimate | None) -> Estimate | None:
    """An energy of the solver (eV) as an estimate; None where there is none or it is not finite."""
    if energy is None or not math.isfinite(energy.value):
        return None
    return _energy(energy)


def difference_of(energy: Estimate | None) -> Estimate | None:
    """A difference of energies (eV) as an estimate in meV; None where there is none or it is not finite."""
    estimate = energy_of(energy)
    return None if estimate is None else estimate.to("meV")


def quantum_numbers(sector: Sector) -> tuple[int, Parity | None]:
    """Angular momentum m and parity as results state them."""
    return cast("int", sector.labels["m"]), cast("Parity | None", sector.labels["parity"])


def complex_states(
    interacting: Interacting, solution: MoleculeSolution, complexes: Sequence[Complex]
) -> dict[str, ComplexStates]:
    """The lowest states of each complex, by name: energies above the band gaps of its pairs and above the exciton."""
    base = interacting.exciton.energy.value
    return {
        particles.name: ComplexStates(
            electrons=particles.electrons,
            holes=particles.holes,
            states=tuple(_complex_levels(particles, interacting, base)),
            binding=difference_of(binding_of(particles, interacting, solution)),
            converged=interacting.complexes[particles].accurate,
            bright_dark=_bright_dark(interacting) if particles == EXCITON else None,
        )
        for particles in complexes
    }


def _bright_dark(interacting: Interacting) -> Estimate | None:
    """Energy of the lowest bright exciton minus that of the lowest dark one; None without exchange."""
    if interacting.exchange is None:
        return None
    return difference_of(_bright(interacting.exciton.states[0], interacting.exchange))


def _bright(state: ComplexState, exchange: float) -> Estimate | None:
    """Exchange energy of the bright exciton, to first order."""
    contact = state.contact
    return None if contact is None else Estimate.from_error(exchange * contact.value, exchange * contact.error, "eV")


def _complex_levels(particles: Complex, interacting: Interacting, base: float) -> list[ComplexLevel]:
    """The states of a complex; with exchange excitons of both total spins, three dark ones for one bright."""
    states = interacting.complexes[particles].states
    if interacting.exchange is None or particles != EXCITON:
        return [_complex_level(state, base) for state in states]
    levels = []
    for state in states:
        added = _bright(state, interacting.exchange)
        assert added is not None
        energy = Estimate.from_error(state.energy.value + added.value, state.energy.error + added.error, "eV")
        bright = replace(state, energy=energy, degeneracy=state.degeneracy // 4)
        dark = replace(state, degeneracy=state.degeneracy - bright.degeneracy)
        levels += [_complex_level(part, base, total_spin=spin) for spin, part in ((1, dark), (0, bright))]
    return sorted(levels, key=lambda level: level.energy.value)


def binding_of(complex_: Complex, interacting: Interacting, solution: MoleculeSolution) -> Estimate | None:
    """Binding energy relative to separated excitons and single carriers; positive is bound.

    X-: X and an electron; X+: X and a hole; XX: two X; X itself: an electron and a hole.
    """
    exciton = interacting.exciton.energy
    energy = interacting.complexes[complex_].energy
    pairs = 0 if complex_ == EXCITON else complex_.pairs
    parts = [exciton] * pairs
    for carrier, number in (("electron", complex_.electrons - pairs), ("hole", complex_.holes - pairs)):
        level = solution.levels[carrier][0]  # type: ignore[index]
        parts += [Estimate.from_error(level.energy, level.error, "eV")] * number
    value = sum(part.value for part in parts) - energy.value
    return Estimate.from_error(value, energy.error + sum(part.error for part in parts), "eV")


def _complex_level(state: ComplexState, exciton: float, *, total_spin: int | None = None) -> ComplexLevel:
    where = state.placement
    m, parity = quantum_numbers(state.sector)
    return ComplexLevel(
        energy=_energy(state.energy),
        above_exciton=1000 * (state.energy.value - exciton),
        m=m,
        parity=parity,
        electron_spin=state.electron_spin,
        hole_spin=state.hole_spin,
        degeneracy=state.degeneracy,
        label=where.label,
        same_dot=SameDot(where.electron_hole, where.electron_electron, where.hole_hole),
        total_spin=total_spin,
    )
