"""`qdmol photons` in process: exit status, what is printed, what is written; with stand-ins for the analysis."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import qdmol.analysis
from qdmol.analysis import analyzing
from qdmol.cli import progress as photon_progress
from qdmol.cli.entry import run_command
from qdmol.errors import InputError, MissingExtraError
from qdmol.photons import Flag

KEYS = {"photons", "duration_s", "mode", "sync_period_ns", "count_rate_Hz", "quality", "lifetime", "g2"}
LIFETIME_KEYS = {"components_ns", "low_ns", "high_ns", "fractions", "model"}
G2_KEYS = {
    *("side", "side_low", "side_high", "poisson", "poisson_low", "poisson_high", "bunching", "zero_delay_ns"),
}
LEVELS_KEYS = {"number", "kind", "false_alarms", "change_points", "change_points_s", "levels"}
LEVEL_KEYS = {"rate_Hz", "rate_low_Hz", "rate_high_Hz", "fraction", "lifetime_ns"}
EMITTERS_KEYS = {"best", "number", "number_low", "number_high", "hypotheses", "verdict", "photons_needed"}
HYPOTHESES = ["one_emitter", "two_independent", "two_interacting", "three_or_more"]


def _fakes():
    path = Path(__file__).parents[1] / "report" / "photon_fakes.py"
    spec = importlib.util.spec_from_file_location("photon_fakes", path)
    module = sys.modules.setdefault("photon_fakes", importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


fakes = _fakes()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Every command runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def real_report():
    """Let the page be drawn; elsewhere a stand-in writes two small files, for drawing takes a second."""


@pytest.fixture(autouse=True)
def _report(request, monkeypatch):
    def write(analyses, path, *, figures=None):
        assert all(one.summary["qdmol"] == 1 for one in analyses)
        path.write_text("<html>", encoding="utf-8")
        path.with_suffix(".nc").write_bytes(b"CDF")
        return path

    if "real_report" not in request.fixturenames:
        monkeypatch.setattr("qdmol.report.write_photon_report", write)


@pytest.fixture
def asked(monkeypatch):
    """Put a stand-in in place of the analysis, which goes by the name of the file; give what it was called with."""
    calls = []

    def analyze(path, *, progress=None, **options):
        calls.append((path, options))
        if progress is not None:
            progress("pairs of photons", 0.5)
        name = Path(path).name
        if name.startswith("letter"):
            raise InputError(field="FILE", value=path, allowed="a file of photons")
        if name.startswith("bad"):
            return fakes.refused(path)
        return fakes.whole(path, truncated=name.startswith("cut"))

    def inspect(path, *, format=None, column=None, unit=None, progress=None):  # noqa: A002
        whole = analyze(path, format=format, progress=progress)
        return replace(whole, decay=None, lifetime=None, g2=None, gated=(), g3=None, background=None)

    for place in (qdmol.analysis, analyzing):
        monkeypatch.setattr(place, "analyze_photons", analyze, raising=False)
    monkeypatch.setattr(qdmol.analysis, "inspect_photons", inspect, raising=False)
    return calls


def run(*arguments):
    return run_command(["photons", *arguments])


def one_object(capsys):
    out, err = capsys.readouterr()
    return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} in JSON")), err


def written(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("verb", [[], ["info"], ["analyze"], ["convert"]])
def test_help(verb, capsys):
    assert run(*verb, "--help") == 0
    out = capsys.readouterr().out
    assert "Usage: qdmol photons" in out
    assert not verb or {"--json", "--quiet"} <= set(out.replace(",", " ").split())


def test_analyze_writes_a_page_and_its_data(asked, tmp_path, capsys):
    assert run("analyze", "dot 1.ptu") == 0
    out, err = capsys.readouterr()
    assert written(tmp_path) == {"dot 1.html", "dot 1.nc"}
    assert "g²(0) is 0.10 (0.08 to 0.13) relative to the side peaks" in out
    assert "Report:" in out
    assert "Channel 0 has a dead time" in out
    assert err == ""


def test_the_object_of_one_file(asked, real_report, tmp_path, capsys):
    assert run("analyze", "dot 1.ptu", "--json", "-o", "page.html", "--figures", "figures") == 0
    found, _ = one_object(capsys)
    assert found["qdmol"] == 1
    assert found["file"] == "dot 1.ptu"
    assert set(found) >= KEYS
    assert set(found["lifetime"]) >= LIFETIME_KEYS
    assert set(found["g2"]) >= G2_KEYS
    assert set(found["levels"]) >= LEVELS_KEYS
    assert set(found["levels"]["levels"][0]) >= LEVEL_KEYS
    assert set(found["dwell"]) >= {"states", "correlation_exponent"}
    assert set(found["dwell"]["states"][0]) >= {"state", "dwells", "shortest_s", "best", "laws"}
    assert set(found["emitters"]) >= EMITTERS_KEYS
    assert list(found["emitters"]["hypotheses"]) == HYPOTHESES
    assert found["quality"][0] == {
        "flag": "dead_time", "severity": "warning", "message": "Channel 0 has a dead time of 79 ns.",
        "value": 79.0, "unit": "ns",
    }  # fmt: skip
    assert found["outputs"] == {
        "report": str(tmp_path / "page.html"), "netcdf": str(tmp_path / "page.nc"), "figures": str(tmp_path / "figures")
    }  # fmt: skip
    assert written(tmp_path) == {"page.html", "page.nc", "figures"}
    assert {"figure1_trace.pdf", "figure3_g2.png", "figure2_decay.csv"} <= written(tmp_path / "figures")


def test_options_reach_the_analysis(asked):
    arguments = ("--channels", "1,3", "--model", "2", "--gate", "5:50ns", "--response", "irf.csv", "--dark", "dark.ptu")
    arguments = (*arguments, "--afterglow", "mask")
    assert run("analyze", "dot.ptu", *arguments, "--format", "ptu", "--quiet") == 0
    ((path, options),) = asked
    assert path == "dot.ptu"
    assert options == {
        "format": "ptu", "channels": (1, 3), "response": "irf.csv", "dark": "dark.ptu", "model": "2",
        "gate_ns": (5.0, 50.0),
        "afterglow": "mask",
    }  # fmt: skip


def test_a_remembered_response_is_used_until_it_is_switched_off(asked, tmp_path, capsys):
    for name in ("dot1.ptu", "dot2.ptu", "irf.ptu"):
        (tmp_path / name).write_bytes(b"x")
    assert run_command(["photons", "analyze", "dot1.ptu", "--remember"]) == 2
    assert run_command(["photons", "analyze", "dot1.ptu", "--response", "missing.ptu", "--remember"]) == 2
    assert not (tmp_path / "qdmol-folder.yaml").exists()
    assert run_command(["photons", "analyze", "dot1.ptu", "--response", "irf.ptu", "--remember"]) == 0
    assert run_command(["photons", "analyze", "dot2.ptu"]) == 0
    assert asked[-1][1]["response"] == str(tmp_path / "irf.ptu")
    assert "Remembered for this folder (qdmol-folder.yaml): response irf.ptu." in capsys.readouterr().err
    assert run_command(["photons", "analyze", "dot2.ptu", "--response", "none"]) == 0
    assert asked[-1][1]["response"] is None


@pytest.mark.parametrize(
    ("arguments", "files", "monomers"),
    [
        (["dimer", "--monomer", "a", "b"], ["dimer"], ["a", "b"]),
        (["dimer", "--monomer", "a", "--monomer", "b"], ["dimer"], ["a", "b"]),
        (["dimer", "--monomer=a", "b", "--quiet"], ["dimer"], ["a", "b"]),
        (["--monomer", "a", "dimer"], ["dimer"], ["a"]),
        (["--model", "1", "--monomer", "a", "dimer"], ["dimer"], ["a"]),
        (["dimer", "--monomer", "a", "b", "--model", "1"], ["dimer"], ["a", "b"]),
        (["dimer", "other", "--monomer", "night"], ["dimer", "other"], ["night/a", "night/b"]),
    ],
)
def test_a_monomer_behind_the_files_takes_all_names_that_follow(
    arguments, files, monomers, asked, tmp_path, monkeypatch
):
    def many(paths, *, progress=None, **options):
        asked.extend((path, options) for path in paths)
        return [fakes.whole(path) for path in paths]

    monkeypatch.setattr("qdmol.analysis.analyze_many", many)
    (tmp_path / "night").mkdir()
    for name in ("a", "b", "night/a", "night/b"):
        (tmp_path / name).write_bytes(b"x")
    assert run("analyze", *arguments) == 0
    assert [path for path, _ in asked] == files
    assert all(options["monomer"] == monomers for _, options in asked)


def test_monomers_are_remembered_for_a_folder(asked, tmp_path, capsys):
    for name in ("dot1.ptu", "dot2.ptu", "m1.ptu", "m2.ptu"):
        (tmp_path / name).write_bytes(b"x")
    assert run("analyze", "dot1.ptu", "--monomer", "m1.ptu", "m2.ptu", "--remember") == 0
    assert run("analyze", "dot2.ptu") == 0
    assert asked[-1][1]["monomer"] == [str(tmp_path / "m1.ptu"), str(tmp_path / "m2.ptu")]
    assert "monomer m1.ptu m2.ptu" in capsys.readouterr().err
    assert run("analyze", "dot2.ptu", "--monomer", "none") == 0
    assert "monomer" not in asked[-1][1]


def test_a_page_does_not_replace_a_monomer(asked, tmp_path, capsys):
    (tmp_path / "single.html").write_bytes(b"x")
    assert run("analyze", "dimer.ptu", "--monomer", "single.html", "-o", "single.html") == 2
    assert "single.html" in capsys.readouterr().err
    assert not asked


def test_a_bin_has_a_unit(asked):
    assert run("analyze", "dot.ptu", "--bin", "5ms", "--quiet") == 0
    assert asked[0][1]["bin_s"] == pytest.approx(5e-3)


def test_a_gate_may_be_open(asked):
    assert run("analyze", "dot.ptu", "--gate", "5", "--quiet") == 0
    assert asked[0][1]["gate_ns"] == (5.0, None)


@pytest.mark.parametrize("name", ["bad.ptu", "cut.ptu"])
def test_contradicting_and_cut_files_are_written_and_end_with_3(name, asked, tmp_path, capsys):
    assert run("analyze", name, "--json", "--quiet") == 3
    found, _ = one_object(capsys)
    assert written(tmp_path) == {f"{Path(name).stem}.html", f"{Path(name).stem}.nc"}
    refused = name == "bad.ptu"
    assert (found["lifetime"] is None) == refused
    assert (found["g2"] is None) == refused
    assert found["truncated"] != refused


def test_a_file_of_something_else_is_bad_input_and_writes_nothing(asked, tmp_path, capsys):
    assert run("analyze", "letter.txt", "--json") == 2
    found, err = one_object(capsys)
    assert found["error"]["field"] == "FILE"
    assert err == found["error"]["message"] + "\n"
    assert not written(tmp_path)


def test_many_files_are_one_page_and_a_bad_one_is_a_row(asked, real_report, tmp_path, capsys):
    assert run("analyze", "a.ptu", "bad.ptu", "letter.txt", "--json") == 3
    found, _ = one_object(capsys)
    assert [one["file"] for one in found["files"]] == ["a.ptu", "bad.ptu", "letter.txt"]
    assert found["files"][0]["g2"]["side"] == pytest.approx(0.1)
    assert found["files"][1]["g2"] is None
    assert found["files"][2]["error"]["field"] == "FILE"
    assert written(tmp_path) == {"photons.html", "photons.nc"}
    assert run("analyze", "a.ptu", "bad.ptu", "letter.txt") == 3
    out, err = capsys.readouterr()
    assert "refused: The header says 12.5 ns" in " ".join(out.split())
    assert "2 of 3 files" in err


def test_many_whole_files_end_with_0(asked):
    assert run("analyze", "a.ptu", "b.ptu", "--quiet") == 0


def test_where_no_file_of_many_can_be_read_nothing_is_written(asked, tmp_path, capsys):
    assert run("analyze", "letter1.txt", "letter2.txt", "--json") == 2
    found, _ = one_object(capsys)
    assert "None of the 2 files" in found["error"]["message"]
    assert not written(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["analyze"], "FILE..."),
        (["info"], "FILE..."),
        (["analyze", "a.ptu", "--channels", "0"], "channels"),
        (["analyze", "a.ptu", "--channels", "0,x"], "channels"),
        (["analyze", "a.ptu", "--gate", "soon"], "gate"),
        (["analyze", "a.txt", "--period", "soon"], "period"),
        (["analyze", "a.ptu", "--bin", "10"], "bin"),
        (["analyze", "a.ptu", "--bin", "wide"], "bin"),
        (["analyze", "a.ptu", "--bin", "5 furlongs"], "bin"),
        (["analyze", "a.ptu", "--monomer", "missing.ptu"], "monomer"),
        (["analyze", "a.ptu", "--monomer"], "monomer"),
        (["analyze", "a.txt", "--period", "12.5 nm"], "period"),
        (["analyze", "a.ptu", "-o", "page.nc"], "output"),
        (["analyze", "a.html", "-o", "a.html"], "output"),
        (["analyze", "a.nc"], "output"),
        (["analyze", "a.ptu", "-o", "no/page.html"], "output"),
        (["convert", "a.ptu"], "output"),
        (["convert", "a.h5", "-o", "a.h5"], "output"),
        (["convert", "a.ptu", "-o", "a.txt"], "output"),
        ([], "command"),
    ],
)
def test_bad_words_are_refused_before_any_work(arguments, field, asked, tmp_path, capsys):
    assert run(*arguments, *(["--json"] if arguments else [])) == 2
    if arguments:
        found, _ = one_object(capsys)
        assert found["error"]["field"] == field
    assert not asked
    assert not written(tmp_path)


def test_a_missing_extra_is_said_in_words(monkeypatch, tmp_path, capsys):
    def absent(*_arguments, **_options):
        raise MissingExtraError(extra="photons", purpose="Going through photons")

    for place in (qdmol.analysis, analyzing):
        monkeypatch.setattr(place, "analyze_photons", absent, raising=False)
    for files in (["a.ptu"], ["a.ptu", "b.ptu"]):
        assert run("analyze", *files, "--json") == 2
        found, _ = one_object(capsys)
        assert found["error"]["allowed"] == "pip install 'qdmol[photons]'"
    assert not written(tmp_path)


def test_info_says_what_is_there_and_writes_nothing(asked, tmp_path, capsys):
    assert run("info", "dot.ptu", "--json") == 0
    found, _ = one_object(capsys)
    assert found["photons"] == 400_000
    assert found["detectors"][0]["dead_time_ns"] == 79.0
    assert "lifetime" not in found
    assert found["header"] == {}
    assert run("info", "dot.ptu", "bad.ptu") == 3
    assert "refused" in capsys.readouterr().out
    assert run("info", "letter.txt") == 2
    assert not written(tmp_path)


def test_progress_on_long_files(asked, monkeypatch, capsys):
    monkeypatch.setattr(photon_progress, "INTERVAL", -1.0)
    assert run("analyze", "a.ptu", "b.ptu") == 0
    assert "a.ptu: pairs of photons: 25 %" in capsys.readouterr().err
    assert run("analyze", "a.ptu", "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_a_hostile_name_is_printed_as_text(asked, real_report, tmp_path, capsys):
    name = "[bold]dot\x1b[31m<b>.ptu"
    assert run("analyze", name, "-o", "page.html") == 0
    out = capsys.readouterr().out
    assert "[bold]dot" in out
    assert "\x1b" not in out


def test_a_fatal_flag_is_not_softened_by_others(asked, monkeypatch):
    fatal = Flag("sync_rate", "fatal", "The pulses contradict the header.")
    monkeypatch.setattr(qdmol.analysis, "analyze_photons", lambda path, **_: fakes.whole(path, flags=(fatal,)))
    assert run("analyze", "a.ptu", "--quiet") == 3


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["--period", "12.5"], {"period_ns": 12.5}),
        (["--period", "0.1us"], {"period_ns": 100.0}),
        (["--column", "QD film", "--unit", "ps"], {"column": "QD film", "unit": "ps"}),
        (["--background", "3"], {"background": 3.0}),
    ],
)
def test_what_a_histogram_leaves_open_is_given(given, passed, asked, capsys):
    assert run("analyze", "decay.txt", *given, "--quiet") == 0
    (_, options), *_ = asked
    assert {name: options[name] for name in passed} == passed
