"""Coulomb integrals between pairs of orbitals.

value = ∫∫ ψ_a*(1) ψ_b(1) G(1, 2) ψ_c*(2) ψ_d(2), G > 0 the energy of two like unit charges, screened by the
permittivity of every region: ∇·(ε ∇G) = -4π (e²/4πε0) δ.

A pair's density is u_a u_b e^{ikφ}, k = m_b - m_a: one Poisson solve for each pair of functions u and each |k|. The
factors of one |k| and parity serve all of them, and what remains is a product of loads and potentials.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from qdmol.arrays import Floats, Indices
from qdmol.ci.orbitals import OrbitalBasis
from qdmol.meanfield import Functions
from qdmol.potentials import Carrier, Poisson
from qdmol.units import COULOMB_EV_NM

# Potentials that are there at once.
COLUMNS = 256

KINDS: dict[str, tuple[Carrier, Carrier]] = {
    "eh": ("electron", "hole"),
    "ee": ("electron", "electron"),
    "hh": ("hole", "hole"),
}


@dataclass(frozen=True)
class InteractionBlock:
    """All integrals of one k and parity product p.

    `left` (n1, 2): pairs (a, b) of the first carrier with m_b - m_a = k and parity_a parity_b = p; `right` (n2, 2):
    pairs (c, d) of the second with m_d - m_c = -k and the same p; `value` (n1, n2) in eV. The blocks of k and -k
    share one `value`.
    """

    left: Indices
    right: Indices
    value: Floats
    k: int = 0
    parity: int = 0


@dataclass(frozen=True)
class Interaction:
    """The integrals of one pair of carriers: every (k, p) once; what is not listed vanishes."""

    first: Carrier
    second: Carrier
    blocks: tuple[InteractionBlock, ...]

    def take(self, first: Indices, second: Indices) -> Interaction:
        """The integrals of some orbitals of each carrier, numbered in the order given (as of `OrbitalBasis.take`)."""
        blocks = []
        for block in self.blocks:
            left, rows = _renumbered(block.left, first)
            right, columns = _renumbered(block.right, second)
            if len(rows) and len(columns):
                blocks.append(replace(block, left=left, right=right, value=block.value[np.ix_(rows, columns)]))
        return replace(self, blocks=tuple(blocks))


def _renumbered(pairs: Indices, chosen: Indices) -> tuple[Indices, Indices]:
    """Pairs of chosen orbitals in their new numbers, and where they were."""
    number = np.full(max(int(pairs.max()), int(chosen.max())) + 1, -1)
    number[chosen] = np.arange(len(chosen))
    found = number[pairs]
    rows = np.flatnonzero(np.all(found >= 0, axis=1))
    return found[rows], rows


def interactions(
    electrons: OrbitalBasis, holes: OrbitalBasis, kinds: Collection[str] = ("eh", "ee", "hh")
) -> dict[str, Interaction]:
    """The integrals of each kind: "eh", "ee", "hh".

    Raises
    ------
    ValueError
        Orbitals that come without their functions.
    """
    sides: dict[Carrier, _Side] = {"electron": _Side(electrons), "hole": _Side(holes)}
    hamiltonian = sides["hole"].functions.hamiltonian
    poisson = Poisson(hamiltonian.elements, hamiltonian.molecule)
    blocks: dict[str, list[InteractionBlock]] = {kind: [] for kind in kinds}
    largest = max(max(sides[carrier].reach for carrier in KINDS[kind]) for kind in kinds)
    for k in range(largest + 1):
        for parity in hamiltonian.parities:
            for kind, values in _values(sides, poisson, k, parity, kinds).items():
                first, second = (sides[carrier] for carrier in KINDS[kind])
                blocks[kind] += _blocks(first, second, k, parity, values)
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
        used, radial = np.unique(basis.radial, return_inverse=True)
        self.radial: Indices = radial
        self.functions: Functions = basis.functions.take(used)

    @property
    def reach(self) -> int:
        """Largest |k| of a pair."""
        return int(self.basis.m.max() - self.basis.m.min())

    def pairs(self, k: int, parity: int) -> Indices:
        """Pairs (n, 2) of orbitals (a, b) with m_b - m_a = k and one product of parities."""
        m, p = self.basis.m, self.basis.parity
        return np.argwhere((m - m[:, None] == k) & (p * p[:, None] == parity))

    def densities(self, k: int, parity: int) -> tuple[Indices, Indices]:
        """The distinct pairs of functions (n, 2) of `pairs`, and which of them each pair has."""
        radial = np.sort(self.radial[self.pairs(k, parity)], axis=1)
        code, place = np.unique(radial[:, 0] * len(self.functions) + radial[:, 1], return_inverse=True)
        return np.stack(np.divmod(code, len(self.functions)), axis=1), place

    def loads(self, pairs: Indices) -> Floats:
        """∫ u_a u_b v r (n, pairs) of pairs of functions, over the meshed part."""
        return self.functions.sums.loads(pairs)

    @property
    def conjugate(self) -> Indices:
        """For each orbital the one with -m."""
        number = {(int(row), int(m)): a for a, (row, m) in enumerate(zip(self.radial, self.basis.m, strict=True))}
        return np.array([number[row, -m] for row, m in number], dtype=np.intp)


def _values(
    sides: dict[Carrier, _Side], poisson: Poisson, k: int, parity: int, kinds: Collection[str]
) -> dict[str, Floats]:
    """For each kind the integrals between the distinct pairs of functions of one k >= 0 and parity.

    Potentials are taken a few columns at a time and used at once: none of them is kept.
    """
    pairs = {carrier: side.densities(k, parity)[0] for carrier, side in sides.items()}
    sources = _sources(kinds)
    loads = {carrier: sides[carrier].loads(pairs[carrier]) for carrier in _loaded(kinds, sources)}
    scale = 2 * math.pi * len(poisson.symmetry.images) * 4 * math.pi * COULOMB_EV_NM
    found = {kind: np.empty(tuple(len(pairs[carrier]) for carrier in KINDS[kind])) for kind in kinds}
    for source in sorted(set(sources.values())):
        for start in range(0, len(pairs[source]), COLUMNS):
            some = slice(start, start + COLUMNS)
            known = source in loads
            right = loads[source][:, some] if known else sides[source].loads(pairs[source][some])
            answers = scale * poisson.answers(right, poisson.symmetry.sector(k, parity))
            for kind in (kind for kind in kinds if sources[kind] == source):
                first, second = KINDS[kind]
                if source == second:
                    found[kind][:, some] = loads[first].T @ answers
                else:
                    found[kind][some] = answers.T @ loads[second]
    poisson.release(poisson.symmetry.sector(k, parity))
    return found


def _sources(kinds: Collection[str]) -> dict[str, Carrier]:
    """The carrier whose potentials each kind of integrals takes: "eh" those that another kind needs anyway."""
    of_pair: Carrier = "hole" if "ee" not in kinds and "hh" in kinds else "electron"
    own: dict[str, Carrier] = {"ee": "electron", "hh": "hole", "eh": of_pair}
    return {kind: own[kind] for kind in kinds}


def _loaded(kinds: Collection[str], sources: Mapping[str, Carrier]) -> set[Carrier]:
    """The carriers whose loads meet the potentials, and have to be there all at once."""
    found = set()
    for kind in kinds:
        first, second = KINDS[kind]
        found.add(first if sources[kind] == second else second)
    return found


def _blocks(first: _Side, second: _Side, k: int, parity: int, values: Floats) -> Iterator[InteractionBlock]:
    """The blocks of k and -k."""
    left, right = first.pairs(k, parity), second.pairs(k, parity)[:, ::-1]
    if not len(left) or not len(right):
        return
    value = values[np.ix_(first.densities(k, parity)[1], second.densities(k, parity)[1])]
    yield InteractionBlock(left, right, value, k, parity)
    if k:
        yield InteractionBlock(first.conjugate[left], second.conjugate[right], value, -k, parity)
