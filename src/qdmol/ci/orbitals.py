"""Orbitals of one carrier, in which states of several particles are expanded.

Particles that attract or repel each other mix in orbitals of about the width of their own states, not in the excited
levels, which spread over the molecule. The orbitals are therefore, in every sector, the solutions of the weighted
problem

    (H - E_0) ψ = β w ψ,

with H the carrier's bare Hamiltonian, E_0 its lowest level, and w the density of the electron and the hole of the
self-consistent pairs, summed over the pairs and divided by its mean in each, supplemented by the other places that the
carriers can reach (:mod:`qdmol.meanfield.weights`). They are complete where the particles are, like the Sturmian
functions of atoms (Rotenberg, Ann. Phys. 19, 262 (1962), doi:10.1016/0003-4916(62)90219-1), whose weight is the
potential. A basis is cut at an energy E_0 + β, which around one dot is nearly the same for the dot alone and in a
molecule. Before these orbitals come the pairs' own states and the lowest levels, one for each dot, which are nearly the
states of an electron far from the hole, or of a second one beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise
from typing import Final

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from qdmol.arrays import Bools, Floats, Indices
from qdmol.fem import Sector, Symmetry
from qdmol.linalg import Factor, lowest_pairs
from qdmol.meanfield import (
    MAX_FUNCTIONS,
    CarrierState,
    Functions,
    MoleculeSolution,
    SelfConsistentPair,
    independent,
    pair_weights,
)
from qdmol.potentials import CARRIERS, Carrier
from qdmol.states import Hamiltonian, Pencil

# Energies (eV) that differ by less lie on one side of a cut.
CUT_SLACK: Final = 1e-9
# Levels closer than DEGENERATE (eV) belong to one multiplet, and so do a bonding and an antibonding orbital of two dots
# closer than SPLIT (eV).
DEGENERATE: Final = 5e-4
SPLIT: Final = 0.12
# Norm of the part of a pair's state in one sector that is due to rounding.
ABSENT: Final = 1e-9
# Families of sectors that are searched at most.
MAX_FAMILIES: Final = 40
# A shift (eV) below all solutions of the weighted problem, and the relative accuracy to which the orbitals solve it.
SHIFT_EV: Final = -0.05
BASIS_ACCURACY: Final = 1e-4
# Factor on the number of orbitals searched for, so that the multiplet at the cut is complete.
SEARCH_MARGIN: Final = 1.3


def in_sector(numbers: Indices, sector: Sector) -> Bools:
    """Whether quantum numbers (..., K) are those of a sector."""
    return np.asarray(np.all(numbers == np.array(sector.numbers), axis=-1))


def conjugates(symmetry: Symmetry, numbers: Indices) -> Indices:
    """Quantum numbers (N, K) of the complex conjugates of functions with numbers (N, K)."""
    rows = [symmetry.conjugate(symmetry.sector(*row)).numbers for row in numbers.tolist()]
    return np.array(rows, dtype=np.intp).reshape(numbers.shape)


@dataclass(frozen=True)
class OrbitalBasis:
    """N orbitals of one carrier, orthonormal over the whole molecule.

    Attributes
    ----------
    carrier
        Electron or hole.
    symmetry
        Symmetry of the molecule.
    numbers
        (N, K): quantum numbers of each orbital's sector. Partners by symmetry are all present and share a function.
    energy
        (N,) in eV, ascending: E_0 + β, at which the basis is cut.
    one_body
        (N, N) in eV: the carrier's bare Hamiltonian, real symmetric, block diagonal in the sectors.
    multiplet
        (N,): orbitals with the same number are kept or omitted together.
    dot_weight
        (D, N, N): ∫ ψ_a* ψ_b over the part of space nearest to each dot's centre.
    radial
        (N,): row of `functions` that holds the orbital's real function u on the meshed part; None for orbitals that are
        given by their integrals only.
    functions
        The functions u; None for orbitals that are given by their integrals only.
    """

    carrier: Carrier
    symmetry: Symmetry
    numbers: Indices
    energy: Floats
    one_body: Floats
    multiplet: Indices
    dot_weight: Floats
    radial: Indices | None = None
    functions: Functions | None = None

    def __len__(self) -> int:
        return len(self.energy)

    def cut(self, *, count: int | None = None, energy: float | None = None) -> OrbitalBasis:
        """The orbitals of `inside`."""
        return self.take(self.inside(count=count, energy=energy))

    def inside(self, *, count: int | None = None, energy: float | None = None) -> Indices:
        """Numbers of the orbitals in the lowest whole multiplets: at most `count`, at most `energy` (eV) above the
        lowest.

        The lowest multiplet is always kept.
        """
        highest = np.array([self.energy[self.multiplet == number].max() for number in self.multiplet])
        keep = np.ones(len(self), dtype=np.bool_)
        if energy is not None:
            keep &= highest <= self.energy[0] + energy + CUT_SLACK
        if count is not None:
            keep &= np.array([np.sum(highest <= value) <= count for value in highest])
        keep |= self.multiplet == self.multiplet.min()
        return np.flatnonzero(keep)

    def take(self, chosen: Indices) -> OrbitalBasis:
        """Some of the orbitals, in the order given."""
        return replace(
            self,
            numbers=self.numbers[chosen],
            energy=self.energy[chosen],
            one_body=self.one_body[np.ix_(chosen, chosen)],
            multiplet=self.multiplet[chosen],
            dot_weight=self.dot_weight[:, chosen][:, :, chosen],
            radial=None if self.radial is None else self.radial[chosen],
        )


def relaxed_orbitals(
    solution: MoleculeSolution,
    *,
    energy: float | Mapping[Carrier, float],
    sources: Mapping[Carrier, OrbitalSource] | None = None,
) -> dict[Carrier, OrbitalBasis]:
    """Orbitals of both carriers up to `energy` (eV, for both or for each) above the lowest.

    The lowest multiplet holds the states of the lowest self-consistent pair, so that in every cut of these bases the
    energy of their product is an upper bound. `sources` are those of the solution, if they are known.

    Raises
    ------
    ValueError
        The solution has no self-consistent pair.
    """
    sources = orbital_sources(solution) if sources is None else sources
    bases = {}
    for carrier, source in sources.items():
        top = energy[carrier] if isinstance(energy, Mapping) else energy
        # Further than the cut: the partner of an orbital below the cut may lie above it.
        blocks = [block for block in source.blocks(top + SPLIT) if len(block.energy)]
        bases[carrier] = join_blocks(source.hamiltonian, carrier, blocks, solution.molecule.centres).cut(energy=top)
    return bases


def counted_orbitals(solution: MoleculeSolution, *, count: int) -> dict[Carrier, OrbitalBasis]:
    """Orbitals of both carriers: the lowest whole multiplets with at most `count` orbitals per dot.

    Both carriers and all dots have about the same number of orbitals, even of unlike dots: the weight of each pair is
    scaled so that its first orbital of the second family of sectors (about an axis m = 1) lies as high as that of the
    lowest pair. The lowest multiplet holds the states of every pair and one level for each dot.

    Raises
    ------
    ValueError
        The solution has no self-consistent pair.
    """
    centres = solution.molecule.centres
    bases = {}
    for carrier, source in orbital_sources(solution, balanced=True).items():
        blocks = source.lowest_blocks(math.ceil(SEARCH_MARGIN * count * len(centres)) + 2)
        bases[carrier] = join_blocks(source.hamiltonian, carrier, blocks, centres).cut(count=count * len(centres))
    return bases


def orbital_sources(solution: MoleculeSolution, *, balanced: bool = False) -> dict[Carrier, OrbitalSource]:
    """Sources of the orbitals of both carriers, from which bases up to any energy are made.

    With `balanced` the weights of unlike pairs are scaled as for :func:`counted_orbitals`.

    Raises
    ------
    ValueError
        The solution has no self-consistent pair.
    """
    _need_pairs(solution)
    sources: dict[Carrier, OrbitalSource] = {}
    known: dict[int, list[Floats]] = {}
    for carrier in CARRIERS:
        # Carriers of one domain have the same points.
        assembler = solution.hamiltonians[carrier].assembler
        if id(assembler) not in known:
            known[id(assembler)] = pair_weights(assembler, _all_pairs(solution), solution.bare_levels)
        sources[carrier] = OrbitalSource(solution, carrier, known[id(assembler)], balanced=balanced)
    return sources


def orbital_spacing(solution: MoleculeSolution) -> dict[Carrier, float]:
    """Energy (eV) from each carrier's lowest level to its first orbital of the second family: the scale of cuts."""
    return {carrier: source.spacing for carrier, source in orbital_sources(solution).items()}


def _need_pairs(solution: MoleculeSolution) -> None:
    if not solution.pairs:
        message = "orbitals need a self-consistent pair: solve with coulomb=True"
        raise ValueError(message)


def project(basis: OrbitalBasis, state: CarrierState) -> Floats:
    """Coefficients ∫ ψ_a* ψ (N,) of a carrier's state in a pair."""
    functions, radial = basis.functions, basis.radial
    if functions is None or radial is None:
        message = "only orbitals with their functions can be compared with a state"
        raise ValueError(message)
    coefficients: Floats = np.zeros(len(functions))
    inside = np.zeros(len(basis), dtype=np.bool_)
    for sector, part in state.space.parts(state.vector).items():
        same = in_sector(functions.numbers, sector)
        pencil = state.space.pencils[sector]
        coefficients[same] = functions.vectors[same][:, pencil.unknowns] @ (pencil.M @ part[pencil.unknowns])
        inside |= in_sector(basis.numbers, sector)
    coefficients *= math.sqrt(basis.symmetry.turn * functions.images)
    return np.asarray(coefficients[radial] * inside)


def join_blocks(
    hamiltonian: Hamiltonian, carrier: Carrier, blocks: Sequence[OrbitalBlock], centres: Floats
) -> OrbitalBasis:
    """Orbitals of all blocks, with all partners by symmetry; `centres` (D, 3) are those of the dots in nm."""
    vectors = np.concatenate([block.vectors for block in blocks])
    functions = Functions(hamiltonian, vectors, tuple(block.sector for block in blocks for _ in block.energy))
    energy = np.concatenate([block.energy for block in blocks])
    radial = OrbitalBasis(
        carrier,
        hamiltonian.symmetry,
        functions.numbers,
        energy,
        scipy.linalg.block_diag(*[block.one_body for block in blocks]),
        _multiplets(functions, energy, paired=len(centres) > 1),
        functions.near(centres),
        functions=functions,
    )
    return _with_partners(radial)


@dataclass(frozen=True)
class OrbitalBlock:
    """Functions (R, n) of one sector, orthonormal over the molecule.

    `one_body` (R, R) is the bare Hamiltonian between them, `energy` (R,) where the basis is cut, in eV.
    """

    sector: Sector
    vectors: Floats
    one_body: Floats
    energy: Floats


class OrbitalSource:
    """Source of one carrier's orbitals: its states in the self-consistent pairs, and the weight of each (P,)."""

    def __init__(
        self, solution: MoleculeSolution, carrier: Carrier, densities: Sequence[Floats], *, balanced: bool
    ) -> None:
        self.hamiltonian = solution.hamiltonians[carrier]
        self.symmetry = self.hamiltonian.symmetry
        everything = _all_pairs(solution)
        pairs = list({id(pair): pair for pair in everything}.values())
        self.states = [pair.electron if carrier == "electron" else pair.hole for pair in pairs]
        self.balanced = balanced
        self.heights = np.array([pair.exciton - pairs[0].exciton for pair in pairs])
        # One for each dot, whatever number was requested: a dot has the same orbitals alone and in a molecule.
        self.levels = solution.levels[carrier].levels[: len(solution.molecule.dots)]
        self.lowest = self.levels[0].energy
        weights = {id(pair): weight for pair, weight in zip(everything, densities, strict=True)}
        if balanced and len(pairs) > 1:
            spacings = {key: self._spacing(self._mass(weight), {}) for key, weight in weights.items()}
            first = spacings[id(pairs[0])]
            weights = {key: spacings[key] / first * weight for key, weight in weights.items()}
        self.weight = self._mass(np.sum([weights[id(pair)] for pair in everything], axis=0))
        self._factors: dict[Sector, Factor] = {}

    def _mass(self, density: Floats) -> Floats:
        """Entries of the overlap with a density (P,) as weight."""
        return self.hamiltonian.assembler.mass(self.states[0].space.unflatten(density[None])[0])

    def lowest_blocks(self, count: int) -> list[OrbitalBlock]:
        """Blocks of all families that hold the lowest `count` orbitals (all partners) and, but for rounding, no others.

        No block has more solutions below a bound than the corresponding one of the family before.
        """
        most = 2 + math.ceil(1.5 * math.sqrt(count / len(self.symmetry.ground_sectors)))
        while True:
            blocks, bound = self._lowest_blocks(count, most)
            ground = [block for block in blocks if block.sector in self.symmetry.ground_sectors]
            full = [len(block.energy) >= most and block.energy.max() < bound for block in ground]
            if not any(full) or most > MAX_FUNCTIONS:
                return blocks
            most *= 2

    def _lowest_blocks(self, count: int, most: int) -> tuple[list[OrbitalBlock], float]:
        """Blocks with at most `most` functions in a ground sector, and the energy of the last of `count` orbitals."""
        blocks: list[OrbitalBlock] = []
        energies = np.empty(0)
        wanted = [most] * len(self.symmetry.ground_sectors)
        bound = math.inf
        for family in islice(self.symmetry.families(), MAX_FAMILIES):
            for k, sector in enumerate(family):
                if not wanted[k]:
                    continue
                block = self._block(sector, math.inf, most=wanted[k])
                blocks.append(block)
                partners = self.symmetry.multiplicity(sector)
                energies = np.sort(np.concatenate([energies, np.repeat(block.energy, partners)]))
                bound = energies[count - 1] if len(energies) >= count else math.inf
                wanted[k] = int(np.sum(block.energy <= bound + CUT_SLACK))
            if not any(wanted):
                break
        return blocks, bound

    def blocks(self, energy: float) -> Iterator[OrbitalBlock]:
        """Blocks of every family up to the first without a function below `energy` (eV) above the lowest."""
        for family in islice(self.symmetry.families(), MAX_FAMILIES):
            blocks = [self._block(sector, energy) for sector in family]
            if not any(len(block.energy) for block in blocks):
                return
            yield from blocks

    @cached_property
    def spacing(self) -> float:
        """Energy (eV) from the lowest level to the first orbital of the second family of sectors."""
        return self._spacing(self.weight, self._factors)

    def _spacing(self, weight: Floats, factors: dict[Sector, Factor]) -> float:
        """Energy (eV) from the lowest level to the first orbital of the second family, for one weight.

        The factors of the family are added to `factors`.
        """
        _, second = islice(self.symmetry.families(), 2)
        lowest = []
        for sector in second:
            pencil = self._weighted(self.hamiltonian.pencil(sector, coarse=False), weight)
            factors[sector] = pencil.factor(SHIFT_EV)
            lowest.append(_solutions(pencil, factors[sector], math.inf, most=1)[0][0])
        return float(min(lowest))

    def _weighted(self, pencil: Pencil, weight: Floats) -> Pencil:
        return Pencil(pencil.space, pencil.energy - self.lowest * pencil.mass, pencil.space.cut(weight))

    def _block(self, sector: Sector, energy: float, *, most: int = MAX_FUNCTIONS) -> OrbitalBlock:
        pencil = self.hamiltonian.pencil(sector, coarse=False)
        weighted = self._weighted(pencil, self.weight)
        # Each sector is solved once, so that factors are not kept.
        factor = self._factors.pop(sector, None) or weighted.factor(SHIFT_EV)
        orders, candidates = _solutions(weighted, factor, energy, most=most)
        first, heights = self._first(sector, pencil)
        kept, basis = independent(np.concatenate([first, candidates]), pencil.M)
        orders = np.concatenate([heights, orders])
        vectors = np.zeros((len(basis), self.hamiltonian.elements.count))
        vectors[:, pencil.unknowns] = basis / math.sqrt(self.symmetry.turn * len(self.symmetry.images))
        one_body = basis @ (pencil.A @ basis.T)
        return OrbitalBlock(sector, vectors, (one_body + one_body.T) / 2, self.lowest + np.maximum(orders[kept], 0.0))

    def _first(self, sector: Sector, pencil: Pencil) -> tuple[Floats, Floats]:
        """The pairs' own states and the levels (k, unknowns) of a sector, and their heights (k,) above the lowest."""
        rows, heights = [], []
        for state, height in zip(self.states, self.heights, strict=True):
            if sector not in self.symmetry.ground_sectors:
                continue
            own = state.space.parts(state.vector)[sector][pencil.unknowns]
            if own @ (pencil.M @ own) > ABSENT:
                rows.append(own)
                heights.append(0.0 if self.balanced else height)
        for level in self.levels:
            if level.sector == sector:
                rows.append(level.vector[pencil.unknowns])
                heights.append(0.0 if self.balanced else level.energy - self.lowest)
        return np.array(rows).reshape(-1, len(pencil.unknowns)), np.array(heights)


def _solutions(pencil: Pencil, factor: Factor, top: float, *, most: int) -> tuple[Floats, Floats]:
    """Approximate solutions of A x = β M x with β < `top`, the lowest `most` of them: β (k,) and vectors (k, n).

    A is positive but for the lowest level itself, M positive or zero; the factors are at SHIFT_EV.
    """
    count = min(most, len(pencil.unknowns) // 3)
    orders, vectors = lowest_pairs(pencil.M, factor, count, tolerance=BASIS_ACCURACY, top=top)
    return orders, vectors.T


def _all_pairs(solution: MoleculeSolution) -> list[SelfConsistentPair]:
    """A pair for each dot: its own, or a constrained one."""
    return [*(state.pair for state in solution.pairs), *solution.constrained_pairs]


def _multiplets(functions: Functions, energy: Floats, *, paired: bool) -> Indices:
    """Numbers (R,) of the multiplets, ascending with energy.

    A multiplet joins levels closer than DEGENERATE, as of the angular momentum of a sphere, and where `paired` each odd
    function and the nearest even one of the mirrored sector if closer than SPLIT, as of two dots.
    """
    symmetry = functions.hamiltonian.symmetry
    order = np.argsort(energy, kind="stable")
    links = [(a, b) for a, b in pairwise(order) if energy[b] - energy[a] < DEGENERATE]
    for sector in dict.fromkeys(functions.sectors) if paired else ():
        mirrored = symmetry.mirrored(sector)
        if mirrored is None or symmetry.signs(sector)[-1] > 0:
            continue
        even, odd = (np.flatnonzero(in_sector(functions.numbers, part)) for part in (mirrored, sector))
        gaps = np.abs(energy[odd, None] - energy[even])
        links += [(odd[k], even[gaps[k].argmin()]) for k in range(len(odd)) if gaps[k].min(initial=SPLIT) < SPLIT]
    size = len(energy)
    ends = tuple(np.array(links, dtype=np.intp).reshape(-1, 2).T)
    label = connected_components(sp.coo_array((np.ones(len(links)), ends), shape=(size, size)), directed=False)[1]
    lowest = np.full(size, np.inf)
    np.minimum.at(lowest, label, energy)
    rank = np.argsort(np.argsort(lowest[: label.max() + 1], kind="stable"))
    return np.asarray(rank[label])


def _with_partners(radial: OrbitalBasis) -> OrbitalBasis:
    """Orbitals with all partners, ascending with energy, from a basis with one of each set of partners."""
    symmetry = radial.symmetry
    rows = sorted(
        (energy, row, partner.numbers)
        for row, (energy, numbers) in enumerate(zip(radial.energy, radial.numbers.tolist(), strict=True))
        for partner in symmetry.partners(symmetry.sector(*numbers))
    )
    chosen = np.array([row for _, row, _ in rows], dtype=np.intp)
    numbers = np.array([numbers for _, _, numbers in rows], dtype=np.intp)
    basis = replace(radial, radial=np.arange(len(radial))).take(chosen)
    overlapping = symmetry.overlap_locally(numbers[:, None], numbers[None, :])
    return replace(
        basis, numbers=numbers, one_body=basis.one_body * overlapping, dot_weight=basis.dot_weight * overlapping
    )
