"""`qdmol spectrum SPEC` in process, with a stand-in for the prediction: words, exit status, what is written."""

import importlib.util
import json
from pathlib import Path

import pytest

import qdmol.prediction
from qdmol.cli import spectrum_predict as spectrum_words
from qdmol.cli.entry import run_command
from qdmol.errors import SolverError
from qdmol.prediction import Calibration

LIGHT = ["samples", "changes", "warnings", "temperature_K", "homogeneous_width_meV"]


def _fakes():
    path = Path(__file__).parents[1] / "report" / "spectrum_fakes.py"
    spec = importlib.util.spec_from_file_location("spectrum_fakes_of_predict", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fakes = _fakes()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QDMOL_STORE", raising=False)


@pytest.fixture
def asked(monkeypatch):
    """Put a stand-in in place of the prediction; give what it was called with."""
    calls = {}

    def predict_spectra(spec, **options):
        calls.update(spec=spec, **options)
        if "fails" in calls:
            raise calls["fails"]
        name = "@monomer" if len(spec.molecule.dots) == 1 else "@homodimer"
        found = fakes.fake_spectra(name, converged=calls.get("converges", True))
        return fakes.with_field(found, count=5, holes=calls.get("holes", ())) if options["fields"] else found

    monkeypatch.setitem(vars(qdmol.prediction), "predict_spectra", predict_spectra)
    return calls


def export(path, *curves):
    """A file of curves on one axis."""
    rows = zip(curves[0].wavelength_nm, *(curve.values for curve in curves), strict=True)
    head = ["Wavelength (nm)", *(curve.name for curve in curves)]
    lines = [",".join(head), *(",".join(f"{x:.6g}" for x in row) for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def run(*arguments):
    return run_command(["spectrum", *arguments])


def one_object(capsys):
    out, err = capsys.readouterr()
    return json.loads(out), err


def refused(capsys, *arguments):
    status = run(*arguments, "--json")
    assert status == 2
    return one_object(capsys)[0]["error"]


# ---------------------------------------------------------------- what is done


def test_a_spec_without_a_verb_is_predicted_and_written(asked, capsys, tmp_path):
    assert run("@homodimer") == 0
    out = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    for words in ("monomer → fused", "red shift of emission (meV)", "17.0 ± 0.7", "radiative lifetime (ns)"):
        assert words in out
    assert f"Warning: {fakes.WARNING}" in " ".join(out.split())
    assert f"Report: {tmp_path / 'homodimer-spectrum.html'}" in out
    assert {path.name for path in tmp_path.iterdir()} == {"homodimer-spectrum.html", "homodimer-spectrum.nc"}
    assert asked["folder"] == Path("homodimer-spectrum.nc.parts")
    assert asked["calibrate"] is None
    assert asked["linker"] == 0.3
    assert (asked["fields"], asked["exact"], asked["workers"]) == ((), False, 0)


def test_json_is_the_summary_with_what_was_measured_and_written(asked, capsys, tmp_path):
    name = export(tmp_path / "a.csv", fakes.measured_absorption(name="unfused abs"))
    assert run("predict", "@homodimer", "--measured", name, "--figures", "figs", "-o", "x", "--json") == 0
    found, err = one_object(capsys)
    assert err == ""
    assert {key: found[key] for key in LIGHT} == {key: fakes.fake_spectra().summary[key] for key in LIGHT}
    (measured,) = found["measured"]
    assert (measured["sample"], measured["file"], measured["scaled_at"]) == ("unfused", "a.csv", "edge")
    assert measured["position_difference_error_meV"] > 0
    assert found["outputs"] == {
        "report": str(tmp_path / "x.html"),
        "data": str(tmp_path / "x.nc"),
        "figures": str(tmp_path / "figs"),
    }
    assert all(Path(path).exists() for path in found["outputs"].values())


def test_what_is_asked_for_is_passed_on(asked, capsys):
    options = ["--linker", "4 angstrom", "--field", "-1e5V/m:100:5", "--exact", "--workers", "3"]
    assert run("@heterodimer", "--calibrate", "emission:610nm", *options, "-q") == 0
    assert asked["linker"] == 0.4
    assert asked["fields"] == pytest.approx((-1.0, 24.25, 49.5, 74.75, 100.0))
    assert asked["exact"] is True
    assert asked["workers"] == 3
    assert asked["calibrate"] == Calibration("emission", pytest.approx(fakes.HC / 610))
    assert "Warning" not in capsys.readouterr().out


def test_workers_are_started_only_where_there_is_much_to_solve(asked, monkeypatch):
    monkeypatch.setattr("qdmol.jobs.cores", lambda: 7)
    assert run("@homodimer", "-q") == 0
    assert asked["workers"] == 0
    assert run("@homodimer", "--field", "50,-20", "-q") == 0
    assert asked["workers"] == 7
    assert asked["fields"] == (-20.0, 50.0)  # rising


def test_a_sample_is_given_or_named_or_the_molecule(asked, capsys, tmp_path):
    one = export(tmp_path / "one.csv", fakes.measured_absorption(name="abs"))
    two = export(tmp_path / "monomers.csv", fakes.measured_absorption("monomer", name="abs"))
    assert run("@homodimer", "--measured", f"unfused={one}", "--measured", two, "--measured", one, "--json") == 0
    assert [each["sample"] for each in one_object(capsys)[0]["measured"]] == ["unfused", "monomer", "fused"]


def test_the_normalisation_is_that_of_curve_and_figure(asked, capsys, tmp_path):
    name = export(tmp_path / "a.csv", fakes.measured_absorption())
    assert run("@homodimer", "--measured", name, "--normalise", "300 nm", "--json", "-o", "page.html") == 0
    assert one_object(capsys)[0]["measured"][0]["scaled_at"] == "300nm"
    assert "Absorption divided by its value at 300 nm" in Path("page.html").read_text(encoding="utf-8")


def test_an_object_alone_is_not_drawn(asked, capsys, tmp_path):
    """What is stored comes back without the time that drawing takes."""
    assert run("@homodimer", "--json") == 0
    assert one_object(capsys)[0]["outputs"] == {"report": None, "data": None, "figures": None}
    assert not list(tmp_path.iterdir())
    assert run("@homodimer", "--json", "-o", "page.html") == 0
    assert one_object(capsys)[0]["outputs"]["report"] == str(tmp_path / "page.html")
    assert {path.name for path in tmp_path.iterdir()} == {"page.html", "page.nc"}


# ---------------------------------------------------------------- exit status


def test_what_is_incomplete_is_written_and_exit_3(asked, capsys, tmp_path):
    asked["converges"] = False
    assert run("@homodimer") == 3
    assert "Not converged" in capsys.readouterr().err
    assert Path("homodimer-spectrum.html").exists()


def test_holes_among_fields_are_exit_3(asked, capsys):
    asked["holes"] = (3,)
    assert run("@heterodimer", "--field", "-100:100:5") == 3
    assert "1 of 5 fields failed" in capsys.readouterr().err


def test_a_curve_that_is_not_fitted_is_exit_3(asked, capsys, tmp_path):
    name = export(
        tmp_path / "fused.csv", fakes.measured_emission(name="PL 1"), fakes.measured_emission(name="PL 2", flat=True)
    )
    assert run("@homodimer", "--measured", name) == 3
    said = capsys.readouterr()
    assert "1 of 2 measured curves were not fitted" in said.err
    assert "not compared: No peak rises above the noise." in " ".join(said.out.split())


def test_what_cannot_be_solved_leaves_nothing(asked, capsys, tmp_path):
    asked["fails"] = SolverError("The molecule has no bound hole.")
    assert run("@homodimer") == 3
    assert "no bound hole" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("options", "field", "part"),
    [
        (["--calibrate", "100nm"], "calibrate", "200 to 3000 nm"),
        (["--calibrate", "605"], "calibrate", "605nm, 2.05eV or emission:610nm"),
        (["--calibrate", "0.1 eV"], "calibrate", "200 to 3000 nm"),
        (["--calibrate", "photons:605nm"], "calibrate", "emission:610nm"),
        (["--calibrate", "-605nm"], "calibrate", "200 to 3000 nm"),
        (["--calibrate", "red"], "calibrate", "605nm"),
        (["--normalise", "400nm"], "normalise", "edge or 300nm"),
        (["--linker", "0"], "linker", "above 0"),
        (["--linker", "2 eV"], "linker", "length"),
        (["--field", "1:2"], "field", "START:STOP:COUNT"),
        (["--field", "5,5"], "field", "repeated values"),
        (["--field", "3 nm"], "field", "electric field"),
        (["--workers", "-1"], "workers", "0 or more"),
        (["--measured", "nowhere.csv"], "measured", "a file that exists"),
        (["--measured", "fused=nowhere.csv"], "measured", "a file that exists"),
        (["--measured", "trimer=nowhere.csv"], "measured", "monomer, unfused, fused"),
        (["-o", "page.pdf"], "output", ".html"),
        (["-o", "nowhere/page.html"], "output", "a folder that exists"),
    ],
)
def test_words_are_refused_before_any_work(asked, capsys, tmp_path, options, field, part):
    error = refused(capsys, "@homodimer", *options)
    assert error["field"] == field
    assert part in error["message"]
    assert error["message"].count(". ") == 0
    assert not asked
    assert not list(tmp_path.iterdir())


def test_a_sample_that_the_spec_does_not_have(asked, capsys, tmp_path):
    name = export(tmp_path / "a.csv", fakes.measured_absorption())
    assert refused(capsys, "@monomer", "--measured", f"fused={name}")["allowed"] == "a sample of this spec: monomer"
    assert refused(capsys, "@linked", "--measured", f"fused={name}")["allowed"].endswith("monomer, unfused")
    assert not asked


def test_a_file_of_no_spectrum_is_refused(asked, capsys, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear all")
    assert refused(capsys, "@homodimer", "--measured", "letter.txt")["field"] == "FILE"
    assert not asked


def test_a_bad_spec_comes_first(asked, capsys):
    assert refused(capsys, "nowhere.yaml", "--normalise", "400nm")["field"] == "spec"


@pytest.mark.parametrize("name", ["a.html", "a.nc"])
def test_what_is_read_is_never_written(asked, capsys, tmp_path, name):
    export(tmp_path / name, fakes.measured_absorption())
    before = (tmp_path / name).read_bytes()
    assert refused(capsys, "@homodimer", "--measured", name, "-o", "a.html")["field"] == "output"
    assert (tmp_path / name).read_bytes() == before


def test_a_file_whose_name_has_an_equals_sign_is_a_file(tmp_path):
    (tmp_path / "T=300.csv").write_text("")
    assert spectrum_words.measured_file("T=300.csv") == (None, Path("T=300.csv"))
    assert spectrum_words.measured_file("fused=T=300.csv") == ("fused", Path("T=300.csv"))


@pytest.mark.parametrize(
    ("text", "quantity", "energy"),
    [
        ("605nm", "absorption", fakes.HC / 605),
        ("absorption: 0.605 um", "absorption", fakes.HC / 605),
        ("2.05eV", "absorption", 2.05),
        ("emission:2050 meV", "emission", 2.05),
    ],
)
def test_a_peak_is_a_wavelength_or_an_energy(text, quantity, energy):
    found = spectrum_words.calibration_of(text)
    assert found.quantity == quantity
    assert found.energy_eV == pytest.approx(energy)


def test_help_names_both_verbs_and_where_a_spec_goes(capsys):
    assert run("--help") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "predict" in out
    assert "fit" in out
    assert "`qdmol spectrum SPEC` is short for `qdmol spectrum predict SPEC`" in out
    assert run("predict", "--help") == 0
    assert "--measured" in capsys.readouterr().out
