"""Comparison of two specs: fields that differ, and results that differ by more than their errors."""

from __future__ import annotations

import dataclasses
import html
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from qdmol.estimates import NO_VALUE, Estimate
from qdmol.results import SavedResult, save_result
from qdmol.structure import AxialMolecule, Spec, read_spec, resolve, spec_mapping
from qdmol.study.values import SolutionValues

KIND = "comparison"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs, with both values (None if absent); ``resolved`` values come from material sets."""

    field: str
    one: Any
    two: Any
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class NumberPair:
    """A quantity of both solutions; None if it is undefined.

    ``differs`` is True if the values differ by more than the sum of their errors, None if one is missing. A value with
    an unknown error is never reported as different.
    """

    name: str
    unit: str
    one: Estimate | None
    two: Estimate | None

    @property
    def difference(self) -> float | None:
        """Second minus first value, meV."""
        if self.one is None or self.two is None:
            return None
        return (self.two.value - self.one.value) * (1000 if self.unit == "eV" else 1)

    @property
    def error(self) -> float | None:
        """Sum of both errors, meV, since each is a bound."""
        if self.one is None or self.two is None:
            return None
        return self.one.to("meV").error + self.two.to("meV").error

    @property
    def differs(self) -> bool | None:
        """Whether the values differ by more than both errors together."""
        if self.difference is None or self.error is None:
            return None
        return abs(self.difference) > self.error


@dataclass(frozen=True, repr=False)
class Comparison:
    """Result of :func:`qdmol.compare`: two specs, their differences, and their results."""

    one: Spec
    two: Spec
    differences: tuple[Difference, ...]
    numbers: tuple[NumberPair, ...]
    converged: bool
    warnings: tuple[str, ...]

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object of ``qdmol compare --json``."""
        return {
            "qdmol": 1,
            "names": [self.one.name, self.two.name],
            "differences": [
                {"field": difference.field, "values": [difference.one, difference.two], "resolved": difference.resolved}
                for difference in self.differences
            ],
            "numbers": [
                {
                    "name": pair.name,
                    "unit": pair.unit,
                    "values": [None if number is None else number.value for number in (pair.one, pair.two)],
                    "difference_meV": pair.difference,
                    "error_meV": pair.error,
                    "differs": pair.differs,
                }
                for pair in self.numbers
            ],
            "converged": self.converged,
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        differing = sum(pair.differs is True for pair in self.numbers)
        fields = len(self.differences)
        return f"<Comparison of {self.one.name} and {self.two.name}: {fields} fields and {differing} numbers differ>"

    def _repr_html_(self) -> str:
        header = "".join(f"<th>{html.escape(name)}</th>" for name in ("", self.one.name, self.two.name))
        rows = ""
        for pair in self.numbers:
            first, second = (
                NO_VALUE if number is None else html.escape(str(number)) for number in (pair.one, pair.two)
            )
            rows += f"<tr><td>{html.escape(pair.name)}</td><td>{first}</td><td>{second}</td></tr>"
        return f"<table><tr>{header}</tr>{rows}</table>"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the comparison to a NetCDF file that :func:`qdmol.load` reads back.

        Raises
        ------
        InputError
            The file name does not end in ``.nc``.
        OutputError
            The file cannot be written.
        """
        import xarray as xr

        record = {
            "specs": [spec_mapping(spec) for spec in (self.one, self.two)],
            "differences": [dataclasses.asdict(difference) for difference in self.differences],
            "numbers": _numbers_adapter().dump_python(self.numbers),
            "converged": self.converged,
            "warnings": list(self.warnings),
        }
        return save_result(path, kind=KIND, values=record, data=xr.Dataset())

    @classmethod
    def from_saved(cls, saved: SavedResult) -> Self:
        """Return the comparison in a file; InputError if the file contains no complete comparison."""
        record, folder = saved.values, saved.path.absolute().parent
        try:
            first, second = (read_spec(spec, folder=folder) for spec in record["specs"])
            return cls(
                first,
                second,
                differences=tuple(Difference(**difference) for difference in record["differences"]),
                numbers=_numbers_adapter().validate_python(record["numbers"]),
                converged=bool(record["converged"]),
                warnings=tuple(record["warnings"]),
            )
        except (KeyError, TypeError, ValidationError) as error:
            raise saved.incomplete(KIND, error) from None


def compare(
    first: Spec | str | Path | Mapping[str, object],
    second: Spec | str | Path | Mapping[str, object],
) -> Comparison:
    """Solve two specs and list the differences of their fields and results.

    Numbers are the levels one by one and every scalar that ``qdmol solve --json`` gives with an error.

    Raises
    ------
    InputError
        A spec is invalid.
    SolverError
        A quantity could not be computed; the message gives the reason.
    """
    specs = (read_spec(first), read_spec(second))
    molecules = tuple(resolve(spec) for spec in specs)
    # Imported here: a bad spec is refused before the solver is loaded.
    from qdmol.study.solving import solve

    solutions = [solve(spec) for spec in specs]
    tables = [dict(_numbers(solution)) for solution in solutions]
    names = list(dict.fromkeys([*tables[0], *tables[1]]))
    pairs = [_pair(name, tables[0].get(name), tables[1].get(name)) for name in names]
    warnings = [warning for solution in solutions for warning in solution.warnings]
    return Comparison(
        *specs,
        differences=tuple(_spec_differences(*specs)) + tuple(_value_differences(*molecules)),
        numbers=tuple(pair for pair in pairs if pair.one is not None or pair.two is not None),
        converged=all(solution.converged for solution in solutions),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _pair(name: str, first: Estimate | None, second: Estimate | None) -> NumberPair:
    known = first or second
    return NumberPair(name, "1" if known is None else known.unit, first, second)


def _numbers(solution: SolutionValues) -> Iterator[tuple[str, Estimate | None]]:
    """Every number that has an error, by name."""
    pair = solution.pair
    for name, levels in (
        ("electron level", solution.levels.electron),
        ("hole level", solution.levels.hole),
        ("electron level in the hole's field", None if pair is None else pair.electron_levels),
    ):
        for number, level in enumerate(levels or (), start=1):
            yield f"{name} {number}", level.energy
    yield "splitting", solution.splitting
    yield "tunnel coupling", solution.tunnel_coupling
    yield "detuning", solution.detuning
    yield "gap", solution.gap
    yield "redshift", solution.redshift
    yield "redshift single particle", solution.redshift_single_particle
    if pair is not None:
        yield "spacing", pair.spacing
        yield "exciton", pair.exciton
        yield "binding", pair.binding
        if pair.bright_dark is not None:
            yield "bright dark", pair.bright_dark


@cache
def _numbers_adapter() -> TypeAdapter[tuple[NumberPair, ...]]:
    return TypeAdapter(tuple[NumberPair, ...])


def _spec_differences(spec_a: Spec, spec_b: Spec) -> Iterator[Difference]:
    first, second = (dict(_leaves(spec_mapping(spec))) for spec in (spec_a, spec_b))
    for field in dict.fromkeys([*first, *second]):
        if first.get(field) != second.get(field):
            yield Difference(field, first.get(field), second.get(field))


def _value_differences(first: AxialMolecule, second: AxialMolecule) -> Iterator[Difference]:
    """Values of materials of the same name that differ, whether by override or by set."""
    for name, region in first.parameters.items():
        if name not in second.parameters:
            continue
        counterpart = second.parameters[name]
        for entry in dataclasses.fields(region):
            values = [getattr(side, entry.name) for side in (region, counterpart)]
            if values[0] != values[1]:
                shown = ["hard" if value == float("inf") else value for value in values]
                yield Difference(f"{name}.{entry.name}", shown[0], shown[1], resolved=True)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a nested mapping with its dotted path."""
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _leaves(inside, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for i, inside in enumerate(value):
            yield from _leaves(inside, f"{path}[{i}]")
    else:
        yield path, value
