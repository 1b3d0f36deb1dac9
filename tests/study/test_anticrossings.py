"""Levels along an axis: followed by symmetry, and their smallest distances with errors that hold."""

import numpy as np
import pytest
from tests.study.map_samples import BARE, sample

import qdmol
from qdmol.study.anticrossings import anticrossings, follow_levels


def two_levels(position, *, coupling, centre=0.0, slope=1.0, curvature=0.0, base=0.2):
    """Energies (P, 2) in eV of two states whose detuning (meV) passes zero at the centre; the coupling is in meV."""
    shift = position - centre
    detuning = slope * shift + curvature * shift**2
    half = np.sqrt(detuning**2 + 4 * coupling**2) / 2000
    return np.stack([base - half, base + half], axis=1)


def crossings_of(position, energy, error=1e-4, m=None, parity=None):
    m = np.zeros(energy.shape) if m is None else m
    parity = np.full(energy.shape, "", dtype=object) if parity is None else parity
    return anticrossings("electron", position, follow_levels(energy, np.full(energy.shape, error), m, parity))


def test_two_coupled_levels_come_as_close_as_twice_the_coupling():
    position = np.linspace(-50, 50, 11)
    (crossing,) = crossings_of(position, two_levels(position, coupling=6.0, centre=3.3))
    assert crossing.levels == (0, 1)
    assert crossing.position == pytest.approx(3.3, abs=1e-6)
    assert crossing.gap.value == pytest.approx(12.0, abs=1e-6)


def test_uneven_values_give_the_same_distance():
    position = np.array([-50, -31, -14, -2, 5, 9, 20, 48.0])
    (crossing,) = crossings_of(position, two_levels(position, coupling=6.0, centre=3.3))
    assert (crossing.position, crossing.gap.value) == pytest.approx((3.3, 12.0), abs=1e-6)


def test_the_stated_error_covers_curved_detunings_and_noisy_levels():
    rng = np.random.default_rng(5)
    missed, ratios = 0, []
    for _ in range(300):
        count = int(rng.integers(7, 30))
        position = np.sort(rng.uniform(-60, 60, count))
        coupling, noise = rng.uniform(2, 20), 10 ** rng.uniform(-4, -1.5)
        centre, curvature = rng.uniform(-20, 20), rng.uniform(-0.002, 0.002)
        energy = two_levels(position, coupling=coupling, centre=centre, curvature=curvature)
        noisy = energy + 1e-3 * rng.uniform(-noise, noise, energy.shape)
        crossings = crossings_of(position, noisy, error=noise)
        nearest = min(crossings, key=lambda crossing: abs(crossing.position - centre), default=None)
        if nearest is None or not position[1] < centre < position[-2]:
            continue
        distance = abs(nearest.gap.value - 2 * coupling)
        missed += distance > nearest.gap.error
        ratios.append(nearest.gap.error / max(distance, 1e-12))
    assert len(ratios) > 200
    assert missed <= 0.03 * len(ratios)


def test_an_unresolved_crossing_has_an_error_as_large_as_its_distance():
    """Two levels that pass each other within the errors: the distance is zero within its error."""
    position = np.linspace(-10, 10, 8)
    (crossing,) = crossings_of(position, two_levels(position, coupling=1e-6), error=0.01)
    assert crossing.gap.value < 1
    assert crossing.gap.error >= crossing.gap.value


def test_levels_of_different_parity_cross():
    position = np.linspace(-10, 10, 9)
    energy = np.stack([0.2 - 1e-3 * position, 0.2 + 1e-3 * position], axis=1)
    order = np.argsort(energy, axis=1, kind="stable")
    parity = np.take_along_axis(np.array([["+", "-"]] * 9, dtype=object), order, axis=1)
    lines = follow_levels(np.sort(energy, axis=1), np.zeros((9, 2)), np.zeros((9, 2)), parity)
    assert {line.symmetry for line in lines} == {(0, "+"), (0, "-")}
    for line in lines:
        assert np.allclose(np.diff(line.energy), np.diff(line.energy)[0])  # straight through the crossing
    assert anticrossings("electron", position, lines) == []


def test_parity_at_a_single_point_does_not_break_the_lines():
    position = np.linspace(-20, 20, 5)
    energy = two_levels(position, coupling=5.0)
    parity = np.full(energy.shape, "", dtype=object)
    parity[2] = ["+", "-"]
    lines = follow_levels(energy, np.zeros(energy.shape), np.zeros(energy.shape), parity)
    assert len(lines) == 2
    assert all(np.isfinite(line.energy).all() for line in lines)
    assert len(anticrossings("electron", position, lines)) == 1


@pytest.mark.parametrize("missing", [3, 4, 5])
def test_no_minimum_is_told_beside_a_missing_point(missing):
    position = np.linspace(-40, 40, 9)
    energy = two_levels(position, coupling=5.0)
    energy[missing] = np.nan
    assert crossings_of(position, energy) == []


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_points_have_no_anticrossing(count):
    position = np.arange(float(count))
    assert crossings_of(position, two_levels(position, coupling=5.0)) == []


def test_a_distance_that_only_falls_is_no_anticrossing():
    position = np.linspace(0, 10, 11)
    assert crossings_of(position, two_levels(position, coupling=5.0, centre=20.0)) == []


def test_a_map_over_the_size_of_one_dot_tells_its_anticrossing():
    """At equal radii the splitting is 2t, that of the homodimer."""
    radii = [1.7, 1.3, 1.5, 1.2, 1.4]  # in any order
    result = qdmol.map(sample(calculation=BARE), axes={"molecule.dots[0].core.radius": radii})
    (crossing,) = result.anticrossings
    splitting = qdmol.solve(sample(calculation=BARE)).splitting.value
    assert crossing.position == pytest.approx(1.4, abs=0.03)
    assert abs(crossing.gap.value - splitting) < crossing.gap.error + 0.1
    assert "anticross at molecule.dots[0].core.radius" in str(result)
    (entry,) = result.summary["anticrossings"]
    assert entry["levels"] == [0, 1]
    assert entry["gap_meV"] == crossing.gap.value
