"""Models of the records of points: what is kept on disk of a solved molecule."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from qdmol.jobs import Count, NotNegative, Number, StoredModel, equally_long


class _Levels(StoredModel):
    """Levels of one carrier: lists of equal length."""

    energy_eV: list[Number]  # noqa: N815  # keys of the JSON object
    error_meV: list[NotNegative | None]  # noqa: N815
    m: list[int]
    parity: list[Literal["+", "-"] | None]

    @model_validator(mode="after")
    def _equally_many(self) -> Self:
        equally_long(self.energy_eV, self.error_meV, self.m, self.parity)
        return self


Shares = list[list[Number]]


class _DotShares(StoredModel):
    """Probability of each level of both carriers in each dot."""

    electron: Shares
    hole: Shares


class _State(StoredModel):
    """A state of a complex."""

    energy_eV: Number  # noqa: N815
    error_meV: NotNegative  # noqa: N815
    m: int
    parity: Literal["+", "-"] | None
    electron_spin: Number | None = None
    hole_spin: Number | None = None
    total_spin: Number | None = None
    degeneracy: Count
    label: str | None = None


class _Complex(StoredModel):
    """The lowest states of a complex."""

    electrons: Count
    holes: Count
    states: list[_State]
    binding_meV: Number | None  # noqa: N815
    binding_error_meV: NotNegative | None  # noqa: N815


class _ExcitonState(StoredModel):
    """A higher state of the exciton."""

    hole_dot: Count | None
    exciton_eV: Number  # noqa: N815
    exciton_error_meV: NotNegative  # noqa: N815


class _Attraction(StoredModel):
    """The object `coulomb`."""

    scheme: Literal["self-consistent", "ci"]
    electron_energy_eV: list[Number] | None  # noqa: N815
    electron_error_meV: list[NotNegative | None] | None  # noqa: N815
    hole_dot: Count | None
    other_states: list[_ExcitonState]
    spacing_meV: Number | None  # noqa: N815
    spacing_error_meV: NotNegative | None  # noqa: N815
    exciton_eV: Number  # noqa: N815
    exciton_error_meV: NotNegative  # noqa: N815
    binding_meV: Number | None  # noqa: N815
    binding_error_meV: NotNegative | None  # noqa: N815


class _Summary(StoredModel):
    """The JSON object of ``qdmol solve`` without its head."""

    converged: bool
    electron: _Levels
    hole: _Levels
    dot_share: _DotShares | None = None
    complexes: dict[str, _Complex] | None = None
    splitting_meV: Number | None  # noqa: N815
    splitting_error_meV: NotNegative | None  # noqa: N815
    coulomb: _Attraction | None
    gap_eV: Number | None  # noqa: N815
    gap_error_meV: NotNegative | None  # noqa: N815
    monomer_gap_eV: Number | None  # noqa: N815
    monomer_gaps_eV: list[Number | None]  # noqa: N815
    redshift_meV: Number | None  # noqa: N815
    redshift_error_meV: NotNegative | None  # noqa: N815
    redshift_single_particle_meV: Number | None  # noqa: N815
    redshift_single_particle_error_meV: NotNegative | None  # noqa: N815
    warnings: list[str]

    @model_validator(mode="after")
    def _numbers_only(self) -> Self:
        """Refuse any other key with a unit whose value is not a number or a list of numbers."""
        for values in (self.model_extra or {}, (self.coulomb.model_extra or {}) if self.coulomb else {}):
            for key, value in values.items():
                if key.endswith(("_meV", "_eV")) and not _is_numeric(value):
                    raise ValueError(f"{key} is not numeric")
        return self


class _FieldLevels(StoredModel):
    """What the JSON object lacks of the electron levels in the field of the hole."""

    m: list[int]
    parity: list[Literal["+", "-"] | None]
    dot_share: Shares | None


class PointRecord(StoredModel):
    """A point of a map, a sample of a batch, or a case of the claims."""

    status: Literal["done"]
    summary: _Summary
    field_levels: _FieldLevels | None = None


def _is_numeric(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_numeric(part) for part in value)
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
