"""Material sets on one dot: places of the carriers, and gaps of bare cores beside published curves."""

import math

import numpy as np
import pytest
from ruamel.yaml import YAML
from tests.materials.test_sets import small_set
from tests.structure.samples import changed

from qdmol.errors import InputError, SolverError
from qdmol.study import compare_sets, size_bare_cores, solve


def test_carriers_are_where_the_type_of_the_pair_says():
    straddling, staggered = compare_sets(["cdse-zns", "znse-cds-type-ii"])
    assert (straddling.published_type, straddling.offsets_type) == ("I", "I")
    assert (staggered.published_type, staggered.offsets_type) == ("II", "II")
    assert straddling.electron_in_core > 0.75
    assert straddling.hole_in_core > 0.9
    assert staggered.electron_in_core < 0.25
    assert staggered.hole_in_core > 0.9
    assert staggered.electron.value < 0 < staggered.hole.value  # the electron lies below the edge of the core
    assert staggered.gap.value < staggered.bulk_gap < straddling.bulk_gap + 1


def test_numbers_are_those_of_solving_the_dot():
    (dot,) = compare_sets(["inp-znse-zns"], core_radius=1.2, shell_thickness=1.0)
    assert dot.materials == ("InP", "ZnSe", "ZnS")
    layers = [{"material": "ZnSe", "thickness": 0.5}, {"material": "ZnS", "thickness": 0.5}]
    spec = {
        "qdmol": 1,
        "name": "dot",
        "materials": "inp-znse-zns",
        "molecule": {"dots": [{"core": {"material": "InP", "radius": 1.2}, "shells": layers}]},
        "calculation": {"electrons": 1, "holes": 1, "tolerance": 1},
    }
    assert dot.gap.value == pytest.approx(solve(spec).gap.value, abs=1e-5)


def uniform_sphere(folder, **changes):
    """A set whose shell differs from its core in nothing but its name, behind hard walls, nearly without attraction."""
    data = small_set()
    for material in ("A", "B", "medium"):
        data = changed(data, (f"materials.{material}.permittivity.value", 10000))
    data = changed(
        data,
        ("materials.B.conduction_offset.value", 0),
        ("materials.B.valence_offset.value", 0),
        ("materials.medium.hole_barrier.value", "hard"),
        *changes.items(),
    )
    with (folder / "mine.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(data, file)
    return str(folder / "mine.yaml")


def test_probability_in_the_core_of_a_hard_sphere(tmp_path):
    """Ground state sin(pi r / R) / r: probability within a is a/R - sin(2 pi a / R) / (2 pi)."""
    (dot,) = compare_sets([uniform_sphere(tmp_path)], core_radius=1.0, shell_thickness=1.0)
    expected = 0.5 - math.sin(math.pi) / (2 * math.pi)
    assert dot.electron_in_core == pytest.approx(expected, abs=0.005)
    assert dot.hole_in_core == pytest.approx(expected, abs=0.005)
    (dot,) = compare_sets([uniform_sphere(tmp_path)], core_radius=1.2, shell_thickness=0.8)
    expected = 0.6 - math.sin(1.2 * math.pi) / (2 * math.pi)
    assert dot.electron_in_core == pytest.approx(expected, abs=0.005)


def test_bare_cores_beside_published_curves():
    sizes = size_bare_cores("cdte-cdse-type-ii", diameters=[3.5, 7.0])
    assert (sizes.material, sizes.bulk_gap) == ("CdTe", 1.53)
    assert np.all(np.diff(sizes.gap_ev) < 0)
    (curve,) = sizes.published
    energies = np.interp(sizes.diameter_nm, curve.diameter_nm, curve.energy_ev)
    assert sizes.gap_ev == pytest.approx(energies, abs=0.1)  # as the documentation states


def test_default_diameters_cover_the_published_ones(monkeypatch):
    monkeypatch.setattr("qdmol.study.set_comparison._BARE_POINTS", 3)
    sizes = size_bare_cores("pbse-single-band")
    (curve,) = sizes.published
    ends = (curve.diameter_nm.min(), curve.diameter_nm.max())
    assert (sizes.diameter_nm[0], sizes.diameter_nm[-1]) == pytest.approx(ends)
    assert sizes.gap_ev[0] - curve.energy_ev[0] == pytest.approx(0.70, abs=0.02)  # the stated failure of one band
    assert sizes.gap_ev[-1] == pytest.approx(curve.energy_ev[-1], abs=0.02)


@pytest.mark.parametrize(
    ("name", "diameter", "difference", "allowed"),
    [
        ("cdse-cds-single-band", 2.0, 0.4, 0.05),
        ("cdse-cds-single-band", 4.15, 0.07, 0.02),
        ("cdse-cds-in-toluene", 2.4, 0.06, 0.01),
        ("cds-zns", 3.4, -0.26, 0.01),
        ("znse-cds-type-ii", 5.75, -0.09, 0.01),
        ("inp-znse-zns", 2.494, 0.26, 0.02),
        ("pbse-single-band", 4.6, 0.2, 0.02),
    ],
)
def test_differences_from_published_curves_are_those_documented(name, diameter, difference, allowed):
    sizes = size_bare_cores(name, diameters=[diameter])
    curve = sizes.published[0]
    published = np.interp(diameter, curve.diameter_nm, curve.energy_ev)
    assert sizes.gap_ev[0] - published == pytest.approx(difference, abs=allowed)


def test_what_cannot_be_compared_is_refused(tmp_path):
    with pytest.raises(InputError, match="one of CdS, CdSe"):
        size_bare_cores(uniform_sphere(tmp_path))
    with pytest.raises(InputError):
        compare_sets(["nothing"])
    with pytest.raises(InputError):
        compare_sets(["cdse-zns"], core_radius=-1)
    unbound = uniform_sphere(tmp_path, **{"materials.medium.hole_barrier.value": 0.001})
    with pytest.raises((InputError, SolverError)):
        compare_sets([unbound])
