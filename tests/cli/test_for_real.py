"""The commands with the solver and the report themselves."""

import json

import pytest
from tests.structure.samples import changed, monomer

import qdmol.study
from qdmol.cli.entry import run_command


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_solve_gives_the_contracts_object(capsys):
    assert run_command(["solve", "@homodimer", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert found["converged"] is True
    assert found["splitting_meV"] == pytest.approx(22.867, abs=0.03)
    assert found["coulomb"]["spacing_meV"] == pytest.approx(61.63, abs=0.05)
    assert found["redshift_meV"] == pytest.approx(3.25, abs=0.1)


def test_solve_for_people(capsys, monkeypatch, solved_homodimer):
    monkeypatch.setitem(vars(qdmol.study), "solve", lambda *_, **__: solved_homodimer)
    assert run_command(["solve", "@homodimer"]) == 0
    out = capsys.readouterr().out
    for words in ("electron levels", "hole levels", "in the hole's field", "22.867", "kT = 25.9 meV", "nm"):
        assert words in out


def test_a_tolerance_that_cannot_be_met_is_exit_3(tmp_path, capsys):
    spec = changed(monomer(), ("calculation", {"electrons": 1, "holes": 0, "tolerance": 1e-12}))
    (tmp_path / "a.json").write_text(json.dumps(spec))
    assert run_command(["solve", "a.json", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["converged"] is False
    assert found["warnings"]


def test_run_writes_page_data_and_figures(tmp_path, capsys):
    assert run_command(["run", "@homodimer", "--figures", "figures", "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert files["report"] == str(tmp_path / "homodimer.html")
    assert (tmp_path / "homodimer.html").stat().st_size < 5_000_000
    assert (tmp_path / "homodimer.nc").exists()
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".pdf", ".png", ".csv"}
