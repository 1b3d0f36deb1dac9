"""Orbitals of one carrier, in which states of several particles are expanded.

Particles that attract or repel each other mix in orbitals that are about as wide as they are themselves, not the
excited levels, which spread over the molecule. The orbitals here are therefore, for every m and parity, the solutions
of the weighted problem

    (H - E_0) ψ = β w ψ,

H the carrier's bare Hamiltonian, E_0 its lowest level, w the density of the electron and the hole of the
self-consistent pairs, summed over the pairs and divided by its mean in each, with what that leaves out of the places
the carriers can get to (`places`). They are complete where there are particles, like the Sturmian functions of atoms
(Rotenberg, Ann. Phys. 19, 262 (1962), doi:10.1016/0003-4916(62)90219-1), whose weight is the potential. E_0 + β is the
energy that a cut goes by: around one dot it is nearly the same for the dot alone and in a molecule. Before them come
the pairs' own states, and the lowest levels, one for each dot: an electron far from the hole, or a second one beside
it, is nearly in one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from qdmol.arrays import Floats, Indices
from qdmol.meanfield import (
    MOST,
    CarrierState,
    Functions,
    MoleculeSolution,
    SettledPair,
    independent,
    pair_weights,
    spread,
)
from qdmol.potentials import CARRIERS, Carrier
from qdmol.states import Hamiltonian, Pair

# Energies (eV) that differ by less lie on one side of a cut.
CUT_SLACK = 1e-9
# Energies (eV) that differ by less belong to one multiplet, and those of an even and an odd orbital of two dots.
DEGENERATE = 5e-4
SPLIT = 0.12
# Part of a pair's state of one parity that is rounding.
ABSENT = 1e-9
# |m| that are looked through.
LARGEST_M = 40
# Orbitals looked for beyond a count, so that the multiplet at its edge is known whole.
EDGE = 1.3


@dataclass(frozen=True)
class OrbitalBasis:
    """N orbitals ψ_a = u_a(r, z) e^{i m_a φ} of one carrier, u real, orthonormal over the whole molecule.

    Attributes
    ----------
    carrier
        Electron or hole.
    m
        (N,), both signs; +m and -m share u.
    parity
        (N,), +1 or -1 of u under z -> -z on a symmetric molecule, 0 where there is no mirror plane.
    energy
        (N,) in eV, ascending: what a cut goes by, E_0 + β.
    one_body
        (N, N) in eV: the carrier's bare Hamiltonian, real symmetric, block diagonal in (m, parity).
    multiplet
        (N,): orbitals with the same number are kept or left out together.
    dot_weight
        (D, N, N): ∫ ψ_a* ψ_b over the part of space nearest to each dot's centre along z.
    radial
        (N,): row of `functions` that holds u; None for orbitals that are given by their integrals only.
    functions
        The functions u; None for orbitals that are given by their integrals only.
    """

    carrier: Carrier
    m: Indices
    parity: Indices
    energy: Floats
    one_body: Floats
    multiplet: Indices
    dot_weight: Floats
    radial: Indices | None = None
    functions: Functions | None = None

    def __len__(self) -> int:
        return len(self.m)

    def cut(self, *, count: int | None = None, energy: float | None = None) -> OrbitalBasis:
        """The orbitals of `inside`."""
        return self.take(self.inside(count=count, energy=energy))

    def inside(self, *, count: int | None = None, energy: float | None = None) -> Indices:
        """Which orbitals the lowest whole multiplets hold: at most `count`, at most `energy` (eV) above the lowest.

        The multiplet numbered lowest is always kept.
        """
        top = np.array([self.energy[self.multiplet == number].max() for number in self.multiplet])
        keep = np.ones(len(self), dtype=np.bool_)
        if energy is not None:
            keep &= top <= self.energy[0] + energy + CUT_SLACK
        if count is not None:
            keep &= np.array([np.sum(top <= value) <= count for value in top])
        keep |= self.multiplet == self.multiplet.min()
        return np.flatnonzero(keep)

    def take(self, chosen: Indices) -> OrbitalBasis:
        """Some of the orbitals, in the order given."""
        return replace(
            self,
            m=self.m[chosen],
            parity=self.parity[chosen],
            energy=self.energy[chosen],
            one_body=self.one_body[np.ix_(chosen, chosen)],
            multiplet=self.multiplet[chosen],
            dot_weight=self.dot_weight[:, chosen][:, :, chosen],
            radial=None if self.radial is None else self.radial[chosen],
        )


def relaxed_orbitals(
    solution: MoleculeSolution, *, energy: float | Mapping[Carrier, float]
) -> dict[Carrier, OrbitalBasis]:
    """Orbitals of both carriers up to `energy` (eV, of both or of each) above the lowest.

    The lowest multiplet holds the lowest settled pair's own states: in every cut of these bases the energy of that
    pair's product is an upper bound.

    Raises
    ------
    ValueError
        The solution has no settled pair.
    """
    _need_pairs(solution)
    return {
        carrier: _orbitals(solution, carrier, energy[carrier] if isinstance(energy, Mapping) else energy)
        for carrier in CARRIERS
    }


def counted_orbitals(solution: MoleculeSolution, *, count: int) -> dict[Carrier, OrbitalBasis]:
    """Orbitals of both carriers: the lowest whole multiplets with at most `count` orbitals per dot.

    The two carriers have about equally many, and so have the dots, however unlike they are: the weight of each pair is
    scaled so that its first orbital with m = 1 lies as high as that of the lowest pair. The lowest multiplet holds the
    states of every pair and one level for each dot, and is always there.

    Raises
    ------
    ValueError
        The solution has no settled pair.
    """
    _need_pairs(solution)
    dots = solution.molecule.centres
    found = {}
    for carrier in CARRIERS:
        source = _Source(solution, carrier, balanced=True)
        blocks = source.lowest_blocks(math.ceil(EDGE * count * len(dots)) + 2)
        found[carrier] = join_blocks(source.hamiltonian, carrier, blocks, dots).cut(count=count * len(dots))
    return found


def orbital_spacing(solution: MoleculeSolution) -> dict[Carrier, float]:
    """Energy (eV) from each carrier's lowest level to its first orbital with m = 1: the scale of cuts."""
    return {carrier: _Source(solution, carrier).spacing for carrier in CARRIERS}


def _need_pairs(solution: MoleculeSolution) -> None:
    if not solution.pairs:
        message = "orbitals relax in the field of a settled pair: solve with coulomb=True"
        raise ValueError(message)


def project(basis: OrbitalBasis, state: CarrierState) -> Floats:
    """Coefficients (N,) of a carrier's state in a pair, ∫ ψ_a* ψ."""
    functions, radial = basis.functions, basis.radial
    if functions is None or radial is None:
        message = "only orbitals with their functions can be compared with a state"
        raise ValueError(message)
    found: Floats = np.zeros(len(functions))
    for sector, part in state.space.parts(state.vector).items():
        same = np.array([other == sector for other in functions.sectors])
        pair = state.space.pencils[sector]
        found[same] = functions.vectors[same][:, pair.unknowns] @ (pair.M @ part[pair.unknowns])
    found *= math.sqrt(2 * math.pi * functions.images)
    return np.asarray(found[radial] * (basis.m == 0))


def _orbitals(solution: MoleculeSolution, carrier: Carrier, energy: float) -> OrbitalBasis:
    source = _Source(solution, carrier)
    # A little further: the partner of an orbital below the cut may lie above it.
    blocks = [block for block in source.blocks(energy + SPLIT) if len(block.energy)]
    dots = solution.molecule.centres
    return join_blocks(source.hamiltonian, carrier, blocks, dots).cut(energy=energy)


def join_blocks(
    hamiltonian: Hamiltonian, carrier: Carrier, blocks: Sequence[OrbitalBlock], dots: Floats
) -> OrbitalBasis:
    """The orbitals of all blocks, with both signs of m; `dots` (D,) are the centres' z."""
    functions = Functions(
        hamiltonian,
        np.concatenate([block.vectors for block in blocks]),
        tuple(hamiltonian.symmetry.sector(block.m, block.parity) for block in blocks for _ in block.energy),
    )
    one_body = scipy.linalg.block_diag(*[block.one_body for block in blocks])
    order = np.concatenate([block.energy for block in blocks])
    number = _multiplets(functions, order, paired=len(dots) > 1)
    weight = functions.near(dots)
    return _signed(
        OrbitalBasis(carrier, functions.m, functions.parity, order, one_body, number, weight, None, functions)
    )


@dataclass(frozen=True)
class OrbitalBlock:
    """Functions (R, n) of one m >= 0 and parity, orthonormal over the molecule, with the bare operator (R, R) and the
    energies (R,) a cut goes by.
    """

    m: int
    parity: int
    vectors: Floats
    one_body: Floats
    energy: Floats


class _Source:
    """Where one carrier's orbitals come from: its own states in the settled pairs, and their density."""

    def __init__(self, solution: MoleculeSolution, carrier: Carrier, *, balanced: bool = False) -> None:
        self.hamiltonian = solution.hamiltonians[carrier]
        everything = _all_pairs(solution)
        pairs = list({id(pair): pair for pair in everything}.values())
        self.states = [pair.electron if carrier == "electron" else pair.hole for pair in pairs]
        self.balanced = balanced
        self.heights = np.array([pair.exciton - pairs[0].exciton for pair in pairs])
        # One for each dot, however many were asked for: the same orbitals of a dot alone and in a molecule.
        self.levels = solution.levels[carrier].levels[: len(solution.molecule.dots)]
        self.lowest = self.levels[0].energy
        found = pair_weights(self.hamiltonian, everything, solution.places)
        weights = {id(pair): weight for pair, weight in zip(everything, found, strict=True)}
        if balanced and len(pairs) > 1:
            spacings = {key: self._spacing(self._mass(weight)) for key, weight in weights.items()}
            first = spacings[id(pairs[0])]
            weights = {key: spacings[key] / first * weight for key, weight in weights.items()}
        self.weight = self._mass(np.sum([weights[id(pair)] for pair in everything], axis=0))

    def _mass(self, density: Floats) -> Floats:
        """Entries of the overlap with a density (P,) as weight."""
        return self.hamiltonian.assembler.mass(self.states[0].space.unflatten(density[None])[0])

    def lowest_blocks(self, count: int) -> list[OrbitalBlock]:
        """Blocks of every m that hold the lowest `count` orbitals (both signs of m) and, but for rounding, no others.

        With |m| every solution of a block rises, so that each block has no more below a bound than the one before.
        """
        most = 2 + math.ceil(1.5 * math.sqrt(count / len(self.hamiltonian.parities)))
        while True:
            blocks, bound = self._lowest_blocks(count, most)
            full = [len(block.energy) >= most and block.energy.max() < bound for block in blocks if block.m == 0]
            if not any(full) or most > MOST:
                return blocks
            most *= 2

    def _lowest_blocks(self, count: int, most: int) -> tuple[list[OrbitalBlock], float]:
        """Blocks with at most so many functions for m = 0, and the energy of the last of `count` orbitals."""
        found: list[OrbitalBlock] = []
        energies = np.empty(0)
        wanted = dict.fromkeys(self.hamiltonian.parities, most)
        bound = math.inf
        for m in range(LARGEST_M):
            for parity in self.hamiltonian.parities:
                if not wanted[parity]:
                    continue
                block = self._block(m, parity, math.inf, most=wanted[parity])
                found.append(block)
                energies = np.sort(np.concatenate([energies, np.repeat(block.energy, 2 if m else 1)]))
                bound = energies[count - 1] if len(energies) >= count else math.inf
                wanted[parity] = int(np.sum(block.energy <= bound + CUT_SLACK))
            if not any(wanted.values()):
                break
        return found, bound

    def blocks(self, energy: float) -> Iterator[OrbitalBlock]:
        """Blocks of every m up to the first that has no function below `energy` (eV) above the lowest."""
        for m in range(LARGEST_M):
            blocks = [self._block(m, parity, energy) for parity in self.hamiltonian.parities]
            if not any(len(block.energy) for block in blocks):
                return
            yield from blocks

    @cached_property
    def spacing(self) -> float:
        """Energy (eV) from the lowest level to the first orbital with m = 1."""
        return self._spacing(self.weight)

    def _spacing(self, weight: Floats) -> float:
        """Energy (eV) from the lowest level to the first orbital with m = 1 of one weight."""
        found = []
        for parity in self.hamiltonian.parities:
            pair = self._weighted(self.hamiltonian.pair(1, parity, coarse=False), weight)
            found.append(float(spread(pair, math.inf, most=1)[0][0]))
        return min(found)

    def _weighted(self, pair: Pair, weight: Floats) -> Pair:
        return Pair(pair.space, pair.energy - self.lowest * pair.mass, pair.space.cut(weight))

    def _block(self, m: int, parity: int, energy: float, *, most: int = MOST) -> OrbitalBlock:
        pair = self.hamiltonian.pair(m, parity, coarse=False)
        orders, candidates = spread(self._weighted(pair, self.weight), energy, most=most)
        first, heights = self._first(m, parity, pair)
        kept, basis = independent(np.concatenate([first, candidates]), pair.M)
        orders = np.concatenate([heights, orders])
        vectors = np.zeros((len(basis), self.hamiltonian.elements.count))
        vectors[:, pair.unknowns] = basis / math.sqrt(2 * math.pi * len(self.hamiltonian.parities))
        one_body = basis @ (pair.A @ basis.T)
        return OrbitalBlock(
            m, parity, vectors, (one_body + one_body.T) / 2, self.lowest + np.maximum(orders[kept], 0.0)
        )

    def _first(self, m: int, parity: int, pair: Pair) -> tuple[Floats, Floats]:
        """The pairs' own states and the levels (k, unknowns) of a block, and their heights (k,) above the lowest."""
        rows, heights = [], []
        for state, height in zip(self.states, self.heights, strict=True) if m == 0 else ():
            own = state.space.parts(state.vector)[self.hamiltonian.symmetry.sector(m, parity)][pair.unknowns]
            if own @ (pair.M @ own) > ABSENT:
                rows.append(own)
                heights.append(0.0 if self.balanced else height)
        for level in self.levels:
            if level.m == m and level.parity == parity:
                rows.append(level.vector[pair.unknowns])
                heights.append(0.0 if self.balanced else level.energy - self.lowest)
        return np.array(rows).reshape(-1, len(pair.unknowns)), np.array(heights)


def _all_pairs(solution: MoleculeSolution) -> list[SettledPair]:
    """A pair for each dot: its own, or one held there."""
    return [*(state.pair for state in solution.pairs), *solution.held]


def _multiplets(functions: Functions, energy: Floats, *, paired: bool) -> Indices:
    """Number the multiplets (R,) upwards in energy.

    Together are levels closer than DEGENERATE, as of a sphere's l, and where `paired` an odd function and the nearest
    even one of the same m, where closer than SPLIT, as of two dots.
    """
    order = np.argsort(energy, kind="stable")
    links = [(a, b) for a, b in pairwise(order) if energy[b] - energy[a] < DEGENERATE]
    for m in np.unique(functions.m) if paired else ():
        even, odd = (np.flatnonzero((functions.m == m) & (functions.parity == parity)) for parity in (1, -1))
        gaps = np.abs(energy[odd, None] - energy[even])
        links += [(odd[k], even[gaps[k].argmin()]) for k in range(len(odd)) if gaps[k].min(initial=SPLIT) < SPLIT]
    size = len(energy)
    ends = tuple(np.array(links, dtype=np.intp).reshape(-1, 2).T)
    label = connected_components(sp.coo_array((np.ones(len(links)), ends), shape=(size, size)), directed=False)[1]
    lowest = np.full(size, np.inf)
    np.minimum.at(lowest, label, energy)
    rank = np.argsort(np.argsort(lowest[: label.max() + 1], kind="stable"))
    return np.asarray(rank[label])


def _signed(radial: OrbitalBasis) -> OrbitalBasis:
    """Orbitals of both signs of m, in the order of their energies, of a basis that has one of each |m|."""
    rows = [
        (energy, row, sign) for row, energy in enumerate(radial.energy) for sign in ((-1, 1) if radial.m[row] else (1,))
    ]
    chosen = np.array([row for _, row, _ in sorted(rows)], dtype=np.intp)
    signs = np.array([sign for _, _, sign in sorted(rows)])
    found = replace(radial, radial=np.arange(len(radial))).take(chosen)
    m = signs * found.m
    same = m[:, None] == m
    return replace(found, m=m, one_body=found.one_body * same, dot_weight=found.dot_weight * same)
