"""Self-polarisation: what a carrier feels of the charges it induces itself on interfaces.

    V(x) = (e²/2) lim_{x' -> x} [G(x, x') - 1/(4π ε0 ε(x) |x - x'|)] = (e²/4πε0) / (2 ε(x)) ∫ σ_x(y) / |x - y| dS,

σ_x the surface charge with which the interfaces answer the potential 1/|x - y| (Brus, J. Chem. Phys. 79, 5566 (1983),
doi:10.1063/1.445676). It is the same for electrons and holes. At a sharp interface it diverges as 1/distance, which no
envelope that leaks through survives. Here an interface has a width w: charge and interface feel each other through
1/√(R² + a²) with a = w/2, as if the polarisation charge were smeared over that depth.
Beside a plane this is the image potential

    V(d) = (e²/4πε0) δ/(4 ε) d / (d² + a²),   δ = (ε - ε') / (ε + ε'),

with extremes w/2 to either side, zero at the interface, and the sharp one from some w away on. Interfaces act on each
other unsoftened. One dot is solved by an exact series, everything else by boundary integrals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qdmol.landscape.boundary import BoundaryResponse
from qdmol.landscape.polarised_sphere import sphere_potential
from qdmol.landscape.regions import permittivity, screened
from qdmol.landscape.surfaces import interfaces
from qdmol.mesh import MEDIUM, Assembler, Block, Coefficient
from qdmol.structure import AxialMolecule
from qdmol.units import COULOMB_EV_NM

__all__ = ["PolarisationSettings", "Polarised", "SelfPolarisation"]

Floats = NDArray[np.float64]

# Points at which the error is measured. Two Gauss points more on every panel divide it by 6 or more.
SAMPLE = 200
ERROR_SHARE = 0.5
# Elements smaller than this part of the width have the potential fitted to FIT of their points.
SMALL, FIT = 0.1, 8
# Error of a level (eV, times the width in nm) from integrals over elements wider than the interface. Measured at degree
# 5 against finer rules: at most 5e-7, 3e-7, 4e-8 and 2e-8 for widths of 0.1, 0.2, 0.3 and 0.5 nm.
QUADRATURE = 6e-7


@dataclass(frozen=True, slots=True)
class PolarisationSettings:
    """Gauss points of a panel; its longest and shortest length over the width of the interface; closed gaps (nm)."""

    nodes: int = 8
    longest: float = 2.0
    shortest: float = 0.25
    closed_gap: float = 4e-3


@dataclass(frozen=True, slots=True)
class Polarised:
    """Self-polarisation energy (eV) at quadrature points, what its error may do to a level (eV), and whose it is."""

    energy: Coefficient
    error: float
    source: SelfPolarisation


@dataclass(frozen=True)
class SelfPolarisation:
    """The self-polarisation of one molecule; what depends on the shape only is computed once."""

    molecule: AxialMolecule
    width: float
    settings: PolarisationSettings = PolarisationSettings()

    @classmethod
    def of(cls, molecule: AxialMolecule) -> SelfPolarisation | None:
        """That of a molecule; None where it is left out or there is none."""
        if molecule.interface_width is None or not screened(molecule):
            return None
        return cls(molecule, molecule.interface_width)

    @property
    def exact(self) -> bool:
        """Whether the molecule is a sphere, and the answer a series."""
        return len(self.molecule.dots) == 1

    @cached_property
    def _response(self) -> BoundaryResponse:
        settings = self.settings
        surface = interfaces(
            self.molecule,
            closed_gap=settings.closed_gap,
            nodes=settings.nodes,
            longest=settings.longest * self.width,
            shortest=settings.shortest * self.width,
        )
        return BoundaryResponse(surface, self.width / 2)

    def potential(self, r: Floats, z: Floats) -> Floats:
        """Potential (1/nm) of the polarisation charge of a unit charge at (r, z), taken there: (P,) for points (P,)."""
        if not screened(self.molecule):
            return np.zeros(len(r))
        if self.exact:
            dot = self.molecule.dots[0]
            names = [*(layer.material for layer in dot.layers), "medium"]
            values = np.array([self.molecule.parameters[name].permittivity for name in names])
            contrasts = (values[:-1] - values[1:]) / (values[:-1] + values[1:])
            radii = [layer.radius for layer in dot.layers]
            return sphere_potential(np.hypot(r, z - dot.z), radii, list(contrasts), softness=self.width / 2)
        return self._response.own_potential(r, z)

    def on(self, assembler: Assembler) -> Polarised:
        """The energy (eV) of a carrier at the quadrature points, with its error.

        The error is ERROR_SHARE of the mean difference from a solution with fewer Gauss points, over a sample of
        points inside the molecule.
        """
        blocks = assembler.blocks
        r, z, scale = (
            np.concatenate([np.ravel(part) for part in parts])
            for parts in (
                [b.r for b in blocks],
                [b.z for b in blocks],
                [COULOMB_EV_NM / (2 * value) for value in permittivity(assembler, self.molecule)],
            )
        )
        found = self._everywhere(blocks)
        error = QUADRATURE / self.width
        if not self.exact:
            weight = np.concatenate([np.ravel(b.weight * b.r * _inside(b, assembler)) for b in blocks])
            sample = self._sample(r, z, weight)
            off = scale[sample] * np.abs(self._coarser.potential(r[sample], z[sample]) - found[sample])
            error += ERROR_SHARE * float(np.average(off, weights=weight[sample]))
        parts = np.split(scale * found, np.cumsum([b.r.size for b in blocks])[:-1])
        return Polarised([part.reshape(b.r.shape) for part, b in zip(parts, blocks, strict=True)], error, self)

    def _everywhere(self, blocks: Sequence[Block]) -> Floats:
        """Potential at all quadrature points (P,); in elements far smaller than the interface's width a linear fit."""
        small = [np.maximum(np.ptp(b.r, axis=1), np.ptp(b.z, axis=1)) < SMALL * self.width for b in blocks]
        asked = []
        for block, tiny in zip(blocks, small, strict=True):
            mask = np.ones(block.r.shape, dtype=np.bool_)
            mask[tiny] = False
            mask[np.ix_(tiny, _spread(block))] = True
            asked.append(mask)
        r, z = (np.concatenate([getattr(b, x)[mask] for b, mask in zip(blocks, asked, strict=True)]) for x in "rz")
        found = self.potential(r, z)
        parts = np.split(found, np.cumsum([np.count_nonzero(mask) for mask in asked])[:-1])
        values = []
        for block, tiny, mask, part in zip(blocks, small, asked, parts, strict=True):
            value = np.empty(block.r.shape)
            value[mask] = part
            for e in np.flatnonzero(tiny):
                value[e] = _fitted(block.r[e], block.z[e], value[e], _spread(block))
            values.append(value.ravel())
        return np.concatenate(values)

    def _sample(self, r: Floats, z: Floats, weight: Floats) -> NDArray[np.intp]:
        """Some of the points with a weight; none so near to an interface that it needs the highest m."""
        sample = np.flatnonzero(weight)[:: max(1, np.count_nonzero(weight) // SAMPLE)]
        octaves = self._response.octaves(r[sample], self._response.surface.nearest(r[sample], z[sample])[0])
        return np.asarray(sample[octaves < max(int(octaves.max()), 1)])

    @cached_property
    def _coarser(self) -> SelfPolarisation:
        return replace(self, settings=replace(self.settings, nodes=self.settings.nodes - 2))


def _spread(block: Block) -> NDArray[np.intp]:
    """A few of an element's quadrature points."""
    count = block.r.shape[1]
    return np.unique(np.linspace(0, count - 1, min(FIT, count)).round().astype(np.intp))


def _fitted(r: Floats, z: Floats, value: Floats, known: NDArray[np.intp]) -> Floats:
    """Values (Q,) of the linear function that fits those known best."""
    size = max(float(np.ptp(r)), float(np.ptp(z)))
    plane = np.stack([np.ones_like(r), (r - r[0]) / size, (z - z[0]) / size], axis=1)
    return np.asarray(plane @ np.linalg.lstsq(plane[known], value[known], rcond=None)[0])


def _inside(block: Block, assembler: Assembler) -> NDArray[np.bool_]:
    """Which elements (E, 1) of a block are not of the medium."""
    outside = np.array([name.startswith(MEDIUM) for name in assembler.elements.regions])
    return ~outside[block.region][:, None]
