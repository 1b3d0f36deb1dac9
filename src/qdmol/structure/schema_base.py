"""Base of the models of the spec: frozen, unknown keys refused; and the quantities with their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from qdmol.errors import InputError
from qdmol.materials import Quantity

RESERVED = ("strain", "interface", "ligands", "orientation")
ON_AXIS = 1e-6  # nm, kV/cm: rounding of a generated file, nothing a person meant

SIZE = Quantity("length", 0.01, 1000)
THICKNESS = Quantity("length", 0.001, 1000)
DISTANCE = Quantity("length", 0, 100000, open_low=True)
GAP = Quantity("length", 0, 100000)
COORDINATE = Quantity("length", -100000, 100000)
COUNT = Quantity("number", 0, 1000, open_low=True)
TEMPERATURE = Quantity("temperature", 0, 5000)
FIELD = Quantity("field", -10000, 10000)
TOLERANCE = Quantity("energy_mev", 0, 1000, open_low=True)
INTERFACE = Quantity("length", 0.1, 2)
EXCHANGE = Quantity("number", 0, 10000, open_low=True)

Size = Annotated[float, SIZE]
Thickness = Annotated[float, THICKNESS]
Gap = Annotated[float, GAP]
Coordinate = Annotated[float, COORDINATE]
LayerCount = Annotated[float, COUNT]
Temperature = Annotated[float, TEMPERATURE]
FieldComponent = Annotated[float, FIELD]
Tolerance = Annotated[float, TOLERANCE]
InterfaceWidth = Annotated[float, INTERFACE]
ExchangeConstant = Annotated[float, EXCHANGE]

Text = Annotated[str, Field(min_length=1, max_length=200)]
LevelCount = Annotated[StrictInt, Field(ge=0, le=200)]


def refuse_reserved(data: Mapping[str, object]) -> None:
    """Raise InputError for a key that is reserved for a later version."""
    for key in RESERVED:
        if key in data:
            message = f"`{key}` is not supported yet; remove this key."
            raise InputError(
                field=key, value=data[key], allowed="absent: this key is not supported yet", message=message
            )


class Part(BaseModel):
    """A frozen piece of the spec; unknown keys are refused, and so are those reserved for a later version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _read_keys(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        refuse_reserved(data)
        # `overrides:` with nothing behind it is null in YAML, and means that nothing is given
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}
