"""The figure of the coupling map, on made-up splittings."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from qdmol.plot.coupling import draw_coupling_map, thresholds
from qdmol.report import write_report
from qdmol.structure import read_spec
from qdmol.study.mapping import coupling_axes

DIAMETER, BARRIER = np.linspace(2, 4.4, 7), np.linspace(0.6, 4, 9)


def made_up(*, holes: bool = False):
    splitting = 120 * np.exp(-0.4 * DIAMETER[:, None] - 0.6 * (BARRIER - 1)[None, :])
    if holes:
        splitting[:2, -3:] = np.nan
    dims = ("core_diameter", "barrier")
    data = xr.Dataset({"splitting": (dims, splitting)}, {"core_diameter": DIAMETER, "barrier": BARRIER})
    return SimpleNamespace(data=data, spec=read_spec("@homodimer"))


def with_coupling(found, detuning=0.0):
    """The same map with tunnel couplings, everywhere detuned alike; the splitting follows."""
    twice = found.data["splitting"].copy()
    found.data["tunnel_coupling"] = twice / 2
    found.data["detuning"] = np.sign(detuning) * abs(detuning) + 0 * twice
    found.data["splitting"] = np.hypot(twice, detuning)
    return found


def drawn(found, spec="@homodimer", **options):
    drawing = draw_coupling_map(found, spec=read_spec(spec), **options)
    drawing.svg()
    return drawing


def contours(drawing):
    """Levels of every set of contours in the figure."""
    axes = drawing.figure.axes[0]
    return [tuple(one.levels) for one in axes.collections if hasattr(one, "levels")]


def test_contours_stand_at_kt_and_at_the_linewidth():
    levels = contours(drawn(made_up(), linewidth=12.0))
    assert pytest.approx((25.852,), abs=1e-3) in levels
    assert (12.0,) in levels


def test_a_contour_outside_the_map_is_said_not_drawn():
    drawing = drawn(made_up(), linewidth=500.0)
    assert (500.0,) not in contours(drawing)
    assert "linewidth: 500.0 meV, not crossed in this range; 0 % of points above." in drawing.caption


def test_a_kt_contour_is_where_the_splitting_is_kt():
    """The splitting is known in closed form, so the line is too."""
    axes = drawn(made_up()).figure.axes[0]
    (line,) = [one for one in axes.collections if hasattr(one, "levels") and len(one.levels) == 1]
    for barrier, diameter in line.get_paths()[0].vertices:
        assert 120 * np.exp(-0.4 * diameter - 0.6 * (barrier - 1)) == pytest.approx(25.85, rel=0.02)


def test_holes_are_named():
    drawing = drawn(made_up(holes=True))
    assert "6 of 63 points failed" in drawing.caption
    legend = drawing.figure.axes[0].get_legend()
    assert "failed point" in [text.get_text() for text in legend.get_texts()]


def test_a_map_without_any_number_is_drawn_all_the_same():
    found = made_up()
    found.data["splitting"][:] = np.nan
    assert "63 of 63 points failed" in drawn(found).caption


def test_the_table_has_every_point():
    (table,) = drawn(made_up(holes=True)).tables
    lines = table.text().splitlines()
    assert lines[0] == "core_diameter (nm),barrier (nm),splitting (meV)"
    assert len(lines) == 64
    assert sum(line.endswith(",") for line in lines) == 6


def test_nothing_is_written_outside_the_figure():
    """Every text lies on the page."""
    figure = drawn(made_up(holes=True), linewidth=12.0).figure
    renderer = figure.canvas.get_renderer()
    width, height = figure.get_size_inches() * figure.dpi
    for axes in figure.axes:
        box = axes.get_tightbbox(renderer)
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height


def test_at_zero_temperature_there_is_no_kt():
    assert [limit.name for limit in thresholds(0.0, 5.0)] == ["linewidth"]


def test_the_axes_lie_around_the_molecule():
    from qdmol.structure import resolve

    axes = coupling_axes(resolve(read_spec("@homodimer")))
    assert axes == {"core_diameter": "1.68nm:4.48nm:13", "barrier": "0.63nm:3.99nm:13"}
    with pytest.raises(ValueError, match="single dot"):
        coupling_axes(resolve(read_spec("@monomer")))


def test_the_page_has_the_map(tmp_path, solved_homodimer):
    write_report(
        solved_homodimer, tmp_path / "a.html", figures=tmp_path / "figures", coupling=made_up(), linewidth=12.0
    )
    assert "linewidth: 12.0 meV, contour drawn" in (tmp_path / "a.html").read_text(encoding="utf-8")
    assert {path.suffix for path in (tmp_path / "figures").glob("figure5_map*")} == {".pdf", ".png", ".csv"}


def marks(drawing):
    """Places of the mark in the map."""
    return [line.get_xydata()[0] for line in drawing.figure.axes[0].lines if line.get_label() == "this molecule"]


def molecule_of(cores, **molecule):
    dots = [
        {"core": {"material": "CdSe", "radius": core}, "shells": [{"material": "CdS", "thickness": 2.1}]}
        for core in cores
    ]
    return {"qdmol": 1, "name": "made up", "materials": "cdse-cds-single-band", "molecule": {"dots": dots, **molecule}}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("@heterodimer", "its cores differ"),
        (molecule_of((1.4, 1.4001), spacing=5.2), "its cores differ"),
        (molecule_of((1.4, 1.4, 1.2), spacing=5.2), "its cores differ"),
        (molecule_of((1.4, 1.4, 1.4), spacing=[5.2, 5.6]), "its barriers differ"),
        (molecule_of((3.0, 3.0), spacing=8.0), "lies outside the map"),
    ],
)
def test_a_molecule_that_is_not_on_the_map_is_not_marked(spec, why):
    drawing = drawn(made_up(), spec)
    assert not marks(drawing)
    assert why in drawing.caption
    assert why in drawing.alternative


@pytest.mark.parametrize("spec", ["@homodimer", molecule_of((1.4, 1.4, 1.4), spacing=5.2)])
def test_a_molecule_on_the_map_is_marked_where_it_is(spec):
    drawing = drawn(made_up(), spec)
    assert marks(drawing)[0] == pytest.approx((2.4, 2.8))
    assert "This molecule" not in drawing.caption


def test_hybridisation_is_judged_by_the_tunnel_splitting():
    """Detuned by 200 meV everywhere, the splitting is above kT at every point, 2t where it was without detuning."""
    plain, detuned = drawn(made_up()), drawn(with_coupling(made_up(), detuning=-200.0))
    share = next(part for part in plain.caption.split(";") if "% of points above" in part)
    assert share in detuned.caption
    assert "2t exceeds the detuning at 0 % of points" in detuned.caption
    assert "Tunnel splitting 2t" in detuned.caption
    header = detuned.tables[0].text().splitlines()[0]
    assert header.endswith("splitting (meV),tunnel_splitting_2t (meV),detuning (meV)")


def test_the_contour_of_the_detuning_is_where_2t_equals_it():
    axes = drawn(with_coupling(made_up(), detuning=8.0)).figure.axes[0]
    (line,) = [one for one in axes.collections if hasattr(one, "levels") and tuple(one.levels) == (1.0,)]
    for barrier, diameter in line.get_paths()[0].vertices:
        assert 120 * np.exp(-0.4 * diameter - 0.6 * (barrier - 1)) == pytest.approx(8.0, rel=0.03)


def test_equal_dots_have_no_contour_of_the_detuning():
    drawing = drawn(with_coupling(made_up()))
    assert (1.0,) not in contours(drawing)
    assert "detun" not in drawing.caption
