"""Material sets: parameters of materials with their sources, read from YAML files.

A set is one file for each publication or compilation. Every value has its quantity, unit, temperature and source; where
the literature disagrees it lists alternatives. Energies are edges on one scale, in eV, zero at the band edges of the
``reference`` material of the set, positive away from the gap.

>>> chosen = load_set("cdse-cds-single-band")
>>> chosen.value("CdS", "conduction_offset").value
0.1

Sets are looked for in this order:

1. as a path relative to the spec's folder (with or without ``.yaml``);
2. in the folders of the environment variable ``QDMOL_MATERIALS`` (separated as in ``PATH``);
3. in the user's configuration folder (``~/.config/qdmol/materials`` on Linux);
4. in the package.
"""

from __future__ import annotations

import difflib
import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML

from qdmol.errors import InputError
from qdmol.files import open_input
from qdmol.materials.documents import Document, first_refusal, read_document, refusals
from qdmol.materials.quantities import QUANTITIES, REFERENCE_QUANTITIES, Owner
from qdmol.units import parse_quantity

SUFFIXES = (".yaml", ".yml", ".json")


def search_folders() -> tuple[Path, ...]:
    """Return the folders in which sets are looked for by name, in order."""
    named = os.environ.get("QDMOL_MATERIALS", "")
    folders = [_expanded(Path(part), "QDMOL_MATERIALS") for part in named.split(os.pathsep) if part]
    folders.append(platformdirs.user_config_path("qdmol", appauthor=False) / "materials")
    folders.append(Path(__file__).parent / "data")
    return tuple(folders)


def _expanded(path: Path, field: str) -> Path:
    """Return a path with `~` expanded; InputError for a user that does not exist."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise InputError(field=field, value=str(path), allowed="the path of a user that exists") from None


def set_files() -> dict[str, Path]:
    """Return name and file of every set that can be found by name; earlier folders take precedence."""
    files: dict[str, Path] = {}
    for folder in search_folders():
        try:
            entries = sorted(folder.iterdir())
        except OSError:  # a folder that does not exist contains no sets
            continue
        for path in entries:
            if path.suffix in SUFFIXES and path.is_file():
                files.setdefault(path.stem, path)
    return files


def find_set(name: str, *, relative_to: Path | None = None, field: str) -> Path:
    """Return the file of a set; InputError naming ``field`` and the known sets if it is not found."""
    if not name or "\0" in name or len(name) > 500:
        raise InputError(field=field, value=name, allowed="the name or path of a material set")
    base = Path() if relative_to is None else relative_to
    candidates = [base / _expanded(Path(name), field) if name.startswith("~") else base / name]
    candidates += [base / f"{name}{suffix}" for suffix in SUFFIXES]
    if Path(name).name == name:  # a plain name, not a path
        candidates += [folder / f"{name}{suffix}" for folder in search_folders() for suffix in SUFFIXES]
    for path in candidates:
        try:
            if path.is_file():
                return path
        except OSError:  # a name that the system refuses
            continue
    known = sorted(set_files())
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean `{near[0]}`?)" if near else ""
    allowed = "the path of a set relative to the spec, or one of " + ", ".join(known)
    message = f"`{field}` is {name!r:.60}, which is not found{hint}, but must be {allowed}."
    raise InputError(field=field, value=name, allowed=allowed, message=message)


MEDIUM = "medium"  # name of what surrounds the molecule, in every set
MATERIAL_NAME = r"^[A-Za-z][A-Za-z0-9_+()-]{0,39}$"  # no dots, since names are parts of dotted paths

Text = Annotated[str, Field(min_length=1, max_length=4000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(_Frozen):
    """A source of values: citation, identifier, and a note on which parts of it were accessible."""

    citation: Text
    doi: Annotated[str, Field(pattern=r"^10\.\d{4,9}/\S+$")] | None = None
    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _locatable(self) -> Self:
        if self.doi is None and self.url is None and self.note is None:
            raise InputError(
                field="doi", value=None, allowed="given (or url, or a note that explains why there is none)"
            )
        return self

    def __str__(self) -> str:
        place = f", doi:{self.doi}" if self.doi else f", {self.url}" if self.url else ""
        return self.citation + place


class _Alternative(_Frozen):
    value: Any
    source: Text
    note: Text | None = None


class _Entry(_Frozen):
    """A value in the file of a set."""

    value: Any
    unit: Text
    temperature: Annotated[float, Field(ge=0, le=5000, strict=False)] | None
    source: Text
    note: Text | None = None
    alternatives: tuple[_Alternative, ...] = Field(default=(), strict=False)


class _Alignment(_Frozen):
    """Band alignment of a core and its first shell, as published."""

    core: Text
    shell: Text
    type: Literal["I", "II"]
    source: Text
    note: Text | None = None


class _File(_Frozen):
    """The file of a set."""

    qdmol_materials: Literal[1]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
    title: Text
    notes: tuple[Text, ...] = Field(default=(), strict=False)
    reference: Annotated[str, Field(pattern=MATERIAL_NAME)]
    alignment: _Alignment | None = None
    sources: dict[str, Source]
    materials: dict[str, dict[str, _Entry]]


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another value from the literature for ``key`` of ``material``, in the unit of the value in the set."""

    material: str
    key: str
    value: float
    source: str
    unit: str
    origin: Source
    note: str | None = None

    @property
    def label(self) -> str:
        """Return, for example, ``CdS.conduction_offset = 0.32 eV``."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.material}.{self.key} = {self.value:g}{unit}"


@dataclass(frozen=True, slots=True)
class MaterialValue:
    """A value of a set: in ``unit``, at ``temperature`` (K; None if not applicable), from ``source``."""

    value: float
    unit: str
    temperature: float | None
    source: Source
    note: str | None = None
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedAlignment:
    """Band alignment of ``core`` and ``shell`` as published: ``type`` I or II."""

    core: str
    shell: str
    type: Literal["I", "II"]
    source: Source
    note: str | None = None


@dataclass(frozen=True, slots=True)
class MaterialSet:
    """A named parameter set; ``materials`` maps material and key to value, and includes ``medium``."""

    name: str
    title: str
    notes: tuple[str, ...]
    reference: str
    path: Path
    materials: Mapping[str, Mapping[str, MaterialValue]]
    alignment: PublishedAlignment | None = None

    def value(self, material: str, key: str) -> MaterialValue:
        """Return a value; KeyError if the set has none."""
        return self.materials[material][key]

    def edges(self, material: str) -> tuple[float, float]:
        """Return how far the conduction edge lies above, and the valence edge below, those of the reference (eV)."""
        if material == self.reference:
            return 0.0, 0.0
        return self.value(material, "conduction_offset").value, self.value(material, "valence_offset").value

    def band_gap(self, material: str) -> float:
        """Return the band gap of a bulk material in eV: that of the reference plus both offsets."""
        return self.value(self.reference, "band_gap").value + sum(self.edges(material))

    def alignment_type(self, core: str, shell: str) -> Literal["I", "inverse I", "II"]:
        """Return the type of the band alignment that the offsets give, without confinement.

        ``"I"``: both edges of the core are inside the gap of the shell; ``"inverse I"``: the reverse; ``"II"``: the
        lowest conduction edge and the highest valence edge are in different materials.
        """
        steps = [outer - inner for inner, outer in zip(self.edges(core), self.edges(shell), strict=True)]
        if all(step >= 0 for step in steps):
            return "I"
        return "inverse I" if all(step <= 0 for step in steps) else "II"


def list_sets() -> tuple[str, ...]:
    """Return the names of the sets that can be found without a path, sorted."""
    return tuple(sorted(set_files()))


def load_set(name_or_path: str, *, relative_to: Path | None = None, field: str = "materials") -> MaterialSet:
    """Return a set by name or by path.

    It is looked for as a path relative to ``relative_to`` (the folder of the spec; default the current one), then in
    the folders of ``QDMOL_MATERIALS``, the user's configuration folder, and the package.
    Raises InputError for a set that is not found (naming ``field``) or invalid (naming file and field).
    """
    path = find_set(name_or_path, relative_to=relative_to, field=field)
    try:
        stamp = path.stat().st_mtime_ns
    except OSError:  # removed since it was found; reading it raises the error
        stamp = 0
    return _load(path.absolute(), stamp, field)


def set_text(name_or_path: str, *, relative_to: Path | None = None, field: str = "materials") -> str:
    """Return the file of a valid set as YAML text, to copy from; saved to a file it loads as a set with equal values.

    Comments and layout of a YAML file are kept; a JSON file is converted. The set is looked for as by `load_set`, and
    InputError is raised in the same cases.
    """
    material_set = load_set(name_or_path, relative_to=relative_to, field=field)
    if material_set.path.suffix.lower() != ".json":
        with open_input(material_set.path, field=field) as file:
            return file.read().decode("utf-8-sig")
    yaml: Any = YAML(typ="safe", pure=True)  # the types of its settings are declared too narrowly
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    text = io.StringIO()
    yaml.dump(read_document(material_set.path, field=field), text)
    return text.getvalue()


@lru_cache(maxsize=32)
def _load(path: Path, stamp: int, field: str) -> MaterialSet:  # noqa: ARG001  # a modified file has another stamp
    """Return the set in a file; an unchanged file is read only once, since a map resolves hundreds of specs."""
    data = read_document(path, field=field)
    try:
        file = _File.model_validate(data)
        return _build(file, path)
    except ValidationError as error:
        raise _in_file(first_refusal(error, data, _File), path) from None
    except InputError as error:
        raise _in_file(error, path) from None


def _in_file(error: InputError, path: Path) -> InputError:
    message = f"In the material set {path.name}: {error.message}"
    return InputError(field=f"{path.name}:{error.field}", value=error.value, allowed=error.allowed, message=message)


def read_set(path: Path, *, field: str) -> tuple[MaterialSet | None, tuple[InputError, ...], Document]:
    """Return the set in a file (None if it is invalid), all its errors, and the file as plain values.

    Raises InputError naming ``field`` if the file cannot be read.
    """
    data = read_document(path, field=field)
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        return None, tuple(refusals(error, data, _File)), data
    errors: list[InputError] = []
    material_set = _built(file, path, errors)
    return (None if errors else material_set), tuple(errors), data


def _build(file: _File, path: Path) -> MaterialSet:
    """Return the set of a file, with sources resolved, units converted, and all required keys checked."""
    errors: list[InputError] = []
    material_set = _built(file, path, errors)
    if errors:
        raise errors[0]
    return material_set


def _built(file: _File, path: Path, errors: list[InputError]) -> MaterialSet:
    """Return the valid part of a set; all its errors are appended to ``errors``."""
    with _noting(errors):
        _check_names(file)
    materials: dict[str, Mapping[str, MaterialValue]] = {}
    for name, entries in file.materials.items():
        values: dict[str, MaterialValue] = {}
        for key, entry in entries.items():
            with _noting(errors):
                values[key] = _value(file, name, key, entry)
        materials[name] = MappingProxyType(values)
    for name, entries in file.materials.items():
        errors.extend(_missing_keys(file, name, entries))
    alignment = None
    with _noting(errors):
        alignment = _alignment(file)
    return MaterialSet(
        name=file.name,
        title=file.title,
        notes=file.notes,
        reference=file.reference,
        path=path,
        materials=MappingProxyType(materials),
        alignment=alignment,
    )


@contextmanager
def _noting(errors: list[InputError]) -> Iterator[None]:
    """Append an InputError to ``errors`` instead of raising it."""
    try:
        yield
    except InputError as error:
        errors.append(error)


def _alignment(file: _File) -> PublishedAlignment | None:
    published = file.alignment
    if published is None:
        return None
    known = [name for name in file.materials if name != MEDIUM]
    for key, name in (("core", published.core), ("shell", published.shell)):
        if name not in known:
            raise InputError(field=f"alignment.{key}", value=name, allowed="one of " + ", ".join(known))
    source = _source(file, published.source, "alignment.source")
    return PublishedAlignment(published.core, published.shell, published.type, source, published.note)


def _check_names(file: _File) -> None:
    for name in file.materials:
        if not re.match(MATERIAL_NAME, name):
            raise InputError(field="materials", value=name, allowed="composed of letters, digits and _ + - ( ) only")
    for needed in (file.reference, MEDIUM):
        if needed not in file.materials:
            allowed = f"a mapping with `{needed}`: the reference material and `{MEDIUM}` are required"
            raise InputError(field="materials", value=sorted(file.materials), allowed=allowed)
    if file.reference == MEDIUM:
        raise InputError(field="reference", value=MEDIUM, allowed="a material of the set")


def _owner(file: _File, material: str) -> Owner:
    if material == MEDIUM:
        return "medium"
    return "reference" if material == file.reference else "material"


def _missing_keys(file: _File, name: str, entries: Mapping[str, _Entry]) -> Iterator[InputError]:
    owner = _owner(file, name)
    for key, quantity in QUANTITIES.items():
        if quantity.required and owner in quantity.owners and key not in entries:
            yield InputError(field=f"materials.{name}.{key}", value=None, allowed="given")


def _value(file: _File, material: str, key: str, entry: _Entry) -> MaterialValue:
    field = f"materials.{material}.{key}"
    _check_key(file, material, key, entry)
    number = _number(entry.value, entry.unit, key, f"{field}.value")
    source = _source(file, entry.source, f"{field}.source")
    others = tuple(
        _alternative(file, material, key, entry.unit, alternative, field=f"{field}.alternatives[{i}]")
        for i, alternative in enumerate(entry.alternatives)
    )
    return MaterialValue(
        value=number,
        unit=QUANTITIES[key].unit,
        temperature=entry.temperature,
        source=source,
        note=entry.note,
        alternatives=others,
    )


def _alternative(file: _File, material: str, key: str, unit: str, entry: _Alternative, *, field: str) -> Alternative:
    origin = _source(file, entry.source, f"{field}.source")
    return Alternative(
        material=material,
        key=key,
        value=_number(entry.value, unit, key, f"{field}.value"),
        source=str(origin),
        unit=QUANTITIES[key].unit,
        origin=origin,
        note=entry.note,
    )


def _check_key(file: _File, material: str, key: str, entry: _Entry) -> None:
    at_reference = material == file.reference
    owners = {"medium"} if material == MEDIUM else {"reference", "material"}
    known = [name for name, quantity in QUANTITIES.items() if owners & quantity.owners]
    if key not in known:
        field, allowed = f"materials.{material}.{key}", "one of " + ", ".join(known)
        near = difflib.get_close_matches(key, known, n=1)
        hint = f" (did you mean `{near[0]}`?)" if near else ""
        message = f"`{field}` is an unknown key{hint}, but must be {allowed}."
        raise InputError(field=field, value=entry.value, allowed=allowed, message=message)
    if at_reference and "reference" not in QUANTITIES[key].owners:
        allowed = f"absent: the edges of the reference material {material} are the zero of energy"
        raise InputError(field=f"materials.{material}.{key}", value=entry.value, allowed=allowed)
    if not at_reference and key in REFERENCE_QUANTITIES:
        allowed = f"absent: {key} is a key of the reference material {file.reference} only"
        raise InputError(field=f"materials.{material}.{key}", value=entry.value, allowed=allowed)
    if key == "homogeneous_width" and entry.temperature is None:
        allowed = "given: the temperature in K at which the line has this width"
        raise InputError(field=f"materials.{material}.{key}.temperature", value=None, allowed=allowed)


def _number(value: object, unit: str, key: str, field: str) -> float:
    """Return a number of a file, given in the unit of its entry, in the unit of its key."""
    quantity = QUANTITIES[key]
    if quantity.hard and value == "hard":
        return quantity.parse(value, field=field)
    plain = parse_quantity(value, kind="number", field=field)
    text = repr(plain) if quantity.kind == "number" else f"{plain!r} {unit}"
    if quantity.kind == "number" and unit != "1":
        raise InputError(field=field.rpartition(".")[0] + ".unit", value=unit, allowed="1 (a number without a unit)")
    return quantity.parse(text, field=field)


def _source(file: _File, key: str, field: str) -> Source:
    if key not in file.sources:
        raise InputError(field=field, value=key, allowed="one of the file's sources: " + ", ".join(file.sources))
    return file.sources[key]


def alternatives(material_set: MaterialSet) -> tuple[Alternative, ...]:
    """Return the alternatives on which levels depend, in the order of the file.

    Those of optical quantities, on which no level depends, are `light_alternatives`.
    """
    return tuple(alternative for alternative in _listed(material_set) if not QUANTITIES[alternative.key].optical)


def light_alternatives(material_set: MaterialSet) -> tuple[Alternative, ...]:
    """Return the alternatives of optical quantities, in the order of the file."""
    return tuple(alternative for alternative in _listed(material_set) if QUANTITIES[alternative.key].optical)


def _listed(material_set: MaterialSet) -> tuple[Alternative, ...]:
    return tuple(
        alternative
        for values in material_set.materials.values()
        for value in values.values()
        for alternative in value.alternatives
    )
