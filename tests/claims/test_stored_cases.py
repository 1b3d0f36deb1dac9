"""The stored numbers of cases, which most tests of claims rest on, are those of today's code."""

import pytest
from tests.claims.stored_cases import digest, level_cases, load, numbers_of, solved, solved_anew

# Far above what another machine rounds otherwise, far below any tolerance of a solve.
ROUNDING = {"rel": 1e-5, "abs": 1e-5}


def flat(numbers):
    """All numbers in one mapping, as pytest compares them."""
    pair = numbers.get("coulomb") or {}
    return {key: value for key, value in {**numbers, **pair}.items() if isinstance(value, float)}


def test_every_case_is_stored():
    """After a change of the cases: `python -m tests.claims.stored_cases`."""
    assert {digest(case) for case in level_cases()} == set(load())


def test_cases_solved_anew_have_the_stored_numbers(assessed):
    """After a change of results: `python -m tests.claims.stored_cases`."""
    stored = load()
    digests = solved_anew(level_cases())
    anew = [one for one in assessed.outcomes if one.case.what == "levels" and digest(one.case) in digests]
    assert {one.case.family for one in anew} == {"1.2/2.1", "1.4/2.1", "1.9/4.0", "linked", "matched"}
    for outcome in anew:
        assert "electron" in outcome.summary  # solved, and not stored
        assert flat(numbers_of(outcome)) == pytest.approx(flat(stored[digest(outcome.case)]), **ROUNDING)


@pytest.mark.slow
def test_all_stored_cases_are_todays():
    found, stored = solved(), load()
    assert set(found) == set(stored)
    for key, numbers in found.items():
        assert numbers.get("reason") == stored[key].get("reason")
        assert flat(numbers) == pytest.approx(flat(stored[key]), **ROUNDING)
