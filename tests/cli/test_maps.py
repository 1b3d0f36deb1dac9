"""The verbs over many points: progress, and the map of the main job."""

import json

import pytest

from qdmol.cli import progress as map_progress
from qdmol.cli.entry import run_command
from qdmol.jobs import State
from qdmol.study import mapping


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QDMOL_STORE", raising=False)


def test_a_line_says_how_far_it_is():
    line = map_progress.progress_line(State(done=120, failed=3, total=400, left=72.4, phase="computing"))
    assert line == "computing: 120 of 400 points, 3 failed, 1:12 left"
    assert map_progress.progress_line(State(0, 0, 4, None, "planning")) == "planning: 0 of 4 points"


def test_lines_come_now_and_then_and_never_when_quiet(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 6.0, 7.0, 12.0])
    monkeypatch.setattr(map_progress.time, "monotonic", lambda: next(clock))
    with map_progress.map_progress(quiet=False) as show:
        for done in range(4):
            show(State(done, 0, 4, None, "computing"))
    assert capsys.readouterr().err.splitlines() == ["computing: 1 of 4 points", "computing: 3 of 4 points"]
    with map_progress.map_progress(quiet=True) as show:
        assert show is None


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(map_progress.sys.stderr, "isatty", lambda: True)
    with map_progress.map_progress(quiet=False) as show:
        show(State(1, 0, 4, 3.0, "computing"))


@pytest.mark.parametrize("points", [2, pytest.param(13, marks=pytest.mark.slow)])
def test_run_adds_the_map_to_the_report(tmp_path, monkeypatch, capsys, points):
    """With as many points on an axis as are drawn in the slow tests, else with its ends."""
    assert mapping.DIAMETERS == mapping.BARRIERS == 13
    monkeypatch.setattr(mapping, "DIAMETERS", points)
    monkeypatch.setattr(mapping, "BARRIERS", points)
    assert run_command(["run", "@homodimer", "--map", "--linewidth", "0.06 eV", "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert files["map"] == str(tmp_path / "homodimer.map.nc")
    page = (tmp_path / "homodimer.html").read_text(encoding="utf-8")
    assert "linewidth: 60.0 meV, contour drawn" in page
    assert 'id="figure5_map"' in page
    import xarray as xr

    data = xr.load_dataset(tmp_path / "homodimer.map.nc")
    assert data.splitting.shape == (points, points)
    assert data.splitting.notnull().all()
    assert (data.splitting.diff("barrier") < 0).all()
    assert (data.splitting.diff("core_diameter") < 0).all()


@pytest.mark.parametrize(
    "arguments",
    [["@monomer", "--map"], ["@homodimer", "--linewidth", "5"], ["@homodimer", "--map", "--linewidth", "0 meV"],
     ["@homodimer", "--map", "--linewidth", "5 nm"]],
)  # fmt: skip
def test_a_map_that_cannot_be_is_refused(tmp_path, capsys, arguments):
    assert run_command(["run", *arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["field"] in {"map", "linewidth"}
    assert not list(tmp_path.iterdir())
