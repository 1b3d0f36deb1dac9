"""Samples of a folder or a table into one table."""

import csv
import json

import numpy as np
import pytest
import xarray as xr
from tests.study.map_samples import mapping, run, sample, written

import qdmol
from qdmol.errors import InputError
from qdmol.study import solve_batch
from qdmol.study.batching import read_samples

TABLE = "name,core_radius,shell_thickness,spacing\nsmall,1.4,2.1,\nlarge,1.9 nm,21 angstrom,6\nimpossible,3,,5\n"


@pytest.fixture(autouse=True)
def _own_store(monkeypatch):
    monkeypatch.delenv("QDMOL_STORE", raising=False)


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_of_samples_becomes_one_table(tmp_path):
    (tmp_path / "samples.csv").write_text(TABLE)
    found = solve_batch(tmp_path / "samples.csv", spec=sample(), output=tmp_path / "out.csv")
    rows = rows_of(tmp_path / "out.csv")
    assert [row["sample"] for row in rows] == ["small", "large", "impossible"]
    assert float(rows[0]["splitting (meV)"]) == qdmol.solve(sample()).summary["splitting_meV"]
    assert rows[2]["splitting (meV)"] == ""
    assert "overlap" in rows[2]["reason"]
    data = xr.load_dataset(tmp_path / "out.nc")
    assert np.isnan(data.splitting.sel(sample="impossible"))
    assert data.splitting.sel(sample="large") == float(rows[1]["splitting (meV)"])
    xr.testing.assert_identical(data, found.data)
    assert not found.converged
    assert found.failed[0][0] == "impossible"
    assert "Sample impossible failed" in str(found)
    assert repr(found) == "<Batch of 3 samples: 2 solved>"
    assert "<div>2 of 3 samples were solved.</div>" in found._repr_html_()


def test_a_batch_comes_back_equal(tmp_path):
    (tmp_path / "samples.csv").write_text(f"{TABLE}unreadable,wide,,\n")
    batch = solve_batch(tmp_path / "samples.csv", spec=sample(), output=tmp_path / "out.csv")
    loaded = qdmol.load(batch.save(tmp_path / "saved.nc"))
    assert (loaded.summary, str(loaded)) == (batch.summary, str(batch))
    assert loaded.table == batch.table
    assert loaded.specs[:3] == list(batch.specs[:3])
    assert loaded.specs[3].as_dict() == batch.specs[3].as_dict()
    xr.testing.assert_identical(loaded.data, batch.data)


def test_what_was_given_stands_in_the_table(tmp_path):
    (tmp_path / "samples.csv").write_text(TABLE)
    solve_batch(tmp_path / "samples.csv", spec=sample(), output=tmp_path / "out.csv")
    rows = rows_of(tmp_path / "out.csv")
    assert [row["core_radius"] for row in rows] == ["1.4", "1.9 nm", "3"]


def test_a_folder_of_specs_becomes_one_table(tmp_path):
    folder = tmp_path / "specs"
    folder.mkdir()
    (folder / "b.json").write_text(json.dumps(mapping()))
    (folder / "a.yaml").write_text("qdmol: 1\nmaterials: nothing-of-the-kind\n")
    (folder / "notes.txt").write_text("not a spec")
    done = run("batch", folder, "-o", tmp_path / "out.csv", "--workers", 0, "--json")
    assert done.returncode == 3, done.stderr
    found = json.loads(done.stdout)
    assert found["samples"] == ["a.yaml", "b.json"]
    assert (found["done"], [one["sample"] for one in found["failed"]]) == (1, ["a.yaml"])
    assert {path.name for path in tmp_path.iterdir()} == {"specs", "out.csv", "out.nc", "out.nc.parts"}


def test_samples_that_are_not_converged_are_named(tmp_path):
    low = {"electron_barrier": 1.0, "hole_barrier": 1.0}
    calculation = {"electrons": 6, "holes": 0, "coulomb": "none", "tolerance": 1}
    shallow = sample(overrides={"medium": low}, calculation=calculation)
    (tmp_path / "samples.csv").write_text("name,core_radius,shell_thickness\nlarge,1.4,2.1\nsmall,0.5,0.3\n")
    result = solve_batch(tmp_path / "samples.csv", spec=shallow, output=tmp_path / "out.csv")
    assert not result.converged
    text = str(result)
    assert "1 of them is not converged to the tolerance, the first small: Only " in text
    (tmp_path / "one.csv").write_text("name,core_radius,shell_thickness\nlarge,1.4,2.1\n")
    settled = solve_batch(tmp_path / "one.csv", spec=shallow, output=tmp_path / "one_out.csv")
    assert settled.converged
    assert "not converged" not in str(settled)


def test_samples_are_kept_like_points(tmp_path, monkeypatch):
    (tmp_path / "samples.csv").write_text(TABLE)
    for _ in range(2):
        solve_batch(tmp_path / "samples.csv", spec=sample(), output=tmp_path / "out.nc")
        monkeypatch.setattr("qdmol.study.points.solve_point", None)  # the second time nothing is solved


def test_a_row_may_name_its_own_spec(tmp_path):
    written(tmp_path)
    (tmp_path / "s.csv").write_text("spec;core_radius\nsample.json;1.5\n@monomer;\nnowhere.yaml;1\n")
    names, specs = read_samples(tmp_path / "s.csv")
    assert names == ("row 1", "row 2", "row 3")
    assert specs[0].molecule.dots[0].core.radius == 1.5
    assert len(specs[1].molecule.dots) == 1
    assert isinstance(specs[2], InputError)


@pytest.mark.parametrize(
    "text",
    ["", "name,core_radius\n", "name,wall\na,1\n", "core_radius,core_radius\n1,1\n", "core_radius,\n1,2\n",
     "core_radius\n1,2\n", "name,core_radius\na,\n", "core_radius\n1 eV\n"],
)  # fmt: skip
def test_a_table_that_makes_no_sense_is_refused(tmp_path, text):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InputError):
        solve_batch(tmp_path / "s.csv", spec=sample(), output=tmp_path / "out.csv")
    assert {path.name for path in tmp_path.iterdir()} == {"s.csv"}


def test_what_is_missing_is_said(tmp_path):
    (tmp_path / "s.csv").write_text(TABLE)
    for options in ({"source": "s.csv"}, {"source": "nowhere"}, {"source": ".", "spec": "@homodimer"}, {"source": "."}):
        with pytest.raises(InputError):
            solve_batch(tmp_path / options.pop("source"), output=tmp_path / "out.csv", **options)
    with pytest.raises(InputError, match=r"csv or \.nc"):
        solve_batch(tmp_path / "s.csv", spec="@homodimer", output=tmp_path / "out.txt")
