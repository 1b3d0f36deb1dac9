"""Safe reading of YAML and JSON files, and of the errors that pydantic finds in them.

`read_document` returns plain values or raises an InputError of one sentence. YAML 1.2 is read by ruamel.yaml, in its
safe mode. What a settings file never needs is refused before any object is built: tags, several documents, merge keys,
recursive or exploding aliases, deep nesting. `first_refusal` turns the report of pydantic into one InputError: the
first invalid field, its value, and what is allowed.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError, YAMLStreamError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    NodeEvent,
    ScalarEvent,
)

from qdmol.errors import MISSING, InputError, shorten
from qdmol.files import open_input

# Error type of pydantic -> what is allowed
_ALLOWED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "missing": "given",
}


def first_refusal(error: ValidationError, data: object, model: type[BaseModel]) -> InputError:
    """Return the most informative error of a report: unknown keys come first, since a typo also makes a key missing."""
    return refusals(error, data, model)[0]


def refusals(error: ValidationError, data: object, model: type[BaseModel]) -> list[InputError]:
    """Return every error of a report, unknown keys first."""
    details = error.errors(include_url=False)
    details.sort(key=lambda detail: detail["type"] != "extra_forbidden")
    return [_refusal(detail, data, model) for detail in details]


def _refusal(detail: ErrorDetails, data: object, model: type[BaseModel]) -> InputError:
    field = dotted(detail["loc"])
    value = MISSING if detail["type"] == "missing" else detail["input"]
    inner = detail.get("ctx", {}).get("error")
    if isinstance(inner, InputError):
        return _placed(inner, field)
    if detail["type"] == "extra_forbidden":
        return _unknown_key(detail, field, data, model)
    return InputError(field=field, value=value, allowed=_allowed(detail))


def dotted(location: Sequence[int | str]) -> str:
    """Return ``("dots", 0, "core")`` as ``dots[0].core``."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{part}" if text else part
    return text


def _placed(inner: InputError, field: str) -> InputError:
    """Return the error of a validator with the whole path of its field; a validator knows only the last part."""
    last = inner.field
    joint = "" if not field or not last or last.startswith("[") else "."
    path = f"{field}{joint}{last}"
    sentence = inner.message.replace(f"`{last}`", f"`{path}`", 1)
    return InputError(field=path, value=inner.value, allowed=inner.allowed, message=sentence)


def _allowed(detail: ErrorDetails) -> str:
    ctx = detail.get("ctx", {})
    kind = detail["type"]
    if kind in _ALLOWED:
        return _ALLOWED[kind]
    if kind == "literal_error":
        return str(ctx["expected"]).replace("'", "")
    bounds = {"greater_than": ("gt", "above"), "greater_than_equal": ("ge", "at least")}
    bounds |= {"less_than": ("lt", "below"), "less_than_equal": ("le", "at most")}
    if kind in bounds:
        key, word = bounds[kind]
        return f"{word} {ctx[key]}"
    forms = {
        "string_pattern_mismatch": f"text that matches {ctx.get('pattern')}",
        **dict.fromkeys(("too_short", "string_too_short"), f"at least {ctx.get('min_length')} long"),
        **dict.fromkeys(("too_long", "string_too_long"), f"at most {ctx.get('max_length')} long"),
    }
    if kind in forms:
        return forms[kind]
    return detail["msg"][0].lower() + detail["msg"][1:]


def _unknown_key(detail: ErrorDetails, field: str, data: object, model: type[BaseModel]) -> InputError:
    key = str(detail["loc"][-1])
    known = _known_keys(model, detail["loc"][:-1])
    near = difflib.get_close_matches(key, known, n=1)
    hint = f" (did you mean `{near[0]}`?)" if near else ""
    allowed = "one of " + ", ".join(known)
    message = f"`{field}` is an unknown key{hint}, but must be {allowed}."
    return InputError(field=field, value=_input_at(data, detail["loc"]), allowed=allowed, message=message)


def _input_at(data: object, location: Sequence[int | str]) -> object:
    """Return the input at a location; names of union alternatives in the location are not keys and are skipped."""
    for part in location:
        if isinstance(data, Mapping):
            data = data.get(part, data)
        elif isinstance(data, Sequence) and isinstance(part, int):
            data = data[part]
    return data


def _known_keys(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Return the keys of the model at a location, found through the types of the fields."""
    inner = model
    for part in location:
        fields = inner.model_fields
        annotation = fields[part].annotation if part in fields else get_type_hints(inner).get("__pydantic_extra__")
        inner = _model_in(annotation) or inner  # keys of a mapping and indices stay in the same model
    return list(inner.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        model = _model_in(part)
        if model is not None:
            return model
    return None


Document = dict[str, Any]  # a YAML or JSON file as plain values

MAX_BYTES = 1_000_000  # of a file; a spec has a few thousand
MAX_VALUES = 20_000  # in a file, with aliases expanded
MAX_DEPTH = 30  # levels of nesting; a spec has six
MAX_TEXT = 10_000  # characters of one string
MAX_KEY = 100  # characters of a key


def read_document(path: Path, *, field: str) -> Document:
    """Return the mapping in a YAML or JSON file (JSON if the name ends in ``.json``) as plain values.

    Raises InputError naming ``field`` (the key or argument that has the path) if the file cannot be read or is invalid.
    """
    text = _read_text(path, field=field)
    shown = str(path)
    if not text.strip():
        _refuse(field, shown, "a file that contains a mapping", f"`{field}` {shorten(shown)} is empty")
    data = _load_json(text, shown, field) if path.suffix.lower() == ".json" else _load_yaml(text, shown, field)
    if not isinstance(data, Mapping):
        content = {list: "a list", str: "text", type(None): "no data"}.get(type(data), "a single value")
        _refuse(field, shown, "a file that contains a mapping", f"`{field}` {shorten(shown)} contains {content}")
    return plain_mapping(data)


def _refuse(field: str, value: object, allowed: str, what: str) -> NoReturn:
    raise InputError(field=field, value=value, allowed=allowed, message=f"{what}, but must be {allowed}.")


def _read_text(path: Path, *, field: str) -> str:
    shown = str(path)
    with open_input(path, field=field) as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        _refuse(field, shown, f"a file of at most {MAX_BYTES} bytes", f"`{field}` {shorten(shown)} is larger")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse(field, shown, "text in UTF-8", f"`{field}` {shorten(shown)} contains bytes that are not text")


def _load_json(text: str, shown: str, field: str) -> object:
    def unique(pairs: list[tuple[str, Any]]) -> Document:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            keys = [key for key, _ in pairs]
            repeated = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"the key {shorten(repeated)} is repeated")
        return mapping

    try:
        return json.loads(text, object_pairs_hook=unique)
    except RecursionError:
        _refuse(field, shown, f"nested at most {MAX_DEPTH} deep", f"`{field}` {shorten(shown)} is nested too deep")
    except ValueError as error:  # JSONDecodeError, and integers of thousands of digits
        reason = _one_line(str(error))
        _refuse(field, shown, "valid JSON", f"`{field}` {shorten(shown)} cannot be read ({reason})")


def _load_yaml(text: str, shown: str, field: str) -> object:
    try:
        _check_events(text, shown, field)
        return YAML(typ="safe", pure=True).load(text)
    except RecursionError:
        _refuse(field, shown, f"nested at most {MAX_DEPTH} deep", f"`{field}` {shorten(shown)} is nested too deep")
    except InputError:
        raise
    except (YAMLError, YAMLStreamError, ValueError, TypeError, ArithmeticError, LookupError) as error:
        # ruamel.yaml raises other exceptions for malformed numbers, dates and keys
        reason = _yaml_reason(error)
        _refuse(field, shown, "valid YAML 1.2", f"`{field}` {shorten(shown)} cannot be read ({reason})")


def _yaml_reason(error: Exception) -> str:
    """Return a YAML error in one line: what is wrong, and where."""
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    mark = getattr(error, "problem_mark", None)
    where = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
    return _one_line(str(problem)) + where


def _one_line(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip().rstrip(".")
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 120 else text[:117] + "..."


class _Open:
    """A node being read: its anchor, and its number of values with aliases expanded."""

    __slots__ = ("anchor", "size")

    def __init__(self, anchor: str | None) -> None:
        self.anchor = anchor
        self.size = 1


def _check_events(text: str, shown: str, field: str) -> None:
    """Refuse what must not be built, from the event stream alone, before any node is built."""
    named = f"`{field}` {shorten(shown)}"
    sizes: dict[str, int] = {}
    stack: list[_Open] = [_Open(None)]
    documents = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        documents += isinstance(event, DocumentStartEvent)
        if documents > 1:
            _refuse(field, shown, "one document", f"{named} contains several documents")
        if isinstance(event, CollectionEndEvent):
            _close(stack, sizes)
        elif isinstance(event, NodeEvent):
            _check_node(event, stack, sizes, field=field, shown=shown)
        if len(stack) > MAX_DEPTH + 1:
            _refuse(field, shown, f"nested at most {MAX_DEPTH} deep", f"{named} is nested deeper")
        if sum(node.size for node in stack) > MAX_VALUES:
            _refuse(field, shown, f"at most {MAX_VALUES} values", f"{named} contains more")


def _close(stack: list[_Open], sizes: dict[str, int]) -> None:
    node = stack.pop()
    stack[-1].size += node.size
    if node.anchor is not None:
        sizes[node.anchor] = node.size


def _check_node(event: Event, stack: list[_Open], sizes: dict[str, int], *, field: str, shown: str) -> None:
    named = f"`{field}` {shorten(shown)}"
    if isinstance(event, AliasEvent):
        if event.anchor not in sizes:  # unknown, or still open: it would contain itself
            allowed = "free of recursive and unknown aliases"
            _refuse(
                field, shown, allowed, f"{named} uses the alias {shorten(event.anchor)} inside or before its definition"
            )
        stack[-1].size += sizes[event.anchor]
        return
    tag = getattr(event, "tag", None)
    if tag is not None:
        _refuse(field, shown, "free of YAML tags", f"{named} contains the tag {shorten(str(tag))}")
    if isinstance(event, ScalarEvent):
        if event.value == "<<" and event.style is None:
            _refuse(field, shown, "free of merge keys", f"{named} contains the merge key <<")
        stack[-1].size += 1
        if event.anchor is not None:
            sizes[event.anchor] = 1
    elif isinstance(event, CollectionStartEvent):
        stack.append(_Open(event.anchor))


def plain_mapping(data: Mapping[Any, Any]) -> Document:
    """Return a mapping from a file or a program as dicts, lists, text, numbers, booleans and None.

    Raises InputError for keys that are not text, unprintable text, other types, and deep or recursive nesting.
    """
    budget = [MAX_VALUES]
    plain = _plain(data, "", depth=0, budget=budget)
    assert isinstance(plain, dict)
    return plain


def _plain(value: object, where: str, *, depth: int, budget: list[int]) -> object:
    budget[0] -= 1
    field = where or "spec"
    if depth > MAX_DEPTH or budget[0] < 0:
        allowed = f"nested at most {MAX_DEPTH} deep, with at most {MAX_VALUES} values"
        raise InputError(field=field[:200], value=f"a nested {type(value).__name__}", allowed=allowed)
    if hasattr(value, "tolist"):  # arrays and their scalars
        value = value.tolist()
    if isinstance(value, Mapping):
        return {
            _plain_key(key, field): _plain(item, join(where, key), depth=depth + 1, budget=budget)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]", depth=depth + 1, budget=budget) for i, item in enumerate(value)]
    return _plain_scalar(value, field)


def _plain_scalar(value: object, field: str) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        return _plain_text(value, field)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    raise InputError(field=field, value=value, allowed="text, a number, a list or a mapping")


def _plain_key(key: object, field: str) -> str:
    if not isinstance(key, str) or not key or len(key) > MAX_KEY or not _is_printable(key):
        allowed = f"a mapping whose keys are printable text of 1 to {MAX_KEY} characters"
        raise InputError(
            field=field,
            value=key,
            allowed=allowed,
            message=f"A key of `{field}` is {shorten(key)}, but must be printable text of 1 to {MAX_KEY} characters.",
        )
    return str(key)


def _plain_text(text: str, field: str) -> str:
    if len(text) > MAX_TEXT or not _is_printable(text):
        allowed = f"printable text of at most {MAX_TEXT} characters"
        raise InputError(field=field, value=text, allowed=allowed)
    return str(text)


def _is_printable(text: str) -> bool:
    """Whether text has neither control characters, apart from line breaks and tabs, nor lone surrogates."""
    if text.isascii() and text.isprintable():
        return True
    return all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") for c in text)


def join(where: str, key: object) -> str:
    """Return the dotted path of ``key`` in the mapping at ``where``."""
    return f"{where}.{key}" if where else str(key)
