"""`qdmol map --plot` and `qdmol batch --plot`: files beside the data, and what is refused before any work."""

import json

import numpy as np
import pytest
from tests.study.map_samples import mapping, written

from qdmol.cli import progress as map_progress
from qdmol.cli.entry import run_command
from qdmol.jobs import State
from qdmol.study import points


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QDMOL_STORE", raising=False)


@pytest.fixture
def solved(monkeypatch):
    """A stand-in for the solver: two levels whose detuning passes zero at 10 kV/cm; the points that it solved."""
    asked = []

    def solve_point(point):
        asked.append(point)
        splitting = float(np.hypot(8.0, point.spec.environment.field[2] - 10.0))
        numbers = dict.fromkeys(("gap", "redshift", "redshift_single_particle"))
        summary = {
            "converged": True,
            "warnings": [],
            "electron": {
                "energy_eV": [0.2, 0.2 + splitting / 1000],
                "error_meV": [0.01, 0.01],
                "m": [0, 0],
                "parity": [None, None],
            },
            "hole": {"energy_eV": [], "error_meV": [], "m": [], "parity": []},
            "dot_share": {"electron": [[0.5, 0.5], [0.5, 0.5]], "hole": []},
            "coulomb": None,
            "monomer_gap_eV": None,
            "monomer_gaps_eV": [],
            "splitting_meV": splitting,
            "splitting_error_meV": 0.01,
            **{f"{name}_{'eV' if name == 'gap' else 'meV'}": value for name, value in numbers.items()},
            **{f"{name}_error_meV": value for name, value in numbers.items()},
        }
        return {"summary": summary, "field_levels": None}

    monkeypatch.setattr(points, "solve_point", solve_point)
    return asked


def command(tmp_path, *arguments):
    return ["map", str(written(tmp_path)), "-o", "m.nc", "--workers", "0", *arguments]


def test_a_figure_and_its_numbers_stand_beside_the_map(tmp_path, solved, capsys):
    assert run_command(command(tmp_path, "--axis", "field=-40:60:11", "--plot", "--json")) == 0
    result = json.loads(capsys.readouterr().out)
    names = ["m.pdf", "m.png", "m_electron_energy.csv", "m_splitting.csv"]
    assert result["figures"] == [str(tmp_path / name) for name in names]
    assert all((tmp_path / name).stat().st_size > 100 for name in names)
    lines = (tmp_path / "m_electron_energy.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "field (kV/cm),level,electron_energy (meV),error (meV),m,share in dot 0,share in dot 1"
    assert len(lines) == 1 + 11 * 2
    (crossing,) = result["anticrossings"]
    assert crossing["position"] == pytest.approx(10.0, abs=1e-3)
    assert crossing["gap_meV"] == pytest.approx(8.0, abs=1e-3)


def test_without_the_option_there_is_no_figure(tmp_path, solved, capsys):
    assert run_command(command(tmp_path, "--axis", "field=0,20", "--json")) == 0
    assert "figures" not in json.loads(capsys.readouterr().out)
    assert not list(tmp_path.glob("*.png"))


def test_the_quantity_and_the_place_are_chosen(tmp_path, solved, capsys):
    axes = ["--axis", "field=-40:60:11", "--axis", "spacing=5,6"]
    options = ["--plot", "--quantity", "splitting", "--quantity", "electron_energy[1]", "--at", "spacing=50 angstrom"]
    assert run_command(command(tmp_path, *axes, *options)) == 0
    out = capsys.readouterr().out
    assert "Figure: " in out
    lines = (tmp_path / "m_electron_energy_1.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 12
    assert (tmp_path / "m_splitting.csv").is_file()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--quantity", "splitting"], "quantity"),
        (["--at", "spacing=5"], "at"),
        (["--plot", "--quantity", "spliting"], "quantity"),
        (["--plot", "--quantity", "redshift[", "--quantity", "exciton"], "quantity"),
        (["--plot", "--quantity", "exciton"], "quantity"),  # no attraction in this map
        (["--plot", "--at", "spacing"], "at"),
        (["--plot", "--at", "barrier=2"], "at"),
        (["--plot", "--at", "spacing=2 kV/cm"], "spacing"),
        (["--plot", "--axis", "core_radius=1,2", "--axis", "shell_thickness=1,2"], "at"),
        (["--particles", "Y"], "particles"),
    ],
)
def test_what_no_figure_can_be_is_refused_before_any_work(tmp_path, solved, capsys, options, field):
    axes = ["--axis", "field=0,10", "--axis", "spacing=5,6"]
    assert run_command(command(tmp_path, *axes, *options, "--json")) == 2
    assert json.loads(capsys.readouterr().out)["error"]["field"] == field
    assert solved == []
    assert {path.name for path in tmp_path.iterdir()} == {"sample.json"}


def test_a_map_without_the_quantity_is_written_and_its_figure_is_not(tmp_path, solved, capsys):
    assert run_command(command(tmp_path, "--axis", "field=0,10", "--plot", "--quantity", "redshift")) == 3
    assert "No figure was written" in capsys.readouterr().err
    assert (tmp_path / "m.nc").is_file()
    assert not list(tmp_path.glob("m.png"))


def test_a_figure_does_not_replace_an_input(tmp_path, solved, capsys):
    (tmp_path / "m_figure.csv").write_text("name,spacing\na,5\nb,6\n", encoding="utf-8")
    spec = written(tmp_path)
    assert run_command(["batch", "m_figure.csv", "--spec", str(spec), "-o", "m.csv", "--workers", "0", "--plot"]) == 3
    assert (tmp_path / "m_figure.csv").read_text(encoding="utf-8").startswith("name,spacing")
    assert "No figure was written" in capsys.readouterr().err


def test_a_batch_has_a_figure_of_its_samples(tmp_path, solved, capsys):
    (tmp_path / "samples.csv").write_text("name,spacing\nfirst,5\noverlap,1\nlast,6 nm\n", encoding="utf-8")
    spec = written(tmp_path)
    arguments = ["batch", "samples.csv", "--spec", str(spec), "-o", "t.csv", "--workers", "0", "--plot", "--json"]
    assert run_command(arguments) == 3  # one sample is invalid
    assert json.loads(capsys.readouterr().out)["figures"] == [
        str(tmp_path / name) for name in ("t.pdf", "t.png", "t_figure.csv")
    ]
    lines = (tmp_path / "t_figure.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["sample", "first", "overlap", "last"]
    assert lines[2] == "overlap,,"
    assert run_command(["batch", "samples.csv", "--spec", str(spec), "-o", "t.csv", "--plot", "--quantity", "x"]) == 2


def test_a_finished_map_is_drawn_from_its_points(tmp_path, solved, capsys):
    arguments = command(tmp_path, "--axis", "field=0,10,30")
    assert run_command(arguments) == 0
    assert run_command([*arguments, "--plot"]) == 0
    assert len(solved) == 3
    assert (tmp_path / "m.png").is_file()


def test_the_remaining_time_runs_on_between_points(monkeypatch):
    clock = iter([0.0, 30.0, 100.0])
    monkeypatch.setattr(map_progress.time, "monotonic", lambda: next(clock))
    texts = [map_progress.remaining_text(72.0) for _ in range(3)]
    assert texts == ["1:12 left", "0:42 left", "0:00 left"]
    assert map_progress.remaining_text(None) == ""


def test_the_bar_shows_the_counts_and_the_remaining_time(monkeypatch, capsys):
    monkeypatch.setattr(map_progress.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(map_progress.time, "monotonic", lambda: 5.0)
    monkeypatch.setenv("COLUMNS", "120")
    with map_progress.map_progress(quiet=False) as show:
        show(State(2, 1, 4, 72.0, "computing"))
    assert "2 of 4 points, 1 failed 1:12 left" in capsys.readouterr().err


def test_a_field_may_be_one_number(tmp_path, capsys):
    spec = tmp_path / "field.json"
    spec.write_text(json.dumps(mapping(environment={"field": "50 kV/cm"})), encoding="utf-8")
    assert run_command(["check", str(spec), "--json"]) == 0
