"""The JSON object of ``qdmol solve --json``, made from the values of a solution: keys and units as documented.

Nothing else in the package reads these keys, but for the points of maps on disk, which hold this object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qdmol.estimates import Estimate
from qdmol.study.values import ComplexLevel, ComplexStates, EnergyLevel, ExcitonState, Pair, SolutionValues


def summary_of(values: SolutionValues) -> dict[str, Any]:
    """Every number of a solution, in the units its key names; null for undefined quantities."""
    return {
        "qdmol": 1,
        "name": values.name,
        "converged": values.converged,
        "electron": _levels(values.levels.electron),
        "hole": _levels(values.levels.hole),
        **_difference("splitting", values.splitting),
        **_difference("tunnel_coupling", values.tunnel_coupling),
        **_difference("detuning", values.detuning),
        "dot_share": None
        if len(values.dots) == 1
        else {"electron": _shares(values.levels.electron), "hole": _shares(values.levels.hole)},
        "coulomb": None if values.pair is None else _pair(values.pair),
        **(
            {"complexes": {name: _complex(states) for name, states in values.complexes.items()}}
            if values.complexes
            else {}
        ),
        "gap_eV": None if values.gap is None else values.gap.value,
        "gap_error_meV": None if values.gap is None else _error(values.gap),
        "monomer_gap_eV": None if values.monomer_gap is None else values.monomer_gap.value,
        "monomer_gaps_eV": [None if gap is None else gap.value for gap in values.monomer_gaps],
        **_difference("redshift", values.redshift),
        **_difference("redshift_single_particle", values.redshift_single_particle),
        "warnings": list(values.warnings),
        "elapsed_s": values.elapsed,
        **_ranges(values),
    }


def field_levels_of(values: SolutionValues) -> dict[str, Any] | None:
    """What the JSON object lacks of the electron levels in the field of the hole; None where there are none."""
    levels = None if values.pair is None else values.pair.electron_levels
    if not levels:
        return None
    return {
        "m": [level.m for level in levels],
        "parity": [level.parity for level in levels],
        "dot_share": _shares(levels) if levels[0].dot_share else None,
    }


def _error(energy: Estimate) -> float:
    """The error in meV of an energy in eV."""
    return 1000 * energy.error


def _levels(levels: Sequence[EnergyLevel]) -> dict[str, list[Any]]:
    return {
        "energy_eV": [level.energy.value for level in levels],
        "error_meV": [_error(level.energy) for level in levels],
        "m": [level.m for level in levels],
        "parity": [level.parity for level in levels],
    }


def _shares(levels: Sequence[EnergyLevel]) -> list[list[float]]:
    return [list(level.dot_share) for level in levels]


def _difference(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    """A difference in meV and its error."""
    if estimate is None:
        return {f"{name}_meV": None, f"{name}_error_meV": None}
    return {f"{name}_meV": estimate.value, f"{name}_error_meV": estimate.error}


def _pair(pair: Pair) -> dict[str, object]:
    levels = pair.electron_levels
    entries: dict[str, object] = {
        "scheme": pair.scheme,
        "electron_energy_eV": None if levels is None else [level.energy.value for level in levels],
        "electron_error_meV": None if levels is None else [_error(level.energy) for level in levels],
        "hole_dot": pair.hole_dot,
        "other_states": [_state(state) for state in pair.other_states],
        **_difference("spacing", pair.spacing),
        **_exciton(pair.exciton, pair.binding),
    }
    if pair.mean_field is not None:
        exciton = pair.mean_field.exciton
        entries["mean_field"] = {
            "exciton_eV": exciton.value,
            "exciton_error_meV": _error(exciton),
            **_difference("spacing", pair.mean_field.spacing),
        }
    return entries | _bright_dark(pair.bright_dark)


def _state(state: ExcitonState) -> dict[str, object]:
    return {"hole_dot": state.hole_dot, **_exciton(state.exciton, state.binding)}


def _exciton(exciton: Estimate, binding: Estimate | None) -> dict[str, float | None]:
    return {
        "exciton_eV": exciton.value,
        "exciton_error_meV": _error(exciton),
        **_difference("binding", binding),
    }


def _bright_dark(estimate: Estimate | None) -> dict[str, float | None]:
    """Energy of the lowest bright exciton minus that of the lowest dark one; no key without exchange."""
    return {} if estimate is None else _difference("bright_dark", estimate)


def _complexes(complexes: Mapping[str, ComplexStates]) -> dict[str, object]:
    """The complexes requested, under their own key; no key where none was."""
    return {"complexes": {name: _complex(states) for name, states in complexes.items()}} if complexes else {}


def _complex(states: ComplexStates) -> dict[str, object]:
    return {
        "electrons": states.electrons,
        "holes": states.holes,
        "states": [_complex_level(level) for level in states.states],
        **_difference("binding", states.binding),
        "converged": states.converged,
        **_bright_dark(states.bright_dark),
    }


def _complex_level(level: ComplexLevel) -> dict[str, object]:
    return {
        "energy_eV": level.energy.value,
        "error_meV": _error(level.energy),
        "above_exciton_meV": level.above_exciton,
        "m": level.m,
        "parity": level.parity,
        "electron_spin": level.electron_spin,
        "hole_spin": level.hole_spin,
        "degeneracy": level.degeneracy,
        "label": level.label,
        "same_dot": {
            "electron_hole": level.same_dot.electron_hole,
            "electrons": level.same_dot.electrons,
            "holes": level.same_dot.holes,
        },
        **({} if level.total_spin is None else {"total_spin": level.total_spin}),
    }


def _ranges(values: SolutionValues) -> dict[str, list[float] | None]:
    """Smallest and largest values over the alternatives; no keys where these were not solved."""
    if values.ranges is None:
        return {}
    ranges = {"splitting": values.ranges.splitting, "redshift": values.ranges.redshift}
    return {f"{name}_range_meV": None if bounds is None else list(bounds) for name, bounds in ranges.items()}
