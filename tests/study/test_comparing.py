"""Two specs side by side."""

import json

import pytest
from tests.study.map_samples import BARE, mapping, run, sample

from qdmol.estimates import Estimate
from qdmol.study import compare
from qdmol.study.comparing import NumberPair


def test_the_same_spec_does_not_differ():
    found = compare(sample(), sample())
    assert found.differences == ()
    assert {pair.differs for pair in found.numbers} == {False}
    assert found.converged


def test_a_changed_offset_moves_the_levels():
    found = compare(sample(), sample(name="deeper", overrides={"CdS": {"conduction_offset": 0.2}}))
    said = {one.field: (one.one, one.two, one.resolved) for one in found.differences}
    assert said["overrides.CdS.conduction_offset"] == (None, 0.2, False)
    assert said["CdS.electron_edge"] == (0.1, 0.2, True)
    pairs = {pair.name: pair for pair in found.numbers}
    assert pairs["splitting"].differs
    assert pairs["splitting"].difference < 0
    assert pairs["electron level 1"].difference > 0


def test_what_moves_less_than_the_errors_is_not_said_to_differ():
    found = compare(sample(), sample(overrides={"CdS": {"conduction_offset": 0.1000001}}))
    assert {pair.differs for pair in found.numbers} == {False}


def test_a_number_that_one_has_not_is_no_difference():
    found = compare(sample(), sample(calculation={**BARE, "electrons": 3}))
    (pair,) = [pair for pair in found.numbers if pair.name == "electron level 3"]
    assert (pair.one, pair.differs, pair.difference) == (None, None, None)


@pytest.mark.parametrize(("two", "differs"), [(1.00009, False), (1.00011, True), (0.99989, True)])
def test_errors_add(two, differs):
    one, other = Estimate.from_error(1.0, 6e-5, "eV"), Estimate.from_error(two, 4e-5, "eV")
    pair = NumberPair("level", "eV", one, other)
    assert pair.error == pytest.approx(0.1)
    assert pair.differs is differs


def test_the_command(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(mapping()))
    (tmp_path / "b.json").write_text(json.dumps(mapping(overrides={"CdS": {"conduction_offset": 0.2}})))
    done = run("compare", tmp_path / "a.json", tmp_path / "b.json", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert {"names", "differences", "numbers", "converged", "warnings"} <= set(found)
    shown = run("compare", tmp_path / "a.json", tmp_path / "b.json").stdout
    assert "overrides.CdS.conduction_offset" in shown
    assert "differs" in shown
