"""The figure of sizing curves by material set, on made-up gaps."""

import numpy as np
import pytest

from qdmol.errors import InputError
from qdmol.plot import draw_material_sizes, material_sizes
from qdmol.spectroscopy import published_sizes
from qdmol.study import BareCoreSizes


def made_up(name, material, shift=0.0):
    published = published_sizes(material)
    diameters = np.linspace(published[0].diameter_nm[0], published[0].diameter_nm[-1], 5)
    gaps = np.interp(diameters, published[0].diameter_nm, published[0].energy_ev) + shift
    return BareCoreSizes(name, material, 1.0, diameters, gaps, published)


RESULTS = [
    made_up("one", "CdSe"),
    made_up("two", "CdSe", 0.01),
    made_up("three", "CdSe", 0.3),
    made_up("four", "InP", 9),
]


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_a_panel_for_each_material_and_a_line_for_distinct_sets():
    axes = material_sizes(RESULTS)
    assert len(axes) == 2
    assert labels(axes[0]) == ["Yu et al. 2003", "Jasieniak et al. 2009", "one, two", "three"]
    assert labels(axes[1]) == ["Almeida et al. 2023", "four (above the frame)"]
    assert axes[0].get_xlabel() == "Core diameter (nm)"
    for panel, result in zip(axes, (RESULTS[0], RESULTS[3]), strict=True):
        low, high = panel.get_ylim()
        for curve in result.published:
            assert low < curve.energy_ev.min()
            assert curve.energy_ev.max() < high


def test_samples_are_points_and_curves_are_lines():
    zinc, cadmium = material_sizes([made_up("z", "ZnSe"), made_up("c", "CdS")])
    assert zinc.lines[0].get_marker() == "o"
    assert cadmium.lines[0].get_marker() == "None"


def test_the_drawing_has_every_curve_in_its_table():
    drawing = draw_material_sizes(RESULTS)
    rows = drawing.tables[0].text().splitlines()
    assert rows[0] == "material,curve,diameter (nm),energy (eV)"
    assert len(rows) == 1 + 2 * 60 + 3 * 5 + 60 + 5
    assert "three (CdSe)" in drawing.alternative
    assert drawing.svg() == drawing.svg()


def test_axes_given_are_used_and_counted():
    from matplotlib.figure import Figure

    axes = Figure().subplots(1, 2)
    assert material_sizes(RESULTS, axes)[1] is axes[1]
    with pytest.raises(InputError):
        material_sizes(RESULTS, axes[:1])
    with pytest.raises(InputError):
        material_sizes([])
