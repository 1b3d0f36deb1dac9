"""Results of the claims: each statement with its answer, the solved cases and maps behind it, and their dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qdmol.claims.cases import Outcome
from qdmol.claims.quantities import SPECTRUM_READERS, Measured, measure
from qdmol.claims.rules import Finding, Verdict
from qdmol.claims.statements import Statement
from qdmol.results import NO_VALUE, Drawable, format_measured, format_number, provenance
from qdmol.structure import dump_spec

if TYPE_CHECKING:
    import xarray as xr

# Errors in the table's text are not shown below this; in the JSON object they are.
SMALLEST_SHOWN = 0.001
CASE_QUANTITIES = (
    "splitting",
    "tunnel_splitting",
    "spacing",
    "redshift",
    "redshift_single_particle",
    *SPECTRUM_READERS,
)


@dataclass(frozen=True)
class Claim:
    """A statement with its answer: value and error in the statement's unit, None where there is no number."""

    statement: Statement
    verdict: Verdict
    value: float | None
    error: float | None
    reason: str
    findings: tuple[Finding, ...] = ()

    @property
    def value_text(self) -> str:
        """Value, error and unit; an error below what the table can show is rounded up."""
        if self.value is None or self.error is None:
            return NO_VALUE
        unit = "" if self.statement.unit == "1" else self.statement.unit
        return format_measured(self.value, max(self.error, SMALLEST_SHOWN), unit)

    @property
    def range_text(self) -> str:
        """Lowest and highest value over the cases."""
        low, high = self.verdict.low, self.verdict.high
        if low is None or high is None:
            return NO_VALUE
        decimals = 3 if abs(high) < 0.1 else 2 if abs(high) < 10 else 1
        return f"{format_number(low, decimals)} to {format_number(high, decimals)}"

    def as_dict(self) -> dict[str, Any]:
        """One row of the JSON object."""
        return {
            "id": self.statement.id,
            "statement": self.statement.words,
            "source": self.statement.source,
            "paper_value": self.statement.number,
            "unit": self.statement.unit,
            "value": self.value,
            "error": self.error,
            "low": self.verdict.low,
            "high": self.verdict.high,
            "assumed": self.statement.assumed,
            "verdict": self.verdict.text,
            "reason": self.reason,
            "command": self.statement.command,
        }


@dataclass(frozen=True)
class SplittingMap:
    """Splittings (meV) with errors on core diameters and barriers (nm): `grid` has shape (diameters, barriers)."""

    offset: float
    diameters: tuple[float, ...]
    barriers: tuple[float, ...]
    grid: tuple[tuple[Measured, ...], ...]

    def at(self, diameters: Sequence[float], barriers: Sequence[float]) -> tuple[tuple[Measured, ...], ...]:
        """Return the part of the grid on some of its coordinates."""
        rows, columns = (
            [whole.index(value) for value in part]
            for whole, part in ((self.diameters, diameters), (self.barriers, barriers))
        )
        return tuple(tuple(self.grid[row][column] for column in columns) for row in rows)


@dataclass(frozen=True)
class Claims(Drawable):
    """All claims with the solved cases and maps behind them."""

    claims: tuple[Claim, ...]
    outcomes: tuple[Outcome, ...]
    maps: tuple[SplittingMap, ...]
    elapsed: float

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """The JSON object of ``qdmol claims --json``."""
        return {"qdmol": 1, "claims": [claim.as_dict() for claim in self.claims], "elapsed_s": self.elapsed}

    @cached_property
    def data(self) -> xr.Dataset:
        """Claims, cases and maps with units."""
        return claims_dataset(self)


def claims_dataset(claims: Claims) -> xr.Dataset:
    """Dimensions ``claim``, ``case`` and, for each offset's map, diameters and barriers; `units` on every variable."""
    # Imported here: xarray is slow to load, and a table does without.
    import xarray as xr

    versions = provenance()
    named = {"qdmol_version" if key == "qdmol" else f"{key}_version": value for key, value in versions.items()}
    data = xr.Dataset(attrs={**named, "elapsed_s": claims.elapsed})
    _add_claims(data, claims.claims)
    _add_cases(data, claims)
    for number, splitting_map in enumerate(claims.maps):
        _add_map(data, splitting_map, "" if number == 0 else f"_{splitting_map.offset:.2f}eV")
    return data


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _texts(values: Sequence[str]) -> NDArray[np.object_]:
    return np.array(values, dtype=object)


def _add_claims(data: xr.Dataset, claims: Sequence[Claim]) -> None:
    rows = [claim.as_dict() for claim in claims]
    data.coords["claim"] = ("claim", _texts([row["id"] for row in rows]))
    for key in ("statement", "source", "unit", "assumed", "verdict", "reason", "command"):
        data[f"claim_{key}"] = ("claim", _texts([row[key] for row in rows]), {"units": "1", "long_name": key})
    for key in ("paper_value", "value", "error", "low", "high"):
        attributes = {"units": "as claim_unit", "long_name": key.replace("_", " ")}
        data[f"claim_{key}"] = ("claim", _numbers([row[key] for row in rows]), attributes)


def _add_cases(data: xr.Dataset, claims: Claims) -> None:
    outcomes = claims.outcomes
    columns: dict[str, Callable[[int], str]] = {
        "family": lambda i: outcomes[i].case.family,
        "sample": lambda i: outcomes[i].case.sample,
        "what": lambda i: outcomes[i].case.what,
        "label": lambda i: outcomes[i].case.label,
        "factors": lambda i: ", ".join(outcomes[i].case.factors),
        "spec": lambda i: dump_spec(outcomes[i].case.spec),
        "reason": lambda i: outcomes[i].reason or "",
    }
    for name, text in columns.items():
        texts = _texts([text(i) for i in range(len(outcomes))])
        data[f"case_{name}"] = ("case", texts, {"units": "1", "long_name": f"{name} of the case"})
    for name in CASE_QUANTITIES:
        measured = [measure(outcome, name) for outcome in outcomes]
        unit = "1" if name.endswith("ratio") else "meV"
        for place, suffix in enumerate(("", "_error")):
            values = _numbers([None if pair is None else pair[place] for pair in measured])
            long_name = f"{name}{suffix}".replace("_", " ")
            data[f"case_{name}{suffix}"] = ("case", values, {"units": unit, "long_name": long_name})


def _add_map(data: xr.Dataset, splitting_map: SplittingMap, suffix: str) -> None:
    dims = (f"core_diameter{suffix}", f"barrier{suffix}")
    for dim, values in zip(dims, (splitting_map.diameters, splitting_map.barriers), strict=True):
        data.coords[dim] = (dim, np.array(values), {"units": "nm", "long_name": dim.replace("_", " ")})
    grid = np.array(splitting_map.grid)
    title = f"splitting at a conduction offset of {splitting_map.offset:.2f} eV"
    data[f"map_splitting{suffix}"] = (dims, grid[..., 0], {"units": "meV", "long_name": title})
    data[f"map_splitting_error{suffix}"] = (dims, grid[..., 1], {"units": "meV", "long_name": f"error of the {title}"})
