"""The dimer's splitting on a plain grid: a method that shares neither mesh nor elements nor eigensolver."""

import pytest
from tests.exact.grid import grid_splitting
from tests.exact.systems import dimer_spec

import qdmol

DIMER = {"radii": (1.4, 3.5), "masses": (0.13, 0.21), "edges": (0.0, 0.10), "barrier": 5.0}


@pytest.mark.parametrize("spacing", [5.2, 6.4])
def test_a_plain_grid_finds_the_same_splitting(spacing):
    """Stairs on the surface make the last steps of the grid uneven: half a percent is what it can promise."""
    values = [1000 * grid_splitting(h, spacing=spacing, **DIMER) for h in (0.05, 0.035, 0.025)]
    assert values[1:] == pytest.approx(values[:-1], rel=0.005)
    solver = qdmol.solve(dimer_spec(spacing=spacing, holes=0)).summary["splitting_meV"]
    assert solver == pytest.approx(values[-1], rel=0.005)
