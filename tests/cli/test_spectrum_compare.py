"""`qdmol spectrum compare` in process: exit status, what is printed, what is written."""

import csv
import io
import json

import numpy as np
import pytest
from tests.cli.test_spectrum import export
from tests.report.report_texts import texts_are_apart

import qdmol
from qdmol.cli.entry import run_command
from qdmol.plot import draw_curve_kinetics, draw_curve_overlay
from qdmol.plot.style import paper_style


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Every command runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)


def test_json_has_units_in_its_keys_and_true_numbers(tmp_path, capsys):
    name = export(tmp_path / "two.csv", 2.20, 2.17, heading="{k} min")
    assert run_command(["spectrum", "compare", name, "--series", "time", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["qdmol"] == 1
    assert said["normalise"] == "edge"
    assert said["references"] == {"emission": 0}
    assert said["series"] == {"kind": "time", "unit": "min", "values": [0.0, 1.0], "origin": "the names of the columns"}
    first, second = said["curves"]
    assert first["redshift_meV"] is None
    assert second["redshift_low_meV"] < 30 < second["redshift_high_meV"]
    assert second["amplitude"] == pytest.approx(1.0, abs=0.02)
    assert said["outputs"] == {"report": None, "data": None, "figures": None}
    assert list(tmp_path.iterdir()) == [tmp_path / "two.csv"]


def test_a_page_its_data_figures_and_curves_as_recorded(tmp_path, capsys):
    name = export(tmp_path / "two.csv", 2.20, 2.17, heading="<b>{k}</b> 5{k} s")
    options = ["--times", "0,5min", "--difference", "--fits", "--second-derivative", "-o", "page.html"]
    assert run_command(["spectrum", "compare", name, *options, "--figures", "figures"]) == 0
    out = capsys.readouterr().out
    assert {"red", "shift"} <= set(out.splitlines()[0].split())
    assert "reference" in out
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>0</b>" not in text
    result = qdmol.load(tmp_path / "page.nc")
    assert result.series.values == (0.0, 5.0)
    files = sorted(path.name for path in (tmp_path / "figures").iterdir())
    for stem in ("figure1_curves", "figure2_differences", "figure3_kinetics", "figure4_derivatives"):
        assert {f"{stem}.pdf", f"{stem}.png"} <= set(files)
    curve = next(path for path in files if path.startswith("curve1"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "figures" / curve).read_text(encoding="utf-8"))))
    recorded = [line.replace(",", ".").split(";") for line in (tmp_path / "two.csv").read_text().splitlines()[1:]]
    assert [(float(row["wavelength (nm)"]), float(row["recorded"])) for row in rows] == [
        (float(line[0]), float(line[2])) for line in recorded
    ]
    for drawing in (
        draw_curve_overlay(result, fits=True),
        draw_curve_kinetics(result),
    ):
        with paper_style():
            texts_are_apart(drawing)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--normalise", "blue"], "normalise"),
        (["--normalise", "300nm"], "normalise"),
        (["--normalise", "isosbestic"], "normalise"),
        (["--reference", "missing"], "reference"),
        (["--reference", "7"], "reference"),
        (["--series", "colour"], "series"),
        (["--series", "time"], "series"),
        (["--times", "1,2,3"], "times"),
        (["--times", "0,5min", "--doses", "0,1mM"], "doses"),
        (["--axis", "colour"], "axis"),
        (["--baseline", "blue"], "baseline"),
        (["--quantity", "colour"], "quantity"),
        (["-o", "page.pdf"], "output"),
        (["-o", "no/page.html"], "output"),
    ],
)
def test_bad_options_are_refused(tmp_path, capsys, options, field):
    name = export(tmp_path / "two.csv", 2.20, 2.17)
    assert run_command(["spectrum", "compare", name, *options, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["field"] == field
    assert list(tmp_path.iterdir()) == [tmp_path / "two.csv"]


def test_a_curve_without_a_peak_makes_the_result_incomplete(tmp_path, capsys):
    name = export(tmp_path / "two.csv", 2.20, None)
    assert run_command(["spectrum", "compare", name, "--difference", "--figures", "figures"]) == 3
    said = capsys.readouterr()
    assert "not normalised" in said.out
    assert "PL 1: not fitted: " in said.err
    assert "No difference spectrum" in said.err
    assert np.isfinite(float((tmp_path / "figures" / "figure1_curves.png").stat().st_size))


def test_a_file_that_is_no_spectrum_does_not_stop_the_others(tmp_path, capsys):
    good, bad = export(tmp_path / "good.csv", 2.20), tmp_path / "bad.csv"
    bad.write_text("nothing here", encoding="utf-8")
    assert run_command(["spectrum", "compare", good, str(bad), "--normalise", "none"]) == 3
    assert "bad.csv" in capsys.readouterr().err
    assert run_command(["spectrum", "compare", str(bad)]) == 2
