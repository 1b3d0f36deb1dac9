"""Reading, writing and editing specs."""

from __future__ import annotations

import copy
import difflib
import io
import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML

from qdmol.errors import InputError
from qdmol.materials import Document, find_set, first_refusal, plain_mapping, read_document
from qdmol.structure.necks import NECKS
from qdmol.structure.schema import Spec

EXAMPLES = Path(__file__).parent.parent / "examples"
SPEC_ALLOWED = "the path of a spec in YAML or JSON, or @ and the name of a shipped example"


def read_spec(source: str | os.PathLike[str] | Mapping[str, object] | Spec, *, folder: Path | None = None) -> Spec:
    """Return the spec at a path, of a shipped example (``"@homodimer"``), or of a mapping.

    The material set of a mapping is looked for in `folder` first; that of a file, in the file's own folder.

    >>> read_spec("@homodimer").molecule.spacing
    5.2

    Raises InputError for anything that is not a valid spec, naming field, value and what is allowed.
    """
    if isinstance(source, Spec):
        return source
    if isinstance(source, Mapping):
        return _validated(plain_mapping(source), folder=folder)
    if isinstance(source, str) and source.startswith("@"):
        path = example_path(source[1:])
    elif not isinstance(source, str | os.PathLike) or not os.fspath(source):  # type: ignore[redundant-expr]
        raise InputError(field="spec", value=source, allowed=SPEC_ALLOWED)
    else:
        path = Path(source)
    return _validated(read_document(path, field="spec"), folder=path.parent, file=path)


def spec_files(spec: Spec) -> tuple[Path, ...]:
    """Return the files that a spec depends on: its own if it was read from one, and that of its material set.

    Raises InputError for a material set that is not found.
    """
    material_set = find_set(spec.materials, relative_to=spec.folder, field="materials")
    return (material_set,) if spec.file is None else (spec.file, material_set)


def _validated(data: Document, *, folder: Path | None, file: Path | None = None) -> Spec:
    try:
        spec = Spec.model_validate(data)
    except ValidationError as error:
        raise first_refusal(error, data, Spec) from None
    # private attributes, not fields: where a spec was read from is not part of its content
    spec._folder, spec._file = folder, file  # noqa: SLF001
    return spec


def list_examples() -> tuple[str, ...]:
    """Return the names of the shipped examples, sorted."""
    return tuple(sorted(path.stem for path in EXAMPLES.glob("*.yaml")))


def example_path(name: str) -> Path:
    """Return the file of a shipped example; InputError listing the examples if there is none of that name."""
    known = list_examples()
    if name in known:
        return EXAMPLES / f"{name}.yaml"
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean @{near[0]}?)" if near else ""
    allowed = "one of " + ", ".join(f"@{known_name}" for known_name in known)
    message = f"`spec` is {'@' + name!r:.60}, which is not a shipped example{hint}, but must be {allowed}."
    raise InputError(field="spec", value=f"@{name}", allowed=allowed, message=message)


def dump_spec(spec: Spec) -> str:
    """Return the spec as YAML, defaults included; it reads back equal."""
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 100
    yaml.dump(spec_mapping(spec), out)
    return out.getvalue()


def spec_mapping(spec: Spec) -> Document:
    """Return the spec as a plain mapping, defaults included; it reads back equal."""
    data: Document = spec.model_dump(mode="json", exclude_none=True)
    return data


def spec_schema() -> Document:
    """Return the JSON schema (draft 2020-12) of the spec, for editors; units are in descriptions and ``x-unit``."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "qdmol spec",
        **Spec.model_json_schema(),
    }
    schema["title"] = "qdmol spec"
    return schema


# Keys that exclude each other: setting one by path removes the others.
_EXCLUSIVE = (
    frozenset({"radius", "diameter"}),
    frozenset({"thickness", "monolayers"}),
    frozenset({"spacing", "barrier", "positions"}),
    frozenset(NECKS),
)
_STEP = re.compile(r"\.?([A-Za-z_][^.\[\]]*)|\[(\d+|\*)\]")


def update_spec(spec: Spec, path: str, value: object) -> Spec:
    """Return the spec with the value at a dotted path replaced, validated again.

    ``[i]`` is entry i of a list, counted from 0, ``[*]`` all entries: ``molecule.dots[*].core.radius``. Setting one of
    several keys that exclude each other (radius and diameter, spacing and barrier, ...) removes the others.
    Raises InputError naming the path if it does not exist, or the field that becomes invalid.
    """
    changed = update_mapping(spec_mapping(spec), {path: value}, folder=spec.folder)
    changed._file = spec.file  # noqa: SLF001
    return changed


def update_mapping(data: Mapping[str, object], changes: Mapping[str, object], *, folder: Path | None) -> Spec:
    """Return the spec of a plain mapping with the values at several dotted paths replaced, validated once.

    Like `update_spec`, path by path in the order given; ``folder`` is where the material set is looked for first.
    """
    changed = plain_mapping(data)  # a copy
    for path, value in changes.items():
        steps = _steps(path)
        for parent in _parents(changed, steps[:-1], path):
            _assign(parent, steps[-1], plain_mapping({path: value})[path], path)
    return _validated(changed, folder=folder)


def exclude_each_other(one: str, two: str) -> bool:
    """Whether setting one dotted path removes the other, or sets the same value.

    >>> exclude_each_other("molecule.spacing", "molecule.barrier")
    True
    """
    first, second = _steps(one), _steps(two)
    if first == second:
        return True
    last = {first[-1], second[-1]}
    return first[:-1] == second[:-1] and any(last <= group for group in _EXCLUSIVE)


def _steps(path: str) -> list[str | int]:
    """Return ``a.b[0].c[*]`` as ``["a", "b", 0, "c", -1]``."""
    steps: list[str | int] = []
    place = 0
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            break
        key, index = match.groups()
        if key is not None and path.startswith(".", place) != (place > 0):  # a dot between keys, none before the first
            break
        steps.append(key if key is not None else -1 if index == "*" else int(index))
        place = match.end()
    if not steps or place < len(path) or isinstance(steps[0], int):
        allowed = "a dotted path into the spec, such as molecule.dots[*].core.radius"
        raise InputError(field="path", value=path, allowed=allowed)
    return steps


def _parents(data: object, steps: list[str | int], path: str) -> list[object]:
    """Return the values that contain the last step; several after ``[*]``."""
    places = [data]
    for i, step in enumerate(steps):
        places = [
            item for place in places for item in _enter(place, step, path, create=steps[0] == "overrides" and i < 2)
        ]
    return places


def _enter(place: object, step: str | int, path: str, *, create: bool) -> list[object]:
    if isinstance(place, dict) and isinstance(step, str):
        if step not in place and create:
            place[step] = {}
        if step in place:
            return [place[step]]
    if isinstance(place, list) and isinstance(step, int):
        if step == -1:
            return list(place)
        if step < len(place):
            return [place[step]]
    raise _no_such_path(path, step, place)


def _no_such_path(path: str, step: str | int, place: object) -> InputError:
    name = "[*]" if step == -1 else f"[{step}]" if isinstance(step, int) else repr(step)
    if isinstance(place, dict) and place:
        reason = f"{name} must be one of {', '.join(place)}"
    elif isinstance(place, list) and place:
        reason = f"{name} must be an index from [0] to [{len(place) - 1}]"
    else:
        reason = f"{name} does not exist: the preceding value has no keys or entries"
    allowed = f"a path that exists in the spec ({reason})"
    return InputError(field="path", value=path, allowed=allowed)


def _assign(parent: object, step: str | int, value: object, path: str) -> None:
    if isinstance(parent, list) and isinstance(step, int) and step < len(parent):
        for i in range(len(parent)) if step == -1 else [step]:
            parent[i] = copy.deepcopy(value)
    elif isinstance(parent, dict) and isinstance(step, str):
        for group in _EXCLUSIVE:
            if step in group:
                for alternative in group - {step}:
                    parent.pop(alternative, None)
        parent[step] = value
    else:
        raise _no_such_path(path, step, parent)
