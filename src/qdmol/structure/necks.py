"""Necks between neighbouring dots. One class here defines everything about each kind of neck.

A neck is written in the spec as one key with one value, ``{merged: 4.0}``, and is a subclass of `Neck` with a field of
that name. Its class says whether it fixes the spacing, which solid it adds, and how map axes and ensembles vary it;
reading the spec, the JSON schema, placing, maps, ensembles and the unfused sample of a spectrum ask the class. A new
kind is a new class and its name in `AnyNeck`. Only a solid that is no cylinder needs its outline in the room `fem` too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema, model_serializer

from qdmol.errors import InputError
from qdmol.materials import Quantity
from qdmol.structure.molecule import Bridge, PlacedDot, PlacedLayer, dot_name
from qdmol.structure.schema_base import Gap, Part, refuse_reserved

NAMED = 1e-6  # nm: digits of a largest diameter that a message names


@dataclass(frozen=True, slots=True)
class Bond:
    """Two neighbouring dots, the one at lower z first: their numbers in the spec and their layers, inner to outer.

    ``distance`` is that of the centres (nm) as the spec gives it in ``field``, None where it is left to the neck.
    """

    low: int
    high: int
    bodies: tuple[tuple[PlacedLayer, ...], tuple[PlacedLayer, ...]]
    distance: float | None
    field: str

    @property
    def radii(self) -> tuple[float, float]:
        """Outer radii of the two dots, nm."""
        return self.bodies[0][-1].radius, self.bodies[1][-1].radius

    @property
    def core_radii(self) -> tuple[float, float]:
        """Core radii of the two dots, nm."""
        return self.bodies[0][0].radius, self.bodies[1][0].radius

    @property
    def names(self) -> str:
        """Names of both dots in a sentence."""
        lower, upper = (dot_name(number, body) for number, body in zip((self.low, self.high), self.bodies, strict=True))
        return f"{lower} and {upper}"


class Neck(Part):
    """Neck between neighbouring dots; the subclasses are the kinds of necks.

    Attributes
    ----------
    form
        How the spec writes the neck.
    meaning
        What the neck does, for the description in the JSON schema.
    key
        Name of the field with the value, which is the key in the spec.
    fixes_spacing
        Whether the neck alone says how far apart the dots are, so that the spec gives no distance.
    fused
        Whether the dots touch. A molecule of dots that do not is itself the unfused sample of its spectra.
    diameter_key
        Key of the neck that the map axis ``neck_diameter`` sets, None where such a neck has no diameter.
    varies
        Whether the value is a length that the ``neck`` of an ensemble varies.
    """

    form: ClassVar[str]
    meaning: ClassVar[str]
    key: ClassVar[str]
    fixes_spacing: ClassVar[bool] = False
    fused: ClassVar[bool] = True
    diameter_key: ClassVar[str | None] = None
    varies: ClassVar[bool] = True

    @classmethod
    def quantity(cls) -> Quantity | None:
        """Kind and bounds of the value; None for a neck without one."""
        field = cls.model_fields.get(cls.key)
        return None if field is None else next(item for item in field.metadata if isinstance(item, Quantity))

    @property
    def value(self) -> float | None:
        """Value of the neck in the unit of its quantity; None for a neck without one."""
        return getattr(self, self.key, None)

    @property
    def length(self) -> float | None:
        """Length (nm) that an ensemble varies; None where it varies the spacing or barrier instead."""
        return self.value if self.varies else None

    @property
    def written(self) -> str | dict[str, float]:
        """The neck as written in a spec."""
        return self.key if self.value is None else {self.key: self.value}

    def __str__(self) -> str:
        return self.form if self.value is None else f"{{{self.key}: {self.value:g}}}"

    @model_serializer
    def _write(self) -> str | dict[str, float]:
        return self.written

    def resized(self, length: float) -> Neck:
        """Return the neck with another length (nm), not validated: the spec that it becomes part of is."""
        return self.model_copy(update={self.key: length})

    def refuse_unfit(self, bonds: Sequence[Bond]) -> None:
        """Raise InputError where these dots cannot have such a neck."""

    def spacing(self, bond: Bond) -> float | None:
        """Return the distance of the centres (nm) that the neck fixes; None if the spec states it."""

    def bridge(self, bond: Bond, low: PlacedDot, high: PlacedDot) -> Bridge | str | None:
        """Return the solid that the neck adds between two placed dots, a note where it changes nothing, or None."""


class PlainNeck(Neck):
    """Bodies as placed by the spec; where shells overlap they fuse."""

    form: ClassVar[str] = "merged"
    meaning: ClassVar[str] = "bodies as placed, overlapping shells fuse"
    key: ClassVar[str] = "merged"
    diameter_key: ClassVar[str | None] = "merged"

    def __eq__(self, other: object) -> bool:
        """Whether the other is a plain neck too, or the word for it in a spec: ``spec.molecule.neck == "merged"``."""
        return isinstance(other, PlainNeck) or other == self.key

    def __hash__(self) -> int:
        return hash(self.key)


class MergedNeck(Neck):
    """Bodies placed so that the neck has this diameter."""

    form: ClassVar[str] = "{merged: D}"
    meaning: ClassVar[str] = "placed so that the neck has diameter D"
    key: ClassVar[str] = "merged"
    fixes_spacing: ClassVar[bool] = True
    diameter_key: ClassVar[str | None] = "merged"

    merged: Gap = Field(description="Diameter of the neck, nm.")

    def refuse_unfit(self, bonds: Sequence[Bond]) -> None:
        """Raise InputError for a neck wider than some pair of neighbours can have, naming the widest that all can."""
        if not bonds:
            return
        bond = min(bonds, key=lambda bond: _widest_merged(bond)[0])
        widest, limit = _widest_merged(bond)
        if self.merged <= widest:
            return
        # Rounded down, so that the value named is accepted.
        named = math.floor(widest / NAMED + NAMED) * NAMED
        if named <= 0:
            allowed = (
                f"0 nm or replaced by another kind of neck: {bond.names} have no shells, so their cores would "
                "overlap in a wider neck"
            )
            raise InputError(field="molecule.neck.merged", value=self.merged, allowed=allowed)
        allowed = f"at most {named:.9g} nm, {limit} {bond.names}"
        diameter = 2 * min(bond.radii)
        if widest < diameter < self.merged:
            allowed += f" (and any neck at most {diameter:.9g} nm, the diameter of the smaller dot)"
        raise InputError(field="molecule.neck.merged", value=self.merged, allowed=allowed)

    def spacing(self, bond: Bond) -> float:
        """Return the distance (nm) at which two spheres cut each other in a circle of the neck's diameter."""
        r_low, r_high = bond.radii
        return math.sqrt(r_low**2 - self.merged**2 / 4) + math.sqrt(r_high**2 - self.merged**2 / 4)


class FilledNeck(Neck):
    """Bodies as placed, and a cylinder from centre to centre, of the first dot's outermost material."""

    form: ClassVar[str] = "{filled: D}"
    meaning: ClassVar[str] = "bodies as placed and a cylinder of diameter D from centre to centre"
    key: ClassVar[str] = "filled"
    diameter_key: ClassVar[str | None] = "filled"

    filled: Gap = Field(description="Diameter of the cylinder, nm.")

    def refuse_unfit(self, bonds: Sequence[Bond]) -> None:
        """Raise InputError for a cylinder wider than a dot."""
        for bond in bonds:
            widest = 2 * min(bond.radii)
            if self.filled > widest:
                allowed = f"at most {widest:.9g} nm, the diameter of the smaller of {bond.names}"
                raise InputError(field="molecule.neck.filled", value=self.filled, allowed=allowed)

    def bridge(self, bond: Bond, low: PlacedDot, high: PlacedDot) -> Bridge | str:
        """Return the cylinder, or a note where it is no wider than the lens between overlapping dots."""
        width = float(self.filled)
        waist = 2 * _waist(high.z - low.z, low.radius, high.radius)
        if width <= waist:
            return (
                f"the filled neck of {width:.6g} nm is no wider than the lens between {bond.names} ({waist:.6g} nm), "
                "so it would have no effect"
            )
        first = low if bond.low < bond.high else high
        return Bridge(z_low=low.z, z_high=high.z, radius=width / 2, material=first.layers[-1].material)


class LinkerNeck(Neck):
    """Bodies apart, with a gap of medium between them."""

    form: ClassVar[str] = "{linker: g}"
    meaning: ClassVar[str] = "unfused, a gap g of medium"
    key: ClassVar[str] = "linker"
    fixes_spacing: ClassVar[bool] = True
    fused: ClassVar[bool] = False

    linker: Gap = Field(description="Gap between the surfaces, nm.")

    def spacing(self, bond: Bond) -> float:
        """Return the distance (nm) of spheres whose surfaces are the gap apart."""
        r_low, r_high = bond.radii
        return r_low + r_high + self.linker


AnyNeck = (
    Annotated[PlainNeck, WithJsonSchema({"const": PlainNeck.key, "type": "string"})]
    | MergedNeck
    | FilledNeck
    | LinkerNeck
)

_ALL: tuple[type[Neck], ...] = tuple(get_args(kind)[0] if get_args(kind) else kind for kind in get_args(AnyNeck))
NECKS: dict[str, type[Neck]] = {neck.key: neck for neck in _ALL if neck.quantity() is not None}
NECK_ALLOWED = f"{', '.join(neck.form for neck in _ALL[:-1])} or {_ALL[-1].form}, with lengths in nm"
NECK_MEANINGS = ". ".join(f"`{neck.form}`: {neck.meaning}" for neck in _ALL) + ". Lengths in nm."


def _read_neck(value: object) -> object:
    """Return the neck of a spec; an InputError names its value instead of every kind of neck."""
    if isinstance(value, Neck):
        return value
    if value == PlainNeck.key:
        return PlainNeck()
    if isinstance(value, dict):
        refuse_reserved(value)
        if len(value) == 1 and (kind := NECKS.get(next(iter(value)))) is not None:
            quantity = kind.quantity()
            assert quantity is not None  # the kinds in the mapping have a value
            return kind(**{kind.key: quantity.parse(value[kind.key], field=kind.key)})
    raise InputError(field="", value=value, allowed=NECK_ALLOWED)


NeckField = Annotated[AnyNeck, BeforeValidator(_read_neck)]


def _widest_merged(bond: Bond) -> tuple[float, str]:
    """Return the diameter (nm) of the widest neck between two merged dots, and what limits it."""
    large, small = max(bond.radii), min(bond.radii)
    nearest = sum(bond.core_radii)
    plane = (nearest**2 + large**2 - small**2) / (2 * nearest)  # from the larger dot's centre to the neck
    if plane >= nearest:  # the neck is as wide as the smaller dot before the cores touch
        return 2 * small, "the diameter of the smaller of"
    waist = 2 * math.sqrt(max(large**2 - plane**2, 0.0))
    return waist, "the neck at which the cores touch, of"


def _waist(d: float, r_one: float, r_two: float) -> float:
    """Return the smallest radius of two spheres' union between their centres, ``d`` apart; 0 where they are apart."""
    if d >= r_one + r_two:
        return 0.0
    large, small = max(r_one, r_two), min(r_one, r_two)
    plane = (d**2 + large**2 - small**2) / (2 * d)  # from the larger sphere's centre to the lens
    if plane >= d:  # the smaller sphere's centre lies inside the larger sphere's cap
        return math.sqrt(large**2 - d**2)
    return math.sqrt(max(large**2 - plane**2, 0.0))
