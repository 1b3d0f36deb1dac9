"""`qdmol spectrum fit` in process: exit status, what is printed, what is written."""

import csv
import json

import numpy as np
import pytest

from qdmol.cli.entry import run_command

HC = 1239.841984


def gaussian(energy, centre, fwhm):
    return np.exp(-4 * np.log(2) * ((energy - centre) / fwhm) ** 2)


def export(path, *centres, heading="PL {k}", fwhm=0.12, seed=1, noise=1e-3):
    """An emission file with a column for each centre (eV); no peak where it is None."""
    rng = np.random.default_rng(seed)
    wavelength = np.arange(480.0, 680.0, 2.0)
    energy = HC / wavelength
    columns = [
        (0.0 if centre is None else gaussian(energy, centre, fwhm) * (energy / centre) ** 2)
        + 0.02
        + noise * rng.normal(size=len(energy))
        for centre in centres
    ]
    rows = [";".join(f"{x:.5f}" for x in row).replace(".", ",") for row in zip(wavelength, *columns, strict=True)]
    names = [heading.format(k=k) for k in range(len(centres))]
    path.write_text("\n".join([";".join(["Wavelength (nm)", *names]), *rows]), encoding="utf-8")
    return str(path)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Every command runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


def test_json_has_units_in_its_keys_and_true_numbers(tmp_path, capsys):
    name = export(tmp_path / "two.csv", 2.20, 2.17)
    assert run_command(["spectrum", "fit", name, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["qdmol"] == 1
    assert said["outputs"] == {"report": None, "figures": None}
    first, second = said["curves"]
    assert (first["name"], first["quantity"], first["kind"]) == ("PL 0", "emission", "maximum")
    assert first["peak_low_eV"] < 2.20 < first["peak_high_eV"]
    assert first["width_low_meV"] < 120 < first["width_high_meV"]
    assert first["edge_eV"] is None
    assert first["against_first"] is None
    shift = second["against_first"]
    assert shift["redshift_low_meV"] < 30 < shift["redshift_high_meV"]
    assert shift["basis"] == "peak"
    assert list(tmp_path.iterdir()) == [tmp_path / "two.csv"]


def test_a_table_a_page_and_figures(tmp_path, capsys):
    name = export(tmp_path / "two.csv", 2.20, 2.17, heading="PL <b>{k}</b>")
    assert run_command(["spectrum", "fit", name, "-o", "page.html", "--figures", "figures"]) == 0
    said = capsys.readouterr()
    assert "red shift (meV)" in said.out
    assert "note: Numbers are written with decimal commas." in said.out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("<figure") == 3
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"curves.csv", "curves.pdf", "curves.png"} <= files
    assert len(files) == 9
    table = np.genfromtxt(next((tmp_path / "figures").glob("curve1_*.csv")), delimiter=",", skip_header=1)
    assert len(table) == 100  # every point of the file
    assert np.nanmax(np.abs(table[:, 2] - table[:, 3])) < 0.01
    assert np.allclose(table[:, 0] * table[:, 1], HC)


def test_a_page_beside_the_first_file_and_a_table_of_numbers(tmp_path, capsys):
    folder = tmp_path / "data"
    folder.mkdir()
    name = export(folder / "two.csv", 2.20, None)
    (folder / "bad.csv").write_text("no numbers")
    words = ["spectrum", "fit", name, str(folder / "bad.csv"), "--plot", "--csv", "numbers.csv", "--workers", "2"]
    assert run_command([*words, "--json"]) == 3
    outputs = json.loads(capsys.readouterr().out)["outputs"]
    assert outputs["report"] == str(folder / "two.html")
    assert (folder / "two.html").is_file()
    with (tmp_path / "numbers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    (peak,) = [row for row in rows if (row["quantity"], row["unit"]) == ("peak", "eV")]
    assert float(peak["low"]) < 2.20 < float(peak["high"])
    assert [row["result"] for row in rows if not row["quantity"]] == ["no fit", "not read"]


def test_numbers_come_before_words(tmp_path, capsys):
    one, two = export(tmp_path / "one.csv", 2.20), export(tmp_path / "two.csv", 2.17, seed=2)
    assert run_command(["spectrum", "fit", one, two]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["file", "curve", "result"]
    assert "FWHM (meV)" in lines[0]
    assert [line.split()[0] for line in lines[1:3]] == ["one.csv", "two.csv"]
    assert lines[3].startswith("note:")


def test_a_curve_without_a_peak_is_left_and_said(tmp_path, capsys):
    name = export(tmp_path / "one.csv", 2.20, None)
    assert run_command(["spectrum", "fit", name, "--json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert [one["kind"] for one in said["curves"]] == ["maximum", None]
    assert "noise" in said["curves"][1]["reason"]


def test_a_file_that_is_none_among_many(tmp_path, capsys):
    good, bad = export(tmp_path / "good.csv", 2.20), tmp_path / "bad.csv"
    bad.write_text("no numbers")
    assert run_command(["spectrum", "fit", good, str(bad), "--json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert len(said["curves"]) == 1
    assert said["failed"][0]["file"] == str(bad)
    assert run_command(["spectrum", "fit", str(bad), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["field"] == "FILE"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--quantity", "colour"], "quantity"),
        (["--material", "PbS"], "material"),
        (["-o", "page.pdf"], "output"),
        (["-o", "nowhere/page.html"], "output"),
        (["--figures", "good.csv"], "figures"),
        (["--csv", "numbers.txt"], "csv"),
        (["--csv", "good.csv"], "csv"),
        (["--csv", "nowhere/numbers.csv"], "csv"),
        (["--workers", "-1"], "workers"),
    ],
)
def test_words_are_refused_before_any_work(tmp_path, capsys, options, field):
    name = export(tmp_path / "good.csv", 2.20)
    assert run_command(["spectrum", "fit", name, *options, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["field"] == field
    assert list(tmp_path.iterdir()) == [tmp_path / "good.csv"]


def test_the_page_is_never_a_file_that_is_read(tmp_path, capsys):
    name = export(tmp_path / "curve.html", 2.20)
    before = (tmp_path / "curve.html").read_bytes()
    assert run_command(["spectrum", "fit", name, "-o", name]) == 2
    assert (tmp_path / "curve.html").read_bytes() == before
    assert "another file" in capsys.readouterr().err


def test_sizes_of_bare_cores(tmp_path, capsys):
    wavelength = np.arange(420.0, 700.0)
    energy = HC / wavelength
    values = gaussian(energy, HC / 540, 0.12) + 0.5 * np.clip(energy - 2.45, 0, None) * 4
    values = values + 1e-3 * np.random.default_rng(2).normal(size=len(values))
    rows = "\n".join(f"{x},{y:.6f}" for x, y in zip(wavelength, values, strict=True))
    (tmp_path / "uv.csv").write_text(f"nm,Absorbance\n{rows}")
    assert run_command(["spectrum", "fit", "uv.csv", "--material", "CdSe", "--json"]) == 0
    size = json.loads(capsys.readouterr().out)["curves"][0]["size"]
    assert size["diameter_nm"] == pytest.approx(2.85, abs=0.05)
    assert size["diameter_low_nm"] < size["diameter_nm"] < size["diameter_high_nm"]


def test_a_first_word_that_is_no_verb_is_left_to_a_spec(capsys):
    assert run_command(["spectrum", "molecule.yaml"]) == 2
    assert "molecule.yaml" in capsys.readouterr().err
    assert run_command(["spectrum", "--help"]) == 0
    assert "fit" in capsys.readouterr().out
