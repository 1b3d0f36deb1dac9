"""Sizing with the solver: `solve` confirms the values within the errors stated."""

import dataclasses

import numpy as np
import pytest

import qdmol
from qdmol.errors import InputError
from qdmol.results import wavelength_nm
from qdmol.structure import update_spec

BARE = {"electrons": 1, "holes": 1, "coulomb": "none", "tolerance": 1}


@pytest.fixture(scope="module")
def monomer():
    """A dot without attraction, which takes a tenth of a second to solve."""
    return update_spec(qdmol.read_spec("@monomer"), "calculation", BARE)


@pytest.fixture(scope="module")
def sizing(monomer):
    return qdmol.size(monomer, vary="core_radius", peak="605nm")


def confirm(sizing, target=0):
    """Distance of the solved number from the wanted one, over the error of the solved number."""
    summary = qdmol.solve(sizing.spec).summary
    wanted = sizing.targets[target]
    value, error = wanted.read(summary, tolerance=sizing.spec.calculation.tolerance)
    return abs(value - wanted.value) / error


def test_solve_confirms_the_radius(sizing):
    assert confirm(sizing) <= 1
    radius = sizing.values["core_radius"]
    assert sizing.spec.molecule.dots[0].core.radius == radius.value
    assert sizing.unique
    assert sizing.converged
    assert 0 < radius.error < 1e-3


def test_the_error_is_that_of_the_peak_over_its_slope(monomer, sizing):
    radius = sizing.values["core_radius"]
    gaps = [
        wavelength_nm(qdmol.solve(update_spec(monomer, "molecule.dots[0].core.radius", radius.value + step)).gap.value)
        for step in (-0.02, 0.02)
    ]
    slope = (gaps[1] - gaps[0]) / 0.04
    solved = sizing.solutions[0].predicted[0]
    assert radius.error >= 0.98 * solved.error / slope
    assert radius.error <= 1.5 * solved.error / slope


def test_what_cannot_be_reached_is_refused_with_the_range(monomer):
    with pytest.raises(InputError, match=r"`peak` is 900 nm, but must be .* nm to be reachable") as refused:
        qdmol.size(monomer, vary="core_radius", peak="900nm", between="1nm:2nm")
    message = str(refused.value)
    low, high = (qdmol.solve(update_spec(monomer, "molecule.dots[0].core.radius", radius)).gap for radius in (1, 2))
    for gap, place in ((low, "at core_radius 1 nm"), (high, "at core_radius 2 nm")):
        assert f"{wavelength_nm(gap.value):.5g} nm {place}" in message


def test_the_summary_holds_every_number(sizing):
    summary = sizing.summary
    (field,) = summary["fields"]
    assert field["field"] == "molecule.dots[*].core.radius"
    assert (field["name"], field["unit"]) == ("core_radius", "nm")
    assert field["low"] < field["value"] < field["high"]
    assert summary["targets"][0]["key"] == "gap_eV"
    assert summary["targets"][0]["predicted"] == pytest.approx(605, abs=0.01)
    assert summary["solutions"][0]["fields"] == summary["fields"]
    assert summary["converged"] is True


def test_a_sizing_is_saved_and_loaded(sizing, tmp_path):
    loaded = qdmol.load(sizing.save(tmp_path / "sizing.nc"))
    assert loaded == sizing
    assert loaded != dataclasses.replace(sizing, converged=False)
    assert str(loaded) == str(sizing)
    assert "field_core_radius" in loaded.data
    assert "core_radius" in sizing._repr_html_()
    assert repr(sizing).startswith("<Sizing of CdSe/CdS")


def test_the_figure_shows_the_scan_and_the_solution(sizing):
    figures = sizing.figures()
    assert list(figures) == ["sizing_scan"]
    (axes,) = figures["sizing_scan"].axes
    assert axes.get_xlabel() == "Core radius (nm)"
    assert axes.get_ylabel() == "Optical gap as wavelength (nm)"
    drawn = [line.get_xydata() for line in axes.lines]
    assert any(
        np.allclose(points, [[sizing.values["core_radius"].value, 605]], atol=0.01)
        for points in drawn
        if len(points) == 1
    )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"vary": "core_radius"}, "target"),
        ({"vary": "core_radius", "peak": "605nm", "gap": "2eV"}, "two targets are the same"),
        ({"vary": "core_radius", "peak": "605nm", "splitting": 20}, "fit_spec"),
        ({"vary": ["core_radius", "shell_thickness"], "peak": "605nm"}, "as many targets as fields"),
        ({"vary": "core_radius", "colour": "605nm"}, "one of peak"),
        ({"vary": "core_radius", "targets": {"coulomb.distance_nm": "2nm"}}, "gap_eV"),
        ({"vary": "core_radius", "splitting": "20meV", "between": "1nm:1.2nm"}, "No point"),
    ],
)
def test_what_makes_no_sense_is_refused(monomer, options, match):
    with pytest.raises(InputError, match=match):
        qdmol.size(monomer, **options)


@pytest.mark.slow
def test_the_spread_of_the_parameters_widens_the_interval(monomer):
    sizing = qdmol.size(monomer, vary="core_radius", peak="605nm", between="1.5nm:2.4nm", range_=True)
    (sized,) = sizing.solutions[0].fields
    values = [alternative.values[0] for alternative in sizing.alternatives if alternative.values is not None]
    assert len(values) >= 5
    assert (sized.low, sized.high) == pytest.approx((min(values), max(values)), abs=1e-3)
    assert sized.low < sizing.values["core_radius"].low
    named = next(entry for entry in sizing.alternatives if entry.values is not None and "conduction" in entry.label)
    material, _, rest = named.label.partition(".")
    key, _, value = rest.partition(" = ")
    varied = update_spec(sizing.spec, f"overrides.{material}.{key}", value)
    varied = update_spec(varied, "molecule.dots[0].core.radius", named.values[0])
    assert wavelength_nm(qdmol.solve(varied).gap.value) == pytest.approx(605, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [530, 545, 560, 575, 590, 605, 615, 625, 640, 650])
def test_solve_confirms_the_radius_for_ten_peaks(wanted):
    sizing = qdmol.size("@homodimer", vary="core_radius", peak=f"{wanted}nm")
    assert sizing.converged
    assert confirm(sizing) <= 1


@pytest.mark.slow
def test_two_unknowns_meet_two_targets():
    sizing = qdmol.size("@homodimer", vary=["core_radius", "spacing"], peak="605nm", splitting="20meV")
    assert confirm(sizing, 0) <= 1
    assert confirm(sizing, 1) <= 1
    loaded = sizing.figures()["sizing_scan"].axes[0]
    assert loaded.get_ylabel() == "Spacing (nm)"


@pytest.mark.slow
def test_a_target_that_two_fields_cannot_reach_is_refused_with_its_range():
    with pytest.raises(InputError, match=r"`splitting` is 500 meV, but must be .* meV to be reachable"):
        qdmol.size("@homodimer", vary=["core_radius", "spacing"], peak="560nm", splitting="500meV")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("example", "vary", "targets"),
    [
        ("@homodimer", "barrier", {"redshift": "5meV"}),
        ("@homodimer", "core_radius", {"coulomb.binding_meV": "70meV"}),
        ("@heterodimer", "field", {"detuning": "0meV"}),
        ("@monomer", "core_radius", {"emission": "605nm"}),
        ("@monomer", "core_radius", {"absorption": "600nm"}),
        ("@monomer", "shell_thickness", {"lifetime": "6.2ns"}),
    ],
)
def test_every_kind_of_target_is_met(example, vary, targets):
    sizing = qdmol.size(example, vary=vary, targets=targets)
    (predicted,) = sizing.solutions[0].predicted
    assert abs(predicted.value - sizing.targets[0].value) <= predicted.error
    if not sizing.targets[0].of_spectrum:
        assert confirm(sizing) <= 1
        return
    own = qdmol.predict_spectra(sizing.spec).own
    if "lifetime" in targets:
        assert own.lifetime.value == pytest.approx(6.2, abs=own.lifetime.error)
    wavelength = own.emission_wavelength if "emission" in targets else own.absorption_wavelength
    if "lifetime" not in targets:
        assert wavelength == pytest.approx(sizing.targets[0].value, abs=0.1)
