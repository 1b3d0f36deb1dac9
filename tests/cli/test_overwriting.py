"""No verb overwrites what it reads: refused before any work, and every input keeps its bytes."""

import json
import os
from pathlib import Path

import pytest
from tests.study.map_samples import mapping, sample

import qdmol
from qdmol.cli.entry import run_command
from qdmol.errors import InputError
from qdmol.study import solve_batch

posix = pytest.mark.skipif(os.name != "posix", reason="links")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QDMOL_STORE", raising=False)


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def refused(capsys, *arguments: str, field: str = "output") -> None:
    before = contents()
    assert run_command([*arguments, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["field"] == field
    assert "input file" in error["message"]
    assert contents() == before


def spec_named(name: str) -> str:
    """A spec under any name: YAML holds JSON."""
    Path(name).write_text(json.dumps(mapping()), encoding="utf-8")
    return name


def curve_named(name: str) -> str:
    rows = [f"{wavelength},{1 / (1 + ((wavelength - 600) / 20) ** 2)}" for wavelength in range(500, 700, 2)]
    Path(name).write_text("\n".join(["wavelength (nm),absorbance", *rows]), encoding="utf-8")
    return name


@pytest.mark.parametrize("name", ["spec.html", "spec.nc", "spec.htm"])
def test_a_report_over_its_spec(capsys, name):
    output = ["-o", "spec.htm"] if name == "spec.htm" else []
    refused(capsys, "run", spec_named(name), *output)


@posix
@pytest.mark.parametrize("link", ["soft", "hard"])
def test_a_report_over_a_link_to_its_spec(capsys, link):
    spec_named("s.yaml")
    for name in ("page.html", "page.nc"):
        Path(name).symlink_to("s.yaml") if link == "soft" else Path(name).hardlink_to("s.yaml")
        refused(capsys, "run", "s.yaml", "-o", "page.html")
        Path(name).unlink()


def test_a_report_over_its_material_set(capsys):
    source = Path(qdmol.__file__).parent / "materials" / "data" / "cdse-cds-single-band.yaml"
    for name in ("mine.nc", "mine.map.nc"):
        Path(name).write_bytes(source.read_bytes())
        Path("s.json").write_text(json.dumps(mapping(materials=name)))
        refused(capsys, "run", "s.json", "-o", "mine.html", "--map")


def test_a_map_over_its_spec(capsys):
    refused(capsys, "map", spec_named("m.nc"), "--axis", "barrier=1,2", "-o", "m.nc", "--workers", "0")


@pytest.mark.parametrize("output", ["samples.csv", "samples.nc", "./samples.nc"])
def test_a_table_over_its_samples(capsys, output):
    Path("samples.csv").write_text("core_radius\n1.4\n")
    spec_named("s.json")
    refused(capsys, "batch", "samples.csv", "--spec", "s.json", "-o", output, "--workers", "0")


def test_a_table_over_the_spec_of_a_row(capsys):
    Path("samples.csv").write_text(f"spec\n{spec_named('one.nc')}\n")
    refused(capsys, "batch", "samples.csv", "-o", "one.csv", "--workers", "0")


@posix
def test_a_table_over_a_member_of_its_folder(capsys):
    Path("specs").mkdir()
    spec_named("specs/a.json")
    Path("out.csv").symlink_to("specs/a.json")
    refused(capsys, "batch", "specs", "-o", "out.csv", "--workers", "0")


def test_finished_samples_are_not_kept_among_the_specs(capsys, monkeypatch):
    Path("out.nc.parts").mkdir()
    spec_named("out.nc.parts/a.json")
    refused(capsys, "batch", "out.nc.parts", "-o", "out.csv", "--workers", "0")
    monkeypatch.setenv("QDMOL_STORE", "out.nc.parts")
    refused(capsys, "batch", "out.nc.parts", "-o", "other.csv", "--workers", "0")


def test_spectra_over_a_measured_curve_or_the_spec(capsys):
    spec_named("s.json")
    curve_named("curve.html")
    refused(capsys, "spectrum", "s.json", "--measured", "monomer=curve.html", "-o", "curve.html")
    refused(capsys, "spectrum", spec_named("t.nc"), "-o", "t.html")
    Path("figures").mkdir()
    curve_named("figures/figure1_spectrum.csv")
    options = ["--measured", "monomer=figures/figure1_spectrum.csv", "--figures", "figures"]
    refused(capsys, "spectrum", "s.json", *options, field="figures")


def test_fits_over_a_curve(capsys):
    refused(capsys, "spectrum", "fit", curve_named("curve.htm"), "-o", "curve.htm")
    Path("figures").mkdir()
    curve_named("figures/figure2.csv")
    refused(capsys, "spectrum", "fit", "figures/figure2.csv", "--figures", "figures", field="figures")


def test_photons_over_a_recording_or_its_response(capsys):
    for name in ("a.html", "b.nc", "c.h5"):
        Path(name).write_text("channel,time_ps\n0,1\n")
    refused(capsys, "photons", "analyze", "a.html")
    refused(capsys, "photons", "analyze", "x.csv", "--response", "b.nc", "-o", "b.html")
    refused(capsys, "photons", "convert", "c.h5", "-o", "c.h5")


def test_a_started_spec_over_the_shipped_example(capsys, tmp_path):
    link = tmp_path / "mine.yaml"
    link.symlink_to(qdmol.structure.example_path("homodimer"))
    before = link.read_bytes()
    assert run_command(["init", "homodimer", "-o", str(link), "--force", "--json"]) == 2
    assert link.read_bytes() == before


def test_the_same_in_python():
    spec_named("m.nc")
    spec_named("page.html")
    Path("samples.csv").write_text("core_radius\n1.4\n")
    before = contents()
    with pytest.raises(InputError, match="input file"):
        qdmol.map("m.nc", axes={"barrier": [1.0]}, output="m.nc")
    with pytest.raises(InputError, match="input file"):
        qdmol.map(qdmol.read_spec("m.nc"), axes={"barrier": [1.0]}, output="./m.nc")
    with pytest.raises(InputError, match="input file"):
        solve_batch("samples.csv", spec=sample(), output="samples.csv")
    solution = qdmol.solve("page.html")
    with pytest.raises(InputError, match="input file"):
        qdmol.report(solution, "page.html")
    assert contents() == before
