"""Curves of single molecules under given conditions, dot by dot, and their mean over particles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from qdmol.arrays import Floats
from qdmol.optics import (
    EdgeLimit,
    Emitters,
    Lines,
    MoleculeLight,
    absorption_lines,
    cross_section,
    edge_limit,
    emission,
    emitters,
)
from qdmol.prediction.measures import EDGE_REACH, EXCITATION_EV, value_at
from qdmol.prediction.values import Conditions, Curves


@dataclass(frozen=True, eq=False)
class Prepared:
    """Lines and thermal emitters of a molecule under given conditions."""

    light: MoleculeLight
    limit: EdgeLimit
    lines: Lines
    emitters: Emitters


def prepare_light(light: MoleculeLight, conditions: Conditions) -> Prepared:
    """Compute lines and thermal emitters of a molecule."""
    light = replace(light, band_gap=light.band_gap + conditions.shift)
    edge = light.edge if conditions.extrapolated else light.edge[-1:]
    growth = conditions.growth[len(light.edge) - 1] if conditions.extrapolated else 1.0
    limit = edge_limit(edge, numerical=light.numerical, growth=growth)
    lines = absorption_lines(light, limit, exchange=conditions.exchange or 0.0)
    return Prepared(light, limit, lines, _emitters(light, limit, conditions))


def _emitters(light: MoleculeLight, limit: EdgeLimit, conditions: Conditions) -> Emitters:
    return emitters(
        light,
        limit,
        temperature=conditions.temperature,
        broadening=conditions.broadening,
        exchange=conditions.exchange,
    )


def without_local_field(prepared: Prepared, conditions: Conditions) -> tuple[float, float]:
    """Strength of the band edge (eV) and radiative lifetime (ns) with the same field of light everywhere."""
    limit = prepared.limit
    moment = np.repeat(limit.levels.bare[:, :, None], len(prepared.light.directions), axis=2)
    bare = replace(limit, levels=replace(limit.levels, moment=moment))
    low = bare.levels.energy <= bare.levels.energy[0] + EDGE_REACH
    return float(bare.levels.bare[low].sum()), _emitters(prepared.light, bare, conditions).lifetime


def dot_curves(prepared: Prepared, grid: Floats, conditions: Conditions) -> tuple[Floats, Floats]:
    """Absorption (n, D) in nm² and emission (n, D) in 1/(eV ns) at photon energies (n,) in eV."""
    absorbed = cross_section(prepared.lines, grid, conditions.broadening, index=prepared.light.index)
    return absorbed, emission(prepared.emitters, grid, conditions.broadening)


@dataclass(frozen=True, eq=False)
class ParticleSums:
    """Sums over particles: their weight and absorption (n,), and the excited ones with emission (n,) and lifetime."""

    weight: float
    absorption: Floats
    excited: float
    emission: Floats
    lifetime: float

    def mean(self, grid: Floats) -> Curves:
        """Curves per particle."""
        return Curves(grid, self.absorption / self.weight, self.emission / self.excited, self.lifetime / self.excited)


def particle_sums(
    grid: Floats,
    absorption: Sequence[Floats] | Floats,
    emitted: Sequence[Floats] | Floats,
    weight: Floats | None = None,
) -> ParticleSums:
    """Sums over particles of absorption (p, n) in nm² and emission (p, n) in 1/(eV ns), with weights (p,) of 1 by
    default.

    A particle emits as often as it absorbs at 300 nm, with the same quantum yield for all.
    """
    absorption, emitted = np.asarray(absorption).reshape(-1, len(grid)), np.asarray(emitted).reshape(-1, len(grid))
    weight = np.ones(len(absorption)) if weight is None else weight
    excited = weight * np.array([value_at(grid, curve, EXCITATION_EV) for curve in absorption])
    # The emission vanishes at both ends of the even grid.
    rate = emitted.sum(axis=1) * (grid[1] - grid[0])
    return ParticleSums(
        weight=float(weight.sum()),
        absorption=weight @ absorption,
        excited=float(excited.sum()),
        emission=(excited / rate) @ emitted,
        lifetime=float(excited @ (1 / rate)),
    )


def total_sums(sums: Sequence[ParticleSums]) -> ParticleSums:
    """Add up sums over particles."""
    return ParticleSums(*(sum(getattr(part, field.name) for part in sums) for field in fields(ParticleSums)))


def mean_curves(
    grid: Floats, absorption: Sequence[Floats], emitted: Sequence[Floats], weight: Floats | None = None
) -> Curves:
    """Mean over particles, as in `particle_sums`."""
    return particle_sums(grid, absorption, emitted, weight).mean(grid)
