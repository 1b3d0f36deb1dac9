"""From the light of single molecules to curves under given conditions, dot by dot, and to the mean over particles."""

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
    """A molecule's lines and emitters under given conditions."""

    light: MoleculeLight
    limit: EdgeLimit
    lines: Lines
    emitters: Emitters


def prepare_light(light: MoleculeLight, conditions: Conditions) -> Prepared:
    """Lines and thermal emitters of a molecule."""
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
    """Strength of the band edge (eV) and radiative lifetime (ns) as if light's field were the same everywhere."""
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
    """Sums over particles: how many, their absorption (n,), what is excited, and of each excited one's emission."""

    weight: float
    absorption: Floats
    excited: float
    emission: Floats
    lifetime: float

    def mean(self, grid: Floats) -> Curves:
        """The spectrum per particle."""
        return Curves(grid, self.absorption / self.weight, self.emission / self.excited, self.lifetime / self.excited)


def particle_sums(
    grid: Floats,
    absorption: Sequence[Floats] | Floats,
    emitted: Sequence[Floats] | Floats,
    weight: Floats | None = None,
) -> ParticleSums:
    """Sums over particles of absorption (p, n) in nm² and emission (p, n) in 1/(eV ns); weights (p,) are 1 if none.

    A particle emits as often as it absorbs at 300 nm, with a quantum yield that is the same for all.
    """
    absorption, emitted = np.asarray(absorption).reshape(-1, len(grid)), np.asarray(emitted).reshape(-1, len(grid))
    weight = np.ones(len(absorption)) if weight is None else weight
    excited = weight * np.array([value_at(grid, one, EXCITATION_EV) for one in absorption])
    # The emission falls to nothing at both ends of an even grid.
    rate = emitted.sum(axis=1) * (grid[1] - grid[0])
    return ParticleSums(
        float(weight.sum()), weight @ absorption, float(excited.sum()), (excited / rate) @ emitted,
        float(excited @ (1 / rate)),
    )  # fmt: skip


def total_sums(sums: Sequence[ParticleSums]) -> ParticleSums:
    """The sums over the particles of all."""
    return ParticleSums(*(sum(getattr(one, field.name) for one in sums) for field in fields(ParticleSums)))


def mean_curves(
    grid: Floats, absorption: Sequence[Floats], emitted: Sequence[Floats], weight: Floats | None = None
) -> Curves:
    """The mean over particles, as of `particle_sums`."""
    return particle_sums(grid, absorption, emitted, weight).mean(grid)
