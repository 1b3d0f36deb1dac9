"""Figures of maps and batches: lines, contours and slices of made-up numbers, holes and odd axes among them."""

import itertools
from itertools import pairwise
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.contour import QuadContourSet

import qdmol
from qdmol.errors import InputError
from qdmol.plot import check_map, draw_map, draw_samples, samples
from qdmol.plot.map_contours import bands_of
from qdmol.plot.map_quantities import axis_title, default_keys, quantity_of, select
from qdmol.plot.parameter_map import has_map
from qdmol.structure import read_spec
from qdmol.study import Anticrossing
from qdmol.study.axes import Axis

FIELD = Axis("field", "environment.field[2]", "kV/cm", tuple(np.linspace(-50, 50, 11)))
RADIUS = Axis("core_radius", "molecule.dots[*].core.radius", "nm", (1.2, 1.4, 1.9))
BARRIER = Axis("barrier", "molecule.barrier", "nm", (3.0, 0.5, 1.0, 2.2))  # uneven, in no order
NECK = Axis("molecule.neck.merged", "molecule.neck.merged", "nm", (3.0, 3.5))
HARD = Axis("overrides.medium.electron_barrier", "overrides.medium.electron_barrier", "eV", (np.inf, 5.0, 4.0))
SCHEME = Axis("calculation.coulomb", "calculation.coulomb", "1", ("none", "self-consistent"))


def made_up(*axes, holes=(), sign=1.0, levels=True):
    """A map whose splitting falls with the first axis and rises with the others, with failed points at `holes`."""
    shape = tuple(len(axis.values) for axis in axes)
    dims = tuple(axis.name for axis in axes)
    grid = np.indices(shape).astype(float)
    splitting = 20 + sign * (30 * np.exp(-0.5 * grid[0]) + 3 * grid[1:].sum(axis=0))
    reason = np.full(shape, "", dtype=object)
    for place in holes:
        splitting[place], reason[place] = np.nan, "cores overlap"
    units = {"units": "meV", "long_name": "splitting"}
    data = xr.Dataset(
        {
            "splitting": (dims, splitting, units),
            "splitting_error": (dims, 0.02 * splitting, units),
            "redshift": (dims, np.full(shape, np.nan), {"units": "meV", "long_name": "redshift"}),
            "warnings": (dims, np.full(shape, "", dtype=object), {"units": "1", "long_name": "warnings"}),
            "reason": (dims, reason, {"units": "1", "long_name": "reason"}),
        },
        {axis.name: np.array(axis.values, dtype=object if isinstance(axis.values[0], str) else float) for axis in axes},
    )
    if levels:
        energy = 0.2 + np.stack([0 * splitting, splitting, 4 * splitting], axis=-1) / 1000
        for name, values, unit in (
            ("energy", energy, "eV"),
            ("error", 0.01 + 0 * energy, "meV"),
            ("m", 0 * energy, "1"),
        ):
            data[f"electron_{name}"] = ((*dims, "level"), values, {"units": unit, "long_name": name})
    crossing = Anticrossing("electron", (0, 1), 10.0, qdmol.estimates.Estimate.from_error(20.0, 0.1, "meV"))
    return SimpleNamespace(
        data=data, axes=axes, spec=read_spec("@homodimer"), anticrossings=(crossing,) if axes == (FIELD,) else ()
    )


def checked(drawing):
    """The drawing, after a look at whether every text lies inside the figure and no label upon another."""
    figure = drawing.figure
    renderer = figure.canvas.get_renderer()
    drawing.svg()
    width, height = figure.get_size_inches() * figure.dpi
    for axes in figure.axes:
        box = axes.get_tightbbox(renderer)
        assert box.x0 >= -0.5, axes.get_ylabel()
        assert box.y0 >= -0.5
        assert box.x1 <= width + 0.5
        assert box.y1 <= height + 0.5
        if axes.get_legend() is not None:
            assert axes.get_legend().get_window_extent(renderer).x1 <= width
        labels = [text for text in axes.get_xticklabels() if text.get_text()]
        boxes = [text.get_window_extent(renderer) for text in labels]
        low, high = sorted(axes.get_xlim())
        boxes = [box for text, box in zip(labels, boxes, strict=True) if low <= text.get_position()[0] <= high]
        for left, right in pairwise(boxes):
            assert left.x1 <= right.x0 or left.x0 >= right.x1
    for left, right in itertools.product(figure.axes, repeat=2):
        if left.get_position().x0 < right.get_position().x0 and left.get_position().y0 == right.get_position().y0:
            ends = [text.get_window_extent(renderer).x1 for text in _shown(left)]
            assert max(ends, default=0.0) <= min(
                (text.get_window_extent(renderer).x0 for text in _shown(right)), default=width
            )
    assert drawing.png().startswith(b"\x89PNG")
    return drawing


def _shown(axes):
    """Labels of the ticks of the x axis that are drawn."""
    low, high = sorted(axes.get_xlim())
    return [text for text in axes.get_xticklabels() if text.get_text() and low <= text.get_position()[0] <= high]


def legend_of(axes):
    legend = axes.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def collections(axes, kind):
    """Collections of a kind in axes, and in those inside them."""
    return [entry for entry in axes.collections if isinstance(entry, kind)]


# ---------------------------------------------------------------- one axis


def test_along_one_axis_levels_and_numbers_are_lines():
    drawing = checked(draw_map(made_up(FIELD)))
    levels, splitting = drawing.figure.axes[:2]
    assert levels.get_ylabel() == "Electron energy (meV)"
    assert splitting.get_xlabel() == "Field along the axis (kV/cm)"
    drawn = [line.get_ydata() for line in levels.lines if len(line.get_ydata()) == 11]
    assert len(drawn) == 3
    assert drawn[0] == pytest.approx([200.0] * 11)
    assert [table.name for table in drawing.tables] == ["map_electron_energy", "map_splitting"]


def test_long_legends_stay_inside_the_figure():
    result = made_up(SCHEME)
    result.data["redshift"] = result.data.splitting.copy()
    result.data["redshift_single_particle"] = 2 * result.data.splitting
    drawing = checked(draw_map(result, ["electron_energy", "redshift"]))
    assert legend_of(drawing.figure.axes[1]) == ["with attraction", "without attraction"]


def test_labels_of_neighbouring_slices_do_not_touch():
    near = Axis("core_radius", "molecule.dots[*].core.radius", "nm", (1.3, 1.4))
    checked(draw_map(made_up(FIELD, NECK, near), "splitting"))


def test_the_smallest_distance_is_marked():
    result = made_up(FIELD)
    (axes,) = draw_map(result, "electron_energy").figure.axes
    assert any("ΔE = 20.00 ± 0.10 meV" in text.get_text().replace("\xa0", " ") for text in axes.texts)
    assert any(list(line.get_xdata()) == [10.0, 10.0] for line in axes.lines)
    result.data["tunnel_coupling"] = result.data.splitting / 2  # two dots: the distance is 2t
    (axes,) = draw_map(result, "electron_energy").figure.axes
    assert any("2t = 20.00 ± 0.10 meV" in text.get_text().replace("\xa0", " ") for text in axes.texts)


def test_the_colour_of_levels_is_the_probability_in_each_dot():
    result = made_up(FIELD)
    share = np.linspace(0, 1, 11)
    shares = np.stack([np.stack([1 - share, share], axis=-1)] * 3, axis=1)
    result.data["electron_dot_share"] = (("field", "level", "dot"), shares, {"units": "1", "long_name": "share"})
    (axes,) = checked(draw_map(result, "electron_energy")).figure.axes
    lines = collections(axes, LineCollection)
    assert len(lines) == 3
    colours = lines[0].get_array()
    assert colours[0] < 0.05
    assert colours[-1] > 0.95
    table = draw_map(result, "electron_energy").tables[0]
    assert table.header[-2:] == ("share in dot 0", "share in dot 1")


def test_levels_of_each_parity_have_a_colour_and_a_line():
    result = made_up(FIELD)
    marks = np.array([["+", "-", "+"]] * 11, dtype=object)
    result.data["electron_parity"] = (("field", "level"), marks, {"units": "1", "long_name": "parity"})
    (axes,) = checked(draw_map(result, "electron_energy")).figure.axes
    assert legend_of(axes) == ["m = 0, even", "m = 0, odd"]
    lines = [line for line in axes.lines if len(line.get_ydata()) == 11]
    assert len({line.get_color() for line in lines}) == 2
    assert len({line.get_linestyle() for line in lines}) == 2


def test_bands_are_the_errors():
    (axes,) = draw_map(made_up(FIELD), "splitting").figure.axes
    (band,) = [entry for entry in axes.collections if entry.get_paths()]
    values = made_up(FIELD).data.splitting.values
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(1.02 * values.max())
    assert heights.min() == pytest.approx(0.98 * values.min())


def test_failed_points_are_hatched_and_break_the_line():
    drawing = checked(draw_map(made_up(FIELD, holes=[(4,), (5,), (10,)]), "splitting"))
    (axes,) = drawing.figure.axes
    assert "no result" in legend_of(axes)
    assert len([patch for patch in axes.patches if patch.get_hatch()]) == 3
    assert "3 of 11 points have no result" in drawing.caption
    (line,) = [line for line in axes.lines if len(line.get_ydata()) == 11]
    assert np.isnan(line.get_ydata()).sum() == 3
    assert sum(row.endswith(",,") for row in drawing.tables[0].text().splitlines()) == 3


def test_an_uneven_axis_in_no_order_is_drawn_in_order():
    (axes,) = checked(draw_map(made_up(BARRIER), "splitting")).figure.axes
    (line,) = [line for line in axes.lines if len(line.get_ydata()) == 4]
    assert line.get_xdata().tolist() == [0.5, 1.0, 2.2, 3.0]
    values = made_up(BARRIER).data.splitting.values
    assert line.get_ydata().tolist() == [values[1], values[2], values[3], values[0]]


@pytest.mark.parametrize("axis", [HARD, SCHEME])
def test_texts_and_infinite_values_are_labels(axis):
    (axes,) = checked(draw_map(made_up(axis), "splitting")).figure.axes
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels == (["hard", "5", "4"] if axis is HARD else ["none", "self-consistent"])
    assert all(line.get_linestyle() == "None" for line in axes.lines)


def test_a_single_value_is_drawn_as_a_point():
    single = Axis("field", "environment.field[2]", "kV/cm", (50.0,))
    checked(draw_map(made_up(single)))
    zero = Axis("field", "environment.field[2]", "kV/cm", (0.0,))
    checked(draw_map(made_up(zero)))


def test_an_axis_with_a_single_value_is_named_not_drawn():
    single = Axis("core_radius", "molecule.dots[*].core.radius", "nm", (1.4,))
    drawing = checked(draw_map(made_up(single, FIELD), "splitting"))
    assert "At core radius 1.4 nm." in drawing.caption
    assert drawing.figure.axes[0].get_xlabel() == "Field along the axis (kV/cm)"


def test_a_map_without_any_number_says_so():
    result = made_up(RADIUS, holes=[(0,), (1,), (2,)], levels=False)
    assert not has_map(result)
    with pytest.raises(InputError, match="nothing to plot"):
        draw_map(result)
    with pytest.raises(InputError, match="no value of redshift"):
        draw_map(made_up(FIELD), "redshift")


def test_decades_of_values_have_a_logarithmic_axis():
    result = made_up(FIELD)
    result.data["splitting"][:] = np.logspace(2, -3, 11)
    (axes,) = checked(draw_map(result, "splitting")).figure.axes
    assert axes.get_yscale() == "log"
    (axes,) = draw_map(made_up(FIELD), "splitting").figure.axes
    assert axes.get_yscale() == "linear"


# ---------------------------------------------------------------- two axes and more


def test_over_two_axes_there_are_labelled_contours_and_a_bar():
    axes = checked(draw_map(made_up(FIELD, BARRIER), "splitting")).figure.axes
    assert axes[0].get_ylabel() == "Field along the axis (kV/cm)"
    assert axes[0].get_xlabel() == "Barrier between core surfaces (nm)"
    filled, lines = sorted(collections(axes[0], QuadContourSet), key=lambda entry: not entry.filled)
    assert filled.filled
    assert not lines.filled
    assert lines.labelTexts
    (bar,) = axes[0].child_axes
    assert bar.get_ylabel() == "Splitting (meV)"
    assert [float(text.get_text()) for text in bar.get_yticklabels()] == pytest.approx(list(filled.levels))


def test_holes_of_a_plane_are_hatched():
    drawing = checked(draw_map(made_up(FIELD, BARRIER, holes=[(0, 0), (5, 1), (5, 2)]), "splitting"))
    axes = drawing.figure.axes[0]
    assert legend_of(axes) == ["no result"]
    hatched = [entry for entry in axes.collections if entry.get_hatch()]
    assert len(hatched) == 3
    assert "3 of 44 points have no result" in drawing.caption


def test_a_plane_of_holes_but_one_shows_its_point():
    holes = [(i, j) for i in range(3) for j in range(4) if (i, j) != (1, 2)]
    drawing = checked(draw_map(made_up(RADIUS, BARRIER, holes=holes), "splitting"))
    assert "11 of 12 points have no result" in drawing.caption


@pytest.mark.parametrize("axes", [(HARD, FIELD), (FIELD, SCHEME), (HARD, SCHEME)])
def test_cells_show_axes_that_are_no_numbers(axes):
    figure = checked(draw_map(made_up(*axes), "splitting")).figure
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels() + figure.axes[0].get_xticklabels()]
    assert {"hard", "5"} & set(labels) or {"none"} & set(labels)


def test_a_plane_of_equal_values_is_drawn():
    result = made_up(RADIUS, BARRIER)
    result.data["splitting"][:] = 3.0
    checked(draw_map(result, "splitting"))


def test_bands_are_round_numbers():
    assert bands_of([np.array([1.0, 300.0])]).borders.tolist() == [1, 2, 5, 10, 20, 50, 100, 200, 500]
    signed = bands_of([np.array([-3.0, 10.0])])
    assert signed.borders[0] == -signed.borders[-1]
    assert signed.colours.name == "RdBu_r"
    for values in ([14.0, 79.0], [1.872, 18.4], [2.0801, 2.0803]):
        borders = bands_of([np.array(values)]).borders
        assert borders[0] <= values[0] < values[1] <= borders[-1]
        assert 4 <= len(borders) <= 14


def test_three_axes_are_slices_with_common_colours():
    drawing = checked(draw_map(made_up(RADIUS, FIELD, BARRIER), "splitting"))
    panels = [axes for axes in drawing.figure.axes if collections(axes, QuadContourSet)]
    assert len(panels) == 3
    assert [axes.texts[-1].get_text() for axes in panels] == [
        "Core radius 1.2 nm",
        "Core radius 1.4 nm",
        "Core radius 1.9 nm",
    ]
    borders = {tuple(collections(axes, QuadContourSet)[0].levels) for axes in panels}
    assert len(borders) == 1
    assert len(drawing.tables[0].text().splitlines()) == 1 + 3 * 11 * 4


def test_at_most_six_slices_are_drawn():
    drawing = checked(draw_map(made_up(FIELD, RADIUS, BARRIER), "splitting"))
    assert len([axes for axes in drawing.figure.axes if collections(axes, QuadContourSet)]) == 6
    assert "6 of 11 values of field are drawn" in drawing.caption


def test_four_axes_need_a_chosen_value():
    result = made_up(RADIUS, FIELD, BARRIER, NECK)
    assert not has_map(result)
    with pytest.raises(InputError, match="--at core_radius=VALUE") as caught:
        draw_map(result, "splitting")
    assert caught.value.field == "at"
    drawing = draw_map(result, "splitting", at={"core_radius": "1.4 nm", "molecule.neck.merged": 3.5})
    assert "At core radius 1.4 nm, neck diameter 3.5 nm." in drawing.caption
    assert len([axes for axes in drawing.figure.axes if collections(axes, QuadContourSet)]) == 1


@pytest.mark.parametrize(
    ("at", "field"),
    [({"radius": 1.4}, "at"), ({"core_radius": 1.5}, "core_radius"), ({"core_radius": "x"}, "core_radius")],
)
def test_a_value_that_the_map_does_not_have_is_refused(at, field):
    with pytest.raises(InputError) as caught:
        draw_map(made_up(RADIUS, FIELD), at=at)
    assert caught.value.field == field


def test_the_check_before_any_work():
    check_map([("a", 2), ("b", 3), ("c", 4), ("d", 1)], {})
    check_map([("a", 2), ("b", 3), ("c", 4), ("d", 2)], {"a": "1"})
    with pytest.raises(InputError, match="at most 3 axes"):
        check_map([("a", 2), ("b", 3), ("c", 4), ("d", 2)], {})
    with pytest.raises(InputError, match="the name of an axis"):
        check_map([("a", 2)], {"e": "1"})


# ---------------------------------------------------------------- quantities


def test_a_level_of_several_is_chosen_in_brackets():
    selection = select(made_up(FIELD))
    level = quantity_of(selection, "electron_energy[1]")
    assert level.values.shape == (11,)
    assert level.unit == "meV"
    assert level.title == "Electron energy, level 1"
    for key in ("electron_energy[3]", "electron_energy[0,0]", "splitting[0]", "reason", "wrong", "splitting+1", ""):
        with pytest.raises(InputError) as caught:
            quantity_of(selection, key)
        assert caught.value.field == "quantity"


def test_levels_over_two_axes_are_those_of_the_first_level():
    axes = draw_map(made_up(FIELD, BARRIER), "electron_energy").figure.axes
    assert axes[0].child_axes[0].get_ylabel() == "Electron energy, level 0 (meV)"
    axes = draw_map(made_up(FIELD, BARRIER), "electron_energy[2]").figure.axes
    assert axes[0].child_axes[0].get_ylabel() == "Electron energy, level 2 (meV)"


def test_unlike_dots_are_drawn_by_their_coupling():
    result = made_up(FIELD, BARRIER)
    result.data["tunnel_coupling"] = result.data.splitting / 3
    result.data["detuning"] = 0 * result.data.splitting
    assert default_keys(select(result)) == ["splitting"]
    result.data["detuning"][:] = 5.0
    assert default_keys(select(result)) == ["tunnel_coupling"]


@pytest.mark.parametrize(
    ("field", "title"),
    [
        ("molecule.dots[*].core.radius", "Core radius"),
        ("molecule.dots[1].core.diameter", "Core diameter of dot 1"),
        ("molecule.dots[*].shells[0].thickness", "Shell thickness"),
        ("molecule.neck.linker", "Gap between dots"),
        ("molecule.neck.filled", "Neck diameter"),
        ("overrides.CdS.conduction_offset", "Conduction offset of CdS"),
        ("molecule.positions[1][2]", "molecule.positions[1][2]"),
    ],
)
def test_axes_have_titles_in_words(field, title):
    assert axis_title(SimpleNamespace(field=field)) == title


def test_a_map_plots_in_one_line(tmp_path):
    from tests.study.map_samples import sample

    qdmol.map(sample(), axes={"barrier": [1.0, 2.0]}, output=tmp_path / "m.nc")
    loaded = qdmol.load(tmp_path / "m.nc")
    (axes,) = loaded.plot("splitting")
    (line,) = [line for line in axes.lines if len(line.get_ydata()) == 2]
    assert line.get_ydata().tolist() == loaded.data.splitting.values.tolist()
    assert list(loaded.figures()) == ["map"]
    assert len(qdmol.plot.map(loaded)) == 2
    with mpl.rc_context({"axes.labelsize": 15}):
        given = mpl.figure.Figure().add_subplot()
        assert loaded.plot("splitting", given)[0] is given
        assert given.xaxis.label.get_fontsize() == 15


# ---------------------------------------------------------------- batches


def batch(names, *, holes=()):
    count = len(names)
    splitting = np.linspace(10, 20, count)
    reason = np.full(count, "", dtype=object)
    for place in holes:
        splitting[place], reason[place] = np.nan, "no bound level"
    attrs = {"units": "meV", "long_name": "splitting"}
    data = xr.Dataset(
        {
            "splitting": ("sample", splitting, attrs),
            "splitting_error": ("sample", 0.1 * splitting, attrs),
            "gap": ("sample", 2 + splitting / 100, {"units": "eV", "long_name": "gap"}),
            "gap_error": ("sample", splitting, {"units": "meV", "long_name": "gap error"}),
            "reason": ("sample", reason, {"units": "1", "long_name": "reason"}),
        },
        {"sample": np.array(names, dtype=object)},
    )
    return SimpleNamespace(names=names, data=data)


def test_samples_stand_in_rows_with_their_errors():
    drawing = checked(draw_samples(batch(["one", "two", "three"], holes=[1]), name="out"))
    first, second = drawing.figure.axes
    assert [text.get_text() for text in first.get_yticklabels()] == ["one", "two", "three"]
    assert first.get_ylim() == (2.5, -0.5)  # the first sample at the top
    assert (first.get_xlabel(), second.get_xlabel()) == ("Splitting (meV)", "Optical gap (eV)")
    bars = first.containers[0].lines[2][0].get_segments()
    assert bars[0][:, 0] == pytest.approx([9.0, 11.0])
    gap = second.containers[0].lines[2][0].get_segments()
    assert gap[0][1, 0] - gap[0][0, 0] == pytest.approx(2 * 0.010)  # meV beside eV
    assert len([patch for patch in first.patches if patch.get_hatch()]) == 1
    assert legend_of(second) == ["no result"]
    assert drawing.tables[0].name == "out_figure"
    assert drawing.tables[0].text().splitlines()[2] == "two,,,,"


def test_hostile_names_are_shown_as_they_are():
    names = ["$x^$", "W" * 200, "line\nbreak", "Ünïcödé", "", r"\frac{1}", "tab\there"]
    drawing = checked(draw_samples(batch(names)))
    labels = [text.get_text() for text in drawing.figure.axes[0].get_yticklabels()]
    assert labels[0] == "$x^$"
    assert len(labels[1]) <= 26
    assert labels[2] == "line break"


@pytest.mark.parametrize("count", [1, 30, 300])
def test_any_number_of_samples(count):
    drawing = checked(draw_samples(batch([f"sample {place}" for place in range(count)])))
    height = drawing.figure.get_size_inches()[1] * 25.4
    assert height < 2000
    assert len(drawing.tables[0].text().splitlines()) == count + 1


def test_quantities_of_samples_are_checked():
    with pytest.raises(InputError) as caught:
        samples(batch(["a"]), "redshift")
    assert caught.value.field == "quantity"
    with pytest.raises(InputError, match="nothing to plot"):
        samples(batch(["a"], holes=[0]), "splitting")
