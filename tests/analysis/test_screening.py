"""Screening keeps what is established, rejects with a reason, and remembers what was analysed."""

import csv
import io
import json
import os

import numpy as np
import pytest
from tests.photons import generators as make

from qdmol.analysis import Criterion, screen_photons
from qdmol.analysis.screening import QUANTITIES
from qdmol.cli.entry import run_command
from qdmol.errors import InputError
from qdmol.estimates import Estimate

LIGHT = {"rate_hz": 1e5, "period_ps": 200_000.0, "response_ns": 0.3, "offset_ns": 8.0}
QUICK = {"model": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A blinking emitter, a short recording of it, one that was cut, and a letter."""
    place = tmp_path_factory.mktemp("night")
    rng = np.random.default_rng(5)
    bright = make.blinking_stream(rng, background_hz=400.0, duration_s=1.0, **LIGHT)
    short = make.blinking_stream(rng, background_hz=400.0, duration_s=0.05, **LIGHT)
    good = make.write_ptu(place / "dot1.ptu", bright, kind=make.HYDRAHARP_T3)
    make.write_ptu(place / "dot2.ptu", short, kind=make.HYDRAHARP_T3)
    (place / "dot3.ptu").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (place / "letter.txt").write_text("Dear colleague,\nthe sample has arrived.\n", encoding="utf-8")
    return place


@pytest.fixture
def files(folder):
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    ("text", "criterion"),
    [
        ("g2<0.5", Criterion("g2", "<", 0.5)),
        (" G2_side ≤ .3 ", Criterion("g2_side", "<=", 0.3)),
        ("lifetime>10ns", Criterion("lifetime", ">", 10.0)),
        ("lifetime >= 0.02 us", Criterion("lifetime", ">=", 20.0)),
        ("duration>2 s", Criterion("duration", ">", 2.0)),
        ("duration>500 ms", Criterion("duration", ">", 0.5)),
        ("photons>1e5", Criterion("photons", ">", 1e5)),
    ],
)
def test_a_criterion_is_read(text, criterion):
    read = Criterion.parse(text)
    assert (read.quantity, read.comparison) == (criterion.quantity, criterion.comparison)
    assert read.limit == pytest.approx(criterion.limit)
    again = Criterion.parse(str(read))
    assert (again.quantity, again.comparison, again.limit) == (
        read.quantity,
        read.comparison,
        pytest.approx(read.limit),
    )


@pytest.mark.parametrize(
    "text", ["", "g2", "g2<", "g2<x", "g3<1", "g2=0.5", "g2<0.5 ns", "lifetime>10 km", "lifetime>10>5", "g2<nan"]
)
def test_what_is_no_criterion_is_refused(text):
    with pytest.raises(InputError) as refused:
        Criterion.parse(text)
    assert refused.value.field == "require"


@pytest.mark.parametrize(
    ("interval", "met", "excluded"),
    [((0.1, 0.2, 0.3), True, False), ((0.4, 0.2, 0.6), False, False), ((0.7, 0.6, 0.8), False, True)],
)
def test_the_whole_interval_must_meet_a_criterion(interval, met, excluded):
    value, low, high = interval
    below = Criterion("g2", "<", 0.5)
    estimate = Estimate(value, low, high, "")
    assert below.met_by(estimate, by_value=False) is met
    assert below.met_by(estimate, by_value=True) is (value < 0.5)
    assert below.excluded_by(estimate) is excluded
    # the same in a mirror
    above = Criterion("g2", ">", -0.5)
    mirrored = Estimate(-value, -high, -low, "")
    assert above.met_by(mirrored, by_value=False) is met
    assert above.excluded_by(mirrored) is excluded


def test_limits_themselves():
    exact = Estimate(100.0, 100.0, 100.0, "")
    assert Criterion("photons", ">=", 100.0).met_by(exact, by_value=False)
    assert not Criterion("photons", ">", 100.0).met_by(exact, by_value=False)
    assert Criterion("photons", ">", 100.0).excluded_by(exact)
    assert not Criterion("photons", "<=", 100.0).excluded_by(exact)


def test_each_file_has_its_decision_and_reason(files):
    screening = screen_photons(files, require=["lifetime>15 ns", "lifetime<25 ns"], **QUICK)
    good, short, cut, letter = screening
    assert good.decision == "keep"
    assert good.reason == "lifetime > 15 ns, lifetime < 25 ns"
    assert good.numbers["lifetime"].value == pytest.approx(20.0, rel=0.05)
    assert short.numbers["photons"].value < 0.3 * good.numbers["photons"].value
    assert (cut.decision, cut.reason) == ("reject", "the file ends early")
    assert letter.decision == "reject"
    assert "letter.txt" in letter.reason
    assert letter.numbers == dict.fromkeys(QUANTITIES)
    assert screening.kept[0] is good
    assert {file.name for file in screening.rejected} >= {"dot3.ptu", "letter.txt"}


def test_reasons_tell_excluded_from_not_established(files):
    limit = screen_photons(files[1:2], **QUICK)[0].numbers["lifetime"]
    inside = f"lifetime>{0.5 * (limit.low + limit.value):.6g}"
    screening = screen_photons(files[1:2], require=[inside, "lifetime>500", "g2<1e-9"], **QUICK)
    first, second, *_ = screening[0].reason.split("; ")
    assert first.endswith("is not established")
    assert "does not meet lifetime > 500 ns" in second
    assert screen_photons(files[1:2], require=[inside], by_value=True, **QUICK)[0].decision == "keep"


def test_the_table_has_every_file_once_and_its_intervals(files, tmp_path):
    output = tmp_path / "night.csv"
    screening = screen_photons(files, output=output, **QUICK)
    rows = list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8"))))
    assert [row["file"] for row in rows] == [str(path) for path in files]
    assert [row["decision"] for row in rows] == [file.decision for file in screening]
    assert all(row["reason"] for row in rows)
    lifetime = screening[0].numbers["lifetime"]
    assert [float(rows[0][f"lifetime{end}_ns"]) for end in ("", "_low", "_high")] == pytest.approx(
        [lifetime.value, lifetime.low, lifetime.high]
    )
    assert rows[3]["lifetime_ns"] == ""


def test_finished_files_are_not_analysed_again(files, tmp_path, monkeypatch):
    output = tmp_path / "night.csv"
    first = screen_photons(files[:2], output=output, **QUICK)
    analysed = []
    monkeypatch.setattr("qdmol.analysis.analyzing.analyze_photons", lambda file, **_: analysed.append(file))
    again = screen_photons(files[:2], output=output, require=["photons>1e9"], **QUICK)
    assert not analysed
    assert [file.numbers for file in again] == [file.numbers for file in first]
    assert not again.kept
    changed = files[1]
    os.utime(changed, ns=(1, 1))  # the same file at another time may have other content
    screen_photons(files[:2], output=output, **QUICK)
    assert analysed == [str(changed)]


@pytest.mark.slow
def test_workers_give_the_same_table(files):
    assert screen_photons(files[:2], workers=2, **QUICK).csv == screen_photons(files[:2], **QUICK).csv


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"require": ["g2<"]}, "require"),
        ({"output": "night.txt"}, "output"),
        ({"output": "nowhere/night.csv"}, "output"),
        ({"workers": -1}, "workers"),
        ({"model": "9"}, "model"),
        ({"afterglow": "ignore"}, "afterglow"),
    ],
)
def test_what_is_refused(files, options, field, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        screen_photons(files, **options)
    assert refused.value.field == field
    assert not list(tmp_path.iterdir())


def test_no_files_are_refused():
    with pytest.raises(InputError):
        screen_photons([])


def test_the_table_replaces_no_recording(tmp_path, folder):
    decay = tmp_path / "decay.csv"
    decay.write_text("time (ns),counts\n0,1\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        screen_photons([decay], output=decay)
    assert refused.value.field == "output"
    assert decay.read_text(encoding="utf-8").startswith("time")


def test_the_command(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["photons", "screen", str(folder), "--require", "lifetime>15ns", "--model", "1", "--workers", "0"]
    assert run_command([*arguments, "-o", "night.csv"]) == 0
    out = capsys.readouterr().out
    assert "dot1.ptu" in out
    assert "files kept (lifetime > 15 ns)." in out
    assert run_command([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["kept"] + answer["rejected"] == len(answer["files"]) == 4
    assert answer["units"]["lifetime"] == "ns"
    assert run_command(["photons", "screen", str(folder), "--require", "colour<3"]) == 2
    assert run_command(["photons", "screen", str(folder), "--channels", "x"]) == 2


@pytest.mark.parametrize("name", ["response", "dark"])
def test_a_missing_response_is_refused_and_not_laid_on_every_file(files, name):
    with pytest.raises(InputError) as refused:
        screen_photons(files, workers=0, **{name: "nowhere.ptu"})
    assert refused.value.field == name
    assert "nowhere.ptu" in str(refused.value)
