"""Verdicts on made-up numbers: each is reached by its rule, and by nothing else."""

import math

import pytest

from qdmol.claims import Criterion, Finding, decide

TEN = Criterion("above", 10.0)
PRINTED = Criterion("within", 60.0, 0.5)
NONE = Criterion("within", 0.0, 1.0)


def case(value, *factors, error=0.01):
    return Finding("made up", factors, value, error)


@pytest.mark.parametrize(
    ("criterion", "value", "error", "met"),
    [
        (TEN, 10.2, 0.1, True),
        (TEN, 10.2, 0.3, None),
        (TEN, 9.8, 0.1, False),
        (TEN, 9.8, 0.3, None),
        (TEN, 10.0, 0.0, False),
        (PRINTED, 60.4, 0.05, True),
        (PRINTED, 60.4, 0.2, None),
        (PRINTED, 59.4, 0.05, False),
        (PRINTED, 59.4, 0.2, None),
        (NONE, -0.9, 0.05, True),
        (NONE, -1.2, 0.05, False),
        (TEN, math.nan, 0.1, None),
        (TEN, 11.0, math.inf, None),
    ],
)
def test_a_value_with_its_error(criterion, value, error, met):
    assert criterion.met(value, error) is met


def test_agrees_where_every_decided_case_does():
    found = decide(TEN, [case(12.0), case(11.0, "neck"), case(10.0, "offset", error=0.5)])
    assert (found.text, found.met, found.failed, found.undecided) == ("agrees", 2, 0, 1)
    assert (found.low, found.high) == (10.0, 12.0)


def test_disagrees_where_none_does():
    found = decide(TEN, [case(3.0), case(8.0, "neck"), case(10.0, "offset", error=0.5)])
    assert (found.text, found.met, found.failed, found.undecided) == ("disagrees", 0, 2, 1)


@pytest.mark.parametrize("base", [3.0, 30.0])
def test_depends_on_what_alone_changes_the_answer(base):
    other = 33.0 - base
    findings = [case(base), case(other, "neck"), case(base, "mass"), case(other, "mass", "offset")]
    assert decide(TEN, findings).text == "depends on neck"


def test_depends_on_all_that_must_change_together():
    findings = [case(3.0), case(4.0, "neck"), case(5.0, "offset"), case(12.0, "neck", "offset")]
    assert decide(TEN, findings).text == "depends on neck, offset"


def test_an_undecided_base_takes_the_majority_as_reference():
    findings = [case(10.0, error=1.0), case(12.0, "neck"), case(13.0, "mass"), case(5.0, "offset")]
    assert decide(TEN, findings).text == "depends on offset"
    findings = [case(10.0, error=1.0), case(12.0, "neck"), case(3.0, "mass"), case(5.0, "offset")]
    assert decide(TEN, findings).text == "depends on neck"


@pytest.mark.parametrize("findings", [[], [case(10.0, error=1.0), case(10.1, "neck", error=1.0)]])
def test_cannot_be_compared_without_a_decided_case(findings):
    assert decide(TEN, findings).text == "cannot be compared"


def test_the_verdict_follows_the_numbers_and_not_their_order():
    findings = [case(12.0, "neck"), case(3.0), case(4.0, "offset")]
    assert decide(TEN, findings).text == decide(TEN, findings[::-1]).text == "depends on neck"
