"""Models of the spec: what a spec may contain, with units, bounds and meanings.

The frozen pydantic models here are the spec; the published JSON schema is made from them. A spec has a molecule
(`Molecule`, of `Dot` with `Core` and `Shell`), single values that replace those of the material set (`Overrides`), the
surroundings (`Environment`), what to compute (`Calculation`), and the distribution of sizes in a sample (`Ensemble`).

Rules that can be checked without the material set are checked here; the others (materials, placement, binding) in
`resolving`.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PrivateAttr,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    create_model,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import CoreSchema, core_schema

from qdmol.errors import MISSING, InputError
from qdmol.materials import QUANTITIES, Owner, Quantity
from qdmol.structure.necks import NECK_MEANINGS, NeckField, PlainNeck
from qdmol.structure.schema_base import (
    DISTANCE,
    FIELD,
    GAP,
    ON_AXIS,
    RESERVED,
    Coordinate,
    ExchangeConstant,
    FieldComponent,
    InterfaceWidth,
    LayerCount,
    LevelCount,
    Part,
    Size,
    Temperature,
    Text,
    Thickness,
    Tolerance,
)
from qdmol.units import describe, quantity_pattern


class Override(Part):
    """Values that replace those of the material set; the fields are the quantities in `qdmol.materials`."""

    def value(self, key: str) -> float | None:
        """Return the value of a quantity, in its unit; None where the override has none."""
        value: float | None = getattr(self, key, None)
        return value


def _override_model(name: str, description: str, owners: set[Owner]) -> type[Override]:
    fields: dict[str, Any] = {
        key: (Annotated[float, quantity] | None, Field(None, description=quantity.meaning))
        for key, quantity in QUANTITIES.items()
        if owners & quantity.owners
    }
    return create_model(name, __base__=Override, __doc__=description, __module__=__name__, **fields)


if TYPE_CHECKING:  # type checkers know no models that are made from a table
    MaterialOverride = Override
    MediumOverride = Override
else:
    MaterialOverride = _override_model(
        "MaterialOverride", "Replacements for values of a material in the set.", {"reference", "material"}
    )
    MediumOverride = _override_model("MediumOverride", "Replacements for values of the surrounding medium.", {"medium"})


class Overrides(Part):
    """Single values that replace those of the material set, by material."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"propertyNames": {"not": {"enum": list(RESERVED)}}})
    __pydantic_extra__: dict[str, MaterialOverride]

    medium: MediumOverride | None = None

    def of(self, material: str) -> MaterialOverride:
        """Return the overrides of a material, empty if there are none."""
        return (self.__pydantic_extra__ or {}).get(material, MaterialOverride())

    @property
    def materials(self) -> tuple[str, ...]:
        """Names of the materials with overrides, without the medium."""
        return tuple(self.__pydantic_extra__ or {})


ABSOLUTE = Quantity("length", 0, 100)
RELATIVE = Quantity("number", 0, 50)  # percent; wider distributions would reach far below zero
FRACTION = Quantity("number", 0, 1)
DEVIATION_ALLOWED = (
    f"a standard deviation: a length in nm or with a unit, {ABSOLUTE.allowed}, "
    f"or text with %, at least {RELATIVE.low:g} % and at most {RELATIVE.high:g} % of the mean"
)


@dataclass(frozen=True, slots=True)
class Deviation:
    """A standard deviation: in nm, or in percent of the mean where ``relative``.

    >>> Deviation.read("5 %").of(1.4)
    0.07
    """

    value: float
    relative: bool = False

    def of(self, mean: float) -> float:
        """Return the standard deviation of a length whose mean is ``mean``, nm."""
        return self.value * mean / 100 if self.relative else self.value

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the deviation written as a number (nm), text with a unit or text with %; InputError otherwise."""
        if isinstance(value, cls):
            return value
        share = isinstance(value, str) and value.rstrip().endswith("%")
        quantity = RELATIVE if share else ABSOLUTE
        try:
            return cls(quantity.parse(str(value).rstrip()[:-1] if share else value), relative=share)
        except InputError:
            raise InputError(field="", value=value, allowed=DEVIATION_ALLOWED) from None

    def written(self) -> float | str:
        """Return the deviation in the form of a spec; it reads back equal."""
        return f"{self.value!r} %".replace(".0 %", " %") if self.relative else self.value

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the pydantic schema of a deviation."""
        writer = core_schema.plain_serializer_function_ser_schema(cls.written)
        return core_schema.no_info_plain_validator_function(cls.read, serialization=writer)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """Return the JSON schema of a deviation."""
        percent = quantity_pattern(RELATIVE.kind).removesuffix("$") + r"%\s*$"
        forms = [*ABSOLUTE.schema_options(), {"type": "string", "pattern": percent}]
        return {**ABSOLUTE.schema(), "anyOf": forms, "default": 0}


NONE = Deviation(0.0)


class Ensemble(Part):
    """A sample of particles of different sizes: normally distributed lengths, and single dots among the molecules."""

    members: Annotated[StrictInt, Field(ge=2, le=100_000)] = Field(1000, description="Number of particles to sample.")
    core_radius: Deviation = Field(
        NONE, description="Standard deviation of the radius of each core, nm, or text with %."
    )
    shell_thickness: Deviation = Field(
        NONE,
        description="Standard deviation of the total shell thickness of each dot, nm, or text with %; "
        "all shells of a dot are scaled by the same factor.",
    )
    neck: Deviation = Field(
        NONE,
        description="Standard deviation of the neck's diameter or gap, or of the spacing or barrier of a plain neck, "
        "nm, or text with %.",
    )
    monomers: Annotated[float, FRACTION] = Field(0.0, description="Single dots, as a fraction of all particles.")
    seed: Annotated[StrictInt, Field(ge=0, le=2**63 - 1)] = Field(1, description="Seed of the random numbers.")

    def refuse_unfit(self, molecule: Molecule) -> None:
        """Raise InputError for a deviation of something that the molecule does not have."""
        single, placed, neck = len(molecule.dots) == 1, molecule.positions is not None, molecule.neck
        if single and self.neck.value:
            raise self._refusal("neck", "0 or absent: a single dot has no neck")
        if single and self.monomers:
            raise self._refusal("monomers", "0 or absent: the molecule is a single dot itself")
        if placed and self.neck.value:
            raise self._refusal("neck", "0 or absent, since `molecule.positions` fixes the centres")
        if self.shell_thickness.value and not any(dot.shells for dot in molecule.dots):
            raise self._refusal("shell_thickness", "0 or absent: no dot has a shell")
        if self.neck.value and not molecule.neck_lengths:
            raise self._refusal("neck", f"0 or absent: a neck {neck.form} has no length that varies")
        if self.neck.relative and self.neck.value and 0 in molecule.neck_lengths:
            raise self._refusal("neck", "a length in nm, since the mean of the varied length is 0 nm")
        if placed and neck.fixes_spacing:
            allowed = "0 or absent where `molecule.positions` is given and `molecule.neck` fixes distances too"
            for name in ("core_radius", "shell_thickness"):
                if getattr(self, name).value:
                    raise self._refusal(name, allowed)

    def _refusal(self, name: str, allowed: str) -> InputError:
        value = getattr(self, name)
        return InputError(
            field=f"ensemble.{name}", value=value.written() if isinstance(value, Deviation) else value, allowed=allowed
        )


def _schema_one_of(*names: str) -> ConfigDict:
    extra: JsonDict = {"oneOf": [{"required": [name]} for name in names]}
    return ConfigDict(json_schema_extra=extra)


def _one_of(part: BaseModel, *names: str) -> None:
    """Raise InputError unless exactly one of the fields is given."""
    given = [name for name in names if getattr(part, name) is not None]
    either = " or ".join(f"`{name}`" for name in names)
    if not given:
        raise InputError(field=names[0], value=MISSING, allowed=f"given as one of {either}")
    if len(given) > 1:
        allowed = f"absent where `{given[0]}` is given: one of {either}"
        raise InputError(field=given[1], value=getattr(part, given[1]), allowed=allowed)


class Core(Part):
    """The core of a dot."""

    model_config = _schema_one_of("radius", "diameter")

    material: Text = Field(description="Name of a material in the set.")
    radius: Size | None = Field(None, description="Radius, nm (or give `diameter`).")
    diameter: Size | None = Field(None, description="Diameter, nm (or give `radius`).")

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        _one_of(self, "radius", "diameter")
        return self

    @property
    def size(self) -> float:
        """Radius, nm."""
        if self.radius is not None:
            return self.radius
        assert self.diameter is not None  # exactly one is given
        return self.diameter / 2


class Shell(Part):
    """A shell around the core or around another shell."""

    model_config = _schema_one_of("thickness", "monolayers")

    material: Text = Field(description="Name of a material in the set.")
    thickness: Thickness | None = Field(None, description="Thickness, nm (or give `monolayers`).")
    monolayers: LayerCount | None = Field(
        None,
        description="Thickness in monolayers (or give `thickness`); the set must have the thickness of a monolayer.",
    )

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        _one_of(self, "thickness", "monolayers")
        return self


class Dot(Part):
    """A spherical core/shell dot."""

    core: Core
    shells: Annotated[tuple[Shell, ...], Field(max_length=100)] = Field(
        (), description="Shells from the inside out; an empty list is a bare core."
    )


def _read_each(quantity: Quantity) -> BeforeValidator:
    """Return the validator of a length between neighbours: one number, or a list with one entry for each bond."""

    def read(value: object) -> float | tuple[float, ...]:
        if isinstance(value, list | tuple):
            return tuple(quantity.parse(item, field=f"[{i}]") for i, item in enumerate(value))
        return quantity.parse(value)

    return BeforeValidator(read)


def _schema_each(quantity: Quantity) -> WithJsonSchema:
    each = {"type": "array", "items": quantity.schema(), "maxItems": 99}
    return WithJsonSchema({"anyOf": [*quantity.schema_options(), each], "x-unit": quantity.unit})


Spacings = Annotated[float | tuple[float, ...], _read_each(DISTANCE), _schema_each(DISTANCE)]
Barriers = Annotated[float | tuple[float, ...], _read_each(GAP), _schema_each(GAP)]


class Molecule(Part):
    """Dots on the z axis, in the order listed."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "anyOf": [
                    {"required": ["spacing", "barrier"]},
                    {"required": ["spacing", "positions"]},
                    {"required": ["barrier", "positions"]},
                ]
            }
        }
    )

    dots: Annotated[tuple[Dot, ...], Field(min_length=1, max_length=100)] = Field(
        description="Dots of the molecule: one is a monomer, two equal ones a homodimer, two unlike ones a heterodimer."
    )
    spacing: Spacings | None = Field(
        None,
        description="Distance of neighbours, centre to centre, nm: one number, or a list with one entry for each bond.",
    )
    barrier: Barriers | None = Field(
        None,
        description="Distance of neighbours, core surface to core surface, nm: "
        "one number, or a list with one entry for each bond.",
    )
    positions: (
        Annotated[tuple[tuple[Coordinate, Coordinate, Coordinate], ...], Field(min_length=1, max_length=100)] | None
    ) = Field(None, description="Centres [x, y, z], nm, on the z axis (x = y = 0).")
    neck: NeckField = Field(PlainNeck(), description=NECK_MEANINGS)

    @model_validator(mode="after")
    def _neighbours(self) -> Self:
        ways = ("spacing", "barrier", "positions")
        given = [name for name in ways if getattr(self, name) is not None]
        if len(given) > 1:
            allowed = f"absent where `{given[0]}` is given: one of spacing, barrier, positions"
            value = getattr(self, given[1])
            raise InputError(field=given[1], value=value, allowed=allowed)
        if not given and not self.neck.fixes_spacing and len(self.dots) > 1:
            allowed = "given (or `barrier`, or `positions`), since this neck does not fix the distance of the dots"
            raise InputError(field="spacing", value=MISSING, allowed=allowed)
        self._counts()
        self._on_axis()
        return self

    @property
    def neck_lengths(self) -> tuple[float, ...]:
        """Lengths (nm) that an ensemble varies between the dots: that of the neck, or the distance of every bond."""
        if self.neck.length is not None:
            return (self.neck.length,)
        if self.neck.fixes_spacing:
            return ()
        given = self.spacing if self.spacing is not None else self.barrier
        if given is None:
            return ()
        return given if isinstance(given, tuple) else (given,) * (len(self.dots) - 1)

    def _counts(self) -> None:
        bonds = len(self.dots) - 1
        for name in ("spacing", "barrier"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != bonds:
                allowed = f"one length, or a list with one entry for each bond ({bonds} for {bonds + 1} dots)"
                raise InputError(field=name, value=list(value), allowed=allowed)
        if self.positions is not None and len(self.positions) != len(self.dots):
            allowed = f"a list with one [x, y, z] for each dot ({len(self.dots)})"
            raise InputError(field="positions", value=[list(p) for p in self.positions], allowed=allowed)

    def _on_axis(self) -> None:
        for i, (x, y, z) in enumerate(self.positions or ()):
            if max(abs(x), abs(y)) > ON_AXIS:
                allowed = "on the z axis (x = y = 0): an off-axis position needs the 3-D solver"
                raise InputError(field=f"positions[{i}]", value=[x, y, z], allowed=allowed)


FIELD_ALLOWED = f"{describe(FIELD.kind)}, along the z axis, or a list [0, 0, F] of three of them"


def _read_field(value: object) -> object:
    """Return a field as its three components; a single number or text is the component along z."""
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, bool) or not isinstance(value, Real | str):
        raise InputError(field="", value=value, allowed=FIELD_ALLOWED)
    return (0.0, 0.0, FIELD.parse(value))


def _field_schema() -> dict[str, object]:
    """JSON schema of a field: its component along z, or a list of three components."""
    listed = {"type": "array", "prefixItems": [FIELD.schema()] * 3, "minItems": 3, "maxItems": 3}
    return {"anyOf": [*FIELD.schema_options(), listed], "x-unit": FIELD.unit}


AppliedField = Annotated[
    tuple[FieldComponent, FieldComponent, FieldComponent],
    BeforeValidator(_read_field),
    WithJsonSchema(_field_schema()),
]


class Environment(Part):
    """Surroundings of the molecule: temperature and applied field."""

    temperature: Temperature = Field(300.0, description="Temperature, K.")
    field: AppliedField = Field(
        (0.0, 0.0, 0.0),
        description="Applied far field along z, kV/cm: one number, or a list [0, 0, F]. A field along +z pushes "
        "electrons to -z.",
    )

    @model_validator(mode="after")
    def _along_the_axis(self) -> Self:
        x, y, _ = self.field
        if max(abs(x), abs(y)) > ON_AXIS:
            allowed = "along the z axis ([0, 0, F]): an off-axis field needs the 3-D solver"
            raise InputError(field="field", value=list(self.field), allowed=allowed)
        return self


def _read_coulomb(value: object) -> object:
    if value not in ("none", "self-consistent", "ci"):
        raise InputError(field="", value=value, allowed="none, self-consistent or ci")
    return value


class Calculation(Part):
    """Quantities to compute, and their accuracy."""

    electrons: LevelCount = Field(
        4,
        description="Number of electron levels (orbitals; +m and -m count separately, spin does not); 0 for none.",
    )
    holes: LevelCount = Field(2, description="Number of hole levels; 0 for none.")
    coulomb: Annotated[Literal["none", "self-consistent", "ci"], BeforeValidator(_read_coulomb)] = Field(
        "self-consistent",
        description="Attraction of electron and hole: none, self-consistent mean field, or configuration interaction; "
        "the default is `none` if `electrons` or `holes` is 0.",
    )
    tolerance: Tolerance = Field(0.1, description="Largest numerical error allowed in any energy, meV.")
    ci_tolerance: Tolerance = Field(
        1.0, description="Largest error allowed in extrapolated energies of configuration interaction, meV."
    )
    self_polarisation: StrictBool = Field(
        False,  # noqa: FBT003
        description="Whether each carrier interacts with the polarisation charge that it induces at dielectric "
        "interfaces.",
    )
    interface_width: InterfaceWidth = Field(
        0.3,
        description="Width of interfaces in self-polarisation, nm; at a sharp interface the energy diverges.",
    )
    exchange: StrictBool = Field(
        False,  # noqa: FBT003
        description="Whether short-range exchange splits excitons into dark and bright ones, with `coulomb: ci`.",
    )
    exchange_constant: ExchangeConstant = Field(
        71.7,
        description="Exchange constant, meV nm³: the splitting between bright and dark excitons, per density overlap "
        "of electron and hole (1/nm³).",
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        if "coulomb" not in data and 0 in (data.get("electrons"), data.get("holes")):
            return {**data, "coulomb": "none"}
        return data

    @model_validator(mode="after")
    def _a_pair(self) -> Self:
        if self.coulomb != "none":
            for name in ("electrons", "holes"):
                if getattr(self, name) == 0:
                    raise InputError(field=name, value=0, allowed=f"at least 1 with `coulomb: {self.coulomb}`")
        return self

    @property
    def tolerance_eV(self) -> float:  # noqa: N802  # the unit's own letters
        """`tolerance` in eV, as solvers take it."""
        return self.tolerance / 1000

    @property
    def ci_tolerance_eV(self) -> float:  # noqa: N802
        """`ci_tolerance` in eV."""
        return self.ci_tolerance / 1000

    @property
    def exchange_eV(self) -> float | None:  # noqa: N802
        """`exchange_constant` in eV nm³; None if exchange is not included."""
        return self.exchange_constant / 1000 if self.exchange else None


def _read_version(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or value != 1:
        raise InputError(
            field="", value=value, allowed="1, the version of the spec format that this version of qdmol reads"
        )
    return value


def _read_name(value: object) -> object:
    if isinstance(value, str) and any(c in "\n\t" for c in value):
        raise InputError(field="", value=value, allowed="one line of text")
    return value


class Spec(Part):
    """A molecule, its surroundings, and what to compute. Lengths in nm and energies in eV unless stated otherwise."""

    qdmol: Annotated[Literal[1], BeforeValidator(_read_version)] = Field(description="Version of the spec format.")
    name: Annotated[Text, BeforeValidator(_read_name)] = Field("unnamed molecule", description="Free text for reports.")
    materials: Text = Field(description="Name or path of a material set (`qdmol materials` lists them).")
    overrides: Overrides = Field(Overrides(), description="Replacements for single values of the set.")
    molecule: Molecule
    environment: Environment = Environment()
    calculation: Calculation = Calculation()
    ensemble: Ensemble | None = Field(
        None, description="Size distribution of the particles in a sample; used by spectra only."
    )

    _folder: Path | None = PrivateAttr(default=None)
    _file: Path | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _ensemble_of_this_molecule(self) -> Self:
        if self.ensemble is not None:
            self.ensemble.refuse_unfit(self.molecule)
        return self

    @property
    def folder(self) -> Path | None:
        """Folder that the spec was read from, where its material set is looked for first; None for a mapping."""
        return self._folder

    @property
    def file(self) -> Path | None:
        """File that the spec was read from; None for a mapping."""
        return self._file

    def __eq__(self, other: object) -> bool:
        """Compare contents; the files that the specs were read from do not matter."""
        return isinstance(other, Spec) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash(self.model_dump_json())
