"""`qdmol photons analyze` on files of decay histograms, with the analysis itself."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from tests.photons import histogram_writers as writers

from qdmol.cli.entry import run_command

CASES = Path(__file__).parents[1] / "analysis/lifetime/cases"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def analyze(capsys, *arguments):
    status = run_command(["photons", "analyze", *map(str, arguments), "-o", "page.html", "--json", "--quiet"])
    return status, json.loads(capsys.readouterr().out)


def refused(capsys, *arguments):
    status, found = analyze(capsys, *arguments)
    assert status == 2
    assert not Path("page.html").exists()
    return found["error"]


def test_a_decay_with_its_response(capsys):
    status, found = analyze(capsys, CASES / "decay_two.txt", "--response", CASES / "irf_normalised.txt")
    assert status == 0
    assert found["lifetime"]["components_ns"] == pytest.approx([3.0, 0.8], rel=0.03)
    assert found["lifetime"]["response"] == "measured"


def test_one_of_two_decays_is_asked_for(capsys):
    error = refused(capsys, CASES / "irf_and_decay.csv")
    assert error["field"] == "column"
    assert "2 (QD film)" in error["message"]
    for column in ("2", "QD film"):
        status, found = analyze(capsys, CASES / "irf_and_decay.csv", "--column", column)
        assert status == 0
        assert found["lifetime"]["components_ns"] == pytest.approx([20.0, 3.0], rel=0.02)


def test_info_shows_every_curve(capsys):
    assert run_command(["photons", "info", str(CASES / "irf_and_decay.csv")]) == 0
    text = capsys.readouterr().out.replace("\u00a0", " ")
    assert "Curve 1 (IRF), decay: 50 000 counts in 2000 bins of 0.1 ns" in " ".join(text.split())
    assert "Curve 2 (QD film), decay: 154 104 counts" in " ".join(text.split())
    assert run_command(["photons", "info", str(CASES / "irf_and_decay.csv"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(curve["number"], curve["name"]) for curve in shown["curves"]] == [(1, "IRF"), (2, "QD film")]
    assert shown["curve"] is None


def test_all_curves_are_analysed(capsys):
    command = ["photons", "analyze", str(CASES / "irf_and_decay.csv"), "--column", "all", "--json", "-o", "all.html"]
    status = run_command(command)
    shown = json.loads(capsys.readouterr().out)["files"]
    assert [each["curve"] for each in shown] == [1, 2]
    assert shown[0]["lifetime"] is None
    assert shown[1]["lifetime"]["components_ns"] == pytest.approx([20.0, 3.0], rel=0.02)
    assert status == 3  # the response has no lifetime


def test_curves_of_a_binary_file(tmp_path, capsys):
    rng = np.random.default_rng(3)
    decays = [rng.poisson(500 * np.exp(-np.arange(256) / bins) + 1) for bins in (20.0, 50.0)]
    blocks = [(0x1108, counts.astype("<u4"), 0) for counts in decays]
    content = writers.sdt_bytes(blocks, measurements=[writers.measure_info(adc_re=256)])
    (tmp_path / "dots.sdt").write_bytes(content)
    assert run_command(["photons", "info", "dots.sdt"]) == 0
    text = " ".join(capsys.readouterr().out.replace("\u00a0", " ").split())
    assert "Becker & Hickl SDT, SPC-150 3C0048" in text
    assert "Curve 1 (channel 2), decay:" in text
    assert "all" in refused(capsys, "dots.sdt")["message"]
    status, shown = analyze(capsys, "dots.sdt", "--curve", "1")
    assert status == 0
    assert (shown["curve"], shown["record_type"]) == (1, "Becker & Hickl SDT")
    assert shown["lifetime"]["components_ns"] == pytest.approx([50 * 50 / 256], rel=0.05)
    Path("page.html").unlink()
    (tmp_path / "cut.sdt").write_bytes(content[:-400])
    assert "ends early or is damaged" in refused(capsys, "cut.sdt", "--curve", "1")["message"]


def test_info_takes_the_options_that_it_asks_for(tmp_path, capsys):
    for option in (["--column", "2"], ["--curve", "QD film"]):
        assert run_command(["photons", "info", str(CASES / "irf_and_decay.csv"), *option]) == 0
    capsys.readouterr()
    text = (CASES / "decay_50ns.txt").read_text(encoding="utf-8").replace("Time [ns]", "Time")
    (tmp_path / "decay.txt").write_text(text, encoding="utf-8")
    assert run_command(["photons", "info", "decay.txt"]) == 2
    assert "--unit" in capsys.readouterr().err
    assert run_command(["photons", "info", "decay.txt", "--unit", "ns"]) == 0


def test_period_and_unit_are_used(tmp_path, capsys):
    text = (CASES / "decay_50ns.txt").read_text(encoding="utf-8").replace("Time [ns]", "Time")
    (tmp_path / "decay.txt").write_text(text, encoding="utf-8")
    assert refused(capsys, "decay.txt")["field"] == "unit"
    status, found = analyze(capsys, "decay.txt", "--unit", "ns", "--period", "50ns")
    assert status == 0
    assert found["lifetime"]["components_ns"][0] == pytest.approx(4.04, abs=0.01)


def test_a_known_background_is_exact(capsys):
    status, found = analyze(capsys, CASES / "horiba.txt", "--background", "2")
    assert status == 0
    assert found["lifetime"]["background_counts_per_bin"] == 2.0


def test_a_failed_fit_is_null_with_a_reason_and_ends_with_3(capsys):
    status, found = analyze(capsys, CASES / "irf_and_decay.csv", "--column", "1")
    assert status == 3
    assert found["lifetime"] is None
    flags = {flag["flag"]: flag["message"] for flag in found["quality"]}
    assert "faster than the resolution of response and bins" in flags["failed_fit"]


def test_a_spectrum_is_no_decay(capsys):
    error = refused(capsys, CASES / "emission_spectrum_in_counts.csv")
    assert "an emission spectrum is not a decay" in error["message"]


def test_a_table_that_fails_is_not_called_time_tags(tmp_path, capsys):
    rows = "\n".join(f"{k * k}\t{c}" for k, c in enumerate(range(40, 0, -1)))
    (tmp_path / "uneven.txt").write_text(f"Time [ns]\tCounts\n{rows}\n", encoding="utf-8")
    error = refused(capsys, "uneven.txt")
    assert "equal steps" in error["message"]
    assert "time tags" not in error["message"]


def test_options_of_histograms_are_refused_for_single_photons(tmp_path, capsys):
    times = np.sort(np.random.default_rng(1).integers(0, 10**9, 3000))
    rows = "\n".join(f"{t},{k % 2}" for k, t in enumerate(times))
    (tmp_path / "tags.csv").write_text(f"time_ps,channel\n{rows}\n", encoding="utf-8")
    for option, value in (("column", "1"), ("unit", "ns"), ("period", "50"), ("background", "2")):
        assert refused(capsys, "tags.csv", f"--{option}", value)["field"] == option
    assert refused(capsys, CASES / "decay_two.txt", "--period", "-3")["field"] == "period"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_pipes_and_devices_are_refused(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.txt")
    assert refused(capsys, "pipe.txt")["field"] == "FILE"
    error = refused(capsys, CASES / "decay_two.txt", "--response", "pipe.txt")
    assert "regular file" in error["message"] or "plain file" in error["message"]


LAGS = np.arange(-200, 201)
DIP = np.random.default_rng(8).poisson(60 * (1 - 0.8 * np.exp(-np.abs(LAGS) / 15.0)))


def coincidences(path, values=DIP, header="tau (ns),coincidences\n"):
    path.write_text(header + "\n".join(f"{lag},{n}" for lag, n in zip(LAGS, values, strict=True)), encoding="utf-8")
    return path


def test_g2_of_coincidences(tmp_path, capsys):
    path = coincidences(tmp_path / "g2.csv")
    status, shown = analyze(capsys, path, "--photons", "240000,250000", "--duration", "1000ms", "--figures", "figs")
    assert status == 0
    assert (shown["format"], shown["lifetime"], shown["photons"]) == ("histogram of coincidences", None, None)
    g2 = shown["g2"]
    assert g2["side_low"] <= 0.2 <= g2["side_high"]
    assert g2["poisson"] == pytest.approx(g2["side"], rel=0.05)
    assert Path("page.nc").exists()
    assert Path("figs/figure3_g2.png").exists()
    assert "Pairs of photons on two detectors" in Path("page.html").read_text(encoding="utf-8")
    assert run_command(["photons", "info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["curve"] == 1
    unnamed = coincidences(tmp_path / "plain.csv", header="")
    status, shown = analyze(capsys, unnamed, "--format", "g2", "--unit", "ns")
    assert (status, shown["g2"]["side"]) == (0, g2["side"])
    assert shown["g2"]["poisson"] is None


def test_options_of_decays_do_not_apply_to_coincidences(tmp_path, capsys):
    path = coincidences(tmp_path / "g2.csv")
    status, shown = analyze(capsys, path, "--response", CASES / "irf_normalised.txt")
    assert status == 0
    assert [flag["message"] for flag in shown["quality"] if flag["flag"] == "not_used"] == [
        "`response` was not used: it does not apply to a coincidence histogram."
    ]


def test_coincidences_without_g2(tmp_path, capsys):
    assert "not normalised" in refused(capsys, coincidences(tmp_path / "n.csv", DIP / 60.5))["message"]
    path = coincidences(tmp_path / "g2.csv")
    options = (("photons", "5"), ("photons", "5,x"), ("duration", "0"), ("duration", "1 week"), ("background", "2"))
    for option, value in options:
        assert refused(capsys, path, f"--{option}", value)["field"] == option
    assert refused(capsys, CASES / "decay_two.txt", "--photons", "5,5")["field"] == "photons"
    status, shown = analyze(capsys, coincidences(tmp_path / "few.csv", np.where(LAGS % 40, 0, 1)))
    assert (status, shown["g2"]) == (3, None)
    assert "too few for g2" in shown["quality"][-1]["message"]
