"""What `qdmol materials` shows: every value with unit, temperature and source, and the alternatives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from qdmol.materials import MaterialSet, MaterialValue, Source

__all__ = ["set_entry", "set_object", "set_tables", "sets_table"]

# That of qdmol.results, whose array libraries this command does without.
NO_VALUE = "n/a"


def set_entry(material_set: MaterialSet) -> dict[str, Any]:
    """Return one line of the list of sets, for JSON."""
    return {
        "name": material_set.name,
        "title": material_set.title,
        "materials": list(material_set.materials),
        "reference": material_set.reference,
        "file": str(material_set.path),
    }


def set_object(material_set: MaterialSet) -> dict[str, Any]:
    """Return every value of a set, for JSON."""
    return {
        "qdmol": 1,
        **set_entry(material_set),
        "notes": list(material_set.notes),
        "materials": {
            name: {key: _value_object(value) for key, value in values.items()}
            for name, values in material_set.materials.items()
        },
    }


def _value_object(value: MaterialValue) -> dict[str, Any]:
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
            {"value": _finite(other.value), "unit": other.unit, "source": other.source, "note": other.note}
            for other in value.alternatives
        ],
    }


def _finite(value: float) -> float | str:
    return "hard" if value == float("inf") else value


def sets_table(sets: Iterable[MaterialSet]) -> Table:
    """Return the list of sets."""
    table = Table(box=None, pad_edge=False)
    for heading in ("set", "reference", "what it is"):
        table.add_column(heading, overflow="fold")
    for one in sets:
        table.add_row(Text(one.name), Text(one.reference), Text(one.title))
    return table


def set_tables(material_set: MaterialSet, *, quiet: bool) -> list[RenderableType]:
    """Return a set for people: notes, values, alternatives, sources numbered as in the tables."""
    numbers = _numbered(material_set)
    shown: list[RenderableType] = [Text(f"{material_set.name}: {material_set.title}", style="bold")]
    if not quiet:
        shown += [Text(note) for note in material_set.notes]
    reference = material_set.reference
    shown.append(Text(f"Energies count from the band edges of {reference}, positive away from the gap."))
    shown += [_values_table(material_set, numbers), Text("")]
    if any(value.alternatives for values in material_set.materials.values() for value in values.values()):
        shown += [_alternatives_table(material_set, numbers), Text("")]
    shown.append(Text("Sources", style="bold"))
    shown += [Text(f"[{number}] {source}") for source, number in numbers.items()]
    return shown


def _numbered(material_set: MaterialSet) -> dict[str, int]:
    """Return the sources in order of appearance, as text with what was read of them."""
    found: dict[str, int] = {}
    for values in material_set.materials.values():
        for value in values.values():
            found.setdefault(_long(value.source), len(found) + 1)
            for other in value.alternatives:
                found.setdefault(_long(other.origin), len(found) + 1)
    return found


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
    table = Table(title="Where the literature disagrees", title_justify="left", box=None, pad_edge=False)
    for heading in ("alternative", "source", "note"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "alternative")
    for values in material_set.materials.values():
        for value in values.values():
            for other in value.alternatives:
                table.add_row(Text(other.label), Text(f"[{numbers[_long(other.origin)]}]"), Text(other.note or ""))
    return table
