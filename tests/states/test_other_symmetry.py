"""The search for levels with a symmetry that knows no axis: one sector, and irreducible representations."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
import scipy.sparse as sp

from qdmol.fem import Direction, Image, Pattern, Sector, Symmetry
from qdmol.states import Pencil, find_levels
from qdmol.states.space import SectorSpace


@dataclass(frozen=True)
class TrivialSymmetry(Symmetry):
    """A finite symmetry of points in space without images: `sectors` of its own, each with no partner."""

    sectors: int = 1

    turn = 1.0
    images = (Image(lambda points: points),)
    directions = tuple(
        Direction(name, Sector((0,)), 1, axis) for name, axis in zip("xyz", np.eye(3).tolist(), strict=True)
    )
    identity = Sector((0,))

    def sector(self, *numbers):
        return Sector(numbers, {"representation": numbers[0]})

    def families(self):
        yield tuple(self.sector(number) for number in range(self.sectors))

    def meshed(self, positions):
        return np.zeros(len(positions), dtype=int), positions

    def orbit(self, position):
        return (position,)

    def partners(self, sector):
        return (sector,)

    def conjugate(self, sector):
        return sector

    def combine(self, one, other):
        return one ^ other

    def signs(self, sector):
        return (1,)

    def mirrored(self, sector):
        return None

    def overlap_locally(self, one, other):
        return np.ones(np.broadcast_shapes(one.shape[:-1], other.shape[:-1]), dtype=bool)

    def vanishing(self, sector):
        return ()

    def angular_factor(self, sector):
        return 0

    def sort_key(self, sector):
        return sector.numbers

    @property
    def unfolded(self):
        return self

    def unfolded_sector(self, sector):
        return sector

    def folded(self, sector):
        return sector


@dataclass(frozen=True)
class Chain:
    """A particle on a chain of `size` sites, in the basis of its natural order; the coarse space lacks the last sites.

    With two representations, A is split in two uncoupled chains.
    """

    size: int
    representations: int = 1
    floor: float = -0.5

    @property
    def symmetry(self):
        return TrivialSymmetry(self.representations)

    @cached_property
    def matrix(self):
        hopping = -np.ones(self.size - 1)
        if self.representations == 2:
            hopping[self.size // 2 - 1] = 0.0
        return sp.csc_array(sp.diags_array([hopping, np.full(self.size, 2.0), hopping], offsets=[-1, 0, 1]))

    def pencil(self, sector, *, coarse):
        share = self.size // self.representations
        unknowns = np.arange(share * sector.numbers[0], share * (sector.numbers[0] + 1) - (2 if coarse else 0))
        block = self.matrix[unknowns][:, unknowns].toarray() + np.diag(
            0.01 * sector.numbers[0] * np.ones(len(unknowns))
        )
        rows, columns = np.indices(block.shape)
        keep = np.abs(rows - columns) <= 1
        pattern, order = Pattern.of(rows[keep], columns[keep], len(unknowns))
        entries = np.bincount(order, weights=block[keep])
        mass = np.bincount(order, weights=np.eye(len(unknowns))[keep])
        degrees = np.minimum(np.arange(len(unknowns)) % 7 + 1, 6)
        return Pencil(SectorSpace(unknowns, pattern, degrees, np.arange(len(entries))), entries, mass)

    def factor_at_floor(self, sector, *, coarse):
        return self.pencil(sector, coarse=coarse).factor(self.floor)


def _chain_levels(size):
    return 2 - 2 * np.cos(np.pi * np.arange(1, size + 1) / (size + 1))


def test_levels_of_a_single_sector():
    found = find_levels(Chain(60), 4, ceiling=np.inf)
    assert found.complete
    assert [level.energy for level in found] == pytest.approx(_chain_levels(60)[:4], abs=1e-9)
    assert [dict(level.sector.labels) for level in found] == [{"representation": 0}] * 4


def test_all_representations_of_the_only_family_are_searched():
    found = find_levels(Chain(80, representations=2), 4, ceiling=np.inf)
    expected = sorted([*_chain_levels(40)[:2], *(_chain_levels(40)[:2] + 0.01)])
    assert [level.energy for level in found] == pytest.approx(expected, abs=1e-9)
    assert [level.sector.numbers for level in found] == [(0,), (1,), (0,), (1,)]


def test_levels_end_at_the_ceiling_though_no_family_is_left():
    found = find_levels(Chain(60), 4, ceiling=0.5 * (_chain_levels(60)[1] + _chain_levels(60)[2]))
    assert not found.complete
    assert len(found) == 2
