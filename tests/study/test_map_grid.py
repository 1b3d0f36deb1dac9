"""Two points of the map of Fig. R1, recomputed on a plain grid, which shares nothing with the solver."""

import pytest
from tests.study.half_plane_grid import Dimer, splitting
from tests.study.map_samples import sample

import qdmol

STEPS = (0.08, 0.07, 0.06, 0.05, 0.04)
VALUES = {"shell": 2.1, "edges": (0.0, 0.10, 5.0), "masses": (0.13, 0.21, 1.0)}
POINTS = [(2.2, 0.8), (4.2, 2.0)]


@pytest.fixture(scope="module")
def data():
    return qdmol.map(sample(), axes={"core_diameter": [2.2, 4.2], "barrier": [0.8, 2.0]}).data


@pytest.mark.parametrize(("diameter", "barrier"), POINTS)
def test_a_point_of_the_map_agrees_with_a_plain_grid_within_their_errors(data, diameter, barrier):
    point = data.sel(core_diameter=diameter, barrier=barrier)
    value, error = splitting(Dimer(diameter=diameter, barrier=barrier, **VALUES), STEPS)
    assert error < 0.003 * value  # an agreement that means something
    assert abs(float(point.splitting) - value) < error + float(point.splitting_error)


@pytest.mark.parametrize("change", [{"masses": (0.13, 0.2142, 1.0)}, {"edges": (0.0, 0.11, 5.0)}])
def test_another_parameter_would_be_noticed(data, change):
    """Two percent in the shell's mass, or 10 meV in the offset."""
    point = data.sel(core_diameter=4.2, barrier=2.0)
    value, error = splitting(Dimer(diameter=4.2, barrier=2.0, **{**VALUES, **change}), STEPS)
    assert abs(float(point.splitting) - value) > error + float(point.splitting_error)
