"""The page of spectra: figures whose words stand apart, tables and sentences that are the summary's, safe and whole."""

import csv
import io
import re
from dataclasses import fields, replace
from functools import cache

import matplotlib.colors
import numpy as np
import pytest
import spectrum_fakes as fakes
import xarray as xr
from page_reading import Page, pictures
from report_texts import drawn_texts, texts_are_apart

from qdmol.errors import InputError, OutputError
from qdmol.plot.spectrum_curves import COLOURS, draw_spectra
from qdmol.plot.spectrum_field import draw_field_sweep
from qdmol.plot.style import BLUE, DOUBLE_COLUMN, GREEN, VERMILLION, paper_style
from qdmol.prediction import SampleChange, SampleSpectrum
from qdmol.prediction.overlay import MeasuredFor, assign, lay_over
from qdmol.prediction.wording import spectrum_sentences
from qdmol.report.spectrum_page import write_spectrum_report

HOSTILE = '<img src=x onerror="alert(1)">"\'&{{ 7*7 }}'


@cache
def overlays():
    curves = (
        fakes.measured_absorption(),
        fakes.measured_absorption("monomer", shift=0.01, start=340.0),
        fakes.measured_emission(),
        fakes.measured_emission("unfused", flat=True),
    )
    return lay_over(fakes.fake_spectra(), assign(curves, fakes.SAMPLES))


def many():
    """More curves of one sample than are drawn as circles."""
    found = overlays()[0]
    return tuple(replace(found, scales={key: f * value for key, value in found.scales.items()}) for f in (1, 1.1, 1.2))


def without(key):
    spectra = fakes.fake_spectra()
    return replace(spectra, samples={name: replace(one, **{key: None}) for name, one in spectra.samples.items()})


CASES = {
    "three samples": (fakes.fake_spectra, ()),
    "measured": (fakes.fake_spectra, overlays),
    "many measured": (fakes.fake_spectra, many),
    "a monomer": (lambda: fakes.fake_spectra("@monomer"), ()),
    "ensemble": (lambda: fakes.fake_spectra(ensemble=True), overlays),
    "no band edge": (lambda: without("absorption_peak"), ()),
    "no emission": (lambda: without("emission_peak"), ()),
}


@pytest.fixture(params=CASES)
def case(request):
    spectra, laid = CASES[request.param]
    return spectra(), laid() if callable(laid) else laid


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "one.html"
    spectra = fakes.with_field(fakes.fake_spectra("@heterodimer", ensemble=True), holes=(3,))
    assert write_spectrum_report(spectra, overlays(), path, figures=path.parent / "figures") == path
    return path


# ---------------------------------------------------------------- figures


@pytest.mark.parametrize("normalise", ["edge", "300nm"])
def test_no_text_of_the_figure_is_cut_or_covers_another(case, normalise):
    with paper_style():
        drawing = draw_spectra(*case, normalise=normalise)
        texts_are_apart(drawing)
        assert drawing.width <= DOUBLE_COLUMN + 0.01
        assert min(text.get_fontsize() for text, _ in drawn_texts(drawing.figure)) >= 6


@pytest.mark.parametrize(("count", "holes"), [(21, ()), (5, (3,)), (2, ())])
def test_no_text_of_the_field_figure_is_cut_or_covers_another(count, holes):
    with paper_style():
        drawing = draw_field_sweep(fakes.with_field(fakes.fake_spectra("@heterodimer"), count=count, holes=holes))
        texts_are_apart(drawing)
    assert ("failed fields" in drawing.caption) == bool(holes)


def test_there_is_no_field_figure_without_numbers():
    spectra = fakes.fake_spectra("@heterodimer")
    with paper_style():
        assert draw_field_sweep(spectra) is None
        assert draw_field_sweep(fakes.with_field(spectra, count=3, holes=(0, 1, 2))) is None
        assert draw_field_sweep(fakes.with_field(spectra, count=1)) is None


def test_samples_have_the_colours_of_the_house():
    assert COLOURS == {"monomer": BLUE, "unfused": GREEN, "fused": VERMILLION}
    with paper_style():
        axes = draw_spectra(fakes.fake_spectra()).figure.axes[0]
    legend = {text.get_text(): line.get_color() for text, line in zip(*_legend(axes), strict=True)}
    assert legend.pop("emission") not in COLOURS.values()
    assert legend == COLOURS


def emission_axes(figure):
    """Axes of emission, on the right of the panel of the band edge."""
    (axes,) = (axes for axes in figure.axes if "emission" in axes.get_ylabel())
    return axes


def test_emission_has_an_axis_of_its_own():
    """Its maximum is 1 on the right axis, where absorption is not drawn."""
    with paper_style():
        figure = draw_spectra(fakes.fake_spectra()).figure
    emission = emission_axes(figure)
    assert emission.yaxis.get_label_position() == "right"
    assert emission.spines["right"].get_visible()
    assert len(emission.lines) == 3
    assert all(np.nanmax(line.get_ydata()) == pytest.approx(1.0, abs=1e-3) for line in emission.lines)
    assert not [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]


@pytest.mark.parametrize("normalise", ["edge", "300nm"])
def test_the_error_band_is_thin_where_the_curve_is_normalised(normalise):
    """A normalised curve has no error where it is 1, and the band has no step that the curve does not have."""
    sample = fakes.fake_spectra().samples["fused"]
    place = sample.absorption_peak.value if normalise == "edge" else fakes.NM300
    error = sample.normalised_error(place)
    shape = sample.absorption / np.interp(place, sample.grid, sample.absorption)
    assert np.interp(place, sample.grid, error) < 0.03
    relative = error / shape
    assert relative.max() > 0.15
    assert np.abs(np.diff(relative)).max() < 0.02 * relative.max()
    assert np.isnan(sample.normalised_error(9.0)).all()


def test_the_strongest_transitions_are_labelled_with_their_energies():
    with paper_style():
        sticks = draw_spectra(fakes.fake_spectra()).figure.axes[1]
    energies = {f"{line.energy.value:.3f}" for one in fakes.fake_spectra().samples.values() for line in one.lines}
    labels = [text.get_text() for text in sticks.texts]
    assert len(labels) == 9
    assert set(labels) <= energies


def _legend(axes):
    return axes.get_legend().get_texts(), axes.get_legend().get_lines()


@pytest.mark.parametrize(("normalise", "place"), [("edge", None), ("300nm", 300.0)])
def test_absorption_is_one_where_it_is_normalised(normalise, place):
    """Every curve in panel a passes 1 at its band edge, or stands to 300 nm as the summary says."""
    with paper_style():
        axes = draw_spectra(fakes.fake_spectra(), normalise=normalise).figure.axes[0]
    solid = [line for line in axes.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 2]
    assert len(solid) == 3
    for line, sample in zip(solid, fakes.fake_spectra().samples.values(), strict=True):
        at = place or sample.absorption_wavelength
        assert np.interp(at, line.get_xdata(), line.get_ydata()) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("normalise", ["edge", "300nm"])
def test_measured_curves_lie_where_their_scale_puts_them(normalise):
    found = overlays()[2]
    with paper_style():
        figure = draw_spectra(fakes.fake_spectra(), overlays(), normalise=normalise).figure
    axes, emission = figure.axes[0], emission_axes(figure)
    (drawn,) = (line for line in emission.lines if line.get_marker() == "D")
    assert matplotlib.colors.same_color(drawn.get_color(), VERMILLION)
    predicted = next(
        line for line in emission.lines if line.get_linestyle() == "--" and line.get_color() == drawn.get_color()
    )
    top = float(fakes.fake_spectra().data["emission_per_nm"].sel(sample="fused").max()) / np.nanmax(
        predicted.get_ydata()
    )
    wavelength, laid = found.laid()
    assert np.allclose(drawn.get_ydata(), np.interp(drawn.get_xdata(), wavelength, laid) / top)
    assert sum(line.get_marker() == "o" for line in axes.lines) == 2  # two of absorption; none without a fit


def test_the_ranges_are_named_in_both_whole_panels():
    with paper_style():
        figure = draw_spectra(fakes.fake_spectra()).figure
    for axes in figure.axes[2:4]:
        assert {"excitons", "pairs", "bulk"} <= {text.get_text() for text in axes.texts}


def test_tables_hold_every_curve():
    spectra = fakes.fake_spectra()
    with paper_style():
        tables = {table.name: table for table in draw_spectra(spectra, overlays()).tables}
    rows = list(csv.DictReader(io.StringIO(tables["spectrum_fused"].text())))
    assert np.allclose([float(row["absorption (cm2)"]) for row in rows], fakes.absorption("fused")[::-1], rtol=1e-12)
    assert np.allclose([float(row["wavelength (nm)"]) * float(row["energy (eV)"]) for row in rows], fakes.HC)
    area = np.trapezoid(
        [float(row["emission (1/nm)"]) for row in rows], [float(row["wavelength (nm)"]) for row in rows]
    )
    assert area == pytest.approx(1.0, rel=1e-3)
    assert len(list(csv.DictReader(io.StringIO(tables["spectrum_lines"].text())))) == 90
    rows = list(csv.DictReader(io.StringIO(tables["measured4_unfused_emission"].text())))
    assert {row["scaled to the prediction (1/nm)"] for row in rows} == {""}


def test_the_field_map_is_the_data():
    spectra = fakes.with_field(fakes.fake_spectra("@heterodimer"), count=5, holes=(3,))
    with paper_style():
        drawing = draw_field_sweep(spectra)
    mesh = drawing.figure.axes[0].collections[0].get_array()
    assert np.ma.getmaskarray(mesh)[:, 3].all()
    assert not np.ma.getmaskarray(mesh)[:, [0, 1, 2, 4]].any()
    assert mesh.max() == pytest.approx(float(spectra.data["field_emission"].max()))
    table = next(table for table in drawing.tables if table.name == "figure2bc_field")
    assert table.header[-2:] == ("share of dot 0", "share of dot 1")
    assert len(table.columns[0]) == 5


# ---------------------------------------------------------------- page


def test_every_sentence_and_number_is_on_the_page(page):
    spectra = fakes.with_field(fakes.fake_spectra("@heterodimer", ensemble=True), holes=(3,))
    text = Page(page.read_text(encoding="utf-8")).text.replace("\N{NO-BREAK SPACE}", " ")
    for sentence in spectrum_sentences(spectra, overlays()):
        assert re.sub(r"\s+", " ", sentence) in text
    for title in (
        "Samples",
        "Changes",
        "Measured curves",
        "Origin of the absorption",
        "Lines",
        "Fields",
        "Ensemble",
    ):
        assert title in text
    assert fakes.WARNING in text
    assert "means over 1000 particles" in text
    assert "no bound level at this field" in text
    assert "Not converged" in text
    assert "17.0 ± 0.8" in text  # red shift of emission, meV


def test_the_page_needs_nothing_else(page):
    found = Page(page.read_text(encoding="utf-8"))
    assert len(pictures(found)) == 2
    assert all(address.startswith(("data:", "#")) for _, address in found.addresses)
    assert not {"script", "link", "iframe", "object"} & set(found.tags)


def test_figures_and_curves_are_written(page):
    names = {file.name for file in (page.parent / "figures").iterdir()}
    assert {"figure1_spectrum.pdf", "figure1_spectrum.png", "figure2_field.pdf", "spectrum_monomer.csv"} <= names
    assert {"measured1_fused_absorption.csv", "measured3_fused_emission.csv", "figure2a_field_emission.csv"} <= names


def test_the_data_hold_measured_curves_as_groups(page):
    with xr.open_dataset(page.with_suffix(".nc")) as data:
        assert {"absorption", "emission_per_nm", "line_strength", "field_emission"} <= set(data)
    with xr.open_dataset(page.with_suffix(".nc"), group="measured1") as data:
        wavelength, laid = overlays()[0].laid()
        assert np.allclose(data["laid"], laid)
        assert np.allclose(data["wavelength"], wavelength)
        assert data["laid"].attrs["units"] == "cm2"
        assert data.attrs["sample"] == "fused"
    with xr.open_dataset(page.with_suffix(".nc"), group="measured4") as data:
        assert np.isnan(data["laid"]).all()
        assert "noise" in data.attrs["reason"]


def test_a_monomer_has_no_changes(tmp_path):
    path = write_spectrum_report(fakes.fake_spectra("@monomer"), (), tmp_path / "one.html")
    text = Page(path.read_text(encoding="utf-8")).text
    assert "Changes" not in text
    assert "Measured curves" not in text
    assert "Not converged" not in text


def test_numbers_that_are_missing_are_dashes(tmp_path):
    spectra = fakes.fake_spectra()
    plain = {"emission_wavelength", "bulk_cross_section_300nm", "polarisation"}
    numbers = {
        field.name: None for field in fields(SampleSpectrum) if "Estimate" in str(field.type) or field.name in plain
    }
    ratios = {field.name: None for field in fields(SampleChange) if str(field.type) == "Estimate | None"}
    missing = {"absorption": None, "emission": None}
    bare = replace(
        spectra,
        samples={name: replace(one, **numbers) for name, one in spectra.samples.items()},
        changes=tuple(replace(one, redshift=missing, broadening=missing, **ratios) for one in spectra.changes),
    )
    assert len(numbers) == 12
    assert len(ratios) == 5
    text = Page(write_spectrum_report(bare, (), tmp_path / "one.html").read_text(encoding="utf-8")).text
    assert "None" not in text
    assert "nan" not in text.lower().replace("nanocrystal", "")


def test_hostile_names_stay_text(tmp_path):
    one = MeasuredFor(replace(overlays()[0].curve, name=HOSTILE, source=HOSTILE), "fused", "as given")
    laid = (replace(overlays()[0], measured=one), replace(overlays()[3], measured=one, reason=HOSTILE))
    path = write_spectrum_report(fakes.fake_spectra(), laid, tmp_path / "one.html", figures=tmp_path / "figures")
    found = Page(path.read_text(encoding="utf-8"))
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in found.images)
    assert "{{ 7*7 }}" in found.text
    assert all(HOSTILE[:4] not in file.name for file in (tmp_path / "figures").iterdir())


def test_the_page_is_whole_or_not_there(tmp_path):
    with pytest.raises(OutputError):
        write_spectrum_report(fakes.fake_spectra(), (), tmp_path / "no" / "page.html")
    with pytest.raises(InputError):
        write_spectrum_report(fakes.fake_spectra(), (), tmp_path / "page.nc")
    assert not list(tmp_path.iterdir())


def test_the_same_spectra_give_the_same_files(tmp_path):
    first, again = (write_spectrum_report(fakes.fake_spectra(), overlays(), tmp_path / f"{name}.html") for name in "ab")
    assert first.read_text(encoding="utf-8").replace("a.nc", "b.nc") == again.read_text(encoding="utf-8")
    assert first.with_suffix(".nc").read_bytes() == again.with_suffix(".nc").read_bytes()
