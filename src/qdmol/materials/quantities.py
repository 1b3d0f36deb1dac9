"""The quantities of spec and sets: kind, bounds, meaning, declared once for both.

Bounds are wide: they keep out what cannot be meant (a mass of 0, a radius of a metre), not what is unusual.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from qdmol.errors import InputError
from qdmol.units import Kind, parse_quantity, quantity_pattern, unit_of


@dataclass(frozen=True, slots=True)
class Quantity:
    """One kind of number: bounds in its unit, both ends included unless ``open_low``; ``hard``: infinity allowed."""

    kind: Kind
    low: float
    high: float
    open_low: bool = False
    hard: bool = False

    @property
    def unit(self) -> str:
        """Unit of plain numbers ("1" without)."""
        return unit_of(self.kind)

    @property
    def allowed(self) -> str:
        """The bounds in words."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        low = "above" if self.open_low else "at least"
        tail = ', or "hard"' if self.hard else ""
        return f"{low} {self.low:g}{unit} and at most {self.high:g}{unit}{tail}"

    def parse(self, value: object, *, field: str = "") -> float:
        """Return ``value`` as a number in ``unit``; InputError naming ``field`` where that is impossible."""
        number = parse_quantity(value, kind=self.kind, field=field, hard=self.hard)
        too_low = number <= self.low if self.open_low else number < self.low
        if too_low or (number > self.high and not (self.hard and math.isinf(number))):
            raise InputError(field=field, value=value, allowed=self.allowed)
        return number

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Tell pydantic how ``Annotated[float, quantity]`` is read and written."""
        writer = core_schema.plain_serializer_function_ser_schema(_writer, when_used="json")
        return core_schema.no_info_plain_validator_function(self.parse_bare, serialization=writer)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Tell pydantic the JSON schema of ``Annotated[float, quantity]``."""
        return self.schema()

    def parse_bare(self, value: object) -> float:
        """Return ``parse(value)`` for a field that the caller knows."""
        return self.parse(value)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema: a bounded number, or text with a unit of this kind."""
        low = "exclusiveMinimum" if self.open_low else "minimum"
        number = {"type": "number", low: self.low, "maximum": self.high}
        text = {"type": "string", "pattern": quantity_pattern(self.kind)}
        options: list[dict[str, Any]] = [number, text]
        if self.hard:
            options.append({"const": "hard"})
        return {"anyOf": options, "x-unit": self.unit}


def _writer(value: float) -> float | str:
    return "hard" if value == math.inf else value


QUANTITIES: dict[str, Quantity] = {
    "electron_mass": Quantity("mass", 0.001, 100),
    "hole_mass": Quantity("mass", 0.001, 100),
    "conduction_offset": Quantity("energy", -10, 10),
    "valence_offset": Quantity("energy", -10, 10),
    "electron_barrier": Quantity("energy", -10, 1000, hard=True),
    "hole_barrier": Quantity("energy", -10, 1000, hard=True),
    "permittivity": Quantity("number", 1, 10000),
    "band_gap": Quantity("energy", 0, 20, open_low=True),
    "layer_thickness": Quantity("length", 0.01, 10),
    "kane_energy": Quantity("energy", 0, 1000, open_low=True),
    "optical_permittivity": Quantity("number", 1, 10000),
    "bulk_absorption_300nm": Quantity("absorption", 0, 1e8),
    "homogeneous_width": Quantity("energy_mev", 0, 2000, open_low=True),
    "phonon_energy": Quantity("energy_mev", 0, 1000, open_low=True),
    "hole_axial_share": Quantity("number", 0, 1),
    "hole_axis_angle": Quantity("angle", 0, 90),
}

MATERIAL_QUANTITIES = (
    "electron_mass",
    "hole_mass",
    "conduction_offset",
    "valence_offset",
    "permittivity",
    "band_gap",
    "layer_thickness",
    "kane_energy",
    "optical_permittivity",
    "bulk_absorption_300nm",
    "homogeneous_width",
    "phonon_energy",
    "hole_axial_share",
    "hole_axis_angle",
)
MEDIUM_QUANTITIES = (
    "electron_mass",
    "hole_mass",
    "electron_barrier",
    "hole_barrier",
    "permittivity",
    "optical_permittivity",
)
# Of the set's reference material only: they belong to the dots, not to one of their materials.
REFERENCE_QUANTITIES = ("band_gap", "homogeneous_width", "phonon_energy", "hole_axial_share", "hole_axis_angle")
# What light does: no level depends on these, and every set may do without.
LIGHT_QUANTITIES = (
    "kane_energy",
    "optical_permittivity",
    "bulk_absorption_300nm",
    "homogeneous_width",
    "phonon_energy",
    "hole_axial_share",
    "hole_axis_angle",
)

Mass = Annotated[float, QUANTITIES["electron_mass"]]
Offset = Annotated[float, QUANTITIES["conduction_offset"]]
Barrier = Annotated[float, QUANTITIES["electron_barrier"]]
Permittivity = Annotated[float, QUANTITIES["permittivity"]]
BandGap = Annotated[float, QUANTITIES["band_gap"]]
LayerThickness = Annotated[float, QUANTITIES["layer_thickness"]]
KaneEnergy = Annotated[float, QUANTITIES["kane_energy"]]
AbsorptionCoefficient = Annotated[float, QUANTITIES["bulk_absorption_300nm"]]
LineWidth = Annotated[float, QUANTITIES["homogeneous_width"]]
PhononEnergy = Annotated[float, QUANTITIES["phonon_energy"]]
AxialShare = Annotated[float, QUANTITIES["hole_axial_share"]]
AxisAngle = Annotated[float, QUANTITIES["hole_axis_angle"]]
