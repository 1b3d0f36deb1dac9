"""Quantities: the bounds of numbers in specs, and the quantities of materials, each declared once.

Bounds are wide: they keep out what cannot be meant (a mass of 0, a radius of a metre), not what is unusual.

A quantity of a material is one entry of `QUANTITIES`. Material sets, `overrides` of a spec, the JSON schema and map
axes take it from there; the molecule that is solved takes its value in `qdmol.structure`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from qdmol.errors import InputError
from qdmol.units import Kind, parse_quantity, quantity_pattern, unit_of


@dataclass(frozen=True, slots=True)
class Quantity:
    """Bounds of a number in the unit of its kind, inclusive unless ``open_low``; ``hard`` allows infinity."""

    kind: Kind
    low: float
    high: float
    open_low: bool = False
    hard: bool = False

    @property
    def unit(self) -> str:
        """Unit of plain numbers, "1" for numbers without a unit."""
        return unit_of(self.kind)

    @property
    def allowed(self) -> str:
        """Description of the bounds."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        low = "above" if self.open_low else "at least"
        tail = ', or "hard"' if self.hard else ""
        return f"{low} {self.low:g}{unit} and at most {self.high:g}{unit}{tail}"

    def parse(self, value: object, *, field: str = "") -> float:
        """Return ``value`` as a number in ``unit``; InputError naming ``field`` if it is invalid."""
        number = parse_quantity(value, kind=self.kind, field=field, hard=self.hard)
        too_low = number <= self.low if self.open_low else number < self.low
        if too_low or (number > self.high and not (self.hard and math.isinf(number))):
            raise InputError(field=field, value=value, allowed=self.allowed)
        return number

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the pydantic schema of ``Annotated[float, quantity]``."""
        writer = core_schema.plain_serializer_function_ser_schema(_writer, when_used="json")
        return core_schema.no_info_plain_validator_function(self.parse_bare, serialization=writer)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """Return the JSON schema of ``Annotated[float, quantity]``."""
        return self.schema()

    def parse_bare(self, value: object) -> float:
        """Return ``parse(value)``; the caller adds the field to an error."""
        return self.parse(value)

    def schema(self) -> dict[str, object]:
        """Return the JSON schema: a bounded number, or text with a unit of this kind."""
        return {"anyOf": self.schema_options(), "x-unit": self.unit}

    def schema_options(self) -> list[dict[str, object]]:
        """Return the JSON schemas of the accepted forms of a value."""
        low = "exclusiveMinimum" if self.open_low else "minimum"
        number: dict[str, object] = {"type": "number", low: self.low, "maximum": self.high}
        text: dict[str, object] = {"type": "string", "pattern": quantity_pattern(self.kind)}
        options = [number, text]
        if self.hard:
            options.append({"const": "hard"})
        return options


def _writer(value: float) -> float | str:
    return "hard" if value == math.inf else value


Owner = Literal["reference", "material", "medium"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialQuantity(Quantity):
    """A quantity of a material set.

    Attributes
    ----------
    meaning
        What it is and in which unit, as the JSON schema describes it.
    owners
        What may have it: the set's reference material, its other materials, the medium around the molecule.
    required
        Whether every owner must have it in every set.
    optical
        Whether it matters for light alone, so that no level depends on it.
    """

    meaning: str
    owners: frozenset[Owner]
    required: bool = False
    optical: bool = False


_EVERYWHERE: frozenset[Owner] = frozenset({"reference", "material", "medium"})
_MATERIALS: frozenset[Owner] = frozenset({"reference", "material"})
_OTHER_MATERIALS: frozenset[Owner] = frozenset({"material"})  # the reference's own edges are the zero of energy
_MEDIUM: frozenset[Owner] = frozenset({"medium"})
_REFERENCE: frozenset[Owner] = frozenset({"reference"})  # belongs to the dots, not to one of their materials

QUANTITIES: dict[str, MaterialQuantity] = {
    "electron_mass": MaterialQuantity(
        "mass", 0.001, 100, meaning="Effective mass, in free-electron masses.", owners=_EVERYWHERE, required=True
    ),
    "hole_mass": MaterialQuantity(
        "mass", 0.001, 100, meaning="Effective mass, in free-electron masses.", owners=_EVERYWHERE, required=True
    ),
    "conduction_offset": MaterialQuantity(
        "energy",
        -10,
        10,
        meaning="Conduction edge above the reference material's, eV; not for the reference material.",
        owners=_OTHER_MATERIALS,
        required=True,
    ),
    "valence_offset": MaterialQuantity(
        "energy",
        -10,
        10,
        meaning="Valence edge below the reference material's, eV (positive is a barrier for holes).",
        owners=_OTHER_MATERIALS,
        required=True,
    ),
    "electron_barrier": MaterialQuantity(
        "energy",
        -10,
        1000,
        hard=True,
        meaning="Barrier for electrons above the reference material's conduction edge, eV, or `hard`.",
        owners=_MEDIUM,
        required=True,
    ),
    "hole_barrier": MaterialQuantity(
        "energy",
        -10,
        1000,
        hard=True,
        meaning="Barrier for holes below the reference material's valence edge, eV, or `hard`.",
        owners=_MEDIUM,
        required=True,
    ),
    "permittivity": MaterialQuantity(
        "number", 1, 10000, meaning="Relative permittivity.", owners=_EVERYWHERE, required=True
    ),
    "band_gap": MaterialQuantity(
        "energy",
        0,
        20,
        open_low=True,
        meaning="Band gap, eV; reference material only.",
        owners=_REFERENCE,
        required=True,
    ),
    "layer_thickness": MaterialQuantity("length", 0.01, 10, meaning="Thickness of a monolayer, nm.", owners=_MATERIALS),
    "kane_energy": MaterialQuantity(
        "energy",
        0,
        1000,
        open_low=True,
        meaning="Kane energy E_P = 2 |<S|p|X>|^2 / m0, eV.",
        owners=_MATERIALS,
        optical=True,
    ),
    "optical_permittivity": MaterialQuantity(
        "number",
        1,
        10000,
        meaning="Relative permittivity at optical frequencies.",
        owners=_EVERYWHERE,
        optical=True,
    ),
    "bulk_absorption_300nm": MaterialQuantity(
        "absorption",
        0,
        1e8,
        meaning="Absorption coefficient of the bulk at 300 nm, 1/cm; for comparison only.",
        owners=_MATERIALS,
        optical=True,
    ),
    "homogeneous_width": MaterialQuantity(
        "energy_mev",
        0,
        2000,
        open_low=True,
        meaning="Full width at half maximum of the line of a single dot at 300 K, meV; reference material only.",
        owners=_REFERENCE,
        optical=True,
    ),
    "phonon_energy": MaterialQuantity(
        "energy_mev",
        0,
        1000,
        open_low=True,
        meaning="Effective phonon energy in the temperature dependence of the linewidth, meV; reference material only.",
        owners=_REFERENCE,
        optical=True,
    ),
    "hole_axial_share": MaterialQuantity(
        "number",
        0,
        1,
        meaning="Fraction of the p orbital along the crystal axis in the Bloch function of the hole (1/3 is "
        "isotropic); reference material only.",
        owners=_REFERENCE,
        optical=True,
    ),
    "hole_axis_angle": MaterialQuantity(
        "angle",
        0,
        90,
        meaning="Angle between the crystal axis and the axis of the molecule, degrees; reference material only.",
        owners=_REFERENCE,
        optical=True,
    ),
}

REFERENCE_QUANTITIES = tuple(key for key, quantity in QUANTITIES.items() if quantity.owners == _REFERENCE)
