"""The necks of the spec: what joins neighbouring dots."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qdmol.errors import InputError
from qdmol.structure.schema_base import GAP, KEPT_FOR_LATER, Gap, Part


class MergedNeck(Part):
    """Bodies placed so that the neck has this diameter."""

    merged: Gap = Field(description="Diameter of the neck, nm.")


class FilledNeck(Part):
    """Bodies as placed, and a cylinder from centre to centre, of the first dot's outermost material."""

    filled: Gap = Field(description="Diameter of the cylinder, nm.")


class LinkerNeck(Part):
    """Bodies apart, with a gap of medium between them."""

    linker: Gap = Field(description="Gap between the surfaces, nm.")


NeckChoice = Literal["merged"] | MergedNeck | FilledNeck | LinkerNeck
NECKS = ("merged", "filled", "linker")
NECK_ALLOWED = "merged, {merged: D}, {filled: D} or {linker: g}, with lengths in nm"


def _made(kind: str, length: float) -> Part:
    if kind == "merged":
        return MergedNeck(merged=length)
    return FilledNeck(filled=length) if kind == "filled" else LinkerNeck(linker=length)


def read_neck(value: object) -> object:
    """Return the neck's model, so that an error names the one length and not every alternative."""
    if value == "merged" or isinstance(value, Part):
        return value
    if isinstance(value, dict):
        if reserved := [key for key in value if key in KEPT_FOR_LATER]:
            raise InputError(field=reserved[0], value=value[reserved[0]], allowed="absent: this key is kept for later")
        if len(value) == 1 and (kind := next(iter(value))) in NECKS:
            return _made(kind, GAP.parse(value[kind], field=kind))
    raise InputError(field="", value=value, allowed=NECK_ALLOWED)


def neck_length(neck: NeckChoice) -> float | None:
    """Return the diameter or gap that a neck has, nm; None for a plain one."""
    if isinstance(neck, MergedNeck):
        return neck.merged
    if isinstance(neck, FilledNeck):
        return neck.filled
    return neck.linker if isinstance(neck, LinkerNeck) else None
