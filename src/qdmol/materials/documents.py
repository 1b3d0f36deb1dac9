"""Reading YAML and JSON written by others: plain values come out, or an InputError in one sentence.

YAML is read by ruamel.yaml, safe and pure Python, version 1.2. What a file of settings never needs is refused
before anything is built: tags, several documents, merge keys, recursive or exploding aliases, deep nesting.

From pydantic's report to one InputError: the first field that is wrong, its value, what is allowed.
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

# pydantic's error type -> what is allowed there
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
    """Return the most telling error of a report: an unknown key first, since a typo also makes a key missing."""
    details = error.errors(include_url=False)
    chosen = next((d for d in details if d["type"] == "extra_forbidden"), details[0])
    field = dotted(chosen["loc"])
    value = MISSING if chosen["type"] == "missing" else chosen["input"]
    inner = chosen.get("ctx", {}).get("error")
    if isinstance(inner, InputError):
        return _placed(inner, field)
    if chosen["type"] == "extra_forbidden":
        return _unknown_key(chosen, field, data, model)
    return InputError(field=field, value=value, allowed=_allowed(chosen))


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
    """Return a validator's own error with its field counted from the root (a validator knows only the rest)."""
    rest = inner.field
    joint = "" if not field or not rest or rest.startswith("[") else "."
    whole = f"{field}{joint}{rest}"
    sentence = inner.message.replace(f"`{rest}`", f"`{whole}`", 1)
    return InputError(field=whole, value=inner.value, allowed=inner.allowed, message=sentence)


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
    if kind in ("too_short", "string_too_short"):
        return f"at least {ctx.get('min_length')} long"
    if kind in ("too_long", "string_too_long"):
        return f"at most {ctx.get('max_length')} long"
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
    """Return what stands at a location of the input (names of alternatives in a union are no keys and are passed)."""
    for part in location:
        if isinstance(data, Mapping):
            data = data.get(part, data)
        elif isinstance(data, Sequence) and isinstance(part, int):
            data = data[part]
    return data


def _known_keys(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Return the keys of the model at a location, walking the fields' types."""
    here = model
    for part in location:
        fields = here.model_fields
        annotation = fields[part].annotation if part in fields else get_type_hints(here).get("__pydantic_extra__")
        here = _model_in(annotation) or here  # a key of a mapping, or an index, is in the model already found
    return list(here.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None


LARGEST_FILE = 1_000_000  # bytes; a spec has kilobytes
MOST_VALUES = 20_000  # after aliases are followed
DEEPEST = 30  # levels of nesting; a spec has six
LONGEST_TEXT = 10_000  # characters of one string
LONGEST_KEY = 100


def read_document(path: Path, *, field: str) -> dict[str, Any]:
    """Return the mapping in a YAML or JSON file (JSON where the name ends so) as plain values.

    Raises InputError naming ``field`` (what the path was given for) if the file cannot be read or is no such file.
    """
    text = _read_text(path, field=field)
    shown = str(path)
    if not text.strip():
        _refuse(field, shown, "a file with a mapping in it", f"`{field}` {shorten(shown)} is empty")
    data = _load_json(text, shown, field) if path.suffix.lower() == ".json" else _load_yaml(text, shown, field)
    if not isinstance(data, Mapping):
        kind = type(data).__name__
        _refuse(field, shown, "a file with a mapping in it", f"`{field}` {shorten(shown)} holds a {kind}")
    return plain_mapping(data)


def _refuse(field: str, value: object, allowed: str, what: str) -> NoReturn:
    raise InputError(field=field, value=value, allowed=allowed, message=f"{what}, but must be {allowed}.")


def _read_text(path: Path, *, field: str) -> str:
    shown = str(path)
    with open_input(path, field=field) as file:
        raw = file.read(LARGEST_FILE + 1)
    if len(raw) > LARGEST_FILE:
        _refuse(field, shown, f"a file of at most {LARGEST_FILE} bytes", f"`{field}` {shorten(shown)} is larger")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse(field, shown, "text in UTF-8", f"`{field}` {shorten(shown)} holds bytes that are no text")


def _load_json(text: str, shown: str, field: str) -> object:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"the key {shorten(twice)} stands twice")
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except RecursionError:
        _refuse(field, shown, f"nested at most {DEEPEST} deep", f"`{field}` {shorten(shown)} is nested too deep")
    except ValueError as error:  # JSONDecodeError, and integers of thousands of digits
        reason = _one_line(str(error))
        _refuse(field, shown, "valid JSON", f"`{field}` {shorten(shown)} cannot be read ({reason})")


def _load_yaml(text: str, shown: str, field: str) -> object:
    try:
        _check_events(text, shown, field)
        return YAML(typ="safe", pure=True).load(text)
    except RecursionError:
        _refuse(field, shown, f"nested at most {DEEPEST} deep", f"`{field}` {shorten(shown)} is nested too deep")
    except InputError:
        raise
    except (YAMLError, YAMLStreamError, ValueError, TypeError, ArithmeticError, LookupError) as error:
        # ruamel.yaml lets errors of Python's own out for odd numbers, dates and keys
        reason = _yaml_reason(error)
        _refuse(field, shown, "valid YAML 1.2", f"`{field}` {shorten(shown)} cannot be read ({reason})")


def _yaml_reason(error: Exception) -> str:
    """Return a YAML error in a line: what is wrong, and where."""
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    mark = getattr(error, "problem_mark", None)
    where = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
    return _one_line(str(problem)) + where


def _one_line(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip().rstrip(".")
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 120 else text[:117] + "..."


class _Open:
    """A node being read: its anchor, and how many values it holds with aliases followed."""

    __slots__ = ("anchor", "size")

    def __init__(self, anchor: str | None) -> None:
        self.anchor = anchor
        self.size = 1


def _check_events(text: str, shown: str, field: str) -> None:
    """Refuse what must not be built, from the event stream alone (no node exists yet)."""
    named = f"`{field}` {shorten(shown)}"
    sizes: dict[str, int] = {}
    stack: list[_Open] = [_Open(None)]
    documents = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        documents += isinstance(event, DocumentStartEvent)
        if documents > 1:
            _refuse(field, shown, "one document", f"{named} holds several documents")
        if isinstance(event, CollectionEndEvent):
            _close(stack, sizes)
        elif isinstance(event, NodeEvent):
            _check_node(event, stack, sizes, field=field, shown=shown)
        if len(stack) > DEEPEST + 1:
            _refuse(field, shown, f"nested at most {DEEPEST} deep", f"{named} is nested deeper")
        if sum(node.size for node in stack) > MOST_VALUES:
            _refuse(field, shown, f"at most {MOST_VALUES} values", f"{named} holds more")


def _close(stack: list[_Open], sizes: dict[str, int]) -> None:
    node = stack.pop()
    stack[-1].size += node.size
    if node.anchor is not None:
        sizes[node.anchor] = node.size


def _check_node(event: Event, stack: list[_Open], sizes: dict[str, int], *, field: str, shown: str) -> None:
    named = f"`{field}` {shorten(shown)}"
    if isinstance(event, AliasEvent):
        if event.anchor not in sizes:  # unknown, or still open: it would hold itself
            allowed = "free of recursive and unknown aliases"
            _refuse(field, shown, allowed, f"{named} uses the alias {shorten(event.anchor)} inside or before itself")
        stack[-1].size += sizes[event.anchor]
        return
    tag = getattr(event, "tag", None)
    if tag is not None:
        _refuse(field, shown, "free of YAML tags", f"{named} holds the tag {shorten(str(tag))}")
    if isinstance(event, ScalarEvent):
        if event.value == "<<" and event.style is None:
            _refuse(field, shown, "free of merge keys", f"{named} holds the merge key <<")
        stack[-1].size += 1
        if event.anchor is not None:
            sizes[event.anchor] = 1
    elif isinstance(event, CollectionStartEvent):
        stack.append(_Open(event.anchor))


def plain_mapping(data: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a mapping from a file or a program as dicts, lists, text, numbers, booleans and None.

    Raises InputError for keys that are no text, text that cannot be shown, other types, and deep or endless nesting.
    """
    budget = [MOST_VALUES]
    plain = _plain(data, "", depth=0, budget=budget)
    assert isinstance(plain, dict)
    return plain


def _plain(value: object, where: str, *, depth: int, budget: list[int]) -> object:
    budget[0] -= 1
    field = where or "spec"
    if depth > DEEPEST or budget[0] < 0:
        allowed = f"nested at most {DEEPEST} deep, with at most {MOST_VALUES} values"
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
    if not isinstance(key, str) or not key or len(key) > LONGEST_KEY or not _showable(key):
        allowed = f"a mapping whose keys are printable text of 1 to {LONGEST_KEY} characters"
        raise InputError(
            field=field,
            value=key,
            allowed=allowed,
            message=f"A key of `{field}` is {shorten(key)}, "
            f"but must be printable text of 1 to {LONGEST_KEY} characters.",
        )
    return str(key)


def _plain_text(text: str, field: str) -> str:
    if len(text) > LONGEST_TEXT or not _showable(text):
        allowed = f"printable text of at most {LONGEST_TEXT} characters"
        raise InputError(field=field, value=text, allowed=allowed)
    return str(text)


def _showable(text: str) -> bool:
    """Whether text has neither control characters nor halves of surrogate pairs (line breaks are no harm)."""
    if text.isascii() and text.isprintable():
        return True
    return all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") for c in text)


def join(where: str, key: object) -> str:
    """Return the dotted path of ``key`` in the mapping at ``where``."""
    return f"{where}.{key}" if where else str(key)
