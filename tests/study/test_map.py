"""Maps in this process: numbers, holes, files, and what comes back from disk."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from tests.study.map_samples import AXES, BARE, mapping, parts, run, sample, written

import qdmol
from qdmol.errors import InputError, OutputError
from qdmol.study import points
from qdmol.study.table import COULOMB_NUMBERS, NUMBERS, variable_name


@pytest.fixture(autouse=True)
def _own_store(monkeypatch):
    monkeypatch.delenv("QDMOL_STORE", raising=False)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return qdmol.map(sample(), axes=AXES, output=tmp_path_factory.mktemp("map") / "m.nc")


@pytest.fixture
def counted(monkeypatch):
    """The points solved, by what was asked for."""
    tasks = []
    solve_point = points.solve_point

    def count(point):
        tasks.append(point)
        return solve_point(point)

    monkeypatch.setattr(points, "solve_point", count)
    return tasks


def test_every_point_is_what_solve_gives(found):
    for i, diameter in enumerate((2.2, 3.2, 4.2)):
        for j, barrier in enumerate((0.8, 2.0)):
            spec = qdmol.structure.update_spec(sample(), "molecule.dots[*].core.diameter", diameter)
            summary = qdmol.solve(qdmol.structure.update_spec(spec, "molecule.barrier", barrier)).summary
            assert found.data.splitting.values[i, j] == summary["splitting_meV"]
            assert found.data.splitting_error.values[i, j] == summary["splitting_error_meV"]


def test_splittings_fall_with_barrier_and_core_diameter(found):
    """As in Fig. R1 of the reference work's peer-review file."""
    splitting = found.data.splitting
    assert (splitting.diff("core_diameter") < 0).all()
    assert (splitting.diff("barrier") < 0).all()


def test_the_file_is_the_result(found):
    read = xr.load_dataset(found.file)
    xr.testing.assert_identical(read, found.data)
    assert read.splitting.dims == ("core_diameter", "barrier")
    assert read.splitting.attrs["units"] == "meV"
    assert read.core_diameter.attrs["units"] == "nm"
    assert qdmol.read_spec(json_of(read.attrs["spec"])) == found.spec


def json_of(text):
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def test_the_object_of_the_command_line(found):
    summary = found.summary
    assert set(summary) == {"qdmol", "file", "axes", "done", "failed", "converged", "elapsed_s"}
    assert summary["axes"][1] == {"field": "molecule.barrier", "name": "barrier", "unit": "nm", "values": [0.8, 2.0]}
    assert (summary["done"], summary["failed"], summary["converged"]) == (6, [], True)
    json.dumps(summary, allow_nan=False)


def test_it_shows_itself(found):
    assert "3 x 2 points" in str(found)
    assert found._repr_html_().startswith("<div>")


def test_every_scalar_of_solve_is_a_variable():
    spec = sample(calculation={"electrons": 2, "holes": 1, "tolerance": 0.5})
    summary = qdmol.solve(spec).summary
    data = qdmol.map(spec, axes={"core_radius": [1.4]}).data
    scalars = {**summary["coulomb"], **summary}
    for key, value in scalars.items():
        if isinstance(value, float | int) and not isinstance(value, bool) and key not in {"qdmol", "elapsed_s"}:
            name = key.removesuffix("_meV").removesuffix("_eV")
            assert data[name].values[0] == value, key
            unit = "meV" if key.endswith("_meV") else "eV" if key.endswith("_eV") else "1"
            assert data[name].attrs["units"] == unit
    assert data.converged.values[0] == 1
    known = {key for key, value in scalars.items() if isinstance(value, float) and key != "elapsed_s"}
    assert known <= {*NUMBERS, *COULOMB_NUMBERS}


def test_the_level_spacing_gives_way_to_an_axis_of_that_name():
    assert variable_name("spacing_meV", ("spacing",)) == "coulomb_spacing"
    assert variable_name("spacing_meV", ("barrier",)) == "spacing"
    spec = sample(calculation={"electrons": 2, "holes": 1, "tolerance": 0.5})
    data = qdmol.map(spec, axes={"spacing": [5.2]}).data
    assert data.spacing.values == [5.2]
    assert data.coulomb_spacing.values[0] == pytest.approx(61.6, abs=1)


def test_dimensions_are_named_as_given(tmp_path):
    name = "molecule.dots[*].core.radius"
    found = qdmol.map(sample(), axes={name: [1.4], "overrides.medium.electron_barrier": ["hard", "5 eV"]},
                      output=tmp_path / "m.nc")  # fmt: skip
    read = xr.load_dataset(tmp_path / "m.nc")
    assert read.splitting.dims == (name, "overrides.medium.electron_barrier")
    assert read["overrides.medium.electron_barrier"].values.tolist() == [np.inf, 5.0]
    assert found.summary["axes"][1]["values"] == ["hard", 5.0]


# ---------------------------------------------------------------- holes


def test_impossible_corners_are_holes_with_reasons(tmp_path):
    found = qdmol.map(sample(), axes={"core_radius": [1.0, 2.0], "spacing": [3.0, 5.0]}, output=tmp_path / "m.nc")
    read = xr.load_dataset(tmp_path / "m.nc")
    assert np.isnan(read.splitting.values).tolist() == [[False, False], [True, False]]
    assert "overlap" in str(read.reason.values[1, 0])
    assert (read.reason.values != "").sum() == 1
    assert not found.converged
    ((failed),) = found.summary["failed"]
    assert failed["index"] == [1, 0]
    assert "Failed point core_radius 2.0 nm, spacing 3.0 nm" in str(found)


def test_a_point_that_binds_nothing_is_a_hole(tmp_path):
    dot = {"core": {"material": "CdSe", "radius": 1.0}}
    spec = sample(molecule={"dots": [dot]}, calculation={**BARE, "electrons": 1})
    axes = {"overrides.medium.electron_barrier": [0.1, 5.0]}
    found = qdmol.map(spec, axes=axes, output=tmp_path / "m.nc")
    assert [place for place, _ in found.failed] == [(0,)]
    assert "no bound electron level" in found.failed[0][1]


def test_what_the_solver_refuses_is_kept_and_a_failure_is_tried_again(tmp_path, monkeypatch):
    from qdmol.errors import SolverError

    calls = []

    def fail(point):
        calls.append(point)
        raise SolverError("no mesh") if point.spec.molecule.barrier == 0.8 else ZeroDivisionError("a bug")

    monkeypatch.setattr(points, "solve_point", fail)
    for _ in range(2):
        found = qdmol.map(sample(), axes={"barrier": [0.8, 2.0]}, output=tmp_path / "m.nc")
    assert found.failed[0][1] == "no mesh"
    assert "ZeroDivisionError: a bug" in found.failed[1][1]
    assert len(calls) == 3


def test_a_point_over_its_time_is_a_hole(tmp_path, monkeypatch):
    def stuck(_):
        while True:
            sum(range(100))

    monkeypatch.setattr(points, "solve_point", stuck)
    found = qdmol.map(sample(), axes={"barrier": [0.8]}, output=tmp_path / "m.nc", time_limit=0.2)
    assert found.failed[0][1] == "not finished within the time limit of 0.2 s"


@pytest.mark.parametrize(
    "options",
    [
        {"axes": {"molecule.dots[*].core.radios": [1.0]}},
        {"axes": {"molecule.bonds[0].length": [1.0]}},
        {"axes": {"barrier": [-1.0]}},
        {"axes": {"core_radius": [3.0, 4.0]}},
        {"axes": {}},
        {"axes": AXES, "output": "m.csv"},
        {"axes": AXES, "output": "nowhere/m.nc"},
        {"axes": AXES, "workers": -1},
        {"axes": AXES, "workers": 1, "scheduler": "tcp://127.0.0.1:1"},
        {"axes": AXES, "time_limit": 0},
        {"axes": AXES, "scheduler": "nonsense"},
    ],
)
def test_a_map_that_makes_no_sense_is_refused_and_nothing_written(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        qdmol.map(sample(), **{"output": "m.nc", **options})
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- what is on disk


def test_finished_points_come_back(tmp_path, counted):
    first = qdmol.map(sample(), axes=AXES, output=tmp_path / "m.nc")
    content = (tmp_path / "m.nc").read_bytes()
    assert len(counted) == len(parts(tmp_path / "m.nc")) == 6
    (tmp_path / "m.nc").unlink()
    again = qdmol.map(sample(name="another name"), axes=AXES, output=tmp_path / "m.nc")
    assert len(counted) == 6
    xr.testing.assert_equal(first.data, again.data)
    qdmol.map(sample(), axes=AXES, output=tmp_path / "m.nc")
    assert (tmp_path / "m.nc").read_bytes() == content


def test_only_what_is_missing_is_computed(tmp_path, counted):
    qdmol.map(sample(), axes={"barrier": [0.8, 2.0]}, output=tmp_path / "m.nc")
    qdmol.map(sample(), axes={"barrier": [0.8, 1.4, 2.0]}, output=tmp_path / "m.nc")
    assert [task.spec.molecule.barrier for task in counted] == [0.8, 2.0, 1.4]
    parts(tmp_path / "m.nc")[0].write_text("damaged")
    found = qdmol.map(sample(), axes={"barrier": [0.8, 1.4, 2.0]}, output=tmp_path / "m.nc")
    assert len(counted) == 4
    assert found.converged


@pytest.mark.parametrize(
    "change",
    [{"environment": {"temperature": 200}}, {"overrides": {"CdS": {"conduction_offset": 0.12}}},
     {"calculation": {**BARE, "tolerance": 0.2}}],
)  # fmt: skip
def test_a_changed_value_is_computed_again(tmp_path, counted, change):
    for spec in (sample(), sample(**change)):
        qdmol.map(spec, axes={"barrier": [2.0]}, output=tmp_path / "m.nc")
    assert len(counted) == 2


def test_a_changed_source_is_computed_again(tmp_path, counted, monkeypatch):
    qdmol.map(sample(), axes={"barrier": [2.0]}, output=tmp_path / "m.nc")
    for module in ("jobs.running", "jobs.job", "jobs.store", "study.mapping"):
        monkeypatch.setattr(f"qdmol.{module}.source_digest", lambda _: "another")
    qdmol.map(sample(), axes={"barrier": [2.0]}, output=tmp_path / "m.nc")
    assert len(counted) == 2


def test_points_that_are_the_same_are_solved_once(counted):
    """A monomer has no barrier: both points have different keys, but two names of one sample have not."""
    axes = {"molecule.dots[0].core.radius": [1.4, 1.5], "name": ["a", "b"]}
    with pytest.raises(InputError):  # the name is no dotted path
        qdmol.map(sample(), axes=axes)
    qdmol.map(sample(), axes={"barrier": [2.0]})
    assert len(counted) == 1


def test_a_shared_store_serves_several_files(tmp_path, counted, monkeypatch):
    monkeypatch.setenv("QDMOL_STORE", str(tmp_path / "shared"))
    for name in ("a.nc", "b.nc"):
        qdmol.map(sample(), axes={"barrier": [2.0]}, output=tmp_path / name)
    assert len(counted) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"a.nc", "b.nc", "shared"}


def test_a_map_on_disk_comes_back_without_the_solver(tmp_path):
    qdmol.map(sample(), axes=AXES, output=tmp_path / "m.nc")
    code = (
        "import sys, json, qdmol\n"
        f"spec, axes = json.loads({json.dumps(json.dumps([mapping(), AXES]))})\n"
        "found = qdmol.map(spec, axes=axes, output='m.nc', workers=2)\n"
        "assert found.converged\n"
        "print([name for name in ('ngsolve', 'netgen', 'scipy', 'distributed', 'matplotlib', 'xarray')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(*_):
        raise OutputError("no space")

    monkeypatch.setattr("qdmol.jobs.store.Store.write", full)
    with pytest.raises(OutputError, match="no space"):
        qdmol.map(sample(), axes={"barrier": [2.0]}, output=tmp_path / "m.nc")
    assert xr.load_dataset(tmp_path / "m.nc").reason.values[0] == "not computed yet"


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="permissions do not bind root")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError):
        qdmol.map(sample(), axes={"barrier": [2.0]}, output=tmp_path / "m.nc")


# ---------------------------------------------------------------- the command


def test_the_command_tells_holes_by_its_status(tmp_path):
    spec = written(tmp_path)
    axes = ["--axis", "core_radius=1,2", "--axis", "spacing=3,5"]
    done = run("map", spec, *axes, "-o", tmp_path / "m.nc", "--workers", 0, "--json")
    assert done.returncode == 3, done.stderr
    found = json.loads(done.stdout)
    assert (found["done"], [one["index"] for one in found["failed"]]) == (3, [[1, 0]])
    assert found["file"] == str(tmp_path / "m.nc")


def test_the_command_refuses_with_status_2(tmp_path):
    spec = written(tmp_path)
    for arguments in (["--axis", "barrier=1:2"], ["--axis", "wall=1"], [], ["--axis", "barrier=-1"]):
        done = run("map", spec, *arguments, "-o", tmp_path / "m.nc", "--json")
        assert done.returncode == 2
        assert set(json.loads(done.stdout)["error"]) == {"field", "value", "allowed", "message"}
    done = run("map", spec, "--axis", "barrier=1")
    assert done.returncode == 2
    assert {path.name for path in tmp_path.iterdir()} == {"sample.json"}
