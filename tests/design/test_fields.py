"""Varied fields: present values, searched ranges, and the part in which a spec is valid."""

import numpy as np
import pytest

import qdmol
from qdmol.design.fields import make_fields, spec_at, unlike_warnings, valid_part
from qdmol.errors import InputError


@pytest.fixture(scope="module")
def homodimer():
    return qdmol.read_spec("@homodimer")


@pytest.mark.parametrize(
    ("name", "current", "low", "high"),
    [
        ("core_radius", 1.4, 0.7, 2.8),
        ("core_diameter", 2.8, 1.4, 5.6),
        ("shell_thickness", 2.1, 1.05, 4.2),
        ("spacing", 5.2, 2.6, 10.4),
        ("barrier", 2.4, 1.2, 4.8),
        ("field", 0.0, -100.0, 100.0),
        ("environment.temperature", 300.0, 150.0, 600.0),
        ("overrides.CdS.conduction_offset", 0.1, 0.05, 0.2),
        ("molecule.dots[1].core.radius", 1.4, 0.7, 2.8),
    ],
)
def test_the_default_range_follows_from_the_spec(homodimer, name, current, low, high):
    (field,) = make_fields([name], None, homodimer)
    assert (field.current, field.low, field.high) == pytest.approx((current, low, high))


def test_a_range_has_units(homodimer):
    (field,) = make_fields(["core_radius"], "10 angstrom:2nm", homodimer)
    assert (field.low, field.high) == (1.0, 2.0)
    fields = make_fields(["core_radius", "spacing"], {"spacing": (4.0, 6.0)}, homodimer)
    assert [(field.low, field.high) for field in fields] == [(0.7, 2.8), (4.0, 6.0)]


@pytest.mark.parametrize(
    ("names", "between", "match"),
    [
        ([], None, "vary"),
        (["core_radius"], "1nm", "LOW:HIGH"),
        (["core_radius"], "2nm:1nm", "LOW below HIGH"),
        (["core_radius"], "1nm:1nm", "LOW below HIGH"),
        (["core_radius"], "1K:2K", "length"),
        (["core_radius"], {"spacing": "1:2"}, "varied field"),
        (["core_radius", "spacing"], "1nm:2nm", "FIELD=LOW:HIGH"),
        (["core_radius", "core_diameter"], None, "same quantity"),
        (["core_radius", "core_radius"], None, "varied twice"),
        (["molecule.dots[2].core.radius"], "1nm:2nm", r"molecule.dots\[0\] to \[1\]"),
        (["calculation.electrons"], None, "continuous"),
        (["molecule.neck"], None, "continuous"),
        (["colour"], None, "dotted path"),
        (["overrides.CdS.dielectric"], None, "continuous"),
        (["molecule.dots[*].core.colour"], None, "continuous"),
    ],
)
def test_what_cannot_be_searched_is_refused(homodimer, names, between, match):
    with pytest.raises(InputError, match=match):
        make_fields(names, between, homodimer)


def test_a_value_of_zero_needs_a_range(homodimer):
    cold = spec_at(homodimer, make_fields(["environment.temperature"], None, homodimer), [0.0])
    with pytest.raises(InputError, match="has no default range"):
        make_fields(["environment.temperature"], None, cold)


def test_coordinates_and_values_agree(homodimer):
    for field in make_fields(["core_radius", "field"], None, homodimer):
        for u in (-1.0, -0.3, 0.0, 1.0):
            assert field.coordinate(field.value(u)) == pytest.approx(u, abs=1e-8)
        value, step = field.value(0.2), 1e-6
        slope = (field.value(0.2 + step) - field.value(0.2 - step)) / (2 * step)
        assert field.slope(value) == pytest.approx(slope, rel=1e-2)


def test_the_range_ends_where_the_spec_becomes_invalid(homodimer):
    (field,) = make_fields(["core_radius"], None, homodimer)
    part, reason = valid_part(homodimer, field)
    assert part.low == 0.7
    assert part.high == pytest.approx(2.6, abs=1e-3)
    assert part.high <= 2.6
    assert "do not overlap" in reason


def test_a_range_without_a_valid_spec_is_refused(homodimer):
    (field,) = make_fields(["core_radius"], "4nm:6nm", homodimer)
    with pytest.raises(InputError, match="overlap"):
        valid_part(homodimer, field)


def test_several_fields_are_set_together(homodimer):
    fields = make_fields(["core_radius", "spacing"], None, homodimer)
    spec = spec_at(homodimer, fields, [1.234567891234, 5.5])
    radii = {dot.core.radius for dot in spec.molecule.dots}
    assert radii == {1.23456789}
    assert np.isclose(spec.molecule.spacing, 5.5)


def test_a_field_that_makes_unlike_dots_alike_is_warned_about(homodimer):
    unlike = qdmol.read_spec("@heterodimer")
    for name, values in (("core_radius", "1.2, 1.4 nm"), ("core_diameter", "2.4, 2.8 nm")):
        (warning,) = unlike_warnings(unlike, make_fields([name], None, unlike))
        assert warning.startswith(f"{name} sets all dots to one value")
        assert values in warning
        assert unlike_warnings(homodimer, make_fields([name], None, homodimer)) == []
    alike = make_fields(["shell_thickness", "molecule.dots[0].core.radius", "spacing"], None, unlike)
    assert unlike_warnings(unlike, alike) == []
