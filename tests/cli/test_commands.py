"""The verbs in process, with stand-ins for the solver and the report."""

import json
import sys

import jsonschema
import pytest
from ruamel.yaml import YAML
from tests.cli.fakes import fake_report, fake_solution

import qdmol
import qdmol.report
import qdmol.study
from qdmol.cli.entry import run_command
from qdmol.errors import OutputError, SolverError
from qdmol.materials import load_set, set_text
from qdmol.structure import list_examples, read_spec

SPEC_KEYS = {"electrons", "holes", "coulomb", "tolerance_meV", "temperature_K", "field_kV_per_cm"}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Every command runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def solver(monkeypatch):
    """Put stand-ins in place of study and report; give what they were called with."""
    calls = {}

    def solve(spec, *, range_=False, particles=None, progress=None):
        calls.update(spec=spec, range_=range_, particles=particles, progress=progress)
        if calls.get("fails"):
            raise calls["fails"]
        return fake_solution(spec, converged=calls.get("converged", True))

    def write_report(solution, path, *, figures=None):
        calls.update(report=path, figures=figures)
        if calls.get("report_fails"):
            raise calls["report_fails"]
        return fake_report(solution, path, figures=figures)

    monkeypatch.setitem(vars(qdmol.study), "solve", solve)
    monkeypatch.setitem(vars(qdmol.report), "write_report", write_report)
    return calls


def run(*arguments):
    return run_command(list(arguments))


def one_object(capsys):
    out, err = capsys.readouterr()
    return json.loads(out), err


# ---------------------------------------------------------------- version, help, usage


def test_version(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"qdmol {qdmol.__version__}\n"


@pytest.mark.parametrize("verb", [[], ["init"], ["check"], ["solve"], ["run"], ["materials"]])
def test_help(verb, capsys):
    assert run(*verb, "--help") == 0
    out = capsys.readouterr().out
    assert "Usage: qdmol" in out
    assert not verb or "--json" in out
    assert not verb or "--quiet" in out


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["frobnicate"], "command"),
        ([], "command"),
        (["--frobnicate"], "--frobnicate"),
        (["check", "@monomer", "--frobnicate"], "--frobnicate"),
        (["check", "@monomer", "extra"], "command"),
        (["check"], "SPEC"),
        (["solve"], "SPEC"),
        (["run"], "SPEC"),
    ],
)
def test_usage_errors_are_bad_input_in_one_sentence(arguments, field, capsys):
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.endswith(".\n")
    assert run(*arguments, "--json") == 2
    found, err = one_object(capsys)
    assert found["qdmol"] == 1
    assert set(found["error"]) == {"field", "value", "allowed", "message"}
    if arguments:  # without a verb, --json is the first thing that is not known
        assert found["error"]["field"] == field
    assert found["error"]["message"] + "\n" == err


# ---------------------------------------------------------------- init


def test_init_writes_a_spec_and_never_over_one(tmp_path, capsys):
    assert run("init") == 0
    path = tmp_path / "homodimer.yaml"
    assert read_spec(path) == read_spec("@homodimer")
    path.write_text("mine")
    assert run("init") == 2
    assert path.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert run("init", "--force") == 0
    assert read_spec(path) == read_spec("@homodimer")
    assert [p.name for p in tmp_path.iterdir()] == ["homodimer.yaml"]


@pytest.mark.parametrize("name", list_examples())
def test_init_of_every_example(name, tmp_path):
    assert run("init", f"@{name}", "-o", "a.yaml", "--quiet") == 0
    assert read_spec(tmp_path / "a.yaml") == read_spec(f"@{name}")


def test_init_refuses(tmp_path, capsys):
    assert run("init", "nothing", "--json") == 2
    assert "@homodimer" in one_object(capsys)[0]["error"]["allowed"]
    assert run("init", "-o", "no/such/folder/a.yaml", "--json") == 2
    assert one_object(capsys)[0]["error"]["field"] == "output"
    assert run("init", "-o", str(tmp_path), "--force") == 2
    (tmp_path / "link.yaml").symlink_to("nowhere")
    assert run("init", "-o", "link.yaml") == 2
    assert [p.name for p in tmp_path.iterdir()] == ["link.yaml"]


def test_init_json_and_list(tmp_path, capsys):
    assert run("init", "monomer", "--json") == 0
    found, err = one_object(capsys)
    assert found == {"qdmol": 1, "file": str(tmp_path / "monomer.yaml")}
    assert err == ""
    assert run("init", "--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [f"@{name}" for name in list_examples()]
    assert run("init", "--list", "--json") == 0
    assert [e["name"] for e in one_object(capsys)[0]["examples"]] == list(list_examples())


# ---------------------------------------------------------------- check


@pytest.mark.parametrize("name", list_examples())
def test_check_of_every_example(name, capsys):
    assert run("check", f"@{name}") == 0
    out, err = capsys.readouterr()
    assert read_spec(f"@{name}").name in out
    assert err == ""
    assert run("check", f"@{name}", "--json") == 0
    found, err = one_object(capsys)
    assert found["valid"] is True
    assert set(found) >= SPEC_KEYS
    assert set(found["parameters"]) >= {"CdSe", "CdS", "medium"}
    assert err == ""
    assert run("check", f"@{name}", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_check_shows_notes_and_hard_walls(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text(
        """
qdmol: 1
name: "[red]markup[/red] is text"
materials: inp-cds-type-ii
molecule:
  dots:
    - {core: {material: InP, radius: 1.4}, shells: [{material: CdS, thickness: 2.1}]}
    - {core: {material: InP, radius: 1.4}, shells: [{material: CdS, thickness: 2.1}]}
  spacing: 5.2
  neck: {filled: 1.0}
"""
    )
    assert run("check", "a.yaml") == 0
    out = capsys.readouterr().out
    assert "[red]markup[/red] is text: valid" in out
    assert "note: the filled neck" in out
    assert "hard" in out
    assert run("check", "a.yaml", "--json") == 0
    found = one_object(capsys)[0]
    assert found["parameters"]["medium"]["electron_edge_eV"] == "hard"
    assert len(found["notes"]) == 1


def test_check_refuses_as_the_contract_says(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text("qdmol: 1\nmaterials: x\nmolecule: {dots: [1]}\n")
    assert run("check", "a.yaml", "--json") == 2
    found, err = one_object(capsys)
    assert found == {
        "qdmol": 1,
        "error": {
            "field": "molecule.dots[0]",
            "value": 1,
            "allowed": "a mapping",
            "message": "`molecule.dots[0]` is 1, but must be a mapping.",
        },
    }
    assert err == "`molecule.dots[0]` is 1, but must be a mapping.\n"


def test_check_schema(capsys):
    assert run("check", "--schema") == 0
    schema, err = one_object(capsys)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert err == ""


# ---------------------------------------------------------------- materials


def test_materials(capsys):
    assert run("materials") == 0
    assert "cdse-cds-single-band" in capsys.readouterr().out
    assert run("materials", "--json") == 0
    found = one_object(capsys)[0]
    assert "cdse-cds-single-band" in [one["name"] for one in found["sets"]]
    for one in found["sets"]:
        assert run("materials", one["name"]) == 0
        assert "Sources" in capsys.readouterr().out


def test_materials_of_a_set_show_every_value_with_unit_temperature_and_source(capsys):
    assert run("materials", "cdse-cds-single-band", "--json") == 0
    found = one_object(capsys)[0]
    for values in found["materials"].values():
        for value in values.values():
            assert set(value) >= {"value", "unit", "temperature_K", "source", "doi", "note", "alternatives"}
    offset = found["materials"]["CdS"]["conduction_offset"]
    assert (offset["value"], offset["unit"]) == (0.1, "eV")
    assert {a["value"] for a in offset["alternatives"]} == {0.0, 0.062, 0.24, 0.3, 0.32}
    assert run("materials", "cdse-cds-single-band") == 0
    out = capsys.readouterr().out
    assert "CdS.conduction_offset = 0.32 eV" in out
    assert "doi:10.1038/s41467-019-13349-1" in out
    assert run("materials", "nothing", "--json") == 2
    assert one_object(capsys)[0]["error"]["field"] == "NAME"


def test_materials_as_yaml(capsys, tmp_path):
    assert run("materials", "inp-znse-zns", "--yaml") == 0
    text = capsys.readouterr().out
    (tmp_path / "mine.yaml").write_text(text)
    assert load_set(str(tmp_path / "mine.yaml")).materials == load_set("inp-znse-zns").materials
    assert run("materials", "inp-znse-zns", "--yaml", "--json") == 0
    shown = one_object(capsys)[0]
    assert shown["name"] == "inp-znse-zns"
    assert shown["yaml"] == text


def test_materials_show_gaps_and_alignment(capsys):
    assert run("materials", "cdte-cdse-type-ii", "--json") == 0
    shown = one_object(capsys)[0]
    assert shown["band_gaps_eV"] == {"CdTe": 1.53, "CdSe": 1.75}
    assert (shown["alignment"]["type"], shown["alignment"]["type_from_offsets"]) == ("II", "II")
    assert run("materials", "cdte-cdse-type-ii") == 0
    out = capsys.readouterr().out
    assert "Band gaps: CdTe 1.53 eV, CdSe 1.75 eV." in out
    assert "CdTe/CdSe: type II as published" in out


def test_materials_check(capsys, tmp_path):
    text = set_text("cdse-zns")
    valid, invalid = tmp_path / "mine.yaml", tmp_path / "bad.yaml"
    valid.write_text(text.replace("name: cdse-zns", "name: mine"))
    invalid.write_text(
        text.replace("{value: 1.75, unit: eV", "{value: 1.75, unit: nm").replace("source: kelley", "source: us")
    )
    assert run("materials", "check", str(valid)) == 0
    out, err = capsys.readouterr()
    assert "mine: valid" in out
    assert "ZnS: no `bulk_absorption_300nm`, which is needed for" in out
    assert err == ""
    assert run("materials", "check", str(valid), "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert run("materials", "check", str(valid), "--json") == 0
    shown = one_object(capsys)[0]
    assert (shown["valid"], shown["errors"], "error" in shown) == (True, [], False)
    assert {warning["kind"] for warning in shown["warnings"]} == {"source", "missing"}
    assert all(set(warning) == {"field", "kind", "message"} for warning in shown["warnings"])
    assert run("materials", "check", str(invalid), "--json") == 2
    shown, err = one_object(capsys)
    assert not shown["valid"]
    assert shown["error"] == shown["errors"][0]
    assert all(set(error) == {"field", "value", "allowed", "message"} for error in shown["errors"])
    assert len(err.splitlines()) == len(shown["errors"]) > 1
    assert run("materials", "check", str(invalid)) == 2
    out, err = capsys.readouterr()
    assert "invalid" in out
    assert "`materials.ZnS.valence_offset.source` is 'us', but must be one of" in err


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["check"], "FILE"),
        (["check", "nothing.yaml"], "FILE"),
        (["check", "cdse-zns", "--yaml"], "--yaml"),
        (["cdse-zns", "more"], "FILE"),
        (["--yaml"], "--yaml"),
        (["nothing", "--yaml"], "NAME"),
    ],
)
def test_materials_arguments_without_effect_are_refused(arguments, field, capsys):
    assert run("materials", *arguments, "--json") == 2
    shown, err = one_object(capsys)
    assert shown["error"]["field"] == field
    assert len(err.splitlines()) == 1


# ---------------------------------------------------------------- solve and run


def test_solve(solver, capsys):
    assert run("solve", "@homodimer", "--json") == 0
    found, err = one_object(capsys)
    assert found == fake_solution(read_spec("@homodimer")).summary
    assert err == ""
    assert solver["spec"] == read_spec("@homodimer")
    assert solver["range_"] is False
    assert run("solve", "@homodimer", "--range", "--quiet") == 0
    assert solver["range_"] is True
    out, err = capsys.readouterr()
    for words in ("0.177670", "0.200537", "22.867", "kT = 25.9 meV", "3.25", "nm", "a warning with [brackets]"):
        assert words in out
    assert err == ""


def test_solve_shows_numbers_then_levels_then_sentences(solver, capsys):
    run("solve", "@homodimer")
    out = capsys.readouterr().out
    lines = [line.rstrip() for line in out.splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith("splitting of the electron levels"))
    assert lines[1] == ""
    assert first < lines.index("electron levels") < out[: out.index("The two lowest electron levels are")].count("\n")
    assert "n/a" not in "\n".join(lines[:first])


def test_solve_that_does_not_converge(solver, capsys):
    solver["converged"] = False
    assert run("solve", "@homodimer", "--json") == 3
    assert one_object(capsys)[0]["converged"] is False
    assert run("solve", "@homodimer") == 3
    assert "Not converged" in capsys.readouterr().err


def test_what_cannot_be_computed(solver, capsys):
    solver["fails"] = SolverError("No level is bound.")
    assert run("solve", "@homodimer", "--json") == 3
    assert one_object(capsys)[0]["error"]["message"] == "No level is bound."


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), KeyboardInterrupt("x")])
def test_interrupted(solver, stop, capsys):
    solver["fails"] = stop
    assert run("solve", "@homodimer", "--json") == 130
    assert capsys.readouterr() == ("", "Interrupted.\n")


def test_our_own_fault(solver, capsys, monkeypatch):
    monkeypatch.delenv("QDMOL_DEBUG", raising=False)
    solver["fails"] = ZeroDivisionError("division\nby zero")
    assert run("solve", "@homodimer", "--json") == 1
    found, err = one_object(capsys)
    assert "ZeroDivisionError: division by zero" in found["error"]["message"]
    assert err.count("\n") == 1
    monkeypatch.setenv("QDMOL_DEBUG", "1")
    assert run("solve", "@homodimer") == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_bad_spec_is_refused_before_the_solver_loads(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "qdmol.study", None)  # importing it would fail
    assert run("solve", "@nothing") == 2
    assert run("run", "@nothing") == 2


def test_run(solver, tmp_path, capsys):
    assert run("run", "@homodimer") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f"Report: {tmp_path / 'homodimer.html'}"
    assert err == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["homodimer.html", "homodimer.nc"]
    assert run("run", "@homodimer", "-o", "out", "--figures", "figures", "--range", "--json") == 0
    found = one_object(capsys)[0]
    assert found["files"] == {
        "report": str(tmp_path / "out.html"),
        "netcdf": str(tmp_path / "out.nc"),
        "figures": str(tmp_path / "figures"),
    }
    assert found["splitting_meV"] == 22.867
    assert solver["range_"] is True
    assert (tmp_path / "figures" / "figure.csv").exists()
    solver["converged"] = False
    assert run("run", "@homodimer", "-q") == 3
    assert capsys.readouterr() == (f"Report: {tmp_path / 'homodimer.html'}\n", "")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["-o", "no/such/a.html"], "output"),
        (["-o", "folder.html"], "output"),
        (["-o", "folder"], "output"),
        (["-o", "a.nc"], "output"),
        (["-o", "a.pdf"], "output"),
        (["-o", ""], "output"),
        (["-o", "busy.html"], "output"),
        (["-o", "/proc/a.html"], "output"),
        (["--figures", "file"], "figures"),
        (["--figures", "no/such/folder"], "figures"),
        (["--figures", "/proc"], "figures"),
    ],
)
def test_run_refuses_what_cannot_be_written_before_any_work(arguments, field, solver, tmp_path, capsys):
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "busy.nc").mkdir()
    (tmp_path / "file").write_text("")
    before = sorted(p.name for p in tmp_path.rglob("*"))
    assert run("run", "@homodimer", *arguments, "--json") == 2
    assert one_object(capsys)[0]["error"]["field"] == field
    assert sorted(p.name for p in tmp_path.rglob("*")) == before
    assert "spec" not in solver


def test_a_failed_write_is_exit_1(solver, capsys):
    solver["report_fails"] = OutputError("`a.html` could not be written: No space left on device.")
    assert run("run", "@homodimer") == 1
    assert "No space left" in capsys.readouterr().err


def test_specs_need_not_be_yaml(tmp_path, capsys):
    assert run("init", "-o", "a.yaml") == 0
    data = YAML(typ="safe").load((tmp_path / "a.yaml").read_text())
    (tmp_path / "a.json").write_text(json.dumps(data))
    capsys.readouterr()
    assert run("check", "a.json") == 0


def test_the_progress_is_shown_on_a_terminal_only(monkeypatch):
    from qdmol.cli import console

    with console.progress(quiet=False) as say:
        assert say is None  # the tests' standard error is no terminal
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with console.progress(quiet=True) as say:
        assert say is None
    with console.progress(quiet=False) as say:
        say("solving")
