"""What is read off cases, on made-up solutions."""

import math

import pytest

from qdmol.claims.cases import SAMPLES, Case, Outcome, all_cases, map_case
from qdmol.claims.quantities import READERS, grid_falls, ratios, readings, steps
from qdmol.claims.rules import Criterion
from qdmol.structure import read_spec

SPEC = read_spec("@homodimer")


def summary(shift, *, error=0.01, splitting=20.0, spacing=60.0):
    return {
        "splitting_meV": splitting,
        "splitting_error_meV": 0.001,
        "redshift_meV": shift,
        "redshift_error_meV": error,
        "coulomb": {"spacing_meV": spacing, "spacing_error_meV": 0.002},
    }


def outcomes(*shifts, label="as shipped", factors=(), **options):
    return [
        Outcome(Case(sample, sample, label, factors, SPEC), None if shift is None else summary(shift, **options))
        for sample, shift in zip(SAMPLES, shifts, strict=True)
    ]


def test_the_widening_adds_both_errors():
    assert READERS["widening"](summary(1.0)) == (40.0, pytest.approx(0.003))
    assert READERS["widening"](summary(1.0) | {"coulomb": None}) is None


def test_the_smaller_step_decides_and_a_variation_needs_every_sample():
    found = steps([*outcomes(9.0, 5.0, 4.0), *outcomes(None, 5.0, 4.0, label="wide", factors=("neck",))], "redshift")
    assert [(one.value, one.error) for one in found] == [(1.0, pytest.approx(0.02))]
    assert steps(outcomes(9.0, 4.0, 5.0), "redshift")[0].value == -1.0


def test_ratios_are_one_where_the_shift_is_proportional():
    three = outcomes(8.0, 4.0, 2.0)
    scaled = [Outcome(one.case, {**one.summary, "splitting_meV": 5 * one.summary["redshift_meV"]}) for one in three]
    assert ratios(scaled, "redshift")[0].value == pytest.approx(1.0)
    assert ratios(three, "redshift")[0].value == pytest.approx(4.0)
    assert ratios(outcomes(8.0, 4.0, 0.005), "redshift") == []  # below its error: no ratio


def test_only_cases_that_meet_the_other_numbers_count():
    both = {"splitting": Criterion("within", 23.0, 0.5), "spacing": Criterion("within", 60.0, 0.5)}
    kept, *_ = outcomes(3.0, 3.0, 3.0, splitting=23.1)
    wrong, *_ = outcomes(12.0, 12.0, 12.0, splitting=60.0)
    assert [one.value for one in readings([kept, wrong], "redshift", meeting=both)] == [3.0]


def test_the_least_fall_of_a_map_along_each_axis():
    grid = [[(9.0, 0.1), (5.0, 0.1)], [(8.0, 0.1), (1.0, 0.1)]]
    assert grid_falls([((), grid)], axis=1)[0].value == 4.0
    assert grid_falls([((), grid)], axis=0)[0].value == 1.0
    rising = [[(5.0, 0.1), (9.0, 0.1)]]
    assert grid_falls([((), rising)], axis=1)[0].value == -4.0
    assert grid_falls([((), [[(5.0, 0.1), (math.nan, 0.1)]])], axis=1) == []


def test_the_cases_are_those_promised():
    cases = all_cases()
    for sample in SAMPLES:
        own = [one for one in cases if one.family == sample]
        labels = [one.label for one in own]
        assert len(set(labels)) == len(labels)
        for diameter in ("1.5", "4", "6.2"):
            assert f"merged neck {diameter} nm" in labels
            assert f"merged neck {diameter} nm, offset 0.32 eV" in labels
        assert {"filled neck 4 nm", "filled neck 6.2 nm"} <= set(labels)
        assert sum(not one.factors for one in own) == 1
    assert sum(one.family == "1.4/2.1" for one in cases) == 12 + 19  # the 20 alternatives, one of them the 0.32 eV


def test_a_point_of_the_map_is_where_it_says():
    spec = map_case(2.6, 1.5, 0.32).spec
    assert spec.molecule.barrier == 1.5
    assert {dot.core.radius for dot in spec.molecule.dots} == {1.3}
    assert (spec.calculation.coulomb, spec.calculation.electrons, spec.calculation.holes) == ("none", 2, 0)
