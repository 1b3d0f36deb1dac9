"""The page of measured photons: what the summary says, whole, self-contained, and safe whatever a header holds."""

import csv
import io
import re
from dataclasses import replace

import numpy as np
import photon_fakes as fakes
import pytest
import xarray as xr
from page_reading import Page, pictures
from report_texts import drawn_texts, texts_are_apart

from qdmol.errors import InputError, OutputError
from qdmol.photons import Flag
from qdmol.plot.style import DOUBLE_COLUMN, paper_style
from qdmol.report.photon_page import draw_photons, dwell_table, write_photon_report

HOSTILE = '<img src=x onerror="alert(1)">"\'&{{ 7*7 }}\x00\x1b[31m\udc80é'


@pytest.fixture(scope="module")
def analysis():
    return fakes.whole()


@pytest.fixture(scope="module")
def page(analysis, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "one.html"
    assert write_photon_report(analysis, path) == path
    return path


def weak():
    rng = np.random.default_rng(3)
    decay, mean = fakes.decay(rng, photons=200)
    return replace(fakes.whole(), decay=decay, lifetime=fakes.lifetime(decay, mean), response=None)


KINDS = {
    "whole": fakes.whole,
    "two components": lambda: fakes.whole(components=(30.0, 5.0)),
    "unfitted": lambda: replace(fakes.whole(), lifetime=None, response=None, gated=()),
    "negative zero delay": lambda: fakes.whole(zero=-3 * fakes.PERIOD),
    "no centre pairs": lambda: fakes.whole(centre=0.0),
    "few pairs": lambda: fakes.whole(side=3.0),
    "no pulses": lambda: replace(fakes.whole(), decay=None, lifetime=None, gated=(), g3=None),
    "correlation alone": lambda: replace(fakes.whole(), g2=None, gated=()),
    "pairs alone": lambda: replace(fakes.whole(), correlation=None, trace=None),
    "few photons": weak,
    "no blinking": lambda: replace(fakes.whole(), levels=None, dwell=None, emitters=None),
    "one level": lambda: blinking(rates=(5e4,), segments=1, states=()),
    "many segments": lambda: blinking(rates=(3e3, 1.2e4, 2.2e4, 4.8e4), segments=900, states=("level 0", "level 3")),
    "levels close to each other": lambda: blinking(rates=tuple(np.linspace(4e4, 5e4, 6)), segments=60, best=None),
    "more levels than labels": lambda: blinking(rates=tuple(np.linspace(1e3, 5e4, 20)), segments=400, lifetimes=False),
    "few dwells": lambda: blinking(dwells=6, best=None),
    "no verdict": lambda: replace(fakes.whole(), emitters=undecided()),
}


def blinking(*, states=("off", "on"), best="power law", dwells=200, **levels):
    rng = np.random.default_rng(5)
    dwell = fakes.dwell(rng, states=states, best=best, dwells=dwells)
    return replace(fakes.whole(), levels=fakes.levels(rng, **levels), dwell=dwell)


def undecided():
    probabilities = (0.5, 0.2, 0.2999995, 0.0000005)
    return fakes.emitters(probabilities=probabilities, verdict="cannot tell", high=None, number=1)


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]()


def test_no_text_of_a_figure_is_cut_or_covers_another(kind):
    with paper_style():
        drawings = draw_photons(kind)
        assert drawings
        for drawing in drawings:
            texts_are_apart(drawing)
            assert drawing.width <= DOUBLE_COLUMN + 0.01
            assert min(text.get_fontsize() for text, _ in drawn_texts(drawing.figure)) >= 6


def test_a_figure_for_every_part(analysis):
    with paper_style():
        names = [drawing.name for drawing in draw_photons(analysis)]
    first = ["figure1_trace", "figure2_decay", "figure3_g2", "figure4_gate"]
    assert names == [*first, "figure5_dwell", "figure6_flid", "figure7_emitters"]


def test_the_trace_is_drawn_once():
    """With its levels where there are levels, else without."""
    with paper_style():
        for analysis, title in (
            (fakes.whole(), "Intensity trace and levels"),
            (KINDS["no blinking"](), "Intensity trace"),
        ):
            traces = [drawing for drawing in draw_photons(analysis) if drawing.name == "figure1_trace"]
            assert len(traces) == 1
            assert title in [text.get_text() for text, _ in drawn_texts(traces[0].figure)]


def test_the_step_line_stands_at_the_rates_of_the_levels():
    analysis = fakes.whole()
    with paper_style():
        figure = draw_photons(analysis)[0].figure
    steps = figure.axes[0].patches[0].get_data()
    segments = analysis.levels.segments
    assert np.array_equal(steps.edges, segments.edges_s)
    rates = np.array([level.rate_hz.value for level in analysis.levels.levels])
    assert np.allclose(steps.values, rates[segments.level] / 1e3)


def test_a_part_is_shown_where_segments_are_many():
    with paper_style():
        axes = draw_photons(KINDS["many segments"]())[0].figure.axes
    assert len(axes) == 3
    part = axes[2].patches[0].get_data()
    assert 10 <= len(part.values) <= 60
    low, high = axes[2].get_xlim()
    assert part.edges[0] <= low < high <= part.edges[-1] + 1e-9


def test_excluded_laws_are_told_by_the_line_and_the_label():
    with paper_style():
        figure = next(one.figure for one in draw_photons(blinking(best=None)) if one.name == "figure5_dwell")
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert lines["power law (rejected)"].get_linestyle() == "--"
    assert lines["exponential (rejected)"].get_linestyle() == ":"
    kept = next(label for label in lines if label.startswith("power law with cut-off, exponent 1.52"))
    assert lines[kept].get_linestyle() == "-"


def test_the_verdict_comes_first_and_its_evidence_is_a_table(analysis, page):
    text = Page(page.read_text(encoding="utf-8")).text
    statement = "The photons come from two independent emitters (probability 0.97)."
    assert text.index(statement) < text.index(re.sub(r"\s+", " ", analysis.sentences[0]))
    assert text.index(statement) < text.index("Figure 1")
    assert "Number of emitters: evidence" in text
    assert "and delays of pairs" in text


def test_levels_and_laws_are_tables_of_the_page(page):
    text = Page(page.read_text(encoding="utf-8")).text
    assert "Intensity levels" in text
    assert "Laws of the dwell times" in text
    assert "exponent 1.52 (1.44 to 1.61); cut-off" in text


def test_a_rejected_law_has_no_parameters_on_the_page():
    rows = [row for row in dwell_table(fakes.whole()).rows if row[3] == "exponential"]
    assert rows
    assert all(row[4] == "" and row[-1] == "rejected" for row in rows)


def test_an_interval_without_end_is_an_arrow():
    with paper_style():
        figure = next(one.figure for one in draw_photons(KINDS["no verdict"]()) if one.name == "figure7_emitters")
    markers = [line.get_marker() for line in figure.axes[1].lines]
    assert markers.count(">") == 1
    assert "< 0.001" in [text.get_text() for text, _ in drawn_texts(figure)]


def test_axes_name_their_units(analysis):
    with paper_style():
        for drawing in draw_photons(analysis)[:-1]:  # probabilities and numbers have no units
            for axes in drawing.figure.axes:
                assert axes.get_xlabel() or not any(label.get_visible() for label in axes.get_xticklabels())
            labels = " ".join(axes.get_xlabel() + axes.get_ylabel() for axes in drawing.figure.axes)
            assert re.search(r"ns|\(s\)", labels), labels


def test_curves_are_the_numbers_of_the_analysis(analysis):
    with paper_style():
        tables = {table.name: table for drawing in draw_photons(analysis) for table in drawing.tables}
    rows = list(csv.DictReader(io.StringIO(tables["figure2_decay"].text())))
    assert np.allclose([float(row["photons"]) for row in rows], analysis.decay.counts)
    assert np.allclose([float(row["fit (photons)"]) for row in rows], analysis.lifetime.curve)
    rows = list(csv.DictReader(io.StringIO(tables["figure3a_pairs"].text())))
    assert sum(float(row["pairs"]) for row in rows) == analysis.g2.counts.sum()


def test_summing_bins_for_print_keeps_every_photon(analysis):
    """The highest level of the decay on the page is that of the sums that its axis names."""
    with paper_style():
        figure = next(one.figure for one in draw_photons(analysis) if one.name == "figure2_decay")
    photons = next(line for line in figure.axes[0].lines if line.get_label() == "counts")
    assert np.nansum(photons.get_ydata()) == analysis.decay.counts.sum()


def test_levels_stand_a_bunching_apart():
    with paper_style():
        figure = next(one.figure for one in draw_photons(fakes.whole(bunching=1.8)) if one.name == "figure3_g2")
    heights = {line.get_label(): line.get_ydata()[0] for line in figure.axes[0].lines}
    assert heights["side peaks"] / heights["independent photons"] == pytest.approx(1.8)


def test_every_sentence_number_and_flag_is_on_the_page(analysis, page):
    text = Page(page.read_text(encoding="utf-8")).text
    for sentence in analysis.sentences:
        assert re.sub(r"\s+", " ", sentence) in text
    for severity in ("warning", "note"):
        for sentence in analysis.messages(severity):
            assert sentence in text
    assert "Channel 0 has a dead time of 79 ns" in text
    assert "bunching" in text
    assert "HydraHarp 400" in text


def test_the_page_needs_nothing_else(page):
    found = Page(page.read_text(encoding="utf-8"))
    assert len(pictures(found)) == 7
    assert all(address.startswith(("data:", "#")) for _, address in found.addresses)
    assert not {"script", "link", "iframe", "object"} & set(found.tags)
    assert not any("url(" in style or "@import" in style for style in found.styles)


def test_a_refused_recording_has_a_page_that_says_why(tmp_path):
    path = write_photon_report(fakes.refused(), tmp_path / "bad.html")
    found = Page(path.read_text(encoding="utf-8"))
    assert "This recording was not analysed." in found.text
    assert "photons arrive up to 524 ns after one" in found.text
    assert not found.images
    assert "lifetime" not in found.text.lower()
    with xr.open_dataset(path.with_suffix(".nc")) as data:
        assert data.attrs["refused"] == 1


def test_hostile_names_and_headers_stay_text(tmp_path):
    flag = Flag("dead_time", "warning", f"A sentence with {HOSTILE}.")
    analysis = fakes.whole(path=HOSTILE, comment=HOSTILE, flags=(flag,))
    several = [analysis, fakes.failed(HOSTILE)]
    for name, what in (("one", analysis), ("many", several)):
        path = write_photon_report(what, tmp_path / f"{name}.html")
        found = Page(path.read_text(encoding="utf-8"))
        assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in found.images)
        assert "onerror" not in {key for image in found.images for key in image}
        assert "{{ 7*7 }}" in found.text
        assert "49" not in re.findall(r"&(\d+)", found.text)
        assert "\x00" not in found.text


def test_many_files_begin_with_a_table_of_all(tmp_path):
    one, bad, none = fakes.whole(), fakes.refused(), fakes.failed()
    path = write_photon_report([one, bad, none], tmp_path / "all.html", figures=tmp_path / "figures")
    text = Page(path.read_text(encoding="utf-8")).text
    assert text.index("Files") < text.index("Figure 1")
    assert "refused: The header says 12.5 ns" in text
    assert "not read: `FILE` is 'letter.txt'" in text
    with xr.open_dataset(path.with_suffix(".nc")) as table:
        assert list(table["photons"].values[:2]) == [400_000, 400_000]
        assert np.isnan(table["photons"].values[2])
        assert table["g2_side"].values[0] == pytest.approx(0.1)
        assert table["lifetime"].attrs["units"] == "ns"
    with xr.open_dataset(path.with_suffix(".nc"), group="file1") as data:
        assert data["decay"].sum() == one.decay.counts.sum()
    with xr.open_dataset(path.with_suffix(".nc"), group="file3") as data:
        assert "letter.txt" in data.attrs["error"]
    assert any(file.name.startswith("file1_dot-1_figure2_decay") for file in (tmp_path / "figures").iterdir())


def test_the_data_have_units(analysis, page):
    with xr.open_dataset(page.with_suffix(".nc")) as data:
        assert {"trace", "decay", "decay_fit", "decay_residual", "g2_counts", "g2_model", "correlation"} <= set(data)
        assert all("units" in data[name].attrs and "long_name" in data[name].attrs for name in data.variables)
        assert data["delay"].attrs["units"] == "ns"
        assert data["time"].attrs["units"] == "s"
        assert np.allclose(data["decay_fit"], analysis.lifetime.curve)


def test_the_same_analysis_gives_the_same_files(tmp_path):
    first = write_photon_report(fakes.whole(), tmp_path / "a.html")
    again = write_photon_report(replace(fakes.whole(), elapsed_s=9.0), tmp_path / "b.html")
    assert first.read_text(encoding="utf-8").replace("a.nc", "b.nc") == again.read_text(encoding="utf-8")
    assert first.with_suffix(".nc").read_bytes() == again.with_suffix(".nc").read_bytes()


def test_the_page_is_whole_or_not_there(analysis, tmp_path):
    with pytest.raises(OutputError):
        write_photon_report(analysis, tmp_path / "no" / "page.html")
    with pytest.raises(InputError):
        write_photon_report(analysis, tmp_path / "page.nc")
    assert not list(tmp_path.iterdir())
