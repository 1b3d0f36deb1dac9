"""Poisson's equation with permittivity by region, open to infinity.

∇·(ε ∇φ) = -4π (e²/4πε0) n, φ in eV for a unit charge, n in 1/nm³. The outer boundary is a sphere about the origin
in a uniform medium; there every multipole l of the solution continues as R^-(l+1), so that its radial derivative is
-(l+1)/R times its value (the exact Dirichlet-to-Neumann map: Keller and Givoli, J. Comput. Phys. 82, 172 (1989),
doi:10.1016/0021-9991(89)90041-7). The MULTIPOLES above the lowest are matched exactly and all higher ones as if they
were the next: no error of the box is left, however tight it stands.

A density in one sector of the symmetry has its potential in the same sector, so that each is solved by itself. A
function on the whole molecule is given by its values on every image of the meshed part.

About an axis, a density f(r, z) e^{imφ} has a potential φ(r, z) e^{imφ}: the operator gains ε m²/r², φ vanishes on the
axis unless m = 0, and the multipoles are those of the associated Legendre functions P_l^m, l >= |m|. Only what stands
for the space outside the ball is written for an axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from qdmol.arrays import Floats, Indices
from qdmol.fem import Assembler, BoundaryBlock, Coefficient, Elements, Pattern, Sector, SphericalSymmetry, Symmetry
from qdmol.linalg import Factor, left_out
from qdmol.potentials.regions import permittivity
from qdmol.structure import MEDIUM, AxialMolecule
from qdmol.units import COULOMB_EV_NM

# One Coefficient for each image of the meshed part.
ImageDensity = Sequence[Coefficient]

MULTIPOLES = 12
# Unknowns of a mesh whose factors are not kept after a solve.
LARGE_MESH = 10_000
# Right sides solved at once: as many as stay in the fast memory.
COLUMNS = 64


@dataclass(frozen=True)
class _Rim:
    """Outer sphere about an axis, with its k unknowns and P points.

    `mass` (k, k) has the integrals of products of shape functions, `loads` (P, k) their values times `weight` (P,).
    """

    unknowns: Indices
    mass: Floats
    loads: Floats
    weight: Floats
    cosine: Floats
    radius: float

    @classmethod
    def of(cls, sphere: BoundaryBlock) -> _Rim:
        unknowns, place = np.unique(sphere.unknowns, return_inverse=True)
        points = sphere.points.reshape(-1, 2)
        distance = np.hypot(*points.T)
        # (E, Q, k): every point belongs to one element.
        values = np.zeros((*sphere.measure.shape, len(unknowns)))
        for element, places in enumerate(place.reshape(sphere.unknowns.shape)):
            values[element][:, places] = sphere.values[element]
        values = values.reshape(-1, len(unknowns))
        weight = sphere.measure.ravel()
        loads = values * weight[:, None]
        return cls(unknowns, values.T @ loads, loads, weight, points[:, 1] / distance, float(distance.mean()))


@dataclass(frozen=True)
class Poisson:
    """The potential of any charge in one molecule."""

    elements: Elements
    molecule: AxialMolecule
    _patterns: dict[tuple[str, ...], tuple[Indices, Pattern, Indices]] = field(default_factory=dict, repr=False)
    _factors: dict[Sector, tuple[Indices, Factor]] = field(default_factory=dict, repr=False)

    @property
    def symmetry(self) -> Symmetry:
        """Symmetry of the elements."""
        return self.elements.symmetry

    @cached_property
    def assembler(self) -> Assembler:
        """Assembler over all regions."""
        return Assembler(self.elements)

    @cached_property
    def _operator(self) -> Floats:
        return self.assembler.stiffness(permittivity(self.assembler, self.molecule))

    @cached_property
    def _angular(self) -> Floats:
        return self.assembler.angular(permittivity(self.assembler, self.molecule))

    def _factor(self, sector: Sector) -> tuple[Indices, Factor]:
        """Unknowns of one sector and the factors of its operator, kept."""
        if sector not in self._factors:
            conditions = self.symmetry.vanishing(sector)
            if conditions not in self._patterns:
                unknowns = np.flatnonzero(self.elements.allowed(conditions))
                self._patterns[conditions] = unknowns, *self.assembler.pattern.restrict(unknowns)
            unknowns, pattern, entries = self._patterns[conditions]
            turning = self.symmetry.angular_factor(sector)
            operator = self._operator + turning * self._angular if turning else self._operator
            matrix = (pattern.matrix(operator[entries]) + self._outside(sector, unknowns)).tocsc()
            self._factors[sector] = unknowns, Factor(matrix, ordered=True)
        return self._factors[sector]

    @property
    def _boundary(self) -> BoundaryBlock:
        sphere = self.elements.outer_boundary
        if sphere is None:
            message = "the potential needs a mesh with a ball around the molecule"
            raise ValueError(message)
        return sphere

    @cached_property
    def _rim(self) -> _Rim:
        return _Rim.of(self._boundary)

    def _outside(self, sector: Sector, unknowns: Indices) -> sp.csc_array:
        """Contribution of the space outside the ball to the operator of some unknowns."""
        if isinstance(self.symmetry, SphericalSymmetry):
            rim, dense = self._outside_sphere(sector)
        else:
            rim, dense = self._rim.unknowns, self._outside_axial(sector)
        number = np.full(self.elements.count, -1)
        number[unknowns] = np.arange(len(unknowns))
        there = np.flatnonzero(number[rim] >= 0)
        rows, columns = np.meshgrid(number[rim[there]], number[rim[there]], indexing="ij")
        entries = dense[np.ix_(there, there)].ravel(), (rows.ravel(), columns.ravel())
        return sp.csc_array(entries, shape=(len(unknowns), len(unknowns)))

    def _outside_axial(self, sector: Sector) -> Floats:
        """That contribution (k, k) of the unknowns on the sphere, about an axis: the same for m and -m."""
        rim = self._rim
        m, parity = abs(sector.numbers[0]), sector.numbers[1]
        degrees = np.arange(m, m + MULTIPOLES + 1)
        matched = (degrees - m) % 2 == (parity < 0) if parity else np.ones(len(degrees), dtype=np.bool_)
        legendre = _legendre(m, MULTIPOLES + 1, rim.cosine)[matched]
        moments = legendre @ rim.loads
        # Factor l + 1 of all multipoles that are not matched exactly.
        higher = m + MULTIPOLES + 2
        factors = (degrees[matched] + 1 - higher) / (legendre**2 @ rim.weight)
        scale = self.molecule.parameters[MEDIUM].permittivity / rim.radius
        return np.asarray(scale * (higher * rim.mass + (moments.T * factors) @ moments))

    def _outside_sphere(self, sector: Sector) -> tuple[Indices, Floats]:
        """The last unknown and its contribution (1, 1) for functions of a sphere, which have a single multipole."""
        sphere = self._boundary
        permittivity, l = self.molecule.parameters[MEDIUM].permittivity, sector.numbers[0]  # noqa: E741
        value = permittivity * (l + 1) / sphere.points[0, 0, 0] * sphere.measure[0, 0]
        return np.array([sphere.unknowns[0, 0]], dtype=np.intp), np.array([[value]])

    def answers(self, loads: Floats, sector: Sector) -> Floats:
        """Potentials (n, k) of many loads (n, k) of one sector, as in `solve`."""
        unknowns, factor = self._factor(sector)
        answers = np.zeros_like(loads)
        for start in range(0, loads.shape[1], COLUMNS):
            columns = slice(start, start + COLUMNS)
            answers[unknowns, columns] = factor.solve(np.asfortranarray(loads[unknowns, columns]))
        return answers

    def release(self, sector: Sector) -> None:
        """Forget the factors of one sector: on a large mesh each takes hundreds of megabytes."""
        self._factors.pop(sector, None)

    def release_large(self) -> None:
        """Forget all factors of a large mesh; they are recomputed on demand."""
        if self.elements.count > LARGE_MESH:
            self._factors.clear()

    def solve(self, loads: Mapping[Sector, Floats]) -> dict[Sector, Floats]:
        """Potentials, one vector (n,) for each sector, of the loads ∫ f v (n,) on the right of -∇·(ε ∇φ) = f."""
        potentials = {}
        for sector, load in loads.items():
            unknowns, factor = self._factor(sector)
            potential = np.zeros(self.elements.count)
            potential[unknowns] = factor.solve(load[unknowns])
            potentials[sector] = potential
        return potentials

    def potential(self, assembler: Assembler, density: ImageDensity) -> dict[Sector, Floats]:
        """Potential (eV for a unit charge) of a density (1/nm³), one vector (n,) for each ground sector.

        `density`, at the quadrature points of `assembler`, has one :data:`~qdmol.fem.Coefficient` for each image of
        the meshed part.
        """
        loads = {}
        for sector in self.symmetry.ground_sectors:
            loads[sector] = 4 * math.pi * COULOMB_EV_NM * assembler.load(part_of(self.symmetry, density, sector))
        return self.solve(loads)

    def tail(self, first: Mapping[Sector, Floats], second: Mapping[Sector, Floats]) -> float:
        """Energy (eV) of two charges' attraction that the shape functions left out may hold.

        The energy of a potential with itself falls short by what is left out, that of two by the geometric mean.
        """
        where = self.assembler.pattern.diagonal
        stiffness = np.zeros(self.elements.count)
        stiffness[self.assembler.pattern.rows[where]] = self._operator[where]
        energies = []
        for potential in (first, second):
            squares = sum(vector**2 for vector in potential.values())
            shells = np.asarray(np.bincount(self.elements.degree_of, weights=stiffness * squares), dtype=np.float64)
            energies.append(left_out(shells).energy * len(self.symmetry.images) / (2 * COULOMB_EV_NM))
        return math.sqrt(energies[0] * energies[1])


def _legendre(m: int, count: int, x: Floats) -> Floats:
    """Associated Legendre functions P_l^m, l = m to m + count - 1, at x (P,): (count, P), each in units of P_m^m(0).

    (l - m + 1) P_(l+1)^m = (2l + 1) x P_l^m - (l + m) P_(l-1)^m (NIST Digital Library of Mathematical Functions,
    14.10.3, https://dlmf.nist.gov/14.10.E3), stable upwards.
    """
    values = np.empty((count, len(x)))
    values[0] = np.sqrt(1 - x**2) ** m
    before = np.zeros(len(x))
    for row in range(1, count):
        l = m + row - 1  # noqa: E741 - the field's letter
        values[row] = ((2 * l + 1) * x * values[row - 1] - (l + m) * before) / row
        before = values[row - 1]
    return values


def part_of(symmetry: Symmetry, images: ImageDensity, sector: Sector) -> Coefficient:
    """The part in one ground sector of a function given on every image."""
    return [symmetry.part(blocks, sector) for blocks in zip(*images, strict=True)]


def images_of(assembler: Assembler, parts: Mapping[Sector, Floats]) -> list[Coefficient]:
    """Values (E, Q) on every image of a function given by a vector (n,) for each ground sector."""
    values = {sector: assembler.evaluate(vector) for sector, vector in parts.items()}
    by_block = [
        assembler.symmetry.image_values(dict(zip(values, blocks, strict=True)))
        for blocks in zip(*values.values(), strict=True)
    ]
    return [list(image) for image in zip(*by_block, strict=True)]
