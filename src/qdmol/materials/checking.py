"""Check of a material set: all its errors, and warnings about what is unusual, missing or without a source.

Errors make a set unusable. Warnings do not: they point at values that are probably typing errors (an offset larger than
a gap, exchanged masses), at sources that nobody can look up, and at optional quantities without which some results
cannot be computed. Limits of usual values are chosen here, wide enough for all semiconductors of the shipped sets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qdmol.errors import InputError, shorten
from qdmol.materials.quantities import QUANTITIES
from qdmol.materials.sets import MEDIUM, MaterialSet, MaterialValue, Source, find_set, read_set, set_files

WarningKind = Literal["source", "value", "missing"]


@dataclass(frozen=True, slots=True)
class SetWarning:
    """A remark on a valid entry of a set: its ``field``, the ``kind`` of remark, and a ``message`` of one sentence."""

    field: str
    kind: WarningKind
    message: str


@dataclass(frozen=True, slots=True)
class SetCheck:
    """Result of `check_set`; ``material_set`` is None if there are ``errors``."""

    path: Path
    material_set: MaterialSet | None
    errors: tuple[InputError, ...]
    warnings: tuple[SetWarning, ...]

    @property
    def valid(self) -> bool:
        """Whether the set can be used."""
        return not self.errors


# Usual values: lowest and highest, in the unit of the quantity
_USUAL = {
    "electron_mass": (0.01, 1.0),
    "hole_mass": (0.02, 3.0),
    "band_gap": (0.1, 6.0),
    "permittivity": (2.0, 300.0),
    "optical_permittivity": (2.0, 40.0),
    "layer_thickness": (0.2, 0.5),
    "kane_energy": (2.0, 40.0),
    "bulk_absorption_300nm": (1e4, 3e6),
    "homogeneous_width": (0.01, 300.0),
    "phonon_energy": (1.0, 60.0),
}
_SPREAD = 5.0  # ratio of an alternative to its value from which a typing error is more likely than a dispute

# What an optional quantity is needed for
_NEEDED_FOR = {
    "layer_thickness": "shells counted in `monolayers`",
    "kane_energy": "transition strengths, radiative lifetimes and spectra",
    "optical_permittivity": "the local field of light, radiative lifetimes and spectra",
    "homogeneous_width": "spectra",
    "phonon_energy": "spectra at temperatures other than that of homogeneous_width",
    "bulk_absorption_300nm": "the comparison of absorption at 300 nm with the bulk",
}
_UNVERIFIED = ("not verified", "not checked", "from memory")


def check_set(name_or_path: str, *, relative_to: Path | None = None, field: str = "FILE") -> SetCheck:
    """Return all errors and warnings of a material set.

    Parameters
    ----------
    name_or_path
        Path of a file, or name of a set; looked for as by `load_set`.
    relative_to
        Folder of relative paths; the current one by default.
    field
        Name of the argument in an error.

    Returns
    -------
    SetCheck
        Errors first in the order of the file; warnings only if there are no errors.

    Raises
    ------
    qdmol.errors.InputError
        The file is not found, is no readable mapping, or is a spec.
    """
    path = find_set(name_or_path, relative_to=relative_to, field=field)
    material_set, errors, data = read_set(path, field=field)
    if "qdmol" in data and "qdmol_materials" not in data:
        shown = shorten(str(path))
        message = f"`{field}` {shown} is a spec, but must be a material set; `qdmol check` validates a spec."
        raise InputError(field=field, value=str(path), allowed="a material set", message=message)
    if material_set is None:
        return SetCheck(path, None, errors, ())
    sources = data["sources"]
    used = set(_keys_of_sources(data))
    warnings = [
        *_of_the_file(material_set),
        *_of_sources(material_set),
        *(
            SetWarning(f"sources.{key}", "source", f"The source `{key}` is used by no value.")
            for key in sources
            if key not in used
        ),
        *_of_values(material_set),
        *_of_edges(material_set),
        *_of_permittivities(material_set),
        *_of_missing(material_set),
    ]
    return SetCheck(path, material_set, (), tuple(warnings))


def _keys_of_sources(data: object) -> Iterator[str]:
    """Keys named by every `source:` of a file."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key == "source" and isinstance(value, str):
                yield value
            else:
                yield from _keys_of_sources(value)
    elif isinstance(data, list):
        for value in data:
            yield from _keys_of_sources(value)


def _of_the_file(material_set: MaterialSet) -> Iterator[SetWarning]:
    name, path = material_set.name, material_set.path
    if path.stem != name:
        text = f"The name in the file is {name!r}, that of the file {path.stem!r}; specs use the name of the file."
        yield SetWarning("name", "value", text)
    other = set_files().get(path.stem)
    if other is not None and not _same(other, path):
        text = f"Another set {path.stem!r} is found by name ({other}); which one a spec uses depends on its folder."
        yield SetWarning("name", "value", text)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _entries(material_set: MaterialSet) -> Iterator[tuple[str, str, MaterialValue]]:
    for material, values in material_set.materials.items():
        for key, value in values.items():
            yield material, key, value


def _of_sources(material_set: MaterialSet) -> Iterator[SetWarning]:
    """One warning for each source that cannot be looked up or was not verified, with the values that have it."""
    fields: dict[Source, list[str]] = {}
    for material, key, value in _entries(material_set):
        fields.setdefault(value.source, []).append(f"{material}.{key}")
    for source, named in fields.items():
        if source.doi is None and source.url is None:
            reason = "has neither DOI nor address"
        elif any(phrase in (source.note or "").lower() for phrase in _UNVERIFIED):
            reason = f"was not verified ({source.note})"
        else:
            continue
        text = f"The source of {', '.join(named)} {reason}: {source.citation}."
        yield SetWarning(f"materials.{named[0]}", "source", text)


def _of_values(material_set: MaterialSet) -> Iterator[SetWarning]:
    for material, key, value in _entries(material_set):
        field = f"materials.{material}.{key}"
        unit = "" if value.unit == "1" else f" {value.unit}"
        low, high = _USUAL.get(key, (-math.inf, math.inf))
        if material != MEDIUM and not low <= value.value <= high:
            text = f"`{field}` is {value.value:g}{unit}; usual values are {low:g} to {high:g}{unit}."
            yield SetWarning(field, "value", text)
        for i, other in enumerate(value.alternatives):
            if not _alike(value.value, other.value):
                text = (
                    f"`{field}.alternatives[{i}]` is {other.value:g}{unit}, far from the value {value.value:g}{unit}."
                )
                yield SetWarning(f"{field}.alternatives[{i}]", "value", text)
    for material, values in material_set.materials.items():
        if material != MEDIUM and values["electron_mass"].value > values["hole_mass"].value:
            text = f"In {material} electrons are heavier than holes; the two masses may have been exchanged."
            yield SetWarning(f"materials.{material}.electron_mass", "value", text)


def _alike(value: float, other: float) -> bool:
    """Whether two values of a quantity are of one order of magnitude, where both are positive and finite."""
    if value <= 0 or other <= 0 or math.isinf(value) or math.isinf(other):
        return True
    return max(value, other) / min(value, other) <= _SPREAD


def _of_edges(material_set: MaterialSet) -> Iterator[SetWarning]:
    reference = material_set.reference
    gap = material_set.band_gap(reference)
    others = [name for name in material_set.materials if name not in (reference, MEDIUM)]
    for name in others:
        electron, hole = material_set.edges(name)
        own = material_set.band_gap(name)
        for key, offset, edge, other in (
            ("conduction_offset", electron, "conduction", "valence"),
            ("valence_offset", hole, "valence", "conduction"),
        ):
            if -offset >= gap:
                text = (
                    f"`materials.{name}.{key}` is {offset:g} eV, beyond the gap of {reference} ({gap:g} eV): the "
                    f"{edge} edge of {name} reaches the {other} edge of {reference}."
                )
                yield SetWarning(f"materials.{name}.{key}", "value", text)
        if own <= 0:
            text = f"The offsets of {name} give it a gap of {own:g} eV ({gap:g} + {electron:g} + {hole:g} eV)."
            yield SetWarning(f"materials.{name}", "value", text)
    yield from _of_barriers(material_set, others)
    yield from _of_alignment(material_set)


def _of_barriers(material_set: MaterialSet, others: list[str]) -> Iterator[SetWarning]:
    for position, (key, carrier) in enumerate((("electron_barrier", "electrons"), ("hole_barrier", "holes"))):
        barrier = material_set.value(MEDIUM, key).value
        edges = {name: material_set.edges(name)[position] for name in (material_set.reference, *others)}
        deepest = min(edges, key=lambda name: edges[name])
        field = f"materials.{MEDIUM}.{key}"
        if barrier <= edges[deepest]:
            text = f"`{field}` is {barrier:g} eV, not above the edge of any material: no {carrier} are bound."
            yield SetWarning(field, "value", text)
            continue
        above = [name for name, edge in edges.items() if barrier < edge]
        if above:
            text = f"`{field}` is {barrier:g} eV, below the edge of {', '.join(above)}, which then binds no {carrier}."
            yield SetWarning(field, "value", text)


def _of_alignment(material_set: MaterialSet) -> Iterator[SetWarning]:
    published = material_set.alignment
    if published is None:
        return
    computed = material_set.alignment_type(published.core, published.shell)
    if computed != published.type:
        text = (
            f"`alignment.type` is {published.type} for {published.core}/{published.shell}, but the offsets give type "
            f"{computed}."
        )
        yield SetWarning("alignment.type", "value", text)


def _of_permittivities(material_set: MaterialSet) -> Iterator[SetWarning]:
    values = {name: entries["permittivity"].value for name, entries in material_set.materials.items()}
    if len(set(values.values())) > 1:
        text = (
            "Permittivities differ between materials: gaps and red shifts are computed only with "
            "`calculation: {self_polarisation: true}`."
        )
        yield SetWarning("materials", "value", text)


def _of_missing(material_set: MaterialSet) -> Iterator[SetWarning]:
    for key, purpose in _NEEDED_FOR.items():
        owners = QUANTITIES[key].owners
        lacking = [
            name
            for name, entries in material_set.materials.items()
            if key not in entries
            and ("medium" if name == MEDIUM else "reference" if name == material_set.reference else "material")
            in owners
        ]
        if lacking:
            text = f"{', '.join(lacking)}: no `{key}`, which is needed for {purpose}."
            yield SetWarning(f"materials.{lacking[0]}.{key}", "missing", text)
