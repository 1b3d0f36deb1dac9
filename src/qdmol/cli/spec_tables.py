"""Tables of specs and parameter sets, as `qdmol check` and `qdmol materials` show them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from qdmol.materials import MEDIUM, MaterialSet, MaterialValue, SetCheck, Source
from qdmol.structure import AxialMolecule, Spec

# As in qdmol.results, which is not imported here because it loads array libraries.
NO_VALUE = "n/a"


def check_object(spec: Spec, molecule: AxialMolecule) -> dict[str, object]:
    """Return the JSON object of a valid spec: placed dots, resolved parameters, units in every key."""
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
    """Return the spec and its placed molecule as tables."""
    calculation = spec.calculation
    lines: list[RenderableType] = [
        Text(f"{spec.name}: valid", style="bold"),
        _dots_table(molecule),
        _parameters_table(molecule),
        Text(
            f"{'mirror symmetric' if molecule.mirror_symmetric else 'not mirror symmetric'}; "
            f"{calculation.electrons} electron and {calculation.holes} hole levels, coulomb {calculation.coulomb}, "
            + ("" if molecule.interface_width is None else "self-polarisation, ")
            + f"to {calculation.tolerance:g} meV, {spec.environment.temperature:g} K"
        ),
    ]
    lines += [Text(f"note: {note}") for note in molecule.notes]
    return Group(*lines)


def _dots_table(molecule: AxialMolecule) -> Table:
    table = Table(title="Bodies (nm)", title_justify="left", box=None, pad_edge=False, title_style="")
    for heading in ("dot", "centre z", "layers (outer radius)"):
        table.add_column(heading)
    for name, dot in zip(molecule.dot_names, molecule.dots, strict=True):
        layers = ", ".join(f"{layer.material} {layer.radius:.6g}" for layer in dot.layers)
        table.add_row(name, f"{dot.z:.6g}", Text(layers))
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


def set_entry(material_set: MaterialSet) -> dict[str, object]:
    """Return an entry of the list of sets, for JSON."""
    return {
        "name": material_set.name,
        "title": material_set.title,
        "materials": list(material_set.materials),
        "reference": material_set.reference,
        "file": str(material_set.path),
    }


def set_object(material_set: MaterialSet) -> dict[str, object]:
    """Return every value of a set, for JSON."""
    return {
        "qdmol": 1,
        **set_entry(material_set),
        "notes": list(material_set.notes),
        "alignment": _alignment_object(material_set),
        "band_gaps_eV": {
            name: _rounded(material_set.band_gap(name)) for name in material_set.materials if name != MEDIUM
        },
        "materials": {
            name: {key: _value_object(value) for key, value in values.items()}
            for name, values in material_set.materials.items()
        },
    }


def _rounded(value: float) -> float:
    """Return a sum of values of a set without the rounding of binary fractions."""
    return round(value, 9)


def _alignment_object(material_set: MaterialSet) -> dict[str, object] | None:
    published = material_set.alignment
    if published is None:
        return None
    return {
        "core": published.core,
        "shell": published.shell,
        "type": published.type,
        "type_from_offsets": material_set.alignment_type(published.core, published.shell),
        "source": str(published.source),
        "note": published.note,
    }


def set_check_object(checked: SetCheck) -> dict[str, object]:
    """Return the result of the check of a set, for JSON; ``error`` is the first error, as of other commands."""
    errors = [error.as_dict() for error in checked.errors]
    return {
        "qdmol": 1,
        "file": str(checked.path),
        "name": None if checked.material_set is None else checked.material_set.name,
        "valid": checked.valid,
        "errors": errors,
        **({"error": errors[0]} if errors else {}),
        "warnings": [
            {"field": warning.field, "kind": warning.kind, "message": warning.message} for warning in checked.warnings
        ],
    }


def set_check_text(checked: SetCheck) -> list[RenderableType]:
    """Return the result of the check of a set as text, without the errors."""
    if checked.material_set is None:
        count = len(checked.errors)
        return [Text(f"{checked.path}: invalid, {count} error{'s' if count > 1 else ''}", style="bold")]
    chosen = checked.material_set
    gaps = ", ".join(f"{name} {chosen.band_gap(name):.4g} eV" for name in chosen.materials if name != MEDIUM)
    lines: list[RenderableType] = [Text(f"{chosen.name}: valid", style="bold"), Text(f"Band gaps: {gaps}.")]
    lines += [Text(f"warning: {warning.message}") for warning in checked.warnings]
    return lines


def _value_object(value: MaterialValue) -> dict[str, object]:
    return {
        "value": _finite(value.value),
        "unit": value.unit,
        "temperature_K": value.temperature,
        "source": str(value.source),
        "doi": value.source.doi,
        "url": value.source.url,
        "source_note": value.source.note,
        "note": value.note,
        "alternatives": [
            {
                "value": _finite(alternative.value),
                "unit": alternative.unit,
                "source": alternative.source,
                "note": alternative.note,
            }
            for alternative in value.alternatives
        ],
    }


def _finite(value: float) -> float | str:
    return "hard" if value == float("inf") else value


def sets_table(sets: Iterable[MaterialSet]) -> Table:
    """Return the list of sets as a table."""
    table = Table(box=None, pad_edge=False)
    for heading in ("set", "reference material", "contents"):
        table.add_column(heading, overflow="fold")
    for material_set in sets:
        table.add_row(Text(material_set.name), Text(material_set.reference), Text(material_set.title))
    return table


def set_tables(material_set: MaterialSet, *, quiet: bool) -> list[RenderableType]:
    """Return a set as text: notes, values, alternatives, and the sources with their numbers in the tables."""
    numbers = _numbered(material_set)
    shown: list[RenderableType] = [Text(f"{material_set.name}: {material_set.title}", style="bold")]
    if not quiet:
        shown += [Text(note) for note in material_set.notes]
    reference = material_set.reference
    shown.append(Text(f"Energies are relative to the band edges of {reference}, positive away from the gap."))
    shown += [Text(sentence) for sentence in _edge_sentences(material_set)]
    shown += [_values_table(material_set, numbers), Text("")]
    if any(value.alternatives for values in material_set.materials.values() for value in values.values()):
        shown += [_alternatives_table(material_set, numbers), Text("")]
    shown.append(Text("Sources", style="bold"))
    shown += [Text(f"[{number}] {source}") for source, number in numbers.items()]
    return shown


def _edge_sentences(material_set: MaterialSet) -> list[str]:
    """Return the band gaps of all materials, and the type of the alignment as published and by the offsets."""
    gaps = ", ".join(
        f"{name} {material_set.band_gap(name):.4g} eV" for name in material_set.materials if name != MEDIUM
    )
    sentences = [f"Band gaps: {gaps}."]
    published = material_set.alignment
    if published is not None:
        computed = material_set.alignment_type(published.core, published.shell)
        sentences.append(
            f"{published.core}/{published.shell}: type {published.type} as published ({published.source}); the offsets "
            f"give type {computed}."
        )
    return sentences


def _numbered(material_set: MaterialSet) -> dict[str, int]:
    """Return the numbers of the sources in order of appearance, by their text."""
    numbers: dict[str, int] = {}
    for values in material_set.materials.values():
        for value in values.values():
            numbers.setdefault(_long(value.source), len(numbers) + 1)
            for alternative in value.alternatives:
                numbers.setdefault(_long(alternative.origin), len(numbers) + 1)
    return numbers


def _long(source: Source) -> str:
    return f"{source} ({source.note})" if source.note else str(source)


def _values_table(material_set: MaterialSet, numbers: dict[str, int]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("material", "quantity", "value", "unit", "T (K)", "source", "note"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("quantity", "value"))
    for name, values in material_set.materials.items():
        for key, value in values.items():
            temperature = NO_VALUE if value.temperature is None else f"{value.temperature:g}"
            cells = (name, key, f"{_finite(value.value)}", value.unit, temperature)
            table.add_row(*map(Text, cells), Text(f"[{numbers[_long(value.source)]}]"), Text(value.note or ""))
    return table


def _alternatives_table(material_set: MaterialSet, numbers: dict[str, int]) -> Table:
    table = Table(title="Alternative values in the literature", title_justify="left", box=None, pad_edge=False)
    for heading in ("alternative", "source", "note"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "alternative")
    for values in material_set.materials.values():
        for value in values.values():
            for alternative in value.alternatives:
                table.add_row(
                    Text(alternative.label),
                    Text(f"[{numbers[_long(alternative.origin)]}]"),
                    Text(alternative.note or ""),
                )
    return table
