"""Roots of models given by formulas: all of them, however the quantity depends on the fields."""

import numpy as np
import pytest
from tests.design.fake_models import ERROR, formula_model

from qdmol.design.roots import local_jacobian, several_roots, single_roots
from qdmol.design.sizing import _solution, _unreachable


def roots_of(model):
    find = single_roots if len(model.fields) == 1 else several_roots
    return [root.point for root in find(model).roots]


def test_a_monotonic_quantity_has_one_root():
    model = formula_model(lambda a: 10 / a**2, [4.0])
    assert roots_of(model) == [pytest.approx((np.sqrt(2.5),), abs=1e-5)]
    assert model.computed < 16


def test_all_roots_are_found():
    model = formula_model(lambda a: np.sin(2.5 * a), [0.5], ranges=[(0.2, 4.0)])
    expected = [np.arcsin(0.5) / 2.5 + 2 * np.pi * n / 2.5 for n in (0, 1)]
    expected += [(np.pi - np.arcsin(0.5)) / 2.5 + 2 * np.pi * n / 2.5 for n in (0, 1)]
    assert [root[0] for root in roots_of(model)] == pytest.approx(sorted(expected), abs=1e-4)


def test_two_roots_between_neighbouring_points_are_found():
    model = formula_model(lambda a: (a - 2.03) ** 2, [0.0001], ranges=[(1.0, 3.0)])
    assert [root[0] for root in roots_of(model)] == pytest.approx([2.02, 2.04], abs=2e-3)


def test_holes_are_passed_by():
    model = formula_model(lambda a: None if a > 2.2 else a, [2.1])
    assert roots_of(model) == [pytest.approx((2.1,), abs=1e-4)]


def test_a_jump_is_no_root():
    model = formula_model(lambda a: 1.0 if a < 2.013 else 2.0, [1.5])
    found = single_roots(model)
    assert found.roots == []
    assert "jumps" in found.notes[0]


def test_the_derivative_at_a_root_is_right():
    model = formula_model(lambda a: 10 / a**2, [4.0])
    root = single_roots(model).roots[0]
    slope = local_jacobian(model, root)[0, 0] / model.fields[0].slope(root.point[0])
    assert slope == pytest.approx(-20 / root.point[0] ** 3, rel=5e-3)
    sized = _solution(model, root, ()).fields[0]
    assert sized.value.error == pytest.approx(ERROR / abs(slope), rel=0.3)
    assert sized.value.error >= 0.99 * ERROR / abs(slope)


def test_the_interval_follows_the_error_of_the_target():
    model = formula_model(lambda a: 10 / a**2, [4.0], errors=[1.0])
    sized = _solution(model, single_roots(model).roots[0], ()).fields[0]
    assert (sized.low, sized.high) == pytest.approx((np.sqrt(2), np.sqrt(10 / 3)), abs=5e-3)


def test_an_interval_beyond_the_range_is_open():
    model = formula_model(lambda a: 10 / a**2, [1.5], errors=[1.0])
    sized = _solution(model, single_roots(model).roots[0], ()).fields[0]
    assert sized.low == pytest.approx(2.0, abs=5e-3)
    assert sized.high is None


def test_what_cannot_be_reached_is_said_with_its_ends():
    model = formula_model(lambda a: 4 - (a - 2.1) ** 2, [5.0])
    found = single_roots(model)
    message = str(_unreachable(model, "", found))
    assert "must be 2.79 to 4 meV" in message
    assert "2.79 meV at a 1 nm" in message
    assert "4 meV at a 2." in message


def test_the_reachable_range_goes_up_to_a_hole():
    model = formula_model(lambda a: None if a > 2.2 else a, [2.5])
    message = str(_unreachable(model, "", single_roots(model)))
    reachable = float(message.split(" to ")[1].split(" meV", maxsplit=1)[0])
    assert 2.17 < reachable <= 2.2


def test_two_unknowns_meet_two_targets():
    model = formula_model(lambda a, b: (a**2 * b, a / b), [6.0, 1.2], ranges=[(1.0, 3.0), (1.0, 3.0)])
    a = (6 * 1.2) ** (1 / 3)
    assert roots_of(model) == [pytest.approx((a, a / 1.2), abs=1e-4)]


def test_two_unknowns_may_have_two_solutions():
    model = formula_model(lambda a, b: (a + b, a * b), [3.5, 3.0], ranges=[(1.0, 3.0), (1.0, 3.0)])
    assert roots_of(model) == [pytest.approx((1.5, 2.0), abs=1e-3), pytest.approx((2.0, 1.5), abs=1e-3)]


def test_two_targets_that_exclude_each_other_are_refused():
    model = formula_model(lambda a, b: (a + b, a + 1.01 * b), [3.0, 5.0], ranges=[(1.0, 3.0), (1.0, 3.0)])
    found = several_roots(model)
    assert found.roots == []
    assert "cannot be reached together" in str(_unreachable(model, "", found))


def test_three_unknowns():
    model = formula_model(lambda a, b, c: (a + b + c, a * b, c / a), [5.7, 3.0, 1.4], ranges=[(1.0, 3.0)] * 3)
    roots = roots_of(model)
    assert len(roots) >= 1
    for a, b, c in roots:
        assert (a + b + c, a * b, c / a) == pytest.approx((5.7, 3.0, 1.4), abs=1e-3)


def test_a_quantity_with_a_large_error_is_met_closely(monkeypatch):
    monkeypatch.setattr("tests.design.fake_models.ERROR", 0.8)
    model = formula_model(lambda a: 10 / a**2, [4.0])
    (root,) = single_roots(model).roots
    assert root.values[0] == pytest.approx(4.0, abs=0.01)
