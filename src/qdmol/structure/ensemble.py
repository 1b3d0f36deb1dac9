"""How the particles of a sample differ, as the spec says it: standard deviations, single dots among the molecules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, StrictInt
from pydantic_core import CoreSchema, core_schema

from qdmol.errors import InputError
from qdmol.materials.quantities import Quantity
from qdmol.structure.parts import Part
from qdmol.units import quantity_pattern

__all__ = ["Deviation", "Ensemble", "refuse_nonsense"]

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
