"""Models of the records of spectra: optical properties of a molecule, and members of an ensemble that cannot exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from qdmol.jobs import Count, NotNegative, Number, Positive, StoredModel, TwoNumbers, equally_long


class _Excitons(StoredModel):
    orbitals: Count
    energy: list[Number]
    numbers: list[list[int]]
    degeneracy: list[Positive]
    moment: list[list[TwoNumbers]]
    bare: list[list[Number]]
    place: list[list[Number]]
    contact: list[Number | None]

    @model_validator(mode="after")
    def _equally_many(self) -> Self:
        equally_long(self.energy, self.numbers, self.degeneracy, self.moment, self.bare, self.place, self.contact)
        return self


class _Pairs(StoredModel):
    energy: list[Number]
    moment: list[list[TwoNumbers]]
    complete: Number
    box: Number | None
    wall: Number
    error: Number

    @model_validator(mode="after")
    def _equally_many(self) -> Self:
        equally_long(self.energy, self.moment)
        return self


class _Region(StoredModel):
    material: str
    volume: list[NotNegative]
    gap: Number
    mass: Positive
    moment: list[TwoNumbers]
    intensity: TwoNumbers
    absorption: Number | None
    index: Number | None


class _Spacing(StoredModel):
    electron: Number
    hole: Number


class _MoleculeLight(StoredModel):
    """The record of a `MoleculeLight`; every moment has a dimension for the dots."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    band_gap: Number
    dots: Annotated[int, Field(ge=1, le=10_000)]
    directions: dict[str, Count]
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
        for excitons in self.edge:
            per_dot += [*excitons.moment, *excitons.bare, *excitons.place]
        for region in self.regions:
            per_dot += [region.volume, region.moment]
        if any(len(values) != self.dots for values in per_dot):
            raise ValueError(f"not {self.dots} dots")
        return self


class LightRecord(StoredModel):
    """The optical properties of a molecule."""

    status: Literal["done"]
    light: _MoleculeLight


class ImpossibleMembers(StoredModel):
    """Numbers of the members of an ensemble that cannot exist."""

    status: Literal["done"]
    impossible: list[Count]
