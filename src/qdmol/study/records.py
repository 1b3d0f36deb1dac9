"""Models of what is kept on disk for a point; a part that does not match its model is computed again.

Keys that are not named here may be present: what a newer table does not use is no reason to compute a point again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(allow_inf_nan=False, gt=0)]
NotNegative = Annotated[float, Field(allow_inf_nan=False, ge=0)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Pair = Annotated[list[Number], Field(min_length=2, max_length=2)]


class _Stored(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class _Levels(_Stored):
    """Levels of one carrier: lists of equal length."""

    energy_eV: list[Number]  # noqa: N815  # keys of the JSON object
    error_meV: list[NotNegative | None]  # noqa: N815
    m: list[int]
    parity: list[Literal["+", "-"] | None]

    @model_validator(mode="after")
    def _equally_many(self) -> Self:
        _refuse_unequal(self.energy_eV, self.error_meV, self.m, self.parity)
        return self


class _Attraction(_Stored):
    """The object `coulomb`."""

    scheme: Literal["self-consistent", "ci"]
    electron_energy_eV: list[Number] | None  # noqa: N815
    electron_error_meV: list[NotNegative | None] | None  # noqa: N815
    hole_dot: Count | None
    other_states: list[dict[str, Any]]
    spacing_meV: Number | None  # noqa: N815
    spacing_error_meV: NotNegative | None  # noqa: N815
    exciton_eV: Number  # noqa: N815
    exciton_error_meV: NotNegative  # noqa: N815
    binding_meV: Number | None  # noqa: N815
    binding_error_meV: NotNegative | None  # noqa: N815


class _Summary(_Stored):
    """The JSON object of ``qdmol solve`` without its head."""

    converged: bool
    electron: _Levels
    hole: _Levels
    splitting_meV: Number | None  # noqa: N815
    splitting_error_meV: NotNegative | None  # noqa: N815
    coulomb: _Attraction | None
    gap_eV: Number | None  # noqa: N815
    gap_error_meV: NotNegative | None  # noqa: N815
    monomer_gap_eV: Number | None  # noqa: N815
    monomer_gaps_eV: list[Number]  # noqa: N815
    redshift_meV: Number | None  # noqa: N815
    redshift_error_meV: NotNegative | None  # noqa: N815
    redshift_single_particle_meV: Number | None  # noqa: N815
    redshift_single_particle_error_meV: NotNegative | None  # noqa: N815
    warnings: list[str]

    @model_validator(mode="after")
    def _numbers_only(self) -> Self:
        """Whatever else ends in a unit is a number or a list of numbers, too."""
        for values in (self.model_extra or {}, (self.coulomb.model_extra or {}) if self.coulomb else {}):
            for key, value in values.items():
                if key.endswith(("_meV", "_eV")) and not _is_numeric(value):
                    raise ValueError(f"{key} is not numeric")
        return self


class _Excitons(_Stored):
    orbitals: Count
    energy: list[Number]
    m: list[int]
    parity: list[int]
    moment: list[list[Pair]]
    bare: list[list[Number]]
    place: list[list[Number]]
    contact: list[Number | None]

    @model_validator(mode="after")
    def _equally_many(self) -> Self:
        _refuse_unequal(self.energy, self.m, self.parity, self.moment, self.bare, self.place, self.contact)
        return self


class _Pairs(_Stored):
    energy: list[Number]
    moment: list[list[Pair]]
    complete: Number
    box: Number | None
    wall: Number
    error: Number

    @model_validator(mode="after")
    def _equally_many(self) -> Self:
        _refuse_unequal(self.energy, self.moment)
        return self


class _Region(_Stored):
    material: str
    volume: list[NotNegative]
    gap: Number
    mass: Positive
    moment: list[Pair]
    intensity: Pair
    absorption: Number | None
    index: Number | None


class _Spacing(_Stored):
    electron: Number
    hole: Number


class _MoleculeLight(_Stored):
    """The record of a `MoleculeLight`; every moment has a dimension for the dots."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    band_gap: Number
    dots: Annotated[int, Field(ge=1, le=10_000)]
    edge: Annotated[list[_Excitons], Field(min_length=1)]
    pairs: _Pairs
    regions: list[_Region]
    binding: Number
    numerical: NotNegative
    index: Number
    spacing: _Spacing
    local_field: bool
    notes: list[str]

    @model_validator(mode="after")
    def _every_dot(self) -> Self:
        per_dot: list[Sequence[object]] = [*self.pairs.moment]
        for one in self.edge:
            per_dot += [*one.moment, *one.bare, *one.place]
        for region in self.regions:
            per_dot += [region.volume, region.moment]
        if any(len(values) != self.dots for values in per_dot):
            raise ValueError(f"not {self.dots} dots")
        return self


class _Refused(_Stored):
    status: Literal["refused"]
    reason: Annotated[str, Field(min_length=1, max_length=10_000)]


class _Solved(_Stored):
    status: Literal["done"]
    summary: _Summary


class _Lit(_Stored):
    status: Literal["done"]
    light: _MoleculeLight


class _Impossible(_Stored):
    status: Literal["done"]
    impossible: list[Count]


def _refuse_unequal(*lists: Sequence[object]) -> None:
    if len({len(values) for values in lists}) > 1:
        raise ValueError("lists of unequal length")


def _is_numeric(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_numeric(part) for part in value)
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


RecordModel = TypeAdapter[Any]

# A point of a map or a sample of a batch.
SOLVED: RecordModel = TypeAdapter(Annotated[_Solved | _Refused, Field(discriminator="status")])
# What light does with a molecule.
LIGHT: RecordModel = TypeAdapter(Annotated[_Lit | _Refused, Field(discriminator="status")])
# Members of an ensemble that cannot exist.
IMPOSSIBLE: RecordModel = TypeAdapter(_Impossible)


def matches(record: object, model: RecordModel) -> bool:
    """Whether a record is what its model says; numbers are finite and errors not negative."""
    try:
        model.validate_python(record)
    except ValidationError:
        return False
    return True
