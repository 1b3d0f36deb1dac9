"""Records: what became of a job, as a JSON object.

A record has a ``status``: ``done`` with what the function returned; ``refused`` with a ``reason``, where the same code
would refuse the job again; ``failed`` with a ``reason``, where the job may succeed another time. Records that are
``failed`` are not kept on disk.

The models of records stand with the functions that make them. A record on disk that does not match its model is
computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Record = Mapping[str, Any]

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(allow_inf_nan=False, gt=0)]
NotNegative = Annotated[float, Field(allow_inf_nan=False, ge=0)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
TwoNumbers = Annotated[list[Number], Field(min_length=2, max_length=2)]


class StoredModel(BaseModel):
    """Base of the models of records.

    Keys that a model does not name may be present: what a newer version does not use is no reason to compute again.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class Refused(StoredModel):
    """The record of a job that the same code would refuse again."""

    status: Literal["refused"]
    reason: Annotated[str, Field(min_length=1, max_length=10_000)]


def equally_long(*lists: Sequence[object]) -> None:
    """Raise ValueError unless all lists have the same length; for validators of models."""
    if len({len(values) for values in lists}) > 1:
        raise ValueError("lists of unequal length")


def done(content: Record) -> Record:
    """Return the record of a job that was computed."""
    return {"status": "done", **content}


def refused(reason: str) -> Record:
    """Return the record of a job that the same code would refuse again."""
    return {"status": "refused", "reason": reason}


def failed(reason: str) -> Record:
    """Return the record of a job that may succeed another time; it is not kept."""
    return {"status": "failed", "reason": reason}


def is_done(record: Record) -> bool:
    """Whether the job was computed."""
    return bool(record["status"] == "done")


def is_final(record: Record) -> bool:
    """Whether the same code would give the same record."""
    return bool(record["status"] != "failed")


def named_object(name: str) -> Any:
    """Return the function with a name such as ``"package.module:function"``."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    records: Any = Annotated[named_object(name) | Refused, Field(discriminator="status")]
    return TypeAdapter(records)


def matches(record: object, model: str) -> bool:
    """Whether a record is that of a refusal or matches a model, given by its name ``"package.module:Model"``."""
    try:
        _adapter(model).validate_python(record)
    except ValidationError:
        return False
    return True
