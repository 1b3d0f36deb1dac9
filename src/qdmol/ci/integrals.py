"""Coulomb integrals between pairs of orbitals.

value = ∫∫ ψ_a*(1) ψ_b(1) G(1, 2) ψ_c*(2) ψ_d(2), G > 0 the energy of two like unit charges, screened by the
permittivity of every region: ∇·(ε ∇G) = -4π (e²/4πε0) δ.

The density ψ_a* ψ_b of a pair lies in the product of two sectors. Orbitals that are partners by symmetry share a
function, so that one Poisson solve serves each pair of functions in each sector; the factors of a sector serve all of
its pairs, and the integrals are products of loads and potentials.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from qdmol.arrays import Floats, Indices
from qdmol.ci.orbitals import OrbitalBasis, conjugates, in_sector
from qdmol.fem import Sector
from qdmol.meanfield import Functions
from qdmol.potentials import Carrier, Poisson
from qdmol.units import COULOMB_EV_NM

# Potentials that are held in memory at a time.
COLUMNS: Final = 256
# The loads of all pairs of functions of a carrier are kept if they take at most this many bytes.
KEPT_BYTES: Final = 6.4e7

KINDS: dict[str, tuple[Carrier, Carrier]] = {
    "eh": ("electron", "hole"),
    "ee": ("electron", "electron"),
    "hh": ("hole", "hole"),
}


@dataclass(frozen=True)
class InteractionBlock:
    """All integrals with the densities of the first carrier in one sector.

    `left` (n1, 2): pairs (a, b) of the first carrier with ψ_a* ψ_b in `sector`; `right` (n2, 2): pairs (c, d) of the
    second with ψ_c* ψ_d in its conjugate; `value` (n1, n2) in eV. The blocks of a sector and of its conjugate share one
    `value`.
    """

    left: Indices
    right: Indices
    value: Floats
    sector: Sector


@dataclass(frozen=True)
class Interaction:
    """The integrals of one pair of carriers: every sector once; integrals that are not listed vanish."""

    first: Carrier
    second: Carrier
    blocks: tuple[InteractionBlock, ...]

    def take(self, first: Indices, second: Indices) -> Interaction:
        """Integrals of some orbitals of each carrier, numbered in the order given, as by `OrbitalBasis.take`."""
        blocks = []
        for block in self.blocks:
            left, rows = _renumbered(block.left, first)
            right, columns = _renumbered(block.right, second)
            if len(rows) and len(columns):
                blocks.append(replace(block, left=left, right=right, value=block.value[np.ix_(rows, columns)]))
        return replace(self, blocks=tuple(blocks))


def _renumbered(pairs: Indices, chosen: Indices) -> tuple[Indices, Indices]:
    """Pairs of chosen orbitals in their new numbers, and their rows among all pairs."""
    number = np.full(max(int(pairs.max()), int(chosen.max())) + 1, -1)
    number[chosen] = np.arange(len(chosen))
    renumbered = number[pairs]
    rows = np.flatnonzero(np.all(renumbered >= 0, axis=1))
    return renumbered[rows], rows


def interactions(
    electrons: OrbitalBasis,
    holes: OrbitalBasis,
    kinds: Collection[str] = ("eh", "ee", "hh"),
    *,
    poisson: Poisson | None = None,
) -> dict[str, Interaction]:
    """Integrals of each kind: "eh", "ee", "hh".

    `poisson` is the operator of the molecule with what is known of it; its factors are not kept.

    Raises
    ------
    ValueError
        Orbitals are given without their functions.
    """
    sides: dict[Carrier, _Side] = {"electron": _Side(electrons), "hole": _Side(holes)}
    if poisson is None:
        hamiltonian = sides["hole"].functions.hamiltonian
        poisson = Poisson(hamiltonian.elements, hamiltonian.molecule)
    blocks: dict[str, list[InteractionBlock]] = {kind: [] for kind in kinds}
    missing = set().union(*(sides[carrier].sectors for kind in kinds for carrier in KINDS[kind]))
    families = poisson.symmetry.families()
    while missing:
        for sector in next(families):
            missing -= set(poisson.symmetry.partners(sector))
            for kind, values in _values(sides, poisson, sector, kinds).items():
                first, second = (sides[carrier] for carrier in KINDS[kind])
                blocks[kind] += _blocks(first, second, sector, values)
    return {kind: Interaction(*KINDS[kind], tuple(blocks[kind])) for kind in kinds}


def pair_energy(electrons: OrbitalBasis, holes: OrbitalBasis, attraction: Interaction, x: Floats, y: Floats) -> float:
    """Energy (eV) of the product of an electron Σ x_a ψ_a and a hole Σ y_c ψ_c, real x (N_e,) and y (N_h,)."""
    energy = float(x @ electrons.one_body @ x + y @ holes.one_body @ y)
    for block in attraction.blocks:
        left, right = (c[pairs[:, 0]] * c[pairs[:, 1]] for c, pairs in ((x, block.left), (y, block.right)))
        energy -= float(left @ block.value @ right)
    return energy


class _Side:
    """One carrier's orbitals and the loads of the pairs of their functions."""

    def __init__(self, basis: OrbitalBasis) -> None:
        if basis.functions is None or basis.radial is None:
            message = "integrals need the orbitals' functions"
            raise ValueError(message)
        self.basis = basis
        self.symmetry = basis.symmetry
        used, radial = np.unique(basis.radial, return_inverse=True)
        self.radial: Indices = radial
        self.functions: Functions = basis.functions.take(used)
        self._densities: dict[Sector, tuple[Indices, Indices]] = {}

    @cached_property
    def _products(self) -> Indices:
        """Quantum numbers (N, N, K) of ψ_a* ψ_b."""
        numbers = self.basis.numbers
        return self.symmetry.combine(conjugates(self.symmetry, numbers)[:, None], numbers[None, :])

    @property
    def sectors(self) -> set[Sector]:
        """Sectors of all pairs."""
        numbers = np.unique(self._products.reshape(-1, self._products.shape[-1]), axis=0)
        return {self.symmetry.sector(*row) for row in numbers.tolist()}

    def pairs(self, sector: Sector) -> Indices:
        """Pairs (n, 2) of orbitals (a, b) with ψ_a* ψ_b in a sector."""
        return np.argwhere(in_sector(self._products, sector))

    def densities(self, sector: Sector) -> tuple[Indices, Indices]:
        """The distinct pairs of functions (n, 2) of `pairs`, and the number among them of each pair."""
        if sector not in self._densities:
            radial = np.sort(self.radial[self.pairs(sector)], axis=1)
            code, place = np.unique(radial[:, 0] * len(self.functions) + radial[:, 1], return_inverse=True)
            self._densities[sector] = np.stack(np.divmod(code, len(self.functions)), axis=1), place
        return self._densities[sector]

    def loads(self, pairs: Indices) -> Floats:
        """∫ u_a u_b v (n, pairs) of pairs of functions a <= b, over the meshed part."""
        count = len(self.functions)
        if 4 * count * (count + 1) * self.functions.hamiltonian.size > KEPT_BYTES:
            return self.functions.sums.loads(pairs)
        # Place of (a, b) among all pairs a <= b, row by row.
        first, second = pairs.T
        return np.asarray(self._all_loads[first * count - first * (first + 1) // 2 + second].T)

    @cached_property
    def _all_loads(self) -> Floats:
        """Loads (pairs, n) of all pairs: every pair of two functions with m > 0 has densities in two sectors."""
        pairs = np.stack(np.triu_indices(len(self.functions)), axis=1)
        return np.ascontiguousarray(self.functions.sums.loads(pairs).T)

    @property
    def conjugate(self) -> Indices:
        """For each orbital the one with the conjugate function."""
        keys = [(int(row), tuple(own)) for row, own in zip(self.radial, self.basis.numbers.tolist(), strict=True)]
        number = {key: a for a, key in enumerate(keys)}
        opposite = conjugates(self.symmetry, self.basis.numbers).tolist()
        return np.array([number[row, tuple(own)] for (row, _), own in zip(keys, opposite, strict=True)], dtype=np.intp)


def _values(sides: dict[Carrier, _Side], poisson: Poisson, sector: Sector, kinds: Collection[str]) -> dict[str, Floats]:
    """For each kind the integrals between the distinct pairs of functions of one sector.

    Potentials are computed some columns at a time and used at once, so that none of them is kept.
    """
    pairs = {carrier: side.densities(sector)[0] for carrier, side in sides.items()}
    sources = _sources(kinds)
    loads = {carrier: sides[carrier].loads(pairs[carrier]) for carrier in _loaded(kinds, sources)}
    scale = poisson.symmetry.turn * len(poisson.symmetry.images) * 4 * math.pi * COULOMB_EV_NM
    values = {kind: np.empty(tuple(len(pairs[carrier]) for carrier in KINDS[kind])) for kind in kinds}
    for source in sorted(set(sources.values())):
        for start in range(0, len(pairs[source]), COLUMNS):
            columns = slice(start, start + COLUMNS)
            known = source in loads
            right = loads[source][:, columns] if known else sides[source].loads(pairs[source][columns])
            potentials = scale * poisson.answers(right, sector)
            for kind in (kind for kind in kinds if sources[kind] == source):
                first, second = KINDS[kind]
                if source == second:
                    values[kind][:, columns] = loads[first].T @ potentials
                else:
                    values[kind][columns] = potentials.T @ loads[second]
    poisson.release(sector)
    return values


def _sources(kinds: Collection[str]) -> dict[str, Carrier]:
    """The carrier whose potentials each kind of integrals uses; for "eh" those that another kind needs anyway."""
    of_pair: Carrier = "hole" if "ee" not in kinds and "hh" in kinds else "electron"
    own: dict[str, Carrier] = {"ee": "electron", "hh": "hole", "eh": of_pair}
    return {kind: own[kind] for kind in kinds}


def _loaded(kinds: Collection[str], sources: Mapping[str, Carrier]) -> set[Carrier]:
    """The carriers whose loads are multiplied by potentials, so that all of them are needed at once."""
    carriers = set()
    for kind in kinds:
        first, second = KINDS[kind]
        carriers.add(first if sources[kind] == second else second)
    return carriers


def _blocks(first: _Side, second: _Side, sector: Sector, values: Floats) -> Iterator[InteractionBlock]:
    """The blocks of a sector and of its conjugate."""
    left, right = first.pairs(sector), second.pairs(sector)[:, ::-1]
    if not len(left) or not len(right):
        return
    value = values[np.ix_(first.densities(sector)[1], second.densities(sector)[1])]
    yield InteractionBlock(left, right, value, sector)
    conjugate = first.symmetry.conjugate(sector)
    if conjugate != sector:
        yield InteractionBlock(first.conjugate[left], second.conjugate[right], value, conjugate)
