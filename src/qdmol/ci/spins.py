"""Functions of definite spin, and the Hamiltonian on them.

Two carriers of a kind, one with spin up and one with spin down, are a singlet or a triplet: functions that are even or
odd under exchange of their strings. The configurations that such exchanges take into each other, two or four, have one
symmetric combination, so that vectors over the combinations are shorter by this factor. Of the parts of the Hamiltonian
that exchanges take into each other one is applied, and the result is projected onto the symmetry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from qdmol.arrays import Floats, Indices
from qdmol.ci.configurations import ConfigurationSpace, Gathered, PairOperator, ordered


@dataclass(frozen=True)
class Spin:
    """Total spins of electrons and holes, None for more than two of a kind.

    `exchanges` are pairs of species whose exchange multiplies a state with `signs`.
    """

    electron: float | None
    hole: float | None
    exchanges: tuple[tuple[int, int], ...] = ()
    signs: tuple[int, ...] = ()


class Orbits:
    """Sets of configurations that exchanges of species take into each other.

    Attributes
    ----------
    products
        Which exchanges are done, for each product of exchanges.
    members
        (products, R): the images of the first configuration of each orbit, which has the lower string of every two
        exchanged species first; they repeat where an exchange leaves it as it is.
    orbit
        (n,): the orbit of each configuration.
    """

    def __init__(self, space: ConfigurationSpace, exchanges: Sequence[tuple[int, int]]) -> None:
        self.space = space
        self.exchanges = tuple(exchanges)
        self.products = list(product((False, True), repeat=len(exchanges)))
        swaps = [space.swapped(s, t) for s, t in exchanges]
        images = np.empty((len(self.products), space.size), dtype=np.intp)
        for row, exchanged in enumerate(self.products):
            images[row] = np.arange(space.size)
            for swap, done in zip(swaps, exchanged, strict=True):
                if done:
                    images[row] = swap[images[row]]
        first = np.take_along_axis(images, space.keys[images].argmin(axis=0)[None], axis=0)[0]
        representatives, self.orbit = np.unique(first, return_inverse=True)
        self.members: Indices = images[:, representatives]

    @cached_property
    def mixed(self) -> list[tuple[int, Gathered]]:
        """Of operators that exchanges take into each other one with their number; those they leave alone left out."""
        first = {species: pair[0] for pair in self.exchanges for species in pair}
        sets: dict[frozenset[int], list[PairOperator]] = {}
        for operator in self.space.operators:
            sets.setdefault(frozenset(first.get(s, s) for s in operator.species), []).append(operator)
        return [(len(alike), self.space.gather(alike[0])) for alike in sets.values() if len(alike) > 1]

    @cached_property
    def symmetric(self) -> list[PairOperator]:
        """Operators that exchanges leave as they are."""
        exchanged = {species for pair in self.exchanges for species in pair}
        return [
            operator
            for operator in self.space.operators
            if operator.species in self.exchanges or exchanged.isdisjoint(operator.species)
        ]


class SpinSpace:
    """Orthonormal functions of one sector and spin: the combinations of the configurations of one orbit each."""

    def __init__(self, orbits: Orbits, spin: Spin) -> None:
        self.space, self.spin, self._orbits = orbits.space, spin, orbits
        self._signs = np.array(
            [math.prod(sign for sign, done in zip(spin.signs, row, strict=True) if done) for row in orbits.products]
        )
        fixed = orbits.members == orbits.members[0]
        # An orbit whose first configuration is its own image with a negative sign has no function of this spin.
        allowed = np.flatnonzero(self._signs @ fixed > 0)
        self._members = orbits.members[:, allowed]
        self.size = len(allowed)
        # Distinct configurations of each orbit: each occurs `fixed` times among its members.
        self._norm = np.sqrt(len(self._signs) / fixed[:, allowed].sum(axis=0))
        coefficient = np.zeros(self.space.size)
        coefficient[self._members] = self._signs[:, None] / self._norm
        number = np.zeros(orbits.members.shape[1], dtype=np.intp)
        number[allowed] = np.arange(self.size)
        self._function, self._coefficient = number[orbits.orbit], coefficient

    @cached_property
    def _symmetric(self) -> list[Gathered]:
        """Operators that exchanges leave as they are, between the functions."""
        strings = self.space.strings[:, self._members[0]]
        operators = []
        for operator in self._orbits.symmetric:
            pair = operator.species
            exchanged = pair in self.spin.exchanges
            own = _between_pairs(operator, self._sign(pair)) if exchanged else operator
            block, place = (table[strings[pair[0]], strings[pair[1]]] for table in (own.block, own.place))
            operators.append(ordered(own.matrices, block, place, self.space.others(own, self._members[0])))
        return operators

    def _sign(self, pair: tuple[int, int]) -> int:
        return self.spin.signs[self.spin.exchanges.index(pair)]

    @cached_property
    def _mixed(self) -> list[tuple[Gathered, Indices, Floats, Indices, Floats]]:
        """The other operators: function and coefficient of each element, and the elements of each function."""
        operators = []
        for count, gathered in self._orbits.mixed:
            factors = count / len(self._signs) * self._signs[:, None] * self._norm
            order = gathered.order
            operators.append(
                (gathered, self._function[order], self._coefficient[order], gathered.place[self._members], factors)
            )
        return operators

    def apply(self, vectors: Floats) -> Floats:
        """Apply the Hamiltonian to vectors (k, functions)."""
        result = np.zeros_like(vectors)
        for gathered in self._symmetric:
            gathered.add(vectors, result)
        for gathered, function, coefficient, places, factors in self._mixed:
            image = gathered.times(vectors.take(function, axis=1) * coefficient)
            for place, factor in zip(places, factors, strict=True):
                part = image.take(place, axis=1)
                part *= factor
                result += part
        return result

    @cached_property
    def diagonal(self) -> Floats:
        """Energy (functions,) of one configuration of each function."""
        return np.asarray(self.space.diagonal[self._members[0]])

    def among(self, chosen: Indices) -> Floats:
        """Hamiltonian matrix (k, k) between some functions (k,)."""
        configurations, place = np.unique(self._members[:, chosen], return_inverse=True)
        functions = np.zeros((len(chosen), len(configurations)))
        functions[np.arange(len(chosen)), place.reshape(-1, len(chosen))] = self._coefficient[self._members[:, chosen]]
        return np.asarray(functions @ self.space.among(configurations) @ functions.T)

    def expand(self, vectors: Floats) -> Floats:
        """Vectors (k, n) over all configurations from vectors (k, functions)."""
        return np.asarray(vectors.take(self._function, axis=1) * self._coefficient)


def _between_pairs(operator: PairOperator, sign: int) -> PairOperator:
    """An operator on two exchanged species between their combinations (|ij> + sign |ji>)/√2 with i < j, and |ii>."""
    size = len(operator.block)
    first, second = np.triu_indices(size, k=0 if sign > 0 else 1)
    block, weight = operator.block[first, second], np.where(first == second, 0.5, math.sqrt(0.5))
    place = np.full(operator.block.shape, -1)
    matrices = []
    for b, matrix in enumerate(operator.matrices):
        pairs = np.flatnonzero(block == b)
        i, j = first[pairs], second[pairs]
        place[i, j] = np.arange(len(pairs))
        rows = matrix[operator.place[i, j]] + sign * matrix[operator.place[j, i]]
        columns = rows[:, operator.place[i, j]] + sign * rows[:, operator.place[j, i]]
        matrices.append(weight[pairs, None] * columns * weight[pairs])
    return PairOperator(operator.species, operator.block, place, tuple(matrices))
