"""Optical properties of one molecule before lines have a width: levels and moments as plain arrays.

A moment is κ_j |∫ ψ_e ψ_h √E_P F_j d³r|² in eV for light polarised along the direction j of the symmetry (about an
axis: across and along it), with the Kane energy E_P of each material, the field F of light relative to the far field,
and the share κ of the hole's Bloch function that couples to the direction (1/3 if it is isotropic). Energies (eV) count
from the band gap of the reference material. Every moment has a dimension for the dots: the part of space nearest to
each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from qdmol.arrays import Bools, Floats, Indices


@dataclass(frozen=True, eq=False)
class ExcitonLevels:
    """Excitons by configuration interaction in one basis of `orbitals` orbitals.

    `energy` (n,) and `moment` (n, D, J); `numbers` (n, K) are the quantum numbers of each level's sector, `degeneracy`
    (n,) counts its partners by symmetry without the spins, of which there are four directions. `bare` (n, D) is the
    mean moment without local field and Bloch character, `place` (n, D) the hole's probability in each dot, and
    `contact` (n,) the contact density of electron and hole (1/nm³; NaN if it was not computed).
    """

    orbitals: int
    energy: Floats
    numbers: Indices
    degeneracy: Floats
    moment: Floats
    bare: Floats
    place: Floats
    contact: Floats

    @property
    def sectors(self) -> list[Bools]:
        """For each sector that occurs, which levels (n,) are in it."""
        return [np.all(self.numbers == sector, axis=1) for sector in np.unique(self.numbers, axis=0)]


@dataclass(frozen=True, eq=False)
class PairLevels:
    """Pairs of an electron's and a hole's level without attraction: `energy` (n,), `moment` (n, D, J).

    All pairs up to `complete` (eV) are included. From `box` (eV; None if there are none) on, pairs have a level above
    the barrier of the medium: these are states of the box whose hard wall is `wall` nm from the surface. `error` (eV)
    is that of the energies.
    """

    energy: Floats
    moment: Floats
    complete: float
    box: float | None
    wall: float
    error: float


@dataclass(frozen=True, eq=False)
class BulkRegion:
    """One material: volume (nm³) nearest to each dot (D,), `gap` (eV) above the band gap, reduced mass, moment (D, J).

    `intensity` (J,) is |E|² of light relative to the far field, `absorption` (1/cm) the bulk's at 300 nm in the
    literature and `index` its refractive index, None if the material set has none.
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
    """Optical properties of one molecule.

    Attributes
    ----------
    band_gap
        Of the reference material, in eV.
    dots
        Number of dots.
    directions
        Directions of polarisation by name, with the number of axes that each represents: three in total.
    edge
        Excitons in growing bases, the last one the best.
    pairs, regions
        Independent pairs above the excitons, and the bulk materials far above.
    binding
        Binding energy of the lowest exciton in eV.
    numerical
        Error of the finite elements in eV.
    index
        Refractive index of the medium.
    spacing
        Scale of the bases' cuts for each carrier in eV.
    local_field
        Whether optical permittivities differ.
    notes
        Remarks for the user.
    """

    band_gap: float
    dots: int
    directions: Mapping[str, int]
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
        """Plain lists and numbers for `from_record`; missing numbers are null."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Optical properties from a record of `as_record`."""
        sizes = int(record["dots"]), len(record["directions"])
        return cls(
            **{
                **record,
                "edge": tuple(_filled(ExcitonLevels, levels, *sizes) for levels in record["edge"]),
                "pairs": _filled(PairLevels, record["pairs"], *sizes),
                "regions": tuple(_filled(BulkRegion, region, *sizes) for region in record["regions"]),
                "notes": tuple(record["notes"]),
            }
        )


def direction_mean(moment: Floats, directions: Mapping[str, int]) -> Floats:
    """Mean (...) over all directions of light of moments (..., J), weighted by the axes of each direction."""
    return np.asarray(sum(axes * moment[..., j] for j, axes in enumerate(directions.values())) / 3)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return [None if math.isnan(part) else part for part in value.tolist()] if value.ndim == 1 else value.tolist()
    return value


def _filled(kind: Any, record: Mapping[str, Any], dots: int, directions: int) -> Any:
    """A value with arrays in place of the lists of its record."""
    shapes = {"moment": (-1, dots, directions), "place": (-1, dots), "bare": (-1, dots)}
    values = {}
    for field in fields(kind):
        value = record[field.name]
        if field.name == "numbers":
            value = np.array(value, dtype=np.intp)
        elif isinstance(value, list):
            value = np.array([np.nan if part is None else part for part in value], dtype=np.float64)
            shape = shapes.get(field.name)
            value = value if shape is None or kind is BulkRegion else value.reshape(shape)
        values[field.name] = value
    return kind(**values)
