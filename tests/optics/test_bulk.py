"""Far above the edge: pairs of large spheres tend to bulk as their surface over their volume."""

import math

import numpy as np
import pytest
from tests.exact.bessel import sphere_pairs
from tests.optics.samples import lit, sphere_light
from threadpoolctl import threadpool_limits

from qdmol.optics.lines import bulk_density
from qdmol.optics.values import BulkRegion
from qdmol.units import HBAR2_OVER_2M0

MASSES = (0.2, 0.5)
REDUCED = 1 / (1 / 0.2 + 1 / 0.5)
# Weyl's second term of a hard wall, V k³/6π² (1 - (3π/8) S/(V k)): of a sphere 9π/8 over kR.
SURFACE = 9 * math.pi / 8


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def _ball(radius):
    return 4 / 3 * math.pi * radius**3


def _lacking(energy, moment, region, top):
    """1 - pairs over bulk of what is below an energy, times k/(9π/8), averaged over the upper half of energies."""
    found = []
    for limit in np.linspace(top / 2, top, 60):
        wave = math.sqrt(limit * REDUCED / HBAR2_OVER_2M0)
        share = moment[energy <= limit].sum() / _closed(region, limit)
        found.append((1 - share) * wave / SURFACE)
    return np.mean(found)


def _closed(region, limit):
    return region.volume[0] * region.moment[0, 0] * (limit * region.mass / HBAR2_OVER_2M0) ** 1.5 / (6 * math.pi**2)


def test_the_density_is_that_of_plane_waves():
    """Its integral is V k³/6π², as states of a particle with the reduced mass, above the gap only."""
    region = BulkRegion("dot", np.array([50.0]), 0.4, 0.15, np.array([[6.0, 7.0]]), np.ones(2), None, None)
    wave = math.sqrt(0.6 * 0.15 / HBAR2_OVER_2M0)
    energy = np.linspace(0.0, 1.0, 100_001)
    total = np.trapezoid(bulk_density(region, energy), energy, axis=0)
    assert total == pytest.approx(50 * wave**3 / (6 * math.pi**2) * region.moment, rel=1e-6)
    assert not np.any(bulk_density(region, np.array([0.0, 0.39])))


@pytest.mark.parametrize("radius", [10.0, 20.0, 40.0])
def test_closed_forms_of_large_spheres_tend_to_it(radius):
    """Strength below an energy lacks 9π/8 over kR: half as much of a sphere twice as large."""
    region = BulkRegion("dot", np.array([_ball(radius)]), 0.0, REDUCED, np.ones((1, 2)), np.ones(2), None, None)
    energy, count = sphere_pairs(radius, MASSES, 1.0)
    assert _lacking(energy, count, region, 1.0) == pytest.approx(1 / radius, rel=0.06)


@pytest.mark.parametrize("radius", [3.0, 6.0])
def test_pairs_of_solved_spheres_tend_to_their_bulk(radius):
    light = sphere_light(radius, top=4.5 / radius)
    (region,) = light.regions
    assert region.volume == pytest.approx([_ball(radius)], rel=1e-6)
    assert region.mass == pytest.approx(REDUCED)
    assert region.gap == 0
    assert region.moment == pytest.approx(np.full((1, 2), 20 / 3))
    lacking = _lacking(light.pairs.energy, light.pairs.moment[:, 0, 0], region, light.pairs.complete)
    assert lacking == pytest.approx(1 / radius, rel=0.5 / radius)


def test_the_regions_of_a_dimer_have_its_volumes_gaps_and_moments():
    light = lit("homodimer")
    shell, core = light.regions
    assert (shell.material, core.material) == ("CdS", "CdSe")
    lens = math.pi * 1.8**2 * (5.2**2 + 2 * 5.2 * 7) / (12 * 5.2)
    outer = (2 * _ball(3.5) - lens) / 2
    assert core.volume == pytest.approx([_ball(1.4)] * 2, rel=1e-5)
    assert shell.volume == pytest.approx([outer - _ball(1.4)] * 2, rel=1e-5)
    assert core.gap == 0
    assert shell.gap > 0.5
    assert core.moment / core.intensity == pytest.approx(np.full((2, 2), 20 / 3), rel=1e-9)
    assert shell.moment / shell.intensity == pytest.approx(np.full((2, 2), 21 / 3), rel=1e-9)
    assert np.all(shell.intensity < 1)
    assert shell.index == pytest.approx(math.sqrt(5.4))
