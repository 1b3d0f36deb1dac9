"""Stages of calculations are told to the listener, and to nobody else."""

import pytest

import qdmol
from qdmol.stages import begin, listening, part


def test_parts_name_the_stages_inside_them():
    told = []
    with listening(told.append):
        begin("a")
        with part("b"), part("c"):
            begin("d")
        begin("e")
    begin("f")
    assert told == ["a", "b: c: d", "e"]


def test_an_inner_listener_replaces_the_outer_one_for_its_time():
    outer, inner = [], []
    with listening(outer.append), part("x"):
        with listening(inner.append):
            begin("a")
        with listening(None):
            begin("b")
        begin("c")
    assert (outer, inner) == (["x: c"], ["a"])


def test_a_failing_part_is_left():
    told = []
    with listening(told.append):
        with pytest.raises(KeyError), part("x"):
            raise KeyError
        begin("a")
    assert told == ["a"]


def test_solving_tells_what_it_is_doing():
    told = []
    qdmol.solve("@monomer", particles="X", progress=told.append)
    assert told[0] == "solving"
    stages = ["electron levels", "hole levels", "self-consistent pair", "levels in the hole's field"]
    assert [told.index(stage) for stage in stages] == sorted(told.index(stage) for stage in stages)
    assert any(text.startswith("X in basis ") for text in told)
