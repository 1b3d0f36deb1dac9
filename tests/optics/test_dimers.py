"""Two dots beside each other absorb as two, but for the field each makes in the other."""

import numpy as np
import pytest
from tests.ci.samples import REQUEST
from tests.optics.samples import limit_of, lit, placed
from threadpoolctl import threadpool_limits

from qdmol.meanfield import solve_molecule
from qdmol.optics import Broadening, absorption_lines, cross_section, emitters, solve_light

LINE = Broadening(0.025, 0.02)
GRID = np.linspace(1.95, 4.3, 600)
EDGE = (GRID > 2.0) & (GRID < 2.2)


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def _pair(optical):
    """An unfused dimer and its dot alone, with the same cuts of the bases."""
    dimer = solve_light(solve_molecule(placed("linked", optical=optical), REQUEST), bases=2)
    alone = solve_molecule(placed("linked", optical=optical, monomer=True), REQUEST)
    return dimer, solve_light(alone, bases=2, spacing=dimer.spacing)


def _sigma(light):
    return cross_section(absorption_lines(light, limit_of(light)), GRID, LINE, index=light.index)


def test_without_contrast_two_unfused_dots_absorb_twice_as_much_as_one():
    dimer, alone = _pair(2.24)
    assert not dimer.local_field
    two, one = _sigma(dimer), _sigma(alone)
    ratio = two.sum(axis=1) / (2 * one[:, 0])
    assert ratio[EDGE] == pytest.approx(np.ones(EDGE.sum()), abs=0.01)
    assert two[EDGE].sum() == pytest.approx(2 * one[EDGE].sum(), rel=1e-3)
    assert two.sum() == pytest.approx(2 * one.sum(), rel=1e-3)
    seen = one[:, 0] > 0.02 * one.max()
    # Between lines at the first seam a level's limit differs by 14 meV, less than its error.
    middle = (GRID > 2.53) & (GRID < 2.66)
    assert ratio[seen & ~middle] == pytest.approx(np.ones(np.sum(seen & ~middle)), abs=0.01)
    assert ratio[middle] == pytest.approx(np.ones(middle.sum()), abs=0.03)
    assert two[:, 0] == pytest.approx(two[:, 1], rel=1e-6)
    # An exciton is in one dot and emits as there; heat takes electrons across, where they do not.
    ratios = []
    for temperature in (77.0, 300.0):
        settings = {"temperature": temperature, "broadening": LINE}
        pair, single = (emitters(light, limit_of(light), **settings).lifetime for light in (dimer, alone))
        ratios.append(pair / single)
    assert ratios == pytest.approx([1.0, 1.065], abs=0.01)


def test_contrast_strengthens_light_along_an_unfused_dimer_and_weakens_it_across():
    """Each dot in the other's dipole: 1/(1 - 2δ)² along and 1/(1 + δ)² across, δ = (R/d)³ (ε - ε_m)/(ε + 2ε_m).

    With 5.5 in 2.24, 3.5 nm and 7.3 nm, δ = 0.036: +16 %, -7 % and +0.9 % on average; multipoles of near spheres add.
    """
    dimer, alone = _pair((5.5, 2.24))
    dipole = (3.5 / 7.3) ** 3 * (5.5 - 2.24) / (5.5 + 2 * 2.24)
    moments = [light.edge[-1].moment[light.edge[-1].energy < 0.4].sum(axis=(0, 1)) for light in (dimer, alone)]
    across, along = moments[0] / (2 * moments[1])
    assert across == pytest.approx(1 / (1 + dipole) ** 2, rel=0.01)
    assert along == pytest.approx(1 / (1 - 2 * dipole) ** 2, rel=0.04)
    assert along > 1 / (1 - 2 * dipole) ** 2
    change = _sigma(dimer).sum(axis=1) / (2 * _sigma(alone)[:, 0]) - 1
    expected = (2 / (1 + dipole) ** 2 + 1 / (1 - 2 * dipole) ** 2) / 3 - 1
    assert 0.005 < expected < 0.012
    assert expected < change[EDGE].mean() < expected + 0.02
    assert np.all((change[GRID > 2.66] > 0) & (change[GRID > 2.66] < 0.04))


def test_fusing_moves_the_edge_and_not_the_sum():
    """A fused dimer absorbs below its monomer and, far above the edge, as its volume."""
    fused, alone = lit("homodimer"), lit("homodimer", monomer=True)
    edges = [light.band_gap + limit_of(light).levels.energy.min() for light in (fused, alone)]
    assert 1e-3 < edges[1] - edges[0] < 0.02
    high = GRID > 4.0
    ratio = _sigma(fused).sum(axis=1)[high] / _sigma(alone)[high, 0]
    volumes = [sum(region.volume.sum() for region in light.regions) for light in (fused, alone)]
    assert ratio == pytest.approx(np.full(high.sum(), volumes[0] / volumes[1]), rel=0.05)
