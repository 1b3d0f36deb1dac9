"""Saved results come back equal, without the solver; other files are refused in one sentence."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from tests.study.map_samples import sample

import qdmol
from qdmol.errors import InputError
from qdmol.results import save_result


@pytest.fixture(scope="module")
def solution():
    return qdmol.solve(sample(calculation={"electrons": 2, "holes": 1, "coulomb": "self-consistent"}))


def test_a_solution_comes_back_equal(solution, tmp_path):
    loaded = qdmol.load(solution.save(tmp_path / "a.nc"))
    assert loaded == solution
    assert loaded.summary == solution.summary
    assert loaded.splitting.error == solution.splitting.error
    assert loaded.pair.exciton.error == solution.pair.exciton.error
    assert loaded.spec == solution.spec
    xr.testing.assert_equal(loaded.data, solution.data)
    assert {key: value for key, value in loaded.data.attrs.items() if isinstance(value, str)} == {
        key: value for key, value in solution.data.attrs.items() if isinstance(value, str)
    }
    assert (str(loaded), loaded._repr_html_(), repr(loaded)) == (str(solution), solution._repr_html_(), repr(solution))


def test_a_loaded_solution_can_be_saved_again(solution, tmp_path):
    first = qdmol.load(solution.save(tmp_path / "a.nc"))
    assert qdmol.load(first.save(tmp_path / "b.nc")) == solution


def test_the_file_of_a_report_is_a_saved_solution(solution, tmp_path):
    qdmol.report(solution, tmp_path / "page.html")
    assert qdmol.load(tmp_path / "page.nc") == solution


def test_loading_needs_no_solver(solution, tmp_path):
    path = solution.save(tmp_path / "a.nc")
    code = f"import sys, qdmol; qdmol.load({str(path)!r}).summary; print('ngsolve' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.fixture(scope="module")
def map_(tmp_path_factory):
    """A map of three points, one of which is impossible."""
    axes = {"core_radius": [1.2, 1.4], "spacing": [2.0, 5.2]}
    return qdmol.map(sample(), axes=axes, output=tmp_path_factory.mktemp("map") / "map.nc")


def test_a_map_comes_back_equal(map_, tmp_path):
    assert map_.failed
    loaded = qdmol.load(map_.save(tmp_path / "saved.nc"))
    assert loaded == map_
    assert {**loaded.summary, "file": None} == {**map_.summary, "file": None}
    xr.testing.assert_equal(loaded.data, map_.data)
    assert (str(loaded), repr(loaded)) == (str(map_), repr(map_))


def test_the_file_of_a_map_is_a_saved_map(map_):
    loaded = qdmol.load(map_.file)
    assert loaded == map_
    assert loaded.file == map_.file


def test_a_map_with_another_number_is_not_equal(map_, tmp_path):
    loaded = qdmol.load(map_.save(tmp_path / "saved.nc"))
    loaded.table._numbers["splitting_meV"][-1] += 1e-9
    assert loaded != map_


def test_a_comparison_comes_back_equal(tmp_path):
    comparison = qdmol.compare(sample(), sample(name="deeper", overrides={"CdS": {"conduction_offset": 0.2}}))
    loaded = qdmol.load(comparison.save(tmp_path / "comparison.nc"))
    assert loaded == comparison
    assert loaded.summary == comparison.summary


def _foreign(path):
    xr.Dataset({"a": ("x", np.arange(3.0))}).to_netcdf(path, engine="h5netcdf")


def test_damaged_bytes_are_refused_in_one_sentence(solution, tmp_path):
    """Whatever the HDF5 library makes of them; some damage lies in numbers, which nothing can notice."""
    content = solution.save(tmp_path / "a.nc").read_bytes()
    path, rng, refusals = tmp_path / "damaged.nc", np.random.default_rng(1), []
    for _ in range(40):
        damaged = bytearray(content)
        for place in rng.integers(0, min(len(content), 60_000), 20):
            damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(damaged))
        try:
            qdmol.load(path)
        except InputError as error:
            refusals.append(error)
    assert len(refusals) > 20
    assert {error.field for error in refusals} == {"path"}
    assert not [error for error in refusals if "\n" in str(error)]


def _text(path):
    path.write_text("not a NetCDF file")


def _old(path):
    xr.Dataset(attrs={"qdmol_version": "0.1.0"}).to_netcdf(path, engine="h5netcdf")


def _unknown(path):
    save_result(path, kind="molecular gastronomy", values={}, data=xr.Dataset())


def _incomplete(path):
    save_result(path, kind="solution", values={"values": {"name": "a"}}, data=xr.Dataset())


def _incomplete_map(path):
    save_result(path, kind="map", values={}, data=xr.Dataset())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_foreign, "contains no qdmol result"),
        (_text, "cannot be read as a NetCDF file"),
        (_old, "holds arrays only"),
        (_unknown, "this version of qdmol reads"),
        (_incomplete, "does not contain a complete solution"),
        (_incomplete_map, "does not contain a complete map"),
    ],
)
def test_other_files_are_refused_in_one_sentence(make, said, tmp_path):
    path = tmp_path / "file.nc"
    make(path)
    with pytest.raises(InputError, match=said) as refusal:
        qdmol.load(path)
    assert "\n" not in str(refusal.value)
    assert refusal.value.field == "path"


def test_a_missing_file_and_another_ending_are_refused(solution, tmp_path):
    with pytest.raises(InputError, match="existing file"):
        qdmol.load(tmp_path / "nothing.nc")
    with pytest.raises(InputError, match="ends in"):
        solution.save(tmp_path / "solution.html")
