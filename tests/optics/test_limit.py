"""The limit of growing bases: exact on laws it knows, and right within its error on molecules."""

from dataclasses import replace

import numpy as np
import pytest
from tests.optics.samples import limit_of, lit
from threadpoolctl import threadpool_limits

from qdmol.optics import edge_limit, growths
from qdmol.optics.limit import MAX_GROWTH, MAX_SHIFT_EV
from qdmol.optics.values import ExcitonLevels


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(limits=1, user_api="blas"):
        yield


ENERGY = np.array([0.30, 0.31, 0.35, 0.36])
FALL = np.array([0.4, 0.7, 0.5, 0.6])  # eV times orbitals
MOMENT = np.array([2.0, 0.0, 1.0, 0.5])
NUMBERS = np.array([[0, 1], [1, -1], [0, 1], [0, -1]])  # m and parity
DEGENERACY = np.array([1.0, 2.0, 1.0, 1.0])


def _levels(count, *, energy=ENERGY, fall=FALL, missing=0.5):
    """Energies a + b/N and moments a (1 - missing/N^⅓), in order."""
    found = energy + fall / count
    order = np.argsort(found)
    moment = (MOMENT * (1 - missing * count ** (-1 / 3)))[:, None, None] * np.array([[[1.0, 2.0], [0.5, 0.1]]])
    place, contact = np.full((4, 2), 0.5), np.full(4, np.nan)
    one = ExcitonLevels(count, found, NUMBERS, DEGENERACY, moment, moment[..., 0], place, contact)
    names = ("energy", "numbers", "degeneracy", "moment", "bare", "place", "contact")
    return replace(one, **{name: getattr(one, name)[order] for name in names})


@pytest.mark.parametrize("counts", [(10, 25), (10, 25, 43, 66)])
def test_laws_of_the_basis_are_continued_exactly(counts):
    edge = tuple(_levels(count) for count in counts)
    found = edge_limit(edge, numerical=1e-4)
    assert found.levels.energy == pytest.approx(ENERGY, abs=1e-12)
    assert found.error == pytest.approx(FALL / counts[-1] + 1e-4, abs=1e-12)
    whole = MOMENT[:, None, None] * np.array([[[1.0, 2.0], [0.5, 0.1]]])
    assert found.levels.moment == pytest.approx(whole, abs=1e-12)
    assert found.levels.bare == pytest.approx(whole[..., 0], abs=1e-12)
    # What was added is the error.
    assert found.strength_error * whole.sum() == pytest.approx(whole.sum() - edge[-1].moment.sum())
    assert [growth * one.moment.sum() for growth, one in zip(growths(edge), edge, strict=True)] == pytest.approx(
        [whole.sum()] * len(counts)
    )


def test_levels_that_change_their_order_keep_their_symmetry():
    """Of the same m, parity and rank: here the second falls below the first."""
    energy, fall = np.array([0.31, 0.30, 0.35, 0.36]), np.array([0.1, 0.8, 0.5, 0.6])
    edge = tuple(_levels(count, energy=energy, fall=fall) for count in (20, 60))
    assert list(edge[0].numbers[:, 0]) == [0, 1, 0, 0]
    found = edge_limit(edge, numerical=0.0)
    for own, value, error in zip(found.levels.numbers, found.levels.energy, found.error, strict=True):
        known = zip(NUMBERS, energy, fall, strict=True)
        match = [f for numbers, e, f in known if np.array_equal(numbers, own) and abs(e - value) < 1e-12]
        assert match
        assert error == pytest.approx(match[0] / 60)


def test_one_basis_alone_is_not_continued_and_its_error_is_not_small():
    found = edge_limit((_levels(25),), numerical=1e-4)
    assert found.growth == 1
    assert found.levels.energy == pytest.approx(_levels(25).energy)
    assert np.all(found.error >= MAX_SHIFT_EV)


def test_a_level_without_a_partner_says_so():
    """In the smaller basis the last level of its symmetry is missing: nothing tells how far it falls."""
    small, large = _levels(10), _levels(25)
    names = ("energy", "numbers", "degeneracy", "moment", "bare", "place", "contact")
    cut = replace(small, **{name: getattr(small, name)[:3] for name in names})
    found = edge_limit((cut, large), numerical=1e-4)
    assert found.error[:3] == pytest.approx(FALL[:3] / 25 + 1e-4)
    assert found.error[3] >= MAX_SHIFT_EV


def test_what_is_added_is_bounded():
    far = edge_limit((_levels(10, fall=20 * FALL), _levels(25, fall=20 * FALL)), numerical=0.0)
    assert np.all(far.error <= MAX_SHIFT_EV)
    steep = edge_limit((_levels(10, missing=2.1), _levels(11, missing=2.1)), numerical=0.0)
    assert steep.growth == 1 + MAX_GROWTH
    rising = edge_limit((_levels(10, missing=-0.5), _levels(25, missing=-0.5)), numerical=0.0)
    assert rising.growth == 1
    known = edge_limit((_levels(10), _levels(25)), numerical=0.0, growth=1.3)
    assert known.levels.moment == pytest.approx(1.3 * _levels(25).moment)


@pytest.mark.parametrize(("example", "largest"), [("monomer", 5), ("homodimer", 3)])
def test_larger_bases_lie_within_the_errors_stated(example, largest):
    """The lowest energy, and the strength of the lowest lines, of two bases against more."""
    edge = lit(example, bases=largest).edge
    for bases in range(2, largest):
        found = edge_limit(edge[:bases], numerical=1e-5)
        for more in edge[bases:]:
            assert abs(more.energy[0] - found.levels.energy[0]) < found.error[0]
            sums = [one.moment[one.energy < one.energy[0] + 0.1].sum() for one in (found.levels, more)]
            assert abs(sums[1] / sums[0] - 1) < found.strength_error
        beyond = limit_of(lit(example, bases=largest))
        assert abs(beyond.levels.energy[0] - found.levels.energy[0]) < found.error[0]
        assert beyond.growth * edge[-1].moment.sum() == pytest.approx(found.levels.moment.sum(), rel=0.2)
