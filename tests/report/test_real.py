"""The report on what the solver really returns."""

import numpy as np
import pytest
import xarray as xr
from report_fakes import DOT, SMALL_DOT, spec_of
from report_texts import texts_are_apart

from qdmol.plot.solution import region_names
from qdmol.plot.style import paper_style
from qdmol.report import write_report
from qdmol.report.solution_page import solution_drawings
from qdmol.structure import materials_at, resolve

INVERTED = {"core": {"material": "CdS", "radius": 1.4}, "shells": [{"material": "CdSe", "thickness": 2.1}]}
KINDS = {
    "homodimer": spec_of(),
    "monomer": spec_of(DOT),
    "heterodimer": spec_of(SMALL_DOT, DOT),
    "unlike shells": spec_of(DOT, INVERTED, coulomb="none"),
    "chain": spec_of(DOT, DOT, DOT, coulomb="none"),
    "filled neck": spec_of(spacing=6.84, neck={"filled": 4.0}, coulomb="none"),
    "field": spec_of(field=50.0, coulomb="none"),
}


@pytest.fixture(scope="module", params=list(KINDS))
def real(request, solve_once):
    return solve_once(KINDS[request.param])


def test_page_and_data(real, tmp_path):
    page = write_report(real, tmp_path / "a.html")
    assert page.stat().st_size < 5_000_000
    with xr.open_dataset(page.with_suffix(".nc")) as back:
        assert set(back.variables) == set(real.data.variables)
        np.testing.assert_array_equal(back["electron_energy"], real.summary["electron"]["energy_eV"])


def test_figures(real):
    with paper_style():
        for drawing in solution_drawings(real):
            texts_are_apart(drawing)


def test_outlines_are_those_of_the_solver(real):
    """The materials by which outlines are drawn are the solver's, but for points on a boundary."""
    regions = real.data["region_map"]
    z, r = np.meshgrid(regions["map_z"].values, regions["map_r"].values)
    ours = materials_at(resolve(real.spec), z, r)
    theirs = np.asarray(region_names(regions), dtype=object)[regions.values]
    assert np.mean(ours != theirs) < 2e-3
