"""Configurations of a few electrons and holes with spin, and the Hamiltonian on them.

H = Σ h_ab a†b + ½ Σ (ab|cd) a†c†d b for the carriers of each kind, less Σ (ab|cd) a†b c†d between electrons and holes.
The carriers of one kind and spin are a *species*; its states are strings, the antisymmetric products of its orbitals
(Knowles and Handy, Chem. Phys. Lett. 111, 315 (1984), doi:10.1016/0009-2614(84)85513-X). A configuration is one string
of each species. The Hamiltonian conserves the sector of any two species together, so that between them it is one small
dense matrix for each sector, applied to all strings of the others at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import combinations

import numpy as np
import scipy.sparse as sp

from qdmol.arrays import Floats, Indices
from qdmol.ci.integrals import Interaction
from qdmol.ci.orbitals import OrbitalBasis, in_sector
from qdmol.fem import Sector, Symmetry


@dataclass(frozen=True, eq=False)
class Species:
    """Carriers of one kind and spin: strings (S, n) of occupied orbitals with their quantum numbers (S, K).

    `one_body` (S, S): the energy (eV) of a string by itself, repulsion within it included. `transitions` (S², N²):
    which strings a†_a a_b connects, with its sign.
    """

    carrier: str
    symmetry: Symmetry
    orbitals: int
    strings: Indices
    numbers: Indices
    one_body: sp.csr_array
    transitions: sp.csr_array

    @property
    def size(self) -> int:
        """Number of strings."""
        return len(self.strings)

    @property
    def particles(self) -> int:
        """Carriers in a string."""
        return int(self.strings.shape[1])


def make_species(basis: OrbitalBasis, particles: int, repulsion: Interaction | None) -> Species:
    """Strings of `particles` carriers of one spin; their `repulsion` is needed from two carriers on."""
    count = len(basis.energy)
    strings = np.array(list(combinations(range(count), particles)), dtype=np.intp)
    transitions = _transitions(strings, count)
    size = len(strings)
    single = transitions @ sp.csr_array(basis.one_body.reshape(-1, 1))
    energy = sp.csr_array(single.reshape(size, size))
    if particles > 1 and repulsion is not None:
        energy = energy + _repulsion(transitions, size, count, _as_matrix(repulsion, count, count))
    numbers = reduce(basis.symmetry.combine, (basis.numbers[column] for column in strings.T))
    return Species(basis.carrier, basis.symmetry, count, strings, numbers, sp.csr_array(energy), transitions)


def _transitions(strings: Indices, count: int) -> sp.csr_array:
    """Sign of <I| a†_a a_b |J> as a matrix over (I, J) and (a, b)."""
    place = {tuple(string): i for i, string in enumerate(strings.tolist())}
    rows, columns, signs = [], [], []
    for j, string in enumerate(strings.tolist()):
        for position, b in enumerate(string):
            others = string[:position] + string[position + 1 :]
            for a in range(count):
                if a in others:
                    continue
                before = sum(occupied < a for occupied in others)
                rows.append(place[tuple(sorted([*others, a]))] * len(strings) + j)
                columns.append(a * count + b)
                signs.append((-1.0) ** (position + before))
    shape = (len(strings) ** 2, count**2)
    return sp.csr_array(sp.coo_array((signs, (rows, columns)), shape=shape))


def _as_matrix(interaction: Interaction, first: int, second: int) -> sp.csr_array:
    """(ab|cd) as a matrix over (a, b) and (c, d)."""
    rows, columns, values = [], [], []
    for block in interaction.blocks:
        left = block.left[:, 0] * first + block.left[:, 1]
        right = block.right[:, 0] * second + block.right[:, 1]
        rows.append(np.repeat(left, len(right)))
        columns.append(np.tile(right, len(left)))
        values.append(block.value.ravel())
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sp.csr_array(sp.coo_array(entries, shape=(first**2, second**2)))


def _repulsion(transitions: sp.csr_array, size: int, count: int, values: sp.csr_array) -> sp.csr_array:
    """½ Σ (ab|cd) (E_ab E_cd - δ_bc E_ad) on the strings."""
    operators = sp.csr_array(transitions.T)
    dressed = sp.csr_array(values @ operators)
    total = sp.csr_array((size, size))
    for pair in range(count * count):
        excitation = sp.csr_array(operators[[pair]].reshape(size, size))
        if excitation.nnz:
            total = total + excitation @ sp.csr_array(dressed[[pair]].reshape(size, size))
    exchanged = sp.coo_array(values)
    a, b = np.divmod(exchanged.row, count)
    c, d = np.divmod(exchanged.col, count)
    same = b == c
    shorted = sp.coo_array((exchanged.data[same], (a[same] * count + d[same], np.zeros(same.sum(), dtype=np.intp))))
    shorted.resize((count**2, 1))
    total = total - sp.csr_array((transitions @ sp.csr_array(shorted)).reshape(size, size))
    return sp.csr_array(total / 2)


@dataclass(frozen=True, eq=False)
class PairOperator:
    """Operator on two species that conserves the sector of both together: one dense matrix for each sector.

    `block` and `place` (S1, S2): the matrix a pair of strings belongs to, and its row there.
    """

    species: tuple[int, int]
    block: Indices
    place: Indices
    matrices: tuple[Floats, ...]


def pair_together(pair: tuple[int, int], left: Species, right: Species, first: Floats, second: Floats) -> PairOperator:
    """Projector on states in which a carrier of each of two species is in the same dot.

    `first` and `second` are the dots' weights (D, N, N) of the species' orbitals. Parts that would change the sector of
    the pair are omitted: they have no expectation value in a state of one sector.
    """
    parts = [
        _two_bodies(left, right, sp.csr_array(w.reshape(-1, 1)) @ sp.csr_array(v.reshape(1, -1)))
        for w, v in zip(first, second, strict=True)
    ]
    return assemble_pair(pair, left, right, parts)


def string_together(species: Species, weights: Floats) -> sp.csr_array:
    """Number of pairs in the same dot within the strings (S, S) of one species."""
    count = species.orbitals
    values = sp.csr_array((count**2, count**2))
    for w in weights:
        values = values + sp.csr_array(w.reshape(-1, 1)) @ sp.csr_array(w.reshape(1, -1))
    return _repulsion(species.transitions, species.size, count, sp.csr_array(values))


def _composite(left: Species, right: Species) -> tuple[Indices, Indices, Indices]:
    """Block and row (S1, S2) of each pair of strings, and the sizes of the blocks."""
    numbers = left.symmetry.combine(left.numbers[:, None], right.numbers[None, :])
    _, block = np.unique(numbers.reshape(-1, numbers.shape[-1]), axis=0, return_inverse=True)
    block = block.reshape(-1)
    sizes = np.bincount(block)
    order = np.argsort(block, kind="stable")
    place = np.empty(len(block), dtype=np.intp)
    place[order] = np.arange(len(block)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return block.reshape(numbers.shape[:2]), place.reshape(numbers.shape[:2]), sizes


def pair_operators(
    species: Sequence[Species], interactions: Mapping[tuple[str, str], tuple[float, Interaction]]
) -> list[PairOperator]:
    """Hamiltonian as a sum over pairs of species.

    Parameters
    ----------
    species
        At least two, electrons before holes.
    interactions
        For each pair of carriers the sign (+1 repels, -1 attracts) and the integrals.
    """
    shares = _one_body_shares(species)
    operators = []
    for s, t in combinations(range(len(species)), 2):
        left, right = species[s], species[t]
        sign, interaction = interactions[left.carrier, right.carrier]
        parts = [_two_body(left, right, sign, interaction)]
        if shares[s, t]:
            parts.append(_entries(shares[s, t] * left.one_body, None, right.size))
        if shares[t, s]:
            parts.append(_entries(None, shares[t, s] * right.one_body, left.size))
        operators.append(assemble_pair((s, t), left, right, parts))
    return operators


def _one_body_shares(species: Sequence[Species]) -> dict[tuple[int, int], float]:
    """Part of the energy of the strings of species s by themselves that is counted in its pair with t.

    It is divided equally among the other species of the carrier or, without one, among all other species, so that pairs
    of species that differ by an exchange of like species have the same operator.
    """
    shares: dict[tuple[int, int], float] = {}
    for s, own in enumerate(species):
        others = [t for t in range(len(species)) if t != s]
        like = [t for t in others if species[t].carrier == own.carrier] or others
        shares |= {(s, t): (1 / len(like) if t in like else 0.0) for t in others}
    return shares


Entries = tuple[Indices, Indices, Indices, Indices, Floats]


def _two_body(left: Species, right: Species, sign: float, interaction: Interaction) -> Entries:
    """Σ (ab|cd) E_ab E_cd as entries (I, J, I', J', value)."""
    return _two_bodies(left, right, sign * _as_matrix(interaction, left.orbitals, right.orbitals))


def _two_bodies(left: Species, right: Species, values: sp.csr_array) -> Entries:
    matrix = sp.coo_array(left.transitions @ values @ right.transitions.T)
    i, k = np.divmod(matrix.row, left.size)
    j, l = np.divmod(matrix.col, right.size)  # noqa: E741 - i, j, k, l
    return i, j, k, l, matrix.data


def _entries(first: sp.csr_array | None, second: sp.csr_array | None, size: int) -> Entries:
    """An operator on one of two species, the other (of `size` strings) left as it is."""
    matrix = sp.coo_array(first if first is not None else second)
    rows, columns = np.repeat(matrix.row, size), np.repeat(matrix.col, size)
    spectator = np.tile(np.arange(size), matrix.nnz)
    values = np.repeat(matrix.data, size)
    if first is not None:
        return rows, spectator, columns, spectator, values
    return spectator, rows, spectator, columns, values


def assemble_pair(pair: tuple[int, int], left: Species, right: Species, parts: Sequence[Entries]) -> PairOperator:
    """Operator with the given entries; those that would change the sector of the pair are omitted."""
    block, place, sizes = _composite(left, right)
    offsets = np.concatenate([[0], np.cumsum(sizes**2)])
    flat = np.zeros(offsets[-1])
    for i, j, k, l, values in parts:  # noqa: E741 - i, j, k, l
        where = block[i, j]
        inside = where == block[k, l]
        index = offsets[where] + place[i, j] * sizes[where] + place[k, l]
        flat += np.bincount(index[inside], weights=values[inside], minlength=len(flat))
    matrices = tuple(flat[offsets[b] : offsets[b + 1]].reshape(n, n) for b, n in enumerate(sizes))
    return PairOperator(pair, block, place, matrices)


class ConfigurationSpace:
    """All configurations in one sector; vectors (n,) over them.

    `strings` (species, n): the string of each species in each configuration.
    """

    def __init__(self, species: Sequence[Species], operators: Sequence[PairOperator], sector: Sector) -> None:
        self.species = tuple(species)
        self.operators = tuple(operators)
        self.symmetry = species[0].symmetry
        self.sector = sector
        self.strings = _configurations(species, sector)
        self.size = self.strings.shape[1]

    @cached_property
    def keys(self) -> Indices:
        """Number (n,) of each configuration among all products of strings: by the first species' string first."""
        sizes = [species.size for species in self.species]
        return np.ravel_multi_index(tuple(self.strings), sizes) if self.size else np.zeros(0, dtype=np.intp)

    @cached_property
    def _by_key(self) -> Indices:
        return np.argsort(self.keys)

    @cached_property
    def _gathered(self) -> list[Gathered]:
        return [self.gather(operator) for operator in self.operators]

    def gather(self, operator: PairOperator) -> Gathered:
        """An operator with the order of the configurations in which its matrices act on neighbouring ones."""
        block, place = self._location(operator)
        return ordered(operator.matrices, block, place, self.others(operator, slice(None)))

    def others(self, operator: PairOperator, chosen: Indices | slice) -> Indices:
        """Number (k,) of the strings of the species on which an operator does not act, in some configurations."""
        others = np.zeros(len(self.strings[0, chosen]), dtype=np.intp)
        for k, kind in enumerate(self.species):
            if k not in operator.species:
                others = others * kind.size + self.strings[k, chosen]
        return others

    def _location(self, operator: PairOperator) -> tuple[Indices, Indices]:
        """Matrix of an operator and the row there of every configuration (n,)."""
        s, t = operator.species
        return operator.block[self.strings[s], self.strings[t]], operator.place[self.strings[s], self.strings[t]]

    def apply(self, vectors: Floats) -> Floats:
        """Apply the Hamiltonian to one or several vectors (..., n)."""
        result = np.zeros_like(vectors)
        for gathered in self._gathered:
            gathered.add(vectors, result)
        return result

    @cached_property
    def diagonal(self) -> Floats:
        """Diagonal (n,) of the Hamiltonian."""
        total = np.zeros(self.size)
        for operator in self.operators:
            block, place = self._location(operator)
            sizes = np.array([len(matrix) for matrix in operator.matrices])
            offsets = np.cumsum(sizes) - sizes
            diagonals = np.concatenate([np.diag(matrix) for matrix in operator.matrices])
            total += diagonals[offsets[block] + place]
        return total

    def among(self, chosen: Indices) -> Floats:
        """Hamiltonian matrix (k, k) between some configurations (k,)."""
        strings = self.strings[:, chosen]
        total = np.zeros((len(chosen), len(chosen)))
        for operator in self.operators:
            s, t = operator.species
            block, place = operator.block[strings[s], strings[t]], operator.place[strings[s], strings[t]]
            others = np.delete(strings, (s, t), axis=0)
            same = (others[:, :, None] == others[:, None, :]).all(axis=0)
            for b in np.unique(block):
                inside = np.flatnonzero(block == b)
                where = np.ix_(inside, inside)
                total[where] += operator.matrices[b][np.ix_(place[inside], place[inside])] * same[where]
        return total

    def swapped(self, s: int, t: int) -> Indices:
        """Number of the configuration that results from exchanging the strings of two species of one carrier."""
        strings = self.strings.copy()
        strings[[s, t]] = strings[[t, s]]
        keys = np.ravel_multi_index(tuple(strings), [species.size for species in self.species])
        return np.asarray(self._by_key[np.searchsorted(self.keys, keys, sorter=self._by_key)], dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Gathered:
    """An operator on two species in one sector, ordered so that its matrices act on consecutive elements of vectors.

    `order` (n,): that order. Each of `parts` is a matrix and a slice of the order, on which it acts as often as there
    are strings of the other species.
    """

    order: Indices
    parts: tuple[tuple[Floats, slice], ...]

    def times(self, vectors: Floats) -> Floats:
        """Product of the operator with vectors (..., n), both in its order."""
        result = np.empty_like(vectors)
        for matrix, where in self.parts:
            rows = vectors[..., where]
            result[..., where] = (rows.reshape(-1, len(matrix)) @ matrix).reshape(rows.shape)
        return result

    @cached_property
    def place(self) -> Indices:
        """Place (n,) of every element in the order."""
        place = np.empty_like(self.order)
        place[self.order] = np.arange(len(self.order))
        return place

    def add(self, vectors: Floats, result: Floats) -> None:
        """Add the product of the operator with vectors (..., n) to `result`."""
        result += self.times(vectors.take(self.order, axis=-1)).take(self.place, axis=-1)


def ordered(matrices: Sequence[Floats], block: Indices, place: Indices, others: Indices) -> Gathered:
    """An operator on elements (n,) that are in row `place` of matrix `block`; the elements of one `others` and `block`
    are all rows of the matrix.
    """
    most = max((len(matrix) for matrix in matrices), default=1)
    order = np.argsort((block * (others.max(initial=0) + 1) + others) * most + place)
    ends = np.searchsorted(block[order], np.arange(len(matrices) + 1))
    parts = [(matrix, slice(ends[b], ends[b + 1])) for b, matrix in enumerate(matrices) if ends[b] < ends[b + 1]]
    return Gathered(order, tuple(parts))


def _configurations(species: Sequence[Species], sector: Sector) -> Indices:
    """Every choice of one string of each species that lies in a sector (species, n)."""
    symmetry = species[0].symmetry
    strings = np.arange(species[0].size)[None, :]
    numbers = species[0].numbers
    for inner in species[1:-1]:
        left, right = np.divmod(np.arange(strings.shape[1] * inner.size), inner.size)
        strings = np.concatenate([strings[:, left], right[None, :]])
        numbers = symmetry.combine(numbers[left], inner.numbers[right])
    # the last species completes the sector: only fitting strings are listed
    last = species[-1]
    parts = []
    for own in np.unique(last.numbers, axis=0):
        fitting = np.flatnonzero(np.all(last.numbers == own, axis=-1))
        others = np.flatnonzero(in_sector(symmetry.combine(numbers, own), sector))
        left, right = np.repeat(others, len(fitting)), np.tile(fitting, len(others))
        parts.append(np.concatenate([strings[:, left], right[None, :]]))
    return np.asarray(np.concatenate(parts, axis=1), dtype=np.intp)
