"""Absorption lines of a molecule from the band edge up, each range computed in the way that is valid there.

Near the edge there are excitons by configuration interaction; above them independent pairs, lowered by the binding
energy of the lowest exciton; above those the density of states of bulk, region by region. Ranges are joined by soft
steps, so that spectra of similar shapes are similar. At each step both sides know the strength of everything below it:
their difference is the error of the upper one.

The strength of all pairs of levels per energy tends, averaged over many levels, to that of plane waves of equal
momentum in every region: Σ_r V_r / 4π² (2μ_r/ħ²)^{3/2} √(E - E_r), with the gap E_r and the reduced mass μ_r in region
r (H. Weyl, Math. Ann. 71, 441 (1912), doi:10.1007/BF01456804, for each carrier; overlaps select equal momenta). It
includes a single hole band, as the levels do, and neglects the attraction of continuum states.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from qdmol.arrays import Floats
from qdmol.optics.limit import EdgeLimit
from qdmol.optics.values import BulkRegion, MoleculeLight, direction_mean
from qdmol.units import HBAR2_OVER_2M0

# Photon energy (eV) up to which there are lines; beyond 4.3 eV only so that broadened ones are complete there.
HIGHEST: Final = 4.7
# Photon energy (eV) at which absorption ends.
TOP: Final = 4.3
# End of the excitons, eV above the lowest; end of the pairs, eV below the first that may be missing.
EDGE_ENDS: Final = 0.45
PAIRS_END: Final = 0.12
# Half width (eV) of the step between two ranges.
SOFT: Final = 0.06
# Distance (eV) of the lines that represent a density of states.
STEP: Final = 0.01


def bulk_density(region: BulkRegion, energy: Floats) -> Floats:
    """Moment per energy (n, D, J) of a region at energies (n,) above the band gap, without spin."""
    height = np.maximum(energy - region.gap, 0.0)
    density = (region.mass / HBAR2_OVER_2M0) ** 1.5 * np.sqrt(height) / (4 * math.pi**2)
    return np.asarray(density[:, None, None] * region.volume[:, None] * region.moment)


@dataclass(frozen=True, slots=True)
class Range:
    """A range of photon energies from `low` to `high` (eV) with the errors of its lines.

    `excess` is the relative surplus of strength below its lower end over that of the range below; for excitons it is
    the part that the limit of a complete basis adds. `energy_error` is in eV, None for a density of states.
    """

    name: str
    low: float
    high: float
    excess: float
    energy_error: float | None

    @property
    def strength_error(self) -> float:
        """Relative error of every strength."""
        return abs(self.excess)


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines at photon energies `energy` (n,) in eV with moments (n, D, J) along `directions`, and the ranges they are
    in.

    `directions` are the names of the J directions of polarisation with the number of axes of each.
    """

    energy: Floats
    moment: Floats
    directions: Mapping[str, int]
    ranges: tuple[Range, ...] = ()

    @property
    def strength(self) -> Floats:
        """Oscillator strength (n, D), mean over directions: f = 2/E · mean_j M_j, two of four pairs of spins."""
        return np.asarray(2 * direction_mean(self.moment, self.directions) / self.energy[:, None])


def absorption_lines(light: MoleculeLight, limit: EdgeLimit, *, exchange: float = 0.0) -> Lines:
    """Lines of one molecule; `exchange` (eV nm³) times the contact density raises the energy of bright excitons."""
    gap, edge, pairs = light.band_gap, limit.levels, light.pairs
    if exchange:
        edge = replace(edge, energy=edge.energy + exchange * np.nan_to_num(edge.contact))
    first = float(edge.energy.min())
    start, end = first + EDGE_ENDS, pairs.complete - light.binding - PAIRS_END
    end = max(end, start + SOFT)
    bulk_energy = np.arange(STEP / 2, HIGHEST - gap, STEP)
    bulk = STEP * sum((bulk_density(region, bulk_energy) for region in light.regions), np.zeros((1, 1, 1)))
    pair_energy = pairs.energy - light.binding
    bright = np.any(edge.moment != 0, axis=(1, 2))
    parts = (
        (edge.energy[bright], edge.moment[bright] * _below(edge.energy[bright], start)),
        (pair_energy, pairs.moment * (_below(pair_energy, end) - _below(pair_energy, start))),
        (bulk_energy, bulk * (1 - _below(bulk_energy, end))),
    )
    energy, moment = (np.concatenate(column) for column in zip(*parts, strict=True))
    ranges = _ranges(light, limit, (start, end), (parts[0], (pair_energy, pairs.moment), (bulk_energy, bulk)))
    return Lines(gap + energy, moment, light.directions, ranges)


def _below(energy: Floats, step: float) -> Floats:
    """Soft step (n, 1, 1) from 1 well below an energy to 0 well above."""
    scaled = (energy - step) / (SOFT * math.sqrt(2))
    # Not SciPy's: it takes longer to load than a stored spectrum to assemble.
    return np.array([math.erfc(value) / 2 for value in scaled.tolist()]).reshape(-1, 1, 1)


Part = tuple[Floats, Floats]


def _ranges(
    light: MoleculeLight, limit: EdgeLimit, steps: tuple[float, float], parts: tuple[Part, Part, Part]
) -> tuple[Range, ...]:
    """Ranges of excitons, pairs and bulk; `steps` (eV) between them, `parts` their energies and moments."""
    gap = light.band_gap
    edge = (limit.levels.energy, limit.levels.moment)
    _, pairs, bulk = parts
    start, end = steps
    low = limit.levels.energy <= start
    weight = limit.levels.moment.sum(axis=(1, 2))[low]
    energy_error = float(weight @ limit.error[low] / weight.sum()) if weight.sum() > 0 else float(limit.error[0])
    return (
        Range("excitons", gap + float(edge[0].min()), gap + start, limit.strength_error, energy_error),
        Range("pairs", gap + start, gap + end, _excess(pairs, edge, start), light.binding / 2 + light.pairs.error),
        Range("bulk", gap + end, TOP, _excess(bulk, pairs, end), None),
    )


def _excess(upper: Part, lower: Part, step: float) -> float:
    """Relative surplus of the upper part over the lower one below the step between them."""
    of_upper, of_lower = (float((moment * _below(energy, step)).sum()) for energy, moment in (upper, lower))
    return of_upper / of_lower - 1 if of_lower > 0 else math.inf
