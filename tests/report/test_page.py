"""The page says what the summary says, needs nothing else, and is written whole or not at all."""

import base64
import html
import re
import struct
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray as xr
from page_reading import Page, pictures
from report_fakes import VARIANTS, fake_solution, spec_of
from ruamel.yaml import YAML

from qdmol.errors import OutputError
from qdmol.plot.drawing import write_drawings
from qdmol.report import write_report
from qdmol.report.page import render_page
from qdmol.report.solution_page import solution_drawings, solution_sections
from qdmol.results import NO_VALUE, format_measured
from qdmol.structure import dump_spec, read_spec
from qdmol.study import solution_sentences

SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}"


@pytest.fixture
def page(variant, written):
    return Page(written(variant).read_text(encoding="utf-8"))


def plain(text):
    return re.sub(r"\s+", " ", text)


def test_every_number_of_the_summary(page, solution):
    summary = solution.summary
    quoted = [
        format_measured(summary[f"{key}_meV"], summary[f"{key}_error_meV"], "meV")
        for key in ("splitting", "redshift", "redshift_single_particle")
    ]
    for part in (summary["electron"], summary["hole"]):
        quoted += [f"{energy:.6f}" for energy in part["energy_eV"]]
    if summary["coulomb"]:
        for key in ("spacing", "binding"):
            quoted.append(
                format_measured(summary["coulomb"][f"{key}_meV"], summary["coulomb"][f"{key}_error_meV"], "meV")
            )
        quoted.append(format_measured(summary["coulomb"]["exciton_eV"], 0.05e-3, "eV"))
    if summary["gap_eV"]:
        quoted += [format_measured(summary["gap_eV"], 0.05e-3, "eV"), f"{summary['monomer_gap_eV']:.6f}"]
    for text in quoted:
        assert plain(text) in page.text, text


def test_sentences_and_warnings(page, solution):
    for sentence in solution_sentences(solution):
        assert plain(sentence) in page.text
    for warning in solution.warnings:
        assert warning in page.text
    assert ("Not converged" in page.text) == (not solution.converged)


def test_the_numbers_come_first(variant, written):
    text = written(variant).read_text(encoding="utf-8")
    assert 0 < text.index(">Numbers</h2>") < text.index('<ul class="summary">') < text.index("<figure")
    assert text.index(">Numbers</h2>") < text.index("<td>gap</td>") < text.index('<ul class="summary">')


def test_needs_nothing_else(page):
    for tag, address in page.addresses:
        doi = tag == "a" and address.startswith("https://doi.org/10.")
        assert doi or address.startswith("data:"), address
    assert not {"script", "link", "iframe", "object", "embed", "base"} & set(page.tags)
    assert not any("url(" in style or "@import" in style for style in page.styles)


def test_images_are_described_valid_and_self_contained(page, solution):
    assert page.images
    for image in page.images:
        assert len(image["alt"]) > 60
        assert re.search(r"\d", image["alt"]), image["alt"]
    for picture in pictures(page):
        assert picture.tag == f"{SVG}svg"
        for element in picture.iter():
            target = element.get(f"{XLINK}href") or element.get("href") or "#"
            assert target.startswith(("#", "data:image/png;base64,"))
            assert element.tag != f"{SVG}text", "text must be paths: an image in a page loads no fonts"


def test_maps_are_rasterised_at_print_resolution(page):
    sizes = []
    for picture in pictures(page):
        for image in picture.iter(f"{SVG}image"):
            raw = base64.b64decode(image.get(f"{XLINK}href").partition(",")[2])
            pixels = struct.unpack(">2I", raw[16:24])
            points = float(image.get("width")), float(image.get("height"))
            sizes += [72 * number / length for number, length in zip(pixels, points, strict=True) if length > 20]
    if any("wavefunctions" in image["alt"] for image in page.images):
        assert len(sizes) >= 2
    assert all(size >= 299.0 for size in sizes), sizes


def test_size(variant, written):
    assert written(variant).stat().st_size < 5_000_000


def test_spec_reads_back_from_the_page(page, solution, variant, written):
    match = re.search(r"<pre>(.*?)</pre>", written(variant).read_text(encoding="utf-8"), re.DOTALL)
    text = html.unescape(match[1])
    assert text == dump_spec(solution.spec)
    assert solution.spec.name in page.text


def test_which_figures_there_are(variant, page):
    has = [image["alt"].split(".")[0] for image in page.images]
    expected = {"homodimer": 4, "no coulomb": 4, "no electrons": 1}
    assert len(has) == expected.get(variant, 3), has


def test_netcdf_beside_it(variant, solution, written):
    path = written(variant).with_suffix(".nc")
    with xr.open_dataset(path) as read:
        back = read.load()
    assert set(back.variables) == set(solution.data.variables)
    for name, variable in solution.data.variables.items():
        xr.testing.assert_equal(variable, back[name].variable)
        assert back[name].attrs.get("units") == variable.attrs.get("units")
    assert read_spec(YAML(typ="safe").load(back.attrs["spec"])) == solution.spec


def test_hard_walls_are_said(written):
    assert "medium (hard wall)" in Page(written("hard walls").read_text(encoding="utf-8")).text


def test_range_table_links_its_sources(written):
    page = Page(written("homodimer").read_text(encoding="utf-8"))
    assert ("a", "https://doi.org/10.1063/1.1") in page.addresses
    assert "CdS.conduction_offset = 0.32 eV" in page.text
    assert NO_VALUE in page.text


def test_the_same_bytes_twice(homodimer, tmp_path, written):
    again = write_report(homodimer, tmp_path / "homodimer.html")
    assert again.read_bytes() == written("homodimer").read_bytes()
    assert again.with_suffix(".nc").read_bytes() == written("homodimer").with_suffix(".nc").read_bytes()


def test_users_plot_settings_neither_used_nor_changed(tmp_path, monkeypatch):
    # other tests' libraries may have loaded it
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    solution = fake_solution(spec_of(coulomb="none", holes=0))
    usual = write_report(solution, tmp_path / "a.html").read_text()
    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": "x", "axes.facecolor": "red"}):
        changed = write_report(solution, tmp_path / "a.html").read_text()
        assert matplotlib.rcParams["font.size"] == 30
    assert changed == usual
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize("broken", ["page", "data", "figure"])
def test_failed_write_changes_nothing(tmp_path, monkeypatch, broken):
    solution = fake_solution(spec_of(coulomb="none", holes=0, electrons=1))
    page = write_report(solution, tmp_path / "a.html")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"a.html", "a.nc"}

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    places = {
        "page": (Path, "write_text"),
        "data": (xr.Dataset, "dump_to_store"),
        "figure": (Path, "write_bytes"),
    }
    monkeypatch.setattr(*places[broken], fail)
    with pytest.raises(OutputError, match="No space left") as caught:
        write_report(fake_solution(), page, figures=tmp_path / "figures")
    monkeypatch.undo()
    assert str(tmp_path) in str(caught.value)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert after == before


def test_missing_folder(homodimer, tmp_path):
    with pytest.raises(OutputError, match="absent"):
        write_report(homodimer, tmp_path / "absent" / "a.html")
    assert list(tmp_path.iterdir()) == []


def test_page_named_as_its_data(homodimer, tmp_path):
    with pytest.raises(ValueError, match="html"):
        write_report(homodimer, tmp_path / "a.nc")
    assert list(tmp_path.iterdir()) == []


def test_nan_in_maps_is_outside(tmp_path):
    solution = fake_solution()
    psi = solution.data["electron_wavefunction"]
    solution.data["electron_wavefunction"] = psi.where(np.hypot(psi.map_z, psi.map_r) < 5)
    assert write_report(solution, tmp_path / "a.html").exists()


@pytest.mark.parametrize("name", ["homodimer", "no coulomb", "no electrons"])
def test_a_figure_has_one_number_on_the_page_and_on_disk(tmp_path, name):
    """Whatever figures are missing: the number before the caption is that in the file's name."""
    solution = VARIANTS[name]()
    drawings = solution_drawings(solution)[::2]
    text = render_page(solution_sections(solution, drawings, netcdf="a.nc"), title="made up", subtitle="")
    write_drawings(drawings, tmp_path)
    for drawing in drawings:
        figure = text[text.index(f'id="{drawing.name}"') :]
        number = int(figure[figure.index("<strong>Figure ") + 15 :].partition(".")[0])
        assert list(tmp_path.glob(f"figure{number}_*.png")) == [tmp_path / f"{drawing.name}.png"]


@pytest.mark.parametrize(
    ("given", "page"),
    [
        ("rep", "rep.html"),
        ("dimer-1.4", "dimer-1.4.html"),
        ("a.html", "a.html"),
        ("b.HTM", "b.HTM"),
        ("c.txt", "c.txt.html"),
    ],
)
def test_a_page_always_has_its_ending(tmp_path, given, page):
    written = write_report(VARIANTS["no electrons"](), tmp_path / given)
    assert written == tmp_path / page
    assert {path.name for path in tmp_path.iterdir()} == {page, Path(page).with_suffix(".nc").name}
