"""A dataset comes back from its file as it went in, read by plain xarray."""

import json
import os
from importlib.metadata import version

import numpy as np
import pytest
import xarray as xr

from qdmol.errors import OutputError
from qdmol.results import provenance, write_netcdf

UNITS = {"units": "eV", "long_name": "energy of the electron level"}


@pytest.fixture
def dataset():
    z = np.linspace(-5, 5, 2000)
    return xr.Dataset(
        {
            "electron_energy": ("electron_level", [0.1776700001, 0.2005370002], UNITS),
            "electron_parity": ("electron_level", np.array(["+", "−"]), {"units": "1"}),
            "electron_edge": ("z", np.where(abs(z) < 4, 0.1, np.inf), {"units": "eV"}),
            "region": ("z", (abs(z) < 4).astype(np.int32), {"units": "1", "regions": ["CdSe", "medium"]}),
            "hole": ("z", np.where(abs(z) < 4, z, np.nan), {"units": "nm"}),
            "splitting": ((), 22.867, {"units": "meV"}),
            "range_splitting": ("alternative", [20.0, 24.6], {"units": "meV"}),
            "flag": ("alternative", [True, False], {"units": "1"}),
        },
        coords={"z": ("z", z, {"units": "nm"}), "alternative": ["CdS.conduction_offset = 0.32 eV", "größer"]},
        attrs={"spec": "qdmol: 1\nname: ψ\n", "converged": True, "nothing": None, "settings": {"order": 5}},
    )


def test_round_trip(dataset, tmp_path):
    path = tmp_path / "levels.nc"
    assert write_netcdf(dataset, path) == path
    with xr.open_dataset(path) as read:
        back = read.load()
    for name in dataset.variables:
        if name != "flag":
            xr.testing.assert_equal(dataset[name].variable, back[name].variable)
        assert back[name].attrs.get("units") == dataset[name].attrs.get("units"), name
    np.testing.assert_array_equal(back["flag"], [1, 0])
    assert back.attrs["spec"] == dataset.attrs["spec"]
    assert back.attrs["converged"] == 1
    assert back.attrs["nothing"] == ""
    assert json.loads(back.attrs["settings"]) == {"order": 5}
    assert json.loads(back["region"].attrs["regions"]) == ["CdSe", "medium"]


def test_input_is_not_changed(dataset, tmp_path):
    before = dataset.copy(deep=True)
    write_netcdf(dataset, tmp_path / "levels.nc")
    xr.testing.assert_identical(before, dataset)
    assert dataset["electron_parity"].dtype == before["electron_parity"].dtype


def test_same_bytes_twice(dataset, tmp_path):
    first = write_netcdf(dataset, tmp_path / "a.nc").read_bytes()
    assert write_netcdf(dataset, tmp_path / "b.nc").read_bytes() == first


def test_a_limit_on_the_size_of_files_keeps_the_old_file(dataset, tmp_path):
    resource = pytest.importorskip("resource")
    path = write_netcdf(dataset, tmp_path / "levels.nc")
    old = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) // 2, hard))
    try:
        with pytest.raises(OutputError, match="File too large") as caught:
            write_netcdf(dataset, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == old
    assert [entry.name for entry in tmp_path.iterdir()] == ["levels.nc"]


def test_groups_are_read_back(dataset, tmp_path):
    path = write_netcdf(dataset, tmp_path / "levels.nc", groups={"file1": dataset[["splitting"]]})
    assert xr.load_dataset(path, group="file1")["splitting"] == dataset["splitting"]
    assert "file1" not in xr.load_dataset(path).variables


def test_names_that_are_not_utf8_are_written_with_question_marks(tmp_path):
    bad = os.fsdecode(b"caf\xe9.yaml")
    data = xr.Dataset({"sample": ("row", np.array([bad, "a"], dtype=object))}, attrs={"file": bad})
    read = xr.load_dataset(write_netcdf(data, tmp_path / "levels.nc"))
    assert list(read["sample"].values) == ["caf?.yaml", "a"]
    assert read.attrs["file"] == "caf?.yaml"


def test_missing_folder(dataset, tmp_path):
    with pytest.raises(OutputError, match="absent"):
        write_netcdf(dataset, tmp_path / "absent" / "levels.nc")


def test_provenance_reads_the_metadata():
    versions = provenance()
    for package in ("qdmol", "numpy", "scipy"):
        assert versions[package] == version(package)
    assert versions["python"].count(".") == 2
    assert all(isinstance(value, str) and value for value in versions.values())


def test_provenance_without_the_solver(monkeypatch):
    import importlib.metadata

    def absent(package):
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr("qdmol.results.netcdf.version", absent)
    assert provenance()["ngsolve"] == "not installed"
