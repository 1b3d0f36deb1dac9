"""What `qdmol check` says of a valid spec: the molecule as it will be computed."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from qdmol.structure import AxialMolecule, Spec

__all__ = ["check_object", "check_text"]


def check_object(spec: Spec, molecule: AxialMolecule) -> dict[str, Any]:
    """Return the JSON object of a valid spec: dots as placed, parameters as resolved, units in every key."""
    return {
        "qdmol": 1,
        "name": spec.name,
        "valid": True,
        "materials": spec.materials,
        "dots": [
            {
                "z_nm": dot.z,
                "layers": [{"material": layer.material, "radius_nm": layer.radius} for layer in dot.layers],
            }
            for dot in molecule.dots
        ],
        "bridges": [
            {"z_low_nm": b.z_low, "z_high_nm": b.z_high, "radius_nm": b.radius, "material": b.material}
            for b in molecule.bridges
        ],
        "parameters": {
            name: {
                "electron_mass_m0": region.electron_mass,
                "hole_mass_m0": region.hole_mass,
                "electron_edge_eV": _edge(region.electron_edge),
                "hole_edge_eV": _edge(region.hole_edge),
                "permittivity": region.permittivity,
            }
            for name, region in molecule.parameters.items()
        },
        "band_gap_eV": molecule.band_gap,
        "temperature_K": spec.environment.temperature,
        "field_kV_per_cm": spec.environment.field[2],
        "mirror_symmetric": molecule.mirror_symmetric,
        "electrons": spec.calculation.electrons,
        "holes": spec.calculation.holes,
        "coulomb": spec.calculation.coulomb,
        "interface_width_nm": molecule.interface_width,
        "tolerance_meV": spec.calculation.tolerance,
        "notes": list(molecule.notes),
    }


def _edge(value: float) -> float | str:
    return "hard" if math.isinf(value) else value


def check_text(spec: Spec, molecule: AxialMolecule) -> RenderableType:
    """Return the same for people."""
    asked = spec.calculation
    lines: list[RenderableType] = [
        Text(f"{spec.name}: valid", style="bold"),
        _dots_table(molecule),
        _parameters_table(molecule),
        Text(
            f"{'mirror symmetric' if molecule.mirror_symmetric else 'not mirror symmetric'}; "
            f"{asked.electrons} electron and {asked.holes} hole levels, coulomb {asked.coulomb}, "
            + ("" if molecule.interface_width is None else "self-polarisation, ")
            + f"to {asked.tolerance:g} meV, {spec.environment.temperature:g} K"
        ),
    ]
    lines += [Text(f"note: {note}") for note in molecule.notes]
    return Group(*lines)


def _dots_table(molecule: AxialMolecule) -> Table:
    table = Table(title="Bodies (nm)", title_justify="left", box=None, pad_edge=False, title_style="")
    for heading in ("dot", "centre z", "layers (outer radius)"):
        table.add_column(heading)
    for i, dot in enumerate(molecule.dots):
        layers = ", ".join(f"{layer.material} {layer.radius:.6g}" for layer in dot.layers)
        table.add_row(str(i), f"{dot.z:.6g}", Text(layers))
    for bridge in molecule.bridges:
        table.add_row("neck", f"{bridge.z_low:.6g} .. {bridge.z_high:.6g}", f"{bridge.material} {bridge.radius:.6g}")
    return table


def _parameters_table(molecule: AxialMolecule) -> Table:
    table = Table(title="Parameters", title_justify="left", box=None, pad_edge=False, title_style="")
    for heading in ("material", "m_e (m0)", "m_h (m0)", "electron edge (eV)", "hole edge (eV)", "permittivity"):
        table.add_column(heading)
    for name, region in molecule.parameters.items():
        numbers = (region.electron_mass, region.hole_mass, region.electron_edge, region.hole_edge, region.permittivity)
        table.add_row(Text(name), *("hard" if math.isinf(number) else f"{number:.6g}" for number in numbers))
    return table
