"""Poisson's equation with permittivity by region, open to infinity.

∇·(ε ∇φ) = -4π (e²/4πε0) n, φ in eV for a unit charge, n in 1/nm³. The outer boundary is a sphere about the origin
in a uniform medium; there every multipole l of the solution continues as R^-(l+1), so that its radial derivative is
-(l+1)/R times its value (the exact Dirichlet-to-Neumann map: Keller and Givoli, J. Comput. Phys. 82, 172 (1989),
doi:10.1016/0021-9991(89)90041-7). The MULTIPOLES above the lowest are matched exactly and all higher ones as if they
were the next: no error of the box is left, however tight it stands.

A density f(r, z) e^{imφ} has a potential φ(r, z) e^{imφ}: the operator gains ε m²/r², φ vanishes on the axis unless
m = 0, and the multipoles are those of the associated Legendre functions P_l^m, l >= |m|.

A molecule with a mirror plane is meshed in its upper half. A function on the whole is then a pair of `images`: its
values above and, at the mirrored points, below; the even and the odd half are solved apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.special import lpmv

from qdmol.arrays import Floats, Indices
from qdmol.fem import Assembler, Coefficient, Elements, Pattern
from qdmol.linalg import Factor, left_out
from qdmol.potentials.regions import permittivity
from qdmol.structure import MEDIUM, AxialMolecule
from qdmol.units import COULOMB_EV_NM

# One Coefficient for each image of the meshed part: (above,) or (above, below).
ImageDensity = Sequence[Coefficient]

MULTIPOLES = 12
# Right sides solved at once: as many as stay in the fast memory.
COLUMNS = 64


@dataclass(frozen=True)
class Poisson:
    """The potential of any charge in one molecule.

    `parities` is (0,) for a whole mesh, (1, -1) for the upper half of a symmetric molecule.
    """

    elements: Elements
    molecule: AxialMolecule
    parities: tuple[int, ...]
    _patterns: dict[tuple[bool, int], tuple[Indices, Pattern, Indices]] = field(default_factory=dict, repr=False)
    _factors: dict[tuple[int, int], tuple[Indices, Factor]] = field(default_factory=dict, repr=False)

    @cached_property
    def assembler(self) -> Assembler:
        """Over all regions."""
        return Assembler(self.elements)

    @cached_property
    def _operator(self) -> Floats:
        return self.assembler.stiffness(permittivity(self.assembler, self.molecule))

    @cached_property
    def _angular(self) -> Floats:
        return self.assembler.angular(permittivity(self.assembler, self.molecule))

    def _unknowns(self, m: int, parity: int) -> Indices:
        keep = np.ones(self.elements.count, dtype=np.bool_)
        if m:
            keep[self.elements.axis] = False
        if parity == -1:
            keep[self.elements.mirror] = False
        return np.flatnonzero(keep)

    def _factor(self, m: int, parity: int) -> tuple[Indices, Factor]:
        """Unknowns of one block and the factors of its operator, kept."""
        if (m, parity) not in self._factors:
            if (m != 0, parity) not in self._patterns:
                unknowns = self._unknowns(m, parity)
                self._patterns[m != 0, parity] = unknowns, *self.assembler.pattern.restrict(unknowns)
            unknowns, pattern, entries = self._patterns[m != 0, parity]
            operator = self._operator + m * m * self._angular if m else self._operator
            outside = self._outside(m, parity)[unknowns][:, unknowns]
            self._factors[m, parity] = unknowns, Factor((pattern.matrix(operator[entries]) + outside).tocsc())
        return self._factors[m, parity]

    def _outside(self, m: int, parity: int) -> sp.csc_array:
        """What the space outside the ball adds to the operator."""
        arc = self.elements.outer_arc
        if arc is None:
            message = "the potential needs a mesh with a ball around the molecule"
            raise ValueError(message)
        radius = float(np.hypot(arc.r, arc.z).mean())
        unknowns, place = np.unique(arc.unknowns, return_inverse=True)
        place = place.reshape(arc.unknowns.shape)
        weight = arc.weight * arc.r
        rest = m + MULTIPOLES + 2
        dense = np.zeros((len(unknowns), len(unknowns)))
        local = np.einsum("eqi,eq,eqj->eij", arc.values, weight, arc.values) * rest
        np.add.at(dense, (place[:, :, None], place[:, None, :]), local)
        cosine = arc.z / np.hypot(arc.r, arc.z)
        for l in range(m, m + MULTIPOLES + 1):  # noqa: E741 - the field's letter
            if parity == 0 or (-1) ** (l - m) == parity:
                legendre = lpmv(m, l, cosine)
                moment = np.zeros(len(unknowns))
                np.add.at(moment, place, np.einsum("eqi,eq,eq->ei", arc.values, weight, legendre))
                dense += (l + 1 - rest) * np.outer(moment, moment) / np.sum(weight * legendre**2)
        dense *= self.molecule.parameters[MEDIUM].permittivity / radius
        rows, columns = np.meshgrid(unknowns, unknowns, indexing="ij")
        n = self.elements.count
        return sp.csc_array((dense.ravel(), (rows.ravel(), columns.ravel())), shape=(n, n))

    def answers(self, loads: Floats, *, m: int, parity: int) -> Floats:
        """Potentials (n, k) of many loads (n, k) of one |m| and parity, as in `solve`."""
        unknowns, factor = self._factor(m, parity)
        found = np.zeros_like(loads)
        for start in range(0, loads.shape[1], COLUMNS):
            some = slice(start, start + COLUMNS)
            found[unknowns, some] = factor.solve(np.asfortranarray(loads[unknowns, some]))
        return found

    def release(self, *, m: int, parity: int) -> None:
        """Forget the factors of one block: on a large mesh each takes hundreds of megabytes."""
        self._factors.pop((m, parity), None)

    def solve(self, loads: dict[int, Floats]) -> dict[int, Floats]:
        """Potentials, one vector (n,) for each parity, of the loads ∫ f v r (n,) on the right of -∇·(ε ∇φ) = f."""
        found = {}
        for parity in self.parities:
            unknowns, factor = self._factor(0, parity)
            potential = np.zeros(self.elements.count)
            potential[unknowns] = factor.solve(loads[parity][unknowns])
            found[parity] = potential
        return found

    def potential(self, assembler: Assembler, density: ImageDensity) -> dict[int, Floats]:
        """Potential (eV for a unit charge), one vector for each parity, of a density (1/nm³) given on `assembler`."""
        loads = {}
        for parity in self.parities:
            part = combine(density, parity)
            loads[parity] = 4 * math.pi * COULOMB_EV_NM * assembler.load(part)
        return self.solve(loads)

    def tail(self, one: dict[int, Floats], other: dict[int, Floats]) -> float:
        """Energy (eV) of two charges' attraction that the shape functions left out may hold.

        The energy of a potential with itself falls short by what is left out, that of two by the geometric mean.
        """
        where = self.assembler.pattern.diagonal
        stiffness = np.zeros(self.elements.count)
        stiffness[self.assembler.pattern.rows[where]] = self._operator[where]
        energies = []
        for potential in (one, other):
            squares = sum(vector**2 for vector in potential.values())
            shells = np.asarray(np.bincount(self.elements.degree_of, weights=stiffness * squares), dtype=np.float64)
            energies.append(left_out(shells).energy * len(self.parities) / (2 * COULOMB_EV_NM))
        return math.sqrt(energies[0] * energies[1])


def combine(images: ImageDensity, parity: int) -> Coefficient:
    """The part of one parity of a function given by its images."""
    if parity == 0:
        return images[0]
    above, below = images
    return [(a + parity * b) / 2 for a, b in zip(above, below, strict=True)]


def images_of(assembler: Assembler, parts: dict[int, Floats]) -> list[Coefficient]:
    """Values (E, Q) of each image of a function given by a vector (n,) for each parity."""
    values = {parity: assembler.evaluate(vector) for parity, vector in parts.items()}
    if 0 in values:
        return [values[0]]
    even, odd = values[1], values[-1]
    return [
        [a + b for a, b in zip(even, odd, strict=True)],
        [a - b for a, b in zip(even, odd, strict=True)],
    ]
