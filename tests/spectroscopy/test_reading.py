"""Text exports as instruments write them: every delimiter, decimal mark, unit, header, and what is refused."""

import numpy as np
import pytest

from qdmol.errors import InputError
from qdmol.spectroscopy import Curve, read_curves

AXIS = np.arange(500.0, 560.0, 2.0)
VALUES = 100 * np.exp(-(((AXIS - 530) / 10) ** 2)) + 1.5


def export(path, *, delimiter, decimal=".", header="Wavelength (nm){d}Emission", axis=AXIS, values=VALUES, tail=""):
    rows = [delimiter.join(f"{x:.4f}" for x in row).replace(".", decimal) for row in zip(axis, values, strict=True)]
    path.write_text("\n".join([header.replace("{d}", delimiter), *rows]) + "\n" + tail, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("delimiter", "decimal"), [("\t", "."), (";", "."), (",", "."), ("\t", ","), (";", ","), ("  ", "."), (" ", ",")]
)
def test_delimiters_and_decimal_marks(tmp_path, delimiter, decimal):
    path = export(tmp_path / "dot.txt", delimiter=delimiter, decimal=decimal, header="Emission {d} of a dot")
    (curve,) = read_curves(path)
    np.testing.assert_allclose(curve.wavelength_nm, AXIS, atol=1e-9)
    np.testing.assert_allclose(curve.values, VALUES, atol=1e-4)
    assert any("decimal commas" in note for note in curve.notes) == (decimal == ",")


def test_quoted_cells_with_decimal_commas(tmp_path):
    rows = [f'"{x:.1f}","{y:.3f}"'.replace(".", ",") for x, y in zip(AXIS, VALUES, strict=True)]
    rows = [row.replace('","', '";"').replace('";"', '","') for row in rows]
    path = tmp_path / "quoted.csv"
    path.write_text('"nm","PL"\n' + "\n".join(rows), encoding="utf-8")
    (curve,) = read_curves(path)
    np.testing.assert_allclose(curve.values, VALUES, atol=1e-3)
    assert curve.quantity == "emission"


@pytest.mark.parametrize(
    ("heading", "axis"),
    [("Energy (eV)", 1239.841984 / AXIS), ("Wavenumber (cm-1)", 1e7 / AXIS), ("wavelength [µm]", AXIS / 1e3)],
)
def test_units_of_the_axis(tmp_path, heading, axis):
    rows = "\n".join(f"{x:.9f},{y:.6f}" for x, y in zip(axis, VALUES, strict=True))
    path = tmp_path / "unit.csv"
    path.write_text(f"{heading},Intensity\n{rows}\n", encoding="utf-8")
    (curve,) = read_curves(path)
    np.testing.assert_allclose(curve.wavelength_nm, AXIS, rtol=1e-6)
    assert curve.notes == ()


def test_a_unit_that_is_not_named_is_guessed_and_said(tmp_path):
    path = tmp_path / "bare.txt"
    path.write_text("\n".join(f"{1239.841984 / x:.9f} {y}" for x, y in zip(AXIS, VALUES, strict=True)))
    (curve,) = read_curves(path)
    np.testing.assert_allclose(curve.wavelength_nm, AXIS, rtol=1e-6)
    assert "taken as eV" in curve.notes[0]
    assert "from the shape" in curve.notes[1]
    assert curve.quantity == "emission"


def test_pairs_of_columns_with_names_above(tmp_path):
    rows = "\n".join(f"{x},{y:.4f},{x + 100},{2 * y:.4f}," for x, y in zip(AXIS, VALUES, strict=True))
    path = tmp_path / "cary.csv"
    path.write_text(
        f"monomer,,fused,,\nWavelength (nm),Abs,Wavelength (nm),Abs,\n{rows}\n\nmonomer\nUV-Vis scan rate 600\n"
    )
    first, second = read_curves(path)
    assert (first.name, second.name) == ("monomer", "fused")
    assert second.wavelength_nm[0] == AXIS[0] + 100
    np.testing.assert_allclose(second.values, 2 * VALUES, atol=2e-4)
    assert first.quantity == "absorption"
    assert any("2 lines below" in note for note in first.notes)


def test_header_blocks_and_other_line_ends_and_encodings(tmp_path):
    head = "TITLE\tdot 5\nDATA TYPE\tFLUORESCENCE SPECTRUM\nXUNITS\tNANOMETERS\nNPOINTS\t30\nXYDATA\n"
    text = head + "\n".join(f"{x}\t{y:.4f}" for x, y in zip(AXIS[::-1], VALUES[::-1], strict=True))
    for name, content in (
        ("cr.txt", text.replace("\n", "\r").encode()),
        ("wide.txt", text.encode("utf-16")),
        ("latin.txt", ("µm filter\n" + text).encode("latin-1")),
    ):
        (tmp_path / name).write_bytes(content)
        (curve,) = read_curves(tmp_path / name)
        assert np.all(np.diff(curve.wavelength_nm) > 0), name
        np.testing.assert_allclose(curve.values, VALUES, atol=1e-4)
        assert curve.quantity == "emission"


def test_missing_saturated_and_negative_points_are_flagged(tmp_path):
    cells = [f"{y:.4f}" for y in VALUES]
    cells[3], cells[4], cells[20] = "", "NaN", "OVER"
    cells[0] = "-0.5"
    path = tmp_path / "flags.csv"
    path.write_text("nm,PL\n" + "\n".join(f"{x},{y}" for x, y in zip(AXIS, cells, strict=True)))
    (curve,) = read_curves(path)
    assert {flag.code: flag.points for flag in curve.flags} == {"missing": 2, "saturated": 1, "negative": 1}
    assert np.flatnonzero(~curve.usable).tolist() == [3, 4, 20]


def test_a_flat_top_is_saturated(tmp_path):
    (curve,) = read_curves(export(tmp_path / "flat.csv", delimiter=",", values=np.minimum(VALUES, 80.0)))
    assert [flag.code for flag in curve.flags] == ["saturated"]
    assert curve.values[~curve.usable].tolist() == [80.0] * int((VALUES > 80).sum())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "at least 10 lines of numbers"),
        ("nothing but words\n" * 30, "at least 10 lines of numbers"),
        ("Time (s),Run 1\n" + "\n".join(f"{k},{k}" for k in range(200, 240)), "`axis` is 'Time (s)'"),
        ("a,b\n" + "\n".join(f"{k},{k}" for k in range(1, 40)), "name its unit"),
        ("nm,PL\n" + "\n".join(f"{x},{x}" for x in [*range(400, 420), 410, *range(421, 440)]), "`line 22 of bad.csv`"),
        ("nm,PL\n" + "\n".join(f"{x}," for x in range(400, 440)), "at least 10 lines of numbers"),
        ("PQTTTR\0" * 50, "binary"),
    ],
)
def test_what_is_no_curve_is_refused_in_one_sentence(tmp_path, content, said):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_curves(path)
    assert said in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_curves(tmp_path / "none.csv")


def test_curves_refuse_what_is_none():
    with pytest.raises(InputError, match="rising"):
        Curve(AXIS[::-1], VALUES)
    with pytest.raises(InputError, match="values"):
        Curve(AXIS, VALUES[:-1])
    with pytest.raises(InputError, match="at least 10"):
        Curve(AXIS[:5], VALUES[:5])


def test_measured_files_are_read_with_their_marks(data_folder):
    folder = data_folder / "spectra/cdse_hot_injection"
    counts = {
        path.name: len(read_curves(path)) for path in sorted(folder.iterdir()) if path.name.lower().startswith("run")
    }
    assert counts["Run 7 UV-Vis.csv"] == 18  # its lines end with a carriage return alone
    assert counts["Run 2 FL emission.csv"] == 14
    assert len(counts) == 25
    curves = read_curves(folder / "Run 5 FL emission.csv")  # a spreadsheet's history of settings follows the numbers
    assert len(curves[0].values) == 171
    assert curves[0].quantity == "emission"
    with pytest.raises(InputError, match="Time"):
        read_curves(folder / "UV-Vis Peak Values.csv")
