"""`qdmol size` and `qdmol fit`: tables, JSON, files and what is refused."""

import json

import pytest

import qdmol
from qdmol.cli.entry import run_command
from qdmol.structure import dump_spec, update_spec

BARE = {"electrons": 1, "holes": 1, "coulomb": "none", "tolerance": 1}
RANGE = ["--between", "1.6nm:2.2nm"]


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """A spec without attraction, which is solved fast."""
    path = tmp_path_factory.mktemp("design") / "dot.yaml"
    path.write_text(dump_spec(update_spec(qdmol.read_spec("@monomer"), "calculation", BARE)), encoding="utf-8")
    return str(path)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QDMOL_STORE", str(tmp_path_factory.getbasetemp() / "design-store"))


def test_size_prints_the_numbers_first_and_writes_the_spec(spec, tmp_path, capsys):
    arguments = [
        "size",
        spec,
        "--peak",
        "605nm",
        "--vary",
        "core_radius",
        *RANGE,
        "-o",
        "sized.yaml",
        "--plot",
    ]
    assert run_command(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["field", "value", "error", "low", "high", "unit"]
    assert lines[1].split()[0] == "core_radius"
    assert lines[1].split()[-1] == "nm"
    assert (tmp_path / "sized.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "sized.pdf").read_bytes().startswith(b"%PDF")
    assert run_command(["solve", "sized.yaml", "--json"]) == 0
    gap = json.loads(capsys.readouterr().out)["gap_eV"]
    assert 1239.841984 / gap == pytest.approx(605, abs=0.01)


def test_size_gives_one_json_object(spec, capsys):
    assert run_command(["size", spec, "--target", "gap_eV=2.05", "--vary", "core_radius", *RANGE, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["fields"][0]["field"] == "molecule.dots[*].core.radius"
    assert result["targets"][0]["value"] == 2.05
    assert result["files"] == {"spec": None, "plot": None}
    assert {"solutions", "converged", "elapsed_s", "warnings", "unique"} <= set(result)


def test_quiet_prints_the_tables_alone(spec, capsys):
    assert run_command(["size", spec, "--peak", "605nm", "--vary", "core_radius", *RANGE, "-q"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert len(lines) == 4


def test_a_target_out_of_reach_is_refused_with_the_range(spec, capsys):
    assert run_command(["size", spec, "--peak", "700nm", "--vary", "core_radius", *RANGE, "--json"]) == 2
    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert error["field"] == "peak"
    assert error["value"] == 700
    assert "at core_radius 1.6 nm" in error["allowed"]
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["size", "--vary", "core_radius"], "target"),
        (["size", "--peak", "605nm"], "vary"),
        (["size", "--peak", "605nm", "--vary", "core_radius", "--target", "gap_eV"], "KEY=VALUE"),
        (["size", "--peak", "605nm", "--vary", "core_radius", "-o", "a.txt"], ".yaml"),
        (["size", "--peak", "605nm", "--vary", "core_radius", "--plot", "a.png"], "a.png"),
        (["size", "--peak", "605nm", "--vary", "core_radius", "--between", "core_radius=1nm"], "LOW:HIGH"),
        (["fit", "--vary", "core_radius"], "--to"[2:]),
        (["fit", "--vary", "core_radius", "--to", "missing.csv"], "file that exists"),
        (["fit", "--vary", "core_radius", "--to", "peak=605nm"], "error above 0"),
        (["fit", "--vary", "core_radius", "--to", "peak=605±2nm", "--window", "5"], "LOW:HIGH"),
    ],
)
def test_what_makes_no_sense_is_refused(spec, arguments, words, capsys):
    assert run_command([arguments[0], spec, *arguments[1:]]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.count("\n") == 1


def test_the_spec_is_not_overwritten(spec, capsys):
    assert run_command(["size", spec, "--peak", "605nm", "--vary", "core_radius", "-o", spec]) == 2
    assert "output" in capsys.readouterr().err


def test_fit_prints_the_fields_with_their_intervals(spec, capsys):
    arguments = ["fit", spec, "--vary", "core_radius", "--to", "peak=605±2nm", *RANGE, "-o", "fit.yaml"]
    assert run_command(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["field", "value"]
    assert "core_radius" in lines[1]


def test_fit_with_an_undetermined_field_is_incomplete(spec, capsys, monkeypatch):
    monkeypatch.setattr("qdmol.design.least_squares.point_count", lambda fields: 8)
    arguments = ["fit", spec, "--vary", "core_radius", "--vary", "overrides.CdSe.band_gap", "--to", "peak=605±2nm"]
    ranges = ["--between", "core_radius=1.6nm:2.2nm", "--between", "overrides.CdSe.band_gap=1.7eV:1.8eV"]
    assert run_command([*arguments, *ranges, "--json"]) == 3
    result = json.loads(capsys.readouterr().out)
    assert not result["converged"]
    assert set(result["undetermined"][0]["fields"]) == {"core_radius", "overrides.CdSe.band_gap"}
    assert "cannot be told apart" in result["undetermined"][0]["text"]
