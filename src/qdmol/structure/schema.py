"""The spec as frozen models: what may be written, with units, bounds and meanings. They are the schema.

Rules that need no material set live here; what needs one (materials, placement, binding) is in `resolving`.

Single values of the spec that replace those of its material set.

How the particles of a sample differ, as the spec says it: standard deviations, single dots among the molecules.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

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
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from qdmol.errors import MISSING, InputError
from qdmol.materials import (
    AbsorptionCoefficient,
    AxialShare,
    AxisAngle,
    BandGap,
    Barrier,
    KaneEnergy,
    LayerThickness,
    LineWidth,
    Mass,
    Offset,
    Permittivity,
    PhononEnergy,
    Quantity,
)
from qdmol.structure.necks import LinkerNeck, MergedNeck, NeckChoice, neck_length, read_neck
from qdmol.structure.schema_base import (
    DISTANCE,
    GAP,
    KEPT_FOR_LATER,
    ON_AXIS,
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
from qdmol.units import quantity_pattern


class MaterialOverride(Part):
    """Values that replace a material's in the set."""

    electron_mass: Mass | None = Field(None, description="Free-electron masses.")
    hole_mass: Mass | None = Field(None, description="Free-electron masses.")
    conduction_offset: Offset | None = Field(
        None, description="Conduction edge above the reference material's, eV; not for the reference material."
    )
    valence_offset: Offset | None = Field(
        None, description="Valence edge below the reference material's, eV (positive is a barrier for holes)."
    )
    permittivity: Permittivity | None = Field(None, description="Relative permittivity.")
    band_gap: BandGap | None = Field(None, description="Band gap, eV; of the reference material only.")
    layer_thickness: LayerThickness | None = Field(None, description="Thickness of a monolayer, nm.")
    kane_energy: KaneEnergy | None = Field(None, description="Kane energy E_P = 2 |<S|p|X>|^2 / m0, eV.")
    optical_permittivity: Permittivity | None = Field(None, description="Relative permittivity at optical frequencies.")
    bulk_absorption_300nm: AbsorptionCoefficient | None = Field(
        None, description="Absorption coefficient of the bulk at 300 nm, 1/cm; for comparison only."
    )
    homogeneous_width: LineWidth | None = Field(
        None, description="Full width at half maximum of one dot's line at 300 K, meV; of the reference material only."
    )
    phonon_energy: PhononEnergy | None = Field(
        None, description="Effective phonon of that width's temperature law, meV; of the reference material only."
    )
    hole_axial_share: AxialShare | None = Field(
        None,
        description="Share of the p orbital along the crystal's axis in the hole's Bloch function, 1/3 is isotropic; "
        "of the reference material only.",
    )
    hole_axis_angle: AxisAngle | None = Field(
        None, description="Between the crystal's axis and the molecule's, degrees; of the reference material only."
    )


class MediumOverride(Part):
    """Values that replace those of what surrounds the molecule."""

    electron_mass: Mass | None = Field(None, description="Free-electron masses.")
    hole_mass: Mass | None = Field(None, description="Free-electron masses.")
    electron_barrier: Barrier | None = Field(
        None, description="Barrier for electrons above the reference material's conduction edge, eV, or `hard`."
    )
    hole_barrier: Barrier | None = Field(
        None, description="Barrier for holes below the reference material's valence edge, eV, or `hard`."
    )
    permittivity: Permittivity | None = Field(None, description="Relative permittivity.")
    optical_permittivity: Permittivity | None = Field(None, description="Relative permittivity at optical frequencies.")


class Overrides(Part):
    """Single values that replace those of the set, by material."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"propertyNames": {"not": {"enum": list(KEPT_FOR_LATER)}}}
    )
    __pydantic_extra__: dict[str, MaterialOverride]

    medium: MediumOverride | None = None

    def of(self, material: str) -> MaterialOverride:
        """Return the overrides of a material, empty ones where there are none."""
        return (self.__pydantic_extra__ or {}).get(material, MaterialOverride())

    @property
    def materials(self) -> tuple[str, ...]:
        """Names of the materials that are overridden, without the medium."""
        return tuple(self.__pydantic_extra__ or {})


ABSOLUTE = Quantity("length", 0, 100)
RELATIVE = Quantity("number", 0, 50)  # percent: at three standard deviations most of what is wider has no size left
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
        """Return the deviation that a number (nm), a text with a unit or a text with % says; InputError otherwise."""
        if isinstance(value, cls):
            return value
        share = isinstance(value, str) and value.rstrip().endswith("%")
        quantity = RELATIVE if share else ABSOLUTE
        try:
            return cls(quantity.parse(str(value).rstrip()[:-1] if share else value), relative=share)
        except InputError:
            raise InputError(field="", value=value, allowed=DEVIATION_ALLOWED) from None

    def written(self) -> float | str:
        """Return the deviation as a spec has it, which reads back equal."""
        return f"{self.value!r} %".replace(".0 %", " %") if self.relative else self.value

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Tell pydantic how a deviation is read and written."""
        writer = core_schema.plain_serializer_function_ser_schema(cls.written)
        return core_schema.no_info_plain_validator_function(cls.read, serialization=writer)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Tell pydantic the JSON schema of a deviation."""
        schema = ABSOLUTE.schema()
        percent = quantity_pattern(RELATIVE.kind).removesuffix("$") + r"%\s*$"
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "string", "pattern": percent}], "default": 0}


NONE = Deviation(0.0)


class Ensemble(Part):
    """A sample of particles that differ: lengths with a normal distribution, and single dots among the molecules."""

    members: Annotated[StrictInt, Field(ge=2, le=100_000)] = Field(1000, description="How many particles are drawn.")
    core_radius: Deviation = Field(NONE, description="Standard deviation of every core's radius, nm, or text with %.")
    shell_thickness: Deviation = Field(
        NONE,
        description="Standard deviation of the thickness of each dot's whole shell, nm, or text with %; "
        "all shells of a dot are scaled alike.",
    )
    neck: Deviation = Field(
        NONE,
        description="Standard deviation of the neck's diameter or gap, or of the spacing or barrier of a plain neck, "
        "nm, or text with %.",
    )
    monomers: Annotated[float, FRACTION] = Field(0.0, description="Single dots, as a fraction of all particles.")
    seed: Annotated[StrictInt, Field(ge=0, le=2**63 - 1)] = Field(1, description="Of the random numbers.")


def refuse_nonsense(
    ensemble: Ensemble, *, dots: int, shells: bool, positions: bool, fixing: bool, necks: tuple[float, ...]
) -> None:
    """Refuse what a molecule has not, InputError: of ``dots`` dots, with or without ``shells`` and ``positions``.

    ``fixing`` says that the neck fixes the distances; ``necks`` are the lengths (nm) that a deviation of it varies.
    """

    def refuse(name: str, allowed: str) -> None:
        value = ensemble.monomers if name == "monomers" else getattr(ensemble, name).written()
        raise InputError(field=f"ensemble.{name}", value=value, allowed=allowed)

    if dots == 1 and ensemble.neck.value:
        refuse("neck", "0 or absent: a single dot has no neck")
    if dots == 1 and ensemble.monomers:
        refuse("monomers", "0 or absent: the molecule is a single dot itself")
    if positions and ensemble.neck.value:
        refuse("neck", "0 or absent where `molecule.positions` says where the dots are")
    if ensemble.shell_thickness.value and not shells:
        refuse("shell_thickness", "0 or absent: no dot has a shell")
    if ensemble.neck.relative and ensemble.neck.value and 0 in necks:
        refuse("neck", "a length in nm, since the mean of what it varies is 0 nm")
    if positions and fixing:
        for name in ("core_radius", "shell_thickness"):
            if getattr(ensemble, name).value:
                refuse(name, "0 or absent where `molecule.positions` is given and `molecule.neck` fixes distances too")


def _schema_one_of(*names: str) -> ConfigDict:
    extra: dict[str, Any] = {"oneOf": [{"required": [name]} for name in names]}
    return ConfigDict(json_schema_extra=extra)


def _one_of(part: BaseModel, *names: str) -> None:
    """Refuse unless exactly one of the fields is given."""
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

    material: Text = Field(description="A material of the set.")
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
    """A shell around what is inside it."""

    model_config = _schema_one_of("thickness", "monolayers")

    material: Text = Field(description="A material of the set.")
    thickness: Thickness | None = Field(None, description="Thickness, nm (or give `monolayers`).")
    monolayers: LayerCount | None = Field(
        None,
        description="Thickness in monolayers of the material, whose layer thickness its set has (or give `thickness`).",
    )

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        _one_of(self, "thickness", "monolayers")
        return self


class Dot(Part):
    """A spherical core/shell dot."""

    core: Core
    shells: Annotated[tuple[Shell, ...], Field(max_length=100)] = Field(
        (), description="Shells from the inside out; none is a bare core."
    )


def _read_each(quantity: Quantity) -> BeforeValidator:
    """Return the reader of a length for every bond: one number, or a list with one entry a bond."""

    def read(value: object) -> float | tuple[float, ...]:
        if isinstance(value, list | tuple):
            return tuple(quantity.parse(item, field=f"[{i}]") for i, item in enumerate(value))
        return quantity.parse(value)

    return BeforeValidator(read)


def _schema_each(quantity: Quantity) -> WithJsonSchema:
    single = quantity.schema()
    each = {"type": "array", "items": single, "maxItems": 99}
    return WithJsonSchema({"anyOf": [*single["anyOf"], each], "x-unit": quantity.unit})


Spacings = Annotated[float | tuple[float, ...], _read_each(DISTANCE), _schema_each(DISTANCE)]
Barriers = Annotated[float | tuple[float, ...], _read_each(GAP), _schema_each(GAP)]


class Molecule(Part):
    """Dots on a line along z, in the order listed."""

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
        description="One dot is a monomer, two equal ones a homodimer, unlike ones a heterodimer."
    )
    spacing: Spacings | None = Field(
        None, description="Distance of neighbours, centre to centre, nm: one number, or a list with one entry a bond."
    )
    barrier: Barriers | None = Field(
        None,
        description="Distance of neighbours, core surface to core surface, nm: "
        "one number, or a list with one entry a bond.",
    )
    positions: (
        Annotated[tuple[tuple[Coordinate, Coordinate, Coordinate], ...], Field(min_length=1, max_length=100)] | None
    ) = Field(None, description="Centres [x, y, z], nm; x = y = 0 for now.")
    neck: Annotated[NeckChoice, BeforeValidator(read_neck)] = Field(
        "merged",
        description="`merged`: bodies as placed, overlapping shells fuse. `{merged: D}`: placed so that the neck has "
        "diameter D. `{filled: D}`: bodies as placed and a cylinder of diameter D from centre to centre. "
        "`{linker: g}`: unfused, a gap g of medium. Lengths in nm.",
    )

    @model_validator(mode="after")
    def _neighbours(self) -> Self:
        ways = ("spacing", "barrier", "positions")
        given = [name for name in ways if getattr(self, name) is not None]
        if len(given) > 1:
            allowed = f"absent where `{given[0]}` is given: one of spacing, barrier, positions"
            value = getattr(self, given[1])
            raise InputError(field=given[1], value=value, allowed=allowed)
        fixes = isinstance(self.neck, MergedNeck | LinkerNeck)
        if not given and not fixes and len(self.dots) > 1:
            allowed = "given (or `barrier`, or `positions`), since this neck does not fix the distance of the dots"
            raise InputError(field="spacing", value=MISSING, allowed=allowed)
        self._counts()
        self._on_axis()
        return self

    @property
    def neck_lengths(self) -> tuple[float, ...]:
        """What an ensemble varies between the dots, nm: the neck's length, or of a plain neck every bond's distance."""
        length = neck_length(self.neck)
        if length is not None:
            return (length,)
        given = self.spacing if self.spacing is not None else self.barrier
        if given is None:
            return ()
        return given if isinstance(given, tuple) else (given,) * (len(self.dots) - 1)

    def _counts(self) -> None:
        bonds = len(self.dots) - 1
        for name in ("spacing", "barrier"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != bonds:
                allowed = f"one length, or a list with one entry a bond ({bonds} for {bonds + 1} dots)"
                raise InputError(field=name, value=list(value), allowed=allowed)
        if self.positions is not None and len(self.positions) != len(self.dots):
            allowed = f"a list with one [x, y, z] a dot ({len(self.dots)})"
            raise InputError(field="positions", value=[list(p) for p in self.positions], allowed=allowed)

    def _on_axis(self) -> None:
        for i, (x, y, z) in enumerate(self.positions or ()):
            if max(abs(x), abs(y)) > ON_AXIS:
                allowed = "on the z axis (x = y = 0): an off-axis position needs the 3-D solver"
                raise InputError(field=f"positions[{i}]", value=[x, y, z], allowed=allowed)


class Environment(Part):
    """What acts on the molecule from outside."""

    temperature: Temperature = Field(300.0, description="K.")
    field: tuple[FieldComponent, FieldComponent, FieldComponent] = Field(
        (0.0, 0.0, 0.0), description="Applied far field [x, y, z], kV/cm; along z for now. +z pushes electrons to -z."
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
    """What is computed, and how well."""

    electrons: LevelCount = Field(
        4, description="How many electron levels (orbital, +m and -m apart, no spin); 0 for none."
    )
    holes: LevelCount = Field(2, description="How many hole levels; 0 for none.")
    coulomb: Annotated[Literal["none", "self-consistent", "ci"], BeforeValidator(_read_coulomb)] = Field(
        "self-consistent",
        description="Attraction of electron and hole: none, each in the other's mean field, or configuration "
        "interaction; where it is left out, `none` if either carrier is not asked for.",
    )
    tolerance: Tolerance = Field(0.1, description="Largest numerical error of every energy, meV.")
    ci_tolerance: Tolerance = Field(
        1.0, description="Largest error of energies by configuration interaction, extrapolated in the basis, meV."
    )
    self_polarisation: StrictBool = Field(
        False,  # noqa: FBT003
        description="Whether every carrier feels the charges it induces itself where permittivities differ.",
    )
    interface_width: InterfaceWidth = Field(
        0.3, description="Width of an interface as self-polarisation sees it, nm; a sharp one would diverge."
    )
    exchange: StrictBool = Field(
        False,  # noqa: FBT003
        description="Whether short-range exchange splits excitons into dark and bright ones, with `coulomb: ci`.",
    )
    exchange_constant: ExchangeConstant = Field(
        71.7, description="Bright less dark exciton for an electron and a hole at one place with 1/nm³, meV nm³."
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
        """`exchange_constant` in eV nm³; None where exchange is left out."""
        return self.exchange_constant / 1000 if self.exchange else None


def _read_version(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or value != 1:
        raise InputError(field="", value=value, allowed="1, the version of the spec format that this qdmol reads")
    return value


def _read_name(value: object) -> object:
    if isinstance(value, str) and any(c in "\n\t" for c in value):
        raise InputError(field="", value=value, allowed="one line of text")
    return value


class Spec(Part):
    """A molecule, its surroundings, and what to compute of it. Lengths in nm, energies in eV unless said otherwise."""

    qdmol: Annotated[Literal[1], BeforeValidator(_read_version)] = Field(description="Version of the spec format.")
    name: Annotated[Text, BeforeValidator(_read_name)] = Field("unnamed molecule", description="Free text for reports.")
    materials: Text = Field(description="Name or path of a material set (`qdmol materials` lists them).")
    overrides: Overrides = Field(Overrides(), description="Single values that replace the set's.")
    molecule: Molecule
    environment: Environment = Environment()
    calculation: Calculation = Calculation()
    ensemble: Ensemble | None = Field(
        None, description="How the particles of a sample differ; of the absorption and emission of an ensemble only."
    )

    _folder: Path | None = PrivateAttr(default=None)
    _file: Path | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _ensemble_of_this_molecule(self) -> Self:
        if self.ensemble is not None:
            molecule = self.molecule
            refuse_nonsense(
                self.ensemble,
                dots=len(molecule.dots),
                shells=any(dot.shells for dot in molecule.dots),
                positions=molecule.positions is not None,
                fixing=isinstance(molecule.neck, MergedNeck | LinkerNeck),
                necks=molecule.neck_lengths,
            )
        return self

    @property
    def folder(self) -> Path | None:
        """The folder the spec was read from, where its material set is looked for first; None for a mapping."""
        return self._folder

    @property
    def file(self) -> Path | None:
        """The file the spec was read from; None for a mapping."""
        return self._file

    def __eq__(self, other: object) -> bool:
        """Two specs are equal if they say the same, wherever they were read."""
        return isinstance(other, Spec) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash(self.model_dump_json())
