"""All lines of a molecule from the band edge up, each part where it holds, and what the parts disagree by.

From the edge excitons by configuration interaction; above them independent pairs, lowered by the lowest exciton's
binding; above those the density of states of bulk, region by region. A seam between two parts is a soft step, so that
spectra of neighbouring shapes are neighbours. At each seam both sides know the strength of everything below it: what
they differ by is the error of the upper one.

Far above the edge: the density of states of bulk, region by region.

The strength of all pairs of levels per energy tends, averaged over many levels, to that of plane waves of equal
momentum in every region: Σ_r V_r / 4π² (2μ_r/ħ²)^{3/2} √(E - E_r), E_r the gap and μ_r the reduced mass in region r
(H. Weyl, Math. Ann. 71, 441 (1912), doi:10.1007/BF01456804, for each carrier; equal momenta are what overlaps leave).
It knows of one hole band, as the levels do: neither of the other two nor of the attraction of continuum states.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from qdmol.arrays import Floats
from qdmol.optics.limit import EdgeLimit
from qdmol.optics.values import BulkRegion, MoleculeLight
from qdmol.units import HBAR2_OVER_2M0


def bulk_density(region: BulkRegion, energy: Floats) -> Floats:
    """Moment per energy (n, D, 2) of a region at energies (n,) above the band gap, without spin."""
    height = np.maximum(energy - region.gap, 0.0)
    density = (region.mass / HBAR2_OVER_2M0) ** 1.5 * np.sqrt(height) / (4 * math.pi**2)
    return np.asarray(density[:, None, None] * region.volume[:, None] * region.moment)


# Photon energy (eV) up to which there are lines; beyond 4.3 eV only so that broadened ones are whole there.
HIGHEST = 4.7
# Photon energy (eV) at which absorption ends.
TOP = 4.3
# Where excitons end, eV above the lowest; where pairs end, eV below the first that may be missing.
EDGE_ENDS = 0.45
PAIRS_END = 0.12
# Half width (eV) of a seam.
SOFT = 0.06
# Distance (eV) of the lines that stand for a density.
STEP = 0.01


@dataclass(frozen=True, slots=True)
class Range:
    """A part of the spectrum: from where to where (photon energy, eV), and how wrong its lines may be.

    `excess` is by what part it has more strength below its seam than the range under it knows there; of excitons,
    what the limit of the basis adds. `energy_error` in eV, None where the density has no levels.
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
    """Lines of photon `energy` (n,) in eV and `moment` (n, D, 2) in eV, spins still to be counted."""

    energy: Floats
    moment: Floats
    ranges: tuple[Range, ...] = ()

    @property
    def strength(self) -> Floats:
        """Oscillator strength (n, D), mean over directions: f = 2/E · mean_j M_j, two of four pairs of spins."""
        return np.asarray(2 * direction_mean(self.moment) / self.energy[:, None])


def direction_mean(moment: Floats) -> Floats:
    """Mean over all directions of light of moments (..., 2) across and along the axis."""
    return np.asarray((2 * moment[..., 0] + moment[..., 1]) / 3)


def absorption_lines(light: MoleculeLight, limit: EdgeLimit, *, exchange: float = 0.0) -> Lines:
    """The lines of one molecule; `exchange` (eV nm³) times their contact density is added to bright excitons."""
    gap, edge, pairs = light.band_gap, limit.levels, light.pairs
    if exchange:
        edge = replace(edge, energy=edge.energy + exchange * np.nan_to_num(edge.contact))
    first = float(edge.energy.min())
    seam, end = first + EDGE_ENDS, pairs.complete - light.binding - PAIRS_END
    end = max(end, seam + SOFT)
    bulk_energy = np.arange(STEP / 2, HIGHEST - gap, STEP)
    bulk = STEP * sum((bulk_density(region, bulk_energy) for region in light.regions), np.zeros((1, 1, 1)))
    pair_energy = pairs.energy - light.binding
    bright = np.any(edge.moment != 0, axis=(1, 2))
    parts = (
        (edge.energy[bright], edge.moment[bright] * _below(edge.energy[bright], seam)),
        (pair_energy, pairs.moment * (_below(pair_energy, end) - _below(pair_energy, seam))),
        (bulk_energy, bulk * (1 - _below(bulk_energy, end))),
    )
    energy, moment = (np.concatenate(column) for column in zip(*parts, strict=True))
    ranges = _ranges(light, limit, (seam, end), (parts[0], (pair_energy, pairs.moment), (bulk_energy, bulk)))
    return Lines(gap + energy, moment, ranges)


def _below(energy: Floats, seam: float) -> Floats:
    """1 well below a seam, 0 well above (n, 1, 1)."""
    scaled = (energy - seam) / (SOFT * math.sqrt(2))
    # Not SciPy's: it takes longer to load than a stored spectrum to assemble.
    return np.array([math.erfc(one) / 2 for one in scaled.tolist()]).reshape(-1, 1, 1)


Part = tuple[Floats, Floats]


def _ranges(
    light: MoleculeLight, limit: EdgeLimit, seams: tuple[float, float], parts: tuple[Part, Part, Part]
) -> tuple[Range, ...]:
    gap = light.band_gap
    edge = (limit.levels.energy, limit.levels.moment)
    _, pairs, bulk = parts
    seam, end = seams
    low = limit.levels.energy <= seam
    weight = limit.levels.moment.sum(axis=(1, 2))[low]
    energy_error = float(weight @ limit.error[low] / weight.sum()) if weight.sum() > 0 else float(limit.error[0])
    return (
        Range("excitons", gap + float(edge[0].min()), gap + seam, limit.strength_error, energy_error),
        Range("pairs", gap + seam, gap + end, _difference(pairs, edge, seam), light.binding / 2 + light.pairs.error),
        Range("bulk", gap + end, TOP, _difference(bulk, pairs, end), None),
    )


def _difference(upper: Part, lower: Part, seam: float) -> float:
    """Relative difference of what both parts have below a seam."""
    mine, theirs = (float((moment * _below(energy, seam)).sum()) for energy, moment in (upper, lower))
    return mine / theirs - 1 if theirs > 0 else math.inf
