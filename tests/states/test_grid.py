"""The dimer's splitting on a plain grid: a method that shares neither mesh nor elements nor eigensolver."""

import pytest
from tests.exact.grid import grid_splitting
from tests.exact.systems import dimer_spec

import qdmol

DIMER = {"radii": (1.4, 3.5), "masses": (0.13, 0.21), "edges": (0.0, 0.10), "barrier": 5.0}


@pytest.mark.parametrize(("spacing", "known"), [(5.2, 22.867), (6.4, None)])
def test_a_plain_grid_finds_the_same_splitting(spacing, known):
    values = [1000 * grid_splitting(h, spacing=spacing, **DIMER) for h in (0.1, 0.05, 0.025)]
    error = abs(values[2] - values[1])
    solver = qdmol.solve(dimer_spec(spacing=spacing, holes=0)).summary["splitting_meV"]
    assert error < 0.02 * solver
    assert solver == pytest.approx(values[2], abs=error)
    if known:
        assert values[2] == pytest.approx(known, abs=2 * error)
