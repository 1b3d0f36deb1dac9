"""Damaged and hostile exports: one bad curve is not fitted, with a reason, and loses no other."""

from pathlib import Path

import numpy as np
import pytest
from tests.memory import peak_memory

from qdmol.errors import DataError, InputError
from qdmol.spectroscopy import Curve, fit_curve, read_curves
from qdmol.spectroscopy.reading import read_columns
from qdmol.spectroscopy.surveying import survey_curves
from qdmol.text_tables import number_table

CASES = Path(__file__).parent / "cases"
WAVELENGTH = np.arange(400.0, 700.0, 2.0)


def peak(rng, centre=550.0):
    return 1e4 * np.exp(-0.5 * ((WAVELENGTH - centre) / 15) ** 2) + rng.normal(0, 20, len(WAVELENGTH)) + 100


def table(path, *columns, header):
    lines = [header, *(",".join(map(str, row)) for row in zip(*columns, strict=True))]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("curve_3.csv", "No point of the curve is usable. 26 points are saturated and excluded."),
        ("absorbance_in_mAU.csv", "No point of the curve is usable. 150 points are saturated and excluded."),
        ("nums.csv", "The largest value is 1e+308; curves are fitted from 1e-50 to 1e+50."),
    ],
)
def test_a_curve_with_nothing_to_fit_says_why(name, said):
    (found,) = survey_curves(read_curves(CASES / name))
    assert found.fit is None
    assert found.reason == said


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("curve_1.csv", 18), ("curve_2.csv", 15)])
def test_a_damaged_table_keeps_its_other_curves(name, count):
    found = survey_curves(read_curves(CASES / name))
    assert len(found) == count
    assert all(one.reason.endswith(".") for one in found if one.fit is None)
    assert any(one.fit is None for one in found)
    assert any(one.fit is not None for one in found)


BAD = {
    "huge": 1e308, "alternating": np.where(np.arange(len(WAVELENGTH)) % 2, 1e308, -1e308), "tiny": 5e-324,
    "nothing": 0.0, "one": 1.0, "infinite": np.inf, "saturated": "OVER", "missing": "",
}  # fmt: skip


@pytest.mark.parametrize("kind", [*BAD])
def test_a_bad_curve_loses_no_other(tmp_path, kind):
    bad = np.broadcast_to(np.asarray(BAD[kind]), WAVELENGTH.shape)
    good = peak(np.random.default_rng(1))
    path = table(tmp_path / "emission.csv", WAVELENGTH, bad, good, header="wavelength (nm),bad,good")
    found = {one.curve.name: one for one in survey_curves(read_curves(path))}
    assert found["good"].fit is not None
    assert found["good"].fit.maximum_nm.value == pytest.approx(550.0, abs=0.5)
    assert kind == "missing" or found["bad"].fit is None
    assert kind == "missing" or found["bad"].reason.endswith(".")


def test_a_pair_of_columns_with_a_bad_axis_loses_no_other(tmp_path):
    good = peak(np.random.default_rng(1))
    turning = WAVELENGTH.copy()
    turning[50] = 600.0
    header = "wavelength (nm),PL one,wavelength (nm),PL two"
    path = table(tmp_path / "pairs.csv", WAVELENGTH, good, turning, good, header=header)
    curves, refused = read_columns(path)
    assert [len(curve.values) for curve in curves] == [len(WAVELENGTH)]
    assert len(refused) == 1
    assert "only rises" in str(refused[0])
    (curve,) = read_curves(path)
    assert any("Another column was not read" in note for note in curve.notes)


def test_a_table_of_bad_axes_is_refused(tmp_path):
    turning = WAVELENGTH.copy()
    turning[50] = 600.0
    path = table(tmp_path / "a.csv", turning, turning, header="wavelength (nm),PL")
    with pytest.raises(InputError, match="only rises"):
        read_curves(path)


def test_a_position_that_is_known_to_no_part_of_the_curve_is_no_fit():
    rng = np.random.default_rng(3)
    reasons = []
    for _ in range(10):
        noise = rng.normal(0, 1, len(WAVELENGTH)) + 10 * (rng.random(len(WAVELENGTH)) < 0.01)
        try:
            fit = fit_curve(Curve(WAVELENGTH, noise, "emission"))
        except DataError as error:
            reasons.append(str(error))
        else:
            assert fit.position_nm.half_width < 0.5 * np.ptp(WAVELENGTH)
    assert reasons


ROWS = "".join(f"{400 + k},{k}\n" for k in range(20))


@pytest.mark.parametrize(
    "text",
    [
        "wl,a\n" + ROWS + "9" * 60_000 + "," + "8" * 60_000 + "x\n",
        '"cm' + " " * 150_000 + 'x",a\n' + ROWS,
        "cm" + " " * 60_000 + "x,a\n" + ROWS,
        'wl,"a\n' + ROWS,
        'wl,a"b"c"\n' + ROWS,
        "%" + " %" * 50_000 + ",a\n" + ROWS,
        ",".join(["1"] * 2_000_000) + "\n" + ROWS,
        "x" * 5_000_000 + "\n" + ROWS,
        "".join(f"key {k},value\n" for k in range(100_000)) + ROWS,
    ],
    ids=["digits", "spaces", "plain-spaces", "quote", "quotes", "percent", "wide", "long", "header"],
)
def test_odd_lines_cost_no_time_and_lose_no_numbers(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    before = peak_memory()
    (curve,) = read_curves(path, quantity="emission")
    assert curve.wavelength_nm.tolist() == list(range(400, 420))
    assert peak_memory() - before < 200 << 20


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("400,1\n" * 100_000 + ",".join(["1"] * 9000), "at most 5000000 numbers"),
        ("\n" * 1_100_000, "at most 1000000 lines"),
        ("400,1\n" * 2_000_000, "at most 10000000 are allowed"),
    ],
)
def test_tables_that_would_fill_the_memory_are_refused(tmp_path, text, said):
    path = tmp_path / "a.csv"
    path.write_text(text)
    before = peak_memory()
    with pytest.raises(InputError, match=said):
        read_curves(path)
    assert peak_memory() - before < 200 << 20


def test_a_large_table_takes_little_memory(tmp_path):
    path = tmp_path / "emission.csv"
    rows = "\n".join(f"{400 + k / 100}" + ",1.2345" * 100 for k in range(12_000))
    path.write_text("wavelength (nm)" + ",PL" * 100 + "\n" + rows)
    before = peak_memory()
    assert len(read_curves(path)) == 100
    assert peak_memory() - before < 150 << 20


def test_escape_codes_of_the_file_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("wavelength (nm),\x1b]0;gone\x07dot \x1b[31m\n" + ROWS)
    (curve,) = read_curves(path, quantity="emission")
    assert curve.name == "?]0;gone?dot ?[31m"
    assert "\x1b" not in "".join(curve.notes) + curve.source


@pytest.mark.parametrize(
    ("text", "start", "rows", "below"),
    [
        ("a,b\n1,2\n3,4\n\n5,6\nend\n", 2, 3, 1),
        ("1,2\nword\n3,4\n5,6\n", 3, 2, 0),
        ("1,2\n3,\n4,5\n6,\nend\nend\n", 1, 3, 3),
        ("1,2\n2,3\nword\n5,6\n7,8\n", 1, 2, 3),
    ],
)
def test_the_longest_block(text, start, rows, below):
    found = number_table(text)
    assert (found.first_line, len(found.numbers), found.lines_below) == (start, rows, below)
