"""What light does with one molecule, before any line has a width: levels and moments, as plain arrays.

A moment is κ_j |∫ ψ_e ψ_h √E_P F_j d³r|² in eV, for light polarised across (j = 0) and along the axis (j = 1): E_P the
Kane energy of each material, F the field of light over the far one, κ the share of the hole's Bloch function that the
direction meets (1/3 where it is isotropic). Energies (eV) count from the band gap of the reference material. Every
moment has a dimension for the dots: what happens nearest to each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from qdmol.arrays import Floats, Indices


@dataclass(frozen=True, eq=False)
class ExcitonLevels:
    """Excitons by configuration interaction in one basis of `orbitals` orbitals.

    `energy` (n,), `m` (n,) >= 0, `parity` (n,), `moment` (n, D, 2), `bare` (n, D) the mean moment without local field
    and Bloch character, `place` (n, D) the hole's probability in each dot, `contact` (n,) how likely electron and hole
    are at one place (1/nm³; NaN where it was not asked for). A level with m > 0 stands for both signs; each has four
    directions of the spins.
    """

    orbitals: int
    energy: Floats
    m: Indices
    parity: Indices
    moment: Floats
    bare: Floats
    place: Floats
    contact: Floats

    @property
    def degeneracy(self) -> Floats:
        """Levels of this energy (n,) without the spins."""
        return np.where(self.m > 0, 2.0, 1.0)


@dataclass(frozen=True, eq=False)
class PairLevels:
    """Pairs of an electron's and a hole's level without attraction: `energy` (n,), `moment` (n, D, 2).

    Every pair up to `complete` (eV) is there. Pairs with a level above the medium's barrier begin at `box` (eV; None:
    there is none): those are states of the box that the hard wall makes, `wall` nm from the surface.
    """

    energy: Floats
    moment: Floats
    complete: float
    box: float | None
    wall: float
    error: float


@dataclass(frozen=True, eq=False)
class BulkRegion:
    """One material: volume (nm³) nearest to each dot (D,), `gap` (eV) above the band gap, reduced mass, moment (D, 2).

    `intensity` (2,) is |E|² of light over that of the far field, `absorption` (1/cm) the bulk's at 300 nm in the
    literature and `index` its refractive index, None where the set has none.
    """

    material: str
    volume: Floats
    gap: float
    mass: float
    moment: Floats
    intensity: Floats
    absorption: float | None
    index: float | None


@dataclass(frozen=True, eq=False)
class MoleculeLight:
    """Everything light needs to know of one molecule.

    `edge`: excitons in growing bases, the last one the best; `binding` (eV) of the lowest exciton; `numerical` (eV) the
    error of the elements; `index` the medium's refractive index; `spacing` (eV) the scale of the bases' cuts for each
    carrier; `local_field` whether permittivities differ for light.
    """

    band_gap: float
    dots: int
    edge: tuple[ExcitonLevels, ...]
    pairs: PairLevels
    regions: tuple[BulkRegion, ...]
    binding: float
    numerical: float
    index: float
    spacing: Mapping[str, float]
    local_field: bool
    notes: tuple[str, ...] = ()

    def as_record(self) -> dict[str, Any]:
        """Plain lists and numbers, which `from_record` reads; numbers that are missing are null."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """The value of a record."""
        dots = int(record["dots"])
        levels = [{**edge, "m": np.array(edge["m"], dtype=np.intp)} for edge in record["edge"]]
        return cls(
            **{
                **record,
                "edge": tuple(_filled(ExcitonLevels, one, dots) for one in levels),
                "pairs": _filled(PairLevels, record["pairs"], dots),
                "regions": tuple(_filled(BulkRegion, one, dots) for one in record["regions"]),
                "notes": tuple(record["notes"]),
            }
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return [None if math.isnan(part) else part for part in value.tolist()] if value.ndim == 1 else value.tolist()
    return value


def _filled(kind: Any, record: Mapping[str, Any], dots: int) -> Any:
    """A value with arrays for the lists of its record."""
    found = {}
    for field in fields(kind):
        value = record[field.name]
        if isinstance(value, list):
            value = np.array([np.nan if part is None else part for part in value], dtype=np.float64)
            shape = {"moment": (-1, dots, 2), "place": (-1, dots), "bare": (-1, dots)}.get(field.name)
            value = value if shape is None or kind is BulkRegion else value.reshape(shape)
        found[field.name] = value
    if "m" in found:
        found["m"], found["parity"] = (found[key].astype(np.intp) for key in ("m", "parity"))
    return kind(**found)
