"""From pydantic's report to one InputError: the first field that is wrong, its value, what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qdmol.errors import MISSING, InputError

__all__ = ["first_refusal"]

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
