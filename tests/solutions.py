"""Values of made-up solutions, written as the JSON object of ``qdmol solve``."""

from typing import Any

from qdmol.estimates import Estimate
from qdmol.study import CarrierLevels, ComplexLevel, ComplexStates, EnergyLevel, ExcitonState, Pair, SolutionValues
from qdmol.study.values import MeanField, Ranges, SameDot


def values_of(
    summary: dict[str, Any], *, temperature: float = 300.0, linewidth: float | None = None, dots: tuple[str, ...] = ()
) -> SolutionValues:
    """Solution values with the numbers of a JSON object; each dot a number where none is named."""
    shares = summary.get("dot_share") or {}
    levels = CarrierLevels(*(_levels(summary[name], shares.get(name)) for name in ("electron", "hole")))
    count = max(2 if summary.get("dot_share") is not None else 1, len(summary.get("monomer_gaps_eV") or ()))
    ranges = None
    if "splitting_range_meV" in summary:
        bounds = (summary[f"{name}_range_meV"] for name in ("splitting", "redshift"))
        ranges = Ranges(*(None if bound is None else tuple(bound) for bound in bounds))
    return SolutionValues(
        name=summary["name"],
        temperature=temperature,
        dots=tuple(dots) or tuple(f"dot {dot}" for dot in range(count)),
        linewidth=linewidth,
        levels=levels,
        splitting=_difference(summary, "splitting"),
        tunnel_coupling=_difference(summary, "tunnel_coupling"),
        detuning=_difference(summary, "detuning"),
        pair=_pair(summary["coulomb"]),
        complexes={name: _complex(states) for name, states in summary.get("complexes", {}).items()},
        gap=_energy(summary, "gap"),
        monomer_gaps=tuple(
            None if gap is None else Estimate.from_error(gap, 1e-6, "eV") for gap in summary["monomer_gaps_eV"]
        ),
        redshift=_difference(summary, "redshift"),
        redshift_single_particle=_difference(summary, "redshift_single_particle"),
        ranges=ranges,
        converged=summary["converged"],
        warnings=tuple(summary["warnings"]),
        elapsed=summary["elapsed_s"],
    )


def _levels(part: dict[str, Any], shares: list[list[float]] | None) -> tuple[EnergyLevel, ...]:
    columns = (part["energy_eV"], part["error_meV"], part["m"], part["parity"])
    return tuple(
        EnergyLevel(Estimate.from_error(energy, error / 1000, "eV"), m, parity, tuple(shares[index]) if shares else ())
        for index, (energy, error, m, parity) in enumerate(zip(*columns, strict=True))
    )


def _difference(part: dict[str, Any], name: str) -> Estimate | None:
    value = part.get(f"{name}_meV")
    return None if value is None else Estimate.from_error(value, part[f"{name}_error_meV"], "meV")


def _energy(part: dict[str, Any], name: str) -> Estimate | None:
    value = part.get(f"{name}_eV")
    return None if value is None else Estimate.from_error(value, part[f"{name}_error_meV"] / 1000, "eV")


def _pair(coulomb: dict[str, Any] | None) -> Pair | None:
    if coulomb is None:
        return None
    levels = None
    if coulomb["electron_energy_eV"] is not None:
        columns = zip(coulomb["electron_energy_eV"], coulomb["electron_error_meV"], strict=True)
        shares = coulomb.get("electron_dot_share", ())
        levels = tuple(
            EnergyLevel(
                Estimate.from_error(energy, error / 1000, "eV"), 0, None, tuple(shares[index]) if shares else ()
            )
            for index, (energy, error) in enumerate(columns)
        )
    mean_field = coulomb.get("mean_field")
    return Pair(
        scheme=coulomb["scheme"],
        hole_dot=coulomb["hole_dot"],
        exciton=_energy(coulomb, "exciton"),
        binding=_difference(coulomb, "binding"),
        spacing=_difference(coulomb, "spacing"),
        electron_levels=levels,
        other_states=tuple(
            ExcitonState(state["hole_dot"], _energy(state, "exciton"), _difference(state, "binding"))
            for state in coulomb["other_states"]
        ),
        mean_field=MeanField(_energy(mean_field, "exciton"), _difference(mean_field, "spacing"))
        if mean_field
        else None,
        bright_dark=_difference(coulomb, "bright_dark"),
    )


def _complex(part: dict[str, Any]) -> ComplexStates:
    levels = tuple(
        ComplexLevel(
            energy=Estimate.from_error(state["energy_eV"], state["error_meV"] / 1000, "eV"),
            above_exciton=state["above_exciton_meV"],
            m=state["m"],
            parity=state["parity"],
            electron_spin=state["electron_spin"],
            hole_spin=state["hole_spin"],
            degeneracy=state["degeneracy"],
            label=state["label"],
            same_dot=SameDot(None, None, None),
            total_spin=state.get("total_spin"),
        )
        for state in part["states"]
    )
    return ComplexStates(part["electrons"], part["holes"], levels, _difference(part, "binding"), part["converged"])
