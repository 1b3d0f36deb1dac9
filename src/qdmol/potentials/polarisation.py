"""Self-polarisation: what a carrier feels of the charges it induces itself on interfaces.

    V(x) = (e²/2) lim_{x' -> x} [G(x, x') - 1/(4π ε0 ε(x) |x - x'|)] = (e²/4πε0) / (2 ε(x)) ∫ σ_x(y) / |x - y| dS,

σ_x the surface charge with which the interfaces answer the potential 1/|x - y| (Brus, J. Chem. Phys. 79, 5566 (1983),
doi:10.1063/1.445676). It is the same for electrons and holes. At a sharp interface it diverges as 1/distance, which no
envelope that leaks through survives. Here an interface has a width w: charge and interface feel each other through
1/√(R² + a²) with a = w/2, as if the polarisation charge were smeared over that depth.
Beside a plane this is the image potential

    V(d) = (e²/4πε0) δ/(4 ε) d / (d² + a²),   δ = (ε - ε') / (ε + ε'),

with extremes w/2 to either side, zero at the interface, and the sharp one from some w away on. Interfaces act on each
other unsoftened. One dot, a sphere of concentric layers, is solved by an exact series, everything else by boundary
integrals about the axis (:mod:`qdmol.potentials.boundary`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qdmol.arrays import Floats
from qdmol.fem import Assembler, Block, Coefficient
from qdmol.potentials.boundary import BoundaryResponse
from qdmol.potentials.regions import permittivity, screened
from qdmol.potentials.surfaces import interfaces
from qdmol.structure import MEDIUM, AxialMolecule
from qdmol.units import COULOMB_EV_NM

SMALLEST_TERM = 1e-9
MULTIPOLE_LIMITS = (8, 4000)


def sphere_potential(
    radius: Floats, interfaces: Sequence[float], contrasts: Sequence[float], *, softness: float
) -> Floats:
    """Potential (1/nm) of the interfaces' charges of a unit charge at distances (P,) from the centre, taken there.

    Multipole by multipole; on a sphere of radius R the softened potential has the generating function of
    the Legendre polynomials, 1/√(r² + R² + a² - 2 r R x) = Σ_l v^l / u^{l+1} P_l(x), u² + v² = r² + R² + a², u v = r R.

    Parameters
    ----------
    radius
        Distances (nm) of the charge from the centre.
    interfaces
        Radii (nm) of the interfaces.
    contrasts
        (ε_inside - ε_outside) / (ε_inside + ε_outside) of each.
    softness
        The length a (nm); 0 is the sharp interface, whose potential diverges at it.
    """
    R = np.asarray(interfaces, dtype=np.float64)[:, None]
    strength = np.asarray(contrasts, dtype=np.float64)
    total = np.zeros(len(radius))
    if not len(R):
        return total
    square = radius**2 + R**2 + softness**2
    u = np.sqrt((square + np.sqrt(np.maximum(square**2 - 4 * (radius * R) ** 2, 0.0))) / 2)
    v = radius * R / u
    du = (u * R - v * radius) / (u**2 - v**2)
    ratio = v / u
    orders = int(
        np.clip(math.log(SMALLEST_TERM) / (2 * math.log(min(float(ratio.max()), 1 - 1e-9))), *MULTIPOLE_LIMITS)
    )
    value = 1 / u
    for l in range(orders):  # noqa: E741 - the field's letter
        slope = value * (l / R - (2 * l + 1) * du / u)
        charge = np.linalg.solve(_system(l, R[:, 0], strength), -strength[:, None] / (2 * math.pi) * slope)
        total += np.sum(4 * math.pi * R**2 / (2 * l + 1) * charge * value, axis=0)
        value = value * ratio
    return total


def _system(l: int, R: Floats, strength: Floats) -> Floats:  # noqa: E741
    """1 + (δ/2π) ∂_n of the potential of the surface charges P_l, one for each interface: (K, K)."""
    at, source = R[:, None], R[None, :]
    inside = 4 * math.pi * l / (2 * l + 1) * np.minimum(at / source, 1.0) ** (l - 1)
    outside = -4 * math.pi * (l + 1) / (2 * l + 1) * np.minimum(source / at, 1.0) ** (l + 2)
    own = -2 * math.pi / (2 * l + 1)
    slope = np.where(at < source, inside, np.where(at > source, outside, own))
    return np.eye(len(R)) + strength[:, None] / (2 * math.pi) * slope


# Elements smaller than this part of the width have the potential fitted to FITTED_POINTS of their points.
SMALL_ELEMENT, FITTED_POINTS = 0.1, 8
# The rule that checks the integrals: of higher order where the potential is a series, of lower order, and with fewer
# points on the panels, where it takes boundary integrals. These differ from the solver's by more than the solver's from
# the exact ones, so that part of the difference is the error.
FINER_RULE, COARSER_RULE = 8, -2
# Two Gauss points more on every panel divide the error by 6 or more.
COARSER_SHARE = 0.15
# Fewest Gauss points of a panel in a solve; their number grows with the degree of the shape functions.
MIN_NODES = 6


@dataclass(frozen=True, slots=True)
class PolarisationSettings:
    """Gauss points of a panel; its longest and shortest length over the width of the interface; closed gaps (nm)."""

    nodes: int = 8
    longest: float = 2.0
    shortest: float = 0.25
    closed_gap: float = 4e-3


# Density (1/nm³, without the factor 2π) of a carrier at the quadrature points of an assembler.
Density = Callable[[Assembler], Coefficient]


@dataclass(frozen=True)
class Polarised:
    """Self-polarisation energy (eV) at the quadrature points of `assembler`, and again at those of another rule.

    `other_energy` is from an independent solution where the potential is not a series, and `share` the part of the
    difference between the two that counts as error.
    """

    source: SelfPolarisation
    assembler: Assembler
    energy: Coefficient
    other: Assembler
    other_energy: Coefficient
    share: float

    def error(self, density: Density) -> float:
        """Error (eV) of a level: the differences of its energy in every element between both rules, added up."""
        return float(np.abs(self._differences(density)).sum())

    def difference_error(self, low: Density, high: Density) -> float:
        """Error (eV) of the difference of two levels, smaller where both have the same density."""
        return float(np.abs(self._differences(high) - self._differences(low)).sum())

    def _differences(self, density: Density) -> Floats:
        """Energy (eV) in each element (E,) by one rule less that by the other, the part that is error."""
        energies = _by_element(self.assembler, self.energy, density)
        return self.share * (_by_element(self.other, self.other_energy, density) - energies)


@dataclass(frozen=True)
class SelfPolarisation:
    """The self-polarisation of one molecule; what depends on the shape only is computed once."""

    molecule: AxialMolecule
    width: float
    settings: PolarisationSettings = PolarisationSettings()
    _by_nodes: dict[int, SelfPolarisation] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, molecule: AxialMolecule) -> SelfPolarisation | None:
        """Self-polarisation of the molecule, or None if it is disabled or vanishes."""
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

    def potential(self, positions: Floats) -> Floats:
        """Potential (1/nm) of the polarisation charge of a unit charge, taken where the charge is: (P,) for positions
        (P, 3).
        """
        if not screened(self.molecule):
            return np.zeros(len(positions))
        if self.exact:
            dot = self.molecule.dots[0]
            names = [*(layer.material for layer in dot.layers), MEDIUM]
            values = np.array([self.molecule.parameters[name].permittivity for name in names])
            contrasts = (values[:-1] - values[1:]) / (values[:-1] + values[1:])
            radii = [layer.radius for layer in dot.layers]
            return sphere_potential(dot.distance(positions), radii, list(contrasts), softness=self.width / 2)
        return self._response.own_potential(np.hypot(positions[:, 0], positions[:, 1]), positions[:, 2])

    def on(self, assembler: Assembler) -> Polarised:
        """The energy (eV) of a carrier at the quadrature points, with what its error follows from."""
        elements = assembler.elements
        if self.exact:
            reference = Assembler(elements.with_extra_order(FINER_RULE), assembler.regions)
            return Polarised(self, assembler, self.energy(assembler), reference, self.energy(reference), 1.0)
        reference = Assembler(elements.with_extra_order(COARSER_RULE), assembler.regions)
        nodes = max(2 * elements.degree - 4, MIN_NODES)
        fine, coarse = self._with_nodes(nodes), self._with_nodes(nodes - 2)
        return Polarised(fine, assembler, fine.energy(assembler), reference, coarse.energy(reference), COARSER_SHARE)

    def energy(self, assembler: Assembler) -> Coefficient:
        """Energy (eV) of a carrier at the quadrature points of an assembler."""
        values = permittivity(assembler, self.molecule)
        return [
            COULOMB_EV_NM / (2 * value) * part for part, value in zip(self._everywhere(assembler), values, strict=True)
        ]

    def _everywhere(self, assembler: Assembler) -> Coefficient:
        """Potential at all quadrature points; in elements far smaller than the interface's width a linear fit."""
        blocks = assembler.blocks
        small = [np.ptp(block.points, axis=1).max(axis=-1) < SMALL_ELEMENT * self.width for block in blocks]
        masks = []
        for block, tiny in zip(blocks, small, strict=True):
            mask = np.ones(block.measure.shape, dtype=np.bool_)
            mask[tiny] = False
            mask[np.ix_(tiny, _spread(block))] = True
            masks.append(mask)
        points = np.concatenate([block.points[mask] for block, mask in zip(blocks, masks, strict=True)])
        computed = self.potential(assembler.symmetry.images[0].place(points))
        parts = np.split(computed, np.cumsum([np.count_nonzero(mask) for mask in masks])[:-1])
        values = []
        for block, tiny, mask, part in zip(blocks, small, masks, parts, strict=True):
            value = np.empty(block.measure.shape)
            value[mask] = part
            for e in np.flatnonzero(tiny):
                value[e] = _fitted(block.points[e], value[e], _spread(block))
            values.append(value)
        return values

    def _with_nodes(self, nodes: int) -> SelfPolarisation:
        """The same with other Gauss points on the panels; kept, since its matrices serve every mesh."""
        if nodes not in self._by_nodes:
            self._by_nodes[nodes] = replace(self, settings=replace(self.settings, nodes=nodes), _by_nodes={})
        return self._by_nodes[nodes]


def _spread(block: Block) -> NDArray[np.intp]:
    """A few of an element's quadrature points."""
    count = block.measure.shape[1]
    return np.unique(np.linspace(0, count - 1, min(FITTED_POINTS, count)).round().astype(np.intp))


def _fitted(points: Floats, value: Floats, known: NDArray[np.intp]) -> Floats:
    """Values (Q,) at points (Q, d) of the linear function that fits the known ones best."""
    size = np.ptp(points, axis=0).max()
    plane = np.concatenate([np.ones((len(points), 1)), (points - points[0]) / size], axis=1)
    return np.asarray(plane @ np.linalg.lstsq(plane[known], value[known], rcond=None)[0])


def _by_element(assembler: Assembler, energy: Coefficient, density: Density) -> Floats:
    """∫ V n (E,) over each element."""
    terms = zip(assembler.blocks, energy, density(assembler), strict=True)
    return np.concatenate([(block.measure * v * n).sum(axis=1) for block, v, n in terms])
