"""The claims as one labelled dataset: what goes into the NetCDF file beside the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from qdmol.claims.quantities import SPECTRUM_READERS, measure
from qdmol.results import provenance
from qdmol.structure import dump_spec

if TYPE_CHECKING:
    from qdmol.claims.assessing import Claim, Claims, SplittingMap


CASE_QUANTITIES = (
    "splitting",
    "tunnel_splitting",
    "spacing",
    "redshift",
    "redshift_single_particle",
    *SPECTRUM_READERS,
)


def make_claims_dataset(claims: Claims) -> xr.Dataset:
    """Dimensions ``claim``, ``case`` and, for each offset's map, diameters and barriers; `units` on every variable."""
    versions = provenance()
    named = {"qdmol_version" if key == "qdmol" else f"{key}_version": value for key, value in versions.items()}
    data = xr.Dataset(attrs={**named, "elapsed_s": claims.elapsed})
    _add_claims(data, claims.claims)
    _add_cases(data, claims)
    for number, one in enumerate(claims.maps):
        _add_map(data, one, "" if number == 0 else f"_{one.offset:.2f}eV")
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
        read = [measure(one, name) for one in outcomes]
        unit = "1" if name.endswith("ratio") else "meV"
        for place, suffix in enumerate(("", "_error")):
            values = _numbers([None if one is None else one[place] for one in read])
            long_name = f"{name}{suffix}".replace("_", " ")
            data[f"case_{name}{suffix}"] = ("case", values, {"units": unit, "long_name": long_name})


def _add_map(data: xr.Dataset, one: SplittingMap, suffix: str) -> None:
    dims = (f"core_diameter{suffix}", f"barrier{suffix}")
    for dim, values in zip(dims, (one.diameters, one.barriers), strict=True):
        data.coords[dim] = (dim, np.array(values), {"units": "nm", "long_name": dim.replace("_", " ")})
    grid = np.array(one.grid)
    title = f"splitting at a conduction offset of {one.offset:.2f} eV"
    data[f"map_splitting{suffix}"] = (dims, grid[..., 0], {"units": "meV", "long_name": title})
    data[f"map_splitting_error{suffix}"] = (dims, grid[..., 1], {"units": "meV", "long_name": f"error of the {title}"})
