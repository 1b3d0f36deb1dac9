"""Two specs side by side: what they say differently, and which of their numbers differ by more than the errors."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdmol.results import NO_VALUE
from qdmol.structure import AxialMolecule, Spec, read_spec, resolve, spec_mapping

ABSENT = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A field with two values; None where one has none. ``resolved`` values come from material sets."""

    field: str
    one: Any
    two: Any
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class NumberPair:
    """One number of both: values in ``unit``, errors in meV; None where one has none.

    ``differs`` is True where the values are further apart than both errors together, None where one is missing. A
    number without an error of its own is never said to differ.
    """

    name: str
    unit: str
    one: float | None
    two: float | None
    one_error: float | None
    two_error: float | None

    @property
    def difference(self) -> float | None:
        """Second less first, meV."""
        if self.one is None or self.two is None:
            return None
        return (self.two - self.one) * (1000 if self.unit == "eV" else 1)

    @property
    def error(self) -> float | None:
        """Both errors together, meV: each is a bound, so that they add."""
        if self.one_error is None or self.two_error is None:
            return None
        return self.one_error + self.two_error

    @property
    def differs(self) -> bool | None:
        """Whether the values differ by more than both errors together."""
        if self.difference is None or self.error is None:
            return None
        return abs(self.difference) > self.error


@dataclass(frozen=True)
class Comparison:
    """Two specs, in what they differ, and their numbers."""

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
                {"field": one.field, "values": [one.one, one.two], "resolved": one.resolved} for one in self.differences
            ],
            "numbers": [
                {
                    "name": pair.name,
                    "unit": pair.unit,
                    "values": [pair.one, pair.two],
                    "difference_meV": pair.difference,
                    "error_meV": pair.error,
                    "differs": pair.differs,
                }
                for pair in self.numbers
            ],
            "converged": self.converged,
            "warnings": list(self.warnings),
        }

    def _repr_html_(self) -> str:
        rows = ""
        for pair in self.numbers:
            one, two = (NO_VALUE if value is None else value for value in (pair.one, pair.two))
            rows += f"<tr><td>{html.escape(pair.name)}</td><td>{one}</td><td>{two}</td><td>{pair.unit}</td></tr>"
        return f"<table>{rows}</table>"


def compare(
    one: Spec | str | Path | Mapping[str, Any],
    two: Spec | str | Path | Mapping[str, Any],
) -> Comparison:
    """Solve two specs and say in what they and their numbers differ.

    Numbers are the levels one by one and every scalar that ``qdmol solve --json`` gives with an error.

    Raises
    ------
    InputError
        A spec makes no sense.
    SolverError
        What could not be computed, with the reason.
    """
    specs = (read_spec(one), read_spec(two))
    molecules = tuple(resolve(spec) for spec in specs)
    # Imported here: a bad spec is refused before the solver is loaded.
    from qdmol.study.solving import solve

    solutions = [solve(spec) for spec in specs]
    tables = [dict(_numbers(solution.summary)) for solution in solutions]
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


Number = tuple[float | None, float | None, str]  # value, error in meV, unit


def _pair(name: str, one: Number | None, two: Number | None) -> NumberPair:
    unit = (one or two or (None, None, "1"))[2]
    one, two = one or (None, None, unit), two or (None, None, unit)
    return NumberPair(name, unit, one[0], two[0], one[1], two[1])


def _numbers(summary: Mapping[str, Any]) -> Iterator[tuple[str, Number]]:
    """Every number that has an error, by name."""
    coulomb = summary["coulomb"] or {}
    parts: list[tuple[str, list[float], list[float]]] = [
        (f"{carrier} level", summary[carrier]["energy_eV"], summary[carrier]["error_meV"])
        for carrier in ("electron", "hole")
    ]
    if coulomb.get("electron_energy_eV"):
        name = "electron level in the hole's field"
        parts.append((name, coulomb["electron_energy_eV"], coulomb["electron_error_meV"]))
    for name, energies, errors in parts:
        for i, (energy, error) in enumerate(zip(energies, errors, strict=True), start=1):
            yield f"{name} {i}", (energy, error, "eV")
    for source in (summary, coulomb):
        for key, value in source.items():
            stem, _, unit = key.rpartition("_")
            if unit in {"eV", "meV"} and f"{stem}_error_meV" in source:
                yield stem.replace("_", " "), (value, source[f"{stem}_error_meV"], unit)


def _spec_differences(one: Spec, two: Spec) -> Iterator[Difference]:
    first, second = (dict(_leaves(spec_mapping(spec))) for spec in (one, two))
    for field in dict.fromkeys([*first, *second]):
        if first.get(field) != second.get(field):
            yield Difference(field, first.get(field), second.get(field))


def _value_differences(one: AxialMolecule, two: AxialMolecule) -> Iterator[Difference]:
    """Values of materials of the same name that differ, whether by override or by set."""
    for name, region in one.parameters.items():
        if name not in two.parameters:
            continue
        other = two.parameters[name]
        for entry in dataclasses.fields(region):
            values = [getattr(side, entry.name) for side in (region, other)]
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
