"""The error tree: words, fields, what JSON holds, and the way across processes."""

import json
import math
import pickle

import pytest

from qdmol.errors import MISSING, InputError, MissingExtraError, OutputError, QdmolError, SolverError, shorten


def test_the_sentence():
    error = InputError(field="molecule.spacing", value=-1, allowed="above 0 nm")
    assert str(error) == "`molecule.spacing` is -1, but must be above 0 nm."
    assert isinstance(error, ValueError)
    assert error.as_dict() == {
        "field": "molecule.spacing",
        "value": -1,
        "allowed": "above 0 nm",
        "message": "`molecule.spacing` is -1, but must be above 0 nm.",
    }
    assert "is missing, but" in str(InputError(field="x", value=MISSING, allowed="given"))


def test_exit_codes():
    codes = {QdmolError: 1, InputError: 2, MissingExtraError: 2, OutputError: 1, SolverError: 3}
    assert {kind: kind.exit_code for kind in codes} == codes


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**6,
        10**5000,
        math.nan,
        math.inf,
        [[[]]] * 100,
        {"a": "\ud800"},
        "\x1b[31m",
        "line\nbreak",
        object(),
        b"\0",
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_is_shown_short_and_held_by_json(value):
    error = InputError(field="x", value=value, allowed="something else")
    assert len(str(error)) < 120
    assert str(error).isprintable()
    str(error).encode("utf-8")
    json.dumps(error.as_dict(), allow_nan=False)
    assert len(shorten(value)) <= 60


def test_a_list_that_holds_itself():
    endless = []
    endless.append(endless)
    assert "..." in shorten(endless)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert len(shorten(deep)) <= 60
    while deep:  # taken apart by hand: a deep list is freed by recursion
        deep = deep[0]


def test_errors_cross_processes():
    for error in (
        InputError(field="a", value=1.5, allowed="b"),
        InputError(field="a", value=MISSING, allowed="b", message="Said otherwise."),
        MissingExtraError(extra="photons", purpose="Reading PTU files"),
        SolverError("No level."),
        OutputError("No disk."),
    ):
        back = pickle.loads(pickle.dumps(error))
        assert type(back) is type(error)
        assert str(back) == str(error)
        assert back.as_dict() == error.as_dict()


def test_a_missing_extra_says_how_to_get_it():
    error = MissingExtraError(extra="photons", purpose="Reading PTU files")
    assert str(error) == "Reading PTU files needs the extra `photons`: pip install 'qdmol[photons]'."
    assert error.as_dict()["value"] == "photons"
