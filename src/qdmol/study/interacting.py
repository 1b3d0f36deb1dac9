"""Complexes of a molecule and the exciton of each monomer by configuration interaction; what the JSON says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qdmol.ci import Complex, ComplexState, ComplexStates, shared_limits, solve_complexes
from qdmol.meanfield import Estimate, MoleculeSolution
from qdmol.structure import AxialMolecule, PlacedLayer

EXCITON = Complex(1, 1)
# Most levels of a complex that are listed; of the exciton, whose doublets give the spacing, more.
STATES, EXCITONS = 4, 9
# A hole with this share in a dot is taken to be there.
MOSTLY = 0.75


@dataclass(frozen=True)
class Interacting:
    """Complexes of the molecule, and the exciton of each distinct monomer by its layers.

    `exchange` (eV nm³) splits each exciton into a dark and a bright one; None where that is left out.
    """

    complexes: Mapping[Complex, ComplexStates]
    monomers: Mapping[tuple[PlacedLayer, ...], ComplexStates]
    exchange: float | None = None

    @property
    def exciton(self) -> ComplexStates:
        """The exciton of the molecule."""
        return self.complexes[EXCITON]

    @property
    def accurate(self) -> bool:
        """Whether every energy met the tolerance."""
        return all(one.accurate for one in (*self.complexes.values(), *self.monomers.values()))


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
    asked = dict.fromkeys((EXCITON, *complexes))
    states = {one: listed(one, len(solution.molecule.dots)) for one in asked}
    others = {layers: one for layers, one in monomers.items() if one is not solution and one.pairs}
    limits, *limits_alone = shared_limits([solution, *others.values()])
    found = solve_complexes(solution, asked, states=states, tolerance=tolerance, limits=limits)
    alone = {layers: found[EXCITON] for layers, monomer in monomers.items() if monomer is solution}
    for (layers, monomer), own in zip(others.items(), limits_alone, strict=True):
        exciton = solve_complexes(monomer, [EXCITON], states=1, tolerance=tolerance, limits=own)
        alone[layers] = exciton[EXCITON]
    return Interacting(found, alone, exchange)


def listed(one: Complex, dots: int) -> int:
    """How many levels of a complex are listed: one for each pair of dots, up to a limit.

    Those above hold a carrier in a higher orbital of its dot and are far from the lowest.
    """
    return min(dots**2, EXCITONS if one == EXCITON else STATES)


def spacing_of(exciton: ComplexStates, molecule: AxialMolecule) -> Estimate | None:
    """Energy the electron needs to leave the hole's dot for the next.

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
        return Estimate(value, max(even[0].error, odd[0].error) + max(even[1].error, odd[1].error))
    if not states:
        return None
    place = _hole_dot(states[0])
    if place is None:
        return None
    same = [state for state in states[1:] if state.placement.hole_dots[place] >= MOSTLY]
    if not same:
        return None
    low, high = states[0].energy, same[0].energy
    return Estimate(high.value - low.value, high.error + low.error)


def _hole_dot(state: ComplexState) -> int | None:
    """The dot that has most of the holes; None where they are spread, as in every state of a symmetric molecule."""
    shares = state.placement.hole_dots
    return shares.index(max(shares)) if max(shares) >= MOSTLY else None


def coulomb_object(interacting: Interacting, solution: MoleculeSolution) -> dict[str, Any]:
    """What the contract's `coulomb` holds with `coulomb: ci`."""
    exciton = interacting.exciton
    lowest, *others = exciton.states
    bare = solution.bare_gap
    spacing = spacing_of(exciton, solution.molecule) if len(solution.molecule.dots) > 1 else None
    return {
        "scheme": "ci",
        "electron_energy_eV": None,
        "electron_error_meV": None,
        "hole_dot": _hole_dot(lowest),
        "other_states": [{"hole_dot": _hole_dot(state), **_exciton(state.energy, bare)} for state in others],
        **_measured("spacing", spacing),
        **_exciton(lowest.energy, bare),
        "mean_field": _mean_field(solution),
        **_split(interacting),
    }


def _mean_field(solution: MoleculeSolution) -> dict[str, float | None]:
    """Exciton and spacing of the lowest self-consistent pair."""
    exciton = solution.pairs[0].exciton
    return {
        "exciton_eV": exciton.value,
        "exciton_error_meV": 1000 * exciton.error,
        **_measured("spacing", solution.spacing),
    }


def _exciton(energy: Estimate, bare: Estimate | None) -> dict[str, float | None]:
    binding = None if bare is None else Estimate(bare.value - energy.value, bare.error + energy.error)
    return {"exciton_eV": energy.value, "exciton_error_meV": 1000 * energy.error, **_measured("binding", binding)}


def _measured(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {f"{name}_meV": None, f"{name}_error_meV": None}
    return {f"{name}_meV": 1000 * estimate.value, f"{name}_error_meV": 1000 * estimate.error}


def complexes_object(
    interacting: Interacting, solution: MoleculeSolution, asked: Sequence[Complex]
) -> dict[str, dict[str, Any]]:
    """Each complex's lowest states, energies above the band gaps of its pairs and above the exciton."""
    base = interacting.exciton.energy.value
    return {
        one.name: {
            "electrons": one.electrons,
            "holes": one.holes,
            "states": _state_objects(one, interacting, base),
            **_measured("binding", binding_of(one, interacting, solution)),
            "converged": interacting.complexes[one].accurate,
            **(_split(interacting) if one == EXCITON else {}),
        }
        for one in asked
    }


def _split(interacting: Interacting) -> dict[str, float | None]:
    """Bright less dark lowest exciton; nothing without exchange."""
    lowest = interacting.exciton.states[0]
    return {} if interacting.exchange is None else _measured("bright_dark", _bright(lowest, interacting.exchange))


def _bright(state: ComplexState, exchange: float) -> Estimate | None:
    """What exchange adds to the bright exciton, to first order."""
    contact = state.contact
    return None if contact is None else Estimate(exchange * contact.value, exchange * contact.error)


def _state_objects(one: Complex, interacting: Interacting, base: float) -> list[dict[str, Any]]:
    """The states of a complex; with exchange excitons of both total spins, three dark ones for one bright."""
    states = interacting.complexes[one].states
    if interacting.exchange is None or one != EXCITON:
        return [_state_object(state, base) for state in states]
    found = []
    for state in states:
        added = _bright(state, interacting.exchange)
        assert added is not None
        energy = Estimate(state.energy.value + added.value, state.energy.error + added.error)
        bright = replace(state, energy=energy, degeneracy=state.degeneracy // 4)
        dark = replace(state, degeneracy=state.degeneracy - bright.degeneracy)
        found += [{**_state_object(part, base), "total_spin": spin} for spin, part in ((1, dark), (0, bright))]
    return sorted(found, key=lambda part: part["energy_eV"])


def binding_of(one: Complex, interacting: Interacting, solution: MoleculeSolution) -> Estimate | None:
    """Energy set free when excitons and single carriers far apart come together; positive is bound.

    X-: X and an electron; X+: X and a hole; XX: two X; X itself: an electron and a hole.
    """
    exciton = interacting.exciton.energy
    energy = interacting.complexes[one].energy
    pairs = 0 if one == EXCITON else one.pairs
    parts = [exciton] * pairs
    for carrier, number in (("electron", one.electrons - pairs), ("hole", one.holes - pairs)):
        level = solution.levels[carrier][0]  # type: ignore[index]
        parts += [Estimate(level.energy, level.error)] * number
    value = sum(part.value for part in parts) - energy.value
    return Estimate(value, energy.error + sum(part.error for part in parts))


def _state_object(state: ComplexState, exciton: float) -> dict[str, Any]:
    where = state.placement
    return {
        "energy_eV": state.energy.value,
        "error_meV": 1000 * state.energy.error,
        "above_exciton_meV": 1000 * (state.energy.value - exciton),
        **state.sector.labels,
        "electron_spin": state.electron_spin,
        "hole_spin": state.hole_spin,
        "degeneracy": state.degeneracy,
        "label": where.label,
        "same_dot": {
            "electron_hole": where.electron_hole,
            "electrons": where.electron_electron,
            "holes": where.hole_hole,
        },
    }
