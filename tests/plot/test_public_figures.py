"""Every public figure draws on given axes, makes its own otherwise, and is listed by its result."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import photon_fakes
import pytest
import spectrum_fakes
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tests.plot import test_maps
from tests.plot.test_coupling import made_up
from tests.test_root import loaded_after

import qdmol
from qdmol import plot
from qdmol.analysis import PhotonAnalysis
from qdmol.claims import SAMPLES, Claims, SplittingMap
from qdmol.design import Sizing, SpecFit
from qdmol.errors import InputError
from qdmol.plot.figures import FIGURES
from qdmol.plot.style import PaperFigure
from qdmol.prediction import Spectra
from qdmol.spectroscopy import CurveComparison, CurveFits, Surveyed, fit_curve, overlay_curves
from qdmol.study import Batch, Map, Solution

KINDS = (
    *(Solution, Map, Batch, Spectra, Sizing, SpecFit, PhotonAnalysis, Surveyed, CurveFits, CurveComparison, Claims),
)
CLASSES = {kind.__name__: kind for kind in KINDS}


@pytest.fixture(scope="module")
def surveyed():
    curve = spectrum_fakes.measured_emission()
    return Surveyed(curve, fit_curve(curve))


@pytest.fixture(scope="module")
def compared(surveyed):
    """Two fitted emission curves in a series."""
    second = fit_curve(spectrum_fakes.measured_emission("monomer"))
    return overlay_curves([surveyed.fit, second], times="0,5min")


@pytest.fixture(scope="module")
def spectra():
    return spectrum_fakes.with_field(spectrum_fakes.fake_spectra("@heterodimer"))


@pytest.fixture(scope="module")
def analysis():
    return photon_fakes.whole()


@pytest.fixture
def results(homodimer, spectra, analysis, surveyed, compared):
    """A result for each figure, with the number of its panels."""
    return {
        "axis_profile": (homodimer, 3),
        "wavefunctions": (homodimer, 4),
        "levels": (homodimer, 1),
        "alternatives": (homodimer, 2),
        "coupling_map": (made_up(), 1),
        "map": (test_maps.made_up(test_maps.FIELD), 2),
        "samples": (test_maps.batch(["a", "b"]), 2),
        "spectra": (spectra, 4),
        "field_sweep": (spectra, 3),
        "intensity_trace": (analysis, 2),
        "decay": (analysis, 2),
        "g2": (analysis, 1),
        "correlation": (analysis, 1),
        "g2_by_gate": (analysis, 1),
        "intensity_levels": (analysis, 2),
        "dwell_times": (analysis, 3),
        "lifetime_intensity": (analysis, 1),
        "emitters": (analysis, 2),
        "curve_fit": (surveyed, 2),
        "curve_positions": ((surveyed, surveyed), 2),
        "curve_overlay": (compared, 1),
        "curve_differences": (compared, 1),
        "curve_kinetics": (compared, 2),
        "curve_derivatives": (compared, 1),
    }


FIGURE_NAMES = (
    *("axis_profile", "wavefunctions", "levels", "alternatives", "coupling_map", "spectra", "field_sweep"),
    *("intensity_trace", "decay", "g2", "correlation", "g2_by_gate", "curve_fit", "curve_positions"),
    *("intensity_levels", "dwell_times", "lifetime_intensity", "emitters"),
    *("map", "samples"),
    *("curve_overlay", "curve_differences", "curve_kinetics", "curve_derivatives"),
)


PHOTON_FIGURES = [
    *("intensity_trace", "decay", "g2", "correlation", "g2_by_gate"),
    *("intensity_levels", "dwell_times", "lifetime_intensity", "emitters"),
]


@pytest.mark.parametrize("name", FIGURE_NAMES)
def test_a_figure_is_drawn_on_the_axes_given(results, name):
    result, panels = results[name]
    figure = Figure(figsize=(8, 8))
    given = [figure.add_subplot(panels, 1, place + 1) for place in range(panels)]
    returned = getattr(plot, name)(result, ax=given[0] if panels == 1 else np.array(given))
    assert (returned is given[0]) if panels == 1 else (list(returned) == given)
    assert all(axes.has_data() for axes in given)
    figure.draw_without_rendering()


@pytest.mark.parametrize("name", FIGURE_NAMES)
def test_without_axes_a_figure_in_the_paper_style_is_made(results, name):
    result, panels = results[name]
    returned = getattr(plot, name)(result)
    first = returned if panels == 1 else returned[0]
    assert isinstance(first, Axes) == (panels == 1) or len(returned) == panels
    assert isinstance(first.figure, PaperFigure)
    assert first.figure.get_size_inches()[0] * 25.4 < 180
    assert first.xaxis.label.get_fontsize() == 7


@pytest.mark.parametrize("name", FIGURE_NAMES)
def test_the_wrong_number_of_axes_is_refused(results, name):
    result, panels = results[name]
    axes = [Figure().add_subplot() for _ in range(panels + 1)]
    with pytest.raises(InputError, match="Axes") as caught:
        getattr(plot, name)(result, ax=axes)
    assert caught.value.field == "ax"


def test_the_style_of_the_user_stays_on_given_axes(homodimer):
    import matplotlib

    with matplotlib.rc_context({"axes.labelsize": 15}):
        axes = Figure().add_subplot()
        plot.levels(homodimer, ax=axes)
        assert axes.yaxis.label.get_fontsize() == 15


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("levels", ["axis_profile", "wavefunctions", "levels", "alternatives"]),
        ("spectra", ["spectra", "field_sweep"]),
        ("decay", PHOTON_FIGURES),
        ("curve_fit", ["curve_fit"]),
        ("curve_overlay", ["curve_overlay", "curve_differences", "curve_kinetics", "curve_derivatives"]),
    ],
)
def test_a_result_lists_its_figures(results, name, names):
    figures = results[name][0].figures()
    assert isinstance(figures, Mapping)
    assert list(figures) == names
    assert isinstance(figures[name], Figure)
    assert figures[name] is figures[name]
    assert name in repr(figures)


def test_a_result_lists_only_what_it_holds(homodimer, analysis):
    no_range = homodimer.data.drop_vars([key for key in homodimer.data.variables if str(key).startswith("range_")])
    bare = replace(homodimer, job=None, stored=no_range)
    assert "alternatives" not in bare.figures()
    with pytest.raises(KeyError):
        bare.figures()["alternatives"]
    bare = replace(analysis, g2=None, gated=(), trace=None, levels=None, dwell=None, emitters=None)
    assert list(bare.figures()) == ["decay", "correlation"]
    assert list(photon_fakes.refused().figures()) == []


def test_figures_are_drawn_when_they_are_read(homodimer, monkeypatch):
    from qdmol.plot import level_diagram

    drawn, levels = [], level_diagram.levels
    monkeypatch.setattr(level_diagram, "levels", lambda result: drawn.append(result) or levels(result))
    figures = homodimer.figures()
    assert len(figures) == 4
    assert not drawn
    assert isinstance(figures["levels"], Figure)
    assert drawn == [homodimer]


def test_a_result_without_the_data_says_what_is_needed(results):
    bare = SimpleNamespace(data=results["decay"][0].data[["trace"]], summary={})
    with pytest.raises(InputError, match="pulsed excitation"):
        plot.decay(bare)
    with pytest.raises(InputError, match="two detectors"):
        plot.g2(bare)


@pytest.mark.parametrize("name", list(FIGURES))
def test_every_kind_of_result_has_the_method_and_its_functions(name):
    assert callable(CLASSES[name].figures)
    for figure, module in FIGURES[name]:
        assert figure in dir(plot)
        home = __import__(f"qdmol.plot.{module}", fromlist=[figure])
        assert getattr(plot, figure) is getattr(home, figure)
        assert callable(getattr(home, f"has_{figure}"))


def test_the_picture_of_a_notebook_is_a_png(homodimer):
    assert homodimer.figures()["levels"]._repr_png_().startswith(b"\x89PNG")


def test_drawing_loads_no_solver():
    names = ", ".join(name for name in dir(plot))
    loaded = loaded_after(f"from qdmol.plot import {names}")
    assert "matplotlib" in loaded
    assert not loaded & {"ngsolve", "netgen", "pyngcore", "matplotlib.pyplot"}


def test_figures_of_photons_load_no_model():
    loaded = loaded_after(f"from qdmol.plot import figures_of, {', '.join(PHOTON_FIGURES)}")
    assert not loaded & {"qdmol.study", "qdmol.fem", "qdmol.prediction", "ngsolve"}


@pytest.fixture
def claims(monkeypatch):
    """Claims with a shift of each sample and a map of splittings."""
    import qdmol.plot.claims as figures

    shifts = {"redshift": 3.0, "redshift_single_particle": 14.0}
    monkeypatch.setattr(figures, "measure", lambda outcome, quantity: (outcome.scale * shifts[quantity], 0.01))
    outcomes = tuple(
        SimpleNamespace(case=SimpleNamespace(family=sample, factors=factors), scale=scale)
        for sample in SAMPLES
        for factors, scale in (((), 1.0), (("neck",), 1.5))
    )
    diameters, barriers = (2.0, 3.0, 4.0), (0.8, 1.6)
    grid = tuple(tuple((60 / diameter / barrier, 0.01) for barrier in barriers) for diameter in diameters)
    return Claims((), outcomes, (SplittingMap(0.1, diameters, barriers, grid),), 1.0)


@pytest.mark.parametrize("name", ["claims_redshift", "claims_splitting"])
def test_figures_of_the_claims(claims, name):
    axes = Figure().add_subplot()
    assert getattr(plot, name)(claims, ax=axes) is axes
    assert axes.has_data()
    assert list(claims.figures()) == ["claims_redshift", "claims_splitting"]
    assert isinstance(claims.figures()[name], PaperFigure)


def test_the_red_shift_of_the_claims_is_that_of_the_shipped_samples(claims):
    """Points are the shipped samples, bars reach over the cases."""
    table = plot.draw_claims_redshift(claims).tables[0]
    numbers = dict(zip(table.header, table.columns, strict=True))
    assert numbers["redshift (meV)"] == (3.0,) * 3
    assert numbers["redshift_high (meV)"] == (4.5,) * 3
    assert numbers["redshift_single_particle (meV)"] == (14.0,) * 3


def test_saved_results_have_the_same_figures(spectra, homodimer, tmp_path):
    for number, result in enumerate((spectra, homodimer)):
        loaded = qdmol.load(result.save(tmp_path / f"{number}.nc"))
        assert list(loaded.figures()) == list(result.figures())
        name = next(iter(result.figures()))
        old, new = ([line.get_ydata() for line in one.figures()[name].axes[0].lines] for one in (result, loaded))
        assert len(old) == len(new) > 2
        for before, after in zip(old, new, strict=True):
            np.testing.assert_array_equal(before, after)
