"""What figures hold, how they look in print, and the numbers beside them."""

import csv
import dataclasses
import io
import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from report_fakes import DOT, SMALL_DOT, VARIANTS, fake_solution, hard_walls, spec_of
from report_texts import drawn_texts, texts_are_apart

from qdmol.errors import InputError
from qdmol.estimates import Estimate
from qdmol.plot import write_overview
from qdmol.plot.level_diagram import Column, guides, level_columns
from qdmol.plot.profile import axis_panels, energy_window, off_scale
from qdmol.plot.sensitivity import order_of_rows, range_quantities
from qdmol.plot.solution import state_names
from qdmol.plot.style import (
    DOUBLE_COLUMN,
    HOLE,
    SIGNED_MAP,
    SINGLE_COLUMN,
    WITH_COULOMB,
    WITHOUT_COULOMB,
    paper_style,
    spread,
)
from qdmol.plot.wavefunction_maps import even_grid, full_section, outlines
from qdmol.report import write_report
from qdmol.report.solution_page import solution_drawings
from qdmol.structure import materials_at, resolve
from qdmol.study.values import MeanField


@pytest.fixture
def drawings(solution):
    with paper_style():
        yield solution_drawings(solution)


def test_no_text_is_cut_or_covers_another(drawings):
    for drawing in drawings:
        texts_are_apart(drawing)


def test_sizes_and_smallest_text(drawings):
    for drawing in drawings:
        assert drawing.width <= DOUBLE_COLUMN + 0.01
        sizes = [text.get_fontsize() for text, _ in drawn_texts(drawing.figure)]
        assert min(sizes) >= 6
        if drawing.name in ("figure1_axis", "figure3_levels"):
            assert drawing.width == pytest.approx(SINGLE_COLUMN)


def test_densities_stay_inside_the_frame(drawings, solution):
    panels = axis_panels(solution.data)
    figure = next(drawing.figure for drawing in drawings if drawing.name == "figure1_axis")
    for panel, axes in zip(panels, figure.axes, strict=True):
        low, high = sorted(axes.get_ylim())
        states = [line for line in axes.lines if line.get_color() == panel.colour and len(line.get_ydata()) > 2]
        assert len(states) == len(panel.energies)
        for line, energy in zip(states, panel.energies, strict=True):
            assert low <= energy == pytest.approx(min(line.get_ydata()), abs=1e-3)
            assert max(line.get_ydata()) <= high


def test_curves_are_the_data(homodimer):
    panels = axis_panels(homodimer.data)
    assert [panel.title for panel in panels] == ["Electron", "Electron in the field of the hole", "Hole"]
    np.testing.assert_array_equal(panels[0].densities[1], homodimer.data["electron_density_axis"].values[1])
    np.testing.assert_array_equal(panels[1].edge, homodimer.data["electron_edge_coulomb"].values)
    np.testing.assert_array_equal(panels[1].other_edge, homodimer.data["electron_edge"].values)
    assert panels[1].energies == pytest.approx([0.0901, 0.151732])
    assert panels[2].energies == pytest.approx([0.2306])


def test_hole_at_its_own_level_where_known():
    solution = fake_solution()
    solution.data["hole_coulomb_energy"] = 0.123
    solution.data["hole_edge_coulomb"] = solution.data["hole_edge"] - 0.05
    panel = axis_panels(solution.data)[-1]
    assert panel.energies == (0.123,)
    np.testing.assert_array_equal(panel.edge, solution.data["hole_edge_coulomb"].values)
    with paper_style():
        caption = solution_drawings(solution)[0].caption
    assert "without attraction." not in caption


def test_high_edges_are_cut_and_said():
    solution = fake_solution(hard_walls())
    panels = axis_panels(solution.data)[:2]
    roof = energy_window(panels)[1]
    assert 0.2 < roof < 0.5
    assert off_scale(panels[0].edge, solution.data["region"], roof) == ["medium (hard wall)"]
    finite = fake_solution().data
    assert off_scale(finite["electron_edge"].values, finite["region"], roof) == ["medium 5 eV"]
    assert off_scale(finite["electron_edge"].values, finite["region"], 6.0) == []


def test_names_of_the_states():
    assert state_names(fake_solution()) == ("bonding", "antibonding")
    assert state_names(fake_solution(), coulomb=True) == ("first level", "second level")
    for other in (spec_of(SMALL_DOT, DOT), spec_of(DOT), spec_of(DOT, DOT, DOT), spec_of(field=50.0)):
        assert state_names(fake_solution(other)) == ("first level", "second level")


@pytest.mark.parametrize("m", [0, 1, -1, 2])
def test_full_section_has_the_sign_of_the_orbital(m):
    r, z = np.array([0.0, 0.5, 1.0]), np.array([-1.0, 0.0, 1.0, 2.0])
    psi = np.outer(r ** abs(m), np.exp(z))
    full, x = full_section(psi, r, m)
    np.testing.assert_allclose(x, [-1, -0.5, 0, 0.5, 1])
    np.testing.assert_allclose(full, np.outer(x ** abs(m), np.exp(z)))
    without_axis, x = full_section(psi[1:], r[1:], m)
    assert without_axis.shape == (4, 4)
    assert np.all(np.diff(x) > 0)


def test_even_grid():
    x, y = np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 3.0])
    plane = 2 * x[None, :] - y[:, None]
    even, even_x, even_y = even_grid(plane, x, y)
    np.testing.assert_allclose(even, 2 * even_x[None, :] - even_y[:, None])
    np.testing.assert_allclose(np.diff(even_x), 1.5)
    same = even_grid(plane, even_x, even_y)
    assert same[0] is plane


@pytest.mark.parametrize(
    ("spec", "corners"),
    [
        (spec_of(), [(0.0, np.sqrt(3.5**2 - 2.6**2))]),
        (
            spec_of(spacing=6.84, neck={"filled": 4.0}),
            [(sign * (3.42 - np.sqrt(3.5**2 - 2**2)), 2.0) for sign in (1, -1)],
        ),
    ],
)
def test_outlines_end_where_bodies_meet(spec, corners):
    curves = outlines(resolve(spec))
    points = np.concatenate(curves)
    points = points[np.isfinite(points[:, 0])]
    for corner in corners:
        assert np.hypot(*(points - corner).T).min() < 0.02
    # Nothing is drawn where the same material is on both sides: inside the lens, or in the neck.
    outer = np.hypot(np.abs(points[:, 0]) - resolve(spec).dots[-1].z, points[:, 1])
    assert outer.max() < 3.5 + 1e-9 or "filled" in str(spec.molecule.neck)
    middle = points[np.abs(points[:, 0]) < 0.15]
    assert (middle[:, 1] > corners[0][1] - 0.12).all()


def test_materials_follow_the_overlap_rule():
    inverted = {"core": {"material": "CdS", "radius": 1.4}, "shells": [{"material": "CdSe", "thickness": 2.1}]}
    molecule = resolve(spec_of(DOT, inverted, overrides={}))
    z = np.array([-2.6, 2.6, 0.0, 0.0, 9.0])
    r = np.array([0.0, 0.0, 0.0, 9.0, 0.0])
    assert materials_at(molecule, z, r).tolist() == ["CdSe", "CdS", "CdS", "medium", "medium"]


def test_maps_are_the_data(homodimer):
    with paper_style():
        drawing = next(drawing for drawing in solution_drawings(homodimer) if drawing.name == "figure2_maps")
    images = [axes.images[0] for axes in drawing.figure.axes if axes.images]
    names = ["electron_wavefunction"] * 2 + ["electron_coulomb_wavefunction"] * 2
    for image, name, level in zip(images, names, (0, 1, 0, 1), strict=True):
        half = homodimer.data[name].values[level]
        np.testing.assert_array_equal(image.get_array()[len(half) - 1 :], half)
        assert image.get_clim() == images[0].get_clim()
    assert all(energy in drawing.alternative for energy in ("177.67", "200.54", "90.10", "151.73"))


def test_level_columns(homodimer):
    columns = level_columns(homodimer)
    assert [column.title for column in columns] == ["monomer", "molecule", "molecule with\nattraction"]
    assert columns[1].distance == homodimer.splitting
    assert columns[2].distance == homodimer.pair.spacing
    np.testing.assert_allclose(columns[0].levels, [191.38])
    assert [column.title for column in level_columns(VARIANTS["monomer"]())] == ["dot", "dot with\nattraction"]


def test_printed_numbers_of_levels_and_landscape(homodimer):
    with paper_style():
        by_name = {drawing.name: drawing for drawing in solution_drawings(homodimer)}
        printed = {name: [text.get_text() for text, _ in drawn_texts(by_name[name].figure)] for name in by_name}
    for text in ("splitting\n22.867 meV\n±\N{NO-BREAK SPACE}0.004", "spacing\n61.63 meV\n±\N{NO-BREAK SPACE}0.03"):
        assert text in printed["figure3_levels"]
    for text in ("191.38", "177.67", "200.54", "90.10", "151.73", "kT = 25.9 meV at 300 K"):
        assert text in printed["figure3_levels"]
    for text in ("$e_1$  177.67 meV", "$e_2'$  151.73 meV", "$h$  230.60 meV", "off scale: medium 5 eV"):
        assert text in printed["figure1_axis"]
    assert {"35.70", "11.90", "6.20"} <= set(printed["figure4_range"])


def test_rows_from_the_largest_effect(homodimer):
    splitting, redshift = range_quantities(homodimer)
    labels = [str(label) for label in homodimer.data["alternative"].values]
    ordered = [labels[row] for row in order_of_rows((splitting, redshift))]
    assert ordered[0] == "CdS.electron_mass = 0.13 m0"
    assert ordered[-1] == "medium.electron_barrier = 1.8 eV"  # has no value
    assert ordered[-2] == "CdS.valence_offset = 0.42 eV"  # moves only the red shift
    assert redshift.base == 3.25
    assert range_quantities(fake_solution()) == ()


def test_spread():
    assert spread([3.0, 1.0], 1.0) == [3.0, 1.0]
    assert spread([1.0, 1.0, 1.0], 1.0) == [0.0, 1.0, 2.0]
    moved = spread([0.0, 0.5, 1.6, 5.0], 1.0)
    assert np.all(np.diff(moved) >= 1 - 1e-12)
    assert spread([], 1.0) == []


def read_csv(path):
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    return rows[0], rows[1:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("figures")
    write_report(VARIANTS["homodimer"](), target / "a.html", figures=target / "new" / "figures")
    return target / "new" / "figures"


def test_figure_files(folder):
    names = {path.name for path in folder.iterdir()}
    figures = ("figure1_axis", "figure2_maps", "figure3_levels", "figure4_range")
    tables = (
        "figure1a_axis_electron",
        "figure1b_axis_electron_coulomb",
        "figure1c_axis_hole",
        "figure2_maps_profiles",
        "figure3_levels",
        "figure4_range",
    )
    expected = {f"{name}.{kind}" for name in figures for kind in ("pdf", "png")} | {f"{name}.csv" for name in tables}
    assert names == expected
    for name in figures:
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert b"Type3" not in (folder / f"{name}.pdf").read_bytes()


def test_png_is_300_dpi(folder):
    from matplotlib.image import imread

    assert imread(folder / "figure1_axis.png").shape[1] == pytest.approx(SINGLE_COLUMN / 25.4 * 300, abs=1.5)


def test_csv_of_curves(folder):
    data = VARIANTS["homodimer"]().data
    header, rows = read_csv(folder / "figure1b_axis_electron_coulomb.csv")
    assert header[0] == "z (nm)"
    assert all("(" in name for name in header)
    numbers = np.array(rows, dtype=float)
    np.testing.assert_array_equal(numbers[:, 0], data["z"].values)
    np.testing.assert_array_equal(numbers[:, 1], data["electron_edge_coulomb"].values)
    np.testing.assert_array_equal(numbers[:, 3], data["electron_coulomb_density_axis"].values[0])


def test_csv_of_maps_levels_and_range(folder):
    data = VARIANTS["homodimer"]().data
    header, rows = read_csv(folder / "figure2_maps_profiles.csv")
    assert len(header) == 5
    np.testing.assert_array_equal(
        np.array(rows, dtype=float)[:, 2], data["electron_wavefunction"].isel(electron_level=1, map_r=0).values
    )
    header, rows = read_csv(folder / "figure3_levels.csv")
    assert header == ["column", "level", "energy (meV)"]
    assert rows[1][:2] == ["molecule", "1"]
    assert float(rows[1][2]) == pytest.approx(177.67)
    header, rows = read_csv(folder / "figure4_range.csv")
    assert rows[1][:2] == ["CdS.conduction_offset = 0.32 eV", "11.9"]
    assert rows[-1][1] == ""


def test_overview_holds_both_figures(tmp_path):
    from matplotlib.image import imread

    path = write_overview(VARIANTS["homodimer"](), tmp_path / "overview.png")
    first = path.read_bytes()
    rows, columns = imread(path).shape[:2]
    assert columns == pytest.approx((SINGLE_COLUMN + 172 + 18) / 25.4 * 150, rel=0.02)
    assert rows < columns
    assert write_overview(VARIANTS["homodimer"](), path).read_bytes() == first
    with pytest.raises(InputError, match="electrons"):
        write_overview(VARIANTS["no electrons"](), tmp_path / "none.png")


# Deuteranopia: Machado, Oliveira and Fernandes, IEEE Trans. Vis. Comput. Graph. 15, 1291 (2009),
# doi:10.1109/TVCG.2009.113, severity 1, on linear sRGB.
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(rgb, *, deuteranope):
    rgb = np.asarray(rgb, dtype=float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    if deuteranope:
        linear = np.clip(linear @ DEUTERANOPIA.T, 0, 1)
    xyz = linear @ TO_XYZ.T / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


@pytest.mark.parametrize("deuteranope", [False, True])
def test_carrier_colours_differ(deuteranope):
    colours = [lab(to_rgb(colour), deuteranope=deuteranope) for colour in (WITHOUT_COULOMB, WITH_COULOMB, HOLE)]
    for one, two in itertools.combinations(colours, 2):
        assert np.linalg.norm(one - two) > 20


@pytest.mark.parametrize("deuteranope", [False, True])
def test_map_is_lightest_at_zero_and_its_ends_differ(deuteranope):
    from matplotlib import colormaps

    colours = lab(colormaps[SIGNED_MAP](np.linspace(0, 1, 21))[:, :3], deuteranope=deuteranope)
    light = colours[:, 0]
    assert light.argmax() == 10
    assert np.all(np.diff(light[:11]) > 0)
    assert np.all(np.diff(light[10:]) < 0)
    for share in range(2, 8):
        assert np.linalg.norm(colours[share] - colours[20 - share]) > 25


def column(levels, shares, name="splitting"):
    return Column(
        "made up",
        "black",
        np.array(levels, dtype=float),
        Estimate.from_error(1.0, 0.1, "meV"),
        name,
        np.array(shares, dtype=float),
    )


def test_guides_join_a_level_only_to_the_dots_it_is_in():
    """Two unlike dots whose levels keep to their own dot: no line suggests that they mix."""
    monomers = column([209.0, 191.0], [[1, 0], [0, 1]], name="")
    detuned = column([191.0, 209.0], [[0.001, 0.999], [0.999, 0.001]])
    mixed = column([184.0, 211.0], [[0.22, 0.78], [0.77, 0.23]])
    assert sorted(guides(monomers, detuned)) == [(191.0, 191.0), (209.0, 209.0)]
    assert len(guides(monomers, mixed)) == 4
    equal = column([191.0], [[1, 1]], name="")
    assert sorted(guides(equal, mixed)) == [(191.0, 184.0), (191.0, 211.0)]


def test_guides_follow_a_level_into_the_field_of_the_hole():
    """With the hole in the smaller dot the order of the levels turns round, and the lines cross."""
    bare = column([191.0, 209.0], [[0.99, 0.01], [0.01, 0.99]])
    turned = column([120.0, 180.0], [[0.02, 0.98], [0.98, 0.02]])
    assert guides(bare, turned) == [(191.0, 180.0), (209.0, 120.0)]
    even = column([178.0, 201.0], [[0.5, 0.5], [0.5, 0.5]])
    assert guides(even, turned) == [(178.0, 120.0), (201.0, 180.0)]


def test_the_spacing_in_the_mean_field_has_its_error(homodimer):
    mean_field = MeanField(homodimer.pair.exciton, homodimer.pair.spacing)
    interacting = Estimate.from_error(99.0, 9.0, "meV")
    pair = dataclasses.replace(homodimer.pair, scheme="ci", spacing=interacting, mean_field=mean_field)
    last = level_columns(dataclasses.replace(homodimer, pair=pair))[-1]
    assert (last.distance.value, last.distance.error) == (61.632, 0.021)
