"""Exceptions of qdmol, with the exit status of the command line.

::

    QdmolError            exit 1
    |-- InputError        exit 2   invalid input (also a ValueError)
    |-- MissingExtraError exit 2   an optional dependency is not installed (also an ImportError)
    |-- OutputError       exit 1   a file could not be written
    |-- SolverError       exit 3   a computation failed
    `-- DataError         exit 3   measured data contradict themselves or are insufficient

Every message is one sentence. That of an InputError names the field, the value, and what is allowed:

>>> str(InputError(field="molecule.spacing", value=-1, allowed="above 0 nm"))
'`molecule.spacing` is -1, but must be above 0 nm.'
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import ClassVar

LONGEST_VALUE = 60  # characters of a value shown in a message


class _Missing:
    """Type of `MISSING`, which represents a value that was not given."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "missing"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING = _Missing()


def shorten(value: object) -> str:
    """Return ``value`` as printable text of at most ``LONGEST_VALUE`` characters on one line."""
    if isinstance(value, str):
        # a slice first: the representation of a long text is long
        text = repr(value[: 2 * LONGEST_VALUE])
    elif isinstance(value, int) and value.bit_length() > 1024:
        text = f"an integer of {value.bit_length()} bits"  # Python refuses to write huge integers as decimal text
    else:
        try:
            text = repr(value)
        except (RecursionError, ValueError):
            text = f"a nested {type(value).__name__}"
    text = "".join(c if c.isalnum() or (c.isprintable() and c.isascii()) else "?" for c in text)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def _plain(value: object) -> str | float | bool | None:
    """Return ``value`` in a form that JSON can represent, without NaN and no longer than in a message."""
    if value is None or value is MISSING:
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value.bit_length() <= 64:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_VALUE and value.isprintable():
        return value
    return shorten(value)


class QdmolError(Exception):
    """Base of all errors of qdmol; ``exit_code`` is the exit status of the command line."""

    exit_code: ClassVar[int] = 1

    def as_dict(self) -> dict[str, str | float | bool | None]:
        """Return the error as the JSON object of the command line."""
        return {"field": None, "value": None, "allowed": None, "message": str(self)}


class InputError(QdmolError, ValueError):
    """Invalid input: ``field``, ``value``, what is ``allowed``, and the ``message`` in one sentence."""

    exit_code: ClassVar[int] = 2

    def __init__(self, *, field: str, value: object, allowed: str, message: str | None = None) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        self.message = message or f"`{field}` is {shorten(value)}, but must be {allowed}."
        super().__init__(self.message)

    def __reduce__(self) -> tuple[Callable[[], InputError], tuple[()]]:
        # keyword-only arguments do not pickle by themselves
        return partial(type(self), field=self.field, value=self.value, allowed=self.allowed, message=self.message), ()

    def as_dict(self) -> dict[str, str | float | bool | None]:
        """Return field, value, allowed and message as values of JSON."""
        return {
            "field": self.field,
            "value": _plain(self.value),
            "allowed": self.allowed,
            "message": self.message,
        }


class MissingExtraError(QdmolError, ImportError):
    """An optional dependency is not installed; ``extra`` is the extra of the package to install."""

    exit_code: ClassVar[int] = 2

    def __init__(self, *, extra: str, purpose: str) -> None:
        self.extra = extra
        self.purpose = purpose
        super().__init__(f"{purpose} needs the extra `{extra}`: pip install 'qdmol[{extra}]'.")

    def __reduce__(self) -> tuple[Callable[[], MissingExtraError], tuple[()]]:
        return partial(type(self), extra=self.extra, purpose=self.purpose), ()

    def as_dict(self) -> dict[str, str | float | bool | None]:
        """Return the error as the JSON object of the command line."""
        allowed = f"pip install 'qdmol[{self.extra}]'"
        return {"field": "extra", "value": self.extra, "allowed": allowed, "message": str(self)}


class OutputError(QdmolError):
    """A file could not be written."""


class SolverError(QdmolError):
    """A computation failed; the message says which and why."""

    exit_code: ClassVar[int] = 3


class DataError(QdmolError):
    """Measured data contradict themselves or are insufficient; the message says where and how."""

    exit_code: ClassVar[int] = 3
